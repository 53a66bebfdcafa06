/* OCSP responses for tests. */
#include "testing/pki/ocsp.h"
#include "testing/pki/need.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static struct bytes encode(OCSP_RESPONSE *response)
{
	unsigned char *der = NULL;
	int length = i2d_OCSP_RESPONSE(response, &der);

	NEED(length > 0);
	struct bytes copy = bytes_duplicate(bytes_of(der, (size_t)length));
	OPENSSL_free(der);
	return copy;
}

static void add_single(OCSP_BASICRESP *basic, const struct pki_ocsp_spec *spec)
{
	const EVP_MD *digest = EVP_get_digestbyname(spec->id_digest ? spec->id_digest : "SHA1");
	OCSP_CERTID *id = OCSP_cert_to_id(digest, spec->certificate->x509, spec->issuer->x509);
	bool revoked = spec->status == V_OCSP_CERTSTATUS_REVOKED;
	ASN1_TIME *revoked_at =
		ASN1_TIME_set(NULL, spec->revoked_at ? spec->revoked_at : PKI_DAYS(-10));
	ASN1_TIME *from =
		ASN1_TIME_set(NULL, spec->this_update ? spec->this_update : PKI_NOW - 3600);
	ASN1_TIME *until =
		spec->next_update < 0
			? NULL
			: ASN1_TIME_set(NULL, spec->next_update ? spec->next_update : PKI_DAYS(1));
	OCSP_SINGLERESP *single = OCSP_basic_add1_status(
		basic, id, spec->status, spec->reason, revoked ? revoked_at : NULL, from, until);

	NEED(single);
	if (spec->critical) {
		ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
		NEED(data && ASN1_OCTET_STRING_set(data, (const unsigned char *)"\5\0", 2));
		ASN1_OBJECT *object = OBJ_txt2obj("1.2.3.4", 1);
		X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, data);
		NEED(OCSP_SINGLERESP_add_ext(single, extension, -1));
		X509_EXTENSION_free(extension);
		ASN1_OBJECT_free(object);
		ASN1_OCTET_STRING_free(data);
	}
	OCSP_CERTID_free(id);
	ASN1_TIME_free(revoked_at);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
}

struct bytes pki_ocsp(const struct pki_ocsp_spec *spec)
{
	const struct pki_certificate *signer = spec->signer ? spec->signer : spec->issuer;
	EVP_PKEY *key = spec->signer_key ? spec->signer_key : signer->key;
	unsigned long flags =
		(spec->enclosed ? 0 : OCSP_NOCERTS) | (spec->by_key ? OCSP_RESPID_KEY : 0);
	int type = EVP_PKEY_get_base_id(key);
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	NEED(basic && context);
	add_single(basic, spec);
	if (spec->nonce.length > 0)
		NEED(OCSP_basic_add1_nonce(
			basic, (unsigned char *)spec->nonce.at, (int)spec->nonce.length));
	NEED(EVP_DigestSignInit(context, NULL,
		     type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448
			     ? NULL
			     : EVP_get_digestbyname(spec->digest ? spec->digest : "SHA256"),
		     NULL, key) > 0);
	/* checks that the key is the certificate's: not with a forger's */
	X509 *shown = signer->x509;
	if (spec->signer_key) {
		shown = X509_dup(shown);
		NEED(shown && X509_set_pubkey(shown, key));
	}
	NEED(OCSP_basic_sign_ctx(basic, shown, context, NULL, flags));
	if (spec->signer_key)
		X509_free(shown);
	EVP_MD_CTX_free(context);
	OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	NEED(response);
	struct bytes der = encode(response);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	return der;
}

struct bytes pki_ocsp_failure(int status)
{
	OCSP_RESPONSE *response = OCSP_response_create(status, NULL);

	NEED(response);
	struct bytes der = encode(response);
	OCSP_RESPONSE_free(response);
	return der;
}

struct bytes pki_ocsp_nonce(struct bytes request)
{
	const unsigned char *at = request.at;
	OCSP_REQUEST *r = d2i_OCSP_REQUEST(NULL, &at, (long)request.length);
	struct bytes nonce = { 0 };

	NEED(r && at == request.at + request.length);
	int where = OCSP_REQUEST_get_ext_by_NID(r, NID_id_pkix_OCSP_Nonce, -1);
	if (where >= 0) {
		const ASN1_OCTET_STRING *value =
			X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(r, where));
		const unsigned char *der = ASN1_STRING_get0_data(value);
		ASN1_OCTET_STRING *octets =
			d2i_ASN1_OCTET_STRING(NULL, &der, ASN1_STRING_length(value));
		NEED(octets);
		nonce = bytes_duplicate(bytes_of(
			ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets)));
		ASN1_OCTET_STRING_free(octets);
	}
	OCSP_REQUEST_free(r);
	return nonce;
}
