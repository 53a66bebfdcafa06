/* Signatures of every scheme, and what a definition's auth allows of them. */
#include "testing/pki/pki.h"
#include "testing/unit/crypto/test_crypto.h"

#include <openssl/evp.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DATA bytes_of_text("what a peer signs")

static struct ike_public_key *public_of(EVP_PKEY *pkey)
{
	struct why why;
	struct ike_public_key *key = ike_public_key_of(NULL, pkey, &why);

	ck_assert_msg(key != NULL, "%s", why.text);
	return key;
}

static const struct {
	const char *kind, *key_type;
	unsigned bits;
} kinds[] = {
	{ "rsa2048", "RSA", 2048 },
	{ "rsa3072", "RSA", 3072 },
	{ "p256", "ECDSA", 256 },
	{ "p384", "ECDSA", 384 },
	{ "p521", "ECDSA", 521 },
	{ "bp256", "ECDSA", 256 },
	{ "bp384", "ECDSA", 384 },
	{ "bp512", "ECDSA", 512 },
	{ "ed25519", "ED25519", 256 },
	{ "ed448", "ED448", 456 },
};

static bool verifies(const struct ike_public_key *key, const struct ike_signature_scheme *scheme,
	struct bytes data, const uint8_t *signature, size_t length)
{
	uint8_t *copy = exact_copy(signature, length);
	bool good = ike_signature_verify(key, scheme, -1, data, bytes_of(copy, length));

	free(copy);
	return good;
}

/* What one end signs the other verifies, and nothing that differs in one bit or octet. */
static void check_scheme(EVP_PKEY *pkey, const struct ike_signature_scheme *scheme)
{
	struct ike_public_key *key = public_of(pkey);
	uint8_t signature[IKE_SIGNATURE_MAX + 1] = { 0 };
	size_t length = ike_signature_make(NULL, pkey, scheme, DATA, signature);
	const struct ike_signature_scheme *other = NULL;

	ck_assert_uint_gt(length, 0);
	ck_assert_msg(verifies(key, scheme, DATA, signature, length), "%s", scheme->name);
	ck_assert(!verifies(key, scheme, bytes_of_text("what a peer sign"), signature, length));
	ck_assert(!verifies(key, scheme, DATA, signature, length - 1));
	ck_assert(!verifies(key, scheme, DATA, signature, length + 1));
	ck_assert(!verifies(key, scheme, DATA, signature, 0));
	for (size_t i = 0; i < length; i += 1 + length / 16) {
		signature[i] ^= 0x10;
		ck_assert_msg(!verifies(key, scheme, DATA, signature, length), "%s, octet %zu",
			scheme->name, i);
		signature[i] ^= 0x10;
	}
	while ((other = ike_signature_next(other))) /* the same bits under another name */
		if (other->hash != scheme->hash || other->pss != scheme->pss ||
			other->key_type != scheme->key_type)
			ck_assert_msg(!verifies(key, other, DATA, signature, length), "%s as %s",
				scheme->name, other->name);
	ike_public_key_free(key);
}

START_TEST(every_scheme_signs_and_verifies)
{
	EVP_PKEY *pkey = pki_key(kinds[_i].kind, 0);
	struct ike_public_key *key = public_of(pkey);
	const struct ike_signature_scheme *scheme = NULL;
	unsigned tried = 0;

	ck_assert_str_eq(ike_key_type_name(ike_public_key_type(key)), kinds[_i].key_type);
	ck_assert_uint_eq(ike_public_key_bits(key), kinds[_i].bits);
	while ((scheme = ike_signature_next(scheme))) {
		if (scheme->key_type != ike_public_key_type(key) ||
			(scheme->curve != 0 && scheme->curve != ike_public_key_curve(key)))
			continue;
		check_scheme(pkey, scheme);
		tried++;
	}
	ck_assert_uint_gt(tried, 0);
	ike_public_key_free(key);
}
END_TEST

