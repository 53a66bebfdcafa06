/*
 * Every order of delivery around collisions (RFC 7296 2.8, 2.25): two hosts with an IKE SA and one
 * or two children do two things at one time, and the network delivers what they say in every order
 * there is, and loses or repeats each message once.
 *
 * Enumerated are the first messages (LIMIT) of each end after the actions; later ones, if any, come
 * in the order of their sending. An order is a list of choices; the next one is found by running
 * the whole case anew with the same choices up to the last that can be taken differently.
 */
#include "testing/sim/definition.h"
#include "testing/sim/scenario.h"

#include <stdlib.h>

#define LIMIT 4
#define LIMIT_OF_NEW_SAS 2 /* where IKE SAs are set up there are many more messages */
#define REPEATS 1          /* of each end's first messages can come twice */
#define CHOICES_MAX 64
/* Beyond two whole retransmission schedules. */
#define PATIENCE IKE_SECONDS(400)
#define AFTERWARDS IKE_SECONDS(90)
#define DPD_DELAY 100

enum action {
	NOTHING,
	DPD,
	REKEY_CHILD,
	REKEY_IKE,
	REAUTH,
	DELETE_CHILD,
	DELETE_IKE,
	CREATE_CHILD,
	PACKET, /* that meets a trap */
	ACTIONS,
};

static const char *const action_names[ACTIONS] = { "nothing", "DPD", "rekey child", "rekey IKE",
	"reauth", "delete child", "delete IKE", "create child", "packet" };

#define BOTH_ENDS (ACTIONS * ACTIONS)
#define ONE_END (ACTIONS * ACTIONS)
#define PLACES (BOTH_ENDS + 2 * ONE_END + 1)
#define BOTH_START (PLACES - 1) /* nothing is up, and both ends have start_action = start */
/* Seeds. Where both ends rekey the same, so many that each end has the lowest nonce in some. */
#define SEEDS 2
#define SEEDS_OF_COLLISIONS 16

/* Moon made the IKE SA. */
struct orders_case {
	enum action actions[2][2]; /* node; first, second; NOTHING does nothing */
	bool both_start;
	bool two_children;
	bool pfs;
	bool several; /* key exchanges (RFC 9370); in collisions alone, as they take so long */
	uint64_t seed;
};

struct walk {
	uint8_t taken[CHOICES_MAX];
	uint8_t options[CHOICES_MAX];
	size_t length; /* known choices */
	size_t at;
};

struct orders {
	struct sim_world *w;
	struct orders_case is;
	struct walk walk;
	bool harmed; /* one message of this order was lost or repeated */
	uint32_t numbers[2];
	uint32_t limit;
	bool gapless; /* packets must get through at every moment */
};

static struct orders_case case_of_place(uint32_t place)
{
	struct orders_case c = { .seed = 1 };
	uint32_t pair = place % (ACTIONS * ACTIONS);

	c.both_start = place == BOTH_START;
	if (c.both_start)
		return c;
	if (place < BOTH_ENDS) {
		c.actions[0][0] = pair / ACTIONS;
		c.actions[1][0] = pair % ACTIONS;
	} else {
		size_t node = place < BOTH_ENDS + ONE_END ? 0 : 1;

		c.actions[node][0] = pair / ACTIONS;
		c.actions[node][1] = pair % ACTIONS;
	}
	return c;
}

static uint64_t seeds_of(const struct orders_case *c)
{
	enum action action = c->actions[0][0];

	return c->both_start || (action == c->actions[1][0] &&
					(action == REKEY_CHILD || action == REKEY_IKE ||
						action == PACKET))
		       ? SEEDS_OF_COLLISIONS
		       : SEEDS;
}

uint64_t orders_count(void)
{
	uint64_t count = 0;

	for (uint32_t place = 0; place < PLACES; place++) {
		struct orders_case c = case_of_place(place);

		count += 2 * seeds_of(&c);
	}
	return count;
}

static struct orders_case case_of(uint64_t seed)
{
	uint64_t number = (seed - 1) % orders_count();

	for (uint32_t place = 0;; place++) {
		struct orders_case c = case_of_place(place);
		uint64_t count = 2 * seeds_of(&c);

		if (number < count) {
			c.two_children = number % 2;
			c.seed = 1 + number / 2;
			c.pfs = c.seed % 2 == 0;
			c.several = c.seed % 8 == 4;
			return c;
		}
		number -= count;
	}
}

static bool does(const struct orders_case *c, enum action action)
{
	for (size_t i = 0; i < 4; i++) {
		if (c->actions[i / 2][i % 2] == action)
			return true;
	}
	return false;
}

/* ---- The walk ---- */

