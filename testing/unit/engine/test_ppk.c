/* Post-quantum preshared keys (RFC 8784): who has which, who demands one, and what comes of it. */
#include "libike/wire/message.h"
#include "testing/unit/engine/duo.h"

enum has {
	NOTHING,
	OURS,      /* the PPK "ppk-1" */
	DIFFERENT, /* one of that name that is another */
	OTHER,     /* one of another name */
};

struct side {
	const char *id; /* ppk_id */
	enum has has;
	bool required;
};

enum outcome { WITH, WITHOUT, INITIATOR_REFUSES, RESPONDER_REFUSES };

#define ID "ppk-1"
#define YES true
#define NO false

static const struct {
	struct side initiator, responder;
	enum outcome outcome;
	const char *says; /* who refuses, or goes without */
} cases[] = {
	/* Nobody talks about it. */
	{ { NULL, NOTHING, NO }, { NULL, NOTHING, NO }, WITHOUT, NULL },
	{ { NULL, OURS, NO }, { ID, OURS, NO }, WITHOUT, NULL },
	/* Both have it: it is used, whoever demands it. */
	{ { ID, OURS, NO }, { ID, OURS, NO }, WITH, "using the PPK" },
	{ { ID, OURS, YES }, { ID, OURS, NO }, WITH, "using the PPK" },
	{ { ID, OURS, NO }, { ID, OURS, YES }, WITH, "using the PPK" },
	{ { ID, OURS, YES }, { ID, OURS, YES }, WITH, "using the PPK" },
	/* The responder's definition need not name it; it may say which ones it takes. */
	{ { ID, OURS, NO }, { NULL, OURS, NO }, WITH, NULL },
	{ { ID, OURS, NO }, { NULL, OURS, YES }, WITH, NULL },
	{ { ID, OURS, YES }, { "*", OURS, YES }, WITH, NULL },
	{ { ID, OURS, NO }, { "ppk-2", OURS, NO }, WITHOUT, "names is not ours" },
	{ { ID, OURS, NO }, { "ppk-2", OURS, YES }, RESPONDER_REFUSES, "have none that the peer" },
	{ { ID, OURS, YES }, { "ppk-2", OURS, NO }, RESPONDER_REFUSES, "peer demands a PPK" },
	/* The initiator has none. */
	{ { ID, NOTHING, NO }, { ID, OURS, NO }, WITHOUT, "ppk_required = no" },
	{ { ID, OTHER, NO }, { ID, OURS, NO }, WITHOUT, "ppk_required = no" },
	{ { ID, NOTHING, YES }, { ID, OURS, NO }, INITIATOR_REFUSES, "none is loaded for 'ppk-1'" },
	{ { NULL, OURS, YES }, { ID, OURS, NO }, INITIATOR_REFUSES, "names none in ppk_id" },
	{ { "*", OURS, YES }, { ID, OURS, NO }, INITIATOR_REFUSES, "none is loaded for" },
	{ { NULL, NOTHING, NO }, { ID, OURS, YES }, RESPONDER_REFUSES, "peer uses no PPK" },
	{ { ID, NOTHING, NO }, { ID, OURS, YES }, RESPONDER_REFUSES, "peer uses no PPK" },
	/* The responder has none at all: it does not say USE_PPK. */
	{ { ID, OURS, NO }, { ID, NOTHING, NO }, WITHOUT, NULL },
	{ { ID, OURS, YES }, { ID, NOTHING, NO }, INITIATOR_REFUSES, "the peer uses none" },
	{ { ID, OURS, NO }, { ID, NOTHING, YES }, RESPONDER_REFUSES, "peer uses no PPK" },
	{ { ID, OURS, YES }, { ID, NOTHING, YES }, INITIATOR_REFUSES, "the peer uses none" },
	/* The responder has another one: NO_PPK_AUTH decides. */
	{ { ID, OURS, NO }, { NULL, OTHER, NO }, WITHOUT, "names is not ours" },
	{ { ID, OURS, NO }, { NULL, OTHER, YES }, RESPONDER_REFUSES, "have none that the peer" },
	{ { ID, OURS, YES }, { NULL, OTHER, NO }, RESPONDER_REFUSES, "peer demands a PPK" },
	{ { ID, OURS, YES }, { NULL, OTHER, YES }, RESPONDER_REFUSES, "have none that the peer" },
	/* The same name, and not the same key: AUTH is wrong, and nobody falls back. */
	{ { ID, OURS, NO }, { ID, DIFFERENT, NO }, RESPONDER_REFUSES, "differs from the peer's" },
	{ { ID, OURS, YES }, { ID, DIFFERENT, NO }, RESPONDER_REFUSES, "differs from the peer's" },
	{ { ID, DIFFERENT, NO }, { ID, OURS, YES }, RESPONDER_REFUSES, "differs from the peer's" },
	/* Ids of every kind. */
	{ { "moon@example.org", OURS, YES }, { "*@example.org", OURS, YES }, WITH, NULL },
	{ { "@#0a0b0c", OURS, YES }, { "@#0a0b0c", OURS, YES }, WITH, NULL },
	{ { "ppk.example.org", OURS, YES }, { NULL, OURS, NO }, WITH, NULL },
};