START_TEST(the_wire_names_every_scheme)
{
	const struct ike_signature_scheme *scheme = NULL;
	struct ike_public_key *rsa = public_of(pki_key("rsa2048", 0));
	struct ike_public_key *p384 = public_of(pki_key("p384", 0));
	uint8_t der[128];
	int salt;

	while ((scheme = ike_signature_next(scheme)))
		if (scheme->algorithm.length > 0)
			ck_assert_ptr_eq(
				ike_signature_by_algorithm(scheme->algorithm, &salt), scheme);
	ck_assert_str_eq(ike_signature_by_method(1, rsa)->name, "RSA_EMSA_PKCS1_SHA1");
	ck_assert_str_eq(ike_signature_by_method(10, p384)->name, "ECDSA-384");
	ck_assert_ptr_null(ike_signature_by_method(9, p384));
	ck_assert_ptr_null(ike_signature_by_method(1, p384));
	ck_assert_ptr_null(ike_signature_by_method(0, rsa));
	ck_assert_ptr_null(ike_signature_by_method(14, rsa));
	ike_public_key_free(rsa);
	ike_public_key_free(p384);

	/* RSASSA-PSS with SHA-512, salt 32, the trailer field written out */
	size_t length = from_hex("304606092a864886f70d01010a3039a00f300d06096086480165030402030500"
				 "a11c301a06092a864886f70d010108300d06096086480165030402030500"
				 "a203020120a303020101",
		der, sizeof(der));
	scheme = ike_signature_by_algorithm(bytes_of(der, length), &salt);
	ck_assert_ptr_nonnull(scheme);
	ck_assert_str_eq(scheme->name, "RSA_EMSA_PSS_SHA2_512_SALT_64");
	ck_assert_int_eq(salt, 32);
	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *copy = exact_copy(der, cut);

		ck_assert_ptr_null(ike_signature_by_algorithm(bytes_of(copy, cut), &salt));
		free(copy);
	}
}
END_TEST

static struct ike_signature_policy policy_of(const char *text)
{
	struct ike_signature_policy policy = { 0 };
	struct why why;

	ck_assert_msg(ike_signature_policy_parse(text, &policy, &why), "%s", why.text);
	return policy;
}

static void list_is(
	const struct ike_signature_scheme *const *list, size_t count, const char *expected)
{
	char text[512] = "";

	for (size_t i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			list[i]->name);
	ck_assert_str_eq(text, expected);
}

/* As strongSwan was seen to read them (its hashes belong to the type of key before them). */
static const struct {
	const char *text, *trust, *ike;
	unsigned rsa_bits, ecdsa_bits;
} policies[] = {
	{ "pubkey", "", "", 0, 0 },
	{ "rsa", "", "", 0, 0 },
	{ "rsa-2048-ecdsa-256", "", "", 2048, 256 },
	{ "rsa-sha256-sha512", "RSA_EMSA_PKCS1_SHA2_256 RSA_EMSA_PKCS1_SHA2_512", "", 0, 0 },
	{ "rsa-4096-ecdsa-256-sha256", "ECDSA_WITH_SHA256_DER ECDSA-256", "", 4096, 256 },
	{ "pubkey-sha384", "RSA_EMSA_PKCS1_SHA2_384 ECDSA_WITH_SHA384_DER ECDSA-384", "", 0, 0 },
	{ "ike:rsa-sha256", "", "RSA_EMSA_PKCS1_SHA2_256", 0, 0 },
	{ "ike:rsa-sha256-rsa-sha384", "RSA_EMSA_PKCS1_SHA2_384", "RSA_EMSA_PKCS1_SHA2_256", 0, 0 },
	{ "ike:rsa/pss-sha384-sha256", "",
		"RSA_EMSA_PSS_SHA2_384_SALT_48 RSA_EMSA_PSS_SHA2_256_SALT_32", 0, 0 },
	{ "ike:rsa/pss", "",
		"RSA_EMSA_PSS_SHA2_256_SALT_32 RSA_EMSA_PSS_SHA2_384_SALT_48 "
		"RSA_EMSA_PSS_SHA2_512_SALT_64",
		0, 0 },
	{ "rsa-sha256-ed25519", "RSA_EMSA_PKCS1_SHA2_256 ED25519", "", 0, 0 },
	{ "ed448", "", "", 0, 0 },
	{ "pubkey-identity", "ED25519 ED448", "", 0, 0 },
};

START_TEST(auth_says_what_is_allowed)
{
	struct ike_signature_policy policy = policy_of(policies[_i].text);
	struct ike_signature_policy again = policy_of(policies[_i].text);

	list_is(policy.trust, policy.trust_count, policies[_i].trust);
	list_is(policy.ike, policy.ike_count, policies[_i].ike);
	ck_assert_uint_eq(policy.rsa_bits, policies[_i].rsa_bits);
	ck_assert_uint_eq(policy.ecdsa_bits, policies[_i].ecdsa_bits);
	ck_assert(ike_signature_policy_equal(&policy, &again));
}
END_TEST

