/*
 * The engine: datagrams, commands, kernel events and time in; effects out through struct ike_host.
 *
 * One engine is one daemon's worth of tunnels. It is single-threaded, keeps no globals and reads
 * no clock: `now` is a parameter of every call and one call sees one time. After each call the
 * caller asks ike_engine_deadline() and calls ike_engine_tick() when that time has come.
 */
#ifndef LIBIKE_ENGINE_H
#define LIBIKE_ENGINE_H

#include "libike/failures.h"
#include "libike/host.h"
#include "libike/model/certificates.h"
#include "libike/model/clients.h"
#include "libike/model/connection.h"
#include "libike/model/credentials.h"
#include "libike/model/pools.h"
#include "libike/sa/ike_sa.h"

/* strongswan.conf's charon section, what concerns the protocol. Times in milliseconds. */
struct ike_settings {
	uint16_t port;               /* 500 */
	uint16_t port_nat_t;         /* 4500 */
	uint32_t retransmit_tries;   /* 5 */
	ike_time retransmit_timeout; /* 4 s */
	double retransmit_base;      /* 1.8 */
	uint32_t retransmit_jitter;  /* percent, 0 */
	ike_time retransmit_limit;   /* 0: none */
	ike_time half_open_timeout;  /* 30 s */
	/* How long a child that was rekeyed takes packets in that are still under way: 5 s */
	ike_time delete_rekeyed_delay;
	bool make_before_break;        /* reauthentication; yes */
	bool signature_authentication; /* RFC 7427, else classic methods alone; yes */
	uint32_t cookie_threshold; /* half-open IKE SAs before cookies are demanded: 30 (0 off) */
	uint32_t cookie_threshold_ip;  /* the same, of one peer address: 3 */
	uint32_t block_threshold;      /* half-open IKE SAs of one peer address: 5 (0 off) */
	uint32_t init_limit_half_open; /* 0: none */
	bool aggressive_psk;           /* IKEv1: as responder, too; no */
	bool cisco_unity;              /* IKEv1: no */
	/* Of the IP packet, of IPv4 and IPv6: 1280; 0: what the family guarantees. */
	uint32_t fragment_size_v4, fragment_size_v6;
	uint32_t replay_window;          /* of children that do not say: 32 packets */
	bool initiator_only;             /* nobody else begins an IKE SA; no */
	bool reuse_ikesa;                /* for a child where there is one to its peer; yes */
	bool inactivity_close_ike;       /* with its last child; no */
	bool close_ike_on_child_failure; /* IKEv2, when its first child does not come up; no */
	bool follow_redirects;           /* as initiator (RFC 5685); yes */
	bool cisco_flexvpn;              /* IKEv2: says so in a vendor id; no */
	bool send_vendor_id;             /* the same of who we are; no */
	uint32_t max_ikev2_sas;          /* established and not: memory's ceiling; 0: none */
	bool crl, ocsp;                  /* revocation is looked up in both: yes */
	ike_time fetch_timeout;          /* of one CRL or OCSP response: 10 s */
	uint32_t ocsp_nonce_length;      /* RFC 8954: 1 to 32; 32 */
};

void ike_settings_default(struct ike_settings *ret);

struct ike_engine;

/* host and settings are copied. NULL with a reason when OpenSSL refuses or memory ran out. */
struct ike_engine *ike_engine_new(
	const struct ike_host *host, const struct ike_settings *settings, struct why *why);

/* Frees everything at once: nothing is sent, nothing removed from the kernel. For an orderly end
 * call ike_engine_shutdown() first. NULL is fine. */
void ike_engine_free(struct ike_engine *e);

void ike_engine_settings(struct ike_engine *e, const struct ike_settings *settings);

/* Reqids up to that one are somebody else's: of what an earlier process left in the kernel. */
void ike_engine_reqids_after(struct ike_engine *e, uint32_t last);

