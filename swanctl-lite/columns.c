#include "swanctl-lite/columns.h"

#include <limits.h>
#include <string.h>
#include <wchar.h>

/* The length of the first character, and its columns. */
static size_t character(const char *text, size_t length, int *ret_columns)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t octets = mbrtowc(&c, text, length, &state);

	*ret_columns = 1;
	if (octets == 0 || octets > length) /* none, or half a one */
		return 1;
	if (wcwidth(c) >= 0)
		*ret_columns = wcwidth(c);
	return octets;
}

size_t columns_cut(const char *text, int room, int *ret_columns)
{
	size_t length = strlen(text), used = 0;

	*ret_columns = 0;
	while (used < length) {
		int columns;
		size_t octets = character(text + used, length - used, &columns);

		if (columns > room - *ret_columns)
			break;
		*ret_columns += columns;
		used += octets;
	}
	return used;
}

int columns_padded(const char *text, int columns)
{
	int taken;
	size_t length = columns_cut(text, INT_MAX, &taken);

	return columns + (int)length - taken;
}
