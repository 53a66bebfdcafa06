#include "testing/bench/floor.h"

#include "testing/bench/certificates.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

struct floor {
	uint8_t version;
	EVP_PKEY_CTX *keygen;
	EVP_PKEY_CTX *kem; /* makes ML-KEM-768 keys; NULL without */
	EVP_PKEY *peer;
	unsigned char *peer_public; /* as it comes on the wire */
	size_t peer_public_length;
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac;
	EVP_MD *sha1;
	EVP_MD_CTX *digest;
	EVP_CIPHER *gcm;
	EVP_CIPHER *cbc;
	EVP_CIPHER_CTX *cipher;
	EVP_PKEY *key; /* NULL: a PSK */
	EVP_PKEY *ca_key;
	X509 *certificate;
	EVP_MD *sha256; /* NULL: the key's own */
	unsigned char signature[512];
	size_t signature_length;
	unsigned char message[512];
};

static void must(int ok, const char *what)
{
	if (ok > 0)
		return;
	fprintf(stderr, "bench: OpenSSL: %s failed\n", what);
	exit(1);
}

static EVP_PKEY *key_pair(struct floor *f)
{
	EVP_PKEY *key = NULL;

	must(EVP_PKEY_keygen(f->keygen, &key), "key generation");
	return key;
}

static void make_signature(struct floor *f)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	f->signature_length = sizeof(f->signature);
	must(EVP_DigestSignInit(context, NULL, f->sha256, NULL, f->key), "sign");
	must(EVP_DigestSign(
		     context, f->signature, &f->signature_length, f->message, sizeof(f->message)),
		"sign");
	EVP_MD_CTX_free(context);
}

static void verify_peer(struct floor *f)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	must(EVP_DigestVerifyInit(context, NULL, f->sha256, NULL, f->key), "verify");
	must(EVP_DigestVerify(
		     context, f->signature, f->signature_length, f->message, sizeof(f->message)),
		"verify");
	EVP_MD_CTX_free(context);
	must(X509_verify(f->certificate, f->ca_key), "verify the certificate");
}

static void floor_set_key(struct floor *f, const char *key)
{
	struct bench_certificates c = bench_certificates(key, "peer-0.example.org");

	f->key = c.key;
	f->ca_key = c.ca_key;
	f->certificate = c.certificate;
	X509_free(c.ca);
	if (strcmp(key, "ed25519") != 0)
		f->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static EVP_PKEY_CTX *kem_maker(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "ML-KEM-768", NULL);

	if (context && EVP_PKEY_keygen_init(context) > 0)
		return context;
	EVP_PKEY_CTX_free(context);
	return NULL;
}

bool floor_has(enum floor_group group)
{
	EVP_PKEY_CTX *kem = group == FLOOR_X25519_ML_KEM ? kem_maker() : NULL;

	EVP_PKEY_CTX_free(kem);
	return group != FLOOR_X25519_ML_KEM || kem;
}

struct floor *floor_new(uint8_t version, enum floor_group group, const char *key)
{
	static const struct {
		const char *type, *name;
	} groups[] = { { "X25519", NULL }, { "EC", "P-256" }, { "DH", "modp_2048" },
		{ "X25519", NULL } };
	struct floor *f = calloc(1, sizeof(*f));
	char sha1[] = "SHA1", sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_MAC_PARAM_DIGEST, version == 1 ? sha1 : sha256, 0),
		OSSL_PARAM_construct_end(),
	};

	must(f != NULL, "memory");
	f->version = version;
	f->keygen = EVP_PKEY_CTX_new_from_name(NULL, groups[group].type, NULL);
	must(EVP_PKEY_keygen_init(f->keygen), "key generation");
	if (groups[group].name)
		must(EVP_PKEY_CTX_set_group_name(f->keygen, groups[group].name), "group");
	if (group == FLOOR_X25519_ML_KEM) {
		f->kem = kem_maker();
		must(f->kem != NULL, "ML-KEM");
	}
	f->peer = key_pair(f);
	f->peer_public_length = EVP_PKEY_get1_encoded_public_key(f->peer, &f->peer_public);
	f->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	f->mac = EVP_MAC_CTX_new(f->hmac);
	must(EVP_MAC_CTX_set_params(f->mac, params), "HMAC");
	f->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	f->digest = EVP_MD_CTX_new();
	f->gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	f->cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	f->cipher = EVP_CIPHER_CTX_new();
	if (key)
		floor_set_key(f, key);
	return f;
}

