/* Virtual addresses of IKE SAs: asked for, given, installed, and given back. */
#include "libike/virtual.h"

#include "libike/bypass.h"
#include "libike/sa/sa_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* The pool that is the RADIUS server's. */
#define RADIUS_POOL "radius"

/* ---- The SA's life ---- */

static struct ike_virtual *make(struct ike_sa *sa)
{
	if (!sa->virtual)
		sa->virtual = calloc(1, sizeof(*sa->virtual));
	return sa->virtual;
}

static bool append(struct ike_virtual_address **list, uint8_t *count, const struct address *address,
	struct ike_lease *lease)
{
	struct ike_virtual_address *items;

	if (*count >= IKE_VIRTUAL_ADDRESSES_MAX ||
		!(items = reallocarray(*list, *count + 1u, sizeof(*items))))
		return false;
	*list = items;
	items[*count] = (struct ike_virtual_address){ .address = *address, .lease = lease };
	items[*count].address.port = 0;
	(*count)++;
	return true;
}

static void return_leased(struct ike_engine *e, struct ike_virtual *v)
{
	ike_leased_return(e, v->leased);
	v->leased = NULL;
}

static void release(struct ike_virtual *v)
{
	for (size_t i = 0; i < v->their_count; i++)
		if (v->theirs[i].lease)
			(void)ike_lease_release(v->theirs[i].lease);
	free(v->theirs);
	v->theirs = NULL;
	v->their_count = 0;
}

void ike_virtual_free(struct ike_virtual *v)
{
	if (!v)
		return;
	release(v);
	free(v->ours);
	free(v->earlier);
	ike_attributes_free(&v->attributes);
	ike_bypass_free(v->bypass);
	ike_leased_free(v->leased);
	free(v);
}

void ike_virtual_release_theirs(struct ike_engine *e, struct ike_sa *sa)
{
	char text[ADDRESS_TEXT_MAX], peer[IKE_IDENTITY_TEXT_MAX];
	struct ike_virtual *v = sa->virtual;

	if (!v)
		return;
	for (size_t i = 0; i < v->their_count; i++) {
		struct ike_lease *lease = v->theirs[i].lease;
		struct address address = v->theirs[i].address;

		v->theirs[i].lease = NULL;
		if (!lease)
			continue;
		ike_identity_format(lease->identity, peer);
		if (ike_lease_release(lease))
			ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO, "lease %s by '%s' went offline",
				address_format(&address, text), peer);
	}
	release(v);
	return_leased(e, v);
}

static void uninstall(struct ike_engine *e, struct ike_virtual *v)
{
	for (size_t i = 0; i < v->our_count; i++) {
		if (v->ours[i].installed && e->host.address_remove)
			e->host.address_remove(e->host.context, &v->ours[i].address);
		v->ours[i].installed = false;
	}
	ike_bypass_remove(e, v->bypass);
	v->bypass = NULL;
}

void ike_virtual_end(struct ike_engine *e, struct ike_sa *sa)
{
	if (!sa->virtual)
		return;
	uninstall(e, sa->virtual);
	ike_virtual_release_theirs(e, sa);
	ike_virtual_free(sa->virtual);
	sa->virtual = NULL;
}

void ike_virtual_move(struct ike_engine *e, struct ike_sa *from, struct ike_sa *to)
{
	struct ike_virtual *old = from->virtual;

	if (!old)
		return;
	from->virtual = NULL;
	if (old->leased)
		old->leased->ike_id = to->unique_id;
	if (!to->virtual) {
		to->virtual = old;
		return;
	}
	/* It has got some of its own: only a side that it has nothing of is the old one's. */
	if (to->virtual->our_count == 0) {
		to->virtual->ours = old->ours;
		to->virtual->our_count = old->our_count;
		old->ours = NULL;
		old->our_count = 0;
		ike_attributes_free(&to->virtual->attributes);
		to->virtual->attributes = old->attributes;
		old->attributes = (struct ike_attributes){ 0 };
		to->virtual->bypass = old->bypass;
		old->bypass = NULL;
	}
	if (to->virtual->their_count == 0) {
		to->virtual->theirs = old->theirs;
		to->virtual->their_count = old->their_count;
		old->theirs = NULL;
		old->their_count = 0;
		return_leased(e, to->virtual);
		to->virtual->leased = old->leased;
		old->leased = NULL;
	}
	uninstall(e, old);
	return_leased(e, old);
	ike_virtual_free(old);
}

