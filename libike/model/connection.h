/*
 * Peer definitions: what swanctl.conf's `connections` section says, checked and in numbers.
 *
 * Made by the daemon from a VICI load-conn (charon-lite/control/load_conn.c), then immutable.
 * Reference-counted, not atomically: IKE SAs keep the definition that they were made from when it
 * is replaced. All times are seconds, 0 meaning "never" or "off". Strings, lists and identities are
 * owned by the structure.
 */
#ifndef LIBIKE_MODEL_CONNECTION_H
#define LIBIKE_MODEL_CONNECTION_H

#include "libike/base/identity.h"
#include "libike/base/selector.h"
#include "libike/crypto/certificate.h"
#include "libike/crypto/proposal.h"
#include "libike/crypto/signature.h"
#include "libike/host.h"
#include "libike/model/name.h"

/* One element of local_addrs or remote_addrs. */
enum ike_endpoint_kind {
	IKE_ENDPOINT_ANY, /* %any, %any4 (family AF_INET), %any6 */
	IKE_ENDPOINT_HOST,
	IKE_ENDPOINT_PREFIX,
	IKE_ENDPOINT_RANGE,
	IKE_ENDPOINT_NAME, /* a DNS name */
};

struct ike_endpoint {
	uint8_t kind;
	uint8_t prefix_length;
	struct address from;  /* host, network or start; only family for ANY */
	struct address to;    /* end of a range */
	char *name;           /* the text as configured */
	struct ike_name *dns; /* NAME: held; NULL until an engine loaded it */
};

struct ike_endpoints {
	struct ike_endpoint *items;
	size_t count;
};

/* From one list element; appended. */
MUST_USE bool ike_endpoints_add(struct ike_endpoints *list, const char *text, struct why *why);
void ike_endpoints_free(struct ike_endpoints *list);
bool ike_endpoints_equal(const struct ike_endpoints *a, const struct ike_endpoints *b);

/* How well an address fits: 0 not at all, larger for HOST than RANGE than PREFIX than ANY (and the
 * longer prefix better). An empty list is %any. A name fits once it was resolved. */
unsigned ike_endpoints_match(const struct ike_endpoints *list, const struct address *a);

enum ike_auth_class {
	IKE_AUTH_CLASS_ANY = 0,
	IKE_AUTH_CLASS_PSK,
	IKE_AUTH_CLASS_PUBKEY,
	IKE_AUTH_CLASS_EAP,
	IKE_AUTH_CLASS_XAUTH,
};

/* `revocation`: what becomes of a certificate whose state could not be found out. */
enum ike_revocation_policy {
	IKE_REVOCATION_RELAXED, /* good */
	IKE_REVOCATION_IFURI,   /* good, unless it says where the state is to be had */
	IKE_REVOCATION_STRICT,  /* bad */
};

/* How a user's password is checked: `auth` of a remote round of class XAUTH. */
enum ike_xauth {
	IKE_XAUTH_GENERIC, /* against eap* and xauth* secrets */
	IKE_XAUTH_EAP,     /* by eap_method, with the password: a RADIUS server */
	IKE_XAUTH_PAM,
};

/* One local or remote round (RFC 4739: there may be several). */
struct ike_auth_round {
	uint32_t number;             /* `round`: sorts them */
	uint8_t class;               /* enum ike_auth_class */
	uint8_t eap_method;          /* of class EAP: IKE_EAP_METHOD_*, eap/eap.h */
	uint8_t xauth;               /* of class XAUTH: enum ike_xauth; remote */
	bool implied;                /* the definition has none, this is the default */
	uint8_t revocation;          /* enum ike_revocation_policy; remote */
	struct ike_identity *id;     /* NULL: our address (local), %any (remote) */
	struct ike_identity *eap_id; /* NULL: id; local %any: ask whoever can be asked; remote %any:
					ask the peer */
	/* Local: the user's name; NULL: id. Remote: who may come; NULL: whoever knows a password.
	 */
	struct ike_identity *xauth_id;
	struct ike_identity
		*aaa_id; /* of the EAP server, seen from its client; NULL: the peer's id */
	struct ike_identity *ca_id; /* remote: a CA of the chain must have it; or NULL */
	/* Held, in order. Local: one of them is used. Remote: the peer's must be one of them; raw
	 * keys of `pubkeys` are among them. */
	struct ike_certificate **certs;
	size_t cert_count;
	struct ike_certificate **cacerts; /* remote: one of them must be in the chain */
	size_t cacert_count;
	char **cert_policies; /* remote: OIDs that the chain must have, in dotted form */
	size_t cert_policy_count;
	char **groups; /* remote: one of them must have been proved (RADIUS class) */
	size_t group_count;
	struct ike_signature_policy *signatures; /* heap; NULL: no constraints */
};

