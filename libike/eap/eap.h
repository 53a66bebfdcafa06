/*
 * EAP (RFC 3748) inside IKE_AUTH (RFC 7296 2.16): one conversation, as server or as client.
 *
 * The caller moves packets; the conversation says what is to be sent and when it is over. What
 * takes long (a RADIUS server, a private key's operation in TLS) makes it wait: ike_resume()
 * is called for the SA, and then ike_eap_resume() goes on.
 */
#ifndef LIBIKE_EAP_EAP_H
#define LIBIKE_EAP_EAP_H

#include "libbase/secret.h"
#include "libike/base/identity.h"
#include "libike/diagnosis.h"
#include "libike/model/connection.h"

struct ike_engine;
struct ike_sa;
struct ike_eap;

#define IKE_EAP_PACKET_MAX 8192
/* Of a user's name: EAP-Identity, MSCHAPv2, User-Name (RFC 2865 5.1). */
#define IKE_EAP_NAME_MAX 253

enum ike_eap_method {
	IKE_EAP_METHOD_ANY = 0, /* `auth = eap`: as client, whatever the server wants that we can */
	IKE_EAP_METHOD_IDENTITY = 1,
	IKE_EAP_METHOD_MD5 = 4,
	IKE_EAP_METHOD_TLS = 13,
	IKE_EAP_METHOD_MSCHAPV2 = 26,
	IKE_EAP_METHOD_DYNAMIC = 252, /* strongSwan's eap-dynamic */
	IKE_EAP_METHOD_RADIUS = 253,  /* not on the wire: a RADIUS server is the method */
};

/* "eap-mschapv2" and its kin, without "eap-": IKE_EAP_METHOD_*; false when unknown. */
bool ike_eap_method_parse(const char *name, uint8_t *ret);
const char *ike_eap_method_name(uint8_t method); /* "EAP_MSCHAPV2" */

enum ike_eap_result {
	IKE_EAP_SEND,   /* what was written is to be sent; then the peer's next packet comes */
	IKE_EAP_DONE,   /* it succeeded. Server: what was written (EAP-Success) is to be sent */
	IKE_EAP_FAILED, /* the failure says why. Server: what was written (EAP-Failure) is to be
			   sent */
	IKE_EAP_WAIT,   /* nothing yet */
};

/* round: that of the peer (server) or ours (client). Borrowed, like engine and SA. NULL when memory
 * ran out. */
struct ike_eap *ike_eap_server_new(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round);
struct ike_eap *ike_eap_client_new(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round);
/* Before anything else: who the peer (server) or we (client) go by, without EAP-Identity or
 * definition; and, as client, the password instead of the store's (empty: the store's; then no
 * method is done that knows none). Copied. False when memory ran out. */
MUST_USE bool ike_eap_claim(struct ike_eap *eap, struct ike_identity *id, struct bytes password);
void ike_eap_free(struct ike_eap *eap); /* NULL is fine; wipes secrets; forgets what it waits for */

/* Server, at first: the request that opens the conversation. */
enum ike_eap_result ike_eap_begin(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure);
/* A packet of the peer's. Client: also EAP-Success and EAP-Failure. An EAP-Success without a method
 * that succeeded is a failure. */
enum ike_eap_result ike_eap_packet(
	struct ike_eap *eap, struct bytes packet, struct writer *ret, struct ike_failure *failure);
/* After IKE_EAP_WAIT. */
enum ike_eap_result ike_eap_resume(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure);

/* After IKE_EAP_DONE: the MSK that AUTH is made with; empty when the method makes none (MD5). */
struct bytes ike_eap_msk(const struct ike_eap *eap);
/* The identity that the method proved (the user's name, the TLS certificate's), or NULL: then
 * nothing but the conversation was proved. Borrowed. */
struct ike_identity *ike_eap_identity(const struct ike_eap *eap);
/* The method authenticates both sides, so the server need not (RFC 5998). */
bool ike_eap_is_mutual(const struct ike_eap *eap);

/* An identity that a peer or server gives as text: never a pattern. NULL when it is none. */
struct ike_identity *ike_eap_identity_of(struct bytes text);
/* An identity as text for EAP; false when it is too long. */
MUST_USE bool ike_eap_identity_put(struct writer *w, const struct ike_identity *id);
/* Bytes of the peer's, for people: unprintable ones become '?'. Returns text. */
char *ike_eap_printable(struct bytes from, char *text, size_t room);

#endif
