/* Between the files of libike/check: one subject each. */
#ifndef LIBIKE_CHECK_CHECK_PRIV_H
#define LIBIKE_CHECK_CHECK_PRIV_H

#include "libike/check/check.h"

/* Where a finding is; zero what does not matter. */
struct ike_check_place {
	const char *kind, *name;
	const char *child;
	const char *side;
	size_t round;
	const char *key;
};

#define IKE_CHECK_AT_CONNECTION(c, key_) \
	(&(const struct ike_check_place){ .kind = "connection", .name = (c)->name, .key = (key_) })
#define IKE_CHECK_AT_CHILD(child_, key_)                        \
	(&(const struct ike_check_place){ .kind = "connection", \
		.name = (child_)->connection->name,             \
		.child = (child_)->name,                        \
		.key = (key_) })

PRINTF_LIKE(4, 5)
void ike_check_say(const struct ike_check *k, enum ike_check_code code,
	const struct ike_check_place *place, const char *format, ...);

void ike_check_proposals(const struct ike_check *k, const struct ike_connection *c);
void ike_check_selectors(const struct ike_check *k, size_t index);
void ike_check_candidates(const struct ike_check *k, size_t index);
void ike_check_proofs(const struct ike_check *k, const struct ike_connection *c);
void ike_check_secrets(const struct ike_check *k);
void ike_check_certificates(const struct ike_check *k);
void ike_check_numbers(const struct ike_check *k, size_t index);
void ike_check_pools_of(const struct ike_check *k, const struct ike_connection *c);
void ike_check_pools(const struct ike_check *k);

static inline bool ike_check_is_shunt(const struct ike_child_config *child)
{
	return child->mode == IKE_MODE_PASS || child->mode == IKE_MODE_DROP;
}

/* Whether nobody has to come, or to be called, for any of it: whatever `local` and `remote` say. */
static inline bool ike_check_has_no_peer(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (!ike_check_is_shunt(c->children[i]))
			return false;
	return c->child_count > 0;
}

/* Whoever calls from an address that nobody knows: no remote_addrs, or one that is no host. */
static inline bool ike_check_takes_anybody(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->remote_addrs.count; i++)
		if (c->remote_addrs.items[i].kind == IKE_ENDPOINT_HOST ||
			c->remote_addrs.items[i].kind == IKE_ENDPOINT_NAME)
			return false;
	return true;
}

#endif
