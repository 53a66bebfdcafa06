/* --mesh: what goes to each site's /etc/swanctl. */
#include "swanctl-lite/genkey.h"
#include "swanctl-lite/mesh.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool path_of(char ret[PATH_MAX], struct why *why, const char *folder, const char *site,
	const char *below, const char *name)
{
	int length = snprintf(
		ret, PATH_MAX, "%s/%s%s%s%s", folder, site, below, name[0] ? "/" : "", name);

	return (length > 0 && length < PATH_MAX) ||
	       why_fail(why, "%s/%s: the path is too long", folder, site);
}

/* ---- Files ---- */

static bool make_folder(const char *path, mode_t mode, struct why *why)
{
	return mkdir(path, mode) == 0 || errno == EEXIST ||
	       why_fail(why, "%s: cannot be made: %s", path, strerror(errno));
}

static bool has_content(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "re");
	bool is_same = file != NULL;

	for (size_t i = 0; is_same && i < length; i++)
		is_same = fgetc(file) == (unsigned char)text[i];
	is_same = is_same && fgetc(file) == EOF;
	if (file)
		fclose(file);
	return is_same;
}

/* Whole or not at all; untouched when it is the same. */
static bool replace(
	const char *path, const char *text, size_t length, bool *ret_changed, struct why *why)
{
	char new_path[PATH_MAX];

	*ret_changed = !has_content(path, text, length);
	if (!*ret_changed)
		return true;
	int wanted = snprintf(new_path, sizeof(new_path), "%s.new", path);
	if (wanted < 0 || (size_t)wanted >= sizeof(new_path))
		return why_fail(why, "%s: the path is too long", path);
	int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file && fd >= 0)
		close(fd);
	bool written = file && fwrite(text, 1, length, file) == length;
	if (file)
		written = fclose(file) == 0 && written;
	return (written && rename(new_path, path) == 0) ||
	       why_fail(why, "%s: cannot be written: %s", path, strerror(errno));
}

/* ---- Keys ---- */

/* The site's private key, made if it is not there. */
static EVP_PKEY *own_key(const char *path, bool *ret_made, struct why *why)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key = NULL;

	*ret_made = !file && errno == ENOENT;
	if (file) {
		key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
		fclose(file);
		if (!key)
			why_fail(why, "%s: has no private key in PEM form", path);
		return key;
	}
	if (!*ret_made) {
		why_fail(why, "%s: %s", path, strerror(errno));
		return NULL;
	}
	key = swanctl_key_make("ed25519");
	if (!key) {
		why_fail(why, "%s: no key", path);
	} else if (!swanctl_key_save(path, key)) {
		why_fail(why, "%s: cannot be written: %s", path, strerror(errno));
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* A public key that the site has made itself; its path is relative to the definition. */
static EVP_PKEY *given_key(const struct mesh_site *site, const char *from, struct why *why)
{
	const char *slash = strrchr(from, '/');
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.*s%s",
		site->pubkey[0] == '/' || !slash ? 0 : (int)(slash - from + 1), from, site->pubkey);
	FILE *file = fopen(path, "re");
	EVP_PKEY *key = file ? PEM_read_PUBKEY(file, NULL, NULL, NULL) : NULL;

	if (!key)
		settings_fail(&site->place, why, "pubkey of '%s': %s: %s", site->name, path,
			file ? "has no public key in PEM form" : strerror(errno));
	if (file)
		fclose(file);
	return key;
}

static EVP_PKEY *key_of(const struct mesh_site *site, const char *folder, const char *from,
	bool *ret_made, struct why *why)
{
	char path[PATH_MAX], name[NAME_MAX];

	*ret_made = false;
	if (site->pubkey)
		return given_key(site, from, why);
	snprintf(name, sizeof(name), "%s.pem", site->name);
	if (!path_of(path, why, folder, site->name, "/private", "") ||
		!make_folder(path, 0700, why) ||
		!path_of(path, why, folder, site->name, "/private", name))
		return NULL;
	return own_key(path, ret_made, why);
}

/* ---- swanctl.conf ---- */

static void write_common(FILE *to, const struct settings_section *section, const char *indent)
{
	if (section)
		SETTINGS_KEYS(key, section)
	fprintf(to, "%s%s = %s\n", indent, key->name, key->value);
}

static void write_end(FILE *to, const char *which, const struct mesh_site *site)
{
	fprintf(to,
		"\t\t%s {\n\t\t\tid = \"%s\"\n\t\t\tauth = pubkey\n\t\t\tpubkeys = %s.pem\n\t\t}\n",
		which, site->id, site->name);
}

