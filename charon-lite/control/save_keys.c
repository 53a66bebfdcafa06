/*
 * save-keys: the keys of a connection's SAs, for Wireshark. One event for each line of a file of
 * its, and for each SA that it has no words for.
 *
 * Only when strongswan.conf says so, only by a socket that says who may use it, never for all
 * connections at once, and with a line in the log that nobody overlooks.
 */
#include "charon-lite/control/command.h"
#include "charon-lite/log_events.h"
#include "charon-lite/wireshark.h"

#include <stdlib.h>

struct saving {
	struct cl_client *client;
	struct cl_daemon *daemon;
	char connection[CL_NAME_MAX];
	uint32_t last; /* unique id of the last IKE SA that was looked at */
	bool told;     /* the log: that somebody has keys now */
};

/* Before the first: who goes away in the middle has some, too. */
static void tell_everybody(const struct saving *s)
{
	cl_log_text(s->daemon->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
		"WARNING: THE KEYS of connection '%s' are handed out to a client of the control "
		"socket: whoever has them reads what its SAs carry",
		s->connection);
	cl_log_daemon_event(s->daemon->log, CL_LOG_KEYS_SAVED, s->connection, NULL);
}

static void tell_line(struct saving *s, const char *table, char line[CL_WIRESHARK_LINE_MAX])
{
	struct vici_builder b = cl_event_packet(CL_EVENT_KEYS);

	if (!s->told)
		tell_everybody(s);
	s->told = true;
	vici_key_text(&b, "file", table);
	vici_key_text(&b, "line", line);
	secret_wipe(line, CL_WIRESHARK_LINE_MAX);
	cl_client_event_take(s->client, CL_EVENT_KEYS, &b);
}

static void tell_problem(struct saving *s, const char *kind, uint32_t id, const struct why *why)
{
	struct vici_builder b = cl_event_packet(CL_EVENT_KEYS);

	vici_key_format(&b, "problem", "%s #%u: %s", kind, id, why->text);
	cl_client_event_take(s->client, CL_EVENT_KEYS, &b);
}

static void save_direction(struct saving *s, const struct ike_child *child, bool inbound)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	const struct cl_kernel *kernel = &s->daemon->kernel;
	char line[CL_WIRESHARK_LINE_MAX];
	struct cl_kernel_keys keys;
	struct why why;

	if (kernel->sa_keys(kernel->context, &id, &keys, &why) &&
		cl_wireshark_esp(child, inbound, &keys, line, &why))
		tell_line(s, "esp_sa", line);
	else
		tell_problem(s, "CHILD_SA", child->unique_id, &why);
	secret_free(&keys.encryption);
	secret_free(&keys.integrity);
}

static void save_ike(struct saving *s, const struct ike_sa *sa)
{
	char line[CL_WIRESHARK_LINE_MAX];
	struct ike_sa_keys keys;
	struct why why;

	if (!ike_engine_sa_keys(sa, &keys))
		return;
	if (cl_wireshark_ike(sa, &keys, line, &why))
		tell_line(s, cl_wireshark_ike_table(sa), line);
	else
		tell_problem(s, "IKE_SA", sa->unique_id, &why);
}

static void save_sa(struct saving *s, const struct ike_sa *sa)
{
	if (s->daemon->settings.save_ike)
		save_ike(s, sa);
	if (!s->daemon->settings.save_esp)
		return;
	for (const struct ike_child *child = sa->children; child; child = child->next) {
		if (child->installed_in)
			save_direction(s, child, true);
		if (child->installed_out)
			save_direction(s, child, false);
	}
}

static bool save_next(struct cl_client *c, void *state)
{
	struct saving *s = state;
	const struct ike_sa *sa = cl_sa_after(s->daemon->engine, s->last);

	(void)c;
	if (!sa)
		return false;
	s->last = sa->unique_id;
	if (sa->connection && strcmp(sa->connection->name, s->connection) == 0)
		save_sa(s, sa);
	return true;
}

static bool may_save(struct cl_client *c, const struct cl_daemon *d, const char *connection)
{
	if (!d->settings.save_ike && !d->settings.save_esp)
		cl_client_reply_failure(c, "not allowed: strongswan.conf would have to say charon "
					   "{ plugins { save-keys { "
					   "load = yes  ike = yes  esp = yes } } }");
	else if (!cl_client_is_local(c))
		cl_client_reply_failure(c, "not allowed by TCP: nobody knows who asks");
	else if (!connection)
		cl_client_reply_failure(c, "missing connection name");
	else
		return true;
	return false;
}

void cl_command_save_keys(struct cl_client *c, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);
	struct saving *s = calloc(1, sizeof(*s));

	if (!s) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	s->client = c;
	s->daemon = d;
	if (!may_save(c, d, cl_request_text(request, "ike", s->connection))) {
		free(s);
		return;
	}
	cl_client_walk(c, save_next, s);
}
