/* IKEv1: strangers, listeners who say again what they heard, and peers that break the rules. */
#include "libike/engine_priv.h"
#include "libike/ikev1/ikev1.h"
#include "testing/sim/isakmp_seal.h"
#include "testing/unit/engine/duo.h"

static struct why why;

static void pass(struct duo *d, ike_time milliseconds)
{
	sim_world_run(d->world, d->world->now + milliseconds);
}

static const struct ike_sa *first_sa(const struct sim_node *n)
{
	return ike_engine_sa_next(n->engine, NULL);
}

static struct sim_node *other(struct duo *d, const struct sim_node *n)
{
	return n == d->moon ? d->sun : d->moon;
}

/* ---- What was heard on the way ---- */

#define HEARD_MAX 48

struct heard {
	struct bytes datagram; /* heap */
	uint8_t from;
};

/* All that was under way; what is of `lose` and of that exchange does not arrive. */
struct tap {
	struct heard list[HEARD_MAX];
	size_t count;
	const struct sim_node *lose;
	uint8_t lose_exchange;
	bool lose_encrypted; /* those alone */
};

static bool overhear(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct tap *t = context;

	(void)w;
	if (t->count < HEARD_MAX) {
		t->list[t->count].from = flight->from;
		t->list[t->count++].datagram =
			bytes_duplicate(bytes_of(flight->data, flight->length));
	}
	return !t->lose || flight->from != t->lose->index || flight->data[18] != t->lose_exchange ||
	       (t->lose_encrypted && !(flight->data[19] & ISAKMP_FLAG_ENCRYPTED));
}

static void tap(struct duo *d, struct tap *t)
{
	d->world->filter = overhear;
	d->world->filter_context = t;
}

static void forget(struct tap *t)
{
	for (size_t i = 0; i < t->count; i++)
		free((void *)t->list[i].datagram.at);
	t->count = 0;
}

static size_t sent_by(const struct tap *t, const struct sim_node *n, size_t *ret_octets)
{
	size_t count = 0;

	*ret_octets = 0;
	for (size_t i = 0; i < t->count; i++) {
		if (t->list[i].from != n->index)
			continue;
		count++;
		*ret_octets += t->list[i].datagram.length;
	}
	return count;
}

static void inject_from(
	struct duo *d, struct sim_node *to, struct address source, struct bytes datagram)
{
	source.port = 500;
	sim_world_inject(d->world, to, &source, 500, datagram);
}

static void inject(struct duo *d, struct sim_node *to, struct bytes datagram)
{
	inject_from(d, to, other(d, to)->address[0], datagram);
}

/* Everything that was heard once more, to whom it was sent. */
static void repeat_all(struct duo *d, const struct tap *t)
{
	for (size_t i = 0; i < t->count; i++)
		inject(d, t->list[i].from == d->moon->index ? d->sun : d->moon,
			t->list[i].datagram);
}

/* ---- Made up ---- */

static void say_clear(struct duo *d, struct sim_node *to, const struct ike_header *header,
	const struct ike_builder *b)
{
	struct ike_packets *packets = isakmp_packets_clear(header, b, 0, 0);

	ck_assert_ptr_nonnull(packets);
	inject(d, to, ike_packets_get(packets, 0));
	ike_packets_free(packets);
}

/* Under the node's SA, with its keys; the builder's payloads begin with HASH where one is wanted.
 */
static void say_sealed(struct duo *d, struct sim_node *to, uint8_t exchange, uint32_t message_id,
	const struct ike_builder *b, bool hash)
{
	struct sim_isakmp m = { .header = { .exchange = exchange,
					.message_id = message_id,
					.next_payload = b->first } };
	uint8_t datagram[SIM_INNER_MAX + 64];

	ck_assert(!b->writer.bad);
	m.length = b->writer.length;
	memcpy(m.chain, b->writer.at, m.length);
	size_t length = sim_isakmp_seal(to, first_sa(to), &m, hash, datagram, sizeof(datagram));
	ck_assert_uint_gt(length, 0);
	inject(d, to, bytes_of(datagram, length));
}

