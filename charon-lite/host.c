/* The engine's hands: its effects go out to the sockets, the kernel, the log and VICI's clients,
 * what comes from there goes in. */
#include "charon-lite/accounting.h"
#include "charon-lite/control/server.h"
#include "charon-lite/daemon.h"
#include "charon-lite/dhcp_host.h"
#include "charon-lite/explain/drops.h"
#include "charon-lite/log_events.h"
#include "charon-lite/metrics.h"
#include "charon-lite/private_keys.h"
#include "charon-lite/radius_host.h"
#include "charon-lite/usage.h"
#include "libike/virtual.h"

#include <openssl/crypto.h>
#include <time.h>
#include <unistd.h>

/* How long a name server may take. */
#define RESOLVE_SECONDS 10
#define PAM_SECONDS 20

const struct ike_sa *cl_sa_after(const struct ike_engine *e, uint32_t unique_id)
{
	const struct ike_sa *sa = unique_id ? ike_engine_sa_find(e, unique_id) : NULL;

	if (sa)
		return ike_engine_sa_next(e, sa);
	/* It went in the meantime: look for its place from the start. */
	sa = ike_engine_sa_next(e, NULL);
	while (sa && sa->unique_id <= unique_id)
		sa = ike_engine_sa_next(e, sa);
	return sa;
}

/* ---- Out: struct ike_host ---- */

/* For certificates; the engine's own time is the loop's. */
static int64_t host_wall_clock(void *context)
{
	(void)context;
	return (int64_t)time(NULL);
}

static void host_send(void *context, const struct ike_datagram *datagram)
{
	cl_udp_send(((struct cl_daemon *)context)->udp, datagram);
}

static bool host_source_address(void *context, const struct address *remote, struct address *ret)
{
	return cl_network_source_address(((struct cl_daemon *)context)->network, remote, ret);
}

static bool host_has_route(void *context, const struct address *local, const struct address *remote)
{
	return cl_network_has_route(((struct cl_daemon *)context)->network, local, remote);
}

static size_t host_local_addresses(void *context, uint16_t family, struct address *ret, size_t room)
{
	return cl_network_local_addresses(
		((struct cl_daemon *)context)->network, family, ret, room);
}

static bool host_resolve(void *context, const char *name, uint16_t family, uint64_t ticket)
{
	return cl_resolver_ask(((struct cl_daemon *)context)->resolver, name, family, ticket);
}

static bool host_fetch(void *context, const struct ike_fetch *what, uint64_t ticket)
{
	return cl_fetcher_ask(((struct cl_daemon *)context)->fetcher, what, ticket);
}

static bool host_check_password(
	void *context, const struct ike_password_check *what, uint64_t ticket)
{
	const struct cl_daemon *d = context;

	return cl_pam_ask(d->pam, d->settings.pam_service, d->settings.pam_trim, what, ticket);
}

/* What the kernel refuses is counted. */
static bool counted(struct cl_daemon *d, enum cl_kernel_request request, bool done)
{
	d->kernel_refusals[request] += !done;
	return done;
}

static bool host_spi_allocate(void *context, uint8_t protocol, const struct address *source,
	const struct address *destination, uint32_t reqid, uint32_t *ret_spi, struct why *why)
{
	const struct cl_kernel *k = &((struct cl_daemon *)context)->kernel;

	return counted(context, CL_KERNEL_SPI_ALLOCATE,
		k->spi_allocate(k->context, protocol, source, destination, reqid, ret_spi, why));
}

static bool host_cpi_allocate(void *context, const struct address *source,
	const struct address *destination, uint32_t reqid, uint16_t *ret_cpi, struct why *why)
{
	const struct cl_kernel *k = &((struct cl_daemon *)context)->kernel;

	return k->cpi_allocate(k->context, source, destination, reqid, ret_cpi, why);
}

static bool host_sa_install(void *context, const struct ike_kernel_sa *sa, struct why *why)
{
	const struct cl_kernel *k = &((struct cl_daemon *)context)->kernel;

	return counted(context, CL_KERNEL_SA_INSTALL, k->sa_install(k->context, sa, why));
}

