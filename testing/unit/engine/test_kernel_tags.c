/* %unique and %unique-dir: marks and interface ids that are drawn, and how long they stay. */
#include "testing/unit/engine/duo.h"

static void adjust(void *context, struct ike_connection *c)
{
	const struct ike_mark unique = { IKE_MARK_UNIQUE, UINT32_MAX };
	const struct ike_mark apart = { IKE_MARK_UNIQUE_DIR, 0xffff };
	struct ike_child_config *net = c->children[0], *web = c->children[1];

	(void)context;
	c->if_id_in = c->if_id_out = IKE_IF_ID_UNIQUE;
	net->mark_in = net->mark_out = unique;
	web->mark_in = web->mark_out = apart;
	web->if_id_in = web->if_id_out = IKE_IF_ID_UNIQUE_DIR;
}

static struct duo begin(void)
{
	struct duo d = duo_begin(false);

	duo_two_children(&d);
	d.sun_side.adjust = adjust;
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	duo_up(&d, d.sun, "web");
	return d;
}

static const struct ike_child *child_of(const struct sim_node *n, const char *name)
{
	const struct ike_child *child = duo_only_sa(n)->children;

	while (child &&
		(child->state != IKE_CHILD_INSTALLED || strcmp(child->config->name, name) != 0))
		child = child->next;
	ck_assert_ptr_nonnull(child);
	return child;
}

struct tags {
	uint32_t marks[4], if_ids[4]; /* net in, net out, web in, web out */
};

static struct tags tags_of(const struct sim_node *n)
{
	const struct ike_child *net = child_of(n, "net"), *web = child_of(n, "web");

	return (struct tags){
		{ net->mark_in.value, net->mark_out.value, web->mark_in.value,
			web->mark_out.value },
		{ net->if_id_in, net->if_id_out, web->if_id_in, web->if_id_out },
	};
}

static void rekey(struct duo *d, const char *child, bool reauth)
{
	const struct ike_rekey what = {
		.ike = duo_name(d, d->sun), .child = child, .reauth = reauth
	};
	struct why why = { "" };

	ck_assert_msg(sim_node_rekey(d->sun, &what, &why), "%s", why.text);
	duo_pass(d, IKE_SECONDS(40));
}

START_TEST(each_has_its_own)
{
	struct duo d = begin();
	struct tags tags = tags_of(d.sun);

	ck_assert_mem_eq(tags.marks, ((uint32_t[]){ 1, 1, 2, 3 }), sizeof(tags.marks));
	ck_assert_mem_eq(tags.if_ids, ((uint32_t[]){ 1, 1, 2, 3 }), sizeof(tags.if_ids));
	ck_assert_uint_eq(duo_only_sa(d.sun)->if_id_in, 1);
	ck_assert_uint_eq(child_of(d.sun, "web")->mark_in.mask, 0xffff);
	ck_assert_uint_ne(child_of(d.sun, "net")->reqid, child_of(d.sun, "web")->reqid);
	ck_assert_uint_eq(child_of(d.moon, "net")->mark_in.value, 0);
	duo_down(&d, d.sun);
	/* another IKE SA has another interface */
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(child_of(d.sun, "net")->if_id_out, 4);
	ck_assert_uint_eq(child_of(d.sun, "net")->mark_out.value, 4);
	duo_end(&d);
}
END_TEST

START_TEST(rekeying_passes_them_on)
{
	struct duo d = begin();
	struct tags before = tags_of(d.sun), after;

	rekey(&d, "net", false);
	rekey(&d, "web", false);
	rekey(&d, NULL, false);
	after = tags_of(d.sun);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_uint_eq(duo_only_sa(d.sun)->if_id_in, 1);
	duo_end(&d);
}
END_TEST

/* As strongSwan 6.0.1's: marks stay, interfaces are others. */
START_TEST(reauthentication_draws_interface_ids_anew)
{
	struct duo d = begin();
	struct tags before = tags_of(d.sun), after;

	d.sun->settings.make_before_break = true;
	rekey(&d, NULL, true);
	after = tags_of(d.sun);
	ck_assert_mem_eq(before.marks, after.marks, sizeof(before.marks));
	ck_assert_mem_eq(after.if_ids, ((uint32_t[]){ 4, 4, 5, 6 }), sizeof(after.if_ids));
	ck_assert_uint_eq(duo_only_sa(d.sun)->if_id_out, 4);
	duo_end(&d);
}
END_TEST

START_TEST(a_trap_has_its_own)
{
	struct duo d = duo_begin(false);
	struct why why = { "" };
	const struct ike_trap *trap;

	duo_two_children(&d);
	d.sun_side.adjust = adjust;
	duo_start(&d);
	ck_assert_msg(
		ike_engine_install(d.sun->engine, d.world->now, NULL, "web", &why), "%s", why.text);
	trap = ike_engine_trap(d.sun->engine, 0);
	ck_assert_uint_eq(trap->policies.mark_in.value, 1);
	ck_assert_uint_eq(trap->policies.mark_out.value, 2);
	ck_assert_uint_eq(trap->policies.if_id_in, 1);
	ck_assert_uint_eq(trap->policies.if_id_out, 2);
	duo_end(&d);
}
END_TEST

TCase *kernel_tags_tests(void)
{
	TCase *tests = tcase_create("kernel tags");

	tcase_add_test(tests, each_has_its_own);
	tcase_add_test(tests, rekeying_passes_them_on);
	tcase_add_test(tests, reauthentication_draws_interface_ids_anew);
	tcase_add_test(tests, a_trap_has_its_own);
	return tests;
}
