#include "swanctl-lite/config.h"

#include "libbase/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CONFIG_DIRECTORY "/etc/swanctl"
#define FILE_MAX VICI_VALUE_MAX

char *swanctl_config_file(const struct swanctl *s)
{
	const char *directory = getenv("SWANCTL_DIR");
	char *path;

	if (swanctl_given(s, 'f'))
		return strdup(swanctl_value(s, 'f'));
	if (asprintf(&path, "%s/swanctl.conf", directory ? directory : CONFIG_DIRECTORY) < 0)
		return NULL;
	return path;
}

static void on_finding(void *context, enum vici_finding finding, const struct settings_place *place,
	const char *text)
{
	struct why why;

	(void)context, (void)finding;
	settings_fail(place, &why, "%s", text);
	fprintf(stderr, "%s\n", why.text);
}

struct settings *swanctl_config_load(const struct swanctl *s)
{
	char *path = swanctl_config_file(s);
	struct why why;
	struct settings *config = path ? settings_load(path, &why) : NULL;

	free(path);
	if (!config) {
		fprintf(stderr, "%s\n", path ? why.text : "out of memory");
		return NULL;
	}
	if (s->debug >= 1) {
		const char *warning;

		for (size_t i = 0; (warning = settings_warning(config, i)); i++)
			fprintf(stderr, "%s\n", warning);
		vici_keys_check(settings_root(config), on_finding, NULL);
	}
	return config;
}

char *swanctl_config_path(const struct swanctl *s, const char *folder, const char *name)
{
	char *file = swanctl_config_file(s), *path = NULL;

	if (!file)
		return NULL;
	char *slash = strrchr(file, '/');
	const char *directory = slash ? file : ".";
	if (slash)
		*slash = '\0';
	if (name[0] == '/')
		path = strdup(name);
	else if (asprintf(&path, "%s/%s%s%s", directory, folder, *name ? "/" : "", name) < 0)
		path = NULL;
	free(file);
	return path;
}

bool swanctl_file_read(const char *path, struct secret *ret)
{
	FILE *file = fopen(path, "re");
	struct stat status;
	int error = 0;

	if (!file)
		return false;
	if (fstat(fileno(file), &status) < 0)
		error = errno;
	else if (!S_ISREG(status.st_mode))
		error = EISDIR;
	else if (status.st_size > FILE_MAX)
		error = EFBIG;
	else if (!secret_allocate(ret, (size_t)status.st_size))
		error = ENOMEM;
	else if (ret->length > 0 && fread(ret->at, 1, ret->length, file) != ret->length)
		error = EIO;
	fclose(file);
	errno = error;
	return error == 0;
}

/* The next text between commas, without blanks around it; empty ones are passed over. */
static bool next_item(const char **list, struct bytes *ret)
{
	for (;;) {
		const char *start = *list + strspn(*list, ", \t\n");
		size_t length = strcspn(start, ",");

		if (*start == '\0')
			return false;
		*list = start + length;
		while (length > 0 && strchr(" \t\n", start[length - 1]))
			length--;
		if (length > 0) {
			*ret = bytes_of(start, length);
			return true;
		}
	}
}

static const char *file_folder(const char *key)
{
	if (strcmp(key, "pubkeys") == 0)
		return "pubkey";
	return strcmp(key, "certs") == 0 ? "x509" : "x509ca";
}

/* The content of one file that a key names. */
static bool add_file(struct swanctl *s, struct vici_builder *b, const struct settings_key *of,
	struct bytes name, bool item)
{
	const char *key = of->name;
	char *text = strndup((const char *)name.at, name.length);
	char *path = text ? swanctl_config_path(s, file_folder(key), text) : NULL;
	AUTO_SECRET content = { 0 };
	bool ok = path && swanctl_file_read(path, &content);

	if (ok && item)
		vici_item_bytes(b, secret_bytes(&content));
	else if (ok)
		vici_key_bytes(b, key, secret_bytes(&content));
	else
		swanctl_complain(s, CHECK_MISSING_FILE, s->check ? &of->place : NULL, NULL,
			"loading %s certificate '%s' failed: %s", item ? key : "ca",
			path ? path : "", strerror(path ? errno : ENOMEM));
	free(path);
	free(text);
	return ok;
}

static bool add_list(struct swanctl *s, struct vici_builder *b, const struct vici_key *form,
	const struct settings_key *key)
{
	const char *list = key->value;
	struct bytes item;
	bool ok = true;

	vici_list_start(b, key->name);
	while (ok && next_item(&list, &item)) {
		if (form->form == VICI_FORM_FILES)
			ok = add_file(s, b, key, item, true);
		else
			vici_item_bytes(b, item);
	}
	vici_list_end(b);
	return ok;
}

/* A section that nobody here knows, and all in it. */
static void add_unknown(struct vici_builder *b, const struct settings_section *section)
{
	vici_section_start(b, section->name);
	SETTINGS_KEYS(key, section)
	vici_key_text(b, key->name, key->value);
	SETTINGS_SECTIONS(below, section)
	add_unknown(b, below);
	vici_section_end(b);
}

/* The judge opens no files: what a section `cert` names is sent along. */
static bool add_certificate(
	struct swanctl *s, struct vici_builder *b, const struct settings_section *section)
{
	const struct settings_key *key = settings_find_key(section, "file");
	bool ok = true;

	if (!key)
		return true;
	vici_list_start(b, strncmp(section->name, "cacert", 6) == 0 ? "cacerts" : "certs");
	ok = add_file(s, b, key, bytes_of_text(key->value), true);
	vici_list_end(b);
	return ok;
}

static bool add_section(struct swanctl *s, struct vici_builder *b, enum vici_place place,
	const struct settings_section *section)
{
	enum vici_place below;
	bool ok = true;

	if (place == VICI_PLACE_CONNECTION && strcmp(section->name, "children") == 0) {
		vici_section_start(b, section->name);
		SETTINGS_SECTIONS(child, section)
		{
			vici_section_start(b, child->name);
			ok = ok && swanctl_config_add(s, b, VICI_PLACE_CHILD, child);
			vici_section_end(b);
		}
		vici_section_end(b);
	} else if (vici_place_below(place, section->name, &below) && below == VICI_PLACE_CERT &&
		   s->check) {
		ok = add_certificate(s, b, section);
	} else if (vici_place_below(place, section->name, &below)) {
		vici_section_start(b, section->name);
		ok = swanctl_config_add(s, b, below, section);
		vici_section_end(b);
	} else {
		add_unknown(b, section);
	}
	return ok;
}

bool swanctl_config_add(struct swanctl *s, struct vici_builder *b, enum vici_place place,
	const struct settings_section *section)
{
	bool ok = true;

	SETTINGS_KEYS(key, section)
	{
		const struct vici_key *form = vici_key_find(place, key->name);

		if (!ok)
			break;
		if (form && vici_key_is_list(form))
			ok = add_list(s, b, form, key);
		else if (form && form->form == VICI_FORM_FILE)
			ok = add_file(s, b, key, bytes_of_text(key->value), false);
		else
			vici_key_text(b, key->name, key->value);
		if (ok && b->bad) {
			swanctl_complain(s, CHECK_TOO_LONG, &key->place, NULL,
				"%s: too long for VICI", key->name);
			ok = false;
		}
	}
	SETTINGS_SECTIONS(below, section)
	ok = ok && add_section(s, b, place, below);
	return ok;
}
