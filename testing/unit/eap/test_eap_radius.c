/* A RADIUS server as the server's method: the test is the server, and passes packets on to an EAP
 * server of its own. */
#include "testing/unit/eap/pair.h"

#include <stdio.h>
#include <stdlib.h>

struct radius {
	struct side backend; /* it knows the passwords */
	struct ike_radius_answer answer;
	uint64_t ticket;
	uint8_t packet[IKE_EAP_PACKET_MAX];
	size_t packet_length;
	uint64_t session, forgotten;
	unsigned asked;
	char user[256];
};

static struct radius *radius;

static bool ask(void *context, const struct ike_radius_request *what, uint64_t ticket)
{
	(void)context;
	radius->ticket = ticket;
	radius->session = what->session;
	radius->asked++;
	snprintf(radius->user, sizeof(radius->user), "%s", what->user);
	radius->packet_length = what->eap.length;
	bytes_copy(radius->packet, what->eap);
	return true;
}

static void forget(void *context, uint64_t session)
{
	(void)context;
	radius->forgotten = session;
}

/* The method of the backend begins at the identity. */
static void backend_moves(struct side *b)
{
	if (b->eap) {
		side_packet(b, bytes_of(radius->packet, radius->packet_length));
		return;
	}
	b->sa.remote_id =
		ike_eap_identity_of(bytes_of(radius->packet + 5, radius->packet_length - 5));
	b->eap = ike_eap_server_new(b->engine, &b->sa, &b->round);
	b->out = writer_of(b->room, sizeof(b->room));
	b->result = ike_eap_begin(b->eap, &b->out, &b->failure);
}

static void serve(struct pair *p, struct side *waits)
{
	struct side *b = &radius->backend;
	struct ike_radius_answer *a = &radius->answer;
	uint64_t ticket = radius->ticket;

	ck_assert_ptr_eq(waits, &p->server);
	if (a->result == IKE_RADIUS_CHALLENGE) {
		backend_moves(b);
		a->result = b->result == IKE_EAP_SEND   ? IKE_RADIUS_CHALLENGE
			    : b->result == IKE_EAP_DONE ? IKE_RADIUS_ACCEPT
							: IKE_RADIUS_REJECT;
		a->eap = writer_bytes(&b->out);
		a->msk = a->result == IKE_RADIUS_ACCEPT ? ike_eap_msk(b->eap) : (struct bytes){ 0 };
	}
	ike_engine_radius_answered(waits->engine, 0, 4711, a); /* nobody's */
	ike_engine_radius_answered(waits->engine, 0, ticket, a);
	ike_engine_radius_answered(waits->engine, 0, ticket, a); /* once more */
}

static struct pair *radius_pair(void)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_RADIUS, IKE_EAP_METHOD_ANY);
	struct pair *q = pair_new(IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_ANY);

	radius = calloc(1, sizeof(*radius));
	/* Half of a pair is the backend. */
	radius->backend = q->server;
	q->server = (struct side){ 0 };
	pair_free(q);
	ike_identity_free(radius->backend.sa.remote_id);
	radius->backend.sa.remote_id = NULL;
	p->server.engine->host.radius = ask;
	p->server.engine->host.radius_forget = forget;
	p->serve = serve;
	side_secret(&radius->backend, IKE_SHARED_EAP, "carol@example.org", "secret of carol");
	side_secret(&p->client, IKE_SHARED_EAP, "carol@example.org", "secret of carol");
	return p;
}

static void radius_pair_free(struct pair *p)
{
	struct pair *q = calloc(1, sizeof(*q));

	ike_radius_session_free(p->server.sa.radius);
	pair_free(p);
	if (radius->asked)
		ck_assert_uint_eq(radius->forgotten, radius->session);
	q->server = radius->backend;
	pair_free(q);
	free(radius);
}

START_TEST(accepted)
{
	struct pair *p = radius_pair();
	static const uint8_t class[] = "clients";

	radius->answer.class = bytes_of(class, 7);
	radius->answer.session_timeout = 3600;
	pair_run(p);
	pair_expect_success(p, "carol@example.org");
	ck_assert_str_eq(radius->user, "carol@example.org");
	ck_assert_ptr_nonnull(p->server.sa.radius);
	ck_assert_str_eq(p->server.sa.radius->user, "carol@example.org");
	ck_assert_uint_eq(p->server.sa.radius->session, radius->session);
	ck_assert_uint_eq(p->server.sa.radius->session_timeout, 3600);
	ck_assert(bytes_equal(p->server.sa.radius->class, bytes_of(class, 7)));
	radius_pair_free(p);
}
END_TEST

