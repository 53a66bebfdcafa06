/* What failed, on its way to the log, the connection's record, and those who listen for alerts. */
#include "libike/advice.h"
#include "libike/engine_priv.h"

#define ALERTS_A_SECOND 5 /* that strangers can cause */

static uint8_t phase_of(const struct ike_sa *sa)
{
	if (!sa)
		return IKE_PHASE_START;
	if (!sa->negotiation)
		return IKE_PHASE_ESTABLISHED;
	return sa->negotiation->stage == IKE_STAGE_INIT ? IKE_PHASE_INIT : IKE_PHASE_AUTH;
}

static struct ike_failures *list_of(
	struct ike_engine *e, const struct ike_connection *c, enum ike_reason reason)
{
	struct ike_loaded *loaded =
		c && reason != IKE_REASON_NO_CONNECTION ? ike_loaded_find(e, c->name) : NULL;

	return loaded ? &loaded->failures : &e->failures;
}

static bool alert_allowed(struct ike_engine *e, bool of_stranger)
{
	if (!of_stranger)
		return true;
	if (e->now - e->alert_at >= IKE_SECONDS(1)) {
		e->alert_at = e->now;
		e->alerts = 0;
	}
	return e->alerts++ < ALERTS_A_SECOND;
}

static void keep(struct ike_engine *e, const struct ike_connection *c, const struct ike_sa *sa,
	const struct ike_failure_record *what, bool of_stranger)
{
	const struct ike_failure_record *kept =
		ike_failures_note(list_of(e, c, what->failure.reason), what, e->now);
	struct ike_event event = { .kind = IKE_EVENT_ALERT, .sa = sa };
	struct ike_advice advice;

	ike_tally_failure(e, what->failure.reason == IKE_REASON_NO_CONNECTION ? NULL : c,
		what->failure.reason);
	if (!kept)
		return;
	event.failure = kept;
	event.connection = c;
	if (alert_allowed(e, of_stranger))
		e->host.event(e->host.context, &event);
	/* Once: a tunnel that tries again for ever must not preach. */
	if (kept->count > 1 || of_stranger ||
		!e->host.log_wanted(e->host.context, IKE_LOG_IKE, IKE_LOG_INFO))
		return;
	ike_advise(kept, c ? c->name : NULL, &advice);
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "to mend it: %s", advice.cure);
}

static char *identity_text(const struct ike_identity *known, const struct ike_auth_rounds *rounds,
	char room[IKE_IDENTITY_TEXT_MAX])
{
	const struct ike_identity *id = known ? known : rounds ? ike_auth_rounds_id(rounds) : NULL;

	return id ? ike_identity_format(id, room) : NULL;
}

static void report(struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c,
	const char *child, const struct ike_failure *failure)
{
	char text[1800], local[IKE_IDENTITY_TEXT_MAX], remote[IKE_IDENTITY_TEXT_MAX];
	struct ike_failure_record what = {
		.failure = *failure,
		.child = (char *)child,
		.phase = phase_of(sa),
		.version = sa ? sa->version : 0,
		.we_initiated = !sa || sa->initiator,
	};

	if (failure->reason == IKE_REASON_NONE)
		return;
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "%s: %s", ike_reason_name(failure->reason),
		ike_failure_format(failure, text, sizeof(text)));
	what.local_id = identity_text(sa ? sa->local_id : NULL, c ? &c->local : NULL, local);
	what.remote_id = identity_text(sa ? sa->remote_id : NULL, c ? &c->remote : NULL, remote);
	if (sa) {
		what.local = sa->local;
		what.remote = sa->remote;
	}
	keep(e, c, sa, &what, sa && !sa->initiator && !sa->was_established);
}

void ike_log_failure(struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c,
	const struct ike_failure *failure)
{
	report(e, sa, c, NULL, failure);
}

void ike_log_child_failure(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_connection *c, const char *child, const struct ike_failure *failure)
{
	report(e, sa, c, child, failure);
}

void ike_log_start_failure(struct ike_engine *e, const struct ike_connection *c,
	const struct address *remote, const struct ike_failure *failure)
{
	char text[1800], local_id[IKE_IDENTITY_TEXT_MAX], remote_id[IKE_IDENTITY_TEXT_MAX];
	struct ike_failure_record what = {
		.failure = *failure,
		.phase = IKE_PHASE_START,
		.we_initiated = true,
		.local_id = identity_text(NULL, &c->local, local_id),
		.remote_id = identity_text(NULL, &c->remote, remote_id),
	};

	if (remote)
		what.remote = *remote;
	ike_log(e, NULL, IKE_LOG_IKE, IKE_LOG_AUDIT, "%s: %s", ike_reason_name(failure->reason),
		ike_failure_format(failure, text, sizeof(text)));
	keep(e, c, NULL, &what, false);
}

void ike_log_refusal(struct ike_engine *e, uint8_t version, const struct ike_datagram *datagram,
	const struct ike_connection *c, const struct ike_failure *failure)
{
	char text[1800];
	struct ike_failure_record what = {
		.failure = *failure,
		.phase = IKE_PHASE_INIT,
		.version = version,
		.local = datagram->local,
		.remote = datagram->remote,
	};

	ike_log_noise(e, NULL, IKE_LOG_IKE, "%s: %s", ike_reason_name(failure->reason),
		ike_failure_format(failure, text, sizeof(text)));
	keep(e, c, NULL, &what, true);
}

static bool has_one_peer(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->remote_addrs.count; i++)
		if (c->remote_addrs.items[i].kind != IKE_ENDPOINT_HOST &&
			c->remote_addrs.items[i].kind != IKE_ENDPOINT_NAME)
			return false;
	return c->remote_addrs.count > 0;
}

void ike_failures_over(struct ike_engine *e, const struct ike_sa *sa, const struct ike_child *child)
{
	struct ike_loaded *loaded =
		sa->connection ? ike_loaded_find(e, sa->connection->name) : NULL;

	if (loaded)
		ike_failures_worked(&loaded->failures, child ? child->config->name : NULL,
			&sa->remote, has_one_peer(sa->connection), e->now);
}

const struct ike_failure_record *ike_engine_failure(
	const struct ike_engine *e, const char *connection, size_t index)
{
	const struct ike_loaded *loaded = connection ? ike_loaded_find(e, connection) : NULL;
	const struct ike_failures *list = loaded ? &loaded->failures : &e->failures;

	if (connection && !loaded)
		return NULL;
	return index < list->count ? &list->items[index] : NULL;
}
