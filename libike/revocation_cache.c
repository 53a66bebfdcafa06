/* What was fetched and verified. */
#include "libike/revocation_priv.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <utlist.h>

#define LOOK_EVERY IKE_SECONDS(3600)
/* A CRL is asked for anew in the last tenth of its time, but not longer before its end. */
#define LEAD_MAX 3600

/* ---- CRLs ---- */

static bool same_issuer(const struct ike_certificate *a, const struct ike_certificate *b)
{
	return ike_public_key_equal(ike_certificate_key(a), ike_certificate_key(b)) &&
	       ike_identity_equal(ike_certificate_subject(a), ike_certificate_subject(b));
}

static size_t size_of(const struct ike_cached_crl *c)
{
	return c->stored ? 0 : ike_crl_der(c->crl).length;
}

static void crl_free(struct ike_revocation *r, struct ike_cached_crl *c)
{
	DL_DELETE(r->crls, c);
	r->crl_count--;
	r->crl_bytes -= size_of(c);
	ike_crl_free(c->crl);
	ike_certificate_free(c->issuer);
	free(c->url);
	free(c->refusal);
	free(c);
}

static struct ike_cached_crl *crl_add(struct ike_revocation *r, struct ike_crl *crl,
	struct ike_certificate *issuer, const char *url, bool stored)
{
	struct ike_cached_crl *c = calloc(1, sizeof(*c));

	if (!c || (url && !(c->url = strdup(url)))) {
		free(c);
		return NULL;
	}
	c->crl = ike_crl_hold(crl);
	c->issuer = ike_certificate_hold(issuer);
	c->stored = stored;
	DL_APPEND(r->crls, c);
	r->crl_count++;
	r->crl_bytes += size_of(c);
	while (r->crl_count > IKE_CRLS_MAX || (r->crl_bytes > IKE_CRL_BYTES_MAX && r->crls != c))
		crl_free(r, r->crls);
	return c;
}

void ike_cached_crl_used(struct ike_engine *e, struct ike_cached_crl *c)
{
	struct ike_revocation *r = e->revocation;

	DL_DELETE(r->crls, c);
	DL_APPEND(r->crls, c);
	if (c->used)
		return;
	c->used = true;
	ike_revocation_wake_at(e, e->now); /* to plan its refreshing */
}

static bool is_stale(const struct ike_engine *e, const struct ike_crl *crl)
{
	int64_t end = ike_crl_next_update(crl);

	return end && end <= ike_wall_clock(e);
}

