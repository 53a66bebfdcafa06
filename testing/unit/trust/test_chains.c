/* Chains of three: root, intermediate, end. What is wrong with one of them is found and said. */
#include "libike/engine.h"
#include "libike/trust.h"
#include "testing/unit/trust/test_trust.h"

#include <stdlib.h>

#define MOON "moon.example.org"
#define NAME "subjectAltName = DNS:moon.example.org\n"
#define END PKI_END NAME

enum {
	ROOT_MISSING = 1,
	ROOT_OF_SAME_NAME = 2, /* another one is loaded */
	MIDDLE_MISSING = 4,
	MIDDLE_LOADED = 8, /* and not sent */
	END_FORGED = 16,   /* signed by a stranger's key */
	MIDDLE_FORGED = 32,
	ROOT_SENT = 64,     /* by the peer */
	ROOT_ADDED = 128,   /* ROOT_OF_SAME_NAME beside the right one */
	MIDDLE_CROSS = 256, /* the intermediate is there twice, once signed by a stranger */
	END_SELF_SIGNED = 512,
	NOTHING_SENT = 1024,
	END_BY_ROOT = 2048,        /* no intermediate */
	END_AS_ISSUER = 4096,      /* the end certificate issues another one, which is sent */
	ROOT_AS_END = 8192,        /* loaded with the role of a peer's certificate */
	SELF_SIGNED_KNOWN = 16384, /* with END_SELF_SIGNED: it is loaded */
	CACERT_ROOT = 65536,       /* the round's cacerts have the root */
	CACERT_OTHER = 131072,     /* and another one */
	CERT_OTHER = 262144,       /* the round's certs are another's */
	CRL_STALE = 524288,        /* with revocation */
	CRL_FORGED = 1048576,
	CRL_OF_ENDS = 2097152, /* all CRLs speak for ends alone */
	END_REVOKED = 8388608,
	MIDDLE_REVOKED = 16777216,
	CRLS = 33554432,
	ROOT_CACHED = 4194304, /* it came from a server */
	LOOP = 32768,          /* two CAs that have signed each other, and no root */
};

struct part {
	const char *extensions, *key, *digest, *subject;
	int from, until; /* days; 0: a year around now */
	int version;
	bool pss;
	int salt;
};

struct sample {
	const char *name;
	enum ike_reason reason; /* NONE: it is trusted */
	const char *words;
	struct part root, middle, end;
	unsigned flags;
	const char *id, *auth, *ca_id;
	const char *policies[3];
	int64_t wall;
	uint8_t revocation; /* enum ike_revocation_policy */
};

#define CA_PATH(n) "basicConstraints = critical, CA:TRUE, pathlen:" #n "\nkeyUsage = keyCertSign\n"
#define CONSTRAINTS(text) PKI_CA "nameConstraints = critical, " text "\n"
#define POLICY(oid) "certificatePolicies = " oid "\n"

