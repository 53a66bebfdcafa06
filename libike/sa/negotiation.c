#include "libike/sa/negotiation.h"

#include <stdlib.h>

struct ike_negotiation *ike_negotiation_new(struct ike_sa *sa)
{
	struct ike_negotiation *n = calloc(1, sizeof(*n));

	if (n)
		n->sa = sa;
	return n;
}

/* ---- IKE_SA_INIT by several pairs of addresses ---- */

bool ike_init_sent_keep(struct ike_negotiation *n)
{
	struct ike_init_sent *sent = n->init_request.at ? calloc(1, sizeof(*sent)) : NULL;

	if (!sent)
		return !n->init_request.at;
	sent->local = n->sa->local;
	sent->remote = n->sa->remote;
	sent->request = n->init_request;
	sent->target = n->target;
	n->init_request = (struct bytes){ 0 };
	sent->next = n->init_sent;
	n->init_sent = sent;
	return true;
}

static struct ike_init_sent **find_sent(
	struct ike_negotiation *n, const struct address *local, const struct address *remote)
{
	struct ike_init_sent **at = &n->init_sent;

	while (*at && !(address_same_host(&(*at)->local, local) &&
			      address_same_host(&(*at)->remote, remote)))
		at = &(*at)->next;
	return at;
}

bool ike_init_sent_take(
	struct ike_negotiation *n, const struct address *local, const struct address *remote)
{
	struct ike_init_sent *sent = *find_sent(n, local, remote);

	if (!sent || (n->init_request.at && address_same_host(local, &n->sa->local) &&
			     address_same_host(remote, &n->sa->remote)))
		return false;
	const struct ike_init_sent was = { sent->next, n->sa->local, n->sa->remote, n->init_request,
		n->target };
	n->sa->local = sent->local;
	n->sa->remote = sent->remote;
	n->init_request = sent->request;
	n->target = sent->target;
	*sent = was;
	return true;
}

static void sent_free(struct ike_init_sent *sent)
{
	free((void *)sent->request.at);
	free(sent);
}

void ike_init_sent_drop(
	struct ike_negotiation *n, const struct address *local, const struct address *remote)
{
	struct ike_init_sent **at = find_sent(n, local, remote), *sent = *at;

	if (!sent)
		return;
	*at = sent->next;
	sent_free(sent);
}

void ike_init_sent_free(struct ike_negotiation *n)
{
	struct ike_init_sent *sent;

	while ((sent = n->init_sent)) {
		n->init_sent = sent->next;
		sent_free(sent);
	}
}

static void intermediate_free(struct ike_intermediate *i)
{
	if (!i)
		return;
	ike_key_exchange_free(i->key_exchange);
	secret_free(&i->next_keys);
	secret_free(&i->previous_keys);
	secret_wipe(i, sizeof(*i));
	free(i);
}

void ike_negotiation_free(struct ike_negotiation *n)
{
	if (!n)
		return;
	ike_key_exchange_free(n->key_exchange);
	free((void *)n->peer_nonce.at);
	free((void *)n->cookie.at);
	free((void *)n->init_request.at);
	ike_init_sent_free(n);
	free((void *)n->init_response.at);
	intermediate_free(n->intermediate);
	if (n->ppk) {
		secret_free(&n->ppk->plain_keys);
		free((void *)n->ppk->no_ppk_auth.at);
		free(n->ppk);
	}
	free(n->certreqs);
	ike_auth_free(n->auth);
	ike_waiting_free(n->waiting);
	free(n);
}

void ike_followup_free(struct ike_followup *f)
{
	if (!f)
		return;
	ike_key_exchange_free(f->key_exchange);
	free((void *)f->link.at);
	free((void *)f->nonce_i.at);
	free((void *)f->nonce_r.at);
	secret_free(&f->shared);
	secret_free(&f->additional);
	free(f);
}

void ike_child_offer_free(struct ike_child_offer *offer)
{
	if (!offer)
		return;
	ike_key_exchange_free(offer->key_exchange);
	ike_followup_free(offer->followup);
	free(offer);
}

void ike_handover_free(struct ike_handover *handover)
{
	if (!handover)
		return;
	secret_free(&handover->keymat);
	free(handover);
}

struct bytes ike_nonce_lower(struct bytes a, struct bytes b)
{
	size_t common = a.length < b.length ? a.length : b.length;
	int order = memcmp(a.at, b.at, common);

	if (order == 0)
		return a.length < b.length ? a : b;
	return order < 0 ? a : b;
}
