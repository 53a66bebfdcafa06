/*
 * What the files of Transaction exchanges share: where an IKE SA is between phase 1's proofs and
 * being established (draft-ietf-ipsec-isakmp-mode-cfg-05, draft-beaulieu-ike-xauth-02).
 *
 * XAuth comes first, one round of the definition after the other, then Mode Config. Each message of
 * ours that begins an exchange waits for the loop's next turn (`at`): what the handler under way
 * has to say goes out before it.
 */
#ifndef LIBIKE_IKEV1_TRANSACTION_H
#define LIBIKE_IKEV1_TRANSACTION_H

#include "libike/eap/eap.h"
#include "libike/ikev1/ikev1.h"
#include "libike/virtual.h"

enum ikev1_transacting {
	IKEV1_TRANSACTING_IDLE,
	/* XAuth, we ask. */
	IKEV1_TRANSACTING_ASK,   /* to be sent at `at` */
	IKEV1_TRANSACTING_ASKED, /* name and password are awaited */
	IKEV1_TRANSACTING_CHECK, /* a RADIUS server or the host is asked */
	IKEV1_TRANSACTING_TELL,  /* the outcome is sent, its acknowledgement awaited */
	/* XAuth, the peer asks: until `at`. */
	IKEV1_TRANSACTING_AWAIT_QUESTION,
	IKEV1_TRANSACTING_AWAIT_STATUS,
	/* Mode Config. */
	IKEV1_TRANSACTING_PULL,       /* to be sent at `at` */
	IKEV1_TRANSACTING_PULLED,     /* the answer is awaited */
	IKEV1_TRANSACTING_AWAIT_PUSH, /* until `at` */
	IKEV1_TRANSACTING_PUSH,       /* to be sent at `at` */
	IKEV1_TRANSACTING_PUSHED,
};

/* draft-beaulieu-ike-xauth-02 3.2 */
enum ikev1_xauth_attribute {
	IKEV1_XAUTH_TYPE = 16520, /* TV */
	IKEV1_XAUTH_USER_NAME = 16521,
	IKEV1_XAUTH_USER_PASSWORD = 16522,
	IKEV1_XAUTH_PASSCODE = 16523,
	IKEV1_XAUTH_MESSAGE = 16524,
	IKEV1_XAUTH_CHALLENGE = 16525,
	IKEV1_XAUTH_DOMAIN = 16526,
	IKEV1_XAUTH_STATUS = 16527, /* TV */
	IKEV1_XAUTH_NEXT_PIN = 16528,
	IKEV1_XAUTH_ANSWER = 16529,
};

/* Of IKEV1_XAUTH_TYPE: name and password; the others have challenges. */
#define IKEV1_XAUTH_TYPE_GENERIC 0
#define IKEV1_XAUTH_TYPE_CHAP 1
#define IKEV1_XAUTH_TYPE_OTP 2
#define IKEV1_XAUTH_TYPE_SKEY 3
#define IKEV1_XAUTH_FAIL 0
#define IKEV1_XAUTH_OK 1

struct ikev1_xauth_eap;

/* phase1->xauth. */
struct ikev1_xauth {
	uint8_t stage;        /* enum ikev1_transacting */
	uint8_t remote_round; /* from which on the definition's rounds are not done yet */
	uint8_t local_round;
	uint8_t questions; /* of the peer's, that were answered */
	bool configured;   /* Mode Config is through */
	ike_time at;       /* IKE_NEVER: nothing is to be done by time */
	/* While we check. */
	struct ike_engine *e;
	uint32_t ike_id;
	struct ike_identity *claimed; /* as the client said it */
	struct ike_identity *user;    /* the same, or what RADIUS calls it */
	struct secret password;
	bool right;                  /* the password is: what RADIUS says of the user is known */
	struct ikev1_xauth_eap *eap; /* xauth_eap.c; NULL without */
	UT_hash_handle by_ticket;    /* in e->passwords: the host checks the password */
	uint64_t ticket;             /* 0: it does not */
	struct ike_failure failure;  /* why the user is refused; reason NONE: not yet */
};

/* ---- transaction.c ---- */
/* The SA's, while it is not established; or NULL. */
struct ikev1_xauth *ikev1_transactions_of(const struct ike_sa *sa);
/* What is to be done at that time. */
void ikev1_transactions_stage(
	struct ike_engine *e, struct ike_sa *sa, enum ikev1_transacting stage, ike_time at);
