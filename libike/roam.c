/*
 * Where tunnels go from when this host's addresses, links or routes change.
 *
 * A path is good as long as its address is ours, and, where the address was chosen by the route, as
 * the route says so. An address that vanishes with nothing in its place may come back: then nothing
 * happens, and liveness decides whether the peer is lost. With MOBIKE an SA takes another way at
 * once; without, it ends after a moment, so that whoever wants it up makes a new one.
 *
 * Ways are pairs of our addresses that local_addrs names and the peer's. The initiator decides: a
 * way that is silent is left for one that answers, and the first of local_addrs and remote_addrs is
 * gone back to as soon as it answers again.
 */
#include "libike/supervisor.h"
#include "libike/versions.h"

#define ROUTES_MAX 64
/* Without MOBIKE: how long an address may be away although there is another in its place. */
#define PATIENCE 50
/* So often a request goes out on a path that is thought to be good before others are tried. */
#define PATH_IS_TRIED 2
/* So many routes are asked for at a time; other SAs are looked at a moment later. */
#define QUESTIONS_MAX 256
#define NEXT_LOOK 20
/* Peers are told one after the other about addresses that came or went. */
#define TELL_AFTER 500
#define TELL_PAUSE 5
/* The preferred way is looked for as often as the peer is asked whether it lives, else every
 * minute; soon when an address came; and has so long to answer. */
#define LOOK_BACK IKE_SECONDS(60)
#define LOOK_BACK_SOON IKE_SECONDS(1)
#define LOOK_BACK_PATIENCE 500

/* One look at the host, for all SAs. */
struct look {
	struct address locals[IKE_LOCAL_ADDRESSES_MAX];
	size_t local_count;
	struct {
		struct address remote;
		struct address source; /* family 0: no route */
	} routes[ROUTES_MAX];          /* a ring */
	size_t route_count;
	/* Whether there is a route from one of our addresses. */
	struct {
		struct address local, remote;
		bool there;
	} ways[ROUTES_MAX]; /* a ring */
	size_t way_count;
};

/* FNV-1a over the addresses in any order; never 0. */
static uint64_t fingerprint(const struct address *list, size_t count)
{
	uint64_t sum = 1;

	for (size_t i = 0; i < count; i++) {
		uint64_t hash = UINT64_C(0xcbf29ce484222325);

		for (size_t k = 0; k < sizeof(list[i].octets); k++)
			hash = (hash ^ list[i].octets[k]) * UINT64_C(0x100000001b3);
		sum += hash;
	}
	return sum ? sum : 1;
}

size_t ike_local_addresses(struct ike_engine *e, struct address ret[IKE_LOCAL_ADDRESSES_MAX])
{
	size_t count = 0;

	if (e->host.local_addresses)
		count = e->host.local_addresses(e->host.context, 0, ret, IKE_LOCAL_ADDRESSES_MAX);

	if (!e->local_fingerprint)
		e->local_fingerprint = fingerprint(ret, count);
	return count;
}

static void look_begin(struct ike_engine *e, struct look *l)
{
	l->local_count = ike_local_addresses(e, l->locals);
	l->route_count = l->way_count = 0;
}

static bool is_ours(const struct look *l, const struct address *a)
{
	return address_is_among(l->locals, l->local_count, a);
}

static const struct address *route_to(
	struct ike_engine *e, struct look *l, const struct address *remote)
{
	size_t known = l->route_count < ROUTES_MAX ? l->route_count : ROUTES_MAX;

	for (size_t i = 0; i < known; i++)
		if (address_same_host(&l->routes[i].remote, remote))
			return &l->routes[i].source;
	size_t at = l->route_count++ % ROUTES_MAX;
	l->routes[at].remote = *remote;
	if (!e->host.source_address(e->host.context, remote, &l->routes[at].source))
		l->routes[at].source.family = 0;
	return &l->routes[at].source;
}

/* Networks of different providers need not reach each other. */
static bool has_route(struct ike_engine *e, struct look *l, const struct address *local,
	const struct address *remote)
{
	size_t known = l->way_count < ROUTES_MAX ? l->way_count : ROUTES_MAX;

	if (!e->host.has_route)
		return true;
	for (size_t i = 0; i < known; i++)
		if (address_same_host(&l->ways[i].local, local) &&
			address_same_host(&l->ways[i].remote, remote))
			return l->ways[i].there;
	size_t at = l->way_count++ % ROUTES_MAX;
	l->ways[at].local = *local;
	l->ways[at].remote = *remote;
	l->ways[at].there = e->host.has_route(e->host.context, local, remote);
	return l->ways[at].there;
}

