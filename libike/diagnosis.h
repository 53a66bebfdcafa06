/*
 * Why a negotiation failed, in terms an operator can act on.
 *
 * One record serves the log, the answer to a command, events and --explain. It holds a reason that
 * code can branch on, what we had, what they had, and what it concerns. Never a secret: of keys it
 * says whose was looked for. failures.h keeps records, advice.h has the cure for each.
 */
#ifndef LIBIKE_DIAGNOSIS_H
#define LIBIKE_DIAGNOSIS_H

#include "libbase/why.h"

#include <stddef.h>
#include <stdint.h>

enum ike_reason {
	IKE_REASON_NONE,
	IKE_REASON_PEER_SILENT,       /* no answer to a request, in all its retransmissions */
	IKE_REASON_NO_CONNECTION,     /* no definition for these addresses or identities */
	IKE_REASON_NO_PROPOSAL,       /* no common IKE proposal */
	IKE_REASON_NO_CHILD_PROPOSAL, /* no common ESP or AH proposal */
	IKE_REASON_NO_SELECTORS,      /* no common traffic selectors */
	IKE_REASON_NO_SHARED_KEY,     /* no PSK for the two identities */
	IKE_REASON_AUTH_FAILED,       /* AUTH does not verify: PSKs differ */
	IKE_REASON_REFUSED_BY_PEER,   /* an error notify that says no more */
	IKE_REASON_WRONG_IDENTITY,    /* the peer is not whom the definition asks for */
	IKE_REASON_UNSUPPORTED,       /* wanted something that we can't do */
	IKE_REASON_PROTOCOL,          /* the peer broke the protocol */
	IKE_REASON_KERNEL,            /* the kernel refused an SA or policy */
	IKE_REASON_RESOURCES,         /* memory, limits */
	IKE_REASON_NO_ROUTE,          /* no local address to reach the peer from */
	IKE_REASON_TERMINATED,        /* by command or shutdown */
	IKE_REASON_REPLACED,          /* by a newer SA of the same peer */
	IKE_REASON_DELETED_BY_PEER,
	IKE_REASON_EXPIRED,         /* its hard lifetime, or its kernel SA, ended */
	IKE_REASON_INACTIVE,        /* no traffic for `inactivity` */
	IKE_REASON_NO_NAME,         /* the peer's name does not resolve */
	IKE_REASON_ADDRESS_CHANGED, /* what it was bound to is no longer ours, or the peer's */
	IKE_REASON_PFS,             /* all of a child's proposal is common but the key exchange */
	IKE_REASON_NOT_UNIQUE,      /* the peer has an IKE SA already, and that one stays */
	IKE_REASON_NO_CERTIFICATE,  /* none for the identity, the peer's or ours */
	IKE_REASON_UNTRUSTED,    /* a certificate's chain does not hold, or ends at no CA of ours */
	IKE_REASON_CERT_EXPIRED, /* a certificate is not valid now: no longer, or not yet */
	IKE_REASON_REVOKED,      /* by its CA */
	IKE_REASON_REVOCATION_UNKNOWN, /* whether it is could not be found out, and has to be */
	IKE_REASON_NO_PRIVATE_KEY,     /* of our certificate, or the host could not sign with it */
	IKE_REASON_POLICY, /* key, hash or signature is weaker than, or not among, what is allowed
			    */
	IKE_REASON_EAP,    /* the EAP method failed */
	IKE_REASON_NO_ADDRESS, /* no virtual address from the peer, or for it */
	IKE_REASON_PPK,        /* no post-quantum preshared key in common (RFC 8784) */
	IKE_REASON_REDIRECT, /* the peer redirects us, and we can't or must not follow (RFC 5685) */
	IKE_REASONS,
};

struct ike_failure {
	enum ike_reason reason;
	char *text;   /* heap: a sentence, what and whose */
	char *ours;   /* heap or NULL: our proposals, selectors, identities */
	char *theirs; /* heap or NULL */
	/* Heap or NULL: of ours and theirs, what has nothing in common: "integrity, key exchange",
	 * "remote_ts", IKE_DIFFERS_CLIENT. */
	char *differs;
	/* Heap or NULL: kernel modules that are missing here, as modprobe takes them. */
	char *modules;
	uint16_t notify; /* the peer's error notify; 0: we found it ourselves */
};

/* The peer's own selectors are none of the networks that %client stands for. */
#define IKE_DIFFERS_CLIENT "clients"

const char *ike_reason_name(enum ike_reason reason); /* "no-proposal", for machines */

/* Fills the record; ours and theirs may be NULL; all texts are copied. The first reason that was
 * set stays: it is the cause, later ones are consequences. */
PRINTF_LIKE(5, 6)
void ike_failure_set(struct ike_failure *f, enum ike_reason reason, const char *ours,
	const char *theirs, const char *format, ...);
/* The kernel did not install the child of that name. */
void ike_failure_set_kernel(struct ike_failure *f, const char *child, const struct why *why);
/* Adds to a record that was set what differs; copied. */
void ike_failure_set_differs(struct ike_failure *f, const char *differs);
void ike_failure_free(struct ike_failure *f);
void ike_failure_copy(struct ike_failure *ret, const struct ike_failure *from);

/* One line: "no proposal chosen: peer offers A; we accept B". Returns text. */
char *ike_failure_format(const struct ike_failure *f, char *text, size_t text_size);

#endif
