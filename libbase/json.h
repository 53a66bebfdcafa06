/*
 * JSON (RFC 8259), written: strings of any bytes.
 *
 * Pure but for the stream that is written to.
 */
#ifndef LIBBASE_JSON_H
#define LIBBASE_JSON_H

#include "libbase/bytes.h"

#include <stdio.h>

/* A string with its quotes. Bytes that are no UTF-8 become "0x" and hexadecimal digits, all of
 * them: what reads it gets valid JSON whatever a peer has sent. */
void json_write_string(FILE *to, struct bytes text);

#endif
