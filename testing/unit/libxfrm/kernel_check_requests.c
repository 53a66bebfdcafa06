/* Requests one by one: states, policies, events, ownership, errors. */
#include "testing/unit/libxfrm/kernel_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct tunnel esp = {
	.family = AF_INET,
	.inner_family = AF_INET,
	.shape = {
		.id.protocol = IPPROTO_ESP,
		.mode = XFRM_MODE_TUNNEL,
		.aead = { "rfc4106(gcm(aes))", { key_octets, 36 }, 128 },
		.replay_window = 32,
	},
};

static bool says(const struct why *why, const char *words)
{
	return strstr(why->text, words) != NULL;
}

/* ---- States ---- */

struct listed {
	struct xfrm_state_id id;
	struct xfrm_state state;
	char names[2][64];
	unsigned found;
	bool ours;
	bool same_key;
};

static void look(
	void *context, const struct xfrm_state *state, const struct xfrm_state_status *status)
{
	struct listed *listed = context;

	if (state->id.spi != listed->id.spi)
		return;
	listed->found++;
	listed->state = *state;
	listed->ours = status->ours;
	listed->same_key = bytes_equal(
		state->encryption.key, bytes_of(key_octets, state->encryption.key.length));
	if (state->encryption.name)
		snprintf(listed->names[0], 64, "%s", state->encryption.name);
	if (state->integrity.name)
		snprintf(listed->names[1], 64, "%s", state->integrity.name);
}

static bool list_in_parts(struct listed *listed, struct why *why)
{
	site_enter(MOON);
	struct xfrm_listing *listing = xfrm_listing_begin(why);
	bool more = listing, good = listing;

	while (good && more)
		good = xfrm_listing_some(listing, look, listed, &more, why);
	xfrm_listing_end(listing);
	return good;
}

static void check_everything_survives_the_kernel(void)
{
	struct xfrm_handle *handle = sites[MOON].handle;
	struct xfrm_state state = tunnel_state(&esp, MOON);
	struct listed listed = { .id = state.id };
	struct why why = { "" };

	state.aead.name = NULL;
	state.encryption = (struct xfrm_algorithm){ "cbc(aes)", bytes_of(key_octets, 32), 0 };
	state.integrity = (struct xfrm_algorithm){ "hmac(sha256)", bytes_of(key_octets, 32), 128 };
	state.id.mark = (struct xfrm_mark){ 0x20, 0xff };
	state.set_mark = (struct xfrm_mark){ 0x30, 0xff };
	state.if_id = 42;
	state.limits = (struct xfrm_limits){ 1000, 2000, 30, 40, 5000, 6000 };
	state.esn = true;
	state.replay_window = 96;
	state.flags = XFRM_STATE_AF_UNSPEC;
	state.extra_flags = XFRM_SA_XFLAG_DONT_ENCAP_DSCP;
	state.tfc_padding = 100;
	bool ok = xfrm_state_add(handle, &state, &why) == XFRM_RESULT_OK &&
		  xfrm_state_list(handle, look, &listed, &why) == XFRM_RESULT_OK;
	const struct xfrm_state *back = &listed.state;
	check(ok && listed.found == 1 && listed.ours, why.text, "a state is listed, and ours");
	check(memcmp(&back->id.mark, &state.id.mark, sizeof(state.id.mark)) == 0 &&
			memcmp(&back->set_mark, &state.set_mark, sizeof(state.set_mark)) == 0 &&
			back->if_id == 42 && back->tfc_padding == 100,
		NULL, "mark, set_mark, if_id and padding come back");
	check(memcmp(&back->limits, &state.limits, sizeof(state.limits)) == 0, NULL,
		"limits come back");
	check(back->esn && back->replay_window == 96 && back->flags == state.flags &&
			back->extra_flags == state.extra_flags,
		NULL, "ESN, window and flags come back");
	check(strcmp(listed.names[0], "cbc(aes)") == 0 && listed.same_key &&
			strcmp(listed.names[1], "hmac(sha256)") == 0 && back->integrity.bits == 128,
		NULL, "algorithms and keys come back");
	listed.found = 0;
	check(list_in_parts(&listed, &why) && listed.found == 1, why.text,
		"and in a list in parts");
	check(xfrm_state_delete(handle, &state.id, &why) == XFRM_RESULT_OK, why.text,
		"a state with a mark is deleted");
	check(xfrm_state_delete(handle, &state.id, &why) == XFRM_RESULT_NOT_FOUND &&
			says(&why, "none such"),
		why.text, "a state that is gone is not found");
}

