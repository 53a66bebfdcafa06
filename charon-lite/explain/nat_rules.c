#include "charon-lite/explain/nat_rules.h"

#include "charon-lite/explain/nat_rules_priv.h"
#include "charon-lite/explain/proc.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter_ipv4/ip_tables.h>
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
	uint32_t postrouting;
	uint32_t length;
	uint8_t entries[];
};

struct cl_nat_rules *cl_nat_rules_new(struct bytes entries, uint32_t postrouting)
{
	struct cl_nat_rules *r = malloc(sizeof(*r) + entries.length);

	if (!r)
		return NULL;
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

static struct cl_nat_rules *read_table(int fd)
{
	struct ipt_getinfo info = { .name = "nat" };
	struct ipt_get_entries *got;
	struct cl_nat_rules *r = NULL;
	socklen_t length = sizeof(info);

	if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &length) < 0 ||
		info.size > TABLE_MAX)
		return NULL;
	length = (socklen_t)(sizeof(*got) + info.size);
	if (!(got = calloc(1, length)))
		return NULL;
	memcpy(got->name, "nat", sizeof("nat"));
	got->size = info.size;
	if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, got, &length) == 0)
		r = cl_nat_rules_new(bytes_of(got->entrytable, info.size),
			info.hook_entry[4 /* NF_INET_POST_ROUTING */]);
	free(got);
	return r;
}

/* Asking for a table that is not there would load it. */
struct cl_nat_rules *cl_nat_rules_read(void)
{
	char names[256];
	struct cl_nat_rules *r;
	int fd;

	if (!cl_proc_read("/proc/net/ip_tables_names", names, sizeof(names)) ||
		!strstr(names, "nat\n"))
		return NULL;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	r = read_table(fd);
	close(fd);
	return r;
}

/* ---- Judging ---- */

struct walk {
	const struct cl_nat_rules *rules;
	const struct cl_nat_packet *packet;
	struct cl_nat_verdict *verdict;
	unsigned steps;
	bool unsure; /* something before may have let them pass */
};

enum meets cl_nat_network_meets(const struct address *network, uint8_t prefix, struct in_addr rule,
	struct in_addr mask, bool invert)
{
	struct in_addr ours = { 0 };
	uint32_t our_mask = prefix ? htonl(~0u << (32 - prefix)) : 0;
	uint32_t common = our_mask & mask.s_addr;

