/* Two gateways, moon (192.0.2.1) and sun (192.0.2.2), for the engine's tests: made, loaded, and at
 * the end checked by the invariants of testing/sim/check.c. */
#ifndef TESTING_UNIT_ENGINE_DUO_H
#define TESTING_UNIT_ENGINE_DUO_H

#include "testing/sim/definition.h"
#include "testing/sim/world.h"

#include <check.h>

struct duo {
	struct sim_world *world;
	struct sim_node *moon;
	struct sim_node *sun;
	struct sim_definition moon_side; /* named "sun", child "net" */
	struct sim_definition sun_side;  /* named "moon", child "net" */
	const char *moon_psk;
	const char *sun_psk;
};

/* Definitions that fit, for the test to change. */
struct duo duo_begin(bool sun_behind_nat);
/* The same for IKEv1, Main or Aggressive Mode with pre-shared keys. */
struct duo duo_begin_ikev1(bool aggressive);
/* Starts both engines with what the definitions say now. */
void duo_start(struct duo *d);
/* The same with Ed25519 certificates instead of the pre-shared keys. */
void duo_start_certified(struct duo *d);
/* The connection of the node. */
const char *duo_name(const struct duo *d, const struct sim_node *n);

/* Initiates the child (NULL: none) and lets it come to rest. The command's outcome. */
const struct sim_command *duo_initiate(struct duo *d, struct sim_node *n, const char *child);
/* That, and it must have worked at both ends. */
void duo_up(struct duo *d, struct sim_node *n, const char *child);
/* Deletes all at that end, in an orderly way; both must end empty. */
void duo_down(struct duo *d, struct sim_node *n);

/* Lets time go by; and the other one of the two. */
void duo_pass(struct duo *d, ike_time milliseconds);
struct sim_node *duo_other(struct duo *d, const struct sim_node *n);
/* Its first IKE SA, which is the only one mostly; NULL: none. */
const struct ike_sa *duo_sa(const struct sim_node *n);
/* The kernel says that the node's first child in use is at its soft limit. False: none is in use.
 */
bool duo_soft_expire(struct sim_node *n);
/* What the node keeps of its connection as the newest failure; there has to be one. */
const struct ike_failure *duo_last_failure(const struct duo *d, const struct sim_node *n);
/* The same, and there has to be one. */
const struct ike_sa *duo_only_sa(const struct sim_node *n);
unsigned duo_ike_sas(const struct sim_node *n);
unsigned duo_children(const struct sim_node *n);

/* What the node keeps for its connection of that name (NULL: for none): the first of that reason,
 * which there has to be. */
const struct ike_failure_record *duo_failure(
	const struct sim_node *n, const char *connection, enum ike_reason reason);
/* The same, and advice on it has these words. */
const struct ike_failure_record *duo_explains(const struct sim_node *n, const char *connection,
	enum ike_reason reason, const char *cause, const char *cure);
void duo_contains(const char *text, const char *part);

/* Both ends agree, nothing was wrong; frees everything. */
void duo_end(struct duo *d);

/* An address of the node's changes (NULL: goes); and what one is. */
struct address duo_address(const char *text);
void duo_move(struct sim_node *n, size_t index, const char *text);
void duo_is_at(const struct address *is, const char *text);

/* For both a second child "web", whose nets are others. */
void duo_two_children(struct duo *d);

/* A filter of the world with that as context: one or two of the datagrams that arrive are lost, by
 * their numbers from 1 on. */
struct duo_dropper {
	unsigned seen, drop, and_drop;
};
bool duo_drop(void *context, struct sim_world *w, struct sim_flight *flight);

/* A packet from that end's net to the other's; and that they arrive both ways. */
enum sim_fate duo_send_from(struct duo *d, struct sim_node *n);
void duo_both_ways(struct duo *d);

/* A packet each way every few milliseconds, counted. */
struct duo_stream {
	struct duo *duo;
	struct sim_packet packets[2]; /* from moon, from sun */
	ike_time until;
	unsigned sent, arrived;
};
void duo_stream_begin(struct duo *d, struct duo_stream *s, ike_time seconds);

/* test-ikev1 */
TCase *version_tests(void);
TCase *ikev1_phase1_tests(void);
TCase *ikev1_xauth_tests(void);
TCase *ikev1_mode_config_tests(void);
TCase *ikev1_life_tests(void);
TCase *ikev1_lost_tests(void);
TCase *ikev1_inform_tests(void);
TCase *ikev1_nat_tests(void);
TCase *ikev1_quick_tests(void);
TCase *ikev1_selector_tests(void);
TCase *ikev1_unity_tests(void);
TCase *ikev1_replace_tests(void);
TCase *ikev1_hostile_tests(void);
TCase *ikev1_flood_tests(void);
TCase *ikev1_malformed_tests(void);
TCase *ikev1_proof_tests(void);
TCase *ikev1_user_tests(void);
TCase *ikev1_definition_tests(void);
TCase *ikev1_certificate_tests(void);
TCase *ikev1_explain_tests(void);

/* test-engine */
TCase *exchange_tests(void);
TCase *waiting_tests(void);
TCase *pubkey_tests(void);
TCase *rounds_tests(void);
TCase *eap_auth_tests(void);
TCase *network_tests(void);
TCase *failure_tests(void);
TCase *crossing_tests(void);
TCase *rekey_child_tests(void);
TCase *rekey_ike_tests(void);
TCase *reauth_tests(void);
TCase *kernel_tags_tests(void);
TCase *hostile_tests(void);
TCase *supervisor_tests(void);
TCase *liveness_tests(void);
TCase *tally_tests(void);
TCase *both_start_tests(void);
TCase *name_tests(void);
TCase *traffic_tests(void);
TCase *nat_path_tests(void);
TCase *mobike_tests(void);
TCase *mobike_hostile_tests(void);
TCase *way_tests(void);
TCase *redirect_tests(void);
TCase *explain_tests(void);
TCase *reload_tests(void);
TCase *withdraw_tests(void);
TCase *revoking_tests(void);
TCase *additional_tests(void);
TCase *followup_tests(void);
TCase *ppk_tests(void);
TCase *eap_tests(void);
TCase *virtual_tests(void);
TCase *leased_tests(void);
TCase *split_dns_tests(void);
TCase *client_network_tests(void);
TCase *port_tests(void);
TCase *many_tests(void);
TCase *child_option_tests(void);
TCase *processor_tests(void);

#endif
