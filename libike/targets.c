/*
 * Where an attempt goes, and from where: the addresses of remote_addrs, names resolved anew, in
 * turn; the one that worked last goes first. Where local_addrs names several addresses of ours,
 * each of them is tried with each of the peer's. With IKEv2 they take turns, a moment each, and the
 * first answer wins, whichever pair it comes by: all that the messages differ in is NAT detection.
 * A round of them takes at least as long as the retransmission of one. With IKEv1 a pair that is
 * silent gives way to the next. Only when all were silent does keyingtries count.
 */
#include "libike/names.h"
#include "libike/sa/redirect.h"
#include "libike/versions.h"
#include "libike/wishes.h"

#define TARGETS_MAX 64
#define IKE_PORT 500
#define IKE_PORT_NAT_T 4500
/* The longest an attempt waits for names; then it goes on with what is known. */
#define NAMES_LIMIT IKE_SECONDS(20)
/* What was sent just now need not be sent again. */
#define HURRY_AFTER IKE_SECONDS(1)
/* How long the next pair of addresses waits for its turn, at most. */
#define TURN IKE_SECONDS(1)

static size_t endpoint_addresses(
	const struct ike_endpoint *endpoint, struct address *ret, size_t room)
{
	size_t count = 0;

	if (endpoint->kind == IKE_ENDPOINT_HOST && room > 0 && !address_is_any(&endpoint->from))
		ret[count++] = endpoint->from;
	for (size_t i = 0; endpoint->dns && i < endpoint->dns->count && count < room; i++)
		ret[count++] = endpoint->dns->addresses[i];
	return count;
}

size_t ike_endpoints_addresses(const struct ike_endpoints *list, struct address *ret, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += endpoint_addresses(&list->items[i], ret + count, room - count);
	return count;
}

/* All of them, the one that worked first. */
static size_t list_targets(
	const struct ike_engine *e, const struct ike_sa *sa, struct address ret[TARGETS_MAX])
{
	const struct ike_site *site = ike_site_find(e, sa->connection->name);
	size_t count = ike_endpoints_addresses(ike_sa_remotes(sa), ret, TARGETS_MAX);

	for (size_t i = 1; site && i < count; i++) {
		struct address worked = ret[i];

		if (!address_same_host(&worked, &site->worked))
			continue;
		memmove(ret + 1, ret, i * sizeof(*ret));
		ret[0] = worked;
	}
	return count;
}

size_t ike_target_sources(struct ike_engine *e, const struct ike_connection *c, uint16_t family,
	struct address *ret, size_t room)
{
	struct address list[TARGETS_MAX], ours[IKE_LOCAL_ADDRESSES_MAX];
	size_t named = ike_endpoints_addresses(&c->local_addrs, list, TARGETS_MAX);
	size_t count = 0, present = 0, our_count;

	for (size_t i = 0; i < named && count < room; i++)
		if (list[i].family == family)
			ret[count++] = list[i];
	if (count < 2)
		return count;
	our_count = ike_local_addresses(e, ours);
	for (size_t i = 0; i < count; i++)
		if (address_is_among(ours, our_count, &ret[i]))
			ret[present++] = ret[i];
	return present > 0 ? present : 1;
}

bool ike_target_source(struct ike_engine *e, const struct ike_connection *c,
	const struct address *remote, struct address *ret)
{
	struct address list[TARGETS_MAX];

	if (ike_target_sources(e, c, remote->family, list, TARGETS_MAX) == 0)
		return e->host.source_address(e->host.context, remote, ret);
	*ret = list[0];
	return true;
}

void ike_target_ports(const struct ike_engine *e, const struct ike_connection *c,
	struct address *local, struct address *remote)
{
	bool from_nat_t = c->local_port && c->local_port == e->settings.port_nat_t;

	remote->port = c->remote_port ? c->remote_port : IKE_PORT;
	/* What leaves from our port of NAT traversal has the non-ESP marker, which is not for port
	 * 500; a peer's other port expects it. */
	if (from_nat_t && remote->port == IKE_PORT)
		remote->port = IKE_PORT_NAT_T;
	local->port = remote->port == IKE_PORT ? e->settings.port : e->settings.port_nat_t;
}

static void no_address(
	const struct ike_engine *e, const struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ike_endpoints *remotes = ike_sa_remotes(sa);
	const char *error = ike_names_error(e, remotes);
	const char *name = remotes->count > 0 ? remotes->items[0].name : "%any";
	char origin[IKE_REDIRECT_ORIGIN_MAX];

	ike_failure_set(failure, IKE_REASON_NO_NAME, NULL, NULL,
		"connection '%s': no address for '%s'%s%s%s", sa->connection->name, name,
		ike_redirect_origin(sa, origin), error ? ": " : "", error ? error : "");
}

/* One of our addresses (family 0: the one that the route says), one of the peer's. */
struct pair {
	struct address local, remote;
};

/* Each with each; providers are mostly named in the same order at both ends, so the first pairs
 * have no address in common. */
