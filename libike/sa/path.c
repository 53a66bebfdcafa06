#include "libike/sa/path.h"

#include "libike/sa/sa_priv.h"

#include <stdlib.h>

struct ike_mobike *ike_mobike_get(struct ike_sa *sa)
{
	if (!sa->mobike)
		sa->mobike = calloc(1, sizeof(*sa->mobike));
	return sa->mobike;
}

void ike_mobike_want(struct ike_sa *sa, enum ike_mobike_words words)
{
	struct ike_mobike *m = ike_mobike_get(sa);

	if (!m)
		return;
	if (!m->wanted && !ike_task_queue_first(sa, IKE_TASK_MOBIKE, NULL, 0))
		return; /* out of memory: the next change tries again */
	m->wanted |= (uint8_t)words;
}

static bool children_lag(const struct ike_sa *sa)
{
	return sa->mobike && sa->mobike->children_local.family != 0;
}

const struct address *ike_children_local(const struct ike_sa *sa)
{
	return children_lag(sa) ? &sa->mobike->children_local : &sa->local;
}

const struct address *ike_children_remote(const struct ike_sa *sa)
{
	return children_lag(sa) ? &sa->mobike->children_remote : &sa->remote;
}

/* ---- Children ---- */

static bool encapsulates(const struct ike_sa *sa)
{
	return sa->nat_local || sa->nat_remote || sa->nat_fake;
}

static bool move_sa(struct ike_engine *e, struct ike_child *child, bool inbound, struct why *why)
{
	const struct ike_sa *sa = child->sa;
	struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	struct address source =
		ike_child_source(child, inbound, inbound ? &sa->remote : &sa->local);

	if (e->host.sa_move(e->host.context, &id, &source, inbound ? &sa->local : &sa->remote,
		    encapsulates(sa), why))
		return true;
	ike_event_child_sa_goes(e, child, inbound);
	e->host.sa_remove(e->host.context, &id);
	return false;
}

/* Selectors that are an end's own address go with it, at both ends alike; behind a NAT the ends
 * don't see the same addresses, and none goes. NULL when all stay, or memory ran out. */
static struct ike_selector *selectors_moved(const struct ike_child *child)
{
	const struct ike_sa *sa = child->sa;
	size_t count = (size_t)child->local_count + child->remote_count;
	struct ike_selector *moved;
	bool any = false;

	if (child->udp_encapsulation || encapsulates(sa) ||
		!(moved = calloc(count, sizeof(*moved))))
		return NULL;
	for (size_t i = 0; i < count; i++) {
		bool ours = i < child->local_count;
		const struct address *old = ours ? ike_children_local(sa) : ike_children_remote(sa);
		const struct address *new = ours ? &sa->local : &sa->remote;

		moved[i] = child->selectors[i];
		if (!ike_selector_is_host(&moved[i], old) || address_same_host(old, new))
			continue;
		moved[i].dynamic = true;
		moved[i] = ike_selector_resolve(&moved[i], new);
		any = true;
	}
	if (any)
		return moved;
	free(moved);
	return NULL;
}

/* The new policies are there before the old ones go, and lead to states that are about to come. */
static bool move_policies(struct ike_engine *e, struct ike_child *child, struct why *why)
{
	struct ike_kernel_policies old = ike_child_policies(child), new = old;
	struct ike_selector *moved = selectors_moved(child);

	new.local = child->sa->local;
	new.remote = child->sa->remote;
	if (moved) {
		new.local_selectors = moved;
		new.remote_selectors = moved + child->local_count;
	}
	if (child->policies_installed) {
		child->policies_installed = e->host.policies_install(e->host.context, &new, why);
		e->host.policies_remove(e->host.context, &old);
		if (!child->policies_installed) {
			free(moved);
			return false;
		}
	}
	if (moved) {
		free(child->selectors);
		child->selectors = moved;
	}
	return true;
}

static bool move_child(struct ike_engine *e, struct ike_child *child, struct why *why)
{
	bool moved = move_policies(e, child, why);

	if (child->installed_out && !move_sa(e, child, false, why))
		child->installed_out = moved = false;
	if (child->installed_in && !move_sa(e, child, true, why))
		child->installed_in = moved = false;
	return moved;
}

static void give_up(
	struct ike_engine *e, struct ike_child *child, enum ike_reason reason, const char *text)
{
	struct ike_task *task;

	ike_log(e, child->sa, IKE_LOG_CHD, IKE_LOG_AUDIT,
		"CHILD_SA %s{%u} cannot move along, closing it: %s", child->config->name,
		child->unique_id, text);
	task = ike_task_queue(child->sa, IKE_TASK_DELETE_CHILD, child, 0);
	if (!task) /* out of memory: the peer ends it, or its lifetime */
		return;
	task->protocol = child->suite.protocol;
	task->spi = child->spi_in;
	task->reason = (uint8_t)reason;
}