#define CASES ((int)(sizeof(cases) / sizeof(cases[0])))

static void apply(struct sim_definition *d, const struct side *side)
{
	d->ppk_id = side->id;
	d->ppk_required = side->required;
}

static void load(struct sim_node *n, const struct side *side, const char *id)
{
	if (side->has == OURS || side->has == DIFFERENT)
		sim_node_ppk(
			n, side->has == OURS ? "a key that no computer finds" : "not that one", id);
	else if (side->has == OTHER)
		sim_node_ppk(n, "of somebody else", "ppk-3");
}

static const struct ike_sa *sa_of(const struct sim_node *n)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);

	ck_assert_ptr_nonnull(sa);
	return sa;
}

static void start(struct duo *d, int i)
{
	const char *id = cases[i].initiator.id;

	if (!id || strcmp(id, "*") == 0)
		id = ID;
	apply(&d->sun_side, &cases[i].initiator);
	apply(&d->moon_side, &cases[i].responder);
	duo_start(d);
	load(d->sun, &cases[i].initiator, id);
	load(d->moon, &cases[i].responder, id);
}

START_TEST(each_case_of_the_rfcs_tables)
{
	struct duo d = duo_begin(false);
	enum outcome outcome = cases[_i].outcome;
	const struct sim_command *command;

	start(&d, _i);
	if (outcome == WITH || outcome == WITHOUT) {
		duo_up(&d, d.sun, "net");
		ck_assert_uint_eq(sa_of(d.moon)->ppk, outcome == WITH);
		ck_assert_uint_eq(sa_of(d.sun)->ppk, outcome == WITH);
		if (cases[_i].says)
			ck_assert(sim_node_logged(d.sun, cases[_i].says) ||
				  sim_node_logged(d.moon, cases[_i].says));
		duo_down(&d, d.moon);
		duo_end(&d);
		return;
	}
	command = duo_initiate(&d, d.sun, "net");
	ck_assert(!command->done);
	ck_assert(sim_node_logged(outcome == INITIATOR_REFUSES ? d.sun : d.moon, cases[_i].says));
	if (outcome == RESPONDER_REFUSES) /* the peer hears no more than that */
		ck_assert_ptr_nonnull(strstr(command->text, "AUTHENTICATION_FAILED"));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

/* It goes on into what is made of the IKE SA, with other key exchanges besides. */
START_TEST(it_stays_through_rekeying)
{
	struct duo d = duo_begin(false);
	struct ike_rekey child = { .child = "net" }, ike = { .ike = "moon" };
	struct why why;

	d.sun_side.proposals = d.moon_side.proposals =
		_i ? "aes128-sha256-x25519-ke1_ecp256" : "aes128-aesxcbc-x25519";
	start(&d, 5);
	duo_up(&d, d.sun, "net");
	ck_assert(sim_node_rekey(d.sun, &child, &why));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(20));
	ck_assert(sim_node_rekey(d.sun, &ike, &why));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(20));
	duo_up(&d, d.moon, "net");
	ck_assert(sa_of(d.moon)->ppk);
	ck_assert(sa_of(d.sun)->ppk);
	duo_end(&d);
}
END_TEST

struct loss {
	unsigned seen, lost; /* counted from 1 */
};

static bool lose(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct loss *loss = context;

	(void)w;
	(void)flight;
	return ++loss->seen != loss->lost;
}

START_TEST(any_datagram_may_be_lost)
{
	struct duo d = duo_begin(_i & 8);
	struct loss loss = { .lost = (unsigned)_i % 4 + 1 };

	start(&d, _i & 4 ? 2 : 24); /* with, without */
	d.world->filter = lose;
	d.world->filter_context = &loss;
	if (_i & 4)
		duo_up(&d, d.sun, "net");
	else
		ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	duo_end(&d);
}
END_TEST

TCase *ppk_tests(void)
{
	TCase *tests = tcase_create("PPK");

	tcase_add_loop_test(tests, each_case_of_the_rfcs_tables, 0, CASES);
	tcase_add_loop_test(tests, it_stays_through_rekeying, 0, 2);
	tcase_add_loop_test(tests, any_datagram_may_be_lost, 0, 16);
	return tests;
}
