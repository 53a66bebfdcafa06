/*
 * Aggressive Mode (RFC 2409 5):
 *
 *   HDR, SA, KE, Ni, IDii [, CERTREQ]       -->
 *                                           <--  HDR, SA, KE, Nr, IDir, HASH_R | [CERT,] SIG_R,
 *                                                NAT-D [, CERTREQ]
 *   HDR*, HASH_I | [CERT,] SIG_I, NAT-D     -->
 *
 * Vendor ids are in the first two. Identities are in the clear, and with a pre-shared key HASH_R is
 * there for everybody to try keys on: as responder we do that only when strongswan.conf says so.
 * The third message is not answered, so the responder sends the second one again by time.
 */
#include "libike/ikev1/ikev1.h"

/* ---- Initiator ---- */

bool ikev1_aggressive_begin(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ikev1_exchange *exchange =
		ikev1_exchange_new(e, sa, ISAKMP_EXCHANGE_AGGRESSIVE, true, 0);
	struct ike_builder b;

	if (!exchange)
		return false;
	exchange->step = IKEV1_AGGRESSIVE_2;
	ike_builder_start(e, &b);
	if (!ikev1_phase1_build_offer(e, sa, &b, failure) || !ikev1_phase1_build_ke(e, sa, &b) ||
		!ikev1_phase1_build_id(e, sa, &b))
		return false;
	ikev1_proof_build_certreq(e, sa, &b);
	ikev1_phase1_build_vendors(e, sa, &b);
	return ikev1_send(e, sa, exchange, &b, IKEV1_SEND_AGAIN);
}

/* Who could not read what is encrypted with our keys is told in the clear. */
static enum ikev1_outcome refuse_clear(struct ikev1_received *x, uint16_t notify)
{
	ike_builder_begin(x->reply, x->e->reply, sizeof(x->e->reply));
	ikev1_inform_clear(x->e, x->sa, notify);
	return IKEV1_END;
}

/* All but the proof; once, if the message has to wait. */
static bool read_second(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;

	if (sa->keys.length > 0)
		return true;
	sa->spi_responder = x->message->header.spi_responder;
	if (!ikev1_phase1_agree(x))
		return false;
	ikev1_phase1_read_vendors(x);
	if (!ikev1_phase1_answered(x)) {
		(void)ikev1_phase1_no_memory(x);
		return false;
	}
	if (!ikev1_phase1_read_ke(x) || !ikev1_phase1_read_id(x) || !ikev1_phase1_check_id(x) ||
		!ikev1_proof_skeyid(x->e, sa, x->failure))
		return false;
	ikev1_nat_read(x);
	if (ikev1_keys_derive(x->e, sa))
		return ikev1_proof_read_certreq(x);
	(void)ikev1_phase1_no_memory(x);
	return false;
}

enum ikev1_outcome ikev1_aggressive_2(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	enum ikev1_outcome outcome;

	if (x->message->header.spi_responder == 0)
		return IKEV1_IGNORE;
	if (ikev1_crossing_holds(x->e, sa))
		return IKEV1_WAIT;
	if (!read_second(x))
		return refuse_clear(x, x->failure->reason == IKE_REASON_WRONG_IDENTITY
					       ? ISAKMP_NOTIFY_INVALID_ID_INFORMATION
					       : ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN);
	outcome = ikev1_proof_verify(x);
	if (outcome == IKEV1_END)
		return refuse_clear(x, ISAKMP_NOTIFY_AUTHENTICATION_FAILED);
	if (outcome != IKEV1_OK)
		return outcome;
	outcome = ikev1_proof_build(x->e, sa, x->reply, x->failure);
	if (outcome != IKEV1_OK)
		return outcome;
	ikev1_nat_float(x->e, sa); /* NAT-D is of the ports that it goes from */
	ikev1_nat_build(x->e, sa, x->reply);
	ikev1_phase1_build_contact(x->e, sa, x->reply);
	x->exchange->sealed = true;
	return ikev1_phase1_done(x);
}

/* ---- Responder ---- */

/* All that is not ours to prove; once, if the message has to wait. */
static bool read_first(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;

	if (sa->keys.length > 0)
		return true;
	if (!ikev1_phase1_read_id(x) || !ikev1_definition_choose(x) || !ikev1_phase1_read_ke(x))
		return false;
	if (!ikev1_proof_skeyid(x->e, sa, x->failure))
		return false;
	if (ikev1_keys_derive(x->e, sa))
		return ikev1_proof_read_certreq(x);
	(void)ikev1_phase1_no_memory(x);
	return false;
}

enum ikev1_outcome ikev1_aggressive_1(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	struct isakmp_offer chosen;
	enum ikev1_outcome outcome;

	if (!ikev1_phase1_choose(x, &chosen))
		return IKEV1_END;
	ikev1_phase1_read_vendors(x);
	if (!read_first(x))
		return refuse_clear(x, ISAKMP_NOTIFY_AUTHENTICATION_FAILED);
	isakmp_build_sa_answer(x->reply, &chosen, (struct bytes){ 0 }, 0);
	if (!ikev1_phase1_build_ke(x->e, sa, x->reply) ||
		!ikev1_phase1_build_id(x->e, sa, x->reply))
		return ikev1_phase1_no_memory(x);
	outcome = ikev1_proof_build(x->e, sa, x->reply, x->failure);
	if (outcome != IKEV1_OK)
		return outcome;
	ikev1_proof_build_certreq(x->e, sa, x->reply);
	ikev1_nat_build(x->e, sa, x->reply);
	ikev1_phase1_build_vendors(x->e, sa, x->reply);
	/* Who may not be there hears it as often as he asks: certificates are far more than the
	 * question, and many may be an attack. */
	bool once = !ikev1_proof_is_shared(sa) || ike_half_open_are_many(x->e, 1, &sa->remote);
	if (!ikev1_phase1_say(x, once ? IKEV1_SEND_KEEP : IKEV1_SEND_AGAIN))
		return ikev1_phase1_no_memory(x);
	x->exchange->sealed = true;
	x->exchange->step = IKEV1_AGGRESSIVE_3;
	return IKEV1_OK;
}

enum ikev1_outcome ikev1_aggressive_3(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	enum ikev1_outcome outcome;

	outcome = ikev1_definition_verify(x);
	/* In the clear it may be anybody's; with a shared key the peer knows that the keys are the
	 * same: it was damaged on the way. */
	if (outcome == IKEV1_END && (!(x->message->header.flags & ISAKMP_FLAG_ENCRYPTED) ||
					    ikev1_proof_is_shared(sa))) {
		sa->v1->phase1->unproved = true;
		return IKEV1_IGNORE;
	}
	if (outcome == IKEV1_END)
		return ikev1_refuse(x, ISAKMP_NOTIFY_AUTHENTICATION_FAILED);
	if (outcome != IKEV1_OK)
		return outcome;
	ikev1_nat_follow(x);
	ikev1_phase1_read_contact(x);
	return ikev1_phase1_done(x);
}
