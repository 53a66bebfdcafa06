/* OpenSSL's names, times and addresses, turned into ours. */
#include "libike/crypto/x509.h"

#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <time.h>

#define URIS_MAX 16
#define ALGORITHM_MAX 256

static struct bytes octets_of(const ASN1_STRING *string)
{
	return bytes_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

static bool has_nul(const ASN1_STRING *string)
{
	struct bytes octets = octets_of(string);

	return octets.length > 0 && memchr(octets.at, '\0', octets.length);
}

/* ---- Names ---- */

/* In UTF-16 and UCS-4 (BMPString, UniversalString) zero octets are part of letters. */
static bool name_has_nul(const X509_NAME *name)
{
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
		int type = ASN1_STRING_type(value);

		if (type != V_ASN1_BMPSTRING && type != V_ASN1_UNIVERSALSTRING && has_nul(value))
			return true;
	}
	return false;
}

struct ike_identity *x509_name(const X509_NAME *name, const char *which, struct why *why)
{
	unsigned char *der = NULL;
	int length = i2d_X509_NAME(name, &der);
	struct ike_identity *id = NULL;

	if (name_has_nul(name)) {
		why_fail(why, "its %s has a NUL in it", which);
	} else {
		if (length > 0)
			id = ike_identity_from_wire(
				IKE_ID_DER_ASN1_DN, bytes_of(der, (size_t)length));
		if (!id)
			why_fail(why, "its %s is no distinguished name that fits IKE", which);
	}
	OPENSSL_free(der);
	return id;
}

bool x509_general_name(const GENERAL_NAME *name, struct ike_identity **ret_id, struct why *why)
{
	int type;
	const void *value = GENERAL_NAME_get0_value(name, &type);
	struct bytes octets;

	*ret_id = NULL;
	switch (type) {
	case GEN_DNS:
	case GEN_EMAIL:
		if (has_nul(value))
			return why_fail(why, "a subjectAltName has a NUL in it");
		if (octets_of(value).length == 0)
			return why_fail(why, "a subjectAltName is empty");
		*ret_id = ike_identity_from_wire(
			type == GEN_DNS ? IKE_ID_FQDN : IKE_ID_RFC822_ADDR, octets_of(value));
		return *ret_id || why_fail(why, "out of memory");
	case GEN_IPADD:
		octets = octets_of(value);
		*ret_id = ike_identity_from_wire(
			octets.length == 4 ? IKE_ID_IPV4_ADDR : IKE_ID_IPV6_ADDR, octets);
		return *ret_id ||
		       why_fail(why, "an address of %zu octets in subjectAltName", octets.length);
	case GEN_DIRNAME:
		*ret_id = x509_name(value, "subjectAltName", why);
		return *ret_id;
	default:
		return true;
	}
}

/* ---- Times and strings ---- */

bool x509_time(const ASN1_TIME *time, int64_t *ret)
{
	struct tm tm;

	if (!time || !ASN1_TIME_to_tm(time, &tm))
		return false;
	*ret = timegm(&tm);
	return true;
}

bool x509_copy_string(const ASN1_STRING *string, struct bytes *ret)
{
	struct bytes octets = string ? octets_of(string) : (struct bytes){ 0 };

	*ret = bytes_duplicate(octets);
	if (!ret->at)
		ret->length = 0;
	return ret->at || octets.length == 0;
}

const struct ike_signature_scheme *x509_scheme(const X509_ALGOR *algorithm, int *ret_salt_length)
{
	unsigned char der[ALGORITHM_MAX], *at = der;
	int length = i2d_X509_ALGOR(algorithm, NULL);

	*ret_salt_length = -1;
	if (length <= 0 || (size_t)length > sizeof(der))
		return NULL;
	i2d_X509_ALGOR(algorithm, &at);
	return ike_signature_by_algorithm(bytes_of(der, (size_t)length), ret_salt_length);
}

/* ---- Where revocation is told ---- */

/* An address goes into requests and logs: printable and nothing else (RFC 3986 2). */
static bool is_uri(struct bytes text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.at[i] <= ' ' || text.at[i] >= 0x7f)
			return false;
	return text.length > 0;
}

static bool add_uri(struct x509_uris *uris, const GENERAL_NAME *name)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	struct bytes octets;

	if (type != GEN_URI || !is_uri(octets_of(value)) || uris->count == URIS_MAX)
		return true;
	if (!uris->items)
		uris->items = calloc(URIS_MAX, sizeof(*uris->items));
	if (!uris->items)
		return false;
	octets = octets_of(value);
	char *text = strndup((const char *)octets.at, octets.length);
	if (!text)
		return false;
	uris->items[uris->count++] = text;
	return true;
}

bool x509_crl_uris(const X509 *x509, struct x509_uris *ret)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(x509, NID_crl_distribution_points, NULL, NULL);
	bool done = true;

	for (int i = 0; points && i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT_NAME *name = sk_DIST_POINT_value(points, i)->distpoint;

		if (!name || name->type != 0)
			continue;
		for (int j = 0; j < sk_GENERAL_NAME_num(name->name.fullname); j++)
			done = done && add_uri(ret, sk_GENERAL_NAME_value(name->name.fullname, j));
	}
	CRL_DIST_POINTS_free(points);
	return done;
}

bool x509_ocsp_uris(const X509 *x509, struct x509_uris *ret)
{
	AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(x509, NID_info_access, NULL, NULL);
	bool done = true;

	for (int i = 0; access && i < sk_ACCESS_DESCRIPTION_num(access); i++) {
		const ACCESS_DESCRIPTION *entry = sk_ACCESS_DESCRIPTION_value(access, i);

		if (OBJ_obj2nid(entry->method) == NID_ad_OCSP)
			done = done && add_uri(ret, entry->location);
	}
	AUTHORITY_INFO_ACCESS_free(access);
	return done;
}

void x509_uris_free(struct x509_uris *uris)
{
	for (size_t i = 0; i < uris->count; i++)
		free(uris->items[i]);
	free(uris->items);
	*uris = (struct x509_uris){ 0 };
}
