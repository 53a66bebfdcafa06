/* IKE SAs: made, found, established, ended. */
#include "libike/sa/redirect.h"
#include "libike/sa/sa_priv.h"
#include "libike/supervisor.h"
#include "libike/virtual.h"

#include <stdlib.h>
#include <utlist.h>

const char *ike_sa_state_name(uint8_t state)
{
	static const char *const names[] = { "CREATED", "CONNECTING", "ESTABLISHED", "PASSIVE",
		"REKEYING", "REKEYED", "DELETING", "DESTROYING" };

	return state < sizeof(names) / sizeof(*names) ? names[state] : "???";
}

static uint64_t *own_spi(struct ike_sa *sa)
{
	return sa->initiator ? &sa->spi_initiator : &sa->spi_responder;
}

struct ike_sa *ike_sa_by_spi(const struct ike_engine *e, uint64_t spi)
{
	struct ike_sa *found;

	HASH_FIND(by_spi, e->by_spi, &spi, sizeof(spi), found);
	return found;
}

/* A SPI is never 0 and never one that is in use. */
bool ike_sa_fresh_spi(struct ike_engine *e, uint64_t *ret)
{
	uint64_t spi;

	do {
		if (!ike_crypto_random(e->crypto, &spi, sizeof(spi)))
			return false;
	} while (spi == 0 || ike_sa_by_spi(e, spi));
	*ret = spi;
	return true;
}

bool ike_sa_renew_spi(struct ike_engine *e, struct ike_sa *sa)
{
	uint64_t spi;

	if (!ike_sa_fresh_spi(e, &spi))
		return false;
	HASH_DELETE(by_spi, e->by_spi, sa);
	*own_spi(sa) = spi;
	HASH_ADD_KEYPTR(by_spi, e->by_spi, own_spi(sa), sizeof(uint64_t), sa);
	return sa->by_spi.tbl != NULL;
}

static bool choose_spi(struct ike_engine *e, struct ike_sa *sa, uint64_t spi)
{
	if (spi == 0)
		return ike_sa_fresh_spi(e, own_spi(sa));
	*own_spi(sa) = spi;
	return !ike_sa_by_spi(e, spi);
}

struct ike_sa *ike_sa_new(struct ike_engine *e, bool initiator, const struct address *local,
	const struct address *remote)
{
	if (e->settings.max_ikev2_sas > 0 && e->sa_count >= e->settings.max_ikev2_sas)
		return NULL;
	return ike_sa_make(e, initiator, local, remote, 0);
}

struct ike_sa *ike_sa_make(struct ike_engine *e, bool initiator, const struct address *local,
	const struct address *remote, uint64_t spi)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->version = 2;
	sa->initiator = sa->original_initiator = initiator;
	sa->local = *local;
	sa->remote = *remote;
	sa->created_at = e->now;
	sa->established_at = sa->rekey_at = sa->reauth_at = IKE_NEVER;
	sa->expires_at = sa->retransmit_at = sa->dpd_at = sa->inactive_at = IKE_NEVER;
	sa->children_at = sa->path_at = sa->resume_at = IKE_NEVER;
	sa->negotiation = ike_negotiation_new(sa);
	if (!sa->negotiation || !choose_spi(e, sa, spi) ||
		!ike_timer_add(e, &sa->timer, IKE_TIMER_SA)) {
		ike_negotiation_free(sa->negotiation);
		free(sa);
		return NULL;
	}
	sa->negotiation->secrets = ike_credentials_version(e->credentials);
	sa->unique_id = ++e->next_ike_id;
	HASH_ADD_KEYPTR(by_spi, e->by_spi, own_spi(sa), sizeof(uint64_t), sa);
	HASH_ADD(by_id, e->by_id, unique_id, sizeof(sa->unique_id), sa);
	e->sa_count++;
	if (sa->by_spi.tbl && sa->by_id.tbl)
		return sa;
	ike_sa_free(e, sa);
	return NULL;
}

void ike_sa_set_connection(struct ike_sa *sa, struct ike_connection *c)
{
	struct ike_connection *old = sa->connection;

	if (old) {
		DL_DELETE(old->sas, sa);
		old->initiated -= sa->initiator;
	}
	sa->connection = c ? ike_connection_hold(c) : NULL;
	if (c) {
		DL_APPEND(c->sas, sa);
		c->initiated += sa->initiator;
	}
	ike_connection_free(old);
}

void ike_log_suite(struct ike_engine *e, const struct ike_sa *sa, const struct ike_suite *suite)
{
	char text[IKE_PROPOSAL_TEXT_MAX];

	if (e->host.log_wanted(e->host.context, IKE_LOG_CFG, IKE_LOG_INFO))
		ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO, "selected proposal: %s",
			ike_suite_format(suite, text));
}

