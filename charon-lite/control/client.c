#include "charon-lite/control/client.h"

#include "charon-lite/control/command.h"
#include "charon-lite/control/server.h"
#include "charon-lite/control/staging.h"
#include "charon-lite/control/trial.h"
#include "charon-lite/turns.h"
#include "libbase/secret.h"
#include "libvici/packet.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* While so much waits to be read by the client, none of its requests is begun and its walks rest.
 */
#define OUTPUT_PAUSE ((size_t)64 * 1024)
/* Events that nobody reads: from here on the client is disconnected. All together may keep so much
 * waiting as OUTPUT_SUM, each its share. Answers do not count, those of walks neither: at most one
 * frame of them follows OUTPUT_PAUSE, and who reads slowly may do so. */
#define OUTPUT_MAX ((size_t)4 * 1024 * 1024)
#define OUTPUT_SUM ((size_t)64 * 1024 * 1024)
#define OUTPUT_TIMEOUT 30 /* seconds without reading anything that is there to be read */
#define REQUESTS_A_TURN 32
#define STEPS_A_TURN 32
#define STEPS_TIME 5    /* ms: no step of a turn is begun later */
#define WATCHED_MAX 256 /* IKE SAs of one command whose lines are passed on */

struct cl_client {
	struct cl_daemon *daemon;
	struct cl_server *server;
	void (*closed)(struct cl_server *server, struct cl_client *c);
	struct bufferevent *bev;
	struct event *turn;     /* what is left to be done, once others had their turn */
	struct event *deadline; /* of the wait */
	unsigned id;
	ike_time active_at; /* when it was last served */
	uint32_t events;    /* bit per enum cl_event */
	bool busy;          /* a request is not answered yet */
	bool serving;       /* its handler is at work */
	bool leaving;       /* to be disconnected at the next turn */
	size_t answers;     /* octets: of what waits to be read, at most so much was asked for */

	struct cl_staging *staging; /* or NULL */

	bool (*step)(struct cl_client *c, void *state); /* of a walk, or NULL */
	void (*end)(struct cl_client *c, void *state);  /* NULL: with an empty answer */
	void *walk_state;
	void (*walk_end)(void *state);

	struct cl_wait wait; /* ticket 0: none */
	bool starting;       /* between cl_client_wait() and cl_client_watch() */
	bool over;           /* the engine is done: to be answered at the next turn */
	bool done;           /* how it ended, and why */
	char *text;
	uint32_t watched[WATCHED_MAX];
	size_t watched_count;
};

static void turn(evutil_socket_t fd, short what, void *context);
static void deadline(evutil_socket_t fd, short what, void *context);
static void readable(struct bufferevent *bev, void *context);
static void writable(struct bufferevent *bev, void *context);
static void ended(struct bufferevent *bev, short what, void *context);

/* ---- Coming and going ---- */

struct cl_client *cl_client_new(struct cl_daemon *d, struct cl_server *server, int fd, unsigned id,
	void (*closed)(struct cl_server *, struct cl_client *))
{
	const struct timeval timeout = { OUTPUT_TIMEOUT, 0 };
	struct cl_client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	c->daemon = d;
	c->server = server;
	c->closed = closed;
	c->id = id;
	c->active_at = cl_daemon_now();
	c->bev = bufferevent_socket_new(d->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->turn = evtimer_new(d->base, turn, c);
	c->deadline = evtimer_new(d->base, deadline, c);
	if (!c->bev || !c->turn || !c->deadline) {
		if (!c->bev)
			close(fd);
		cl_client_free(c);
		return NULL;
	}
	bufferevent_setcb(c->bev, readable, writable, ended, c);
	/* One request of the largest size; what more it sends waits in the socket. */
	bufferevent_setwatermark(c->bev, EV_READ, 0, VICI_FRAME_HEADER + VICI_MESSAGE_MAX);
	bufferevent_setwatermark(c->bev, EV_WRITE, OUTPUT_PAUSE / 2, 0);
	bufferevent_set_timeouts(c->bev, NULL, &timeout);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	return c;
}

static void walk_over(struct cl_client *c)
{
	if (c->walk_state)
		c->walk_end(c->walk_state);
	c->step = NULL;
	c->walk_state = NULL;
}

void cl_client_free(struct cl_client *c)
{
	walk_over(c);
	free(c->wait.state);
	free(c->text);
	cl_staging_free(c->staging);
	if (c->bev)
		bufferevent_free(c->bev);
	if (c->turn)
		event_free(c->turn);
	if (c->deadline)
		event_free(c->deadline);
	free(c);
}

/* A request that is not begun: what we have not read at all, or a whole frame. */
static bool has_request(const struct cl_client *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);
	uint8_t header[VICI_FRAME_HEADER];
	int unread = 0;
	size_t size;

	if (ioctl(bufferevent_getfd(c->bev), FIONREAD, &unread) == 0 && unread > 0)
		return true;
	return evbuffer_copyout(input, header, sizeof(header)) == sizeof(header) &&
	       vici_frame_next(bytes_of(header, sizeof(header)), &size) != VICI_FRAME_BAD &&
	       evbuffer_get_length(input) >= size;
}

