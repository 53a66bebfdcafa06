/*
 * Passwords of XAuth's users, checked with PAM, without the loop ever waiting.
 *
 * Each check is one short-lived process, this program again with --pam, which gives up all
 * capabilities and asks PAM. Its modules, whatever they load and however long they take, are far
 * from any key and hold up nobody. Name and password go to it through a pipe. Bounded are how many
 * run at once and the time of each.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_PAM_H
#define CHARON_LITE_PAM_H

#include "charon-lite/log.h"
#include "charon-lite/process.h"
#include "libike/host.h"

#define CL_PAM_AT_ONCE 16
#define CL_PAM_TEXT_MAX 256 /* of name, password and service each */

struct cl_pam;

struct cl_pam_config {
	struct cl_processes *processes;
	const char *program;   /* charon-lite; NULL: this process's own */
	const char *directory; /* of the services; NULL: the system's */
	uint32_t limit;        /* seconds for one check */
	void *context;
	/* From the loop, never from within cl_pam_ask(). error: NULL when the password is right. */
	void (*checked)(void *context, uint64_t ticket, const char *error);
};

MUST_USE bool cl_pam_open(const struct cl_pam_config *config, struct cl_log *log,
	struct cl_pam **ret, struct why *why);

/* Forgets all checks. NULL is fine. */
void cl_pam_close(struct cl_pam *pam);

/* service: of PAM (/etc/pam.d). trim: of "carol@example.org" only "carol" is the user. False when
 * it cannot be asked: too many at once, too long, memory or processes ran out. */
MUST_USE bool cl_pam_ask(struct cl_pam *pam, const char *service, bool trim,
	const struct ike_password_check *what, uint64_t ticket);

/* The other side, --pam: reads service, user, peer and password from standard input, each with a
 * zero behind it, and writes a line with '+', or with '!' and what was wrong, to standard output.
 * Returns the exit status. */
int cl_pam_main(void);

#endif
