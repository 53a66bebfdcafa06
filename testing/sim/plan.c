#include "testing/sim/plan.h"

#include <stdarg.h>
#include <stdlib.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const ike_proposals[] = {
	"aes128-sha256-x25519",
	"aes256gcm16-prfsha256-ecp256",
	"chacha20poly1305-prfsha256-curve25519",
	"aes128-sha256-ecp256",
	"aes128gcm16-prfaesxcbc-x25519",
	"aes256-sha512-prfsha384-x25519",
	"aes192ctr-aesxcbc-prfsha1-ecp256",
	"aes256ccm12-prfaescmac-x25519",
	"camellia256-sha384-x448",
	"aes128-sha256-x25519-ke1_ecp256",
	"aes192-sha384-ecp256-ke1_x25519-ke3_x448",
	"3des-md5-modp1024",
	"aes256-sha1-modp1024",
	"aes256-sha1-modp2048",
};
/* The last are expensive, and rarely chosen. */
#define IKE_PROPOSALS_CHEAP 11

static const char *const esp_proposals[] = {
	"aes128gcm16",
	"aes256-sha256",
	"aes128-sha1",
	"chacha20poly1305",
	"aes256gcm16-x25519",
	"aes128-sha256-esn",
	"aes256gcm8-esn-noesn",
	"null-sha256",
	"aes128-sha512-ecp256-esn",
	"aes192ccm16",
	"3des-md5",
	"camellia128-aesxcbc",
	"aes192gcm16-x25519-ke1_ecp256",
	"camellia256-sha384-x25519-ke2_ecp256-ke5_x448",
};

/* IKEv1: no combined modes in phase 1, PRF and integrity of one hash, one group at a time.
 * Aggressive Mode cannot choose among groups: its proposals have the same. */
static const char *const ike_proposals_v1[] = {
	"aes128-sha256-ecp256",
	"aes256-sha1-ecp256",
	"aes192-sha512-ecp384",
	"camellia128-sha384-ecp256",
	"3des-md5-ecp256",
	"aes256-sha256-ecp384",
	"aes256-sha1-modp1024",
	"3des-sha1-modp2048",
};
#define IKE_PROPOSALS_V1_CHEAP 6

static const char *const ike_proposals_aggressive[] = {
	"aes128-sha256-ecp256",
	"aes256-sha1-ecp256",
	"aes192-sha512-ecp256",
	"3des-md5-ecp256",
};

static const char *const esp_proposals_v1[] = {
	"aes128gcm16",
	"aes256-sha256",
	"aes128-sha1",
	"3des-md5",
	"null-sha256",
	"aes128-sha512",
	"aes192ccm16",
	"camellia128-aesxcbc",
};

static const char *const esp_proposals_pfs[] = {
	"aes128gcm16-ecp256",
	"aes256-sha1-ecp256",
	"aes128-sha256-ecp256",
	"3des-md5-ecp256",
};

static const char *const ah_proposals_v1[] = { "sha256", "sha1", "sha512", "md5" };

static const char *const ah_proposals[] = { "sha256", "sha1-esn", "sha512-x25519", "aescmac",
	"sha384-x25519-ke1_ecp256", "md5" };

const char *plan_flaw_name(enum plan_flaw flaw)
{
	static const char *const names[] = { "fits", "wrong PSK", "no PSK", "wrong id",
		"no IKE proposal", "no child proposal", "no selector" };

	return names[flaw];
}

PRINTF_LIKE(2, 3) static const char *text(struct plan_pair *pair, const char *format, ...)
{
	char *room = pair->texts[pair->text_count];
	va_list values;

	if (pair->text_count++ == COUNT(pair->texts))
		abort();
	va_start(values, format);
	vsnprintf(room, sizeof(pair->texts[0]), format, values);
	va_end(values);
	return room;
}

static const char *one_of(struct sim_world *w, const char *const *list, size_t count)
{
	return list[sim_random_below(&w->random, (uint32_t)count)];
}

