/*
 * Which payloads a message has in each step, and who has it (RFC 2409 5, RFC 2408 4, mode-cfg 3.2).
 * Reading this table is reading the protocol.
 */
#include "libike/ikev1/ikev1.h"

#include <stdio.h>

#define P(name) ISAKMP_PAYLOAD_BIT(ISAKMP_PAYLOAD_##name)
/* Everywhere. */
#define ALWAYS (P(VENDOR_ID) | P(NOTIFY))
/* How somebody proves who he is: a HASH, or a SIGNATURE with certificates. */
#define PROOF (P(HASH) | P(SIGNATURE) | P(CERT) | P(CERTREQ))

static const struct ikev1_row rows[] = {
	{ IKEV1_MAIN_1, P(SA), 0, false, false, ikev1_main_1 },
	{ IKEV1_MAIN_2, P(SA), 0, false, false, ikev1_main_2 },
	{ IKEV1_MAIN_3, P(KE) | P(NONCE), P(NAT_D) | P(CERTREQ), false, false, ikev1_main_3 },
	{ IKEV1_MAIN_4, P(KE) | P(NONCE), P(NAT_D) | P(CERTREQ), false, false, ikev1_main_4 },
	{ IKEV1_MAIN_5, P(ID), PROOF, true, false, ikev1_main_5 },
	{ IKEV1_MAIN_6, P(ID), PROOF, true, false, ikev1_main_6 },
	{ IKEV1_AGGRESSIVE_1, P(SA) | P(KE) | P(NONCE) | P(ID), P(CERTREQ), false, false,
		ikev1_aggressive_1 },
	{ IKEV1_AGGRESSIVE_2, P(SA) | P(KE) | P(NONCE) | P(ID), PROOF | P(NAT_D), false, false,
		ikev1_aggressive_2 },
	{ IKEV1_AGGRESSIVE_3, 0, PROOF | P(NAT_D), true, false, ikev1_aggressive_3 },
	{ IKEV1_QUICK_1, P(HASH) | P(SA) | P(NONCE), P(KE) | P(ID) | P(NAT_OA), true, true,
		ikev1_quick_1 },
	{ IKEV1_QUICK_2, P(HASH) | P(SA) | P(NONCE), P(KE) | P(ID) | P(NAT_OA), true, true,
		ikev1_quick_2 },
	{ IKEV1_QUICK_3, P(HASH), 0, true, true, ikev1_quick_3 },
	{ IKEV1_QUICK_CONNECTED, P(HASH) | P(NOTIFY), 0, true, true, ikev1_quick_connected },
	{ IKEV1_INFORMATIONAL, P(HASH), P(DELETE), true, true, ikev1_informational },
	{ IKEV1_TRANSACTION_REQUEST, P(HASH) | P(ATTRIBUTES), 0, true, true,
		ikev1_transaction_request },
	{ IKEV1_TRANSACTION_ANSWER, P(HASH) | P(ATTRIBUTES), 0, true, true,
		ikev1_transaction_answer },
};

static const char *first_name(uint32_t present)
{
	for (uint8_t type = 1; type < 32; type++)
		if (present & ISAKMP_PAYLOAD_BIT(type))
			return isakmp_payload_name(type);
	return NULL;
}

static void complain(struct why *why, const char *problem, uint32_t payloads)
{
	const char *name = first_name(payloads);

	why_fail(why, "%s %s", problem, name ? name : "a payload");
}

const struct ikev1_row *ikev1_row_for(const struct ikev1_exchange *exchange,
	const struct isakmp_message *message, struct why *why)
{
	const struct ikev1_row *row = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && !row; i++)
		if (rows[i].step == exchange->step)
			row = &rows[i];
	if (!row) {
		why_fail(why, "nothing is expected in this exchange");
		return NULL;
	}
	uint32_t missing = row->must & ~message->present;
	uint32_t foreign = message->present & ~(row->must | row->may | ALWAYS);
	if (missing)
		complain(why, "it lacks", missing);
	else if (foreign)
		complain(why, "it must not have", foreign);
	else if (message->repeated)
		complain(why, "it has too many of", message->repeated);
	else
		return row;
	return NULL;
}
