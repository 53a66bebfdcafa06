/*
 * What outlives the daemon of a configuration that is on trial: one file, readable by root alone,
 * that is there as a whole or not at all.
 */
#ifndef CHARON_LITE_CONTROL_TRIAL_FILE_H
#define CHARON_LITE_CONTROL_TRIAL_FILE_H

#include "libbase/secret.h"
#include "libbase/why.h"

#define CL_TRIAL_NAME "unconfirmed" /* of the file */

/* Makes the directory if it is not there. When this returns true the file survives a crash of the
 * system, too. */
MUST_USE bool cl_trial_file_write(const char *directory, struct bytes content, struct why *why);
/* False with *ret_there: it is there, and why it cannot be read. What is left of one that was not
 * written to its end is removed. */
MUST_USE bool cl_trial_file_read(
	const char *directory, struct secret *ret, bool *ret_there, struct why *why);
/* True: it is gone, or was not there; for good, like what was written. */
MUST_USE bool cl_trial_file_remove(const char *directory, struct why *why);

#endif
