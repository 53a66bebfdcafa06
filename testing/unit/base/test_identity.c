/* Identities: strongSwan's text forms, octets from the wire, and how well they match. */
#include "libike/base/identity.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

static struct why why;

static struct ike_identity *identity(const char *text)
{
	struct ike_identity *id = ike_identity_parse(text, &why);

	if (!id)
		ck_abort_msg("%s", why.text);
	return id;
}

/* Text, the type that it gives, and how it prints: all seen in strongSwan 5.9.8 unless said
 * otherwise. NULL: prints as it is. */
static const struct {
	const char *in;
	uint8_t type;
	const char *out;
} forms[] = {
	{ "", IKE_ID_ANY, "%any" },
	{ "%any", IKE_ID_ANY, NULL },
	{ "%any6", IKE_ID_ANY, "%any" },
	{ "*", IKE_ID_ANY, "%any" },
	{ "0.0.0.0", IKE_ID_ANY, "%any" },
	{ "::", IKE_ID_ANY, "%any" },
	{ "any", IKE_ID_FQDN, NULL },
	{ "192.0.2.1", IKE_ID_IPV4_ADDR, NULL },
	{ "2001:DB8:0::1", IKE_ID_IPV6_ADDR, "2001:db8::1" },
	{ "::ffff:1.2.3.4", IKE_ID_IPV6_ADDR, NULL },
	{ "10.0.0.1/8", IKE_ID_IPV4_ADDR_SUBNET, "10.0.0.0/8" },
	{ "0.0.0.0/0", IKE_ID_IPV4_ADDR_SUBNET, NULL },
	{ "2001:db8::/32", IKE_ID_IPV6_ADDR_SUBNET, NULL },
	{ "10.0.0.1-10.0.0.9", IKE_ID_IPV4_ADDR_RANGE, NULL },
	{ "2001:db8::1-2001:db8::9", IKE_ID_IPV6_ADDR_RANGE, NULL },
	{ "Moon.Example.ORG", IKE_ID_FQDN, NULL },
	{ "*.example.org", IKE_ID_FQDN, NULL },
	{ "@moon", IKE_ID_FQDN, "moon" },
	{ "@user@example.org", IKE_ID_FQDN, "user@example.org" },
	{ "@a:b", IKE_ID_FQDN, "a:b" },
	{ "@#0a0b", IKE_ID_KEY_ID, "0a:0b" },
	{ "@#0A:0b", IKE_ID_KEY_ID, "0a:0b" },
	{ "@#0a0", IKE_ID_KEY_ID, "00:a0" },
	{ "@@user@example.org", IKE_ID_RFC822_ADDR, "user@example.org" },
	{ "user@example.org", IKE_ID_RFC822_ADDR, NULL },
	{ "*@example.org", IKE_ID_RFC822_ADDR, NULL },
	{ "a@b:c", IKE_ID_RFC822_ADDR, NULL },
	{ "1.2.3", IKE_ID_FQDN, NULL },
	{ "300.1.1.1", IKE_ID_FQDN, NULL },
	{ "a/b", IKE_ID_FQDN, NULL },
	{ "10.0.0.1-x", IKE_ID_FQDN, NULL },
	{ " 10.1.1.1", IKE_ID_FQDN, NULL },
	{ "foo:bar", IKE_ID_KEY_ID, NULL },
	{ "2001:db8::zz", IKE_ID_KEY_ID, NULL },
	{ "fe80::1%lo", IKE_ID_KEY_ID, NULL },
	{ "C=CH, O=Linux strongSwan, CN=moon", IKE_ID_DER_ASN1_DN, NULL },
	{ "c=CH,o=Linux strongSwan,cn=moon", IKE_ID_DER_ASN1_DN,
		"C=CH, O=Linux strongSwan, CN=moon" },
	{ "/C=CH/O=Linux strongSwan/CN=moon", IKE_ID_DER_ASN1_DN,
		"C=CH, O=Linux strongSwan, CN=moon" },
	{ "/CN=moon/OU=a, b", IKE_ID_DER_ASN1_DN, "CN=moon, OU=a, b" },
	{ "CN=moon/sun", IKE_ID_DER_ASN1_DN, NULL },
	{ "CN = moon ", IKE_ID_DER_ASN1_DN, "CN=moon" },
	{ "CN=moon, ", IKE_ID_DER_ASN1_DN, "CN=moon" },
	{ "CN=", IKE_ID_DER_ASN1_DN, NULL },
	{ "CN=a=b", IKE_ID_DER_ASN1_DN, NULL },
	{ "CN=x@y", IKE_ID_DER_ASN1_DN, NULL },
	{ "CN=M\xc3\xbcller", IKE_ID_DER_ASN1_DN, "CN=M??ller" },
	{ "emailAddress=user@example.org", IKE_ID_DER_ASN1_DN, "E=user@example.org" },
	{ "DC=example, DC=org", IKE_ID_DER_ASN1_DN, NULL },
	{ "street=x, EN=1, SN=y, TCGID=z", IKE_ID_DER_ASN1_DN,
		"STREET=x, employeeNumber=1, SN=y, TCGID=z" },
	{ "x=y", IKE_ID_KEY_ID, NULL },
	{ "@a=b", IKE_ID_KEY_ID, NULL },
	{ ", CN=moon", IKE_ID_KEY_ID, NULL },
	{ "CN=a,,O=b", IKE_ID_KEY_ID, NULL },
	{ "CN=a,b", IKE_ID_KEY_ID, NULL },
	{ "2.5.4.3=moon", IKE_ID_KEY_ID, NULL },
	{ "user=x@y", IKE_ID_KEY_ID, NULL },
	{ "fqdn:192.0.2.1", IKE_ID_FQDN, "192.0.2.1" },
	{ "Fqdn:moon", IKE_ID_FQDN, "moon" },
	{ "dns:moon", IKE_ID_FQDN, "moon" },
	{ "fqdn:*", IKE_ID_FQDN, "*" },
	{ "fqdn:#6d6f6f6e", IKE_ID_FQDN, "moon" },
	{ "fqdn:#01ff0a7f61", IKE_ID_FQDN, "????a" },
	{ "email:moon", IKE_ID_RFC822_ADDR, "moon" },
	{ "rfc822:user@example.org", IKE_ID_RFC822_ADDR, "user@example.org" },
	{ "userfqdn:user@example.org", IKE_ID_RFC822_ADDR, "user@example.org" },
	{ "keyid:moon", IKE_ID_KEY_ID, "moon" },
	{ "keyid:#6d6f6f6e", IKE_ID_KEY_ID, "moon" },
	{ "keyid:*", IKE_ID_KEY_ID, "*" },
	{ "keyid:0x0a0b", IKE_ID_KEY_ID, "0x0a0b" },
	{ "keyid:aaaaaaaaaaaaaaaaaaaa", IKE_ID_KEY_ID,
		"61:61:61:61:61:61:61:61:61:61:61:61:61:61:61:61:61:61:61:61" },
	{ "asn1dn:#300f310d300b06035504030c046d6f6f6e", IKE_ID_DER_ASN1_DN, "CN=moon" },
	{ "asn1dn:#3000", IKE_ID_DER_ASN1_DN, "" },
	{ "asn1gn:#8204aabbccdd", IKE_ID_DER_ASN1_GN, "(ASN.1 general name)" },
	{ "{1}:#c0000201", IKE_ID_IPV4_ADDR, "192.0.2.1" },
	{ "{0x02}:moon", IKE_ID_FQDN, "moon" },
	{ "{200}:abc", 200, "(unknown ID type: 200)" },
	{ "{2}moon", IKE_ID_FQDN, NULL },
	/* multi-valued RDN, unknown OID */
	{ "asn1dn:#30253117300b06035504030c046d6f6f6e3008060355040b0c0178310a30080603550403130179",
		IKE_ID_DER_ASN1_DN, "CN=moon, OU=x, CN=y" },
	{ "asn1dn:#300e310c300a06032a03040c036f6464", IKE_ID_DER_ASN1_DN, "2a:03:04=odd" },
	/* ours: strongSwan takes the text behind these prefixes for the octets themselves */
	{ "ipv4:192.0.2.1", IKE_ID_IPV4_ADDR, "192.0.2.1" },
	{ "ipv6:2001:db8::1", IKE_ID_IPV6_ADDR, "2001:db8::1" },
	{ "ipv4net:10.0.0.0/8", IKE_ID_IPV4_ADDR_SUBNET, "10.0.0.0/8" },
	{ "ipv6net:2001:db8::/32", IKE_ID_IPV6_ADDR_SUBNET, "2001:db8::/32" },
	{ "ipv4range:10.0.0.1-10.0.0.9", IKE_ID_IPV4_ADDR_RANGE, "10.0.0.1-10.0.0.9" },
	{ "ipv6range:2001:db8::1-2001:db8::9", IKE_ID_IPV6_ADDR_RANGE, "2001:db8::1-2001:db8::9" },
	{ "asn1dn:CN=moon", IKE_ID_DER_ASN1_DN, "CN=moon" },
};

