/* EAP conversations between our two sides: what works, and what is refused because definitions or
 * passwords do not fit. */
#include "testing/unit/eap/pair.h"

#include <stdlib.h>

static void passwords(struct pair *p, const char *servers, const char *clients)
{
	side_secret(&p->server, IKE_SHARED_EAP, "carol@example.org", servers);
	side_secret(&p->client, IKE_SHARED_EAP, "carol@example.org", clients);
}

START_TEST(mschapv2_proves)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_MSCHAPV2);

	passwords(p, "secret of carol", "secret of carol");
	pair_run(p);
	pair_expect_success(p, "carol@example.org");
	ck_assert_uint_eq(ike_eap_msk(p->server.eap).length, 64);
	ck_assert(!ike_eap_is_mutual(p->client.eap));
	pair_free(p);
}
END_TEST

START_TEST(md5_proves_without_keys)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_MD5, IKE_EAP_METHOD_MD5);

	passwords(p, "secret of carol", "secret of carol");
	pair_run(p);
	pair_expect_success(p, "carol@example.org");
	ck_assert_uint_eq(ike_eap_msk(p->server.eap).length, 0);
	pair_free(p);
}
END_TEST

/* The server's eap_id is %any: the secret is that of the name which the client gives. */
START_TEST(identity_is_asked_for)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_ANY);

	pair_eap_ids(p, "%any", "dave");
	side_secret(&p->server, IKE_SHARED_EAP, "carol@example.org", "secret of carol");
	side_secret(&p->server, IKE_SHARED_EAP, "dave", "secret of dave");
	side_secret(&p->client, IKE_SHARED_EAP, "dave", "secret of dave");
	pair_run(p);
	pair_expect_success(p, "dave");
	pair_free(p);
}
END_TEST

START_TEST(identity_must_fit_the_pattern)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_ANY);

	pair_eap_ids(p, "*@example.org", "eve@example.net");
	side_secret(&p->server, IKE_SHARED_EAP, "eve@example.net", "secret of eve");
	side_secret(&p->client, IKE_SHARED_EAP, "eve@example.net", "secret of eve");
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_WRONG_IDENTITY, "EAP identity");
	side_expect_failure(&p->client, IKE_REASON_EAP, "refuses 'eve@example.net'");
	pair_free(p);
}
END_TEST

/* A name that is a pattern would match everybody's secret. */
START_TEST(identity_is_no_pattern)
{
	static const char *const names[] = { "%any", "*", "*@example.org", "keyid:", "a\nb" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct ike_identity *id = ike_eap_identity_of(bytes_of_text(names[i]));

		ck_assert_msg(!id || !ike_identity_is_wildcard(id), "%s", names[i]);
		ck_assert_msg(
			!id || ike_identity_match(id, id) == IKE_MATCH_PERFECT, "%s", names[i]);
		ike_identity_free(id);
	}
}
END_TEST

/* Without eap_id the secret is that of the identity in IKE, and no other name will do: policy goes
 * by that identity. */
START_TEST(mschapv2_name_is_the_identity)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_MSCHAPV2);

	pair_eap_ids(p, NULL, "eve");
	passwords(p, "secret of carol", "secret of carol");
	side_secret(&p->server, IKE_SHARED_EAP, "eve", "secret of eve");
	side_secret(&p->client, IKE_SHARED_EAP, "eve", "secret of eve");
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_WRONG_IDENTITY, "eap_id = %any");
	ck_assert_ptr_null(ike_eap_identity(p->server.eap));
	pair_free(p);
}
END_TEST

START_TEST(mschapv2_with_a_domain)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_MSCHAPV2);

	pair_eap_ids(p, "dave", "BIGCO\\dave");
	side_secret(&p->server, IKE_SHARED_EAP, "dave", "secret of dave");
	side_secret(&p->client, IKE_SHARED_EAP, "BIGCO\\dave", "secret of dave");
	pair_run(p);
	pair_expect_success(p, "dave");
	pair_free(p);
}
END_TEST

START_TEST(mschapv2_by_nt_hash)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_MSCHAPV2);

	side_secret(&p->server, IKE_SHARED_NTLM, "carol@example.org",
		"\x44\xEB\xBA\x8D\x53\x12\xB8\xD6\x11\x47\x44\x11\xF5\x69\x89\xAE");
	side_secret(&p->client, IKE_SHARED_EAP, "carol@example.org", "clientPass");
	pair_run(p);
	pair_expect_success(p, "carol@example.org");
	pair_free(p);
}
END_TEST

