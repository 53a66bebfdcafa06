/* Child SAs: made, installed in the kernel, removed (RFC 7296 2.17, RFC 4301). */
#include "libike/processors.h"
#include "libike/supervisor.h"
#include "libike/versions.h"
#include "libike/virtual.h"

#include <inttypes.h>
#include <stdlib.h>

const char *ike_child_state_name(uint8_t state)
{
	static const char *const names[] = { "CREATED", "ROUTED", "INSTALLING", "INSTALLED",
		"UPDATING", "REKEYING", "REKEYED", "RETRYING", "DELETING", "DELETED",
		"DESTROYING" };

	return state < sizeof(names) / sizeof(*names) ? names[state] : "???";
}

/* What keeps when it is rekeyed. */
static void inherit(struct ike_child *child, const struct ike_child *from)
{
	child->mode = from->mode;
	child->reqid = from->reqid;
	child->shared_reqid = ike_reqid_share(from->shared_reqid);
	child->mark_in = from->mark_in;
	child->mark_out = from->mark_out;
	child->if_id_in = from->if_id_in;
	child->if_id_out = from->if_id_out;
	child->per_processor = from->per_processor;
	child->one_processor = from->one_processor;
	child->processor = from->processor;
	child->source_port = from->source_port;
	child->enough = from->enough;
}

struct ike_child *ike_child_new(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child *from)
{
	struct ike_child *child = calloc(1, sizeof(*child));

	if (!child)
		return NULL;
	child->sa = sa;
	child->config = config;
	ike_connection_hold(config->connection);
	child->unique_id = ++e->next_child_id;
	child->mode = config->mode;
	child->installed_at = child->rekey_at = child->expires_at = IKE_NEVER;
	child->wake_at = IKE_NEVER;
	if (from) {
		inherit(child, from);
		return child;
	}
	child->mark_in = config->mark_in;
	child->mark_out = config->mark_out;
	ike_draw_marks(e, &child->mark_in, &child->mark_out);
	ike_child_if_ids(e, sa, config, &child->if_id_in, &child->if_id_out);
	child->per_processor = ike_processors_wanted(e, sa, config);
	return child;
}

void ike_child_renew_if_ids(struct ike_engine *e, struct ike_child *child)
{
	uint32_t in = child->if_id_in, out = child->if_id_out;

	ike_child_if_ids(e, child->sa, child->config, &child->if_id_in, &child->if_id_out);
	if (child->if_id_in == in && child->if_id_out == out)
		return;
	/* policies of another interface are others */
	ike_reqid_release(e, child->shared_reqid);
	child->shared_reqid = NULL;
	child->reqid = 0;
}

void ike_child_set_config(struct ike_child *child, const struct ike_child_config *config)
{
	struct ike_connection *old = child->config->connection;

	ike_connection_hold(config->connection);
	child->config = config;
	ike_connection_free(old);
}

/* Ports that one processor's packets are sent from nobody is told: none is expected. */
struct address ike_child_source(
	const struct ike_child *child, bool inbound, const struct address *of_sa)
{
	struct address source = *of_sa;

	if (child->one_processor && inbound)
		source.port = 0;
	else if (child->source_port)
		source.port = child->source_port;
	return source;
}

struct ike_kernel_id ike_child_kernel_id(const struct ike_child *c, bool inbound)
{
	const struct address *local = ike_children_local(c->sa);
	const struct address *remote = ike_children_remote(c->sa);
	/* swanctl.conf(5): by default mark_in is for the inbound policies alone. */
	struct ike_mark mark_in = c->config->mark_in_sa ? c->mark_in : (struct ike_mark){ 0 };

	return (struct ike_kernel_id){
		.source = ike_child_source(c, inbound, inbound ? remote : local),
		.destination = inbound ? *local : *remote,
		.spi = inbound ? c->spi_in : c->spi_out,
		.protocol = c->suite.protocol,
		.cpi = inbound ? c->cpi_in : c->cpi_out,
		.mark = inbound ? mark_in : c->mark_out,
		.if_id = inbound ? c->if_id_in : c->if_id_out,
	};
}

bool ike_child_allocate_spi(
	struct ike_engine *e, struct ike_child *child, uint8_t protocol, struct why *why)
{
	const struct ike_sa *sa = child->sa;

