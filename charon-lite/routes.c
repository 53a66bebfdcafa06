#include "charon-lite/routes.h"

#include "charon-lite/network_priv.h"
#include "charon-lite/route_message.h"
#include "charon-lite/rules.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* How long what an earlier daemon left waits for its tunnels to come back. */
#define LEFTOVERS_SECONDS 60

/* What one child, or several alike, want of a route. */
struct route_user {
	struct route_user *prev, *next;
	struct address local, remote; /* the tunnel's ends */
	struct cl_route_wish wish;
	bool interface_id; /* its packets have an interface of their own */
	unsigned references;
};

struct route_key {
	struct address destination;
	uint8_t prefix_length;
};

struct route {
	struct route_key key;
	struct route_user *users; /* the newest first; NULL: an earlier daemon's */
	struct cl_route form;     /* as installed */
	bool installed;
	UT_hash_handle hh;
};

struct family {
	uint8_t number;
	size_t installed; /* routes */
	bool rule;        /* ours is there */
};

struct cl_routes {
	struct cl_network *n;
	struct route *all;
	struct family families[2];
	struct event *leftovers;
};

/* ---- Wishes ---- */

/* strongSwan takes a selector that names this very host as one for any of its addresses. */
static bool names_localhost(const struct ike_selector *s)
{
	struct address loopback = { .family = s->family };
	struct ike_selector host;

	if (s->family == 0)
		return true; /* dynamic, without an address yet */
	if (s->family == AF_INET) {
		loopback.octets[0] = 127;
		loopback.octets[3] = 1;
	} else {
		loopback.octets[15] = 1;
	}
	host = ike_selector_of_host(&loopback);
	return ike_selector_contains(s, &host);
}

bool cl_route_wish(const struct cl_network_settings *settings,
	const struct ike_kernel_policies *policies, unsigned pair, struct cl_route_wish *ret)
{
	const struct ike_selector *local =
		&policies->local_selectors[pair / policies->remote_count];
	const struct ike_selector *remote =
		&policies->remote_selectors[pair % policies->remote_count];
	struct cl_route_wish wish = { .sources = *local };

	wish.pass = policies->kind == IKE_POLICY_SHUNT;
	if (!settings->install_routes ||
		(wish.pass ? policies->mode != IKE_MODE_PASS
			   : policies->mode == IKE_MODE_TRANSPORT) ||
		policies->without_routes ||
		(policies->if_id_out != 0 && !settings->install_routes_xfrmi))
		return false;
	if (remote->family == 0 || (local->family != 0 && local->family != remote->family))
		return false;
	if (local->protocol != 0 || remote->protocol != 0) /* routes know of no such thing */
		return false;
	/* of a range the smallest prefix that covers it, as in the policy */
	(void)ike_selector_prefix(remote, &wish.destination, &wish.prefix_length);
	wish.any_source = names_localhost(local);
	*ret = wish;
	return true;
}

/* ---- The rule ---- */

static struct cl_rule rule_of(const struct cl_routes *routes, const struct family *family)
{
	return (struct cl_rule){
		.family = family->number,
		.action = FR_ACT_TO_TBL,
		.priority = routes->n->settings.routing_table_prio,
		.table = routes->n->settings.routing_table,
	};
}

static bool needs_rule(const struct cl_routes *routes)
{
	return !cl_table_is_shared(routes->n->settings.routing_table);
}

static struct family *family_of(struct cl_routes *routes, const struct route *route)
{
	return &routes->families[route->key.destination.family == AF_INET6];
}

static void family_count(struct cl_routes *routes, struct family *family, bool more)
{
	const struct cl_rule rule = rule_of(routes, family);
	int error = 0;

	family->installed = more ? family->installed + 1 : family->installed - 1;
	if (!needs_rule(routes) || (family->installed > 0) == family->rule)
		return;
	if (more) {
		/* an equal one that somebody else made serves as well, and stays theirs */
		error = cl_rule_add(routes->n->requests, &rule);
		family->rule = error == 0;
	} else {
		error = cl_rule_delete(routes->n->requests, &rule);
		family->rule = false;
	}
	if (error != 0 && error != EEXIST && error != ENOENT)
		cl_log_text(routes->n->log, IKE_LOG_KNL, IKE_LOG_INFO,
			"cannot %s the rule for routing table %u: %s", more ? "install" : "remove",
			rule.table, strerror(error));
}

/* ---- Routes ---- */

