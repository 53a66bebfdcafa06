/*
 * Processes that the daemon starts: listened to and ended in time, without the loop ever waiting.
 *
 * Each has a process group of its own, /dev/null as its input unless told otherwise, a pipe to us
 * as output and error, no other descriptor of ours, and no signal blocked or ignored.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_PROCESS_H
#define CHARON_LITE_PROCESS_H

#include "libbase/bytes.h"
#include "libbase/why.h"

#include <event2/event.h>

struct cl_processes;
struct cl_process;

struct cl_process_config {
	char *const *arguments; /* the first is the program's path; NULL at the end */
	char *const *environment;
	int input;      /* a descriptor that becomes its input; 0: /dev/null */
	uint32_t limit; /* seconds; then its group is killed; 0: none */
	void *context;
	void (*output)(void *context, struct bytes data);
	/* From the loop, when it is gone and all output was handed over; status is waitpid()'s.
	 * The process is freed. */
	void (*ended)(void *context, int status, bool timed_out);
};

/* All of them: whoever waits for SIGCHLD. */
MUST_USE bool cl_processes_open(
	struct event_base *base, struct cl_processes **ret, struct why *why);
void cl_processes_close(struct cl_processes *p); /* none may be left; NULL is fine */

/* Pointers in config, but for the context, are needed until it returns only. NULL when it cannot
 * be started. */
MUST_USE struct cl_process *cl_process_start(
	struct cl_processes *p, const struct cl_process_config *config, struct why *why);

/* Kills its group and frees it; ended() is not called. */
void cl_process_kill(struct cl_process *process);

#endif
