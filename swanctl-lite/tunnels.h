/*
 * The tunnels of a daemon as rows: what list-tunnels answers, twice, makes rates; sorted and
 * filtered for --monitor.
 *
 * Pure: no I/O, no clock.
 */
#ifndef SWANCTL_LITE_TUNNELS_H
#define SWANCTL_LITE_TUNNELS_H

#include "libvici/message.h"

#define TUNNEL_NAME_MAX 256
#define TUNNEL_STATE_MAX 16
#define TUNNEL_NOT INT64_MIN /* seconds that nobody knows */

struct tunnel {
	char name[TUNNEL_NAME_MAX]; /* connection/child; the connection alone where there is none */
	char state[TUNNEL_STATE_MAX];
	char remote[64];
	char reason[64];                           /* of what failed last; "" */
	uint32_t child_id;                         /* 0: no child SA */
	int64_t since, rekey, next_try, ago, idle; /* seconds, or TUNNEL_NOT */
	int64_t heard_at; /* milliseconds: a look saw that something had come; 0: none did */
	uint64_t bytes_in, bytes_out;
	uint64_t rate_in, rate_out; /* bits a second, since the rows before */
};

enum tunnel_order {
	TUNNEL_BY_NAME,
	TUNNEL_BY_STATE, /* what is down first */
	TUNNEL_BY_RATE,
	TUNNEL_BY_REKEY,
	TUNNEL_ORDERS,
};

const char *tunnel_order_name(enum tunnel_order order);

struct tunnels {
	struct tunnel *rows, *before; /* before: by child_id */
	size_t count, capacity, before_count;
	int64_t seen_at, before_seen_at; /* milliseconds of a clock that never goes back */
	bool no_memory;
};

enum tunnel_class {
	TUNNEL_UP,
	TUNNEL_CHANGING, /* being set up, or ended */
	TUNNEL_DOWN,     /* wanted, and not there */
	TUNNEL_RESTING,  /* waits for a packet or a peer */
	TUNNEL_CLASSES,
};
enum tunnel_class tunnel_class(const struct tunnel *t);

struct tunnel_totals {
	unsigned of[TUNNEL_CLASSES];
	uint64_t rate_in, rate_out;
};

void tunnels_free(struct tunnels *t);

/* Empty ones, seen now. */
void tunnels_begin(struct tunnels *t, int64_t now);
/* All rows of a list-tunnels event. */
void tunnels_add(struct tunnels *t, struct vici_view event);
/* next's rows become t's, and those that t had the ones before. next is empty afterwards. */
void tunnels_follow(struct tunnels *t, struct tunnels *next);
/* They are complete: rates are made. */
struct tunnel_totals tunnels_end(struct tunnels *t);

/* filter: a part of name, state, remote or reason, whatever its case; "" is in all. Indices into
 * rows, to be freed; NULL when there is none or memory ran out. */
size_t *tunnels_sorted(const struct tunnels *t, enum tunnel_order order, bool reverse,
	const char *filter, size_t *ret_count);

/* "12.3M", "870k", "0": bits a second, of which 1000 make a k. */
const char *tunnel_rate(uint64_t bits, char room[16]);
/* "12 s", "4 min", "3.2 h", "5 d"; "" for TUNNEL_NOT. */
const char *tunnel_span(int64_t seconds, char room[24]);
/* What happened last, and what comes next: "no-answer 12 s ago, next try in 42 s". */
const char *tunnel_event(const struct tunnel *t, char room[160]);

#endif
