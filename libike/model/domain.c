#include "libike/model/domain.h"

#define LABEL_MAX 63

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_of_label(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

/* Reads up to the dot or the end. */
static bool read_label(struct reader *r, struct writer *w, bool *ret_is_number, bool *ret_dot)
{
	size_t length = 0;
	uint8_t first = 0, last = 0;

	*ret_is_number = true;
	*ret_dot = false;
	while (reader_more(r)) {
		uint8_t c = reader_u8(r);

		if (c == '.') {
			*ret_dot = true;
			break;
		}
		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c - 'A' + 'a');
		if (!is_of_label(c) || ++length > LABEL_MAX)
			return false;
		*ret_is_number = *ret_is_number && is_digit(c);
		first = length == 1 ? c : first;
		last = c;
		writer_u8(w, c);
	}
	return length > 0 && first != '-' && last != '-';
}

bool ike_domain_read(struct bytes value, char ret[IKE_DOMAIN_TEXT_MAX])
{
	struct writer w = writer_of(ret, IKE_DOMAIN_TEXT_MAX - 1);
	struct reader r = reader_of(value);
	bool is_number = true, dot = false;

	while (reader_more(&r)) {
		if (dot)
			writer_u8(&w, '.');
		if (!read_label(&r, &w, &is_number, &dot) || w.bad)
			return false;
	}
	ret[w.length] = '\0';
	return w.length > 0 && !is_number;
}

bool ike_domain_next(struct reader *list, struct bytes *ret)
{
	size_t length = 0;

	while (reader_more(list) && (*list->at == ',' || *list->at == ' '))
		(void)reader_u8(list);
	if (!reader_more(list))
		return false;
	while (length < list->left && list->at[length] != ',' && list->at[length] != ' ')
		length++;
	*ret = reader_bytes(list, length);
	return true;
}
