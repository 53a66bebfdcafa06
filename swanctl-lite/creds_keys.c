/* --load-creds: private keys and PKCS#12 containers by directory. */
#include "swanctl-lite/check.h"
#include "swanctl-lite/creds.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* ---- Sending ---- */

/* what: "RSA key", as texts have it. */
static void send_key(
	struct creds *c, const char *type, const char *what, struct bytes data, const char *path)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "load-key", .arguments = &b };
	struct vici_view answer;
	int status;

	vici_key_text(&b, "type", type);
	vici_key_bytes(&b, "data", data);
	if (swanctl_call(c->s, &call, &answer, &status)) {
		bool ok = swanctl_succeeded(answer);

		if (ok)
			creds_names_strike(&c->keys, vici_get(answer, "id"));
		if (c->s->format != SWANCTL_TEXT)
			swanctl_dump_reply(c->s, "load-key", path, answer);
		else if (!ok)
			swanctl_complain(c->s, CHECK_BAD_FILE, NULL, path,
				"loading '%s' failed: %s", path, SWANCTL_GAP_OF(answer, "errmsg"));
		else if (c->s->check)
			check_note_key(c->s->check, vici_get(answer, "id"), path);
		else if (!c->s->quiet)
			printf("loaded %s from '%s'\n", what, path);
	}
	vici_builder_free(&b);
}

