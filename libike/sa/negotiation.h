/*
 * What an IKE SA needs only until it is established, and what a child's exchange needs until it is
 * answered. Heap, owned by the SA or the task, freed (key pairs and nonces with it) when done.
 */
#ifndef LIBIKE_SA_NEGOTIATION_H
#define LIBIKE_SA_NEGOTIATION_H

#include "libike/sa/ike_sa.h"

#define IKE_NONCE_LENGTH 32
#define IKE_NONCE_MAX 256
/* How often a peer may send us back to the start with COOKIE or INVALID_KE_PAYLOAD. */
#define IKE_INIT_RESTARTS_MAX 4

enum ike_stage {
	IKE_STAGE_INIT, /* initiator: no answer to IKE_SA_INIT yet */
	IKE_STAGE_AUTH, /* keys are there; IKE_AUTH, or before it IKE_INTERMEDIATE, is sent or
			   awaited */
};

/* Additional key exchanges before IKE_AUTH (RFC 9242, RFC 9370 2.2.2). */
struct ike_intermediate {
	uint8_t count; /* how many there are to be */
	uint8_t done;
	struct ike_key_exchange *key_exchange; /* initiator: of the one in flight */
	/* Responder: of what comes after the answer, and of what was until then: a repeated request
	 * is sealed with those. */
	struct secret next_keys;
	struct secret previous_keys;
	/* IntAuth_i and IntAuth_r so far (RFC 9242 3.3.2). */
	uint8_t mac_initiator[IKE_PRF_OUTPUT_MAX];
	uint8_t mac_responder[IKE_PRF_OUTPUT_MAX];
};

struct ike_auth;
struct ike_waiting;

/* IKE_SA_INIT as it went to another pair of addresses: an answer may come from any of them. */
struct ike_init_sent {
	struct ike_init_sent *next;
	struct address local, remote;
	struct bytes request; /* heap */
	uint8_t target;
};

/* A post-quantum preshared key (RFC 8784). */
struct ike_ppk {
	bool offered;             /* initiator: USE_PPK was said */
	bool agreed;              /* by both */
	bool sent;                /* initiator: AUTH was made with it */
	bool built;               /* what there is to say about it was said */
	bool settled;             /* it is known whether both use it */
	bool uses_no_ppk_auth;    /* responder: the peer proves itself without it */
	struct secret plain_keys; /* before it was mixed in */
	struct bytes no_ppk_auth; /* heap; initiator: AUTH without it; empty when we demand it */
};

/* What the peer asks for in its CERTREQ payloads. One heap block. */
struct ike_certreqs {
	size_t count;
	struct ike_cert items[IKE_MESSAGE_CERTS_MAX];
	uint8_t octets[]; /* that the items borrow */
};

struct ike_negotiation {
	UT_hash_handle by_request; /* responder: engine's table of half-open SAs */
	struct {                   /* its key; zeroed before it is filled */
		uint64_t spi_initiator;
		struct address remote;
		struct address local; /* IKEv2; initiators may try each of our addresses */
		uint64_t version;     /* wide, so that the key has no gaps */
	} request_key;
	struct ike_sa *sa;
	uint8_t stage; /* enum ike_stage */
	uint8_t restarts;
	uint8_t again; /* initiator: IKE SAs before this one whose IKE_AUTH was refused for now */
	uint8_t nonce_length; /* of ours */
	bool counted;         /* in the half-open tables */
	bool initial_contact; /* responder: the peer says that it has no other SA with us */
	uint16_t group;       /* initiator: of the KE payload that we send */
	bool fixed_target;    /* initiator: the addresses were given by whoever wants it */
	uint8_t target;       /* initiator: of the pairs of addresses, the one that is tried */
	uint8_t target_count; /* as many as target: all were tried, the next round is waited for */
	ike_time round_at;    /* initiator: when the first of the pairs was tried last */
	struct ike_init_sent *init_sent; /* heap; initiator: pairs but the present one */
	ike_time names_until;            /* initiator: waits for names that long; 0: it does not */
	ike_time hold_until; /* initiator: IKE_AUTH waits for the peer's own; 0: it does not */
	uint32_t tries;      /* initiator: rounds of keyingtries done before this one */
	uint32_t secrets;    /* ike_credentials_version() when it began */
	struct ike_key_exchange *key_exchange;
	uint8_t nonce[IKE_NONCE_LENGTH];
	struct bytes peer_nonce;   /* heap */
	struct bytes cookie;       /* heap; initiator: as the responder gave it */
	struct bytes init_request; /* heap: the IKE_SA_INIT messages that AUTH signs */
	struct bytes init_response;
	struct ike_ppk *ppk;                   /* heap; NULL: none is talked about */
	struct ike_intermediate *intermediate; /* heap; NULL without additional key exchanges */
	uint32_t peer_hashes;          /* IKE_HASH_BIT(): of RFC 7427; 0: the peer lacks it */
	struct ike_certreqs *certreqs; /* heap; NULL: nothing was asked for yet */
	bool peer_multiple;            /* the peer can prove itself in several rounds (RFC 4739) */
	struct ike_auth *auth;         /* heap; NULL before IKE_AUTH */
	struct ike_waiting *waiting;   /* heap: the message under work, while IKE_AUTH waits */
	ike_time wait_until;           /* initiator: it does so that long; 0: it does not */
};

