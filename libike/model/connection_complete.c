/* What swanctl.conf(5) derives when a definition leaves it open, and what must fit together. */
#include "libike/model/connection.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>

#define IKE_REKEY_TIME 14400 /* 4h */
#define CHILD_REKEY_TIME 3600

/* Random time is subtracted from the interval, so it may not exceed it. */
static void clamp(uint64_t *value, uint64_t max)
{
	if (*value > max)
		*value = max;
}

static void complete_ike_times(struct ike_connection *c)
{
	if (c->rekey_time == IKE_UNSET)
		c->rekey_time =
			c->reauth_time == IKE_UNSET || c->reauth_time == 0 ? IKE_REKEY_TIME : 0;
	if (c->reauth_time == IKE_UNSET)
		c->reauth_time = 0;
	uint64_t longer = c->rekey_time > c->reauth_time ? c->rekey_time : c->reauth_time;
	uint64_t shorter = c->rekey_time < c->reauth_time ? c->rekey_time : c->reauth_time;
	if (c->over_time == IKE_UNSET)
		c->over_time = longer / 10;
	if (c->rand_time == IKE_UNSET)
		c->rand_time = c->over_time;
	clamp(&c->rand_time, shorter ? shorter : longer);
}

/* One of time, bytes, packets. Adding a tenth must not wrap. */
static void complete_limits(
	uint64_t *rekey, uint64_t *life, uint64_t *random, uint64_t default_rekey)
{
	if (*rekey == IKE_UNSET) {
		if (*life == IKE_UNSET)
			*rekey = default_rekey;
		else
			*rekey = *life / 11 * 10 + *life % 11 * 10 / 11;
	}
	if (*life == IKE_UNSET) {
		*life = *rekey;
		if (*rekey < UINT64_MAX / 2)
			*life += *rekey / 10;
	}
	if (*random == IKE_UNSET)
		*random = *life > *rekey ? *life - *rekey : 0;
	clamp(random, *rekey);
}

static bool default_selectors(struct ike_selector **list, uint8_t *count, struct why *why)
{
	if (*count)
		return true;
	*list = calloc(1, sizeof(**list));
	if (!*list)
		return why_fail(why, "out of memory");
	if (!ike_selector_parse("dynamic", *list, why))
		return false;
	*count = 1;
	return true;
}

/* %same: the value of the mark of that direction, under a mask of its own. */
static void complete_mark(struct ike_mark *set, const struct ike_mark *mark)
{
	if (set->value == IKE_MARK_SAME)
		set->value = mark->value;
}

/* Unlike strongSwan's `none`: a tunnel that is to be up does not rest down because nobody said what
 * is to happen when it ends. */
static void complete_actions(struct ike_child_config *child)
{
	bool shunt = child->mode == IKE_MODE_PASS || child->mode == IKE_MODE_DROP;

	if (child->dpd_action == IKE_ACTION_UNSET && shunt)
		child->dpd_action = IKE_ACTION_NONE;
	if (child->close_action == IKE_ACTION_UNSET && shunt)
		child->close_action = IKE_ACTION_NONE;
	if (child->dpd_action == IKE_ACTION_UNSET)
		child->dpd_action = child->start_action;
	if (child->close_action == IKE_ACTION_UNSET)
		child->close_action = child->start_action;
}

static bool complete_child(
	struct ike_child_config *child, const struct ike_connection *c, struct why *why)
{
	complete_actions(child);
	complete_mark(&child->set_mark_in, &child->mark_in);
	complete_mark(&child->set_mark_out, &child->mark_out);
	/* what is drawn for the connection is the IKE SA's */
	if (child->if_id_in == 0 && !ike_if_id_is_drawn(c->if_id_in))
		child->if_id_in = c->if_id_in;
	if (child->if_id_out == 0 && !ike_if_id_is_drawn(c->if_id_out))
		child->if_id_out = c->if_id_out;
	complete_limits(&child->rekey_time, &child->life_time, &child->rand_time, CHILD_REKEY_TIME);
	complete_limits(&child->rekey_bytes, &child->life_bytes, &child->rand_bytes, 0);
	complete_limits(&child->rekey_packets, &child->life_packets, &child->rand_packets, 0);
	if (child->proposals.count == 0 && child->proposals.left_out)
		return why_fail(why, "no algorithms are left of the proposals: %s",
			child->proposals.left_out);
	if (child->proposals.count == 0 &&
		!ike_proposals_add(&child->proposals, IKE_PROTOCOL_ESP, "default", why))
		return false;
	return default_selectors(&child->local_ts, &child->local_ts_count, why) &&
	       default_selectors(&child->remote_ts, &child->remote_ts_count, why);
}

