/* What the kernel answered, in words. */
#include "libxfrm/convert_priv.h"
#include "libxfrm/error_priv.h"

#include <errno.h>
#include <stdio.h>

static const char *const attribute_names[XFRM_ATTRIBUTE_MAX + 1] = {
	[XFRMA_ALG_AUTH] = "XFRMA_ALG_AUTH",
	[XFRMA_ALG_CRYPT] = "XFRMA_ALG_CRYPT",
	[XFRMA_ALG_COMP] = "XFRMA_ALG_COMP",
	[XFRMA_ENCAP] = "XFRMA_ENCAP",
	[XFRMA_TMPL] = "XFRMA_TMPL",
	[XFRMA_LTIME_VAL] = "XFRMA_LTIME_VAL",
	[XFRMA_REPLAY_VAL] = "XFRMA_REPLAY_VAL",
	[XFRMA_SRCADDR] = "XFRMA_SRCADDR",
	[XFRMA_ALG_AEAD] = "XFRMA_ALG_AEAD",
	[XFRMA_ALG_AUTH_TRUNC] = "XFRMA_ALG_AUTH_TRUNC",
	[XFRMA_MARK] = "XFRMA_MARK",
	[XFRMA_TFCPAD] = "XFRMA_TFCPAD",
	[XFRMA_REPLAY_ESN_VAL] = "XFRMA_REPLAY_ESN_VAL",
	[XFRMA_SA_EXTRA_FLAGS] = "XFRMA_SA_EXTRA_FLAGS",
	[XFRMA_OFFLOAD_DEV] = "XFRMA_OFFLOAD_DEV",
	[XFRMA_SET_MARK] = "XFRMA_SET_MARK",
	[XFRMA_SET_MARK_MASK] = "XFRMA_SET_MARK_MASK",
	[XFRMA_IF_ID] = "XFRMA_IF_ID",
	[XFRM_ATTRIBUTE_DIRECTION] = "XFRMA_SA_DIR",
	[XFRM_ATTRIBUTE_PROCESSOR] = "XFRMA_SA_PCPU",
};

char *xfrm_attribute_format(unsigned attribute, char text[XFRM_ATTRIBUTE_TEXT_MAX])
{
	if (attribute <= XFRM_ATTRIBUTE_MAX && attribute_names[attribute])
		snprintf(text, XFRM_ATTRIBUTE_TEXT_MAX, "%s", attribute_names[attribute]);
	else
		snprintf(text, XFRM_ATTRIBUTE_TEXT_MAX, "XFRMA_%u", attribute);
	return text;
}

/* Octets of the fixed part of our requests. */
static size_t request_fixed(uint16_t type)
{
	switch (type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		return sizeof(struct xfrm_usersa_info);
	case XFRM_MSG_DELSA:
	case XFRM_MSG_GETSA:
		return sizeof(struct xfrm_usersa_id);
	case XFRM_MSG_ALLOCSPI:
		return sizeof(struct xfrm_userspi_info);
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		return sizeof(struct xfrm_userpolicy_info);
	default:
		return sizeof(struct xfrm_userpolicy_id);
	}
}

unsigned xfrm_attribute_at(const struct nlmsghdr *request, uint32_t offset)
{
	struct nlattr *attribute;
	int left;

	if (!nlmsg_valid_hdr(request, (int)request_fixed(request->nlmsg_type)))
		return 0;
	nlmsg_for_each_attr(attribute, (struct nlmsghdr *)request,
		(int)request_fixed(request->nlmsg_type), left)
	{
		size_t start = (size_t)((uint8_t *)attribute - (const uint8_t *)request);

		if (offset >= start && offset < start + attribute->nla_len)
			return (unsigned)nla_type(attribute);
	}
	return 0;
}

static void read_extended(const uint8_t *at, size_t length, struct xfrm_error *ret)
{
	static const struct nla_policy policy[NLMSGERR_ATTR_MISS_TYPE + 1] = {
		[NLMSGERR_ATTR_OFFS] = { .type = NLA_U32 },
		[NLMSGERR_ATTR_MISS_TYPE] = { .type = NLA_U32 },
	};
	struct nlattr *attributes[NLMSGERR_ATTR_MISS_TYPE + 1];

	if (nla_parse(attributes, NLMSGERR_ATTR_MISS_TYPE, (struct nlattr *)at, (int)length,
		    policy) < 0)
		return;
	if (attributes[NLMSGERR_ATTR_MSG]) {
		const struct nlattr *words = attributes[NLMSGERR_ATTR_MSG];
		snprintf(ret->text, sizeof(ret->text), "%.*s", nla_len(words),
			(const char *)nla_data(words));
	}
	if (attributes[NLMSGERR_ATTR_OFFS])
		ret->offset = nla_get_u32(attributes[NLMSGERR_ATTR_OFFS]);
	if (attributes[NLMSGERR_ATTR_MISS_TYPE])
		ret->attribute = (uint16_t)nla_get_u32(attributes[NLMSGERR_ATTR_MISS_TYPE]);
}

