#include "testing/unit/engine/duo.h"

#include "libike/advice.h"

#include <stdlib.h>

/* Beyond the whole retransmission schedule. */
#define PATIENCE IKE_SECONDS(400)

struct duo duo_begin(bool sun_behind_nat)
{
	struct duo d = { .world = calloc(1, sizeof(*d.world)) };

	ck_assert_ptr_nonnull(d.world);
	sim_world_begin(d.world, 1);
	d.world->log_level = IKE_LOG_WIRE;
	d.moon = sim_node_add(d.world, false);
	d.sun = sim_node_add(d.world, sun_behind_nat);
	d.moon_psk = d.sun_psk = "what both of them know";
	d.moon_side = (struct sim_definition){
		.name = "sun",
		.remote_addrs = sun_behind_nat ? "%any" : "192.0.2.2",
		.local_id = "moon.example.org",
		.remote_id = "sun.example.org",
		.proposals = "aes128-sha256-x25519",
		.children = { {
			.name = "net",
			.proposals = "aes128gcm16",
			.local_ts = "10.1.0.0/16",
			.remote_ts = "10.2.0.0/16",
		} },
	};
	d.sun_side = d.moon_side;
	d.sun_side.name = "moon";
	d.sun_side.remote_addrs = "192.0.2.1";
	d.sun_side.local_id = "sun.example.org";
	d.sun_side.remote_id = "moon.example.org";
	d.sun_side.children[0].local_ts = "10.2.0.0/16";
	d.sun_side.children[0].remote_ts = "10.1.0.0/16";
	return d;
}

struct duo duo_begin_ikev1(bool aggressive)
{
	struct duo d = duo_begin(false);

	d.moon_side.version = d.sun_side.version = 1;
	d.moon_side.aggressive = d.sun_side.aggressive = aggressive;
	d.moon_side.proposals = d.sun_side.proposals = "aes128-sha256-ecp256";
	for (size_t i = 0; i < d.world->node_count; i++)
		d.world->nodes[i].settings.aggressive_psk = true;
	return d;
}

void duo_start(struct duo *d)
{
	struct why why = { "" };

	sim_node_start(d->moon);
	sim_node_start(d->sun);
	if (d->moon_psk)
		sim_node_psk(d->moon, d->moon_psk, NULL);
	if (d->sun_psk)
		sim_node_psk(d->sun, d->sun_psk, NULL);
	ck_assert_msg(sim_node_load(d->moon, sim_define(&d->moon_side), &why), "%s", why.text);
	ck_assert_msg(sim_node_load(d->sun, sim_define(&d->sun_side), &why), "%s", why.text);
}

void duo_start_certified(struct duo *d)
{
	d->moon_psk = d->sun_psk = NULL;
	d->moon_side.pubkey = d->sun_side.pubkey = true;
	duo_start(d);
	sim_node_certify(d->moon, "moon.example.org");
	sim_node_certify(d->sun, "sun.example.org");
}

const char *duo_name(const struct duo *d, const struct sim_node *n)
{
	return n == d->moon ? d->moon_side.name : d->sun_side.name;
}

const struct sim_command *duo_initiate(struct duo *d, struct sim_node *n, const char *child)
{
	struct why why = { "" };
	const struct sim_command *command = sim_node_initiate(n, duo_name(d, n), child, &why);

	ck_assert_msg(command, "%s", why.text);
	sim_world_settle(d->world, d->world->now + PATIENCE);
	ck_assert_uint_eq(command->answers, 1);
	return command;
}

void duo_up(struct duo *d, struct sim_node *n, const char *child)
{
	unsigned moons = duo_children(d->moon) + (child ? 1 : 0);
	const struct sim_command *command = duo_initiate(d, n, child);

	ck_assert_msg(command->done, "%s", command->text);
	ck_assert_uint_eq(duo_children(d->moon), moons);
	ck_assert_uint_eq(sim_check_agreement(d->world, false), 0);
	ck_assert_msg(d->world->complaints == 0, "%s", d->world->complaint);
}

void duo_down(struct duo *d, struct sim_node *n)
{
	struct ike_terminate what = { .ike = duo_name(d, n) };
	struct why why = { "" };
	const struct sim_command *command = sim_node_terminate(n, &what, &why);

	ck_assert_msg(command, "%s", why.text);
	sim_world_settle(d->world, d->world->now + PATIENCE);
	ck_assert_msg(command->done, "%s", command->text);
	for (size_t i = 0; i < d->world->node_count; i++) {
		ck_assert_uint_eq(duo_ike_sas(&d->world->nodes[i]), 0);
		ck_assert_ptr_null(d->world->nodes[i].kernel.sas);
		ck_assert_ptr_null(d->world->nodes[i].kernel.policies);
	}
}

enum sim_fate duo_send_from(struct duo *d, struct sim_node *n)
{
	const struct sim_definition *side = n == d->moon ? &d->moon_side : &d->sun_side;
	struct ike_selector local, remote;
	struct sim_packet packet;
	struct why why;

	ck_assert(ike_selector_parse(side->children[0].local_ts, &local, &why));
	ck_assert(ike_selector_parse(side->children[0].remote_ts, &remote, &why));
	packet = sim_packet_of(&local, &remote);
	return sim_traffic_send(n, &packet, NULL);
}

void duo_both_ways(struct duo *d)
{
	ck_assert_int_eq(duo_send_from(d, d->sun), SIM_ARRIVED);
	ck_assert_int_eq(duo_send_from(d, d->moon), SIM_ARRIVED);
}

struct address duo_address(const char *text)
{
	struct address a = { .family = 0 };

