/* Who has tunnels with whom, and how they define them. */
#include "testing/sim/tunnels.h"

#include <stdarg.h>
#include <stdlib.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define HOUR 3600
#define DAY (24 * HOUR)
/* Exchanges that maintenance may cost in a run, to keep runs cheap: rekeyings, and liveness. */
#define REKEYINGS 60
#define CHECKS 100

PRINTF_LIKE(2, 3) static const char *text(struct tunnel_pair *pair, const char *format, ...)
{
	char *room = pair->texts[pair->text_count];
	va_list values;

	if (pair->text_count++ == COUNT(pair->texts))
		abort();
	va_start(values, format);
	vsnprintf(room, sizeof(pair->texts[0]), format, values);
	va_end(values);
	return room;
}

static uint32_t below(struct tunnels *t, uint32_t n)
{
	return sim_random_below(&t->w->random, n);
}

static bool chance(struct tunnels *t, uint32_t per_cent)
{
	return below(t, 100) < per_cent;
}

static uint64_t between(struct tunnels *t, uint64_t from, uint64_t to)
{
	return (uint64_t)sim_random_between(&t->w->random, (int64_t)from, (int64_t)to);
}

const char *tunnels_ids(size_t node)
{
	static const char *const ids[SIM_NODES_MAX] = { "moon.example.org", "sun.example.org",
		"venus@example.org", "mars.example.org", "@#0a0b0c", "ceres.example.org",
		"C=CH, O=test, CN=juno", "vesta.example.org", "titan.example.org",
		"rhea.example.org", "dione.example.org", "io.example.org" };

	return ids[node];
}

/* ---- Hosts ---- */

static size_t host_count(struct tunnels *t)
{
	uint32_t dice = below(t, 100);

	if (dice < 50)
		return 2;
	if (dice < 70)
		return 3;
	if (dice < 85)
		return 4;
	return dice < 95 ? 5 + below(t, 2) : 7 + below(t, 6);
}

static void make_settings(struct tunnels *t, struct ike_settings *s)
{
	s->retransmit_tries = 2 + below(t, 4);
	s->retransmit_timeout = (ike_time)between(t, 500, 4000);
	s->retransmit_jitter = chance(t, 30) ? 20 : 0;
	s->aggressive_psk = true;
	if (chance(t, 10)) {
		s->cookie_threshold = 1;
		s->fragment_size_v4 = s->fragment_size_v6 = 320;
	}
}

/* A host that can be elsewhere has an address in each of two networks. */
static void make_roaming(struct tunnels *t, struct sim_node *n)
{
	char other[ADDRESS_TEXT_MAX];

	snprintf(other, sizeof(other), "198.51.100.%u", n->index + 1u);
	t->homes[n->index][0] = n->address[0];
	if (!address_parse(other, &t->homes[n->index][1]))
		abort();
	/* Some have both at the same time. */
	if (chance(t, 30))
		n->address[2] = t->homes[n->index][1];
}

static void make_hosts(struct tunnels *t, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sim_node *n = sim_node_add(t->w, i > 0 && chance(t, 20));

		n->nat.keeps_ports = chance(t, 30);
		make_settings(t, &n->settings);
		if (!n->nat.here && chance(t, 25))
			make_roaming(t, n);
	}
}

/* ---- Definitions ---- */

static uint8_t action(struct tunnels *t, uint32_t start, uint32_t trap)
{
	uint32_t dice = below(t, 100);

	if (dice < start)
		return IKE_ACTION_START;
	return dice < start + trap ? IKE_ACTION_TRAP : IKE_ACTION_NONE;
}

/* A lifetime of which about that many, at most, end in the run. */
static uint64_t lifetime(struct tunnels *t, uint64_t count, uint64_t least)
{
	uint64_t run = (uint64_t)t->duration / 1000;
	uint64_t shortest = run / (count ? count : 1);

	if (shortest < least)
		shortest = least;
	return between(t, shortest, 4 * shortest);
}

static void make_child_times(struct tunnels *t, const struct tunnel_pair *pair,
	struct sim_child_definition *a, struct sim_child_definition *b)
{
	uint64_t budget = REKEYINGS / t->pair_count / pair->child_count;