static void check_allocation(void)
{
	struct xfrm_handle *handle = sites[SUN].handle;
	struct xfrm_state state = tunnel_state(&esp, MOON);
	struct xfrm_state_status status;
	struct why why = { "" };
	uint32_t spi = 0, other = 0;

	state.id.spi = 0;
	check(xfrm_spi_allocate(handle, &state, 0xc0000000, 0xcfffffff, &spi, &why) ==
				XFRM_RESULT_OK &&
			spi >= 0xc0000000 && spi <= 0xcfffffff,
		why.text, "an SPI is allocated in the range");
	check(xfrm_spi_allocate(handle, &state, spi, spi, &other, &why) != XFRM_RESULT_OK, NULL,
		"an SPI is not allocated twice");
	state.id.spi = spi;
	check(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_OK, why.text,
		"a state takes its larval state's place");
	check(xfrm_state_query(handle, &state.id, &status, &why) == XFRM_RESULT_OK && status.ours &&
			status.added != 0 && status.used == 0,
		why.text, "a state that took a place is ours and unused");
	check(xfrm_spi_allocate(handle, &state, 0xc0000000, 0xcfffffff, &other, &why) ==
				XFRM_RESULT_OK &&
			other != spi,
		why.text, "another SPI for the same peer differs");
	state.id.spi = other;
	check(xfrm_state_delete(handle, &state.id, &why) == XFRM_RESULT_OK, why.text,
		"a larval state is deleted");
	check(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_OK, why.text,
		"a state is added when its larval state has gone");
	state.id.spi = 0;
	check(xfrm_spi_allocate(handle, &state, 0xc0000000, 0xcfffffff, &state.id.spi, &why) ==
			XFRM_RESULT_OK,
		why.text, "a third SPI is allocated");
	state.id.mark = (struct xfrm_mark){ 5, 0xff };
	check(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_OK, why.text,
		"a state with a mark takes the place of a larval one without");
	check(xfrm_state_is_ours(handle, &state.id) &&
			xfrm_state_delete(handle, &state.id, &why) == XFRM_RESULT_OK,
		why.text, "and is ours");
	state.id.mark = (struct xfrm_mark){ 0 };
	check(!xfrm_state_is_ours(handle, &state.id), NULL, "and the larval one is not any more");
	state.id.protocol = IPPROTO_COMP;
	state.aead.name = NULL;
	check(xfrm_spi_allocate(handle, &state, 0x100, 0xefff, &spi, &why) == XFRM_RESULT_OK &&
			spi >= 0x100 && spi <= 0xefff,
		why.text, "a CPI is allocated");
	tunnel_remove();
}

static void check_errors(void)
{
	struct xfrm_handle *handle = sites[MOON].handle;
	struct xfrm_state state = tunnel_state(&esp, MOON);
	struct why why = { "" };

	state.aead.name = "rfc9999(none)";
	check(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_FAILED &&
			says(&why, "lacks an algorithm") && says(&why, "rfc9999(none)") &&
			strcmp(why.modules, "crypto-rfc9999 crypto-none crypto-seqiv") == 0,
		why.text, "an unknown algorithm is named, and what modprobe takes for it");
	printf("    %s\n", why.text);
	state = tunnel_state(&esp, MOON);
	state.aead.key.length = 13;
	check(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_FAILED && says(&why, "104 bits"),
		why.text, "a key of a wrong length is named");
	printf("    %s\n", why.text);
	state = tunnel_state(&esp, MOON);
	state.id.protocol = IPPROTO_AH;
	check(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_FAILED, NULL,
		"AH with encryption is refused");
	printf("    %s\n", why.text);
	state = tunnel_state(&esp, MOON);
	state.mode = 17;
	check(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_FAILED, NULL,
		"an unknown mode is refused");
	printf("    %s\n", why.text);
	check(!xfrm_state_is_ours(handle, &state.id), NULL, "what was refused is not ours");
}

