/* SA payloads of IKEv1 (RFC 2408 3.4 to 3.6, RFC 2409 appendix A, RFC 2407 4.4, 4.5): read, and
 * held against what a definition allows. The numbers themselves: isakmp_transform.c. */
#include "libike/wire/isakmp_priv.h"

#define DOI_IPSEC 1
#define SITUATION_IDENTITY_ONLY 1
/* More than that is an attack, not a negotiation. */
#define PROPOSALS_MAX 64
#define TRANSFORMS_MAX 512
/* RFC 3173 3.3: CPIs below are well-known ones, above private ones. */
#define CPI_LOWEST 256
#define CPI_HIGHEST 61439

/* A proposal payload without its transforms, and these. */
struct proposal {
	uint8_t number;
	uint8_t protocol;
	struct bytes spi;
	struct reader transforms;
};

static bool read_proposal(struct reader *r, struct proposal *ret)
{
	reader_u16(r);
	size_t length = reader_u16(r);
	struct reader body = reader_part(r, length >= 4 ? length - 4 : SIZE_MAX);

	ret->number = reader_u8(&body);
	ret->protocol = reader_u8(&body);
	size_t spi_length = reader_u8(&body);
	reader_u8(&body); /* how many transforms: they say it themselves */
	ret->spi = reader_bytes(&body, spi_length);
	ret->transforms = body;
	return !r->bad && !body.bad;
}

static bool read_transform(struct reader *r, struct isakmp_offer *ret)
{
	reader_u16(r);
	size_t length = reader_u16(r);
	struct reader body = reader_part(r, length >= 4 ? length - 4 : SIZE_MAX);

	ret->transform = reader_u8(&body);
	ret->transform_id = reader_u8(&body);
	reader_u16(&body);
	ret->attributes = reader_rest(&body);
	return !r->bad && !body.bad;
}

static bool attributes_fit(struct bytes list)
{
	struct isakmp_attribute attribute;
	size_t cursor = 0;

	while (isakmp_attribute_next(list, &cursor, &attribute)) {
	}
	return cursor == list.length;
}

static bool check_transforms(struct reader r, size_t *count, struct why *why)
{
	struct isakmp_offer offer;

	while (reader_more(&r)) {
		if (!read_transform(&r, &offer) || !attributes_fit(offer.attributes))
			return why_fail(why, "a transform that does not fit");
		if (++*count > TRANSFORMS_MAX)
			return why_fail(why, "more than %d transforms", TRANSFORMS_MAX);
	}
	return true;
}

bool isakmp_sa_view_parse(struct bytes body, struct isakmp_sa_view *ret, struct why *why)
{
	struct reader r = reader_of(body);
	size_t proposals = 0, transforms = 0;
	uint32_t doi = reader_u32(&r), situation = reader_u32(&r);
	struct proposal p;

	if (r.bad)
		return why_fail(why, "cut short");
	if (doi != DOI_IPSEC || situation != SITUATION_IDENTITY_ONLY)
		return why_fail(
			why, "DOI %u, situation %u: wanted IPsec, identity only", doi, situation);
	struct isakmp_sa_view view = { body, bytes_of(r.at, r.left) };
	while (reader_more(&r)) {
		if (!read_proposal(&r, &p))
			return why_fail(why, "a proposal that does not fit");
		if (++proposals > PROPOSALS_MAX)
			return why_fail(why, "more than %d proposals", PROPOSALS_MAX);
		if (!check_transforms(p.transforms, &transforms, why))
			return false;
	}
	if (transforms == 0)
		return why_fail(why, "no transform in it");
	*ret = view;
	return true;
}

/* A CPI, in 2 octets or as the lower half of 4 (RFC 3173 4); 0: none. */
static uint16_t cpi_of(struct bytes spi)
{
	struct reader r = reader_of(spi);

	if (spi.length == 4 && reader_u16(&r) != 0)
		return 0;
	uint16_t cpi = reader_u16(&r);
	return reader_end(&r) && cpi >= CPI_LOWEST && cpi <= CPI_HIGHEST ? cpi : 0;
}

/* IPComp with DEFLATE, which the others of its number are to be compressed with. */
static bool read_compression(const struct proposal *p, struct isakmp_offer *ret)
{
	struct reader transforms = p->transforms;
	struct isakmp_offer offer;

	while (reader_more(&transforms) && read_transform(&transforms, &offer)) {
		if (offer.transform_id != ISAKMP_DEFLATE)
			continue;
		ret->cpi = cpi_of(p->spi);
		ret->cpi_transform = offer.transform;
		ret->cpi_attributes = offer.attributes;
		return ret->cpi != 0;
	}
	return false;
}

