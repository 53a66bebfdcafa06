#include "testing/unit/engine/certified.h"

#include <stdlib.h>

void certified_prepare(TCase *t)
{
	(void)pki_key("rsa2048", 1);
	(void)pki_key("rsa2048", 2);
	tcase_set_timeout(t, 60);
}

void certified_trust(struct sim_node *n, const struct pki_certificate *ca)
{
	struct bytes der = pki_der(ca->x509);

	sim_node_trust(n, der);
	free((void *)der.at);
}

struct pki_certificate certified_issue(const struct pki_certificate *ca, const char *name,
	const char *kind, unsigned number, const char *more)
{
	char subject[96], extensions[400];

	snprintf(subject, sizeof(subject), "/O=test/CN=%s", name);
	snprintf(extensions, sizeof(extensions), PKI_END "subjectAltName = DNS:%s\n%s", name, more);
	return pki_issue(&(struct pki_spec){ .subject = subject,
		.issuer = ca,
		.key = pki_key(kind, number),
		.extensions = extensions });
}

void certified_own(struct sim_node *n, const struct pki_certificate *certificate)
{
	struct bytes der = pki_der(certificate->x509);

	sim_node_own(n, der, certificate->key);
	free((void *)der.at);
}

void certified_give(struct sim_node *n, const struct pki_certificate *ca, const char *name,
	const char *kind, unsigned number)
{
	struct pki_certificate c = certified_issue(ca, name, kind, number, "");

	certified_own(n, &c);
	pki_free(&c);
}

struct pki_certificate certified_between(const struct pki_certificate *ca, const char *subject)
{
	return pki_issue(
		&(struct pki_spec){ .subject = subject, .issuer = ca, .extensions = PKI_CA });
}

struct duo certified_begin(bool aggressive)
{
	struct duo d = duo_begin_ikev1(aggressive);

	d.moon_psk = d.sun_psk = NULL;
	d.moon_side.pubkey = d.sun_side.pubkey = true;
	return d;
}

void certified_start(struct duo *d, const char *kind, bool strangers)
{
	struct pki_certificate ca = pki_root("/O=test/CN=CA");
	struct pki_certificate other = pki_root("/O=test/CN=other CA");

	duo_start(d);
	certified_trust(d->moon, &ca);
	certified_trust(d->sun, &ca);
	certified_give(d->moon, &ca, MOON, kind, 1);
	certified_give(d->sun, strangers ? &other : &ca, SUN, kind, 2);
	pki_free(&ca);
	pki_free(&other);
}

unsigned certified_count(const struct sim_node *n, const char *text)
{
	size_t kept = n->log_count < SIM_LOG_LINES ? n->log_count : SIM_LOG_LINES;
	unsigned count = 0;

	for (size_t i = 0; i < kept; i++)
		count += strstr(n->log[i], text) != NULL;
	return count;
}

const struct ike_sa *certified_sa(const struct sim_node *n)
{
	ck_assert_uint_eq(duo_ike_sas(n), 1);
	return ike_engine_sa_next(n->engine, NULL);
}
