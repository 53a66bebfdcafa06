/*
 * What a process may still do, and who may look into it.
 */
#ifndef CHARON_LITE_CONFINEMENT_H
#define CHARON_LITE_CONFINEMENT_H

#include "libbase/why.h"

/* Memory that is not written to swap, no core file, and no other process of the same user that
 * looks into it. The rights for the first are raised while the process may, so that processes that
 * it starts have them too. False when memory could not be locked: the rest is done. */
bool cl_confine_memory(struct why *why);

/* A process that works for another ends with it, however that ends. */
void cl_confine_lifetime(void);

/* For good: nothing but reading and writing descriptors that are open, memory that holds no code,
 * time, randomness, and the end. All other system calls fail. */
__attribute__((warn_unused_result)) bool cl_confine_calls(struct why *why);

/* The same for a process with an event loop: it also waits for those descriptors, closes them, and
 * waits for processes of its own that end. */
__attribute__((warn_unused_result)) bool cl_confine_loop(struct why *why);

#endif
