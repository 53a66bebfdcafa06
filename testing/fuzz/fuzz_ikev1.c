/*
 * Two engines that speak IKEv1, and an input that says what happens, as in fuzz_engine.c: commands
 * at both ends, datagrams changed under way, in the clear or decrypted, changed and sealed again
 * with the HASH that fits, and messages made up whole: as a stranger and as a peer that did
 * authenticate, in every state of Main, Aggressive, Quick Mode, Informational and Transaction
 * exchanges.
 *
 * The first octet chooses definitions, the rest is a script: an operation's octet, then its
 * operands. All randomness is fixed, so a finding replays. Whatever a peer says, the kernel's
 * tables are the children's, all waits end, commands are answered, and in the end nothing is left.
 */
#include "edit.h"
#include "libike/wire/isakmp.h"
#include "testing/sim/definition.h"
#include "testing/sim/isakmp_seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPERATIONS_MAX 40
#define AGAIN_MAX 5

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

#define HEARD_MAX 8

/* A datagram that was delivered. */
struct heard {
	uint8_t data[4096];
	size_t length;
	uint8_t to;
	struct address source;
	uint16_t port;
};

struct fuzz {
	struct sim_world world;
	struct change change;
	struct sim_isakmp inner; /* scratch */
	struct heard heard[HEARD_MAX];
	size_t heard_count;
	unsigned again; /* the world counts how often something is said */
};

static struct fuzz fuzz;

static void change(struct sim_world *w, struct sim_node *to, struct sim_flight *flight)
{
	struct change *c = &fuzz.change;

	if (!c->armed || c->skip-- != 0)
		return;
	c->armed = false;
	if (!c->inner) {
		edit(c->edits, flight->data, &flight->length, flight->capacity);
		fix_length(flight->data, flight->length);
	} else if (to && sim_isakmp_open(to, flight, &fuzz.inner)) {
		edit(c->edits, fuzz.inner.chain, &fuzz.inner.length, SIM_INNER_MAX);
		(void)sim_isakmp_reseal(w, to, flight, &fuzz.inner);
	}
}

