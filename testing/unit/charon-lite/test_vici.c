/* The commands, asked of a real daemon. */
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <stdlib.h>
#include <unistd.h>

static struct running moon, sun;
static struct vici_client *client;

static void set_up(void)
{
	running_start(&moon, NULL);
	client = running_client(&moon);
}

static void tear_down(void)
{
	vici_client_free(client);
	ck_assert_int_eq(running_stop(&moon), 0);
}

static struct vici_builder text_argument(const char *name, const char *value)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, name, value);
	return b;
}

static struct vici_view call_text(const char *command, const char *name, const char *value)
{
	struct vici_builder b = text_argument(name, value);

	return call_with(client, command, &b);
}

static void put_list(struct vici_builder *b, const char *name, const char *value)
{
	vici_list_start(b, name);
	vici_item_text(b, value);
	vici_list_end(b);
}

static void put_round(struct vici_builder *b, const char *section, const char *id)
{
	vici_section_start(b, section);
	vici_key_text(b, "auth", "psk");
	vici_key_text(b, "id", id);
	vici_section_end(b);
}

/* Of host 1 and of host 2, if they are to have such. */
static const char *home_vips, *home_pools;

/* A connection between two daemons on this host: each has its own address of 127/8. */
static struct vici_view load_home(
	struct vici_client *c, unsigned me, unsigned peer, unsigned peer_port)
{
	struct vici_builder b = { 0 };
	char text[64];

	vici_section_start(&b, "home");
	vici_key_text(&b, "version", "2");
	snprintf(text, sizeof(text), "127.0.0.%u", me);
	put_list(&b, "local_addrs", text);
	snprintf(text, sizeof(text), "127.0.0.%u", peer);
	put_list(&b, "remote_addrs", text);
	vici_key_format(&b, "remote_port", "%u", peer_port);
	put_list(&b, "proposals", "aes128-sha256-x25519");
	if (me == 1 && home_vips)
		put_list(&b, "vips", home_vips);
	if (me == 2 && home_pools)
		put_list(&b, "pools", home_pools);
	snprintf(text, sizeof(text), "host%u.example.org", me);
	put_round(&b, "local", text);
	snprintf(text, sizeof(text), "host%u.example.org", peer);
	put_round(&b, "remote", text);
	vici_section_start(&b, "children");
	vici_section_start(&b, "net");
	snprintf(text, sizeof(text), "10.%u.0.0/16", me);
	put_list(&b, "local_ts", text);
	snprintf(text, sizeof(text), "10.%u.0.0/16", peer);
	put_list(&b, "remote_ts", text);
	put_list(&b, "esp_proposals", "aes128gcm16");
	vici_section_end(&b);
	vici_section_end(&b);
	vici_section_end(&b);
	struct vici_view answer = call_with(c, "load-conn", &b);
	expect_success(answer);
	return answer;
}

static void load_key(struct vici_client *c, const char *id, const char *value)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, "id", id);
	vici_key_text(&b, "type", "IKE");
	vici_key_text(&b, "data", value);
	vici_list_start(&b, "owners");
	vici_item_text(&b, "host1.example.org");
	vici_item_text(&b, "host2.example.org");
	vici_list_end(&b);
	expect_success(call_with(c, "load-shared", &b));
}

static size_t items(struct vici_view list)
{
	size_t count = 0;

	VICI_EACH(item, list)
	count++;
	return count;
}

START_TEST(version_and_stats_answer)
{
	ck_assert(vici_is(vici_get(call(client, "version"), "sysname"), "Linux"));
	struct vici_view stats = call(client, "stats");
	ck_assert(vici_is(vici_get(vici_find(stats, "ikesas"), "total"), "0"));
	ck_assert(vici_get(vici_find(stats, "uptime"), "since").length > 0);
	ck_assert(vici_is(vici_value(vici_first(vici_find(stats, "plugins"))), "charon-lite"));
}
END_TEST

