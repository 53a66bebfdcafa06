/* --mesh: what goes to each site's /etc/swanctl. */
#include "swanctl-lite/mesh.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How a swanctl.conf that is ours begins. */
#define FIRST_LINE                                                                           \
	"# Site %s of a mesh, made by swanctl-lite --mesh: change the definition, not this " \
	"file.\n"

bool mesh_path(char ret[PATH_MAX], struct why *why, const char *folder, const char *site,
	const char *below, const char *name)
{
	int length = snprintf(
		ret, PATH_MAX, "%s/%s%s%s%s", folder, site, below, name[0] ? "/" : "", name);

	return (length > 0 && length < PATH_MAX) ||
	       why_fail(why, "%s/%s: the path is too long", folder, site);
}

/* ---- Files ---- */

bool mesh_make_folder(const char *path, mode_t mode, struct why *why)
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

bool mesh_replace(
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
	if (written && rename(new_path, path) == 0)
		return true;
	why_fail(why, "%s: cannot be written: %s", path, strerror(errno));
	unlink(new_path);
	return false;
}

/* A swanctl.conf there that is an operator's own is not written over. */
static bool check_folder(const char *folder, const struct mesh_site *site, struct why *why)
{
	char path[PATH_MAX], wanted[256], first[256] = "";

	if (!mesh_path(path, why, folder, site->name, "", "swanctl.conf"))
		return false;
	FILE *file = fopen(path, "re");
	if (!file)
		return true;
	snprintf(wanted, sizeof(wanted), FIRST_LINE, site->name);
	bool is_ours = fgets(first, sizeof(first), file) && strcmp(first, wanted) == 0;
	fclose(file);
	return is_ours || why_fail(why, "%s was not made by --mesh; it is left as it is", path);
}

/* ---- swanctl.conf ---- */

/* As settings_parse() reads it back. */
static void write_value(FILE *to, const char *value)
{
	static const char special[] = "\"\\\n\t\r\b\f", names[] = "\"\\ntrbf";

	if (value[0] && !strpbrk(value, special) && !strpbrk(value, "{}#=") &&
		!strstr(value, "  ")) {
		fputs(value, to);
		return;
	}
	fputc('"', to);
	for (; *value; value++) {
		const char *found = strchr(special, *value);

		if (found)
			fputc('\\', to);
		fputc(found ? names[found - special] : *value, to);
	}
	fputc('"', to);
}

static void write_key(FILE *to, const char *indent, const char *key, const char *value)
{
	fprintf(to, "%s%s = ", indent, key);
	write_value(to, value);
	fputc('\n', to);
}

static void write_common(FILE *to, const struct settings_section *section, const char *indent)
{
	if (section)
		SETTINGS_KEYS(key, section)
	write_key(to, indent, key->name, key->value);
}

/* Without an authority each end is known by its key. */
static void write_end(
	FILE *to, const struct mesh *m, const char *which, const struct mesh_site *site)
{
	bool is_local = strcmp(which, "local") == 0;

	fprintf(to, "\t\t%s {\n", which);
	write_key(to, "\t\t\t", "id", site->id);
	fputs("\t\t\tauth = pubkey\n", to);
	if (m->authority && !is_local)
		fputs("\t\t\tcacerts = mesh-ca.pem\n", to);
	else
		fprintf(to, "\t\t\t%s = %s.pem\n", m->authority ? "certs" : "pubkeys", site->name);
	fputs("\t\t}\n", to);
}