	child->suite.protocol = protocol;
	return e->host.spi_allocate(e->host.context, protocol, ike_children_remote(sa),
		ike_children_local(sa), child->reqid, &child->spi_in, why);
}

bool ike_child_may_compress(
	const struct ike_engine *e, const struct ike_sa *sa, const struct ike_child_config *config)
{
	return config->ipcomp && e->host.cpi_allocate && !sa->nat_local && !sa->nat_remote &&
	       !sa->nat_fake;
}

/* Without one packets are not compressed, which the peer has to be ready for anyway. */
void ike_child_allocate_cpi(struct ike_engine *e, struct ike_child *child)
{
	const struct ike_sa *sa = child->sa;
	struct why why;

	if (child->cpi_in == 0 &&
		!e->host.cpi_allocate(e->host.context, ike_children_remote(sa),
			ike_children_local(sa), child->reqid, &child->cpi_in, &why)) {
		child->cpi_in = 0;
		ike_log(e, sa, IKE_LOG_CHD, IKE_LOG_INFO,
			"CHILD_SA '%s' goes without IPComp: no CPI from the kernel: %s",
			child->config->name, why.text);
	}
}

void ike_child_release_cpi(struct ike_engine *e, struct ike_child *child)
{
	struct ike_kernel_id id = ike_child_kernel_id(child, true);

	if (child->cpi_in == 0)
		return;
	id.spi = 0;
	e->host.sa_remove(e->host.context, &id);
	child->cpi_in = child->cpi_out = 0;
}

bool ike_child_set_selectors(struct ike_child *child, const struct ike_selector *local,
	size_t local_count, const struct ike_selector *remote, size_t remote_count)
{
	struct ike_selector *copy = calloc(local_count + remote_count, sizeof(*copy));

	if (!copy)
		return false;
	memcpy(copy, local, local_count * sizeof(*copy));
	memcpy(copy + local_count, remote, remote_count * sizeof(*copy));
	free(child->selectors);
	child->selectors = copy;
	child->local_count = (uint8_t)local_count;
	child->remote_count = (uint8_t)remote_count;
	return true;
}

static bool hold_reqid(struct ike_engine *e, struct ike_child *child)
{
	struct ike_reqid_key key = {
		.local = ike_child_local(child),
		.remote = ike_child_remote(child),
		.local_count = child->local_count,
		.remote_count = child->remote_count,
		.mark_in = child->mark_in,
		.mark_out = child->mark_out,
		.if_id_in = child->if_id_in,
		.if_id_out = child->if_id_out,
	};

	if (child->reqid) /* inherited */
		return true;
	child->reqid = child->config->reqid;
	if (child->reqid)
		return true;
	child->shared_reqid = ike_reqid_hold(e, &key);
	if (!child->shared_reqid)
		return false;
	child->reqid = ike_reqid_number(child->shared_reqid);
	return true;
}

struct ike_kernel_policies ike_child_policies(const struct ike_child *child)
{
	const struct ike_child_config *config = child->config;

	return (struct ike_kernel_policies){
		.kind = IKE_POLICY_CHILD,
		.mode = child->mode,
		.protocol = child->suite.protocol,
		.no_fwd_out = !config->policies_fwd_out,
		.packet_offload = config->hw_offload == IKE_HW_OFFLOAD_PACKET,
		.without_routes = config->tunnel_interface != NULL,
		.cpi_out = child->cpi_out,
		.reqid = child->reqid,
		.priority = config->priority,
		.for_each_processor = child->per_processor,
		.spi_out = child->per_processor ? 0 : child->spi_out,
		.local = *ike_children_local(child->sa),
		.remote = *ike_children_remote(child->sa),
		.mark_in = child->mark_in,
		.mark_out = child->mark_out,
		.if_id_in = child->if_id_in,
		.if_id_out = child->if_id_out,
		.interface = config->interface,
		.local_selectors = ike_child_local(child),
		.remote_selectors = ike_child_remote(child),
		.local_count = child->local_count,
		.remote_count = child->remote_count,
	};
}

