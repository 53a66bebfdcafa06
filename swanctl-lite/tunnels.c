#include "swanctl-lite/tunnels.h"

#include "libbase/utf8.h"
#include "libvici/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tunnel_order_name(enum tunnel_order order)
{
	static const char *const names[TUNNEL_ORDERS] = { "name", "state", "rate", "rekeying" };

	return names[order];
}

void tunnels_free(struct tunnels *t)
{
	free(t->rows);
	free(t->before);
	*t = (struct tunnels){ 0 };
}

/* ---- Rows ---- */

/* Of the first character, when it is no control character (U+0080 to U+009F are, too) and the
 * locale has more than ASCII; else 0. */
static size_t printable(struct bytes value)
{
	size_t length = utf8_length(value);

	if (length == 1)
		return value.at[0] >= ' ' && value.at[0] <= 126;
	if (length == 2 && value.at[0] == 0xc2 && value.at[1] < 0xa0)
		return 0;
	return MB_CUR_MAX > 1 ? length : 0;
}

/* What is printable of a value: the daemon's names come from files, not from peers, but a terminal
 * believes what it is told. */
static void copy_text(char *ret, size_t size, struct bytes value)
{
	size_t used = 0;

	while (value.length > 0) {
		size_t length = printable(value), taken = length > 0 ? length : 1;

		if (used + taken >= size)
			break;
		memcpy(ret + used, length > 0 ? (const char *)value.at : "?", taken);
		used += taken;
		value = bytes_of(value.at + taken, value.length - taken);
	}
	ret[used] = '\0';
}

static int64_t seconds_of(struct vici_view row, const char *key)
{
	int64_t seconds;

	return value_signed(vici_get(row, key), &seconds) ? seconds : TUNNEL_NOT;
}

static uint64_t count_of(struct vici_view row, const char *key)
{
	uint64_t count;

	return value_unsigned(vici_get(row, key), &count) ? count : 0;
}

static void read_row(struct vici_view row, struct tunnel *t)
{
	char child[TUNNEL_NAME_MAX];
	size_t length;

	copy_text(t->name, sizeof(t->name), vici_get(row, "ike"));
	copy_text(child, sizeof(child), vici_get(row, "child"));
	length = strlen(t->name);
	if (child[0])
		snprintf(t->name + length, sizeof(t->name) - length, "/%s", child);
	copy_text(t->state, sizeof(t->state), vici_get(row, "state"));
	copy_text(t->remote, sizeof(t->remote), vici_get(row, "remote-host"));
	copy_text(t->reason, sizeof(t->reason), vici_get(row, "reason"));
	t->child_id = (uint32_t)count_of(row, "child-id");
	t->since = seconds_of(row, "installed");
	t->rekey = seconds_of(row, "rekey-time");
	t->next_try = seconds_of(row, "next-try");
	t->ago = seconds_of(row, "failed-ago");
	t->idle = seconds_of(row, "use-in");
	t->bytes_in = count_of(row, "bytes-in");
	t->bytes_out = count_of(row, "bytes-out");
}

static int by_child_id(const void *a, const void *b)
{
	const struct tunnel *left = a, *right = b;

	return (left->child_id > right->child_id) - (left->child_id < right->child_id);
}

void tunnels_begin(struct tunnels *t, int64_t now)
{
	*t = (struct tunnels){ .seen_at = now };
}

void tunnels_follow(struct tunnels *t, struct tunnels *next)
{
	free(t->before);
	next->before = t->rows;
	next->before_count = t->count;
	next->before_seen_at = t->seen_at;
	if (next->before_count > 0)
		qsort(next->before, next->before_count, sizeof(*next->before), by_child_id);
	*t = *next;
	*next = (struct tunnels){ 0 };
}

void tunnels_add(struct tunnels *t, struct vici_view event)
{
	VICI_EACH(row, event)
	{
		if (t->count == t->capacity) {
			size_t capacity = t->capacity ? 2 * t->capacity : 64;
			struct tunnel *rows = reallocarray(t->rows, capacity, sizeof(*rows));

			if (!rows) {
				t->no_memory = true;
				return;
			}
			t->rows = rows;
			t->capacity = capacity;
		}
		t->rows[t->count] = (struct tunnel){ 0 };
		read_row(row, &t->rows[t->count++]);
	}
}

/* What has come up since began with nothing. */
static uint64_t rate(uint64_t now, uint64_t before, int64_t milliseconds)
{
	if (now < before || milliseconds <= 0)
		return 0;
	return (uint64_t)((double)(now - before) * 8000.0 / (double)milliseconds);
}

/* Kernels before 6.2 do not say when the last packet came: then it is the last look that saw more
 * bytes than the one before. */
static void follow_idle(struct tunnel *row, const struct tunnel *old, int64_t now)
{
	if (row->idle != TUNNEL_NOT)
		return;
	row->heard_at = row->bytes_in > old->bytes_in ? now : old->heard_at;
	if (row->heard_at)
		row->idle = (now - row->heard_at) / 1000;
}

struct tunnel_totals tunnels_end(struct tunnels *t)
{
	struct tunnel_totals totals = { 0 };
	bool first = t->before_seen_at == 0;