void check_requests(void)
{
	check_everything_survives_the_kernel();
	check_allocation();
	check_errors();
}

/* ---- Moving ---- */

/* Sends some, moves both states to sun's second address, sends more: nothing may be lost. */
static void check_address_change(bool esn, uint32_t window)
{
	struct tunnel tunnel = esp;
	struct address moon = inner(MOON, AF_INET), sun = inner(SUN, AF_INET);
	struct address new_sun = host("192.0.2.12"), old_moon = outer(MOON, AF_INET);
	struct xfrm_state_status before = { 0 }, after = { 0 };
	struct why why = { "" };

	tunnel.shape.esn = esn;
	tunnel.shape.replay_window = window;
	must(tunnel_install(&tunnel, &why), why.text);
	struct talk talk = talk_open(&moon, &sun);
	for (int i = 0; i < 5; i++)
		(void)talk_passes(&talk, MOON);
	struct xfrm_state state = tunnel_state(&tunnel, MOON);
	struct xfrm_state_id moved = state.id;
	moved.destination = new_sun;
	bool ok = xfrm_state_query(sites[SUN].handle, &state.id, &before, &why) == XFRM_RESULT_OK;
	for (int site = 0; site < SITES; site++)
		ok = ok && xfrm_state_move(sites[site].handle, &state.id, &old_moon, &new_sun,
				   false, &why) == XFRM_RESULT_OK;
	ok = ok && xfrm_state_query(sites[SUN].handle, &moved, &after, &why) == XFRM_RESULT_OK;
	check(ok, why.text, "a state moves to another address (window %u)", window);
	check(before.packets == 5 && after.packets == 5 && before.bytes == after.bytes &&
			before.added == after.added && after.replay.received == 5 &&
			memcmp(&before.replay, &after.replay, sizeof(before.replay)) == 0,
		NULL, "counters and replay state move along (window %u)", window);
	check(xfrm_state_is_ours(sites[SUN].handle, &moved) &&
			!xfrm_state_is_ours(sites[SUN].handle, &state.id),
		NULL, "what moved is ours under its new address (window %u)", window);
	struct xfrm_state_status sent;
	check(xfrm_state_query(sites[MOON].handle, &moved, &sent, &why) == XFRM_RESULT_OK &&
			sent.replay.sent == 5,
		why.text, "sequence numbers go on (window %u)", window);
	talk_close(&talk);
	tunnel_remove();
}

static void check_port_change(void)
{
	struct tunnel tunnel = esp;
	struct xfrm_handle *handle = sites[MOON].handle;
	struct xfrm_state state;
	struct listed listed = { 0 };
	struct why why = { "" };

	tunnel.shape.udp_encapsulation = true;
	state = tunnel_state(&tunnel, MOON);
	must(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_OK, why.text);
	struct address destination = state.id.destination;
	destination.port = 4511;
	listed.id = state.id;
	check(xfrm_state_move(handle, &state.id, &state.source, &destination, true, &why) ==
				XFRM_RESULT_OK &&
			xfrm_state_list(handle, look, &listed, &why) == XFRM_RESULT_OK &&
			listed.found == 1 && listed.state.id.destination.port == 4511,
		why.text, "the port of UDP encapsulation changes in place");
	listed.found = 0;
	check(xfrm_state_move(handle, &state.id, &state.source, &destination, false, &why) ==
				XFRM_RESULT_OK &&
			xfrm_state_list(handle, look, &listed, &why) == XFRM_RESULT_OK &&
			listed.found == 1 && !listed.state.udp_encapsulation,
		why.text, "UDP encapsulation ends");
	tunnel_remove();
}

