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

static size_t count_ids(const struct settings_section *section)
{
	size_t count = 0;

	SETTINGS_KEYS(key, section)
	count += strncmp(key->name, "id", 2) == 0;
	return count;
}

static bool has_id(const struct settings_section *section, const char *id)
{
	SETTINGS_KEYS(key, section)
	if (strncmp(key->name, "id", 2) == 0 && strcasecmp(key->value, id) == 0)
		return true;
	return false;
}

static bool same_ids(const struct settings_section *a, const struct settings_section *b)
{
	if (count_ids(a) != count_ids(b))
		return false;
	SETTINGS_KEYS(key, a)
	if (strncmp(key->name, "id", 2) == 0 && !has_id(b, key->value))
		return false;
	return true;
}

static bool same_kind(const struct settings_section *a, const struct settings_section *b)
{
	const char *of_a = creds_shared_type(a->name), *of_b = creds_shared_type(b->name);

	return of_a && of_b && strcmp(of_a, of_b) == 0;
}

static bool same_secret(const struct settings_section *a, const struct settings_section *b)
{
	const char *of_a = check_value(a, "secret"), *of_b = check_value(b, "secret");

	return !of_a || !of_b ||
	       secret_equal(bytes_of_text(of_a), bytes_of_text(of_b)); /* as written */
}

static const char *first_id(const struct settings_section *section)
{
	SETTINGS_KEYS(key, section)
	if (strncmp(key->name, "id", 2) == 0)
		return key->value;
	return NULL;
}

/* The index of a section in the order of the first id, so that thousands are compared quickly. */
struct secret_of {
	const struct settings_section *section;
	const char *id;
	size_t number;
};

static int compare(const void *left, const void *right)
{
	const struct secret_of *a = left, *b = right;
	int order = strcasecmp(a->id, b->id);

	return order ? order : (a->number > b->number) - (a->number < b->number);
}

static void check_run(struct check *k, const struct secret_of *run, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t j = 0; j < i; j++) {
			const struct settings_section *a = run[j].section, *b = run[i].section;

			if (!same_kind(a, b) || !same_ids(a, b) || same_secret(a, b))
				continue;
			check_say(k, CHECK_SECRET_TWICE, &b->place,
				"'%s' and '%s' have the same ids, and different secrets", a->name,
				b->name);
			break;
		}
}

/* Ids that come in another order are found where their first ones are equal alone. */
static void check_twice(struct check *k)
{
	const struct settings_section *first = check_sections(k, "secrets");
	struct secret_of *list;
	size_t count = 0, total = 0;

	for (const struct settings_section *each = first; each; each = each->next)
		total++;
	list = calloc(total + 1, sizeof(*list));
	for (const struct settings_section *each = first; list && each; each = each->next) {
		const char *id = first_id(each);

		if (creds_shared_type(each->name))
			list[count] = (struct secret_of){ each, id ? id : "", count };
		count += creds_shared_type(each->name) != NULL;
	}
	if (count > 1)
		qsort(list, count, sizeof(*list), compare);
	for (size_t begin = 0, end; begin < count; begin = end) {
		for (end = begin + 1; end < count && strcasecmp(list[begin].id, list[end].id) == 0;)
			end++;
		check_run(k, list + begin, end - begin);
	}
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
