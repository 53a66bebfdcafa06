/* Keys, certificates and CRLs as files and peers bring them. */
#include "testing/pki/pki.h"
#include "testing/unit/crypto/test_crypto.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void contains(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no '%s' in: %s", part, text);
}

static struct ike_identity *id_of(const char *text)
{
	struct why why;
	struct ike_identity *id = ike_identity_parse(text, &why);

	ck_assert_msg(id != NULL, "%s", why.text);
	return id;
}

/* ---- Public keys ---- */

static void refuses_key(const char *hex, const char *reason)
{
	uint8_t octets[1024];
	size_t length = from_hex(hex, octets, sizeof(octets));
	uint8_t *copy = exact_copy(octets, length);
	struct why why = { "" };

	ck_assert_ptr_null(ike_public_key_parse(NULL, bytes_of(copy, length), &why));
	contains(why.text, reason);
	free(copy);
}

static struct ike_public_key *parse_key(const void *at, size_t length)
{
	uint8_t *copy = exact_copy(at, length);
	struct why why = { "" };
	struct ike_public_key *key = ike_public_key_parse(NULL, bytes_of(copy, length), &why);

	ck_assert_msg(key != NULL, "%s", why.text);
	free(copy);
	return key;
}

START_TEST(a_key_is_the_same_in_every_form)
{
	EVP_PKEY *pkey = pki_key("rsa2048", 0);
	struct why why;
	struct ike_public_key *key = ike_public_key_of(NULL, pkey, &why), *same;
	struct bytes spki = ike_public_key_spki(key);
	BIO *pem = BIO_new(BIO_s_mem());
	unsigned char *pkcs1 = NULL, dnskey[4 + 256] = { 3, 1, 0, 1 };
	char *text;
	BIGNUM *n = NULL;

	same = parse_key(spki.at, spki.length);
	ck_assert(ike_public_key_equal(key, same));
	ck_assert_mem_eq(ike_public_key_id(key), ike_public_key_id(same), IKE_KEY_ID_LENGTH);
	ck_assert_mem_eq(
		ike_public_key_info_id(key), ike_public_key_info_id(same), IKE_KEY_ID_LENGTH);
	ike_public_key_free(same);

	ck_assert(PEM_write_bio_PUBKEY(pem, pkey));
	size_t length = (size_t)BIO_get_mem_data(pem, &text);
	same = parse_key(text, length);
	ck_assert(ike_public_key_equal(key, same));
	ike_public_key_free(same);

	int pkcs1_length = i2d_PublicKey(pkey, &pkcs1);
	ck_assert_int_gt(pkcs1_length, 0);
	same = parse_key(pkcs1, (size_t)pkcs1_length);
	ck_assert(ike_public_key_equal(key, same));
	ike_public_key_free(same);

	ck_assert(EVP_PKEY_get_bn_param(pkey, "n", &n));
	ck_assert_int_eq(BN_bn2binpad(n, dnskey + 4, 256), 256);
	same = parse_key(dnskey, sizeof(dnskey));
	ck_assert(ike_public_key_equal(key, same));
	ike_public_key_free(same);

	BN_free(n);
	OPENSSL_free(pkcs1);
	BIO_free(pem);
	ike_public_key_free(key);
}
END_TEST

