/*
 * The signer's work, without its process: frames in, frames out.
 */
#ifndef CHARON_LITE_SIGNER_SERVE_H
#define CHARON_LITE_SIGNER_SERVE_H

#include "charon-lite/signer_keys.h"
#include "charon-lite/signer_tls.h"

struct cl_signer_service {
	struct cl_signer_keys *keys;
	struct cl_signer_sessions *sessions; /* NULL: no EAP-TLS here */
	void *context;
	/* An answer, as it goes over the socket. */
	void (*send)(void *context, struct bytes frame);
};

/* A request without its length field. False when it makes no sense: whoever sends such a thing is
 * not to be talked to any more. */
MUST_USE bool cl_signer_serve(struct cl_signer_service *s, struct bytes frame);

/* For files that serve a kind of request. how: CL_SIGNER_DONE or CL_SIGNER_FAILED. */
void cl_signer_answer(struct cl_signer_service *s, const struct cl_signer_frame *request,
	uint8_t how, struct bytes body);

#endif