static size_t list_pairs(struct ike_engine *e, const struct ike_connection *c,
	const struct address *remotes, size_t count, struct pair ret[TARGETS_MAX])
{
	struct address sources[TARGETS_MAX];
	size_t pairs = 0, round = 0, most = 1;

	for (; round < most; round++)
		for (size_t i = 0; i < count && pairs < TARGETS_MAX; i++) {
			size_t own =
				ike_target_sources(e, c, remotes[i].family, sources, TARGETS_MAX);

			most = own > most ? own : most;
			if (round >= own && (round > 0 || own > 0))
				continue;
			ret[pairs] = (struct pair){ .remote = remotes[i] };
			if (own > 0)
				ret[pairs].local = sources[(round + i) % own];
			pairs++;
		}
	return pairs;
}

static bool takes_turns(const struct ike_sa *sa)
{
	const struct ike_negotiation *n = sa->negotiation;

	return sa->version == 2 && n && n->stage == IKE_STAGE_INIT && !n->fixed_target &&
	       n->target_count > 1;
}

static bool has_route(struct ike_engine *e, const struct pair *pair)
{
	return !e->host.has_route ||
	       e->host.has_route(e->host.context, &pair->local, &pair->remote);
}

/* The next one that there is a way to, from sa->negotiation->target on: with a route if one has it.
 * ret_count: of all; in turns those without a route have theirs only when none has one. */
static bool choose_target(struct ike_engine *e, struct ike_sa *sa, size_t *ret_count)
{
	struct ike_negotiation *n = sa->negotiation;
	const struct ike_connection *c = sa->connection;
	struct address list[TARGETS_MAX];
	struct pair pairs[TARGETS_MAX];
	size_t count = list_pairs(e, c, list, list_targets(e, sa, list), pairs);
	size_t unrouted = count, i;

	*ret_count = count;
	n->target_count = (uint8_t)count;
	for (i = n->target; i < count; i++) {
		bool known = pairs[i].local.family != 0;

		if (!known &&
			!e->host.source_address(e->host.context, &pairs[i].remote, &pairs[i].local))
			continue;
		if (!known || count == 1 || has_route(e, &pairs[i]))
			break;
		unrouted = unrouted < count ? unrouted : i;
	}
	if (i >= count && (n->target == 0 || !takes_turns(sa)))
		i = unrouted;
	if (i >= count)
		return false;
	n->target = (uint8_t)i;
	if (n->init_sent)
		ike_init_sent_drop(n, &pairs[i].local, &pairs[i].remote);
	sa->remote = pairs[i].remote;
	sa->local = pairs[i].local;
	ike_target_ports(e, c, &sa->local, &sa->remote);
	return true;
}

static bool take_target(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct address first = { .family = 0 };
	char text[ADDRESS_TEXT_MAX], origin[IKE_REDIRECT_ORIGIN_MAX];
	size_t count;

	if (choose_target(e, sa, &count))
		return true;
	(void)ike_endpoints_addresses(ike_sa_remotes(sa), &first, 1);
	if (count == 0)
		no_address(e, sa, failure);
	else
		ike_failure_set(failure, IKE_REASON_NO_ROUTE, NULL, NULL,
			"connection '%s': no route to %s%s", sa->connection->name,
			address_format(&first, text), ike_redirect_origin(sa, origin));
	return false;
}

/* ---- Turns ---- */

static bool begin(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	if (!take_target(e, sa, failure) || !ike_version_of(sa)->begin(e, sa, failure))
		return false;
	if (!takes_turns(sa))
		return true;
	sa->negotiation->round_at = e->now;
	if (sa->retransmit_at > e->now + TURN)
		sa->retransmit_at = e->now + TURN;
	ike_schedule(e, sa);
	return true;
}

static void fail(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL,
		"the first message could not be sent: out of memory");
	ike_log_failure(e, sa, sa->connection, failure);
	ike_sa_destroy(e, sa, failure);
}

/* The same request to the pair that has its turn. False: none has a way. */
static bool send_turn(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };
	uint8_t round = sa->transmissions;
	ike_time began = sa->request_sent_at;
	char from[ADDRESS_TEXT_MAX], to[ADDRESS_TEXT_MAX];
	size_t count;

	if (!choose_target(e, sa, &count))
		return false;
	ike_log(e, sa, IKE_LOG_NET, round > 1 ? IKE_LOG_DETAIL : IKE_LOG_INFO,
		"no answer yet, trying from %s to %s", address_format(&sa->local, from),
		address_format(&sa->remote, to));
	if (ike_version_of(sa)->begin(e, sa, &failure)) {
		ike_time turn = ike_retransmission_delay(e, sa, 1);

		sa->transmissions = round;
		sa->request_sent_at = began;
		sa->retransmit_at = e->now + (turn < TURN ? turn : TURN);
		ike_schedule(e, sa);
	} else {
		fail(e, sa, &failure);
	}
	ike_failure_free(&failure);
	return true;
}

