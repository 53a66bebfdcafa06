/*
 * IKEv2's exchanges from the inside (RFC 7296 1.2 to 1.5).
 *
 * A request comes in: receive.c finds the SA, opens and parses the message, and asks the table in
 * exchanges.c which handler may have it. The handler fills a reply and says what becomes of the SA.
 * A request goes out: tasks.c takes the next task of an SA and calls what starts it; its answer
 * goes to the handler that the table names. No handler destroys the SA it was given: it says so.
 */
#ifndef LIBIKE_IKEV2_IKEV2_H
#define LIBIKE_IKEV2_IKEV2_H

#include "libike/versions.h"

enum ike_outcome {
	IKE_OUTCOME_OK,     /* send the reply (to a request); go on */
	IKE_OUTCOME_END,    /* send the reply (to a request); then the SA ends, for the failure's
			       reason */
	IKE_OUTCOME_IGNORE, /* as if it had never come: no reply, the window does not move */
	IKE_OUTCOME_WAIT,   /* no reply yet (to a request), no next request yet (after an answer):
			       ike_resume() goes on with the message, which is kept */
};

/* What a handler works with. */
struct ike_received {
	struct ike_engine *e;
	struct ike_sa *sa;
	const struct ike_datagram *datagram;
	const struct ike_message *message;
	struct ike_builder *reply;   /* for requests; empty on entry */
	struct ike_failure *failure; /* why the SA ends */
};

/* ---- exchanges.c ---- */

enum ike_check {
	IKE_CHECK_OK,
	IKE_CHECK_UNEXPECTED, /* not now: ignore */
	IKE_CHECK_SYNTAX,     /* a payload is missing, or is there and must not be */
};

typedef enum ike_outcome (*ike_handler)(struct ike_received *x);

/* Which handler may have the message, in the state that the SA is in. why names the payload. */
enum ike_check ike_exchange_check(const struct ike_sa *sa, const struct ike_message *message,
	ike_handler *ret_handler, struct why *why);

/* ---- receive.c ---- */
void ikev2_receive(
	struct ike_engine *e, const struct ike_datagram *datagram, const struct ike_header *header);
/* What a handler left to be done. The SA may be gone afterwards. */
void ike_received_done(struct ike_received *x, enum ike_outcome outcome);

