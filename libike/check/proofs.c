/* What both ends prove themselves with: secrets, passwords, certificates and their keys. */
#include "libike/check/check_priv.h"
#include "libike/eap/eap.h"

static const struct ike_check_place *at_round(struct ike_check_place *place,
	const struct ike_connection *c, bool local, size_t round, const char *key)
{
	*place = (struct ike_check_place){ .kind = "connection",
		.name = c->name,
		.side = local ? "local" : "remote",
		.round = round,
		.key = key };
	return place;
}

#define AT(local, round, key) at_round(&(struct ike_check_place){ 0 }, c, local, round, key)

static const char *id_text(const struct ike_identity *id, char text[IKE_IDENTITY_TEXT_MAX])
{
	return id ? ike_identity_format(id, text) : "%any";
}

/* ---- Secrets ---- */

/* Who somebody is as far as the definition tells: the identity, else the one address; held. NULL:
 * anybody. */
static struct ike_identity *known_identity(
	const struct ike_identity *id, const struct ike_endpoints *addresses)
{
	if (id)
		return ike_identity_is_wildcard(id)
			       ? NULL
			       : ike_identity_hold((struct ike_identity *)(uintptr_t)id);
	if (addresses->count == 1 && addresses->items[0].kind == IKE_ENDPOINT_HOST)
		return ike_identity_of_address(&addresses->items[0].from);
	return NULL;
}

struct naming {
	const struct ike_shared *secret;
	const struct ike_identity *own, *other;
	bool names_other, names_third;
};

/* Whether the secret that would be taken is one with somebody else than those it was looked for
 * by; own: NULL for nobody. */
static void look_at_owners(
	struct naming *naming, const struct ike_identity *own, const struct ike_identity *other)
{
	const struct ike_identity *owner;

	for (size_t i = 0; (owner = ike_shared_owner_of(naming->secret, i)); i++) {
		if (ike_identity_match(other, owner))
			naming->names_other = true;
		else if (!own || !ike_identity_match(own, owner))
			naming->names_third = true;
	}
}

/* Of anybody's: all of them are looked through, so once for each time that some may be gone. */
static const struct ike_shared *find_any(struct ike_check *k, enum ike_shared_kind kind)
{
	uint32_t freed = ike_credentials_freed(k->credentials);

	if (!k->any_known[kind] || k->any_freed != freed) {
		if (k->any_freed != freed)
			memset(k->any_known, 0, sizeof(k->any_known));
		k->any_freed = freed;
		k->any_known[kind] = true;
		k->any[kind] = ike_credentials_find_shared(k->credentials, kind, NULL, NULL);
		k->work++;
	}
	return k->any[kind];
}

/* Main Mode finds secrets by addresses, too. */
static void find_by_addresses(
	struct ike_check *k, const struct ike_connection *c, struct naming *naming)
{
	struct ike_identity *own = known_identity(NULL, &c->local_addrs);
	struct ike_identity *other = known_identity(NULL, &c->remote_addrs);

	if (other && c->version != 2)
		naming->secret =
			ike_credentials_find_shared(k->credentials, IKE_SHARED_IKE, own, other);
	if (naming->secret)
		look_at_owners(naming, own, other);
	ike_identity_free(own);
	ike_identity_free(other);
}

static void judge_found(struct ike_check *k, const struct ike_connection *c, bool local,
	size_t round, const struct naming *naming)
{
	char ours[IKE_IDENTITY_TEXT_MAX], theirs[IKE_IDENTITY_TEXT_MAX];

	if (!naming->secret)
		ike_check_say(k, IKE_CHECK_NO_SECRET, AT(local, round, "auth"),
			"no ike secret for '%.120s' and '%.120s'", id_text(naming->own, ours),
			id_text(naming->other, theirs));
	else if (naming->names_third && !naming->names_other)
		ike_check_say(k, IKE_CHECK_SECRET_OF_ANOTHER, AT(local, round, "auth"),
			"no ike secret names '%.120s': one of '%.120s' with others would be taken",
			id_text(naming->other, theirs), id_text(naming->own, ours));
}

