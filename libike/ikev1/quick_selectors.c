/*
 * Quick Mode: the pair of selectors of a child (RFC 2407 4.6.2): said, narrowed, answered.
 *
 * RFC 2409 has no narrowing; strongSwan does it as in IKEv2, and so do we: a responder answers with
 * what both allow, an initiator takes what is within its offer. Cisco Unity's peers say 0.0.0.0/0
 * for what several networks are meant by (unity.h).
 */
#include "libike/ikev1/quick.h"
#include "libike/ikev1/unity.h"

bool ikev1_quick_read_pair(
	const struct ikev1_received *x, bool we_initiated, struct ikev1_pair *ret)
{
	const struct isakmp_message *m = x->message;
	struct ike_child_selectors *said = &ret->said;
	struct ike_selector *first = we_initiated ? said->local : said->remote;
	struct ike_selector *second = we_initiated ? said->remote : said->local;

	said->local_count = said->remote_count = 1;
	said->local[0] = ike_selector_of_host(&x->sa->local);
	said->remote[0] = ike_selector_of_host(&x->sa->remote);
	if (m->id_count != 0 && (m->id_count != 2 || !isakmp_id_to_selector(&m->ids[0], first) ||
					!isakmp_id_to_selector(&m->ids[1], second)))
		return false;
	ret->seen = *said;
	ike_child_see_through_nat(
		x->sa, IKE_MODE_TRANSPORT, ret->seen.local, 1, ike_children_local(x->sa));
	ike_child_see_through_nat(
		x->sa, IKE_MODE_TRANSPORT, ret->seen.remote, 1, ike_children_remote(x->sa));
	return true;
}

/* ---- Initiator ---- */

static bool first_pair(const struct ike_sa *sa, const struct ike_child_config *config,
	struct ike_child_selectors *ret)
{
	struct ike_selector local[IKE_CHILD_SELECTORS_MAX], remote[IKE_CHILD_SELECTORS_MAX];
	size_t ours = ike_child_config_selectors(sa, config, true, local, IKE_CHILD_SELECTORS_MAX);
	size_t theirs =
		ike_child_config_selectors(sa, config, false, remote, IKE_CHILD_SELECTORS_MAX);

	ret->local_count = ret->remote_count = 1;
	for (size_t i = 0; i < ours; i++)
		for (size_t j = 0; j < theirs; j++) {
			if (local[i].family != remote[j].family)
				continue;
			ret->local[0] = local[i];
			ret->remote[0] = remote[j];
			return true;
		}
	return false;
}

bool ikev1_quick_offered(const struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_task *task, struct ike_child_selectors *ret)
{
	const struct ike_child *old = task->replaces;

	/* What is rekeyed keeps its own, except in transport mode, where the peer may see other
	 * addresses than we do. */
	if (old && old->mode != IKE_MODE_TRANSPORT && old->local_count > 0 &&
		old->remote_count > 0) {
		ret->local_count = ret->remote_count = 1;
		ret->local[0] = ike_child_local(old)[0];
		ret->remote[0] = ike_child_remote(old)[0];
	} else if (!first_pair(sa, task->child->config, ret)) {
		return false;
	}
	ikev1_unity_offer(e, sa, task->child->config, old, ret);
	return true;
}

/* The peer has to repeat ours; some, strongSwan for one, answer with what is left of them. */
static bool is_within(const struct ikev1_received *x, const struct ike_child_selectors *offered,
	const struct ike_child_selectors *theirs)
{
	if (x->message->id_count == 0)
		return ike_selector_equal(&offered->local[0], &theirs->local[0]) &&
		       ike_selector_equal(&offered->remote[0], &theirs->remote[0]);
	return ike_selector_contains(&offered->local[0], &theirs->local[0]) &&
	       ike_selector_contains(&offered->remote[0], &theirs->remote[0]);
}

static void log_narrowed(const struct ikev1_received *x, const struct ike_child_config *config,
	const char *by, const struct ike_child_selectors *from,
	const struct ike_child_selectors *to)
{
	char before[512], after[1100];

	if (ike_selector_equal(&from->local[0], &to->local[0]) &&
		ike_selector_equal(&from->remote[0], &to->remote[0]))
		return;
	ike_child_selectors_describe(from->local, 1, from->remote, 1, before, sizeof(before));
	ike_child_selectors_describe(
		to->local, to->local_count, to->remote, to->remote_count, after, sizeof(after));
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"%s narrowed the traffic selectors of CHILD_SA '%s' from %s to %s", by,
		config->name, before, after);
}

bool ikev1_quick_answered(struct ikev1_received *x, const struct ike_task *task,
	struct ike_child *child, struct ike_failure *failure)
{
	struct ike_child_selectors offered, agreed;
	struct ikev1_pair pair;

