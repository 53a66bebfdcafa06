/*
 * A daemon for tests of swanctl-lite: a thread behind a Unix socket that answers commands from a
 * table and writes down what it was asked.
 */
#ifndef TESTING_UNIT_SWANCTL_LITE_FAKE_DAEMON_H
#define TESTING_UNIT_SWANCTL_LITE_FAKE_DAEMON_H

#include "libvici/builder.h"
#include "libvici/packet.h"

/* What to say to one command, or, with the command "register" and no answer, after a registration
 * for the event; then the connection ends. The first that fits is said. Messages are written as
 * settings syntax: "psk { state = X\n }", with lists as "key = [a b]". */
struct fake_answer {
	const char *command;
	const char *event;  /* name of the events, or NULL */
	const char *events; /* each top-level section is one event */
	const char *answer; /* NULL: the command is unknown */
	const char *asked;  /* for requests that have that in their dump alone; NULL: for all */
};

/* Commands that are not in the table are answered success=yes. The table ends in { NULL }. */
void fake_daemon_start(const struct fake_answer *answers);

/* Runs swanctl-lite with these arguments and --uri; *ret_out and *ret_err are texts that live
 * until the next run. Returns the exit status. */
int swanctl_run(const char *arguments, const char **ret_out, const char **ret_err);

/* Every request so far as one text, a line each: "load-conn {psk {version=2}}". */
const char *fake_daemon_requests(void);

/* Sends these bytes instead of any answer, from the next connection on. */
void fake_daemon_send_raw(struct bytes raw);

void fake_daemon_stop(void);

#endif