START_TEST(auth_that_says_nothing_is_refused)
{
	static const char *const wrong[] = { "", "sha256", "ike:sha256", "rsa-", "rsa4096-sha256",
		"rsa-sha224", "rsa-md5", "bliss-128", "pubkey-2048", "rsa-99999", "rsa-2048-x",
		"ike:", "ecdsa256", "rsa--sha256", "RSA" };
	struct why why;

	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct ike_signature_policy policy = { 0 };

		ck_assert_msg(!ike_signature_policy_parse(wrong[i], &policy, &why), "%s", wrong[i]);
		ck_assert_ptr_nonnull(strstr(why.text, "no type of key, strength or hash"));
	}
}
END_TEST

#define ALL_HASHES 0x3e /* SHA-1 and those of RFC 7427 and RFC 8420 */

static const struct {
	const char *kind, *policy;
	uint32_t hashes;
	const char *chosen; /* NULL: none */
	uint8_t method;
} choices[] = {
	{ "rsa2048", NULL, ALL_HASHES, "RSA_EMSA_PKCS1_SHA2_256", 14 },
	{ "rsa4096", NULL, ALL_HASHES, "RSA_EMSA_PKCS1_SHA2_384", 14 },
	{ "rsa2048", NULL, 0, "RSA_EMSA_PKCS1_SHA1", 1 },
	{ "rsa2048", NULL, IKE_HASH_BIT(IKE_HASH_SHA1), NULL, 0 },
	{ "rsa2048", "rsa-sha1", IKE_HASH_BIT(IKE_HASH_SHA1), "RSA_EMSA_PKCS1_SHA1", 14 },
	{ "rsa2048", NULL, IKE_HASH_BIT(IKE_HASH_SHA2_512), "RSA_EMSA_PKCS1_SHA2_512", 14 },
	{ "rsa4096", NULL, IKE_HASH_BIT(IKE_HASH_SHA2_256), "RSA_EMSA_PKCS1_SHA2_256", 14 },
	{ "rsa2048", "ike:rsa/pss-sha384-sha256", ALL_HASHES, "RSA_EMSA_PSS_SHA2_384_SALT_48", 14 },
	{ "rsa2048", "ike:rsa/pss-sha384-sha256", IKE_HASH_BIT(IKE_HASH_SHA2_256),
		"RSA_EMSA_PSS_SHA2_256_SALT_32", 14 },
	{ "rsa2048", "ike:rsa/pss-sha384-sha256", 0, NULL, 0 },
	{ "rsa2048", "rsa-3072", ALL_HASHES, NULL, 0 },
	{ "rsa2048", "ecdsa", ALL_HASHES, NULL, 0 },
	{ "p256", NULL, ALL_HASHES, "ECDSA_WITH_SHA256_DER", 14 },
	{ "p384", NULL, ALL_HASHES, "ECDSA_WITH_SHA384_DER", 14 },
	{ "p521", NULL, ALL_HASHES, "ECDSA_WITH_SHA512_DER", 14 },
	{ "bp512", NULL, ALL_HASHES, "ECDSA_WITH_SHA512_DER", 14 },
	{ "p256", NULL, 0, "ECDSA-256", 9 },
	{ "p384", "pubkey-sha384", 0, "ECDSA-384", 10 },
	{ "p521", NULL, 0, "ECDSA-521", 11 },
	{ "bp256", NULL, 0, NULL, 0 },
	{ "ed25519", NULL, ALL_HASHES, "ED25519", 14 },
	{ "ed448", "rsa-sha256-ed448", ALL_HASHES, "ED448", 14 },
	{ "ed25519", NULL, IKE_HASH_BIT(IKE_HASH_SHA2_256), NULL, 0 },
	{ "ed25519", NULL, 0, NULL, 0 },
};

START_TEST(we_sign_with_what_the_peer_knows)
{
	struct ike_public_key *key = public_of(pki_key(choices[_i].kind, 0));
	struct ike_signature_policy policy;
	const struct ike_signature_scheme *scheme;
	struct why why = { "" };
	uint8_t method = 0;

	if (choices[_i].policy)
		policy = policy_of(choices[_i].policy);
	scheme = ike_signature_choose(
		key, choices[_i].policy ? &policy : NULL, choices[_i].hashes, &method, &why);
	if (choices[_i].chosen) {
		ck_assert_msg(scheme != NULL, "%s", why.text);
		ck_assert_str_eq(scheme->name, choices[_i].chosen);
		ck_assert_uint_eq(method, choices[_i].method);
	} else {
		ck_assert_ptr_null(scheme);
		ck_assert_uint_gt(strlen(why.text), 0);
	}
	ike_public_key_free(key);
}
END_TEST

