/* IKEv1, as responder: the next definition when what the peer proves is not good for the first, and
 * methods by the private keys that are there, demands that IKEv1 cannot meet, and names. Moon
 * initiates, sun has several definitions. */
#include "libike/advice.h"
#include "libike/ikev1/ikev1.h"
#include "libike/sa/sa_priv.h"
#include "testing/unit/engine/certified.h"

#include <stdlib.h>

static struct pki_certificate ca, other_ca;

/* What adjust() does to a definition. */
struct demand {
	const struct pki_certificate *ca;     /* remote.cacerts */
	const struct pki_certificate *listed; /* remote.certs */
	const struct pki_certificate *own;    /* local.certs */
	const char *strength;                 /* remote.auth */
};

static void list(struct ike_certificate ***items, size_t *count, const struct pki_certificate *c)
{
	if (!c)
		return;
	*items = calloc(1, sizeof(**items));
	ck_assert_ptr_nonnull(*items);
	(*items)[(*count)++] = ike_certificate_hold(c->c);
}

static void adjust(void *context, struct ike_connection *c)
{
	const struct demand *d = context;
	struct ike_auth_round *remote = &c->remote.items[0], *local = &c->local.items[0];
	struct why why = { "" };

	list(&remote->cacerts, &remote->cacert_count, d->ca);
	list(&remote->certs, &remote->cert_count, d->listed);
	list(&local->certs, &local->cert_count, d->own);
	if (d->strength) {
		remote->signatures = calloc(1, sizeof(*remote->signatures));
		ck_assert_ptr_nonnull(remote->signatures);
		ck_assert_msg(ike_signature_policy_parse(d->strength, remote->signatures, &why),
			"%s", why.text);
	}
}

static void define(struct duo *d, const char *name, struct demand *demand)
{
	struct sim_definition side = d->sun_side;
	struct why why = { "" };

	side.name = name;
	side.adjust = demand ? adjust : NULL;
	side.adjust_context = demand;
	ck_assert_msg(sim_node_load(d->sun, sim_define(&side), &why), "%s", why.text);
}

/* Sun's first definition has the first demand. */
static struct duo begin(bool aggressive, struct demand *first)
{
	struct duo d = certified_begin(aggressive);

	ca = pki_root("/O=test/CN=CA");
	other_ca = pki_root("/O=test/CN=other CA");
	d.sun_side.adjust = first ? adjust : NULL;
	d.sun_side.adjust_context = first;
	return d;
}

static void start(struct duo *d, const char *kind)
{
	duo_start(d);
	certified_trust(d->moon, &ca);
	certified_trust(d->sun, &ca);
	certified_trust(d->sun, &other_ca);
	certified_give(d->moon, &ca, MOON, kind, 1);
	certified_give(d->sun, &ca, SUN, kind, 2);
}

static void end(struct duo *d)
{
	duo_end(d);
	pki_free(&ca);
	pki_free(&other_ca);
}

static void is_under(struct duo *d, const char *name)
{
	duo_up(d, d->moon, "net");
	ck_assert_str_eq(certified_sa(d->sun)->connection->name, name);
	duo_down(d, d->moon);
}

static void is_refused(struct duo *d, const struct sim_node *by, const char *why)
{
	const struct sim_command *command = duo_initiate(d, d->moon, "net");

	ck_assert(!command->done);
	ck_assert_msg(sim_node_logged(by, why), "%s", command->text);
	ck_assert_uint_eq(duo_ike_sas(d->moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d->sun), 0);
}

/* ---- The next one ---- */

START_TEST(another_ca_is_another_definitions)
{
	struct demand first = { .ca = &other_ca };
	struct duo d = begin(_i, &first);

	start(&d, "p256");
	define(&d, "moon-2", NULL);
	is_under(&d, "moon-2");
	ck_assert(sim_node_logged(d.sun, "peer config 'moon' is unacceptable"));
	end(&d);
}
END_TEST

