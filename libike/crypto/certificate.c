/* Certificates: parsed into what is asked of them. */
#include "libike/crypto/certificate.h"

#include "libike/crypto/encoding.h"
#include "libike/crypto/x509.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define EXTENSIONS_MAX 64
#define NAMES_MAX 512

struct ike_certificate {
	uint32_t references;
	uint8_t kind;
	bool is_ca;
	bool is_self_signed;
	int path_length;
	X509 *x509;
	struct bytes der; /* heap, but of a raw key */
	struct ike_public_key *key;
	struct ike_identity *subject;
	struct ike_identity *issuer;
	struct bytes serial; /* these three: heap */
	struct bytes subject_key_id;
	struct bytes authority_key_id;
	int64_t not_before;
	int64_t not_after;
	struct ike_identity **alt_names;
	size_t alt_name_count;
	struct x509_uris crl_uris;
	struct x509_uris ocsp_uris;
	const struct ike_signature_scheme *scheme;
	int salt_length;
};

/* ---- What is not even kept ---- */

static bool check_extensions(X509 *x509, struct why *why)
{
	int count = X509_get_ext_count(x509);

	if (count > EXTENSIONS_MAX)
		return why_fail(why, "%d extensions, more than the %d that are taken", count,
			EXTENSIONS_MAX);
	for (int i = 0; i < count; i++) {
		const ASN1_OBJECT *object = X509_EXTENSION_get_object(X509_get_ext(x509, i));
		char name[80];

		if (X509_get_ext_by_OBJ(x509, object, i) < 0)
			continue;
		OBJ_obj2txt(name, sizeof(name), object, 0);
		return why_fail(why, "it has the extension %s twice", name);
	}
	/* Reads all extensions that OpenSSL knows. */
	if (X509_check_purpose(x509, -1, 0) != 1 ||
		X509_get_extension_flags(x509) & (EXFLAG_INVALID | EXFLAG_INVALID_POLICY))
		return why_fail(why, "an extension in it is malformed");
	return true;
}

/* ---- Parts ---- */

static bool read_key(struct ike_certificate *c, OSSL_LIB_CTX *library, struct why *why)
{
	EVP_PKEY *pkey = X509_get0_pubkey(c->x509);
	unsigned char *spki = NULL;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x509), &spki);

	if (!pkey || length <= 0)
		why_fail(why, "its public key is none that OpenSSL knows");
	else
		c->key = ike_public_key_of_info(library, pkey, bytes_of(spki, (size_t)length), why);
	OPENSSL_free(spki);
	return c->key != NULL;
}

static bool read_alt_names(struct ike_certificate *c, struct why *why)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->x509, NID_subject_alt_name, NULL, NULL);
	int count = names ? sk_GENERAL_NAME_num(names) : 0;
	bool good = true;

	if (count > NAMES_MAX)
		good = why_fail(why, "%d subjectAltNames, more than the %d that are taken", count,
			NAMES_MAX);
	if (good && count > 0) {
		c->alt_names = calloc((size_t)count, sizeof(*c->alt_names));
		good = c->alt_names || why_fail(why, "out of memory");
	}
	for (int i = 0; i < count && good; i++) {
		struct ike_identity *id = NULL;

		good = x509_general_name(sk_GENERAL_NAME_value(names, i), &id, why);
		if (good && id)
			c->alt_names[c->alt_name_count++] = id;
	}
	GENERAL_NAMES_free(names);
	return good;
}

static bool read_key_ids(struct ike_certificate *c)
{
	const ASN1_OCTET_STRING *subject = X509_get0_subject_key_id(c->x509);
	const ASN1_OCTET_STRING *authority = X509_get0_authority_key_id(c->x509);

	return x509_copy_string(subject, &c->subject_key_id) &&
	       x509_copy_string(authority, &c->authority_key_id) &&
	       x509_copy_string(X509_get0_serialNumber(c->x509), &c->serial);
}

static void read_signature(struct ike_certificate *c)
{
	const X509_ALGOR *algorithm;

	X509_get0_signature(NULL, &algorithm, c->x509);
	c->scheme = x509_scheme(algorithm, &c->salt_length);
}

