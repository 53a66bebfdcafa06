/* Datagrams' ways: NAT boxes, faults, delivery. */
#include "libike/wire/message.h"
#include "testing/sim/world.h"

#include <stdlib.h>

/* Room for a filter to make a datagram larger. */
#define ROOM 4096

void sim_flight_free(struct sim_flight *flight)
{
	free(flight->data);
	free(flight);
}

static bool port_taken(const struct sim_nat *nat, uint16_t port)
{
	for (size_t i = 0; i < nat->count; i++) {
		if (nat->mappings[i].public_port == port)
			return true;
	}
	return false;
}

struct address sim_network_seen(struct sim_node *n, const struct address *inner)
{
	struct sim_nat *nat = &n->nat;
	struct address seen = nat->public_address;
	struct sim_mapping *mapping = NULL;

	if (!nat->here || inner->family != AF_INET)
		return *inner;
	for (size_t i = 0; i < nat->count; i++) {
		if (nat->mappings[i].inner_port == inner->port)
			mapping = &nat->mappings[i];
	}
	if (!mapping) {
		uint16_t port = inner->port;

		if (nat->count == SIM_MAPPINGS_MAX)
			nat->count = 0;
		while (!nat->keeps_ports || port_taken(nat, port)) {
			port = (uint16_t)sim_random_between(&n->random, 20000, 60000);
			if (!port_taken(nat, port))
				break;
		}
		mapping = &nat->mappings[nat->count++];
		*mapping = (struct sim_mapping){ inner->port, port };
	}
	seen.port = mapping->public_port;
	return seen;
}

void sim_nat_rebind(struct sim_node *n)
{
	sim_trace(n->world, "%s: the NAT box forgets", n->name);
	n->nat.count = 0;
	n->nat.rebound = true;
}

bool sim_network_has(const struct sim_node *n, const struct address *a)
{
	for (size_t i = 0; i < SIM_ADDRESSES_MAX; i++) {
		if (n->address[i].family && address_same_host(&n->address[i], a))
			return true;
	}
	return false;
}

struct sim_node *sim_network_route(struct sim_world *w, struct address *destination)
{
	for (size_t i = 0; i < w->node_count; i++) {
		struct sim_node *n = &w->nodes[i];

		if (n->nat.here && address_same_host(&n->nat.public_address, destination)) {
			for (size_t m = 0; m < n->nat.count; m++) {
				if (n->nat.mappings[m].public_port != destination->port)
					continue;
				*destination = n->address[0];
				destination->port = n->nat.mappings[m].inner_port;
				return n;
			}
			return NULL;
		}
		for (size_t at = 0; at < SIM_ADDRESSES_MAX; at++) {
			/* The inner addresses are not reachable from outside. */
			if (!(n->nat.here && n->address[at].family == AF_INET) &&
				n->address[at].family &&
				address_same_host(&n->address[at], destination))
				return n;
		}
	}
	return NULL;
}

bool sim_network_cut_off(const struct sim_world *w, const struct sim_node *n, bool outbound)
{
	for (size_t i = 0; i < w->partition_count; i++) {
		const struct sim_partition *p = &w->partitions[i];

		if (p->node == n->index && p->outbound == outbound && w->now >= p->from &&
			w->now < p->to)
			return true;
	}
	return false;
}

/* ---- Names ---- */

struct sim_name *sim_network_name(struct sim_world *w, const char *name)
{
	for (size_t i = 0; i < w->name_count; i++) {
		if (strcmp(w->names[i].name, name) == 0)
			return &w->names[i];
	}
	if (w->name_count == SIM_NAMES_MAX)
		abort();
	snprintf(w->names[w->name_count].name, sizeof(w->names[0].name), "%s", name);
	return &w->names[w->name_count++];
}

struct question {
	struct sim_name *name;
	struct sim_node *node;
	uint32_t life;
	uint16_t family;
};

