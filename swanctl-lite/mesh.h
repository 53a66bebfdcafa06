/*
 * --mesh: one definition of sites, from which each site's swanctl.conf and keys are made.
 *
 * The definition has the syntax of swanctl.conf:
 *
 *	sites {
 *		amsterdam {
 *			addrs = 198.51.100.1, 203.0.113.1   in order of preference; none: nobody
 *knows networks = 10.1.0.0/24              what lies behind it id = gw.amsterdam.example.org
 *without it the site's name pubkey = amsterdam.pem              its public key, when it made the
 *key itself
 *		}
 *	}
 *	connection { dpd_delay = 2s }               taken over into every connection
 *	child { esp_proposals = aes256gcm16 }       and every child
 *
 * Everything is read and checked before anything is written.
 */
#ifndef SWANCTL_LITE_MESH_H
#define SWANCTL_LITE_MESH_H

#include "libvici/settings.h"

struct mesh_site {
	const char *name;
	const char *addrs;    /* NULL: not known */
	const char *networks; /* a list of swanctl.conf */
	const char *id;
	const char *pubkey; /* NULL: a key is made here */
	struct settings_place place;
};

/* All texts are owned by ->settings. */
struct mesh {
	struct settings *settings;
	struct mesh_site *sites;
	size_t count;
	const struct settings_section *connection, *child; /* NULL: nothing to take over */
};

/* Reads and checks a definition. False with why ("file:line: ..."); nothing is to be freed then. */
MUST_USE bool mesh_load(struct mesh *ret, const char *path, struct why *why);
void mesh_free(struct mesh *m);

/* Writes below the folder, for each site, what goes to its /etc/swanctl: swanctl.conf,
 * private/SITE.pem and the public keys in pubkey/. Keys that are there stay; a file that would not
 * change is not touched. Says on stdout for each site what became of it. `from` is the definition's
 * path: public keys are looked for beside it. */
MUST_USE bool mesh_write(
	const struct mesh *m, const char *folder, const char *from, struct why *why);

#endif
