/*
 * Interfaces in step with CHILD SAs: a child's `tunnel_interface` is administratively up while an
 * SA of such a child is installed, and down when there is none.
 *
 * SAs are counted, so the interface goes down with the last of them, and a moment later: what takes
 * its place (rekeying passes on without that, reauthentication may not) finds it up. What an
 * earlier daemon left up waits as long as that one's SAs do. An interface that is not there is set
 * up when it appears; one that an administrator sets up or down meanwhile is left alone until the
 * next change.
 *
 * It does nothing by itself: the kernel is asked through three functions, time is a parameter.
 */
#ifndef CHARON_LITE_TUNNEL_INTERFACES_H
#define CHARON_LITE_TUNNEL_INTERFACES_H

#include "charon-lite/log.h"
#include "libike/host.h"

struct cl_tunnel_interfaces_kernel {
	void *context;
	/* 0 and the interface's index and whether it is up, or an errno: ENODEV; ENOTSUP: it is not
	 * a tunnel's, and left alone. */
	int (*find)(void *context, const char *name, uint32_t *ret_index, bool *ret_up);
	int (*set)(void *context, uint32_t index, bool up); /* 0 or an errno */
};

struct cl_tunnel_interfaces;

/* leftovers_until: when the SAs that an earlier daemon left are gone; 0: there are none. NULL
 * without memory. */
struct cl_tunnel_interfaces *cl_tunnel_interfaces_new(
	const struct cl_tunnel_interfaces_kernel *kernel, ike_time leftovers_until,
	struct cl_log *log);

/* Sets down what is up for an SA: the daemon ends, and its SAs with it. NULL is fine. */
void cl_tunnel_interfaces_free(struct cl_tunnel_interfaces *t);

/* A definition names it. Without an SA it is to be down. */
void cl_tunnel_interfaces_define(struct cl_tunnel_interfaces *t, const char *name, ike_time now);

/* From the engine, through the host. */
void cl_tunnel_interfaces_event(
	struct cl_tunnel_interfaces *t, const struct ike_event *event, ike_time now);

/* From the kernel: the interface of that name has changed, or is new; one is gone; something was
 * missed. */
void cl_tunnel_interfaces_seen(struct cl_tunnel_interfaces *t, const char *name, uint32_t index);
void cl_tunnel_interfaces_gone(struct cl_tunnel_interfaces *t, const char *name, uint32_t index);
void cl_tunnel_interfaces_look(struct cl_tunnel_interfaces *t);

/* When cl_tunnel_interfaces_turn() has something to do; IKE_NEVER. */
ike_time cl_tunnel_interfaces_next(const struct cl_tunnel_interfaces *t);
void cl_tunnel_interfaces_turn(struct cl_tunnel_interfaces *t, ike_time now);

enum { CL_TUNNEL_INTERFACE_TEXT_MAX = 160 };

/* How it is with an interface, in words: "vti1: up", "vti1: there is no such interface". */
const char *cl_tunnel_interfaces_describe(const struct cl_tunnel_interfaces *t, const char *name,
	char ret[CL_TUNNEL_INTERFACE_TEXT_MAX]);

#endif
