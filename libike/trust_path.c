/*
 * Chains of certificates (RFC 5280 6). Which certificates a chain may consist of is searched here,
 * because names and key ids do not always tell; that one chain holds is OpenSSL's to say:
 * signatures, validity, path lengths, key usage of CAs, name constraints, policies, critical
 * extensions.
 */
#include "libike/trust_path.h"

#include "libike/engine_priv.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#define POOL_MAX 64
/* What one peer may cost: signatures that are checked to tell CAs of the same name apart, and
 * chains that are verified. */
#define SIGNATURES_MAX 64
#define CHAINS_MAX 16
#define CLOCK_UNSET_BEFORE INT64_C(1704067200) /* 2024: this program is younger */

/* What a chain may be made of; borrowed. */
struct pool {
	struct ike_certificate *items[POOL_MAX];
	bool anchors[POOL_MAX];
	size_t count;
};

struct search {
	struct ike_engine *e;
	const struct ike_auth_round *round;
	struct pool pool;
	size_t path[TRUST_PATH_MAX]; /* in the pool */
	size_t count;
	unsigned signatures, chains; /* checked so far */
	size_t dead_end;             /* where the longest way ended, and its length */
	size_t dead_end_count;
	bool dead_end_forged; /* there are CAs of the issuer's name, but none has signed it */
	struct ike_failure *failure; /* of the first chain that reached an anchor */
};

/* ---- The pool ---- */

static void pool_add(struct pool *p, struct ike_certificate *c, bool anchor)
{
	if (p->count == POOL_MAX || ike_certificate_kind(c) != IKE_CERTIFICATE_X509)
		return;
	for (size_t i = 0; i < p->count; i++)
		if (ike_certificate_equal(p->items[i], c))
			return;
	/* As in strongSwan, an intermediate CA is none that a chain could end at. */
	p->anchors[p->count] = anchor && ike_certificate_is_self_signed(c);
	p->items[p->count++] = c;
}

/* Loaded CAs of that name. What came from peers or servers is never an anchor. */
static void pool_add_issuers(struct search *s, size_t of)
{
	const struct ike_identity *issuer = ike_certificate_issuer(s->pool.items[of]);
	const struct ike_stored_certificate *found = NULL;

	for (size_t i = 0; s->round && i < s->round->cacert_count; i++)
		if (ike_identity_equal(ike_certificate_subject(s->round->cacerts[i]), issuer))
			pool_add(&s->pool, s->round->cacerts[i], true);
	while ((found = ike_certificates_by_name(ike_engine_certificates(s->e), issuer, found)))
		if (found->role == IKE_CERTIFICATE_CA)
			pool_add(&s->pool, found->certificate, !found->cached);
}

static void pool_fill(
	struct search *s, const struct ike_trust_query *query, struct ike_certificate *candidate)
{
	pool_add(&s->pool, candidate, false);
	/* Loaded ones first: a peer that sends its root along does not make it untrusted. */
	for (size_t i = 0; i < s->pool.count; i++)
		pool_add_issuers(s, i);
	for (size_t i = 0; i < query->received_count; i++) {
		size_t before = s->pool.count;

		pool_add(&s->pool, query->received[i], false);
		for (size_t j = before; j < s->pool.count; j++)
			pool_add_issuers(s, j);
	}
}

/* ---- Words ---- */

static void format_time(int64_t seconds, char text[32])
{
	time_t when = (time_t)seconds;
	struct tm parts;

	if (!gmtime_r(&when, &parts) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &parts))
		snprintf(text, 32, "?");
}

bool trust_valid_now(
	struct ike_engine *e, const struct ike_certificate *c, struct ike_failure *failure)
{
	int64_t now = e->host.wall_clock(e->host.context);
	char subject[IKE_IDENTITY_TEXT_MAX], when[32], clock[32];

