/*
 * Key material of IKEv1 (RFC 2409 5, 5.5, appendix B): SKEYID and what comes of it, the hashes that
 * prove phase 1 and phase 2 messages, IVs, and the keys of children.
 */
#include "libike/ikev1/ikev1.h"

#include <stdlib.h>

static size_t prf_length(const struct ike_sa *sa)
{
	return ike_suite_prf(&sa->suite)->output_length;
}

static struct bytes own_nonce(const struct ike_negotiation *n)
{
	return bytes_of(n->nonce, n->nonce_length);
}

static struct bytes own_public(const struct ike_negotiation *n)
{
	return n->key_exchange ? ike_key_exchange_public(n->key_exchange) : (struct bytes){ 0 };
}

static void cookies(const struct ike_sa *sa, bool initiator_first, uint8_t ret[16])
{
	struct writer w = writer_of(ret, 16);

	writer_u64(&w, initiator_first ? sa->spi_initiator : sa->spi_responder);
	writer_u64(&w, initiator_first ? sa->spi_responder : sa->spi_initiator);
}

/* ---- Phase 1 ---- */

bool ikev1_keys_skeyid(struct ike_engine *e, struct ike_sa *sa, struct bytes psk)
{
	struct ikev1_phase1 *p = sa->v1->phase1;
	const struct ike_negotiation *n = sa->negotiation;
	struct bytes mine = own_nonce(n), theirs = n->peer_nonce;
	struct bytes nonces[] = { sa->initiator ? mine : theirs, sa->initiator ? theirs : mine };
	uint8_t both[2 * IKE_NONCE_MAX];
	struct writer w = writer_of(both, sizeof(both));
	struct bytes shared = secret_bytes(&p->shared);

	if (!secret_allocate(&p->skeyid, prf_length(sa)))
		return false;
	if (psk.length > 0)
		return ike_prf(e->crypto, sa->suite.prf, psk, nonces, 2, p->skeyid.at);
	writer_put(&w, nonces[0]);
	writer_put(&w, nonces[1]);
	return !w.bad &&
	       ike_prf(e->crypto, sa->suite.prf, writer_bytes(&w), &shared, 1, p->skeyid.at);
}

/* SKEYID_d, SKEYID_a, SKEYID_e one after the other. */
static bool derive_three(struct ike_engine *e, const struct ike_sa *sa, uint8_t *ret)
{
	const struct ikev1_phase1 *p = sa->v1->phase1;
	size_t length = prf_length(sa);
	uint8_t pair[16];

	cookies(sa, true, pair);
	for (uint8_t number = 0; number < 3; number++) {
		struct bytes parts[] = { bytes_of(number > 0 ? ret + (number - 1u) * length : NULL,
						 number > 0 ? length : 0),
			secret_bytes(&p->shared), bytes_of(pair, sizeof(pair)),
			bytes_of(&number, 1) };

		if (!ike_prf(e->crypto, sa->suite.prf, secret_bytes(&p->skeyid), parts, 4,
			    ret + number * length))
			return false;
	}
	return true;
}

/* Appendix B: SKEYID_e, or when that is too short K1 | K2 | ... with K1 = prf(SKEYID_e, 0). */
static bool expand_cipher_key(
	struct ike_engine *e, const struct ike_sa *sa, struct bytes skeyid_e, struct bytes room)
{
	static const uint8_t zero = 0;
	struct bytes previous = bytes_of(&zero, 1);
	uint8_t block[IKE_PRF_OUTPUT_MAX];
	uint8_t *at = (uint8_t *)room.at;
	size_t length = prf_length(sa), left = room.length;

	if (left <= length) {
		memcpy(at, skeyid_e.at, left);
		return true;
	}
	bool done = true;
	while (done && left > 0) {
		size_t take = left < length ? left : length;

		done = ike_prf(e->crypto, sa->suite.prf, skeyid_e, &previous, 1, block);
		memcpy(at, block, take);
		previous = bytes_of(at, take);
		at += take;
		left -= take;
	}
	secret_wipe(block, sizeof(block));
	return done;
}

/* hash(g^xi | g^xr), as much as a block of the cipher takes. */
static bool first_iv(struct ike_engine *e, struct ike_sa *sa, uint8_t ret[IKEV1_BLOCK_MAX])
{
	const struct ikev1_phase1 *p = sa->v1->phase1;
	struct bytes mine = own_public(sa->negotiation);
	struct bytes parts[] = { sa->initiator ? mine : p->peer_public,
		sa->initiator ? p->peer_public : mine };
	uint8_t hash[IKE_PRF_OUTPUT_MAX];

	if (isakmp_hash(e->crypto, sa->suite.prf, parts, 2, hash) < IKEV1_BLOCK_MAX)
		return false;
	memcpy(ret, hash, IKEV1_BLOCK_MAX);
	return true;
}

bool ikev1_keys_derive(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1 *v1 = sa->v1;
	struct ikev1_exchange *exchange = v1->exchanges;
	size_t length = prf_length(sa), cipher = ike_suite_encryption(&sa->suite)->key_length;
	AUTO_SECRET keys = { 0 };

	while (exchange && exchange->message_id != 0)
		exchange = exchange->next;
	if (!exchange || !secret_allocate(&keys, 3 * length + cipher) ||
		!derive_three(e, sa, keys.at) ||
		!expand_cipher_key(e, sa, bytes_of(keys.at + 2 * length, length),
			bytes_of(keys.at + 3 * length, cipher)) ||
		!first_iv(e, sa, exchange->iv))
		return false;
	memcpy(v1->last_block, exchange->iv, IKEV1_BLOCK_MAX);
	v1->key_length = (uint8_t)length;
	v1->cipher_length = (uint8_t)cipher;
	secret_free(&sa->keys);
	sa->keys = secret_move(&keys);
	return true;
}