START_TEST(wrong_password)
{
	struct pair *p = pair_new(_i, _i);

	passwords(p, "secret of carol", "secret of karol");
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_EAP, "password of 'carol@example.org'");
	side_expect_failure(&p->client, IKE_REASON_EAP,
		_i == IKE_EAP_METHOD_MD5 ? "by EAP_MD5" : "error 691, Access denied");
	pair_free(p);
}
END_TEST

START_TEST(no_password)
{
	struct pair *p = pair_new(_i, _i);

	side_secret(&p->client, IKE_SHARED_EAP, "carol@example.org", "secret of carol");
	/* It belongs to the server alone: it is nobody's password. */
	side_secret(&p->server, IKE_SHARED_EAP, "moon.example.org", "secret of carol");
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_NO_SHARED_KEY,
		"no EAP secret found for 'carol@example.org'");
	pair_free(p);
	p = pair_new(_i, _i);
	side_secret(&p->server, IKE_SHARED_EAP, "carol@example.org", "secret of carol");
	pair_run(p);
	side_expect_failure(&p->client, IKE_REASON_NO_SHARED_KEY, "no EAP secret found");
	pair_free(p);
}
END_TEST

START_TEST(client_refuses_a_method)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_MD5, IKE_EAP_METHOD_MSCHAPV2);

	passwords(p, "secret of carol", "secret of carol");
	pair_run(p);
	side_expect_failure(&p->server, IKE_REASON_EAP, "it wants EAP_MSCHAPV2 (type 26)");
	side_expect_failure(&p->client, IKE_REASON_EAP, "refuses 'carol@example.org'");
	pair_free(p);
}
END_TEST

START_TEST(dynamic_takes_what_the_client_wants)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_DYNAMIC, IKE_EAP_METHOD_MD5);

	passwords(p, "secret of carol", "secret of carol");
	pair_run(p);
	pair_expect_success(p, "carol@example.org");
	ck_assert_uint_eq(ike_eap_msk(p->server.eap).length, 0);
	pair_free(p);
}
END_TEST

static void notify_first(struct pair *p, struct side *from, bool from_server)
{
	static const uint8_t notification[] = { 1, 77, 0, 10, 2, 'h', 'e', 'l', 'l', 'o' };
	static const uint8_t answer[] = { 2, 77, 0, 5, 2 };

	(void)from;
	if (!from_server || p->packets > 0)
		return;
	side_packet(&p->client, bytes_of(notification, sizeof(notification)));
	ck_assert(bytes_equal(writer_bytes(&p->client.out), bytes_of(answer, sizeof(answer))));
}

START_TEST(client_answers_notifications)
{
	struct pair *p = pair_new(IKE_EAP_METHOD_MD5, IKE_EAP_METHOD_MD5);

	p->meddle = notify_first;
	passwords(p, "secret of carol", "secret of carol");
	pair_run(p);
	if (p->client.failure.reason) /* the server happened to choose the same identifier */
		side_expect_failure(&p->client, IKE_REASON_PROTOCOL, "repeats a request");
	else
		pair_expect_success(p, "carol@example.org");
	pair_free(p);
}
END_TEST

TCase *eap_tests(void)
{
	TCase *t = tcase_create("eap");

	tcase_add_test(t, mschapv2_proves);
	tcase_add_test(t, md5_proves_without_keys);
	tcase_add_test(t, identity_is_asked_for);
	tcase_add_test(t, identity_must_fit_the_pattern);
	tcase_add_test(t, identity_is_no_pattern);
	tcase_add_test(t, mschapv2_name_is_the_identity);
	tcase_add_test(t, mschapv2_with_a_domain);
	tcase_add_test(t, mschapv2_by_nt_hash);
	static const int methods[] = { IKE_EAP_METHOD_MD5, IKE_EAP_METHOD_MSCHAPV2 };
	for (size_t i = 0; i < 2; i++) {
		tcase_add_loop_test(t, wrong_password, methods[i], methods[i] + 1);
		tcase_add_loop_test(t, no_password, methods[i], methods[i] + 1);
	}
	tcase_add_test(t, client_refuses_a_method);
	tcase_add_test(t, dynamic_takes_what_the_client_wants);
	tcase_add_test(t, client_answers_notifications);
	return t;
}

int main(void)
{
	Suite *suite = suite_create("eap");

	suite_add_tcase(suite, mschapv2_hash_tests());
	suite_add_tcase(suite, eap_tests());
	suite_add_tcase(suite, eap_hostile_tests());
	suite_add_tcase(suite, eap_radius_tests());
	suite_add_tcase(suite, eap_tls_tests());
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
