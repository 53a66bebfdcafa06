/* Key material of IKE SAs and child SAs (RFC 7296 2.14, 2.15, 2.17, 2.18; RFC 9370 2.2.2). */
#include "libike/sa/sa_priv.h"

#include <stdlib.h>

static struct bytes nonce_head(struct bytes nonce, uint16_t prf)
{
	/* RFC 7296 2.14: these two PRFs take the first 64 bits of each nonce for SKEYSEED. */
	if ((prf == IKE_PRF_AES128_XCBC || prf == IKE_PRF_AES128_CMAC) && nonce.length > 8)
		nonce.length = 8;
	return nonce;
}

static size_t prf_length(const struct ike_suite *suite)
{
	return ike_suite_prf(suite)->output_length;
}

static size_t encryption_length(const struct ike_suite *suite)
{
	const struct ike_algorithm *encryption = ike_suite_encryption(suite);

	return encryption ? encryption->key_length : 0;
}

static size_t integrity_length(const struct ike_suite *suite)
{
	const struct ike_algorithm *integrity = ike_suite_integrity(suite);

	return integrity ? integrity->key_length : 0;
}

/* prf+ of SKEYSEED. */
static bool expand(struct ike_engine *e, const struct ike_sa *sa, struct bytes nonce_i,
	struct bytes nonce_r, struct bytes seed, struct secret *ret)
{
	const struct ike_suite *suite = &sa->suite;
	uint8_t spis[16];
	struct writer spi_writer = writer_of(spis, sizeof(spis));
	AUTO_SECRET keys = { 0 };

	writer_u64(&spi_writer, sa->spi_initiator);
	writer_u64(&spi_writer, sa->spi_responder);
	struct bytes parts[] = { nonce_i, nonce_r, bytes_of(spis, sizeof(spis)) };
	size_t length =
		3 * prf_length(suite) + 2 * integrity_length(suite) + 2 * encryption_length(suite);
	if (!secret_allocate(&keys, length) ||
		!ike_prf_plus(e->crypto, suite->prf, seed, parts, 3, secret_bytes(&keys)))
		return false;
	secret_free(ret);
	*ret = secret_move(&keys);
	return true;
}

bool ike_keys_derive(struct ike_engine *e, struct ike_sa *sa, struct bytes nonce_i,
	struct bytes nonce_r, struct bytes shared)
{
	const struct ike_suite *suite = &sa->suite;
	uint8_t nonces[2 * IKE_NONCE_MAX];
	struct writer w = writer_of(nonces, sizeof(nonces));
	uint8_t seed[IKE_PRF_OUTPUT_MAX];

	writer_put(&w, nonce_head(nonce_i, suite->prf));
	writer_put(&w, nonce_head(nonce_r, suite->prf));
	bool done = !w.bad && ike_prf(e->crypto, suite->prf, writer_bytes(&w), &shared, 1, seed) &&
		    expand(e, sa, nonce_i, nonce_r, bytes_of(seed, prf_length(suite)), &sa->keys);
	secret_wipe(seed, sizeof(seed));
	return done;
}

bool ike_keys_rekey(struct ike_engine *e, struct ike_sa *sa, const struct ike_sa *old,
	struct bytes nonce_i, struct bytes nonce_r, struct bytes shared, struct bytes additional)
{
	struct bytes parts[] = { shared, nonce_i, nonce_r, additional };
	struct bytes key = bytes_of(old->keys.at, prf_length(&old->suite));
	uint8_t seed[IKE_PRF_OUTPUT_MAX];

	bool done =
		ike_prf(e->crypto, old->suite.prf, key, parts, 4, seed) &&
		expand(e, sa, nonce_i, nonce_r, bytes_of(seed, prf_length(&old->suite)), &sa->keys);
	secret_wipe(seed, sizeof(seed));
	return done;
}

bool ike_keys_update(struct ike_engine *e, const struct ike_sa *sa, struct bytes nonce_i,
	struct bytes nonce_r, struct bytes shared, struct secret *ret)
{
	struct bytes parts[] = { shared, nonce_i, nonce_r };
	struct bytes key = bytes_of(sa->keys.at, prf_length(&sa->suite));
	uint8_t seed[IKE_PRF_OUTPUT_MAX];

