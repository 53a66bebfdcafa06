/* Commands for what this version does not have: a clear answer, not silence. */
#include "charon-lite/control/command.h"

static void reply_empty_list(struct cl_client *c, const char *name)
{
	struct vici_builder b = cl_client_answer();

	vici_list_start(&b, name);
	vici_list_end(&b);
	cl_client_reply(c, &b);
}

/* There are none, since none can be loaded. */
void cl_command_get_keys(struct cl_client *c, struct vici_view request)
{
	(void)request;
	reply_empty_list(c, "keys");
}

void cl_command_get_authorities(struct cl_client *c, struct vici_view request)
{
	(void)request;
	reply_empty_list(c, "authorities");
}

void cl_command_nothing_to_list(struct cl_client *c, struct vici_view request)
{
	(void)request;
	cl_client_reply_empty(c);
}

void cl_command_nothing_to_flush(struct cl_client *c, struct vici_view request)
{
	(void)request;
	cl_client_reply_success(c);
}

void cl_command_not_supported(struct cl_client *c, struct vici_view request)
{
	(void)request;
	cl_client_reply_failure(c, "%s is not supported by this version", cl_client_command(c));
}
