/* Nodes: an engine and its host. */
#include "testing/sim/world.h"

#include <stdlib.h>

/* ---- The host ---- */

/* Virtual time began on the first day of 2026. */
#define SIM_EPOCH INT64_C(1767225600)

static int64_t host_wall_clock(void *context)
{
	const struct sim_node *n = context;

	return SIM_EPOCH + n->world->now / 1000;
}

static bool host_sign(void *context, const struct ike_sign *what, uint64_t ticket)
{
	return sim_signer_sign(context, what, ticket);
}

static bool host_fetch(void *context, const struct ike_fetch *what, uint64_t ticket)
{
	return sim_web_fetch(context, what, ticket);
}

static void host_send(void *context, const struct ike_datagram *datagram)
{
	sim_network_send(context, datagram);
}

static bool host_source_address(void *context, const struct address *remote, struct address *ret)
{
	struct sim_node *n = context;

	for (size_t i = 0; i < SIM_ADDRESSES_MAX; i++) {
		if (n->address[i].family == remote->family && remote->family) {
			*ret = n->address[i];
			return true;
		}
	}
	return false;
}

static bool host_has_route(void *context, const struct address *local, const struct address *remote)
{
	const struct sim_node *n = context;

	return !n->has_route || n->has_route(local, remote);
}

static size_t host_local_addresses(void *context, uint16_t family, struct address *ret, size_t room)
{
	const struct sim_node *n = context;
	size_t count = 0;

	for (size_t i = 0; i < SIM_ADDRESSES_MAX && count < room; i++) {
		if (n->address[i].family && (!family || n->address[i].family == family))
			ret[count++] = n->address[i];
	}
	return count;
}

static bool host_resolve(void *context, const char *name, uint16_t family, uint64_t ticket)
{
	return sim_network_resolve(context, name, family, ticket);
}

static bool host_spi_allocate(void *context, uint8_t protocol, const struct address *source,
	const struct address *destination, uint32_t reqid, uint32_t *ret_spi, struct why *why)
{
	struct sim_node *n = context;
	bool done = sim_kernel_spi_allocate(
		&n->kernel, protocol, source, destination, reqid, ret_spi, why);

	sim_trace(
		n->world, "%s kernel: SPI %08x for reqid %u", n->name, done ? *ret_spi : 0, reqid);
	return done;
}

static bool host_cpi_allocate(void *context, const struct address *source,
	const struct address *destination, uint32_t reqid, uint16_t *ret_cpi, struct why *why)
{
	(void)source, (void)reqid;
	return sim_kernel_cpi_allocate(
		&((struct sim_node *)context)->kernel, destination, ret_cpi, why);
}

static bool host_sa_install(void *context, const struct ike_kernel_sa *sa, struct why *why)
{
	struct sim_node *n = context;
	bool done = sim_kernel_sa_install(&n->kernel, sa, why);

	sim_trace(n->world, "%s kernel: SA %08x %s reqid %u mode %u %s%s%s: %s", n->name,
		sa->id.spi, sa->inbound ? "in" : "out", sa->reqid, sa->mode,
		sa->encryption ? sa->encryption->name : "-", sa->integrity ? " " : "",
		sa->integrity ? sa->integrity->name : "", done ? "installed" : "refused");
	sim_trace_octets(n->world, sa->encryption_key);
	sim_trace_octets(n->world, sa->integrity_key);
	if (n->world->checks && !n->world->no_secrets) {
		sim_secret_add(n->world, sa->encryption_key, false);
		sim_secret_add(n->world, sa->integrity_key, false);
	}
	return done;
}

static void host_sa_remove(void *context, const struct ike_kernel_id *id)
{
	struct sim_node *n = context;

	sim_trace(n->world, "%s kernel: SA %08x removed", n->name, id->spi);
	sim_kernel_sa_remove(&n->kernel, id);
}

static bool host_sa_query(
	void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	struct sim_node *n = context;

	return sim_kernel_sa_query(&n->kernel, id, ret);
}

static bool host_sa_move(void *context, const struct ike_kernel_id *id,
	const struct address *source, const struct address *destination, bool udp_encapsulation,
	struct why *why)
{
	struct sim_node *n = context;
	char texts[2][ADDRESS_TEXT_MAX];
	bool done = sim_kernel_sa_move(&n->kernel, id, source, destination, udp_encapsulation, why);

