/* Everything that a CRL server and an OCSP responder can say, under each policy. */
#include "testing/unit/engine/revocation_bed.h"

#include <openssl/ocsp.h>
#include <stdio.h>
#include <string.h>

#define CRL_URL "http://crl.example.org/ca.crl"
#define OCSP_URL "http://ocsp.example.org/"

enum crl {
	CRL_NONE, /* no URI */
	CRL_GOOD,
	CRL_REVOKED,
	CRL_UNREACHABLE,
	CRL_SILENT,
	CRL_GARBAGE,
	CRL_STALE,
	CRL_STALE_REVOKED,
	CRL_FUTURE,
	CRL_FORGED,
	CRL_FORGED_REVOKED,
	CRL_WRONG_ISSUER,
	CRL_CAS_ALONE,
	CRL_INDIRECT,
	CRLS,
};

enum ocsp {
	OCSP_NONE,
	OCSP_GOOD,
	OCSP_REVOKED,
	OCSP_UNREACHABLE,
	OCSP_SILENT,
	OCSP_GARBAGE,
	OCSP_TRY_LATER,
	OCSP_DOES_NOT_KNOW,
	OCSP_STALE,
	OCSP_FUTURE,
	OCSP_FORGED,
	OCSP_WRONG_NONCE,
	OCSP_REPLAYED, /* from before, without a nonce */
	OCSP_OF_ANOTHER,
	OCSP_DELEGATE_GOOD,
	OCSP_DELEGATE_REVOKED,
	OCSP_DELEGATE_WITHOUT_USAGE,
	OCSP_DELEGATE_EXPIRED,
	OCSP_DELEGATE_OF_ANOTHER_CA,
	OCSP_ANSWERS,
};

static const char *const crl_names[CRLS] = { "none", "good", "revoked", "unreachable", "silent",
	"garbage", "stale", "stale, revoked", "future", "forged", "forged, revoked", "wrong issuer",
	"CAs alone", "indirect" };
static const char *const ocsp_names[OCSP_ANSWERS] = { "none", "good", "revoked", "unreachable",
	"silent", "garbage", "try later", "does not know", "stale", "future", "forged",
	"wrong nonce", "replayed", "of another", "delegate, good", "delegate, revoked",
	"delegate without usage", "delegate expired", "delegate of another CA" };

/* What the failure must mention, when nothing else decides. */
static const char *const crl_words[CRLS] = { "", "", "", "HTTP status 404", "no answer", "no CRL",
	"stale", "", "future", "not signed", "not signed", "another issuer", "CAs alone",
	"indirect" };
static const char *const ocsp_words[OCSP_ANSWERS] = { "", "", "", "HTTP status 404", "no answer",
	"no OCSP response", "trylater", "does not know", "stale", "future", "signature is wrong",
	"nonce", "stale", "not about this certificate", "", "", "may not sign", "not valid now",
	"did not certify" };

struct pki {
	struct pki_certificate ca, other_ca, peer[2][2], another;
	struct pki_certificate delegate, no_usage, expired, foreign;
};

static struct pki pki;

static struct pki_certificate issue(
	const char *subject, const struct pki_certificate *issuer, const char *extensions)
{
	struct pki_certificate c = pki_issue(&(struct pki_spec){
		.subject = subject, .issuer = issuer, .extensions = extensions });

	ck_assert_msg(c.c != NULL, "%s", c.why.text);
	return c;
}

static void make_pki(void)
{
	if (pki.ca.c)
		return;
	pki.ca = pki_root("/CN=CA");
	pki.other_ca = pki_root("/CN=Other CA");
	for (int crl = 0; crl < 2; crl++)
		for (int ocsp = 0; ocsp < 2; ocsp++) {
			char extensions[500];

			snprintf(extensions, sizeof(extensions), PKI_END "%s%s",
				crl ? "crlDistributionPoints = URI:" CRL_URL "\n" : "",
				ocsp ? "authorityInfoAccess = OCSP;URI:" OCSP_URL "\n" : "");
			pki.peer[crl][ocsp] = issue("/CN=peer", &pki.ca, extensions);
		}
	pki.another = issue("/CN=another", &pki.ca, PKI_END);
	pki.delegate = issue("/CN=responder", &pki.ca, PKI_RESPONDER);
	pki.no_usage = issue("/CN=responder", &pki.ca, PKI_END);
	pki.foreign = issue("/CN=responder", &pki.other_ca, PKI_RESPONDER);
	pki.expired = pki_issue(&(struct pki_spec){ .subject = "/CN=responder",
		.issuer = &pki.ca,
		.extensions = PKI_RESPONDER,
		.not_after = PKI_DAYS(-1) });
}

struct world {
	enum crl crl;
	enum ocsp ocsp;
	const struct pki_certificate *peer;
};

