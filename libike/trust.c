/*
 * Whether a chain of certificates holds (RFC 5280 6, RFC 4945 5). OpenSSL builds it and checks
 * signatures, validity, path lengths, key usage of CAs, name constraints and policies; here it is
 * given what it may use, and what the definition demands is checked.
 */
#include "libike/trust.h"

#include "libike/engine_priv.h"
#include "libike/revocation.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#define POOL_MAX 64
#define CHAIN_MAX 12

/* What a chain may be made of; borrowed. */
struct pool {
	struct ike_certificate *items[POOL_MAX];
	bool anchors[POOL_MAX];
	size_t count;
};

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

static bool proves(const struct ike_certificate *c, const struct ike_identity *id)
{
	return !id || ike_certificate_match(c, id) != IKE_MATCH_NONE;
}

/* `certs` and `pubkeys`: the peer's is one of them. A raw key without a name is the peer's by being
 * listed. */
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

static void add_listed(struct candidates *c, const struct ike_trust_query *query)
{
	for (size_t i = 0; query->round && i < query->round->cert_count; i++) {
		struct ike_certificate *listed = query->round->certs[i];

		if (ike_certificate_kind(listed) == IKE_CERTIFICATE_PUBLIC_KEY ||
			proves(listed, query->id))
			add_candidate(c, listed);
	}
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

	if (query->received_count > 0 && is_listed(query->round, query->received[0]) &&
		ike_certificate_kind(query->received[0]) == IKE_CERTIFICATE_X509 &&
		proves(query->received[0], query->id))
		add_candidate(&c, query->received[0]);
	add_listed(&c, query);
	add_loaded(e, &c, query);
	if (c.count == 0)
		fail_candidates(query, failure);
	return c.count;
}

/* ---- What the chain may be made of ---- */

static bool pool_has(const struct pool *p, const struct ike_certificate *c)
{
	for (size_t i = 0; i < p->count; i++)
		if (ike_certificate_equal(p->items[i], c))
			return true;
	return false;
}

static void pool_add(struct pool *p, struct ike_certificate *c, bool anchor)
{
	if (p->count == POOL_MAX || ike_certificate_kind(c) != IKE_CERTIFICATE_X509 ||
		pool_has(p, c))
		return;
	p->anchors[p->count] = anchor && ike_certificate_is_self_signed(c);
	p->items[p->count++] = c;
}

/* Loaded CAs of that name. What came from peers or servers is never an anchor. */
static void pool_add_issuers(
	struct ike_engine *e, const struct ike_auth_round *round, struct pool *p, size_t of)
{
	const struct ike_identity *issuer = ike_certificate_issuer(p->items[of]);
	const struct ike_stored_certificate *found = NULL;

	if (!issuer)
		return;
	for (size_t i = 0; round && i < round->cacert_count; i++)
		if (ike_identity_equal(ike_certificate_subject(round->cacerts[i]), issuer))
			pool_add(p, round->cacerts[i], true);
	while ((found = ike_certificates_by_name(ike_engine_certificates(e), issuer, found)))
		if (found->role == IKE_CERTIFICATE_CA)
			pool_add(p, found->certificate, !found->cached);
}

static void fill_pool(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *candidate, struct pool *p)
{
	p->count = 0;
	pool_add(p, candidate, false);
	/* Anchors first: a peer that sends its root along does not make it untrusted. */
	for (size_t i = 0; i < p->count; i++)
		pool_add_issuers(e, query->round, p, i);
	for (size_t i = 0; i < query->received_count; i++) {
		size_t before = p->count;

		pool_add(p, query->received[i], false);
		for (size_t j = before; j < p->count; j++)
			pool_add_issuers(e, query->round, p, j);
	}
}

/* ---- Building it ---- */

struct chain {
	struct ike_certificate *items[CHAIN_MAX]; /* borrowed of the pool */
	size_t count;
};

static void format_time(int64_t seconds, char text[32])
{
	time_t when = (time_t)seconds;
	struct tm parts;

	if (!gmtime_r(&when, &parts) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &parts))
		snprintf(text, 32, "?");
}

static struct ike_certificate *of_x509(const struct pool *p, const X509 *x509)
{
	for (size_t i = 0; x509 && i < p->count; i++)
		if (X509_cmp(ike_certificate_x509(p->items[i]), x509) == 0)
			return p->items[i];
	return NULL;
}

static void fail_chain(const struct pool *p, X509_STORE_CTX *context, struct ike_failure *failure)
{
	const struct ike_certificate *c = of_x509(p, X509_STORE_CTX_get_current_cert(context));
	int error = X509_STORE_CTX_get_error(context);
	char subject[IKE_IDENTITY_TEXT_MAX] = "?", issuer[IKE_IDENTITY_TEXT_MAX] = "?", when[32];

	if (c)
		ike_identity_format(ike_certificate_subject(c), subject);
	if (c && ike_certificate_issuer(c))
		ike_identity_format(ike_certificate_issuer(c), issuer);
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		format_time(c ? ike_certificate_not_after(c) : 0, when);
		ike_failure_set(failure, IKE_REASON_CERT_EXPIRED, NULL, NULL,
			"certificate '%s' was valid until %s", subject, when);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		format_time(c ? ike_certificate_not_before(c) : 0, when);
		ike_failure_set(failure, IKE_REASON_CERT_EXPIRED, NULL, NULL,
			"certificate '%s' is not valid before %s", subject, when);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"no CA certificate is loaded for '%s', which issued '%s'", issuer, subject);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"'%s' is self-signed, and not loaded here as one to be trusted", subject);
		break;
	default:
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"certificate '%s' is not to be trusted: %s", subject,
			X509_verify_cert_error_string(error));
	}
}