START_TEST(identities_read_and_print_as_in_strongswan)
{
	struct ike_identity *id = identity(forms[_i].in);
	char text[IKE_IDENTITY_TEXT_MAX];

	ck_assert_uint_eq(id->type, forms[_i].type);
	ck_assert_str_eq(
		ike_identity_format(id, text), forms[_i].out ? forms[_i].out : forms[_i].in);
	ike_identity_free(id);
}
END_TEST

START_TEST(an_identity_goes_to_the_wire_and_back)
{
	struct ike_identity *id = identity(forms[_i].in);
	struct ike_identity *again =
		ike_identity_from_wire(id->type, bytes_of(id->octets, id->length));

	if (id->type == IKE_ID_ANY) {
		ck_assert_ptr_null(again);
	} else {
		ck_assert_ptr_nonnull(again);
		ck_assert(ike_identity_equal(id, again));
		ck_assert_uint_eq(ike_identity_match(again, id), IKE_MATCH_PERFECT);
	}
	ike_identity_free(again);
	ike_identity_free(id);
}
END_TEST

static const char *const bad[] = { "@", "@@", "@#", "@#zz", "keyid:", "fqdn:", "10.0.0.0/33",
	"10.0.0.0/", "10.0.0.0/x", "2001:db8::/129", "10.0.0.9-10.0.0.1", "10.0.0.1-2001::1",
	"ipv4:moon", "ipv4:2001:db8::1", "ipv4:10.0.0.0/8", "ipv6:192.0.2.1", "{1}:#00", "{0}:#00",
	"asn1dn:moon", "asn1dn:#00", "asn1dn:#300f310d300b06035504030c046d6f6f", "xmppaddr:a@b" };

