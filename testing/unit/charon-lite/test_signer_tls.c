/* EAP-TLS in a real signer process, confined as it is: both ends of one handshake. */
#include "charon-lite/signer_tls_message.h"
#include "testing/pki/pki.h"

#include <check.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY 7

static int signer;
static pid_t process;
static struct pki_certificate end;
static struct secret reply; /* the latest */

static void setup(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	process = fork();
	ck_assert_int_ge(process, 0);
	if (process == 0) {
		dup2(ends[1], STDIN_FILENO);
		execl(getenv("CHARON_LITE"), "charon-lite", "--signer", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	signer = ends[0];
	end = pki_root("/CN=moon");
}

static void teardown(void)
{
	int status;

	pki_free(&end);
	secret_free(&reply);
	close(signer);
	ck_assert_int_eq(waitpid(process, &status, 0), process);
	ck_assert(WIFEXITED(status)); /* with what: sanitizers have a last word there */
}

static void send_all(struct secret *frame)
{
	ck_assert_int_eq(send(signer, frame->at, frame->length, 0), (ssize_t)frame->length);
	secret_free(frame);
}

static struct cl_signer_frame receive(void)
{
	uint8_t field[CL_SIGNER_LENGTH];
	struct cl_signer_frame frame;
	size_t length;

	ck_assert_int_eq(recv(signer, field, sizeof(field), MSG_WAITALL), sizeof(field));
	ck_assert(cl_signer_frame_length(field, &length));
	ck_assert(secret_allocate(&reply, length));
	ck_assert_int_eq(recv(signer, reply.at, length, MSG_WAITALL), (ssize_t)length);
	ck_assert(cl_signer_frame_parse(secret_bytes(&reply), &frame));
	return frame;
}

static void load_key(void)
{
	unsigned char *der = NULL;
	int length = i2d_PrivateKey(end.key, &der);
	struct secret frame = { 0 };
	struct writer w;

	ck_assert_int_gt(length, 0);
	ck_assert(cl_signer_frame_new(&frame, CL_SIGNER_LOAD, KEY, 4 + (size_t)length));
	w = cl_signer_body(&frame);
	cl_signer_put_text(&w, "any");
	writer_put(&w, bytes_of(der, (size_t)length));
	OPENSSL_free(der);
	send_all(&frame);
	ck_assert_int_eq(receive().kind, CL_SIGNER_LOAD | CL_SIGNER_DONE);
}

/* The answer's views are good until the next one. */
static void step(bool server, uint64_t handle, struct bytes input, struct cl_signer_tls_answer *ret)
{
	struct secret frame = { 0 };
	const struct ike_tls_step what = {
		.session = server ? 1 : 2,
		.server = server,
		.handle = handle,
		.chain = &end.c,
		.chain_count = 1,
		.input = input,
	};

	ck_assert(cl_signer_tls_request_make(&frame, 99, &what));
	send_all(&frame);
	struct cl_signer_frame got = receive();

	ck_assert_int_eq(got.kind, CL_SIGNER_TLS | CL_SIGNER_DONE);
	ck_assert_uint_eq(got.number, 99);
	ck_assert(cl_signer_tls_answer_parse(got.body, ret));
}

START_TEST(handshake)
{
	struct cl_signer_tls_answer a;
	struct secret input = { 0 }, msk[2] = { { 0 } };
	bool done[2] = { false };

	load_key();
	for (unsigned i = 0; i < 12 && !(done[0] && done[1]); i++) {
		step(i % 2, KEY, secret_bytes(&input), &a);
		ck_assert_msg(!a.answer.failed, "%s", a.answer.error);
		ck_assert(secret_copy(&input, a.answer.output));
		if (!a.answer.done)
			continue;
		done[i % 2] = true;
		ck_assert_uint_eq(a.answer.peer_chain_count, 1);
		ck_assert(bytes_equal(a.answer.peer_chain[0], ike_certificate_der(end.c)));
		ck_assert(secret_copy(&msk[i % 2], a.answer.msk));
	}
	ck_assert_uint_eq(msk[0].length, 64);
	ck_assert(secret_equal(secret_bytes(&msk[0]), secret_bytes(&msk[1])));
	secret_free(&input);
	secret_free(&msk[0]);
	secret_free(&msk[1]);
}
END_TEST

START_TEST(no_such_key)
{
	struct cl_signer_tls_answer a;

	step(false, KEY + 1, (struct bytes){ 0 }, &a);
	ck_assert(a.answer.failed);
	ck_assert_str_eq(a.answer.error, "the private key is not there any more");
}
END_TEST

/* Forgotten, a session begins from the start: the peer's answer makes no sense to it. */
START_TEST(forgotten)
{
	struct secret frame = { 0 }, hello = { 0 }, flight = { 0 };
	struct cl_signer_tls_answer a;

	load_key();
	step(false, KEY, (struct bytes){ 0 }, &a);
	ck_assert(secret_copy(&hello, a.answer.output));
	step(true, KEY, secret_bytes(&hello), &a);
	ck_assert(!a.answer.failed);
	ck_assert(secret_copy(&flight, a.answer.output));
	ck_assert(cl_signer_frame_new(&frame, CL_SIGNER_TLS_FORGET, 2, 0));
	send_all(&frame);
	step(false, KEY, secret_bytes(&flight), &a);
	ck_assert(a.answer.failed);
	secret_free(&hello);
	secret_free(&flight);
}
END_TEST

START_TEST(bodies_that_are_cut)
{
	static const uint8_t output[] = "records", msk[] = "keys";
	const struct bytes chain[] = { bytes_of(output, 3), bytes_of(msk, 2) };
	const struct ike_tls_answer made = { .done = true,
		.output = bytes_of(output, sizeof(output)),
		.msk = bytes_of(msk, sizeof(msk)),
		.peer_chain = chain,
		.peer_chain_count = 2,
		.error = "text" };
	struct cl_signer_tls_answer a;
	struct secret frame = { 0 };

	ck_assert(cl_signer_tls_answer_make(&frame, 1, &made));
	size_t head = CL_SIGNER_LENGTH + CL_SIGNER_HEADER, length = frame.length - head;

	ck_assert(cl_signer_tls_answer_parse(bytes_of(frame.at + head, length), &a));
	ck_assert_str_eq(a.answer.error, "text");
	ck_assert_uint_eq(a.answer.peer_chain_count, 2);
	for (size_t i = 0; i < length; i++)
		ck_assert(!cl_signer_tls_answer_parse(bytes_of(frame.at + head, i), &a));
	secret_free(&frame);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("signer tls");
	TCase *t = tcase_create("signer tls");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, handshake);
	tcase_add_test(t, no_such_key);
	tcase_add_test(t, forgotten);
	tcase_add_test(t, bodies_that_are_cut);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