static struct bytes say_crl(const struct world *w)
{
	const struct pki_certificate *revoked[] = { w->peer, NULL };
	struct pki_crl_spec spec = { .issuer = &pki.ca,
		.extensions = "crlNumber = DER:02:01:07\n" };

	switch (w->crl) {
	case CRL_REVOKED:
		spec.revoked = revoked;
		break;
	case CRL_UNREACHABLE:
		return (struct bytes){ 0 };
	case CRL_GARBAGE:
		return bytes_duplicate(bytes_of_text("<html>It works!</html>"));
	case CRL_STALE_REVOKED:
		spec.revoked = revoked;
		spec.next_update = PKI_DAYS(-1);
		break;
	case CRL_STALE:
		spec.next_update = PKI_DAYS(-1);
		break;
	case CRL_FUTURE:
		spec.this_update = PKI_DAYS(1);
		break;
	case CRL_FORGED_REVOKED:
		spec.revoked = revoked;
		spec.signer = pki.other_ca.key;
		break;
	case CRL_FORGED:
		spec.signer = pki.other_ca.key;
		break;
	case CRL_WRONG_ISSUER:
		spec.issuer = &pki.other_ca;
		break;
	case CRL_CAS_ALONE:
		spec.extensions =
			"crlNumber = DER:02:01:07\nissuingDistributionPoint = critical, @idp\n"
			"[idp]\nonlyCA = TRUE\n";
		break;
	case CRL_INDIRECT:
		spec.extensions =
			"crlNumber = DER:02:01:07\nissuingDistributionPoint = critical, @idp\n"
			"[idp]\nindirectCRL = TRUE\n";
		break;
	default:
		break;
	}
	return pki_crl(&spec);
}

static void say_ocsp_times(enum ocsp ocsp, struct pki_ocsp_spec *spec)
{
	switch (ocsp) {
	case OCSP_STALE:
		spec->this_update = PKI_DAYS(-3);
		spec->next_update = PKI_DAYS(-2);
		break;
	case OCSP_FUTURE:
		spec->this_update = PKI_NOW + 3600;
		break;
	case OCSP_REPLAYED:
		spec->this_update = PKI_NOW - 3600;
		spec->next_update = -1;
		spec->nonce = (struct bytes){ 0 };
		break;
	default:
		break;
	}
}

static void say_ocsp_signer(enum ocsp ocsp, struct pki_ocsp_spec *spec)
{
	spec->enclosed = true;
	switch (ocsp) {
	case OCSP_FORGED:
		spec->signer_key = pki.other_ca.key;
		spec->enclosed = false;
		break;
	case OCSP_DELEGATE_GOOD:
	case OCSP_DELEGATE_REVOKED:
		spec->signer = &pki.delegate;
		break;
	case OCSP_DELEGATE_WITHOUT_USAGE:
		spec->signer = &pki.no_usage;
		break;
	case OCSP_DELEGATE_EXPIRED:
		spec->signer = &pki.expired;
		break;
	case OCSP_DELEGATE_OF_ANOTHER_CA:
		spec->signer = &pki.foreign;
		break;
	default:
		break;
	}
}

static struct bytes say_ocsp(const struct world *w, struct bytes request)
{
	struct pki_ocsp_spec spec = {
		.certificate = w->ocsp == OCSP_OF_ANOTHER ? &pki.another : w->peer,
		.issuer = &pki.ca,
		.nonce = pki_ocsp_nonce(request),
	};
	const void *nonce = spec.nonce.at;
	static const uint8_t other[32] = { 1 };

	ck_assert_uint_eq(spec.nonce.length, 32);
	if (w->ocsp == OCSP_UNREACHABLE || w->ocsp == OCSP_GARBAGE || w->ocsp == OCSP_TRY_LATER) {
		free((void *)nonce);
		return w->ocsp == OCSP_UNREACHABLE ? (struct bytes){ 0 }
		       : w->ocsp == OCSP_GARBAGE
			       ? bytes_duplicate(bytes_of_text("\x30\x03\x0a\x01"))
			       : pki_ocsp_failure(OCSP_RESPONSE_STATUS_TRYLATER);
	}
	if (w->ocsp == OCSP_REVOKED || w->ocsp == OCSP_DELEGATE_REVOKED)
		spec.status = V_OCSP_CERTSTATUS_REVOKED;
	if (w->ocsp == OCSP_DOES_NOT_KNOW)
		spec.status = V_OCSP_CERTSTATUS_UNKNOWN;
	if (w->ocsp == OCSP_WRONG_NONCE)
		spec.nonce = bytes_of(other, sizeof(other));
	say_ocsp_times(w->ocsp, &spec);
	say_ocsp_signer(w->ocsp, &spec);
	struct bytes response = pki_ocsp(&spec);
	free((void *)nonce);
	return response;
}