struct bytes ikev1_keys_d(const struct ike_sa *sa)
{
	return bytes_of(sa->keys.at, sa->v1->key_length);
}

struct bytes ikev1_keys_a(const struct ike_sa *sa)
{
	return bytes_of(sa->keys.at + sa->v1->key_length, sa->v1->key_length);
}

struct bytes ikev1_keys_cipher(const struct ike_sa *sa)
{
	return bytes_of(sa->keys.at + 3 * sa->v1->key_length, sa->v1->cipher_length);
}

/* ECDSA brings its own hash along (RFC 4754 3). */
static uint16_t proof_prf(const struct ike_sa *sa)
{
	switch (sa->v1->phase1->auth_method) {
	case ISAKMP_AUTH_ECDSA_256:
		return IKE_PRF_HMAC_SHA2_256;
	case ISAKMP_AUTH_ECDSA_384:
		return IKE_PRF_HMAC_SHA2_384;
	case ISAKMP_AUTH_ECDSA_521:
		return IKE_PRF_HMAC_SHA2_512;
	default:
		return sa->suite.prf;
	}
}

size_t ikev1_keys_hash_length(const struct ike_sa *sa)
{
	return ike_algorithm_find(IKE_TRANSFORM_PRF, proof_prf(sa), 0)->output_length;
}

bool ikev1_keys_hash(struct ike_engine *e, const struct ike_sa *sa, bool of_initiator,
	uint8_t ret[IKE_PRF_OUTPUT_MAX])
{
	const struct ikev1_phase1 *p = sa->v1->phase1;
	bool ours = of_initiator == sa->initiator;
	struct bytes mine = own_public(sa->negotiation);
	uint8_t pair[16];
	struct bytes parts[] = { ours ? mine : p->peer_public, ours ? p->peer_public : mine,
		bytes_of(pair, sizeof(pair)), p->sa_body, ours ? p->own_id_body : p->peer_id_body };

	cookies(sa, of_initiator, pair);
	return ike_prf(e->crypto, proof_prf(sa), secret_bytes(&p->skeyid), parts, 5, ret);
}

/* ---- Phase 2 ---- */

bool ikev1_keys_iv(struct ike_engine *e, const struct ike_sa *sa, uint32_t message_id,
	uint8_t ret[IKEV1_BLOCK_MAX])
{
	size_t block = ike_suite_encryption(&sa->suite)->block_length;
	uint8_t id[4], hash[IKE_PRF_OUTPUT_MAX];
	struct writer w = writer_of(id, sizeof(id));
	struct bytes parts[] = { bytes_of(sa->v1->last_block, block), bytes_of(id, sizeof(id)) };

	writer_u32(&w, message_id);
	if (isakmp_hash(e->crypto, sa->suite.prf, parts, 2, hash) < IKEV1_BLOCK_MAX)
		return false;
	memcpy(ret, hash, IKEV1_BLOCK_MAX);
	return true;
}

bool ikev1_phase2_hash(struct ike_engine *e, const struct ike_sa *sa, uint32_t message_id,
	int number, struct bytes nonce_i, struct bytes nonce_r, struct bytes after,
	uint8_t ret[IKE_PRF_OUTPUT_MAX])
{
	static const uint8_t zero = 0;
	uint8_t id[4];
	struct writer w = writer_of(id, sizeof(id));
	struct bytes parts[] = { bytes_of(&zero, number == 3 ? 1 : 0), bytes_of(id, sizeof(id)),
		nonce_i, nonce_r, after };

	writer_u32(&w, message_id);
	return ike_prf(e->crypto, sa->suite.prf, ikev1_keys_a(sa), parts, 5, ret);
}

/* One direction's KEYMAT: K1 | K2 | ..., Kn = prf(SKEYID_d, K(n-1) | [g(qm)^xy |] protocol | SPI |
 * Ni_b | Nr_b). */
static bool expand_child(struct ike_engine *e, const struct ike_child *child, uint32_t spi,
	const struct ike_child_secrets *secrets, uint8_t *ret, size_t length)
{
	size_t block = prf_length(child->sa);
	uint8_t head[5], key[IKE_PRF_OUTPUT_MAX];
	struct writer w = writer_of(head, sizeof(head));
	bool done = true;

	writer_u8(&w, child->suite.protocol);
	writer_u32(&w, spi);
	for (size_t at = 0; done && at < length; at += block) {
		struct bytes parts[] = { bytes_of(key, at > 0 ? block : 0), secrets->shared,
			bytes_of(head, sizeof(head)), secrets->nonce_i, secrets->nonce_r };

		done = ike_prf(
			e->crypto, child->sa->suite.prf, ikev1_keys_d(child->sa), parts, 5, key);
		memcpy(ret + at, key, length - at < block ? length - at : block);
	}
	secret_wipe(key, sizeof(key));
	return done;
}

bool ikev1_keys_child(struct ike_engine *e, const struct ike_child *child, bool initiator,
	const struct ike_child_secrets *secrets, struct secret *ret)
{
	const struct ike_algorithm *encryption = ike_suite_encryption(&child->suite);
	const struct ike_algorithm *integrity = ike_suite_integrity(&child->suite);
	size_t length = (encryption ? encryption->key_length : 0u) +
			(integrity ? integrity->key_length : 0u);

	/* The initiator's packets go to the SPI that the responder chose. */
	return length > 0 && secret_allocate(ret, 2 * length) &&
	       expand_child(e, child, initiator ? child->spi_out : child->spi_in, secrets, ret->at,
		       length) &&
	       expand_child(e, child, initiator ? child->spi_in : child->spi_out, secrets,
		       ret->at + length, length);
}