/* A child that is being negotiated: its inbound SPI is a larval state in the kernel, and selectors
 * may be agreed on already. */
static void move_negotiated(struct ike_engine *e, struct ike_child *child)
{
	struct ike_selector *moved;
	struct why why;

	if (child->state != IKE_CHILD_CREATED || !child->spi_in)
		return;
	(void)move_sa(e, child, true, &why);
	moved = selectors_moved(child);
	if (moved) {
		free(child->selectors);
		child->selectors = moved;
	}
}

static void move_spis(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_task *task = sa->active ? sa->active : sa->tasks;

	for (; task; task = task == sa->active ? sa->tasks : task->next)
		if (task->child)
			move_negotiated(e, task->child);
	for (const struct ike_followup *f = sa->followups; f; f = f->next)
		if (f->child)
			move_negotiated(e, f->child);
}

static void follow_child(struct ike_engine *e, struct ike_child *child)
{
	uint8_t state = child->state;
	bool hosts_stay = address_same_host(ike_children_local(child->sa), &child->sa->local) &&
			  address_same_host(ike_children_remote(child->sa), &child->sa->remote);
	struct why why = { "" };

	if (state == IKE_CHILD_INSTALLED)
		ike_child_set_state(e, child, IKE_CHILD_UPDATING);
	bool moved = move_child(e, child, &why);
	child->udp_encapsulation = encapsulates(child->sa);
	if (state == IKE_CHILD_INSTALLED)
		ike_child_set_state(e, child, IKE_CHILD_INSTALLED);
	if (ike_task_of_child(child->sa, IKE_TASK_DELETE_CHILD, child))
		return;
	if (!moved)
		give_up(e, child, IKE_REASON_KERNEL, why.text);
	else if (child->mode == IKE_MODE_TRANSPORT && !hosts_stay)
		/* Its selectors are the addresses that were (RFC 4555 is for tunnel mode). */
		give_up(e, child, IKE_REASON_ADDRESS_CHANGED, "it is in transport mode");
}

void ike_path_follow(struct ike_engine *e, struct ike_sa *sa)
{
	bool same_path = address_equal(ike_children_local(sa), &sa->local) &&
			 address_equal(ike_children_remote(sa), &sa->remote);

	if (!same_path)
		move_spis(e, sa);
	for (struct ike_child *child = sa->children; child; child = child->next)
		if (!same_path || child->udp_encapsulation != encapsulates(sa))
			follow_child(e, child);
	if (sa->mobike)
		sa->mobike->children_local.family = 0;
}

/* ---- The IKE SA ---- */

static void announce(struct ike_engine *e, const struct ike_sa *sa, const struct address *local,
	const struct address *remote)
{
	struct ike_event event = {
		.kind = IKE_EVENT_IKE_UPDATE, .sa = sa, .local = local, .remote = remote
	};
	char texts[4][ADDRESS_TEXT_MAX];

	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "IKE_SA %s[%u] moves from %s...%s to %s...%s",
		sa->connection->name, sa->unique_id, address_format_with_port(&sa->local, texts[0]),
		address_format_with_port(&sa->remote, texts[1]),
		address_format_with_port(local, texts[2]),
		address_format_with_port(remote, texts[3]));
	e->host.event(e->host.context, &event);
}

/* Where the peer was it may be again: its lists do not have the address that is in use. */
static void keep_peer(const struct ike_sa *sa, const struct address *next, struct ike_mobike *m)
{
	if (!sa->peer_mobike || address_same_host(&sa->remote, next) ||
		m->peer_count == IKE_PEER_ADDRESSES_MAX ||
		address_is_among(m->peers, m->peer_count, &sa->remote))
		return;
	m->peers[m->peer_count] = sa->remote;
	m->peers[m->peer_count++].port = 0;
}

bool ike_path_set(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote)
{
	struct ike_mobike *m;

	if (address_equal(&sa->local, local) && address_equal(&sa->remote, remote))
		return true;
	if (!(m = ike_mobike_get(sa)))
		return false;
	if (sa->was_established)
		announce(e, sa, local, remote);
	if (!children_lag(sa)) {
		m->children_local = sa->local;
		m->children_remote = sa->remote;
	}
	keep_peer(sa, remote, m);
	sa->local = *local;
	sa->remote = *remote;
	m->astray = true;
	return true;
}

void ike_path_move(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote)
{
	if (ike_path_set(e, sa, local, remote))
		ike_path_follow(e, sa);
}

static bool same_path(const struct ike_sa *a, const struct ike_sa *b)
{
	if (encapsulates(a) != encapsulates(b))
		return false;
	return encapsulates(a) ? address_equal(ike_children_local(a), &b->local) &&
					 address_equal(ike_children_remote(a), &b->remote)
			       : address_same_host(ike_children_local(a), &b->local) &&
					 address_same_host(ike_children_remote(a), &b->remote);
}

