/*
 * What the files of eap/ share: the conversation, and the methods as tables of functions.
 */
#ifndef LIBIKE_EAP_EAP_PRIV_H
#define LIBIKE_EAP_EAP_PRIV_H

#include "libike/eap/eap.h"
#include "libike/eap/packet.h"
#include "libike/engine_priv.h"

/* More packets each way are no conversation any more: a long chain takes 20. */
#define IKE_EAP_ROUND_TRIPS_MAX 60

enum ike_eap_step {
	IKE_EAP_STEP_SEND,    /* what was written is to be sent */
	IKE_EAP_STEP_SUCCESS, /* server: the method is through; nothing was written */
	IKE_EAP_STEP_FAILED,
	IKE_EAP_STEP_WAIT,
};

/* A method in one role. Functions write the type-data of what is to be sent; the packet around it
 * is the conversation's. */
struct ike_eap_role {
	/* Server: the first request. */
	enum ike_eap_step (*begin)(struct ike_eap *, struct writer *, struct ike_failure *);
	/* Type-data of a packet of the peer's. */
	enum ike_eap_step (*packet)(
		struct ike_eap *, struct bytes data, struct writer *, struct ike_failure *);
	/* After a wait; NULL: it never does. */
	enum ike_eap_step (*resume)(struct ike_eap *, struct writer *, struct ike_failure *);
};

struct ike_eap_kind {
	uint8_t type;      /* IKE_EAP_METHOD_* */
	const char *label; /* "EAP_MSCHAPV2" */
	bool mutual;
	/* Server: the method writes whole packets, with identifiers of its own, and gets whole ones
	 * of any type. */
	bool whole_packets;
	const struct ike_eap_role *server; /* NULL: not in this role */
	const struct ike_eap_role *client;
	void (*forget)(struct ike_eap *); /* what its state holds; NULL: nothing */
};

enum ike_eap_stage {
	IKE_EAP_STAGE_NEW,
	IKE_EAP_STAGE_IDENTITY, /* server: asked for it */
	IKE_EAP_STAGE_METHOD,
	IKE_EAP_STAGE_OVER,
};

struct ike_eap {
	struct ike_engine *e;
	struct ike_sa *sa;
	const struct ike_auth_round *round;
	const struct ike_eap_kind *method; /* NULL: not chosen yet */
	bool server;
	bool proceeds;      /* the method has taken a packet of the peer's: no other any more */
	bool succeeded;     /* client: the method has, and awaits EAP-Success */
	bool answered;      /* client: identifier is that of a request */
	uint8_t stage;      /* enum ike_eap_stage */
	uint8_t identifier; /* of the request in flight, or that is being answered */
	uint8_t round_trips;
	/* Of the peer (server) or ours (client), as it is claimed: from EAP-Identity, the
	 * definition, or IKE. NULL while it is not known. */
	struct ike_identity *claimed;
	struct secret password; /* client: of the claimed one; empty: the store knows */
	struct ike_identity *proved;
	struct secret msk;
	char refusal[96]; /* client: what the server said before EAP-Failure */
	void *state;      /* the method's; heap */
	size_t state_size;
	/* Waiting for the host: by ticket in e->eap_waiting. */
	UT_hash_handle by_ticket;
	uint64_t ticket; /* 0: it does not */
};

extern const struct ike_eap_kind ike_eap_md5;
extern const struct ike_eap_kind ike_eap_radius;
extern const struct ike_eap_kind ike_eap_tls;
extern const struct ike_eap_kind ike_eap_mschapv2;

/* By number; NULL when there is none. IKE_EAP_METHOD_RADIUS is among them. */
const struct ike_eap_kind *ike_eap_method_find(uint8_t type);
/* Those on the wire, the best first; NULL after the last. */
const struct ike_eap_kind *ike_eap_method_at(size_t index);

/* The method's state, zeroed; wiped and freed with the conversation. False: no memory. */
MUST_USE bool ike_eap_state_new(struct ike_eap *eap, size_t size, struct ike_failure *failure);
/* Forgets the method that was begun. */
void ike_eap_drop_method(struct ike_eap *eap);

/* The user's password; an empty view with a failure. kind: IKE_SHARED_EAP or _NTLM. */
struct bytes ike_eap_secret(const struct ike_eap *eap, uint8_t kind);
/* Says that there is none. */
void ike_eap_fail_secret(const struct ike_eap *eap, struct ike_failure *failure);
/* "no memory" and its kin. Returns IKE_EAP_STEP_FAILED. */
enum ike_eap_step ike_eap_fail_resources(struct ike_failure *failure, const char *what);
/* The peer's packet is malformed. Returns IKE_EAP_STEP_FAILED. */
enum ike_eap_step ike_eap_fail_packet(
	const struct ike_eap *eap, struct ike_failure *failure, const char *what);

/* Whom we talk to: the peer's identity in IKE in the round under way. May be NULL. */
struct ike_identity *ike_eap_ike_peer(const struct ike_eap *eap);
/* Ours. */
struct ike_identity *ike_eap_ike_own(const struct ike_eap *eap);

/* A ticket for a question to the host, under which the conversation is found when the answer comes.
 * False: no memory. */
MUST_USE bool ike_eap_ask(struct ike_eap *eap);
void ike_eap_unask(struct ike_eap *eap);
struct ike_eap *ike_eap_answered(struct ike_engine *e, uint64_t ticket); /* or NULL */

/* ---- eap_server.c, eap_client.c ---- */
enum ike_eap_result ike_eap_server_begin(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure);
enum ike_eap_result ike_eap_server_packet(struct ike_eap *eap, const struct ike_eap_packet *packet,
	struct writer *ret, struct ike_failure *failure);
enum ike_eap_result ike_eap_server_resume(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure);
enum ike_eap_result ike_eap_client_packet(struct ike_eap *eap, const struct ike_eap_packet *packet,
	struct writer *ret, struct ike_failure *failure);
enum ike_eap_result ike_eap_client_resume(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure);

/* Nothing but the conversation proves the server (RFC 5998). */
bool ike_eap_is_alone(const struct ike_eap *eap);

#endif