void ike_virtual_remember(const struct ike_sa *old, struct ike_sa *new)
{
	const struct ike_virtual *from = old->virtual;
	struct ike_virtual *v;

	/* Without memory it asks for any. */
	if (!from || from->our_count == 0 || !(v = make(new)))
		return;
	free(v->earlier);
	v->earlier_count = 0;
	v->earlier = calloc(from->our_count, sizeof(*v->earlier));
	if (!v->earlier)
		return;
	for (size_t i = 0; i < from->our_count; i++)
		v->earlier[v->earlier_count++] = from->ours[i].address;
}

static bool is_asking(const struct ike_sa *sa)
{
	return sa->initiator && sa->negotiation && sa->connection->vip_count > 0;
}

size_t ike_virtual_dynamic(
	const struct ike_sa *sa, bool local, struct ike_selector ret[IKE_VIRTUAL_ADDRESSES_MAX])
{
	const struct ike_virtual *v = sa->virtual;
	const struct ike_virtual_address *list = v ? (local ? v->ours : v->theirs) : NULL;
	size_t count = v ? (local ? v->our_count : v->their_count) : 0, used = 0;
	struct address wishes[IKE_VIRTUAL_ADDRESSES_MAX];

	for (size_t i = 0; i < count; i++)
		ret[used++] = ike_selector_of_host(&list[i].address);
	if (used > 0 || !local || !is_asking(sa))
		return used;
	count = ike_virtual_wishes(sa, wishes);
	for (size_t i = 0; i < count; i++) {
		const struct address any = { .family = wishes[i].family };
		bool there = false;

		for (size_t j = 0; j < i; j++)
			there = there || wishes[j].family == any.family;
		if (!there && ike_selector_of_prefix(&any, 0, &ret[used]))
			used++;
	}
	return used;
}

/* ---- Asking ---- */

size_t ike_virtual_wishes(const struct ike_sa *sa, struct address ret[IKE_VIRTUAL_ADDRESSES_MAX])
{
	const struct ike_connection *c = sa->connection;
	const struct ike_virtual *v = sa->virtual;
	bool used[IKE_VIRTUAL_ADDRESSES_MAX] = { false };
	size_t count = 0;

	for (; count < c->vip_count && count < IKE_VIRTUAL_ADDRESSES_MAX; count++) {
		ret[count] = c->vips[count];
		for (size_t i = 0; address_is_any(&ret[count]) && v && i < v->earlier_count; i++)
			if (!used[i] && v->earlier[i].family == ret[count].family) {
				used[i] = true;
				ret[count] = v->earlier[i];
			}
	}
	return count;
}

bool ike_virtual_is_unicast(const struct address *a)
{
	if (address_is_any(a))
		return false;
	if (a->family == AF_INET)
		return a->octets[0] != 127 && a->octets[0] != 0 && a->octets[0] < 224;
	return a->octets[0] != 0xff && (a->octets[0] != 0xfe || (a->octets[1] & 0xc0) != 0x80) &&
	       a->octets[0] != 0;
}

/* Not more of a family than were asked for. */
static bool may_take(const struct ike_sa *sa, const struct address *a)
{
	const struct ike_connection *c = sa->connection;
	size_t asked = 0, had = 0;

	for (size_t i = 0; i < c->vip_count; i++)
		asked += c->vips[i].family == a->family;
	for (size_t i = 0; i < ike_virtual_our_count(sa->virtual); i++) {
		const struct address *other = &sa->virtual->ours[i].address;

		if (address_same_host(other, a))
			return false;
		had += other->family == a->family;
	}
	return had < asked && ike_virtual_is_unicast(a);
}

bool ike_virtual_take(struct ike_engine *e, struct ike_sa *sa, uint16_t type, struct bytes value)
{
	struct ike_virtual *v = make(sa);
	char text[ADDRESS_TEXT_MAX];
	struct address a;
	bool good;

	if (!v)
		return true;
	if (ike_virtual_take_dns(e, sa, type, value, &good))
		return good;
	if (type != IKE_ATTRIBUTE_IP4_ADDRESS && type != IKE_ATTRIBUTE_IP6_ADDRESS) {
		if (value.length > 0 && !ike_attributes_add(&v->attributes, type, value))
			ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_DETAIL,
				"configuration attribute %u is not kept: there are too many", type);
		return true;
	}
	if (!ike_virtual_address_of(type, value, &a))
		return false;
	if (!may_take(sa, &a) || !append(&v->ours, &v->our_count, &a, NULL))
		ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO,
			"virtual IP %s was not asked for, or cannot be used: passing it over",
			address_format(&a, text));
	return true;
}

