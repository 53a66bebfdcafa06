#include "charon-lite/dhcp_host.h"

#include "charon-lite/dhcp.h"
#include "charon-lite/dhcp_socket.h"
#include "charon-lite/proxy_neighbour.h"

#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

/* An address that ARP is answered for. */
struct neighbour {
	struct neighbour *prev, *next;
	struct address address;
	uint32_t interface;
};

struct cl_dhcp_host {
	struct cl_daemon *daemon;
	struct cl_dhcp_settings settings;
	struct cl_dhcp *dhcp;
	struct cl_dhcp_socket *socket; /* NULL: nobody has or wants a lease */
	struct event *timer;
	int server_port; /* -1: not wanted, or not to be had */
	struct neighbour *neighbours;
	bool told_failure; /* of sending, since the last success */
};

static void rearm(struct cl_dhcp_host *h)
{
	ike_time at = cl_dhcp_deadline(h->dhcp), wait = at - cl_daemon_now();

	if (cl_dhcp_is_idle(h->dhcp)) {
		cl_dhcp_socket_close(h->socket);
		h->socket = NULL;
	}
	if (at == IKE_NEVER) {
		evtimer_del(h->timer);
		return;
	}
	if (wait < 0)
		wait = 0;
	const struct timeval tv = { wait / 1000, wait % 1000 * 1000 };
	evtimer_add(h->timer, &tv);
}

/* ---- What the client of DHCP wants ---- */

static void send_message(void *context, struct cl_dhcp_message *m, const struct address *unicast)
{
	struct cl_dhcp_host *h = context;
	struct why why = { "there is no socket" };

	if (h->socket && cl_dhcp_socket_send(h->socket, m, unicast, &why)) {
		h->told_failure = false;
		return;
	}
	cl_log_text(h->daemon->log, IKE_LOG_CFG, h->told_failure ? IKE_LOG_DETAIL : IKE_LOG_AUDIT,
		"DHCP: %s", why.text);
	h->told_failure = true;
}

static void answered(void *context, uint64_t ticket, const struct ike_leased_answer *answer)
{
	struct cl_dhcp_host *h = context;

	ike_engine_leased(h->daemon->engine, cl_daemon_now(), ticket, answer);
	cl_daemon_rearm(h->daemon);
}

static void lost(void *context, uint64_t ticket, const char *error)
{
	struct cl_dhcp_host *h = context;

	ike_engine_lease_lost(h->daemon->engine, cl_daemon_now(), ticket, error);
	cl_daemon_rearm(h->daemon);
}

/* ---- ARP ---- */

static void neighbour_add(struct cl_dhcp_host *h, const struct address *address)
{
	uint32_t interface = cl_proxy_neighbour_interface(address);
	struct neighbour *n = interface ? calloc(1, sizeof(*n)) : NULL;
	char text[ADDRESS_TEXT_MAX];
	struct why why = { "out of memory" };

	address_format(address, text);
	if (interface == 0)
		return; /* a network behind a router, which has a route to us */
	if (!n || !cl_proxy_neighbour(address, interface, true, &why)) {
		cl_log_text(h->daemon->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"ARP for %s will not be answered: %s", text, why.text);
		free(n);
		return;
	}
	n->address = *address;
	n->interface = interface;
	DL_APPEND(h->neighbours, n);
	cl_log_text(h->daemon->log, IKE_LOG_CFG, IKE_LOG_DETAIL, "answering ARP for %s", text);
}

static void neighbour_remove(struct cl_dhcp_host *h, struct neighbour *n)
{
	char text[ADDRESS_TEXT_MAX];
	struct why why;

	if (!cl_proxy_neighbour(&n->address, n->interface, false, &why))
		cl_log_text(h->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"ARP for %s: the entry could not be removed: %s",
			address_format(&n->address, text), why.text);
	DL_DELETE(h->neighbours, n);
	free(n);
}

static void held(void *context, const struct address *address, bool is_held)
{
	struct cl_dhcp_host *h = context;
	struct neighbour *n, *next;

	if (is_held && !h->daemon->kernel_none)
		neighbour_add(h, address);
	if (is_held)
		return;
	DL_FOREACH_SAFE(h->neighbours, n, next)
	{
		if (address_same_host(&n->address, address))
			neighbour_remove(h, n);
	}
}

