#include "libike/wire/numbers.h"

#include <stddef.h>
#include <stdio.h>

static const char *const payload_names[] = {
	[IKE_PAYLOAD_SA] = "SA",
	[IKE_PAYLOAD_KE] = "KE",
	[IKE_PAYLOAD_ID_INITIATOR] = "IDi",
	[IKE_PAYLOAD_ID_RESPONDER] = "IDr",
	[IKE_PAYLOAD_CERT] = "CERT",
	[IKE_PAYLOAD_CERTREQ] = "CERTREQ",
	[IKE_PAYLOAD_AUTH] = "AUTH",
	[IKE_PAYLOAD_NONCE] = "No",
	[IKE_PAYLOAD_NOTIFY] = "N",
	[IKE_PAYLOAD_DELETE] = "D",
	[IKE_PAYLOAD_VENDOR_ID] = "V",
	[IKE_PAYLOAD_TS_INITIATOR] = "TSi",
	[IKE_PAYLOAD_TS_RESPONDER] = "TSr",
	[IKE_PAYLOAD_SEALED] = "SK",
	[IKE_PAYLOAD_CONFIGURATION] = "CP",
	[IKE_PAYLOAD_EAP] = "EAP",
	[IKE_PAYLOAD_SEALED_FRAGMENT] = "SKF",
};

static const char *const exchange_names[] = {
	[IKE_EXCHANGE_SA_INIT] = "IKE_SA_INIT",
	[IKE_EXCHANGE_AUTH] = "IKE_AUTH",
	[IKE_EXCHANGE_CREATE_CHILD_SA] = "CREATE_CHILD_SA",
	[IKE_EXCHANGE_INFORMATIONAL] = "INFORMATIONAL",
	[38] = "IKE_SESSION_RESUME",
	[IKE_EXCHANGE_INTERMEDIATE] = "IKE_INTERMEDIATE",
	[IKE_EXCHANGE_FOLLOWUP_KE] = "IKE_FOLLOWUP_KE",
};

static const char *const auth_method_names[] = {
	[IKE_AUTH_RSA_SIGNATURE] = "RSA signature",
	[IKE_AUTH_SHARED_KEY] = "pre-shared key",
	[IKE_AUTH_DSS_SIGNATURE] = "DSS signature",
	[IKE_AUTH_ECDSA_256] = "ECDSA-256 signature",
	[IKE_AUTH_ECDSA_384] = "ECDSA-384 signature",
	[IKE_AUTH_ECDSA_521] = "ECDSA-521 signature",
	[12] = "secure password method",
	[IKE_AUTH_NULL] = "NULL authentication",
	[IKE_AUTH_DIGITAL_SIGNATURE] = "digital signature",
};

struct notify_name {
	uint16_t type;
	const char *name;
	const char
		*brief; /* what strongSwan writes into its message lines; operators grep for it */
};

