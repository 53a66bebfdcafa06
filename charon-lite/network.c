/* Look-ups: one question, one answer. */
#include "charon-lite/network_priv.h"

#include "charon-lite/rtnetlink.h"
#include "charon-lite/rules.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

/* Look-ups that pass over a table carry it, for the moment that they take. It is no mark that
 * anybody's packets have by chance, and beyond the bits that others' masks look at. */
#define LOOK_UP_MARK 0x20000000u

/* How many rules of ignored tables one look-up passes over. */
#define DETOURS_MAX 8

void cl_network_settings_default(struct cl_network_settings *ret)
{
	*ret = (struct cl_network_settings){
		.routing_table = 220,
		.routing_table_prio = 220,
		.install_routes = true,
		.install_virtual_ip = true,
		.process_route = true,
		.roam_events = true,
	};
}

/* ---- Asking ---- */

static struct nl_msg *route_question(
	const struct address *to, const struct address *source, uint32_t mark)
{
	const struct rtmsg fixed = {
		.rtm_family = (unsigned char)to->family,
		.rtm_dst_len = (unsigned char)(8 * address_size(to)),
		.rtm_src_len = (unsigned char)(source ? 8 * address_size(source) : 0),
		/* IPv6 says the table anyhow, and refuses to be asked for it */
		.rtm_flags = to->family == AF_INET ? RTM_F_LOOKUP_TABLE : 0,
	};
	struct nl_msg *request = cl_rtnetlink_request(RTM_GETROUTE, 0, &fixed, sizeof(fixed));

	if (!request)
		return NULL;
	if (cl_rtnetlink_put_address(request, RTA_DST, to) &&
		(!source || cl_rtnetlink_put_address(request, RTA_SRC, source)) &&
		(mark == 0 || nla_put_u32(request, RTA_MARK, mark) == 0) &&
		(to->scope == 0 || nla_put_u32(request, RTA_OIF, to->scope) == 0))
		return request;
	nlmsg_free(request);
	return NULL;
}

/* RTA_VIA: a gateway of another family (RFC 5549), which stands before its octets. */
static bool gateway_via(const struct nlattr *attribute, struct address *ret)
{
	const size_t family_length = sizeof(((struct rtvia *)NULL)->rtvia_family);

	return attribute && nla_len(attribute) > (int)family_length &&
	       address_from_octets(bytes_of((const uint8_t *)nla_data(attribute) + family_length,
					   (size_t)nla_len(attribute) - family_length),
		       0, ret);
}

/* Nested in metrics. What the kernel has learned of the path is there as well. */
static uint32_t path_mtu(struct nlattr *metrics)
{
	static const struct nla_policy policy[RTAX_MAX + 1] = {
		[RTAX_MTU] = { .type = NLA_U32 },
	};
	struct nlattr *attributes[RTAX_MAX + 1];

	if (!metrics || nla_parse_nested(attributes, RTAX_MAX, metrics, policy) < 0 ||
		!attributes[RTAX_MTU])
		return 0;
	return nla_get_u32(attributes[RTAX_MTU]);
}

struct route_answer {
	struct cl_next_hop hop;
	bool valid;
};

static void route_take(void *context, struct nlmsghdr *message)
{
	static const struct nla_policy policy[RTA_VIA + 1] = {
		[RTA_OIF] = { .type = NLA_U32 },
		[RTA_TABLE] = { .type = NLA_U32 },
	};
	struct nlattr *attributes[RTA_VIA + 1];
	struct route_answer *answer = context;
	struct cl_next_hop *hop = &answer->hop;
	struct rtmsg fixed;

	if (message->nlmsg_type != RTM_NEWROUTE ||
		nlmsg_parse(message, sizeof(fixed), attributes, RTA_VIA, policy) < 0)
		return;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	hop->type = fixed.rtm_type;
	hop->table = attributes[RTA_TABLE] ? nla_get_u32(attributes[RTA_TABLE]) : fixed.rtm_table;
	hop->interface = attributes[RTA_OIF] ? nla_get_u32(attributes[RTA_OIF]) : 0;
	hop->mtu = path_mtu(attributes[RTA_METRICS]);
	if (!cl_rtnetlink_address(attributes[RTA_GATEWAY], &hop->gateway) &&
		!gateway_via(attributes[RTA_VIA], &hop->gateway))
		hop->gateway = (struct address){ 0 };
	if (cl_rtnetlink_address(attributes[RTA_PREFSRC], &hop->source) &&
		hop->source.family == AF_INET6 && hop->source.octets[0] == 0xfe &&
		(hop->source.octets[1] & 0xc0) == 0x80)
		hop->source.scope = hop->interface;
	answer->valid = true;
}

