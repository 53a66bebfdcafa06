/* IKEv1: strangers, and listeners who say again what they heard: nothing counts that is not proved.
 */
#include "libike/engine_priv.h"
#include "testing/unit/engine/certified.h"
#include "testing/unit/engine/ikev1_forge.h"

static struct why why;

/* ---- What nobody has proved ---- */

START_TEST(what_is_said_in_the_clear_does_no_harm)
{
	struct duo d = forge_begin_up();
	struct tap t = { 0 };
	size_t octets;

	tap(&d, &t);
	for (int i = 0; i < 2 * FORGE_HARMS; i++) {
		struct sim_node *to = i & 1 ? d.moon : d.sun;
		struct ike_header header = forge_header(duo_sa(to), ISAKMP_EXCHANGE_INFORMATIONAL);
		struct ike_builder b;

		ike_builder_begin(&b, forge_room, sizeof(forge_room));
		if (forge_harm(&b, to, i / 2))
			forge_clear(&d, to, &header, &b);
		duo_pass(&d, 100);
		forge_unharmed(&d);
	}
	ck_assert_uint_eq(tap_sent_by(&t, d.moon, &octets) + tap_sent_by(&t, d.sun, &octets), 0);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
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
	size_t right = duo_sa(to)->v1->key_length;

	ike_builder_begin(b, forge_room, sizeof(forge_room));
	if (wrong == EMPTY_HASH)
		isakmp_build_hash(b, (struct bytes){ 0 });
	else if (wrong == SHORT_HASH)
		isakmp_build_hash(b, bytes_of(octets, right - 1));
	else if (wrong == LONG_HASH)
		isakmp_build_hash(b, bytes_of(octets, right + 1));
	else if (wrong == OTHER_HASH || wrong == HASH_TWICE)
		isakmp_build_hash(b, bytes_of(octets, right));
	(void)forge_harm(b, to, harm);
	/* Over nothing at all, as nothing follows it. */
	if (wrong == HASH_LAST) {
		uint8_t hash[IKE_PRF_OUTPUT_MAX];
		struct bytes none = { 0 };

		ck_assert(ikev1_phase2_hash(to->engine, duo_sa(to), 99, 1, none, none, none, hash));
		isakmp_build_hash(b, bytes_of(hash, right));
	} else if (wrong == HASH_TWICE) {
		isakmp_build_hash(b, bytes_of(octets, right));
	}
}

