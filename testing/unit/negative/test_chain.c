/* Chains that do not hold: root, intermediate and end differ from good ones in what a row says. */
#include "testing/unit/negative/negative.h"

#include "libike/trust.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#define ID "moon.example.org"
#define SAN "subjectAltName = DNS:" ID "\n"
#define CA_KEY "keyUsage = critical, keyCertSign, cRLSign\n"
#define LONG_AGO PKI_DAYS(-400)
#define YESTERDAY PKI_DAYS(-1)
#define TOMORROW PKI_DAYS(1)

/* How one certificate differs from a good one; zeros: not at all. */
struct differs {
	const char *extensions;
	const char *key;    /* pki_key()'s kind; "p256" */
	const char *digest; /* "SHA256" */
	int64_t not_before, not_after;
	int version;
	bool signed_by_stranger; /* the issuer's name, another key */
	bool tampered;           /* an octet of it was changed after it was signed */
};

struct row {
	const char *name;
	struct differs root, intermediate, end;
	bool two_levels;         /* the root issues the end */
	bool withheld;           /* the peer does not send the intermediate */
	bool root_sent;          /* and is not loaded here */
	bool root_cached;        /* it came from a server */
	bool root_as_end;        /* it is loaded as an end certificate */
	bool namesake_loaded;    /* instead of the root: same name, other key */
	bool stranger_loaded;    /* instead of the root: another CA */
	const char *auth;        /* the round's */
	const char *cert_policy; /* an OID */
	const char *ca_id;
	bool other_cacert;      /* the round's: a CA that is not of this chain */
	bool other_cert;        /* the round's: a certificate that is not the peer's */
	int64_t wall;           /* 0: PKI_NOW */
	enum ike_reason reason; /* NONE: a positive control */
	const char *word;       /* of the text */
};

