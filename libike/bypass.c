/* Bypass policies that belong to an IKE SA. */
#include "libike/bypass.h"

#include <stdlib.h>

struct ike_bypass {
	struct ike_kernel_policies policies;
	struct ike_selector selectors[]; /* the local one, then the networks */
};

struct ike_bypass *ike_bypass_install(
	struct ike_engine *e, const struct ike_selector *networks, size_t count, struct why *why)
{
	struct ike_bypass *b = calloc(1, sizeof(*b) + (count + 1) * sizeof(*networks));

	if (!b || count > UINT8_MAX ||
		!ike_selector_of_prefix(
			&(struct address){ .family = AF_INET }, 0, &b->selectors[0])) {
		free(b);
		(void)why_fail(why, "out of memory");
		return NULL;
	}
	memcpy(b->selectors + 1, networks, count * sizeof(*networks));
	b->policies = (struct ike_kernel_policies){
		.kind = IKE_POLICY_SHUNT,
		.mode = IKE_MODE_PASS,
		.protocol = IKE_PROTOCOL_ESP,
		.no_fwd_out = true,
		.local_selectors = b->selectors,
		.remote_selectors = b->selectors + 1,
		.local_count = 1,
		.remote_count = (uint8_t)count,
	};
	if (e->host.policies_install(e->host.context, &b->policies, why))
		return b;
	free(b);
	return NULL;
}

void ike_bypass_remove(struct ike_engine *e, struct ike_bypass *bypass)
{
	if (bypass)
		e->host.policies_remove(e->host.context, &bypass->policies);
	free(bypass);
}

void ike_bypass_free(struct ike_bypass *bypass)
{
	free(bypass);
}
