/*
 * --mesh: one definition of sites, from which each site's swanctl.conf and keys are made.
 *
 * The definition has the syntax of swanctl.conf; docs/scenes/netmaker-mesh.md says what its keys
 * mean. Everything is read and checked before anything is written. All texts of a struct mesh are
 * owned by its ->settings.
 */
#ifndef SWANCTL_LITE_MESH_H
#define SWANCTL_LITE_MESH_H

#include "libvici/settings.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>

struct mesh_site {
	const struct settings_section *section;
	const char *name;
	const char *addrs;       /* where the others find it; NULL: not known */
	const char *local_addrs; /* what it has itself; NULL: not said to it */
	const char *networks;
	const char *id;
	const char *pubkey; /* a file; NULL: its key is made here */
};

struct mesh {
	struct settings *settings;
	struct mesh_site *sites;
	size_t count;
	const struct settings_section *connection, *child; /* NULL: nothing to take over */
	const struct settings_section *authority;          /* NULL: raw public keys */
};

/* What becomes of a site's files, said on stdout. */
struct mesh_changes {
	bool key;         /* was made */
	bool certificate; /* was issued */
	bool files;       /* were written */
};

/* Reads and checks a definition. False with why ("file:line: ..."); nothing is to be freed then. */
MUST_USE bool mesh_load(struct mesh *ret, const char *path, struct why *why);
void mesh_free(struct mesh *m);

/* mesh_check.c: what a site says by itself, and beside all sites before it in the list. False with
 * why. */
MUST_USE bool mesh_check_site(const struct mesh *m, const struct mesh_site *site, struct why *why);
MUST_USE bool mesh_check_pair(
	const struct mesh_site *a, const struct mesh_site *b, struct why *why);

/* Writes below the folder, for each site, what goes to its /etc/swanctl: swanctl.conf,
 * private/SITE.pem and public keys in pubkey/, or certificates in x509/ and x509ca/. Keys that are
 * there stay; a file that would not change is not touched. Says on stdout for each site what became
 * of it, on stderr what is left of sites that are no more. `from` is the definition's path: public
 * keys are looked for beside it. */
MUST_USE bool mesh_write(
	const struct mesh *m, const char *folder, const char *from, struct why *why);

/* ---- Between mesh_write.c, mesh_keys.c and mesh_authority.c ---- */

/* folder/site/below/name, of which below and name may be "". */
MUST_USE bool mesh_path(char ret[PATH_MAX], struct why *why, const char *folder, const char *site,
	const char *below, const char *name);
MUST_USE bool mesh_make_folder(const char *path, mode_t mode, struct why *why);
/* Whole or not at all; untouched when it is the same. */
MUST_USE bool mesh_replace(
	const char *path, const char *text, size_t length, bool *ret_changed, struct why *why);

/* The key of each site, EVP_PKEY_free() by the caller: with its private half where it is made here.
 * Two sites with the same key are refused. */
MUST_USE bool mesh_keys(const struct mesh *m, EVP_PKEY **keys, struct mesh_changes *changes,
	const char *folder, const char *from, struct why *why);
/* pubkey/ of a site: everybody's public key. */
MUST_USE bool mesh_write_public_keys(const struct mesh *m, EVP_PKEY *const *keys,
	const char *folder, const struct mesh_site *site, bool *ret_changed, struct why *why);
/* A private key without a passphrase, made if it is not there. NULL with why. */
EVP_PKEY *mesh_private_key(const char *path, bool *ret_made, struct why *why);

#define MESH_AUTHORITY "authority" /* its folder beside those of the sites */

struct mesh_authority;

/* The authority of the definition: its key is made when it is not there. NULL with why. */
struct mesh_authority *mesh_authority_open(
	const struct mesh *m, const char *folder, struct why *why);
void mesh_authority_free(struct mesh_authority *authority);
MUST_USE bool mesh_check_authority(const struct mesh *m, struct why *why);
/* x509/ and x509ca/ of a site. Its certificate is issued anew when it does not fit, or a third of
 * its life is left. */
MUST_USE bool mesh_write_certificates(const struct mesh_authority *authority, EVP_PKEY *key,
	const char *folder, const struct mesh_site *site, struct mesh_changes *changes,
	struct why *why);

#endif
