/*
 * INFORMATIONAL: deleting SAs, liveness, errors (RFC 7296 1.4).
 *
 *   HDR, SK{[N+,] [D+]}  -->
 *                        <--  HDR, SK{[N+,] [D+]}
 *
 * An empty request asks whether we are alive; the empty answer says so.
 */
#include "libike/ikev2/redirect.h"

#include <inttypes.h>

enum ike_reason ike_notify_reason(uint16_t type)
{
	switch (type) {
	case IKE_NOTIFY_NO_PROPOSAL_CHOSEN:
		return IKE_REASON_NO_PROPOSAL;
	case IKE_NOTIFY_TS_UNACCEPTABLE:
		return IKE_REASON_NO_SELECTORS;
	case IKE_NOTIFY_INTERNAL_ADDRESS_FAILURE:
	case IKE_NOTIFY_FAILED_CP_REQUIRED:
		return IKE_REASON_NO_ADDRESS;
	case IKE_NOTIFY_AUTHENTICATION_FAILED:
		return IKE_REASON_AUTH_FAILED;
	case IKE_NOTIFY_INVALID_SYNTAX:
	case IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD:
	case IKE_NOTIFY_INVALID_MAJOR_VERSION:
		return IKE_REASON_PROTOCOL;
	default:
		return IKE_REASON_REFUSED_BY_PEER;
	}
}

/* ---- Requests of the peer ---- */

static bool is_being_rekeyed(const struct ike_child *child)
{
	const struct ike_task *active = child->sa->active;

	return active && active->kind == IKE_TASK_REKEY_CHILD && active->replaces == child;
}

/* A child that was replaced is no more in charge; one that we are just rekeying may turn out to be
 * (RFC 7296 2.8.1, 2.25.1). */
static void delete_child(struct ike_received *x, struct ike_child *child)
{
	struct ike_child *successor = ike_handover_of(child);

	if (successor)
		ike_handover_complete(x->e, successor);
	if (child->announced && is_being_rekeyed(child)) {
		ike_child_remove_outbound(x->e, child);
		ike_child_set_state(x->e, child, IKE_CHILD_DELETED);
		ike_child_wake(x->e, child, IKE_NEVER);
		return;
	}
	ike_child_deleted(x->e, child, IKE_REASON_DELETED_BY_PEER);
}

/* The peer's SPI names our outbound SA; the answer names our inbound ones. */
static void delete_children(struct ike_received *x, const struct ike_delete *d)
{
	struct reader r = reader_of(d->spis);
	uint32_t ours[64], strange = 0;
	size_t count = 0;

	while (reader_more(&r)) {
		uint32_t spi = reader_u32(&r);
		struct ike_child *child = ike_child_by_spi(x->sa, spi, false);

		if (!child || child->suite.protocol != d->protocol ||
			child->state == IKE_CHILD_DELETED) {
			if (strange++ == 0)
				ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
					"peer deletes a CHILD_SA with SPI %08" PRIx32
					" that we don't have",
					spi);
			/* It may come with the answer to our CREATE_CHILD_SA that was lost. */
			if (x->sa->active && (x->sa->active->kind == IKE_TASK_CREATE_CHILD ||
						     x->sa->active->kind == IKE_TASK_REKEY_CHILD))
				x->sa->active->spi = spi;
			continue;
		}
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"received DELETE for CHILD_SA %s{%u}", child->config->name,
			child->unique_id);
		/* When both delete at once, each answers without naming it again (RFC 7296 1.4.1).
		 */
		if (child->state != IKE_CHILD_DELETING)
			ours[count++] = child->spi_in;
		delete_child(x, child);
		if (count == sizeof(ours) / sizeof(*ours)) {
			ike_build_delete(x->reply, d->protocol, ours, count);
			count = 0;
		}
	}
	if (count > 0)
		ike_build_delete(x->reply, d->protocol, ours, count);
}

static enum ike_outcome delete_ike(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;

	ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "received DELETE for IKE_SA %s[%u]",
		sa->connection->name, sa->unique_id);
	ike_rival_of_prevails(x->e, sa);
	ike_failure_set(x->failure, IKE_REASON_DELETED_BY_PEER, NULL, NULL,
		"peer deleted IKE_SA %s[%u]", sa->connection->name, sa->unique_id);
	return IKE_OUTCOME_END;
}

enum ike_outcome ike_informational_requested(struct ike_received *x)
{
	const struct ike_message *m = x->message;
	char text[IKE_NUMBER_TEXT_MAX];

	const struct ike_notify *error = ike_message_error(m);
	if (error && error->type == IKE_NOTIFY_AUTHENTICATION_FAILED) {
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"peer did not accept our IKE_AUTH response (AUTHENTICATION_FAILED)");
		x->failure->notify = error->type;
		return IKE_OUTCOME_END;
	}
	if (error)
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO, "peer reports %s",
			ike_notify_format(error->type, text));
	for (size_t i = 0; i < m->delete_count; i++)
		if (m->deletes[i].protocol == IKE_PROTOCOL_IKE)
			return delete_ike(x);
	for (size_t i = 0; i < m->delete_count; i++)
		if (m->deletes[i].spi_length == 4)
			delete_children(x, &m->deletes[i]);
	const struct ike_notify *redirect = ike_message_notify(m, IKE_NOTIFY_REDIRECT);
	if (redirect)
		ike_redirect_requested(x, redirect);
	ike_mobike_requested(x);
	return IKE_OUTCOME_OK;
}

/* ---- Our requests ---- */

