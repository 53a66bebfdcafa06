/*
 * What the log lines of messages are put together with. Internal to wire/.
 */
#ifndef LIBIKE_WIRE_LINE_H
#define LIBIKE_WIRE_LINE_H

#include "libbase/why.h"

#include <stddef.h>

struct ike_line {
	char *text; /* of that size, at least 1 */
	size_t size;
	size_t used;
};

PRINTF_LIKE(2, 3) void ike_line_add(struct ike_line *line, const char *format, ...);
/* The name, or "(number)" when it is NULL. */
void ike_line_add_name(struct ike_line *line, const char *name, unsigned number);

#endif
