#include "swanctl-lite/print_cert.h"

#include "libbase/dn.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define DAY 86400
#define INDENT "             "
#define INDENT_LESS "           "

/* ---- Times ---- */

/* "Nov 28 08:25:14 2026", with UTC before the year when asked for. */
static void print_time(const struct cert_print *how, time_t when)
{
	char text[64] = "";
	struct tm tm;

	if (how->utc ? gmtime_r(&when, &tm) : localtime_r(&when, &tm))
		strftime(text, sizeof(text),
			how->utc ? "%b %d %H:%M:%S UTC %Y" : "%b %d %H:%M:%S %Y", &tm);
	fputs(text, stdout);
}

/* "11 hours": in the largest unit of which there are more than two. */
static void print_delta(time_t seconds)
{
	static const struct {
		long length;
		const char *name;
	} units[] = { { DAY, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t i = 0;

	while (i < 3 && seconds <= 2 * units[i].length)
		i++;
	long count = (long)(seconds / units[i].length);
	printf("%ld %s%s", count, units[i].name, count == 1 ? "" : "s");
}

/* Also of a GeneralizedTime. */
static time_t to_time(const ASN1_TIME *asn1)
{
	struct tm tm;

	return asn1 && ASN1_TIME_to_tm(asn1, &tm) == 1 ? timegm(&tm) : 0;
}

/* Two lines: since when, until when, and what that means now. `until` 0: not said. */
static void print_validity(const struct cert_print *how, const char *since_label,
	const char *until_label, time_t since, time_t until)
{
	printf("%s ", since_label);
	print_time(how, since);
	if (since > how->now) {
		fputs(", not valid yet (valid in ", stdout);
		print_delta(since - how->now);
		puts(")");
	} else {
		puts(", ok");
	}
	if (!until)
		return;
	printf(INDENT "%s ", until_label);
	print_time(how, until);
	fputs(until < how->now ? ", expired (" : ", ok (expires in ", stdout);
	print_delta(until < how->now ? how->now - until : until - how->now);
	puts(until < how->now ? " ago)" : ")");
}

/* ---- Octets and names ---- */

static void print_hex(const uint8_t *at, size_t length)
{
	for (size_t i = 0; i < length; i++)
		printf("%s%02x", i ? ":" : "", at[i]);
	putchar('\n');
}

static void print_octets(const char *label, const ASN1_OCTET_STRING *octets)
{
	fputs(label, stdout);
	print_hex(ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets));
}

static void print_integer(const ASN1_INTEGER *number)
{
	const uint8_t *at = ASN1_STRING_get0_data(number);
	size_t length = (size_t)ASN1_STRING_length(number);

	print_hex(length ? at : (const uint8_t *)"", length ? length : 1);
}

static char *name_text(const X509_NAME *name, char *text, size_t text_size)
{
	const unsigned char *der;
	size_t length;

	text[0] = '\0';
	if (X509_NAME_get0_der(name, &der, &length) == 1)
		dn_format(bytes_of(der, length), text, text_size);
	return text;
}

static void print_name(const char *label, const X509_NAME *name)
{
	char text[SWANCTL_TEXT_ROOM];

	printf("%s\"%s\"\n", label, name_text(name, text, sizeof(text)));
}

static void copy_printable(const ASN1_STRING *from, char *text, size_t text_size)
{
	size_t length = (size_t)ASN1_STRING_length(from);
	const uint8_t *at = ASN1_STRING_get0_data(from);
	size_t used = 0;

	for (size_t i = 0; i < length && used + 1 < text_size; i++)
		text[used++] = at[i] >= ' ' && at[i] < 0x7f ? (char)at[i] : '?';
	text[used] = '\0';
}

/* An address, or a network with its mask. */
static bool address_text(const ASN1_OCTET_STRING *octets, char *text, size_t text_size)
{
	const uint8_t *at = ASN1_STRING_get0_data(octets);
	int length = ASN1_STRING_length(octets);
	int size = length == 4 || length == 8 ? 4 : length == 16 || length == 32 ? 16 : 0;
	unsigned bits = 0;

	if (!size || !inet_ntop(size == 4 ? AF_INET : AF_INET6, at, text, (socklen_t)text_size))
		return false;
	if (length == size)
		return true;
	for (int i = size; i < length; i++)
		bits += (unsigned)__builtin_popcount(at[i]);
	snprintf(text + strlen(text), text_size - strlen(text), "/%u", bits);
	return true;
}

/* False for kinds of names that IKE has no use for. */
static bool general_name_text(const GENERAL_NAME *name, char *text, size_t text_size)
{
	switch (name->type) {
	case GEN_DNS:
	case GEN_EMAIL:
	case GEN_URI:
		copy_printable(name->d.ia5, text, text_size);
		return true;
	case GEN_IPADD:
		return address_text(name->d.iPAddress, text, text_size);
	case GEN_DIRNAME:
		name_text(name->d.directoryName, text, text_size);
		return true;
	default:
		return false;
	}
}

/* ---- Keys ---- */

static void print_key(EVP_PKEY *key, struct bytes info, struct bytes bits, bool has_private)
{
	static const struct {
		const char *openssl, *name;
		int bits; /* 0: as OpenSSL counts */
	} kinds[] = { { "RSA", "RSA", 0 }, { "EC", "ECDSA", 0 }, { "ED25519", "ED25519", 256 },
		{ "ED448", "ED448", 456 } };
	uint8_t id[SHA_DIGEST_LENGTH];
	const char *name = "unknown";
	int size = key ? EVP_PKEY_get_bits(key) : 0;

	for (size_t i = 0; key && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (EVP_PKEY_is_a(key, kinds[i].openssl)) {
			name = kinds[i].name;
			size = kinds[i].bits ? kinds[i].bits : size;
		}
	printf("  pubkey:    %s %d bits%s\n", name, size, has_private ? ", has private key" : "");
	fputs("  keyid:     ", stdout);
	print_hex(SHA1(info.at, info.length, id), sizeof(id));
	fputs("  subjkey:   ", stdout);
	print_hex(SHA1(bits.at, bits.length, id), sizeof(id));
}

static void print_public_key(X509_PUBKEY *public, bool has_private)
{
	const unsigned char *bits;
	unsigned char *info = NULL;
	int length = i2d_X509_PUBKEY(public, &info), bits_length;

	if (length > 0 && X509_PUBKEY_get0_param(NULL, &bits, &bits_length, NULL, public) == 1)
		print_key(X509_PUBKEY_get0(public), bytes_of(info, (size_t)length),
			bytes_of(bits, (size_t)bits_length), has_private);
	OPENSSL_free(info);
}

static bool has_private(struct vici_view message)
{
	return vici_is(vici_get(message, "has_privkey"), "yes");
}

void cert_print_public_key(const struct cert_print *how, struct vici_view message)
{
	struct bytes data = vici_get(message, "data");
	const unsigned char *at = data.at;
	X509_PUBKEY *key = data.length ? d2i_X509_PUBKEY(NULL, &at, (long)data.length) : NULL;

	(void)how;
	if (swanctl_has(message, "subject"))
		printf("  subject:  \"%s\"\n", SWANCTL_TEXT_OF(message, "subject"));
	if (key)
		print_public_key(key, has_private(message));
	X509_PUBKEY_free(key);
}

/* ---- Extensions ---- */

static void print_alt_names(const X509 *x)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	const char *before = "  altNames:  ";
	char text[SWANCTL_TEXT_ROOM];

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		if (!general_name_text(sk_GENERAL_NAME_value(names, i), text, sizeof(text)))
			continue;
		printf("%s%s", before, text);
		before = ", ";
	}
	if (before[0] == ',')
		putchar('\n');
	GENERAL_NAMES_free(names);
}

