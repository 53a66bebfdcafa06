/*
 * Key exchange: fresh key pairs, public values as they go on the wire, shared secrets.
 *
 * Four kinds of methods: modular (RFC 3526, RFC 7296 B, RFC 5114), elliptic curves over prime
 * fields (RFC 5903, RFC 6954; on the wire x | y, the secret is x), X25519/X448 (RFC 8031), and
 * ML-KEM (FIPS 203, draft-ietf-ipsecme-ikev2-mlkem), where the initiator sends the encapsulation
 * key and the responder the ciphertext, without a key pair of its own.
 */
#include "libike/crypto/crypto_priv.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <stdlib.h>

/* An uncompressed point's first octet, which IKE leaves out. */
#define POINT_UNCOMPRESSED 4
#define PUBLIC_MAX 1568
#define KEM_SECRET_LENGTH 32
/* Twice the strength of MODP 768 and 1024, which OpenSSL has no named groups for. */
#define SMALL_MODP_PRIVATE_BITS 160

enum group_kind {
	GROUP_MODULAR,
	GROUP_MODULAR_SUBGROUP, /* RFC 5114: the prime is not safe, so small subgroups exist */
	GROUP_CURVE,
	GROUP_MONTGOMERY,
	GROUP_KEM,
};

struct ike_key_exchange {
	struct ike_crypto *crypto;
	const struct ike_algorithm *group;
	EVP_PKEY *pair; /* NULL at the responder of a KEM */
	size_t public_length;
	uint8_t public_value[];
};

static enum group_kind group_kind(uint16_t group)
{
	switch (group) {
	case IKE_GROUP_MODP_1024_160:
	case IKE_GROUP_MODP_2048_224:
	case IKE_GROUP_MODP_2048_256:
		return GROUP_MODULAR_SUBGROUP;
	case IKE_GROUP_ECP_192:
	case IKE_GROUP_ECP_224:
	case IKE_GROUP_ECP_256:
	case IKE_GROUP_ECP_384:
	case IKE_GROUP_ECP_521:
	case IKE_GROUP_BRAINPOOL_224:
	case IKE_GROUP_BRAINPOOL_256:
	case IKE_GROUP_BRAINPOOL_384:
	case IKE_GROUP_BRAINPOOL_512:
		return GROUP_CURVE;
	case IKE_GROUP_X25519:
	case IKE_GROUP_X448:
		return GROUP_MONTGOMERY;
	case IKE_GROUP_ML_KEM_512:
	case IKE_GROUP_ML_KEM_768:
	case IKE_GROUP_ML_KEM_1024:
		return GROUP_KEM;
	default:
		return GROUP_MODULAR;
	}
}

/* ---- Makers of key pairs ---- */

/* MODP 768 and 1024, by their numbers. */
static EVP_PKEY *small_modular_parameters(OSSL_LIB_CTX *library, uint16_t group)
{
	BIGNUM *prime = group == IKE_GROUP_MODP_768 ? BN_get_rfc2409_prime_768(NULL)
						    : BN_get_rfc2409_prime_1024(NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(library, "DH", NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *parameters = NULL;

	if (prime && build && context &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_P, prime) &&
		OSSL_PARAM_BLD_push_uint(build, OSSL_PKEY_PARAM_FFC_G, 2) &&
		OSSL_PARAM_BLD_push_int(
			build, OSSL_PKEY_PARAM_DH_PRIV_LEN, SMALL_MODP_PRIVATE_BITS))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params && (EVP_PKEY_fromdata_init(context) <= 0 ||
			      EVP_PKEY_fromdata(
				      context, &parameters, EVP_PKEY_KEY_PARAMETERS, params) <= 0))
		parameters = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(context);
	BN_free(prime);
	return parameters;
}

static EVP_PKEY_CTX *key_maker_new(OSSL_LIB_CTX *library, const struct ike_algorithm *group)
{
	static const char *const types[] = {
		[GROUP_MODULAR] = "DH", [GROUP_MODULAR_SUBGROUP] = "DHX", [GROUP_CURVE] = "EC"
	};
	enum group_kind kind = group_kind(group->id);
	EVP_PKEY *parameters = NULL;
	EVP_PKEY_CTX *context = NULL;
	bool is_type = kind == GROUP_MONTGOMERY || kind == GROUP_KEM;
	bool named = !is_type && group->openssl_name;

	if (is_type)
		context = EVP_PKEY_CTX_new_from_name(library, group->openssl_name, NULL);
	else if (named)
		context = EVP_PKEY_CTX_new_from_name(library, types[kind], NULL);
	else if ((parameters = small_modular_parameters(library, group->id)) != NULL)
		context = EVP_PKEY_CTX_new_from_pkey(library, parameters, NULL);
	EVP_PKEY_free(parameters);
	if (!context || EVP_PKEY_keygen_init(context) <= 0 ||
		(named && EVP_PKEY_CTX_set_group_name(context, group->openssl_name) <= 0)) {
		ERR_clear_error();
		EVP_PKEY_CTX_free(context);
		return NULL;
	}
	return context;
}