void ike_delete_child_at_peer(struct ike_sa *sa, const struct ike_child *child)
{
	struct ike_task *task = ike_task_queue(sa, IKE_TASK_DELETE_CHILD, NULL, 0);

	if (!task) /* out of memory: the peer keeps a child that carries nothing */
		return;
	task->protocol = child->suite.protocol;
	task->spi = child->spi_in;
}

bool ike_liveness_start(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_builder b;

	ike_builder_start(e, &b);
	ike_mobike_build_probe(e, sa, &b);
	return ike_request_send(e, sa, IKE_EXCHANGE_INFORMATIONAL, &b);
}

bool ike_delete_child_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task)
{
	struct ike_builder b;

	if (task->child && task->child->state != IKE_CHILD_DELETED) {
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
			"closing CHILD_SA %s{%u} with SPIs %08" PRIx32 "_i %08" PRIx32 "_o",
			task->child->config->name, task->child->unique_id, task->child->spi_in,
			task->child->spi_out);
		ike_child_set_state(e, task->child, IKE_CHILD_DELETING);
	}
	ike_builder_start(e, &b);
	ike_build_delete(&b, task->protocol, &task->spi, 1);
	return ike_request_send(e, sa, IKE_EXCHANGE_INFORMATIONAL, &b);
}

bool ike_delete_ike_start(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_builder b;

	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "deleting IKE_SA %s[%u]", sa->connection->name,
		sa->unique_id);
	ike_builder_start(e, &b);
	ike_build_delete(&b, IKE_PROTOCOL_IKE, NULL, 0);
	return ike_request_send(e, sa, IKE_EXCHANGE_INFORMATIONAL, &b);
}

enum ike_outcome ike_informational_answered(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_task *task = sa->active;

	switch (task->kind) {
	case IKE_TASK_DELETE_IKE:
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "IKE_SA %s[%u] deleted",
			sa->connection->name, sa->unique_id);
		return IKE_OUTCOME_END;
	case IKE_TASK_DELETE_CHILD:
		sa->active = NULL;
		if (task->child) {
			struct ike_child *child = task->child;

			task->child = NULL;
			ike_child_deleted(x->e, child, (enum ike_reason)task->reason);
		}
		ike_task_finish(x->e, task, true, NULL);
		return IKE_OUTCOME_OK;
	case IKE_TASK_DPD:
		ike_mobike_probe_answered(x);
		return IKE_OUTCOME_OK;
	case IKE_TASK_REDIRECT:
		ike_redirect_answered(x);
		return IKE_OUTCOME_OK;
	case IKE_TASK_MOBIKE:
		return ike_mobike_answered(x);
	default:
		return IKE_OUTCOME_IGNORE;
	}
}

void ike_delete_once(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_builder b;

	ike_builder_start(e, &b);
	ike_build_delete(&b, IKE_PROTOCOL_IKE, NULL, 0);
	ike_request_send_once(e, sa, IKE_EXCHANGE_INFORMATIONAL, &b);
}

void ike_delete_ike(struct ike_engine *e, struct ike_sa *sa, bool force, uint64_t ticket,
	const struct ike_failure *why)
{
	bool deleting = sa->state == IKE_SA_DELETING;

	if (!sa->was_established)
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"ending IKE_SA %s[%u] before it is established",
			sa->connection ? sa->connection->name : "(unnamed)", sa->unique_id);
	if (!sa->was_established || force) {
		/* With our IKE_AUTH under way the peer is about to have it. */
		if (sa->was_established || ike_auth_has_begun(sa))
			ike_delete_once(e, sa);
		ike_command_finish(e, ticket, true, NULL);
		ike_sa_destroy(e, sa, why);
		return;
	}
	sa->rekey_at = sa->reauth_at = sa->expires_at = sa->resume_at = IKE_NEVER;
	/* A second command waits for the same deletion. */
	struct ike_task *task = ike_task_queue_first(sa, IKE_TASK_DELETE_IKE, NULL, ticket);
	if (!task) {
		ike_command_finish(e, ticket, true, NULL);
		ike_sa_destroy(e, sa, why);
		return;
	}
	task->reason = (uint8_t)why->reason;
	if (!deleting)
		ike_sa_set_state(e, sa, IKE_SA_DELETING);
	ike_schedule(e, sa);
	ike_tasks_run(e, sa);
}

void ike_delete_ike_as_childless(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_task *task;

	if (!e->settings.close_ike_on_child_failure || sa->state == IKE_SA_DELETING)
		return;
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
		"closing IKE_SA as its CHILD_SA did not come up");
	task = ike_task_queue_first(sa, IKE_TASK_DELETE_IKE, NULL, 0);
	if (!task)
		return;
	task->reason = IKE_REASON_NO_CHILD_PROPOSAL;
	sa->rekey_at = sa->reauth_at = sa->expires_at = sa->resume_at = IKE_NEVER;
	ike_sa_set_state(e, sa, IKE_SA_DELETING);
	ike_schedule(e, sa);
}

void ike_delete_child(struct ike_engine *e, struct ike_child *child, bool force, uint64_t ticket,
	enum ike_reason reason)
{
	struct ike_sa *sa = child->sa;
	/* With force it is gone here at once, and the peer is told like always: the window goes on.
	 */
	struct ike_task *task =
		ike_task_queue(sa, IKE_TASK_DELETE_CHILD, force ? NULL : child, force ? 0 : ticket);

	if (task) {
		task->protocol = child->suite.protocol;
		task->spi = child->spi_in;
		task->reason = (uint8_t)reason;
	}
	if (force || !task) {
		ike_command_finish(e, ticket, true, NULL);
		ike_child_destroy(e, child, reason);
	}
	ike_tasks_run(e, sa);
}
