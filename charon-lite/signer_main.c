/*
 * The signer process: it alone holds private keys. It has its end of a socket as input, and
 * nothing else: no files, no network, no capabilities, and system calls for no more than that.
 */
#include "charon-lite/confinement.h"
#include "charon-lite/privileges.h"
#include "charon-lite/signer.h"
#include "charon-lite/signer_serve.h"
#include "charon-lite/wiping.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct signer {
	OSSL_LIB_CTX *library;
	struct cl_signer_service service;
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

static void send_frame(void *context, struct bytes frame)
{
	struct signer *s = context;
	size_t sent = 0;

	while (sent < frame.length && !s->broken) {
		ssize_t n = write(STDIN_FILENO, frame.at + sent, frame.length - sent);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EINTR)
			s->broken = true;
	}
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
		if (!cl_signer_serve(&s->service, secret_bytes(&frame)))
			return false;
	}
	return true;
}

/* ---- Start ---- */

/* All that OpenSSL wants files or new code for has to be there before the door is closed. */
static bool prepare(struct signer *s, struct why *why)
{
	uint8_t random[16];

	(void)OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	s->library = OSSL_LIB_CTX_new();
	s->service.context = s;
	s->service.send = send_frame;
	s->service.keys = s->library ? cl_signer_keys_new(s->library) : NULL;
	s->service.sessions = s->library ? cl_signer_sessions_new(s->library) : NULL;
	if (!s->service.keys || !s->service.sessions ||
		RAND_bytes_ex(s->library, random, sizeof(random), 0) != 1 ||
		RAND_priv_bytes_ex(s->library, random, sizeof(random), 0) != 1)
		return why_fail(why, "OpenSSL has no memory or no randomness");
	return true;
}

int cl_signer_main(void)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };
	struct signer s = { 0 };
	struct why why;

	cl_confine_lifetime();
	/* Whoever ends all processes of the service ends the daemon, and that ends this one. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	cl_wipe_openssl_memory();
	if (!cl_confine_memory(&why))
		fprintf(stderr, "private keys may get into swap: %s\n", why.text);
	if (!cl_privileges_drop(false, &why) || !prepare(&s, &why) || !cl_confine_calls(&why)) {
		fprintf(stderr, "%s\n", why.text);
		return EXIT_FAILURE;
	}
	bool good = serve_all(&s);
	cl_signer_sessions_free(s.service.sessions);
	cl_signer_keys_free(s.service.keys);
	/* The rest goes with the process. */
	_exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
}