	memcpy(&ours, network->octets, sizeof(ours));
	if (((ours.s_addr ^ rule.s_addr) & common) != 0)
		return meets_inverted(NO, invert);
	return meets_inverted(common == mask.s_addr ? YES : MAYBE, invert);
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

static enum meets extensions_meet(const struct ipt_entry *entry, struct bytes all)
{
	enum meets m = YES;
	size_t at = sizeof(*entry);

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
	const struct cl_nat_packet *p, const struct ipt_entry *entry, struct bytes all)
{
	const struct ipt_ip *ip = &entry->ip;
	enum meets m = cl_nat_network_meets(
		&p->source, p->source_prefix, ip->src, ip->smsk, ip->invflags & IPT_INV_SRCIP);

	m = meets_both(m, cl_nat_network_meets(&p->destination, p->destination_prefix, ip->dst,
				  ip->dmsk, ip->invflags & IPT_INV_DSTIP));
	m = meets_both(m, interface_meets(p->interface, ip->outiface, ip->outiface_mask,
				  ip->invflags & IPT_INV_VIA_OUT));
	if (ip->proto != 0 || (ip->flags & IPT_F_FRAG))
		m = meets_both(m, MAYBE);
	return meets_both(m, extensions_meet(entry, all));
}

/* As iptables -S shows it, in short. */
static void describe(const struct ipt_entry *entry, const char *target, char *ret, size_t room)
{
	const struct ipt_ip *ip = &entry->ip;
	char source[INET_ADDRSTRLEN], destination[INET_ADDRSTRLEN], text[3][80] = { "", "", "" };

	inet_ntop(AF_INET, &ip->src, source, sizeof(source));
	inet_ntop(AF_INET, &ip->dst, destination, sizeof(destination));
	if (ip->smsk.s_addr)
		snprintf(text[0], sizeof(text[0]), "%s -s %s/%d",
			ip->invflags & IPT_INV_SRCIP ? " !" : "", source,
			__builtin_popcount(ip->smsk.s_addr));
	if (ip->dmsk.s_addr)
		snprintf(text[1], sizeof(text[1]), "%s -d %s/%d",
			ip->invflags & IPT_INV_DSTIP ? " !" : "", destination,
			__builtin_popcount(ip->dmsk.s_addr));
	if (ip->outiface_mask[0])
		snprintf(text[2], sizeof(text[2]), "%s -o %.15s",
			ip->invflags & IPT_INV_VIA_OUT ? " !" : "", ip->outiface);
	snprintf(ret, room, "iptables-legacy -t nat: POSTROUTING%s%s%s%s -j %s", text[0], text[1],
		text[2], entry->target_offset > sizeof(*entry) ? " ..." : "", target);
}

static void caught(struct walk *w, const struct ipt_entry *entry, const char *target, enum meets m)
{
	struct cl_nat_verdict *v = w->verdict;

	if (v->hit)
		return;
	v->hit = true;
	v->sure = m == YES && !w->unsure;
	v->packets = entry->counters.pcnt;
	describe(entry, target, v->rule, sizeof(v->rule));
}

bool cl_nat_target_translates(const char *target)
{
	return strcmp(target, "MASQUERADE") == 0 || strcmp(target, "SNAT") == 0 ||
	       strcmp(target, "NETMAP") == 0 || strcmp(target, "SAME") == 0;
}

static bool entry_at(const struct cl_nat_rules *r, uint32_t at, struct ipt_entry *ret)
{
	if (at > r->length || r->length - at < sizeof(*ret))
		return false;
	memcpy(ret, r->entries + at, sizeof(*ret));
	return ret->target_offset >= sizeof(*ret) &&
	       (size_t)ret->target_offset + sizeof(struct xt_entry_target) <= ret->next_offset &&
	       ret->next_offset <= r->length - at;
}

/* True: they go no further in the table. */
static bool walk_chain(struct walk *w, uint32_t at, unsigned depth);

/* The standard target: a verdict below 0, or another chain. */
static bool walk_verdict(struct walk *w, uint32_t at, const struct ipt_entry *entry, enum meets m,
	unsigned depth, bool *returns)
{
	int verdict = 0;

	if ((size_t)entry->target_offset + sizeof(struct xt_entry_target) + sizeof(verdict) >
		entry->next_offset)
		return false;
	memcpy(&verdict,
		w->rules->entries + at + entry->target_offset + sizeof(struct xt_entry_target),
		sizeof(verdict));
	if (verdict >= 0 && (uint32_t)verdict != at + entry->next_offset) {
		bool before = w->unsure, ends;

		w->unsure = before || m == MAYBE;
		ends = walk_chain(w, (uint32_t)verdict, depth + 1);
		if (m == YES)
			return ends;
		w->unsure = before || ends;
		return false;
	}
	if (verdict >= 0)
		return false;
	if (m == MAYBE) {
		w->unsure = true;
		return false;
	}
	*returns = verdict == XT_RETURN;
	return !*returns;
}

static bool walk_chain(struct walk *w, uint32_t at, unsigned depth)
{
	struct ipt_entry entry;

	for (; w->steps < STEPS_MAX && depth < DEPTH_MAX && entry_at(w->rules, at, &entry);
		w->steps++, at += entry.next_offset) {
		const struct bytes all = bytes_of(w->rules->entries + at, entry.next_offset);
		struct xt_entry_target target;
		enum meets m = entry_meets(w->packet, &entry, all);
		bool returns = false;

		memcpy(&target, all.at + entry.target_offset, sizeof(target));
		target.u.user.name[sizeof(target.u.user.name) - 1] = '\0';
		if (strcmp(target.u.user.name, "ERROR") == 0)
			return false; /* the next chain begins */
		if (m == NO)
			continue;
		if (target.u.user.name[0] == '\0') {
			if (walk_verdict(w, at, &entry, m, depth, &returns))
				return true;
			if (returns)
				return false;
		} else if (cl_nat_target_translates(target.u.user.name)) {
			caught(w, &entry, target.u.user.name, m);
			if (m == YES)
				return true;
		}
	}
	return false;
}

void cl_nat_rules_judge(const struct cl_nat_rules *r, const struct cl_nat_packet *packet,
	struct cl_nat_verdict *ret)
{
	struct walk w = { .rules = r, .packet = packet, .verdict = ret };

	*ret = (struct cl_nat_verdict){ 0 };
	(void)walk_chain(&w, r->postrouting, 0);
}
