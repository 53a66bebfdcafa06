/*
 * IKEv1's exchanges from the inside (RFC 2407, 2408, 2409; transactions: draft-ietf-ipsec-isakmp-
 * mode-cfg, draft-beaulieu-ike-xauth).
 *
 * receive.c finds the SA by our cookie, finds or opens the exchange by the message id, decrypts,
 * checks the phase 2 hash, parses, and asks the table in exchanges.c which handler may have it. The
 * handler writes what is to be sent next and says what becomes of the exchange. A task of ours
 * (tasks.c) starts an exchange; the task is sa->active until that exchange is through, so there is
 * one of ours at a time, and any number (bounded) of the peer's. sa->request is what we send again
 * by time; what we send again when the peer repeats itself is kept with the exchange.
 * No handler destroys the SA it was given: it says so.
 */
#ifndef LIBIKE_IKEV1_IKEV1_H
#define LIBIKE_IKEV1_IKEV1_H

#include "libike/versions.h"
#include "libike/wire/isakmp.h"

#define IKEV1_BLOCK_MAX 16
#define IKEV1_EXCHANGES_MAX 16 /* of the peer's, kept at a time; the oldest that is over goes */

/* Which message of its exchange is expected next; the rows of exchanges.c. */
enum ikev1_step {
	IKEV1_STEP_NONE,
	IKEV1_MAIN_1, /* responder waits for message 1: SA */
	IKEV1_MAIN_2, /* initiator */
	IKEV1_MAIN_3, /* responder: KE, nonce */
	IKEV1_MAIN_4,
	IKEV1_MAIN_5, /* responder: identity and proof */
	IKEV1_MAIN_6,
	IKEV1_AGGRESSIVE_1,
	IKEV1_AGGRESSIVE_2,
	IKEV1_AGGRESSIVE_3,
	IKEV1_QUICK_1, /* responder */
	IKEV1_QUICK_2,
	IKEV1_QUICK_3,
	IKEV1_QUICK_CONNECTED, /* initiator: the commit bit has us wait for CONNECTED */
	IKEV1_INFORMATIONAL,
	IKEV1_TRANSACTION_REQUEST, /* REQUEST or SET */
	IKEV1_TRANSACTION_ANSWER,  /* REPLY or ACK */
	IKEV1_STEP_DONE,           /* kept for repetitions of the peer's last message alone */
};

struct ikev1_quick; /* quick.c: our half of a Quick Mode */

/* One exchange: phase 1 (message id 0) or one of phase 2. */
struct ikev1_exchange {
	struct ikev1_exchange *next;
	uint32_t message_id;
	uint8_t type;   /* enum isakmp_exchange_type */
	uint8_t step;   /* enum ikev1_step: what is expected */
	bool initiator; /* of this exchange, we are */
	bool sealed;    /* its next message is encrypted */
	uint8_t iv[IKEV1_BLOCK_MAX];
	/* Of the peer's last message that was taken, as it came: a repetition gets `sent` again. */
	uint8_t received[20]; /* SHA-1 */
	bool has_received;
	uint8_t helped;           /* so often `sent` went out although it was not asked for */
	struct ike_packets *sent; /* to that; NULL: nothing */
	ike_time forget_at;       /* DONE, or the peer does not go on */
	uint8_t repetitions;      /* of ours that nobody answers: so often it is sent again then */
	struct ikev1_quick *quick;
};

/* What only phase 1 needs; freed when the SA is established (XAuth and Mode Config included).
 * Nonces and the key exchange are in struct ike_negotiation. */
