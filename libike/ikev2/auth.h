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
 * key, a CRL, a RADIUS server) is done once more when ike_resume() is called.
 */
#ifndef LIBIKE_IKEV2_AUTH_H
#define LIBIKE_IKEV2_AUTH_H

#include "libike/eap/eap.h"
#include "libike/ikev2/ikev2.h"
#include "libike/signing.h"
#include "libike/trust.h"

/* More round trips are no authentication any more. */
#define IKE_AUTH_EXCHANGES_MAX 64
/* Of all messages of a peer that has not proved who it is. */
#define IKE_AUTH_OCTETS_MAX (256u * 1024)
/* How many definitions are tried for one peer. */
#define IKE_AUTH_CONNECTIONS_MAX 8

enum ike_auth_exchange {
	IKE_AUTH_ROUND,
	IKE_AUTH_EAP,
	IKE_AUTH_EAP_AUTH,
};

enum ike_progress {
	IKE_PROGRESS_DONE,
	IKE_PROGRESS_WAIT,   /* ike_resume() will be called, then the same is asked again */
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
	uint8_t next_exchange;             /* responder: after the answer */
	uint8_t step;                      /* of auth_initiate.c, auth_respond.c */
	uint8_t local_rounds;              /* that are through */
	uint8_t remote_rounds;
	uint8_t exchanges;       /* so far */
	uint32_t octets;         /* of their messages of the peer's */
	bool begun;              /* initiator: a request has left */
	const char *waits_for;   /* what, for people; NULL: for nothing but the peer */
	struct ike_identity *id; /* held: ours, of the present round, */
	bool id_is_old;          /* or of the one before */
	struct ike_identity *peer_id;
	/* Our AUTH of the present round, ready to be sent. */
	uint8_t method;     /* 0: not ready */
	struct bytes value; /* heap */
	/* The certificate that it is proved with, and its chain; held. */
	struct ike_certificate *own[IKE_TRUST_CHAIN_MAX];
	size_t own_count;
	const struct ike_signature_scheme *scheme;
	uint8_t method_asked; /* that the signature is asked for */
	struct ike_signing signing;
	/* The peer's certificates of the present round, the end first, and the one whose key its
	 * AUTH verifies with; held. */
	struct ike_certificate *received[IKE_MESSAGE_CERTS_MAX];
	size_t received_count;
	struct ike_certificate *candidate;
	struct ike_eap *eap; /* the conversation of the present round, or NULL */
	bool eap_waits;      /* it goes on with ike_eap_resume() */
	bool opens_eap;      /* responder: the present request begins it */
	bool peer_eap_only; /* the initiator offers that it proves the responder, too (RFC 5998), */
	bool eap_only;      /* and so it does */
	bool contact_applied;          /* responder: what the new IKE SA does to older ones */
	struct bytes eap_out;          /* heap: the packet to be sent */
	struct ike_kept_message first; /* responder: the first request, when it is not the last */
	/* Responder: definitions that the peer's proof is not good enough for. */
	struct ike_connection *unacceptable[IKE_AUTH_CONNECTIONS_MAX]; /* held */
	size_t unacceptable_count;
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
/* The same for the round that is to be proved next, if that was not done yet. */
MUST_USE bool ike_auth_have_id(struct ike_auth *a, struct ike_failure *failure);
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
/* By a key that both sides have. */
MUST_USE bool ike_auth_prove_shared(struct ike_auth *a, struct bytes key);
/* What goes with our identity: certificates if they are wanted; AUTH, when it is ready. */
void ike_auth_build_certs(const struct ike_auth *a, struct ike_builder *b);
void ike_auth_build(const struct ike_auth *a, struct ike_builder *b);

/* ---- auth_sign.c: AUTH by a private key, which the host has ---- */
enum ike_progress ike_auth_sign(struct ike_auth *a, struct ike_failure *failure);

/* ---- auth_verify.c: the peer's AUTH ---- */
enum ike_progress ike_auth_verify(struct ike_received *x);
MUST_USE bool ike_auth_verify_shared(struct ike_received *x, struct bytes key);
/* Which class of authentication the message is of: without AUTH it is EAP; ANY: none that we know
 */
uint8_t ike_auth_class_of(const struct ike_message *m);
/* Whether the definition allows that one. */
MUST_USE bool ike_auth_check_class(struct ike_received *x);
/* "a pre-shared key" */
const char *ike_auth_class_text(uint8_t class);

/* ---- auth_certs.c: CERT and CERTREQ payloads ---- */
/* The peer's certificates; those of an earlier round are dropped. False when one cannot be read. */
MUST_USE bool ike_auth_read_certs(struct ike_received *x);
void ike_auth_drop_certs(struct ike_auth *a);
/* Ours. */
void ike_auth_drop_own(struct ike_auth *a);
/* CRLs that came along are looked at by the checks of the chain. */
void ike_auth_offer_crls(struct ike_received *x);
/* An OCSP response that the peer sent along, or empty. */
struct bytes ike_auth_stapled_ocsp(const struct ike_message *m);

/* ---- auth_eap.c ---- */
/* Server: opens the conversation. A packet for the peer is kept. */
enum ike_progress ike_auth_eap_begin(struct ike_auth *a, struct ike_failure *failure);
/* A packet of the peer's; as client also the first. */
enum ike_progress ike_auth_eap_packet(
	struct ike_auth *a, struct bytes received, struct ike_failure *failure);
void ike_auth_build_eap(struct ike_auth *a, struct ike_builder *b);
/* AUTH after the conversation has succeeded. */
enum ike_progress ike_auth_eap_prove(struct ike_auth *a, struct ike_failure *failure);
enum ike_progress ike_auth_eap_verify(struct ike_received *x);

/* ---- ppk.c: post-quantum preshared keys (RFC 8784) ---- */
/* ike_auth_prove() and ike_auth_verify() with what is agreed on about PPKs. */
enum ike_progress ike_ppk_prove(struct ike_auth *a, struct ike_failure *failure);
enum ike_progress ike_ppk_verify(struct ike_received *x);
/* Responder: another definition is tried for the first request, and decides about the PPK anew. */
void ike_ppk_unsettle(struct ike_sa *sa);
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
