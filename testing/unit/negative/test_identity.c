/* Identities that a certificate does not prove, though something in it looks like them. */
#include "testing/unit/negative/negative.h"

#include "libike/trust.h"

#include <stdio.h>
#include <stdlib.h>

struct row {
	const char *name;
	const char *subject; /* NULL: /O=test/CN=moon */
	const char *names;   /* the end of "subjectAltName = "; NULL: there is none */
	const char *id;
	bool proves; /* a positive control */
};

/* clang-format off: a table */
static const struct row rows[] = {
	{ "its DNS name", NULL, "DNS:moon.example.org", "moon.example.org", true },
	{ "its DNS name in other letters", NULL, "DNS:MOON.example.ORG", "moon.example.org", true },
	{ "the second of its names", NULL, "DNS:a.example.org, DNS:moon.example.org",
		"moon.example.org", true },
	{ "another host", NULL, "DNS:sun.example.org", "moon.example.org", false },
	{ "a longer name", NULL, "DNS:moon.example.org.evil.example", "moon.example.org", false },
	{ "a name that ends alike", NULL, "DNS:evilmoon.example.org", "moon.example.org", false },
	{ "a shorter name", NULL, "DNS:moon.example", "moon.example.org", false },
	{ "the domain", NULL, "DNS:example.org", "moon.example.org", false },
	{ "a host below it", NULL, "DNS:moon.example.org", "a.moon.example.org", false },
	{ "the common name is no DNS name", "/O=test/CN=moon.example.org", NULL, "moon.example.org",
		false },
	{ "nor beside another", "/O=test/CN=moon.example.org", "DNS:sun.example.org",
		"moon.example.org", false },
	{ "a wildcard in the certificate", NULL, "DNS:*.example.org", "moon.example.org", false },
	{ "a wildcard for all", NULL, "DNS:*", "moon.example.org", false },
	{ "an e-mail address that is a name", NULL, "email:moon@example.org", "moon.example.org",
		false },
	{ "a URI of it", NULL, "URI:https://moon.example.org", "moon.example.org", false },
	{ "its e-mail address", NULL, "email:moon@example.org", "moon@example.org", true },
	{ "another mailbox", NULL, "email:sun@example.org", "moon@example.org", false },
	{ "the mailbox elsewhere", NULL, "email:moon@example.com", "moon@example.org", false },
	{ "a mailbox that is a DNS name", NULL, "DNS:moon@example.org", "moon@example.org", false },
	{ "its address", NULL, "IP:192.0.2.1", "192.0.2.1", true },
	{ "its IPv6 address", NULL, "IP:2001:db8::1", "2001:db8::1", true },
	{ "another address", NULL, "IP:192.0.2.2", "192.0.2.1", false },
	{ "an address that is a DNS name", NULL, "DNS:192.0.2.1", "192.0.2.1", false },
	{ "an address that is a common name", "/O=test/CN=192.0.2.1", NULL, "192.0.2.1", false },
	{ "a name that is an address", NULL, "IP:192.0.2.1", "fqdn:192.0.2.1", false },
	{ "IPv4 in IPv6", NULL, "IP:::ffff:192.0.2.1", "192.0.2.1", false },
	{ "its subject", NULL, NULL, "O=test, CN=moon", true },
	{ "its subject in other letters", NULL, NULL, "O=TEST, CN=Moon", true },
	{ "its subject as a pattern", NULL, NULL, "O=test, CN=*", false },
	{ "another common name", NULL, NULL, "O=test, CN=sun", false },
	{ "another organisation", NULL, NULL, "O=other, CN=moon", false },
	{ "the subject the other way round", NULL, NULL, "CN=moon, O=test", false },
	{ "a part of the subject", NULL, NULL, "CN=moon", false },
	{ "the subject and more", NULL, NULL, "O=test, CN=moon, OU=office", false },
	{ "another attribute of that value", NULL, NULL, "O=test, OU=moon", false },
	{ "both values in one", "/O=test, CN=moon", NULL, "O=test, CN=moon", false },
	{ "a pattern of another organisation", NULL, NULL, "O=other, CN=*", false },
	{ "a subject in the other names", "/O=other/CN=other",
		"DNS:sun, dirName:dn\n[dn]\nO = test\nCN = moon", "O=test, CN=moon", true },
	{ "an empty subject", "", "DNS:sun.example.org", "O=test, CN=moon", false },
	{ "the octets of a name as a key id", NULL, "DNS:moon.example.org",
		"keyid:moon.example.org", false },
	{ "a made-up key id", NULL, NULL, "@#000102030405060708090a0b0c0d0e0f10111213", false },
	{ "zero within the name", NULL, "DER", "moon.example.org", false },
};
/* clang-format on */

