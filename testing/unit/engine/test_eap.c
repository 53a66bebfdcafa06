/* EAP in IKE_AUTH: moon proves itself by EAP, sun by its certificate or by the same method. */
#include "libike/eap/eap.h"
#include "libike/eap/tls_conversation.h"
#include "libike/engine_priv.h"
#include "testing/pki/pki.h"
#include "testing/unit/engine/duo.h"

#include <stdlib.h>

#define MOON "moon.example.org"
#define SUN "sun.example.org"
#define DELAY 20

/* What the definitions say of moon's round. */
struct words {
	uint8_t method;
	const char *eap_id;                   /* at moon; NULL: its id */
	bool ask;                             /* sun's eap_id is %any */
	bool only;                            /* sun proves itself by it, too (RFC 5998) */
	bool any;                             /* moon takes whatever method sun wants */
	const struct pki_certificate *pinned; /* moon wants sun to have this one */
};

static struct words words;

static void by_eap(struct ike_auth_round *round, uint8_t method)
{
	round->class = IKE_AUTH_CLASS_EAP;
	round->eap_method = method;
}

static struct ike_identity *identity(const char *text)
{
	struct ike_identity *id = ike_identity_parse(text, NULL);

	ck_assert_ptr_nonnull(id);
	return id;
}

static void adjust_moon(void *context, struct ike_connection *c)
{
	(void)context;
	by_eap(&c->local.items[0], words.any || words.method == IKE_EAP_METHOD_RADIUS
					   ? IKE_EAP_METHOD_ANY
					   : words.method);
	if (words.eap_id)
		c->local.items[0].eap_id = identity(words.eap_id);
	if (words.only)
		by_eap(&c->remote.items[0], IKE_EAP_METHOD_ANY);
	if (words.pinned) {
		struct ike_auth_round *round = &c->remote.items[0];

		round->certs = calloc(1, sizeof(*round->certs));
		ck_assert_ptr_nonnull(round->certs);
		round->certs[round->cert_count++] = ike_certificate_hold(words.pinned->c);
	}
}

static void adjust_sun(void *context, struct ike_connection *c)
{
	(void)context;
	by_eap(&c->remote.items[0], words.method);
	if (words.ask)
		c->remote.items[0].eap_id = identity("%any");
	if (words.only)
		by_eap(&c->local.items[0], IKE_EAP_METHOD_ANY);
}

static void password(struct sim_node *n, const char *owner, const char *text)
{
	struct ike_identity *id = identity(owner);
	struct secret secret = { 0 };

	ck_assert(secret_copy(&secret, bytes_of_text(text)));
	ck_assert(ike_credentials_load(
		ike_engine_credentials(n->engine), NULL, IKE_SHARED_EAP, &secret, &id, 1));
}

static struct duo begin(struct words w)
{
	struct duo d = duo_begin(false);

	words = w;
	d.moon_side.adjust = adjust_moon;
	d.sun_side.adjust = adjust_sun;
	duo_start_certified(&d);
	return d;
}

static const struct ike_sa *the_sa(const struct sim_node *n)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);

	ck_assert_ptr_nonnull(sa);
	return sa;
}

static void expect_eap_id(const struct sim_node *n, const char *expected)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	ck_assert_ptr_nonnull(the_sa(n)->remote_eap_id);
	ck_assert_str_eq(ike_identity_format(the_sa(n)->remote_eap_id, text), expected);
}

static void expect_refusal(struct duo *d, const char *at_sun)
{
	const struct sim_command *command = duo_initiate(d, d->moon, "net");

	ck_assert(!command->done);
	ck_assert_msg(sim_node_logged(d->sun, at_sun), "%s", at_sun);
	ck_assert_uint_eq(duo_ike_sas(d->moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d->sun), 0);
	ck_assert_ptr_null(d->sun->engine->eap_waiting);
	ck_assert_ptr_null(d->moon->engine->eap_waiting);
}

/* ---- Passwords ---- */

