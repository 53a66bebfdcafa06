#include "charon-lite/updown_environment.h"

#include "libike/virtual.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* When the daemon itself has none. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define PORT_TEXT_MAX 16

PRINTF_LIKE(2, 3)
static void put(struct cl_updown_environment *e, const char *format, ...)
{
	va_list values;
	char *text;

	va_start(values, format);
	int length = e->count < CL_UPDOWN_VARIABLES_MAX ? vasprintf(&text, format, values) : -1;
	va_end(values);
	if (length < 0)
		e->no_memory = true;
	else
		e->items[e->count++] = text;
}

static bool is_icmp(const struct ike_selector *s)
{
	return s->protocol == IPPROTO_ICMP || s->protocol == IPPROTO_ICMPV6;
}

static char *port_format(const struct ike_selector *s, char text[PORT_TEXT_MAX])
{
	/* any, or none at all (OPAQUE) */
	if ((s->port_from == 0 && s->port_to == UINT16_MAX) || s->port_from > s->port_to)
		snprintf(text, PORT_TEXT_MAX, "0");
	else if (s->port_from == s->port_to)
		snprintf(text, PORT_TEXT_MAX, "%u", s->port_from);
	else
		snprintf(text, PORT_TEXT_MAX, "%u:%u", s->port_from, s->port_to);
	return text;
}

/* ICMP has no ports: MY_PORT is the type and PEER_PORT the code, whichever side restricts them. */
static void put_ports(struct cl_updown_environment *e, const struct cl_updown_pair *pair)
{
	char my[PORT_TEXT_MAX], peer[PORT_TEXT_MAX];
	const struct ike_selector *icmp = is_icmp(pair->local)    ? pair->local
					  : is_icmp(pair->remote) ? pair->remote
								  : NULL;

	if (icmp) {
		put(e, "PLUTO_MY_PORT=%u", icmp->port_from >> 8);
		put(e, "PLUTO_PEER_PORT=%u", icmp->port_from & 0xff);
		return;
	}
	put(e, "PLUTO_MY_PORT=%s", port_format(pair->local, my));
	put(e, "PLUTO_PEER_PORT=%s", port_format(pair->remote, peer));
}

static void put_client(
	struct cl_updown_environment *e, const char *whose, const struct ike_selector *s)
{
	struct address network;
	char text[ADDRESS_TEXT_MAX];
	uint8_t length;

	(void)ike_selector_prefix(s, &network, &length);
	put(e, "PLUTO_%s_CLIENT=%s/%u", whose, address_format(&network, text), length);
	put(e, "PLUTO_%s_PROTOCOL=%u", whose, s->protocol);
}

static void put_identity(
	struct cl_updown_environment *e, const char *whose, const struct ike_identity *id)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	put(e, "PLUTO_%s_ID=%s", whose, id ? ike_identity_format(id, text) : "%any");
}

static void put_mark(
	struct cl_updown_environment *e, const char *direction, const struct ike_mark *mark)
{
	if (mark->mask)
		put(e, "PLUTO_MARK_%s=%u/0x%08x", direction, mark->value, mark->mask);
}

static void put_child(struct cl_updown_environment *e, const struct ike_child *child)
{
	put(e, "PLUTO_CONNECTION=%s", child->config->name);
	put(e, "PLUTO_REQID=%u", child->reqid);
	put(e, "PLUTO_PROTO=%s", child->suite.protocol == IKE_PROTOCOL_AH ? "ah" : "esp");
	put_mark(e, "IN", &child->mark_in);
	put_mark(e, "OUT", &child->mark_out);
	if (child->if_id_in)
		put(e, "PLUTO_IF_ID_IN=%u", child->if_id_in);
	if (child->if_id_out)
		put(e, "PLUTO_IF_ID_OUT=%u", child->if_id_out);
	if (child->udp_encapsulation)
		put(e, "PLUTO_UDP_ENC=%u", child->sa->remote.port);
	if (child->cpi_in && child->cpi_out)
		put(e, "PLUTO_IPCOMP=1");
	if (child->config->hostaccess)
		put(e, "PLUTO_HOST_ACCESS=1");
}

static bool is_host(const struct ike_selector *s, const struct address *host)
{
	size_t size = address_size(host);

	return s->family == host->family && memcmp(s->from, host->octets, size) == 0 &&
	       memcmp(s->to, host->octets, size) == 0;
}

