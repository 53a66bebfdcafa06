/* IKE_AUTH by signatures: which method, which certificate, and what is refused. */
#include "libike/ikev2/auth.h"
#include "libike/wire/build.h"
#include "testing/pki/pki.h"
#include "testing/sim/seal.h"
#include "testing/unit/engine/duo.h"

#include <stdlib.h>

#define MOON "moon.example.org"
#define SUN "sun.example.org"

static void trust(struct sim_node *n, const struct pki_certificate *ca)
{
	struct bytes der = pki_der(ca->x509);

	sim_node_trust(n, der);
	free((void *)der.at);
}

static struct pki_certificate issue(
	const struct pki_certificate *ca, const char *name, EVP_PKEY *key)
{
	char subject[96], extensions[200];
	const struct pki_spec spec = {
		.subject = subject, .issuer = ca, .key = key, .extensions = extensions
	};

	snprintf(subject, sizeof(subject), "/O=test/CN=%s", name);
	snprintf(extensions, sizeof(extensions), PKI_END "subjectAltName = DNS:%s\n", name);
	return pki_issue(&spec);
}

/* A certificate of that CA for the name, with that key. */
static void own(
	struct sim_node *n, const struct pki_certificate *ca, const char *name, EVP_PKEY *key)
{
	struct pki_certificate c = issue(ca, name, key);
	struct bytes der = pki_der(c.x509);

	sim_node_own(n, der, key);
	free((void *)der.at);
	pki_free(&c);
}

static void start(struct duo *d, const char *kind)
{
	struct pki_certificate ca = pki_root("/O=test/CN=CA");

	d->moon_psk = d->sun_psk = NULL;
	d->moon_side.pubkey = d->sun_side.pubkey = true;
	duo_start(d);
	trust(d->moon, &ca);
	trust(d->sun, &ca);
	own(d->moon, &ca, MOON, pki_key(kind, 1));
	own(d->sun, &ca, SUN, pki_key(kind, 2));
	pki_free(&ca);
}

