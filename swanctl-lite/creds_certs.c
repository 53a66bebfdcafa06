/* --load-creds: certificates, CRLs and raw public keys by directory. */
#include "swanctl-lite/check.h"
#include "swanctl-lite/creds.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>

/* ---- Files ---- */

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && entry->d_type != DT_DIR;
}

/* Unreadable is not gone. */
static void note_unread(struct creds *c, int error)
{
	c->unread = c->unread ? c->unread : error;
	c->lost_count = true;
	c->s->faults++;
}

static void take_file(struct creds *c, struct creds_file *file,
	void (*take)(struct creds *c, const struct creds_file *file, const void *context),
	const void *context)
{
	AUTO_SECRET content = { 0 };

	if (!swanctl_file_read(file->path, &content)) {
		int error = errno;

		note_unread(c, error);
		swanctl_complain(c->s, CHECK_MISSING_FILE, NULL, file->path,
			"loading '%s' failed: %s", file->path, strerror(error));
		return;
	}
	file->content = secret_bytes(&content);
	take(c, file, context);
}

void creds_each_file(struct creds *c, const char *folder,
	void (*take)(struct creds *c, const struct creds_file *file, const void *context),
	const void *context)
{
	char *directory = swanctl_config_path(c->s, folder, "");
	struct dirent **entries;
	int count = directory ? scandir(directory, &entries, is_visible, alphasort) : 0;

	if (!directory || (count < 0 && errno != ENOENT)) {
		int error = directory ? errno : ENOMEM;

		note_unread(c, error);
		swanctl_complain(c->s, CHECK_MISSING_FILE, NULL, directory,
			"opening directory '%s' failed: %s", directory ? directory : folder,
			strerror(error));
	}
	for (int i = 0; i < count; i++) {
		char *path = swanctl_config_path(c->s, folder, entries[i]->d_name);
		struct creds_file file = { folder, entries[i]->d_name, path, { 0 } };

		if (path)
			take_file(c, &file, take, context);
		free(path);
		free(entries[i]);
	}
	if (count >= 0 && directory)
		free(entries);
	free(directory);
}

/* ---- What was sent ---- */

static void count_der(struct creds *c, const uint8_t *at, size_t length)
{
	uint8_t(*grown)[20] = realloc(c->digests, (c->digest_count + 1) * sizeof(*grown));

	if (!grown) {
		c->lost_count = true;
		return;
	}
	c->digests = grown;
	SHA1(at, length, grown[c->digest_count]);
	if (c->s->check)
		check_note_certificate(c->s->check, grown[c->digest_count], c->path);
	c->digest_count++;
}

/* A public key, whatever its form, as certificates have it. */
static void count_public_key(struct creds *c, struct bytes data)
{
	BIO *pem = BIO_new_mem_buf(data.at, (int)data.length);
	const unsigned char *at = data.at;
	EVP_PKEY *key = pem ? PEM_read_bio_PUBKEY(pem, NULL, NULL, NULL) : NULL;
	unsigned char *der = NULL;

	if (!key)
		key = d2i_PUBKEY(NULL, &at, (long)data.length);
	int length = key ? i2d_PUBKEY(key, &der) : 0;
	if (length > 0)
		count_der(c, der, (size_t)length);
	else
		c->lost_count = true;
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	BIO_free(pem);
}

/* DER, or all blocks of PEM. */
static void count(struct creds *c, const char *type, struct bytes data)
{
	BIO *pem = BIO_new_mem_buf(data.at, (int)data.length);
	char *name, *header;
	unsigned char *der;
	long length;

	if (strcmp(type, "PUBKEY") == 0)
		count_public_key(c, data);
	else if (data.length > 0 && data.at[0] == 0x30)
		count_der(c, data.at, data.length);
	else
		while (pem && PEM_read_bio(pem, &name, &header, &der, &length) == 1) {
			count_der(c, der, (size_t)length);
			OPENSSL_free(name);
			OPENSSL_free(header);
			OPENSSL_free(der);
		}
	BIO_free(pem);
}

bool creds_keep_certs(struct creds *c)
{
	bool refused;
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "keep-certs", .arguments = &b };
	struct vici_view answer;

	vici_list_start(&b, "sha1");
	for (size_t i = 0; i < c->digest_count; i++)
		vici_item_bytes(&b, bytes_of(c->digests[i], sizeof(c->digests[i])));
	vici_list_end(&b);
	refused = !c->lost_count && !b.bad && c->s->client &&
		  vici_client_call(c->s->client, &call, &answer, NULL) == VICI_OK &&
		  !swanctl_succeeded(answer);
	if (refused)
		fprintf(stderr, "unloading certificates failed: %s\n",
			SWANCTL_GAP_OF(answer, "errmsg"));
	vici_builder_free(&b);
	free(c->digests);
	c->digests = NULL;
	c->digest_count = 0;
	return !refused;
}

/* ---- Loading ---- */

void creds_send_cert(
	struct creds *c, const char *type, const char *flag, struct bytes data, const char *path)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "load-cert", .arguments = &b };
	struct vici_view answer;
	int status;

	vici_key_text(&b, "type", type);
	if (flag)
		vici_key_text(&b, "flag", flag);
	vici_key_bytes(&b, "data", data);
	if (swanctl_call(c->s, &call, &answer, &status)) {
		bool ok = swanctl_succeeded(answer);

		c->path = path;
		if (ok)
			count(c, type, data);
		if (c->s->format != SWANCTL_TEXT)
			swanctl_dump_reply(c->s, "load-cert", path, answer);
		else if (!ok)
			swanctl_complain(c->s, CHECK_BAD_FILE, NULL, path,
				"loading '%s' failed: %s", path, SWANCTL_GAP_OF(answer, "errmsg"));
		else if (!c->s->check && !c->s->quiet)
			printf("loaded certificate from '%s'\n", path);
	}
	vici_builder_free(&b);
}

/* A directory whose files are loaded, and as what. */
struct folder {
	const char *name, *type, *flag;
};

static void load_cert(struct creds *c, const struct creds_file *file, const void *context)
{
	const struct folder *folder = context;

	creds_send_cert(c, folder->type, folder->flag, file->content, file->path);
}

void creds_load_certs(struct creds *c)
{
	static const struct folder folders[] = { { "x509", "X509", "NONE" },
		{ "x509ca", "X509", "CA" }, { "x509ocsp", "X509", "OCSP" },
		{ "x509aa", "X509", "AA" }, { "x509ac", "X509_AC", "NONE" },
		{ "x509crl", "X509_CRL", "NONE" }, { "pubkey", "PUBKEY", NULL } };

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		creds_each_file(c, folders[i].name, load_cert, &folders[i]);
}
