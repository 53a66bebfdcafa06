#include "libike/crypto/crl_scope.h"

#include <openssl/x509v3.h>
#include <string.h>

/* certificateIssuer is of indirect CRLs; reason and invalidity date are never critical. */
static bool has_unknown_entry(X509_CRL *x)
{
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(x);

	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
		if (X509_REVOKED_get_ext_by_critical(sk_X509_REVOKED_value(entries, i), 1, -1) >= 0)
			return true;
	}
	return false;
}

bool ike_crl_is_usable(const struct ike_crl *crl, struct why *why)
{
	return !has_unknown_entry(ike_crl_x509(crl)) ||
	       why_fail(why, "an entry has a critical extension that is not supported");
}

/* ---- Distribution points ---- */

static bool have_common(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(a); i++) {
		for (int j = 0; j < sk_GENERAL_NAME_num(b); j++) {
			if (GENERAL_NAME_cmp(
				    sk_GENERAL_NAME_value(a, i), sk_GENERAL_NAME_value(b, j)) == 0)
				return true;
		}
	}
	return false;
}

/* Names relative to the issuer are compared by nobody that we know of: no match. */
static bool names_point(const X509 *x, const DIST_POINT_NAME *name)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	bool found = false;

	for (int i = 0; name->type == 0 && !found && i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);

		if (point->distpoint && point->distpoint->type == 0)
			found = have_common(point->distpoint->name.fullname, name->name.fullname);
		else if (!point->distpoint)
			found = have_common(point->CRLissuer, name->name.fullname);
	}
	CRL_DIST_POINTS_free(points);
	return found;
}

bool ike_crl_is_about(
	const struct ike_crl *crl, const struct ike_certificate *certificate, struct why *why)
{
	X509 *x = ike_certificate_x509(certificate);
	ISSUING_DIST_POINT *point =
		X509_CRL_get_ext_d2i(ike_crl_x509(crl), NID_issuing_distribution_point, NULL, NULL);
	bool is_named = !point || !point->distpoint || (x && names_point(x, point->distpoint));

	ISSUING_DIST_POINT_free(point);
	if (!ike_crl_covers(crl, certificate))
		return why_fail(why, ike_certificate_is_ca(certificate)
					     ? "it is of end entities alone"
					     : "it is of CAs alone");
	return is_named ||
	       why_fail(why, "it is of a distribution point that the certificate does not name");
}

/* ---- Deltas ---- */

static struct bytes without_zeros(struct bytes number)
{
	while (number.length > 0 && number.at[0] == 0) {
		number.at++;
		number.length--;
	}
	return number;
}

int ike_crl_number_compare(struct bytes a, struct bytes b)
{
	a = without_zeros(a);
	b = without_zeros(b);
	if (a.length != b.length)
		return a.length < b.length ? -1 : 1;
	return a.length > 0 ? memcmp(a.at, b.at, a.length) : 0;
}

/* Octet by octet, as RFC 5280 5.2.4 (b) wants them "the same". */
static bool same_extension(X509_CRL *a, X509_CRL *b, int nid)
{
	int at_a = X509_CRL_get_ext_by_NID(a, nid, -1), at_b = X509_CRL_get_ext_by_NID(b, nid, -1);

	if (at_a < 0 || at_b < 0)
		return at_a < 0 && at_b < 0;
	return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_CRL_get_ext(a, at_a)),
		       X509_EXTENSION_get_data(X509_CRL_get_ext(b, at_b))) == 0;
}

bool ike_crl_delta_fits(const struct ike_crl *delta, const struct ike_crl *complete)
{
	X509_CRL *d = ike_crl_x509(delta), *c = ike_crl_x509(complete);

	return ike_crl_serial(delta).length > 0 && ike_crl_serial(complete).length > 0 &&
	       same_extension(d, c, NID_issuing_distribution_point) &&
	       same_extension(d, c, NID_authority_key_identifier) &&
	       ike_crl_number_compare(ike_crl_serial(complete), ike_crl_base_serial(delta)) >= 0 &&
	       ike_crl_number_compare(ike_crl_serial(complete), ike_crl_serial(delta)) < 0;
}

/* ---- Where deltas are ---- */

/* One without a zero inside. */
static char *text_of(const ASN1_IA5STRING *string)
{
	size_t length = (size_t)ASN1_STRING_length(string);
	const char *data = (const char *)ASN1_STRING_get0_data(string);

	return length > 0 && !memchr(data, 0, length) ? strndup(data, length) : NULL;
}

static char *uri_of(const CRL_DIST_POINTS *points, size_t index)
{
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT_NAME *name = sk_DIST_POINT_value(points, i)->distpoint;

		for (int j = 0;
			name && name->type == 0 && j < sk_GENERAL_NAME_num(name->name.fullname);
			j++) {
			const GENERAL_NAME *each = sk_GENERAL_NAME_value(name->name.fullname, j);

			if (each->type == GEN_URI && index-- == 0)
				return text_of(each->d.uniformResourceIdentifier);
		}
	}
	return NULL;
}

char *ike_crl_freshest_uri(
	const struct ike_crl *crl, const struct ike_certificate *certificate, size_t index)
{
	X509 *x = ike_certificate_x509(certificate);
	CRL_DIST_POINTS *points =
		X509_CRL_get_ext_d2i(ike_crl_x509(crl), NID_freshest_crl, NULL, NULL);

	if (!points && x)
		points = X509_get_ext_d2i(x, NID_freshest_crl, NULL, NULL);
	char *uri = uri_of(points, index);
	CRL_DIST_POINTS_free(points);
	return uri;
}