/* ---- Choosing ---- */

/* Our addresses that may be used towards one of the peer's: those that are named and there, in
 * their order, else the one that the route gives. */
static size_t sources_for(struct ike_engine *e, const struct ike_sa *sa, struct look *l,
	const struct address *remote, struct address ret[IKE_LOCAL_ADDRESSES_MAX])
{
	size_t count =
		ike_target_sources(e, sa->connection, remote->family, ret, IKE_LOCAL_ADDRESSES_MAX);

	if (count > 1 || (count == 1 && is_ours(l, &ret[0])))
		return count;
	ret[0] = *route_to(e, l, remote);
	return ret[0].family == remote->family && !address_is_any(&ret[0]) && is_ours(l, &ret[0]);
}

static bool source_for(struct ike_engine *e, const struct ike_sa *sa, struct look *l,
	const struct address *remote, struct address *ret)
{
	struct address list[IKE_LOCAL_ADDRESSES_MAX];

	if (sources_for(e, sa, l, remote, list) == 0)
		return false;
	*ret = list[0];
	return true;
}

/* The definition names it, whatever else it names. */
static bool is_named(const struct ike_sa *sa, const struct address *a)
{
	struct address list[IKE_LOCAL_ADDRESSES_MAX];
	size_t count = ike_endpoints_addresses(
		&sa->connection->local_addrs, list, IKE_LOCAL_ADDRESSES_MAX);

	return address_is_among(list, count, a);
}

static unsigned remotes(const struct ike_sa *sa)
{
	return 1 + (sa->peer_mobike && sa->mobike ? sa->mobike->peer_count : 0u);
}

/* Ports that go with the ones in use. */
static void set_ports(const struct ike_engine *e, const struct ike_sa *sa, struct address *local,
	struct address *remote)
{
	bool traverses = sa->local.port == e->settings.port_nat_t;

	local->port = sa->local.port;
	remote->port = traverses && !address_same_host(remote, &sa->remote) ? IKE_PORT_NAT_T
									    : sa->remote.port;
}

/* Way number `index` to the peer: its present address, then the others; then the same from the next
 * of our addresses. False when it leads nowhere. */
static bool way(struct ike_engine *e, const struct ike_sa *sa, struct look *l, unsigned index,
	struct address *ret_local, struct address *ret_remote)
{
	struct address list[IKE_LOCAL_ADDRESSES_MAX];
	unsigned round = index / remotes(sa), which = index % remotes(sa);

	*ret_remote = which == 0 ? sa->remote : sa->mobike->peers[which - 1];
	if (which > 0 && address_same_host(ret_remote, &sa->remote))
		return false;
	size_t count = sources_for(e, sa, l, ret_remote, list);
	if (round >= count)
		return false;
	*ret_local = list[(round + which) % count];
	set_ports(e, sa, ret_local, ret_remote);
	return true;
}

static unsigned ways(const struct ike_sa *sa)
{
	size_t sources = sa->connection->local_addrs.count;

	if (!sa->peer_mobike || sources == 0)
		sources = 1;
	return remotes(sa) * (unsigned)sources;
}

static bool is_refused(
	const struct ike_mobike *m, const struct address *local, const struct address *remote)
{
	return m && m->refused_local.family && address_same_host(&m->refused_local, local) &&
	       address_same_host(&m->refused_remote, remote);
}

static bool is_here(
	const struct ike_sa *sa, const struct address *local, const struct address *remote)
{
	return address_same_host(local, &sa->local) && address_same_host(remote, &sa->remote);
}

/* The first that has a route; else the first, as routes may be about to come. */
static bool other(struct ike_engine *e, const struct ike_sa *sa, struct look *l,
	struct address *ret_local, struct address *ret_remote)
{
	struct address local, remote;
	bool found = false;

	for (unsigned i = 0; i < ways(sa); i++) {
		if (!way(e, sa, l, i, &local, &remote) || is_here(sa, &local, &remote) ||
			is_refused(sa->mobike, &local, &remote))
			continue;
		bool routed = has_route(e, l, &local, &remote);
		if (!found || routed) {
			*ret_local = local;
			*ret_remote = remote;
		}
		found = true;
		if (routed)
			break;
	}
	return found;
}

bool ike_roam_other(struct ike_engine *e, struct ike_sa *sa, struct address *ret_local,
	struct address *ret_remote)
{
	struct look l;

	look_begin(e, &l);
	return other(e, sa, &l, ret_local, ret_remote);
}

