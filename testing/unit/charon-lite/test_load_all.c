/* A configuration as a whole: begin-load, commit-load, and --load-all's options. */
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <stdlib.h>
#include <string.h>

static struct running daemon_;
static struct vici_client *client;

static void begin(void)
{
	running_start(&daemon_, NULL);
	client = running_client(&daemon_);
}

static void end(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/swanctl.conf", daemon_.directory);
	(void)remove(path);
	vici_client_free(client);
	ck_assert_int_eq(running_stop(&daemon_), 0);
}

static const char *run(const char *arguments, const char *conf)
{
	return running_swanctl_with(&daemon_, arguments, conf);
}

static void expect_in(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

#define PEER(address) \
	"remote_addrs = " address "\nlocal { auth = psk\n }\nremote { auth = psk\n }\n"
#define CONNECTION(name, address, more) \
	name " { " PEER(address) more "\nchildren { net { remote_ts = 10.1.0.0/16\n } }\n }\n"

#define FIRST                                                                                   \
	"connections {\n" CONNECTION("a", "192.0.2.1", "") CONNECTION("b", "192.0.2.2", "")     \
		CONNECTION("c", "192.0.2.3", "") "}\n"                                          \
						 "pools {\n p { addrs = 10.3.0.0/24\n }\n q "   \
						 "{ addrs = 10.4.0.0/24\n }\n}\n"               \
						 "secrets {\n ike-1 { id = x\n secret = one\n " \
						 "}\n}\n"                                       \
						 "clients {\n k { id = k@example.org\n "        \
						 "networks = 10.5.0.0/24\n }\n l { id = "       \
						 "l@example.org\n networks = 10.6.0.0/24\n "    \
						 "}\n}\n"

/* ---- Dry runs ---- */

START_TEST(a_dry_run_tells_of_every_object_and_changes_none)
{
	expect_in(run("--load-all --dry-run", FIRST),
		"secret 'ike-1': added\npool 'p': added\npool 'q': added\nclient 'k': added\n"
		"client 'l': added\nconnection 'a': added\nconnection 'b': added\n"
		"connection 'c': added\nnot applied: 8 added\n0\n");
	ck_assert_str_eq(run("--list-conns", FIRST), "0\n");
	expect_in(run("--load-all", FIRST), "successfully loaded 3 connections, 0 unloaded\n0\n");
	expect_in(run("--load-all --dry-run", FIRST), "not applied: 8 unchanged\n0\n");
}
END_TEST

START_TEST(a_dry_run_names_what_differs_and_how_it_takes_effect)
{
	static const char changed[] =
		"connections {\n" CONNECTION("a", "192.0.2.1", "dpd_delay = 7s") "b { " PEER(
			"192.0.2.2") "children { net { remote_ts = "
				     "10.2.0.0/16\n } }\n }\n"
				     "d { " PEER(
					     "192.0.2.4") "}\n}\n"
							  "pools {\n p { addrs = 10.3.0.0/24\n dns "
							  "= 10.3.0.1\n }\n}\n"
							  "secrets {\n ike-1 { id = y\n secret = "
							  "two\n }\n}\n"
							  "clients {\n k { id = k@example.org\n "
							  "networks = 10.6.0.0/24\n }\n}\n";

	run("--load-all", FIRST);
	ck_assert_str_eq(run("--load-all --dry-run", changed),
		"secret 'ike-1': in place (secret, id)\n"
		"pool 'p': in place (attributes)\n"
		"pool 'q': removed\n"
		"client 'l': removed\n"
		"client 'k': at next rekey (networks)\n"
		"connection 'a': in place (at once: dpd_delay)\n"
		"connection 'b': rebuilt (by making the child anew: net.remote_ts)\n"
		"connection 'd': added\n"
		"connection 'c': removed\n"
		"not applied: 3 in place, 1 at next rekey, 1 rebuilt, 1 added, 3 removed\n0\n");
	expect_in(run("--load-all --dry-run", FIRST), "not applied: 8 unchanged\n0\n");
	expect_in(run("--load-all --dry-run --json", changed),
		"{\"kind\":\"connection\",\"name\":\"a\",\"change\":\"in-place\","
		"\"keys\":\"at once: dpd_delay\"}\n");
}
END_TEST

/* ---- What is no good ---- */

#define BROKEN                                                                                    \
	"connections {\n" CONNECTION("a", "192.0.2.1", "dpd_delay = 7s") CONNECTION(              \
		"b", "192.0.2.2", "aggressive = perhaps") CONNECTION("c", "192.0.2.3",            \
		"") "}\npools {\n p { addrs = 10.3.0.0/24\n }\n q { addrs = 10.4.0.0/24\n }\n}\n" \
		    "secrets {\n ike-1 { id = x\n secret = one\n }\n}\n"                          \
		    "clients {\n k { id = k@example.org\n networks = 10.5.0.0/24\n }\n l "        \
		    "{ id = l@example.org\n networks = 10.6.0.0/24\n }\n}\n"

START_TEST(what_is_refused_is_named_and_left_out_alone)
{
	run("--load-all", FIRST);
	expect_in(run("--load-all", BROKEN),
		"loaded connection 'a'\n  at once: dpd_delay\nloaded connection 'c'\n");
	expect_in(
		run("--load-all --dry-run", BROKEN), "connection 'b': refused (invalid value for:");
	expect_in(run("--load-all --dry-run", BROKEN), "not applied: 7 unchanged, 1 refused\n22\n");
	expect_in(run("--load-all --dry-run", FIRST), "7 unchanged, 1 in place\n");
}
END_TEST

START_TEST(with_strict_nothing_is_applied_unless_all_is_good)
{
	run("--load-all", FIRST);
	expect_in(run("--load-all --strict", BROKEN), "nothing is applied: 1 refused\n22\n");
	expect_in(run("--load-all --dry-run", FIRST), "not applied: 8 unchanged\n0\n");
	expect_in(run("--load-all --strict",
			  "connections {\n" CONNECTION("a", "192.0.2.1", "") "}\n"),
		"applied: 1 unchanged, 7 removed\n0\n");
}
END_TEST

/* A file of credentials that cannot be read is a fault, too; so is a file that is none. */
START_TEST(with_strict_what_cannot_even_be_sent_counts)
{
	run("--load-all", FIRST);
	expect_in(run("--load-all --strict",
			  "connections {\n a { remote { certs = none.pem\n } }\n}\n"),
		"nothing is applied: 1 faults in files\n22\n");
	expect_in(run("--load-all --strict", "secrets {\n ike-2 { secret = 0xzz\n }\n}\n"),
		"nothing is applied: 1 faults in files\n22\n");
	expect_in(run("--load-all", "connections {\n a {"), "22\n");
	expect_in(run("--load-all --dry-run", FIRST), "not applied: 8 unchanged\n0\n");
}
END_TEST

/* ---- One for another ---- */

START_TEST(objects_exchange_what_they_have_in_one_commit)
{
	static const char exchanged[] =
		"pools {\n p { addrs = 10.4.0.0/24\n }\n q { addrs = 10.3.0.0/24\n }\n}\n"
		"clients {\n k { id = l@example.org\n networks = 10.6.0.0/24\n }\n"
		" l { id = k@example.org\n networks = 10.5.0.0/24\n }\n}\n";

	run("--load-all", FIRST);
	expect_in(run("--load-all --strict", exchanged), "applied: 2 in place, 2 at next rekey, ");
	ck_assert_str_eq(run("--list-clients", exchanged),
		"k                    'l@example.org' 10.6.0.0/24\n"
		"l                    'k@example.org' 10.5.0.0/24\n0\n");
	expect_in(run("--list-pools", exchanged), "10.4.0.1 ");
}
END_TEST

START_TEST(clients_that_want_the_same_are_refused_and_the_others_are_not)
{
	static const char both[] = "clients {\n k { id = k@example.org\n networks = 10.6.0.0/24\n "
				   "}\n l { id = l@example.org\n networks = 10.6.0.0/25\n }\n"
				   " m { id = m@example.org\n networks = 10.7.0.0/24\n }\n}\n";

	run("--load-all", FIRST);
	expect_in(run("--load-all --strict", both), "nothing is applied: 1 refused\n22\n");
	expect_in(run("--list-clients", both),
		"l                    'l@example.org' 10.6.0.0/24\n0\n");
	run("--load-all", both);
	expect_in(
		run("--list-clients", both), "m                    'm@example.org' 10.7.0.0/24\n");
}
END_TEST

/* ---- The messages themselves ---- */

static void stage_connection(struct vici_client *c, const char *name, const char *dpd_delay)
{
	struct vici_builder b = { 0 };

	vici_section_start(&b, name);
	vici_key_text(&b, "dpd_delay", dpd_delay);
	vici_section_start(&b, "local");
	vici_key_text(&b, "auth", "psk");
	vici_section_end(&b);
	vici_section_start(&b, "remote");
	vici_key_text(&b, "auth", "psk");
	vici_section_end(&b);
	vici_section_end(&b);
	expect_success(call_with(c, "load-conn", &b));
}

static bool is_loaded(struct vici_client *c, const char *name)
{
	bool found = false;

	VICI_EACH(each, vici_find(call(c, "get-conns"), "conns"))
	found = found || vici_is(vici_value(each), name);
	return found;
}

START_TEST(a_staging_ends_with_its_client)
{
	struct vici_client *other = running_client(&daemon_);
	struct vici_builder key = { 0 };

	expect_success(call(other, "begin-load"));
	stage_connection(other, "a", "5");
	vici_key_text(&key, "id", "ike-1");
	vici_key_text(&key, "type", "ike");
	vici_key_text(&key, "data", "staged and forgotten");
	expect_success(call_with(other, "load-shared", &key));
	ck_assert(!is_loaded(other, "a"));
	vici_client_free(other);
	running_swanctl(&daemon_, "--stats");
	ck_assert(!is_loaded(client, "a"));
	expect_failure(call(client, "commit-load"), "nothing is staged");
}
END_TEST

START_TEST(of_two_stagings_the_last_to_commit_prevails)
{
	struct vici_client *other = running_client(&daemon_);
	struct vici_view answer;

	expect_success(call(client, "begin-load"));
	expect_success(call(other, "begin-load"));
	stage_connection(client, "both", "5");
	stage_connection(client, "mine", "5");
	stage_connection(other, "both", "9");
	expect_success(call(other, "commit-load"));
	ck_assert(is_loaded(other, "both"));
	ck_assert(!is_loaded(other, "mine"));
	answer = call(client, "commit-load");
	expect_success(answer);
	ck_assert(vici_is(vici_get(answer, "applied"), "yes"));
	ck_assert(is_loaded(client, "mine"));
	expect_in(running_swanctl(&daemon_, "--list-conns"), "dpd delay 5s");
	/* the second begin-load forgets the first */
	expect_success(call(other, "begin-load"));
	stage_connection(other, "never", "5");
	expect_success(call(other, "begin-load"));
	expect_success(call(other, "commit-load"));
	ck_assert(!is_loaded(other, "never"));
	vici_client_free(other);
}
END_TEST

/* Another client takes away what a staging wants to: that is no fault of its. */
START_TEST(what_is_gone_meanwhile_need_not_be_unloaded)
{
	struct vici_client *other = running_client(&daemon_);
	struct vici_builder name = { 0 }, again = { 0 }, strict = { 0 };

	stage_connection(client, "a", "5");
	expect_success(call(other, "begin-load"));
	vici_key_text(&name, "name", "a");
	expect_success(call_with(other, "unload-conn", &name));
	ck_assert(is_loaded(other, "a"));
	vici_key_text(&again, "name", "a");
	expect_success(call_with(client, "unload-conn", &again));
	vici_key_text(&strict, "strict", "yes");
	expect_success(call_with(other, "commit-load", &strict));
	vici_client_free(other);
}
END_TEST

START_TEST(private_keys_are_nobodys_before_the_commit)
{
	struct vici_client *other = running_client(&daemon_);
	struct vici_builder key = { 0 }, again = { 0 };
	char text[4096], path[128], command[256];

	snprintf(path, sizeof(path), "%s/key.pem", daemon_.directory);
	snprintf(command, sizeof(command), "%s --genkey %s", getenv("SWANCTL_LITE"), path);
	ck_assert_int_eq(system(command), 0);
	FILE *file = fopen(path, "re");
	size_t length = fread(text, 1, sizeof(text), file);
	fclose(file);
	(void)remove(path);

	expect_success(call(other, "begin-load"));
	vici_key_text(&key, "type", "any");
	vici_key_bytes(&key, "data", bytes_of(text, length));
	expect_success(call_with(other, "load-key", &key));
	ck_assert(!vici_present(vici_first(vici_find(call(client, "get-keys"), "keys"))));
	vici_client_free(other);
	ck_assert(!vici_present(vici_first(vici_find(call(client, "get-keys"), "keys"))));
	expect_success(call(client, "begin-load"));
	vici_key_text(&again, "type", "any");
	vici_key_bytes(&again, "data", bytes_of(text, length));
	expect_success(call_with(client, "load-key", &again));
	expect_success(call(client, "commit-load"));
	ck_assert(vici_present(vici_first(vici_find(call(client, "get-keys"), "keys"))));
}
END_TEST

TCase *load_all_cases(void)
{
	TCase *c = tcase_create("load_all");

	tcase_add_checked_fixture(c, begin, end);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_dry_run_tells_of_every_object_and_changes_none);
	tcase_add_test(c, a_dry_run_names_what_differs_and_how_it_takes_effect);
	tcase_add_test(c, what_is_refused_is_named_and_left_out_alone);
	tcase_add_test(c, with_strict_nothing_is_applied_unless_all_is_good);
	tcase_add_test(c, with_strict_what_cannot_even_be_sent_counts);
	tcase_add_test(c, objects_exchange_what_they_have_in_one_commit);
	tcase_add_test(c, clients_that_want_the_same_are_refused_and_the_others_are_not);
	tcase_add_test(c, a_staging_ends_with_its_client);
	tcase_add_test(c, of_two_stagings_the_last_to_commit_prevails);
	tcase_add_test(c, what_is_gone_meanwhile_need_not_be_unloaded);
	tcase_add_test(c, private_keys_are_nobodys_before_the_commit);
	return c;
}
