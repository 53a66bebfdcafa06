/* Settings files: parse, list everything, check the keys. Includes are off: no file is touched. */
#include "libvici/keys.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void list(const struct settings_section *section)
{
	const struct settings_key *before = NULL;

	SETTINGS_KEYS(key, section)
	{
		if (key->prev != before || !key->value || !key->place.file || !key->place.line)
			abort();
		before = key;
	}
	SETTINGS_SECTIONS(below, section)
	{
		if (below->parent != section || settings_find(section, below->name) != below)
			abort();
		list(below);
	}
}

static void on_finding(void *context, enum vici_finding finding, const struct settings_place *place,
	const char *text)
{
	(void)context;
	(void)finding;
	if (strcmp(place->file, "fuzz") != 0 || !*text)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct why why = { "" };
	struct settings *s = settings_parse(bytes_of(data, size), "fuzz", &why);

	if (!s) {
		if (!*why.text)
			abort();
		return 0;
	}
	list(settings_root(s));
	vici_keys_check(settings_root(s), on_finding, NULL);
	settings_free(s);
	return 0;
}