struct ikev1_phase1 {
	bool aggressive;
	bool held;                 /* initiator: it has let the peer's attempt go first */
	bool chosen;               /* responder: the definition, by the peer's identity */
	uint16_t auth_method;      /* enum isakmp_auth_method, as negotiated */
	struct bytes sa_body;      /* heap: SAi_b */
	struct bytes peer_public;  /* heap: g^x of the peer */
	struct bytes own_id_body;  /* heap: IDii_b or IDir_b of ours */
	struct bytes peer_id_body; /* heap */
	struct secret skeyid;
	struct secret shared;      /* g^xy, until SKEYID is made */
	uint32_t vendors;          /* 1 << enum isakmp_vendor: the peer's */
	uint32_t vendors_said;     /* those that it was told of */
	uint8_t nat_t;             /* enum isakmp_vendor that both know; ISAKMP_VENDORS: none */
	struct ikev1_proof *proof; /* auth.h of signatures: signature.c; NULL with PSK */
	struct ikev1_xauth *xauth; /* transaction.h; NULL before transactions */
	struct ikev1_definitions *unacceptable; /* definition.c; NULL: none was */
	uint8_t psk_tries; /* responder, Main Mode: definitions whose key was not it */
	uint8_t unopened;  /* messages that no key opened */
	bool unreadable;   /* the peer's proof could not be decrypted */
	bool unproved;     /* what was to prove the peer did not verify, and was ignored */
	bool unread;    /* initiator: it said something to our proof that could not be decrypted */
	bool reported;  /* that keys seem to differ */
	uint16_t error; /* that somebody said in the clear when it counted no more */
};

struct ikev1_waiting; /* receive.c: the message under work */
struct ikev1_used;    /* receive.c: message ids that the peer must not use again */

/* sa->v1: an IKE SA's state that IKEv2 has not. */
struct ikev1 {
	/* SKEYID_d | SKEYID_a | SKEYID_e | the key of the cipher: sa->keys has the octets. */
	uint8_t key_length; /* of each of the first three: the PRF's */
	uint8_t cipher_length;
	uint8_t last_block[IKEV1_BLOCK_MAX]; /* of phase 1: what IVs of phase 2 come of */
	struct ikev1_exchange *exchanges;    /* the newest first */
	struct ikev1_phase1 *phase1;         /* NULL once established */
	bool nat_draft; /* NAT traversal is that of the drafts before RFC 3947 */
	bool peer_dpd;
	bool peer_unity;
	bool peer_xauth;
	bool says_contact; /* as responder: the peer goes on with an IKE SA that we have not */
	/* When it is looked at again whether the peer has this IKE SA up, so that children of
	 * another one may come over; 0: they have, or there are none. */
	ike_time adopt_at;
	uint32_t dpd_sent;      /* sequence numbers (RFC 3706) */
	uint32_t dpd_expected;  /* of the peer's next R_U_THERE; 0: any */
	ike_time dpd_since;     /* unanswered since then; 0: nothing is */
	uint64_t life_seconds;  /* as negotiated; 0: ours */
	uint16_t last_fragment; /* id of the message that was sent in fragments last */
	uint16_t requests;      /* counts what was sent to be sent again by time */
	struct isakmp_reassembly *reassembly;
	uint8_t informed[20];                /* SHA-1 of the last INFORMATIONAL that was taken */
	struct ikev1_waiting *waiting;       /* NULL: nothing waits */
	struct ikev1_used *used;             /* heap, or NULL */
	const struct ikev1_exchange *worked; /* a handler has it: it stays */
};

/* What a handler works with. */
struct ikev1_received {
	struct ike_engine *e;
	struct ike_sa *sa;
	struct ikev1_exchange *exchange;
	const struct ike_datagram *datagram;
	const struct isakmp_message *message;
	struct ike_builder *reply; /* empty on entry; what stands in it afterwards is sent */
	struct ike_failure *failure;
};

enum ikev1_outcome {
	IKEV1_OK,     /* send the reply, if any; exchange->step says what comes next */
	IKEV1_END,    /* send the reply, if any; then the SA ends, for the failure's reason */
	IKEV1_IGNORE, /* as if the message had never come: IV and step are as before */
	IKEV1_WAIT,   /* the message is kept: ike_resume() goes on with it */
};

typedef enum ikev1_outcome (*ikev1_handler)(struct ikev1_received *x);

/* ---- version.c; ikev1_make() and ikev1_free() are in sa/sa_priv.h ---- */
/* Phase 1 and its transactions are through: what only they needed goes. */
void ikev1_phase1_free(struct ikev1 *v1);

