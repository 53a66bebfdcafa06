/*
 * The engine's policies as the kernel's: pairs of selectors, directions, and who shares them.
 *
 * The kernel keeps one policy for each direction, selector, mark and if_id. Several children may
 * want the same one: old and new at a rekeying, duplicates, a trap and the child that it raised.
 * So each kernel policy has users; the kernel gets what the best of them wants (lowest priority
 * number, then children before traps, then the newest), and it goes with the last.
 *
 * What is sent to the kernel leaves through two functions, so that tests need none.
 */
#ifndef CHARON_LITE_KERNEL_POLICY_H
#define CHARON_LITE_KERNEL_POLICY_H

#include "libike/host.h"
#include "libxfrm/policy.h"

struct cl_policy_kernel {
	void *context;
	/* kind: enum ike_policy_kind. replace: ours is there already, and this one takes its place.
	 */
	bool (*put)(void *context, const struct xfrm_policy *policy, uint8_t kind, bool replace,
		struct why *why);
	void (*drop)(void *context, const struct xfrm_policy_id *id);
};

/* xfrm_policy_id without padding, for hashes. */
struct cl_policy_key {
	struct address source, destination;
	struct xfrm_mark mark;
	uint32_t if_id;
	uint32_t interface;
	uint16_t source_port_mask, destination_port_mask;
	uint8_t source_prefix, destination_prefix, protocol, direction;
};

struct cl_policy_key cl_policy_key(const struct xfrm_policy_id *id);

struct cl_policies;

/* NULL without memory. kernel is copied. */
struct cl_policies *cl_policies_new(const struct cl_policy_kernel *kernel);

/* Forgets all users; the kernel's policies stay. NULL is fine. */
void cl_policies_free(struct cl_policies *policies);

/* All or nothing. */
MUST_USE bool cl_policies_install(
	struct cl_policies *policies, const struct ike_kernel_policies *wanted, struct why *why);

/* By the same description; what is not there is passed over. */
void cl_policies_remove(struct cl_policies *policies, const struct ike_kernel_policies *wanted);

/* The policies whose packets go through the SA with that reqid to that destination. */
void cl_policies_of_sa(struct cl_policies *policies, uint32_t reqid,
	const struct address *destination,
	void (*visit)(void *context, const struct xfrm_policy_id *id), void *context);

/*
 * The kernel's policies for a description, one after the other. Pairs of selectors that no packet
 * can meet (families or protocols differ) are left out; ranges of addresses and ports, for which
 * the kernel has no form, are widened to the smallest prefix or mask that covers them.
 */
struct cl_policy_walk {
	const struct ike_kernel_policies *wanted;
	uint32_t interface;         /* index of wanted->interface */
	uint32_t offload_interface; /* index, with wanted->packet_offload */
	unsigned pair;              /* of selectors */
	unsigned part;              /* out, in, fwd, outbound fwd */
};

/* False: there is no interface of that name. */
MUST_USE bool cl_policy_walk_begin(
	const struct ike_kernel_policies *wanted, struct cl_policy_walk *ret);
/* False at the end. */
bool cl_policy_walk_next(struct cl_policy_walk *walk, struct xfrm_policy *ret);

#endif
