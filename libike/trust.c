/*
 * Who proves an identity, and what a definition demands of the chain behind (RFC 4945 5).
 */
#include "libike/trust.h"

#include "libike/engine_priv.h"
#include "libike/revocation.h"
#include "libike/trust_path.h"

#include <openssl/x509v3.h>

/* ---- Candidates ---- */

struct candidates {
	struct ike_certificate **list;
	size_t count;
};

static void add_candidate(struct candidates *c, struct ike_certificate *certificate)
{
	for (size_t i = 0; i < c->count; i++)
		if (ike_certificate_equal(c->list[i], certificate))
			return;
	if (c->count < IKE_TRUST_CANDIDATES_MAX)
		c->list[c->count++] = ike_certificate_hold(certificate);
}

/* A peer claims to be somebody: "*.example.org", "CN=*" or a network as a claim is not every name
 * that it would match as a pattern, but a name with an asterisk in it. */
static bool proves(const struct ike_certificate *c, const struct ike_identity *id)
{
	const struct ike_identity *name = ike_certificate_subject(c);

	if (!id)
		return true;
	if (!ike_identity_is_wildcard(id))
		return ike_certificate_match(c, id) == IKE_MATCH_PERFECT;
	for (size_t i = 0; name; name = ike_certificate_alt_name(c, i++))
		if (ike_identity_equal(name, id))
			return true;
	return false;
}

/* `certs` and `pubkeys`: the peer's is one of them. */
static bool is_listed(const struct ike_auth_round *round, const struct ike_certificate *c)
{
	if (!round || round->cert_count == 0)
		return true;
	for (size_t i = 0; i < round->cert_count; i++)
		if (ike_public_key_equal(
			    ike_certificate_key(round->certs[i]), ike_certificate_key(c)) &&
			(ike_certificate_kind(c) == IKE_CERTIFICATE_PUBLIC_KEY ||
				ike_certificate_kind(round->certs[i]) ==
					IKE_CERTIFICATE_PUBLIC_KEY ||
				ike_certificate_equal(round->certs[i], c)))
			return true;
	return false;
}

/* A raw key has no name of its own: it is the peer's if the definition is for one peer. */
static bool is_bound(const struct ike_trust_query *query, const struct ike_certificate *listed)
{
	const struct ike_identity *id = query->round->id;

	return proves(listed, query->id) ||
	       (ike_certificate_kind(listed) == IKE_CERTIFICATE_PUBLIC_KEY && id &&
		       !ike_identity_is_wildcard(id));
}

static void add_listed(struct candidates *c, const struct ike_trust_query *query)
{
	for (size_t i = 0; query->round && i < query->round->cert_count; i++)
		if (is_bound(query, query->round->certs[i]))
			add_candidate(c, query->round->certs[i]);
}

static void add_loaded(
	struct ike_engine *e, struct candidates *c, const struct ike_trust_query *query)
{
	const struct ike_certificates *s = ike_engine_certificates(e);
	const struct ike_stored_certificate *found = NULL;

	if (!query->id)
		return;
	while ((found = ike_certificates_by_name(s, query->id, found)))
		if (found->role == IKE_CERTIFICATE_END && !found->cached &&
			is_listed(query->round, found->certificate))
			add_candidate(c, found->certificate);
	while (query->id->type == IKE_ID_KEY_ID &&
		(found = ike_certificates_by_key_id(
			 s, bytes_of(query->id->octets, query->id->length), found)))
		if (found->role == IKE_CERTIFICATE_END && !found->cached &&
			is_listed(query->round, found->certificate))
			add_candidate(c, found->certificate);
}

