/* Quick Mode, initiator: new children and rekeyings (RFC 2409 5.5). */
#include "libike/ikev1/quick.h"
#include "libike/supervisor.h"

/* ---- Message 1 ---- */

static bool prepare(struct ike_engine *e, struct ikev1_exchange *exchange, struct ike_child *child,
	struct ike_failure *failure)
{
	struct ikev1_quick *quick;
	struct why why;

	if (!ikev1_quick_new(e, exchange)) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return false;
	}
	quick = exchange->quick;
	quick->group = ike_proposals_first_group(&child->config->proposals);
	if (quick->group) {
		quick->key_exchange = ike_key_exchange_new(e->crypto, quick->group);
		if (!quick->key_exchange) {
			ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
				"key exchange method %u is not available in this OpenSSL",
				quick->group);
			return false;
		}
	}
	if (child->spi_in || ike_child_allocate_spi(
				     e, child, child->config->proposals.items[0].protocol, &why)) {
		if (ike_child_may_compress(e, child->sa, child->config))
			ike_child_allocate_cpi(e, child);
		return true;
	}
	ike_failure_set(
		failure, IKE_REASON_KERNEL, NULL, NULL, "no SPI from the kernel: %s", why.text);
	return false;
}

static bool send_1(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange,
	const struct ike_child *child, const struct ike_child_selectors *pair)
{
	const struct ike_child_config *config = child->config;
	const struct ikev1_quick *quick = exchange->quick;
	struct isakmp_offer offers[ISAKMP_OFFERS_MAX];
	size_t count = isakmp_offers_of(&config->proposals, 2, offers, ISAKMP_OFFERS_MAX);
	struct bytes none = { 0 };
	struct ike_builder b;
	uint8_t spi[4];

	ike_builder_start(e, &b);
	size_t mark = ikev1_hash_open(sa, &b);
	isakmp_build_sa(&b, offers, count, ikev1_spi_octets(child->spi_in, spi),
		&(struct isakmp_said){ .encapsulation = ikev1_nat_encapsulation(sa, config->mode),
			.cpi = child->cpi_in,
			.life_seconds = config->life_time,
			.life_kilobytes = ikev1_quick_kilobytes(config) });
	isakmp_build_nonce(&b, bytes_of(quick->nonce, sizeof(quick->nonce)));
	if (quick->key_exchange)
		isakmp_build_ke(&b, ike_key_exchange_public(quick->key_exchange));
	isakmp_build_id_selector(&b, &pair->local[0]);
	isakmp_build_id_selector(&b, &pair->remote[0]);
	ikev1_nat_build_oa(e, sa, config->mode, true, &b);
	exchange->step = IKEV1_QUICK_2;
	return ikev1_send_hashed(e, sa, exchange, &b, mark, 1, none, none, IKEV1_SEND_AGAIN);
}

/* IKEv1 has no numbers for some groups and algorithms, and all proposals have the group of the
 * first. */
static bool can_be_said(const struct ike_child_config *config, struct ike_failure *failure)
{
	char ours[IKE_PROPOSAL_TEXT_MAX];
	struct isakmp_offer any;

	if (isakmp_offers_of(&config->proposals, 2, &any, 1) > 0)
		return true;
	ike_failure_set(failure, IKE_REASON_UNSUPPORTED,
		ike_proposals_format(config->proposals.items, config->proposals.count, ours), NULL,
		"IKEv1 has no numbers for the proposals of CHILD_SA '%s', or for the key exchange "
		"method of the first of them",
		config->name);
	return false;
}

static bool is_possible(const struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_task *task, struct ike_child_selectors *ret_pair,
	struct ike_failure *failure)
{
	const struct ike_child_config *config = task->child->config;

	if (config->mode != IKE_MODE_TUNNEL && config->mode != IKE_MODE_TRANSPORT) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"CHILD_SA '%s': IKEv1 has tunnel and transport mode alone", config->name);
		return false;
	}
	if (!can_be_said(config, failure))
		return false;
	if (!ikev1_quick_offered(e, sa, task, ret_pair)) {
		ike_child_fail_selectors(failure, sa, config, NULL,
			"no local and remote traffic selector of one address family");
		return false;
	}
	if (!ike_selector_is_opaque(&ret_pair->local[0]) &&
		!ike_selector_is_opaque(&ret_pair->remote[0]))
		return true;
	ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
		"CHILD_SA '%s': IKEv1 has no word for opaque ports", config->name);
	return false;
}

