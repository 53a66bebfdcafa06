#include "charon-lite/wireshark.h"

#include "libike/crypto/proposal.h"
#include "libike/sa/ike_sa.h"

#include <inttypes.h>
#include <stdio.h>

struct word {
	uint16_t id;
	const char *text; /* %u stands for the key's bits */
};

/* As packet-isakmp and packet-ipsec of Wireshark 4.0 call them. */
static const struct word ike_encryption[] = {
	{ IKE_ENCR_3DES, "3DES [RFC2451]" },
	{ IKE_ENCR_NULL, "NULL [RFC2410]" },
	{ IKE_ENCR_AES_CBC, "AES-CBC-%u [RFC3602]" },
	{ IKE_ENCR_AES_CCM_8, "AES-CCM-%u with 8 octet ICV [RFC5282]" },
	{ IKE_ENCR_AES_CCM_12, "AES-CCM-%u with 12 octet ICV [RFC5282]" },
	{ IKE_ENCR_AES_CCM_16, "AES-CCM-%u with 16 octet ICV [RFC5282]" },
	{ IKE_ENCR_AES_GCM_8, "AES-GCM-%u with 8 octet ICV [RFC5282]" },
	{ IKE_ENCR_AES_GCM_12, "AES-GCM-%u with 12 octet ICV [RFC5282]" },
	{ IKE_ENCR_AES_GCM_16, "AES-GCM-%u with 16 octet ICV [RFC5282]" },
	{ 0, NULL },
};

static const struct word ike_integrity[] = {
	{ IKE_INTEG_NONE, "NONE [RFC4306]" },
	{ IKE_INTEG_HMAC_MD5_96, "HMAC_MD5_96 [RFC2403]" },
	{ IKE_INTEG_HMAC_SHA1_96, "HMAC_SHA1_96 [RFC2404]" },
	{ IKE_INTEG_HMAC_SHA2_256_128, "HMAC_SHA2_256_128 [RFC4868]" },
	{ IKE_INTEG_HMAC_SHA2_384_192, "HMAC_SHA2_384_192 [RFC4868]" },
	{ IKE_INTEG_HMAC_SHA2_512_256, "HMAC_SHA2_512_256 [RFC4868]" },
	{ 0, NULL },
};

static const struct word esp_encryption[] = {
	{ IKE_ENCR_3DES, "TripleDES-CBC [RFC2451]" },
	{ IKE_ENCR_NULL, "NULL" },
	{ IKE_ENCR_AES_CBC, "AES-CBC [RFC3602]" },
	{ IKE_ENCR_AES_CTR, "AES-CTR [RFC3686]" },
	{ IKE_ENCR_AES_GCM_8, "AES-GCM with 8 octet ICV [RFC4106]" },
	{ IKE_ENCR_AES_GCM_12, "AES-GCM with 12 octet ICV [RFC4106]" },
	{ IKE_ENCR_AES_GCM_16, "AES-GCM with 16 octet ICV [RFC4106]" },
	{ 0, NULL },
};

/* What it cannot check it can step over. */
static const struct word esp_integrity[] = {
	{ IKE_INTEG_NONE, "NULL" },
	{ IKE_INTEG_HMAC_MD5_96, "HMAC-MD5-96 [RFC2403]" },
	{ IKE_INTEG_HMAC_SHA1_96, "HMAC-SHA-1-96 [RFC2404]" },
	{ IKE_INTEG_AES_XCBC_96, "ANY 96 bit authentication [no checking]" },
	{ IKE_INTEG_AES_CMAC_96, "ANY 96 bit authentication [no checking]" },
	{ IKE_INTEG_HMAC_SHA2_256_96, "ANY 96 bit authentication [no checking]" },
	{ IKE_INTEG_HMAC_MD5_128, "ANY 128 bit authentication [no checking]" },
	{ IKE_INTEG_HMAC_SHA2_256_128, "HMAC-SHA-256-128 [RFC4868]" },
	{ IKE_INTEG_HMAC_SHA2_384_192, "HMAC-SHA-384-192 [RFC4868]" },
	{ IKE_INTEG_HMAC_SHA2_512_256, "HMAC-SHA-512-256 [RFC4868]" },
	{ 0, NULL },
};

