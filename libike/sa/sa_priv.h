/*
 * IKE SAs and children from the inside: making, finding, timing, sealing, ending.
 */
#ifndef LIBIKE_SA_SA_PRIV_H
#define LIBIKE_SA_SA_PRIV_H

#include "libike/engine_priv.h"
#include "libike/sa/path.h"

/* ---- ike_sa.c ---- */

/* In the tables, with a fresh SPI and unique id, state CREATED. NULL when memory or the limit of
 * SAs ran out. */
struct ike_sa *ike_sa_new(struct ike_engine *e, bool initiator, const struct address *local,
	const struct address *remote);

/* The same, beyond the limit; spi is ours, 0 for a fresh one. */
struct ike_sa *ike_sa_make(struct ike_engine *e, bool initiator, const struct address *local,
	const struct address *remote, uint64_t spi);
/* One that no IKE SA has. */
MUST_USE bool ike_sa_fresh_spi(struct ike_engine *e, uint64_t *ret);

/* Ends it here and now: answers commands, removes its children from the kernel, tells events.
 * The peer is not told; that is what deleting (ikev2/delete.c) is for. */
void ike_sa_destroy(struct ike_engine *e, struct ike_sa *sa, const struct ike_failure *why);

/* ikev1/version.c: an SA that ike_sa_new() has made is to be of version 1; false when memory ran
 * out. And everything of it; NULL is fine. */
MUST_USE bool ikev1_make(struct ike_sa *sa);
void ikev1_free(struct ikev1 *v1);

/* Only memory: for ike_engine_free(). */
void ike_sa_free(struct ike_engine *e, struct ike_sa *sa);

/* The responder fills in the SPI of the peer; the initiator a new one of its own for a new try. */
bool ike_sa_renew_spi(struct ike_engine *e, struct ike_sa *sa);

/* The definition that the SA is made from; replaces one that was chosen before. */
void ike_sa_set_connection(struct ike_sa *sa, struct ike_connection *c);

/* "selected proposal: ...", when the log wants it. */
void ike_log_suite(struct ike_engine *e, const struct ike_sa *sa, const struct ike_suite *suite);

/* ---- peers.c: established SAs between the same two identities ---- */
/* Who the peer is where there may be but one: whom EAP proved, else whom IKE did. */
static inline const struct ike_identity *ike_sa_peer_id(const struct ike_sa *sa)
{
	return sa->remote_eap_id ? sa->remote_eap_id : sa->remote_id;
}
MUST_USE bool ike_peers_add(struct ike_engine *e, struct ike_sa *sa);
void ike_peers_remove(struct ike_engine *e, struct ike_sa *sa); /* fine when it is not there */
/* The first of them; go on with its peer_next. May include a hash's false friends. */
struct ike_sa *ike_peers_of(const struct ike_engine *e, const struct ike_identity *local,
	const struct ike_identity *remote);

struct ike_sa *ike_sa_by_spi(const struct ike_engine *e, uint64_t own_spi);
void ike_sa_set_state(struct ike_engine *e, struct ike_sa *sa, enum ike_sa_state state);

/* Keys are there and the peer is who it should be. The negotiation stays until the first child,
 * which takes its nonces, is dealt with. */
void ike_sa_established(struct ike_engine *e, struct ike_sa *sa);
void ike_sa_end_negotiation(struct ike_sa *sa);

/* When it is to be rekeyed, to be reauthenticated, and to end if neither works. */
void ike_sa_plan(struct ike_engine *e, struct ike_sa *sa);

/* ---- succession.c: the IKE SA that rekeying makes of another (RFC 7296 2.18) ---- */

/* Not announced, without children, state CREATED; spi is ours or 0 for a fresh one. NULL when
 * memory ran out. */
struct ike_sa *ike_sa_successor(
	struct ike_engine *e, const struct ike_sa *old, bool initiator, uint64_t spi);
/* It takes over: children, tasks, place. The old one is left without, in state REKEYED. */
void ike_sa_succeed(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new);

/* To another IKE SA with the same peer, on the same path; with its handover. */
void ike_child_move(struct ike_engine *e, struct ike_child *child, struct ike_sa *to);