void ike_path_join(struct ike_engine *e, struct ike_sa *from, const struct ike_sa *to)
{
	struct ike_mobike *m;

	if (!from->children || same_path(from, to) || !(m = ike_mobike_get(from)))
		return;
	if (!children_lag(from)) {
		m->children_local = from->local;
		m->children_remote = from->remote;
	}
	from->local = to->local;
	from->remote = to->remote;
	from->nat_local = to->nat_local;
	from->nat_remote = to->nat_remote;
	from->nat_fake = to->nat_fake;
	ike_path_follow(e, from);
}

void ike_path_inherit(struct ike_sa *from, struct ike_sa *to)
{
	struct ike_mobike *m = from->mobike;

	to->original_initiator = from->original_initiator;
	to->peer_mobike = from->peer_mobike;
	to->nat_local = from->nat_local;
	to->nat_remote = from->nat_remote;
	to->nat_fake = from->nat_fake;
	to->local = from->local;
	to->remote = from->remote;
	to->path_at = from->path_at;
	from->path_at = IKE_NEVER;
	free(to->mobike);
	to->mobike = m;
	from->mobike = NULL;
	if (!m)
		return;
	/* What is in flight on the old one may not be answered any more. */
	m->wanted |= m->sent;
	m->sent = 0;
	memset(m->seen_as, 0, sizeof(m->seen_as)); /* the hashes include the SPIs */
	if (m->wanted && !ike_task_queue(to, IKE_TASK_MOBIKE, NULL, 0))
		m->wanted = 0;
}

/* ---- Answers from elsewhere ---- */

void ike_path_answered(struct ike_engine *e, struct ike_sa *sa, const struct address *remote)
{
	char from[ADDRESS_TEXT_MAX], asked[ADDRESS_TEXT_MAX];

	/* a request that went several ways is answered from where one of them led */
	if (sa->mobike && sa->mobike->astray)
		return;
	if (address_same_host(remote, &sa->remote)) {
		free(sa->answers_from);
		sa->answers_from = NULL;
		return;
	}
	if (sa->answers_from && address_same_host(sa->answers_from, remote))
		return;
	if (!sa->answers_from && !(sa->answers_from = malloc(sizeof(*sa->answers_from))))
		return;
	*sa->answers_from = *remote;
	ike_log(e, sa, IKE_LOG_NET, IKE_LOG_INFO, "peer answers from %s, and is asked at %s",
		address_format(remote, from), address_format(&sa->remote, asked));
}

const struct address *ike_path_answers_from(const struct ike_sa *sa)
{
	return sa->answers_from && !address_same_host(sa->answers_from, &sa->remote)
		       ? sa->answers_from
		       : NULL;
}

/* ---- NAT ---- */

/* Only a peer behind a NAT moves without saying so, and only who is not behind one follows: an
 * attacker between who rewrites addresses could move both otherwise (RFC 7296 2.23). */
static bool nat_moves(
	const struct ike_sa *sa, const struct address *is, const struct address *remote)
{
	return sa->was_established && sa->nat_remote && !sa->nat_local &&
	       is->family == remote->family && !address_equal(is, remote);
}

void ike_path_heard(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote)
{
	/* With MOBIKE it would say so (RFC 4555 3.8). */
	if (sa->peer_mobike || !address_equal(&sa->local, local) ||
		!nat_moves(sa, &sa->remote, remote))
		return;
	ike_log(e, sa, IKE_LOG_NET, IKE_LOG_INFO, "peer's NAT gave it another address or port");
	ike_path_move(e, sa, local, remote);
}

/*
 * The kernel saw ESP, its integrity and sequence number verified, from another address or port. It
 * is followed at once, as strongSwan does and RFC 7296 2.23 wants: packets to the old mapping would
 * be lost until the peer sends a request, which may be hours. Who can bring a packet of the peer's
 * to us first from elsewhere gets encrypted packets that he could have had on their way anyway, and
 * the peer's next packet takes the path back.
 */
void ike_path_seen(struct ike_engine *e, struct ike_child *child, const struct address *remote)
{
	struct ike_sa *sa = child->sa;

	/* RFC 9611: such a child's packets come from any port. */
	if (!child->udp_encapsulation || child->one_processor || children_lag(sa) ||
		!nat_moves(sa, &sa->remote, remote))
		return;
	ike_log(e, sa, IKE_LOG_KNL, IKE_LOG_INFO,
		"NAT mapping of CHILD_SA %s{%u} changed, moving along", child->config->name,
		child->unique_id);
	ike_path_move(e, sa, &sa->local, remote);
}
