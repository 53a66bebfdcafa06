/* --mesh: the definition is read and checked here; mesh_write.c writes the sites' files. */
#include "swanctl-lite/mesh.h"

#include "libvici/keys.h"
#include "swanctl-lite/check.h"
#include "swanctl-lite/command.h"

#include <stdlib.h>
#include <string.h>

#define SITES_MAX 500 /* a mesh of them has 124750 tunnels */
#define NAME_LENGTH_MAX 63

static const char *const site_keys[] = { "addrs", "local_addrs", "networks", "id", "pubkey", NULL };
/* What the sites decide themselves. */
static const char *const set_by_mesh[] = { "local_addrs", "remote_addrs", "local_ts", "remote_ts",
	NULL };

static bool is_one_of(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* Names become those of files, connections and identities. */
static bool is_plain(const char *name)
{
	return name[0] &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "-_")] == '\0';
}

/* Where the others find it, and what it has itself, unless that is said to be something else. */
static void read_addresses(struct mesh_site *site)
{
	site->addrs = settings_get(site->section, "addrs");
	site->local_addrs = settings_get(site->section, "local_addrs");
	if (!site->local_addrs)
		site->local_addrs = site->addrs;
	if (site->addrs && strcmp(site->addrs, "%any") == 0)
		site->addrs = NULL;
	if (site->local_addrs && strcmp(site->local_addrs, "%any") == 0)
		site->local_addrs = NULL;
}

static bool check_name(const struct settings_section *section, struct why *why)
{
	if (!is_plain(section->name))
		return settings_fail(&section->place, why,
			"a site's name has letters, digits, '-' and '_': '%s' does not",
			section->name);
	if (strlen(section->name) > NAME_LENGTH_MAX)
		return settings_fail(&section->place, why,
			"a site's name has %d characters at most: '%s' does not", NAME_LENGTH_MAX,
			section->name);
	if (strcmp(section->name, MESH_AUTHORITY) == 0)
		return settings_fail(
			&section->place, why, "no site can have the name '%s'", MESH_AUTHORITY);
	return true;
}

static bool read_site(const struct mesh *m, const struct settings_section *section,
	struct mesh_site *site, struct why *why)
{
	if (!check_name(section, why))
		return false;
	if (section->sections)
		return settings_fail(&section->sections->place, why,
			"site '%s' has no section '%s'", section->name, section->sections->name);
	SETTINGS_KEYS(key, section)
	if (!is_one_of(site_keys, key->name))
		return settings_fail(&key->place, why,
			"unknown key '%s' of a site; there are addrs, local_addrs, networks, id "
			"and pubkey",
			key->name);
	*site = (struct mesh_site){ .section = section, .name = section->name };
	read_addresses(site);
	site->networks = settings_get(section, "networks");
	site->pubkey = settings_get(section, "pubkey");
	site->id = settings_get(section, "id");
	if (!site->id)
		site->id = site->name;
	if (!site->networks)
		return settings_fail(
			&section->place, why, "site '%s' has no networks", section->name);
	return mesh_check_site(m, site, why);
}

/* A section that is taken over: its keys are those of a connection or a child. */
static bool check_common(
	const struct settings_section *section, enum vici_place place, struct why *why)
{
	if (!section)
		return true;
	if (section->sections)
		return settings_fail(&section->sections->place, why,
			"a section cannot be taken over into every %s", section->name);
	SETTINGS_KEYS(key, section)
	{
		const struct vici_key *known = vici_key_find(place, key->name);
		struct why what;

		if (is_one_of(set_by_mesh, key->name))
			return settings_fail(
				&key->place, why, "%s is what the sites say", key->name);
		if (!known) {
			vici_key_hint(place, key->name, &what);
			return settings_fail(&key->place, why, "unknown key '%s'%s%s", key->name,
				what.text[0] ? ": " : "", what.text);
		}
		if (!vici_key_check(known, key->value, &what))
			return settings_fail(&key->place, why, "%s", what.text);
	}
	return true;
}