/* ---- init_initiate.c, init_respond.c: IKE_SA_INIT ---- */
bool ike_init_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
enum ike_outcome ike_init_answered(struct ike_received *x);
/* Once more from the start, with a new SPI. */
bool ike_init_restart(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* A first request: no SA yet. */
void ike_init_requested(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message);

/* A notify in the clear, without any state; never longer than what was received. */
void ike_init_answer_notify(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_header *request, uint16_t type, struct bytes data);

/* Notifies that both sides put into IKE_SA_INIT. */
void ike_init_build_notifies(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b);
/* The hashes that we announce there: IKE_HASH_BIT(). */
uint32_t ike_init_signature_hashes(const struct ike_engine *e);
void ike_init_read_notifies(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message);

/* ---- ppk.c: post-quantum preshared keys (RFC 8784), in IKE_SA_INIT ---- */
/* Initiator: is there one to be used? False when there must be and is none. */
bool ike_ppk_begin(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* Responder: the request may want to use one. False when memory ran out. */
MUST_USE bool ike_ppk_offered(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message);
/* N(USE_PPK), if so. */
void ike_ppk_build_use(const struct ike_sa *sa, struct ike_builder *b);
/* Initiator. False when one is demanded and the peer does not use any. */
bool ike_ppk_answered(struct ike_received *x);

/* ---- intermediate.c: additional key exchanges before IKE_AUTH (RFC 9242, RFC 9370 2.2.2) ---- */
/* IKE_SA_INIT agreed on them, or on none. */
MUST_USE bool ike_intermediate_expect(struct ike_sa *sa);
bool ike_intermediate_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
enum ike_outcome ike_intermediate_answered(struct ike_received *x);
enum ike_outcome ike_intermediate_requested(struct ike_received *x);
/* Responder: from now on the new keys are used. */
void ike_intermediate_answer_sent(struct ike_sa *sa);

/* ---- auth_initiate.c, auth_respond.c: IKE_AUTH; auth.h has its inside ---- */
bool ike_auth_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* Initiator: what the first request waited for is there. The SA may be gone afterwards. */
void ike_auth_start_resume(struct ike_engine *e, struct ike_sa *sa);
/* Initiator: the first request has left; the peer may believe in the SA. */
bool ike_auth_has_begun(const struct ike_sa *sa);
enum ike_outcome ike_auth_answered(struct ike_received *x);
enum ike_outcome ike_auth_requested(struct ike_received *x);

/* ---- auth_certs.c ---- */
/* What the peer asks for; replaces what it asked for before. False when memory ran out. */
MUST_USE bool ike_certreqs_keep(struct ike_negotiation *n, const struct ike_message *m);
/* Which authorities we ask for, if definitions have us ask. */
void ike_certreqs_build(struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b);

/* ---- configuration.c: CP (RFC 7296 3.15) ---- */
/* Initiator: CP(CFG_REQUEST), if the definition wants addresses. */
void ike_configuration_ask(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b);
/* Initiator, the last answer: addresses are taken and installed. False with a failure when there is
 * none. */
bool ike_configuration_accept(struct ike_received *x);
/* Responder, the first request: true while a DHCP server is asked for an address; ike_resume()
 * comes. */
bool ike_configuration_waits(struct ike_received *x);
/* Responder, the last answer: CP(CFG_REPLY) to the first request, if it asks. Else 0 or, with what
 * it is reported as, the error notify instead of a child. */
uint16_t ike_configuration_answer(struct ike_received *x);

/* ---- waiting.c: IKE_AUTH waits for somebody on this side ---- */
/* It is there, or cannot be had. The SA may be gone afterwards. */
void ike_auth_resume(struct ike_engine *e, struct ike_sa *sa);
/* The message is kept until then. False when memory ran out. */
MUST_USE bool ike_wait_keep(struct ike_received *x);
void ike_wait_begin(struct ike_engine *e, struct ike_sa *sa);
/* wait_until has come. The SA is gone afterwards. */
void ike_wait_expired(struct ike_engine *e, struct ike_sa *sa);

/* ---- cookie.c (RFC 7296 2.6) ---- */
bool ike_cookie_wanted(struct ike_engine *e, const struct address *remote);
#define IKE_COOKIE_LENGTH 32
MUST_USE bool ike_cookie_make(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message, uint8_t ret[IKE_COOKIE_LENGTH]);
bool ike_cookie_valid(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message);

/* ---- nat_detection.c (RFC 7296 2.23) ---- */
void ike_nat_build(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote, struct ike_builder *b);
/* Of a message on the SA's path; sets nat_local and nat_remote. False when it has no such notifies.
 */
bool ike_nat_detect(struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message);

/* ---- mobike.c (RFC 4555) ---- */
/* In IKE_AUTH: what we can, if the definition wants it; as responder after the peer said so. */
void ike_mobike_offer(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b);
void ike_mobike_read(struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message);
bool ike_mobike_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
enum ike_outcome ike_mobike_answered(struct ike_received *x);
/* What an INFORMATIONAL request says about addresses. */
void ike_mobike_requested(struct ike_received *x);
/* Liveness probes show who is behind a NAT whether it has changed (RFC 4555 3.8). */
void ike_mobike_build_probe(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b);
void ike_mobike_probe_answered(struct ike_received *x);

/* ---- child_negotiation.c: what IKE_AUTH and CREATE_CHILD_SA have in common ---- */

/* Initiator: [N(USE_TRANSPORT_MODE)] SA, [Ni, KEi,] TSi, TSr. A SPI is allocated. */
MUST_USE bool ike_child_offer(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task,
	bool in_auth, struct ike_builder *b, struct ike_failure *failure);
/* Initiator: the answer came. False when there is no child (the failure says why); *ret_inform is
 * set when the responder believes that there is one and has to be told to delete it. */
/* It was agreed on, and is not installed yet. */
MUST_USE bool ike_child_agree(struct ike_received *x, struct ike_task *task, bool in_auth,
	struct secret *ret_shared, struct ike_failure *failure, bool *ret_inform);
MUST_USE bool ike_child_accept(struct ike_received *x, struct ike_task *task, bool in_auth,
	struct bytes nonce_i, struct bytes nonce_r, struct ike_failure *failure, bool *ret_inform);
/* What was agreed on is installed and announced. False with a failure. */
MUST_USE bool ike_child_bring_up(struct ike_engine *e, struct ike_child *child,
	const struct ike_child_secrets *secrets, struct ike_failure *failure);
/* The peer deleted it before we heard that it is there. */
bool ike_child_was_deleted(const struct ike_task *task, struct ike_failure *failure);
/* Fills the failure for an answer without SA and selectors. */
void ike_child_refused(
	struct ike_received *x, const struct ike_child_config *config, struct ike_failure *failure);
/* Responder: fills the reply with SA, [Nr, KEr,] TSi, TSr and installs, or with an error notify and
 * returns false. rekeyed: the child that it is to replace, or NULL. False also when it is complete
 * only after additional key exchanges. */
bool ike_child_answer(struct ike_received *x, bool in_auth, struct ike_child *rekeyed,
	struct bytes nonce_i, struct bytes nonce_r);

/* ---- create_child.c ---- */
bool ike_create_child_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task,
	struct ike_failure *failure);
enum ike_outcome ike_create_child_answered(struct ike_received *x);
enum ike_outcome ike_create_child_requested(struct ike_received *x);

/* The answer demands another group: true when the task is to be started once more with it. */
bool ike_group_demanded(struct ike_received *x, struct ike_child_offer *offer,
	const struct ike_proposals *proposals);

/* ---- followup.c: additional key exchanges after CREATE_CHILD_SA (RFC 9370 2.2.4) ---- */
/* shared is moved. NULL when memory ran out. */
struct ike_followup *ike_followup_new(const struct ike_suite *suite, struct bytes nonce_i,
	struct bytes nonce_r, struct secret *shared);
/* One more is done. */
MUST_USE bool ike_followup_add(struct ike_followup *f, struct secret *shared);
struct ike_child_secrets ike_followup_secrets(const struct ike_followup *f);
/* Whether the peer's rekeying goes before ours of the same, which has these nonces. */
bool ike_followup_prevails(
	const struct ike_followup *theirs, struct bytes nonce_i, struct bytes nonce_r);

/* Initiator: CREATE_CHILD_SA was answered; the task, which is active no more, goes on. f (NULL: out
 * of memory) is taken over. False with a failure. */
MUST_USE bool ike_followup_begin(struct ike_received *x, struct ike_task *task,
	struct ike_followup *f, struct ike_failure *failure);
/* The task is the next to be run. */
void ike_followup_go_on(struct ike_sa *sa, struct ike_task *task);
bool ike_followup_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task,
	struct ike_failure *failure);
