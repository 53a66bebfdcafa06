/*
 * Two engines that speak IKEv1, and an input that says what happens: see live.h. A peer that did
 * authenticate changes and makes up messages with the HASH that fits, in every state of Main,
 * Aggressive, Quick Mode, Informational and Transaction exchanges. The first octet chooses
 * definitions.
 */
#include "libike/wire/isakmp.h"
#include "live.h"
#include "testing/sim/isakmp_seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sim_isakmp inner; /* scratch */

static void change_inner(
	struct sim_world *w, struct sim_node *to, struct sim_flight *flight, struct bytes edits)
{
	if (!to || !sim_isakmp_open(to, flight, &inner))
		return;
	edit(edits, inner.chain, &inner.length, SIM_INNER_MAX);
	(void)sim_isakmp_reseal(w, to, flight, &inner);
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

/* how: bit 0 to whom, bit 1 without an SA, bits 2 to 4 exchange, bit 5 commit, bit 6 encrypted as
 * it stands (when clear), bit 7 without a right HASH; then a message id: 0, or one of few, or that
 * of an exchange that is under way. */
static void say(struct reader *r, bool sealed)
{
	static const uint8_t exchanges[] = { ISAKMP_EXCHANGE_MAIN, ISAKMP_EXCHANGE_AGGRESSIVE,
		ISAKMP_EXCHANGE_QUICK, ISAKMP_EXCHANGE_INFORMATIONAL, ISAKMP_EXCHANGE_TRANSACTION,
		ISAKMP_EXCHANGE_QUICK, ISAKMP_EXCHANGE_INFORMATIONAL, 99 };
	uint8_t how = reader_u8(r);
	uint8_t first = reader_u8(r);
	uint8_t id = reader_u8(r);
	size_t length = reader_u16(r) % 1024;
	struct sim_node *to = live_node(how);
	const struct ike_sa *sa = how & 2 ? NULL : sa_of(to);
	uint8_t room[SIM_INNER_MAX + 256];
	struct bytes chain = reader_bytes(r, length < r->left ? length : r->left);
	struct bytes datagram;

	inner.header = (struct ike_header){ .version = 0x10,
		.exchange = exchanges[how >> 2 & 7],
		.next_payload = first,
		.message_id = id & 0x80 ? sim_isakmp_message_id(sa, id & 0x7f) : id,
		.flags = how & 32 ? ISAKMP_FLAG_COMMIT : 0,
		.spi_initiator = sa ? sa->spi_initiator : 0x1122334455667788,
		.spi_responder = sa ? sa->spi_responder : 0 };
	inner.length = chain.length;
	bytes_copy(inner.chain, chain);
	if (sealed && sa && sa->keys.length > 0) {
		datagram = bytes_of(
			room, sim_isakmp_seal(to, sa, &inner, !(how & 128), room, sizeof(room)));
	} else {
		inner.header.flags |= how & 64 ? ISAKMP_FLAG_ENCRYPTED : 0;
		datagram = live_write_clear(&inner.header, chain, room, sizeof(room));
	}
	if (datagram.length)
		live_inject(to, sa, datagram);
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

static const struct live_version version = {
	.name = "ikev1", .again_max = 5, .change_inner = change_inner, .say = say
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));

	if (size < 2)
		return 0;
	uint8_t choice = reader_u8(&r);
	struct sim_world *world = live_begin(&version, choice & 32, choice & 128);
	for (unsigned i = 0; i < 2; i++) {
		struct sim_node *n = &world->nodes[i];

		n->settings.aggressive_psk = true;
		n->settings.fragment_size = (choice & 3) == 3 ? 160 : 1280;
		sim_node_start(n);
		load(n, choice);
	}
	live_run(&r);
	return 0;
}
