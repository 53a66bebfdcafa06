/* Phase 1 with pre-shared keys: both modes, both roles, and what can go wrong. */
#include "testing/unit/engine/duo.h"

static const struct ike_sa *the_sa(const struct sim_node *n)
{
	return ike_engine_sa_next(n->engine, NULL);
}

static void established(struct duo *d)
{
	for (size_t i = 0; i < 2; i++) {
		const struct ike_sa *sa = the_sa(&d->world->nodes[i]);

		ck_assert_ptr_nonnull(sa);
		ck_assert_uint_eq(sa->version, 1);
		ck_assert_uint_eq(sa->state, IKE_SA_ESTABLISHED);
		ck_assert_ptr_null(sa->negotiation);
		ck_assert_uint_eq(duo_ike_sas(&d->world->nodes[i]), 1);
	}
}

START_TEST(main_mode)
{
	struct duo d = duo_begin_ikev1(false);

	duo_start(&d);
	duo_up(&d, d.moon, NULL);
	established(&d);
	ck_assert(sim_node_logged(d.moon, "initiating Main Mode IKE_SA sun[1] to 192.0.2.2"));
	ck_assert(sim_node_logged(d.moon, "sending ID_PROT request 0"));
	ck_assert(sim_node_logged(d.sun, "is initiating a Main Mode IKE_SA"));
	duo_end(&d);
}
END_TEST

START_TEST(aggressive_mode)
{
	struct duo d = duo_begin_ikev1(true);

	duo_start(&d);
	duo_up(&d, d.sun, NULL);
	established(&d);
	ck_assert(sim_node_logged(d.sun, "initiating Aggressive Mode IKE_SA"));
	duo_end(&d);
}
END_TEST

START_TEST(with_a_child)
{
	struct duo d = duo_begin_ikev1(_i == 1);

	duo_start(&d);
	duo_up(&d, d.moon, "net");
	established(&d);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

TCase *ikev1_phase1_tests(void)
{
	TCase *t = tcase_create("phase 1");

	tcase_add_test(t, main_mode);
	tcase_add_test(t, aggressive_mode);
	tcase_add_loop_test(t, with_a_child, 0, 2);
	return t;
}
