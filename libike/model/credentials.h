/*
 * Credentials: shared secrets and who they are for.
 *
 * A store belongs to one engine. Secrets are found as strongSwan finds them: the sum of the best
 * matches of both identities decides, of equals the one loaded last; a secret without owners comes
 * last of all.
 */
#ifndef LIBIKE_MODEL_CREDENTIALS_H
#define LIBIKE_MODEL_CREDENTIALS_H

#include "libbase/secret.h"
#include "libike/base/identity.h"

enum ike_shared_kind {
	IKE_SHARED_IKE, /* ike*: pre-shared keys */
	IKE_SHARED_EAP, /* eap*, xauth* */
	IKE_SHARED_PRIVATE_KEY_PASSPHRASE,
	IKE_SHARED_PIN,
	IKE_SHARED_NTLM,
	IKE_SHARED_PPK,
};

struct ike_credentials;

struct ike_credentials *ike_credentials_new(void);
void ike_credentials_free(struct ike_credentials *c);

/* Loads or replaces. unique_id ("ike-moon": VICI load-shared id) may be NULL: then the secret can
 * only be removed with all like it, and the same secret for the same owners is kept once. Takes
 * over secret and the references of owners, also on failure. */
MUST_USE bool ike_credentials_load(struct ike_credentials *c, const char *unique_id, uint8_t kind,
	struct secret *secret, struct ike_identity **owners, size_t owner_count);
bool ike_credentials_unload(struct ike_credentials *c, const char *unique_id);
/* All that have no unique id; how many there were. */
size_t ike_credentials_unload_nameless(struct ike_credentials *c);
void ike_credentials_clear(struct ike_credentials *c);

/* Another number whenever a secret came, went or became another one. */
uint32_t ike_credentials_version(const struct ike_credentials *c);

/* Another number whenever one was freed: while it is the same, what was borrowed is good. */
uint32_t ike_credentials_freed(const struct ike_credentials *c);

/* All kinds together. */
size_t ike_credentials_count(const struct ike_credentials *c);
/* The unique ids of those that have one, in the order of loading. */
void ike_credentials_ids(const struct ike_credentials *c,
	void (*visit)(void *context, const char *unique_id), void *context);

/* One of them, borrowed until the store changes. */
struct ike_shared;
const struct ike_shared *ike_credentials_get(
	const struct ike_credentials *c, const char *unique_id); /* NULL: there is none */
/* In the order of loading; NULL begins and ends. */
const struct ike_shared *ike_credentials_next(
	const struct ike_credentials *c, const struct ike_shared *after);
const char *ike_shared_unique_id(const struct ike_shared *s); /* or NULL */
uint8_t ike_shared_kind(const struct ike_shared *s);
struct bytes ike_shared_secret(const struct ike_shared *s);
const struct ike_identity *ike_shared_owner_of(
	const struct ike_shared *s, size_t index); /* NULL: no more */

/* The best secret for the pair; an empty view when there is none. Borrowed until the store
 * changes. my_id and/or other_id may be NULL (not known yet: matches owners of any). */
struct bytes ike_credentials_find(const struct ike_credentials *c, uint8_t kind,
	const struct ike_identity *my_id, const struct ike_identity *other_id);
/* The same, and whose it is; NULL when there is none. */
const struct ike_shared *ike_credentials_find_shared(const struct ike_credentials *c, uint8_t kind,
	const struct ike_identity *my_id, const struct ike_identity *other_id);

/* The same, of the secrets that name other_id (itself, or a pattern that is not everybody's). */
struct bytes ike_credentials_find_named(const struct ike_credentials *c, uint8_t kind,
	const struct ike_identity *my_id, const struct ike_identity *other_id);

#endif
