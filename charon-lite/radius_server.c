/* The servers: their names, sockets, and which of them is asked. */
#include "charon-lite/radius_priv.h"

#include "charon-lite/daemon.h"

#include <errno.h>
#include <unistd.h>

/* So long a server that did not answer is asked after the others. */
#define SILENT_TIME IKE_SECONDS(60)
/* A name that could not be resolved is asked for again. */
#define NAME_TIME IKE_SECONDS(15)
#define RESOLVE_SECONDS 10
#define BATCH 32

/* ---- Sockets ---- */

static void readable(evutil_socket_t fd, short what, void *context)
{
	struct radius_port *port = context;
	uint8_t room[CL_RADIUS_PACKET_MAX];

	(void)what;
	for (unsigned i = 0; i < BATCH && port->fd == fd; i++) {
		ssize_t length = recv(fd, room, sizeof(room), MSG_DONTWAIT);

		if (length >= 0)
			radius_received(port, bytes_of(room, (size_t)length));
		else if (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH)
			radius_port_refused(port);
		else
			return;
	}
}

static bool bind_source(int fd, const struct cl_radius_server_settings *s)
{
	struct sockaddr_storage storage;
	struct address source;

	if (!s->source)
		return true;
	return address_parse(s->source, &source) &&
	       bind(fd, (struct sockaddr *)&storage, address_to_sockaddr(&source, &storage)) == 0;
}

static int connected(const struct radius_port *port)
{
	const struct cl_radius_server_settings *s = port->server->settings;
	struct address to = port->server->address;
	struct sockaddr_storage storage;

	to.port = (uint16_t)(port->purpose == RADIUS_ACCOUNTING ? s->acct_port : s->auth_port);
	socklen_t length = address_to_sockaddr(&to, &storage);
	int fd = socket(to.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* Connected: the kernel leaves out what comes from elsewhere, and tells of closed ports. */
	if (fd >= 0 &&
		(!bind_source(fd, s) || connect(fd, (struct sockaddr *)&storage, length) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool radius_port_open(struct radius_port *port)
{
	struct cl_radius *r = port->server->radius;

	if (port->fd >= 0)
		return true;
	port->fd = connected(port);
	if (port->fd < 0) {
		cl_log_text(r->log, IKE_LOG_NET, IKE_LOG_INFO, "RADIUS server '%s': %s",
			port->server->settings->name, strerror(errno));
		return false;
	}
	port->event = event_new(r->config.base, port->fd, EV_READ | EV_PERSIST, readable, port);
	if (port->event && event_add(port->event, NULL) == 0)
		return true;
	if (port->event)
		event_free(port->event);
	port->event = NULL;
	close(port->fd);
	port->fd = -1;
	return false;
}

static void port_close(struct radius_port *port)
{
	if (port->event)
		event_free(port->event);
	if (port->fd >= 0)
		close(port->fd);
	port->event = NULL;
	port->fd = -1;
}

/* ---- Names ---- */

static void ask_name(struct radius_server *s)
{
	s->asked_at = cl_daemon_now();
	s->asking = cl_resolver_ask(s->radius->resolver, s->settings->host, 0, s->index + 1);
}

static void named(
	void *context, uint64_t ticket, const struct address *list, size_t count, const char *error)
{
	struct cl_radius *r = context;

	if (ticket == 0 || ticket > r->count)
		return;
	struct radius_server *s = &r->servers[ticket - 1];
	s->asking = false;
	if (count > 0)
		s->address = list[0];
	else
		cl_log_text(r->log, IKE_LOG_NET, IKE_LOG_INFO,
			"RADIUS server '%s': '%s' does not resolve: %s", s->settings->name,
			s->settings->host, error ? error : "no address");
	radius_pump(r);
}

bool radius_names_pending(struct cl_radius *r)
{
	bool pending = false;

	for (size_t i = 0; i < r->count; i++) {
		struct radius_server *s = &r->servers[i];

		if (s->address.family)
			continue;
		if (!s->asking && cl_daemon_now() - s->asked_at >= NAME_TIME)
			ask_name(s);
		pending |= s->asking;
	}
	return pending;
}

/* ---- Which one ---- */

static bool is_silent(const struct radius_server *s)
{
	return s->silent_at && cl_daemon_now() - s->silent_at < SILENT_TIME;
}

static bool is_better(const struct radius_server *a, const struct radius_server *b)
{
	if (is_silent(a) != is_silent(b))
		return !is_silent(a);
	return a->settings->preference > b->settings->preference;
}

struct radius_port *radius_choose(struct cl_radius *r, uint8_t purpose, uint32_t tried)
{
	struct radius_server *best = NULL;

	for (size_t i = 0; i < r->count; i++) {
		struct radius_server *s = &r->servers[i];

		if (s->address.family && !(tried & 1u << i) && (!best || is_better(s, best)))
			best = s;
	}
	return best ? &best->ports[purpose] : NULL;
}

/* ---- Opening and closing ---- */

bool radius_servers_open(struct cl_radius *r, struct why *why)
{
	const struct cl_resolver_config names = {
		.processes = r->config.processes,
		.program = r->config.program,
		.limit = RESOLVE_SECONDS,
		.context = r,
		.answered = named,
	};

	r->count = r->settings.count;
	for (size_t i = 0; i < r->count; i++) {
		struct radius_server *s = &r->servers[i];

		*s = (struct radius_server){
			.radius = r, .settings = &r->settings.servers[i], .index = (unsigned)i
		};
		for (uint8_t purpose = 0; purpose < RADIUS_PURPOSES; purpose++) {
			s->ports[purpose].server = s;
			s->ports[purpose].purpose = purpose;
			s->ports[purpose].fd = -1;
		}
	}
	if (!cl_resolver_open(&names, r->log, &r->resolver, why))
		return false;
	for (size_t i = 0; i < r->count; i++) {
		if (!address_parse(r->servers[i].settings->host, &r->servers[i].address))
			ask_name(&r->servers[i]);
	}
	return true;
}

void radius_servers_close(struct cl_radius *r)
{
	for (size_t i = 0; i < r->count; i++) {
		for (unsigned purpose = 0; purpose < RADIUS_PURPOSES; purpose++)
			port_close(&r->servers[i].ports[purpose]);
	}
	r->count = 0;
	cl_resolver_close(r->resolver);
	r->resolver = NULL;
}