/* ---- exchanges.c: the table ---- */
struct ikev1_row {
	uint8_t step;
	uint32_t must; /* ISAKMP_PAYLOAD_BIT(); VENDOR_ID and NOTIFY may be everywhere */
	uint32_t may;
	bool encrypted;
	bool hashed; /* phase 2: HASH comes first, and proves all that follows */
	ikev1_handler handler;
};
/* NULL: not now, with a reason (step of the exchange, which of must and may). */
const struct ikev1_row *ikev1_row_for(const struct ikev1_exchange *exchange,
	const struct isakmp_message *message, struct why *why);

/* ---- receive.c ---- */
void ikev1_receive(
	struct ike_engine *e, const struct ike_datagram *datagram, const struct ike_header *header);
/* Phase 1's proofs are done: exchanges of phase 2 can begin. */
bool ikev1_is_proved(const struct ike_sa *sa);
/* The peer itself has said something just now: the datagram is no repetition by others. */
void ikev1_heard(struct ike_engine *e, struct ike_sa *sa, const struct ike_datagram *datagram);
/* A message that opened its exchange: to its handler. The SA may be gone afterwards. */
void ikev1_process(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange,
	const struct ike_datagram *datagram, const struct isakmp_message *message);
/* Goes on with a message that made the SA wait. The SA may be gone afterwards. */
void ikev1_resume(struct ike_engine *e, struct ike_sa *sa);
/* It waited for too long. The SA is gone afterwards. */
void ikev1_wait_expired(struct ike_engine *e, struct ike_sa *sa);
void ikev1_waiting_free(struct ikev1_waiting *w); /* NULL is fine */
/* Phase 1: tells the peer with an error notify; for a handler that gives up. */
enum ikev1_outcome ikev1_refuse(struct ikev1_received *x, uint16_t notify);

/* ---- send.c ---- */
/* A new exchange of ours with a fresh message id (0: phase 1), at the head of the list; NULL when
 * memory ran out. IV of phase 2 set. */
struct ikev1_exchange *ikev1_exchange_new(
	struct ike_engine *e, struct ike_sa *sa, uint8_t type, bool initiator, uint32_t message_id);
struct ikev1_exchange *ikev1_exchange_find(
	const struct ike_sa *sa, uint32_t message_id, uint8_t type);
/* sa->active's, or NULL. */
struct ikev1_exchange *ikev1_exchange_own(const struct ike_sa *sa);
void ikev1_exchange_free(struct ikev1_exchange *exchange);
/* The exchange is over: kept for repetitions for a while. */
void ikev1_exchange_done(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange);

enum ikev1_sending {
	IKEV1_SEND_KEEP,  /* again when the peer repeats itself */
	IKEV1_SEND_AGAIN, /* also by time, until ike_request_answered(): sa->request */
	IKEV1_SEND_ONCE,
};
/* Encrypted when exchange->sealed. False on overflow or when memory ran out. */
MUST_USE bool ikev1_send(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange,
	const struct ike_builder *b, enum ikev1_sending how);
/* Phase 2 messages begin with HASH: room is left here, and filled by ikev1_send_hashed(). */
size_t ikev1_hash_open(const struct ike_sa *sa, struct ike_builder *b);
/* number: 1, 2, 3 of Quick Mode (RFC 2409 5.5); 1 for informational and transaction exchanges.
 * nonces: of Quick Mode 2 (Ni_b) and 3 (Ni_b, Nr_b); else empty. */
MUST_USE bool ikev1_send_hashed(struct ike_engine *e, struct ike_sa *sa,
	struct ikev1_exchange *exchange, struct ike_builder *b, size_t mark, int number,
	struct bytes nonce_i, struct bytes nonce_r, enum ikev1_sending how);
/* prf(SKEYID_a, [0 |] M-ID [| Ni_b] [| Nr_b] | after): number as above. */
MUST_USE bool ikev1_phase2_hash(struct ike_engine *e, const struct ike_sa *sa, uint32_t message_id,
	int number, struct bytes nonce_i, struct bytes nonce_r, struct bytes after,
	uint8_t ret[IKE_PRF_OUTPUT_MAX]);
