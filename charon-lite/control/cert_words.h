/*
 * The words of VICI's messages about certificates: `type` and `flag`.
 */
#ifndef CHARON_LITE_CONTROL_CERT_WORDS_H
#define CHARON_LITE_CONTROL_CERT_WORDS_H

#include "libbase/bytes.h"

enum cl_cert_kind {
	CL_CERT_X509,
	CL_CERT_CRL,
	CL_CERT_PUBKEY,
	CL_CERT_X509_AC,
	CL_CERT_OCSP_RESPONSE,
	CL_CERT_ANY,
};

extern const char *const cl_cert_kinds[];
/* By enum ike_certificate_role, and a filter for all. */
extern const char *const cl_cert_flags[];

#define CL_CERT_FLAG_ANY 4

/* The number of a word in one of the lists, whatever its case; absent: otherwise. */
MUST_USE bool cl_cert_word(
	struct bytes word, const char *const *list, uint8_t otherwise, uint8_t *ret);

#endif
