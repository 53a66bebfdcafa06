/*
 * How wide text is on a terminal: an octet of UTF-8 is no column. By the process's locale
 * (LC_CTYPE).
 */
#ifndef SWANCTL_LITE_COLUMNS_H
#define SWANCTL_LITE_COLUMNS_H

#include <stddef.h>

/* The octets from the start that fit into so many columns; *ret_columns are those that they take.
 * What is no character takes a column per octet. */
size_t columns_cut(const char *text, int room, int *ret_columns);

/* As "%-*s" pads, by columns: the width for printf() that has this text fill so many columns. */
int columns_padded(const char *text, int columns);

#endif
