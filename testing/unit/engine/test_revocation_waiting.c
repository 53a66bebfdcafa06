/* Who waits for whom, how long, and what is asked where. */
#include "testing/unit/engine/revocation_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CRL_URL "http://crl.example.org/ca.crl"
#define OCSP_URL "http://ocsp.example.org/"

static struct pki_certificate ca, peer, both, plain;
static struct bed *b;

static struct pki_certificate issue(const char *subject, const char *extensions)
{
	struct pki_certificate c = pki_issue(
		&(struct pki_spec){ .subject = subject, .issuer = &ca, .extensions = extensions });

	ck_assert_msg(c.c != NULL, "%s", c.why.text);
	return c;
}

static void setup(void)
{
	if (!ca.c) {
		ca = pki_root("/CN=CA");
		peer = issue("/CN=peer", PKI_END "crlDistributionPoints = URI:" CRL_URL "\n");
		both = issue("/CN=both", PKI_END "crlDistributionPoints = URI:" CRL_URL
						 "\nauthorityInfoAccess = OCSP;URI:" OCSP_URL "\n");
		plain = issue("/CN=plain", PKI_END);
	}
	b = bed_new();
}

static void teardown(void)
{
	bed_free(b);
}

static enum ike_trust check_for(uint32_t ike_id, const struct pki_certificate *c, uint8_t policy)
{
	b->ike_id = ike_id;
	return bed_check_once(b, c, &ca, policy);
}

static void answer_crl(size_t index)
{
	struct bytes der = pki_crl(&(struct pki_crl_spec){ .issuer = &ca });

	ck_assert_uint_lt(index, b->fetch_count);
	bed_answer_one(b, &b->fetches[index], der, NULL);
	free((void *)der.at);
}

static struct bytes serve_nothing(void *context, const struct bed_fetch *f)
{
	(void)context, (void)f;
	return (struct bytes){ 0 };
}

/* ---- One question ---- */