struct ike_auth_rounds {
	struct ike_auth_round *items;
	size_t count;
};

enum ike_action {
	IKE_ACTION_NONE = 0,
	IKE_ACTION_TRAP = 1,
	IKE_ACTION_START = 2,    /* trap|start is both bits */
	IKE_ACTION_UNSET = 0xff, /* dpd_action, close_action: not given, as start_action */
};

enum ike_unique { IKE_UNIQUE_NO, IKE_UNIQUE_NEVER, IKE_UNIQUE_KEEP, IKE_UNIQUE_REPLACE };
enum ike_childless {
	IKE_CHILDLESS_NEVER,
	IKE_CHILDLESS_ALLOW,
	IKE_CHILDLESS_PREFER,
	IKE_CHILDLESS_FORCE
};
enum ike_fragmentation {
	IKE_FRAGMENTATION_NO,
	IKE_FRAGMENTATION_ACCEPT,
	IKE_FRAGMENTATION_YES,
	IKE_FRAGMENTATION_FORCE
};

/* RFC 4806: OCSP responses in CERT payloads. */
enum ike_ocsp_use {
	IKE_OCSP_NEVER = 0,
	IKE_OCSP_REPLY = 1,   /* send ours if we are asked */
	IKE_OCSP_REQUEST = 2, /* ask for the peer's */
	IKE_OCSP_BOTH = 3,
};

enum ike_send_cert { IKE_SEND_CERT_IFASKED, IKE_SEND_CERT_NEVER, IKE_SEND_CERT_ALWAYS };

#define IKE_MARK_UNIQUE 0xffffffffu     /* %unique */
#define IKE_MARK_UNIQUE_DIR 0xfffffffeu /* %unique-dir */
#define IKE_MARK_SAME 0xfffffffdu       /* set_mark only: the value of mark_in or mark_out */
#define IKE_IF_ID_UNIQUE 0xffffffffu
#define IKE_IF_ID_UNIQUE_DIR 0xfffffffeu

static inline bool ike_if_id_is_drawn(uint32_t id)
{
	return id == IKE_IF_ID_UNIQUE || id == IKE_IF_ID_UNIQUE_DIR;
}

#define IKE_REPLAY_WINDOW_UNSET 0xffffffffu
#define IKE_TFC_PADDING_MTU 0xffffffffu /* tfc_padding = mtu */

/* SAs for one processor each (RFC 9611). */
enum ike_per_cpu {
	IKE_PER_CPU_NO,
	IKE_PER_CPU_YES,
	IKE_PER_CPU_ENCAP, /* and, encapsulated, each from a port of its own */
};

