/* The log for programs: names and values, in files, in systemd's journal, for VICI's clients. */
#include "charon-lite/log_events.h"
#include "charon-lite/log_journal.h"
#include "charon-lite/log_sink.h"
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct ike_log line = {
	.group = IKE_LOG_IKE,
	.level = 1,
	.ike_id = 7,
	.connection = "home",
	.text = "peer says \"no\" \\ \x1b[2J",
};

static const char *written(enum cl_log_format format, const struct cl_log_entry *entry)
{
	static char room[2048];
	FILE *to = fmemopen(room, sizeof(room), "w");
	const struct timespec now = { 1795903471, 123456789 };

	cl_log_entry_write(to, format, &now, entry);
	fclose(to);
	return room;
}

START_TEST(a_line_as_names_and_values)
{
	const struct cl_log_entry entry = { .line = line };

	ck_assert_str_eq(written(CL_LOG_LOGFMT, &entry),
		"time=2026-11-28T22:04:31.123Z group=IKE level=1 connection=home ike=7 "
		"msg=\"peer says \\\"no\\\" \\\\ ?[2J\"\n");
	ck_assert_str_eq(written(CL_LOG_JSON, &entry),
		"{\"time\":\"2026-11-28T22:04:31.123Z\",\"group\":\"IKE\",\"level\":\"1\","
		"\"connection\":\"home\",\"ike\":\"7\","
		"\"msg\":\"peer says \\\"no\\\" \\\\ \\u001b[2J\"}\n");
}
END_TEST

/* An event with a value and lists, to each that takes some. */
static void note_event(struct cl_log *log)
{
	const struct ike_log head = { .group = IKE_LOG_CHD, .connection = "home", .ike_id = 7 };
	struct vici_builder b = { 0 };

	vici_key_text(&b, "child", "my net");
	vici_key_text(&b, "empty", "");
	vici_list_start(&b, "local-ts");
	vici_item_text(&b, "10.1.0.0/16");
	vici_item_text(&b, "10.3.0.0/16");
	vici_list_end(&b);
	cl_log_event(log, &head, "child-up", &b);
	vici_builder_free(&b);
}