static void answer(struct sim_world *w, void *context, uint64_t ticket)
{
	struct question *q = context;
	struct address list[4];
	size_t count = 0;

	for (size_t i = 0; i < q->name->count; i++) {
		if (!q->family || q->name->addresses[i].family == q->family)
			list[count++] = q->name->addresses[i];
	}
	if (q->name->silent)
		count = 0;
	sim_trace(w, "%s: name %s has %zu addresses", q->node->name, q->name->name, count);
	if (q->node->engine && q->node->lives == q->life) {
		sim_node_enter(q->node);
		ike_engine_resolved(q->node->engine, sim_node_now(q->node), ticket, list, count,
			count             ? NULL
			: q->name->silent ? "no answer"
					  : "no such name");
		sim_node_leave(q->node);
	}
}

bool sim_network_resolve(struct sim_node *n, const char *name, uint16_t family, uint64_t ticket)
{
	struct sim_world *w = n->world;
	struct question *q = malloc(sizeof(*q));
	ike_time delay;

	if (!q)
		abort();
	*q = (struct question){ sim_network_name(w, name), n, n->lives, family };
	sim_trace(w, "%s asks for the addresses of %s", n->name, name);
	delay = q->name->silent ? 10000 : sim_random_between(&n->random, 1, 300);
	sim_world_plan(w, w->now + delay, answer, q, ticket)->owns_context = true;
	return true;
}

/* ---- Datagrams under way ---- */

static void enqueue(struct sim_world *w, struct sim_flight *flight)
{
	struct sim_flight **place = &w->flights;

	while (*place && (*place)->at <= flight->at)
		place = &(*place)->next;
	flight->next = *place;
	*place = flight;
}

static struct sim_flight *flight_new(
	struct sim_node *from, const struct ike_datagram *datagram, ike_time delay)
{
	struct sim_flight *flight = calloc(1, sizeof(*flight));

	if (!flight)
		abort();
	flight->at = from->world->now + delay;
	flight->order = ++from->world->order;
	flight->from = from->index;
	flight->source = datagram->local;
	flight->source_seen = sim_network_seen(from, &datagram->local);
	flight->destination = datagram->remote;
	flight->dscp = datagram->dscp;
	flight->length = datagram->data.length;
	flight->capacity = flight->length + ROOM;
	if (!(flight->data = malloc(flight->capacity)))
		abort();
	bytes_copy(flight->data, datagram->data);
	return flight;
}

static void corrupt(struct sim_world *w, struct sim_flight *flight)
{
	uint32_t flips = 1 + sim_random_below(&w->random, 4);

	if (sim_random_chance(&w->random, 100)) {
		flight->length = sim_random_below(&w->random, (uint32_t)flight->length);
		return;
	}
	while (flips-- > 0 && flight->length > 0)
		flight->data[sim_random_below(&w->random, (uint32_t)flight->length)] ^=
			(uint8_t)(1u << sim_random_below(&w->random, 8));
}

/* Marks are added and stripped by who owns the sockets: both ends must think of the same. */
static void check_ports(struct sim_node *from, const struct ike_datagram *datagram)
{
	const struct ike_settings *s = &from->settings;
	bool from_nat_t = datagram->local.port == s->port_nat_t;

	if (datagram->local.port != s->port && !from_nat_t)
		sim_complain(
			from->world, "%s sends from port %u", from->name, datagram->local.port);
	if (datagram->remote.port == 0)
		sim_complain(from->world, "%s sends to port 0", from->name);
	if (datagram->data.length == 0)
		sim_complain(from->world, "%s sends nothing", from->name);
}

/* A response in the clear, for the check of amplification. */
static bool is_clear_answer(struct bytes data)
{
	struct ike_header header;

	if (!ike_header_parse(data, &header))
		return false;
	return (header.flags & IKE_FLAG_RESPONSE) && header.next_payload != IKE_PAYLOAD_SEALED &&
	       header.next_payload != IKE_PAYLOAD_SEALED_FRAGMENT;
}

static void trace_datagram(
	struct sim_node *from, const struct ike_datagram *datagram, const char *fate)
{
	char source[ADDRESS_TEXT_MAX];
	char destination[ADDRESS_TEXT_MAX];
	struct ike_header h = { 0 };

	if (!ike_header_parse(datagram->data, &h))
		sim_complain(from->world, "%s sends what is no IKE message", from->name);
	sim_trace(from->world, "%s sends %zu octets %s -> %s: exchange %u %s %u%s", from->name,
		datagram->data.length, address_format_with_port(&datagram->local, source),
		address_format_with_port(&datagram->remote, destination), h.exchange,
		h.flags & IKE_FLAG_RESPONSE ? "response" : "request", h.message_id, fate);
	sim_trace_octets(from->world, datagram->data);
}

