/*
 * Which metrics there are. docs/monitoring.md has this table as text; a family that is new here is
 * new there, and in no other place.
 */
#include "charon-lite/metrics_priv.h"
#include "libike/names.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define CERTIFICATES_A_PIECE 64
#define POOLS_A_PIECE 256

/* ---- SAs ---- */

/* The states that stand for "it is up" are always there: what is down has to be a number, too. */
static bool write_ike_sas(struct cl_metric_writer *w)
{
	for (uint8_t i = 0; i < CL_METRIC_IKE_STATES; i++)
		if (w->total->told.sas[i] > 0 || (i == IKE_SA_ESTABLISHED && w->total->told.loaded))
			cl_metric_put(w, w->total->told.sas[i], "connection", w->total->name,
				"state", ike_sa_state_name(i), NULL);
	return false;
}

static bool write_child_sas(struct cl_metric_writer *w)
{
	for (const struct cl_child_total *c = w->total->children; c; c = c->next)
		for (uint8_t i = 0; i < CL_METRIC_CHILD_STATES; i++)
			if (c->told.sas[i] > 0 || (i == IKE_CHILD_INSTALLED && c->told.defined))
				cl_metric_put(w, c->told.sas[i], "connection", w->total->name,
					"child", c->name, "state", ike_child_state_name(i), NULL);
	return false;
}

static bool write_child_wanted(struct cl_metric_writer *w)
{
	for (const struct cl_child_total *c = w->total->children; c; c = c->next)
		if (c->told.defined)
			cl_metric_put(w, c->told.wanted, "connection", w->total->name, "child",
				c->name, NULL);
	return false;
}

static const char *const direction_names[CL_DIRECTIONS] = { [CL_IN] = "in", [CL_OUT] = "out" };

static bool write_child_bytes(struct cl_metric_writer *w)
{
	for (const struct cl_child_total *c = w->total->children; c; c = c->next)
		for (size_t i = 0; !c->hidden && i < CL_DIRECTIONS; i++)
			cl_metric_put(w, c->carried[i].bytes, "connection", w->total->name, "child",
				c->name, "direction", direction_names[i], NULL);
	return false;
}

static bool write_child_packets(struct cl_metric_writer *w)
{
	for (const struct cl_child_total *c = w->total->children; c; c = c->next)
		for (size_t i = 0; !c->hidden && i < CL_DIRECTIONS; i++)
			cl_metric_put(w, c->carried[i].packets, "connection", w->total->name,
				"child", c->name, "direction", direction_names[i], NULL);
	return false;
}

/* ---- What the engine counts ---- */

static bool write_tally(struct cl_metric_writer *w, enum ike_tally tally)
{
	const uint64_t *tallies = ike_engine_tallies(w->daemon->engine, w->total->name);

	if (w->total->name[0])
		cl_metric_put(w, tallies ? tallies[tally] : 0, "connection", w->total->name, NULL);
	return false;
}

#define WRITE_TALLY(function, tally)                     \
	static bool function(struct cl_metric_writer *w) \
	{                                                \
		return write_tally(w, tally);            \
	}

WRITE_TALLY(write_begun, IKE_TALLY_BEGUN)
WRITE_TALLY(write_asked, IKE_TALLY_ASKED)
WRITE_TALLY(write_established, IKE_TALLY_ESTABLISHED)
WRITE_TALLY(write_reauthenticated, IKE_TALLY_REAUTHENTICATED)
WRITE_TALLY(write_ike_rekeyed, IKE_TALLY_IKE_REKEYED)
WRITE_TALLY(write_child_established, IKE_TALLY_CHILD_ESTABLISHED)
WRITE_TALLY(write_child_rekeyed, IKE_TALLY_CHILD_REKEYED)
WRITE_TALLY(write_retransmitted, IKE_TALLY_RETRANSMITTED)
WRITE_TALLY(write_repeated, IKE_TALLY_REPEATED)
WRITE_TALLY(write_probed, IKE_TALLY_PROBED)

static bool write_connection_failures(struct cl_metric_writer *w)
{
	const uint32_t *counts = ike_engine_failure_counts(w->daemon->engine, w->total->name);

	for (unsigned i = 1; counts && i < IKE_REASONS; i++)
		if (counts[i] > 0)
			cl_metric_put(w, counts[i], "connection", w->total->name, "reason",
				ike_reason_name(i), NULL);
	return false;
}

