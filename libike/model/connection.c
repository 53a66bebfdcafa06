/* Peer definitions: making them, holding them, freeing them. */
#include "libike/model/connection.h"

#include <stdlib.h>
#include <uthash.h>

struct ike_connection *ike_connection_new(const char *name)
{
	struct ike_connection *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->references = 1;
	c->name = strdup(name);
	if (!c->name) {
		free(c);
		return NULL;
	}
	c->mobike = true;
	c->pull = true;
	c->send_certreq = true;
	c->ocsp = IKE_OCSP_REPLY;
	c->childless = IKE_CHILDLESS_ALLOW;
	c->fragmentation = IKE_FRAGMENTATION_YES;
	c->unique = IKE_UNIQUE_NO;
	c->remote_port = 500;
	c->keyingtries = 1;
	c->retransmit_tries = IKE_UNSET;
	c->rekey_time = c->reauth_time = c->over_time = c->rand_time = IKE_UNSET;
	return c;
}

struct ike_connection *ike_connection_hold(struct ike_connection *c)
{
	c->references++;
	return c;
}

static void child_config_free(struct ike_child_config *child)
{
	free(child->name);
	ike_proposals_free(&child->proposals);
	free(child->local_ts);
	free(child->remote_ts);
	free(child->interface);
	free(child->tunnel_interface);
	free(child->updown);
	free(child);
}

/* Most definitions have few children, which are looked through; a message holds thousands. */
#define CHILDREN_FEW 16

struct ike_child_name {
	UT_hash_handle hh; /* by the child's name */
	struct ike_child_config *child;
};

static bool child_index(struct ike_connection *c, struct ike_child_config *child)
{
	struct ike_child_name *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return false;
	entry->child = child;
	HASH_ADD_KEYPTR(hh, c->more_children, child->name, strlen(child->name), entry);
	if (entry->hh.tbl)
		return true;
	free(entry);
	return false;
}

static void child_names_free(struct ike_connection *c)
{
	struct ike_child_name *entry, *next;

	HASH_ITER(hh, c->more_children, entry, next)
	{
		HASH_DEL(c->more_children, entry);
		free(entry);
	}
}