START_TEST(keys_that_are_none)
{
	refuses_key("30", "no public key");
	refuses_key("00", "neither DER");
	refuses_key("0300", "neither DER");
	refuses_key("2d2d2d2d2d424547494e20", "damaged PEM");
	/* Ed25519: small order (1, 0, p - 1, order 8), and y = p + 3 */
	refuses_key("302a300506032b6570032100"
		    "0100000000000000000000000000000000000000000000000000000000000000",
		"small order");
	refuses_key("302a300506032b6570032100"
		    "0000000000000000000000000000000000000000000000000000000000000080",
		"small order");
	refuses_key("302a300506032b6570032100"
		    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"small order");
	refuses_key("302a300506032b6570032100"
		    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"small order");
	refuses_key("302a300506032b6570032100"
		    "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"RFC 8032");
	/* Ed448: 1, p - 1 */
	refuses_key("3043300506032b6571033a00"
		    "01000000000000000000000000000000000000000000000000000000"
		    "0000000000000000000000000000000000000000000000000000000000",
		"small order");
	refuses_key("3043300506032b6571033a00"
		    "feffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		    "feffffffffffffffffffffffffffffffffffffffffffffffffffffff00",
		"small order");
	/* X25519 is no signature's */
	refuses_key("302a300506032b656e032100"
		    "0900000000000000000000000000000000000000000000000000000000000000",
		"X25519");
}
END_TEST

static void refuses_rsa(unsigned exponent, unsigned bits, bool even, const char *reason)
{
	uint8_t dnskey[4 + 512] = { 3, (uint8_t)(exponent >> 16), (uint8_t)(exponent >> 8),
		(uint8_t)exponent };
	struct why why = { "" };

	memset(dnskey + 4, 0xff, bits / 8);
	if (even)
		dnskey[3 + bits / 8] = 0xfe;
	ck_assert_ptr_null(ike_public_key_parse(NULL, bytes_of(dnskey, 4 + bits / 8), &why));
	contains(why.text, reason);
}

START_TEST(weak_rsa_keys)
{
	struct why why = { "" };

	refuses_rsa(1, 2048, false, "exponent is 1");
	refuses_rsa(65536, 2048, false, "exponent is even");
	refuses_rsa(65537, 1016, false, "1016 bits, fewer");
	refuses_rsa(65537, 2048, true, "even modulus");
	ck_assert_ptr_null(ike_public_key_of(NULL, pki_key("rsa512", 0), &why));
	contains(why.text, "512 bits");
	ck_assert_ptr_null(ike_public_key_of(NULL, pki_key("rsa768", 0), &why));
	ck_assert_ptr_null(ike_public_key_of(NULL, pki_key("dsa", 0), &why));
	ck_assert_ptr_null(ike_public_key_of(NULL, pki_key("secp256k1", 0), &why));
	contains(why.text, "secp256k1");
}
END_TEST

/* ---- Certificates ---- */

#define NAMES                                                                                    \
	PKI_END "subjectAltName = DNS:moon.example.org, email:admin@example.org, IP:192.0.2.1, " \
		"IP:2001:db8::1, URI:https://example.org/\n"                                     \
		"crlDistributionPoints = URI:http://crl.example.org/a.crl, URI:ldap://x/y\n"     \
		"authorityInfoAccess = OCSP;URI:http://ocsp.example.org/\n"                      \
		"subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n"

static void check_text(const struct ike_identity *id, const char *expected)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	ck_assert_ptr_nonnull(id);
	ck_assert_str_eq(ike_identity_format(id, text), expected);
}

START_TEST(a_certificate_says_what_it_says)
{
	struct pki_certificate root = pki_issue(&(struct pki_spec){
		.subject = "/C=CH/CN=root", .extensions = PKI_CA "subjectKeyIdentifier = hash\n" });
	struct pki_certificate moon = pki_issue(&(struct pki_spec){ .subject = "/C=CH/CN=moon",
		.issuer = &root,
		.extensions = NAMES,
		.serial = 0x1234 });
	const struct ike_certificate *c = moon.c;
	int salt;

	ck_assert_msg(c != NULL, "%s", moon.why.text);
	check_text(ike_certificate_subject(c), "C=CH, CN=moon");
	check_text(ike_certificate_issuer(c), "C=CH, CN=root");
	check_text(ike_certificate_alt_name(c, 0), "moon.example.org");
	check_text(ike_certificate_alt_name(c, 1), "admin@example.org");
	check_text(ike_certificate_alt_name(c, 2), "192.0.2.1");
	check_text(ike_certificate_alt_name(c, 3), "2001:db8::1");
	ck_assert_ptr_null(ike_certificate_alt_name(c, 4));
	ck_assert_str_eq(ike_certificate_crl_uri(c, 0), "http://crl.example.org/a.crl");
	ck_assert_str_eq(ike_certificate_crl_uri(c, 1), "ldap://x/y");
	ck_assert_ptr_null(ike_certificate_crl_uri(c, 2));
	ck_assert_str_eq(ike_certificate_ocsp_uri(c, 0), "http://ocsp.example.org/");
	ck_assert_int_eq(ike_certificate_not_before(c), PKI_DAYS(-180));
	ck_assert_int_eq(ike_certificate_not_after(c), PKI_DAYS(180));
	ck_assert(bytes_equal(ike_certificate_serial(c), bytes_of("\x12\x34", 2)));
	ck_assert(bytes_equal(
		ike_certificate_authority_key_id(c), ike_certificate_subject_key_id(root.c)));
	ck_assert_uint_eq(ike_certificate_subject_key_id(c).length, 20);
	ck_assert(!ike_certificate_is_ca(c) && ike_certificate_is_ca(root.c));
	ck_assert(!ike_certificate_is_self_signed(c) && ike_certificate_is_self_signed(root.c));
	ck_assert_int_eq(ike_certificate_path_length(root.c), -1);
	ck_assert_str_eq(ike_certificate_scheme(c, &salt)->name, "ECDSA_WITH_SHA256_DER");
	pki_free(&moon);
	pki_free(&root);
}
END_TEST