/* How many processors there are, if the kernel can have SAs for one each (RFC 9611); 0, as in the
 * beginning: it cannot. To be told before anything is loaded. */
void ike_engine_processors(struct ike_engine *e, uint32_t count);

/* ---- Time and datagrams ---- */

void ike_engine_datagram(struct ike_engine *e, ike_time now, const struct ike_datagram *datagram);
void ike_engine_tick(struct ike_engine *e, ike_time now);
ike_time ike_engine_deadline(const struct ike_engine *e);

/* Deletes every SA at the peer and in the kernel, uninstalls traps. Idle once that is done or the
 * peers did not answer in time; the caller decides how long it waits. */
void ike_engine_shutdown(struct ike_engine *e, ike_time now);
bool ike_engine_is_idle(const struct ike_engine *e); /* no IKE SA left */

/* ---- Configuration ---- */

/* Adds or replaces by name; takes the caller's reference. Existing SAs go over to the new one, and
 * the log says how each difference takes effect; an equal definition changes nothing. Starts or
 * installs children as their start_action says. */
MUST_USE bool ike_engine_load_connection(
	struct ike_engine *e, ike_time now, struct ike_connection *c, struct why *why);
/* Whether that would be refused: what load_connection() checks, ahead of it. c is not taken over,
 * but offers afterwards what can be offered, and shares its proposals with others. */
MUST_USE bool ike_engine_check_connection(
	struct ike_engine *e, struct ike_connection *c, struct why *why);

/* What loading c would change, in ike_engine_changes()'s words; of several the strongest kind. c
 * has been checked. */
#define IKE_EFFECT_TEXT_MAX 2048
enum ike_effect_kind {
	IKE_EFFECT_NONE, /* it is equal */
	IKE_EFFECT_ADDED,
	IKE_EFFECT_IN_PLACE,  /* at once; children come and go */
	IKE_EFFECT_NEXT_KEYS, /* of the child or the IKE SA, or with the next IKE SA */
	IKE_EFFECT_REBUILT,   /* children are made anew */
};
struct ike_effect {
	enum ike_effect_kind kind;
	char text[IKE_EFFECT_TEXT_MAX];
};
void ike_engine_effect(
	const struct ike_engine *e, const struct ike_connection *c, struct ike_effect *ret);

/* What the last load of that name changed, and how each takes effect: "at once: dpd_delay; with the
 * next keys: proposals". NULL when it was new or equal. */
const char *ike_engine_changes(const struct ike_engine *e, const char *name);

/* SAs stay up; traps go, as strongSwan does. False when there is none of that name. */
bool ike_engine_unload_connection(struct ike_engine *e, ike_time now, const char *name);

/* In the order of loading; index from 0; NULL at the end. */
const struct ike_connection *ike_engine_connection(const struct ike_engine *e, size_t index);
const char *ike_engine_connection_name(const struct ike_engine *e, size_t index);
/* NULL when there is none of that name. */
const struct ike_connection *ike_engine_connection_named(
	const struct ike_engine *e, const char *name);
bool ike_engine_has_connection(const struct ike_engine *e, const char *name);

struct ike_credentials *ike_engine_credentials(struct ike_engine *e);     /* shared secrets */
struct ike_certificates *ike_engine_certificates(struct ike_engine *e);   /* and private keys */
struct ike_pools *ike_engine_pools(struct ike_engine *e);                 /* virtual addresses */
const struct ike_clients *ike_engine_clients(const struct ike_engine *e); /* and their networks */

/* As ike_clients_load() and ike_clients_unload(). What is negotiated from then on goes by it.
 */
MUST_USE bool ike_engine_load_clients(struct ike_engine *e, struct ike_client_change *changes,
	size_t count, size_t *ret_failed, struct why *why);
/* What a change that was loaded means for who is connected, "" when nothing; to be asked once for
 * each, which frees what it was earlier. */