/* ---- Going there ---- */

void ike_roam_to(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote)
{
	if (!ike_path_set(e, sa, local, remote))
		return;
	sa->mobike->lost = false;
	sa->mobike->looks_back = false;
	if (address_same_host(ike_children_remote(sa), &sa->remote))
		ike_path_follow(e, sa);
	ike_mobike_want(sa, sa->original_initiator ? IKE_MOBIKE_UPDATE | IKE_MOBIKE_ADDRESSES
						   : IKE_MOBIKE_ADDRESSES);
	sa->mobike->all_ways = true;
	ike_request_afresh(e, sa);
	ike_roam_watch(e, sa);
}

void ike_roam_probe(struct ike_engine *e, struct ike_sa *sa)
{
	bool tells = sa->active && sa->active->kind == IKE_TASK_MOBIKE;
	/* A responder's address may be gone, and the peer has to hear which ones there are. */
	bool may = sa->original_initiator || (tells && (sa->mobike->sent & IKE_MOBIKE_ADDRESSES));
	struct address local, remote;
	struct look l;

	bool all =
		tells || sa->transmissions > PATH_IS_TRIED || (sa->mobike && sa->mobike->all_ways);

	if (!sa->peer_mobike || !sa->was_established || !sa->request || !may || !all)
		return;
	look_begin(e, &l);
	for (unsigned i = 0; i < ways(sa); i++) {
		if (!way(e, sa, &l, i, &local, &remote) || is_here(sa, &local, &remote) ||
			!has_route(e, &l, &local, &remote))
			continue;
		char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];
		ike_log(e, sa, IKE_LOG_NET, IKE_LOG_DETAIL, "trying also from %s to %s",
			address_format_with_port(&local, from),
			address_format_with_port(&remote, to));
		ike_transmit(e, sa, &local, &remote, sa->request);
		if (tells)
			sa->mobike->astray = true;
	}
}

void ike_roam_answer_came(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_datagram *datagram)
{
	struct address local, remote;
	struct look l;

	if (!sa->peer_mobike || !sa->was_established || !sa->original_initiator ||
		is_here(sa, &datagram->local, &datagram->remote))
		return;
	look_begin(e, &l);
	for (unsigned i = 0; i < ways(sa); i++)
		if (way(e, sa, &l, i, &local, &remote) &&
			address_same_host(&local, &datagram->local) &&
			address_same_host(&remote, &datagram->remote) &&
			!is_refused(sa->mobike, &local, &remote)) {
			ike_roam_to(e, sa, &local, &remote);
			return;
		}
}

/* ---- The way that is preferred ---- */

/* The peer is there, or has said so. */
static bool peer_has(const struct ike_sa *sa, const struct address *a)
{
	return address_same_host(&sa->remote, a) ||
	       (sa->mobike && address_is_among(sa->mobike->peers, sa->mobike->peer_count, a));
}

/* The first of remote_addrs that is the peer's and that there is a way to, else where it is; and
 * the first of our addresses for that. False when the SA is there, or nowhere. */
static bool preferred(struct ike_engine *e, const struct ike_sa *sa, struct look *l,
	struct address *ret_local, struct address *ret_remote)
{
	struct address list[IKE_LOCAL_ADDRESSES_MAX];
	size_t count = ike_endpoints_addresses(
		&sa->connection->remote_addrs, list, IKE_LOCAL_ADDRESSES_MAX);
	size_t i = 0;

	while (i < count && !(peer_has(sa, &list[i]) && source_for(e, sa, l, &list[i], ret_local)))
		i++;
	*ret_remote = i < count ? list[i] : sa->remote;
	if (i == count && !source_for(e, sa, l, ret_remote, ret_local))
		return false;
	set_ports(e, sa, ret_local, ret_remote);
	return !is_here(sa, ret_local, ret_remote);
}

static void wake_at(struct ike_engine *e, struct ike_sa *sa, ike_time at)
{
	if (at < sa->path_at)
		sa->path_at = at;
	ike_schedule(e, sa);
}

/* As often as the peer is asked whether it lives. */
static ike_time look_back_every(const struct ike_sa *sa)
{
	uint32_t delay = sa->connection->dpd_delay;

	return delay > 0 ? IKE_SECONDS((ike_time)delay) : LOOK_BACK;
}

static bool decides(const struct ike_sa *sa)
{
	return sa->peer_mobike && sa->original_initiator && sa->connection;
}

