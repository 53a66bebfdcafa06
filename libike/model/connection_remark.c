/* What a definition asks for and does not get: its version of IKE has no words for it, or we do not
 * have it. */
#include "libike/model/connection.h"

#include <stdio.h>

/* The first pair of one family, where `dynamic` can become either; IKEv1 offers that one alone. */
static bool first_pair(const struct ike_child_config *child, size_t *ret_local, size_t *ret_remote)
{
	for (size_t i = 0; i < child->local_ts_count; i++)
		for (size_t j = 0; j < child->remote_ts_count; j++) {
			uint8_t a = child->local_ts[i].family, b = child->remote_ts[j].family;

			if (a && b && a != b)
				continue;
			*ret_local = i;
			*ret_remote = j;
			return true;
		}
	return false;
}

/* All but one, joined with commas; cut to fit. */
static void list_others(const struct ike_selector *list, size_t count, size_t but, const char *key,
	char *text, size_t size)
{
	char one[IKE_SELECTOR_TEXT_MAX];
	size_t used = strlen(text);

	for (size_t i = 0; i < count && used < size; i++)
		if (i != but)
			used += (size_t)snprintf(text + used, size - used, "%s%s %s",
				used > 0 ? ", " : "", key, ike_selector_format(&list[i], one));
}

static void say_pairs(const struct ike_child_config *child, size_t local, size_t remote, char *text)
{
	char others[300] = "", one[IKE_SELECTOR_TEXT_MAX], other[IKE_SELECTOR_TEXT_MAX];

	list_others(
		child->local_ts, child->local_ts_count, local, "local_ts", others, sizeof(others));
	list_others(child->remote_ts, child->remote_ts_count, remote, "remote_ts", others,
		sizeof(others));
	snprintf(text, IKE_REMARK_TEXT_MAX,
		"IKEv1 has one pair of traffic selectors for a CHILD_SA: as initiator '%s' offers "
		"%s === %s alone, and does not cover %s; configure a child of its own for each "
		"further pair",
		child->name, ike_selector_format(&child->local_ts[local], one),
		ike_selector_format(&child->remote_ts[remote], other), others);
}

static bool is_range(const struct ike_selector *s)
{
	return s->port_from < s->port_to && !ike_selector_is_any_port(s);
}

static bool say_port(const struct ike_child_config *child, const struct ike_selector *s, char *text)
{
	char one[IKE_SELECTOR_TEXT_MAX];

	ike_selector_format(s, one);
	if (ike_selector_is_opaque(s))
		snprintf(text, IKE_REMARK_TEXT_MAX,
			"IKEv1 has no word for opaque ports: '%s' cannot come up with %s",
			child->name, one);
	else if (is_range(s))
		snprintf(text, IKE_REMARK_TEXT_MAX,
			"IKEv1 has no word for a range of ports: as initiator '%s' offers port "
			"%u alone of %s; configure a child of its own for each port, or all ports",
			child->name, s->port_from, one);
	else
		return false;
	return true;
}

static bool say_per_cpu(const struct ike_child_config *child, char *text)
{
	if (child->per_cpu_sas == IKE_PER_CPU_NO)
		return false;
	if (child->connection->version == 1)
		snprintf(text, IKE_REMARK_TEXT_MAX,
			"per_cpu_sas of '%s' has no effect: IKEv1 has no word for it", child->name);
	else if (!(child->start_action & IKE_ACTION_TRAP))
		snprintf(text, IKE_REMARK_TEXT_MAX,
			"per_cpu_sas of '%s' without trap in start_action: only the peer makes SAs "
			"for further CPUs",
			child->name);
	else
		return false;
	return true;
}

bool ike_child_config_remark(
	const struct ike_child_config *child, size_t index, char text[IKE_REMARK_TEXT_MAX])
{
	const struct ike_connection *c = child->connection;
	size_t local, remote;

	if (say_per_cpu(child, text) && index-- == 0)
		return true;
	/* As with strongSwan: it comes up, and there is no policy. */
	if (!first_pair(child, &local, &remote)) {
		snprintf(text, IKE_REMARK_TEXT_MAX,
			"'%s' carries no packet: its local_ts and remote_ts have no address family "
			"in common",
			child->name);
		return index == 0;
	}
	if (c->version != 1 ||
		(child->mode != IKE_MODE_TUNNEL && child->mode != IKE_MODE_TRANSPORT))
		return false;
	/* A gateway that gives addresses does not initiate. */
	if (child->local_ts_count + child->remote_ts_count > 2 && c->pool_count == 0 &&
		index-- == 0) {
		say_pairs(child, local, remote, text);
		return true;
	}
	if (say_port(child, &child->local_ts[local], text) && index-- == 0)
		return true;
	return say_port(child, &child->remote_ts[remote], text) && index == 0;
}