static void fail_candidates(const struct ike_trust_query *query, struct ike_failure *failure)
{
	char id[IKE_IDENTITY_TEXT_MAX] = "%any", subject[IKE_IDENTITY_TEXT_MAX];

	if (query->id)
		ike_identity_format(query->id, id);
	if (query->received_count == 0) {
		ike_failure_set(failure, IKE_REASON_NO_CERTIFICATE, NULL, NULL,
			"peer '%s' sent no certificate, and none is loaded for it", id);
		return;
	}
	ike_identity_format(ike_certificate_subject(query->received[0]), subject);
	if (proves(query->received[0], query->id)) {
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"certificate '%s' is none of those that the definition allows", subject);
		return;
	}
	ike_failure_set(failure, IKE_REASON_WRONG_IDENTITY, NULL, NULL,
		"identity '%s' is not in the peer's certificate '%s'", id, subject);
	ike_failure_set_differs(failure, "certificate");
}

size_t ike_trust_candidates(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *ret[IKE_TRUST_CANDIDATES_MAX], struct ike_failure *failure)
{
	struct candidates c = { ret, 0 };

	add_listed(&c, query);
	if (query->received_count > 0 && is_listed(query->round, query->received[0]) &&
		ike_certificate_kind(query->received[0]) == IKE_CERTIFICATE_X509 &&
		proves(query->received[0], query->id))
		add_candidate(&c, query->received[0]);
	add_loaded(e, &c, query);
	if (c.count == 0)
		fail_candidates(query, failure);
	return c.count;
}

/* ---- What the definition demands of it ---- */

static bool fail_policy(
	struct ike_failure *failure, const struct ike_certificate *c, const struct why *why)
{
	char subject[IKE_IDENTITY_TEXT_MAX];

	ike_failure_set(failure, IKE_REASON_POLICY, NULL, NULL,
		"certificate '%s' is not acceptable: %s",
		ike_identity_format(ike_certificate_subject(c), subject), why->text);
	return false;
}

/* RFC 4945 5.1.3.2: who signs IKE messages may do so, if the certificate says for what it is. */
static bool check_usage(const struct ike_certificate *c, struct ike_failure *failure)
{
	uint32_t usage = X509_get_key_usage(ike_certificate_x509(c));
	char subject[IKE_IDENTITY_TEXT_MAX];

	if (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) /* all bits when there is none */
		return true;
	ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
		"the keyUsage of certificate '%s' has neither digitalSignature nor nonRepudiation",
		ike_identity_format(ike_certificate_subject(c), subject));
	return false;
}

static bool check_strength(const struct ike_trust_query *query, const struct trust_path *chain,
	struct ike_failure *failure)
{
	const struct ike_signature_policy *policy = query->round ? query->round->signatures : NULL;
	struct why why = { "" };

	for (size_t i = 0; i < chain->count; i++) {
		const struct ike_certificate *c = chain->items[i];
		/* Nobody relies on what an anchor is signed with. */
		bool signed_by_other = i + 1 < chain->count;
		int salt_length;
		const struct ike_signature_scheme *scheme = ike_certificate_scheme(c, &salt_length);

		if (!ike_signature_key_trusted(policy, ike_certificate_key(c), &why))
			return fail_policy(failure, c, &why);
		if (!signed_by_other)
			continue;
		if (!scheme) {
			why_fail(&why, "it is signed by an algorithm that is not accepted");
			return fail_policy(failure, c, &why);
		}
		if (!ike_signature_trusted(policy, scheme, &why))
			return fail_policy(failure, c, &why);
	}
	return true;
}

static bool has_cacert(const struct ike_auth_round *round, const struct trust_path *chain)
{
	if (!round || round->cacert_count == 0)
		return true;
	for (size_t i = 0; i < round->cacert_count; i++)
		for (size_t j = 1; j < chain->count; j++)
			if (ike_certificate_equal(chain->items[j], round->cacerts[i]))
				return true;
	return false;
}

static bool has_ca_id(const struct ike_auth_round *round, const struct trust_path *chain)
{
	if (!round || !round->ca_id)
		return true;
	for (size_t j = 1; j < chain->count; j++)
		if (ike_certificate_match(chain->items[j], round->ca_id) != IKE_MATCH_NONE)
			return true;
	return false;
}