static const struct {
	const char *id;
	unsigned match;
} matches[] = {
	{ "C=CH, CN=moon", IKE_MATCH_PERFECT },
	{ "C=ch, CN=MOON", IKE_MATCH_PERFECT },
	{ "C=CH, CN=*", IKE_MATCH_PERFECT - 1 },
	{ "CN=moon", IKE_MATCH_NONE },
	{ "CN=moon, C=CH", IKE_MATCH_NONE },
	{ "C=CH, CN=moon, CN=moon", IKE_MATCH_NONE },
	{ "moon.example.org", IKE_MATCH_PERFECT },
	{ "*.example.org", IKE_MATCH_PERFECT - 1 },
	{ "example.org", IKE_MATCH_NONE },
	{ "rfc822:moon.example.org", IKE_MATCH_NONE },
	{ "admin@example.org", IKE_MATCH_PERFECT },
	{ "fqdn:admin@example.org", IKE_MATCH_NONE },
	{ "192.0.2.1", IKE_MATCH_PERFECT },
	{ "fqdn:192.0.2.1", IKE_MATCH_NONE },
	{ "192.0.2.0/24", IKE_MATCH_PERFECT - 1 },
	{ "2001:db8::1", IKE_MATCH_PERFECT },
	{ "moon", IKE_MATCH_NONE },
	{ "https://example.org/", IKE_MATCH_NONE },
	{ "%any", IKE_MATCH_ANY },
};

START_TEST(a_certificate_proves_its_names_alone)
{
	struct pki_certificate moon =
		pki_issue(&(struct pki_spec){ .subject = "/C=CH/CN=moon", .extensions = NAMES });

	for (size_t i = 0; i < COUNT(matches); i++) {
		struct ike_identity *id = id_of(matches[i].id);

		ck_assert_msg(ike_certificate_match(moon.c, id) == matches[i].match, "%s: %u",
			matches[i].id, ike_certificate_match(moon.c, id));
		ike_identity_free(id);
	}
	struct ike_identity *id = ike_identity_from_wire(IKE_ID_KEY_ID,
		bytes_of(ike_public_key_id(ike_certificate_key(moon.c)), IKE_KEY_ID_LENGTH));
	ck_assert_uint_eq(ike_certificate_match(moon.c, id), IKE_MATCH_PERFECT);
	ike_identity_free(id);
	pki_free(&moon);
}
END_TEST

START_TEST(a_raw_key_is_a_certificate_without_names)
{
	struct why why;
	struct ike_public_key *key = ike_public_key_of(NULL, pki_key("p256", 0), &why);
	struct ike_identity *id = id_of("moon.example.org");
	struct ike_certificate *named = ike_certificate_of_key(key, id);
	struct ike_certificate *nameless = ike_certificate_of_key(key, NULL);

	ck_assert_uint_eq(ike_certificate_match(named, id), IKE_MATCH_PERFECT);
	ck_assert_uint_eq(ike_certificate_match(nameless, id), IKE_MATCH_NONE);
	ck_assert_uint_eq(ike_certificate_subject(nameless)->type, IKE_ID_KEY_ID);
	ck_assert(!ike_certificate_equal(named, nameless));
	ck_assert_ptr_null(ike_certificate_x509(named));
	ike_certificate_free(named);
	ike_certificate_free(nameless);
	ike_identity_free(id);
	ike_public_key_free(key);
}
END_TEST