/* Packets that meet the policy while the state is away leave an acquire where it is to go. */
static void check_move_over_acquire(void)
{
	struct xfrm_handle *handle = sites[SUN].handle;
	struct xfrm_state state = tunnel_state(&esp, MOON), larval;
	struct xfrm_state_status before = { 0 }, after = { 0 };
	struct address new_sun = host("192.0.2.12");
	struct xfrm_state_id moved = state.id;
	struct why why = { "" };
	uint32_t spi;

	must(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_OK &&
			xfrm_state_query(handle, &state.id, &before, &why) == XFRM_RESULT_OK,
		why.text);
	moved.destination = new_sun;
	larval = state;
	larval.id = moved;
	must(xfrm_spi_allocate(handle, &larval, state.id.spi, state.id.spi, &spi, &why) ==
			XFRM_RESULT_OK,
		why.text);
	check(xfrm_state_move(handle, &state.id, &state.source, &new_sun, false, &why) ==
				XFRM_RESULT_OK &&
			xfrm_state_query(handle, &moved, &after, &why) == XFRM_RESULT_OK &&
			before.added == after.added && xfrm_state_is_ours(handle, &moved),
		why.text, "a state moves to where an acquire waits");
	check(xfrm_state_delete(handle, &moved, &why) == XFRM_RESULT_OK, why.text,
		"and is the only one there");
	tunnel_remove();
}

/* An address may change while a state is being negotiated. */
static void check_larval_move(void)
{
	struct xfrm_handle *handle = sites[SUN].handle;
	struct xfrm_state state = tunnel_state(&esp, MOON);
	struct xfrm_state_id old;
	struct address new_sun = host("192.0.2.12");
	struct why why = { "" };

	state.id.spi = 0;
	must(xfrm_spi_allocate(handle, &state, 0xc0000000, 0xcfffffff, &state.id.spi, &why) ==
			XFRM_RESULT_OK,
		why.text);
	old = state.id;
	state.id.destination = new_sun;
	check(xfrm_state_move(handle, &old, &state.source, &new_sun, false, &why) ==
				XFRM_RESULT_OK &&
			xfrm_state_is_ours(handle, &state.id) && !xfrm_state_is_ours(handle, &old),
		why.text, "a larval state moves to another address");
	check(xfrm_state_add(handle, &state, &why) == XFRM_RESULT_OK &&
			xfrm_state_delete(handle, &state.id, &why) == XFRM_RESULT_OK,
		why.text, "and the state takes its place there");
	tunnel_remove();
}

void check_moves(void)
{
	check_address_change(false, 32);
	check_address_change(true, 1024);
	check_port_change();
	check_larval_move();
	check_move_over_acquire();
}

/* ---- Policies ---- */

static struct xfrm_policy clear_policy(
	uint8_t direction, uint8_t action, enum xfrm_policy_class class)
{
	struct xfrm_policy policy = {
		.id = {
			.direction = direction,
			.selector = {
				.source = host("10.1.0.0"),
				.destination = host("10.2.0.0"),
				.source_prefix = 16,
				.destination_prefix = 16,
			},
		},
		.action = action,
	};

	policy.priority = xfrm_policy_priority(class, &policy.id.selector);
	return policy;
}

static void count_policy(
	void *context, const struct xfrm_policy *policy, const struct xfrm_policy_status *status)
{
	unsigned *ours = context;

	(void)policy;
	*ours += status->ours;
}

static bool list_policies_in_parts(unsigned *ours, struct why *why)
{
	site_enter(MOON);
	struct xfrm_listing *listing = xfrm_policy_listing_begin(why);
	bool more = listing, good = listing;

	while (good && more)
		good = xfrm_policy_listing_some(listing, count_policy, ours, &more, why);
	xfrm_listing_end(listing);
	return good;
}

