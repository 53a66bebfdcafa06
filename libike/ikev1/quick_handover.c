/*
 * Quick Mode: from the old child to the new one, and messages 2 and 3 that get lost.
 *
 * A responder to whom message 3 does not come sends message 2 again: the initiator does not know
 * that something is missing, and answers a repetition with its message 3. Neither end goes over to,
 * nor gives up, the new child while the other one is not to be heard at all.
 */
#include "libike/ikev1/quick.h"

/* Message 2 again: after that time, then ever later. */
#define REPEAT_TIME IKE_SECONDS(2)
#define REPEAT_DOUBLINGS 3
#define REPEATS_MAX 6 /* the initiator's own repetitions are answered besides */
/* Initiator: what could come of a message 3 that was lost has come within that time. */
#define USE_TIME IKE_SECONDS(8)
#define LOOK_TIME IKE_SECONDS(1)
/* RFC 2408 3.1 leaves it to us what we do when CONNECTED does not come. */
#define CONNECTED_TIME IKE_SECONDS(4)
/* What the peer replaced it deletes, some only when its lifetime ends. */
#define PEERS_OLD_TIME IKE_SECONDS(180)

struct ike_child *ikev1_quick_child(
	const struct ike_engine *e, const struct ikev1_exchange *exchange)
{
	uint32_t spi = exchange->quick ? exchange->quick->spi : 0;
	struct ike_child *child = NULL;

	if (spi)
		HASH_FIND(by_spi, e->children_by_spi, &spi, sizeof(spi), child);
	return child;
}

void ikev1_handover_await(struct ike_engine *e, struct ike_child *child, enum ikev1_awaited awaited)
{
	struct ike_handover *handover = child->handover;
	ike_time until = USE_TIME, look = LOOK_TIME;

	if (awaited == IKEV1_AWAITS_3) {
		until = e->settings.half_open_timeout;
		look = REPEAT_TIME;
	} else if (awaited == IKEV1_AWAITS_CONNECTED) {
		until = look = CONNECTED_TIME;
	}
	handover->awaits = (uint8_t)awaited;
	handover->since = e->now;
	handover->look_at = e->now + look;
	handover->until = e->now + until;
	ike_schedule(e, child->sa);
}

/* The kernel took all of it. */
static bool is_whole(const struct ike_child *child)
{
	return child->installed_out && (child->policies_installed || !child->config->policies);
}

/* The peer names selectors, not a child: whatever else there is of the same is replaced, too. */
static void reduce(struct ike_engine *e, struct ike_child *child)
{
	for (struct ike_child *c = child->sa->children; c; c = c->next)
		if (c->announced && !c->handover && c->state == IKE_CHILD_INSTALLED &&
			ikev1_quick_is_same(c, child))
			ike_child_delete_later(e, c, IKE_REASON_REPLACED);
}

void ikev1_handover_complete(struct ike_engine *e, struct ike_child *child)
{
	struct ike_child *old = child->handover->old;
	bool ours = child->handover->initiator;
	ike_time goes_at = e->now + (ours ? e->settings.delete_rekeyed_delay : PEERS_OLD_TIME);

	ike_handover_complete(e, child);
	if (!old || old->state == IKE_CHILD_DELETED || old->state == IKE_CHILD_DELETING)
		return;
	ike_child_set_state(e, old, IKE_CHILD_REKEYED);
	if (!is_whole(child)) { /* it is about to be deleted */
		ikev1_quick_taken_back(e, child);
		return;
	}
	reduce(e, child);
	/* Packets may be under way on it. The end that asked for the new one deletes the old one,
	 * and the other one does in the end. */
	if (goes_at < old->expires_at)
		old->expires_at = goes_at;
	ike_child_wake(e, old, old->expires_at);
}

/* Our own Quick Mode for the same is in flight: its answer decides which one stays. */
static bool is_undecided(const struct ike_child *child)
{
	const struct ike_child *old = child->handover->old;
	const struct ike_task *own = child->sa->active;

	if (old)
		return old->state == IKE_CHILD_REKEYING;
	return own && own->kind == IKE_TASK_CREATE_CHILD && own->child &&
	       strcmp(own->child->config->name, child->config->name) == 0;
}

