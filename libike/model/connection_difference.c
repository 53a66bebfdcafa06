/*
 * What two definitions say differently, and how each difference takes effect on a running tunnel.
 * One table for both questions: a reload of an unchanged file must change nothing.
 */
#include "libike/model/connection.h"

struct field {
	const char *key; /* of swanctl.conf(5) */
	uint8_t apply;   /* enum ike_apply */
	uint16_t offset;
	uint16_t size;                              /* numbers are compared octet by octet... */
	bool (*same)(const void *a, const void *b); /* ... everything else in its own way */
};

static bool same_text(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	return x == y || (x && y && strcmp(x, y) == 0);
}

static bool same_endpoints(const void *a, const void *b)
{
	return ike_endpoints_equal(a, b);
}

static bool same_proposals(const void *a, const void *b)
{
	return ike_proposals_equal(a, b);
}

static bool same_identity(const struct ike_identity *a, const struct ike_identity *b)
{
	return a == b || (a && b && ike_identity_equal(a, b));
}

static bool same_certificates(struct ike_certificate *const *a, size_t a_count,
	struct ike_certificate *const *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (!ike_certificate_equal(a[i], b[i]))
			return false;
	}
	return true;
}

static bool same_texts(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return true;
}

static bool same_signatures(
	const struct ike_signature_policy *a, const struct ike_signature_policy *b)
{
	return a == b || (a && b && ike_signature_policy_equal(a, b));
}

/* The order of rounds counts, not the numbers that made it. */
static bool same_round(const struct ike_auth_round *a, const struct ike_auth_round *b)
{
	return a->class == b->class && a->eap_method == b->eap_method && a->xauth == b->xauth &&
	       a->revocation == b->revocation && same_identity(a->xauth_id, b->xauth_id) &&
	       same_identity(a->id, b->id) && same_identity(a->eap_id, b->eap_id) &&
	       same_identity(a->aaa_id, b->aaa_id) && same_identity(a->ca_id, b->ca_id) &&
	       same_certificates(a->certs, a->cert_count, b->certs, b->cert_count) &&
	       same_certificates(a->cacerts, a->cacert_count, b->cacerts, b->cacert_count) &&
	       same_texts(a->cert_policies, a->cert_policy_count, b->cert_policies,
		       b->cert_policy_count) &&
	       same_texts(a->groups, a->group_count, b->groups, b->group_count) &&
	       same_signatures(a->signatures, b->signatures);
}

static bool same_rounds(const void *a, const void *b)
{
	const struct ike_auth_rounds *x = a, *y = b;

	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++) {
		if (!same_round(&x->items[i], &y->items[i]))
			return false;
	}
	return true;
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

static bool same_ppk_id(const void *a, const void *b)
{
	const struct ike_identity *const *x = a, *const *y = b;

	return *x && *y ? ike_identity_equal(*x, *y) : *x == *y;
}

/* These take the whole child or connection. */
static bool same_local_ts(const void *a, const void *b)
{
	const struct ike_child_config *x = a, *y = b;

	return same_selectors(x->local_ts, x->local_ts_count, y->local_ts, y->local_ts_count);
}

static bool same_remote_ts(const void *a, const void *b)
{
	const struct ike_child_config *x = a, *y = b;

	return same_selectors(x->remote_ts, x->remote_ts_count, y->remote_ts, y->remote_ts_count);
}

static bool same_vips(const void *a, const void *b)
{
	const struct ike_connection *x = a, *y = b;

	for (size_t i = 0; i < x->vip_count && i < y->vip_count; i++)
		if (!address_same_host(&x->vips[i], &y->vips[i]))
			return false;
	return x->vip_count == y->vip_count;
}

static bool same_pools(const void *a, const void *b)
{
	const struct ike_connection *x = a, *y = b;

	return same_texts(x->pools, x->pool_count, y->pools, y->pool_count);
}

#define OF(type, member) offsetof(struct type, member), sizeof(((struct type *)NULL)->member)

#define C(member, apply)                                                     \
	{                                                                    \
#member, IKE_APPLY_##apply, OF(ike_connection, member), NULL \
	}
#define C_BY(key, member, same, apply)                                   \
	{                                                                \
		key, IKE_APPLY_##apply, OF(ike_connection, member), same \
	}

#define C_WHOLE(key, same, apply)                  \
	{                                          \
		key, IKE_APPLY_##apply, 0, 0, same \
	}

static const struct field connection_fields[] = {
	C(version, REAUTH),
	C_BY("local_addrs", local_addrs, same_endpoints, REAUTH),
	C_BY("remote_addrs", remote_addrs, same_endpoints, REAUTH),
	C(local_port, REAUTH),
	C(remote_port, REAUTH),
	C_BY("proposals", proposals, same_proposals, REKEY),
	C_BY("local", local, same_rounds, REAUTH),
	C_BY("remote", remote, same_rounds, REAUTH),
	C_BY("ppk_id", ppk_id, same_ppk_id, REAUTH),
	C(ppk_required, REAUTH),
	C(encap, REAUTH),
	C(mobike, REAUTH),
	C(aggressive, REAUTH),
	C(pull, REAUTH),
	C(send_certreq, REAUTH),
	C(send_cert, REAUTH),
	C(ocsp, REAUTH),
	C(childless, REAUTH),
	C(fragmentation, REAUTH),
	C(dscp, NOW),
	C(unique, NOW),
	C(dpd_delay, NOW),
	C(dpd_timeout, NOW),
	C(keyingtries, NOW),
	C(retransmit_tries, NOW),
	C(retransmit_timeout, NOW),
	C(retransmit_base, NOW),
	C(rekey_time, REKEY),
	C(reauth_time, REKEY),
	C(over_time, REKEY),
	C(rand_time, REKEY),
	C(if_id_in, REBUILD),
	C(if_id_out, REBUILD),
	C_WHOLE("vips", same_vips, REAUTH),
	C_WHOLE("pools", same_pools, REAUTH),
};