static const struct {
	struct pki_spec spec;
	const char *reason;
} refused[] = {
	{ { .extensions = "basicConstraints = CA:TRUE\nsubjectKeyIdentifier = hash\n"
			  "1.2.3.4 = ASN1:NULL\n1.2.3.4 = ASN1:NULL\n" },
		NULL }, /* NCONF keeps the last of two lines: a good one */
	{ { .extensions = "subjectAltName = DER:30:09:82:07:61:2e:62:00:2e:63:64\n" }, "NUL" },
	{ { .extensions = "subjectAltName = DER:30:02:82:00\n" }, "empty" },
	{ { .extensions = "subjectAltName = DER:30:05:87:03:01:02:03\n" }, "3 octets" },
	{ { .extensions = "subjectAltName = DER:04:02:82:00\n" }, "malformed" },
	{ { .extensions = "basicConstraints = DER:30:03:01:01\n" }, "malformed" },
	{ { .extensions = "keyUsage = DER:05:00\n" }, "malformed" },
	{ { .extensions = "nameConstraints = DER:30:01:00\n" }, "malformed" },
};

START_TEST(certificates_that_are_not_even_read)
{
	struct pki_spec spec = refused[_i].spec;

	spec.subject = "/CN=moon";
	struct pki_certificate made = pki_issue(&spec);
	if (refused[_i].reason) {
		ck_assert_ptr_null(made.c);
		contains(made.why.text, refused[_i].reason);
	} else {
		ck_assert_msg(made.c != NULL, "%s", made.why.text);
	}
	pki_free(&made);
}
END_TEST

START_TEST(a_certificate_is_read_whole_or_not_at_all)
{
	struct pki_certificate root = pki_root("/CN=root");
	struct bytes der = pki_der(root.x509);
	uint8_t *longer = exact_copy(der.at, der.length);
	struct why why;

	longer = realloc(longer, der.length + 1);
	ck_assert_ptr_nonnull(longer);
	longer[der.length] = 0;
	ck_assert_ptr_null(ike_certificate_parse(NULL, bytes_of(longer, der.length + 1), &why));
	contains(why.text, "1 octets after");
	for (size_t cut = 0; cut < der.length; cut += 7) {
		uint8_t *copy = exact_copy(der.at, cut);

		ck_assert_ptr_null(ike_certificate_parse(NULL, bytes_of(copy, cut), &why));
		free(copy);
	}
	free(longer);
	free((void *)der.at);
	pki_free(&root);
}
END_TEST

/* ---- CRLs ---- */

static struct ike_crl *crl_of(const struct pki_crl_spec *spec, struct why *why)
{
	struct bytes der = pki_crl(spec);
	struct ike_crl *crl = ike_crl_parse(NULL, der, why);

	free((void *)der.at);
	return crl;
}