START_TEST(connections_are_loaded_listed_and_unloaded)
{
	load_home(client, 1, 2, 500);
	load_home(client, 1, 2, 500);
	ck_assert_uint_eq(items(vici_find(call(client, "get-conns"), "conns")), 1);
	expect_success(call_text("unload-conn", "name", "home"));
	expect_failure(call_text("unload-conn", "name", "home"), "connection 'home' not found");
	expect_failure(call(client, "unload-conn"), "missing connection name");
	ck_assert_uint_eq(items(vici_find(call(client, "get-conns"), "conns")), 0);
}
END_TEST

/* The second time remote_port and the networks differ. */
START_TEST(a_changed_connection_is_answered_with_how_it_takes_effect)
{
	load_home(client, 1, 2, 500);
	load_home(client, 1, 2, 500);
	ck_assert(!vici_present(vici_find(load_home(client, 1, 2, 500), "changes")));
	struct vici_view changes = vici_find(load_home(client, 1, 2, 4500), "changes");
	ck_assert(vici_is(vici_get(changes, "home"), "with the next IKE_SA: remote_port"));
}
END_TEST

/* One that is wrong keeps its companions in the same message out too. */
START_TEST(a_wrong_message_changes_nothing)
{
	struct vici_builder b = { 0 };

	vici_section_start(&b, "good");
	put_round(&b, "local", "a");
	put_round(&b, "remote", "b");
	vici_section_end(&b);
	vici_section_start(&b, "bad");
	vici_key_text(&b, "nonsense", "1");
	vici_section_end(&b);
	expect_failure(call_with(client, "load-conn", &b), "unknown option: nonsense");
	ck_assert_uint_eq(items(vici_find(call(client, "get-conns"), "conns")), 0);
}
END_TEST

START_TEST(secrets_are_loaded_listed_and_unloaded)
{
	load_key(client, "ike-a", "x");
	load_key(client, "ike-b", "y");
	load_key(client, "ike-a", "z");
	ck_assert_uint_eq(items(vici_find(call(client, "get-shared"), "keys")), 2);
	expect_success(call_text("unload-shared", "id", "ike-a"));
	expect_failure(call(client, "unload-shared"), "unique identifier missing");
	ck_assert_uint_eq(items(vici_find(call(client, "get-shared"), "keys")), 1);
	expect_failure(call_text("load-shared", "type", "ike"), "shared key data missing");
	expect_failure(call_text("load-shared", "type", "foo"), "invalid shared key type: foo");
	expect_success(call(client, "clear-creds"));
	ck_assert_uint_eq(items(vici_find(call(client, "get-shared"), "keys")), 0);
}
END_TEST

static struct vici_view load_pool(const char *addrs, const char *dns)
{
	struct vici_builder b = { 0 };

	vici_section_start(&b, "rw");
	if (addrs)
		vici_key_text(&b, "addrs", addrs);
	vici_list_start(&b, "dns");
	vici_item_text(&b, dns);
	vici_list_end(&b);
	vici_section_end(&b);
	struct vici_view answer = call_with(client, "load-pool", &b);
	vici_builder_free(&b);
	return answer;
}

START_TEST(pools_are_loaded_shown_and_unloaded)
{
	struct vici_view pool;

	expect_success(load_pool("10.3.0.0/24", "10.1.0.53"));
	pool = vici_find(call(client, "get-pools"), "rw");
	ck_assert(vici_is(vici_get(pool, "base"), "10.3.0.1"));
	ck_assert(vici_is(vici_get(pool, "size"), "254"));
	ck_assert(vici_is(vici_get(pool, "online"), "0"));
	ck_assert(vici_is(vici_get(pool, "offline"), "0"));
	ck_assert(!vici_present(vici_find(pool, "leases")));
	ck_assert(vici_present(
		vici_find(vici_find(call_text("get-pools", "leases", "yes"), "rw"), "leases")));
	expect_success(load_pool("10.3.0.1-10.3.0.9", "10.1.0.53"));
	pool = vici_find(call_text("get-pools", "name", "rw"), "rw");
	ck_assert(vici_is(vici_get(pool, "size"), "9"));
	ck_assert(!vici_present(vici_first(call_text("get-pools", "name", "other"))));
	expect_failure(call_text("get-pools", "leases-after", "rubbish"), "invalid leases-after");
	expect_failure(load_pool(NULL, "10.1.0.53"), "missing addrs for pool 'rw'");
	expect_failure(load_pool("10.3.0.0/24", "ns"),
		"invalid value for: dns, config discarded: 'ns' is no address");
	expect_failure(call(client, "unload-pool"), "missing pool name to unload");
	expect_success(call_text("unload-pool", "name", "rw"));
	expect_failure(call_text("unload-pool", "name", "rw"), "rw not found");
	ck_assert(!vici_present(vici_first(call(client, "get-pools"))));
}
END_TEST