static void host_sa_remove(void *context, const struct ike_kernel_id *id)
{
	const struct cl_kernel *k = &((struct cl_daemon *)context)->kernel;

	k->sa_remove(k->context, id);
}

static bool host_sa_query(
	void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	const struct cl_kernel *k = &((struct cl_daemon *)context)->kernel;

	return k->sa_query(k->context, id, ret);
}

static bool host_sa_move(void *context, const struct ike_kernel_id *id,
	const struct address *source, const struct address *destination, bool udp_encapsulation,
	struct why *why)
{
	const struct cl_kernel *k = &((struct cl_daemon *)context)->kernel;

	return counted(context, CL_KERNEL_SA_MOVE,
		k->sa_move(k->context, id, source, destination, udp_encapsulation, why));
}

static bool host_policies_install(
	void *context, const struct ike_kernel_policies *policies, struct why *why)
{
	struct cl_daemon *d = context;

	if (!counted(d, CL_KERNEL_POLICIES_INSTALL,
		    d->kernel.policies_install(d->kernel.context, policies, why)))
		return false;
	cl_network_routes_add(d->network, policies);
	return true;
}

static void host_policies_remove(void *context, const struct ike_kernel_policies *policies)
{
	struct cl_daemon *d = context;

	cl_network_routes_remove(d->network, policies);
	d->kernel.policies_remove(d->kernel.context, policies);
}

static bool host_address_install(
	void *context, const struct address *address, const struct address *local, struct why *why)
{
	return cl_network_address_install(
		((struct cl_daemon *)context)->network, address, local, why);
}

static void host_address_remove(void *context, const struct address *address)
{
	struct cl_daemon *d = context;
	struct cl_network_virtual virtual;

	cl_network_address_remove(d->network, address);
	if (!cl_network_virtual(d->network, address, &virtual))
		cl_resolved_remove(d->resolved, address);
}

static void host_name_servers(
	void *context, const struct address *address, const struct ike_virtual *v)
{
	struct cl_daemon *d = context;
	struct cl_network_virtual virtual;

	(void)cl_network_virtual(d->network, address, &virtual);
	cl_resolved_set(d->resolved, address, virtual.interface, v);
	if (virtual.adopted)
		cl_resolved_clean(d->resolved, virtual.interface);
}

static void host_log(void *context, const struct ike_log *line)
{
	cl_log_write(((struct cl_daemon *)context)->log, line);
}

static bool host_log_wanted(void *context, uint8_t group, int level)
{
	return cl_log_wanted(((struct cl_daemon *)context)->log, group, level);
}

static void virtual_follow(struct cl_daemon *d, const struct ike_event *event)
{
	const struct ike_virtual *v = event->sa->virtual;

	for (size_t i = 0; v && i < v->our_count; i++)
		cl_network_address_follow(d->network, &v->ours[i].address, event->local);
}

static void host_event(void *context, const struct ike_event *event)
{
	struct cl_daemon *d = context;

	if (event->kind == IKE_EVENT_IKE_UP) {
		cl_network_watch(d->network, &event->sa->remote);
	} else if (event->kind == IKE_EVENT_IKE_UPDATE) {
		cl_network_watch(d->network, event->remote);
		virtual_follow(d, event);
	}
	cl_network_tunnel_event(d->network, event);
	cl_updown_event(d->updown, event);
	cl_accounting_event(d->accounting, event);
	cl_metrics_event(d->metrics, event);
	if (event->kind == IKE_EVENT_CHILD_UP || event->kind == IKE_EVENT_CHILD_REKEY)
		cl_drops_note(d->drops, cl_daemon_now());
	cl_log_engine_event(d, event);
	if (d->server)
		cl_server_event(d->server, event);
}

static void host_command_done(void *context, uint64_t ticket, bool done, const char *text)
{
	struct cl_daemon *d = context;

	if (d->server)
		cl_server_command_done(d->server, ticket, done, text);
}

