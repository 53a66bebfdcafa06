/* A line of text that is put together, and cut to fit. */
#include "libike/wire/line.h"

#include <stdarg.h>
#include <stdio.h>

void ike_line_add(struct ike_line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int written =
		vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
	va_end(arguments);
	if (written < 0)
		return;
	size_t room = line->size - line->used - 1;
	line->used += (size_t)written < room ? (size_t)written : room;
}

void ike_line_add_name(struct ike_line *line, const char *name, unsigned number)
{
	if (name)
		ike_line_add(line, "%s", name);
	else
		ike_line_add(line, "(%u)", number);
}