static const struct sample samples[] = {
	/* What may get in. */
	{ .name = "good" },
	{ .name = "loaded intermediate", .flags = MIDDLE_LOADED },
	{ .name = "root sent along", .flags = ROOT_SENT },
	{ .name = "directly by the root", .flags = END_BY_ROOT },
	{ .name = "a root of the same name beside", .flags = ROOT_ADDED },
	{ .name = "cross-signed intermediate", .flags = MIDDLE_CROSS },
	{ .name = "known self-signed peer", .flags = END_SELF_SIGNED | SELF_SIGNED_KNOWN },
	{ .name = "subject as id", .id = "C=CH, CN=moon" },
	{ .name = "rsa chain", .root = { .key = "rsa2048" }, .middle = { .key = "rsa2048" } },
	{ .name = "pss chain",
		.root = { .key = "rsa2048", .pss = true },
		.middle = { .key = "rsa2048", .pss = true },
		.end = { .pss = true } },
	{ .name = "ed25519 chain", .root = { .key = "ed25519" }, .middle = { .key = "ed448" } },
	{ .name = "brainpool chain",
		.root = { .key = "bp512", .digest = "SHA2-512" },
		.middle = { .key = "bp256" } },
	{ .name = "path length 0 is enough", .middle = { .extensions = CA_PATH(0) } },
	{ .name = "permitted name",
		.middle = { .extensions = CONSTRAINTS("permitted;DNS:example.org") } },
	{ .name = "other name excluded",
		.middle = { .extensions = CONSTRAINTS("excluded;DNS:example.com") } },
	{ .name = "no keyUsage", .end = { .extensions = NAME } },
	{ .name = "nonRepudiation", .end = { .extensions = NAME "keyUsage = nonRepudiation\n" } },
	{ .name = "any extended key usage",
		.end = { .extensions = END "extendedKeyUsage = clientAuth\n" } },
	{ .name = "unknown extension that is not critical",
		.end = { .extensions = END "1.2.3.4 = ASN1:NULL\n" } },
	{ .name = "policy",
		.middle = { .extensions = PKI_CA POLICY("1.2.3.4, 1.2.3.5") },
		.end = { .extensions = END POLICY("1.2.3.4, 1.2.3.5") },
		.policies = { "1.2.3.4", "1.2.3.5" } },
	{ .name = "ca_id", .ca_id = "CN=middle" },
	{ .name = "DN among the other names",
		.end = { .extensions = PKI_END
			 "subjectAltName = DNS:sun, dirName:dn\n[dn]\nO = test\nCN = star\n" },
		.id = "O=test, CN=star" },
	{ .name = "the second of its names",
		.end = { .extensions =
				 PKI_END "subjectAltName = DNS:sun.example.org, DNS:" MOON "\n" } },
	{ .name = "other letters", .id = "MOON.example.ORG" },
	{ .name = "SHA-1 of the root by itself", .root = { .digest = "SHA1" } },
	{ .name = "SHA-1 that auth asks for",
		.end = { .digest = "SHA1" },
		.auth = "pubkey-sha1-sha256" },
	{ .name = "strong enough", .auth = "ecdsa-256-sha256" },
	{ .name = "validity ends today", .end = { .until = 1 } },

	{ .name = "cacerts", .flags = ROOT_MISSING | CACERT_ROOT },
	{ .name = "CRLs", .flags = CRLS, .revocation = IKE_REVOCATION_STRICT },
	{ .name = "old CRLs, relaxed", .flags = CRLS | CRL_STALE },

	/* Revocation. */
	{ "revoked", IKE_REASON_REVOKED, "\"C=CH, CN=moon\"", .flags = CRLS | END_REVOKED,
		.revocation = IKE_REVOCATION_STRICT },
	{ "revoked, relaxed", IKE_REASON_REVOKED, "\"C=CH, CN=moon\"",
		.flags = CRLS | END_REVOKED },
	{ "revoked intermediate", IKE_REASON_REVOKED, "\"CN=middle\"",
		.flags = CRLS | MIDDLE_REVOKED, .revocation = IKE_REVOCATION_STRICT },
	{ "revoked intermediate, ifuri", IKE_REASON_REVOKED, "\"CN=middle\"",
		.flags = CRLS | MIDDLE_REVOKED, .revocation = IKE_REVOCATION_IFURI },
	{ "old CRLs", IKE_REASON_REVOCATION_UNKNOWN, "\"C=CH, CN=moon\"", .flags = CRLS | CRL_STALE,
		.revocation = IKE_REVOCATION_STRICT },
	{ "forged CRLs", IKE_REASON_REVOCATION_UNKNOWN, "\"C=CH, CN=moon\"",
		.flags = CRLS | CRL_FORGED, .revocation = IKE_REVOCATION_STRICT },
	{ "CRLs of ends alone", IKE_REASON_REVOCATION_UNKNOWN, "\"CN=middle\"",
		.flags = CRLS | CRL_OF_ENDS, .revocation = IKE_REVOCATION_STRICT },
	{ "no CRLs", IKE_REASON_REVOCATION_UNKNOWN, "\"C=CH, CN=moon\"",
		.revocation = IKE_REVOCATION_STRICT },

	/* cacerts and certs. */
	{ "cacerts of another", IKE_REASON_UNTRUSTED, "not a CA that the definition allows",
		.flags = CACERT_OTHER },
	{ "certs of another", IKE_REASON_UNTRUSTED, "none of those that the definition allows",
		.flags = CERT_OTHER },

	/* Time. */
	{ "expired", IKE_REASON_CERT_EXPIRED, "'C=CH, CN=moon' was valid until 2025-12-31",
		.end = { .until = -1 } },
	{ "expired intermediate", IKE_REASON_CERT_EXPIRED, "'CN=middle' was valid until",
		.middle = { .until = -1 } },
	{ "expired root", IKE_REASON_CERT_EXPIRED, "'CN=root' was valid until",
		.root = { .until = -1 } },
	{ "not yet valid", IKE_REASON_CERT_EXPIRED, "not valid before 2026-01-02",
		.end = { .from = 1 } },
	{ "intermediate not yet valid", IKE_REASON_CERT_EXPIRED, "'CN=middle' is not valid before",
		.middle = { .from = 1 } },
	{ "clock of 1970", IKE_REASON_CERT_EXPIRED, "clock says 1970-01-01", .wall = 1000 },
	{ "clock of 2100", IKE_REASON_CERT_EXPIRED, "was valid until", .wall = 4102444800 },
	{ "known self-signed peer, expired", IKE_REASON_CERT_EXPIRED, "was valid until",
		.flags = END_SELF_SIGNED | SELF_SIGNED_KNOWN, .end = { .until = -1 } },
	{ "known self-signed peer, too early", IKE_REASON_CERT_EXPIRED, "not valid before",
		.flags = END_SELF_SIGNED | SELF_SIGNED_KNOWN, .end = { .from = 3 } },

	/* Who vouches. */
	{ "no CA", IKE_REASON_UNTRUSTED, "no CA certificate is loaded for 'CN=root'",
		.flags = ROOT_MISSING },
	{ "no CA, and its own sent along", IKE_REASON_UNTRUSTED, "'CN=root' is self-signed",
		.flags = ROOT_MISSING | ROOT_SENT },
	{ "a root from a server", IKE_REASON_UNTRUSTED, "CN=root", .flags = ROOT_CACHED },
	{ "a root loaded as a peer's", IKE_REASON_UNTRUSTED, "CN=root", .flags = ROOT_AS_END },
	{ "known self-signed peer, ca_id", IKE_REASON_UNTRUSTED, "self-signed",
		.flags = END_SELF_SIGNED | SELF_SIGNED_KNOWN, .ca_id = "CN=root" },
	{ "known self-signed peer, cert_policy", IKE_REASON_UNTRUSTED, "self-signed",
		.flags = END_SELF_SIGNED | SELF_SIGNED_KNOWN, .policies = { "1.2.3.4" } },
	{ "intermediate alone is no anchor", IKE_REASON_UNTRUSTED, "no CA certificate is loaded",
		.flags = ROOT_MISSING | MIDDLE_LOADED },
	{ "intermediate missing", IKE_REASON_UNTRUSTED, "for 'CN=middle', which issued",
		.flags = MIDDLE_MISSING },
	{ "another CA of the same name", IKE_REASON_UNTRUSTED, "signature failure",
		.flags = ROOT_OF_SAME_NAME },
	{ "another CA of the same name, end", IKE_REASON_UNTRUSTED, "signature failure",
		.flags = ROOT_OF_SAME_NAME | END_BY_ROOT },
	{ "forged end", IKE_REASON_UNTRUSTED, "'C=CH, CN=moon' is not to be trusted",
		.flags = END_FORGED },
	{ "forged end, several CAs", IKE_REASON_UNTRUSTED, "no CA called 'CN=root'",
		.flags = END_FORGED | END_BY_ROOT | ROOT_ADDED },
	{ "forged intermediate", IKE_REASON_UNTRUSTED, "'CN=middle' is not to be trusted",
		.flags = MIDDLE_FORGED },
	{ "forged, Ed25519", IKE_REASON_UNTRUSTED, "signature failure", .flags = END_FORGED,
		.middle = { .key = "ed25519" } },
	{ "forged, RSA", IKE_REASON_UNTRUSTED, "signature failure", .flags = END_FORGED,
		.middle = { .key = "rsa2048" } },
	{ "self-signed", IKE_REASON_UNTRUSTED, "'C=CH, CN=moon' is self-signed",
		.flags = END_SELF_SIGNED },
	{ "self-signed in the name of the root", IKE_REASON_UNTRUSTED, "self-signed",
		.flags = END_SELF_SIGNED, .end = { .subject = "/CN=root" }, .id = MOON },
	{ "CAs in a circle", IKE_REASON_UNTRUSTED, "no CA certificate is loaded", .flags = LOOP },
	{ "end certificate as a CA", IKE_REASON_UNTRUSTED, "invalid CA", .flags = END_AS_ISSUER },
	{ "ca_id of another", IKE_REASON_UNTRUSTED, "not a CA that the definition allows",
		.ca_id = "CN=other" },
	{ "ca_id is the end's", IKE_REASON_UNTRUSTED, "not a CA that the definition allows",
		.ca_id = "C=CH, CN=moon" },

	/* Who may vouch. */
	{ "no basicConstraints", IKE_REASON_UNTRUSTED, "invalid CA",
		.middle = { .extensions = "subjectKeyIdentifier = hash\n" } },
	{ "CA:FALSE", IKE_REASON_UNTRUSTED, "invalid CA",
		.middle = { .extensions = "basicConstraints = CA:FALSE\n" } },
	{ "CA:FALSE with keyCertSign", IKE_REASON_UNTRUSTED, "invalid CA",
		.middle = { .extensions =
				    "basicConstraints = CA:FALSE\nkeyUsage = keyCertSign\n" } },
	{ "keyCertSign alone", IKE_REASON_UNTRUSTED, "CA",
		.middle = { .extensions = "keyUsage = keyCertSign\n" } },
	{ "CA without keyCertSign", IKE_REASON_UNTRUSTED, "CA",
		.middle = { .extensions = "basicConstraints = CA:TRUE\nkeyUsage = cRLSign\n" } },
	{ "root without keyCertSign", IKE_REASON_UNTRUSTED, "CA",
		.root = { .extensions = "basicConstraints = CA:TRUE\nkeyUsage = cRLSign\n" } },
	{ "intermediate of version 1", IKE_REASON_UNTRUSTED, "invalid CA",
		.middle = { .extensions = "", .version = 1 } },
	{ "root of version 1", IKE_REASON_UNTRUSTED, "no CA",
		.root = { .extensions = "", .version = 1 } },
	{ "path too long", IKE_REASON_UNTRUSTED, "path length",
		.root = { .extensions = CA_PATH(0) } },
	{ "unknown critical extension, end", IKE_REASON_UNTRUSTED, "critical extension",
		.end = { .extensions = END "1.2.3.4 = critical, ASN1:NULL\n" } },
	{ "unknown critical extension, intermediate", IKE_REASON_UNTRUSTED, "critical extension",
		.middle = { .extensions = PKI_CA "1.2.3.4 = critical, ASN1:NULL\n" } },
	{ "unknown critical extension, root", IKE_REASON_UNTRUSTED, "critical extension",
		.root = { .extensions = PKI_CA "1.2.3.4 = critical, ASN1:NULL\n" } },

	/* For what. */
	{ "keyEncipherment alone", IKE_REASON_UNTRUSTED, "digitalSignature",
		.end = { .extensions = NAME "keyUsage = keyEncipherment\n" } },
	{ "keyAgreement alone", IKE_REASON_UNTRUSTED, "digitalSignature",
		.end = { .extensions = NAME "keyUsage = critical, keyAgreement\n" } },
	{ "a CA's usage alone", IKE_REASON_UNTRUSTED, "digitalSignature",
		.end = { .extensions = NAME PKI_CA } },
	{ "known self-signed peer, wrong usage", IKE_REASON_UNTRUSTED, "digitalSignature",
		.flags = END_SELF_SIGNED | SELF_SIGNED_KNOWN,
		.end = { .extensions = NAME "keyUsage = keyEncipherment\n" } },

	/* Name constraints. */
	{ "DNS not permitted", IKE_REASON_UNTRUSTED, "permitted subtree",
		.middle = { .extensions = CONSTRAINTS("permitted;DNS:example.com") } },
	{ "DNS not permitted by the root", IKE_REASON_UNTRUSTED, "permitted subtree",
		.root = { .extensions = CONSTRAINTS("permitted;DNS:example.com") } },
	{ "DNS excluded", IKE_REASON_UNTRUSTED, "excluded subtree",
		.middle = { .extensions = CONSTRAINTS("excluded;DNS:example.org") } },
	{ "not even a critical one is needed", IKE_REASON_UNTRUSTED, "excluded subtree",
		.middle = { .extensions = PKI_CA "nameConstraints = excluded;DNS:example.org\n" } },
	{ "e-mail not permitted", IKE_REASON_UNTRUSTED, "permitted subtree", .id = "a@example.org",
		.middle = { .extensions = CONSTRAINTS("permitted;email:example.com") },
		.end = { .extensions = PKI_END "subjectAltName = email:a@example.org\n" } },
	{ "e-mail excluded", IKE_REASON_UNTRUSTED, "excluded subtree", .id = "a@example.org",
		.middle = { .extensions = CONSTRAINTS("excluded;email:example.org") },
		.end = { .extensions = PKI_END "subjectAltName = email:a@example.org\n" } },
	{ "IP not permitted", IKE_REASON_UNTRUSTED, "permitted subtree", .id = "192.0.2.1",
		.middle = { .extensions = CONSTRAINTS("permitted;IP:198.51.100.0/255.255.255.0") },
		.end = { .extensions = PKI_END "subjectAltName = IP:192.0.2.1\n" } },
	{ "IP excluded", IKE_REASON_UNTRUSTED, "excluded subtree", .id = "192.0.2.1",
		.middle = { .extensions = CONSTRAINTS("excluded;IP:192.0.2.0/255.255.255.0") },
		.end = { .extensions = PKI_END "subjectAltName = IP:192.0.2.1\n" } },
	{ "DN not permitted", IKE_REASON_UNTRUSTED, "permitted subtree",
		.middle = { .extensions = CONSTRAINTS("permitted;dirName:dn") "[dn]\nC = DE\n" } },
	{ "DN excluded", IKE_REASON_UNTRUSTED, "excluded subtree",
		.middle = { .extensions = CONSTRAINTS("excluded;dirName:dn") "[dn]\nC = CH\n" } },

	/* What the definition demands. */
	{ "no policy", IKE_REASON_POLICY, "cert_policy", .policies = { "1.2.3.4" } },
	{ "policy of the end alone", IKE_REASON_POLICY, "cert_policy",
		.end = { .extensions = END POLICY("1.2.3.4") }, .policies = { "1.2.3.4" } },
	{ "policy of the intermediate alone", IKE_REASON_POLICY, "cert_policy",
		.middle = { .extensions = PKI_CA POLICY("1.2.3.4") }, .policies = { "1.2.3.4" } },
	{ "another policy", IKE_REASON_POLICY, "cert_policy",
		.middle = { .extensions = PKI_CA POLICY("1.2.3.5") },
		.end = { .extensions = END POLICY("1.2.3.5") }, .policies = { "1.2.3.4" } },
	{ "one of two policies", IKE_REASON_POLICY, "cert_policy",
		.middle = { .extensions = PKI_CA POLICY("1.2.3.4") },
		.end = { .extensions = END POLICY("1.2.3.4") },
		.policies = { "1.2.3.4", "1.2.3.5" } },
	{ "any policy, inhibited", IKE_REASON_POLICY, "cert_policy",
		.middle = { .extensions =
				    PKI_CA POLICY("anyPolicy") "inhibitAnyPolicy = critical, 0\n" },
		.end = { .extensions = END POLICY("anyPolicy") }, .policies = { "1.2.3.4" } },
	{ "SHA-1, end", IKE_REASON_POLICY, "weak", .end = { .digest = "SHA1" } },
	{ "SHA-1, intermediate", IKE_REASON_POLICY, "'CN=middle' is not acceptable",
		.middle = { .digest = "SHA1" } },
	{ "SHA-1 and RSA", IKE_REASON_POLICY, "RSA_EMSA_PKCS1_SHA1", .middle = { .key = "rsa2048" },
		.end = { .digest = "SHA1" } },
	{ "MD5", IKE_REASON_POLICY, "not accepted", .middle = { .key = "rsa2048" },
		.end = { .digest = "MD5" } },
	{ "SHA-224", IKE_REASON_POLICY, "not accepted", .end = { .digest = "SHA2-224" } },
	{ "hash that auth lacks", IKE_REASON_POLICY, "not among", .auth = "pubkey-sha384" },
	{ "PSS that auth lacks", IKE_REASON_POLICY, "not among", .auth = "pubkey-sha256",
		.middle = { .key = "rsa2048" }, .end = { .pss = true } },
	{ "RSA 1024, end", IKE_REASON_POLICY, "1024 bits, fewer than the 2048",
		.auth = "rsa-2048-ecdsa-256", .end = { .key = "rsa1024" } },
	{ "RSA 1024, intermediate", IKE_REASON_POLICY, "'CN=middle' is not acceptable",
		.auth = "rsa-2048-ecdsa-256", .middle = { .key = "rsa1024" } },
	{ "RSA 1024, root", IKE_REASON_POLICY, "'CN=root' is not acceptable",
		.auth = "rsa-2048-ecdsa-256", .root = { .key = "rsa1024" } },
	{ "ECDSA 256", IKE_REASON_POLICY, "256 bits, fewer than the 384", .auth = "ecdsa-384",
		.root = { .key = "p384" }, .middle = { .key = "p521" } },
	{ "type of key that auth lacks", IKE_REASON_POLICY, "ECDSA key, which auth does not allow",
		.auth = "rsa-2048", .end = { .key = "rsa2048" } },

	/* Who it is. */
	{ "id not in the certificate", IKE_REASON_WRONG_IDENTITY, "'sun.example.org' is not in",
		.id = "sun.example.org" },
	{ "id of a part", IKE_REASON_WRONG_IDENTITY, "not in", .id = "example.org" },
	{ "id of a longer name", IKE_REASON_WRONG_IDENTITY, "not in",
		.id = "moon.example.org.evil.net" },
	{ "CN is no DNS name", IKE_REASON_WRONG_IDENTITY, "not in", .id = "fqdn:moon" },
	{ "DNS as e-mail", IKE_REASON_WRONG_IDENTITY, "not in", .id = "rfc822:moon.example.org" },
	{ "DNS as key id", IKE_REASON_WRONG_IDENTITY, "not in", .id = "keyid:moon.example.org" },
	{ "DNS as GN", IKE_REASON_WRONG_IDENTITY, "not in", .id = "asn1gn:moon.example.org" },
	{ "IP as text", IKE_REASON_WRONG_IDENTITY, "not in", .id = "fqdn:192.0.2.1",
		.end = { .extensions = PKI_END "subjectAltName = IP:192.0.2.1\n" } },
	{ "text as IP", IKE_REASON_WRONG_IDENTITY, "not in", .id = "192.0.2.1",
		.end = { .extensions = PKI_END "subjectAltName = DNS:192.0.2.1\n" } },
	{ "IPv4 of IPv6", IKE_REASON_WRONG_IDENTITY, "not in", .id = "192.0.2.1",
		.end = { .extensions = PKI_END "subjectAltName = IP:::ffff:192.0.2.1\n" } },
	{ "claim with an asterisk", IKE_REASON_WRONG_IDENTITY, "not in", .id = "*.example.org" },
	{ "claim of an asterisk", IKE_REASON_WRONG_IDENTITY, "not in", .id = "fqdn:*" },
	{ "claim of a DN with an asterisk", IKE_REASON_WRONG_IDENTITY, "not in",
		.id = "C=CH, CN=*" },
	{ "claim of all addresses", IKE_REASON_WRONG_IDENTITY, "not in", .id = "0.0.0.0/0",
		.end = { .extensions = PKI_END "subjectAltName = IP:192.0.2.1\n" } },
	{ "claim of a range", IKE_REASON_WRONG_IDENTITY, "not in", .id = "192.0.2.0-192.0.2.9",
		.end = { .extensions = PKI_END "subjectAltName = IP:192.0.2.1\n" } },
	{ "claim of one address as a network", IKE_REASON_WRONG_IDENTITY, "not in",
		.id = "192.0.2.1/32",
		.end = { .extensions = PKI_END "subjectAltName = IP:192.0.2.1\n" } },
	{ "certificate with an asterisk", IKE_REASON_WRONG_IDENTITY, "not in",
		.end = { .extensions = PKI_END "subjectAltName = DNS:*.example.org\n" } },
	{ "DN with an asterisk in the certificate", IKE_REASON_WRONG_IDENTITY, "not in",
		.id = "C=CH, CN=moon", .end = { .subject = "/C=CH/CN=*" } },
	{ "RDNs in another order", IKE_REASON_WRONG_IDENTITY, "not in", .id = "CN=moon, C=CH" },
	{ "fewer RDNs", IKE_REASON_WRONG_IDENTITY, "not in", .id = "CN=moon" },
	{ "more RDNs", IKE_REASON_WRONG_IDENTITY, "not in", .id = "C=CH, O=x, CN=moon" },
	{ "RDNs within a value", IKE_REASON_WRONG_IDENTITY, "not in", .id = "C=CH, CN=moon",
		.end = { .subject = "/CN=C=CH, CN=moon" } },
	{ "another attribute", IKE_REASON_WRONG_IDENTITY, "not in", .id = "C=CH, OU=moon" },
	{ "the issuer's name", IKE_REASON_WRONG_IDENTITY, "not in", .id = "CN=middle" },
	{ "asterisk for all", IKE_REASON_WRONG_IDENTITY, "not in",
		.end = { .extensions = PKI_END "subjectAltName = DNS:*\n" } },
	{ "URI of the name", IKE_REASON_WRONG_IDENTITY, "not in",
		.end = { .extensions =
				 PKI_END "subjectAltName = URI:https://moon.example.org\n" } },
	{ "name that ends alike", IKE_REASON_WRONG_IDENTITY, "not in",
		.end = { .extensions = PKI_END "subjectAltName = DNS:evilmoon.example.org\n" } },
	{ "name below it", IKE_REASON_WRONG_IDENTITY, "not in", .id = "a.moon.example.org" },
	{ "mailbox elsewhere", IKE_REASON_WRONG_IDENTITY, "not in", .id = "a@example.org",
		.end = { .extensions = PKI_END "subjectAltName = email:a@example.com\n" } },
	{ "mailbox that is a DNS name", IKE_REASON_WRONG_IDENTITY, "not in", .id = "a@example.org",
		.end = { .extensions = PKI_END "subjectAltName = DNS:a@example.org\n" } },
	{ "address as common name", IKE_REASON_WRONG_IDENTITY, "not in", .id = "192.0.2.1",
		.end = { .subject = "/CN=192.0.2.1" } },
	{ "another key id", IKE_REASON_WRONG_IDENTITY, "not in",
		.id = "@#000102030405060708090a0b0c0d0e0f10111213" },
	{ "nothing sent", IKE_REASON_NO_CERTIFICATE, "sent no certificate", .flags = NOTHING_SENT },
};