void check_policies(void)
{
	struct xfrm_handle *handle = sites[MOON].handle;
	struct address moon = inner(MOON, AF_INET), sun = inner(SUN, AF_INET);
	struct xfrm_policy block =
		clear_policy(XFRM_POLICY_OUT, XFRM_POLICY_BLOCK, XFRM_CLASS_FALLBACK);
	struct xfrm_policy pass = block, narrow = block;
	struct xfrm_policy_status status;
	struct why why = { "" };
	unsigned ours = 0;
	struct talk talk = talk_open(&moon, &sun);

	check(talk_passes(&talk, MOON), NULL, "without policies packets pass");
	check(xfrm_policy_add(handle, &block, &why) == XFRM_RESULT_OK, why.text, "policy added");
	check(!talk_passes(&talk, MOON), NULL, "a block policy blocks");
	check(xfrm_policy_query(handle, &block.id, &status, &why) == XFRM_RESULT_OK && status.ours,
		why.text, "a policy is queried and ours");
	check(xfrm_policy_add(handle, &block, &why) == XFRM_RESULT_EXISTS && says(&why, "already"),
		why.text, "a policy is not added twice");
	must(xfrm_socket_bypass(talk.sockets[MOON], AF_INET, &why), why.text);
	check(talk_passes(&talk, MOON), NULL, "a socket with bypass passes a block policy");
	talk_close(&talk);
	pass.action = XFRM_POLICY_ALLOW;
	pass.priority = xfrm_policy_priority(XFRM_CLASS_PASS, &pass.id.selector);
	check(xfrm_policy_replace(handle, &pass, &why) == XFRM_RESULT_OK, why.text,
		"policy replaced");
	talk = talk_open(&moon, &sun);
	check(talk_passes(&talk, MOON), NULL, "a pass policy passes");
	narrow.id.selector.source_prefix = narrow.id.selector.destination_prefix = 24;
	narrow.priority = xfrm_policy_priority(XFRM_CLASS_PASS, &narrow.id.selector);
	check(xfrm_policy_add(handle, &narrow, &why) == XFRM_RESULT_OK && !talk_passes(&talk, MOON),
		why.text, "a narrower block policy of the same class wins");
	check(xfrm_policy_list(handle, count_policy, &ours, &why) == XFRM_RESULT_OK && ours == 2,
		why.text, "both are listed as ours");
	ours = 0;
	check(list_policies_in_parts(&ours, &why) && ours == 2, why.text, "and in parts as well");
	check(xfrm_policy_query(handle, &narrow.id, &status, &why) == XFRM_RESULT_OK &&
			status.last_used != 0,
		why.text, "a policy says when it was used");
	check(xfrm_policy_delete(handle, &pass.id, &why) == XFRM_RESULT_OK, why.text,
		"policy deleted");
	check(xfrm_policy_delete(handle, &pass.id, &why) == XFRM_RESULT_NOT_FOUND, why.text,
		"a policy that is gone is not found");
	narrow.id.mark = (struct xfrm_mark){ 5, 0xff };
	narrow.id.if_id = 9;
	check(xfrm_policy_add(handle, &narrow, &why) == XFRM_RESULT_OK &&
			xfrm_policy_delete(handle, &narrow.id, &why) == XFRM_RESULT_OK,
		why.text, "a policy with mark and if_id is another");
	talk_close(&talk);
	tunnel_remove();
}

/* ---- Events ---- */

static void check_acquire(int family)
{
	struct xfrm_handle *handle = sites[MOON].handle;
	struct address moon = inner(MOON, family), sun = inner(SUN, family);
	struct xfrm_policy trap = { .id.direction = XFRM_POLICY_OUT, .template_count = 1 };
	struct xfrm_event event = { 0 };
	struct why why = { "" };

	trap.id.selector.source = moon;
	trap.id.selector.destination = sun;
	trap.id.selector.source_prefix = trap.id.selector.destination_prefix = 24;
	trap.templates[0] = (struct xfrm_template){ .protocol = IPPROTO_ESP,
		.mode = XFRM_MODE_TUNNEL,
		.reqid = 77,
		.source = outer(MOON, family),
		.destination = outer(SUN, family) };
	trap.priority = xfrm_policy_priority(XFRM_CLASS_TRAP, &trap.id.selector);
	must(xfrm_policy_add(handle, &trap, &why) == XFRM_RESULT_OK, why.text);
	events_drain(MOON);
	struct talk talk = talk_open(&moon, &sun);
	talk_send(&talk, MOON);
	bool found = event_wait(MOON, XFRM_EVENT_ACQUIRE, &event);
	const struct xfrm_acquire *acquire = &event.acquire;
	check(found && acquire->reqid == 77 &&
			address_same_host(&acquire->destination, &trap.templates[0].destination) &&
			acquire->protocol == IPPROTO_ESP &&
			address_same_host(&acquire->selector.destination, &sun) &&
			acquire->selector.protocol == IPPROTO_UDP &&
			acquire->selector.destination.port != 0 &&
			acquire->policy.direction == XFRM_POLICY_OUT,
		found ? "wrong contents" : "none came", "a packet raises an acquire, family %d",
		family);
	talk_close(&talk);
	tunnel_remove();
}

