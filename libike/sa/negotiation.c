#include "libike/sa/negotiation.h"

#include <stdlib.h>

struct ike_negotiation *ike_negotiation_new(struct ike_sa *sa)
{
	struct ike_negotiation *n = calloc(1, sizeof(*n));

	if (n)
		n->sa = sa;
	return n;
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
