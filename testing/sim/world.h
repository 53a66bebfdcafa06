/*
 * A made-up world: engines on a virtual clock, joined by a network that may lose, duplicate,
 * reorder, delay and corrupt, each with a made-up kernel. Everything that happens follows from the
 * seed and the calls made; the trace's hash says whether two runs were the same bit for bit.
 *
 * Used by the simulator (sim.c), the engine's unit tests and the fuzzers. What goes against an
 * invariant is a "complaint"; the caller looks at sim_world.complaints. Running out of memory ends
 * the program.
 */
#ifndef TESTING_SIM_WORLD_H
#define TESTING_SIM_WORLD_H

#include "libike/engine.h"
#include "testing/sim/kernel.h"
#include "testing/sim/random.h"

#include <stdio.h>

#define SIM_NODES_MAX 12
#define SIM_ADDRESSES_MAX 4
#define SIM_NAMES_MAX 12
#define SIM_SENT_LISTS 256
#define SIM_MAPPINGS_MAX 32
#define SIM_PARTITIONS_MAX 32
#define SIM_KEYS_MAX 16

struct sim_world;

/* What the network does to datagrams, in a thousand; delays in milliseconds. */
struct sim_faults {
	uint32_t loss;
	uint32_t duplicate;
	uint32_t corrupt;
	uint32_t replay; /* comes again seconds later */
	uint32_t delay_from;
	uint32_t delay_to;
};

/* Datagrams from one node (or to it) vanish between two times. */
struct sim_partition {
	ike_time from, to;
	uint8_t node;
	bool outbound;
};

/* A NAT box before a node: everything leaves from its public address, each inner port from a port
 * of its own; only what was sent out has a way in. */
struct sim_mapping {
	uint16_t inner_port;
	uint16_t public_port;
};
struct sim_nat {
	bool here;
	bool keeps_ports;
	bool rebound;
	struct address public_address;
	struct sim_mapping mappings[SIM_MAPPINGS_MAX];
	size_t count;
};

/* A datagram under way. */
struct sim_flight {
	struct sim_flight *next; /* by time, then in the order of sending */
	ike_time at;
	uint64_t order;
	uint8_t from;               /* node */
	uint32_t number;            /* by hand: for whoever delivers; 0 at first */
	struct address source;      /* as sent; */
	struct address source_seen; /* as seen behind the sender's NAT */
	struct address destination; /* as sent */
	uint8_t dscp;
	size_t length;
	size_t capacity;
	uint8_t *data;
};

/* Something to be done at a time. */
struct sim_plan {
	struct sim_plan *next;
	ike_time at;
	uint64_t order;
	void (*run)(struct sim_world *w, void *context, uint64_t argument);
	void *context;
	uint64_t argument;
	bool owns_context; /* freed with it */
};

/* A command with a ticket. */
struct sim_command {
	struct sim_command *next; /* newest first */
	uint64_t ticket;
	uint8_t node;
	uint8_t answers;
	bool lost; /* the engine was taken down before it answered */
	bool done;
	char what[64];
	char text[256];
};

/* A name in the DNS of this world. */
struct sim_name {
	char name[48];
	struct address addresses[4];
	size_t count; /* 0: the name has no address */
	bool silent;  /* no server answers */
};

#define SIM_PAGES_MAX 8

/* What is to be had at a URL. */
struct sim_page {
	char url[64];
	struct bytes body; /* heap; empty: nothing is there */
	/* Instead: makes the answer to what was posted; heap. */
	struct bytes (*respond)(const struct sim_page *page, struct bytes request);
	const void *context; /* for respond() */
	ike_time delay;
	bool silent; /* no server answers */
	uint32_t asked[SIM_NODES_MAX];
};

/* The last log lines of a node are kept for tests to look at. */
#define SIM_LOG_LINES 400

/* How a host's private keys behave. */
enum sim_signer {
	SIM_SIGNER_WORKS, /* after some hundred milliseconds at most */
	SIM_SIGNER_FAILS,
	SIM_SIGNER_SILENT, /* never answers */
};

/* A virtual address that the engine had installed. */
struct sim_virtual {
	struct address address;
	uint32_t times;
};
#define SIM_VIRTUAL_MAX 8

