/* Whether two definitions say the same: a reload of an unchanged file must change nothing. */
#include "libike/model/connection.h"

/* Field by field, so that padding and pointers don't count. */
#define SAME(field) (a->field == b->field)

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_mark(const struct ike_mark *a, const struct ike_mark *b)
{
	return SAME(value) && SAME(mask);
}

static bool same_selectors(
	const struct ike_selector *a, size_t a_count, const struct ike_selector *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (a[i].dynamic != b[i].dynamic || !ike_selector_equal(&a[i], &b[i]))
			return false;
	}
	return true;
}

static bool same_rounds(const struct ike_auth_rounds *a, const struct ike_auth_rounds *b)
{
	if (!SAME(count))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct ike_identity *x = a->items[i].id;
		const struct ike_identity *y = b->items[i].id;

		if (!SAME(items[i].class) || !x != !y || (x && !ike_identity_equal(x, y)))
			return false;
	}
	return true;
}

static bool same_limits(const struct ike_child_config *a, const struct ike_child_config *b)
{
	return SAME(rekey_time) && SAME(life_time) && SAME(rand_time) && SAME(rekey_bytes) &&
	       SAME(life_bytes) && SAME(rand_bytes) && SAME(rekey_packets) && SAME(life_packets) &&
	       SAME(rand_packets) && SAME(inactivity);
}

bool ike_child_config_equal(const struct ike_child_config *a, const struct ike_child_config *b)
{
	return same_text(a->name, b->name) && ike_proposals_equal(&a->proposals, &b->proposals) &&
	       same_selectors(a->local_ts, a->local_ts_count, b->local_ts, b->local_ts_count) &&
	       same_selectors(a->remote_ts, a->remote_ts_count, b->remote_ts, b->remote_ts_count) &&
	       same_limits(a, b) && SAME(mode) && SAME(start_action) && SAME(dpd_action) &&
	       SAME(close_action) && SAME(policies) && SAME(policies_fwd_out) && SAME(sha256_96) &&
	       SAME(ipcomp) && SAME(copy_df) && SAME(copy_ecn) && SAME(copy_dscp_out) &&
	       SAME(copy_dscp_in) && SAME(reqid) && SAME(priority) && SAME(replay_window) &&
	       SAME(tfc_padding) && SAME(mark_in_sa) && same_mark(&a->mark_in, &b->mark_in) &&
	       same_mark(&a->mark_out, &b->mark_out) &&
	       same_mark(&a->set_mark_in, &b->set_mark_in) &&
	       same_mark(&a->set_mark_out, &b->set_mark_out) && SAME(if_id_in) && SAME(if_id_out) &&
	       same_text(a->interface, b->interface) && same_text(a->updown, b->updown) &&
	       SAME(hostaccess);
}

bool ike_connection_equal(const struct ike_connection *a, const struct ike_connection *b)
{
	bool same = same_text(a->name, b->name) && SAME(version) && SAME(encap) && SAME(mobike) &&
		    SAME(aggressive) && SAME(pull) && SAME(send_certreq) && SAME(send_cert) &&
		    SAME(childless) && SAME(fragmentation) && SAME(unique) && SAME(dscp) &&
		    SAME(local_port) && SAME(remote_port) &&
		    ike_endpoints_equal(&a->local_addrs, &b->local_addrs) &&
		    ike_endpoints_equal(&a->remote_addrs, &b->remote_addrs) &&
		    ike_proposals_equal(&a->proposals, &b->proposals) &&
		    same_rounds(&a->local, &b->local) && same_rounds(&a->remote, &b->remote) &&
		    SAME(rekey_time) && SAME(reauth_time) && SAME(over_time) && SAME(rand_time) &&
		    SAME(dpd_delay) && SAME(dpd_timeout) && SAME(keyingtries) &&
		    SAME(retransmit_tries) && SAME(retransmit_timeout) && SAME(retransmit_base) &&
		    SAME(if_id_in) && SAME(if_id_out) && SAME(child_count);

	for (size_t i = 0; same && i < a->child_count; i++)
		same = ike_child_config_equal(a->children[i], b->children[i]);
	return same;
}