START_TEST(another_certificate_is_another_definitions)
{
	struct demand first = { 0 }, second = { 0 };
	struct duo d = begin(_i, &first);
	struct pki_certificate stranger = certified_issue(&ca, "other.example.org", "p256", 5, "");
	struct pki_certificate moon = certified_issue(&ca, MOON, "p256", 1, "");

	first.listed = &stranger;
	second.listed = &moon;
	start(&d, "p256");
	certified_own(d.moon, &moon);
	define(&d, "moon-2", &second);
	is_under(&d, "moon-2");
	pki_free(&stranger);
	pki_free(&moon);
	end(&d);
}
END_TEST

START_TEST(a_weaker_key_is_another_definitions)
{
	struct demand first = { .strength = "ecdsa-384" }, second = { .ca = &other_ca };
	struct duo d = begin(_i, &first);

	start(&d, "p256");
	define(&d, "moon-2", &second);
	define(&d, "moon-3", NULL);
	is_under(&d, "moon-3");
	end(&d);
}
END_TEST

START_TEST(the_first_reason_stays_when_none_fits)
{
	struct demand first = { .ca = &other_ca }, second = { .strength = "ecdsa-384" };
	struct duo d = begin(_i, &first);

	start(&d, "p256");
	define(&d, "moon-2", &second);
	is_refused(&d, d.sun, "which is not a CA that the definition allows");
	ck_assert_ptr_nonnull(ike_engine_failure(d.sun->engine, "moon", 0));
	ck_assert_ptr_null(ike_engine_failure(d.sun->engine, "moon-2", 0));
	end(&d);
}
END_TEST

START_TEST(a_wrong_signature_is_nobodys)
{
	/* The certificate that sun has of moon's is another one, and moon sends none. */
	struct duo d = begin(_i, NULL);
	struct pki_certificate old = certified_issue(&ca, MOON, "p256", 7, "");
	struct demand first = { .listed = &old };

	d.sun_side.adjust = adjust;
	d.sun_side.adjust_context = &first;
	start(&d, "p256");
	is_refused(&d, d.sun, "signature of 'moon.example.org' does not verify");
	pki_free(&old);
	end(&d);
}
END_TEST

START_TEST(a_wrong_identity_is_named)
{
	struct duo d = begin(_i, NULL);

	d.moon_side.local_id = "earth.example.org";
	start(&d, "p256");
	certified_give(d.moon, &ca, "earth.example.org", "p256", 3);
	is_refused(&d, d.sun, "no matching connection for peer 'earth.example.org'");
	end(&d);
}
END_TEST

START_TEST(an_identity_that_the_certificate_has_not_is_refused)
{
	struct demand moons = { 0 };
	struct duo d = begin(_i, NULL);
	struct pki_certificate other = certified_issue(&ca, "other.example.org", "p256", 3, "");

	moons.own = &other;
	d.moon_side.adjust = adjust;
	d.moon_side.adjust_context = &moons;
	start(&d, "p256");
	certified_own(d.moon, &other);
	is_refused(&d, d.sun, "identity 'moon.example.org' is not in the peer's certificate");
	pki_free(&other);
	end(&d);
}
END_TEST

START_TEST(a_definition_that_goes_while_a_signature_is_made_is_still_good)
{
	struct duo d = begin(_i, NULL);
	struct why why = { "" };

	start(&d, "p256");
	d.sun->signer = SIM_SIGNER_SILENT;
	ck_assert_ptr_nonnull(sim_node_initiate(d.moon, duo_name(&d, d.moon), "net", &why));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(3));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert(sim_node_unload(d.sun, duo_name(&d, d.sun)));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(300));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	end(&d);
}
END_TEST

/* ---- Methods ---- */

static void give_both(struct duo *d, struct sim_node *n, const char *name)
{
	(void)d;
	certified_give(n, &ca, name, "rsa2048", n->index + 1);
	certified_give(n, &ca, name, "p256", n->index + 1);
}

static struct duo begin_kinds(bool aggressive, const char *moons, const char *suns)
{
	struct duo d = begin(aggressive, NULL);