static bool write_failures(struct cl_metric_writer *w)
{
	const uint32_t *counts = ike_engine_failure_counts(w->daemon->engine, NULL);

	for (unsigned i = 1; i < IKE_REASONS; i++)
		cl_metric_put(w, counts[i], "reason", ike_reason_name(i), NULL);
	return false;
}

/* "ike-init-in-req" as labels. The first ones, of rekeyings and what is invalid, are elsewhere. */
static bool write_messages(struct cl_metric_writer *w)
{
	static const char *const exchanges[] = { "IKE_SA_INIT", "IKE_AUTH", "CREATE_CHILD_SA",
		"INFORMATIONAL" };
	const uint64_t *counters = ike_engine_counters(w->daemon->engine, NULL);

	for (unsigned i = 0; i < 16; i++)
		cl_metric_put(w, counters[IKE_COUNTER_IKE_INIT_IN_REQ + i], "exchange",
			exchanges[i / 4], "direction", i % 4 < 2 ? "in" : "out", "kind",
			i % 2 ? "response" : "request", NULL);
	return false;
}

static bool write_dropped(struct cl_metric_writer *w)
{
	static const struct {
		enum ike_tally tally;
		const char *cause;
	} causes[] = { { IKE_TALLY_DROPPED_MALFORMED, "malformed" },
		{ IKE_TALLY_DROPPED_INTEGRITY, "integrity" },
		{ IKE_TALLY_DROPPED_UNKNOWN, "unknown-sa" },
		{ IKE_TALLY_DROPPED_OUTSIDE, "outside-window" },
		{ IKE_TALLY_DROPPED_FLOOD, "half-open-limit" },
		{ IKE_TALLY_DROPPED_UNWANTED, "initiator-only" } };
	const uint64_t *tallies = ike_engine_tallies(w->daemon->engine, NULL);

	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++)
		cl_metric_put(w, tallies[causes[i].tally], "cause", causes[i].cause, NULL);
	return false;
}

static bool write_cookies(struct cl_metric_writer *w)
{
	const uint64_t *tallies = ike_engine_tallies(w->daemon->engine, NULL);

	cl_metric_put(w, tallies[IKE_TALLY_COOKIE_DEMANDED], "step", "demanded", NULL);
	cl_metric_put(w, tallies[IKE_TALLY_COOKIE_RETURNED], "step", "returned", NULL);
	return false;
}

static bool write_half_open(struct cl_metric_writer *w)
{
	struct ike_engine_stats stats;

	ike_engine_stats(w->daemon->engine, &stats);
	cl_metric_put(w, stats.half_open, NULL);
	return false;
}

static bool write_tasks(struct cl_metric_writer *w)
{
	cl_metric_put(w, w->tasks, NULL);
	return false;
}

/* ---- Configuration ---- */

static bool write_connections(struct cl_metric_writer *w)
{
	size_t count = 0;

	while (ike_engine_connection_name(w->daemon->engine, count))
		count++;
	cl_metric_put(w, count, NULL);
	return false;
}

static bool write_configured(struct cl_metric_writer *w)
{
	cl_metric_put(w, (uint64_t)w->daemon->configured, NULL);
	return false;
}

static void put_certificate(struct cl_metric_writer *w, const struct ike_certificate *c)
{
	const struct bytes der = ike_certificate_der(c);
	char subject[IKE_IDENTITY_TEXT_MAX], fingerprint[2 * 8 + 1];
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (!EVP_Q_digest(w->daemon->library, "SHA256", NULL, der.at, der.length, digest, NULL))
		return;
	for (size_t i = 0; i < 8; i++)
		snprintf(fingerprint + 2 * i, 3, "%02x", digest[i]);
	const int64_t end = ike_certificate_not_after(c);

	cl_metric_put(w, end > 0 ? (uint64_t)end : 0, "subject",
		ike_identity_format(ike_certificate_subject(c), subject), "ca",
		ike_certificate_is_ca(c) ? "yes" : "no", "sha256", fingerprint, NULL);
}

/* Those that were loaded: what peers send is not ours to watch. */
static bool write_certificates(struct cl_metric_writer *w)
{
	const struct ike_certificates *store = ike_engine_certificates(w->daemon->engine);
	const struct ike_stored_certificate *stored = NULL;
	const size_t end = w->row + CERTIFICATES_A_PIECE;

	while (w->row < end && (stored = ike_certificates_get(store, w->row))) {
		if (!stored->cached && ike_certificate_x509(stored->certificate))
			put_certificate(w, stored->certificate);
		w->row++;
	}
	return stored != NULL;
}

