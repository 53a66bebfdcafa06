/* --explain: how each connection is, what failed, why, and what mends it. */
#include "libvici/settings.h"
#include "swanctl-lite/absence.h"
#include "swanctl-lite/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "2026-11-28 03:10:22" for seconds since 1970 as text. */
static const char *moment(struct vici_view section, const char *key, char room[32])
{
	time_t seconds = (time_t)strtoll(SWANCTL_GAP_OF(section, key), NULL, 10);
	struct tm broken;

	if (!localtime_r(&seconds, &broken) ||
		strftime(room, 32, "%Y-%m-%d %H:%M:%S", &broken) == 0)
		room[0] = '\0';
	return room;
}

/* "12 s", "4 min", "3 h", "5 days". */
static const char *span(struct vici_view section, const char *key, char room[32])
{
	long long seconds = strtoll(SWANCTL_GAP_OF(section, key), NULL, 10);

	if (seconds < 120)
		snprintf(room, 32, "%lld s", seconds);
	else if (seconds < 7200)
		snprintf(room, 32, "%lld min", seconds / 60);
	else if (seconds < 172800)
		snprintf(room, 32, "%lld h", seconds / 3600);
	else
		snprintf(room, 32, "%lld days", seconds / 86400);
	return room;
}

static void print_line(struct vici_view failure, const char *key, const char *label)
{
	if (swanctl_has(failure, key))
		printf("    %-9s%s\n", label, SWANCTL_TEXT_OF(failure, key));
}

/* advice: with cause and cure, where they have not been said among the causes. */
static void print_failure(struct vici_view failure, bool advice)
{
	char first[32], last[32], ago[32];
	bool many = !vici_is(vici_get(failure, "count"), "1");

	printf("  %s%s%s: %s", swanctl_has(failure, "over-ago") ? "earlier, over by now: " : "",
		swanctl_has(failure, "child") ? SWANCTL_TEXT_OF(failure, "child") : "",
		swanctl_has(failure, "child") ? " failed" : "failed",
		SWANCTL_TEXT_OF(failure, "reason"));
	if (many)
		printf(", %s times since %s", SWANCTL_TEXT_OF(failure, "count"),
			moment(failure, "first", first));
	printf(", %s%s (%s ago)\n", many ? "last " : "", moment(failure, "last", last),
		span(failure, "last-ago", ago));
	printf("    where:   %s with %s, begun by %s\n", SWANCTL_TEXT_OF(failure, "phase"),
		swanctl_has(failure, "remote-host") ? SWANCTL_TEXT_OF(failure, "remote-host")
						    : "the peer",
		vici_is(vici_get(failure, "initiator"), "yes") ? "us" : "the peer");
	print_line(failure, "text", "what:");
	if (advice) {
		print_line(failure, "cause", "cause:");
		print_line(failure, "cure", "cure:");
	}
	print_line(failure, "ours", "ours:");
	print_line(failure, "theirs", "theirs:");
	print_line(failure, "differs", "differs:");
	if (swanctl_has(failure, "over-ago"))
		printf("    over:    it came up %s ago\n", span(failure, "over-ago", ago));
}

static void print_remarks(struct vici_view section, const char *indent)
{
	VICI_EACH(remark, vici_find(section, "remarks"))
	printf("%snote:    %.*s\n", indent, (int)vici_value(remark).length,
		(const char *)vici_value(remark).at);
}

static void print_size(struct vici_view child)
{
	if (!swanctl_has(child, "inner-mtu"))
		return;
	printf("    size:    packets of up to %s octets fit (%s to the peer, ESP takes up to %s), "
	       "advised MSS %s\n",
		SWANCTL_TEXT_OF(child, "inner-mtu"), SWANCTL_TEXT_OF(child, "path-mtu"),
		SWANCTL_TEXT_OF(child, "overhead"), SWANCTL_TEXT_OF(child, "mss"));
}

