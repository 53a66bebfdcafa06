#include "charon-lite/virtual_addresses.h"

#include "charon-lite/network_priv.h"
#include "charon-lite/rtnetlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <stdlib.h>
#include <utlist.h>

/* How long what an earlier daemon left waits for its tunnels to come back. */
#define LEFTOVERS_SECONDS 60

struct item {
	struct item *prev, *next;
	struct address address;
	struct address local; /* where messages of an IKE SA that has it leave from */
	uint32_t interface;   /* 0: the host had it before */
	unsigned users;       /* 0: an earlier daemon's */
	bool adopted;         /* it was one */
	bool homeless;        /* its interface is gone, and it was said */
};

struct cl_virtual {
	struct cl_network *n;
	struct item *all;
	struct event *leftovers;
};

/* ---- The kernel ---- */

static struct nl_msg *with_attributes(struct nl_msg *request, const struct item *item)
{
	/* For ever, but not to be chosen. */
	const struct ifa_cacheinfo deprecated = { .ifa_prefered = 0, .ifa_valid = UINT32_MAX };
	bool six = item->address.family == AF_INET6;

	if (!request)
		return NULL;
	if (cl_rtnetlink_put_address(request, IFA_LOCAL, &item->address) &&
		nla_put_u8(request, IFA_PROTO, CL_VIRTUAL_PROTOCOL) == 0 &&
		(!six || (nla_put_u32(request, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE) == 0 &&
				 nla_put(request, IFA_CACHEINFO, sizeof(deprecated), &deprecated) ==
					 0)))
		return request;
	nlmsg_free(request);
	return NULL;
}

static int tell_kernel(struct cl_virtual *v, const struct item *item, bool there)
{
	const struct ifaddrmsg fixed = {
		.ifa_family = (uint8_t)item->address.family,
		.ifa_prefixlen = (uint8_t)(8 * address_size(&item->address)),
		.ifa_index = item->interface,
	};
	int flags = there ? NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL : NLM_F_ACK;
	int error = cl_rtnetlink_ask(v->n->requests,
		with_attributes(cl_rtnetlink_request(there ? RTM_NEWADDR : RTM_DELADDR, flags,
					&fixed, sizeof(fixed)),
			item),
		NULL, NULL);

	cl_addresses_forget(v->n->addresses);
	return error;
}

static void withdraw(struct cl_virtual *v, struct item *item)
{
	char text[ADDRESS_TEXT_MAX];
	int error = item->interface ? tell_kernel(v, item, false) : 0;

	/* gone already, maybe with its interface */
	if (error != 0 && error != EADDRNOTAVAIL && error != ENODEV)
		cl_log_text(v->n->log, IKE_LOG_KNL, IKE_LOG_INFO,
			"removing virtual IP %s failed: %s", address_format(&item->address, text),
			strerror(error));
	DL_DELETE(v->all, item);
	if (item->adopted && v->n->events.leftover_gone)
		v->n->events.leftover_gone(v->n->events.context, item->interface);
	free(item);
}

/* ---- Whose they are ---- */

static struct item *find(const struct cl_virtual *v, const struct address *address)
{
	struct item *item;

	DL_FOREACH(v->all, item)
	{
		if (address_same_host(&item->address, address))
			return item;
	}
	return NULL;
}

bool cl_virtual_has(const struct cl_virtual *v, const struct address *address)
{
	const struct item *item = v ? find(v, address) : NULL;

	return item && item->interface != 0;
}

bool cl_virtual_find(
	const struct cl_virtual *v, const struct address *address, struct cl_network_virtual *ret)
{
	const struct item *item = find(v, address);

	if (!item || item->users == 0)
		return false;
	ret->interface = item->interface;
	ret->adopted = item->adopted;
	return true;
}

static bool choose_interface(
	struct cl_virtual *v, const struct address *local, uint32_t *ret, struct why *why)
{
	const char *name = v->n->settings.install_virtual_ip_on;
	char text[ADDRESS_TEXT_MAX];

	uint32_t index =
		name ? if_nametoindex(name) : cl_addresses_interface(v->n->addresses, local);
	if (index != 0) {
		*ret = index;
		return true;
	}
	if (name)
		return why_fail(
			why, "there is no interface '%s' (charon.install_virtual_ip_on)", name);
	return why_fail(why, "no interface has %s", address_format(local, text));
}

static struct item *item_new(
	struct cl_virtual *v, const struct address *address, uint32_t interface)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->address = *address;
	item->interface = interface;
	DL_APPEND(v->all, item);
	return item;
}

static bool install_new(struct cl_virtual *v, const struct address *address,
	const struct address *local, uint32_t interface, struct why *why)
{
	struct item *item = item_new(v, address, interface);
	char text[ADDRESS_TEXT_MAX], name[IF_NAMESIZE] = "?";

	if (!item)
		return why_fail(why, "out of memory");
	item->users = 1;
	item->local = *local;
	int error = tell_kernel(v, item, true);
	if (error == EEXIST) {
		item->interface = 0;
		return true;
	}
	if (error != 0) {
		DL_DELETE(v->all, item);
		free(item);
		return why_fail(why, "%s", strerror(error));
	}
	if_indextoname(interface, name);
	cl_log_text(v->n->log, IKE_LOG_KNL, IKE_LOG_DETAIL, "virtual IP %s installed on %s",
		address_format(address, text), name);
	return true;
}

