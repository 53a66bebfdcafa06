/* IKEv1: a child is rekeyed while something happens to the old one, or to its IKE SA. */
#include "libike/engine_priv.h"
#include "libike/ikev1/ikev1.h"
#include "testing/sim/isakmp_seal.h"
#include "testing/unit/engine/duo.h"

static struct why why;

static struct ike_sa *first_sa(const struct sim_node *n)
{
	return (struct ike_sa *)ike_engine_sa_next(n->engine, NULL);
}

static const struct ike_child *only_child(const struct sim_node *n)
{
	const struct ike_sa *sa = NULL;
	const struct ike_child *found = NULL;

	while ((sa = ike_engine_sa_next(n->engine, sa)) != NULL)
		for (const struct ike_child *c = sa->children; c; c = c->next) {
			ck_assert_msg(!found, "%s has several children", n->name);
			found = c;
		}
	ck_assert_ptr_nonnull(found);
	return found;
}

static void expire(struct sim_node *n, bool hard)
{
	struct ike_kernel_id id = ike_child_kernel_id(only_child(n), true);

	sim_node_expire(n, &id, hard);
}

/* What one node says in exchanges of that type does not arrive, after the first few. */
struct loss {
	uint8_t from, exchange;
	unsigned let_through;
};

static bool lose(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct loss *loss = context;

	(void)w;
	if (flight->from != loss->from || flight->data[18] != loss->exchange)
		return true;
	if (loss->let_through == 0)
		return false;
	loss->let_through--;
	return true;
}

static void set_loss(struct duo *d, struct loss *loss)
{
	d->world->filter = loss ? lose : NULL;
	d->world->filter_context = loss;
}

/* Both have one and the same, and nobody heard of an end. */
static void one_tunnel(struct duo *d)
{
	ck_assert_uint_eq(duo_children(d->moon), 1);
	ck_assert_uint_eq(duo_children(d->sun), 1);
	ck_assert_int_eq(d->moon->child_up, 1);
	ck_assert_int_eq(d->sun->child_up, 1);
	ck_assert_uint_eq(sim_check_agreement(d->world, false), 0);
}

/* Message 2 does not arrive before the responder's old child reaches its hard limit. */
START_TEST(the_old_one_expires_before_message_3)
{
	struct duo d = duo_begin_ikev1(false);
	struct loss loss = { d.sun->index, ISAKMP_EXCHANGE_QUICK, 0 };

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	uint32_t old = only_child(d.moon)->spi_in;
	struct ike_kernel_id id = ike_child_kernel_id(only_child(d.sun), true);
	set_loss(&d, &loss);
	expire(d.moon, false);
	duo_pass(&d, 1000);
	sim_node_expire(d.sun, &id, true);
	duo_pass(&d, 1000);
	set_loss(&d, NULL);
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert_uint_ne(only_child(d.moon)->spi_in, old);
	one_tunnel(&d);
	ck_assert(!sim_node_logged(d.moon, "received DELETE for CHILD_SA"));
	duo_end(&d);
}
END_TEST

/* The peer says INITIAL_CONTACT while we rekey what came from an older IKE SA. */
START_TEST(the_old_one_is_gone_when_message_2_comes)
{
	struct duo d = duo_begin_ikev1(false);
	struct loss loss = { d.sun->index, ISAKMP_EXCHANGE_QUICK, 0 };
	struct ike_rekey what = { .ike = "sun", .reauth = true };

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	duo_pass(&d, 1000);
	ck_assert(sim_node_rekey(d.moon, &what, &why));
	duo_pass(&d, IKE_SECONDS(60));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	set_loss(&d, &loss);
	expire(d.moon, false);
	duo_pass(&d, 1000);
	sim_node_enter(d.sun);
	ikev1_inform_notify(d.sun->engine, first_sa(d.sun), ISAKMP_PROTOCOL_ISAKMP,
		ISAKMP_NOTIFY_INITIAL_CONTACT, (struct bytes){ 0 }, (struct bytes){ 0 });
	sim_node_leave(d.sun);
	duo_pass(&d, 1000);
	ck_assert_int_eq(d.moon->child_up, 0);
	set_loss(&d, NULL);
	duo_pass(&d, IKE_SECONDS(300));
	one_tunnel(&d);
	duo_end(&d);
}
END_TEST

/* What an operator closed by force does not come back with message 2. */
START_TEST(closed_by_force_it_stays_closed)
{
	struct duo d = duo_begin_ikev1(false);
	struct loss loss = { d.sun->index, ISAKMP_EXCHANGE_QUICK, 0 };
	struct ike_terminate what = { .child = "net", .force = true };

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	set_loss(&d, &loss);
	expire(d.moon, false);
	duo_pass(&d, 1000);
	ck_assert_ptr_nonnull(sim_node_terminate(d.moon, &what, &why));
	set_loss(&d, NULL);
	duo_pass(&d, IKE_SECONDS(300));
	ck_assert_uint_eq(duo_children(d.moon), 0);
	ck_assert_uint_eq(duo_children(d.sun), 0);
	duo_end(&d);
}
END_TEST