bool cl_host_query(
	struct cl_daemon *d, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	return host_sa_query(d, id, ret);
}

/* ---- In ---- */

static void receive(void *context, const struct ike_datagram *datagram)
{
	struct cl_daemon *d = context;

	ike_engine_datagram(d->engine, cl_daemon_now(), datagram);
}

static void received(void *context)
{
	cl_daemon_rearm(context);
}

static void acquire(void *context, const struct ike_acquire *what)
{
	struct cl_daemon *d = context;

	ike_engine_acquire(d->engine, cl_daemon_now(), what);
	cl_daemon_rearm(d);
}

static void expire(void *context, const struct cl_kernel_use *carried, bool hard)
{
	struct cl_daemon *d = context;

	if (hard)
		cl_metrics_expired(d->metrics, carried);
	ike_engine_expire(d->engine, cl_daemon_now(), carried->protocol, carried->spi,
		&carried->destination, hard);
	cl_daemon_rearm(d);
}

static void mapping(void *context, uint32_t spi, const struct address *remote)
{
	struct cl_daemon *d = context;

	ike_engine_mapping(d->engine, cl_daemon_now(), spi, remote);
	cl_daemon_rearm(d);
}

static void resolved(
	void *context, uint64_t ticket, const struct address *list, size_t count, const char *error)
{
	struct cl_daemon *d = context;

	ike_engine_resolved(d->engine, cl_daemon_now(), ticket, list, count, error);
	cl_daemon_rearm(d);
}

static void fetched(void *context, uint64_t ticket, struct bytes body, const char *error)
{
	struct cl_daemon *d = context;

	ike_engine_fetched(d->engine, cl_daemon_now(), ticket, body, error);
	cl_daemon_rearm(d);
}

static void password_checked(void *context, uint64_t ticket, const char *error)
{
	struct cl_daemon *d = context;

	ike_engine_password_checked(d->engine, cl_daemon_now(), ticket, error);
	cl_daemon_rearm(d);
}

static void lost(void *context)
{
	struct cl_daemon *d = context;

	d->kernel_events_lost++;
	cl_resync_start(d);
}

static void network_changed(void *context)
{
	struct cl_daemon *d = context;

	ike_engine_addresses_changed(d->engine, cl_daemon_now());
	cl_daemon_rearm(d);
}

/* The DNS servers that came with it may be there as well. */
static void leftover_gone(void *context, uint32_t interface)
{
	struct cl_daemon *d = context;

	if (d->resolved) /* not before it is open, nor at the very end */
		cl_resolved_clean(d->resolved, interface);
}

static void virtual_moved(void *context, const struct address *address, uint32_t interface)
{
	cl_resolved_move(((struct cl_daemon *)context)->resolved, address, interface);
}

/* ---- The network's questions ---- */

/* Peers that we have an SA with, and those that a definition names. */
static void network_peers(void *context, struct cl_network *n)
{
	const struct cl_daemon *d = context;
	const struct ike_connection *c;
	const struct ike_sa *sa;

	for (sa = ike_engine_sa_next(d->engine, NULL); sa; sa = ike_engine_sa_next(d->engine, sa))
		if (sa->remote.family) /* it waits for a name */
			cl_network_watch(n, &sa->remote);
	for (size_t i = 0; (c = ike_engine_connection(d->engine, i)); i++) {
		for (size_t j = 0; j < c->remote_addrs.count; j++) {
			const struct ike_endpoint *endpoint = &c->remote_addrs.items[j];

			if (endpoint->kind == IKE_ENDPOINT_HOST)
				cl_network_watch(n, &endpoint->from);
			for (size_t k = 0; endpoint->dns && k < endpoint->dns->count; k++)
				cl_network_watch(n, &endpoint->dns->addresses[k]);
		}
	}
}

/* ---- Opening and closing ---- */

