/* redirect (RFC 5685): clients are sent to another gateway. */
#include "charon-lite/control/sa_filter.h"

#include <stdio.h>

struct redirect {
	struct cl_sa_filter sas;
	bool has_ip, has_id;
	struct ike_selector ip; /* of the peer */
	struct ike_identity *id;
};

static bool read_peer(struct vici_view request, struct redirect *r, struct why *why)
{
	char room[CL_NAME_MAX];
	const char *text = cl_request_text(request, "peer-ip", room);

	r->has_ip = text != NULL;
	if (text && (!ike_selector_parse(text, &r->ip, why) || r->ip.family == 0))
		return why_fail(why, "invalid peer IP selector");
	text = cl_request_text(request, "peer-id", room);
	r->has_id = text != NULL;
	return !text || (r->id = ike_identity_parse(text, why));
}

static bool is_selected(const struct redirect *r, const struct ike_sa *sa)
{
	const struct ike_selector host = ike_selector_of_host(&sa->remote);

	if (!cl_sa_filter_ike(&r->sas, sa) || (r->has_ip && !ike_selector_contains(&r->ip, &host)))
		return false;
	return !r->has_id || (sa->remote_id && ike_identity_match(sa->remote_id, r->id));
}

/* What became of those that were chosen. */
struct outcome {
	size_t matches, redirected;
	struct why why; /* of the first that cannot be */
};

/* Sending may end an SA, so the next one is looked for afresh. */
static const struct ike_sa *next_after(const struct ike_engine *e, uint32_t id)
{
	const struct ike_sa *sa = ike_engine_sa_find(e, id);

	if (sa)
		return ike_engine_sa_next(e, sa);
	for (sa = ike_engine_sa_next(e, NULL); sa && sa->unique_id <= id;)
		sa = ike_engine_sa_next(e, sa);
	return sa;
}

static struct outcome redirect(struct cl_daemon *d, const struct redirect *r, const char *gateway)
{
	struct outcome o = { 0 };
	struct why why;

	for (const struct ike_sa *sa = ike_engine_sa_next(d->engine, NULL); sa;) {
		uint32_t id = sa->unique_id;

		if (is_selected(r, sa)) {
			bool done =
				ike_engine_redirect(d->engine, cl_daemon_now(), id, gateway, &why);

			o.matches++;
			o.redirected += done;
			if (!done && o.matches - o.redirected == 1)
				o.why = why;
		}
		sa = next_after(d->engine, id);
	}
	return o;
}

static void answer(struct cl_client *c, const struct outcome *o)
{
	struct vici_builder b = cl_client_answer();
	char text[sizeof(o->why.text) + 100];

	vici_key_bool(&b, "success", o->redirected > 0);
	vici_key_format(&b, "matches", "%zu", o->matches);
	if (o->matches == 0) {
		vici_key_text(&b, "errmsg", "no matching SAs to redirect found");
	} else if (o->redirected < o->matches) {
		(void)snprintf(text, sizeof(text), "%zu of %zu IKE_SAs are not redirected: %s",
			o->matches - o->redirected, o->matches, o->why.text);
		vici_key_text(&b, "errmsg", text);
	}
	cl_client_reply(c, &b);
}

void cl_command_redirect(struct cl_client *c, struct vici_view request)
{
	struct redirect r = { 0 };
	char room[CL_NAME_MAX];
	struct why why;
	const char *gateway;

	cl_sa_filter_read(request, &r.sas);
	if (!vici_get(request, "gateway").at) {
		cl_client_reply_failure(c, "missing target gateway");
		return;
	}
	gateway = cl_request_text(request, "gateway", room);
	if (!gateway || !ike_engine_is_gateway(gateway, &why)) {
		cl_client_reply_failure(c, "unsupported gateway identity");
		return;
	}
	if (!read_peer(request, &r, &why)) {
		cl_client_reply_failure(c, "%s", why.text);
		return;
	}
	if (!r.sas.has_ike && !r.sas.has_ike_id && !r.has_ip && !r.has_id) {
		cl_client_reply_failure(c, "missing redirect selector");
		return;
	}
	struct outcome o = redirect(cl_client_daemon(c), &r, gateway);
	ike_identity_free(r.id);
	answer(c, &o);
}