static const struct {
	const char *kind, *scheme;
} kinds[] = {
	{ "rsa2048", "with RSA_EMSA_PKCS1" },
	{ "p256", "with ECDSA_WITH_SHA256" },
	{ "p384", "with ECDSA_WITH_SHA384" },
	{ "p521", "with ECDSA_WITH_SHA512" },
	{ "ed25519", "with ED25519" },
	{ "ed448", "with ED448" },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* What one end proved itself with is what the other end keeps, beyond rekeying. */
static void check_shown(const struct duo *d)
{
	const struct ike_sa *moon = ike_engine_sa_next(d->moon->engine, NULL);
	const struct ike_sa *sun = ike_engine_sa_next(d->sun->engine, NULL);

	ck_assert_ptr_nonnull(moon->local_cert);
	ck_assert_ptr_nonnull(sun->local_cert);
	ck_assert(bytes_equal(sun->remote_cert, ike_certificate_der(moon->local_cert)));
	ck_assert(bytes_equal(moon->remote_cert, ike_certificate_der(sun->local_cert)));
}

START_TEST(each_kind_of_key_proves_an_identity)
{
	struct duo d = duo_begin(false);

	start(&d, kinds[_i].kind);
	duo_up(&d, d.moon, "net");
	ck_assert(sim_node_logged(d.sun, "authentication of 'moon.example.org' by signature"));
	ck_assert(sim_node_logged(d.moon, "authentication of 'sun.example.org' by signature"));
	ck_assert_msg(sim_node_logged(d.moon, kinds[_i].scheme), "%s", kinds[_i].kind);
	check_shown(&d);
	ck_assert(sim_node_rekey(d.moon, &(struct ike_rekey){ .ike = "sun" }, &(struct why){ "" }));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	check_shown(&d);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_without_rfc_7427_gets_a_classic_method)
{
	static const struct {
		const char *kind, *scheme;
	} classic[] = { { "rsa2048", "RSA_EMSA_PKCS1_SHA1" }, { "p256", "ECDSA-256" },
		{ "p384", "ECDSA-384" }, { "p521", "ECDSA-521" }, { "ed25519", NULL } };
	struct duo d = duo_begin(false);

	d.sun->settings.signature_authentication = false;
	start(&d, classic[_i].kind);
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert_msg(command->done == (classic[_i].scheme != NULL), "%s", command->text);
	if (command->done) {
		ck_assert_msg(sim_node_logged(d.moon, classic[_i].scheme), "%s", classic[_i].kind);
		ck_assert_msg(sim_node_logged(d.sun, classic[_i].scheme), "%s", classic[_i].kind);
		duo_down(&d, d.moon);
	}
	duo_end(&d);
}
END_TEST

/* ---- What a message in the middle does ---- */

/* Changes moon's IKE_AUTH messages before they are sealed again. */
struct forger {
	struct duo *d;
	bool (*forge)(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b);
	unsigned forged;
};

static bool forge(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct forger *f = context;
	struct sim_inner inner;
	struct ike_message m;
	struct ike_builder b;
	struct why why;
	uint8_t chain[SIM_INNER_MAX];

	if (flight->from != f->d->moon->index || flight->data[18] != IKE_EXCHANGE_AUTH ||
		!sim_flight_open(w, flight, &inner) ||
		ike_message_parse_inner(&inner.header, inner.first,
			bytes_of(inner.chain, inner.length), &m, &why) != IKE_PARSE_OK)
		return true;
	ike_builder_begin(&b, chain, sizeof(chain));
	if (!f->forge(&inner, &m, &b))
		return true;
	ck_assert(!b.writer.bad);
	inner.first = b.first;
	inner.length = b.writer.length;
	bytes_copy(inner.chain, writer_bytes(&b.writer));
	f->forged++;
	return sim_flight_seal(w, flight, &inner);
}

static void raw(struct ike_builder *b, uint8_t type, struct bytes body)
{
	size_t mark = ike_build_open(b, type);

	writer_put(&b->writer, body);
	ike_build_close(b, mark);
}

/* The request as it was but for AUTH. */
static void rebuild(const struct ike_message *m, uint8_t method, struct bytes auth, bool certs,
	struct ike_builder *b)
{
	struct ike_identity *id =
		ike_identity_from_wire(m->id_initiator.type, m->id_initiator.octets);

	ike_build_id(b, IKE_PAYLOAD_ID_INITIATOR, id);
	ike_identity_free(id);
	for (size_t i = 0; certs && i < m->cert_count; i++)
		ike_build_cert(b, IKE_PAYLOAD_CERT, m->certs[i].encoding, m->certs[i].data);
	ike_build_auth(b, method, auth);
	raw(b, IKE_PAYLOAD_SA, m->sa.body);
}

static bool flip(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	uint8_t auth[1024];

	(void)inner;
	bytes_copy(auth, m->auth.data);
	auth[m->auth.data.length - 1] ^= 1;
	rebuild(m, m->auth.method, bytes_of(auth, m->auth.data.length), true, b);
	return true;
}

static bool truncate(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	(void)inner;
	rebuild(m, m->auth.method, bytes_of(m->auth.data.at, 9), true, b);
	return true;
}

static bool lengthen(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	uint8_t auth[1024];

	(void)inner;
	bytes_copy(auth, m->auth.data);
	auth[m->auth.data.length] = 0;
	rebuild(m, m->auth.method, bytes_of(auth, m->auth.data.length + 1), true, b);
	return true;
}

static bool unknown_algorithm(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	static const uint8_t auth[] = { 4, 0x30, 2, 5, 0, 1, 2, 3 };

	(void)inner;
	rebuild(m, m->auth.method, bytes_of(auth, sizeof(auth)), true, b);
	return true;
}

/* ecdsa-with-SHA1: a hash that nobody offers. */
static bool sha1(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	uint8_t auth[300] = { 11, 0x30, 9, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1 };
	size_t head = 1u + m->auth.data.at[0];

	(void)inner;
	bytes_copy(auth + 12, bytes_of(m->auth.data.at + head, m->auth.data.length - head));
	rebuild(m, m->auth.method, bytes_of(auth, 12 + m->auth.data.length - head), true, b);
	return true;
}

static bool other_method(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	(void)inner;
	rebuild(m, IKE_AUTH_RSA_SIGNATURE, m->auth.data, true, b);
	return true;
}

static bool null_method(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	(void)inner;
	rebuild(m, IKE_AUTH_NULL, m->auth.data, true, b);
	return true;
}

static bool shared_key(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	(void)inner;
	rebuild(m, IKE_AUTH_SHARED_KEY, bytes_of(m->auth.data.at, 32), true, b);
	return true;
}

static bool without_cert(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	(void)inner;
	rebuild(m, m->auth.method, m->auth.data, false, b);
	return true;
}

static bool garbage_cert(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	(void)inner;
	m->cert_count = 1;
	m->certs[0].data.length /= 2;
	rebuild(m, m->auth.method, m->auth.data, true, b);
	return true;
}

static bool without_auth(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	struct ike_identity *id =
		ike_identity_from_wire(m->id_initiator.type, m->id_initiator.octets);

	(void)inner;
	ike_build_id(b, IKE_PAYLOAD_ID_INITIATOR, id);
	ike_identity_free(id);
	raw(b, IKE_PAYLOAD_SA, m->sa.body);
	return true;
}

/* As many certificates as there is room for; the right one comes first. */
static bool flood(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b)
{
	uint8_t auth[1024];

	(void)inner;
	bytes_copy(auth, m->auth.data);
	auth[m->auth.data.length - 1] ^= 1;
	while (m->cert_count < IKE_MESSAGE_CERTS_MAX && m->cert_count < 8)
		m->certs[m->cert_count++] = m->certs[0];
	rebuild(m, m->auth.method, bytes_of(auth, m->auth.data.length), true, b);
	return true;
}

static const struct {
	bool (*forge)(struct sim_inner *inner, struct ike_message *m, struct ike_builder *b);
	const char *says;
} forgeries[] = {
	{ flip, "does not verify" },
	{ truncate, "truncated" },
	{ lengthen, "does not verify" },
	{ unknown_algorithm, "signature algorithm that we don't know" },
	{ sha1, "whose hash we did not offer" },
	{ other_method, "does not verify" },
	{ null_method, "'moon' expects a signature" },
	{ shared_key, "'moon' expects a signature" },
	{ without_cert, "ertificate" },
	{ garbage_cert, "cannot be read" },
	{ flood, "does not verify" },
	{ without_auth, "by EAP, 'moon' expects a signature" },
};
#define FORGERIES (sizeof(forgeries) / sizeof(*forgeries))

START_TEST(a_forged_proof_is_refused_for_its_reason)
{
	struct duo d = duo_begin(false);
	struct forger f = { .d = &d, .forge = forgeries[_i].forge };

	d.world->filter = forge;
	d.world->filter_context = &f;
	d.moon_side.no_fragmentation = true;
	start(&d, "p256");
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(!command->done);
	ck_assert_uint_ge(f.forged, 1);
	ck_assert_msg(sim_node_logged(d.sun, forgeries[_i].says), "%s", forgeries[_i].says);
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	/* The peer hears no more than that it failed. */
	ck_assert_msg(strstr(command->text, "AUTHENTICATION_FAILED"), "%s", command->text);
	duo_end(&d);
}
END_TEST

/* ---- Definitions ---- */

struct rounds {
	uint8_t local, remote; /* enum ike_auth_class */
	struct pki_certificate *ca;
	const char *policy;
	uint8_t send_cert;
};

static void adjust(void *context, struct ike_connection *c)
{
	const struct rounds *r = context;
	struct ike_auth_round *remote = &c->remote.items[0];
	struct why why;

	c->local.items[0].class = r->local;
	remote->class = r->remote;
	c->send_cert = r->send_cert;
	if (r->ca) {
		remote->cacerts = calloc(1, sizeof(*remote->cacerts));
		remote->cacerts[0] = ike_certificate_hold(r->ca->c);
		remote->cacert_count = 1;
	}
	if (r->policy) {
		remote->signatures = calloc(1, sizeof(*remote->signatures));
		ck_assert_msg(ike_signature_policy_parse(r->policy, remote->signatures, &why), "%s",
			why.text);
	}
}

static void adjust_by(struct sim_definition *side, struct rounds *r)
{
	side->adjust = adjust;
	side->adjust_context = r;
}

START_TEST(the_two_sides_may_prove_themselves_by_different_methods)
{
	struct duo d = duo_begin(false);
	struct rounds moon = { IKE_AUTH_CLASS_PSK, IKE_AUTH_CLASS_PUBKEY };
	struct rounds sun = { IKE_AUTH_CLASS_PUBKEY, IKE_AUTH_CLASS_PSK };

	if (_i & 2) /* whatever the peer proves itself with */
		moon.remote = sun.remote = IKE_AUTH_CLASS_ANY;
	adjust_by(&d.moon_side, &moon);
	adjust_by(&d.sun_side, &sun);
	start(&d, "p256");
	sim_node_psk(d.moon, "what both of them know", NULL);
	sim_node_psk(d.sun, "what both of them know", NULL);
	duo_up(&d, _i & 1 ? d.sun : d.moon, "net");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_scheme_below_the_policy_is_refused)
{
	struct duo d = duo_begin(false);
	struct rounds moon = { IKE_AUTH_CLASS_PUBKEY, IKE_AUTH_CLASS_PUBKEY };
	struct rounds sun = moon;

	sun.policy = _i ? "ike:ecdsa-sha512" : "ike:ecdsa-sha256";
	adjust_by(&d.moon_side, &moon);
	adjust_by(&d.sun_side, &sun);
	start(&d, "p256");
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert_msg(command->done == !_i, "%s", command->text);
	if (_i)
		ck_assert(sim_node_logged(d.sun, "is not acceptable"));
	else
		duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(another_definition_is_tried_when_the_authority_is_not_its_own)
{
	struct duo d = duo_begin(false);
	struct pki_certificate research = pki_root("/O=test/CN=research");
	struct pki_certificate sales = pki_root("/O=test/CN=sales");
	struct rounds moon = { IKE_AUTH_CLASS_PUBKEY, IKE_AUTH_CLASS_PUBKEY };
	struct rounds of_research = moon, of_sales = moon;
	struct sim_definition other;
	struct why why;

	of_research.ca = &research;
	of_sales.ca = &sales;
	d.moon_psk = d.sun_psk = NULL;
	adjust_by(&d.moon_side, &moon);
	d.sun_side.remote_id = "*.example.org";
	adjust_by(&d.sun_side, &of_research);
	duo_start(&d);
	other = d.sun_side;
	other.name = "sales";
	adjust_by(&other, &of_sales);
	if (_i)
		ck_assert(sim_node_load(d.sun, sim_define(&other), &why));
	trust(d.moon, &sales);
	own(d.moon, &sales, MOON, pki_key("p256", 1));
	own(d.sun, &sales, SUN, pki_key("p256", 2));
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert_msg(command->done == (_i != 0), "%s", command->text);
	if (_i) {
		ck_assert(sim_node_logged(d.sun, "switching to 'sales'"));
		ck_assert_str_eq(
			ike_engine_sa_next(d.sun->engine, NULL)->connection->name, "sales");
		duo_down(&d, d.moon);
	}
	duo_end(&d);
	pki_free(&research);
	pki_free(&sales);
}
END_TEST

/* What the first one did about a PPK is not for the other one to live with. */
START_TEST(the_definition_that_is_switched_to_decides_about_the_ppk)
{
	struct duo d = duo_begin(false);
	struct pki_certificate research = pki_root("/O=test/CN=research");
	struct pki_certificate sales = pki_root("/O=test/CN=sales");
	struct rounds moon = { IKE_AUTH_CLASS_PUBKEY, IKE_AUTH_CLASS_PUBKEY };
	struct rounds of_research = moon, of_sales = moon;
	struct sim_definition other;
	struct why why;

	of_research.ca = &research;
	of_sales.ca = &sales;
	d.moon_psk = d.sun_psk = NULL;
	d.moon_side.ppk_id = "ppk-1";
	adjust_by(&d.moon_side, &moon);
	d.sun_side.remote_id = "*.example.org";
	adjust_by(&d.sun_side, &of_research);
	duo_start(&d);
	other = d.sun_side;
	other.name = "sales";
	other.ppk_required = _i != 0;
	adjust_by(&other, &of_sales);
	ck_assert(sim_node_load(d.sun, sim_define(&other), &why));
	sim_node_ppk(d.moon, "a key that no computer finds", "ppk-1");
	sim_node_ppk(d.sun, "of somebody else", "ppk-3");
	trust(d.moon, &sales);
	own(d.moon, &sales, MOON, pki_key("p256", 1));
	own(d.sun, &sales, SUN, pki_key("p256", 2));
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert(sim_node_logged(d.sun, "switching to 'sales'"));
	ck_assert_msg(command->done == (_i == 0), "%s", command->text);
	if (_i)
		ck_assert(sim_node_logged(d.sun, "have none that the peer names"));
	else
		duo_down(&d, d.moon);
	duo_end(&d);
	pki_free(&research);
	pki_free(&sales);
}
END_TEST

START_TEST(the_definition_of_the_right_class_is_chosen)
{
	struct duo d = duo_begin(false);
	struct rounds pubkey = { IKE_AUTH_CLASS_PUBKEY, IKE_AUTH_CLASS_PUBKEY };
	struct rounds psk = { IKE_AUTH_CLASS_PSK, IKE_AUTH_CLASS_PSK };
	struct sim_definition other;
	struct why why;

	adjust_by(&d.moon_side, _i ? &pubkey : &psk);
	adjust_by(&d.sun_side, &psk);
	start(&d, "ed25519");
	sim_node_psk(d.moon, "what both of them know", NULL);
	sim_node_psk(d.sun, "what both of them know", NULL);
	other = d.sun_side;
	other.name = "by-key";
	other.remote_id = "*.example.org";
	adjust_by(&other, &pubkey);
	ck_assert(sim_node_load(d.sun, sim_define(&other), &why));
	duo_up(&d, d.moon, "net");
	ck_assert_str_eq(
		ike_engine_sa_next(d.sun->engine, NULL)->connection->name, _i ? "by-key" : "moon");
	duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* ---- Certificates on the wire ---- */

struct seen {
	struct duo *d;
	unsigned certs;
};

static bool count_certs(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct seen *s = context;
	struct sim_inner inner;
	struct ike_message m;
	struct why why;

	if (flight->from == s->d->moon->index && flight->data[18] == IKE_EXCHANGE_AUTH &&
		sim_flight_open(w, flight, &inner) &&
		ike_message_parse_inner(&inner.header, inner.first,
			bytes_of(inner.chain, inner.length), &m, &why) == IKE_PARSE_OK)
		s->certs += m.cert_count;
	return true;
}

static void no_certreq(void *context, struct ike_connection *c)
{
	(void)context;
	c->send_certreq = false;
}

START_TEST(certificates_are_sent_as_send_cert_says)
{
	static const struct {
		uint8_t send;
		bool asked, sent;
	} cases[] = {
		{ IKE_SEND_CERT_IFASKED, true, true },
		{ IKE_SEND_CERT_IFASKED, false, false },
		{ IKE_SEND_CERT_ALWAYS, false, true },
		{ IKE_SEND_CERT_NEVER, true, false },
	};
	struct duo d = duo_begin(false);
	struct rounds moon = { .local = IKE_AUTH_CLASS_PUBKEY,
		.remote = IKE_AUTH_CLASS_PUBKEY,
		.send_cert = cases[_i].send };
	struct seen seen = { .d = &d };

	d.world->filter = count_certs;
	d.world->filter_context = &seen;
	d.moon_side.no_fragmentation = true;
	adjust_by(&d.moon_side, &moon);
	if (!cases[_i].asked)
		d.sun_side.adjust = no_certreq;
	start(&d, "p256");
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert_msg(command->done == cases[_i].sent, "%s", command->text);
	ck_assert_uint_eq(seen.certs > 0, cases[_i].sent);
	if (command->done)
		duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

/* Raw keys, as VyOS's rsa mode has them. */
struct raw_keys {
	EVP_PKEY *peer;
};

static void raw_round(void *context, struct ike_connection *c)
{
	const struct raw_keys *r = context;
	struct ike_auth_round *remote = &c->remote.items[0];
	struct why why;
	struct ike_public_key *key = ike_public_key_of(NULL, r->peer, &why);

	remote->certs = calloc(1, sizeof(*remote->certs));
	remote->certs[0] = ike_certificate_of_key(key, remote->id);
	remote->cert_count = 1;
	ike_public_key_free(key);
}

static void own_raw(struct sim_node *n, const char *name, EVP_PKEY *pkey)
{
	struct why why;
	struct ike_public_key *key = ike_public_key_of(NULL, pkey, &why);
	struct ike_identity *id = ike_identity_parse(name, &why);
	struct ike_certificate *c = ike_certificate_of_key(key, id);

	ck_assert(ike_certificates_add(
		ike_engine_certificates(n->engine), c, IKE_CERTIFICATE_END, false));
	sim_node_own_key(n, key, pkey);
	ike_certificate_free(c);
	ike_public_key_free(key);
	ike_identity_free(id);
}

START_TEST(raw_public_keys_prove_an_identity)
{
	struct duo d = duo_begin(false);
	struct raw_keys moon = { pki_key("rsa2048", 2) };
	struct raw_keys sun = { pki_key("rsa2048", _i ? 3 : 1) };

	d.moon_psk = d.sun_psk = NULL;
	d.moon_side.pubkey = d.sun_side.pubkey = true;
	d.moon_side.adjust = d.sun_side.adjust = raw_round;
	d.moon_side.adjust_context = &moon;
	d.sun_side.adjust_context = &sun;
	duo_start(&d);
	own_raw(d.moon, MOON, pki_key("rsa2048", 1));
	own_raw(d.sun, SUN, pki_key("rsa2048", 2));
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert_msg(command->done == !_i, "%s", command->text);
	if (_i)
		ck_assert(sim_node_logged(d.sun, "does not verify"));
	else
		duo_down(&d, d.moon);
	duo_end(&d);
}
END_TEST

START_TEST(a_raw_key_of_a_definition_for_anybody_proves_no_name)
{
	struct duo d = duo_begin(false);
	struct raw_keys moon = { pki_key("ed25519", 2) }, sun = { pki_key("ed25519", 1) };

	d.moon_psk = d.sun_psk = NULL;
	d.moon_side.pubkey = d.sun_side.pubkey = true;
	d.moon_side.adjust = d.sun_side.adjust = raw_round;
	d.moon_side.adjust_context = &moon;
	d.sun_side.adjust_context = &sun;
	d.sun_side.remote_id = NULL;
	duo_start(&d);
	own_raw(d.moon, MOON, pki_key("ed25519", 1));
	own_raw(d.sun, SUN, pki_key("ed25519", 2));
	const struct sim_command *command = duo_initiate(&d, d.moon, "net");
	ck_assert_msg(!command->done, "%s", command->text);
	duo_end(&d);
}
END_TEST

TCase *pubkey_tests(void)
{
	TCase *tests = tcase_create("pubkey");

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, each_kind_of_key_proves_an_identity, 0, (int)KINDS);
	tcase_add_loop_test(tests, a_peer_without_rfc_7427_gets_a_classic_method, 0, 5);
	tcase_add_loop_test(tests, a_forged_proof_is_refused_for_its_reason, 0, (int)FORGERIES);
	tcase_add_loop_test(tests, the_two_sides_may_prove_themselves_by_different_methods, 0, 4);
	tcase_add_loop_test(tests, a_scheme_below_the_policy_is_refused, 0, 2);
	tcase_add_loop_test(
		tests, another_definition_is_tried_when_the_authority_is_not_its_own, 0, 2);
	tcase_add_loop_test(tests, the_definition_that_is_switched_to_decides_about_the_ppk, 0, 2);
	tcase_add_loop_test(tests, the_definition_of_the_right_class_is_chosen, 0, 2);
	tcase_add_loop_test(tests, certificates_are_sent_as_send_cert_says, 0, 4);
	tcase_add_loop_test(tests, raw_public_keys_prove_an_identity, 0, 2);
	tcase_add_test(tests, a_raw_key_of_a_definition_for_anybody_proves_no_name);
	return tests;
}
