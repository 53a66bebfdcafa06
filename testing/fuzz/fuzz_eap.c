/*
 * EAP conversations, server and client, with what the other side says changed on its way, or with
 * nothing but what the fuzzer says.
 *
 * The first octet says who is under test, by which method, and whether the fuzzer speaks alone.
 * Then come blows, five octets each: the packet's number, offset (16 bits), what is done there, and
 * with what. When the fuzzer speaks alone, what follows are packets: a length (8 bits, times 8) and
 * their data, with the code and identifier set right.
 *
 * Nobody may come to success with other keys than the other side's, and no server without a proof.
 * RADIUS and TLS answers are the fuzzer's too: what the host brings is as strange.
 */
#include "libike/eap/eap_priv.h"
#include "testing/sim/random.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
	struct ike_engine *engine;
	struct ike_sa sa;
	struct ike_auth_round round;
	struct ike_eap *eap;
	struct ike_failure failure;
	enum ike_eap_result result;
	uint8_t room[IKE_EAP_PACKET_MAX];
	struct writer out;
	uint64_t ticket; /* asked of the host; 0: nothing */
};

struct fuzz {
	struct side server, client;
	struct reader input;
	uint8_t packets;
};

static struct sim_library *library;

/* ---- The host ---- */

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
	return 1767225600;
}

static bool ask_radius(void *context, const struct ike_radius_request *what, uint64_t ticket)
{
	struct side *s = context;

	(void)what;
	s->ticket = ticket;
	return true;
}

static void answer_radius(struct fuzz *f, struct side *s)
{
	uint8_t how = reader_u8(&f->input);
	struct bytes packet = reader_bytes(&f->input, reader_u8(&f->input));
	const struct ike_radius_answer answer = {
		.result = how % 5,
		.eap = packet,
		.msk = how & 0x80 ? packet : (struct bytes){ 0 },
		.class = how & 0x40 ? packet : (struct bytes){ 0 },
		.user = how & 0x20 ? "carol" : NULL,
		.session_timeout = how,
	};

	ike_engine_radius_answered(s->engine, 0, s->ticket, &answer);
	s->ticket = 0;
}

/* ---- Sides ---- */

static void side_begin(struct side *s, const char *own, const char *peer, uint8_t method)
{
	const struct ike_host host = {
		.context = s,
		.library = sim_library_context(library),
		.log = no_log,
		.log_wanted = wanted,
		.wall_clock = wall_clock,
		.radius = ask_radius,
	};
	struct ike_identity *carol = ike_identity_parse("carol@example.org", NULL);
	struct secret secret = { 0 };
	struct ike_settings settings;

	ike_settings_default(&settings);
	s->engine = ike_engine_new(&host, &settings, NULL);
	if (!s->engine || !carol || !secret_copy(&secret, bytes_of_text("a secret")) ||
		!ike_credentials_load(ike_engine_credentials(s->engine), NULL, IKE_SHARED_EAP,
			&secret, &carol, 1))
		abort();
	s->sa.local_id = ike_identity_parse(own, NULL);
	s->sa.remote_id = ike_identity_parse(peer, NULL);
	s->round.eap_method = method;
}

static void side_end(struct side *s)
{
	ike_eap_free(s->eap);
	ike_failure_free(&s->failure);
	ike_identity_free(s->sa.local_id);
	ike_identity_free(s->sa.remote_id);
	ike_identity_free(s->round.eap_id);
	ike_radius_session_free(s->sa.radius);
	ike_engine_free(s->engine);
}

static void hear(struct fuzz *f, struct side *s, struct bytes packet)
{
	s->out = writer_of(s->room, sizeof(s->room));
	s->result = ike_eap_packet(s->eap, packet, &s->out, &s->failure);
	for (unsigned i = 0; s->result == IKE_EAP_WAIT && i < 4 && s->ticket; i++) {
		answer_radius(f, s);
		s->out = writer_of(s->room, sizeof(s->room));
		s->result = ike_eap_resume(s->eap, &s->out, &s->failure);
	}
	if ((s->result == IKE_EAP_FAILED) != (s->failure.reason != IKE_REASON_NONE))
		abort();
}

/* ---- Blows ---- */

static void strike(struct fuzz *f, struct side *from)
{
	struct reader peek = f->input;

	if (reader_u8(&peek) != f->packets || peek.bad)
		return;
	uint16_t offset = reader_u16(&peek);
	uint8_t how = reader_u8(&peek), with = reader_u8(&peek);

	if (peek.bad || from->out.length == 0)
		return;
	f->input = peek;
	if (how & 1)
		from->out.length = offset % (from->out.length + 1);
	else
		from->room[offset % from->out.length] ^= with;
	if (how & 2 && from->out.length >= 4) {
		from->room[2] = (uint8_t)(from->out.length >> 8);
		from->room[3] = (uint8_t)from->out.length;
	}
}

