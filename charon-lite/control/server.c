#include "charon-lite/control/server.h"

#include "charon-lite/control/command.h"

#include "charon-lite/control/client.h"
#include "charon-lite/control/sa_message.h"
#include "charon-lite/log_structured.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define CLIENTS_MAX 256
#define LOG_LEVEL 1 /* of log events, as strongSwan's */

struct member {
	struct member *prev, *next;
	struct cl_client *client;
};

#define ACCEPTORS_MAX 8

struct cl_server {
	struct cl_daemon *daemon;
	struct evconnlistener *acceptors[ACCEPTORS_MAX];
	size_t acceptor_count;
	struct event *resume; /* accepting, after descriptors ran out */
	struct member *members;
	size_t count;
	unsigned last_id;
};

/* ---- Clients ---- */

static void closed(struct cl_server *s, struct cl_client *client)
{
	struct member *member;

	DL_FOREACH(s->members, member)
	{
		if (member->client == client) {
			DL_DELETE(s->members, member);
			s->count--;
			free(member);
			break;
		}
	}
	if (s->daemon->judging && s->count == 0)
		event_base_loopbreak(s->daemon->base);
}

bool cl_server_adopt(struct cl_server *s, int fd)
{
	struct member *member = s->count < CLIENTS_MAX ? calloc(1, sizeof(*member)) : NULL;

	if (!member) {
		cl_log_text(s->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"vici connection refused: %zu clients are connected", s->count);
		close(fd);
		return false;
	}
	member->client = cl_client_new(s->daemon, s, fd, ++s->last_id, closed);
	if (!member->client) {
		free(member);
		return false;
	}
	DL_APPEND(s->members, member);
	s->count++;
	return true;
}

/* The one that has wanted nothing for the longest time; false: all want something. */
static bool make_room(struct cl_server *s)
{
	struct member *member, *longest = NULL;
	ike_time since, longest_since = IKE_NEVER;

	DL_FOREACH(s->members, member)
	{
		if (!cl_client_idle_since(member->client, &since) || since >= longest_since)
			continue;
		longest = member;
		longest_since = since;
	}
	if (!longest)
		return false;
	cl_client_give_way(longest->client);
	DL_DELETE(s->members, longest);
	s->count--;
	free(longest);
	return true;
}

static void accepted(struct evconnlistener *acceptor, evutil_socket_t fd, struct sockaddr *from,
	int from_length, void *context)
{
	struct cl_server *s = context;

	(void)acceptor, (void)from, (void)from_length;
	if (s->count >= CLIENTS_MAX)
		(void)!make_room(s);
	(void)!cl_server_adopt(s, fd);
}

/* Without descriptors accepting would fail again at once, for ever. */
static void accept_failed(struct evconnlistener *acceptor, void *context)
{
	struct cl_server *s = context;
	const struct timeval later = { 1, 0 };

	cl_log_text(s->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO, "accepting a vici client failed: %s",
		strerror(errno));
	evconnlistener_disable(acceptor);
	evtimer_add(s->resume, &later);
}

static void resume(evutil_socket_t fd, short what, void *context)
{
	struct cl_server *s = context;

	(void)fd, (void)what;
	for (size_t i = 0; i < s->acceptor_count; i++)
		evconnlistener_enable(s->acceptors[i]);
}

size_t cl_server_clients(const struct cl_server *s)
{
	return s->count;
}

/* ---- The log ---- */

/* Which lines somebody wants changes with every registration and command, and lines are many more
 * than these: asked anew for each line, of few clients. */
static void log_line(void *context, const struct ike_log *line)
{
	struct cl_server *s = context;
	struct member *member;
	bool wanted = false;

	DL_FOREACH(s->members, member)
	{
		cl_client_control_log(member->client, line);
		wanted = wanted || cl_client_wants(member->client, CL_EVENT_LOG);
	}
	if (!wanted || line->level > LOG_LEVEL)
		return;
	struct vici_builder b = cl_event_packet(CL_EVENT_LOG);
	vici_key_text(&b, "group", ike_log_group_name(line->group));
	vici_key_format(&b, "level", "%d", line->level);
	vici_key_text(&b, "thread", "0");
	if (line->ike_id) {
		vici_key_text(&b, "ikesa-name", line->connection ? line->connection : "");
		vici_key_format(&b, "ikesa-uniqueid", "%u", line->ike_id);
	}
	vici_key_text(&b, "msg", line->text);
	struct bytes frame;
	if (vici_builder_finish(&b, &frame)) {
		DL_FOREACH(s->members, member)
		cl_client_event(member->client, CL_EVENT_LOG, frame);
	}
	vici_builder_free(&b);
}

