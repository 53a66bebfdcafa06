/*
 * RADIUS: EAP conversations and accounting with servers, without the loop ever waiting
 * (RFC 2865, 2866, 3579).
 *
 * Servers are tried by preference, those that were silent lately last. A conversation stays with
 * the server that challenged first. While there are others to try, a server that does not answer is
 * asked twice; the last one as often as its retransmit_tries say. A bounded number of requests is
 * under way to each server, the others wait their turn.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_RADIUS_H
#define CHARON_LITE_RADIUS_H

#include "charon-lite/log.h"
#include "charon-lite/radius_packet.h"
#include "charon-lite/radius_settings.h"
#include "charon-lite/resolver.h"
#include "libike/engine.h"

struct cl_radius;

struct cl_radius_config {
	struct event_base *base;
	OSSL_LIB_CTX *library;
	struct cl_processes *processes; /* for names of servers */
	const char *program;            /* as the resolver's */
	void *context;
	/* From the loop, never from within cl_radius_ask(). packet: the server's, for what the
	 * answer does not have; NULL when no server answered. */
	void (*answered)(void *context, uint64_t ticket, const struct ike_radius_answer *answer,
		const struct cl_radius_packet *packet, uint32_t ike_id);
	/* To an accounting request; accepted false: no server took it. */
	void (*accounted)(void *context, uint32_t port, bool accepted);
};

/* settings are taken over. */
MUST_USE bool cl_radius_open(const struct cl_radius_config *config,
	struct cl_radius_settings *settings, struct cl_log *log, struct cl_radius **ret,
	struct why *why);
void cl_radius_close(struct cl_radius *r); /* NULL is fine; nobody is answered any more */

/* What is under way ends as if no server had answered, unless nothing changed. Takes settings
 * over. */
MUST_USE bool cl_radius_configure(
	struct cl_radius *r, struct cl_radius_settings *settings, struct why *why);
const struct cl_radius_settings *cl_radius_settings(const struct cl_radius *r);

/* False when there is no server, or too much waits already. */
MUST_USE bool cl_radius_ask(
	struct cl_radius *r, const struct ike_radius_request *what, uint64_t ticket);
/* The conversation is over: nobody is answered any more. */
void cl_radius_forget(struct cl_radius *r, uint64_t session);

/* Sends an Accounting-Request; fill adds its attributes, port comes back with the answer. */
MUST_USE bool cl_radius_account(struct cl_radius *r, uint32_t port,
	void (*fill)(void *context, struct cl_radius_builder *b), void *context);

/* Attributes that access and accounting have in common: NAS and stations. */
void cl_radius_put_stations(const struct cl_radius *r, struct cl_radius_builder *b,
	const struct address *local, const struct address *remote);

#endif