static void print_flags(X509 *x)
{
	uint32_t flags = X509_get_extension_flags(x), usage = X509_get_key_usage(x);
	uint32_t extended = flags & EXFLAG_XKUSAGE ? X509_get_extended_key_usage(x) : 0;

	printf("  flags:     %s%s%s%s%s%s\n", flags & EXFLAG_CA ? "CA " : "",
		(flags & EXFLAG_KUSAGE) && (usage & KU_CRL_SIGN) ? "CRLSign " : "",
		extended & XKU_OCSP_SIGN ? "ocspSigning " : "",
		extended & XKU_SSL_SERVER ? "serverAuth " : "",
		extended & XKU_SSL_CLIENT ? "clientAuth " : "",
		flags & EXFLAG_SI ? "self-signed " : "");
}

static void crl_issuer_text(const DIST_POINT *point, char *text, size_t text_size)
{
	char name[SWANCTL_TEXT_ROOM];

	text[0] = '\0';
	if (point->CRLissuer && sk_GENERAL_NAME_num(point->CRLissuer) > 0 &&
		general_name_text(sk_GENERAL_NAME_value(point->CRLissuer, 0), name, sizeof(name)))
		snprintf(text, text_size, " (CRL issuer: %s)", name);
}

/* Of one point the last comes first: strongSwan's order. */
static void print_crl_uris(const X509 *x)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	char issuer[SWANCTL_TEXT_ROOM + 32], text[SWANCTL_TEXT_ROOM];
	const char *label = "  CRL URIs:  ";

	for (int i = 0; points && i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);
		GENERAL_NAMES *names = point->distpoint && point->distpoint->type == 0
					       ? point->distpoint->name.fullname
					       : NULL;

		crl_issuer_text(point, issuer, sizeof(issuer));
		for (int j = names ? sk_GENERAL_NAME_num(names) - 1 : -1; j >= 0; j--) {
			const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, j);

			if (name->type != GEN_URI || !general_name_text(name, text, sizeof(text)))
				continue;
			printf("%s%s%s\n", label, text, issuer);
			label = INDENT;
		}
	}
	CRL_DIST_POINTS_free(points);
}

