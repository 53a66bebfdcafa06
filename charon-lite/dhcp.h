/*
 * A DHCP client for the clients of tunnels (RFC 2131): gets addresses, keeps them alive, gives
 * them back. No sockets and no clock in here: those are dhcp_socket.h's and dhcp_host.h's.
 *
 * A lease belongs to an identity. With identity_lease its hardware address and client identifier
 * are made of the identity, so that the server gives the same address again; a second client of the
 * same identity has others, made of it and a number. Without, hardware addresses are random. A
 * client that asks for the address which its identity has, from the same host, shares that lease:
 * it is reauthenticating.
 *
 * Thread rule: belongs to the loop's thread.
 */
#ifndef CHARON_LITE_DHCP_H
#define CHARON_LITE_DHCP_H

#include "charon-lite/dhcp_packet.h"
#include "charon-lite/log.h"
#include "libike/engine.h"

#include <openssl/types.h>

/* How long a client waits for an address; its IKE SA has half_open_timeout. */
#define CL_DHCP_PATIENCE IKE_SECONDS(20)
/* Until the first repetition; then twice as long each time, each a second more or less (4.1). */
#define CL_DHCP_REPEAT_AFTER IKE_SECONDS(4)

struct cl_dhcp;

struct cl_dhcp_config {
	OSSL_LIB_CTX *library;
	void *context;
	/* Whose sender fills in m->relay when it is one. unicast: to that server alone, NULL: to
	 * those that the settings name. What cannot be sent now is sent again. */
	void (*send)(void *context, struct cl_dhcp_message *m, const struct address *unicast);
	/* From cl_dhcp_tick() alone. attributes and error as in struct ike_leased_answer. */
	void (*answered)(void *context, uint64_t ticket, const struct ike_leased_answer *answer);
	void (*lost)(void *context, uint64_t ticket, const char *error);
	/* The address has a client now, or none any more. */
	void (*held)(void *context, const struct address *address, bool held);
};

/* NULL when memory ran out. */
struct cl_dhcp *cl_dhcp_new(const struct cl_dhcp_config *config, struct cl_log *log);
/* Gives back what there is; nobody is told any more. NULL is fine. */
void cl_dhcp_free(struct cl_dhcp *d);

/* For those who ask from now on. */
void cl_dhcp_identity_lease(struct cl_dhcp *d, bool on);

/* False without memory. */
MUST_USE bool cl_dhcp_ask(
	struct cl_dhcp *d, ike_time now, const struct ike_lease_wish *what, uint64_t ticket);
/* An unknown ticket is fine. */
void cl_dhcp_return(struct cl_dhcp *d, ike_time now, uint64_t ticket);
void cl_dhcp_received(struct cl_dhcp *d, ike_time now, struct bytes message);

/* Does what is due; to be called when cl_dhcp_deadline() has come, which each of the functions
 * above may bring forward. IKE_NEVER: nothing is. */
void cl_dhcp_tick(struct cl_dhcp *d, ike_time now);
ike_time cl_dhcp_deadline(const struct cl_dhcp *d);
bool cl_dhcp_is_idle(const struct cl_dhcp *d); /* nobody has or wants a lease */

#endif
