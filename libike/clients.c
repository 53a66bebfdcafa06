/* Clients with networks behind them are loaded and unloaded: what that means for who is connected.
 */
#include "libike/sa/sa_priv.h"

#include <stdio.h>
#include <stdlib.h>

const struct ike_clients *ike_engine_clients(const struct ike_engine *e)
{
	return e->clients;
}

/* What a client was before: its place is another's meanwhile. */
struct earlier {
	struct ike_identity *identity; /* held; NULL: it was not there */
	struct ike_selector networks[IKE_CLIENT_NETWORKS_MAX];
	size_t count;
};

static struct earlier earlier_of(const struct ike_client *client)
{
	struct earlier was = { 0 };

	if (!client)
		return was;
	was.identity = ike_identity_hold(client->identity);
	was.count = client->network_count;
	memcpy(was.networks, client->networks, was.count * sizeof(*was.networks));
	return was;
}

/* An IKE SA of that peer's whose children may have networks of a client. */
static const struct ike_sa *connected(const struct ike_engine *e, const struct ike_identity *who)
{
	const struct ike_sa *sa = NULL;

	while (who && (sa = ike_engine_sa_next(e, sa))) {
		const struct ike_connection *c = sa->connection;

		if (sa->state != IKE_SA_ESTABLISHED || !ike_sa_peer_id(sa) ||
			!ike_identity_equal(ike_sa_peer_id(sa), who))
			continue;
		for (size_t i = 0; i < c->child_count; i++)
			if (ike_child_config_has(c->children[i], false, IKE_SELECTOR_CLIENT))
				return sa;
	}
	return NULL;
}

/* Those of a list that are not within the other one; how many. */
static size_t without(const struct ike_selector *list, size_t count,
	const struct ike_selector *other, size_t other_count, struct ike_selector *ret)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		bool there = false;

		for (size_t j = 0; j < other_count; j++)
			there = there || ike_selector_contains(&other[j], &list[i]);
		if (!there)
			ret[used++] = list[i];
	}
	return used;
}

/* Which networks of that identity's are gone, and which have come. */
static void say(const struct ike_engine *e, const struct ike_identity *who,
	const struct ike_selector *old, size_t old_count, const struct ike_selector *new,
	size_t new_count, char *text)
{
	struct ike_selector list[IKE_CLIENT_NETWORKS_MAX];
	char networks[400], name[IKE_IDENTITY_TEXT_MAX];
	const struct ike_sa *sa = connected(e, who);
	size_t used = strlen(text), count;

	if (!sa)
		return;
	used += (size_t)snprintf(text + used, IKE_CLIENT_CHANGES_MAX - used,
		"%s'%.200s' is connected (%s[%u])", used ? "; " : "",
		ike_identity_format(who, name), sa->connection->name, sa->unique_id);
	count = without(old, old_count, new, new_count, list);
	if (count > 0 && used < IKE_CLIENT_CHANGES_MAX)
		used += (size_t)snprintf(text + used, IKE_CLIENT_CHANGES_MAX - used,
			", and has until its next keys: %s",
			ike_selectors_format(list, count, networks, sizeof(networks)));
	count = without(new, new_count, old, old_count, list);
	if (count > 0 && used < IKE_CLIENT_CHANGES_MAX)
		(void)snprintf(text + used, IKE_CLIENT_CHANGES_MAX - used,
			", and may have with its next CHILD_SA: %s",
			ike_selectors_format(list, count, networks, sizeof(networks)));
}

static void say_changes(const struct ike_engine *e, const struct earlier *was,
	const struct ike_client *is, char text[IKE_CLIENT_CHANGES_MAX])
{
	bool same = was->identity && is && ike_identity_equal(was->identity, is->identity);

	if (same) {
		say(e, is->identity, was->networks, was->count, is->networks, is->network_count,
			text);
		return;
	}
	say(e, was->identity, was->networks, was->count, NULL, 0, text);
	if (is)
		say(e, is->identity, NULL, 0, is->networks, is->network_count, text);
}

static void log_loaded(
	struct ike_engine *e, const struct ike_client *client, const char *how, const char *changes)
{
	char id[IKE_IDENTITY_TEXT_MAX], networks[400];

	ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "%s client '%s': '%s' has %s%s%s", how,
		client->name, ike_identity_format(client->identity, id),
		ike_selectors_format(
			client->networks, client->network_count, networks, sizeof(networks)),
		*changes ? "; " : "", changes);
}

bool ike_engine_load_clients(struct ike_engine *e, struct ike_client_change *changes, size_t count,
	size_t *ret_failed, struct why *why)
{
	return ike_clients_load(e->clients, changes, count, ret_failed, why);
}

void ike_engine_client_changes(struct ike_engine *e, struct ike_client_change *change,
	char ret_changes[IKE_CLIENT_CHANGES_MAX])
{
	const struct ike_client *client = ike_clients_find(e->clients, change->name);
	struct earlier was = earlier_of(change->earlier);

	ret_changes[0] = '\0';
	if (change->loaded == IKE_CLIENT_ADDED || change->loaded == IKE_CLIENT_UPDATED) {
		say_changes(e, &was, client, ret_changes);
		log_loaded(e, client, change->loaded == IKE_CLIENT_ADDED ? "added" : "updated",
			ret_changes);
	}
	ike_identity_free(was.identity);
	ike_client_free(change->earlier);
	change->earlier = NULL;
}

void ike_engine_client_effect(const struct ike_engine *e, const char *name,
	const struct ike_client *client, char ret_changes[IKE_CLIENT_CHANGES_MAX])
{
	struct earlier was = earlier_of(ike_clients_find(e->clients, name));

	ret_changes[0] = '\0';
	say_changes(e, &was, client, ret_changes);
	ike_identity_free(was.identity);
}

bool ike_engine_unload_client(
	struct ike_engine *e, const char *name, char ret_changes[IKE_CLIENT_CHANGES_MAX])
{
	struct earlier was = earlier_of(ike_clients_find(e->clients, name));

	ret_changes[0] = '\0';
	if (!ike_clients_unload(e->clients, name))
		return false;
	say_changes(e, &was, NULL, ret_changes);
	ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "removed client '%s'%s%s", name,
		*ret_changes ? "; " : "", ret_changes);
	ike_identity_free(was.identity);
	return true;
}
