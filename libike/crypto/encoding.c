/* DER and PEM. */
#include "libike/crypto/encoding.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

static size_t read_length(struct reader *r)
{
	size_t length = reader_u8(r);

	if (length < 0x80)
		return length;
	size_t least = 0x80;
	if (length == 0x81) {
		length = reader_u8(r);
	} else if (length == 0x82) {
		length = reader_u16(r);
		least = 0x100;
	} else {
		length = 0;
	}
	if (length < least)
		r->bad = true;
	return length;
}

struct reader der_read(struct reader *r, uint8_t tag)
{
	if (reader_u8(r) != tag)
		r->bad = true;
	return reader_part(r, read_length(r));
}

bool der_read_optional(struct reader *r, uint8_t tag, struct reader *ret)
{
	if (!reader_more(r) || r->at[0] != tag)
		return false;
	*ret = der_read(r, tag);
	return true;
}

static bool contains(struct bytes text, const char *words)
{
	return text.length > 0 && memmem(text.at, text.length, words, strlen(words));
}

static bool decode_pem(struct bytes text, struct encoding *ret, struct why *why)
{
	BIO *bio = BIO_new_mem_buf(text.at, (int)text.length);
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long length = 0;
	bool done = bio && PEM_read_bio(bio, &name, &header, &data, &length) > 0;

	if (!done)
		why_fail(why, "damaged PEM: no base64 between BEGIN and END lines that fit");
	else if (header[0])
		done = why_fail(why, "encrypted PEM (%s)", name);
	if (done) {
		snprintf(ret->name, sizeof(ret->name), "%s", name);
		ret->memory = malloc(length > 0 ? (size_t)length : 1);
		done = ret->memory || why_fail(why, "out of memory");
	}
	if (done) {
		bytes_copy(ret->memory, bytes_of(data, (size_t)length));
		ret->der = bytes_of(ret->memory, (size_t)length);
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(data);
	BIO_free(bio);
	ERR_clear_error();
	return done;
}

bool encoding_open(struct bytes encoded, size_t limit, struct encoding *ret, struct why *why)
{
	*ret = (struct encoding){ .der = encoded };
	if (encoded.length == 0)
		return why_fail(why, "it is empty");
	if (encoded.length / 2 > limit)
		return why_fail(why, "%zu octets, more than are taken", encoded.length);
	/* A letter that DER could begin with is no dash, but PEM may have words before it. */
	if (encoded.at[0] != DER_SEQUENCE && contains(encoded, "-----BEGIN ") &&
		!decode_pem(encoded, ret, why))
		return false;
	if (ret->der.length > limit) {
		why_fail(why, "%zu octets, more than the %zu that are taken", ret->der.length,
			limit);
		encoding_close(ret);
		return false;
	}
	return true;
}

void encoding_close(struct encoding *encoding)
{
	free(encoding->memory);
	*encoding = (struct encoding){ 0 };
}

bool encoding_sha1(OSSL_LIB_CTX *library, struct bytes data, uint8_t ret[20])
{
	size_t length;

	if (EVP_Q_digest(library, "SHA1", NULL, data.at, data.length, ret, &length))
		return true;
	ERR_clear_error();
	return false;
}
