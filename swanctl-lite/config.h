/*
 * swanctl.conf on its way to the daemon: read, checked, and turned into VICI messages.
 */
#ifndef SWANCTL_LITE_CONFIG_H
#define SWANCTL_LITE_CONFIG_H

#include "libbase/secret.h"
#include "libvici/keys.h"
#include "libvici/settings.h"
#include "swanctl-lite/command.h"

/* Reads the file of --file, else swanctl.conf in $SWANCTL_DIR or /etc/swanctl, and says on stderr
 * what is odd in it (unknown keys and the like), unless --debug 0. NULL after saying why not. */
struct settings *swanctl_config_load(const struct swanctl *s);

/* The path of --file, else of swanctl.conf in $SWANCTL_DIR or /etc/swanctl. To be freed; NULL when
 * memory ran out. */
char *swanctl_config_file(const struct swanctl *s);

/* The directory of the configuration file and something below it: "/etc/swanctl/x509/a.pem".
 * To be freed; NULL when memory ran out. An absolute name stays as it is. */
char *swanctl_config_path(const struct swanctl *s, const char *folder, const char *name);

/* A whole file. False with errno set. */
MUST_USE bool swanctl_file_read(const char *path, struct secret *ret);

/* Adds the keys and sections of a section. Unknown ones too, as they are: the daemon is the judge,
 * and one that does not know them either must refuse, as a connection without its mistyped `id`
 * would let in anybody. Lists are split at commas, files replaced by their contents. False, after
 * saying so, when a file cannot be read or a value is too long. */
MUST_USE bool swanctl_config_add(struct swanctl *s, struct vici_builder *b, enum vici_place place,
	const struct settings_section *section);

/* One kind of thing that is loaded by name and unloaded when it is gone from the file. */
struct swanctl_kind {
	const char *section;    /* "connections" */
	const char *one, *many; /* "connection", "connections", as texts have them */
	const char *load, *unload, *get;
	const char *list; /* of the answer to get: the list with the names; NULL: its sections */
	enum vici_place place;
	/* Ours: what one gives up another may take, so gone ones are unloaded first, and what
	 * failed is tried again after all others, all of it in one request; a refusal names one
	 * (key `one`). --load-all says nothing of it when there are none. */
	bool exclusive;
};

/* Loads all of a kind, unloads what is gone, and says so. Returns the exit status. of_all: as a
 * part of --load-all. */
int swanctl_load_kind(struct swanctl *s, const struct settings *config,
	const struct swanctl_kind *kind, bool of_all);

/* The parts of --load-all. */
int swanctl_load_creds_from(struct swanctl *s, const struct settings *config);
extern const struct swanctl_kind swanctl_connections, swanctl_pools, swanctl_authorities,
	swanctl_clients;

#endif
