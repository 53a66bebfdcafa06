/* One transform of IKEv1 in IKEv2's numbers, and back (RFC 2409 appendix A, RFC 2407 4.4, 4.5, RFC
 * 4304). */
#include "libike/wire/isakmp_priv.h"

/* Attributes of phase 1. */
#define P1_ENCRYPTION 1
#define P1_HASH 2
#define P1_AUTHENTICATION 3
#define P1_GROUP 4
#define P1_GROUP_TYPE 5
#define P1_LIFE_TYPE 11
#define P1_LIFE_DURATION 12
#define P1_KEY_LENGTH 14
/* Of phase 2. */
#define P2_LIFE_TYPE 1
#define P2_LIFE_DURATION 2
#define P2_GROUP 3
#define P2_ENCAPSULATION 4
#define P2_AUTHENTICATION 5
#define P2_KEY_LENGTH 6
#define P2_ESN 11
#define LIFE_SECONDS 1
#define LIFE_KILOBYTES 2
#define KEY_IKE 1 /* phase 1's only transform */

/* What IKEv1 and IKEv2 call the same thing. */
struct pair {
	uint16_t v1;
	uint16_t v2;
};

static const struct pair phase1_ciphers[] = { { 5, IKE_ENCR_3DES }, { 7, IKE_ENCR_AES_CBC },
	{ 8, IKE_ENCR_CAMELLIA_CBC }, { 0, 0 } };
static const struct pair hashes[] = { { 1, IKE_PRF_HMAC_MD5 }, { 2, IKE_PRF_HMAC_SHA1 },
	{ 4, IKE_PRF_HMAC_SHA2_256 }, { 5, IKE_PRF_HMAC_SHA2_384 }, { 6, IKE_PRF_HMAC_SHA2_512 },
	{ 0, 0 } };
static const struct pair hash_macs[] = { { 1, IKE_INTEG_HMAC_MD5_96 },
	{ 2, IKE_INTEG_HMAC_SHA1_96 }, { 4, IKE_INTEG_HMAC_SHA2_256_128 },
	{ 5, IKE_INTEG_HMAC_SHA2_384_192 }, { 6, IKE_INTEG_HMAC_SHA2_512_256 }, { 0, 0 } };
static const struct pair esp_ciphers[] = { { 3, IKE_ENCR_3DES }, { 11, IKE_ENCR_NULL },
	{ 12, IKE_ENCR_AES_CBC }, { 13, IKE_ENCR_AES_CTR }, { 14, IKE_ENCR_AES_CCM_8 },
	{ 15, IKE_ENCR_AES_CCM_12 }, { 16, IKE_ENCR_AES_CCM_16 }, { 18, IKE_ENCR_AES_GCM_8 },
	{ 19, IKE_ENCR_AES_GCM_12 }, { 20, IKE_ENCR_AES_GCM_16 }, { 22, IKE_ENCR_CAMELLIA_CBC },
	{ 23, IKE_ENCR_NULL_AUTH_AES_GMAC }, { 0, 0 } };
static const struct pair macs[] = { { 1, IKE_INTEG_HMAC_MD5_96 }, { 2, IKE_INTEG_HMAC_SHA1_96 },
	{ 5, IKE_INTEG_HMAC_SHA2_256_128 }, { 6, IKE_INTEG_HMAC_SHA2_384_192 },
	{ 7, IKE_INTEG_HMAC_SHA2_512_256 }, { 9, IKE_INTEG_AES_XCBC_96 },
	{ 252, IKE_INTEG_HMAC_SHA2_256_96 }, /* strongSwan's private number */
	{ 0, 0 } };
static const struct pair ah_transforms[] = { { 2, IKE_INTEG_HMAC_MD5_96 },
	{ 3, IKE_INTEG_HMAC_SHA1_96 }, { 5, IKE_INTEG_HMAC_SHA2_256_128 },
	{ 6, IKE_INTEG_HMAC_SHA2_384_192 }, { 7, IKE_INTEG_HMAC_SHA2_512_256 },
	{ 9, IKE_INTEG_AES_XCBC_96 }, { 0, 0 } };

/* 0: unknown. */
static uint16_t to_v2(const struct pair *pairs, uint64_t v1)
{
	for (; pairs->v1; pairs++)
		if (pairs->v1 == v1)
			return pairs->v2;
	return 0;
}

static uint16_t to_v1(const struct pair *pairs, uint16_t v2)
{
	for (; pairs->v1; pairs++)
		if (pairs->v2 == v2)
			return pairs->v1;
	return 0;
}

