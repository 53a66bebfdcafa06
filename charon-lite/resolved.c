#include "charon-lite/resolved.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

/* What is more is not told. */
#define SERVERS_MAX 16
#define DOMAINS_MAX 64
#define PROBLEM_MAX 300

struct server {
	char text[ADDRESS_TEXT_MAX];
};

/* "~example.org" */
struct domain {
	char text[1 + IKE_DOMAIN_TEXT_MAX];
};

/* What came with one virtual address. */
struct given {
	struct given *prev, *next;
	struct address address;
	uint32_t interface; /* 0: none */
	struct server *servers;
	struct domain *domains;
	size_t server_count, domain_count;
};

/* An interface that resolved is told of. */
struct link {
	struct link *prev, *next;
	struct cl_resolved *resolved;
	uint32_t interface;
	char name[IF_NAMESIZE];
	struct cl_process *process; /* tells it now; NULL: none does */
	bool changed;               /* since that began */
	bool told;                  /* has, or may have, something of ours */
	size_t used;
	char output[PROBLEM_MAX];
	char problem[PROBLEM_MAX]; /* "": none */
};

struct cl_resolved {
	struct cl_resolved_config config;
	char *resolvectl;
	struct cl_log *log;
	struct given *given;
	struct link *links;
	bool on;
	bool absence_said;
};

/* ---- What addresses brought ---- */

static struct given *find_given(const struct cl_resolved *r, const struct address *address)
{
	struct given *g;

	DL_FOREACH(r->given, g)
	{
		if (address_same_host(&g->address, address))
			return g;
	}
	return NULL;
}

static void free_alone(struct given *g)
{
	free(g->servers);
	free(g->domains);
	free(g);
}

static void given_free(struct cl_resolved *r, struct given *g)
{
	DL_DELETE(r->given, g);
	free_alone(g);
}

/* Without domains they are for all names. */
static bool copy_names(struct given *g, const struct ike_virtual *v)
{
	char name[IKE_DOMAIN_TEXT_MAX];
	struct address server;

	g->servers = calloc(SERVERS_MAX, sizeof(*g->servers));
	g->domains = calloc(DOMAINS_MAX, sizeof(*g->domains));
	if (!g->servers || !g->domains)
		return false;
	while (g->server_count < SERVERS_MAX && ike_virtual_dns_server(v, g->server_count, &server))
		address_format(&server, g->servers[g->server_count++].text);
	while (g->domain_count < DOMAINS_MAX && ike_virtual_dns_domain(v, g->domain_count, name))
		snprintf(g->domains[g->domain_count++].text, sizeof(struct domain), "~%s", name);
	if (g->domain_count == 0)
		snprintf(g->domains[g->domain_count++].text, sizeof(struct domain), "~.");
	return true;
}

/* ---- Telling ---- */

struct arguments {
	char *items[4 + SERVERS_MAX + DOMAINS_MAX + 1];
	size_t count;
};

static void add_once(struct arguments *a, size_t from, size_t max, char *text)
{
	for (size_t i = from; i < a->count; i++)
		if (strcmp(a->items[i], text) == 0)
			return;
	if (a->count < from + max)
		a->items[a->count++] = text;
}

static void add_all(const struct link *link, struct arguments *a)
{
	struct given *g;
	size_t from = a->count;

	DL_FOREACH(link->resolved->given, g)
	{
		for (size_t i = 0; g->interface == link->interface && i < g->server_count; i++)
			add_once(a, from, SERVERS_MAX, g->servers[i].text);
	}
	from = a->count;
	DL_FOREACH(link->resolved->given, g)
	{
		for (size_t i = 0; g->interface == link->interface && i < g->domain_count; i++)
			add_once(a, from, DOMAINS_MAX, g->domains[i].text);
	}
}

static bool has_any(const struct link *link)
{
	const struct given *g;

	DL_FOREACH(link->resolved->given, g)
	{
		if (g->interface == link->interface)
			return true;
	}
	return false;
}

static void link_free(struct link *link)
{
	DL_DELETE(link->resolved->links, link);
	free(link);
}

static void output(void *context, struct bytes data)
{
	struct link *link = context;

	for (size_t i = 0; i < data.length && link->used < sizeof(link->output) - 1; i++)
		link->output[link->used++] = (char)data.at[i];
}