static bool write_pool_sizes(struct cl_metric_writer *w)
{
	const struct ike_pools *pools = ike_engine_pools(w->daemon->engine);
	const struct ike_pool *pool = NULL;
	const size_t end = w->row + POOLS_A_PIECE;

	while (w->row < end && (pool = ike_pools_get(pools, w->row))) {
		cl_metric_put(w, ike_pool_addrs(pool)->size, "pool", ike_pool_name(pool), NULL);
		w->row++;
	}
	return pool != NULL;
}

static bool write_pool_leases(struct cl_metric_writer *w)
{
	const struct ike_pools *pools = ike_engine_pools(w->daemon->engine);
	const struct ike_pool *pool = NULL;
	const size_t end = w->row + POOLS_A_PIECE;

	while (w->row < end && (pool = ike_pools_get(pools, w->row))) {
		cl_metric_put(w, ike_pool_online(pool), "pool", ike_pool_name(pool), "state",
			"online", NULL);
		cl_metric_put(w, ike_pool_offline(pool), "pool", ike_pool_name(pool), "state",
			"offline", NULL);
		w->row++;
	}
	return pool != NULL;
}

/* ---- The kernel and the daemon ---- */

static bool write_kernel_refusals(struct cl_metric_writer *w)
{
	static const char *const requests[CL_KERNEL_REQUESTS] = {
		[CL_KERNEL_SPI_ALLOCATE] = "spi-allocate",
		[CL_KERNEL_SA_INSTALL] = "sa-install",
		[CL_KERNEL_SA_MOVE] = "sa-move",
		[CL_KERNEL_POLICIES_INSTALL] = "policies-install",
	};

	for (size_t i = 0; i < CL_KERNEL_REQUESTS; i++)
		cl_metric_put(w, w->daemon->kernel_refusals[i], "request", requests[i], NULL);
	return false;
}

static bool write_kernel_lost(struct cl_metric_writer *w)
{
	cl_metric_put(w, w->daemon->kernel_events_lost, NULL);
	return false;
}

static bool write_build(struct cl_metric_writer *w)
{
	cl_metric_put_part(w, "_info", 1, "version", CL_VERSION, "kernel",
		w->daemon->kernel_none ? "none" : "xfrm", NULL);
	return false;
}

static bool write_start_time(struct cl_metric_writer *w)
{
	cl_metric_put(w, (uint64_t)w->daemon->started, NULL);
	return false;
}

/* ---- The table ---- */