/* algorithm is NULL for none. */
static const char *find_word(
	const struct word *words, const struct ike_algorithm *algorithm, struct why *why)
{
	uint16_t id = algorithm ? algorithm->id : 0;

	for (; words->text; words++)
		if (words->id == id)
			return words->text;
	why_fail(why, "Wireshark has no word for %s", algorithm ? algorithm->name : "none");
	return NULL;
}

static const char *hexadecimal(struct bytes bytes, char room[2 * 128 + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t length = bytes.length < 128 ? bytes.length : 128;

	for (size_t i = 0; i < length; i++) {
		room[2 * i] = digits[bytes.at[i] >> 4];
		room[2 * i + 1] = digits[bytes.at[i] & 15];
	}
	room[2 * length] = '\0';
	return room;
}

const char *cl_wireshark_ike_table(const struct ike_sa *sa)
{
	return sa->version == 1 ? "ikev1_decryption_table" : "ikev2_decryption_table";
}

static bool ikev2_line(const struct ike_sa *sa, const struct ike_sa_keys *keys,
	char line[CL_WIRESHARK_LINE_MAX], struct why *why)
{
	const char *cipher = find_word(ike_encryption, ike_suite_encryption(&sa->suite), why);
	const char *integrity =
		cipher ? find_word(ike_integrity, ike_suite_integrity(&sa->suite), why) : NULL;
	char text[4][2 * 128 + 1], name[64];
	const char *bits = cipher ? strstr(cipher, "%u") : NULL;

	if (!cipher || !integrity)
		return false;
	snprintf(name, sizeof(name), "%s", cipher);
	if (bits)
		snprintf(name, sizeof(name), "%.*s%u%s", (int)(bits - cipher), cipher,
			sa->suite.encryption_bits, bits + 2);
	snprintf(line, CL_WIRESHARK_LINE_MAX,
		"%016" PRIx64 ",%016" PRIx64 ",%s,%s,\"%s\",%s,%s,\"%s\"", sa->spi_initiator,
		sa->spi_responder, hexadecimal(keys->encryption_initiator, text[0]),
		hexadecimal(keys->encryption_responder, text[1]), name,
		hexadecimal(keys->integrity_initiator, text[2]),
		hexadecimal(keys->integrity_responder, text[3]), integrity);
	secret_wipe(text, sizeof(text));
	return true;
}

bool cl_wireshark_ike(const struct ike_sa *sa, const struct ike_sa_keys *keys,
	char line[CL_WIRESHARK_LINE_MAX], struct why *why)
{
	char text[2 * 128 + 1];

	if (sa->version != 1)
		return ikev2_line(sa, keys, line, why);
	snprintf(line, CL_WIRESHARK_LINE_MAX, "%016" PRIx64 ",%s", sa->spi_initiator,
		hexadecimal(keys->encryption_initiator, text));
	secret_wipe(text, sizeof(text));
	return true;
}

bool cl_wireshark_esp(const struct ike_child *child, bool inbound,
	const struct cl_kernel_keys *keys, char line[CL_WIRESHARK_LINE_MAX], struct why *why)
{
	const struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	char source[ADDRESS_TEXT_MAX], destination[ADDRESS_TEXT_MAX];
	char cipher_key[2 * 128 + 1], integrity_key[2 * 128 + 1];

	if (child->suite.protocol != IKE_PROTOCOL_ESP)
		return why_fail(why, "AH encrypts nothing");
	const char *cipher = find_word(esp_encryption, ike_suite_encryption(&child->suite), why);
	const char *integrity =
		cipher ? find_word(esp_integrity, ike_suite_integrity(&child->suite), why) : NULL;
	if (!integrity)
		return false;
	bool has_key = keys->integrity.length > 0;
	snprintf(line, CL_WIRESHARK_LINE_MAX,
		"\"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"%s%s\",\"%s\",\"%s%s\"",
		id.source.family == AF_INET6 ? "IPv6" : "IPv4", address_format(&id.source, source),
		address_format(&id.destination, destination), id.spi, cipher,
		keys->encryption.length > 0 ? "0x" : "",
		hexadecimal(secret_bytes(&keys->encryption), cipher_key), integrity,
		has_key ? "0x" : "", hexadecimal(secret_bytes(&keys->integrity), integrity_key));
	secret_wipe(cipher_key, sizeof(cipher_key));
	secret_wipe(integrity_key, sizeof(integrity_key));
	return true;
}
