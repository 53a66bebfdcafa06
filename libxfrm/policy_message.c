/* The messages about policies. */
#include "libxfrm/convert_priv.h"
#include "libxfrm/message.h"

#include <arpa/inet.h>

/* Our mark, see xfrm.h; the kernel wants the direction in the lowest three bits. */
#define OWNER_INDEX 0x6c000000u
#define NUMBER_MASK 0x1fffffu

static void template_to_kernel(
	const struct xfrm_template *from, uint16_t family, struct xfrm_user_tmpl *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->id.spi = htonl(from->spi);
	ret->id.proto = from->protocol;
	ret->family = from->destination.family ? from->destination.family : family;
	ret->reqid = from->reqid;
	ret->mode = from->mode;
	ret->share = XFRM_SHARE_ANY;
	ret->optional = from->optional;
	/* any algorithm: the state, not the policy, says which */
	ret->aalgos = ret->ealgos = ret->calgos = UINT32_MAX;
	xfrm_address_to_kernel(&from->source, &ret->saddr);
	xfrm_address_to_kernel(&from->destination, &ret->id.daddr);
}

static struct xfrm_template template_from_kernel(const struct xfrm_user_tmpl *from)
{
	struct xfrm_template result = {
		.source = xfrm_address_from_kernel(from->family, &from->saddr, 0),
		.destination = xfrm_address_from_kernel(from->family, &from->id.daddr, 0),
		.spi = ntohl(from->id.spi),
		.protocol = from->id.proto,
		.mode = from->mode,
		.reqid = from->reqid,
		.optional = from->optional != 0,
	};

	/* without a tunnel there are no endpoints, only a family */
	if (result.mode == XFRM_MODE_TRANSPORT && address_is_any(&result.source) &&
		address_is_any(&result.destination))
		result.source = result.destination = (struct address){ 0 };
	return result;
}

static bool templates_put(struct nl_msg *message, const struct xfrm_policy *policy)
{
	struct xfrm_user_tmpl templates[XFRM_TEMPLATES_MAX];

	if (policy->template_count > XFRM_TEMPLATES_MAX)
		return false;
	for (unsigned i = 0; i < policy->template_count; i++)
		template_to_kernel(
			&policy->templates[i], policy->id.selector.source.family, &templates[i]);
	return policy->template_count == 0 ||
	       nla_put(message, XFRMA_TMPL, (int)(policy->template_count * sizeof(templates[0])),
		       templates) == 0;
}

static bool templates_get(const struct nlattr *attribute, struct xfrm_policy *ret)
{
	struct reader r = { 0 };

	if (attribute)
		r = reader_of(bytes_of(nla_data(attribute), (size_t)nla_len(attribute)));
	while (reader_more(&r)) {
		struct xfrm_user_tmpl template;
		struct bytes part = reader_bytes(&r, sizeof(template));

		if (part.length == 0 || ret->template_count == XFRM_TEMPLATES_MAX)
			return false;
		bytes_copy(&template, part);
		ret->templates[ret->template_count++] = template_from_kernel(&template);
	}
	return true;
}

static bool extras_put(struct nl_msg *message, const struct xfrm_policy_id *id)
{
	return xfrm_put_unless_zero(message, XFRMA_MARK, &id->mark, sizeof(id->mark)) &&
	       xfrm_put_unless_zero(message, XFRMA_IF_ID, &id->if_id, sizeof(id->if_id));
}

static bool offload_put(struct nl_msg *message, const struct xfrm_policy *policy)
{
	struct xfrm_user_offload offload;

	memset(&offload, 0, sizeof(offload));
	offload.ifindex = (int)policy->offload_interface;
	offload.flags = policy->offload_flags;
	return policy->offload_interface == 0 ||
	       nla_put(message, XFRMA_OFFLOAD_DEV, sizeof(offload), &offload) == 0;
}

uint32_t xfrm_policy_number(uint32_t index)
{
	return index >> 3 & NUMBER_MASK;
}

struct nl_msg *xfrm_build_policy(int type, const struct xfrm_policy *policy, uint32_t number)
{
	struct xfrm_userpolicy_info info;

	memset(&info, 0, sizeof(info));
	xfrm_selector_to_kernel(&policy->id.selector, &info.sel);
	info.lft.soft_byte_limit = info.lft.hard_byte_limit = XFRM_INF;
	info.lft.soft_packet_limit = info.lft.hard_packet_limit = XFRM_INF;
	info.priority = policy->priority;
	info.index = OWNER_INDEX | (number & NUMBER_MASK) << 3 | policy->id.direction;
	info.dir = policy->id.direction;
	info.action = policy->action;
	info.flags = policy->flags;
	info.share = XFRM_SHARE_ANY;
	struct nl_msg *message = xfrm_request_new(type, &info, sizeof(info));
	return xfrm_request_finish(message, message && templates_put(message, policy) &&
						    extras_put(message, &policy->id) &&
						    offload_put(message, policy));
}

struct nl_msg *xfrm_build_policy_id(int type, const struct xfrm_policy_id *id)
{
	struct xfrm_userpolicy_id fixed;

	xfrm_policy_id_to_kernel(id, &fixed);
	struct nl_msg *message = xfrm_request_new(type, &fixed, sizeof(fixed));
	return xfrm_request_finish(message, message && extras_put(message, id));
}

struct nl_msg *xfrm_build_dump(int type)
{
	return nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
}

bool xfrm_policy_from_kernel(const struct xfrm_userpolicy_info *info, struct xfrm_policy *ret)
{
	struct xfrm_policy policy = {
		.id.direction = info->dir,
		.action = info->action,
		.flags = info->flags,
		.priority = info->priority,
	};

	/* directions from 3 up are sockets' own policies */
	if (info->dir >= XFRM_POLICY_MAX ||
		!xfrm_selector_from_kernel(&info->sel, &policy.id.selector))
		return false;
	*ret = policy;
	return true;
}

bool xfrm_parse_policy(const struct nlmsghdr *message, struct xfrm_policy *ret_policy,
	struct xfrm_policy_status *ret_status)
{
	struct nlattr *attributes[XFRM_ATTRIBUTE_MAX + 1];
	struct xfrm_userpolicy_info info;
	struct xfrm_user_offload offload;
	struct xfrm_policy policy;

	if ((message->nlmsg_type != XFRM_MSG_NEWPOLICY &&
		    message->nlmsg_type != XFRM_MSG_UPDPOLICY) ||
		!xfrm_get_fixed(message, &info, sizeof(info)) ||
		!xfrm_get_attributes(message, sizeof(info), attributes) ||
		!xfrm_policy_from_kernel(&info, &policy) ||
		!templates_get(attributes[XFRMA_TMPL], &policy))
		return false;
	xfrm_get_or_zero(attributes[XFRMA_MARK], &policy.id.mark, sizeof(policy.id.mark));
	xfrm_get_or_zero(attributes[XFRMA_IF_ID], &policy.id.if_id, sizeof(policy.id.if_id));
	xfrm_get_or_zero(attributes[XFRMA_OFFLOAD_DEV], &offload, sizeof(offload));
	policy.offload_interface = (uint32_t)offload.ifindex;
	policy.offload_flags = offload.flags;
	*ret_policy = policy;
	*ret_status = (struct xfrm_policy_status){
		.ours = (info.index & 0xff000000u) == OWNER_INDEX,
		.index = info.index,
		.added = info.curlft.add_time,
		.last_used = info.curlft.use_time,
	};
	return true;
}