	if (chance(t, 15))
		return;
	a->rekey_time = lifetime(t, budget, 300);
	/* Both ends at once, or at times of their own. */
	b->rekey_time = chance(t, 40) ? a->rekey_time : lifetime(t, budget, 300);
	for (int i = 0; i < 2; i++) {
		struct sim_child_definition *d = i ? b : a;

		if (chance(t, 20))
			d->rand_time = d->rekey_time / (2 + below(t, 9));
		if (chance(t, 15))
			d->life_time = d->rekey_time + d->rekey_time / 4 + 100;
		if (chance(t, 10)) {
			d->rekey_packets = 4 + below(t, 6);
			d->life_packets = d->rekey_packets + 50;
		}
	}
	if (chance(t, 15))
		b->rekey_time = b->life_time = 0;
}

static void make_selectors(struct tunnels *t, struct tunnel_pair *pair, size_t number, bool host)
{
	struct sim_child_definition *a = &pair->sides[0].definition.children[number];
	struct sim_child_definition *b = &pair->sides[1].definition.children[number];
	size_t net = (size_t)(pair - t->pairs) * 4 + number;

	if (host) {
		a->mode = b->mode = IKE_MODE_TRANSPORT;
		/* Moving is for tunnels (RFC 4555 1.2). */
		pair->sides[0].definition.no_mobike = true;
		a->local_ts = b->remote_ts = text(pair, "dynamic[udp/%zu]", 1000 + number);
		a->remote_ts = b->local_ts = "dynamic[udp/1701]";
		return;
	}
	a->local_ts = b->remote_ts = text(pair, "10.%u.%zu.0/24", 100u + pair->sides[0].node, net);
	b->local_ts = a->remote_ts = text(pair, "10.%u.%zu.0/24", 100u + pair->sides[1].node, net);
}

static void make_child(struct tunnels *t, struct tunnel_pair *pair, size_t number, bool steady)
{
	static const char *const names[] = { "net-a", "net-b", "net-c" };
	bool pfs = chance(t, 20), several = chance(t, 10) && !pair->ikev1;
	uint32_t starts = chance(t, 20) ? 100 : 45;

	for (size_t i = 0; i < 2; i++) {
		struct tunnel_side *side = &pair->sides[i];
		struct sim_child_definition *d = &side->definition.children[number];

		d->name = names[number];
		/* Mostly both or none. */
		d->ipcomp = (t->w->seed / 2 + number) % 3 == 0 || (t->w->seed + i) % 7 == 0;
		d->proposals = several ? "aes128gcm16-x25519-ke1_ecp256-ke2_x448"
			       : pfs   ? (pair->ikev1 ? "aes128gcm16-ecp256" : "aes128gcm16-x25519")
				       : "aes128gcm16";
		if (side->can_initiate)
			d->start_action = action(t, starts, 15);
		if (d->start_action == IKE_ACTION_START && chance(t, 20))
			d->start_action |= IKE_ACTION_TRAP;
		d->dpd_action = action(t, 50, 10);
		d->close_action = action(t, 40, 10);
		if (d->start_action && chance(t, 60))
			d->dpd_action = d->close_action = IKE_ACTION_START;
		if (!side->can_initiate &&
			(side->definition.version == SIM_VERSION_EITHER || chance(t, 80)))
			d->dpd_action = d->close_action = IKE_ACTION_NONE;
	}
	make_child_times(t, pair, &pair->sides[0].definition.children[number],
		&pair->sides[1].definition.children[number]);
	make_selectors(t, pair, number, steady && chance(t, 15));
}

static void make_ike_times(struct tunnels *t, struct sim_definition *d)
{
	uint64_t budget = REKEYINGS / 2 / t->pair_count;
	uint64_t checks = CHECKS / t->pair_count;
	uint64_t run = (uint64_t)t->duration / 1000;

	if (chance(t, 80))
		d->rekey_time = lifetime(t, budget / 2, 600);
	if (chance(t, 10))
		d->reauth_time = lifetime(t, budget / 4, 900);
	if (chance(t, 30))
		d->rand_time = d->rekey_time / 8;
	/* Something must tell that the other is gone. */
	if (chance(t, 90) || (!d->rekey_time && !d->reauth_time)) {
		d->dpd_delay = (uint32_t)between(t, 10, 120);
		if (d->dpd_delay < run / checks)
			d->dpd_delay = (uint32_t)(run / checks);
	}
}

/* Where the other one is, as a definition says it. */
static const char *remote_of(struct tunnels *t, struct tunnel_pair *pair, struct tunnel_side *side,
	const struct sim_node *other)
{
	char texts[2][ADDRESS_TEXT_MAX];
	const struct address *homes = t->homes[other->index];

	side->can_initiate = true;
	if (other->nat.here) {
		side->can_initiate = false;
		return "%any";
	}
	if (!homes[1].family)
		return text(pair, "%s", address_format(&other->address[0], texts[0]));
	if (chance(t, 40)) {
		struct sim_name *name;

		name = sim_network_name(t->w, text(pair, "%s.example.net", other->name));
		name->addresses[0] = other->address[0];
		name->count = 1;
		return name->name;
	}
	return text(pair, "%s,%s", address_format(&homes[0], texts[0]),
		address_format(&homes[1], texts[1]));
}

