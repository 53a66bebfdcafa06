/* CRLs: deltas, scopes, where they come from, how long they are kept. */
#include "testing/unit/engine/revocation_bed.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL "http://crl.example.org/ca.crl"
#define DELTA_URL "http://crl.example.org/delta.crl"
#define NUMBER_5 "crlNumber = DER:02:01:05\n"
#define NUMBER_6 "crlNumber = DER:02:01:06\n"
#define NUMBER_7 "crlNumber = DER:02:01:07\n"
#define BASE_5 "deltaCRL = critical, DER:02:01:05\n"
#define BASE_6 "deltaCRL = critical, DER:02:01:06\n"
static struct pki_certificate ca, peer, other, sub_ca, plain;
static struct bed *b;

/* What the servers have: heap, or empty. */
static struct bytes served, served_delta;

static struct bytes serve(void *context, const struct bed_fetch *f)
{
	(void)context;
	return bytes_duplicate(strcmp(f->url, DELTA_URL) == 0 ? served_delta
			       : strcmp(f->url, URL) == 0     ? served
							      : (struct bytes){ 0 });
}

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
		peer = issue("/CN=peer", PKI_END "crlDistributionPoints = URI:" URL "\n");
		other = issue("/CN=other", PKI_END "crlDistributionPoints = URI:" URL "\n");
		plain = issue("/CN=plain", PKI_END);
		sub_ca = issue("/CN=Sub CA", PKI_CA "crlDistributionPoints = URI:" URL "\n");
	}
	served = served_delta = (struct bytes){ 0 };
	b = bed_new();
	b->serve = serve;
}

static void teardown(void)
{
	bed_free(b);
	free((void *)served.at);
	free((void *)served_delta.at);
}

/* revoked: NULL for nobody. */
static struct bytes crl(const struct pki_certificate *revoked, const char *extensions,
	int64_t this_update, int64_t next_update)
{
	const struct pki_certificate *list[] = { revoked, NULL };

	return pki_crl(&(struct pki_crl_spec){ .issuer = &ca,
		.revoked = revoked ? list : NULL,
		.extensions = extensions,
		.this_update = this_update,
		.next_update = next_update });
}

static void serve_crl(struct bytes *which, struct bytes der)
{
	free((void *)which->at);
	*which = der;
}

#define YES(certificate)                                                                         \
	ck_assert_msg(bed_check(b, &(certificate), &ca, IKE_REVOCATION_STRICT) == IKE_TRUST_YES, \
		"%s", b->failure.text)
#define NO(certificate, why)                                                                     \
	do {                                                                                     \
		ck_assert_int_eq(                                                                \
			bed_check(b, &(certificate), &ca, IKE_REVOCATION_STRICT), IKE_TRUST_NO); \
		ck_assert_msg(b->failure.reason == (why), "%s", b->failure.text);                \
	} while (0)

/* ---- From the store ---- */

START_TEST(a_loaded_crl_needs_no_server)
{
	bed_load_crl(b, crl(&other, NUMBER_7, 0, 0));
	YES(peer);
	NO(other, IKE_REASON_REVOKED);
	ck_assert_msg(
		strstr(b->failure.text, "the CRL that was loaded") != NULL, "%s", b->failure.text);
	ck_assert_msg(strstr(b->failure.text, "(key compromise)") != NULL, "%s", b->failure.text);
	ck_assert_uint_eq(b->fetch_count, 0);
}
END_TEST

START_TEST(a_loaded_crl_that_is_forged_is_none)
{
	bed_load_crl(b, pki_crl(&(struct pki_crl_spec){
				.issuer = &ca, .extensions = NUMBER_7, .signer = peer.key }));
	NO(plain, IKE_REASON_REVOCATION_UNKNOWN);
	ck_assert_msg(
		strstr(b->failure.text, "not signed by its issuer") != NULL, "%s", b->failure.text);
	NO(plain, IKE_REASON_REVOCATION_UNKNOWN);
	/* said once */
	const char *line = strstr(b->log, "loaded CRL of");
	ck_assert_ptr_nonnull(line);
	ck_assert_ptr_null(strstr(line + 1, "loaded CRL of"));
}
END_TEST

START_TEST(a_stale_loaded_crl_is_replaced_from_the_server)
{
	bed_load_crl(b, crl(NULL, NUMBER_5, PKI_DAYS(-9), PKI_DAYS(-2)));
	serve_crl(&served, crl(&other, NUMBER_7, 0, 0));
	YES(peer);
	NO(other, IKE_REASON_REVOKED);
	ck_assert_uint_eq(b->fetch_count, 1);
}
END_TEST