static void print_ocsp_uris(const X509 *x)
{
	AUTHORITY_INFO_ACCESS *list = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
	const char *label = "  OCSP URIs: ";
	char text[SWANCTL_TEXT_ROOM];

	for (int i = 0; list && i < sk_ACCESS_DESCRIPTION_num(list); i++) {
		const ACCESS_DESCRIPTION *each = sk_ACCESS_DESCRIPTION_value(list, i);

		if (OBJ_obj2nid(each->method) != NID_ad_OCSP ||
			!general_name_text(each->location, text, sizeof(text)))
			continue;
		printf("%s%s\n", label, text);
		label = INDENT;
	}
	AUTHORITY_INFO_ACCESS_free(list);
}

static void print_subtrees(const char *label, STACK_OF(GENERAL_SUBTREE) * trees)
{
	char text[SWANCTL_TEXT_ROOM];

	if (!trees || sk_GENERAL_SUBTREE_num(trees) == 0)
		return;
	printf("  %s nameConstraints:\n", label);
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++)
		if (general_name_text(sk_GENERAL_SUBTREE_value(trees, i)->base, text, sizeof(text)))
			printf(INDENT_LESS "%s\n", text);
}

static void print_name_constraints(const X509 *x)
{
	NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(x, NID_name_constraints, NULL, NULL);

	if (constraints) {
		print_subtrees("permitted", constraints->permittedSubtrees);
		print_subtrees("excluded", constraints->excludedSubtrees);
	}
	NAME_CONSTRAINTS_free(constraints);
}