/* ---- The loop ---- */

static void received(void *context, struct bytes message)
{
	struct cl_dhcp_host *h = context;

	cl_dhcp_received(h->dhcp, cl_daemon_now(), message);
	/* By the timer: who is told may close the socket that is being read. */
	if (cl_dhcp_deadline(h->dhcp) != IKE_NEVER)
		rearm(h);
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
	struct cl_dhcp_host *h = context;

	(void)fd, (void)what;
	cl_dhcp_tick(h->dhcp, cl_daemon_now());
	rearm(h);
}

static bool have_socket(struct cl_dhcp_host *h)
{
	const struct cl_dhcp_socket_config config = { h->daemon->base, h, received };
	struct why why;

	if (h->socket || cl_dhcp_socket_open(&config, &h->settings, &h->socket, &why))
		return true;
	cl_log_text(h->daemon->log, IKE_LOG_CFG, IKE_LOG_AUDIT, "%s", why.text);
	return false;
}

bool cl_dhcp_host_lease(void *context, const struct ike_lease_wish *what, uint64_t ticket)
{
	struct cl_dhcp_host *h = ((struct cl_daemon *)context)->dhcp;
	bool asked = have_socket(h) && cl_dhcp_ask(h->dhcp, cl_daemon_now(), what, ticket);

	rearm(h);
	return asked;
}

void cl_dhcp_host_lease_return(void *context, uint64_t ticket)
{
	struct cl_dhcp_host *h = ((struct cl_daemon *)context)->dhcp;

	cl_dhcp_return(h->dhcp, cl_daemon_now(), ticket);
	rearm(h);
}

/* ---- Opening and closing ---- */

static void open_server_port(struct cl_dhcp_host *h)
{
	struct why why;

	h->server_port = h->settings.use_server_port ? cl_dhcp_server_port_open(&why) : -1;
	if (h->settings.use_server_port && h->server_port < 0)
		cl_log_text(h->daemon->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"plugins.dhcp.use_server_port: %s", why.text);
}

bool cl_dhcp_host_open(struct cl_daemon *d, struct why *why)
{
	struct cl_dhcp_host *h = calloc(1, sizeof(*h));
	const struct cl_dhcp_config config = { .library = d->library,
		.context = h,
		.send = send_message,
		.answered = answered,
		.lost = lost,
		.held = held };

	if (!h)
		return why_fail(why, "out of memory");
	h->daemon = d;
	h->server_port = -1;
	d->dhcp = h;
	if (!cl_dhcp_settings_read(&d->settings, &h->settings, why))
		return false;
	h->dhcp = cl_dhcp_new(&config, d->log);
	h->timer = evtimer_new(d->base, timer_fired, h);
	if (!h->dhcp || !h->timer)
		return why_fail(why, "out of memory");
	cl_dhcp_identity_lease(h->dhcp, h->settings.identity_lease);
	open_server_port(h);
	return true;
}

void cl_dhcp_host_close(struct cl_daemon *d)
{
	struct cl_dhcp_host *h = d->dhcp;

	if (!h)
		return;
	cl_dhcp_free(h->dhcp);
	cl_dhcp_socket_close(h->socket);
	while (h->neighbours)
		neighbour_remove(h, h->neighbours);
	if (h->timer)
		event_free(h->timer);
	if (h->server_port >= 0)
		close(h->server_port);
	free(h);
	d->dhcp = NULL;
}

/* Leases go on; those who have them are asked, by the new way, to renew. */
bool cl_dhcp_host_reload(struct cl_daemon *d, const struct cl_settings *settings, struct why *why)
{
	struct cl_dhcp_host *h = d->dhcp;
	struct cl_dhcp_settings s;

	if (!cl_dhcp_settings_read(settings, &s, why))
		return false;
	if (cl_dhcp_settings_equal(&s, &h->settings))
		return true;
	cl_dhcp_socket_close(h->socket);
	h->socket = NULL;
	h->settings = s;
	cl_dhcp_identity_lease(h->dhcp, s.identity_lease);
	if (!cl_dhcp_is_idle(h->dhcp))
		(void)have_socket(h);
	return true;
}