START_TEST(a_crl_names_what_is_revoked)
{
	struct pki_certificate root = pki_root("/CN=root"), other = pki_root("/CN=root");
	struct pki_certificate bad = pki_issue(
		&(struct pki_spec){ .subject = "/CN=bad", .issuer = &root, .extensions = PKI_END });
	struct pki_certificate good = pki_issue(&(struct pki_spec){
		.subject = "/CN=good", .issuer = &root, .extensions = PKI_END });
	const struct pki_certificate *revoked[] = { &bad, NULL };
	struct why why = { "" };
	struct ike_crl *crl = crl_of(&(struct pki_crl_spec){ .issuer = &root,
					     .revoked = revoked,
					     .extensions = "crlNumber = DER:020107\n" },
		&why);
	int64_t when;
	const char *reason;

	ck_assert_msg(crl != NULL, "%s", why.text);
	ck_assert(ike_crl_signed_by(crl, root.c));
	ck_assert(!ike_crl_signed_by(crl, other.c)); /* same name, another key */
	ck_assert(!ike_crl_signed_by(crl, good.c));
	ck_assert_int_eq(
		ike_crl_find(crl, ike_certificate_serial(bad.c), &when, &reason), IKE_CRL_REVOKED);
	ck_assert_int_eq(when, PKI_DAYS(-10));
	ck_assert_str_eq(reason, "key compromise");
	ck_assert_int_eq(
		ike_crl_find(crl, ike_certificate_serial(good.c), &when, &reason), IKE_CRL_ABSENT);
	ck_assert(bytes_equal(ike_crl_serial(crl), bytes_of("\x07", 1)));
	ck_assert_uint_eq(ike_crl_base_serial(crl).length, 0);
	ck_assert_int_eq(ike_crl_this_update(crl), PKI_DAYS(-3));
	ck_assert_int_eq(ike_crl_next_update(crl), PKI_DAYS(4));
	ck_assert(ike_crl_covers(crl, good.c) && ike_crl_covers(crl, root.c));
	ike_crl_free(crl);
	pki_free(&good);
	pki_free(&bad);
	pki_free(&other);
	pki_free(&root);
}
END_TEST

static const struct {
	const char *extensions, *refused;
	bool covers_ends, covers_cas;
} scopes[] = {
	{ "issuingDistributionPoint = critical, onlyuser:TRUE\n", NULL, true, false },
	{ "issuingDistributionPoint = critical, onlyCA:TRUE\n", NULL, false, true },
	{ "issuingDistributionPoint = critical, indirectCRL:TRUE\n", "indirect", 0, 0 },
	{ "issuingDistributionPoint = critical, onlyAA:TRUE\n", "attribute", 0, 0 },
	{ "issuingDistributionPoint = critical, onlysomereasons:keyCompromise\n", "some reasons", 0,
		0 },
	{ "1.2.3.4 = critical, ASN1:NULL\n", "1.2.3.4 is unknown", 0, 0 },
	{ "1.2.3.4 = ASN1:NULL\n", NULL, true, true },
};

START_TEST(a_crl_speaks_for_its_scope_alone)
{
	struct pki_certificate root = pki_root("/CN=root");
	struct pki_certificate end = pki_issue(
		&(struct pki_spec){ .subject = "/CN=end", .issuer = &root, .extensions = PKI_END });
	struct why why = { "" };
	struct ike_crl *crl = crl_of(
		&(struct pki_crl_spec){ .issuer = &root, .extensions = scopes[_i].extensions },
		&why);

	if (scopes[_i].refused) {
		ck_assert_ptr_null(crl);
		contains(why.text, scopes[_i].refused);
	} else {
		ck_assert_msg(crl != NULL, "%s", why.text);
		ck_assert_int_eq(ike_crl_covers(crl, end.c), scopes[_i].covers_ends);
		ck_assert_int_eq(ike_crl_covers(crl, root.c), scopes[_i].covers_cas);
	}
	ike_crl_free(crl);
	pki_free(&end);
	pki_free(&root);
}
END_TEST

TCase *certificate_tests(void)
{
	TCase *tests = tcase_create("certificate");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_key_is_the_same_in_every_form);
	tcase_add_test(tests, keys_that_are_none);
	tcase_add_test(tests, weak_rsa_keys);
	tcase_add_test(tests, a_certificate_says_what_it_says);
	tcase_add_test(tests, a_certificate_proves_its_names_alone);
	tcase_add_test(tests, a_raw_key_is_a_certificate_without_names);
	tcase_add_loop_test(tests, certificates_that_are_not_even_read, 0, COUNT(refused));
	tcase_add_test(tests, a_certificate_is_read_whole_or_not_at_all);
	tcase_add_test(tests, a_crl_names_what_is_revoked);
	tcase_add_loop_test(tests, a_crl_speaks_for_its_scope_alone, 0, COUNT(scopes));
	return tests;
}