void ike_sa_set_state(struct ike_engine *e, struct ike_sa *sa, enum ike_sa_state state)
{
	if (sa->state == state)
		return;
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_DETAIL, "IKE_SA %s[%u] state change: %s => %s",
		sa->connection ? sa->connection->name : "(unnamed)", sa->unique_id,
		ike_sa_state_name(sa->state), ike_sa_state_name((uint8_t)state));
	sa->state = (uint8_t)state;
	if (state == IKE_SA_ESTABLISHED || state == IKE_SA_DESTROYING)
		ike_event(e, IKE_EVENT_IKE_STATE, sa, NULL);
}

/* A time within the last `random` seconds before `seconds`, from now; IKE_NEVER for 0. */
static ike_time plan(struct ike_engine *e, uint64_t seconds, uint64_t random)
{
	uint64_t draw = 0;

	if (seconds == 0 || seconds > INT32_MAX)
		return IKE_NEVER;
	if (random > 0 && ike_crypto_random(e->crypto, &draw, sizeof(draw)))
		draw %= (random < seconds ? random : seconds) * 1000;
	return e->now + IKE_SECONDS((int64_t)seconds) - (ike_time)draw;
}

void ike_sa_plan(struct ike_engine *e, struct ike_sa *sa)
{
	const struct ike_connection *c = sa->connection;

	sa->rekey_at = plan(e, c->rekey_time, c->rand_time);
	sa->expires_at = sa->rekey_at < sa->reauth_at ? sa->rekey_at : sa->reauth_at;
	if (sa->expires_at != IKE_NEVER && c->over_time > 0 && c->over_time <= INT32_MAX)
		sa->expires_at += IKE_SECONDS((ike_time)c->over_time);
	else
		sa->expires_at = IKE_NEVER;
	if (sa->radius && sa->radius->ends_at < sa->expires_at)
		sa->expires_at = sa->radius->ends_at;
}

static void plan_session(struct ike_engine *e, struct ike_radius_session *radius)
{
	radius->ends_at = radius->session_timeout
				  ? e->now + IKE_SECONDS((ike_time)radius->session_timeout)
				  : IKE_NEVER;
}

void ike_sa_established(struct ike_engine *e, struct ike_sa *sa)
{
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	char local_id[IKE_IDENTITY_TEXT_MAX], remote_id[IKE_IDENTITY_TEXT_MAX];
	const struct ike_connection *c = sa->connection;

	ike_half_open_remove(e, sa);
	ike_tally(e, sa, IKE_TALLY_ESTABLISHED);
	if (sa->reauthenticates)
		ike_tally(e, sa, IKE_TALLY_REAUTHENTICATED);
	if (!ike_peers_add(e, sa))
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"out of memory: uniqueness of this peer is not watched");
	sa->was_established = sa->announced = true;
	sa->established_at = sa->last_received = e->now;
	sa->reauth_at = plan(e, c->reauth_time, c->rand_time);
	if (sa->radius)
		plan_session(e, sa->radius);
	ike_sa_plan(e, sa);
	ike_schedule_liveness(e, sa);
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
		"IKE_SA %s[%u] established between %s[%s]...%s[%s]", c->name, sa->unique_id,
		address_format(&sa->local, local), ike_identity_format(sa->local_id, local_id),
		address_format(&sa->remote, remote), ike_identity_format(sa->remote_id, remote_id));
	ike_sa_set_state(e, sa, IKE_SA_ESTABLISHED);
	ike_event(e, IKE_EVENT_IKE_UP, sa, NULL);
	ike_reload_came_up(e, sa, NULL);
}

void ike_sa_end_negotiation(struct ike_sa *sa)
{
	ike_negotiation_free(sa->negotiation);
	sa->negotiation = NULL;
}