void ikev1_handover_arrived(struct ike_engine *e, struct ike_child *child)
{
	struct ike_handover *handover = child->handover;

	if (!handover || handover->redundant)
		return;
	handover->arrived = true;
	if (!is_undecided(child)) {
		ikev1_handover_complete(e, child);
		return;
	}
	handover->look_at = e->now + LOOK_TIME;
	ike_schedule(e, child->sa);
}

void ikev1_handovers_decided(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_child *child, *next;

	for (child = sa->handovers ? sa->children : NULL; child; child = next) {
		next = child->next;
		if (child->handover && child->handover->arrived && !child->handover->redundant &&
			!is_undecided(child))
			ikev1_handover_complete(e, child);
	}
}

/* The newest that it replaced, and that still takes packets in and sends. */
static struct ike_child *find_replaced(const struct ike_child *child)
{
	struct ike_child *found = NULL;

	for (struct ike_child *c = child->sa->children; c; c = c->next)
		if (c->state == IKE_CHILD_REKEYED && !c->announced && !c->handover &&
			c->installed_in && c->installed_out && ikev1_quick_is_same(c, child) &&
			!ike_task_of_child(c->sa, IKE_TASK_DELETE_CHILD, c))
			found = c;
	return found;
}

void ikev1_quick_taken_back(struct ike_engine *e, struct ike_child *child)
{
	struct ike_child *old = child->announced ? find_replaced(child) : NULL;

	if (!old)
		return;
	ike_log(e, child->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"the rekeying of CHILD_SA %s{%u} is taken back", old->config->name, old->unique_id);
	ike_child_set_state(e, old, IKE_CHILD_INSTALLED);
	ike_child_announce(e, old, child);
	ike_child_rekey_later(e, old);
}

/* Packets have come on it: the peer has all it needs. */
static bool is_used(struct ike_engine *e, const struct ike_child *child)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, true);
	struct ike_kernel_usage usage;

	return e->host.sa_query(e->host.context, &id, &usage) && usage.packets > 0;
}

static bool is_heard(const struct ike_child *child)
{
	return child->sa->last_received > child->handover->since;
}

/* It is there, but does not go on; or is gone for so long that its IKE SA is, too. */
static bool is_hopeless(const struct ike_engine *e, const struct ike_child *child)
{
	const struct ike_handover *handover = child->handover;

	return handover->until <= e->now &&
	       (is_heard(child) ||
		       handover->until + ike_retransmission_total(e, child->sa) <= e->now);
}

/* Message 3 did not come. */
static void give_up(struct ike_engine *e, struct ike_child *child)
{
	struct ike_sa *sa = child->sa;
	struct ike_task *task = ike_task_queue(sa, IKE_TASK_DELETE_CHILD, NULL, 0);
	struct ike_failure failure = { 0 };

	if (task) {
		task->protocol = child->suite.protocol;
		task->spi = child->spi_in;
	}
	ike_failure_set(&failure, IKE_REASON_PEER_SILENT, NULL, NULL,
		"peer did not go on with Quick Mode for CHILD_SA '%s' within %d s",
		child->config->name, (int)((e->now - child->handover->since) / 1000));
	ike_log_child_failure(e, sa, sa->connection, child->config->name, &failure);
	ike_failure_free(&failure);
	ike_child_destroy(e, child, IKE_REASON_PEER_SILENT);
}

/* The peer's exchange that makes the child. It began under another IKE SA when the child has come
 * over since. */
static const struct ikev1_exchange *find_exchange(
	const struct ike_engine *e, const struct ike_sa *sa, const struct ike_child *child)
{
	const struct ikev1_exchange *x = sa->v1 ? sa->v1->exchanges : NULL;

	while (x && (x->initiator || ikev1_quick_child(e, x) != child))
		x = x->next;
	return x;
}