START_TEST(what_is_encrypted_without_its_hash_does_no_harm)
{
	struct duo d = forge_begin_up();
	struct ike_builder b;

	for (int i = 0; i < 2 * FORGE_HARMS; i++) {
		struct sim_node *to = i & 1 ? d.moon : d.sun;

		build_wrong(&b, to, (enum wrong)_i, i / 2);
		forge_sealed(&d, to, ISAKMP_EXCHANGE_INFORMATIONAL, 99, &b, false);
		forge_sealed(&d, to, ISAKMP_EXCHANGE_QUICK, 99, &b, false);
		forge_sealed(&d, to, ISAKMP_EXCHANGE_TRANSACTION, 99, &b, false);
		duo_pass(&d, 100);
		forge_unharmed(&d);
		ck_assert_ptr_null(ikev1_exchange_find(duo_sa(to), 99, ISAKMP_EXCHANGE_QUICK));
	}
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* That the above is not ignored for some other reason. */
START_TEST(with_its_hash_it_is_believed)
{
	struct duo d = forge_begin_up();
	struct ike_builder b;

	forge_begin_hashed(&b, d.sun);
	(void)forge_harm(&b, d.sun, 0);
	forge_sealed(&d, d.sun, ISAKMP_EXCHANGE_INFORMATIONAL, 99, &b, true);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	(void)sim_node_terminate(d.moon, &(struct ike_terminate){ .ike = "sun" }, &why);
	duo_pass(&d, 1000);
	duo_end(&d);
}
END_TEST

START_TEST(noise_does_not_fill_the_log)
{
	struct duo d = forge_begin_up();
	struct ike_builder b;
	size_t before = d.moon->log_count;

	for (uint32_t i = 0; i < 100; i++) {
		struct ike_header header = forge_header(duo_sa(d.moon), ISAKMP_EXCHANGE_QUICK);

		build_wrong(&b, d.moon, OTHER_HASH, 0);
		forge_sealed(&d, d.moon, ISAKMP_EXCHANGE_INFORMATIONAL, 99 + i, &b, false);
		header.message_id = i + 1;
		header.flags = _i & 1 ? ISAKMP_FLAG_ENCRYPTED : 0;
		forge_clear(&d, d.moon, &header, &b);
		header.exchange = ISAKMP_EXCHANGE_INFORMATIONAL;
		forge_clear(&d, d.moon, &header, &b);
		header.spi_responder++;
		forge_clear(&d, d.moon, &header, &b);
	}
	duo_pass(&d, 100);
	ck_assert_uint_lt(d.moon->log_count - before, 80);
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* Bit 0: for the responder, which has keys; else for the initiator. Bit 1: with signatures, where
 * whoever begins has keys. */
START_TEST(phase_2_does_not_begin_before_phase_1_ends)
{
	struct duo d = _i & 2 ? certified_begin(false) : duo_begin_ikev1(false);
	struct sim_node *to = _i & 1 ? d.sun : d.moon;
	struct tap t = { .lose = _i & 1 ? d.moon : d.sun,
		.lose_exchange = ISAKMP_EXCHANGE_MAIN,
		.lose_encrypted = true };
	struct ike_builder b;

	tap(&d, &t);
	if (_i & 2)
		certified_start(&d, "p256", false);
	else
		duo_start(&d);
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	duo_pass(&d, 200);
	ck_assert_uint_gt(duo_sa(to)->keys.length, 0);
	size_t before = t.count;
	for (int i = 0; i < FORGE_HARMS; i++) {
		static const uint8_t exchanges[] = { ISAKMP_EXCHANGE_QUICK,
			ISAKMP_EXCHANGE_TRANSACTION, ISAKMP_EXCHANGE_MAIN };

		forge_begin_hashed(&b, to);
		if (!forge_harm(&b, to, i))
			continue;
		for (size_t k = 0; k < sizeof(exchanges); k++)
			forge_sealed(&d, to, exchanges[k], 99, &b, true);
		/* Errors end an attempt of who waits for the proof, with the keys of phase 1. */
		if (i != 2 && i != 3 && i != 5)
			forge_sealed(&d, to, ISAKMP_EXCHANGE_INFORMATIONAL, 99, &b, true);
	}
	duo_pass(&d, 100);
	ck_assert_uint_eq(t.count, before);
	ck_assert_uint_eq(duo_ike_sas(to), 1);
	ck_assert_uint_eq(duo_children(to), 0);
	ck_assert_ptr_null(to->kernel.sas);
	ck_assert_uint_eq(duo_sa(to)->state, IKE_SA_CONNECTING);
	t.lose = NULL;
	duo_pass(&d, IKE_SECONDS(30));
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
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
		duo_pass(&d, IKE_SECONDS(600));
	uint32_t spi = duo_sa(d.sun)->children->spi_in;
	duo_stream_begin(&d, &s, 100);
	forge_repeat_all(&d, &t);
	duo_pass(&d, IKE_SECONDS(1));
	forge_repeat_all(&d, &t);
	duo_pass(&d, IKE_SECONDS(120));
	ck_assert_uint_eq(s.sent, s.arrived);
	forge_unharmed(&d);
	ck_assert_uint_eq(duo_sa(d.sun)->children->spi_in, spi);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
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
	duo_pass(&d, IKE_SECONDS(1));
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_up(&d, d.moon, "net");
	d.world->filter = NULL;
	forge_repeat_all(&d, &t);
	duo_pass(&d, IKE_SECONDS(120));
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
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
			forge(&d, to, bytes_of(copy, heard.length));
		}
		bytes_copy(copy, heard); /* of nobody */
		memset(copy + 8, 0, 8);
		if (!(copy[18] == ISAKMP_EXCHANGE_MAIN && !(copy[19] & ISAKMP_FLAG_ENCRYPTED)))
			forge(&d, to, bytes_of(copy, heard.length));
		bytes_copy(copy, heard); /* and back to who said it */
		forge(&d, duo_other(&d, to), bytes_of(copy, heard.length));
	}
	duo_pass(&d, IKE_SECONDS(1));
	ck_assert_uint_eq(
		tap_sent_by(&answers, d.moon, &octets) + tap_sent_by(&answers, d.sun, &octets), 0);
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
	tap_free(&answers);
}
END_TEST

