#include "libxfrm/convert_priv.h"

#include "libxfrm/message.h"

#include "libbase/secret.h"

#include <arpa/inet.h>
#include <stdio.h>

const struct nla_policy xfrm_attribute_policy[XFRM_ATTRIBUTE_MAX + 1] = {
	[XFRMA_ALG_AUTH] = { .minlen = sizeof(struct xfrm_algo) },
	[XFRMA_ALG_CRYPT] = { .minlen = sizeof(struct xfrm_algo) },
	[XFRMA_ALG_COMP] = { .minlen = sizeof(struct xfrm_algo) },
	[XFRMA_ALG_AEAD] = { .minlen = sizeof(struct xfrm_algo_aead) },
	[XFRMA_ALG_AUTH_TRUNC] = { .minlen = sizeof(struct xfrm_algo_auth) },
	[XFRMA_ENCAP] = { .minlen = sizeof(struct xfrm_encap_tmpl) },
	[XFRMA_TMPL] = { .minlen = sizeof(struct xfrm_user_tmpl) },
	[XFRMA_LTIME_VAL] = { .minlen = sizeof(struct xfrm_lifetime_cur) },
	[XFRMA_REPLAY_VAL] = { .minlen = sizeof(struct xfrm_replay_state) },
	[XFRMA_REPLAY_ESN_VAL] = { .minlen = sizeof(struct xfrm_replay_state_esn) },
	[XFRMA_LASTUSED] = { .minlen = sizeof(uint64_t) },
	[XFRMA_MARK] = { .minlen = sizeof(struct xfrm_mark) },
	[XFRMA_TFCPAD] = { .minlen = sizeof(uint32_t) },
	[XFRMA_SA_EXTRA_FLAGS] = { .minlen = sizeof(uint32_t) },
	[XFRMA_OFFLOAD_DEV] = { .minlen = sizeof(struct xfrm_user_offload) },
	[XFRMA_SET_MARK] = { .minlen = sizeof(uint32_t) },
	[XFRMA_SET_MARK_MASK] = { .minlen = sizeof(uint32_t) },
	[XFRMA_IF_ID] = { .minlen = sizeof(uint32_t) },
	[XFRM_ATTRIBUTE_DIRECTION] = { .minlen = sizeof(uint8_t) },
	[XFRM_ATTRIBUTE_PROCESSOR] = { .minlen = sizeof(uint32_t) },
};

void xfrm_address_to_kernel(const struct address *from, xfrm_address_t *ret)
{
	memset(ret, 0, sizeof(*ret));
	bytes_copy(ret, address_octets(from));
}

struct address xfrm_address_from_kernel(uint16_t family, const xfrm_address_t *from, uint16_t port)
{
	struct address result = { .family = family };
	size_t size = address_size(&result);

	if (size == 0)
		return (struct address){ 0 };
	memcpy(result.octets, from, size);
	result.port = port;
	return result;
}

void xfrm_selector_to_kernel(const struct xfrm_traffic_selector *from, struct xfrm_selector *ret)
{
	memset(ret, 0,
		sizeof(*ret)); /* padding included: these are compared and hashed as octets */
	ret->family = from->source.family;
	ret->prefixlen_s = from->source_prefix;
	ret->prefixlen_d = from->destination_prefix;
	ret->proto = from->protocol;
	ret->sport = htons(from->source.port);
	ret->sport_mask = htons(from->source_port_mask);
	ret->dport = htons(from->destination.port);
	ret->dport_mask = htons(from->destination_port_mask);
	ret->ifindex = (int)from->interface;
	xfrm_address_to_kernel(&from->source, &ret->saddr);
	xfrm_address_to_kernel(&from->destination, &ret->daddr);
}

bool xfrm_selector_from_kernel(const struct xfrm_selector *from, struct xfrm_traffic_selector *ret)
{
	if (from->family == AF_UNSPEC) { /* larval states have something in the other fields */
		*ret = (struct xfrm_traffic_selector){ 0 };
		return true;
	}
	struct xfrm_traffic_selector s = {
		.source = xfrm_address_from_kernel(from->family, &from->saddr, ntohs(from->sport)),
		.destination =
			xfrm_address_from_kernel(from->family, &from->daddr, ntohs(from->dport)),
		.source_prefix = from->prefixlen_s,
		.destination_prefix = from->prefixlen_d,
		.protocol = from->proto,
		.source_port_mask = ntohs(from->sport_mask),
		.destination_port_mask = ntohs(from->dport_mask),
		.interface = (uint32_t)from->ifindex,
	};
	size_t bits = 8 * address_size(&s.source);

	if (bits == 0 || s.source_prefix > bits || s.destination_prefix > bits)
		return false;
	*ret = s;
	return true;
}

