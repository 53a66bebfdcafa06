/* The sections below `children` of a load-conn message. */
#include "charon-lite/control/load_conn.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLAY_WINDOW_MAX 4096 /* packets; the kernel's own limit */
#define SELECTORS_MAX 64       /* of one side of a child: a TS payload has to carry them all */

static bool set_esp(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_child_config *c = object;

	(void)key;
	return ike_proposals_add(&c->proposals, IKE_PROTOCOL_ESP, text, why);
}

static bool set_ah(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_child_config *c = object;

	(void)key;
	return ike_proposals_add(&c->proposals, IKE_PROTOCOL_AH, text, why);
}

/* No peer is to get what is another's: each word of clients is for one side. */
static bool add_selector(struct ike_selector **list, uint8_t *count, const char *text,
	enum ike_selector_group allowed, struct why *why)
{
	struct ike_selector selector;

	if (*count == SELECTORS_MAX)
		return why_fail(why, "more than %u selectors", SELECTORS_MAX);
	if (!ike_selector_parse(text, &selector, why))
		return false;
	if (selector.group && selector.group != allowed)
		return why_fail(why, "'%s' is for %s", text,
			allowed == IKE_SELECTOR_CLIENT ? "local_ts" : "remote_ts");
	struct ike_selector *items = reallocarray(*list, *count + 1u, sizeof(*items));
	if (!items)
		return why_fail(why, "out of memory");
	items[(*count)++] = selector;
	*list = items;
	return true;
}

static bool set_local_ts(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_child_config *c = object;

	(void)key;
	return add_selector(&c->local_ts, &c->local_ts_count, text, IKE_SELECTOR_CLIENTS, why);
}

static bool set_remote_ts(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_child_config *c = object;

	(void)key;
	return add_selector(&c->remote_ts, &c->remote_ts_count, text, IKE_SELECTOR_CLIENT, why);
}

static bool set_tfc_padding(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_child_config *c = object;

	if (strcmp(text, "mtu") == 0) {
		c->tfc_padding = IKE_TFC_PADDING_MTU;
		return true;
	}
	(void)key;
	static const struct cl_load_key padding = { "tfc_padding", cl_load_u32, 0,
		{ .max = UINT16_MAX } };
	return cl_load_u32(&padding, &c->tfc_padding, text, why);
}

static bool set_copy_dscp(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_child_config *c = object;
	static const struct cl_load_word words[] = { { "no", 0 }, { "out", 1 }, { "in", 2 },
		{ "yes", 3 }, { NULL, 0 } };
	static const struct cl_load_key dscp = { "copy_dscp", cl_load_word, 0, { .words = words } };
	uint8_t directions;

	(void)key;
	if (!cl_load_word(&dscp, &directions, text, why))
		return false;
	c->copy_dscp_out = directions & 1;
	c->copy_dscp_in = directions & 2;
	return true;
}

static const struct cl_load_word modes[] = {
	{ "tunnel", IKE_MODE_TUNNEL },
	{ "transport", IKE_MODE_TRANSPORT },
	{ "transport_proxy", -1, "it is for Mobile IPv6; use transport or tunnel" },
	{ "beet", -1, "no IKE standard has it; use transport or tunnel" },
	{ "pass", IKE_MODE_PASS },
	{ "drop", IKE_MODE_DROP },
	{ NULL, 0 },
};

static const struct cl_load_word offloads[] = {
	{ "no", IKE_HW_OFFLOAD_NO },
	{ "yes", IKE_HW_OFFLOAD_CRYPTO },
	{ "crypto", IKE_HW_OFFLOAD_CRYPTO },
	{ "packet", IKE_HW_OFFLOAD_PACKET },
	{ "auto", IKE_HW_OFFLOAD_AUTO },
	{ NULL, 0 },
};

static const struct cl_load_word per_cpu_words[] = {
	{ "no", IKE_PER_CPU_NO },
	{ "yes", IKE_PER_CPU_YES },
	{ "encap", IKE_PER_CPU_ENCAP },
	{ NULL, 0 },
};

static const struct cl_load_word actions[] = {
	{ "none", IKE_ACTION_NONE },
	{ "trap", IKE_ACTION_TRAP },
	{ "route", IKE_ACTION_TRAP },
	{ "hold", IKE_ACTION_TRAP },
	{ "start", IKE_ACTION_START },
	{ "restart", IKE_ACTION_START },
	{ "trap|start", IKE_ACTION_TRAP | IKE_ACTION_START },
	{ "start|trap", IKE_ACTION_TRAP | IKE_ACTION_START },
	{ "clear", IKE_ACTION_NONE },
	{ NULL, 0 },
};

