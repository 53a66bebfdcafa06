#include "testing/sim/kernel.h"

#include "libbase/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* net.core.xfrm_acq_expires, as IKE daemons set it. */
#define ACQUIRE_TIME IKE_SECONDS(165)

PRINTF_LIKE(2, 3) static void complain(struct sim_kernel *k, const char *format, ...)
{
	char text[400];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	k->complain(k->context, text);
}

static void *allocate(size_t count, size_t size)
{
	void *at = calloc(count ? count : 1, size);

	if (!at)
		abort();
	return at;
}

static bool mark_equal(struct ike_mark a, struct ike_mark b)
{
	return a.value == b.value && a.mask == b.mask;
}

static void sa_free(struct sim_kernel_sa *sa)
{
	secret_wipe(sa, sizeof(*sa));
	free(sa);
}

static void policies_free(struct sim_kernel_policies *p)
{
	free((void *)(uintptr_t)p->is.local_selectors);
	free((void *)(uintptr_t)p->is.remote_selectors);
	free(p);
}

void sim_kernel_flush(struct sim_kernel *k)
{
	k->next = IKE_NEVER;
	k->cpi_count = 0;
	while (k->sas) {
		struct sim_kernel_sa *sa = k->sas;

		k->sas = sa->next;
		sa_free(sa);
	}
	while (k->policies) {
		struct sim_kernel_policies *p = k->policies;

		k->policies = p->next;
		policies_free(p);
	}
}

/* ---- SAs ---- */

struct sim_kernel_sa *sim_kernel_sa_find(const struct sim_kernel *k, const struct ike_kernel_id *id)
{
	for (struct sim_kernel_sa *sa = k->sas; sa; sa = sa->next) {
		if (sa->id.spi == id->spi && sa->id.protocol == id->protocol &&
			address_same_host(&sa->id.destination, &id->destination) &&
			(sa->larval || mark_equal(sa->id.mark, id->mark)))
			return sa;
	}
	return NULL;
}

struct sim_kernel_sa *sim_kernel_inbound(const struct sim_kernel *k, uint8_t protocol, uint32_t spi,
	const struct address *destination)
{
	for (struct sim_kernel_sa *sa = k->sas; sa; sa = sa->next) {
		if (sa->inbound && sa->id.spi == spi && sa->id.protocol == protocol &&
			address_same_host(&sa->id.destination, destination))
			return sa;
	}
	return NULL;
}

static struct sim_kernel_sa *sa_add(struct sim_kernel *k, const struct ike_kernel_id *id)
{
	struct sim_kernel_sa *sa = allocate(1, sizeof(*sa));

	sa->id = *id;
	sa->order = ++k->order;
	sa->added_at = k->now;
	sa->used_at = IKE_NEVER;
	sa->next = k->sas;
	k->sas = sa;
	return sa;
}

bool sim_kernel_spi_allocate(struct sim_kernel *k, uint8_t protocol, const struct address *source,
	const struct address *destination, uint32_t reqid, uint32_t *ret_spi, struct why *why)
{
	struct ike_kernel_id id = { *source, *destination, 0, protocol, 0, { 0, 0 }, 0 };
	struct sim_kernel_sa *sa;

	if (sim_random_chance(k->random, k->spi_fails))
		return why_fail(why, "made-up kernel: no SPI today");
	if (address_is_any(source) || address_is_any(destination))
		complain(k, "SPI allocated without endpoints");
	do {
		id.spi = 0xc0000000u | sim_random_below(k->random, 0x10000000u);
	} while (sim_kernel_sa_find(k, &id));
	sa = sa_add(k, &id);
	sa->larval = true;
	sa->inbound = true;
	sa->reqid = reqid;
	*ret_spi = id.spi;
	return true;
}

static struct ike_kernel_id *cpi_find(
	struct sim_kernel *k, const struct address *destination, uint16_t cpi)
{
	for (size_t i = 0; i < k->cpi_count; i++) {
		if (k->cpis[i].cpi == cpi &&
			address_same_host(&k->cpis[i].destination, destination))
			return &k->cpis[i];
	}
	return NULL;
}

bool sim_kernel_cpi_allocate(
	struct sim_kernel *k, const struct address *destination, uint16_t *ret_cpi, struct why *why)
{
	struct ike_kernel_id id = { .destination = *destination };

	if (sim_random_chance(k->random, k->cpi_fails) || k->cpi_count == SIM_CPIS_MAX)
		return why_fail(why, "made-up kernel: no CPI today");
	do {
		id.cpi = (uint16_t)(0x100 + sim_random_below(k->random, 0xee00));
	} while (cpi_find(k, destination, id.cpi));
	k->cpis[k->cpi_count++] = id;
	*ret_cpi = id.cpi;
	return true;
}