/* What must be so before anything in it is believed. */
static bool verify(const struct ike_engine *e, const struct ike_crl *crl,
	const struct ike_certificate *issuer, struct why *why)
{
	if (!ike_identity_equal(ike_crl_issuer(crl), ike_certificate_subject(issuer)))
		return why_fail(why, "the CRL is of another issuer, and indirect CRLs are not "
				     "supported");
	if (!ike_crl_signed_by(crl, issuer))
		return why_fail(why, "the CRL is not signed by its issuer");
	if (ike_crl_this_update(crl) > ike_wall_clock(e) + IKE_REVOCATION_SKEW)
		return why_fail(why, "the CRL is from the future");
	return ike_crl_is_usable(crl, why) || why_prefix(why, "the CRL is refused: ");
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* From the same place, of the same kind: the new one replaces it. */
static struct ike_cached_crl *predecessor(struct ike_revocation *r, const struct ike_crl *crl,
	const struct ike_certificate *issuer, const char *url)
{
	struct ike_cached_crl *c;

	DL_FOREACH(r->crls, c)
	{
		if (!c->stored && same_text(c->url, url) &&
			ike_crl_is_delta(c->crl) == ike_crl_is_delta(crl) &&
			same_issuer(c->issuer, issuer))
			return c;
	}
	return NULL;
}

bool ike_crl_keep(struct ike_engine *e, struct ike_crl *crl, struct ike_certificate *issuer,
	const char *url, struct why *why)
{
	struct ike_revocation *r = e->revocation;

	if (!verify(e, crl, issuer, why))
		return false;
	struct ike_cached_crl *old = predecessor(r, crl, issuer, url);
	if (old && ike_crl_this_update(crl) < ike_crl_this_update(old->crl))
		return why_fail(why, "the CRL is older than the one that is known");
	struct ike_cached_crl *c = crl_add(r, crl, issuer, url, false);
	if (!c)
		return why_fail(why, "out of memory");
	/* whoever needed the old one needs it */
	if (old && predecessor(r, crl, issuer, url) == old) {
		c->used = old->used;
		crl_free(r, old);
	}
	c->refreshed_at = e->now;
	ike_revocation_wake_at(e, e->now);
	return !is_stale(e, crl) || why_fail(why, "the CRL is stale");
}

/* Nobody's signature is checked twice. */
static bool is_known(
	struct ike_revocation *r, const struct ike_crl *crl, const struct ike_certificate *issuer)
{
	struct ike_cached_crl *c;

	DL_FOREACH(r->crls, c)
	{
		if (c->crl == crl && same_issuer(c->issuer, issuer))
			return true;
	}
	return false;
}

static bool is_stored(struct ike_engine *e, const struct ike_crl *crl)
{
	struct ike_crl *each;

	for (size_t i = 0; (each = ike_certificates_crl(e->certificates, i)); i++)
		if (each == crl)
			return true;
	return false;
}

void ike_crls_gather(struct ike_engine *e, struct ike_certificate *issuer)
{
	struct ike_revocation *r = e->revocation;
	struct ike_crl *crl;
	char text[IKE_IDENTITY_TEXT_MAX];
	struct why why;

	for (size_t i = 0; (crl = ike_certificates_crl(e->certificates, i)); i++) {
		if (!ike_identity_equal(ike_crl_issuer(crl), ike_certificate_subject(issuer)) ||
			is_known(r, crl, issuer))
			continue;
		struct ike_cached_crl *c = crl_add(r, crl, issuer, NULL, true);
		if (c && !verify(e, crl, issuer, &why)) {
			c->refusal = strdup(why.text);
			if (!c->refusal) {
				crl_free(r, c);
				continue;
			}
			ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "loaded CRL of \"%s\": %s",
				ike_identity_format(ike_crl_issuer(crl), text), why.text);
		}
	}
}

struct ike_cached_crl *ike_crls_next(
	struct ike_engine *e, const struct ike_certificate *issuer, struct ike_cached_crl *previous)
{
	struct ike_cached_crl *c = previous ? previous->next : e->revocation->crls;

	while (c && (!same_issuer(c->issuer, issuer) || (c->stored && !is_stored(e, c->crl))))
		c = c->next;
	return c;
}

/* ---- OCSP ---- */

static bool key_of(const struct ike_certificate *certificate, const struct ike_certificate *issuer,
	struct ike_ocsp_key *ret)
{
	struct bytes serial = ike_certificate_serial(certificate);

	if (serial.length > IKE_SERIAL_MAX)
		return false;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->issuer, ike_public_key_info_id(ike_certificate_key(issuer)), IKE_KEY_ID_LENGTH);
	ret->serial_length = (uint8_t)serial.length;
	ret->negative = ASN1_STRING_type(X509_get0_serialNumber(
				ike_certificate_x509(certificate))) == V_ASN1_NEG_INTEGER;
	bytes_copy(ret->serial, serial);
	return true;
}

static void ocsp_free(struct ike_revocation *r, struct ike_cached_ocsp *o)
{
	if (o->by_key.tbl)
		HASH_DELETE(by_key, r->ocsp, o);
	r->ocsp_bytes -= o->der.length;
	free((void *)o->der.at);
	free(o->url);
	free(o);
}

static struct ike_cached_ocsp *ocsp_find(const struct ike_engine *e,
	const struct ike_certificate *certificate, const struct ike_certificate *issuer)
{
	struct ike_cached_ocsp *found = NULL;
	struct ike_ocsp_key key;

	if (key_of(certificate, issuer, &key))
		HASH_FIND(by_key, e->revocation->ocsp, &key, sizeof(key), found);
	return found;
}