static uint8_t room[32768];

static void begin_hashed(struct ike_builder *b, const struct sim_node *to)
{
	static const uint8_t zeroes[IKE_PRF_OUTPUT_MAX];

	ike_builder_begin(b, room, sizeof(room));
	isakmp_build_hash(b, bytes_of(zeroes, first_sa(to)->v1->key_length));
}

static struct ike_header header_of(const struct ike_sa *sa, uint8_t exchange)
{
	return (struct ike_header){ .spi_initiator = sa->spi_initiator,
		.spi_responder = sa->spi_responder,
		.version = 0x10,
		.exchange = exchange,
		.message_id = exchange == ISAKMP_EXCHANGE_MAIN ? 0 : 4711 };
}

/* All that would harm, if it were believed. number: which. */
static bool build_harm(struct ike_builder *b, const struct sim_node *to, int number)
{
	const struct ike_sa *sa = first_sa(to);
	struct bytes none = { 0 };

	switch (number) {
	case 0:
		isakmp_build_delete_isakmp(b, sa->spi_initiator, sa->spi_responder);
		return true;
	case 1:
		if (!sa->children)
			return false;
		isakmp_build_delete(b, ISAKMP_PROTOCOL_ESP, &sa->children->spi_out, 1);
		return true;
	case 2:
		isakmp_build_notify(
			b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_AUTHENTICATION_FAILED, none, none);
		return true;
	case 3:
		isakmp_build_notify(
			b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_INVALID_COOKIE, none, none);
		return true;
	case 4:
		isakmp_build_notify(
			b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_INITIAL_CONTACT, none, none);
		return true;
	case 5:
		isakmp_build_notify(
			b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_PAYLOAD_MALFORMED, none, none);
		return true;
	case 6:
		isakmp_build_notify(b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE,
			bytes_of("0123456789abcdef", 16), bytes_of("\0\0\0\1", 4));
		return true;
	default:
		return false;
	}
}
#define HARMS 7

static void unharmed(struct duo *d)
{
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(duo_ike_sas(&d->world->nodes[i]), 1);
		ck_assert_uint_eq(first_sa(&d->world->nodes[i])->state, IKE_SA_ESTABLISHED);
		ck_assert_uint_eq(duo_children(&d->world->nodes[i]), 1);
		ck_assert_uint_eq(
			first_sa(&d->world->nodes[i])->children->state, IKE_CHILD_INSTALLED);
	}
	ck_assert_uint_eq(sim_check_agreement(d->world, false), 0);
	ck_assert_msg(d->world->complaints == 0, "%s", d->world->complaint);
}

static struct duo begin_up(void)
{
	struct duo d = duo_begin_ikev1(false);

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	return d;
}

/* ---- What nobody has proved ---- */

START_TEST(what_is_said_in_the_clear_does_no_harm)
{
	struct duo d = begin_up();
	struct tap t = { 0 };
	size_t octets;

	tap(&d, &t);
	for (int i = 0; i < 2 * HARMS; i++) {
		struct sim_node *to = i & 1 ? d.moon : d.sun;
		struct ike_header header = header_of(first_sa(to), ISAKMP_EXCHANGE_INFORMATIONAL);
		struct ike_builder b;

		ike_builder_begin(&b, room, sizeof(room));
		if (build_harm(&b, to, i / 2))
			say_clear(&d, to, &header, &b);
		pass(&d, 100);
		unharmed(&d);
	}
	ck_assert_uint_eq(sent_by(&t, d.moon, &octets) + sent_by(&t, d.sun, &octets), 0);
	duo_down(&d, d.moon);
	duo_end(&d);
	forget(&t);
}
END_TEST

/* How the proof of what is otherwise right is wrong: */
enum wrong {
	NO_HASH,
	EMPTY_HASH,
	SHORT_HASH,
	LONG_HASH,
	OTHER_HASH,
	HASH_LAST,
	HASH_TWICE,
	WRONGS
};