static void cpi_remove(struct sim_kernel *k, const struct ike_kernel_id *id)
{
	struct ike_kernel_id *at = id->cpi ? cpi_find(k, &id->destination, id->cpi) : NULL;

	if (at)
		*at = k->cpis[--k->cpi_count];
}

static bool sa_refused(struct sim_kernel *k, const struct ike_kernel_sa *sa, struct why *why)
{
	if (sim_random_chance(k->random, k->install_fails))
		return !why_fail(why, "made-up kernel: no SA today");
	if (k->missing && (sa->encryption == k->missing || sa->integrity == k->missing)) {
		why_fail(why, "made-up kernel: %s is missing", k->missing->name);
		why_set_modules(why, "crypto-missing");
		return true;
	}
	return false;
}

/* What libxfrm and a kernel would refuse. */
static void sa_check(struct sim_kernel *k, const struct ike_kernel_sa *sa)
{
	size_t encryption = sa->encryption ? sa->encryption->key_length : 0;
	size_t integrity = sa->integrity ? sa->integrity->key_length : 0;

	if (sa->id.spi < 256)
		complain(k, "SA with the reserved SPI %u", sa->id.spi);
	if (sa->id.protocol != IKE_PROTOCOL_ESP && sa->id.protocol != IKE_PROTOCOL_AH)
		complain(k, "SA of protocol %u", sa->id.protocol);
	if (address_is_any(&sa->id.source) || address_is_any(&sa->id.destination))
		complain(k, "SA %08x without endpoints", sa->id.spi);
	if (sa->encryption_key.length != encryption || sa->integrity_key.length != integrity ||
		encryption > SIM_KEY_MAX || integrity > SIM_KEY_MAX)
		complain(k, "SA %08x: keys of %zu and %zu octets, %zu and %zu needed", sa->id.spi,
			sa->encryption_key.length, sa->integrity_key.length, encryption, integrity);
	if (sa->id.protocol == IKE_PROTOCOL_ESP && !sa->encryption)
		complain(k, "ESP SA %08x without a cipher", sa->id.spi);
	if (sa->encryption && sa->encryption->aead == (sa->integrity != NULL) &&
		sa->encryption->id != IKE_ENCR_NULL)
		complain(k, "SA %08x: cipher and integrity do not fit together", sa->id.spi);
	if (sa->inbound && sa->id.cpi && !cpi_find(k, &sa->id.destination, sa->id.cpi))
		complain(k, "SA %08x with a CPI that is not the kernel's", sa->id.spi);
	if (!sa->reqid)
		complain(k, "SA %08x without reqid", sa->id.spi);
	if (sa->mode != IKE_MODE_TUNNEL && sa->mode != IKE_MODE_TRANSPORT &&
		sa->mode != IKE_MODE_BEET)
		complain(k, "SA %08x of mode %u", sa->id.spi, sa->mode);
	if (sa->esn && sa->replay_window == 0)
		complain(k, "SA %08x: ESN needs a replay window", sa->id.spi);
	if (sa->lifetime.soft_seconds && sa->lifetime.hard_seconds &&
		sa->lifetime.soft_seconds > sa->lifetime.hard_seconds)
		complain(k, "SA %08x: expires before it is to be rekeyed", sa->id.spi);
}

/* An acquire for that reqid has been served. */
static void answered(struct sim_kernel *k, uint32_t reqid)
{
	for (struct sim_kernel_policies *p = k->policies; p; p = p->next) {
		if (p->is.reqid == reqid)
			p->asked_until = 0;
	}
}

static void next_expire(struct sim_kernel *k, const struct sim_kernel_sa *sa)
{
	uint64_t seconds = sa->soft_told || !sa->lifetime.soft_seconds ? sa->lifetime.hard_seconds
								       : sa->lifetime.soft_seconds;
	ike_time at = sa->added_at + IKE_SECONDS(seconds);

	if (seconds && at < k->next)
		k->next = at;
}

