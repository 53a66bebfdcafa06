/*
 * Traffic selectors of the engine as selectors of the kernel.
 */
#ifndef CHARON_LITE_KERNEL_SELECTOR_H
#define CHARON_LITE_KERNEL_SELECTOR_H

#include "libike/base/selector.h"
#include "libxfrm/traffic.h"

/*
 * Packets from source to destination. False when no packet meets both (families or protocols
 * differ). Ranges become the smallest prefix and the smallest port mask that cover them. ICMP's
 * type and code come from source, or from destination when source names none; a range of types
 * or codes becomes any.
 */
MUST_USE bool cl_kernel_selector_of_pair(const struct ike_selector *source,
	const struct ike_selector *destination, struct xfrm_traffic_selector *ret);

/* The other way: networks and ports change places, ICMP's type and code do not. */
void cl_kernel_selector_reverse(struct xfrm_traffic_selector *selector);

/* The selectors of one packet, as an acquire describes it. */
void cl_kernel_selector_split(const struct xfrm_traffic_selector *packet,
	struct ike_selector *ret_source, struct ike_selector *ret_destination);

#endif
