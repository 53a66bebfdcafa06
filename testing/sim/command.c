/* Commands: calls of an engine at the world's time, watched for their answers. */
#include "testing/sim/world.h"

#include <stdlib.h>

static struct sim_command *command_new(struct sim_node *n, const char *kind, const char *what)
{
	struct sim_world *w = n->world;
	struct sim_command *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->ticket = ++w->tickets;
	c->node = n->index;
	snprintf(c->what, sizeof(c->what), "%s %s %s", n->name, kind, what);
	c->next = w->commands;
	w->commands = c;
	sim_trace(w, "%s command: %s %s", n->name, kind, what);
	return c;
}

/* An answer may have come already; one that could not begin has none. */
static const struct sim_command *command_begun(
	struct sim_node *n, struct sim_command *c, bool begun, const struct why *why)
{
	sim_node_leave(n);
	if (begun)
		return c;
	sim_trace(n->world, "%s command refused: %s", n->name, why->text);
	sim_secrets_check_text(n->world, "reason", why->text);
	if (why->text[0] == '\0')
		sim_complain(n->world, "command %s refused without a reason", c->what);
	if (c->answers > 0)
		sim_complain(n->world, "command %s refused and answered", c->what);
	c->lost = true;
	return NULL;
}

const struct sim_command *sim_node_initiate(
	struct sim_node *n, const char *ike, const char *child, struct why *why)
{
	struct sim_command *c = command_new(n, "initiate", child ? child : ike);
	struct ike_initiate what = { .ike = ike, .child = child, .ticket = c->ticket };
	bool begun;

	why->text[0] = '\0';
	sim_node_enter(n);
	begun = ike_engine_initiate(n->engine, sim_node_now(n), &what, NULL, why);
	return command_begun(n, c, begun, why);
}

const struct sim_command *sim_node_terminate(
	struct sim_node *n, const struct ike_terminate *what, struct why *why)
{
	struct sim_command *c = command_new(n, what->force ? "terminate by force" : "terminate",
		what->child ? what->child
		: what->ike ? what->ike
			    : "id");
	struct ike_terminate terminate = *what;
	size_t count = 0;
	bool begun;

	why->text[0] = '\0';
	terminate.ticket = c->ticket;
	sim_node_enter(n);
	begun = ike_engine_terminate(n->engine, sim_node_now(n), &terminate, &count, why);
	return command_begun(n, c, begun, why);
}

bool sim_node_rekey(struct sim_node *n, const struct ike_rekey *what, struct why *why)
{
	size_t count = 0;
	bool done;

	why->text[0] = '\0';
	sim_node_enter(n);
	done = ike_engine_rekey(n->engine, sim_node_now(n), what, &count, why);
	sim_node_leave(n);
	sim_trace(n->world, "%s %s %s: %s", n->name, what->reauth ? "reauth" : "rekey",
		what->child ? what->child
		: what->ike ? what->ike
			    : "id",
		done ? "begun" : why->text);
	if (!done && why->text[0] == '\0')
		sim_complain(n->world, "%s: rekeying refused without a reason", n->name);
	return done;
}

void sim_node_shutdown(struct sim_node *n)
{
	sim_trace(n->world, "%s shuts down", n->name);
	sim_node_enter(n);
	ike_engine_shutdown(n->engine, sim_node_now(n));
	sim_node_leave(n);
}

bool sim_node_load(struct sim_node *n, struct ike_connection *c, struct why *why)
{
	bool done;

	sim_trace(n->world, "%s loads %s", n->name, c->name);
	sim_node_enter(n);
	done = ike_engine_load_connection(n->engine, sim_node_now(n), c, why);
	sim_node_leave(n);
	return done;
}

bool sim_node_unload(struct sim_node *n, const char *name)
{
	bool done;

	sim_trace(n->world, "%s unloads %s", n->name, name);
	sim_node_enter(n);
	done = ike_engine_unload_connection(n->engine, sim_node_now(n), name);
	sim_node_leave(n);
	return done;
}

bool sim_node_install(struct sim_node *n, const char *ike, const char *child, struct why *why)
{
	bool done;

	sim_node_enter(n);
	done = ike_engine_install(n->engine, sim_node_now(n), ike, child, why);
	sim_node_leave(n);
	sim_trace(n->world, "%s install %s: %s", n->name, child, done ? "done" : why->text);
	return done;
}

bool sim_node_uninstall(struct sim_node *n, const char *ike, const char *child, struct why *why)
{
	bool done;

	sim_node_enter(n);
	done = ike_engine_uninstall(n->engine, sim_node_now(n), ike, child, why);
	sim_node_leave(n);
	sim_trace(n->world, "%s uninstall %s: %s", n->name, child, done ? "done" : why->text);
	return done;
}

void sim_node_acquire(struct sim_node *n, const struct ike_acquire *acquire)
{
	sim_trace(n->world, "%s acquire for reqid %u", n->name, acquire->reqid);
	sim_node_enter(n);
	ike_engine_acquire(n->engine, sim_node_now(n), acquire);
	sim_node_leave(n);
}

void sim_node_expire(struct sim_node *n, const struct ike_kernel_id *id, bool hard)
{
	sim_trace(n->world, "%s expire of %08x", n->name, id->spi);
	sim_node_enter(n);
	ike_engine_expire(
		n->engine, sim_node_now(n), id->protocol, id->spi, &id->destination, hard);
	sim_node_leave(n);
}

void sim_node_mapping(struct sim_node *n, uint32_t spi, const struct address *remote)
{
	char text[ADDRESS_TEXT_MAX];

	sim_trace(n->world, "%s mapping of %08x: %s", n->name, spi,
		address_format_with_port(remote, text));
	sim_node_enter(n);
	ike_engine_mapping(n->engine, sim_node_now(n), spi, remote);
	sim_node_leave(n);
}

static void load_shared(
	struct sim_node *n, uint8_t kind, const char *psk, const char *const *owners)
{
	struct secret secret = { NULL, 0 };
	struct ike_identity *ids[8];
	size_t count = 0;

	for (; owners && owners[count] && count < 8; count++) {
		struct why why;

		if (!(ids[count] = ike_identity_parse(owners[count], &why)))
			abort();
	}
	if (!secret_copy(&secret, bytes_of_text(psk)) ||
		!ike_credentials_load(
			ike_engine_credentials(n->engine), NULL, kind, &secret, ids, count))
		abort();
	if (n->world->checks)
		sim_secret_add(n->world, bytes_of_text(psk), true);
}

void sim_node_psk(struct sim_node *n, const char *psk, const char *const *owners)
{
	load_shared(n, IKE_SHARED_IKE, psk, owners);
}

void sim_node_eap(struct sim_node *n, const char *password, const char *const *owners)
{
	load_shared(n, IKE_SHARED_EAP, password, owners);
}

void sim_node_ppk(struct sim_node *n, const char *ppk, const char *id)
{
	const char *const owners[] = { id, NULL };

	load_shared(n, IKE_SHARED_PPK, ppk, owners);
}
