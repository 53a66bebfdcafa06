/* The local and remote sections of a connection: authentication rounds. */
#include "charon-lite/control/blob.h"
#include "charon-lite/control/load_conn.h"
#include "libike/eap/eap.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define ROUNDS_MAX 8
#define CERTS_MAX 64
#define TEXTS_MAX 64

struct load_round {
	struct ike_auth_round round;
	const struct cl_certificate_source *source;
};

/* ---- auth ---- */

/* Methods of EAP that there are but not here. */
static const char *const other_methods[] = { "aka", "sim", "gtc", "ttls", "peap", "tnc", "pt-tls",
	"simaka-pseudonym", "aka-3gpp" };

static bool add_signatures(struct load_round *l, const char *text, struct why *why)
{
	struct ike_signature_policy policy = { 0 };

	if (l->round.signatures)
		policy = *l->round.signatures;
	if (!ike_signature_policy_parse(text, &policy, why))
		return false;
	if (!l->round.signatures)
		l->round.signatures = calloc(1, sizeof(policy));
	if (!l->round.signatures)
		return why_fail(why, "out of memory");
	*l->round.signatures = policy;
	return true;
}

/* "eap", "eap-TYPE", and what the certificates of TLS must be like behind a colon. */
static bool set_eap(struct load_round *l, const char *text, struct why *why)
{
	char name[32];
	size_t length = strcspn(text, ":");

	l->round.class = IKE_AUTH_CLASS_EAP;
	l->round.eap_method = IKE_EAP_METHOD_ANY;
	if (text[length] == ':' && !add_signatures(l, text + length + 1, why))
		return false;
	if (length == 3)
		return true;
	snprintf(name, sizeof(name), "%.*s", (int)length - 4, text + 4);
	if (ike_eap_method_parse(name, &l->round.eap_method))
		return true;
	for (size_t i = 0; i < sizeof(other_methods) / sizeof(*other_methods); i++) {
		if (strcasecmp(name, other_methods[i]) == 0)
			return why_fail(
				why, "EAP method '%s' is not supported by this version", name);
	}
	return why_fail(why, "'%s' is no EAP method", name);
}

/* ---- xauth ---- */

/* charon's eap-radius asks with User-Password, and has it that xauth-eap's server is RADIUS. */
static bool set_xauth(struct load_round *l, const char *text, struct why *why)
{
	static const struct {
		const char *name;
		uint8_t xauth;
	} kinds[] = {
		{ "xauth", IKE_XAUTH_GENERIC },
		{ "xauth-generic", IKE_XAUTH_GENERIC },
		{ "xauth-eap", IKE_XAUTH_EAP },
		{ "xauth-pam", IKE_XAUTH_PAM },
	};

	l->round.class = IKE_AUTH_CLASS_XAUTH;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcasecmp(text, kinds[i].name) != 0)
			continue;
		l->round.xauth = kinds[i].xauth;
		l->round.eap_method = kinds[i].xauth == IKE_XAUTH_EAP ? IKE_EAP_METHOD_RADIUS
								      : IKE_EAP_METHOD_ANY;
		return true;
	}
	return why_fail(why, "'%s' authentication is not supported by this version", text);
}

static bool begins_with(const char *text, const char *start)
{
	return strncasecmp(text, start, strlen(start)) == 0;
}

static bool set_auth(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct load_round *l = object;
	static const char *const signing[] = { "pubkey", "rsa", "ecdsa", "ed25519", "ed448",
		"ike:" };

	(void)key;
	if (strcasecmp(text, "psk") == 0) {
		l->round.class = IKE_AUTH_CLASS_PSK;
		return true;
	}
	if (strcasecmp(text, "any") == 0) {
		l->round.class = IKE_AUTH_CLASS_ANY;
		return true;
	}
	if (strcasecmp(text, "eap") == 0 || begins_with(text, "eap-") || begins_with(text, "eap:"))
		return set_eap(l, text, why);
	if (begins_with(text, "xauth"))
		return set_xauth(l, text, why);
	if (begins_with(text, "bliss"))
		return why_fail(why, "'%s' authentication is not supported by this version", text);
	for (size_t i = 0; i < sizeof(signing) / sizeof(*signing); i++) {
		if (!begins_with(text, signing[i]))
			continue;
		l->round.class = IKE_AUTH_CLASS_PUBKEY;
		return strcasecmp(text, "pubkey") == 0 || add_signatures(l, text, why);
	}
	return why_fail(why, "'%s' is not an authentication method", text);
}

