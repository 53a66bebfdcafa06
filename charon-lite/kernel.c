/* The kernel through libxfrm: SAs and events. Policies are in kernel_policy.c. */
#include "charon-lite/kernel.h"

#include "charon-lite/interfaces.h"
#include "charon-lite/kernel_leftovers.h"
#include "charon-lite/kernel_policy.h"
#include "charon-lite/kernel_selector.h"
#include "charon-lite/kernel_state.h"
#include "libxfrm/xfrm.h"

#include <net/if.h>
#include <stdlib.h>
#include <time.h>

/* RFC 3173 3.3: what two peers may agree on */
#define CPI_LOWEST 0x100u
#define CPI_HIGHEST 0xefffu

/* More packets than this wait until the kernel asks again. */
#define WAITING_MAX 256

struct kernel {
	struct xfrm_handle *handle;
	struct cl_policies *policies;
	struct cl_leftovers *leftovers; /* NULL: there are none, or none any more */
	struct event *readable;
	struct event *leftovers_turn;
	uint32_t last_reqid; /* of the leftovers */
	bool has_processors;
	struct cl_kernel_events events;
	struct cl_kernel_settings settings;
	struct cl_log *log;
};

static void complain(struct kernel *k, const struct why *why)
{
	cl_log_text(k->log, IKE_LOG_KNL, IKE_LOG_INFO, "%s", why->text);
}

static ike_time kernel_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (ike_time)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint8_t protocol_from_kernel(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_ESP:
		return IKE_PROTOCOL_ESP;
	case IPPROTO_AH:
		return IKE_PROTOCOL_AH;
	}
	return IKE_PROTOCOL_NONE;
}

/* ---- SAs ---- */

static bool spi_allocate(void *context, uint8_t protocol, const struct address *source,
	const struct address *destination, uint32_t reqid, uint32_t *ret_spi, struct why *why)
{
	struct kernel *k = context;
	struct xfrm_state larval = {
		.id.destination = *destination,
		.id.protocol = cl_kernel_protocol(protocol),
		.source = *source,
		.mode = XFRM_MODE_TUNNEL,
		.reqid = reqid,
		/* one for a processor, which tells its direction, takes its place only so */
		.direction = k->has_processors ? XFRM_DIRECTION_IN : 0,
	};

	return xfrm_spi_allocate(k->handle, &larval, k->settings.spi_min, k->settings.spi_max,
		       ret_spi, why) == XFRM_RESULT_OK;
}

static bool cpi_allocate(void *context, const struct address *source,
	const struct address *destination, uint32_t reqid, uint16_t *ret_cpi, struct why *why)
{
	struct kernel *k = context;
	struct xfrm_state larval = {
		.id.destination = *destination,
		.id.protocol = IPPROTO_COMP,
		.source = *source,
		.mode = XFRM_MODE_TUNNEL,
		.reqid = reqid,
		.direction = k->has_processors ? XFRM_DIRECTION_IN : 0,
	};
	uint32_t cpi;

	if (xfrm_spi_allocate(k->handle, &larval, CPI_LOWEST, CPI_HIGHEST, &cpi, why) !=
		XFRM_RESULT_OK)
		return false;
	*ret_cpi = (uint16_t)cpi;
	return true;
}

static bool state_add(struct kernel *k, const struct xfrm_state *state, struct why *why)
{
	if (k->leftovers)
		cl_leftovers_make_room(k->leftovers, &state->id);
	return xfrm_state_add(k->handle, state, why) == XFRM_RESULT_OK;
}

static void remove_one(struct kernel *k, const struct xfrm_state_id *id)
{
	struct why why;

	if (xfrm_state_delete(k->handle, id, &why) == XFRM_RESULT_FAILED)
		complain(k, &why);
}

/* A kernel that finds no offload in the device goes without it, and says nothing. */
static bool is_offloaded(struct kernel *k, const struct xfrm_state_id *id)
{
	struct xfrm_state_status status;

	return xfrm_state_query(k->handle, id, &status, NULL) == XFRM_RESULT_OK &&
	       status.offload_interface != 0;
}