static void check_expire(void)
{
	struct tunnel tunnel = esp;
	struct address moon = inner(MOON, AF_INET), sun = inner(SUN, AF_INET);
	struct xfrm_event event = { 0 };
	struct why why = { "" };

	tunnel.shape.limits.soft_packets = 2;
	tunnel.shape.limits.hard_packets = 4;
	must(tunnel_install(&tunnel, &why), why.text);
	struct xfrm_state state = tunnel_state(&tunnel, MOON);
	events_drain(MOON);
	struct talk talk = talk_open(&moon, &sun);
	for (int i = 0; i < 3; i++) /* limits are looked at before a packet is counted */
		(void)talk_passes(&talk, MOON);
	bool found = event_wait(MOON, XFRM_EVENT_EXPIRE, &event);
	check(found && !event.expire.hard && event.expire.id.spi == state.id.spi &&
			event.expire.reqid == 7 && event.expire.packets >= 2,
		found ? "wrong contents" : "none came", "a soft limit raises an event");
	for (int i = 0; i < 4; i++)
		talk_send(&talk, MOON);
	found = event_wait(MOON, XFRM_EVENT_EXPIRE, &event);
	check(found && event.expire.hard && event.expire.id.spi == state.id.spi,
		found ? "wrong contents" : "none came", "a hard limit raises an event");
	check(!xfrm_state_is_ours(sites[MOON].handle, &state.id), NULL,
		"a state that expired is not ours any more");
	talk_close(&talk);
	tunnel_remove();

	tunnel.shape.limits = (struct xfrm_limits){ .soft_seconds = 1, .hard_seconds = 2 };
	must(tunnel_install(&tunnel, &why), why.text);
	events_drain(SUN);
	check(event_wait(SUN, XFRM_EVENT_EXPIRE, &event) && !event.expire.hard &&
			event_wait(SUN, XFRM_EVENT_EXPIRE, &event),
		"none came", "limits in seconds raise events");
	tunnel_remove();
}

/* Moon's packets come from another port: a NAT has changed its mind. */
static void check_mapping(void)
{
	struct tunnel tunnel = esp;
	struct address moon = inner(MOON, AF_INET), sun = inner(SUN, AF_INET);
	struct address local = outer(SUN, AF_INET);
	struct sockaddr_storage bound;
	struct xfrm_event event = { 0 };
	struct why why = { "" };

	tunnel.shape.udp_encapsulation = true;
	must(tunnel_install(&tunnel, &why), why.text);
	site_enter(SUN);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	local.port = 4500;
	socklen_t length = address_to_sockaddr(&local, &bound);
	must(bind(fd, (struct sockaddr *)&bound, length) == 0, "bind 4500");
	must(xfrm_socket_udp_encapsulation(fd, &why), why.text);
	struct xfrm_state state = tunnel_state(&tunnel, MOON);
	struct address source = state.source;
	source.port = 4600;
	must(xfrm_state_move(sites[MOON].handle, &state.id, &source, &state.id.destination, true,
		     &why) == XFRM_RESULT_OK,
		why.text);
	events_drain(SUN);
	struct talk talk = talk_open(&moon, &sun);
	check(talk_passes(&talk, MOON), NULL, "packets from another port are taken");
	bool found = event_wait(SUN, XFRM_EVENT_MAPPING, &event);
	check(found && event.mapping.id.spi == state.id.spi && event.mapping.reqid == 7 &&
			event.mapping.new_source.port == 4600 &&
			event.mapping.old_source.port == 4500 &&
			address_same_host(&event.mapping.new_source, &source),
		found ? "wrong contents" : "none came", "another port raises a mapping event");
	talk_close(&talk);
	close(fd);
	tunnel_remove();
}