START_TEST(what_comes_later_says_so)
{
	static const char *const empty[] = { "get-pools", "list-certs", "list-authorities" };

	expect_failure(call(client, "load-token"), "is not supported by this version");
	for (size_t i = 0; i < sizeof(empty) / sizeof(*empty); i++)
		ck_assert(!vici_present(vici_first(call(client, empty[i]))));
	expect_success(call(client, "flush-certs"));
	ck_assert(vici_present(vici_find(call(client, "get-keys"), "keys")));
	ck_assert(vici_present(vici_find(call(client, "get-authorities"), "authorities")));
}
END_TEST

START_TEST(unknown_commands_and_events_are_said_to_be_unknown)
{
	static const char *const events[] = { "nosuch" };
	struct vici_view answer;
	struct why why;

	ck_assert_int_eq(
		vici_client_call(client, &(struct vici_call){ .command = "nosuch" }, &answer, &why),
		VICI_UNKNOWN_COMMAND);
	ck_assert_int_eq(vici_client_call(client,
				 &(struct vici_call){
					 .command = "version", .events = events, .event_count = 1 },
				 &answer, &why),
		VICI_UNKNOWN_EVENT);
	expect_success(call(client, "reset-counters"));
}
END_TEST

START_TEST(requests_without_what_they_need_are_refused)
{
	expect_failure(call(client, "initiate"), "missing configuration name");
	expect_failure(call(client, "terminate"), "missing terminate selector");
	expect_failure(call(client, "rekey"), "missing rekey selector");
	expect_failure(call(client, "install"), "missing configuration name");
	expect_failure(call(client, "uninstall"), "missing configuration name");
	expect_failure(call_text("initiate", "child", "nosuch"), "nosuch");
	expect_failure(call_text("initiate", "ike", "nosuch"), "nosuch");
	expect_failure(call_text("install", "child", "nosuch"), "");
	expect_failure(
		call_text("terminate", "ike", "nosuch"), "no matching SAs to terminate found");
	expect_failure(call_text("rekey", "child", "nosuch"), "no matching SAs to rekey found");
	expect_failure(call_text("get-counters", "name", "nosuch"), "no counters found");
}
END_TEST

struct seen {
	unsigned count;
	char names[4096];
	char vips[128]; /* of the last IKE SA */
};

static void see(void *context, struct bytes name, struct vici_view message)
{
	struct seen *seen = context;
	struct bytes first = vici_name(vici_first(message));
	size_t length = strlen(seen->names);

	seen->count++;
	VICI_EACH(sa, message)
	{
		struct bytes local = vici_value(vici_first(vici_find(sa, "local-vips")));
		struct bytes remote = vici_value(vici_first(vici_find(sa, "remote-vips")));

		snprintf(seen->vips, sizeof(seen->vips), "%.*s/%.*s", (int)local.length,
			(const char *)local.at, (int)remote.length, (const char *)remote.at);
	}
	snprintf(seen->names + length, sizeof(seen->names) - length, "%.*s:%.*s ", (int)name.length,
		(const char *)name.at, (int)first.length, (const char *)first.at);
}

static struct vici_view call_with_events(
	const char *command, struct vici_builder *arguments, const char *event, struct seen *seen)
{
	const char *const events[] = { event };
	struct vici_view answer;
	struct why why;

	*seen = (struct seen){ 0 };
	ck_assert_int_eq(vici_client_call(client,
				 &(struct vici_call){ .command = command,
					 .arguments = arguments,
					 .events = events,
					 .event_count = 1,
					 .on_event = see,
					 .context = seen },
				 &answer, &why),
		VICI_OK);
	if (arguments)
		vici_builder_free(arguments);
	return answer;
}

