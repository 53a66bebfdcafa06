#define HASH_NONFATAL_OOM 1 /* before uthash.h, which headers include */
#include "charon-lite/updown.h"

#include "charon-lite/updown_environment.h"
#include "charon-lite/updown_script.h"

#include <stdio.h>
#include <stdlib.h>

#include <utlist.h>

/* Connections whose scripts run at the same time. */
#define RUNNING_MAX 64
/* From then on, coming up and going down again that both still wait are left out. */
#define WAITING_MAX 64

/* One start of a script. */
struct run {
	struct run *prev, *next;
	uint32_t child_id;
	bool up;
	bool last; /* of the event: others before it are for other pairs of selectors */
	struct cl_updown_script script;
};

/* The runs of one connection. It exists while there are any. */
struct queue {
	UT_hash_handle hh;
	struct queue *prev, *next; /* of those that wait for their turn */
	struct cl_updown *updown;
	struct run *runs; /* the oldest first */
	unsigned count;
	bool overrun;               /* it was said that scripts are slower than events */
	struct cl_process *process; /* of the first run; NULL: it waits */
	char name[];
};

/* A child whose script was told that it is up. */
struct told {
	UT_hash_handle hh;
	uint32_t child_id;
	char interface[IF_NAMESIZE]; /* what was said then: scripts find their rules by it */
};

struct cl_updown {
	struct cl_log *log;
	struct cl_updown_config config;
	struct queue *queues;
	struct queue *ready;
	unsigned running;
	struct told *told;
};

/* ---- Runs and their queues ---- */

static void run_free(struct run *run)
{
	cl_updown_script_free(&run->script);
	free(run);
}

static void queue_drop_first(struct queue *queue)
{
	struct run *first = queue->runs;

	DL_DELETE(queue->runs, first);
	queue->count--;
	run_free(first);
}

static void queue_free(struct queue *queue)
{
	while (queue->runs)
		queue_drop_first(queue);
	HASH_DEL(queue->updown->queues, queue);
	free(queue);
}

static struct queue *queue_of(struct cl_updown *u, const char *connection)
{
	size_t length = strlen(connection);
	struct queue *queue;

	HASH_FIND(hh, u->queues, connection, length, queue);
	if (queue || !(queue = calloc(1, sizeof(*queue) + length + 1)))
		return queue;
	queue->updown = u;
	memcpy(queue->name, connection, length);
	HASH_ADD(hh, u->queues, name[0], length, queue);
	if (!queue->hh.tbl) {
		free(queue);
		return NULL;
	}
	DL_APPEND(u->ready, queue);
	return queue;
}

static void ended(void *context);

/* Starts what may start. A script that cannot be started counts as one that has failed. */
static void advance(struct cl_updown *u)
{
	while (u->ready && u->running < RUNNING_MAX) {
		struct queue *queue = u->ready;
		struct why why;

		DL_DELETE(u->ready, queue);
		queue->runs->script.limit = u->config.limit;
		queue->process =
			cl_updown_script_start(&queue->runs->script, u->config.processes, &why);
		if (queue->process) {
			u->running++;
			continue;
		}
		cl_log_text(u->log, IKE_LOG_CHD, IKE_LOG_AUDIT,
			"updown: script of '%s' does not run: %s", queue->name, why.text);
		queue_drop_first(queue);
		if (queue->runs)
			DL_APPEND(u->ready, queue);
		else
			queue_free(queue);
	}
}

static void ended(void *context)
{
	struct queue *queue = context;
	struct cl_updown *u = queue->updown;

	queue->process = NULL;
	u->running--;
	queue_drop_first(queue);
	if (queue->runs)
		DL_APPEND(u->ready, queue);
	else
		queue_free(queue);
	advance(u);
	if (cl_updown_is_idle(u) && u->config.idle)
		u->config.idle(u->config.context);
}

/* A tunnel that flaps faster than its script runs: nobody has to hear now that it was up in the
 * meantime. True when the child's coming up still waited: then its going down is no news. */
