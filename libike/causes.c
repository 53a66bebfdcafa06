#include "libike/causes.h"

#include "libike/wire/numbers.h"

#include <string.h>

#define ANY_PHASE 0xff
#define PORT_NAT_T 4500

enum { EITHER, WE_FOUND, PEER_SAID };

/* Which records have it: of those of one reason the first row that fits. */
struct kind {
	enum ike_reason reason;
	const char *name;
	uint8_t phase;       /* ANY_PHASE */
	uint8_t said;        /* by whom */
	uint8_t version;     /* 0: of any */
	bool nat_t;          /* on its port alone */
	bool ours;           /* we have something that the failure names */
	bool modules;        /* some are missing */
	const char *differs; /* NULL: whatever it says */
};

#define REASON(r, n)                                           \
	{                                                      \
		.reason = (r), .name = (n), .phase = ANY_PHASE \
	}
#define DIFFERS(r, d, n)                                                       \
	{                                                                      \
		.reason = (r), .name = (n), .phase = ANY_PHASE, .differs = (d) \
	}
#define DIFFERS_IN_1(r, d, n)                                                                \
	{                                                                                    \
		.reason = (r), .name = (n), .phase = ANY_PHASE, .differs = (d), .version = 1 \
	}
#define SAID(r, d, n)                                                                             \
	{                                                                                         \
		.reason = (r), .name = (n), .phase = ANY_PHASE, .said = PEER_SAID, .differs = (d) \
	}

