#include "charon-lite/addresses.h"

#include "charon-lite/rtnetlink.h"
#include "charon-lite/virtual_addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>

/* A dump that changes overtake is asked for again, but not for ever. */
#define DUMP_TRIES 4

#define UNFIT (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)
#define TELLING (UNFIT | IFA_F_TEMPORARY)

struct interface {
	uint32_t index;
	uint32_t flags; /* IFF_* */
	char name[IF_NAMESIZE];
};

struct cl_addresses {
	struct nl_sock *sock;
	const struct cl_virtual *virtual;
	struct cl_local_address *items;
	size_t count, room;
	struct interface *interfaces; /* those that have addresses */
	size_t interface_count;
	bool known;
	bool no_memory;
};

static bool is_link_local(const struct address *a)
{
	if (a->family == AF_INET)
		return a->octets[0] == 169 && a->octets[1] == 254;
	return a->octets[0] == 0xfe && (a->octets[1] & 0xc0) == 0x80;
}

bool cl_local_address_parse(struct nlmsghdr *message, struct cl_local_address *ret)
{
	static const struct nla_policy policy[IFA_PROTO + 1] = {
		[IFA_FLAGS] = { .type = NLA_U32 },
		[IFA_PROTO] = { .type = NLA_U8 },
	};
	struct nlattr *attributes[IFA_PROTO + 1];
	struct cl_local_address a = { 0 };
	struct ifaddrmsg fixed;

	if (nlmsg_parse(message, sizeof(fixed), attributes, IFA_PROTO, policy) < 0)
		return false;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	/* IFA_ADDRESS is the other end's on a point-to-point link */
	if (!cl_rtnetlink_address(
		    attributes[attributes[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS], &a.address) ||
		a.address.family != fixed.ifa_family)
		return false;
	a.interface = fixed.ifa_index;
	a.flags = attributes[IFA_FLAGS] ? nla_get_u32(attributes[IFA_FLAGS]) : fixed.ifa_flags;
	a.prefix_length = fixed.ifa_prefixlen;
	a.scope = fixed.ifa_scope;
	if (attributes[IFA_PROTO])
		a.protocol = nla_get_u8(attributes[IFA_PROTO]);
	if (a.address.family == AF_INET6 && is_link_local(&a.address))
		a.address.scope = a.interface;
	*ret = a;
	return true;
}

/* For IPv4 IFA_F_TEMPORARY's bit means "secondary". */
static bool is_temporary(const struct cl_local_address *a)
{
	return a->address.family == AF_INET6 && (a->flags & IFA_F_TEMPORARY);
}

bool cl_local_address_is_usable(const struct cl_local_address *a, bool temporary)
{
	return a->scope < RT_SCOPE_LINK && !is_link_local(&a->address) && !(a->flags & UNFIT) &&
	       (temporary || !is_temporary(a)) && !address_is_any(&a->address);
}

/* ---- Reading them ---- */

struct cl_addresses *cl_addresses_new(struct nl_sock *sock)
{
	struct cl_addresses *all = calloc(1, sizeof(*all));

	if (all)
		all->sock = sock;
	return all;
}

void cl_addresses_virtual(struct cl_addresses *all, const struct cl_virtual *virtual)
{
	all->virtual = virtual;
}

void cl_addresses_forget(struct cl_addresses *all)
{
	all->known = false;
}

void cl_addresses_free(struct cl_addresses *all)
{
	if (!all)
		return;
	free(all->items);
	free(all->interfaces);
	free(all);
}

static void take_address(void *context, struct nlmsghdr *message)
{
	struct cl_addresses *all = context;
	struct cl_local_address a;

	if (message->nlmsg_type != RTM_NEWADDR || !cl_local_address_parse(message, &a))
		return;
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 16;
		struct cl_local_address *items = reallocarray(all->items, room, sizeof(*items));

		if (!items) {
			all->no_memory = true;
			return;
		}
		all->items = items;
		all->room = room;
	}
	all->items[all->count++] = a;
}

static void take_link(void *context, struct nlmsghdr *message)
{
	struct nlattr *attributes[IFLA_IFNAME + 1];
	struct interface *interface = context;
	struct ifinfomsg fixed;

	if (message->nlmsg_type != RTM_NEWLINK ||
		nlmsg_parse(message, sizeof(fixed), attributes, IFLA_IFNAME, NULL) < 0 ||
		!attributes[IFLA_IFNAME])
		return;
	memcpy(&fixed, nlmsg_data(message), sizeof(fixed));
	interface->flags = fixed.ifi_flags;
	nla_strlcpy(interface->name, attributes[IFLA_IFNAME], sizeof(interface->name));
}

static const struct interface *interface_of(
	const struct cl_addresses *all, const struct cl_local_address *a)
{
	for (size_t i = 0; i < all->interface_count; i++) {
		if (all->interfaces[i].index == a->interface)
			return &all->interfaces[i];
	}
	return NULL;
}

static void read_interface(struct cl_addresses *all, uint32_t index)
{
	const struct ifinfomsg fixed = { .ifi_index = (int)index };
	struct interface *interface = &all->interfaces[all->interface_count++];
	struct nl_msg *request = cl_rtnetlink_request(RTM_GETLINK, 0, &fixed, sizeof(fixed));

	*interface = (struct interface){ .index = index };
	if (request && nla_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0) {
		nlmsg_free(request);
		request = NULL;
	}
	/* what went in the meantime stays without flags, hence down */
	(void)cl_rtnetlink_ask(all->sock, request, take_link, interface);
}

