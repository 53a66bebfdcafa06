/* Traffic selectors: by themselves, and beside those of other children. */
#include "libike/check/check_priv.h"

/* A child that crosses thousands is not told about each of them. */
#define NEIGHBOURS_SAID 16

static bool is_single(const struct ike_selector *s)
{
	return memcmp(s->from, s->to, sizeof(s->from)) == 0;
}

static bool same_addresses(const struct ike_selector *a, const struct ike_selector *b)
{
	return a->family == b->family && memcmp(a->from, b->from, sizeof(a->from)) == 0 &&
	       memcmp(a->to, b->to, sizeof(a->to)) == 0;
}

/* Whether policies of the child are for packets of an interface or a mark alone. */
static bool is_bounded(const struct ike_child_config *child)
{
	return child->if_id_in || child->if_id_out || child->mark_in.value ||
	       child->mark_out.value || child->interface || child->tunnel_interface ||
	       !child->policies;
}

/* ---- One child ---- */

static void judge_pair(struct ike_check *k, const struct ike_child_config *child,
	const struct ike_selector *local, const struct ike_selector *remote)
{
	char ours[IKE_SELECTOR_TEXT_MAX];

	if (child->mode != IKE_MODE_TUNNEL || !same_addresses(local, remote))
		return;
	if (ike_check_is_everything(local)) {
		if (!is_bounded(child))
			ike_check_say(k, IKE_CHECK_SELECTORS_ALL,
				IKE_CHECK_AT_CHILD(child, "remote_ts"), "'%s' has %s at both ends",
				child->name, ike_selector_format(local, ours));
		return;
	}
	if (!is_single(local))
		ike_check_say(k, IKE_CHECK_SAME_NETWORK, IKE_CHECK_AT_CHILD(child, "remote_ts"),
			"'%s' has %s at both ends", child->name, ike_selector_format(local, ours));
}

static void judge_transport(struct ike_check *k, const struct ike_child_config *child,
	const struct ike_selector *list, size_t count, const char *key)
{
	char text[IKE_SELECTOR_TEXT_MAX];

	for (size_t i = 0; i < count; i++)
		if (ike_check_is_fixed(&list[i]) && !is_single(&list[i])) {
			ike_check_say(k, IKE_CHECK_TRANSPORT_NETWORK,
				IKE_CHECK_AT_CHILD(child, key),
				"'%s' is in transport mode, and %s has %s", child->name, key,
				ike_selector_format(&list[i], text));
			return;
		}
}

static bool has_group(const struct ike_child_config *child, const char **ret_key, bool client_only)
{
	for (size_t i = 0; i < (size_t)child->local_ts_count + child->remote_ts_count; i++) {
		bool local = i < child->local_ts_count;
		const struct ike_selector *s =
			local ? &child->local_ts[i] : &child->remote_ts[i - child->local_ts_count];

		*ret_key = local ? "local_ts" : "remote_ts";
		if (client_only ? s->group == IKE_SELECTOR_CLIENT : s->group != IKE_SELECTOR_ITSELF)
			return true;
	}
	return false;
}

/* Any holder of a secret that names no client can say that he is one of them. */
static void judge_client_secrets(
	struct ike_check *k, const struct ike_child_config *child, const char *key)
{
	const struct ike_connection *c = child->connection;
	const struct ike_identity *own = ike_auth_rounds_id(&c->local);
	const struct ike_client *client;

	if (c->remote.count != 1 || c->remote.items[0].class != IKE_AUTH_CLASS_PSK)
		return;
	for (size_t i = 0; (client = ike_clients_get(k->clients, i)); i++) {
		const struct ike_identity *id = client->identity;

		if (ike_credentials_find(k->credentials, IKE_SHARED_IKE, own, id).length == 0 ||
			ike_credentials_find_named(k->credentials, IKE_SHARED_IKE, own, id).length)
			continue;
		ike_check_say(k, IKE_CHECK_CLIENT_UNPROVED, IKE_CHECK_AT_CHILD(child, key),
			"'%s': client '%s' proves itself with a secret that names nobody",
			child->name, client->name);
		return;
	}
}