static bool make_child(struct ike_engine *e, struct ike_task *task)
{
	const struct ike_child *old = task->replaces;

	if (task->child)
		return true;
	if (old)
		task->child = ike_child_new(e, old->sa, old->config, old);
	return task->child != NULL;
}

bool ikev1_quick_start(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	struct ike_child_selectors pair;
	struct ikev1_exchange *exchange;

	if (!make_child(e, task) || !is_possible(e, sa, task, &pair, failure))
		return false;
	exchange = ikev1_exchange_new(e, sa, ISAKMP_EXCHANGE_QUICK, true, 0);
	if (!exchange)
		return false;
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
		task->replaces ? "establishing CHILD_SA %s{%u} reqid %u"
			       : "establishing CHILD_SA %s{%u}",
		task->child->config->name, task->child->unique_id, task->child->reqid);
	if (!prepare(e, exchange, task->child, failure) ||
		!send_1(e, sa, exchange, task->child, &pair)) {
		ikev1_exchange_done(e, sa, exchange);
		return false;
	}
	if (task->replaces)
		ike_child_set_state(e, task->replaces, IKE_CHILD_REKEYING);
	return true;
}

/* ---- Message 2 ---- */

static bool accept_proposal(
	struct ikev1_received *x, struct ike_child *child, struct ike_failure *failure)
{
	struct isakmp_offer answer;
	uint8_t mode;

	if (!isakmp_offer_accepts(
		    &child->config->proposals, &x->message->sa, 2, child->cpi_in != 0, &answer) ||
		answer.suite.protocol != child->suite.protocol ||
		answer.suite.group != x->exchange->quick->group ||
		!ikev1_spi_value(answer.spi, &child->spi_out)) {
		ikev1_quick_fail_proposals(failure, child->config, &x->message->sa,
			"peer chose a proposal that we did not offer");
		failure->reason = IKE_REASON_PROTOCOL;
		return false;
	}
	if (!ikev1_nat_mode(x->sa, answer.encapsulation, &mode) || mode != child->config->mode) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer chose another encapsulation mode (%u) for CHILD_SA '%s' than we "
			"offered",
			answer.encapsulation, child->config->name);
		return false;
	}
	if (answer.cpi)
		child->cpi_out = answer.cpi;
	else
		ike_child_release_cpi(x->e, child);
	child->suite = answer.suite;
	child->mode = mode;
	ikev1_quick_limit(x->e, child, answer.life_seconds, answer.life_kilobytes);
	return true;
}

static bool accept_key_exchange(struct ikev1_received *x, const struct ike_child *child,
	struct secret *ret_shared, struct ike_failure *failure)
{
	struct ikev1_quick *quick = x->exchange->quick;

	if (!quick->key_exchange)
		return true;
	if (ISAKMP_HAS(x->message, KE) &&
		ike_key_exchange_derive(quick->key_exchange, x->message->ke, ret_shared))
		return true;
	ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"key exchange for CHILD_SA '%s' failed: the peer's public value is %s",
		child->config->name, ISAKMP_HAS(x->message, KE) ? "not valid" : "missing");
	return false;
}

static void read_lifetime(struct ikev1_received *x, struct ike_child *child)
{
	const struct isakmp_notify *n =
		isakmp_message_notify(x->message, ISAKMP_NOTIFY_RESPONDER_LIFETIME);
	uint64_t seconds, kilobytes;

	if (!n)
		return;
	ikev1_quick_read_lifetime(n->data, &seconds, &kilobytes);
	ikev1_quick_limit(x->e, child, seconds, kilobytes);
}

static bool was_deleted(const struct ike_task *task, struct ike_failure *failure)
{
	if (!task->spi || task->spi != task->child->spi_out)
		return false;
	ike_failure_set(failure, IKE_REASON_DELETED_BY_PEER, NULL, NULL,
		"peer deleted CHILD_SA '%s' at once", task->child->config->name);
	return true;
}

