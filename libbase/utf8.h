/* UTF-8 (RFC 3629): whether octets are, and texts that have to be. */
#ifndef LIBBASE_UTF8_H
#define LIBBASE_UTF8_H

#include "libbase/bytes.h"

/* The length of the sequence at the start of b, which is not empty, or 0 when there is none. */
size_t utf8_length(struct bytes b);
bool utf8_valid(struct bytes b);
/* Each octet that belongs to no sequence, as of one that was cut, becomes '?'. */
void utf8_mend(char *text);

#endif