/* Its children and queued tasks alone; both are established with the same peer. */
void ike_sa_hand_over(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new);

/* ---- ikev2/followup.c: what the peer has to go on with (RFC 9370 2.2.4) ---- */

/* When the first of them is forgotten. */
ike_time ike_followups_deadline(const struct ike_sa *sa);
void ike_followups_drop(struct ike_engine *e, struct ike_sa *sa);
/* The child goes; what would have replaced it has no purpose any more. */
void ike_followups_forget(struct ike_sa *sa, const struct ike_child *child);

/* Half-open SAs of responders are counted, in all and by peer address. */
bool ike_half_open_add(struct ike_engine *e, struct ike_sa *sa, uint64_t spi_initiator,
	const struct address *remote);
void ike_half_open_remove(struct ike_engine *e, struct ike_sa *sa);
/* Of that IKE version: an SA of one never sees a message of the other. */
struct ike_sa *ike_half_open_find(const struct ike_engine *e, uint8_t version,
	uint64_t spi_initiator, const struct address *remote, const struct address *local);
/* What the same IKE_SA_INIT, which the initiator sent on several ways, has left beside this one. */
void ike_half_open_drop_twins(struct ike_engine *e, const struct ike_sa *sa);
uint32_t ike_half_open_of_peer(
	const struct ike_engine *e, uint8_t version, const struct address *remote);
/* So many of that version, of that address (cookie_threshold_ip) or in all (cookie_threshold), that
 * somebody may attack. */
bool ike_half_open_are_many(
	const struct ike_engine *e, uint8_t version, const struct address *remote);
/* One more is too much, by block_threshold or init_limit_half_open; logged, with what the message
 * is. gives_way (may be NULL): those that are given up for it, the oldest first. */
bool ike_half_open_is_flooded(struct ike_engine *e, uint8_t version, const struct address *remote,
	bool (*gives_way)(const struct ike_sa *sa), const char *message);

/* ---- schedule.c: who has to be woken when ---- */

/* At IKE_NEVER; takes a place in the list, so that setting cannot fail. */
MUST_USE bool ike_timer_add(
	struct ike_engine *e, struct ike_timer *timer, enum ike_timer_kind kind);
void ike_timer_set(struct ike_engine *e, struct ike_timer *timer, ike_time at);
void ike_timer_remove(struct ike_engine *e, struct ike_timer *timer);
/* To be called whenever one of the SA's times changed. */
void ike_schedule(struct ike_engine *e, struct ike_sa *sa);
/* From now: an established SA's first look whether the peer lives; a child's, whether it is used.
 * Also to be called when an SA takes another definition or other children over. */
void ike_schedule_liveness(struct ike_engine *e, struct ike_sa *sa);
void ike_schedule_inactivity(struct ike_engine *e, const struct ike_child *child);

/* ---- keys.c (RFC 7296 2.14, 2.15, 2.17) ---- */

MUST_USE bool ike_keys_derive(struct ike_engine *e, struct ike_sa *sa, struct bytes nonce_i,
	struct bytes nonce_r, struct bytes shared);
/* Of an IKE SA that replaces another (RFC 7296 2.18): SKEYSEED comes of the old one's SK_d and PRF.
 * additional: the secrets of additional key exchanges, one after the other (RFC 9370 2.2.4).
 */
MUST_USE bool ike_keys_rekey(struct ike_engine *e, struct ike_sa *sa, const struct ike_sa *old,
	struct bytes nonce_i, struct bytes nonce_r, struct bytes shared, struct bytes additional);
/* The keys after an additional key exchange before IKE_AUTH (RFC 9370 2.2.2). */
MUST_USE bool ike_keys_update(struct ike_engine *e, const struct ike_sa *sa, struct bytes nonce_i,
	struct bytes nonce_r, struct bytes shared, struct secret *ret);
struct ike_seal_keys ike_keys_seal(const struct ike_sa *sa, bool outbound);
/* Of a request that was answered already. */
struct ike_seal_keys ike_keys_of_repeated(const struct ike_sa *sa, uint8_t exchange);