/* Two lists with one proposal in common, or none. */
static void propose(struct sim_world *w, struct plan_pair *pair, const char *const *list,
	size_t count, bool common, const char *ret[2])
{
	uint32_t shared = sim_random_below(&w->random, (uint32_t)count);

	for (uint32_t side = 0; side < 2; side++) {
		/* The rest is dealt out: even ones to one side, odd ones to the other. */
		uint32_t other = sim_random_below(&w->random, (uint32_t)count / 2) * 2 + side;
		bool alone = common && sim_random_chance(&w->random, 400);

		if (!common || (!alone && other == shared))
			ret[side] = common ? list[shared] : list[other];
		else if (alone)
			ret[side] = list[shared];
		else if (sim_random_chance(&w->random, 500))
			ret[side] = text(pair, "%s,%s", list[other], list[shared]);
		else
			ret[side] = text(pair, "%s,%s", list[shared], list[other]);
	}
}

static void make_transport(struct sim_world *w, struct plan_pair *pair,
	struct sim_child_definition *hub, struct sim_child_definition *spoke, size_t number)
{
	uint32_t port = 1000 + (uint32_t)number;
	bool narrow = pair->ikev1 || sim_random_chance(&w->random, 500);

	hub->mode = spoke->mode = IKE_MODE_TRANSPORT;
	hub->local_ts = text(pair, "dynamic[udp/%u]", port);
	hub->remote_ts = narrow ? "dynamic[udp/1701]" : "dynamic[udp]";
	spoke->local_ts = narrow ? hub->remote_ts : "dynamic[udp/1701]";
	spoke->remote_ts = hub->local_ts;
}

static void make_tunnel(struct sim_world *w, struct plan_pair *pair,
	struct sim_child_definition *hub, struct sim_child_definition *spoke, size_t number)
{
	uint32_t site = 200u + pair->spoke;
	const char *port = sim_random_chance(&w->random, 200) ? "[tcp/80]" : "";

	hub->mode = spoke->mode = IKE_MODE_TUNNEL;
	/* IKEv1 has one pair of selectors. */
	switch (pair->ikev1 ? 3 : sim_random_below(&w->random, 4)) {
	case 0: /* the hub has it wider */
		hub->local_ts = text(pair, "10.100.%zu.0/24", number);
		hub->remote_ts = text(pair, "10.%u.0.0/16", site);
		spoke->local_ts = text(pair, "10.%u.%zu.0/24%s", site, number, port);
		spoke->remote_ts = hub->local_ts;
		break;
	case 1: /* the spoke has it wider */
		hub->local_ts = text(pair, "10.100.%zu.0/24%s", number, port);
		hub->remote_ts = text(pair, "10.%u.%zu.0/24", site, number);
		spoke->local_ts = hub->remote_ts;
		/* Too wide would leave the choice of the child to the other end. */
		spoke->remote_ts = text(pair, "10.100.%zu.0/24,10.150.0.0/16", number);
		break;
	case 2: /* two families */
		hub->local_ts = text(pair, "10.100.%zu.0/24,fd00:100:%zu::/48", number, number);
		hub->remote_ts =
			text(pair, "10.%u.%zu.0/24,fd00:%u:%zu::/48", site, number, site, number);
		spoke->local_ts = hub->remote_ts;
		spoke->remote_ts = hub->local_ts;
		break;
	default: /* equal */
		hub->local_ts = text(pair, "10.100.%zu.0/24", number);
		hub->remote_ts = text(pair, "10.%u.%zu.0/24%s", site, number, port);
		spoke->local_ts = hub->remote_ts;
		spoke->remote_ts = hub->local_ts;
	}
}

static uint8_t make_action(struct sim_world *w, struct plan *plan)
{
	uint32_t dice = sim_random_below(&w->random, 100);

	if (dice < 8) {
		plan->sticky = true;
		return IKE_ACTION_START;
	}
	return dice < 14 ? IKE_ACTION_TRAP : IKE_ACTION_NONE;
}

static void propose_child(
	struct sim_world *w, struct plan_pair *pair, bool ah, bool pfs, const char *ret[2])
{
	bool common = pair->flaw != PLAN_NO_CHILD_PROPOSAL;

