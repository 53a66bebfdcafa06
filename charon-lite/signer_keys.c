#include "charon-lite/signer_keys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <strings.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* ---- Parsing ---- */

/* DER of whichever form: OpenSSL finds out. Nothing may follow it. */
static EVP_PKEY *parse_der(OSSL_LIB_CTX *library, struct bytes der, struct why *why)
{
	const unsigned char *at = der.at;
	EVP_PKEY *key = NULL;
	X509_SIG *encrypted = NULL;

	if (der.length > 0)
		key = d2i_AutoPrivateKey_ex(NULL, &at, (long)der.length, library, NULL);
	if (key && at == der.at + der.length)
		return key;
	at = der.at;
	if (!key && der.length > 0)
		encrypted = d2i_X509_SIG(NULL, &at, (long)der.length);
	if (encrypted)
		why_fail(why, "the private key is encrypted");
	else if (key)
		why_fail(why, "something follows the private key");
	else
		why_fail(why, "it is no private key that is known here (PKCS#8, PKCS#1, SEC1)");
	X509_SIG_free(encrypted);
	EVP_PKEY_free(key);
	return NULL;
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* The first private key among the blocks: `openssl ecparam` writes another one before it. */
static EVP_PKEY *parse_pem(OSSL_LIB_CTX *library, struct bytes pem, struct why *why)
{
	BIO *in = BIO_new_mem_buf(pem.at, (int)pem.length);
	EVP_PKEY *key = NULL;
	unsigned char *data;
	char *name, *header;
	bool found = false;
	long length;

	why_fail(why, "there is no private key in it");
	while (in && !found &&
		PEM_read_bio_ex(in, &name, &header, &data, &length, PEM_FLAG_SECURE) == 1) {
		found = ends_in(name, "PRIVATE KEY");
		if (found &&
			(strcmp(name, "ENCRYPTED PRIVATE KEY") == 0 || strstr(header, "ENCRYPTED")))
			why_fail(why, "the private key is encrypted");
		else if (found)
			key = parse_der(library, bytes_of(data, (size_t)length), why);
		OPENSSL_secure_clear_free(name, 0);
		OPENSSL_secure_clear_free(header, 0);
		OPENSSL_secure_clear_free(data, (size_t)length);
	}
	BIO_free(in);
	return key;
}

static bool is_pem(struct bytes encoded)
{
	static const char begin[] = "-----BEGIN ";

	return encoded.length > 0 &&
	       memmem(encoded.at, encoded.length, begin, sizeof(begin) - 1) != NULL;
}

static bool check_type(const char *type, EVP_PKEY *key, struct why *why)
{
	static const struct {
		const char *type, *name; /* OpenSSL's; NULL: all */
	} types[] = { { "any", NULL }, { "pkcs8", NULL }, { "rsa", "RSA" }, { "ecdsa", "EC" },
		{ "ed25519", "ED25519" }, { "ed448", "ED448" } };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcasecmp(type, types[i].type) != 0)
			continue;
		return !types[i].name || EVP_PKEY_is_a(key, types[i].name) ||
		       why_fail(why, "it is no %s key, but of type %s", type,
			       EVP_PKEY_get0_type_name(key));
	}
	return why_fail(why, "'%s' is no type of private keys that is known here", type);
}

/* Does what it signs verify? A key whose halves do not belong together would give itself away. */
static bool try_out(OSSL_LIB_CTX *library, EVP_PKEY *key, struct why *why)
{
	bool edwards = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
	const char *digest = edwards ? NULL : "SHA256";
	EVP_MD_CTX *sign = EVP_MD_CTX_new(), *verify = EVP_MD_CTX_new();
	static const uint8_t data[] = "charon-lite";
	uint8_t signature[IKE_SIGNATURE_MAX];
	size_t length = sizeof(signature);

	bool good = sign && verify &&
		    EVP_DigestSignInit_ex(sign, NULL, digest, library, NULL, key, NULL) == 1 &&
		    EVP_DigestSign(sign, signature, &length, data, sizeof(data)) == 1 &&
		    EVP_DigestVerifyInit_ex(verify, NULL, digest, library, NULL, key, NULL) == 1 &&
		    EVP_DigestVerify(verify, signature, length, data, sizeof(data)) == 1;
	EVP_MD_CTX_free(sign);
	EVP_MD_CTX_free(verify);
	return good || why_fail(why, "what the key signs does not verify: it is damaged");
}