/* Main Mode with PSKs tells peers apart by their addresses alone, so Aggressive Mode is for those
 * who may be anywhere. */
static void make_ikev1(struct tunnels *t, struct tunnel_pair *pair)
{
	static const char *const proposals[] = { "aes128-sha256-ecp256", "aes256-sha1-ecp256",
		"3des-md5-ecp256" };
	const char *proposal = proposals[below(t, COUNT(proposals))];
	bool aggressive = chance(t, 25);

	for (size_t i = 0; i < 2; i++) {
		uint8_t node = pair->sides[i].node;

		aggressive = aggressive || t->w->nodes[node].nat.here || t->homes[node][1].family;
	}
	for (size_t i = 0; i < 2; i++) {
		struct sim_definition *d = &pair->sides[i].definition;

		d->version = 1;
		d->aggressive = aggressive;
		d->proposals = proposal;
		d->no_mobike = true;
		if (d->dpd_delay)
			d->dpd_timeout = d->dpd_delay + (uint32_t)between(t, 5, 60);
	}
	/* One end may leave it open; it answers alone, then. */
	if (chance(t, 30) && pair->sides[1].can_initiate) {
		pair->sides[0].definition.version = SIM_VERSION_EITHER;
		pair->sides[0].can_initiate = false;
	}
}

static void make_side(struct tunnels *t, struct tunnel_pair *pair, size_t i, const char *proposals)
{
	static const uint32_t tries[] = { 0, 0, 0, 1, 1, 2 };
	struct tunnel_side *side = &pair->sides[i];
	const struct sim_node *n = &t->w->nodes[side->node];
	const struct sim_node *other = &t->w->nodes[pair->sides[!i].node];
	struct sim_definition *d = &side->definition;

	d->name = text(pair, "to-%s", other->name);
	d->remote_addrs = remote_of(t, pair, side, other);
	if (!t->homes[n->index][1].family && chance(t, 30)) {
		char address[ADDRESS_TEXT_MAX];

		d->local_addrs = text(pair, "%s", address_format(&n->address[0], address));
	}
	d->local_id = tunnels_ids(n->index);
	d->remote_id = tunnels_ids(other->index);
	d->proposals = proposals;
	d->unique = (uint8_t)below(t, 4);
	d->keyingtries = tries[below(t, COUNT(tries))];
	d->keys_for_ever = d->keyingtries == 0;
	d->no_mobike = chance(t, 25);
	d->never_childless = chance(t, 10);
	make_ike_times(t, d);
}

/* Some prove themselves by certificates, and so wait for their signatures. Not by the world's dice:
 * the others' runs stay as they were. */
static bool has_certificates(const struct tunnels *t, const struct tunnel_pair *pair)
{
	for (size_t i = 0; i < 2; i++)
		if (tunnels_ids(pair->sides[i].node)[0] == '@') /* a key id is in none */
			return false;
	return (t->w->seed / 3 + (size_t)(pair - t->pairs)) % 4 == 0;
}

static void make_pair(struct tunnels *t, struct tunnel_pair *pair, const char *proposals)
{
	bool steady = true;

	snprintf(pair->psk, sizeof(pair->psk), "Psk+%llx",
		(unsigned long long)sim_random_u64(&t->w->random));
	pair->child_count = chance(t, 60) ? 1 : 2 + below(t, TUNNELS_CHILDREN_MAX - 1);
	pair->ikev1 = t->mixed && chance(t, 30);
	for (size_t i = 0; i < 2; i++) {
		const struct sim_node *n = &t->w->nodes[pair->sides[i].node];

		make_side(t, pair, i, proposals);
		pair->sides[i].definition.pubkey = !pair->ikev1 && has_certificates(t, pair);
		steady = steady && !n->nat.here && !t->homes[n->index][1].family;
	}
	if (pair->ikev1)
		make_ikev1(t, pair);
	for (size_t i = 0; i < pair->child_count; i++)
		make_child(t, pair, i, steady);
}

/* ---- Who with whom ---- */

