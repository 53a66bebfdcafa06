/* IKEv1: fragments that nobody proves, and messages that lack something or have too much. */
#include "libike/engine_priv.h"
#include "testing/unit/engine/ikev1_forge.h"

static struct why why;

/* ---- Fragments, which nobody has proved ---- */

static void say_fragment(struct duo *d, struct sim_node *to, uint16_t id, uint8_t number, bool last,
	struct bytes data)
{
	struct ike_header header = forge_header(duo_sa(to), ISAKMP_EXCHANGE_QUICK);
	struct ike_builder b;

	ike_builder_begin(&b, forge_room, sizeof(forge_room));
	size_t mark = ike_build_open(&b, ISAKMP_PAYLOAD_FRAGMENT);
	writer_u16(&b.writer, id);
	writer_u8(&b.writer, number);
	writer_u8(&b.writer, last);
	writer_put(&b.writer, data);
	ike_build_close(&b, mark);
	forge_clear(d, to, &header, &b);
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

			if (!duo_sa(to) || duo_sa(to)->spi_responder == 0)
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
		duo_pass(&d, 7);
	}
	duo_pass(&d, IKE_SECONDS(60));
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_fragment_in_a_fragment_is_none)
{
	struct duo d = forge_begin_up();
	struct ike_header header = forge_header(duo_sa(d.sun), ISAKMP_EXCHANGE_QUICK);
	struct ike_builder b;

	ike_builder_begin(&b, forge_room, sizeof(forge_room));
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
	forge_unharmed(&d);
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
		forge(d, to, bytes_of(copy, whole.length - length));
		for (int i = 0; i < 5; i++) { /* its length */
			static const uint16_t lengths[] = { 0, 1, 4, 5, 0xffff };

			bytes_copy(copy, whole);
			copy[at + 2] = (uint8_t)(lengths[i] >> 8);
			copy[at + 3] = (uint8_t)lengths[i];
			forge(d, to, bytes_of(copy, whole.length));
		}
		bytes_copy(copy, whole); /* another type */
		copy[link] = ISAKMP_PAYLOAD_DELETE;
		forge(d, to, bytes_of(copy, whole.length));
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
	duo_pass(&d, IKE_SECONDS(120));
	ck_assert_uint_le(duo_ike_sas(d.moon), 1);
	ck_assert_uint_le(duo_ike_sas(d.sun), 1);
	duo_up(&d, d.moon, duo_children(d.moon) ? NULL : "net");
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- What is encrypted, with the right HASH, and malformed ---- */

struct mutilation {
	struct duo *d;
	uint8_t exchange;
	uint32_t last; /* message id: each once, or there would be no end of answers */
	unsigned count;
};

static void say_copy(struct mutilation *m, struct sim_node *to, struct sim_isakmp *copy)
{
	uint8_t datagram[SIM_INNER_MAX + 64];
	const struct ike_sa *sa = sim_isakmp_sa(to, &copy->header);
	size_t length = sa ? sim_isakmp_seal(to, sa, copy, true, datagram, sizeof(datagram)) : 0;

	if (length == 0)
		return;
	m->count++;
	forge(m->d, to, bytes_of(datagram, length));
}

/* Each payload behind HASH left out, of another type, and with a wrong length. */
static void mutilate_inner(
	struct mutilation *m, struct sim_node *to, const struct sim_isakmp *whole)
{
	static const uint16_t lengths[] = { 0, 3, 4, 5, 0xffff };
	static struct sim_isakmp copy;
	const uint8_t *octets = whole->chain;
	uint8_t type = whole->header.next_payload;
	size_t at = 0, link = SIZE_MAX;

	while (type != 0 && at + 4 <= whole->length) {
		size_t length = (size_t)octets[at + 2] << 8 | octets[at + 3];

		/* Phase 1 is right without the notify behind the proof, and goes on from there. */
		if (length < 4 || at + length > whole->length ||
			(type == ISAKMP_PAYLOAD_NOTIFY && m->exchange == ISAKMP_EXCHANGE_MAIN))
			return;
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
			copy = *whole;
			copy.chain[at + 2] = (uint8_t)(lengths[i] >> 8);
			copy.chain[at + 3] = (uint8_t)lengths[i];
			say_copy(m, to, &copy);
		}
		copy = *whole;
		if (link == SIZE_MAX)
			copy.header.next_payload = octets[at];
		else
			copy.chain[link] = octets[at];
		memmove(copy.chain + at, copy.chain + at + length, whole->length - at - length);
		copy.length -= length;
		say_copy(m, to, &copy);
		copy = *whole;
		if (link == SIZE_MAX)
			copy.header.next_payload = ISAKMP_PAYLOAD_KE;
		else
			copy.chain[link] = ISAKMP_PAYLOAD_KE;
		say_copy(m, to, &copy);
		type = octets[at];
		link = at;
		at += length;
	}
}