/* The server's name for the user is the one that counts. */
START_TEST(accepted_as_another)
{
	struct pair *p = radius_pair();

	p->server.round.eap_id = ike_identity_parse("%any", NULL);
	radius->answer.user = "carol";
	pair_run(p);
	pair_expect_success(p, "carol");
	radius_pair_free(p);
}
END_TEST

START_TEST(rejected)
{
	struct pair *p = radius_pair();

	side_secret(&p->client, IKE_SHARED_EAP, "carol@example.org", "another");
	pair_run(p);
	side_expect_failure(
		&p->server, IKE_REASON_EAP, "RADIUS server refuses 'carol@example.org'");
	ck_assert_ptr_null(p->server.sa.radius);
	radius_pair_free(p);
}
END_TEST

START_TEST(unreachable)
{
	struct pair *p = radius_pair();

	radius->answer.result = IKE_RADIUS_UNREACHABLE;
	radius->answer.error = "no answer from 192.0.2.7 and 192.0.2.8";
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_EAP, "no answer from 192.0.2.7");
	radius_pair_free(p);
}
END_TEST

START_TEST(not_configured)
{
	struct pair *p = radius_pair();

	p->server.engine->host.radius = NULL;
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_UNSUPPORTED, "no RADIUS server is configured");
	radius_pair_free(p);
}
END_TEST

START_TEST(wrong_group)
{
	struct pair *p = radius_pair();
	static char admins[] = "admins", *groups[] = { admins };

	p->server.round.groups = groups;
	p->server.round.group_count = 1;
	radius->answer.class = bytes_of_text("clients");
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_POLICY, "in none of the groups");
	ck_assert_ptr_null(ike_eap_identity(p->server.eap));
	radius_pair_free(p);
}
END_TEST

START_TEST(right_group)
{
	struct pair *p = radius_pair();
	static char clients[] = "clients", *groups[] = { clients };

	p->server.round.groups = groups;
	p->server.round.group_count = 1;
	radius->answer.class = bytes_of_text("clients");
	pair_run(p);
	pair_expect_success(p, "carol@example.org");
	radius_pair_free(p);
}
END_TEST

/* A server that breaks EAP. */
static void wrong_challenge(struct pair *p, struct side *waits)
{
	static const uint8_t packets[][6] = {
		{ 2, 1, 0, 5, 1 },
		{ 3, 1, 0, 4 },
		{ 1, 1, 0, 9, 1, 0 },
		{ 1 },
	};
	static const size_t lengths[] = { 5, 4, 6, 0 };
	struct ike_radius_answer a = { .result = IKE_RADIUS_CHALLENGE };
	size_t i = radius->packet[1] % 4u;

	(void)p;
	a.eap = bytes_of(packets[i], lengths[i]);
	ike_engine_radius_answered(waits->engine, 0, radius->ticket, &a);
}

START_TEST(challenge_is_no_request)
{
	struct pair *p = radius_pair();

	p->serve = wrong_challenge;
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_EAP, "no EAP request in it");
	radius_pair_free(p);
}
END_TEST

/* The conversation ends while the server is asked: its answer finds nobody. */
START_TEST(answer_too_late)
{
	struct pair *p = radius_pair();
	struct side *s = &p->server;
	struct writer w = writer_of(s->room, sizeof(s->room));

	s->eap = ike_eap_server_new(s->engine, &s->sa, &s->round);
	ck_assert_int_eq(ike_eap_begin(s->eap, &w, &s->failure), IKE_EAP_WAIT);
	ck_assert_int_eq(ike_eap_resume(s->eap, &w, &s->failure), IKE_EAP_WAIT);
	ike_eap_free(s->eap);
	s->eap = NULL;
	radius->answer.result = IKE_RADIUS_ACCEPT;
	ike_engine_radius_answered(s->engine, 0, radius->ticket, &radius->answer);
	radius_pair_free(p);
}
END_TEST

TCase *eap_radius_tests(void)
{
	TCase *t = tcase_create("eap radius");

	tcase_add_test(t, accepted);
	tcase_add_test(t, accepted_as_another);
	tcase_add_test(t, rejected);
	tcase_add_test(t, unreachable);
	tcase_add_test(t, not_configured);
	tcase_add_test(t, wrong_group);
	tcase_add_test(t, right_group);
	tcase_add_loop_test(t, challenge_is_no_request, 0, 4);
	tcase_add_test(t, answer_too_late);
	return t;
}