/* What the gateway says to be behind it; traffic goes by the selectors. */
static void log_subnets(struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_attributes *from = &sa->virtual->attributes;
	struct ike_selector list[IKE_ATTRIBUTES_MAX];
	char text[512];
	size_t count = 0;

	for (size_t i = 0; i < from->count; i++)
		count += ike_virtual_subnet_of(
			from->items[i].type, from->items[i].value, &list[count]);
	if (count > 0)
		ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO, "the gateway announces: %s",
			ike_selectors_format(list, count, text, sizeof(text)));
}

bool ike_virtual_taken(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	char text[ADDRESS_TEXT_MAX];
	struct why why = { "" };

	if (ike_virtual_our_count(sa->virtual) == 0) {
		if (sa->connection->vip_count == 0)
			return true;
		ike_failure_set(failure, IKE_REASON_NO_ADDRESS, NULL, NULL,
			"the peer gave us no virtual IP, and connection '%s' asks for one",
			sa->connection->name);
		return false;
	}
	log_subnets(e, sa);
	for (size_t i = 0; i < sa->virtual->our_count; i++) {
		struct ike_virtual_address *ours = &sa->virtual->ours[i];

		address_format(&ours->address, text);
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "installing new virtual IP %s", text);
		if (e->host.address_install && !e->host.address_install(e->host.context,
						       &ours->address, &sa->local, &why)) {
			ike_failure_set(failure, IKE_REASON_KERNEL, NULL, NULL,
				"installing virtual IP %s failed: %s", text, why.text);
			return false;
		}
		ours->installed = true;
	}
	ike_virtual_dns_taken(e, sa);
	for (size_t i = 0; e->host.name_servers && i < sa->virtual->our_count; i++)
		e->host.name_servers(e->host.context, &sa->virtual->ours[i].address, sa->virtual);
	return true;
}

/* ---- Giving ---- */

static bool has_radius(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->pool_count; i++)
		if (strcmp(c->pools[i], RADIUS_POOL) == 0)
			return true;
	return false;
}

/* What the RADIUS server says; once. */
static bool give_framed(struct ike_sa *sa, const struct address *wanted, struct address *ret)
{
	struct ike_virtual *v = sa->virtual;

	if (!sa->radius || !has_radius(sa->connection))
		return false;
	*ret = wanted->family == AF_INET ? sa->radius->framed_ip : sa->radius->framed_ip6;
	if (ret->family != wanted->family)
		return false;
	for (size_t i = 0; i < v->their_count; i++)
		if (address_same_host(&v->theirs[i].address, ret))
			return false;
	return append(&v->theirs, &v->their_count, ret, NULL);
}

static struct ike_lease_request request_of(
	const struct ike_sa *sa, const struct address *wanted, size_t pool_count)
{
	return (struct ike_lease_request){
		.pools = sa->connection->pools,
		.pool_count = pool_count,
		.wanted = wanted,
		.identity = sa->remote_eap_id ? sa->remote_eap_id : sa->remote_id,
		.peer = &sa->remote,
	};
}

/* Where among the connection's pools the DHCP server's is; as many as there are: nowhere. */
static size_t leased_pool(const struct ike_engine *e, const struct ike_connection *c)
{
	size_t i = 0;

	while (i < c->pool_count && strcmp(c->pools[i], IKE_LEASED_POOL) != 0)
		i++;
	return i < c->pool_count && ike_pools_find(e->pools, IKE_LEASED_POOL) ? c->pool_count : i;
}

/* Whether RADIUS or a pool that is named before the DHCP server's has an address. */
static bool others_have(
	struct ike_engine *e, const struct ike_sa *sa, const struct address *wanted, size_t before)
{
	const struct ike_lease_request request = request_of(sa, wanted, before);
	struct ike_lease *lease;
	struct why why;

	if (sa->radius && has_radius(sa->connection) &&
		sa->radius->framed_ip.family == wanted->family)
		return true;
	lease = before > 0 ? ike_pools_acquire(e->pools, &request, &why) : NULL;
	if (lease)
		(void)ike_lease_release(lease); /* it is this identity's from now on */
	return lease != NULL;
}

bool ike_virtual_waits(struct ike_engine *e, struct ike_sa *sa, const struct address *wanted)
{
	size_t index = leased_pool(e, sa->connection);
	struct ike_virtual *v;

	if (wanted->family != AF_INET || index == sa->connection->pool_count || !(v = make(sa)))
		return false;
	if (!v->leased && !others_have(e, sa, wanted, index))
		v->leased = ike_leased_ask(e, sa, wanted);
	return v->leased && !v->leased->answered;
}