static bool offloaded_add(
	struct kernel *k, const struct ike_kernel_sa *sa, struct xfrm_state *state, struct why *why)
{
	const struct address *local = sa->inbound ? &sa->id.destination : &sa->id.source;
	bool needed = sa->hw_offload != IKE_HW_OFFLOAD_AUTO;
	char name[IF_NAMESIZE] = "?";

	cl_kernel_offload(sa, cl_interface_of_address(local), state);
	if (state->offload_interface == 0)
		return needed ? why_fail(why, "hw_offload: no interface has our address")
			      : state_add(k, state, why);
	if (state_add(k, state, why)) {
		if (!needed || is_offloaded(k, &state->id))
			return true;
		remove_one(k, &state->id);
		why_fail(why, "the device does not offload ESP");
	} else if (!needed) {
		state->offload_interface = 0;
		return state_add(k, state, why);
	}
	return why_prefix(
		why, "hw_offload on %s: ", if_indextoname(state->offload_interface, name));
}

static bool sa_install(void *context, const struct ike_kernel_sa *sa, struct why *why)
{
	struct kernel *k = context;
	struct xfrm_state state, compression;

	if (!cl_kernel_state(sa, &state, why))
		return false;
	cl_kernel_compression(sa, &compression);
	if (sa->id.cpi && !state_add(k, &compression, why))
		return false;
	if (sa->hw_offload ? offloaded_add(k, sa, &state, why) : state_add(k, &state, why))
		return true;
	if (sa->id.cpi)
		remove_one(k, &compression.id);
	return false;
}

static void sa_remove(void *context, const struct ike_kernel_id *id)
{
	struct kernel *k = context;
	struct xfrm_state_id state = cl_kernel_state_id(id),
			     compression = cl_kernel_compression_id(id);

	if (id->spi)
		remove_one(k, &state);
	if (id->cpi)
		remove_one(k, &compression);
}

static bool sa_move(void *context, const struct ike_kernel_id *id, const struct address *source,
	const struct address *destination, bool udp_encapsulation, struct why *why)
{
	struct kernel *k = context;
	struct xfrm_state_id state = cl_kernel_state_id(id),
			     compression = cl_kernel_compression_id(id);

	if (id->cpi && xfrm_state_move(k->handle, &compression, source, destination, false, why) !=
			       XFRM_RESULT_OK)
		return false;
	if (xfrm_state_move(k->handle, &state, source, destination, udp_encapsulation, why) ==
		XFRM_RESULT_OK)
		return true;
	/* The caller removes what it knows by its old address. */
	compression.destination = *destination;
	if (id->cpi)
		remove_one(k, &compression);
	return false;
}

struct last_use {
	struct kernel *kernel;
	uint64_t seconds; /* since 1970 */
};

static void later_use(void *context, const struct xfrm_policy_id *id)
{
	struct last_use *last = context;
	struct xfrm_policy_status status;

	if (xfrm_policy_query(last->kernel->handle, id, &status, NULL) == XFRM_RESULT_OK &&
		status.last_used > last->seconds)
		last->seconds = status.last_used;
}

/* Kernels before 6.2 know only the first use of a state, but the last of its policies. */
static uint64_t last_used(
	struct kernel *k, const struct xfrm_state_id *id, const struct xfrm_state_status *status)
{
	struct last_use last = { .kernel = k, .seconds = status->used };

	if (status->last_used != 0 || status->used == 0)
		return status->last_used;
	cl_policies_of_sa(k->policies, status->reqid, &id->destination, later_use, &last);
	return last.seconds;
}

static struct ike_kernel_usage usage_of(const struct xfrm_state_status *status, uint64_t last)
{
	uint64_t now = (uint64_t)time(NULL);

	return (struct ike_kernel_usage){
		.bytes = status->bytes,
		.packets = status->packets,
		.idle_seconds = last == 0    ? UINT64_MAX
				: last < now ? now - last
					     : 0,
	};
}

struct telling {
	void (*each)(void *to, const struct cl_kernel_use *use);
	void *to;
};

