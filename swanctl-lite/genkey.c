/* --genkey, --pubkey: keys for tunnels without a CA, made without the daemon (raw public keys, RFC
 * 7670). */
#include "swanctl-lite/genkey.h"

#include "libbase/why.h"
#include "swanctl-lite/command.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct kind {
	const char *name;
	const char *openssl_name;
	unsigned bits;     /* of RSA */
	const char *curve; /* of EC */
} kinds[] = {
	{ "ed25519", "ED25519", 0, NULL },
	{ "ed448", "ED448", 0, NULL },
	{ "ecdsa-256", "EC", 0, "P-256" },
	{ "ecdsa-384", "EC", 0, "P-384" },
	{ "ecdsa-521", "EC", 0, "P-521" },
	{ "rsa-3072", "RSA", 3072, NULL },
	{ "rsa-4096", "RSA", 4096, NULL },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	fprintf(stderr, "unknown type of key '%s'; there are:", name);
	for (size_t i = 0; i < KINDS; i++)
		fprintf(stderr, " %s", kinds[i].name);
	fputc('\n', stderr);
	return NULL;
}

static EVP_PKEY *make(const struct kind *kind)
{
	if (kind->bits)
		return EVP_PKEY_Q_keygen(NULL, NULL, kind->openssl_name, (size_t)kind->bits);
	if (kind->curve)
		return EVP_PKEY_Q_keygen(NULL, NULL, kind->openssl_name, kind->curve);
	return EVP_PKEY_Q_keygen(NULL, NULL, kind->openssl_name);
}

EVP_PKEY *swanctl_key_make(const char *type)
{
	const struct kind *kind = find_kind(type);
	EVP_PKEY *key = kind ? make(kind) : NULL;

	if (kind && !key)
		fprintf(stderr, "making a key failed: %s\n",
			ERR_reason_error_string(ERR_peek_last_error()));
	return key;
}

static int complain(const char *what, const char *path)
{
	fprintf(stderr, "%s '%s' failed: %s\n", what, path, strerror(errno));
	return 1;
}

/* Where a private key goes: a new file that its owner alone reads, or the standard output. Never
 * over another key. */
static FILE *open_private(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *to = file < 0 ? NULL : fdopen(file, "w");

	if (!to && file >= 0)
		close(file);
	return to;
}

/* Somebody's umask decided who may read it. */
static void warn_if_readable(void)
{
	struct stat is;

	if (fstat(STDOUT_FILENO, &is) == 0 && S_ISREG(is.st_mode) && (is.st_mode & 077))
		fputs("warning: the file that the private key goes to can be read by others: name "
		      "it instead: swanctl-lite --genkey FILE\n",
			stderr);
}

bool swanctl_key_save(const char *path, EVP_PKEY *key)
{
	FILE *to = open_private(path);

	if (!to)
		return false;
	bool written = PEM_write_PKCS8PrivateKey(to, key, NULL, NULL, 0, NULL, NULL);
	written = fclose(to) == 0 && written;
	if (!written) { /* half a key would keep the next try from being made */
		int error = errno;

		unlink(path);
		errno = error;
	}
	return written;
}

static int print_private(EVP_PKEY *key)
{
	warn_if_readable();
	bool written = PEM_write_PKCS8PrivateKey(stdout, key, NULL, NULL, 0, NULL, NULL);
	return fflush(stdout) == 0 && written ? 0 : complain("writing", "standard output");
}

static int run_genkey(struct swanctl *s)
{
	EVP_PKEY *key = swanctl_key_make(swanctl_given(s, 't') ? swanctl_value(s, 't') : "ed25519");
	int status = 1;

	if (key && !s->argument)
		status = print_private(key);
	else if (key)
		status = swanctl_key_save(s->argument, key) ? 0 : complain("writing", s->argument);
	EVP_PKEY_free(key);
	return status;
}

static int run_pubkey(struct swanctl *s)
{
	const char *path = s->argument ? s->argument : "standard input";
	FILE *from = s->argument ? fopen(s->argument, "re") : stdin;

	if (!from)
		return complain("opening", path);
	EVP_PKEY *key = PEM_read_PrivateKey(from, NULL, NULL, NULL);
	if (s->argument)
		fclose(from);
	if (!key) {
		fprintf(stderr, "'%s' has no private key in PEM form: %s\n", path,
			ERR_reason_error_string(ERR_peek_last_error()));
		return 1;
	}
	bool written = PEM_write_PUBKEY(stdout, key);
	EVP_PKEY_free(key);
	return written ? 0 : complain("writing", "standard output");
}

const struct swanctl_command swanctl_genkey = {
	.name = "genkey",
	.letter = 'k',
	.text = "make a private key, for raw public keys",
	.usage = { "[--type ed25519|ed448|ecdsa-256|...] [FILE]" },
	.options = {
		{ "type", 't', true, "type of the key, default: ed25519" },
	},
	.takes_argument = true,
	.run = run_genkey,
};

const struct swanctl_command swanctl_pubkey = {
	.name = "pubkey",
	.letter = 'K',
	.text = "print the public key of a private one",
	.usage = { "[FILE]" },
	.takes_argument = true,
	.run = run_pubkey,
};
