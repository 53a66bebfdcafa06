/* Reads everything that a parsed message gives a view of, so that a sanitizer sees what lies
 * outside. For the fuzz target and the unit tests. */
#ifndef TESTING_FUZZ_MESSAGE_WALK_H
#define TESTING_FUZZ_MESSAGE_WALK_H

#include "libike/base/identity.h"
#include "libike/ikev2/redirect.h"
#include "libike/wire/message.h"

static inline void walk_bytes(struct bytes b)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < b.length; i++)
		sum ^= b.at[i];
	(void)sum;
}

static inline void walk_selectors(const struct ike_ts_view *view)
{
	struct ike_selector list[255], narrowed[255];
	char text[512];
	size_t count = ike_ts_view_read(view, list, 255);

	ike_selectors_format(list, count, text, sizeof(text));
	ike_selectors_narrow(list, count, list, count, narrowed, 4);
}

static inline void walk_identity(uint8_t type, struct bytes octets)
{
	struct ike_identity *id = ike_identity_from_wire(type, octets);
	char text[IKE_IDENTITY_TEXT_MAX];

	if (id)
		ike_identity_format(id, text);
	ike_identity_free(id);
}

static inline void walk_redirect(struct bytes data)
{
	struct ike_endpoints gateway = { 0 };
	struct bytes nonce;
	struct why why;

	if (ike_redirect_parse(data, &gateway, &nonce, &why))
		walk_bytes(nonce);
	ike_endpoints_free(&gateway);
}

static inline void message_walk(const struct ike_message *m)
{
	struct ike_proposal proposal;
	struct bytes spi;
	size_t cursor = 0;
	char text[512];

	while (ike_sa_view_next(&m->sa, &cursor, &proposal, &spi))
		walk_bytes(spi);
	walk_selectors(&m->ts_initiator);
	walk_selectors(&m->ts_responder);
	walk_identity(m->id_initiator.type, m->id_initiator.octets);
	walk_identity(m->id_responder.type, m->id_responder.octets);
	walk_bytes(m->ke.public_value);
	walk_bytes(m->nonce);
	walk_bytes(m->auth.data);
	walk_bytes(m->configuration.attributes);
	walk_bytes(m->eap);
	for (size_t i = 0; i < m->notify_count; i++) {
		walk_bytes(m->notifies[i].spi);
		walk_bytes(m->notifies[i].data);
		walk_redirect(m->notifies[i].data);
	}
	for (size_t i = 0; i < m->delete_count; i++)
		walk_bytes(m->deletes[i].spis);
	for (size_t i = 0; i < m->cert_count; i++)
		walk_bytes(m->certs[i].data);
	for (size_t i = 0; i < m->certreq_count; i++)
		walk_bytes(m->certreqs[i].data);
	for (size_t i = 0; i < m->vendor_count; i++)
		walk_bytes(m->vendors[i]);
	for (size_t size = 0; size < sizeof(text); size += 97)
		ike_message_format(m, text, size);
}

#endif
