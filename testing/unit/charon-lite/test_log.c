/* Log lines: their form, their levels, where they go. */
#include "charon-lite/log.h"
#include "charon-lite/log_sink.h"
#include "charon-lite/settings.h"
#include "testing/unit/charon-lite/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct ike_log line = {
	.group = IKE_LOG_IKE,
	.level = 1,
	.ike_id = 7,
	.connection = "home",
	.text = "hello",
};

START_TEST(a_line_names_group_connection_and_id)
{
	struct cl_log_sink *sink = cl_log_sink_new(CL_LOG_SINK_STREAM, "stderr");
	char text[CL_LOG_LINE_MAX];

	ck_assert_uint_eq(cl_log_sink_format(sink, &line, text), strlen("00[IKE] <home|7> hello"));
	ck_assert_str_eq(text, "00[IKE] <home|7> hello");
	sink->log_level = true;
	sink->ike_name = false;
	cl_log_sink_format(sink, &line, text);
	ck_assert_str_eq(text, "00[IKE1] hello");
	cl_log_sink_free(sink);
}
END_TEST

START_TEST(nobody_forges_a_line)
{
	struct cl_log_sink *sink = cl_log_sink_new(CL_LOG_SINK_STREAM, "stderr");
	char text[CL_LOG_LINE_MAX], long_text[2 * CL_LOG_LINE_MAX];
	struct ike_log evil = line;

	evil.text = "a\n00[DMN] b\x1b[2J";
	cl_log_sink_format(sink, &evil, text);
	ck_assert_str_eq(text, "00[IKE] <home|7> a?00[DMN] b?[2J");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	evil.text = long_text;
	ck_assert_uint_eq(cl_log_sink_format(sink, &evil, text), CL_LOG_LINE_MAX - 1);
	cl_log_sink_free(sink);
}
END_TEST

static char *contents(const char *path)
{
	static char text[8192];
	FILE *file = fopen(path, "r");

	ck_assert_ptr_nonnull(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

START_TEST(files_get_the_groups_and_levels_that_they_ask_for)
{
	char path[] = "/tmp/charon-lite-log-XXXXXX", conf[512];
	struct cl_log *log = cl_log_new();
	struct cl_settings s;
	struct why why;

	close(mkstemp(path));
	/* The stronger section's default must not undo the weaker one's own level. */
	snprintf(conf, sizeof(conf),
		"charon { filelog { a { path = %s\n default = 0\n ike = 2 } } }\n"
		"charon-lite { filelog { a { default = 1\n net = -1 } } }\n",
		path);
	ck_assert(cl_settings_parse(conf, &s, &why));
	cl_log_configure(log, &s);
	ck_assert(cl_log_wanted(log, IKE_LOG_IKE, 2));
	ck_assert(!cl_log_wanted(log, IKE_LOG_IKE, 3));
	ck_assert(!cl_log_wanted(log, IKE_LOG_CFG, 2));
	cl_log_text(log, IKE_LOG_IKE, 2, "ike at %d", 2);
	cl_log_text(log, IKE_LOG_CFG, 1, "cfg at 1");
	cl_log_text(log, IKE_LOG_CFG, 2, "cfg at 2");
	cl_log_text(log, IKE_LOG_NET, 0, "net at 0");
	ck_assert_str_eq(contents(path), "00[IKE] ike at 2\n00[CFG] cfg at 1\n");
	cl_log_free(log);
	cl_settings_free(&s);
	unlink(path);
}
END_TEST

START_TEST(a_reopened_file_is_a_new_one_after_rotation)
{
	char path[] = "/tmp/charon-lite-log-XXXXXX", moved[64], conf[512];
	struct cl_log *log = cl_log_new();
	struct cl_settings s;
	struct why why;

	close(mkstemp(path));
	snprintf(moved, sizeof(moved), "%s.1", path);
	snprintf(conf, sizeof(conf), "charon { filelog { a { path = %s } } }", path);
	ck_assert(cl_settings_parse(conf, &s, &why));
	cl_log_configure(log, &s);
	cl_log_text(log, IKE_LOG_DMN, 1, "before");
	ck_assert_int_eq(rename(path, moved), 0);
	cl_log_reopen(log);
	cl_log_text(log, IKE_LOG_DMN, 1, "after");
	ck_assert_str_eq(contents(moved), "00[DMN] before\n");
	ck_assert_str_eq(contents(path), "00[DMN] after\n");
	cl_log_free(log);
	cl_settings_free(&s);
	unlink(path);
	unlink(moved);
}
END_TEST

static int level_two(void *context)
{
	(void)context;
	return 2;
}

static struct cl_log *listened;
static unsigned heard;

static void hear(void *context, const struct ike_log *heard_line)
{
	(void)context, (void)heard_line;
	heard++;
	cl_log_text(listened, IKE_LOG_CFG, 1, "the listener's own line must not come back");
}

START_TEST(a_listener_hears_what_it_wants_but_not_itself)
{
	listened = cl_log_new();
	heard = 0;
	cl_log_listen(listened, level_two, hear, NULL);
	ck_assert(cl_log_wanted(listened, IKE_LOG_KNL, 2));
	cl_log_text(listened, IKE_LOG_KNL, 2, "detail");
	cl_log_text(listened, IKE_LOG_KNL, 3, "too much");
	ck_assert_uint_eq(heard, 1);
	cl_log_free(listened);
}
END_TEST

START_TEST(wrong_log_settings_are_warned_about_and_the_rest_works)
{
	struct cl_log *log = cl_log_new();
	struct cl_settings s;
	struct why why;

	ck_assert(cl_settings_parse("charon { filelog { stdout { ike = loud\n enc = -1\n x = 1 }\n"
				    "  a { path = /nonexistent/log } }\n"
				    "  syslog { local7 { default = 1 } } }",
		&s, &why));
	cl_log_configure(log, &s);
	ck_assert(cl_log_wanted(log, IKE_LOG_IKE, 1));
	cl_log_free(log);
	cl_settings_free(&s);
}
END_TEST

TCase *log_cases(void)
{
	TCase *tests = tcase_create("log");

	tcase_add_test(tests, a_line_names_group_connection_and_id);
	tcase_add_test(tests, nobody_forges_a_line);
	tcase_add_test(tests, files_get_the_groups_and_levels_that_they_ask_for);
	tcase_add_test(tests, a_reopened_file_is_a_new_one_after_rotation);
	tcase_add_test(tests, a_listener_hears_what_it_wants_but_not_itself);
	tcase_add_test(tests, wrong_log_settings_are_warned_about_and_the_rest_works);
	return tests;
}
