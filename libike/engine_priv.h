/*
 * The engine's inside: what the files of libike share and nobody else sees.
 */
#ifndef LIBIKE_ENGINE_PRIV_H
#define LIBIKE_ENGINE_PRIV_H

#include "libike/diagnosis.h"
#include "libike/engine.h"
#include "libike/failures.h"
#include "libike/sa/negotiation.h"

#define IKE_DATAGRAM_MAX 65535
#define IKE_COOKIE_SECRET_LENGTH 32
#define IKE_COMMON_PROPOSALS 16

/* A loaded connection and what belongs to its name. */
/* Where a definition is looked for: candidates.c. */
struct ike_place {
	struct ike_place *prev, *next;
	struct ike_loaded *loaded;
	struct ike_remote_host *host; /* NULL: anywhere */
};

struct ike_loaded {
	UT_hash_handle by_name;
	uint64_t number; /* in the order of loading */
	struct ike_place *places;
	size_t place_count;
	struct ike_connection *connection;
	struct ike_failures failures;
	char *changes; /* heap: what the last load changed and how, or NULL */
	char name[];   /* here: lists of names and look-ups need nothing else */
};

struct ike_reqid;
struct ike_peer;
struct ike_peer_count;
struct ike_counters;
struct ike_command;
struct ike_eap;
struct ikev1_xauth;
struct ike_signing;
struct ike_leased;
struct ike_site;
struct ike_lookup;

struct ike_engine {
	struct ike_host host;
	struct ike_settings settings;
	struct ike_crypto *crypto;
	struct ike_credentials *credentials;
	struct ike_certificates *certificates;
	struct ike_revocation *revocation;
	struct ike_pools *pools;
	struct ike_clients *clients;
	ike_time now; /* of the call that is being served */

	struct ike_loaded *loaded; /* uthash by name */
	struct ike_loaded **loaded_order;
	size_t loaded_count, loaded_room;
	uint64_t last_loaded;
	struct ike_remote_host
		*remote_hosts;      /* definitions for peers at one address: candidates.c */
	struct ike_place *anywhere; /* the others */
	struct ike_proposals common_proposals[IKE_COMMON_PROPOSALS]; /* that definitions share */
	size_t next_common;

	struct ike_lookup *lookups;   /* names, by text: names.c */
	struct ike_lookup *questions; /* those being asked for, by ticket */
	ike_time doubted_at;          /* when a stranger last made us ask; 0: never */

	struct ike_site *sites; /* what is wanted, by connection name: wishes.h */

	struct ike_sa *by_spi;
	struct ike_sa *by_id;
	struct ike_negotiation *by_request; /* responder's half-open SAs */
	struct ike_peer_count *by_peer;     /* half-open SAs a peer address */
	struct ike_peer *peers;             /* established SAs by the pair of identities */
	struct ike_child *children_by_spi;
	struct ike_timer **heap; /* by time */
	size_t heap_count;
	size_t heap_room;
	uint32_t sa_count;
	uint32_t half_open[2]; /* of IKEv1, of IKEv2 */
	size_t fragments_held; /* octets, of IKEv1's: none of them is authenticated */
	uint32_t child_count;

	struct ike_eap *eap_waiting;   /* conversations that the host was asked for, by ticket */
	struct ikev1_xauth *passwords; /* the host was asked about, by ticket */
	struct ike_signing *signing;   /* those that wait for a signature, by ticket */
	struct ike_leased *leased;     /* addresses of the host's DHCP server, by ticket */
	uint64_t last_ticket;          /* of what the host is asked */
	uint32_t next_ike_id;
	uint32_t next_child_id;
	uint32_t last_mark, last_if_id; /* that were drawn: sa/kernel_tags.c */
	uint32_t next_reqid;
	uint32_t processors; /* that the kernel can have SAs for, one each; 0: it cannot */
	struct ike_reqid *reqids;
	struct ike_trap *traps; /* the oldest first */
	struct ike_trap *traps_by_number;
	struct ike_trap_reqid *traps_by_reqid;
	uint32_t last_trap;
	struct ike_command *commands;
	struct ike_counters *counters;
	uint64_t tallies[IKE_TALLIES];
	uint32_t failure_counts[IKE_REASONS];

	uint64_t local_fingerprint; /* of this host's addresses, as peers were told them */

	uint8_t cookie_secrets[2][IKE_COOKIE_SECRET_LENGTH]; /* current, previous */
	ike_time cookie_changed_at;
	bool cookie_ready;

	ike_time noise_at; /* limiter of lines that strangers cause */
	uint32_t noise_lines;
	uint32_t noise_suppressed;
	struct ike_failures failures; /* that fit no connection */
	ike_time alert_at;            /* limiter of alerts that strangers cause */
	uint32_t alerts;

	bool shutting_down;
	uint8_t datagram[IKE_DATAGRAM_MAX]; /* the one being opened in place */
	uint8_t chain[IKE_CHAIN_MAX];       /* a request being built */
	uint8_t reply[IKE_CHAIN_MAX];       /* a reply; a handler may start requests meanwhile */
};

