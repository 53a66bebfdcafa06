/* The messages that the kernel sends by itself. */
#include "libxfrm/convert_priv.h"
#include "libxfrm/message.h"

#include <arpa/inet.h>

static bool parse_acquire(const struct nlmsghdr *message, struct xfrm_acquire *ret)
{
	struct nlattr *attributes[XFRM_ATTRIBUTE_MAX + 1];
	struct xfrm_user_acquire fixed;
	struct xfrm_user_tmpl template;
	struct xfrm_policy policy;
	struct xfrm_acquire acquire = { 0 };

	if (!xfrm_get_fixed(message, &fixed, sizeof(fixed)) ||
		!xfrm_get_attributes(message, sizeof(fixed), attributes) ||
		!xfrm_selector_from_kernel(&fixed.sel, &acquire.selector) ||
		!xfrm_policy_from_kernel(&fixed.policy, &policy))
		return false;
	xfrm_get_or_zero(attributes[XFRMA_TMPL], &template, sizeof(template));
	/* outer addresses have the template's family, which the fixed part does not tell */
	uint16_t family = attributes[XFRMA_TMPL] ? template.family : fixed.sel.family;
	acquire.source = xfrm_address_from_kernel(family, &fixed.saddr, 0);
	acquire.destination = xfrm_address_from_kernel(family, &fixed.id.daddr, 0);
	acquire.protocol = fixed.id.proto;
	acquire.mode = template.mode;
	acquire.reqid = template.reqid;
	acquire.policy = policy.id;
	acquire.policy_index = fixed.policy.index;
	acquire.sequence = fixed.seq;
	acquire.processor = xfrm_processor_get(attributes[XFRM_ATTRIBUTE_PROCESSOR]);
	xfrm_get_or_zero(attributes[XFRMA_MARK], &acquire.policy.mark, sizeof(acquire.policy.mark));
	xfrm_get_or_zero(
		attributes[XFRMA_IF_ID], &acquire.policy.if_id, sizeof(acquire.policy.if_id));
	*ret = acquire;
	return true;
}

static bool parse_expire(const struct nlmsghdr *message, struct xfrm_expire *ret)
{
	struct nlattr *attributes[XFRM_ATTRIBUTE_MAX + 1];
	struct xfrm_user_expire fixed;
	struct xfrm_state state;

	if (!xfrm_get_fixed(message, &fixed, sizeof(fixed)) ||
		!xfrm_get_attributes(message, sizeof(fixed), attributes) ||
		!xfrm_state_from_kernel(&fixed.state, &state))
		return false;
	xfrm_get_or_zero(attributes[XFRMA_MARK], &state.id.mark, sizeof(state.id.mark));
	*ret = (struct xfrm_expire){
		.id = state.id,
		.source = state.source,
		.reqid = state.reqid,
		.hard = fixed.hard != 0,
		.bytes = fixed.state.curlft.bytes,
		.packets = fixed.state.curlft.packets,
	};
	return true;
}

static bool parse_mapping(const struct nlmsghdr *message, struct xfrm_mapping *ret)
{
	struct xfrm_user_mapping fixed;
	struct xfrm_mapping mapping = { 0 };

	if (!xfrm_get_fixed(message, &fixed, sizeof(fixed)) ||
		!xfrm_state_id_from_kernel(&fixed.id, &mapping.id))
		return false;
	mapping.reqid = fixed.reqid;
	mapping.old_source =
		xfrm_address_from_kernel(fixed.id.family, &fixed.old_saddr, ntohs(fixed.old_sport));
	mapping.new_source =
		xfrm_address_from_kernel(fixed.id.family, &fixed.new_saddr, ntohs(fixed.new_sport));
	*ret = mapping;
	return true;
}

static bool parse_policy_expire(const struct nlmsghdr *message, struct xfrm_policy_expire *ret)
{
	struct nlattr *attributes[XFRM_ATTRIBUTE_MAX + 1];
	struct xfrm_user_polexpire fixed;
	struct xfrm_policy policy;

	if (!xfrm_get_fixed(message, &fixed, sizeof(fixed)) ||
		!xfrm_get_attributes(message, sizeof(fixed), attributes) ||
		!xfrm_policy_from_kernel(&fixed.pol, &policy))
		return false;
	xfrm_get_or_zero(attributes[XFRMA_MARK], &policy.id.mark, sizeof(policy.id.mark));
	xfrm_get_or_zero(attributes[XFRMA_IF_ID], &policy.id.if_id, sizeof(policy.id.if_id));
	*ret = (struct xfrm_policy_expire){
		.policy = policy.id,
		.policy_index = fixed.pol.index,
		.hard = fixed.hard != 0,
	};
	return true;
}

bool xfrm_parse_event(const struct nlmsghdr *message, struct xfrm_event *ret)
{
	switch (message->nlmsg_type) {
	case XFRM_MSG_ACQUIRE:
		if (!parse_acquire(message, &ret->acquire))
			return false;
		ret->kind = XFRM_EVENT_ACQUIRE;
		return true;
	case XFRM_MSG_EXPIRE:
		if (!parse_expire(message, &ret->expire))
			return false;
		ret->kind = XFRM_EVENT_EXPIRE;
		return true;
	case XFRM_MSG_MAPPING:
		if (!parse_mapping(message, &ret->mapping))
			return false;
		ret->kind = XFRM_EVENT_MAPPING;
		return true;
	case XFRM_MSG_POLEXPIRE:
		if (!parse_policy_expire(message, &ret->policy_expire))
			return false;
		ret->kind = XFRM_EVENT_POLICY_EXPIRE;
		return true;
	}
	return false;
}