static void texts_free(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

static void certs_free(struct ike_certificate **certs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ike_certificate_free(certs[i]);
	free(certs);
}

void ike_auth_round_clear(struct ike_auth_round *round)
{
	ike_identity_free(round->id);
	ike_identity_free(round->eap_id);
	ike_identity_free(round->xauth_id);
	ike_identity_free(round->aaa_id);
	ike_identity_free(round->ca_id);
	certs_free(round->certs, round->cert_count);
	certs_free(round->cacerts, round->cacert_count);
	texts_free(round->cert_policies, round->cert_policy_count);
	texts_free(round->groups, round->group_count);
	free(round->signatures);
	*round = (struct ike_auth_round){ 0 };
}

static void rounds_free(struct ike_auth_rounds *rounds)
{
	for (size_t i = 0; i < rounds->count; i++)
		ike_auth_round_clear(&rounds->items[i]);
	free(rounds->items);
}

void ike_connection_free(struct ike_connection *c)
{
	if (!c || --c->references > 0)
		return;
	child_names_free(c);
	for (size_t i = 0; i < c->child_count; i++)
		child_config_free(c->children[i]);
	free(c->children);
	rounds_free(&c->local);
	rounds_free(&c->remote);
	ike_identity_free(c->ppk_id);
	ike_proposals_free(&c->proposals);
	ike_endpoints_free(&c->local_addrs);
	ike_endpoints_free(&c->remote_addrs);
	free(c->vips);
	texts_free(c->pools, c->pool_count);
	free(c->name);
	free(c);
}

static struct ike_child_config *child_config_new(const char *name)
{
	struct ike_child_config *child = calloc(1, sizeof(*child));

	if (!child)
		return NULL;
	child->name = strdup(name);
	if (!child->name) {
		free(child);
		return NULL;
	}
	child->mode = IKE_MODE_TUNNEL;
	child->policies = true;
	child->copy_df = true;
	child->copy_ecn = true;
	child->copy_dscp_out = true;
	child->replay_window = IKE_REPLAY_WINDOW_UNSET;
	child->rekey_time = child->life_time = child->rand_time = IKE_UNSET;
	child->dpd_action = child->close_action = IKE_ACTION_UNSET;
	child->rekey_bytes = child->life_bytes = child->rand_bytes = IKE_UNSET;
	child->rekey_packets = child->life_packets = child->rand_packets = IKE_UNSET;
	return child;
}

struct ike_child_config *ike_connection_add_child(struct ike_connection *c, const char *name)
{
	if (ike_connection_child(c, name))
		return NULL;
	struct ike_child_config **children =
		reallocarray(c->children, c->child_count + 1, sizeof(*children));
	if (!children)
		return NULL;
	c->children = children;
	struct ike_child_config *child = child_config_new(name);
	if (!child)
		return NULL;
	if (c->child_count >= CHILDREN_FEW && !child_index(c, child)) {
		child_config_free(child);
		return NULL;
	}
	child->connection = c;
	children[c->child_count++] = child;
	return child;
}

struct ike_child_config *ike_connection_child(const struct ike_connection *c, const char *name)
{
	struct ike_child_name *entry = NULL;

	for (size_t i = 0; i < c->child_count && i < CHILDREN_FEW; i++) {
		if (strcmp(c->children[i]->name, name) == 0)
			return c->children[i];
	}
	if (c->more_children)
		HASH_FIND(hh, c->more_children, name, strlen(name), entry);
	return entry ? entry->child : NULL;
}

bool ike_auth_rounds_insert(struct ike_auth_rounds *rounds, struct ike_auth_round *round)
{
	struct ike_auth_round *items =
		reallocarray(rounds->items, rounds->count + 1, sizeof(*items));
	size_t at = rounds->count;

	if (!items)
		return false;
	rounds->items = items;
	for (; at > 0 && items[at - 1].number > round->number; at--)
		items[at] = items[at - 1];
	items[at] = *round;
	rounds->count++;
	*round = (struct ike_auth_round){ 0 };
	return true;
}

bool ike_auth_rounds_add(struct ike_auth_rounds *rounds, uint8_t class, struct ike_identity *id)
{
	struct ike_auth_round *items =
		reallocarray(rounds->items, rounds->count + 1, sizeof(*items));

	if (!items) {
		ike_identity_free(id);
		return false;
	}
	items[rounds->count++] = (struct ike_auth_round){ .class = class, .id = id };
	rounds->items = items;
	return true;
}

bool ike_connection_add_vip(struct ike_connection *c, const char *text, struct why *why)
{
	struct address a, *vips;

	if (strcmp(text, "%any") == 0 || strcmp(text, "%any4") == 0)
		a = (struct address){ .family = AF_INET };
	else if (strcmp(text, "%any6") == 0)
		a = (struct address){ .family = AF_INET6 };
	else if (!address_parse(text, &a) || a.scope != 0)
		return why_fail(why, "'%s' is no address", text);
	if (c->vip_count == IKE_CONNECTION_VIPS_MAX)
		return why_fail(why, "more than %u virtual addresses", IKE_CONNECTION_VIPS_MAX);
	vips = reallocarray(c->vips, c->vip_count + 1u, sizeof(*vips));
	if (!vips)
		return why_fail(why, "out of memory");
	c->vips = vips;
	vips[c->vip_count++] = a;
	return true;
}

bool ike_connection_add_pool(struct ike_connection *c, const char *name, struct why *why)
{
	char **pools, *copy;

	if (c->pool_count == IKE_CONNECTION_POOLS_MAX)
		return why_fail(why, "more than %u pools", IKE_CONNECTION_POOLS_MAX);
	pools = reallocarray(c->pools, c->pool_count + 1u, sizeof(*pools));
	if (pools)
		c->pools = pools;
	if (!pools || !(copy = strdup(name)))
		return why_fail(why, "out of memory");
	pools[c->pool_count++] = copy;
	return true;
}
