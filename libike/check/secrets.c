/* Secrets that nobody has a use for. */
#include "libike/check/check_priv.h"

#include <stdlib.h>

static bool has_class(const struct ike_auth_rounds *rounds, uint8_t class)
{
	for (size_t i = 0; i < rounds->count; i++)
		if (rounds->items[i].class == class)
			return true;
	return false;
}

/* Either may be a pattern. */
static bool can_be(const struct ike_identity *a, const struct ike_identity *b)
{
	return ike_identity_match(a, b) || ike_identity_match(b, a);
}

static bool fits_end(const struct ike_identity *owner, const struct ike_auth_rounds *rounds,
	const struct ike_endpoints *addresses)
{
	const struct ike_identity *id = ike_auth_rounds_id(rounds);

	if (id && can_be(owner, id))
		return true;
	/* Without an identity it is an address; and Main Mode begins with the address in any case.
	 */
	for (size_t i = 0; i < addresses->count; i++) {
		const struct ike_endpoint *e = &addresses->items[i];
		struct ike_identity *address;

		if (e->kind != IKE_ENDPOINT_HOST)
			return !id || owner->type == IKE_ID_IPV4_ADDR ||
			       owner->type == IKE_ID_IPV6_ADDR;
		address = ike_identity_of_address(&e->from);
		bool fits = address && can_be(owner, address);
		ike_identity_free(address);
		if (fits)
			return true;
	}
	return addresses->count == 0 && !id;
}

static bool is_for_ike(const struct ike_connection *c, const struct ike_shared_owners *owners)
{
	const struct ike_identity *owner;

	if (!has_class(&c->local, IKE_AUTH_CLASS_PSK) && !has_class(&c->remote, IKE_AUTH_CLASS_PSK))
		return false;
	if (!ike_shared_owner(owners, 0))
		return true;
	for (size_t i = 0; (owner = ike_shared_owner(owners, i)); i++)
		if (fits_end(owner, &c->local, &c->local_addrs) ||
			fits_end(owner, &c->remote, &c->remote_addrs))
			return true;
	return false;
}

static bool is_for_ppk(const struct ike_connection *c, const struct ike_shared_owners *owners)
{
	const struct ike_identity *owner;

	for (size_t i = 0; c->ppk_id && (owner = ike_shared_owner(owners, i)); i++)
		if (can_be(owner, c->ppk_id))
			return true;
	return c->ppk_id && !ike_shared_owner(owners, 0);
}

static bool has_passwords(const struct ike_connection *c)
{
	return has_class(&c->local, IKE_AUTH_CLASS_EAP) ||
	       has_class(&c->remote, IKE_AUTH_CLASS_EAP) ||
	       has_class(&c->local, IKE_AUTH_CLASS_XAUTH) ||
	       has_class(&c->remote, IKE_AUTH_CLASS_XAUTH);
}

static bool is_used(
	const struct ike_connection *c, uint8_t kind, const struct ike_shared_owners *owners)
{
	switch (kind) {
	case IKE_SHARED_IKE:
		return is_for_ike(c, owners);
	case IKE_SHARED_PPK:
		return is_for_ppk(c, owners);
	default:
		return has_passwords(c);
	}
}

/* ---- Which are found ---- */

/* Where the secrets are that connections of known peers find: of 10,000 connections each has one of
 * its own, and to look for the connection of each secret would take long. */
struct judging {
	const struct ike_check *k;
	const uint8_t **found;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (const uint8_t *const *)a;
	uintptr_t y = (uintptr_t) * (const uint8_t *const *)b;

	return (x > y) - (x < y);
}

static void find_all(struct judging *j)
{
	const struct ike_check *k = j->k;

	j->found = calloc(k->connection_count + 1, sizeof(*j->found));
	for (size_t i = 0; j->found && i < k->connection_count; i++) {
		const struct ike_connection *c = k->connections[i];
		const struct ike_identity *own = ike_auth_rounds_id(&c->local);
		const struct ike_identity *other = ike_auth_rounds_id(&c->remote);

		if (own && other && has_class(&c->remote, IKE_AUTH_CLASS_PSK))
			j->found[j->count++] =
				ike_credentials_find(k->credentials, IKE_SHARED_IKE, own, other).at;
	}
	if (j->count > 1)
		qsort(j->found, j->count, sizeof(*j->found), compare);
}

static bool is_found(const struct judging *j, struct bytes secret)
{
	return j->count > 0 &&
	       bsearch(&secret.at, j->found, j->count, sizeof(*j->found), compare) != NULL;
}

static void judge(void *context, const char *unique_id, uint8_t kind, struct bytes secret,
	const struct ike_shared_owners *owners)
{
	const struct judging *j = context;
	const struct ike_check *k = j->k;

	if (is_found(j, secret))
		return;
	for (size_t i = 0; i < k->connection_count; i++)
		if (is_used(k->connections[i], kind, owners))
			return;
	ike_check_say(k, IKE_CHECK_SECRET_UNUSED,
		&(const struct ike_check_place){
			.kind = "secret", .name = unique_id ? unique_id : "" },
		"no connection has a use for secret '%s'", unique_id ? unique_id : "(unnamed)");
}

void ike_check_secrets(const struct ike_check *k)
{
	struct judging j = { .k = k };

	find_all(&j);
	ike_credentials_each(k->credentials, judge, &j);
	free(j.found);
}