	sim_trace(n->world, "%s kernel: SA %08x moves to %s -> %s%s: %s", n->name, id->spi,
		address_format_with_port(source, texts[0]),
		address_format_with_port(destination, texts[1]), udp_encapsulation ? " in UDP" : "",
		done ? "done" : "refused");
	return done;
}

static bool host_policies_install(
	void *context, const struct ike_kernel_policies *policies, struct why *why)
{
	struct sim_node *n = context;
	bool done = sim_kernel_policies_install(&n->kernel, policies, why);

	sim_trace(n->world, "%s kernel: policies kind %u reqid %u: %s", n->name, policies->kind,
		policies->reqid, done ? "installed" : "refused");
	return done;
}

static void host_policies_remove(void *context, const struct ike_kernel_policies *policies)
{
	struct sim_node *n = context;

	sim_trace(n->world, "%s kernel: policies kind %u reqid %u removed", n->name, policies->kind,
		policies->reqid);
	sim_kernel_policies_remove(&n->kernel, policies);
}

static struct sim_virtual *virtual_find(struct sim_node *n, const struct address *a)
{
	for (size_t i = 0; i < SIM_VIRTUAL_MAX; i++)
		if (n->virtual[i].times > 0 && address_same_host(&n->virtual[i].address, a))
			return &n->virtual[i];
	return NULL;
}

static bool host_address_install(
	void *context, const struct address *address, const struct address *local, struct why *why)
{
	struct sim_node *n = context;
	struct sim_virtual *v = virtual_find(n, address);
	char text[ADDRESS_TEXT_MAX];

	(void)local;
	sim_trace(n->world, "%s: virtual address %s", n->name, address_format(address, text));
	for (size_t i = 0; !v && i < SIM_VIRTUAL_MAX; i++)
		if (n->virtual[i].times == 0)
			v = &n->virtual[i];
	if (!v || n->refuses_virtual)
		return why_fail(why, "Address already in use");
	v->address = *address;
	v->times++;
	return true;
}

static void host_address_remove(void *context, const struct address *address)
{
	struct sim_node *n = context;
	struct sim_virtual *v = virtual_find(n, address);

	if (v)
		v->times--;
	else
		sim_complain(
			n->world, "%s: a virtual address that is not there is removed", n->name);
}

static void host_log(void *context, const struct ike_log *log)
{
	struct sim_node *n = context;
	char **slot = &n->log[n->log_count % SIM_LOG_LINES];

	sim_trace(n->world, "%s [%s] <%s|%u> %s", n->name, ike_log_group_name(log->group),
		log->connection ? log->connection : "", log->ike_id, log->text);
	if (!n->world->checks)
		return;
	free(*slot);
	*slot = strdup(log->text);
	n->log_count++;
	if (log->text[0] == '\0')
		sim_complain(n->world, "%s: an empty log line", n->name);
	if (!n->world->no_secrets)
		sim_secrets_check_text(n->world, "log", log->text);
}

static bool host_log_wanted(void *context, uint8_t group, int level)
{
	struct sim_node *n = context;

	(void)group;
	return level <= n->world->log_level;
}

static void host_event(void *context, const struct ike_event *event)
{
	struct sim_node *n = context;
	const struct ike_child *child = event->child;

	if (event->kind == IKE_EVENT_ALERT) {
		sim_trace(n->world, "%s alert %s", n->name,
			ike_reason_name(event->failure->failure.reason));
		return;
	}
	sim_trace(n->world, "%s event %u: IKE SA %u %s%s%s %s", n->name, event->kind,
		event->sa->unique_id, ike_sa_state_name(event->sa->state), child ? ", child " : "",
		child && child->config ? child->config->name : "",
		child ? ike_child_state_name(child->state) : "");
	switch (event->kind) {
	case IKE_EVENT_IKE_UP:
		n->ike_up++;
		n->world->ike_sas_up++;
		break;
	case IKE_EVENT_IKE_DOWN:
		n->ike_up--;
		break;
	case IKE_EVENT_CHILD_UP:
		n->child_up++;
		n->world->children_up++;
		break;
	case IKE_EVENT_CHILD_DOWN:
		n->child_up--;
		break;
	case IKE_EVENT_IKE_REKEY:
		n->world->ike_rekeyings++;
		break;
	case IKE_EVENT_CHILD_REKEY:
		n->world->child_rekeyings++;
		break;
	}
	if (n->world->event)
		n->world->event(n->world->event_context, n, event);
	if (n->ike_up < 0 || n->child_up < 0)
		sim_complain(n->world, "%s: an SA went down that was never up", n->name);
}

