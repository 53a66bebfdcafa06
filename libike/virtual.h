/*
 * Virtual addresses: what an IKE SA has been given by its peer, or has given to it (RFC 7296 3.15;
 * IKEv1: Mode Config). Both versions use it; how it is said on the wire is theirs.
 *
 * It is the IKE SA's, on the heap (sa->virtual, NULL nearly always), goes with it to its successor,
 * and is given back when the SA ends.
 */
#ifndef LIBIKE_VIRTUAL_H
#define LIBIKE_VIRTUAL_H

#include "libike/engine.h"
#include "libike/leased.h"
#include "libike/model/domain.h"
#include "libike/model/pools.h"

/* Of one IKE SA, each way. */
#define IKE_VIRTUAL_ADDRESSES_MAX 8
/* Networks behind other clients, in one message. */
#define IKE_VIRTUAL_ANNOUNCED_MAX 64

struct ike_virtual_address {
	struct address address;  /* no port */
	struct ike_lease *lease; /* of the peer's; NULL: no pool of ours has it (RADIUS, DHCP) */
	bool installed;          /* of ours */
};

struct ike_bypass;

struct ike_virtual {
	struct ike_virtual_address *ours;   /* heap */
	struct ike_virtual_address *theirs; /* heap */
	/* Heap: what the IKE SA had that this one is to take the place of; it asks for that. */
	struct address *earlier;
	uint8_t our_count, their_count, earlier_count;
	struct ike_leased *leased;        /* asked for, maybe among theirs; NULL nearly always */
	struct ike_bypass *bypass;        /* of Cisco Unity; NULL nearly always */
	struct ike_attributes attributes; /* that came with ours: DNS servers and the like */
};

/* ---- The SA's life ---- */

/* It ends: host and pools get back what it has. */
void ike_virtual_end(struct ike_engine *e, struct ike_sa *sa);
/* The same, without the host: for ike_engine_free(). */
void ike_virtual_free(struct ike_virtual *v);
/* The peer has come back with another IKE SA, and may have its addresses there. */
void ike_virtual_release_theirs(struct ike_engine *e, struct ike_sa *sa);
/* From an IKE SA to the one that takes its place: by rekeying, or with its children by adoption.
 * What the new one has already stays. */
void ike_virtual_move(struct ike_engine *e, struct ike_sa *from, struct ike_sa *to);
/* The new one, that is to reauthenticate the old one, is to ask for the same addresses. */
void ike_virtual_remember(const struct ike_sa *old, struct ike_sa *new);
/* What `dynamic` selectors of one side stand for: returns how many of ret, where a network of all
 * addresses is one that is asked for and not known yet. */
size_t ike_virtual_dynamic(
	const struct ike_sa *sa, bool local, struct ike_selector ret[IKE_VIRTUAL_ADDRESSES_MAX]);

static inline size_t ike_virtual_our_count(const struct ike_virtual *v)
{
	return v ? v->our_count : 0;
}

static inline size_t ike_virtual_their_count(const struct ike_virtual *v)
{
	return v ? v->their_count : 0;
}

/* ---- Asking: `vips` ---- */

/* What to ask for; each a family with an address or 0.0.0.0 or ::. 0: nothing. */
size_t ike_virtual_wishes(const struct ike_sa *sa, struct address ret[IKE_VIRTUAL_ADDRESSES_MAX]);
/* One attribute of the peer's answer (pull) or demand (push): an address becomes ours, others are
 * kept. False when it is malformed; what is too much is passed over. */
MUST_USE bool ike_virtual_take(
	struct ike_engine *e, struct ike_sa *sa, uint16_t type, struct bytes value);
/* After the last of them. False with a failure when addresses were asked for and none came, or the
 * host could not install one. */
MUST_USE bool ike_virtual_taken(
	struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure);

/* A gateway is not to make this host think that it is somebody whom nobody is. */
bool ike_virtual_is_unicast(const struct address *a);

/* ---- DNS that came with them ---- */

/* Attributes of DNS among those of ike_virtual_take(), which calls it: servers, and the domains
 * that they are for (of IKEv1: Unity's). Once each, and in the form of IKEv2's. *ret_good: it is
 * not malformed. False: it is another attribute. */
MUST_USE bool ike_virtual_take_dns(struct ike_engine *e, const struct ike_sa *sa, uint16_t type,
	struct bytes value, bool *ret_good);
/* After the last of them: says in the log what came. */
void ike_virtual_dns_taken(struct ike_engine *e, const struct ike_sa *sa);
/* The index'th server, from 0. False at the end. v may be NULL. */
bool ike_virtual_dns_server(const struct ike_virtual *v, size_t index, struct address *ret);
/* The index'th domain. Without servers there are none (RFC 8598 3.2). */
bool ike_virtual_dns_domain(
	const struct ike_virtual *v, size_t index, char ret[IKE_DOMAIN_TEXT_MAX]);

/* ---- Giving: `pools` ---- */

/* Before it is given: true when a DHCP server is being asked for it (of the pool `dhcp`, when what
 * is named before that has none). ike_resume() comes, then this is asked again. */
MUST_USE bool ike_virtual_waits(
	struct ike_engine *e, struct ike_sa *sa, const struct address *wanted);
/* One address for the peer, of the connection's pools or what RADIUS or DHCP said; logged. False:
 * there is none. */
MUST_USE bool ike_virtual_give(
	struct ike_engine *e, struct ike_sa *sa, const struct address *wanted, struct address *ret);
/* How full its pools are, for people, as ike_pools_describe(); what DHCP had to say among them. */
char *ike_virtual_describe_pools(
	const struct ike_engine *e, const struct ike_sa *sa, char *text, size_t text_size);
/* Why the DHCP server gave none; NULL: it was not asked, or gave one. */
static inline const char *ike_virtual_leased_error(const struct ike_virtual *v)
{
	return v && v->leased ? v->leased->error : NULL;
}
/* What goes with the addresses that were given: the attributes of their pools, and of the RADIUS
 * or DHCP server whose address it is. index from 0; NULL
 * at the end. Which of them a peer may be told of is the caller's to know. */
const struct ike_attribute *ike_virtual_attribute(const struct ike_sa *sa, size_t index);
/* Whether a DNS server goes along: without one, domains may not (RFC 8598 3.2). */
bool ike_virtual_gives_server(const struct ike_sa *sa);

/* Networks of other clients that are announced to the peer, when the connection has %clients on our
 * side; returns how many. */
size_t ike_virtual_announced(
	const struct ike_sa *sa, struct ike_selector ret[IKE_VIRTUAL_ANNOUNCED_MAX]);

/* ---- Attributes on the wire: values, without type and length ---- */

/* The value of an address attribute (INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS): empty is "any of
 * that family". False when it is malformed or another attribute. */
MUST_USE bool ike_virtual_address_of(uint16_t type, struct bytes value, struct address *ret);
/* The other way round; the result is in room. with_prefix: IKEv2's form of IPv6. */
uint16_t ike_virtual_address_value(
	const struct address *a, bool with_prefix, uint8_t room[17], struct bytes *ret_value);
/* INTERNAL_IP4_SUBNET or INTERNAL_IP6_SUBNET, which is returned, and its value; of a range the
 * smallest network that has it. And the other way round. */
uint16_t ike_virtual_subnet_value(
	const struct ike_selector *s, uint8_t room[17], struct bytes *ret_value);
MUST_USE bool ike_virtual_subnet_of(uint16_t type, struct bytes value, struct ike_selector *ret);

#endif