/* clang-format off: a table */
static const struct row rows[] = {
	{ .name = "a good chain" },
	{ .name = "a good chain of two", .two_levels = true },
	{ .name = "a good chain of RSA",
		.root.key = "rsa2048",
		.intermediate.key = "rsa2048",
		.end.key = "rsa2048" },
	{ .name = "a good chain of Edwards keys",
		.root.key = "ed448",
		.intermediate.key = "ed25519",
		.end.key = "ed25519" },

	/* validity */
	{ .name = "expired end",
		.end.not_before = LONG_AGO,
		.end.not_after = YESTERDAY,
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "CN=moon' was valid until 2025-12-31" },
	{ .name = "expired a second ago",
		.end.not_after = PKI_NOW - 1,
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "was valid until" },
	{ .name = "expires in a second", .end.not_after = PKI_NOW + 1 },
	{ .name = "expired intermediate",
		.intermediate.not_before = LONG_AGO,
		.intermediate.not_after = YESTERDAY,
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "CN=intermediate' was valid until" },
	{ .name = "expired root",
		.root.not_before = LONG_AGO,
		.root.not_after = YESTERDAY,
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "CN=root' was valid until" },
	{ .name = "end of tomorrow",
		.end.not_before = TOMORROW,
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "CN=moon' is not valid before 2026-01-02" },
	{ .name = "intermediate of tomorrow",
		.intermediate.not_before = TOMORROW,
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "CN=intermediate' is not valid before" },
	{ .name = "root of tomorrow",
		.root.not_before = TOMORROW,
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "CN=root' is not valid before" },
	{ .name = "validity that ends before it begins",
		.end.not_before = TOMORROW,
		.end.not_after = YESTERDAY,
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "valid" },
	{ .name = "a clock that was not set",
		.wall = 100,
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "this host's clock says 1970" },
	{ .name = "a clock far ahead",
		.wall = PKI_DAYS(4000),
		.reason = IKE_REASON_CERT_EXPIRED,
		.word = "was valid until" },

	/* whose it is */
	{ .name = "no CA is loaded",
		.root_sent = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=root" },
	{ .name = "another CA is loaded",
		.stranger_loaded = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=root" },
	{ .name = "another CA of that name is loaded",
		.namesake_loaded = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "signature" },
	{ .name = "the intermediate is withheld",
		.withheld = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=intermediate" },
	{ .name = "the peer brings its root",
		.root_sent = true,
		.two_levels = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "self-signed" },
	{ .name = "a root that a server gave us",
		.root_cached = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=root" },
	{ .name = "a root that is loaded as an end certificate",
		.root_as_end = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=root" },
	{ .name = "a root of expired kind among the peer's",
		.root_sent = true,
		.root.not_after = YESTERDAY,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "" },

	/* who may issue */
	{ .name = "intermediate says CA:FALSE",
		.intermediate.extensions = "basicConstraints = critical, CA:FALSE\n" CA_KEY,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=intermediate" },
	{ .name = "intermediate without basicConstraints",
		.intermediate.extensions = CA_KEY,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=intermediate" },
	{ .name = "intermediate without extensions",
		.intermediate.extensions = "subjectKeyIdentifier = hash\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=intermediate" },
	{ .name = "intermediate of version 1",
		.intermediate.extensions = "",
		.intermediate.version = 1,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=intermediate" },
	{ .name = "intermediate may not sign certificates",
		.intermediate.extensions =
			"basicConstraints = critical, CA:TRUE\nkeyUsage = critical, cRLSign\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=intermediate" },
	{ .name = "intermediate has an end's key usage",
		.intermediate.extensions =
			"basicConstraints = critical, CA:TRUE\nkeyUsage = digitalSignature\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=intermediate" },
	{ .name = "root may not sign certificates",
		.root.extensions =
			"basicConstraints = critical, CA:TRUE\nkeyUsage = critical, cRLSign\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=root" },
	{ .name = "root says CA:FALSE",
		.root.extensions = "basicConstraints = critical, CA:FALSE\n" CA_KEY,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=root" },
	{ .name = "root allows no intermediates",
		.root.extensions = "basicConstraints = critical, CA:TRUE, pathlen:0\n" CA_KEY,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "path length" },
	{ .name = "root allows one intermediate",
		.root.extensions = "basicConstraints = critical, CA:TRUE, pathlen:1\n" CA_KEY },
	{ .name = "intermediate issues ends only",
		.intermediate.extensions =
			"basicConstraints = critical, CA:TRUE, pathlen:0\n" CA_KEY },

	/* what the key is for */
	{ .name = "a key for encryption",
		.end.extensions = "keyUsage = keyEncipherment\n" SAN,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "keyUsage" },
	{ .name = "a key for key agreement",
		.end.extensions = "keyUsage = critical, keyAgreement\n" SAN,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "keyUsage" },
	{ .name = "a key for CRLs",
		.end.extensions = "keyUsage = cRLSign\n" SAN,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "keyUsage" },
	{ .name = "a key for non-repudiation",
		.end.extensions = "keyUsage = nonRepudiation\n" SAN },
	{ .name = "a key of no stated use", .end.extensions = SAN },
	{ .name = "an unknown critical extension of the end",
		.end.extensions = PKI_END SAN "1.2.3.4.5 = critical, DER:0500\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "critical extension" },
	{ .name = "an unknown critical extension of the intermediate",
		.intermediate.extensions = PKI_CA "1.2.3.4.5 = critical, DER:0500\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "critical extension" },
	{ .name = "an unknown extension that is not critical",
		.end.extensions = PKI_END SAN "1.2.3.4.5 = DER:0500\n" },

	/* name constraints */
	{ .name = "names under another domain are permitted",
		.intermediate.extensions =
			PKI_CA "nameConstraints = critical, permitted;DNS:example.com\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "permitted subtree" },
	{ .name = "the name's domain is permitted",
		.intermediate.extensions =
			PKI_CA "nameConstraints = critical, permitted;DNS:example.org\n" },
	{ .name = "the name's domain is excluded",
		.intermediate.extensions =
			PKI_CA "nameConstraints = critical, excluded;DNS:example.org\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "excluded subtree" },
	{ .name = "the host itself is excluded",
		.intermediate.extensions =
			PKI_CA "nameConstraints = excluded;DNS:moon.example.org\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "excluded subtree" },
	{ .name = "the root constrains names",
		.root.extensions = PKI_CA "nameConstraints = critical, permitted;DNS:example.com\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "permitted subtree" },
	{ .name = "another organisation is permitted",
		.intermediate.extensions = PKI_CA
		"nameConstraints = critical, permitted;dirName:other\n[other]\nO = other\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "permitted subtree" },
	{ .name = "an address outside",
		.intermediate.extensions =
			PKI_CA "nameConstraints = critical, permitted;IP:192.0.2.0/255.255.255.0\n",
		.end.extensions = PKI_END "subjectAltName = DNS:" ID ", IP:198.51.100.1\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "permitted subtree" },
	{ .name = "an address inside",
		.intermediate.extensions =
			PKI_CA "nameConstraints = critical, permitted;IP:192.0.2.0/255.255.255.0\n",
		.end.extensions = PKI_END "subjectAltName = DNS:" ID ", IP:192.0.2.1\n" },
	{ .name = "an excluded mailbox",
		.intermediate.extensions =
			PKI_CA "nameConstraints = critical, excluded;email:example.org\n",
		.end.extensions = PKI_END "subjectAltName = DNS:" ID ", email:user@example.org\n",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "excluded subtree" },

	/* signatures of certificates */
	{ .name = "the end is signed by a stranger",
		.end.signed_by_stranger = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=moon" },
	{ .name = "the intermediate is signed by a stranger",
		.intermediate.signed_by_stranger = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CN=intermediate" },
	{ .name = "the end was changed",
		.end.tampered = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "signature" },
	{ .name = "the intermediate was changed",
		.intermediate.tampered = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "signature" },
	{ .name = "the end is signed with MD5",
		.intermediate.key = "rsa2048",
		.end.digest = "MD5",
		.reason = IKE_REASON_POLICY,
		.word = "CN=moon" },
	{ .name = "the intermediate is signed with MD5",
		.root.key = "rsa2048",
		.intermediate.digest = "MD5",
		.reason = IKE_REASON_POLICY,
		.word = "CN=intermediate" },
	{ .name = "the end is signed with SHA-1",
		.end.digest = "SHA1",
		.reason = IKE_REASON_POLICY,
		.word = "SHA1" },
	{ .name = "the intermediate is signed with SHA-1",
		.intermediate.digest = "SHA1",
		.reason = IKE_REASON_POLICY,
		.word = "SHA1" },
	{ .name = "the root is signed with SHA-1, by itself", .root.digest = "SHA1" },
	{ .name = "SHA-1 is asked for", .end.digest = "SHA1", .auth = "pubkey-sha1-sha256" },

	/* the round's policy */
	{ .name = "SHA-384 is asked for",
		.auth = "pubkey-sha384",
		.reason = IKE_REASON_POLICY,
		.word = "CN=" },
	{ .name = "SHA-384 is there",
		.auth = "pubkey-sha384",
		.end.digest = "SHA384",
		.intermediate.digest = "SHA384",
		.root.digest = "SHA384" },
	{ .name = "RSA is asked for",
		.auth = "rsa-2048",
		.reason = IKE_REASON_POLICY,
		.word = "ECDSA" },
	{ .name = "3072 bits are asked for",
		.auth = "rsa-3072",
		.root.key = "rsa2048",
		.intermediate.key = "rsa3072",
		.end.key = "rsa3072",
		.reason = IKE_REASON_POLICY,
		.word = "CN=root" },
	{ .name = "3072 bits of the intermediate are asked for",
		.auth = "rsa-3072",
		.root.key = "rsa3072",
		.intermediate.key = "rsa2048",
		.end.key = "rsa3072",
		.reason = IKE_REASON_POLICY,
		.word = "CN=intermediate" },
	{ .name = "3072 bits of the end are asked for",
		.auth = "rsa-3072",
		.root.key = "rsa3072",
		.intermediate.key = "rsa3072",
		.end.key = "rsa2048",
		.reason = IKE_REASON_POLICY,
		.word = "CN=moon" },
	{ .name = "3072 bits are there",
		.auth = "rsa-3072",
		.root.key = "rsa3072",
		.intermediate.key = "rsa3072",
		.end.key = "rsa3072" },
	{ .name = "a weak RSA key among strong ones",
		.auth = "rsa-2048",
		.root.key = "rsa2048",
		.intermediate.key = "rsa2048",
		.end.key = "rsa1024",
		.reason = IKE_REASON_POLICY,
		.word = "1024" },
	{ .name = "P-384 is asked for",
		.auth = "ecdsa-384",
		.reason = IKE_REASON_POLICY,
		.word = "256" },
	{ .name = "P-384 is there",
		.auth = "ecdsa-384",
		.root.key = "p384",
		.intermediate.key = "p384",
		.end.key = "p384" },
	{ .name = "another CA is asked for",
		.other_cacert = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "which is not a CA that the definition allows" },
	{ .name = "another certificate is asked for",
		.other_cert = true,
		.reason = IKE_REASON_UNTRUSTED,
		.word = "none of those that the definition allows" },
	{ .name = "a CA of another name is asked for",
		.ca_id = "O=test, CN=other",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CA" },
	{ .name = "the root's name is asked for", .ca_id = "O=test, CN=root" },
	{ .name = "the intermediate's name is asked for", .ca_id = "O=test, CN=intermediate" },
	{ .name = "the end's own name is no CA's",
		.ca_id = "O=test, CN=moon",
		.reason = IKE_REASON_UNTRUSTED,
		.word = "CA" },
	{ .name = "a policy that nobody has",
		.cert_policy = "1.2.3.4",
		.reason = IKE_REASON_POLICY,
		.word = "cert_policy" },
	{ .name = "a policy that the end alone has",
		.cert_policy = "1.2.3.4",
		.end.extensions = PKI_END SAN "certificatePolicies = 1.2.3.4\n",
		.reason = IKE_REASON_POLICY,
		.word = "cert_policy" },
	{ .name = "a policy that the intermediate alone has",
		.cert_policy = "1.2.3.4",
		.intermediate.extensions = PKI_CA "certificatePolicies = 1.2.3.4\n",
		.reason = IKE_REASON_POLICY,
		.word = "cert_policy" },
	{ .name = "another policy",
		.cert_policy = "1.2.3.4",
		.intermediate.extensions = PKI_CA "certificatePolicies = 1.2.3.4\n",
		.end.extensions = PKI_END SAN "certificatePolicies = 1.2.3.5\n",
		.reason = IKE_REASON_POLICY,
		.word = "cert_policy" },
	{ .name = "a policy that both have",
		.cert_policy = "1.2.3.4",
		.intermediate.extensions = PKI_CA "certificatePolicies = 1.2.3.4\n",
		.end.extensions = PKI_END SAN "certificatePolicies = 1.2.3.4\n" },
	{ .name = "any policy inhibited",
		.cert_policy = "1.2.3.4",
		.intermediate.extensions =
			PKI_CA "certificatePolicies = anyPolicy\ninhibitAnyPolicy = critical, 0\n",
		.end.extensions = PKI_END SAN "certificatePolicies = anyPolicy\n",
		.reason = IKE_REASON_POLICY,
		.word = "cert_policy" },
};
/* clang-format on */

/* ---- Making it ---- */

/* An octet of the subject, which nothing but the signature notices. */
static void tamper(struct pki_certificate *c)
{
	struct bytes der = pki_der(c->x509);
	static const uint8_t organisation[] = { 't', 'e', 's', 't' };
	uint8_t *octets = malloc(der.length);
	size_t last = 0;

	ck_assert_ptr_nonnull(octets);
	memcpy(octets, der.at, der.length);
	for (size_t i = 0; i + sizeof(organisation) < der.length / 2; i++)
		if (memcmp(octets + i, organisation, sizeof(organisation)) == 0)
			last = i;
	ck_assert_uint_gt(last, 0);
	/* The validity, then: the year's last digit before the subject. */
	for (size_t i = 0; i + 1 < last; i++)
		if (octets[i] == 0x17 && octets[i + 1] == 13)
			octets[i + 3] ^= 1;
	ike_certificate_free(c->c);
	c->c = ike_certificate_parse(NULL, bytes_of(octets, der.length), &c->why);
	const uint8_t *at = octets;
	X509_free(c->x509);
	c->x509 = d2i_X509(NULL, &at, (long)der.length);
	free(octets);
	free((void *)der.at);
}

static struct pki_certificate make(const struct differs *d, const char *subject,
	const struct pki_certificate *issuer, const char *extensions, unsigned number)
{
	const struct pki_spec spec = {
		.subject = subject,
		.issuer = issuer,
		.key = pki_key(d->key ? d->key : "p256", number),
		.signer = d->signed_by_stranger ? pki_key("p256", 99) : NULL,
		.extensions = d->extensions ? d->extensions : extensions,
		.not_before = d->not_before,
		.not_after = d->not_after,
		.digest = d->digest,
		.version = d->version,
	};
	struct pki_certificate made = pki_issue(&spec);

	if (d->tampered)
		tamper(&made);
	ck_assert_msg(made.c != NULL, "%s: %s", subject, made.why.text);
	return made;
}

static void load(struct bed *b, const struct pki_certificate *c, uint8_t role, bool cached)
{
	ck_assert_ptr_nonnull(
		ike_certificates_add(ike_engine_certificates(b->engine), c->c, role, cached));
}

static void load_root(struct bed *b, const struct row *row, const struct pki_certificate *root,
	const struct pki_certificate *namesake, const struct pki_certificate *stranger)
{
	if (row->namesake_loaded)
		load(b, namesake, IKE_CERTIFICATE_CA, false);
	else if (row->stranger_loaded)
		load(b, stranger, IKE_CERTIFICATE_CA, false);
	else if (!row->root_sent)
		load(b, root, row->root_as_end ? IKE_CERTIFICATE_END : IKE_CERTIFICATE_CA,
			row->root_cached);
}

/* As remote.auth and its kin of that row say. */
static void fill_round(const struct row *row, struct ike_auth_round *round,
	struct ike_signature_policy *policy, struct ike_certificate **other)
{
	struct why why = { "" };

	*round = (struct ike_auth_round){ .class = IKE_AUTH_CLASS_PUBKEY };
	*policy = (struct ike_signature_policy){ 0 };
	if (row->auth) {
		ck_assert_msg(ike_signature_policy_parse(row->auth, policy, &why), "%s", why.text);
		round->signatures = policy;
	}
	if (row->cert_policy) {
		round->cert_policies = (char **)&row->cert_policy;
		round->cert_policy_count = 1;
	}
	if (row->ca_id)
		round->ca_id = ike_identity_parse(row->ca_id, &why);
	if (row->other_cacert) {
		round->cacerts = other;
		round->cacert_count = 1;
	}
	if (row->other_cert) {
		round->certs = other;
		round->cert_count = 1;
	}
}

static enum ike_trust ask(
	struct bed *b, const struct ike_trust_query *query, struct ike_failure *failure)
{
	struct ike_certificate *candidates[IKE_TRUST_CANDIDATES_MAX];
	size_t count = ike_trust_candidates(b->engine, query, candidates, failure);
	enum ike_trust trust = IKE_TRUST_NO;

	for (size_t i = 0; i < count; i++) {
		if (trust == IKE_TRUST_NO)
			trust = ike_trust_check(b->engine, query, candidates[i], failure);
		ike_certificate_free(candidates[i]);
	}
	return trust;
}

static void check_answer(
	const struct row *row, enum ike_trust trust, const struct ike_failure *failure)
{
	if (row->reason == IKE_REASON_NONE) {
		ck_assert_msg(trust == IKE_TRUST_YES, "%s: %s", row->name,
			failure->text ? failure->text : "later?");
		return;
	}
	ck_assert_msg(trust == IKE_TRUST_NO, "%s: accepted", row->name);
	ck_assert_msg(failure->reason == row->reason, "%s: %s: %s", row->name,
		ike_reason_name(failure->reason), failure->text);
	ck_assert_msg(strstr(failure->text, row->word), "%s: \"%s\" is not in: %s", row->name,
		row->word, failure->text);
}

START_TEST(each_chain_is_judged)
{
	const struct row *row = &rows[_i];
	struct bed *b = bed_new();
	struct pki_certificate root = make(&row->root, "/O=test/CN=root", NULL, PKI_CA, 1);
	struct pki_certificate middle =
		make(&row->intermediate, "/O=test/CN=intermediate", &root, PKI_CA, 2);
	struct pki_certificate end = make(
		&row->end, "/O=test/CN=moon", row->two_levels ? &root : &middle, PKI_END SAN, 3);
	struct pki_certificate namesake = pki_root("/O=test/CN=root");
	struct pki_certificate stranger = pki_root("/O=test/CN=stranger");
	struct ike_certificate *sent[3] = { end.c };
	struct ike_auth_round round;
	struct ike_signature_policy policy;
	struct ike_failure failure = { 0 };
	size_t count = 1;

	if (!row->two_levels && !row->withheld)
		sent[count++] = middle.c;
	if (row->root_sent)
		sent[count++] = root.c;
	if (row->wall)
		b->wall = row->wall;
	load_root(b, row, &root, &namesake, &stranger);
	fill_round(row, &round, &policy, &stranger.c);
	struct ike_identity *id = ike_identity_parse(ID, NULL);
	const struct ike_trust_query query = {
		.round = &round, .id = id, .received = sent, .received_count = count, .ike_id = 1
	};
	check_answer(row, ask(b, &query, &failure), &failure);
	ck_assert_uint_eq(b->fetch_count, 0); /* nobody is asked about what does not hold */

	ike_failure_free(&failure);
	ike_identity_free(id);
	ike_identity_free(round.ca_id);
	pki_free(&root);
	pki_free(&middle);
	pki_free(&end);
	pki_free(&namesake);
	pki_free(&stranger);
	bed_free(b);
}
END_TEST

TCase *negative_chain_tests(void)
{
	TCase *tests = tcase_create("chains");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, each_chain_is_judged, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	return tests;
}
