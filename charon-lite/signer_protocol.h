/*
 * What the daemon and the signer process say to each other: frames on a socket between the two.
 *
 * A frame is its length (32 bits, of what follows), its kind (8 bits), the number that it is about
 * (64 bits: a key's handle, or the ticket of a question), and a body. Requests are answered in any
 * order. Neither side trusts the other: all is read through the bounded reader, a length out of
 * bounds or a body that does not parse ends the conversation. Pure: no I/O, no globals.
 *
 *	request          number  body                                             answered with
 *	LOAD             handle  type (text, 8-bit length) | the file's bytes     DER public key
 *	UNLOAD           handle  -                                                never
 *	SIGN             ticket  handle (64) | scheme (text) | data               signature
 *	TLS              ticket  signer_tls_message.h                             the same
 *	TLS_FORGET       session -                                                never
 *
 * An answer has the number of its request, and its kind with a bit that says how it went; the body
 * of one that failed is a text. A further kind of request is a further kind of frame here, a row
 * in the table of signer_serve.c, and one in that of signer.c, for its answer.
 */
#ifndef CHARON_LITE_SIGNER_PROTOCOL_H
#define CHARON_LITE_SIGNER_PROTOCOL_H

#include "libbase/secret.h"

enum cl_signer_kind {
	CL_SIGNER_LOAD = 1,
	CL_SIGNER_UNLOAD = 2,
	CL_SIGNER_SIGN = 3,
	CL_SIGNER_TLS = 4,
	CL_SIGNER_TLS_FORGET = 5,
	CL_SIGNER_DONE = 64, /* of an answer: with the kind of the request */
	CL_SIGNER_FAILED = 128,
};

#define CL_SIGNER_LENGTH 4 /* of the length itself */
#define CL_SIGNER_HEADER 9 /* kind and number */
/* Kind, number and body: a VICI value and what goes with it, or a flight of TLS with its chain. */
#define CL_SIGNER_FRAME_MAX (1024 * 1024)

struct cl_signer_frame {
	uint8_t kind;
	uint64_t number;
	struct bytes body; /* borrowed */
};

/* A whole frame with room for a body, to be filled from CL_SIGNER_BODY() on. False when it is too
 * long or memory ran out. Frames may hold keys: hence the type. */
MUST_USE bool cl_signer_frame_new(
	struct secret *ret, uint8_t kind, uint64_t number, size_t body_length);
static inline struct writer cl_signer_body(struct secret *frame)
{
	size_t header = CL_SIGNER_LENGTH + CL_SIGNER_HEADER;

	return writer_of(frame->at + header, frame->length - header);
}

/* The length of the frame behind its length field; false when there cannot be such a one. */
MUST_USE bool cl_signer_frame_length(const uint8_t field[CL_SIGNER_LENGTH], size_t *ret);
/* bytes: without the length field. */
MUST_USE bool cl_signer_frame_parse(struct bytes bytes, struct cl_signer_frame *ret);

/* Texts within bodies: at most 255 octets, the length before them. */
void cl_signer_put_text(struct writer *w, const char *text);
MUST_USE bool cl_signer_get_text(struct reader *r, char ret[256]);

#endif
