#define HASH_NONFATAL_OOM 1 /* before uthash.h */
#include "charon-lite/accounting.h"

#include "charon-lite/daemon.h"
#include "libike/virtual.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#define CLASSES_MAX 4
#define USER_MAX 254
/* An IKE SA that was accepted and never came up is forgotten. */
#define UNUSED_TIME IKE_SECONDS(120)
#define INTERVAL_MIN 60 /* seconds (RFC 2869 5.16) */

enum status { START = 1, STOP = 2, INTERIM = 3 };

/* Acct-Terminate-Cause (RFC 2866 5.10) */
enum cause { CAUSE_USER_REQUEST = 1, CAUSE_LOST_CARRIER = 2, CAUSE_SESSION_TIMEOUT = 5 };

struct usage {
	uint64_t bytes_in, bytes_out;
	uint64_t packets_in, packets_out;
};

struct session {
	UT_hash_handle hh;
	struct cl_accounting *accounting;
	uint32_t ike_id;
	uint32_t port; /* the first IKE SA's id: it stays when that is rekeyed */
	bool started;
	ike_time since;
	uint32_t interval; /* seconds; 0: no updates */
	struct event *timer;
	struct usage before; /* of children that are gone */
	uint8_t class_count;
	uint8_t class_length[CLASSES_MAX];
	uint8_t classes[CLASSES_MAX][CL_RADIUS_ATTRIBUTE_MAX];
	char user[USER_MAX];
};

struct cl_accounting {
	struct cl_accounting_config config;
	struct cl_log *log;
	struct session *sessions;
	uint32_t started; /* of this daemon: session ids do not repeat after a restart */
};

/* ---- Sessions ---- */

static struct session *find(struct cl_accounting *a, uint32_t ike_id)
{
	struct session *s;

	HASH_FIND(hh, a->sessions, &ike_id, sizeof(ike_id), s);
	return s;
}

static void session_free(struct session *s)
{
	HASH_DEL(s->accounting->sessions, s);
	if (s->timer)
		event_free(s->timer);
	free(s);
}

static struct session *make(struct cl_accounting *a, uint32_t ike_id)
{
	struct session *s = find(a, ike_id);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->accounting = a;
	s->ike_id = s->port = ike_id;
	s->since = cl_daemon_now();
	HASH_ADD(hh, a->sessions, ike_id, sizeof(s->ike_id), s);
	if (s->hh.tbl)
		return s;
	free(s);
	return NULL;
}

/* ---- What went through ---- */

static void add_child(struct cl_accounting *a, const struct ike_child *child, struct usage *ret)
{
	struct ike_kernel_usage usage;
	struct ike_kernel_id in = ike_child_kernel_id(child, true);
	struct ike_kernel_id out = ike_child_kernel_id(child, false);

	if (a->config.query(a->config.context, &in, &usage)) {
		ret->bytes_in += usage.bytes;
		ret->packets_in += usage.packets;
	}
	if (a->config.query(a->config.context, &out, &usage)) {
		ret->bytes_out += usage.bytes;
		ret->packets_out += usage.packets;
	}
}

static struct usage usage_of(const struct session *s, const struct ike_sa *sa)
{
	struct usage usage = s->before;

	for (const struct ike_child *c = sa->children; c; c = c->next) {
		if (c->announced)
			add_child(s->accounting, c, &usage);
	}
	return usage;
}

/* ---- Requests ---- */

struct update {
	const struct session *session;
	const struct ike_sa *sa;
	enum status status;
	enum cause cause;
};

static void put_user(const struct session *s, const struct ike_sa *sa, struct cl_radius_builder *b)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	if (s->user[0])
		cl_radius_put_text(b, CL_RADIUS_USER_NAME, s->user);
	else if (sa->remote_id)
		cl_radius_put_text(
			b, CL_RADIUS_USER_NAME, ike_identity_format(sa->remote_id, text));
}

static void put_count(struct cl_radius_builder *b, uint64_t octets, uint8_t low, uint8_t gigawords)
{
	cl_radius_put_u32(b, low, (uint32_t)octets);
	if (octets >> 32)
		cl_radius_put_u32(b, gigawords, (uint32_t)(octets >> 32));
}

