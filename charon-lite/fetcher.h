/*
 * The fetcher: CRLs, OCSP responses and certificates over HTTP, without the loop ever waiting.
 *
 * Each request is one short-lived process, this program again with --fetch, which gives up all
 * privileges and does with libcurl what its environment says. So what strangers' servers send is
 * parsed far from any key, and a server that is slow or dead holds up nobody. Bounded are: how many
 * run at once and how many wait for their turn, the time and the size of each, and redirects.
 *
 * http and https alone; file only as the URL that was asked for, never by a redirect (whoever asks
 * sees to it that it is the operator's). Proxies as the daemon's environment has them.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_FETCHER_H
#define CHARON_LITE_FETCHER_H

#include "charon-lite/log.h"
#include "charon-lite/process.h"
#include "libike/host.h"

#define CL_FETCHER_AT_ONCE 8
#define CL_FETCHER_PER_SERVER 2 /* of these: a server that hangs holds up nobody else's */
#define CL_FETCHER_WAITING_MAX 256
#define CL_FETCHER_URL_MAX 2048
#define CL_FETCHER_BODY_MAX 4096
#define CL_FETCHER_REDIRECTS_MAX 10

struct cl_fetcher;

struct cl_fetcher_config {
	struct cl_processes *processes;
	const char *program; /* charon-lite; NULL: this process's own */
	uint32_t limit;      /* seconds for one request, once it runs */
	uint32_t redirects;  /* that are followed; at most CL_FETCHER_REDIRECTS_MAX are */
	void *context;
	/* From the loop, never from within cl_fetcher_ask(). error: NULL when the body is whole. */
	void (*fetched)(void *context, uint64_t ticket, struct bytes body, const char *error);
};

MUST_USE bool cl_fetcher_open(const struct cl_fetcher_config *config, struct cl_log *log,
	struct cl_fetcher **ret, struct why *why);
void cl_fetcher_limits(struct cl_fetcher *f, uint32_t limit, uint32_t redirects);

/* Forgets all requests. NULL is fine. */
void cl_fetcher_close(struct cl_fetcher *f);

/* False when it cannot be asked: a URL of another scheme or with odd characters, too many at once,
 * memory or processes ran out. */
MUST_USE bool cl_fetcher_ask(struct cl_fetcher *f, const struct ike_fetch *what, uint64_t ticket);

/* The other side, --fetch: writes '+' and the body, or '!' and what went wrong, to standard output.
 * Returns the exit status. */
int cl_fetcher_main(void);

#endif