/* ---- The engine ---- */

static int64_t wall_clock(void *context)
{
	return *(int64_t *)context;
}

static bool log_wanted(void *context, uint8_t group, int level)
{
	(void)context, (void)group, (void)level;
	return false;
}

static struct ike_engine *engine_new(int64_t *wall)
{
	const struct ike_host host = {
		.context = wall, .wall_clock = wall_clock, .log_wanted = log_wanted
	};
	struct ike_settings settings;
	struct why why;

	ike_settings_default(&settings);
	struct ike_engine *e = ike_engine_new(&host, &settings, &why);
	ck_assert_msg(e != NULL, "%s", why.text);
	return e;
}

static void load(
	struct ike_engine *e, const struct pki_certificate *certificate, uint8_t role, bool cached)
{
	ck_assert_msg(certificate->c != NULL, "%s", certificate->why.text);
	ck_assert_ptr_nonnull(
		ike_certificates_add(ike_engine_certificates(e), certificate->c, role, cached));
}

/* ---- A sample's certificates ---- */

struct scene {
	struct pki_certificate root, middle, end, other_root, cross, last;
	struct ike_certificate *sent[4];
	size_t sent_count;
	int64_t wall;
	struct ike_engine *engine;
};

static struct pki_certificate make(const struct part *part, const char *subject,
	const struct pki_certificate *issuer, const char *extensions, unsigned number,
	EVP_PKEY *signer)
{
	return pki_issue(&(struct pki_spec){
		.subject = part->subject ? part->subject : subject,
		.issuer = issuer,
		.key = part->key ? pki_key(part->key, number) : NULL,
		.signer = signer,
		.extensions = part->extensions ? part->extensions : extensions,
		.not_before = part->from ? PKI_DAYS(part->from) : 0,
		.not_after = part->until ? PKI_DAYS(part->until) : 0,
		.digest = part->digest,
		.pss = part->pss,
		.salt_length = part->salt,
		.version = part->version,
	});
}

