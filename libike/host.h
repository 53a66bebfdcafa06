/*
 * The host: the engine's hands.
 *
 * libike does no I/O. What it wants done it asks of these functions, in order; the daemon, the
 * simulator, the fuzzers and the benchmark each bring theirs. None of them may call back into the
 * engine. Everything passed to them is borrowed for the duration of the call. They are called from
 * the thread that called the engine.
 */
#ifndef LIBIKE_HOST_H
#define LIBIKE_HOST_H

#include "libbase/address.h"
#include "libbase/why.h"
#include "libike/base/selector.h"
#include "libike/crypto/algorithm.h"

#include <openssl/types.h>

/* Milliseconds on a clock that never goes back. */
typedef int64_t ike_time;
#define IKE_NEVER INT64_MAX
#define IKE_SECONDS(n) ((ike_time)(n)*1000)

struct ike_sa;
struct ike_child;
struct ike_certificate;
struct ike_connection;
struct ike_identity;
struct ike_failure_record;
struct ike_virtual;

/* An IKE message on its way, without the non-ESP marker: whoever owns the socket of port 4500 adds
 * and strips it. local is the address (and port) of ours that it goes from or came to. */
struct ike_datagram {
	struct address local;
	struct address remote;
	struct bytes data;
	uint8_t dscp; /* of those that are sent: RFC 2474's codepoint, six bits */
};

/* ---- Kernel ---- */

enum ike_mode {
	IKE_MODE_TUNNEL,
	IKE_MODE_TRANSPORT,
	IKE_MODE_BEET,
	IKE_MODE_PASS, /* shunts: no SA */
	IKE_MODE_DROP,
};

/* What a network card does of ESP. */
enum ike_hw_offload {
	IKE_HW_OFFLOAD_NO,
	IKE_HW_OFFLOAD_CRYPTO, /* encrypts and decrypts; it must */
	IKE_HW_OFFLOAD_PACKET, /* policies and headers, too; it must */
	IKE_HW_OFFLOAD_AUTO,   /* encrypts and decrypts if it can */
};

/* mask 0 means "no mark". %unique has been replaced by a number. */
struct ike_mark {
	uint32_t value;
	uint32_t mask;
};

struct ike_lifetime {
	uint64_t soft_seconds; /* 0 means unlimited, here and below */
	uint64_t hard_seconds;
	uint64_t soft_bytes;
	uint64_t hard_bytes;
	uint64_t soft_packets;
	uint64_t hard_packets;
};

/* What names one SA in the kernel: destination, protocol, SPI (and mark). */
struct ike_kernel_id {
	struct address source;
	struct address destination;
	uint32_t spi;     /* host order */
	uint8_t protocol; /* IKE_PROTOCOL_ESP or _AH */
	/* Of the IPComp SA that belongs to it (RFC 3173): packets are compressed with DEFLATE
	 * first. 0: they are not. */
	uint16_t cpi;
	struct ike_mark mark;
	uint32_t if_id;
};

/* One direction of a child SA. */
struct ike_kernel_sa {
	struct ike_kernel_id
		id; /* ports in source and destination are those of UDP encapsulation */
	bool inbound;
	bool udp_encapsulation;
	uint8_t mode;       /* enum ike_mode: tunnel, transport, BEET */
	uint8_t hw_offload; /* enum ike_hw_offload */
	uint32_t reqid;
	const struct ike_algorithm *encryption; /* NULL for AH */
	const struct ike_algorithm *integrity;  /* NULL with an AEAD */
	struct bytes encryption_key;            /* secret: salt included; never log */
	struct bytes integrity_key;
	bool esn;
	bool one_processor;     /* it is for packets of `processor` alone (RFC 9611) */
	uint32_t processor;     /* from 0 on */
	uint32_t replay_window; /* packets; 0 disables replay protection */
	struct ike_lifetime lifetime;
	struct ike_mark set_mark;
	uint32_t tfc_padding; /* bytes; 0 none */
	bool copy_df;
	bool copy_ecn;
	bool copy_dscp_out;
	bool copy_dscp_in;
	/* Selectors as seen from the packet: source is ours when outbound. Used in transport mode.
	 */
	const struct ike_selector *source_selectors;
	const struct ike_selector *destination_selectors;
	uint8_t source_selector_count;
	uint8_t destination_selector_count;
};