static bool ocsp_add(struct ike_revocation *r, const struct ike_cached_ocsp *from)
{
	struct ike_cached_ocsp *o = malloc(sizeof(*o));

	if (!o)
		return false;
	*o = *from;
	r->ocsp_bytes += o->der.length;
	HASH_ADD(by_key, r->ocsp, key, sizeof(o->key), o);
	if (!o->by_key.tbl) {
		ocsp_free(r, o);
		return false;
	}
	while (HASH_CNT(by_key, r->ocsp) > IKE_OCSP_ANSWERS_MAX ||
		r->ocsp_bytes > IKE_OCSP_BYTES_MAX)
		ocsp_free(r, r->ocsp);
	return true;
}

void ike_ocsp_question_of(struct ike_engine *e, const struct ike_certificate *certificate,
	const struct ike_certificate *issuer, struct ike_ocsp_question *ret,
	struct ike_certificate **signers, size_t room)
{
	const struct ike_stored_certificate *each;

	*ret = (struct ike_ocsp_question){
		.library = e->host.library,
		.certificate = certificate,
		.issuer = issuer,
		.signers = signers,
		.now = ike_wall_clock(e),
	};
	for (size_t i = 0; (each = ike_certificates_get(e->certificates, i)); i++) {
		if (each->role == IKE_CERTIFICATE_OCSP && !each->cached && ret->signer_count < room)
			signers[ret->signer_count++] = each->certificate;
	}
}

static bool store_answer(struct ike_engine *e, struct bytes der,
	const struct ike_certificate *certificate, const struct ike_certificate *issuer,
	const struct ike_ocsp_answer *answer, const char *url)
{
	struct ike_cached_ocsp *old = ocsp_find(e, certificate, issuer);
	struct ike_cached_ocsp new = { .answer = *answer };

	if (!key_of(certificate, issuer, &new.key))
		return false;
	new.answer.delegate = NULL;
	new.der = bytes_duplicate(der);
	new.url = url ? strdup(url) : NULL;
	if (!new.der.at || (url && !new.url)) {
		free((void *)new.der.at);
		free(new.url);
		return false;
	}
	if (old)
		ocsp_free(e->revocation, old);
	return ocsp_add(e->revocation, &new);
}

static bool take_answer(struct ike_engine *e, struct bytes der,
	const struct ike_certificate *certificate, const struct ike_certificate *issuer,
	const struct ike_ocsp_answer *answer, const char *url, struct why *why)
{
	const struct ike_cached_ocsp *old = ocsp_find(e, certificate, issuer);

	if (answer->delegate &&
		ike_crl_lists(e, answer->delegate, (struct ike_certificate *)issuer))
		return why_fail(why, "its signer's certificate is revoked");
	if (answer->status == IKE_OCSP_UNKNOWN)
		return why_fail(why, "the responder does not know the certificate");
	if (old && answer->this_update < old->answer.this_update)
		return why_fail(why, "it is older than the one that is known");
	if (!store_answer(e, der, certificate, issuer, answer, url))
		return why_fail(why, "out of memory");
	ike_revocation_wake_at(e, e->now + LOOK_EVERY);
	return true;
}

#define SIGNERS_MAX 16

bool ike_ocsp_keep(struct ike_engine *e, struct bytes der,
	const struct ike_certificate *certificate, const struct ike_certificate *issuer,
	struct bytes nonce, const char *url, struct why *why)
{
	struct ike_certificate *signers[SIGNERS_MAX];
	struct ike_ocsp_question question;
	struct ike_ocsp_answer answer;

	ike_ocsp_question_of(e, certificate, issuer, &question, signers, SIGNERS_MAX);
	question.nonce = nonce;
	if (!ike_ocsp_read(&question, der, &answer, why))
		return why_prefix(why, "the OCSP response is refused: ");
	bool kept = take_answer(e, der, certificate, issuer, &answer, url, why) ||
		    why_prefix(why, "the OCSP response is refused: ");
	ike_certificate_free(answer.delegate);
	return kept;
}