static EVP_PKEY *stranger(const struct part *issuer)
{
	return pki_key(issuer->key ? issuer->key : "p256", 99);
}

static void bring(struct scene *s, const struct pki_certificate *certificate)
{
	ck_assert_msg(certificate->c != NULL, "%s", certificate->why.text);
	s->sent[s->sent_count++] = certificate->c;
}

static void make_certificates(struct scene *s, const struct sample *t)
{
	const struct part plain = { 0 };
	const struct part *issuer = t->flags & END_BY_ROOT ? &t->root : &t->middle;

	s->root = make(&t->root, "/CN=root", NULL, PKI_CA, 0, NULL);
	s->other_root = make(&plain, "/CN=root", NULL, PKI_CA, 1, NULL);
	if (t->flags & LOOP) { /* middle by cross, cross by middle */
		struct pki_certificate key = make(&plain, "/CN=middle", NULL, PKI_CA, 2, NULL);

		s->cross = make(&plain, "/CN=cross", &key, PKI_CA, 3, NULL);
		s->middle = pki_issue(&(struct pki_spec){ .subject = "/CN=middle",
			.issuer = &s->cross,
			.key = key.key,
			.extensions = PKI_CA });
		pki_free(&key);
	} else {
		s->middle = make(&t->middle, "/CN=middle", &s->root, PKI_CA, 2,
			t->flags & MIDDLE_FORGED ? stranger(&t->root) : NULL);
	}
	if (t->flags & MIDDLE_CROSS)
		s->cross = pki_issue(&(struct pki_spec){ .subject = "/CN=middle",
			.issuer = &s->other_root,
			.key = s->middle.key,
			.extensions = PKI_CA });
	s->end = make(&t->end, "/C=CH/CN=moon",
		t->flags & END_SELF_SIGNED ? NULL
		: t->flags & END_BY_ROOT   ? &s->root
					   : &s->middle,
		END, 4, t->flags & END_FORGED ? stranger(issuer) : NULL);
	if (t->flags & END_AS_ISSUER)
		s->last = make(&plain, "/C=CH/CN=last", &s->end, END, 5, NULL);
}