/* Moon has no such child: it refuses sun's Quick Mode, now and for ever. Bit 0: at once, or when
 * what was kept of the exchange is forgotten. */
START_TEST(what_was_refused_moves_nobody_later)
{
	struct duo d = duo_begin_ikev1(false);
	struct tap t = { 0 };
	struct address far;

	d.moon_side.remote_addrs = "%any";
	d.sun_side.children[1] = (struct sim_child_definition){
		.name = "other", .local_ts = "10.77.0.0/16", .remote_ts = "10.78.0.0/16"
	};
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	tap(&d, &t);
	ck_assert(!duo_initiate(&d, d.sun, "other")->done);
	d.world->filter = NULL;
	if (_i & 1)
		duo_pass(&d, IKE_SECONDS(600));
	ck_assert(address_parse("198.51.100.66", &far));
	struct address before = duo_sa(d.moon)->remote;
	ike_time heard = duo_sa(d.moon)->last_received;
	duo_pass(&d, IKE_SECONDS(1));
	for (size_t i = 0; i < t.count; i++)
		if (t.list[i].from == d.sun->index)
			forge_from(&d, d.moon, far, t.list[i].datagram);
	ck_assert(address_same_host(&duo_sa(d.moon)->remote, &before));
	ck_assert_int_eq(duo_sa(d.moon)->last_received, heard);
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

/* An error of the past does not end what is in flight now, although others were heard of since. */
START_TEST(an_old_error_ends_no_quick_mode)
{
	struct duo d = duo_begin_ikev1(false);
	struct tap t = { 0 };
	size_t errors = 0;

	d.moon_side.dpd_delay = 10;
	d.moon_side.children[1] = (struct sim_child_definition){
		.name = "other", .local_ts = "10.77.0.0/16", .remote_ts = "10.78.0.0/16"
	};
	duo_start(&d);
	duo_up(&d, d.moon, "net");
	tap(&d, &t);
	ck_assert(!duo_initiate(&d, d.moon, "other")->done);
	for (size_t i = 0; i < t.count; i++)
		errors += t.list[i].from == d.sun->index &&
			  t.list[i].datagram.at[18] == ISAKMP_EXCHANGE_INFORMATIONAL;
	ck_assert_uint_gt(errors, 0);
	d.world->filter = NULL;
	duo_pass(&d, IKE_SECONDS(60)); /* with R_U_THERE both ways */
	uint32_t spi = duo_sa(d.moon)->children->spi_in;
	ck_assert(sim_node_rekey(d.moon, &(struct ike_rekey){ .child = "net" }, &why));
	for (size_t i = 0; i < t.count; i++)
		if (t.list[i].from == d.sun->index &&
			t.list[i].datagram.at[18] == ISAKMP_EXCHANGE_INFORMATIONAL)
			forge(&d, d.moon, t.list[i].datagram);
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_ne(duo_sa(d.moon)->children->spi_in, spi);
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

/* ---- What comes too early ---- */

static void add_user(void *context, struct ike_connection *c)
{
	struct ike_auth_rounds *rounds = c->vip_count > 0 ? &c->local : &c->remote;
	struct why ignored;

	(void)context;
	ck_assert(ike_auth_rounds_add(rounds, IKE_AUTH_CLASS_XAUTH, NULL));
	if (c->vip_count > 0)
		rounds->items[rounds->count - 1].xauth_id = ike_identity_parse("carol", &ignored);
}

/* Moon is a client with XAuth and an address of sun's. */
static struct duo begin_user(const char *password)
{
	static const char *const carol[] = { "carol", NULL };
	struct duo d = duo_begin_ikev1(false);

	d.moon_side.vips = "0.0.0.0";
	d.sun_side.pools = "rw";
	d.moon_side.children[0].local_ts = d.sun_side.children[0].remote_ts = NULL;
	d.moon_side.adjust = d.sun_side.adjust = add_user;
	d.sun_side.remote_addrs = "%any";
	d.sun_side.unique = IKE_UNIQUE_REPLACE;
	duo_start(&d);
	sim_node_eap(d.moon, password, carol);
	sim_node_eap(d.sun, "of carol", carol);
	sim_node_pool(d.sun, "rw", "10.9.0.0/24", NULL);
	return d;
}

static void forge_quick(struct duo *d, struct sim_node *to)
{
	struct ike_proposals list = { 0 };
	struct isakmp_offer offer[4];
	struct ike_selector selector;
	struct ike_builder b;

	ck_assert(ike_proposals_add(&list, IKE_PROTOCOL_ESP, "aes128gcm16", &why));
	size_t count = isakmp_offers_of(&list, 2, offer, 4);
	forge_begin_hashed(&b, to);
	isakmp_build_sa(&b, offer, count, bytes_of("spi4", 4),
		&(struct isakmp_said){ .encapsulation = 1, .life_seconds = 3600 });
	isakmp_build_nonce(&b, bytes_of("0123456789abcdef", 16));
	ck_assert(ike_selector_parse("10.9.0.1", &selector, &why));
	isakmp_build_id_selector(&b, &selector);
	ck_assert(ike_selector_parse("10.2.0.0/16", &selector, &why));
	isakmp_build_id_selector(&b, &selector);
	forge_sealed(d, to, ISAKMP_EXCHANGE_QUICK, 55, &b, true);
	ike_proposals_free(&list);
}

static void forge_pull(struct duo *d, struct sim_node *to)
{
	struct ike_builder b;

	forge_begin_hashed(&b, to);
	size_t mark = isakmp_build_attributes_open(&b, IKE_CONFIGURATION_REQUEST, 7);
	isakmp_build_attribute(&b, 1, (struct bytes){ 0 }); /* INTERNAL_IP4_ADDRESS */
	ike_build_close(&b, mark);
	forge_sealed(d, to, ISAKMP_EXCHANGE_TRANSACTION, 56, &b, true);
}

/* Phase 1 is through, and the user has not proved himself: he is asked and does not answer. */
START_TEST(without_xauth_there_is_neither_address_nor_child)
{
	struct duo d = begin_user("of carol");
	struct tap t = { .lose = d.moon, .lose_exchange = ISAKMP_EXCHANGE_TRANSACTION };
	size_t octets;

	tap(&d, &t);
	ck_assert(sim_node_initiate(d.moon, "sun", "net", &why));
	duo_pass(&d, 300);
	ck_assert(ikev1_is_proved(duo_sa(d.sun)));
	size_t before = tap_sent_by(&t, d.sun, &octets);
	forge_quick(&d, d.sun);
	forge_pull(&d, d.sun);
	duo_pass(&d, 20);
	ck_assert_uint_eq(tap_sent_by(&t, d.sun, &octets), before);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	ck_assert_ptr_null(d.sun->kernel.sas);
	ck_assert_uint_eq(duo_sa(d.sun)->state, IKE_SA_CONNECTING);
	t.lose = NULL;
	duo_pass(&d, IKE_SECONDS(30));
	forge_unharmed(&d);
	/* That it was not refused for some other reason. */
	forge_pull(&d, d.sun);
	duo_down(&d, d.moon);
	duo_end(&d);
	tap_free(&t);
}
END_TEST

/* ---- Who somebody is ---- */

/* Mars knows the group's key, says that it is moon, and has not carol's password. */
START_TEST(an_identity_that_was_only_claimed_replaces_nobody)
{
	static const char *const carol[] = { "carol", NULL };
	struct duo d = begin_user("of carol");
	struct sim_node *mars = sim_node_add(d.world, false);

	duo_up(&d, d.moon, "net");
	sim_node_start(mars);
	sim_node_psk(mars, d.moon_psk, NULL);
	sim_node_eap(mars, "a guess", carol);
	ck_assert(sim_node_load(mars, sim_define(&d.moon_side), &why));
	const struct sim_command *command = sim_node_initiate(mars, "sun", "net", &why);
	ck_assert_msg(command, "%s", why.text);
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert(!command->done);
	forge_unharmed(&d);
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- Aggressive Mode's third message from somebody else ---- */

struct aggression {
	struct duo *d;
	bool certified;
	size_t to_victim;
	struct address victim;
};

static bool forge_third(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct aggression *a = context;
	struct duo *d = a->d;

	(void)w;
	if (flight->destination.family == a->victim.family &&
		address_same_host(&flight->destination, &a->victim))
		a->to_victim++;
	if (flight->from != d->sun->index || flight->data[18] != ISAKMP_EXCHANGE_AGGRESSIVE)
		return true;
	/* Its second message has shown both cookies; before moon has it: */
	static const uint8_t junk[32] = { 1, 2, 3 };
	struct ike_header header = forge_header(duo_sa(d->sun), ISAKMP_EXCHANGE_AGGRESSIVE);
	struct ike_builder b;

	header.message_id = 0;
	ike_builder_begin(&b, forge_room, sizeof(forge_room));
	if (a->certified)
		isakmp_build_signature(&b, bytes_of(junk, 32));
	else
		isakmp_build_hash(&b, bytes_of(junk, duo_sa(d->sun)->v1->key_length));
	struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
	forge_from(d, d->sun, a->victim, ike_packets_get(packets, 0));
	ike_packets_free(packets);
	/* And many that are too early. */
	header.exchange = ISAKMP_EXCHANGE_QUICK;
	header.flags = ISAKMP_FLAG_ENCRYPTED;
	for (uint32_t i = 1; i < 100; i++) {
		header.message_id = i;
		ike_builder_begin(&b, forge_room, sizeof(forge_room));
		isakmp_build_nonce(&b, bytes_of(junk, 28));
		packets = isakmp_packets_clear(&header, &b, 0, 0);
		forge_from(d, d->sun, a->victim, ike_packets_get(packets, 0));
		ike_packets_free(packets);
	}
	return true;
}

START_TEST(a_third_message_that_proves_nothing_moves_and_ends_nothing)
{
	struct duo d = _i & 1 ? certified_begin(true) : duo_begin_ikev1(true);
	struct aggression a = { .d = &d, .certified = _i & 1 };

	ck_assert(address_parse("198.51.100.9", &a.victim));
	d.world->filter = forge_third;
	d.world->filter_context = &a;
	if (a.certified)
		certified_start(&d, "p256", false);
	else
		duo_start(&d);
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(a.to_victim, 0);
	forge_unharmed(&d);
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
	tcase_add_loop_test(tests, noise_does_not_fill_the_log, 0, 2);
	tcase_add_loop_test(tests, phase_2_does_not_begin_before_phase_1_ends, 0, 4);
	tcase_add_loop_test(tests, who_repeats_what_was_heard_changes_nothing, 0, 4);
	tcase_add_test(tests, deletes_of_the_past_do_nothing_later);
	tcase_add_test(tests, who_does_not_know_the_cookies_is_not_heard);
	tcase_add_loop_test(tests, what_was_refused_moves_nobody_later, 0, 2);
	tcase_add_test(tests, an_old_error_ends_no_quick_mode);
	tcase_add_test(tests, without_xauth_there_is_neither_address_nor_child);
	tcase_add_test(tests, an_identity_that_was_only_claimed_replaces_nobody);
	tcase_add_loop_test(
		tests, a_third_message_that_proves_nothing_moves_and_ends_nothing, 0, 2);
	return tests;
}
