/*
 * After events of the kernel were lost: what they may have said is asked. SAs that are gone have
 * expired, those over their volume are to be rekeyed, packets that wait for an SA get one. Times
 * the engine watches itself, and a moved NAT mapping is told again with the next packet.
 */
#include "charon-lite/daemon.h"

/* Each has some requests to the kernel. */
#define SAS_A_TURN 32

enum verdict { FINE, USED_UP, GONE };

static enum verdict look(struct cl_daemon *d, const struct ike_child *child, bool inbound)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	struct ike_kernel_usage usage;

	if (!(inbound ? child->installed_in : child->installed_out))
		return FINE;
	if (!cl_host_query(d, &id, &usage))
		return d->kernel.sa_is_gone(d->kernel.context, &id) ? GONE : FINE;
	if ((child->rekey_bytes != 0 && usage.bytes >= child->rekey_bytes) ||
		(child->rekey_packets != 0 && usage.packets >= child->rekey_packets))
		return USED_UP;
	return FINE;
}

/* They are in no order: an IKE SA that takes over another's has them behind its own. */
static const struct ike_child *child_after(const struct ike_sa *sa, uint32_t unique_id)
{
	const struct ike_child *next = NULL;

	for (const struct ike_child *child = sa->children; child; child = child->next)
		if (child->unique_id > unique_id && (!next || child->unique_id < next->unique_id))
			next = child;
	return next;
}

/* What is told to the engine may end the child and its IKE SA: neither is kept across that. */
static void look_at_children(struct cl_daemon *d, uint32_t ike_id)
{
	uint32_t child_id = 0;

	for (;;) {
		const struct ike_sa *sa = ike_engine_sa_find(d->engine, ike_id);
		const struct ike_child *child = sa ? child_after(sa, child_id) : NULL;

		if (!child)
			return;
		child_id = child->unique_id;
		enum verdict in = look(d, child, true), out = look(d, child, false);
		bool inbound = in >= out;
		if (in == FINE && out == FINE)
			continue;
		const struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
		bool gone = in == GONE || out == GONE;
		cl_log_text(d->log, IKE_LOG_KNL, IKE_LOG_INFO, "CHILD_SA %s{%u}: %s",
			child->config->name, child_id,
			gone ? "the kernel has its SA no longer" : "its SA has carried its volume");
		ike_engine_expire(
			d->engine, cl_daemon_now(), id.protocol, id.spi, &id.destination, gone);
	}
}

static void turn(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval at_once;
	struct cl_daemon *d = context;
	unsigned count = 0;
	const struct ike_sa *sa;

	(void)fd, (void)what;
	if (d->resync_id == 0)
		d->kernel.acquires_again(d->kernel.context);
	for (; count < SAS_A_TURN && (sa = cl_sa_after(d->engine, d->resync_id)); count++) {
		d->resync_id = sa->unique_id;
		look_at_children(d, sa->unique_id);
	}
	cl_daemon_rearm(d);
	if (count == SAS_A_TURN)
		evtimer_add(d->resync, &at_once);
}

bool cl_resync_open(struct cl_daemon *d)
{
	d->resync = evtimer_new(d->base, turn, d);
	return d->resync != NULL;
}

void cl_resync_start(struct cl_daemon *d)
{
	static const struct timeval at_once;

	d->resync_id = 0;
	evtimer_add(d->resync, &at_once);
}