/* The log asks whether a line is wanted before its text is made. */
static int log_level(void *context)
{
	struct cl_server *s = context;
	struct member *member;
	int most = -1;

	DL_FOREACH(s->members, member)
	{
		int level = cl_client_log_level(member->client);

		if (level < LOG_LEVEL && cl_client_wants(member->client, CL_EVENT_LOG))
			level = LOG_LEVEL;
		if (level > most)
			most = level;
	}
	return most;
}

static bool events_wanted(void *context)
{
	struct cl_server *s = context;
	struct member *member;

	DL_FOREACH(s->members, member)
	{
		if (cl_client_wants(member->client, CL_EVENT_LOG_EVENT))
			return true;
	}
	return false;
}

static void put_entry(void *context, struct bytes name, struct bytes value, struct vici_view list)
{
	struct vici_builder *b = context;
	char key[64];

	if (vici_present(list)) {
		vici_copy(b, list);
	} else if (name.length < sizeof(key)) {
		bytes_copy(key, name);
		key[name.length] = '\0';
		vici_key_bytes(b, key, value);
	}
}

static void log_event(void *context, const struct cl_log_entry *entry)
{
	struct cl_server *s = context;
	struct vici_builder b = cl_event_packet(CL_EVENT_LOG_EVENT);
	struct member *member;
	struct bytes frame;

	cl_log_entry_walk(entry, put_entry, &b);
	if (vici_builder_finish(&b, &frame)) {
		DL_FOREACH(s->members, member)
		cl_client_event(member->client, CL_EVENT_LOG_EVENT, frame);
	}
	vici_builder_free(&b);
}

/* ---- Opening and closing ---- */

static bool open_acceptor(struct cl_server *s, const struct cl_listener *listener, struct why *why)
{
	if (s->acceptor_count == ACCEPTORS_MAX)
		return why_fail(why, "more than %d", ACCEPTORS_MAX);
	struct evconnlistener *acceptor = evconnlistener_new(
		s->daemon->base, accepted, s, LEV_OPT_CLOSE_ON_EXEC, 0, cl_listener_fd(listener));
	if (!acceptor)
		return why_fail(why, "out of memory");
	evconnlistener_set_error_cb(acceptor, accept_failed);
	s->acceptors[s->acceptor_count++] = acceptor;
	return true;
}

static bool open_acceptors(
	struct cl_server *s, const struct cl_listener *listeners, struct why *why)
{
	for (const struct cl_listener *l = listeners; l; l = cl_listener_next(l)) {
		if (!open_acceptor(s, l, why))
			return why_prefix(why, "control sockets: ");
		if (cl_listener_is_tcp(l))
			cl_log_text(s->daemon->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
				"WARNING: plugins.vici.socket names a TCP port: ANYBODY ON THIS "
				"MACHINE controls this daemon, without being asked who they are");
	}
	return true;
}

bool cl_server_open(struct cl_daemon *d, const struct cl_listener *listeners,
	struct cl_server **ret, struct why *why)
{
	struct cl_server *s = calloc(1, sizeof(*s));

	if (!s)
		return why_fail(why, "out of memory");
	s->daemon = d;
	s->resume = evtimer_new(d->base, resume, s);
	if (!s->resume) {
		cl_server_close(s);
		return why_fail(why, "control sockets: out of memory");
	}
	if (!open_acceptors(s, listeners, why)) {
		cl_server_close(s);
		return false;
	}
	cl_log_listen(d->log, log_level, log_line, s);
	cl_log_listen_events(d->log, events_wanted, log_event, s);
	*ret = s;
	return true;
}

void cl_server_close(struct cl_server *s)
{
	struct member *member, *next;

	if (!s)
		return;
	cl_log_listen(s->daemon->log, NULL, NULL, NULL);
	cl_log_listen_events(s->daemon->log, NULL, NULL, NULL);
	DL_FOREACH_SAFE(s->members, member, next)
	{
		cl_client_free(member->client);
		free(member);
	}
	for (size_t i = 0; i < s->acceptor_count; i++)
		evconnlistener_free(s->acceptors[i]);
	if (s->resume)
		event_free(s->resume);
	free(s);
}