START_TEST(a_password_proves_the_identity_of_ike)
{
	struct duo d = begin((struct words){ .method = (uint8_t)_i });

	password(d.moon, MOON, "of the moon");
	password(d.sun, MOON, "of the moon");
	duo_up(&d, d.moon, "net");
	expect_eap_id(d.sun, MOON);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_password_proves_the_name_that_was_asked_for)
{
	struct duo d = begin((struct words){ (uint8_t)_i, "carol", true, false });

	password(d.moon, "carol", "of carol");
	password(d.sun, "carol", "of carol");
	password(d.sun, MOON, "of the moon");
	duo_up(&d, d.moon, "net");
	expect_eap_id(d.sun, "carol");
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_wrong_password_is_refused)
{
	struct duo d = begin((struct words){ (uint8_t)_i, "carol", true, false });

	password(d.moon, "carol", "of karol");
	password(d.sun, "carol", "of carol");
	expect_refusal(&d, "the password of 'carol' is not the one that we have");
	duo_end(&d);
}
END_TEST

START_TEST(a_name_without_password_is_refused)
{
	struct duo d = begin((struct words){ (uint8_t)_i, "carol", true, false });

	password(d.moon, "carol", "of carol");
	password(d.sun, MOON, "of carol");
	expect_refusal(&d, "no EAP secret found for 'carol'");
	duo_end(&d);
}
END_TEST

START_TEST(another_method_is_refused)
{
	struct duo d = begin((struct words){ IKE_EAP_METHOD_MD5, NULL, false, false });

	words.method = IKE_EAP_METHOD_MSCHAPV2;
	struct ike_connection *c = sim_define(&d.moon_side);
	struct why why;

	ck_assert_msg(sim_node_load(d.moon, c, &why), "%s", why.text);
	password(d.moon, MOON, "of the moon");
	password(d.sun, MOON, "of the moon");
	expect_refusal(&d, "it wants EAP_MSCHAPV2");
	duo_end(&d);
}
END_TEST

