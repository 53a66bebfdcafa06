/*
 * Two engines that speak IKEv2, and an input that says what happens: see live.h. The first octet
 * chooses definitions.
 */
#include "libike/eap/eap.h"
#include "libike/wire/message.h"
#include "live.h"
#include "testing/sim/seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sim_world *world;
static struct sim_inner inner; /* scratch */

static void change_inner(
	struct sim_world *w, struct sim_node *to, struct sim_flight *flight, struct bytes edits)
{
	(void)to;
	if (!sim_flight_open(w, flight, &inner))
		return;
	edit(edits, inner.chain, &inner.length, SIM_INNER_MAX);
	(void)sim_flight_seal(w, flight, &inner);
}

/* The other end's SA of the same pair of SPIs, or any: its keys are what the message needs. */
static const struct ike_sa *sa_towards(struct sim_node *to)
{
	const struct ike_sa *sa = ike_engine_sa_next(live_node(to->index + 1)->engine, NULL);

	while (sa && ike_engine_sa_next(live_node(to->index + 1)->engine, sa) &&
		sa->keys.length == 0)
		sa = ike_engine_sa_next(live_node(to->index + 1)->engine, sa);
	return sa;
}

/* A header of that SA that the receiver will take for the next request, or for the response to
 * the request that it has in flight. */
static void make_header(
	struct ike_header *h, struct sim_node *to, const struct ike_sa *sa, uint8_t how)
{
	struct sim_node *peer = NULL;
	const struct ike_sa *theirs =
		sa ? sim_check_peer(world, live_node(to->index + 1), sa, &peer) : NULL;
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

/* how: bit 0 to whom, bit 2 response, bit 3 message id one too high, bits 4 and 5 exchange. */
static void say(struct reader *r, bool sealed)
{
	uint8_t how = reader_u8(r);
	uint8_t first = reader_u8(r);
	size_t length = reader_u16(r) % 1024;
	struct sim_node *to = live_node(how);
	const struct ike_sa *sa = how & 2 ? NULL : sa_towards(to);
	uint8_t room[SIM_INNER_MAX + 256];
	struct bytes chain = reader_bytes(r, length < r->left ? length : r->left);
	struct bytes datagram;

	make_header(&inner.header, to, sa, how);
	inner.header.next_payload = first;
	inner.first = first;
	inner.length = chain.length;
	bytes_copy(inner.chain, chain);
	if (sealed && sa)
		datagram = bytes_of(room, sim_seal(world, sa, &inner, room, sizeof(room)));
	else
		datagram = live_write_clear(&inner.header, chain, room, sizeof(room));
	if (datagram.length)
		live_inject(to, sa, datagram);
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

static const struct live_version version = {
	.name = "engine", .again_max = 40, .change_inner = change_inner, .say = say
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));

	if (size < 2)
		return 0;
	uint8_t choice = reader_u8(&r);
	world = live_begin(&version, choice & 32, choice & 128);
	for (unsigned i = 0; i < 2; i++) {
		struct sim_node *n = &world->nodes[i];

		n->settings.fragment_size_v4 = n->settings.fragment_size_v6 =
			(choice & 3) == 3 ? 290 : 1280;
		n->settings.cookie_threshold = choice & 64 ? 1 : 30;
		sim_node_start(n);
		load(n, choice);
	}
	live_run(&r);
	return 0;
}