bool sim_kernel_sa_install(struct sim_kernel *k, const struct ike_kernel_sa *from, struct why *why)
{
	struct sim_kernel_sa *sa = sim_kernel_sa_find(k, &from->id);

	if (from->inbound && (!sa || !sa->larval)) {
		complain(k, "inbound SA %08x installed %s", from->id.spi,
			sa ? "twice" : "without an SPI from the kernel");
		return why_fail(why, "made-up kernel: no larval SA");
	}
	if (!from->inbound && sa) {
		complain(k, "outbound SA %08x installed twice", from->id.spi);
		return why_fail(why, "made-up kernel: exists");
	}
	sa_check(k, from);
	if (sa_refused(k, from, why))
		return false;
	if (!sa)
		sa = sa_add(k, &from->id);
	sa->order = ++k->order;
	sa->id = from->id;
	sa->larval = false;
	sa->inbound = from->inbound;
	sa->udp_encapsulation = from->udp_encapsulation;
	sa->esn = from->esn;
	sa->mode = from->mode;
	sa->reqid = from->reqid;
	sa->replay_window = from->replay_window;
	sa->encryption = from->encryption;
	sa->integrity = from->integrity;
	sa->tfc_padding = from->tfc_padding;
	sa->one_processor = from->one_processor;
	sa->processor = from->processor;
	if (from->encryption_key.length <= SIM_KEY_MAX) {
		bytes_copy(sa->encryption_key, from->encryption_key);
		sa->encryption_key_length = from->encryption_key.length;
	}
	if (from->integrity_key.length <= SIM_KEY_MAX) {
		bytes_copy(sa->integrity_key, from->integrity_key);
		sa->integrity_key_length = from->integrity_key.length;
	}
	sa->lifetime = from->lifetime;
	sa->added_at = k->now;
	next_expire(k, sa);
	if (!sa->inbound)
		answered(k, sa->reqid);
	return true;
}

void sim_kernel_sa_remove(struct sim_kernel *k, const struct ike_kernel_id *id)
{
	struct sim_kernel_sa *sa = sim_kernel_sa_find(k, id);

	cpi_remove(k, id);
	if (!sa || id->spi == 0)
		return;
	for (struct sim_kernel_sa **at = &k->sas; *at; at = &(*at)->next) {
		if (*at == sa) {
			*at = sa->next;
			break;
		}
	}
	sa_free(sa);
}

bool sim_kernel_sa_move(struct sim_kernel *k, const struct ike_kernel_id *id,
	const struct address *source, const struct address *destination, bool udp_encapsulation,
	struct why *why)
{
	struct sim_kernel_sa *sa = sim_kernel_sa_find(k, id);
	struct ike_kernel_id moved = *id;

	if (!sa)
		return why_fail(why, "made-up kernel: no SA to move");
	struct ike_kernel_id *cpi = id->cpi ? cpi_find(k, &id->destination, id->cpi) : NULL;
	moved.source = *source;
	moved.destination = *destination;
	if (address_is_any(source) || address_is_any(destination))
		complain(k, "SA %08x moved to nowhere", id->spi);
	if (sim_kernel_sa_find(k, &moved) && sim_kernel_sa_find(k, &moved) != sa)
		complain(k, "SA %08x moved to where there is another", id->spi);
	if (!sa->larval && sim_random_chance(k->random, k->install_fails))
		return why_fail(why, "made-up kernel: no SA moves today");
	sa->id.source = *source;
	sa->id.destination = *destination;
	if (cpi)
		cpi->destination = *destination;
	sa->udp_encapsulation = udp_encapsulation;
	return true;
}

bool sim_kernel_sa_query(
	struct sim_kernel *k, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	const struct sim_kernel_sa *sa = sim_kernel_sa_find(k, id);

	if (!sa || sa->larval)
		return false;
	*ret = (struct ike_kernel_usage){ sa->bytes, sa->packets,
		sa->used_at == IKE_NEVER ? UINT64_MAX : (uint64_t)(k->now - sa->used_at) / 1000 };
	return true;
}

/* ---- Lifetimes ---- */

static bool reached(const struct sim_kernel *k, const struct sim_kernel_sa *sa, uint64_t seconds,
	uint64_t bytes, uint64_t packets)
{
	return (seconds && k->now - sa->added_at >= IKE_SECONDS(seconds)) ||
	       (bytes && sa->bytes >= bytes) || (packets && sa->packets >= packets);
}

bool sim_kernel_expires(struct sim_kernel *k, struct sim_kernel_expire *ret)
{
	k->next = IKE_NEVER;
	for (struct sim_kernel_sa *sa = k->sas; sa; sa = sa->next) {
		const struct ike_lifetime *l = &sa->lifetime;

		ret->id = sa->id;
		if (reached(k, sa, l->hard_seconds, l->hard_bytes, l->hard_packets)) {
			ret->hard = true;
			k->expired[k->expired_count++ % SIM_EXPIRED] = ret->id.spi;
			sim_kernel_sa_remove(k, &ret->id);
			k->next = k->now;
			return true;
		}
		if (!sa->soft_told &&
			reached(k, sa, l->soft_seconds, l->soft_bytes, l->soft_packets)) {
			sa->soft_told = true;
			ret->hard = false;
			k->next = k->now;
			return true;
		}
		next_expire(k, sa);
	}
	return false;
}