static char *route_text(const struct cl_route *route, char text[4 * ADDRESS_TEXT_MAX])
{
	char destination[ADDRESS_TEXT_MAX], gateway[ADDRESS_TEXT_MAX], source[ADDRESS_TEXT_MAX];
	char name[IF_NAMESIZE] = "?";

	address_format(&route->destination, destination);
	if (route->type == RTN_THROW) {
		snprintf(text, 4 * ADDRESS_TEXT_MAX, "throw %s/%u", destination,
			route->prefix_length);
		return text;
	}
	if_indextoname(route->interface, name);
	snprintf(text, 4 * ADDRESS_TEXT_MAX, "%s/%u via %s src %s dev %s", destination,
		route->prefix_length, address_format(&route->gateway, gateway),
		address_format(&route->source, source), name);
	return text;
}

/* Where the route has to lead for that user. */
static bool reckon(struct cl_routes *routes, const struct route *route,
	const struct route_user *user, struct cl_route *ret)
{
	struct cl_network *n = routes->n;
	const struct cl_interfaces which = cl_network_interfaces(n);
	struct cl_next_hop hop;

	*ret = (struct cl_route){
		.destination = route->key.destination,
		.prefix_length = route->key.prefix_length,
		.type = user->wish.pass ? RTN_THROW : RTN_UNICAST,
	};
	if (!n->settings.install_routes ||
		(user->interface_id && !n->settings.install_routes_xfrmi))
		return false;
	if (!user->wish.any_source &&
		!cl_addresses_within(n->addresses, &which, &user->wish.sources, &ret->source))
		return false;
	if (user->wish.pass) {
		ret->source = (struct address){ 0 };
		return true;
	}
	/* a trap whose peer is not known: where its packets would go */
	const struct address *peer =
		address_is_any(&user->remote) ? &route->key.destination : &user->remote;
	if (!cl_network_next_hop(n, peer, &user->local, &hop) || hop.type != RTN_UNICAST ||
		!cl_interface_index_is_used(&which, hop.interface))
		return false;
	ret->interface = hop.interface;
	ret->gateway = hop.gateway.family ? hop.gateway : *peer;
	ret->gateway.port = 0;
	ret->mtu = n->settings.route_mtu;
	ret->mss = n->settings.route_mss;
	return true;
}

static bool form_equal(const struct cl_route *a, const struct cl_route *b)
{
	return a->type == b->type && a->interface == b->interface && a->mtu == b->mtu &&
	       a->mss == b->mss && address_same_host(&a->source, &b->source) &&
	       address_same_host(&a->gateway, &b->gateway);
}

static void route_withdraw(struct cl_routes *routes, struct route *route)
{
	struct cl_network *n = routes->n;
	char text[4 * ADDRESS_TEXT_MAX];

	if (!route->installed)
		return;
	int error = cl_route_delete(n->requests, n->settings.routing_table, &route->form);
	route->installed = false;
	/* ESRCH: the kernel has dropped it, with its interface or address */
	if (error != 0 && error != ESRCH && error != ENOENT)
		cl_log_text(n->log, IKE_LOG_KNL, IKE_LOG_INFO, "cannot remove the route %s: %s",
			route_text(&route->form, text), strerror(error));
	family_count(routes, family_of(routes, route), false);
}

static void route_install(
	struct cl_routes *routes, struct route *route, const struct cl_route *form)
{
	struct cl_network *n = routes->n;
	char text[4 * ADDRESS_TEXT_MAX];
	int error = cl_route_put(n->requests, n->settings.routing_table, form, route->installed);

	if (error != 0) {
		cl_log_text(n->log, IKE_LOG_KNL, IKE_LOG_INFO, "cannot install the route %s: %s",
			route_text(form, text), strerror(error));
		route_withdraw(routes, route);
		return;
	}
	if (cl_log_wanted(n->log, IKE_LOG_KNL, IKE_LOG_DETAIL) &&
		(!route->installed || !form_equal(form, &route->form)))
		cl_log_text(n->log, IKE_LOG_KNL, IKE_LOG_DETAIL, "installing route: %s",
			route_text(form, text));
	route->form = *form;
	if (!route->installed)
		family_count(routes, family_of(routes, route), true);
	route->installed = true;
}

