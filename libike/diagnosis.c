#include "libike/diagnosis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const reason_names[] = {
	[IKE_REASON_NONE] = "none",
	[IKE_REASON_PEER_SILENT] = "peer-silent",
	[IKE_REASON_NO_CONNECTION] = "no-connection",
	[IKE_REASON_NO_PROPOSAL] = "no-proposal",
	[IKE_REASON_NO_CHILD_PROPOSAL] = "no-child-proposal",
	[IKE_REASON_NO_SELECTORS] = "no-selectors",
	[IKE_REASON_NO_SHARED_KEY] = "no-shared-key",
	[IKE_REASON_AUTH_FAILED] = "authentication-failed",
	[IKE_REASON_REFUSED_BY_PEER] = "refused-by-peer",
	[IKE_REASON_WRONG_IDENTITY] = "wrong-identity",
	[IKE_REASON_UNSUPPORTED] = "unsupported",
	[IKE_REASON_PROTOCOL] = "protocol-error",
	[IKE_REASON_KERNEL] = "kernel",
	[IKE_REASON_RESOURCES] = "resources",
	[IKE_REASON_NO_ROUTE] = "no-route",
	[IKE_REASON_TERMINATED] = "terminated",
	[IKE_REASON_REPLACED] = "replaced",
	[IKE_REASON_DELETED_BY_PEER] = "deleted-by-peer",
	[IKE_REASON_EXPIRED] = "expired",
	[IKE_REASON_INACTIVE] = "inactive",
	[IKE_REASON_NO_NAME] = "name-not-resolved",
	[IKE_REASON_ADDRESS_CHANGED] = "address-changed",
	[IKE_REASON_PFS] = "pfs-mismatch",
	[IKE_REASON_NOT_UNIQUE] = "not-unique",
	[IKE_REASON_NO_CERTIFICATE] = "no-certificate",
	[IKE_REASON_UNTRUSTED] = "untrusted-certificate",
	[IKE_REASON_CERT_EXPIRED] = "certificate-not-valid-now",
	[IKE_REASON_REVOKED] = "certificate-revoked",
	[IKE_REASON_REVOCATION_UNKNOWN] = "revocation-unknown",
	[IKE_REASON_NO_PRIVATE_KEY] = "no-private-key",
	[IKE_REASON_POLICY] = "below-policy",
	[IKE_REASON_EAP] = "eap-failed",
	[IKE_REASON_NO_ADDRESS] = "no-virtual-address",
	[IKE_REASON_PPK] = "ppk",
	[IKE_REASON_REDIRECT] = "redirect",
};

const char *ike_reason_name(enum ike_reason reason)
{
	return reason_names[reason];
}

void ike_failure_set(struct ike_failure *f, enum ike_reason reason, const char *ours,
	const char *theirs, const char *format, ...)
{
	struct why text;
	va_list arguments;

	if (f->reason != IKE_REASON_NONE)
		return;
	va_start(arguments, format);
	vsnprintf(text.text, sizeof(text.text), format, arguments);
	va_end(arguments);
	f->reason = reason;
	f->text = strdup(text.text);
	f->ours = ours ? strdup(ours) : NULL;
	f->theirs = theirs ? strdup(theirs) : NULL;
}

void ike_failure_set_kernel(struct ike_failure *f, const char *child, const struct why *why)
{
	if (f->reason != IKE_REASON_NONE)
		return;
	ike_failure_set(f, IKE_REASON_KERNEL, NULL, NULL, "installing CHILD_SA '%s' failed: %s",
		child, why->text);
	f->modules = why->modules[0] ? strdup(why->modules) : NULL;
}

void ike_failure_set_differs(struct ike_failure *f, const char *differs)
{
	if (f->reason == IKE_REASON_NONE || f->differs || !differs[0])
		return;
	f->differs = strdup(differs);
}

void ike_failure_free(struct ike_failure *f)
{
	free(f->differs);
	free(f->modules);
	free(f->text);
	free(f->ours);
	free(f->theirs);
	*f = (struct ike_failure){ 0 };
}

void ike_failure_copy(struct ike_failure *ret, const struct ike_failure *from)
{
	struct ike_failure copy = { .reason = from->reason, .notify = from->notify };

	copy.text = from->text ? strdup(from->text) : NULL;
	copy.ours = from->ours ? strdup(from->ours) : NULL;
	copy.theirs = from->theirs ? strdup(from->theirs) : NULL;
	copy.differs = from->differs ? strdup(from->differs) : NULL;
	copy.modules = from->modules ? strdup(from->modules) : NULL;
	ike_failure_free(ret);
	*ret = copy;
}

char *ike_failure_format(const struct ike_failure *f, char *text, size_t text_size)
{
	int used = snprintf(text, text_size, "%s", f->text ? f->text : ike_reason_name(f->reason));
	size_t length = used < 0 ? 0 : (size_t)used;

	if (length < text_size && f->differs)
		length += (size_t)snprintf(
			text + length, text_size - length, "; what differs: %s", f->differs);
	if (length < text_size && f->theirs)
		length += (size_t)snprintf(
			text + length, text_size - length, "; peer has: %s", f->theirs);
	if (length < text_size && f->ours)
		snprintf(text + length, text_size - length, "; we have: %s", f->ours);
	return text;
}
