/* What reading the file showed, and whether its words exist. */
#include "swanctl-lite/check.h"

#include "libbase/address.h"

#include <stdlib.h>

/* ---- For all ---- */

const struct settings_section *check_sections(const struct check *k, const char *top)
{
	const struct settings_section *section = settings_child(settings_root(k->config), top);

	return section ? section->sections : NULL;
}

const char *check_value(const struct settings_section *section, const char *key)
{
	SETTINGS_KEYS(each, section)
	{
		if (strcmp(each->name, key) == 0)
			return each->value;
	}
	return NULL;
}

bool check_is_yes(const char *value, bool otherwise)
{
	static const char *const words[] = { "yes", "true", "enabled", "1" };

	for (size_t i = 0; value && i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return value ? false : otherwise;
}

const struct settings_place *check_place(const struct settings_section *section, const char *key)
{
	if (!key)
		return &section->place;
	SETTINGS_KEYS(each, section)
	{
		if (strcmp(each->name, key) == 0)
			return &each->place;
	}
	return &section->place;
}

const struct settings_section *check_part(const struct settings_section *section, const char *name)
{
	SETTINGS_SECTIONS(each, section)
	{
		if (strncmp(each->name, name, strlen(name)) == 0)
			return each;
	}
	return NULL;
}

bool check_item(const char **rest, char ret[CHECK_ITEM_MAX])
{
	const char *begin = *rest + strspn(*rest, " \t\n,");
	size_t length = strcspn(begin, ",");

	if (!*begin || length >= CHECK_ITEM_MAX)
		return false;
	*rest = begin + length;
	while (strchr(" \t\n", begin[length - 1]))
		length--;
	memcpy(ret, begin, length);
	ret[length] = '\0';
	return true;
}

bool check_is_host(const char *item)
{
	const char *dash = strchr(item, '-');
	char from[CHECK_ITEM_MAX];
	struct address address;

	if (!*item || strpbrk(item, "%/*"))
		return false;
	if (address_parse(item, &address))
		return !address_is_any(&address);
	snprintf(from, sizeof(from), "%.*s", dash ? (int)(dash - item) : 0, item);
	return !address_parse(from, &address);
}

bool check_takes_anybody(const struct settings_section *connection)
{
	const char *rest = check_value(connection, "remote_addrs");
	char item[CHECK_ITEM_MAX];

	while (rest && check_item(&rest, item))
		if (check_is_host(item))
			return false;
	return true;
}

bool check_is_shunt(const struct settings_section *child)
{
	const char *mode = check_value(child, "mode");

	return mode && (strcasecmp(mode, "pass") == 0 || strcasecmp(mode, "drop") == 0);
}

/* ---- What reading showed ---- */

static void report_remark(struct check *k, const struct settings_remark *remark)
{
	static const enum check_code codes[] = {
		[SETTINGS_REMARK_UNREADABLE] = CHECK_INCLUDE_MISSING,
		[SETTINGS_REMARK_REFERENCE] = CHECK_NO_BASE,
		[SETTINGS_REMARK_EMPTY] = CHECK_INCLUDE_EMPTY,
		[SETTINGS_REMARK_KEY_AGAIN] = CHECK_KEY_TWICE,
		[SETTINGS_REMARK_SECTION_AGAIN] = CHECK_SECTION_TWICE,
	};

	check_say(k, codes[remark->kind], &remark->place, "%s", remark->text);
}

/* Behind the = of "secret = ..."; NULL for other lines. */
static const char *secret_in(const char *line)
{
	line += strspn(line, " \t");
	if (strncmp(line, "secret", 6) != 0)
		return NULL;
	line += 6 + strspn(line + 6, " \t");
	return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

/* "key = ab#cd": what is behind the # never got into the tree, so the line itself is looked at. A
 * comment is seldom glued to a value from both sides; of a secret any # may be. */
static bool is_cut(const char *line)
{
	const char *secret = secret_in(line);
	const char *value = secret ? secret : strchr(line, '=');
	const char *comment = strchr(line, '#');

	if (!value || !comment || comment < value || (!secret && strchr(line, '{')))
		return false;
	if (!secret)
		value += 1 + strspn(value + 1, " \t");
	if (value >= comment || *value == '"' || strchr(" \t,;", comment[-1]))
		return false;
	return secret || (comment[1] && !strchr(" \t\r\n#", comment[1]));
}

/* secret = "ab\cd": the \ never got into the tree. */
static bool is_escaped(const char *line)
{
	line = secret_in(line);
	if (!line || *line != '"')
		return false;
	while (*++line && *line != '"')
		if (*line == '\\' && (!*++line || !strchr("\\\"\n", *line)))
			return *line != '\0';
	return false;
}

static void look_at_lines(struct check *k, const char *path)
{
	FILE *file = fopen(path, "re");
	struct settings_place place = { path, 0 };
	char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) >= 0) {
		place.line++;
		if (is_cut(line))
			check_say(k, CHECK_HASH_CUTS, &place,
				"the value ends before the #: it has to be quoted to have one in "
				"it");
		if (is_escaped(line))
			check_say(k, CHECK_SECRET_ESCAPED, &place,
				"the secret has a \\, which stands for something else in quotes");
	}
	if (line)
		memset(line, 0, size); /* there are secrets in it */
	free(line);
	if (file)
		fclose(file);
}

/* Each file that something came from. */
struct files {
	const char **names;
	size_t count;
};