static bool on_arrival(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct address destination = flight->destination;
	struct sim_node *to = sim_network_route(w, &destination);

	(void)context;
	change(w, to, flight);
	if (to && flight->length <= sizeof(fuzz.heard->data)) {
		struct heard *h = &fuzz.heard[fuzz.heard_count++ % HEARD_MAX];

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
	if (fuzz.world.complaints == 0)
		return;
	fprintf(stderr, "fuzz_ikev1: %s\n", fuzz.world.complaint);
	abort();
}

static void wait_for(ike_time time)
{
	sim_world_run(&fuzz.world, fuzz.world.now + time);
	check();
}

static struct sim_node *node_of(uint8_t octet)
{
	return &fuzz.world.nodes[octet & 1];
}

static void do_initiate(struct reader *r)
{
	uint8_t what = reader_u8(r);
	struct ike_rekey rekey = { .ike = what & 2 ? "peer" : NULL };
	struct why why;

	if (!rekey.ike)
		rekey.child = what & 4 ? "net-b" : "net-a";
	if (what & 16)
		(void)sim_node_rekey(node_of(what), &rekey, &why);
	else
		(void)sim_node_initiate(node_of(what), "peer",
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
	(void)sim_node_terminate(node_of(what), &terminate, &why);
	wait_for(what & 16 ? 15 : 100);
}

static void do_change(struct reader *r, bool inner)
{
	uint8_t skip = reader_u8(r);
	size_t length = reader_u8(r);

	fuzz.change.armed = true;
	fuzz.change.inner = inner;
	fuzz.change.skip = skip % 8;
	fuzz.change.edits = reader_bytes(r, length < r->left ? length : r->left);
}

/* The last with keys, else the last. */
static const struct ike_sa *sa_of(const struct sim_node *n)
{
	const struct ike_sa *sa = NULL, *found = NULL;

	while (n->engine && (sa = ike_engine_sa_next(n->engine, sa)) != NULL)
		if (!found || sa->keys.length > 0)
			found = sa;
	return found;
}

static void say(struct sim_node *to, const struct ike_sa *sa, struct bytes datagram)
{
	struct sim_node *from = node_of(to->index + 1);
	struct address source = from->address[0];
	uint16_t port = sa ? sa->local.port : 500;

	source.port = port;
	source = sim_network_seen(from, &source);
	sim_world_inject(&fuzz.world, to, &source, port, datagram);
	check();
}

static size_t write_clear(struct bytes chain, uint8_t *ret, size_t room)
{
	const struct ike_header *h = &fuzz.inner.header;
	struct writer w = writer_of(ret, room);

	writer_u64(&w, h->spi_initiator);
	writer_u64(&w, h->spi_responder);
	writer_u8(&w, h->next_payload);
	writer_u8(&w, 0x10);
	writer_u8(&w, h->exchange);
	writer_u8(&w, h->flags);
	writer_u32(&w, h->message_id);
	writer_u32(&w, (uint32_t)(IKE_HEADER_LENGTH + chain.length));
	writer_put(&w, chain);
	return w.length;
}

/* how: bit 0 to whom, bit 1 without an SA, bits 2 to 4 exchange, bit 5 commit, bit 6 encrypted as
 * it stands (when clear), bit 7 without a right HASH; then a message id: 0, or one of few, or that
 * of an exchange that is under way. */
static void do_say(struct reader *r, bool sealed)
{
	static const uint8_t exchanges[] = { ISAKMP_EXCHANGE_MAIN, ISAKMP_EXCHANGE_AGGRESSIVE,
		ISAKMP_EXCHANGE_QUICK, ISAKMP_EXCHANGE_INFORMATIONAL, ISAKMP_EXCHANGE_TRANSACTION,
		ISAKMP_EXCHANGE_QUICK, ISAKMP_EXCHANGE_INFORMATIONAL, 99 };
	uint8_t how = reader_u8(r);
	uint8_t first = reader_u8(r);
	uint8_t id = reader_u8(r);
	size_t length = reader_u16(r) % 1024;
	struct sim_node *to = node_of(how);
	const struct ike_sa *sa = how & 2 ? NULL : sa_of(to);
	uint8_t datagram[SIM_INNER_MAX + 256];
	struct bytes chain = reader_bytes(r, length < r->left ? length : r->left);

	fuzz.inner.header = (struct ike_header){ .version = 0x10,
		.exchange = exchanges[how >> 2 & 7],
		.next_payload = first,
		.message_id = id & 0x80 ? sim_isakmp_message_id(sa, id & 0x7f) : id,
		.flags = how & 32 ? ISAKMP_FLAG_COMMIT : 0,
		.spi_initiator = sa ? sa->spi_initiator : 0x1122334455667788,
		.spi_responder = sa ? sa->spi_responder : 0 };
	fuzz.inner.length = chain.length;
	bytes_copy(fuzz.inner.chain, chain);
	if (sealed && sa && sa->keys.length > 0) {
		length = sim_isakmp_seal(
			to, sa, &fuzz.inner, !(how & 128), datagram, sizeof(datagram));
	} else {
		fuzz.inner.header.flags |= how & 64 ? ISAKMP_FLAG_ENCRYPTED : 0;
		length = write_clear(chain, datagram, sizeof(datagram));
	}
	if (length)
		say(to, sa, bytes_of(datagram, length));
	wait_for(15);
}

static void do_send_again(struct reader *r)
{
	uint8_t how = reader_u8(r);
	size_t kept = fuzz.heard_count < HEARD_MAX ? fuzz.heard_count : HEARD_MAX;

	if (kept == 0 || fuzz.again++ >= AGAIN_MAX)
		return;
	/* A copy: what is sent in answer is heard as well. */
	struct heard h = fuzz.heard[(how >> 1) % kept];
	if (how & 1)
		h.source.port ^= 7;
	sim_world_inject(&fuzz.world, &fuzz.world.nodes[h.to], &h.source, h.port,
		bytes_of(h.data, h.length));
	wait_for(15);
}

static void operate(struct reader *r)
{
	switch (reader_u8(r) % OPERATIONS) {
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
		do_change(r, false);
		break;
	case OP_CHANGE_INNER:
		do_change(r, true);
		break;
	case OP_SAY_CLEAR:
		do_say(r, false);
		break;
	case OP_SAY_SEALED:
		do_say(r, true);
		break;
	case OP_SEND_AGAIN:
		do_send_again(r);
		break;
	}
}

/* ---- The world of one input ---- */

/* choice: bits 0 and 1 proposals, 2 transport, 3 PFS, 4 DPD, 5 NAT before sun, 6 Aggressive, 7 the
 * log in full. */
static void load(struct sim_node *n, uint8_t choice)
{
	static const char *const ike[] = { "aes128-sha256-ecp256", "3des-md5-ecp256",
		"aes256-sha1-ecp256", "aes256-sha384-ecp384" };
	bool moon = n->index == 0;
	bool transport = choice & 4;
	struct sim_definition d = {
		.name = "peer",
		.version = 1,
		.aggressive = choice & 64,
		.remote_addrs = !moon ? "192.0.2.1" : choice & 32 ? "%any" : "192.0.2.2",
		.local_id = moon ? "moon.example.org" : "sun.example.org",
		.remote_id = moon ? "%any" : "moon.example.org",
		.proposals = ike[choice & 3],
		.unique = choice & 1 ? IKE_UNIQUE_REPLACE : IKE_UNIQUE_NO,
		.dpd_delay = choice & 16 ? 5 : 0,
		.children = {
			{
				.name = "net-a",
				.proposals = choice & 8 ? "aes128-sha256-ecp256" : "aes128gcm16",
				.local_ts = transport ? NULL : moon ? "10.1.0.0/16" : "10.2.0.0/16",
				.remote_ts = transport ? NULL : moon ? "10.2.0.0/16" : "10.1.0.0/16",
				.mode = transport ? IKE_MODE_TRANSPORT : IKE_MODE_TUNNEL,
			},
			{
				.name = "net-b",
				.local_ts = moon ? "10.3.0.0/16[tcp/80]" : "10.4.0.0/24",
				.remote_ts = moon ? "10.4.0.0/24" : "10.3.0.0/16[tcp/80]",
			},
		},
	};
	struct why why;

	sim_node_psk(n, "fuzz me if you can", NULL);
	if (!sim_node_load(n, sim_define(&d), &why))
		abort();
}

static void begin(uint8_t choice)
{
	struct sim_world *w = &fuzz.world;

	sim_world_begin(w, 42);
	w->filter = on_arrival;
	w->log_level = choice & 128 ? IKE_LOG_WIRE : IKE_LOG_INFO;
	fuzz.change = (struct change){ 0 };
	fuzz.heard_count = 0;
	fuzz.again = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct sim_node *n = sim_node_add(w, i == 1 && (choice & 32));

		n->settings.retransmit_tries = 2;
		n->settings.retransmit_timeout = 1000;
		n->settings.aggressive_psk = true;
		n->settings.fragment_size = (choice & 3) == 3 ? 160 : 1280;
		sim_node_start(n);
		load(n, choice);
	}
}

/* Whatever was said, both engines come to an end and leave nothing. */
static void end(void)
{
	struct sim_world *w = &fuzz.world;

	fuzz.change.armed = false;
	for (unsigned i = 0; i < 2; i++)
		sim_node_shutdown(node_of((uint8_t)i));
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));

	if (size < 2)
		return 0;
	begin(reader_u8(&r));
	for (unsigned i = 0; i < OPERATIONS_MAX && reader_more(&r); i++)
		operate(&r);
	end();
	return 0;
}
