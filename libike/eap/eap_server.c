/* The server's side (RFC 3748 2): asks for the identity when told to, runs one method, and says how
 * it went. */
#include "libike/eap/eap_priv.h"

/* eap-dynamic begins with what needs no certificates; the peer may ask for another once. */
static uint8_t first_method(const struct ike_eap *eap)
{
	return eap->round->eap_method == IKE_EAP_METHOD_DYNAMIC ? IKE_EAP_METHOD_MSCHAPV2
								: eap->round->eap_method;
}

static enum ike_eap_result fail(struct ike_eap *eap, struct writer *ret)
{
	ike_eap_packet_finish(ret, ike_eap_packet_begin(ret, IKE_EAP_FAILURE, eap->identifier, 0));
	return IKE_EAP_FAILED;
}

/* Whom the method proved must be whom the definition asks for. */
static bool check_proved(struct ike_eap *eap, struct ike_failure *failure)
{
	char proved[IKE_IDENTITY_TEXT_MAX], wanted[IKE_IDENTITY_TEXT_MAX];
	const struct ike_identity *pattern = eap->round->eap_id;

	if (!pattern || !eap->proved || ike_identity_match(eap->proved, pattern))
		return true;
	ike_failure_set(failure, IKE_REASON_WRONG_IDENTITY, ike_identity_format(pattern, wanted),
		ike_identity_format(eap->proved, proved), "EAP identity is not the wanted one");
	ike_failure_set_differs(failure, "eap_id");
	return false;
}

/* Only a RADIUS server says which groups somebody is in, and has looked at them then. */
static bool check_groups(const struct ike_eap *eap, struct ike_failure *failure)
{
	if (eap->round->group_count == 0 || eap->method == &ike_eap_radius)
		return true;
	ike_failure_set(failure, IKE_REASON_POLICY, NULL, NULL,
		"%s proves no membership in a group", eap->method->label);
	ike_failure_set_differs(failure, "groups");
	return false;
}

static enum ike_eap_result succeed(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure)
{
	if (!check_proved(eap, failure) || !check_groups(eap, failure))
		return fail(eap, ret);
	ike_log(eap->e, eap->sa, IKE_LOG_IKE, IKE_LOG_INFO, "EAP method %s succeeded, %s",
		eap->method->label, eap->msk.length ? "MSK established" : "no MSK established");
	ike_eap_packet_finish(ret, ike_eap_packet_begin(ret, IKE_EAP_SUCCESS, eap->identifier, 0));
	return IKE_EAP_DONE;
}

/* The step's type-data lie behind a header at begin, of a request with the next identifier. */
static enum ike_eap_result finish(struct ike_eap *eap, size_t begin, enum ike_eap_step step,
	struct writer *ret, struct ike_failure *failure)
{
	if (step == IKE_EAP_STEP_SEND && !ret->bad) {
		if (eap->method && eap->method->whole_packets) {
			eap->identifier = ret->at[begin + 1];
		} else {
			eap->identifier++;
			ike_eap_packet_finish(ret, begin);
		}
		return IKE_EAP_SEND;
	}
	*ret = (struct writer){ ret->at, begin, ret->capacity, false };
	switch (step) {
	case IKE_EAP_STEP_SUCCESS:
		return succeed(eap, ret, failure);
	case IKE_EAP_STEP_WAIT:
		return IKE_EAP_WAIT;
	default:
		ike_failure_set(
			failure, IKE_REASON_RESOURCES, NULL, NULL, "EAP: the packet is too long");
		return fail(eap, ret);
	}
}

static size_t begin_request(const struct ike_eap *eap, uint8_t type, struct writer *ret)
{
	if (eap->method && eap->method->whole_packets)
		return ret->length;
	return ike_eap_packet_begin(ret, IKE_EAP_REQUEST, (uint8_t)(eap->identifier + 1), type);
}

static enum ike_eap_result begin_method(
	struct ike_eap *eap, uint8_t type, struct writer *ret, struct ike_failure *failure)
{
	eap->method = ike_eap_method_find(type);
	eap->stage = IKE_EAP_STAGE_METHOD;
	if (!eap->method || !eap->method->server) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"%s cannot be done as server", ike_eap_method_name(type));
		return fail(eap, ret);
	}
	size_t begin = begin_request(eap, type, ret);
	enum ike_eap_step step = eap->method->server->begin(eap, ret, failure);

	if (step == IKE_EAP_STEP_SEND)
		ike_log(eap->e, eap->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"initiating %s method (id 0x%02X)", eap->method->label,
			(uint8_t)(eap->identifier + 1));
	return finish(eap, begin, step, ret, failure);
}

enum ike_eap_result ike_eap_server_begin(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure)
{
	const struct ike_identity *configured = eap->round->eap_id;

