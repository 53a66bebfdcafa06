/*
 * Printing VICI messages: whole (raw, pretty, JSON), and values for people.
 *
 * raw and pretty are byte for byte what strongSwan's swanctl prints, since test suites grep them.
 * JSON has one object a message: sections are objects, lists arrays, values strings; events are
 * collected into one array per command, so that the whole output is one JSON value.
 */
#ifndef SWANCTL_LITE_OUTPUT_H
#define SWANCTL_LITE_OUTPUT_H

#include "libvici/message.h"

#include <stdio.h>

enum swanctl_format {
	SWANCTL_TEXT,
	SWANCTL_RAW_DUMP,
	SWANCTL_PRETTY_DUMP,
	SWANCTL_JSON,
};

/* "<label> {...}" and a newline; for JSON the bare object and a newline. */
void swanctl_dump(
	FILE *to, enum swanctl_format format, const char *label, struct vici_view message);

/* A message as a JSON object, without a newline. */
void swanctl_dump_json(FILE *to, struct vici_view message);

/* A value's text in room: "(null)" when absent, hexadecimal when not printable, cut to fit.
 * SWANCTL_TEXT_OF() brings the room with it: good until the end of the block. */
#define SWANCTL_TEXT_ROOM 1024
const char *swanctl_text(struct vici_view section, const char *key, char room[SWANCTL_TEXT_ROOM]);
#define SWANCTL_TEXT_OF(section, key) swanctl_text(section, key, (char[SWANCTL_TEXT_ROOM]){ 0 })

/* The same, but "" when absent: for the texts in which strongSwan leaves a gap. */
const char *swanctl_text_or_gap(
	struct vici_view section, const char *key, char room[SWANCTL_TEXT_ROOM]);
#define SWANCTL_GAP_OF(section, key) \
	swanctl_text_or_gap(section, key, (char[SWANCTL_TEXT_ROOM]){ 0 })

/* A view's name, likewise. */
const char *swanctl_name(struct vici_view v, char room[SWANCTL_TEXT_ROOM]);
#define SWANCTL_NAME_OF(v) swanctl_name(v, (char[SWANCTL_TEXT_ROOM]){ 0 })

/* The items of a list with blanks between; "(null)" when it is absent or empty. */
void swanctl_print_list(FILE *to, struct vici_view section, const char *key);

bool swanctl_has(struct vici_view section, const char *key);

/* Whether there is a list of that name with something in it. */
bool swanctl_has_items(struct vici_view section, const char *key);

#endif
