/* Definitions and secrets: what swanctl.conf(5) derives, and what fits whom. */
#include "libike/model/connection.h"
#include "libike/model/credentials.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Endpoints ---- */

static unsigned match(const char *list, const char *host)
{
	struct ike_endpoints endpoints = { 0 };
	struct address a;
	struct why why;
	char *copy = strdup(list), *rest = copy;

	for (char *item; (item = strsep(&rest, ",")) && *item;)
		ck_assert_msg(ike_endpoints_add(&endpoints, item, &why), "%s", why.text);
	ck_assert(address_parse(host, &a));
	unsigned result = ike_endpoints_match(&endpoints, &a);
	ike_endpoints_free(&endpoints);
	free(copy);
	return result;
}

START_TEST(narrower_endpoints_match_better)
{
	unsigned host = match("192.0.2.1", "192.0.2.1");
	unsigned range = match("192.0.2.0-192.0.2.9", "192.0.2.1");
	unsigned narrow = match("192.0.2.0/24", "192.0.2.1");
	unsigned wide = match("192.0.0.0/16", "192.0.2.1");
	unsigned any = match("%any", "192.0.2.1");

	ck_assert_uint_gt(host, range);
	ck_assert_uint_gt(range, narrow);
	ck_assert_uint_gt(narrow, wide);
	ck_assert_uint_gt(wide, any);
	ck_assert_uint_gt(any, 0);
	ck_assert_uint_eq(match("", "192.0.2.1"), any);
	ck_assert_uint_eq(match("%any,192.0.2.0/24", "192.0.2.1"), narrow);
}
END_TEST

START_TEST(endpoints_do_not_match_beyond_their_bounds)
{
	ck_assert_uint_eq(match("192.0.2.1", "192.0.2.2"), 0);
	ck_assert_uint_eq(match("192.0.2.0-192.0.2.9", "192.0.2.10"), 0);
	ck_assert_uint_eq(match("192.0.2.0/24", "192.0.3.0"), 0);
	ck_assert_uint_eq(match("%any4", "2001:db8::1"), 0);
	ck_assert_uint_eq(match("0.0.0.0/0", "2001:db8::1"), 0);
	ck_assert_uint_eq(match("::", "192.0.2.1"), 0);
	ck_assert_uint_gt(match("%any6", "2001:db8::1"), 0);
	ck_assert_uint_gt(match("2001:db8::/32", "2001:db8::1"), 0);
	ck_assert_uint_eq(match("moon.example.org", "192.0.2.1"), 0);
}
END_TEST

START_TEST(mistyped_endpoints_are_refused)
{
	static const char *const texts[] = { "192.0.2.300", "192.0.2", "10.0.0.0/33", "10.0.0.0/x",
		"10.0.0.9-10.0.0.1", "10.0.0.1-2001:db8::1", "moon_ .org", "-moon.org", "moon..org",
		"", "%all", "10.0.0.0/", "10.0.0.0/-1" };
	struct ike_endpoints list = { 0 };
	struct why why;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_msg(!ike_endpoints_add(&list, texts[i], &why), "%s", texts[i]);
	ck_assert_uint_eq(list.count, 0);
	ck_assert(ike_endpoints_add(&list, "moon-1.example.org.", &why));
	ck_assert_uint_eq(list.items[0].kind, IKE_ENDPOINT_NAME);
	ike_endpoints_free(&list);
}
END_TEST

/* ---- Connections ---- */

static struct ike_connection *connection(void)
{
	struct ike_connection *c = ike_connection_new("home");

	ck_assert(ike_auth_rounds_add(&c->local, IKE_AUTH_CLASS_PSK, NULL));
	ck_assert(ike_auth_rounds_add(&c->remote, IKE_AUTH_CLASS_PSK, NULL));
	ck_assert_ptr_nonnull(ike_connection_add_child(c, "net"));
	return c;
}

static struct ike_connection *complete(struct ike_connection *c)
{
	struct why why;