static bool agree(struct ikev1_received *x, struct ike_task *task, struct secret *ret_shared,
	struct ike_failure *failure)
{
	struct ike_child *child = task->child;

	if (!ikev1_quick_keep_nonce(x)) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer's nonce for CHILD_SA '%s' is too short or too long",
			child->config->name);
		return false;
	}
	if (!accept_proposal(x, child, failure) ||
		!accept_key_exchange(x, child, ret_shared, failure) ||
		!ikev1_quick_answered(x, task, child, failure) || was_deleted(task, failure))
		return false;
	read_lifetime(x, child);
	return true;
}

static void send_3(struct ikev1_received *x)
{
	const struct ike_child_secrets s = ikev1_quick_secrets(x->exchange, (struct bytes){ 0 });
	struct ike_builder b;

	ike_builder_start(x->e, &b);
	size_t mark = ikev1_hash_open(x->sa, &b);
	if (!ikev1_send_hashed(
		    x->e, x->sa, x->exchange, &b, mark, 3, s.nonce_i, s.nonce_r, IKEV1_SEND_KEEP))
		ike_log_noise(x->e, x->sa, IKE_LOG_IKE, "no memory for message 3 of Quick Mode");
}

/* The peer waits for message 3, which does not come. */
static void tell_why(
	struct ikev1_received *x, const struct ike_child *child, const struct ike_failure *failure)
{
	uint16_t type = failure->reason == IKE_REASON_NO_SELECTORS
				? ISAKMP_NOTIFY_INVALID_ID_INFORMATION
				: ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN;
	uint8_t spi[4];

	if (failure->reason != IKE_REASON_DELETED_BY_PEER)
		ikev1_inform_notify(x->e, x->sa, child->suite.protocol, type,
			ikev1_spi_octets(child->spi_out, spi), (struct bytes){ 0 });
}

/* The peer's own of the same child is up: ours is not needed. */
static void yield(struct ikev1_received *x, struct ike_task *task)
{
	struct ike_child *child = task->child;

	task->child = NULL;
	ikev1_inform_notify(x->e, x->sa, child->suite.protocol, IKEV1_NOTIFY_NO_ADDITIONAL_SAS,
		(struct bytes){ 0 }, (struct bytes){ 0 });
	ike_child_destroy(x->e, child, IKE_REASON_REPLACED);
	ike_task_finish(x->e, task, true, NULL);
}

enum ikev1_outcome ikev1_quick_2(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_task *task = sa->active;
	struct ike_failure failure = { 0 };
	AUTO_SECRET shared = { 0 };

	if (!task || ikev1_exchange_own(sa) != x->exchange)
		return IKEV1_IGNORE;
	x->exchange->quick->commit = x->message->header.flags & ISAKMP_FLAG_COMMIT;
	ike_request_answered(x->e, sa);
	sa->active = NULL;
	if (!task->child) { /* ended meanwhile */
		ike_task_finish(x->e, task, false, "CHILD_SA ended");
	} else if (ike_twins_made_by_peer(sa, task)) {
		yield(x, task);
	} else if (agree(x, task, &shared, &failure) &&
		   ikev1_quick_install(x, task, secret_bytes(&shared), &failure)) {
		send_3(x);
		ike_task_finish(x->e, task, true, NULL);
	} else {
		tell_why(x, task->child, &failure);
		ikev1_quick_finish(x->e, sa, task, &failure);
	}
	ikev1_exchange_done(x->e, sa, x->exchange);
	ikev1_handovers_decided(x->e, sa);
	ike_failure_free(&failure);
	return IKEV1_OK;
}

/* ---- Rekeying ---- */

void ikev1_rekey_child(struct ike_engine *e, struct ike_child *child)
{
	struct ike_sa *sa = child->sa;
	struct ike_task *task;

	if (child->state != IKE_CHILD_INSTALLED || child->handover ||
		sa->state == IKE_SA_DELETING || ike_task_of_child(sa, IKE_TASK_REKEY_CHILD, child))
		return;
	task = ike_task_queue(sa, IKE_TASK_REKEY_CHILD, NULL, 0);
	if (task)
		task->replaces = child;
	else
		ike_child_rekey_later(e, child);
}