static void load_crl(struct scene *s, const struct sample *t, const struct pki_certificate *issuer,
	const struct pki_certificate *revoked)
{
	const struct pki_certificate *list[] = { revoked, NULL };
	const struct pki_crl_spec spec = {
		.issuer = issuer,
		.signer = t->flags & CRL_FORGED ? pki_key("p256", 99) : NULL,
		.revoked = list,
		.extensions = t->flags & CRL_OF_ENDS
				      ? "issuingDistributionPoint = critical, onlyuser:TRUE\n"
				      : NULL,
		.this_update = t->flags & CRL_STALE ? PKI_DAYS(-30) : 0,
		.next_update = t->flags & CRL_STALE ? PKI_DAYS(-20) : 0,
	};
	struct bytes der = pki_crl(&spec);
	struct why why = { "" };
	struct ike_crl *crl = ike_crl_parse(NULL, der, &why);

	ck_assert_msg(crl != NULL, "%s", why.text);
	ck_assert(ike_certificates_add_crl(ike_engine_certificates(s->engine), crl, false));
	ike_crl_free(crl);
	free((void *)der.at);
}

static void begin(struct scene *s, const struct sample *t)
{
	*s = (struct scene){ .wall = t->wall ? t->wall : PKI_NOW };
	make_certificates(s, t);
	s->engine = engine_new(&s->wall);
	if (!(t->flags & (ROOT_MISSING | ROOT_OF_SAME_NAME)))
		load(s->engine, &s->root,
			t->flags & ROOT_AS_END ? IKE_CERTIFICATE_END : IKE_CERTIFICATE_CA,
			(t->flags & ROOT_CACHED) != 0);
	if (t->flags & (ROOT_OF_SAME_NAME | ROOT_ADDED))
		load(s->engine, &s->other_root, IKE_CERTIFICATE_CA, false);
	if (t->flags & MIDDLE_LOADED)
		load(s->engine, &s->middle, IKE_CERTIFICATE_CA, false);
	if (t->flags & SELF_SIGNED_KNOWN)
		load(s->engine, &s->end, IKE_CERTIFICATE_END, false);
	if (t->flags & CRLS) {
		load_crl(s, t, &s->root, t->flags & MIDDLE_REVOKED ? &s->middle : NULL);
		load_crl(s, t, &s->middle, t->flags & END_REVOKED ? &s->end : NULL);
	}
	if (t->flags & NOTHING_SENT)
		return;
	if (t->flags & END_AS_ISSUER)
		bring(s, &s->last);
	bring(s, &s->end);
	if (t->flags & (MIDDLE_CROSS | LOOP))
		bring(s, &s->cross);
	if (!(t->flags & (MIDDLE_MISSING | MIDDLE_LOADED)))
		bring(s, &s->middle);
	if (t->flags & ROOT_SENT)
		bring(s, &s->root);
}