/* PLUTO_MY_SOURCEIP, the first, and PLUTO_MY_SOURCEIP4_1, PLUTO_MY_SOURCEIP6_1, ... */
static void put_source_addresses(struct cl_updown_environment *e, const char *whose,
	const struct ike_virtual_address *list, size_t count)
{
	unsigned four = 0, six = 0;
	char text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		bool is_six = list[i].address.family == AF_INET6;

		address_format(&list[i].address, text);
		if (i == 0)
			put(e, "PLUTO_%s_SOURCEIP=%s", whose, text);
		put(e, "PLUTO_%s_SOURCEIP%u_%u=%s", whose, is_six ? 6u : 4u,
			is_six ? ++six : ++four, text);
	}
}

/* The DNS servers that the peer told us of: PLUTO_DNS4_1, PLUTO_DNS6_1, ... And ours alone: the
 * domains that they are for, PLUTO_DNS_DOMAIN_1, ... */
static void put_dns(struct cl_updown_environment *e, const struct ike_virtual *v)
{
	char text[ADDRESS_TEXT_MAX], name[IKE_DOMAIN_TEXT_MAX];
	unsigned four = 0, six = 0;
	struct address a;

	for (size_t i = 0; i < CL_UPDOWN_DNS_MAX && ike_virtual_dns_server(v, i, &a); i++) {
		bool is_six = a.family == AF_INET6;

		put(e, "PLUTO_DNS%u_%u=%s", is_six ? 6u : 4u, is_six ? ++six : ++four,
			address_format(&a, text));
	}
	for (unsigned i = 0; i < CL_UPDOWN_DOMAINS_MAX && ike_virtual_dns_domain(v, i, name); i++)
		put(e, "PLUTO_DNS_DOMAIN_%u=%s", i + 1, name);
}

static void put_virtual(struct cl_updown_environment *e, const struct ike_virtual *v)
{
	if (!v)
		return;
	put_source_addresses(e, "MY", v->ours, v->our_count);
	put_source_addresses(e, "PEER", v->theirs, v->their_count);
	put_dns(e, v);
}

bool cl_updown_environment(const struct ike_sa *sa, const struct ike_child *child,
	const struct cl_updown_pair *pair, bool up, const char *interface,
	struct cl_updown_environment *ret)
{
	const char *path = getenv("PATH");
	char text[ADDRESS_TEXT_MAX];

	*ret = (struct cl_updown_environment){ 0 };
	put(ret, "PATH=%s", path ? path : DEFAULT_PATH);
	put(ret, "PLUTO_VERSION=1.1");
	put(ret, "PLUTO_VERB=%s-%s%s", up ? "up" : "down",
		is_host(pair->local, &sa->local) ? "host" : "client",
		pair->local->family == AF_INET6 ? "-v6" : "");
	put(ret, "PLUTO_UNIQUEID=%u", sa->unique_id);
	put(ret, "PLUTO_INTERFACE=%s", interface);
	put(ret, "PLUTO_ME=%s", address_format(&sa->local, text));
	put(ret, "PLUTO_PEER=%s", address_format(&sa->remote, text));
	put_identity(ret, "MY", sa->local_id);
	put_identity(ret, "PEER", sa->remote_id);
	if (sa->remote_eap_id)
		put_identity(ret, "XAUTH", sa->remote_eap_id);
	put_client(ret, "MY", pair->local);
	put_client(ret, "PEER", pair->remote);
	put_ports(ret, pair);
	put_child(ret, child);
	put_virtual(ret, sa->virtual);
	if (!ret->no_memory)
		return true;
	cl_updown_environment_free(ret);
	return false;
}

void cl_updown_environment_free(struct cl_updown_environment *environment)
{
	for (unsigned i = 0; i < environment->count; i++)
		free(environment->items[i]);
	*environment = (struct cl_updown_environment){ 0 };
}

bool cl_updown_next_pair(const struct ike_child *child, unsigned *at, struct cl_updown_pair *ret)
{
	while (*at < (unsigned)child->local_count * child->remote_count) {
		ret->local = &ike_child_local(child)[*at / child->remote_count];
		ret->remote = &ike_child_remote(child)[*at % child->remote_count];
		(*at)++;
		if (ret->local->family == ret->remote->family &&
			(ret->local->protocol == ret->remote->protocol ||
				ret->local->protocol == 0 || ret->remote->protocol == 0))
			return true;
	}
	return false;
}

bool cl_updown_is_approximate(const struct ike_selector *s)
{
	struct address network;
	uint8_t length;

	return !ike_selector_prefix(s, &network, &length);
}