/* For a question to the host: no two are the same. */
static inline uint64_t ike_ticket_new(struct ike_engine *e)
{
	return ++e->last_ticket;
}

/* ---- log.c ---- */
PRINTF_LIKE(5, 6)
void ike_log(struct ike_engine *e, const struct ike_sa *sa, enum ike_log_group group, int level,
	const char *format, ...);
/* For what strangers can cause at will: at most a few lines a second. */
PRINTF_LIKE(4, 5)
void ike_log_noise(struct ike_engine *e, const struct ike_sa *sa, enum ike_log_group group,
	const char *format, ...);
void ike_event(struct ike_engine *e, enum ike_event_kind kind, const struct ike_sa *sa,
	const struct ike_child *child);
void ike_event_ike_rekey(struct ike_engine *e, const struct ike_sa *old, const struct ike_sa *new);
void ike_event_child_sa_goes(struct ike_engine *e, const struct ike_child *child, bool inbound);
void ike_event_child_rekey(
	struct ike_engine *e, const struct ike_child *old, const struct ike_child *new);

/* ---- report.c: failures to the log, the connection's record, and an alert event ---- */
/* Of the IKE SA. */
void ike_log_failure(struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c,
	const struct ike_failure *failure);
/* Of one child alone. */
void ike_log_child_failure(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_connection *c, const char *child, const struct ike_failure *failure);
/* It could not even begin: no route, no address for a name. remote may be NULL. */
void ike_log_start_failure(struct ike_engine *e, const struct ike_connection *c,
	const struct address *remote, const struct ike_failure *failure);
/* Of a first request of that version that is refused without an SA: strangers can cause it at will.
 * c: the nearest connection, or NULL. */
void ike_log_refusal(struct ike_engine *e, uint8_t version, const struct ike_datagram *datagram,
	const struct ike_connection *c, const struct ike_failure *failure);
/* It came up: what failed before is over. child NULL: the IKE SA. */
void ike_failures_over(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_child *child);

/* ---- command.c: tickets of commands that wait for SAs ---- */
/* One more SA has to finish before the command is answered. Ticket 0 is nobody's. False when memory
 * ran out: the command can't begin. */
MUST_USE bool ike_command_expect(struct ike_engine *e, uint64_t ticket);
/* It did not begin: one expectation less, and no answer. */
void ike_command_cancel(struct ike_engine *e, uint64_t ticket);
/* One has finished; the last one answers. The first failure's text is the command's. */
void ike_command_finish(struct ike_engine *e, uint64_t ticket, bool done, const char *text);
void ike_commands_free(struct ike_engine *e);

/* ---- counters.c ---- */
void ike_count(struct ike_engine *e, const struct ike_sa *sa, enum ike_counter counter);
void ike_count_message(struct ike_engine *e, const struct ike_sa *sa, uint8_t exchange,
	bool inbound, bool response);
/* sa NULL: of no connection. */
void ike_tally(struct ike_engine *e, const struct ike_sa *sa, enum ike_tally tally);
/* c NULL: it fits none. */
void ike_tally_failure(
	struct ike_engine *e, const struct ike_connection *c, enum ike_reason reason);
void ike_counters_free(struct ike_engine *e);

/* ---- candidates.c: the loaded definitions that a peer at an address may be meant by ---- */
MUST_USE bool ike_candidates_add(
	struct ike_engine *e, struct ike_loaded *loaded, const struct ike_connection *c);
void ike_candidates_remove(struct ike_engine *e, struct ike_loaded *loaded);

/* In the order of loading; NULL ends. Nothing may be loaded or unloaded meanwhile. */
struct ike_candidates {
	const struct ike_place *there, *anywhere;
};
struct ike_candidates ike_candidates_from(const struct ike_engine *e, const struct address *remote);
struct ike_connection *ike_candidates_next(struct ike_candidates *walk);
bool ike_candidates_have(const struct ike_loaded *loaded, const struct address *remote);

/* ---- connections.c: the loaded definitions and which one fits ---- */
struct ike_loaded *ike_loaded_find(const struct ike_engine *e, const char *name);
void ike_loaded_free_all(struct ike_engine *e);

/* As responder, before anybody said who they are: the definition whose addresses fit best, among
 * those that the peer's proposals fit. */
struct ike_choice {
	struct ike_connection *connection; /* borrowed; NULL when none fits */
	struct ike_suite suite;
	uint8_t proposal_number;
	/* The best by addresses alone, for saying what would have been accepted; or NULL. */
	const struct ike_connection *nearest;
};
void ike_choose_by_address(struct ike_engine *e, const struct address *local,
	const struct address *remote, const struct ike_proposal *theirs, size_t count,
	struct ike_choice *ret);

/* Those for that version of IKE whose addresses fit, one after the other; *walk begins with
 * ike_candidates_from(); NULL ends. ret_match (may be NULL): how well they do. */
struct ike_connection *ike_loaded_for(struct ike_candidates *walk, uint8_t version,
	const struct address *local, const struct address *remote, unsigned *ret_match);
/* Whether there are any, for the other version alone. */
bool ike_loaded_for_other_version(struct ike_engine *e, uint8_t version,
	const struct address *local, const struct address *remote);