static void host_command_done(void *context, uint64_t ticket, bool done, const char *text)
{
	struct sim_node *n = context;

	for (struct sim_command *c = n->world->commands; c; c = c->next) {
		if (c->ticket != ticket)
			continue;
		c->done = done;
		snprintf(c->text, sizeof(c->text), "%s", text ? text : "");
		sim_trace(n->world, "%s command %s: %s: %s", n->name, c->what,
			done ? "done" : "failed", c->text);
		sim_secrets_check_text(n->world, "answer", c->text);
		if (++c->answers > 1)
			sim_complain(n->world, "command %s answered twice", c->what);
		if (!done && c->text[0] == '\0')
			sim_complain(n->world, "command %s failed without a reason", c->what);
		if (c->node != n->index)
			sim_complain(n->world, "command %s answered by another engine", c->what);
		return;
	}
	sim_complain(n->world, "%s: answer to a ticket that nobody has", n->name);
}

static void kernel_complain(void *context, const char *text)
{
	struct sim_node *n = context;

	sim_complain(n->world, "%s: %s", n->name, text);
}

/* ---- Nodes ---- */

static struct address address_made(const char *format, unsigned number)
{
	struct address a = { .family = 0 };
	char text[ADDRESS_TEXT_MAX];

	snprintf(text, sizeof(text), format, number);
	if (!address_parse(text, &a))
		abort();
	return a;
}

static const char *const names[SIM_NODES_MAX] = { "moon", "sun", "venus", "mars", "pluto", "ceres",
	"juno", "vesta", "titan", "rhea", "dione", "io" };

struct sim_node *sim_node_add(struct sim_world *w, bool behind_nat)
{
	struct sim_node *n = &w->nodes[w->node_count];
	unsigned number = (unsigned)w->node_count + 1;

	if (w->node_count == SIM_NODES_MAX)
		abort();
	n->world = w;
	n->index = (uint8_t)w->node_count++;
	snprintf(n->name, sizeof(n->name), "%s", names[n->index]);
	n->address[0] = address_made(behind_nat ? "10.%u.0.1" : "192.0.2.%u", number);
	if (behind_nat) {
		n->nat.here = true;
		n->nat.public_address = address_made("203.0.113.%u", number);
	} else {
		n->address[1] = address_made("2001:db8::%u", number);
	}
	ike_settings_default(&n->settings);
	sim_random_seed(&n->random, sim_random_u64(&w->random));
	n->kernel.random = &n->random;
	n->kernel.now = sim_node_now(n);
	n->kernel.next = IKE_NEVER;
	n->kernel.complain = kernel_complain;
	n->kernel.context = n;
	if (!n->library && !(n->library = sim_library_new()))
		abort();
	return n;
}

void sim_node_start(struct sim_node *n)
{
	struct why why = { "" };

	sim_trace(n->world, "%s starts", n->name);
	/* What a killed one left behind is cleaned by the next one. */
	sim_kernel_flush(&n->kernel);
	memset(n->virtual, 0, sizeof(n->virtual));
	n->lives++;
	sim_library_seed(n->library, sim_random_u64(&n->random));
	n->host = (struct ike_host){
		.context = n,
		.library = sim_library_context(n->library),
		.wall_clock = host_wall_clock,
		.sign = host_sign,
		.fetch = host_fetch,
		.send = host_send,
		.source_address = host_source_address,
		.has_route = host_has_route,
		.local_addresses = host_local_addresses,
		.resolve = host_resolve,
		.spi_allocate = host_spi_allocate,
		.cpi_allocate = host_cpi_allocate,
		.sa_install = host_sa_install,
		.sa_remove = host_sa_remove,
		.sa_query = host_sa_query,
		.sa_move = host_sa_move,
		.policies_install = host_policies_install,
		.policies_remove = host_policies_remove,
		.address_install = host_address_install,
		.address_remove = host_address_remove,
		.log = host_log,
		.log_wanted = host_log_wanted,
		.event = host_event,
		.command_done = host_command_done,
	};
	n->ike_up = n->child_up = 0;
	n->engine = ike_engine_new(&n->host, &n->settings, &why);
	if (!n->engine) {
		fprintf(stderr, "sim: no engine: %s\n", why.text);
		abort();
	}
	ike_engine_processors(n->engine, n->processors);
}

