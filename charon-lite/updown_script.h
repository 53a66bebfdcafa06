/*
 * One run of an updown script: what it prints and how it ends go to the log.
 */
#ifndef CHARON_LITE_UPDOWN_SCRIPT_H
#define CHARON_LITE_UPDOWN_SCRIPT_H

#include "charon-lite/log.h"
#include "charon-lite/process.h"
#include "charon-lite/updown_environment.h"

#define CL_UPDOWN_LINE_MAX 400 /* longer ones are cut */

/* The caller's; it has to stay while the script runs. */
struct cl_updown_script {
	char *command; /* for /bin/sh -c; owned */
	struct cl_updown_environment environment;
	const char *connection; /* for the log */
	uint32_t ike_id;
	uint32_t limit; /* seconds */
	struct cl_log *log;
	void *context;
	void (*ended)(void *context); /* from the loop */
	/* of the run */
	unsigned lines;
	size_t used;
	char line[CL_UPDOWN_LINE_MAX + 1];
};

MUST_USE struct cl_process *cl_updown_script_start(
	struct cl_updown_script *script, struct cl_processes *processes, struct why *why);

/* Ends it at once; ended() is not called. */
void cl_updown_script_kill(const struct cl_updown_script *script, struct cl_process *process);

/* Frees what it owns. */
void cl_updown_script_free(struct cl_updown_script *script);

#endif
