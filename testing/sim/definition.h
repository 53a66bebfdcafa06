/*
 * Connections in a few words, for tests: what is not said is as swanctl.conf(5) has it, except that
 * nothing is rekeyed or reauthenticated by time.
 */
#ifndef TESTING_SIM_DEFINITION_H
#define TESTING_SIM_DEFINITION_H

#include "libike/model/connection.h"

#define SIM_CHILDREN_MAX 4
#define SIM_VERSION_EITHER 3

struct sim_child_definition {
	const char *name;      /* NULL ends the list */
	const char *proposals; /* comma-separated; NULL: "default" */
	const char *local_ts;  /* comma-separated; NULL: "dynamic" */
	const char *remote_ts;
	uint8_t mode;
	uint8_t start_action, close_action, dpd_action;
	uint8_t protocol; /* 0: ESP */
	/* Seconds, bytes, packets; 0: never, none. life_time 0 with a rekey_time: derived. */
	uint64_t rekey_time, life_time, rand_time;
	uint64_t rekey_bytes, rekey_packets, life_packets; /* 0: life_... are derived */
	uint64_t inactivity;
	uint32_t priority; /* of the policies; 0: computed */
	bool ipcomp;
};

struct sim_definition {
	const char *name;
	const char *local_addrs; /* comma-separated; NULL: %any */
	const char *remote_addrs;
	const char *local_id; /* NULL: the address */
	const char *remote_id;
	const char *proposals; /* comma-separated; NULL: "default" */
	uint8_t version;       /* 0: 2; 1; SIM_VERSION_EITHER: accept either, initiate IKEv2 */
	bool aggressive;
	uint8_t childless; /* as in struct ike_connection; 0: IKE_CHILDLESS_ALLOW */
	bool never_childless;
	uint8_t unique;
	bool no_fragmentation;
	bool encap;
	uint32_t keyingtries; /* 0: 1 */
	bool keys_for_ever;   /* keyingtries 0 */
	uint32_t dpd_delay;
	uint32_t dpd_timeout;
	/* Seconds; 0: never. over_time 0 with a time to rekey or reauthenticate: derived. */
	uint64_t rekey_time, reauth_time, over_time, rand_time;
	bool no_mobike;
	uint8_t revocation, ocsp; /* as in struct ike_auth_round and ike_connection */
	bool pubkey;              /* both sides by signatures, else by a pre-shared key */
	/* For what the words here do not say; may be NULL. */
	void (*adjust)(void *context, struct ike_connection *c);
	void *adjust_context;
	uint16_t remote_port; /* 0: 500 */
	const char *ppk_id;   /* NULL: none */
	bool ppk_required;
	const char *vips;  /* comma-separated; NULL: none */
	const char *pools; /* the same */
	struct sim_child_definition children[SIM_CHILDREN_MAX];
};

/* Ends the program with a message when the words are wrong. */
struct ike_connection *sim_define(const struct sim_definition *d);

#endif
