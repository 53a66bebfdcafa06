#include "testing/unit/eap/pair.h"

#include <stdlib.h>
#include <time.h>

static void no_log(void *context, const struct ike_log *line)
{
	(void)context;
	(void)line;
}

static bool wanted(void *context, uint8_t group, int level)
{
	(void)context;
	(void)group;
	(void)level;
	return true;
}

static int64_t wall_clock(void *context)
{
	(void)context;
	return (int64_t)time(NULL);
}

static struct ike_identity *identity(const char *text)
{
	struct ike_identity *id = text ? ike_identity_parse(text, NULL) : NULL;

	ck_assert(id || !text);
	return id;
}

static void side_begin(struct side *s, const char *own, const char *peer, uint8_t method)
{
	struct ike_settings settings;
	struct why why;

	ike_settings_default(&settings);
	s->host.log = no_log;
	s->host.log_wanted = wanted;
	s->host.wall_clock = wall_clock;
	s->host.context = s;
	s->engine = ike_engine_new(&s->host, &settings, &why);
	ck_assert_msg(s->engine != NULL, "%s", why.text);
	s->sa.local_id = identity(own);
	s->sa.remote_id = identity(peer);
	s->round.class = IKE_AUTH_CLASS_EAP;
	s->round.eap_method = method;
}

struct pair *pair_new(uint8_t server_method, uint8_t client_method)
{
	struct pair *p = calloc(1, sizeof(*p));

	ck_assert_ptr_nonnull(p);
	side_begin(&p->server, "moon.example.org", "carol@example.org", server_method);
	side_begin(&p->client, "carol@example.org", "moon.example.org", client_method);
	return p;
}

void pair_eap_ids(struct pair *p, const char *server_eap_id, const char *client_eap_id)
{
	p->server.round.eap_id = identity(server_eap_id);
	p->client.round.eap_id = identity(client_eap_id);
}

void side_secret(struct side *s, uint8_t kind, const char *owner, const char *password)
{
	struct ike_identity *id = identity(owner);
	struct secret secret = { 0 };

	ck_assert(secret_copy(&secret, bytes_of_text(password)));
	ck_assert(ike_credentials_load(
		ike_engine_credentials(s->engine), NULL, kind, &secret, &id, id ? 1 : 0));
}

static void said(struct side *s, struct writer *w, enum ike_eap_result result)
{
	s->out = *w;
	s->result = result;
	ck_assert(!w->bad);
	if (result == IKE_EAP_FAILED)
		ck_assert_int_ne(s->failure.reason, IKE_REASON_NONE);
	else
		ck_assert_int_eq(s->failure.reason, IKE_REASON_NONE);
}

void side_packet(struct side *s, struct bytes packet)
{
	struct writer w = writer_of(s->room, sizeof(s->room));
	uint8_t *copy = malloc(packet.length ? packet.length : 1); /* exactly, for ASan */

	bytes_copy(copy, packet);
	said(s, &w, ike_eap_packet(s->eap, bytes_of(copy, packet.length), &w, &s->failure));
	free(copy);
}

static void wait_out(struct pair *p, struct side *s)
{
	while (s->result == IKE_EAP_WAIT) {
		struct writer w = writer_of(s->room, sizeof(s->room));

		ck_assert(p->serve != NULL);
		p->serve(p, s);
		said(s, &w, ike_eap_resume(s->eap, &w, &s->failure));
	}
}

static bool goes_on(const struct pair *p)
{
	return p->server.result != IKE_EAP_FAILED && p->client.result != IKE_EAP_FAILED &&
	       p->client.result != IKE_EAP_DONE;
}

static void move(struct pair *p, struct side *from, struct side *to)
{
	if (p->meddle)
		p->meddle(p, from, from == &p->server);
	p->packets++;
	side_packet(to, writer_bytes(&from->out));
	wait_out(p, to);
}

void pair_run(struct pair *p)
{
	struct side *s = &p->server;
	struct writer w = writer_of(s->room, sizeof(s->room));

	s->eap = ike_eap_server_new(s->engine, &s->sa, &s->round);
	p->client.eap = ike_eap_client_new(p->client.engine, &p->client.sa, &p->client.round);
	said(s, &w, ike_eap_begin(s->eap, &w, &s->failure));
	wait_out(p, s);
	while (goes_on(p)) {
		move(p, s, &p->client);
		if (goes_on(p))
			move(p, &p->client, s);
	}
	/* What the server says at the end. */
	if (s->result == IKE_EAP_FAILED && p->client.result == IKE_EAP_SEND && s->out.length)
		move(p, s, &p->client);
}

void pair_expect_success(struct pair *p, const char *proved)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	ck_assert_int_eq(p->server.result, IKE_EAP_DONE);
	ck_assert_int_eq(p->client.result, IKE_EAP_DONE);
	ck_assert(bytes_equal(ike_eap_msk(p->server.eap), ike_eap_msk(p->client.eap)));
	ck_assert_ptr_nonnull(ike_eap_identity(p->server.eap));
	ck_assert_str_eq(ike_identity_format(ike_eap_identity(p->server.eap), text), proved);
}

void side_expect_failure(const struct side *s, enum ike_reason reason, const char *words)
{
	char text[1024];

	ck_assert_int_eq(s->result, IKE_EAP_FAILED);
	ike_failure_format(&s->failure, text, sizeof(text));
	ck_assert_msg(strstr(text, words) != NULL, "'%s' is not in '%s'", words, text);
	ck_assert_msg(
		s->failure.reason == reason, "%s: '%s'", ike_reason_name(s->failure.reason), text);
}

static void side_end(struct side *s)
{
	ike_eap_free(s->eap);
	ike_failure_free(&s->failure);
	ike_identity_free(s->sa.local_id);
	ike_identity_free(s->sa.remote_id);
	ike_identity_free(s->round.eap_id);
	ike_identity_free(s->round.aaa_id);
	ike_engine_free(s->engine);
}

void pair_free(struct pair *p)
{
	side_end(&p->server);
	side_end(&p->client);
	free(p);
}