static bool mutilate_sealed(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct mutilation *m = context;
	struct sim_node *to = duo_other(m->d, &w->nodes[flight->from]);
	static struct sim_isakmp whole;

	if (flight->data[18] != m->exchange || !sim_isakmp_open(to, flight, &whole) ||
		(whole.header.message_id == m->last && m->last != 0))
		return true;
	m->last = whole.header.message_id;
	mutilate_inner(m, to, &whole);
	return true;
}

static const uint8_t sealed_exchanges[] = { ISAKMP_EXCHANGE_MAIN, ISAKMP_EXCHANGE_QUICK,
	ISAKMP_EXCHANGE_INFORMATIONAL };

/* What a peer spoils by itself fails, and nothing but that. */
START_TEST(malformed_messages_of_a_peer_end_at_most_what_they_are_of)
{
	struct duo d = duo_begin_ikev1(false);
	struct mutilation m = { .d = &d, .exchange = sealed_exchanges[_i] };

	d.moon_side.dpd_delay = 5;
	d.world->filter = mutilate_sealed;
	d.world->filter_context = &m;
	duo_start(&d);
	(void)duo_initiate(&d, d.moon, "net");
	duo_pass(&d, IKE_SECONDS(20));
	ck_assert_uint_gt(m.count, 0);
	d.world->filter = NULL;
	duo_pass(&d, IKE_SECONDS(400));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	ck_assert_uint_eq(duo_sa(d.moon)->state, IKE_SA_ESTABLISHED);
	if (duo_children(d.moon) == 0)
		duo_up(&d, d.moon, "net");
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- Offers ---- */

/* Octets of a first message's SA payload that are changed: payload, DOI and situation up to 12,
 * proposal up to 20, transform up to 28, then its attributes, four octets each. What follows what,
 * and how many there are, is read off the payload itself. */
static const struct {
	const char *what;
	struct {
		uint8_t at, octet;
	} changes[4];
	bool taken;
} offers[] = {
	{ "as it is", { { 0, 0 } }, true },
	{ "another DOI", { { 7, 9 } }, false },
	{ "a situation of all kinds", { { 8, 0xff }, { 9, 0xff }, { 10, 0xff }, { 11, 0xff } },
		false },
	{ "protocol 0", { { 17, 0 } }, false },
	{ "protocol ESP", { { 17, 3 } }, false },
	{ "protocol 255", { { 17, 255 } }, false },
	{ "a SPI that is longer than all of it", { { 18, 255 } }, false },
	{ "no transforms, it says", { { 19, 0 } }, true },
	{ "255 transforms, it says", { { 19, 255 } }, true },
	{ "a proposal of length 0", { { 14, 0 }, { 15, 0 } }, false },
	{ "a proposal of length 8", { { 14, 0 }, { 15, 8 } }, false },
	{ "a proposal without end", { { 14, 255 }, { 15, 255 } }, false },
	{ "another proposal that is not there", { { 12, ISAKMP_PAYLOAD_PROPOSAL } }, true },
	{ "what follows a proposal is a KE", { { 12, ISAKMP_PAYLOAD_KE } }, true },
	{ "a transform of length 0", { { 22, 0 }, { 23, 0 } }, false },
	{ "a transform of length 8", { { 22, 0 }, { 23, 8 } }, false },
	{ "a transform without end", { { 22, 255 }, { 23, 255 } }, false },
	{ "what follows a transform is a proposal", { { 20, ISAKMP_PAYLOAD_PROPOSAL } }, true },
	{ "a transform of another kind", { { 25, 99 } }, false },
	{ "an attribute with a length that does not fit", { { 28, 0 } }, false },
	{ "an attribute that nobody knows", { { 28, 0xff }, { 29, 0xff } }, false },
	{ "a cipher that nobody knows", { { 30, 0xff }, { 31, 0xff } }, false },
};

START_TEST(offers_that_are_malformed_are_refused)
{
	struct duo d = duo_begin_ikev1(false);
	struct ike_header header = forge_first_header(77);
	struct tap t = { 0 };
	struct ike_builder b;
	size_t octets;

	duo_start(&d);
	tap(&d, &t);
	forge_first(&b, 1, 1);
	for (size_t i = 0; i < 4 && offers[_i].changes[i].at > 0; i++)
		b.writer.at[offers[_i].changes[i].at] = offers[_i].changes[i].octet;
	forge_clear(&d, d.sun, &header, &b);
	ck_assert_msg(duo_ike_sas(d.sun) == offers[_i].taken, "%s", offers[_i].what);
	duo_pass(&d, 20);
	(void)tap_sent_by(&t, d.sun, &octets);
	ck_assert_uint_le(octets, IKE_HEADER_LENGTH + b.writer.length);
	duo_pass(&d, IKE_SECONDS(60));
	duo_up(&d, d.moon, "net");
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

/* ---- Notifies, deletes and attributes of a peer ---- */

#define D ISAKMP_PAYLOAD_DELETE
#define N ISAKMP_PAYLOAD_NOTIFY
#define A ISAKMP_PAYLOAD_ATTRIBUTES

/* Bodies behind HASH. */
static const struct {
	uint8_t type, exchange;
	size_t length;
	uint8_t body[28];
} bodies[] = {
	/* DOI, protocol, length of SPIs, how many */
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 3, 0, 0, 5 } },
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 3, 4, 0, 0 } },
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 1, 0, 0, 1 } },
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 1, 16, 0, 1 } },
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 12, { 0, 0, 0, 1, 3, 4, 255, 255 } },
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 12, { 0, 0, 0, 1, 3, 255, 0, 1 } },
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 12, { 0, 0, 0, 1, 99, 4, 0, 1 } },
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 12, { 0, 0, 0, 1, 0, 4, 0, 1 } },
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 24, { 0, 0, 0, 1, 3, 16, 0, 1 } },
	{ D, ISAKMP_EXCHANGE_INFORMATIONAL, 4, { 0, 0, 0, 1 } },
	/* DOI, protocol, length of the SPI, type */
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 3, 0, 0, 11 } },
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 12, { 0, 0, 0, 1, 99, 4, 0, 11 } },
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 3, 255, 0, 11 } },
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 1, 0, 0x8d, 0x28 } },
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 12, { 0, 0, 0, 1, 1, 0, 0x8d, 0x28 } },
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 1, 0, 0x8d, 0x29 } },
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 1, 0, 0x60, 0x00 } },
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 16, { 0, 0, 0, 1, 1, 0, 0x60, 0x00, 0x80, 1, 0, 1 } },
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 8, { 0, 0, 0, 1, 3, 0, 0x40, 0x00 } },
	{ N, ISAKMP_EXCHANGE_INFORMATIONAL, 3, { 0, 0, 0 } },
	/* type, reserved, id, attributes */
	{ A, ISAKMP_EXCHANGE_TRANSACTION, 4, { 1, 0, 0, 1 } },
	{ A, ISAKMP_EXCHANGE_TRANSACTION, 4, { 255, 0, 0, 1 } },
	{ A, ISAKMP_EXCHANGE_TRANSACTION, 2, { 1, 0 } },
	{ A, ISAKMP_EXCHANGE_TRANSACTION, 8, { 1, 0, 0, 1, 0, 1, 255, 255 } },
	{ A, ISAKMP_EXCHANGE_TRANSACTION, 8, { 3, 0, 0, 1, 0x40, 0x8f, 0, 0 } },
	{ A, ISAKMP_EXCHANGE_TRANSACTION, 10, { 3, 0, 0, 1, 0, 1, 0, 2, 10, 1 } },
	{ A, ISAKMP_EXCHANGE_TRANSACTION, 6, { 1, 0, 0, 1, 0, 1 } },
	{ A, ISAKMP_EXCHANGE_TRANSACTION, 8, { 2, 0, 0, 1, 0x40, 0x89, 0, 0 } },
};