static void judge_psk(struct ike_check *k, const struct ike_connection *c, bool local, size_t round)
{
	struct ike_identity *own = known_identity(ike_auth_rounds_id(&c->local), &c->local_addrs);
	struct ike_identity *other =
		known_identity(ike_auth_rounds_id(&c->remote), &c->remote_addrs);
	struct naming naming = { .own = own, .other = other };

	/* Of somebody who is not known any secret may be the right one. */
	naming.secret =
		other ? ike_credentials_find_shared(k->credentials, IKE_SHARED_IKE, own, other)
		      : find_any(k, IKE_SHARED_IKE);
	if (!naming.secret)
		find_by_addresses(k, c, &naming);
	else if (other && own)
		look_at_owners(&naming, own, other);
	judge_found(k, c, local, round, &naming);
	ike_identity_free(own);
	ike_identity_free(other);
}

/* ---- Passwords ---- */

static const struct ike_identity *user_of(const struct ike_auth_round *round)
{
	if (round->class == IKE_AUTH_CLASS_XAUTH)
		return round->xauth_id ? round->xauth_id : round->id;
	return round->eap_id ? round->eap_id : round->id;
}

static void judge_own_password(struct ike_check *k, const struct ike_connection *c, size_t index)
{
	const struct ike_auth_round *round = &c->local.items[index];
	const struct ike_identity *user = user_of(round);
	char text[IKE_IDENTITY_TEXT_MAX];

	if (round->class == IKE_AUTH_CLASS_EAP && round->eap_method == IKE_EAP_METHOD_TLS)
		return;
	if (user && ike_identity_is_wildcard(user))
		return; /* whoever can be asked is asked */
	if (ike_credentials_find(k->credentials, IKE_SHARED_EAP, user, NULL).length == 0)
		ike_check_say(k, IKE_CHECK_NO_EAP_SECRET, AT(true, index, "auth"),
			"no %s secret for '%.200s'",
			round->class == IKE_AUTH_CLASS_EAP ? "eap" : "xauth", id_text(user, text));
}

/* Of anybody: MSCHAPv2 takes the hashes of passwords, too. */
static bool has_passwords(struct ike_check *k)
{
	return find_any(k, IKE_SHARED_EAP) || find_any(k, IKE_SHARED_NTLM);
}

static bool knows_users(const struct ike_auth_round *round)
{
	if (round->class == IKE_AUTH_CLASS_XAUTH)
		return round->xauth != IKE_XAUTH_GENERIC;
	return round->eap_method == IKE_EAP_METHOD_RADIUS ||
	       round->eap_method == IKE_EAP_METHOD_TLS;
}

static void judge_users(struct ike_check *k, const struct ike_connection *c, size_t index)
{
	const struct ike_auth_round *round = &c->remote.items[index];

	if (!knows_users(round) && !has_passwords(k))
		ike_check_say(k, IKE_CHECK_NO_EAP_SECRET, AT(false, index, "auth"),
			"'%s' asks users for passwords, and there are no eap or xauth secrets",
			c->name);
}

/* ---- Our own certificates ---- */

static bool has_key(struct ike_check *k, const struct ike_certificate *c)
{
	return ike_certificates_key_of(k->certificates, ike_certificate_key(c)) != NULL;
}

static bool is_signed_by(struct ike_check *k, const struct ike_certificate *c)
{
	const struct ike_identity *issuer = ike_certificate_issuer(c);
	const struct ike_stored_certificate *found = NULL;

	if (!issuer || ike_certificate_is_self_signed(c))
		return true;
	while ((found = ike_certificates_by_name(k->certificates, issuer, found)))
		if (found->role == IKE_CERTIFICATE_CA)
			return true;
	return false;
}

static void judge_chosen(struct ike_check *k, const struct ike_connection *c, size_t index,
	const struct ike_certificate *certificate)
{
	const struct ike_auth_round *round = &c->local.items[index];
	char id[IKE_IDENTITY_TEXT_MAX], subject[IKE_IDENTITY_TEXT_MAX];

	if (ike_certificate_kind(certificate) != IKE_CERTIFICATE_X509)
		return;
	ike_identity_format(ike_certificate_subject(certificate), subject);
	if (round->id && round->class == IKE_AUTH_CLASS_PUBKEY &&
		!ike_certificate_match(certificate, round->id))
		ike_check_say(k, IKE_CHECK_IDENTITY_NOT_PROVED, AT(true, index, "id"),
			"the certificate of '%.200s' does not have the identity '%.200s'", subject,
			id_text(round->id, id));
	if (!is_signed_by(k, certificate))
		ike_check_say(k, IKE_CHECK_NO_CHAIN, AT(true, index, "certs"),
			"no certificate of the CA of '%.200s' is loaded", subject);
}

