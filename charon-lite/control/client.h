/*
 * One client: its frames in and out, the request that is being answered, its registrations.
 *
 * A handler answers its request in one of three ways: at once with a cl_client_reply function; as
 * a walk of many steps between which others are served (cl_client_walk); or later, when the engine
 * has done a command (cl_client_wait). Until then the client's next request waits unread.
 */
#ifndef CHARON_LITE_CONTROL_CLIENT_H
#define CHARON_LITE_CONTROL_CLIENT_H

#include "charon-lite/control/event.h"
#include "charon-lite/daemon.h"
#include "libvici/builder.h"

#include <event2/event.h>

struct cl_client;
struct cl_server;

/* ---- For the server ---- */

/* Takes over fd, also on failure. The server forgets a client when it calls closed. */
MUST_USE struct cl_client *cl_client_new(struct cl_daemon *d, struct cl_server *server, int fd,
	unsigned id, void (*closed)(struct cl_server *, struct cl_client *));

/* Without calling closed. */
void cl_client_free(struct cl_client *c);

/* Since when it wants nothing: no request of its is there or under work, no answer or event on its
 * way, and it is registered for none. False: it wants something. */
bool cl_client_idle_since(struct cl_client *c, ike_time *ret);
/* Room is needed for another one: forgets it, without calling closed. */
void cl_client_give_way(struct cl_client *c);

bool cl_client_wants(const struct cl_client *c, enum cl_event event);

/* The most detailed line that it wants in control-log events now; -1: none. */
int cl_client_log_level(const struct cl_client *c);

/* Sends a control-log event when the line belongs to its command. */
void cl_client_control_log(struct cl_client *c, const struct ike_log *line);

bool cl_client_waits_for(const struct cl_client *c, uint64_t ticket);

/* The engine finished a command. True when it was this client's. */
bool cl_client_command_done(struct cl_client *c, uint64_t ticket, bool done, const char *text);

/* ---- For everybody ---- */

/* An event, as a whole frame, to a client that registered for it; to others it is nothing. */
void cl_client_event(struct cl_client *c, enum cl_event event, struct bytes frame);

/* The same from a builder, which is freed. In a step of a walk it is a part of the answer. */
void cl_client_event_take(struct cl_client *c, enum cl_event event, struct vici_builder *b);

/* What an event may hold; the rest of a message is for what encloses it. */
#define CL_EVENT_ROOM ((size_t)500 * 1024)

/* A packet for an event. */
struct vici_builder cl_event_packet(enum cl_event event);

/* ---- For handlers of commands ---- */

struct cl_daemon *cl_client_daemon(const struct cl_client *c);

/* By a socket whose file says who may use it, not by TCP. */
bool cl_client_is_local(const struct cl_client *c);

/* What it loads is kept there until it commits (staging.h); NULL: takes effect at once. The client
 * frees it, also when another one, or NULL, takes its place. */
struct cl_staging;
struct cl_staging *cl_client_staging(const struct cl_client *c);
void cl_client_stage(struct cl_client *c, struct cl_staging *staging);

/* A packet for an answer, to be given to cl_client_reply(). */
struct vici_builder cl_client_answer(void);

/* Sends the answer, and is done with the request. b is freed. */
void cl_client_reply(struct cl_client *c, struct vici_builder *b);
void cl_client_reply_empty(struct cl_client *c);
void cl_client_reply_success(struct cl_client *c);
PRINTF_LIKE(2, 3) void cl_client_reply_failure(struct cl_client *c, const char *format, ...);

/* step is called between turns of the loop, as fast as the client reads, until it returns false;
 * then an empty answer is sent. A step sends one event at most: only between steps does it count
 * what the client has not read. What it walks over may change between them. state is freed with
 * free(). */
void cl_client_walk(
	struct cl_client *c, bool (*step)(struct cl_client *c, void *state), void *state);
/* The same with a state that end() frees. */
void cl_client_walk_ending(struct cl_client *c, bool (*step)(struct cl_client *c, void *state),
	void *state, void (*end)(void *state));

/* The same, and end sends the answer; state lives until it has returned, and release() frees it. */
void cl_client_walk_to(struct cl_client *c, bool (*step)(struct cl_client *c, void *state),
	void (*end)(struct cl_client *c, void *state), void *state, void (*release)(void *state));

/* A command of the engine. finish sends the answer, and may ask the engine: done says how it ended,
 * NULL text that time was over. */
struct cl_wait {
	uint64_t ticket;
	int level;            /* of control-log events: -1 none */
	int64_t milliseconds; /* 0: as long as it takes */
	void (*finish)(struct cl_client *c, void *state, bool done, const char *text);
	void *state; /* freed with free() */
};

/* A number that no other command has. */
uint64_t cl_client_ticket(struct cl_client *c);

/* To be called before the engine is: it may be done at once. From here to cl_client_watch() all
 * lines of IKE SAs are taken for lines of this command. */
void cl_client_wait(struct cl_client *c, const struct cl_wait *wait);

/* The engine was called; ike_id (0: several, or unknown) does it. */
void cl_client_watch(struct cl_client *c, uint32_t ike_id);

/* Forgets the wait: the handler answers itself. */
void cl_client_wait_cancel(struct cl_client *c);

#endif
