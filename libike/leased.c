#include "libike/leased.h"

#include "libike/versions.h"
#include "libike/virtual.h"

#include <stdlib.h>

static void forget_answer(struct ike_leased *l)
{
	free(l->error);
	l->error = NULL;
	ike_attributes_free(&l->attributes);
	l->address = (struct address){ 0 };
}

void ike_leased_free(struct ike_leased *l)
{
	if (!l)
		return;
	forget_answer(l);
	free(l);
}

void ike_leased_return(struct ike_engine *e, struct ike_leased *l)
{
	if (l && l->ticket) {
		HASH_DELETE(by_ticket, e->leased, l);
		if (e->host.lease_return)
			e->host.lease_return(e->host.context, l->ticket);
	}
	ike_leased_free(l);
}

static void refuse(struct ike_leased *l, const char *error)
{
	l->answered = true;
	l->error = strdup(error);
}

struct ike_leased *ike_leased_ask(
	struct ike_engine *e, const struct ike_sa *sa, const struct address *wanted)
{
	const struct ike_lease_wish wish = { .ike_id = sa->unique_id,
		.peer = ike_sa_peer_id(sa),
		.wanted = *wanted,
		.remote = sa->remote };
	struct ike_leased *l = calloc(1, sizeof(*l));
	char peer[IKE_IDENTITY_TEXT_MAX];

	if (!l)
		return NULL;
	l->ike_id = sa->unique_id;
	if (!e->host.lease) {
		refuse(l, "there is no DHCP here");
		return l;
	}
	l->ticket = ike_ticket_new(e);
	HASH_ADD(by_ticket, e->leased, ticket, sizeof(l->ticket), l);
	if (!l->by_ticket.tbl) {
		free(l);
		return NULL;
	}
	ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO, "asking the DHCP server for an address for '%s'",
		ike_identity_format(wish.peer, peer));
	if (!e->host.lease(e->host.context, &wish, l->ticket)) {
		HASH_DELETE(by_ticket, e->leased, l);
		l->ticket = 0;
		refuse(l, "the DHCP server cannot be asked");
	}
	return l;
}

static struct ike_leased *find(const struct ike_engine *e, uint64_t ticket)
{
	struct ike_leased *l;

	HASH_FIND(by_ticket, e->leased, &ticket, sizeof(ticket), l);
	return l;
}

void ike_engine_leased(
	struct ike_engine *e, ike_time now, uint64_t ticket, const struct ike_leased_answer *answer)
{
	struct ike_leased *l = find(e, ticket);

	e->now = now;
	if (!l || l->answered)
		return;
	l->answered = true;
	l->address = answer->address;
	l->address.port = 0;
	l->error = answer->error ? strdup(answer->error) : NULL;
	for (size_t i = 0; answer->attributes && i < answer->attributes->count; i++)
		(void)!ike_attributes_add(&l->attributes, answer->attributes->items[i].type,
			answer->attributes->items[i].value);
	ike_resume(e, l->ike_id);
}

/* Somebody else may have the address from now on: the peer is told once, and no answer is waited
 * for. */
void ike_engine_lease_lost(struct ike_engine *e, ike_time now, uint64_t ticket, const char *error)
{
	struct ike_leased *l = find(e, ticket);
	struct ike_failure failure = { 0 };
	char text[ADDRESS_TEXT_MAX];
	struct ike_sa *sa;

	e->now = now;
	if (!l)
		return;
	HASH_FIND(by_id, e->by_id, &l->ike_id, sizeof(l->ike_id), sa);
	if (!sa)
		return;
	ike_failure_set(&failure, IKE_REASON_NO_ADDRESS, NULL, NULL,
		"the peer's address %s is over: %s", address_format(&l->address, text), error);
	ike_failure_set_differs(&failure, IKE_LEASED_POOL);
	ike_log_failure(e, sa, sa->connection, &failure);
	ike_version_of(sa)->delete_ike(e, sa, true, 0, &failure);
	ike_failure_free(&failure);
}
