/* IKEv1's certificates: who looks sees them, chains, revocation, and what has to wait for it. */
#include "libike/sa/sa_priv.h"
#include "libike/wire/isakmp.h"
#include "testing/sim/isakmp_seal.h"
#include "testing/unit/engine/certified.h"

#include <stdlib.h>

#define CRL_URL "http://crl.example.org/ca.crl"
#define CRL "crlDistributionPoints = URI:" CRL_URL "\n"

/* A CA, and each side's certificate: as long as the duo. */
static struct pki_certificate ca, moon, sun;

static struct duo begin(bool aggressive, const char *moons, const char *suns)
{
	struct duo d = certified_begin(aggressive);

	ca = pki_root("/O=test/CN=CA");
	moon = certified_issue(&ca, MOON, "p256", 1, moons);
	sun = certified_issue(&ca, SUN, "p256", 2, suns);
	return d;
}

static void start(struct duo *d)
{
	duo_start(d);
	certified_trust(d->moon, &ca);
	certified_trust(d->sun, &ca);
	certified_own(d->moon, &moon);
	certified_own(d->sun, &sun);
}

static void end(struct duo *d)
{
	duo_end(d);
	pki_free(&ca);
	pki_free(&moon);
	pki_free(&sun);
}

static struct sim_page *serve_crl(struct duo *d, bool revoked)
{
	const struct pki_certificate *list[] = { &moon, &sun, NULL };
	struct sim_page *page = sim_web_page(d->world, CRL_URL);

	page->body =
		pki_crl(&(struct pki_crl_spec){ .issuer = &ca, .revoked = revoked ? list : NULL });
	return page;
}

/* Until that many seconds are over. */
static void pass(struct duo *d, ike_time seconds)
{
	sim_world_run(d->world, d->world->now + IKE_SECONDS(seconds));
}

static void begins(struct duo *d)
{
	struct why why = { "" };

	ck_assert_ptr_nonnull(sim_node_initiate(d->moon, duo_name(d, d->moon), "net", &why));
}

static void are_empty(const struct duo *d)
{
	ck_assert_uint_eq(duo_ike_sas(d->moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d->sun), 0);
}

static void is_refused(struct duo *d, const struct sim_node *by, const char *why)
{
	const struct sim_command *command = duo_initiate(d, d->moon, "net");

	ck_assert(!command->done);
	ck_assert_msg(sim_node_logged(by, why), "%s", command->text);
	are_empty(d);
}

/* ---- For who looks ---- */

static void has_both(const struct sim_node *n, const struct pki_certificate *own,
	const struct pki_certificate *peers)
{
	const struct ike_sa *sa = certified_sa(n);

	ck_assert_ptr_nonnull(sa->local_cert);
	ck_assert(ike_certificate_equal(sa->local_cert, own->c));
	ck_assert(bytes_equal(sa->remote_cert, ike_certificate_der(peers->c)));
}

