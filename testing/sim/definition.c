#include "testing/sim/definition.h"

#include <stdio.h>
#include <stdlib.h>

static void refuse(const char *what, const struct why *why)
{
	fprintf(stderr, "sim: %s: %s\n", what, why->text);
	abort();
}

/* Calls add for each element of a comma-separated list. */
static void each(const char *list, void (*add)(void *context, const char *element), void *context)
{
	char *copy = strdup(list);
	char *rest = NULL;

	if (!copy)
		abort();
	for (char *word = strtok_r(copy, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest))
		add(context, word);
	free(copy);
}

static void add_endpoint(void *context, const char *element)
{
	struct why why = { "" };

	if (!ike_endpoints_add(context, element, &why))
		refuse(element, &why);
}

static void add_ike_proposal(void *context, const char *element)
{
	struct why why = { "" };

	if (!ike_proposals_add(context, IKE_PROTOCOL_IKE, element, &why))
		refuse(element, &why);
}

static void add_esp_proposal(void *context, const char *element)
{
	struct why why = { "" };

	if (!ike_proposals_add(context, IKE_PROTOCOL_ESP, element, &why))
		refuse(element, &why);
}

static void add_ah_proposal(void *context, const char *element)
{
	struct why why = { "" };

	if (!ike_proposals_add(context, IKE_PROTOCOL_AH, element, &why))
		refuse(element, &why);
}

static void add_vip(void *context, const char *element)
{
	struct why why = { "" };

	if (!ike_connection_add_vip(context, element, &why))
		refuse(element, &why);
}

static void add_pool(void *context, const char *element)
{
	struct why why = { "" };

	if (!ike_connection_add_pool(context, element, &why))
		refuse(element, &why);
}

struct selectors {
	struct ike_selector **list;
	uint8_t *count;
};

static void add_selector(void *context, const char *element)
{
	struct selectors *s = context;
	struct why why = { "" };

	*s->list = reallocarray(*s->list, *s->count + 1u, sizeof(**s->list));
	if (!*s->list)
		abort();
	if (!ike_selector_parse(element, &(*s->list)[*s->count], &why))
		refuse(element, &why);
	(*s->count)++;
}

static void add_round(struct ike_auth_rounds *rounds, const char *id_text, bool pubkey)
{
	struct why why = { "" };
	struct ike_identity *id = NULL;

	if (id_text && !(id = ike_identity_parse(id_text, &why)))
		refuse(id_text, &why);
	if (!ike_auth_rounds_add(rounds, pubkey ? IKE_AUTH_CLASS_PUBKEY : IKE_AUTH_CLASS_PSK, id))
		abort();
}

static void add_child(struct ike_connection *c, const struct sim_child_definition *d)
{
	struct ike_child_config *child = ike_connection_add_child(c, d->name);
	struct selectors local, remote;

	if (!child)
		abort();
	local = (struct selectors){ &child->local_ts, &child->local_ts_count };
	remote = (struct selectors){ &child->remote_ts, &child->remote_ts_count };
	each(d->proposals ? d->proposals : "default",
		d->protocol == IKE_PROTOCOL_AH ? add_ah_proposal : add_esp_proposal,
		&child->proposals);
	each(d->local_ts ? d->local_ts : "dynamic", add_selector, &local);
	each(d->remote_ts ? d->remote_ts : "dynamic", add_selector, &remote);
	child->mode = d->mode;
	child->start_action = d->start_action;
	child->close_action = d->close_action;
	child->priority = d->priority;
	child->ipcomp = d->ipcomp;
	child->dpd_action = d->dpd_action;
	child->rekey_time = d->rekey_time;
	child->life_time = d->rekey_time && !d->life_time ? IKE_UNSET : d->life_time;
	child->rand_time = d->rand_time;
	if (d->rekey_bytes)
		child->rekey_bytes = d->rekey_bytes;
	if (d->rekey_packets)
		child->rekey_packets = d->rekey_packets;
	if (d->life_packets)
		child->life_packets = d->life_packets;
	child->inactivity = d->inactivity;
}

struct ike_connection *sim_define(const struct sim_definition *d)
{
	struct ike_connection *c = ike_connection_new(d->name);
	struct why why = { "" };

	if (!c)
		abort();
	if (d->local_addrs)
		each(d->local_addrs, add_endpoint, &c->local_addrs);
	if (d->remote_addrs)
		each(d->remote_addrs, add_endpoint, &c->remote_addrs);
	each(d->proposals ? d->proposals : "default", add_ike_proposal, &c->proposals);
	add_round(&c->local, d->local_id, d->pubkey);
	add_round(&c->remote, d->remote_id, d->pubkey);
	c->remote.items[0].revocation = d->revocation;
	c->ocsp = d->ocsp;
	c->version = d->version == SIM_VERSION_EITHER ? 0 : d->version ? d->version : 2;
	c->aggressive = d->aggressive;
	c->childless = d->childless ? d->childless : (uint8_t)IKE_CHILDLESS_ALLOW;
	if (d->never_childless)
		c->childless = IKE_CHILDLESS_NEVER;
	c->unique = d->unique;
	if (d->no_fragmentation)
		c->fragmentation = IKE_FRAGMENTATION_NO;
	c->encap = d->encap;
	c->keyingtries = d->keyingtries ? d->keyingtries : 1;
	if (d->keys_for_ever)
		c->keyingtries = 0;
	c->dpd_delay = d->dpd_delay;
	c->dpd_timeout = d->dpd_timeout;
	c->mobike = !d->no_mobike;
	if (d->remote_port)
		c->remote_port = d->remote_port;
	if (d->ppk_id && !(c->ppk_id = ike_identity_parse(d->ppk_id, &why)))
		abort();
	c->ppk_required = d->ppk_required;
	c->rekey_time = d->rekey_time;
	c->reauth_time = d->reauth_time;
	c->rand_time = d->rand_time;
	c->over_time = d->over_time;
	if (!d->over_time && (d->rekey_time || d->reauth_time))
		c->over_time = IKE_UNSET;
	for (size_t i = 0; i < SIM_CHILDREN_MAX && d->children[i].name; i++)
		add_child(c, &d->children[i]);
	if (d->vips)
		each(d->vips, add_vip, c);
	if (d->pools)
		each(d->pools, add_pool, c);
	if (d->adjust)
		d->adjust(d->adjust_context, c);
	if (!ike_connection_complete(c, &why))
		refuse(d->name, &why);
	return c;
}