static void move(struct fuzz *f, struct side *from, struct side *to)
{
	uint8_t *copy;

	strike(f, from);
	f->packets++;
	copy = malloc(from->out.length ? from->out.length : 1);
	if (!copy)
		abort();
	bytes_copy(copy, writer_bytes(&from->out));
	hear(f, to, bytes_of(copy, from->out.length));
	free(copy);
}

static void converse(struct fuzz *f)
{
	for (unsigned i = 0; i < 12; i++) {
		if (f->server.result != IKE_EAP_SEND && f->server.result != IKE_EAP_DONE)
			return;
		move(f, &f->server, &f->client);
		if (f->client.result != IKE_EAP_SEND || f->server.result != IKE_EAP_SEND)
			return;
		move(f, &f->client, &f->server);
	}
}

/* The fuzzer in the place of one of them. */
static void speak(struct fuzz *f, struct side *to, uint8_t code)
{
	uint8_t packet[4 + 2040];

	while (reader_more(&f->input)) {
		size_t length = (size_t)8 * reader_u8(&f->input) + 8;
		size_t take = length < f->input.left ? length : f->input.left;
		struct writer w = writer_of(packet, sizeof(packet));

		writer_u8(&w, code);
		writer_u8(&w, to->result == IKE_EAP_SEND && code == IKE_EAP_RESPONSE ? to->room[1]
										     : f->packets);
		writer_u16(&w, (uint16_t)(4 + take));
		writer_put(&w, reader_bytes(&f->input, take));
		f->packets++;
		hear(f, to, writer_bytes(&w));
		if (to->result != IKE_EAP_SEND)
			return;
	}
}

static void check(const struct fuzz *f, bool alone)
{
	const struct side *s = &f->server, *c = &f->client;

	/* Nobody knows the secret but they. */
	if (alone && f->server.round.eap_method != IKE_EAP_METHOD_RADIUS &&
		(s->result == IKE_EAP_DONE ||
			(c->eap && c->result == IKE_EAP_DONE && ike_eap_msk(c->eap).length > 0)))
		abort();
	if (!alone && s->result == IKE_EAP_DONE && c->result == IKE_EAP_DONE &&
		s->round.eap_method != IKE_EAP_METHOD_RADIUS &&
		!bytes_equal(ike_eap_msk(s->eap), ike_eap_msk(c->eap)))
		abort();
	if (s->result == IKE_EAP_DONE && !ike_eap_identity(s->eap))
		abort();
}

static void begin(struct fuzz *f)
{
	struct side *s = &f->server;

	s->eap = ike_eap_server_new(s->engine, &s->sa, &s->round);
	f->client.eap = ike_eap_client_new(f->client.engine, &f->client.sa, &f->client.round);
	if (!s->eap || !f->client.eap)
		abort();
	s->out = writer_of(s->room, sizeof(s->room));
	s->result = ike_eap_begin(s->eap, &s->out, &s->failure);
	if (s->result == IKE_EAP_WAIT) {
		answer_radius(f, s);
		s->out = writer_of(s->room, sizeof(s->room));
		s->result = ike_eap_resume(s->eap, &s->out, &s->failure);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t methods[] = { IKE_EAP_METHOD_MSCHAPV2, IKE_EAP_METHOD_MD5,
		IKE_EAP_METHOD_RADIUS, IKE_EAP_METHOD_DYNAMIC };
	struct fuzz f = { .input = reader_of(bytes_of(data, size)) };
	uint8_t first = reader_u8(&f.input);
	bool alone = first & 0x10;

	if (f.input.bad || (!library && !(library = sim_library_new())))
		return 0;
	sim_library_seed(library, 1);
	side_begin(&f.server, "moon.example.org", "carol@example.org", methods[first & 3]);
	side_begin(&f.client, "carol@example.org", "moon.example.org",
		first & 4 ? IKE_EAP_METHOD_ANY : methods[first & 3]);
	if (first & 8)
		f.server.round.eap_id = ike_identity_parse("%any", NULL);
	begin(&f);
	if (!alone)
		converse(&f);
	else if (first & 0x20)
		speak(&f, &f.client, IKE_EAP_REQUEST);
	else if (f.server.result == IKE_EAP_SEND)
		speak(&f, &f.server, IKE_EAP_RESPONSE);
	check(&f, alone);
	side_end(&f.server);
	side_end(&f.client);
	return 0;
}
