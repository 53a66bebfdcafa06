#include "libbase/utf8.h"

size_t utf8_length(struct bytes b)
{
	uint8_t lead = b.at[0];
	size_t length = lead < 0x80                   ? 1
			: lead >= 0xc2 && lead < 0xe0 ? 2
			: lead >= 0xe0 && lead < 0xf0 ? 3
			: lead >= 0xf0 && lead < 0xf5 ? 4
						      : 0;

	if (length == 0 || length > b.length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((b.at[i] & 0xc0) != 0x80)
			return 0;
	if (length == 3 && ((lead == 0xe0 && b.at[1] < 0xa0) || (lead == 0xed && b.at[1] > 0x9f)))
		return 0; /* longer than need be, or half a surrogate pair */
	if (length == 4 && ((lead == 0xf0 && b.at[1] < 0x90) || (lead == 0xf4 && b.at[1] > 0x8f)))
		return 0;
	return length;
}

bool utf8_valid(struct bytes b)
{
	while (b.length > 0) {
		size_t length = utf8_length(b);

		if (length == 0)
			return false;
		b = bytes_of(b.at + length, b.length - length);
	}
	return true;
}

void utf8_mend(char *text)
{
	struct bytes rest = bytes_of_text(text);

	while (rest.length > 0) {
		size_t length = utf8_length(rest);

		if (length == 0) {
			text[strlen(text) - rest.length] = '?';
			length = 1;
		}
		rest = bytes_of(rest.at + length, rest.length - length);
	}
}