	if (ah && pair->ikev1)
		propose(w, pair, ah_proposals_v1, COUNT(ah_proposals_v1), common, ret);
	else if (ah)
		propose(w, pair, ah_proposals, COUNT(ah_proposals), common, ret);
	else if (pair->ikev1 && pfs)
		propose(w, pair, esp_proposals_pfs, COUNT(esp_proposals_pfs), common, ret);
	else if (pair->ikev1)
		propose(w, pair, esp_proposals_v1, COUNT(esp_proposals_v1), common, ret);
	else
		propose(w, pair, esp_proposals, COUNT(esp_proposals), common, ret);
}

static void make_child(
	struct sim_world *w, struct plan *plan, struct plan_pair *pair, size_t number, bool nat)
{
	static const char *const names[] = { "net-a", "net-b", "net-c" };
	struct sim_child_definition *hub = &pair->hub_side.children[number];
	struct sim_child_definition *spoke = &pair->spoke_side.children[number];
	bool ah = !nat && sim_random_chance(&w->random, 80);
	bool pfs = sim_random_chance(&w->random, 400);
	const char *proposals[2];

	hub->name = spoke->name = names[number];
	propose_child(w, pair, ah, pfs, proposals);
	hub->proposals = proposals[0];
	spoke->proposals = proposals[1];
	hub->ipcomp = (w->seed / 2 + number) % 3 == 0;
	spoke->ipcomp = hub->ipcomp || w->seed % 7 == 0;
	hub->protocol = spoke->protocol = ah ? IKE_PROTOCOL_AH : IKE_PROTOCOL_ESP;
	if (sim_random_chance(&w->random, nat ? 100 : 300) && pair->flaw != PLAN_NO_SELECTOR)
		make_transport(w, pair, hub, spoke, number);
	else
		make_tunnel(w, pair, hub, spoke, number);
	if (pair->flaw == PLAN_NO_SELECTOR)
		spoke->remote_ts = text(pair, "10.99.%zu.0/24", number);
	hub->start_action = pair->hub_initiates ? make_action(w, plan) : (uint8_t)IKE_ACTION_NONE;
	spoke->start_action = make_action(w, plan);
	if (sim_random_chance(&w->random, 60))
		spoke->close_action = make_action(w, plan);
}

static void make_identities(struct sim_world *w, struct plan_pair *pair, bool several)
{
	static const char *const hubs[] = { "hub.example.org", "hub@example.org", "@#0a0b0c",
		"C=CH, O=test, CN=hub" };
	static const char *const spokes[] = { "spoke%u.example.org", "spoke%u@example.org",
		"@#0d0e0f%02x", "C=CH, O=test, CN=spoke%u" };
	const char *hub = one_of(w, hubs, COUNT(hubs));
	const char *spoke = text(pair, one_of(w, spokes, COUNT(spokes)), (unsigned)pair->spoke);

	pair->hub_side.local_id = hub;
	pair->spoke_side.local_id = spoke;
	pair->hub_side.remote_id = spoke;
	pair->spoke_side.remote_id = sim_random_chance(&w->random, 200) ? NULL : hub;
	if (pair->flaw == PLAN_WRONG_ID) {
		pair->hub_side.remote_id = "nobody.example.org";
		pair->spoke_side.remote_id = hub;
	}
	/* At a hub of several only both owners make clear whose it is. */
	switch (several ? 0 : sim_random_below(&w->random, 3)) {
	case 0:
		pair->psk_owners[0] = hub;
		pair->psk_owners[1] = spoke;
		break;
	case 1:
		pair->psk_owners[0] = spoke;
		break;
	}
}

/* A post-quantum key (RFC 8784) that both have, or that one has and nobody demands. */
static void make_ppk(struct sim_world *w, struct plan_pair *pair)
{
	uint32_t who = 1 + sim_random_below(&w->random, 4);
	const char *id = text(pair, "ppk-%u.example.org", pair->spoke);

	for (size_t side = 0; side < 2; side++) {
		struct sim_definition *d = side ? &pair->spoke_side : &pair->hub_side;

		d->ppk_id = id;
		d->ppk_required = who >= 3 && sim_random_chance(&w->random, 300);
		if (who >= 3 || who == side + 1)
			snprintf(pair->ppk[side], sizeof(pair->ppk[side]), "Ppk+%u/%u",
				(unsigned)(w->seed % 1000), pair->spoke);
	}
}

