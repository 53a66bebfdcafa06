#include "libbase/json.h"

/* The length of the UTF-8 sequence at the start of b, or 0 when there is none. */
static size_t utf8_length(struct bytes b)
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

static bool is_utf8(struct bytes b)
{
	while (b.length > 0) {
		size_t length = utf8_length(b);

		if (length == 0)
			return false;
		b = bytes_of(b.at + length, b.length - length);
	}
	return true;
}

static void write_hexadecimal(FILE *to, struct bytes b)
{
	fputs("0x", to);
	for (size_t i = 0; i < b.length; i++)
		fprintf(to, "%02x", b.at[i]);
}

void json_write_string(FILE *to, struct bytes b)
{
	putc('"', to);
	if (!is_utf8(b)) {
		write_hexadecimal(to, b);
		b.length = 0;
	}
	for (size_t i = 0; i < b.length; i++) {
		if (b.at[i] == '"' || b.at[i] == '\\')
			fprintf(to, "\\%c", b.at[i]);
		else if (b.at[i] < 32 || b.at[i] == 127)
			fprintf(to, "\\u%04x", b.at[i]);
		else
			putc(b.at[i], to);
	}
	putc('"', to);
}
