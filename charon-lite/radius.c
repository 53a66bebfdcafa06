#include "charon-lite/radius_priv.h"

#include "charon-lite/daemon.h"
#include "charon-lite/radius_configuration.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define WAITING_MAX 4096
#define TRIES_BEFORE_THE_NEXT 2
#define EAP_MAX 8192
#define USER_MAX 254

#define NAS_PORT_TYPE_VIRTUAL 5
#define SERVICE_TYPE_FRAMED 2

/* ---- Requests ---- */

static void request_free(struct radius_request *q)
{
	struct cl_radius *r = q->radius;

	if (q->port) {
		q->port->slots[q->identifier] = NULL;
		q->port->under_way--;
		DL_DELETE(r->under_way, q);
	} else {
		DL_DELETE(r->waiting, q);
		r->waiting_count--;
	}
	if (q->timer)
		event_free(q->timer);
	free((void *)q->wire.at);
	free((void *)q->attributes.at);
	free(q);
}

/* Ends it; whoever asked is told. packet NULL: no server answered, error says why. */
static void finish(struct radius_request *q, const struct ike_radius_answer *answer,
	const struct cl_radius_packet *packet)
{
	const struct cl_radius_config config = q->radius->config;
	uint8_t purpose = q->purpose;
	uint64_t ticket = q->ticket;
	uint32_t ike_id = q->ike_id;

	request_free(q);
	if (purpose == RADIUS_ACCOUNTING)
		config.accounted(config.context, ike_id, packet != NULL);
	else
		config.answered(config.context, ticket, answer, packet, ike_id);
}

static void unreachable(struct radius_request *q)
{
	struct ike_radius_answer answer = { .result = IKE_RADIUS_UNREACHABLE };

	answer.error = q->radius->count == 0 ? "no RADIUS server is configured"
					     : "no RADIUS server answers";
	finish(q, &answer, NULL);
}

/* ---- Sending ---- */

static bool take_identifier(struct radius_port *port, struct radius_request *q)
{
	for (unsigned i = 0; i < RADIUS_IDENTIFIERS; i++) {
		uint8_t identifier = ++port->last_identifier;

		if (!port->slots[identifier]) {
			q->identifier = identifier;
			return true;
		}
	}
	return false;
}

/* For that server: its secret and its name for us are its own. */
static bool make_wire(struct radius_request *q, struct radius_port *port)
{
	const struct cl_radius_server_settings *s = port->server->settings;
	OSSL_LIB_CTX *library = q->radius->config.library;
	struct cl_radius_builder b;
	struct bytes wire;

	cl_radius_begin(&b,
		q->purpose == RADIUS_ACCOUNTING ? CL_RADIUS_ACCOUNTING_REQUEST
						: CL_RADIUS_ACCESS_REQUEST,
		q->identifier);
	writer_put(&b.writer, q->attributes);
	cl_radius_put_text(&b, CL_RADIUS_NAS_IDENTIFIER, s->nas_identifier);
	if (q->purpose == RADIUS_ACCOUNTING) {
		wire = cl_radius_finish_accounting(
			library, &b, secret_bytes(&s->secret), q->authenticator);
	} else {
		if (RAND_bytes_ex(library, q->authenticator, sizeof(q->authenticator), 0) != 1)
			return false;
		wire = cl_radius_finish_access(
			library, &b, q->authenticator, secret_bytes(&s->secret));
	}
	free((void *)q->wire.at);
	q->wire = bytes_duplicate(wire);
	return q->wire.at != NULL;
}

static void transmit(struct radius_request *q)
{
	const struct cl_radius_server_settings *s = q->port->server->settings;
	double delay = (double)s->timeout;

	for (unsigned i = 0; i < q->transmissions && delay < 60000; i++)
		delay *= s->base;
	q->transmissions++;
	/* What cannot be sent now is sent again. */
	(void)send(q->port->fd, q->wire.at, q->wire.length, MSG_DONTWAIT | MSG_NOSIGNAL);
	const struct timeval after = { (time_t)(delay / 1000), ((long)delay % 1000) * 1000 };
	(void)evtimer_add(q->timer, &after);
}

/* Leaves the waiting ones and goes to that server. */
static bool go(struct radius_request *q, struct radius_port *port)
{
	struct cl_radius *r = q->radius;

	if (port->under_way >= RADIUS_UNDER_WAY_MAX || !radius_port_open(port) ||
		!take_identifier(port, q) || !make_wire(q, port))
		return false;
	DL_DELETE(r->waiting, q);
	r->waiting_count--;
	DL_APPEND(r->under_way, q);
	port->slots[q->identifier] = q;
	port->under_way++;
	q->port = port;
	q->tried |= 1u << port->server->index;
	q->transmissions = 0;
	transmit(q);
	return true;
}

