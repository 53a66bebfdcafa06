/*
 * The commands: one table, one function each, one file for each family.
 */
#ifndef CHARON_LITE_CONTROL_COMMAND_H
#define CHARON_LITE_CONTROL_COMMAND_H

#include "charon-lite/control/client.h"

typedef void cl_command(struct cl_client *c, struct vici_view request);

/* NULL when there is no such command; judging: or when it does more than load and look at what was
 * loaded. */
cl_command *cl_command_find(struct bytes name, bool judging);
/* Whether it loads or unloads something of swanctl.conf. */
bool cl_command_configures(struct bytes name);

/* info.c */
cl_command cl_command_version, cl_command_stats, cl_command_reload_settings,
	cl_command_get_algorithms;
/* counters.c */
cl_command cl_command_get_counters, cl_command_reset_counters;
/* conns.c */
cl_command cl_command_load_conn, cl_command_unload_conn, cl_command_get_conns,
	cl_command_list_conns;
/* shared.c */
cl_command cl_command_load_shared, cl_command_unload_shared, cl_command_get_shared,
	cl_command_clear_creds;
/* check.c */
cl_command cl_command_check;
/* explain.c */
cl_command cl_command_explain;
/* list_sas.c */
cl_command cl_command_list_sas;
/* list_tunnels.c */
cl_command cl_command_list_tunnels;
/* save_keys.c */
cl_command cl_command_save_keys;
/* policies.c */
cl_command cl_command_list_policies, cl_command_install, cl_command_uninstall;
/* initiate.c */
cl_command cl_command_initiate;
/* terminate.c */
cl_command cl_command_terminate;
cl_command cl_command_rekey;
/* load_cert.c */
cl_command cl_command_load_cert, cl_command_keep_certs;
/* certs.c */
cl_command cl_command_list_certs, cl_command_flush_certs;
/* keys.c */
void cl_key_stage(/* for cl_server_stage_key() */
	struct cl_client *c, uint64_t ticket, struct ike_public_key *key, uint64_t handle);
cl_command cl_command_load_key, cl_command_unload_key, cl_command_get_keys, cl_command_load_token;
/* authorities.c */
cl_command cl_command_load_authority, cl_command_unload_authority, cl_command_get_authorities,
	cl_command_list_authorities;
/* pools.c */
cl_command cl_command_load_pool, cl_command_unload_pool, cl_command_get_pools;
/* client_networks.c */
cl_command cl_command_load_client, cl_command_unload_client, cl_command_get_clients,
	cl_command_list_clients;
/* load_all.c */
cl_command cl_command_begin_load, cl_command_commit_load, cl_command_confirm_load;
/* redirect.c */
cl_command cl_command_redirect;

/* ---- Common to handlers ---- */

#define CL_NAME_MAX 256

/* A text of the request, or NULL when it is not there; room lends the memory. What contains a zero
 * or does not fit is no name of anything that we have: ret is then "". */
const char *cl_request_text(struct vici_view request, const char *name, char room[CL_NAME_MAX]);

/* otherwise when it is not there or no number. */
int64_t cl_request_number(struct vici_view request, const char *name, int64_t otherwise);
bool cl_request_bool(struct vici_view request, const char *name);

#endif