static bool ask(struct cl_network *n, const struct address *to, const struct address *source,
	uint32_t mark, struct cl_next_hop *ret)
{
	struct route_answer answer = { 0 };

	if (cl_rtnetlink_ask(n->requests, route_question(to, source, mark), route_take, &answer) !=
			0 ||
		!answer.valid)
		return false;
	*ret = answer.hop;
	return true;
}

/* ---- Passing over tables ---- */

static bool table_is_ignored(const struct cl_network *n, uint32_t table)
{
	bool ignored = table != 0 && table == cl_network_own_table(n);

	for (size_t i = 0; i < n->settings.ignored_table_count; i++)
		ignored = ignored || table == n->settings.ignored_tables[i];
	return ignored;
}

struct rule_search {
	uint32_t table;
	uint32_t from;
	uint32_t found; /* the lowest priority of a rule that leads to the table; 0: none */
};

static void rule_compare(void *context, const struct cl_rule *rule)
{
	struct rule_search *search = context;

	if (rule->action == FR_ACT_TO_TBL && rule->table == search->table &&
		rule->priority >= search->from &&
		(search->found == 0 || rule->priority < search->found))
		search->found = rule->priority;
}

/*
 * The kernel looks in tables as its rules say, and no question can except one. So for the time of
 * the question two rules stand around those that lead to such tables: packets of our mark, which
 * only the question has, go from before the first to behind the last. The rules between have said
 * already that they know nothing of the destination.
 */
static bool ask_past(struct cl_network *n, const struct address *to, const struct address *source,
	uint32_t first, uint32_t last, struct cl_next_hop *ret)
{
	const struct cl_rule behind = {
		.family = (uint8_t)to->family,
		.action = FR_ACT_NOP,
		.priority = last + 1,
		.mark = LOOK_UP_MARK,
	};
	const struct cl_rule before = {
		.family = (uint8_t)to->family,
		.action = FR_ACT_GOTO,
		.priority = first - 1,
		.target = last + 1,
		.mark = LOOK_UP_MARK,
	};
	int error = cl_rule_add(n->requests, &behind);
	bool found = false;

	if (error != 0 && error != EEXIST)
		return false;
	error = cl_rule_add(n->requests, &before);
	if (error == 0 || error == EEXIST) {
		found = ask(n, to, source, LOOK_UP_MARK, ret);
		(void)cl_rule_delete(n->requests, &before);
	}
	(void)cl_rule_delete(n->requests, &behind);
	return found;
}

/* Without the privilege to make rules, what the ignored table says is better than nothing. */
static bool ask_without_ignored(struct cl_network *n, const struct address *to,
	const struct address *source, struct cl_next_hop *hop)
{
	struct rule_search search = { .from = 2 };
	uint32_t first = 0;

	for (unsigned detours = 0; table_is_ignored(n, hop->table); detours++) {
		search.table = hop->table;
		search.found = 0;
		if (detours == DETOURS_MAX ||
			cl_rules_list(n->requests, (uint8_t)to->family, rule_compare, &search) !=
				0 ||
			search.found == 0 || search.found == UINT32_MAX)
			return true;
		if (first == 0)
			first = search.found;
		if (!ask_past(n, to, source, first, search.found, hop))
			return false;
		search.from = search.found + 1;
	}
	return true;
}

struct left_rules {
	struct cl_rule list[8];
	size_t count;
};

static void left_rule_note(void *context, const struct cl_rule *rule)
{
	struct left_rules *left = context;

	if (rule->for_all && rule->mark == LOOK_UP_MARK && rule->protocol == CL_RULE_PROTOCOL &&
		(rule->action == FR_ACT_GOTO || rule->action == FR_ACT_NOP) &&
		left->count < sizeof(left->list) / sizeof(*left->list))
		left->list[left->count++] = *rule;
}

