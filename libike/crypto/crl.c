/* Certificate revocation lists. */
#include "libike/crypto/crl.h"

#include "libike/crypto/encoding.h"
#include "libike/crypto/x509.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct ike_crl {
	uint32_t references;
	X509_CRL *x509;
	struct bytes der; /* this and the three below: heap */
	struct bytes serial;
	struct bytes base_serial;
	struct bytes authority_key_id;
	struct ike_identity *issuer;
	int64_t this_update;
	int64_t next_update;
	bool only_ends; /* its scope (RFC 5280 5.2.5) */
	bool only_cas;
};

/* ---- Parsing ---- */

static bool check_extensions(const X509_CRL *crl, struct why *why)
{
	static const int known[] = { NID_authority_key_identifier, NID_crl_number, NID_delta_crl,
		NID_issuing_distribution_point, NID_freshest_crl, NID_issuer_alt_name,
		NID_info_access };

	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
		const X509_EXTENSION *extension = X509_CRL_get_ext(crl, i);
		const ASN1_OBJECT *object = X509_EXTENSION_get_object((X509_EXTENSION *)extension);
		int nid = OBJ_obj2nid(object);
		bool is_known = false;
		char name[80];

		OBJ_obj2txt(name, sizeof(name), object, 0);
		for (size_t j = 0; j < sizeof(known) / sizeof(*known); j++)
			is_known = is_known || (nid != NID_undef && known[j] == nid);
		if (!is_known && X509_EXTENSION_get_critical(extension))
			return why_fail(why, "its critical extension %s is unknown", name);
		if (is_known && X509_CRL_get_ext_by_OBJ(crl, object, i) >= 0)
			return why_fail(why, "it has the extension %s twice", name);
	}
	return true;
}

static bool read_number(const X509_CRL *crl, int nid, struct bytes *ret, struct why *why)
{
	int critical;
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, nid, &critical, NULL);
	bool done = x509_copy_string(number, ret);

	ASN1_INTEGER_free(number);
	if (!done)
		return why_fail(why, "out of memory");
	return number || critical == -1 || why_fail(why, "a number in it is malformed");
}

/* Lists of part of the reasons, or on behalf of other CAs, say nothing that could be relied on. */
static bool read_scope(struct ike_crl *crl, struct why *why)
{
	int critical;
	ISSUING_DIST_POINT *point =
		X509_CRL_get_ext_d2i(crl->x509, NID_issuing_distribution_point, &critical, NULL);
	bool good = true;

	if (!point)
		return critical == -1 || why_fail(why, "its issuingDistributionPoint is malformed");
	crl->only_ends = point->onlyuser > 0;
	crl->only_cas = point->onlyCA > 0;
	if (point->onlyattr > 0)
		good = why_fail(why, "it is for attribute certificates");
	else if (point->indirectCRL > 0)
		good = why_fail(why, "it is an indirect CRL, which is not supported");
	else if (point->onlysomereasons)
		good = why_fail(why, "it is for some reasons only, which is not supported");
	ISSUING_DIST_POINT_free(point);
	return good;
}

static bool read_key_id(struct ike_crl *crl)
{
	AUTHORITY_KEYID *id =
		X509_CRL_get_ext_d2i(crl->x509, NID_authority_key_identifier, NULL, NULL);
	bool done = x509_copy_string(id ? id->keyid : NULL, &crl->authority_key_id);

	AUTHORITY_KEYID_free(id);
	return done;
}

static bool read_all(struct ike_crl *crl, struct why *why)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl->x509);

	if (!check_extensions(crl->x509, why) || !read_scope(crl, why) ||
		!read_number(crl->x509, NID_crl_number, &crl->serial, why) ||
		!read_number(crl->x509, NID_delta_crl, &crl->base_serial, why))
		return false;
	crl->issuer = x509_name(X509_CRL_get_issuer(crl->x509), "issuer", why);
	if (!crl->issuer)
		return false;
	if (!x509_time(X509_CRL_get0_lastUpdate(crl->x509), &crl->this_update) ||
		(next && !x509_time(next, &crl->next_update)))
		return why_fail(why, "its times are none that RFC 5280 knows");
	return read_key_id(crl) || why_fail(why, "out of memory");
}

static X509_CRL *read_crl(OSSL_LIB_CTX *library, struct bytes der, struct why *why)
{
	X509_CRL *crl = X509_CRL_new_ex(library, NULL);
	const unsigned char *at = der.at;
	X509_CRL *ret = crl ? d2i_X509_CRL(&crl, &at, (long)der.length) : NULL;

	if (!ret) {
		why_fail(why, "no CRL that OpenSSL can read");
	} else if (at != der.at + der.length) {
		why_fail(why, "%td octets after the CRL", der.at + der.length - at);
		X509_CRL_free(ret);
		ret = NULL;
	}
	return ret;
}

struct ike_crl *ike_crl_parse(OSSL_LIB_CTX *library, struct bytes encoded, struct why *why)
{
	struct ike_crl *crl = NULL;
	struct encoding encoding;

