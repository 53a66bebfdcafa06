#include "libvici/value.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

static bool text_is(struct bytes text, const char *word)
{
	return text.length == strlen(word) &&
	       strncasecmp((const char *)text.at, word, text.length) == 0;
}

bool value_bool(struct bytes text, bool *ret)
{
	static const char *const yes[] = { "yes", "true", "enabled", "1" };
	static const char *const no[] = { "no", "false", "disabled", "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (text.length && text_is(text, yes[i])) {
			*ret = true;
			return true;
		}
		if (text.length && text_is(text, no[i])) {
			*ret = false;
			return true;
		}
	}
	return false;
}

/* The digits at the start of text; what follows them is left in *text. */
static bool take_number(struct bytes *text, unsigned base, uint64_t *ret)
{
	uint64_t number = 0;
	size_t i = 0;

	for (; i < text->length && isxdigit(text->at[i]); i++) {
		uint8_t c = text->at[i];
		unsigned digit =
			isdigit(c) ? (unsigned)(c - '0') : (unsigned)(tolower(c) - 'a' + 10);

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(number, base, &number) ||
			__builtin_add_overflow(number, digit, &number))
			return false;
	}
	if (i == 0)
		return false;
	text->at += i;
	text->length -= i;
	*ret = number;
	return true;
}

/* A decimal number, or a hexadecimal one after 0x, at the start of text. */
static bool take_unsigned(struct bytes *text, uint64_t *ret)
{
	if (text->length <= 2 || text->at[0] != '0' || tolower(text->at[1]) != 'x')
		return take_number(text, 10, ret);
	*text = bytes_of(text->at + 2, text->length - 2);
	return take_number(text, 16, ret);
}

/* strongSwan lets blanks stand between a number and its unit. */
static void skip_blanks(struct bytes *text)
{
	while (text->length > 0 && (text->at[0] == ' ' || text->at[0] == '\t'))
		*text = bytes_of(text->at + 1, text->length - 1);
}

bool value_unsigned(struct bytes text, uint64_t *ret)
{
	uint64_t number;

	if (!take_unsigned(&text, &number) || text.length > 0)
		return false;
	*ret = number;
	return true;
}

bool value_u32(struct bytes text, uint32_t *ret)
{
	uint64_t number;

	if (!value_unsigned(text, &number) || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

bool value_signed(struct bytes text, int64_t *ret)
{
	bool minus = text.length > 0 && text.at[0] == '-';
	uint64_t number;

	if (minus)
		text = bytes_of(text.at + 1, text.length - 1);
	if (!value_unsigned(text, &number) || number > INT64_MAX)
		return false;
	*ret = minus ? -(int64_t)number : (int64_t)number;
	return true;
}

/* A decimal number with an optional fraction at the start of text. */
static bool take_double(struct bytes *text, double *ret)
{
	uint64_t whole, fraction;
	double scale = 1;

	if (!take_number(text, 10, &whole))
		return false;
	*ret = (double)whole;
	if (text->length == 0 || text->at[0] != '.')
		return true;
	*text = bytes_of(text->at + 1, text->length - 1);
	size_t before = text->length;
	if (!take_number(text, 10, &fraction))
		return false;
	for (size_t i = text->length; i < before; i++)
		scale *= 10;
	*ret += (double)fraction / scale;
	return true;
}

bool value_double(struct bytes text, double *ret)
{
	double number;

	if (!take_double(&text, &number) || text.length > 0)
		return false;
	*ret = number;
	return true;
}

/* How many seconds the unit after a number stands for; 0 when it is none. */
static uint64_t unit_seconds(struct bytes unit)
{
	if (unit.length == 0 || text_is(unit, "s"))
		return 1;
	if (text_is(unit, "m"))
		return 60;
	if (text_is(unit, "h"))
		return 3600;
	if (text_is(unit, "d"))
		return 86400;
	return 0;
}

bool value_seconds(struct bytes text, uint64_t *ret)
{
	uint64_t number;

	if (!take_unsigned(&text, &number))
		return false;
	skip_blanks(&text);
	if (unit_seconds(text) == 0 || __builtin_mul_overflow(number, unit_seconds(text), &number))
		return false;
	*ret = number;
	return true;
}

bool value_milliseconds(struct bytes text, uint64_t *ret)
{
	double number;

	if (!take_double(&text, &number))
		return false;
	skip_blanks(&text);
	if (!text_is(text, "ms")) {
		if (unit_seconds(text) == 0)
			return false;
		number *= 1000 * (double)unit_seconds(text);
	}
	if (number > 1e15)
		return false;
	*ret = (uint64_t)(number + 0.5);
	return true;
}

bool value_amount(struct bytes text, uint64_t *ret)
{
	uint64_t number, scale = 1;

	if (!take_unsigned(&text, &number))
		return false;
	skip_blanks(&text);
	if (text_is(text, "k"))
		scale = (uint64_t)1 << 10;
	else if (text_is(text, "m"))
		scale = (uint64_t)1 << 20;
	else if (text_is(text, "g"))
		scale = (uint64_t)1 << 30;
	else if (text.length > 0)
		return false;
	if (__builtin_mul_overflow(number, scale, &number))
		return false;
	*ret = number;
	return true;
}
