/*
 * What the words in a definition's selectors stand for on an IKE SA: `dynamic` for addresses of the
 * ends, %client for the networks of the client that the peer has proved to be, %clients for those
 * of all other clients.
 */
#include "libike/sa/sa_priv.h"
#include "libike/virtual.h"

/* A list that selectors go to, as far as it has room. */
struct output {
	struct ike_selector *list;
	size_t count, room;
};

/* With protocol and ports of the word. */
static void put(struct output *out, const struct ike_selector *word, struct ike_selector what)
{
	if (out->count == out->room)
		return;
	what.protocol = word->protocol;
	what.port_from = word->port_from;
	what.port_to = word->port_to;
	out->list[out->count++] = what;
}

/* Who the peer is; before it has said so, who it has to be. */
static const struct ike_identity *peer_of(const struct ike_sa *sa)
{
	const struct ike_identity *is = ike_sa_peer_id(sa),
				  *wanted = ike_auth_rounds_id(&sa->connection->remote);

	if (is)
		return is;
	return wanted && !ike_identity_is_wildcard(wanted) ? wanted : NULL;
}

const struct ike_client *ike_child_client(const struct ike_sa *sa)
{
	const struct ike_clients *clients = sa->connection->clients;

	return clients ? ike_clients_of(clients, peer_of(sa)) : NULL;
}

static void put_client(const struct ike_sa *sa, const struct ike_selector *word, struct output *out)
{
	const struct ike_client *client = ike_child_client(sa);

	for (size_t i = 0; client && i < client->network_count; i++)
		put(out, word, client->networks[i]);
}

static void put_clients(const struct ike_sa *sa, const struct ike_selector *word,
	const struct ike_selector *within, struct output *out)
{
	const struct ike_client *client = ike_child_client(sa);
	size_t begin = out->count;

	if (!sa->connection->clients || within->family == 0)
		return;
	out->count += ike_clients_others(
		sa->connection->clients, client, within, out->list + begin, out->room - begin);
	for (size_t count = out->count, i = out->count = begin; i < count; i++)
		put(out, word, out->list[i]);
}

static void put_dynamic(
	const struct ike_sa *sa, bool local, const struct ike_selector *word, struct output *out)
{
	struct ike_selector virtual[IKE_VIRTUAL_ADDRESSES_MAX];
	size_t count = ike_virtual_dynamic(sa, local, virtual);

	for (size_t i = 0; i < count; i++)
		put(out, word, virtual[i]);
	if (count == 0)
		put(out, word, ike_selector_resolve(word, local ? &sa->local : &sa->remote));
}

size_t ike_child_config_within(const struct ike_sa *sa, const struct ike_child_config *config,
	bool local, const struct ike_selector *within, size_t within_count,
	struct ike_selector *ret, size_t room)
{
	const struct ike_selector *from = local ? config->local_ts : config->remote_ts;
	size_t count = local ? config->local_ts_count : config->remote_ts_count;
	struct output out = { .list = ret, .room = room };

	for (size_t i = 0; i < count; i++)
		if (from[i].group == IKE_SELECTOR_CLIENT)
			put_client(sa, &from[i], &out);
		else if (from[i].group == IKE_SELECTOR_CLIENTS)
			for (size_t j = 0; j < within_count; j++)
				put_clients(sa, &from[i], &within[j], &out);
		else if (from[i].dynamic)
			put_dynamic(sa, local, &from[i], &out);
		else
			put(&out, &from[i], from[i]);
	return out.count;
}

size_t ike_child_config_selectors(const struct ike_sa *sa, const struct ike_child_config *config,
	bool local, struct ike_selector *ret, size_t room)
{
	static const struct ike_selector all[] = {
		{ .family = AF_INET, .to = { 0xff, 0xff, 0xff, 0xff }, .port_to = 0xffff },
		{ .family = AF_INET6,
			.to = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				0xff, 0xff, 0xff, 0xff, 0xff },
			.port_to = 0xffff },
	};

	return ike_child_config_within(
		sa, config, local, all, sizeof(all) / sizeof(*all), ret, room);
}

bool ike_child_config_has(
	const struct ike_child_config *config, bool local, enum ike_selector_group group)
{
	const struct ike_selector *list = local ? config->local_ts : config->remote_ts;
	size_t count = local ? config->local_ts_count : config->remote_ts_count;

	for (size_t i = 0; i < count; i++)
		if (list[i].group == group)
			return true;
	return false;
}
