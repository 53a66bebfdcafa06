/* EAP inside IKE_AUTH: its exchanges, who is proved by it, and who tries to do without. */
#include "libike/eap/eap.h"
#include "libike/wire/build.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

#include <stdlib.h>

#define MOON "moon.example.org"
#define SUN "sun.example.org"
#define PASSWORD "of moon alone"

/* Moon is the client, sun the server. */
struct bed {
	struct duo d;
	uint8_t method;
	uint8_t sun_class;  /* how sun proves itself */
	const char *user;   /* moon's local eap_id; NULL: none */
	const char *wanted; /* sun's remote eap_id; NULL: none */
	unsigned rounds;    /* of moon: the others are by certificate, before EAP or behind it */
	bool eap_first;
};

static void set_eap(struct ike_auth_round *round, uint8_t method, const char *eap_id)
{
	struct why why;

	round->class = IKE_AUTH_CLASS_EAP;
	round->eap_method = method;
	if (eap_id)
		round->eap_id = ike_identity_parse(eap_id, &why);
}

static void set_rounds(const struct bed *b, struct ike_auth_rounds *rounds, const char *eap_id)
{
	size_t eap = b->eap_first ? 0 : b->rounds - 1;

	rounds->items[0].class = IKE_AUTH_CLASS_PUBKEY;
	while (rounds->count < b->rounds)
		ck_assert(ike_auth_rounds_add(
			rounds, IKE_AUTH_CLASS_PUBKEY, ike_identity_hold(rounds->items[0].id)));
	set_eap(&rounds->items[eap], b->method, eap_id);
}

static void adjust_moon(void *context, struct ike_connection *c)
{
	const struct bed *b = context;

	set_rounds(b, &c->local, b->user);
	c->remote.items[0].class = b->sun_class;
}

static void adjust_sun(void *context, struct ike_connection *c)
{
	const struct bed *b = context;

	set_rounds(b, &c->remote, b->wanted);
	c->local.items[0].class = b->sun_class;
	if (b->sun_class == IKE_AUTH_CLASS_EAP)
		c->local.items[0].eap_method = b->method;
}

static struct bed bed_begin(void)
{
	return (struct bed){ .d = duo_begin(false),
		.method = IKE_EAP_METHOD_MSCHAPV2,
		.sun_class = IKE_AUTH_CLASS_PUBKEY,
		.rounds = 1 };
}

static void start(struct bed *b)
{
	static const char *const moon[] = { MOON, NULL }, *const alice[] = { "alice", NULL };

	b->d.moon_side.adjust = adjust_moon;
	b->d.sun_side.adjust = adjust_sun;
	b->d.moon_side.adjust_context = b->d.sun_side.adjust_context = b;
	b->d.moon_side.no_fragmentation = b->d.sun_side.no_fragmentation = true;
	duo_start(&b->d);
	sim_node_certify(b->d.moon, MOON);
	sim_node_certify(b->d.sun, SUN);
	for (unsigned i = 0; i < 2; i++) {
		sim_node_eap(i ? b->d.sun : b->d.moon, PASSWORD, moon);
		sim_node_eap(i ? b->d.sun : b->d.moon, "of alice alone", alice);
	}
}

static void refused(struct bed *b, const char *text)
{
	const struct sim_command *command = duo_initiate(&b->d, b->d.moon, "net");

	ck_assert(!command->done);
	ck_assert_msg(sim_node_logged(b->d.sun, text) || sim_node_logged(b->d.moon, text), "%s",
		command->text);
	ck_assert_uint_eq(duo_ike_sas(b->d.moon), 0);
	ck_assert_uint_eq(duo_ike_sas(b->d.sun), 0);
	ck_assert_uint_eq(duo_children(b->d.sun), 0);
	duo_end(&b->d);
}

static const uint8_t methods[] = { IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_MD5 };

START_TEST(eap_proves_who_it_is)
{
	struct bed b = bed_begin();
	char id[IKE_IDENTITY_TEXT_MAX];

	b.method = methods[_i & 1];
	if (_i & 2)
		b.sun_class = IKE_AUTH_CLASS_PSK;
	if (_i & 4) {
		b.user = "alice";
		b.wanted = "%any";
	}
	start(&b);
	duo_up(&b.d, b.d.moon, "net");
	const struct ike_sa *sa = ike_engine_sa_next(b.d.sun->engine, NULL);
	ck_assert_ptr_nonnull(sa->remote_eap_id);
	ck_assert_str_eq(ike_identity_format(sa->remote_eap_id, id), _i & 4 ? "alice" : MOON);
	ck_assert_str_eq(ike_identity_format(sa->remote_id, id), MOON);
	duo_down(&b.d, b.d.sun);
	duo_end(&b.d);
}
END_TEST

START_TEST(eap_is_one_round_of_several)
{
	struct bed b = bed_begin();

	b.rounds = 2 + (unsigned)(_i >> 1);
	b.eap_first = _i & 1;
	start(&b);
	duo_up(&b.d, b.d.moon, "net");
	duo_down(&b.d, b.d.moon);
	duo_end(&b.d);
}
END_TEST

START_TEST(a_wrong_password_is_refused)
{
	static const char *const moon[] = { MOON, NULL };
	struct bed b = bed_begin();

	b.method = methods[_i];
	start(&b);
	sim_node_eap(b.d.moon, "of nobody", moon);
	refused(&b, "EAP");
}
END_TEST