/* Makes the kernel have what the newest user wants that can have it. */
static void route_update(struct cl_routes *routes, struct route *route, bool reinstall)
{
	struct route_user *user;
	struct cl_route form;

	DL_FOREACH(route->users, user)
	{
		if (reckon(routes, route, user, &form)) {
			if (reinstall || !route->installed || !form_equal(&form, &route->form))
				route_install(routes, route, &form);
			return;
		}
	}
	route_withdraw(routes, route);
}

static void route_free(struct cl_routes *routes, struct route *route)
{
	struct route_user *user, *next;

	route_withdraw(routes, route);
	DL_FOREACH_SAFE(route->users, user, next)
	{
		DL_DELETE(route->users, user);
		free(user);
	}
	HASH_DEL(routes->all, route);
	free(route);
}

/* ---- Users ---- */

static struct route_key key_of(const struct address *destination, uint8_t prefix_length)
{
	struct route_key key;

	memset(&key, 0, sizeof(key)); /* it is hashed with its padding */
	key.destination = *destination;
	key.prefix_length = prefix_length;
	return key;
}

static struct route *route_find(struct cl_routes *routes, const struct route_key *key)
{
	struct route *route;

	HASH_FIND(hh, routes->all, key, sizeof(*key), route);
	return route;
}

static struct route *route_find_or_add(struct cl_routes *routes, const struct route_key *key)
{
	struct route *route = route_find(routes, key);

	if (route || !(route = calloc(1, sizeof(*route))))
		return route;
	route->key = *key;
	HASH_ADD(hh, routes->all, key, sizeof(route->key), route);
	if (route->hh.tbl)
		return route;
	free(route);
	return NULL;
}

static struct route_user *user_find(const struct route *route,
	const struct ike_kernel_policies *policies, const struct cl_route_wish *wish)
{
	struct route_user *user;

	DL_FOREACH(route->users, user)
	{
		if (user->wish.pass == wish->pass &&
			user->interface_id == (policies->if_id_out != 0) &&
			ike_selector_equal(&user->wish.sources, &wish->sources) &&
			address_same_host(&user->local, &policies->local) &&
			address_same_host(&user->remote, &policies->remote))
			break;
	}
	return user;
}

static void watch_peer(
	struct cl_routes *routes, const struct route *route, const struct route_user *user)
{
	if (!user->wish.pass)
		cl_network_watch(routes->n,
			address_is_any(&user->remote) ? &route->key.destination : &user->remote);
}

static void user_add(struct cl_routes *routes, const struct route_key *key,
	const struct ike_kernel_policies *policies, const struct cl_route_wish *wish)
{
	struct route *route = route_find_or_add(routes, key);
	struct route_user *user = route ? user_find(route, policies, wish) : NULL;

	if (user) {
		user->references++;
		return;
	}
	user = route ? malloc(sizeof(*user)) : NULL;
	if (!user) {
		cl_log_text(routes->n->log, IKE_LOG_KNL, IKE_LOG_INFO, "no memory for a route");
		if (route && !route->users && !route->installed)
			route_free(routes, route);
		return;
	}
	*user = (struct route_user){
		.local = policies->local,
		.remote = policies->remote,
		.wish = *wish,
		.interface_id = policies->if_id_out != 0,
		.references = 1,
	};
	DL_PREPEND(route->users, user);
	watch_peer(routes, route, user);
	route_update(routes, route, false);
}

static void user_remove(struct cl_routes *routes, const struct route_key *key,
	const struct ike_kernel_policies *policies, const struct cl_route_wish *wish)
{
	struct route *route = route_find(routes, key);
	struct route_user *user = route ? user_find(route, policies, wish) : NULL;

	if (!user || --user->references > 0)
		return;
	DL_DELETE(route->users, user);
	free(user);
	if (route->users)
		route_update(routes, route, false);
	else
		route_free(routes, route);
}

/* Also of what the settings do not want at present: they may be read again before it goes. */
static void for_each_wish(struct cl_routes *routes, const struct ike_kernel_policies *policies,
	void (*act)(struct cl_routes *, const struct route_key *,
		const struct ike_kernel_policies *, const struct cl_route_wish *))
{
	const struct cl_network_settings all = {
		.install_routes = true,
		.install_routes_xfrmi = true,
	};
	unsigned pairs = (unsigned)policies->local_count * policies->remote_count;
	struct cl_route_wish wish;

	for (unsigned pair = 0; pair < pairs; pair++) {
		if (!cl_route_wish(&all, policies, pair, &wish))
			continue;
		struct route_key key = key_of(&wish.destination, wish.prefix_length);

		if (wish.prefix_length > 0 || needs_rule(routes)) {
			act(routes, &key, policies, &wish);
			continue;
		}
		/* in the main table it would take the default route's place: two halves do not */
		key.prefix_length = 1;
		act(routes, &key, policies, &wish);
		key.destination.octets[0] = 0x80;
		act(routes, &key, policies, &wish);
	}
}