bool sim_kernel_has_expired(const struct sim_kernel *k, uint32_t spi)
{
	for (size_t i = 0; i < SIM_EXPIRED; i++) {
		if (k->expired[i] == spi)
			return true;
	}
	return false;
}

void sim_kernel_count(struct sim_kernel *k, struct sim_kernel_sa *sa, uint32_t octets)
{
	const struct ike_lifetime *l = &sa->lifetime;

	sa->bytes += octets;
	sa->packets++;
	sa->used_at = k->now;
	if (reached(k, sa, 0, l->hard_bytes, l->hard_packets) ||
		(!sa->soft_told && reached(k, sa, 0, l->soft_bytes, l->soft_packets)))
		k->next = k->now;
}

bool sim_kernel_asks(struct sim_kernel *k, const struct sim_kernel_policies *policies)
{
	for (struct sim_kernel_policies *p = k->policies; p; p = p->next) {
		if (p != policies || p->is.kind == IKE_POLICY_SHUNT || k->now < p->asked_until)
			continue;
		p->asked_until = k->now + ACQUIRE_TIME;
		return true;
	}
	return false;
}

/* ---- Policies ---- */

static struct ike_selector *selectors_copy(const struct ike_selector *from, size_t count)
{
	struct ike_selector *copy = allocate(count, sizeof(*copy));

	if (count)
		memcpy(copy, from, count * sizeof(*copy));
	return copy;
}

static bool selectors_equal(
	const struct ike_selector *a, size_t a_count, const struct ike_selector *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (!ike_selector_equal(&a[i], &b[i]))
			return false;
	}
	return true;
}

/* An endpoint without a family and the wildcard address are the same "not known". */
static bool endpoint_equal(const struct address *a, const struct address *b)
{
	return address_same_host(a, b) || (address_is_any(a) && address_is_any(b));
}

static bool policies_equal(const struct ike_kernel_policies *a, const struct ike_kernel_policies *b)
{
	return a->kind == b->kind && a->mode == b->mode && a->protocol == b->protocol &&
	       a->reqid == b->reqid && a->priority == b->priority &&
	       a->for_each_processor == b->for_each_processor &&
	       endpoint_equal(&a->local, &b->local) && endpoint_equal(&a->remote, &b->remote) &&
	       mark_equal(a->mark_in, b->mark_in) && mark_equal(a->mark_out, b->mark_out) &&
	       a->if_id_in == b->if_id_in && a->if_id_out == b->if_id_out &&
	       selectors_equal(
		       a->local_selectors, a->local_count, b->local_selectors, b->local_count) &&
	       selectors_equal(
		       a->remote_selectors, a->remote_count, b->remote_selectors, b->remote_count);
}

struct sim_kernel_policies *sim_kernel_policies_find(
	const struct sim_kernel *k, const struct ike_kernel_policies *policies)
{
	for (struct sim_kernel_policies *p = k->policies; p; p = p->next) {
		if (policies_equal(&p->is, policies))
			return p;
	}
	return NULL;
}

bool sim_kernel_policies_install(
	struct sim_kernel *k, const struct ike_kernel_policies *from, struct why *why)
{
	struct sim_kernel_policies *p = sim_kernel_policies_find(k, from);

	if (sim_random_chance(k->random, k->policies_fail))
		return why_fail(why, "made-up kernel: no policy today");
	if (from->local_count == 0 || from->remote_count == 0)
		complain(k, "policies without selectors");
	if (from->kind == IKE_POLICY_CHILD &&
		(address_is_any(&from->local) || address_is_any(&from->remote)))
		complain(k, "policies of a child without endpoints");
	for (size_t i = 0; i < from->local_count + from->remote_count; i++) {
		const struct ike_selector *s =
			i < from->local_count ? &from->local_selectors[i]
					      : &from->remote_selectors[i - from->local_count];

		if (s->dynamic || s->family == 0)
			complain(k, "policy with an unresolved selector");
	}
	if (p) {
		p->references++;
		p->is.spi_out = from->spi_out;
		return true;
	}
	p = allocate(1, sizeof(*p));
	p->references = 1;
	p->is = *from;
	p->is.interface = NULL;
	p->is.local_selectors = selectors_copy(from->local_selectors, from->local_count);
	p->is.remote_selectors = selectors_copy(from->remote_selectors, from->remote_count);
	p->next = k->policies;
	k->policies = p;
	return true;
}

