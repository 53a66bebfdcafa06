/* The model judged as a whole: what is found, and what is not. */
#include "libike/check/check.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- A model ---- */

#define CONNECTIONS_MAX 1000
#define NOW INT64_C(1800000000)

struct bed {
	struct ike_connection *connections[CONNECTIONS_MAX];
	size_t count;
	struct ike_credentials *credentials;
	struct ike_certificates *certificates;
	struct ike_pools *pools;
	struct ike_clients *clients;
	char found[4096]; /* "code name child key\n" for each finding */
};

static struct bed bed_new(void)
{
	return (struct bed){ .credentials = ike_credentials_new(),
		.certificates = ike_certificates_new(),
		.pools = ike_pools_new(),
		.clients = ike_clients_new() };
}

static void bed_free(struct bed *bed)
{
	for (size_t i = 0; i < bed->count; i++)
		ike_connection_free(bed->connections[i]);
	ike_credentials_free(bed->credentials);
	ike_certificates_free(bed->certificates);
	ike_pools_free(bed->pools);
	ike_clients_free(bed->clients);
}

static struct ike_identity *identity(const char *text)
{
	struct why why;
	struct ike_identity *id = ike_identity_parse(text, &why);

	ck_assert_msg(id != NULL, "%s", why.text);
	return id;
}

static void add_secret(struct bed *bed, const char *name, const char *owner)
{
	struct ike_identity *owners[] = { owner ? identity(owner) : NULL };
	struct secret secret = { 0 };

	ck_assert(secret_copy(&secret, bytes_of_text(name)));
	ck_assert(ike_credentials_load(
		bed->credentials, name, IKE_SHARED_IKE, &secret, owners, owner != NULL));
}

/* Between gw-a and the peer of that name at that address, "" for anybody. */
static struct ike_connection *add_connection(
	struct bed *bed, const char *name, const char *address, const char *peer)
{
	struct ike_connection *c = ike_connection_new(name);
	struct why why;

	ck_assert_uint_lt(bed->count, CONNECTIONS_MAX);
	bed->connections[bed->count++] = c;
	if (*address)
		ck_assert(ike_endpoints_add(&c->remote_addrs, address, &why));
	ck_assert(ike_auth_rounds_add(&c->local, IKE_AUTH_CLASS_PSK, identity("gw-a")));
	ck_assert(
		ike_auth_rounds_add(&c->remote, IKE_AUTH_CLASS_PSK, *peer ? identity(peer) : NULL));
	return c;
}

/* Owned by two. */
static void add_secret_of_two(struct bed *bed, const char *name, const char *a, const char *b)
{
	struct ike_identity *owners[] = { identity(a), identity(b) };
	struct secret secret = { 0 };

	ck_assert(secret_copy(&secret, bytes_of_text(name)));
	ck_assert(ike_credentials_load(bed->credentials, name, IKE_SHARED_IKE, &secret, owners, 2));
}

static void set_selector(struct ike_selector **list, uint8_t *count, const char *text)
{
	struct why why;

	*list = calloc(1, sizeof(**list));
	*count = 1;
	ck_assert_msg(ike_selector_parse(text, *list, &why), "%s", why.text);
}

static struct ike_child_config *add_child(
	struct ike_connection *c, const char *name, const char *local, const char *remote)
{
	struct ike_child_config *child = ike_connection_add_child(c, name);

	set_selector(&child->local_ts, &child->local_ts_count, local);
	set_selector(&child->remote_ts, &child->remote_ts_count, remote);
	return child;
}

/* 10.N.i.0/24, or in the place of the first another network. */
static void set_many(struct ike_selector **list, uint8_t *count, unsigned n, const char *first,
	unsigned how_many)
{
	struct why why;
	char text[64];

	*list = calloc(how_many, sizeof(**list));
	for (*count = 0; *count < how_many; ++*count) {
		snprintf(text, sizeof(text), "10.%u.%u.0/24", n, *count);
		ck_assert(ike_selector_parse(
			first && *count == 0 ? first : text, &(*list)[*count], &why));
	}
}

static void report(void *context, const struct ike_finding *finding)
{
	struct bed *bed = context;
	size_t length = strlen(bed->found);

	ck_assert_ptr_nonnull(finding->text);
	snprintf(bed->found + length, sizeof(bed->found) - length, "%s %s %s %s\n",
		ike_check_row(finding->code)->name, finding->name,
		finding->child ? finding->child : "-", finding->key ? finding->key : "-");
}

