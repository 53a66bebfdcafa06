/*
 * SAs of the engine as states of the kernel. Pure.
 *
 * A child whose packets are compressed (RFC 3173) has two states for each direction: IPComp, in the
 * child's mode, and around it ESP or AH in transport mode.
 */
#ifndef CHARON_LITE_KERNEL_STATE_H
#define CHARON_LITE_KERNEL_STATE_H

#include "libike/host.h"
#include "libxfrm/state.h"

uint8_t cl_kernel_protocol(uint8_t protocol); /* of enum ike_protocol: IPPROTO_ESP, IPPROTO_AH */

struct xfrm_state_id cl_kernel_state_id(const struct ike_kernel_id *id);
struct xfrm_state_id cl_kernel_compression_id(
	const struct ike_kernel_id *id); /* id->cpi is not 0 */

/* Not offloaded. Borrows keys and names. False when an algorithm is not for ESP and AH. */
MUST_USE bool cl_kernel_state(
	const struct ike_kernel_sa *sa, struct xfrm_state *ret, struct why *why);
/* sa->id.cpi is not 0. */
void cl_kernel_compression(const struct ike_kernel_sa *sa, struct xfrm_state *ret);
/* With that part done by the interface of that index. */
void cl_kernel_offload(const struct ike_kernel_sa *sa, unsigned interface, struct xfrm_state *ret);

#endif
