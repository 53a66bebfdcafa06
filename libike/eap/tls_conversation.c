#include "libike/eap/tls_conversation.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

/* Type-Code of EAP-TLS: the context of the exporter in TLS 1.3 (RFC 9190 2.3). */
#define TYPE_CODE 13
/* MSK and EMSK are exported in one. */
#define KEY_MATERIAL 128

struct ike_tls {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out; /* ssl's */
	bool server;
	bool over;
	bool finished; /* the handshake is through; TLS 1.3: the server has yet to say so */
	struct secret output;
	struct secret msk;
	struct bytes chain[IKE_TLS_CHAIN_MAX]; /* heap each */
	size_t chain_count;
	char error[256];
};

/* The chain is the engine's business; that the peer has the key is the handshake's. */
static int take_any_chain(X509_STORE_CTX *store, void *context)
{
	(void)store;
	(void)context;
	return 1;
}

static const char *openssl_reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return text ? text : "unknown reason";
}

/* ---- Made ---- */

static X509 *certificate(OSSL_LIB_CTX *library, struct bytes der)
{
	const unsigned char *at = der.at;
	X509 *x509 = X509_new_ex(library, NULL);

	if (x509 && !d2i_X509(&x509, &at, (long)der.length)) /* frees it */
		x509 = NULL;
	return x509;
}

static bool use_chain(SSL_CTX *context, OSSL_LIB_CTX *library, const struct bytes *chain,
	size_t count, struct why *why)
{
	for (size_t i = 0; i < count; i++) {
		X509 *x509 = certificate(library, chain[i]);
		bool ok = x509 && (i == 0 ? SSL_CTX_use_certificate(context, x509) == 1
					  : SSL_CTX_add1_chain_cert(context, x509) == 1);

		X509_free(x509);
		if (!ok)
			return why_fail(why, "TLS refuses our certificate: %s", openssl_reason());
	}
	return count > 0 || why_fail(why, "TLS needs a certificate");
}

static bool set_up(struct ike_tls *tls, OSSL_LIB_CTX *library, EVP_PKEY *key,
	const struct bytes *chain, size_t count, struct why *why)
{
	SSL_CTX *context = SSL_CTX_new_ex(library, NULL, TLS_method());

	tls->context = context;
	if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION))
		return why_fail(why, "TLS cannot begin: %s", openssl_reason());
	/* LEGACY_SERVER_CONNECT: strongSwan's server knows nothing of RFC 5746. What that prevents
	 * is renegotiation, which is never done, before data, which there are none of. */
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_NO_COMPRESSION | SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(context, take_any_chain, NULL);
	if (!use_chain(context, library, chain, count, why))
		return false;
	if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
		return why_fail(why, "TLS refuses our private key: %s", openssl_reason());
	return true;
}

static bool begin(struct ike_tls *tls, struct why *why)
{
	tls->ssl = SSL_new(tls->context);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	if (!tls->ssl || !in || !out) {
		BIO_free(in);
		BIO_free(out);
		return why_fail(why, "out of memory");
	}
	SSL_set_bio(tls->ssl, in, out); /* takes both */
	tls->in = in;
	tls->out = out;
	if (tls->server)
		SSL_set_accept_state(tls->ssl);
	else
		SSL_set_connect_state(tls->ssl);
	return true;
}

struct ike_tls *ike_tls_new(OSSL_LIB_CTX *library, bool server, EVP_PKEY *key,
	const struct bytes *chain, size_t chain_count, struct why *why)
{
	struct ike_tls *tls = calloc(1, sizeof(*tls));

	if (!tls) {
		why_fail(why, "out of memory");
		return NULL;
	}
	tls->server = server;
	ERR_clear_error();
	if (set_up(tls, library, key, chain, chain_count, why) && begin(tls, why))
		return tls;
	ERR_clear_error();
	ike_tls_free(tls);
	return NULL;
}

void ike_tls_free(struct ike_tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	SSL_CTX_free(tls->context);
	secret_free(&tls->output);
	secret_free(&tls->msk);
	for (size_t i = 0; i < tls->chain_count; i++)
		free((void *)tls->chain[i].at);
	free(tls);
}

void ike_tls_limit(struct ike_tls *tls, int version)
{
	SSL_set_max_proto_version(tls->ssl, version);
}

/* ---- One step ---- */

static bool fail(struct ike_tls *tls, const char *what)
{
	tls->over = true;
	snprintf(tls->error, sizeof(tls->error), "TLS handshake failed: %s", what);
	return false;
}

static bool is_tls13(const struct ike_tls *tls)
{
	return SSL_version(tls->ssl) >= TLS1_3_VERSION;
}