void ike_roam_watch(struct ike_engine *e, struct ike_sa *sa)
{
	struct address local, remote;
	struct look l;

	look_begin(e, &l);
	if (decides(sa) && preferred(e, sa, &l, &local, &remote))
		wake_at(e, sa, e->now + look_back_every(sa));
}

void ike_roam_peer_told(struct ike_engine *e, struct ike_sa *sa)
{
	struct address local, remote;
	struct look l;

	look_begin(e, &l);
	if (decides(sa) && preferred(e, sa, &l, &local, &remote))
		wake_at(e, sa, e->now + LOOK_BACK_SOON);
}

/* Asks whether the peer lives, by the preferred way; a moment later by the present one, too. */
static void look_back(struct ike_engine *e, struct ike_sa *sa, struct look *l)
{
	struct address local, remote;
	struct ike_mobike *m;

	if (!decides(sa) || !preferred(e, sa, l, &local, &remote))
		return;
	wake_at(e, sa, e->now + (sa->active ? LOOK_BACK_SOON : look_back_every(sa)));
	if (sa->active || !(m = ike_mobike_get(sa)) || is_refused(m, &local, &remote) ||
		!has_route(e, l, &local, &remote) || !ike_task_queue(sa, IKE_TASK_DPD, NULL, 0))
		return;
	m->first_local = local;
	m->first_remote = remote;
	m->looks_back = true;
	wake_at(e, sa, e->now + LOOK_BACK_PATIENCE);
}

/* Nothing came back by the preferred way. */
static void go_on_here(struct ike_engine *e, struct ike_sa *sa)
{
	if (!sa->mobike || !sa->mobike->looks_back)
		return;
	sa->mobike->looks_back = false;
	ike_request_repeat(e, sa);
}

/* ---- Looking ---- */

/* By whom an address was chosen says who may find it wrong: the peer chose ours when it began. */
static bool is_good(struct ike_engine *e, const struct ike_sa *sa, struct look *l)
{
	if (!is_ours(l, &sa->local))
		return false;
	if (!sa->original_initiator || is_named(sa, &sa->local))
		return true;
	const struct address *source = route_to(e, l, &sa->remote);
	return address_same_host(source, &sa->local) ||
	       (!sa->peer_mobike && source->family != 0); /* not worth a new SA */
}

/* The address went without one in its place, or came back. */
static void set_lost(struct ike_engine *e, struct ike_sa *sa, bool lost)
{
	char text[ADDRESS_TEXT_MAX];

	if (sa->path_at != IKE_NEVER && !sa->peer_mobike && !lost) {
		sa->path_at = IKE_NEVER;
		ike_schedule(e, sa);
	}
	if ((!lost && !sa->mobike) || !ike_mobike_get(sa) || sa->mobike->lost == lost)
		return;
	sa->mobike->lost = lost;
	ike_log(e, sa, IKE_LOG_NET, IKE_LOG_INFO,
		lost ? "no way to %s at the moment, waiting for one" : "there is a way to %s again",
		address_format(&sa->remote, text));
	if (!lost)
		ike_request_afresh(e, sa);
}

/* What is unanswered may have been lost for want of what has just come. */
static void hurry(struct ike_engine *e, struct ike_sa *sa)
{
	if (!sa->request || sa->transmissions <= 1)
		return;
	ike_request_afresh(e, sa);
	if (!sa->peer_mobike || !ike_mobike_get(sa))
		return;
	sa->mobike->all_ways = true;
	ike_roam_probe(e, sa);
}

/* What the peer's rekeying made while ours is in flight takes the path over with everything else.
 */
static bool may_move(const struct ike_sa *sa)
{
	return sa->was_established && !sa->rival_of && sa->state != IKE_SA_DELETING &&
	       sa->state != IKE_SA_REKEYED && sa->state != IKE_SA_DESTROYING;
}

/* Whether the SA is well where it is; else it has moved, or waits. */
static void look_at(struct ike_engine *e, struct ike_sa *sa, struct look *l)
{
	struct address local, remote;

	if (is_good(e, sa, l)) {
		set_lost(e, sa, false);
		return;
	}
	if (sa->mobike)
		sa->mobike->refusals = 0;
	if (!other(e, sa, l, &local, &remote))
		set_lost(e, sa, true);
	else if (sa->peer_mobike)
		ike_roam_to(e, sa, &local, &remote);
	else
		wake_at(e, sa, e->now + PATIENCE);
}

/* An SA that is being established begins again from where packets to the peer leave now. False when
 * that failed and the SA is gone. */