bool cl_virtual_install(struct cl_virtual *v, const struct address *address,
	const struct address *local, struct why *why)
{
	struct item *item = find(v, address);
	uint32_t interface;

	if (!item && !v->n->settings.install_virtual_ip)
		return true;
	if (item && item->users > 0) {
		item->users++;
		item->local = *local;
		return true;
	}
	if (!choose_interface(v, local, &interface, why))
		return false;
	if (item && item->interface == interface) {
		item->users = 1;
		item->local = *local;
		return true;
	}
	if (item)
		withdraw(v, item);
	return install_new(v, address, local, interface, why);
}

void cl_virtual_remove(struct cl_virtual *v, const struct address *address)
{
	struct item *item = find(v, address);

	if (item && item->users > 0 && --item->users == 0)
		withdraw(v, item);
}

void cl_virtual_follow(
	struct cl_virtual *v, const struct address *address, const struct address *local)
{
	struct item *item = find(v, address);

	if (item)
		item->local = *local;
}

/* An interface that went and was made anew (PPPoE, a modem) has another index, and comes without
 * its addresses: ours goes to where it would go today. */
static void move_in(struct cl_virtual *v, struct item *item)
{
	char text[ADDRESS_TEXT_MAX], name[IF_NAMESIZE];
	struct why why;

	if (if_indextoname(item->interface, name))
		return;
	if (!choose_interface(v, &item->local, &item->interface, &why)) {
		if (!item->homeless)
			cl_log_text(v->n->log, IKE_LOG_KNL, IKE_LOG_INFO,
				"virtual IP %s went with its interface, waiting for one: %s",
				address_format(&item->address, text), why.text);
		item->homeless = true;
		return;
	}
	item->homeless = false;
	cl_log_text(v->n->log, IKE_LOG_KNL, IKE_LOG_INFO,
		"virtual IP %s went with its interface, and goes to %s now",
		address_format(&item->address, text),
		if_indextoname(item->interface, name) ? name : "?");
	item->adopted = false; /* what was left went with that interface */
	if (v->n->events.virtual_moved)
		v->n->events.virtual_moved(v->n->events.context, &item->address, item->interface);
}

void cl_virtual_refresh(struct cl_virtual *v)
{
	char text[ADDRESS_TEXT_MAX];
	struct item *item;

	DL_FOREACH(v->all, item)
	{
		if (item->interface == 0 || item->users == 0)
			continue;
		move_in(v, item);
		int error = item->homeless ? 0 : tell_kernel(v, item, true);

		if (error != 0 && error != EEXIST)
			cl_log_text(v->n->log, IKE_LOG_KNL, IKE_LOG_INFO,
				"installing virtual IP %s failed: %s",
				address_format(&item->address, text), strerror(error));
	}
}

/* ---- What an earlier daemon left ---- */

static void adopt(void *context, struct nlmsghdr *message)
{
	struct cl_virtual *v = context;
	struct cl_local_address a;
	struct item *item;

	/* Without memory it stays, for the next one to find. */
	if (message->nlmsg_type == RTM_NEWADDR && cl_local_address_parse(message, &a) &&
		a.protocol == CL_VIRTUAL_PROTOCOL && !find(v, &a.address) &&
		(item = item_new(v, &a.address, a.interface)))
		item->adopted = true;
}

static void remove_leftovers(evutil_socket_t fd, short what, void *context)
{
	struct cl_virtual *v = context;
	struct item *item, *next;
	unsigned count = 0;

	(void)fd, (void)what;
	DL_FOREACH_SAFE(v->all, item, next)
	{
		if (item->users > 0)
			continue;
		withdraw(v, item);
		count++;
	}
	if (count > 0)
		cl_log_text(v->n->log, IKE_LOG_KNL, IKE_LOG_INFO,
			"removed %u virtual IPs that an earlier charon-lite left", count);
}

struct cl_virtual *cl_virtual_new(struct cl_network *n)
{
	const struct timeval wait = { .tv_sec = LEFTOVERS_SECONDS };
	const struct ifaddrmsg fixed = { 0 };
	struct cl_virtual *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->n = n;
	v->leftovers = evtimer_new(n->base, remove_leftovers, v);
	if (!v->leftovers) {
		free(v);
		return NULL;
	}
	(void)cl_rtnetlink_ask(n->requests,
		cl_rtnetlink_request(RTM_GETADDR, NLM_F_DUMP, &fixed, sizeof(fixed)), adopt, v);
	if (v->all)
		evtimer_add(v->leftovers, &wait);
	return v;
}

void cl_virtual_free(struct cl_virtual *v)
{
	if (!v)
		return;
	while (v->all)
		withdraw(v, v->all);
	event_free(v->leftovers);
	free(v);
}