struct sim_node {
	struct sim_world *world;
	struct sim_library *library;
	struct sim_random random;
	uint32_t processors; /* that its kernel has SAs for, one each; 0: it has none */
	struct sim_kernel kernel;
	struct ike_settings settings;
	struct ike_engine *engine; /* NULL while it is down */
	struct ike_host host;
	/* IPv4, IPv6, others; family 0: none. The first of a family is the one that packets leave
	 * from. */
	struct address address[SIM_ADDRESSES_MAX];
	/* Whether it has a route for packets between the two; NULL: it always has. */
	bool (*has_route)(const struct address *local, const struct address *remote);
	struct sim_virtual virtual[SIM_VIRTUAL_MAX];
	bool refuses_virtual;         /* as a kernel that has it on another interface */
	EVP_PKEY *keys[SIM_KEYS_MAX]; /* private ones; the handle is the index + 1 */
	size_t key_count;
	uint8_t signer;       /* enum sim_signer */
	ike_time clock_ahead; /* of the world's */
	uint32_t lives;       /* engines so far */
	struct sim_nat nat;
	uint8_t index;
	char name[8];
	bool busy; /* inside a call of the engine */
	ike_time ticked_at;
	uint32_t ticks; /* without the clock moving */

	/* What came and went in the clear, for the check of amplification. */
	uint64_t octets_in, octets_clear_out;
	uint64_t datagrams_in, datagrams_clear_out;

	int32_t ike_up, child_up; /* events up less down */
	char *log[SIM_LOG_LINES];
	size_t log_count; /* ever written */
};

struct sim_world {
	uint64_t seed;
	struct sim_random random;
	ike_time now;
	uint64_t order;
	struct sim_library *seal_library; /* of seal.c; kept like the nodes' */
	struct ike_crypto *seal_crypto;
	struct sim_node nodes[SIM_NODES_MAX];
	size_t node_count;

	struct sim_flight *flights;
	struct sim_plan *plans;
	struct sim_faults faults;
	ike_time faults_until;
	struct sim_partition partitions[SIM_PARTITIONS_MAX];
	size_t partition_count;
	struct sim_name names[SIM_NAMES_MAX];
	size_t name_count;
	struct sim_page pages[SIM_PAGES_MAX];
	size_t page_count;
	uint64_t datagrams_sent;
	uint64_t datagrams_harmed; /* lost, corrupted, cut off */
	uint64_t steps;
	uint64_t ike_sas_up, children_up; /* events, both ends */
	uint64_t ike_rekeyings, child_rekeyings;

	/* Asked when a datagram arrives, the engines at rest; may change data (up to capacity);
	 * false drops it. May be NULL. */
	bool (*filter)(void *context, struct sim_world *w, struct sim_flight *flight);
	void *filter_context;

	/* Told of every event of an engine; may be NULL. */
	void (*event)(void *context, struct sim_node *n, const struct ike_event *event);
	void *event_context;

	struct sim_command *commands;
	uint64_t tickets;

	/* What no log may show: texts as they are, octets in hexadecimal. */
	struct sim_secret *secrets;
	struct sim_hex *hex;                   /* what logs showed in hexadecimal */
	struct sim_sent *sent[SIM_SENT_LISTS]; /* requests, counted */

	int verbose; /* trace to stdout: 1 events, 2 datagrams in full */
	int log_level;
	uint64_t hash;
	uint32_t complaints;
	char complaint[600]; /* the first */
	bool checks;         /* after every call of an engine; off for fuzzers */
	bool no_secrets;     /* logs are not searched for them: that costs much in long runs */
	bool by_hand;        /* what is under way stays so until somebody delivers it */
};

/* Makes the world anew; libraries are kept between worlds of one struct. Zero it before the first
 * use. */
void sim_world_begin(struct sim_world *w, uint64_t seed);
/* Frees engines, kernels, everything but the libraries. */
void sim_world_end(struct sim_world *w);
void sim_world_free(struct sim_world *w); /* the libraries too */

/* A node at 192.0.2.N and 2001:db8::N (behind a NAT box 10.N.0.1 and 203.0.113.N, IPv4 only), N
 * counted from 1. Not started: change its settings first. */
