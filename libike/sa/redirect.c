/* Where an IKE SA was redirected to (RFC 5685), see redirect.h. */
#include "libike/sa/redirect.h"

#include "libike/names.h"

#include <stdio.h>
#include <stdlib.h>

void ike_redirect_free(struct ike_redirect *r)
{
	if (!r)
		return;
	ike_endpoints_free(&r->gateway);
	free(r);
}

bool ike_sa_is_redirected(const struct ike_sa *sa)
{
	return sa->redirect && sa->redirect->gateway.count > 0;
}

const struct ike_endpoints *ike_sa_remotes(const struct ike_sa *sa)
{
	return ike_sa_is_redirected(sa) ? &sa->redirect->gateway : &sa->connection->remote_addrs;
}

bool ike_redirect_leave(struct ike_sa *sa)
{
	if (!ike_sa_is_redirected(sa))
		return true;
	/* There is where the old one is still, and a command's own place has redirected us. */
	if (sa->reauthenticates || sa->redirect->fixed)
		return false;
	ike_endpoints_free(&sa->redirect->gateway);
	return true;
}

void ike_redirect_arrived(struct ike_sa *sa)
{
	if (sa->redirect)
		ike_endpoints_free(&sa->redirect->gateway);
}

bool ike_redirect_copy(struct ike_engine *e, const struct ike_sa *from, struct ike_sa *to)
{
	struct ike_redirect *r;
	struct why why;

	if (!from->redirect)
		return true;
	r = malloc(sizeof(*r));
	if (!r)
		return false;
	*r = *from->redirect;
	r->gateway = (struct ike_endpoints){ 0 };
	for (size_t i = 0; i < from->redirect->gateway.count; i++) {
		if (!ike_endpoints_add(&r->gateway, from->redirect->gateway.items[i].name, &why) ||
			!ike_names_adopt_list(e, &r->gateway)) {
			ike_redirect_free(r);
			return false;
		}
	}
	ike_redirect_free(to->redirect);
	to->redirect = r;
	return true;
}

const char *ike_redirect_origin(const struct ike_sa *sa, char text[IKE_REDIRECT_ORIGIN_MAX])
{
	char from[ADDRESS_TEXT_MAX];

	text[0] = '\0';
	if (sa->initiator && ike_sa_is_redirected(sa))
		(void)snprintf(text, IKE_REDIRECT_ORIGIN_MAX, " (where %s redirected us to)",
			address_format(&sa->redirect->from, from));
	return text;
}