#define IKE_CLIENT_CHANGES_MAX 1024
void ike_engine_client_changes(struct ike_engine *e, struct ike_client_change *change,
	char ret_changes[IKE_CLIENT_CHANGES_MAX]);
/* The same ahead of it, of a client that takes the place of that name's; NULL: of unloading it. */
void ike_engine_client_effect(const struct ike_engine *e, const char *name,
	const struct ike_client *client, char ret_changes[IKE_CLIENT_CHANGES_MAX]);
MUST_USE bool ike_engine_unload_client(
	struct ike_engine *e, const char *name, char ret_changes[IKE_CLIENT_CHANGES_MAX]);

/* CRLs and OCSP responses that were fetched or came from peers, in no order. index from 0; false
 * after the last. Borrowed until the next call. */
struct ike_cached {
	bool ocsp; /* an OCSP response, else a CRL */
	struct bytes der;
	const struct ike_crl *crl; /* NULL: ocsp */
};
bool ike_engine_cached(const struct ike_engine *e, size_t index, struct ike_cached *ret);
/* Forgets what was fetched or came from peers of these kinds. */
enum ike_flush {
	IKE_FLUSH_CERTIFICATES = 1,
	IKE_FLUSH_CRLS = 2,
	IKE_FLUSH_OCSP = 4,
	IKE_FLUSH_ALL = 7,
};
void ike_engine_flush_certificates(struct ike_engine *e, unsigned kinds);

/* ---- Commands: each is answered once by host->command_done(ticket), maybe before the call
 * returns, unless ticket is 0. They return false with a reason when they can't even begin (no such
 * connection); then there is no answer.
 * ---- */

struct ike_initiate {
	const char *ike;        /* connection name; may be NULL: then found by the child's name */
	const char *child;      /* may be NULL: a childless IKE SA */
	struct address my_host; /* family 0: as configured */
	struct address other_host;
	uint64_t ticket;
};

/* ret_ike_id: the IKE SA that does it, new or existing; may be NULL. An installed child of that
 * name is negotiated again. */
MUST_USE bool ike_engine_initiate(struct ike_engine *e, ike_time now,
	const struct ike_initiate *what, uint32_t *ret_ike_id, struct why *why);

/* The child of IKEv2 that is installed just as it would be made, and where; or NULL. charon refuses
 * to make a second one. */
const struct ike_child *ike_engine_duplicate(struct ike_engine *e, const struct ike_initiate *what);

struct ike_terminate {
	const char *ike; /* names and ids that are not NULL or 0 must all match */
	const char *child;
	uint32_t ike_id;
	uint32_t child_id;
	bool force; /* don't wait for the peer's answer */
	uint64_t ticket;
};

/* ret_count: how many SAs matched. */
MUST_USE bool ike_engine_terminate(struct ike_engine *e, ike_time now,
	const struct ike_terminate *what, size_t *ret_count, struct why *why);

struct ike_rekey {
	const char *ike; /* names and ids that are not NULL or 0 must all match */
	const char *child;
	uint32_t ike_id;
	uint32_t child_id;
	bool reauth; /* of IKE SAs: authenticate anew */
};

/* Rekeys children (child or child_id given) or IKE SAs. ret_count: how many matched. */
MUST_USE bool ike_engine_rekey(struct ike_engine *e, ike_time now, const struct ike_rekey *what,
	size_t *ret_count, struct why *why);

/* Sends the client of that IKE SA, an IKEv2 one that is up, to another gateway (RFC 5685): an
 * address or a name. When the client does not follow, it stays where it is. False: why says why
 * that is not possible. */
MUST_USE bool ike_engine_redirect(
	struct ike_engine *e, ike_time now, uint32_t ike_id, const char *gateway, struct why *why);
bool ike_engine_is_gateway(const char *text, struct why *why);

/* Trap or shunt policies of a child. ike may be NULL. */
MUST_USE bool ike_engine_install(
	struct ike_engine *e, ike_time now, const char *ike, const char *child, struct why *why);
