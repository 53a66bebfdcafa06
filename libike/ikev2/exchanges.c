/*
 * The protocol as a table: which payloads each message of each exchange must and may have, in which
 * state of the SA, and who handles it (RFC 7296 appendix C).
 *
 * N (notify) and V (vendor id) are allowed everywhere.
 */
#include "libike/ikev2/auth.h"

#define PL(name) IKE_PAYLOAD_BIT(IKE_PAYLOAD_##name)
#define ANYWHERE (PL(NOTIFY) | PL(VENDOR_ID))

#define TASK(name) (1u << IKE_TASK_##name)

enum phase {
	PHASE_INIT_SENT = 1,             /* initiator waits for IKE_SA_INIT's answer */
	PHASE_AUTH_SENT = 2,             /* initiator waits for IKE_AUTH's answer */
	PHASE_AUTH_AWAITED = 4,          /* responder waits for IKE_AUTH */
	PHASE_ESTABLISHED = 8,           /* and staying so, or being deleted */
	PHASE_INTERMEDIATE_AWAITED = 16, /* responder: key exchanges before IKE_AUTH are missing */
	PHASE_PEER_PROVED = 32,          /* the peer has proved all, we have not */
	PHASE_EAP = 64,                  /* IKE_AUTH carries an EAP conversation */
	PHASE_EAP_OVER = 128,            /* which has succeeded: AUTH is to prove it */
};

/* CREATE_CHILD_SA does three things (RFC 7296 1.3). Answers are told apart by what they answer. */
enum purpose {
	ANY_PURPOSE,
	NEW_CHILD,
	CHILD_REKEYING, /* has N(REKEY_SA) */
	IKE_REKEYING,   /* has no selectors */
};

struct exchange_row {
	const char *name;
	uint8_t exchange;
	bool response;
	bool notifies_suffice; /* an answer of error notifies alone is complete */
	uint8_t purpose;       /* of a request: enum purpose */
	uint16_t phases;
	uint32_t answers; /* kinds of tasks that it can be the answer to */
	uint64_t must;
	uint64_t may;
	ike_handler handle;
};