static void print_child(struct vici_view child)
{
	char room[32];

	printf("  %s: %s", SWANCTL_NAME_OF(child), SWANCTL_TEXT_OF(child, "state"));
	if (swanctl_has(child, "installed"))
		printf(" for %s", span(child, "installed", room));
	if (!vici_is(vici_get(child, "wanted"), "none"))
		printf(", wanted (%s)", SWANCTL_TEXT_OF(child, "wanted"));
	if (swanctl_has(child, "tries"))
		printf(", tries that failed: %s", SWANCTL_TEXT_OF(child, "tries"));
	if (swanctl_has(child, "next-try"))
		printf(", next try in %s", span(child, "next-try", room));
	putchar('\n');
	if (swanctl_has(child, "packets-in"))
		printf("    packets: %s in, %s out\n", SWANCTL_TEXT_OF(child, "packets-in"),
			SWANCTL_TEXT_OF(child, "packets-out"));
	print_size(child);
	print_line(child, "interface", "link:");
	print_remarks(child, "    ");
}

/* The likeliest first. False: there are none. */
static bool print_causes(struct vici_view causes)
{
	bool any = false;

	VICI_EACH(cause, causes)
	{
		bool child = swanctl_has(cause, "child");

		printf("  %s. %s%s%s\n", SWANCTL_NAME_OF(cause), SWANCTL_TEXT_OF(cause, "cause"),
			child ? ", child " : "", child ? SWANCTL_TEXT_OF(cause, "child") : "");
		print_line(cause, "text", "cause:");
		print_line(cause, "cure", "cure:");
		any = true;
	}
	return any;
}

static void print_kernel(struct vici_view kernel)
{
	fputs("dropped by the kernel since boot (/proc/net/xfrm_stat):", stdout);
	VICI_EACH(counter, vici_find(kernel, "errors"))
	printf(" %s %.*s", SWANCTL_NAME_OF(counter), (int)vici_value(counter).length,
		(const char *)vici_value(counter).at);
	putchar('\n');
}

static void print_connection(struct vici_view connection)
{
	struct vici_view failures = vici_find(connection, "failures");
	bool any = false, told;
	char room[32];

	if (strcmp(SWANCTL_NAME_OF(connection), "(daemon)") == 0)
		fputs("no daemon:", stdout);
	else if (swanctl_has(connection, "state"))
		printf("%s: %s", SWANCTL_NAME_OF(connection), SWANCTL_TEXT_OF(connection, "state"));
	else
		fputs("fits no connection:", stdout);
	if (swanctl_has(connection, "established"))
		printf(" for %s", span(connection, "established", room));
	if (swanctl_has(connection, "remote-host"))
		printf(", with %s", SWANCTL_TEXT_OF(connection, "remote-host"));
	putchar('\n');
	told = print_causes(vici_find(connection, "causes"));
	print_remarks(connection, "  ");
	VICI_EACH(child, vici_find(connection, "children"))
	print_child(child);
	VICI_EACH(failure, failures)
	{
		print_failure(failure, !told || swanctl_has(failure, "over-ago"));
		any = true;
	}
	if (!any && swanctl_has(connection, "state"))
		puts("  nothing failed since it was loaded");
}

static void print_event(struct vici_view message)
{
	VICI_EACH(section, message)
	{
		if (vici_kind(section) != VICI_SECTION)
			continue;
		if (strcmp(SWANCTL_NAME_OF(section), "(kernel)") == 0)
			print_kernel(section);
		else
			print_connection(section);
	}
}

static bool on_alert(void *context, struct bytes name, struct vici_view alert)
{
	const struct swanctl *s = context;
	struct bytes connection = vici_get(alert, "connection");

	(void)name;
	if (s->argument && !vici_is(connection, s->argument))
		return true;
	if (s->format != SWANCTL_TEXT) {
		swanctl_dump(stdout, s->format, "alert", alert);
	} else {
		if (connection.length > 0)
			printf("%s:\n", SWANCTL_TEXT_OF(alert, "connection"));
		else
			puts("fits no connection:");
		print_failure(alert, true);
	}
	fflush(stdout);
	return true;
}