struct ike_negotiation *ike_negotiation_new(struct ike_sa *sa);
void ike_negotiation_free(struct ike_negotiation *n); /* not linked in any table any more */

/* The IKE_SA_INIT request goes on the list, before the SA goes to another pair of addresses. False
 * when memory ran out. */
MUST_USE bool ike_init_sent_keep(struct ike_negotiation *n);
/* What went to this pair is the present request again, and the SA is there. False when it is
 * already, or nothing on the list went there. */
bool ike_init_sent_take(
	struct ike_negotiation *n, const struct address *local, const struct address *remote);
/* The one for that pair, which is sent anew. */
void ike_init_sent_drop(
	struct ike_negotiation *n, const struct address *local, const struct address *remote);
void ike_init_sent_free(struct ike_negotiation *n); /* all */

/* ikev2/auth.c, ikev2/waiting.c; NULL is fine. What was asked for is forgotten. */
void ike_auth_free(struct ike_auth *a);
void ike_waiting_free(struct ike_waiting *w);

/* Whether all additional key exchanges before IKE_AUTH are done. */
static inline bool ike_intermediate_is_over(const struct ike_negotiation *n)
{
	return !n->intermediate || n->intermediate->done == n->intermediate->count;
}

/* What a CREATE_CHILD_SA exchange agreed on, until the last of the additional key exchanges that
 * follow it (RFC 9370 2.2.4). */
struct ike_followup {
	struct ike_followup *next; /* responder: of the same IKE SA, the oldest first */
	struct ike_suite suite;
	uint8_t count; /* of additional key exchanges */
	uint8_t done;
	bool orphaned;                         /* responder: what is rekeyed is gone */
	struct ike_key_exchange *key_exchange; /* initiator: of the one in flight */
	struct bytes link;                     /* heap; the responder's */
	struct bytes nonce_i, nonce_r;         /* heap; of the CREATE_CHILD_SA exchange */
	struct secret shared;                  /* of its own key exchange */
	struct secret additional;              /* of those since, joined */
	uint64_t ike_spi;                      /* the peer's, of the new IKE SA */
	/* Responder. */
	uint64_t own_spi;          /* of the new IKE SA */
	struct ike_child *child;   /* owned; NULL: the IKE SA is rekeyed */
	struct ike_child *rekeyed; /* NULL: a new child */
	ike_time until;            /* forgotten then */
};

void ike_followup_free(struct ike_followup *f); /* not its child; NULL is fine */

/* Our half of a CREATE_CHILD_SA exchange while its request is in flight. */
struct ike_child_offer {
	uint64_t ike_spi;                      /* REKEY_IKE: our SPI of the new IKE SA */
	struct ike_key_exchange *key_exchange; /* NULL without PFS and in IKE_AUTH */
	uint16_t group;
	uint8_t restarts;
	uint8_t again; /* initiator: IKE SAs before this one whose IKE_AUTH was refused for now */
	uint8_t nonce[IKE_NONCE_LENGTH];
	struct ike_followup *followup; /* owned; NULL before CREATE_CHILD_SA was answered */
};

void ike_child_offer_free(struct ike_child_offer *offer); /* NULL is fine */

/* What a child that the peer's rekeying made waits with until it may send (RFC 7296 2.8). */
struct ike_handover {
	struct ike_child *old; /* NULL when it went */
	struct secret keymat;
	bool initiator; /* of the exchange that made it, we are (IKEv1 alone) */
	bool fresh;     /* the answer is just on its way */
	bool redundant; /* lost a collision: the peer is to delete it */
	uint16_t lowest_length;
	uint8_t lowest[IKE_NONCE_MAX]; /* of the two nonces of its exchange */
	/* IKEv1 (ikev1/quick_handover.c) */
	uint8_t awaits; /* enum ikev1_awaited */
	uint8_t repeats;
	bool arrived; /* message 3, but what we do ourselves about the old one goes first */
	ike_time since;
	ike_time look_at; /* 0: nothing to look for */
	ike_time until;   /* then it is given up, or goes on without */
};

void ike_handover_free(struct ike_handover *handover); /* NULL is fine */
/* The lower of two nonces as RFC 7296 2.8.1 has it: octet by octet. */
struct bytes ike_nonce_lower(struct bytes a, struct bytes b);

#endif