	duo_start(&d);
	certified_trust(d.moon, &ca);
	certified_trust(d.sun, &ca);
	if (moons)
		certified_give(d.moon, &ca, MOON, moons, 1);
	else
		give_both(&d, d.moon, MOON);
	if (suns)
		certified_give(d.sun, &ca, SUN, suns, 2);
	else
		give_both(&d, d.sun, SUN);
	return d;
}

START_TEST(the_responder_uses_the_key_that_was_agreed_on)
{
	struct duo d = begin_kinds(_i & 1, _i & 2 ? "rsa2048" : "p256", NULL);

	is_under(&d, "moon");
	end(&d);
}
END_TEST

START_TEST(curves_may_differ)
{
	struct duo d = begin_kinds(_i & 1, "p256", "p384");

	is_under(&d, "moon");
	end(&d);
}
END_TEST

static void advises(
	const struct sim_node *n, enum ike_reason reason, const char *cause, const char *cure)
{
	const struct ike_failure_record *record = ike_engine_failure(n->engine, "moon", 0);
	struct ike_advice advice;

	ck_assert_ptr_nonnull(record);
	ck_assert_str_eq(ike_reason_name(record->failure.reason), ike_reason_name(reason));
	ike_advise(record, "moon", &advice);
	ck_assert_msg(strstr(advice.cause, cause), "%s", advice.cause);
	ck_assert_msg(strstr(advice.cure, cure), "%s", advice.cure);
}

START_TEST(what_the_responder_has_no_key_for_is_not_agreed_on)
{
	bool rsa = _i & 2;
	struct duo d = begin_kinds(_i & 1, rsa ? "rsa2048" : "p256", rsa ? "p256" : "rsa2048");

	is_refused(&d, d.sun,
		rsa ? "has an ECDSA key: RSA signatures are what is asked for"
		    : "has an RSA key: ECDSA signatures are what is asked for");
	ck_assert(sim_node_logged(d.moon, "NO_PROPOSAL_CHOSEN"));
	advises(d.sun, IKE_REASON_NO_PRIVATE_KEY, "connection 'moon' cannot prove itself",
		"keys are of one kind");
	end(&d);
}
END_TEST

START_TEST(a_responder_without_any_key_says_so)
{
	struct duo d = begin(_i, NULL);

	duo_start(&d);
	certified_trust(d.moon, &ca);
	certified_give(d.moon, &ca, MOON, "p256", 1);
	is_refused(&d, d.sun, "no certificate with a private key is loaded for 'sun.example.org'");
	end(&d);
}
END_TEST

START_TEST(an_initiator_without_any_key_says_so)
{
	struct duo d = begin(_i, NULL);

	duo_start(&d);
	is_refused(
		&d, d.moon, "no certificate with a private key is loaded for 'moon.example.org'");
	end(&d);
}
END_TEST

/* Its certificate is there, the key is not. */
START_TEST(a_definition_whose_key_is_missing_is_passed_over)
{
	struct demand first = { 0 };
	struct duo d = begin(_i, &first);
	struct pki_certificate keyless = certified_issue(&ca, SUN, "p256", 9, "");

	first.own = &keyless;
	start(&d, "p256");
	define(&d, "moon-2", NULL);
	is_under(&d, "moon-2");
	pki_free(&keyless);
	end(&d);
}
END_TEST

/* Moon agreed on one kind, and signs with the other. */
static bool change_method(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct sim_node *moon = context;
	struct ike_sa *sa = (struct ike_sa *)ike_engine_sa_next(moon->engine, NULL);

	(void)w;
	if (flight->from == moon->index || !sa || !sa->v1->phase1 || !sa->spi_responder)
		return true;
	uint16_t *method = &sa->v1->phase1->auth_method;
	*method = *method == ISAKMP_AUTH_RSA ? ISAKMP_AUTH_ECDSA_256 : ISAKMP_AUTH_RSA;
	return true;
}

START_TEST(a_key_of_the_other_kind_is_refused)
{
	struct duo d = begin_kinds(false, NULL, NULL);

	d.world->filter = change_method;
	d.world->filter_context = d.moon;
	is_refused(&d, d.sun, "signatures were agreed on");
	advises(d.sun, IKE_REASON_POLICY, "its certificate 'O=test, CN=moon.example.org' has an",
		"keys are of one kind");
	end(&d);
}
END_TEST