static struct ike_check *begin(struct bed *bed, int64_t now)
{
	const struct ike_check_model model = {
		.connections = (const struct ike_connection *const *)bed->connections,
		.connection_count = bed->count,
		.credentials = bed->credentials,
		.certificates = bed->certificates,
		.pools = bed->pools,
		.clients = bed->clients,
		.now = now,
	};
	struct why why;

	for (size_t i = 0; i < bed->count; i++)
		ck_assert_msg(bed->connections[i]->proposals.count > 0 ||
				      ike_connection_complete(bed->connections[i], &why),
			"%s", why.text);
	struct ike_check *k = ike_check_new(&model);
	ck_assert_ptr_nonnull(k);
	return k;
}

/* What is found, notes left out. */
static const char *judge_at(struct bed *bed, int64_t now)
{
	struct ike_check *k = begin(bed, now);

	bed->found[0] = '\0';
	while (ike_check_next(k, report, bed))
		continue;
	ck_assert(!ike_check_is_incomplete(k));
	ike_check_free(k);
	return bed->found;
}

static const char *judge(struct bed *bed)
{
	return judge_at(bed, NOW);
}

/* ---- The table ---- */

START_TEST(every_code_has_a_name_of_its_own_and_a_cure)
{
	for (unsigned i = 0; i < IKE_CHECK_CODES; i++) {
		const struct ike_check_row *row = ike_check_row((enum ike_check_code)i);

		ck_assert_msg(row->name && row->what && row->why && row->instead, "%u", i);
		ck_assert_uint_eq(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
			strlen(row->name));
		for (unsigned j = 0; j < i; j++)
			ck_assert_str_ne(row->name, ike_check_row((enum ike_check_code)j)->name);
	}
	ck_assert_ptr_null(ike_check_row(IKE_CHECK_CODES));
}
END_TEST

/* ---- Connections ---- */

START_TEST(a_tunnel_as_it_should_be_has_nothing_to_be_found)
{
	struct bed bed = bed_new();

	add_child(add_connection(&bed, "b", "198.51.100.1", "gw-b"), "lan", "10.1.0.0/16",
		"10.2.0.0/16");
	add_secret(&bed, "ike-b", "gw-b");
	ck_assert_str_eq(judge(&bed), "");
	bed_free(&bed);
}
END_TEST

START_TEST(who_is_told_apart_by_his_identity_is_not_shadowed)
{
	struct bed bed = bed_new();

	add_child(add_connection(&bed, "b", "", "gw-b"), "lan", "10.1.0.0/16", "10.2.0.0/16");
	add_child(add_connection(&bed, "c", "", "gw-c"), "lan", "10.1.0.0/16", "10.3.0.0/16");
	add_child(add_connection(&bed, "d", "", ""), "lan", "10.1.0.0/16", "10.4.0.0/16");
	add_secret(&bed, "ike-b", NULL);
	ck_assert_str_eq(judge(&bed), "");
	bed.connections[1]->remote.items[0].id->octets[3] = 'b'; /* gw-b, too */
	ck_assert_str_eq(judge(&bed), "connection-shadowed c - -\n");
	bed.connections[1]->version = 1;
	ck_assert_str_eq(judge(&bed), "connection-shadowed c - -\n");
	bed.connections[0]->version = 2;
	ck_assert_str_eq(judge(&bed), "");
	bed_free(&bed);
}
END_TEST

START_TEST(equal_selectors_are_no_trouble_where_something_else_differs)
{
	struct bed bed = bed_new();
	struct ike_child_config *a, *b;

	a = add_child(
		add_connection(&bed, "b", "198.51.100.1", "gw-b"), "a", "0.0.0.0/0", "10.2.0.0/16");
	b = add_child(
		add_connection(&bed, "c", "198.51.100.2", "gw-c"), "b", "0.0.0.0/0", "10.2.0.0/16");
	add_secret(&bed, "ike", NULL);
	ck_assert_str_eq(judge(&bed), "selectors-twice c b remote_ts\n");
	b->if_id_in = b->if_id_out = 7;
	ck_assert_str_eq(judge(&bed), "");
	b->if_id_in = b->if_id_out = 0;
	b->priority = 5;
	ck_assert_str_eq(judge(&bed), "");
	b->priority = 0;
	b->mark_in = b->mark_out = (struct ike_mark){ 1, UINT32_MAX };
	ck_assert_str_eq(judge(&bed), "");
	b->mark_in = b->mark_out = (struct ike_mark){ 0 };
	a->policies = false;
	ck_assert_str_eq(judge(&bed), "");
	bed_free(&bed);
}
END_TEST

