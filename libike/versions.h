/*
 * IKEv1 and IKEv2 do not know each other; what the rest of the engine wants of an IKE SA goes
 * through the table of its version. The files declared below serve both.
 */
#ifndef LIBIKE_VERSIONS_H
#define LIBIKE_VERSIONS_H

#include "libike/sa/sa_priv.h"

struct ike_version {
	/* ---- Messages ---- */
	/* The header is of that version, and its lengths fit. */
	void (*receive)(struct ike_engine *e, const struct ike_datagram *datagram,
		const struct ike_header *header);
	/* The first message of an IKE SA, to where it is to go (targets.c). */
	bool (*begin)(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
	/* Nobody answered it: once more from the start to sa->negotiation->target, with a new SPI.
	 */
	bool (*restart)(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
	/* What the IKE SA waits for on this side (a signature, a CRL, a RADIUS server, TLS) is
	 * there, or something else is; fine when it waits for nothing. The SA may be gone
	 * afterwards. */
	void (*resume)(struct ike_engine *e, struct ike_sa *sa);

	/* ---- Tasks (tasks.c) ---- */
	/* Sends what the task, which is sa->active now, has to say; except INIT. False with or
	 * without a failure when it can't be. One that has no answer may finish the task, and
	 * sa->active is NULL then. */
	bool (*start)(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task,
		struct ike_failure *failure);
	/* The task has to stay in the queue for now; may be NULL: never. */
	bool (*holds)(struct ike_engine *e, struct ike_sa *sa, const struct ike_task *task);
	/* It could not be sent: what else depends on it. May be NULL. */
	void (*abandoned)(struct ike_engine *e, struct ike_sa *sa, const struct ike_task *task);
	/* What it is called; NULL: it is part of the one before. May be NULL: as ike_task_name().
	 */
	const char *(*task_name)(const struct ike_sa *sa, const struct ike_task *task);
	/* The peer has not answered: what is in flight was sent again. May be NULL. */
	void (*sent_again)(struct ike_engine *e, struct ike_sa *sa);
	/* The peer does not go on: fills in why, if more is known than that; true: it was reported
	 * already. May be NULL. */
	bool (*silent)(struct ike_engine *e, const struct ike_sa *sa, struct ike_failure *failure);
	/* There is nothing to be told any more, for now. May be NULL; may destroy the SA. */
	void (*rests)(struct ike_engine *e, struct ike_sa *sa);
	/* Deadlines that only this version has; true when one had come. May be NULL; may destroy
	 * the SA. */
	bool (*wake)(struct ike_engine *e, struct ike_sa *sa);
	/* When the earliest of these comes. May be NULL. */
	ike_time (*deadline)(const struct ike_sa *sa);

	/* ---- Liveness; NULL: it is asked by a request, which is sent again as all are ---- */
	/* Whether the peer lives was asked and is not answered yet: asks again, or gives the peer
	 * up, and sets dpd_at. False: nothing is open. May destroy the SA. */
	bool (*asks)(struct ike_engine *e, struct ike_sa *sa);
	ike_time (*asked_since)(const struct ike_sa *sa); /* IKE_NEVER: nothing is open */
	/* After how long without an answer to that the peer is dead. */
	ike_time (*dead_after)(const struct ike_engine *e, const struct ike_sa *sa);

	/* ---- What is wanted of it ---- */
	/* Starts to delete an established SA at the peer; one that is not established just ends.
	 * With force nobody waits for an answer. The SA may be gone afterwards. */
	void (*delete_ike)(struct ike_engine *e, struct ike_sa *sa, bool force, uint64_t ticket,
		const struct ike_failure *why);
	/* The same of a child; its SA may be gone afterwards, too. */
	void (*delete_child)(struct ike_engine *e, struct ike_child *child, bool force,
		uint64_t ticket, enum ike_reason reason);
	/* Last words of an SA that ends here: a DELETE that nobody waits for the answer of. */
	void (*delete_once)(struct ike_engine *e, struct ike_sa *sa);
	/* Queues it, unless it is not the time; the caller runs the tasks. */
	void (*rekey_child)(struct ike_engine *e, struct ike_child *child);
	void (*rekey_ike)(struct ike_engine *e, struct ike_sa *sa);
	/* Begins at once. */
	void (*reauthenticate)(struct ike_engine *e, struct ike_sa *sa);
	/* path_at has come: where the SA goes may have changed. May destroy the SA. */
	void (*path_wake)(struct ike_engine *e, struct ike_sa *sa);
	/* KEYMAT of a child whose SPIs and suite are known: the keys of the initiator's packets,
	 * then those of the responder's. initiator: of the exchange that makes it, we are. */
	bool (*child_keys)(struct ike_engine *e, const struct ike_child *child, bool initiator,
		const struct ike_child_secrets *secrets, struct secret *ret);
	/* Those of the IKE SA, which has some. */
	void (*sa_keys)(const struct ike_sa *sa, struct ike_sa_keys *ret);
};

extern const struct ike_version ike_version_1; /* ikev1/version.c */
extern const struct ike_version ike_version_2; /* ikev2/version.c */

const struct ike_version *ike_version_of(const struct ike_sa *sa);

/* ---- versions.c ---- */
void ike_receive(struct ike_engine *e, const struct ike_datagram *datagram);
/* What an IKE SA waits for is there: to be called by whoever made it wait, and fine when it does
 * not wait any more or is gone. The SA may be gone afterwards. */
void ike_resume(struct ike_engine *e, uint32_t ike_id);

/* What `version` of a definition means: whether an attempt of ours is to be of that version, and
 * whether a peer's may be. */
uint8_t ike_version_to_initiate(const struct ike_connection *c);
bool ike_version_is_allowed(const struct ike_connection *c, uint8_t version);

/* ---- initial_contact.c (RFC 7296 2.4, RFC 2407 4.6.3.3) ---- */
/* Whether there is no other SA with this peer. */
bool ike_initial_contact_holds(struct ike_engine *e, const struct ike_sa *sa);
/* Responder: `unique = keep`, and the peer is here already, from elsewhere. From the same host it
 * may be reauthenticating. told: it says INITIAL_CONTACT. */
bool ike_unique_refuses(struct ike_engine *e, const struct ike_sa *sa, bool told);
/* Responder: the peer says so (told), or `unique` demands it: other SAs between the same identities
 * end. Were an initiator to do it too, two that initiate at once would each end the other's SA. */
void ike_initial_contact_apply(struct ike_engine *e, struct ike_sa *sa, bool told);

/* ---- tasks.c ---- */

/* Starts the next task when nothing is in flight. May destroy the SA when it cannot even start. */
void ike_tasks_run(struct ike_engine *e, struct ike_sa *sa);
/* A task could not be sent: an SA that ends with it is gone afterwards. */
void ike_task_abandon(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task,
	struct ike_failure *failure);
/* It did not answer: says so, and ends the SA; with last words, as it may hear us all the same. */
void ike_peer_given_up(struct ike_engine *e, struct ike_sa *sa, const struct ike_failure *failure);
/* One of its times has come. May destroy the SA. */
void ike_sa_wake(struct ike_engine *e, struct ike_sa *sa);
/* Queued for a wish or a trap, and the peer has brought the child up meanwhile. */
bool ike_create_child_is_moot(const struct ike_sa *sa, const struct ike_task *task);

/* ---- targets.c: where an attempt goes ---- */
/* Hosts and what names are known to have, in order; returns how many of at most room. */
size_t ike_endpoints_addresses(const struct ike_endpoints *list, struct address *ret, size_t room);
/* Those of local_addrs that this host has, in order; one that is named alone need not be ours yet.
 * None: the route says. Returns how many of at most room. */
size_t ike_target_sources(struct ike_engine *e, const struct ike_connection *c, uint16_t family,
	struct address *ret, size_t room);
/* Our address towards that one: the first of local_addrs, else what the route says. */
bool ike_target_source(struct ike_engine *e, const struct ike_connection *c,
	const struct address *remote, struct address *ret);
void ike_target_ports(const struct ike_engine *e, const struct ike_connection *c,
	struct address *local, struct address *remote);
/* Chooses and sends the first message, maybe later, when the names are known. */
bool ike_target_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* The peer stayed silent: once more, to its next address, or if keyingtries allows. */
/* No answer yet: the next pair of addresses has its turn. False: there is but one, or each has had
 * all its turns. The SA may be gone afterwards. */
bool ike_target_turn(struct ike_engine *e, struct ike_sa *sa);
bool ike_target_try_again(struct ike_engine *e, struct ike_sa *sa);
/* names_until may have come. May destroy the SA. */
void ike_target_wake(struct ike_engine *e, struct ike_sa *sa);
/* A name that attempts waited for was answered. */
void ike_targets_named(struct ike_engine *e);
/* Attempts that nobody answered yet begin anew, as addresses or routes changed. */
void ike_targets_hurry(struct ike_engine *e);
/* Initiator, established: the address is the first to try next time. */
void ike_target_worked(struct ike_engine *e, const struct ike_sa *sa);

/* ---- attempts.c: one is given up in favour of another IKE SA with the same peer ---- */
/* The command or wish that waits for the task's child gets the one that is there, or one that is
 * made under that IKE SA. */
void ike_attempt_hand_over(struct ike_engine *e, struct ike_sa *to, struct ike_task *task);
/* Both are up; each end began one before it can have heard of the other's: neither says that the
 * peer has forgotten anything. */
bool ike_attempts_crossed(const struct ike_sa *a, const struct ike_sa *b);
/* One that the peer has put off, or sent elsewhere, begins again as another IKE SA, which is
 * returned and does not run yet; failure says for the old one that it was replaced. NULL with a
 * failure when memory ran out. */
struct ike_sa *ike_attempt_renew(
	struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);
/* All that it was to do. */
void ike_attempt_move_tasks(struct ike_engine *e, struct ike_sa *from, struct ike_sa *to);
/* The definition was loaded, maybe once more: attempts of older versions that it concerns begin
 * anew with it, and those that had to do with secrets that are others now. */
void ike_attempts_begin_anew(struct ike_engine *e, struct ike_connection *c);

/* ---- liveness.c ---- */
/* dpd_at has come. May start a probe. */
void ike_liveness_check(struct ike_engine *e, struct ike_sa *sa);
/* inactive_at has come. The SA may be gone afterwards. */
void ike_inactivity_check(struct ike_engine *e, struct ike_sa *sa);

/* ---- roam.c: this host's addresses and routes have changed, with MOBIKE and without ---- */
/* path_at has come. The SA may be gone afterwards. */
void ike_roam_wake(struct ike_engine *e, struct ike_sa *sa);
#define IKE_LOCAL_ADDRESSES_MAX 64
size_t ike_local_addresses(struct ike_engine *e, struct address ret[IKE_LOCAL_ADDRESSES_MAX]);
/* Takes the new path: children at once when the peer's host stays, else when the peer has proved to
 * be there; tells the peer. Does not send yet, except for what was in flight already. */
void ike_roam_to(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote);
/* Another way than the present one and the one that was refused; false when there is none. */
bool ike_roam_other(struct ike_engine *e, struct ike_sa *sa, struct address *ret_local,
	struct address *ret_remote);
/* No answer yet: the request in flight takes all other ways, too. */
void ike_roam_probe(struct ike_engine *e, struct ike_sa *sa);
/* The IKE SA is up: when it is not where the definition would have it first, that way is tried now
 * and then. */
void ike_roam_watch(struct ike_engine *e, struct ike_sa *sa);
/* The peer has said which addresses it has: soon, then. */
void ike_roam_peer_told(struct ike_engine *e, struct ike_sa *sa);
/* An answer came another way than the request is thought to have gone. */
void ike_roam_answer_came(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_datagram *datagram);

/* ---- lifetimes.c ---- */
/* At its soft or hard limit. The caller runs the tasks. */
void ike_child_expired(struct ike_engine *e, struct ike_child *child, bool hard);
/* children_at has come. May destroy the SA. */
void ike_children_wake(struct ike_engine *e, struct ike_sa *sa);

#endif