enum ike_outcome ike_followup_answered(struct ike_received *x);
/* What becomes of the task then: create_child.c, rekey_child.c, rekey_ike.c. */
enum ike_outcome ike_create_child_completed(struct ike_received *x, struct ike_task *task);
enum ike_outcome ike_rekey_child_completed(struct ike_received *x, struct ike_task *task);
enum ike_outcome ike_rekey_ike_completed(struct ike_received *x, struct ike_task *task);
void ike_create_child_failed(
	struct ike_received *x, struct ike_task *task, struct ike_failure *failure);
void ike_rekey_child_failed(
	struct ike_received *x, struct ike_task *task, struct ike_failure *failure);
void ike_rekey_ike_not_agreed(
	struct ike_received *x, struct ike_task *task, struct ike_failure *failure);

/* Responder: keeps f (taken over) until the peer goes on; puts the link into the reply. False when
 * memory or randomness ran out: f is the caller's still. */
MUST_USE bool ike_followup_expect(struct ike_received *x, struct ike_followup *f);
enum ike_outcome ike_followup_requested(struct ike_received *x);
/* The last exchange is through: installs, and the reply is fine (0), or returns what to refuse
 * with. Takes f's child over when it is installed. */
uint16_t ike_child_answer_complete(struct ike_received *x, struct ike_followup *f);
uint16_t ike_rekey_ike_complete(struct ike_received *x, struct ike_followup *f);
/* The peer's rekeying of that child, or of the IKE SA, that waits for more key exchanges; or NULL.
 */
const struct ike_followup *ike_followup_of_child(struct ike_sa *sa, const struct ike_child *old);
const struct ike_followup *ike_followup_of_ike(struct ike_sa *sa);
/* NULL is fine. */
void ike_followup_drop(struct ike_engine *e, struct ike_sa *sa, const struct ike_followup *which);
/* A deadline has come. */
void ike_followups_wake(struct ike_engine *e, struct ike_sa *sa);

/* Whether the request in flight, or about to be, is one that follows up. */
static inline bool ike_task_follows_up(const struct ike_task *task)
{
	return task && task->offer && task->offer->followup;
}

/* ---- crossing.c: both ends start at once ---- */
/* Initiator, IKE_SA_INIT is answered: when the peer is initiating too, one of both waits. */
void ike_crossing_hold(struct ike_engine *e, struct ike_sa *sa);
/* Initiator, the first IKE_AUTH request is ready: the peer's own is under work here, and ours waits
 * for what comes of it. */
bool ike_crossing_yields(struct ike_engine *e, struct ike_sa *sa);
bool ike_crossing_is_held(const struct ike_engine *e, const struct ike_sa *sa);
/* hold_until may have come. */
void ike_crossing_go_on(struct ike_engine *e, struct ike_sa *sa);
/* Responder of IKE_AUTH, the peer is known: whether it has to take ours instead. */
bool ike_crossing_refuses(struct ike_engine *e, const struct ike_sa *sa);
/* Responder, established: own attempts with that peer are given up, what waits for them goes on
 * through this one. */
void ike_crossing_settle(struct ike_engine *e, struct ike_sa *sa);
/* Initiator: the peer refused IKE_AUTH for now; another IKE SA begins after a pause, with all that
 * waits, and this one is to end. False when that was tried often enough, or memory ran out. */
bool ike_crossing_begin_again(struct ike_received *x);