static void judge_groups(struct ike_check *k, const struct ike_child_config *child)
{
	const char *key;

	if (has_group(child, &key, false) && !ike_clients_get(k->clients, 0))
		ike_check_say(k, IKE_CHECK_CLIENTS_MISSING, IKE_CHECK_AT_CHILD(child, key),
			"'%s' has networks of clients, and no clients are loaded", child->name);
	else if (has_group(child, &key, true))
		judge_client_secrets(k, child, key);
}

/* What is dynamic may have either. */
static bool has_common_family(const struct ike_child_config *child)
{
	for (size_t i = 0; i < child->local_ts_count; i++)
		for (size_t j = 0; j < child->remote_ts_count; j++) {
			uint8_t ours = child->local_ts[i].family,
				theirs = child->remote_ts[j].family;

			if (!ours || !theirs || ours == theirs)
				return true;
		}
	return false;
}

static void judge_alone(struct ike_check *k, const struct ike_child_config *child)
{
	char text[IKE_REMARK_TEXT_MAX];

	for (size_t i = 0; i < child->local_ts_count; i++)
		for (size_t j = 0; j < child->remote_ts_count; j++)
			if (ike_check_is_fixed(&child->local_ts[i]) &&
				ike_check_is_fixed(&child->remote_ts[j]))
				judge_pair(k, child, &child->local_ts[i], &child->remote_ts[j]);
	if (child->mode == IKE_MODE_TRANSPORT) {
		judge_transport(k, child, child->local_ts, child->local_ts_count, "local_ts");
		/* Of whoever calls, or springs a trap, it bounds who that may be. */
		if (!ike_check_takes_anybody(child->connection))
			judge_transport(
				k, child, child->remote_ts, child->remote_ts_count, "remote_ts");
	}
	judge_groups(k, child);
	if (!has_common_family(child)) {
		ike_check_say(k, IKE_CHECK_NO_COMMON_FAMILY, IKE_CHECK_AT_CHILD(child, "remote_ts"),
			"'%s' has no address family in common with its peer", child->name);
		return;
	}
	if (child->connection->version == 1)
		for (size_t i = 0; ike_child_config_remark(child, i, text); i++)
			ike_check_say(k, IKE_CHECK_IKEV1_SELECTORS,
				IKE_CHECK_AT_CHILD(child,
					child->remote_ts_count > 1 ? "remote_ts" : "local_ts"),
				"%s", text);
}

/* ---- Two children ---- */

static bool same_marks(const struct ike_mark *a, const struct ike_mark *b)
{
	return a->value == b->value && a->mask == b->mask;
}

static bool is_drawn(const struct ike_child_config *child)
{
	return ike_if_id_is_drawn(child->if_id_in) || ike_if_id_is_drawn(child->if_id_out) ||
	       child->mark_in.value == IKE_MARK_UNIQUE ||
	       child->mark_in.value == IKE_MARK_UNIQUE_DIR ||
	       child->mark_out.value == IKE_MARK_UNIQUE ||
	       child->mark_out.value == IKE_MARK_UNIQUE_DIR;
}

/* Whether the kernel cannot tell packets of the two apart but by the selectors. */
static bool compete(const struct ike_child_config *a, const struct ike_child_config *b)
{
	const char *of_a = a->interface ? a->interface : "",
		   *of_b = b->interface ? b->interface : "";

	return !is_drawn(a) && !is_drawn(b) && a->policies && b->policies &&
	       a->if_id_in == b->if_id_in && a->if_id_out == b->if_id_out &&
	       same_marks(&a->mark_in, &b->mark_in) && same_marks(&a->mark_out, &b->mark_out) &&
	       strcmp(of_a, of_b) == 0 && a->priority == b->priority;
}

