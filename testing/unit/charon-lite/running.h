/*
 * A real daemon for tests: the built program, --kernel none, on ports and a socket of its own.
 *
 * Nothing here sleeps: a daemon is there once it says so on its standard error.
 */
#ifndef TESTING_UNIT_CHARON_LITE_RUNNING_H
#define TESTING_UNIT_CHARON_LITE_RUNNING_H

#include "libvici/client.h"

#include <stdio.h>
#include <sys/types.h>

struct running {
	pid_t pid;
	FILE *log; /* its standard error */
	char directory[64];
	char socket[96]; /* path */
	char uri[112];
	char conf[96];
	unsigned port_nat_t;
	char last_line[512];
};

/* Writes its settings (extra is added to the charon-lite section) and starts it. */
void running_start(struct running *r, const char *extra);

/* SIGKILL: it cleans nothing up. */
void running_kill(struct running *r);

/* Starts a daemon with the settings of one that is gone. */
void running_start_in_place(struct running *r);

/* The same, not waiting until it is ready. */
void running_spawn(struct running *r);

/* The same settings once more, as another process; returns its exit status. */
int running_start_again(struct running *r);

/* Reads its log up to a line that contains text. */
void running_expect(struct running *r, const char *text);

/* SIGTERM, and its exit status. Removes the directory. */
int running_stop(struct running *r);

struct vici_client *running_client(struct running *r);

/* Runs swanctl-lite, whose directory is "swanctl" in the daemon's, and asserts that it succeeds.
 * What it printed on both, without that directory, lives until the next call. */
const char *running_swanctl(const struct running *r, const char *arguments);

/* Runs swanctl-lite with that text as swanctl.conf in the daemon's directory. What it printed on
 * both, without that directory, and its exit status in a line at the end live until the next call.
 */
const char *running_swanctl_with(const struct running *r, const char *arguments, const char *conf);

/* Loads swanctl.conf with that text, with swanctl-lite. */
void running_load(const struct running *r, const char *text);

/* Loads a connection "home" with a child "net" into two, by which each reaches the other. */
void running_load_pair(const struct running *moon, const struct running *sun);

/* A plain connection to its control socket, for what no client library sends. */
int running_connect(struct running *r);

/* Sends a frame, with a length field that fits. */
void send_frame(int fd, const void *packet, size_t length);

/* Receives a frame into room (without length field); 0 when the daemon has disconnected. */
size_t receive_frame(int fd, uint8_t *room, size_t size);

/* Calls a command without arguments; the answer lives until the next call. */
struct vici_view call(struct vici_client *c, const char *command);

/* With arguments; frees them. */
struct vici_view call_with(
	struct vici_client *c, const char *command, struct vici_builder *arguments);

/* Asserts that an answer says success = yes; or no, with text in errmsg. */
void expect_success(struct vici_view answer);
void expect_failure(struct vici_view answer, const char *text);

#endif
