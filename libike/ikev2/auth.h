/*
 * IKE_AUTH from the inside (RFC 7296 1.2, 2.15, 2.16; RFC 4739): who proves what, and when.
 *
 * Each side proves itself in one round or in several. An exchange is one of three:
 *
 *   ROUND     IDi [CERT+] [CERTREQ+] [IDr] [AUTH]  -->  <--  IDr [CERT+] [AUTH] [EAP]
 *   EAP       EAP  -->                                  <--  EAP
 *   EAP_AUTH  AUTH  -->                                 <--  AUTH
 *
 * A ROUND without AUTH of the initiator's opens an EAP conversation; EAP exchanges follow, until it
 * has succeeded, then EAP_AUTH. Who has more rounds says N(ANOTHER_AUTH_FOLLOWS) beside AUTH; who
 * has no more sends nothing in a ROUND. The first request has SA, TSi, TSr and what concerns the
 * IKE SA; they are answered in the last exchange, when both sides have proved all.
 *
 * What is done about one message is a row of steps; a step that has to wait for somebody (a private
 * key, a CRL, a RADIUS server) is done once more when ike_auth_resume() is called.
 */
#ifndef LIBIKE_IKEV2_AUTH_H
#define LIBIKE_IKEV2_AUTH_H

#include "libike/ikev2/ikev2.h"

/* More round trips are no authentication any more. */
#define IKE_AUTH_EXCHANGES_MAX 64

enum ike_auth_exchange {
	IKE_AUTH_ROUND,
	IKE_AUTH_EAP,
	IKE_AUTH_EAP_AUTH,
};

enum ike_progress {
	IKE_PROGRESS_DONE,
	IKE_PROGRESS_WAIT,   /* ike_auth_resume() will be called, then the same is asked again */
	IKE_PROGRESS_FAILED, /* the failure says why */
};

/* The payloads of a message, for later. */
struct ike_kept_message {
	struct ike_header header;
	uint8_t first;
	struct bytes chain; /* heap */
};

struct ike_auth {
	struct ike_engine *e;
	struct ike_sa *sa;
	struct ike_connection *connection; /* held: rounds are those of this version */
	uint8_t exchange;                  /* enum ike_auth_exchange: the present or the next one */
	uint8_t step;                      /* of auth_initiate.c, auth_respond.c */
	uint8_t local_rounds;              /* that are through */
	uint8_t remote_rounds;
	uint8_t exchanges;       /* so far */
	bool begun;              /* initiator: a request has left */
	const char *waits_for;   /* what, for people; NULL: for nothing but the peer */
	struct ike_identity *id; /* held: ours, of the present round */
	struct ike_identity *peer_id;
	/* Our AUTH of the present round, ready to be sent. */
	uint8_t method; /* 0: not ready */
	size_t value_length;
	uint8_t value[IKE_PRF_OUTPUT_MAX];
	struct ike_kept_message first; /* responder: the first request, when it is not the last */
};

/* ---- auth.c ---- */

/* Of the SA's connection. NULL when memory ran out. */
struct ike_auth *ike_auth_new(struct ike_engine *e, struct ike_sa *sa);
/* The rounds that are to be proved next; NULL: that side has proved all. */
const struct ike_auth_round *ike_auth_ours(const struct ike_auth *a);
const struct ike_auth_round *ike_auth_theirs(const struct ike_auth *a);
bool ike_auth_is_over(const struct ike_auth *a);
/* Who we are in the present round: as configured, else as the peer calls us (may be NULL), else our
 * address. */
MUST_USE bool ike_auth_choose_id(struct ike_auth *a, struct ike_identity *wanted);
/* One more exchange; false when there were too many. */
MUST_USE bool ike_auth_count(struct ike_received *x);
/* The peer has proved its present round, and says or does not say that there is another. False when
 * that is not what the definition demands. */
MUST_USE bool ike_auth_proved(struct ike_received *x);
/* Ours was proved. */
void ike_auth_prove_next(struct ike_auth *a);
/* ANOTHER_AUTH_FOLLOWS, if so. To be called before ike_auth_prove_next(). */
void ike_auth_build_follows(const struct ike_auth *a, struct ike_builder *b);

/* ---- auth_prove.c: our AUTH ---- */

/* Makes it ready for the present round. */
enum ike_progress ike_auth_prove(struct ike_auth *a, struct ike_failure *failure);
/* AUTH, when it is ready. */
void ike_auth_build(struct ike_auth *a, struct ike_builder *b);

/* ---- auth_verify.c: the peer's AUTH ---- */
enum ike_progress ike_auth_verify(struct ike_received *x);

/* ---- ppk.c: post-quantum preshared keys (RFC 8784) ---- */
/* ike_auth_prove() and ike_auth_verify() with what is agreed on about PPKs. */
enum ike_progress ike_ppk_prove(struct ike_auth *a, struct ike_failure *failure);
enum ike_progress ike_ppk_verify(struct ike_received *x);
/* What is to be said beside our AUTH. To be called before ike_auth_prove_next(). */
void ike_ppk_build(struct ike_auth *a, struct ike_builder *b);

/* ---- auth_initiate.c, auth_respond.c ---- */
/* Goes on with the message that made it wait. */
enum ike_outcome ike_auth_answer_go_on(struct ike_received *x);
enum ike_outcome ike_auth_request_go_on(struct ike_received *x);
/* Makes and sends the next request. FAILED: the attempt is over. */
enum ike_progress ike_auth_ask(
	struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);

/* ---- waiting.c ---- */
MUST_USE bool ike_message_keep(struct ike_kept_message *ret, const struct ike_message *m);
/* The views borrow from what is kept. */
MUST_USE bool ike_message_recall(const struct ike_kept_message *kept, struct ike_message *ret);
void ike_message_forget(struct ike_kept_message *kept);

#endif