START_TEST(an_unloaded_crl_counts_no_more)
{
	bed_load_crl(b, crl(NULL, NUMBER_7, 0, 0));
	YES(plain);
	ike_certificates_clear(ike_engine_certificates(b->engine));
	NO(plain, IKE_REASON_REVOCATION_UNKNOWN);
}
END_TEST

/* The names are the same, the keys are not. */
START_TEST(a_crl_of_a_namesake_says_nothing)
{
	struct pki_certificate namesake = pki_root("/CN=CA");

	bed_load_crl(b, pki_crl(&(struct pki_crl_spec){ .issuer = &namesake }));
	NO(plain, IKE_REASON_REVOCATION_UNKNOWN);
	pki_free(&namesake);
}
END_TEST

/* RFC 5280 4.1.2.2 forbids them, and wants them handled. */
START_TEST(a_negative_serial_number_is_found)
{
	X509 *x = X509_dup(peer.x509);
	struct pki_certificate negative = { .x509 = x, .key = peer.key };

	ck_assert(x && ASN1_INTEGER_set(X509_get_serialNumber(x), -(long)4711));
	ck_assert_int_gt(X509_sign(x, ca.key, EVP_sha256()), 0);
	struct bytes der = pki_der(x);
	negative.c = ike_certificate_parse(NULL, der, &negative.why);
	free((void *)der.at);
	if (negative.c) { /* to refuse it altogether would do as well */
		bed_load_crl(b, crl(&negative, NUMBER_7, 0, 0));
		NO(negative, IKE_REASON_REVOKED);
		YES(plain);
	}
	pki_free(&negative);
}
END_TEST

/* ---- Deltas ---- */

START_TEST(a_delta_revokes_what_its_base_does_not)
{
	bed_load_crl(b, crl(NULL, NUMBER_5, PKI_DAYS(-3), 0));
	bed_load_crl(b, crl(&peer, NUMBER_6 BASE_5, PKI_DAYS(-2), 0));
	NO(peer, IKE_REASON_REVOKED);
	YES(other);
}
END_TEST

static struct bytes removing(const struct pki_certificate *c, const char *extensions)
{
	struct bytes der = crl(c, extensions, PKI_DAYS(-2), 0);
	uint8_t *at = (uint8_t *)der.at;

	/* the reason is the one ENUMERATED: from key compromise to removeFromCRL; signed anew */
	const unsigned char *begin = der.at;
	X509_CRL *x = NULL;
	for (size_t i = 0; i + 2 < der.length; i++)
		if (at[i] == 0x0a && at[i + 1] == 1 && at[i + 2] == 1)
			at[i + 2] = 8;
	x = d2i_X509_CRL(NULL, &begin, (long)der.length);
	ck_assert_ptr_nonnull(x);
	ck_assert_int_gt(X509_CRL_sign(x, ca.key, EVP_sha256()), 0);
	unsigned char *signed_anew = NULL;
	int length = i2d_X509_CRL(x, &signed_anew);
	free((void *)der.at);
	der = bytes_duplicate(bytes_of(signed_anew, (size_t)length));
	OPENSSL_free(signed_anew);
	X509_CRL_free(x);
	return der;
}

START_TEST(a_delta_takes_back_what_its_base_says)
{
	bed_load_crl(b, crl(&peer, NUMBER_5, PKI_DAYS(-3), 0));
	NO(peer, IKE_REASON_REVOKED);
	bed_load_crl(b, removing(&peer, NUMBER_6 BASE_5));
	YES(peer);
}
END_TEST

START_TEST(a_delta_of_a_later_base_is_not_used)
{
	bed_load_crl(b, crl(NULL, NUMBER_5, PKI_DAYS(-3), 0));
	bed_load_crl(b, crl(&peer, NUMBER_7 BASE_6, PKI_DAYS(-2), 0));
	YES(peer);
}
END_TEST

START_TEST(a_delta_that_is_older_than_the_complete_one_is_not_used)
{
	bed_load_crl(b, crl(NULL, NUMBER_7, PKI_DAYS(-3), 0));
	bed_load_crl(b, crl(&peer, NUMBER_6 BASE_5, PKI_DAYS(-4), 0));
	YES(peer);
}
END_TEST

START_TEST(a_delta_of_another_scope_is_not_used)
{
	bed_load_crl(b, crl(NULL, NUMBER_5, PKI_DAYS(-3), 0));
	bed_load_crl(
		b, crl(&peer,
			   NUMBER_6 BASE_5
			   "issuingDistributionPoint = critical, @idp\n[idp]\nonlyuser = TRUE\n",
			   PKI_DAYS(-2), 0));
	YES(peer);
}
END_TEST