/* Of a daemon that was killed in the middle of a question. */
static void left_rules_remove(struct cl_network *n)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < sizeof(families); i++) {
		struct left_rules left = { 0 };

		(void)cl_rules_list(n->requests, families[i], left_rule_note, &left);
		while (left.count > 0)
			(void)cl_rule_delete(n->requests, &left.list[--left.count]);
	}
}

static bool find(struct cl_network *n, const struct address *to, const struct address *source,
	struct cl_next_hop *ret)
{
	return ask(n, to, source, 0, ret) && ask_without_ignored(n, to, source, ret);
}

bool cl_network_next_hop(struct cl_network *n, const struct address *to,
	const struct address *source, struct cl_next_hop *ret)
{
	if (address_size(to) == 0)
		return false;
	/* an address that we have lost has no route */
	if (source && source->family == to->family && !address_is_any(source) &&
		find(n, to, source, ret))
		return true;
	return find(n, to, NULL, ret);
}

bool cl_network_any_hop(struct cl_network *n, const struct address *to, struct cl_next_hop *ret)
{
	return address_size(to) != 0 && ask(n, to, NULL, 0, ret);
}

static bool leads_out(const struct cl_network *n, const struct cl_next_hop *hop)
{
	const struct cl_interfaces which = cl_network_interfaces(n);

	return hop->type == RTN_LOCAL ||
	       (hop->type == RTN_UNICAST && cl_interface_index_is_used(&which, hop->interface));
}

bool cl_network_has_route(
	struct cl_network *n, const struct address *local, const struct address *remote)
{
	struct cl_next_hop hop;

	return address_size(remote) != 0 && find(n, remote, local, &hop) && leads_out(n, &hop);
}

bool cl_network_source_address(
	struct cl_network *n, const struct address *remote, struct address *ret)
{
	struct cl_next_hop hop;

	cl_network_watch(n, remote);
	if (!cl_network_next_hop(n, remote, NULL, &hop) || hop.source.family == 0 ||
		!leads_out(n, &hop))
		return false;
	if (hop.source.family == AF_INET6 && hop.source.scope == 0 && hop.type == RTN_UNICAST)
		cl_addresses_prefer(n->addresses, n->settings.prefer_temporary_addrs, &hop.source);
	*ret = hop.source;
	return true;
}

bool cl_network_is_local(struct cl_network *n, const struct address *address)
{
	struct cl_next_hop hop;

	return address_size(address) != 0 && ask(n, address, NULL, 0, &hop) &&
	       hop.type == RTN_LOCAL;
}

bool cl_network_interface(
	struct cl_network *n, const struct address *address, char ret[IF_NAMESIZE])
{
	uint32_t interface = cl_addresses_interface(n->addresses, address);

	return interface != 0 && if_indextoname(interface, ret);
}

size_t cl_network_local_addresses(
	struct cl_network *n, uint16_t family, struct address *ret, size_t room)
{
	const struct cl_interfaces which = cl_network_interfaces(n);

	return cl_addresses_list(
		n->addresses, &which, n->settings.prefer_temporary_addrs, family, ret, room);
}

void cl_network_routes_add(struct cl_network *n, const struct ike_kernel_policies *policies)
{
	if (n->routes)
		cl_routes_add(n->routes, policies);
}

void cl_network_routes_remove(struct cl_network *n, const struct ike_kernel_policies *policies)
{
	if (n->routes)
		cl_routes_remove(n->routes, policies);
}

bool cl_network_address_install(struct cl_network *n, const struct address *address,
	const struct address *local, struct why *why)
{
	return !n->virtual || cl_virtual_install(n->virtual, address, local, why);
}

void cl_network_address_remove(struct cl_network *n, const struct address *address)
{
	if (n->virtual)
		cl_virtual_remove(n->virtual, address);
}

bool cl_network_virtual(
	const struct cl_network *n, const struct address *address, struct cl_network_virtual *ret)
{
	*ret = (struct cl_network_virtual){ 0 };
	return n->virtual && cl_virtual_find(n->virtual, address, ret);
}

void cl_network_address_follow(
	struct cl_network *n, const struct address *address, const struct address *local)
{
	if (n->virtual)
		cl_virtual_follow(n->virtual, address, local);
}