/* ---- Beyond IKEv1: what a definition demands is not passed over by who speaks it ---- */

static void ends_refused(struct duo *d, struct sim_node *by, const char *why)
{
	const struct sim_command *command = duo_initiate(d, d->moon, "net");

	ck_assert(!command->done);
	ck_assert_msg(sim_node_logged(by, why), "%s", command->text);
	ck_assert_uint_eq(duo_children(d->sun), 0);
	ck_assert_uint_eq(duo_ike_sas(d->moon), 0);
	duo_end(d);
}

static void second_round(void *context, struct ike_connection *c)
{
	(void)context;
	ck_assert(ike_auth_rounds_add(&c->remote, IKE_AUTH_CLASS_PUBKEY, NULL));
}

static void second_own_round(void *context, struct ike_connection *c)
{
	(void)context;
	ck_assert(ike_auth_rounds_add(&c->local, IKE_AUTH_CLASS_PUBKEY, NULL));
}

static void eap(void *context, struct ike_connection *c)
{
	(void)context;
	ck_assert(ike_auth_rounds_add(&c->remote, IKE_AUTH_CLASS_EAP, NULL));
}

static void groups(void *context, struct ike_connection *c)
{
	struct ike_auth_round *round = &c->remote.items[0];

	(void)context;
	round->groups = calloc(1, sizeof(*round->groups));
	ck_assert_ptr_nonnull(round->groups);
	round->groups[round->group_count++] = strdup("admins");
}

static void (*const beyond[])(
	void *context, struct ike_connection *c) = { second_round, second_own_round, eap, groups };
#define BEYOND 4

START_TEST(a_demand_beyond_ikev1_is_for_ikev2_alone)
{
	struct duo d = duo_begin_ikev1(_i >= BEYOND);

	d.sun_side.version = SIM_VERSION_EITHER;
	d.sun_side.adjust = beyond[_i % BEYOND];
	duo_start(&d);
	ends_refused(&d, d.sun, "no IKEv1 connection is loaded");
}
END_TEST

START_TEST(a_ppk_that_is_required_is_for_ikev2_alone)
{
	struct duo d = duo_begin_ikev1(false);

	d.sun_side.version = SIM_VERSION_EITHER;
	d.sun_side.ppk_id = "quantum";
	d.sun_side.ppk_required = true;
	duo_start(&d);
	ends_refused(&d, d.sun, "no IKEv1 connection is loaded");
}
END_TEST

/* The other definition for the addresses takes the first message, and the identity is not its. */
START_TEST(nor_is_it_chosen_by_identity)
{
	struct duo d = duo_begin_ikev1(false);
	struct sim_definition other = d.sun_side;
	struct why why;

	d.sun_side.version = SIM_VERSION_EITHER;
	d.sun_side.adjust = second_round;
	other.name = "other";
	other.remote_id = "earth.example.org";
	duo_start(&d);
	ck_assert_msg(sim_node_load(d.sun, sim_define(&other), &why), "%s", why.text);
	ends_refused(&d, d.sun, "a second authentication round that is not xauth needs IKEv2");
}
END_TEST

/* ---- Names: nobody takes another's with a key that many have ---- */

/* Sun has a site with a key of its own, and road warriors with one that they share. */
static struct duo begin_site(void)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon_psk = d.sun_psk = NULL;
	return d;
}

static void start_site(struct duo *d)
{
	static const char *const site[] = { "moon.example.org", NULL };
	struct sim_definition warriors = d->sun_side;
	struct why why;

	duo_start(d);
	warriors.name = "warriors";
	warriors.remote_addrs = "%any";
	warriors.remote_id = NULL;
	warriors.children[0].remote_ts = "10.9.0.0/16";
	ck_assert_msg(sim_node_load(d->sun, sim_define(&warriors), &why), "%s", why.text);
	sim_node_psk(d->moon, "of the site alone", site);
	sim_node_psk(d->sun, "of the site alone", site);
	sim_node_psk(d->sun, "of the group", NULL);
}

