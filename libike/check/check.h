/*
 * Judging what is loaded as a whole: what each definition, secret or certificate for itself does
 * not show. `swanctl-lite --check` asks for it, of a daemon that is running or of one that was
 * started for the purpose.
 *
 * Pure: the model goes in, findings come out, and what time it is comes as a parameter. A finding
 * is a row of the table of codes, whose names are stable, with the place that it is about and a
 * sentence. Severity: an error keeps something from working, a warning is likely not what was
 * meant or unsafe, a note is worth knowing and nothing more.
 *
 * It goes in steps, each of one child, connection, secret, certificate or pool, so that a daemon
 * serves others in between. What is compared with all others is found by an index of them: the
 * whole grows about as the number of definitions does.
 */
#ifndef LIBIKE_CHECK_CHECK_H
#define LIBIKE_CHECK_CHECK_H

#include "libike/model/certificates.h"
#include "libike/model/clients.h"
#include "libike/model/connection.h"
#include "libike/model/credentials.h"
#include "libike/model/pools.h"

enum ike_check_severity { IKE_CHECK_NOTE, IKE_CHECK_WARNING, IKE_CHECK_ERROR };

/* In the order of the table. */
enum ike_check_code {
	/* proposals.c */
	IKE_CHECK_WEAK_ENCRYPTION,
	IKE_CHECK_NO_ENCRYPTION,
	IKE_CHECK_WEAK_INTEGRITY,
	IKE_CHECK_WEAK_PRF,
	IKE_CHECK_SHA1,
	IKE_CHECK_WEAK_GROUP,
	IKE_CHECK_LEFT_OUT,
	IKE_CHECK_PROPOSAL_TWICE,
	IKE_CHECK_PFS_MIXED,
	IKE_CHECK_NO_PFS,
	IKE_CHECK_NOT_IN_IKEV1,
	IKE_CHECK_AH_BEHIND_NAT,
	/* selectors.c */
	IKE_CHECK_SELECTORS_TWICE,
	IKE_CHECK_SELECTORS_OVERLAP,
	IKE_CHECK_SELECTORS_CONTAINED,
	IKE_CHECK_SELECTORS_MANY,
	IKE_CHECK_SAME_NETWORK,
	IKE_CHECK_SELECTORS_ALL,
	IKE_CHECK_TRANSPORT_NETWORK,
	IKE_CHECK_NO_COMMON_FAMILY,
	IKE_CHECK_IKEV1_SELECTORS,
	IKE_CHECK_CLIENTS_MISSING,
	IKE_CHECK_CLIENT_UNPROVED,
	/* candidates.c */
	IKE_CHECK_SHADOWED,
	IKE_CHECK_IKEV1_PSK_ANY,
	IKE_CHECK_NO_CHILDREN,
	IKE_CHECK_START_NOBODY,
	/* proofs.c */
	IKE_CHECK_NO_SECRET,
	IKE_CHECK_SECRET_OF_ANOTHER,
	IKE_CHECK_NO_EAP_SECRET,
	IKE_CHECK_NO_PPK,
	IKE_CHECK_NO_CERTIFICATE,
	IKE_CHECK_CERTIFICATE_WITHOUT_KEY,
	IKE_CHECK_IDENTITY_NOT_PROVED,
	IKE_CHECK_SAME_IDENTITY,
	IKE_CHECK_NO_AUTHORITY,
	IKE_CHECK_NO_CHAIN,
	IKE_CHECK_AGGRESSIVE_PSK,
	IKE_CHECK_SECRET_UNUSED,
	/* certificates.c */
	IKE_CHECK_EXPIRED,
	IKE_CHECK_EXPIRES_SOON,
	IKE_CHECK_NOT_YET_VALID,
	IKE_CHECK_WEAK_CERTIFICATE,
	IKE_CHECK_KEY_WITHOUT_CERTIFICATE,
	IKE_CHECK_AUTHORITY_UNUSED,
	/* numbers.c */
	IKE_CHECK_LIFE_BEFORE_REKEY,
	IKE_CHECK_REKEYED_TOO_OFTEN,
	IKE_CHECK_NEVER_REKEYED,
	IKE_CHECK_IF_ID_ONE_WAY,
	IKE_CHECK_IF_IDS_DIFFER,
	IKE_CHECK_MARK_ONE_WAY,
	IKE_CHECK_REQID_TWICE,
	/* pools.c */
	IKE_CHECK_POOL_MISSING,
	IKE_CHECK_POOL_UNUSED,
	IKE_CHECK_POOLS_OVERLAP,
	IKE_CHECK_POOL_SMALL,
	IKE_CHECK_POOL_IN_NETWORK,
	IKE_CHECK_POOL_WITHOUT_DYNAMIC,
	IKE_CHECK_VIPS_WITHOUT_DYNAMIC,
	IKE_CHECK_VIPS_AND_POOLS,
	IKE_CHECK_CODES,
};

struct ike_check_row {
	const char *name; /* "weak-group": never changes */
	uint8_t severity;
	const char *what;    /* for lists of codes: what was found */
	const char *why;     /* what comes of it */
	const char *instead; /* what to write instead, or do */
};

const struct ike_check_row *ike_check_row(enum ike_check_code code);

#define IKE_CHECK_TEXT_MAX 600

/* Texts and names are borrowed, for as long as the report's call lasts. */
struct ike_finding {
	enum ike_check_code code;
	const char *kind;  /* what it is about: "connection", "secret", "pool", "authority",
			      "client", "certificate", "key" */
	const char *name;  /* of that; a certificate's subject, a key's id in hexadecimal */
	const char *child; /* of a connection, or NULL */
	const char *side;  /* of a connection: "local", "remote", or NULL */
	size_t round;      /* of the side, in their order, from 0 */
	const char *key;   /* as swanctl.conf(5) calls it, or NULL */
	const char *text;
};

typedef void ike_check_report(void *context, const struct ike_finding *finding);

struct ike_check_model {
	/* In the order of loading; copied, and each of them held. */
	const struct ike_connection *const *connections;
	size_t connection_count;
	/* These outlive the check. What is in them may change between its steps: what comes or goes
	 * meanwhile is judged or not. */
	const struct ike_credentials *credentials;
	const struct ike_certificates *certificates;
	const struct ike_pools *pools;
	const struct ike_clients *clients;
	int64_t now; /* seconds since 1970 UTC */
};

struct ike_check;

struct ike_check *ike_check_new(const struct ike_check_model *model); /* NULL: no memory */
void ike_check_free(struct ike_check *k);                             /* NULL is fine */

/* A step, which reports what it finds. False: all was judged before. */
bool ike_check_next(struct ike_check *k, ike_check_report *report, void *context);
/* Whether memory ran out, so that something may not have been found. */
bool ike_check_is_incomplete(const struct ike_check *k);
/* How many definitions were compared with others up to now: what a step costs, for tests. */
uint64_t ike_check_work(const struct ike_check *k);

#endif