struct sim_node *sim_node_add(struct sim_world *w, bool behind_nat);
/* A fresh engine, without configuration. */
void sim_node_start(struct sim_node *n);
/* The engine and its kernel are gone from one moment to the next. */
void sim_node_crash(struct sim_node *n);
/* The engine is gone, its kernel goes on with what it has until the next one starts. */
void sim_node_kill(struct sim_node *n);
/* By the node's own clock. */
ike_time sim_node_now(const struct sim_node *n);
void sim_node_clock_jump(struct sim_node *n, ike_time by); /* forward */
/* The host's address of that index is another now (family 0: gone), and the engine is told. */
void sim_node_move(struct sim_node *n, size_t index, const struct address *address);
/* The NAT box forgets its mappings. */
void sim_nat_rebind(struct sim_node *n);

/* Runs until that time; what is due at it has happened on return. */
void sim_world_run(struct sim_world *w, ike_time until);
/* Does the next thing that is due until then; false when there is none. */
bool sim_world_step(struct sim_world *w, ike_time until);
/* Runs until no engine waits for anything and nothing is under way, at most until then. */
void sim_world_settle(struct sim_world *w, ike_time until);
bool sim_world_rests(const struct sim_world *w); /* nothing planned, under way, or waited for */
struct sim_plan *sim_world_plan(struct sim_world *w, ike_time at,
	void (*run)(struct sim_world *w, void *context, uint64_t argument), void *context,
	uint64_t argument);
/* A datagram from nowhere. source is what the receiver sees. */
void sim_world_inject(struct sim_world *w, struct sim_node *to, const struct address *source,
	uint16_t port, struct bytes data);

/* Commands: engine calls at the world's time. They return the command to be watched, or NULL with
 * the reason in why when it could not begin. */
const struct sim_command *sim_node_initiate(
	struct sim_node *n, const char *ike, const char *child, struct why *why);
const struct sim_command *sim_node_terminate(
	struct sim_node *n, const struct ike_terminate *what, struct why *why);
bool sim_node_rekey(struct sim_node *n, const struct ike_rekey *what, struct why *why);
void sim_node_shutdown(struct sim_node *n);
bool sim_node_load(struct sim_node *n, struct ike_connection *c, struct why *why);
bool sim_node_unload(struct sim_node *n, const char *name);
bool sim_node_install(struct sim_node *n, const char *ike, const char *child, struct why *why);
bool sim_node_uninstall(struct sim_node *n, const char *ike, const char *child, struct why *why);
void sim_node_acquire(struct sim_node *n, const struct ike_acquire *acquire);
void sim_node_expire(struct sim_node *n, const struct ike_kernel_id *id, bool hard);
void sim_node_mapping(struct sim_node *n, uint32_t spi, const struct address *remote);
/* owners: texts of identities; NULL ends. */
void sim_node_psk(struct sim_node *n, const char *psk, const char *const *owners);
/* A post-quantum preshared key. */
void sim_node_eap(struct sim_node *n, const char *password, const char *const *owners);
void sim_node_ppk(struct sim_node *n, const char *ppk, const char *id);

/* A certificate and its private key; a CA; DER. To be called again when the node starts anew. */
void sim_node_own(struct sim_node *n, struct bytes der, EVP_PKEY *key);
void sim_node_own_key(struct sim_node *n, struct ike_public_key *public, EVP_PKEY *key);
void sim_node_trust(struct sim_node *n, struct bytes der);
/* An Ed25519 certificate for that identity (a name, an e-mail address, a DN), of an authority that
 * it trusts from now on. */
void sim_node_certify(struct sim_node *n, const char *id);

/* Before and after a call of the engine that none of the above makes. */
void sim_node_enter(struct sim_node *n);
void sim_node_leave(struct sim_node *n);

/* Whether a node's log has a line with that text. */
/* The only one that is installed, as text; "" when there is none, "several". */
const char *sim_node_virtual(const struct sim_node *n, char text[ADDRESS_TEXT_MAX]);
/* A pool as load-pool would make it; dns may be NULL. */
void sim_node_pool(struct sim_node *n, const char *name, const char *addrs, const char *dns);
/* A client as load-client would make it; networks with commas. The load's word on who is connected:
 * until the next call. NULL: it was refused, and *ret_why (may be NULL) says why. */
const char *sim_node_client(struct sim_node *n, const char *name, const char *id,
	const char *networks, struct why *ret_why);
bool sim_node_logged(const struct sim_node *n, const char *text);

PRINTF_LIKE(2, 3) void sim_complain(struct sim_world *w, const char *format, ...);
PRINTF_LIKE(2, 3) void sim_trace(struct sim_world *w, const char *format, ...);
void sim_trace_octets(struct sim_world *w, struct bytes octets); /* into the hash alone */

