/*
 * Private keys that this command line makes, for tunnels without a CA.
 */
#ifndef SWANCTL_LITE_GENKEY_H
#define SWANCTL_LITE_GENKEY_H

#include "libbase/bytes.h"

#include <openssl/evp.h>
#include <stdio.h>

/* A new key of a type as --genkey --type has it ("ed25519"). NULL after saying why on stderr. */
EVP_PKEY *swanctl_key_make(const char *type);

/* Writes it, in PEM and without a passphrase, into a new file that its owner alone reads; never
 * over another. False with errno set. */
MUST_USE bool swanctl_key_save(const char *path, EVP_PKEY *key);

#endif
