/* Keys and certificates for tests. */
#include "testing/pki/pki.h"
#include "testing/pki/need.h"

#include <openssl/conf.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Keys ---- */

static const struct {
	const char *kind, *curve;
} curves[] = {
	{ "p256", "P-256" },
	{ "p384", "P-384" },
	{ "p521", "P-521" },
	{ "bp256", "brainpoolP256r1" },
	{ "bp384", "brainpoolP384r1" },
	{ "bp512", "brainpoolP512r1" },
	{ "secp256k1", "secp256k1" },
};

static EVP_PKEY *make_dsa(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *parameters = NULL, *key = NULL;

	NEED(context && EVP_PKEY_paramgen_init(context) > 0 &&
		EVP_PKEY_CTX_set_dsa_paramgen_bits(context, 1024) > 0 &&
		EVP_PKEY_paramgen(context, &parameters) > 0);
	EVP_PKEY_CTX_free(context);
	context = EVP_PKEY_CTX_new_from_pkey(NULL, parameters, NULL);
	NEED(context && EVP_PKEY_keygen_init(context) > 0 && EVP_PKEY_keygen(context, &key) > 0);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(parameters);
	return key;
}

static EVP_PKEY *make_key(const char *kind)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
		if (strcmp(kind, curves[i].kind) == 0)
			return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[i].curve);
	if (strncmp(kind, "rsa", 3) == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(kind + 3, NULL, 10));
	if (strcmp(kind, "dsa") == 0)
		return make_dsa();
	return EVP_PKEY_Q_keygen(NULL, NULL, strcmp(kind, "ed448") == 0 ? "ED448" : "ED25519");
}

EVP_PKEY *pki_key(const char *kind, unsigned number)
{
	static struct {
		char kind[16];
		unsigned number;
		EVP_PKEY *key;
	} keys[2048];
	size_t i = 0;

	while (keys[i].key && (keys[i].number != number || strcmp(keys[i].kind, kind) != 0))
		NEED(++i < sizeof(keys) / sizeof(*keys));
	if (!keys[i].key) {
		snprintf(keys[i].kind, sizeof(keys[i].kind), "%s", kind);
		keys[i].number = number;
		keys[i].key = make_key(kind);
		NEED(keys[i].key);
	}
	return keys[i].key;
}

/* ---- Certificates ---- */

static X509_NAME *make_name(const char *text)
{
	X509_NAME *name = X509_NAME_new();
	char *copy = strdup(text ? text : ""), *rest = copy, *part;

	NEED(name && copy);
	while ((part = strsep(&rest, "/"))) {
		char *value = strchr(part, '=');

		if (!value)
			continue;
		*value++ = '\0';
		NEED(X509_NAME_add_entry_by_txt(
			name, part, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0));
	}
	free(copy);
	return name;
}

static CONF *make_conf(const char *extensions)
{
	CONF *conf = NCONF_new(NULL);
	BIO *bio = BIO_new(BIO_s_mem());
	long line;

	NEED(conf && bio && BIO_printf(bio, "[extensions]\n%s\n", extensions) > 0);
	NEED(NCONF_load_bio(conf, bio, &line) > 0);
	BIO_free(bio);
	return conf;
}

static void sign(X509 *x509, X509_CRL *crl, EVP_PKEY *key, const char *digest, bool pss, int salt)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *parameters;
	int type = EVP_PKEY_get_base_id(key);
	EVP_MD *md = NULL;

	if (type != EVP_PKEY_ED25519 && type != EVP_PKEY_ED448)
		md = EVP_MD_fetch(NULL, digest ? digest : "SHA2-256", NULL);
	NEED(context && EVP_DigestSignInit(context, &parameters, md, NULL, key) > 0);
	if (pss)
		NEED(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) > 0 &&
			EVP_PKEY_CTX_set_rsa_pss_saltlen(
				parameters, salt ? salt : RSA_PSS_SALTLEN_DIGEST) > 0);
	NEED((x509 ? X509_sign_ctx(x509, context) : X509_CRL_sign_ctx(crl, context)) > 0);
	EVP_MD_CTX_free(context);
	EVP_MD_free(md);
}

static void add_extensions(X509 *x509, X509 *issuer, const char *extensions)
{
	X509V3_CTX context;
	CONF *conf = make_conf(extensions);

	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	X509V3_set_nconf(&context, conf);
	NEED(X509V3_EXT_add_nconf(conf, &context, "extensions", x509));
	NCONF_free(conf);
}

struct bytes pki_der(const X509 *x509)
{
	unsigned char *der = NULL;
	int length = i2d_X509((X509 *)x509, &der);

