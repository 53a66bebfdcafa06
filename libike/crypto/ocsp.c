#include "libike/crypto/ocsp.h"

#include "libike/crypto/x509.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* ---- Requests ---- */

/* OCSP_request_add1_nonce() would wrap any length; RFC 8954 wants 1 to 32. */
static bool add_nonce(OCSP_REQUEST *request, struct bytes nonce)
{
	if (nonce.length == 0)
		return true;
	return nonce.length <= IKE_OCSP_NONCE_MAX &&
	       OCSP_request_add1_nonce(request, (unsigned char *)nonce.at, (int)nonce.length) == 1;
}

bool ike_ocsp_request(const struct ike_certificate *certificate,
	const struct ike_certificate *issuer, struct bytes nonce, struct bytes *ret,
	struct why *why)
{
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	OCSP_CERTID *id = OCSP_cert_to_id(
		EVP_sha1(), ike_certificate_x509(certificate), ike_certificate_x509(issuer));
	unsigned char *der = NULL;
	int length = 0;

	/* the request owns the id, once it has it */
	if (request && id && OCSP_request_add0_id(request, id)) {
		id = NULL;
		if (add_nonce(request, nonce))
			length = i2d_OCSP_REQUEST(request, &der);
	}
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
	*ret = length > 0 ? bytes_duplicate(bytes_of(der, (size_t)length)) : (struct bytes){ 0 };
	OPENSSL_free(der);
	return ret->at || why_fail(why, "OpenSSL makes no OCSP request");
}

/* ---- Who signed ---- */

static bool is_responder(const OCSP_BASICRESP *basic, struct ike_certificate *c)
{
	const ASN1_OCTET_STRING *key;
	const X509_NAME *name;
	X509 *x = ike_certificate_x509(c);

	if (!x || !OCSP_resp_get0_id(basic, &key, &name))
		return false;
	if (name)
		return X509_NAME_cmp(name, X509_get_subject_name(x)) == 0;
	return bytes_equal(bytes_of(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)),
		bytes_of(ike_public_key_id(ike_certificate_key(c)), IKE_KEY_ID_LENGTH));
}

/* Hashes that collide, and what we have no scheme for. */
static bool is_weak(const X509_ALGOR *algorithm)
{
	int salt_length;
	const struct ike_signature_scheme *scheme = x509_scheme(algorithm, &salt_length);

	return !scheme || scheme->weak;
}

static bool signed_by(OCSP_BASICRESP *basic, struct ike_certificate *signer)
{
	STACK_OF(X509) *one = sk_X509_new_null();
	/* of whom the signature alone is checked: who may sign is our own question */
	bool good = one && sk_X509_push(one, ike_certificate_x509(signer)) > 0 &&
		    OCSP_basic_verify(basic, one, NULL, OCSP_NOINTERN | OCSP_TRUSTOTHER) > 0;

	sk_X509_free(one);
	ERR_clear_error();
	return good;
}

static bool is_valid_now(const struct ike_certificate *c, int64_t now)
{
	return ike_certificate_not_before(c) <= now && now <= ike_certificate_not_after(c);
}

/* Whether the issuer made it to sign responses (RFC 6960 4.2.2.2). */
static bool is_delegate(
	const struct ike_ocsp_question *question, struct ike_certificate *signer, struct why *why)
{
	X509 *x = ike_certificate_x509(signer), *ca = ike_certificate_x509(question->issuer);
	uint32_t flags = X509_get_extension_flags(x);

	if (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(ca)) != 0 ||
		is_weak(X509_get0_tbs_sigalg(x)) ||
		X509_verify(x, ike_public_key_pkey(ike_certificate_key(question->issuer))) != 1)
		return why_fail(why, "it is signed by somebody whom the CA did not certify");
	if (flags & (EXFLAG_INVALID | EXFLAG_CRITICAL))
		return why_fail(why, "its signer's certificate cannot be understood");
	if (!(flags & EXFLAG_XKUSAGE) || !(X509_get_extended_key_usage(x) & XKU_OCSP_SIGN))
		return why_fail(
			why, "it is signed by a certificate that may not sign OCSP responses");
	if ((flags & EXFLAG_KUSAGE) && !(X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE))
		return why_fail(why, "it is signed by a key that is not to sign anything");
	return true;
}

static bool must_be_checked(X509 *x)
{
	return X509_get_ext_by_NID(x, NID_id_pkix_OCSP_noCheck, -1) < 0;
}

