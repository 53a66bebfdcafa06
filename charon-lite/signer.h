/*
 * The signer: a process that holds the private keys, so that the daemon, which talks to strangers,
 * does not.
 *
 * It is charon-lite itself, run with --signer (signer_main.c). Questions go out at once and are
 * answered from the loop, in any order. When it ends before the daemon does, it is started again;
 * the keys are gone then, and whoever wants one signed for hears so.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_SIGNER_H
#define CHARON_LITE_SIGNER_H

#include "charon-lite/log.h"
#include "charon-lite/process.h"
#include "libike/engine.h"

struct cl_signer;

struct cl_signer_config {
	struct event_base *base;
	struct cl_processes *processes;
	const char *program; /* NULL: this one */
	void *context;
	/* From the loop. key: DER SubjectPublicKeyInfo, else empty and an error. */
	void (*loaded)(void *context, uint64_t handle, uint64_t ticket, struct bytes key,
		const char *error);
	/* signature empty: error says why. */
	void (*signature)(
		void *context, uint64_t ticket, struct bytes signature, const char *error);
	/* One step of EAP-TLS; answer->failed: its error says why. */
	void (*tls)(void *context, uint64_t ticket, const struct ike_tls_answer *answer);
	/* It is gone, and all keys with it. What was asked has been answered. */
	void (*lost)(void *context);
};

MUST_USE bool cl_signer_open(const struct cl_signer_config *config, struct cl_log *log,
	struct cl_signer **ret, struct why *why);
void cl_signer_close(struct cl_signer *s); /* NULL is fine; nothing is answered any more */

/* A private key of VICI's type; encoded is copied, and wiped once it is sent. ret_handle names it
 * from now on. False with a reason when it cannot even be asked. */
MUST_USE bool cl_signer_load(struct cl_signer *s, const char *type, struct bytes encoded,
	uint64_t ticket, uint64_t *ret_handle, struct why *why);
void cl_signer_unload(struct cl_signer *s, uint64_t handle);

/* Host's sign. */
MUST_USE bool cl_signer_sign(struct cl_signer *s, const struct ike_sign *what, uint64_t ticket);

/* Host's tls and tls_forget. */
MUST_USE bool cl_signer_tls(struct cl_signer *s, const struct ike_tls_step *what, uint64_t ticket);
void cl_signer_tls_forget(struct cl_signer *s, uint64_t session);

/* The process itself; does not return. Its socket is its standard input. */
int cl_signer_main(void);

#endif
