/* The client's side (RFC 3748 2): says who we are, takes the method that the server proposes or
 * names those that we can, and believes a success only of a method that has succeeded. */
#include "libike/eap/eap_priv.h"

static enum ike_eap_result protocol(struct ike_failure *failure, const char *what)
{
	ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL, "EAP server %s", what);
	return IKE_EAP_FAILED;
}

static enum ike_eap_result finish(struct ike_eap *eap, size_t begin, enum ike_eap_step step,
	struct writer *ret, struct ike_failure *failure)
{
	(void)eap;
	if (step == IKE_EAP_STEP_WAIT) {
		ret->length = begin;
		return IKE_EAP_WAIT;
	}
	if (step == IKE_EAP_STEP_SEND && !ret->bad) {
		ike_eap_packet_finish(ret, begin);
		return IKE_EAP_SEND;
	}
	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "EAP: the packet is too long");
	return IKE_EAP_FAILED;
}

static size_t begin_response(struct ike_eap *eap, uint8_t type, struct writer *ret)
{
	return ike_eap_packet_begin(ret, IKE_EAP_RESPONSE, eap->identifier, type);
}

static bool allowed(const struct ike_eap *eap, const struct ike_eap_kind *m)
{
	uint8_t wanted = eap->round->eap_method;

	/* Nobody has proved anything yet: a server that is none could try passwords on the answer.
	 */
	return m && m->client && (m->mutual || !ike_eap_is_alone(eap)) &&
	       (!m->mutual || eap->password.length == 0) && /* a certificate is no password */
	       (wanted == IKE_EAP_METHOD_ANY || wanted == IKE_EAP_METHOD_DYNAMIC ||
		       wanted == m->type);
}

static enum ike_eap_result refuse_method(
	struct ike_eap *eap, uint8_t type, struct writer *ret, struct ike_failure *failure)
{
	size_t begin = begin_response(eap, IKE_EAP_TYPE_NAK, ret);
	size_t before = ret->length;

	(void)failure;
	for (size_t i = 0; ike_eap_method_at(i); i++)
		if (allowed(eap, ike_eap_method_at(i)))
			writer_u8(ret, ike_eap_method_at(i)->type);
	if (ret->length == before)
		writer_u8(ret, 0); /* RFC 3748 5.3.1: no alternative */
	ike_eap_packet_finish(ret, begin);
	ike_log(eap->e, eap->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"server requested %s (type %u, id 0x%02X), which the definition does not allow: "
		"asking for another",
		ike_eap_method_name(type), type, eap->identifier);
	return IKE_EAP_SEND;
}

static enum ike_eap_result send_identity(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure)
{
	char text[IKE_IDENTITY_TEXT_MAX];
	size_t begin = begin_response(eap, IKE_EAP_TYPE_IDENTITY, ret);

	if (!ike_eap_identity_put(ret, eap->claimed))
		return protocol(failure, "cannot be told our identity: it is too long");
	ike_eap_packet_finish(ret, begin);
	ike_log(eap->e, eap->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"server requested EAP_IDENTITY (id 0x%02X), sending '%s'", eap->identifier,
		ike_identity_format(eap->claimed, text));
	return IKE_EAP_SEND;
}

static enum ike_eap_result take_notification(
	struct ike_eap *eap, struct bytes data, struct writer *ret)
{
	char text[128];

	ike_log(eap->e, eap->sa, IKE_LOG_IKE, IKE_LOG_INFO, "EAP server says: '%s'",
		ike_eap_printable(data, text, sizeof(text)));
	ike_eap_packet_finish(ret, begin_response(eap, IKE_EAP_TYPE_NOTIFICATION, ret));
	return IKE_EAP_SEND;
}