/* As the responder sends its certificate along. Held for the caller. */
static struct ike_certificate *enclosed_signer(
	const struct ike_ocsp_question *question, const OCSP_BASICRESP *basic)
{
	const STACK_OF(X509) *certs = OCSP_resp_get0_certs(basic);

	for (int i = 0; i < sk_X509_num(certs); i++) {
		unsigned char *der = NULL;
		int length = i2d_X509(sk_X509_value(certs, i), &der);
		struct ike_certificate *c = length > 0
						    ? ike_certificate_parse(question->library,
							      bytes_of(der, (size_t)length), NULL)
						    : NULL;

		OPENSSL_free(der);
		if (c && is_responder(basic, c))
			return c;
		ike_certificate_free(c);
	}
	return NULL;
}

static bool take_signer(const struct ike_ocsp_question *question, OCSP_BASICRESP *basic,
	struct ike_certificate *signer, struct ike_ocsp_answer *ret, struct why *why)
{
	if (!is_valid_now(signer, question->now))
		return why_fail(why, "its signer's certificate is not valid now");
	if (!signed_by(basic, signer))
		return why_fail(why, "its signature is wrong");
	memcpy(ret->responder, ike_public_key_id(ike_certificate_key(signer)), IKE_KEY_ID_LENGTH);
	return true;
}

/* Whoever it is, the responder's name or key finds the certificate. */
static bool check_signer(const struct ike_ocsp_question *question, OCSP_BASICRESP *basic,
	struct ike_ocsp_answer *ret, struct why *why)
{
	struct ike_certificate *issuer = (struct ike_certificate *)question->issuer;

	if (is_weak(OCSP_resp_get0_tbs_sigalg(basic)))
		return why_fail(why, "it is signed with a weak or unknown hash");
	if (is_responder(basic, issuer))
		return take_signer(question, basic, issuer, ret, why);
	for (size_t i = 0; i < question->signer_count; i++) {
		if (is_responder(basic, question->signers[i]))
			return take_signer(question, basic, question->signers[i], ret, why);
	}
	struct ike_certificate *signer = enclosed_signer(question, basic);
	if (!signer)
		return why_fail(why, "its signer's certificate is not there");
	bool good = is_delegate(question, signer, why) &&
		    take_signer(question, basic, signer, ret, why);
	if (good && must_be_checked(ike_certificate_x509(signer)))
		ret->delegate = ike_certificate_hold(signer);
	ike_certificate_free(signer);
	return good;
}

/* ---- What it says ---- */

static int64_t seconds_of(const ASN1_GENERALIZEDTIME *time)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	bool good = epoch && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;

	ASN1_TIME_free(epoch);
	return good ? (int64_t)days * 86400 + seconds : INT64_MIN;
}

static const char *reason_name(int reason)
{
	static const char *const names[] = { NULL, "key compromise", "CA compromise",
		"affiliation changed", "superseded", "cessation of operation", "certificate hold",
		NULL, NULL, "privilege withdrawn", "AA compromise" };

	return reason >= 0 && reason < (int)(sizeof(names) / sizeof(*names)) ? names[reason] : NULL;
}

/* The response names the certificate by hashes of its own choice. */
static bool is_about(const struct ike_ocsp_question *question, OCSP_SINGLERESP *single)
{
	OCSP_CERTID *theirs = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single), *ours;
	ASN1_OBJECT *hash = NULL;

	if (!OCSP_id_get0_info(NULL, &hash, NULL, NULL, theirs) || !hash)
		return false;
	const EVP_MD *digest = EVP_get_digestbyobj(hash);
	if (!digest || EVP_MD_get_size(digest) < 20) /* none shorter than SHA-1 */
		return false;
	ours = OCSP_cert_to_id(digest, ike_certificate_x509(question->certificate),
		ike_certificate_x509(question->issuer));
	bool same = ours && OCSP_id_cmp(ours, theirs) == 0;
	OCSP_CERTID_free(ours);
	return same;
}