bool xfrm_traffic_selector_equal(
	const struct xfrm_traffic_selector *a, const struct xfrm_traffic_selector *b)
{
	return address_equal(&a->source, &b->source) &&
	       address_equal(&a->destination, &b->destination) &&
	       a->source_prefix == b->source_prefix &&
	       a->destination_prefix == b->destination_prefix && a->protocol == b->protocol &&
	       a->source_port_mask == b->source_port_mask &&
	       a->destination_port_mask == b->destination_port_mask && a->interface == b->interface;
}

char *xfrm_traffic_selector_format(
	const struct xfrm_traffic_selector *selector, char text[XFRM_TRAFFIC_TEXT_MAX])
{
	char source[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX];
	int length = snprintf(text, XFRM_TRAFFIC_TEXT_MAX, "%s/%u === %s/%u",
		address_format(&selector->source, source), selector->source_prefix,
		address_format(&selector->destination, destination), selector->destination_prefix);

	if (selector->protocol != 0)
		length += snprintf(text + length, XFRM_TRAFFIC_TEXT_MAX - (size_t)length,
			" protocol %u", selector->protocol);
	if ((selector->source_port_mask | selector->destination_port_mask) != 0)
		snprintf(text + length, XFRM_TRAFFIC_TEXT_MAX - (size_t)length,
			" ports %u/%u %u/%u", selector->source.port, selector->source_port_mask,
			selector->destination.port, selector->destination_port_mask);
	return text;
}

void xfrm_state_id_to_kernel(const struct xfrm_state_id *from, struct xfrm_usersa_id *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->spi = htonl(from->spi);
	ret->family = from->destination.family;
	ret->proto = from->protocol;
	xfrm_address_to_kernel(&from->destination, &ret->daddr);
}

bool xfrm_state_id_from_kernel(const struct xfrm_usersa_id *from, struct xfrm_state_id *ret)
{
	struct address destination = xfrm_address_from_kernel(from->family, &from->daddr, 0);

	if (destination.family == 0)
		return false;
	*ret = (struct xfrm_state_id){
		.destination = destination,
		.spi = ntohl(from->spi),
		.protocol = from->proto,
	};
	return true;
}

void xfrm_policy_id_to_kernel(const struct xfrm_policy_id *from, struct xfrm_userpolicy_id *ret)
{
	memset(ret, 0, sizeof(*ret));
	xfrm_selector_to_kernel(&from->selector, &ret->sel);
	ret->dir = from->direction;
}

struct nl_msg *xfrm_request_new(int type, const void *fixed, size_t length)
{
	struct nl_msg *message = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK);

	if (message && nlmsg_append(message, (void *)fixed, length, NLMSG_ALIGNTO) < 0) {
		xfrm_message_free(message);
		return NULL;
	}
	return message;
}

struct nl_msg *xfrm_request_finish(struct nl_msg *message, bool complete)
{
	if (complete)
		return message;
	xfrm_message_free(message);
	return NULL;
}

void xfrm_message_free(struct nl_msg *message)
{
	if (!message)
		return;
	secret_wipe(nlmsg_hdr(message), nlmsg_get_max_size(message));
	nlmsg_free(message);
}

bool xfrm_put_unless_zero(struct nl_msg *message, int attribute, const void *value, size_t length)
{
	static const uint8_t zero[sizeof(struct xfrm_user_offload)];

	if (length <= sizeof(zero) && memcmp(value, zero, length) == 0)
		return true;
	return nla_put(message, attribute, (int)length, value) == 0;
}

void xfrm_get_or_zero(const struct nlattr *attribute, void *ret, size_t length)
{
	if (attribute && (size_t)nla_len(attribute) >= length)
		memcpy(ret, nla_data(attribute), length);
	else
		memset(ret, 0, length);
}

bool xfrm_get_fixed(const struct nlmsghdr *message, void *ret, size_t length)
{
	if (!nlmsg_valid_hdr(message, (int)length))
		return false;
	memcpy(ret, nlmsg_data(message), length);
	return true;
}

bool xfrm_get_attributes(
	const struct nlmsghdr *message, size_t fixed, struct nlattr *ret[XFRM_ATTRIBUTE_MAX + 1])
{
	return nlmsg_parse((struct nlmsghdr *)message, (int)fixed, ret, XFRM_ATTRIBUTE_MAX,
		       xfrm_attribute_policy) == 0;
}

struct xfrm_processor xfrm_processor_get(const struct nlattr *attribute)
{
	struct xfrm_processor processor = { .one = attribute != NULL };

	xfrm_get_or_zero(attribute, &processor.number, sizeof(processor.number));
	if (processor.number == UINT32_MAX) /* the kernel's word for any */
		return (struct xfrm_processor){ 0 };
	return processor;
}