	ck_assert_msg(ike_connection_complete(c, &why), "%s", why.text);
	return c;
}

START_TEST(default_times_are_those_of_the_manual)
{
	struct ike_connection *c = complete(connection());
	const struct ike_child_config *child = c->children[0];

	ck_assert_uint_eq(c->rekey_time, 14400);
	ck_assert_uint_eq(c->reauth_time, 0);
	ck_assert_uint_eq(c->over_time, 1440);
	ck_assert_uint_eq(c->rand_time, 1440);
	ck_assert_uint_eq(child->rekey_time, 3600);
	ck_assert_uint_eq(child->life_time, 3960);
	ck_assert_uint_eq(child->rand_time, 360);
	ck_assert_uint_eq(child->rekey_bytes, 0);
	ck_assert_uint_eq(child->life_bytes, 0);
	ck_assert_uint_eq(child->life_packets, 0);
	ck_assert_uint_eq(child->replay_window, IKE_REPLAY_WINDOW_UNSET);
	ck_assert_uint_eq(child->local_ts_count, 1);
	ck_assert(child->local_ts[0].dynamic);
	ck_assert_uint_gt(child->proposals.count, 0);
	ike_connection_free(c);
}
END_TEST

START_TEST(reauthentication_switches_the_default_rekeying_off)
{
	struct ike_connection *c = connection();

	c->reauth_time = 10800;
	complete(c);
	ck_assert_uint_eq(c->rekey_time, 0);
	ck_assert_uint_eq(c->over_time, 1080);
	ike_connection_free(c);
	c = connection();
	c->reauth_time = 10800;
	c->rekey_time = 7200;
	complete(c);
	ck_assert_uint_eq(c->rekey_time, 7200);
	ck_assert_uint_eq(c->over_time, 1080);
	ike_connection_free(c);
}
END_TEST

START_TEST(rekey_time_follows_from_life_time_alone)
{
	struct ike_connection *c = connection();
	struct ike_child_config *child = c->children[0];

	child->life_time = 3600;
	child->life_bytes = UINT64_MAX - 1; /* must not wrap */
	complete(c);
	ck_assert_uint_eq(child->rekey_time, 3272); /* 3600 / 1.1 */
	ck_assert_uint_eq(child->rand_time, 328);
	ck_assert_uint_lt(child->rekey_bytes, child->life_bytes);
	ike_connection_free(c);
}
END_TEST

START_TEST(randomness_never_exceeds_the_interval)
{
	struct ike_connection *c = connection();
	struct ike_child_config *child = c->children[0];

	c->rekey_time = 60;
	c->over_time = 600;
	child->rekey_time = 10;
	child->life_time = 1000;
	complete(c);
	ck_assert_uint_le(c->rand_time, 60);
	ck_assert_uint_le(child->rand_time, 10);
	ike_connection_free(c);
	c = connection();
	c->children[0]->rekey_time = 0;
	complete(c);
	ck_assert_uint_eq(c->children[0]->life_time, 0);
	ck_assert_uint_eq(c->children[0]->rand_time, 0);
	ike_connection_free(c);
}
END_TEST

START_TEST(children_inherit_interface_ids_and_same_marks)
{
	struct ike_connection *c = connection();
	struct ike_child_config *child = c->children[0];

	c->if_id_in = 5;
	c->if_id_out = 6;
	child->if_id_out = 7;
	child->mark_out = (struct ike_mark){ 42, UINT32_MAX };
	child->set_mark_out = (struct ike_mark){ IKE_MARK_SAME, 0xff };
	complete(c);
	ck_assert_uint_eq(child->if_id_in, 5);
	ck_assert_uint_eq(child->if_id_out, 7);
	ck_assert_uint_eq(child->set_mark_out.value, 42);
	ck_assert_uint_eq(child->set_mark_out.mask, 0xff);
	ike_connection_free(c);
}
END_TEST

