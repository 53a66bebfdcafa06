/*
 * Key exchange: fresh key pairs, public values as they go on the wire, shared secrets.
 *
 * Three kinds of groups: modular (RFC 3526, RFC 7296 B, RFC 5114), elliptic curves over prime
 * fields (RFC 5903, RFC 6954; on the wire x | y, the secret is x), and X25519/X448 (RFC 8031).
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
#define PUBLIC_MAX (1 + 1024)
/* Twice the strength of MODP 768 and 1024, which OpenSSL has no named groups for. */
#define SMALL_MODP_PRIVATE_BITS 160

enum group_kind {
	GROUP_MODULAR,
	GROUP_MODULAR_SUBGROUP, /* RFC 5114: the prime is not safe, so small subgroups exist */
	GROUP_CURVE,
	GROUP_MONTGOMERY,
};

struct ike_key_exchange {
	struct ike_crypto *crypto;
	const struct ike_algorithm *group;
	EVP_PKEY *pair;
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
	bool named = kind != GROUP_MONTGOMERY && group->openssl_name;

	if (kind == GROUP_MONTGOMERY)
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

struct ike_key_exchange *ike_key_exchange_new(struct ike_crypto *crypto, uint16_t group)
{
	const struct ike_algorithm *row = ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, group, 0);
	EVP_PKEY_CTX *maker = crypto_key_maker_get(crypto, group);
	struct ike_key_exchange *kx;

	if (!maker)
		return NULL;
	kx = calloc(1, sizeof(*kx) + row->output_length);
	if (!kx)
		return NULL;
	kx->crypto = crypto;
	kx->group = row;
	kx->public_length = row->output_length;
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

/* The peer's key in our group's parameters. A point that is not on the curve is refused here. */
static EVP_PKEY *peer_key(struct ike_key_exchange *kx, struct bytes value)
{
	enum group_kind kind = group_kind(kx->group->id);
	uint8_t encoded[PUBLIC_MAX] = { POINT_UNCOMPRESSED };
	bool curve = kind == GROUP_CURVE;
	EVP_PKEY *peer;

	if (kind == GROUP_MONTGOMERY)
		return EVP_PKEY_new_raw_public_key_ex(
			kx->crypto->library, kx->group->openssl_name, NULL, value.at, value.length);
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

bool ike_key_exchange_derive(
	struct ike_key_exchange *kx, struct bytes peer_public, struct secret *ret_shared)
{
	AUTO_SECRET shared = { 0 };
	EVP_PKEY *peer = NULL;
	EVP_PKEY_CTX *context = NULL;
	bool ok = false;

	if (peer_public.length != kx->public_length)
		return false;
	peer = peer_key(kx, peer_public);
	if (peer)
		context = EVP_PKEY_CTX_new_from_pkey(kx->crypto->library, kx->pair, NULL);
	if (context)
		ok = derive(context, kx, peer, &shared);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(peer);
	if (!ok) {
		ERR_clear_error();
		return false;
	}
	secret_free(ret_shared);
	*ret_shared = secret_move(&shared);
	return true;
}