START_TEST(who_proves_to_be_somebody_else_than_it_says_is_refused)
{
	struct bed b = bed_begin();

	b.user = "alice"; /* whose password is right; IDi says moon, and nobody asks for a name */
	if (_i)
		b.wanted = MOON;
	start(&b);
	refused(&b, "EAP");
}
END_TEST

START_TEST(eap_alone_has_to_prove_both)
{
	struct bed b = bed_begin();

	b.sun_class = IKE_AUTH_CLASS_EAP;
	start(&b);
	refused(&b, "RFC 5998");
}
END_TEST

/* ---- Messages that have no place ---- */

struct forger {
	struct bed *b;
	struct sim_node *from;
	uint32_t message_id;
	unsigned what;
	unsigned forged;
};

enum { FORGE_SUCCESS, FORGE_AUTH, FORGE_EMPTY, FORGE_NOTIFY, FORGE_TYPE, FORGERIES };

static void eap(struct ike_builder *b, uint8_t code, uint8_t identifier)
{
	const uint8_t packet[] = { code, identifier, 0, 4 };

	ike_build_eap(b, bytes_of(packet, sizeof(packet)));
}

static bool forge(void *context, struct sim_world *w, struct sim_flight *flight)
{
	static const uint8_t zeros[32] = { 0 };
	static const uint8_t odd[] = { 2, 1, 0, 6, 99, 0 };
	struct forger *f = context;
	struct sim_inner inner;
	struct ike_builder b;

	if (flight->from != f->from->index || flight->data[18] != IKE_EXCHANGE_AUTH ||
		!sim_flight_open(w, flight, &inner) || inner.header.message_id != f->message_id)
		return true;
	ike_builder_begin(&b, inner.chain, sizeof(inner.chain));
	switch (f->what) {
	case FORGE_SUCCESS:
		eap(&b, 3, 1);
		break;
	case FORGE_AUTH:
		ike_build_auth(&b, IKE_AUTH_SHARED_KEY, bytes_of(zeros, sizeof(zeros)));
		break;
	case FORGE_NOTIFY:
		ike_build_notify(&b, IKE_NOTIFY_INITIAL_CONTACT, (struct bytes){ 0 });
		break;
	case FORGE_TYPE:
		ike_build_eap(&b, bytes_of(odd, sizeof(odd)));
		break;
	default:
		break;
	}
	inner.first = b.first;
	inner.length = b.writer.length;
	f->forged++;
	return sim_flight_seal(w, flight, &inner);
}

START_TEST(nobody_gets_in_by_messages_out_of_place)
{
	struct bed b = bed_begin();
	struct forger f = { .b = &b, .what = (unsigned)_i % FORGERIES };

	f.message_id = 2 + (uint32_t)_i / FORGERIES % 4;
	f.from = _i / FORGERIES / 4 ? b.d.sun : b.d.moon;
	b.d.world->filter = forge;
	b.d.world->filter_context = &f;
	start(&b);
	const struct sim_command *command = duo_initiate(&b.d, b.d.moon, "net");
	ck_assert_uint_ge(f.forged, f.message_id < 5 ? 1 : 0);
	ck_assert(!command->done || !f.forged);
	if (f.forged && f.from == b.d.sun && f.message_id == 5) {
		/* Sun has let moon in, and hears that moon did not take it. */
		sim_world_settle(b.d.world, b.d.world->now + IKE_SECONDS(600));
	}
	ck_assert_uint_eq(duo_ike_sas(b.d.moon), command->done ? 1 : 0);
	if (command->done)
		duo_down(&b.d, b.d.moon);
	duo_end(&b.d);
}
END_TEST

/* A request of another exchange in the middle of it. */
static bool other_exchange(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct forger *f = context;
	struct sim_inner inner;

	if (f->forged || flight->from != f->from->index || flight->data[18] != IKE_EXCHANGE_AUTH ||
		!sim_flight_open(w, flight, &inner) || inner.header.message_id != f->message_id)
		return true;
	f->forged++;
	inner.header.exchange = (uint8_t)f->what;
	inner.first = IKE_PAYLOAD_NONE;
	inner.length = 0;
	return sim_flight_seal(w, flight, &inner);
}

START_TEST(requests_before_all_is_proved_are_ignored)
{
	static const uint8_t exchanges[] = { IKE_EXCHANGE_CREATE_CHILD_SA,
		IKE_EXCHANGE_INFORMATIONAL };
	struct bed b = bed_begin();
	struct forger f = { .b = &b, .from = b.d.moon, .message_id = 2, .what = exchanges[_i] };

	b.d.world->filter = other_exchange;
	b.d.world->filter_context = &f;
	start(&b);
	duo_up(&b.d, b.d.moon, "net"); /* moon sends its own once more */
	ck_assert_uint_eq(f.forged, 1);
	ck_assert(sim_node_logged(b.d.sun, "not expected now"));
	duo_down(&b.d, b.d.moon);
	duo_end(&b.d);
}
END_TEST

TCase *eap_auth_tests(void)
{
	TCase *tests = tcase_create("eap");

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, eap_proves_who_it_is, 0, 8);
	tcase_add_loop_test(tests, eap_is_one_round_of_several, 0, 4);
	tcase_add_loop_test(tests, a_wrong_password_is_refused, 0, 2);
	tcase_add_loop_test(tests, who_proves_to_be_somebody_else_than_it_says_is_refused, 0, 2);
	tcase_add_test(tests, eap_alone_has_to_prove_both);
	tcase_add_loop_test(tests, nobody_gets_in_by_messages_out_of_place, 0, 2 * 4 * FORGERIES);
	tcase_add_loop_test(tests, requests_before_all_is_proved_are_ignored, 0, 2);
	return tests;
}