static const struct exchange_row rows[] = {
	{ "IKE_SA_INIT answer", IKE_EXCHANGE_SA_INIT, true, true, ANY_PURPOSE, PHASE_INIT_SENT,
		TASK(INIT), PL(SA) | PL(KE) | PL(NONCE), PL(CERTREQ), ike_init_answered },
	{ "IKE_INTERMEDIATE request", IKE_EXCHANGE_INTERMEDIATE, false, false, ANY_PURPOSE,
		PHASE_INTERMEDIATE_AWAITED, 0, PL(KE), 0, ike_intermediate_requested },
	{ "IKE_INTERMEDIATE answer", IKE_EXCHANGE_INTERMEDIATE, true, true, ANY_PURPOSE,
		PHASE_AUTH_SENT, TASK(INTERMEDIATE), PL(KE), 0, ike_intermediate_answered },
	{ "IKE_AUTH request", IKE_EXCHANGE_AUTH, false, false, ANY_PURPOSE, PHASE_AUTH_AWAITED, 0,
		PL(ID_INITIATOR),
		PL(ID_RESPONDER) | PL(AUTH) | PL(SA) | PL(TS_INITIATOR) | PL(TS_RESPONDER) |
			PL(CONFIGURATION) | PL(CERT) | PL(CERTREQ),
		ike_auth_requested },
	{ "IKE_AUTH answer", IKE_EXCHANGE_AUTH, true, true, ANY_PURPOSE, PHASE_AUTH_SENT,
		TASK(AUTH), PL(ID_RESPONDER),
		PL(AUTH) | PL(SA) | PL(TS_INITIATOR) | PL(TS_RESPONDER) | PL(CONFIGURATION) |
			PL(CERT) | PL(EAP),
		ike_auth_answered },
	{ "IKE_AUTH request for our next round", IKE_EXCHANGE_AUTH, false, false, ANY_PURPOSE,
		PHASE_PEER_PROVED, 0, 0, 0, ike_auth_requested },
	{ "IKE_AUTH answer to our next round", IKE_EXCHANGE_AUTH, true, true, ANY_PURPOSE,
		PHASE_PEER_PROVED, TASK(AUTH), 0,
		PL(SA) | PL(TS_INITIATOR) | PL(TS_RESPONDER) | PL(CONFIGURATION) | PL(EAP),
		ike_auth_answered },
	{ "IKE_AUTH request with EAP", IKE_EXCHANGE_AUTH, false, false, ANY_PURPOSE, PHASE_EAP, 0,
		PL(EAP), 0, ike_auth_requested },
	{ "IKE_AUTH answer with EAP", IKE_EXCHANGE_AUTH, true, true, ANY_PURPOSE, PHASE_EAP,
		TASK(AUTH), PL(EAP), PL(ID_RESPONDER), ike_auth_answered },
	{ "IKE_AUTH request after EAP", IKE_EXCHANGE_AUTH, false, false, ANY_PURPOSE,
		PHASE_EAP_OVER, 0, PL(AUTH), 0, ike_auth_requested },
	{ "IKE_AUTH answer after EAP", IKE_EXCHANGE_AUTH, true, true, ANY_PURPOSE, PHASE_EAP_OVER,
		TASK(AUTH), PL(AUTH),
		PL(SA) | PL(TS_INITIATOR) | PL(TS_RESPONDER) | PL(CONFIGURATION),
		ike_auth_answered },
	{ "CREATE_CHILD_SA request", IKE_EXCHANGE_CREATE_CHILD_SA, false, false, NEW_CHILD,
		PHASE_ESTABLISHED, 0, PL(SA) | PL(NONCE) | PL(TS_INITIATOR) | PL(TS_RESPONDER),
		PL(KE) | PL(CONFIGURATION), ike_create_child_requested },
	{ "CREATE_CHILD_SA answer", IKE_EXCHANGE_CREATE_CHILD_SA, true, true, ANY_PURPOSE,
		PHASE_ESTABLISHED, TASK(CREATE_CHILD), PL(SA) | PL(NONCE),
		PL(KE) | PL(TS_INITIATOR) | PL(TS_RESPONDER) | PL(CONFIGURATION),
		ike_create_child_answered },
	{ "CREATE_CHILD_SA request to rekey a CHILD_SA", IKE_EXCHANGE_CREATE_CHILD_SA, false, false,
		CHILD_REKEYING, PHASE_ESTABLISHED, 0,
		PL(SA) | PL(NONCE) | PL(TS_INITIATOR) | PL(TS_RESPONDER),
		PL(KE) | PL(CONFIGURATION), ike_rekey_child_requested },
	{ "CREATE_CHILD_SA answer to rekeying a CHILD_SA", IKE_EXCHANGE_CREATE_CHILD_SA, true, true,
		ANY_PURPOSE, PHASE_ESTABLISHED, TASK(REKEY_CHILD), PL(SA) | PL(NONCE),
		PL(KE) | PL(TS_INITIATOR) | PL(TS_RESPONDER) | PL(CONFIGURATION),
		ike_rekey_child_answered },
	{ "CREATE_CHILD_SA request to rekey the IKE_SA", IKE_EXCHANGE_CREATE_CHILD_SA, false, false,
		IKE_REKEYING, PHASE_ESTABLISHED, 0, PL(SA) | PL(NONCE) | PL(KE), 0,
		ike_rekey_ike_requested },
	{ "CREATE_CHILD_SA answer to rekeying the IKE_SA", IKE_EXCHANGE_CREATE_CHILD_SA, true, true,
		ANY_PURPOSE, PHASE_ESTABLISHED, TASK(REKEY_IKE), PL(SA) | PL(NONCE) | PL(KE), 0,
		ike_rekey_ike_answered },
	{ "IKE_FOLLOWUP_KE request", IKE_EXCHANGE_FOLLOWUP_KE, false, false, ANY_PURPOSE,
		PHASE_ESTABLISHED, 0, PL(KE), 0, ike_followup_requested },
	{ "IKE_FOLLOWUP_KE answer", IKE_EXCHANGE_FOLLOWUP_KE, true, true, ANY_PURPOSE,
		PHASE_ESTABLISHED, TASK(CREATE_CHILD) | TASK(REKEY_CHILD) | TASK(REKEY_IKE), PL(KE),
		0, ike_followup_answered },
	{ "INFORMATIONAL request", IKE_EXCHANGE_INFORMATIONAL, false, false, ANY_PURPOSE,
		PHASE_ESTABLISHED, 0, 0, PL(DELETE) | PL(CONFIGURATION),
		ike_informational_requested },
	{ "INFORMATIONAL answer", IKE_EXCHANGE_INFORMATIONAL, true, true, ANY_PURPOSE,
		PHASE_ESTABLISHED,
		TASK(DELETE_CHILD) | TASK(DELETE_IKE) | TASK(DPD) | TASK(MOBIKE) | TASK(REDIRECT),
		0, PL(DELETE) | PL(CONFIGURATION), ike_informational_answered },
};