static void note_file(struct files *files, const char *name)
{
	for (size_t i = files->count; i-- > 0;)
		if (files->names[i] == name || strcmp(files->names[i], name) == 0)
			return;
	const char **grown = reallocarray(files->names, files->count + 1, sizeof(*grown));
	if (!grown)
		return;
	files->names = grown;
	grown[files->count++] = name;
}

static void note_files(struct files *files, const struct settings_section *section)
{
	SETTINGS_KEYS(key, section)
	note_file(files, key->place.file);
	SETTINGS_SECTIONS(below, section)
	note_files(files, below);
}

void check_remarks(struct check *k)
{
	const struct settings_remark *remark;
	struct files files = { 0 };

	for (size_t i = 0; (remark = settings_remark(k->config, i)); i++)
		report_remark(k, remark);
	note_files(&files, settings_root(k->config));
	for (size_t i = 0; i < files.count; i++)
		look_at_lines(k, files.names[i]);
	free(files.names);
}

/* ---- Words ---- */

static void on_finding(void *context, enum vici_finding finding, const struct settings_place *place,
	const char *text)
{
	enum check_code code = CHECK_WRONG_VALUE;

	if (finding == VICI_FINDING_UNKNOWN)
		code = strncmp(text, "unknown section", 15) == 0 ? CHECK_UNKNOWN_SECTION
								 : CHECK_UNKNOWN_KEY;
	check_say(context, code, place, "%s", text);
}

/* What somebody pasted into a text, by name; NULL: nothing. */
static const char *pasted_in(const char *text)
{
	static const struct {
		const char *octets, *name;
	} pasted[] = {
		{ "\xe2\x80\x98", "a typographic quotation mark" },
		{ "\xe2\x80\x99", "a typographic quotation mark" },
		{ "\xe2\x80\x9a", "a typographic quotation mark" },
		{ "\xe2\x80\x9c", "a typographic quotation mark" },
		{ "\xe2\x80\x9d", "a typographic quotation mark" },
		{ "\xe2\x80\x9e", "a typographic quotation mark" },
		{ "\xc2\xab", "a typographic quotation mark" },
		{ "\xc2\xbb", "a typographic quotation mark" },
		{ "\xc2\xa0", "a no-break space (U+00A0)" },
		{ "\xe2\x80\x8b", "a space of no width (U+200B)" },
		{ "\xef\xbb\xbf", "a byte order mark (U+FEFF)" },
	};

	for (size_t i = 0; i < sizeof(pasted) / sizeof(*pasted); i++)
		if (strstr(text, pasted[i].octets))
			return pasted[i].name;
	return NULL;
}

/* Without the value: it may be a secret. */
static void check_pasted(struct check *k, const struct settings_section *section)
{
	const char *name = section->name ? pasted_in(section->name) : NULL;

	if (name)
		check_say(k, CHECK_PASTED, &section->place, "the name of section '%s' has %s in it",
			section->name, name);
	SETTINGS_KEYS(key, section)
	{
		if ((name = pasted_in(key->name)))
			check_say(k, CHECK_PASTED, &key->place, "the name '%s' has %s in it",
				key->name, name);
		if ((name = pasted_in(key->value)))
			check_say(k, CHECK_PASTED, &key->place, "the value of '%s' has %s in it",
				key->name, name);
	}
	SETTINGS_SECTIONS(each, section)
	check_pasted(k, each);
}

/* Which top section one of another name was meant to be; "": it is one of strongswan.conf. */
static const char *meant(const char *name)
{
	static const struct {
		const char *name, *meant;
	} habits[] = {
		{ "connection", "connections" },
		{ "conn", "connections" },
		{ "conns", "connections" },
		{ "conections", "connections" },
		{ "Connections", "connections" },
		{ "secret", "secrets" },
		{ "Secrets", "secrets" },
		{ "pool", "pools" },
		{ "authority", "authorities" },
		{ "client", "clients" },
		{ "charon", "" },
	};

	for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++)
		if (strcmp(habits[i].name, name) == 0)
			return habits[i].meant;
	return NULL;
}

static bool is_read(const char *name)
{
	static const char *const names[] = { "connections", "secrets", "pools", "authorities",
		"clients" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void check_top(struct check *k)
{
	const struct settings_section *root = settings_root(k->config);

	SETTINGS_KEYS(key, root)
	{
		check_say(k, CHECK_UNKNOWN_KEY, &key->place,
			"'%s' is in no section: nobody reads it", key->name);
	}
	SETTINGS_SECTIONS(section, root)
	{
		const char *other = meant(section->name);

		/* One of another name is there to inherit from. */
		if (is_read(section->name) || section->is_base)
			continue;
		if (!other)
			check_say(k,
				pasted_in(section->name) ? CHECK_UNKNOWN_SECTION
							 : CHECK_SECTION_UNREAD,
				&section->place,
				"nobody reads section '%s', and no section inherits from it",
				section->name);
		else if (*other)
			check_say(k, CHECK_UNKNOWN_SECTION, &section->place,
				"nobody reads section '%s': did you mean '%s'?", section->name,
				other);
		else
			check_say(k, CHECK_UNKNOWN_SECTION, &section->place,
				"section '%s' belongs in strongswan.conf", section->name);
	}
}

void check_words(struct check *k)
{
	check_top(k);
	check_pasted(k, settings_root(k->config));
	vici_keys_check(settings_root(k->config), on_finding, k);
}