static bool set_policies(X509_VERIFY_PARAM *parameters, const struct ike_auth_round *round)
{
	for (size_t i = 0; round && i < round->cert_policy_count; i++) {
		ASN1_OBJECT *policy = OBJ_txt2obj(round->cert_policies[i], 1);

		if (!policy)
			return false;
		if (!X509_VERIFY_PARAM_add0_policy(parameters, policy)) {
			ASN1_OBJECT_free(policy);
			return false;
		}
	}
	if (round && round->cert_policy_count > 0)
		return X509_VERIFY_PARAM_set_flags(
			parameters, X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_EXPLICIT_POLICY);
	return true;
}

static bool fill_stores(const struct pool *p, X509_STORE *anchors, STACK_OF(X509) * others)
{
	for (size_t i = 0; i < p->count; i++) {
		X509 *x509 = ike_certificate_x509(p->items[i]);

		if (p->anchors[i] ? !X509_STORE_add_cert(anchors, x509)
				  : !sk_X509_push(others, x509))
			return false;
	}
	return true;
}

static void take_chain(const struct pool *p, X509_STORE_CTX *context, struct chain *ret)
{
	STACK_OF(X509) *found = X509_STORE_CTX_get0_chain(context);

	ret->count = 0;
	for (int i = 0; i < sk_X509_num(found) && ret->count < CHAIN_MAX; i++)
		ret->items[ret->count++] = of_x509(p, sk_X509_value(found, i));
}

static bool build(struct ike_engine *e, const struct ike_trust_query *query, const struct pool *p,
	struct chain *ret, struct ike_failure *failure)
{
	X509_STORE *anchors = X509_STORE_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	X509_STORE_CTX *context = X509_STORE_CTX_new_ex(e->host.library, NULL);
	bool ready =
		anchors && others && context && fill_stores(p, anchors, others) &&
		X509_STORE_CTX_init(context, anchors, ike_certificate_x509(p->items[0]), others);
	bool done = false;

	if (ready) {
		X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

		X509_VERIFY_PARAM_set_time(parameters, (time_t)e->host.wall_clock(e->host.context));
		X509_VERIFY_PARAM_set_depth(parameters, CHAIN_MAX - 2);
		ready = set_policies(parameters, query->round);
	}
	if (!ready)
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
	else if (X509_verify_cert(context) > 0)
		done = true;
	else
		fail_chain(p, context, failure);
	if (done)
		take_chain(p, context, ret);
	X509_STORE_CTX_free(context);
	sk_X509_free(others);
	X509_STORE_free(anchors);
	return done;
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

static bool check_strength(
	const struct ike_trust_query *query, const struct chain *chain, struct ike_failure *failure)
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

static bool has_cacert(const struct ike_auth_round *round, const struct chain *chain)
{
	if (!round || round->cacert_count == 0)
		return true;
	for (size_t i = 0; i < round->cacert_count; i++)
		for (size_t j = 1; j < chain->count; j++)
			if (ike_certificate_equal(chain->items[j], round->cacerts[i]))
				return true;
	return false;
}

static bool has_ca_id(const struct ike_auth_round *round, const struct chain *chain)
{
	if (!round || !round->ca_id)
		return true;
	for (size_t j = 1; j < chain->count; j++)
		if (ike_certificate_match(chain->items[j], round->ca_id) != IKE_MATCH_NONE)
			return true;
	return false;
}

static bool check_authorities(
	const struct ike_trust_query *query, const struct chain *chain, struct ike_failure *failure)
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
	const struct chain *chain, struct ike_failure *failure)
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
	if (query->round && (query->round->cert_count > 0 || query->round->cacert_count > 0))
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
	struct chain chain = { { c }, 1 };
	int64_t now = e->host.wall_clock(e->host.context);
	char subject[IKE_IDENTITY_TEXT_MAX], when[32];

	if (ike_certificate_kind(c) == IKE_CERTIFICATE_X509) {
		bool early = now < ike_certificate_not_before(c);

		if (early || now > ike_certificate_not_after(c)) {
			format_time(early ? ike_certificate_not_before(c)
					  : ike_certificate_not_after(c),
				when);
			ike_failure_set(failure, IKE_REASON_CERT_EXPIRED, NULL, NULL,
				early ? "certificate '%s' is not valid before %s"
				      : "certificate '%s' was valid until %s",
				ike_identity_format(ike_certificate_subject(c), subject), when);
			return IKE_TRUST_NO;
		}
		if (!check_usage(c, failure))
			return IKE_TRUST_NO;
	}
	return check_strength(query, &chain, failure) ? IKE_TRUST_YES : IKE_TRUST_NO;
}

enum ike_trust ike_trust_check(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *candidate, struct ike_failure *failure)
{
	struct pool pool;
	struct chain chain;

	if (is_pinned(e, query, candidate))
		return check_pinned(e, query, candidate, failure);
	if (ike_certificate_kind(candidate) != IKE_CERTIFICATE_X509) {
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"the peer's raw public key is not loaded here");
		return IKE_TRUST_NO;
	}
	fill_pool(e, query, candidate, &pool);
	if (!build(e, query, &pool, &chain, failure) || !check_usage(candidate, failure) ||
		!check_authorities(query, &chain, failure) ||
		!check_strength(query, &chain, failure))
		return IKE_TRUST_NO;
	return check_revocation(e, query, &chain, failure);
}
