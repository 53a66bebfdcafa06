#include "charon-lite/control/sa_message.h"

#include "charon-lite/control/failure_message.h"
#include "libike/virtual.h"

#include <inttypes.h>
#include <stdio.h>

/* What is true is said, what is not is left out. */
static void put_yes(struct vici_builder *b, const char *name, bool value)
{
	if (value)
		vici_key_bool(b, name, true);
}

void cl_host_build(struct vici_builder *b, const char *side, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX], key[16];

	snprintf(key, sizeof(key), "%s-host", side);
	vici_key_text(b, key, address_format(a, text));
	snprintf(key, sizeof(key), "%s-port", side);
	vici_key_format(b, key, "%u", a->port);
}

void cl_identity_build(struct vici_builder *b, const char *name, const struct ike_identity *id)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	vici_key_text(b, name, id ? ike_identity_format(id, text) : "%any");
}

static void put_algorithm(struct vici_builder *b, const char *name, const char *size_name,
	const struct ike_algorithm *algorithm, unsigned bits)
{
	if (!algorithm)
		return;
	vici_key_text(b, name, algorithm->name);
	if (size_name && bits)
		vici_key_format(b, size_name, "%u", bits);
}

static void put_suite(struct vici_builder *b, const struct ike_suite *suite)
{
	put_algorithm(
		b, "encr-alg", "encr-keysize", ike_suite_encryption(suite), suite->encryption_bits);
	put_algorithm(b, "integ-alg", NULL, ike_suite_integrity(suite), 0);
	put_algorithm(b, "prf-alg", NULL, ike_suite_prf(suite), 0);
	put_algorithm(b, "dh-group", NULL, ike_suite_group(suite), 0);
	for (unsigned i = 0; i < IKE_ADDITIONAL_MAX; i++) {
		char key[8];

		if (!suite->additional[i])
			continue;
		snprintf(key, sizeof(key), "ake%u", i + 1);
		vici_key_text(b, key,
			ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, suite->additional[i], 0)
				->name);
	}
}

/* Seconds until (or, the other way round, since) a time; never negative. */
static int64_t seconds_between(ike_time from, ike_time to)
{
	return to > from ? (to - from) / 1000 : 0;
}

static void put_until(struct vici_builder *b, const char *name, ike_time when)
{
	if (when != IKE_NEVER)
		vici_key_format(b, name, "%" PRId64, seconds_between(cl_daemon_now(), when));
}

static void put_times(struct vici_builder *b, const struct ike_sa *sa)
{
	/* As charon has it: not of one that is being rekeyed or deleted either. */
	if (sa->established_at == IKE_NEVER || sa->state != IKE_SA_ESTABLISHED)
		return;
	vici_key_format(
		b, "established", "%" PRId64, seconds_between(sa->established_at, cl_daemon_now()));
	put_until(b, "rekey-time", sa->rekey_at);
	put_until(b, "reauth-time", sa->reauth_at);
}

static void put_tasks(struct vici_builder *b, const char *name, const struct ike_sa *sa,
	const struct ike_task *tasks)
{
	bool any = false;

	for (; tasks; tasks = tasks->next) {
		const char *task = ike_task_name_in(sa, tasks);

		if (!task)
			continue;
		if (!any)
			vici_list_start(b, name);
		any = true;
		vici_item_text(b, task);
	}
	if (any)
		vici_list_end(b);
}

static void put_virtual(struct vici_builder *b, const char *name,
	const struct ike_virtual_address *list, size_t count)
{
	char text[ADDRESS_TEXT_MAX];

	if (count == 0)
		return;
	vici_list_start(b, name);
	for (size_t i = 0; i < count; i++)
		vici_item_text(b, address_format(&list[i].address, text));
	vici_list_end(b);
}

/* charon has no words for these. */
static void put_dns(struct vici_builder *b, const struct ike_virtual *v)
{
	char text[ADDRESS_TEXT_MAX], name[IKE_DOMAIN_TEXT_MAX];
	struct address server;

	if (!ike_virtual_dns_server(v, 0, &server))
		return;
	vici_list_start(b, "dns-servers");
	for (size_t i = 0; ike_virtual_dns_server(v, i, &server); i++)
		vici_item_text(b, address_format(&server, text));
	vici_list_end(b);
	if (!ike_virtual_dns_domain(v, 0, name))
		return;
	vici_list_start(b, "dns-domains");
	for (size_t i = 0; ike_virtual_dns_domain(v, i, name); i++)
		vici_item_text(b, name);
	vici_list_end(b);
}

/* Of the connection, or drawn for it. */
static void put_if_id(struct vici_builder *b, const char *key, uint32_t configured, uint32_t drawn)
{
	uint32_t id = ike_if_id_is_drawn(configured) ? drawn : configured;

	if (id)
		vici_key_format(b, key, "%08x", id);
}