/* RFC 5216 2.3, RFC 9190 2.3 */
static bool export_msk(struct ike_tls *tls)
{
	static const char label12[] = "client EAP encryption";
	static const char label13[] = "EXPORTER_EAP_TLS_Key_Material";
	static const unsigned char context13[] = { TYPE_CODE };
	uint8_t material[KEY_MATERIAL];
	bool v13 = is_tls13(tls);
	bool ok = SSL_export_keying_material(tls->ssl, material, sizeof(material),
			  v13 ? label13 : label12, strlen(v13 ? label13 : label12), context13,
			  sizeof(context13), v13) == 1 &&
		  secret_copy(&tls->msk, bytes_of(material, IKE_TLS_MSK));

	secret_wipe(material, sizeof(material));
	return ok;
}

static bool keep_certificate(struct ike_tls *tls, X509 *x509)
{
	unsigned char *der = NULL;
	int length = x509 ? i2d_X509(x509, &der) : -1;

	if (length <= 0 || tls->chain_count == IKE_TLS_CHAIN_MAX) {
		OPENSSL_free(der);
		return false;
	}
	struct bytes copy = bytes_duplicate(bytes_of(der, (size_t)length));
	OPENSSL_free(der);
	if (!copy.at)
		return false;
	tls->chain[tls->chain_count++] = copy;
	return true;
}

/* OpenSSL's list has the end certificate only as client. */
static bool take_chain(struct ike_tls *tls)
{
	STACK_OF(X509) *others = SSL_get_peer_cert_chain(tls->ssl);

	if (!keep_certificate(tls, SSL_get0_peer_certificate(tls->ssl)))
		return false;
	for (int i = tls->server ? 0 : 1; i < sk_X509_num(others); i++)
		if (!keep_certificate(tls, sk_X509_value(others, i)))
			return false;
	return true;
}

/* The handshake is through: keys, chain, and, of a TLS 1.3 server, the octet that says that nothing
 * more will come (RFC 9190 2.1.1). */
static bool finish(struct ike_tls *tls)
{
	static const uint8_t commitment[] = { 0 };

	tls->finished = true;
	if (!export_msk(tls))
		return fail(tls, "no keys could be had from it");
	if (!take_chain(tls))
		return fail(tls, "the peer's chain is too long");
	if (tls->server && is_tls13(tls) &&
		SSL_write(tls->ssl, commitment, sizeof(commitment)) != (int)sizeof(commitment))
		return fail(tls, openssl_reason());
	return true;
}

static bool shake_hands(struct ike_tls *tls)
{
	int done = SSL_do_handshake(tls->ssl);

	if (done == 1)
		return finish(tls);
	if (SSL_get_error(tls->ssl, done) == SSL_ERROR_WANT_READ)
		return true;
	return fail(tls, openssl_reason());
}

/* A TLS 1.3 client is not through before the server's octet came: until then the server may still
 * refuse. ret: it came. */
static bool await_commitment(struct ike_tls *tls, bool *ret)
{
	uint8_t octets[2];
	int length = SSL_read(tls->ssl, octets, sizeof(octets));

	if (length == 1 && octets[0] == 0) {
		*ret = true;
		return true;
	}
	if (length > 0)
		return fail(tls, "the server sends data instead of its commitment");
	if (SSL_get_error(tls->ssl, length) == SSL_ERROR_WANT_READ)
		return true;
	return fail(tls, openssl_reason());
}

static bool advance(struct ike_tls *tls, bool *ret_done)
{
	if (!tls->finished && !shake_hands(tls))
		return false;
	if (!tls->finished)
		return true;
	if (tls->server || !is_tls13(tls)) {
		*ret_done = true;
		return true;
	}
	return await_commitment(tls, ret_done);
}

static bool take_output(struct ike_tls *tls)
{
	size_t length = BIO_ctrl_pending(tls->out);

	secret_free(&tls->output);
	if (length == 0)
		return true;
	return length <= IKE_TLS_FLIGHT_MAX && secret_allocate(&tls->output, length) &&
	       BIO_read(tls->out, tls->output.at, (int)length) == (int)length;
}

void ike_tls_step(struct ike_tls *tls, struct bytes input, struct ike_tls_answer *ret)
{
	bool done = false, ok = !tls->over && input.length <= IKE_TLS_FLIGHT_MAX;

	ERR_clear_error();
	if (!ok)
		fail(tls, "there is too much, or more than was to come");
	else if (input.length > 0 &&
		 BIO_write(tls->in, input.at, (int)input.length) != (int)input.length)
		ok = fail(tls, "out of memory");
	ok = ok && advance(tls, &done);
	/* Also of one that failed: the alert. */
	if (!take_output(tls))
		ok = fail(tls, "our flight is too long");
	if (ok && done && BIO_ctrl_pending(tls->in) > 0)
		ok = fail(tls, "the peer sends more than its flight");
	if (done)
		tls->over = true;
	ERR_clear_error();
	*ret = (struct ike_tls_answer){
		.failed = !ok,
		.done = ok && done,
		.output = secret_bytes(&tls->output),
		.error = ok ? NULL : tls->error,
	};
	if (!ret->done)
		return;
	ret->msk = secret_bytes(&tls->msk);
	ret->peer_chain = tls->chain;
	ret->peer_chain_count = tls->chain_count;
}
