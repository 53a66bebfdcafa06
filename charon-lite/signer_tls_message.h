/*
 * The bodies of the signer's frames of kind CL_SIGNER_TLS: one step of EAP-TLS, and its outcome.
 * Pure, like signer_protocol.h.
 *
 *	request: session (64) | server (8) | handle (64) | certificates (8), each length (32) and
 *	         DER | the peer's records
 *	answer:  failed (8) | done (8) | records, length (32) before | MSK, length (32) before |
 *	         certificates, as above | error (text)
 */
#ifndef CHARON_LITE_SIGNER_TLS_MESSAGE_H
#define CHARON_LITE_SIGNER_TLS_MESSAGE_H

#include "charon-lite/signer_protocol.h"
#include "libike/engine.h"

#define CL_SIGNER_CHAIN_MAX 16

/* As it is on the other side. Views into the frame. */
struct cl_signer_tls_request {
	uint64_t session;
	bool server;
	uint64_t handle;
	struct bytes chain[CL_SIGNER_CHAIN_MAX];
	size_t chain_count;
	struct bytes input;
};

/* Whole frames. False: too long, or no memory. */
MUST_USE bool cl_signer_tls_request_make(
	struct secret *ret, uint64_t ticket, const struct ike_tls_step *step);
MUST_USE bool cl_signer_tls_answer_make(
	struct secret *ret, uint64_t ticket, const struct ike_tls_answer *answer);

MUST_USE bool cl_signer_tls_request_parse(struct bytes body, struct cl_signer_tls_request *ret);

/* An answer that was read, with room for what it points to. */
struct cl_signer_tls_answer {
	struct ike_tls_answer answer;
	struct bytes chain[CL_SIGNER_CHAIN_MAX];
	char error[256];
};

/* ret's views are of body and of ret itself. */
MUST_USE bool cl_signer_tls_answer_parse(struct bytes body, struct cl_signer_tls_answer *ret);

#endif