EVP_PKEY_CTX *crypto_key_maker_get(struct ike_crypto *crypto, uint16_t group)
{
	const struct ike_algorithm *row = ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, group, 0);

	if (!row || group == IKE_GROUP_NONE || group >= CRYPTO_GROUPS)
		return NULL;
	if (!crypto->key_makers[group])
		crypto->key_makers[group] = key_maker_new(crypto->library, row);
	return crypto->key_makers[group];
}

/* ---- Key pairs ---- */

/* The public value at its full length, without a point's first octet. */
static bool read_public(struct ike_key_exchange *kx)
{
	bool curve = group_kind(kx->group->id) == GROUP_CURVE;
	uint8_t encoded[PUBLIC_MAX];
	size_t length = 0;

	if (!EVP_PKEY_get_octet_string_param(kx->pair, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, encoded,
		    sizeof(encoded), &length) ||
		length != kx->public_length + curve || (curve && encoded[0] != POINT_UNCOMPRESSED))
		return false;
	memcpy(kx->public_value, encoded + curve, kx->public_length);
	return true;
}

static struct ike_key_exchange *allocate(
	struct ike_crypto *crypto, const struct ike_algorithm *group, size_t public_length)
{
	struct ike_key_exchange *kx = calloc(1, sizeof(*kx) + public_length);

	if (!kx)
		return NULL;
	kx->crypto = crypto;
	kx->group = group;
	kx->public_length = public_length;
	return kx;
}

struct ike_key_exchange *ike_key_exchange_new(struct ike_crypto *crypto, uint16_t group)
{
	const struct ike_algorithm *row = ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, group, 0);
	EVP_PKEY_CTX *maker = crypto_key_maker_get(crypto, group);
	struct ike_key_exchange *kx = maker ? allocate(crypto, row, row->output_length) : NULL;

	if (!kx)
		return NULL;
	if (EVP_PKEY_generate(maker, &kx->pair) <= 0 || !read_public(kx)) {
		ERR_clear_error();
		ike_key_exchange_free(kx);
		return NULL;
	}
	return kx;
}

void ike_key_exchange_free(struct ike_key_exchange *kx)
{
	if (!kx)
		return;
	EVP_PKEY_free(kx->pair);
	free(kx);
}

uint16_t ike_key_exchange_group(const struct ike_key_exchange *kx)
{
	return kx->group->id;
}

struct bytes ike_key_exchange_public(const struct ike_key_exchange *kx)
{
	return bytes_of(kx->public_value, kx->public_length);
}

/* ---- Shared secrets ---- */

/* RFC 6989 2.1: 1 < y < p - 1. */
static bool modular_value_in_range(EVP_PKEY *pair, struct bytes value)
{
	BIGNUM *prime = NULL, *y = BN_bin2bn(value.at, (int)value.length, NULL);
	bool in_range = false;

	if (y && EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_FFC_P, &prime) &&
		BN_sub_word(prime, 1))
		in_range = BN_cmp(y, BN_value_one()) > 0 && BN_cmp(y, prime) < 0;
	BN_free(prime);
	BN_free(y);
	return in_range;
}

/* An X25519, X448 or ML-KEM key from its octets. ML-KEM's coefficients are checked here (FIPS 203
 * 7.2). */
static EVP_PKEY *raw_key(
	struct ike_crypto *crypto, const struct ike_algorithm *group, struct bytes value)
{
	return EVP_PKEY_new_raw_public_key_ex(
		crypto->library, group->openssl_name, NULL, value.at, value.length);
}

/* The peer's key in our group's parameters. A point that is not on the curve is refused here. */
static EVP_PKEY *peer_key(struct ike_key_exchange *kx, struct bytes value)
{
	enum group_kind kind = group_kind(kx->group->id);
	uint8_t encoded[PUBLIC_MAX] = { POINT_UNCOMPRESSED };
	bool curve = kind == GROUP_CURVE;
	EVP_PKEY *peer;

	if (kind == GROUP_MONTGOMERY)
		return raw_key(kx->crypto, kx->group, value);
	if (!curve && !modular_value_in_range(kx->pair, value))
		return NULL;
	memcpy(encoded + curve, value.at, value.length);
	peer = EVP_PKEY_new();
	if (!peer || EVP_PKEY_copy_parameters(peer, kx->pair) <= 0 ||
		EVP_PKEY_set1_encoded_public_key(peer, encoded, value.length + curve) <= 0) {
		EVP_PKEY_free(peer);
		return NULL;
	}
	return peer;
}

/* OpenSSL's own validation costs more than the exchange, and is needed only where small subgroups
 * exist: safe primes have been checked for their range, points for being on the curve (all our
 * curves have prime order), and OpenSSL refuses an all-zero X25519 or X448 secret. */
