/* Reads everything that a parsed IKEv1 message gives a view of, so that a sanitizer sees what lies
 * outside. */
#ifndef TESTING_FUZZ_ISAKMP_WALK_H
#define TESTING_FUZZ_ISAKMP_WALK_H

#include "libike/wire/isakmp.h"
#include "message_walk.h"

static inline void isakmp_walk_sa(
	const struct isakmp_sa_view *view, int phase, const struct ike_proposals *ours)
{
	struct ike_proposal list[8];
	struct isakmp_offer offer;
	size_t cursor = 0;
	char text[1024];

	while (isakmp_offer_next(view, phase, &cursor, &offer)) {
		walk_bytes(offer.spi);
		walk_bytes(offer.attributes);
		walk_bytes(offer.cpi_attributes);
		if (offer.usable)
			ike_suite_format(&offer.suite, text);
	}
	(void)isakmp_offer_choose(ours, view, phase, NULL, 0, phase == 2, &offer);
	(void)isakmp_offer_accepts(ours, view, phase, phase == 2, &offer);
	(void)isakmp_offers_to_proposals(view, phase, list, 8);
}

static inline void isakmp_walk_id(const struct isakmp_id *id)
{
	struct ike_identity *identity = isakmp_id_to_identity(id);
	struct ike_selector selector;
	char text[IKE_IDENTITY_TEXT_MAX];

	if (identity)
		ike_identity_format(identity, text);
	ike_identity_free(identity);
	if (isakmp_id_to_selector(id, &selector))
		ike_selectors_format(&selector, 1, text, sizeof(text));
	walk_bytes(id->body);
}

/* ours: proposals of phase 1 and of phase 2. */
static inline void isakmp_walk(const struct isakmp_message *m, const struct ike_proposals ours[2])
{
	struct isakmp_attribute attribute;
	size_t cursor = 0;
	char text[512];

	isakmp_walk_sa(&m->sa, 1, &ours[0]);
	isakmp_walk_sa(&m->sa, 2, &ours[1]);
	for (size_t i = 0; i < m->id_count; i++)
		isakmp_walk_id(&m->ids[i]);
	walk_bytes(m->ke);
	walk_bytes(m->nonce);
	walk_bytes(m->hash);
	walk_bytes(m->after_hash);
	walk_bytes(m->signature);
	walk_bytes(m->fragment.data);
	for (size_t i = 0; i < m->cert_count; i++)
		walk_bytes(m->certs[i].data);
	for (size_t i = 0; i < m->certreq_count; i++)
		walk_bytes(m->certreqs[i].data);
	for (size_t i = 0; i < m->notify_count; i++) {
		walk_bytes(m->notifies[i].spi);
		walk_bytes(m->notifies[i].data);
	}
	for (size_t i = 0; i < m->delete_count; i++)
		walk_bytes(m->deletes[i].spis);
	for (size_t i = 0; i < m->vendor_count; i++) {
		(void)isakmp_vendor_find(m->vendors[i]);
		walk_bytes(m->vendors[i]);
	}
	for (size_t i = 0; i < m->nat_d_count; i++)
		walk_bytes(m->nat_d[i]);
	while (isakmp_attribute_next(m->attributes.list, &cursor, &attribute))
		walk_bytes(attribute.value);
	for (size_t size = 1; size < sizeof(text); size += 97)
		isakmp_message_format(m, size & 2, text, size);
}

#endif