static void end(struct scene *s)
{
	ike_engine_free(s->engine);
	pki_free(&s->root);
	pki_free(&s->middle);
	pki_free(&s->end);
	pki_free(&s->other_root);
	pki_free(&s->cross);
	pki_free(&s->last);
}

static struct ike_identity *id_of(const char *text)
{
	struct why why;
	struct ike_identity *id = ike_identity_parse(text, &why);

	ck_assert_msg(id != NULL, "%s", why.text);
	return id;
}

/* As AUTH does: a candidate, then its chain. */
static void ask(struct scene *s, const struct sample *t, struct ike_failure *failure)
{
	struct ike_signature_policy signatures = { 0 };
	struct ike_auth_round round = { .class = IKE_AUTH_CLASS_PUBKEY };
	struct ike_identity *id = id_of(t->id ? t->id : MOON);
	struct ike_certificate *candidates[IKE_TRUST_CANDIDATES_MAX];
	const struct ike_trust_query query = {
		.round = &round, .id = id, .received = s->sent, .received_count = s->sent_count
	};
	struct ike_certificate *cacerts[2];
	struct why why;

	round.revocation = t->revocation;
	round.cacerts = cacerts;
	if (t->flags & CACERT_ROOT)
		cacerts[round.cacert_count++] = s->root.c;
	if (t->flags & CACERT_OTHER)
		cacerts[round.cacert_count++] = s->other_root.c;
	round.certs = &s->other_root.c;
	round.cert_count = (t->flags & CERT_OTHER) != 0;
	if (t->auth) {
		ck_assert_msg(
			ike_signature_policy_parse(t->auth, &signatures, &why), "%s", why.text);
		round.signatures = &signatures;
	}
	if (t->ca_id)
		round.ca_id = id_of(t->ca_id);
	round.cert_policies = (char **)t->policies;
	while (round.cert_policy_count < 2 && t->policies[round.cert_policy_count])
		round.cert_policy_count++;
	size_t count = ike_trust_candidates(s->engine, &query, candidates, failure);
	if (count > 0) {
		enum ike_trust trust = ike_trust_check(s->engine, &query, candidates[0], failure);

		ck_assert_int_eq(
			trust, failure->reason == IKE_REASON_NONE ? IKE_TRUST_YES : IKE_TRUST_NO);
	}
	ck_assert_int_eq(count == 0, failure->reason == IKE_REASON_WRONG_IDENTITY ||
					     failure->reason == IKE_REASON_NO_CERTIFICATE ||
					     t->flags & CERT_OTHER);
	for (size_t i = 0; i < count; i++)
		ike_certificate_free(candidates[i]);
	ike_identity_free(round.ca_id);
	ike_identity_free(id);
}