static void back_to_waiting(struct radius_request *q)
{
	static const struct timeval again = { 1, 0 };
	struct cl_radius *r = q->radius;

	(void)evtimer_add(q->timer, &again); /* transmit() sets it anew */
	q->port->slots[q->identifier] = NULL;
	q->port->under_way--;
	q->port = NULL;
	DL_DELETE(r->under_way, q);
	DL_PREPEND(r->waiting, q);
	r->waiting_count++;
}

/* Its turn may have come. */
static void try_waiting(struct radius_request *q)
{
	struct cl_radius *r = q->radius;
	struct radius_port *port = q->fixed ? q->wanted : radius_choose(r, q->purpose, q->tried);

	if (port && port->under_way >= RADIUS_UNDER_WAY_MAX)
		return;
	if (port && !go(q, port)) {
		q->tried |= 1u << port->server->index;
		port = q->fixed ? NULL : radius_choose(r, q->purpose, q->tried);
		if (port && go(q, port))
			return;
		port = NULL;
	}
	if (!port && !radius_names_pending(r))
		unreachable(q);
}

/* Each by its own timer: who is told on the way may end others that wait. */
void radius_pump(struct cl_radius *r)
{
	static const struct timeval now = { 0, 0 };
	struct radius_request *q;

	DL_FOREACH(r->waiting, q)
	{
		(void)evtimer_add(q->timer, &now);
	}
}

static bool others_left(const struct radius_request *q)
{
	return !q->fixed && radius_choose(q->radius, q->purpose, q->tried) != NULL;
}

/* It gives this server up: the next one, or nobody. */
static void next_server(struct radius_request *q)
{
	struct radius_server *s = q->port->server;

	if (!s->silent_at)
		cl_log_text(q->radius->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"RADIUS server '%s' (%s) does not answer", s->settings->name,
			s->settings->host);
	s->silent_at = cl_daemon_now();
	back_to_waiting(q);
	if (!others_left(q))
		unreachable(q);
	else
		try_waiting(q);
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
	struct radius_request *q = context;

	(void)fd;
	(void)what;
	/* One that waits only wakes to see whether there is hope still. */
	if (!q->port) {
		static const struct timeval again = { 1, 0 };

		(void)evtimer_add(q->timer, &again);
		try_waiting(q);
		return;
	}
	const struct cl_radius_server_settings *s = q->port->server->settings;
	if (q->transmissions > s->tries ||
		(q->transmissions >= TRIES_BEFORE_THE_NEXT && others_left(q)))
		next_server(q);
	else
		transmit(q);
}

void radius_port_refused(struct radius_port *port)
{
	for (unsigned i = 0; i < RADIUS_IDENTIFIERS; i++) {
		struct radius_request *q = port->slots[i];

		if (q && others_left(q))
			next_server(q);
	}
}

/* Takes attributes over. */
static bool begin(struct cl_radius *r, const struct radius_request *like, struct bytes attributes)
{
	static const struct timeval soon = { 0, 0 };
	struct radius_request *q =
		r->waiting_count < WAITING_MAX && attributes.at ? malloc(sizeof(*q)) : NULL;

	if (q) {
		*q = *like;
		q->radius = r;
		q->timer = evtimer_new(r->config.base, timer_fired, q);
		q->attributes = attributes;
	}
	if (!q || !q->timer) {
		free((void *)attributes.at);
		free(q);
		return false;
	}
	DL_APPEND(r->waiting, q);
	r->waiting_count++;
	struct radius_port *port = q->fixed ? q->wanted : radius_choose(r, q->purpose, 0);
	if (!port || !go(q, port))
		(void)evtimer_add(q->timer, &soon);
	return true;
}

/* ---- Asking ---- */

void cl_radius_put_stations(const struct cl_radius *r, struct cl_radius_builder *b,
	const struct address *local, const struct address *remote)
{
	char text[ADDRESS_TEXT_MAX];
	bool ports = r->settings.station_id_with_port;

	cl_radius_put_u32(b, CL_RADIUS_NAS_PORT_TYPE, NAS_PORT_TYPE_VIRTUAL);
	cl_radius_put_u32(b, CL_RADIUS_SERVICE_TYPE, SERVICE_TYPE_FRAMED);
	cl_radius_put(b,
		local->family == AF_INET6 ? CL_RADIUS_NAS_IPV6_ADDRESS : CL_RADIUS_NAS_IP_ADDRESS,
		address_octets(local));
	cl_radius_put_text(b, CL_RADIUS_CALLED_STATION_ID,
		ports ? address_format_with_port(local, text) : address_format(local, text));
	cl_radius_put_text(b, CL_RADIUS_CALLING_STATION_ID,
		ports ? address_format_with_port(remote, text) : address_format(remote, text));
}

