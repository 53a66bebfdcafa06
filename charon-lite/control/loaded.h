/*
 * The configuration that is loaded, as messages: what a trial (trial.h) goes back to. Connections,
 * pools, authorities and clients are kept as they came; secrets and certificates are in the
 * engine's stores and made into messages when they are asked for. Private keys are the signer's,
 * and in none.
 */
#ifndef CHARON_LITE_CONTROL_LOADED_H
#define CHARON_LITE_CONTROL_LOADED_H

#include "charon-lite/daemon.h"
#include "libbase/secret.h"
#include "libvici/message.h"
#include "libvici/packet.h"

struct cl_loaded;

/* A bare message with that section in it, or with all that a root has, on the heap; .at NULL when
 * memory ran out. */
struct bytes cl_message_of(struct vici_view section);

void cl_message_wipe(struct bytes message); /* and frees it */

/* command: "load-conn"; takes the message over, .at NULL: forgets it. name: the section's. */
void cl_loaded_set(
	struct cl_loaded **all, const char *command, const char *name, struct bytes message);
void cl_loaded_free(struct cl_loaded **all);

/* Everything as frames of VICI, one after the other, behind what is there already. False: memory
 * ran out. */
MUST_USE bool cl_loaded_write(struct cl_daemon *d, struct secret *ret, struct why *why);

/* Of what was written: the next frame; false at its end, and *ret_bad when that is no end. */
MUST_USE bool cl_loaded_frame(struct bytes *rest, struct vici_packet *ret, bool *ret_bad);
/* Stages that all of it is loaded again, and whatever else is loaded goes. loaded_again.c */
struct cl_staging;
void cl_loaded_stage(struct cl_staging *s, struct bytes frames);
/* Whether a request that loads or unloads something of swanctl.conf, but certificates and private
 * keys, would change anything. */
bool cl_loaded_changes(struct cl_daemon *d, struct bytes command, struct vici_view request);

/* Hands each name of that command's to visit. */
void cl_loaded_names(const struct cl_loaded *all,
	void (*visit)(void *context, const char *command, const char *name), void *context);

#endif
