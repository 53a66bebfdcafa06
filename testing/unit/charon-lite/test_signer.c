/* The signer process at work: many questions at once, and what becomes of them when it ends. */
#include "charon-lite/signer.h"
#include "libike/crypto/signature.h"
#include "testing/unit/charon-lite/suites.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MANY 200

static struct event_base *base;
static struct cl_processes *processes;
static struct cl_log *log_;
static struct cl_signer *signer;
static struct ike_public_key *public;
static uint64_t handle;
static const struct ike_signature_scheme *scheme;
static uint8_t message[MANY];
static unsigned good, failed, lost_count;
static bool answered[MANY];
static char last_error[256];

static void loaded(
	void *context, uint64_t number, uint64_t ticket, struct bytes key, const char *error)
{
	struct why why;

	(void)context;
	ck_assert_msg(!error, "%s", error ? error : "");
	ck_assert_uint_eq(number, handle);
	ck_assert_uint_eq(ticket, 5);
	public = ike_public_key_parse(NULL, key, &why);
	ck_assert_ptr_nonnull(public);
	event_base_loopbreak(base);
}

static void signed_(void *context, uint64_t ticket, struct bytes signature, const char *error)
{
	(void)context;
	if (signature.length == 0) {
		failed++;
		snprintf(last_error, sizeof(last_error), "%s", error);
	} else {
		ck_assert(!answered[ticket]);
		answered[ticket] = true;
		ck_assert(ike_signature_verify(
			public, scheme, -1, bytes_of(message, ticket), signature));
		good++;
	}
	if (good + failed == MANY)
		event_base_loopbreak(base);
}

static void lost(void *context)
{
	(void)context;
	lost_count++;
	event_base_loopbreak(base);
}

static void load(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	unsigned char *der = NULL;
	int length = i2d_PrivateKey(key, &der);
	struct why why;

	ck_assert_msg(
		cl_signer_load(signer, "ecdsa", bytes_of(der, (size_t)length), 5, &handle, &why),
		"%s", why.text);
	event_base_dispatch(base);
	OPENSSL_clear_free(der, (size_t)length);
	EVP_PKEY_free(key);
}

static void setup(void)
{
	struct cl_signer_config config = {
		.loaded = loaded,
		.signature = signed_,
		.lost = lost,
	};
	struct why why;

	base = event_base_new();
	log_ = cl_log_new();
	ck_assert(cl_processes_open(base, &processes, &why));
	config.base = base;
	config.processes = processes;
	config.program = getenv("CHARON_LITE");
	ck_assert_msg(cl_signer_open(&config, log_, &signer, &why), "%s", why.text);
	scheme = ike_signature_find("ECDSA_WITH_SHA256_DER");
	ck_assert_ptr_nonnull(scheme);
	load();
}

static void teardown(void)
{
	cl_signer_close(signer);
	cl_processes_close(processes);
	cl_log_free(log_);
	event_base_free(base);
	ike_public_key_free(public);
}

static void ask(uint64_t ticket, uint64_t key)
{
	const struct ike_sign what = { key, scheme, bytes_of(message, ticket) };

	ck_assert(cl_signer_sign(signer, &what, ticket));
}

START_TEST(many_questions_are_answered_each_with_its_own)
{
	for (unsigned i = 0; i < MANY; i++)
		ask(i, i % 10 == 9 ? handle + 1 : handle);
	ck_assert_uint_eq(good + failed, 0); /* never from within the call */
	event_base_dispatch(base);
	ck_assert_uint_eq(good, MANY - MANY / 10);
	ck_assert_uint_eq(failed, MANY / 10);
	ck_assert_str_eq(last_error, "there is no such private key");
}
END_TEST

START_TEST(what_was_forgotten_signs_no_more)
{
	cl_signer_unload(signer, handle);
	for (unsigned i = 0; i < MANY; i++)
		ask(i, handle);
	event_base_dispatch(base);
	ck_assert_uint_eq(failed, MANY);
}
END_TEST

/* All that waits is answered, the loss is told once, and the next process serves. */
START_TEST(an_end_answers_whoever_waits)
{
	char path[64];
	int child = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	FILE *file = fopen(path, "re");
	if (!file)
		return; /* a kernel that does not tell */
	ck_assert_int_eq(fscanf(file, "%d", &child), 1);
	fclose(file);
	ck_assert_int_eq(kill(child, SIGTERM), 0); /* which it ignores */
	ck_assert_int_eq(kill(child, SIGSTOP), 0);
	for (unsigned i = 0; i + 1 < MANY; i++)
		ask(i, handle);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	event_base_dispatch(base);
	ck_assert_uint_eq(failed, MANY - 1);
	ck_assert_uint_eq(lost_count, 1);
	ck_assert_str_eq(last_error, "the signer process has ended");
	while (!cl_signer_sign(signer, &(struct ike_sign){ handle, scheme, { 0 } }, 0))
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
	event_base_dispatch(base); /* the last of MANY */
	ck_assert_str_eq(last_error, "there is no such private key");
	ike_public_key_free(public);
	load();
}
END_TEST

TCase *signer_cases(void)
{
	TCase *tests = tcase_create("signer");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, many_questions_are_answered_each_with_its_own);
	tcase_add_test(tests, what_was_forgotten_signs_no_more);
	tcase_add_test(tests, an_end_answers_whoever_waits);
	return tests;
}