struct ike_kernel_usage {
	uint64_t bytes;
	uint64_t packets;
	/* Seconds since a packet last used it; UINT64_MAX when never. */
	uint64_t idle_seconds;
};

enum ike_policy_kind {
	IKE_POLICY_CHILD, /* of an installed child SA */
	IKE_POLICY_TRAP,  /* of `start_action = trap`: a packet raises an acquire */
	IKE_POLICY_SHUNT, /* mode pass or drop */
};

/* All policies of one child (out, in and fwd, for every pair of selectors). Installing the same
 * ones twice counts references; removing is by the same description. */
struct ike_kernel_policies {
	uint8_t kind;        /* enum ike_policy_kind */
	uint8_t mode;        /* enum ike_mode */
	uint8_t protocol;    /* IKE_PROTOCOL_ESP or _AH */
	bool no_fwd_out;     /* policies_fwd_out = no (the default): no outbound FWD policies */
	bool packet_offload; /* the SAs are offloaded as IKE_HW_OFFLOAD_PACKET */
	bool without_routes; /* packets come by an interface that has its own (tunnel_interface) */
	bool for_each_processor; /* an acquire for each that has no SA of its own (RFC 9611) */
	uint16_t cpi_out;        /* of children whose packets are compressed; else 0 */
	uint32_t reqid;
	uint32_t priority;     /* 0: computed as strongSwan does; else as configured */
	uint32_t spi_out;      /* 0: whichever has the reqid; for traps, and for_each_processor */
	struct address local;  /* tunnel endpoints */
	struct address remote; /* family 0 in traps whose peer is not known */
	struct ike_mark mark_in;
	struct ike_mark mark_out;
	uint32_t if_id_in;
	uint32_t if_id_out;
	const char *interface; /* or NULL */
	const struct ike_selector *local_selectors;
	const struct ike_selector *remote_selectors;
	uint8_t local_count;
	uint8_t remote_count;
};

/* ---- Log ---- */

/* strongSwan's groups and levels, so that filelog and syslog settings keep their meaning. */
enum ike_log_group {
	IKE_LOG_DMN,
	IKE_LOG_MGR,
	IKE_LOG_IKE,
	IKE_LOG_CHD,
	IKE_LOG_JOB,
	IKE_LOG_CFG,
	IKE_LOG_KNL,
	IKE_LOG_NET,
	IKE_LOG_ENC,
	IKE_LOG_LIB,
	IKE_LOG_GROUPS,
};

enum ike_log_level {
	IKE_LOG_AUDIT = 0, /* what must always be seen: up, down, refused */
	IKE_LOG_INFO = 1,  /* what happened: the default */
	IKE_LOG_DETAIL = 2,
	IKE_LOG_WIRE = 3,
};

struct ike_log {
	uint8_t group;
	int8_t level;
	uint32_t ike_id;        /* unique id of the IKE SA; 0 when there is none */
	const char *connection; /* name, or NULL */
	const char *text;       /* one line, no line feed; never a secret */
};

const char *ike_log_group_name(uint8_t group); /* "IKE", "CFG", ... */

/* ---- Events ---- */