EVP_PKEY *cl_private_key_parse(
	OSSL_LIB_CTX *library, const char *type, struct bytes encoded, struct why *why)
{
	EVP_PKEY *key = encoded.length > INT32_MAX ? NULL
			: is_pem(encoded)          ? parse_pem(library, encoded, why)
						   : parse_der(library, encoded, why);

	if (key && !check_type(type, key, why)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

/* ---- Keeping ---- */

struct key {
	UT_hash_handle hh;
	uint64_t handle;
	EVP_PKEY *key;
};

struct cl_signer_keys {
	OSSL_LIB_CTX *library;
	struct key *by_handle;
};

struct cl_signer_keys *cl_signer_keys_new(OSSL_LIB_CTX *library)
{
	struct cl_signer_keys *keys = calloc(1, sizeof(*keys));

	if (keys)
		keys->library = library;
	return keys;
}

static struct key *find(const struct cl_signer_keys *keys, uint64_t handle)
{
	struct key *key;

	HASH_FIND(hh, keys->by_handle, &handle, sizeof(handle), key);
	return key;
}

EVP_PKEY *cl_signer_keys_find(const struct cl_signer_keys *keys, uint64_t handle)
{
	struct key *key = find(keys, handle);

	return key ? key->key : NULL;
}

void cl_signer_keys_unload(struct cl_signer_keys *keys, uint64_t handle)
{
	struct key *key = find(keys, handle);

	if (!key)
		return;
	HASH_DEL(keys->by_handle, key);
	EVP_PKEY_free(key->key);
	free(key);
}

void cl_signer_keys_free(struct cl_signer_keys *keys)
{
	if (!keys)
		return;
	while (keys->by_handle)
		cl_signer_keys_unload(keys, keys->by_handle->handle);
	free(keys);
}

/* Takes pkey over. */
static bool keep(struct cl_signer_keys *keys, uint64_t handle, EVP_PKEY *pkey)
{
	struct key *key = calloc(1, sizeof(*key));

	if (key) {
		cl_signer_keys_unload(keys, handle);
		key->handle = handle;
		key->key = pkey;
		HASH_ADD(hh, keys->by_handle, handle, sizeof(handle), key);
		if (key->hh.tbl)
			return true;
	}
	EVP_PKEY_free(pkey);
	free(key);
	return false;
}

struct ike_public_key *cl_signer_keys_load(struct cl_signer_keys *keys, uint64_t handle,
	const char *type, struct bytes encoded, struct why *why)
{
	EVP_PKEY *pkey = cl_private_key_parse(keys->library, type, encoded, why);
	struct ike_public_key *public = NULL;

	if (!pkey)
		return NULL;
	/* Refuses what it would be of no use to sign with: short keys, unknown curves. */
	public = ike_public_key_of(keys->library, pkey, why);
	if (!public || !try_out(keys->library, pkey, why)) {
		ike_public_key_free(public);
		EVP_PKEY_free(pkey);
		return NULL;
	}
	if (keep(keys, handle, pkey))
		return public;
	why_fail(why, "out of memory");
	ike_public_key_free(public);
	return NULL;
}

size_t cl_signer_keys_sign(const struct cl_signer_keys *keys, uint64_t handle, const char *scheme,
	struct bytes data, uint8_t ret[IKE_SIGNATURE_MAX], struct why *why)
{
	const struct ike_signature_scheme *how = ike_signature_find(scheme);
	EVP_PKEY *key = cl_signer_keys_find(keys, handle);
	size_t length = 0;

	if (!key) {
		why_fail(why, "there is no such private key");
	} else if (!how) {
		why_fail(why, "'%s' is no scheme of signatures", scheme);
	} else {
		length = ike_signature_make(keys->library, key, how, data, ret);
		if (!length)
			why_fail(why, "the private key does not sign as %s", scheme);
	}
	ERR_clear_error();
	return length;
}
