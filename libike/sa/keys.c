/* Key material of IKE SAs and child SAs (RFC 7296 2.14, 2.15, 2.17, 2.18). */
#include "libike/sa/sa_priv.h"

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
static bool expand(struct ike_engine *e, struct ike_sa *sa, struct bytes nonce_i,
	struct bytes nonce_r, struct bytes seed)
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
	secret_free(&sa->keys);
	sa->keys = secret_move(&keys);
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
		    expand(e, sa, nonce_i, nonce_r, bytes_of(seed, prf_length(suite)));
	secret_wipe(seed, sizeof(seed));
	return done;
}

bool ike_keys_rekey(struct ike_engine *e, struct ike_sa *sa, const struct ike_sa *old,
	struct bytes nonce_i, struct bytes nonce_r, struct bytes shared)
{
	struct bytes parts[] = { shared, nonce_i, nonce_r };
	struct bytes key = bytes_of(old->keys.at, prf_length(&old->suite));
	uint8_t seed[IKE_PRF_OUTPUT_MAX];

	bool done = ike_prf(e->crypto, old->suite.prf, key, parts, 3, seed) &&
		    expand(e, sa, nonce_i, nonce_r, bytes_of(seed, prf_length(&old->suite)));
	secret_wipe(seed, sizeof(seed));
	return done;
}

/* SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr */
struct ike_seal_keys ike_keys_seal(const struct ike_sa *sa, bool outbound)
{
	size_t integrity = integrity_length(&sa->suite);
	size_t encryption = encryption_length(&sa->suite);
	const uint8_t *at = sa->keys.at + prf_length(&sa->suite);
	bool of_initiator = outbound == sa->initiator;
	const uint8_t *ciphers = at + 2 * integrity;

	return (struct ike_seal_keys){
		.encryption = ike_suite_encryption(&sa->suite),
		.integrity = ike_suite_integrity(&sa->suite),
		.integrity_key = { at + (of_initiator ? 0 : integrity), integrity },
		.encryption_key = { ciphers + (of_initiator ? 0 : encryption), encryption },
	};
}

static struct bytes auth_key(const struct ike_sa *sa, bool of_initiator)
{
	size_t length = prf_length(&sa->suite);
	const uint8_t *end = sa->keys.at + sa->keys.length;

	return bytes_of(end - (of_initiator ? 2 : 1) * length, length);
}

bool ike_keys_psk_auth(struct ike_engine *e, const struct ike_sa *sa, bool of_initiator,
	const struct ike_identity *id, struct bytes psk, uint8_t *ret, size_t *ret_length)
{
	static const char pad[] = "Key Pad for IKEv2";
	const struct ike_negotiation *n = sa->negotiation;
	uint16_t prf = sa->suite.prf;
	size_t length = prf_length(&sa->suite);
	uint8_t id_mac[IKE_PRF_OUTPUT_MAX];
	uint8_t padded[IKE_PRF_OUTPUT_MAX];
	const uint8_t id_head[4] = { id->type };
	struct bytes id_parts[] = { bytes_of(id_head, 4), bytes_of(id->octets, id->length) };
	struct bytes pad_part = bytes_of_text(pad);
	bool ours = of_initiator == sa->initiator;
	struct bytes own_nonce = bytes_of(n->nonce, n->nonce_length);
	/* The octets signed: own IKE_SA_INIT message, the other's nonce, MAC of the own identity.
	 */
	struct bytes parts[] = { of_initiator ? n->init_request : n->init_response,
		ours ? n->peer_nonce : own_nonce, bytes_of(id_mac, length) };

	bool done = ike_prf(e->crypto, prf, auth_key(sa, of_initiator), id_parts, 2, id_mac) &&
		    ike_prf(e->crypto, prf, psk, &pad_part, 1, padded) &&
		    ike_prf(e->crypto, prf, bytes_of(padded, length), parts, 3, ret);
	secret_wipe(padded, sizeof(padded));
	*ret_length = length;
	return done;
}

bool ike_keys_child(struct ike_engine *e, const struct ike_sa *sa, const struct ike_suite *suite,
	struct bytes shared, struct bytes nonce_i, struct bytes nonce_r, struct secret *ret)
{
	struct bytes parts[] = { shared, nonce_i, nonce_r };
	size_t length = 2 * (encryption_length(suite) + integrity_length(suite));

	if (length == 0) /* NULL encryption without integrity is never negotiated */
		return false;
	return secret_allocate(ret, length) &&
	       ike_prf_plus(e->crypto, sa->suite.prf, bytes_of(sa->keys.at, prf_length(&sa->suite)),
		       parts, 3, secret_bytes(ret));
}