/* ---- signer.c ---- */

bool sim_signer_sign(struct sim_node *n, const struct ike_sign *what, uint64_t ticket);
void sim_node_forget_keys(struct sim_node *n);

/* ---- web.c ---- */

/* Makes it, empty, when it is not there. */
struct sim_page *sim_web_page(struct sim_world *w, const char *url);
bool sim_web_fetch(struct sim_node *n, const struct ike_fetch *what, uint64_t ticket);
void sim_web_free(struct sim_world *w);

/* ---- network.c ---- */

void sim_network_send(struct sim_node *from, const struct ike_datagram *datagram);
/* The node that a datagram to this address reaches; destination becomes the inner one. NULL when
 * nobody is there. */
struct sim_node *sim_network_route(struct sim_world *w, struct address *destination);
/* Whether that address is the node's own; nothing leaves from others. */
bool sim_network_has(const struct sim_node *n, const struct address *a);
/* How others see an address and port of the node. Makes a mapping when there is none. */
struct address sim_network_seen(struct sim_node *n, const struct address *inner);
void sim_network_deliver(struct sim_world *w, struct sim_flight *flight);
void sim_flight_free(struct sim_flight *flight);

/* Adds a name or finds it; ends the program when there are too many. */
struct sim_name *sim_network_name(struct sim_world *w, const char *name);
/* As in struct ike_host: the answer comes some milliseconds later. */
bool sim_network_resolve(struct sim_node *n, const char *name, uint16_t family, uint64_t ticket);
bool sim_network_cut_off(const struct sim_world *w, const struct sim_node *n, bool outbound);

/* ---- traffic.c ---- */

/* What became of a packet. */
enum sim_fate {
	SIM_ARRIVED,
	SIM_CLEAR,   /* left without protection: no policy takes it, or one of mode pass */
	SIM_DROPPED, /* by a policy of mode drop */
	SIM_WAITS,   /* a policy takes it, and there is no SA yet */
	SIM_LOST,    /* on the way */
	SIM_UNKNOWN, /* the other kernel does not know the SA */
	SIM_REFUSED, /* the other kernel's policies let it not in, or its keys are others */
};
const char *sim_fate_name(enum sim_fate fate);

/* Sends a packet from inside a node's network, now, and tells engines what their kernels tell
 * (acquires, expires, mappings). ret_to: where it arrived, else NULL; may be NULL itself. */
enum sim_fate sim_traffic_send(
	struct sim_node *n, const struct sim_packet *packet, struct sim_node **ret_to);
/* What a kernel tells of its own accord, now; also for kernels without an engine. */
void sim_traffic_expire(struct sim_node *n);

/* ---- secrets.c ---- */

void sim_secret_add(struct sim_world *w, struct bytes secret, bool is_text);
/* Complains about a text that shows a secret or has a control character. */
void sim_secrets_check_text(struct sim_world *w, const char *where, const char *text);
/* At the end: hexadecimal that turned out to be of a key. */
void sim_secrets_check_hex(struct sim_world *w);
void sim_secrets_free(struct sim_world *w);

/* ---- check.c ---- */

/* After each call of an engine: waits have deadlines, keys become known, the kernel has what the
 * children say. */
void sim_check_node(struct sim_node *n);
/* When nothing is under way: the engine's SAs and the kernel's are the same; nothing half-open. */
void sim_check_rest(struct sim_node *n);
/* Both ends of every SA that both know agree, and packets get through. An SA that one end alone
 * knows (or a child, with IKEv1) is a complaint unless one_sided; returns how many there are. */
size_t sim_check_agreement(struct sim_world *w, bool one_sided);
/* The other end of a child of an SA that is known as `other` on that node; NULL: it has none. */
const struct ike_child *sim_check_child_peer(
	const struct sim_node *peer, const struct ike_sa *other, const struct ike_child *c);
/* The other end of an SA, on another node; NULL when nobody has it. */
const struct ike_sa *sim_check_peer(struct sim_world *w, const struct sim_node *n,
	const struct ike_sa *sa, struct sim_node **ret_node);
/* Counts a request that went out; complains when it is sent too often. */
void sim_check_sent(struct sim_node *n, const struct ike_datagram *datagram);
void sim_check_sent_free(struct sim_world *w);
/* Every command was answered once. */
void sim_check_commands(struct sim_world *w);

#endif
