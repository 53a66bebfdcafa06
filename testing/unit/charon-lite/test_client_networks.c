/* Section `clients`: the real swanctl-lite and the real daemon. */
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

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

#define A "a { id = a@example.org\n networks = 10.2.0.0/24, fd00:2::/64 }\n"
#define B "b { id = b@example.org\n networks = 10.3.0.0/24 }\n"
#define OVER "unloaded\n0\n"

START_TEST(clients_are_loaded_listed_and_unloaded)
{
	ck_assert_str_eq(run("--load-clients", "clients {\n" A B "}\n"),
		"loaded client 'a'\nloaded client 'b'\nsuccessfully loaded 2 clients, 0 " OVER);
	ck_assert_str_eq(run("--list-clients", ""),
		"a                    'a@example.org' 10.2.0.0/24 fd00:2::/64\n"
		"b                    'b@example.org' 10.3.0.0/24\n0\n");
	ck_assert_str_eq(run("--list-clients --name b", ""),
		"b                    'b@example.org' 10.3.0.0/24\n0\n");
	ck_assert_str_eq(run("--list-clients --name c", ""), "0\n");
	ck_assert_str_eq(run("--load-clients", "clients {\n" B "}\n"),
		"loaded client 'b'\nsuccessfully loaded 1 clients, 1 " OVER);
	ck_assert_str_eq(
		run("--list-clients", ""), "b                    'b@example.org' 10.3.0.0/24\n0\n");
	ck_assert_str_eq(run("--load-clients", ""), "no clients found, 1 " OVER);
}
END_TEST

/* As with strongSwan, whose files have no such section. */
START_TEST(load_all_is_silent_about_what_is_not_there)
{
	static const char nothing[] =
		"no authorities found, 0 unloaded\nno pools found, 0 unloaded\n"
		"no connections found, 0 unloaded\n0\n";

	ck_assert_str_eq(run("--load-all", ""), nothing);
	ck_assert_str_eq(run("--load-all", "clients {\n" B "}\n"),
		"no authorities found, 0 unloaded\nno pools found, 0 unloaded\n"
		"loaded client 'b'\nsuccessfully loaded 1 clients, 0 unloaded\n"
		"no connections found, 0 unloaded\n0\n");
	ck_assert_str_eq(run("--load-all", ""),
		"no authorities found, 0 unloaded\nno pools found, 0 unloaded\n"
		"no clients found, 1 unloaded\nno connections found, 0 unloaded\n0\n");
	ck_assert_ptr_null(strstr(run("--load-all --raw", ""), "clients"));
}
END_TEST

/* Whichever of the two comes first in the file. */
START_TEST(a_network_goes_from_one_client_to_another_at_once)
{
	run("--load-clients", "clients {\n" A B "}\n");
	ck_assert_str_eq(run("--load-clients",
				 "clients {\na { id = a@example.org\n networks = 10.3.0.0/25 }\n"
				 "b { id = b@example.org\n networks = 10.4.0.0/24 }\n}\n"),
		"loaded client 'b'\nloaded client 'a'\nsuccessfully loaded 2 clients, 0 " OVER);
	ck_assert_str_eq(run("--load-clients",
				 "clients {\nnew { id = a@example.org\n networks = 10.3.0.0/25 }\n"
				 "}\n"),
		"loaded client 'new'\nsuccessfully loaded 1 clients, 2 " OVER);
}
END_TEST

#define CLIENT(name, id, networks) name " { id = " id "@example.org\n networks = " networks " }\n"
#define LISTED(name, id, networks) name "                    '" id "@example.org' " networks "\n"

START_TEST(clients_exchange_networks_and_ids_in_one_load)
{
	run("--load-clients", "clients {\n" A B "}\n");
	ck_assert_str_eq(run("--load-clients", "clients {\n" CLIENT("a", "a", "10.3.0.0/24")
						       CLIENT("b", "b", "10.2.0.0/24") "}\n"),
		"loaded client 'a'\nloaded client 'b'\nsuccessfully loaded 2 clients, 0 " OVER);
	ck_assert_str_eq(run("--list-clients", ""),
		LISTED("a", "a", "10.3.0.0/24") LISTED("b", "b", "10.2.0.0/24") "0\n");
	run("--load-clients", "clients {\n" CLIENT("a", "b", "10.3.0.0/24")
				      CLIENT("b", "a", "10.2.0.0/24") "}\n");
	ck_assert_str_eq(run("--list-clients", ""),
		LISTED("a", "b", "10.3.0.0/24") LISTED("b", "a", "10.2.0.0/24") "0\n");
	/* three move up by one */
	run("--load-clients", "clients {\n" CLIENT("a", "a", "10.2.0.0/24") CLIENT("b", "b",
				      "10.3.0.0/24") CLIENT("c", "c", "10.4.0.0/24") "}\n");
	ck_assert_str_eq(
		run("--load-clients", "clients {\n" CLIENT("a", "a", "10.3.0.0/24") CLIENT("b", "b",
					      "10.4.0.0/24") CLIENT("c", "c", "10.5.0.0/24") "}\n"),
		"loaded client 'c'\nloaded client 'a'\nloaded client 'b'\n"
		"successfully loaded 3 clients, 0 " OVER);
}
END_TEST