static struct bytes serve(void *context, const struct bed_fetch *f)
{
	const struct world *w = context;

	return strcmp(f->url, CRL_URL) == 0 ? say_crl(w) : say_ocsp(w, f->body);
}

/* Those that nobody answers are not even looked at. */
static size_t answer_the_loud(struct bed *b, const struct world *w)
{
	size_t answered = 0;

	for (size_t i = 0; i < b->fetch_count; i++) {
		struct bed_fetch *f = &b->fetches[i];
		bool crl = strcmp(f->url, CRL_URL) == 0;

		if (f->answered || (crl ? w->crl == CRL_SILENT : w->ocsp == OCSP_SILENT))
			continue;
		struct bytes body = serve((void *)w, f);
		bed_answer_one(b, f, body, body.at ? NULL : "HTTP status 404");
		free((void *)body.at);
		answered++;
	}
	return answered;
}

static enum ike_trust decide(struct bed *b, const struct world *w, uint8_t policy)
{
	ike_time limit = b->now + IKE_REVOCATION_WAIT;
	enum ike_trust trust;

	while ((trust = bed_check_once(b, w->peer, &pki.ca, policy)) == IKE_TRUST_LATER) {
		if (answer_the_loud(b, w) == 0)
			bed_pass(b, 500);
		ck_assert_int_le(b->now, limit);
	}
	return trust;
}

static enum ike_reason expected(const struct world *w, uint8_t policy)
{
	bool ocsp_good = w->ocsp == OCSP_GOOD || w->ocsp == OCSP_DELEGATE_GOOD;
	bool ocsp_bad = w->ocsp == OCSP_REVOKED || w->ocsp == OCSP_DELEGATE_REVOKED;
	bool uri = w->crl != CRL_NONE || w->ocsp != OCSP_NONE;

	if (ocsp_good)
		return IKE_REASON_NONE;
	if (ocsp_bad || w->crl == CRL_REVOKED || w->crl == CRL_STALE_REVOKED)
		return IKE_REASON_REVOKED;
	if (w->crl == CRL_GOOD || policy == IKE_REVOCATION_RELAXED)
		return IKE_REASON_NONE;
	return policy == IKE_REVOCATION_STRICT || uri ? IKE_REASON_REVOCATION_UNKNOWN
						      : IKE_REASON_NONE;
}

static void check_words(const struct bed *b, const struct world *w, enum ike_reason reason)
{
	const char *text = b->failure.text;

	ck_assert_msg(strstr(text, "CN=peer") != NULL, "%s", text);
	if (reason == IKE_REASON_REVOKED) {
		ck_assert_msg(
			strstr(text, "revoked on 2025-12-22 00:00:00 UTC") != NULL, "%s", text);
		ck_assert_msg(
			strstr(text, w->ocsp == OCSP_REVOKED || w->ocsp == OCSP_DELEGATE_REVOKED
					     ? OCSP_URL
					     : CRL_URL) != NULL,
			"%s", text);
		return;
	}
	if (w->ocsp != OCSP_SILENT)
		ck_assert_msg(
			strstr(text, crl_words[w->crl]) != NULL, "%s: %s", crl_names[w->crl], text);
	ck_assert_msg(
		strstr(text, ocsp_words[w->ocsp]) != NULL, "%s: %s", ocsp_names[w->ocsp], text);
}

START_TEST(each_combination_ends_as_the_policy_says)
{
	make_pki();
	for (int crl = 0; crl < CRLS; crl++) {
		for (int ocsp = 0; ocsp < OCSP_ANSWERS; ocsp++) {
			const struct world w = { (enum crl)crl, (enum ocsp)ocsp,
				&pki.peer[crl != CRL_NONE][ocsp != OCSP_NONE] };
			struct bed *b = bed_new();
			enum ike_reason reason = expected(&w, (uint8_t)_i);
			enum ike_trust trust = decide(b, &w, (uint8_t)_i);

			ck_assert_msg(b->failure.reason == reason,
				"CRL %s, OCSP %s, policy %d: %s (%s), not %s", crl_names[crl],
				ocsp_names[ocsp], _i, ike_reason_name(b->failure.reason),
				b->failure.text, ike_reason_name(reason));
			ck_assert_int_eq(trust, reason ? IKE_TRUST_NO : IKE_TRUST_YES);
			if (reason)
				check_words(b, &w, reason);
			bed_free(b);
		}
	}
}
END_TEST

TCase *revocation_matrix_tests(void)
{
	TCase *t = tcase_create("matrix");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, each_combination_ends_as_the_policy_says, IKE_REVOCATION_RELAXED,
		IKE_REVOCATION_STRICT + 1);
	return t;
}