void cl_ike_sa_build(struct vici_builder *b, const struct ike_sa *sa)
{
	vici_key_format(b, "uniqueid", "%u", sa->unique_id);
	vici_key_text(b, "version", sa->version == 1 ? "1" : "2");
	vici_key_text(b, "state", ike_sa_state_name(sa->state));
	cl_host_build(b, "local", &sa->local);
	cl_identity_build(b, "local-id", sa->local_id);
	if (sa->local_cert) /* raw DER, as VyOS's strongSwan has it */
		vici_key_bytes(b, "local-cert-data", ike_certificate_der(sa->local_cert));
	cl_host_build(b, "remote", &sa->remote);
	cl_identity_build(b, "remote-id", sa->remote_id);
	/* Whom EAP or XAuth proved, where that says more. */
	if (sa->remote_eap_id && !ike_identity_equal(sa->remote_eap_id, sa->remote_id))
		cl_identity_build(b, sa->version == 1 ? "remote-xauth-id" : "remote-eap-id",
			sa->remote_eap_id);
	if (sa->remote_cert.length > 0)
		vici_key_bytes(b, "remote-cert-data", sa->remote_cert);
	put_yes(b, "initiator", sa->initiator);
	vici_key_format(b, "initiator-spi", "%016" PRIx64, sa->spi_initiator);
	vici_key_format(b, "responder-spi", "%016" PRIx64, sa->spi_responder);
	put_yes(b, "nat-local", sa->nat_local);
	put_yes(b, "nat-remote", sa->nat_remote);
	put_yes(b, "nat-fake", sa->nat_fake);
	put_yes(b, "nat-any", sa->nat_local || sa->nat_remote || sa->nat_fake);
	put_if_id(b, "if-id-in", sa->connection ? sa->connection->if_id_in : 0, sa->if_id_in);
	put_if_id(b, "if-id-out", sa->connection ? sa->connection->if_id_out : 0, sa->if_id_out);
	put_suite(b, &sa->suite);
	put_yes(b, "ppk", sa->ppk);
	put_times(b, sa);
	if (sa->virtual) {
		put_virtual(b, "local-vips", sa->virtual->ours, sa->virtual->our_count);
		put_virtual(b, "remote-vips", sa->virtual->theirs, sa->virtual->their_count);
	}
	put_tasks(b, "tasks-queued", sa, sa->tasks);
	put_tasks(b, "tasks-active", sa, sa->active);
	put_dns(b, sa->virtual);
}

void cl_ike_sa_liveness_build(
	struct vici_builder *b, const struct ike_engine *e, const struct ike_sa *sa)
{
	if (!sa->was_established)
		return;
	if (sa->connection->dpd_delay > 0)
		vici_key_format(b, "dpd-delay", "%" PRIu64, sa->connection->dpd_delay);
	vici_key_format(b, "dead-after", "%" PRId64, ike_engine_dead_after(e, sa) / 1000);
	put_until(b, "dead-in", ike_engine_dead_at(e, sa));
}

/* ---- Child SAs ---- */

static void put_mark(struct vici_builder *b, const char *side, const struct ike_mark *mark)
{
	char key[24];

	if (!mark->mask)
		return;
	snprintf(key, sizeof(key), "mark-%s", side);
	vici_key_format(b, key, "%08x", mark->value);
	snprintf(key, sizeof(key), "mark-mask-%s", side);
	if (mark->mask != UINT32_MAX)
		vici_key_format(b, key, "%08x", mark->mask);
}

void cl_usage_build(
	struct vici_builder *b, struct cl_daemon *d, const struct ike_child *child, bool inbound)
{
	const char *side = inbound ? "in" : "out";
	struct ike_kernel_usage usage = { .idle_seconds = UINT64_MAX };
	struct ike_kernel_id id = ike_child_kernel_id(child, inbound);
	char key[16];

	if (!cl_host_query(d, &id, &usage))
		usage = (struct ike_kernel_usage){ .idle_seconds = UINT64_MAX };
	snprintf(key, sizeof(key), "bytes-%s", side);
	vici_key_format(b, key, "%" PRIu64, usage.bytes);
	snprintf(key, sizeof(key), "packets-%s", side);
	vici_key_format(b, key, "%" PRIu64, usage.packets);
	snprintf(key, sizeof(key), "use-%s", side);
	if (usage.idle_seconds != UINT64_MAX)
		vici_key_format(b, key, "%" PRIu64, usage.idle_seconds);
}

void cl_selectors_build(
	struct vici_builder *b, const char *name, const struct ike_selector *list, size_t count)
{
	char text[IKE_SELECTOR_TEXT_MAX];

	vici_list_start(b, name);
	for (size_t i = 0; i < count; i++)
		vici_item_text(b, ike_selector_format(&list[i], text));
	vici_list_end(b);
}

const char *cl_child_mode_name(uint8_t mode)
{
	return mode == IKE_MODE_TRANSPORT ? "TRANSPORT" : mode == IKE_MODE_BEET ? "BEET" : "TUNNEL";
}

const char *cl_child_protocol_name(const struct ike_child *child)
{
	return child->suite.protocol == IKE_PROTOCOL_AH ? "AH" : "ESP";
}

