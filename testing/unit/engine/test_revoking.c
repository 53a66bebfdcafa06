/* Handshakes whose certificates have to be looked up first. */
#include "libike/ikev2/auth.h"
#include "testing/pki/ocsp.h"
#include "testing/unit/engine/duo.h"

#include <openssl/ocsp.h>
#include <stdlib.h>

#define MOON "moon.example.org"
#define SUN "sun.example.org"
#define CRL_URL "http://crl.example.org/ca.crl"
#define OCSP_URL "http://ocsp.example.org/"

/* A CA, and each side's certificate: as long as the duo. */
static struct pki_certificate ca, moon, sun;

static void issue(struct pki_certificate *ret, const char *name, const char *more, unsigned key)
{
	char subject[96], extensions[400];

	snprintf(subject, sizeof(subject), "/O=test/CN=%s", name);
	snprintf(extensions, sizeof(extensions), PKI_END "subjectAltName = DNS:%s\n%s", name, more);
	*ret = pki_issue(&(struct pki_spec){ .subject = subject,
		.issuer = &ca,
		.key = pki_key("p256", key),
		.extensions = extensions });
}

static void give(struct sim_node *n, const struct pki_certificate *own)
{
	struct bytes der = pki_der(ca.x509);

	sim_node_trust(n, der);
	free((void *)der.at);
	der = pki_der(own->x509);
	sim_node_own(n, der, own->key);
	free((void *)der.at);
}

/* moon's certificate has what is more. */
static struct duo begin(const char *more, uint8_t suns_policy)
{
	struct duo d = duo_begin(false);

	ca = pki_root("/O=test/CN=CA");
	issue(&moon, MOON, more, 1);
	issue(&sun, SUN, "", 2);
	d.moon_psk = d.sun_psk = NULL;
	d.moon_side.pubkey = d.sun_side.pubkey = true;
	d.sun_side.revocation = suns_policy;
	return d;
}

static void start(struct duo *d)
{
	duo_start(d);
	give(d->moon, &moon);
	give(d->sun, &sun);
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
	const struct pki_certificate *list[] = { &moon, NULL };
	struct sim_page *page = sim_web_page(d->world, CRL_URL);

	page->body =
		pki_crl(&(struct pki_crl_spec){ .issuer = &ca, .revoked = revoked ? list : NULL });
	return page;
}

#define CRL "crlDistributionPoints = URI:" CRL_URL "\n"
#define OCSP "authorityInfoAccess = OCSP;URI:" OCSP_URL "\n"

static void is_refused(struct duo *d, const char *what)
{
	const struct sim_command *command = duo_initiate(d, d->moon, "net");

	ck_assert(command->answers == 1 && !command->done);
	/* the peer learns that it failed, and no more */
	ck_assert_msg(strstr(command->text, "AUTHENTICATION_FAILED") != NULL, "%s", command->text);
	ck_assert_ptr_null(strstr(command->text, "evo"));
	ck_assert(sim_node_logged(d->sun, what));
	ck_assert_uint_eq(duo_ike_sas(d->moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d->sun), 0);
}

START_TEST(a_good_one_comes_up_when_its_crl_is_there)
{
	struct duo d = begin(CRL, IKE_REVOCATION_STRICT);
	struct sim_page *page = serve_crl(&d, false);

	page->delay = _i == 0 ? 0 : IKE_SECONDS(9); /* longer than retransmissions wait */
	start(&d);
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(page->asked[d.sun->index], 1);
	duo_down(&d, d.moon);
	/* what is known is not asked for */
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(page->asked[d.sun->index], 1);
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

START_TEST(the_initiator_waits_as_well)
{
	struct duo d = begin(CRL, IKE_REVOCATION_RELAXED);
	struct sim_page *page = serve_crl(&d, false);

	page->delay = IKE_SECONDS(9);
	start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(page->asked[d.sun->index], 1);
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

START_TEST(a_revoked_one_is_refused_under_each_policy)
{
	struct duo d = begin(CRL, (uint8_t)_i);

	serve_crl(&d, true);
	start(&d);
	is_refused(&d, "was revoked on 2025-12-22");
	end(&d);
}
END_TEST

START_TEST(a_server_that_is_not_there_ends_as_the_policy_says)
{
	struct duo d = begin(CRL, (uint8_t)_i);

	start(&d);
	if (_i == IKE_REVOCATION_RELAXED)
		duo_up(&d, d.moon, "net");
	else
		is_refused(&d, "could not be found out");
	end(&d);
}
END_TEST

START_TEST(a_silent_server_ends_as_the_policy_says_in_time)
{
	struct duo d = begin(CRL OCSP, (uint8_t)_i);

	sim_web_page(d.world, CRL_URL)->silent = true;
	sim_web_page(d.world, OCSP_URL)->silent = true;
	start(&d);
	if (_i == IKE_REVOCATION_RELAXED)
		duo_up(&d, d.moon, "net");
	else
		is_refused(&d, "could not be found out");
	end(&d);
}
END_TEST

START_TEST(who_is_killed_while_it_waits_leaves_nothing)
{
	struct duo d = begin(CRL, IKE_REVOCATION_STRICT);

	struct why why = { "" };

	serve_crl(&d, false)->delay = IKE_SECONDS(9);
	start(&d);
	sim_node_initiate(d.moon, duo_name(&d, d.moon), "net", &why);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(3));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 1);
	sim_node_kill(d.sun);
	sim_node_kill(d.moon);
	sim_node_start(d.sun); /* the answer of its life before is not for it */
	sim_node_start(d.moon);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(60));
	end(&d);
}
END_TEST