static void print_cps(const POLICYINFO *info)
{
	char text[SWANCTL_TEXT_ROOM];

	for (int i = 0; info->qualifiers && i < sk_POLICYQUALINFO_num(info->qualifiers); i++) {
		const POLICYQUALINFO *each = sk_POLICYQUALINFO_value(info->qualifiers, i);

		if (OBJ_obj2nid(each->pqualid) != NID_id_qt_cps)
			continue;
		copy_printable(each->d.cpsuri, text, sizeof(text));
		printf(INDENT "CPS: %s\n", text);
	}
}

static void print_policies(const X509 *x)
{
	CERTIFICATEPOLICIES *policies = X509_get_ext_d2i(x, NID_certificate_policies, NULL, NULL);
	POLICY_MAPPINGS *mappings = X509_get_ext_d2i(x, NID_policy_mappings, NULL, NULL);
	ASN1_INTEGER *inhibit = X509_get_ext_d2i(x, NID_inhibit_any_policy, NULL, NULL);
	char oid[128], to[128];

	if (policies)
		puts("  certificatePolicies:");
	for (int i = 0; policies && i < sk_POLICYINFO_num(policies); i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_POLICYINFO_value(policies, i)->policyid, 1);
		printf(INDENT "%s\n", oid);
		print_cps(sk_POLICYINFO_value(policies, i));
	}
	if (mappings)
		puts("  policyMappings:");
	for (int i = 0; mappings && i < sk_POLICY_MAPPING_num(mappings); i++) {
		const POLICY_MAPPING *each = sk_POLICY_MAPPING_value(mappings, i);

		OBJ_obj2txt(oid, sizeof(oid), each->issuerDomainPolicy, 1);
		OBJ_obj2txt(to, sizeof(to), each->subjectDomainPolicy, 1);
		printf(INDENT_LESS "%s => %s\n", oid, to);
	}
	if (inhibit)
		printf("  policyConstraints:\n" INDENT_LESS "inhibitAnyPolicy: %ld\n",
			ASN1_INTEGER_get(inhibit));
	CERTIFICATEPOLICIES_free(policies);
	sk_POLICY_MAPPING_pop_free(mappings, POLICY_MAPPING_free);
	ASN1_INTEGER_free(inhibit);
}

/* ---- X.509 ---- */

/* What it says, or what it would say. */
static void print_subject_key_id(const X509 *x)
{
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(x);
	uint8_t id[SHA_DIGEST_LENGTH];

	if (X509_get0_subject_key_id((X509 *)x)) {
		print_octets("  subjkeyId: ", X509_get0_subject_key_id((X509 *)x));
		return;
	}
	fputs("  subjkeyId: ", stdout);
	print_hex(SHA1(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits), id),
		sizeof(id));
}

void cert_print_x509(const struct cert_print *how, struct vici_view message)
{
	struct bytes data = vici_get(message, "data");
	const unsigned char *at = data.at;
	X509 *x = data.length ? d2i_X509(NULL, &at, (long)data.length) : NULL;

	if (!x)
		return;
	print_name("  subject:  ", X509_get_subject_name(x));
	print_name("  issuer:   ", X509_get_issuer_name(x));
	print_validity(how, "  validity:  not before", "not after ",
		to_time(X509_get0_notBefore(x)), to_time(X509_get0_notAfter(x)));
	fputs("  serial:    ", stdout);
	print_integer(X509_get0_serialNumber(x));
	print_alt_names(x);
	if (!how->short_form) {
		print_flags(x);
		print_crl_uris(x);
		print_ocsp_uris(x);
		if (X509_get_pathlen(x) >= 0)
			printf("  pathlen:   %ld\n", X509_get_pathlen(x));
		print_name_constraints(x);
		print_policies(x);
	}
	if (X509_get0_authority_key_id(x))
		print_octets("  authkeyId: ", X509_get0_authority_key_id(x));
	print_subject_key_id(x);
	print_public_key(X509_get_X509_PUBKEY(x), has_private(message));
	X509_free(x);
}

/* ---- CRLs ---- */