/* A number of up to eight octets; too large counts as the largest. */
static uint64_t number_of(struct bytes value)
{
	uint64_t number = 0;

	for (size_t i = 0; i < value.length; i++) {
		if (number >> 56)
			return UINT64_MAX;
		number = number << 8 | value.at[i];
	}
	return number;
}

/* Groups that IKEv1 has numbers for are those of IANA's old registry, Brainpool the last;
 * strongSwan says Curve25519 and Curve448 by their numbers of IKEv2, and so do we. */
static bool is_group(uint64_t number)
{
	return number > 0 && number <= IKE_GROUP_X448 &&
	       ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, (uint16_t)number, 0) != NULL;
}

static bool read_life(uint64_t *type, bool is_type, uint64_t number, struct isakmp_offer *offer)
{
	if (is_type) {
		*type = number;
		return number == LIFE_SECONDS || number == LIFE_KILOBYTES;
	}
	if (*type == LIFE_SECONDS)
		offer->life_seconds = number;
	else if (*type == LIFE_KILOBYTES)
		offer->life_kilobytes = number;
	return *type != 0;
}

static bool read_phase1(
	const struct isakmp_attribute *a, uint64_t *life, struct isakmp_offer *offer)
{
	uint64_t number = number_of(a->value);
	struct ike_suite *s = &offer->suite;

	switch (a->type) {
	case P1_ENCRYPTION:
		return (s->encryption = to_v2(phase1_ciphers, number)) != 0;
	case P1_HASH:
		s->integrity = to_v2(hash_macs, number);
		return (s->prf = to_v2(hashes, number)) != 0;
	case P1_AUTHENTICATION:
		offer->auth_method = (uint16_t)number;
		return number > 0 && number <= UINT16_MAX;
	case P1_GROUP:
		s->group = is_group(number) ? (uint16_t)number : 0;
		return s->group != 0;
	case P1_GROUP_TYPE:
		return true; /* of the group that has a number */
	case P1_LIFE_TYPE:
	case P1_LIFE_DURATION:
		return read_life(life, a->type == P1_LIFE_TYPE, number, offer);
	case P1_KEY_LENGTH:
		s->encryption_bits = number <= UINT16_MAX ? (uint16_t)number : 1;
		return true;
	default:
		return false;
	}
}

static bool read_phase2(
	const struct isakmp_attribute *a, uint64_t *life, struct isakmp_offer *offer)
{
	uint64_t number = number_of(a->value);
	struct ike_suite *s = &offer->suite;

	switch (a->type) {
	case P2_LIFE_TYPE:
	case P2_LIFE_DURATION:
		return read_life(life, a->type == P2_LIFE_TYPE, number, offer);
	case P2_GROUP:
		s->group = is_group(number) ? (uint16_t)number : 0;
		return s->group != 0;
	case P2_ENCAPSULATION:
		offer->encapsulation = (uint16_t)number;
		return number > 0 && number <= UINT16_MAX;
	case P2_AUTHENTICATION:
		return (s->integrity = to_v2(macs, number)) != 0;
	case P2_KEY_LENGTH:
		s->encryption_bits = number <= UINT16_MAX ? (uint16_t)number : 1;
		return true;
	case P2_ESN:
		s->esn = number == 1;
		return number <= 1;
	default:
		return false;
	}
}

/* AES and Camellia have 128 bits when nothing else is said (RFC 3602 5.3 has it for ESP). */
static void imply_key_length(struct ike_suite *s)
{
	if (s->encryption && s->encryption_bits == 0 &&
		!ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, s->encryption, 0) &&
		ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, s->encryption, 128))
		s->encryption_bits = 128;
}

static bool is_complete(int phase, const struct isakmp_offer *offer)
{
	const struct ike_suite *s = &offer->suite;
	const struct ike_algorithm *cipher = ike_suite_encryption(s);

	if (phase == 1)
		return cipher && !cipher->aead && s->prf && s->group && offer->auth_method;
	if (s->protocol == IKE_PROTOCOL_AH)
		return s->integrity != 0;
	return cipher && (cipher->aead ? s->integrity == 0 : s->integrity != 0);
}

/* The transform's own id. */
static bool read_id(int phase, struct isakmp_offer *offer)
{
	struct ike_suite *s = &offer->suite;

	s->protocol = offer->protocol;
	if (phase == 1)
		return offer->protocol == ISAKMP_PROTOCOL_ISAKMP && offer->transform_id == KEY_IKE;
	if (offer->protocol == ISAKMP_PROTOCOL_ESP)
		return (s->encryption = to_v2(esp_ciphers, offer->transform_id)) != 0;
	return offer->protocol == ISAKMP_PROTOCOL_AH &&
	       to_v2(ah_transforms, offer->transform_id) != 0;
}

