#include "libbase/json.h"

#include "libbase/utf8.h"

static void write_hexadecimal(FILE *to, struct bytes b)
{
	fputs("0x", to);
	for (size_t i = 0; i < b.length; i++)
		fprintf(to, "%02x", b.at[i]);
}

void json_write_string(FILE *to, struct bytes b)
{
	putc('"', to);
	if (!utf8_valid(b)) {
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