START_TEST(who_looks_sees_the_certificates_of_both)
{
	struct duo d = begin(_i, "", "");

	start(&d);
	duo_up(&d, d.moon, "net");
	has_both(d.moon, &moon, &sun);
	has_both(d.sun, &sun, &moon);
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

/* The responder's own signature takes its time, and has the message come twice. */
START_TEST(what_was_verified_is_not_verified_again)
{
	struct duo d = begin(_i, "", "");

	start(&d);
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(certified_count(d.sun, "'" MOON "' by signature successful"), 1);
	ck_assert_uint_eq(certified_count(d.moon, "'" SUN "' by signature successful"), 1);
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

/* ---- Chains ---- */

START_TEST(a_ca_in_between_goes_along)
{
	struct duo d = begin(_i, "", "");
	struct pki_certificate between = certified_between(&ca, "/O=test/CN=between");

	pki_free(&moon);
	moon = certified_issue(&between, MOON, "p256", 1, "");
	start(&d);
	certified_trust(d.moon, &between);
	duo_up(&d, d.moon, "net");
	duo_down(&d, d.moon);
	pki_free(&between);
	end(&d);
}
END_TEST

START_TEST(a_ca_in_between_that_nobody_has_is_named)
{
	struct duo d = begin(_i, "", "");
	struct pki_certificate between = certified_between(&ca, "/O=test/CN=between");

	pki_free(&moon);
	moon = certified_issue(&between, MOON, "p256", 1, "");
	start(&d);
	is_refused(&d, d.sun, "CN=between");
	pki_free(&between);
	end(&d);
}
END_TEST

/* ---- Encodings ---- */

static struct sim_isakmp opened;

/* Moon's message 5 has its certificate in another encoding. */
static bool change_encoding(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct sim_node *to = context;
	size_t at = 0;

	if (flight->from == to->index || !sim_isakmp_open(to, flight, &opened))
		return true;
	uint8_t type = opened.header.next_payload;
	while (type != 0 && type != ISAKMP_PAYLOAD_CERT && at + 4 <= opened.length) {
		type = opened.chain[at];
		at += (size_t)opened.chain[at + 2] << 8 | opened.chain[at + 3];
	}
	if (type != ISAKMP_PAYLOAD_CERT || at + 5 > opened.length)
		return true;
	opened.chain[at + 4] = IKE_CERT_PKCS7;
	return sim_isakmp_reseal(w, to, flight, &opened);
}

START_TEST(a_bundle_of_certificates_is_named_in_the_log)
{
	struct duo d = begin(false, "", "");

	start(&d);
	d.world->filter = change_encoding;
	d.world->filter_context = d.sun;
	is_refused(&d, d.sun, "CERT payload with a PKCS#7 bundle (encoding 1)");
	ck_assert(sim_node_logged(d.sun, "peer 'moon.example.org' sent no certificate"));
	end(&d);
}
END_TEST

/* ---- Revocation ---- */

START_TEST(a_revoked_initiator_is_refused)
{
	struct duo d = begin(_i, CRL, "");

	serve_crl(&d, true);
	start(&d);
	is_refused(&d, d.sun, "was revoked on 2025-12-22");
	end(&d);
}
END_TEST

START_TEST(a_revoked_responder_is_refused)
{
	struct duo d = begin(_i, "", CRL);

	serve_crl(&d, true);
	start(&d);
	is_refused(&d, d.moon, "was revoked on 2025-12-22");
	end(&d);
}
END_TEST

START_TEST(a_check_that_takes_long_is_waited_for)
{
	bool aggressive = _i & 1, of_sun = _i & 2;
	struct duo d = begin(aggressive, of_sun ? "" : CRL, of_sun ? CRL : "");
	struct sim_page *page = serve_crl(&d, false);

	(of_sun ? &d.moon_side : &d.sun_side)->revocation = IKE_REVOCATION_STRICT;
	page->delay = IKE_SECONDS(9); /* longer than retransmissions wait */
	start(&d);
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(page->asked[of_sun ? d.moon->index : d.sun->index], 1);
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

START_TEST(an_answer_that_comes_too_late_is_nobodys)
{
	struct duo d = begin(_i, CRL, "");

	d.sun_side.revocation = IKE_REVOCATION_STRICT;
	serve_crl(&d, false)->delay = IKE_SECONDS(50);
	start(&d);
	is_refused(&d, d.sun, "could not be found out");
	sim_web_page(d.world, CRL_URL)->delay = 0;
	pass(&d, 60);
	duo_up(&d, d.moon, "net");
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

/* In message 6 of Main Mode: the responder takes the IKE SA for established already. */
START_TEST(who_could_not_check_in_time_says_that_it_goes)
{
	struct duo d = begin(false, "", CRL);

	serve_crl(&d, false)->silent = true;
	start(&d);
	begins(&d);
	pass(&d, 3);
	struct ike_sa *sa = (struct ike_sa *)certified_sa(d.moon);
	ck_assert_ptr_nonnull(sa->negotiation);
	ck_assert_int_gt(sa->negotiation->wait_until, 0);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	sim_node_enter(d.moon);
	sa->negotiation->wait_until = sim_node_now(d.moon);
	ike_schedule(d.moon->engine, sa);
	sim_node_leave(d.moon);
	pass(&d, 5);
	ck_assert(sim_node_logged(d.moon, "waiting for somebody on this side"));
	are_empty(&d);
	end(&d);
}
END_TEST

START_TEST(a_definition_that_goes_during_a_check_is_still_good)
{
	struct duo d = begin(_i, CRL, "");

	serve_crl(&d, false)->delay = IKE_SECONDS(9);
	start(&d);
	begins(&d);
	pass(&d, 5);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	ck_assert(sim_node_unload(d.sun, duo_name(&d, d.sun)));
	pass(&d, 60);
	ck_assert_uint_eq(duo_children(d.sun), 1);
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

START_TEST(who_is_killed_while_it_waits_leaves_nothing)
{
	struct duo d = begin(_i, CRL, "");

	serve_crl(&d, false)->delay = IKE_SECONDS(9);
	start(&d);
	begins(&d);
	pass(&d, 3);
	sim_node_kill(d.sun);
	sim_node_kill(d.moon);
	sim_node_start(d.sun); /* the answer of its life before is not for it */
	sim_node_start(d.moon);
	pass(&d, 60);
	end(&d);
}
END_TEST

TCase *ikev1_certificate_tests(void)
{
	TCase *t = tcase_create("certificates");

	certified_prepare(t);
	tcase_add_loop_test(t, who_looks_sees_the_certificates_of_both, 0, 2);
	tcase_add_loop_test(t, what_was_verified_is_not_verified_again, 0, 2);
	tcase_add_loop_test(t, a_ca_in_between_goes_along, 0, 2);
	tcase_add_loop_test(t, a_ca_in_between_that_nobody_has_is_named, 0, 2);
	tcase_add_test(t, a_bundle_of_certificates_is_named_in_the_log);
	tcase_add_loop_test(t, a_revoked_initiator_is_refused, 0, 2);
	tcase_add_loop_test(t, a_revoked_responder_is_refused, 0, 2);
	tcase_add_loop_test(t, a_check_that_takes_long_is_waited_for, 0, 4);
	tcase_add_loop_test(t, an_answer_that_comes_too_late_is_nobodys, 0, 2);
	tcase_add_test(t, who_could_not_check_in_time_says_that_it_goes);
	tcase_add_loop_test(t, a_definition_that_goes_during_a_check_is_still_good, 0, 2);
	tcase_add_loop_test(t, who_is_killed_while_it_waits_leaves_nothing, 0, 2);
	return t;
}
