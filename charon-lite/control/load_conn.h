/*
 * Peer definitions out of VICI's load-conn messages, and clients out of load-client's.
 *
 * Every key of swanctl.conf(5) is either honoured or refused by name: a key that is not known and
 * a feature that is not there are errors of that connection, never silence. Pure: no I/O, but for
 * the files of certificates that a definition names.
 */
#ifndef CHARON_LITE_CONTROL_LOAD_CONN_H
#define CHARON_LITE_CONTROL_LOAD_CONN_H

#include "charon-lite/control/blob.h"
#include "charon-lite/control/load_value.h"
#include "libike/model/clients.h"
#include "libike/model/connection.h"

/* The connection that a section of a load-conn message describes, complete; the section's name is
 * its name. NULL, with a reason that begins as strongSwan's, when it cannot be. */
MUST_USE struct ike_connection *cl_load_connection(
	struct vici_view section, const struct cl_certificate_source *source, struct why *why);

/* The tables of keys; each ends in a NULL name. */
extern const struct cl_load_key cl_load_connection_keys[];
extern const struct cl_load_key cl_load_local_keys[];
extern const struct cl_load_key cl_load_remote_keys[];
extern const struct cl_load_key cl_load_child_keys[];
extern const struct cl_load_key cl_load_client_keys[]; /* of load-client */

/* Names of connections and children: with a number after them they are names of sections in
 * events, which hold 255 bytes. */
#define CL_LOAD_NAME_MAX 200
MUST_USE bool cl_load_name(struct bytes name, char ret[CL_LOAD_NAME_MAX + 1], struct why *why);

/* A client as a section of a load-client message describes it. The identity is the caller's, also
 * on failure: NULL when there is none. */
struct cl_load_client {
	char name[CL_LOAD_NAME_MAX + 1];
	struct ike_identity *identity;
	struct ike_selector networks[IKE_CLIENT_NETWORKS_MAX];
	size_t count;
};

MUST_USE bool cl_load_client(struct vici_view section, struct cl_load_client *ret, struct why *why);

/* One local or remote section: for load_conn.c. */
MUST_USE bool cl_load_auth(struct vici_view section, const struct cl_certificate_source *source,
	bool local, struct ike_connection *c, struct why *why);

/* One section below `children`: for load_conn.c. */
MUST_USE bool cl_load_child(struct vici_view section, struct ike_connection *c, struct why *why);

#endif
