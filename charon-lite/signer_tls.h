/*
 * The TLS conversations of EAP-TLS that take place in the signer process: by session, until the
 * daemon forgets them.
 */
#ifndef CHARON_LITE_SIGNER_TLS_H
#define CHARON_LITE_SIGNER_TLS_H

#include "charon-lite/signer_tls_message.h"

#include <openssl/types.h>

struct cl_signer_sessions;

struct cl_signer_sessions *cl_signer_sessions_new(OSSL_LIB_CTX *library); /* borrowed */
void cl_signer_sessions_free(struct cl_signer_sessions *sessions);

/* key: of the request's handle; NULL: there is none. The answer's views are good until the next
 * call. */
void cl_signer_sessions_step(struct cl_signer_sessions *sessions, EVP_PKEY *key,
	const struct cl_signer_tls_request *request, struct ike_tls_answer *ret);
void cl_signer_sessions_forget(struct cl_signer_sessions *sessions, uint64_t session);

#endif