static bool check_authorities(const struct ike_trust_query *query, const struct trust_path *chain,
	struct ike_failure *failure)
{
	char subject[IKE_IDENTITY_TEXT_MAX], ca[IKE_IDENTITY_TEXT_MAX];

	for (size_t i = 1; i < chain->count; i++) {
		if (ike_certificate_is_ca(chain->items[i]))
			continue;
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"'%s' has issued certificates and is no CA",
			ike_identity_format(ike_certificate_subject(chain->items[i]), subject));
		return false;
	}
	if (has_cacert(query->round, chain) && has_ca_id(query->round, chain))
		return true;
	ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
		"certificate '%s' comes from '%s', which is not a CA that the definition allows",
		ike_identity_format(ike_certificate_subject(chain->items[0]), subject),
		ike_identity_format(ike_certificate_subject(chain->items[chain->count - 1]), ca));
	return false;
}

static enum ike_trust check_revocation(struct ike_engine *e, const struct ike_trust_query *query,
	const struct trust_path *chain, struct ike_failure *failure)
{
	uint8_t policy = query->round ? query->round->revocation : IKE_REVOCATION_RELAXED;
	enum ike_trust all = IKE_TRUST_YES;

	/* all of them, so that what is missing of each is fetched at the same time */
	for (size_t i = 0; i + 1 < chain->count; i++) {
		enum ike_trust good = ike_revocation_check(e, chain->items[i], chain->items[i + 1],
			policy, i == 0 ? query->stapled_ocsp : (struct bytes){ 0 }, query->ike_id,
			failure);

		if (good == IKE_TRUST_NO)
			return good;
		if (good == IKE_TRUST_LATER)
			all = good;
	}
	return all;
}

/* Loaded here as the peer's own, so that no CA has to vouch for it: raw keys, and certificates that
 * nobody else has signed. */
static bool is_pinned(
	struct ike_engine *e, const struct ike_trust_query *query, const struct ike_certificate *c)
{
	const struct ike_stored_certificate *found = NULL;

	if (ike_certificate_kind(c) == IKE_CERTIFICATE_X509 && !ike_certificate_is_self_signed(c))
		return false;
	for (size_t i = 0; query->round && i < query->round->cert_count; i++)
		if (ike_certificate_equal(query->round->certs[i], c))
			return true;
	/* Whoever names certificates, CAs or policies wants nobody besides. */
	if (query->round && (query->round->cert_count > 0 || query->round->cacert_count > 0 ||
				    query->round->ca_id || query->round->cert_policy_count > 0))
		return false;
	while ((found = ike_certificates_by_name(
			ike_engine_certificates(e), ike_certificate_subject(c), found)))
		if (!found->cached && found->role == IKE_CERTIFICATE_END &&
			ike_certificate_equal(found->certificate, c))
			return true;
	return false;
}

/* Nobody vouches for it, so this is all that there is to check. */
static enum ike_trust check_pinned(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *c, struct ike_failure *failure)
{
	struct trust_path chain = { { c }, 1 };

	if (ike_certificate_kind(c) == IKE_CERTIFICATE_X509 &&
		(!trust_valid_now(e, c, failure) || !check_usage(c, failure)))
		return IKE_TRUST_NO;
	return check_strength(query, &chain, failure) ? IKE_TRUST_YES : IKE_TRUST_NO;
}

enum ike_trust ike_trust_check(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *candidate, struct ike_failure *failure)
{
	struct trust_path chain;

	if (is_pinned(e, query, candidate))
		return check_pinned(e, query, candidate, failure);
	if (ike_certificate_kind(candidate) != IKE_CERTIFICATE_X509) {
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"the peer's raw public key is not loaded here");
		return IKE_TRUST_NO;
	}
	if (!trust_path_find(e, query, candidate, &chain, failure) ||
		!check_usage(candidate, failure) || !check_authorities(query, &chain, failure) ||
		!check_strength(query, &chain, failure))
		return IKE_TRUST_NO;
	return check_revocation(e, query, &chain, failure);
}