/* ---- Stapling (RFC 4806) ---- */

static struct bytes respond(const struct sim_page *page, struct bytes request)
{
	struct bytes nonce = pki_ocsp_nonce(request);
	struct bytes der = pki_ocsp(&(struct pki_ocsp_spec){
		.certificate = page->context, .issuer = &ca, .nonce = nonce });

	free((void *)nonce.at);
	return der;
}

START_TEST(who_is_asked_staples_and_the_peer_need_not_ask)
{
	struct duo d = begin(OCSP, IKE_REVOCATION_STRICT);
	struct sim_page *page = sim_web_page(d.world, OCSP_URL);

	page->respond = respond;
	page->context = &moon;
	d.moon_side.ocsp = IKE_OCSP_REPLY;
	d.sun_side.ocsp = _i == 0 ? IKE_OCSP_REQUEST : IKE_OCSP_NEVER;
	start(&d);
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(page->asked[d.sun->index], 1);
	ck_assert_uint_eq(page->asked[d.moon->index], _i == 0);
	duo_down(&d, d.moon);
	ike_engine_flush_certificates(d.sun->engine, IKE_FLUSH_ALL);
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(page->asked[d.sun->index], _i == 0 ? 1 : 2);
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

START_TEST(who_does_not_want_to_staples_nothing)
{
	struct duo d = begin(OCSP, IKE_REVOCATION_STRICT);
	struct sim_page *page = sim_web_page(d.world, OCSP_URL);

	page->respond = respond;
	page->context = &moon;
	d.moon_side.ocsp = IKE_OCSP_NEVER;
	d.sun_side.ocsp = IKE_OCSP_BOTH;
	start(&d);
	duo_up(&d, d.moon, "net");
	ck_assert_uint_eq(page->asked[d.moon->index], 0);
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

/* As responder, too. */
START_TEST(a_responder_staples)
{
	struct duo d = begin(OCSP, IKE_REVOCATION_STRICT);
	struct sim_page *page = sim_web_page(d.world, OCSP_URL);

	page->respond = respond;
	page->context = &moon;
	d.moon_side.ocsp = IKE_OCSP_REPLY;
	d.sun_side.ocsp = IKE_OCSP_REQUEST;
	start(&d);
	duo_up(&d, d.sun, "net");
	duo_down(&d, d.moon);
	ike_engine_flush_certificates(d.sun->engine, IKE_FLUSH_ALL);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(page->asked[d.sun->index], 1);
	duo_down(&d, d.moon);
	end(&d);
}
END_TEST

TCase *revoking_tests(void)
{
	TCase *t = tcase_create("revoking");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_good_one_comes_up_when_its_crl_is_there, 0, 2);
	tcase_add_test(t, the_initiator_waits_as_well);
	tcase_add_loop_test(t, a_revoked_one_is_refused_under_each_policy, 0, 3);
	tcase_add_loop_test(t, a_server_that_is_not_there_ends_as_the_policy_says, 0, 3);
	tcase_add_loop_test(t, a_silent_server_ends_as_the_policy_says_in_time, 0, 3);
	tcase_add_test(t, who_is_killed_while_it_waits_leaves_nothing);
	tcase_add_loop_test(t, who_is_asked_staples_and_the_peer_need_not_ask, 0, 2);
	tcase_add_test(t, who_does_not_want_to_staples_nothing);
	tcase_add_test(t, a_responder_staples);
	return t;
}