static bool cancel_up(struct cl_updown *u, const char *connection, uint32_t child_id)
{
	size_t length = strlen(connection);
	struct queue *queue;
	struct run *run, *next;
	bool cancelled = false;

	HASH_FIND(hh, u->queues, connection, length, queue);
	if (!queue || queue->count < WAITING_MAX)
		return false;
	for (run = queue->runs->next; run; run = next) {
		next = run->next;
		/* when the first pair of the event has run, all have to */
		if (run->child_id != child_id || !run->up ||
			(!cancelled && run->prev->child_id == child_id && !run->prev->last))
			continue;
		cancelled = true;
		DL_DELETE(queue->runs, run);
		queue->count--;
		run_free(run);
	}
	if (cancelled)
		cl_log_text(u->log, IKE_LOG_CHD, IKE_LOG_INFO,
			"updown: scripts of '%s' are slower than its tunnels come and go: one up "
			"and "
			"down is left out",
			connection);
	return cancelled;
}

/* ---- What was told ---- */

static struct told *told_find(const struct cl_updown *u, uint32_t child_id)
{
	struct told *told;

	HASH_FIND(hh, u->told, &child_id, sizeof(child_id), told);
	return told;
}

static struct told *told_add(struct cl_updown *u, const struct ike_sa *sa, uint32_t child_id)
{
	struct told *told = calloc(1, sizeof(*told));

	if (!told)
		return NULL;
	told->child_id = child_id;
	if (!u->config.interface(u->config.context, &sa->local, told->interface))
		snprintf(told->interface, IF_NAMESIZE, "unknown");
	HASH_ADD(hh, u->told, child_id, sizeof(told->child_id), told);
	if (told->hh.tbl)
		return told;
	free(told);
	return NULL;
}

static void told_free(struct cl_updown *u, struct told *told)
{
	HASH_DEL(u->told, told);
	free(told);
}

/* A rekeying: the new child goes on where the old one was. */
static void told_pass_on(struct cl_updown *u, uint32_t from, uint32_t to)
{
	struct told *told = told_find(u, from);

	if (!told || told_find(u, to))
		return;
	HASH_DEL(u->told, told);
	told->child_id = to;
	HASH_ADD(hh, u->told, child_id, sizeof(told->child_id), told);
	if (!told->hh.tbl)
		free(told);
}

/* ---- Events ---- */

static struct run *run_new(const struct ike_sa *sa, const struct ike_child *child,
	const struct cl_updown_pair *pair, bool up, const char *interface)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->child_id = child->unique_id;
	run->up = up;
	run->script.ike_id = sa->unique_id;
	run->script.command = strdup(child->config->updown);
	if (run->script.command &&
		cl_updown_environment(sa, child, pair, up, interface, &run->script.environment))
		return run;
	run_free(run);
	return NULL;
}

static bool enqueue(struct cl_updown *u, const struct ike_sa *sa, const struct ike_child *child,
	const struct cl_updown_pair *pair, bool up, const char *interface)
{
	struct queue *queue = queue_of(u, sa->connection->name);
	struct run *run = queue ? run_new(sa, child, pair, up, interface) : NULL;

	if (!run) {
		if (queue && !queue->runs) {
			DL_DELETE(u->ready, queue);
			queue_free(queue);
		}
		return false;
	}
	run->script.connection = queue->name; /* the definition may go before it runs */
	run->script.log = u->log;
	run->script.context = queue;
	run->script.ended = ended;
	DL_APPEND(queue->runs, run);
	queue->count++;
	return true;
}

static void mark_last(struct cl_updown *u, const char *connection)
{
	size_t length = strlen(connection);
	struct queue *queue;

	HASH_FIND(hh, u->queues, connection, length, queue);
	if (queue)
		queue->runs->prev->last = true;
}

