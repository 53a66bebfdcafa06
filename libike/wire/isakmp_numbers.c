/* IKEv1's numbers in strongSwan's words (RFC 2408, 2407, 3706, 3947). */
#include "libike/wire/isakmp.h"

#include <stdio.h>

const char *isakmp_payload_name(uint8_t type)
{
	static const char *const names[] = { NULL, "SA", "P", "T", "KE", "ID", "CERT", "CERTREQ",
		"HASH", "SIG", "No", "N", "D", "V", "CP", NULL, NULL, NULL, NULL, NULL, "NAT-D",
		"NAT-OA" };

	switch (type) {
	case ISAKMP_PAYLOAD_NAT_D_DRAFT:
		return "NAT-D";
	case ISAKMP_PAYLOAD_NAT_OA_DRAFT:
		return "NAT-OA";
	case ISAKMP_PAYLOAD_FRAGMENT:
		return "FRAG";
	default:
		return type < sizeof(names) / sizeof(*names) ? names[type] : NULL;
	}
}

const char *isakmp_exchange_name(uint8_t type)
{
	switch (type) {
	case ISAKMP_EXCHANGE_MAIN:
		return "ID_PROT";
	case ISAKMP_EXCHANGE_AGGRESSIVE:
		return "AGGRESSIVE";
	case ISAKMP_EXCHANGE_INFORMATIONAL:
		return "INFORMATIONAL_V1";
	case ISAKMP_EXCHANGE_TRANSACTION:
		return "TRANSACTION";
	case ISAKMP_EXCHANGE_QUICK:
		return "QUICK_MODE";
	default:
		return NULL;
	}
}

const char *isakmp_notify_name(uint16_t type)
{
	static const char *const errors[] = { NULL, "INVALID_PAYLOAD_TYPE", "DOI_NOT_SUPPORTED",
		"SITUATION_NOT_SUPPORTED", "INVALID_COOKIE", "INVALID_MAJOR_VERSION",
		"INVALID_MINOR_VERSION", "INVALID_EXCHANGE_TYPE", "INVALID_FLAGS",
		"INVALID_MESSAGE_ID", "INVALID_PROTOCOL_ID", "INVALID_SPI", "INVALID_TRANSFORM_ID",
		"ATTRIBUTES_NOT_SUPPORTED", "NO_PROPOSAL_CHOSEN", "BAD_PROPOSAL_SYNTAX",
		"PAYLOAD_MALFORMED", "INVALID_KEY_INFORMATION", "INVALID_ID_INFORMATION",
		"INVALID_CERT_ENCODING", "INVALID_CERTIFICATE", "CERT_TYPE_UNSUPPORTED",
		"INVALID_CERT_AUTHORITY", "INVALID_HASH_INFORMATION", "AUTHENTICATION_FAILED",
		"INVALID_SIGNATURE", "ADDRESS_NOTIFICATION", "NOTIFY_SA_LIFETIME",
		"CERTIFICATE_UNAVAILABLE", "UNSUPPORTED_EXCHANGE_TYPE", "UNEQUAL_PAYLOAD_LENGTHS" };

	switch (type) {
	case ISAKMP_NOTIFY_CONNECTED:
		return "CONNECTED";
	case ISAKMP_NOTIFY_RESPONDER_LIFETIME:
		return "RESPONDER_LIFETIME";
	case ISAKMP_NOTIFY_REPLAY_STATUS:
		return "REPLAY_STATUS";
	case ISAKMP_NOTIFY_INITIAL_CONTACT:
		return "INITIAL_CONTACT";
	case ISAKMP_NOTIFY_R_U_THERE:
		return "DPD";
	case ISAKMP_NOTIFY_R_U_THERE_ACK:
		return "DPD_ACK";
	default:
		return type < sizeof(errors) / sizeof(*errors) ? errors[type] : NULL;
	}
}

char *isakmp_notify_format(uint16_t type, char text[IKE_NUMBER_TEXT_MAX])
{
	const char *name = isakmp_notify_name(type);

	if (name)
		snprintf(text, IKE_NUMBER_TEXT_MAX, "%s", name);
	else
		snprintf(text, IKE_NUMBER_TEXT_MAX, "(%u)", type);
	return text;
}