static bool check_top(const struct settings_section *root, struct why *why)
{
	if (root->keys)
		return settings_fail(
			&root->keys->place, why, "'%s' is in no section", root->keys->name);
	SETTINGS_SECTIONS(section, root)
	if (strcmp(section->name, "sites") != 0 && strcmp(section->name, "connection") != 0 &&
		strcmp(section->name, "child") != 0 && strcmp(section->name, MESH_AUTHORITY) != 0)
		return settings_fail(&section->place, why,
			"unknown section '%s'; there are sites, connection, child and authority",
			section->name);
	return true;
}

static bool read_sites(struct mesh *m, const char *path, struct why *why)
{
	const struct settings_section *sites = settings_find(settings_root(m->settings), "sites");
	size_t count = 0;

	if (!sites)
		return why_fail(why, "%s: a mesh has a section sites", path);
	if (sites->keys)
		return settings_fail(
			&sites->keys->place, why, "'%s' is of no site", sites->keys->name);
	SETTINGS_SECTIONS(section, sites)
	count++;
	if (count > SITES_MAX)
		return why_fail(why, "%s: a mesh has at most %d sites", path, SITES_MAX);
	m->sites = calloc(count + 1, sizeof(*m->sites));
	if (!m->sites)
		return why_fail(why, "out of memory");
	SETTINGS_SECTIONS(section, sites)
	{
		struct mesh_site *site = &m->sites[m->count];

		if (!read_site(m, section, site, why))
			return false;
		for (size_t i = 0; i < m->count; i++)
			if (!mesh_check_pair(&m->sites[i], site, why))
				return false;
		m->count++;
	}
	return count >= 2 || why_fail(why, "%s: a mesh has two sites or more", path);
}

bool mesh_load(struct mesh *ret, const char *path, struct why *why)
{
	*ret = (struct mesh){ .settings = settings_load(path, why) };
	if (!ret->settings)
		return false;
	const struct settings_section *root = settings_root(ret->settings);

	ret->connection = settings_find(root, "connection");
	ret->child = settings_find(root, "child");
	ret->authority = settings_find(root, MESH_AUTHORITY);
	if (check_top(root, why) && check_common(ret->connection, VICI_PLACE_CONNECTION, why) &&
		check_common(ret->child, VICI_PLACE_CHILD, why) && mesh_check_authority(ret, why) &&
		read_sites(ret, path, why))
		return true;
	mesh_free(ret);
	return false;
}

void mesh_free(struct mesh *m)
{
	settings_free(m->settings);
	free(m->sites);
	*m = (struct mesh){ 0 };
}

/* What the sites have in common goes the way that it takes at each of them: to a daemon's eyes. */
static bool judge(const struct swanctl *s, const struct mesh *m, struct why *why)
{
	struct swanctl judge = { .command = s->command, .debug = s->debug };
	struct check check = { .s = &judge };
	bool good = true;

	if (!m->connection && !m->child)
		return true;
	judge.check = &check;
	if (!check_judge_start(&judge, why))
		fprintf(stderr, "what connection and child ask for is not checked: %s\n",
			why->text);
	else if (!check_definition(&check, m->connection, m->child))
		good = check.count == 0
			       ? why_fail(why, "connection and child could not be checked")
			       : settings_fail(
					 &(const struct settings_place){
						 check.findings[0].file, check.findings[0].line },
					 why, "%s", check.findings[0].text);
	vici_client_free(judge.client);
	check_free(&check);
	return good;
}

static int run(struct swanctl *s)
{
	struct mesh mesh;
	struct why why;

	if (!s->argument) {
		fprintf(stderr, "--mesh needs the file that defines the sites\n");
		return 1;
	}
	if (!mesh_load(&mesh, s->argument, &why)) {
		fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	const char *folder = swanctl_given(s, 'o') ? swanctl_value(s, 'o') : ".";
	bool written = judge(s, &mesh, &why) && mesh_write(&mesh, folder, s->argument, &why);
	mesh_free(&mesh);
	if (!written)
		fprintf(stderr, "%s\n", why.text);
	return written ? 0 : 1;
}

const struct swanctl_command swanctl_mesh = {
	.name = "mesh",
	.letter = 'M',
	.text = "make the files of all sites of a mesh from one definition",
	.usage = { "[--output FOLDER] FILE" },
	.options = {
		{ "output", 'o', true, "where the sites' folders go, default: here" },
	},
	.takes_argument = true,
	.run = run,
};