MUST_USE bool ike_engine_uninstall(
	struct ike_engine *e, ike_time now, const char *ike, const char *child, struct why *why);

/* What is installed: traps and shunts. */
struct ike_trap {
	struct ike_trap *prev, *next;             /* all, the oldest first */
	struct ike_trap *mate_prev, *mate_next;   /* of the same connection */
	struct ike_trap *reqid_prev, *reqid_next; /* with the same reqid */
	UT_hash_handle by_number;
	uint32_t number;                   /* no two have the same, later ones have larger */
	struct ike_connection *connection; /* held */
	const struct ike_child_config *config;
	uint32_t reqid;
	struct ike_reqid *shared_reqid;
	/* As installed; selectors owned. */
	struct ike_kernel_policies policies;
};
/* index from 0; NULL at the end. Walks the list: for many, take the next. */
const struct ike_trap *ike_engine_trap(const struct ike_engine *e, size_t index);
/* The oldest that is younger than that number (0: the oldest of all), or NULL. The one with that
 * number may be gone: walks can pause. */
const struct ike_trap *ike_engine_trap_after(const struct ike_engine *e, uint32_t number);

/* ---- The world around ---- */

/* Addresses, links or routes of this host changed: look again where tunnels go from. */
void ike_engine_addresses_changed(struct ike_engine *e, ike_time now);

/* The answer to host->resolve(): in order of preference; count 0 with a reason in error. */
void ike_engine_resolved(struct ike_engine *e, ike_time now, uint64_t ticket,
	const struct address *list, size_t count, const char *error);

/* ---- Answers to what was asked of the host; a ticket that nobody waits for any more is fine ----
 */

/* signature empty: it failed, error says why. */
void ike_engine_signed(struct ike_engine *e, ike_time now, uint64_t ticket, struct bytes signature,
	const char *error);
void ike_engine_fetched(
	struct ike_engine *e, ike_time now, uint64_t ticket, struct bytes body, const char *error);

enum ike_radius_result {
	IKE_RADIUS_CHALLENGE,
	IKE_RADIUS_ACCEPT,
	IKE_RADIUS_REJECT,
	IKE_RADIUS_UNREACHABLE, /* no server answered: error */
};

struct ike_radius_answer {
	uint8_t result;
	struct bytes eap;
	struct bytes msk;   /* Accept: MS-MPPE-Recv-Key | MS-MPPE-Send-Key; maybe empty */
	const char *user;   /* Accept: User-Name, when the server gave one; or NULL */
	struct bytes class; /* Accept: for groups and accounting; maybe empty */
	/* Accept: addresses for the peer, family 0: none; and what goes with them, or NULL. */
	struct address framed_ip, framed_ip6;
	const struct ike_attributes *attributes;
	uint32_t session_timeout; /* seconds; 0: none */
	const char *error;
};
void ike_engine_radius_answered(struct ike_engine *e, ike_time now, uint64_t ticket,
	const struct ike_radius_answer *answer);

/* error NULL: the password is right; else why not, which may be that nobody could be asked. */
void ike_engine_password_checked(
	struct ike_engine *e, ike_time now, uint64_t ticket, const char *error);

struct ike_tls_answer {
	bool failed;                    /* error */
	bool done;                      /* the handshake is through; msk and peer_chain are there */
	struct bytes output;            /* TLS records for the peer; maybe empty */
	struct bytes msk;               /* 64 octets (RFC 5216, RFC 9190) */
	const struct bytes *peer_chain; /* DER, the end first; not checked yet */
	size_t peer_chain_count;
	const char *error;
};
void ike_engine_tls_answered(
	struct ike_engine *e, ike_time now, uint64_t ticket, const struct ike_tls_answer *answer);