/* Who accepts either initiates IKEv2: not to a peer that speaks IKEv1 alone. */
static void make_version(struct sim_world *w, struct plan_pair *pair)
{
	static const struct {
		uint32_t until;
		uint8_t hub, spoke;
	} pairs[] = { { 600, 2, 2 }, { 740, 1, 1 }, { 860, SIM_VERSION_EITHER, 1 },
		{ 910, SIM_VERSION_EITHER, 2 }, { 960, 2, SIM_VERSION_EITHER },
		{ 1000, SIM_VERSION_EITHER, SIM_VERSION_EITHER } };
	uint32_t dice = sim_random_below(&w->random, 1000);
	bool aggressive = sim_random_chance(&w->random, 300);
	size_t i = 0;

	while (dice >= pairs[i].until)
		i++;
	pair->hub_side.version = pairs[i].hub;
	pair->spoke_side.version = pairs[i].spoke;
	pair->ikev1 = pairs[i].spoke == 1;
	if (pair->ikev1 && pairs[i].hub != 1)
		pair->hub_initiates = false;
	pair->hub_side.aggressive = pair->spoke_side.aggressive = pair->ikev1 && aggressive;
}

static void propose_ike(struct sim_world *w, struct plan_pair *pair, const char *ret[2])
{
	bool common = pair->flaw != PLAN_NO_IKE_PROPOSAL;
	bool expensive = sim_random_chance(&w->random, 60);

	if (pair->hub_side.aggressive)
		propose(w, pair, ike_proposals_aggressive, COUNT(ike_proposals_aggressive), common,
			ret);
	else if (pair->ikev1)
		propose(w, pair, ike_proposals_v1,
			expensive ? COUNT(ike_proposals_v1) : IKE_PROPOSALS_V1_CHEAP, common, ret);
	else
		propose(w, pair, ike_proposals,
			expensive ? COUNT(ike_proposals) : IKE_PROPOSALS_CHEAP, common, ret);
}

static void make_pair(struct sim_world *w, struct plan *plan, struct plan_pair *pair, bool ipv6)
{
	const struct sim_node *hub = &w->nodes[0];
	const struct sim_node *spoke = &w->nodes[pair->spoke];
	char hub_text[ADDRESS_TEXT_MAX];
	char spoke_text[ADDRESS_TEXT_MAX];
	const char *proposals[2];

	if (sim_random_chance(&w->random, 350))
		pair->flaw = 1 + sim_random_below(&w->random, PLAN_FLAWS - 1);
	address_format(&hub->address[ipv6], hub_text);
	address_format(
		spoke->nat.here ? &spoke->nat.public_address : &spoke->address[ipv6], spoke_text);
	pair->hub_initiates = !spoke->nat.here && sim_random_chance(&w->random, 700);
	make_version(w, pair);
	pair->hub_side.name = text(pair, "spoke-%u", pair->spoke);
	pair->spoke_side.name = text(pair, "hub-of-%u", pair->spoke);
	pair->hub_side.local_addrs =
		sim_random_chance(&w->random, 500) ? text(pair, "%s", hub_text) : NULL;
	/* With two spokes the address must tell them apart before their identities are known. */
	pair->hub_side.remote_addrs =
		pair->hub_initiates || plan->pair_count > 1 ? text(pair, "%s", spoke_text) : "%any";
	pair->spoke_side.remote_addrs = text(pair, "%s", hub_text);
	make_identities(w, pair, plan->pair_count > 1);
	propose_ike(w, pair, proposals);
	pair->hub_side.proposals = proposals[0];
	pair->spoke_side.proposals = proposals[1];
	snprintf(pair->psk[0], sizeof(pair->psk[0]), "Psk+%llx/%u",
		(unsigned long long)sim_random_u64(&w->random), pair->spoke);
	memcpy(pair->psk[1], pair->psk[0], sizeof(pair->psk[1]));
	if (pair->flaw == PLAN_WRONG_PSK)
		pair->psk[1][4] ^= 1;
	for (size_t side = 0; side < 2; side++) {
		struct sim_definition *d = side ? &pair->spoke_side : &pair->hub_side;

		d->unique = (uint8_t)sim_random_below(&w->random, 4);
		d->no_fragmentation = sim_random_chance(&w->random, 150);
		d->never_childless = sim_random_chance(&w->random, 150);
		d->encap = !ipv6 && sim_random_chance(&w->random, 50);
		d->keyingtries = 1 + sim_random_below(&w->random, 2);
		d->dpd_delay = sim_random_chance(&w->random, 200) ? 20 : 0;
		if (sim_random_chance(&w->random, 100))
			d->childless = side ? IKE_CHILDLESS_PREFER : IKE_CHILDLESS_ALLOW;
	}
	if (sim_random_chance(&w->random, 150) && !pair->ikev1)
		make_ppk(w, pair);
	pair->child_count = 1 + sim_random_below(&w->random, 3);
	for (size_t i = 0; i < pair->child_count; i++)
		make_child(w, plan, pair, i,
			spoke->nat.here || pair->spoke_side.encap || pair->hub_side.encap);
}