/* With the post-quantum preshared key in SK_d, SK_pi and SK_pr (RFC 8784 3). ret is empty before.
 */
MUST_USE bool ike_keys_mix(
	struct ike_engine *e, const struct ike_sa *sa, struct bytes ppk, struct secret *ret);

/* One more IKE_INTERMEDIATE message goes into IntAuth (RFC 9242 3.3.2), with the keys that it is
 * sealed with. of_initiator: whose message it is; chain: its payloads. */
MUST_USE bool ike_keys_int_auth_add(struct ike_engine *e, const struct ike_sa *sa,
	bool of_initiator, const struct ike_header *header, uint8_t first, struct bytes chain);
/* What AUTH covers besides: IntAuth_i | IntAuth_r | message ID; empty without IKE_INTERMEDIATE. */
#define IKE_INT_AUTH_MAX (2 * IKE_PRF_OUTPUT_MAX + 4)
struct bytes ike_keys_int_auth(const struct ike_sa *sa, uint8_t room[IKE_INT_AUTH_MAX]);

/* What a signature in AUTH is of (RFC 7296 2.15), in heap; .at NULL: memory ran out.
 * of_initiator: whose AUTH it is. */
MUST_USE struct bytes ike_keys_signed_octets(struct ike_engine *e, const struct ike_sa *sa,
	bool of_initiator, const struct ike_identity *id);
/* SK_pi or SK_pr: in the place of a pre-shared key after EAP without a key of its own (2.16). */
struct bytes ike_keys_auth_key(const struct ike_sa *sa, bool of_initiator);
/* AUTH of a pre-shared key; ret has room for IKE_PRF_OUTPUT_MAX, ret_length is what was used.
 * of_initiator: whose AUTH it is. */
MUST_USE bool ike_keys_psk_auth(struct ike_engine *e, const struct ike_sa *sa, bool of_initiator,
	const struct ike_identity *id, struct bytes psk, uint8_t *ret, size_t *ret_length);

/* KEYMAT of a child. shared and additional are empty without PFS. */
MUST_USE bool ike_keys_child(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_suite *suite, struct bytes shared, struct bytes nonce_i,
	struct bytes nonce_r, struct bytes additional, struct secret *ret);

/* ---- window.c: requests, responses, retransmission (RFC 7296 2.1 to 2.3) ---- */

void ike_builder_start(struct ike_engine *e, struct ike_builder *b);
/* Messages of sa, perhaps on another way than its own. */
void ike_transmit(struct ike_engine *e, const struct ike_sa *sa, const struct address *local,
	const struct address *remote, const struct ike_packets *packets);
/* Seals (except IKE_SA_INIT), keeps and sends the next request. */
MUST_USE bool ike_request_send(
	struct ike_engine *e, struct ike_sa *sa, uint8_t exchange, const struct ike_builder *b);
/* Sends a sealed request that nobody waits for the answer of: last words. */
void ike_request_send_once(
	struct ike_engine *e, struct ike_sa *sa, uint8_t exchange, const struct ike_builder *b);
/* Goes where the request came from (RFC 7296 2.11); header is the request's. */
MUST_USE bool ike_response_send(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_datagram *request, const struct ike_header *header,
	const struct ike_builder *b);
/* The answer came: nothing is in flight any more. */
void ike_request_answered(struct ike_engine *e, struct ike_sa *sa);
/* The datagram in sa->request is made: sent, and sent again by time. message_id: for the log. */
void ike_request_begin(struct ike_engine *e, struct ike_sa *sa, uint32_t message_id);
/* Octets of a datagram that the peer takes fragments of; 0: it does not. */
size_t ike_datagram_max(const struct ike_engine *e, const struct ike_sa *sa);
/* From the first transmission of a request until its sender gives up, without jitter. */
/* The longest pause between two transmissions. */
ike_time ike_retransmission_longest(const struct ike_engine *e, const struct ike_connection *c);
ike_time ike_retransmission_delay(
	struct ike_engine *e, const struct ike_sa *sa, unsigned transmission); /* with jitter */