static enum ike_eap_result take_method(struct ike_eap *eap, const struct ike_eap_packet *packet,
	struct writer *ret, struct ike_failure *failure)
{
	if (!eap->method) {
		const struct ike_eap_kind *m = ike_eap_method_find(packet->type);

		if (!allowed(eap, m))
			return refuse_method(eap, packet->type, ret, failure);
		ike_log(eap->e, eap->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"server requested %s authentication (id 0x%02X)", m->label,
			eap->identifier);
		eap->method = m;
		eap->stage = IKE_EAP_STAGE_METHOD;
	}
	if (packet->type != eap->method->type)
		return protocol(failure, "changes the method while it is under way");
	size_t begin = begin_response(eap, packet->type, ret);

	return finish(eap, begin, eap->method->client->packet(eap, packet->data, ret, failure), ret,
		failure);
}

static enum ike_eap_result take_request(struct ike_eap *eap, const struct ike_eap_packet *packet,
	struct writer *ret, struct ike_failure *failure)
{
	/* RFC 3748 4.1: a new request has a new identifier; copies do not come in IKE. */
	if (eap->answered && packet->identifier == eap->identifier)
		return protocol(failure, "repeats a request");
	eap->answered = true;
	eap->identifier = packet->identifier;
	switch (packet->type) {
	case IKE_EAP_TYPE_IDENTITY:
		if (eap->method)
			return protocol(failure, "asks for the identity in the middle of a method");
		return send_identity(eap, ret, failure);
	case IKE_EAP_TYPE_NOTIFICATION:
		return take_notification(eap, packet->data, ret);
	case IKE_EAP_TYPE_NAK:
		return protocol(failure, "sends a Nak");
	default:
		return take_method(eap, packet, ret, failure);
	}
}

static enum ike_eap_result take_success(
	struct ike_eap *eap, const struct ike_eap_packet *packet, struct ike_failure *failure)
{
	if (!eap->succeeded) {
		ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL,
			"EAP server says success, but %s has not succeeded",
			eap->method ? eap->method->label : "no method");
		return IKE_EAP_FAILED;
	}
	if (packet->identifier != eap->identifier)
		return protocol(failure, "says success to a response that is not ours");
	ike_log(eap->e, eap->sa, IKE_LOG_IKE, IKE_LOG_INFO, "EAP method %s succeeded, %s",
		eap->method->label, eap->msk.length ? "MSK established" : "no MSK established");
	eap->proved = ike_identity_hold(eap->claimed);
	return IKE_EAP_DONE;
}

static enum ike_eap_result take_failure(struct ike_eap *eap, struct ike_failure *failure)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL, "EAP server refuses '%s'%s%s%s%s",
		ike_identity_format(eap->claimed, text), eap->method ? " by " : "",
		eap->method ? eap->method->label : "", *eap->refusal ? ": " : "", eap->refusal);
	return IKE_EAP_FAILED;
}

static bool claim(struct ike_eap *eap, struct ike_failure *failure)
{
	struct ike_identity *id = eap->round->eap_id;

	if (!id || ike_identity_is_wildcard(id))
		id = ike_eap_ike_own(eap);
	if (id && !ike_identity_is_wildcard(id))
		eap->claimed = ike_identity_hold(id);
	else
		ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL,
			"there is no identity of ours for EAP: eap_id or id has to name one");
	return eap->claimed != NULL;
}

enum ike_eap_result ike_eap_client_packet(struct ike_eap *eap, const struct ike_eap_packet *packet,
	struct writer *ret, struct ike_failure *failure)
{
	if (!eap->claimed && !claim(eap, failure))
		return IKE_EAP_FAILED;
	switch (packet->code) {
	case IKE_EAP_REQUEST:
		return take_request(eap, packet, ret, failure);
	case IKE_EAP_SUCCESS:
		return take_success(eap, packet, failure);
	case IKE_EAP_FAILURE:
		return take_failure(eap, failure);
	default:
		return protocol(failure, "sends a response");
	}
}

enum ike_eap_result ike_eap_client_resume(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure)
{
	size_t begin = begin_response(eap, eap->method->type, ret);

	return finish(eap, begin, eap->method->client->resume(eap, ret, failure), ret, failure);
}