/* One that was decrypted here. */
static void send_decrypted(struct creds *c, EVP_PKEY *key, const char *path)
{
	static const struct {
		const char *openssl, *type, *what;
	} kinds[] = { { "RSA", "rsa", "RSA key" }, { "EC", "ecdsa", "ECDSA key" },
		{ "ED25519", "any", "ED25519 key" }, { "ED448", "any", "ED448 key" } };
	const char *type = "any", *what = "private key";
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int length = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (EVP_PKEY_is_a(key, kinds[i].openssl)) {
			type = kinds[i].type;
			what = kinds[i].what;
		}
	if (length > 0)
		send_key(c, type, what, bytes_of(der, (size_t)length), path);
	else {
		c->s->faults++;
		swanctl_complain(c->s, CHECK_BAD_FILE, NULL, path,
			"loading '%s' failed: the key has no PKCS#8 form", path);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	if (length > 0)
		OPENSSL_clear_free(der, (size_t)length);
}

/* ---- Private keys ---- */

static int give_passphrase(char *room, int size, int writing, void *context)
{
	const char *passphrase = context;
	int length = passphrase ? (int)strlen(passphrase) : 0;

	(void)writing;
	if (!passphrase || length > size)
		return -1;
	memcpy(room, passphrase, (size_t)length);
	return length;
}

/* passphrase NULL: one that needs none. */
static EVP_PKEY *read_key(struct bytes content, const char *passphrase)
{
	BIO *in = BIO_new_mem_buf(content.at, (int)content.length);
	const unsigned char *at = content.at;
	EVP_PKEY *key;

	if (!in)
		return NULL;
	key = PEM_read_bio_PrivateKey(in, NULL, give_passphrase, (void *)passphrase);
	if (!key && BIO_reset(in) == 1 && passphrase)
		key = d2i_PKCS8PrivateKey_bio(in, NULL, give_passphrase, (void *)passphrase);
	else if (!key)
		key = d2i_AutoPrivateKey(NULL, &at, (long)content.length);
	BIO_free(in);
	ERR_clear_error();
	return key;
}

static bool is_encrypted(struct bytes content)
{
	const unsigned char *at = content.at;
	static const char word[] = "ENCRYPTED";

	if (content.length && memmem(content.at, content.length, word, sizeof(word) - 1))
		return true;
	X509_SIG *sig = content.length ? d2i_X509_SIG(NULL, &at, (long)content.length) : NULL;
	X509_SIG_free(sig);
	ERR_clear_error();
	return sig != NULL;
}

struct opening {
	struct bytes content;
	EVP_PKEY *key;
	X509 *cert;
	STACK_OF(X509) * chain;
};

static bool try_key(void *context, const char *passphrase)
{
	struct opening *o = context;

	o->key = read_key(o->content, passphrase);
	return o->key != NULL;
}

struct folder {
	const char *name, *type, *what;
};

/* A directory of one type of keys is not for others: the daemon says so. */
static bool fits(EVP_PKEY *key, const char *type)
{
	if (strcmp(type, "rsa") == 0)
		return EVP_PKEY_is_a(key, "RSA");
	return strcmp(type, "ecdsa") != 0 || EVP_PKEY_is_a(key, "EC");
}

/* What is not encrypted is the daemon's to judge; with prompts it is looked at here, as
 * strongSwan's swanctl does, whose texts then name the type. */
static void load_key(struct creds *c, const struct creds_file *file, const void *context)
{
	const struct folder *folder = context;
	struct opening o = { .content = file->content };

	if (is_encrypted(file->content))
		(void)!creds_passphrase(c, file, try_key, &o);
	else if (c->prompt)
		o.key = read_key(file->content, NULL);
	if (c->s->check && !o.key && is_encrypted(file->content))
		swanctl_complain(c->s, CHECK_NO_PASSPHRASE, NULL, file->path,
			"'%s' is encrypted, and no passphrase in secrets opens it", file->path);
	else if (o.key && fits(o.key, folder->type))
		send_decrypted(c, o.key, file->path);
	else
		send_key(c, folder->type, folder->what, file->content, file->path);
	EVP_PKEY_free(o.key);
}

/* ---- PKCS#12 ---- */

static bool try_container(void *context, const char *passphrase)
{
	struct opening *o = context;
	const unsigned char *at = o->content.at;
	PKCS12 *container = d2i_PKCS12(NULL, &at, (long)o->content.length);
	bool good =
		container && PKCS12_parse(container, passphrase, &o->key, &o->cert, &o->chain) == 1;

	PKCS12_free(container);
	ERR_clear_error();
	return good;
}

static void send_x509(struct creds *c, X509 *x, const char *path)
{
	unsigned char *der = NULL;
	int length = i2d_X509(x, &der);
	bool ca = X509_check_ca(x) == 1;

	if (length > 0)
		creds_send_cert(c, "X509", ca ? "CA" : "NONE", bytes_of(der, (size_t)length), path);
	OPENSSL_free(der);
}

static bool is_container(struct bytes content)
{
	const unsigned char *at = content.at;
	PKCS12 *container = content.length ? d2i_PKCS12(NULL, &at, (long)content.length) : NULL;

	PKCS12_free(container);
	ERR_clear_error();
	return container != NULL;
}

static void load_container(struct creds *c, const struct creds_file *file, const void *context)
{
	struct opening o = { .content = file->content };

	(void)context;
	if (!is_container(file->content)) {
		c->s->faults++;
		swanctl_complain(c->s, CHECK_BAD_FILE, NULL, file->path,
			"loading '%s' failed: it is no PKCS#12 container in DER", file->path);
		return;
	}
	if (!try_container(&o, "") && !creds_passphrase(c, file, try_container, &o)) {
		c->s->faults++;
		swanctl_complain(c->s, CHECK_NO_PASSPHRASE, NULL, file->path,
			"loading '%s' failed: no passphrase opens it", file->path);
		return;
	}
	for (int i = 0; o.chain && i < sk_X509_num(o.chain); i++)
		send_x509(c, sk_X509_value(o.chain, i), file->path);
	if (o.cert)
		send_x509(c, o.cert, file->path);
	if (o.key)
		send_decrypted(c, o.key, file->path);
	sk_X509_pop_free(o.chain, X509_free);
	X509_free(o.cert);
	EVP_PKEY_free(o.key);
}

void creds_load_keys(struct creds *c)
{
	static const struct folder folders[] = { { "private", "any", "private key" },
		{ "rsa", "rsa", "rsa key" }, { "ecdsa", "ecdsa", "ecdsa key" },
		{ "pkcs8", "any", "pkcs8 key" } };

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		creds_each_file(c, folders[i].name, load_key, &folders[i]);
	/* Old containers are encrypted with what OpenSSL keeps apart. */
	OSSL_PROVIDER *ours = OSSL_PROVIDER_load(NULL, "default");
	OSSL_PROVIDER *legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
	creds_each_file(c, "pkcs12", load_container, NULL);
	OSSL_PROVIDER_unload(legacy);
	OSSL_PROVIDER_unload(ours);
	ERR_clear_error();
}
