#include "charon-lite/radius_packet.h"

#include <openssl/evp.h>

#define HEADER 20
#define MICROSOFT 311
#define MPPE_SEND_KEY 16
#define MPPE_RECV_KEY 17
#define KEY_ATTRIBUTE_MAX 256

/* ---- Hashes ---- */

static bool md5(OSSL_LIB_CTX *library, const struct bytes *parts, size_t count,
	uint8_t ret[CL_RADIUS_AUTHENTICATOR])
{
	EVP_MD *md = EVP_MD_fetch(library, "MD5", NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = md && context && EVP_DigestInit_ex2(context, md, NULL);

	for (size_t i = 0; good && i < count; i++)
		good = EVP_DigestUpdate(context, parts[i].at, parts[i].length);
	good = good && EVP_DigestFinal_ex(context, ret, NULL);
	EVP_MD_CTX_free(context);
	EVP_MD_free(md);
	return good;
}

static bool hmac_md5(OSSL_LIB_CTX *library, struct bytes key, struct bytes data,
	uint8_t ret[CL_RADIUS_AUTHENTICATOR])
{
	size_t length;

	return EVP_Q_mac(library, "HMAC", NULL, "MD5", NULL, key.at, key.length, data.at,
		       data.length, ret, CL_RADIUS_AUTHENTICATOR, &length) &&
	       length == CL_RADIUS_AUTHENTICATOR;
}

/* ---- Received ---- */

bool cl_radius_next(struct reader *reader, uint8_t *ret_type, struct bytes *ret_value)
{
	if (!reader_more(reader))
		return false;
	*ret_type = reader_u8(reader);
	uint8_t length = reader_u8(reader);
	if (length < 2)
		reader->bad = true;
	*ret_value = reader_bytes(reader, length < 2 ? 0 : length - 2u);
	return !reader->bad;
}

bool cl_radius_parse(struct bytes datagram, struct cl_radius_packet *ret)
{
	struct reader r = reader_of(datagram);
	struct bytes value;
	uint8_t type;

	*ret = (struct cl_radius_packet){ .code = reader_u8(&r), .identifier = reader_u8(&r) };
	uint16_t length = reader_u16(&r);
	ret->authenticator = reader_bytes(&r, CL_RADIUS_AUTHENTICATOR).at;
	if (r.bad || length < HEADER || length > datagram.length || length > CL_RADIUS_PACKET_MAX)
		return false;
	/* What is beyond the length is padding (RFC 2865 3). */
	ret->whole = bytes_of(datagram.at, length);
	ret->attributes = bytes_of(datagram.at + HEADER, length - HEADER);
	struct reader attributes = reader_of(ret->attributes);
	while (cl_radius_next(&attributes, &type, &value))
		;
	return reader_end(&attributes);
}

struct bytes cl_radius_find(const struct cl_radius_packet *p, uint8_t type)
{
	struct reader r = reader_of(p->attributes);
	struct bytes value;
	uint8_t each;

	while (cl_radius_next(&r, &each, &value)) {
		if (each == type)
			return value;
	}
	return (struct bytes){ 0 };
}

bool cl_radius_find_u32(const struct cl_radius_packet *p, uint8_t type, uint32_t *ret)
{
	struct reader r = reader_of(cl_radius_find(p, type));
	uint32_t value = reader_u32(&r);

	if (!reader_end(&r))
		return false;
	*ret = value;
	return true;
}

static bool verify_authenticator(OSSL_LIB_CTX *library, const struct cl_radius_packet *answer,
	const uint8_t *request_authenticator, struct bytes secret)
{
	const struct bytes parts[] = { bytes_of(answer->whole.at, 4),
		bytes_of(request_authenticator, CL_RADIUS_AUTHENTICATOR), answer->attributes,
		secret };
	uint8_t expected[CL_RADIUS_AUTHENTICATOR];

	return md5(library, parts, 4, expected) &&
	       secret_equal(bytes_of(expected, sizeof(expected)),
		       bytes_of(answer->authenticator, CL_RADIUS_AUTHENTICATOR));
}

/* It is made over the packet with the request's authenticator, and itself zero. */
static bool verify_message(OSSL_LIB_CTX *library, const struct cl_radius_packet *answer,
	const uint8_t *request_authenticator, struct bytes secret, struct bytes found)
{
	uint8_t copy[CL_RADIUS_PACKET_MAX], expected[CL_RADIUS_AUTHENTICATOR];
	size_t offset = (size_t)(found.at - answer->whole.at);

	if (found.length != CL_RADIUS_AUTHENTICATOR)
		return false;
	bytes_copy(copy, answer->whole);
	memcpy(copy + 4, request_authenticator, CL_RADIUS_AUTHENTICATOR);
	memset(copy + offset, 0, CL_RADIUS_AUTHENTICATOR);
	return hmac_md5(library, secret, bytes_of(copy, answer->whole.length), expected) &&
	       secret_equal(bytes_of(expected, sizeof(expected)), found);
}

bool cl_radius_verify(OSSL_LIB_CTX *library, const struct cl_radius_packet *answer,
	const uint8_t request_authenticator[CL_RADIUS_AUTHENTICATOR], struct bytes secret,
	bool strict)
{
	struct bytes message = cl_radius_find(answer, CL_RADIUS_MESSAGE_AUTHENTICATOR);
	bool eap = cl_radius_find(answer, CL_RADIUS_EAP_MESSAGE).at != NULL;

	if (!verify_authenticator(library, answer, request_authenticator, secret))
		return false;
	if (!message.at)
		return !strict && !eap;
	return verify_message(library, answer, request_authenticator, secret, message);
}

/* Salt, then MD5 in cipher block chaining (RFC 2548 2.4.2). */
static bool decrypt_key(OSSL_LIB_CTX *library, struct bytes value,
	const uint8_t *request_authenticator, struct bytes secret, struct writer *ret)
{
	uint8_t plain[KEY_ATTRIBUTE_MAX];
	struct reader r = reader_of(value);
	struct bytes salt = reader_bytes(&r, 2), cipher = reader_rest(&r);
	struct bytes previous = bytes_of(request_authenticator, CL_RADIUS_AUTHENTICATOR);
	bool good = !r.bad && cipher.length > 0 && cipher.length <= sizeof(plain) &&
		    cipher.length % CL_RADIUS_AUTHENTICATOR == 0;

	for (size_t at = 0; good && at < cipher.length; at += CL_RADIUS_AUTHENTICATOR) {
		const struct bytes parts[] = { secret, previous, salt };
		uint8_t pad[CL_RADIUS_AUTHENTICATOR];

		good = md5(library, parts, at == 0 ? 3 : 2, pad);
		for (size_t i = 0; good && i < sizeof(pad); i++)
			plain[at + i] = cipher.at[at + i] ^ pad[i];
		previous = bytes_of(cipher.at + at, CL_RADIUS_AUTHENTICATOR);
		secret_wipe(pad, sizeof(pad));
	}
	good = good && plain[0] > 0 && plain[0] < cipher.length;
	if (good)
		writer_put(ret, bytes_of(plain + 1, plain[0]));
	secret_wipe(plain, sizeof(plain));
	return good && !ret->bad;
}

/* The key of that vendor type; empty when there is none. */
static struct bytes find_key(const struct cl_radius_packet *p, uint8_t wanted)
{
	struct reader r = reader_of(p->attributes);
	struct bytes value;
	uint8_t type;

	while (cl_radius_next(&r, &type, &value)) {
		struct reader vendor = reader_of(value);
		struct bytes key;

		if (type != CL_RADIUS_VENDOR_SPECIFIC || reader_u32(&vendor) != MICROSOFT)
			continue;
		while (cl_radius_next(&vendor, &type, &key)) {
			if (type == wanted)
				return key;
		}
	}
	return (struct bytes){ 0 };
}

bool cl_radius_msk(OSSL_LIB_CTX *library, const struct cl_radius_packet *accept,
	const uint8_t request_authenticator[CL_RADIUS_AUTHENTICATOR], struct bytes secret,
	struct secret *ret)
{
	uint8_t room[2 * KEY_ATTRIBUTE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct bytes receive = find_key(accept, MPPE_RECV_KEY);
	struct bytes send = find_key(accept, MPPE_SEND_KEY);

	secret_free(ret);
	if (!receive.at || !send.at)
		return true;
	bool good = decrypt_key(library, receive, request_authenticator, secret, &w) &&
		    decrypt_key(library, send, request_authenticator, secret, &w) &&
		    w.length <= CL_RADIUS_MSK_LENGTH && secret_allocate(ret, CL_RADIUS_MSK_LENGTH);
	/* Two keys of 32 octets; shorter ones are followed by zeros (RFC 3748 7.10: 64). */
	if (good)
		memcpy(ret->at, room, w.length);
	secret_wipe(room, sizeof(room));
	return good;
}

/* ---- Sent ---- */

void cl_radius_begin(struct cl_radius_builder *b, uint8_t code, uint8_t identifier)
{
	b->writer = writer_of(b->room, sizeof(b->room));
	writer_u8(&b->writer, code);
	writer_u8(&b->writer, identifier);
	writer_u16(&b->writer, 0);
	uint8_t *authenticator = writer_take(&b->writer, CL_RADIUS_AUTHENTICATOR);
	memset(authenticator, 0, CL_RADIUS_AUTHENTICATOR);
}

void cl_radius_put(struct cl_radius_builder *b, uint8_t type, struct bytes value)
{
	if (value.length > CL_RADIUS_ATTRIBUTE_MAX)
		value.length = CL_RADIUS_ATTRIBUTE_MAX;
	writer_u8(&b->writer, type);
	writer_u8(&b->writer, (uint8_t)(value.length + 2));
	writer_put(&b->writer, value);
}

void cl_radius_put_u32(struct cl_radius_builder *b, uint8_t type, uint32_t value)
{
	writer_u8(&b->writer, type);
	writer_u8(&b->writer, 6);
	writer_u32(&b->writer, value);
}

void cl_radius_put_text(struct cl_radius_builder *b, uint8_t type, const char *text)
{
	if (*text)
		cl_radius_put(b, type, bytes_of_text(text));
}

void cl_radius_put_eap(struct cl_radius_builder *b, struct bytes packet)
{
	struct reader r = reader_of(packet);

	do
		cl_radius_put(b, CL_RADIUS_EAP_MESSAGE,
			reader_bytes(&r, r.left > CL_RADIUS_ATTRIBUTE_MAX ? CL_RADIUS_ATTRIBUTE_MAX
									  : r.left));
	while (reader_more(&r));
}

static void finish_length(struct cl_radius_builder *b)
{
	if (!b->writer.bad)
		writer_patch_u16(&b->writer, 2, (uint16_t)b->writer.length);
}

struct bytes cl_radius_finish_access(OSSL_LIB_CTX *library, struct cl_radius_builder *b,
	const uint8_t authenticator[CL_RADIUS_AUTHENTICATOR], struct bytes secret)
{
	static const uint8_t zero[CL_RADIUS_AUTHENTICATOR];
	size_t at = b->writer.length + 2;

	cl_radius_put(b, CL_RADIUS_MESSAGE_AUTHENTICATOR, bytes_of(zero, sizeof(zero)));
	finish_length(b);
	if (b->writer.bad)
		return (struct bytes){ 0 };
	memcpy(b->room + 4, authenticator, CL_RADIUS_AUTHENTICATOR);
	if (!hmac_md5(library, secret, writer_bytes(&b->writer), b->room + at))
		return (struct bytes){ 0 };
	return writer_bytes(&b->writer);
}

struct bytes cl_radius_finish_accounting(OSSL_LIB_CTX *library, struct cl_radius_builder *b,
	struct bytes secret, uint8_t ret_authenticator[CL_RADIUS_AUTHENTICATOR])
{
	finish_length(b);
	const struct bytes parts[] = { writer_bytes(&b->writer), secret };
	if (b->writer.bad || !md5(library, parts, 2, ret_authenticator))
		return (struct bytes){ 0 };
	memcpy(b->room + 4, ret_authenticator, CL_RADIUS_AUTHENTICATOR);
	return writer_bytes(&b->writer);
}
