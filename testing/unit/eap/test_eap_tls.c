/* EAP-TLS between our two sides, over OpenSSL's TLS as the signer process does it, and against
 * peers whose fragments make no sense. */
#include "libike/eap/tls_conversation.h"
#include "testing/pki/pki.h"
#include "testing/unit/eap/pair.h"

#include <openssl/ssl.h>
#include <stdlib.h>

/* What a signer process has, for one side. */
struct keeper {
	EVP_PKEY *key;
	struct ike_tls *tls;
	struct bytes input;
	uint64_t ticket;
	struct bytes chain[8];
	size_t chain_count;
	uint64_t forgotten;
	unsigned steps;
	int version; /* 0: any */
};

struct tls_pair {
	struct pair *pair;
	struct keeper server, client;
	struct pki_certificate ca, server_end, client_end;
};

static struct tls_pair *current;

static struct keeper *keeper_of(const struct side *s)
{
	return s == &current->pair->server ? &current->server : &current->client;
}

static bool tls_step(void *context, const struct ike_tls_step *what, uint64_t ticket)
{
	struct keeper *k = keeper_of(context);
	struct why why;

	k->ticket = ticket;
	k->steps++;
	free((void *)k->input.at);
	k->input = bytes_duplicate(what->input);
	if (k->tls)
		return true;
	ck_assert_uint_eq(what->handle, 17);
	for (size_t i = 0; i < what->chain_count; i++)
		k->chain[k->chain_count++] = ike_certificate_der(what->chain[i]);
	k->tls = ike_tls_new(NULL, what->server, k->key, k->chain, k->chain_count, &why);
	ck_assert_msg(k->tls != NULL, "%s", why.text);
	if (k->version)
		ike_tls_limit(k->tls, k->version);
	return true;
}

static void tls_forget(void *context, uint64_t session)
{
	struct keeper *k = keeper_of(context);

	k->forgotten = session;
	ike_tls_free(k->tls);
	k->tls = NULL;
}

static void serve(struct pair *p, struct side *waits)
{
	struct keeper *k = keeper_of(waits);
	struct ike_tls_answer answer;

	(void)p;
	ck_assert_ptr_nonnull(k->tls);
	ike_tls_step(k->tls, k->input, &answer);
	ike_engine_tls_answered(waits->engine, 0, k->ticket, &answer);
}

static int64_t pki_clock(void *context)
{
	(void)context;
	return PKI_NOW;
}

static void load(struct side *s, struct keeper *k, const struct pki_certificate *end,
	const struct pki_certificate *ca)
{
	struct ike_certificates *store = ike_engine_certificates(s->engine);

	s->engine->host.tls = tls_step;
	s->engine->host.tls_forget = tls_forget;
	s->engine->host.wall_clock = pki_clock;
	k->key = end->key;
	ck_assert_ptr_nonnull(ike_certificates_add(store, ca->c, IKE_CERTIFICATE_CA, false));
	ck_assert_ptr_nonnull(ike_certificates_add(store, end->c, IKE_CERTIFICATE_END, false));
	ck_assert(ike_certificates_add_key(store, ike_certificate_key(end->c), 17));
}

static struct tls_pair *tls_pair_new(const char *client_extensions, bool stranger)
{
	struct tls_pair *t = calloc(1, sizeof(*t));
	struct pki_certificate other = pki_root("/C=CH/O=charon-lite/CN=Another CA");

	current = t;
	t->pair = pair_new(IKE_EAP_METHOD_TLS, IKE_EAP_METHOD_ANY);
	t->pair->serve = serve;
	t->ca = pki_root("/C=CH/O=charon-lite/CN=CA");
	t->server_end = pki_issue(&(struct pki_spec){
		.subject = "/C=CH/O=charon-lite/CN=moon",
		.issuer = &t->ca,
		.extensions = PKI_END "subjectAltName = DNS:moon.example.org\n",
	});
	t->client_end = pki_issue(&(struct pki_spec){
		.subject = "/C=CH/O=charon-lite/CN=carol",
		.issuer = stranger ? &other : &t->ca,
		.extensions = client_extensions,
	});
	load(&t->pair->server, &t->server, &t->server_end, &t->ca);
	load(&t->pair->client, &t->client, &t->client_end, &t->ca);
	pki_free(&other);
	return t;
}

/* So many names that the chain does not fit one fragment. */
#define NAME(n) ", DNS:a-name-that-makes-the-certificate-long-" #n ".example.org"
#define NAMES(n) NAME(n##1) NAME(n##2) NAME(n##3) NAME(n##4) NAME(n##5) NAME(n##6)
#define CAROL \
	PKI_END "subjectAltName = email:carol@example.org" NAMES(1) NAMES(2) NAMES(3) NAMES(4) "\n"