/* Two ways to the same peer of which one is taken at a time. */
static bool are_alternatives(const struct ike_child_config *a, const struct ike_child_config *b)
{
	return a->connection != b->connection &&
	       (a->start_action == IKE_ACTION_NONE || b->start_action == IKE_ACTION_NONE) &&
	       ike_endpoints_equal(&a->connection->remote_addrs, &b->connection->remote_addrs);
}

/* What passes by one of them comes to no tunnel, and to nothing that drops it. A tunnel before what
 * is dropped without it is how nothing gets out in the clear. */
static bool is_never_reached(const struct ike_child_config *a, const struct ike_child_config *b)
{
	return a->priority == 0 && ike_check_kind_of(a) != ike_check_kind_of(b) &&
	       (ike_check_kind_of(a) == IKE_CHECK_PASS || ike_check_kind_of(b) == IKE_CHECK_PASS);
}

/* Whether there is something to be said about the two. */
static bool matters(const struct ike_child_config *a, const struct ike_child_config *b,
	enum ike_check_relation relation)
{
	bool same_kind = ike_check_kind_of(a) == ike_check_kind_of(b);

	if (relation == IKE_CHECK_APART || !compete(a, b) || are_alternatives(a, b))
		return false;
	if (ike_check_is_shunt(a) && same_kind)
		return false; /* what is in both goes the same way */
	if (a->priority == 0 && !same_kind)
		return relation == IKE_CHECK_EQUAL && is_never_reached(a, b);
	/* The longer prefix is taken: that is how exceptions are made. */
	return relation >= IKE_CHECK_CROSSING ||
	       (a->connection == b->connection && !ike_check_is_shunt(a) && !ike_check_is_shunt(b));
}

static void say_relation(
	struct ike_check *k, const struct ike_child_config *a, const struct ike_check_neighbour *n)
{
	const struct ike_child_config *b = n->child;
	const struct ike_check_place *place = IKE_CHECK_AT_CHILD(a, "remote_ts");
	bool same = a->connection == b->connection;
	char local[IKE_SELECTOR_TEXT_MAX], remote[IKE_SELECTOR_TEXT_MAX];
	enum ike_check_code code = IKE_CHECK_SELECTORS_CONTAINED;
	const char *words = "are part of those of", *more = "";

	if (n->relation == IKE_CHECK_EQUAL) {
		code = IKE_CHECK_SELECTORS_TWICE;
		words = "are also those of";
		if (is_never_reached(a, b))
			more = ike_check_kind_of(a) == IKE_CHECK_PASS
				       ? ", which gets nothing: all of it passes by"
				       : ", by which all of it passes: this one gets nothing";
	} else if (n->relation == IKE_CHECK_CROSSING) {
		code = IKE_CHECK_SELECTORS_OVERLAP;
		words = "cross those of";
	} else if (n->relation == IKE_CHECK_B_IN_A) {
		words = "contain those of";
	}
	ike_check_say(k, code, place, "%s === %s of '%s' %s '%s'%s%s%s%s",
		ike_selector_format(n->local, local), ike_selector_format(n->remote, remote),
		a->name, words, b->name, same ? "" : " (connection '",
		same ? "" : b->connection->name, same ? "" : "')", more);
}

void ike_check_child_selectors(struct ike_check *k, const struct ike_child_config *child)
{
	const struct ike_check_areas *areas = &k->areas;

	if (!ike_check_is_shunt(child))
		judge_alone(k, child);
	if (is_drawn(child) || !child->policies)
		return;
	ike_check_areas_find(k, child, matters);
	for (size_t i = 0; i < areas->found_count && i < NEIGHBOURS_SAID; i++)
		say_relation(k, child, &areas->found[i]);
	if (areas->cut && areas->found_count < NEIGHBOURS_SAID)
		ike_check_say(k, IKE_CHECK_SELECTORS_MANY, IKE_CHECK_AT_CHILD(child, "remote_ts"),
			"'%s' meets selectors of so many children that not all were compared",
			child->name);
}
