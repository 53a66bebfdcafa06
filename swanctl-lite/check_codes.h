/*
 * What `--check` finds by itself, in the files. What it takes the whole of the loaded definitions
 * for, the daemon finds (libike/check); both tables together are docs/check.md.
 */
#ifndef SWANCTL_LITE_CHECK_CODES_H
#define SWANCTL_LITE_CHECK_CODES_H

#include <stdint.h>

enum check_severity { CHECK_NOTE, CHECK_WARNING, CHECK_ERROR };

enum check_code {
	/* Files */
	CHECK_SYNTAX,
	CHECK_NO_CONFIGURATION,
	CHECK_MISSING_FILE,
	CHECK_BAD_FILE,
	CHECK_NO_PASSPHRASE,
	CHECK_WRONG_PASSPHRASE,
	CHECK_INCLUDE_MISSING,
	CHECK_INCLUDE_EMPTY,
	CHECK_UPDOWN,
	/* Words */
	CHECK_UNKNOWN_KEY,
	CHECK_UNKNOWN_SECTION,
	CHECK_SECTION_UNREAD,
	CHECK_WRONG_VALUE,
	CHECK_TOO_LONG,
	CHECK_REFUSED,
	CHECK_NO_BASE,
	CHECK_KEY_TWICE,
	CHECK_SECTION_TWICE,
	CHECK_HASH_CUTS,
	CHECK_PASTED,
	CHECK_NO_EFFECT,
	CHECK_PSK_WITH_CERTIFICATES,
	CHECK_HOST_BITS,
	CHECK_SAME_ADDRESS,
	CHECK_AEAD_WITH_INTEGRITY,
	/* Secrets */
	CHECK_BAD_SECRET,
	CHECK_SECRET_MISSING,
	CHECK_SECRET_WEAK,
	CHECK_SECRET_TWICE,
	CHECK_SECRET_MORE,
	CHECK_SECRET_ESCAPED,
	/* Actions and times */
	CHECK_CLOSE_ACTION_RESPONDER,
	CHECK_CLOSE_ACTION_REAUTH,
	CHECK_CLOSE_ACTION_TRAP,
	CHECK_DPD_WITHOUT_DELAY,
	CHECK_STAYS_DOWN,
	CHECK_NO_DPD,
	CHECK_INACTIVITY,
	CHECK_DPD_TIMEOUT,
	CHECK_RAND_TIME,
	CHECK_REAUTH_FIRST,
	/* Identities and names */
	CHECK_ANY_IDENTITY,
	CHECK_UNRESOLVED,
	CHECK_NAMES_LEFT_OUT,
	CHECK_ADDRESS_ELSEWHERE,
	CHECK_CODES,
};

struct check_row {
	const char *name; /* "unknown-key": never changes */
	uint8_t severity;
	const char *what;    /* for lists of codes */
	const char *why;     /* what comes of it */
	const char *instead; /* what to write instead, or do */
};

const struct check_row *check_row(enum check_code code);

#endif