static bool endpoints_have_family(const struct ike_endpoints *list, uint16_t family)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct ike_endpoint *e = &list->items[i];

		if (e->kind == IKE_ENDPOINT_NAME || e->from.family == 0 || e->from.family == family)
			return true;
	}
	return list->count == 0;
}

static bool endpoints_fit(const struct ike_connection *c)
{
	return (endpoints_have_family(&c->local_addrs, AF_INET) &&
		       endpoints_have_family(&c->remote_addrs, AF_INET)) ||
	       (endpoints_have_family(&c->local_addrs, AF_INET6) &&
		       endpoints_have_family(&c->remote_addrs, AF_INET6));
}

bool ike_connection_only_shunts(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->child_count; i++) {
		if (c->children[i]->mode != IKE_MODE_PASS && c->children[i]->mode != IKE_MODE_DROP)
			return false;
	}
	return c->child_count > 0 && c->local.count == 0 && c->remote.count == 0;
}

static bool has_xauth(const struct ike_auth_rounds *rounds)
{
	for (size_t i = 0; i < rounds->count; i++) {
		if (rounds->items[i].class == IKE_AUTH_CLASS_XAUTH)
			return true;
	}
	return false;
}

/* Phase 1 proves one thing of each end, and XAuth comes behind it. Groups are RADIUS's. */
static const char *rounds_beyond_ikev1(const struct ike_auth_rounds *rounds)
{
	for (size_t i = 0; i < rounds->count; i++) {
		const struct ike_auth_round *round = &rounds->items[i];
		bool xauth = round->class == IKE_AUTH_CLASS_XAUTH;

		if (round->class == IKE_AUTH_CLASS_EAP)
			return "auth = eap needs IKEv2 (IKEv1 has xauth)";
		if (i > 0 && !xauth)
			return "a second authentication round that is not xauth needs IKEv2";
		if (round->group_count > 0 && !(xauth && round->xauth == IKE_XAUTH_EAP))
			return "groups need IKEv2, or auth = xauth-eap: nothing but RADIUS proves "
			       "them";
	}
	return NULL;
}

const char *ike_connection_beyond_ikev1(const struct ike_connection *c)
{
	const char *local = rounds_beyond_ikev1(&c->local);

	if (c->ppk_required)
		return "ppk_required needs IKEv2";
	return local ? local : rounds_beyond_ikev1(&c->remote);
}

bool ike_connection_complete(struct ike_connection *c, struct why *why)
{
	if (c->version > 2)
		return why_fail(why, "version: IKEv%u does not exist", c->version);
	if (c->local.count == 0 && !ike_connection_only_shunts(c))
		return why_fail(why, "no local authentication round");
	if (c->remote.count == 0 && !ike_connection_only_shunts(c))
		return why_fail(why, "no remote authentication round");
	if (c->version == 2 && (has_xauth(&c->local) || has_xauth(&c->remote)))
		return why_fail(why, "auth = xauth needs IKEv1 (version = 1)");
	if (!endpoints_fit(c))
		return why_fail(
			why, "local_addrs and remote_addrs have no address family in common");
	if (c->version == 1 && ike_connection_beyond_ikev1(c))
		return why_fail(why, "version = 1: %s", ike_connection_beyond_ikev1(c));
	if (c->version == 1 && c->childless == IKE_CHILDLESS_FORCE)
		return why_fail(why, "childless = force needs IKEv2");
	if (c->proposals.count == 0 && c->proposals.left_out)
		return why_fail(
			why, "no algorithms are left of the proposals: %s", c->proposals.left_out);
	if (c->proposals.count == 0 &&
		!ike_proposals_add(&c->proposals, IKE_PROTOCOL_IKE, "default", why))
		return false;
	complete_ike_times(c);
	for (size_t i = 0; i < c->child_count; i++) {
		if (!complete_child(c->children[i], c, why))
			return why_prefix(why, "children.%s: ", c->children[i]->name);
	}
	return true;
}