static void add_pair(struct tunnels *t, size_t a, size_t b)
{
	/* Two hosts behind NAT boxes do not find each other. */
	if (t->pair_count == TUNNELS_PAIRS_MAX ||
		(t->w->nodes[a].nat.here && t->w->nodes[b].nat.here))
		return;
	t->pairs[t->pair_count].sides[0].node = (uint8_t)a;
	t->pairs[t->pair_count++].sides[1].node = (uint8_t)b;
}

static void make_pairs(struct tunnels *t, size_t count)
{
	bool star = chance(t, 60);

	for (size_t i = 1; i < count; i++)
		add_pair(t, 0, i);
	for (size_t i = 1; !star && i < count; i++) {
		for (size_t j = i + 1; j < count; j++) {
			if (count <= 4 || chance(t, 20))
				add_pair(t, i, j);
		}
	}
}

static ike_time duration_of(struct tunnels *t)
{
	uint32_t dice = below(t, 100);

	if (dice < 25)
		return IKE_SECONDS(between(t, 1200, HOUR));
	if (dice < 70)
		return IKE_SECONDS(between(t, HOUR, 10 * HOUR));
	if (dice < 90)
		return IKE_SECONDS(between(t, 10 * HOUR, 3 * DAY));
	return IKE_SECONDS(between(t, 3 * DAY, 21 * DAY));
}

static void tell(const struct tunnels *t, const struct tunnel_pair *pair, size_t i)
{
	const struct sim_definition *d = &pair->sides[i].definition;
	const char *name = t->w->nodes[pair->sides[i].node].name;

	sim_trace(t->w,
		"%s defines %s: IKEv%s, remote %s, IKE rekey %llu reauth %llu, DPD %u, unique %u, "
		"tries "
		"%u%s%s",
		name, d->name,
		d->aggressive     ? "1 aggressive"
		: d->version == 1 ? "1"
		: d->version      ? "any"
				  : "2",
		d->remote_addrs, (unsigned long long)d->rekey_time,
		(unsigned long long)d->reauth_time, d->dpd_delay, d->unique, d->keyingtries,
		d->no_mobike ? ", no MOBIKE" : "", d->pubkey ? ", certificates" : "");
	for (size_t c = 0; c < pair->child_count; c++) {
		const struct sim_child_definition *child = &d->children[c];

		sim_trace(t->w, "  %s: start %u dpd %u close %u, rekey %llu, packets %llu%s",
			child->name, child->start_action, child->dpd_action, child->close_action,
			(unsigned long long)child->rekey_time,
			(unsigned long long)child->rekey_packets,
			child->mode == IKE_MODE_TRANSPORT ? ", transport" : "");
	}
}

void tunnels_plan(struct tunnels *t)
{
	static const char *const proposals[] = { "aes128gcm16-prfsha256-x25519",
		"aes128gcm16-prfsha256-x25519", "aes128-sha256-x25519",
		"chacha20poly1305-prfsha256-ecp256", "aes128gcm16-prfsha256-x25519-ke1_ecp256" };
	const char *proposal = proposals[below(t, COUNT(proposals))];
	size_t count = host_count(t);

	t->duration = duration_of(t);
	make_hosts(t, count);
	make_pairs(t, count);
	for (size_t i = 0; i < t->pair_count; i++)
		make_pair(t, &t->pairs[i], proposal);
	for (size_t i = 0; i < t->pair_count * 2; i++)
		tell(t, &t->pairs[i / 2], i % 2);
}

static void load_side(struct tunnels *t, struct sim_node *n, struct tunnel_pair *pair, size_t i)
{
	const char *owners[] = { tunnels_ids(pair->sides[0].node), tunnels_ids(pair->sides[1].node),
		NULL };
	struct why why = { "" };

	memset(pair->sides[i].was_up, 0, sizeof(pair->sides[i].was_up));
	if (pair->sides[i].definition.pubkey)
		sim_node_certify(n, tunnels_ids(n->index));
	else
		sim_node_psk(n, pair->psk, owners);
	if (!sim_node_load(n, sim_define(&pair->sides[i].definition), &why))
		sim_complain(t->w, "%s does not load a connection: %s", n->name, why.text);
}

void tunnels_boot(struct tunnels *t, struct sim_node *n)
{
	if (n->engine)
		return;
	sim_node_start(n);
	t->leaving[n->index] = false;
	for (size_t i = 0; i < t->pair_count; i++) {
		for (size_t side = 0; side < 2; side++) {
			if (t->pairs[i].sides[side].node == n->index)
				load_side(t, n, &t->pairs[i], side);
		}
	}
}