static void tls_pair_free(struct tls_pair *t)
{
	pair_free(t->pair);
	ck_assert_ptr_null(t->server.tls);
	ck_assert_ptr_null(t->client.tls);
	free((void *)t->server.input.at);
	free((void *)t->client.input.at);
	pki_free(&t->ca);
	pki_free(&t->server_end);
	pki_free(&t->client_end);
	free(t);
}

START_TEST(proves)
{
	struct tls_pair *t = tls_pair_new(CAROL, false);

	pair_run(t->pair);
	pair_expect_success(t->pair, "carol@example.org");
	ck_assert_uint_eq(ike_eap_msk(t->pair->server.eap).length, IKE_TLS_MSK);
	ck_assert(ike_eap_is_mutual(t->pair->client.eap));
	tls_pair_free(t);
}
END_TEST

/* strongSwan's default. */
START_TEST(proves_by_tls_12)
{
	struct tls_pair *t = tls_pair_new(CAROL, false);

	if (_i)
		t->client.version = TLS1_2_VERSION;
	else
		t->server.version = TLS1_2_VERSION;
	pair_run(t->pair);
	pair_expect_success(t->pair, "carol@example.org");
	tls_pair_free(t);
}
END_TEST

START_TEST(proves_by_eap_identity)
{
	struct tls_pair *t = tls_pair_new(CAROL, false);

	pair_eap_ids(t->pair, "%any", "carol@example.org");
	t->pair->client.round.aaa_id = ike_identity_parse("C=CH, O=charon-lite, CN=moon", NULL);
	pair_run(t->pair);
	pair_expect_success(t->pair, "carol@example.org");
	tls_pair_free(t);
}
END_TEST

START_TEST(certificate_of_another)
{
	struct tls_pair *t =
		tls_pair_new(PKI_END "subjectAltName = email:eve@example.org\n", false);

	t->pair->client.round.certs = &t->client_end.c;
	t->pair->client.round.cert_count = 1;
	pair_eap_ids(t->pair, "%any", "carol@example.org");
	pair_run(t->pair);
	ck_assert_int_eq(t->pair->server.result, IKE_EAP_FAILED);
	ck_assert_ptr_null(ike_eap_identity(t->pair->server.eap));
	ck_assert_uint_eq(ike_eap_msk(t->pair->server.eap).length, 0);
	tls_pair_free(t);
}
END_TEST

START_TEST(certificate_of_another_ca)
{
	struct tls_pair *t = tls_pair_new(CAROL, true);

	pair_run(t->pair);
	side_expect_failure(&t->pair->server, IKE_REASON_UNTRUSTED, "");
	ck_assert_ptr_null(ike_eap_identity(t->pair->server.eap));
	ck_assert_uint_eq(ike_eap_msk(t->pair->server.eap).length, 0);
	ck_assert_int_eq(t->pair->client.result, IKE_EAP_FAILED);
	tls_pair_free(t);
}
END_TEST

START_TEST(server_of_another_name)
{
	struct tls_pair *t = tls_pair_new(CAROL, false);

	t->pair->client.round.aaa_id = ike_identity_parse("aaa.example.org", NULL);
	pair_run(t->pair);
	ck_assert_int_eq(t->pair->client.result, IKE_EAP_FAILED);
	ck_assert_uint_eq(ike_eap_msk(t->pair->client.eap).length, 0);
	tls_pair_free(t);
}
END_TEST

START_TEST(no_certificate)
{
	struct tls_pair *t = tls_pair_new(CAROL, false);

	ike_identity_free(t->pair->client.sa.local_id);
	t->pair->client.sa.local_id = ike_identity_parse("dave@example.org", NULL);
	pair_run(t->pair);
	ck_assert_int_eq(t->pair->client.result, IKE_EAP_FAILED);
	tls_pair_free(t);
}
END_TEST

/* ---- Fragments ---- */

/* The client's packet in place of its ClientHello. */
static const struct {
	const char *packet; /* hex, from the flags on */
	const char *words;
} nonsense[] = {
	{ "", "no flags" },
	{ "20", "starts" },
	{ "00", "empty" },
	{ "40", "fragment is empty" },
	{ "80", "fragment is empty" },
	{ "8000000000", "fragment is empty" },
	{ "c000000010", "fragment is empty" },
	{ "80ffffffff16", "length that cannot be" },
	{ "c0ffffffff16", "length that cannot be" },
	{ "c00001000116", "length that cannot be" },
	{ "4016", "length that cannot be" },
	{ "80000000011616", "more comes" },
	{ "80000000051616", "less comes" },
	{ "001603030001", "does not go on" },
	{ "0048656c6c6f20776f726c64", "TLS handshake failed" },
};

static unsigned blow;