static uint32_t choose(struct walk *walk, uint32_t options)
{
	if (options <= 1 || walk->at == CHOICES_MAX)
		return 0;
	if (walk->at == walk->length) {
		walk->taken[walk->at] = 0;
		walk->length++;
	}
	walk->options[walk->at] = (uint8_t)options;
	return walk->taken[walk->at++];
}

static bool next_order(struct walk *walk)
{
	while (walk->length > 0) {
		size_t last = walk->length - 1;

		if (++walk->taken[last] < walk->options[last])
			return true;
		walk->length--;
	}
	return false;
}

static void walk_parse(struct walk *walk, const char *text)
{
	while (*text && walk->length < CHOICES_MAX) {
		char *end;

		walk->taken[walk->length++] = (uint8_t)strtoul(text, &end, 10);
		text = *end ? end + 1 : end;
	}
}

static void walk_format(const struct walk *walk, char *ret, size_t room)
{
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < walk->at && used + 5 < room; i++)
		used += (size_t)snprintf(ret + used, room - used, i ? ".%u" : "%u", walk->taken[i]);
}

/* ---- Hosts ---- */

static void define(const struct orders *o, size_t node, struct sim_definition *d)
{
	static const char *const sites[] = { "10.1.%c.0/24", "10.2.%c.0/24" };
	static char selectors[2][3][16]; /* what definitions point to */
	static const char *const names[] = { "net", "dmz", "new" };
	const struct orders_case *c = &o->is;

	*d = (struct sim_definition){
		.name = node ? "moon" : "sun",
		.remote_addrs = node ? "192.0.2.1" : "192.0.2.2",
		.local_id = node ? "sun.example.org" : "moon.example.org",
		.remote_id = node ? "moon.example.org" : "sun.example.org",
		.proposals = c->several ? "aes128gcm16-prfsha256-x25519-ke1_ecp256"
					: "aes128gcm16-prfsha256-x25519",
		.dpd_delay =
			does(c, DPD) && (c->actions[node][0] == DPD || c->actions[node][1] == DPD)
				? DPD_DELAY
				: 0,
	};
	for (size_t i = 0; i < 3; i++) {
		for (size_t side = 0; side < 2; side++)
			snprintf(selectors[side][i], sizeof(selectors[0][0]), sites[side],
				(char)('1' + i));
		d->children[i].name = names[i];
		d->children[i].proposals = c->several ? "aes128gcm16-x25519-ke1_ecp256"
					   : c->pfs   ? "aes128gcm16-x25519"
						      : "aes128gcm16";
		d->children[i].local_ts = selectors[node][i];
		d->children[i].remote_ts = selectors[!node][i];
		if (c->both_start && i <= c->two_children)
			d->children[i].start_action = IKE_ACTION_START;
	}
	if (c->actions[node][0] == PACKET || c->actions[node][1] == PACKET)
		d->children[2].start_action = IKE_ACTION_TRAP;
}

static void set_up(struct orders *o)
{
	struct sim_world *w = o->w;
	struct why why = { "" };

	w->by_hand = o->is.both_start;
	for (size_t i = 0; i < 2; i++) {
		struct sim_node *n = sim_node_add(w, false);
		struct sim_definition d;

		n->settings.retransmit_timeout = IKE_SECONDS(1);
		sim_node_start(n);
		sim_node_psk(n, "what both of them know", NULL);
		define(o, i, &d);
		if (!sim_node_load(n, sim_define(&d), &why))
			sim_complain(w, "%s", why.text);
	}
	if (o->is.both_start)
		return;
	(void)sim_node_initiate(&w->nodes[0], "sun", "net", &why);
	sim_world_settle(w, w->now + PATIENCE);
	if (o->is.two_children) {
		(void)sim_node_initiate(&w->nodes[0], "sun", "dmz", &why);
		sim_world_settle(w, w->now + PATIENCE);
	}
	w->by_hand = true;
	/* A request that waits for nobody: the liveness checks that are due. */
	if (does(&o->is, DPD))
		sim_world_run(w, w->now + IKE_SECONDS(DPD_DELAY) + 500);
}

static enum sim_fate send_packet(struct orders *o, struct sim_node *n, size_t child)
{
	struct ike_selector local, remote;
	struct sim_packet packet;
	struct sim_definition d;
	struct why why;

	define(o, n->index, &d);
	if (!ike_selector_parse(d.children[child].local_ts, &local, &why) ||
		!ike_selector_parse(d.children[child].remote_ts, &remote, &why))
		abort();
	packet = sim_packet_of(&local, &remote);
	return sim_traffic_send(n, &packet, NULL);
}

