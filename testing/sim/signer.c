/* Private keys: the nodes' hosts have them, and sign after a while. */
#include "libike/crypto/signature.h"
#include "testing/pki/pki.h"
#include "testing/sim/world.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define DELAY_MAX 400

/* ---- Signing ---- */

struct signing {
	struct sim_node *node;
	uint32_t life;
	size_t length;
	uint8_t signature[IKE_SIGNATURE_MAX];
};

static void answer(struct sim_world *w, void *context, uint64_t ticket)
{
	struct signing *s = context;
	struct sim_node *n = s->node;

	sim_trace(w, "%s has signed: %zu octets", n->name, s->length);
	if (!n->engine || n->lives != s->life)
		return;
	sim_node_enter(n);
	ike_engine_signed(n->engine, sim_node_now(n), ticket, bytes_of(s->signature, s->length),
		s->length ? NULL : "the token has no such key any more");
	sim_node_leave(n);
}

bool sim_signer_sign(struct sim_node *n, const struct ike_sign *what, uint64_t ticket)
{
	struct sim_world *w = n->world;
	struct signing *s;

	if (what->handle == 0 || what->handle > n->key_count)
		return false;
	if (n->signer == SIM_SIGNER_SILENT)
		return true;
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->node = n;
	s->life = n->lives;
	if (n->signer == SIM_SIGNER_WORKS)
		s->length = ike_signature_make(
			NULL, n->keys[what->handle - 1], what->scheme, what->data, s->signature);
	sim_trace(
		w, "%s signs with key %u, %s", n->name, (unsigned)what->handle, what->scheme->name);
	sim_world_plan(w, w->now + sim_random_between(&n->random, 1, DELAY_MAX), answer, s, ticket)
		->owns_context = true;
	return true;
}

/* ---- What a node has ---- */

static struct ike_certificate *parse(struct sim_node *n, struct bytes der)
{
	struct why why = { "" };
	struct ike_certificate *c =
		ike_certificate_parse(sim_library_context(n->library), der, &why);

	if (!c) {
		fprintf(stderr, "sim: %s\n", why.text);
		abort();
	}
	return c;
}

void sim_node_own_key(struct sim_node *n, struct ike_public_key *public, EVP_PKEY *key)
{
	if (n->key_count == SIM_KEYS_MAX || !EVP_PKEY_up_ref(key))
		abort();
	n->keys[n->key_count++] = key;
	if (!ike_certificates_add_key(ike_engine_certificates(n->engine), public, n->key_count))
		abort();
}

void sim_node_own(struct sim_node *n, struct bytes der, EVP_PKEY *key)
{
	struct ike_certificate *c = parse(n, der);

	if (!ike_certificates_add(
		    ike_engine_certificates(n->engine), c, IKE_CERTIFICATE_END, false))
		abort();
	sim_node_own_key(n, ike_certificate_key(c), key);
	ike_certificate_free(c);
}

void sim_node_trust(struct sim_node *n, struct bytes der)
{
	struct ike_certificate *c = parse(n, der);

	if (!ike_certificates_add(ike_engine_certificates(n->engine), c, IKE_CERTIFICATE_CA, false))
		abort();
	ike_certificate_free(c);
}

void sim_node_forget_keys(struct sim_node *n)
{
	while (n->key_count > 0)
		EVP_PKEY_free(n->keys[--n->key_count]);
}

/* ---- An authority that all know; the same in each run, bit for bit ---- */

static EVP_PKEY *fixed_key(const char *name)
{
	uint8_t seed[32];
	size_t length;
	EVP_PKEY *key;

	if (!EVP_Q_digest(NULL, "SHA2-256", NULL, name, strlen(name), seed, &length))
		abort();
	key = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, seed, sizeof(seed));
	if (!key)
		abort();
	return key;
}

/* Years around the virtual time, so that no jump of a clock leads out of them. */
static struct pki_certificate issue(const char *subject, const struct pki_certificate *issuer,
	EVP_PKEY *key, const char *extensions)
{
	const struct pki_spec spec = {
		.subject = subject,
		.issuer = issuer,
		.key = key,
		.extensions = extensions,
		.serial = issuer ? 2 : 1,
		.not_before = PKI_DAYS(-3650),
		.not_after = PKI_DAYS(36500),
	};

	return pki_issue(&spec);
}

/* "C=CH, O=test" as OpenSSL writes it. */
static void subject_of(const char *dn, char *ret, size_t room)
{
	size_t length = 0;

	for (bool begins = true; *dn && length + 2 < room; dn++) {
		if (begins)
			ret[length++] = '/';
		begins = dn[0] == ',' && dn[1] == ' ';
		if (begins)
			dn++;
		else
			ret[length++] = *dn;
	}
	ret[length] = '\0';
}

static void describe(const char *id, char *subject, char *extensions, size_t room)
{
	if (!id) /* an address needs no name, and has no certificate */
		abort();
	if (strchr(id, '=')) {
		subject_of(id, subject, room);
		snprintf(extensions, room, PKI_END);
		return;
	}
	snprintf(subject, room, "/O=simulator/CN=%s", id);
	snprintf(extensions, room, PKI_END "subjectAltName = %s:%s\n",
		strchr(id, '@') ? "email" : "DNS", id);
}

void sim_node_certify(struct sim_node *n, const char *id)
{
	char subject[192], extensions[192];
	EVP_PKEY *ca_key = fixed_key("the authority"), *key = fixed_key(id);
	struct pki_certificate ca = issue("/O=simulator/CN=authority", NULL, ca_key, PKI_CA);
	struct pki_certificate c;
	struct bytes der;

	describe(id, subject, extensions, sizeof(subject));
	c = issue(subject, &ca, key, extensions);
	der = pki_der(ca.x509);
	sim_node_trust(n, der);
	free((void *)der.at);
	der = pki_der(c.x509);
	sim_node_own(n, der, key);
	free((void *)der.at);
	pki_free(&c);
	pki_free(&ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}
