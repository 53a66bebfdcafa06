/*
 * SA_RESOURCE_INFO and TS_MAX_QUEUE (RFC 9611): children for one processor each.
 *
 * The notify says that a child is one of several, and may say which processor of the sender's it is
 * for, which is for the log alone.
 */
#include "libike/ikev2/ikev2.h"

void ike_processors_build(struct ike_builder *b, const struct ike_child *child)
{
	uint8_t room[4];
	struct writer w = writer_of(room, sizeof(room));

	if (!child->per_processor)
		return;
	if (child->one_processor)
		writer_u32(&w, child->processor);
	ike_build_notify(b, IKE_NOTIFY_SA_RESOURCE_INFO, writer_bytes(&w));
}

bool ike_processors_said(const struct ike_received *x)
{
	return ike_message_notify(x->message, IKE_NOTIFY_SA_RESOURCE_INFO) != NULL;
}

void ike_processors_agreed(struct ike_received *x, struct ike_child *child)
{
	if (!child->per_processor || ike_processors_said(x))
		return;
	ike_log(x->e, x->sa, IKE_LOG_CHD, IKE_LOG_INFO,
		"CHILD_SA '%s' takes the packets of all CPUs: the peer has no per-CPU SAs for it",
		child->config->name);
	if (!child->one_processor)
		child->per_processor = false;
}

void ike_processors_log(const struct ike_received *x, const struct ike_child *child)
{
	const struct ike_notify *n = ike_message_notify(x->message, IKE_NOTIFY_SA_RESOURCE_INFO);
	struct reader r = n ? reader_of(n->data) : (struct reader){ .bad = true };
	uint32_t theirs = reader_u32(&r);

	if (!child->one_processor)
		return;
	if (reader_end(&r))
		ike_log(x->e, x->sa, IKE_LOG_CHD, IKE_LOG_INFO,
			"CHILD_SA %s{%u} is for CPU %u, of the peer's for %u", child->config->name,
			child->unique_id, child->processor, theirs);
	else
		ike_log(x->e, x->sa, IKE_LOG_CHD, IKE_LOG_INFO, "CHILD_SA %s{%u} is for CPU %u",
			child->config->name, child->unique_id, child->processor);
}

bool ike_processors_refused(struct ike_received *x, const struct ike_child *child)
{
	const struct ike_notify *n = ike_message_error(x->message);

	if (!child->one_processor || !n ||
		(n->type != IKE_NOTIFY_TS_MAX_QUEUE && n->type != IKE_NOTIFY_NO_ADDITIONAL_SAS))
		return false;
	ike_log(x->e, x->sa, IKE_LOG_CHD, IKE_LOG_INFO,
		"peer wants no further CHILD_SA '%s': CPU %u goes by the common one",
		child->config->name, child->processor);
	for (struct ike_child *c = x->sa->children; c; c = c->next)
		if (c->per_processor && strcmp(c->config->name, child->config->name) == 0)
			c->enough = true;
	return true;
}
