/* Dumps in parts, by a socket of their own. */
#include "libxfrm/error_priv.h"
#include "libxfrm/handle_priv.h"

#include <stdlib.h>
#include <string.h>

struct xfrm_listing {
	struct xfrm_handle *handle; /* its own */
	uint32_t sequence;
	int type;
};

struct xfrm_listing *xfrm_listing_of(int type, struct why *why)
{
	struct xfrm_listing *l = calloc(1, sizeof(*l));
	struct nl_msg *request = l ? xfrm_build_dump(type) : NULL;
	bool good = request ? (l->handle = xfrm_open_requests(why)) &&
				      xfrm_exchange_begin(l->handle, request, &l->sequence, why)
			    : why_fail(why, "out of memory");

	xfrm_message_free(request);
	if (l)
		l->type = type;
	if (good)
		return l;
	xfrm_listing_end(l);
	return NULL;
}

bool xfrm_listing_next(struct xfrm_listing *l,
	void (*answer)(void *context, const struct nlmsghdr *message), void *context,
	bool *ret_more, struct why *why)
{
	struct xfrm_error error;
	bool ended;

	*ret_more = false;
	if (!xfrm_exchange_some(l->handle, l->sequence, answer, context, &ended, &error, why))
		return false;
	*ret_more = !ended;
	return !ended || xfrm_error_result(&error, l->type) == XFRM_RESULT_OK ||
	       why_fail(why, "%s", strerror(error.number));
}

void xfrm_listing_end(struct xfrm_listing *l)
{
	if (!l)
		return;
	xfrm_close(l->handle);
	free(l);
}