static bool open_kernel(struct cl_daemon *d, struct why *why)
{
	const struct cl_kernel_events events = { d, acquire, expire, mapping, lost };

	d->usages = cl_usages_new(d->base, &d->kernel);
	if (!d->usages)
		return why_fail(why, "out of memory");
	if (d->kernel_none)
		return cl_kernel_none_open(d->library, &d->kernel, why);
	const struct cl_kernel_settings settings = { d->settings.leftover_time, d->settings.spi_min,
		d->settings.spi_max };

	return cl_kernel_open(d->base, &events, &settings, d->log, &d->kernel, why) ||
	       why_prefix(why, "the kernel's XFRM (it takes CAP_NET_ADMIN): ");
}

static bool open_sockets(struct cl_daemon *d, struct why *why)
{
	struct ike_settings *settings = &d->settings.engine;
	const struct cl_udp_config config = {
		.port = settings->port,
		.port_nat_t = settings->port_nat_t,
		.without_ipv4 = !d->settings.use_ipv4,
		.without_ipv6 = !d->settings.use_ipv6,
		.interfaces_use = d->settings.network.interfaces_use,
		.interfaces_ignore = d->settings.network.interfaces_ignore,
		.context = d,
		.receive = receive,
		.received = received,
	};

	if (!cl_udp_open(d->base, &config, &d->kernel, d->log, &d->udp, why))
		return false;
	settings->port = cl_udp_port(d->udp);
	settings->port_nat_t = cl_udp_port_nat_t(d->udp);
	cl_udp_settings(d->udp, d->settings.max_packet, d->settings.socket_mark);
	return true;
}

static bool open_network(struct cl_daemon *d, struct why *why)
{
	const struct cl_network_events events = { d, network_changed, network_peers, leftover_gone,
		virtual_moved };

	if (!cl_network_open(d->base, &d->settings.network, &events, !d->kernel_none, d->log,
		    &d->network, why))
		return false;
	return d->kernel_none ||
	       cl_network_tunnels_open(
		       d->network, d->kernel.last_reqid ? d->settings.leftover_time : 0) ||
	       why_fail(why, "no memory for interfaces of tunnels");
}

static void scripts_done(void *context)
{
	cl_daemon_rearm(context);
}

static bool open_resolved(struct cl_daemon *d, struct why *why)
{
	const struct cl_resolved_config config = {
		.processes = d->processes,
		.resolvectl = d->settings.resolvectl,
		.directory = CL_RESOLVED_DIRECTORY,
		.limit = RESOLVE_SECONDS,
		.context = d,
		.idle = scripts_done,
	};

	return cl_resolved_open(&config, d->log, &d->resolved, why) &&
	       cl_resolved_settings(d->resolved, d->settings.resolved, d->settings.resolvectl);
}

/* Leftovers keep theirs. */
static uint32_t first_reqid(const struct cl_daemon *d)
{
	uint32_t base = d->settings.reqid_base ? d->settings.reqid_base : 1;

	return d->kernel.last_reqid >= base ? d->kernel.last_reqid + 1 : base;
}

static uint32_t processor_count(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count > 0 ? (uint32_t)count : 0;
}

static bool open_engine(struct cl_daemon *d, struct why *why)
{
	const struct ike_host host = {
		.context = d,
		.library = d->library,
		.wall_clock = host_wall_clock,
		.sign = cl_private_keys_sign,
		.tls = cl_private_keys_tls,
		.tls_forget = cl_private_keys_tls_forget,
		.radius = cl_radius_host_ask,
		.radius_forget = cl_radius_host_forget,
		.lease = cl_dhcp_host_lease,
		.lease_return = cl_dhcp_host_lease_return,
		.send = host_send,
		.source_address = host_source_address,
		.has_route = host_has_route,
		.local_addresses = host_local_addresses,
		.resolve = host_resolve,
		.fetch = host_fetch,
		.check_password = host_check_password,
		.spi_allocate = host_spi_allocate,
		.cpi_allocate = host_cpi_allocate,
		.sa_install = host_sa_install,
		.sa_remove = host_sa_remove,
		.sa_query = host_sa_query,
		.sa_move = host_sa_move,
		.policies_install = host_policies_install,
		.policies_remove = host_policies_remove,
		.address_install = host_address_install,
		.address_remove = host_address_remove,
		.name_servers = host_name_servers,
		.log = host_log,
		.log_wanted = host_log_wanted,
		.event = host_event,
		.command_done = host_command_done,
	};

	d->engine = ike_engine_new(&host, &d->settings.engine, why);
	if (d->engine)
		ike_engine_reqids_after(d->engine, first_reqid(d) - 1);
	if (d->engine && d->kernel.has_processors)
		ike_engine_processors(d->engine, processor_count());
	return d->engine != NULL;
}