struct ike_leased_answer {
	struct address address;                  /* family 0: there is none, error says why */
	const struct ike_attributes *attributes; /* that go with it; or NULL */
	const char *error;
};
void ike_engine_leased(struct ike_engine *e, ike_time now, uint64_t ticket,
	const struct ike_leased_answer *answer);
/* What was given must not be used any more: its IKE SA ends. */
void ike_engine_lease_lost(struct ike_engine *e, ike_time now, uint64_t ticket, const char *error);

/* ---- Kernel events ---- */

struct ike_acquire {
	uint32_t reqid;
	struct ike_selector source;
	struct ike_selector destination;
	bool has_selectors;
	bool one_processor; /* the packet's, which has no SA of its own (RFC 9611) */
	uint32_t processor;
};

void ike_engine_acquire(struct ike_engine *e, ike_time now, const struct ike_acquire *acquire);
void ike_engine_expire(struct ike_engine *e, ike_time now, uint8_t protocol, uint32_t spi,
	const struct address *destination, bool hard);
/* A NAT moved the peer: the kernel saw ESP of spi (ours, inbound) from another address or port. */
void ike_engine_mapping(
	struct ike_engine *e, ike_time now, uint32_t spi, const struct address *remote);

/* ---- Looking ---- */

/* Every IKE SA, oldest first: pass NULL for the first, NULL after the last. */
const struct ike_sa *ike_engine_sa_next(const struct ike_engine *e, const struct ike_sa *previous);
const struct ike_sa *ike_engine_sa_find(const struct ike_engine *e, uint32_t unique_id);

/* What failed lately for a connection (NULL: what fits no connection), the latest first; index from
 * 0; NULL at the end. advice.h turns it into cause and cure. */
const struct ike_failure_record *ike_engine_failure(
	const struct ike_engine *e, const char *connection, size_t index);

/* What the supervisor keeps up by itself; false when nothing of that child is wanted. */
struct ike_wanted {
	uint8_t actions;   /* enum ike_action: should be up, should have a trap */
	uint32_t failures; /* in a row */
	ike_time next_try; /* IKE_NEVER: none is planned, as it is there or on its way */
};
bool ike_engine_wanted(const struct ike_engine *e, const char *connection, const char *child,
	struct ike_wanted *ret);

/* How long a peer may leave a request unanswered before it is declared dead, without jitter; and
 * when that would be (IKE_NEVER while it has answered all). */
ike_time ike_engine_dead_after(const struct ike_engine *e, const struct ike_sa *sa);
ike_time ike_engine_dead_at(const struct ike_engine *e, const struct ike_sa *sa);

/* What messages of an IKE SA are encrypted and proved with, borrowed until the engine's next call:
 * secrets, for who has to read what was recorded. False while it has no keys. With an AEAD (the
 * salt follows the key) and with IKEv1 (one key for both ways) there are none of integrity. */
struct ike_sa_keys {
	struct bytes encryption_initiator, encryption_responder;
	struct bytes integrity_initiator, integrity_responder;
};
bool ike_engine_sa_keys(const struct ike_sa *sa, struct ike_sa_keys *ret);

struct ike_engine_stats {
	uint32_t ike_sas;
	uint32_t half_open;
	uint32_t children;
};
void ike_engine_stats(const struct ike_engine *e, struct ike_engine_stats *ret);
/* How much waits until the peer has answered something before it. */
uint32_t ike_engine_sa_tasks(const struct ike_sa *sa);

