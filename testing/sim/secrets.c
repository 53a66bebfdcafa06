/*
 * What no log, event or answer may show. Texts (pre-shared keys) are looked for in every line at
 * once. Keys in hexadecimal are often known only after the line was written, so runs of
 * hexadecimal digits are kept, and looked up in the keys at the end.
 */
#include "testing/sim/world.h"

#include <ctype.h>
#include <stdlib.h>

/* Shorter runs are SPIs of child SAs, message ids and such. */
#define HEX_MIN 8

struct sim_secret {
	struct sim_secret *next;
	bool is_text;
	struct secret octets;
};

struct sim_hex {
	struct sim_hex *next;
	size_t length;
	uint8_t octets[];
};

static bool contains(struct bytes hay, const uint8_t *needle, size_t length)
{
	for (size_t i = 0; i + length <= hay.length; i++) {
		if (memcmp(hay.at + i, needle, length) == 0)
			return true;
	}
	return false;
}

void sim_secret_add(struct sim_world *w, struct bytes octets, bool is_text)
{
	struct sim_secret *s;

	if (octets.length < 4)
		return;
	for (s = w->secrets; s; s = s->next) {
		if (s->is_text == is_text && secret_equal(secret_bytes(&s->octets), octets))
			return;
	}
	s = calloc(1, sizeof(*s));
	if (!s || !secret_copy(&s->octets, octets))
		abort();
	s->is_text = is_text;
	s->next = w->secrets;
	w->secrets = s;
}

static unsigned digit(char c)
{
	return isdigit((unsigned char)c) ? (unsigned)(c - '0')
					 : (unsigned)(tolower((unsigned char)c) - 'a') + 10;
}

/* Digits may be grouped by a colon or a space. */
static size_t hex_run(const char *text, uint8_t *ret, size_t room, size_t *ret_used)
{
	size_t octets = 0;
	size_t at = 0;

	while (octets < room && isxdigit((unsigned char)text[at]) &&
		isxdigit((unsigned char)text[at + 1])) {
		ret[octets++] = (uint8_t)(digit(text[at]) << 4 | digit(text[at + 1]));
		at += 2;
		if ((text[at] == ':' || text[at] == ' ') && isxdigit((unsigned char)text[at + 1]))
			at++;
	}
	*ret_used = at;
	return octets;
}

static void hex_keep(struct sim_world *w, const uint8_t *octets, size_t length)
{
	struct sim_hex *hex = malloc(sizeof(*hex) + length);

	if (!hex)
		abort();
	hex->length = length;
	memcpy(hex->octets, octets, length);
	hex->next = w->hex;
	w->hex = hex;
}

void sim_secrets_check_text(struct sim_world *w, const char *where, const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f) {
			sim_complain(w, "%s with the control character %02x", where, c);
			return;
		}
	}
	for (const struct sim_secret *s = w->secrets; s; s = s->next) {
		if (s->is_text && contains(bytes_of(text, length), s->octets.at, s->octets.length))
			sim_complain(w, "%s shows a pre-shared key", where);
	}
	for (size_t at = 0; at < length;) {
		uint8_t octets[512];
		size_t used;
		size_t n = hex_run(text + at, octets, sizeof(octets), &used);

		if (n >= HEX_MIN)
			hex_keep(w, octets, n);
		/* From the next octet on the digits could pair differently; words end runs. */
		at += used ? used : 1;
	}
}

void sim_secrets_check_hex(struct sim_world *w)
{
	for (const struct sim_hex *h = w->hex; h; h = h->next) {
		for (const struct sim_secret *s = w->secrets; s; s = s->next) {
			struct bytes key = secret_bytes(&s->octets);

			for (size_t at = 0; at + HEX_MIN <= h->length; at++) {
				if (contains(key, h->octets + at, HEX_MIN)) {
					sim_complain(w, "a log line shows a key");
					return;
				}
			}
		}
	}
}

void sim_secrets_free(struct sim_world *w)
{
	while (w->secrets) {
		struct sim_secret *s = w->secrets;

		w->secrets = s->next;
		secret_free(&s->octets);
		free(s);
	}
	while (w->hex) {
		struct sim_hex *h = w->hex;

		w->hex = h->next;
		free(h);
	}
}