static bool begin_elsewhere(struct ike_engine *e, struct ike_sa *sa, struct look *l)
{
	struct ike_failure failure = { 0 };
	struct address source;
	char text[ADDRESS_TEXT_MAX];

	if (!sa->initiator || sa->was_established || !sa->active ||
		(is_ours(l, &sa->local) && is_named(sa, &sa->local)) ||
		!source_for(e, sa, l, &sa->remote, &source) ||
		address_same_host(&source, &sa->local))
		return true;
	source.port = sa->local.port;
	ike_path_move(e, sa, &source, &sa->remote);
	ike_log(e, sa, IKE_LOG_NET, IKE_LOG_INFO, "going on from %s",
		address_format(&source, text));
	if (sa->active->kind != IKE_TASK_INIT || !sa->request) {
		/* The responder takes IKE_AUTH from anywhere; or nothing is on its way. */
		ike_request_repeat(e, sa);
		return true;
	}
	ike_request_answered(e, sa);
	bool begun = ike_version_of(sa)->begin(e, sa, &failure);
	if (!begun) {
		ike_log_failure(e, sa, sa->connection, &failure);
		ike_sa_destroy(e, sa, &failure);
	}
	ike_failure_free(&failure);
	return begun;
}

/* Tunnels to many peers take as many questions: they must not hold up everything else. */
static bool look_later(struct ike_engine *e, struct ike_sa *sa, const struct look *l)
{
	size_t asked = l->route_count + l->way_count;

	if (asked < QUESTIONS_MAX)
		return false;
	wake_at(e, sa, e->now + NEXT_LOOK * (ike_time)(asked / QUESTIONS_MAX));
	return true;
}

void ike_engine_addresses_changed(struct ike_engine *e, ike_time now)
{
	struct address local, remote;
	struct ike_sa *sa, *next;
	ike_time tell_at = now + TELL_AFTER;
	struct look l;

	e->now = now;
	look_begin(e, &l);
	uint64_t print = fingerprint(l.locals, l.local_count);
	bool news = print != e->local_fingerprint;
	e->local_fingerprint = print;
	for (sa = e->by_id; sa; sa = next) {
		next = sa->by_id.next;
		if (look_later(e, sa, &l)) {
			l.route_count++; /* this one's, when its time has come */
			sa->tells_addresses |= news && sa->peer_mobike;
			continue;
		}
		if (!begin_elsewhere(e, sa, &l) || !may_move(sa))
			continue;
		if (news && sa->mobike)
			sa->mobike->refused_local.family = 0; /* may be welcome now */
		look_at(e, sa, &l);
		hurry(e, sa);
		if (decides(sa) && preferred(e, sa, &l, &local, &remote))
			wake_at(e, sa, now + LOOK_BACK_SOON);
		if (news && sa->peer_mobike && !(sa->mobike && sa->mobike->wanted)) {
			sa->tells_addresses = true;
			wake_at(e, sa, tell_at);
			tell_at += TELL_PAUSE;
		}
		ike_tasks_run(e, sa);
	}
	ike_supervise_hurry(e);
}

/* The peer hears of the end from where we are now. */
static void start_anew(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote)
{
	struct ike_failure failure = { 0 };
	char texts[2][ADDRESS_TEXT_MAX];

	ike_failure_set(&failure, IKE_REASON_ADDRESS_CHANGED, NULL, NULL,
		"%s is no longer ours, packets to the peer leave from %s now: without MOBIKE that "
		"takes a new IKE_SA",
		address_format(&sa->local, texts[0]), address_format(local, texts[1]));
	ike_log_failure(e, sa, sa->connection, &failure);
	if (ike_path_set(e, sa, local, remote))
		ike_version_of(sa)->delete_once(e, sa);
	ike_sa_destroy(e, sa, &failure);
	ike_failure_free(&failure);
}

void ike_roam_wake(struct ike_engine *e, struct ike_sa *sa)
{
	struct address local, remote;
	struct look l;

	sa->path_at = IKE_NEVER;
	ike_schedule(e, sa);
	look_begin(e, &l);
	go_on_here(e, sa);
	if (!begin_elsewhere(e, sa, &l) || !may_move(sa))
		return;
	if (!sa->peer_mobike && !is_good(e, sa, &l) && other(e, sa, &l, &local, &remote)) {
		start_anew(e, sa, &local, &remote);
		return;
	}
	look_at(e, sa, &l);
	if (sa->tells_addresses && sa->peer_mobike)
		ike_mobike_want(sa, IKE_MOBIKE_ADDRESSES);
	sa->tells_addresses = false;
	look_back(e, sa, &l);
	ike_tasks_run(e, sa);
}