/* What is known once SPIs, keys and selectors are. */
static void put_installed(
	struct vici_builder *b, struct cl_daemon *d, const struct ike_child *child)
{
	vici_key_text(b, "protocol", cl_child_protocol_name(child));
	put_yes(b, "encap", child->udp_encapsulation);
	vici_key_format(b, "spi-in", "%08x", child->spi_in);
	vici_key_format(b, "spi-out", "%08x", child->spi_out);
	if (child->cpi_in && child->cpi_out) {
		vici_key_format(b, "cpi-in", "%04x", child->cpi_in);
		vici_key_format(b, "cpi-out", "%04x", child->cpi_out);
	}
	put_mark(b, "in", &child->mark_in);
	put_mark(b, "out", &child->mark_out);
	if (child->if_id_in)
		vici_key_format(b, "if-id-in", "%08x", child->if_id_in);
	if (child->if_id_out)
		vici_key_format(b, "if-id-out", "%08x", child->if_id_out);
	if (child->per_processor)
		vici_key_text(b, "per-cpu-sas",
			child->config->per_cpu_sas == IKE_PER_CPU_ENCAP ? "encap" : "yes");
	if (child->one_processor)
		vici_key_format(b, "cpu", "%u", child->processor);
	put_suite(b, &child->suite);
	if (child->suite.esn)
		vici_key_text(b, "esn", "1");
	cl_usage_build(b, d, child, true);
	cl_usage_build(b, d, child, false);
	put_until(b, "rekey-time", child->rekey_at);
	put_until(b, "life-time", child->expires_at);
	vici_key_format(b, "install-time", "%" PRId64,
		seconds_between(child->installed_at, cl_daemon_now()));
}

static bool is_negotiated(const struct ike_child *child)
{
	return child->state != IKE_CHILD_CREATED && child->state != IKE_CHILD_ROUTED &&
	       child->spi_out != 0;
}

void cl_child_sa_build(struct vici_builder *b, struct cl_daemon *d, const struct ike_child *child)
{
	vici_key_text(b, "name", child->config->name);
	vici_key_format(b, "uniqueid", "%u", child->unique_id);
	vici_key_format(b, "reqid", "%u", child->reqid);
	vici_key_text(b, "state", ike_child_state_name(child->state));
	vici_key_text(b, "mode", cl_child_mode_name(child->mode));
	if (is_negotiated(child))
		put_installed(b, d, child);
	cl_selectors_build(b, "local-ts", ike_child_local(child), child->local_count);
	cl_selectors_build(b, "remote-ts", ike_child_remote(child), child->remote_count);
}

/* ---- Events ---- */

static const char *connection_name(const struct ike_sa *sa)
{
	return sa->connection ? sa->connection->name : "";
}

static void build_ike_rekey(struct vici_builder *b, const struct ike_event *what)
{
	vici_section_start(b, connection_name(what->sa));
	vici_section_start(b, "old");
	cl_ike_sa_build(b, what->sa);
	vici_section_end(b);
	if (what->other) {
		vici_section_start(b, "new");
		cl_ike_sa_build(b, what->other);
		vici_section_end(b);
	}
	vici_section_end(b);
}

static void build_child_rekey(
	struct vici_builder *b, struct cl_daemon *d, const struct ike_event *what)
{
	vici_section_start(b, what->child->config->name);
	vici_section_start(b, "old");
	cl_child_sa_build(b, d, what->child);
	vici_section_end(b);
	if (what->other_child) {
		vici_section_start(b, "new");
		cl_child_sa_build(b, d, what->other_child);
		vici_section_end(b);
	}
	vici_section_end(b);
}

static void build_child(struct vici_builder *b, struct cl_daemon *d, const struct ike_child *child)
{
	vici_section_start_format(b, "%s-%u", child->config->name, child->unique_id);
	cl_child_sa_build(b, d, child);
	vici_section_end(b);
}

static void build_alert(struct vici_builder *b, const struct ike_event *what)
{
	const char *name = what->connection ? what->connection->name : NULL;

	if (name)
		vici_key_text(b, "connection", name);
	cl_failure_build(b, what->failure, name);
	if (!what->sa)
		return;
	vici_section_start(b, "ike-sa");
	vici_section_start(b, connection_name(what->sa));
	cl_ike_sa_build(b, what->sa);
	vici_section_end(b);
	vici_section_end(b);
}

void cl_sa_event_build(struct vici_builder *b, struct cl_daemon *d, enum cl_event event,
	const struct ike_event *what)
{
	if (event == CL_EVENT_ALERT) {
		build_alert(b, what);
		return;
	}
	if (event == CL_EVENT_IKE_REKEY) {
		build_ike_rekey(b, what);
		return;
	}
	if (event == CL_EVENT_IKE_UPDATE) {
		cl_host_build(b, "local", what->local);
		cl_host_build(b, "remote", what->remote);
	}
	put_yes(b, "up", what->kind == IKE_EVENT_IKE_UP || what->kind == IKE_EVENT_CHILD_UP);
	vici_section_start(b, connection_name(what->sa));
	cl_ike_sa_build(b, what->sa);
	if (what->child) {
		vici_section_start(b, "child-sas");
		if (event == CL_EVENT_CHILD_REKEY)
			build_child_rekey(b, d, what);
		else
			build_child(b, d, what->child);
		vici_section_end(b);
	}
	vici_section_end(b);
}