START_TEST(many_wait_for_one_question)
{
	for (uint32_t id = 1; id <= 100; id++)
		ck_assert_int_eq(check_for(id, &peer, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	ck_assert_uint_eq(b->fetch_count, 1);
	answer_crl(0);
	for (uint32_t id = 1; id <= 100; id++)
		ck_assert_int_eq(check_for(id, &peer, IKE_REVOCATION_STRICT), IKE_TRUST_YES);
	ck_assert_uint_eq(b->fetch_count, 1);
}
END_TEST

START_TEST(a_dead_server_is_left_alone_for_a_minute)
{
	ck_assert_int_eq(check_for(1, &peer, IKE_REVOCATION_RELAXED), IKE_TRUST_LATER);
	bed_answer_one(b, &b->fetches[0], (struct bytes){ 0 }, "Connection refused");
	ck_assert_int_eq(check_for(1, &peer, IKE_REVOCATION_RELAXED), IKE_TRUST_YES);
	bed_pass(b, IKE_SECONDS(59));
	/* at once, and with the same words */
	ck_assert_int_eq(check_for(2, &peer, IKE_REVOCATION_IFURI), IKE_TRUST_NO);
	ck_assert_msg(strstr(b->failure.text, CRL_URL ": Connection refused") != NULL, "%s",
		b->failure.text);
	ck_assert_uint_eq(b->fetch_count, 1);
	bed_pass(b, IKE_SECONDS(2));
	ck_assert_int_eq(check_for(3, &peer, IKE_REVOCATION_IFURI), IKE_TRUST_LATER);
	ck_assert_uint_eq(b->fetch_count, 2);
}
END_TEST

START_TEST(those_who_need_nothing_do_not_wait)
{
	bed_load_crl(b, pki_crl(&(struct pki_crl_spec){ .issuer = &ca }));
	ck_assert_int_eq(check_for(1, &both, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	ck_assert_int_eq(check_for(2, &plain, IKE_REVOCATION_STRICT), IKE_TRUST_YES);
	ck_assert_int_eq(check_for(3, &peer, IKE_REVOCATION_STRICT), IKE_TRUST_YES);
}
END_TEST

START_TEST(ocsp_is_asked_before_the_crl)
{
	ck_assert_int_eq(check_for(1, &both, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	ck_assert_uint_eq(b->fetch_count, 1);
	ck_assert_str_eq(b->fetches[0].url, OCSP_URL);
	bed_answer_one(b, &b->fetches[0], (struct bytes){ 0 }, "HTTP status 500");
	ck_assert_int_eq(check_for(1, &both, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	ck_assert_str_eq(b->fetches[1].url, CRL_URL);
	answer_crl(1);
	ck_assert_int_eq(check_for(1, &both, IKE_REVOCATION_STRICT), IKE_TRUST_YES);
}
END_TEST

/* ---- How long ---- */

START_TEST(nobody_waits_longer_than_the_limit)
{
	ike_time begin = b->now;
	unsigned steps = 0;
	enum ike_trust trust;

	while ((trust = check_for(1, &both, IKE_REVOCATION_STRICT)) == IKE_TRUST_LATER) {
		bed_pass(b, IKE_SECONDS(1));
		ck_assert_uint_lt(++steps, 100);
	}
	ck_assert_int_eq(trust, IKE_TRUST_NO);
	ck_assert_int_eq(b->now - begin, IKE_REVOCATION_WAIT);
	ck_assert_int_eq(b->failure.reason, IKE_REASON_REVOCATION_UNKNOWN);
	ck_assert_msg(strstr(b->failure.text, "no answer") != NULL, "%s", b->failure.text);
}
END_TEST

START_TEST(the_limit_is_below_half_open_timeout)
{
	struct ike_settings settings;
	ike_time begin = b->now;

	ike_settings_default(&settings);
	settings.half_open_timeout = IKE_SECONDS(9);
	ike_engine_settings(b->engine, &settings);
	while (check_for(1, &both, IKE_REVOCATION_RELAXED) == IKE_TRUST_LATER)
		bed_pass(b, 500);
	ck_assert_int_eq(b->now - begin, IKE_SECONDS(6));
}
END_TEST

/* All certificates of a chain together. */
START_TEST(the_limit_is_of_the_ike_sa)
{
	struct pki_certificate more =
		issue("/CN=more", PKI_END "crlDistributionPoints = URI:http://b.example.org/\n");

	ck_assert_int_eq(check_for(1, &peer, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	bed_pass(b, IKE_REVOCATION_WAIT - 1);
	ck_assert_int_eq(check_for(1, &more, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	bed_pass(b, 1);
	ck_assert_int_eq(check_for(1, &more, IKE_REVOCATION_STRICT), IKE_TRUST_NO);
	ck_assert_int_eq(check_for(2, &more, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	pki_free(&more);
}
END_TEST

START_TEST(an_answer_that_comes_late_is_for_the_next)
{
	ck_assert_int_eq(check_for(1, &peer, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	bed_pass(b, IKE_SECONDS(14));
	answer_crl(0);
	ck_assert_int_eq(check_for(2, &peer, IKE_REVOCATION_STRICT), IKE_TRUST_YES);
}
END_TEST

START_TEST(an_answer_after_the_end_is_nobodys)
{
	ck_assert_int_eq(check_for(1, &peer, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	bed_pass(b, IKE_SECONDS(30));
	answer_crl(0);
	ike_engine_fetched(b->engine, b->now, 999999, bytes_of_text("x"), NULL);
	ck_assert_int_eq(check_for(2, &peer, IKE_REVOCATION_STRICT), IKE_TRUST_NO);
}
END_TEST

START_TEST(everything_ends_after_a_while)
{
	for (uint32_t id = 1; id <= 300; id++)
		(void)check_for(id, &both, IKE_REVOCATION_RELAXED);
	bed_pass(b, IKE_SECONDS(600));
	ck_assert_int_eq(ike_engine_deadline(b->engine), IKE_NEVER);
}
END_TEST

/* ---- A host that cannot ---- */

START_TEST(a_host_that_cannot_fetch_has_failed_at_once)
{
	b->refuses = true;
	ck_assert_int_eq(check_for(1, &both, IKE_REVOCATION_RELAXED), IKE_TRUST_YES);
	ck_assert_int_eq(check_for(2, &both, IKE_REVOCATION_IFURI), IKE_TRUST_NO);
}
END_TEST

/* ---- What is asked where ---- */

START_TEST(an_authoritys_uris_are_asked_first)
{
	static const char *const crls[] = { "http://a.example.org/", "http://b.example.org/",
		NULL };
	static const char *const ocsps[] = { "http://c.example.org/", NULL };
	static const char *const order[] = { "http://c.example.org/", OCSP_URL,
		"http://a.example.org/", "http://b.example.org/", CRL_URL };

	bed_authority(b, &ca, crls, ocsps);
	b->serve = serve_nothing;
	ck_assert_int_eq(bed_check(b, &both, &ca, IKE_REVOCATION_STRICT), IKE_TRUST_NO);
	ck_assert_uint_eq(b->fetch_count, 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_str_eq(b->fetches[i].url, order[i]);
}
END_TEST

START_TEST(an_authoritys_uris_are_of_its_own_certificates)
{
	static const char *const crls[] = { "http://a.example.org/", NULL };
	struct pki_certificate another = pki_root("/CN=CA");

	bed_authority(b, &another, crls, NULL);
	ck_assert_int_eq(bed_check(b, &plain, &ca, IKE_REVOCATION_IFURI), IKE_TRUST_YES);
	ck_assert_uint_eq(b->fetch_count, 0);
	pki_free(&another);
}
END_TEST

START_TEST(an_authoritys_uri_makes_ifuri_demand_an_answer)
{
	static const char *const crls[] = { "http://a.example.org/", NULL };

	bed_authority(b, &ca, crls, NULL);
	b->serve = serve_nothing;
	ck_assert_int_eq(bed_check(b, &plain, &ca, IKE_REVOCATION_IFURI), IKE_TRUST_NO);
}
END_TEST

START_TEST(files_are_the_operators_alone)
{
	static const char *const crls[] = { "file:///etc/swanctl/ca.crl", NULL };
	struct pki_certificate reader =
		issue("/CN=reader", PKI_END "crlDistributionPoints = URI:file:///etc/shadow\n");

	b->serve = serve_nothing;
	ck_assert_int_eq(bed_check(b, &reader, &ca, IKE_REVOCATION_IFURI), IKE_TRUST_NO);
	ck_assert_msg(
		strstr(b->failure.text, "neither http nor https") != NULL, "%s", b->failure.text);
	ck_assert_uint_eq(b->fetch_count, 0);
	bed_authority(b, &ca, crls, NULL);
	ck_assert_int_eq(bed_check(b, &reader, &ca, IKE_REVOCATION_IFURI), IKE_TRUST_NO);
	ck_assert_uint_eq(bed_asked(b, crls[0]), 1);
	ck_assert_uint_eq(b->fetch_count, 1);
	pki_free(&reader);
}
END_TEST

START_TEST(ldap_is_not_spoken_and_counts_as_a_uri)
{
	struct pki_certificate old = issue(
		"/CN=old", PKI_END "crlDistributionPoints = URI:ldap://ldap.example.org/cn=ca\n");

	ck_assert_int_eq(bed_check(b, &old, &ca, IKE_REVOCATION_RELAXED), IKE_TRUST_YES);
	ck_assert_int_eq(bed_check(b, &old, &ca, IKE_REVOCATION_IFURI), IKE_TRUST_NO);
	ck_assert_uint_eq(b->fetch_count, 0);
	pki_free(&old);
}
END_TEST

START_TEST(the_number_of_questions_is_bounded)
{
	b->ike_id = 0;
	for (unsigned i = 0; i < 400; i++) {
		char extensions[200];

		snprintf(extensions, sizeof(extensions),
			PKI_END "crlDistributionPoints = URI:http://crl.example.org/%u\n", i);
		struct pki_certificate c = pki_issue(&(struct pki_spec){ .subject = "/CN=many",
			.issuer = &ca,
			.key = pki_key("p256", 1),
			.extensions = extensions });
		(void)check_for(i + 1, &c, IKE_REVOCATION_RELAXED);
		pki_free(&c);
	}
	ck_assert_uint_eq(b->fetch_count, 256);
}
END_TEST

TCase *revocation_waiting_tests(void)
{
	TCase *t = tcase_create("waiting");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, many_wait_for_one_question);
	tcase_add_test(t, a_dead_server_is_left_alone_for_a_minute);
	tcase_add_test(t, those_who_need_nothing_do_not_wait);
	tcase_add_test(t, ocsp_is_asked_before_the_crl);
	tcase_add_test(t, nobody_waits_longer_than_the_limit);
	tcase_add_test(t, the_limit_is_below_half_open_timeout);
	tcase_add_test(t, the_limit_is_of_the_ike_sa);
	tcase_add_test(t, an_answer_that_comes_late_is_for_the_next);
	tcase_add_test(t, an_answer_after_the_end_is_nobodys);
	tcase_add_test(t, everything_ends_after_a_while);
	tcase_add_test(t, a_host_that_cannot_fetch_has_failed_at_once);
	tcase_add_test(t, an_authoritys_uris_are_asked_first);
	tcase_add_test(t, an_authoritys_uris_are_of_its_own_certificates);
	tcase_add_test(t, an_authoritys_uri_makes_ifuri_demand_an_answer);
	tcase_add_test(t, files_are_the_operators_alone);
	tcase_add_test(t, ldap_is_not_spoken_and_counts_as_a_uri);
	tcase_add_test(t, the_number_of_questions_is_bounded);
	return t;
}