	if (!ikev1_quick_read_pair(x, true, &pair) ||
		!ikev1_quick_offered(x->e, x->sa, task, &offered)) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer answered with identities that are no traffic selectors for CHILD_SA "
			"'%s'",
			child->config->name);
		return false;
	}
	agreed = child->mode == IKE_MODE_TRANSPORT && !is_within(x, &offered, &pair.said)
			 ? pair.seen
			 : pair.said;
	if (!is_within(x, &offered, &agreed)) {
		ike_child_fail_selectors(failure, x->sa, child->config, &pair.said,
			"peer answered with traffic selectors outside of ours");
		return false;
	}
	log_narrowed(x, child->config, "peer", &offered, &agreed);
	child->says_all = ikev1_unity_stands(x->e, x->sa, child->config, &offered);
	if (child->says_all && !ikev1_unity_expand(x->sa, child->config, &pair.said, &agreed)) {
		ike_child_fail_selectors(failure, x->sa, child->config, NULL,
			"none of the networks that the gateway names (UNITY_SPLIT_INCLUDE) is "
			"within our traffic selectors");
		return false;
	}
	return ike_child_set_selectors(
		child, agreed.local, agreed.local_count, agreed.remote, agreed.remote_count);
}

/* ---- Responder ---- */

/* Of a range of ports the first, as an initiator says it. */
static bool make_sayable(struct ike_selector *s)
{
	if (ike_selector_is_opaque(s))
		return false;
	if (!ike_selector_is_any_port(s))
		s->port_to = s->port_from;
	return true;
}

/* In the peer's words: in transport mode it may see other addresses than we do. */
static struct ike_selector as_said(const struct ike_selector *agreed,
	const struct ike_selector *said, const struct ike_selector *seen)
{
	struct ike_selector answer = *agreed;

	if (memcmp(agreed->from, seen->from, sizeof(seen->from)) == 0 &&
		memcmp(agreed->to, seen->to, sizeof(seen->to)) == 0) {
		memcpy(answer.from, said->from, sizeof(answer.from));
		memcpy(answer.to, said->to, sizeof(answer.to));
	}
	return answer;
}

const struct ike_child_config *ikev1_quick_choose(
	const struct ikev1_received *x, const struct ikev1_pair *theirs, struct ikev1_choice *ret)
{
	const struct ike_child_config *config =
		ike_child_choose_config(x->sa, &theirs->said, &theirs->seen, &ret->agreed);

	if (!config)
		return NULL;
	const struct ike_child_selectors *seen =
		config->mode == IKE_MODE_TRANSPORT ? &theirs->seen : &theirs->said;
	ret->agreed.local_count = ret->agreed.remote_count = 1;
	if (!make_sayable(&ret->agreed.local[0]) || !make_sayable(&ret->agreed.remote[0]))
		return NULL;
	ret->says_all = ikev1_unity_stands(x->e, x->sa, config, &theirs->said);
	if (ret->says_all && !ikev1_unity_expand(x->sa, config, &theirs->said, &ret->agreed))
		return NULL;
	ret->local = as_said(&ret->agreed.local[0], &theirs->said.local[0], &seen->local[0]);
	ret->remote = as_said(&ret->agreed.remote[0], &theirs->said.remote[0], &seen->remote[0]);
	if (ret->says_all)
		ikev1_unity_answer(x->sa, &theirs->said, ret);
	/* Without identities in message 1 there are none in message 2. */
	if (x->message->id_count == 0 &&
		(!ike_selector_equal(&ret->local, &theirs->said.local[0]) ||
			!ike_selector_equal(&ret->remote, &theirs->said.remote[0])))
		return NULL;
	log_narrowed(x, config, "we", seen, &ret->agreed);
	return config;
}

static void build_id(struct ike_builder *b, const struct isakmp_id *theirs,
	const struct ike_selector *said, const struct ike_selector *answer)
{
	if (!ike_selector_equal(said, answer)) {
		isakmp_build_id_selector(b, answer);
		return;
	}
	size_t mark = ike_build_open(b, ISAKMP_PAYLOAD_ID);
	writer_put(&b->writer, theirs->body);
	ike_build_close(b, mark);
}

void ikev1_quick_build_answer(
	const struct ikev1_received *x, const struct ikev1_choice *choice, struct ike_builder *b)
{
	struct ikev1_pair theirs;

	if (x->message->id_count == 0 || !ikev1_quick_read_pair(x, false, &theirs))
		return;
	build_id(b, &x->message->ids[0], &theirs.said.remote[0], &choice->remote);
	build_id(b, &x->message->ids[1], &theirs.said.local[0], &choice->local);
}
