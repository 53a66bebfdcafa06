/* The store: kept once, found by names and key ids, forgotten by kind. */
#include "libike/model/certificates.h"
#include "testing/pki/pki.h"

#include <check.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

static struct ike_certificates *store;

static void setup(void)
{
	store = ike_certificates_new();
	ck_assert_ptr_nonnull(store);
}

static void teardown(void)
{
	ike_certificates_free(store);
}

static struct pki_certificate issue(
	const struct pki_certificate *ca, const char *subject, const char *extensions)
{
	struct pki_certificate made = pki_issue(
		&(struct pki_spec){ .subject = subject, .issuer = ca, .extensions = extensions });

	ck_assert_msg(made.c != NULL, "%s", made.why.text);
	return made;
}

static size_t count(void)
{
	size_t i = 0;

	while (ike_certificates_get(store, i))
		i++;
	return i;
}

static const struct ike_stored_certificate *by_name(const char *text)
{
	struct why why;
	struct ike_identity *id = ike_identity_parse(text, &why);
	const struct ike_stored_certificate *found = ike_certificates_by_name(store, id, NULL);

	ike_identity_free(id);
	return found;
}

START_TEST(equal_ones_are_kept_once_with_the_highest_role)
{
	struct pki_certificate root = pki_root("/CN=root");
	struct bytes der = ike_certificate_der(root.c);
	struct why why;
	struct ike_certificate *twin = ike_certificate_parse(NULL, der, &why);

	ck_assert_ptr_eq(ike_certificates_add(store, root.c, IKE_CERTIFICATE_END, true), root.c);
	ck_assert(ike_certificates_get(store, 0)->cached);
	ck_assert_ptr_eq(ike_certificates_add(store, twin, IKE_CERTIFICATE_CA, false), root.c);
	ck_assert(!ike_certificates_get(store, 0)->cached);
	ck_assert_ptr_eq(ike_certificates_add(store, twin, IKE_CERTIFICATE_END, false), root.c);
	ck_assert_ptr_eq(ike_certificates_add(store, twin, IKE_CERTIFICATE_END, true), root.c);
	ck_assert_uint_eq(ike_certificates_get(store, 0)->role, IKE_CERTIFICATE_CA);
	ck_assert(!ike_certificates_get(store, 0)->cached);
	ck_assert_uint_eq(count(), 1);
	ike_certificate_free(twin);
	pki_free(&root);
}
END_TEST

START_TEST(what_is_known_is_found_by_der_and_by_pem)
{
	struct pki_certificate root = pki_root("/CN=root"), other = pki_root("/CN=other");
	struct bytes der = ike_certificate_der(root.c);
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;

	ck_assert_int_eq(PEM_write_bio_X509(pem, ike_certificate_x509(root.c)), 1);
	size_t length = (size_t)BIO_get_mem_data(pem, &text);
	ck_assert_ptr_null(ike_certificates_find(store, der));
	ck_assert_ptr_nonnull(ike_certificates_add(store, root.c, IKE_CERTIFICATE_END, false));
	struct ike_certificate *by_der = ike_certificates_find(store, der);
	struct ike_certificate *by_pem = ike_certificates_find(store, bytes_of(text, length));
	ck_assert_ptr_eq(by_der, root.c);
	ck_assert_ptr_eq(by_pem, root.c);
	ck_assert_ptr_null(ike_certificates_find(store, ike_certificate_der(other.c)));
	ck_assert_ptr_null(ike_certificates_find(store, bytes_of(text, length / 2)));
	ck_assert_ptr_null(ike_certificates_find(store, (struct bytes){ 0 }));
	ike_certificate_free(by_der);
	ike_certificate_free(by_pem);
	BIO_free(pem);
	pki_free(&root);
	pki_free(&other);
}
END_TEST

START_TEST(a_peers_certificate_is_no_authority_by_coming_along)
{
	struct pki_certificate root = pki_root("/CN=root");

	ck_assert_ptr_nonnull(ike_certificates_add(store, root.c, IKE_CERTIFICATE_END, false));
	ck_assert_ptr_nonnull(ike_certificates_add(store, root.c, IKE_CERTIFICATE_CA, true));
	ck_assert_uint_eq(ike_certificates_get(store, 0)->role, IKE_CERTIFICATE_END);
	pki_free(&root);
}
END_TEST

