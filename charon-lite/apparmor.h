/*
 * AppArmor, as far as an operator has to hear of it: what it refuses looks like any "Permission
 * denied", to a process that is root.
 */
#ifndef CHARON_LITE_APPARMOR_H
#define CHARON_LITE_APPARMOR_H

#include <stdbool.h>
#include <stddef.h>

#define CL_APPARMOR_HINT_MAX 512

/* What the kernel says of a process (/proc/self/attr/current): "PROFILE (enforce)". Other security
 * modules say something else there. True when a profile is enforced. */
bool cl_apparmor_enforces(const char *label, char *ret_profile, size_t size);

/* Where this process is root, and a profile of AppArmor is enforced that may be why something was
 * refused: a text that names it and what to do, with no full stop; else "". */
const char *cl_apparmor_hint(char text[CL_APPARMOR_HINT_MAX]);

/* The file that is asked, instead; for tests. */
const char *cl_apparmor_hint_from(const char *file, char text[CL_APPARMOR_HINT_MAX]);

#endif