/* NULL: allowed; else a part of the reason. */
static const struct {
	const char *kind, *scheme, *policy, *refused;
} allowed[] = {
	{ "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", NULL, NULL },
	{ "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", NULL, NULL },
	{ "rsa2048", "RSA_EMSA_PKCS1_SHA1", NULL, NULL }, /* the classic method */
	{ "rsa2048", "RSA_EMSA_PKCS1_SHA1", "pubkey-sha256", "not among" },
	{ "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", "rsa-sha256", "not among" },
	{ "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", "ike:rsa/pss-sha256", "not among" },
	{ "rsa1024", "RSA_EMSA_PKCS1_SHA2_256", "rsa-2048", "1024 bits, fewer than the 2048" },
	{ "p256", "ECDSA_WITH_SHA256_DER", "ecdsa-384", "256 bits, fewer than the 384" },
	{ "p256", "ECDSA_WITH_SHA256_DER", "rsa", "an ECDSA key, which auth does not allow" },
	{ "p256", "ECDSA_WITH_SHA1_DER", NULL, "weak" },
	{ "p256", "ECDSA_WITH_SHA1_DER", "ecdsa-sha1", NULL },
	{ "p256", "ED25519", NULL, "no signature of" },
	{ "ed25519", "ED25519", "ed25519", NULL },
	{ "ed25519", "ED25519", "rsa-2048", "does not allow" },
	{ "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", "ike:rsa/pss-sha256", NULL },
	{ "rsa2048", "RSA_EMSA_PSS_SHA2_256_SALT_32", "ike:rsa/pss-sha384", "not among" },
	{ "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", "ike:rsa-sha512", "not among" },
	{ "rsa2048", "RSA_EMSA_PKCS1_SHA2_512", "ike:rsa-sha512", NULL },
	{ "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", "rsa-3072", "2048 bits, fewer than the 3072" },
	{ "rsa3072", "RSA_EMSA_PKCS1_SHA2_256", "rsa-3072", NULL },
	{ "rsa2048", "RSA_EMSA_PKCS1_SHA2_256", "ecdsa", "does not allow" },
	{ "p256", "ECDSA_WITH_SHA256_DER", "ike:pubkey-sha384", "not among" },
	{ "p256", "ECDSA_WITH_SHA256_DER", "ike:rsa/pss-sha256", "which auth does not allow" },
	{ "p384", "ECDSA_WITH_SHA384_DER", "ecdsa-384", NULL },
	{ "ed448", "ED448", "ed25519", "does not allow" },
};

START_TEST(auth_refuses_with_a_reason)
{
	struct ike_public_key *key = public_of(pki_key(allowed[_i].kind, 0));
	struct ike_signature_policy policy;
	struct why why = { "" };

	if (allowed[_i].policy)
		policy = policy_of(allowed[_i].policy);
	ck_assert_int_eq(ike_signature_allowed(allowed[_i].policy ? &policy : NULL,
				 ike_signature_find(allowed[_i].scheme), key, &why),
		!allowed[_i].refused);
	if (allowed[_i].refused)
		ck_assert_msg(strstr(why.text, allowed[_i].refused) != NULL, "%s", why.text);
	ike_public_key_free(key);
}
END_TEST

/* Those that take long, once for all processes that check forks. */
static void make_keys(void)
{
	pki_key("rsa1024", 0);
	pki_key("rsa2048", 0);
	pki_key("rsa3072", 0);
	pki_key("rsa4096", 0);
}

TCase *signature_tests(void)
{
	TCase *tests = tcase_create("signature");

	tcase_set_timeout(tests, 60);
	tcase_add_unchecked_fixture(tests, make_keys, NULL);
	tcase_add_loop_test(tests, every_scheme_signs_and_verifies, 0, COUNT(kinds));
	tcase_add_test(tests, the_wire_names_every_scheme);
	tcase_add_loop_test(tests, auth_says_what_is_allowed, 0, COUNT(policies));
	tcase_add_test(tests, auth_that_says_nothing_is_refused);
	tcase_add_loop_test(tests, we_sign_with_what_the_peer_knows, 0, COUNT(choices));
	tcase_add_loop_test(tests, auth_refuses_with_a_reason, 0, COUNT(allowed));
	return tests;
}
