/* XAuth behind signatures and instead of them (hybrid), and which definition is for a user. Moon is
 * the client, sun the gateway. */
#include "libike/advice.h"
#include "libike/ikev1/transaction.h"
#include "libike/sa/sa_priv.h"
#include "testing/sim/isakmp_seal.h"
#include "testing/unit/engine/certified.h"

#include <stdlib.h>

#define PASSWORD "of carol alone"

struct bed {
	struct duo d;
	bool hybrid;        /* moon proves nothing but the user */
	bool psk;           /* a pre-shared key before XAuth, else signatures */
	bool sun_initiates; /* the gateway does */
	unsigned rounds;
	const char *user;
	struct pki_certificate ca;
	const struct pki_certificate *suns; /* CA; NULL: the same */
};

static struct ike_identity *identity(const char *text)
{
	struct why why = { "" };
	struct ike_identity *id = ike_identity_parse(text, &why);

	ck_assert_msg(id, "%s", why.text);
	return id;
}

static struct ike_auth_round *add_round(struct ike_auth_rounds *rounds)
{
	ck_assert(ike_auth_rounds_add(rounds, IKE_AUTH_CLASS_XAUTH, NULL));
	return &rounds->items[rounds->count - 1];
}

/* Of a hybrid client the only round is XAuth, under the identity of phase 1. */
static void make_hybrid(struct ike_auth_rounds *rounds)
{
	rounds->items[0].class = IKE_AUTH_CLASS_XAUTH;
}

static void adjust_moon(void *context, struct ike_connection *c)
{
	const struct bed *b = context;

	if (b->hybrid)
		make_hybrid(&c->local);
	for (unsigned i = b->hybrid ? 1 : 0; i < b->rounds; i++)
		(void)add_round(&c->local);
	for (size_t i = 0; i < c->local.count; i++)
		if (c->local.items[i].class == IKE_AUTH_CLASS_XAUTH)
			c->local.items[i].xauth_id = identity(b->user);
}

/* Who may come by one of sun's definitions. */
struct demand {
	const struct bed *bed;
	const char *user;
	const struct pki_certificate *ca;
};

static void adjust_sun(void *context, struct ike_connection *c)
{
	const struct demand *d = context;

	if (d->bed->hybrid)
		make_hybrid(&c->remote);
	for (unsigned i = d->bed->hybrid ? 1 : 0; i < d->bed->rounds; i++)
		(void)add_round(&c->remote);
	for (size_t i = 0; d->user && i < c->remote.count; i++)
		if (c->remote.items[i].class == IKE_AUTH_CLASS_XAUTH)
			c->remote.items[i].xauth_id = identity(d->user);
	if (d->ca) {
		struct ike_auth_round *round = &c->remote.items[0];

		round->cacerts = calloc(1, sizeof(*round->cacerts));
		ck_assert_ptr_nonnull(round->cacerts);
		round->cacerts[round->cacert_count++] = ike_certificate_hold(d->ca->c);
	}
}

static struct bed bed_begin(bool aggressive)
{
	return (struct bed){ .d = certified_begin(aggressive),
		.rounds = 1,
		.user = "carol",
		.ca = pki_root("/O=test/CN=CA") };
}

static void knows(struct bed *b, struct sim_node *n, const char *password, const char *user)
{
	const char *const owners[] = { user, NULL };

	sim_node_eap(n, password, owners);
	sim_secret_add(b->d.world, bytes_of_text(password), true);
}

/* The first definition of sun's has the first demand. */
static void start(struct bed *b, struct demand *first)
{
	first->bed = b;
	b->d.moon_side.pubkey = b->d.sun_side.pubkey = !b->psk;
	if (b->psk)
		b->d.moon_psk = b->d.sun_psk = "what both of them know";
	b->d.moon_side.adjust = adjust_moon;
	b->d.moon_side.adjust_context = b;
	b->d.sun_side.adjust = adjust_sun;
	b->d.sun_side.adjust_context = first;
	duo_start(&b->d);
	certified_trust(b->d.moon, &b->ca);
	certified_trust(b->d.sun, &b->ca);
	if (!b->hybrid)
		certified_give(b->d.moon, &b->ca, MOON, "rsa2048", 1);
	certified_give(b->d.sun, b->suns ? b->suns : &b->ca, SUN, "rsa2048", 2);
	knows(b, b->d.moon, PASSWORD, "carol");
	knows(b, b->d.sun, PASSWORD, "carol");
}

