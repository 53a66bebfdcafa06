/*
 * Two engines that hand their datagrams to each other in memory, the kernel faked by nothing: what
 * is left is the engine itself. CPU time and memory are counted for each side on its own.
 */
#ifndef TESTING_BENCH_PAIR_H
#define TESTING_BENCH_PAIR_H

#include "libike/engine.h"

enum bench_side { BENCH_INITIATOR, BENCH_RESPONDER, BENCH_SIDES };

struct bench_pair;

/* Version of IKE, and what both sides propose, e.g. "aes128gcm16-prfsha256-x25519". key: the kind
 * of key that both prove themselves with, by a certificate ("rsa2048", "p256", "ed25519"; only the
 * first peer can); NULL: a PSK. Ends the program when something cannot be had. */
struct bench_pair *bench_pair_new(uint8_t version, const char *ike_proposal, const char *key);
void bench_pair_free(struct bench_pair *p);

/* One more peer definition of the initiator, with an identity of its own; returns its number. */
uint32_t bench_pair_add_peer(struct bench_pair *p);

/* Sets up IKE SA and child of that peer. Ends the program when that fails. Nanoseconds of CPU time
 * that each side took are written to ret. */
void bench_pair_set_up(struct bench_pair *p, uint32_t peer, uint64_t ret[BENCH_SIDES]);

/* The initiator deletes that peer's IKE SA: one informational exchange. */
void bench_pair_tear_down(struct bench_pair *p, uint32_t peer, uint64_t ret[BENCH_SIDES]);

/* From now on (true) octets of heap that each side's calls leave behind are added up; slow. */
void bench_pair_count_memory(struct bench_pair *p, bool count);
int64_t bench_pair_memory(const struct bench_pair *p, enum bench_side side);

uint64_t bench_cpu_time(void); /* nanoseconds of this thread */

#endif
