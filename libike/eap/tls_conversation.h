/*
 * One TLS handshake of EAP-TLS over memory (RFC 5216; TLS 1.3: RFC 9190), by OpenSSL.
 *
 * For whoever holds private keys: the signer process, and the hosts of tests. The engine itself
 * never makes one. Belongs to one thread. Both sides must have a certificate, and prove that they
 * have its key; whether it is to be trusted is not looked at: the peer's chain comes back as it
 * came, and the engine asks trust.h. No resumption, no renegotiation, no compression, TLS 1.2 at
 * least.
 */
#ifndef LIBIKE_EAP_TLS_CONVERSATION_H
#define LIBIKE_EAP_TLS_CONVERSATION_H

#include "libike/engine.h"

struct ike_tls;

#define IKE_TLS_MSK 64
#define IKE_TLS_CHAIN_MAX 16
/* Of one flight, either way. */
#define IKE_TLS_FLIGHT_MAX 65536

/* chain: DER, the end first. Takes a reference of the key. NULL with a reason: the certificate does
 * not belong to the key, or OpenSSL refuses it. */
MUST_USE struct ike_tls *ike_tls_new(OSSL_LIB_CTX *library, bool server, EVP_PKEY *key,
	const struct bytes *chain, size_t chain_count, struct why *why);
void ike_tls_free(struct ike_tls *tls); /* wipes; NULL is fine */

/* At most that version of TLS (OpenSSL's TLS1_2_VERSION): to be such a peer in tests. */
void ike_tls_limit(struct ike_tls *tls, int version);

/* The peer's records in, ours out. The answer's views are good until the next step. After one that
 * failed or was the last there is none. */
void ike_tls_step(struct ike_tls *tls, struct bytes input, struct ike_tls_answer *ret);

#endif