START_TEST(malformed_bodies_do_no_harm)
{
	struct duo d = forge_begin_up();

	for (size_t i = 0; i < 2; i++) {
		struct sim_node *to = i ? d.moon : d.sun;
		struct ike_builder b;

		forge_begin_hashed(&b, to);
		size_t mark = ike_build_open(&b, bodies[_i].type);
		writer_put(&b.writer, bytes_of(bodies[_i].body, bodies[_i].length));
		ike_build_close(&b, mark);
		forge_sealed(&d, to, bodies[_i].exchange, 99, &b, true);
		duo_pass(&d, IKE_SECONDS(1));
	}
	duo_pass(&d, IKE_SECONDS(60));
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* The reply to it is no larger than a message may be, and made once. */
START_TEST(attributes_without_end_are_answered_in_bounds)
{
	struct duo d = forge_begin_up();
	struct tap t = { 0 };
	struct ike_builder b;
	size_t octets;

	tap(&d, &t);
	forge_begin_hashed(&b, d.sun);
	size_t mark = isakmp_build_attributes_open(&b, IKE_CONFIGURATION_REQUEST, 7);
	for (unsigned i = 0; i < 2000; i++)
		isakmp_build_attribute(&b, (uint16_t)(1 + i % 30), (struct bytes){ 0 });
	ike_build_close(&b, mark);
	forge_sealed(&d, d.sun, ISAKMP_EXCHANGE_TRANSACTION, 99, &b, true);
	duo_pass(&d, 20);
	ck_assert_uint_le(tap_sent_by(&t, d.sun, &octets), 1);
	ck_assert_uint_lt(octets, 1500);
	duo_pass(&d, IKE_SECONDS(60));
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

/* ---- Quick Modes ---- */

/* The SA payload follows HASH; its proposal has the SPI of 4 octets behind its 8. */
static const struct {
	const char *what;
	uint8_t at, octet;
} quick_changes[] = {
	{ "protocol ISAKMP", 12 + 5, 1 },
	{ "protocol 0", 12 + 5, 0 },
	{ "protocol 99", 12 + 5, 99 },
	{ "a SPI of no octets", 12 + 6, 0 },
	{ "a SPI of 3 octets", 12 + 6, 3 },
	{ "a SPI of 255 octets", 12 + 6, 255 },
	{ "a transform of length 0", 12 + 12 + 3, 0 },
	{ "another DOI", 7, 0 },
};

struct quick_change {
	struct duo *d;
	size_t which;
	unsigned count;
};

static bool change_quick(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct quick_change *c = context;
	static struct sim_isakmp m;

	if (flight->from != c->d->moon->index || flight->data[18] != ISAKMP_EXCHANGE_QUICK ||
		!sim_isakmp_open(c->d->sun, flight, &m))
		return true;
	size_t sa = 4 + duo_sa(c->d->sun)->v1->key_length;
	ck_assert_uint_eq(m.chain[0], ISAKMP_PAYLOAD_SA);
	m.chain[sa + quick_changes[c->which].at] = quick_changes[c->which].octet;
	ck_assert(sim_isakmp_reseal(w, c->d->sun, flight, &m));
	c->count++;
	return true;
}

START_TEST(quick_modes_with_malformed_offers_are_refused)
{
	struct duo d = duo_begin_ikev1(false);
	struct quick_change change = { .d = &d, .which = (size_t)_i };

	duo_start(&d);
	duo_up(&d, d.moon, NULL);
	d.world->filter = change_quick;
	d.world->filter_context = &change;
	ck_assert(!duo_initiate(&d, d.moon, "net")->done);
	ck_assert_uint_gt(change.count, 0);
	ck_assert_msg(duo_children(d.sun) == 0, "%s", quick_changes[_i].what);
	ck_assert_ptr_null(d.sun->kernel.sas);
	d.world->filter = NULL;
	duo_pass(&d, IKE_SECONDS(400));
	duo_up(&d, d.moon, "net");
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- Names ---- */

/* In the place of what moon says in the clear: as long, and nothing that a terminal should see. */
static bool rename_moon(void *context, struct sim_world *w, struct sim_flight *flight)
{
	static const char name[] = "moon.example.org";
	const struct duo *d = context;

	(void)w;
	for (size_t i = 0; flight->from == d->moon->index && i + sizeof(name) <= flight->length;
		i++)
		if (memcmp(flight->data + i, name, sizeof(name) - 1) == 0)
			memcpy(flight->data + i, "a\r\nb\x1b[2J\0\xff%n%s\x7f", sizeof(name) - 1);
	return true;
}

/* duo_end() looks for control characters in all that was logged. */
START_TEST(a_hostile_name_is_logged_in_a_readable_way)
{
	struct duo d = duo_begin_ikev1(true);

	d.world->filter = rename_moon;
	d.world->filter_context = &d;
	d.sun_side.remote_id = _i ? "%any" : "moon.example.org";
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.moon, "net")->done);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	ck_assert(_i || sim_node_logged(d.sun, "[2J"));
	duo_end(&d);
}
END_TEST

/* ---- Fragments under way ---- */

/* Before and behind each fragment its receiver gets forged ones of the same number. */
static bool forge_around(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct duo *d = context;
	struct sim_node *to = duo_other(d, &w->nodes[flight->from]);
	uint8_t copy[4096];

	if (flight->data[16] != ISAKMP_PAYLOAD_FRAGMENT)
		return true;
	struct bytes forged = bytes_of(copy, flight->length);
	bytes_copy(copy, bytes_of(flight->data, flight->length));
	memset(copy + 36, 0xa5, flight->length - 36);
	forge(d, to, forged);
	copy[35] ^= 1; /* the last, or no longer */
	forge(d, to, forged);
	copy[34] += 1; /* another number */
	forge(d, to, forged);
	return true;
}

START_TEST(forged_fragments_do_not_keep_the_message_out)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon->settings.fragment_size_v4 = d.sun->settings.fragment_size_v4 = 140;
	d.world->filter = forge_around;
	d.world->filter_context = &d;
	duo_start(&d);
	ike_time before = d.world->now;
	duo_up(&d, d.moon, "net");
	/* Nothing had to be said again. */
	ck_assert_int_lt(duo_sa(d.moon)->established_at - before, IKE_SECONDS(2));
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* Of half-open IKE SAs and of established ones. */
START_TEST(fragments_go_after_their_time)
{
	struct duo d = forge_begin_up();
	static const uint8_t junk[1000];
	size_t before = d.sun->engine->fragments_held;

	for (uint16_t id = 0; id < 200; id++)
		for (uint8_t number = 1; number < 60; number += 3)
			say_fragment(&d, d.sun, id, number, false, bytes_of(junk, 1000));
	ck_assert_uint_gt(d.sun->engine->fragments_held, before);
	ck_assert_uint_lt(d.sun->engine->fragments_held, before + 2 * IKE_REASSEMBLY_MAX);
	duo_pass(&d, ISAKMP_REASSEMBLY_TIME + 100);
	ck_assert_uint_eq(d.sun->engine->fragments_held, 0);
	ck_assert_ptr_null(duo_sa(d.sun)->v1->reassembly);
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

TCase *ikev1_malformed_tests(void)
{
	TCase *tests = tcase_create("malformed");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, fragments_that_lead_nowhere_do_no_harm);
	tcase_add_test(tests, a_fragment_in_a_fragment_is_none);
	tcase_add_test(tests, forged_fragments_do_not_keep_the_message_out);
	tcase_add_test(tests, fragments_go_after_their_time);
	tcase_add_test(tests, malformed_copies_of_a_message_do_not_end_phase_1);
	tcase_add_loop_test(tests, malformed_messages_of_a_peer_end_at_most_what_they_are_of, 0,
		sizeof(sealed_exchanges));
	tcase_add_loop_test(
		tests, offers_that_are_malformed_are_refused, 0, sizeof(offers) / sizeof(*offers));
	tcase_add_loop_test(
		tests, malformed_bodies_do_no_harm, 0, sizeof(bodies) / sizeof(*bodies));
	tcase_add_test(tests, attributes_without_end_are_answered_in_bounds);
	tcase_add_loop_test(tests, quick_modes_with_malformed_offers_are_refused, 0,
		sizeof(quick_changes) / sizeof(*quick_changes));
	tcase_add_loop_test(tests, a_hostile_name_is_logged_in_a_readable_way, 0, 2);
	return tests;
}
