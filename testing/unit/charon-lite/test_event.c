/* What VICI's events say that no daemon on one host brings about. */
#include "charon-lite/control/event.h"
#include "charon-lite/control/sa_message.h"

#include <check.h>

/* main.c's; there is no loop here. */
void cl_daemon_rearm(struct cl_daemon *d)
{
	(void)d;
}

bool cl_daemon_reload(struct cl_daemon *d, struct why *why)
{
	(void)d;
	return why_fail(why, "no daemon");
}

START_TEST(an_ike_sa_that_moves_is_announced_with_both_new_ends)
{
	char name[] = "home";
	struct ike_connection connection = { .name = name };
	struct ike_sa sa = { .connection = &connection, .state = IKE_SA_ESTABLISHED };
	struct address local, remote;
	struct ike_event event = {
		.kind = IKE_EVENT_IKE_UPDATE, .sa = &sa, .local = &local, .remote = &remote
	};
	struct vici_builder b = { 0 };
	struct vici_message message;
	struct bytes wire;
	struct why why;

	ck_assert(address_parse("192.0.2.1", &sa.local) && address_parse("192.0.2.2", &sa.remote) &&
		  address_parse("192.0.2.7", &local) && address_parse("192.0.2.9", &remote));
	local.port = 4500;
	remote.port = 1024;
	sa.established_at = sa.rekey_at = sa.reauth_at = IKE_NEVER;
	cl_sa_event_build(&b, NULL, CL_EVENT_IKE_UPDATE, &event);
	ck_assert(vici_builder_finish(&b, &wire) && vici_message_parse(wire, &message, &why));
	struct vici_view root = vici_root(&message);
	ck_assert(vici_is(vici_get(root, "local-host"), "192.0.2.7"));
	ck_assert(vici_is(vici_get(root, "local-port"), "4500"));
	ck_assert(vici_is(vici_get(root, "remote-host"), "192.0.2.9"));
	ck_assert(vici_is(vici_get(root, "remote-port"), "1024"));
	/* "is about to change": the SA still has the old ones. */
	ck_assert(vici_is(vici_get(vici_find(root, "home"), "remote-host"), "192.0.2.2"));
	ck_assert(!vici_get(root, "up").at);
	vici_message_free(&message);
	vici_builder_free(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("events");
	TCase *tests = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, an_ike_sa_that_moves_is_announced_with_both_new_ends);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
