#include "libbase/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>

bool secret_allocate(struct secret *ret, size_t length)
{
	secret_free(ret);
	if (length == 0)
		return true;
	ret->at = calloc(1, length);
	if (!ret->at)
		return false;
	ret->length = length;
	return true;
}

bool secret_copy(struct secret *ret, struct bytes from)
{
	struct secret copy = { 0 };

	if (!secret_allocate(&copy, from.length))
		return false;
	bytes_copy(copy.at, from);
	secret_free(ret);
	*ret = copy;
	return true;
}

void secret_free(struct secret *s)
{
	if (!s || !s->at)
		return;
	OPENSSL_cleanse(s->at, s->length);
	free(s->at);
	*s = (struct secret){ 0 };
}

struct secret secret_move(struct secret *from)
{
	struct secret moved = *from;

	*from = (struct secret){ 0 };
	return moved;
}

bool secret_equal(struct bytes a, struct bytes b)
{
	return a.length == b.length && (a.length == 0 || CRYPTO_memcmp(a.at, b.at, a.length) == 0);
}

void secret_wipe(void *at, size_t length)
{
	OPENSSL_cleanse(at, length);
}