static bool wants_all(const void *context, struct bytes der)
{
	(void)context, (void)der;
	return true;
}

/* The file moved from x509ca to x509: what is loaded anew says what it is. */
START_TEST(what_is_loaded_as_a_ca_no_more_is_none_any_more)
{
	struct pki_certificate root = pki_root("/CN=root");

	ck_assert_ptr_nonnull(ike_certificates_add(store, root.c, IKE_CERTIFICATE_CA, false));
	ike_certificates_retain(store, wants_all, NULL);
	ck_assert_uint_eq(ike_certificates_get(store, 0)->role, IKE_CERTIFICATE_CA);
	ck_assert_ptr_nonnull(ike_certificates_add(store, root.c, IKE_CERTIFICATE_END, false));
	ike_certificates_retain(store, wants_all, NULL);
	ck_assert_uint_eq(ike_certificates_get(store, 0)->role, IKE_CERTIFICATE_END);
	/* What nobody loaded since stays what it was. */
	ike_certificates_retain(store, wants_all, NULL);
	ck_assert_uint_eq(ike_certificates_get(store, 0)->role, IKE_CERTIFICATE_END);
	pki_free(&root);
}
END_TEST

static void add_authority(const char *name, const struct pki_certificate *ca)
{
	struct ike_authority *a = calloc(1, sizeof(*a));

	ck_assert_ptr_nonnull(a);
	a->name = strdup(name);
	a->ca = ike_certificate_hold(ca->c);
	ck_assert(ike_certificates_add_authority(store, a));
}

START_TEST(an_authoritys_ca_goes_with_the_last_one_that_names_it)
{
	struct pki_certificate root = pki_root("/CN=root"), other = pki_root("/CN=other");

	add_authority("a", &root);
	add_authority("b", &root);
	ck_assert_uint_eq(count(), 1);
	ck_assert_uint_eq(ike_certificates_get(store, 0)->role, IKE_CERTIFICATE_CA);
	ck_assert(ike_certificates_remove_authority(store, "b"));
	ck_assert_uint_eq(count(), 1);
	add_authority("a", &other); /* in the place of the first */
	ck_assert_uint_eq(count(), 1);
	ck_assert_ptr_eq(ike_certificates_get(store, 0)->certificate, other.c);
	ck_assert(ike_certificates_remove_authority(store, "a"));
	ck_assert_uint_eq(count(), 0);
	/* One that was loaded besides stays. */
	ck_assert_ptr_nonnull(ike_certificates_add(store, root.c, IKE_CERTIFICATE_CA, false));
	add_authority("a", &root);
	ck_assert(ike_certificates_remove_authority(store, "a"));
	ck_assert_uint_eq(count(), 1);
	pki_free(&root);
	pki_free(&other);
}
END_TEST

START_TEST(they_are_found_by_every_name_and_key_id)
{
	struct pki_certificate root = pki_root("/C=CH/CN=root");
	struct pki_certificate a = issue(&root, "/C=CH/CN=Moon",
		PKI_END "subjectAltName = DNS:moon.example.org, DNS:other.example.org\n");
	struct pki_certificate b =
		issue(&root, "/C=CH/CN=sun", PKI_END "subjectAltName = DNS:moon.example.org\n");
	const struct ike_stored_certificate *found;
	struct why why;

	ck_assert_ptr_nonnull(ike_certificates_add(store, root.c, IKE_CERTIFICATE_CA, false));
	ck_assert_ptr_nonnull(ike_certificates_add(store, a.c, IKE_CERTIFICATE_END, false));
	ck_assert_ptr_nonnull(ike_certificates_add(store, b.c, IKE_CERTIFICATE_END, false));
	ck_assert_ptr_eq(by_name("C=ch, CN=mOON")->certificate, a.c);
	ck_assert_ptr_eq(by_name("other.example.org")->certificate, a.c);
	ck_assert_ptr_null(by_name("none.example.org"));
	ck_assert_ptr_null(by_name("*.example.org")); /* a pattern is for those who look at all */
	struct ike_identity *id = ike_identity_parse("moon.example.org", &why);
	found = ike_certificates_by_name(store, id, NULL);
	ck_assert_ptr_eq(found->certificate, a.c);
	found = ike_certificates_by_name(store, id, found);
	ck_assert_ptr_eq(found->certificate, b.c);
	ck_assert_ptr_null(ike_certificates_by_name(store, id, found));
	ike_identity_free(id);
	const struct ike_public_key *key = ike_certificate_key(b.c);
	found = ike_certificates_by_key_id(store, bytes_of(ike_public_key_id(key), 20), NULL);
	ck_assert_ptr_eq(found->certificate, b.c);
	found = ike_certificates_by_key_id(store, bytes_of(ike_public_key_info_id(key), 20), NULL);
	ck_assert_ptr_eq(found->certificate, b.c);
	ck_assert_ptr_null(ike_certificates_by_key_id(
		store, bytes_of(ike_public_key_info_id(key), 20), found));
	pki_free(&a);
	pki_free(&b);
	pki_free(&root);
}
END_TEST