static bool derive(
	EVP_PKEY_CTX *context, struct ike_key_exchange *kx, EVP_PKEY *peer, struct secret *ret)
{
	enum group_kind kind = group_kind(kx->group->id);
	unsigned pad = 1;
	const OSSL_PARAM modular[] = {
		OSSL_PARAM_construct_uint(OSSL_EXCHANGE_PARAM_PAD, &pad),
		OSSL_PARAM_construct_end(),
	};
	bool is_modular = kind == GROUP_MODULAR || kind == GROUP_MODULAR_SUBGROUP;
	size_t length;

	if (EVP_PKEY_derive_init_ex(context, is_modular ? modular : NULL) <= 0 ||
		EVP_PKEY_derive_set_peer_ex(context, peer, kind == GROUP_MODULAR_SUBGROUP) <= 0)
		return false;
	length = kind == GROUP_CURVE ? kx->public_length / 2 : kx->public_length;
	if (!secret_allocate(ret, length))
		return false;
	return EVP_PKEY_derive(context, ret->at, &length) > 0 && length == ret->length;
}

/* Our half is a key pair, and the peer's one too. */
static bool agree(struct ike_key_exchange *kx, struct bytes peer_public, struct secret *ret)
{
	EVP_PKEY *peer = peer_key(kx, peer_public);
	EVP_PKEY_CTX *context = NULL;

	if (peer)
		context = EVP_PKEY_CTX_new_from_pkey(kx->crypto->library, kx->pair, NULL);
	bool done = context && derive(context, kx, peer, ret);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(peer);
	return done;
}

/* ---- ML-KEM ---- */

/* A ciphertext that was not made for our key gives a secret that nobody else has: what is sealed
 * with it then fails (FIPS 203 6.3). */
static bool decapsulate(struct ike_key_exchange *kx, struct bytes ciphertext, struct secret *ret)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(kx->crypto->library, kx->pair, NULL);
	size_t length = KEM_SECRET_LENGTH;
	bool done = context && EVP_PKEY_decapsulate_init(context, NULL) > 0 &&
		    secret_allocate(ret, length) &&
		    EVP_PKEY_decapsulate(
			    context, ret->at, &length, ciphertext.at, ciphertext.length) > 0 &&
		    length == ret->length;

	EVP_PKEY_CTX_free(context);
	return done;
}

static bool encapsulate(struct ike_key_exchange *kx, struct bytes key, struct secret *ret)
{
	EVP_PKEY *peer = raw_key(kx->crypto, kx->group, key);
	EVP_PKEY_CTX *context =
		peer ? EVP_PKEY_CTX_new_from_pkey(kx->crypto->library, peer, NULL) : NULL;
	size_t length = KEM_SECRET_LENGTH, ciphertext = kx->public_length;
	bool done = context && EVP_PKEY_encapsulate_init(context, NULL) > 0 &&
		    secret_allocate(ret, length) &&
		    EVP_PKEY_encapsulate(context, kx->public_value, &ciphertext, ret->at, &length) >
			    0 &&
		    length == ret->length && ciphertext == kx->public_length;

	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(peer);
	return done;
}

/* ---- Both sides ---- */

bool ike_key_exchange_derive(
	struct ike_key_exchange *kx, struct bytes peer_public, struct secret *ret_shared)
{
	AUTO_SECRET shared = { 0 };
	bool kem = group_kind(kx->group->id) == GROUP_KEM;
	size_t expected = kem ? kx->group->answer_length : kx->group->output_length;

	if (!kx->pair || peer_public.length != expected ||
		!(kem ? decapsulate(kx, peer_public, &shared) : agree(kx, peer_public, &shared))) {
		ERR_clear_error();
		return false;
	}
	secret_free(ret_shared);
	*ret_shared = secret_move(&shared);
	return true;
}

static struct ike_key_exchange *answer_kem(struct ike_crypto *crypto,
	const struct ike_algorithm *group, struct bytes key, struct secret *ret_shared)
{
	AUTO_SECRET shared = { 0 };
	struct ike_key_exchange *kx = key.length == group->output_length
					      ? allocate(crypto, group, group->answer_length)
					      : NULL;

	if (kx && encapsulate(kx, key, &shared)) {
		secret_free(ret_shared);
		*ret_shared = secret_move(&shared);
		return kx;
	}
	ERR_clear_error();
	ike_key_exchange_free(kx);
	return NULL;
}

struct ike_key_exchange *ike_key_exchange_answer(struct ike_crypto *crypto, uint16_t group,
	struct bytes peer_public, struct secret *ret_shared)
{
	struct ike_key_exchange *kx;

	if (group_kind(group) == GROUP_KEM)
		return answer_kem(crypto, ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, group, 0),
			peer_public, ret_shared);
	kx = ike_key_exchange_new(crypto, group);
	if (kx && ike_key_exchange_derive(kx, peer_public, ret_shared))
		return kx;
	ike_key_exchange_free(kx);
	return NULL;
}