static bool read_all(struct ike_certificate *c, OSSL_LIB_CTX *library, struct why *why)
{
	uint32_t flags;

	if (!check_extensions(c->x509, why))
		return false;
	c->subject = x509_name(X509_get_subject_name(c->x509), "subject", why);
	if (!c->subject)
		return false;
	c->issuer = x509_name(X509_get_issuer_name(c->x509), "issuer", why);
	if (!c->issuer || !read_key(c, library, why) || !read_alt_names(c, why))
		return false;
	if (!x509_time(X509_get0_notBefore(c->x509), &c->not_before) ||
		!x509_time(X509_get0_notAfter(c->x509), &c->not_after))
		return why_fail(why, "its validity is not in times that RFC 5280 knows");
	if (!read_key_ids(c) || !x509_crl_uris(c->x509, &c->crl_uris) ||
		!x509_ocsp_uris(c->x509, &c->ocsp_uris))
		return why_fail(why, "out of memory");
	read_signature(c);
	flags = X509_get_extension_flags(c->x509);
	c->is_ca = (flags & EXFLAG_CA) != 0; /* a version 1 certificate never is */
	c->path_length = (int)X509_get_pathlen(c->x509);
	c->is_self_signed = ike_identity_equal(c->subject, c->issuer);
	return true;
}

static X509 *read_x509(OSSL_LIB_CTX *library, struct bytes der, struct why *why)
{
	X509 *x509 = X509_new_ex(library, NULL);
	const unsigned char *at = der.at;
	X509 *ret = x509 ? d2i_X509(&x509, &at, (long)der.length) : NULL;

	if (!ret) {
		why_fail(why, "no X.509 certificate that OpenSSL can read");
	} else if (at != der.at + der.length) {
		why_fail(why, "%td octets after the certificate", der.at + der.length - at);
		X509_free(ret);
		ret = NULL;
	}
	return ret;
}

/* ---- Making ---- */

static bool is_certificate_name(const char *name)
{
	return strcmp(name, "CERTIFICATE") == 0 || strcmp(name, "X509 CERTIFICATE") == 0 ||
	       strcmp(name, "TRUSTED CERTIFICATE") == 0;
}

struct ike_certificate *ike_certificate_parse(
	OSSL_LIB_CTX *library, struct bytes encoded, struct why *why)
{
	struct ike_certificate *c = NULL;
	struct encoding encoding;

	if (!encoding_open(encoded, IKE_CERTIFICATE_LENGTH_MAX, &encoding, why))
		return NULL;
	if (encoding.name[0] && !is_certificate_name(encoding.name)) {
		why_fail(why, "PEM of a %s, not of a certificate", encoding.name);
		encoding_close(&encoding);
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (c) {
		c->references = 1;
		c->kind = IKE_CERTIFICATE_X509;
		c->path_length = -1;
		c->der = bytes_duplicate(encoding.der);
		c->x509 = c->der.at ? read_x509(library, c->der, why) : NULL;
	}
	encoding_close(&encoding);
	if (!c || !c->der.at)
		why_fail(why, "out of memory");
	if (c && (!c->x509 || !read_all(c, library, why))) {
		ike_certificate_free(c);
		c = NULL;
	}
	ERR_clear_error();
	return c;
}

struct ike_certificate *ike_certificate_of_key(
	struct ike_public_key *key, struct ike_identity *subject)
{
	struct ike_certificate *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->references = 1;
	c->kind = IKE_CERTIFICATE_PUBLIC_KEY;
	c->path_length = -1;
	c->not_before = INT64_MIN;
	c->not_after = INT64_MAX;
	c->key = ike_public_key_hold(key);
	c->der = ike_public_key_spki(key);
	c->subject = subject ? ike_identity_hold(subject)
			     : ike_identity_from_wire(IKE_ID_KEY_ID,
				       bytes_of(ike_public_key_id(key), IKE_KEY_ID_LENGTH));
	if (!c->subject) {
		ike_certificate_free(c);
		return NULL;
	}
	return c;
}

struct ike_certificate *ike_certificate_hold(struct ike_certificate *c)
{
	if (c)
		c->references++;
	return c;
}

void ike_certificate_free(struct ike_certificate *c)
{
	if (!c || --c->references > 0)
		return;
	for (size_t i = 0; i < c->alt_name_count; i++)
		ike_identity_free(c->alt_names[i]);
	free(c->alt_names);
	x509_uris_free(&c->crl_uris);
	x509_uris_free(&c->ocsp_uris);
	ike_identity_free(c->subject);
	ike_identity_free(c->issuer);
	ike_public_key_free(c->key);
	X509_free(c->x509);
	if (c->kind == IKE_CERTIFICATE_X509)
		free((void *)c->der.at);
	free((void *)c->serial.at);
	free((void *)c->subject_key_id.at);
	free((void *)c->authority_key_id.at);
	free(c);
}

/* ---- Looking ---- */

uint8_t ike_certificate_kind(const struct ike_certificate *c)
{
	return c->kind;
}

struct bytes ike_certificate_der(const struct ike_certificate *c)
{
	return c->der;
}

struct ike_public_key *ike_certificate_key(const struct ike_certificate *c)
{
	return c->key;
}

X509 *ike_certificate_x509(const struct ike_certificate *c)
{
	return c->x509;
}

bool ike_certificate_equal(const struct ike_certificate *a, const struct ike_certificate *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind)
		return false;
	if (a->kind == IKE_CERTIFICATE_PUBLIC_KEY)
		return ike_public_key_equal(a->key, b->key) &&
		       ike_identity_equal(a->subject, b->subject);
	return bytes_equal(a->der, b->der);
}

