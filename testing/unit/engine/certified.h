/* Certificates for the duo's two, from CAs of the test's own. */
#ifndef TESTING_UNIT_ENGINE_CERTIFIED_H
#define TESTING_UNIT_ENGINE_CERTIFIED_H

#include "testing/pki/pki.h"
#include "testing/unit/engine/duo.h"

#define MOON "moon.example.org"
#define SUN "sun.example.org"

/* For a case of such tests: RSA keys are made before it forks, as they take their time. */
void certified_prepare(TCase *t);
/* The node believes that CA, or knows it as one in between. */
void certified_trust(struct sim_node *n, const struct pki_certificate *ca);
/* A certificate of that name and the key ("rsa2048", "p256"; number), with lines of extensions more
 * ("" for none). */
struct pki_certificate certified_issue(const struct pki_certificate *ca, const char *name,
	const char *kind, unsigned number, const char *more);
/* The node has it, with its private key. */
void certified_own(struct sim_node *n, const struct pki_certificate *certificate);
/* Both at once. */
void certified_give(struct sim_node *n, const struct pki_certificate *ca, const char *name,
	const char *kind, unsigned number);
/* A CA under that one. */
struct pki_certificate certified_between(const struct pki_certificate *ca, const char *subject);

/* IKEv1 by signatures. */
struct duo certified_begin(bool aggressive);
/* Each has a certificate of its CA and trusts that of moon's; sun's is of another one: strangers.
 */
void certified_start(struct duo *d, const char *kind, bool strangers);
/* How often the node's log has it. */
unsigned certified_count(const struct sim_node *n, const char *text);
/* The only IKE SA. */
const struct ike_sa *certified_sa(const struct sim_node *n);

#endif
