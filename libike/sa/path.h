/*
 * Where the messages of an IKE SA and the packets of its children go from and to.
 *
 * Both are the same path nearly always. While a new one still has to prove that it leads to the
 * peer (RFC 4555 3.7), messages take it already and the children stay where they were.
 */
#ifndef LIBIKE_SA_PATH_H
#define LIBIKE_SA_PATH_H

#include "libike/sa/ike_sa.h"

#define IKE_PORT_NAT_T 4500 /* the peer's; ours is a setting */

/* What only SAs that move, or peers with several addresses, need: sa->mobike, on the heap. */
#define IKE_PEER_ADDRESSES_MAX 8
#define IKE_COOKIE2_LENGTH 16
#define IKE_NAT_HASH_LENGTH 20

/* What the peer is still to be told, or was by the request in flight. */
enum ike_mobike_words {
	IKE_MOBIKE_UPDATE = 1,    /* UPDATE_SA_ADDRESSES: original initiator only */
	IKE_MOBIKE_ADDRESSES = 2, /* which other addresses we have */
	IKE_MOBIKE_CHECK = 4,     /* are you there? (return routability, RFC 4555 3.7) */
};

struct ike_mobike {
	/* Where the children are; family 0: where the IKE SA is. */
	struct address children_local;
	struct address children_remote;
	/* What the peer can be reached at besides sa->remote, in its order; ports 0. */
	struct address peers[IKE_PEER_ADDRESSES_MAX];
	uint8_t peer_count;
	bool lost; /* no way to the peer is known at the moment */
	uint8_t wanted;
	uint8_t sent;
	uint8_t cookie2[IKE_COOKIE2_LENGTH]; /* of the request in flight */
	/* It has gone other ways, too: who answers it need not be where it was to go first. */
	bool astray;
	/* The path that it speaks of, and the last one that the peer refused (family 0: none). */
	struct address sent_local, sent_remote;
	struct address refused_local, refused_remote;
	uint8_t refusals; /* in a row, since our addresses changed */
	/* The next request takes this way first, to see whether it is there again; family 0: none.
	 */
	struct address first_local, first_remote;
	bool looks_back; /* that request is in flight, and is to go the present way, too */
	bool all_ways;   /* when it is sent again the request in flight goes all ways at once */
	/* How the peer saw us, as NAT detection has it; all zero: not known. */
	uint8_t seen_as[IKE_NAT_HASH_LENGTH];
};

struct ike_engine;

/* NULL when memory ran out. Freed with the SA. */
struct ike_mobike *ike_mobike_get(struct ike_sa *sa);
/* The peer is to be told; queues, and does not send yet. */
void ike_mobike_want(struct ike_sa *sa, enum ike_mobike_words words);

/* Where its children are. */
const struct address *ike_children_local(const struct ike_sa *sa);
const struct address *ike_children_remote(const struct ike_sa *sa);

/* Messages take the new path from now on; the children stay. Announces it (IKE_EVENT_IKE_UPDATE).
 * False, and nothing happened, when memory ran out. */
MUST_USE bool ike_path_set(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote);
/* The children follow: to the IKE SA's path, and into or out of UDP as NAT detection has it now. A
 * child whose kernel states cannot move is to be deleted: a task for that is queued, to be started
 * by ike_tasks_run(). */
void ike_path_follow(struct ike_engine *e, struct ike_sa *sa);
/* Both at once; nothing when memory ran out. */
void ike_path_move(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote);

/* Before its children go over to another IKE SA with the same peer: it and they take that one's
 * path. Nothing when memory ran out. */
void ike_path_join(struct ike_engine *e, struct ike_sa *from, const struct ike_sa *to);

/* A rekeyed IKE SA goes on where the old one is, with what was pending. The children are the new
 * one's already, or about to be. */
void ike_path_inherit(struct ike_sa *from, struct ike_sa *to);

/* A response came from there. One of another host than was asked is noted (sa->answers_from): it is
 * taken, but firewalls and NATs on the way may not let the next one pass. */
void ike_path_answered(struct ike_engine *e, struct ike_sa *sa, const struct address *remote);
/* Where the peer answers from, if not from where it is asked; NULL. */
const struct address *ike_path_answers_from(const struct ike_sa *sa);

/* A new request came this way. A NAT box may give the peer another address or port at any time
 * (RFC 7296 2.23). */
void ike_path_heard(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote);
/* ESP for that child came from there. */
void ike_path_seen(struct ike_engine *e, struct ike_child *child, const struct address *remote);

#endif
