/* redirect (RFC 5685): what is asked for is looked at as charon does, and refused; SAs stay where
 * they are. */
#include "charon-lite/control/sa_filter.h"

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

static size_t count(const struct redirect *r, const struct ike_engine *e)
{
	size_t matches = 0;

	for (const struct ike_sa *sa = ike_engine_sa_next(e, NULL); sa;
		sa = ike_engine_sa_next(e, sa))
		matches += is_selected(r, sa);
	return matches;
}

void cl_command_redirect(struct cl_client *c, struct vici_view request)
{
	struct vici_builder b;
	struct redirect r = { 0 };
	struct why why;

	cl_sa_filter_read(request, &r.sas);
	if (!vici_get(request, "gateway").at) {
		cl_client_reply_failure(c, "missing target gateway");
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
	size_t matches = count(&r, cl_client_daemon(c)->engine);
	ike_identity_free(r.id);
	b = cl_client_answer();
	vici_key_bool(&b, "success", false);
	vici_key_format(&b, "matches", "%zu", matches);
	vici_key_text(&b, "errmsg",
		matches > 0 ? "redirect is not supported by this version"
			    : "no matching SAs to redirect found");
	cl_client_reply(c, &b);
}