ike_time ike_retransmission_total(const struct ike_engine *e, const struct ike_sa *sa);
/* Sends what is in flight once more, out of turn: the path has changed. */
void ike_request_repeat(struct ike_engine *e, const struct ike_sa *sa);
/* The same, and its sender is as patient from now on as at first, within limits. */
void ike_request_afresh(struct ike_engine *e, struct ike_sa *sa);
/* retransmit_at has come. False when the peer is to be given up. */
bool ike_request_is_exhausted(const struct ike_engine *e, const struct ike_sa *sa);
MUST_USE bool ike_request_retransmit(struct ike_engine *e, struct ike_sa *sa);
/* No request is begun for that long. */
void ike_requests_pause(struct ike_engine *e, struct ike_sa *sa, ike_time pause);

/* ---- task.c ---- */

/* Appends; takes child and ticket over. NULL when memory ran out: nothing was taken. */
struct ike_task *ike_task_queue(
	struct ike_sa *sa, enum ike_task_kind kind, struct ike_child *child, uint64_t ticket);
struct ike_task *ike_task_queue_first(
	struct ike_sa *sa, enum ike_task_kind kind, struct ike_child *child, uint64_t ticket);
/* Takes the first queued task of a kind out of the queue. */
struct ike_task *ike_task_take(struct ike_sa *sa, enum ike_task_kind kind);
/* Answers the task's command and frees it; a child that could not be made goes with it. The task
 * is in no queue any more. */
void ike_task_finish(struct ike_engine *e, struct ike_task *task, bool done, const char *text);
void ike_task_free(struct ike_task *task);
uint32_t ike_tasks_count(const struct ike_sa *sa);
/* The queued or active task of that kind that makes, replaces or deletes the child; or NULL. */
struct ike_task *ike_task_of_child(
	const struct ike_sa *sa, enum ike_task_kind kind, const struct ike_child *child);

/* ---- child.c ---- */

/* In state CREATED, not yet linked to the SA's children. from: whose place it takes, as after
 * rekeying: mode, reqid, marks and interface ids stay; NULL: nobody's. */
struct ike_child *ike_child_new(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child *from);
/* Another version of its definition; the child holds the connection. */
void ike_child_set_config(struct ike_child *child, const struct ike_child_config *config);
/* An inbound SPI from the kernel. */
MUST_USE bool ike_child_allocate_spi(
	struct ike_engine *e, struct ike_child *child, uint8_t protocol, struct why *why);
/* Wanted, and possible: not through a NAT, where two peers with the same address may choose the
 * same CPI. */
bool ike_child_may_compress(
	const struct ike_engine *e, const struct ike_sa *sa, const struct ike_child_config *config);
/* A CPI from the kernel, unless it has one; without memory there the child goes without. */
void ike_child_allocate_cpi(struct ike_engine *e, struct ike_child *child);
/* Packets are not compressed after all. */
void ike_child_release_cpi(struct ike_engine *e, struct ike_child *child);
/* Takes the selectors over (copied). */
MUST_USE bool ike_child_set_selectors(struct ike_child *child, const struct ike_selector *local,
	size_t local_count, const struct ike_selector *remote, size_t remote_count);
/* As strongSwan's, interface ids that are drawn do not outlive reauthentication; marks do. */
void ike_child_renew_if_ids(struct ike_engine *e, struct ike_child *child);

struct ike_child_secrets {
	struct bytes shared; /* empty without PFS */
	struct bytes nonce_i;
	struct bytes nonce_r;
	struct bytes additional; /* secrets of additional key exchanges, joined */
};
/* Everything is negotiated: derive keys, install inbound, outbound, policies. initiator: of the
 * exchange that made it. On success the child is linked to its SA, INSTALLED and in the log; to be
 * announced. */
MUST_USE bool ike_child_install(struct ike_engine *e, struct ike_child *child, bool initiator,
	const struct ike_child_secrets *secrets, struct why *why);
/* The two halves of that. The state stays INSTALLING. */
MUST_USE bool ike_child_install_inbound(struct ike_engine *e, struct ike_child *child,
	bool initiator, const struct ike_child_secrets *secrets, struct secret *ret_keymat,
	struct why *why);
