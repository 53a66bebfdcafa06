/*
 * Two engines in a live exchange, and an input that says what happens: commands at both ends,
 * datagrams changed under way, in the clear or opened, changed and sealed again with the right
 * keys, and messages made up whole. So the parsers and the handlers behind them are reached in
 * every state, as a stranger and as a peer that did authenticate.
 *
 * The first octet chooses definitions, the rest is a script: an operation's octet, then its
 * operands. All randomness is fixed, so a finding replays. Besides the sanitizers the invariants
 * of testing/sim/check.c hold: whatever a peer says, the kernel's tables are the children's, all
 * waits end, no line has control characters, commands are answered, and in the end nothing is left.
 */
#include "edit.h"
#include "libike/eap/eap.h"
#include "libike/wire/message.h"
#include "testing/sim/definition.h"
#include "testing/sim/seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPERATIONS_MAX 40

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

struct fuzz {
	struct sim_world world;
	struct change change;
	struct sim_inner inner; /* scratch */
	uint8_t last[4096];     /* the last datagram delivered */
	size_t last_length;
	uint8_t last_to;
	struct address last_source;
	uint16_t last_port;
};

static struct fuzz fuzz;

static bool on_arrival(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct fuzz *f = context;
	struct change *c = &f->change;
	struct address destination = flight->destination;
	struct sim_node *to = sim_network_route(w, &destination);

	if (c->armed && c->skip-- == 0) {
		c->armed = false;
		if (!c->inner) {
			edit(c->edits, flight->data, &flight->length, flight->capacity);
			fix_length(flight->data, flight->length);
		} else if (sim_flight_open(w, flight, &f->inner)) {
			edit(c->edits, f->inner.chain, &f->inner.length, SIM_INNER_MAX);
			(void)sim_flight_seal(w, flight, &f->inner);
		}
	}
	if (to && flight->length <= sizeof(f->last)) {
		memcpy(f->last, flight->data, flight->length);
		f->last_length = flight->length;
		f->last_to = to->index;
		f->last_source = flight->source_seen;
		f->last_port = destination.port;
	}
	return true;
}

/* ---- Operations ---- */