/* strongSwan's counters, in its order; see ike_counter_name(). */
enum ike_counter {
	IKE_COUNTER_IKE_REKEY_INIT,
	IKE_COUNTER_IKE_REKEY_RESP,
	IKE_COUNTER_CHILD_REKEY,
	IKE_COUNTER_INVALID,
	IKE_COUNTER_INVALID_SPI,
	IKE_COUNTER_IKE_INIT_IN_REQ,
	IKE_COUNTER_IKE_INIT_IN_RESP,
	IKE_COUNTER_IKE_INIT_OUT_REQ,
	IKE_COUNTER_IKE_INIT_OUT_RESP,
	IKE_COUNTER_IKE_AUTH_IN_REQ,
	IKE_COUNTER_IKE_AUTH_IN_RESP,
	IKE_COUNTER_IKE_AUTH_OUT_REQ,
	IKE_COUNTER_IKE_AUTH_OUT_RESP,
	IKE_COUNTER_CREATE_CHILD_IN_REQ,
	IKE_COUNTER_CREATE_CHILD_IN_RESP,
	IKE_COUNTER_CREATE_CHILD_OUT_REQ,
	IKE_COUNTER_CREATE_CHILD_OUT_RESP,
	IKE_COUNTER_INFO_IN_REQ,
	IKE_COUNTER_INFO_IN_RESP,
	IKE_COUNTER_INFO_OUT_REQ,
	IKE_COUNTER_INFO_OUT_RESP,
	IKE_COUNTERS,
};
const char *ike_counter_name(enum ike_counter counter); /* "ike-init-in-req" */

/* connection NULL: all. Returns NULL when nothing was counted for that name. Array of IKE_COUNTERS.
 */
const uint64_t *ike_engine_counters(const struct ike_engine *e, const char *connection);
/* Names that have counters; index from 0; NULL ends. */
const char *ike_engine_counters_name(const struct ike_engine *e, size_t index);
bool ike_engine_counters_reset(struct ike_engine *e, const char *connection);

/* What else is counted, from the engine's start on and never reset: for who watches (metrics). */
enum ike_tally {
	IKE_TALLY_BEGUN,             /* handshakes that we began */
	IKE_TALLY_ASKED,             /* that peers began and we answered */
	IKE_TALLY_ESTABLISHED,       /* of both */
	IKE_TALLY_REAUTHENTICATED,   /* of these, those that took another IKE SA's place */
	IKE_TALLY_IKE_REKEYED,       /* IKE SAs */
	IKE_TALLY_CHILD_ESTABLISHED, /* child SAs, without those that a rekeying made */
	IKE_TALLY_CHILD_REKEYED,
	IKE_TALLY_RETRANSMITTED,    /* our requests, sent once more */
	IKE_TALLY_REPEATED,         /* the peer's requests that came once more */
	IKE_TALLY_PROBED,           /* whether a peer lives (DPD) */
	IKE_TALLIES_OF_CONNECTIONS, /* those above are counted for each, too */
	IKE_TALLY_COOKIE_DEMANDED = IKE_TALLIES_OF_CONNECTIONS,
	IKE_TALLY_COOKIE_RETURNED,   /* and right */
	IKE_TALLY_DROPPED_MALFORMED, /* no IKE message, or one that breaks the protocol */
	IKE_TALLY_DROPPED_INTEGRITY, /* not proved by the SA's keys */
	IKE_TALLY_DROPPED_UNKNOWN,   /* of an IKE SA that we don't have */
	IKE_TALLY_DROPPED_OUTSIDE,   /* message id outside the window */
	IKE_TALLY_DROPPED_FLOOD,     /* too many half-open IKE SAs */
	IKE_TALLY_DROPPED_UNWANTED,  /* initiator_only */
	IKE_TALLIES,
};
/* As ike_engine_counters(), IKE_TALLIES_OF_CONNECTIONS of a connection, IKE_TALLIES of all; never
 * NULL for all. */
const uint64_t *ike_engine_tallies(const struct ike_engine *e, const char *connection);
/* Failures by reason, in the same way: IKE_REASONS numbers. connection NULL: all. NULL: none. Those
 * that fit no connection are in all alone. */
const uint32_t *ike_engine_failure_counts(const struct ike_engine *e, const char *connection);

/* Which algorithms this OpenSSL supports. */
bool ike_engine_supports(struct ike_engine *e, const struct ike_algorithm *algorithm);

#endif
