/* The judge that --check starts, and `check` of a running daemon. */
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- What it finds ---- */

struct found {
	char text[2048]; /* "code kind child key\n" for each finding */
};

static void append(struct found *found, struct vici_view finding, const char *name)
{
	size_t length = strlen(found->text);

	if (!vici_get(finding, name).at)
		return;
	if (length > 0 && found->text[length - 1] != '\n')
		found->text[length++] = ' ';
	if (!vici_get_text(finding, name, found->text + length, sizeof(found->text) - length - 2))
		found->text[length] = '\0';
}

static void on_finding(void *context, struct bytes name, struct vici_view message)
{
	struct found *found = context;

	ck_assert(bytes_equal(name, bytes_of_text("finding")));
	VICI_EACH(each, message)
	{
		append(found, each, "code");
		append(found, each, "connection");
		append(found, each, "child");
		append(found, each, "key");
		ck_assert_uint_gt(vici_get(each, "text").length, 0);
		ck_assert_uint_gt(vici_get(each, "why").length, 0);
		ck_assert_uint_gt(vici_get(each, "instead").length, 0);
		strncat(found->text, "\n", 2);
	}
}

static const char *judge(struct vici_client *c)
{
	static struct found found;
	static const char *const events[] = { "finding" };
	const struct vici_call call = { .command = "check",
		.events = events,
		.event_count = 1,
		.on_event = on_finding,
		.context = &found };
	struct why why = { "" };

	found.text[0] = '\0';
	ck_assert_msg(vici_client_call(c, &call, NULL, &why) == VICI_OK, "%s", why.text);
	return found.text;
}

/* A connection without a secret, and a child whose life is too short. */
static void load_with(struct vici_client *c, const char *name, const char *start_action)
{
	struct vici_builder b = { 0 };

	vici_section_start(&b, name);
	vici_list_start(&b, "remote_addrs");
	vici_item_text(&b, "198.51.100.1");
	vici_list_end(&b);
	vici_section_start(&b, "local");
	vici_key_text(&b, "auth", "psk");
	vici_section_end(&b);
	vici_section_start(&b, "remote");
	vici_key_text(&b, "auth", "psk");
	vici_section_end(&b);
	vici_section_start(&b, "children");
	vici_section_start(&b, "lan");
	vici_key_text(&b, "start_action", start_action);
	vici_key_text(&b, "rekey_time", "1h");
	vici_key_text(&b, "life_time", "30m");
	vici_section_end(&b);
	vici_section_end(&b);
	vici_section_end(&b);
	expect_success(call_with(c, "load-conn", &b));
}

static void load(struct vici_client *c, const char *name)
{
	load_with(c, name, "start");
}

#define FOUND "no-secret home auth\nlife-before-rekey home lan life_time\n"

/* ---- The judge ---- */

static pid_t judge_start(struct vici_client **ret)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], STDIN_FILENO) == STDIN_FILENO)
			execl(getenv("CHARON_LITE"), "charon-lite", "--judge", NULL);
		_exit(127);
	}
	close(ends[1]);
	*ret = vici_client_of(ends[0]);
	ck_assert_ptr_nonnull(*ret);
	return pid;
}

static int judge_end(pid_t pid, struct vici_client *c)
{
	int status;

	vici_client_free(c);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(the_judge_loads_and_judges_and_ends_with_its_client)
{
	struct vici_client *c;
	pid_t pid = judge_start(&c);

	load(c, "home");
	ck_assert_str_eq(judge(c), FOUND);
	ck_assert_str_eq(judge(c), FOUND);
	ck_assert_int_eq(judge_end(pid, c), 0);
}
END_TEST

START_TEST(the_judge_does_nothing_else)
{
	static const char *const commands[] = { "initiate", "terminate", "install", "stats",
		"reload-settings", "unload-conn", "list-sas" };
	struct vici_client *c;
	pid_t pid = judge_start(&c);

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const struct vici_call call = { .command = commands[i] };

		ck_assert_msg(vici_client_call(c, &call, NULL, NULL) == VICI_UNKNOWN_COMMAND, "%s",
			commands[i]);
	}
	ck_assert_int_eq(judge_end(pid, c), 0);
}
END_TEST

START_TEST(the_judge_is_locked_in)
{
	struct vici_client *c;
	pid_t pid = judge_start(&c);
	char path[64], line[256];
	unsigned found = 0;

	call(c, "version"); /* it is ready */
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		found += strcmp(line, "Seccomp:\t2\n") == 0 ||
			 strcmp(line, "NoNewPrivs:\t1\n") == 0 ||
			 strcmp(line, "CapEff:\t0000000000000000\n") == 0;
	fclose(file);
	ck_assert_uint_eq(found, 3);
	ck_assert_int_eq(judge_end(pid, c), 0);
}
END_TEST

