/* initiate: an IKE SA and a child of it. */
#include "charon-lite/control/command.h"

#include <stdio.h>
#include <stdlib.h>

struct initiate {
	bool is_child;
	char name[CL_NAME_MAX];
	int64_t timeout;
};

/* strongSwan's words, and after them what it leaves to the log: why. */
static void finish(struct cl_client *c, void *state, bool done, const char *text)
{
	const struct initiate *i = state;
	const char *kind = i->is_child ? "CHILD_SA" : "IKE_SA";

	if (done)
		cl_client_reply_success(c);
	else if (!text)
		cl_client_reply_failure(c, "%s '%s' not established after %lldms", kind, i->name,
			(long long)i->timeout);
	else
		cl_client_reply_failure(c, "establishing %s '%s' failed%s%s", kind, i->name,
			*text ? ": " : "", text);
}

static bool read_host(struct vici_view request, const char *name, struct address *ret)
{
	char text[ADDRESS_TEXT_MAX];

	if (!vici_get(request, name).at)
		return true;
	return vici_get_text(request, name, text, sizeof(text)) && address_parse(text, ret);
}

/* The line of the log that says so, to who asked. */
static void put_line(struct cl_client *c, const struct ike_child *child, int level)
{
	struct vici_builder b = cl_event_packet(CL_EVENT_CONTROL_LOG);

	vici_key_text(&b, "group", "IKE");
	vici_key_text(&b, "level", "1");
	vici_key_text(&b, "ikesa-name", child->sa->connection->name);
	vici_key_format(&b, "ikesa-uniqueid", "%u", child->sa->unique_id);
	vici_key_format(&b, "msg", "not establishing CHILD_SA %s due to existing duplicate {%u}",
		child->config->name, child->unique_id);
	if (level >= 1)
		cl_client_event_take(c, CL_EVENT_CONTROL_LOG, &b);
	else
		vici_builder_free(&b);
}

/* As charon has it: what is there already is not made twice, and the command fails, unless it does
 * not wait. True when there is such a child and the client was answered. */
static bool refuse_duplicate(
	struct cl_client *c, const struct ike_initiate *what, bool asynchronous, int level)
{
	struct cl_daemon *d = cl_client_daemon(c);
	const struct ike_child *child = ike_engine_duplicate(d->engine, what);

	if (!child)
		return false;
	cl_log_text(d->log, IKE_LOG_IKE, IKE_LOG_AUDIT,
		"not establishing CHILD_SA %s due to existing duplicate {%u} with SPIs %08x_i "
		"%08x_o",
		what->child, child->unique_id, child->spi_in, child->spi_out);
	put_line(c, child, level);
	if (asynchronous)
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c,
			"establishing CHILD_SA '%s' failed: there is a duplicate, {%u}",
			what->child, child->unique_id);
	return true;
}

static bool is_asynchronous(struct vici_view request)
{
	return cl_request_number(request, "timeout", 0) < 0 || cl_request_bool(request, "async");
}

static void start(struct cl_client *c, struct ike_initiate *what, struct cl_wait *wait)
{
	struct cl_daemon *d = cl_client_daemon(c);
	uint32_t ike_id = 0;
	struct why why;

	what->ticket = wait->ticket;
	if (wait->ticket)
		cl_client_wait(c, wait);
	bool begun = ike_engine_initiate(d->engine, cl_daemon_now(), what, &ike_id, &why);
	if (wait->ticket) {
		cl_client_watch(c, ike_id);
		if (!begun)
			cl_client_wait_cancel(c);
	}
	if (!begun)
		cl_client_reply_failure(c, "%s", why.text);
	else if (!wait->ticket)
		cl_client_reply_success(c);
	cl_daemon_rearm(d);
}

void cl_command_initiate(struct cl_client *c, struct vici_view request)
{
	char ike[CL_NAME_MAX], child[CL_NAME_MAX];
	struct ike_initiate what = {
		.ike = cl_request_text(request, "ike", ike),
		.child = cl_request_text(request, "child", child),
	};
	struct cl_wait wait = { .finish = finish };

	if (!what.ike && !what.child) {
		cl_client_reply_failure(c, "missing configuration name");
		return;
	}
	if (!read_host(request, "my-host", &what.my_host)) {
		cl_client_reply_failure(c, "my-host is not an address");
		return;
	}
	if (!read_host(request, "other-host", &what.other_host)) {
		cl_client_reply_failure(c, "other-host is not an address");
		return;
	}
	cl_log_text(cl_client_daemon(c)->log, IKE_LOG_CFG, IKE_LOG_INFO, "vici initiate %s '%s'",
		what.child ? "CHILD_SA" : "IKE_SA", what.child ? what.child : what.ike);
	if (refuse_duplicate(c, &what, is_asynchronous(request),
		    (int)cl_request_number(request, "loglevel", 1)))
		return;
	if (!is_asynchronous(request)) {
		struct initiate *i = calloc(1, sizeof(*i));

		if (!i) {
			cl_client_reply_failure(c, "out of memory");
			return;
		}
		i->is_child = what.child != NULL;
		snprintf(i->name, sizeof(i->name), "%s", what.child ? what.child : what.ike);
		i->timeout = cl_request_number(request, "timeout", 0);
		wait.state = i;
		wait.milliseconds = i->timeout;
		wait.level = (int)cl_request_number(request, "loglevel", 1);
		wait.ticket = cl_client_ticket(c);
	}
	start(c, &what, &wait);
}
