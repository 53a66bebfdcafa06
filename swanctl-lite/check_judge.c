/* The judge: started, asked, and where what it says belongs. */
#include "swanctl-lite/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Starting ---- */

/* The daemon is where this program is, as installed or as built; else where it was to be installed.
 */
static bool find_program(char ret[PATH_MAX])
{
	static const char *const beside[] = { "charon-lite", "../sbin/charon-lite",
		"../charon-lite/charon-lite" };
	char own[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	own[length > 0 ? length : 0] = '\0';
	slash = strrchr(own, '/');
	for (size_t i = 0; slash && i < sizeof(beside) / sizeof(*beside); i++) {
		int size = snprintf(ret, PATH_MAX, "%.*s/%s", (int)(slash - own), own, beside[i]);

		if (size > 0 && size < PATH_MAX && access(ret, X_OK) == 0)
			return true;
	}
	snprintf(ret, PATH_MAX, "%s", CHARON_LITE_PROGRAM);
	return access(ret, X_OK) == 0;
}

/* Its other end becomes the standard input. */
static void become_judge(const char *program, int fd)
{
	if (fd == STDIN_FILENO)
		(void)fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, STDIN_FILENO) < 0)
		_exit(127);
	execl(program, "charon-lite", "--judge", NULL);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

bool check_judge_start(struct swanctl *s, struct why *why)
{
	const struct vici_call version = { .command = "version" };
	char program[PATH_MAX];
	int ends[2];

	if (!find_program(program))
		return why_fail(
			why, "%s, which knows what a daemon makes of it, is not there", program);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return why_fail(why, "no sockets: %s", strerror(errno));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		become_judge(program, ends[1]);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return why_fail(why, "no process: %s", strerror(errno));
	}
	s->client = vici_client_of(ends[0]);
	if (!s->client)
		return why_fail(why, "out of memory");
	/* When it does not start it has said why. */
	return vici_client_call(s->client, &version, NULL, why) == VICI_OK ||
	       why_prefix(why, "%s: ", program);
}

/* ---- Where a finding belongs ---- */

const char *check_text(struct vici_view section, const char *key, char room[CHECK_TEXT_ROOM])
{
	struct bytes value = vici_get(section, key);
	size_t length = value.length < CHECK_TEXT_ROOM ? value.length : CHECK_TEXT_ROOM - 1;

	for (size_t i = 0; i < length; i++)
		room[i] = (char)(value.at[i] ? value.at[i] : '?');
	room[length] = '\0';
	return room;
}

static bool take_text(struct vici_view finding, const char *name, char room[256])
{
	return vici_get_text(finding, name, room, 256);
}

/* The section of that number among those of a side, ordered as the daemon orders them: by `round`,
 * and as they stand. */
static const struct settings_section *find_round(
	const struct settings_section *connection, const char *side, unsigned long index)
{
	for (unsigned long round = 0; round < 10; round++)
		SETTINGS_SECTIONS(each, connection)
		{
			const char *value = check_value(each, "round");

			if (strncmp(each->name, side, strlen(side)) != 0 ||
				(value ? strtoul(value, NULL, 10) : 0) != round)
				continue;
			if (index-- == 0)
				return each;
		}
	return NULL;
}

static const struct settings_section *find_connection_part(
	const struct settings_section *connection, struct vici_view finding)
{
	const struct settings_section *part = NULL;
	char name[256], round[256];

	if (take_text(finding, "child", name)) {
		const struct settings_section *children = settings_child(connection, "children");

		part = children ? settings_child(children, name) : NULL;
	} else if (take_text(finding, "side", name) && take_text(finding, "round", round)) {
		part = find_round(connection, name, strtoul(round, NULL, 10));
	}
	return part ? part : connection;
}

/* A key that stands elsewhere than where it counts: inherited by the child from its connection. */
static const struct settings_place *find_place(const struct check *k, struct vici_view finding)
{
	static const struct {
		const char *kind, *top;
	} kinds[] = { { "connection", "connections" }, { "secret", "secrets" }, { "pool", "pools" },
		{ "authority", "authorities" }, { "client", "clients" } };
	char name[256], key[256];
	bool has_key = take_text(finding, "key", key);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct settings_section *top, *section, *part;

		if (!take_text(finding, kinds[i].kind, name))
			continue;
		top = settings_child(settings_root(k->config), kinds[i].top);
		section = top ? settings_child(top, name) : NULL;
		if (!section)
			return NULL;
		part = i == 0 ? find_connection_part(section, finding) : section;
		if (has_key && !check_value(part, key) && check_value(section, key))
			part = section;
		return check_place(part, has_key ? key : NULL);
	}
	return NULL;
}

/* What only looks unused since what uses it was not loaded. */
static bool is_consequence(const struct check *k, struct vici_view finding)
{
	static const char *const codes[] = { "secret-unused", "pool-unused", "authority-unused",
		"key-without-certificate" };

	for (size_t i = 0; k->incomplete && i < sizeof(codes) / sizeof(*codes); i++)
		if (vici_is(vici_get(finding, "code"), codes[i]))
			return true;
	return false;
}

static void take_finding(struct check *k, struct vici_view finding)
{
	static const char *const severities[] = { "note", "warning", "error" };
	const struct settings_place *place = find_place(k, finding);
	struct check_finding f = { .file = (char *)"the daemon",
		.code = (char *)CHECK_TEXT_OF(finding, "code"),
		.text = (char *)CHECK_TEXT_OF(finding, "text"),
		.why = (char *)CHECK_TEXT_OF(finding, "why"),
		.instead = (char *)CHECK_TEXT_OF(finding, "instead") };
	const char *origin = NULL;
	char name[256];

	for (uint8_t i = 0; i < sizeof(severities) / sizeof(*severities); i++)
		if (vici_is(vici_get(finding, "severity"), severities[i]))
			f.severity = i;
	if (!place && (take_text(finding, "certificate", name) || take_text(finding, "key", name)))
		origin = check_origin(k, name);
	if (place) {
		f.file = (char *)place->file;
		f.line = place->line;
	} else if (origin) {
		f.file = (char *)origin;
	}
	check_add(k, &f);
}

static void on_event(void *context, struct bytes name, struct vici_view message)
{
	(void)name;
	VICI_EACH(each, message)
	if (!is_consequence(context, each))
		take_finding(context, each);
}

bool check_judge_ask(struct check *k)
{
	static const char *const events[] = { "finding" };
	struct vici_call call = { .command = "check",
		.events = events,
		.event_count = 1,
		.on_event = on_event,
		.context = k };
	struct vici_view answer;
	int status;

	if (!swanctl_call(k->s, &call, &answer, &status))
		return false;
	if (vici_get(answer, "errmsg").at) {
		fprintf(stderr, "%s\n", SWANCTL_GAP_OF(answer, "errmsg"));
		return false;
	}
	return true;
}