/* ---- The daemon ---- */

START_TEST(a_running_daemon_judges_what_it_has)
{
	struct running daemon;

	running_start(&daemon, NULL);
	struct vici_client *c = running_client(&daemon);
	load(c, "home");
	ck_assert_str_eq(judge(c), FOUND);
	vici_client_free(c);
	ck_assert_int_eq(running_stop(&daemon), 0);
}
END_TEST

static void on_many(void *context, struct bytes name, struct vici_view message)
{
	size_t *counts = context;

	(void)name;
	counts[0]++;
	VICI_EACH(each, message)
	counts[1] += vici_is(vici_get(each, "code"), "pool-unused");
}

START_TEST(what_a_step_finds_is_an_event)
{
	static const char *const events[] = { "finding" };
	size_t counts[2] = { 0 };
	const struct vici_call call = { .command = "check",
		.events = events,
		.event_count = 1,
		.on_event = on_many,
		.context = counts };
	struct vici_client *c;
	pid_t pid = judge_start(&c);

	for (unsigned i = 0; i < 450; i++) {
		struct vici_builder b = { 0 };

		vici_section_start_format(&b, "p%u", i);
		vici_key_format(&b, "addrs", "10.%u.%u.0/24", i / 250, i % 250);
		vici_section_end(&b);
		expect_success(call_with(c, "load-pool", &b));
	}
	ck_assert_int_eq(vici_client_call(c, &call, NULL, NULL), VICI_OK);
	ck_assert_uint_eq(counts[0], 450);
	ck_assert_uint_eq(counts[1], 450);
	ck_assert_int_eq(judge_end(pid, c), 0);
}
END_TEST

/* ---- Others meanwhile ---- */

#define MANY 300 /* their findings are more than a client may leave unread */

struct meanwhile {
	struct vici_client *other;
	size_t findings;
};

/* With the first finding the rest is still to be judged, and another client is served: it takes
 * away all that there is. */
static void on_first(void *context, struct bytes name, struct vici_view message)
{
	struct meanwhile *m = context;
	char connection[32];

	(void)name;
	VICI_EACH(each, message)
	m->findings++;
	for (unsigned i = 0; m->other && i < MANY; i++) {
		struct vici_builder b = { 0 };

		snprintf(connection, sizeof(connection), "c%u", i);
		vici_key_text(&b, "name", connection);
		expect_success(call_with(m->other, "unload-conn", &b));
	}
	if (m->other)
		expect_success(call(m->other, "clear-creds"));
	m->other = NULL;
}

static void load_secret(struct vici_client *c, const char *name)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, "id", name);
	vici_key_text(&b, "type", "ike");
	vici_key_text(&b, "data", "u7Jk29dLqPz81xYw");
	vici_list_start(&b, "owners");
	vici_item_text(&b, "nobody");
	vici_list_end(&b);
	expect_success(call_with(c, "load-shared", &b));
}

START_TEST(others_are_served_and_may_change_what_is_being_judged)
{
	static const char *const events[] = { "finding" };
	struct running daemon;
	struct meanwhile m = { 0 };
	const struct vici_call call = { .command = "check",
		.events = events,
		.event_count = 1,
		.on_event = on_first,
		.context = &m };
	char name[32];

	running_start(&daemon, NULL);
	struct vici_client *c = running_client(&daemon);
	struct vici_client *other = running_client(&daemon);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		load_with(c, name, "none");
		load_secret(c, name);
	}
	m.other = other;
	ck_assert_int_eq(vici_client_call(c, &call, NULL, NULL), VICI_OK);
	/* The connections were held; the secrets were gone before it came to them. */
	ck_assert_uint_eq(m.findings, 2 * MANY + MANY - 1);
	ck_assert_str_eq(judge(c), "");
	vici_client_free(other);
	vici_client_free(c);
	ck_assert_int_eq(running_stop(&daemon), 0);
}
END_TEST

TCase *check_cases(void)
{
	TCase *cases = tcase_create("check");

	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, the_judge_loads_and_judges_and_ends_with_its_client);
	tcase_add_test(cases, the_judge_does_nothing_else);
	tcase_add_test(cases, the_judge_is_locked_in);
	tcase_add_test(cases, a_running_daemon_judges_what_it_has);
	tcase_add_test(cases, others_are_served_and_may_change_what_is_being_judged);
	tcase_add_test(cases, what_a_step_finds_is_an_event);
	return cases;
}