bool cl_client_idle_since(struct cl_client *c, ike_time *ret)
{
	*ret = c->active_at;
	return !c->busy && !c->leaving && c->events == 0 && !has_request(c) &&
	       evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
}

void cl_client_give_way(struct cl_client *c)
{
	cl_log_text(c->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO,
		"vici client %u disconnected: it wanted nothing for %d s, and another one needs "
		"its "
		"place",
		c->id, (int)((cl_daemon_now() - c->active_at) / 1000));
	cl_client_free(c);
}

static void disconnect(struct cl_client *c)
{
	c->closed(c->server, c);
	cl_client_free(c);
}

static void next_turn(struct cl_client *c)
{
	static const struct timeval now = { 0, 0 };

	evtimer_add(c->turn, &now);
}

/* Not at once: whoever calls this still uses the client. */
PRINTF_LIKE(2, 3) static void leave(struct cl_client *c, const char *format, ...)
{
	char text[512];
	va_list arguments;

	if (c->leaving)
		return;
	c->leaving = true;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	cl_log_text(c->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici client %u disconnected: %s",
		c->id, text);
	next_turn(c);
}

static void ended(struct bufferevent *bev, short what, void *context)
{
	struct cl_client *c = context;

	(void)bev;
	if ((what & BEV_EVENT_TIMEOUT) && !c->leaving)
		cl_log_text(c->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"vici client %u disconnected: it read nothing for %u seconds", c->id,
			OUTPUT_TIMEOUT);
	disconnect(c);
}

/* ---- Sending ---- */

static size_t output_length(struct cl_client *c)
{
	size_t length = evbuffer_get_length(bufferevent_get_output(c->bev));

	if (c->answers > length)
		c->answers = length;
	return length;
}

static bool reads_its_events(struct cl_client *c)
{
	size_t share = OUTPUT_SUM / (cl_server_clients(c->server) + 1);

	return output_length(c) - c->answers <= (share < OUTPUT_MAX ? share : OUTPUT_MAX);
}

static void send_bytes(struct cl_client *c, struct bytes frame)
{
	if (!c->leaving && bufferevent_write(c->bev, frame.at, frame.length) < 0)
		leave(c, "out of memory");
}

static void send_answer(struct cl_client *c, struct bytes frame)
{
	(void)output_length(c); /* what was read of earlier ones is over */
	c->answers += frame.length;
	send_bytes(c, frame);
}

static void send_packet(struct cl_client *c, enum vici_packet_type type)
{
	struct vici_builder b = vici_builder_packet(type, NULL);
	struct bytes frame;

	if (vici_builder_finish(&b, &frame))
		send_bytes(c, frame);
	else
		leave(c, "out of memory");
	vici_builder_free(&b);
}

bool cl_client_wants(const struct cl_client *c, enum cl_event event)
{
	return (c->events & (1u << event)) && !c->leaving;
}

void cl_client_event(struct cl_client *c, enum cl_event event, struct bytes frame)
{
	if (!cl_client_wants(c, event))
		return;
	if (!reads_its_events(c))
		leave(c, "it does not read its events");
	send_bytes(c, frame);
}

