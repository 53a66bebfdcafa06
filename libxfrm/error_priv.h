/*
 * Errors of the kernel as sentences, and how states and policies are called in them.
 */
#ifndef LIBXFRM_ERROR_PRIV_H
#define LIBXFRM_ERROR_PRIV_H

#include "libxfrm/message.h"

enum xfrm_result xfrm_error_result(const struct xfrm_error *error, uint16_t request_type);

/* What an error means. state: the one that was to be installed, NULL for other requests. */
void xfrm_error_explain(const struct xfrm_error *error, const struct nlmsghdr *request,
	const struct xfrm_state *state, struct why *why);

#define XFRM_STATE_TEXT_MAX (ADDRESS_TEXT_MAX + 32) /* "ESP state c0000001 to 192.0.2.1" */
void xfrm_state_id_format(const struct xfrm_state_id *id, char text[XFRM_STATE_TEXT_MAX]);

#define XFRM_POLICY_TEXT_MAX (XFRM_TRAFFIC_TEXT_MAX + 16) /* "policy ... === ... out" */
void xfrm_policy_id_format(const struct xfrm_policy_id *id, char text[XFRM_POLICY_TEXT_MAX]);

#endif