/* The kernel's own rule for names. */
static bool set_tunnel_interface(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	if (strlen(text) >= IF_NAMESIZE || strpbrk(text, "/: \t\n") || strcmp(text, ".") == 0 ||
		strcmp(text, "..") == 0)
		return why_fail(why,
			"'%s' is not the name of an interface: at most %d characters, "
			"none of them a slash, colon or space",
			text, IF_NAMESIZE - 1);
	return cl_load_text(key, object, text, why);
}

static const char labels[] = "policies have no SELinux labels here";

#define AT(field) offsetof(struct ike_child_config, field)

const struct cl_load_key cl_load_child_keys[] = {
	{ "ah_proposals", set_ah, .list = true },
	{ "esp_proposals", set_esp, .list = true },
	{ "sha256_96", cl_load_bool, AT(sha256_96) },
	{ "local_ts", set_local_ts, .list = true },
	{ "remote_ts", set_remote_ts, .list = true },
	{ "rekey_time", cl_load_time, AT(rekey_time) },
	{ "life_time", cl_load_time, AT(life_time) },
	{ "rand_time", cl_load_time, AT(rand_time) },
	{ "rekey_bytes", cl_load_amount, AT(rekey_bytes) },
	{ "life_bytes", cl_load_amount, AT(life_bytes) },
	{ "rand_bytes", cl_load_amount, AT(rand_bytes) },
	{ "rekey_packets", cl_load_amount, AT(rekey_packets) },
	{ "life_packets", cl_load_amount, AT(life_packets) },
	{ "rand_packets", cl_load_amount, AT(rand_packets) },
	{ "updown", cl_load_text, AT(updown) },
	{ "hostaccess", cl_load_bool, AT(hostaccess) },
	{ "mode", cl_load_word, AT(mode), { .words = modes } },
	{ "policies", cl_load_bool, AT(policies) },
	{ "policies_fwd_out", cl_load_bool, AT(policies_fwd_out) },
	{ "dpd_action", cl_load_word, AT(dpd_action), { .words = actions } },
	{ "ipcomp", cl_load_bool, AT(ipcomp) },
	{ "inactivity", cl_load_time, AT(inactivity) },
	{ "reqid", cl_load_u32, AT(reqid) },
	{ "priority", cl_load_u32, AT(priority) },
	{ "interface", cl_load_text, AT(interface) },
	{ "tunnel_interface", set_tunnel_interface, AT(tunnel_interface) },
	{ "mark_in", cl_load_mark, AT(mark_in) },
	{ "mark_in_sa", cl_load_bool, AT(mark_in_sa) },
	{ "mark_out", cl_load_mark, AT(mark_out) },
	{ "set_mark_in", cl_load_mark, AT(set_mark_in) },
	{ "set_mark_out", cl_load_mark, AT(set_mark_out) },
	{ "if_id_in", cl_load_if_id, AT(if_id_in) },
	{ "if_id_out", cl_load_if_id, AT(if_id_out) },
	{ "label", cl_load_refuse, .reason = labels },
	{ "label_mode", cl_load_refuse, 0, { .harmless = "system" }, .reason = labels },
	{ "tfc_padding", set_tfc_padding },
	{ "replay_window", cl_load_u32, AT(replay_window), { .max = REPLAY_WINDOW_MAX } },
	{ "hw_offload", cl_load_word, AT(hw_offload), { .words = offloads } },
	{ "copy_df", cl_load_bool, AT(copy_df) },
	{ "copy_ecn", cl_load_bool, AT(copy_ecn) },
	{ "copy_dscp", set_copy_dscp },
	{ "per_cpu_sas", cl_load_word, AT(per_cpu_sas), { .words = per_cpu_words } },
	{ "start_action", cl_load_word, AT(start_action), { .words = actions } },
	{ "close_action", cl_load_word, AT(close_action), { .words = actions } },
	{ NULL },
};

bool cl_load_child(struct vici_view section, struct ike_connection *c, struct why *why)
{
	struct bytes name = vici_name(section);
	char text[CL_LOAD_NAME_MAX + 1];
	char place[sizeof(text) + 16];

	if (!cl_load_name(name, text, why))
		return why_prefix(why, "children: ");
	snprintf(place, sizeof(place), "children.%s", text);
	/* Sections, of a template that connections share, are passed over as charon does. */
	struct ike_child_config *child = ike_connection_add_child(c, text);
	if (!child)
		return why_fail(why, "%s is there twice, or memory ran out", place);
	return cl_load_section(section, cl_load_child_keys, place, child, why);
}