START_TEST(bad_identities_are_refused_with_a_reason)
{
	why.text[0] = '\0';
	ck_assert_msg(!ike_identity_parse(bad[_i], &why), "%s", bad[_i]);
	ck_assert_str_ne(why.text, "");
}
END_TEST

/* The octets that strongSwan makes of a DN: string types matter where octets are compared. */
static const struct {
	const char *text;
	const char *der;
} names[] = {
	{ "C=CH, O=Linux strongSwan, CN=moon",
		"asn1dn:#"
		"3037310b300906035504061302434831193017060355040a13104c696e7578207374726f6e67"
		"5377616e310d300b060355040313046d6f6f6e" },
	{ "CN=*", "asn1dn:#300c310a300806035504030c012a" },
	{ "E=user@example.org",
		"asn1dn:#3021311f301d06092a864886f70d010901161075736572406578616d706c652e6f7267" },
	{ "DC=example, DC=org",
		"asn1dn:#"
		"302e31173015060a0992268993f22c64011913076578616d706c6531133011060a0992268993"
		"f22c64011913036f7267" },
	{ "CN=M\xc3\xbcller", "asn1dn:#30123110300e06035504030c074dc3bc6c6c6572" },
};

START_TEST(names_have_strongswans_octets)
{
	struct ike_identity *a = identity(names[_i].text), *b = identity(names[_i].der);

	ck_assert_uint_eq(a->length, b->length);
	ck_assert_mem_eq(a->octets, b->octets, a->length);
	ike_identity_free(a);
	ike_identity_free(b);
}
END_TEST