bool ike_target_turn(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_negotiation *n = sa->negotiation;

	if (!takes_turns(sa) || !sa->request)
		return false;
	if (n->target < n->target_count) {
		if (!ike_init_sent_keep(n))
			return false;
		n->target++;
		if (n->target < n->target_count && send_turn(e, sa))
			return true;
		n->target = n->target_count;
		sa->retransmit_at =
			n->round_at + ike_retransmission_delay(e, sa, sa->transmissions);
		ike_schedule(e, sa);
		if (sa->retransmit_at > e->now)
			return true;
	}
	if (ike_request_is_exhausted(e, sa))
		return false;
	sa->transmissions++;
	n->target = 0;
	n->round_at = e->now;
	return send_turn(e, sa);
}

bool ike_target_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_negotiation *n = sa->negotiation;

	if (n->fixed_target)
		return ike_version_of(sa)->begin(e, sa, failure);
	if (n->target == 0 && ike_names_ask(e, &sa->connection->local_addrs, ike_sa_remotes(sa))) {
		n->names_until = e->now + NAMES_LIMIT;
		ike_sa_set_state(e, sa, IKE_SA_CONNECTING);
		ike_schedule(e, sa);
		return true;
	}
	n->names_until = 0;
	return begin(e, sa, failure);
}

/* The names are known, or will not be for now. May destroy the SA. */
static void go_on(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };

	sa->negotiation->names_until = 0;
	ike_schedule(e, sa);
	if (!begin(e, sa, &failure))
		fail(e, sa, &failure);
	ike_failure_free(&failure);
}

void ike_target_wake(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->negotiation->names_until <= e->now)
		go_on(e, sa);
}

void ike_targets_named(struct ike_engine *e)
{
	struct ike_sa *sa, *next;

	for (sa = e->by_id; sa; sa = next) {
		next = sa->by_id.next;
		if (sa->negotiation && sa->negotiation->names_until > 0 &&
			!ike_names_ask(e, &sa->connection->local_addrs, ike_sa_remotes(sa)))
			go_on(e, sa);
	}
}

/* Moves on to the next pair of addresses; false when all were tried. */
static bool next_target(struct ike_negotiation *n)
{
	if (n->fixed_target || n->target + 1 >= n->target_count)
		return false;
	n->target++;
	return true;
}

/* What reauthenticates tries first where the old one is. True: the peer is there no more, and the
 * definition knows other places, which are yet to be tried. */
static bool leaves_old_place(const struct ike_engine *e, struct ike_sa *sa)
{
	struct address list[TARGETS_MAX];
	size_t count, i = 0;

	if (!sa->reauthenticates || !sa->negotiation->fixed_target)
		return false;
	sa->negotiation->fixed_target = false;
	count = list_targets(e, sa, list);
	while (i < count && address_same_host(&list[i], &sa->remote))
		i++;
	sa->negotiation->target = 0;
	return i < count;
}

bool ike_target_try_again(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_negotiation *n = sa->negotiation;
	uint32_t allowed = sa->connection->keyingtries;
	struct ike_failure failure = { 0 };
	bool started;

	if (n->stage != IKE_STAGE_INIT)
		return false;
	if (!leaves_old_place(e, sa) && !next_target(n)) {
		bool redirected = ike_sa_is_redirected(sa);

		/* What the definition says is yet to be tried, and counts anew. */
		if (!ike_redirect_leave(sa) ||
			(!redirected && allowed != 0 && n->tries + 1 >= allowed))
			return false;
		n->tries += redirected ? 0 : 1;
		n->target = 0;
	}
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "peer not responding, trying again (%u/%u)",
		n->tries + 1, allowed);
	started = ike_version_of(sa)->restart(e, sa, &failure);
	ike_failure_free(&failure);
	return started;
}

void ike_targets_hurry(struct ike_engine *e)
{
	struct ike_failure failure = { 0 };
	struct ike_sa *sa, *next;

	ike_failure_set(&failure, IKE_REASON_NO_ROUTE, NULL, NULL, "no address to go to any more");
	for (sa = e->by_id; sa; sa = next) {
		next = sa->by_id.next;
		if (sa->was_established || !sa->initiator || !sa->request || !sa->active ||
			sa->active->kind != IKE_TASK_INIT || sa->negotiation->fixed_target ||
			sa->request_sent_at + HURRY_AFTER > e->now)
			continue;
		sa->negotiation->target = 0;
		if (ike_version_of(sa)->restart(e, sa, &failure))
			continue;
		ike_log_failure(e, sa, sa->connection, &failure);
		ike_sa_destroy(e, sa, &failure);
	}
	ike_failure_free(&failure);
}

void ike_target_worked(struct ike_engine *e, const struct ike_sa *sa)
{
	struct ike_site *site = ike_site_find(e, sa->connection->name);

	if (!site || !sa->initiator || ike_sa_is_redirected(sa))
		return;
	site->worked = sa->remote;
	site->worked.port = 0;
}
