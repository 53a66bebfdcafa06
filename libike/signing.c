/* Signatures that the host makes: asked with a ticket, answered later. */
#include "libike/signing.h"
#include "libike/versions.h"

#include <stdlib.h>

bool ike_signing_ask(
	struct ike_engine *e, struct ike_signing *s, uint32_t ike_id, const struct ike_sign *what)
{
	bool asked = false;

	ike_signing_forget(e, s);
	s->ike_id = ike_id;
	if (what->data.at && e->host.sign) {
		s->ticket = ike_ticket_new(e);
		HASH_ADD(by_ticket, e->signing, ticket, sizeof(s->ticket), s);
		if (s->by_ticket.tbl)
			asked = e->host.sign(e->host.context, what, s->ticket);
	}
	if (!asked)
		ike_signing_forget(e, s);
	return asked;
}

void ike_signing_forget(struct ike_engine *e, struct ike_signing *s)
{
	if (s->ticket && s->by_ticket.tbl)
		HASH_DELETE(by_ticket, e->signing, s);
	s->ticket = 0;
	free((void *)s->signature.at);
	s->signature = (struct bytes){ 0 };
	free(s->error);
	s->error = NULL;
}

void ike_engine_signed(struct ike_engine *e, ike_time now, uint64_t ticket, struct bytes signature,
	const char *error)
{
	struct ike_signing *s;

	e->now = now;
	HASH_FIND(by_ticket, e->signing, &ticket, sizeof(ticket), s);
	if (!s) /* its IKE SA is gone */
		return;
	ike_signing_forget(e, s);
	if (signature.length > 0)
		s->signature = bytes_duplicate(signature);
	if (!s->signature.at)
		s->error = strdup(error ? error : "no signature came");
	ike_resume(e, s->ike_id);
}