static bool open_resolver(struct cl_daemon *d, struct why *why)
{
	const struct cl_resolver_config config = {
		.processes = d->processes,
		.limit = RESOLVE_SECONDS,
		.context = d,
		.answered = resolved,
	};

	return cl_resolver_open(&config, d->log, &d->resolver, why);
}

static bool open_fetcher(struct cl_daemon *d, struct why *why)
{
	const struct cl_fetcher_config config = {
		.processes = d->processes,
		.limit = d->settings.fetch_timeout,
		.redirects = d->settings.fetch_redirects,
		.context = d,
		.fetched = fetched,
	};

	return cl_fetcher_open(&config, d->log, &d->fetcher, why);
}

static bool open_pam(struct cl_daemon *d, struct why *why)
{
	const struct cl_pam_config config = {
		.processes = d->processes,
		.limit = PAM_SECONDS,
		.context = d,
		.checked = password_checked,
	};

	return cl_pam_open(&config, d->log, &d->pam, why);
}

static bool interface_of(void *context, const struct address *address, char ret[IF_NAMESIZE])
{
	return cl_network_interface(((struct cl_daemon *)context)->network, address, ret);
}

static bool open_updown(struct cl_daemon *d, struct why *why)
{
	const struct cl_updown_config config = {
		.processes = d->processes,
		.limit = d->settings.updown_timeout,
		.context = d,
		.interface = interface_of,
		.idle = scripts_done,
	};

	return cl_updown_open(d->log, &config, &d->updown, why);
}

bool cl_host_open(struct cl_daemon *d, struct why *why)
{
	d->library = OSSL_LIB_CTX_new();
	if (!d->library)
		return why_fail(why, "OpenSSL has no memory");
	return cl_processes_open(d->base, &d->processes, why) && cl_private_keys_open(d, why) &&
	       open_kernel(d, why) && open_sockets(d, why) && open_network(d, why) &&
	       open_updown(d, why) && open_resolved(d, why) && open_resolver(d, why) &&
	       open_fetcher(d, why) && open_pam(d, why) && cl_radius_host_open(d, why) &&
	       cl_dhcp_host_open(d, why) && open_engine(d, why);
}

void cl_host_close(struct cl_daemon *d)
{
	ike_engine_free(d->engine);
	cl_dhcp_host_close(d);
	cl_updown_close(d->updown);
	cl_radius_host_close(d);
	cl_resolver_close(d->resolver);
	cl_resolved_close(d->resolved);
	cl_signer_close(d->signer);
	cl_fetcher_close(d->fetcher);
	cl_pam_close(d->pam);
	cl_processes_close(d->processes);
	cl_udp_close(d->udp);
	cl_network_close(d->network);
	cl_usages_free(d->usages);
	if (d->kernel.close)
		d->kernel.close(d->kernel.context);
	OSSL_LIB_CTX_free(d->library);
	d->engine = NULL;
	d->updown = NULL;
	d->resolver = NULL;
	d->resolved = NULL;
	d->signer = NULL;
	d->fetcher = NULL;
	d->pam = NULL;
	d->processes = NULL;
	d->udp = NULL;
	d->usages = NULL;
	d->network = NULL;
	d->kernel = (struct cl_kernel){ 0 };
	d->library = NULL;
}