static bool is_leased(const struct ike_virtual *v, size_t index)
{
	return v->leased && !v->theirs[index].lease &&
	       address_same_host(&v->theirs[index].address, &v->leased->address);
}

/* What the DHCP server says; once. */
static bool give_leased(struct ike_sa *sa, const struct address *wanted, struct address *ret)
{
	struct ike_virtual *v = sa->virtual;

	if (!v->leased || !v->leased->answered || v->leased->address.family != wanted->family)
		return false;
	for (size_t i = 0; i < v->their_count; i++)
		if (is_leased(v, i))
			return false;
	*ret = v->leased->address;
	return append(&v->theirs, &v->their_count, ret, NULL);
}

static bool give_lease(struct ike_engine *e, struct ike_sa *sa, const struct address *wanted,
	struct address *ret, struct why *why)
{
	const struct ike_lease_request request = request_of(sa, wanted, sa->connection->pool_count);
	struct ike_virtual *v = sa->virtual;
	struct ike_lease *lease;

	if (v->their_count >= IKE_VIRTUAL_ADDRESSES_MAX)
		return why_fail(why, "it has %u already", IKE_VIRTUAL_ADDRESSES_MAX);
	lease = ike_pools_acquire(e->pools, &request, why);
	if (!lease)
		return false;
	*ret = lease->address;
	if (append(&v->theirs, &v->their_count, ret, lease))
		return true;
	(void)ike_lease_release(lease);
	return why_fail(why, "out of memory");
}

bool ike_virtual_give(
	struct ike_engine *e, struct ike_sa *sa, const struct address *wanted, struct address *ret)
{
	const struct ike_identity *id = ike_sa_peer_id(sa);
	char peer[IKE_IDENTITY_TEXT_MAX], text[ADDRESS_TEXT_MAX];
	struct why why = { "out of memory" };

	ike_identity_format(id, peer);
	snprintf(text, sizeof(text), "%s", wanted->family == AF_INET6 ? "%any6" : "%any");
	if (!address_is_any(wanted))
		address_format(wanted, text);
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "peer requested virtual IP %s", text);
	if (!make(sa) || (!give_framed(sa, wanted, ret) && !give_leased(sa, wanted, ret) &&
				 !give_lease(e, sa, wanted, ret, &why))) {
		const char *error = ike_virtual_leased_error(sa->virtual);

		if (error && wanted->family == AF_INET)
			(void)why_fail(&why, "%s", error);
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"no virtual IP found for %s requested by '%s': %s", text, peer, why.text);
		return false;
	}
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "assigning virtual IP %s to peer '%s'",
		address_format(ret, text), peer);
	return true;
}

/* Whether an address before that one is of the same pool. */
static bool pool_was_before(const struct ike_virtual *v, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (v->theirs[i].lease && v->theirs[i].lease->pool == v->theirs[index].lease->pool)
			return true;
	return false;
}

/* Whether an address is of no pool of ours: the RADIUS server's, or the DHCP server's. */
static bool has_foreign(const struct ike_virtual *v, bool leased)
{
	for (size_t i = 0; i < ike_virtual_their_count(v); i++)
		if (!v->theirs[i].lease && is_leased(v, i) == leased)
			return true;
	return false;
}

/* False when index is beyond them; it is less by as many, then. */
static bool is_among(const struct ike_attributes *list, size_t *index)
{
	if (*index < list->count)
		return true;
	*index -= list->count;
	return false;
}

char *ike_virtual_describe_pools(
	const struct ike_engine *e, const struct ike_sa *sa, char *text, size_t text_size)
{
	const struct ike_connection *c = sa->connection;
	const char *error = ike_virtual_leased_error(sa->virtual);
	const char *dhcp = error ? error : "a DHCP server's, for IPv4";

	return ike_pools_describe(e->pools, c->pools, c->pool_count,
		leased_pool(e, c) < c->pool_count ? IKE_LEASED_POOL : NULL, dhcp, text, text_size);
}

const struct ike_attribute *ike_virtual_attribute(const struct ike_sa *sa, size_t index)
{
	const struct ike_virtual *v = sa->virtual;

	for (size_t i = 0; i < ike_virtual_their_count(v); i++) {
		if (!v->theirs[i].lease || pool_was_before(v, i))
			continue;
		const struct ike_attributes *list = ike_pool_attributes(v->theirs[i].lease->pool);
		if (is_among(list, &index))
			return &list->items[index];
	}
	if (has_foreign(v, true) && is_among(&v->leased->attributes, &index))
		return &v->leased->attributes.items[index];
	if (has_foreign(v, false) && sa->radius && is_among(&sa->radius->attributes, &index))
		return &sa->radius->attributes.items[index];
	return NULL;
}

