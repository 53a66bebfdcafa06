#include "charon-lite/explain/nat_rules.h"

#include "charon-lite/explain/nat_rules_priv.h"
#include "charon-lite/explain/proc.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of a chain: rules that are looked at, and chains within chains. */
#define STEPS_MAX 4096
#define DEPTH_MAX 16
#define TABLE_MAX (8u << 20) /* octets: what is larger is not read */

struct cl_nat_rules {
	uint16_t family;
	uint32_t postrouting;
	uint32_t length;
	uint8_t entries[];
};

struct cl_nat_rules *cl_nat_rules_new(uint16_t family, struct bytes entries, uint32_t postrouting)
{
	struct cl_nat_rules *r = malloc(sizeof(*r) + entries.length);

	if (!r)
		return NULL;
	r->family = family;
	r->postrouting = postrouting;
	r->length = (uint32_t)entries.length;
	memcpy(r->entries, entries.at, entries.length);
	return r;
}

void cl_nat_rules_free(struct cl_nat_rules *r)
{
	free(r);
}

/* ---- Reading ---- */

/* What is asked is the same for both families, but for the names. */
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES,
	"options of ip_tables and ip6_tables");
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		       sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries),
	"questions of ip_tables and ip6_tables");

static struct cl_nat_rules *read_table(int fd, uint16_t family)
{
	const int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	struct ipt_getinfo info = { .name = "nat" };
	struct ipt_get_entries *got;
	struct cl_nat_rules *r = NULL;
	socklen_t length = sizeof(info);

	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &length) < 0 || info.size > TABLE_MAX)
		return NULL;
	length = (socklen_t)(sizeof(*got) + info.size);
	if (!(got = calloc(1, length)))
		return NULL;
	memcpy(got->name, "nat", sizeof("nat"));
	got->size = info.size;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, got, &length) == 0)
		r = cl_nat_rules_new(family, bytes_of(got->entrytable, info.size),
			info.hook_entry[4 /* NF_INET_POST_ROUTING */]);
	free(got);
	return r;
}

/* Asking for a table that is not there would load it. */
struct cl_nat_rules *cl_nat_rules_read(uint16_t family)
{
	char names[256];
	struct cl_nat_rules *r;
	int fd;

	if (!cl_proc_read(
		    family == AF_INET6 ? "/proc/net/ip6_tables_names" : "/proc/net/ip_tables_names",
		    names, sizeof(names)) ||
		!strstr(names, "nat\n"))
		return NULL;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	r = read_table(fd, family);
	close(fd);
	return r;
}

/* ---- Judging ---- */

struct walk {
	const struct cl_nat_rules *rules;
	const struct cl_nat_packet *packet;
	struct cl_nat_verdict *verdict;
	unsigned steps;
	struct doubts doubts;
};

/* Bits of an octet that a prefix takes. */
static uint8_t octet_mask(unsigned prefix, unsigned octet)
{
	unsigned bits = prefix > 8 * octet ? prefix - 8 * octet : 0;

	return bits >= 8 ? 0xff : (uint8_t)(0xff << (8 - bits));
}

enum meets cl_nat_network_meets(const struct address *network, uint8_t prefix,
	const struct cl_nat_network *rule, bool invert)
{
	bool contained = true;

	for (unsigned i = 0; i < sizeof(rule->mask); i++) {
		uint8_t common = octet_mask(prefix, i) & rule->mask[i];

		if (((network->octets[i] ^ rule->address[i]) & common) != 0)
			return meets_inverted(NO, invert);
		contained = contained && common == rule->mask[i];
	}
	return meets_inverted(contained ? YES : MAYBE, invert);
}

static enum meets interface_meets(
	const char *interface, const char *name, const unsigned char *mask, bool invert)
{
	char room[IFNAMSIZ] = "";
	enum meets m = YES;

	if (mask[0] == 0)
		return YES;
	snprintf(room, sizeof(room), "%s", interface);
	for (size_t i = 0; i < IFNAMSIZ; i++)
		if (((room[i] ^ name[i]) & mask[i]) != 0)
			m = NO;
	return meets_inverted(m, invert);
}

enum meets cl_nat_policy_meets(struct bytes data)
{
	static const struct xt_policy_spec nothing;
	struct xt_policy_info info;

	if (data.length < sizeof(info))
		return MAYBE;
	memcpy(&info, data.at, sizeof(info));
	if (!(info.flags & XT_POLICY_MATCH_OUT))
		return MAYBE;
	if (info.flags & XT_POLICY_MATCH_NONE)
		return NO;
	/* "--pol ipsec" alone is one element that asks for nothing */
	return info.len == 0 || (info.len == 1 && !(info.flags & XT_POLICY_MATCH_STRICT) &&
					memcmp(&info.pol[0].match, &nothing, sizeof(nothing)) == 0)
		       ? YES
		       : MAYBE;
}

