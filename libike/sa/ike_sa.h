/*
 * IKE SAs and child SAs: plain data (RFC 7296 2, RFC 4301).
 *
 * No callbacks, no sockets: what an SA waits for is an enum and a deadline. Outside libike these
 * structures are read, never written; pointers to them are valid until the next call of the engine.
 * Kept small: a router has ten thousand of them. What only a negotiation needs lives in
 * struct ike_negotiation (sa/negotiation.h) and goes when the SA is established.
 */
#ifndef LIBIKE_SA_IKE_SA_H
#define LIBIKE_SA_IKE_SA_H

#include "libbase/secret.h"
#include "libike/model/attributes.h"
#include "libike/model/connection.h"
#include "libike/sa/timer.h"
#include "libike/wire/build.h"

#include <uthash.h>

/* strongSwan's words, see ike_sa_state_name(). */
enum ike_sa_state {
	IKE_SA_CREATED,
	IKE_SA_CONNECTING,
	IKE_SA_ESTABLISHED,
	IKE_SA_PASSIVE,
	IKE_SA_REKEYING,
	IKE_SA_REKEYED,
	IKE_SA_DELETING,
	IKE_SA_DESTROYING,
};

enum ike_child_state {
	IKE_CHILD_CREATED,
	IKE_CHILD_ROUTED,
	IKE_CHILD_INSTALLING,
	IKE_CHILD_INSTALLED,
	IKE_CHILD_UPDATING,
	IKE_CHILD_REKEYING,
	IKE_CHILD_REKEYED,
	IKE_CHILD_RETRYING,
	IKE_CHILD_DELETING,
	IKE_CHILD_DELETED,
	IKE_CHILD_DESTROYING,
};

const char *ike_sa_state_name(uint8_t state);
const char *ike_child_state_name(uint8_t state);

struct ike_reqid;
struct ike_handover;
struct ike_followup;

struct ike_child {
	struct ike_child *next; /* of the same IKE SA, oldest first */
	struct ike_sa *sa;
	/* Of sa->connection or an older version of it; its connection is held. */
	const struct ike_child_config *config;
	UT_hash_handle by_spi; /* engine's table of inbound SPIs */
	uint32_t unique_id;
	uint32_t reqid;
	struct ike_reqid *shared_reqid; /* NULL when the definition gives a number */
	uint32_t spi_in;                /* ours; host order */
	uint32_t spi_out;
	uint16_t cpi_in; /* IPComp's (RFC 3173); both 0 without it */
	uint16_t cpi_out;
	uint8_t state;
	uint8_t mode; /* enum ike_mode as negotiated */
	bool udp_encapsulation;
	bool installed_in;
	bool installed_out;
	bool policies_installed;
	bool announced;            /* events have it up, and not replaced or down yet */
	bool carried;              /* reauthentication has asked for it on the new IKE SA */
	bool rebuilt;              /* by us, as its definition changed */
	bool unwanted;             /* it is to end as soon as it is up */
	bool peer_without_padding; /* ESP_TFC_PADDING_NOT_SUPPORTED */
	/* RFC 9611, libike/processors.h */
	bool per_processor;   /* it is, or may become, one of several: both ends say so */
	bool one_processor;   /* `processor` alone sends by it */
	bool enough;          /* the peer wants no further one */
	uint16_t source_port; /* of what it sends encapsulated; 0: the IKE SA's */
	uint32_t processor;
	/* IKEv1, Cisco Unity: the gateway's side is said as 0.0.0.0/0, whatever it is. */
	bool says_all;
	uint8_t local_count;
	uint8_t remote_count;
	uint8_t attempts; /* of rekeying, that failed */
	struct ike_suite suite;
	struct ike_mark mark_in, mark_out;
	uint32_t if_id_in, if_id_out;
	struct ike_selector *selectors; /* local_count ours, then remote_count theirs */
	ike_time installed_at;
	ike_time rekey_at;                   /* IKE_NEVER: no rekeying */
	ike_time expires_at;                 /* hard; IKE_NEVER: never */
	uint64_t rekey_bytes, rekey_packets; /* with randomisation applied; 0 never */
	/* IKEv1: what the peer allows, where it is less than the definition; 0: the definition's */
	uint64_t life_bytes;
	uint32_t life_seconds;
	/* When something is to be done about it: rekeying, closing, or, of one that was replaced,
	 * forgetting it. */
	ike_time wake_at;
	/* Made by the peer's rekeying: it takes packets in, and sends when the peer is ready. */
	struct ike_handover *handover;
};