/* Input is what came from the peer (RFC 2866 5.3). */
static void put_usage(const struct update *u, struct cl_radius_builder *b)
{
	struct usage usage = usage_of(u->session, u->sa);

	put_count(b, usage.bytes_in, CL_RADIUS_ACCT_INPUT_OCTETS, CL_RADIUS_ACCT_INPUT_GIGAWORDS);
	put_count(
		b, usage.bytes_out, CL_RADIUS_ACCT_OUTPUT_OCTETS, CL_RADIUS_ACCT_OUTPUT_GIGAWORDS);
	cl_radius_put_u32(b, CL_RADIUS_ACCT_INPUT_PACKETS, (uint32_t)usage.packets_in);
	cl_radius_put_u32(b, CL_RADIUS_ACCT_OUTPUT_PACKETS, (uint32_t)usage.packets_out);
	cl_radius_put_u32(b, CL_RADIUS_ACCT_SESSION_TIME,
		(uint32_t)((cl_daemon_now() - u->session->since) / 1000));
	if (u->status == STOP)
		cl_radius_put_u32(b, CL_RADIUS_ACCT_TERMINATE_CAUSE, u->cause);
}

/* The addresses that the peer has in its tunnels. */
static void put_addresses(struct cl_radius_builder *b, const struct ike_virtual *v)
{
	for (size_t i = 0; i < ike_virtual_their_count(v); i++) {
		const struct address *a = &v->theirs[i].address;

		cl_radius_put(b,
			a->family == AF_INET ? CL_RADIUS_FRAMED_IP_ADDRESS
					     : CL_RADIUS_FRAMED_IPV6_ADDRESS,
			address_octets(a));
	}
}

static void fill(void *context, struct cl_radius_builder *b)
{
	const struct update *u = context;
	const struct session *s = u->session;
	const struct cl_accounting *a = s->accounting;
	char id[32];

	cl_radius_put_u32(b, CL_RADIUS_ACCT_STATUS_TYPE, u->status);
	snprintf(id, sizeof(id), "%" PRIu32 "-%" PRIu32, a->started, s->port);
	cl_radius_put_text(b, CL_RADIUS_ACCT_SESSION_ID, id);
	put_user(s, u->sa, b);
	cl_radius_put_u32(b, CL_RADIUS_NAS_PORT, s->port);
	if (u->sa->connection)
		cl_radius_put_text(b, CL_RADIUS_NAS_PORT_ID, u->sa->connection->name);
	cl_radius_put_stations(a->config.radius, b, &u->sa->local, &u->sa->remote);
	if (cl_radius_settings(a->config.radius)->accounting_send_class) {
		for (unsigned i = 0; i < s->class_count; i++)
			cl_radius_put(
				b, CL_RADIUS_CLASS, bytes_of(s->classes[i], s->class_length[i]));
	}
	put_addresses(b, u->sa->virtual);
	if (u->status != START)
		put_usage(u, b);
}

static void tell(
	const struct session *s, const struct ike_sa *sa, enum status status, enum cause cause)
{
	struct update update = { s, sa, status, cause };
	struct cl_accounting *a = s->accounting;

	if (!cl_radius_account(a->config.radius, s->port, fill, &update))
		cl_log_text(a->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"RADIUS accounting of IKE_SA [%" PRIu32 "] could not be sent", s->ike_id);
}

static void arm(struct session *s)
{
	const struct timeval after = { (time_t)s->interval, 0 };

	if (s->timer && s->interval)
		(void)evtimer_add(s->timer, &after);
}

static void update_due(evutil_socket_t fd, short what, void *context)
{
	struct session *s = context;
	const struct ike_sa *sa =
		s->accounting->config.find(s->accounting->config.context, s->ike_id);

	(void)fd;
	(void)what;
	if (!sa)
		return;
	arm(s);
	tell(s, sa, INTERIM, 0);
}

/* ---- Events ---- */

void cl_accounting_accepted(struct cl_accounting *a, uint32_t ike_id, const char *user,
	const struct cl_radius_packet *accept)
{
	struct session *s = make(a, ike_id);
	struct reader r = reader_of(accept->attributes);
	struct bytes value;
	uint8_t type;

	if (!s)
		return;
	snprintf(s->user, sizeof(s->user), "%s", user ? user : "");
	s->interval = cl_radius_settings(a->config.radius)->accounting_interval;
	(void)cl_radius_find_u32(accept, CL_RADIUS_ACCT_INTERIM_INTERVAL, &s->interval);
	if (s->interval > 0 && s->interval < INTERVAL_MIN &&
		cl_radius_find(accept, CL_RADIUS_ACCT_INTERIM_INTERVAL).at)
		s->interval = INTERVAL_MIN;
	s->class_count = 0;
	while (cl_radius_next(&r, &type, &value)) {
		if (type != CL_RADIUS_CLASS || s->class_count == CLASSES_MAX)
			continue;
		bytes_copy(s->classes[s->class_count], value);
		s->class_length[s->class_count++] = (uint8_t)value.length;
	}
}