/* What belongs together with the offer. */
static void read_bundle(const struct isakmp_sa_view *view, int phase, struct isakmp_offer *offer)
{
	struct reader r = reader_of(view->proposals);
	struct proposal p;
	unsigned count = 0, compressions = 0;

	while (reader_more(&r) && read_proposal(&r, &p)) {
		if (p.number != offer->proposal)
			continue;
		count++;
		compressions += phase == 2 && p.protocol == ISAKMP_PROTOCOL_IPCOMP &&
				read_compression(&p, offer);
	}
	offer->bundled = count > 1 && !(count == 2 && compressions == 1);
}

/* The cursor: where its proposal begins, and how far its transforms are read; 16 bits each. */
bool isakmp_offer_next(
	const struct isakmp_sa_view *view, int phase, size_t *cursor, struct isakmp_offer *ret)
{
	size_t at = *cursor >> 16, done = *cursor & 0xffff;

	while (at < view->proposals.length) {
		struct reader r =
			reader_of(bytes_of(view->proposals.at + at, view->proposals.length - at));
		struct proposal p;

		if (!read_proposal(&r, &p)) /* it was checked */
			return false;
		struct reader t = reader_of(
			p.transforms.left >= done
				? bytes_of(p.transforms.at + done, p.transforms.left - done)
				: bytes_of(NULL, 0));
		*ret = (struct isakmp_offer){
			.proposal = p.number, .protocol = p.protocol, .spi = p.spi
		};
		/* IPComp is read with what it belongs to, and means nothing in phase 1. */
		if (p.protocol != ISAKMP_PROTOCOL_IPCOMP && reader_more(&t) &&
			read_transform(&t, ret)) {
			*cursor = at << 16 | (p.transforms.left - t.left);
			read_bundle(view, phase, ret);
			isakmp_transform_read(phase, ret);
			return true;
		}
		at = view->proposals.length - r.left;
		done = 0;
	}
	return false;
}

/* ---- Ours and theirs ---- */

/* The place of a transform in the proposal; -1: it is not there. */
static int place_of(const struct ike_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	int place = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct ike_transform *t = &p->transforms[i];

		if (t->type != type)
			continue;
		if (t->id == id && t->key_bits == key_bits)
			return place;
		place++;
	}
	return -1;
}

static bool has_type(const struct ike_proposal *p, uint8_t type)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->transforms[i].type == type)
			return true;
	return false;
}

/* Of one that may be missing on both sides. */
static int place_of_optional(const struct ike_proposal *p, uint8_t type, uint16_t id)
{
	if (id == 0 && !has_type(p, type))
		return 0;
	return place_of(p, type, id, 0);
}

/* How far from the most preferred: encryption counts most, then integrity, then group, then
 * compression; -1: the proposal does not allow it. */
static int rank(
	const struct ike_proposal *p, int phase, bool compression, const struct isakmp_offer *offer)
{
	const struct ike_suite *s = &offer->suite;
	int encryption = 0, hash, group, esn = 0;

	if (!offer->usable || offer->bundled || (offer->cpi && !compression) ||
		p->protocol != offer->protocol)
		return -1;
	if (s->encryption)
		encryption =
			place_of(p, IKE_TRANSFORM_ENCRYPTION, s->encryption, s->encryption_bits);
	if (phase == 1 && !has_type(p, IKE_TRANSFORM_INTEGRITY))
		hash = place_of(p, IKE_TRANSFORM_PRF, s->prf, 0);
	else
		hash = place_of_optional(p, IKE_TRANSFORM_INTEGRITY, s->integrity);
	group = place_of_optional(p, IKE_TRANSFORM_KEY_EXCHANGE, s->group);
	if (phase == 2 && (s->esn || has_type(p, IKE_TRANSFORM_ESN)))
		esn = place_of(p, IKE_TRANSFORM_ESN, s->esn, 0);
	if (encryption < 0 || hash < 0 || group < 0 || esn < 0)
		return -1;
	return encryption << 20 | hash << 10 | group << 1 | (compression && !offer->cpi);
}

static bool method_fits(uint16_t method, const uint16_t *methods, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (methods[i] == method)
			return true;
	return count == 0;
}

bool isakmp_offer_choose(const struct ike_proposals *ours, const struct isakmp_sa_view *theirs,
	int phase, const uint16_t *auth_methods, size_t auth_method_count, bool compression,
	struct isakmp_offer *ret)
{
	struct isakmp_offer offer;

	for (size_t i = 0; i < ours->count; i++) {
		int best = -1;

		for (size_t cursor = 0; isakmp_offer_next(theirs, phase, &cursor, &offer);) {
			int place = rank(&ours->items[i], phase, compression, &offer);

			if (place < 0 || (best >= 0 && place >= best) ||
				!method_fits(offer.auth_method, auth_methods, auth_method_count))
				continue;
			best = place;
			*ret = offer;
		}
		if (best >= 0)
			return true;
	}
	return false;
}