/* ---- From the engine ---- */

void cl_server_command_done(struct cl_server *s, uint64_t ticket, bool done, const char *text)
{
	struct member *member;

	DL_FOREACH(s->members, member)
	{
		if (cl_client_command_done(member->client, ticket, done, text))
			return;
	}
}

bool cl_server_stage_key(
	struct cl_server *s, uint64_t ticket, struct ike_public_key *key, uint64_t handle)
{
	struct member *member;

	DL_FOREACH(s->members, member)
	{
		if (cl_client_waits_for(member->client, ticket)) {
			cl_key_stage(member->client, ticket, key, handle);
			return true;
		}
	}
	return false;
}

static void broadcast(struct cl_server *s, enum cl_event event, const struct ike_event *what)
{
	struct member *member;
	bool wanted = false;

	DL_FOREACH(s->members, member)
	wanted = wanted || cl_client_wants(member->client, event);
	if (!wanted)
		return;
	struct vici_builder b = cl_event_packet(event);
	struct bytes frame;
	cl_sa_event_build(&b, s->daemon, event, what);
	if (vici_builder_finish(&b, &frame)) {
		DL_FOREACH(s->members, member)
		cl_client_event(member->client, event, frame);
	}
	vici_builder_free(&b);
}

static bool ike_state_event(uint8_t state, enum cl_event *ret)
{
	if (state == IKE_SA_ESTABLISHED)
		*ret = CL_EVENT_IKE_STATE_ESTABLISHED;
	else if (state == IKE_SA_DESTROYING)
		*ret = CL_EVENT_IKE_STATE_DESTROYING;
	else
		return false;
	return true;
}

static bool child_state_event(uint8_t state, enum cl_event *ret)
{
	static const struct {
		uint8_t state;
		enum cl_event event;
	} events[] = {
		{ IKE_CHILD_INSTALLING, CL_EVENT_CHILD_STATE_INSTALLING },
		{ IKE_CHILD_INSTALLED, CL_EVENT_CHILD_STATE_INSTALLED },
		{ IKE_CHILD_UPDATING, CL_EVENT_CHILD_STATE_UPDATING },
		{ IKE_CHILD_REKEYING, CL_EVENT_CHILD_STATE_REKEYING },
		{ IKE_CHILD_REKEYED, CL_EVENT_CHILD_STATE_REKEYED },
		{ IKE_CHILD_DESTROYING, CL_EVENT_CHILD_STATE_DESTROYING },
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		if (events[i].state == state) {
			*ret = events[i].event;
			return true;
		}
	}
	return false;
}

void cl_server_event(struct cl_server *s, const struct ike_event *event)
{
	enum cl_event state;

	switch (event->kind) {
	case IKE_EVENT_ALERT:
		broadcast(s, CL_EVENT_ALERT, event);
		break;
	case IKE_EVENT_IKE_UP:
	case IKE_EVENT_IKE_ENDS: /* before its children, as charon tells it */
		broadcast(s, CL_EVENT_IKE_UPDOWN, event);
		break;
	case IKE_EVENT_IKE_DOWN:
		break;
	case IKE_EVENT_CHILD_UP:
	case IKE_EVENT_CHILD_DOWN:
		broadcast(s, CL_EVENT_CHILD_UPDOWN, event);
		break;
	case IKE_EVENT_IKE_UPDATE:
		broadcast(s, CL_EVENT_IKE_UPDATE, event);
		break;
	case IKE_EVENT_IKE_REKEY:
		broadcast(s, CL_EVENT_IKE_REKEY, event);
		break;
	case IKE_EVENT_CHILD_REKEY:
		broadcast(s, CL_EVENT_CHILD_REKEY, event);
		break;
	case IKE_EVENT_IKE_STATE:
		if (ike_state_event(event->sa->state, &state))
			broadcast(s, state, event);
		break;
	case IKE_EVENT_CHILD_STATE:
		if (child_state_event(event->child->state, &state))
			broadcast(s, state, event);
		break;
	}
}
