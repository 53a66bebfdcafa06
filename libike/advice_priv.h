/* What the files of advice share. */
#ifndef LIBIKE_ADVICE_PRIV_H
#define LIBIKE_ADVICE_PRIV_H

#include "libike/advice.h"

#include <string.h>

/* A record with its names as they are to be printed. */
struct ike_matter {
	const struct ike_failure_record *r;
	const char *connection; /* its name, or "NAME" */
	const char *child;
	const char *ours, *theirs; /* "" when not known */
	const char *differs;
	const char *local_id, *remote_id; /* "%any" */
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
};

static inline const char *ike_or_else(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

/* The record's `differs`. */
static inline bool ike_matter_says(const struct ike_matter *m, const char *key)
{
	return strcmp(m->differs, key) == 0;
}

/* ---- advice_ikev1.c ---- */
/* Where IKEv1 shows something otherwise than IKEv2, or has what that has not; false: it is the
 * same. */
bool ike_advise_ikev1(const struct ike_matter *m, struct ike_advice *ret);

#endif