START_TEST(what_has_no_effect_is_said)
{
	struct ike_connection *c = connection();
	char text[IKE_REMARK_TEXT_MAX];

	complete(c);
	ck_assert(!ike_child_config_remark(c->children[0], 0, text));
	c->children[0]->per_cpu_sas = IKE_PER_CPU_YES;
	ck_assert(ike_child_config_remark(c->children[0], 0, text));
	ck_assert_ptr_nonnull(strstr(text, "per_cpu_sas of "));
	ck_assert_ptr_nonnull(strstr(text, "without trap in start_action"));
	ck_assert(!ike_child_config_remark(c->children[0], 1, text));
	ike_connection_free(c);
}
END_TEST

START_TEST(what_cannot_work_is_refused_with_a_reason)
{
	struct ike_connection *c = connection();
	struct why why;

	ck_assert(ike_endpoints_add(&c->local_addrs, "192.0.2.1", &why));
	ck_assert(ike_endpoints_add(&c->remote_addrs, "2001:db8::1", &why));
	ck_assert(!ike_connection_complete(c, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "address family"));
	ike_connection_free(c);
	c = ike_connection_new("empty");
	ck_assert(!ike_connection_complete(c, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "authentication round"));
	ike_connection_free(c);
}
END_TEST

/* As with strongSwan, which says nothing. */
START_TEST(a_child_between_two_families_is_loaded_and_said_to_carry_nothing)
{
	struct ike_connection *c = connection();
	struct ike_child_config *child = c->children[0];
	char text[IKE_REMARK_TEXT_MAX];
	struct why why;

	child->local_ts = calloc(1, sizeof(*child->local_ts));
	child->remote_ts = calloc(1, sizeof(*child->remote_ts));
	child->local_ts_count = child->remote_ts_count = 1;
	ck_assert(ike_selector_parse("10.0.0.0/8", child->local_ts, &why));
	ck_assert(ike_selector_parse("2001:db8::/32", child->remote_ts, &why));
	ck_assert(ike_connection_complete(c, &why));
	for (unsigned i = 0; i < 2; i++) {
		c->version = i ? 1 : 2;
		ck_assert(ike_child_config_remark(child, 0, text));
		ck_assert_ptr_nonnull(strstr(text, "'net' carries no packet"));
		ck_assert(!ike_child_config_remark(child, 1, text));
	}
	ike_connection_free(c);
}
END_TEST

START_TEST(equal_definitions_are_equal_and_a_field_makes_the_difference)
{
	struct ike_connection *a = complete(connection());
	struct ike_connection *b = complete(connection());
	struct why why;

	ck_assert(ike_connection_equal(a, b));
	b->children[0]->set_mark_in.mask = 1;
	ck_assert(!ike_connection_equal(a, b));
	b->children[0]->set_mark_in.mask = 0;
	b->local.items[0].id = ike_identity_parse("moon", &why);
	ck_assert(!ike_connection_equal(a, b));
	a->local.items[0].id = ike_identity_parse("moon", &why);
	ck_assert(ike_connection_equal(a, b));
	ck_assert(ike_endpoints_add(&a->remote_addrs, "192.0.2.1", &why));
	ck_assert(!ike_connection_equal(a, b));
	ike_connection_free(a);
	ike_connection_free(b);
}
END_TEST

START_TEST(two_children_cannot_have_one_name)
{
	struct ike_connection *c = connection();

	ck_assert_ptr_null(ike_connection_add_child(c, "net"));
	ck_assert_ptr_nonnull(ike_connection_add_child(c, "net2"));
	ck_assert_ptr_eq(ike_connection_child(c, "net2"), c->children[1]);
	ck_assert_ptr_null(ike_connection_child(c, "net3"));
	ike_connection_free(c);
}
END_TEST

/* ---- Credentials ---- */

static void load(struct ike_credentials *c, const char *id, const char *value, const char *owners)
{
	struct ike_identity *list[8];
	struct secret secret = { 0 };
	size_t count = 0;
	char *copy = strdup(owners), *rest = copy;
	struct why why;

	for (char *item; (item = strsep(&rest, " ")) && *item;)
		ck_assert_ptr_nonnull(list[count++] = ike_identity_parse(item, &why));
	ck_assert(secret_copy(&secret, bytes_of_text(value)));
	ck_assert(ike_credentials_load(c, id, IKE_SHARED_IKE, &secret, list, count));
	ck_assert_ptr_null(secret.at);
	free(copy);
}