struct ike_child_config {
	struct ike_connection *connection; /* that it is part of */
	char *name;
	struct ike_proposals proposals; /* ESP or AH; in order of preference */
	struct ike_selector *local_ts;
	struct ike_selector *remote_ts;
	uint8_t local_ts_count;
	uint8_t remote_ts_count;
	uint8_t mode; /* enum ike_mode */
	uint8_t start_action;
	uint8_t dpd_action;
	uint8_t close_action;
	bool policies;
	bool policies_fwd_out;
	bool sha256_96;     /* what is agreed on as HMAC-SHA-256-128 is truncated to 96 bits */
	bool ipcomp;        /* proposed and agreed to */
	uint8_t hw_offload; /* enum ike_hw_offload */
	bool copy_df;
	bool copy_ecn;
	bool copy_dscp_out;
	bool copy_dscp_in;
	uint64_t rekey_time, life_time, rand_time; /* seconds */
	uint64_t rekey_bytes, life_bytes, rand_bytes;
	uint64_t rekey_packets, life_packets, rand_packets;
	uint64_t inactivity;
	uint32_t reqid; /* 0: chosen by us */
	uint32_t priority;
	uint32_t replay_window; /* packets; IKE_REPLAY_WINDOW_UNSET: the daemon's */
	uint32_t tfc_padding;
	bool mark_in_sa; /* mark_in also on the inbound SA, not on its policies alone */
	struct ike_mark mark_in, mark_out, set_mark_in, set_mark_out;
	uint32_t if_id_in, if_id_out;
	uint8_t per_cpu_sas; /* enum ike_per_cpu */
	char *interface;
	char *tunnel_interface; /* up while a child is installed; NULL: none */
	char *updown;
	bool hostaccess;
};

struct ike_connection {
	uint32_t references;
	struct ike_sa *sas;     /* the engine's: IKE SAs that were made from it; utlist */
	uint32_t initiated;     /* the engine's: how many of those we are the initiator of */
	struct ike_trap *traps; /* the engine's, too: of its children; utlist */
	const struct ike_clients *clients; /* the engine's, too: what %client stands for; or NULL */
	char *name;
	uint8_t version; /* 0 either, 1, 2 */
	bool encap;
	bool mobike;
	bool aggressive;
	bool pull;
	bool send_certreq;
	uint8_t send_cert; /* enum ike_send_cert */
	uint8_t ocsp;      /* enum ike_ocsp_use */
	uint8_t childless;
	uint8_t fragmentation;
	uint8_t unique;
	uint8_t dscp;        /* of IKE packets */
	uint16_t local_port; /* one of the daemon's own; 0: as the peer's port wants */
	uint16_t remote_port;
	struct ike_endpoints local_addrs;
	struct ike_endpoints remote_addrs;
	struct ike_proposals proposals;
	struct ike_auth_rounds local;
	struct ike_auth_rounds remote;
	struct ike_identity *ppk_id; /* RFC 8784; NULL: none */
	bool ppk_required;
	bool checked;                                           /* the engine would take it */
	uint64_t rekey_time, reauth_time, over_time, rand_time; /* seconds */
	uint64_t dpd_delay, dpd_timeout;
	uint32_t keyingtries; /* 0 for ever */
	/* Of requests that are not answered, instead of the daemon's own settings. */
	uint64_t retransmit_tries;   /* IKE_UNSET: the daemon's */
	uint64_t retransmit_timeout; /* milliseconds; 0: the daemon's */
	double retransmit_base;      /* 0: the daemon's */
	uint32_t if_id_in, if_id_out;
	struct address *vips; /* what we ask the peer for: an address, or 0.0.0.0 or :: for any */
	char **pools;         /* names: what the peer gets its virtual addresses from */
	uint8_t vip_count, pool_count;
	struct ike_child_config **children;
	size_t child_count;
	struct ike_child_name *more_children; /* by name, beyond the first ones: connection.c */
};

#define IKE_CONNECTION_VIPS_MAX 8
#define IKE_CONNECTION_POOLS_MAX 64

/* With swanctl.conf(5)'s defaults; name is copied. NULL when memory ran out. */
struct ike_connection *ike_connection_new(const char *name);
struct ike_connection *ike_connection_hold(struct ike_connection *c);
void ike_connection_free(struct ike_connection *c); /* drops one reference; NULL is fine */

/* Appends a child with swanctl.conf(5)'s defaults; owned by c. NULL when memory ran out or the
 * name is taken. */