static void check_last_use(void)
{
	struct address moon = inner(MOON, AF_INET), sun = inner(SUN, AF_INET);
	struct xfrm_state state = tunnel_state(&esp, MOON);
	struct xfrm_state_status status = { 0 };
	struct why why = { "" };

	must(tunnel_install(&esp, &why), why.text);
	struct talk talk = talk_open(&moon, &sun);
	(void)talk_passes(&talk, MOON);
	check(xfrm_state_query(sites[SUN].handle, &state.id, &status, &why) == XFRM_RESULT_OK &&
			status.packets == 1 && status.bytes >= 600 && status.used != 0 &&
			status.replay.received == 1,
		why.text, "counters count");
	printf("    last use of a state: %s\n", status.last_used ? "known" : "not told");
	talk_close(&talk);
	tunnel_remove();
}

void check_events(void)
{
	check_acquire(AF_INET);
	check_acquire(AF_INET6);
	check_expire();
	check_mapping();
	check_last_use();
}

/* ---- Ours and theirs ---- */

/* New policies whose numbers begin anew would get indices of the kernel's, which say nothing. */
static void check_numbers(unsigned before)
{
	unsigned ours = 0;
	struct why why = { "" };
	bool good = true;

	for (unsigned i = 0; i < 4; i++) {
		struct xfrm_policy policy =
			clear_policy(XFRM_POLICY_OUT, XFRM_POLICY_BLOCK, XFRM_CLASS_FALLBACK);

		policy.id.selector.source_prefix = (uint8_t)(20 + i);
		good = good && xfrm_policy_add(sites[MOON].handle, &policy, &why) == XFRM_RESULT_OK;
	}
	check(good &&
			xfrm_policy_list(sites[MOON].handle, count_policy, &ours, &why) ==
				XFRM_RESULT_OK &&
			ours == before + 4,
		why.text, "new policies beside leftovers are recognised as ours, too");
}

void check_ownership(void)
{
	struct why why = { "" };
	unsigned states = 0, policies = 0, left = 0;
	struct listed listed = { 0 };

	must(tunnel_install(&esp, &why), why.text);
	site_enter(MOON);
	must(system("ip xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi 0x999 reqid 1 "
		    "mode tunnel "
		    "aead 'rfc4106(gcm(aes))' 0x00112233445566778899aabbccddeeff00112233 128 && "
		    "ip xfrm policy add src 10.9.0.0/16 dst 10.8.0.0/16 dir out action block") == 0,
		"ip xfrm");
	xfrm_close(sites[MOON].handle); /* a process dies here */
	sites[MOON].handle = xfrm_open(&why);
	must(sites[MOON].handle != NULL, why.text);
	check(xfrm_adopt_leftovers(sites[MOON].handle, &states, &policies, &why) ==
				XFRM_RESULT_OK &&
			states == 2 && policies == 2,
		why.text, "what a process left is recognised");
	check_numbers(policies);
	check(xfrm_flush(sites[MOON].handle, &why) == XFRM_RESULT_OK, why.text, "and deleted");
	listed.id.spi = 0x999;
	check(xfrm_state_list(sites[MOON].handle, look, &listed, &why) == XFRM_RESULT_OK &&
			listed.found == 1 && !listed.ours,
		why.text, "another program's state stays");
	check(xfrm_policy_list(sites[MOON].handle, count_policy, &left, &why) == XFRM_RESULT_OK &&
			left == 0 &&
			system("ip xfrm policy get src 10.9.0.0/16 dst 10.8.0.0/16 dir out "
			       ">/dev/null") == 0,
		why.text, "another program's policy stays");
	(void)!system("ip xfrm state flush; ip xfrm policy flush");
	tunnel_remove();
}
