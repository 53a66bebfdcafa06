/*
 * The signer process: it alone holds private keys. It has its end of a socket as input, and
 * nothing else: no files, no network, no capabilities, and system calls for no more than that.
 */
#include "charon-lite/confinement.h"
#include "charon-lite/privileges.h"
#include "charon-lite/signer.h"
#include "charon-lite/signer_keys.h"
#include "charon-lite/signer_protocol.h"
#include "charon-lite/wiping.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct signer {
	OSSL_LIB_CTX *library;
	struct cl_signer_keys *keys;
	bool broken; /* the daemon cannot be talked to any more */
};

/* ---- Frames in and out ---- */

static bool read_all(uint8_t *at, size_t length)
{
	while (length > 0) {
		ssize_t got = read(STDIN_FILENO, at, length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		length -= (size_t)got;
	}
	return true;
}

static void send_frame(struct signer *s, const struct secret *frame)
{
	size_t sent = 0;

	while (sent < frame->length && !s->broken) {
		ssize_t n = write(STDIN_FILENO, frame->at + sent, frame->length - sent);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EINTR)
			s->broken = true;
	}
}

/* how: CL_SIGNER_DONE or CL_SIGNER_FAILED. */
static void answer(
	struct signer *s, const struct cl_signer_frame *request, uint8_t how, struct bytes body)
{
	AUTO_SECRET frame = { 0 };
	struct writer w;

	if (!cl_signer_frame_new(&frame, request->kind | how, request->number, body.length)) {
		s->broken = true;
		return;
	}
	w = cl_signer_body(&frame);
	writer_put(&w, body);
	send_frame(s, &frame);
}

/* ---- Requests: false when one does not parse ---- */

static bool load(struct signer *s, const struct cl_signer_frame *frame)
{
	struct reader r = reader_of(frame->body);
	struct ike_public_key *public;
	struct why why;
	char type[256];

	if (!cl_signer_get_text(&r, type))
		return false;
	public = cl_signer_keys_load(s->keys, frame->number, type, reader_rest(&r), &why);
	if (public)
		answer(s, frame, CL_SIGNER_DONE, ike_public_key_spki(public));
	else
		answer(s, frame, CL_SIGNER_FAILED, bytes_of_text(why.text));
	ike_public_key_free(public);
	return true;
}

static bool unload(struct signer *s, const struct cl_signer_frame *frame)
{
	cl_signer_keys_unload(s->keys, frame->number);
	return frame->body.length == 0;
}

static bool sign(struct signer *s, const struct cl_signer_frame *frame)
{
	struct reader r = reader_of(frame->body);
	uint64_t handle = reader_u64(&r);
	uint8_t signature[IKE_SIGNATURE_MAX];
	struct why why;
	char scheme[256];

	if (!cl_signer_get_text(&r, scheme))
		return false;
	size_t length =
		cl_signer_keys_sign(s->keys, handle, scheme, reader_rest(&r), signature, &why);
	if (length)
		answer(s, frame, CL_SIGNER_DONE, bytes_of(signature, length));
	else
		answer(s, frame, CL_SIGNER_FAILED, bytes_of_text(why.text));
	return true;
}

static const struct {
	uint8_t kind;
	bool (*serve)(struct signer *s, const struct cl_signer_frame *frame);
} requests[] = {
	{ CL_SIGNER_LOAD, load },
	{ CL_SIGNER_UNLOAD, unload },
	{ CL_SIGNER_SIGN, sign },
};

static bool serve(struct signer *s, struct bytes bytes)
{
	struct cl_signer_frame frame;

	if (!cl_signer_frame_parse(bytes, &frame))
		return false;
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (requests[i].kind == frame.kind)
			return requests[i].serve(s, &frame);
	}
	return false;
}

/* Until the daemon is gone: true. */
static bool serve_all(struct signer *s)
{
	uint8_t field[CL_SIGNER_LENGTH];
	size_t length;

	while (!s->broken && read_all(field, sizeof(field))) {
		AUTO_SECRET frame = { 0 };

		if (!cl_signer_frame_length(field, &length) || !secret_allocate(&frame, length))
			return false;
		if (!read_all(frame.at, length))
			return true;
		if (!serve(s, secret_bytes(&frame)))
			return false;
	}
	return true;
}

/* ---- Start ---- */

/* All that OpenSSL wants files or new code for has to be there before the door is closed. */
static bool prepare(struct signer *s, struct why *why)
{
	uint8_t random[16];

	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	s->library = OSSL_LIB_CTX_new();
	s->keys = s->library ? cl_signer_keys_new(s->library) : NULL;
	if (!s->keys || RAND_bytes_ex(s->library, random, sizeof(random), 0) != 1 ||
		RAND_priv_bytes_ex(s->library, random, sizeof(random), 0) != 1)
		return why_fail(why, "OpenSSL has no memory or no randomness");
	return true;
}

int cl_signer_main(void)
{
	struct signer s = { 0 };
	struct why why;

	cl_wipe_openssl_memory();
	if (!cl_confine_memory(&why))
		fprintf(stderr, "private keys may get into swap: %s\n", why.text);
	if (!cl_privileges_drop(false, &why) || !prepare(&s, &why) || !cl_confine_calls(&why)) {
		fprintf(stderr, "%s\n", why.text);
		return EXIT_FAILURE;
	}
	bool good = serve_all(&s);
	cl_signer_keys_free(s.keys);
	/* The rest goes with the process. */
	_exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
}
