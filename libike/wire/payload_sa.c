/* The SA payload: proposals, transforms, attributes (RFC 7296 3.3). */
#include "libike/wire/payload.h"

#define PROPOSAL_LAST 0
#define PROPOSAL_MORE 2
#define TRANSFORM_LAST 0
#define TRANSFORM_MORE 3
#define ATTRIBUTE_KEY_LENGTH 14
#define ATTRIBUTE_IS_SHORT 0x8000 /* TV instead of TLV */

/* Whether all attributes could be read; *ret_understood is false when one is not known to us or
 * occurs twice: the transform must then be passed over (RFC 7296 3.3.6). */
static bool attributes_read(struct reader attributes, uint16_t *ret_bits, bool *ret_understood)
{
	*ret_bits = 0;
	*ret_understood = true;
	while (reader_more(&attributes)) {
		uint16_t type = reader_u16(&attributes);
		uint16_t value = reader_u16(&attributes);

		if (type == (ATTRIBUTE_IS_SHORT | ATTRIBUTE_KEY_LENGTH) && *ret_bits == 0) {
			*ret_bits = value;
			continue;
		}
		*ret_understood = false;
		if (!(type & ATTRIBUTE_IS_SHORT))
			reader_bytes(&attributes, value);
	}
	return reader_end(&attributes);
}

struct transforms {
	struct ike_proposal *proposal;
	bool seen[IKE_TRANSFORM_TYPES];
	bool kept[IKE_TRANSFORM_TYPES];
};

static void transform_add(
	struct transforms *t, const struct ike_transform *transform, bool understood)
{
	struct ike_proposal *p = t->proposal;

	if (transform->type == 0 || transform->type >= IKE_TRANSFORM_TYPES) {
		p->unknown_type = true;
		return;
	}
	t->seen[transform->type] = true;
	if (!understood || p->count == IKE_PROPOSAL_TRANSFORMS_MAX)
		return;
	t->kept[transform->type] = true;
	p->transforms[p->count++] = *transform;
}

static bool transforms_read(
	struct reader *r, uint8_t count, struct ike_proposal *proposal, struct why *why)
{
	struct transforms t = { .proposal = proposal };

	for (unsigned left = count; left > 0; left--) {
		uint8_t marker = reader_u8(r);
		reader_u8(r); /* reserved */
		uint16_t length = reader_u16(r);

		if (length < 8)
			return why_fail(why, "a transform of %u octets", length);
		struct reader part = reader_part(r, length - 4u);
		struct ike_transform transform = { .type = reader_u8(&part) };
		bool understood;
		reader_u8(&part); /* reserved */
		transform.id = reader_u16(&part);
		if (!attributes_read(part, &transform.key_bits, &understood))
			return why_fail(why, "a transform or its attributes run past the end");
		if (marker != (left == 1 ? TRANSFORM_LAST : TRANSFORM_MORE))
			return why_fail(
				why, "the count of transforms and the last one's mark disagree");
		transform_add(&t, &transform, understood);
	}
	for (size_t i = 0; i < IKE_TRANSFORM_TYPES; i++)
		if (t.seen[i] && !t.kept[i])
			proposal->unknown_type = true;
	return true;
}

static bool spi_size_fits(uint8_t protocol, uint8_t size)
{
	switch (protocol) {
	case IKE_PROTOCOL_IKE:
		return size == 0 || size == 8;
	case IKE_PROTOCOL_AH:
	case IKE_PROTOCOL_ESP:
		return size == 4;
	default:
		return true;
	}
}

static bool protocol_is_known(uint8_t protocol)
{
	return protocol == IKE_PROTOCOL_IKE || protocol == IKE_PROTOCOL_AH ||
	       protocol == IKE_PROTOCOL_ESP;
}

/* Reads one proposal. ret's transforms beyond its count stay as they are. */
static bool proposal_read(
	struct reader *r, struct ike_proposal *ret, struct bytes *ret_spi, struct why *why)
{
	uint8_t marker = reader_u8(r);
	reader_u8(r); /* reserved */
	uint16_t length = reader_u16(r);

	if (length < 8)
		return why_fail(why, "a proposal of %u octets", length);
	struct reader part = reader_part(r, length - 4u);
	if (part.bad)
		return why_fail(why, "a proposal runs past the end");
	if (marker != (reader_more(r) ? PROPOSAL_MORE : PROPOSAL_LAST))
		return why_fail(why, "the last proposal is not marked so, or another one is");
	ret->number = reader_u8(&part);
	ret->protocol = reader_u8(&part);
	ret->unknown_type = !protocol_is_known(ret->protocol);
	ret->count = 0;
	uint8_t spi_size = reader_u8(&part);
	uint8_t count = reader_u8(&part);
	*ret_spi = reader_bytes(&part, spi_size);
	if (part.bad || !spi_size_fits(ret->protocol, spi_size))
		return why_fail(why, "an SPI of %u octets", spi_size);
	if (count == 0)
		return why_fail(why, "a proposal without transforms");
	if (!transforms_read(&part, count, ret, why))
		return false;
	if (!reader_end(&part))
		return why_fail(why, "octets after the last transform");
	return true;
}

bool ike_sa_view_parse(struct bytes body, struct ike_sa_view *ret, struct why *why)
{
	struct ike_proposal proposal;
	struct bytes spi;
	struct reader r = reader_of(body);
	unsigned count = 0;

	while (reader_more(&r)) {
		unsigned previous = count > 0 ? proposal.number : 0;

		if (!proposal_read(&r, &proposal, &spi, why))
			return false;
		/* An answer repeats any one number; an offer counts from 1. */
		bool alone = count == 0 && !reader_more(&r);
		if (proposal.number == 0 || (!alone && proposal.number != previous + 1))
			return why_fail(why, "proposal number %u where %u was due", proposal.number,
				previous + 1);
		count++;
	}
	if (count == 0)
		return why_fail(why, "no proposals");
	*ret = (struct ike_sa_view){ .body = body, .count = (uint8_t)count };
	return true;
}

bool ike_sa_view_next(const struct ike_sa_view *view, size_t *cursor, struct ike_proposal *ret,
	struct bytes *ret_spi)
{
	struct reader r = reader_of(view->body);

	reader_bytes(&r, *cursor);
	if (!reader_more(&r) || !proposal_read(&r, ret, ret_spi, NULL))
		return false;
	*cursor = view->body.length - r.left;
	return true;
}

size_t ike_sa_view_read(const struct ike_sa_view *view, struct ike_proposal *ret,
	struct bytes *ret_spis, size_t room)
{
	size_t cursor = 0, count = 0;
	struct bytes spi;

	while (count < room && ike_sa_view_next(view, &cursor, &ret[count], &spi)) {
		if (ret_spis)
			ret_spis[count] = spi;
		count++;
	}
	return count;
}