START_TEST(of_many_selectors_the_equal_ones_are_found)
{
	static const unsigned sizes[] = { 1, 12, 20, 60 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct bed bed = bed_new();
		char name[16], address[32];

		add_secret(&bed, "ike", NULL);
		for (unsigned j = 0; j < 3; j++) {
			snprintf(name, sizeof(name), "c%u", j);
			snprintf(address, sizeof(address), "198.51.100.%u", j + 1);
			struct ike_child_config *child = ike_connection_add_child(
				add_connection(&bed, name, address, name), "lan");

			set_many(&child->local_ts, &child->local_ts_count, j, "192.168.0.0/16",
				sizes[i]);
			set_many(&child->remote_ts, &child->remote_ts_count, 100 + j,
				"172.16.0.0/16", sizes[i]);
		}
		ck_assert_str_eq(judge(&bed),
			"selectors-twice c1 lan remote_ts\n"
			"selectors-twice c2 lan remote_ts\nselectors-twice c2 lan remote_ts\n");
		bed_free(&bed);
	}
}
END_TEST

START_TEST(shunts_compete_with_their_like_alone)
{
	struct bed bed = bed_new();
	struct ike_child_config *tunnel, *shunt;

	tunnel = add_child(add_connection(&bed, "b", "198.51.100.1", "gw-b"), "lan", "10.1.0.0/16",
		"0.0.0.0/0");
	shunt = add_child(
		add_connection(&bed, "s", "198.51.100.2", "gw-c"), "s", "10.1.0.0/16", "0.0.0.0/0");
	add_secret(&bed, "ike", NULL);
	shunt->mode = IKE_MODE_DROP;
	ck_assert_str_eq(judge(&bed), "");
	shunt->mode = IKE_MODE_PASS;
	ck_assert_str_eq(judge(&bed), "selectors-twice s s remote_ts\n");
	ck_assert(ike_selector_parse("10.0.0.0/8", shunt->local_ts, NULL));
	ck_assert(ike_selector_parse("192.168.0.0/16", shunt->remote_ts, NULL));
	ck_assert_str_eq(judge(&bed), "");
	/* Where both have a priority of their own, that is the same, nothing comes first. */
	tunnel->priority = shunt->priority = 9;
	ck_assert_str_eq(judge(&bed), "selectors-overlap s s remote_ts\n");
	bed_free(&bed);
}
END_TEST

START_TEST(what_was_not_compared_is_told)
{
	struct bed bed = bed_new();
	char name[16];

	add_secret(&bed, "ike", NULL);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		struct ike_child_config *child = ike_connection_add_child(
			add_connection(&bed, name, "198.51.100.1", name), "lan");

		set_many(&child->local_ts, &child->local_ts_count, i, NULL, 10);
		set_many(&child->remote_ts, &child->remote_ts_count, 100 + i, NULL, 10);
	}
	ck_assert_str_eq(judge(&bed), "");
	add_child(add_connection(&bed, "all", "198.51.100.1", "gw-b"), "all", "10.0.0.0/8",
		"10.0.0.0-10.200.0.0");
	ck_assert_str_eq(judge(&bed), "selectors-not-compared all all remote_ts\n");
	bed_free(&bed);
}
END_TEST

START_TEST(ports_and_protocols_keep_selectors_apart)
{
	struct bed bed = bed_new();
	struct ike_connection *c = add_connection(&bed, "b", "198.51.100.1", "gw-b");

	add_child(c, "web", "10.1.0.0/16[tcp/80]", "10.2.0.0/16");
	add_child(c, "dns", "10.1.0.0/16[udp/53]", "10.2.0.0/16");
	add_secret(&bed, "ike", NULL);
	ck_assert_str_eq(judge(&bed), "");
	add_child(c, "cross", "10.1.2.0/24", "10.0.0.0/8[tcp]");
	bed.connections[0]->proposals.count = 0;
	ck_assert(ike_connection_complete(c, NULL));
	ck_assert_str_eq(judge(&bed), "selectors-overlap b cross remote_ts\n");
	bed_free(&bed);
}
END_TEST

/* ---- Secrets ---- */

