/*
 * The parts of --load-creds: certificates, private keys, and what of the daemon's is gone from
 * disk.
 */
#ifndef SWANCTL_LITE_CREDS_H
#define SWANCTL_LITE_CREDS_H

#include "libbase/secret.h"
#include "swanctl-lite/config.h"

#include <openssl/types.h>
#include <uthash.h>

/* Names of what the daemon has; those that are loaded again are struck off, the rest unloaded. A
 * hash table: there may be 10,000. */
struct creds_name {
	UT_hash_handle hh;
	char text[];
};

struct creds_names {
	struct creds_name *first;
};

void creds_names_get(struct swanctl *s, const char *command, struct creds_names *ret);
void creds_names_strike(struct creds_names *names, struct bytes name);
/* And frees the names. False after saying what the daemon refuses to unload. */
MUST_USE bool creds_names_unload(struct swanctl *s, const char *command, struct creds_names *names);
void creds_names_free(struct creds_names *names);

struct creds {
	struct swanctl *s;
	const struct settings_section *secrets; /* NULL: there are none */
	struct creds_names keys;                /* ids of private keys */
	bool prompt;                            /* for passphrases that are not in the file */
	/* SHA-1 of the DER of all certificates, raw keys and CRLs that were sent. */
	uint8_t (*digests)[20];
	size_t digest_count;
	const char *path; /* the file that is being sent */
	bool lost_count;  /* one could not be counted: nothing is to be unloaded */
	int unread;       /* errno of the first file that is there and cannot be read, or 0 */
};

/* A file of a directory. */
struct creds_file {
	const char *folder;
	const char *name;
	const char *path;
	struct bytes content;
};

/* Hands over every file of a directory below that of swanctl.conf, in alphabetical order. */
void creds_each_file(struct creds *c, const char *folder,
	void (*take)(struct creds *c, const struct creds_file *file, const void *context),
	const void *context);

/* x509, x509ca, x509aa, x509ocsp, x509ac, x509crl, pubkey. */
void creds_load_certs(struct creds *c);
/* flag may be NULL. */
void creds_send_cert(
	struct creds *c, const char *type, const char *flag, struct bytes data, const char *path);
/* What was loaded before and is not among the certificates that were sent is unloaded, by a daemon
 * that can. False after saying that it refuses to. */
MUST_USE bool creds_keep_certs(struct creds *c);

/* private, rsa, ecdsa, pkcs8, pkcs12. */
void creds_load_keys(struct creds *c);

/* Tries passphrases on an encrypted file: that of its section in secrets, then, as sections may
 * name files otherwise than they are called, the others of swanctl.conf, then what is typed in. try
 * returns whether it was the right one. */
MUST_USE bool creds_passphrase(struct creds *c, const struct creds_file *file,
	bool (*try)(void *context, const char *passphrase), void *context);

/* A secret as swanctl.conf writes it. False after saying what is wrong with it. */
MUST_USE bool creds_decode_secret(
	struct swanctl *s, const struct settings_key *key, struct secret *ret);

/* VICI's type of shared secrets of a section in secrets: "eap" of "eap-alice"; NULL: they are none.
 */
const char *creds_shared_type(const char *section);

/* What load-shared is told of a section of secrets. */
void creds_shared_message(struct vici_builder *b, const struct settings_section *section,
	const char *type, struct bytes secret);

#endif
