/*
 * Socket options that an IKE daemon's own sockets need.
 */
#ifndef LIBXFRM_SOCKET_H
#define LIBXFRM_SOCKET_H

#include "libbase/bytes.h"
#include "libbase/why.h"

/*
 * Lets this socket's packets pass all policies, both ways: IKE is never tunneled in its own
 * tunnels. family is the socket's. An AF_INET6 socket must be IPV6_V6ONLY: the option covers
 * one family only.
 */
MUST_USE bool xfrm_socket_bypass(int fd, int family, struct why *why);

/*
 * The kernel takes UDP-encapsulated ESP (RFC 3948) out of this UDP socket's packets; IKE, after
 * four zero octets, and what has no state stay.
 */
MUST_USE bool xfrm_socket_udp_encapsulation(int fd, struct why *why);

#endif
