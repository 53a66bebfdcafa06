/*
 * Private keys between VICI, the signer and the engine: the signer has them, the engine's store
 * their public halves and the handles.
 */
#ifndef CHARON_LITE_PRIVATE_KEYS_H
#define CHARON_LITE_PRIVATE_KEYS_H

#include "charon-lite/daemon.h"

MUST_USE bool cl_private_keys_open(struct cl_daemon *d, struct why *why);

/* Answered by cl_server_command_done() with the ticket; the text is the key's id in hex, or why it
 * was refused. */
MUST_USE bool cl_private_key_load(struct cl_daemon *d, const char *type, struct bytes encoded,
	uint64_t ticket, struct why *why);
/* With a ticket of that kind the key is given to cl_server_stage_key() instead, and is the signer's
 * alone until cl_private_key_keep_staged(). */
#define CL_TICKET_STAGED (UINT64_C(1) << 63)
static inline bool cl_private_key_is_staged(uint64_t ticket)
{
	return (ticket & CL_TICKET_STAGED) != 0;
}
/* False: the signer has lost it (its generation is another one), or memory ran out. */
MUST_USE bool cl_private_key_keep_staged(
	struct cl_daemon *d, struct ike_public_key *key, uint64_t handle, unsigned generation);

/* False when there is no such key. */
bool cl_private_key_unload(struct cl_daemon *d, const uint8_t id[IKE_KEY_ID_LENGTH]);
void cl_private_keys_unload_all(struct cl_daemon *d);

/* Host's sign; context is the daemon. */
bool cl_private_keys_sign(void *context, const struct ike_sign *what, uint64_t ticket);

/* Host's tls and tls_forget. */
bool cl_private_keys_tls(void *context, const struct ike_tls_step *what, uint64_t ticket);
void cl_private_keys_tls_forget(void *context, uint64_t session);

#define CL_KEY_ID_TEXT (2 * IKE_KEY_ID_LENGTH + 1)
/* In hex; returns text. */
char *cl_key_id_format(const uint8_t id[IKE_KEY_ID_LENGTH], char text[CL_KEY_ID_TEXT]);

#endif
