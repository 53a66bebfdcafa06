/* Passwords by PAM: services of the test's own, in processes of their own. */
#include "charon-lite/pam.h"
#include "testing/unit/charon-lite/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct event_base *base;
static struct cl_log *quiet_log;
static struct cl_processes *processes;
static struct cl_pam *pam;
static char directory[] = "/tmp/charon-lite-XXXXXX";

static struct {
	unsigned count;
	uint64_t ticket;
	char error[256]; /* "": right */
} answer;

static void checked(void *context, uint64_t ticket, const char *error)
{
	(void)context;
	answer.count++;
	answer.ticket = ticket;
	snprintf(answer.error, sizeof(answer.error), "%s", error ? error : "");
}

static void write_file(const char *name, mode_t mode, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void write_services(void)
{
	char text[512];

	write_file("yes", 0644, "auth required pam_permit.so\naccount required pam_permit.so\n");
	write_file("no", 0644, "auth required pam_deny.so\naccount required pam_permit.so\n");
	write_file("closed", 0644, "auth required pam_permit.so\naccount required pam_deny.so\n");
	/* What pam_exec gives a program: the password on its input, the user in its environment. */
	write_file("check", 0755,
		"#!/bin/sh\npassword=$(tr -d '\\000')\necho noise\n"
		"[ \"$PAM_USER/$password/$PAM_RHOST\" = 'carol/of carol/192.0.2.7' ]\n");
	snprintf(text, sizeof(text),
		"auth required pam_exec.so expose_authtok quiet stdout %s/check\n"
		"account required pam_permit.so\n",
		directory);
	write_file("exec", 0644, text);
	snprintf(text, sizeof(text), "auth required pam_exec.so %s/slow\n", directory);
	write_file("slow", 0755, "#!/bin/sh\nsleep 60\n");
	write_file("late", 0644, text);
}

static void setup(void)
{
	struct cl_pam_config config = {
		.program = getenv("CHARON_LITE"),
		.directory = directory,
		.limit = 2,
		.checked = checked,
	};
	struct why why;

	ck_assert_ptr_nonnull(config.program);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	write_services();
	base = event_base_new();
	quiet_log = cl_log_new();
	ck_assert(cl_processes_open(base, &processes, &why));
	config.processes = processes;
	ck_assert(cl_pam_open(&config, quiet_log, &pam, &why));
	memset(&answer, 0, sizeof(answer));
}

static void teardown(void)
{
	char command[128];

	cl_pam_close(pam);
	cl_processes_close(processes);
	cl_log_free(quiet_log);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
	memset(directory + strlen(directory) - 6, 'X', 6);
}

static bool ask(const char *service, const char *user, const char *password, bool trim)
{
	struct ike_password_check what = { .user = user, .password = bytes_of_text(password) };

	ck_assert(address_parse("192.0.2.7", &what.remote));
	return cl_pam_ask(pam, service, trim, &what, 7);
}

static const char *asked(const char *service, const char *user, const char *password, bool trim)
{
	unsigned before = answer.count;

	ck_assert(ask(service, user, password, trim));
	while (answer.count == before)
		ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
	ck_assert_uint_eq(answer.ticket, 7);
	return answer.error;
}

START_TEST(the_service_decides)
{
	ck_assert_str_eq(asked("yes", "carol", "any", false), "");
	ck_assert_str_ne(asked("no", "carol", "any", false), "");
	ck_assert_str_ne(asked("closed", "carol", "any", false), "");
	ck_assert_str_ne(asked("missing", "carol", "any", false), "");
}
END_TEST

START_TEST(modules_get_user_password_and_peer)
{
	ck_assert_str_eq(asked("exec", "carol", "of carol", false), "");
	ck_assert_str_ne(asked("exec", "carol", "of caro", false), "");
	ck_assert_str_ne(asked("exec", "dave", "of carol", false), "");
	ck_assert_str_eq(asked("exec", "carol@example.org", "of carol", true), "");
	ck_assert_str_ne(asked("exec", "carol@example.org", "of carol", false), "");
}
END_TEST

START_TEST(a_module_that_hangs_is_ended)
{
	ck_assert_str_eq(asked("late", "carol", "of carol", false), "PAM did not answer in time");
}
END_TEST

START_TEST(what_cannot_be_asked_is_refused)
{
	char long_name[CL_PAM_TEXT_MAX + 2];

	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	ck_assert(!ask("yes", long_name, "any", false));
	ck_assert(!ask("yes", "carol", long_name, false));
	for (unsigned i = 0; i < CL_PAM_AT_ONCE; i++)
		ck_assert(ask("late", "carol", "any", false));
	ck_assert(!ask("late", "carol", "any", false));
	ck_assert_uint_eq(answer.count, 0);
}
END_TEST

TCase *pam_cases(void)
{
	TCase *tests = tcase_create("pam");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_service_decides);
	tcase_add_test(tests, modules_get_user_password_and_peer);
	tcase_add_test(tests, a_module_that_hangs_is_ended);
	tcase_add_test(tests, what_cannot_be_asked_is_refused);
	return tests;
}
