/* What the crypto tests share. */
#ifndef TESTING_UNIT_CRYPTO_TEST_CRYPTO_H
#define TESTING_UNIT_CRYPTO_TEST_CRYPTO_H

#include "libike/crypto/crypto.h"

#include <check.h>
#include <stdlib.h>

TCase *algorithm_tests(void);
TCase *proposal_tests(void);
TCase *key_exchange_tests(void);
TCase *kem_tests(void);
TCase *prf_tests(void);
TCase *seal_tests(void);
TCase *signature_tests(void);
TCase *certificate_tests(void);

/* On the default library context; never NULL. */
struct ike_crypto *crypto_for_test(void);

/* OpenSSL 3.5 and later. */
bool openssl_has_ml_kem(void);

/* Reads hexadecimal digits into ret; returns the number of bytes. */
size_t from_hex(const char *digits, uint8_t *ret, size_t room);

/* Exactly length bytes on the heap, so that ASan sees an overread. */
uint8_t *exact_copy(const void *from, size_t length);

#endif