/* Soft limits draw from the last rand_* before the configured ones. */
static uint64_t soften(struct ike_engine *e, uint64_t limit, uint64_t random)
{
	uint64_t draw = 0;

	if (limit == 0 || random == 0 || !ike_crypto_random(e->crypto, &draw, sizeof(draw)))
		return limit;
	draw %= random < limit ? random : limit;
	return limit - draw;
}

static ike_time after(ike_time now, uint64_t seconds)
{
	return seconds > 0 && seconds < INT32_MAX ? now + IKE_SECONDS((ike_time)seconds)
						  : IKE_NEVER;
}

/* What is to be done before the definition's hard limit is to be done as much earlier as the agreed
 * limit is. */
static uint64_t in_proportion(uint64_t value, uint64_t agreed, uint64_t defined)
{
	if (agreed == 0 || value == 0)
		return value;
	if (defined == 0) /* unlimited, and value fits it alone */
		return value < agreed ? value : agreed - agreed / 10;
	return (uint64_t)((double)value * (double)agreed / (double)defined);
}

static uint64_t hard_limit(uint64_t agreed, uint64_t defined)
{
	return agreed > 0 ? agreed : defined;
}

static void draw_lifetime(struct ike_engine *e, struct ike_child *child)
{
	const struct ike_child_config *config = child->config;
	uint64_t seconds = child->life_seconds, bytes = child->life_bytes;

	child->rekey_at = after(
		e->now, soften(e, in_proportion(config->rekey_time, seconds, config->life_time),
				in_proportion(config->rand_time, seconds, config->life_time)));
	child->expires_at = after(e->now, hard_limit(seconds, config->life_time));
	child->rekey_bytes =
		soften(e, in_proportion(config->rekey_bytes, bytes, config->life_bytes),
			in_proportion(config->rand_bytes, bytes, config->life_bytes));
	child->rekey_packets = soften(e, config->rekey_packets, config->rand_packets);
}

/* An outbound SA may come later than its inbound one, and ends with it. */
static struct ike_lifetime lifetime_of(
	const struct ike_engine *e, const struct ike_child *child, bool inbound)
{
	const struct ike_child_config *config = child->config;
	uint64_t passed = (uint64_t)(e->now - child->installed_at) / 1000;
	struct ike_lifetime lifetime = {
		.hard_seconds = hard_limit(child->life_seconds, config->life_time),
		.soft_bytes = child->rekey_bytes,
		.hard_bytes = hard_limit(child->life_bytes, config->life_bytes),
		.soft_packets = child->rekey_packets,
		.hard_packets = config->life_packets,
	};

	/* One direction is enough to be told that it is time; volume is counted in both. */
	if (inbound && child->rekey_at != IKE_NEVER)
		lifetime.soft_seconds =
			child->rekey_at > e->now ? (uint64_t)(child->rekey_at - e->now) / 1000 : 1;
	if (lifetime.hard_seconds > passed)
		lifetime.hard_seconds -= passed;
	return lifetime;
}

/* RFC 4868 truncates to 128 bits. sha256_96 is for peers that use 96, which nobody negotiates. */
static const struct ike_algorithm *integrity_of(const struct ike_child *child)
{
	const struct ike_algorithm *integrity = ike_suite_integrity(&child->suite);

	if (integrity && integrity->id == IKE_INTEG_HMAC_SHA2_256_128 && child->config->sha256_96)
		return ike_algorithm_find(IKE_TRANSFORM_INTEGRITY, IKE_INTEG_HMAC_SHA2_256_96, 0);
	return integrity;
}

/* %same, of a mark that was drawn. */
static struct ike_mark set_mark(struct ike_mark configured, struct ike_mark drawn)
{
	if (configured.value == IKE_MARK_UNIQUE || configured.value == IKE_MARK_UNIQUE_DIR)
		configured.value = drawn.value;
	return configured;
}