static bool finds(
	const struct ike_credentials *c, const char *mine, const char *other, const char *value)
{
	struct why why;
	struct ike_identity *my_id = mine ? ike_identity_parse(mine, &why) : NULL;
	struct ike_identity *other_id = other ? ike_identity_parse(other, &why) : NULL;
	struct bytes found = ike_credentials_find(c, IKE_SHARED_IKE, my_id, other_id);

	ike_identity_free(my_id);
	ike_identity_free(other_id);
	return value ? bytes_equal(found, bytes_of_text(value)) : found.length == 0;
}

START_TEST(the_secret_that_fits_both_best_is_found)
{
	struct ike_credentials *c = ike_credentials_new();

	load(c, "any", "nobody's", "");
	load(c, "wild", "everybody's", "*.example.org moon.example.org");
	load(c, "sun", "sun's", "moon.example.org sun.example.org");
	load(c, "venus", "venus'", "moon.example.org venus.example.org");
	ck_assert(finds(c, "moon.example.org", "sun.example.org", "sun's"));
	ck_assert(finds(c, "MOON.example.org", "Sun.example.org", "sun's"));
	ck_assert(finds(c, "moon.example.org", "venus.example.org", "venus'"));
	ck_assert(finds(c, "moon.example.org", "mars.example.org", "everybody's"));
	ck_assert(finds(c, "mercury.example.com", "pluto.example.com", "nobody's"));
	ck_assert(ike_credentials_unload(c, "any"));
	ck_assert(finds(c, "mercury.example.com", "pluto.example.com", NULL));
	ike_credentials_free(c);
}
END_TEST

START_TEST(a_secret_is_found_while_one_identity_is_unknown)
{
	struct ike_credentials *c = ike_credentials_new();

	ck_assert(finds(c, NULL, "sun.example.org", NULL));
	load(c, "sun", "sun's", "moon.example.org sun.example.org");
	ck_assert(finds(c, NULL, "sun.example.org", "sun's"));
	ck_assert(finds(c, "moon.example.org", NULL, "sun's"));
	ck_assert(finds(c, NULL, "mars.example.org", NULL));
	ike_credentials_free(c);
}
END_TEST

/* ---- The index against weighing each ---- */

struct weighing {
	const struct ike_identity *ids[2];
	unsigned best;
	struct bytes secret;
};

static void weigh(struct weighing *w, const struct ike_shared *secret)
{
	unsigned weight = 1, matches[2] = { 0 };
	const struct ike_identity *owner;

	for (size_t side = 0; side < 2; side++) {
		for (size_t i = 0; w->ids[side] && (owner = ike_shared_owner_of(secret, i)); i++) {
			unsigned match = ike_identity_match(w->ids[side], owner);

			matches[side] = match > matches[side] ? match : matches[side];
		}
		weight += matches[side];
	}
	if (ike_shared_owner_of(secret, 0) && weight == 1)
		return;
	if (weight >= w->best) {
		w->best = weight;
		w->secret = ike_shared_secret(secret);
	}
}