void ike_sa_free(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_task *task;
	struct ike_child *child;

	while ((task = sa->active) || (task = sa->tasks)) {
		if (task == sa->active)
			sa->active = NULL;
		else
			sa->tasks = task->next;
		if (task->child && task->child->state == IKE_CHILD_CREATED) {
			ike_reqid_release(e, task->child->shared_reqid);
			ike_child_free(task->child);
		}
		ike_task_free(task);
	}
	while ((child = sa->children)) {
		sa->children = child->next;
		if (child->by_spi.tbl)
			HASH_DELETE(by_spi, e->children_by_spi, child);
		ike_reqid_release(e, child->shared_reqid);
		ike_child_free(child);
	}
	for (struct ike_followup *f; (f = sa->followups);) {
		sa->followups = f->next;
		if (f->child) {
			ike_reqid_release(e, f->child->shared_reqid);
			ike_child_free(f->child);
		}
		ike_followup_free(f);
	}
	ike_half_open_remove(e, sa);
	ikev1_free(sa->v1);
	ike_negotiation_free(sa->negotiation);
	free(sa->mobike);
	free(sa->answers_from);
	ike_redirect_free(sa->redirect);
	ike_radius_session_free(sa->radius);
	ike_virtual_free(sa->virtual);
	ike_certificate_free(sa->local_cert);
	free((void *)sa->remote_cert.at);
	ike_timer_remove(e, &sa->timer);
	if (sa->by_spi.tbl)
		HASH_DELETE(by_spi, e->by_spi, sa);
	if (sa->by_id.tbl)
		HASH_DELETE(by_id, e->by_id, sa);
	ike_packets_free(sa->request);
	ike_packets_free(sa->response);
	ike_reassembly_free(sa->reassembly_request);
	ike_reassembly_free(sa->reassembly_response);
	secret_free(&sa->keys);
	ike_peers_remove(e, sa);
	ike_identity_free(sa->local_id);
	ike_identity_free(sa->remote_id);
	ike_identity_free(sa->remote_eap_id);
	struct ike_connection *c = sa->connection ? ike_connection_hold(sa->connection) : NULL;
	ike_sa_set_connection(sa, NULL);
	if (c)
		ike_site_prune(e, c->name);
	ike_connection_free(c);
	e->sa_count--;
	free(sa);
}

/* Deleting what goes away anyway has succeeded; everything else has not. */
static void finish_tasks(
	struct ike_engine *e, struct ike_sa *sa, enum ike_reason reason, const char *text)
{
	struct ike_task *task;

	while ((task = sa->active) || (task = sa->tasks)) {
		if (task == sa->active)
			sa->active = NULL;
		else
			sa->tasks = task->next;
		task->replaces = NULL;
		bool deleting =
			task->kind == IKE_TASK_DELETE_IKE || task->kind == IKE_TASK_DELETE_CHILD;
		if (!deleting && task->reason == IKE_REASON_NONE)
			task->reason = (uint8_t)reason;
		if (task->kind == IKE_TASK_DELETE_CHILD && task->child)
			ike_child_destroy(e, task->child, (enum ike_reason)task->reason);
		ike_task_finish(e, task, deleting, text);
	}
}

/* An SA that is being deleted ends for what it is deleted for, however that goes. */
static enum ike_reason reason_of(const struct ike_sa *sa, const struct ike_failure *why)
{
	enum ike_reason reason = why ? why->reason : IKE_REASON_NONE;

	if (sa->active && sa->active->kind == IKE_TASK_DELETE_IKE)
		return (enum ike_reason)sa->active->reason;
	for (const struct ike_task *task = sa->tasks; task; task = task->next)
		if (task->kind == IKE_TASK_DELETE_IKE)
			return (enum ike_reason)task->reason;
	return reason;
}

/* Those that others are in charge for go first: nobody is to take them for a replacement. */
static void end_spare_children(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_child *child = sa->children;

	while (child) {
		if (!child->announced) {
			ike_child_destroy(e, child, IKE_REASON_REPLACED);
			child = sa->children;
		} else {
			child = child->next;
		}
	}
}

void ike_sa_destroy(struct ike_engine *e, struct ike_sa *sa, const struct ike_failure *why)
{
	char text[1800] = "IKE_SA ended";

	if (why && why->reason != IKE_REASON_NONE)
		ike_failure_format(why, text, sizeof(text));
	enum ike_reason reason = reason_of(sa, why);
	if (sa->announced && sa->state != IKE_SA_DELETING)
		ike_sa_set_state(e, sa, IKE_SA_DELETING);
	if (sa->announced && sa->version != 1)
		ike_event(e, IKE_EVENT_IKE_ENDS, sa, NULL);
	ike_reauth_ends(e, sa, reason);
	finish_tasks(e, sa, reason, text);
	ike_followups_drop(e, sa);
	end_spare_children(e, sa);
	while (sa->children)
		ike_child_destroy(e, sa->children, reason);
	/* Of IKEv1 the children are deleted one by one, before it. */
	if (sa->announced && sa->version == 1)
		ike_event(e, IKE_EVENT_IKE_ENDS, sa, NULL);
	if (sa->announced)
		ike_event(e, IKE_EVENT_IKE_DOWN, sa, NULL);
	ike_sa_set_state(e, sa, IKE_SA_DESTROYING);
	ike_virtual_end(e, sa);
	ike_sa_free(e, sa);
}