static void tell_use(
	void *context, const struct xfrm_state *state, const struct xfrm_state_status *status)
{
	const struct telling *telling = context;
	struct cl_kernel_use use = { .destination = state->id.destination,
		.spi = state->id.spi,
		.usage = usage_of(status, status->last_used) };

	if (state->id.protocol != IPPROTO_ESP && state->id.protocol != IPPROTO_AH)
		return;
	use.protocol = state->id.protocol == IPPROTO_ESP ? IKE_PROTOCOL_ESP : IKE_PROTOCOL_AH;
	telling->each(telling->to, &use);
}

static void *usages_begin(void *context)
{
	(void)context;
	return xfrm_listing_begin(NULL);
}

static enum cl_kernel_progress usages_some(
	void *looking, void (*each)(void *to, const struct cl_kernel_use *use), void *to)
{
	struct telling telling = { each, to };
	bool more;

	if (!xfrm_listing_some(looking, tell_use, &telling, &more, NULL))
		return CL_KERNEL_FAILED;
	return more ? CL_KERNEL_MORE : CL_KERNEL_COMPLETE;
}

static void usages_end(void *looking)
{
	xfrm_listing_end(looking);
}

static bool sa_query(void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	struct kernel *k = context;
	struct xfrm_state_id state = cl_kernel_state_id(id);
	struct xfrm_state_status status;

	if (xfrm_state_query(k->handle, &state, &status, NULL) != XFRM_RESULT_OK)
		return false;
	*ret = usage_of(&status, last_used(k, &state, &status));
	return true;
}

struct reading {
	struct cl_kernel_keys *keys;
	bool no_memory;
};

static void read_keys(void *context, const struct xfrm_state *state)
{
	struct reading *reading = context;
	const struct xfrm_algorithm *encryption =
		state->aead.name ? &state->aead : &state->encryption;

	reading->no_memory = !secret_copy(&reading->keys->encryption, encryption->key) ||
			     !secret_copy(&reading->keys->integrity, state->integrity.key);
}

static bool sa_keys(
	void *context, const struct ike_kernel_id *id, struct cl_kernel_keys *ret, struct why *why)
{
	struct kernel *k = context;
	struct xfrm_state_id state = cl_kernel_state_id(id);
	struct reading reading = { .keys = ret };

	*ret = (struct cl_kernel_keys){ 0 };
	if (xfrm_state_read(k->handle, &state, read_keys, &reading, why) != XFRM_RESULT_OK)
		return false;
	return !reading.no_memory || why_fail(why, "out of memory");
}

static bool sa_is_gone(void *context, const struct ike_kernel_id *id)
{
	struct kernel *k = context;
	struct xfrm_state_id state = cl_kernel_state_id(id);
	struct xfrm_state_status status;

	return xfrm_state_query(k->handle, &state, &status, NULL) == XFRM_RESULT_NOT_FOUND;
}

/* ---- Policies ---- */

static void leftovers_rearm(struct kernel *k, ike_time next)
{
	/* that nothing is left is for the turn to say */
	ike_time wait = next == IKE_NEVER ? 0 : next - kernel_now();

	if (wait < 0)
		wait = 0;
	const struct timeval tv = { wait / 1000, wait % 1000 * 1000 };
	evtimer_add(k->leftovers_turn, &tv);
}

static bool policy_put(void *context, const struct xfrm_policy *policy, uint8_t kind, bool replace,
	struct why *why)
{
	enum cl_leftover leftover = CL_LEFTOVER_NONE;
	struct kernel *k = context;

	if (k->leftovers) {
		leftover = cl_leftovers_put(k->leftovers, policy, kind, kernel_now());
		if (leftover != CL_LEFTOVER_NONE)
			leftovers_rearm(k, cl_leftovers_next(k->leftovers));
	}
	if (leftover == CL_LEFTOVER_WAITING)
		return true;
	if ((replace || leftover == CL_LEFTOVER_TAKEN
			    ? xfrm_policy_replace(k->handle, policy, why)
			    : xfrm_policy_add(k->handle, policy, why)) == XFRM_RESULT_OK)
		return true;
	/* the kernel has the old one still: the next attempt would meet it */
	if (leftover == CL_LEFTOVER_TAKEN && cl_leftovers_add_policy(k->leftovers, policy))
		leftovers_rearm(k, cl_leftovers_next(k->leftovers));
	return false;
}