/* As the sum of both matches and the order of loading say, whatever there is besides. */
START_TEST(the_index_finds_what_weighing_all_of_them_finds)
{
	static const char *const names[] = { "a.example.org", "A.EXAMPLE.org", "b.example.org",
		"c.example.net", "*.example.org", "*", "%any", "192.0.2.1", "192.0.2.0/24",
		"C=CH, O=x, CN=a", "C=CH, O=x, CN=*", "@#0102", "user@example.org",
		"*@example.org" };
	const size_t count = sizeof(names) / sizeof(*names);
	uint32_t drawn = 7;
	struct why why;

#define DRAW(below) ((drawn = drawn * 1664525 + 1013904223) >> 8) % (below)
	for (unsigned round = 0; round < 200; round++) {
		struct ike_credentials *c = ike_credentials_new();

		for (unsigned i = 0, all = DRAW(12); i < all; i++) {
			struct ike_identity *owners[2];
			struct secret secret = { 0 };
			char name[16];
			size_t owned = DRAW(3);

			snprintf(name, sizeof(name), "ike-%u", (unsigned)(DRAW(10)));
			for (size_t j = 0; j < owned; j++)
				owners[j] = ike_identity_parse(names[DRAW(count)], &why);
			ck_assert(secret_copy(&secret, bytes_of(&i, sizeof(i))));
			ck_assert(ike_credentials_load(
				c, name, IKE_SHARED_IKE, &secret, owners, owned));
		}
		for (unsigned i = 0; i < 40; i++) {
			struct ike_identity *mine = ike_identity_parse(names[DRAW(count)], &why);
			struct ike_identity *other =
				i % 4 ? ike_identity_parse(names[DRAW(count)], &why) : NULL;
			struct weighing w = { .ids = { mine, other } };

			for (const struct ike_shared *s = ike_credentials_next(c, NULL); s;
				s = ike_credentials_next(c, s))
				weigh(&w, s);
			ck_assert_msg(
				bytes_equal(ike_credentials_find(c, IKE_SHARED_IKE, mine, other),
					w.secret),
				"round %u, question %u", round, i);
			ike_identity_free(mine);
			ike_identity_free(other);
		}
		ike_credentials_free(c);
	}
}
END_TEST

START_TEST(other_kinds_of_secrets_do_not_count)
{
	struct ike_credentials *c = ike_credentials_new();
	struct secret secret = { 0 };
	struct why why;
	struct ike_identity *owner = ike_identity_parse("moon", &why);

	ck_assert(secret_copy(&secret, bytes_of_text("eap")));
	ck_assert(ike_credentials_load(c, "eap-moon", IKE_SHARED_EAP, &secret, &owner, 1));
	ck_assert(finds(c, "moon", "sun", NULL));
	ike_credentials_free(c);
}
END_TEST

START_TEST(octets_that_would_be_letters_are_not_mixed_up)
{
	struct ike_credentials *c = ike_credentials_new();

	load(c, "A", "first", "moon 10.0.0.65");  /* 'A' */
	load(c, "a", "second", "moon 10.0.0.97"); /* 'a' */
	load(c, "K", "upper", "moon @#4b4559");
	load(c, "k", "lower", "moon @#6b6579");
	ck_assert(finds(c, "moon", "10.0.0.65", "first"));
	ck_assert(finds(c, "moon", "10.0.0.97", "second"));
	ck_assert(finds(c, "10.0.0.65", "moon", "first"));
	ck_assert(finds(c, "10.0.0.97", "moon", "second"));
	ck_assert(finds(c, "moon", "@#4b4559", "upper"));
	ck_assert(finds(c, "moon", "@#6b6579", "lower"));
	ike_credentials_free(c);
}
END_TEST

static void add_id(void *context, const char *unique_id)
{
	char *ids = context;

	snprintf(ids + strlen(ids), 20 - strlen(ids), "%s ", unique_id);
}

START_TEST(loading_again_replaces)
{
	struct ike_credentials *c = ike_credentials_new();
	char ids[20] = "";

	load(c, "k", "old", "moon sun");
	load(c, "k", "new", "moon mars");
	ck_assert_uint_eq(ike_credentials_count(c), 1);
	ck_assert(finds(c, "moon", "mars", "new"));
	load(c, NULL, "same", "venus");
	load(c, NULL, "same", "venus");
	load(c, NULL, "other", "venus");
	ck_assert_uint_eq(ike_credentials_count(c), 3);
	ck_assert(finds(c, "moon", "venus", "other")); /* of equals the newest */
	load(c, "l", "later", "moon jupiter");
	load(c, "k", "newest", "moon mars");
	ike_credentials_ids(c, add_id, ids);
	ck_assert_str_eq(ids, "l k ");
	ck_assert(!ike_credentials_unload(c, "nosuch"));
	ck_assert_uint_eq(ike_credentials_unload_nameless(c), 2);
	ck_assert_uint_eq(ike_credentials_count(c), 2);
	ck_assert(finds(c, "moon", "jupiter", "later"));
	ike_credentials_clear(c);
	ck_assert_uint_eq(ike_credentials_count(c), 0);
	ck_assert(finds(c, "moon", "mars", NULL));
	ike_credentials_free(c);
}
END_TEST