	NEED(length > 0);
	struct bytes copy = bytes_duplicate(bytes_of(der, (size_t)length));
	OPENSSL_free(der);
	return copy;
}

struct pki_certificate pki_issue(const struct pki_spec *spec)
{
	static unsigned fresh = 1000;
	static uint32_t serials = 1;
	struct pki_certificate made = { 0 };
	X509 *x509 = X509_new_ex(NULL, NULL);
	X509_NAME *name = make_name(spec->subject);
	X509 *issuer = spec->issuer ? spec->issuer->x509 : x509;
	EVP_PKEY *key = spec->key ? spec->key : pki_key("p256", fresh++);
	EVP_PKEY *signer = spec->signer ? spec->signer : spec->issuer ? spec->issuer->key : key;

	NEED(x509 && X509_set_version(x509, spec->version ? spec->version - 1 : 2) &&
		X509_set_subject_name(x509, name) &&
		X509_set_issuer_name(x509, X509_get_subject_name(issuer)) &&
		X509_set_pubkey(x509, key) &&
		ASN1_INTEGER_set(X509_get_serialNumber(x509),
			spec->serial ? (long)spec->serial : (long)serials++) &&
		ASN1_TIME_set(X509_getm_notBefore(x509),
			spec->not_before ? spec->not_before : PKI_DAYS(-180)) &&
		ASN1_TIME_set(X509_getm_notAfter(x509),
			spec->not_after ? spec->not_after : PKI_DAYS(180)));
	X509_NAME_free(name);
	if (spec->extensions)
		add_extensions(x509, issuer, spec->extensions);
	sign(x509, NULL, signer, spec->digest, spec->pss, spec->salt_length);
	struct bytes der = pki_der(x509);
	made.x509 = x509;
	made.key = key;
	made.c = ike_certificate_parse(NULL, der, &made.why);
	free((void *)der.at);
	return made;
}

struct pki_certificate pki_root(const char *subject)
{
	struct pki_certificate root =
		pki_issue(&(struct pki_spec){ .subject = subject, .extensions = PKI_CA });

	NEED(root.c);
	return root;
}

void pki_free(struct pki_certificate *certificate)
{
	X509_free(certificate->x509);
	ike_certificate_free(certificate->c);
	*certificate = (struct pki_certificate){ 0 };
}

/* ---- CRLs ---- */

static void revoke(X509_CRL *crl, const struct pki_certificate *certificate)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, PKI_DAYS(-10));
	ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

	NEED(entry && when && reason &&
		X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate->x509)) &&
		X509_REVOKED_set_revocationDate(entry, when) &&
		ASN1_ENUMERATED_set(reason, CRL_REASON_KEY_COMPROMISE) &&
		X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) > 0 &&
		X509_CRL_add0_revoked(crl, entry));
	ASN1_ENUMERATED_free(reason);
	ASN1_TIME_free(when);
}

static void set_times(X509_CRL *crl, const struct pki_crl_spec *spec)
{
	int64_t from = spec->this_update ? spec->this_update : PKI_DAYS(-3);
	int64_t until = spec->next_update ? spec->next_update : PKI_DAYS(4);
	ASN1_TIME *time = ASN1_TIME_set(NULL, from);

	NEED(time && X509_CRL_set1_lastUpdate(crl, time));
	if (until > 0)
		NEED(ASN1_TIME_set(time, until) && X509_CRL_set1_nextUpdate(crl, time));
	ASN1_TIME_free(time);
}

struct bytes pki_crl(const struct pki_crl_spec *spec)
{
	X509_CRL *crl = X509_CRL_new_ex(NULL, NULL);
	CONF *conf = make_conf(spec->extensions ? spec->extensions : "");
	X509V3_CTX context;
	unsigned char *der = NULL;

	NEED(crl && X509_CRL_set_version(crl, 1) &&
		X509_CRL_set_issuer_name(crl, X509_get_subject_name(spec->issuer->x509)));
	set_times(crl, spec);
	for (size_t i = 0; spec->revoked && spec->revoked[i]; i++)
		revoke(crl, spec->revoked[i]);
	X509_CRL_sort(crl);
	X509V3_set_ctx(&context, spec->issuer->x509, NULL, NULL, crl, 0);
	X509V3_set_nconf(&context, conf);
	NEED(X509V3_EXT_CRL_add_nconf(conf, &context, "extensions", crl));
	sign(NULL, crl, spec->signer ? spec->signer : spec->issuer->key, spec->digest, false, 0);
	int length = i2d_X509_CRL(crl, &der);
	NEED(length > 0);
	struct bytes copy = bytes_duplicate(bytes_of(der, (size_t)length));
	OPENSSL_free(der);
	X509_CRL_free(crl);
	NCONF_free(conf);
	return copy;
}
