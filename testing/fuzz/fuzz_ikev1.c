/*
 * Two engines that speak IKEv1, and an input that says what happens: see live.h. A peer that did
 * authenticate changes and makes up messages with the HASH that fits, in every state of Main,
 * Aggressive, Quick Mode, Informational and Transaction exchanges, with pre-shared keys,
 * signatures, hybrid authentication, XAuth and Mode Config. The first two octets choose
 * definitions.
 */
#include "libike/wire/isakmp.h"
#include "live.h"
#include "testing/pki/pki.h"
#include "testing/sim/isakmp_seal.h"

#include <openssl/evp.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sim_isakmp inner; /* scratch */

static void change_inner(
	struct sim_world *w, struct sim_node *to, struct sim_flight *flight, struct bytes edits)
{
	if (!to || !sim_isakmp_open(to, flight, &inner))
		return;
	edit(edits, inner.chain, &inner.length, SIM_INNER_MAX);
	(void)sim_isakmp_reseal(w, to, flight, &inner);
}

/* The last with keys, else the last. */
static const struct ike_sa *sa_of(const struct sim_node *n)
{
	const struct ike_sa *sa = NULL, *found = NULL;

	while (n->engine && (sa = ike_engine_sa_next(n->engine, sa)) != NULL)
		if (!found || sa->keys.length > 0)
			found = sa;
	return found;
}

/* how: bit 0 to whom, bit 1 without an SA, bits 2 to 4 exchange, bit 5 commit, bit 6 encrypted as
 * it stands (when clear), bit 7 without a right HASH; then a message id: 0, or one of few, or that
 * of an exchange that is under way. */
static void say(struct reader *r, bool sealed)
{
	static const uint8_t exchanges[] = { ISAKMP_EXCHANGE_MAIN, ISAKMP_EXCHANGE_AGGRESSIVE,
		ISAKMP_EXCHANGE_QUICK, ISAKMP_EXCHANGE_INFORMATIONAL, ISAKMP_EXCHANGE_TRANSACTION,
		ISAKMP_EXCHANGE_QUICK, ISAKMP_EXCHANGE_INFORMATIONAL, 99 };
	uint8_t how = reader_u8(r);
	uint8_t first = reader_u8(r);
	uint8_t id = reader_u8(r);
	size_t length = reader_u16(r) % 1024;
	struct sim_node *to = live_node(how);
	const struct ike_sa *sa = how & 2 ? NULL : sa_of(to);
	uint8_t room[SIM_INNER_MAX + 256];
	struct bytes chain = reader_bytes(r, length < r->left ? length : r->left);
	struct bytes datagram;

	inner.header = (struct ike_header){ .version = 0x10,
		.exchange = exchanges[how >> 2 & 7],
		.next_payload = first,
		.message_id = id & 0x80 ? sim_isakmp_message_id(sa, id & 0x7f) : id,
		.flags = how & 32 ? ISAKMP_FLAG_COMMIT : 0,
		.spi_initiator = sa ? sa->spi_initiator : 0x1122334455667788,
		.spi_responder = sa ? sa->spi_responder : 0 };
	inner.length = chain.length;
	bytes_copy(inner.chain, chain);
	if (sealed && sa && sa->keys.length > 0) {
		datagram = bytes_of(
			room, sim_isakmp_seal(to, sa, &inner, !(how & 128), room, sizeof(room)));
	} else {
		inner.header.flags |= how & 64 ? ISAKMP_FLAG_ENCRYPTED : 0;
		datagram = live_write_clear(&inner.header, chain, room, sizeof(room));
	}
	if (datagram.length)
		live_inject(to, sa, datagram);
}

/* ---- Certificates: the same in each run ---- */

enum proof { PROOF_PSK, PROOF_ECDSA, PROOF_RSA, PROOF_HYBRID };

/* Octets and keys that are made once a process. */
struct identity {
	struct bytes der;
	EVP_PKEY *key;
};

static struct sim_library *library; /* of the keys */
static struct identity authority, certificates[2][PROOF_HYBRID];

static EVP_PKEY *make_key(enum proof proof)
{
	OSSL_LIB_CTX *context = sim_library_context(library);
	EVP_PKEY *key = proof == PROOF_ECDSA
				? EVP_PKEY_Q_keygen(context, NULL, "EC", "P-256")
				: EVP_PKEY_Q_keygen(context, NULL, "RSA", (size_t)1024);

	if (!key)
		abort();
	return key;
}

static void issue(
	struct identity *ret, const char *name, const struct pki_certificate *ca, EVP_PKEY *key)
{
	char subject[64], extensions[160];

	snprintf(subject, sizeof(subject), "/CN=%s", name);
	snprintf(extensions, sizeof(extensions), PKI_END "subjectAltName = DNS:%s\n", name);
	struct pki_certificate c = pki_issue(&(struct pki_spec){
		.subject = subject, .issuer = ca, .key = key, .extensions = extensions });
	*ret = (struct identity){ pki_der(c.x509), key };
	pki_free(&c);
}

static void make_certificates(void)
{
	static const char *const names[] = { "moon.example.org", "sun.example.org" };

	library = sim_library_new();
	if (!library)
		abort();
	sim_library_seed(library, 1);
	authority.key = make_key(PROOF_RSA);
	struct pki_certificate ca = pki_issue(&(struct pki_spec){
		.subject = "/CN=CA", .key = authority.key, .extensions = PKI_CA });
	authority.der = pki_der(ca.x509);
	for (unsigned i = 0; i < 2; i++)
		for (enum proof proof = PROOF_ECDSA; proof < PROOF_HYBRID; proof++)
			issue(&certificates[i][proof], names[i], &ca, make_key(proof));
	pki_free(&ca);
}