enum ike_event_kind {
	IKE_EVENT_IKE_UP,    /* established (VICI ike-updown up=yes) */
	IKE_EVENT_IKE_ENDS,  /* was established, ends (VICI ike-updown without up); of IKEv2 before
				its  children, as charon tells it */
	IKE_EVENT_IKE_DOWN,  /* the same, after its children */
	IKE_EVENT_IKE_STATE, /* sa->state changed to ESTABLISHED or DESTROYING */
	IKE_EVENT_CHILD_UP,  /* installed (child-updown up=yes; updown script up) */
	IKE_EVENT_CHILD_DOWN,
	IKE_EVENT_CHILD_STATE,   /* child->state changed */
	IKE_EVENT_IKE_REKEY,     /* other: the new SA */
	IKE_EVENT_CHILD_REKEY,   /* other_child: the new child */
	IKE_EVENT_IKE_UPDATE,    /* sa->local or sa->remote is about to change: `local`, `remote` */
	IKE_EVENT_CHILD_SA_GOES, /* one of child's SAs is about to leave the kernel: `inbound` */
	IKE_EVENT_ALERT,         /* something failed: `failure`, `connection`; sa may be NULL */
};

struct ike_event {
	uint8_t kind;
	const struct ike_sa *sa;
	const struct ike_child *child; /* of sa, or NULL */
	const struct ike_sa *other;
	const struct ike_child *other_child;
	const struct address *local; /* IKE_UPDATE: the new ones */
	const struct address *remote;
	const struct ike_failure_record *failure;
	const struct ike_connection *connection; /* that it concerns, or NULL */
	bool inbound;                            /* CHILD_SA_GOES */
};

/* ---- What may take long: asked with a ticket, answered by a later call of the engine ---- */

struct ike_signature_scheme;

/* One operation with a private key that the host holds. */
struct ike_sign {
	uint64_t handle; /* of struct ike_private_key */
	const struct ike_signature_scheme *scheme;
	struct bytes data; /* not hashed yet */
};

/* One HTTP request: GET, or POST when there is a body. */
struct ike_fetch {
	const char *url;
	struct bytes body;
	const char *content_type; /* of the body; NULL without */
	size_t size_limit;        /* bytes; a longer answer is none */
};

/* One step of a conversation with a RADIUS server (RFC 3579). `session` is the EAP conversation's,
 * chosen by the engine; the host keeps State and server for it until radius_forget(). */
struct ike_radius_request {
	uint64_t session;
	uint32_t ike_id;
	const struct ike_identity *peer; /* IKE identity */
	const char *user;                /* EAP identity, for User-Name */
	struct address local, remote;    /* NAS and peer */
	struct bytes eap;                /* the packet of the peer's */
};

/* A user's password (IKEv1's XAuth), to be held against what this host knows of its users (PAM). */
struct ike_password_check {
	const char *user;
	struct bytes password; /* secret: never log */
	struct address remote; /* the peer */
};

/* An IPv4 address for a peer, from a DHCP server. */
struct ike_lease_wish {
	uint32_t ike_id;
	const struct ike_identity *peer; /* EAP identity, else IKE identity */
	struct address wanted;           /* 0.0.0.0: any */
	struct address remote;           /* where the peer is */
};

/* One step of a TLS conversation of EAP-TLS, which takes place where the private key is. */
struct ike_tls_step {
	uint64_t session;
	bool server;
	uint64_t handle;                      /* our private key */
	struct ike_certificate *const *chain; /* ours, the end first */
	size_t chain_count;
	struct bytes input; /* TLS records of the peer's; empty: the client begins */
};

struct ike_host {
	void *context;

	/* Seconds since 1970 UTC, for certificates: as right as this host's clock. */
	int64_t (*wall_clock)(void *context);
	/* False when it cannot even be asked (no such key, too many at once); else
	 * ike_engine_signed(), _fetched(), _radius_answered(), _password_checked(),
	 * _tls_answered(), _leased() bring the answer, never from within the call. May be NULL: it
	 * cannot. */
	bool (*sign)(void *context, const struct ike_sign *what, uint64_t ticket);
	bool (*fetch)(void *context, const struct ike_fetch *what, uint64_t ticket);
	bool (*radius)(void *context, const struct ike_radius_request *what, uint64_t ticket);
	void (*radius_forget)(void *context, uint64_t session);
	bool (*check_password)(
		void *context, const struct ike_password_check *what, uint64_t ticket);
	bool (*tls)(void *context, const struct ike_tls_step *what, uint64_t ticket);
	void (*tls_forget)(void *context, uint64_t session);
	/* Answered within some seconds, be it that nobody answered the host.
	 * What was given is kept alive until it is returned, which also ends a question; when that
	 * fails, ike_engine_lease_lost() says so, and it has still to be returned. */
	bool (*lease)(void *context, const struct ike_lease_wish *what, uint64_t ticket);
	void (*lease_return)(void *context, uint64_t ticket);