static bool install_sa(struct ike_engine *e, struct ike_child *child, bool inbound,
	struct bytes encryption_key, struct bytes integrity_key, struct why *why)
{
	const struct ike_child_config *config = child->config;
	const struct ike_selector *local = ike_child_local(child);
	const struct ike_selector *remote = ike_child_remote(child);
	struct ike_kernel_sa sa = {
		.id = ike_child_kernel_id(child, inbound),
		.inbound = inbound,
		.udp_encapsulation = child->udp_encapsulation,
		.mode = child->mode,
		.hw_offload = config->hw_offload,
		.reqid = child->reqid,
		.encryption = ike_suite_encryption(&child->suite),
		.integrity = integrity_of(child),
		.encryption_key = encryption_key,
		.integrity_key = integrity_key,
		.esn = child->suite.esn,
		.one_processor = child->one_processor,
		.processor = child->processor,
		.replay_window = config->replay_window == IKE_REPLAY_WINDOW_UNSET
					 ? e->settings.replay_window
					 : config->replay_window,
		.lifetime = lifetime_of(e, child, inbound),
		.set_mark = inbound ? set_mark(config->set_mark_in, child->mark_in)
				    : set_mark(config->set_mark_out, child->mark_out),
		.tfc_padding = inbound || child->peer_without_padding ? 0 : config->tfc_padding,
		.copy_df = config->copy_df,
		.copy_ecn = config->copy_ecn,
		.copy_dscp_out = config->copy_dscp_out,
		.copy_dscp_in = config->copy_dscp_in,
		.source_selectors = inbound ? remote : local,
		.destination_selectors = inbound ? local : remote,
		.source_selector_count = inbound ? child->remote_count : child->local_count,
		.destination_selector_count = inbound ? child->local_count : child->remote_count,
	};

	return e->host.sa_install(e->host.context, &sa, why);
}

/* KEYMAT: the keys of the initiator's packets, then those of the responder's. */
static bool install_keys(struct ike_engine *e, struct ike_child *child, bool inbound,
	bool initiators_packets, struct bytes keymat, struct why *why)
{
	const struct ike_algorithm *encryption = ike_suite_encryption(&child->suite);
	const struct ike_algorithm *integrity = ike_suite_integrity(&child->suite);
	size_t encryption_length = encryption ? encryption->key_length : 0;
	size_t integrity_length = integrity ? integrity->key_length : 0;
	struct reader r = reader_of(keymat);

	if (!initiators_packets)
		(void)reader_bytes(&r, encryption_length + integrity_length);
	struct bytes encryption_key = reader_bytes(&r, encryption_length);
	struct bytes integrity_key = reader_bytes(&r, integrity_length);
	return install_sa(e, child, inbound, encryption_key, integrity_key, why);
}

static bool install_policies(struct ike_engine *e, struct ike_child *child, struct why *why)
{
	struct ike_kernel_policies policies = ike_child_policies(child);

	if (!child->config->policies)
		return true;
	child->policies_installed = e->host.policies_install(e->host.context, &policies, why);
	return child->policies_installed;
}

/* direction: "inbound " or "outbound " when it is that one only. */
void ike_child_log_established(
	struct ike_engine *e, const struct ike_child *child, const char *direction)
{
	char local[512], remote[512];

	ike_log(e, child->sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
		"%sCHILD_SA %s{%u} established with SPIs %08" PRIx32 "_i %08" PRIx32
		"_o and TS %s === %s",
		direction, child->config->name, child->unique_id, child->spi_in, child->spi_out,
		ike_selectors_format(
			ike_child_local(child), child->local_count, local, sizeof(local)),
		ike_selectors_format(
			ike_child_remote(child), child->remote_count, remote, sizeof(remote)));
}

void ike_child_announce(struct ike_engine *e, struct ike_child *child, struct ike_child *replaced)
{
	child->announced = true;
	ike_schedule_inactivity(e, child);
	if (!replaced || !replaced->announced) {
		ike_tally(e, child->sa, IKE_TALLY_CHILD_ESTABLISHED);
		ike_event(e, IKE_EVENT_CHILD_UP, child->sa, child);
		ike_supervise_up(e, child);
	} else {
		replaced->announced = false;
		child->carried = replaced->carried;
		ike_count(e, child->sa, IKE_COUNTER_CHILD_REKEY);
		ike_tally(e, child->sa, IKE_TALLY_CHILD_REKEYED);
		ike_failures_over(e, child->sa, child);
		ike_event_child_rekey(e, replaced, child);
	}
	ike_reload_came_up(e, child->sa, child);
}

