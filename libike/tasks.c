/*
 * Starting what an IKE SA has to tell its peer, one request at a time, and giving up when no answer
 * comes.
 */
#include "libike/processors.h"
#include "libike/sa/path.h"
#include "libike/sa/redirect.h"
#include "libike/versions.h"

static bool start(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	if (task->kind == IKE_TASK_INIT)
		return ike_target_start(e, sa, failure);
	return ike_version_of(sa)->start(e, sa, task, failure);
}

static bool ends_sa(const struct ike_task *task)
{
	return task->kind == IKE_TASK_INIT || task->kind == IKE_TASK_INTERMEDIATE ||
	       task->kind == IKE_TASK_AUTH || task->kind == IKE_TASK_DELETE_IKE;
}

void ike_task_abandon(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	char text[1800];

	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL,
		"%s could not be sent: out of memory", ike_task_name(task->kind));
	if (task->child && !ends_sa(task))
		ike_log_child_failure(e, sa, sa->connection, task->child->config->name, failure);
	else
		ike_log_failure(e, sa, sa->connection, failure);
	if (ends_sa(task)) {
		ike_sa_destroy(e, sa, failure);
		return;
	}
	sa->active = NULL;
	if (ike_version_of(sa)->abandoned)
		ike_version_of(sa)->abandoned(e, sa, task);
	task->reason = (uint8_t)failure->reason;
	ike_task_finish(e, task, false, ike_failure_format(failure, text, sizeof(text)));
}

static bool is_held(struct ike_engine *e, struct ike_sa *sa, const struct ike_task *task)
{
	const struct ike_version *version = ike_version_of(sa);

	return version->holds && version->holds(e, sa, task);
}

bool ike_create_child_is_moot(const struct ike_sa *sa, const struct ike_task *task)
{
	const struct ike_child *c = sa->children;

	if (task->kind != IKE_TASK_CREATE_CHILD || task->ticket)
		return false;
	while (c && (c->state != IKE_CHILD_INSTALLED || c->config != task->child->config ||
			    !ike_processors_same(c, task->child)))
		c = c->next;
	return c != NULL;
}

void ike_tasks_run(struct ike_engine *e, struct ike_sa *sa)
{
	bool paused = sa->resume_at != IKE_NEVER && sa->resume_at > e->now;

	/* A request without its task: the answer is just being dealt with, see handle_response().
	 */
	while (!sa->active && !sa->request && sa->tasks && !paused && !is_held(e, sa, sa->tasks)) {
		struct ike_failure failure = { 0 };
		struct ike_task *task = sa->tasks;

		sa->tasks = task->next;
		task->next = NULL;
		if (ike_create_child_is_moot(sa, task)) {
			struct ike_child *child = task->child;

			task->child = NULL;
			ike_child_destroy(e, child, IKE_REASON_REPLACED);
			ike_task_finish(e, task, true, NULL);
			continue;
		}
		sa->active = task;
		bool ended = false;
		if (!start(e, sa, task, &failure)) {
			ended = ends_sa(task);
			ike_task_abandon(e, sa, task, &failure);
		}
		ike_failure_free(&failure);
		if (ended)
			return;
	}
	if (!sa->active && !sa->tasks && sa->state == IKE_SA_ESTABLISHED &&
		ike_version_of(sa)->rests)
		ike_version_of(sa)->rests(e, sa);
}

/* What the version knows about a peer that does not go on; true: it was reported. */
static bool explain_silence(
	struct ike_engine *e, const struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ike_version *version = ike_version_of(sa);

	return version->silent && version->silent(e, sa, failure);
}

static void half_open_expired(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };
	char peer[ADDRESS_TEXT_MAX];
	bool reported = explain_silence(e, sa, &failure);

	ike_failure_set(&failure, IKE_REASON_PEER_SILENT, NULL, NULL,
		"%s did not go on with %s within %d s: deleting the half-open IKE_SA",
		address_format_with_port(&sa->remote, peer),
		sa->version == 1 ? "phase 1" : "IKE_AUTH",
		(int)(e->settings.half_open_timeout / 1000));
	if (!reported)
		ike_log_failure(e, sa, sa->connection, &failure);
	ike_sa_destroy(e, sa, &failure);
	ike_failure_free(&failure);
}

/* Without a route nothing has left this host: then the peer is not to blame. */
static void log_silence(struct ike_engine *e, struct ike_sa *sa, const struct ike_failure *silence)
{
	struct ike_failure no_route = { 0 };
	struct address source;
	char peer[ADDRESS_TEXT_MAX];

	if (!e->host.source_address(e->host.context, &sa->remote, &source))
		ike_failure_set(&no_route, IKE_REASON_NO_ROUTE, NULL, NULL, "no route to %s: %s",
			address_format(&sa->remote, peer), silence->text ? silence->text : "");
	ike_log_failure(e, sa, sa->connection, no_route.reason ? &no_route : silence);
	ike_failure_free(&no_route);
}

/* That nobody needs any more goes silently. */
static void say_silent(struct ike_engine *e, struct ike_sa *sa, const struct ike_failure *failure)
{
	if (sa->announced || !sa->was_established)
		log_silence(e, sa, failure);
}

