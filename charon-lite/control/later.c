/* Commands for what this version does not have: a clear answer, not silence. */
#include "charon-lite/control/command.h"

void cl_command_nothing_to_list(struct cl_client *c, struct vici_view request)
{
	(void)request;
	cl_client_reply_empty(c);
}

void cl_command_not_supported(struct cl_client *c, struct vici_view request)
{
	(void)request;
	cl_client_reply_failure(c, "%s is not supported by this version", cl_client_command(c));
}