static size_t stored(struct ike_engine *e)
{
	size_t count = 0;

	while (ike_certificates_get(ike_engine_certificates(e), count))
		count++;
	return count;
}

START_TEST(a_chain_holds_or_says_why_not)
{
	const struct sample *t = &samples[_i];
	struct ike_failure failure = { 0 };
	struct scene s;

	begin(&s, t);
	size_t before = stored(s.engine);
	ask(&s, t, &failure);
	ck_assert_msg(failure.reason == t->reason, "%s: %s: %s", t->name,
		ike_reason_name(failure.reason), failure.text ? failure.text : "trusted");
	if (t->reason != IKE_REASON_NONE)
		ck_assert_msg(strstr(failure.text, t->words) != NULL, "%s: no '%s' in: %s", t->name,
			t->words, failure.text);
	/* Asking leaves nothing behind. */
	ck_assert_uint_eq(stored(s.engine), before);
	ike_failure_free(&failure);
	end(&s);
}
END_TEST

/* Raw keys prove who they were loaded for, and nobody else. */
START_TEST(raw_keys_are_those_that_are_listed)
{
	int64_t wall = PKI_NOW;
	struct ike_engine *e = engine_new(&wall);
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
	size_t count = ike_trust_candidates(e, &query, candidates, &failure);

	/* What the peer sent is not among them; its signature will not fit the one that is. */
	ck_assert_uint_eq(count, 1);
	ck_assert(ike_certificate_equal(candidates[0], listed));
	ck_assert_int_eq(ike_trust_check(e, &query, candidates[0], &failure), IKE_TRUST_YES);
	ike_certificate_free(candidates[0]);
	/* Without a list no raw key is believed. */
	round.cert_count = 0;
	ck_assert_int_eq(ike_trust_check(e, &query, other, &failure), IKE_TRUST_NO);
	ck_assert_int_eq(failure.reason, IKE_REASON_UNTRUSTED);
	ck_assert_ptr_nonnull(strstr(failure.text, "raw public key"));
	ike_failure_free(&failure);
	ike_certificate_free(listed);
	ike_certificate_free(other);
	ike_identity_free(id);
	ike_public_key_free(ours);
	ike_public_key_free(theirs);
	ike_engine_free(e);
}
END_TEST

/* Those that take long, once for all processes that check forks. */
static void make_keys(void)
{
	static const unsigned numbers[] = { 0, 2, 4, 99 };

	for (size_t i = 0; i < COUNT(numbers); i++) {
		pki_key("rsa2048", numbers[i]);
		pki_key("rsa1024", numbers[i]);
	}
}

TCase *chain_tests(size_t *ret_refused)
{
	TCase *tests = tcase_create("chains");

	*ret_refused = 0;
	for (size_t i = 0; i < COUNT(samples); i++)
		*ret_refused += samples[i].reason != IKE_REASON_NONE;
	tcase_set_timeout(tests, 60);
	tcase_add_unchecked_fixture(tests, make_keys, NULL);
	tcase_add_loop_test(tests, a_chain_holds_or_says_why_not, 0, COUNT(samples));
	tcase_add_test(tests, raw_keys_are_those_that_are_listed);
	return tests;
}
