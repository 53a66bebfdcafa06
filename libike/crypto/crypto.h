/*
 * Cryptography on OpenSSL: key exchange, pseudo-random functions, sealing of messages.
 *
 * A struct ike_crypto belongs to one engine and one thread. It is made on an OpenSSL library
 * context that the host gives (the daemon's from the system, the simulator's with a random source
 * of its own), fetches each algorithm once and reuses its contexts, because OpenSSL 3.0 charges
 * more for a fetch and a fresh context than for the mathematics. Keys are passed as bytes; no
 * function keeps them, except that OpenSSL's reused contexts hold the last key until the next use.
 */
#ifndef LIBIKE_CRYPTO_CRYPTO_H
#define LIBIKE_CRYPTO_CRYPTO_H

#include "libbase/secret.h"
#include "libbase/why.h"
#include "libike/crypto/proposal.h"

#include <openssl/types.h>

struct ike_crypto;

/* library is borrowed and must outlive the result. NULL with a reason when OpenSSL refuses. */
struct ike_crypto *ike_crypto_new(OSSL_LIB_CTX *library, struct why *why);
void ike_crypto_free(struct ike_crypto *crypto);

/* Whether this OpenSSL can do it (a provider may lack MD5, 3DES, Camellia, Brainpool...). */
bool ike_crypto_supports(struct ike_crypto *crypto, const struct ike_algorithm *algorithm);

/* The same with a reason, which names OpenSSL's version: "ML-KEM-768 needs OpenSSL 3.5, this is
 * 3.0.19". */
MUST_USE bool ike_crypto_check(
	struct ike_crypto *crypto, const struct ike_algorithm *algorithm, struct why *why);

/* Takes the key exchange methods that this OpenSSL has not out of the proposals, and proposals that
 * have none left out of the list, which may become empty. Returns how many proposals that changed;
 * why says what was missing. */
size_t ike_proposals_keep_supported(
	struct ike_crypto *crypto, struct ike_proposals *list, struct why *why);

/* Fills from the library context's random source. */
MUST_USE bool ike_crypto_random(struct ike_crypto *crypto, void *ret, size_t length);

/* ---- Key exchange (RFC 7296 3.4; RFC 5903 for ECP, RFC 6954 Brainpool, RFC 8031 X25519/X448,
 * RFC 6989 checks of the peer's value: ranges of safe-prime groups, subgroup of RFC 5114's;
 * ML-KEM, FIPS 203). ----
 */

struct ike_key_exchange; /* our half of one */

/* As initiator: a fresh key pair. NULL when OpenSSL lacks the method. */
MUST_USE struct ike_key_exchange *ike_key_exchange_new(struct ike_crypto *crypto, uint16_t group);
/* As responder: our half and the secret at once, since a KEM's answer depends on the initiator's
 * value. NULL when that value is invalid for the group, or OpenSSL lacks it. */
MUST_USE struct ike_key_exchange *ike_key_exchange_answer(struct ike_crypto *crypto, uint16_t group,
	struct bytes peer_public, struct secret *ret_shared);
void ike_key_exchange_free(struct ike_key_exchange *kx);
uint16_t ike_key_exchange_group(const struct ike_key_exchange *kx);

/* The public value as it goes on the wire; borrowed from kx. */
struct bytes ike_key_exchange_public(const struct ike_key_exchange *kx);

/* As initiator, when the answer came. False when the peer's value is invalid for the group. The
 * shared secret is padded to the group's length as the RFCs say. */
MUST_USE bool ike_key_exchange_derive(
	struct ike_key_exchange *kx, struct bytes peer_public, struct secret *ret_shared);

/* ---- PRF (RFC 7296 2.13) ---- */

#define IKE_PRF_OUTPUT_MAX 64

/* prf(key, parts...); ret must hold the PRF's output_length bytes. Variable key lengths per
 * RFC 7296 2.13 (XCBC and CMAC: RFC 4434, RFC 4615). */
MUST_USE bool ike_prf(struct ike_crypto *crypto, uint16_t prf, struct bytes key,
	const struct bytes *parts, size_t count, uint8_t *ret);

#define IKE_PRF_PLUS_PARTS_MAX 8

/* prf+(key, parts...) into the memory of ret_room; false beyond 255 blocks or the number of parts.
 */
MUST_USE bool ike_prf_plus(struct ike_crypto *crypto, uint16_t prf, struct bytes key,
	const struct bytes *parts, size_t count, struct bytes ret_room);

/* SHA-1 for NAT detection (RFC 7296 2.23). */
MUST_USE bool ike_sha1(
	struct ike_crypto *crypto, const struct bytes *parts, size_t count, uint8_t ret[20]);

/* ---- Sealing (RFC 7296 3.14, RFC 5282, RFC 7634) ---- */

/* The keys of one direction; views of key material that the IKE SA owns. */
struct ike_seal_keys {
	const struct ike_algorithm *encryption;
	const struct ike_algorithm *integrity; /* NULL with an AEAD */
	struct bytes encryption_key;           /* salt included */
	struct bytes integrity_key;
};

/* Bytes that sealing adds besides padding: IV and ICV. */
size_t ike_seal_iv_length(const struct ike_seal_keys *keys);
size_t ike_seal_icv_length(const struct ike_seal_keys *keys);
size_t ike_seal_block_length(const struct ike_seal_keys *keys);

/* Seals in place. The message is laid out as
 *   [0, head)            IKE header .. SK (or SKF) payload header: authenticated, not encrypted
 *   [head, +iv)          filled here: sequence for counter modes, random for CBC
 *   [.., +plain)         payloads, padding, pad length: encrypted; plain is a multiple of the block
 *   [.., +icv)           filled here
 * sequence must never repeat under one key. */
MUST_USE bool ike_seal(struct ike_crypto *crypto, const struct ike_seal_keys *keys,
	uint8_t *message, size_t head, size_t plain, uint64_t sequence);

/* Opens in place. length is that of the whole message. The integrity is checked, in constant
 * time, before anything is decrypted; false leaves the message's contents unspecified.
 * ret_plain: payloads, padding and pad length, inside message. */
MUST_USE bool ike_open(struct ike_crypto *crypto, const struct ike_seal_keys *keys,
	uint8_t *message, size_t head, size_t length, struct bytes *ret_plain);

#endif
