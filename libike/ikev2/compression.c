/* IPComp for children (RFC 3173, RFC 7296 3.10.1): both ends say under which CPI they take
 * compressed packets. */
#include "libike/ikev2/ikev2.h"

#define DEFLATE 2         /* the transform; the others never came into use */
#define CPI_LOWEST 256    /* RFC 3173 3.3: below are well-known ones, */
#define CPI_HIGHEST 61439 /* above private ones */

/* CPI, transform; attributes of it there are none. */
static bool read_notify(const struct ike_notify *n, uint16_t *ret_cpi)
{
	struct reader r = reader_of(n->data);
	uint16_t cpi = reader_u16(&r);
	uint8_t transform = reader_u8(&r);

	if (!reader_end(&r) || transform != DEFLATE || cpi < CPI_LOWEST || cpi > CPI_HIGHEST)
		return false;
	*ret_cpi = cpi;
	return true;
}

/* The peer may offer several transforms, a notify for each. */
static bool find_offer(const struct ike_message *m, uint16_t *ret_cpi)
{
	for (size_t i = 0; i < m->notify_count; i++)
		if (m->notifies[i].type == IKE_NOTIFY_IPCOMP_SUPPORTED &&
			read_notify(&m->notifies[i], ret_cpi))
			return true;
	return false;
}

void ike_compression_build(const struct ike_child *child, struct ike_builder *b)
{
	const uint8_t data[3] = { (uint8_t)(child->cpi_in >> 8), (uint8_t)child->cpi_in, DEFLATE };

	if (child->cpi_in)
		ike_build_notify(b, IKE_NOTIFY_IPCOMP_SUPPORTED, bytes_of(data, sizeof(data)));
}

void ike_compression_offer(struct ike_engine *e, struct ike_child *child)
{
	if (ike_child_may_compress(e, child->sa, child->config))
		ike_child_allocate_cpi(e, child);
}

void ike_compression_answer(struct ike_received *x, struct ike_child *child)
{
	uint16_t cpi;

	if (!ike_child_may_compress(x->e, x->sa, child->config) || !find_offer(x->message, &cpi))
		return;
	ike_child_allocate_cpi(x->e, child);
	if (child->cpi_in)
		child->cpi_out = cpi;
}

bool ike_compression_accept(
	struct ike_received *x, struct ike_child *child, struct ike_failure *failure)
{
	if (!ike_message_notify(x->message, IKE_NOTIFY_IPCOMP_SUPPORTED)) {
		ike_child_release_cpi(x->e, child);
		return true;
	}
	if (child->cpi_in && find_offer(x->message, &child->cpi_out))
		return true;
	ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"peer wants to compress packets of CHILD_SA '%s' in a way that we did not offer",
		child->config->name);
	return false;
}