/* ---- rekey_child.c (RFC 7296 1.3.3, 2.8) ---- */
/* Queues it, unless it is not the time; the caller runs the tasks. */
void ike_rekey_child(struct ike_engine *e, struct ike_child *child);
bool ike_rekey_child_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task,
	struct ike_failure *failure);
enum ike_outcome ike_rekey_child_answered(struct ike_received *x);
enum ike_outcome ike_rekey_child_requested(struct ike_received *x);

/* ---- rekey_ike.c (RFC 7296 1.3.2, 2.8, 2.25.2) ---- */
/* Queues it, unless it is not the time; the caller runs the tasks. */
void ike_rekey_ike(struct ike_engine *e, struct ike_sa *sa);
/* It did not work: once more, later. */
void ike_rekey_ike_later(struct ike_engine *e, struct ike_sa *sa);
/* Ours did not: what the peer made of the same IKE SA takes over, or we try again. */
void ike_rekey_ike_failed(struct ike_engine *e, struct ike_sa *sa);
bool ike_rekey_ike_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task,
	struct ike_failure *failure);
enum ike_outcome ike_rekey_ike_answered(struct ike_received *x);
enum ike_outcome ike_rekey_ike_requested(struct ike_received *x);
/* What the peer's rekeying made takes over, whatever becomes of ours. */
void ike_rival_prevails(struct ike_engine *e, struct ike_sa *rival);
/* The old one goes: its rival, if it has one, prevails. */
void ike_rival_of_prevails(struct ike_engine *e, struct ike_sa *old);

/* ---- reauth.c (RFC 7296 2.8.3) ---- */
/* reauth_at has come, or it is asked for. */
void ike_reauthenticate(struct ike_engine *e, struct ike_sa *sa);
/* The same at the gateway that its peer has just redirected us to. */
void ike_reauth_elsewhere(struct ike_engine *e, struct ike_sa *sa);
/* The old or the new IKE SA has nothing more to do: the old one may go. */
void ike_reauth_rest(struct ike_engine *e, struct ike_sa *sa);

/* ---- compression.c: IPCOMP_SUPPORTED ---- */
/* Initiator: a CPI, if the child's packets may be compressed. */
void ike_compression_offer(struct ike_engine *e, struct ike_child *child);
/* Responder: the same, if the peer offers what we can do. */
void ike_compression_answer(struct ike_received *x, struct ike_child *child);
/* Initiator: as the peer answers. False when it goes on with what was not offered. */
MUST_USE bool ike_compression_accept(
	struct ike_received *x, struct ike_child *child, struct ike_failure *failure);
/* The notify of whoever has a CPI. */
void ike_compression_build(const struct ike_child *child, struct ike_builder *b);

/* ---- informational.c: DELETE, liveness, error notifies ---- */
enum ike_outcome ike_informational_requested(struct ike_received *x);
enum ike_outcome ike_informational_answered(struct ike_received *x);
/* Queues the deletion of a child that the peer has and we could not install. */
void ike_delete_child_at_peer(struct ike_sa *sa, const struct ike_child *child);
bool ike_liveness_start(struct ike_engine *e, struct ike_sa *sa);
bool ike_delete_child_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task);
bool ike_delete_ike_start(struct ike_engine *e, struct ike_sa *sa);
/* Starts to delete an established SA at the peer; one that is not established just ends. With
 * force nobody waits for the answer. The SA may be gone afterwards. */
void ike_delete_ike(struct ike_engine *e, struct ike_sa *sa, bool force, uint64_t ticket,
	const struct ike_failure *why);
/* Its first child did not come up: with close_ike_on_child_failure its deletion is queued. */
void ike_delete_ike_as_childless(struct ike_engine *e, struct ike_sa *sa);
void ike_delete_child(struct ike_engine *e, struct ike_child *child, bool force, uint64_t ticket,
	enum ike_reason reason);

/* Last words of an SA that ends here: a DELETE that nobody waits for the answer of. */
void ike_delete_once(struct ike_engine *e, struct ike_sa *sa);

/* What an error notify of the peer means, in words. */
enum ike_reason ike_notify_reason(uint16_t type);

/* ---- resources.c ---- */

/* SA_RESOURCE_INFO, where the child is one of several. */
void ike_processors_build(struct ike_builder *b, const struct ike_child *child);
bool ike_processors_said(const struct ike_received *x);
/* Initiator: what the answer, with a child, makes of it. */
void ike_processors_agreed(struct ike_received *x, struct ike_child *child);
/* Which CPU it is for, and which one of the peer's as the notify says: it need not. */
void ike_processors_log(const struct ike_received *x, const struct ike_child *child);
/* Initiator: whether the answer is that there are enough. It is not asked again until one ends. */
bool ike_processors_refused(struct ike_received *x, const struct ike_child *child);

#endif