/* What is the same of struct ipt_entry and ip6t_entry. */
struct entry {
	struct cl_nat_network source, destination;
	bool not_source, not_destination, not_out;
	bool more; /* conditions that are not compared */
	char out[IFNAMSIZ];
	unsigned char out_mask[IFNAMSIZ];
	size_t size; /* matches follow, up to the target */
	size_t target_offset, next_offset;
	uint64_t packets;
};

static enum meets extensions_meet(const struct entry *entry, struct bytes all)
{
	enum meets m = YES;
	size_t at = entry->size;

	while (at + sizeof(struct xt_entry_match) <= entry->target_offset) {
		struct xt_entry_match match;

		memcpy(&match, all.at + at, sizeof(match));
		if (match.u.match_size < sizeof(match) ||
			at + match.u.match_size > entry->target_offset)
			return MAYBE;
		if (strncmp(match.u.user.name, "policy", sizeof(match.u.user.name)) == 0)
			m = meets_both(m, cl_nat_policy_meets(bytes_of(all.at + at + sizeof(match),
						  match.u.match_size - sizeof(match))));
		else if (strncmp(match.u.user.name, "comment", sizeof(match.u.user.name)) != 0)
			m = meets_both(m, MAYBE);
		at += match.u.match_size;
	}
	return m;
}

static enum meets entry_meets(
	const struct cl_nat_packet *p, const struct entry *entry, struct bytes all)
{
	enum meets m = cl_nat_network_meets(
		&p->source, p->source_prefix, &entry->source, entry->not_source);

	m = meets_both(m, cl_nat_network_meets(&p->destination, p->destination_prefix,
				  &entry->destination, entry->not_destination));
	m = meets_both(
		m, interface_meets(p->interface, entry->out, entry->out_mask, entry->not_out));
	if (entry->more)
		m = meets_both(m, MAYBE);
	return meets_both(m, extensions_meet(entry, all));
}

/* " ! -s 10.0.0.0/8"; "" of all there is. */
static void describe_network(uint16_t family, const char *option, const struct cl_nat_network *n,
	bool invert, char *ret, size_t room)
{
	char address[INET6_ADDRSTRLEN] = "";
	unsigned bits = 0;

	for (size_t i = 0; i < sizeof(n->mask); i++)
		bits += (unsigned)__builtin_popcount(n->mask[i]);
	ret[0] = '\0';
	if (bits > 0 && inet_ntop(family, n->address, address, sizeof(address)))
		snprintf(ret, room, "%s %s %s/%u", invert ? " !" : "", option, address, bits);
}

/* As iptables -S shows it, in short. */
static void describe(
	uint16_t family, const struct entry *entry, const char *target, char *ret, size_t room)
{
	char text[3][80] = { "", "", "" };

	describe_network(family, "-s", &entry->source, entry->not_source, text[0], sizeof(text[0]));
	describe_network(family, "-d", &entry->destination, entry->not_destination, text[1],
		sizeof(text[1]));
	if (entry->out_mask[0])
		snprintf(text[2], sizeof(text[2]), "%s -o %.15s", entry->not_out ? " !" : "",
			entry->out);
	snprintf(ret, room, "%s-legacy -t nat: POSTROUTING%s%s%s%s -j %s",
		family == AF_INET6 ? "ip6tables" : "iptables", text[0], text[1], text[2],
		entry->target_offset > entry->size ? " ..." : "", target);
}

static void caught(struct walk *w, const struct entry *entry, const char *target, enum meets m)
{
	struct cl_nat_verdict *v = w->verdict;

	if (v->hit)
		return;
	v->hit = true;
	v->sure = m == YES && !doubts_any(&w->doubts);
	v->packets = entry->packets;
	describe(w->rules->family, entry, target, v->rule, sizeof(v->rule));
}

bool cl_nat_target_translates(const char *target)
{
	return strcmp(target, "MASQUERADE") == 0 || strcmp(target, "SNAT") == 0 ||
	       strcmp(target, "NETMAP") == 0 || strcmp(target, "SAME") == 0;
}

static void take_ipv4(const struct ipt_entry *from, struct entry *ret)
{
	const struct ipt_ip *ip = &from->ip;

	*ret = (struct entry){
		.not_source = ip->invflags & IPT_INV_SRCIP,
		.not_destination = ip->invflags & IPT_INV_DSTIP,
		.not_out = ip->invflags & IPT_INV_VIA_OUT,
		.more = ip->proto != 0 || (ip->flags & IPT_F_FRAG),
		.size = sizeof(*from),
		.target_offset = from->target_offset,
		.next_offset = from->next_offset,
		.packets = from->counters.pcnt,
	};
	memcpy(ret->source.address, &ip->src, sizeof(ip->src));
	memcpy(ret->source.mask, &ip->smsk, sizeof(ip->smsk));
	memcpy(ret->destination.address, &ip->dst, sizeof(ip->dst));
	memcpy(ret->destination.mask, &ip->dmsk, sizeof(ip->dmsk));
	memcpy(ret->out, ip->outiface, sizeof(ret->out));
	memcpy(ret->out_mask, ip->outiface_mask, sizeof(ret->out_mask));
}

