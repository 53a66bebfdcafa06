/*
 * Children whose time or volume is used up: rekeyed at the soft limit, closed at the hard one. The
 * kernel tells of both; times are watched here, too, as what it tells may get lost.
 */
#include "libike/versions.h"

static void close_expired(struct ike_engine *e, struct ike_child *child)
{
	struct ike_child *successor = ike_handover_of(child);
	/* IKEv1: the peer has not heard of it yet, and would take our DELETE for the tunnel's end.
	 */
	bool early = successor && child->sa->version == 1 && !successor->handover->initiator &&
		     !successor->handover->arrived;

	if (child->state == IKE_CHILD_DELETING)
		return;
	if (successor)
		ike_handover_complete(e, successor);
	if (child->announced)
		ike_log(e, child->sa, IKE_LOG_CHD, IKE_LOG_AUDIT,
			"CHILD_SA %s{%u} reached its lifetime, closing it", child->config->name,
			child->unique_id);
	if (early)
		ike_child_retire(e, child);
	else
		ike_child_delete_later(
			e, child, child->announced ? IKE_REASON_EXPIRED : IKE_REASON_REPLACED);
}

static void wake(struct ike_engine *e, struct ike_child *child)
{
	struct ike_handover *handover = child->handover;

	child->wake_at = IKE_NEVER;
	if (child->state == IKE_CHILD_DELETED)
		ike_child_destroy(e, child, IKE_REASON_REPLACED);
	else if (handover && handover->redundant)
		ike_child_delete_later(e, child, IKE_REASON_REPLACED);
	else if (child->expires_at <= e->now)
		close_expired(e, child);
	else if (handover && !handover->old)
		ike_handover_complete(e, child);
	else
		ike_child_expired(e, child, false);
}

void ike_child_expired(struct ike_engine *e, struct ike_child *child, bool hard)
{
	if (child->state == IKE_CHILD_DELETED || (hard && child->state < IKE_CHILD_INSTALLED))
		return;
	if (hard) {
		close_expired(e, child);
		return;
	}
	ike_child_wake(e, child, child->expires_at);
	if (child->state == IKE_CHILD_INSTALLED && !child->handover)
		ike_version_of(child->sa)->rekey_child(e, child);
}

void ike_children_wake(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_child *child = sa->children;

	while (child) {
		if (child->wake_at <= e->now) {
			wake(e, child);
			child = sa->children; /* others may have gone, too */
		} else {
			child = child->next;
		}
	}
	sa->children_at = IKE_NEVER;
	for (child = sa->children; child; child = child->next)
		if (child->wake_at < sa->children_at)
			sa->children_at = child->wake_at;
	ike_schedule(e, sa);
	ike_tasks_run(e, sa);
}

/* By the SPI of either direction. Outbound ones are in no table: they are seldom asked for, as
 * their times are watched on the inbound side. */
static struct ike_child *find(
	struct ike_engine *e, uint8_t protocol, uint32_t spi, const struct address *destination)
{
	struct ike_child *child;

	HASH_FIND(by_spi, e->children_by_spi, &spi, sizeof(spi), child);
	if (child && child->suite.protocol == protocol &&
		address_same_host(ike_children_local(child->sa), destination))
		return child;
	for (struct ike_sa *sa = e->by_id; sa; sa = sa->by_id.next) {
		if (!address_same_host(ike_children_remote(sa), destination))
			continue;
		child = ike_child_by_spi(sa, spi, false);
		if (child && child->suite.protocol == protocol)
			return child;
	}
	return NULL;
}

void ike_engine_expire(struct ike_engine *e, ike_time now, uint8_t protocol, uint32_t spi,
	const struct address *destination, bool hard)
{
	e->now = now;
	struct ike_child *child = find(e, protocol, spi, destination);
	if (!child)
		return;
	struct ike_sa *sa = child->sa;
	ike_child_expired(e, child, hard);
	ike_tasks_run(e, sa);
}