static void make_settings(struct sim_world *w, struct ike_settings *s)
{
	static const uint32_t cookies[] = { 0, 1, 3, 30 };
	static const uint32_t blocks[] = { 0, 2, 5 };
	/* Small ones: nothing that is said here fills a packet. */
	static const uint32_t fragments[] = { 1280, 320, 260, 0 };

	s->retransmit_tries = 2 + sim_random_below(&w->random, 4);
	s->retransmit_timeout = sim_random_between(&w->random, 500, 4000);
	s->retransmit_jitter = sim_random_chance(&w->random, 300) ? 20 : 0;
	s->aggressive_psk = true;
	s->cookie_threshold = cookies[sim_random_below(&w->random, COUNT(cookies))];
	s->block_threshold = blocks[sim_random_below(&w->random, COUNT(blocks))];
	s->fragment_size_v4 = s->fragment_size_v6 =
		fragments[sim_random_below(&w->random, COUNT(fragments))];
}

void plan_make(struct sim_world *w, struct plan *plan)
{
	bool ipv6 = sim_random_chance(&w->random, 250);

	memset(plan, 0, sizeof(*plan));
	plan->pair_count = sim_random_chance(&w->random, 200) ? 2 : 1;
	(void)sim_node_add(w, false);
	for (size_t i = 0; i < plan->pair_count; i++) {
		bool nat = !ipv6 && sim_random_chance(&w->random, 300);
		struct sim_node *spoke = sim_node_add(w, nat);

		spoke->nat.keeps_ports = sim_random_chance(&w->random, 300);
		plan->pairs[i].spoke = spoke->index;
		make_pair(w, plan, &plan->pairs[i], ipv6);
	}
	for (size_t i = 0; i < w->node_count; i++)
		make_settings(w, &w->nodes[i].settings);
}

void plan_load(struct sim_world *w, const struct plan *plan, struct sim_node *n)
{
	if (!n->engine)
		sim_node_start(n);
	for (size_t i = 0; i < plan->pair_count; i++) {
		const struct plan_pair *pair = &plan->pairs[i];
		bool spoke = n->index == pair->spoke;
		struct why why = { "" };

		if (n->index != 0 && !spoke)
			continue;
		if (!(pair->flaw == PLAN_NO_PSK && spoke))
			sim_node_psk(n, pair->psk[spoke], pair->psk_owners);
		if (pair->ppk[spoke][0])
			sim_node_ppk(n, pair->ppk[spoke], pair->hub_side.ppk_id);
		if (!sim_node_load(
			    n, sim_define(spoke ? &pair->spoke_side : &pair->hub_side), &why))
			sim_complain(w, "%s does not load a connection: %s", n->name, why.text);
	}
}