static void certify(struct sim_node *n, enum proof proof)
{
	if (!authority.key)
		make_certificates();
	sim_node_trust(n, authority.der);
	if (proof == PROOF_HYBRID && n->index == 0)
		return;
	const struct identity *own =
		&certificates[n->index][proof == PROOF_HYBRID ? PROOF_RSA : proof];
	sim_node_own(n, own->der, own->key);
}

/* ---- The world of one input ---- */

/* What is proved: bits 0 and 1 enum proof, 2 XAuth, 3 two rounds of it, 4 Mode Config, 5 pushed, 6
 * sun has a definition before for another user, 7 the password is wrong. */
struct wishes {
	uint8_t proof;
	bool moon;
	const char *user;
};

static void add_xauth(struct ike_auth_rounds *rounds, const char *user, bool hybrid, bool twice)
{
	struct why why;

	if (hybrid)
		rounds->items[0].class = IKE_AUTH_CLASS_XAUTH;
	for (unsigned i = hybrid ? 1 : 0; i < (twice ? 2 : 1); i++)
		if (!ike_auth_rounds_add(rounds, IKE_AUTH_CLASS_XAUTH, NULL))
			abort();
	for (size_t i = 0; user && i < rounds->count; i++)
		if (rounds->items[i].class == IKE_AUTH_CLASS_XAUTH)
			rounds->items[i].xauth_id = ike_identity_parse(user, &why);
}

static void adjust(void *context, struct ike_connection *c)
{
	const struct wishes *w = context;
	bool hybrid = (w->proof & 3) == PROOF_HYBRID;

	c->pull = !(w->proof & 32);
	if (hybrid || w->proof & 4)
		add_xauth(w->moon ? &c->local : &c->remote, w->user, hybrid, w->proof & 8);
}

static void load_secrets(struct sim_node *n, uint8_t proof)
{
	static const char *const carol[] = { "carol", NULL };
	bool moon = n->index == 0;

	sim_node_psk(n, "fuzz me if you can", NULL);
	sim_node_eap(n, moon && proof & 128 ? "of nobody" : "of carol alone", carol);
	if ((proof & 3) != PROOF_PSK)
		certify(n, (enum proof)(proof & 3));
	if (!moon && proof & 16)
		sim_node_pool(n, "rw", "10.5.0.0/29", "10.2.0.53");
}

static void define(struct sim_node *n, struct sim_definition d, uint8_t proof, const char *user)
{
	struct wishes wishes = { proof, n->index == 0, user };
	struct why why;

	d.adjust = adjust;
	d.adjust_context = &wishes;
	if (!sim_node_load(n, sim_define(&d), &why))
		abort();
}

/* choice: bits 0 and 1 proposals, 2 transport, 3 PFS, 4 DPD, 5 NAT before sun, 6 Aggressive, 7 the
 * log in full. */
static void load(struct sim_node *n, uint8_t choice, uint8_t proof)
{
	static const char *const ike[] = { "aes128-sha256-ecp256", "3des-md5-ecp256",
		"aes256-sha1-ecp256", "aes256-sha384-ecp384" };
	bool moon = n->index == 0;
	bool transport = choice & 4;
	struct sim_definition d = {
		.name = "peer",
		.version = 1,
		.aggressive = choice & 64,
		.remote_addrs = !moon ? "192.0.2.1" : choice & 32 ? "%any" : "192.0.2.2",
		.local_id = moon ? "moon.example.org" : "sun.example.org",
		.remote_id = moon ? "%any" : "moon.example.org",
		.proposals = ike[choice & 3],
		.unique = choice & 1 ? IKE_UNIQUE_REPLACE : IKE_UNIQUE_NO,
		.dpd_delay = choice & 16 ? 5 : 0,
		.pubkey = (proof & 3) != PROOF_PSK,
		.vips = moon && proof & 16 ? "0.0.0.0" : NULL,
		.pools = !moon && proof & 16 ? "rw" : NULL,
		.children = {
			{
				.name = "net-a",
				.proposals = choice & 8 ? "aes128-sha256-ecp256" : "aes128gcm16",
				.local_ts = transport ? NULL : moon ? "10.1.0.0/16" : "10.2.0.0/16",
				.remote_ts = transport ? NULL : moon ? "10.2.0.0/16" : "10.1.0.0/16",
				.mode = transport ? IKE_MODE_TRANSPORT : IKE_MODE_TUNNEL,
			},
			{
				.name = "net-b",
				.local_ts = moon ? "10.3.0.0/16[tcp/80]" : "10.4.0.0/24",
				.remote_ts = moon ? "10.4.0.0/24" : "10.3.0.0/16[tcp/80]",
			},
		},
	};

	/* Of the first child alone: the address that Mode Config gives. */
	if (proof & 16)
		*(moon ? &d.children[0].local_ts : &d.children[0].remote_ts) = NULL;
	load_secrets(n, proof);
	if (!moon && proof & 64) {
		struct sim_definition other = d;

		other.name = "other";
		define(n, other, proof, "dave");
	}
	define(n, d, proof, moon ? "carol" : NULL);
}

static const struct live_version version = {
	.name = "ikev1", .again_max = 5, .change_inner = change_inner, .say = say
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(bytes_of(data, size));

	if (size < 3)
		return 0;
	uint8_t choice = reader_u8(&r), proof = reader_u8(&r);
	struct sim_world *world = live_begin(&version, choice & 32, choice & 128);
	for (unsigned i = 0; i < 2; i++) {
		struct sim_node *n = &world->nodes[i];

		n->settings.aggressive_psk = true;
		n->settings.fragment_size_v4 = n->settings.fragment_size_v6 =
			(choice & 3) == 3 ? 160 : 1280;
		sim_node_start(n);
		load(n, choice, proof);
	}
	live_run(&r);
	return 0;
}