/* In the clear whatever keys there are: for a peer that cannot have the same. */
void ikev1_inform_clear(struct ike_engine *e, struct ike_sa *sa, uint16_t type);
/* An informational exchange of one message with one notify or delete that the caller wrote behind
 * ikev1_hash_open(). With keys it is sealed and hashed, else in the clear. */
void ikev1_inform(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b, size_t mark);
/* The same with a notify; data and spi may be empty. */
void ikev1_inform_notify(struct ike_engine *e, struct ike_sa *sa, uint8_t protocol, uint16_t type,
	struct bytes spi, struct bytes data);

/* ---- keys.c (RFC 2409 5, appendix B) ---- */
/* SKEYID: PSK: prf(psk, Ni_b | Nr_b); signatures: prf(Ni_b | Nr_b, g^xy). */
MUST_USE bool ikev1_keys_skeyid(struct ike_engine *e, struct ike_sa *sa, struct bytes psk);
/* SKEYID_d, _a, _e, cipher key, IV of phase 1; of v1->phase1's skeyid and shared. */
MUST_USE bool ikev1_keys_derive(struct ike_engine *e, struct ike_sa *sa);
struct bytes ikev1_keys_d(const struct ike_sa *sa);
struct bytes ikev1_keys_a(const struct ike_sa *sa);
struct bytes ikev1_keys_cipher(const struct ike_sa *sa);
/* HASH_I or HASH_R (of_initiator says whose). */
MUST_USE bool ikev1_keys_hash(struct ike_engine *e, const struct ike_sa *sa, bool of_initiator,
	uint8_t ret[IKE_PRF_OUTPUT_MAX]);
/* Of that hash, in octets. */
size_t ikev1_keys_hash_length(const struct ike_sa *sa);
/* IV of a phase 2 exchange. */
MUST_USE bool ikev1_keys_iv(struct ike_engine *e, const struct ike_sa *sa, uint32_t message_id,
	uint8_t ret[IKEV1_BLOCK_MAX]);
/* struct ike_version.child_keys (RFC 2409 5.5): each direction by its own SPI and protocol. */
bool ikev1_keys_child(struct ike_engine *e, const struct ike_child *child, bool initiator,
	const struct ike_child_secrets *secrets, struct secret *ret);

/* ---- phase1.c: what Main and Aggressive Mode share ---- */
/* As initiator: the first message of whichever mode the definition wants (struct ike_version.begin
 * and .restart). */