/* Methods that do not prove the server must not be all there is. */
START_TEST(passwords_are_not_enough_for_both)
{
	struct duo d = begin((struct words){ (uint8_t)_i, NULL, false, true });

	password(d.moon, MOON, "of the moon");
	password(d.sun, MOON, "of the moon");
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

/* Who has proved nothing gets no answer that passwords could be tried on. */
START_TEST(a_gateway_that_proves_nothing_gets_no_password)
{
	struct duo d = begin((struct words){ .method = (uint8_t)_i, .only = true, .any = true });

	password(d.moon, MOON, "of the moon");
	password(d.sun, MOON, "of the moon");
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert(sim_node_logged(d.moon, "which the definition does not allow"));
	ck_assert(!sim_node_logged(d.sun, "authentication of 'moon.example.org' with EAP"));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	duo_end(&d);
}
END_TEST

/* ---- TLS: the host does it, some time later ---- */

struct tls_answer {
	struct sim_node *node;
	uint64_t session;
	struct bytes input; /* heap */
};

static struct ike_tls *sessions[64]; /* by the session's number, even ones the moon's */

static struct ike_tls **session(const struct sim_node *n, uint64_t number)
{
	ck_assert_uint_lt(number, 32);
	return &sessions[2 * number + (n->index & 1)];
}

static void answer_tls(struct sim_world *w, void *context, uint64_t ticket)
{
	struct tls_answer *a = context;
	struct ike_tls *tls = *session(a->node, a->session);
	struct ike_tls_answer answer = { .failed = true, .error = "forgotten" };

	(void)w;
	if (tls)
		ike_tls_step(tls, a->input, &answer);
	sim_node_enter(a->node);
	ike_engine_tls_answered(a->node->engine, sim_node_now(a->node), ticket, &answer);
	sim_node_leave(a->node);
	free((void *)a->input.at);
}

static bool host_tls(void *context, const struct ike_tls_step *what, uint64_t ticket)
{
	struct sim_node *n = context;
	struct ike_tls **tls = session(n, what->session);
	struct tls_answer *a = calloc(1, sizeof(*a));
	struct bytes chain[8];
	struct why why;

	ck_assert_ptr_nonnull(a);
	for (size_t i = 0; i < what->chain_count; i++)
		chain[i] = ike_certificate_der(what->chain[i]);
	if (!*tls)
		*tls = ike_tls_new(NULL, what->server, n->keys[what->handle - 1], chain,
			what->chain_count, &why);
	ck_assert_msg(*tls != NULL, "%s", why.text);
	*a = (struct tls_answer){ n, what->session, bytes_duplicate(what->input) };
	sim_world_plan(n->world, n->world->now + DELAY, answer_tls, a, ticket)->owns_context = true;
	return true;
}

static void host_tls_forget(void *context, uint64_t number)
{
	struct ike_tls **tls = session(context, number);

	ike_tls_free(*tls);
	*tls = NULL;
}

static struct duo begin_tls(struct words w)
{
	struct duo d = begin(w);
	struct sim_node *both[] = { d.moon, d.sun };

	for (size_t i = 0; i < 2; i++) {
		both[i]->engine->host.tls = host_tls;
		both[i]->engine->host.tls_forget = host_tls_forget;
	}
	return d;
}

static void end_tls(struct duo *d)
{
	duo_end(d);
	for (size_t i = 0; i < sizeof(sessions) / sizeof(*sessions); i++)
		ck_assert_ptr_null(sessions[i]);
}

START_TEST(tls_proves)
{
	struct duo d = begin_tls((struct words){ IKE_EAP_METHOD_TLS, NULL, _i & 1, _i & 2 });

	duo_up(&d, d.moon, "net");
	expect_eap_id(d.sun, MOON);
	duo_down(&d, d.sun);
	end_tls(&d);
}
END_TEST

/* What the definition demands of the gateway is demanded of its TLS certificate, if that is all. */
START_TEST(tls_alone_proves_what_the_definition_wants)
{
	struct pki_certificate other = pki_root("/CN=" SUN);
	struct duo d = begin_tls((struct words){
		.method = IKE_EAP_METHOD_TLS, .only = true, .pinned = _i ? &other : NULL });

	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert_msg(command->done == (_i == 0), "%s", command->text);
	if (_i)
		ck_assert(sim_node_logged(d.moon, "none of those that the definition allows"));
	else
		duo_down(&d, d.sun);
	end_tls(&d);
	pki_free(&other);
}
END_TEST

START_TEST(tls_does_not_prove_another)
{
	struct duo d = begin_tls((struct words){ IKE_EAP_METHOD_TLS, SUN, true, false });

	/* moon gives sun's name, and has its own certificate alone. */
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	end_tls(&d);
}
END_TEST

/* ---- RADIUS: a server that asks for nothing but EAP-MD5 ---- */

struct radius_answer {
	struct sim_node *node;
	uint8_t identifier;
	bool first;
};

static bool radius_rejects;

static void answer_radius(struct sim_world *w, void *context, uint64_t ticket)
{
	const struct radius_answer *a = context;
	const uint8_t challenge[] = { 1, (uint8_t)(a->identifier + 1), 0, 10, 4, 4, 1, 2, 3, 4 };
	struct ike_radius_answer answer = { .result = IKE_RADIUS_CHALLENGE,
		.eap = bytes_of(challenge, sizeof(challenge)) };

	(void)w;
	if (!a->first)
		answer = (struct ike_radius_answer){
			.result = radius_rejects ? IKE_RADIUS_REJECT : IKE_RADIUS_ACCEPT,
			.user = "carol@radius",
			.class = bytes_of_text("laptops"),
			.session_timeout = 7200,
		};
	sim_node_enter(a->node);
	ike_engine_radius_answered(a->node->engine, sim_node_now(a->node), ticket, &answer);
	sim_node_leave(a->node);
}

static bool host_radius(void *context, const struct ike_radius_request *what, uint64_t ticket)
{
	struct sim_node *n = context;
	struct radius_answer *a = calloc(1, sizeof(*a));

	ck_assert_ptr_nonnull(a);
	ck_assert_uint_ge(what->eap.length, 5);
	*a = (struct radius_answer){ n, what->eap.at[1], what->eap.at[4] == 1 };
	sim_world_plan(n->world, n->world->now + DELAY, answer_radius, a, ticket)->owns_context =
		true;
	return true;
}

START_TEST(radius_lets_in)
{
	struct duo d = begin((struct words){ IKE_EAP_METHOD_RADIUS, "carol", true, false });

	radius_rejects = false;
	d.sun->engine->host.radius = host_radius;
	password(d.moon, "carol", "of carol");
	duo_up(&d, d.moon, "net");
	expect_eap_id(d.sun, "carol@radius");
	const struct ike_sa *sa = the_sa(d.sun);
	ck_assert_ptr_nonnull(sa->radius);
	ck_assert_str_eq(sa->radius->user, "carol@radius");
	ck_assert_int_eq(sa->expires_at, sa->established_at + IKE_SECONDS(7200));
	/* What came from the server goes along when the IKE SA is rekeyed. */
	const struct ike_rekey rekey = { .ike = "moon" };
	struct why why;
	size_t count;

	sim_node_enter(d.sun);
	ck_assert(ike_engine_rekey(d.sun->engine, sim_node_now(d.sun), &rekey, &count, &why));
	sim_node_leave(d.sun);
	int64_t ends_at = sa->radius->ends_at;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert_ptr_nonnull(the_sa(d.sun)->radius);
	ck_assert_int_eq(the_sa(d.sun)->expires_at, ends_at);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* The definition is of whom IDi claims: a user of another name has to fit it, too. */
START_TEST(radius_does_not_let_another_in)
{
	struct duo d = begin((struct words){ .method = IKE_EAP_METHOD_RADIUS });

	radius_rejects = false;
	d.sun->engine->host.radius = host_radius;
	password(d.moon, MOON, "of the moon");
	expect_refusal(&d, "proved by EAP to be 'carol@radius'");
	duo_end(&d);
}
END_TEST

START_TEST(radius_rejects_somebody)
{
	struct duo d = begin((struct words){ IKE_EAP_METHOD_RADIUS, "carol", true, false });

	radius_rejects = true;
	d.sun->engine->host.radius = host_radius;
	password(d.moon, "carol", "of carol");
	expect_refusal(&d, "RADIUS server refuses 'carol'");
	duo_end(&d);
}
END_TEST

/* The attempt ends while the server is asked. */
static bool silent_radius(void *context, const struct ike_radius_request *what, uint64_t ticket)
{
	(void)context;
	(void)what;
	(void)ticket;
	return true;
}

START_TEST(radius_never_answers)
{
	struct duo d = begin((struct words){ IKE_EAP_METHOD_RADIUS, "carol", true, false });

	d.sun->engine->host.radius = silent_radius;
	password(d.moon, "carol", "of carol");
	expect_refusal(&d, "carol");
	duo_end(&d);
}
END_TEST

TCase *eap_tests(void)
{
	static const int passwords[] = { IKE_EAP_METHOD_MD5, IKE_EAP_METHOD_MSCHAPV2 };
	TCase *t = tcase_create("eap");

	tcase_set_timeout(t, 120);
	for (size_t i = 0; i < 2; i++) {
		int from = passwords[i], to = from + 1;

		tcase_add_loop_test(t, a_password_proves_the_identity_of_ike, from, to);
		tcase_add_loop_test(t, a_password_proves_the_name_that_was_asked_for, from, to);
		tcase_add_loop_test(t, a_wrong_password_is_refused, from, to);
		tcase_add_loop_test(t, a_name_without_password_is_refused, from, to);
		tcase_add_loop_test(t, passwords_are_not_enough_for_both, from, to);
		tcase_add_loop_test(t, a_gateway_that_proves_nothing_gets_no_password, from, to);
	}
	tcase_add_test(t, another_method_is_refused);
	tcase_add_loop_test(t, tls_proves, 0, 4);
	tcase_add_test(t, tls_does_not_prove_another);
	tcase_add_loop_test(t, tls_alone_proves_what_the_definition_wants, 0, 2);
	tcase_add_test(t, radius_lets_in);
	tcase_add_test(t, radius_does_not_let_another_in);
	tcase_add_test(t, radius_rejects_somebody);
	tcase_add_test(t, radius_never_answers);
	return t;
}
