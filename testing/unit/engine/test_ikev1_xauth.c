/* XAuth: users with passwords after phase 1, both roles, all that checks passwords, and what goes
 * wrong. Moon is the client, sun the gateway. */
#include "libike/eap/eap_priv.h"
#include "testing/unit/engine/duo.h"

#include <stdlib.h>

#define PASSWORD "of carol alone"
#define DELAY 300 /* milliseconds that RADIUS and PAM take */

struct bed {
	struct duo d;
	const char *user;   /* moon's xauth_id; NULL: none */
	unsigned rounds;    /* of XAuth, one behind the other */
	uint8_t xauth;      /* enum ike_xauth; of sun */
	const char *group;  /* of RADIUS, that sun wants; or NULL */
	bool sun_initiates; /* the gateway does */
	bool radius_rejects;
	const char *pam_error; /* NULL: right */
	unsigned asked;        /* of RADIUS or PAM */
	const char *moon_cure; /* words of advice on a refusal; NULL: any */
	const char *sun_cure;
};

static void add_rounds(const struct bed *b, struct ike_auth_rounds *rounds, bool client)
{
	struct why why;

	for (unsigned i = 0; i < b->rounds; i++) {
		ck_assert(ike_auth_rounds_add(rounds, IKE_AUTH_CLASS_XAUTH, NULL));
		struct ike_auth_round *round = &rounds->items[rounds->count - 1];

		if (client && b->user)
			round->xauth_id = ike_identity_parse(b->user, &why);
		if (client)
			continue;
		round->xauth = b->xauth;
		round->eap_method = b->xauth == IKE_XAUTH_EAP ? IKE_EAP_METHOD_RADIUS : 0;
		if (b->group) {
			round->groups = calloc(1, sizeof(*round->groups));
			round->groups[round->group_count++] = strdup(b->group);
		}
	}
}

static void adjust_moon(void *context, struct ike_connection *c)
{
	add_rounds(context, &c->local, true);
}

static void adjust_sun(void *context, struct ike_connection *c)
{
	add_rounds(context, &c->remote, false);
}

static struct bed bed_begin(void)
{
	return (struct bed){ .d = duo_begin_ikev1(false), .user = "carol", .rounds = 1 };
}

static void knows(struct bed *b, struct sim_node *n, const char *password, const char *user)
{
	const char *const owners[] = { user, NULL };

	sim_node_eap(n, password, owners);
	sim_secret_add(b->d.world, bytes_of_text(password), true);
}

static void start(struct bed *b)
{
	b->d.moon_side.adjust = adjust_moon;
	b->d.sun_side.adjust = adjust_sun;
	b->d.moon_side.adjust_context = b->d.sun_side.adjust_context = b;
	duo_start(&b->d);
	knows(b, b->d.moon, PASSWORD, "carol");
	if (b->xauth == IKE_XAUTH_GENERIC)
		knows(b, b->d.sun, PASSWORD, "carol");
}

static void is_up(struct bed *b, const char *user)
{
	char id[IKE_IDENTITY_TEXT_MAX];

	ck_assert_ptr_nonnull(duo_sa(b->d.sun)->remote_eap_id);
	ck_assert_str_eq(ike_identity_format(duo_sa(b->d.sun)->remote_eap_id, id), user);
	ck_assert_ptr_null(duo_sa(b->d.moon)->remote_eap_id);
	ck_assert_uint_eq(duo_ike_sas(b->d.sun), 1);
	duo_down(&b->d, b->d.moon);
	duo_end(&b->d);
}

static void comes_up(struct bed *b, const char *user)
{
	duo_up(&b->d, b->sun_initiates ? b->d.sun : b->d.moon, "net");
	is_up(b, user);
}

static enum ike_reason reason_at(struct bed *b, struct sim_node *n)
{
	const struct ike_failure_record *r = ike_engine_failure(n->engine, duo_name(&b->d, n), 0);

	return r ? r->failure.reason : IKE_REASON_NONE;
}

