#include "live.h"

#include <stdlib.h>

#define OPERATIONS_MAX 40
#define HEARD_MAX 8

enum operation {
	OP_INITIATE,
	OP_TERMINATE,
	OP_WAIT,
	OP_CHANGE_CLEAR,
	OP_CHANGE_INNER,
	OP_SAY_CLEAR,
	OP_SAY_SEALED,
	OP_SEND_AGAIN,
	OPERATIONS,
};

/* A change of a datagram that is still to come. */
struct change {
	bool armed;
	bool inner;
	uint8_t skip; /* datagrams to let pass first */
	struct bytes edits;
};

/* A datagram that was delivered. */
struct heard {
	uint8_t data[4096];
	size_t length;
	uint8_t to;
	struct address source;
	uint16_t port;
};

static struct live {
	const struct live_version *version;
	struct sim_world world;
	struct change change;
	struct heard heard[HEARD_MAX];
	size_t heard_count;
	unsigned again; /* the world counts how often something is said */
} live;

static void change(struct sim_world *w, struct sim_node *to, struct sim_flight *flight)
{
	struct change *c = &live.change;

	if (!c->armed || c->skip-- != 0)
		return;
	c->armed = false;
	if (c->inner) {
		live.version->change_inner(w, to, flight, c->edits);
		return;
	}
	edit(c->edits, flight->data, &flight->length, flight->capacity);
	fix_length(flight->data, flight->length);
}

static bool on_arrival(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct address destination = flight->destination;
	struct sim_node *to = sim_network_route(w, &destination);

	(void)context;
	change(w, to, flight);
	if (to && flight->length <= sizeof(live.heard->data)) {
		struct heard *h = &live.heard[live.heard_count++ % HEARD_MAX];

		memcpy(h->data, flight->data, flight->length);
		h->length = flight->length;
		h->to = to->index;
		h->source = flight->source_seen;
		h->port = destination.port;
	}
	return true;
}

/* ---- Operations ---- */

static void check(void)
{
	if (live.world.complaints == 0)
		return;
	fprintf(stderr, "fuzz_%s: %s\n", live.version->name, live.world.complaint);
	abort();
}

static void wait_for(ike_time time)
{
	sim_world_run(&live.world, live.world.now + time);
	check();
}

struct sim_node *live_node(uint8_t octet)
{
	return &live.world.nodes[octet & 1];
}

static void do_initiate(struct reader *r)
{
	uint8_t what = reader_u8(r);
	struct ike_rekey rekey = { .ike = what & 2 ? "peer" : NULL };
	struct why why;

	if (!rekey.ike)
		rekey.child = what & 4 ? "net-b" : "net-a";
	if (what & 16)
		(void)sim_node_rekey(live_node(what), &rekey, &why);
	else
		(void)sim_node_initiate(live_node(what), "peer",
			what & 2   ? NULL
			: what & 4 ? "net-b"
				   : "net-a",
			&why);
	wait_for(what & 8 ? 15 : 100);
}

static void do_terminate(struct reader *r)
{
	uint8_t what = reader_u8(r);
	struct ike_terminate terminate = { .force = what & 8 };
	struct why why;

	if (what & 2)
		terminate.ike = "peer";
	else
		terminate.child = what & 4 ? "net-b" : "net-a";
	(void)sim_node_terminate(live_node(what), &terminate, &why);
	wait_for(what & 16 ? 15 : 100);
}

static void do_change(struct reader *r, bool inner)
{
	uint8_t skip = reader_u8(r);
	size_t length = reader_u8(r);

	live.change.armed = true;
	live.change.inner = inner;
	live.change.skip = skip % 8;
	live.change.edits = reader_bytes(r, length < r->left ? length : r->left);
}

void live_inject(struct sim_node *to, const struct ike_sa *sa, struct bytes datagram)
{
	struct sim_node *from = live_node(to->index + 1);
	struct address source = from->address[0];
	uint16_t port = sa ? sa->local.port : 500;

	source.port = port;
	source = sim_network_seen(from, &source);
	sim_world_inject(&live.world, to, &source, port, datagram);
	check();
}

struct bytes live_write_clear(
	const struct ike_header *header, struct bytes chain, uint8_t *room, size_t length)
{
	struct writer w = writer_of(room, length);

	writer_u64(&w, header->spi_initiator);
	writer_u64(&w, header->spi_responder);
	writer_u8(&w, header->next_payload);
	writer_u8(&w, header->version);
	writer_u8(&w, header->exchange);
	writer_u8(&w, header->flags);
	writer_u32(&w, header->message_id);
	writer_u32(&w, (uint32_t)(IKE_HEADER_LENGTH + chain.length));
	writer_put(&w, chain);
	return bytes_of(room, w.length);
}

static void do_send_again(struct reader *r)
{
	uint8_t how = reader_u8(r);
	size_t kept = live.heard_count < HEARD_MAX ? live.heard_count : HEARD_MAX;

	if (kept == 0 || live.again++ >= live.version->again_max)
		return;
	/* A copy: what is sent in answer is heard as well. */
	struct heard h = live.heard[(how >> 1) % kept];
	if (how & 1)
		h.source.port ^= 7;
	sim_world_inject(&live.world, &live.world.nodes[h.to], &h.source, h.port,
		bytes_of(h.data, h.length));
	wait_for(15);
}

static void operate(struct reader *r)
{
	enum operation what = (enum operation)(reader_u8(r) % OPERATIONS);

	switch (what) {
	case OP_INITIATE:
		do_initiate(r);
		break;
	case OP_TERMINATE:
		do_terminate(r);
		break;
	case OP_WAIT:
		wait_for(10 + (ike_time)reader_u8(r) * 100);
		break;
	case OP_CHANGE_CLEAR:
	case OP_CHANGE_INNER:
		do_change(r, what == OP_CHANGE_INNER);
		break;
	case OP_SAY_CLEAR:
	case OP_SAY_SEALED:
		live.version->say(r, what == OP_SAY_SEALED);
		wait_for(15);
		break;
	case OP_SEND_AGAIN:
		do_send_again(r);
		break;
	default:
		break;
	}
}

/* ---- The world of one input ---- */

struct sim_world *live_begin(const struct live_version *version, bool nat, bool full_log)
{
	struct sim_world *w = &live.world;

	live.version = version;
	live.change = (struct change){ 0 };
	live.heard_count = 0;
	live.again = 0;
	sim_world_begin(w, 42);
	w->filter = on_arrival;
	w->log_level = full_log ? IKE_LOG_WIRE : IKE_LOG_INFO;
	for (unsigned i = 0; i < 2; i++) {
		struct sim_node *n = sim_node_add(w, i == 1 && nat);

		n->settings.retransmit_tries = 2;
		n->settings.retransmit_timeout = 1000;
	}
	return w;
}

/* Whatever was said, both engines come to an end and leave nothing. */
static void end(void)
{
	struct sim_world *w = &live.world;

	live.change.armed = false;
	for (unsigned i = 0; i < 2; i++)
		sim_node_shutdown(&w->nodes[i]);
	wait_for(IKE_SECONDS(100));
	for (unsigned i = 0; i < 2; i++) {
		if (!ike_engine_is_idle(w->nodes[i].engine) || w->nodes[i].kernel.sas ||
			w->nodes[i].kernel.policies)
			sim_complain(w, "%s leaves something", w->nodes[i].name);
	}
	sim_check_commands(w);
	sim_secrets_check_hex(w);
	check();
	sim_world_end(w);
}

void live_run(struct reader *script)
{
	for (unsigned i = 0; i < OPERATIONS_MAX && reader_more(script); i++)
		operate(script);
	end();
}