static void build_wrong(struct ike_builder *b, struct sim_node *to, enum wrong wrong, int harm)
{
	static const uint8_t octets[IKE_PRF_OUTPUT_MAX + 1] = { 1, 2, 3 };
	size_t right = first_sa(to)->v1->key_length;

	ike_builder_begin(b, room, sizeof(room));
	if (wrong == EMPTY_HASH)
		isakmp_build_hash(b, (struct bytes){ 0 });
	else if (wrong == SHORT_HASH)
		isakmp_build_hash(b, bytes_of(octets, right - 1));
	else if (wrong == LONG_HASH)
		isakmp_build_hash(b, bytes_of(octets, right + 1));
	else if (wrong == OTHER_HASH || wrong == HASH_TWICE)
		isakmp_build_hash(b, bytes_of(octets, right));
	(void)build_harm(b, to, harm);
	/* Over nothing at all, as nothing follows it. */
	if (wrong == HASH_LAST) {
		uint8_t hash[IKE_PRF_OUTPUT_MAX];
		struct bytes none = { 0 };

		ck_assert(
			ikev1_phase2_hash(to->engine, first_sa(to), 99, 1, none, none, none, hash));
		isakmp_build_hash(b, bytes_of(hash, right));
	} else if (wrong == HASH_TWICE) {
		isakmp_build_hash(b, bytes_of(octets, right));
	}
}