START_TEST(a_secret_is_missing_only_when_none_could_be_found)
{
	struct bed bed = bed_new();
	struct ike_connection *c = add_connection(&bed, "b", "198.51.100.1", "gw-b");

	add_child(c, "lan", "10.1.0.0/16", "10.2.0.0/16");
	ck_assert_str_eq(judge(&bed), "no-secret b - auth\n");
	add_secret(&bed, "ike-c", "gw-c");
	ck_assert_str_eq(judge(&bed), "no-secret b - auth\nsecret-unused ike-c - -\n");
	ck_assert(ike_credentials_unload(bed.credentials, "ike-c"));
	add_secret(&bed, "ike-all", NULL);
	ck_assert_str_eq(judge(&bed), "");
	bed_free(&bed);
}
END_TEST

START_TEST(a_secret_that_main_mode_finds_by_address_may_be_anothers)
{
	struct bed bed = bed_new();
	struct ike_connection *c = add_connection(&bed, "b", "198.51.100.1", "gw-b");
	struct why why;

	c->version = 1;
	ck_assert(ike_endpoints_add(&c->local_addrs, "192.0.2.1", &why));
	add_child(c, "lan", "10.1.0.0/16", "10.2.0.0/16");
	add_secret_of_two(&bed, "ike-c", "192.0.2.1", "203.0.113.5");
	ck_assert_ptr_nonnull(strstr(judge(&bed), "secret-of-another b - auth\n"));
	add_secret_of_two(&bed, "ike-b", "192.0.2.1", "198.51.100.1");
	ck_assert_ptr_null(strstr(judge(&bed), "secret-of-another"));
	bed_free(&bed);
}
END_TEST

START_TEST(peers_of_a_pattern_may_have_a_secret_each)
{
	struct bed bed = bed_new();

	add_child(add_connection(&bed, "rw", "", "*.example.org"), "lan", "10.1.0.0/16", "dynamic");
	add_secret(&bed, "ike-one", "one.example.org");
	add_secret(&bed, "ike-two", "two.example.org");
	ck_assert_str_eq(judge(&bed), "");
	add_secret(&bed, "ike-other", "two.example.net");
	ck_assert_str_eq(judge(&bed), "secret-unused ike-other - -\n");
	bed_free(&bed);
}
END_TEST

/* ---- Many ---- */

/* Of as many tunnels, each with a secret of its own whose owner is told by `owner`: the work of the
 * step that costs most, and of all of them for each tunnel. */
struct cost {
	uint64_t step, tunnel;
};

static void note_step(void *context, const struct ike_finding *finding)
{
	size_t *found = context;

	(void)finding;
	++*found;
}

static struct cost cost_of(struct bed *bed, size_t *ret_found)
{
	struct ike_check *k = begin(bed, NOW);
	struct cost cost = { 0 };
	uint64_t before = 0;

	*ret_found = 0;
	while (ike_check_next(k, note_step, ret_found)) {
		uint64_t step = ike_check_work(k) - before;

		cost.step = step > cost.step ? step : cost.step;
		before += step;
	}
	cost.tunnel = before / bed->count;
	ike_check_free(k);
	return cost;
}

/* address: of the peer, NULL for one of its own; local, remote: with %zu for its number. */
struct many {
	const char *address, *peer, *owner, *local, *remote;
};

static struct cost cost_of_many(const struct many *m, size_t count, size_t *ret_found)
{
	struct bed bed = bed_new();
	char address[64], peer[64], owner[64], local[64], remote[64], name[32];

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "c%zu", i);
		snprintf(address, sizeof(address), m->address, i / 250, i % 250);
		snprintf(peer, sizeof(peer), m->peer, i);
		snprintf(owner, sizeof(owner), m->owner, i);
		snprintf(local, sizeof(local), m->local, i / 250, i % 250);
		snprintf(remote, sizeof(remote), m->remote, i / 250, i % 250);
		add_child(add_connection(&bed, name, address, peer), "lan", local, remote);
		add_secret(&bed, name, owner);
	}
	struct cost cost = cost_of(&bed, ret_found);
	bed_free(&bed);
	return cost;
}