static bool is_one(const void *context, struct bytes der)
{
	return bytes_equal(der, ike_certificate_der(context));
}

START_TEST(what_goes_depends_on_where_it_came_from)
{
	struct pki_certificate root = pki_root("/CN=root");
	struct pki_certificate a = issue(&root, "/CN=a", PKI_END),
			       b = issue(&root, "/CN=b", PKI_END);
	struct ike_authority *authority = calloc(1, sizeof(*authority));

	authority->name = strdup("lab");
	authority->ca = ike_certificate_hold(root.c);
	ck_assert(ike_certificates_add_authority(store, authority));
	ck_assert_ptr_nonnull(ike_certificates_add(store, root.c, IKE_CERTIFICATE_CA, false));
	ck_assert_ptr_nonnull(ike_certificates_add(store, a.c, IKE_CERTIFICATE_END, false));
	ck_assert_ptr_nonnull(ike_certificates_add(store, b.c, IKE_CERTIFICATE_END, true));
	ike_certificates_flush(store);
	ck_assert_uint_eq(count(), 2);
	ck_assert_ptr_null(by_name("CN=b"));
	ck_assert_ptr_nonnull(ike_certificates_add(store, b.c, IKE_CERTIFICATE_END, false));
	ike_certificates_retain(store, is_one, a.c);
	ck_assert_uint_eq(count(), 2); /* a, and the authority's */
	ck_assert_ptr_nonnull(by_name("CN=root"));
	ck_assert_ptr_null(by_name("CN=b"));
	ike_certificates_clear(store);
	ck_assert_uint_eq(count(), 1);
	ck_assert(ike_certificates_remove_authority(store, "lab"));
	ck_assert(!ike_certificates_remove_authority(store, "lab"));
	ike_certificates_clear(store);
	ck_assert_uint_eq(count(), 0);
	pki_free(&a);
	pki_free(&b);
	pki_free(&root);
}
END_TEST

static struct ike_crl *crl_of(const struct pki_certificate *ca, const char *extensions)
{
	struct bytes der =
		pki_crl(&(struct pki_crl_spec){ .issuer = ca, .extensions = extensions });
	struct why why;
	struct ike_crl *crl = ike_crl_parse(NULL, der, &why);

	ck_assert_msg(crl != NULL, "%s", why.text);
	free((void *)der.at);
	return crl;
}

static bool wants_none(const void *context, struct bytes der)
{
	(void)context, (void)der;
	return false;
}

/* The CA began to count anew, or the operator put an old file there: nobody is good for that. */
START_TEST(a_crl_stays_whose_older_one_is_loaded)
{
	struct pki_certificate root = pki_root("/CN=root");
	struct ike_crl *older = crl_of(&root, "crlNumber = DER:020109\n"),
		       *newer = crl_of(&root, "crlNumber = DER:02020100\n");

	ck_assert(ike_certificates_add_crl(store, newer, false));
	ck_assert(ike_certificates_add_crl(store, older, false));
	ike_certificates_retain(store, wants_none, NULL);
	ck_assert_ptr_eq(ike_certificates_crl(store, 0), newer);
	ike_certificates_retain(store, wants_none, NULL);
	ck_assert_ptr_null(ike_certificates_crl(store, 0));
	ike_crl_free(older);
	ike_crl_free(newer);
	pki_free(&root);
}
END_TEST