void sim_kernel_policies_remove(struct sim_kernel *k, const struct ike_kernel_policies *policies)
{
	struct sim_kernel_policies *p = sim_kernel_policies_find(k, policies);

	if (!p) {
		complain(k, "unknown policies removed (reqid %u)", policies->reqid);
		return;
	}
	if (--p->references > 0)
		return;
	for (struct sim_kernel_policies **at = &k->policies; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	policies_free(p);
}

/* ---- Packets ---- */

struct sim_packet sim_packet_of(
	const struct ike_selector *source, const struct ike_selector *destination)
{
	struct sim_packet packet = { .protocol = source->protocol ? source->protocol
								  : destination->protocol };

	packet.source.family = source->family;
	memcpy(packet.source.octets, source->from, 16);
	packet.source.port = source->port_from <= source->port_to ? source->port_from : 0;
	packet.destination.family = destination->family;
	memcpy(packet.destination.octets, destination->from, 16);
	packet.destination.port =
		destination->port_from <= destination->port_to ? destination->port_from : 0;
	return packet;
}

static bool selector_takes(
	const struct ike_selector *s, const struct address *host, uint8_t protocol)
{
	if (s->family != host->family || (s->protocol && s->protocol != protocol))
		return false;
	if (memcmp(s->from, host->octets, 16) > 0 || memcmp(s->to, host->octets, 16) < 0)
		return false;
	if (s->port_from > s->port_to)
		return host->port == 0;
	return host->port >= s->port_from && host->port <= s->port_to;
}

static unsigned narrowness(const struct ike_selector *s)
{
	struct address network;
	uint8_t length = 0;

	(void)ike_selector_prefix(s, &network, &length);
	return 4u * length + (s->protocol ? 2 : 0) + (s->port_from != 0 || s->port_to != 0xffff);
}

/* How narrowly these policies take the packet; 0 when they don't. */
static unsigned policies_take(const struct ike_kernel_policies *p, const struct sim_packet *packet)
{
	unsigned best = 0;

	for (size_t i = 0; i < p->local_count; i++) {
		if (!selector_takes(&p->local_selectors[i], &packet->source, packet->protocol))
			continue;
		for (size_t j = 0; j < p->remote_count; j++) {
			unsigned n;

			if (!selector_takes(&p->remote_selectors[j], &packet->destination,
				    packet->protocol))
				continue;
			n = 2 * (narrowness(&p->local_selectors[i]) +
					narrowness(&p->remote_selectors[j])) +
			    (p->kind == IKE_POLICY_TRAP ? 1 : 2);
			best = n > best ? n : best;
		}
	}
	return best;
}

struct sim_kernel_sa *sim_kernel_output(const struct sim_kernel *k, const struct sim_packet *packet,
	const struct sim_kernel_policies **ret_policies)
{
	const struct sim_kernel_policies *best = NULL;
	struct sim_kernel_sa *newest = NULL;
	unsigned best_fit = 0;

	for (const struct sim_kernel_policies *p = k->policies; p; p = p->next) {
		unsigned fit = policies_take(&p->is, packet);

		if (fit > best_fit) {
			best = p;
			best_fit = fit;
		}
	}
	*ret_policies = best;
	for (struct sim_kernel_sa *sa = k->sas; best && sa; sa = sa->next) {
		if (sa->larval || sa->inbound || sa->reqid != best->is.reqid ||
			sa->mode != best->is.mode || sa->id.protocol != best->is.protocol)
			continue;
		if (!address_is_any(&best->is.remote) &&
			!address_same_host(&sa->id.destination, &best->is.remote))
			continue;
		if (sa->one_processor && sa->processor != packet->processor)
			continue;
		if (!newest || sa->one_processor > newest->one_processor ||
			(sa->one_processor == newest->one_processor && sa->order > newest->order))
			newest = sa;
	}
	return newest;
}

bool sim_kernel_input_allows(
	const struct sim_kernel *k, const struct sim_kernel_sa *sa, const struct sim_packet *packet)
{
	struct sim_packet mirrored = { packet->destination, packet->source, packet->protocol };

	for (const struct sim_kernel_policies *p = k->policies; p; p = p->next) {
		if (p->is.reqid == sa->reqid && policies_take(&p->is, &mirrored))
			return true;
	}
	return false;
}