	if (now >= ike_certificate_not_before(c) && now <= ike_certificate_not_after(c))
		return true;
	ike_identity_format(ike_certificate_subject(c), subject);
	format_time(now, clock);
	if (now > ike_certificate_not_after(c)) {
		format_time(ike_certificate_not_after(c), when);
		ike_failure_set(failure, IKE_REASON_CERT_EXPIRED, NULL, NULL,
			"certificate '%s' was valid until %s", subject, when);
		return false;
	}
	format_time(ike_certificate_not_before(c), when);
	ike_failure_set(failure, IKE_REASON_CERT_EXPIRED, NULL, NULL,
		"certificate '%s' is not valid before %s%s%s", subject, when,
		now < CLOCK_UNSET_BEFORE ? "; this host's clock says " : "",
		now < CLOCK_UNSET_BEFORE ? clock : "");
	ike_failure_set_differs(failure, "clock");
	return false;
}

static struct ike_certificate *of_x509(const struct search *s, const X509 *x509)
{
	for (size_t i = 0; x509 && i < s->count; i++)
		if (ike_certificate_x509(s->pool.items[s->path[i]]) == x509)
			return s->pool.items[s->path[i]];
	return s->pool.items[s->path[0]];
}

static void fail_chain(struct search *s, X509_STORE_CTX *context)
{
	const struct ike_certificate *c = of_x509(s, X509_STORE_CTX_get_current_cert(context));
	int error = X509_STORE_CTX_get_error(context);
	char subject[IKE_IDENTITY_TEXT_MAX];

	if ((error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID) &&
		!trust_valid_now(s->e, c, s->failure))
		return;
	ike_identity_format(ike_certificate_subject(c), subject);
	if (error == X509_V_ERR_NO_EXPLICIT_POLICY)
		ike_failure_set(s->failure, IKE_REASON_POLICY, NULL, NULL,
			"the chain of certificate '%s' lacks a policy that cert_policy asks for",
			subject);
	else
		ike_failure_set(s->failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"certificate '%s' is not to be trusted: %s", subject,
			X509_verify_cert_error_string(error));
}

static void fail_search(const struct search *s, struct ike_failure *failure)
{
	const struct ike_certificate *c = s->pool.items[s->dead_end];
	char subject[IKE_IDENTITY_TEXT_MAX], issuer[IKE_IDENTITY_TEXT_MAX];

	ike_identity_format(ike_certificate_subject(c), subject);
	ike_identity_format(ike_certificate_issuer(c), issuer);
	if (s->dead_end_forged)
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"certificate '%s' is not to be trusted: no CA called '%s' that is known "
			"has signed it",
			subject, issuer);
	else if (ike_certificate_is_self_signed(c))
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"'%s' is self-signed, and not loaded here as one to be trusted", subject);
	else
		ike_failure_set(failure, IKE_REASON_UNTRUSTED, NULL, NULL,
			"no CA certificate is loaded for '%s', which issued '%s'", issuer, subject);
}

/* ---- One chain ---- */

static bool set_policy(X509_VERIFY_PARAM *parameters, const char *oid)
{
	ASN1_OBJECT *policy = OBJ_txt2obj(oid, 1);

	if (!policy)
		return false;
	if (!X509_VERIFY_PARAM_add0_policy(parameters, policy)) {
		ASN1_OBJECT_free(policy);
		return false;
	}
	return X509_VERIFY_PARAM_set_flags(
		parameters, X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_EXPLICIT_POLICY);
}

static bool fill_stores(const struct search *s, X509_STORE *anchors, STACK_OF(X509) * others)
{
	for (size_t i = 1; i < s->count; i++) {
		X509 *x509 = ike_certificate_x509(s->pool.items[s->path[i]]);

		if (i + 1 == s->count ? !X509_STORE_add_cert(anchors, x509)
				      : !sk_X509_push(others, x509))
			return false;
	}
	return true;
}

/* oid NULL: whatever the policies are. */
static bool verify_with_policy(struct search *s, const char *oid)
{
	X509_STORE *anchors = X509_STORE_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	X509_STORE_CTX *context = X509_STORE_CTX_new_ex(s->e->host.library, NULL);
	X509 *end = ike_certificate_x509(s->pool.items[s->path[0]]);
	bool ready = anchors && others && context && fill_stores(s, anchors, others) &&
		     X509_STORE_CTX_init(context, anchors, end, others);
	bool good = false;

	if (ready) {
		X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

		X509_VERIFY_PARAM_set_time(
			parameters, (time_t)s->e->host.wall_clock(s->e->host.context));
		X509_VERIFY_PARAM_set_depth(parameters, TRUST_PATH_MAX);
		ready = !oid || set_policy(parameters, oid);
	}
	if (!ready)
		ike_failure_set(s->failure, IKE_REASON_RESOURCES, NULL, NULL,
			"out of memory, or '%s' is no policy", oid ? oid : "");
	else if (X509_verify_cert(context) > 0)
		good = true;
	else
		fail_chain(s, context);
	X509_STORE_CTX_free(context);
	sk_X509_free(others);
	X509_STORE_free(anchors);
	ERR_clear_error();
	return good;
}