static void write_connection(
	FILE *to, const struct mesh *m, const struct mesh_site *own, const struct mesh_site *other)
{
	fprintf(to, "\t%s {\n", other->name);
	if (own->addrs)
		fprintf(to, "\t\tlocal_addrs = %s\n", own->addrs);
	fprintf(to, "\t\tremote_addrs = %s\n", other->addrs ? other->addrs : "%any");
	write_common(to, m->connection, "\t\t");
	write_end(to, "local", own);
	write_end(to, "remote", other);
	fprintf(to,
		"\t\tchildren {\n\t\t\t%s-net {\n\t\t\t\tlocal_ts = %s\n\t\t\t\tremote_ts = %s\n",
		other->name, own->networks, other->networks);
	if (other->addrs)
		fputs("\t\t\t\tstart_action = start\n\t\t\t\tdpd_action = restart\n", to);
	write_common(to, m->child, "\t\t\t\t");
	fputs("\t\t\t}\n\t\t}\n\t}\n", to);
}

static char *render(const struct mesh *m, const struct mesh_site *own, size_t *ret_length)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, ret_length);

	if (!to)
		return NULL;
	fprintf(to,
		"# Site %s of a mesh, made by swanctl-lite --mesh: change the definition, not "
		"this file.\nconnections {\n",
		own->name);
	for (size_t i = 0; i < m->count; i++)
		if (&m->sites[i] != own)
			write_connection(to, m, own, &m->sites[i]);
	fputs("}\n", to);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

/* ---- Sites ---- */

static bool write_public_keys(const struct mesh *m, EVP_PKEY *const *keys, const char *folder,
	const struct mesh_site *site, bool *ret_changed, struct why *why)
{
	char path[PATH_MAX], name[NAME_MAX];
	bool is_done = path_of(path, why, folder, site->name, "/pubkey", "") &&
		       make_folder(path, 0755, why);

	for (size_t i = 0; is_done && i < m->count; i++) {
		BIO *text = BIO_new(BIO_s_mem());
		char *data = NULL;
		bool changed = false;

		snprintf(name, sizeof(name), "%s.pem", m->sites[i].name);
		is_done = (text && PEM_write_bio_PUBKEY(text, keys[i])) ||
			  why_fail(why, "out of memory");
		long length = is_done ? BIO_get_mem_data(text, &data) : 0;
		is_done = is_done && path_of(path, why, folder, site->name, "/pubkey", name) &&
			  replace(path, data, (size_t)length, &changed, why);
		*ret_changed = *ret_changed || changed;
		BIO_free(text);
	}
	return is_done;
}

static bool write_site(const struct mesh *m, EVP_PKEY *const *keys, const char *folder,
	const struct mesh_site *site, bool *ret_changed, struct why *why)
{
	char path[PATH_MAX];
	size_t length = 0;
	char *text = render(m, site, &length);

	if (!text)
		return why_fail(why, "out of memory");
	bool is_done = path_of(path, why, folder, site->name, "", "swanctl.conf") &&
		       replace(path, text, length, ret_changed, why) &&
		       write_public_keys(m, keys, folder, site, ret_changed, why);
	free(text);
	return is_done;
}

static bool gather_keys(const struct mesh *m, EVP_PKEY **keys, bool *made, const char *folder,
	const char *from, struct why *why)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < m->count; i++) {
		if (!path_of(path, why, folder, m->sites[i].name, "", "") ||
			!make_folder(path, 0755, why))
			return false;
		keys[i] = key_of(&m->sites[i], folder, from, &made[i], why);
		if (!keys[i])
			return false;
	}
	return true;
}

bool mesh_write(const struct mesh *m, const char *folder, const char *from, struct why *why)
{
	EVP_PKEY **keys = calloc(m->count, sizeof(*keys));
	bool *made = calloc(m->count, sizeof(*made));
	bool is_done = (keys && made && make_folder(folder, 0755, why) &&
			       gather_keys(m, keys, made, folder, from, why)) ||
		       (!(keys && made) && why_fail(why, "out of memory"));

	for (size_t i = 0; is_done && i < m->count; i++) {
		bool changed = false;

		is_done = write_site(m, keys, folder, &m->sites[i], &changed, why);
		if (is_done)
			printf("%s: %s%s\n", m->sites[i].name, changed ? "written" : "unchanged",
				made[i] ? ", with a new key" : "");
	}
	for (size_t i = 0; keys && i < m->count; i++)
		EVP_PKEY_free(keys[i]);
	free(keys);
	free(made);
	return is_done;
}
