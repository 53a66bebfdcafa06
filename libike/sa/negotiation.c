#include "libike/sa/negotiation.h"

#include <stdlib.h>

struct ike_negotiation *ike_negotiation_new(struct ike_sa *sa)
{
	struct ike_negotiation *n = calloc(1, sizeof(*n));

	if (n)
		n->sa = sa;
	return n;
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
	free(n);
}

void ike_child_offer_free(struct ike_child_offer *offer)
{
	if (!offer)
		return;
	ike_key_exchange_free(offer->key_exchange);
	free(offer);
}
