/* Phase 1 by signatures: RSA and ECDSA, both modes, and what is refused. */
#include "testing/unit/engine/certified.h"

static const char *const kinds[] = { "rsa2048", "p256", "p384", "p521" };
#define KINDS 4

START_TEST(each_kind_of_key_proves_an_identity)
{
	struct duo d = certified_begin(_i >= KINDS);

	certified_start(&d, kinds[_i % KINDS], false);
	duo_up(&d, d.moon, "net");
	ck_assert(sim_node_logged(d.sun, "authentication of 'moon.example.org' by signature"));
	ck_assert(sim_node_logged(d.moon, "authentication of 'sun.example.org' by signature"));
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(datagrams_may_get_lost_and_come_twice)
{
	struct duo d = certified_begin(_i % 2);

	certified_start(&d, "p256", false);
	d.world->faults = (struct sim_faults){ .loss = 250, .duplicate = 250, .delay_to = 400 };
	d.world->faults_until = d.world->now + IKE_SECONDS(30);
	for (int i = 0; i < _i; i++)
		(void)sim_random_u64(&d.world->random);
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert_msg(command->done, "%s", command->text);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(60));
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_certificate_of_an_unknown_ca_is_refused)
{
	struct duo d = certified_begin(_i);

	certified_start(&d, "rsa2048", true);
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_msg(strstr(command->text, "other CA"), "%s", command->text);
	ck_assert_uint_eq(duo_ike_sas(d.moon), 0);
	ck_assert(sim_node_logged(d.sun, "AUTHENTICATION_FAILED"));
	duo_explains(d.moon, "sun", IKE_REASON_UNTRUSTED, "other CA", "swanctl/x509ca");
	duo_explains(d.sun, "moon", IKE_REASON_AUTH_FAILED,
		"does not trust the certificate of \"sun.example.org\"",
		"the CA of connections.moon.local.certs");
	duo_end(&d);
}
END_TEST

START_TEST(an_expired_certificate_is_refused)
{
	struct duo d = certified_begin(false);
	struct pki_certificate ca = pki_root("/O=test/CN=CA");

	duo_start(&d);
	certified_trust(d.moon, &ca);
	certified_trust(d.sun, &ca);
	struct pki_certificate old = pki_issue(&(struct pki_spec){ .subject = "/CN=" MOON,
		.issuer = &ca,
		.extensions = PKI_END "subjectAltName = DNS:" MOON "\n",
		.not_after = PKI_NOW - 86400 });
	certified_own(d.moon, &old);
	pki_free(&old);
	certified_give(d.sun, &ca, SUN, "p256", 2);
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert(sim_node_logged(d.sun, "was valid until"));
	pki_free(&ca);
	duo_end(&d);
}
END_TEST

START_TEST(without_a_private_key_nothing_can_be_proved)
{
	struct duo d = certified_begin(false);

	certified_start(&d, "rsa2048", false);
	sim_node_forget_keys(d.moon);
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_msg(strstr(command->text, "cannot be used"), "%s", command->text);
	duo_end(&d);
}
END_TEST

START_TEST(an_edwards_key_has_no_method_in_ikev1)
{
	struct duo d = certified_begin(false);

	certified_start(&d, "ed25519", false);
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_msg(strstr(command->text, "IKEv1 has no signatures by ED25519 keys"), "%s",
		command->text);
	duo_end(&d);
}
END_TEST

TCase *ikev1_proof_tests(void)
{
	TCase *t = tcase_create("proof");

	certified_prepare(t);
	tcase_add_loop_test(t, each_kind_of_key_proves_an_identity, 0, 2 * KINDS);
	tcase_add_loop_test(t, datagrams_may_get_lost_and_come_twice, 0, 30);
	tcase_add_loop_test(t, a_certificate_of_an_unknown_ca_is_refused, 0, 2);
	tcase_add_test(t, an_expired_certificate_is_refused);
	tcase_add_test(t, without_a_private_key_nothing_can_be_proved);
	tcase_add_test(t, an_edwards_key_has_no_method_in_ikev1);
	return t;
}
