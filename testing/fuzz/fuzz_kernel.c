/* Raw netlink octets, as the kernel would answer or tell, through every parser of libxfrm. */
#include "libxfrm/message.h"

#include <netlink/msg.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is parsed must fit a message again; names and keys are read on the way. */
static void rebuild_state(const struct xfrm_state *state, const struct xfrm_state_status *status)
{
	xfrm_message_free(xfrm_build_state(XFRM_MSG_NEWSA, state, status));
	xfrm_message_free(xfrm_build_state_id(XFRM_MSG_DELSA, &state->id));
}

static void parse_all(const struct nlmsghdr *message)
{
	struct xfrm_state state;
	struct xfrm_state_status state_status;
	struct xfrm_policy policy;
	struct xfrm_policy_status policy_status;
	struct xfrm_event event;
	struct xfrm_error error;
	char text[XFRM_TRAFFIC_TEXT_MAX];

	if (xfrm_parse_state(message, &state, &state_status))
		rebuild_state(&state, &state_status);
	if (xfrm_parse_policy(message, &policy, &policy_status)) {
		xfrm_message_free(xfrm_build_policy(XFRM_MSG_UPDPOLICY, &policy, 5));
		xfrm_traffic_selector_format(&policy.id.selector, text);
		xfrm_policy_priority(XFRM_CLASS_CHILD, &policy.id.selector);
	}
	if (xfrm_parse_event(message, &event) && event.kind == XFRM_EVENT_ACQUIRE)
		xfrm_traffic_selector_format(&event.acquire.selector, text);
	if (xfrm_parse_error(message, &error))
		xfrm_attribute_at(message, error.offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a copy of exactly that size, aligned as a receive buffer is */
	uint8_t *copy = malloc(size ? size : 1);
	struct nlmsghdr *message = (struct nlmsghdr *)copy;
	int left = (int)size;

	if (!copy)
		return 0;
	bytes_copy(copy, bytes_of(data, size));
	for (; nlmsg_ok(message, left); message = nlmsg_next(message, &left))
		parse_all(message);
	free(copy);
	return 0;
}
