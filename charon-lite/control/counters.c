/* get-counters and reset-counters: messages counted, of all or by connection. */
#include "charon-lite/control/command.h"

#include <inttypes.h>

/* name NULL: of all. False when nothing was counted for it. */
static bool put_counters(struct vici_builder *b, const struct ike_engine *e, const char *name)
{
	const uint64_t *values = ike_engine_counters(e, name);

	if (!values)
		return false;
	vici_section_start(b, name ? name : "");
	for (unsigned i = 0; i < IKE_COUNTERS; i++)
		vici_key_format(b, ike_counter_name((enum ike_counter)i), "%" PRIu64, values[i]);
	vici_section_end(b);
	return true;
}

void cl_command_get_counters(struct cl_client *c, struct vici_view request)
{
	const struct ike_engine *e = cl_client_daemon(c)->engine;
	struct vici_builder b = cl_client_answer();
	char room[CL_NAME_MAX];
	const char *name = cl_request_text(request, "name", room);
	bool found = true;

	vici_section_start(&b, "counters");
	if (cl_request_bool(request, "all")) {
		for (size_t i = 0; (name = ike_engine_counters_name(e, i)); i++)
			put_counters(&b, e, name);
	} else {
		found = put_counters(&b, e, name);
	}
	vici_section_end(&b);
	vici_key_bool(&b, "success", found);
	if (!found)
		vici_key_text(&b, "errmsg", "no counters found for this connection");
	cl_client_reply(c, &b);
}

/* Resetting what was never counted leaves it at nothing: success, as strongSwan has it. */
void cl_command_reset_counters(struct cl_client *c, struct vici_view request)
{
	struct ike_engine *e = cl_client_daemon(c)->engine;
	char room[CL_NAME_MAX];
	const char *name = cl_request_text(request, "name", room);

	if (cl_request_bool(request, "all")) {
		for (size_t i = 0; (name = ike_engine_counters_name(e, i)); i++)
			ike_engine_counters_reset(e, name);
	} else {
		ike_engine_counters_reset(e, name);
	}
	cl_client_reply_success(c);
}