static void write_connection(
	FILE *to, const struct mesh *m, const struct mesh_site *own, const struct mesh_site *other)
{
	fprintf(to, "\t%s {\n", other->name);
	if (own->local_addrs)
		write_key(to, "\t\t", "local_addrs", own->local_addrs);
	write_key(to, "\t\t", "remote_addrs", other->addrs ? other->addrs : "%any");
	write_common(to, m->connection, "\t\t");
	write_end(to, m, "local", own);
	write_end(to, m, "remote", other);
	fprintf(to, "\t\tchildren {\n\t\t\t%s-net {\n", other->name);
	write_key(to, "\t\t\t\t", "local_ts", own->networks);
	write_key(to, "\t\t\t\t", "remote_ts", other->networks);
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
	fprintf(to, FIRST_LINE, own->name);
	fputs("connections {\n", to);
	for (size_t i = 0; i < m->count; i++)
		if (&m->sites[i] != own)
			write_connection(to, m, own, &m->sites[i]);
	fputs("}\n", to);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

/* ---- What is left of sites that are no more ---- */

static bool is_site(const struct mesh *m, const char *name, size_t length)
{
	for (size_t i = 0; i < m->count; i++)
		if (strncmp(m->sites[i].name, name, length) == 0 && !m->sites[i].name[length])
			return true;
	return false;
}

static void tell_keys_left(const struct mesh *m, const char *folder, const struct mesh_site *site)
{
	char path[PATH_MAX];
	struct why why;
	DIR *directory =
		mesh_path(path, &why, folder, site->name, "/pubkey", "") ? opendir(path) : NULL;

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		size_t length = strlen(entry->d_name);

		if (length > 4 && strcmp(entry->d_name + length - 4, ".pem") == 0 &&
			(m->authority || !is_site(m, entry->d_name, length - 4)))
			fprintf(stderr, "%s: pubkey/%s is of no site any more; it can go\n",
				site->name, entry->d_name);
	}
	if (directory)
		closedir(directory);
}

static void tell_folders_left(const struct mesh *m, const char *folder)
{
	DIR *directory = opendir(folder);
	char path[PATH_MAX];
	struct why why;

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		struct mesh_site old = { .name = entry->d_name };

		if (entry->d_name[0] != '.' && !is_site(m, entry->d_name, strlen(entry->d_name)) &&
			mesh_path(path, &why, folder, entry->d_name, "", "swanctl.conf") &&
			access(path, F_OK) == 0 && check_folder(folder, &old, &why))
			fprintf(stderr, "%s: is no site any more; %s/%s can go\n", entry->d_name,
				folder, entry->d_name);
	}
	if (directory)
		closedir(directory);
}

/* ---- Sites ---- */

static bool write_site(const struct mesh *m, const struct mesh_authority *authority, size_t which,
	EVP_PKEY *const *keys, const char *folder, struct mesh_changes *changes, struct why *why)
{
	const struct mesh_site *site = &m->sites[which];
	char path[PATH_MAX];
	size_t length = 0;
	char *text = render(m, site, &length);

	if (!text)
		return why_fail(why, "out of memory");
	bool is_done = mesh_path(path, why, folder, site->name, "", "swanctl.conf") &&
		       mesh_replace(path, text, length, &changes->files, why);
	free(text);
	if (!is_done || authority)
		return is_done &&
		       mesh_write_certificates(authority, keys[which], folder, site, changes, why);
	return mesh_write_public_keys(m, keys, folder, site, &changes->files, why);
}

static bool write_sites(const struct mesh *m, const struct mesh_authority *authority,
	EVP_PKEY *const *keys, const char *folder, struct mesh_changes *changes, struct why *why)
{
	for (size_t i = 0; i < m->count; i++) {
		if (!write_site(m, authority, i, keys, folder, &changes[i], why))
			return false;
		printf("%s: %s%s\n", m->sites[i].name, changes[i].files ? "written" : "unchanged",
			changes[i].key           ? ", with a new key"
			: changes[i].certificate ? ", with a new certificate"
						 : "");
		tell_keys_left(m, folder, &m->sites[i]);
	}
	tell_folders_left(m, folder);
	return true;
}

bool mesh_write(const struct mesh *m, const char *folder, const char *from, struct why *why)
{
	EVP_PKEY **keys = calloc(m->count, sizeof(*keys));
	struct mesh_changes *changes = calloc(m->count, sizeof(*changes));
	struct mesh_authority *authority = NULL;
	bool is_done = (keys && changes) || why_fail(why, "out of memory");

	for (size_t i = 0; is_done && i < m->count; i++)
		is_done = check_folder(folder, &m->sites[i], why);
	is_done = is_done && mesh_make_folder(folder, 0755, why) &&
		  mesh_keys(m, keys, changes, folder, from, why);
	if (is_done && m->authority) {
		authority = mesh_authority_open(m, folder, why);
		is_done = authority != NULL;
	}
	is_done = is_done && write_sites(m, authority, keys, folder, changes, why);
	for (size_t i = 0; keys && i < m->count; i++)
		EVP_PKEY_free(keys[i]);
	free(keys);
	free(changes);
	mesh_authority_free(authority);
	return is_done;
}