void cl_client_event_take(struct cl_client *c, enum cl_event event, struct vici_builder *b)
{
	struct bytes frame;

	bool fits = vici_builder_finish(b, &frame);

	if (fits && c->step && cl_client_wants(c, event))
		send_answer(c, frame);
	else if (fits)
		cl_client_event(c, event, frame);
	else
		cl_log_text(c->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"vici client %u: an event %s did not fit into a message", c->id,
			cl_event_name(event));
	vici_builder_free(b);
}

struct vici_builder cl_event_packet(enum cl_event event)
{
	return vici_builder_packet(VICI_EVENT, cl_event_name(event));
}

/* ---- Answers ---- */

bool cl_client_is_local(const struct cl_client *c)
{
	struct sockaddr_storage own;
	socklen_t length = sizeof(own);

	return getsockname(bufferevent_getfd(c->bev), (struct sockaddr *)&own, &length) == 0 &&
	       own.ss_family == AF_UNIX;
}

struct cl_daemon *cl_client_daemon(const struct cl_client *c)
{
	return c->daemon;
}

struct cl_staging *cl_client_staging(const struct cl_client *c)
{
	return c->staging;
}

void cl_client_stage(struct cl_client *c, struct cl_staging *staging)
{
	cl_staging_free(c->staging);
	c->staging = staging;
}

uint64_t cl_client_ticket(struct cl_client *c)
{
	return ++c->daemon->last_ticket;
}

struct vici_builder cl_client_answer(void)
{
	return vici_builder_packet(VICI_CMD_RESPONSE, NULL);
}

static void answered(struct cl_client *c)
{
	c->busy = false;
	c->active_at = cl_daemon_now();
	if (!c->serving)
		next_turn(c);
}

void cl_client_reply(struct cl_client *c, struct vici_builder *b)
{
	struct bytes frame;

	bool fits = vici_builder_finish(b, &frame);

	if (!fits) {
		vici_builder_free(b);
		*b = cl_client_answer();
		vici_key_bool(b, "success", false);
		vici_key_text(b, "errmsg", "the answer does not fit into a message of VICI");
		fits = vici_builder_finish(b, &frame);
	}
	if (fits)
		send_answer(c, frame);
	else
		leave(c, "out of memory");
	vici_builder_free(b);
	answered(c);
}

void cl_client_reply_empty(struct cl_client *c)
{
	send_packet(c, VICI_CMD_RESPONSE);
	answered(c);
}

void cl_client_reply_success(struct cl_client *c)
{
	struct vici_builder b = cl_client_answer();

	vici_key_bool(&b, "success", true);
	cl_client_reply(c, &b);
}

