/* OCSP: who may answer, what is kept, what peers staple. */
#include "testing/unit/engine/revocation_bed.h"

#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>

#define URL "http://ocsp.example.org/"

static struct pki_certificate ca, peer, responder, nocheck, loaded;
static struct bed *b;
static struct pki_ocsp_spec says; /* but for the nonce */
static bool with_nonce;

static struct bytes serve(void *context, const struct bed_fetch *f)
{
	struct bytes nonce = pki_ocsp_nonce(f->body);

	(void)context;
	if (strcmp(f->url, URL) != 0) {
		free((void *)nonce.at);
		return (struct bytes){ 0 };
	}
	says.nonce = with_nonce ? nonce : (struct bytes){ 0 };
	struct bytes der = pki_ocsp(&says);
	free((void *)nonce.at);
	return der;
}

static struct pki_certificate issue(
	const char *subject, const struct pki_certificate *issuer, const char *extensions)
{
	struct pki_certificate c = pki_issue(&(struct pki_spec){
		.subject = subject, .issuer = issuer, .extensions = extensions });

	ck_assert_msg(c.c != NULL, "%s", c.why.text);
	return c;
}

static void setup(void)
{
	if (!ca.c) {
		ca = pki_root("/CN=CA");
		peer = issue("/CN=peer", &ca, PKI_END "authorityInfoAccess = OCSP;URI:" URL "\n");
		responder = issue("/CN=responder", &ca, PKI_RESPONDER);
		nocheck = issue("/CN=responder", &ca, PKI_RESPONDER "noCheck = yes\n");
		loaded = pki_root("/CN=our own responder");
	}
	says = (struct pki_ocsp_spec){ .certificate = &peer, .issuer = &ca };
	with_nonce = true;
	b = bed_new();
	b->serve = serve;
}

static void teardown(void)
{
	bed_free(b);
}

#define YES()                                                                                 \
	ck_assert_msg(bed_check(b, &peer, &ca, IKE_REVOCATION_STRICT) == IKE_TRUST_YES, "%s", \
		b->failure.text)
#define UNKNOWN(words)                                                                           \
	do {                                                                                     \
		ck_assert_int_eq(bed_check(b, &peer, &ca, IKE_REVOCATION_STRICT), IKE_TRUST_NO); \
		ck_assert_int_eq(b->failure.reason, IKE_REASON_REVOCATION_UNKNOWN);              \
		ck_assert_msg(strstr(b->failure.text, words) != NULL, "%s", b->failure.text);    \
	} while (0)
#define REVOKED()                                                                                 \
	do {                                                                                      \
		ck_assert_int_eq(bed_check(b, &peer, &ca, IKE_REVOCATION_RELAXED), IKE_TRUST_NO); \
		ck_assert_msg(b->failure.reason == IKE_REASON_REVOKED, "%s", b->failure.text);    \
	} while (0)

/* ---- Who may answer ---- */

START_TEST(the_ca_itself_may_by_name_or_key)
{
	says.by_key = _i == 1;
	says.id_digest = _i == 1 ? "SHA256" : NULL;
	YES();
}
END_TEST

START_TEST(a_delegate_may_by_name_or_key)
{
	says.signer = &nocheck;
	says.enclosed = true;
	says.by_key = _i == 1;
	YES();
}
END_TEST

START_TEST(a_delegate_whose_certificate_is_missing_may_not)
{
	says.signer = &nocheck;
	UNKNOWN("certificate is not there");
}
END_TEST

static void revoke_responder(void)
{
	const struct pki_certificate *list[] = { &responder, &nocheck, NULL };

	bed_load_crl(b, pki_crl(&(struct pki_crl_spec){ .issuer = &ca, .revoked = list }));
}

/* The CRL says nothing about the peer: without OCSP it would be good. */
START_TEST(a_revoked_delegate_may_not)
{
	revoke_responder();
	says.signer = &responder;
	says.enclosed = true;
	says.status = V_OCSP_CERTSTATUS_REVOKED;
	YES();
	ck_assert_msg(strstr(b->log, "signer's certificate is revoked") != NULL, "%s", b->log);
}
END_TEST

START_TEST(a_delegate_with_nocheck_is_not_looked_up)
{
	revoke_responder();
	says.signer = &nocheck;
	says.enclosed = true;
	says.status = V_OCSP_CERTSTATUS_REVOKED;
	REVOKED();
}
END_TEST

