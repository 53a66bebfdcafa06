/*
 * The values of a load-conn message, into the fields of a connection.
 *
 * A table names every key of a kind of section with the function that takes its value and the
 * field it goes to. For load_conn.c and load_child.c only.
 */
#ifndef CHARON_LITE_CONTROL_LOAD_VALUE_H
#define CHARON_LITE_CONTROL_LOAD_VALUE_H

#include "libbase/bytes.h"
#include "libbase/why.h"
#include "libvici/message.h"

struct cl_load_key;

/* object is what the section is about; text the value, or one item of a list. why says what was
 * wrong with the value. */
typedef bool cl_load_setter(
	const struct cl_load_key *key, void *object, const char *text, struct why *why);

/* The same for what is no text: certificates. */
typedef bool cl_load_bytes_setter(
	const struct cl_load_key *key, void *object, struct bytes value, struct why *why);

struct cl_load_word {
	const char *text;
	int value;          /* -1: known, but not supported */
	const char *reason; /* of those */
};

struct cl_load_key {
	const char *name;
	cl_load_setter *set;
	size_t offset; /* of the field in the object */
	union {
		const struct cl_load_word *words; /* ends in a NULL text */
		const char *harmless;             /* of cl_load_refuse() */
		uint64_t max;                     /* of numbers; 0: what the field holds */
	};
	const char *reason; /* of cl_load_refuse() */
	bool list;
	cl_load_bytes_setter *set_bytes; /* instead of set */
};

/* Sets all values and lists of a section from a table that ends in a NULL name. Sections in it are
 * the caller's. why names the key as strongSwan does, and the reason; place ("children.net")
 * may be "". */
MUST_USE bool cl_load_section(struct vici_view section, const struct cl_load_key *keys,
	const char *place, void *object, struct why *why);

const struct cl_load_key *cl_load_key_find(const struct cl_load_key *keys, struct bytes name);

/* ---- Setters, by the field's type ---- */

cl_load_setter cl_load_bool;   /* bool */
cl_load_setter cl_load_u16;    /* uint16_t */
cl_load_setter cl_load_u32;    /* uint32_t */
cl_load_setter cl_load_time;   /* uint64_t, seconds */
cl_load_setter cl_load_amount; /* uint64_t */
cl_load_setter cl_load_word;   /* uint8_t */
cl_load_setter cl_load_text;   /* char *, owned; NULL when empty */
cl_load_setter cl_load_mark;   /* struct ike_mark */
cl_load_setter cl_load_if_id;  /* uint32_t */

/* A key of a feature that this version lacks: only its harmless value (or an empty one) passes. */
cl_load_setter cl_load_refuse;

#endif