static void act(struct orders *o, struct sim_node *n, enum action action)
{
	const char *ike = n->index ? "moon" : "sun";
	struct ike_rekey rekey = { 0 };
	struct ike_terminate terminate = { 0 };
	struct why why = { "" };

	switch (action) {
	case REKEY_CHILD:
		rekey.child = "net";
		(void)sim_node_rekey(n, &rekey, &why);
		break;
	case REKEY_IKE:
	case REAUTH:
		rekey.ike = ike;
		rekey.reauth = action == REAUTH;
		(void)sim_node_rekey(n, &rekey, &why);
		break;
	case DELETE_CHILD:
		terminate.child = "net";
		(void)sim_node_terminate(n, &terminate, &why);
		break;
	case DELETE_IKE:
		terminate.ike = ike;
		(void)sim_node_terminate(n, &terminate, &why);
		break;
	case CREATE_CHILD:
		(void)sim_node_initiate(n, ike, "new", &why);
		break;
	case PACKET:
		(void)send_packet(o, n, 2);
		break;
	default:
		break;
	}
}

/* ---- Delivery ---- */

static void check_gapless(struct orders *o)
{
	static const char *const names[] = { "net", "dmz" };
	struct sim_world *w = o->w;

	for (size_t i = 0; o->gapless && i < 2u + 2u * o->is.two_children; i++) {
		struct sim_node *n = &w->nodes[i % 2];
		enum sim_fate fate = send_packet(o, n, i / 2);

		if (fate != SIM_ARRIVED)
			sim_complain(w, "%s: a packet of %s %s", n->name, names[i / 2],
				sim_fate_name(fate));
	}
}

static void number_new_ones(struct orders *o)
{
	for (struct sim_flight *f = o->w->flights; f; f = f->next) {
		if (f->number == 0)
			f->number = ++o->numbers[f->from];
	}
}

static struct sim_flight *take(struct sim_world *w, const struct sim_flight *wanted)
{
	struct sim_flight **at = &w->flights;
	struct sim_flight *f;

	while (*at != wanted)
		at = &(*at)->next;
	f = *at;
	*at = f->next;
	f->next = NULL;
	return f;
}

static void lose(struct sim_world *w, struct sim_flight *f)
{
	sim_trace(w, "a message from %s is lost", w->nodes[f->from].name);
	sim_flight_free(f);
}

/* One comes now, the other later. */
static struct sim_flight *copy_of(const struct sim_flight *f)
{
	struct sim_flight *copy = malloc(sizeof(*copy));
	uint8_t *data = malloc(f->capacity);

	if (!copy || !data)
		abort();
	*copy = *f;
	copy->data = data;
	memcpy(data, f->data, f->length);
	copy->next = NULL;
	return copy;
}

static void deliver_one(struct orders *o)
{
	struct sim_world *w = o->w;
	struct sim_flight *candidates[16];
	uint32_t count = 0;
	uint32_t limited = 0;  /* that can be lost; they come first */
	uint32_t repeated = 0; /* that can come twice; before those */
	uint32_t choice;
	struct sim_flight *f;

	number_new_ones(o);
	for (f = w->flights; f && count < 15; f = f->next) {
		if (f->number <= REPEATS)
			candidates[count++] = f;
	}
	repeated = count;
	for (f = w->flights; f && count < 15; f = f->next) {
		if (f->number > REPEATS && f->number <= o->limit)
			candidates[count++] = f;
	}
	limited = count;
	for (f = w->flights; f && count == limited; f = f->next) {
		if (f->number > o->limit)
			candidates[count++] = f;
	}
	choice = choose(&o->walk, count + (o->harmed ? 0 : limited + repeated));
	w->now++;
	if (choice < count) {
		sim_network_deliver(w, take(w, candidates[choice]));
	} else {
		o->harmed = true;
		w->datagrams_harmed++;
		choice -= count;
		if (choice < limited)
			lose(w, take(w, candidates[choice]));
		else
			sim_network_deliver(w, copy_of(candidates[choice - limited]));
	}
	sim_world_run(w, w->now);
}

static void deliver(struct orders *o)
{
	struct sim_world *w = o->w;
	ike_time until = w->now + PATIENCE;

	while (!w->complaints) {
		if (w->flights)
			deliver_one(o);
		else if (sim_world_rests(w) || !sim_world_step(w, until))
			break;
		check_gapless(o);
	}
	w->by_hand = false;
	sim_world_run(w, w->now + AFTERWARDS);
	sim_world_settle(w, w->now + PATIENCE);
	check_gapless(o);
}

/* ---- What must hold ---- */

static unsigned children_of(const struct sim_node *n, const char *name)
{
	const struct ike_sa *sa = NULL;
	unsigned count = 0;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL) {
		for (const struct ike_child *c = sa->children; c; c = c->next)
			count += strcmp(c->config->name, name) == 0;
	}
	return count;
}