START_TEST(what_is_encrypted_without_its_hash_does_no_harm)
{
	struct duo d = begin_up();
	struct ike_builder b;

	for (int i = 0; i < 2 * HARMS; i++) {
		struct sim_node *to = i & 1 ? d.moon : d.sun;

		build_wrong(&b, to, (enum wrong)_i, i / 2);
		say_sealed(&d, to, ISAKMP_EXCHANGE_INFORMATIONAL, 99, &b, false);
		say_sealed(&d, to, ISAKMP_EXCHANGE_QUICK, 99, &b, false);
		say_sealed(&d, to, ISAKMP_EXCHANGE_TRANSACTION, 99, &b, false);
		pass(&d, 100);
		unharmed(&d);
		ck_assert_ptr_null(ikev1_exchange_find(first_sa(to), 99, ISAKMP_EXCHANGE_QUICK));
	}
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* That the above is not ignored for some other reason. */
START_TEST(with_its_hash_it_is_believed)
{
	struct duo d = begin_up();
	struct ike_builder b;

	begin_hashed(&b, d.sun);
	(void)build_harm(&b, d.sun, 0);
	say_sealed(&d, d.sun, ISAKMP_EXCHANGE_INFORMATIONAL, 99, &b, true);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	(void)sim_node_terminate(d.moon, &(struct ike_terminate){ .ike = "sun" }, &why);
	pass(&d, 1000);
	duo_end(&d);
}
END_TEST

/* Bit 0: for the responder, which has keys; else for the initiator. */
START_TEST(phase_2_does_not_begin_before_phase_1_ends)
{
	struct duo d = duo_begin_ikev1(false);
	struct sim_node *to = _i & 1 ? d.sun : d.moon;
	struct tap t = { .lose = _i & 1 ? d.moon : d.sun,
		.lose_exchange = ISAKMP_EXCHANGE_MAIN,
		.lose_encrypted = true };
	struct ike_builder b;

	tap(&d, &t);
	duo_start(&d);
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	pass(&d, 200);
	ck_assert_uint_gt(first_sa(to)->keys.length, 0);
	size_t before = t.count;
	for (int i = 0; i < HARMS; i++) {
		static const uint8_t exchanges[] = { ISAKMP_EXCHANGE_QUICK,
			ISAKMP_EXCHANGE_TRANSACTION, ISAKMP_EXCHANGE_MAIN };

		begin_hashed(&b, to);
		if (!build_harm(&b, to, i))
			continue;
		for (size_t k = 0; k < sizeof(exchanges); k++)
			say_sealed(&d, to, exchanges[k], 99, &b, true);
		/* Errors end an attempt of who waits for the proof, with the keys of phase 1. */
		if (i != 2 && i != 3 && i != 5)
			say_sealed(&d, to, ISAKMP_EXCHANGE_INFORMATIONAL, 99, &b, true);
	}
	pass(&d, 100);
	ck_assert_uint_eq(t.count, before);
	ck_assert_uint_eq(duo_ike_sas(to), 1);
	ck_assert_uint_eq(duo_children(to), 0);
	ck_assert_ptr_null(to->kernel.sas);
	ck_assert_uint_eq(first_sa(to)->state, IKE_SA_CONNECTING);
	t.lose = NULL;
	pass(&d, IKE_SECONDS(30));
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	forget(&t);
}
END_TEST

/* ---- What was said before ---- */

/* Bit 0: at once, or when all that was kept for repetitions is forgotten; bit 1: Aggressive. */
START_TEST(who_repeats_what_was_heard_changes_nothing)
{
	struct duo d = duo_begin_ikev1(_i & 2);
	struct tap t = { 0 };
	struct duo_stream s;

	tap(&d, &t);
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	d.world->filter = NULL;
	if (_i & 1)
		pass(&d, IKE_SECONDS(600));
	uint32_t spi = first_sa(d.sun)->children->spi_in;
	duo_stream_begin(&d, &s, 100);
	repeat_all(&d, &t);
	pass(&d, IKE_SECONDS(1));
	repeat_all(&d, &t);
	pass(&d, IKE_SECONDS(120));
	ck_assert_uint_eq(s.sent, s.arrived);
	unharmed(&d);
	ck_assert_uint_eq(first_sa(d.sun)->children->spi_in, spi);
	duo_down(&d, d.moon);
	duo_end(&d);
	forget(&t);
}
END_TEST

START_TEST(deletes_of_the_past_do_nothing_later)
{
	struct duo d = duo_begin_ikev1(false);
	struct tap t = { 0 };

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	tap(&d, &t);
	ck_assert(sim_node_terminate(d.moon, &(struct ike_terminate){ .child = "net" }, &why));
	pass(&d, IKE_SECONDS(1));
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_up(&d, d.moon, "net");
	d.world->filter = NULL;
	repeat_all(&d, &t);
	pass(&d, IKE_SECONDS(120));
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	forget(&t);
}
END_TEST

/* ---- Cookies ---- */

START_TEST(who_does_not_know_the_cookies_is_not_heard)
{
	struct duo d = duo_begin_ikev1(false);
	struct tap t = { 0 }, answers = { 0 };
	size_t octets;

	tap(&d, &t);
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	tap(&d, &answers);
	for (size_t i = 0; i < t.count; i++) {
		uint8_t copy[4096];
		struct sim_node *to = t.list[i].from == d.moon->index ? d.sun : d.moon;
		struct bytes heard = t.list[i].datagram;

		if (heard.at[8] == 0 && heard.at[9] == 0 && heard.at[10] == 0)
			continue; /* a first message may have any */
		for (size_t at = 0; at < 16; at++) {
			bytes_copy(copy, heard);
			copy[at] ^= 0x40;
			inject(&d, to, bytes_of(copy, heard.length));
		}
		bytes_copy(copy, heard); /* of nobody */
		memset(copy + 8, 0, 8);
		if (!(copy[18] == ISAKMP_EXCHANGE_MAIN && !(copy[19] & ISAKMP_FLAG_ENCRYPTED)))
			inject(&d, to, bytes_of(copy, heard.length));
		bytes_copy(copy, heard); /* and back to who said it */
		inject(&d, other(&d, to), bytes_of(copy, heard.length));
	}
	pass(&d, IKE_SECONDS(1));
	ck_assert_uint_eq(
		sent_by(&answers, d.moon, &octets) + sent_by(&answers, d.sun, &octets), 0);
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	forget(&t);
	forget(&answers);
}
END_TEST

/* ---- Half-open, and answers to who may not be there ---- */

static void build_first(struct ike_builder *b, size_t proposals, size_t transforms)
{
	struct ike_proposals list = { 0 };
	struct isakmp_offer offer[128];

	ck_assert(ike_proposals_add(&list, IKE_PROTOCOL_IKE, "aes128-sha256-ecp256", &why));
	ck_assert_uint_eq(isakmp_offers_of(&list, 1, offer, 1), 1);
	for (size_t i = 1; i < transforms && i < 128; i++)
		offer[i] = offer[0];
	ike_builder_begin(b, room, sizeof(room));
	isakmp_build_sa(b, offer, transforms, (struct bytes){ 0 }, ISAKMP_AUTH_PSK, 0, 3600, 0);
	ike_proposals_free(&list);
	/* The only proposal over and over. */
	size_t one = b->writer.length - 12;
	for (size_t i = 1; i < proposals; i++) {
		uint8_t *again = writer_take(&b->writer, one);

		ck_assert_ptr_nonnull(again);
		memcpy(again, b->writer.at + 12, one);
		b->writer.at[12 + (i - 1) * one] = ISAKMP_PAYLOAD_PROPOSAL;
		again[4] = (uint8_t)(i + 1);
	}
	b->writer.at[2] = (uint8_t)(b->writer.length >> 8);
	b->writer.at[3] = (uint8_t)b->writer.length;
}

static struct ike_header first_header(uint64_t cookie)
{
	return (struct ike_header){
		.spi_initiator = cookie, .version = 0x10, .exchange = ISAKMP_EXCHANGE_MAIN
	};
}

START_TEST(strangers_do_not_fill_the_memory)
{
	struct duo d = duo_begin_ikev1(false);
	struct tap t = { 0 };
	struct ike_builder b;

	d.sun_side.remote_addrs = "%any";
	d.sun->settings.init_limit_half_open = 40;
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	build_first(&b, 1, 1);
	for (uint64_t i = 1; i <= 1000; i++) {
		struct ike_header header = first_header(i);
		struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
		struct address from = d.moon->address[0];

		ck_assert(address_parse(i % 2 ? "198.51.100.1" : "198.51.100.2", &from));
		inject_from(&d, d.sun, from, ike_packets_get(packets, 0));
		ike_packets_free(packets);
	}
	ck_assert_uint_le(duo_ike_sas(d.sun), 1 + 2 * d.sun->settings.block_threshold);
	for (uint64_t i = 1; i <= 250; i++) {
		struct ike_header header = first_header(5000 + i);
		struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
		struct address from = d.moon->address[0];
		char text[32];

		snprintf(text, sizeof(text), "198.51.100.%u", (unsigned)i);
		ck_assert(address_parse(text, &from));
		inject_from(&d, d.sun, from, ike_packets_get(packets, 0));
		ike_packets_free(packets);
	}
	ck_assert_uint_le(duo_ike_sas(d.sun), 41);
	pass(&d, IKE_SECONDS(60));
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	forget(&t);
}
END_TEST

START_TEST(a_first_message_is_answered_once_each_time)
{
	struct duo d = duo_begin_ikev1(false);
	struct tap t = { 0 };
	struct ike_builder b;
	size_t octets, asked = 0;

	duo_start(&d);
	tap(&d, &t);
	build_first(&b, 1, 1);
	for (unsigned i = 0; i < 10; i++) {
		struct ike_header header = first_header(77);

		say_clear(&d, d.sun, &header, &b);
		asked += IKE_HEADER_LENGTH + b.writer.length;
		pass(&d, 20);
	}
	ck_assert_uint_eq(sent_by(&t, d.sun, &octets), 10);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	/* Our vendor ids are more than a stranger may have. */
	ck_assert_uint_le(octets, 2 * asked);
	pass(&d, IKE_SECONDS(120)); /* and not once more by time */
	ck_assert_uint_eq(sent_by(&t, d.sun, &octets), 10);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
	forget(&t);
}
END_TEST

static bool lose_all_from_sun(void *context, struct sim_world *w, struct sim_flight *flight)
{
	return overhear(context, w, flight) && w->nodes[flight->from].name[0] != 's';
}

/* Its second message is sent again by time, as nobody answers the third. */
START_TEST(aggressive_mode_answers_a_stranger_with_little)
{
	struct duo d = duo_begin_ikev1(true);
	struct tap t = { 0 };
	size_t octets, asked;

	tap(&d, &t);
	d.world->filter = lose_all_from_sun;
	duo_start(&d);
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	pass(&d, 100);
	(void)sim_node_terminate(d.moon, &(struct ike_terminate){ .ike = "sun" }, &why);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	pass(&d, IKE_SECONDS(300));
	ck_assert_uint_eq(sent_by(&t, d.moon, &asked), 1);
	/* Three times, and a DELETE, twice: the peer may believe that all is well. */
	ck_assert_uint_eq(sent_by(&t, d.sun, &octets), 5);
	ck_assert_uint_le(octets, 4 * asked);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
	forget(&t);
}
END_TEST

/* ---- More than anybody needs ---- */

static const struct {
	size_t proposals, transforms;
	bool fine;
} counts[] = { { 1, 100, true }, { 60, 1, true }, { 64, 1, true }, { 65, 1, false },
	{ 6, 100, false }, { 2, 100, true } };

START_TEST(proposals_without_end_are_refused)
{
	struct duo d = duo_begin_ikev1(false);
	struct ike_header header = first_header(77);
	struct ike_builder b;

	duo_start(&d);
	build_first(&b, counts[_i].proposals, counts[_i].transforms);
	say_clear(&d, d.sun, &header, &b);
	ck_assert_uint_eq(duo_ike_sas(d.sun), counts[_i].fine ? 1 : 0);
	pass(&d, IKE_SECONDS(60));
	duo_end(&d);
}
END_TEST

START_TEST(deletes_of_thousands_do_not_fill_the_log)
{
	struct duo d = begin_up();
	static uint32_t spis[1900];
	struct ike_builder b;

	for (uint32_t i = 0; i < 1900; i++)
		spis[i] = 0x10000 + i;
	size_t before = d.moon->log_count;
	begin_hashed(&b, d.moon);
	isakmp_build_delete(&b, ISAKMP_PROTOCOL_ESP, spis, 1900);
	say_sealed(&d, d.moon, ISAKMP_EXCHANGE_INFORMATIONAL, 99, &b, true);
	pass(&d, 100);
	ck_assert_uint_lt(d.moon->log_count - before, 20);
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(noise_does_not_fill_the_log)
{
	struct duo d = begin_up();
	struct ike_builder b;
	size_t before = d.moon->log_count;

	for (uint32_t i = 0; i < 100; i++) {
		struct ike_header header = header_of(first_sa(d.moon), ISAKMP_EXCHANGE_QUICK);

		build_wrong(&b, d.moon, OTHER_HASH, 0);
		say_sealed(&d, d.moon, ISAKMP_EXCHANGE_INFORMATIONAL, 99 + i, &b, false);
		header.message_id = i + 1;
		header.flags = _i & 1 ? ISAKMP_FLAG_ENCRYPTED : 0;
		say_clear(&d, d.moon, &header, &b);
		header.exchange = ISAKMP_EXCHANGE_INFORMATIONAL;
		say_clear(&d, d.moon, &header, &b);
		header.spi_responder++;
		say_clear(&d, d.moon, &header, &b);
	}
	pass(&d, 100);
	ck_assert_uint_lt(d.moon->log_count - before, 80);
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

static bool lose_third(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct duo *d = context;

	(void)w;
	return flight->from != d->moon->index || flight->data[18] != ISAKMP_EXCHANGE_QUICK ||
	       flight->length > 28 + 64;
}

/* A peer that begins one Quick Mode after the other, and ends none. */
START_TEST(quick_modes_that_do_not_end_are_few)
{
	struct duo d = begin_up();
	unsigned exchanges = 0;

	d.world->filter = lose_third;
	d.world->filter_context = &d;
	for (unsigned i = 0; i < 60; i++) {
		(void)sim_node_rekey(d.moon, &(struct ike_rekey){ .child = "net" }, &why);
		pass(&d, 100);
	}
	ck_assert_uint_le(duo_children(d.sun), 3);
	for (const struct ikev1_exchange *x = first_sa(d.sun)->v1->exchanges; x; x = x->next)
		exchanges++;
	ck_assert_uint_le(exchanges, IKEV1_EXCHANGES_MAX);
	d.world->filter = NULL;
	pass(&d, IKE_SECONDS(400));
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- Fragments, which nobody has proved ---- */

static void say_fragment(struct duo *d, struct sim_node *to, uint16_t id, uint8_t number, bool last,
	struct bytes data)
{
	struct ike_header header = header_of(first_sa(to), ISAKMP_EXCHANGE_QUICK);
	struct ike_builder b;

	ike_builder_begin(&b, room, sizeof(room));
	size_t mark = ike_build_open(&b, ISAKMP_PAYLOAD_FRAGMENT);
	writer_u16(&b.writer, id);
	writer_u8(&b.writer, number);
	writer_u8(&b.writer, last);
	writer_put(&b.writer, data);
	ike_build_close(&b, mark);
	say_clear(d, to, &header, &b);
}

START_TEST(fragments_that_lead_nowhere_do_no_harm)
{
	struct duo d = duo_begin_ikev1(false);
	static const uint8_t junk[2000];

	d.moon->settings.fragment_size_v4 = d.sun->settings.fragment_size_v4 = 140;
	duo_start(&d);
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	for (unsigned i = 0; i < 100; i++) { /* all the while */
		for (size_t k = 0; k < 2; k++) {
			struct sim_node *to = &d.world->nodes[k];

			if (!first_sa(to) || first_sa(to)->spi_responder == 0)
				continue;
			say_fragment(&d, to, (uint16_t)(1000 + i), 1, false, bytes_of(junk, 100));
			say_fragment(&d, to, (uint16_t)(1000 + i), 2, true, bytes_of(junk, 100));
			say_fragment(&d, to, (uint16_t)(2000 + i), 1, false, bytes_of(junk, 2000));
			say_fragment(&d, to, (uint16_t)(2000 + i), 3, true, bytes_of(junk, 1));
			say_fragment(&d, to, (uint16_t)(2000 + i), 4, true, bytes_of(junk, 1));
			say_fragment(&d, to, (uint16_t)(3000 + i), 255, true, bytes_of(junk, 1));
			say_fragment(&d, to, (uint16_t)(4000 + i), 0, true, bytes_of(junk, 1));
			for (uint8_t n = 1; n <= 64; n++) /* more than any message has */
				say_fragment(&d, to, (uint16_t)(5000 + i), n, false,
					bytes_of(junk, 2000));
		}
		pass(&d, 7);
	}
	pass(&d, IKE_SECONDS(60));
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_fragment_in_a_fragment_is_none)
{
	struct duo d = begin_up();
	struct ike_header header = header_of(first_sa(d.sun), ISAKMP_EXCHANGE_QUICK);
	struct ike_builder b;

	ike_builder_begin(&b, room, sizeof(room));
	size_t mark = ike_build_open(&b, ISAKMP_PAYLOAD_FRAGMENT);
	writer_u32(&b.writer, 1 << 16 | 1 << 8 | 1);
	writer_put(&b.writer, bytes_of("12345678", 8));
	ike_build_close(&b, mark);
	struct ike_packets *inner = isakmp_packets_clear(&header, &b, 0, 0);
	uint8_t copy[128];
	struct bytes whole = ike_packets_get(inner, 0);
	bytes_copy(copy, whole);
	say_fragment(&d, d.sun, 7, 1, true, bytes_of(copy, whole.length));
	ike_packets_free(inner);
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- Messages that lack something, in every state ---- */

/* Before each message that is under way its receiver gets copies of it: each payload left out,
 * emptied, doubled, and each length wrong. */
static void mutilate(struct duo *d, struct sim_node *to, struct bytes whole)
{
	uint8_t copy[4096];
	size_t at = IKE_HEADER_LENGTH, link = 16;

	while (at + 4 <= whole.length && whole.at[link] != 0) {
		size_t length = (size_t)whole.at[at + 2] << 8 | whole.at[at + 3];

		if (length < 4 || at + length > whole.length)
			return;
		bytes_copy(copy, whole); /* left out */
		copy[link] = copy[at];
		memmove(copy + at, copy + at + length, whole.length - at - length);
		copy[26] = (uint8_t)((whole.length - length) >> 8);
		copy[27] = (uint8_t)(whole.length - length);
		inject(d, to, bytes_of(copy, whole.length - length));
		for (int i = 0; i < 5; i++) { /* its length */
			static const uint16_t lengths[] = { 0, 1, 4, 5, 0xffff };

			bytes_copy(copy, whole);
			copy[at + 2] = (uint8_t)(lengths[i] >> 8);
			copy[at + 3] = (uint8_t)lengths[i];
			inject(d, to, bytes_of(copy, whole.length));
		}
		bytes_copy(copy, whole); /* another type */
		copy[link] = ISAKMP_PAYLOAD_DELETE;
		inject(d, to, bytes_of(copy, whole.length));
		link = at;
		at += length;
	}
}

static bool mutilate_first(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct duo *d = context;

	(void)w;
	if (!(flight->data[19] & ISAKMP_FLAG_ENCRYPTED))
		mutilate(d, flight->from == d->moon->index ? d->sun : d->moon,
			bytes_of(flight->data, flight->length));
	return true;
}

START_TEST(malformed_copies_of_a_message_do_not_end_phase_1)
{
	struct duo d = duo_begin_ikev1(false);

	d.world->filter = mutilate_first;
	d.world->filter_context = &d;
	duo_start(&d);
	(void)duo_initiate(&d, d.moon, "net");
	d.world->filter = NULL;
	pass(&d, IKE_SECONDS(120));
	ck_assert_uint_le(duo_ike_sas(d.moon), 1);
	ck_assert_uint_le(duo_ike_sas(d.sun), 1);
	duo_up(&d, d.moon, duo_children(d.moon) ? NULL : "net");
	unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *ikev1_hostile_tests(void)
{
	TCase *tests = tcase_create("hostile");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_is_said_in_the_clear_does_no_harm);
	tcase_add_loop_test(tests, what_is_encrypted_without_its_hash_does_no_harm, 0, WRONGS);
	tcase_add_test(tests, with_its_hash_it_is_believed);
	tcase_add_loop_test(tests, phase_2_does_not_begin_before_phase_1_ends, 0, 2);
	tcase_add_loop_test(tests, who_repeats_what_was_heard_changes_nothing, 0, 4);
	tcase_add_test(tests, deletes_of_the_past_do_nothing_later);
	tcase_add_test(tests, who_does_not_know_the_cookies_is_not_heard);
	tcase_add_test(tests, strangers_do_not_fill_the_memory);
	tcase_add_test(tests, a_first_message_is_answered_once_each_time);
	tcase_add_test(tests, aggressive_mode_answers_a_stranger_with_little);
	tcase_add_loop_test(
		tests, proposals_without_end_are_refused, 0, sizeof(counts) / sizeof(*counts));
	tcase_add_test(tests, deletes_of_thousands_do_not_fill_the_log);
	tcase_add_loop_test(tests, noise_does_not_fill_the_log, 0, 2);
	tcase_add_test(tests, quick_modes_that_do_not_end_are_few);
	tcase_add_test(tests, fragments_that_lead_nowhere_do_no_harm);
	tcase_add_test(tests, a_fragment_in_a_fragment_is_none);
	tcase_add_test(tests, malformed_copies_of_a_message_do_not_end_phase_1);
	return tests;
}