START_TEST(a_delta_alone_says_nothing)
{
	bed_load_crl(b, crl(NULL, NUMBER_6 BASE_5, 0, 0));
	NO(plain, IKE_REASON_REVOCATION_UNKNOWN);
}
END_TEST

START_TEST(a_fresh_delta_makes_a_stale_base_good)
{
	bed_load_crl(b, crl(NULL, NUMBER_5, PKI_DAYS(-9), PKI_DAYS(-1)));
	NO(plain, IKE_REASON_REVOCATION_UNKNOWN);
	bed_load_crl(b, crl(&other, NUMBER_6 BASE_5, PKI_DAYS(-1), 0));
	YES(plain);
	NO(other, IKE_REASON_REVOKED);
}
END_TEST

START_TEST(a_stale_delta_is_not_used)
{
	bed_load_crl(b, crl(NULL, NUMBER_5, PKI_DAYS(-3), 0));
	bed_load_crl(b, removing(&other, NUMBER_6 BASE_5));
	bed_load_crl(b, crl(&peer, NUMBER_7 BASE_5, PKI_DAYS(-2), PKI_DAYS(-1)));
	YES(peer);
}
END_TEST

/* freshestCRL in the certificate. */
static struct pki_certificate with_freshest(void)
{
	return issue("/CN=fresh",
		PKI_END "crlDistributionPoints = URI:" URL "\nfreshestCRL = URI:" DELTA_URL "\n");
}

START_TEST(deltas_are_fetched_from_where_they_are)
{
	struct pki_certificate fresh = with_freshest();

	serve_crl(&served, crl(NULL, NUMBER_5, PKI_DAYS(-3), 0));
	serve_crl(&served_delta, crl(&fresh, NUMBER_6 BASE_5, PKI_DAYS(-2), 0));
	NO(fresh, IKE_REASON_REVOKED);
	ck_assert_msg(strstr(b->failure.text, DELTA_URL) != NULL, "%s", b->failure.text);
	NO(fresh, IKE_REASON_REVOKED);
	ck_assert_uint_eq(bed_asked(b, URL), 1);
	ck_assert_uint_eq(bed_asked(b, DELTA_URL), 1);
	pki_free(&fresh);
}
END_TEST

START_TEST(without_its_delta_a_fresh_crl_is_good_enough)
{
	struct pki_certificate fresh = with_freshest();

	serve_crl(&served, crl(NULL, NUMBER_5, PKI_DAYS(-3), 0));
	YES(fresh);
	ck_assert_uint_eq(bed_asked(b, DELTA_URL), 1);
	YES(fresh);
	ck_assert_uint_eq(bed_asked(b, DELTA_URL), 1);
	pki_free(&fresh);
}
END_TEST

/* ---- Scopes ---- */

#define IDP(what) NUMBER_7 "issuingDistributionPoint = critical, @idp\n[idp]\n" what "\n"

START_TEST(a_crl_of_ends_is_not_about_cas)
{
	bed_load_crl(b, crl(NULL, IDP("onlyuser = TRUE"), 0, 0));
	YES(plain);
	NO(sub_ca, IKE_REASON_REVOCATION_UNKNOWN);
	ck_assert_msg(strstr(b->failure.text, "end entities alone") != NULL, "%s", b->failure.text);
}
END_TEST

START_TEST(a_revoked_intermediate_is_refused)
{
	serve_crl(&served, crl(&sub_ca, IDP("onlyCA = TRUE"), 0, 0));
	NO(sub_ca, IKE_REASON_REVOKED);
	NO(peer, IKE_REASON_REVOCATION_UNKNOWN);
	/* what came from there is not asked for again and again */
	ck_assert_uint_eq(bed_asked(b, URL), 1);
}
END_TEST

START_TEST(a_crl_of_one_distribution_point_is_about_those_who_name_it)
{
	bed_load_crl(b, crl(NULL, IDP("fullname = URI:" URL), 0, 0));
	YES(peer);
	NO(plain, IKE_REASON_REVOCATION_UNKNOWN);
	ck_assert_msg(strstr(b->failure.text, "distribution point") != NULL, "%s", b->failure.text);
}
END_TEST

START_TEST(a_crl_of_another_distribution_point_says_nothing)
{
	serve_crl(&served, crl(NULL, IDP("fullname = URI:http://crl.example.org/b.crl"), 0, 0));
	NO(peer, IKE_REASON_REVOCATION_UNKNOWN);
	ck_assert_uint_eq(bed_asked(b, URL), 1);
}
END_TEST