START_TEST(a_long_name_has_long_lengths)
{
	char text[1000] = "CN=", printed[IKE_IDENTITY_TEXT_MAX];

	for (size_t n = 100; n < 300; n++) {
		memset(text + 3, 'a', n);
		text[3 + n] = '\0';
		struct ike_identity *id = identity(text);
		ck_assert_uint_eq(id->type, IKE_ID_DER_ASN1_DN);
		ck_assert_str_eq(ike_identity_format(id, printed), text);
		ike_identity_free(id);
	}
}
END_TEST

START_TEST(text_longer_than_its_room_is_cut)
{
	static const char *const prefix[] = { "fqdn:", "keyid:", "keyid:#", "CN=" };
	char text[2000], printed[IKE_IDENTITY_TEXT_MAX];

	strcpy(text, prefix[_i]);
	memset(text + strlen(prefix[_i]), 'a', 1200);
	text[strlen(prefix[_i]) + 1200] = '\0';
	struct ike_identity *id = identity(text);
	ike_identity_format(id, printed);
	ck_assert_uint_gt(strlen(printed), IKE_IDENTITY_TEXT_MAX - 8);
	ck_assert_uint_lt(strlen(printed), IKE_IDENTITY_TEXT_MAX);
	ike_identity_free(id);
}
END_TEST

/* Identity, pattern, and strongSwan's quality of the match. */
static const struct {
	const char *id;
	const char *pattern;
	unsigned quality;
} matches[] = {
	{ "moon.example.org", "moon.example.org", 20 },
	{ "moon.example.org", "MOON.example.org", 20 },
	{ "moon.example.org", "*.EXAMPLE.org", 19 },
	{ "moon.example.org", "*.org", 19 },
	{ "moon.example.org", "%any", 1 },
	{ "moon.example.org", "fqdn:*", 1 },
	{ "a.b.example.org", "*.example.org", 19 },
	{ "example.org", "*.example.org", 0 },
	{ "moon.example.org", "moon.*", 0 },
	{ "moon.example.org", "m*n.example.org", 0 },
	{ "moon.example.org", "*moon.example.org", 0 },
	{ "*.example.org", "*.example.org", 20 },
	{ "user@example.org", "*@EXAMPLE.org", 19 },
	{ "user@example.org", "USER@example.org", 20 },
	{ "user@example.org", "*.example.org", 0 },
	{ "user@example.org", "email:*example.org", 19 },
	{ "user@example.org", "fqdn:user@example.org", 0 },
	{ "keyid:moon", "keyid:moon", 20 },
	{ "keyid:moon", "keyid:*", 0 },
	{ "keyid:moon", "keyid:MOON", 0 },
	{ "keyid:moon", "moon", 0 },
	{ "keyid:moon", "%any", 1 },
	{ "192.0.2.1", "192.0.2.1", 20 },
	{ "192.0.2.1", "192.0.2.0/24", 19 },
	{ "192.0.2.1", "128.0.0.0/1", 19 },
	{ "192.0.2.1", "192.0.2.1/32", 20 },
	{ "192.0.2.1", "0.0.0.0/0", 2 },
	{ "192.0.2.1", "192.0.3.0/24", 0 },
	{ "192.0.2.1", "192.0.2.0-192.0.2.9", 19 },
	{ "192.0.2.1", "192.0.2.1-192.0.2.1", 20 },
	{ "192.0.2.1", "192.0.2.2-192.0.2.9", 0 },
	{ "192.0.2.1", "fqdn:192.0.2.1", 0 },
	{ "192.0.2.0/25", "192.0.2.0/24", 0 },
	{ "192.0.2.0/24", "192.0.2.0/24", 20 },
	{ "2001:db8::1", "2001:db8::/32", 19 },
	{ "2001:db8::1", "::/0", 2 },
	{ "2001:db8::1", "2001:db8::-2001:db8::f", 19 },
	{ "2001:db8::1", "192.0.2.0/24", 0 },
	{ "192.0.2.1", "::/0", 0 },
	{ "%any", "%any", 1 },
	{ "%any", "moon", 0 },
	{ "C=CH, O=s, CN=moon", "c=ch, O=S, CN=MOON", 20 },
	{ "C=CH, O=s, CN=moon", "C=CH, O=s, CN=*", 19 },
	{ "C=CH, O=s, CN=moon", "C=CH, O=*, CN=*", 18 },
	{ "C=CH, O=s, CN=moon", "C=*, O=*, CN=*", 17 },
	{ "C=CH, O=s, CN=moon", "C=CH, O=s", 0 },
	{ "C=CH, O=s, CN=moon", "CN=*", 0 },
	{ "C=CH, O=s, CN=moon", "C=CH, CN=moon, O=s", 0 },
	{ "C=CH, O=s, CN=moon", "C=CH, O=s, CN=m*", 0 },
	{ "C=CH, O=s, CN=moon", "C=CH, O=s, CN=*, OU=*", 0 },
	{ "C=CH, O=s, CN=moon", "%any", 1 },
	{ "asn1dn:#300f310d300b06035504030c046d6f6f6e", "CN=moon", 20 },
	{ "OU=a", "UID=a", 0 },
};