void cl_client_reply_failure(struct cl_client *c, const char *format, ...)
{
	struct vici_builder b = cl_client_answer();
	char text[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	vici_key_bool(&b, "success", false);
	vici_key_text(&b, "errmsg", text);
	cl_client_reply(c, &b);
}

/* ---- Walks ---- */

void cl_client_walk_ending(struct cl_client *c, bool (*step)(struct cl_client *c, void *state),
	void *state, void (*end)(void *state))
{
	c->step = step;
	c->end = NULL;
	c->walk_state = state;
	c->walk_end = end;
	next_turn(c);
}

void cl_client_walk_to(struct cl_client *c, bool (*step)(struct cl_client *c, void *state),
	void (*end)(struct cl_client *c, void *state), void *state, void (*release)(void *state))
{
	cl_client_walk_ending(c, step, state, release);
	c->end = end;
}

void cl_client_walk(
	struct cl_client *c, bool (*step)(struct cl_client *c, void *state), void *state)
{
	cl_client_walk_ending(c, step, state, free);
}

static void end_walk(struct cl_client *c)
{
	if (c->end)
		c->end(c, c->walk_state);
	walk_over(c);
	if (!c->end)
		cl_client_reply_empty(c);
}

static void walk(struct cl_client *c)
{
	const ike_time begun = cl_daemon_now();

	for (unsigned n = 0; n < STEPS_A_TURN; n++) {
		if (n > 0 && cl_daemon_now() - begun >= STEPS_TIME)
			break;
		if (output_length(c) > OUTPUT_PAUSE)
			return; /* writable() comes back */
		if (!c->step(c, c->walk_state)) {
			end_walk(c);
			return;
		}
	}
	next_turn(c);
}

/* ---- Commands of the engine ---- */

void cl_client_wait(struct cl_client *c, const struct cl_wait *wait)
{
	c->wait = *wait;
	c->starting = true;
	c->watched_count = 0;
	if (wait->milliseconds > 0) {
		const struct timeval tv = { wait->milliseconds / 1000,
			wait->milliseconds % 1000 * 1000 };

		evtimer_add(c->deadline, &tv);
	}
}

static bool is_watched(const struct cl_client *c, uint32_t ike_id)
{
	for (size_t i = 0; i < c->watched_count; i++) {
		if (c->watched[i] == ike_id)
			return true;
	}
	return false;
}

static void watch(struct cl_client *c, uint32_t ike_id)
{
	if (ike_id && c->watched_count < WATCHED_MAX && !is_watched(c, ike_id))
		c->watched[c->watched_count++] = ike_id;
}

void cl_client_watch(struct cl_client *c, uint32_t ike_id)
{
	c->starting = false;
	watch(c, ike_id);
}

void cl_client_wait_cancel(struct cl_client *c)
{
	free(c->wait.state);
	c->wait = (struct cl_wait){ 0 };
	c->starting = c->over = false;
	evtimer_del(c->deadline);
}

static void finish(struct cl_client *c, bool done, const char *text)
{
	struct cl_wait wait = c->wait;

	c->wait = (struct cl_wait){ 0 };
	evtimer_del(c->deadline);
	wait.finish(c, wait.state, done, text);
	free(wait.state);
}

bool cl_client_waits_for(const struct cl_client *c, uint64_t ticket)
{
	return c->wait.ticket != 0 && c->wait.ticket == ticket;
}

/* Comes from within a call of the engine, which the answer may want to ask: so not at once. */
bool cl_client_command_done(struct cl_client *c, uint64_t ticket, bool done, const char *text)
{
	if (!cl_client_waits_for(c, ticket))
		return false;
	c->over = true;
	c->done = done;
	free(c->text);
	c->text = strdup(text ? text : "");
	next_turn(c);
	return true;
}

static void finish_over(struct cl_client *c)
{
	char *text = c->text;

	c->over = false;
	c->text = NULL;
	if (c->wait.ticket)
		finish(c, c->done, text ? text : "");
	free(text);
}

static void deadline(evutil_socket_t fd, short what, void *context)
{
	struct cl_client *c = context;

	(void)fd, (void)what;
	if (!c->over)
		finish(c, false, NULL);
}

int cl_client_log_level(const struct cl_client *c)
{
	return c->wait.ticket && cl_client_wants(c, CL_EVENT_CONTROL_LOG) ? c->wait.level : -1;
}

void cl_client_control_log(struct cl_client *c, const struct ike_log *line)
{
	if (!line->ike_id || line->level > cl_client_log_level(c))
		return;
	if (c->starting)
		watch(c, line->ike_id);
	else if (!is_watched(c, line->ike_id))
		return;
	struct vici_builder b = cl_event_packet(CL_EVENT_CONTROL_LOG);
	vici_key_text(&b, "group", ike_log_group_name(line->group));
	vici_key_format(&b, "level", "%d", line->level);
	vici_key_text(&b, "ikesa-name", line->connection ? line->connection : "");
	vici_key_format(&b, "ikesa-uniqueid", "%u", line->ike_id);
	vici_key_text(&b, "msg", line->text);
	cl_client_event_take(c, CL_EVENT_CONTROL_LOG, &b);
}

/* ---- Requests ---- */

/* What was taken back does not come back piece by piece. */
static bool may_run(
	struct cl_client *c, struct bytes name, struct vici_view request, struct why *why)
{
	if (c->daemon->stopping)
		return why_fail(why, "the daemon is shutting down");
	return c->staging || !cl_command_configures(name) ||
	       cl_trial_takes_piece(c->daemon, name, request, why);
}

static void handle_request(struct cl_client *c, const struct vici_packet *packet)
{
	cl_command *command = cl_command_find(packet->name, c->daemon->judging);
	struct vici_message message;
	struct why why;

	if (!command) {
		cl_log_text(c->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"vici client %u invalid request: %.*s", c->id, (int)packet->name.length,
			(const char *)packet->name.at);
		send_packet(c, VICI_CMD_UNKNOWN);
		return;
	}
	if (cl_command_configures(packet->name))
		c->daemon->configured = time(NULL);
	if (!vici_message_parse(packet->message, &message, &why)) {
		leave(c, "%s", why.text);
		return;
	}
	c->busy = true;
	c->serving = true;
	if (may_run(c, packet->name, vici_root(&message), &why))
		command(c, vici_root(&message));
	else
		cl_client_reply_failure(c, "%s", why.text);
	c->serving = false;
	vici_message_free(&message);
}

static void handle_registration(struct cl_client *c, const struct vici_packet *packet)
{
	enum cl_event event;

	bool known = cl_event_find(packet->name, &event);
	/* Nor can what was not registered be unregistered. */
	if (known && packet->type == VICI_EVENT_UNREGISTER)
		known = c->events & (1u << event);
	if (!known) {
		cl_log_text(c->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"vici client %u invalid registration: %.*s", c->id,
			(int)packet->name.length, (const char *)packet->name.at);
		send_packet(c, VICI_EVENT_UNKNOWN);
		return;
	}
	if (packet->type == VICI_EVENT_REGISTER)
		c->events |= 1u << event;
	else
		c->events &= ~(1u << event);
	send_packet(c, VICI_EVENT_CONFIRM);
}

static void handle_packet(struct cl_client *c, struct bytes bytes)
{
	struct vici_packet packet;
	struct why why;

	c->active_at = cl_daemon_now();
	if (!vici_packet_parse(bytes, &packet, &why)) {
		leave(c, "%s", why.text);
		return;
	}
	switch (packet.type) {
	case VICI_CMD_REQUEST:
		handle_request(c, &packet);
		break;
	case VICI_EVENT_REGISTER:
	case VICI_EVENT_UNREGISTER:
		handle_registration(c, &packet);
		break;
	default:
		leave(c, "it sent a %s packet", vici_packet_type_name(packet.type));
	}
}

/* The next whole frame, contiguous; false when there is none yet. */
static bool next_frame(struct cl_client *c, struct evbuffer *input, struct bytes *ret)
{
	size_t there = evbuffer_get_length(input), size;

	if (there < VICI_FRAME_HEADER)
		return false;
	const uint8_t *at = evbuffer_pullup(input, VICI_FRAME_HEADER);
	switch (vici_frame_next(bytes_of(at, at ? VICI_FRAME_HEADER : 0), &size)) {
	case VICI_FRAME_BAD:
		leave(c, "a packet is empty, or longer than %u bytes", VICI_MESSAGE_MAX);
		return false;
	case VICI_FRAME_MORE:
	case VICI_FRAME_READY:
		break;
	}
	if (there < size)
		return false;
	at = evbuffer_pullup(input, (ssize_t)size);
	*ret = bytes_of(at, size);
	return at != NULL;
}

static void serve(struct cl_client *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);
	struct bytes frame;

	for (unsigned n = 0; !c->busy && !c->leaving && next_frame(c, input, &frame); n++) {
		if (output_length(c) > OUTPUT_PAUSE)
			return; /* writable() comes back */
		if (n == REQUESTS_A_TURN) {
			next_turn(c);
			return;
		}
		handle_packet(c,
			bytes_of(frame.at + VICI_FRAME_HEADER, frame.length - VICI_FRAME_HEADER));
		/* Our memory, whole since next_frame(); there may be secrets in it. */
		secret_wipe((uint8_t *)frame.at, frame.length);
		evbuffer_drain(input, frame.length);
	}
}

static void turn(evutil_socket_t fd, short what, void *context)
{
	struct cl_client *c = context;

	(void)fd, (void)what;
	cl_turns_note(c->daemon->turns, c->daemon->base);
	if (c->leaving) {
		disconnect(c);
		return;
	}
	if (c->over)
		finish_over(c);
	if (c->step)
		walk(c);
	if (!c->busy)
		serve(c);
}

static void readable(struct bufferevent *bev, void *context)
{
	struct cl_client *c = context;

	(void)bev;
	cl_turns_note(c->daemon->turns, c->daemon->base);
	serve(c);
}

static void writable(struct bufferevent *bev, void *context)
{
	(void)bev;
	next_turn(context);
}
