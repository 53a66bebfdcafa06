/*
 * A kernel's SA and policy tables, made up: remembers what an engine installed, complains about
 * what a real kernel would refuse, says which SA a packet would take, counts, and lets SAs expire.
 */
#ifndef TESTING_SIM_KERNEL_H
#define TESTING_SIM_KERNEL_H

#include "libike/host.h"
#include "testing/sim/random.h"

#define SIM_KEY_MAX 128
#define SIM_EXPIRED 32
#define SIM_CPIS_MAX 64

struct sim_kernel_sa {
	struct sim_kernel_sa *next; /* newest first */
	uint64_t order;
	bool larval; /* an SPI that was allocated, no more */
	bool inbound;
	bool udp_encapsulation;
	bool esn;
	uint8_t mode;
	uint32_t reqid;
	uint32_t replay_window;
	uint32_t tfc_padding;
	bool one_processor; /* other packets do not leave by it */
	uint32_t processor;
	struct ike_kernel_id id;
	const struct ike_algorithm *encryption;
	const struct ike_algorithm *integrity;
	uint8_t encryption_key[SIM_KEY_MAX];
	uint8_t integrity_key[SIM_KEY_MAX];
	size_t encryption_key_length;
	size_t integrity_key_length;
	struct ike_lifetime lifetime;
	ike_time added_at, used_at; /* used_at: IKE_NEVER when never */
	uint64_t bytes, packets;
	bool soft_told; /* the soft expire was raised */
};

/* What a kernel tells of its own accord. */
struct sim_kernel_expire {
	struct ike_kernel_id id;
	bool hard;
};

struct sim_kernel_policies {
	struct sim_kernel_policies *next; /* newest first */
	uint32_t references;
	ike_time asked_until;          /* no other acquire before; 0: none was raised */
	struct ike_kernel_policies is; /* selectors owned, interface NULL */
};

struct sim_kernel {
	struct sim_random *random; /* borrowed: SPIs and failures */
	struct sim_kernel_sa *sas;
	struct sim_kernel_policies *policies;
	struct ike_kernel_id
		cpis[SIM_CPIS_MAX]; /* that were allocated; destination and cpi count */
	size_t cpi_count;
	uint32_t expired[SIM_EXPIRED]; /* SPIs, the last ones */
	size_t expired_count;
	uint64_t order;
	ike_time now;  /* whoever calls keeps it right */
	ike_time next; /* no SA expires by time before; IKE_NEVER */

	/* Failures to inject, in a thousand calls. */
	uint32_t spi_fails;
	uint32_t cpi_fails;
	uint32_t install_fails;
	uint32_t policies_fail;
	const struct ike_algorithm *missing; /* ENOSYS for this one */

	/* What the engine did wrong. */
	void (*complain)(void *context, const char *text);
	void *context;
};

/* A packet in a tunnel, or of the hosts themselves. */
struct sim_packet {
	struct address source; /* with port */
	struct address destination;
	uint8_t protocol;
	uint32_t processor; /* that it is sent by */
};

void sim_kernel_flush(struct sim_kernel *k); /* forgets everything: a reboot */

/* As in struct ike_host. */
bool sim_kernel_spi_allocate(struct sim_kernel *k, uint8_t protocol, const struct address *source,
	const struct address *destination, uint32_t reqid, uint32_t *ret_spi, struct why *why);
bool sim_kernel_cpi_allocate(struct sim_kernel *k, const struct address *destination,
	uint16_t *ret_cpi, struct why *why);
bool sim_kernel_sa_install(struct sim_kernel *k, const struct ike_kernel_sa *sa, struct why *why);
void sim_kernel_sa_remove(struct sim_kernel *k, const struct ike_kernel_id *id);
bool sim_kernel_sa_move(struct sim_kernel *k, const struct ike_kernel_id *id,
	const struct address *source, const struct address *destination, bool udp_encapsulation,
	struct why *why);
bool sim_kernel_sa_query(
	struct sim_kernel *k, const struct ike_kernel_id *id, struct ike_kernel_usage *ret);
bool sim_kernel_policies_install(
	struct sim_kernel *k, const struct ike_kernel_policies *policies, struct why *why);
void sim_kernel_policies_remove(struct sim_kernel *k, const struct ike_kernel_policies *policies);

/* By what names it in the kernel; NULL when there is none. Larval ones too. */
struct sim_kernel_sa *sim_kernel_sa_find(
	const struct sim_kernel *k, const struct ike_kernel_id *id);
struct sim_kernel_sa *sim_kernel_inbound(const struct sim_kernel *k, uint8_t protocol, uint32_t spi,
	const struct address *destination);
struct sim_kernel_policies *sim_kernel_policies_find(
	const struct sim_kernel *k, const struct ike_kernel_policies *policies);

/* The next SA that expires now, by time or volume; a hard one is gone. False when there is none. */
bool sim_kernel_expires(struct sim_kernel *k, struct sim_kernel_expire *ret);
bool sim_kernel_has_expired(const struct sim_kernel *k, uint32_t spi);
/* Counts a packet of that SA. */
void sim_kernel_count(struct sim_kernel *k, struct sim_kernel_sa *sa, uint32_t octets);
/* Whether a packet that found this policy and no SA raises an acquire: a kernel asks once and then
 * waits a while. */
bool sim_kernel_asks(struct sim_kernel *k, const struct sim_kernel_policies *policies);

/* The outbound SA that a packet takes: the narrowest policy, then its newest SA. NULL when the
 * packet leaves in the clear, is dropped, or waits for an acquire; ret_policies says which. */
struct sim_kernel_sa *sim_kernel_output(const struct sim_kernel *k, const struct sim_packet *packet,
	const struct sim_kernel_policies **ret_policies);

/* Whether policies let a packet in that came through this inbound SA. */
bool sim_kernel_input_allows(const struct sim_kernel *k, const struct sim_kernel_sa *sa,
	const struct sim_packet *packet);

/* A packet that selectors describe: the first address and port of both. */
struct sim_packet sim_packet_of(
	const struct ike_selector *source, const struct ike_selector *destination);

#endif