static const struct many many[] = {
	/* As it should be; secrets that fit none; one address for all, which shadows nobody. */
	{ "198.51.%zu.%zu", "peer%zu", "peer%zu", "172.16.0.0/16", "10.%zu.%zu.0/24" },
	{ "198.51.%zu.%zu", "peer%zu", "nobody%zu", "172.16.0.0/16", "10.%zu.%zu.0/24" },
	{ "192.0.2.1", "peer%zu", "peer%zu", "172.16.0.0/16", "10.%zu.%zu.0/24" },
	/* Everything to the peers, from networks of our own. */
	{ "198.51.%zu.%zu", "peer%zu", "peer%zu", "10.%zu.%zu.0/24", "0.0.0.0/0" },
};

START_TEST(ten_times_as_many_tunnels_are_ten_times_the_work_in_steps_as_small)
{
	size_t found;

	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++) {
		struct cost few = cost_of_many(&many[i], 100, &found);
		struct cost all = cost_of_many(&many[i], 1000, &found);

		ck_assert_uint_eq(found, i == 1 ? 2 * 1000 : 0);
		ck_assert_msg(all.step <= 60, "%zu: %" PRIu64 " in a step", i, all.step);
		ck_assert_msg(all.tunnel <= 2 * few.tunnel + 10,
			"%zu: %" PRIu64 " and %" PRIu64 " a tunnel", i, few.tunnel, all.tunnel);
	}
}
END_TEST

/* Where everything is in everything's way a step still has an end, and says so much and no more. */
START_TEST(what_crosses_everything_is_told_about_some)
{
	static const struct many worst = { "198.51.%zu.%zu", "peer%zu", "peer%zu", "10.0.0.0/8",
		"192.168.0.0/16" };
	size_t found;
	struct cost cost = cost_of_many(&worst, 1000, &found);

	ck_assert_uint_le(cost.step, 5000);
	ck_assert_uint_gt(found, 999);
	ck_assert_uint_le(found, 16 * 1000);
}
END_TEST

START_TEST(what_changes_between_steps_is_no_trouble)
{
	struct bed bed = bed_new();
	size_t found = 0, steps = 0;
	char name[32];

	for (size_t i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "ike-%zu", i);
		add_secret(&bed, name, "nobody");
	}
	add_child(add_connection(&bed, "b", "198.51.100.1", "gw-b"), "lan", "10.1.0.0/16",
		"10.2.0.0/16");
	struct ike_check *k = begin(&bed, NOW);
	ike_connection_free(bed.connections[--bed.count]); /* it is held */
	while (ike_check_next(k, note_step, &found))
		if (steps++ % 2 == 1) { /* each second one, from the end: and loaded anew */
			snprintf(name, sizeof(name), "ike-%zu", 20 - steps / 2);
			(void)ike_credentials_unload(bed.credentials, name);
			add_secret(&bed, "ike-1", "nobody");
		}
	ck_assert_uint_gt(found, 9);
	ike_check_free(k);
	bed_free(&bed);
}
END_TEST

/* ---- Pools ---- */

static void add_pool(struct bed *bed, const char *name, const char *text)
{
	struct ike_attributes none = { 0 };
	struct ike_pool_addrs addrs;
	struct why why;

	ck_assert_msg(ike_pool_addrs_parse(text, &addrs, &why), "%s", why.text);
	ck_assert(ike_pools_load(bed->pools, name, &addrs, &none, &why) == IKE_POOL_ADDED);
}

START_TEST(pools_are_compared_to_their_last_address)
{
	struct bed bed = bed_new();
	struct ike_connection *c = add_connection(&bed, "rw", "", "");
	struct why why;

	add_child(c, "lan", "10.1.0.0/16", "10.99.1.7/32");
	add_secret(&bed, "ike", NULL);
	ck_assert(ike_connection_add_pool(c, "a", &why) && ike_connection_add_pool(c, "b", &why));
	add_pool(&bed, "a", "10.99.0.1-10.99.1.7");
	add_pool(&bed, "b", "10.99.1.8-10.99.2.0");
	ck_assert_str_eq(judge(&bed), "pool-without-dynamic rw lan remote_ts\n");
	bed_free(&bed);
	bed = bed_new();
	c = add_connection(&bed, "rw", "", "");
	add_child(c, "lan", "10.1.0.0/16", "dynamic");
	add_secret(&bed, "ike", NULL);
	ck_assert(ike_connection_add_pool(c, "a", &why) && ike_connection_add_pool(c, "b", &why));
	add_pool(&bed, "a", "10.99.0.1-10.99.1.7");
	add_pool(&bed, "b", "10.99.1.7-10.99.2.0");
	ck_assert_str_eq(judge(&bed), "pools-overlap b - addrs\n");
	bed_free(&bed);
}
END_TEST