static bool read_interfaces(struct cl_addresses *all)
{
	free(all->interfaces);
	all->interface_count = 0;
	all->interfaces = calloc(all->count + 1, sizeof(*all->interfaces));
	if (!all->interfaces)
		return false;
	for (size_t i = 0; i < all->count; i++) {
		if (!interface_of(all, &all->items[i]))
			read_interface(all, all->items[i].interface);
	}
	return true;
}

/* Without memory there are none, and they are asked for again next time. */
static void read_all(struct cl_addresses *all)
{
	const struct ifaddrmsg fixed = { 0 };
	int error = EAGAIN;

	for (unsigned tries = 0; !all->known && error == EAGAIN && tries < DUMP_TRIES; tries++) {
		all->count = 0;
		all->no_memory = false;
		error = cl_rtnetlink_ask(all->sock,
			cl_rtnetlink_request(RTM_GETADDR, NLM_F_DUMP, &fixed, sizeof(fixed)),
			take_address, all);
		all->known = error == 0 && !all->no_memory && read_interfaces(all);
	}
}

bool cl_addresses_event_matters(struct cl_addresses *all, struct nlmsghdr *message)
{
	struct cl_local_address a;

	if (!cl_local_address_parse(message, &a))
		return false;
	if (message->nlmsg_type == RTM_NEWADDR && cl_virtual_has(all->virtual, &a.address))
		return false; /* we made it */
	if (!all->known)
		return true;
	for (size_t i = 0; i < all->count; i++) {
		const struct cl_local_address *had = &all->items[i];

		if (had->interface == a.interface && address_same_host(&had->address, &a.address))
			return message->nlmsg_type == RTM_DELADDR ||
			       (had->flags & TELLING) != (a.flags & TELLING) ||
			       had->prefix_length != a.prefix_length;
	}
	return message->nlmsg_type == RTM_NEWADDR;
}

/* ---- Choosing ---- */

static bool is_up(const struct interface *interface)
{
	return interface && (interface->flags & IFF_UP);
}

size_t cl_addresses_list(struct cl_addresses *all, const struct cl_interfaces *which,
	bool temporary, uint16_t family, struct address *ret, size_t room)
{
	size_t count = 0;

	read_all(all);
	for (size_t i = 0; i < all->count && count < room; i++) {
		const struct cl_local_address *a = &all->items[i];
		const struct interface *interface = interface_of(all, a);

		if ((family == 0 || a->address.family == family) && is_up(interface) &&
			!(interface->flags & IFF_LOOPBACK) &&
			cl_interface_is_used(which, interface->name) &&
			cl_local_address_is_usable(a, temporary) &&
			!cl_virtual_has(all->virtual, &a->address))
			ret[count++] = a->address;
	}
	return count;
}

/* 0: not at all. */
static unsigned fitness(const struct cl_addresses *all, const struct cl_interfaces *which,
	const struct ike_selector *selector, const struct cl_local_address *a)
{
	const struct ike_selector host = ike_selector_of_host(&a->address);
	struct ike_selector addresses = *selector;
	const struct interface *interface;
	bool virtual;

	addresses.protocol = 0;
	addresses.port_from = 0;
	addresses.port_to = UINT16_MAX;
	if (!ike_selector_contains(&addresses, &host))
		return 0;
	virtual = cl_virtual_has(all->virtual, &a->address);
	if (!virtual && !cl_local_address_is_usable(a, true))
		return 0;
	interface = interface_of(all, a); /* last: there may be thousands */
	if (!is_up(interface))
		return 0;
	if (virtual)
		return 3;
	if (!cl_interface_is_used(which, interface->name))
		return 1;
	return interface->flags & IFF_LOOPBACK ? 2 : 3;
}

bool cl_addresses_within(struct cl_addresses *all, const struct cl_interfaces *which,
	const struct ike_selector *selector, struct address *ret)
{
	unsigned best = 0;

	read_all(all);
	for (size_t i = 0; i < all->count; i++) {
		unsigned fits = fitness(all, which, selector, &all->items[i]);

		if (fits > best) {
			best = fits;
			*ret = all->items[i].address;
		}
	}
	return best > 0;
}

uint32_t cl_addresses_interface(struct cl_addresses *all, const struct address *address)
{
	read_all(all);
	for (size_t i = 0; i < all->count; i++)
		if (address_same_host(&all->items[i].address, address))
			return all->items[i].interface;
	return 0;
}

void cl_addresses_prefer(struct cl_addresses *all, bool temporary, struct address *chosen)
{
	const struct cl_local_address *has = NULL;

	read_all(all);
	for (size_t i = 0; !has && i < all->count; i++) {
		if (address_same_host(&all->items[i].address, chosen))
			has = &all->items[i];
	}
	if (!has || chosen->family != AF_INET6 || is_temporary(has) == temporary)
		return;
	for (size_t i = 0; i < all->count; i++) {
		const struct cl_local_address *a = &all->items[i];

		if (a->interface == has->interface && is_temporary(a) == temporary &&
			cl_local_address_is_usable(a, temporary) &&
			address_in_prefix(&a->address, &has->address, has->prefix_length)) {
			*chosen = a->address;
			return;
		}
	}
}