bool cl_radius_ask(struct cl_radius *r, const struct ike_radius_request *what, uint64_t ticket)
{
	struct radius_request like = {
		.purpose = RADIUS_AUTHENTICATION,
		.ticket = ticket,
		.session = what->session,
		.ike_id = what->ike_id,
	};
	struct radius_session *session;
	struct cl_radius_builder b;
	char user[USER_MAX];

	if (r->count == 0)
		return false;
	cl_radius_begin(&b, CL_RADIUS_ACCESS_REQUEST, 0);
	size_t head = b.writer.length;
	snprintf(user, sizeof(user), "%s%s", r->settings.id_prefix, what->user ? what->user : "");
	cl_radius_put_text(&b, CL_RADIUS_USER_NAME, user);
	cl_radius_put_u32(&b, CL_RADIUS_NAS_PORT, what->ike_id);
	cl_radius_put_stations(r, &b, &what->local, &what->remote);
	cl_radius_put_eap(&b, what->eap);
	HASH_FIND(hh, r->sessions, &what->session, sizeof(what->session), session);
	if (session) {
		like.fixed = true;
		like.wanted = &r->servers[session->server].ports[RADIUS_AUTHENTICATION];
		if (session->state_length > 0)
			cl_radius_put(&b, CL_RADIUS_STATE,
				bytes_of(session->state, session->state_length));
	}
	struct bytes all = writer_bytes(&b.writer);
	if (all.length <= head)
		return false;
	return begin(r, &like, bytes_duplicate(bytes_of(all.at + head, all.length - head)));
}

bool cl_radius_account(struct cl_radius *r, uint32_t port,
	void (*fill)(void *context, struct cl_radius_builder *b), void *context)
{
	const struct radius_request like = { .purpose = RADIUS_ACCOUNTING, .ike_id = port };
	struct cl_radius_builder b;

	if (r->count == 0)
		return false;
	cl_radius_begin(&b, CL_RADIUS_ACCOUNTING_REQUEST, 0);
	size_t head = b.writer.length;
	fill(context, &b);
	struct bytes all = writer_bytes(&b.writer);
	if (all.length <= head)
		return false;
	return begin(r, &like, bytes_duplicate(bytes_of(all.at + head, all.length - head)));
}

void cl_radius_forget(struct cl_radius *r, uint64_t session)
{
	struct radius_session *s;
	struct radius_request *q, *next;

	HASH_FIND(hh, r->sessions, &session, sizeof(session), s);
	if (s) {
		HASH_DEL(r->sessions, s);
		free(s);
	}
	DL_FOREACH_SAFE(r->waiting, q, next)
	{
		if (q->purpose == RADIUS_AUTHENTICATION && q->session == session)
			request_free(q);
	}
	DL_FOREACH_SAFE(r->under_way, q, next)
	{
		if (q->purpose == RADIUS_AUTHENTICATION && q->session == session)
			request_free(q);
	}
}

/* ---- Answers ---- */

/* The conversation is this server's from now on, with this State. */
static bool remember(const struct radius_request *q, const struct cl_radius_packet *p)
{
	struct cl_radius *r = q->radius;
	struct bytes state = cl_radius_find(p, CL_RADIUS_STATE);
	struct radius_session *s;

	HASH_FIND(hh, r->sessions, &q->session, sizeof(q->session), s);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return false;
		s->session = q->session;
		HASH_ADD(hh, r->sessions, session, sizeof(s->session), s);
		if (!s->hh.tbl) {
			free(s);
			return false;
		}
	}
	s->server = q->port->server->index;
	s->state_length = state.length;
	bytes_copy(s->state, state);
	return true;
}

/* The EAP packet that the attributes hold together. */
static struct bytes join_eap(const struct cl_radius_packet *p, struct writer *w)
{
	struct reader r = reader_of(p->attributes);
	struct bytes value;
	uint8_t type;

	while (cl_radius_next(&r, &type, &value)) {
		if (type == CL_RADIUS_EAP_MESSAGE)
			writer_put(w, value);
	}
	return writer_bytes(w);
}

static enum ike_radius_result result_of(uint8_t code)
{
	switch (code) {
	case CL_RADIUS_ACCESS_ACCEPT:
		return IKE_RADIUS_ACCEPT;
	case CL_RADIUS_ACCESS_CHALLENGE:
		return IKE_RADIUS_CHALLENGE;
	default:
		return IKE_RADIUS_REJECT;
	}
}