const struct cl_metric cl_metrics_table[] = {
	{ { "charon_lite_ike_sas", "gauge", NULL,
		  "IKE SAs by connection and state; ESTABLISHED is there for each that is loaded.",
		  "connection,state" },
		true, write_ike_sas },
	{ { "charon_lite_child_sas", "gauge", NULL,
		  "Child SAs by state; INSTALLED is there for each that is defined.",
		  "connection,child,state" },
		true, write_child_sas },
	{ { "charon_lite_child_wanted", "gauge", NULL,
		  "1 when the child is to be up all the time (start_action), else 0.",
		  "connection,child" },
		true, write_child_wanted },
	{ { "charon_lite_child_traffic_bytes", "counter", "bytes",
		  "What child SAs carried, as the kernel counts, those that are gone included.",
		  "connection,child,direction" },
		true, write_child_bytes },
	{ { "charon_lite_child_packets", "counter", NULL, "The same in packets.",
		  "connection,child,direction" },
		true, write_child_packets },
	{ { "charon_lite_handshakes_begun", "counter", NULL,
		  "Handshakes for a new IKE SA that we began.", "connection" },
		true, write_begun },
	{ { "charon_lite_handshakes_answered", "counter", NULL,
		  "Handshakes that a peer began and whose first message we answered; the "
		  "connection "
		  "is the one that its address fits.",
		  "connection" },
		true, write_asked },
	{ { "charon_lite_handshakes_succeeded", "counter", NULL,
		  "Handshakes of both kinds that made an IKE SA.", "connection" },
		true, write_established },
	{ { "charon_lite_reauthentications", "counter", NULL,
		  "IKE SAs of ours that took the place of one that was reauthenticated.",
		  "connection" },
		true, write_reauthenticated },
	{ { "charon_lite_ike_rekeys", "counter", NULL, "Rekeyings of IKE SAs, whoever began them.",
		  "connection" },
		true, write_ike_rekeyed },
	{ { "charon_lite_children_established", "counter", NULL,
		  "Child SAs that came up, without those that a rekeying made.", "connection" },
		true, write_child_established },
	{ { "charon_lite_child_rekeys", "counter", NULL,
		  "Rekeyings of child SAs, whoever began them.", "connection" },
		true, write_child_rekeyed },
	{ { "charon_lite_retransmits", "counter", NULL,
		  "Requests of ours that were sent once more.", "connection" },
		true, write_retransmitted },
	{ { "charon_lite_repeated_requests", "counter", NULL,
		  "Requests of peers that came once more: our answer may have been lost.",
		  "connection" },
		true, write_repeated },
	{ { "charon_lite_dpd_probes", "counter", NULL,
		  "Requests to peers that were silent, whether they live.", "connection" },
		true, write_probed },
	{ { "charon_lite_connection_failures", "counter", NULL,
		  "Failures of a connection by reason, those that there were.",
		  "connection,reason" },
		true, write_connection_failures },
	{ { "charon_lite_failures", "counter", NULL,
		  "Failures of all connections, and of what fits none, by reason "
		  "(swanctl-lite --explain tells cause and cure).",
		  "reason" },
		false, write_failures },
	{ { "charon_lite_messages", "counter", NULL,
		  "IKEv2 messages, as get-counters of VICI has them; reset-counters resets them.",
		  "exchange,direction,kind" },
		false, write_messages },
	{ { "charon_lite_dropped_messages", "counter", NULL,
		  "IKE messages that were not taken, by cause.", "cause" },
		false, write_dropped },
	{ { "charon_lite_cookies", "counter", NULL,
		  "Cookies that strangers were asked for, and that came back (IKEv2).", "step" },
		false, write_cookies },
	{ { "charon_lite_half_open_ike_sas", "gauge", NULL,
		  "IKE SAs that peers began and have not authenticated yet.", "" },
		false, write_half_open },
	{ { "charon_lite_tasks_queued", "gauge", NULL,
		  "What waits until a peer has answered something before it.", "" },
		false, write_tasks },
	{ { "charon_lite_connections", "gauge", NULL, "Connections that are loaded.", "" }, false,
		write_connections },
	{ { "charon_lite_configuration_load_time_seconds", "gauge", "seconds",
		  "When connections, credentials or pools were last loaded or unloaded; 0: never.",
		  "" },
		false, write_configured },
	{ { "charon_lite_certificate_expiry_time_seconds", "gauge", "seconds",
		  "The end of each loaded certificate; sha256: how its fingerprint begins.",
		  "subject,ca,sha256" },
		false, write_certificates },
	{ { "charon_lite_pool_addresses", "gauge", NULL, "How many addresses a pool has.", "pool" },
		false, write_pool_sizes },
	{ { "charon_lite_pool_leases", "gauge", NULL,
		  "Addresses in use (online), and kept for whoever had them last (offline).",
		  "pool,state" },
		false, write_pool_leases },
	{ { "charon_lite_kernel_refusals", "counter", NULL,
		  "Requests that the kernel refused, by what was asked.", "request" },
		false, write_kernel_refusals },
	{ { "charon_lite_kernel_events_lost", "counter", NULL,
		  "How often the kernel's events came faster than they were read, and each SA was "
		  "looked at.",
		  "" },
		false, write_kernel_lost },
	{ { "charon_lite_kernel_xfrm_errors", "counter", NULL,
		  "Packets that the kernel's IPsec dropped, as /proc/net/xfrm_stat has them.",
		  "name" },
		false, cl_metric_write_xfrm_errors },
	{ { "charon_lite_loop_turn_seconds", "histogram", "seconds",
		  "How long turns of the event loop took: nothing else is done meanwhile.", "le" },
		false, cl_metric_write_turns },
	{ { "charon_lite_build", "info", NULL, "What is running.", "version,kernel" }, false,
		write_build },
	{ { "process_start_time_seconds", "gauge", "seconds", "When the daemon was started.", "" },
		false, write_start_time },
	{ { "process_resident_memory_bytes", "gauge", "bytes",
		  "Memory of the daemon, without its helpers.", "" },
		false, cl_metric_write_process_memory },
	{ { "process_cpu_seconds", "counter", "seconds", "Processor time of the daemon.", "" },
		false, cl_metric_write_process_cpu },
};
const size_t cl_metrics_count = sizeof(cl_metrics_table) / sizeof(*cl_metrics_table);

bool cl_metric_describe(size_t index, struct cl_metric_description *ret)
{
	if (index >= cl_metrics_count)
		return false;
	*ret = cl_metrics_table[index].about;
	return true;
}