static const struct notify_name notify_names[] = {
	{ 1, "UNSUPPORTED_CRITICAL_PAYLOAD", "CRIT" },
	{ 4, "INVALID_IKE_SPI", "INVAL_IKE_SPI" },
	{ 5, "INVALID_MAJOR_VERSION", "INVAL_MAJOR" },
	{ 7, "INVALID_SYNTAX", "INVAL_SYN" },
	{ 9, "INVALID_MESSAGE_ID", "INVAL_MID" },
	{ 11, "INVALID_SPI", "INVAL_SPI" },
	{ 14, "NO_PROPOSAL_CHOSEN", "NO_PROP" },
	{ 17, "INVALID_KE_PAYLOAD", "INVAL_KE" },
	{ 24, "AUTHENTICATION_FAILED", "AUTH_FAILED" },
	{ 34, "SINGLE_PAIR_REQUIRED", "SINGLE_PAIR" },
	{ 35, "NO_ADDITIONAL_SAS", "NO_ADD_SAS" },
	{ 36, "INTERNAL_ADDRESS_FAILURE", "INT_ADDR_FAIL" },
	{ 37, "FAILED_CP_REQUIRED", "FAIL_CP_REQ" },
	{ 38, "TS_UNACCEPTABLE", "TS_UNACCEPT" },
	{ 39, "INVALID_SELECTORS", "INVAL_SEL" },
	{ 40, "UNACCEPTABLE_ADDRESSES", "UNACCEPT_ADDR" },
	{ 41, "UNEXPECTED_NAT_DETECTED", "UNEXPECT_NAT" },
	{ 42, "USE_ASSIGNED_HoA", "USE_ASSIGNED_HoA" },
	{ 43, "TEMPORARY_FAILURE", "TEMP_FAIL" },
	{ 44, "CHILD_SA_NOT_FOUND", "NO_CHILD_SA" },
	{ 45, "INVALID_GROUP_ID", "INVALID_GROUP_ID" },
	{ 46, "AUTHORIZATION_FAILED", "AUTHORIZATION_FAILED" },
	{ 47, "STATE_NOT_FOUND", "STATE_NOT_FOUND" },
	{ 48, "TS_MAX_QUEUE", "TS_MAX_QUEUE" },
	{ 16384, "INITIAL_CONTACT", "INIT_CONTACT" },
	{ 16385, "SET_WINDOW_SIZE", "SET_WINSIZE" },
	{ 16386, "ADDITIONAL_TS_POSSIBLE", "ADD_TS_POSS" },
	{ 16387, "IPCOMP_SUPPORTED", "IPCOMP_SUP" },
	{ 16388, "NAT_DETECTION_SOURCE_IP", "NATD_S_IP" },
	{ 16389, "NAT_DETECTION_DESTINATION_IP", "NATD_D_IP" },
	{ 16390, "COOKIE", "COOKIE" },
	{ 16391, "USE_TRANSPORT_MODE", "USE_TRANSP" },
	{ 16392, "HTTP_CERT_LOOKUP_SUPPORTED", "HTTP_CERT_LOOK" },
	{ 16393, "REKEY_SA", "REKEY_SA" },
	{ 16394, "ESP_TFC_PADDING_NOT_SUPPORTED", "ESP_TFC_PAD_N" },
	{ 16395, "NON_FIRST_FRAGMENTS_ALSO", "NON_FIRST_FRAG" },
	{ 16396, "MOBIKE_SUPPORTED", "MOBIKE_SUP" },
	{ 16397, "ADDITIONAL_IP4_ADDRESS", "ADD_4_ADDR" },
	{ 16398, "ADDITIONAL_IP6_ADDRESS", "ADD_6_ADDR" },
	{ 16399, "NO_ADDITIONAL_ADDRESSES", "NO_ADD_ADDR" },
	{ 16400, "UPDATE_SA_ADDRESSES", "UPD_SA_ADDR" },
	{ 16401, "COOKIE2", "COOKIE2" },
	{ 16402, "NO_NATS_ALLOWED", "NO_NATS" },
	{ 16403, "AUTH_LIFETIME", "AUTH_LFT" },
	{ 16404, "MULTIPLE_AUTH_SUPPORTED", "MULT_AUTH" },
	{ 16405, "ANOTHER_AUTH_FOLLOWS", "AUTH_FOLLOWS" },
	{ 16406, "REDIRECT_SUPPORTED", "REDIR_SUP" },
	{ 16407, "REDIRECT", "REDIR" },
	{ 16408, "REDIRECTED_FROM", "REDIR_FROM" },
	{ 16409, "TICKET_LT_OPAQUE", "TKT_LT_OPAK" },
	{ 16410, "TICKET_REQUEST", "TKT_REQ" },
	{ 16411, "TICKET_ACK", "TKT_ACK" },
	{ 16412, "TICKET_NACK", "TKT_NACK" },
	{ 16413, "TICKET_OPAQUE", "TKT_OPAK" },
	{ 16414, "LINK_ID", "LINK_ID" },
	{ 16415, "USE_WESP_MODE", "USE_WESP_MODE" },
	{ 16416, "ROHC_SUPPORTED", "ROHC_SUP" },
	{ 16417, "EAP_ONLY_AUTHENTICATION", "EAP_ONLY" },
	{ 16418, "CHILDLESS_IKEV2_SUPPORTED", "CHDLESS_SUP" },
	{ 16419, "QUICK_CRASH_DETECTION", "CRASH_DET" },
	{ 16420, "IKEV2_MESSAGE_ID_SYNC_SUPPORTED", "MSG_ID_SYN_SUP" },
	{ 16421, "IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED", "RPL_CTR_SYN_SUP" },
	{ 16422, "IKEV2_MESSAGE_ID_SYNC", "MSG_ID_SYN" },
	{ 16423, "IPSEC_REPLAY_COUNTER_SYNC", "RPL_CTR_SYN" },
	{ 16424, "SECURE_PASSWORD_METHODS", "SEC_PASSWD" },
	{ 16425, "PSK_PERSIST", "PSK_PST" },
	{ 16426, "PSK_CONFIRM", "PSK_CFM" },
	{ 16427, "ERX_SUPPORTED", "ERX_SUP" },
	{ 16428, "IFOM_CAPABILITY", "IFOM_CAP" },
	{ 16429, "SENDER_REQUEST_ID", "SENDER_REQ_ID" },
	{ 16430, "FRAGMENTATION_SUPPORTED", "FRAG_SUP" },
	{ 16431, "SIGNATURE_HASH_ALGORITHMS", "HASH_ALG" },
	{ 16432, "CLONE_IKE_SA_SUPPORTED", "CLONE_IKE_SA_SUPPORTED" },
	{ 16433, "CLONE_IKE_SA", "CLONE_IKE_SA" },
	{ 16434, "PUZZLE", "PUZZLE" },
	{ 16435, "USE_PPK", "USE_PPK" },
	{ 16436, "PPK_IDENTITY", "PPK_ID" },
	{ 16437, "NO_PPK_AUTH", "NO_PPK" },
	{ 16438, "INTERMEDIATE_EXCHANGE_SUPPORTED", "INTERMEDIATE_EXCHANGE_SUPPORTED" },
	{ 16441, "ADDITIONAL_KEY_EXCHANGE", "ADD_KE" },
	{ 16443, "SUPPORTED_AUTH_METHODS", "SUPPORTED_AUTH_METHODS" },
	{ 16444, "SA_RESOURCE_INFO", "SA_RESOURCE_INFO" },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

const char *ike_payload_name(uint8_t type)
{
	return type < COUNT(payload_names) ? payload_names[type] : NULL;
}

const char *ike_exchange_name(uint8_t type)
{
	return type < COUNT(exchange_names) ? exchange_names[type] : NULL;
}

const char *ike_auth_method_name(uint8_t method)
{
	return method < COUNT(auth_method_names) ? auth_method_names[method] : NULL;
}

static const struct notify_name *find_notify(uint16_t type)
{
	for (size_t i = 0; i < COUNT(notify_names); i++)
		if (notify_names[i].type == type)
			return &notify_names[i];
	return NULL;
}

const char *ike_notify_name(uint16_t type)
{
	const struct notify_name *found = find_notify(type);

	return found ? found->name : NULL;
}

const char *ike_notify_brief_name(uint16_t type)
{
	const struct notify_name *found = find_notify(type);

	return found ? found->brief : NULL;
}

static char *format_number(const char *name, unsigned number, char text[IKE_NUMBER_TEXT_MAX])
{
	if (name)
		snprintf(text, IKE_NUMBER_TEXT_MAX, "%s", name);
	else
		snprintf(text, IKE_NUMBER_TEXT_MAX, "(%u)", number);
	return text;
}

char *ike_payload_format(uint8_t type, char text[IKE_NUMBER_TEXT_MAX])
{
	return format_number(ike_payload_name(type), type, text);
}

char *ike_exchange_format(uint8_t type, char text[IKE_NUMBER_TEXT_MAX])
{
	return format_number(ike_exchange_name(type), type, text);
}

char *ike_notify_format(uint16_t type, char text[IKE_NUMBER_TEXT_MAX])
{
	return format_number(ike_notify_name(type), type, text);
}