static bool link_child(struct ike_engine *e, struct ike_child *child)
{
	struct ike_child **end = &child->sa->children;

	while (*end)
		end = &(*end)->next;
	*end = child;
	HASH_ADD(by_spi, e->children_by_spi, spi_in, sizeof(child->spi_in), child);
	e->child_count++;
	return child->by_spi.tbl != NULL;
}

bool ike_child_install_inbound(struct ike_engine *e, struct ike_child *child, bool initiator,
	const struct ike_child_secrets *secrets, struct secret *ret_keymat, struct why *why)
{
	struct ike_sa *sa = child->sa;

	ike_log_suite(e, sa, &child->suite);
	child->udp_encapsulation = sa->nat_local || sa->nat_remote || sa->nat_fake;
	ike_child_set_state(e, child, IKE_CHILD_INSTALLING);
	if (!hold_reqid(e, child) ||
		!ike_version_of(sa)->child_keys(e, child, initiator, secrets, ret_keymat))
		return why_fail(why, "no key material for CHILD_SA %s", child->config->name);
	child->installed_at = e->now;
	draw_lifetime(e, child);
	if (!link_child(e, child))
		return why_fail(why, "out of memory");
	if (!install_keys(e, child, true, !initiator, secret_bytes(ret_keymat), why))
		return false;
	child->installed_in = true;
	ike_child_wake(e, child,
		child->rekey_at < child->expires_at ? child->rekey_at : child->expires_at);
	return true;
}

bool ike_child_install_outbound(struct ike_engine *e, struct ike_child *child, bool initiator,
	struct bytes keymat, struct why *why)
{
	if (!install_keys(e, child, false, initiator, keymat, why))
		return false;
	child->installed_out = true;
	return install_policies(e, child, why);
}

bool ike_child_install(struct ike_engine *e, struct ike_child *child, bool initiator,
	const struct ike_child_secrets *secrets, struct why *why)
{
	AUTO_SECRET keymat = { 0 };

	if (!ike_child_install_inbound(e, child, initiator, secrets, &keymat, why) ||
		!ike_child_install_outbound(e, child, initiator, secret_bytes(&keymat), why))
		return false;
	ike_child_set_state(e, child, IKE_CHILD_INSTALLED);
	ike_child_log_established(e, child, "");
	return true;
}

void ike_child_wake(struct ike_engine *e, struct ike_child *child, ike_time at)
{
	struct ike_sa *sa = child->sa;

	child->wake_at = at;
	if (at >= sa->children_at)
		return;
	sa->children_at = at;
	ike_schedule(e, sa);
}

void ike_child_set_state(struct ike_engine *e, struct ike_child *child, enum ike_child_state state)
{
	if (child->state == state)
		return;
	ike_log(e, child->sa, IKE_LOG_CHD, IKE_LOG_DETAIL, "CHILD_SA %s{%u} state change: %s => %s",
		child->config->name, child->unique_id, ike_child_state_name(child->state),
		ike_child_state_name((uint8_t)state));
	child->state = (uint8_t)state;
	ike_event(e, IKE_EVENT_CHILD_STATE, child->sa, child);
}

struct ike_child *ike_child_by_spi(const struct ike_sa *sa, uint32_t spi, bool inbound)
{
	for (struct ike_child *child = sa->children; child; child = child->next)
		if ((inbound ? child->spi_in : child->spi_out) == spi)
			return child;
	return NULL;
}

static bool unlink_child(struct ike_engine *e, struct ike_child *child)
{
	for (struct ike_child **at = &child->sa->children; *at; at = &(*at)->next)
		if (*at == child) {
			*at = child->next;
			if (child->by_spi.tbl)
				HASH_DELETE(by_spi, e->children_by_spi, child);
			e->child_count--;
			return true;
		}
	return false;
}

void ike_child_remove_outbound(struct ike_engine *e, struct ike_child *child)
{
	struct ike_kernel_id out = ike_child_kernel_id(child, false);

	/* Policies first: a packet between the two must not find a policy without an SA. */
	if (child->policies_installed) {
		struct ike_kernel_policies policies = ike_child_policies(child);

		e->host.policies_remove(e->host.context, &policies);
		child->policies_installed = false;
	}
	if (child->installed_out) {
		ike_event_child_sa_goes(e, child, false);
		e->host.sa_remove(e->host.context, &out);
	}
	child->installed_out = false;
}