/* What a peer says about itself in its first IKE_AUTH request, or in phase 1. */
struct ike_wanted_peer {
	const struct ike_identity *peer;
	const struct ike_identity *wanted; /* that it asks for; or NULL */
	uint8_t class;                     /* enum ike_auth_class that it uses; ANY: not known */
	/* That its proof was not good enough for. */
	struct ike_connection *const *unacceptable;
	size_t unacceptable_count;
	/* Whether what was agreed on before leaves it possible; NULL: all are. */
	bool (*fits)(struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c);
};

/* As responder, when the peer said who it is and whom it wants: the best by the class of
 * authentication, then by identities, then addresses. When none fits, NULL, with what ruled out the
 * candidates in text, and in ret_nearest the one that an identity alone rules out, when there is
 * but one. */
struct ike_connection *ike_choose_by_identity(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_wanted_peer *peer, char *text, size_t text_size,
	struct ike_connection **ret_nearest);

/* The child's definition, and its connection's, by names; ike may be NULL. */
struct ike_connection *ike_loaded_child(const struct ike_engine *e, const char *ike,
	const char *child, const struct ike_child_config **ret, struct why *why);

/* effect.c: what differs, for people. moves: IKE SAs leave for another address. */
void ike_effect_of(const struct ike_connection *old, const struct ike_connection *new, bool moves,
	struct ike_effect *ret);

/* ---- reload.c: a definition takes the place of an older version ---- */
/* Whether an IKE SA of the old one is to leave for an address of the new one. */
bool ike_reload_moves(const struct ike_connection *old, const struct ike_connection *new);
/* Says what differs; IKE SAs, children and traps go over to the new one where they can. */
void ike_reload(struct ike_engine *e, struct ike_connection *old, struct ike_connection *new);
/* The same for SAs that outlived an unloaded version. */
void ike_reload_found_again(struct ike_engine *e, struct ike_connection *c);
/* Children that could not go over are made anew. */
void ike_reload_rebuild(struct ike_engine *e, struct ike_connection *c);
/* The version that an IKE SA from scratch is made from. */
struct ike_connection *ike_reload_latest(struct ike_engine *e, struct ike_connection *c);
/* What such an IKE SA, under c, makes the child from; NULL: from nothing. ret_inherits: as far as
 * the kernel is concerned it stays as it is. */
const struct ike_child_config *ike_reload_config(
	const struct ike_child *from, const struct ike_connection *c, bool *ret_inherits);
/* An IKE SA (child NULL) or a child came up, maybe of an older version. */
void ike_reload_came_up(struct ike_engine *e, struct ike_sa *sa, struct ike_child *child);

/* ---- ikev2/reauth.c ---- */
/* An IKE SA ends, its children are there still. */
void ike_reauth_ends(struct ike_engine *e, struct ike_sa *sa, enum ike_reason reason);
/* It could not even begin, or has failed: once more, after a pause. */
void ike_reauth_later(struct ike_engine *e, struct ike_sa *sa);
/* An IKE SA was rekeyed. */
void ike_reauth_moves(struct ike_engine *e, struct ike_sa *old, struct ike_sa *new);

/* ---- initiate.c ---- */
/* config may be NULL (childless). ret_ike_id may be NULL. */
MUST_USE bool ike_initiate(struct ike_engine *e, struct ike_connection *c,
	const struct ike_child_config *config, const struct ike_initiate *what,
	uint32_t *ret_ike_id, struct why *why);
/* The same without anybody who is told: what keeps it from beginning is reported. IKE_REASON_NONE:
 * it has begun. */
enum ike_reason ike_initiate_wanted(
	struct ike_engine *e, struct ike_connection *c, const struct ike_child_config *config);
/* Another attempt to where this one went; it has nothing to do yet, and is not begun. NULL when
 * memory ran out. */
struct ike_sa *ike_initiate_again(struct ike_engine *e, const struct ike_sa *sa);
/* By an IKE SA that is up or being established by us. False when memory ran out. The SA may be gone
 * afterwards. */
MUST_USE bool ike_initiate_child_on(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_child_config *config, uint64_t ticket);
/* The same, of a child with per_cpu_sas, for that processor. */
MUST_USE bool ike_initiate_for_processor(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_child_config *config, uint32_t processor);

/* ---- trap.c ---- */
MUST_USE bool ike_trap_install(struct ike_engine *e, struct ike_connection *c,
	const struct ike_child_config *config, struct why *why);
struct ike_trap *ike_trap_find(const struct ike_engine *e, const char *ike, const char *child);
/* To another version of its definition that wants the same policies. */
void ike_trap_take_over(
	struct ike_trap *trap, struct ike_connection *c, const struct ike_child_config *config);
/* By that of another version, without a moment in between. The trap is gone afterwards. */
void ike_trap_replace(struct ike_engine *e, struct ike_trap *trap, struct ike_connection *c,
	const struct ike_child_config *config);
void ike_trap_remove(struct ike_engine *e, struct ike_trap *trap);
void ike_traps_free(struct ike_engine *e); /* memory only */

#endif