static void check(void)
{
	if (fuzz.world.complaints == 0)
		return;
	fprintf(stderr, "fuzz_engine: %s\n", fuzz.world.complaint);
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

/* The other end's SA of the same pair of SPIs, or any: its keys are what the message needs. */
static const struct ike_sa *sa_towards(struct sim_node *to)
{
	const struct ike_sa *sa = ike_engine_sa_next(node_of(to->index + 1)->engine, NULL);

	while (sa && ike_engine_sa_next(node_of(to->index + 1)->engine, sa) && sa->keys.length == 0)
		sa = ike_engine_sa_next(node_of(to->index + 1)->engine, sa);
	return sa;
}

/* A header of that SA that the receiver will take for the next request, or for the response to
 * the request that it has in flight. */
static void make_header(
	struct ike_header *h, struct sim_node *to, const struct ike_sa *sa, uint8_t how)
{
	struct sim_node *peer = NULL;
	const struct ike_sa *theirs =
		sa ? sim_check_peer(&fuzz.world, node_of(to->index + 1), sa, &peer) : NULL;
	bool response = how & 4;

	*h = (struct ike_header){ .version = 0x20, .exchange = (uint8_t)(34 + (how >> 4 & 3)) };
	h->flags = response ? IKE_FLAG_RESPONSE : 0;
	if (sa) {
		h->spi_initiator = sa->spi_initiator;
		h->spi_responder = sa->spi_responder;
		h->flags |= sa->initiator ? IKE_FLAG_INITIATOR : 0;
	} else {
		h->spi_initiator = 0x1122334455667788;
		h->flags |= IKE_FLAG_INITIATOR;
	}
	if (theirs)
		h->message_id = response ? (theirs->next_request ? theirs->next_request - 1 : 0)
					 : theirs->next_expected;
	if (how & 8)
		h->message_id++;
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

/* how: bit 0 to whom, bit 2 response, bit 3 message id one too high, bits 4 and 5 exchange. */
static void do_say(struct reader *r, bool sealed)
{
	uint8_t how = reader_u8(r);
	uint8_t first = reader_u8(r);
	size_t length = reader_u16(r) % 1024;
	struct sim_node *to = node_of(how);
	const struct ike_sa *sa = how & 2 ? NULL : sa_towards(to);
	struct sim_inner *inner = &fuzz.inner;
	uint8_t datagram[SIM_INNER_MAX + 256];
	struct bytes chain = reader_bytes(r, length < r->left ? length : r->left);

	make_header(&inner->header, to, sa, how);
	inner->first = first;
	inner->length = chain.length;
	bytes_copy(inner->chain, chain);
	if (sealed && sa) {
		length = sim_seal(&fuzz.world, sa, inner, datagram, sizeof(datagram));
	} else {
		struct writer w = writer_of(datagram, sizeof(datagram));

		writer_u64(&w, inner->header.spi_initiator);
		writer_u64(&w, inner->header.spi_responder);
		writer_u8(&w, first);
		writer_u8(&w, inner->header.version);
		writer_u8(&w, inner->header.exchange);
		writer_u8(&w, inner->header.flags);
		writer_u32(&w, inner->header.message_id);
		writer_u32(&w, (uint32_t)(IKE_HEADER_LENGTH + chain.length));
		writer_put(&w, chain);
		length = w.length;
	}
	if (length)
		say(to, sa, bytes_of(datagram, length));
	wait_for(15);
}

static void do_send_again(struct reader *r)
{
	uint8_t how = reader_u8(r);

	if (!fuzz.last_length)
		return;
	if (how & 1)
		fuzz.last_source.port ^= 7;
	sim_world_inject(&fuzz.world, &fuzz.world.nodes[fuzz.last_to], &fuzz.last_source,
		fuzz.last_port, bytes_of(fuzz.last, fuzz.last_length));
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

/* How they prove themselves: some choices have certificates, some EAP for sun's second round. */
enum proof { BY_SECRET, BY_CERTIFICATE, BY_EAP };

static enum proof proof_of(uint8_t choice)
{
	return (choice & 67) == 66 ? BY_CERTIFICATE : (choice & 67) == 65 ? BY_EAP : BY_SECRET;
}

static void two_rounds(void *context, struct ike_connection *c)
{
	const struct sim_node *n = context;
	struct ike_auth_rounds *rounds = n->index == 0 ? &c->remote : &c->local;

	if (!ike_auth_rounds_add(rounds, IKE_AUTH_CLASS_EAP,
		    rounds->items[0].id ? ike_identity_hold(rounds->items[0].id) : NULL))
		abort();
	rounds->items[1].eap_method = IKE_EAP_METHOD_MSCHAPV2;
}

static void load_proofs(struct sim_node *n, enum proof proof)
{
	static const char *const owners[] = { "sun.example.org", NULL };

	if (proof == BY_SECRET) {
		sim_node_psk(n, "fuzz me if you can", NULL);
		return;
	}
	sim_node_certify(n, n->index == 0 ? "moon.example.org" : "sun.example.org");
	if (proof == BY_EAP)
		sim_node_eap(n, "fuzz me, too", owners);
}

static void load(struct sim_node *n, uint8_t choice)
{
	static const char *const ike[] = { "aes128gcm16-prfsha256-x25519", "aes128-sha256-x25519",
		"chacha20poly1305-prfsha256-ecp256-x25519", "aes256ctr-aesxcbc-x25519-ke1_ecp256" };
	static const char *const esp[] = { "aes128gcm16", "aes256-sha256-x25519",
		"aes128-sha256-esn-noesn", "aes256gcm16-ecp256-ke2_x25519" };
	bool moon = n->index == 0;
	bool transport = choice & 4;
	struct sim_definition d = {
		.name = "peer",
		.remote_addrs = moon ? "%any" : "192.0.2.1",
		.local_id = moon ? "moon.example.org" : "sun.example.org",
		.remote_id = moon ? "%any" : "moon.example.org",
		.proposals = ike[choice & 3],
		.unique = choice & 64 ? IKE_UNIQUE_REPLACE : IKE_UNIQUE_NO,
		.children = {
			{
				.name = "net-a",
				.proposals = esp[choice >> 3 & 3],
				.local_ts = transport ? NULL : moon ? "10.1.0.0/16" : "10.2.0.0/24",
				.remote_ts = transport ? NULL : moon ? "10.2.0.0/16" : "0.0.0.0/0",
				.mode = transport ? IKE_MODE_TRANSPORT : IKE_MODE_TUNNEL,
			},
			{
				.name = "net-b",
				.local_ts = moon ? "10.3.0.0/16[tcp/80]" : "10.4.0.0/24",
				.remote_ts = moon ? "10.4.0.0/16" : "10.3.0.0/16",
			},
		},
	};
	struct why why;

	if (moon && !(choice & 32))
		d.remote_addrs = "192.0.2.2";
	d.pubkey = proof_of(choice) != BY_SECRET;
	if (proof_of(choice) == BY_EAP) {
		d.adjust = two_rounds;
		d.adjust_context = n;
	}
	load_proofs(n, proof_of(choice));
	if (!sim_node_load(n, sim_define(&d), &why))
		abort();
}

static void begin(uint8_t choice)
{
	struct sim_world *w = &fuzz.world;

	sim_world_begin(w, 42);
	w->filter = on_arrival;
	w->filter_context = &fuzz;
	w->log_level = choice & 128 ? IKE_LOG_WIRE : IKE_LOG_INFO;
	fuzz.change = (struct change){ 0 };
	fuzz.last_length = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct sim_node *n = sim_node_add(w, i == 1 && (choice & 32));

		n->settings.retransmit_tries = 2;
		n->settings.retransmit_timeout = 1000;
		n->settings.fragment_size = (choice & 3) == 3 ? 290 : 1280;
		n->settings.cookie_threshold = choice & 64 ? 1 : 30;
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