void sim_node_kill(struct sim_node *n)
{
	if (!n->engine)
		return;
	sim_trace(n->world, "%s is killed", n->name);
	ike_engine_free(n->engine);
	n->engine = NULL;
	sim_node_forget_keys(n);
	for (struct sim_command *c = n->world->commands; c; c = c->next) {
		if (c->node == n->index && c->answers == 0)
			c->lost = true;
	}
}

void sim_node_crash(struct sim_node *n)
{
	if (!n->engine)
		return;
	sim_node_kill(n);
	sim_trace(n->world, "%s loses its kernel's state", n->name);
	sim_kernel_flush(&n->kernel);
}

ike_time sim_node_now(const struct sim_node *n)
{
	return n->world->now + n->clock_ahead;
}

void sim_node_clock_jump(struct sim_node *n, ike_time by)
{
	sim_trace(n->world, "%s: the clock jumps by %.3f s", n->name, (double)by / 1000);
	n->clock_ahead += by;
}

void sim_node_move(struct sim_node *n, size_t index, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];

	sim_trace(n->world, "%s: address %zu is now %s", n->name, index,
		address->family ? address_format(address, text) : "gone");
	n->address[index] = *address;
	if (!n->engine)
		return;
	sim_node_enter(n);
	ike_engine_addresses_changed(n->engine, sim_node_now(n));
	sim_node_leave(n);
}

void sim_node_enter(struct sim_node *n)
{
	if (n->busy)
		sim_complain(n->world, "%s: engine called from inside a host function", n->name);
	n->busy = true;
	n->kernel.now = sim_node_now(n);
}

void sim_node_leave(struct sim_node *n)
{
	n->busy = false;
	if (n->world->checks)
		sim_check_node(n);
}

const char *sim_node_virtual(const struct sim_node *n, char text[ADDRESS_TEXT_MAX])
{
	text[0] = '\0';
	for (size_t i = 0; i < SIM_VIRTUAL_MAX; i++) {
		if (n->virtual[i].times == 0)
			continue;
		if (text[0])
			return "several";
		address_format(&n->virtual[i].address, text);
	}
	return text;
}

void sim_node_pool(struct sim_node *n, const char *name, const char *addrs, const char *dns)
{
	struct ike_attributes attributes = { 0 };
	struct ike_pool_addrs list;
	struct why why;

	if (!ike_pool_addrs_parse(addrs, &list, &why) ||
		(dns && !ike_attributes_add_text(&attributes, "dns", dns, &why)) ||
		ike_pools_load(ike_engine_pools(n->engine), name, &list, &attributes, &why) ==
			IKE_POOL_FAILED)
		abort();
}

const char *sim_node_client(struct sim_node *n, const char *name, const char *id,
	const char *networks, struct why *ret_why)
{
	static char changes[IKE_CLIENT_CHANGES_MAX];
	struct ike_selector list[IKE_CLIENT_NETWORKS_MAX];
	struct why why;
	struct ike_identity *identity = ike_identity_parse(id, &why);
	char *copy = strdup(networks), *rest = NULL;
	size_t count = 0;

	for (char *one = copy ? strtok_r(copy, ",", &rest) : NULL; one;
		one = strtok_r(NULL, ",", &rest))
		if (count == IKE_CLIENT_NETWORKS_MAX ||
			!ike_selector_parse(one, &list[count++], &why))
			abort();
	free(copy);
	if (!identity)
		abort();
	struct ike_client_change change = {
		.name = name, .identity = identity, .networks = list, .count = count
	};
	size_t failed;
	bool loaded =
		ike_engine_load_clients(n->engine, &change, 1, &failed, ret_why ? ret_why : &why);

	if (loaded)
		ike_engine_client_changes(n->engine, &change, changes);
	ike_identity_free(identity);
	return loaded ? changes : NULL;
}

bool sim_node_logged(const struct sim_node *n, const char *text)
{
	for (size_t i = 0; i < SIM_LOG_LINES; i++) {
		if (n->log[i] && strstr(n->log[i], text))
			return true;
	}
	return false;
}