START_TEST(matches_are_as_good_as_in_strongswan)
{
	struct ike_identity *id = identity(matches[_i].id);
	struct ike_identity *pattern = identity(matches[_i].pattern);

	ck_assert_uint_eq(ike_identity_match(id, pattern), matches[_i].quality);
	ike_identity_free(id);
	ike_identity_free(pattern);
}
END_TEST

START_TEST(wildcards_are_told_from_claims)
{
	static const char *const patterns[] = { "%any", "*.example.org", "*@x", "10.0.0.0/8",
		"10.0.0.1-10.0.0.9", "C=CH, CN=*" };
	static const char *const claims[] = { "moon", "user@x", "10.0.0.1", "::1", "CN=a*b",
		"keyid:*", "{200}:*" };

	for (int i = 0; i < COUNT(patterns); i++) {
		struct ike_identity *id = identity(patterns[i]);
		ck_assert_msg(ike_identity_is_wildcard(id), "%s", patterns[i]);
		ike_identity_free(id);
	}
	for (int i = 0; i < COUNT(claims); i++) {
		struct ike_identity *id = identity(claims[i]);
		ck_assert_msg(!ike_identity_is_wildcard(id), "%s", claims[i]);
		ike_identity_free(id);
	}
}
END_TEST

START_TEST(octets_that_do_not_fit_their_type_are_refused)
{
	static const uint8_t octets[40];
	static const struct {
		uint8_t type;
		size_t length;
	} good[] = { { IKE_ID_IPV4_ADDR, 4 }, { IKE_ID_IPV6_ADDR, 16 },
		{ IKE_ID_IPV4_ADDR_SUBNET, 8 }, { IKE_ID_IPV6_ADDR_SUBNET, 32 },
		{ IKE_ID_IPV4_ADDR_RANGE, 8 }, { IKE_ID_IPV6_ADDR_RANGE, 32 } };

	for (int i = 0; i < COUNT(good); i++) {
		for (size_t n = 0; n <= sizeof(octets); n++) {
			struct ike_identity *id =
				ike_identity_from_wire(good[i].type, bytes_of(octets, n));
			ck_assert_int_eq(id != NULL, n == good[i].length);
			ike_identity_free(id);
		}
	}
	ck_assert_ptr_null(ike_identity_from_wire(IKE_ID_ANY, bytes_of(octets, 4)));
	ck_assert_ptr_null(ike_identity_from_wire(IKE_ID_FQDN, bytes_of(octets, 0)));
	ck_assert_ptr_null(ike_identity_from_wire(
		IKE_ID_IPV4_ADDR_SUBNET, bytes_of("\x0a\0\0\0\xff\0\xff\0", 8)));
	ck_assert_ptr_null(ike_identity_from_wire(
		IKE_ID_IPV4_ADDR_RANGE, bytes_of("\x0a\0\0\2\x0a\0\0\1", 8)));
}
END_TEST