static void take_ipv6(const struct ip6t_entry *from, struct entry *ret)
{
	const struct ip6t_ip6 *ip = &from->ipv6;

	*ret = (struct entry){
		.not_source = ip->invflags & IP6T_INV_SRCIP,
		.not_destination = ip->invflags & IP6T_INV_DSTIP,
		.not_out = ip->invflags & IP6T_INV_VIA_OUT,
		.more = ip->proto != 0 || (ip->flags & IP6T_F_TOS),
		.size = sizeof(*from),
		.target_offset = from->target_offset,
		.next_offset = from->next_offset,
		.packets = from->counters.pcnt,
	};
	memcpy(ret->source.address, &ip->src, sizeof(ip->src));
	memcpy(ret->source.mask, &ip->smsk, sizeof(ip->smsk));
	memcpy(ret->destination.address, &ip->dst, sizeof(ip->dst));
	memcpy(ret->destination.mask, &ip->dmsk, sizeof(ip->dmsk));
	memcpy(ret->out, ip->outiface, sizeof(ret->out));
	memcpy(ret->out_mask, ip->outiface_mask, sizeof(ret->out_mask));
}

static bool entry_at(const struct cl_nat_rules *r, uint32_t at, struct entry *ret)
{
	size_t size = r->family == AF_INET6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
	struct ip6t_entry ipv6;
	struct ipt_entry ipv4;

	if (at > r->length || r->length - at < size)
		return false;
	if (r->family == AF_INET6) {
		memcpy(&ipv6, r->entries + at, size);
		take_ipv6(&ipv6, ret);
	} else {
		memcpy(&ipv4, r->entries + at, size);
		take_ipv4(&ipv4, ret);
	}
	return ret->target_offset >= size &&
	       ret->target_offset + sizeof(struct xt_entry_target) <= ret->next_offset &&
	       ret->next_offset <= r->length - at;
}

static enum way walk_chain(struct walk *w, uint32_t at, unsigned depth);

/* The standard target: a verdict below 0, or another chain. */
static enum way walk_verdict(
	struct walk *w, uint32_t at, const struct entry *entry, enum meets m, unsigned depth)
{
	struct doubts before;
	int verdict = 0;
	enum way way;

	if (entry->target_offset + sizeof(struct xt_entry_target) + sizeof(verdict) >
		entry->next_offset)
		return ON;
	memcpy(&verdict,
		w->rules->entries + at + entry->target_offset + sizeof(struct xt_entry_target),
		sizeof(verdict));
	if (verdict < 0)
		return doubts_way(&w->doubts, m, verdict == XT_RETURN ? BACK : OUT);
	if ((uint32_t)verdict == at + entry->next_offset)
		return ON;
	before = doubts_enter(&w->doubts, m);
	way = doubts_leave(&w->doubts, &before, walk_chain(w, (uint32_t)verdict, depth + 1));
	return way == BACK ? ON : doubts_way(&w->doubts, m, way);
}

static enum way walk_entry(
	struct walk *w, uint32_t at, const struct entry *entry, const char *target, unsigned depth)
{
	const struct bytes all = bytes_of(w->rules->entries + at, entry->next_offset);
	enum meets m = entry_meets(w->packet, entry, all);

	if (m == NO)
		return ON;
	if (target[0] == '\0')
		return walk_verdict(w, at, entry, m, depth);
	if (!cl_nat_target_translates(target))
		return ON;
	caught(w, entry, target, m);
	return doubts_way(&w->doubts, m, OUT);
}

static enum way walk_chain(struct walk *w, uint32_t at, unsigned depth)
{
	struct entry entry;

	for (; depth < DEPTH_MAX && entry_at(w->rules, at, &entry);
		at += (uint32_t)entry.next_offset) {
		struct xt_entry_target target;
		enum way way;

		memcpy(&target, w->rules->entries + at + entry.target_offset, sizeof(target));
		target.u.user.name[sizeof(target.u.user.name) - 1] = '\0';
		if (strcmp(target.u.user.name, "ERROR") == 0)
			return BACK; /* the next chain begins */
		if (w->steps++ == STEPS_MAX)
			return OUT;
		if ((way = walk_entry(w, at, &entry, target.u.user.name, depth)) != ON)
			return way;
	}
	/* what is deeper, or makes no sense, may do anything */
	w->doubts.left = true;
	return BACK;
}

void cl_nat_rules_judge(const struct cl_nat_rules *r, const struct cl_nat_packet *packet,
	struct cl_nat_verdict *ret)
{
	struct walk w = { .rules = r, .packet = packet, .verdict = ret };

	*ret = (struct cl_nat_verdict){ 0 };
	(void)walk_chain(&w, r->postrouting, 0);
}
