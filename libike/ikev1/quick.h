/*
 * Quick Mode from the inside (RFC 2409 5.5): what initiator and responder have in common.
 *
 *   HDR*, HASH(1), SA, Ni [, KE] [, IDci, IDcr]  -->
 *                              <--  HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr]
 *   HDR*, HASH(3)  -->
 *
 * Nothing says that it rekeys: a Quick Mode for a child that is there, with its selectors, replaces
 * it. The responder takes packets in on the new child before message 2, and sends on it when it
 * knows that the initiator does, too: by message 3, or a packet on it. The initiator of a rekeying
 * sends on the new child when it knows that message 3 has come: by a packet on it, or as message 2
 * is not repeated any more; until then the old one is there.
 */
#ifndef LIBIKE_IKEV1_QUICK_H
#define LIBIKE_IKEV1_QUICK_H

#include "libike/ikev1/ikev1.h"

/* The peer is to take ours, or has it already. IKEv1 has no word for it; this is IKEv2's number,
 * which ISAKMP has not assigned. */
#define IKEV1_NOTIFY_NO_ADDITIONAL_SAS IKE_NOTIFY_NO_ADDITIONAL_SAS

/* What a handover waits for (struct ike_handover). */
enum ikev1_awaited {
	IKEV1_AWAITS_3 = 1,     /* responder: message 3, or the first packet */
	IKEV1_AWAITS_CONNECTED, /* the peer set the commit bit */
	IKEV1_AWAITS_USE,       /* initiator: the peer has message 3 */
};

struct ikev1_quick {
	bool commit; /* by the peer: CONNECTED is to come */
	uint16_t group;
	uint8_t nonce[IKE_NONCE_LENGTH];
	struct bytes peer_nonce;               /* heap */
	struct ike_key_exchange *key_exchange; /* initiator with PFS, until it is answered */
	uint32_t spi; /* inbound, of the new child, which may be gone; 0: there is none yet */
};

/* ---- quick.c ---- */

/* For an exchange; nonce drawn. False when memory or randomness ran out. */
MUST_USE bool ikev1_quick_new(struct ike_engine *e, struct ikev1_exchange *exchange);
MUST_USE bool ikev1_quick_keep_nonce(struct ikev1_received *x);
/* Of an exchange whose nonces are both known. */
struct ike_child_secrets ikev1_quick_secrets(
	const struct ikev1_exchange *exchange, struct bytes shared);

struct bytes ikev1_spi_octets(uint32_t spi, uint8_t room[4]);
/* False for reserved ones (RFC 4303 2.1). */
MUST_USE bool ikev1_spi_value(struct bytes octets, uint32_t *ret);

/* Lifetimes: what is offered, and the smaller one counts. */
uint64_t ikev1_quick_kilobytes(const struct ike_child_config *config);
void ikev1_quick_limit(
	struct ike_engine *e, struct ike_child *child, uint64_t seconds, uint64_t kilobytes);
/* Of a RESPONDER_LIFETIME notify (RFC 2407 4.6.3.1); 0: not said. */
void ikev1_quick_read_lifetime(
	struct bytes attributes, uint64_t *ret_seconds, uint64_t *ret_kilobytes);
void ikev1_quick_build_lifetime(struct ike_builder *b, const struct ike_child *child);

/* Of the same definition and the same selectors. */
bool ikev1_quick_is_same(const struct ike_child *a, const struct ike_child *b);
/* The newest that is up with the same selectors and definition: what a new one replaces. It may be
 * another IKE SA's with the same peer: that has taken the children over. Or NULL. */
struct ike_child *ikev1_quick_replaced(const struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *selectors,
	uint8_t mode);

/* Ours beside theirs (view; NULL: not known) when there is no proposal in common. */
void ikev1_quick_fail_proposals(struct ike_failure *failure, const struct ike_child_config *config,
	const struct isakmp_sa_view *view, const char *what);

/* ---- quick_selectors.c ---- */

/* The pair of a message: as it is said (without ID payloads: the two addresses), and as our kernel
 * sees it in transport mode through a NAT. */
struct ikev1_pair {
	struct ike_child_selectors said, seen;
};
/* False when an ID is no address. */
MUST_USE bool ikev1_quick_read_pair(
	const struct ikev1_received *x, bool we_initiated, struct ikev1_pair *ret);

/* What the task's child is to be offered with: one pair. False: there is none of one family. */
MUST_USE bool ikev1_quick_offered(const struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_task *task, struct ike_child_selectors *ret);
/* Initiator: the child gets what the peer has answered with. False with a failure. */
MUST_USE bool ikev1_quick_answered(struct ikev1_received *x, const struct ike_task *task,
	struct ike_child *child, struct ike_failure *failure);

/* Responder: what of theirs the child is to have, and how we say it. */
struct ikev1_choice {
	struct ike_child_selectors agreed;
	struct ike_selector local, remote;
	bool says_all; /* as in struct ike_child */
};
/* The definition that fits best; NULL when none does. */
const struct ike_child_config *ikev1_quick_choose(
	const struct ikev1_received *x, const struct ikev1_pair *theirs, struct ikev1_choice *ret);
/* IDci, IDcr of message 2; none if message 1 has none. */
void ikev1_quick_build_answer(
	const struct ikev1_received *x, const struct ikev1_choice *choice, struct ike_builder *b);

/* ---- quick_handover.c ---- */

/* The child, which has a handover, waits; the peer's exchange is sent again from time to time. */
void ikev1_handover_await(
	struct ike_engine *e, struct ike_child *child, enum ikev1_awaited awaited);
/* Responder: message 3 has come, or is proved to be on its way. Completes, unless our own rekeying
 * of the same child has to be decided first. */
void ikev1_handover_arrived(struct ike_engine *e, struct ike_child *child);
/* A Quick Mode of ours is through: what waited for it to be decided goes on. */
void ikev1_handovers_decided(struct ike_engine *e, struct ike_sa *sa);
/* Both ends use it: sends on it; what it replaces goes in a while when we are the initiator. */
void ikev1_handover_complete(struct ike_engine *e, struct ike_child *child);
/* What the exchange makes; NULL when it is gone. It may belong to another IKE SA by now. */
struct ike_child *ikev1_quick_child(
	const struct ike_engine *e, const struct ikev1_exchange *exchange);

/* ---- quick_install.c: the initiator has an agreed child ---- */

/* Installs it, alone or in the place of another. False with a failure: there is no message 3. */
MUST_USE bool ikev1_quick_install(struct ikev1_received *x, struct ike_task *task,
	struct bytes shared, struct ike_failure *failure);

/* ---- quick_initiate.c ---- */

/* The task, which is active no more, ends without a child, for the failure's reason. */
void ikev1_quick_finish(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task,
	struct ike_failure *failure);

#endif
