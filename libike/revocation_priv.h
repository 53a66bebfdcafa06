/*
 * What the files of revocation share.
 *
 * revocation.c decides; revocation_cache.c keeps what was verified; revocation_questions.c asks
 * servers. One timer serves all: at its time everything is looked at, which the bounds allow.
 */
#ifndef LIBIKE_REVOCATION_PRIV_H
#define LIBIKE_REVOCATION_PRIV_H

#include "libike/crypto/crl_scope.h"
#include "libike/crypto/ocsp.h"
#include "libike/revocation.h"
#include "libike/sa/sa_priv.h"

#define IKE_CRLS_MAX 64
#define IKE_CRL_BYTES_MAX (64u << 20)
#define IKE_OCSP_ANSWERS_MAX 1024
#define IKE_OCSP_BYTES_MAX (4u << 20)
#define IKE_QUESTIONS_MAX 256
#define IKE_WAITERS_MAX 1024
/* A server that failed is left alone for so long. */
#define IKE_REVOCATION_NEGATIVE IKE_SECONDS(60)
#define IKE_OFFERED_MAX 4
#define IKE_SERIAL_MAX 64 /* RFC 5280 allows 20 octets; longer ones exist */

/* ---- What is kept ---- */

struct ike_cached_crl {
	struct ike_cached_crl *prev, *next; /* the last used is the last */
	struct ike_crl *crl;                /* held */
	struct ike_certificate *issuer;     /* held: who signed it */
	bool stored;           /* it is also in the store: of no size, never refreshed */
	bool used;             /* since it came: worth refreshing */
	ike_time refreshed_at; /* when it was last tried */
	char *url;             /* heap; NULL: a peer's, or stored */
	char *refusal;         /* heap: stored, and not to be used; else NULL */
};

struct ike_ocsp_key {
	uint8_t issuer[IKE_KEY_ID_LENGTH];
	bool negative; /* against RFC 5280 */
	uint8_t serial_length;
	uint8_t serial[IKE_SERIAL_MAX];
};

struct ike_cached_ocsp {
	UT_hash_handle by_key; /* the last used is the last */
	struct ike_ocsp_key key;
	struct ike_ocsp_answer answer; /* delegate is held */
	struct bytes der;              /* heap */
	char *url;                     /* heap; NULL: stapled */
};

/* ---- What is asked ---- */

enum ike_question_kind {
	IKE_QUESTION_CRL = 'c',
	IKE_QUESTION_OCSP = 'o',
	IKE_QUESTION_CERTIFICATE = 'h', /* hash and URL */
};

struct ike_question {
	UT_hash_handle by_key;
	UT_hash_handle by_ticket; /* while it is asked */
	uint8_t kind;
	uint64_t ticket; /* 0: it has failed */
	ike_time until;  /* then the host has failed, or the failure is forgotten */
	char *error;     /* heap: how it failed */
	struct ike_certificate *certificate; /* held; OCSP: that is asked about */
	struct ike_certificate *issuer;      /* held */
	uint8_t nonce[IKE_OCSP_NONCE_MAX];
	uint8_t nonce_length;
	uint32_t *waiters; /* heap: unique ids of IKE SAs */
	size_t waiter_count;
	const char *url; /* within the key */
	size_t key_length;
	uint8_t key[]; /* kind, issuer's key, serial number, URL */
};

/* An IKE SA that has had to wait, from then until a while after it may not any more. */
struct ike_waiter {
	UT_hash_handle by_id;
	uint32_t ike_id;
	ike_time until; /* it is not to wait longer */
	bool waits;     /* for that, and not only known for what it sent */
	bool told;      /* that it is over */
	struct ike_crl *offered[IKE_OFFERED_MAX]; /* held: the peer's CRLs, not verified */
};

struct ike_revocation {
	struct ike_timer timer;
	struct ike_cached_crl *crls;
	size_t crl_count, crl_bytes;
	struct ike_cached_ocsp *ocsp;
	size_t ocsp_bytes;
	struct ike_question *questions;
	struct ike_question *by_ticket;
	struct ike_waiter *waiters;
};

/* ---- revocation.c ---- */

/* Whether a CRL that is here says that it is revoked. */
bool ike_crl_lists(struct ike_engine *e, const struct ike_certificate *certificate,
	struct ike_certificate *issuer);
int64_t ike_wall_clock(const struct ike_engine *e);
/* The timer comes at that time at the latest. */
void ike_revocation_wake_at(struct ike_engine *e, ike_time at);
void ike_revocation_wake(struct ike_engine *e);

/* ---- revocation_cache.c ---- */

/* Verifies and keeps a CRL that is not in the store; takes no reference. False with a reason.
 * url may be NULL. */
MUST_USE bool ike_crl_keep(struct ike_engine *e, struct ike_crl *crl,
	struct ike_certificate *issuer, const char *url, struct why *why);
/* Those of the issuer, from store and cache; NULL after the last. Begin with
 * ike_crls_gather(), which verifies what the store has of the issuer. */
void ike_crls_gather(struct ike_engine *e, struct ike_certificate *issuer);
struct ike_cached_crl *ike_crls_next(struct ike_engine *e, const struct ike_certificate *issuer,
	struct ike_cached_crl *previous);
void ike_cached_crl_used(struct ike_engine *e, struct ike_cached_crl *c);

void ike_ocsp_question_of(struct ike_engine *e, const struct ike_certificate *certificate,
	const struct ike_certificate *issuer, struct ike_ocsp_question *ret,
	struct ike_certificate **signers, size_t room);
/* Reads, verifies and keeps; false with a reason. */
MUST_USE bool ike_ocsp_keep(struct ike_engine *e, struct bytes der,
	const struct ike_certificate *certificate, const struct ike_certificate *issuer,
	struct bytes nonce, const char *url, struct why *why);
/* The latest answer about it, maybe of the past, or NULL. */
struct ike_cached_ocsp *ike_ocsp_cached(struct ike_engine *e,
	const struct ike_certificate *certificate, const struct ike_certificate *issuer);
/* Forgets what has ended and asks anew for CRLs that soon will have; when to look again. */
ike_time ike_revocation_tidy(struct ike_engine *e);
void ike_revocation_forget_crls(struct ike_engine *e);
void ike_revocation_forget_ocsp(struct ike_engine *e);

/* ---- revocation_questions.c ---- */

enum ike_asked {
	IKE_ASKED_WAIT,   /* ike_id is told */
	IKE_ASKED_FAILED, /* lately; *ret_error borrowed until the next call */
};
/* Asks unless it is asked already or has failed lately. ike_id 0: nobody waits. */
enum ike_asked ike_ask(struct ike_engine *e, enum ike_question_kind kind, const char *url,
	struct ike_certificate *certificate, struct ike_certificate *issuer, uint32_t ike_id,
	const char **ret_error);
/* Ends what was not answered, forgets failures; when to look again. */
ike_time ike_questions_tidy(struct ike_engine *e);
/* Failures, or all. */
void ike_questions_forget(struct ike_engine *e, bool asked_too);

/* NULL when memory ran out or too many wait. */
struct ike_waiter *ike_waiter_get(struct ike_engine *e, uint32_t ike_id);
struct ike_waiter *ike_waiter_find(const struct ike_engine *e, uint32_t ike_id);
ike_time ike_waiters_tidy(struct ike_engine *e);
void ike_waiters_forget(struct ike_engine *e);

#endif