MUST_USE bool ike_child_install_outbound(struct ike_engine *e, struct ike_child *child,
	bool initiator, struct bytes keymat, struct why *why);
/* Policies and outbound SA. */
void ike_child_remove_outbound(struct ike_engine *e, struct ike_child *child);
/* direction: "", or "inbound " or "outbound " when it is that one only. */
void ike_child_log_established(
	struct ike_engine *e, const struct ike_child *child, const char *direction);
/* The event: up, or in the place of the other (may be NULL). */
void ike_child_announce(struct ike_engine *e, struct ike_child *child, struct ike_child *replaced);
/* Something is to be done about it at that time. */
void ike_child_wake(struct ike_engine *e, struct ike_child *child, ike_time at);
/* Removes from kernel and SA, announces when it was up, frees. reason: why it ends. */
void ike_child_destroy(struct ike_engine *e, struct ike_child *child, enum ike_reason reason);
void ike_child_free(struct ike_child *child); /* memory only */
void ike_child_set_state(struct ike_engine *e, struct ike_child *child, enum ike_child_state state);
/* By a SPI of ours or the peer's. */
struct ike_child *ike_child_by_spi(const struct ike_sa *sa, uint32_t spi, bool inbound);

/* ---- child_words.c: `dynamic`, %client and %clients in definitions ---- */

/* The selectors of a child's configuration resolved for this SA; returns how many. */
size_t ike_child_config_selectors(const struct ike_sa *sa, const struct ike_child_config *config,
	bool local, struct ike_selector *ret, size_t room);
/* The same, but of %clients only networks that overlap with these selectors. */
size_t ike_child_config_within(const struct ike_sa *sa, const struct ike_child_config *config,
	bool local, const struct ike_selector *within, size_t within_count,
	struct ike_selector *ret, size_t room);
/* The client whose networks are the peer's; NULL: it has none. */
const struct ike_client *ike_child_client(const struct ike_sa *sa);
/* Whether one of the selectors is that word. */
bool ike_child_config_has(
	const struct ike_child_config *config, bool local, enum ike_selector_group group);

#define IKE_CHILD_SELECTORS_MAX 64

/* Selectors of a child as both sides see them. */
struct ike_child_selectors {
	struct ike_selector local[IKE_CHILD_SELECTORS_MAX];
	struct ike_selector remote[IKE_CHILD_SELECTORS_MAX];
	size_t local_count;
	size_t remote_count;
};

/* ---- child_selectors.c: the peer's selectors against definitions ---- */

/* In transport mode the addresses that a NAT hides become those that our kernel sees. */
void ike_child_see_through_nat(const struct ike_sa *sa, uint8_t mode, struct ike_selector *list,
	size_t count, const struct address *seen);
/* What both the peer's selectors and our definition allow. False when one side is left empty: its
 * count is 0. */
bool ike_child_narrow(const struct ike_sa *sa, const struct ike_child_config *config,
	const struct ike_child_selectors *theirs, struct ike_child_selectors *ret);
/* The child definition whose selectors fit best: exact before containing before narrowed. In
 * tunnel mode they are as the peer said, in transport mode as they are seen through a NAT. NULL
 * when none fits. */
const struct ike_child_config *ike_child_choose_config(const struct ike_sa *sa,
	const struct ike_child_selectors *said, const struct ike_child_selectors *seen,
	struct ike_child_selectors *ret);
/* The child of which at least one side fits; else the first; NULL when there are none. */
const struct ike_child_config *ike_child_nearest_config(
	const struct ike_sa *sa, const struct ike_child_selectors *theirs);
/* "local === remote", cut to fit. */
void ike_child_selectors_describe(const struct ike_selector *local, size_t local_count,
	const struct ike_selector *remote, size_t remote_count, char *text, size_t size);
/* Ours beside theirs (may be NULL: not known). */
void ike_child_fail_selectors(struct ike_failure *failure, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *theirs,
	const char *what);
/* A peer may have more children than are defined, but not as many as it likes. rekeys: the new one
 * is to replace another. */