START_TEST(a_loaded_signer_may)
{
	says.signer = &loaded;
	UNKNOWN("certificate is not there");
	ike_engine_flush_certificates(b->engine, IKE_FLUSH_ALL);
	ck_assert_ptr_nonnull(ike_certificates_add(
		ike_engine_certificates(b->engine), loaded.c, IKE_CERTIFICATE_OCSP, false));
	YES();
	uint8_t hashes[100];
	ck_assert_uint_eq(ike_revocation_responders(b->engine, hashes, sizeof(hashes)), 20);
	ck_assert_mem_eq(hashes, ike_public_key_id(ike_certificate_key(loaded.c)), 20);
}
END_TEST

START_TEST(an_end_certificate_that_is_loaded_may_not)
{
	ck_assert_ptr_nonnull(ike_certificates_add(
		ike_engine_certificates(b->engine), loaded.c, IKE_CERTIFICATE_END, false));
	says.signer = &loaded;
	says.enclosed = true;
	UNKNOWN("did not certify");
}
END_TEST

START_TEST(the_peer_may_not_say_that_it_is_good)
{
	says.signer = &peer;
	says.enclosed = true;
	UNKNOWN("may not sign OCSP responses");
}
END_TEST

START_TEST(weak_signatures_do_not_count)
{
	says.digest = "SHA1";
	UNKNOWN("weak");
}
END_TEST

START_TEST(unknown_critical_extensions_do_not_count)
{
	says.critical = true;
	UNKNOWN("critical extension");
}
END_TEST

/* ---- Octet by octet ---- */

START_TEST(no_octet_can_be_changed)
{
	struct bytes der = pki_ocsp(&says);
	struct ike_ocsp_question question = {
		.certificate = peer.c, .issuer = ca.c, .now = PKI_NOW
	};
	struct ike_ocsp_answer answer;
	struct why why;

	ck_assert(ike_ocsp_read(&question, der, &answer, &why));
	for (size_t i = 0; i < der.length; i++) {
		uint8_t *copy = (uint8_t *)bytes_duplicate(der).at;

		/* of the outer structure some octets are redundant: it must then say the same */
		copy[i] ^= 1;
		if (ike_ocsp_read(&question, bytes_of(copy, der.length), &answer, &why))
			ck_assert_int_eq(answer.status, IKE_OCSP_GOOD);
		ike_certificate_free(answer.delegate);
		free(copy);
	}
	for (size_t i = 0; i < der.length; i++)
		ck_assert(!ike_ocsp_read(&question, bytes_of(der.at, i), &answer, &why));
	free((void *)der.at);
}
END_TEST

START_TEST(what_follows_a_response_is_refused)
{
	struct bytes der = pki_ocsp(&says);
	struct ike_ocsp_question question = {
		.certificate = peer.c, .issuer = ca.c, .now = PKI_NOW
	};
	uint8_t *longer = calloc(1, der.length + 1);
	struct ike_ocsp_answer answer;

	bytes_copy(longer, der);
	ck_assert(!ike_ocsp_read(&question, bytes_of(longer, der.length + 1), &answer, NULL));
	free(longer);
	free((void *)der.at);
}
END_TEST

/* ---- Nonces ---- */

START_TEST(nonces_are_as_long_as_the_settings_say_and_never_the_same)
{
	struct ike_settings settings;

	ike_settings_default(&settings);
	settings.ocsp_nonce_length = 16;
	YES();
	ike_engine_settings(b->engine, &settings);
	ike_engine_flush_certificates(b->engine, IKE_FLUSH_ALL);
	YES();
	struct bytes first = pki_ocsp_nonce(b->fetches[0].body);
	struct bytes second = pki_ocsp_nonce(b->fetches[1].body);
	ck_assert_uint_eq(first.length, 32);
	ck_assert_uint_eq(second.length, 16);
	ck_assert_mem_ne(first.at, second.at, 16);
	free((void *)first.at);
	free((void *)second.at);
}
END_TEST

START_TEST(a_responder_without_nonces_will_do)
{
	with_nonce = false;
	YES();
}
END_TEST

START_TEST(a_response_of_last_time_does_not_answer_this_time)
{
	static const uint8_t then[32] = { 7 };
	says.nonce = bytes_of(then, sizeof(then));
	struct bytes old = pki_ocsp(&says);
	ike_engine_flush_certificates(b->engine, IKE_FLUSH_ALL);
	ck_assert_int_eq(bed_check_once(b, &peer, &ca, IKE_REVOCATION_STRICT), IKE_TRUST_LATER);
	bed_answer_one(b, &b->fetches[b->fetch_count - 1], old, NULL);
	UNKNOWN("nonce");
	free((void *)old.at);
}
END_TEST