static void judge_own_named(struct ike_check *k, const struct ike_connection *c, size_t index)
{
	const struct ike_auth_round *round = &c->local.items[index];
	char subject[IKE_IDENTITY_TEXT_MAX];

	for (size_t i = 0; i < round->cert_count; i++)
		if (has_key(k, round->certs[i])) {
			judge_chosen(k, c, index, round->certs[i]);
			return;
		}
	ike_check_say(k, IKE_CHECK_CERTIFICATE_WITHOUT_KEY, AT(true, index, "certs"),
		"no private key is loaded for the certificate of '%.300s'",
		ike_identity_format(ike_certificate_subject(round->certs[0]), subject));
}

static void judge_own_found(struct ike_check *k, const struct ike_connection *c, size_t index)
{
	struct ike_identity *id = known_identity(c->local.items[index].id, &c->local_addrs);
	const struct ike_stored_certificate *found = NULL;
	bool without_key = false;
	char text[IKE_IDENTITY_TEXT_MAX];

	while (id && (found = ike_certificates_by_name(k->certificates, id, found))) {
		if (found->role != IKE_CERTIFICATE_END)
			continue;
		if (has_key(k, found->certificate))
			break;
		without_key = true;
	}
	const char *key = c->local.items[index].id ? "id" : NULL;
	if (found)
		judge_chosen(k, c, index, found->certificate);
	else if (without_key)
		ike_check_say(k, IKE_CHECK_CERTIFICATE_WITHOUT_KEY, AT(true, index, key),
			"no private key is loaded for the certificate of '%.300s'",
			id_text(id, text));
	else
		ike_check_say(k, IKE_CHECK_NO_CERTIFICATE, AT(true, index, key),
			"connection '%s': no certificate is loaded for '%.200s'", c->name,
			id ? id_text(id, text) : "our address");
	ike_identity_free(id);
}

/* ---- Theirs ---- */

/* A key, or a certificate that nobody else has signed, needs no CA: it was loaded as somebody's. */
static bool is_its_own(const struct ike_certificate *c)
{
	return ike_certificate_kind(c) == IKE_CERTIFICATE_PUBLIC_KEY ||
	       ike_certificate_is_self_signed(c);
}

/* Whether anything is loaded that could vouch for somebody; of what connections do not name. */
static void look_at_trust(struct ike_check *k)
{
	const struct ike_stored_certificate *stored;

	if (k->trust_known)
		return;
	k->trust_known = true;
	k->trusts_authority = ike_certificates_authority(k->certificates, 0) != NULL;
	for (size_t i = 0; (stored = ike_certificates_get(k->certificates, i)); i++) {
		bool raw = ike_certificate_kind(stored->certificate) == IKE_CERTIFICATE_PUBLIC_KEY;

		if (stored->role == IKE_CERTIFICATE_CA || raw)
			k->trusts_authority = true;
		else if (!stored->cached && is_its_own(stored->certificate))
			k->trusts_itself = true;
	}
}

/* A self-signed certificate in x509 is as good as one that the connection names, where that names
 * nothing; of a peer whose identity is known it has to be his. */
static bool is_found(struct ike_check *k, const struct ike_auth_round *round)
{
	const struct ike_stored_certificate *found = NULL;

	if (round->cert_count > 0 || round->ca_id || round->cert_policy_count > 0)
		return false;
	if (!round->id || ike_identity_is_wildcard(round->id))
		return k->trusts_itself;
	while ((found = ike_certificates_by_name(k->certificates, round->id, found)))
		if (!found->cached && found->role == IKE_CERTIFICATE_END &&
			is_its_own(found->certificate))
			return true;
	return false;
}

static bool is_pinned(const struct ike_auth_round *round)
{
	for (size_t i = 0; i < round->cert_count; i++)
		if (is_its_own(round->certs[i]))
			return true;
	return false;
}

static bool is_vouched_for(struct ike_check *k, const struct ike_auth_round *round)
{
	look_at_trust(k);
	return round->cacert_count > 0 || k->trusts_authority || is_pinned(round) ||
	       is_found(k, round);
}

