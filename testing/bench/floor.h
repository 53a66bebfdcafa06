/*
 * What OpenSSL alone charges for the cryptography of one side of one set-up: no message, no state,
 * no memory. A lower bound to compare the engine with, measured in the same run.
 *
 * Key pair and shared secret of the group; SKEYSEED and 3 x 32 + 2 x 20 octets of prf+; both AUTH
 * values; the child's keys; four NAT detection hashes; nonce and SPIs; one message sealed and one
 * opened. Contexts and algorithms are fetched beforehand and reused; the peer's MODP value gets the
 * range check alone (RFC 6989).
 *
 * IKEv1, Main and Quick Mode: key pair and shared secret; SKEYID, its three and the cipher's key;
 * both HASHes; the child's keys; three hashes of phase 2; IVs and four NAT detection hashes;
 * AES-CBC of two messages and two (or one) of Quick Mode.
 *
 * With certificates instead of the PSK: one signature made, the peer's verified, and its
 * certificate's, by one CA; keys and certificates are parsed beforehand.
 */
#ifndef TESTING_BENCH_FLOOR_H
#define TESTING_BENCH_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

enum floor_group { FLOOR_X25519, FLOOR_ECP_256, FLOOR_MODP_2048, FLOOR_X25519_ML_KEM };

struct floor;

/* Whether this OpenSSL has what the group needs: ML-KEM comes with 3.5. */
bool floor_has(enum floor_group group);

/* key: "rsa2048", "p256", "ed25519" (testing/pki/pki.h); NULL: a PSK. With ML-KEM: the initiator's
 * part of it besides, which is the larger one. Ends the program when OpenSSL lacks something. */
struct floor *floor_new(uint8_t version, enum floor_group group, const char *key);
void floor_free(struct floor *f);
/* Does it once. */
void floor_run(struct floor *f);

#endif
