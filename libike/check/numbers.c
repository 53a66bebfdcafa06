/* Lifetimes, interface ids, marks, reqids. */
#include "libike/check/check_priv.h"

#include <inttypes.h>

#define SHORTEST 60 /* seconds */

/* ---- Lifetimes ---- */

static void judge_limits(struct ike_check *k, const struct ike_child_config *child, uint64_t rekey,
	uint64_t life, const char *unit)
{
	char key[32] = "life_time";

	if (unit[0] != 't')
		memcpy(key, unit[0] == 'b' ? "life_bytes" : "life_packets",
			unit[0] == 'b' ? sizeof("life_bytes") : sizeof("life_packets"));
	if (life > 0 && rekey > 0 && life <= rekey)
		ike_check_say(k, IKE_CHECK_LIFE_BEFORE_REKEY, IKE_CHECK_AT_CHILD(child, key),
			"'%s' ends after %" PRIu64 " and is rekeyed after %" PRIu64 " (%s)",
			child->name, life, rekey, unit);
}

static void judge_child_times(struct ike_check *k, const struct ike_child_config *child)
{
	judge_limits(k, child, child->rekey_time, child->life_time, "time in seconds");
	judge_limits(k, child, child->rekey_bytes, child->life_bytes, "bytes");
	judge_limits(k, child, child->rekey_packets, child->life_packets, "packets");
	if (child->rekey_time > 0 && child->rekey_time - child->rand_time < SHORTEST)
		ike_check_say(k, IKE_CHECK_REKEYED_TOO_OFTEN,
			IKE_CHECK_AT_CHILD(
				child, child->rekey_time < SHORTEST ? "rekey_time" : "rand_time"),
			"'%s' is rekeyed after %" PRIu64 " to %" PRIu64 " seconds", child->name,
			child->rekey_time - child->rand_time, child->rekey_time);
	if (child->rekey_time == 0 && child->rekey_bytes == 0 && child->rekey_packets == 0)
		ike_check_say(k, IKE_CHECK_NEVER_REKEYED, IKE_CHECK_AT_CHILD(child, "rekey_time"),
			"'%s' is not rekeyed by us", child->name);
}

static void judge_ike_times(struct ike_check *k, const struct ike_connection *c)
{
	uint64_t first = c->rekey_time;

	if (first == 0 || (c->reauth_time > 0 && c->reauth_time < first))
		first = c->reauth_time;
	if (first == 0)
		ike_check_say(k, IKE_CHECK_NEVER_REKEYED, IKE_CHECK_AT_CONNECTION(c, "rekey_time"),
			"the IKE SA of '%s' is not rekeyed by us", c->name);
	else if (first - c->rand_time < SHORTEST)
		ike_check_say(k, IKE_CHECK_REKEYED_TOO_OFTEN,
			IKE_CHECK_AT_CONNECTION(c, first >= SHORTEST        ? "rand_time"
						   : first == c->rekey_time ? "rekey_time"
									    : "reauth_time"),
			"the IKE SA of '%s' is renewed after %" PRIu64 " to %" PRIu64 " seconds",
			c->name, first - c->rand_time, first);
}

/* ---- Numbers ---- */

static void judge_ids(struct ike_check *k, const struct ike_child_config *child)
{
	if (child->if_id_in != child->if_id_out)
		ike_check_say(k,
			child->if_id_in && child->if_id_out ? IKE_CHECK_IF_IDS_DIFFER
							    : IKE_CHECK_IF_ID_ONE_WAY,
			IKE_CHECK_AT_CHILD(child, child->if_id_out ? "if_id_out" : "if_id_in"),
			"'%s' has if_id_in %" PRIu32 " and if_id_out %" PRIu32, child->name,
			child->if_id_in, child->if_id_out);
	if (!child->mark_in.value != !child->mark_out.value)
		ike_check_say(k, IKE_CHECK_MARK_ONE_WAY,
			IKE_CHECK_AT_CHILD(child, child->mark_in.value ? "mark_in" : "mark_out"),
			"'%s' has %s alone", child->name,
			child->mark_in.value ? "mark_in" : "mark_out");
}

static void judge_reqid(struct ike_check *k, const struct ike_child_config *child)
{
	struct ike_check_entry *entry;
	const struct ike_child_config *other =
		ike_check_entry_first(k, k->reqids, child->reqid, &entry);

	if (other)
		ike_check_say(k, IKE_CHECK_REQID_TWICE, IKE_CHECK_AT_CHILD(child, "reqid"),
			"'%s' and '%s' have reqid %" PRIu32, other->name, child->name,
			child->reqid);
	else
		ike_check_entry_add(k, &k->reqids, child->reqid, child);
}

void ike_check_child_numbers(struct ike_check *k, const struct ike_child_config *child)
{
	if (ike_check_is_shunt(child))
		return;
	judge_child_times(k, child);
	judge_ids(k, child);
	if (child->reqid != 0)
		judge_reqid(k, child);
}

void ike_check_numbers(struct ike_check *k, const struct ike_connection *c)
{
	if (!ike_check_has_no_peer(c))
		judge_ike_times(k, c);
}