static const struct ikev1_exchange *find_exchange_anywhere(
	const struct ike_engine *e, const struct ike_child *child)
{
	const struct ikev1_exchange *found = find_exchange(e, child->sa, child);

	for (const struct ike_sa *sa = e->by_id; sa && !found; sa = sa->by_id.next)
		found = find_exchange(e, sa, child);
	return found;
}

static void repeat(struct ike_engine *e, struct ike_child *child)
{
	struct ike_handover *handover = child->handover;
	const struct ike_sa *sa = child->sa;
	const struct ikev1_exchange *x = find_exchange_anywhere(e, child);
	unsigned doublings =
		handover->repeats < REPEAT_DOUBLINGS ? handover->repeats : REPEAT_DOUBLINGS;

	if (x && x->sent && handover->repeats < REPEATS_MAX) {
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"sending message 2 of Quick Mode %u for CHILD_SA %s{%u} again",
			x->message_id, child->config->name, child->unique_id);
		ike_transmit(e, sa, &sa->local, &sa->remote, x->sent);
	}
	if (handover->repeats < REPEATS_MAX)
		handover->repeats++;
	handover->look_at = e->now + (REPEAT_TIME << doublings);
}

static void look_for_3(struct ike_engine *e, struct ike_child *child)
{
	if (child->handover->arrived || is_used(e, child))
		ikev1_handover_arrived(e, child);
	else if (is_hopeless(e, child))
		give_up(e, child);
	else
		repeat(e, child);
}

static void ask_whether_it_lives(struct ike_engine *e, const struct ike_child *child)
{
	struct ike_sa *sa = child->sa;

	if (!sa->active && !sa->tasks)
		(void)ike_task_queue(sa, IKE_TASK_DPD, NULL, 0);
	child->handover->until = e->now + LOOK_TIME;
}

static void look_for_use(struct ike_engine *e, struct ike_child *child)
{
	struct ike_handover *handover = child->handover;

	if (is_used(e, child)) {
		ikev1_handover_complete(e, child);
		return;
	}
	if (handover->until <= e->now && (is_heard(child) || !child->sa->v1->peer_dpd)) {
		ikev1_handover_complete(e, child);
		return;
	}
	if (handover->until <= e->now)
		ask_whether_it_lives(e, child);
	handover->look_at = e->now + LOOK_TIME;
}

static void look(struct ike_engine *e, struct ike_child *child)
{
	if (child->handover->awaits == IKEV1_AWAITS_3)
		look_for_3(e, child);
	else if (child->handover->awaits == IKEV1_AWAITS_USE)
		look_for_use(e, child);
	else
		ikev1_handover_complete(e, child);
}

static bool is_due(const struct ike_engine *e, const struct ike_child *child)
{
	return child->handover && child->handover->look_at > 0 &&
	       child->handover->look_at <= e->now;
}

bool ikev1_quick_wake(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_child *child = sa->handovers ? sa->children : NULL;
	bool any = false;

	while (child) {
		if (is_due(e, child)) {
			look(e, child);
			any = true;
			child = sa->children; /* it, or others, may have gone */
		} else {
			child = child->next;
		}
	}
	if (!any)
		return false;
	ike_schedule(e, sa);
	ike_tasks_run(e, sa);
	return true;
}

ike_time ikev1_quick_deadline(const struct ike_sa *sa)
{
	ike_time earliest = IKE_NEVER;

	for (const struct ike_child *c = sa->handovers ? sa->children : NULL; c; c = c->next)
		if (c->handover && c->handover->look_at > 0 && c->handover->look_at < earliest)
			earliest = c->handover->look_at;
	return earliest;
}

/* Message 2 has come again: message 3 has not arrived. */
void ikev1_quick_repeated(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange)
{
	struct ike_child *child = exchange->initiator ? ikev1_quick_child(e, exchange) : NULL;

	(void)sa;
	if (child && child->handover && child->handover->awaits == IKEV1_AWAITS_USE)
		child->handover->until = e->now + USE_TIME;
}