static void print_revoked(const struct cert_print *how, X509_CRL *crl)
{
	static const char *const reasons[] = { "unspecified", "key compromise", "CA compromise",
		"affiliation changed", "superseded", "cessation of operation", "certificate hold",
		"", "remove from CRL", "privilege withdrawn", "AA compromise" };
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(crl);
	int count = list ? sk_X509_REVOKED_num(list) : 0;

	printf("  %d revoked certificate%s%s\n", count, count == 1 ? "" : "s",
		count && !how->short_form ? ":" : "");
	for (int i = 0; i < count && !how->short_form; i++) {
		const X509_REVOKED *each = sk_X509_REVOKED_value(list, i);
		ASN1_ENUMERATED *code = X509_REVOKED_get_ext_d2i(each, NID_crl_reason, NULL, NULL);
		const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(each);
		long reason = code ? ASN1_ENUMERATED_get(code) : 0;

		fputs("    ", stdout);
		for (int j = 0; j < ASN1_STRING_length(serial); j++)
			printf("%s%02x", j ? ":" : "", ASN1_STRING_get0_data(serial)[j]);
		fputs(": ", stdout);
		print_time(how, to_time(X509_REVOKED_get0_revocationDate(each)));
		printf(", %s\n", reason >= 0 && reason <= 10 ? reasons[reason] : "unspecified");
		ASN1_ENUMERATED_free(code);
	}
}

void cert_print_crl(const struct cert_print *how, struct vici_view message)
{
	struct bytes data = vici_get(message, "data");
	const unsigned char *at = data.at;
	X509_CRL *crl = data.length ? d2i_X509_CRL(NULL, &at, (long)data.length) : NULL;
	ASN1_INTEGER *number, *base;
	AUTHORITY_KEYID *issuer;

	if (!crl)
		return;
	number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	base = X509_CRL_get_ext_d2i(crl, NID_delta_crl, NULL, NULL);
	issuer = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
	print_name("  issuer:   ", X509_CRL_get_issuer(crl));
	print_validity(how, "  update:    this on", "next on",
		to_time(X509_CRL_get0_lastUpdate(crl)), to_time(X509_CRL_get0_nextUpdate(crl)));
	if (number) {
		fputs("  serial:    ", stdout);
		print_integer(number);
	}
	if (base) {
		fputs("  delta for: ", stdout);
		print_integer(base);
	}
	if (issuer && issuer->keyid)
		print_octets("  authKeyId: ", issuer->keyid);
	else
		puts("  authKeyId: ");
	print_revoked(how, crl);
	ASN1_INTEGER_free(number);
	ASN1_INTEGER_free(base);
	AUTHORITY_KEYID_free(issuer);
	X509_CRL_free(crl);
}

/* ---- OCSP responses: of each certificate its state ---- */

static void print_single(const struct cert_print *how, OCSP_SINGLERESP *single)
{
	static const char *const states[] = { "good", "revoked", "unknown" };
	ASN1_GENERALIZEDTIME *since, *until;
	ASN1_INTEGER *serial = NULL;
	int state = OCSP_single_get0_status(single, NULL, NULL, &since, &until);

	OCSP_id_get0_info(
		NULL, NULL, NULL, &serial, (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single));
	if (serial) {
		fputs("  serial:    ", stdout);
		print_integer(serial);
	}
	printf("  status:    %s\n", state >= 0 && state <= 2 ? states[state] : "unknown");
	print_validity(
		how, "  update:    this on", "next on", to_time(since), until ? to_time(until) : 0);
}

void cert_print_ocsp(const struct cert_print *how, struct vici_view message)
{
	struct bytes data = vici_get(message, "data");
	const unsigned char *at = data.at;
	OCSP_RESPONSE *response =
		data.length ? d2i_OCSP_RESPONSE(NULL, &at, (long)data.length) : NULL;
	OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;

	for (int i = 0; basic && i < OCSP_resp_count(basic); i++)
		print_single(how, OCSP_resp_get0(basic, i));
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
}