static void forget_unused(struct cl_accounting *a)
{
	struct session *s, *next;

	HASH_ITER(hh, a->sessions, s, next)
	{
		if (!s->started && cl_daemon_now() - s->since > UNUSED_TIME)
			session_free(s);
	}
}

static void up(struct cl_accounting *a, const struct ike_sa *sa)
{
	bool known = find(a, sa->unique_id) != NULL;
	struct session *s = make(a, sa->unique_id);

	if (!s || s->started)
		return;
	if (!known)
		s->interval = cl_radius_settings(a->config.radius)->accounting_interval;
	s->started = true;
	s->since = cl_daemon_now();
	s->timer = evtimer_new(a->config.base, update_due, s);
	arm(s);
	tell(s, sa, START, 0);
	forget_unused(a);
}

static void down(struct cl_accounting *a, const struct ike_sa *sa)
{
	struct session *s = find(a, sa->unique_id);

	if (!s)
		return;
	if (s->started)
		tell(s, sa, STOP,
			sa->state == IKE_SA_DELETING || sa->state == IKE_SA_DESTROYING
				? CAUSE_USER_REQUEST
				: CAUSE_LOST_CARRIER);
	session_free(s);
}

static void rekeyed(struct cl_accounting *a, uint32_t old, uint32_t new)
{
	struct session *s = find(a, old);

	if (!s || find(a, new))
		return;
	HASH_DEL(a->sessions, s);
	s->ike_id = new;
	HASH_ADD(hh, a->sessions, ike_id, sizeof(s->ike_id), s);
	if (!s->hh.tbl) {
		if (s->timer)
			event_free(s->timer);
		free(s);
	}
}

static void child_goes(struct cl_accounting *a, const struct ike_child *child)
{
	struct session *s = find(a, child->sa->unique_id);

	if (s)
		add_child(a, child, &s->before);
}

void cl_accounting_event(struct cl_accounting *a, const struct ike_event *event)
{
	if (!cl_radius_settings(a->config.radius)->accounting && !a->sessions)
		return;
	switch (event->kind) {
	case IKE_EVENT_IKE_UP:
		if (cl_radius_settings(a->config.radius)->accounting)
			up(a, event->sa);
		break;
	case IKE_EVENT_IKE_DOWN:
		down(a, event->sa);
		break;
	case IKE_EVENT_IKE_REKEY:
		rekeyed(a, event->sa->unique_id, event->other->unique_id);
		break;
	case IKE_EVENT_CHILD_DOWN:
	case IKE_EVENT_CHILD_REKEY:
		child_goes(a, event->child);
		break;
	default:
		break;
	}
}

/* The IKE SA may have been rekeyed meanwhile. */
static const struct session *find_by_port(const struct cl_accounting *a, uint32_t port)
{
	for (const struct session *s = a->sessions; s; s = s->hh.next)
		if (s->port == port)
			return s;
	return NULL;
}

void cl_accounting_answered(struct cl_accounting *a, uint32_t port, bool accepted)
{
	const struct cl_radius_settings *settings = cl_radius_settings(a->config.radius);
	const struct session *s = accepted ? NULL : find_by_port(a, port);

	if (!s)
		return;
	cl_log_text(a->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
		"RADIUS accounting of IKE_SA [%" PRIu32 "]: no server took it", s->ike_id);
	if (settings->accounting_close_on_timeout)
		a->config.close(a->config.context, s->ike_id, settings->close_all_on_timeout);
}

/* ---- Opening and closing ---- */

bool cl_accounting_open(const struct cl_accounting_config *config, struct cl_log *log,
	struct cl_accounting **ret, struct why *why)
{
	struct cl_accounting *a = calloc(1, sizeof(*a));

	if (!a)
		return why_fail(why, "out of memory");
	a->config = *config;
	a->log = log;
	a->started = (uint32_t)time(NULL);
	*ret = a;
	return true;
}

void cl_accounting_close(struct cl_accounting *a)
{
	struct session *s, *next;

	if (!a)
		return;
	HASH_ITER(hh, a->sessions, s, next)
	{
		session_free(s);
	}
	free(a);
}
