/* The clock, what is planned, complaints. */
#include "testing/sim/world.h"

#include "libike/crypto/crypto.h"

#include <stdarg.h>
#include <stdlib.h>

/* More steps than any honest run takes. */
#define STEPS_MAX 4000000
/* Ticks at one time: an engine may need a few, not this many. */
#define TICKS_MAX 200

void sim_trace_octets(struct sim_world *w, struct bytes octets)
{
	for (size_t i = 0; i < octets.length; i++)
		w->hash = (w->hash ^ octets.at[i]) * UINT64_C(0x100000001b3);
}

void sim_trace(struct sim_world *w, const char *format, ...)
{
	char text[1400];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	sim_trace_octets(w, bytes_of(&w->now, sizeof(w->now)));
	sim_trace_octets(w, bytes_of_text(text));
	if (w->verbose)
		printf("%9.3f %s\n", (double)w->now / 1000, text);
}

void sim_complain(struct sim_world *w, const char *format, ...)
{
	char text[500];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	if (w->complaints++ == 0)
		snprintf(w->complaint, sizeof(w->complaint), "at %.3f s: %s", (double)w->now / 1000,
			text);
	sim_trace(w, "COMPLAINT %s", text);
}

struct sim_plan *sim_world_plan(struct sim_world *w, ike_time at,
	void (*run)(struct sim_world *w, void *context, uint64_t argument), void *context,
	uint64_t argument)
{
	struct sim_plan *plan = calloc(1, sizeof(*plan));
	struct sim_plan **place = &w->plans;

	if (!plan)
		abort();
	*plan = (struct sim_plan){ NULL, at, ++w->order, run, context, argument, false };
	while (*place && (*place)->at <= at)
		place = &(*place)->next;
	plan->next = *place;
	*place = plan;
	return plan;
}

static void plan_free(struct sim_plan *plan)
{
	if (plan->owns_context)
		free(plan->context);
	free(plan);
}

static void tick(struct sim_node *n)
{
	struct sim_world *w = n->world;

	if (n->ticked_at != w->now) {
		n->ticked_at = w->now;
		n->ticks = 0;
	}
	if (++n->ticks > TICKS_MAX) {
		sim_complain(w, "%s: ticks without end at one time", n->name);
		w->steps = STEPS_MAX;
		return;
	}
	if (n->kernel.next <= sim_node_now(n)) {
		sim_traffic_expire(n);
		return;
	}
	sim_trace_octets(w, bytes_of("tick", 4));
	sim_node_enter(n);
	ike_engine_tick(n->engine, sim_node_now(n));
	sim_node_leave(n);
}

/* By the world's clock: when the node's engine or kernel has to be woken. */
static ike_time wakes_at(const struct sim_node *n)
{
	ike_time at = n->engine ? ike_engine_deadline(n->engine) : IKE_NEVER;

	at = n->kernel.next < at ? n->kernel.next : at;
	return at == IKE_NEVER ? at : at - n->clock_ahead;
}

bool sim_world_step(struct sim_world *w, ike_time until)
{
	ike_time at = until;
	struct sim_node *ticking = NULL;

	if (++w->steps > STEPS_MAX) {
		if (w->steps == STEPS_MAX + 1)
			sim_complain(w, "no end of events");
		return false;
	}
	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_node *n = &w->nodes[i];
		ike_time deadline = wakes_at(n);

		if (deadline <= at && (!ticking || deadline < at)) {
			ticking = n;
			at = deadline;
		}
	}
	if (w->plans && w->plans->at <= at &&
		(!w->flights || w->by_hand || w->plans->at <= w->flights->at)) {
		struct sim_plan *plan = w->plans;

		w->plans = plan->next;
		w->now = plan->at > w->now ? plan->at : w->now;
		plan->run(w, plan->context, plan->argument);
		plan_free(plan);
		return true;
	}
	if (w->flights && !w->by_hand && w->flights->at <= at) {
		struct sim_flight *flight = w->flights;

		w->flights = flight->next;
		w->now = flight->at > w->now ? flight->at : w->now;
		sim_network_deliver(w, flight);
		return true;
	}
	if (!ticking)
		return false;
	w->now = at > w->now ? at : w->now;
	tick(ticking);
	return true;
}