/* OpenSSL is content with one of several policies; cert_policy means each. */
static bool verify(struct search *s)
{
	size_t policies = s->round ? s->round->cert_policy_count : 0;

	if (policies == 0)
		return verify_with_policy(s, NULL);
	for (size_t i = 0; i < policies; i++)
		if (!verify_with_policy(s, s->round->cert_policies[i]))
			return false;
	return true;
}

/* ---- Searching ---- */

static bool may_have_issued(
	const struct ike_certificate *issuer, const struct ike_certificate *subject)
{
	struct bytes wanted = ike_certificate_authority_key_id(subject);
	struct bytes has = ike_certificate_subject_key_id(issuer);

	return ike_identity_equal(
		       ike_certificate_subject(issuer), ike_certificate_issuer(subject)) &&
	       (wanted.length == 0 || has.length == 0 || bytes_equal(wanted, has));
}

static bool is_on_path(const struct search *s, size_t item)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->path[i] == item)
			return true;
	return false;
}

static size_t find_issuers(const struct search *s, size_t of, size_t ret[POOL_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < s->pool.count; i++)
		if (!is_on_path(s, i) && may_have_issued(s->pool.items[i], s->pool.items[of]))
			ret[count++] = i;
	return count;
}

/* A single one is checked with its chain. */
static bool has_signed(struct search *s, size_t issuer, size_t subject)
{
	EVP_PKEY *pkey = ike_public_key_pkey(ike_certificate_key(s->pool.items[issuer]));
	bool good;

	if (++s->signatures > SIGNATURES_MAX)
		return false;
	good = X509_verify(ike_certificate_x509(s->pool.items[subject]), pkey) == 1;
	ERR_clear_error();
	return good;
}

static void note_dead_end(struct search *s, bool forged)
{
	if (s->count < s->dead_end_count)
		return;
	s->dead_end = s->path[s->count - 1];
	s->dead_end_count = s->count;
	s->dead_end_forged = forged;
}

/* Goes on from the end of the path. The depth is TRUST_PATH_MAX at most. */
static bool extend(struct search *s)
{
	size_t last = s->path[s->count - 1], issuers[POOL_MAX], count, fitting = 0;

	if (s->pool.anchors[last])
		return ++s->chains <= CHAINS_MAX && verify(s);
	count = s->count < TRUST_PATH_MAX ? find_issuers(s, last, issuers) : 0;
	for (size_t i = 0; i < count; i++) {
		if (count > 1 && !has_signed(s, issuers[i], last))
			continue;
		fitting++;
		s->path[s->count++] = issuers[i];
		if (extend(s))
			return true;
		s->count--;
	}
	if (fitting == 0)
		note_dead_end(s, count > 0);
	return false;
}

bool trust_path_find(struct ike_engine *e, const struct ike_trust_query *query,
	struct ike_certificate *candidate, struct trust_path *ret, struct ike_failure *failure)
{
	struct ike_failure first = { 0 };
	struct search s = { .e = e, .round = query->round, .failure = &first };
	bool found;

	pool_fill(&s, query, candidate);
	s.path[s.count++] = 0;
	found = extend(&s);
	if (found) {
		ret->count = s.count;
		for (size_t i = 0; i < s.count; i++)
			ret->items[i] = s.pool.items[s.path[i]];
	} else if (first.reason != IKE_REASON_NONE && failure->reason == IKE_REASON_NONE) {
		ike_failure_copy(failure, &first);
	} else {
		fail_search(&s, failure);
	}
	ike_failure_free(&first);
	return found;
}