static const struct kind kinds[] = {
	DIFFERS_IN_1(IKE_REASON_PEER_SILENT, "xauth", "xauth-unanswered"),
	DIFFERS(IKE_REASON_PEER_SILENT, "address", "peer-answers-elsewhere"),
	{ IKE_REASON_PEER_SILENT, "no-answer", .phase = IKE_PHASE_INIT },
	{ IKE_REASON_PEER_SILENT, "port-4500-blocked", .phase = IKE_PHASE_AUTH, .nat_t = true },
	{ IKE_REASON_PEER_SILENT, "proof-unanswered", .phase = IKE_PHASE_AUTH },
	REASON(IKE_REASON_PEER_SILENT, "peer-gone"),
	DIFFERS(IKE_REASON_NO_CONNECTION, "version", "ike-version-differs"),
	DIFFERS_IN_1(IKE_REASON_NO_CONNECTION, "aggressive", "ike-mode-differs"),
	{ IKE_REASON_NO_CONNECTION, "unknown-identity", .phase = IKE_PHASE_AUTH },
	REASON(IKE_REASON_NO_CONNECTION, "unknown-peer"),
	DIFFERS_IN_1(IKE_REASON_NO_PROPOSAL, "auth", "auth-method-differs"),
	DIFFERS_IN_1(IKE_REASON_NO_PROPOSAL, "phase 1", "phase-1-refused"),
	REASON(IKE_REASON_NO_PROPOSAL, "ike-proposals-differ"),
	REASON(IKE_REASON_NO_CHILD_PROPOSAL, "esp-proposals-differ"),
	DIFFERS(IKE_REASON_NO_SELECTORS, IKE_DIFFERS_CLIENT, "client-networks-missing"),
	REASON(IKE_REASON_NO_SELECTORS, "selectors-differ"),
	DIFFERS_IN_1(IKE_REASON_NO_SHARED_KEY, "password", "no-password"),
	REASON(IKE_REASON_NO_SHARED_KEY, "no-shared-key"),
	DIFFERS_IN_1(IKE_REASON_AUTH_FAILED, "secret of phase 1, port 4500", "secret-differs"),
	DIFFERS_IN_1(IKE_REASON_AUTH_FAILED, "aggressive", "ike-mode-refused"),
	DIFFERS_IN_1(IKE_REASON_AUTH_FAILED, "phase 1", "phase-1-refused"),
	DIFFERS_IN_1(IKE_REASON_AUTH_FAILED, "identity", "identity-refused"),
	DIFFERS_IN_1(IKE_REASON_AUTH_FAILED, "password", "password-differs"),
	DIFFERS(IKE_REASON_AUTH_FAILED, "auth", "auth-method-differs"),
	DIFFERS(IKE_REASON_AUTH_FAILED, "signature", "signature-wrong"),
	SAID(IKE_REASON_AUTH_FAILED, "certificate", "certificate-refused"),
	SAID(IKE_REASON_AUTH_FAILED, "EAP", "user-refused"),
	REASON(IKE_REASON_AUTH_FAILED, "secret-differs"),
	REASON(IKE_REASON_REFUSED_BY_PEER, "refused-by-peer"),
	DIFFERS(IKE_REASON_WRONG_IDENTITY, "local.id", "local-id-differs"),
	DIFFERS_IN_1(IKE_REASON_WRONG_IDENTITY, "xauth_id", "user-not-allowed"),
	REASON(IKE_REASON_WRONG_IDENTITY, "remote-id-differs"),
	REASON(IKE_REASON_UNSUPPORTED, "unsupported"),
	REASON(IKE_REASON_PROTOCOL, "protocol-error"),
	{ IKE_REASON_KERNEL, "kernel-module-missing", .phase = ANY_PHASE, .modules = true },
	REASON(IKE_REASON_KERNEL, "kernel-refuses"),
	REASON(IKE_REASON_RESOURCES, "resources"),
	REASON(IKE_REASON_NO_ROUTE, "no-route-to-peer"),
	REASON(IKE_REASON_TERMINATED, "terminated"),
	REASON(IKE_REASON_REPLACED, "replaced"),
	REASON(IKE_REASON_DELETED_BY_PEER, "deleted-by-peer"),
	REASON(IKE_REASON_EXPIRED, "expired"),
	REASON(IKE_REASON_INACTIVE, "inactive"),
	REASON(IKE_REASON_NO_NAME, "name-not-resolved"),
	REASON(IKE_REASON_ADDRESS_CHANGED, "address-changed"),
	REASON(IKE_REASON_PFS, "pfs-differs"),
	REASON(IKE_REASON_NOT_UNIQUE, "not-unique"),
	DIFFERS(IKE_REASON_NO_CERTIFICATE, "local.certs", "no-certificate-of-ours"),
	REASON(IKE_REASON_NO_CERTIFICATE, "no-certificate-of-peer"),
	REASON(IKE_REASON_UNTRUSTED, "certificate-untrusted"),
	DIFFERS(IKE_REASON_CERT_EXPIRED, "clock", "clock-wrong"),
	REASON(IKE_REASON_CERT_EXPIRED, "certificate-expired"),
	REASON(IKE_REASON_REVOKED, "certificate-revoked"),
	REASON(IKE_REASON_REVOCATION_UNKNOWN, "revocation-unknown"),
	REASON(IKE_REASON_NO_PRIVATE_KEY, "no-private-key"),
	DIFFERS(IKE_REASON_POLICY, "groups", "group-not-allowed"),
	REASON(IKE_REASON_POLICY, "below-policy"),
	REASON(IKE_REASON_EAP, "eap-failed"),
	{ IKE_REASON_NO_ADDRESS, "pool-full", .phase = ANY_PHASE, .said = WE_FOUND, .ours = true },
	REASON(IKE_REASON_NO_ADDRESS, "no-virtual-address"),
	REASON(IKE_REASON_PPK, "ppk-differs"),
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static bool fits(const struct kind *k, const struct ike_failure_record *r)
{
	const struct ike_failure *f = &r->failure;

	/* nothing was sent yet is as the first message unanswered */
	return k->reason == f->reason &&
	       (k->phase == ANY_PHASE || k->phase == r->phase ||
		       (k->phase == IKE_PHASE_INIT && r->phase == IKE_PHASE_START)) &&
	       (k->said == EITHER || (k->said == PEER_SAID) == (f->notify != 0)) &&
	       (k->version == 0 || k->version == r->version) &&
	       (!k->nat_t || r->remote.port == PORT_NAT_T) && (!k->ours || f->ours) &&
	       (!k->modules || f->modules) &&
	       (!k->differs || (f->differs && strcmp(k->differs, f->differs) == 0));
}

const char *ike_cause_name(const struct ike_failure_record *record)
{
	for (size_t i = 0; i < KINDS; i++)
		if (fits(&kinds[i], record))
			return kinds[i].name;
	return ike_reason_name(record->failure.reason);
}

unsigned ike_cause_likelihood(const struct ike_failure_record *record)
{
	switch (record->failure.reason) {
	case IKE_REASON_TERMINATED:
	case IKE_REASON_REPLACED:
	case IKE_REASON_INACTIVE:
	case IKE_REASON_ADDRESS_CHANGED:
		return 20;
	case IKE_REASON_DELETED_BY_PEER:
	case IKE_REASON_EXPIRED:
		return 40;
	case IKE_REASON_PEER_SILENT:
	case IKE_REASON_REFUSED_BY_PEER:
		return 80;
	default:
		return 90;
	}
}

bool ike_cause_example(size_t index, struct ike_failure_record *ret)
{
	/* what is printed of it is not written to */
	static char text[] = "what the daemon found", ours[] = "OURS", theirs[] = "THEIRS",
		    child[] = "CHILD", modules[] = "MODULE", local_id[] = "LOCAL-ID",
		    remote_id[] = "REMOTE-ID";
	const struct kind *k = &kinds[index];

	if (index >= KINDS)
		return false;
	*ret = (struct ike_failure_record){
		.failure = { .reason = k->reason,
			.text = text,
			/* a pool that is full is what we have */
			.ours = k->reason == IKE_REASON_NO_ADDRESS && !k->ours ? NULL : ours,
			.theirs = theirs,
			.differs = (char *)(uintptr_t)k->differs,
			.modules = k->modules ? modules : NULL,
			.notify = k->said == PEER_SAID ? IKE_NOTIFY_AUTHENTICATION_FAILED : 0 },
		.child = child,
		.local_id = local_id,
		.remote_id = remote_id,
		.phase = k->phase == ANY_PHASE ? IKE_PHASE_ESTABLISHED : k->phase,
		.version = k->version ? k->version : 2,
		.we_initiated = true,
		.worked_at = IKE_NEVER,
	};
	(void)!address_parse("198.51.100.1", &ret->local);
	(void)!address_parse("203.0.113.1", &ret->remote);
	ret->remote.port = k->nat_t ? PORT_NAT_T : 500;
	return true;
}
