/*
 * Main Mode (RFC 2409 5):
 *
 *   HDR, SA                                 -->
 *                                           <--  HDR, SA
 *   HDR, KE, Ni, [CERTREQ,] NAT-D           -->
 *                                           <--  HDR, KE, Nr, [CERTREQ,] NAT-D
 *   HDR*, IDii, HASH_I | [CERT,] SIG_I      -->
 *                                           <--  HDR*, IDir, HASH_R | [CERT,] SIG_R
 *
 * Vendor ids are in the first two. With pre-shared keys the responder has to know the key before it
 * is told who the peer is: it goes by addresses.
 */
#include "libike/ikev1/ikev1.h"

/* ---- Initiator ---- */

bool ikev1_main_begin(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ikev1_exchange *exchange = ikev1_exchange_new(e, sa, ISAKMP_EXCHANGE_MAIN, true, 0);
	struct ike_builder b;

	if (!exchange)
		return false;
	exchange->step = IKEV1_MAIN_2;
	ike_builder_start(e, &b);
	if (!ikev1_phase1_build_offer(e, sa, &b, failure))
		return false;
	ikev1_phase1_build_vendors(e, sa, &b);
	return ikev1_send(e, sa, exchange, &b, IKEV1_SEND_AGAIN);
}

enum ikev1_outcome ikev1_main_2(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;

	if (x->message->header.spi_responder == 0)
		return IKEV1_IGNORE;
	sa->spi_responder = x->message->header.spi_responder;
	if (!ikev1_phase1_agree(x))
		return ikev1_refuse(x, ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN);
	ikev1_phase1_read_vendors(x);
	if (!ikev1_phase1_answered(x) || !ikev1_phase1_build_ke(x->e, sa, x->reply))
		return ikev1_phase1_no_memory(x);
	ikev1_nat_build(x->e, sa, x->reply);
	x->exchange->step = IKEV1_MAIN_4;
	return IKEV1_OK;
}

static bool derive(struct ikev1_received *x)
{
	if (x->sa->keys.length > 0) /* the message had to wait */
		return true;
	if (!ikev1_proof_skeyid(x->e, x->sa, x->failure))
		return false;
	if (ikev1_keys_derive(x->e, x->sa))
		return true;
	ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL, "no keys could be made");
	return false;
}

enum ikev1_outcome ikev1_main_4(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	enum ikev1_outcome outcome;

	if (ikev1_crossing_holds(x->e, sa))
		return IKEV1_WAIT;
	if (!ikev1_phase1_read_ke(x))
		return ikev1_refuse(x, ISAKMP_NOTIFY_INVALID_KEY_INFORMATION);
	if (!ikev1_proof_read_certreq(x))
		return IKEV1_END;
	ikev1_phase1_read_vendors(x); /* Cisco and others say some here */
	if (sa->keys.length == 0)
		ikev1_nat_read(x);
	if (!ikev1_phase1_build_id(x->e, sa, x->reply))
		return ikev1_phase1_no_memory(x);
	if (!derive(x))
		return IKEV1_END;
	ikev1_proof_build_certreq(x->e, sa, x->reply);
	outcome = ikev1_proof_build(x->e, sa, x->reply, x->failure);
	if (outcome != IKEV1_OK)
		return outcome;
	ikev1_phase1_build_contact(x->e, sa, x->reply);
	ikev1_nat_float(x->e, sa);
	x->exchange->sealed = true;
	x->exchange->step = IKEV1_MAIN_6;
	return IKEV1_OK;
}

/* The responder takes the IKE SA for established: it hears why not, and that it goes. */
static enum ikev1_outcome reject(struct ikev1_received *x)
{
	enum ikev1_outcome outcome = ikev1_refuse(x, ISAKMP_NOTIFY_AUTHENTICATION_FAILED);

	ikev1_delete_once(x->e, x->sa);
	return outcome;
}

enum ikev1_outcome ikev1_main_6(struct ikev1_received *x)
{
	enum ikev1_outcome outcome;

	outcome = ikev1_proof_read(x);
	if (outcome == IKEV1_IGNORE)
		return outcome;
	if (outcome == IKEV1_END || !ikev1_phase1_check_id(x))
		return reject(x);
	outcome = ikev1_proof_verify(x);
	if (outcome == IKEV1_END)
		return reject(x);
	return outcome == IKEV1_OK ? ikev1_phase1_done(x) : outcome;
}

/* ---- Responder ---- */

enum ikev1_outcome ikev1_main_1(struct ikev1_received *x)
{
	struct isakmp_offer chosen;

	if (!ikev1_phase1_choose(x, &chosen))
		return IKEV1_END;
	ikev1_phase1_read_vendors(x);
	isakmp_build_sa_answer(x->reply, &chosen, (struct bytes){ 0 }, 0);
	ikev1_phase1_build_vendors(x->e, x->sa, x->reply);
	x->exchange->step = IKEV1_MAIN_3;
	return IKEV1_OK;
}

/* The answer is the last one in the clear. */
enum ikev1_outcome ikev1_main_3(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;

	if (!ikev1_phase1_read_ke(x))
		return ikev1_refuse(x, ISAKMP_NOTIFY_INVALID_KEY_INFORMATION);
	if (!ikev1_proof_read_certreq(x))
		return IKEV1_END;
	ikev1_phase1_read_vendors(x);
	ikev1_nat_read(x);
	if (!derive(x))
		return ikev1_refuse(x, ISAKMP_NOTIFY_INVALID_KEY_INFORMATION);
	if (!ikev1_phase1_build_ke(x->e, sa, x->reply))
		return ikev1_phase1_no_memory(x);
	ikev1_proof_build_certreq(x->e, sa, x->reply);
	ikev1_nat_build(x->e, sa, x->reply);
	ikev1_phase1_build_vendors(x->e, sa, x->reply); /* what the peer said only now */
	if (!ikev1_phase1_say(x, IKEV1_SEND_KEEP))
		return ikev1_phase1_no_memory(x);
	x->exchange->sealed = true;
	x->exchange->step = IKEV1_MAIN_5;
	return IKEV1_OK;
}

enum ikev1_outcome ikev1_main_5(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	enum ikev1_outcome outcome;

	outcome = ikev1_proof_read(x);
	if (outcome == IKEV1_IGNORE)
		return outcome;
	/* The NAT may have moved the peer to port 4500; from here on this is where it is. */
	ikev1_nat_follow(x);
	if (outcome == IKEV1_END || !ikev1_proof_read_certreq(x) || !ikev1_definition_choose(x))
		return ikev1_refuse(x, ISAKMP_NOTIFY_AUTHENTICATION_FAILED);
	outcome = ikev1_definition_verify(x);
	if (outcome == IKEV1_END)
		return ikev1_refuse(x, ISAKMP_NOTIFY_AUTHENTICATION_FAILED);
	if (outcome != IKEV1_OK)
		return outcome;
	ikev1_phase1_read_contact(x);
	if (!ikev1_phase1_build_id(x->e, sa, x->reply))
		return ikev1_phase1_no_memory(x);
	outcome = ikev1_proof_build(x->e, sa, x->reply, x->failure);
	if (outcome == IKEV1_END)
		return ikev1_refuse(x, ISAKMP_NOTIFY_AUTHENTICATION_FAILED);
	return outcome == IKEV1_OK ? ikev1_phase1_done(x) : outcome;
}