static inline const struct ike_selector *ike_child_local(const struct ike_child *c)
{
	return c->selectors;
}

static inline const struct ike_selector *ike_child_remote(const struct ike_child *c)
{
	return c->selectors + c->local_count;
}

/* The kernel's name for one direction of the child; mark and addresses included. */
struct ike_kernel_id ike_child_kernel_id(const struct ike_child *c, bool inbound);
/* The policies that the kernel has of it while it is where it is; borrows its selectors. */
struct ike_kernel_policies ike_child_policies(const struct ike_child *c);

/* Where that direction's packets come from, when the IKE SA's come from there: the port may differ.
 */
struct address ike_child_source(
	const struct ike_child *child, bool inbound, const struct address *of_sa);

/* What one side wants to tell the other, queued until the request window is free. */
enum ike_task_kind {
	IKE_TASK_NONE = 0,
	IKE_TASK_INIT,
	IKE_TASK_AUTH,
	IKE_TASK_CREATE_CHILD,
	IKE_TASK_DELETE_CHILD,
	IKE_TASK_DELETE_IKE,
	IKE_TASK_DPD,
	IKE_TASK_REKEY_CHILD,
	IKE_TASK_REKEY_IKE,
	IKE_TASK_REAUTH,
	IKE_TASK_MOBIKE,
	IKE_TASK_INTERMEDIATE,
	IKE_TASK_REDIRECT,
};

const char *ike_task_name(uint8_t kind); /* strongSwan's: "IKE_INIT", "CHILD_CREATE", ... */

struct ike_child_offer;
struct ike_task;

/* The same as the version of the IKE SA has it: "MAIN_MODE"; NULL: it is part of the one before. */
const char *ike_task_name_in(const struct ike_sa *sa, const struct ike_task *task);

struct ike_task {
	struct ike_task *next;
	uint8_t kind;
	/* CREATE_CHILD and REKEY_CHILD: the new one, until answered. DELETE_CHILD. */
	struct ike_child *child;
	struct ike_child *replaces; /* REKEY_CHILD: the old one, while it is there */
	uint64_t ticket;            /* command to be answered; 0 none */
	uint64_t ike_ticket;        /* AUTH with a child: of who waits for the IKE SA alone */
	/* DELETE_CHILD: ours, inbound; the child may be gone. CREATE_CHILD: one that the peer
	 * deleted before we heard of it. */
	uint32_t spi;
	uint8_t protocol;              /* of the SPI */
	uint8_t reason;                /* enum ike_reason: why the child ends or did not come */
	uint8_t attempts;              /* that the peer put off */
	bool peer_lost_it;             /* REKEY_CHILD: the peer does not know the old one */
	bool crossed;                  /* CREATE_CHILD: the peer wanted it as well, was refused, */
	bool yields;                   /* and then accepted */
	char *gateway;                 /* REDIRECT: heap, to whom */
	struct ike_child_offer *offer; /* our half of a child's negotiation; owned */
};

struct ike_negotiation;
struct ike_redirect;
struct ikev1;

/* What a RADIUS server said about the peer when it let it in. */
struct ike_radius_session {
	uint64_t session;   /* of struct ike_radius_request */
	char *user;         /* heap; its User-Name, else the peer's EAP identity */
	struct bytes class; /* heap; maybe empty */
	struct address framed_ip, framed_ip6; /* family 0: none */
	struct ike_attributes attributes;     /* that go with them */
	uint32_t session_timeout;             /* seconds; 0: none */
	ike_time ends_at;                     /* of the session; IKE_NEVER: not said */
};

void ike_radius_session_free(struct ike_radius_session *s); /* NULL is fine */

