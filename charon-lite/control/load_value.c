#include "charon-lite/control/load_value.h"

#include "libike/model/connection.h"
#include "libvici/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Longest value that any key takes: a name, an identity, a proposal. */
#define VALUE_MAX 4096

const struct cl_load_key *cl_load_key_find(const struct cl_load_key *keys, struct bytes name)
{
	for (; keys->name; keys++) {
		if (vici_is(name, keys->name))
			return keys;
	}
	return NULL;
}

/* ---- Sections ---- */

/* The words up to the colon are strongSwan's, which scripts look for. */
static bool invalid(struct bytes name, const char *place, struct why *why)
{
	return why_prefix(why, "invalid value for: %.*s, config discarded: %s%s", (int)name.length,
		(const char *)name.at, place, *place ? ": " : "");
}

static bool set_one(const struct cl_load_key *key, void *object, struct bytes value,
	const char *place, struct why *why)
{
	struct bytes name = bytes_of_text(key->name);
	char text[VALUE_MAX];

	if (key->set_bytes)
		return key->set_bytes(key, object, value, why) || invalid(name, place, why);
	if (value.length >= sizeof(text) ||
		memchr(value.at ? (const void *)value.at : "", 0, value.length)) {
		why_fail(why, "the value is too long, or contains a zero");
		return invalid(name, place, why);
	}
	bytes_copy(text, value);
	text[value.length] = '\0';
	if (!key->set(key, object, text, why))
		return invalid(name, place, why);
	return true;
}

static bool set_list(const struct cl_load_key *key, void *object, struct vici_view list,
	const char *place, struct why *why)
{
	VICI_EACH(item, list)
	{
		if (!set_one(key, object, vici_value(item), place, why))
			return false;
	}
	return true;
}

bool cl_load_section(struct vici_view section, const struct cl_load_key *keys, const char *place,
	void *object, struct why *why)
{
	VICI_EACH(each, section)
	{
		struct bytes name = vici_name(each);
		const struct cl_load_key *key = cl_load_key_find(keys, name);
		bool good;

		if (vici_kind(each) == VICI_SECTION)
			continue;
		if (!key || (vici_kind(each) == VICI_LIST && !key->list))
			return why_fail(why, "unknown option: %.*s, config discarded%s%s",
				(int)name.length, (const char *)name.at, *place ? ": in " : "",
				place);
		if (vici_kind(each) == VICI_LIST)
			good = set_list(key, object, each, place, why);
		else
			good = set_one(key, object, vici_value(each), place, why);
		if (!good)
			return false;
	}
	return true;
}

/* ---- Setters ---- */

static void *field(const struct cl_load_key *key, void *object)
{
	return (char *)object + key->offset;
}

bool cl_load_bool(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	bool *value = field(key, object);

	if (!value_bool(bytes_of_text(text), value))
		return why_fail(why, "'%s' is not yes or no", text);
	return true;
}

static bool number(const char *text, uint64_t max, uint64_t *ret, struct why *why)
{
	*ret = 0; /* with charon, too, "" is 0 */
	if (*text && (!value_unsigned(bytes_of_text(text), ret) || *ret > max))
		return why_fail(
			why, "'%s' is not a number from 0 to %llu", text, (unsigned long long)max);
	return true;
}

bool cl_load_u16(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	uint16_t *value = field(key, object);
	uint64_t n;

	if (!number(text, key->max ? key->max : UINT16_MAX, &n, why))
		return false;
	*value = (uint16_t)n;
	return true;
}

bool cl_load_u32(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	uint32_t *value = field(key, object);
	uint64_t n;

	if (!number(text, key->max ? key->max : UINT32_MAX, &n, why))
		return false;
	*value = (uint32_t)n;
	return true;
}

bool cl_load_time(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	uint64_t *value = field(key, object);
	uint64_t seconds = 0;

	/* The engine counts milliseconds in 63 bits; nobody means centuries. */
	if ((*text && !value_seconds(bytes_of_text(text), &seconds)) || seconds > UINT32_MAX)
		return why_fail(
			why, "'%s' is not a time: expected a number with s, m, h or d", text);
	*value = seconds;
	return true;
}

bool cl_load_amount(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	uint64_t *value = field(key, object);
	uint64_t amount = 0;

	if ((*text && !value_amount(bytes_of_text(text), &amount)) || amount == IKE_UNSET)
		return why_fail(
			why, "'%s' is not an amount: expected a number with k, m or g", text);
	*value = amount;
	return true;
}

bool cl_load_word(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	uint8_t *value = field(key, object);
	char list[256] = "";

	for (const struct cl_load_word *word = key->words; word->text; word++) {
		size_t length = strlen(list);

		snprintf(list + length, sizeof(list) - length, "%s%s", length ? ", " : "",
			word->text);
		if (strcasecmp(text, word->text) != 0)
			continue;
		if (word->value < 0)
			return why_fail(why, "'%s' is not supported: %s", word->text, word->reason);
		*value = (uint8_t)word->value;
		return true;
	}
	return why_fail(why, "'%s' is not one of: %s", text, list);
}

bool cl_load_text(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	char **value = field(key, object);
	char *copy = *text ? strdup(text) : NULL;

	if (*text && !copy)
		return why_fail(why, "out of memory");
	free(*value);
	*value = copy;
	return true;
}

/* "%same" stands in set_mark_in and set_mark_out only, and what is drawn in the others. */
bool cl_load_mark(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_mark *mark = field(key, object);
	struct bytes value = bytes_of(text, strcspn(text, "/"));
	const char *mask = text[value.length] ? text + value.length + 1 : NULL;
	struct ike_mark parsed = { 0, UINT32_MAX };
	bool set = strncmp(key->name, "set_", 4) == 0, good = true;

	if (!set && vici_is(value, "%unique"))
		parsed.value = IKE_MARK_UNIQUE;
	else if (!set && vici_is(value, "%unique-dir"))
		parsed.value = IKE_MARK_UNIQUE_DIR;
	else if (set && vici_is(value, "%same"))
		parsed.value = IKE_MARK_SAME;
	else
		good = value_u32(value, &parsed.value);
	if (!good || (mask && !value_u32(bytes_of_text(mask), &parsed.mask)))
		return why_fail(why, "'%s' is not a mark: expected mark[/mask] or %s", text,
			set ? "%same" : "%unique");
	*mark = parsed;
	return true;
}

bool cl_load_if_id(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	uint32_t *id = field(key, object);

	if (strcmp(text, "%unique") == 0)
		*id = IKE_IF_ID_UNIQUE;
	else if (strcmp(text, "%unique-dir") == 0)
		*id = IKE_IF_ID_UNIQUE_DIR;
	else if (!value_u32(bytes_of_text(text), id))
		return why_fail(
			why, "'%s' is not an interface id: expected a number or %%unique", text);
	return true;
}

bool cl_load_refuse(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	(void)object;
	if (!*text || (key->harmless && strcasecmp(text, key->harmless) == 0))
		return true;
	return why_fail(why, "%s is not supported: %s", key->name, key->reason);
}