/* ---- Keeping ---- */

START_TEST(an_answer_is_kept_until_it_ends)
{
	YES();
	YES();
	bed_pass(b, IKE_SECONDS(86400 - 10));
	YES();
	ck_assert_uint_eq(b->fetch_count, 1);
	bed_pass(b, IKE_SECONDS(10));
	says.this_update = PKI_DAYS(1);
	says.next_update = PKI_DAYS(2);
	YES();
	ck_assert_uint_eq(b->fetch_count, 2);
}
END_TEST

START_TEST(without_nextupdate_it_is_kept_for_a_few_minutes)
{
	says.this_update = PKI_NOW;
	says.next_update = -1;
	YES();
	bed_pass(b, IKE_SECONDS(299));
	YES();
	ck_assert_uint_eq(b->fetch_count, 1);
	bed_pass(b, IKE_SECONDS(2));
	says.this_update = PKI_NOW + 301;
	YES();
	ck_assert_uint_eq(b->fetch_count, 2);
}
END_TEST

START_TEST(who_was_revoked_stays_so_when_the_responder_is_gone)
{
	says.status = V_OCSP_CERTSTATUS_REVOKED;
	says.reason = OCSP_REVOKED_STATUS_CACOMPROMISE;
	REVOKED();
	ck_assert_msg(strstr(b->failure.text, "(CA compromise)") != NULL, "%s", b->failure.text);
	bed_pass(b, IKE_SECONDS(3 * 86400));
	REVOKED();
}
END_TEST

START_TEST(an_older_answer_does_not_replace_a_newer_one)
{
	says.status = V_OCSP_CERTSTATUS_REVOKED;
	says.next_update = PKI_NOW + 60;
	REVOKED();
	bed_pass(b, IKE_SECONDS(61));
	says.status = V_OCSP_CERTSTATUS_GOOD;
	says.this_update = PKI_NOW - 7200;
	says.next_update = PKI_DAYS(1);
	REVOKED();
}
END_TEST

START_TEST(a_newer_answer_takes_a_hold_back)
{
	says.status = V_OCSP_CERTSTATUS_REVOKED;
	says.reason = OCSP_REVOKED_STATUS_CERTIFICATEHOLD;
	says.next_update = PKI_NOW + 60;
	REVOKED();
	bed_pass(b, IKE_SECONDS(61));
	says.status = V_OCSP_CERTSTATUS_GOOD;
	says.this_update = PKI_NOW + 30;
	says.next_update = PKI_DAYS(1);
	YES();
}
END_TEST

START_TEST(flushing_forgets)
{
	struct ike_cached cached;

	YES();
	ck_assert(ike_engine_cached(b->engine, 0, &cached));
	ck_assert(cached.ocsp);
	ike_engine_flush_certificates(b->engine, IKE_FLUSH_ALL);
	ck_assert(!ike_engine_cached(b->engine, 0, &cached));
}
END_TEST

START_TEST(it_can_be_turned_off)
{
	struct ike_settings settings;

	ike_settings_default(&settings);
	settings.ocsp = false;
	ike_engine_settings(b->engine, &settings);
	ck_assert_int_eq(bed_check(b, &peer, &ca, IKE_REVOCATION_IFURI), IKE_TRUST_YES);
	ck_assert_int_eq(bed_check(b, &peer, &ca, IKE_REVOCATION_STRICT), IKE_TRUST_NO);
	ck_assert_uint_eq(b->fetch_count, 0);
}
END_TEST

/* ---- Stapling (RFC 4806) ---- */

static enum ike_trust check_stapled(struct bytes stapled)
{
	ike_failure_free(&b->failure);
	return ike_revocation_check(
		b->engine, peer.c, ca.c, IKE_REVOCATION_STRICT, stapled, 1, &b->failure);
}

START_TEST(a_stapled_response_needs_no_server)
{
	struct bytes der = pki_ocsp(&says);

	ck_assert_int_eq(check_stapled(der), IKE_TRUST_YES);
	ck_assert_uint_eq(b->fetch_count, 0);
	free((void *)der.at);
}
END_TEST

START_TEST(a_stapled_response_can_say_revoked)
{
	says.status = V_OCSP_CERTSTATUS_REVOKED;
	struct bytes der = pki_ocsp(&says);

	ck_assert_int_eq(check_stapled(der), IKE_TRUST_NO);
	ck_assert_int_eq(b->failure.reason, IKE_REASON_REVOKED);
	free((void *)der.at);
}
END_TEST

