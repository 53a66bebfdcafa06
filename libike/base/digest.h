/*
 * FNV-1a: 64 bits of what things are looked for by. For those who are not out to find collisions:
 * whoever looks compares the things themselves, too.
 */
#ifndef LIBIKE_BASE_DIGEST_H
#define LIBIKE_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define IKE_DIGEST UINT64_C(0xcbf29ce484222325) /* to begin with */

static inline uint64_t ike_digest_add(uint64_t digest, const void *at, size_t length)
{
	const uint8_t *octets = at;

	for (size_t i = 0; i < length; i++)
		digest = (digest ^ octets[i]) * UINT64_C(0x100000001b3);
	return digest;
}

#endif