bool xfrm_parse_error(const struct nlmsghdr *message, struct xfrm_error *ret)
{
	struct xfrm_error error = { 0 };
	int32_t number;
	size_t skip = sizeof(number);

	if ((message->nlmsg_type != NLMSG_ERROR && message->nlmsg_type != NLMSG_DONE) ||
		!xfrm_get_fixed(message, &number, sizeof(number)))
		return false;
	size_t length = message->nlmsg_len - NLMSG_HDRLEN;
	if (message->nlmsg_type == NLMSG_ERROR) {
		struct nlmsghdr request;

		if (length < sizeof(number) + sizeof(request))
			return false;
		memcpy(&request, (uint8_t *)nlmsg_data(message) + sizeof(number), sizeof(request));
		skip += sizeof(request);
		/* unless capped, the request itself lies before the extended part */
		if (!(message->nlmsg_flags & NLM_F_CAPPED) && request.nlmsg_len > sizeof(request) &&
			request.nlmsg_len <= length)
			skip += NLMSG_ALIGN(request.nlmsg_len - sizeof(request));
	}
	if (number > 0 || number == INT32_MIN)
		return false;
	error.number = -number;
	if ((message->nlmsg_flags & NLM_F_ACK_TLVS) && skip < length)
		read_extended((uint8_t *)nlmsg_data(message) + skip, length - skip, &error);
	*ret = error;
	return true;
}

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_ESP:
		return "ESP";
	case IPPROTO_AH:
		return "AH";
	case IPPROTO_COMP:
		return "IPCOMP";
	}
	return "IPsec";
}

static const char *protocol_module(uint8_t protocol, bool ipv6)
{
	switch (protocol) {
	case IPPROTO_ESP:
		return ipv6 ? "esp6" : "esp4";
	case IPPROTO_AH:
		return ipv6 ? "ah6" : "ah4";
	case IPPROTO_COMP:
		return ipv6 ? "ipcomp6" : "ipcomp";
	}
	return "unknown";
}

static void algorithms_format(const struct xfrm_state *state, char *text, size_t capacity)
{
	const struct {
		const char *kind;
		const struct xfrm_algorithm *algorithm;
	} all[] = {
		{ "AEAD", &state->aead },
		{ "encryption", &state->encryption },
		{ "integrity", &state->integrity },
		{ "compression", &state->compression },
	};
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && length < capacity; i++)
		if (all[i].algorithm->name)
			length += (size_t)snprintf(text + length, capacity - length,
				"%s%s %s with a key of %zu bits", length ? ", " : "", all[i].kind,
				all[i].algorithm->name, all[i].algorithm->key.length * 8);
}

/*
 * Algorithms have the names of the templates and ciphers that they are made of, and modules aliases
 * by those: "rfc4106(gcm(aes))" is of crypto-rfc4106, crypto-gcm and crypto-aes.
 */
static void algorithm_modules(const char *name, char *text, size_t capacity)
{
	while (name && *name) {
		size_t part = strcspn(name, "(),"), length = strlen(text);

		if (part > 0 && length < capacity)
			snprintf(text + length, capacity - length, "%scrypto-%.*s",
				length ? " " : "", (int)part, name);
		name += part + (name[part] != '\0');
	}
}

/* What ESP combines them with is among them. */
static void modules_of(const struct xfrm_state *state, char *text, size_t capacity)
{
	text[0] = '\0';
	algorithm_modules(state->aead.name, text, capacity);
	algorithm_modules(state->encryption.name, text, capacity);
	algorithm_modules(state->integrity.name, text, capacity);
	if (state->aead.name)
		algorithm_modules("seqiv", text, capacity);
	else if (state->encryption.name && state->integrity.name)
		algorithm_modules("authenc,echainiv", text, capacity);
	algorithm_modules(state->compression.name, text, capacity);
}

