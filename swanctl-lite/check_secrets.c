/* Secrets as they are written. */
#include "swanctl-lite/check.h"
#include "swanctl-lite/creds.h"

#include <stdlib.h>

#define SHORTEST 8

/* ---- Strength ---- */

static bool is_known(struct bytes secret)
{
	static const char *const words[] = { "password", "passw0rd", "changeme", "change-me",
		"secret", "secret123", "12345678", "123456789", "1234567890", "strongswan",
		"presharedkey", "pre-shared-key", "test1234", "testtest", "qwertyui", "<secret>",
		"<psk>", "xxxxxxxx", "your-psk", "your-secret", "mysecret", "letmein1", "vyos",
		"vpnsecret" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (secret.length == strlen(words[i]) &&
			strncasecmp((const char *)secret.at, words[i], secret.length) == 0)
			return true;
	return false;
}

static bool is_password(const char *type)
{
	return strcmp(type, "ike") != 0 && strcmp(type, "ppk") != 0;
}

static void check_strength(
	struct check *k, const struct settings_section *section, const struct settings_key *key)
{
	const char *type = creds_shared_type(section->name);
	AUTO_SECRET secret = { 0 };

	/* Whoever tries passwords can be stopped; who recorded a handshake cannot. */
	if (!type || is_password(type) || !creds_decode_secret(k->s, key, &secret))
		return;
	if (secret.length < SHORTEST)
		check_say(k, CHECK_SECRET_WEAK, &key->place, "the secret of '%s' has %zu octets",
			section->name, secret.length);
	else if (is_known(secret_bytes(&secret)))
		check_say(k, CHECK_SECRET_WEAK, &key->place,
			"the secret of '%s' is one of those that are tried first", section->name);
}

/* ---- What is hardly part of it ---- */

static void check_more(
	struct check *k, const struct settings_section *section, const struct settings_key *key)
{
	static const char blanks[] = " \t\r\n";
	const char *value = key->value, *what = NULL;
	size_t length = strlen(value);

	if (length == 0)
		return;
	if (strchr(blanks, value[0]) || strchr(blanks, value[length - 1]))
		what = "a blank at its beginning or end";
	else if (value[length - 1] == ';')
		what = "a ; at its end";
	else if (strstr(value, " //"))
		what = "a // in it, which begins no comment";
	if (what)
		check_say(k, CHECK_SECRET_MORE, &key->place, "the secret of '%s' has %s",
			section->name, what);
}

/* ---- The same ids ---- */

static bool same_secret(const struct settings_section *a, const struct settings_section *b)
{
	const char *of_a = check_value(a, "secret"), *of_b = check_value(b, "secret");

	return !of_a || !of_b ||
	       secret_equal(bytes_of_text(of_a), bytes_of_text(of_b)); /* as written */
}

/* In the order of their kinds and of all their ids, so that thousands are compared quickly, though
 * the first id may be the gateway's own in each. */
struct secret_of {
	const struct settings_section *section;
	const char *type;
	const char **ids; /* sorted */
	size_t id_count;
	size_t number;
};

static int compare_ids(const void *left, const void *right)
{
	return strcasecmp(*(const char *const *)left, *(const char *const *)right);
}

static bool take_ids(struct secret_of *secret)
{
	size_t total = 0;

	SETTINGS_KEYS(key, secret->section)
	{
		total++;
	}
	secret->ids = calloc(total + 1, sizeof(*secret->ids));
	if (!secret->ids)
		return false;
	SETTINGS_KEYS(key, secret->section)
	{
		if (strncmp(key->name, "id", 2) == 0)
			secret->ids[secret->id_count++] = key->value;
	}
	if (secret->id_count > 1)
		qsort(secret->ids, secret->id_count, sizeof(*secret->ids), compare_ids);
	return true;
}

static int compare_owners(const struct secret_of *a, const struct secret_of *b)
{
	int order = strcmp(a->type, b->type);

	if (order == 0)
		order = (a->id_count > b->id_count) - (a->id_count < b->id_count);
	for (size_t i = 0; i < a->id_count && order == 0; i++)
		order = strcasecmp(a->ids[i], b->ids[i]);
	return order;
}

static int compare(const void *left, const void *right)
{
	const struct secret_of *a = left, *b = right;
	int order = compare_owners(a, b);

	return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* With the first of the same ids, or the one before. */
static void check_same(struct check *k, const struct secret_of *first, const struct secret_of *each)
{
	const struct settings_section *a = first->section, *b = each->section;

	if (same_secret(a, b))
		a = each[-1].section;
	if (!same_secret(a, b))
		check_say(k, CHECK_SECRET_TWICE, &b->place,
			"'%s' and '%s' have the same ids, and different secrets", a->name, b->name);
}

static void check_list(struct check *k, struct secret_of *list, size_t count)
{
	const struct secret_of *first = list;

	if (count > 1)
		qsort(list, count, sizeof(*list), compare);
	for (size_t i = 1; i < count; i++) {
		if (compare_owners(first, &list[i]) == 0)
			check_same(k, first, &list[i]);
		else
			first = &list[i];
	}
}

static void check_twice(struct check *k)
{
	const struct settings_section *all = check_sections(k, "secrets");
	struct secret_of *list;
	size_t count = 0, total = 0;

	for (const struct settings_section *each = all; each; each = each->next)
		total++;
	list = calloc(total + 1, sizeof(*list));
	k->out_of_memory = k->out_of_memory || !list;
	for (const struct settings_section *each = all; list && each; each = each->next) {
		const char *type = creds_shared_type(each->name);

		list[count] = (struct secret_of){ .section = each, .type = type, .number = count };
		if (type && take_ids(&list[count]))
			count++;
		else if (type)
			k->out_of_memory = true;
	}
	if (list)
		check_list(k, list, count);
	for (size_t i = 0; i < count; i++)
		free(list[i].ids);
	free(list);
}

void check_secrets(struct check *k)
{
	for (const struct settings_section *each = check_sections(k, "secrets"); each;
		each = each->next) {
		const struct settings_key *key = settings_find_key(each, "secret");
		enum vici_place place;

		if (!vici_place_of_secret(each->name, &place) || place == VICI_PLACE_TOKEN)
			continue;
		if (key) {
			check_strength(k, each, key);
			check_more(k, each, key);
		} else if (place == VICI_PLACE_SHARED) {
			check_say(k, CHECK_SECRET_MISSING, &each->place, "'%s' has no secret",
				each->name);
		}
	}
	check_twice(k);
}
