/*
 * EAP inside IKE_AUTH (RFC 7296 2.16, RFC 5998), in both roles: eap/eap.h has the conversation,
 * here its packets are moved, and AUTH is made of what it ends with.
 */
#include "libike/ikev2/auth.h"

#include <stdlib.h>

static enum ike_progress keep(
	struct ike_auth *a, const struct writer *w, struct ike_failure *failure)
{
	free((void *)a->eap_out.at);
	a->eap_out = bytes_duplicate(writer_bytes(w));
	if (a->eap_out.at || (w->length == 0 && !w->bad))
		return IKE_PROGRESS_DONE;
	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "no room for an EAP packet");
	return IKE_PROGRESS_FAILED;
}

/* What became of one packet. */
static enum ike_progress moved(struct ike_auth *a, enum ike_eap_result result,
	const struct writer *w, struct ike_failure *failure)
{
	enum ike_progress kept;

	a->eap_waits = result == IKE_EAP_WAIT;
	if (a->eap_waits) {
		a->waits_for = "the EAP method";
		return IKE_PROGRESS_WAIT;
	}
	kept = keep(a, w, failure);
	if (result == IKE_EAP_FAILED) {
		ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL, "EAP failed");
		return IKE_PROGRESS_FAILED;
	}
	a->exchange = result == IKE_EAP_DONE ? IKE_AUTH_EAP_AUTH : IKE_AUTH_EAP;
	return kept;
}

enum ike_progress ike_auth_eap_begin(struct ike_auth *a, struct ike_failure *failure)
{
	uint8_t packet[IKE_EAP_PACKET_MAX];
	struct writer w = writer_of(packet, sizeof(packet));

	if (a->eap_waits)
		return moved(a, ike_eap_resume(a->eap, &w, failure), &w, failure);
	ike_eap_free(a->eap);
	a->eap = ike_eap_server_new(a->e, a->sa, ike_auth_theirs(a));
	if (!a->eap) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return IKE_PROGRESS_FAILED;
	}
	return moved(a, ike_eap_begin(a->eap, &w, failure), &w, failure);
}

enum ike_progress ike_auth_eap_packet(
	struct ike_auth *a, struct bytes received, struct ike_failure *failure)
{
	uint8_t packet[IKE_EAP_PACKET_MAX];
	struct writer w = writer_of(packet, sizeof(packet));

	if (a->eap_waits)
		return moved(a, ike_eap_resume(a->eap, &w, failure), &w, failure);
	if (!a->eap)
		a->eap = ike_eap_client_new(a->e, a->sa, ike_auth_ours(a));
	if (!a->eap) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return IKE_PROGRESS_FAILED;
	}
	return moved(a, ike_eap_packet(a->eap, received, &w, failure), &w, failure);
}

void ike_auth_build_eap(struct ike_auth *a, struct ike_builder *b)
{
	if (a->eap_out.length > 0)
		ike_build_eap(b, a->eap_out);
	free((void *)a->eap_out.at);
	a->eap_out = (struct bytes){ 0 };
}

/* The MSK; of a method that makes none, what each side has of the key exchange. */
static struct bytes key_of(const struct ike_auth *a, bool ours)
{
	struct bytes msk = ike_eap_msk(a->eap);

	return msk.length > 0 ? msk : ike_keys_auth_key(a->sa, ours == a->sa->initiator);
}

enum ike_progress ike_auth_eap_prove(struct ike_auth *a, struct ike_failure *failure)
{
	if (ike_auth_prove_shared(a, key_of(a, true)))
		return IKE_PROGRESS_DONE;
	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "AUTH failed");
	return IKE_PROGRESS_FAILED;
}

/* Who proved it. What the peer called itself in IDi counts for nothing, unless the method proved
 * the same. */
static bool take_identity(struct ike_received *x, struct ike_auth *a)
{
	const struct ike_auth_round *round = ike_auth_theirs(a);
	struct ike_identity *id = ike_eap_identity(a->eap);
	char is[IKE_IDENTITY_TEXT_MAX], claimed[IKE_IDENTITY_TEXT_MAX];

	if (x->sa->initiator || !id)
		return true;
	/* A RADIUS server may know the user by another name, if that fits the definition. */
	bool renamed = round->eap_method == IKE_EAP_METHOD_RADIUS &&
		       (!round->id || ike_identity_match(id, round->id) != IKE_MATCH_NONE);
	if (!round->eap_id && !renamed && !ike_identity_equal(id, a->peer_id)) {
		ike_failure_set(x->failure, IKE_REASON_WRONG_IDENTITY, NULL, NULL,
			"peer calls itself '%s' and proved by EAP to be '%s'",
			ike_identity_format(a->peer_id, claimed), ike_identity_format(id, is));
		ike_failure_set_differs(x->failure, "remote.eap_id");
		return false;
	}
	if (!x->sa->remote_eap_id)
		x->sa->remote_eap_id = ike_identity_hold(id);
	return true;
}

/* RFC 5998: whether the method proved the responder as well, if nothing else does. */
static bool check_mutual(struct ike_received *x, const struct ike_auth *a)
{
	if (!a->eap_only || ike_eap_is_mutual(a->eap))
		return true;
	ike_failure_set(x->failure, IKE_REASON_POLICY, NULL, NULL,
		"EAP alone proves only one side by this method (RFC 5998), '%s' demands both",
		a->connection->name);
	return false;
}

enum ike_progress ike_auth_eap_verify(struct ike_received *x)
{
	struct ike_auth *a = x->sa->negotiation->auth;
	char theirs[IKE_IDENTITY_TEXT_MAX];

	if (!ike_auth_verify_shared(x, key_of(a, false))) {
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"AUTH of '%s' does not verify with the key that EAP made",
			ike_identity_format(a->peer_id, theirs));
		return IKE_PROGRESS_FAILED;
	}
	return check_mutual(x, a) && take_identity(x, a) ? IKE_PROGRESS_DONE : IKE_PROGRESS_FAILED;
}