/* The responder's new IKE SA is up and has the children, the initiator's is not: it rekeys under
 * the old one. */
START_TEST(a_rekeying_under_the_replaced_ike_sa_replaces_too)
{
	struct duo d = duo_begin_ikev1(false);
	struct loss loss = { d.sun->index, ISAKMP_EXCHANGE_MAIN, 2 };
	struct ike_rekey what = { .ike = "sun", .reauth = true };

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	duo_pass(&d, 1000);
	set_loss(&d, &loss);
	ck_assert(sim_node_rekey(d.moon, &what, &why));
	duo_pass(&d, 1000);
	uint32_t old = only_child(d.moon)->spi_in;
	expire(d.moon, false);
	duo_pass(&d, 1000);
	ck_assert_uint_eq(duo_children(d.sun), 2);
	ck_assert_int_eq(d.sun->child_up, 1);
	set_loss(&d, NULL);
	duo_pass(&d, IKE_SECONDS(400));
	ck_assert_uint_ne(only_child(d.moon)->spi_in, old);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 1);
	one_tunnel(&d);
	duo_end(&d);
}
END_TEST

/* ---- Many at once ---- */

static uint8_t room[32768];

static void say_message_1(struct duo *d, uint32_t number)
{
	static const uint8_t zeroes[IKE_PRF_OUTPUT_MAX];
	const struct ike_sa *sa = first_sa(d->sun);
	struct sim_isakmp m = { .header = { .exchange = ISAKMP_EXCHANGE_QUICK,
					.message_id = 7000 + number } };
	uint8_t spi[4] = { 0x11, 0, 0, (uint8_t)number }, datagram[SIM_INNER_MAX + 64];
	struct ike_proposals list = { 0 };
	struct ike_selector local, remote;
	struct isakmp_offer offer;
	struct ike_builder b;
	char text[40];

	snprintf(text, sizeof(text), "10.1.%u.0/24", number);
	ck_assert(ike_selector_parse(text, &local, &why));
	ck_assert(ike_selector_parse("10.2.0.0/16", &remote, &why));
	ck_assert(ike_proposals_add(&list, IKE_PROTOCOL_ESP, "aes128gcm16", &why));
	ck_assert_uint_eq(isakmp_offers_of(&list, 2, &offer, 1), 1);
	ike_builder_begin(&b, room, sizeof(room));
	isakmp_build_hash(&b, bytes_of(zeroes, sa->v1->key_length));
	isakmp_build_sa(&b, &offer, 1, bytes_of(spi, 4),
		&(struct isakmp_said){
			.encapsulation = ISAKMP_ENCAPSULATION_TUNNEL, .life_seconds = 3600 });
	isakmp_build_nonce(&b, bytes_of("0123456789abcdef", 16));
	isakmp_build_id_selector(&b, &local);
	isakmp_build_id_selector(&b, &remote);
	ike_proposals_free(&list);
	m.header.next_payload = b.first;
	m.length = b.writer.length;
	memcpy(m.chain, b.writer.at, m.length);
	size_t length = sim_isakmp_seal(d->sun, sa, &m, true, datagram, sizeof(datagram));
	ck_assert_uint_gt(length, 0);
	sim_world_inject(d->world, d->sun, &sa->remote, 500, bytes_of(datagram, length));
}

START_TEST(all_that_wait_for_message_3_can_take_it)
{
	struct duo d = duo_begin_ikev1(false);
	struct loss loss = { d.sun->index, ISAKMP_EXCHANGE_QUICK, 0 };
	unsigned waiting = 0;

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	set_loss(&d, &loss); /* moon has not asked for them */
	for (uint32_t i = 0; i < 24; i++)
		say_message_1(&d, i);
	for (const struct ikev1_exchange *x = first_sa(d.sun)->v1->exchanges; x; x = x->next)
		waiting += x->step == IKEV1_QUICK_3;
	ck_assert_uint_eq(duo_children(d.sun), 25);
	ck_assert_uint_eq(waiting, 24);
	set_loss(&d, NULL);
	duo_pass(&d, IKE_SECONDS(400)); /* none comes */
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_end(&d);
}
END_TEST

TCase *ikev1_replace_tests(void)
{
	TCase *tests = tcase_create("ikev1_replace");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_old_one_expires_before_message_3);
	tcase_add_test(tests, the_old_one_is_gone_when_message_2_comes);
	tcase_add_test(tests, closed_by_force_it_stays_closed);
	tcase_add_test(tests, a_rekeying_under_the_replaced_ike_sa_replaces_too);
	tcase_add_test(tests, all_that_wait_for_message_3_can_take_it);
	return tests;
}