void isakmp_transform_read(int phase, struct isakmp_offer *offer)
{
	bool known = read_id(phase, offer);
	struct isakmp_attribute a;
	uint64_t life = 0;

	for (size_t cursor = 0; isakmp_attribute_next(offer->attributes, &cursor, &a);)
		known &= phase == 1 ? read_phase1(&a, &life, offer) : read_phase2(&a, &life, offer);
	imply_key_length(&offer->suite);
	if (phase == 2 && offer->protocol == ISAKMP_PROTOCOL_AH)
		known &= offer->suite.integrity == to_v2(ah_transforms, offer->transform_id);
	offer->usable = known && is_complete(phase, offer);
}

bool isakmp_transform_sayable(int phase, struct ike_suite *s)
{
	const struct ike_algorithm *cipher = ike_suite_encryption(s);

	if (s->group && !is_group(s->group))
		return false;
	if (phase == 1) {
		uint16_t hash = to_v1(
			s->integrity ? hash_macs : hashes, s->integrity ? s->integrity : s->prf);

		s->integrity = to_v2(hash_macs, hash);
		s->prf = to_v2(hashes, hash);
		return cipher && !cipher->aead && to_v1(phase1_ciphers, s->encryption) && hash &&
		       s->group;
	}
	if (s->protocol == IKE_PROTOCOL_AH)
		return to_v1(ah_transforms, s->integrity) != 0;
	return cipher && to_v1(esp_ciphers, s->encryption) &&
	       (cipher->aead ? s->integrity == 0 : to_v1(macs, s->integrity) != 0);
}

/* ---- Written ---- */

void isakmp_attribute_write(struct writer *w, uint16_t type, uint64_t value)
{
	if (value <= UINT16_MAX) {
		writer_u16(w, 0x8000 | type);
		writer_u16(w, (uint16_t)value);
		return;
	}
	writer_u16(w, type);
	writer_u16(w, value <= UINT32_MAX ? 4 : 8);
	if (value <= UINT32_MAX)
		writer_u32(w, (uint32_t)value);
	else
		writer_u64(w, value);
}

static void write_life(struct writer *w, uint16_t type, uint16_t kind, uint64_t value)
{
	if (value == 0)
		return;
	isakmp_attribute_write(w, type, kind);
	isakmp_attribute_write(w, type + 1, value);
}

uint8_t isakmp_transform_id(int phase, const struct ike_suite *s)
{
	if (phase == 1)
		return KEY_IKE;
	if (s->protocol == ISAKMP_PROTOCOL_IPCOMP)
		return ISAKMP_DEFLATE;
	return (uint8_t)(s->protocol == IKE_PROTOCOL_AH ? to_v1(ah_transforms, s->integrity)
							: to_v1(esp_ciphers, s->encryption));
}

void isakmp_transform_write(
	struct writer *w, const struct ike_suite *s, const struct isakmp_said *said)
{
	bool first = s->protocol == IKE_PROTOCOL_IKE;

	if (first) {
		isakmp_attribute_write(w, P1_ENCRYPTION, to_v1(phase1_ciphers, s->encryption));
		if (s->encryption_bits)
			isakmp_attribute_write(w, P1_KEY_LENGTH, s->encryption_bits);
		isakmp_attribute_write(w, P1_HASH, to_v1(hashes, s->prf));
		isakmp_attribute_write(w, P1_GROUP, s->group);
		isakmp_attribute_write(w, P1_AUTHENTICATION, said->auth_method);
	} else {
		if (s->group)
			isakmp_attribute_write(w, P2_GROUP, s->group);
		isakmp_attribute_write(w, P2_ENCAPSULATION, said->encapsulation);
		if (s->integrity)
			isakmp_attribute_write(w, P2_AUTHENTICATION, to_v1(macs, s->integrity));
		if (s->encryption_bits)
			isakmp_attribute_write(w, P2_KEY_LENGTH, s->encryption_bits);
		if (s->esn)
			isakmp_attribute_write(w, P2_ESN, 1);
	}
	write_life(w, first ? P1_LIFE_TYPE : P2_LIFE_TYPE, LIFE_SECONDS, said->life_seconds);
	write_life(w, first ? P1_LIFE_TYPE : P2_LIFE_TYPE, LIFE_KILOBYTES, said->life_kilobytes);
}
