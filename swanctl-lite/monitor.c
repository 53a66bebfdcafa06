/*
 * --monitor: all tunnels on the terminal, looked at every few seconds; once, as plain text, where
 * there is no terminal.
 */
#include "libvici/value.h"
#include "swanctl-lite/columns.h"
#include "swanctl-lite/command.h"
#include "swanctl-lite/monitor_screen.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EVERY_MS 2000
/* A look takes part of a processor: of ours and the daemon's together, at most one in so many. */
#define SHARE 25

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_rows(void *context, struct bytes name, struct vici_view event)
{
	(void)name;
	tunnels_add(context, event);
}

/* A daemon that went away is gone only for now: the next look connects anew. */
static bool ask(struct swanctl *s, struct tunnels *tunnels, struct why *why)
{
	static const char *const events[] = { "list-tunnels" };
	struct vici_builder b = { 0 };
	struct vici_call call = { "list-tunnels", &b, events, 1, on_rows, tunnels };
	struct vici_view answer;

	if (!swanctl_connect_again(s, why))
		return false;
	swanctl_add_option(s, &b, 'i', "ike");
	enum vici_result result = vici_client_call(s->client, &call, &answer, why);
	vici_builder_free(&b);
	if (result == VICI_OK && swanctl_has(answer, "errmsg"))
		return why_fail(why, "%s", SWANCTL_GAP_OF(answer, "errmsg"));
	if (result == VICI_FAILED) {
		vici_client_free(s->client);
		s->client = NULL;
	}
	if (result == VICI_UNKNOWN_COMMAND || result == VICI_UNKNOWN_EVENT)
		return why_fail(why, "not supported by this daemon");
	return result == VICI_OK && (!tunnels->no_memory || why_fail(why, "out of memory"));
}

/* Without an answer the rows stay as they were. */
static bool look(struct swanctl *s, struct monitor_view *view)
{
	struct tunnels now = { 0 };

	view->problem.text[0] = '\0';
	tunnels_begin(&now, now_ms());
	if (!ask(s, &now, &view->problem)) {
		tunnels_free(&now);
		return false;
	}
	tunnels_follow(&view->tunnels, &now);
	view->totals = tunnels_end(&view->tunnels);
	return true;
}

/* ---- Without a terminal ---- */

static void print_plain(const struct monitor_view *view)
{
	size_t count;
	size_t *order =
		tunnels_sorted(&view->tunnels, view->order, view->reverse, view->filter, &count);

	printf("%-32s %-11s %-22s %12s %12s %8s %8s  %s\n", "TUNNEL", "STATE", "REMOTE", "BYTES IN",
		"BYTES OUT", "UP FOR", "REKEY IN", "LAST EVENT");
	for (size_t i = 0; i < count; i++) {
		const struct tunnel *t = &view->tunnels.rows[order[i]];
		char since[24], rekey[24], event[160], in[24] = "", out[24] = "";

		if (t->child_id) {
			snprintf(in, sizeof(in), "%llu", (unsigned long long)t->bytes_in);
			snprintf(out, sizeof(out), "%llu", (unsigned long long)t->bytes_out);
		}
		printf("%-*s %-11s %-22s %12s %12s %8s %8s  %s\n", columns_padded(t->name, 32),
			t->name, t->state, t->remote, in, out, tunnel_span(t->since, since),
			tunnel_span(t->rekey, rekey), tunnel_event(t, event));
	}
	free(order);
	printf("%u up, %u changing, %u down, %u resting\n", view->totals.of[TUNNEL_UP],
		view->totals.of[TUNNEL_CHANGING], view->totals.of[TUNNEL_DOWN],
		view->totals.of[TUNNEL_RESTING]);
}

/* ---- On the terminal ---- */

/* Until a key is pressed, the size changes, or it is time. */
static void wait_until(int64_t when)
{
	struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t left = when - now_ms();

	(void)poll(&keys, 1, left < 0 ? 0 : (int)left);
}

static void show(struct swanctl *s, struct monitor_view *view, unsigned every)
{
	int64_t next = now_ms() + every;

	if (!monitor_screen_open()) {
		print_plain(view);
		return;
	}
	for (;;) {
		monitor_screen_draw(view);
		wait_until(next);
		if (!monitor_screen_keys(view))
			break;
		int64_t begun = now_ms();
		if (begun < next || view->paused)
			continue;
		(void)look(s, view);
		unsigned took = (unsigned)(now_ms() - begun);
		view->every = took * SHARE > every ? took * SHARE : every;
		next = begun + view->every;
	}
	monitor_screen_close();
}

static bool read_options(struct swanctl *s, struct monitor_view *view, unsigned *ret_every)
{
	const char *sort = swanctl_value(s, 's');
	uint32_t milliseconds = EVERY_MS;
	double seconds;

	if (swanctl_given(s, 'n')) {
		if (!value_double(bytes_of_text(swanctl_value(s, 'n')), &seconds) ||
			seconds < 0.1 || seconds > 3600) {
			fprintf(stderr, "--interval %s: seconds, from 0.1 to 3600\n",
				swanctl_value(s, 'n'));
			return false;
		}
		milliseconds = (uint32_t)(seconds * 1000);
	}
	if (swanctl_given(s, 'F'))
		snprintf(view->filter, sizeof(view->filter), "%s", swanctl_value(s, 'F'));
	for (int i = 0; sort && i < TUNNEL_ORDERS; i++) {
		if (strcmp(sort, tunnel_order_name((enum tunnel_order)i)) == 0) {
			view->order = (enum tunnel_order)i;
			sort = NULL;
		}
	}
	if (sort)
		fprintf(stderr, "--sort %s: name, state, rate or rekeying\n", sort);
	*ret_every = view->every = milliseconds;
	return !sort;
}

static int run_text(struct swanctl *s)
{
	struct monitor_view view = { .title = "charon-lite" };
	unsigned every;

	if (!read_options(s, &view, &every))
		return EINVAL;
	(void)setlocale(LC_CTYPE, ""); /* names may have more than ASCII */
	if (swanctl_given(s, 'u'))
		view.title = swanctl_value(s, 'u');
	bool ok = look(s, &view);
	if (!ok)
		fprintf(stderr, "list-tunnels request failed: %s\n", view.problem.text);
	else if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		show(s, &view, every);
	else
		print_plain(&view);
	tunnels_free(&view.tunnels);
	return ok ? 0 : EIO;
}

static int run(struct swanctl *s)
{
	if (s->format == SWANCTL_TEXT)
		return run_text(s);
	struct vici_builder b = { 0 };
	swanctl_add_option(s, &b, 'i', "ike");
	int status = swanctl_stream(s, "list-tunnels", "list-tunnels", &b, NULL);
	vici_builder_free(&b);
	return status;
}

const struct swanctl_command swanctl_monitor = {
	.name = "monitor",
	.letter = 'W',
	.text = "watch all tunnels on the terminal",
	.usage = { "[--ike <name>] [--interval <seconds>] [--sort name|state|rate|rekeying] [--filter <text>]",
		"[--raw|--pretty|--json]" },
	.options = {
		{ "ike", 'i', true, "tunnels of this connection alone" },
		{ "interval", 'n', true, "seconds between two looks, default: 2" },
		{ "sort", 's', true, "what comes first, default: name" },
		{ "filter", 'F', true, "show only what contains this text" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run,
};