const struct ike_identity *ike_certificate_subject(const struct ike_certificate *c)
{
	return c->subject;
}

const struct ike_identity *ike_certificate_issuer(const struct ike_certificate *c)
{
	return c->issuer;
}

struct bytes ike_certificate_serial(const struct ike_certificate *c)
{
	return c->serial;
}

struct bytes ike_certificate_subject_key_id(const struct ike_certificate *c)
{
	return c->subject_key_id;
}

struct bytes ike_certificate_authority_key_id(const struct ike_certificate *c)
{
	return c->authority_key_id;
}

int64_t ike_certificate_not_before(const struct ike_certificate *c)
{
	return c->not_before;
}

int64_t ike_certificate_not_after(const struct ike_certificate *c)
{
	return c->not_after;
}

bool ike_certificate_is_ca(const struct ike_certificate *c)
{
	return c->is_ca;
}

bool ike_certificate_is_self_signed(const struct ike_certificate *c)
{
	return c->is_self_signed;
}

int ike_certificate_path_length(const struct ike_certificate *c)
{
	return c->path_length;
}

const struct ike_signature_scheme *ike_certificate_scheme(
	const struct ike_certificate *c, int *ret_salt_length)
{
	*ret_salt_length = c->salt_length;
	return c->scheme;
}

const struct ike_identity *ike_certificate_alt_name(const struct ike_certificate *c, size_t index)
{
	return index < c->alt_name_count ? c->alt_names[index] : NULL;
}

const char *ike_certificate_crl_uri(const struct ike_certificate *c, size_t index)
{
	return index < c->crl_uris.count ? c->crl_uris.items[index] : NULL;
}

const char *ike_certificate_ocsp_uri(const struct ike_certificate *c, size_t index)
{
	return index < c->ocsp_uris.count ? c->ocsp_uris.items[index] : NULL;
}

/* ---- Matching ---- */

static bool is_key_id(const struct ike_certificate *c, const struct ike_identity *id)
{
	struct bytes octets = bytes_of(id->octets, id->length);

	if (octets.length == 0)
		return false;
	return bytes_equal(octets, c->subject_key_id) ||
	       bytes_equal(octets, bytes_of(ike_public_key_id(c->key), IKE_KEY_ID_LENGTH)) ||
	       bytes_equal(octets, bytes_of(ike_public_key_info_id(c->key), IKE_KEY_ID_LENGTH));
}

unsigned ike_certificate_match(const struct ike_certificate *c, const struct ike_identity *id)
{
	unsigned best = ike_identity_match(c->subject, id);

	for (size_t i = 0; i < c->alt_name_count && best < IKE_MATCH_PERFECT; i++) {
		unsigned match = ike_identity_match(c->alt_names[i], id);

		if (match > best)
			best = match;
	}
	return id->type == IKE_ID_KEY_ID && is_key_id(c, id) ? IKE_MATCH_PERFECT : best;
}