static void tell(struct link *link);

/* Taken back what was there, it says so; of others' it says nothing, and neither do we. */
static void conclude(struct link *link, bool good, const char *text)
{
	struct cl_log *log = link->resolved->log;

	link->problem[0] = '\0';
	if (good && link->told)
		cl_log_text(log, IKE_LOG_CFG, IKE_LOG_INFO,
			"systemd-resolved has the DNS servers of %s", link->name);
	else if (good && link->used > 0)
		cl_log_text(log, IKE_LOG_CFG, IKE_LOG_INFO,
			"systemd-resolved has forgotten the DNS servers of %s", link->name);
	if (good)
		return;
	snprintf(link->problem, sizeof(link->problem), "%s", text);
	cl_log_text(log, IKE_LOG_CFG, IKE_LOG_AUDIT,
		link->told
			? "systemd-resolved does not have the DNS servers of %s: %s; virtual "
			  "IPs can be on another interface: charon.install_virtual_ip_on"
			: "systemd-resolved was not told that the DNS servers of %s are gone: %s",
		link->name, link->problem);
}

static void ended(void *context, int status, bool timed_out)
{
	struct link *link = context;
	struct cl_resolved *r = link->resolved;

	link->process = NULL;
	link->output[link->used] = '\0';
	link->output[strcspn(link->output, "\n")] = '\0';
	conclude(link, status == 0 && !timed_out,
		timed_out    ? "no answer in time"
		: link->used ? link->output
			     : "no reason given");
	if (link->changed)
		tell(link);
	else if (!link->told)
		link_free(link);
	if (cl_resolved_is_idle(r) && r->config.idle)
		r->config.idle(r->config.context);
}

/* The interface may have got another name, or be gone: then resolved knows nothing of it. */
static bool refresh_name(struct link *link)
{
	char name[IF_NAMESIZE];

	if (!if_indextoname(link->interface, name))
		return false;
	snprintf(link->name, sizeof(link->name), "%s", name);
	return true;
}

static void tell(struct link *link)
{
	struct cl_resolved *r = link->resolved;
	char program[] = "/proc/self/exe", option[] = "--resolved";
	char *own = r->config.program ? (char *)r->config.program : program;
	struct arguments a = { { own, option, r->resolvectl, link->name }, 4 };
	char *const environment[] = { NULL };
	const struct cl_process_config config = {
		.arguments = a.items,
		.environment = environment,
		.limit = r->config.limit,
		.context = link,
		.output = output,
		.ended = ended,
	};
	struct why why;

	if (link->process) {
		link->changed = true;
		return;
	}
	link->changed = false;
	link->used = 0;
	link->told = has_any(link);
	if (!refresh_name(link)) {
		link_free(link);
		return;
	}
	add_all(link, &a);
	link->process = cl_process_start(r->config.processes, &config, &why);
	if (link->process)
		return;
	conclude(link, false, why.text);
	if (!link->told)
		link_free(link);
}

static struct link *link_of(const struct cl_resolved *r, uint32_t interface)
{
	struct link *link;

	DL_FOREACH(r->links, link)
	{
		if (link->interface == interface)
			return link;
	}
	return NULL;
}

/* may_be_there: of an earlier daemon. */
static void changed(struct cl_resolved *r, uint32_t interface, bool may_be_there)
{
	struct link *link = link_of(r, interface);
	bool any = false;
	const struct given *g;

	if (interface == 0)
		return;
	DL_FOREACH(r->given, g)
	{
		any = any || g->interface == interface;
	}
	if (!link && ((!any && !may_be_there) || !(link = calloc(1, sizeof(*link)))))
		return;
	if (!link->resolved) {
		link->resolved = r;
		link->interface = interface;
		DL_APPEND(r->links, link);
	}
	tell(link);
}

/* ---- What there is to tell ---- */

static bool is_there(struct cl_resolved *r)
{
	if (!r->on)
		return false;
	if (access(r->config.directory, F_OK) == 0)
		return true;
	if (!r->absence_said)
		cl_log_text(r->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"systemd-resolved does not run: DNS servers that peers name go to updown "
			"scripts alone");
	r->absence_said = true;
	return false;
}