static void judge_peer(struct ike_check *k, const struct ike_connection *c, size_t index)
{
	const struct ike_auth_round *round = &c->remote.items[index];
	char subject[IKE_IDENTITY_TEXT_MAX], id[IKE_IDENTITY_TEXT_MAX];
	bool proves = !round->id || ike_identity_is_wildcard(round->id) || round->cert_count == 0;

	if (!is_vouched_for(k, round))
		ike_check_say(k, IKE_CHECK_NO_AUTHORITY, AT(false, index, "auth"),
			"connection '%s': no CA is loaded that could vouch for the peer", c->name);
	for (size_t i = 0; i < round->cert_count && !proves; i++)
		proves = ike_certificate_kind(round->certs[i]) != IKE_CERTIFICATE_X509 ||
			 ike_certificate_match(round->certs[i], round->id) != IKE_MATCH_NONE;
	if (!proves)
		ike_check_say(k, IKE_CHECK_IDENTITY_NOT_PROVED, AT(false, index, "id"),
			"the certificate of '%.200s' does not have the identity '%.200s'",
			ike_identity_format(ike_certificate_subject(round->certs[0]), subject),
			id_text(round->id, id));
}

/* ---- Rounds ---- */

static void judge_local(struct ike_check *k, const struct ike_connection *c, size_t index)
{
	const struct ike_auth_round *round = &c->local.items[index];

	switch (round->class) {
	case IKE_AUTH_CLASS_PSK:
		judge_psk(k, c, true, index);
		break;
	case IKE_AUTH_CLASS_PUBKEY:
		if (round->cert_count > 0)
			judge_own_named(k, c, index);
		else
			judge_own_found(k, c, index);
		break;
	case IKE_AUTH_CLASS_EAP:
	case IKE_AUTH_CLASS_XAUTH:
		judge_own_password(k, c, index);
		break;
	default:
		break;
	}
}

static void judge_remote(struct ike_check *k, const struct ike_connection *c, size_t index)
{
	const struct ike_auth_round *round = &c->remote.items[index];
	bool said = c->local.count > 0 && c->local.items[0].class == IKE_AUTH_CLASS_PSK;

	switch (round->class) {
	case IKE_AUTH_CLASS_PSK:
		if (!said)
			judge_psk(k, c, false, index);
		break;
	case IKE_AUTH_CLASS_PUBKEY:
		judge_peer(k, c, index);
		break;
	case IKE_AUTH_CLASS_EAP:
	case IKE_AUTH_CLASS_XAUTH:
		judge_users(k, c, index);
		break;
	default:
		break;
	}
}

static void judge_aggressive(struct ike_check *k, const struct ike_connection *c)
{
	bool psk = (c->local.count > 0 && c->local.items[0].class == IKE_AUTH_CLASS_PSK) ||
		   (c->remote.count > 0 && c->remote.items[0].class == IKE_AUTH_CLASS_PSK);

	if (c->aggressive && c->version != 2 && psk)
		ike_check_say(k, IKE_CHECK_AGGRESSIVE_PSK, IKE_CHECK_AT_CONNECTION(c, "aggressive"),
			"connection '%s' has aggressive = yes and auth = psk", c->name);
}

static void judge_identities(struct ike_check *k, const struct ike_connection *c)
{
	const struct ike_identity *own = ike_auth_rounds_id(&c->local);
	const struct ike_identity *other = ike_auth_rounds_id(&c->remote);
	char text[IKE_IDENTITY_TEXT_MAX];

	if (own && other && !ike_identity_is_wildcard(own) && ike_identity_equal(own, other))
		ike_check_say(k, IKE_CHECK_SAME_IDENTITY, AT(false, 0, "id"),
			"connection '%s': both ends are '%.200s'", c->name, id_text(own, text));
}

void ike_check_proofs(struct ike_check *k, const struct ike_connection *c)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	for (size_t i = 0; i < c->local.count; i++)
		judge_local(k, c, i);
	for (size_t i = 0; i < c->remote.count; i++)
		judge_remote(k, c, i);
	judge_identities(k, c);
	judge_aggressive(k, c);
	if (c->ppk_id && !ike_identity_is_wildcard(c->ppk_id) &&
		ike_credentials_find(k->credentials, IKE_SHARED_PPK, c->ppk_id, NULL).length == 0)
		ike_check_say(k, IKE_CHECK_NO_PPK, IKE_CHECK_AT_CONNECTION(c, "ppk_id"),
			"connection '%s': no ppk secret for '%.200s'", c->name,
			ike_identity_format(c->ppk_id, text));
}