/* Every prefix and every flipped bit of a name, in memory of exact size. */
START_TEST(names_cut_short_or_twisted_never_harm)
{
	struct ike_identity *name = identity("C=CH, O=Linux strongSwan, E=x@y, CN=moon");
	char text[IKE_IDENTITY_TEXT_MAX];

	for (size_t n = 0; n < name->length; n++) {
		uint8_t *copy = malloc(n > 0 ? n : 1);
		memcpy(copy, name->octets, n);
		ck_assert_ptr_null(ike_identity_from_wire(IKE_ID_DER_ASN1_DN, bytes_of(copy, n)));
		free(copy);
	}
	for (size_t bit = 0; bit < 8u * name->length; bit++) {
		uint8_t *copy = malloc(name->length);
		memcpy(copy, name->octets, name->length);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		struct ike_identity *id =
			ike_identity_from_wire(IKE_ID_DER_ASN1_DN, bytes_of(copy, name->length));
		if (id) {
			ike_identity_format(id, text);
			(void)ike_identity_match(id, name);
			(void)ike_identity_is_wildcard(id);
		}
		ike_identity_free(id);
		free(copy);
	}
	ike_identity_free(name);
}
END_TEST

START_TEST(an_address_without_an_id_is_its_own)
{
	struct address a = { 0 };
	struct ike_identity *any = ike_identity_of_address(&a);
	char text[IKE_IDENTITY_TEXT_MAX];

	ck_assert_uint_eq(any->type, IKE_ID_ANY);
	ck_assert(address_parse("2001:db8::1", &a));
	struct ike_identity *id = ike_identity_of_address(&a);
	ck_assert_str_eq(ike_identity_format(id, text), "2001:db8::1");
	struct ike_identity *held = ike_identity_hold(id);
	ike_identity_free(id);
	ck_assert_str_eq(ike_identity_format(held, text), "2001:db8::1");
	ike_identity_free(held);
	ike_identity_free(any);
	ike_identity_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("identity");
	TCase *tests = tcase_create("identity");

	tcase_add_loop_test(tests, identities_read_and_print_as_in_strongswan, 0, COUNT(forms));
	tcase_add_loop_test(tests, an_identity_goes_to_the_wire_and_back, 0, COUNT(forms));
	tcase_add_loop_test(tests, bad_identities_are_refused_with_a_reason, 0, COUNT(bad));
	tcase_add_loop_test(tests, names_have_strongswans_octets, 0, COUNT(names));
	tcase_add_test(tests, a_long_name_has_long_lengths);
	tcase_add_loop_test(tests, text_longer_than_its_room_is_cut, 0, 4);
	tcase_add_loop_test(tests, matches_are_as_good_as_in_strongswan, 0, COUNT(matches));
	tcase_add_test(tests, wildcards_are_told_from_claims);
	tcase_add_test(tests, octets_that_do_not_fit_their_type_are_refused);
	tcase_add_test(tests, names_cut_short_or_twisted_never_harm);
	tcase_add_test(tests, an_address_without_an_id_is_its_own);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
