/*
 * What an engine has to prove and to check identities with, besides shared secrets: certificates,
 * CRLs, authorities, and which private keys the host holds.
 *
 * Belongs to one engine. Everything is kept once, in the order of loading; equal things that are
 * loaded again are the first. Reference-counted things that are in use elsewhere live on after they
 * were removed here.
 */
#ifndef LIBIKE_MODEL_CERTIFICATES_H
#define LIBIKE_MODEL_CERTIFICATES_H

#include "libike/crypto/certificate.h"
#include "libike/crypto/crl.h"

/* VICI's load-cert flag, swanctl's directories. */
enum ike_certificate_role {
	IKE_CERTIFICATE_END,  /* x509, pubkey: of ours and of peers */
	IKE_CERTIFICATE_CA,   /* x509ca: chains end here; intermediates too */
	IKE_CERTIFICATE_OCSP, /* x509ocsp: may sign OCSP responses */
	IKE_CERTIFICATE_AA,   /* x509aa: kept for lists, used for nothing */
};

struct ike_stored_certificate {
	struct ike_certificate *certificate;
	uint8_t role;
	bool cached; /* came from a peer or a server: flush-certs forgets it */
};

/* The private half is the host's; handle is what host->sign() names it by. */
struct ike_private_key {
	struct ike_public_key *public;
	uint64_t handle;
};

struct ike_authority {
	char *name;
	struct ike_certificate *ca; /* held */
	char **crl_uris;
	char **ocsp_uris;
	size_t crl_uri_count;
	size_t ocsp_uri_count;
	char *cert_uri_base; /* or NULL: hash and URL */
};

struct ike_certificates;

struct ike_certificates *ike_certificates_new(void);
void ike_certificates_free(struct ike_certificates *s);

/* Holds; returns the one that is kept now (borrowed), or NULL when memory ran out. What was cached
 * and is loaded now is not cached any more. */
MUST_USE struct ike_certificate *ike_certificates_add(
	struct ike_certificates *s, struct ike_certificate *c, uint8_t role, bool cached);
/* The one with this DER, or in this PEM, held; NULL: there is none. Cheaper than parsing it again.
 */
struct ike_certificate *ike_certificates_find(
	const struct ike_certificates *s, struct bytes encoded);
const struct ike_stored_certificate *ike_certificates_get(
	const struct ike_certificates *s, size_t index); /* NULL: the end */
/* Whether it is there for an authority alone. */
bool ike_certificate_by_authority(const struct ike_stored_certificate *stored);
/* Those that carry a name: as their subject, or as a subjectAltName (equal, not matching a
 * pattern), in the order of loading. previous NULL: the first; NULL: no more. Cheap. */
const struct ike_stored_certificate *ike_certificates_by_name(const struct ike_certificates *s,
	const struct ike_identity *name, const struct ike_stored_certificate *previous);
/* By SHA-1 of the key's bits, SHA-1 of the whole SubjectPublicKeyInfo (what CERTREQ has), or the
 * certificate's own subjectKeyIdentifier. */
const struct ike_stored_certificate *ike_certificates_by_key_id(const struct ike_certificates *s,
	struct bytes id, const struct ike_stored_certificate *previous);
/* What is not cached goes, but authorities' CAs (clear-creds; keys are removed one by one, as the
 * host has to forget them); cached only (flush-certs). */
void ike_certificates_clear(struct ike_certificates *s);
void ike_certificates_flush(struct ike_certificates *s);
void ike_certificates_flush_crls(struct ike_certificates *s);
/* Of what is not cached and no authority's CA, all goes that is not wanted: what was loaded from
 * files that are gone. der: of a certificate or a CRL; wanted is asked for each. */
void ike_certificates_retain(struct ike_certificates *s,
	bool (*wanted)(const void *context, struct bytes der), const void *context);

/* CRLs: the newest of an issuer replaces older ones; deltas beside their base. Takes a reference.
 */
MUST_USE bool ike_certificates_add_crl(
	struct ike_certificates *s, struct ike_crl *crl, bool cached);
struct ike_crl *ike_certificates_crl(
	const struct ike_certificates *s, size_t index); /* NULL: the end */

/* Replaces one with the same public key; holds the key. Returns false when memory ran out. */
MUST_USE bool ike_certificates_add_key(
	struct ike_certificates *s, struct ike_public_key *key, uint64_t handle);
/* By key id; ret_handle: so that the host can forget it. */
bool ike_certificates_remove_key(
	struct ike_certificates *s, const uint8_t id[IKE_KEY_ID_LENGTH], uint64_t *ret_handle);
const struct ike_private_key *ike_certificates_key(const struct ike_certificates *s, size_t index);
/* The private key of a public one, or NULL. */
const struct ike_private_key *ike_certificates_key_of(
	const struct ike_certificates *s, const struct ike_public_key *key);

/* Adds or replaces by name; takes the structure over (heap). Its CA is an anchor while an authority
 * names it, or it was loaded besides. */
MUST_USE bool ike_certificates_add_authority(struct ike_certificates *s, struct ike_authority *a);
bool ike_certificates_remove_authority(struct ike_certificates *s, const char *name);
const struct ike_authority *ike_certificates_authority(
	const struct ike_certificates *s, size_t index);
void ike_authority_free(struct ike_authority *a);

#endif