	if (!encoding_open(encoded, IKE_CRL_LENGTH_MAX, &encoding, why))
		return NULL;
	if (encoding.name[0] && strcmp(encoding.name, "X509 CRL") != 0) {
		why_fail(why, "PEM of a %s, not of a CRL", encoding.name);
		encoding_close(&encoding);
		return NULL;
	}
	crl = calloc(1, sizeof(*crl));
	if (crl) {
		crl->references = 1;
		crl->der = bytes_duplicate(encoding.der);
		crl->x509 = crl->der.at ? read_crl(library, crl->der, why) : NULL;
	}
	encoding_close(&encoding);
	if (!crl || !crl->der.at)
		why_fail(why, "out of memory");
	if (crl && (!crl->x509 || !read_all(crl, why))) {
		ike_crl_free(crl);
		crl = NULL;
	}
	ERR_clear_error();
	return crl;
}

struct ike_crl *ike_crl_hold(struct ike_crl *crl)
{
	if (crl)
		crl->references++;
	return crl;
}

void ike_crl_free(struct ike_crl *crl)
{
	if (!crl || --crl->references > 0)
		return;
	X509_CRL_free(crl->x509);
	ike_identity_free(crl->issuer);
	free((void *)crl->der.at);
	free((void *)crl->serial.at);
	free((void *)crl->base_serial.at);
	free((void *)crl->authority_key_id.at);
	free(crl);
}

/* ---- Looking ---- */

const struct ike_identity *ike_crl_issuer(const struct ike_crl *crl)
{
	return crl->issuer;
}

struct bytes ike_crl_der(const struct ike_crl *crl)
{
	return crl->der;
}

struct bytes ike_crl_serial(const struct ike_crl *crl)
{
	return crl->serial;
}

struct bytes ike_crl_base_serial(const struct ike_crl *crl)
{
	return crl->base_serial;
}

struct bytes ike_crl_authority_key_id(const struct ike_crl *crl)
{
	return crl->authority_key_id;
}

int64_t ike_crl_this_update(const struct ike_crl *crl)
{
	return crl->this_update;
}

int64_t ike_crl_next_update(const struct ike_crl *crl)
{
	return crl->next_update;
}

X509_CRL *ike_crl_x509(const struct ike_crl *crl)
{
	return crl->x509;
}

bool ike_crl_signed_by(const struct ike_crl *crl, const struct ike_certificate *issuer)
{
	X509 *x509 = ike_certificate_x509(issuer);
	const X509_ALGOR *algorithm;
	int salt_length;
	bool good;

	if (!x509 || !ike_identity_equal(crl->issuer, ike_certificate_subject(issuer)))
		return false;
	if (X509_get_extension_flags(x509) & EXFLAG_KUSAGE &&
		!(X509_get_key_usage(x509) & KU_CRL_SIGN))
		return false;
	/* Not MD5 and what else is no signature any more. */
	X509_CRL_get0_signature(crl->x509, NULL, &algorithm);
	if (!x509_scheme(algorithm, &salt_length))
		return false;
	good = X509_CRL_verify(crl->x509, ike_public_key_pkey(ike_certificate_key(issuer))) == 1;
	ERR_clear_error();
	return good;
}

bool ike_crl_covers(const struct ike_crl *crl, const struct ike_certificate *certificate)
{
	return ike_certificate_is_ca(certificate) ? !crl->only_ends : !crl->only_cas;
}

static const char *reason_of(X509_REVOKED *revoked)
{
	static const char *const names[] = { "unspecified", "key compromise", "CA compromise",
		"affiliation changed", "superseded", "cessation of operation", "certificate hold",
		NULL, "remove from CRL", "privilege withdrawn", "AA compromise" };
	ASN1_ENUMERATED *value = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
	long reason = value ? ASN1_ENUMERATED_get(value) : 0;

	ASN1_ENUMERATED_free(value);
	if (reason < 0 || reason >= (long)(sizeof(names) / sizeof(*names)) || !names[reason])
		reason = 0;
	return names[reason];
}

/* As X509_CRL_get0_by_serial(). type: V_ASN1_INTEGER, or of negative ones V_ASN1_NEG_INTEGER. */
static int find_entry(
	const struct ike_crl *crl, struct bytes serial, int type, X509_REVOKED **ret_revoked)
{
	ASN1_INTEGER *number = ASN1_STRING_type_new(type);
	int found = 1; /* without memory to look, rather revoked */

	if (number && ASN1_STRING_set(number, serial.at, (int)serial.length))
		found = X509_CRL_get0_by_serial(crl->x509, ret_revoked, number);
	ASN1_INTEGER_free(number);
	return found;
}

/* Some CAs have negative numbers, against RFC 5280, and serial does not say so: either counts. */
enum ike_crl_entry ike_crl_find(
	const struct ike_crl *crl, struct bytes serial, int64_t *ret_when, const char **ret_reason)
{
	X509_REVOKED *revoked = NULL;
	int found = find_entry(crl, serial, V_ASN1_INTEGER, &revoked);

	*ret_when = 0;
	*ret_reason = "unspecified";
	if (found <= 0)
		found = find_entry(crl, serial, V_ASN1_NEG_INTEGER, &revoked);
	if (found <= 0)
		return IKE_CRL_ABSENT;
	if (revoked) {
		x509_time(X509_REVOKED_get0_revocationDate(revoked), ret_when);
		*ret_reason = reason_of(revoked);
	}
	return found == 2 ? IKE_CRL_REMOVED : IKE_CRL_REVOKED;
}