static void say_approximation(struct cl_updown *u, const struct ike_selector *s)
{
	char text[IKE_SELECTOR_TEXT_MAX];

	if (cl_updown_is_approximate(s))
		cl_log_text(u->log, IKE_LOG_CHD, IKE_LOG_INFO,
			"updown: the script is told of the network around %s, which has no prefix",
			ike_selector_format(s, text));
}

static void changed(struct cl_updown *u, const struct ike_sa *sa, const struct ike_child *child,
	bool up, const char *interface)
{
	const char *connection = sa->connection->name;
	struct cl_updown_pair pair;
	bool complete = true;
	unsigned at = 0;

	if (!up && cancel_up(u, connection, child->unique_id))
		return;
	while (cl_updown_next_pair(child, &at, &pair)) {
		say_approximation(u, pair.local);
		say_approximation(u, pair.remote);
		complete = enqueue(u, sa, child, &pair, up, interface) && complete;
	}
	mark_last(u, connection);
	if (!complete)
		cl_log_text(u->log, IKE_LOG_CHD, IKE_LOG_AUDIT,
			"updown: no memory to run the script of '%s'", connection);
	advance(u);
}

static void child_up(struct cl_updown *u, const struct ike_event *event)
{
	struct told *told;

	if (!event->child->config->updown || told_find(u, event->child->unique_id))
		return;
	told = told_add(u, event->sa, event->child->unique_id);
	if (told)
		changed(u, event->sa, event->child, true, told->interface);
	else
		cl_log_text(u->log, IKE_LOG_CHD, IKE_LOG_AUDIT,
			"updown: no memory to run the script of '%s'", event->sa->connection->name);
}

static void child_down(struct cl_updown *u, const struct ike_sa *sa, const struct ike_child *child)
{
	struct told *told = told_find(u, child->unique_id);

	if (!told)
		return;
	if (child->config->updown)
		changed(u, sa, child, false, told->interface);
	told_free(u, told);
}

void cl_updown_event(struct cl_updown *u, const struct ike_event *event)
{
	switch (event->kind) {
	case IKE_EVENT_CHILD_UP:
		child_up(u, event);
		break;
	case IKE_EVENT_CHILD_DOWN:
		child_down(u, event->sa, event->child);
		break;
	case IKE_EVENT_CHILD_REKEY:
		told_pass_on(u, event->child->unique_id, event->other_child->unique_id);
		break;
	default:
		break;
	}
}

void cl_updown_all_down(struct cl_updown *u, const struct ike_engine *e)
{
	const struct ike_sa *sa;

	for (sa = ike_engine_sa_next(e, NULL); sa; sa = ike_engine_sa_next(e, sa))
		for (const struct ike_child *child = sa->children; child; child = child->next)
			child_down(u, sa, child);
}

bool cl_updown_is_idle(const struct cl_updown *u)
{
	return u->queues == NULL;
}

/* ---- Opening and closing ---- */

bool cl_updown_open(struct cl_log *log, const struct cl_updown_config *config,
	struct cl_updown **ret, struct why *why)
{
	struct cl_updown *u = calloc(1, sizeof(*u));

	if (!u)
		return why_fail(why, "no memory for updown scripts");
	u->log = log;
	u->config = *config;
	*ret = u;
	return true;
}

void cl_updown_close(struct cl_updown *u)
{
	struct queue *queue, *next_queue;
	struct told *told, *next_told;
	unsigned waiting = 0;

	if (!u)
		return;
	HASH_ITER(hh, u->queues, queue, next_queue)
	{
		waiting += queue->count - (queue->process ? 1 : 0);
		if (queue->process)
			cl_updown_script_kill(&queue->runs->script, queue->process);
		queue_free(queue);
	}
	if (waiting > 0)
		cl_log_text(u->log, IKE_LOG_CHD, IKE_LOG_AUDIT,
			"updown: %u scripts that waited for their turn do not run", waiting);
	HASH_ITER(hh, u->told, told, next_told)
	{
		told_free(u, told);
	}
	free(u);
}

void cl_updown_limit(struct cl_updown *u, uint32_t seconds)
{
	u->config.limit = seconds;
}