/* Thousands that have nothing in common are no work, and one that has all of them says so of some.
 */
START_TEST(many_pools_are_compared_in_order)
{
	struct bed bed = bed_new();
	char name[32], text[64];
	uint64_t before = 0;
	size_t found = 0;

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		snprintf(text, sizeof(text), "10.%u.%u.0/24, 172.16.%u.%u", i / 250, i % 250,
			i / 250, i % 250);
		add_pool(&bed, name, text);
	}
	struct ike_check *k = begin(&bed, NOW);
	while (ike_check_next(k, note_step, &found)) {
		ck_assert_uint_le(ike_check_work(k) - before, 10);
		before = ike_check_work(k);
	}
	ike_check_free(k);
	ck_assert_uint_eq(found, 1000); /* nobody has a use for them */
	add_pool(&bed, "all", "10.0.0.0-10.99.0.0, 172.16.0.0/16");
	k = begin(&bed, NOW);
	found = 0;
	while (ike_check_next(k, note_step, &found))
		continue;
	ike_check_free(k);
	ck_assert_uint_eq(found, 1001 + 2 * 16); /* for each of its ranges */
	bed_free(&bed);
}
END_TEST

START_TEST(pools_that_meet_twice_are_told_once)
{
	struct bed bed = bed_new();
	struct ike_connection *c = add_connection(&bed, "rw", "", "");
	struct why why;

	add_child(c, "lan", "10.1.0.0/16", "dynamic");
	add_secret(&bed, "ike", NULL);
	ck_assert(ike_connection_add_pool(c, "a", &why) && ike_connection_add_pool(c, "b", &why));
	add_pool(&bed, "a", "10.99.0.1-10.99.1.7, 10.98.0.0/24");
	add_pool(&bed, "b", "10.98.0.9, 10.99.1.7-10.99.2.0");
	ck_assert_str_eq(judge(&bed), "pools-overlap b - addrs\n");
	bed_free(&bed);
}
END_TEST

/* ---- Numbers ---- */

START_TEST(what_is_left_to_defaults_is_never_wrong)
{
	struct bed bed = bed_new();
	struct ike_connection *c = add_connection(&bed, "b", "198.51.100.1", "gw-b");
	struct ike_child_config *child = add_child(c, "lan", "10.1.0.0/16", "10.2.0.0/16");

	add_secret(&bed, "ike", NULL);
	child->life_time = 3600; /* and rekey_time of it */
	child->life_bytes = 1000;
	c->reauth_time = 7200;
	ck_assert_str_eq(judge(&bed), "");
	child->rekey_time = 3600;
	ck_assert_str_eq(judge(&bed), "life-before-rekey b lan life_time\n");
	bed_free(&bed);
}
END_TEST

static Suite *check_suite(void)
{
	Suite *suite = suite_create("check");
	TCase *tests = tcase_create("check");

	tcase_add_test(tests, every_code_has_a_name_of_its_own_and_a_cure);
	tcase_add_test(tests, a_tunnel_as_it_should_be_has_nothing_to_be_found);
	tcase_add_test(tests, who_is_told_apart_by_his_identity_is_not_shadowed);
	tcase_add_test(tests, equal_selectors_are_no_trouble_where_something_else_differs);
	tcase_add_test(tests, ports_and_protocols_keep_selectors_apart);
	tcase_add_test(tests, of_many_selectors_the_equal_ones_are_found);
	tcase_add_test(tests, shunts_compete_with_their_like_alone);
	tcase_add_test(tests, what_was_not_compared_is_told);
	tcase_add_test(tests, a_secret_is_missing_only_when_none_could_be_found);
	tcase_add_test(tests, a_secret_that_main_mode_finds_by_address_may_be_anothers);
	tcase_add_test(tests, peers_of_a_pattern_may_have_a_secret_each);
	tcase_add_test(tests, ten_times_as_many_tunnels_are_ten_times_the_work_in_steps_as_small);
	tcase_add_test(tests, what_crosses_everything_is_told_about_some);
	tcase_add_test(tests, what_changes_between_steps_is_no_trouble);
	tcase_add_test(tests, pools_are_compared_to_their_last_address);
	tcase_add_test(tests, many_pools_are_compared_in_order);
	tcase_add_test(tests, pools_that_meet_twice_are_told_once);
	tcase_add_test(tests, what_is_left_to_defaults_is_never_wrong);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(check_suite());

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