static bool is_same_suite(const struct isakmp_offer *a, const struct isakmp_offer *b)
{
	return memcmp(&a->suite, &b->suite, sizeof(a->suite)) == 0 && bytes_equal(a->spi, b->spi);
}

bool isakmp_offer_accepts(const struct ike_proposals *offered, const struct isakmp_sa_view *answer,
	int phase, bool compression, struct isakmp_offer *ret)
{
	struct isakmp_offer another;
	size_t cursor = 0;

	if (!isakmp_offer_next(answer, phase, &cursor, ret))
		return false;
	/* strongSwan answers with what it has chosen, and behind it with the same uncompressed. */
	while (isakmp_offer_next(answer, phase, &cursor, &another))
		if (!ret->cpi || another.cpi || !is_same_suite(ret, &another))
			return false;
	if (phase == 2 && ret->suite.group != ike_proposals_first_group(offered))
		return false;
	for (size_t i = 0; i < offered->count; i++)
		if (rank(&offered->items[i], phase, compression, ret) >= 0)
			return true;
	return false;
}

size_t isakmp_offers_to_proposals(
	const struct isakmp_sa_view *view, int phase, struct ike_proposal *ret, size_t room)
{
	struct isakmp_offer offer;
	size_t count = 0, plain = 0;

	/* What is there with compression and without counts once. */
	for (size_t cursor = 0; isakmp_offer_next(view, phase, &cursor, &offer);)
		plain += !offer.cpi;
	for (size_t cursor = 0; count < room && isakmp_offer_next(view, phase, &cursor, &offer);)
		if (offer.usable && !(offer.cpi && plain))
			ike_suite_to_proposal(&offer.suite, offer.proposal, &ret[count++]);
	return count;
}

/* ---- What we offer ---- */

/* The transform of that type at that place; false beyond the last. One that the proposal has none
 * of is there once, as nothing. */
static bool transform_at(
	const struct ike_proposal *p, uint8_t type, size_t place, struct ike_transform *ret)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->transforms[i].type == type && place-- == 0) {
			*ret = p->transforms[i];
			return true;
		}
	}
	*ret = (struct ike_transform){ .type = type };
	return place == 0 && !has_type(p, type);
}

static void add_offer(int phase, const struct ike_suite *suite, struct isakmp_offer *ret,
	size_t *count, size_t room)
{
	struct isakmp_offer offer = { .protocol = suite->protocol, .suite = *suite };

	if (*count >= room || !isakmp_transform_sayable(phase, &offer.suite))
		return;
	for (size_t i = 0; i < *count; i++) /* two proposals may have it */
		if (memcmp(&ret[i].suite, &offer.suite, sizeof(offer.suite)) == 0)
			return;
	offer.usable = true;
	ret[(*count)++] = offer;
}

/* All with that encryption algorithm. */
static void add_combinations(const struct ike_proposal *p, int phase, struct ike_suite suite,
	uint16_t group, struct isakmp_offer *ret, size_t *count, size_t room)
{
	bool by_prf = phase == 1 && !has_type(p, IKE_TRANSFORM_INTEGRITY);
	struct ike_transform hash, kx, esn;

	for (size_t i = 0;
		transform_at(p, by_prf ? IKE_TRANSFORM_PRF : IKE_TRANSFORM_INTEGRITY, i, &hash);
		i++) {
		for (size_t k = 0; transform_at(p, IKE_TRANSFORM_KEY_EXCHANGE, k, &kx); k++) {
			if (phase == 2 && kx.id != group)
				continue;
			for (size_t n = 0; transform_at(p, IKE_TRANSFORM_ESN, n, &esn); n++) {
				suite.integrity = by_prf ? 0 : hash.id;
				suite.prf = by_prf ? hash.id : 0;
				suite.group = kx.id;
				suite.esn = phase == 2 && esn.id == 1;
				add_offer(phase, &suite, ret, count, room);
			}
		}
	}
}

size_t isakmp_offers_of(
	const struct ike_proposals *list, int phase, struct isakmp_offer *ret, size_t room)
{
	uint16_t group = ike_proposals_first_group(list);
	struct ike_transform encryption;
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct ike_proposal *p = &list->items[i];

		for (size_t k = 0; transform_at(p, IKE_TRANSFORM_ENCRYPTION, k, &encryption); k++) {
			struct ike_suite suite;

			memset(&suite, 0, sizeof(suite)); /* it is compared octet by octet */
			suite.protocol = p->protocol;
			suite.encryption = encryption.id;
			suite.encryption_bits = encryption.key_bits;
			add_combinations(p, phase, suite, group, ret, &count, room);
		}
	}
	return count;
}