static void speak_nonsense(struct pair *p, struct side *from, bool from_server)
{
	const char *hex = nonsense[blow].packet;
	struct writer w = writer_of(from->room, sizeof(from->room));

	if (from_server || p->packets != 1)
		return;
	uint8_t identifier = from->room[1];
	size_t begin = ike_eap_packet_begin(&w, IKE_EAP_RESPONSE, identifier, IKE_EAP_METHOD_TLS);
	for (; *hex; hex += 2) {
		unsigned octet;

		ck_assert_int_eq(sscanf(hex, "%2x", &octet), 1);
		writer_u8(&w, (uint8_t)octet);
	}
	ike_eap_packet_finish(&w, begin);
	from->out = w;
}

START_TEST(fragments_of_nonsense)
{
	struct tls_pair *t = tls_pair_new(CAROL, false);

	blow = (unsigned)_i;
	t->pair->meddle = speak_nonsense;
	pair_run(t->pair);
	ck_assert_int_eq(t->pair->server.result, IKE_EAP_FAILED);
	char text[1024];

	ike_failure_format(&t->pair->server.failure, text, sizeof(text));
	ck_assert_msg(strstr(text, nonsense[blow].words) != NULL, "%s: '%s'", nonsense[blow].packet,
		text);
	tls_pair_free(t);
}
END_TEST

/* Instead of the acknowledgement of a fragment, more data; and fragments of one flight that say
 * different lengths. */
static void interrupt(struct pair *p, struct side *from, bool from_server)
{
	/* The client's certificate is longer than a fragment: so is its flight. */
	if (from_server && from->out.length == 6 && from->room[5] == 0)
		p->meddler = p;
	if (from_server || !p->meddler)
		return;
	const uint8_t other[] = { 2, from->room[1], 0, 11, 13, 0xc0, 0, 0, 0xff, 0, 0x16 };

	from->out = writer_of(from->room, sizeof(from->room));
	writer_put(&from->out, bytes_of(other, sizeof(other)));
}

START_TEST(lengths_that_differ)
{
	struct tls_pair *t = tls_pair_new(CAROL, false);

	t->pair->meddle = interrupt;
	pair_run(t->pair);
	side_expect_failure(&t->pair->server, IKE_REASON_PROTOCOL, "length that cannot be");
	tls_pair_free(t);
}
END_TEST

/* Success, and the end of the handshake, before their time. */
static void hurry(struct pair *p, struct side *from, bool from_server)
{
	if (!from_server || p->packets != (unsigned)blow)
		return;
	const uint8_t success[] = { 3, from->room[1], 0, 4 };

	from->out = writer_of(from->room, sizeof(from->room));
	writer_put(&from->out, bytes_of(success, sizeof(success)));
}

START_TEST(success_too_early)
{
	struct tls_pair *t = tls_pair_new(CAROL, false);

	blow = (unsigned)_i;
	t->pair->meddle = hurry;
	pair_run(t->pair);
	side_expect_failure(&t->pair->client, IKE_REASON_EAP, "has not succeeded");
	tls_pair_free(t);
}
END_TEST

/* The answer of the signer comes when the conversation is gone. */
START_TEST(nobody_waits_for_it)
{
	struct tls_pair *t = tls_pair_new(CAROL, false);
	struct side *s = &t->pair->client;
	static const uint8_t start[] = { 1, 9, 0, 6, 13, 0x20 };
	struct ike_tls_answer answer = { .failed = true };

	s->eap = ike_eap_client_new(s->engine, &s->sa, &s->round);
	side_packet(s, bytes_of(start, sizeof(start)));
	ck_assert_int_eq(s->result, IKE_EAP_WAIT);
	ike_eap_free(s->eap);
	s->eap = NULL;
	ike_engine_tls_answered(s->engine, 0, t->client.ticket, &answer);
	tls_pair_free(t);
}
END_TEST

TCase *eap_tls_tests(void)
{
	TCase *t = tcase_create("eap tls");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, proves);
	tcase_add_loop_test(t, proves_by_tls_12, 0, 2);
	tcase_add_test(t, proves_by_eap_identity);
	tcase_add_test(t, certificate_of_another);
	tcase_add_test(t, certificate_of_another_ca);
	tcase_add_test(t, server_of_another_name);
	tcase_add_test(t, no_certificate);
	tcase_add_loop_test(
		t, fragments_of_nonsense, 0, (int)(sizeof(nonsense) / sizeof(*nonsense)));
	tcase_add_test(t, lengths_that_differ);
	tcase_add_loop_test(t, success_too_early, 0, 1);
	tcase_add_loop_test(t, success_too_early, 2, 3);
	tcase_add_loop_test(t, success_too_early, 4, 5);
	tcase_add_test(t, nobody_waits_for_it);
	return t;
}