/* ---- Identities and texts ---- */

static bool set_identity(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_identity **field = (struct ike_identity **)((char *)object + key->offset);
	struct ike_identity *id = ike_identity_parse(text, why);

	if (!id)
		return false;
	ike_identity_free(*field);
	*field = id;
	return true;
}

static bool add_text(char ***list, size_t *count, const char *text, struct why *why)
{
	if (*count == TEXTS_MAX)
		return why_fail(why, "more than %u of them", TEXTS_MAX);
	char **grown = reallocarray(*list, *count + 1, sizeof(*grown));
	if (!grown)
		return why_fail(why, "out of memory");
	*list = grown;
	grown[*count] = strdup(text);
	return grown[*count] ? (++*count, true) : why_fail(why, "out of memory");
}

static bool add_group(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct load_round *l = object;

	(void)key;
	return add_text(&l->round.groups, &l->round.group_count, text, why);
}

/* Numbers with dots between them. */
static bool is_oid(const char *text)
{
	for (;;) {
		size_t digits = strspn(text, "0123456789");

		if (digits == 0)
			return false;
		text += digits;
		if (*text == '\0')
			return true;
		if (*text++ != '.')
			return false;
	}
}

static bool add_policy(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct load_round *l = object;

	(void)key;
	if (!is_oid(text))
		return why_fail(why, "'%s' is no object identifier in numbers (1.2.3)", text);
	return add_text(&l->round.cert_policies, &l->round.cert_policy_count, text, why);
}

static const struct cl_load_word revocations[] = {
	{ "relaxed", IKE_REVOCATION_RELAXED },
	{ "ifuri", IKE_REVOCATION_IFURI },
	{ "strict", IKE_REVOCATION_STRICT },
	{ NULL, 0 },
};

/* ---- Certificates and raw keys ---- */

/* Takes c over. */
static bool add_certificate(
	struct ike_certificate ***list, size_t *count, struct ike_certificate *c, struct why *why)
{
	struct ike_certificate **grown =
		*count < CERTS_MAX ? reallocarray(*list, *count + 1, sizeof(*grown)) : NULL;

	if (!grown) {
		ike_certificate_free(c);
		return why_fail(why, *count < CERTS_MAX ? "out of memory" : "too many of them");
	}
	*list = grown;
	grown[(*count)++] = c;
	return true;
}

/* The first is the certificate that is meant; others behind it belong to its chain. */
static bool add_certs(struct load_round *l, bool ca, struct bytes encoded, struct why *why)
{
	struct ike_certificate ***list = ca ? &l->round.cacerts : &l->round.certs;
	size_t *count = ca ? &l->round.cacert_count : &l->round.cert_count;
	struct bytes rest = encoded, block;

	if (!cl_blob_next(&rest, "CERTIFICATE", &block))
		return why_fail(why, "it is no certificate, neither PEM nor DER");
	struct ike_certificate *c = cl_certificate_parse(l->source, block, why);
	if (!c)
		return false;
	if (ca && !ike_certificate_is_ca(c)) {
		ike_certificate_free(c);
		return why_fail(why, "the certificate is not that of a CA");
	}
	return add_certificate(list, count, c, why);
}

static bool set_certs(
	const struct cl_load_key *key, void *object, struct bytes value, struct why *why)
{
	return add_certs(object, strcmp(key->name, "cacerts") == 0, value, why);
}

static bool set_pubkeys(
	const struct cl_load_key *key, void *object, struct bytes value, struct why *why)
{
	struct load_round *l = object;
	struct ike_public_key *public = ike_public_key_parse(l->source->library, value, why);

	(void)key;
	if (!public)
		return false;
	struct ike_certificate *c = ike_certificate_of_key(public, NULL);
	ike_public_key_free(public);
	return c ? add_certificate(&l->round.certs, &l->round.cert_count, c, why)
		 : why_fail(why, "out of memory");
}

/* ---- Sections ---- */

#define AT(field) offsetof(struct load_round, round.field)

