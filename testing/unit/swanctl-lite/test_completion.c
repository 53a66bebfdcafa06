/* The names that shells complete command lines with. */
#include "testing/unit/swanctl-lite/fake_daemon.h"
#include "testing/unit/swanctl-lite/suites.h"

#include <stdio.h>

static const struct fake_answer answers[] = {
	{ "list-conns", "list-conn",
		"gw-a { children { lan { }\n dmz { } } }\n road-warrior { children { vip { } } }",
		"" },
	{ "list-sas", "list-sa",
		"gw-a { uniqueid = 7\n child-sas { lan-2 { uniqueid = 2 }\n dmz-3 { uniqueid = 3 } "
		"} }",
		"" },
	{ "list-authorities", "list-authority", "home-ca { cacert = C=CH }", "" },
	{ "get-pools", NULL, NULL, "v4 { base = 10.0.0.0 }\n v6 { base = fec0:: }" },
	{ 0 },
};

static const struct {
	const char *kind, *names;
} names[] = {
	{ "connections", "gw-a\nroad-warrior\n" },
	{ "children", "lan\ndmz\nvip\n" },
	{ "ike-ids", "7\n" },
	{ "child-ids", "2\n3\n" },
	{ "authorities", "home-ca\n" },
	{ "pools", "v4\nv6\n" },
};

START_TEST(names_are_the_daemons)
{
	const char *out, *err;
	char arguments[64];

	fake_daemon_start(answers);
	snprintf(arguments, sizeof(arguments), "--completion %s", names[_i].kind);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(out, names[_i].names);
	fake_daemon_stop();
}
END_TEST

START_TEST(nothing_is_said_without_a_daemon)
{
	const char *out, *err;

	fake_daemon_start(answers);
	fake_daemon_stop();
	ck_assert_int_eq(swanctl_run("--completion children", &out, &err), 0);
	ck_assert_str_eq(out, "");
	ck_assert_str_eq(err, "");
}
END_TEST

TCase *completion_cases(void)
{
	TCase *c = tcase_create("completion");

	tcase_add_loop_test(c, names_are_the_daemons, 0, sizeof(names) / sizeof(*names));
	tcase_add_test(c, nothing_is_said_without_a_daemon);
	return c;
}