/* For as long as the peer's users may take. */
ike_time ikev1_transactions_patience(const struct ike_engine *e);
/* One is through: the next begins, or the SA is established. False with a failure. */
MUST_USE bool ikev1_transactions_next(
	struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* Outside of a handler: the SA ends for that reason, and is gone afterwards. */
void ikev1_transactions_fail(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* In a handler: tells the peer that the SA ends. Returns IKEV1_END. */
enum ikev1_outcome ikev1_transactions_end(struct ikev1_received *x);

/* A message with HASH and ATTRIBUTES, under work. */
struct ikev1_attributes {
	struct ike_builder b;
	size_t hash, list;
};
void ikev1_attributes_open(struct ike_engine *e, const struct ike_sa *sa, uint8_t type, uint16_t id,
	struct ikev1_attributes *ret);
/* Begins an exchange with it. What was built is wiped. */
MUST_USE bool ikev1_attributes_ask(
	struct ike_engine *e, struct ike_sa *sa, struct ikev1_attributes *m);
/* Answers the peer's message with it, which ends that exchange. Likewise. */
MUST_USE bool ikev1_attributes_answer(struct ikev1_received *x, struct ikev1_attributes *m);
/* The first of that type in the message; false: none. */
bool ikev1_attribute_find(
	const struct isakmp_message *message, uint16_t type, struct isakmp_attribute *ret);

/* ---- xauth.c: both roles; xauth_check.c: whether the password is right ---- */
bool ikev1_xauth_concerns(const struct isakmp_message *message);
/* The rounds of the definition, from index on, that are XAuth's: the next, or NULL. */
const struct ike_auth_round *ikev1_xauth_round(
	const struct ike_auth_rounds *rounds, uint8_t *index);
MUST_USE bool ikev1_xauth_ask(struct ike_engine *e, struct ike_sa *sa);
enum ikev1_outcome ikev1_xauth_reply(struct ikev1_received *x);
enum ikev1_outcome ikev1_xauth_acknowledged(struct ikev1_received *x);
enum ikev1_outcome ikev1_xauth_question(struct ikev1_received *x);
enum ikev1_outcome ikev1_xauth_status(struct ikev1_received *x);

enum ikev1_checked {
	IKEV1_CHECKED_RIGHT, /* xauth->user is who it is */
	IKEV1_CHECKED_WRONG, /* xauth->failure says why */
	IKEV1_CHECKED_LATER, /* ikev1_transactions_resume() goes on */
};
/* xauth->user and ->password, against what the round demands. */
enum ikev1_checked ikev1_xauth_check(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round);
/* After LATER, when something has come. */
enum ikev1_checked ikev1_xauth_check_on(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round);
/* Whether the definition lets that user in (`xauth_id`; `groups`, when the password was right), or
 * another one does, which is the SA's then. */
enum ikev1_checked ikev1_xauth_admit(struct ike_engine *e, struct ike_sa *sa);
/* What the check was of. */
void ikev1_xauth_check_over(struct ikev1_xauth *xauth);

/* ---- xauth_eap.c: the password through EAP, to a RADIUS server ---- */
enum ikev1_checked ikev1_xauth_eap_begin(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round);
enum ikev1_checked ikev1_xauth_eap_resume(struct ike_sa *sa);
void ikev1_xauth_eap_free(struct ikev1_xauth_eap *eap); /* NULL is fine */

/* ---- mode_config.c ---- */
MUST_USE bool ikev1_mode_config_pull(struct ike_engine *e, struct ike_sa *sa);
MUST_USE bool ikev1_mode_config_push(
	struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* A DHCP server has answered, which the push has waited for. */
void ikev1_mode_config_resume(struct ike_engine *e, struct ike_sa *sa);
enum ikev1_outcome ikev1_mode_config_request(struct ikev1_received *x);
enum ikev1_outcome ikev1_mode_config_set(struct ikev1_received *x);
enum ikev1_outcome ikev1_mode_config_reply(struct ikev1_received *x);
enum ikev1_outcome ikev1_mode_config_acknowledged(struct ikev1_received *x);

#endif