void sim_network_send(struct sim_node *from, const struct ike_datagram *datagram)
{
	struct sim_world *w = from->world;
	bool faulty = w->now < w->faults_until;
	const struct sim_faults *f = &w->faults;
	bool lost = !sim_network_has(from, &datagram->local) ||
		    sim_network_cut_off(w, from, true) ||
		    (faulty && sim_random_chance(&w->random, f->loss));
	uint32_t copies = faulty && sim_random_chance(&w->random, f->duplicate) ? 2 : 1;

	w->datagrams_sent++;
	check_ports(from, datagram);
	trace_datagram(from, datagram, lost ? ", lost" : "");
	if (w->checks)
		sim_check_sent(from, datagram);
	if (is_clear_answer(datagram->data)) {
		from->octets_clear_out += datagram->data.length;
		from->datagrams_clear_out++;
	}
	if (lost) {
		w->datagrams_harmed++;
		/* The NAT box saw it. */
		(void)sim_network_seen(from, &datagram->local);
		return;
	}
	if (faulty && sim_random_chance(&w->random, f->replay))
		enqueue(w, flight_new(from, datagram, sim_random_between(&w->random, 1000, 60000)));
	while (copies-- > 0) {
		struct sim_flight *flight = flight_new(from, datagram,
			faulty ? sim_random_between(&w->random, f->delay_from, f->delay_to) : 10);

		if (faulty && sim_random_chance(&w->random, f->corrupt)) {
			corrupt(w, flight);
			w->datagrams_harmed++;
		}
		enqueue(w, flight);
	}
}

static void hand_over(struct sim_node *to, const struct ike_datagram *datagram)
{
	uint8_t *copy = malloc(datagram->data.length ? datagram->data.length : 1);
	struct ike_datagram exact = *datagram;

	/* Of exact size, so that ASan sees a reader run past the end. */
	if (!copy)
		abort();
	bytes_copy(copy, datagram->data);
	exact.data = bytes_of(copy, datagram->data.length);
	to->octets_in += exact.data.length;
	to->datagrams_in++;
	sim_node_enter(to);
	ike_engine_datagram(to->engine, sim_node_now(to), &exact);
	sim_node_leave(to);
	free(copy);
}

void sim_network_deliver(struct sim_world *w, struct sim_flight *flight)
{
	struct address destination = flight->destination;
	struct sim_node *to = sim_network_route(w, &destination);
	struct sim_node *from = &w->nodes[flight->from];
	const char *fate = "";

	if (!to || (destination.port != to->settings.port &&
			   destination.port != to->settings.port_nat_t))
		fate = ": nobody there";
	else if ((destination.port == to->settings.port_nat_t) !=
		 (flight->source.port == from->settings.port_nat_t))
		fate = ": non-ESP marker and port do not fit";
	else if (!to->engine)
		fate = ": is down";
	else if (sim_network_cut_off(w, to, false))
		fate = ": cut off";
	else if (w->filter && !w->filter(w->filter_context, w, flight))
		fate = ": dropped";
	if (fate[0]) {
		sim_trace(w, "%zu octets to %s%s", flight->length, to ? to->name : "?", fate);
		w->datagrams_harmed++;
		sim_flight_free(flight);
		return;
	}
	sim_trace(w, "%s receives %zu octets", to->name, flight->length);
	sim_trace_octets(w, bytes_of(flight->data, flight->length));
	hand_over(to, &(struct ike_datagram){ destination, flight->source_seen,
			      bytes_of(flight->data, flight->length) });
	sim_flight_free(flight);
}

void sim_world_inject(struct sim_world *w, struct sim_node *to, const struct address *source,
	uint16_t port, struct bytes data)
{
	struct address local = to->address[source->family == AF_INET ? 0 : 1];

	local.port = port;
	sim_trace(w, "%s receives %zu octets from nowhere", to->name, data.length);
	sim_trace_octets(w, data);
	if (to->engine)
		hand_over(to, &(struct ike_datagram){ local, *source, data });
}
