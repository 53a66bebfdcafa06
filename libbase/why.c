#include "libbase/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Reasons quote what strangers sent; a control character could forge a second log line. */
static void why_tame(struct why *why)
{
	for (char *c = why->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

bool why_fail(struct why *why, const char *format, ...)
{
	va_list arguments;

	if (!why)
		return false;
	va_start(arguments, format);
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);
	why->modules[0] = '\0';
	why_tame(why);
	return false;
}

bool why_prefix(struct why *why, const char *format, ...)
{
	struct why joined;
	va_list arguments;

	if (!why)
		return false;
	va_start(arguments, format);
	vsnprintf(joined.text, sizeof(joined.text), format, arguments);
	va_end(arguments);
	size_t length = strlen(joined.text);
	snprintf(joined.text + length, sizeof(joined.text) - length, "%s", why->text);
	memcpy(why->text, joined.text, sizeof(why->text));
	why_tame(why);
	return false;
}

void why_set_modules(struct why *why, const char *modules)
{
	if (why)
		snprintf(why->modules, sizeof(why->modules), "%s", modules);
}