/* ---- Keeping ---- */

START_TEST(a_fetched_crl_is_asked_for_once)
{
	serve_crl(&served, crl(&other, NUMBER_7, 0, 0));
	YES(peer);
	NO(other, IKE_REASON_REVOKED);
	YES(peer);
	ck_assert_uint_eq(b->fetch_count, 1);
}
END_TEST

START_TEST(a_crl_in_use_is_refreshed_before_it_ends)
{
	serve_crl(&served, crl(NULL, NUMBER_5, PKI_NOW, PKI_DAYS(1)));
	YES(peer);
	serve_crl(&served, crl(NULL, NUMBER_6, PKI_DAYS(1) - 3600, PKI_DAYS(2)));
	bed_pass(b, IKE_SECONDS(86400 - 3601));
	ck_assert_uint_eq(b->fetch_count, 1);
	bed_pass(b, IKE_SECONDS(2));
	ck_assert_uint_eq(b->fetch_count, 2);
	ck_assert_uint_eq(bed_answer(b), 1);
	bed_pass(b, IKE_SECONDS(3600));
	ck_assert_uint_eq(b->fetch_count, 2);
	ck_assert_int_eq(bed_check_once(b, &peer, &ca, IKE_REVOCATION_STRICT), IKE_TRUST_YES);
}
END_TEST

START_TEST(a_refresh_that_fails_is_tried_again_and_the_old_one_stays)
{
	serve_crl(&served, crl(NULL, NUMBER_5, PKI_NOW, PKI_DAYS(1)));
	YES(peer);
	serve_crl(&served, (struct bytes){ 0 });
	bed_pass(b, IKE_SECONDS(86400 - 3599));
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(bed_answer(b), 1);
		ck_assert_int_eq(
			bed_check_once(b, &peer, &ca, IKE_REVOCATION_STRICT), IKE_TRUST_YES);
		bed_pass(b, IKE_SECONDS(122));
	}
	ck_assert_uint_le(b->fetch_count, 7);
}
END_TEST

START_TEST(what_nobody_needs_is_not_refreshed)
{
	serve_crl(&served, crl(NULL, NUMBER_5, PKI_NOW, PKI_DAYS(1)));
	YES(peer);
	ike_engine_flush_certificates(b->engine, IKE_FLUSH_ALL);
	bed_pass(b, IKE_SECONDS(86400 * 30));
	ck_assert_uint_eq(b->fetch_count, 1);
}
END_TEST

START_TEST(an_older_crl_does_not_replace_a_newer_one)
{
	serve_crl(&served, crl(&peer, NUMBER_6, PKI_DAYS(-1), PKI_DAYS(1)));
	NO(peer, IKE_REASON_REVOKED);
	/* replayed, from before, and good for longer */
	serve_crl(&served, crl(NULL, NUMBER_5, PKI_DAYS(-2), PKI_DAYS(9)));
	bed_pass(b, IKE_SECONDS(2 * 86400));
	bed_answer(b);
	NO(peer, IKE_REASON_REVOKED);
}
END_TEST

START_TEST(who_was_revoked_stays_so_when_the_server_is_gone)
{
	serve_crl(&served, crl(&peer, NUMBER_6, PKI_DAYS(-1), PKI_DAYS(1)));
	NO(peer, IKE_REASON_REVOKED);
	serve_crl(&served, (struct bytes){ 0 });
	bed_pass(b, IKE_SECONDS(3 * 86400));
	bed_answer(b);
	ck_assert_int_eq(bed_check(b, &peer, &ca, IKE_REVOCATION_RELAXED), IKE_TRUST_NO);
}
END_TEST

START_TEST(a_crl_without_nextupdate_stays)
{
	serve_crl(&served, crl(NULL, NUMBER_7, 0, -1));
	YES(peer);
	bed_pass(b, IKE_SECONDS(86400 * 20));
	YES(peer);
	ck_assert_uint_eq(b->fetch_count, 1);
}
END_TEST

START_TEST(flushing_forgets)
{
	struct ike_cached cached;

	serve_crl(&served, crl(NULL, NUMBER_7, 0, 0));
	YES(peer);
	ck_assert(ike_engine_cached(b->engine, 0, &cached));
	ck_assert(!cached.ocsp);
	ck_assert(bytes_equal(cached.der, served));
	ck_assert(!ike_engine_cached(b->engine, 1, &cached));
	ike_engine_flush_certificates(b->engine, IKE_FLUSH_ALL);
	ck_assert(!ike_engine_cached(b->engine, 0, &cached));
	YES(peer);
	ck_assert_uint_eq(b->fetch_count, 2);
}
END_TEST

