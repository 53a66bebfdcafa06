/*
 * Which network interfaces are ours to use: charon.interfaces_use and interfaces_ignore.
 */
#ifndef CHARON_LITE_INTERFACES_H
#define CHARON_LITE_INTERFACES_H

#include "libbase/address.h"

#include <stdbool.h>

/* The lists are comma-separated or NULL; ignore counts only without use. Texts are borrowed. */
struct cl_interfaces {
	const char *use;
	const char *ignore;
};

bool cl_interface_is_used(const struct cl_interfaces *which, const char *name);

/* The next name of a list, after *at, which begins with the list; false: there is none. One that is
 * too long for an interface is cut. */
#define CL_INTERFACE_TEXT 64
bool cl_interface_next(const char **at, char ret[CL_INTERFACE_TEXT]);

/* False, too, for an index that has no name, unless there are no lists. */
bool cl_interface_index_is_used(const struct cl_interfaces *which, unsigned index);

/* The index of the interface that has it; 0: none. Asks the kernel for all. */
unsigned cl_interface_of_address(const struct address *address);

#endif