static uint16_t phase_of(const struct ike_sa *sa)
{
	if (sa->was_established)
		return PHASE_ESTABLISHED;
	if (sa->negotiation->auth) {
		const struct ike_auth *a = sa->negotiation->auth;

		if (a->exchange != IKE_AUTH_ROUND)
			return a->exchange == IKE_AUTH_EAP ? PHASE_EAP : PHASE_EAP_OVER;
		if (!ike_auth_theirs(a))
			return PHASE_PEER_PROVED;
	}
	if (!sa->initiator)
		return ike_intermediate_is_over(sa->negotiation) ? PHASE_AUTH_AWAITED
								 : PHASE_INTERMEDIATE_AWAITED;
	return sa->negotiation->stage == IKE_STAGE_INIT ? PHASE_INIT_SENT : PHASE_AUTH_SENT;
}

static bool has_purpose(const struct ike_message *m, uint8_t purpose)
{
	bool selectors = IKE_HAS(m, TS_INITIATOR) || IKE_HAS(m, TS_RESPONDER);
	bool rekeys = ike_message_notify(m, IKE_NOTIFY_REKEY_SA) != NULL;

	switch (purpose) {
	case NEW_CHILD:
		return selectors && !rekeys;
	case CHILD_REKEYING:
		return rekeys;
	case IKE_REKEYING:
		return !selectors && !rekeys;
	default:
		return true;
	}
}

/* A task that creates or rekeys sends two kinds of requests, one after the other. */
static bool answers_task(const struct exchange_row *row, const struct ike_task *task)
{
	return (row->answers & 1u << task->kind) &&
	       ike_task_follows_up(task) == (row->exchange == IKE_EXCHANGE_FOLLOWUP_KE);
}

static const char *lowest_name(uint64_t bits)
{
	for (unsigned type = 32; type < 96; type++)
		if (bits & IKE_PAYLOAD_BIT(type))
			return ike_payload_name((uint8_t)type);
	return "?";
}

static bool payloads_fit(
	const struct exchange_row *row, const struct ike_message *message, struct why *why)
{
	uint64_t missing = row->must & ~message->present;
	uint64_t unexpected = message->present & ~(row->must | row->may | ANYWHERE);

	if (message->repeated)
		return why_fail(why, "%s has %s twice", row->name, lowest_name(message->repeated));
	if (unexpected)
		return why_fail(why, "%s must not have %s", row->name, lowest_name(unexpected));
	if (missing &&
		!(row->notifies_suffice && (message->present & ~PL(VENDOR_ID)) == PL(NOTIFY)))
		return why_fail(why, "%s lacks %s", row->name, lowest_name(missing));
	return true;
}

enum ike_check ike_exchange_check(const struct ike_sa *sa, const struct ike_message *message,
	ike_handler *ret_handler, struct why *why)
{
	bool response = (message->header.flags & IKE_FLAG_RESPONSE) != 0;
	uint16_t phase = phase_of(sa);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct exchange_row *row = &rows[i];

		if (row->exchange != message->header.exchange || row->response != response ||
			!(row->phases & phase) || !has_purpose(message, row->purpose) ||
			(response && !answers_task(row, sa->active)))
			continue;
		if (!payloads_fit(row, message, why))
			return IKE_CHECK_SYNTAX;
		*ret_handler = row->handle;
		return IKE_CHECK_OK;
	}
	return IKE_CHECK_UNEXPECTED;
}
