/*
 * A script as a process: started, listened to, ended in time.
 */
#ifndef CHARON_LITE_UPDOWN_PROCESS_H
#define CHARON_LITE_UPDOWN_PROCESS_H

#include "charon-lite/log.h"
#include "charon-lite/updown_environment.h"

#include <event2/event.h>

struct cl_updown_processes;
struct cl_updown_process;

struct cl_updown_script {
	char *command; /* for /bin/sh -c */
	struct cl_updown_environment environment;
	const char *connection; /* for the log */
	uint32_t ike_id;
};

/* All of them: whoever waits for SIGCHLD. */
MUST_USE bool cl_updown_processes_open(struct event_base *base, struct cl_log *log,
	struct cl_updown_processes **ret, struct why *why);
void cl_updown_processes_close(struct cl_updown_processes *p); /* none may be left; NULL is fine */

/* script must live until ended() is called, which happens from the loop and frees the process.
 * NULL when it cannot be started. */
MUST_USE struct cl_updown_process *cl_updown_process_start(struct cl_updown_processes *p,
	const struct cl_updown_script *script, uint32_t limit, void (*ended)(void *context),
	void *context, struct why *why);

/* Kills its group and frees it; ended() is not called. */
void cl_updown_process_kill(struct cl_updown_process *process);

#endif