START_TEST(a_bad_staple_is_as_none)
{
	static const uint8_t garbage[] = { 0x30, 0x80, 0x0a };
	struct bytes der;

	ck_assert_int_eq(check_stapled(bytes_of(garbage, sizeof(garbage))), IKE_TRUST_LATER);
	says.next_update = PKI_NOW - 60;
	der = pki_ocsp(&says);
	ck_assert_int_eq(check_stapled(der), IKE_TRUST_LATER);
	free((void *)der.at);
	says.next_update = 0;
	says.signer_key = peer.key;
	der = pki_ocsp(&says);
	ck_assert_int_eq(check_stapled(der), IKE_TRUST_LATER);
	free((void *)der.at);
	says.signer_key = NULL;
	bed_answer(b);
	YES();
}
END_TEST

/* A peer cannot undo with an old staple what is known. */
START_TEST(an_old_staple_does_not_make_a_revoked_one_good)
{
	says.this_update = PKI_NOW - 7200;
	struct bytes good = pki_ocsp(&says);

	says.this_update = 0;
	says.status = V_OCSP_CERTSTATUS_REVOKED;
	REVOKED();
	ck_assert_int_eq(check_stapled(good), IKE_TRUST_NO);
	free((void *)good.at);
}
END_TEST

START_TEST(ours_is_fetched_for_next_time)
{
	ck_assert_uint_eq(ike_revocation_staple(b->engine, peer.c, ca.c).length, 0);
	ck_assert_uint_eq(b->fetch_count, 1);
	bed_answer(b);
	struct bytes staple = ike_revocation_staple(b->engine, peer.c, ca.c);
	ck_assert_uint_gt(staple.length, 0);
	ck_assert_uint_eq(b->fetch_count, 1);
	/* in its second half a newer one is on its way */
	bed_pass(b, IKE_SECONDS(43200));
	ck_assert_uint_gt(ike_revocation_staple(b->engine, peer.c, ca.c).length, 0);
	ck_assert_uint_eq(b->fetch_count, 2);
}
END_TEST

START_TEST(a_revoked_one_of_ours_is_not_stapled)
{
	says.status = V_OCSP_CERTSTATUS_REVOKED;
	ck_assert_uint_eq(ike_revocation_staple(b->engine, peer.c, ca.c).length, 0);
	bed_answer(b);
	ck_assert_uint_eq(ike_revocation_staple(b->engine, peer.c, ca.c).length, 0);
}
END_TEST

TCase *revocation_ocsp_tests(void)
{
	TCase *t = tcase_create("ocsp");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, the_ca_itself_may_by_name_or_key, 0, 2);
	tcase_add_loop_test(t, a_delegate_may_by_name_or_key, 0, 2);
	tcase_add_test(t, a_delegate_whose_certificate_is_missing_may_not);
	tcase_add_test(t, a_revoked_delegate_may_not);
	tcase_add_test(t, a_delegate_with_nocheck_is_not_looked_up);
	tcase_add_test(t, a_loaded_signer_may);
	tcase_add_test(t, an_end_certificate_that_is_loaded_may_not);
	tcase_add_test(t, the_peer_may_not_say_that_it_is_good);
	tcase_add_test(t, weak_signatures_do_not_count);
	tcase_add_test(t, unknown_critical_extensions_do_not_count);
	tcase_add_test(t, no_octet_can_be_changed);
	tcase_add_test(t, what_follows_a_response_is_refused);
	tcase_add_test(t, nonces_are_as_long_as_the_settings_say_and_never_the_same);
	tcase_add_test(t, a_responder_without_nonces_will_do);
	tcase_add_test(t, a_response_of_last_time_does_not_answer_this_time);
	tcase_add_test(t, an_answer_is_kept_until_it_ends);
	tcase_add_test(t, without_nextupdate_it_is_kept_for_a_few_minutes);
	tcase_add_test(t, who_was_revoked_stays_so_when_the_responder_is_gone);
	tcase_add_test(t, an_older_answer_does_not_replace_a_newer_one);
	tcase_add_test(t, a_newer_answer_takes_a_hold_back);
	tcase_add_test(t, flushing_forgets);
	tcase_add_test(t, it_can_be_turned_off);
	tcase_add_test(t, a_stapled_response_needs_no_server);
	tcase_add_test(t, a_stapled_response_can_say_revoked);
	tcase_add_test(t, a_bad_staple_is_as_none);
	tcase_add_test(t, an_old_staple_does_not_make_a_revoked_one_good);
	tcase_add_test(t, ours_is_fetched_for_next_time);
	tcase_add_test(t, a_revoked_one_of_ours_is_not_stapled);
	return t;
}
