/* About the daemon itself: --version, --stats, --reload-settings, --log. */
#include "swanctl-lite/command.h"

#include <stdlib.h>

static int run_version(struct swanctl *s)
{
	struct vici_call call = { .command = "version" };
	struct vici_view answer;
	int status;

	if (!swanctl_given(s, 'd')) {
		puts("charon-lite swanctl-lite " SWANCTL_LITE_VERSION);
		return 0;
	}
	if (!swanctl_call(s, &call, &answer, &status))
		return status;
	if (s->format != SWANCTL_TEXT) {
		swanctl_dump(stdout, s->format, "version reply", answer);
		return 0;
	}
	bool ours = vici_is(vici_get(answer, "daemon"), "charon-lite");
	printf("%s %s %s (%s, %s, %s)\n", ours ? "charon-lite" : "strongSwan",
		SWANCTL_GAP_OF(answer, "version"), SWANCTL_GAP_OF(answer, "daemon"),
		SWANCTL_GAP_OF(answer, "sysname"), SWANCTL_GAP_OF(answer, "release"),
		SWANCTL_GAP_OF(answer, "machine"));
	return 0;
}

/* A number of the statistics by its path; nothing when it is not there. */
static const char *stat_text(
	struct vici_view answer, const char *path, char room[SWANCTL_TEXT_ROOM])
{
	struct bytes value = vici_value(vici_find_path(answer, path));

	snprintf(room, SWANCTL_TEXT_ROOM, "%.*s", (int)value.length,
		value.at ? (const char *)value.at : "");
	return room;
}

#define STAT(path) stat_text(answer, path, (char[SWANCTL_TEXT_ROOM]){ 0 })

static void print_stats(struct vici_view answer)
{
	printf("uptime: %s, since %s\n", STAT("uptime.running"), STAT("uptime.since"));
	printf("worker threads: %s total, %s idle, working: %s/%s/%s/%s\n", STAT("workers.total"),
		STAT("workers.idle"), STAT("workers.active.critical"), STAT("workers.active.high"),
		STAT("workers.active.medium"), STAT("workers.active.low"));
	printf("job queues: %s/%s/%s/%s\n", STAT("queues.critical"), STAT("queues.high"),
		STAT("queues.medium"), STAT("queues.low"));
	printf("jobs scheduled: %s\n", STAT("scheduled"));
	printf("IKE_SAs: %s total, %s half-open\n", STAT("ikesas.total"), STAT("ikesas.half-open"));
	if (vici_present(vici_find_path(answer, "mem.total")))
		printf("memory usage: %s bytes, %s allocations\n", STAT("mem.total"),
			STAT("mem.allocs"));
	if (vici_present(vici_find_path(answer, "mallinfo.sbrk")))
		printf("mallinfo: sbrk %s, mmap %s, used %s, free %s\n", STAT("mallinfo.sbrk"),
			STAT("mallinfo.mmap"), STAT("mallinfo.used"), STAT("mallinfo.free"));
	fputs("loaded plugins:", stdout);
	if (swanctl_has_items(answer, "plugins")) {
		putchar(' ');
		swanctl_print_list(stdout, answer, "plugins");
	}
	putchar('\n');
}

static int run_stats(struct swanctl *s)
{
	struct vici_call call = { .command = "stats" };
	struct vici_view answer;
	int status;

	if (!swanctl_call(s, &call, &answer, &status))
		return status;
	if (s->format != SWANCTL_TEXT)
		swanctl_dump(stdout, s->format, "stats reply", answer);
	else
		print_stats(answer);
	return 0;
}

static int run_reload(struct swanctl *s)
{
	struct vici_call call = { .command = "reload-settings" };
	bool ok;

	return swanctl_simple(s, &call, "reload-settings", &ok);
}

static void print_log(struct vici_view message)
{
	printf("%02d[%s] %s\n", atoi(SWANCTL_TEXT_OF(message, "thread")),
		SWANCTL_TEXT_OF(message, "group"), SWANCTL_TEXT_OF(message, "msg"));
}

/* In JSON with charon-lite's events, which have names and fields; charon has lines alone. */
static int run_log(struct swanctl *s)
{
	static const char *const events[] = { "log-event", "log", NULL };

	return swanctl_follow(s, s->format == SWANCTL_JSON ? events : events + 1, "log", print_log);
}

const struct swanctl_command swanctl_version = {
	.name = "version",
	.letter = 'v',
	.text = "show version information",
	.usage = { "[--raw|--pretty|--json]" },
	.options = {
		{ "daemon", 'd', false, "query daemon version" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run_version,
};

const struct swanctl_command swanctl_stats = {
	.name = "stats",
	.letter = 'S',
	.text = "show daemon stats information",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY },
	.run = run_stats,
};

const struct swanctl_command swanctl_reload_settings = {
	.name = "reload-settings",
	.letter = 'r',
	.text = "reload daemon strongswan.conf",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY },
	.run = run_reload,
};

const struct swanctl_command swanctl_log = {
	.name = "log",
	.letter = 'T',
	.text = "trace logging output",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY },
	.run = run_log,
};
