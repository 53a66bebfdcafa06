/*
 * Pools and their leases as VICI has them: the answer to get-pools.
 *
 * A message has 512 KiB at most, some 6,000 leases; clients of strongSwan's refuse a longer one.
 * Leases are in the order of their addresses, and those that do not fit are left out: the pool's
 * section then ends with `leases-left`, how many they are. Whoever asks again for that pool, with
 * `leases-after` = the last address, gets the next ones.
 */
#ifndef CHARON_LITE_CONTROL_POOLS_MESSAGE_H
#define CHARON_LITE_CONTROL_POOLS_MESSAGE_H

#include "libike/model/pools.h"
#include "libvici/builder.h"

struct cl_pools_wanted {
	const char *name; /* of a pool; NULL: all */
	bool leases;
	struct address after; /* leases behind that address only; family 0: all */
};

/* Returns how many leases were left out. */
uint32_t cl_pools_build(struct vici_builder *b, const struct ike_pools *pools,
	const struct cl_pools_wanted *wanted);

#endif
