/* Networks that packets go to past an IKE SA's tunnel, as the peer wants it (Cisco Unity). */
#ifndef LIBIKE_BYPASS_H
#define LIBIKE_BYPASS_H

#include "libike/engine_priv.h"

/* The policies of one IKE SA; on the heap, with a copy of the networks. */
struct ike_bypass;

/* From anywhere here to these IPv4 networks. NULL with a reason. */
struct ike_bypass *ike_bypass_install(
	struct ike_engine *e, const struct ike_selector *networks, size_t count, struct why *why);
/* From the kernel; frees it. NULL is fine. */
void ike_bypass_remove(struct ike_engine *e, struct ike_bypass *bypass);
/* The same without the host. */
void ike_bypass_free(struct ike_bypass *bypass);

#endif