static const char *contents(const char *path)
{
	static char text[65536];
	FILE *file = fopen(path, "r");

	ck_assert_ptr_nonnull(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

START_TEST(events_are_in_files_for_programs_alone)
{
	char directory[] = "/tmp/charon-lite-events-XXXXXX", conf[512], path[64];
	struct cl_log *log = cl_log_new();
	struct cl_settings s;
	struct why why;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(conf, sizeof(conf),
		"charon { filelog { text { path = %s/text }\n"
		"logfmt { path = %s/logfmt\n format = logfmt }\n"
		"json { path = %s/json\n format = json\n chd = 0 }\n"
		"quiet { path = %s/quiet\n format = json\n default = -1 } } }",
		directory, directory, directory, directory);
	ck_assert(cl_settings_parse(conf, &s, &why));
	cl_log_configure(log, &s);
	ck_assert(cl_log_wants_event(log, IKE_LOG_CHD, 1));
	ck_assert(!cl_log_wants_event(log, IKE_LOG_CHD, 2));
	note_event(log);
	snprintf(path, sizeof(path), "%s/text", directory);
	ck_assert_str_eq(contents(path), "");
	unlink(path);
	snprintf(path, sizeof(path), "%s/quiet", directory);
	ck_assert_str_eq(contents(path), "");
	unlink(path);
	snprintf(path, sizeof(path), "%s/logfmt", directory);
	ck_assert_ptr_nonnull(strstr(contents(path),
		" event=child-up group=CHD level=0 connection=home ike=7 child=\"my net\" "
		"empty=\"\" local-ts=10.1.0.0/16,10.3.0.0/16\n"));
	unlink(path);
	snprintf(path, sizeof(path), "%s/json", directory);
	ck_assert_ptr_nonnull(strstr(contents(path),
		"\"event\":\"child-up\",\"group\":\"CHD\",\"level\":\"0\",\"connection\":\"home\","
		"\"ike\":\"7\",\"child\":\"my net\",\"empty\":\"\","
		"\"local-ts\":[\"10.1.0.0/16\",\"10.3.0.0/16\"]}\n"));
	unlink(path);
	rmdir(directory);
	cl_log_free(log);
	cl_settings_free(&s);
}
END_TEST

/* ---- systemd's journal ---- */

static int journal_bind(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static const char *journal_receive(int fd)
{
	static char text[4096];
	ssize_t length = recv(fd, text, sizeof(text) - 1, 0);

	ck_assert_int_gt(length, 0);
	text[length] = '\0';
	return text;
}

START_TEST(the_journal_gets_fields_and_nobody_forges_one)
{
	char directory[] = "/tmp/charon-lite-journal-XXXXXX", path[64];
	const struct cl_log_entry entry = { .line = line };

	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	struct cl_log_journal *journal = cl_log_journal_new(path);
	cl_log_journal_write(journal, &entry, 6, "nobody is there");
	int fd = journal_bind(path);
	cl_log_journal_write(journal, &entry, 6, "one\nPRIORITY=0");
	ck_assert_str_eq(journal_receive(fd),
		"PRIORITY=6\nSYSLOG_IDENTIFIER=charon-lite\nSYSLOG_FACILITY=3\n"
		"MESSAGE=one?PRIORITY=0\nCHARON_GROUP=IKE\nCHARON_LEVEL=1\n"
		"CHARON_CONNECTION=home\nCHARON_IKE=7\nCHARON_LOST_BEFORE=1\n");
	/* the journal is started anew */
	close(fd);
	unlink(path);
	fd = journal_bind(path);
	cl_log_journal_write(journal, &entry, 6, "again");
	ck_assert_ptr_nonnull(strstr(journal_receive(fd), "MESSAGE=again\n"));
	/* one that takes nothing holds nobody up */
	for (unsigned i = 0; i < 1000; i++)
		cl_log_journal_write(journal, &entry, 6, "flood");
	cl_log_journal_free(journal);
	close(fd);
	unlink(path);
	rmdir(directory);
}
END_TEST

START_TEST(standard_error_is_the_journal_if_systemd_says_so)
{
	struct stat status;
	char text[64];

	unsetenv("JOURNAL_STREAM");
	ck_assert(!cl_log_journal_is_stderr());
	ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)status.st_dev,
		(unsigned long long)status.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
	ck_assert(cl_log_journal_is_stderr());
	setenv("JOURNAL_STREAM", "1:1", 1);
	ck_assert(!cl_log_journal_is_stderr());
	setenv("JOURNAL_STREAM", "nonsense", 1);
	ck_assert(!cl_log_journal_is_stderr());
	unsetenv("JOURNAL_STREAM");
}
END_TEST

/* ---- A tunnel ---- */

/* An event at the start of text has all the fields that the page says. */
static void expect_fields(const char *text)
{
	char line_text[4096], fields[512], name[64], key[80];
	const char *rest = NULL;

	snprintf(line_text, sizeof(line_text), "%.*s", (int)strcspn(text, "\n"), text);
	ck_assert_int_eq(sscanf(text, "\"event\":\"%63[a-z-]\"", name), 1);
	for (unsigned i = 0; i < CL_LOG_EVENTS; i++)
		if (strcmp(cl_log_event_kind((enum cl_log_event)i)->name, name) == 0)
			rest = cl_log_event_kind((enum cl_log_event)i)->fields;
	ck_assert_ptr_nonnull(rest);
	snprintf(fields, sizeof(fields), "%s", rest);
	for (char *each = strtok(fields, ", "); each; each = strtok(NULL, ", ")) {
		snprintf(key, sizeof(key), "\"%s\":", each);
		ck_assert_msg(
			strstr(line_text, key) != NULL, "%s: no %s in %s", name, each, line_text);
	}
}

START_TEST(a_tunnels_life_is_in_the_log_by_name)
{
	char path[] = "/tmp/charon-lite-life-XXXXXX", extra[256];
	struct running moon, sun;

	close(mkstemp(path));
	snprintf(extra, sizeof(extra), "filelog { life { path = %s\n format = json } }", path);
	running_start(&moon, extra);
	running_start(&sun, NULL);
	running_load_pair(&moon, &sun);
	running_swanctl(&moon, "--initiate --child net");
	running_swanctl(&moon, "--rekey --child net");
	running_expect(&moon, "CHILD_SA net{2} established");
	running_swanctl(&moon, "--terminate --ike home");
	ck_assert_int_eq(running_stop(&moon), 0);
	ck_assert_int_eq(running_stop(&sun), 0);
	const char *text = contents(path);
	const char *const names[] = { "\"event\":\"started\"", "\"event\":\"ready\"",
		"\"event\":\"ike-up\"", "\"event\":\"child-up\"", "\"event\":\"child-rekeyed\"",
		"\"event\":\"child-down\"", "\"event\":\"ike-down\"", "\"event\":\"stopping\"" };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		text = strstr(text, names[i]);
		ck_assert_msg(text != NULL, "no %s, or not in its place, in\n%s", names[i],
			contents(path));
		expect_fields(text);
	}
	unlink(path);
}
END_TEST

static void note_name(void *context, struct bytes name, struct vici_view message)
{
	struct bytes event = vici_get(message, "event");
	char *seen = context;

	ck_assert(bytes_equal(name, bytes_of_text("log-event")));
	snprintf(seen + strlen(seen), 256 - strlen(seen), "%.*s ", (int)event.length,
		(const char *)event.at);
}

START_TEST(clients_of_vici_get_events_by_name)
{
	const char *const event = "log-event";
	struct vici_builder b = { 0 };
	struct vici_view answer;
	struct running moon, sun;
	char seen[256] = "";
	struct why why;

	running_start(&moon, NULL);
	running_start(&sun, NULL);
	running_load_pair(&moon, &sun);
	struct vici_client *client = running_client(&moon);
	vici_key_text(&b, "child", "net");
	const struct vici_call initiate = { "initiate", &b, &event, 1, note_name, seen };
	ck_assert_int_eq(vici_client_call(client, &initiate, &answer, &why), VICI_OK);
	vici_builder_free(&b);
	ck_assert_str_eq(seen, "ike-up child-up ");
	vici_client_free(client);
	ck_assert_int_eq(running_stop(&moon), 0);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

static void expect_event(const char **text, const char *wanted)
{
	const char *found = strstr(*text, wanted);

	ck_assert_msg(found != NULL, "no %s in\n%s", wanted, *text);
	*text = found + strlen(wanted);
}

START_TEST(changes_of_connections_are_in_the_log_by_name)
{
	static const char one[] = "connections { a { remote_addrs = 192.0.2.1\n"
				  "children { n { remote_ts = 10.1.0.0/16 } } }\n",
			  b[] = "b { remote_addrs = 192.0.2.2 } }\n",
			  changed[] = "b { remote_addrs = 192.0.2.2\n dpd_delay = 7s } }\n";
	char path[] = "/tmp/charon-lite-changes-XXXXXX", extra[256], conf[512];
	struct running moon;

	close(mkstemp(path));
	snprintf(extra, sizeof(extra),
		"filelog { changes { path = %s\n format = json\n cfg = 2 } }", path);
	running_start(&moon, extra);
	snprintf(conf, sizeof(conf), "%s%s", one, b);
	running_load(&moon, conf);
	running_load(&moon, conf);
	snprintf(conf, sizeof(conf), "%s%s", one, changed);
	running_load(&moon, conf);
	snprintf(conf, sizeof(conf), "%s}", one);
	running_load(&moon, conf);
	ck_assert_int_eq(running_stop(&moon), 0);
	const char *text = contents(path);
	expect_event(&text, "\"event\":\"connection-loaded\",\"group\":\"CFG\",\"level\":\"2\","
			    "\"connection\":\"a\",\"children\":\"1\"}");
	expect_event(&text, "\"event\":\"connection-loaded\",\"group\":\"CFG\",\"level\":\"2\","
			    "\"connection\":\"b\",\"children\":\"0\"}");
	expect_event(&text, "\"event\":\"configuration-applied\",\"group\":\"CFG\",\"level\":"
			    "\"1\",\"connections-loaded\":\"2\",\"connections-changed\":\"0\","
			    "\"connections-unloaded\":\"0\",\"refused\":\"0\"}");
	/* the same once more: no connection says anything */
	const char *again = text;
	expect_event(&text, "\"connections-loaded\":\"0\",\"connections-changed\":\"0\"");
	ck_assert(!memmem(again, (size_t)(text - again), "\"event\":\"connection-", 20));
	expect_event(&text, "\"event\":\"connection-changed\",\"group\":\"CFG\",\"level\":\"1\","
			    "\"connection\":\"b\",\"changes\":\"at once: dpd_delay\"}");
	expect_event(&text, "\"connections-loaded\":\"0\",\"connections-changed\":\"1\"");
	expect_event(&text, "\"event\":\"connection-unloaded\",\"group\":\"CFG\",\"level\":\"1\","
			    "\"connection\":\"b\"}");
	expect_event(&text, "\"connections-unloaded\":\"1\",\"refused\":\"0\"}");
	unlink(path);
}
END_TEST

TCase *log_events_cases(void)
{
	TCase *tests = tcase_create("log events");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_line_as_names_and_values);
	tcase_add_test(tests, events_are_in_files_for_programs_alone);
	tcase_add_test(tests, the_journal_gets_fields_and_nobody_forges_one);
	tcase_add_test(tests, standard_error_is_the_journal_if_systemd_says_so);
	tcase_add_test(tests, a_tunnels_life_is_in_the_log_by_name);
	tcase_add_test(tests, changes_of_connections_are_in_the_log_by_name);
	tcase_add_test(tests, clients_of_vici_get_events_by_name);
	return tests;
}
