/*
 * Chance from a seed: the world's own dice, and an OpenSSL library context whose random numbers
 * are dice too.
 *
 * Whatever an engine draws (SPIs, nonces, private keys, IVs) comes from its library context; with
 * a struct sim_library as that context a run replays bit for bit from its seed. Not for anything
 * but tests: the numbers are predictable by design.
 */
#ifndef TESTING_SIM_RANDOM_H
#define TESTING_SIM_RANDOM_H

#include "libbase/bytes.h"

#include <openssl/types.h>

struct sim_random {
	uint64_t state[4];
};

void sim_random_seed(struct sim_random *r, uint64_t seed);
uint64_t sim_random_u64(struct sim_random *r);
/* 0 .. n-1; 0 when n is 0. */
uint32_t sim_random_below(struct sim_random *r, uint32_t n);
/* from .. to, both included. */
int64_t sim_random_between(struct sim_random *r, int64_t from, int64_t to);
/* True in that many of a thousand cases. */
bool sim_random_chance(struct sim_random *r, uint32_t per_mille);
void sim_random_fill(struct sim_random *r, void *ret, size_t length);

struct sim_library;

/* Costs milliseconds: keep it and seed it anew for the next run. NULL when OpenSSL refuses. */
struct sim_library *sim_library_new(void);
void sim_library_free(struct sim_library *library); /* NULL is fine */
void sim_library_seed(struct sim_library *library, uint64_t seed);
OSSL_LIB_CTX *sim_library_context(struct sim_library *library);

#endif