static void remove_from_kernel(struct ike_engine *e, struct ike_child *child)
{
	struct ike_kernel_id in = ike_child_kernel_id(child, true);

	ike_child_remove_outbound(e, child);
	if (child->installed_in)
		ike_event_child_sa_goes(e, child, true);
	if (child->spi_in)
		e->host.sa_remove(e->host.context, &in);
}

/* What waits for the child must not find it again. */
static void forget_in_tasks(struct ike_engine *e, struct ike_child *child)
{
	struct ike_sa *sa = child->sa;

	if (sa->active && sa->active->child == child)
		sa->active->child = NULL;
	if (sa->active && sa->active->replaces == child)
		sa->active->replaces = NULL;
	for (struct ike_task **at = &sa->tasks; *at;) {
		struct ike_task *task = *at;

		if (task->child != child && task->replaces != child) {
			at = &task->next;
			continue;
		}
		*at = task->next;
		if (task->child == child)
			task->child = NULL;
		task->replaces = NULL;
		ike_task_finish(e, task, task->kind == IKE_TASK_DELETE_CHILD, "CHILD_SA ended");
	}
}

/* In IKEv1 a child may have gone over to another IKE SA with the peer, and what speaks of it be
 * left. */
static void forget_elsewhere(struct ike_engine *e, const struct ike_child *child)
{
	const struct ike_identity *peer = ike_sa_peer_id(child->sa);
	struct ike_sa *other =
		child->sa->local_id && peer ? ike_peers_of(e, child->sa->local_id, peer) : NULL;

	for (; other; other = other->peer_next) {
		if (other == child->sa)
			continue;
		if (other->active && other->active->replaces == child)
			other->active->replaces = NULL;
		for (struct ike_task *task = other->tasks; task; task = task->next)
			if (task->replaces == child)
				task->replaces = NULL;
		for (struct ike_child *c = other->handovers ? other->children : NULL; c;
			c = c->next)
			if (c->handover && c->handover->old == child)
				c->handover->old = NULL;
	}
}

void ike_child_destroy(struct ike_engine *e, struct ike_child *child, enum ike_reason reason)
{
	const struct ike_task *task = ike_task_of_child(child->sa, IKE_TASK_DELETE_CHILD, child);

	if (task)
		reason = (enum ike_reason)task->reason; /* we were about to, whoever was first */
	/* What never was in charge, or no longer is, is not missed by anybody. */
	if (child->announced) {
		ike_supervise_ended(e, child, reason);
	} else if (child->state >= IKE_CHILD_INSTALLED) {
		reason = IKE_REASON_REPLACED;
		/* But what is wanted may have waited for it. */
		ike_supervise_failed(e, child, reason);
	}
	forget_in_tasks(e, child);
	forget_elsewhere(e, child);
	ike_handover_forget(e, child);
	ike_followups_forget(child->sa, child);
	ike_processors_ended(child);
	bool linked = unlink_child(e, child);
	if (child->state >= IKE_CHILD_INSTALLED && child->state != IKE_CHILD_DELETED)
		ike_log(e, child->sa, IKE_LOG_IKE, IKE_LOG_INFO, "CHILD_SA %s{%u} closed",
			child->config->name, child->unique_id);
	if (child->announced) {
		ike_log(e, child->sa, IKE_LOG_CHD, IKE_LOG_DETAIL, "CHILD_SA %s{%u} ended: %s",
			child->config->name, child->unique_id, ike_reason_name(reason));
		if (child->state == IKE_CHILD_DELETING)
			ike_child_set_state(e, child, IKE_CHILD_DELETED);
		child->announced = false;
		ike_event(e, IKE_EVENT_CHILD_DOWN, child->sa, child);
	}
	if (linked)
		ike_child_set_state(e, child, IKE_CHILD_DESTROYING);
	remove_from_kernel(e, child);
	ike_reqid_release(e, child->shared_reqid);
	ike_child_free(child);
}

void ike_child_free(struct ike_child *child)
{
	ike_handover_free(child->handover);
	ike_connection_free(child->config->connection);
	free(child->selectors);
	free(child);
}