static void end_silent(struct ike_engine *e, struct ike_sa *sa, const struct ike_failure *failure)
{
	/* It may hear us although we don't hear it, and must not keep a tunnel that leads nowhere.
	 */
	if (sa->keys.length > 0)
		ike_version_of(sa)->delete_once(e, sa);
	ike_sa_destroy(e, sa, failure);
}

void ike_peer_given_up(struct ike_engine *e, struct ike_sa *sa, const struct ike_failure *failure)
{
	say_silent(e, sa, failure);
	end_silent(e, sa, failure);
}

/* It was not, before, where it is asked. */
static bool answers_elsewhere(const struct ike_sa *sa, struct ike_failure *failure)
{
	const struct address *from = ike_path_answers_from(sa);
	char asked[ADDRESS_TEXT_MAX], answers[ADDRESS_TEXT_MAX];

	if (!from)
		return false;
	address_format(&sa->remote, asked);
	address_format(from, answers);
	ike_failure_set(failure, IKE_REASON_PEER_SILENT, asked, answers,
		"%s did not answer any more, after an answer from %s: giving up after %u "
		"retransmits",
		asked, answers, sa->transmissions - 1);
	ike_failure_set_differs(failure, "address");
	return true;
}

static void peer_silent(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };
	char peer[ADDRESS_TEXT_MAX], origin[IKE_REDIRECT_ORIGIN_MAX];
	uint8_t kind = sa->active ? sa->active->kind : IKE_TASK_NONE;
	const char *asked = sa->active ? ike_task_name_in(sa, sa->active) : NULL;
	bool reported = !answers_elsewhere(sa, &failure) && explain_silence(e, sa, &failure);

	ike_failure_set(&failure, IKE_REASON_PEER_SILENT, NULL, NULL,
		"%s%s did not answer %s: giving up after %u retransmits in %d s",
		address_format_with_port(&sa->remote, peer),
		sa->was_established ? "" : ike_redirect_origin(sa, origin), asked ? asked : "us",
		sa->transmissions - 1, (int)((e->now - sa->request_sent_at) / 1000));
	if (!reported)
		say_silent(e, sa, &failure);
	if (kind != IKE_TASK_INIT || !ike_target_try_again(e, sa))
		end_silent(e, sa, &failure);
	ike_failure_free(&failure);
}

/* No answer in time. */
static void ask_again(struct ike_engine *e, struct ike_sa *sa)
{
	const struct ike_version *version = ike_version_of(sa);

	if (ike_target_turn(e, sa))
		return;
	if (!ike_request_retransmit(e, sa))
		peer_silent(e, sa);
	else if (version->sent_again)
		version->sent_again(e, sa);
}

/* Rekeying or reauthenticating it did not work in over_time; or it was replaced. */
static void lifetime_over(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_failure failure = { 0 };

	sa->expires_at = IKE_NEVER;
	if (sa->announced) {
		ike_failure_set(&failure, sa->superseded ? IKE_REASON_REPLACED : IKE_REASON_EXPIRED,
			NULL, NULL, "IKE_SA %s[%u] %s", sa->connection->name, sa->unique_id,
			sa->superseded ? "was replaced" : "reached its lifetime");
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "%s, closing it", failure.text);
		/* It had its time to answer what is in flight. */
		ike_version_of(sa)->delete_ike(e, sa, sa->active != NULL, 0, &failure);
	} else {
		ike_failure_set(&failure, IKE_REASON_REPLACED, NULL, NULL, "rekeyed");
		ike_sa_destroy(e, sa, &failure);
	}
	ike_failure_free(&failure);
}

static void resume(struct ike_engine *e, struct ike_sa *sa)
{
	sa->resume_at = IKE_NEVER;
	ike_schedule(e, sa);
	ike_tasks_run(e, sa);
}

static void rekey(struct ike_engine *e, struct ike_sa *sa)
{
	ike_version_of(sa)->rekey_ike(e, sa);
	ike_tasks_run(e, sa);
}

/* Of times that are 0 when there is nothing to wait for. */
static bool is_due(const struct ike_engine *e, ike_time at)
{
	return at > 0 && at <= e->now;
}

void ike_sa_wake(struct ike_engine *e, struct ike_sa *sa)
{
	const struct ike_version *version = ike_version_of(sa);

	if (sa->expires_at <= e->now && sa->was_established)
		lifetime_over(e, sa);
	else if (sa->expires_at <= e->now)
		half_open_expired(e, sa);
	else if (version->wake && version->wake(e, sa))
		return;
	else if (sa->retransmit_at <= e->now)
		ask_again(e, sa);
	else if (sa->path_at <= e->now)
		version->path_wake(e, sa);
	else if (is_due(e, sa->negotiation ? sa->negotiation->names_until : 0))
		ike_target_wake(e, sa);
	else if (sa->inactive_at <= e->now)
		ike_inactivity_check(e, sa);
	else if (sa->dpd_at <= e->now)
		ike_liveness_check(e, sa);
	else if (sa->children_at <= e->now)
		ike_children_wake(e, sa);
	else if (sa->resume_at <= e->now)
		resume(e, sa);
	else if (sa->rekey_at <= e->now)
		rekey(e, sa);
	else if (sa->reauth_at <= e->now)
		version->reauthenticate(e, sa);
	else /* no more */
		ike_schedule(e, sa);
}