START_TEST(lists_come_as_events_to_who_asked_for_them)
{
	struct seen seen;

	load_home(client, 1, 2, 500);
	call_with_events("list-conns", NULL, "list-conn", &seen);
	ck_assert_str_eq(seen.names, "list-conn:home ");
	struct vici_builder b = text_argument("ike", "nosuch");
	call_with_events("list-conns", &b, "list-conn", &seen);
	ck_assert_uint_eq(seen.count, 0);
	expect_success(call_text("install", "child", "net"));
	call_with_events("list-policies", NULL, "list-policy", &seen);
	ck_assert_str_eq(seen.names, "list-policy:home/net ");
	b = text_argument("pass", "yes");
	call_with_events("list-policies", &b, "list-policy", &seen);
	ck_assert_uint_eq(seen.count, 0);
	expect_success(call_text("uninstall", "child", "net"));
	expect_failure(call_text("uninstall", "child", "net"), "");
	call_with_events("list-policies", NULL, "list-policy", &seen);
	ck_assert_uint_eq(seen.count, 0);
}
END_TEST

START_TEST(what_one_message_cannot_carry_comes_in_several)
{
	struct vici_builder b = { 0 };
	struct seen seen;

	vici_section_start(&b, "large");
	vici_section_start(&b, "children");
	for (unsigned i = 0; i < 3500; i++) {
		vici_section_start_format(&b, "child-%u", i);
		vici_section_end(&b);
	}
	vici_section_end(&b);
	vici_section_end(&b);
	expect_success(call_with(client, "load-conn", &b));
	call_with_events("list-conns", NULL, "list-conn", &seen);
	ck_assert_str_eq(seen.names, "list-conn:large list-conn:large ");
}
END_TEST

START_TEST(algorithms_are_listed_once_by_name)
{
	struct vici_view answer = call(client, "get-algorithms");
	struct vici_view encryption = vici_find(answer, "encryption");
	unsigned cbc = 0;

	VICI_EACH(each, encryption)
	cbc += vici_is(vici_name(each), "AES_CBC");
	ck_assert_uint_eq(cbc, 1);
	ck_assert(vici_get(vici_find(answer, "aead"), "AES_GCM_16").length > 0);
	ck_assert(vici_get(vici_find(answer, "ke"), "CURVE_25519").length > 0);
}
END_TEST

/* Nobody is at the other end: the time that the caller gives it ends it. */
START_TEST(an_initiation_ends_with_its_time_and_goes_on_without_waiting)
{
	struct vici_builder b = { 0 };

	load_home(client, 1, 2, 9);
	load_key(client, "k", "secret");
	vici_key_text(&b, "child", "net");
	vici_key_text(&b, "timeout", "1");
	expect_failure(
		call_with(client, "initiate", &b), "CHILD_SA 'net' not established after 1ms");
	b = text_argument("ike", "home");
	vici_key_text(&b, "timeout", "-1");
	vici_key_text(&b, "force", "yes");
	expect_success(call_with(client, "terminate", &b));
	b = text_argument("child", "net");
	vici_key_text(&b, "timeout", "-1");
	expect_success(call_with(client, "initiate", &b));
}
END_TEST

static struct vici_view redirect(const char *selector, const char *value)
{
	struct vici_builder b = text_argument(selector, value);

	vici_key_text(&b, "gateway", "192.0.2.7");
	return call_with(client, "redirect", &b);
}

