/*
 * The resolver: host names into addresses, without the loop ever waiting.
 *
 * Each question is one short-lived process, this program again with --resolve, which gives up all
 * privileges and asks getaddrinfo(). So nsswitch.conf, hosts and resolv.conf are honoured as they
 * are at that moment, what strangers' DNS servers send is read by libc far from any key, and a
 * server that does not answer holds up nobody. A bounded number ask at once, the others wait; the
 * same name is asked once at a time; each has a time limit.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_RESOLVER_H
#define CHARON_LITE_RESOLVER_H

#include "charon-lite/log.h"
#include "charon-lite/process.h"
#include "libbase/address.h"

#define CL_RESOLVER_ADDRESSES_MAX 16 /* more in an answer are left out */

struct cl_resolver;

struct cl_resolver_config {
	struct cl_processes *processes;
	const char *program; /* charon-lite; NULL: this process's own */
	uint32_t limit;      /* seconds for one question, once it is asked */
	void *context;
	/* From the loop, never from within cl_resolver_ask(). In getaddrinfo()'s order (RFC 6724);
	 * count 0 with a reason in error. */
	void (*answered)(void *context, uint64_t ticket, const struct address *list, size_t count,
		const char *error);
};

MUST_USE bool cl_resolver_open(const struct cl_resolver_config *config, struct cl_log *log,
	struct cl_resolver **ret, struct why *why);

/* Forgets all questions. NULL is fine. */
void cl_resolver_close(struct cl_resolver *r);

/* family: AF_INET, AF_INET6 or 0 for both. False when it cannot be asked: no host name, or memory
 * or processes ran out. */
MUST_USE bool cl_resolver_ask(
	struct cl_resolver *r, const char *name, uint16_t family, uint64_t ticket);

/* The other side, --resolve FAMILY NAME: writes what it found to standard output. Returns the exit
 * status. */
int cl_resolver_main(const char *family, const char *name);

#endif