struct ike_sa {
	UT_hash_handle by_spi; /* engine's table, by our own SPI */
	UT_hash_handle by_id;  /* engine's table, by unique id; iterates oldest first */
	uint64_t spi_initiator;
	uint64_t spi_responder;
	uint32_t unique_id;
	uint32_t if_id_in, if_id_out; /* drawn for its connection; 0: none were */
	uint8_t state;
	uint8_t version; /* 1 or 2 */
	bool initiator;  /* of this IKE SA (RFC 7296 2.2: decides the I flag and key directions) */
	bool nat_local;  /* a NAT is between us and the world */
	bool nat_remote;
	bool nat_fake;       /* encap = yes: pretended */
	bool peer_fragments; /* peer understands RFC 7383 */
	bool peer_childless; /* RFC 6023 */
	bool peer_mobike;    /* both sides do RFC 4555 */
	bool peer_redirects; /* responder: the peer follows redirects (RFC 5685) */
	/* Of the IKE SA that this one descends from by rekeying: decides about addresses. */
	bool original_initiator;
	bool tells_addresses; /* when path_at comes: the peer is to hear which ones we have */
	bool was_established;
	bool ppk;               /* a post-quantum preshared key is in its keys (RFC 8784) */
	bool announced;         /* events have it up, and not replaced or down yet */
	bool leaves;            /* its peer's address is none of the definition's any more */
	bool sent_away;         /* its peer redirects us, whether we follow or not (RFC 5685) */
	bool superseded;        /* by another of the same peer: goes at expires_at */
	bool break_before_make; /* reauthenticated when it is gone */
	uint8_t attempts;       /* of rekeying or reauthenticating, that failed */
	struct address local;
	struct address remote;
	struct ike_connection *connection;    /* held; NULL until chosen */
	struct ike_sa *prev, *next;           /* of the same connection; utlist */
	struct ike_sa *peer_prev, *peer_next; /* established between the same identities */
	struct ike_identity *local_id;        /* held; NULL until known */
	struct ike_identity *remote_id;
	struct ike_identity *remote_eap_id; /* held; what EAP proved; NULL without */
	struct ike_suite suite;

	/* SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr, in the order of RFC 7296 2.14. */
	struct secret keys;
	uint64_t seal_sequence; /* never repeats under one key */

	/* Request window of one (RFC 7296 2.3). */
	uint32_t next_request;   /* message id of our next request */
	uint32_t next_expected;  /* message id of the peer's next request */
	struct ike_task *tasks;  /* queued, oldest first */
	struct ike_task *active; /* in flight */
	ike_time resume_at;      /* no request is begun before; IKE_NEVER: nothing to wait for */
	struct ike_packets *request;  /* in flight, for retransmission; NULL when none */
	struct ike_packets *response; /* to the peer's last request, for its retransmissions */
	uint16_t transmissions;       /* of the request in flight */
	ike_time retransmit_at;       /* IKE_NEVER when no request is in flight */
	ike_time request_sent_at;     /* when the request in flight went out first */
	struct ike_reassembly *reassembly_request;
	struct ike_reassembly *reassembly_response;

	struct ike_negotiation *negotiation; /* NULL once established */
	struct ikev1 *v1;                    /* heap; of version 1 alone: ikev1/ikev1.h */
	struct ike_followup *followups; /* the peer's, that wait for more key exchanges; owned */
	/* Unique ids, 0 none. What the peer's rekeying made of it while ours was in flight, and the
	 * other way round, until it is decided. */
	uint32_t rival;
	uint32_t rival_of;
	/* Unique ids, 0 none: the one that is made to reauthenticate it, and the other way round.
	 */
	uint32_t reauthenticated_by;
	uint32_t reauthenticates;
	uint32_t predecessor; /* unique id, 0 none: what was rekeyed into it */
	/* What the first round was proved with, X.509 alone: for who looks. */
	struct ike_certificate *local_cert; /* held, or NULL */
	struct bytes remote_cert;           /* heap: DER; the parsed one takes ten times that */
	struct ike_radius_session *radius;  /* heap; NULL: no RADIUS server let it in */
	struct ike_virtual *virtual;        /* heap; NULL: no virtual addresses; libike/virtual.h */
	struct ike_redirect *redirect;      /* heap; NULL: it never was; sa/redirect.h */
	struct ike_mobike *mobike;          /* NULL when nothing moves; sa/path.h */
	struct address *answers_from;       /* heap; NULL: from where it is asked; sa/path.h */
	struct ike_child *children;
	ike_time children_at; /* the earliest wake_at of them, or earlier */
	uint32_t handovers;   /* children that have one */

	ike_time created_at;
	ike_time established_at; /* IKE_NEVER until then */
	ike_time rekey_at;       /* IKE_NEVER: not planned */
	ike_time reauth_at;
	/* It goes at this time: half-open; replaced; not rekeyed or reauthenticated in over_time.
	 */
	ike_time expires_at;
	ike_time last_received; /* anything authentic */
	ike_time dpd_at;        /* when to look whether the peer lives */
	ike_time inactive_at;   /* when to look whether children are unused */

	ike_time path_at; /* look at addresses again, or tell the peer about them */

	struct ike_timer timer; /* at the earliest of all */
};

/* Our own SPI: the one that the table is keyed by. */
static inline uint64_t ike_sa_own_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_initiator : sa->spi_responder;
}

#endif
