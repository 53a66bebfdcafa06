/*
 * Keys in the forms in which Wireshark reads them from its tables ("preferences, UAT"): the files
 * ikev1_decryption_table, ikev2_decryption_table and esp_sa of a profile. A line is a secret.
 */
#ifndef CHARON_LITE_WIRESHARK_H
#define CHARON_LITE_WIRESHARK_H

#include "charon-lite/kernel.h"

#define CL_WIRESHARK_LINE_MAX 2048

/* The file that an IKE SA's line is for. */
const char *cl_wireshark_ike_table(const struct ike_sa *sa);

/* Both fail with a reason when Wireshark has no word for an algorithm. */
MUST_USE bool cl_wireshark_ike(const struct ike_sa *sa, const struct ike_sa_keys *keys,
	char line[CL_WIRESHARK_LINE_MAX], struct why *why);

/* One direction of a child whose keys the kernel has told. */
MUST_USE bool cl_wireshark_esp(const struct ike_child *child, bool inbound,
	const struct cl_kernel_keys *keys, char line[CL_WIRESHARK_LINE_MAX], struct why *why);

#endif
