#ifndef TEST_EXPLAIN_H
#define TEST_EXPLAIN_H

#include "charon-lite/explain/nat_rules.h"

#include <check.h>
#include <netinet/in.h>

Suite *explain_look_suite(void);
Suite *explain_nat_suite(void);
Suite *explain_nft_suite(void);

static inline struct in_addr mask(uint8_t prefix)
{
	return (struct in_addr){ prefix ? htonl(~0u << (32 - prefix)) : 0 };
}

static inline struct in6_addr mask_ipv6(uint8_t prefix)
{
	struct in6_addr all = { 0 };

	for (unsigned bit = 0; bit < prefix; bit++)
		all.s6_addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return all;
}

/* From one network to another, out by wan. */
static inline struct cl_nat_packet packet_of(uint16_t of_family)
{
	bool ipv6 = of_family == AF_INET6;
	uint8_t prefix = ipv6 ? 64 : 16;
	struct cl_nat_packet packet = {
		.source_prefix = prefix, .destination_prefix = prefix, .interface = "wan"
	};

	ck_assert(address_parse(ipv6 ? "fd01::" : "10.1.0.0", &packet.source) &&
		  address_parse(ipv6 ? "fd02::" : "10.2.0.0", &packet.destination));
	return packet;
}

#endif
