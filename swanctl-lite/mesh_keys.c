/* --mesh: the sites' keys. */
#include "swanctl-lite/genkey.h"
#include "swanctl-lite/mesh.h"

#include <errno.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

/* A passphrase would be asked for without saying whose. */
static int no_passphrase(char *buffer, int size, int is_writing, void *data)
{
	(void)buffer, (void)size, (void)is_writing, (void)data;
	return -1;
}

EVP_PKEY *mesh_private_key(const char *path, bool *ret_made, struct why *why)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key = NULL;

	*ret_made = !file && errno == ENOENT;
	if (file) {
		key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
		fclose(file);
		if (!key)
			why_fail(why,
				"%s: has no private key in PEM form without a passphrase; give its "
				"public key as pubkey",
				path);
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
		settings_fail(&settings_find_key(site->section, "pubkey")->place, why,
			"pubkey of '%s': %s: %s", site->name, path,
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
	snprintf(name, sizeof(name), "%s.pem", site->name);
	if (site->pubkey) {
		EVP_PKEY *key = given_key(site, from, why);

		if (key && mesh_path(path, why, folder, site->name, "/private", name) &&
			access(path, F_OK) == 0)
			fprintf(stderr, "%s: pubkey is what counts; %s can go\n", site->name, path);
		return key;
	}
	if (!mesh_path(path, why, folder, site->name, "/private", "") ||
		!mesh_make_folder(path, 0700, why) ||
		!mesh_path(path, why, folder, site->name, "/private", name))
		return NULL;
	return mesh_private_key(path, ret_made, why);
}

/* With the same key each could say that it is the other. */
static bool check_keys(const struct mesh *m, EVP_PKEY *const *keys, size_t at, struct why *why)
{
	for (size_t i = 0; i < at; i++)
		if (EVP_PKEY_eq(keys[i], keys[at]) == 1)
			return settings_fail(&m->sites[at].section->place, why,
				"sites '%s' and '%s' have the same key", m->sites[i].name,
				m->sites[at].name);
	return true;
}

bool mesh_keys(const struct mesh *m, EVP_PKEY **keys, struct mesh_changes *changes,
	const char *folder, const char *from, struct why *why)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < m->count; i++) {
		if (!mesh_path(path, why, folder, m->sites[i].name, "", "") ||
			!mesh_make_folder(path, 0755, why))
			return false;
		keys[i] = key_of(&m->sites[i], folder, from, &changes[i].key, why);
		if (!keys[i] || !check_keys(m, keys, i, why))
			return false;
	}
	return true;
}

bool mesh_write_public_keys(const struct mesh *m, EVP_PKEY *const *keys, const char *folder,
	const struct mesh_site *site, bool *ret_changed, struct why *why)
{
	char path[PATH_MAX], name[NAME_MAX];
	bool is_done = mesh_path(path, why, folder, site->name, "/pubkey", "") &&
		       mesh_make_folder(path, 0755, why);

	for (size_t i = 0; is_done && i < m->count; i++) {
		BIO *text = BIO_new(BIO_s_mem());
		char *data = NULL;
		bool changed = false;

		snprintf(name, sizeof(name), "%s.pem", m->sites[i].name);
		is_done = (text && PEM_write_bio_PUBKEY(text, keys[i])) ||
			  why_fail(why, "out of memory");
		long length = is_done ? BIO_get_mem_data(text, &data) : 0;
		is_done = is_done && mesh_path(path, why, folder, site->name, "/pubkey", name) &&
			  mesh_replace(path, data, (size_t)length, &changed, why);
		*ret_changed = *ret_changed || changed;
		BIO_free(text);
	}
	return is_done;
}