void floor_free(struct floor *f)
{
	EVP_PKEY_CTX_free(f->kem);
	EVP_PKEY_CTX_free(f->keygen);
	EVP_PKEY_free(f->peer);
	OPENSSL_free(f->peer_public);
	EVP_MAC_CTX_free(f->mac);
	EVP_MAC_free(f->hmac);
	EVP_MD_CTX_free(f->digest);
	EVP_MD_free(f->sha1);
	EVP_CIPHER_CTX_free(f->cipher);
	EVP_CIPHER_free(f->gcm);
	EVP_CIPHER_free(f->cbc);
	EVP_MD_free(f->sha256);
	X509_free(f->certificate);
	free(f);
}

static void prf(struct floor *f, const unsigned char *key, const unsigned char *data, size_t length,
	unsigned char ret[32])
{
	size_t written;

	must(EVP_MAC_init(f->mac, key, 32, NULL), "HMAC");
	must(EVP_MAC_update(f->mac, data, length), "HMAC");
	must(EVP_MAC_final(f->mac, ret, &written, 32), "HMAC");
}

/* prf+ keeps its key. */
static void prf_plus(struct floor *f, const unsigned char *key, size_t seed_length, size_t octets)
{
	unsigned char block[32] = { 0 };
	size_t written;

	for (size_t at = 0; at < octets; at += 32) {
		must(EVP_MAC_init(f->mac, at ? NULL : key, at ? 0 : 32, NULL), "HMAC");
		must(EVP_MAC_update(f->mac, block, at ? 32 : 0), "HMAC");
		must(EVP_MAC_update(f->mac, f->message, seed_length + 1), "HMAC");
		must(EVP_MAC_final(f->mac, block, &written, 32), "HMAC");
	}
}

static void shared_secret(struct floor *f, unsigned char *ret, size_t room)
{
	EVP_PKEY *mine = key_pair(f);
	EVP_PKEY *theirs = EVP_PKEY_new();
	EVP_PKEY_CTX *derive = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
	unsigned char *encoded = NULL;
	size_t length = room;

	must(EVP_PKEY_get1_encoded_public_key(mine, &encoded) > 0, "public value");
	must(EVP_PKEY_copy_parameters(theirs, mine), "peer's value");
	must(EVP_PKEY_set1_encoded_public_key(theirs, f->peer_public, f->peer_public_length),
		"peer's value");
	must(EVP_PKEY_derive_init(derive), "derive");
	must(EVP_PKEY_derive_set_peer_ex(derive, theirs, 0), "derive");
	must(EVP_PKEY_derive(derive, ret, &length), "derive");
	OPENSSL_free(encoded);
	EVP_PKEY_CTX_free(derive);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(mine);
}

static void seal_and_open(struct floor *f)
{
	unsigned char key[16] = { 1 }, iv[12] = { 2 }, tag[16], text[256] = { 3 };
	int length;

	must(EVP_EncryptInit_ex2(f->cipher, f->gcm, key, iv, NULL), "seal");
	must(EVP_EncryptUpdate(f->cipher, NULL, &length, f->message, 32), "seal");
	must(EVP_EncryptUpdate(f->cipher, text, &length, text, sizeof(text)), "seal");
	must(EVP_EncryptFinal_ex(f->cipher, text, &length), "seal");
	must(EVP_CIPHER_CTX_ctrl(f->cipher, EVP_CTRL_AEAD_GET_TAG, 16, tag), "seal");
	must(EVP_DecryptInit_ex2(f->cipher, f->gcm, key, iv, NULL), "open");
	must(EVP_DecryptUpdate(f->cipher, NULL, &length, f->message, 32), "open");
	must(EVP_DecryptUpdate(f->cipher, text, &length, text, sizeof(text)), "open");
	must(EVP_CIPHER_CTX_ctrl(f->cipher, EVP_CTRL_AEAD_SET_TAG, 16, tag), "open");
	must(EVP_DecryptFinal_ex(f->cipher, text, &length), "open");
}

