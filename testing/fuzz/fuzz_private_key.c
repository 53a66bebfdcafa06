/* The signer: its protocol, and private keys of every form. What it takes it can sign with. */
#include "charon-lite/signer_serve.h"

#include <openssl/crypto.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct cl_signer_service service;
	unsigned answers;
};

/* Answers are as sound as requests have to be. */
static void take(void *context, struct bytes bytes)
{
	struct seen *seen = context;
	struct cl_signer_frame frame;
	size_t length;

	if (bytes.length < CL_SIGNER_LENGTH || !cl_signer_frame_length(bytes.at, &length) ||
		length != bytes.length - CL_SIGNER_LENGTH ||
		!cl_signer_frame_parse(bytes_of(bytes.at + CL_SIGNER_LENGTH, length), &frame) ||
		(frame.kind & (CL_SIGNER_DONE | CL_SIGNER_FAILED)) == 0 || frame.body.length == 0)
		abort();
	seen->answers++;
}

/* A key file, loaded and tried out. */
static void one_key(struct cl_signer_keys *keys, struct bytes file)
{
	struct ike_public_key *key = cl_signer_keys_load(keys, 1, "any", file, NULL);
	uint8_t signature[IKE_SIGNATURE_MAX];

	if (key && !cl_signer_keys_find(keys, 1))
		abort();
	if (key)
		(void)cl_signer_keys_sign(
			keys, 1, "RSA_EMSA_PSS_SHA2_256_SALT_32", file, signature, NULL);
	ike_public_key_free(key);
}

/* First octet 0: frames follow, as over the socket; else a file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static OSSL_LIB_CTX *library; /* made once, and freed by nobody, as it takes so long */
	struct reader r = reader_of(bytes_of(data, size));
	struct seen seen = { { .context = &seen, .send = take }, 0 };

	if (!library) {
		(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
		library = OSSL_LIB_CTX_new();
	}
	seen.service.keys = cl_signer_keys_new(library);
	if (reader_u8(&r) != 0) {
		one_key(seen.service.keys, reader_rest(&r));
	} else {
		while (reader_more(&r)) {
			struct bytes field = reader_bytes(&r, CL_SIGNER_LENGTH);
			size_t length;

			if (r.bad || !cl_signer_frame_length(field.at, &length))
				break;
			struct bytes frame = reader_bytes(&r, length);
			if (r.bad || !cl_signer_serve(&seen.service, frame))
				break;
		}
	}
	cl_signer_keys_free(seen.service.keys);
	return 0;
}