void sim_world_run(struct sim_world *w, ike_time until)
{
	while (sim_world_step(w, until))
		;
	if (w->now < until)
		w->now = until;
}

/* About to go, or waiting for the peer's last message. */
static bool child_waits(const struct sim_node *n, const struct ike_child *c)
{
	if (c->state == IKE_CHILD_DELETED || (c->sa->version == 1 && c->handover))
		return true;
	/* With IKEv1 one end deletes what was rekeyed, a little later; the other one, if that did
	 * not arrive, after three minutes. */
	return c->state == IKE_CHILD_REKEYED && c->expires_at != IKE_NEVER &&
	       c->expires_at <= sim_node_now(n) + IKE_SECONDS(180);
}

bool sim_world_rests(const struct sim_world *w)
{
	if (w->flights || w->plans)
		return false;
	for (size_t i = 0; i < w->node_count; i++) {
		const struct ike_sa *sa = NULL;

		if (!w->nodes[i].engine)
			continue;
		while ((sa = ike_engine_sa_next(w->nodes[i].engine, sa)) != NULL) {
			if (sa->state != IKE_SA_ESTABLISHED || sa->active || sa->tasks ||
				sa->followups)
				return false;
			for (const struct ike_child *c = sa->children; c; c = c->next) {
				if (child_waits(&w->nodes[i], c))
					return false;
			}
		}
	}
	return true;
}

void sim_world_settle(struct sim_world *w, ike_time until)
{
	while (!sim_world_rests(w) && sim_world_step(w, until))
		;
}

void sim_world_begin(struct sim_world *w, uint64_t seed)
{
	struct sim_library *libraries[SIM_NODES_MAX];
	struct sim_library *seal_library = w->seal_library;
	struct ike_crypto *seal_crypto = w->seal_crypto;

	for (size_t i = 0; i < SIM_NODES_MAX; i++)
		libraries[i] = w->nodes[i].library;
	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < SIM_NODES_MAX; i++)
		w->nodes[i].library = libraries[i];
	w->seal_library = seal_library;
	w->seal_crypto = seal_crypto;
	w->seed = seed;
	w->now = 1000;
	w->hash = UINT64_C(0xcbf29ce484222325);
	w->log_level = IKE_LOG_INFO;
	w->faults = (struct sim_faults){ .delay_from = 10, .delay_to = 10 };
	w->faults_until = IKE_NEVER;
	w->checks = true;
	sim_random_seed(&w->random, seed);
}

void sim_world_end(struct sim_world *w)
{
	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_node *n = &w->nodes[i];

		ike_engine_free(n->engine);
		sim_node_forget_keys(n);
		n->engine = NULL;
		sim_kernel_flush(&n->kernel);
		for (size_t line = 0; line < SIM_LOG_LINES; line++) {
			free(n->log[line]);
			n->log[line] = NULL;
		}
	}
	sim_web_free(w);
	while (w->flights) {
		struct sim_flight *flight = w->flights;

		w->flights = flight->next;
		sim_flight_free(flight);
	}
	while (w->plans) {
		struct sim_plan *plan = w->plans;

		w->plans = plan->next;
		plan_free(plan);
	}
	while (w->commands) {
		struct sim_command *c = w->commands;

		w->commands = c->next;
		free(c);
	}
	sim_secrets_free(w);
	sim_check_sent_free(w);
}

void sim_world_free(struct sim_world *w)
{
	ike_crypto_free(w->seal_crypto);
	sim_library_free(w->seal_library);
	w->seal_crypto = NULL;
	w->seal_library = NULL;
	for (size_t i = 0; i < SIM_NODES_MAX; i++) {
		sim_library_free(w->nodes[i].library);
		w->nodes[i].library = NULL;
	}
}