/* 0 or 1; -1: either, as long as both ends agree. */
static int wanted(const struct orders_case *c, const char *name)
{
	bool deleted = does(c, DELETE_IKE);
	int up = 1;

	if (strcmp(name, "dmz") == 0)
		up = c->two_children;
	if (strcmp(name, "new") == 0)
		up = does(c, CREATE_CHILD) || does(c, PACKET);
	if (strcmp(name, "net") == 0 && does(c, DELETE_CHILD))
		deleted = true;
	if (!deleted || !up)
		return up;
	/* What is made anew meanwhile may outlive what was deleted. */
	return does(c, REAUTH) || strcmp(name, "new") == 0 ? -1 : 0;
}

/* How many make "new", when a command is among them. */
static unsigned creates(const struct orders_case *c)
{
	unsigned count = 0;

	for (size_t i = 0; i < 4; i++)
		count += c->actions[i / 2][i % 2] == CREATE_CHILD ||
			 c->actions[i / 2][i % 2] == PACKET;
	return does(c, CREATE_CHILD) ? count : 0;
}

static void check(struct orders *o)
{
	static const char *const names[] = { "net", "dmz", "new" };
	struct sim_world *w = o->w;

	for (size_t i = 0; i < 2; i++) {
		struct sim_node *n = &w->nodes[i];
		struct ike_engine_stats stats;

		sim_check_rest(n);
		ike_engine_stats(n->engine, &stats);
		if (stats.ike_sas > 1 || (!does(&o->is, DELETE_IKE) && stats.ike_sas == 0))
			sim_complain(w, "%s ends with %u IKE SAs", n->name, stats.ike_sas);
		for (size_t j = 0; j < 3; j++) {
			unsigned count = children_of(n, names[j]);
			int want = wanted(&o->is, names[j]);

			/* A command that creates it may have its own. */
			if (count == 2 && want != 0 && creates(&o->is) > 1 && j == 2)
				continue;
			if (count > 1 || (want >= 0 && count != (unsigned)want))
				sim_complain(
					w, "%s ends with %u children %s", n->name, count, names[j]);
		}
	}
	(void)sim_check_agreement(w, false);
	sim_check_commands(w);
}

static void name_the_order(struct orders *o, const struct scenario_options *options)
{
	char text[sizeof(o->w->complaint)];
	char order[200];

	walk_format(&o->walk, order, sizeof(order));
	snprintf(text, sizeof(text), "moon: %s, %s; sun: %s, %s; %u children%s; --order %s: %.300s",
		action_names[o->is.actions[0][0]], action_names[o->is.actions[0][1]],
		action_names[o->is.actions[1][0]], action_names[o->is.actions[1][1]],
		o->is.two_children ? 2 : 1,
		o->is.several ? " with several key exchanges"
		: o->is.pfs   ? " with PFS"
			      : "",
		options->order ? options->order
		: order[0]     ? order
			       : "0",
		o->w->complaint);
	memcpy(o->w->complaint, text, sizeof(text));
}

static bool is_gapless(const struct orders_case *c)
{
	return !c->both_start && !does(c, REAUTH) && !does(c, DELETE_CHILD) && !does(c, DELETE_IKE);
}

static uint64_t run_order(
	struct orders *o, const struct scenario_options *options, struct scenario_counts *counts)
{
	struct sim_world *w = o->w;

	o->walk.at = 0;
	/* The other seeds are for their nonces. */
	o->harmed = o->is.seed > (o->is.both_start || does(&o->is, REAUTH) ? 1 : SEEDS);
	o->numbers[0] = o->numbers[1] = 0;
	sim_world_begin(w, o->is.seed);
	w->verbose = options->verbose;
	w->no_secrets = true;
	o->gapless = is_gapless(&o->is);
	o->limit = o->is.both_start || does(&o->is, REAUTH) ? LIMIT_OF_NEW_SAS : LIMIT;
	set_up(o);
	for (size_t i = 0; i < 4; i++)
		act(o, &w->nodes[i / 2], o->is.actions[i / 2][i % 2]);
	check_gapless(o);
	deliver(o);
	if (!w->complaints)
		check(o);
	if (w->complaints)
		name_the_order(o, options);
	counts->orders++;
	scenario_count(counts, w);
	sim_world_end(w);
	return w->hash;
}

uint64_t orders_run(struct sim_world *w, uint64_t seed, const struct scenario_options *options,
	struct scenario_counts *counts)
{
	struct orders o = { .w = w, .is = case_of(seed) };
	uint64_t hash = 0;

	counts->runs++;
	if (options->order)
		walk_parse(&o.walk, options->order);
	do {
		hash = hash * 31 + run_order(&o, options, counts);
	} while (!w->complaints && !options->order && next_order(&o.walk));
	return hash;
}