bool ike_virtual_gives_server(const struct ike_sa *sa)
{
	const struct ike_attribute *a;

	for (size_t i = 0; (a = ike_virtual_attribute(sa, i)); i++)
		if (a->type == IKE_ATTRIBUTE_IP4_DNS || a->type == IKE_ATTRIBUTE_IP6_DNS)
			return true;
	return false;
}

static bool announces(const struct ike_sa *sa)
{
	for (size_t i = 0; i < sa->connection->child_count; i++)
		if (ike_child_config_has(sa->connection->children[i], true, IKE_SELECTOR_CLIENTS))
			return true;
	return false;
}

size_t ike_virtual_announced(
	const struct ike_sa *sa, struct ike_selector ret[IKE_VIRTUAL_ANNOUNCED_MAX])
{
	static const uint16_t families[] = { AF_INET, AF_INET6 };
	size_t count = 0;

	for (size_t i = 0; i < 2 && announces(sa) && sa->connection->clients; i++) {
		const struct address any = { .family = families[i] };
		struct ike_selector all;

		if (ike_selector_of_prefix(&any, 0, &all))
			count += ike_clients_others(sa->connection->clients, ike_child_client(sa),
				&all, ret + count, IKE_VIRTUAL_ANNOUNCED_MAX - count);
	}
	return count;
}

/* ---- On the wire ---- */

bool ike_virtual_address_of(uint16_t type, struct bytes value, struct address *ret)
{
	uint16_t family = type == IKE_ATTRIBUTE_IP4_ADDRESS   ? AF_INET
			  : type == IKE_ATTRIBUTE_IP6_ADDRESS ? AF_INET6
							      : 0;
	struct reader r = reader_of(value);

	*ret = (struct address){ .family = family };
	if (family == 0)
		return false;
	if (value.length == 0)
		return true;
	struct bytes octets = reader_bytes(&r, address_size(ret));
	if (family == AF_INET6 && reader_more(&r) && reader_u8(&r) > 128)
		return false;
	return reader_end(&r) && address_from_octets(octets, 0, ret);
}

uint16_t ike_virtual_address_value(
	const struct address *a, bool with_prefix, uint8_t room[17], struct bytes *ret_value)
{
	struct writer w = writer_of(room, 17);

	if (!address_is_any(a)) {
		writer_put(&w, address_octets(a));
		if (with_prefix && a->family == AF_INET6)
			writer_u8(&w, 128);
	}
	*ret_value = writer_bytes(&w);
	return a->family == AF_INET ? IKE_ATTRIBUTE_IP4_ADDRESS : IKE_ATTRIBUTE_IP6_ADDRESS;
}

uint16_t ike_virtual_subnet_value(
	const struct ike_selector *s, uint8_t room[17], struct bytes *ret_value)
{
	struct writer w = writer_of(room, 17);
	struct address network;
	uint8_t length;

	(void)ike_selector_prefix(s, &network, &length);
	writer_put(&w, address_octets(&network));
	if (s->family == AF_INET)
		writer_u32(&w, length ? UINT32_MAX << (32 - length) : 0);
	else
		writer_u8(&w, length);
	*ret_value = writer_bytes(&w);
	return s->family == AF_INET ? IKE_ATTRIBUTE_IP4_SUBNET : IKE_ATTRIBUTE_IP6_SUBNET;
}

bool ike_virtual_subnet_of(uint16_t type, struct bytes value, struct ike_selector *ret)
{
	bool four = type == IKE_ATTRIBUTE_IP4_SUBNET;
	struct reader r = reader_of(value);
	struct bytes octets = reader_bytes(&r, four ? 4 : 16);
	uint32_t mask = four ? reader_u32(&r) : 0;
	uint8_t length = four ? 0 : reader_u8(&r);
	struct address network;

	while (four && length < 32 && mask & UINT32_C(1) << (31 - length))
		length++;
	return (four || type == IKE_ATTRIBUTE_IP6_SUBNET) && reader_end(&r) &&
	       mask == (four && length ? UINT32_MAX << (32 - length) : 0) &&
	       address_from_octets(octets, 0, &network) &&
	       ike_selector_of_prefix(&network, length, ret);
}
