#include "charon-lite/wiping.h"

#include "libbase/secret.h"

#include <event2/event.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

static void wiping_free(void *at)
{
	if (at)
		secret_wipe(at, malloc_usable_size(at));
	free(at);
}

static void *wiping_realloc(void *at, size_t size)
{
	size_t old = at ? malloc_usable_size(at) : 0;
	void *grown = malloc(size);

	if (grown && at) {
		memcpy(grown, at, old < size ? old : size);
		wiping_free(at);
	}
	return grown;
}

void cl_wipe_event_memory(void)
{
	event_set_mem_functions(malloc, wiping_realloc, wiping_free);
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return size ? malloc(size) : NULL;
}

static void *openssl_realloc(void *at, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	if (size > 0)
		return wiping_realloc(at, size);
	wiping_free(at);
	return NULL;
}

static void openssl_free(void *at, const char *file, int line)
{
	(void)file, (void)line;
	wiping_free(at);
}

void cl_wipe_openssl_memory(void)
{
	(void)CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
}