/* The kernel modules whose lack an errno shows; empty: it shows no such thing. */
static void lack_of(
	const struct xfrm_error *error, const struct xfrm_state *state, char *text, size_t capacity)
{
	text[0] = '\0';
	if (error->number == EPROTONOSUPPORT || error->number == EAFNOSUPPORT)
		snprintf(text, capacity, "%s",
			protocol_module(
				state->id.protocol, state->id.destination.family == AF_INET6));
	else if (error->number == ENOSYS || error->number == ENOENT)
		modules_of(state, text, capacity);
}

/* What an errno means for the state that was to be installed; empty when nothing is known. */
static void hint_format(
	const struct xfrm_error *error, const struct xfrm_state *state, char *text, size_t capacity)
{
	char algorithms[256];
	bool ipv6 = state->id.destination.family == AF_INET6;

	text[0] = '\0';
	algorithms_format(state, algorithms, sizeof(algorithms));
	switch (error->number) {
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		snprintf(text, capacity, "the kernel lacks %s for %s (module %s)",
			protocol_name(state->id.protocol), ipv6 ? "IPv6" : "IPv4",
			protocol_module(state->id.protocol, ipv6));
		break;
	case ENOSYS:
	case ENOENT:
		snprintf(text, capacity, "the kernel lacks an algorithm (%s)", algorithms);
		break;
	case EINVAL:
		snprintf(text, capacity, "the kernel finds something invalid (%s)", algorithms);
		break;
	}
}

enum xfrm_result xfrm_error_result(const struct xfrm_error *error, uint16_t request_type)
{
	switch (error->number) {
	case 0:
		return XFRM_RESULT_OK;
	case EEXIST:
		return XFRM_RESULT_EXISTS;
	case ESRCH:
		return XFRM_RESULT_NOT_FOUND;
	case ENOENT: /* a policy that is not there; for a state, an algorithm that is not there */
		return request_type == XFRM_MSG_GETPOLICY || request_type == XFRM_MSG_DELPOLICY
			       ? XFRM_RESULT_NOT_FOUND
			       : XFRM_RESULT_FAILED;
	}
	return XFRM_RESULT_FAILED;
}

void xfrm_error_explain(const struct xfrm_error *error, const struct nlmsghdr *request,
	const struct xfrm_state *state, struct why *why)
{
	char hint[384] = "", attribute[XFRM_ATTRIBUTE_TEXT_MAX] = "", modules[128] = "";
	unsigned disliked = error->attribute;
	enum xfrm_result result = xfrm_error_result(error, request->nlmsg_type);

	if (error->number == EPERM)
		snprintf(hint, sizeof(hint), "not permitted (CAP_NET_ADMIN is missing)");
	else if (result == XFRM_RESULT_NOT_FOUND)
		snprintf(hint, sizeof(hint), "the kernel has none such");
	else if (result == XFRM_RESULT_EXISTS)
		snprintf(hint, sizeof(hint), "the kernel has one already");
	else if (state)
		hint_format(error, state, hint, sizeof(hint));
	if (state)
		lack_of(error, state, modules, sizeof(modules));
	if (hint[0] == '\0')
		snprintf(hint, sizeof(hint), "%s", strerror(error->number));
	if (!disliked && error->offset)
		disliked = xfrm_attribute_at(request, error->offset);
	if (disliked)
		xfrm_attribute_format(disliked, attribute);
	why_fail(why, "%s%s%s%s%s", hint, error->text[0] ? ": " : "", error->text,
		disliked ? (error->attribute ? ", missing " : ", at ") : "", attribute);
	why_set_modules(why, modules);
}

void xfrm_state_id_format(const struct xfrm_state_id *id, char text[XFRM_STATE_TEXT_MAX])
{
	char destination[ADDRESS_TEXT_MAX];

	snprintf(text, XFRM_STATE_TEXT_MAX, "%s state %08x to %s", protocol_name(id->protocol),
		id->spi, address_format(&id->destination, destination));
}

void xfrm_policy_id_format(const struct xfrm_policy_id *id, char text[XFRM_POLICY_TEXT_MAX])
{
	static const char *const directions[] = { "in", "out", "fwd" };
	char selector[XFRM_TRAFFIC_TEXT_MAX];

	snprintf(text, XFRM_POLICY_TEXT_MAX, "policy %s %s",
		xfrm_traffic_selector_format(&id->selector, selector),
		id->direction < XFRM_POLICY_MAX ? directions[id->direction] : "?");
}
