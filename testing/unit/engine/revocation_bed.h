/* An engine with a wall clock and an Internet of the test's own, for the tests of revocation. */
#ifndef TESTING_UNIT_ENGINE_REVOCATION_BED_H
#define TESTING_UNIT_ENGINE_REVOCATION_BED_H

#include "libike/crypto/ocsp.h"
#include "libike/engine.h"
#include "libike/revocation.h"
#include "testing/pki/ocsp.h"

#include <check.h>

#define BED_FETCHES_MAX 600

struct bed_fetch {
	uint64_t ticket;
	char url[200];
	struct bytes body; /* heap */
	bool answered;
};

struct bed {
	struct ike_engine *engine;
	ike_time now;
	int64_t wall;
	uint32_t ike_id; /* of the IKE SA that checks; bed_check() takes a new one */
	struct bed_fetch fetches[BED_FETCHES_MAX];
	size_t fetch_count;
	bool refuses; /* the host cannot fetch at all */
	/* What a server says; heap, empty: it is not there. NULL: nobody ever answers. */
	struct bytes (*serve)(void *context, const struct bed_fetch *fetch);
	void *context;
	struct ike_failure failure; /* of the last check */
	char log[8192];
};

struct bed *bed_new(void);
void bed_free(struct bed *b);
/* Time passes, and the engine is called when it wants to be. */
void bed_pass(struct bed *b, ike_time milliseconds);
/* As ike_revocation_check(); once. */
enum ike_trust bed_check_once(struct bed *b, const struct pki_certificate *certificate,
	const struct pki_certificate *issuer, uint8_t policy);
/* The same, with what is fetched answered, and time passing where nobody answers, until it is
 * decided. */
enum ike_trust bed_check(struct bed *b, const struct pki_certificate *certificate,
	const struct pki_certificate *issuer, uint8_t policy);
/* Answers what is under way; returns how many. */
size_t bed_answer(struct bed *b);
void bed_answer_one(struct bed *b, struct bed_fetch *f, struct bytes body, const char *error);
/* How often a URL was asked for. */
size_t bed_asked(const struct bed *b, const char *url);
/* Loads a CRL into the store, as load-cert does; frees der. */
void bed_load_crl(struct bed *b, struct bytes der);
/* An authority; uris end with NULL, and may be NULL. */
void bed_authority(struct bed *b, const struct pki_certificate *ca, const char *const *crl_uris,
	const char *const *ocsp_uris);

TCase *revocation_matrix_tests(void);
TCase *revocation_crl_tests(void);
TCase *revocation_ocsp_tests(void);
TCase *revocation_waiting_tests(void);

#endif