	if (text)
		ck_assert(address_parse(text, &a));
	return a;
}

void duo_move(struct sim_node *n, size_t index, const char *text)
{
	struct address a = duo_address(text);

	sim_node_move(n, index, &a);
}

void duo_is_at(const struct address *is, const char *text)
{
	char buffer[ADDRESS_TEXT_MAX];

	ck_assert_str_eq(address_format(is, buffer), text);
}

void duo_two_children(struct duo *d)
{
	for (int i = 0; i < 2; i++) {
		struct sim_definition *side = i ? &d->moon_side : &d->sun_side;

		side->children[1] = side->children[0];
		side->children[1].name = "web";
		side->children[1].local_ts = i ? "10.3.0.0/16" : "10.4.0.0/16";
		side->children[1].remote_ts = i ? "10.4.0.0/16" : "10.3.0.0/16";
	}
}

bool duo_drop(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct duo_dropper *dropper = context;

	(void)w;
	(void)flight;
	dropper->seen++;
	return dropper->seen != dropper->drop && dropper->seen != dropper->and_drop;
}

static void stream_send(struct sim_world *w, void *context, uint64_t argument)
{
	struct duo_stream *s = context;
	struct sim_node *from[2] = { s->duo->moon, s->duo->sun };

	(void)argument;
	for (size_t i = 0; i < 2; i++) {
		s->sent++;
		s->arrived += sim_traffic_send(from[i], &s->packets[i], NULL) == SIM_ARRIVED;
	}
	if (w->now < s->until)
		sim_world_plan(w, w->now + 5, stream_send, s, 0);
}

void duo_stream_begin(struct duo *d, struct duo_stream *s, ike_time seconds)
{
	const struct sim_definition *sides[2] = { &d->moon_side, &d->sun_side };

	*s = (struct duo_stream){ .duo = d, .until = d->world->now + IKE_SECONDS(seconds) };
	for (size_t i = 0; i < 2; i++) {
		struct ike_selector local, remote;
		struct why why;

		ck_assert(ike_selector_parse(sides[i]->children[0].local_ts, &local, &why));
		ck_assert(ike_selector_parse(sides[i]->children[0].remote_ts, &remote, &why));
		s->packets[i] = sim_packet_of(&local, &remote);
	}
	sim_world_plan(d->world, d->world->now, stream_send, s, 0);
}

void duo_pass(struct duo *d, ike_time milliseconds)
{
	sim_world_run(d->world, d->world->now + milliseconds);
}

struct sim_node *duo_other(struct duo *d, const struct sim_node *n)
{
	return n == d->moon ? d->sun : d->moon;
}

const struct ike_sa *duo_sa(const struct sim_node *n)
{
	return ike_engine_sa_next(n->engine, NULL);
}

bool duo_soft_expire(struct sim_node *n)
{
	const struct ike_child *child = duo_sa(n)->children;

	ck_assert_ptr_nonnull(child);
	while (child && child->state != IKE_CHILD_INSTALLED)
		child = child->next;
	if (!child)
		return false;
	struct ike_kernel_id id = ike_child_kernel_id(child, true);
	sim_node_expire(n, &id, false);
	return true;
}

const struct ike_failure *duo_last_failure(const struct duo *d, const struct sim_node *n)
{
	const struct ike_failure_record *r = ike_engine_failure(n->engine, duo_name(d, n), 0);

	ck_assert_ptr_nonnull(r);
	return &r->failure;
}

const struct ike_sa *duo_only_sa(const struct sim_node *n)
{
	const struct ike_sa *sa = duo_sa(n);

	ck_assert_ptr_nonnull(sa);
	ck_assert_ptr_null(ike_engine_sa_next(n->engine, sa));
	return sa;
}

unsigned duo_ike_sas(const struct sim_node *n)
{
	struct ike_engine_stats stats;

	ike_engine_stats(n->engine, &stats);
	return stats.ike_sas;
}

unsigned duo_children(const struct sim_node *n)
{
	const struct ike_sa *sa = NULL;
	unsigned count = 0;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		for (const struct ike_child *c = sa->children; c; c = c->next)
			count++;
	}
	return count;
}

void duo_end(struct duo *d)
{
	for (size_t i = 0; i < d->world->node_count; i++)
		sim_check_rest(&d->world->nodes[i]);
	(void)sim_check_agreement(d->world, false);
	sim_check_commands(d->world);
	sim_secrets_check_hex(d->world);
	ck_assert_msg(d->world->complaints == 0, "%s", d->world->complaint);
	sim_world_end(d->world);
	sim_world_free(d->world);
	free(d->world);
}

/* ---- Failures ---- */

const struct ike_failure_record *duo_failure(
	const struct sim_node *n, const char *connection, enum ike_reason reason)
{
	const struct ike_failure_record *record;

	for (size_t i = 0; (record = ike_engine_failure(n->engine, connection, i)); i++)
		if (record->failure.reason == reason)
			return record;
	ck_abort_msg("%s keeps no %s for %s", n->name, ike_reason_name(reason),
		connection ? connection : "nobody");
	return NULL;
}

void duo_contains(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no '%s' in: %s", part, text);
}

const struct ike_failure_record *duo_explains(const struct sim_node *n, const char *connection,
	enum ike_reason reason, const char *cause, const char *cure)
{
	const struct ike_failure_record *record = duo_failure(n, connection, reason);
	struct ike_advice advice;

	ike_advise(record, connection, &advice);
	duo_contains(advice.cause, cause);
	duo_contains(advice.cure, cure);
	return record;
}