	if (!ike_crypto_random(eap->e->crypto, &eap->identifier, sizeof(eap->identifier))) {
		ike_eap_fail_resources(failure, "no randomness");
		return fail(eap, ret);
	}
	if (eap->claimed)
		return begin_method(eap, first_method(eap), ret, failure);
	if (configured && ike_identity_is_wildcard(configured)) {
		eap->stage = IKE_EAP_STAGE_IDENTITY;
		return finish(eap, begin_request(eap, IKE_EAP_TYPE_IDENTITY, ret),
			IKE_EAP_STEP_SEND, ret, failure);
	}
	const struct ike_identity *claimed = configured ? configured : ike_eap_ike_peer(eap);
	if (!claimed) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"EAP for a peer that has not said who it is");
		return fail(eap, ret);
	}
	eap->claimed = ike_identity_hold((struct ike_identity *)claimed);
	return begin_method(eap, first_method(eap), ret, failure);
}

/* ---- The peer's packets ---- */

static enum ike_eap_result take_identity(struct ike_eap *eap, const struct ike_eap_packet *packet,
	struct writer *ret, struct ike_failure *failure)
{
	char text[IKE_EAP_NAME_MAX + 1];

	ike_eap_printable(packet->data, text, sizeof(text));
	if (packet->type != IKE_EAP_TYPE_IDENTITY) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer does not answer when asked for its EAP identity");
		return fail(eap, ret);
	}
	eap->claimed = ike_eap_identity_of(packet->data);
	if (!eap->claimed) {
		ike_failure_set(failure, IKE_REASON_WRONG_IDENTITY, NULL, text,
			"peer's EAP identity is none");
		return fail(eap, ret);
	}
	ike_log(eap->e, eap->sa, IKE_LOG_IKE, IKE_LOG_INFO, "received EAP identity '%s'", text);
	return begin_method(eap, first_method(eap), ret, failure);
}

/* Which of the methods in a Legacy Nak (RFC 3748 5.3.1) eap-dynamic can go on with; 0: none. */
static uint8_t choose_other(const struct ike_eap *eap, struct bytes wanted)
{
	if (eap->round->eap_method != IKE_EAP_METHOD_DYNAMIC)
		return 0;
	for (size_t i = 0; i < wanted.length; i++) {
		const struct ike_eap_kind *m = ike_eap_method_find(wanted.at[i]);

		if (m && m->server && m != eap->method && m->type < IKE_EAP_METHOD_DYNAMIC)
			return m->type;
	}
	return 0;
}

static enum ike_eap_result take_nak(struct ike_eap *eap, const struct ike_eap_packet *packet,
	struct writer *ret, struct ike_failure *failure)
{
	uint8_t other = eap->proceeds ? 0 : choose_other(eap, packet->data);
	uint8_t wanted = packet->data.length > 0 ? packet->data.at[0] : 0;

	eap->proceeds = true; /* once */
	if (other) {
		ike_eap_drop_method(eap);
		return begin_method(eap, other, ret, failure);
	}
	if (wanted)
		ike_failure_set(failure, IKE_REASON_EAP, eap->method->label, NULL,
			"peer refuses the EAP method, it wants %s (type %u)",
			ike_eap_method_name(wanted), wanted);
	else
		ike_failure_set(failure, IKE_REASON_EAP, eap->method->label, NULL,
			"peer refuses the EAP method, and wants no other");
	ike_failure_set_differs(failure, "auth");
	return fail(eap, ret);
}

enum ike_eap_result ike_eap_server_packet(struct ike_eap *eap, const struct ike_eap_packet *packet,
	struct writer *ret, struct ike_failure *failure)
{
	if (packet->code != IKE_EAP_RESPONSE || packet->identifier != eap->identifier) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer's EAP packet is not the response to request 0x%02X", eap->identifier);
		return fail(eap, ret);
	}
	if (eap->stage == IKE_EAP_STAGE_IDENTITY)
		return take_identity(eap, packet, ret, failure);
	bool whole = eap->method->whole_packets;

	if (!whole && packet->type == IKE_EAP_TYPE_NAK)
		return take_nak(eap, packet, ret, failure);
	if (!whole && packet->type != eap->method->type) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer answers %s with EAP type %u", eap->method->label, packet->type);
		return fail(eap, ret);
	}
	eap->proceeds = true;
	size_t begin = begin_request(eap, eap->method->type, ret);
	struct bytes data = whole ? packet->whole : packet->data;

	return finish(
		eap, begin, eap->method->server->packet(eap, data, ret, failure), ret, failure);
}

enum ike_eap_result ike_eap_server_resume(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure)
{
	size_t begin = begin_request(eap, eap->method->type, ret);

	return finish(eap, begin, eap->method->server->resume(eap, ret, failure), ret, failure);
}