	bool done = ike_prf(e->crypto, sa->suite.prf, key, parts, 3, seed) &&
		    expand(e, sa, nonce_i, nonce_r, bytes_of(seed, prf_length(&sa->suite)), ret);
	secret_wipe(seed, sizeof(seed));
	return done;
}

/* SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr */
static struct ike_seal_keys seal_keys(
	const struct ike_sa *sa, const struct secret *keys, bool outbound)
{
	size_t integrity = integrity_length(&sa->suite);
	size_t encryption = encryption_length(&sa->suite);
	const uint8_t *at = keys->at + prf_length(&sa->suite);
	bool of_initiator = outbound == sa->initiator;
	const uint8_t *ciphers = at + 2 * integrity;

	return (struct ike_seal_keys){
		.encryption = ike_suite_encryption(&sa->suite),
		.integrity = ike_suite_integrity(&sa->suite),
		.integrity_key = { at + (of_initiator ? 0 : integrity), integrity },
		.encryption_key = { ciphers + (of_initiator ? 0 : encryption), encryption },
	};
}

struct ike_seal_keys ike_keys_seal(const struct ike_sa *sa, bool outbound)
{
	return seal_keys(sa, &sa->keys, outbound);
}

struct ike_seal_keys ike_keys_of_repeated(const struct ike_sa *sa, uint8_t exchange)
{
	const struct ike_negotiation *n = sa->negotiation;

	if (exchange == IKE_EXCHANGE_INTERMEDIATE && n && n->intermediate &&
		n->intermediate->previous_keys.length > 0)
		return seal_keys(sa, &n->intermediate->previous_keys, false);
	return ike_keys_seal(sa, false);
}

static struct bytes auth_key(const struct ike_sa *sa, bool of_initiator)
{
	size_t length = prf_length(&sa->suite);
	const uint8_t *end = sa->keys.at + sa->keys.length;

	return bytes_of(end - (of_initiator ? 2 : 1) * length, length);
}

bool ike_keys_mix(
	struct ike_engine *e, const struct ike_sa *sa, struct bytes ppk, struct secret *ret)
{
	size_t length = prf_length(&sa->suite), end = sa->keys.length;
	const size_t parts[] = { 0, end - 2 * length, end - length }; /* SK_d, SK_pi, SK_pr */
	AUTO_SECRET keys = { 0 };

	if (!secret_copy(&keys, secret_bytes(&sa->keys)))
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct bytes part = bytes_of(sa->keys.at + parts[i], length);

		if (!ike_prf_plus(e->crypto, sa->suite.prf, ppk, &part, 1,
			    bytes_of(keys.at + parts[i], length)))
			return false;
	}
	*ret = secret_move(&keys);
	return true;
}

bool ike_keys_int_auth_add(struct ike_engine *e, const struct ike_sa *sa, bool of_initiator,
	const struct ike_header *header, uint8_t first, struct bytes chain)
{
	struct ike_intermediate *i = sa->negotiation->intermediate;
	uint8_t *mac = of_initiator ? i->mac_initiator : i->mac_responder;
	uint8_t head[IKE_SEALED_HEAD_LENGTH], before[IKE_PRF_OUTPUT_MAX];
	struct bytes parts[] = { bytes_of(before, i->done > 0 ? prf_length(&sa->suite) : 0),
		bytes_of(head, sizeof(head)), chain };

	memcpy(before, mac, sizeof(before));
	ike_sealed_head(header, first, chain.length, head);
	return ike_prf(e->crypto, sa->suite.prf, auth_key(sa, of_initiator), parts, 3, mac);
}

struct bytes ike_keys_int_auth(const struct ike_sa *sa, uint8_t room[IKE_INT_AUTH_MAX])
{
	const struct ike_intermediate *i = sa->negotiation->intermediate;
	struct writer w = writer_of(room, IKE_INT_AUTH_MAX);