static void nat_detection(struct floor *f)
{
	unsigned char hash[20];

	must(EVP_DigestInit_ex2(f->digest, f->sha1, NULL), "SHA-1");
	must(EVP_DigestUpdate(f->digest, f->message, 22), "SHA-1");
	must(EVP_DigestFinal_ex(f->digest, hash, NULL), "SHA-1");
}

/* A fresh key, and what its ciphertext has inside. Any octets are a ciphertext. */
static void kem_secret(struct floor *f)
{
	static const unsigned char ciphertext[1088];
	EVP_PKEY *key = NULL;
	unsigned char secret[32];
	size_t length = sizeof(secret);

	must(EVP_PKEY_keygen(f->kem, &key), "ML-KEM key");
	EVP_PKEY_CTX *open = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	must(EVP_PKEY_decapsulate_init(open, NULL), "decapsulate");
	must(EVP_PKEY_decapsulate(open, secret, &length, ciphertext, sizeof(ciphertext)),
		"decapsulate");
	EVP_PKEY_CTX_free(open);
	EVP_PKEY_free(key);
}

static void prf_sha1(struct floor *f, const unsigned char *key, size_t key_length, size_t length,
	unsigned char ret[20])
{
	size_t written;

	must(EVP_MAC_init(f->mac, key, key_length, NULL), "HMAC");
	must(EVP_MAC_update(f->mac, f->message, length), "HMAC");
	must(EVP_MAC_final(f->mac, ret, &written, 20), "HMAC");
}

static void cbc(struct floor *f, bool seal, int octets)
{
	unsigned char key[32] = { 1 }, iv[16] = { 2 }, text[512];
	int length;

	must(EVP_CipherInit_ex2(f->cipher, f->cbc, key, iv, seal, NULL), "CBC");
	must(EVP_CIPHER_CTX_set_padding(f->cipher, 0), "CBC");
	must(EVP_CipherUpdate(f->cipher, text, &length, f->message, octets), "CBC");
}

static void floor_run_v1(struct floor *f)
{
	unsigned char shared[512], random[44], skeyid[20], block[20];

	must(RAND_bytes(random, sizeof(random)), "random");
	shared_secret(f, shared, sizeof(shared));
	memcpy(f->message, shared, 256);
	prf_sha1(f, random, 20, 64, skeyid);
	for (int i = 0; i < 3; i++) /* SKEYID_d, _a, _e */
		prf_sha1(f, skeyid, 20, i ? 293 : 273, block);
	prf_sha1(f, block, 20, 1, block); /* AES-256 takes more than SKEYID_e has */
	prf_sha1(f, block, 20, 20, block);
	for (int i = 0; i < 2; i++) /* HASH_I, HASH_R */
		prf_sha1(f, skeyid, 20, 500, block);
	for (int i = 0; i < 6; i++) /* NAT-D, IVs of both phases */
		nat_detection(f);
	cbc(f, true, 64);
	cbc(f, false, 64);
	for (int i = 0; i < 3; i++)
		prf_sha1(f, block, 20, i < 2 ? 150 : 69, block);
	for (int i = 0; i < 2; i++) { /* 16 + 4 octets each way */
		prf_sha1(f, block, 20, 69, block);
		cbc(f, i == 0, 176);
	}
	cbc(f, true, 32);
}

void floor_run(struct floor *f)
{
	unsigned char shared[512], block[32], random[44];

	if (f->version == 1) {
		floor_run_v1(f);
		return;
	}
	must(RAND_bytes(random, sizeof(random)), "random");
	shared_secret(f, shared, sizeof(shared));
	prf(f, random, shared, 32, block); /* SKEYSEED */
	prf_plus(f, block, 80, 136);       /* SK_d, SK_ei, SK_er, SK_pi, SK_pr */
	if (f->kem) {
		kem_secret(f);
		prf(f, block, shared, 96, block);
		prf_plus(f, block, 80, 136);
		seal_and_open(f);
	}
	for (int side = 0; side < 2; side++) {
		prf(f, block, f->message, 24, block); /* of the identity */
		if (f->key)
			continue;
		prf(f, block, f->message, 17, block); /* of the PSK */
		prf(f, block, f->message, 400, block);
	}
	if (f->key) {
		make_signature(f);
		verify_peer(f);
	}
	prf_plus(f, block, 64, 40);
	for (int i = 0; i < 4; i++)
		nat_detection(f);
	seal_and_open(f);
}
