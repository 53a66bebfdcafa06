/*
 * The daemon: everything that a running charon-lite has, in one place.
 *
 * main.c makes it and takes it apart; host.c gives its parts to the engine as struct ike_host; the
 * VICI server works on it. One thread, one event loop: nothing in it may block.
 */
#ifndef CHARON_LITE_DAEMON_H
#define CHARON_LITE_DAEMON_H

#include "charon-lite/fetcher.h"
#include "charon-lite/kernel.h"
#include "charon-lite/log.h"
#include "charon-lite/network.h"
#include "charon-lite/pam.h"
#include "charon-lite/resolved.h"
#include "charon-lite/resolver.h"
#include "charon-lite/settings.h"
#include "charon-lite/signer.h"
#include "charon-lite/udp.h"
#include "charon-lite/updown.h"
#include "libike/engine.h"

#include <time.h>

#define CL_VERSION "0.1.0"

struct cl_server;
struct cl_listener;
struct cl_radius;
struct cl_accounting;
struct cl_usages;
struct cl_service;
struct cl_dhcp_host;
struct cl_metrics;
struct cl_turns;
struct cl_drops_history;

/* What is asked of the kernel and may be refused. */
enum cl_kernel_request {
	CL_KERNEL_SPI_ALLOCATE,
	CL_KERNEL_SA_INSTALL,
	CL_KERNEL_SA_MOVE,
	CL_KERNEL_POLICIES_INSTALL,
	CL_KERNEL_REQUESTS,
};
struct cl_loaded;
struct cl_trial;

struct cl_daemon {
	struct event_base *base;
	struct cl_log *log;
	struct cl_settings settings;
	OSSL_LIB_CTX *library;
	struct cl_listener *listeners;
	struct cl_kernel kernel; /* close is NULL while it is not open */
	struct cl_network *network;
	struct cl_udp *udp;
	struct cl_processes *processes;
	struct cl_updown *updown;
	struct cl_resolver *resolver;
	struct cl_resolved *resolved;
	struct cl_radius *radius;
	struct cl_accounting *accounting;
	struct cl_usages *usages;
	struct cl_dhcp_host *dhcp;
	struct cl_signer *signer;
	unsigned signer_generation; /* another one when it has lost its keys */
	struct cl_fetcher *fetcher;
	struct cl_pam *pam;
	struct ike_engine *engine;
	struct cl_loaded *loaded;   /* what is, as messages */
	struct cl_trial *trial;     /* of a configuration that nobody has confirmed yet */
	struct cl_server *server;   /* NULL before it serves and while the daemon stops */
	struct cl_service *service; /* NULL when no service manager wants to be told */
	struct cl_metrics *metrics; /* NULL when nobody wants them */
	struct cl_listener *metrics_listeners;
	struct cl_turns *turns;         /* of the loop: how long they take */
	struct cl_drops_history *drops; /* NULL: none are kept */
	uint64_t kernel_refusals[CL_KERNEL_REQUESTS];
	uint64_t kernel_events_lost; /* how often some were */
	struct event *tick;
	struct event *keepalive;
	struct event *resync;
	uint32_t resync_id; /* the last IKE SA that was looked at; 0: none yet */
	struct event *signals[3];
	struct event *give_up; /* while stopping: no longer than that */
	bool peers_done;       /* while stopping: only updown scripts are waited for */
	uint32_t keepalive_id; /* the last IKE SA that got one in this round; 0: round is over */
	ike_time keepalive_started;
	uint64_t last_ticket; /* of commands given to the engine */
	time_t started;
	time_t configured; /* when swanctl.conf's things were last loaded or unloaded; 0: never */
	struct {
		size_t loaded, changed, unloaded;
	} connections; /* how many were, since the start */
	bool kernel_none;
	bool judging; /* judge.h: definitions are looked at, nothing is done */
	bool stopping;
};

/* The engine's time. */
ike_time cl_daemon_now(void);

/* To be called after each call into the engine: sees to its next deadline, and to the end of the
 * loop when a shutdown has finished. */
void cl_daemon_rearm(struct cl_daemon *d);

/* Reads the settings again and applies what can change in a running daemon. On failure everything
 * stays as it was. */
MUST_USE bool cl_daemon_reload(struct cl_daemon *d, struct why *why);

/* host.c: opens the kernel, the sockets and the engine, with d as their context. */
MUST_USE bool cl_host_open(struct cl_daemon *d, struct why *why);
void cl_host_close(struct cl_daemon *d);

/* The kernel's view of an SA's use; false when it is not there. */
bool cl_host_query(
	struct cl_daemon *d, const struct ike_kernel_id *id, struct ike_kernel_usage *ret);

/* The oldest IKE SA that is younger than the one of that unique id (0: the oldest of all); NULL
 * when there is none. Lets walks over all SAs pause between turns of the loop. */
const struct ike_sa *cl_sa_after(const struct ike_engine *e, uint32_t unique_id);

/* resync.c: events of the kernel were lost; each of our SAs is looked at, a few in each turn of the
 * loop. */
MUST_USE bool cl_resync_open(struct cl_daemon *d);
void cl_resync_start(struct cl_daemon *d);

/* keepalive.c: NAT keepalives (RFC 3948 4) for SAs that have a NAT on our side. */
MUST_USE bool cl_keepalive_start(struct cl_daemon *d);

#endif