	/* For all cryptography and all randomness; borrowed, outlives the engine. */
	OSSL_LIB_CTX *library;

	void (*send)(void *context, const struct ike_datagram *datagram);

	/* The address of ours that packets to remote leave from; false when there is no route. */
	bool (*source_address)(void *context, const struct address *remote, struct address *ret);

	/* Whether there is a route for packets to remote that leave from that address of ours. May
	 * be NULL: there always is. */
	bool (*has_route)(void *context, const struct address *local, const struct address *remote);

	/* Addresses of this host that peers could be reached from (family 0: both families),
	 * without loopback and link-local ones; returns how many of at most room. */
	size_t (*local_addresses)(void *context, uint16_t family, struct address *ret, size_t room);
	/* Asks for the addresses of a host name (family 0: both); ike_engine_resolved() brings the
	 * answer. False when it cannot even be asked. */
	bool (*resolve)(void *context, const char *name, uint16_t family, uint64_t ticket);

	bool (*spi_allocate)(void *context, uint8_t protocol, const struct address *source,
		const struct address *destination, uint32_t reqid, uint32_t *ret_spi,
		struct why *why);
	/* A CPI for what comes in, to be in struct ike_kernel_id from then on. May be NULL: nothing
	 * is compressed. */
	bool (*cpi_allocate)(void *context, const struct address *source,
		const struct address *destination, uint32_t reqid, uint16_t *ret_cpi,
		struct why *why);
	/* Inbound replaces the larval SA of spi_allocate. */
	bool (*sa_install)(void *context, const struct ike_kernel_sa *sa, struct why *why);
	/* Also removes a larval one. Removing what is gone is not an error. SPI 0: the CPI alone.
	 */
	void (*sa_remove)(void *context, const struct ike_kernel_id *id);
	bool (*sa_query)(
		void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret);
	/* Moves one kernel SA, named by its old id, to other addresses and ports: SPI, keys,
	 * counters, sequence numbers and lifetimes stay (RFC 4555, NAT mappings). Also a larval
	 * one. */
	bool (*sa_move)(void *context, const struct ike_kernel_id *id, const struct address *source,
		const struct address *destination, bool udp_encapsulation, struct why *why);
	/* Installing the policies of a second child with the same selectors, or the same with other
	 * endpoints, and then removing the first's leaves no moment without a policy; of equals the
	 * newest is what the kernel has. */
	bool (*policies_install)(
		void *context, const struct ike_kernel_policies *policies, struct why *why);
	void (*policies_remove)(void *context, const struct ike_kernel_policies *policies);

	/* A virtual address of this host's own is wanted, by an IKE SA whose messages leave from
	 * local; it stays until it was removed as often as it was installed. False with why: it
	 * cannot be had. Both may be NULL: nothing is installed. */
	bool (*address_install)(void *context, const struct address *address,
		const struct address *local, struct why *why);
	void (*address_remove)(void *context, const struct address *address);

	/* What DNS (libike/virtual.h) came with that virtual address of ours, in place of what it
	 * had: maybe none. It goes when the address has been removed. May be NULL. */
	void (*name_servers)(
		void *context, const struct address *address, const struct ike_virtual *v);

	void (*log)(void *context, const struct ike_log *log);
	/* Cheap question before a text is made. */
	bool (*log_wanted)(void *context, uint8_t group, int level);

	void (*event)(void *context, const struct ike_event *event);

	/* A command given with that ticket is over; text says why not, when it failed. */
	void (*command_done)(void *context, uint64_t ticket, bool done, const char *text);
};

#endif