	if (!i)
		return (struct bytes){ 0 };
	writer_put(&w, bytes_of(i->mac_initiator, prf_length(&sa->suite)));
	writer_put(&w, bytes_of(i->mac_responder, prf_length(&sa->suite)));
	writer_u32(&w, i->count + 1u); /* the message ID of the first IKE_AUTH */
	return writer_bytes(&w);
}

struct bytes ike_keys_auth_key(const struct ike_sa *sa, bool of_initiator)
{
	return auth_key(sa, of_initiator);
}

/* The octets signed: own IKE_SA_INIT message, the other's nonce, MAC of the own identity, and what
 * was said in between. */
#define SIGNED_PARTS 4
struct signed_octets {
	struct bytes parts[SIGNED_PARTS];
	uint8_t id_mac[IKE_PRF_OUTPUT_MAX];
	uint8_t int_auth[IKE_INT_AUTH_MAX];
};

static bool signed_octets(struct ike_engine *e, const struct ike_sa *sa, bool of_initiator,
	const struct ike_identity *id, struct signed_octets *ret)
{
	const struct ike_negotiation *n = sa->negotiation;
	const uint8_t id_head[4] = { id->type };
	struct bytes id_parts[] = { bytes_of(id_head, 4), bytes_of(id->octets, id->length) };
	bool ours = of_initiator == sa->initiator;

	ret->parts[0] = of_initiator ? n->init_request : n->init_response;
	ret->parts[1] = ours ? n->peer_nonce : bytes_of(n->nonce, n->nonce_length);
	ret->parts[2] = bytes_of(ret->id_mac, prf_length(&sa->suite));
	ret->parts[3] = ike_keys_int_auth(sa, ret->int_auth);
	return ike_prf(
		e->crypto, sa->suite.prf, auth_key(sa, of_initiator), id_parts, 2, ret->id_mac);
}

struct bytes ike_keys_signed_octets(struct ike_engine *e, const struct ike_sa *sa,
	bool of_initiator, const struct ike_identity *id)
{
	struct signed_octets octets;
	size_t length = 0, at = 0;
	uint8_t *copy = NULL;

	if (!signed_octets(e, sa, of_initiator, id, &octets))
		return (struct bytes){ 0 };
	for (size_t i = 0; i < SIGNED_PARTS; i++)
		length += octets.parts[i].length;
	copy = malloc(length);
	for (size_t i = 0; copy && i < SIGNED_PARTS; i++) {
		bytes_copy(copy + at, octets.parts[i]);
		at += octets.parts[i].length;
	}
	return bytes_of(copy, copy ? length : 0);
}

bool ike_keys_psk_auth(struct ike_engine *e, const struct ike_sa *sa, bool of_initiator,
	const struct ike_identity *id, struct bytes psk, uint8_t *ret, size_t *ret_length)
{
	static const char pad[] = "Key Pad for IKEv2";
	uint16_t prf = sa->suite.prf;
	size_t length = prf_length(&sa->suite);
	uint8_t padded[IKE_PRF_OUTPUT_MAX];
	struct bytes pad_part = bytes_of_text(pad);
	struct signed_octets octets;

	bool done =
		signed_octets(e, sa, of_initiator, id, &octets) &&
		ike_prf(e->crypto, prf, psk, &pad_part, 1, padded) &&
		ike_prf(e->crypto, prf, bytes_of(padded, length), octets.parts, SIGNED_PARTS, ret);
	secret_wipe(padded, sizeof(padded));
	*ret_length = length;
	return done;
}

bool ike_keys_child(struct ike_engine *e, const struct ike_sa *sa, const struct ike_suite *suite,
	struct bytes shared, struct bytes nonce_i, struct bytes nonce_r, struct bytes additional,
	struct secret *ret)
{
	struct bytes parts[] = { shared, nonce_i, nonce_r, additional };
	size_t length = 2 * (encryption_length(suite) + integrity_length(suite));

	if (length == 0) /* NULL encryption without integrity is never negotiated */
		return false;
	return secret_allocate(ret, length) &&
	       ike_prf_plus(e->crypto, sa->suite.prf, bytes_of(sa->keys.at, prf_length(&sa->suite)),
		       parts, 4, secret_bytes(ret));
}