/* Goes on until it is interrupted or the daemon goes away. */
static int follow(struct swanctl *s)
{
	static const char *const events[] = { "alert" };
	struct why why = { "" };

	fflush(stdout);
	if (vici_client_listen(s->client, events, 1, on_alert, s, &why) == VICI_OK)
		return 0;
	fprintf(stderr, "disconnected: %s\n", why.text);
	return EPROTO;
}

/* ---- Without a daemon ---- */

/* IKE's ports as the daemon would have them. */
static void find_ports(uint16_t ret[2])
{
	const char *path = getenv("STRONGSWAN_CONF");
	struct settings *settings = settings_load(path ? path : "/etc/strongswan.conf", NULL);
	static const char *const keys[] = { "charon.port", "charon.port_nat_t" };

	ret[0] = 500;
	ret[1] = 4500;
	for (size_t i = 0; settings && i < 2; i++) {
		const char *text = settings_get(settings_root(settings), keys[i]);

		if (text && atoi(text) > 0)
			ret[i] = (uint16_t)atoi(text);
	}
	settings_free(settings);
}

/* As the daemon would say it, so that it is printed in the same way. */
static void put_absence(
	struct vici_builder *b, enum swanctl_absence absence, const struct swanctl_holder *holder)
{
	vici_section_start(b, "(daemon)");
	vici_section_start(b, "causes");
	vici_section_start(b, "1");
	vici_key_text(b, "cause", swanctl_absence_name(absence));
	vici_key_text(b, "likelihood", "99");
	if (holder->pid)
		vici_key_format(b, "text", "%s; UDP port %u: %s, process %d",
			swanctl_absence_meaning(absence), holder->port, holder->program,
			holder->pid);
	else if (holder->port)
		vici_key_format(b, "text", "%s; UDP port %u", swanctl_absence_meaning(absence),
			holder->port);
	else
		vici_key_text(b, "text", swanctl_absence_meaning(absence));
	vici_key_text(b, "cure", swanctl_absence_cure(absence));
	vici_section_end(b);
	vici_section_end(b);
	vici_section_end(b);
}

static void explain_absence(const struct swanctl *s, int error)
{
	struct vici_builder b = { 0 };
	struct swanctl_holder holder;
	struct vici_message message;
	struct bytes bytes;
	struct why why;
	uint16_t ports[2];

	find_ports(ports);
	swanctl_holder_find(ports, &holder);
	put_absence(&b, swanctl_absence_judge(&holder, error), &holder);
	if (vici_builder_finish(&b, &bytes) && vici_message_parse(bytes, &message, &why)) {
		if (s->format == SWANCTL_TEXT)
			print_event(vici_root(&message));
		else if (s->format != SWANCTL_JSON)
			swanctl_dump(stdout, s->format, "explain event", vici_root(&message));
		else {
			puts("[");
			swanctl_dump(stdout, s->format, "explain", vici_root(&message));
			puts("]");
		}
		vici_message_free(&message);
	}
	vici_builder_free(&b);
}

static int run(struct swanctl *s)
{
	struct vici_builder b = { 0 };
	int error = 0;

	if (!swanctl_connect(s, &error)) {
		explain_absence(s, error);
		return error;
	}

	if (s->argument)
		vici_key_text(&b, "ike", s->argument);
	int status = swanctl_stream(s, "explain", "explain", &b, print_event);
	vici_builder_free(&b);
	return status == 0 && swanctl_given(s, 'f') ? follow(s) : status;
}

const struct swanctl_command swanctl_explain = {
	.name = "explain",
	.letter = 'e',
	.text = "say what failed, why, and what mends it",
	.usage = { "[connection] [--follow]", "[--raw|--pretty|--json]" },
	.options = {
		{ "follow", 'f', false, "go on with what fails from now on" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.takes_argument = true,
	.run = run,
};