void cl_routes_add(struct cl_routes *routes, const struct ike_kernel_policies *policies)
{
	for_each_wish(routes, policies, user_add);
}

void cl_routes_remove(struct cl_routes *routes, const struct ike_kernel_policies *policies)
{
	for_each_wish(routes, policies, user_remove);
}

void cl_routes_refresh(struct cl_routes *routes, bool reinstall)
{
	struct route *route, *next;

	HASH_ITER(hh, routes->all, route, next)
	{
		if (route->users)
			route_update(routes, route, reinstall);
	}
}

void cl_routes_peers(struct cl_routes *routes)
{
	struct route *route, *next_route;
	struct route_user *user;

	HASH_ITER(hh, routes->all, route, next_route)
	{
		DL_FOREACH(route->users, user)
		{
			watch_peer(routes, route, user);
		}
	}
}

/* ---- What an earlier daemon left ---- */

static void adopt_route(void *context, const struct cl_route *form)
{
	struct cl_routes *routes = context;
	const struct route_key key = key_of(&form->destination, form->prefix_length);
	struct route *route = route_find_or_add(routes, &key);

	if (!route || route->installed)
		return;
	route->form = *form;
	route->installed = true;
	family_of(routes, route)->installed++;
}

struct rule_adoption {
	const struct cl_routes *routes;
	struct family *family;
};

static void adopt_rule(void *context, const struct cl_rule *rule)
{
	const struct rule_adoption *adoption = context;
	const struct cl_network_settings *settings = &adoption->routes->n->settings;

	if (rule->for_all && rule->mark == 0 && rule->action == FR_ACT_TO_TBL &&
		rule->protocol == CL_RULE_PROTOCOL && rule->table == settings->routing_table &&
		rule->priority == settings->routing_table_prio)
		adoption->family->rule = true;
}

static void remove_leftovers(evutil_socket_t fd, short what, void *context)
{
	struct cl_routes *routes = context;
	struct route *route, *next;
	unsigned count = 0;

	(void)fd, (void)what;
	HASH_ITER(hh, routes->all, route, next)
	{
		if (!route->users) {
			route_free(routes, route);
			count++;
		}
	}
	if (count)
		cl_log_text(routes->n->log, IKE_LOG_KNL, IKE_LOG_INFO,
			"removed %u routes that an earlier charon-lite left in table %u", count,
			routes->n->settings.routing_table);
}

/* Not in a table that others use: there "static" says nothing. */
static void adopt(struct cl_routes *routes)
{
	const struct timeval wait = { .tv_sec = LEFTOVERS_SECONDS };
	struct cl_network *n = routes->n;

	if (!needs_rule(routes))
		return;
	for (size_t i = 0; i < 2; i++) {
		struct family *family = &routes->families[i];
		struct rule_adoption adoption = { routes, family };

		(void)cl_rules_list(n->requests, family->number, adopt_rule, &adoption);
		if (!family->rule)
			continue;
		(void)cl_routes_list(n->requests, n->settings.routing_table, family->number,
			adopt_route, routes);
		if (family->installed == 0) {
			family->installed = 1; /* as if its last route went now */
			family_count(routes, family, false);
		} else if (!evtimer_pending(routes->leftovers, NULL)) {
			evtimer_add(routes->leftovers, &wait);
		}
	}
}

/* ---- Opening and closing ---- */

struct cl_routes *cl_routes_new(struct cl_network *n)
{
	struct cl_routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return NULL;
	routes->n = n;
	routes->families[0].number = AF_INET;
	routes->families[1].number = AF_INET6;
	routes->leftovers = evtimer_new(n->base, remove_leftovers, routes);
	if (!routes->leftovers) {
		free(routes);
		return NULL;
	}
	adopt(routes);
	return routes;
}

void cl_routes_free(struct cl_routes *routes)
{
	struct route *route, *next;

	if (!routes)
		return;
	HASH_ITER(hh, routes->all, route, next)
	{
		route_free(routes, route);
	}
	event_free(routes->leftovers);
	free(routes);
}