/* subjectAltName with the DNS name "moon.example.org\0.evil": a C string would end at the zero. */
#define WITH_ZERO                           \
	PKI_END "subjectAltName = DER:3019" \
		"82176d6f6f6e2e6578616d706c652e6f7267002e6576696c00\n"

START_TEST(each_identity_is_judged)
{
	const struct row *row = &rows[_i];
	struct bed *b = bed_new();
	struct pki_certificate root = pki_root("/O=test/CN=root");
	struct ike_auth_round round = { .class = IKE_AUTH_CLASS_PUBKEY };
	struct ike_failure failure = { 0 };
	struct why why = { "" };
	char extensions[300] = PKI_END;

	if (row->names)
		snprintf(extensions, sizeof(extensions), PKI_END "subjectAltName = %s\n",
			row->names);
	const struct pki_spec spec = {
		.subject = row->subject ? (*row->subject ? row->subject : NULL) : "/O=test/CN=moon",
		.issuer = &root,
		.extensions = row->names && strcmp(row->names, "DER") == 0 ? WITH_ZERO : extensions,
	};
	struct pki_certificate end = pki_issue(&spec);
	struct ike_identity *id = ike_identity_parse(row->id, &why);

	ck_assert_msg(id != NULL, "%s: %s", row->name, why.text);
	ck_assert_ptr_nonnull(ike_certificates_add(
		ike_engine_certificates(b->engine), root.c, IKE_CERTIFICATE_CA, false));
	struct ike_certificate *candidates[IKE_TRUST_CANDIDATES_MAX];
	const struct ike_trust_query query = { .round = &round,
		.id = id,
		.received = &end.c,
		.received_count = end.c ? 1 : 0,
		.ike_id = 1 };
	size_t count = ike_trust_candidates(b->engine, &query, candidates, &failure);
	ck_assert_msg((count > 0) == row->proves, "%s: %zu, %s", row->name, count,
		end.c ? failure.text : end.why.text);
	if (row->proves)
		ck_assert_msg(ike_trust_check(b->engine, &query, candidates[0], &failure) ==
				      IKE_TRUST_YES,
			"%s: %s", row->name, failure.text);
	else if (end.c)
		ck_assert_msg(failure.reason == IKE_REASON_WRONG_IDENTITY &&
				      strstr(failure.text, "is not in the peer's certificate"),
			"%s: %s", row->name, failure.text);
	for (size_t i = 0; i < count; i++)
		ike_certificate_free(candidates[i]);
	ike_failure_free(&failure);
	ike_identity_free(id);
	pki_free(&root);
	pki_free(&end);
	bed_free(b);
}
END_TEST

/* Raw keys prove who they were loaded for, and nobody else. */
START_TEST(raw_keys_are_those_that_are_listed)
{
	struct bed *b = bed_new();
	struct why why;
	struct ike_public_key *ours = ike_public_key_of(NULL, pki_key("p256", 1), &why);
	struct ike_public_key *theirs = ike_public_key_of(NULL, pki_key("p256", 2), &why);
	struct ike_identity *id = ike_identity_parse("moon.example.org", &why);
	struct ike_certificate *listed = ike_certificate_of_key(ours, id);
	struct ike_certificate *other = ike_certificate_of_key(theirs, id);
	struct ike_auth_round round = {
		.class = IKE_AUTH_CLASS_PUBKEY, .certs = &listed, .cert_count = 1
	};
	struct ike_certificate *candidates[IKE_TRUST_CANDIDATES_MAX];
	struct ike_failure failure = { 0 };
	struct ike_trust_query query = {
		.round = &round, .id = id, .received = &other, .received_count = 1, .ike_id = 1
	};
	size_t count = ike_trust_candidates(b->engine, &query, candidates, &failure);

	/* What the peer sent is not among them; its signature will not fit the one that is. */
	ck_assert_uint_eq(count, 1);
	ck_assert(ike_certificate_equal(candidates[0], listed));
	ck_assert_int_eq(
		ike_trust_check(b->engine, &query, candidates[0], &failure), IKE_TRUST_YES);
	ike_certificate_free(candidates[0]);
	/* Without a list no raw key is believed. */
	round.cert_count = 0;
	ck_assert_int_eq(ike_trust_check(b->engine, &query, other, &failure), IKE_TRUST_NO);
	ck_assert_int_eq(failure.reason, IKE_REASON_UNTRUSTED);
	ck_assert_ptr_nonnull(strstr(failure.text, "raw public key"));
	ike_failure_free(&failure);
	ike_certificate_free(listed);
	ike_certificate_free(other);
	ike_identity_free(id);
	ike_public_key_free(ours);
	ike_public_key_free(theirs);
	bed_free(b);
}
END_TEST

TCase *negative_identity_tests(void)
{
	TCase *tests = tcase_create("identities");

	tcase_add_loop_test(
		tests, each_identity_is_judged, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tests, raw_keys_are_those_that_are_listed);
	return tests;
}
