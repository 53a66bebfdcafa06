/* begin-load, commit-load, confirm-load: a whole configuration in one go. Ours;
 * docs/ARCHITECTURE.md has the messages. */
#include "charon-lite/control/command.h"
#include "charon-lite/control/staging.h"
#include "charon-lite/control/trial.h"
#include "libvici/value.h"

#include <stdio.h>
#include <stdlib.h>

/* Begins anew when one is under way. */
void cl_command_begin_load(struct cl_client *c, struct vici_view request)
{
	struct cl_staging *staging = cl_staging_new(cl_client_daemon(c));

	(void)request;
	if (cl_client_daemon(c)->judging) { /* what it is asked about it has loaded */
		cl_staging_free(staging);
		staging = NULL;
	}
	cl_client_stage(c, staging);
	if (staging)
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "out of memory");
}

/* ---- commit-load ---- */

struct commit {
	const struct cl_staged *next; /* to be told of */
	bool all;                     /* not those alone that are refused */
	bool strict, dry_run, applied;
	uint32_t confirm; /* seconds; 0: it needs no confirmation */
	struct why why;   /* nothing is applied for this reason; "": there is none */
	size_t refused;
};

static void send_change(struct cl_client *c, const struct cl_staged *o)
{
	struct vici_builder b = cl_event_packet(CL_EVENT_LOAD_CHANGE);

	vici_key_text(&b, "kind", o->kind->name);
	vici_key_text(&b, "name", o->title ? o->title : cl_staged_name(o));
	vici_key_text(&b, "change", o->refused ? "refused" : cl_effect_name(o->change.effect));
	if (!o->refused && o->change.keys)
		vici_key_text(&b, "keys", o->change.keys);
	if (o->refused) {
		vici_key_text(&b, "errmsg", o->error ? o->error : "out of memory");
		vici_key_bool(&b, "late", o->late);
	}
	cl_client_event_take(c, CL_EVENT_LOAD_CHANGE, &b);
}

static bool is_told(const struct commit *commit, const struct cl_staged *o)
{
	if (o->refused)
		return true;
	return commit->all && !(o->kind->implied && o->change.effect == CL_UNCHANGED);
}

static bool tell_next(struct cl_client *c, void *state)
{
	struct commit *commit = state;

	while (commit->next && !is_told(commit, commit->next))
		commit->next = commit->next->hh.next;
	if (!commit->next)
		return false;
	send_change(c, commit->next);
	commit->next = commit->next->hh.next;
	return true;
}

static void finish(struct cl_client *c, void *state)
{
	const struct commit *commit = state;
	struct vici_builder b = cl_client_answer();
	bool good = (!commit->strict || commit->refused == 0) && !*commit->why.text;

	vici_key_bool(&b, "success", good);
	if (*commit->why.text)
		vici_key_text(&b, "errmsg", commit->why.text);
	else if (!good)
		vici_key_format(&b, "errmsg", "%s: %zu refused",
			commit->applied ? "not all is applied" : "nothing is applied",
			commit->refused);
	vici_key_bool(&b, "applied", commit->applied);
	vici_key_format(&b, "refused", "%zu", commit->refused);
	cl_client_stage(c, NULL);
	cl_client_reply(c, &b);
}

static void log_applied(const struct cl_daemon *d, const struct cl_staging *s, size_t refused)
{
	size_t loads = 0, unloads = 0;

	for (const struct cl_staged *o = s->objects; o; o = o->hh.next) {
		if (o->refused)
			continue;
		loads += o->loads;
		unloads += !o->loads;
	}
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO,
		"applied a configuration: %zu objects loaded, %zu unloaded, %zu refused", loads,
		unloads, refused);
}

/* Whether it is to be applied: with a confirmation, once it can be taken back. */
static bool may_apply(struct cl_daemon *d, struct cl_staging *s, struct commit *commit)
{
	struct why *why = &commit->why;

	if (commit->dry_run || (commit->strict && commit->refused > 0))
		return false;
	if (commit->confirm && !cl_trial_begin(d, s, commit->confirm, why))
		return why_prefix(why, "nothing is applied, as it could not be taken back: ");
	if (!commit->confirm && cl_trial_refuses(d, s, why)) {
		cl_staging_apply_keys(s);
		return false;
	}
	if (!commit->confirm && !cl_trial_gives_way(d, s, why))
		return why_prefix(why, "nothing is applied: ");
	return true;
}

static void run(struct cl_client *c, struct cl_staging *s, struct commit *commit)
{
	struct cl_daemon *d = cl_client_daemon(c);

	commit->refused = cl_staging_plan(s, commit->all || commit->confirm || cl_trial_is(d));
	if (may_apply(d, s, commit)) {
		commit->refused += cl_staging_apply(s);
		commit->applied = true;
		log_applied(d, s, commit->refused);
		cl_trial_applied(d, s);
	}
	commit->next = s->objects;
	cl_client_walk_to(c, tell_next, finish, commit, free);
}

/* *ret: 0 when it is not asked for. What is misspelled must not pass for that. */
static bool read_confirm(struct vici_view request, uint32_t *ret)
{
	int64_t seconds = 0;

	*ret = 0;
	if (!vici_present(vici_find(request, "confirm")))
		return true;
	if (!value_signed(vici_get(request, "confirm"), &seconds) || seconds < 1 ||
		seconds > CL_TRIAL_SECONDS_MAX)
		return false;
	*ret = (uint32_t)seconds;
	return true;
}

void cl_command_commit_load(struct cl_client *c, struct vici_view request)
{
	struct cl_staging *s = cl_client_staging(c);
	struct commit *commit;
	uint32_t seconds;

	if (!read_confirm(request, &seconds)) {
		cl_client_reply_failure(c,
			"confirm: wanted a number of seconds from 1 to %d; nothing is applied",
			CL_TRIAL_SECONDS_MAX);
		return;
	}
	if (!s) {
		cl_client_reply_failure(c, "nothing is staged: commit-load comes after begin-load");
		return;
	}
	commit = calloc(1, sizeof(*commit));
	if (!commit) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	commit->strict = cl_request_bool(request, "strict");
	commit->all = cl_request_bool(request, "changes");
	commit->dry_run = cl_request_bool(request, "dry-run");
	commit->confirm = seconds;
	run(c, s, commit);
}

void cl_command_confirm_load(struct cl_client *c, struct vici_view request)
{
	struct why why;

	(void)request;
	if (cl_trial_confirm(cl_client_daemon(c), &why))
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}