START_TEST(the_newest_crl_of_an_issuer_is_kept)
{
	struct pki_certificate root = pki_root("/CN=root"), other = pki_root("/CN=other");
	struct ike_crl *first = crl_of(&root, "crlNumber = DER:020109\n"),
		       *later = crl_of(&root, "crlNumber = DER:02020100\n"),
		       *others = crl_of(&other, "crlNumber = DER:020101\n");

	ck_assert(ike_certificates_add_crl(store, first, false));
	ck_assert(ike_certificates_add_crl(store, later, true));
	ck_assert_ptr_eq(ike_certificates_crl(store, 0), later);
	ck_assert(ike_certificates_add_crl(store, first, false));
	ck_assert_ptr_eq(ike_certificates_crl(store, 0), later);
	ck_assert(ike_certificates_add_crl(store, others, false));
	ck_assert_ptr_eq(ike_certificates_crl(store, 1), others);
	ike_certificates_flush_crls(store);
	ck_assert_ptr_eq(ike_certificates_crl(store, 0), others);
	ck_assert_ptr_null(ike_certificates_crl(store, 1));
	ike_crl_free(first);
	ike_crl_free(later);
	ike_crl_free(others);
	pki_free(&root);
	pki_free(&other);
}
END_TEST

START_TEST(private_keys_are_known_by_their_public_halves)
{
	struct pki_certificate a = pki_root("/CN=a"), b = pki_root("/CN=b");
	struct ike_public_key *key = ike_certificate_key(a.c);
	uint64_t handle;

	ck_assert(ike_certificates_add_key(store, key, 7));
	ck_assert(ike_certificates_add_key(store, key, 8));
	ck_assert_ptr_null(ike_certificates_key(store, 1));
	ck_assert_uint_eq(ike_certificates_key_of(store, key)->handle, 8);
	ck_assert_ptr_null(ike_certificates_key_of(store, ike_certificate_key(b.c)));
	ck_assert(ike_certificates_remove_key(store, ike_public_key_id(key), &handle));
	ck_assert_uint_eq(handle, 8);
	ck_assert(!ike_certificates_remove_key(store, ike_public_key_id(key), &handle));
	pki_free(&a);
	pki_free(&b);
}
END_TEST

/* With a walk over all for each it would not end. */
START_TEST(thousands_are_no_trouble)
{
	struct pki_certificate root = pki_root("/CN=root");
	EVP_PKEY *key = pki_key("p256", 1);
	char subject[64], text[64];

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(subject, sizeof(subject), "/CN=peer-%u", i);
		struct pki_certificate c = pki_issue(&(struct pki_spec){
			.subject = subject, .issuer = &root, .key = key, .extensions = PKI_END });

		ck_assert_ptr_nonnull(ike_certificates_add(store, c.c, IKE_CERTIFICATE_END, i % 2));
		pki_free(&c);
	}
	for (unsigned n = 0; n < 20000; n++) {
		snprintf(text, sizeof(text), "CN=peer-%u", n % 2000);
		ck_assert_ptr_nonnull(by_name(text));
	}
	ike_certificates_flush(store);
	ck_assert_uint_eq(count(), 1000);
	pki_free(&root);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certificates");
	TCase *tests = tcase_create("store");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, equal_ones_are_kept_once_with_the_highest_role);
	tcase_add_test(tests, what_is_known_is_found_by_der_and_by_pem);
	tcase_add_test(tests, a_peers_certificate_is_no_authority_by_coming_along);
	tcase_add_test(tests, what_is_loaded_as_a_ca_no_more_is_none_any_more);
	tcase_add_test(tests, an_authoritys_ca_goes_with_the_last_one_that_names_it);
	tcase_add_test(tests, they_are_found_by_every_name_and_key_id);
	tcase_add_test(tests, what_goes_depends_on_where_it_came_from);
	tcase_add_test(tests, a_crl_stays_whose_older_one_is_loaded);
	tcase_add_test(tests, the_newest_crl_of_an_issuer_is_kept);
	tcase_add_test(tests, private_keys_are_known_by_their_public_halves);
	tcase_add_test(tests, thousands_are_no_trouble);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
