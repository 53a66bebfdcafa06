/*
 * What a failure is called beyond its reason: one stable name for each cause that is mended in
 * another way. "authentication-failed" is a reason, "secret-differs" a cause of it.
 *
 * The table has an example of each, so that docs/errors.md can list all with their cures.
 */
#ifndef LIBIKE_CAUSES_H
#define LIBIKE_CAUSES_H

#include "libike/failures.h"

/* "secret-differs"; of a reason with one cause alone, its name. */
const char *ike_cause_name(const struct ike_failure_record *record);

/* What is a consequence, or was wanted, explains little: 0 to 100, as charon-lite/explain/judge.h
 * has it. */
unsigned ike_cause_likelihood(const struct ike_failure_record *record);

/* A record that has the index-th cause, with placeholders as ADDRESS and NAME: for printing. False
 * at the end. It borrows static texts: not to be freed. */
bool ike_cause_example(size_t index, struct ike_failure_record *ret);

#endif