/* ---- It did not work ---- */

/* The old child is what there is; if the peer deleted it meanwhile, it meant that. */
static void let_go(struct ike_engine *e, struct ike_task *task)
{
	struct ike_child *old = task->replaces;

	if (!old || old->state != IKE_CHILD_DELETED)
		return;
	task->replaces = NULL;
	if (old->announced)
		ike_child_destroy(e, old, IKE_REASON_DELETED_BY_PEER);
}

void ikev1_quick_finish(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	char text[1800];

	let_go(e, task);
	task->reason = (uint8_t)failure->reason;
	ike_log_child_failure(e, sa, sa->connection, task->child->config->name, failure);
	ike_task_finish(e, task, false, ike_failure_format(failure, text, sizeof(text)));
}

/* A child of that definition that is up: its algorithms were good enough for the peer once. */
static bool was_accepted(const struct ike_sa *sa, const struct ike_child_config *config)
{
	for (const struct ike_child *child = sa->children; child; child = child->next)
		if (child->config == config && child->installed_out)
			return true;
	return false;
}

static void fail_refused(const struct ike_sa *sa, const struct ike_child_config *config,
	uint16_t type, struct ike_failure *failure)
{
	char text[IKE_NUMBER_TEXT_MAX];

	if (type == ISAKMP_NOTIFY_INVALID_ID_INFORMATION)
		ike_child_fail_selectors(failure, sa, config, NULL,
			"peer does not accept our traffic selectors (INVALID_ID_INFORMATION)");
	else if (type == ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN && !was_accepted(sa, config))
		ikev1_quick_fail_proposals(failure, config, NULL,
			"peer accepts none of our proposals (NO_PROPOSAL_CHOSEN)");
	else if (type == IKEV1_NOTIFY_NO_ADDITIONAL_SAS)
		ike_failure_set(failure, IKE_REASON_REFUSED_BY_PEER, NULL, NULL,
			"peer refused CHILD_SA '%s': it has, or makes, that one itself",
			config->name);
	else
		ike_failure_set(failure, ikev1_notify_reason(type), NULL, NULL,
			"peer refused CHILD_SA '%s' with %s", config->name,
			isakmp_notify_format(type, text));
	failure->notify = type;
}

/* Whether an error notify is about the Quick Mode of ours that is in flight. */
static bool is_meant(const struct ikev1_received *x, const struct ikev1_exchange *own,
	const struct ike_child *child, const struct isakmp_notify *n)
{
	uint32_t spi;

	if (x->message->header.message_id == own->message_id)
		return true;
	/* The SPI should be ours, that of our offer; or nothing tells what else could be meant. */
	return n->spi.length != 4 || (ikev1_spi_value(n->spi, &spi) && spi == child->spi_in);
}

bool ikev1_quick_refused(struct ikev1_received *x, const struct isakmp_notify *n)
{
	struct ike_sa *sa = x->sa;
	struct ike_task *task = sa->active;
	struct ikev1_exchange *own = ikev1_exchange_own(sa);
	struct ike_failure failure = { 0 };

	if (!own || own->step != IKEV1_QUICK_2 || !task->child || !is_meant(x, own, task->child, n))
		return false;
	ike_request_answered(x->e, sa);
	ikev1_exchange_done(x->e, sa, own);
	sa->active = NULL;
	if (ike_twins_made_by_peer(sa, task)) {
		struct ike_child *child = task->child;

		task->child = NULL;
		ike_child_destroy(x->e, child, IKE_REASON_REPLACED);
		ike_task_finish(x->e, task, true, NULL);
	} else if (ike_twins_ask_again(sa, task, true)) {
		task->next = sa->tasks;
		sa->tasks = task;
	} else {
		fail_refused(sa, task->child->config, n->type, &failure);
		ikev1_quick_finish(x->e, sa, task, &failure);
	}
	ikev1_handovers_decided(x->e, sa);
	ike_failure_free(&failure);
	return true;
}