/* What is right in the file is loaded all the same; the rest stays as it was. */
START_TEST(a_file_that_gives_a_network_to_two_names_both)
{
	run("--load-clients", "clients {\n" A B CLIENT("c", "c", "10.4.0.0/24") "}\n");
	ck_assert_str_eq(
		run("--load-clients", "clients {\n" CLIENT("a", "a", "10.3.0.0/24") CLIENT("b", "b",
					      "10.2.0.0/24") CLIENT("c", "c", "10.2.0.0/25") "}\n"),
		"loading client 'c' failed: 10.2.0.0/25 of client 'c' overlaps with 10.2.0.0/24 of "
		"client 'b'\n  swanctl.conf:6: c\n"
		"loaded 2 of 3 clients, 1 failed to load, 0 unloaded\n"
		"loaded client 'a'\nloaded client 'b'\n22\n");
	ck_assert_str_eq(run("--list-clients", ""),
		LISTED("c", "c", "10.4.0.0/24") LISTED("a", "a", "10.3.0.0/24")
			LISTED("b", "b", "10.2.0.0/24") "0\n");
}
END_TEST

START_TEST(what_is_wrong_is_named_with_its_line)
{
	static const struct {
		const char *section, *said;
	} wrong[] = {
		{ "a { id = *@example.org\n networks = 10.2.0.0/24 }",
			"loading client 'a' failed: invalid value for: id, config discarded: "
			"'*@example.org' is a pattern: wanted what the client proves\n"
			"  swanctl.conf:2: id = *@example.org\n" },
		{ "a { id = a\n networks = 10.2.0.0/24, 10.3.0.0/33 }",
			"loading client 'a' failed: invalid value for: networks, config "
			"discarded: traffic selector '10.3.0.0/33': '/33' is no prefix length of "
			"10.3.0.0\n"
			"  swanctl.conf:3: networks = 10.2.0.0/24, 10.3.0.0/33\n" },
		{ "a { id = a\n networks = dynamic }",
			"loading client 'a' failed: invalid value for: networks, config "
			"discarded: 'dynamic' is no network\n"
			"  swanctl.conf:3: networks = dynamic\n" },
		{ "a { id = a }",
			"loading client 'a' failed: missing networks\n  swanctl.conf:2: a\n" },
		{ "a { networks = 10.2.0.0/24 }",
			"loading client 'a' failed: missing id\n  swanctl.conf:2: a\n" },
		{ "a { id = a\n network = 10.2.0.0/24 }",
			"swanctl.conf:3: unknown key 'network' in section 'a': did you mean "
			"'networks'?\n"
			"loading client 'a' failed: unknown option: network, config discarded\n"
			"  swanctl.conf:3: network = 10.2.0.0/24\n" },
		{ "a { id = a\n networks = 10.2.0.0/24\n x { } }",
			"swanctl.conf:4: unknown section 'x' in section 'a'\n"
			"loading client 'a' failed: invalid section: x\n  swanctl.conf:2: a\n" },
	};
	char conf[256], said[1024];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(conf, sizeof(conf), "clients {\n%s\n}\n", wrong[i].section);
		snprintf(said, sizeof(said),
			"%sloaded 0 of 1 clients, 1 failed to load, 0 unloaded\n22\n",
			wrong[i].said);
		ck_assert_str_eq(run("--load-clients", conf), said);
	}
	expect_failure(call(client, "unload-client"), "unload: missing client name");
}
END_TEST

/* remote_ts = %clients would give anybody what is the others'. */
START_TEST(a_word_on_the_wrong_side_is_refused)
{
	static const char *const sides[][3] = { { "remote_ts", "%clients", "local_ts" },
		{ "local_ts", "%client[tcp]", "remote_ts" } };
	char conf[256], said[512];

	for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++) {
		snprintf(conf, sizeof(conf),
			"connections {\nc {\nchildren {\nnet {\n%s = %s\n}}}}\n", sides[i][0],
			sides[i][1]);
		snprintf(said, sizeof(said),
			"loading connection 'c' failed: invalid value for: %s, config discarded: "
			"children.net: '%s' is for %s\n  swanctl.conf:5: %s = %s\n"
			"loaded 0 of 1 connections, 1 failed to load, 0 unloaded\n22\n",
			sides[i][0], sides[i][1], sides[i][2], sides[i][0], sides[i][1]);
		ck_assert_str_eq(run("--load-conns", conf), said);
	}
}
END_TEST

TCase *client_network_cases(void)
{
	TCase *tests = tcase_create("client networks");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, clients_are_loaded_listed_and_unloaded);
	tcase_add_test(tests, load_all_is_silent_about_what_is_not_there);
	tcase_add_test(tests, a_network_goes_from_one_client_to_another_at_once);
	tcase_add_test(tests, clients_exchange_networks_and_ids_in_one_load);
	tcase_add_test(tests, a_file_that_gives_a_network_to_two_names_both);
	tcase_add_test(tests, what_is_wrong_is_named_with_its_line);
	tcase_add_test(tests, a_word_on_the_wrong_side_is_refused);
	return tests;
}
