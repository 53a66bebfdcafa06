/* Keys without a CA: what --genkey writes is a key, is nobody else's to read, and is kept. */
#include "testing/unit/swanctl-lite/fake_daemon.h"
#include "testing/unit/swanctl-lite/suites.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct fake_answer answers[] = { { 0 } };
static char folder[] = "/tmp/swanctl-lite-key-XXXXXX";
static char path[64];

static void begin(void)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key.pem", folder);
	fake_daemon_start(answers);
}

static void end(void)
{
	fake_daemon_stop();
	unlink(path);
	rmdir(folder);
}

static EVP_PKEY *read_public(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return key;
}

static const char *const types[] = { "ed25519", "ed448", "ecdsa-256", "ecdsa-384", "ecdsa-521",
	"rsa-3072" };

START_TEST(a_key_and_its_public_half_belong_together)
{
	char arguments[128];
	const char *out, *err;
	struct stat is;

	snprintf(arguments, sizeof(arguments), "--genkey --type %s %s", types[_i], path);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(out, "");
	ck_assert_str_eq(err, "");
	ck_assert_int_eq(stat(path, &is), 0);
	ck_assert_uint_eq(is.st_mode & 0777, 0600);
	FILE *file = fopen(path, "r");
	EVP_PKEY *private_key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	snprintf(arguments, sizeof(arguments), "--pubkey %s", path);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	EVP_PKEY *public_key = read_public(out);
	ck_assert(private_key && public_key && EVP_PKEY_eq(private_key, public_key) == 1);
	EVP_PKEY_free(private_key);
	EVP_PKEY_free(public_key);
	ck_assert_str_eq(fake_daemon_requests(), "");
}
END_TEST

START_TEST(a_key_that_is_there_is_not_written_over)
{
	char arguments[128];
	const char *out, *err;
	struct stat before, after;

	snprintf(arguments, sizeof(arguments), "--genkey %s", path);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 1);
	ck_assert_ptr_nonnull(strstr(err, "key.pem' failed: File exists\n"));
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
	const char *out, *err;

	ck_assert_int_eq(swanctl_run("--genkey --type dsa", &out, &err), 1);
	ck_assert_str_eq(err, "unknown type of key 'dsa'; there are: ed25519 ed448 ecdsa-256 "
			      "ecdsa-384 ecdsa-521 rsa-3072 rsa-4096\n");
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(swanctl_run("--pubkey /nowhere/key.pem", &out, &err), 1);
	ck_assert_str_eq(err, "opening '/nowhere/key.pem' failed: No such file or directory\n");
	ck_assert_int_eq(swanctl_run("--pubkey /dev/null", &out, &err), 1);
	ck_assert_ptr_nonnull(strstr(err, "'/dev/null' has no private key in PEM form: "));
}
END_TEST

TCase *genkey_cases(void)
{
	TCase *cases = tcase_create("genkey");

	tcase_set_timeout(cases, 60); /* of RSA: as long as it takes */

	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_loop_test(cases, a_key_and_its_public_half_belong_together, 0,
		sizeof(types) / sizeof(*types));
	tcase_add_test(cases, a_key_that_is_there_is_not_written_over);
	tcase_add_test(cases, what_is_wrong_is_named);
	return cases;
}