static void answer_access(struct radius_request *q, const struct cl_radius_packet *p)
{
	struct cl_radius *r = q->radius;
	struct bytes secret = secret_bytes(&q->port->server->settings->secret);
	uint8_t room[EAP_MAX];
	struct writer w = writer_of(room, sizeof(room));
	AUTO_SECRET msk = { 0 };
	struct bytes user = cl_radius_find(p, CL_RADIUS_USER_NAME);
	struct cl_radius_configuration configuration = { 0 };
	char name[USER_MAX];
	struct ike_radius_answer answer = {
		.result = result_of(p->code),
		.eap = join_eap(p, &w),
	};

	if (answer.result == IKE_RADIUS_CHALLENGE && !remember(q, p))
		return; /* it is asked again, and may find memory then */
	if (answer.result == IKE_RADIUS_ACCEPT) {
		if (!cl_radius_msk(r->config.library, p, q->authenticator, secret, &msk))
			cl_log_text(r->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
				"RADIUS server '%s' sends a key that is malformed",
				q->port->server->settings->name);
		answer.msk = secret_bytes(&msk);
		if (user.length > 0 && user.length < sizeof(name) &&
			!memchr(user.at, 0, user.length)) {
			bytes_copy(name, user);
			name[user.length] = '\0';
			answer.user = name;
		}
		answer.class = cl_radius_find(p, CL_RADIUS_CLASS);
		cl_radius_configuration(p, &configuration);
		answer.framed_ip = configuration.ip;
		answer.framed_ip6 = configuration.ip6;
		answer.attributes = &configuration.attributes;
		(void)cl_radius_find_u32(p, CL_RADIUS_SESSION_TIMEOUT, &answer.session_timeout);
	}
	finish(q, &answer, p);
	cl_radius_configuration_free(&configuration);
}

void radius_received(struct radius_port *port, struct bytes datagram)
{
	struct cl_radius *r = port->server->radius;
	struct cl_radius_packet p;
	bool access = port->purpose == RADIUS_AUTHENTICATION;

	if (!cl_radius_parse(datagram, &p)) {
		cl_log_text(r->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"RADIUS server '%s' sends what is no RADIUS packet",
			port->server->settings->name);
		return;
	}
	struct radius_request *q = port->slots[p.identifier];
	if (!q) /* answered already */
		return;
	if (!cl_radius_verify(r->config.library, &p, q->authenticator,
		    secret_bytes(&port->server->settings->secret), access)) {
		cl_log_text(r->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"RADIUS server '%s' sends an answer that does not verify: do the secrets "
			"differ, or has it no Message-Authenticator?",
			port->server->settings->name);
		return;
	}
	if (access ? p.code != CL_RADIUS_ACCESS_ACCEPT && p.code != CL_RADIUS_ACCESS_REJECT &&
				p.code != CL_RADIUS_ACCESS_CHALLENGE
		   : p.code != CL_RADIUS_ACCOUNTING_RESPONSE)
		return;
	port->server->silent_at = 0;
	if (access)
		answer_access(q, &p);
	else
		finish(q, NULL, &p);
	radius_pump(r);
}

/* ---- Opening and closing ---- */

bool cl_radius_open(const struct cl_radius_config *config, struct cl_radius_settings *settings,
	struct cl_log *log, struct cl_radius **ret, struct why *why)
{
	struct cl_radius *r = calloc(1, sizeof(*r));

	if (!r) {
		cl_radius_settings_free(settings);
		return why_fail(why, "out of memory");
	}
	r->config = *config;
	r->log = log;
	r->settings = *settings;
	*settings = (struct cl_radius_settings){ 0 };
	if (radius_servers_open(r, why)) {
		*ret = r;
		return true;
	}
	cl_radius_close(r);
	return false;
}

static void sessions_free(struct cl_radius *r)
{
	struct radius_session *s, *next;

	HASH_ITER(hh, r->sessions, s, next)
	{
		HASH_DEL(r->sessions, s);
		free(s);
	}
}

void cl_radius_close(struct cl_radius *r)
{
	if (!r)
		return;
	while (r->under_way)
		request_free(r->under_way);
	while (r->waiting)
		request_free(r->waiting);
	sessions_free(r);
	radius_servers_close(r);
	cl_radius_settings_free(&r->settings);
	free(r);
}

bool cl_radius_configure(struct cl_radius *r, struct cl_radius_settings *settings, struct why *why)
{
	if (cl_radius_settings_equal(&r->settings, settings)) {
		cl_radius_settings_free(settings);
		return true;
	}
	while (r->under_way)
		unreachable(r->under_way);
	while (r->waiting)
		unreachable(r->waiting);
	sessions_free(r);
	radius_servers_close(r);
	cl_radius_settings_free(&r->settings);
	r->settings = *settings;
	*settings = (struct cl_radius_settings){ 0 };
	return radius_servers_open(r, why);
}

const struct cl_radius_settings *cl_radius_settings(const struct cl_radius *r)
{
	return &r->settings;
}