static bool check_times(const struct ike_ocsp_question *question,
	const ASN1_GENERALIZEDTIME *this_update, const ASN1_GENERALIZEDTIME *next_update,
	struct ike_ocsp_answer *ret, struct why *why)
{
	ret->this_update = seconds_of(this_update);
	ret->until = next_update ? seconds_of(next_update) : ret->this_update + IKE_OCSP_AGE;
	if (!this_update || ret->this_update == INT64_MIN || ret->until == INT64_MIN)
		return why_fail(why, "its times cannot be read");
	if (ret->this_update > question->now + IKE_REVOCATION_SKEW)
		return why_fail(why, "it is from the future");
	if (ret->until <= question->now)
		return why_fail(why, "it is stale");
	return ret->until > ret->this_update || why_fail(why, "it ends before it begins");
}

static bool has_unknown_extension(OCSP_SINGLERESP *single)
{
	return OCSP_SINGLERESP_get_ext_by_critical(single, 1, -1) >= 0;
}

static bool read_single(const struct ike_ocsp_question *question, OCSP_BASICRESP *basic,
	struct ike_ocsp_answer *ret, struct why *why)
{
	ASN1_GENERALIZEDTIME *revoked_at = NULL, *this_update = NULL, *next_update = NULL;
	int reason = -1;

	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);

		if (!is_about(question, single))
			continue;
		if (has_unknown_extension(single))
			return why_fail(why, "it has a critical extension that is not supported");
		switch (OCSP_single_get0_status(
			single, &reason, &revoked_at, &this_update, &next_update)) {
		case V_OCSP_CERTSTATUS_GOOD:
			ret->status = IKE_OCSP_GOOD;
			break;
		case V_OCSP_CERTSTATUS_REVOKED:
			ret->status = IKE_OCSP_REVOKED;
			ret->revoked_at = revoked_at ? seconds_of(revoked_at) : 0;
			ret->reason = reason_name(reason);
			break;
		default:
			ret->status = IKE_OCSP_UNKNOWN;
		}
		return check_times(question, this_update, next_update, ret, why);
	}
	return why_fail(why, "it is not about this certificate");
}

/* RFC 8954: who has no nonce to give leaves it out; another one than ours is another's answer. */
static bool check_nonce(
	const struct ike_ocsp_question *question, OCSP_BASICRESP *basic, struct why *why)
{
	int at = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);
	ASN1_OCTET_STRING *nonce;

	if (at < 0 || question->nonce.length == 0)
		return true;
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, at));
	const unsigned char *der = ASN1_STRING_get0_data(value);
	nonce = d2i_ASN1_OCTET_STRING(NULL, &der, ASN1_STRING_length(value));
	bool same =
		nonce && bytes_equal(question->nonce, bytes_of(ASN1_STRING_get0_data(nonce),
							      (size_t)ASN1_STRING_length(nonce)));
	ASN1_OCTET_STRING_free(nonce);
	ERR_clear_error();
	return same || why_fail(why, "its nonce is not the one that was sent");
}

static bool has_unknown_critical(OCSP_BASICRESP *basic)
{
	for (int at = -1; (at = OCSP_BASICRESP_get_ext_by_critical(basic, 1, at)) >= 0;) {
		if (OBJ_obj2nid(X509_EXTENSION_get_object(OCSP_BASICRESP_get_ext(basic, at))) !=
			NID_id_pkix_OCSP_Nonce)
			return true;
	}
	return false;
}

static bool read_basic(const struct ike_ocsp_question *question, OCSP_BASICRESP *basic,
	struct ike_ocsp_answer *ret, struct why *why)
{
	if (has_unknown_critical(basic))
		return why_fail(why, "it has a critical extension that is not supported");
	return check_nonce(question, basic, why) && read_single(question, basic, ret, why) &&
	       check_signer(question, basic, ret, why);
}

bool ike_ocsp_read(const struct ike_ocsp_question *question, struct bytes der,
	struct ike_ocsp_answer *ret, struct why *why)
{
	const unsigned char *at = der.at;
	OCSP_RESPONSE *response = NULL;
	OCSP_BASICRESP *basic = NULL;
	bool good = false;

	*ret = (struct ike_ocsp_answer){ 0 };
	if (der.length > 0 && der.length <= IKE_OCSP_LENGTH_MAX)
		response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.length);
	if (!response || at != der.at + der.length)
		why_fail(why, "it is no OCSP response");
	else if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		why_fail(why, "the responder says: %s",
			OCSP_response_status_str(OCSP_response_status(response)));
	else if (!(basic = OCSP_response_get1_basic(response)))
		why_fail(why, "it is no basic OCSP response");
	else
		good = read_basic(question, basic, ret, why);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return good;
}