static void policy_drop(void *context, const struct xfrm_policy_id *id)
{
	struct kernel *k = context;
	struct why why;

	if (k->leftovers && cl_leftovers_drop(k->leftovers, id))
		return;
	if (xfrm_policy_delete(k->handle, id, &why) == XFRM_RESULT_FAILED)
		complain(k, &why);
}

static bool policies_install(
	void *context, const struct ike_kernel_policies *policies, struct why *why)
{
	struct kernel *k = context;

	return cl_policies_install(k->policies, policies, why);
}

static void policies_remove(void *context, const struct ike_kernel_policies *policies)
{
	struct kernel *k = context;

	cl_policies_remove(k->policies, policies);
}

/* ---- Sockets ---- */

static bool socket_bypass(void *context, int fd, int family, struct why *why)
{
	(void)context;
	return xfrm_socket_bypass(fd, family, why);
}

static bool socket_encapsulation(void *context, int fd, int family, struct why *why)
{
	(void)context;
	(void)family;
	return xfrm_socket_udp_encapsulation(fd, why);
}

/* ---- Events ---- */

static void on_acquire(struct kernel *k, const struct xfrm_acquire *event)
{
	struct ike_acquire acquire = {
		.reqid = event->reqid,
		.has_selectors = true,
		.one_processor = event->processor.one,
		.processor = event->processor.number,
	};

	/* without a reqid it is not for a policy of ours */
	if (event->reqid == 0 || event->selector.source.family == 0)
		return;
	cl_kernel_selector_split(&event->selector, &acquire.source, &acquire.destination);
	if (k->leftovers) {
		bool kept =
			cl_leftovers_acquire(k->leftovers, &event->policy, &acquire, kernel_now());

		leftovers_rearm(k, cl_leftovers_next(k->leftovers));
		if (kept)
			return;
	}
	k->events.acquire(k->events.context, &acquire);
}

/* Packets that wait for an SA have a larval state, without an SPI. */
struct waiting {
	unsigned count;
	uint32_t reqids[WAITING_MAX];
	struct xfrm_traffic_selector packets[WAITING_MAX];
	struct xfrm_processor processors[WAITING_MAX];
};

static void waiting_take(
	void *context, const struct xfrm_state *state, const struct xfrm_state_status *status)
{
	struct waiting *waiting = context;

	if (state->id.spi != 0 || waiting->count == WAITING_MAX)
		return;
	waiting->reqids[waiting->count] = status->reqid;
	waiting->processors[waiting->count] = state->processor;
	waiting->packets[waiting->count++] = state->selector;
}

static void acquires_again(void *context)
{
	struct waiting waiting = { 0 };
	struct kernel *k = context;
	struct why why;

	if (xfrm_state_list(k->handle, waiting_take, &waiting, &why) != XFRM_RESULT_OK)
		complain(k, &why);
	for (unsigned i = 0; i < waiting.count; i++)
		on_acquire(k, &(struct xfrm_acquire){ .reqid = waiting.reqids[i],
				      .selector = waiting.packets[i],
				      .processor = waiting.processors[i] });
}

static void tell_expiry(struct kernel *k, uint8_t protocol, const struct xfrm_expire *expire)
{
	const struct cl_kernel_use carried = { .destination = expire->id.destination,
		.spi = expire->id.spi,
		.protocol = protocol,
		.usage = { .bytes = expire->bytes,
			.packets = expire->packets,
			.idle_seconds = UINT64_MAX } };

	k->events.expire(k->events.context, &carried, expire->hard);
}

