/* Secrets that nobody has a use for. */
#include "libike/check/check_priv.h"

static bool has_class(const struct ike_auth_rounds *rounds, uint8_t class)
{
	for (size_t i = 0; i < rounds->count; i++)
		if (rounds->items[i].class == class)
			return true;
	return false;
}

/* ---- Who is looked for ---- */

/* Without an identity it is an address; and Main Mode begins with the address in any case. */
static void note_end(struct ike_check *k, const struct ike_auth_rounds *rounds,
	const struct ike_endpoints *addresses)
{
	const struct ike_identity *id = ike_auth_rounds_id(rounds);
	struct ike_check_owners *owners = &k->ike_owners;

	if (id)
		ike_check_owners_add(k, owners, id);
	else if (addresses->count == 0)
		owners->anybody = true;
	for (size_t i = 0; i < addresses->count; i++) {
		const struct ike_endpoint *e = &addresses->items[i];
		struct ike_identity *address;

		if (e->kind != IKE_ENDPOINT_HOST) {
			owners->anybody = owners->anybody || !id;
			owners->any_address = true;
			continue;
		}
		address = ike_identity_of_address(&e->from);
		if (address)
			ike_check_owners_add(k, owners, address);
		k->out_of_memory = k->out_of_memory || !address;
		ike_identity_free(address);
	}
}

static bool has_passwords(const struct ike_connection *c)
{
	return has_class(&c->local, IKE_AUTH_CLASS_EAP) ||
	       has_class(&c->remote, IKE_AUTH_CLASS_EAP) ||
	       has_class(&c->local, IKE_AUTH_CLASS_XAUTH) ||
	       has_class(&c->remote, IKE_AUTH_CLASS_XAUTH);
}

void ike_check_note_secrets(struct ike_check *k, const struct ike_connection *c)
{
	if (has_class(&c->local, IKE_AUTH_CLASS_PSK) || has_class(&c->remote, IKE_AUTH_CLASS_PSK)) {
		k->ike_owners.used = true;
		note_end(k, &c->local, &c->local_addrs);
		note_end(k, &c->remote, &c->remote_addrs);
	}
	if (c->ppk_id) {
		k->ppk_owners.used = true;
		ike_check_owners_add(k, &k->ppk_owners, c->ppk_id);
	}
	k->has_passwords = k->has_passwords || has_passwords(c);
}

/* ---- Who is found ---- */

static bool is_for(
	struct ike_check *k, const struct ike_check_owners *owners, const struct ike_shared *secret)
{
	const struct ike_identity *id;

	if (!owners->used || !ike_shared_owner_of(secret, 0))
		return owners->used;
	for (size_t i = 0; (id = ike_shared_owner_of(secret, i)); i++)
		if (ike_check_owners_have(k, owners, id))
			return true;
	return false;
}

static bool is_used(struct ike_check *k, const struct ike_shared *secret)
{
	switch (ike_shared_kind(secret)) {
	case IKE_SHARED_IKE:
		return is_for(k, &k->ike_owners, secret);
	case IKE_SHARED_PPK:
		return is_for(k, &k->ppk_owners, secret);
	default:
		return k->has_passwords;
	}
}

void ike_check_secret(struct ike_check *k, const struct ike_shared *secret)
{
	const char *name = ike_shared_unique_id(secret);

	if (!is_used(k, secret))
		ike_check_say(k, IKE_CHECK_SECRET_UNUSED,
			&(const struct ike_check_place){
				.kind = "secret", .name = name ? name : "" },
			"no connection has a use for secret '%s'", name ? name : "(unnamed)");
}