bool ike_children_are_full(const struct ike_sa *sa, bool rekeys);

/* ---- handover.c: from one child to the one that replaces it (RFC 7296 2.8) ---- */

/* The new child takes packets in; nothing is sent on it before ike_handover_complete(). old may be
 * NULL. initiator: of the exchange that made it, we are. */
MUST_USE bool ike_handover_begin(struct ike_engine *e, struct ike_child *child,
	struct ike_child *old, bool initiator, const struct ike_child_secrets *secrets,
	struct why *why);
/* Both ends rekeyed the same child: whether what the peer's exchange made stays rather than what
 * ours, of these nonces, did (RFC 7296 2.8.1). */
bool ike_handover_prevails(const struct ike_child *theirs, const struct ike_child_secrets *ours);
/* The peer is ready. When the kernel refuses, the deletion at the peer is queued. */
void ike_handover_complete(struct ike_engine *e, struct ike_child *child);
/* A new request of the peer's has been dealt with: what was answered before has arrived there. */
void ike_handovers_proven(struct ike_engine *e, struct ike_sa *sa);
/* The child that the peer's rekeying made of this one, while it waits; or NULL. */
struct ike_child *ike_handover_of(const struct ike_child *old);
/* Lost a collision: it goes when the peer says so, or in a while. */
void ike_handover_redundant(struct ike_engine *e, struct ike_child *child);
void ike_handover_forget(struct ike_engine *e, struct ike_child *child); /* it goes */

/* It was replaced, and deleted: sends no more, and takes in what is still under way for a while. */
void ike_child_retire(struct ike_engine *e, struct ike_child *child);
/* Its deletion is through: retires or ends. May free it. */
void ike_child_deleted(struct ike_engine *e, struct ike_child *child, enum ike_reason reason);
/* Rekeying it did not work: once more, later. */
void ike_child_rekey_later(struct ike_engine *e, struct ike_child *child);
/* Queues its deletion at the peer, before anything else. May free it when memory ran out. */
void ike_child_delete_later(struct ike_engine *e, struct ike_child *child, enum ike_reason reason);
/* Initiator of a rekeying that lost a collision: the new child is not needed, but lets in what the
 * peer sends until it knows. The task has no child then. */
MUST_USE bool ike_child_discard(struct ike_engine *e, struct ike_task *task,
	const struct ike_child_secrets *secrets, struct why *why);
/* Somebody wanted the old child closed while we rekeyed it: so the new one is. */
void ike_child_close_as_wanted(
	struct ike_engine *e, const struct ike_child *old, struct ike_child *child);
/* There is no need to rekey it any more. */
void ike_child_drop_rekeying(struct ike_engine *e, struct ike_child *child);

/* ---- kernel_tags.c: %unique and %unique-dir ---- */

/* What is no such word stays. */
void ike_draw_marks(struct ike_engine *e, struct ike_mark *in, struct ike_mark *out);
void ike_draw_if_ids(struct ike_engine *e, uint32_t *in, uint32_t *out);
/* Of a child of that definition under that IKE SA, drawn where the definition or its connection
 * says so. */
void ike_child_if_ids(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_child_config *config, uint32_t *in, uint32_t *out);

/* ---- reqid.c: children with equal selectors share a reqid, as the kernel's policies do ---- */

struct ike_reqid_key {
	const struct ike_selector *local;
	const struct ike_selector *remote;
	size_t local_count;
	size_t remote_count;
	struct ike_mark mark_in, mark_out;
	uint32_t if_id_in, if_id_out;
};

struct ike_reqid *ike_reqid_share(struct ike_reqid *r); /* one more reference; NULL is fine */
/* NULL when memory ran out. Each call is one reference. */
struct ike_reqid *ike_reqid_hold(struct ike_engine *e, const struct ike_reqid_key *key);
uint32_t ike_reqid_number(const struct ike_reqid *r);
void ike_reqid_release(struct ike_engine *e, struct ike_reqid *r); /* NULL is fine */
void ike_reqids_free(struct ike_engine *e);

#endif