	for (size_t i = 0; i < t->count; i++) {
		struct tunnel *row = &t->rows[i];
		const struct tunnel none = { 0 }, *old = NULL;

		totals.of[tunnel_class(row)]++;
		if (row->child_id == 0 || first)
			continue;
		if (t->before_count > 0)
			old = bsearch(row, t->before, t->before_count, sizeof(*row), by_child_id);
		if (!old)
			old = &none;
		row->rate_in = rate(row->bytes_in, old->bytes_in, t->seen_at - t->before_seen_at);
		row->rate_out =
			rate(row->bytes_out, old->bytes_out, t->seen_at - t->before_seen_at);
		follow_idle(row, old, t->seen_at);
		totals.rate_in += row->rate_in;
		totals.rate_out += row->rate_out;
	}
	return totals;
}

enum tunnel_class tunnel_class(const struct tunnel *t)
{
	static const struct {
		const char *state;
		enum tunnel_class class;
	} classes[] = {
		{ "INSTALLED", TUNNEL_UP }, { "REKEYING", TUNNEL_UP }, { "UPDATING", TUNNEL_UP },
		{ "DOWN", TUNNEL_DOWN }, { "TRAPPED", TUNNEL_RESTING }, { "IDLE", TUNNEL_RESTING },
		{ "ESTABLISHED", TUNNEL_RESTING }, /* an IKE SA without children */
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
		if (strcmp(t->state, classes[i].state) == 0)
			return classes[i].class;
	return TUNNEL_CHANGING;
}

/* ---- Order ---- */

struct sorting {
	const struct tunnels *tunnels;
	enum tunnel_order order;
	bool reverse;
};

static int by_state(const struct tunnel *a, const struct tunnel *b)
{
	static const int ranks[TUNNEL_CLASSES] = {
		[TUNNEL_DOWN] = 0, [TUNNEL_CHANGING] = 1, [TUNNEL_UP] = 2, [TUNNEL_RESTING] = 3
	};

	return ranks[tunnel_class(a)] - ranks[tunnel_class(b)];
}

static int compare(const void *a, const void *b, void *context)
{
	const struct sorting *s = context;
	const struct tunnel *left = &s->tunnels->rows[*(const size_t *)a];
	const struct tunnel *right = &s->tunnels->rows[*(const size_t *)b];
	uint64_t rates[] = { left->rate_in + left->rate_out, right->rate_in + right->rate_out };
	int64_t times[] = { left->rekey == TUNNEL_NOT ? INT64_MAX : left->rekey,
		right->rekey == TUNNEL_NOT ? INT64_MAX : right->rekey };
	int result = 0;

	if (s->order == TUNNEL_BY_STATE)
		result = by_state(left, right);
	else if (s->order == TUNNEL_BY_RATE)
		result = (rates[1] > rates[0]) - (rates[1] < rates[0]);
	else if (s->order == TUNNEL_BY_REKEY)
		result = (times[0] > times[1]) - (times[0] < times[1]);
	if (result == 0)
		result = strcmp(left->name, right->name);
	if (result == 0)
		result = by_child_id(left, right);
	return s->reverse ? -result : result;
}

static bool fits(const struct tunnel *t, const char *filter)
{
	return strcasestr(t->name, filter) || strcasestr(t->state, filter) ||
	       strcasestr(t->remote, filter) || strcasestr(t->reason, filter);
}

size_t *tunnels_sorted(const struct tunnels *t, enum tunnel_order order, bool reverse,
	const char *filter, size_t *ret_count)
{
	struct sorting sorting = { t, order, reverse };
	size_t *indices = t->count ? reallocarray(NULL, t->count, sizeof(*indices)) : NULL;
	size_t count = 0;

	for (size_t i = 0; indices && i < t->count; i++)
		if (fits(&t->rows[i], filter))
			indices[count++] = i;
	if (count > 0)
		qsort_r(indices, count, sizeof(*indices), compare, &sorting);
	*ret_count = count;
	return indices;
}

/* ---- Texts ---- */

const char *tunnel_rate(uint64_t bits, char room[16])
{
	static const char units[] = { 'k', 'M', 'G', 'T' };
	double value = (double)bits;
	int unit = -1;

	while (value >= 999.5 && unit < 3) {
		value /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(room, 16, "%" PRIu64, bits);
	else
		snprintf(room, 16, value < 99.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
	return room;
}

const char *tunnel_span(int64_t seconds, char room[24])
{
	if (seconds == TUNNEL_NOT)
		room[0] = '\0';
	else if (seconds < 120)
		snprintf(room, 24, "%" PRId64 " s", seconds);
	else if (seconds < 7200)
		snprintf(room, 24, "%" PRId64 " min", seconds / 60);
	else if (seconds < 172800)
		snprintf(room, 24, "%" PRId64 " h", seconds / 3600);
	else
		snprintf(room, 24, "%" PRId64 " d", seconds / 86400);
	return room;
}

const char *tunnel_event(const struct tunnel *t, char room[160])
{
	char ago[24], next[24];
	size_t length = 0;

	room[0] = '\0';
	if (t->reason[0])
		length = (size_t)snprintf(
			room, 160, "%s %s ago", t->reason, tunnel_span(t->ago, ago));
	else if (t->idle != TUNNEL_NOT)
		length = (size_t)snprintf(
			room, 160, "last packet %s ago", tunnel_span(t->idle, ago));
	else if (t->child_id && t->bytes_in == 0)
		length = (size_t)snprintf(room, 160, "nothing received yet");
	if (t->next_try != TUNNEL_NOT && length < 100)
		snprintf(room + length, 160 - length, "%snext try in %s", length ? ", " : "",
			tunnel_span(t->next_try, next));
	return room;
}
