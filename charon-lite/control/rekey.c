/* rekey: IKE SAs or child SAs by name or number. It begins, and answers at once. */
#include "charon-lite/control/sa_filter.h"

static void log_request(struct cl_daemon *d, const struct cl_sa_filter *filter)
{
	if (filter->has_ike_id)
		cl_log_text(
			d->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici rekey IKE_SA #%u", filter->ike_id);
	if (filter->has_child_id)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici rekey CHILD_SA #%u",
			filter->child_id);
	if (filter->has_ike)
		cl_log_text(
			d->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici rekey IKE_SA '%s'", filter->ike);
	if (filter->has_child)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici rekey CHILD_SA '%s'",
			filter->child);
}

void cl_command_rekey(struct cl_client *c, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);
	struct cl_sa_filter filter;
	struct vici_builder b;
	size_t matches = 0;
	struct why why;

	cl_sa_filter_read(request, &filter);
	if (!filter.has_ike && !filter.has_child && !filter.has_ike_id && !filter.has_child_id) {
		cl_client_reply_failure(c, "missing rekey selector");
		return;
	}
	log_request(d, &filter);
	const struct ike_rekey what = {
		.ike = filter.has_ike ? filter.ike : NULL,
		.child = filter.has_child ? filter.child : NULL,
		.ike_id = filter.has_ike_id ? filter.ike_id : 0,
		.child_id = filter.has_child_id ? filter.child_id : 0,
		.reauth = cl_request_bool(request, "reauth"),
	};
	bool begun = ike_engine_rekey(d->engine, cl_daemon_now(), &what, &matches, &why);
	b = cl_client_answer();
	vici_key_bool(&b, "success", begun);
	vici_key_format(&b, "matches", "%zu", matches);
	if (!begun)
		vici_key_text(&b, "errmsg", "no matching SAs to rekey found");
	cl_client_reply(c, &b);
	cl_daemon_rearm(d);
}