static void on_event(void *context, const struct xfrm_event *event)
{
	struct kernel *k = context;
	uint8_t protocol;

	switch (event->kind) {
	case XFRM_EVENT_ACQUIRE:
		on_acquire(k, &event->acquire);
		break;
	case XFRM_EVENT_EXPIRE:
		if (k->leftovers && event->expire.hard) {
			cl_leftovers_expired(k->leftovers, &event->expire.id, kernel_now());
			leftovers_rearm(k, cl_leftovers_next(k->leftovers));
		}
		/* larval states expire too, and have no SPI when an acquire made them */
		protocol = protocol_from_kernel(event->expire.id.protocol);
		if (protocol != IKE_PROTOCOL_NONE && event->expire.id.spi != 0)
			tell_expiry(k, protocol, &event->expire);
		break;
	case XFRM_EVENT_MAPPING:
		k->events.mapping(
			k->events.context, event->mapping.id.spi, &event->mapping.new_source);
		break;
	case XFRM_EVENT_POLICY_EXPIRE: /* ours have no limits */
		break;
	case XFRM_EVENT_LOST:
		cl_log_text(k->log, IKE_LOG_KNL, IKE_LOG_AUDIT,
			"the kernel's events came faster than they were read: looking at all SAs");
		k->events.lost(k->events.context);
		break;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct kernel *k = context;
	struct why why;

	(void)fd;
	(void)what;
	if (!xfrm_events_read(k->handle, on_event, k, &why))
		complain(k, &why);
}

/* ---- Opening and closing ---- */

static void kernel_free(struct kernel *k)
{
	if (k->readable)
		event_free(k->readable);
	if (k->leftovers_turn)
		event_free(k->leftovers_turn);
	cl_policies_free(k->policies);
	cl_leftovers_free(k->leftovers);
	xfrm_close(k->handle);
	free(k);
}

static void kernel_close(void *context)
{
	struct kernel *k = context;
	struct why why;

	if (xfrm_flush(k->handle, &why) != XFRM_RESULT_OK)
		complain(k, &why);
	kernel_free(k);
}

/* ---- What a predecessor left ---- */

static bool leftover_replace(void *context, const struct xfrm_policy *policy, struct why *why)
{
	struct kernel *k = context;

	return xfrm_policy_replace(k->handle, policy, why) == XFRM_RESULT_OK;
}

static void leftover_drop(void *context, const struct xfrm_policy_id *id)
{
	struct kernel *k = context;
	struct why why;

	if (xfrm_policy_delete(k->handle, id, &why) == XFRM_RESULT_FAILED)
		complain(k, &why);
}

static void leftover_remove(void *context, const struct xfrm_state_id *id)
{
	struct kernel *k = context;
	struct why why;

	if (xfrm_state_delete(k->handle, id, &why) == XFRM_RESULT_FAILED)
		complain(k, &why);
}

static void leftover_acquire(void *context, const struct ike_acquire *acquire)
{
	struct kernel *k = context;

	k->events.acquire(k->events.context, acquire);
}

static void on_leftovers_turn(evutil_socket_t fd, short what, void *context)
{
	struct kernel *k = context;
	struct cl_leftovers_counts counts;
	ike_time next;

	(void)fd, (void)what;
	if (!k->leftovers)
		return;
	next = cl_leftovers_turn(k->leftovers, kernel_now());
	if (next != IKE_NEVER) {
		leftovers_rearm(k, next);
		return;
	}
	cl_leftovers_count(k->leftovers, &counts);
	cl_log_text(k->log, IKE_LOG_KNL, IKE_LOG_AUDIT,
		"of the policies that an earlier charon-lite left, %u were taken over and %u "
		"removed; its states are gone",
		counts.taken, counts.removed);
	cl_leftovers_free(k->leftovers);
	k->leftovers = NULL;
}

struct found {
	struct kernel *kernel;
	bool no_memory;
};

static bool is_larval(const struct xfrm_state *state)
{
	return !state->aead.name && !state->encryption.name && !state->integrity.name &&
	       !state->compression.name;
}

/* Reserved SPIs expire by themselves. */
static void found_state(
	void *context, const struct xfrm_state *state, const struct xfrm_state_status *status)
{
	struct found *found = context;
	struct kernel *k = found->kernel;

	if (status->ours && !is_larval(state))
		found->no_memory |= !cl_leftovers_add_state(k->leftovers, state);
}

static void found_policy(
	void *context, const struct xfrm_policy *policy, const struct xfrm_policy_status *status)
{
	struct found *found = context;
	struct kernel *k = found->kernel;

	if (status->ours)
		found->no_memory |= !cl_leftovers_add_policy(k->leftovers, policy);
}

static bool find_leftovers(struct kernel *k, uint32_t seconds, struct why *why)
{
	const struct cl_leftovers_hands hands = { k, leftover_replace, leftover_drop,
		leftover_remove, leftover_acquire };
	struct found found = { .kernel = k };
	struct cl_leftovers_counts counts;
	unsigned states, policies;

	k->leftovers = cl_leftovers_new(&hands, kernel_now() + IKE_SECONDS(seconds));
	if (!k->leftovers)
		return why_fail(why, "no memory for what an earlier charon-lite left");
	if (xfrm_adopt_leftovers(k->handle, &states, &policies, why) != XFRM_RESULT_OK ||
		xfrm_state_list(k->handle, found_state, &found, why) != XFRM_RESULT_OK ||
		xfrm_policy_list(k->handle, found_policy, &found, why) != XFRM_RESULT_OK)
		return false;
	if (found.no_memory)
		return why_fail(why, "no memory for what an earlier charon-lite left");
	cl_leftovers_count(k->leftovers, &counts);
	k->last_reqid = counts.last_reqid;
	if (counts.states + counts.policies == 0) {
		cl_leftovers_free(k->leftovers);
		k->leftovers = NULL;
		return true;
	}
	cl_log_text(k->log, IKE_LOG_KNL, IKE_LOG_AUDIT,
		"an earlier charon-lite left %u states and %u policies in the kernel: they carry "
		"packets until new ones take their place, at most %u s",
		counts.states, counts.policies, seconds);
	leftovers_rearm(k, cl_leftovers_next(k->leftovers));
	return true;
}

static bool kernel_start(
	struct kernel *k, struct event_base *base, uint32_t leftover_seconds, struct why *why)
{
	const struct cl_policy_kernel hands = {
		.context = k, .put = policy_put, .drop = policy_drop
	};

	k->leftovers_turn = evtimer_new(base, on_leftovers_turn, k);
	if (!k->leftovers_turn)
		return why_fail(why, "no memory for the kernel's events");
	if (!(k->handle = xfrm_open(why)) || !find_leftovers(k, leftover_seconds, why))
		return false;
	k->has_processors = xfrm_has_processors(k->handle);
	k->policies = cl_policies_new(&hands);
	k->readable =
		event_new(base, xfrm_events_fd(k->handle), EV_READ | EV_PERSIST, on_readable, k);
	if (!k->policies || !k->readable || event_add(k->readable, NULL) < 0)
		return why_fail(why, "no memory for the kernel's events");
	return true;
}

bool cl_kernel_open(struct event_base *base, const struct cl_kernel_events *events,
	const struct cl_kernel_settings *settings, struct cl_log *log, struct cl_kernel *ret,
	struct why *why)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return why_fail(why, "no memory for the kernel's tables");
	k->events = *events;
	k->settings = *settings;
	k->log = log;
	if (!kernel_start(k, base, settings->leftover_seconds, why)) {
		kernel_free(k);
		return false;
	}
	*ret = (struct cl_kernel){
		.context = k,
		.tables = k->handle,
		.last_reqid = k->last_reqid,
		.has_processors = k->has_processors,
		.spi_allocate = spi_allocate,
		.cpi_allocate = cpi_allocate,
		.sa_install = sa_install,
		.sa_remove = sa_remove,
		.sa_query = sa_query,
		.sa_move = sa_move,
		.usages_begin = usages_begin,
		.usages_some = usages_some,
		.usages_end = usages_end,
		.sa_keys = sa_keys,
		.sa_is_gone = sa_is_gone,
		.acquires_again = acquires_again,
		.policies_install = policies_install,
		.policies_remove = policies_remove,
		.socket_bypass = socket_bypass,
		.socket_encapsulation = socket_encapsulation,
		.close = kernel_close,
	};
	return true;
}