bool ikev1_phase1_begin(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
bool ikev1_phase1_restart(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* SA (offers with the definition's auth method and lifetime), then vendor ids. */
MUST_USE bool ikev1_phase1_build_offer(struct ike_engine *e, struct ike_sa *sa,
	struct ike_builder *b, struct ike_failure *failure);
/* What the definition's first local and remote rounds mean when we are the initiator, or not; RSA
 * stands for signatures of whatever key. 0: nothing. */
uint16_t ikev1_phase1_method(const struct ike_connection *c, bool initiator);
/* As responder at that address: what we can agree on, by the private keys that are there; returns
 * how many. */
#define IKEV1_METHODS_MAX 8
size_t ikev1_phase1_methods(struct ike_engine *e, const struct ike_connection *c,
	const struct address *local, uint16_t ret[IKEV1_METHODS_MAX]);
/* Of a method: what the initiator (else the responder) proves itself with: enum ike_auth_class. */
uint8_t ikev1_phase1_class(uint16_t method, bool of_initiator);
/* Responder: the chosen transform once more, for the answer. */
MUST_USE bool ikev1_phase1_choose(struct ikev1_received *x, struct isakmp_offer *ret_chosen);
/* Initiator: the answer's transform. */
MUST_USE bool ikev1_phase1_agree(struct ikev1_received *x);
void ikev1_phase1_read_vendors(struct ikev1_received *x);
void ikev1_phase1_build_vendors(
	struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b);
/* KE and nonce of ours (made on first use) and of the peer. */
MUST_USE bool ikev1_phase1_build_ke(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b);
MUST_USE bool ikev1_phase1_read_ke(struct ikev1_received *x);
/* Who we are by the definition, at that address. Held; NULL: memory ran out. */
struct ike_identity *ikev1_phase1_own_identity(
	const struct ike_connection *c, const struct address *local);
/* Our identity as payload, kept as own_id_body; and the peer's, kept, into sa->remote_id. */
MUST_USE bool ikev1_phase1_build_id(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b);
MUST_USE bool ikev1_phase1_read_id(struct ikev1_received *x);

/* ---- definition.c: as responder, which definition is for the peer ---- */
/* The peer is known: it may be another one after all that fits better; once. False with a failure
 * when none does. */
MUST_USE bool ikev1_definition_choose(struct ikev1_received *x);
/* The peer's proof; if it is not good for this definition, for the next that fits. The first
 * failure stays when there is none. */
enum ikev1_outcome ikev1_definition_verify(struct ikev1_received *x);
/* What the peer proved is not good for the SA's definition (why): another one whose identities fit,
 * that was not tried yet, and for which fits() holds besides. */
typedef bool (*ikev1_definition_fits)(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c);
MUST_USE bool ikev1_definition_switch(struct ike_engine *e, struct ike_sa *sa,
	ikev1_definition_fits fits, const struct ike_failure *why);
/* Whether the proofs that were made are good for that one as well. */
bool ikev1_definition_is_possible(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c);
void ikev1_definitions_free(struct ikev1_definitions *d); /* NULL is fine */

/* ---- phase1.c, phase1_end.c, phase1_respond.c ---- */
/* The peer has proved itself: established, or XAuth and Mode Config first. */
enum ikev1_outcome ikev1_phase1_done(struct ikev1_received *x);
/* The peer's INITIAL_CONTACT, which must have been encrypted; and ours, where there is reason to.
 */
void ikev1_phase1_read_contact(struct ikev1_received *x);
void ikev1_phase1_build_contact(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b);
/* Our nonce, once. */
MUST_USE bool ikev1_phase1_nonce(struct ike_engine *e, struct ike_sa *sa);
/* Keeps SAi_b, from the message or from the builder that it was just written into. */
MUST_USE bool ikev1_phase1_keep_sa(struct ike_sa *sa, struct bytes body);
/* Initiator, message 2 was taken: the INIT task is done, AUTH is what goes on. */
MUST_USE bool ikev1_phase1_answered(struct ikev1_received *x);
/* Sends the reply at once: what follows is sent differently, or after it. */
MUST_USE bool ikev1_phase1_say(struct ikev1_received *x, enum ikev1_sending how);
/* "out of memory", as an outcome. */
enum ikev1_outcome ikev1_phase1_no_memory(struct ikev1_received *x);
/* As initiator, the peer's proof: is it whom the definition wants? */
MUST_USE bool ikev1_phase1_check_id(struct ikev1_received *x);
/* As responder: false, with a failure, when `unique = keep` keeps another IKE SA of this peer. */
MUST_USE bool ikev1_phase1_is_unique(
	struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* All is through: announces, plans, starts what waits. */
void ikev1_established(struct ike_engine *e, struct ike_sa *sa, bool is_up_at_peer);
/* A first message: no SA yet (half-open limits, then Main or Aggressive Mode as responder). */
void ikev1_phase1_requested(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct isakmp_message *message);

/* An error in the clear: before there are keys nobody can say more about the peer. */
enum ikev1_outcome ikev1_phase1_refused(struct ikev1_received *x);
/* The peer's proof could not be decrypted. True: it can now, with another definition's key. */
bool ikev1_phase1_unreadable(struct ikev1_received *x);
/* What it said in an INFORMATIONAL could not be decrypted. */
void ikev1_phase1_unheard(struct ike_engine *e, struct ike_sa *sa);
/* Reports, once, that the pre-shared keys seem to differ; nothing when there is no sign of that.
 * struct ike_version.sent_again: that the proof has to be sent again is one. */
void ikev1_phase1_suspect(struct ike_engine *e, struct ike_sa *sa);
/* struct ike_version.silent */
bool ikev1_phase1_silent(
	struct ike_engine *e, const struct ike_sa *sa, struct ike_failure *failure);

/* ---- main_mode.c ---- */
bool ikev1_main_begin(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
enum ikev1_outcome ikev1_main_1(struct ikev1_received *x);
enum ikev1_outcome ikev1_main_2(struct ikev1_received *x);
enum ikev1_outcome ikev1_main_3(struct ikev1_received *x);
enum ikev1_outcome ikev1_main_4(struct ikev1_received *x);
enum ikev1_outcome ikev1_main_5(struct ikev1_received *x);
enum ikev1_outcome ikev1_main_6(struct ikev1_received *x);

/* ---- aggressive_mode.c ---- */
bool ikev1_aggressive_begin(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
enum ikev1_outcome ikev1_aggressive_1(struct ikev1_received *x);
enum ikev1_outcome ikev1_aggressive_2(struct ikev1_received *x);
enum ikev1_outcome ikev1_aggressive_3(struct ikev1_received *x);

/* ---- proof.c, signature.c: who somebody is ---- */
/* SKEYID by the method that was agreed on: looks for the PSK, by identities as far as they are
 * known (Main Mode: by addresses). False with a failure. */
MUST_USE bool ikev1_proof_skeyid(
	struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* HASH, or CERT and SIGNATURE of ours. IKEV1_WAIT: while the host signs; asked again then. */
enum ikev1_outcome ikev1_proof_build(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b,
	struct ike_failure *failure);
/* Whether SKEYID comes of a pre-shared key, whose text is "the pre-shared keys of 'a' - 'b'". */
bool ikev1_proof_is_shared(const struct ike_sa *sa);
/* The pre-shared key that c has for this peer, as far as it is known; empty: none. */
struct bytes ikev1_proof_psk(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c);
/* Whether SKEYID comes of c's key for this peer, or the signature that was verified is by a
 * certificate that c allows; true as long as there is neither. */
bool ikev1_proof_fits(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c);
/* In Main Mode the key is chosen by addresses, and whoever has it may say to be anybody: true when
 * there is a secret for the identity that the peer said, and SKEYID does not come of it. */
bool ikev1_proof_is_anothers(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c);
/* The peer's; IKEV1_WAIT while its chain is checked; IKEV1_END with a failure. */
enum ikev1_outcome ikev1_proof_verify(struct ikev1_received *x);
/* Main Mode's encrypted identity, and with a shared key its proof: that is no secret's matter any
 * more once it could be decrypted, so if it does not verify it was damaged on the way, and counts
 * for nothing (IKEV1_IGNORE). */
enum ikev1_outcome ikev1_proof_read(struct ikev1_received *x);
/* CERTREQ, where the definition wants it; what the peer asks for is kept. */
void ikev1_proof_build_certreq(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b);
MUST_USE bool ikev1_proof_read_certreq(struct ikev1_received *x);
void ikev1_proof_free(struct ikev1_proof *proof); /* NULL is fine; forgets what it waits for */

/* ---- nat.c (RFC 3947 and drafts) ---- */
void ikev1_nat_build(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b); /* NAT-D */
void ikev1_nat_read(struct ikev1_received *x); /* nat_local, nat_remote */
/* Responder, the peer's encrypted message: sa->local and sa->remote follow it. Whether the peer has
 * gone to port 4500 says whether it takes a NAT to be there, and both ends have to say the same, or
 * no child comes up: hashes in the clear may have been damaged. */
void ikev1_nat_follow(struct ikev1_received *x);
/* Initiator, before message 5 (3 of Aggressive Mode): to port 4500 when there is a NAT. */
void ikev1_nat_float(struct ike_engine *e, struct ike_sa *sa);
/* The encapsulation attribute for a child's mode. */
uint16_t ikev1_nat_encapsulation(const struct ike_sa *sa, uint8_t mode);
/* The mode that the peer's attribute says (0: tunnel); false when it is none, or in UDP without a
 * NAT, or the other way round. */
bool ikev1_nat_mode(const struct ike_sa *sa, uint16_t encapsulation, uint8_t *ret_mode);
/* NAT-OA of transport mode; nothing without a NAT. initiator: of the Quick Mode, we are. */
void ikev1_nat_build_oa(struct ike_engine *e, struct ike_sa *sa, uint8_t mode, bool initiator,
	struct ike_builder *b);

/* ---- quick_initiate.c, quick_respond.c, quick.c: Quick Mode (RFC 2409 5.5) ---- */
/* CREATE_CHILD and REKEY_CHILD. */
bool ikev1_quick_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task,
	struct ike_failure *failure);
enum ikev1_outcome ikev1_quick_1(struct ikev1_received *x);
enum ikev1_outcome ikev1_quick_2(struct ikev1_received *x);
enum ikev1_outcome ikev1_quick_3(struct ikev1_received *x);
enum ikev1_outcome ikev1_quick_connected(struct ikev1_received *x);
void ikev1_quick_free(struct ikev1_quick *quick); /* NULL is fine */
/* What HASH(2) and HASH(3) are over besides; empty while not known, also without exchange->quick.
 */
void ikev1_quick_nonces(
	const struct ikev1_exchange *exchange, struct bytes *ret_i, struct bytes *ret_r);
/* Message 2 again when message 3 does not come; from the old child to the new one. True: there was
 * something to do. */
bool ikev1_quick_wake(struct ike_engine *e, struct ike_sa *sa);
ike_time ikev1_quick_deadline(const struct ike_sa *sa); /* IKE_NEVER: none */
/* The peer has repeated its last message, and got exchange->sent again. */
void ikev1_quick_repeated(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange);
/* The peer refused or gave up the exchange of that message id (an error notify). True: it was ours
 * and is over. */
bool ikev1_quick_refused(struct ikev1_received *x, const struct isakmp_notify *n);
/* The peer deletes a child: what it had replaced is in charge again, if that is still there. */
void ikev1_quick_taken_back(struct ike_engine *e, struct ike_child *child);
/* struct ike_version.rekey_child */
void ikev1_rekey_child(struct ike_engine *e, struct ike_child *child);

/* ---- informational.c ---- */
/* HASH is checked already: what is in the clear does not come here. */
enum ikev1_outcome ikev1_informational(struct ikev1_received *x);
/* The peer began without INITIAL_CONTACT, and we have nothing of it: it is told so, when our last
 * message of phase 1 has left. */
void ikev1_contact_wake(struct ike_engine *e, struct ike_sa *sa);
/* struct ike_version.delete_ike, .delete_child, .delete_once */
void ikev1_delete_ike(struct ike_engine *e, struct ike_sa *sa, bool force, uint64_t ticket,
	const struct ike_failure *why);
void ikev1_delete_child(struct ike_engine *e, struct ike_child *child, bool force, uint64_t ticket,
	enum ike_reason reason);
void ikev1_delete_once(struct ike_engine *e, struct ike_sa *sa);
/* A DELETE of ours is due to be sent once more. */
void ikev1_delete_again(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange);
/* DELETE_CHILD of a child that may be gone already. Finishes the task. */
bool ikev1_delete_child_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task);
enum ike_reason ikev1_notify_reason(uint16_t type);

/* ---- liveness.c (RFC 3706) ---- */
/* DPD: sends R_U_THERE and finishes the task; a question that is open already stays the one. */
bool ikev1_liveness_start(struct ike_engine *e, struct ike_sa *sa);
/* Asks now, whatever dpd_delay says; nothing when the peer has no DPD. */
void ikev1_liveness_ask(struct ike_engine *e, struct ike_sa *sa);
/* struct ike_version.asks, .asked_since, .dead_after */
bool ikev1_liveness_asks(struct ike_engine *e, struct ike_sa *sa);
ike_time ikev1_liveness_asked_since(const struct ike_sa *sa);
ike_time ikev1_liveness_dead_after(const struct ike_engine *e, const struct ike_sa *sa);
void ikev1_liveness_notified(struct ikev1_received *x, const struct isakmp_notify *n);

/* ---- lifetimes.c: phase 1 ends; RESPONDER-LIFETIME ---- */
/* struct ike_version.rekey_ike, .reauthenticate: an IKE SA from scratch, and when it is up the
 * children of the old one come over, on whichever end (ikev1_adopt()). */
void ikev1_rekey_ike(struct ike_engine *e, struct ike_sa *sa);
void ikev1_reauthenticate(struct ike_engine *e, struct ike_sa *sa);
/* Established: children and tasks of older IKE SAs between the same identities and addresses come
 * over, and those IKE SAs go, as soon as this one is up at the peer, too. */
void ikev1_adopt(struct ike_engine *e, struct ike_sa *sa, bool is_up_at_peer);
/* The peer has said under this IKE SA what it only says when it is up there. */
void ikev1_up_at_peer(struct ike_engine *e, struct ike_sa *sa);
/* v1->adopt_at may have come. */
bool ikev1_adopt_wake(struct ike_engine *e, struct ike_sa *sa);
/* The SA goes, the peer has another one with us: children and tasks go there. False: it has none.
 */
bool ikev1_bequeath(struct ike_engine *e, struct ike_sa *sa);
/* What it was replaced by has its children. The peer said nothing about it any more: they may lead
 * nowhere, and are made anew. */
void ikev1_renew_inherited(struct ike_engine *e, const struct ike_sa *sa);
/* It is meant to end, and with it those that it took the place of. */
void ikev1_hurry_superseded(struct ike_engine *e, const struct ike_sa *sa);
/* What both ends agreed on, where that is less than was planned. */
void ikev1_limit_lifetime(struct ike_engine *e, struct ike_sa *sa);
void ikev1_responder_lifetime(struct ikev1_received *x, const struct isakmp_notify *n);
void ikev1_path_wake(struct ike_engine *e, struct ike_sa *sa);

/* ---- crossing.c: both ends start at once ---- */
/* Initiator, before the message that proves who we are: true while the peer's own attempt goes
 * first; the handler, which has done nothing yet, says IKEV1_WAIT. */
bool ikev1_crossing_holds(struct ike_engine *e, struct ike_sa *sa);
/* For struct ike_version.wake: it has waited long enough; true when it had to. The SA may be gone
 * afterwards. */
bool ikev1_crossing_wake(struct ike_engine *e, struct ike_sa *sa);
/* The peer's IKE SA is established: attempts of ours that it need not know of end, and what they
 * were to do is done under this one. */
void ikev1_crossing_settle(struct ike_engine *e, struct ike_sa *sa);

/* ---- transaction.c, xauth.c, mode_config.c ---- */
enum ikev1_outcome ikev1_transaction_request(struct ikev1_received *x);
enum ikev1_outcome ikev1_transaction_answer(struct ikev1_received *x);
/* After phase 1's proofs: begins what the definition demands of XAuth and Mode Config, in that
 * order; false: nothing (more), the SA is established. Failure: the SA is to end. Nothing is sent
 * before the engine's next turn: what the caller has to say goes first. */
bool ikev1_transactions_go_on(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* Whether Quick Modes, the peer's and ours, have to wait for it. */
bool ikev1_transactions_pending(const struct ike_sa *sa);
/* strongSwan's name of the one that is under way: "XAUTH", "MODE_CONFIG"; or NULL. */
const char *ikev1_transactions_name(const struct ike_sa *sa);
/* struct ike_version.wake and .deadline. */
bool ikev1_transactions_wake(struct ike_engine *e, struct ike_sa *sa);
ike_time ikev1_transactions_deadline(const struct ike_sa *sa); /* IKE_NEVER: none */
/* The peer does not go on, and why is known: the user was refused. */
bool ikev1_transactions_silent(const struct ike_sa *sa, struct ike_failure *failure);
void ikev1_xauth_free(struct ikev1_xauth *xauth); /* NULL is fine */
/* ike_resume(): a RADIUS server has answered, or the host knows about a password. */
void ikev1_transactions_resume(struct ike_engine *e, struct ike_sa *sa);

#endif