/* ---- Opening, settings, closing ---- */

static bool texts_differ(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) != 0 : a != b;
}

/* In what decides which way peers are reached and from where, and which routes tunnels have. */
static bool settings_differ(
	const struct cl_network_settings *a, const struct cl_network_settings *b)
{
	return texts_differ(a->interfaces_use, b->interfaces_use) ||
	       texts_differ(a->interfaces_ignore, b->interfaces_ignore) ||
	       a->prefer_temporary_addrs != b->prefer_temporary_addrs ||
	       a->install_routes != b->install_routes ||
	       a->install_routes_xfrmi != b->install_routes_xfrmi ||
	       a->ignored_table_count != b->ignored_table_count ||
	       memcmp(a->ignored_tables, b->ignored_tables, sizeof(a->ignored_tables)) != 0 ||
	       a->route_mtu != b->route_mtu || a->route_mss != b->route_mss;
}

bool cl_network_reload(struct cl_network *n, const struct cl_network_settings *settings)
{
	char *use = settings->interfaces_use ? strdup(settings->interfaces_use) : NULL;
	char *ignore = settings->interfaces_ignore ? strdup(settings->interfaces_ignore) : NULL;
	char *on = settings->install_virtual_ip_on ? strdup(settings->install_virtual_ip_on) : NULL;
	struct cl_network_settings old = n->settings;

	if ((settings->interfaces_use && !use) || (settings->interfaces_ignore && !ignore) ||
		(settings->install_virtual_ip_on && !on)) {
		free(use);
		free(ignore);
		free(on);
		return false;
	}
	n->settings = *settings;
	n->settings.interfaces_use = use;
	n->settings.interfaces_ignore = ignore;
	n->settings.install_virtual_ip_on = on;
	if (n->routes) {
		n->settings.routing_table = old.routing_table;
		n->settings.routing_table_prio = old.routing_table_prio;
	}
	if (n->listener.sock && settings_differ(&n->settings, &old))
		cl_network_changed(n);
	if (n->listener.sock && settings->process_route != old.process_route)
		cl_network_listen_anew(n);
	free((void *)(uintptr_t)old.interfaces_use);
	free((void *)(uintptr_t)old.interfaces_ignore);
	free((void *)(uintptr_t)old.install_virtual_ip_on);
	return true;
}

static bool network_start(struct cl_network *n, const struct cl_network_settings *settings,
	bool routes, struct why *why)
{
	if (!(n->requests = cl_rtnetlink_open(why)))
		return false;
	n->addresses = cl_addresses_new(n->requests);
	if (!n->addresses || !cl_network_reload(n, settings))
		return why_fail(why, "no memory for the network");
	if (routes) {
		left_rules_remove(n);
		if (!(n->routes = cl_routes_new(n)))
			return why_fail(why, "no memory for routes");
		if (!(n->virtual = cl_virtual_new(n)))
			return why_fail(why, "no memory for virtual addresses");
		cl_addresses_virtual(n->addresses, n->virtual);
	}
	return cl_network_listen(n, why);
}

bool cl_network_open(struct event_base *base, const struct cl_network_settings *settings,
	const struct cl_network_events *events, bool routes, struct cl_log *log,
	struct cl_network **ret, struct why *why)
{
	struct cl_network *n = calloc(1, sizeof(*n));

	if (!n)
		return why_fail(why, "no memory for the network");
	n->base = base;
	n->log = log;
	n->events = *events;
	if (!network_start(n, settings, routes, why)) {
		cl_network_close(n);
		return false;
	}
	*ret = n;
	return true;
}

void cl_network_close(struct cl_network *n)
{
	if (!n)
		return;
	cl_network_listen_end(n);
	cl_network_tunnels_close(n);
	cl_routes_free(n->routes);
	if (n->addresses)
		cl_addresses_virtual(n->addresses, NULL);
	cl_virtual_free(n->virtual);
	cl_addresses_free(n->addresses);
	nl_socket_free(n->requests);
	free((void *)(uintptr_t)n->settings.interfaces_use);
	free((void *)(uintptr_t)n->settings.interfaces_ignore);
	free((void *)(uintptr_t)n->settings.install_virtual_ip_on);
	free(n);
}
