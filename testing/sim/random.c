/*
 * The dice (xoshiro256**, seeded through splitmix64), and the OpenSSL provider that hands them out:
 * a built-in provider with one OSSL_OP_RAND algorithm, chosen by RAND_set_DRBG_type. All generators
 * of one library context draw from one stream.
 */
#include "testing/sim/random.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <stdlib.h>

#define GENERATOR_NAME "SIM-DICE"
#define PROVIDER_NAME "sim-dice"

static uint64_t split_mix(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, unsigned by)
{
	return (x << by) | (x >> (64 - by));
}

void sim_random_seed(struct sim_random *r, uint64_t seed)
{
	for (size_t i = 0; i < 4; i++)
		r->state[i] = split_mix(&seed);
}

uint64_t sim_random_u64(struct sim_random *r)
{
	uint64_t *s = r->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint32_t sim_random_below(struct sim_random *r, uint32_t n)
{
	return n == 0 ? 0 : (uint32_t)(sim_random_u64(r) % n);
}

int64_t sim_random_between(struct sim_random *r, int64_t from, int64_t to)
{
	return from + (int64_t)(sim_random_u64(r) % (uint64_t)(to - from + 1));
}

bool sim_random_chance(struct sim_random *r, uint32_t per_mille)
{
	return sim_random_below(r, 1000) < per_mille;
}

void sim_random_fill(struct sim_random *r, void *ret, size_t length)
{
	uint8_t *at = ret;

	while (length > 0) {
		uint64_t value = sim_random_u64(r);
		size_t n = length < 8 ? length : 8;

		memcpy(at, &value, n);
		at += n;
		length -= n;
	}
}

/* ---- The provider ---- */

/* A provider's and a generator's context are the same thing: the stream. */

static void *dice_new(void *provider, void *parent, const OSSL_DISPATCH *parent_calls)
{
	(void)parent;
	(void)parent_calls;
	return provider;
}

static void dice_free(void *context)
{
	(void)context;
}

static int dice_instantiate(void *context, unsigned int strength, int prediction_resistance,
	const unsigned char *personalisation, size_t personalisation_length,
	const OSSL_PARAM params[])
{
	(void)context;
	(void)strength;
	(void)prediction_resistance;
	(void)personalisation;
	(void)personalisation_length;
	(void)params;
	return 1;
}

static int dice_uninstantiate(void *context)
{
	(void)context;
	return 1;
}

static int dice_generate(void *context, unsigned char *out, size_t length, unsigned int strength,
	int prediction_resistance, const unsigned char *additional, size_t additional_length)
{
	(void)strength;
	(void)prediction_resistance;
	(void)additional;
	(void)additional_length;
	sim_random_fill(context, out, length);
	return 1;
}

static int dice_reseed(void *context, int prediction_resistance, const unsigned char *entropy,
	size_t entropy_length, const unsigned char *additional, size_t additional_length)
{
	(void)context;
	(void)prediction_resistance;
	(void)entropy;
	(void)entropy_length;
	(void)additional;
	(void)additional_length;
	return 1;
}

static int dice_lock(void *context)
{
	(void)context;
	return 1;
}

static void dice_unlock(void *context)
{
	(void)context;
}

static int dice_get_params(void *context, OSSL_PARAM params[])
{
	OSSL_PARAM *p;

	(void)context;
	if ((p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE)) &&
		!OSSL_PARAM_set_int(p, EVP_RAND_STATE_READY))
		return 0;
	if ((p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH)) &&
		!OSSL_PARAM_set_uint(p, 256))
		return 0;
	if ((p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST)) &&
		!OSSL_PARAM_set_size_t(p, 1 << 16))
		return 0;
	return 1;
}

static const OSSL_PARAM *dice_gettable(void *context, void *provider)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_int(OSSL_RAND_PARAM_STATE, NULL),
		OSSL_PARAM_uint(OSSL_RAND_PARAM_STRENGTH, NULL),
		OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, NULL),
		OSSL_PARAM_END,
	};

	(void)context;
	(void)provider;
	return known;
}

typedef void (*call)(void);

static const OSSL_DISPATCH dice_calls[] = {
	{ OSSL_FUNC_RAND_NEWCTX, (call)dice_new },
	{ OSSL_FUNC_RAND_FREECTX, (call)dice_free },
	{ OSSL_FUNC_RAND_INSTANTIATE, (call)dice_instantiate },
	{ OSSL_FUNC_RAND_UNINSTANTIATE, (call)dice_uninstantiate },
	{ OSSL_FUNC_RAND_GENERATE, (call)dice_generate },
	{ OSSL_FUNC_RAND_RESEED, (call)dice_reseed },
	{ OSSL_FUNC_RAND_ENABLE_LOCKING, (call)dice_lock },
	{ OSSL_FUNC_RAND_LOCK, (call)dice_lock },
	{ OSSL_FUNC_RAND_UNLOCK, (call)dice_unlock },
	{ OSSL_FUNC_RAND_GET_CTX_PARAMS, (call)dice_get_params },
	{ OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, (call)dice_gettable },
	{ 0, NULL },
};

static const OSSL_ALGORITHM generators[] = {
	{ GENERATOR_NAME, "provider=" PROVIDER_NAME, dice_calls, "predictable, for tests" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *provider_query(void *context, int operation, int *no_cache)
{
	(void)context;
	*no_cache = 0;
	return operation == OSSL_OP_RAND ? generators : NULL;
}

static void provider_teardown(void *context)
{
	free(context);
}

static const OSSL_DISPATCH provider_calls[] = {
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (call)provider_query },
	{ OSSL_FUNC_PROVIDER_TEARDOWN, (call)provider_teardown },
	{ 0, NULL },
};

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
	const OSSL_DISPATCH **out, void **ret_context)
{
	struct sim_random *stream = calloc(1, sizeof(*stream));

	(void)handle;
	(void)in;
	if (!stream)
		return 0;
	sim_random_seed(stream, 0);
	*ret_context = stream;
	*out = provider_calls;
	return 1;
}

struct sim_library {
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *standard;
	OSSL_PROVIDER *dice;
	struct sim_random *stream;
};

struct sim_library *sim_library_new(void)
{
	struct sim_library *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->context = OSSL_LIB_CTX_new();
	if (l->context && OSSL_PROVIDER_add_builtin(l->context, PROVIDER_NAME, provider_init)) {
		l->standard = OSSL_PROVIDER_load(l->context, "default");
		l->dice = OSSL_PROVIDER_load(l->context, PROVIDER_NAME);
	}
	if (!l->standard || !l->dice ||
		RAND_set_DRBG_type(l->context, GENERATOR_NAME, NULL, NULL, NULL) != 1) {
		sim_library_free(l);
		return NULL;
	}
	l->stream = OSSL_PROVIDER_get0_provider_ctx(l->dice);
	return l;
}

void sim_library_free(struct sim_library *l)
{
	if (!l)
		return;
	if (l->dice)
		OSSL_PROVIDER_unload(l->dice);
	if (l->standard)
		OSSL_PROVIDER_unload(l->standard);
	OSSL_LIB_CTX_free(l->context);
	free(l);
}

void sim_library_seed(struct sim_library *l, uint64_t seed)
{
	sim_random_seed(l->stream, seed);
}

OSSL_LIB_CTX *sim_library_context(struct sim_library *l)
{
	return l->context;
}