/* NULL without memory. */
static struct given *given_new(
	const struct address *address, uint32_t interface, const struct ike_virtual *v)
{
	struct given *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->address = *address;
	g->interface = interface;
	if (copy_names(g, v))
		return g;
	free_alone(g);
	return NULL;
}

static bool is_same(const struct given *a, const struct given *b)
{
	if (a->interface != b->interface || a->server_count != b->server_count ||
		a->domain_count != b->domain_count)
		return false;
	for (size_t i = 0; i < a->server_count; i++)
		if (strcmp(a->servers[i].text, b->servers[i].text) != 0)
			return false;
	for (size_t i = 0; i < a->domain_count; i++)
		if (strcmp(a->domains[i].text, b->domains[i].text) != 0)
			return false;
	return true;
}

void cl_resolved_set(struct cl_resolved *r, const struct address *address, uint32_t interface,
	const struct ike_virtual *v)
{
	struct given *old = find_given(r, address), *g;
	uint32_t before = old ? old->interface : 0;
	struct address server;

	if (!ike_virtual_dns_server(v, 0, &server) || !is_there(r)) {
		cl_resolved_remove(r, address);
		return;
	}
	g = given_new(address, interface, v);
	if (!g)
		return;
	if (old && is_same(old, g)) {
		free_alone(g);
		return;
	}
	if (old)
		given_free(r, old);
	DL_APPEND(r->given, g);
	if (interface == 0)
		cl_log_text(r->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"systemd-resolved is not told of the peer's DNS servers: its virtual IP "
			"was not put on an interface by charon-lite");
	changed(r, interface, false);
	if (before != interface)
		changed(r, before, false);
}

void cl_resolved_remove(struct cl_resolved *r, const struct address *address)
{
	struct given *g = find_given(r, address);
	uint32_t interface;

	if (!g)
		return;
	interface = g->interface;
	given_free(r, g);
	changed(r, interface, false);
}

void cl_resolved_move(struct cl_resolved *r, const struct address *address, uint32_t interface)
{
	struct given *g = find_given(r, address);
	uint32_t before;

	if (!g || g->interface == interface)
		return;
	before = g->interface;
	g->interface = interface;
	changed(r, interface, false);
	changed(r, before, false);
}

void cl_resolved_clean(struct cl_resolved *r, uint32_t interface)
{
	if (is_there(r) && !link_of(r, interface))
		changed(r, interface, true);
}

void cl_resolved_remove_all(struct cl_resolved *r)
{
	while (r->given) {
		const struct address address = r->given->address;

		cl_resolved_remove(r, &address);
	}
}

bool cl_resolved_is_idle(const struct cl_resolved *r)
{
	const struct link *link;

	DL_FOREACH(r->links, link)
	{
		if (link->process)
			return false;
	}
	return true;
}

const char *cl_resolved_problem(const struct cl_resolved *r, const struct address *address)
{
	const struct given *g = find_given(r, address);
	const struct link *link = g ? link_of(r, g->interface) : NULL;

	if (g && g->interface == 0)
		return "the virtual IP was not put on an interface by charon-lite";
	return link && link->told && *link->problem ? link->problem : NULL;
}

/* ---- Opening and closing ---- */

bool cl_resolved_open(const struct cl_resolved_config *config, struct cl_log *log,
	struct cl_resolved **ret, struct why *why)
{
	struct cl_resolved *r = calloc(1, sizeof(*r));

	if (!r || !(r->resolvectl = strdup(config->resolvectl))) {
		free(r);
		return why_fail(why, "no memory for systemd-resolved");
	}
	r->config = *config;
	r->log = log;
	r->on = true;
	*ret = r;
	return true;
}

bool cl_resolved_settings(struct cl_resolved *r, bool on, const char *resolvectl)
{
	char *copy = strdup(resolvectl);

	if (!copy)
		return false;
	free(r->resolvectl);
	r->resolvectl = copy;
	if (!on)
		cl_resolved_remove_all(r);
	r->on = on;
	return true;
}

void cl_resolved_close(struct cl_resolved *r)
{
	if (!r)
		return;
	while (r->given)
		given_free(r, r->given);
	while (r->links) {
		if (r->links->process)
			cl_process_kill(r->links->process);
		link_free(r->links);
	}
	free(r->resolvectl);
	free(r);
}