static void define(struct bed *b, const char *name, struct demand *demand)
{
	struct sim_definition side = b->d.sun_side;
	struct why why = { "" };

	demand->bed = b;
	side.name = name;
	side.adjust_context = demand;
	ck_assert_msg(sim_node_load(b->d.sun, sim_define(&side), &why), "%s", why.text);
}

static void end(struct bed *b)
{
	duo_end(&b->d);
	pki_free(&b->ca);
}

static void is_under(struct bed *b, const char *name)
{
	char id[IKE_IDENTITY_TEXT_MAX];

	duo_up(&b->d, b->sun_initiates ? b->d.sun : b->d.moon, "net");
	const struct ike_sa *sa = certified_sa(b->d.sun);
	ck_assert_ptr_nonnull(sa->remote_eap_id);
	ck_assert_str_eq(ike_identity_format(sa->remote_eap_id, id), b->user);
	ck_assert_str_eq(sa->connection->name, name);
	duo_down(&b->d, b->d.moon);
	end(b);
}

static void is_refused(struct bed *b, const struct sim_node *by, const char *why)
{
	const struct sim_command *command =
		duo_initiate(&b->d, b->sun_initiates ? b->d.sun : b->d.moon, "net");

	ck_assert(!command->done);
	ck_assert_msg(sim_node_logged(by, why), "%s", command->text);
	ck_assert_uint_eq(duo_ike_sas(b->d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(b->d.sun), 0);
}

/* ---- With signatures ---- */

START_TEST(a_user_comes_behind_an_rsa_signature)
{
	struct bed b = bed_begin(_i & 1);
	struct demand any = { 0 };

	b.sun_initiates = _i & 2;
	b.rounds = _i & 4 ? 3 : 1;
	start(&b, &any);
	is_under(&b, "moon");
}
END_TEST

START_TEST(hybrid_takes_the_users_password_for_a_proof)
{
	struct bed b = bed_begin(_i & 1);
	struct demand any = { 0 };

	b.hybrid = true;
	b.sun_initiates = _i & 2;
	b.rounds = _i & 4 ? 3 : 1;
	start(&b, &any);
	is_under(&b, "moon");
}
END_TEST

START_TEST(a_wrong_password_is_refused)
{
	struct bed b = bed_begin(_i & 1);
	struct demand any = { 0 };

	b.hybrid = _i & 2;
	start(&b, &any);
	knows(&b, b.d.moon, "of carolina", "carol");
	is_refused(&b, b.d.sun, "the password is not the one that we have");
	end(&b);
}
END_TEST

START_TEST(a_hybrid_gateway_of_an_unknown_ca_gets_no_password)
{
	struct bed b = bed_begin(_i);
	struct demand any = { 0 };
	struct pki_certificate other = pki_root("/O=test/CN=other CA");

	b.hybrid = true;
	b.suns = &other;
	start(&b, &any);
	is_refused(&b, b.d.moon, "other CA");
	ck_assert_uint_eq(certified_count(b.d.moon, "answering XAuth"), 0);
	pki_free(&other);
	end(&b);
}
END_TEST

/* Hybrid and XAuth-RSA are of RSA: a gateway that has but an ECDSA key does not agree. */
START_TEST(hybrid_without_an_rsa_key_is_not_agreed_on)
{
	struct bed b = bed_begin(_i);
	struct demand any = { .bed = &b };

	b.hybrid = true;
	b.d.moon_side.adjust = adjust_moon;
	b.d.moon_side.adjust_context = &b;
	b.d.sun_side.adjust = adjust_sun;
	b.d.sun_side.adjust_context = &any;
	duo_start(&b.d);
	certified_trust(b.d.moon, &b.ca);
	certified_give(b.d.sun, &b.ca, SUN, "p256", 2);
	is_refused(&b, b.d.sun, "has an ECDSA key: RSA signatures are what is asked for");
	end(&b);
}
END_TEST

/* ---- xauth_id ---- */

START_TEST(a_user_that_the_definition_is_for_comes)
{
	static const char *const patterns[] = { "carol", "%any" };
	struct bed b = bed_begin(false);
	struct demand users = { .user = patterns[_i] };

	b.psk = true;
	start(&b, &users);
	is_under(&b, "moon");
}
END_TEST

START_TEST(another_user_is_refused_whatever_the_password)
{
	struct bed b = bed_begin(_i & 1);
	struct demand users = { .user = "dave" };

	b.psk = _i & 2;
	start(&b, &users);
	is_refused(&b, b.d.sun, "XAuth user 'carol' is not one that connection 'moon' is for");
	const struct ike_failure_record *record = ike_engine_failure(b.d.sun->engine, "moon", 0);
	struct ike_advice advice;
	ck_assert_str_eq(record->failure.ours, "dave");
	ck_assert_str_eq(record->failure.theirs, "carol");
	ike_advise(record, "moon", &advice);
	ck_assert_msg(strstr(advice.cure, "let \"carol\" in with connections.moon.remote.xauth_id"),
		"%s", advice.cure);
	ck_assert(sim_node_logged(b.d.moon, "the peer refuses XAuth user 'carol'"));
	end(&b);
}
END_TEST

START_TEST(a_user_has_the_next_definition_that_is_for_him)
{
	struct bed b = bed_begin(_i & 1);
	struct demand first = { .user = "dave" }, second = { .user = "erin" },
		      third = { .user = "carol" };

	b.psk = _i & 2;
	b.hybrid = _i & 4;
	b.rounds = _i & 8 ? 2 : 1;
	if (b.psk && b.hybrid)
		b.psk = false;
	start(&b, &first);
	define(&b, "moon-2", &second);
	define(&b, "moon-3", &third);
	is_under(&b, "moon-3");
}
END_TEST

/* It is for the user, and not for the certificate that was shown before. */
START_TEST(a_definition_for_the_user_has_to_be_for_the_signature_too)
{
	struct bed b = bed_begin(_i);
	struct pki_certificate other = pki_root("/O=test/CN=other CA");
	struct demand first = { .user = "dave" }, second = { .user = "carol", .ca = &other };

	start(&b, &first);
	certified_trust(b.d.sun, &other);
	define(&b, "moon-2", &second);
	is_refused(&b, b.d.sun, "XAuth user 'carol' is not one that connection 'moon' is for");
	ck_assert_uint_eq(certified_count(b.d.sun, "switching to"), 0);
	pki_free(&other);
	end(&b);
}
END_TEST

/* ---- Users behind one identity ---- */

/* Another host comes, as the same user or another one. */
START_TEST(unique_keep_holds_for_the_user)
{
	static const char *const dave[] = { "dave", NULL };
	struct bed b = bed_begin(_i & 1);
	struct sim_node *mars = sim_node_add(b.d.world, false);
	struct demand any = { 0 };
	struct why why = { "" };
	bool same = _i & 2;

	b.psk = true;
	b.d.world->nodes[mars->index].settings.aggressive_psk = true;
	b.d.sun_side.unique = IKE_UNIQUE_KEEP;
	b.d.moon_side.unique = IKE_UNIQUE_NEVER; /* no INITIAL_CONTACT, which goes first */
	b.d.sun_side.remote_addrs = "%any";
	start(&b, &any);
	duo_up(&b.d, b.d.moon, NULL);
	b.user = same ? "carol" : "dave";
	sim_node_start(mars);
	sim_node_psk(mars, b.d.moon_psk, NULL);
	knows(&b, mars, PASSWORD, "carol");
	sim_node_eap(mars, "of dave alone", dave);
	sim_node_eap(b.d.sun, "of dave alone", dave);
	ck_assert_msg(sim_node_load(mars, sim_define(&b.d.moon_side), &why), "%s", why.text);
	const struct sim_command *command =
		sim_node_initiate(mars, duo_name(&b.d, b.d.moon), NULL, &why);
	sim_world_settle(b.d.world, b.d.world->now + IKE_SECONDS(60));
	ck_assert_int_eq(command->done, !same);
	ck_assert_uint_eq(duo_ike_sas(b.d.sun), same ? 1 : 2);
	ck_assert_uint_eq(duo_ike_sas(b.d.moon), 1);
	ck_assert_int_eq(sim_node_logged(b.d.sun, "peer 'carol' has an IKE_SA already"), same);
	end(&b);
}
END_TEST

/* ---- Types of XAuth ---- */

static struct sim_isakmp opened;

/* XAUTH_TYPE of the question (from sun) or the answer (from moon), as a long one of the kind. */
struct other_type {
	uint8_t from, type;
};

static bool change_type(void *context, struct sim_world *w, struct sim_flight *flight)
{
	const struct other_type *o = context;
	struct sim_node *to = &w->nodes[1 - flight->from];

	if (flight->from != o->from || flight->length < 19 ||
		flight->data[18] != ISAKMP_EXCHANGE_TRANSACTION ||
		!sim_isakmp_open(to, flight, &opened))
		return true;
	for (size_t i = 0; i + 4 <= opened.length; i++)
		if (opened.chain[i] == (0x80 | IKEV1_XAUTH_TYPE >> 8) &&
			opened.chain[i + 1] == (IKEV1_XAUTH_TYPE & 0xff))
			opened.chain[i + 3] = o->type;
	return sim_isakmp_reseal(w, to, flight, &opened);
}

START_TEST(types_with_challenges_are_refused)
{
	static const char *const names[] = { "(RADIUS-CHAP)", "(OTP)", "(S/KEY)", "(unknown)" };
	struct bed b = bed_begin(false);
	struct demand any = { 0 };
	struct other_type other = { .from = _i / 4 ? 0 : 1, .type = (uint8_t)(_i % 4 + 1) };

	b.psk = true;
	start(&b, &any);
	b.d.world->filter = change_type;
	b.d.world->filter_context = &other;
	is_refused(&b, other.from == 1 ? b.d.moon : b.d.sun, names[_i % 4]);
	ck_assert(sim_node_logged(
		other.from == 1 ? b.d.moon : b.d.sun, "we know name and password alone"));
	ck_assert(sim_node_logged(other.from == 1 ? b.d.sun : b.d.moon,
		other.from == 1 ? "the peer's user cancelled XAuth"
				: "the peer refuses XAuth user 'carol'"));
	end(&b);
}
END_TEST

TCase *ikev1_user_tests(void)
{
	TCase *t = tcase_create("users");

	certified_prepare(t);
	tcase_add_loop_test(t, a_user_comes_behind_an_rsa_signature, 0, 8);
	tcase_add_loop_test(t, hybrid_takes_the_users_password_for_a_proof, 0, 8);
	tcase_add_loop_test(t, a_wrong_password_is_refused, 0, 4);
	tcase_add_loop_test(t, a_hybrid_gateway_of_an_unknown_ca_gets_no_password, 0, 2);
	tcase_add_loop_test(t, hybrid_without_an_rsa_key_is_not_agreed_on, 0, 2);
	tcase_add_loop_test(t, a_user_that_the_definition_is_for_comes, 0, 2);
	tcase_add_loop_test(t, another_user_is_refused_whatever_the_password, 0, 4);
	tcase_add_loop_test(t, a_user_has_the_next_definition_that_is_for_him, 0, 16);
	tcase_add_loop_test(t, a_definition_for_the_user_has_to_be_for_the_signature_too, 0, 2);
	tcase_add_loop_test(t, unique_keep_holds_for_the_user, 0, 4);
	tcase_add_loop_test(t, types_with_challenges_are_refused, 0, 8);
	return t;
}