/* ---- How much is compared ---- */

bool __real_secret_equal(struct bytes a, struct bytes b);
bool __wrap_secret_equal(struct bytes a, struct bytes b);
static unsigned compared;

bool __wrap_secret_equal(struct bytes a, struct bytes b)
{
	compared++;
	return __real_secret_equal(a, b);
}

#define MANY 10000

/* Each with peers of its own, all with the same ones, without any. */
START_TEST(secrets_without_ids_are_not_held_against_all_others)
{
	struct ike_credentials *c = ike_credentials_new();
	char value[32], owners[64];

	compared = 0;
	for (unsigned i = 0; i < 2 * MANY; i++) {
		snprintf(value, sizeof(value), "secret %u", i % MANY);
		snprintf(owners, sizeof(owners), "moon sun%u", i % MANY);
		load(c, NULL, _i == 0 ? "the same" : value,
			_i == 0   ? owners
			: _i == 1 ? "moon sun"
				  : "");
	}
	ck_assert_uint_eq(ike_credentials_count(c), MANY);
	ck_assert_uint_ge(compared, MANY);
	ck_assert_uint_le(compared, 3 * MANY);
	ike_credentials_free(c);
}
END_TEST

START_TEST(owners_in_another_order_are_the_same)
{
	struct ike_credentials *c = ike_credentials_new();

	load(c, NULL, "one", "moon sun venus");
	load(c, NULL, "one", "venus MOON sun");
	ck_assert_uint_eq(ike_credentials_count(c), 1);
	load(c, NULL, "one", "venus moon");
	load(c, "id", "one", "moon sun venus"); /* is not theirs to replace */
	ck_assert_uint_eq(ike_credentials_count(c), 3);
	ike_credentials_free(c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("model");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, narrower_endpoints_match_better);
	tcase_add_test(tests, endpoints_do_not_match_beyond_their_bounds);
	tcase_add_test(tests, mistyped_endpoints_are_refused);
	tcase_add_test(tests, default_times_are_those_of_the_manual);
	tcase_add_test(tests, reauthentication_switches_the_default_rekeying_off);
	tcase_add_test(tests, rekey_time_follows_from_life_time_alone);
	tcase_add_test(tests, randomness_never_exceeds_the_interval);
	tcase_add_test(tests, children_inherit_interface_ids_and_same_marks);
	tcase_add_test(tests, what_has_no_effect_is_said);
	tcase_add_test(tests, what_cannot_work_is_refused_with_a_reason);
	tcase_add_test(tests, a_child_between_two_families_is_loaded_and_said_to_carry_nothing);
	tcase_add_test(tests, equal_definitions_are_equal_and_a_field_makes_the_difference);
	tcase_add_test(tests, two_children_cannot_have_one_name);
	tcase_add_test(tests, the_secret_that_fits_both_best_is_found);
	tcase_add_test(tests, a_secret_is_found_while_one_identity_is_unknown);
	tcase_add_test(tests, other_kinds_of_secrets_do_not_count);
	tcase_add_test(tests, the_index_finds_what_weighing_all_of_them_finds);
	tcase_add_test(tests, octets_that_would_be_letters_are_not_mixed_up);
	tcase_add_test(tests, loading_again_replaces);
	tcase_add_loop_test(tests, secrets_without_ids_are_not_held_against_all_others, 0, 3);
	tcase_add_test(tests, owners_in_another_order_are_the_same);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
