/* NAT keepalives: one octet now and then, lest the NAT on our side forget us. */
#include "charon-lite/daemon.h"

/* Ten thousand SAs behind one NAT must not hold up the loop. */
#define SAS_A_TURN 256

static void schedule(struct cl_daemon *d, ike_time wait)
{
	struct timeval tv = { wait / 1000, wait % 1000 * 1000 };

	evtimer_add(d->keepalive, &tv);
}

/* Packets of the tunnel keep the NAT awake as well; unless the next ones are too late for it. */
static bool is_awake(struct cl_daemon *d, const struct ike_sa *sa)
{
	for (const struct ike_child *child = sa->children; child; child = child->next) {
		struct ike_kernel_id id = ike_child_kernel_id(child, false);
		struct ike_kernel_usage usage;

		if (child->installed_out && child->udp_encapsulation &&
			cl_host_query(d, &id, &usage) &&
			usage.idle_seconds < d->settings.keep_alive / 4)
			return true;
	}
	return false;
}

static bool wants_keepalive(struct cl_daemon *d, const struct ike_sa *sa)
{
	return d->settings.keep_alive && sa->nat_local && sa->state != IKE_SA_CONNECTING &&
	       !is_awake(d, sa);
}

static void turn(evutil_socket_t fd, short what, void *context)
{
	struct cl_daemon *d = context;
	ike_time interval = IKE_SECONDS(d->settings.keep_alive);
	const struct ike_sa *sa;

	(void)fd, (void)what;
	if (d->keepalive_id == 0)
		d->keepalive_started = cl_daemon_now();
	sa = cl_sa_after(d->engine, d->keepalive_id);
	for (unsigned n = 0; sa && n < SAS_A_TURN; n++) {
		if (wants_keepalive(d, sa))
			cl_udp_keepalive(d->udp, &sa->local, &sa->remote);
		d->keepalive_id = sa->unique_id;
		sa = ike_engine_sa_next(d->engine, sa);
	}
	if (sa) {
		schedule(d, 0);
		return;
	}
	d->keepalive_id = 0;
	/* Switched off: have a look now and then whether that was changed. */
	if (!interval)
		interval = IKE_SECONDS(20);
	ike_time next = d->keepalive_started + interval - cl_daemon_now();
	schedule(d, next > 0 ? next : 0);
}

bool cl_keepalive_start(struct cl_daemon *d)
{
	d->keepalive = evtimer_new(d->base, turn, d);
	if (!d->keepalive)
		return false;
	schedule(d, IKE_SECONDS(1));
	return true;
}