const struct cl_load_key cl_load_local_keys[] = {
	{ "round", cl_load_u32, AT(number) },
	{ "certs", .set_bytes = set_certs, .list = true },
	{ "pubkeys", .set_bytes = set_pubkeys, .list = true },
	{ "auth", set_auth },
	{ "id", set_identity, AT(id) },
	{ "eap_id", set_identity, AT(eap_id) },
	{ "aaa_id", set_identity, AT(aaa_id) },
	{ "xauth_id", set_identity, AT(xauth_id) },
	{ NULL },
};

const struct cl_load_key cl_load_remote_keys[] = {
	{ "round", cl_load_u32, AT(number) },
	{ "id", set_identity, AT(id) },
	{ "eap_id", set_identity, AT(eap_id) },
	{ "xauth_id", set_identity, AT(xauth_id) },
	{ "groups", add_group, .list = true },
	{ "cert_policy", add_policy, .list = true },
	{ "certs", .set_bytes = set_certs, .list = true },
	{ "cacerts", .set_bytes = set_certs, .list = true },
	{ "ca_id", set_identity, AT(ca_id) },
	{ "pubkeys", .set_bytes = set_pubkeys, .list = true },
	{ "revocation", cl_load_word, AT(revocation), { .words = revocations } },
	{ "auth", set_auth },
	{ NULL },
};

/* cert<suffix> and cacert<suffix>: a file that we read, or an object on a token, which we do not.
 */
static bool load_cert_section(
	struct load_round *l, struct vici_view section, bool ca, const char *place, struct why *why)
{
	struct bytes name = vici_name(section);
	AUTO_SECRET content = { 0 };
	char path[1024] = "";

	VICI_EACH(each, section)
	{
		struct bytes key = vici_name(each);

		if (vici_is(key, "handle") || vici_is(key, "slot") || vici_is(key, "module"))
			return why_fail(why,
				"%s.%.*s.%.*s: certificates on tokens are not supported by this "
				"version",
				place, (int)name.length, (const char *)name.at, (int)key.length,
				(const char *)key.at);
		if (!vici_is(key, "file") || vici_kind(each) != VICI_VALUE)
			return why_fail(why, "unknown option: %.*s, config discarded: in %s.%.*s",
				(int)key.length, (const char *)key.at, place, (int)name.length,
				(const char *)name.at);
	}
	if (!vici_get_text(section, "file", path, sizeof(path)) || path[0] != '/')
		why_fail(why, "file is no absolute path");
	else if (cl_blob_read(path, &content, why) && add_certs(l, ca, secret_bytes(&content), why))
		return true;
	return why_prefix(why, "%s.%.*s: ", place, (int)name.length, (const char *)name.at);
}

static bool load_sections(struct load_round *l, struct vici_view section, bool local,
	const char *place, struct why *why)
{
	VICI_EACH(each, section)
	{
		struct bytes name = vici_name(each);
		bool ca = !local && name.length >= 6 && memcmp(name.at, "cacert", 6) == 0;

		if (vici_kind(each) != VICI_SECTION)
			continue;
		if (!ca && (name.length < 4 || memcmp(name.at, "cert", 4) != 0))
			return why_fail(why, "invalid section: %.*s, in %s", (int)name.length,
				(const char *)name.at, place);
		if (!load_cert_section(l, each, ca, place, why))
			return false;
	}
	return true;
}

bool cl_load_auth(struct vici_view section, const struct cl_certificate_source *source, bool local,
	struct ike_connection *c, struct why *why)
{
	struct ike_auth_rounds *rounds = local ? &c->local : &c->remote;
	struct load_round l = { .source = source, .round.class = IKE_AUTH_CLASS_PUBKEY };
	struct bytes name = vici_name(section);
	char place[VICI_NAME_MAX + 1];
	bool good;

	snprintf(place, sizeof(place), "%.*s", (int)name.length, (const char *)name.at);
	good = cl_load_section(
		       section, local ? cl_load_local_keys : cl_load_remote_keys, place, &l, why) &&
	       load_sections(&l, section, local, place, why);
	if (good && rounds->count == ROUNDS_MAX)
		good = why_fail(why, "more than %u authentication rounds", ROUNDS_MAX);
	if (good && !ike_auth_rounds_insert(rounds, &l.round))
		good = why_fail(why, "out of memory");
	ike_auth_round_clear(&l.round);
	return good;
}
