/*
 * One CHILD_SA as it was seen: what the daemon has of it beside what the kernel and the network
 * around have. Plain data: look.h fills it, judge.h concludes from it.
 */
#ifndef CHARON_LITE_EXPLAIN_TUNNEL_H
#define CHARON_LITE_EXPLAIN_TUNNEL_H

#include "charon-lite/explain/drops.h"
#include "libbase/address.h"
#include "libike/host.h"
#include "libxfrm/policy.h"

#include <net/if.h>

/* One direction of it in the kernel. */
struct cl_seen_sa {
	bool wanted;  /* the daemon has installed it */
	bool missing; /* and the kernel does not have it */
	uint32_t spi;
	uint32_t other_spi; /* of one in its place: same destination and reqid; 0: none */
	uint64_t bytes, packets;
	uint32_t integrity_failures; /* packets dropped, here and below */
	uint32_t outside_window;
	uint32_t replayed;
	uint64_t highest; /* sequence number that came in; 0: unknown, or it began before packets
			     was counted */
	/* Policies of the direction, which may outlive rekeyings; seconds, -1: none or unknown. */
	int64_t policy_age;  /* since the oldest was installed */
	int64_t policy_used; /* since a packet met one of them */
};

/* A policy that is not as it should be. */
struct cl_seen_policy {
	bool seen;
	struct xfrm_policy_id id;
	uint32_t priority;
	bool blocks; /* its action, and no templates: it lets pass in clear */
	bool protects;
	bool covers; /* all of what the other is for, not a part */
};

/* Where the kernel sends packets to an address. */
struct cl_seen_route {
	bool asked;
	bool found; /* false: unreachable, prohibited, or no route at all */
	bool local; /* it is an address of this host */
	struct address to;
	struct address source;  /* family 0: not said */
	struct address gateway; /* family 0: it is on the link */
	char interface[IF_NAMESIZE];
	uint32_t if_id;         /* of that interface, if it is an xfrm interface; 0: none */
	uint32_t mtu;           /* on that way: the link's, or less where that is known */
	uint32_t interface_mtu; /* the link's */
};

/* A rule that translates source addresses and is met by packets that the tunnel is for. */
struct cl_seen_masquerade {
	bool seen;
	bool sure;        /* it has no conditions but those that were compared */
	char rule[256];   /* as text */
	uint64_t packets; /* that it has caught, of all kinds */
};

/* What the kernel dropped since the tunnel is there, of all that passes this host. */
struct cl_seen_drops {
	bool known;
	struct cl_drops count;
};

struct cl_seen_tunnel {
	const char *child; /* name of the definition */
	struct address local, remote;
	struct address answers_from; /* the peer, of IKE; family 0: from remote */
	uint8_t mode;                /* enum ike_mode */
	uint8_t protocol;            /* enum ike_protocol */
	bool udp;                    /* ESP in UDP */
	int64_t age;                 /* seconds since it was installed */
	uint32_t if_id_out;
	struct cl_seen_sa in, out;
	unsigned policies_wanted, policies_missing;
	struct cl_seen_policy missing; /* the first of those */
	struct cl_seen_policy shadow;  /* another program's, in front of one of ours */
	unsigned foreign_sas;          /* between the same hosts, by another program */
	uint16_t family;               /* of the networks */
	struct cl_seen_route to_peer;
	struct cl_seen_route into;    /* a host of the peer's networks */
	bool into_has_rules;          /* that way may depend on more than where packets go to */
	struct cl_seen_route behind;  /* a host of ours */
	bool forwards;                /* the kernel forwards packets of that family */
	bool behind_is_network;       /* more than this host's own addresses */
	bool behind_is_here;          /* our outer address is among what the tunnel is for */
	bool one_link;                /* packets can come in by one interface only */
	char arrives_at[IF_NAMESIZE]; /* the interface that packets of the peer may come in by */
	bool arrives_by_address;      /* as it has our outer address; else it is a guess */
	int rp_filter;                /* there: 0, 1 strict, 2 loose; -1 unknown */
	struct cl_seen_drops drops;
	struct cl_seen_masquerade masquerade;
	uint32_t overhead;  /* octets that ESP adds at most, outer header included */
	uint32_t inner_mtu; /* largest packet that fits into the way's MTU; 0: unknown */
	uint32_t mss;       /* for TCP within; 0: unknown */
	/* Of the whole network namespace, from /proc/net/xfrm_stat, since boot. */
	uint64_t no_states, template_mismatch, no_policies, blocked;
};

#endif