/* Both ends say why, and nothing is left. */
static void is_refused(struct bed *b, enum ike_reason moon, enum ike_reason sun, const char *text)
{
	const struct sim_command *command =
		duo_initiate(&b->d, b->sun_initiates ? b->d.sun : b->d.moon, "net");

	ck_assert(!command->done);
	ck_assert_str_eq(ike_reason_name(reason_at(b, b->d.moon)), ike_reason_name(moon));
	ck_assert_str_eq(ike_reason_name(reason_at(b, b->d.sun)), ike_reason_name(sun));
	duo_explains(
		b->d.moon, duo_name(&b->d, b->d.moon), moon, "", b->moon_cure ? b->moon_cure : "");
	duo_explains(b->d.sun, duo_name(&b->d, b->d.sun), sun, "", b->sun_cure ? b->sun_cure : "");
	ck_assert_msg(sim_node_logged(b->d.sun, text) || sim_node_logged(b->d.moon, text), "%s",
		command->text);
	ck_assert_uint_eq(duo_ike_sas(b->d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(b->d.sun), 0);
	ck_assert_int_eq(b->d.sun->ike_up, 0);
	duo_end(&b->d);
}

/* ---- Our own secrets ---- */

START_TEST(a_user_proves_himself)
{
	struct bed b = bed_begin();

	if (_i & 1)
		b.d.moon_side.aggressive = b.d.sun_side.aggressive = true;
	b.sun_initiates = _i & 2;
	start(&b);
	comes_up(&b, "carol");
}
END_TEST

START_TEST(the_identity_is_the_user_without_xauth_id)
{
	struct bed b = bed_begin();

	b.user = NULL;
	start(&b);
	knows(&b, b.d.moon, "of the moon", "moon.example.org");
	knows(&b, b.d.sun, "of the moon", "moon.example.org");
	comes_up(&b, "moon.example.org");
}
END_TEST

START_TEST(several_rounds_come_one_after_the_other)
{
	struct bed b = bed_begin();

	b.rounds = 3;
	start(&b);
	comes_up(&b, "carol");
}
END_TEST

START_TEST(a_wrong_password_is_refused)
{
	struct bed b = bed_begin();

	b.moon_cure = b.sun_cure = "compare user and password at both ends";
	start(&b);
	knows(&b, b.d.moon, "of carolina", "carol");
	is_refused(&b, IKE_REASON_AUTH_FAILED, IKE_REASON_AUTH_FAILED,
		"XAuth of 'carol': the password is not the one that we have");
}
END_TEST

START_TEST(a_user_that_nobody_knows_is_refused)
{
	struct bed b = bed_begin();

	b.user = "mallory";
	b.moon_cure = "connections.<name>.local.xauth_id";
	b.sun_cure = "add to secrets a section xauth-moon";
	start(&b);
	knows(&b, b.d.moon, "of mallory", "mallory");
	is_refused(&b, IKE_REASON_AUTH_FAILED, IKE_REASON_NO_SHARED_KEY,
		"no XAuth secret found for 'mallory'");
}
END_TEST

START_TEST(a_client_without_a_password_says_so)
{
	struct bed b = bed_begin();

	b.user = "dave";
	b.moon_cure = "add to secrets a section xauth-sun";
	b.sun_cure = "has no password for its user";
	start(&b);
	is_refused(&b, IKE_REASON_NO_SHARED_KEY, IKE_REASON_REFUSED_BY_PEER,
		"the peer's user cancelled XAuth");
}
END_TEST

START_TEST(messages_that_get_lost_are_said_again)
{
	for (unsigned lost = 0; lost < 4; lost++) {
		struct bed b = bed_begin();

		b.d.world->faults = (struct sim_faults){ .loss = 300, .duplicate = 200 };
		b.d.world->faults_until = IKE_SECONDS(20);
		sim_random_seed(&b.d.world->random, 100 + lost);
		start(&b);
		const struct sim_command *command = duo_initiate(&b.d, b.d.moon, "net");
		/* The last message of Quick Mode may be lost as well. */
		sim_world_run(b.d.world, b.d.world->now + IKE_SECONDS(60));
		ck_assert_msg(command->done, "%u: %s", lost, command->text);
		ck_assert_uint_eq(duo_children(b.d.sun), 1);
		duo_end(&b.d);
	}
}
END_TEST

/* From its number on, everything that way is lost. */
struct cut {
	uint8_t from;
	unsigned after, seen;
};

static bool cut_off(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct cut *c = context;

	(void)w;
	return flight->from != c->from || c->seen++ < c->after;
}

START_TEST(a_peer_that_stays_silent_is_given_up)
{
	/* Moon's name and password; sun's question. */
	struct bed b = bed_begin();
	struct cut c = { .from = _i ? 1 : 0, .after = 3 };

	start(&b);
	b.d.world->filter = cut_off;
	b.d.world->filter_context = &c;
	const struct sim_command *command = duo_initiate(&b.d, b.d.moon, "net");
	ck_assert(!command->done);
	ck_assert_uint_eq(duo_ike_sas(b.d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(b.d.sun), 0);
	ck_assert_int_eq(b.d.sun->ike_up, 0);
	if (_i)
		duo_explains(b.d.moon, "sun", IKE_REASON_PEER_SILENT,
			"did not ask for XAuth within 30 s",
			"compare the sections with auth = xauth in connections.sun");
	duo_end(&b.d);
}
END_TEST

/* ---- RADIUS: EAP-MD5 on behalf of the user ---- */

struct radius_step {
	struct bed *b;
	struct sim_node *node;
	uint8_t identifier;
	bool first;
	bool naked; /* the client wants another method */
};

static void answer_radius(struct sim_world *w, void *context, uint64_t ticket)
{
	const struct radius_step *a = context;
	const uint8_t challenge[] = { 1, (uint8_t)(a->identifier + 1), 0, 10, 4, 4, 1, 2, 3, 4 };
	struct ike_radius_answer answer = { .result = IKE_RADIUS_CHALLENGE,
		.eap = bytes_of(challenge, sizeof(challenge)) };

	(void)w;
	if (!a->first)
		answer = (struct ike_radius_answer){
			.result = a->b->radius_rejects ? IKE_RADIUS_REJECT : IKE_RADIUS_ACCEPT,
			.user = "carol@radius",
			.class = bytes_of_text("laptops"),
			.session_timeout = 7200,
		};
	sim_node_enter(a->node);
	ike_engine_radius_answered(a->node->engine, sim_node_now(a->node), ticket, &answer);
	sim_node_leave(a->node);
}

static struct bed *radius_bed; /* hosts have but the node as context */

static bool host_radius(void *context, const struct ike_radius_request *what, uint64_t ticket)
{
	struct sim_node *n = context;
	struct radius_step *a = calloc(1, sizeof(*a));

	ck_assert_ptr_nonnull(a);
	ck_assert_uint_ge(what->eap.length, 5);
	ck_assert_str_eq(what->user, "carol");
	radius_bed->asked++;
	*a = (struct radius_step){ radius_bed, n, what->eap.at[1], what->eap.at[4] == 1, false };
	sim_world_plan(n->world, n->world->now + DELAY, answer_radius, a, ticket)->owns_context =
		true;
	return true;
}

static void start_radius(struct bed *b)
{
	b->xauth = IKE_XAUTH_EAP;
	radius_bed = b;
	start(b);
	b->d.sun->engine->host.radius = host_radius;
}

START_TEST(radius_lets_in)
{
	struct bed b = bed_begin();

	b.group = _i ? "laptops" : NULL;
	start_radius(&b);
	duo_up(&b.d, b.d.moon, "net");
	ck_assert_uint_eq(b.asked, 2);
	ck_assert_ptr_nonnull(duo_sa(b.d.sun)->radius);
	ck_assert_int_eq(
		duo_sa(b.d.sun)->expires_at, duo_sa(b.d.sun)->established_at + IKE_SECONDS(7200));
	is_up(&b, "carol@radius");
}
END_TEST

START_TEST(radius_refuses)
{
	struct bed b = bed_begin();

	b.radius_rejects = _i == 0;
	b.sun_cure = _i ? "connections.moon.remote.groups"
			: "what it checks with (secrets, RADIUS or PAM)";
	if (_i == 1)
		b.group = "servers";
	start_radius(&b);
	is_refused(&b, IKE_REASON_AUTH_FAILED, _i ? IKE_REASON_POLICY : IKE_REASON_EAP,
		_i ? "in none of the groups" : "RADIUS server refuses 'carol'");
}
END_TEST

START_TEST(a_group_has_the_definition_that_is_for_it)
{
	struct bed b = bed_begin();
	struct why why;

	b.group = "servers";
	start_radius(&b);
	struct sim_definition side = b.d.sun_side;
	b.group = "laptops";
	side.name = "moon-2";
	ck_assert_msg(sim_node_load(b.d.sun, sim_define(&side), &why), "%s", why.text);
	duo_up(&b.d, b.d.moon, "net");
	ck_assert_str_eq(duo_sa(b.d.sun)->connection->name, "moon-2");
	ck_assert_uint_eq(b.asked, 2);
	is_up(&b, "carol@radius");
}
END_TEST

START_TEST(without_radius_nobody_comes)
{
	struct bed b = bed_begin();

	b.xauth = IKE_XAUTH_EAP;
	start(&b);
	is_refused(&b, IKE_REASON_AUTH_FAILED, IKE_REASON_UNSUPPORTED,
		"no RADIUS server is configured");
}
END_TEST

/* ---- The host's users ---- */

static void answer_pam(struct sim_world *w, void *context, uint64_t ticket)
{
	struct sim_node *n = context;

	(void)w;
	sim_node_enter(n);
	ike_engine_password_checked(n->engine, sim_node_now(n), ticket, radius_bed->pam_error);
	sim_node_leave(n);
}

static bool host_check_password(
	void *context, const struct ike_password_check *what, uint64_t ticket)
{
	struct sim_node *n = context;

	ck_assert_str_eq(what->user, "carol");
	ck_assert(bytes_equal(what->password, bytes_of_text(PASSWORD)));
	ck_assert_uint_eq(what->remote.family, AF_INET);
	radius_bed->asked++;
	sim_world_plan(n->world, n->world->now + (ike_time)DELAY, answer_pam, n, ticket);
	return true;
}

static void start_pam(struct bed *b)
{
	b->xauth = IKE_XAUTH_PAM;
	radius_bed = b;
	start(b);
	b->d.sun->engine->host.check_password = host_check_password;
}

START_TEST(pam_lets_in)
{
	struct bed b = bed_begin();

	start_pam(&b);
	comes_up(&b, "carol");
	ck_assert_uint_eq(b.asked, 1);
}
END_TEST

START_TEST(pam_refuses)
{
	struct bed b = bed_begin();

	b.pam_error = "Authentication failure";
	start_pam(&b);
	is_refused(&b, IKE_REASON_AUTH_FAILED, IKE_REASON_AUTH_FAILED,
		"XAuth of 'carol': Authentication failure");
}
END_TEST

/* ---- Peers that do otherwise ---- */

START_TEST(a_client_that_answers_nobody_gets_no_tunnel)
{
	/* The gateway wants XAuth; the client has no round of it, and another method. */
	struct bed b = bed_begin();

	start(&b);
	b.rounds = 0;
	struct ike_connection *c = sim_define(&b.d.moon_side);
	struct why why;
	ck_assert_msg(sim_node_load(b.d.moon, c, &why), "%s", why.text);
	const struct sim_command *command = duo_initiate(&b.d, b.d.moon, "net");
	ck_assert(!command->done);
	ck_assert_uint_eq(duo_ike_sas(b.d.sun), 0);
	duo_end(&b.d);
}
END_TEST

TCase *ikev1_xauth_tests(void)
{
	TCase *t = tcase_create("xauth");

	tcase_add_loop_test(t, a_user_proves_himself, 0, 4);
	tcase_add_test(t, the_identity_is_the_user_without_xauth_id);
	tcase_add_test(t, several_rounds_come_one_after_the_other);
	tcase_add_test(t, a_wrong_password_is_refused);
	tcase_add_test(t, a_user_that_nobody_knows_is_refused);
	tcase_add_test(t, a_client_without_a_password_says_so);
	tcase_add_test(t, messages_that_get_lost_are_said_again);
	tcase_add_loop_test(t, a_peer_that_stays_silent_is_given_up, 0, 2);
	tcase_add_loop_test(t, radius_lets_in, 0, 2);
	tcase_add_loop_test(t, radius_refuses, 0, 2);
	tcase_add_test(t, a_group_has_the_definition_that_is_for_it);
	tcase_add_test(t, without_radius_nobody_comes);
	tcase_add_test(t, pam_lets_in);
	tcase_add_test(t, pam_refuses);
	tcase_add_test(t, a_client_that_answers_nobody_gets_no_tunnel);
	return t;
}