#define CH(member, apply)                                                      \
	{                                                                      \
#member, IKE_APPLY_##apply, OF(ike_child_config, member), NULL \
	}
#define CH_BY(key, member, same, apply)                                    \
	{                                                                  \
		key, IKE_APPLY_##apply, OF(ike_child_config, member), same \
	}
#define CH_WHOLE(key, same, apply)                 \
	{                                          \
		key, IKE_APPLY_##apply, 0, 0, same \
	}

/* What the kernel's policies, or the SAs' names there, are made of cannot change under a child. */
static const struct field child_fields[] = {
	CH_BY("esp_proposals", proposals, same_proposals, REKEY),
	CH_WHOLE("local_ts", same_local_ts, REBUILD),
	CH_WHOLE("remote_ts", same_remote_ts, REBUILD),
	CH(mode, REBUILD),
	CH(start_action, NOW),
	CH(dpd_action, NOW),
	CH(close_action, NOW),
	CH(inactivity, NOW),
	CH_BY("updown", updown, same_text, NOW),
	CH(hostaccess, NOW),
	CH(policies, REBUILD),
	CH(policies_fwd_out, REBUILD),
	CH(priority, REBUILD),
	CH_BY("interface", interface, same_text, REBUILD),
	CH_BY("tunnel_interface", tunnel_interface, same_text, REKEY),
	CH(reqid, REBUILD),
	CH(mark_in, REBUILD),
	CH(mark_out, REBUILD),
	CH(mark_in_sa, REBUILD),
	CH(if_id_in, REBUILD),
	CH(if_id_out, REBUILD),
	CH(set_mark_in, REKEY),
	CH(set_mark_out, REKEY),
	CH(rekey_time, REKEY),
	CH(life_time, REKEY),
	CH(rand_time, REKEY),
	CH(rekey_bytes, REKEY),
	CH(life_bytes, REKEY),
	CH(rand_bytes, REKEY),
	CH(rekey_packets, REKEY),
	CH(life_packets, REKEY),
	CH(rand_packets, REKEY),
	CH(sha256_96, REKEY),
	CH(hw_offload, REBUILD),
	CH(ipcomp, REKEY),
	CH(per_cpu_sas, REBUILD),
	CH(copy_df, REKEY),
	CH(copy_ecn, REKEY),
	CH(copy_dscp_out, REKEY),
	CH(copy_dscp_in, REKEY),
	CH(replay_window, REKEY),
	CH(tfc_padding, REKEY),
};

static bool same_field(const struct field *f, const void *a, const void *b)
{
	const char *x = (const char *)a + f->offset, *y = (const char *)b + f->offset;

	return f->same ? f->same(x, y) : memcmp(x, y, f->size) == 0;
}

static void compare_children(const struct ike_connection *a, const struct ike_connection *b,
	ike_difference_visit *visit, void *context)
{
	for (size_t i = 0; i < a->child_count; i++)
		if (!ike_connection_child(b, a->children[i]->name))
			visit(context, a->children[i], NULL, IKE_APPLY_REMOVED);
	for (size_t i = 0; i < b->child_count; i++) {
		const struct ike_child_config *new = b->children[i];
		const struct ike_child_config *old = ike_connection_child(a, new->name);

		if (old)
			ike_child_config_compare(old, new, visit, context);
		else
			visit(context, new, NULL, IKE_APPLY_ADDED);
	}
}

void ike_child_config_compare(const struct ike_child_config *a, const struct ike_child_config *b,
	ike_difference_visit *visit, void *context)
{
	for (size_t i = 0; i < sizeof(child_fields) / sizeof(*child_fields); i++)
		if (!same_field(&child_fields[i], a, b))
			visit(context, b, child_fields[i].key,
				(enum ike_apply)child_fields[i].apply);
}

/* Which child a peer gets when several fit depends on their order. */
static bool same_order(const struct ike_connection *a, const struct ike_connection *b)
{
	for (size_t i = 0; i < a->child_count && i < b->child_count; i++)
		if (strcmp(a->children[i]->name, b->children[i]->name) != 0)
			return false;
	return true;
}

void ike_connection_compare(const struct ike_connection *a, const struct ike_connection *b,
	ike_difference_visit *visit, void *context)
{
	for (size_t i = 0; i < sizeof(connection_fields) / sizeof(*connection_fields); i++)
		if (!same_field(&connection_fields[i], a, b))
			visit(context, NULL, connection_fields[i].key,
				(enum ike_apply)connection_fields[i].apply);
	if (a->child_count == b->child_count && !same_order(a, b))
		visit(context, NULL, "the order of children", IKE_APPLY_NOW);
	compare_children(a, b, visit, context);
}

static void note(
	void *context, const struct ike_child_config *child, const char *key, enum ike_apply apply)
{
	(void)child, (void)key, (void)apply;
	*(bool *)context = true;
}

bool ike_connection_equal(const struct ike_connection *a, const struct ike_connection *b)
{
	bool differs = strcmp(a->name, b->name) != 0;

	ike_connection_compare(a, b, note, &differs);
	return !differs;
}
