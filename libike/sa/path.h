/*
 * Where the messages of an IKE SA and the packets of its children go from and to.
 *
 * Both are the same path nearly always. While a new one still has to prove that it leads to the
 * peer (RFC 4555 3.7), messages take it already and the children stay where they were.
 */
#ifndef LIBIKE_SA_PATH_H
#define LIBIKE_SA_PATH_H

#include "libike/sa/ike_sa.h"

/* What only SAs that move, or peers with several addresses, need: sa->mobike, on the heap. */
#define IKE_PEER_ADDRESSES_MAX 8
#define IKE_COOKIE2_LENGTH 16

struct ike_mobike {
	/* Where the children are; family 0: where the IKE SA is. */
	struct address children_local;
	struct address children_remote;
	/* What the peer can be reached at besides sa->remote, in its order; ports 0. */
	struct address peers[IKE_PEER_ADDRESSES_MAX];
	uint8_t peer_count;
};

struct ike_engine;

/* NULL when memory ran out. Freed with the SA. */
struct ike_mobike *ike_mobike_get(struct ike_sa *sa);

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

/* A new request came this way. A NAT box may give the peer another address or port at any time
 * (RFC 7296 2.23). */
void ike_path_heard(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote);
/* ESP for that child came from there. */
void ike_path_seen(struct ike_engine *e, struct ike_child *child, const struct address *remote);

#endif