struct ike_child_config *ike_connection_add_child(struct ike_connection *c, const char *name);
struct ike_child_config *ike_connection_child(const struct ike_connection *c, const char *name);

/* Append one element of `vips` ("0.0.0.0", "::", "10.3.0.9") or of `pools`, copied. */
MUST_USE bool ike_connection_add_vip(struct ike_connection *c, const char *text, struct why *why);
MUST_USE bool ike_connection_add_pool(struct ike_connection *c, const char *name, struct why *why);

/* The identity of the first round; NULL when there is none. Borrowed. */
static inline struct ike_identity *ike_auth_rounds_id(const struct ike_auth_rounds *rounds)
{
	return rounds->count > 0 ? rounds->items[0].id : NULL;
}

/* Appends a round; takes the caller's reference to id, also on failure. */
MUST_USE bool ike_auth_rounds_add(
	struct ike_auth_rounds *rounds, uint8_t class, struct ike_identity *id);

/* Puts it behind all whose number is not larger; it is moved from round, which is empty then. False
 * when memory ran out. */
MUST_USE bool ike_auth_rounds_insert(struct ike_auth_rounds *rounds, struct ike_auth_round *round);

/* Frees what it holds. */
void ike_auth_round_clear(struct ike_auth_round *round);

/* Whether peers can prove themselves to each other under it: shunts need no such thing. */
static inline bool ike_connection_authenticates(const struct ike_connection *c)
{
	return c->local.count > 0 && c->remote.count > 0;
}

/* What of the definition IKEv1 cannot do or prove, as a sentence; NULL: nothing. With `version = 0`
 * it is for IKEv2 alone then: who speaks the older version must not get by with less. */
const char *ike_connection_beyond_ikev1(const struct ike_connection *c);

/* Pass and drop policies and nothing else: there is no peer who would have to prove anything. */
bool ike_connection_only_shunts(const struct ike_connection *c);

/* Fills what was left open (rekey_time, over_time, rand_time from each other, default proposals and
 * selectors, as swanctl.conf(5) derives them) and checks what must fit together. To be called once,
 * when all fields are set. Times and volumes are IKE_UNSET, dpd_action and close_action
 * IKE_ACTION_UNSET in a new connection or child; leave those that the file did not give. */
#define IKE_UNSET UINT64_MAX
MUST_USE bool ike_connection_complete(struct ike_connection *c, struct why *why);

/* What the definition asks for and does not get, mostly for want of words in its version of IKE: a
 * line that says what happens instead and what mends it. index from 0; false: there is nothing more
 * to be said. */
#define IKE_REMARK_TEXT_MAX 900
bool ike_child_config_remark(
	const struct ike_child_config *child, size_t index, char text[IKE_REMARK_TEXT_MAX]);

/* How a difference takes effect on a tunnel that is up. */
enum ike_apply {
	IKE_APPLY_NOW,
	IKE_APPLY_REKEY,   /* with the next keys of the child, or of the IKE SA */
	IKE_APPLY_REAUTH,  /* with the next IKE SA that is made from the start */
	IKE_APPLY_REBUILD, /* the child (of a connection's field: all) has to be made anew */
	IKE_APPLY_ADDED,   /* a child */
	IKE_APPLY_REMOVED,
};

/* child: of b, or of a when it is removed; NULL: a field of the connection. key is that of
 * swanctl.conf(5), NULL for a child that is added or removed. */
typedef void ike_difference_visit(
	void *context, const struct ike_child_config *child, const char *key, enum ike_apply apply);

/* Field by field from a to b. */
void ike_connection_compare(const struct ike_connection *a, const struct ike_connection *b,
	ike_difference_visit *visit, void *context);
void ike_child_config_compare(const struct ike_child_config *a, const struct ike_child_config *b,
	ike_difference_visit *visit, void *context);

/* A reload of an unchanged file must change nothing. */
bool ike_connection_equal(const struct ike_connection *a, const struct ike_connection *b);

#endif
