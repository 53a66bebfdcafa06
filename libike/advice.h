/*
 * From the record of a failure to what an operator can do about it.
 */
#ifndef LIBIKE_ADVICE_H
#define LIBIKE_ADVICE_H

#include "libike/failures.h"

#define IKE_ADVICE_TEXT_MAX 1024

/* One sentence each, without a full stop. */
struct ike_advice {
	char cause[IKE_ADVICE_TEXT_MAX];
	char cure[IKE_ADVICE_TEXT_MAX]; /* names keys as in swanctl.conf: "connections.gw.proposals"
					 */
};

/* connection: the name of the definition that it concerns; NULL when there is none that fits. */
void ike_advise(
	const struct ike_failure_record *record, const char *connection, struct ike_advice *ret);

#endif