START_TEST(the_number_of_crls_is_bounded)
{
	struct ike_cached cached;
	size_t count = 0;

	serve_crl(&served, crl(NULL, NUMBER_7, 0, 0));
	for (unsigned i = 0; i < 80; i++) {
		char url[60];

		snprintf(url, sizeof(url), "http://crl.example.org/%u", i);
		const char *const urls[] = { url, NULL };
		bed_authority(b, &ca, urls, NULL);
		ck_assert_int_eq(bed_check_once(b, &plain, &ca, IKE_REVOCATION_STRICT),
			i == 0 ? IKE_TRUST_LATER : IKE_TRUST_YES);
		if (i == 0)
			bed_answer_one(b, &b->fetches[b->fetch_count - 1], served, NULL);
	}
	while (ike_engine_cached(b->engine, count, &cached))
		count++;
	ck_assert_uint_le(count, 64);
}
END_TEST

/* ---- Those that peers send ---- */

START_TEST(a_peers_crl_is_taken_if_it_is_good)
{
	struct bytes good = crl(&other, NUMBER_7, 0, 0);

	ike_revocation_offer_crl(b->engine, b->ike_id + 1, bytes_of_text("no CRL"));
	ike_revocation_offer_crl(b->engine, b->ike_id + 1, good);
	YES(plain);
	NO(other, IKE_REASON_REVOKED);
	ck_assert_msg(strstr(b->failure.text, "the peer sent") != NULL, "%s", b->failure.text);
	free((void *)good.at);
}
END_TEST

START_TEST(a_peers_forged_crl_is_not_taken)
{
	struct bytes forged = pki_crl(&(struct pki_crl_spec){ .issuer = &ca, .signer = peer.key });

	for (unsigned i = 0; i < 100; i++)
		ike_revocation_offer_crl(b->engine, b->ike_id + 1, forged);
	NO(plain, IKE_REASON_REVOCATION_UNKNOWN);
	free((void *)forged.at);
}
END_TEST

TCase *revocation_crl_tests(void)
{
	TCase *t = tcase_create("crl");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_loaded_crl_needs_no_server);
	tcase_add_test(t, a_loaded_crl_that_is_forged_is_none);
	tcase_add_test(t, a_stale_loaded_crl_is_replaced_from_the_server);
	tcase_add_test(t, an_unloaded_crl_counts_no_more);
	tcase_add_test(t, a_crl_of_a_namesake_says_nothing);
	tcase_add_test(t, a_negative_serial_number_is_found);
	tcase_add_test(t, a_delta_revokes_what_its_base_does_not);
	tcase_add_test(t, a_delta_takes_back_what_its_base_says);
	tcase_add_test(t, a_delta_of_a_later_base_is_not_used);
	tcase_add_test(t, a_delta_that_is_older_than_the_complete_one_is_not_used);
	tcase_add_test(t, a_delta_of_another_scope_is_not_used);
	tcase_add_test(t, a_delta_alone_says_nothing);
	tcase_add_test(t, a_fresh_delta_makes_a_stale_base_good);
	tcase_add_test(t, a_stale_delta_is_not_used);
	tcase_add_test(t, deltas_are_fetched_from_where_they_are);
	tcase_add_test(t, without_its_delta_a_fresh_crl_is_good_enough);
	tcase_add_test(t, a_crl_of_ends_is_not_about_cas);
	tcase_add_test(t, a_revoked_intermediate_is_refused);
	tcase_add_test(t, a_crl_of_one_distribution_point_is_about_those_who_name_it);
	tcase_add_test(t, a_crl_of_another_distribution_point_says_nothing);
	tcase_add_test(t, a_fetched_crl_is_asked_for_once);
	tcase_add_test(t, a_crl_in_use_is_refreshed_before_it_ends);
	tcase_add_test(t, a_refresh_that_fails_is_tried_again_and_the_old_one_stays);
	tcase_add_test(t, what_nobody_needs_is_not_refreshed);
	tcase_add_test(t, an_older_crl_does_not_replace_a_newer_one);
	tcase_add_test(t, who_was_revoked_stays_so_when_the_server_is_gone);
	tcase_add_test(t, a_crl_without_nextupdate_stays);
	tcase_add_test(t, flushing_forgets);
	tcase_add_test(t, the_number_of_crls_is_bounded);
	tcase_add_test(t, a_peers_crl_is_taken_if_it_is_good);
	tcase_add_test(t, a_peers_forged_crl_is_not_taken);
	return t;
}