START_TEST(two_daemons_make_a_tunnel_and_end_it)
{
	struct seen seen;

	running_start(&sun, NULL);
	struct vici_client *other = running_client(&sun);
	load_home(client, 1, 2, sun.port_nat_t);
	load_home(other, 2, 1, moon.port_nat_t);
	load_key(client, "k", "secret");
	load_key(other, "k", "secret");
	struct vici_builder b = text_argument("child", "net");
	expect_success(call_with_events("initiate", &b, "control-log", &seen));
	ck_assert_uint_gt(seen.count, 3);
	call_with_events("list-sas", NULL, "list-sa", &seen);
	ck_assert_str_eq(seen.names, "list-sa:home ");
	b = text_argument("child", "nosuch");
	call_with_events("list-sas", &b, "list-sa", &seen);
	ck_assert_uint_eq(seen.count, 1); /* the IKE SA, without children: as strongSwan has it */
	ck_assert(vici_is(vici_get(vici_find(call(other, "stats"), "ikesas"), "total"), "1"));
	b = text_argument("all", "yes");
	struct vici_view counters = vici_find(call_with(client, "get-counters", &b), "counters");
	ck_assert(vici_is(vici_get(vici_find(counters, "home"), "ike-auth-out-req"), "1"));
	b = text_argument("all", "yes");
	expect_success(call_with(client, "reset-counters", &b));
	b = text_argument("all", "yes");
	counters = vici_find(call_with(client, "get-counters", &b), "counters");
	ck_assert(vici_is(vici_get(vici_find(counters, "home"), "ike-auth-out-req"), "0"));
	expect_failure(redirect("ike", "home"), "1 of 1 IKE_SAs are not redirected: unable to ");
	expect_failure(
		redirect("peer-ip", "127.0.0.0/8"), "unable to redirect IKE_SA as initiator");
	expect_failure(redirect("peer-id", "*.example.org"), "redirect IKE_SA as initiator");
	expect_failure(redirect("peer-ip", "10.0.0.1-10.0.0.9"), "no matching SAs to redirect");
	expect_failure(redirect("peer-id", "other"), "no matching SAs to redirect found");
	expect_failure(redirect("ike", "other"), "no matching SAs to redirect found");
	expect_failure(redirect("peer-ip", "rubbish"), "invalid peer IP selector");
	expect_failure(redirect("foo", "bar"), "missing redirect selector");
	expect_failure(call(client, "redirect"), "missing target gateway");
	b = text_argument("ike", "home");
	vici_key_text(&b, "gateway", "192.0.2.0/24");
	expect_failure(call_with(client, "redirect", &b), "unsupported gateway identity");
	/* Once more is once too much; who does not wait is not told. */
	expect_failure(call_text("initiate", "child", "net"), "there is a duplicate, {1}");
	b = text_argument("child", "net");
	vici_key_text(&b, "timeout", "-1");
	expect_success(call_with(client, "initiate", &b));
	struct vici_view answer = call_text("rekey", "child", "net");
	expect_success(answer);
	ck_assert(vici_is(vici_get(answer, "matches"), "1"));
	running_expect(&sun, "inbound CHILD_SA net{2} established");
	b = text_argument("ike", "home");
	vici_key_text(&b, "gateway", "192.0.2.7");
	answer = call_with(other, "redirect", &b);
	expect_success(answer);
	ck_assert(vici_is(vici_get(answer, "matches"), "1"));
	running_expect(&sun, "redirecting peer to 192.0.2.7");
	running_expect(&moon, "redirects us to 192.0.2.7");
	answer = call_text("terminate", "ike", "home");
	expect_success(answer);
	/* The tunnel, and the attempt to have it elsewhere. */
	ck_assert(vici_is(vici_get(answer, "matches"), "2"));
	ck_assert(vici_is(vici_get(answer, "terminated"), "2"));
	call_with_events("list-sas", NULL, "list-sa", &seen);
	ck_assert_uint_eq(seen.count, 0);
	vici_client_free(other);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

START_TEST(a_client_gets_an_address_of_the_gateways_pool)
{
	struct vici_view pool, lease;
	struct seen seen;

	home_vips = "0.0.0.0";
	home_pools = "rw";
	struct vici_client *gateway = client;
	running_start(&sun, NULL);
	client = running_client(&sun);
	load_home(client, 1, 2, moon.port_nat_t);
	load_home(gateway, 2, 1, sun.port_nat_t);
	load_key(client, "k", "secret");
	load_key(gateway, "k", "secret");
	struct vici_client *road_warrior = client;
	client = gateway;
	expect_success(load_pool("10.3.0.0/24", "10.2.0.53"));
	client = road_warrior;
	/* local_ts is not dynamic: only the IKE SA comes up */
	(void)call_text("initiate", "ike", "home");
	call_with_events("list-sas", NULL, "list-sa", &seen);
	ck_assert_str_eq(seen.vips, "10.3.0.1/");
	client = gateway;
	call_with_events("list-sas", NULL, "list-sa", &seen);
	ck_assert_str_eq(seen.vips, "/10.3.0.1");
	pool = vici_find(call_text("get-pools", "leases", "yes"), "rw");
	ck_assert(vici_is(vici_get(pool, "online"), "1"));
	lease = vici_first(vici_find(pool, "leases"));
	ck_assert(vici_is(vici_get(lease, "address"), "10.3.0.1"));
	ck_assert(vici_is(vici_get(lease, "identity"), "host1.example.org"));
	ck_assert(vici_is(vici_get(lease, "status"), "online"));
	expect_failure(
		call_text("unload-pool", "name", "rw"), "rw has online leases, unable to unload");
	expect_success(call_text("terminate", "ike", "home"));
	pool = vici_find(call(client, "get-pools"), "rw");
	ck_assert(vici_is(vici_get(pool, "offline"), "1"));
	expect_success(call_text("unload-pool", "name", "rw"));
	vici_client_free(road_warrior);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

START_TEST(stopping_tells_the_peer)
{
	running_start(&sun, NULL);
	struct vici_client *other = running_client(&sun);
	load_home(client, 1, 2, sun.port_nat_t);
	load_home(other, 2, 1, moon.port_nat_t);
	load_key(client, "k", "secret");
	load_key(other, "k", "secret");
	expect_success(call_text("initiate", "child", "net"));
	vici_client_free(other);
	ck_assert_int_eq(running_stop(&sun), 0);
	running_expect(&moon, "received DELETE for IKE_SA home[1]");
	ck_assert(vici_is(vici_get(vici_find(call(client, "stats"), "ikesas"), "total"), "0"));
}
END_TEST

START_TEST(a_wrong_secret_ends_with_a_reason)
{
	running_start(&sun, NULL);
	struct vici_client *other = running_client(&sun);
	load_home(client, 1, 2, sun.port_nat_t);
	load_home(other, 2, 1, moon.port_nat_t);
	load_key(client, "k", "secret");
	load_key(other, "k", "another");
	expect_failure(
		call_text("initiate", "child", "net"), "establishing CHILD_SA 'net' failed: ");
	ck_assert(vici_is(vici_get(vici_find(call(client, "stats"), "ikesas"), "total"), "0"));
	vici_client_free(other);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

/* What an explain event or an alert says, in the tests' words. */
struct told {
	unsigned count;
	char name[64], state[32], reason[64], cure[512], phase[32];
};

static void keep_text(char *ret, size_t size, struct vici_view section, const char *key)
{
	struct bytes value = vici_get(section, key);

	snprintf(ret, size, "%.*s", (int)value.length, (const char *)value.at);
}

static void keep_failure(struct told *told, struct vici_view failure)
{
	keep_text(told->reason, sizeof(told->reason), failure, "reason");
	keep_text(told->cure, sizeof(told->cure), failure, "cure");
	keep_text(told->phase, sizeof(told->phase), failure, "phase");
}

/* An alert is a failure itself; what explain tells has a list of them, the latest first. */
static void see_failure(void *context, struct bytes name, struct vici_view message)
{
	struct told *told = context;
	bool alert = bytes_equal(name, bytes_of_text("alert"));

	struct vici_view section = alert ? message : vici_first(message);

	told->count++;
	if (alert)
		keep_text(told->name, sizeof(told->name), message, "connection");
	else
		snprintf(told->name, sizeof(told->name), "%.*s", (int)vici_name(section).length,
			(const char *)vici_name(section).at);
	keep_text(told->state, sizeof(told->state), section, "state");
	keep_failure(told, alert ? message : vici_first(vici_find(section, "failures")));
}

static struct vici_view tell(struct vici_client *c, const char *command, const char *key,
	const char *value, const char *event, struct told *told)
{
	struct vici_builder b = text_argument(key, value);
	struct vici_call what = { command, &b, &event, 1, see_failure, told };
	struct vici_view answer;
	struct why why;

	*told = (struct told){ 0 };
	ck_assert_int_eq(vici_client_call(c, &what, &answer, &why), VICI_OK);
	vici_builder_free(&b);
	return answer;
}

START_TEST(failures_are_announced_and_explained)
{
	struct told told;

	running_start(&sun, NULL);
	struct vici_client *other = running_client(&sun);
	load_home(client, 1, 2, sun.port_nat_t);
	load_home(other, 2, 1, moon.port_nat_t);
	load_key(client, "k", "secret");
	load_key(other, "k", "another");
	tell(client, "explain", "ike", "home", "explain", &told);
	ck_assert_uint_eq(told.count, 1);
	ck_assert_str_eq(told.state, "DOWN");
	ck_assert_str_eq(told.reason, "");
	expect_failure(tell(client, "initiate", "child", "net", "alert", &told), "differ");
	ck_assert_uint_eq(told.count, 1);
	ck_assert_str_eq(told.name, "home");
	ck_assert_str_eq(told.reason, "authentication-failed");
	ck_assert_ptr_nonnull(strstr(told.cure, "set the same secret at both ends"));
	tell(other, "explain", "ike", "home", "explain", &told);
	ck_assert_str_eq(told.reason, "authentication-failed");
	ck_assert_str_eq(told.phase, "IKE_AUTH");
	load_key(other, "k", "secret");
	expect_success(call_text("initiate", "child", "net"));
	tell(client, "explain", "ike", "home", "explain", &told);
	ck_assert_str_eq(told.state, "ESTABLISHED");
	expect_failure(tell(client, "explain", "ike", "nosuch", "explain", &told),
		"no connection named 'nosuch' is loaded");
	vici_client_free(other);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

/* Somebody comes whom no connection is for: explained without a connection's name. */
START_TEST(what_fits_no_connection_is_explained_too)
{
	struct told told;

	running_start(&sun, NULL);
	struct vici_client *other = running_client(&sun);
	load_home(client, 1, 2, sun.port_nat_t);
	load_home(other, 2, 3, sun.port_nat_t);
	load_key(client, "k", "secret");
	expect_failure(tell(client, "initiate", "child", "net", "alert", &told), "NO_PROPOSAL");
	tell(other, "explain", "nothing", "", "explain", &told);
	ck_assert_uint_eq(told.count, 2);
	ck_assert_str_eq(told.name, "(unnamed)");
	ck_assert_str_eq(told.reason, "no-connection");
	ck_assert_ptr_nonnull(strstr(told.cure, "127.0.0.1"));
	vici_client_free(other);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

TCase *vici_cases(void)
{
	TCase *tests = tcase_create("vici");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, version_and_stats_answer);
	tcase_add_test(tests, connections_are_loaded_listed_and_unloaded);
	tcase_add_test(tests, a_changed_connection_is_answered_with_how_it_takes_effect);
	tcase_add_test(tests, a_wrong_message_changes_nothing);
	tcase_add_test(tests, secrets_are_loaded_listed_and_unloaded);
	tcase_add_test(tests, pools_are_loaded_shown_and_unloaded);
	tcase_add_test(tests, what_comes_later_says_so);
	tcase_add_test(tests, unknown_commands_and_events_are_said_to_be_unknown);
	tcase_add_test(tests, requests_without_what_they_need_are_refused);
	tcase_add_test(tests, lists_come_as_events_to_who_asked_for_them);
	tcase_add_test(tests, what_one_message_cannot_carry_comes_in_several);
	tcase_add_test(tests, algorithms_are_listed_once_by_name);
	tcase_add_test(tests, an_initiation_ends_with_its_time_and_goes_on_without_waiting);
	tcase_add_test(tests, two_daemons_make_a_tunnel_and_end_it);
	tcase_add_test(tests, a_client_gets_an_address_of_the_gateways_pool);
	tcase_add_test(tests, stopping_tells_the_peer);
	tcase_add_test(tests, a_wrong_secret_ends_with_a_reason);
	tcase_add_test(tests, failures_are_announced_and_explained);
	tcase_add_test(tests, what_fits_no_connection_is_explained_too);
	return tests;
}