/* Mars knows the group's key. */
static struct sim_node *add_warrior(struct duo *d, struct sim_node *mars, const char *name)
{
	struct sim_definition side = d->moon_side;
	struct why why;

	side.local_id = name;
	side.children[0].local_ts = "10.9.0.0/16";
	sim_node_start(mars);
	sim_node_psk(mars, "of the group", NULL);
	ck_assert_msg(sim_node_load(mars, sim_define(&side), &why), "%s", why.text);
	ck_assert_ptr_nonnull(sim_node_initiate(mars, side.name, "net", &why));
	sim_world_run(d->world, d->world->now + IKE_SECONDS(5));
	return mars;
}

START_TEST(a_road_warrior_does_not_take_the_name_of_a_site)
{
	struct duo d = begin_site();
	struct sim_node *mars = sim_node_add(d.world, false);

	start_site(&d);
	duo_up(&d, d.moon, "net");
	add_warrior(&d, mars, _i ? "moon.example.org" : "mars.example.org");
	ck_assert_uint_eq(duo_children(mars), _i ? 0 : 1);
	ck_assert_uint_eq(duo_children(d.moon), 1);
	ck_assert_uint_eq(duo_ike_sas(d.sun), _i ? 1 : 2);
	ck_assert(!sim_node_logged(d.sun, "peer says INITIAL_CONTACT"));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(400));
	duo_end(&d);
}
END_TEST

/* The other way round: moon asks for anybody at that address, and has a key for sun itself. */
START_TEST(a_responder_does_not_take_anothers_name)
{
	static const char *const owner[] = { "sun.example.org", NULL };
	struct duo d = begin_site();

	d.moon_side.remote_id = "%any";
	duo_start(&d);
	sim_node_psk(d.moon, "of sun alone", owner);
	sim_node_psk(d.moon, "of the group", NULL);
	sim_node_psk(d.sun, "of the group", NULL);
	ends_refused(&d, d.moon, "does not use the pre-shared key of that one");
}
END_TEST

TCase *ikev1_definition_tests(void)
{
	TCase *t = tcase_create("definitions");

	certified_prepare(t);
	tcase_add_loop_test(t, another_ca_is_another_definitions, 0, 2);
	tcase_add_loop_test(t, another_certificate_is_another_definitions, 0, 2);
	tcase_add_loop_test(t, a_weaker_key_is_another_definitions, 0, 2);
	tcase_add_loop_test(t, the_first_reason_stays_when_none_fits, 0, 2);
	tcase_add_loop_test(t, a_wrong_signature_is_nobodys, 0, 2);
	tcase_add_loop_test(t, a_wrong_identity_is_named, 0, 2);
	tcase_add_loop_test(t, an_identity_that_the_certificate_has_not_is_refused, 0, 2);
	tcase_add_loop_test(
		t, a_definition_that_goes_while_a_signature_is_made_is_still_good, 0, 2);
	tcase_add_loop_test(t, the_responder_uses_the_key_that_was_agreed_on, 0, 4);
	tcase_add_loop_test(t, curves_may_differ, 0, 2);
	tcase_add_loop_test(t, what_the_responder_has_no_key_for_is_not_agreed_on, 0, 4);
	tcase_add_loop_test(t, a_responder_without_any_key_says_so, 0, 2);
	tcase_add_loop_test(t, an_initiator_without_any_key_says_so, 0, 2);
	tcase_add_loop_test(t, a_definition_whose_key_is_missing_is_passed_over, 0, 2);
	tcase_add_test(t, a_key_of_the_other_kind_is_refused);
	tcase_add_loop_test(t, a_demand_beyond_ikev1_is_for_ikev2_alone, 0, 2 * BEYOND);
	tcase_add_test(t, a_ppk_that_is_required_is_for_ikev2_alone);
	tcase_add_test(t, nor_is_it_chosen_by_identity);
	tcase_add_loop_test(t, a_road_warrior_does_not_take_the_name_of_a_site, 0, 2);
	tcase_add_test(t, a_responder_does_not_take_anothers_name);
	return t;
}