/* Who is revoked stays so, whoever does not answer now. */
struct ike_cached_ocsp *ike_ocsp_cached(struct ike_engine *e,
	const struct ike_certificate *certificate, const struct ike_certificate *issuer)
{
	struct ike_cached_ocsp *o = ocsp_find(e, certificate, issuer);

	if (!o)
		return NULL;
	HASH_DELETE(by_key, e->revocation->ocsp, o);
	HASH_ADD(by_key, e->revocation->ocsp, key, sizeof(o->key), o);
	if (o->by_key.tbl)
		return o;
	ocsp_free(e->revocation, o);
	return NULL;
}

/* ---- Housekeeping ---- */

static ike_time sooner(ike_time a, ike_time b)
{
	return a < b ? a : b;
}

/* When to ask for it anew. */
static ike_time refresh_at(const struct ike_engine *e, const struct ike_cached_crl *c)
{
	int64_t begin = ike_crl_this_update(c->crl), end = ike_crl_next_update(c->crl);
	int64_t lead = (end - begin) / 10, now = ike_wall_clock(e);

	if (!c->used || !c->url || !end || end <= now)
		return IKE_NEVER;
	lead = lead < LEAD_MAX ? lead : LEAD_MAX;
	ike_time at = e->now + (end - lead > now ? sooner(end - lead - now, 86400) : 0) * 1000;
	ike_time earliest = c->refreshed_at + IKE_REVOCATION_NEGATIVE + IKE_SECONDS(1);
	return at > earliest ? at : earliest;
}

static ike_time tidy_crls(struct ike_engine *e)
{
	ike_time next = IKE_NEVER;
	const char *error;
	struct ike_cached_crl *c;

	DL_FOREACH(e->revocation->crls, c)
	{
		ike_time at = refresh_at(e, c);

		if (at <= e->now) {
			c->refreshed_at = e->now;
			(void)ike_ask(e, IKE_QUESTION_CRL, c->url, NULL, c->issuer, 0, &error);
			at = refresh_at(e, c);
		}
		/* the wall clock may be set meanwhile */
		next = sooner(next, at == IKE_NEVER ? at : sooner(at, e->now + LOOK_EVERY));
	}
	return next;
}

static ike_time tidy_ocsp(struct ike_engine *e)
{
	struct ike_revocation *r = e->revocation;
	struct ike_cached_ocsp *o, *next;

	HASH_ITER(by_key, r->ocsp, o, next)
	{
		if (o->answer.status == IKE_OCSP_GOOD && o->answer.until <= ike_wall_clock(e))
			ocsp_free(r, o);
	}
	return r->ocsp ? e->now + LOOK_EVERY : IKE_NEVER;
}

ike_time ike_revocation_tidy(struct ike_engine *e)
{
	return sooner(tidy_crls(e), tidy_ocsp(e));
}

void ike_revocation_forget_crls(struct ike_engine *e)
{
	struct ike_revocation *r = e->revocation;

	while (r->crls)
		crl_free(r, r->crls);
}

void ike_revocation_forget_ocsp(struct ike_engine *e)
{
	struct ike_revocation *r = e->revocation;

	while (r->ocsp)
		ocsp_free(r, r->ocsp);
}

bool ike_engine_cached(const struct ike_engine *e, size_t index, struct ike_cached *ret)
{
	const struct ike_cached_crl *c;

	DL_FOREACH(e->revocation->crls, c)
	{
		if (c->stored || index-- > 0)
			continue;
		*ret = (struct ike_cached){ .der = ike_crl_der(c->crl), .crl = c->crl };
		return true;
	}
	for (const struct ike_cached_ocsp *o = e->revocation->ocsp; o; o = o->by_key.next) {
		if (index-- > 0)
			continue;
		*ret = (struct ike_cached){ .ocsp = true, .der = o->der };
		return true;
	}
	return false;
}
