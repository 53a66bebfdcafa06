/*
 * Why something could not be done, in words for the person who has to mend it.
 *
 * Functions that can fail for a reason a user should read take a `struct why *`, return false,
 * and leave one sentence without a full stop: what, where (file:line, payload, connection), and
 * what was expected. `return why_fail(why, ...)` does both. The text is for people; code branches
 * on enums, never on it. why may be NULL where the caller does not care.
 */
#ifndef LIBBASE_WHY_H
#define LIBBASE_WHY_H

#include <stdbool.h>

#define PRINTF_LIKE(text_at, values_at) __attribute__((format(printf, text_at, values_at)))

struct why {
	char text[512];
	char modules[128]; /* of the kernel, whose lack it is, as modprobe takes them; "" */
};

/* Sets the text (cut to fit, control characters replaced) and returns false. No modules. */
PRINTF_LIKE(2, 3) bool why_fail(struct why *why, const char *format, ...);

/* Puts words before a text that a called function set ("conf.d/a.conf:12: "); returns false. */
PRINTF_LIKE(2, 3) bool why_prefix(struct why *why, const char *format, ...);

/* Adds to a text that was set; cut to fit. */
void why_set_modules(struct why *why, const char *modules);

#endif
