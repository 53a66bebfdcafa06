/*
 * Negotiating a child SA: what IKE_AUTH and CREATE_CHILD_SA have in common (RFC
 * 7296 1.2, 1.3.1, 2.9).
 *
 * Selectors on the wire are the initiator's and the responder's; inside they are ours and theirs.
 */
#include "libike/ikev2/ikev2.h"
#include "libike/processors.h"
#include "libike/supervisor.h"

#include <stdlib.h>

#define PROPOSALS_MAX 32
static uint8_t protocol_of(const struct ike_child_config *config)
{
	return config->proposals.items[0].protocol;
}

static struct bytes spi_octets(uint32_t spi, uint8_t room[4])
{
	struct writer w = writer_of(room, 4);

	writer_u32(&w, spi);
	return writer_bytes(&w);
}

static bool spi_value(struct bytes octets, uint32_t *ret)
{
	struct reader r = reader_of(octets);
	uint32_t spi = reader_u32(&r);

	if (!reader_end(&r) || spi < 256) /* RFC 4303 2.1: reserved */
		return false;
	*ret = spi;
	return true;
}

/* Linux takes padding for traffic flow confidentiality out of inner packets alone, whose length it
 * knows; in transport mode it would be part of what is carried (RFC 4303 2.7). */
static void build_mode(struct ike_builder *b, uint8_t mode, uint8_t protocol)
{
	if (mode != IKE_MODE_TRANSPORT)
		return;
	ike_build_notify(b, IKE_NOTIFY_USE_TRANSPORT_MODE, (struct bytes){ 0 });
	if (protocol == IKE_PROTOCOL_ESP)
		ike_build_notify(b, IKE_NOTIFY_ESP_TFC_PADDING_NOT_SUPPORTED, (struct bytes){ 0 });
}

/* RFC 7296 1.3.1 */
static void read_padding(const struct ike_received *x, struct ike_child *child)
{
	child->peer_without_padding =
		ike_message_notify(x->message, IKE_NOTIFY_ESP_TFC_PADDING_NOT_SUPPORTED) != NULL;
	if (child->peer_without_padding && child->config->tfc_padding)
		ike_log(x->e, x->sa, IKE_LOG_CHD, IKE_LOG_INFO,
			"CHILD_SA '%s' goes without tfc_padding: the peer cannot take it",
			child->config->name);
}

/* ---- Initiator ---- */

/* The group of the first proposal decides whether there is PFS. */
static bool offer_key_exchange(
	struct ike_engine *e, struct ike_child_offer *offer, const struct ike_child_config *config)
{
	if (offer->group == 0)
		offer->group = ike_proposals_first_group(&config->proposals);
	if (offer->group == 0)
		return true;
	if (!offer->key_exchange)
		offer->key_exchange = ike_key_exchange_new(e->crypto, offer->group);
	return offer->key_exchange != NULL;
}

static bool prepare_offer(
	struct ike_engine *e, struct ike_task *task, bool in_auth, struct ike_failure *failure)
{
	struct ike_child *child = task->child;
	struct why why;

	if (!in_auth && !task->offer) {
		task->offer = calloc(1, sizeof(*task->offer));
		if (!task->offer ||
			!ike_crypto_random(e->crypto, task->offer->nonce, IKE_NONCE_LENGTH)) {
			ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
			return false;
		}
	}
	if (!in_auth && !offer_key_exchange(e, task->offer, child->config)) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"key exchange method %u is not available in this OpenSSL",
			task->offer->group);
		return false;
	}
	if (child->spi_in == 0 &&
		!ike_child_allocate_spi(e, child, protocol_of(child->config), &why)) {
		ike_failure_set(failure, IKE_REASON_KERNEL, NULL, NULL,
			"no SPI from the kernel: %s", why.text);
		return false;
	}
	ike_compression_offer(e, child);
	return true;
}

/* What is rekeyed keeps its selectors (RFC 7296 2.9.2). In transport mode the peer may see other
 * addresses than we do, so they are said anew. */
static bool build_selectors(const struct ike_sa *sa, const struct ike_task *task,
	struct ike_builder *b, struct ike_failure *failure)
{
	const struct ike_child_config *config = task->child->config;
	const struct ike_child *old = task->replaces;
	struct ike_selector list[IKE_CHILD_SELECTORS_MAX];

	if (old && old->mode != IKE_MODE_TRANSPORT) {
		ike_build_ts(b, IKE_PAYLOAD_TS_INITIATOR, ike_child_local(old), old->local_count);
		ike_build_ts(b, IKE_PAYLOAD_TS_RESPONDER, ike_child_remote(old), old->remote_count);
		return true;
	}
	size_t count = ike_child_config_selectors(sa, config, true, list, IKE_CHILD_SELECTORS_MAX);
	ike_build_ts(b, IKE_PAYLOAD_TS_INITIATOR, list, count);
	size_t other = ike_child_config_selectors(sa, config, false, list, IKE_CHILD_SELECTORS_MAX);
	ike_build_ts(b, IKE_PAYLOAD_TS_RESPONDER, list, other);
	if (count > 0 && other > 0)
		return true;
	ike_child_fail_selectors(
		failure, sa, config, NULL, "no client has networks that could be offered");
	return false;
}

bool ike_child_offer(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, bool in_auth,
	struct ike_builder *b, struct ike_failure *failure)
{
	struct ike_child *child = task->child;
	const struct ike_proposals *proposals = &child->config->proposals;
	uint8_t spi[4];

	if (!prepare_offer(e, task, in_auth, failure))
		return false;
	build_mode(b, child->config->mode, protocol_of(child->config));
	ike_compression_build(child, b);
	ike_processors_build(b, child);
	ike_build_sa(
		b, proposals->items, proposals->count, spi_octets(child->spi_in, spi), in_auth);
	if (!in_auth) {
		ike_build_nonce(b, bytes_of(task->offer->nonce, IKE_NONCE_LENGTH));
		if (task->offer->key_exchange)
			ike_build_ke(b, task->offer->group,
				ike_key_exchange_public(task->offer->key_exchange));
	}
	return build_selectors(sa, task, b, failure);
}

static void read_selectors(const struct ike_received *x, bool we_initiated, uint8_t mode,
	struct ike_child_selectors *ret)
{
	const struct ike_ts_view *ours =
		we_initiated ? &x->message->ts_initiator : &x->message->ts_responder;
	const struct ike_ts_view *theirs =
		we_initiated ? &x->message->ts_responder : &x->message->ts_initiator;

	ret->local_count = ike_ts_view_read(ours, ret->local, IKE_CHILD_SELECTORS_MAX);
	ret->remote_count = ike_ts_view_read(theirs, ret->remote, IKE_CHILD_SELECTORS_MAX);
	ike_child_see_through_nat(x->sa, mode, ret->local, ret->local_count, &x->sa->local);
	ike_child_see_through_nat(x->sa, mode, ret->remote, ret->remote_count, &x->sa->remote);
}

/* A child of that definition that is up: its algorithms were good enough for the peer once. */
static bool was_accepted(const struct ike_sa *sa, const struct ike_child_config *config)
{
	for (const struct ike_child *child = sa->children; child; child = child->next)
		if (child->config == config && child->installed_out)
			return true;
	return false;
}

/* The peer refuses for a key exchange what it may have accepted without (RFC 7296 1.2: in IKE_AUTH
 * there is none). */
static void refused_proposals(struct ike_failure *failure, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_notify *n)
{
	char proposals[IKE_PROPOSAL_TEXT_MAX];
	bool group_alone = n->type == IKE_NOTIFY_INVALID_KE_PAYLOAD || was_accepted(sa, config);
	struct reader r = reader_of(n->data);

	ike_proposals_format(config->proposals.items, config->proposals.count, proposals);
	if (n->type == IKE_NOTIFY_INVALID_KE_PAYLOAD)
		ike_failure_set(failure, IKE_REASON_PFS, proposals, NULL,
			"peer wants key exchange method %u for CHILD_SA '%s', which we do not "
			"offer (INVALID_KE_PAYLOAD)",
			reader_u16(&r), config->name);
	else if (group_alone)
		ike_failure_set(failure, IKE_REASON_PFS, proposals, NULL,
			"peer refuses for another key exchange the proposals that it accepted "
			"for CHILD_SA '%s' before (NO_PROPOSAL_CHOSEN): its PFS differs",
			config->name);
	else
		ike_failure_set(failure, IKE_REASON_NO_CHILD_PROPOSAL, proposals, NULL,
			"peer accepts none of our proposals for CHILD_SA '%s' "
			"(NO_PROPOSAL_CHOSEN)",
			config->name);
	if (group_alone)
		ike_failure_set_differs(failure, "key exchange");
}

void ike_child_refused(
	struct ike_received *x, const struct ike_child_config *config, struct ike_failure *failure)
{
	const struct ike_notify *n = ike_message_error(x->message);
	char text[IKE_NUMBER_TEXT_MAX];

	if (n && n->type == IKE_NOTIFY_TS_UNACCEPTABLE)
		ike_child_fail_selectors(failure, x->sa, config, NULL,
			"peer accepts none of our traffic selectors (TS_UNACCEPTABLE)");
	else if (n && (n->type == IKE_NOTIFY_NO_PROPOSAL_CHOSEN ||
			      n->type == IKE_NOTIFY_INVALID_KE_PAYLOAD))
		refused_proposals(failure, x->sa, config, n);
	else
		ike_failure_set(failure, n ? ike_notify_reason(n->type) : IKE_REASON_PROTOCOL, NULL,
			NULL, "peer refused CHILD_SA '%s' with %s", config->name,
			n ? ike_notify_format(n->type, text)
			  : "an answer without SA and selectors");
	if (n)
		failure->notify = n->type;
}

static bool accept_proposal(
	struct ike_received *x, struct ike_task *task, bool in_auth, struct ike_failure *failure)
{
	struct ike_child *child = task->child;
	const struct ike_proposals *offered = &child->config->proposals;
	struct ike_proposal answer[2];
	struct bytes spis[2];
	char ours[IKE_PROPOSAL_TEXT_MAX], theirs[IKE_PROPOSAL_TEXT_MAX];
	size_t count = ike_sa_view_read(&x->message->sa, answer, spis, 2);

	if (count == 1 && ike_proposal_accepts(offered, answer, in_auth, &child->suite) &&
		spi_value(spis[0], &child->spi_out))
		return true;
	ike_failure_set(failure, IKE_REASON_PROTOCOL,
		ike_proposals_format(offered->items, offered->count, ours),
		ike_proposals_format(answer, count, theirs),
		"peer chose a proposal for CHILD_SA '%s' that we did not offer",
		child->config->name);
	return false;
}

static bool accept_mode(
	struct ike_received *x, struct ike_child *child, struct ike_failure *failure)
{
	bool transport = ike_message_notify(x->message, IKE_NOTIFY_USE_TRANSPORT_MODE) != NULL;

	if (transport == (child->config->mode == IKE_MODE_TRANSPORT))
		return true;
	ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
		"CHILD_SA '%s' is to be in %s mode, peer insists on %s mode", child->config->name,
		transport ? "tunnel" : "transport", transport ? "transport" : "tunnel");
	return false;
}

static bool accept_key_exchange(struct ike_received *x, struct ike_task *task,
	struct secret *ret_shared, struct ike_failure *failure)
{
	struct ike_child *child = task->child;
	uint16_t group = child->suite.group;

	if (group == 0 && !IKE_HAS(x->message, KE))
		return true;
	if (task->offer->key_exchange && IKE_HAS(x->message, KE) && x->message->ke.group == group &&
		group == task->offer->group &&
		ike_key_exchange_derive(
			task->offer->key_exchange, x->message->ke.public_value, ret_shared))
		return true;
	ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"key exchange for CHILD_SA '%s' failed", child->config->name);
	return false;
}

static bool accept_selectors(
	struct ike_received *x, struct ike_child *child, struct ike_failure *failure)
{
	struct ike_child_selectors theirs, common;

	read_selectors(x, true, child->mode, &theirs);
	if (!ike_child_narrow(x->sa, child->config, &theirs, &common)) {
		ike_child_fail_selectors(failure, x->sa, child->config, &theirs,
			"peer answered with traffic selectors outside of ours");
		return false;
	}
	return ike_child_set_selectors(
		child, common.local, common.local_count, common.remote, common.remote_count);
}

bool ike_child_agree(struct ike_received *x, struct ike_task *task, bool in_auth,
	struct secret *ret_shared, struct ike_failure *failure, bool *ret_inform)
{
	*ret_inform = false;
	if (!IKE_HAS(x->message, SA) || !IKE_HAS(x->message, TS_INITIATOR) ||
		!IKE_HAS(x->message, TS_RESPONDER)) {
		ike_child_refused(x, task->child->config, failure);
		return false;
	}
	*ret_inform = true; /* from here on the responder has the child */
	read_padding(x, task->child);
	if (!task->replaces)
		ike_processors_agreed(x, task->child);
	ike_processors_log(x, task->child);
	if (!accept_proposal(x, task, in_auth, failure) || !accept_mode(x, task->child, failure) ||
		!ike_compression_accept(x, task->child, failure) ||
		(!in_auth && !accept_key_exchange(x, task, ret_shared, failure)) ||
		!accept_selectors(x, task->child, failure))
		return false;
	if (ike_child_was_deleted(task, failure)) {
		*ret_inform = false;
		return false;
	}
	return true;
}

bool ike_child_was_deleted(const struct ike_task *task, struct ike_failure *failure)
{
	if (!task->spi || task->spi != task->child->spi_out)
		return false;
	ike_failure_set(failure, IKE_REASON_DELETED_BY_PEER, NULL, NULL,
		"peer deleted CHILD_SA '%s' at once", task->child->config->name);
	return true;
}

bool ike_child_bring_up(struct ike_engine *e, struct ike_child *child,
	const struct ike_child_secrets *secrets, struct ike_failure *failure)
{
	struct why why;

	if (ike_child_install(e, child, true, secrets, &why)) {
		ike_child_announce(e, child, NULL);
		return true;
	}
	ike_failure_set_kernel(failure, child->config->name, &why);
	return false;
}

bool ike_child_accept(struct ike_received *x, struct ike_task *task, bool in_auth,
	struct bytes nonce_i, struct bytes nonce_r, struct ike_failure *failure, bool *ret_inform)
{
	AUTO_SECRET shared = { 0 };

	if (!ike_child_agree(x, task, in_auth, &shared, failure, ret_inform))
		return false;
	const struct ike_child_secrets secrets = {
		.shared = secret_bytes(&shared), .nonce_i = nonce_i, .nonce_r = nonce_r
	};
	return ike_child_bring_up(x->e, task->child, &secrets, failure);
}

/* ---- Responder ---- */

static void answer_error(struct ike_received *x, uint16_t type,
	const struct ike_child_config *config, struct ike_failure *failure)
{
	ike_log_child_failure(
		x->e, x->sa, x->sa->connection, config ? config->name : NULL, failure);
	ike_failure_free(failure);
	ike_build_notify(x->reply, type, (struct bytes){ 0 });
}

/* Our half of PFS. False with the error notify in the reply. */
static bool answer_key_exchange(struct ike_received *x, struct ike_child *child,
	struct ike_key_exchange **ret, struct secret *ret_shared, struct ike_failure *failure)
{
	uint16_t group = child->suite.group;
	const uint8_t wanted[2] = { (uint8_t)(group >> 8), (uint8_t)group };

	if (group == 0)
		return true;
	if (!IKE_HAS(x->message, KE) || x->message->ke.group != group) {
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"CHILD_SA '%s' needs key exchange method %s, asking for it",
			child->config->name, ike_suite_group(&child->suite)->name);
		ike_build_notify(x->reply, IKE_NOTIFY_INVALID_KE_PAYLOAD, bytes_of(wanted, 2));
		return false;
	}
	*ret = ike_key_exchange_answer(
		x->e->crypto, group, x->message->ke.public_value, ret_shared);
	if (*ret)
		return true;
	ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"key exchange for CHILD_SA '%s' failed: the peer's public value is not valid",
		child->config->name);
	answer_error(x, IKE_NOTIFY_INVALID_SYNTAX, child->config, failure);
	return false;
}

static bool choose_proposal(struct ike_received *x, bool in_auth,
	const struct ike_child_config *config, struct ike_suite *ret_suite, uint8_t *ret_number,
	uint32_t *ret_spi, struct ike_failure *failure)
{
	struct ike_proposal theirs[PROPOSALS_MAX];
	struct bytes spis[PROPOSALS_MAX];
	char ours_text[IKE_PROPOSAL_TEXT_MAX], theirs_text[IKE_PROPOSAL_TEXT_MAX];
	char differs[IKE_DIFFERENCE_TEXT_MAX];
	size_t count = ike_sa_view_read(&x->message->sa, theirs, spis, PROPOSALS_MAX);

	if (ike_proposals_select(&config->proposals, theirs, count, in_auth, ret_suite,
		    ret_number) == IKE_SELECTION_OK)
		for (size_t i = 0; i < count; i++)
			if (theirs[i].number == *ret_number && spi_value(spis[i], ret_spi))
				return true;
	unsigned set =
		ike_proposals_difference(&config->proposals, theirs, count, in_auth, differs);
	ike_failure_set(failure,
		set && !(set & ~IKE_TRANSFORMS_OF_KEYS) ? IKE_REASON_PFS
							: IKE_REASON_NO_CHILD_PROPOSAL,
		ike_proposals_format(config->proposals.items, config->proposals.count, ours_text),
		ike_proposals_format(theirs, count, theirs_text),
		"no common proposal for CHILD_SA '%s'", config->name);
	ike_failure_set_differs(failure, differs);
	return false;
}

static void build_answer(struct ike_received *x, const struct ike_child *child, uint8_t number,
	bool in_auth, struct bytes nonce_r, const struct ike_key_exchange *kx)
{
	struct ike_proposal agreed;
	uint8_t spi[4];

	build_mode(x->reply, child->mode, child->suite.protocol);
	ike_compression_build(child, x->reply);
	ike_processors_build(x->reply, child);
	ike_suite_to_proposal(&child->suite, number, &agreed);
	ike_build_sa(x->reply, &agreed, 1, spi_octets(child->spi_in, spi), in_auth);
	if (!in_auth) {
		ike_build_nonce(x->reply, nonce_r);
		if (kx)
			ike_build_ke(x->reply, child->suite.group, ike_key_exchange_public(kx));
	}
	ike_build_ts(
		x->reply, IKE_PAYLOAD_TS_INITIATOR, ike_child_remote(child), child->remote_count);
	ike_build_ts(
		x->reply, IKE_PAYLOAD_TS_RESPONDER, ike_child_local(child), child->local_count);
}

/* What others are to send under. */
static bool allocate(struct ike_received *x, struct ike_child *child, struct why *why)
{
	if (!ike_child_allocate_spi(x->e, child, child->suite.protocol, why))
		return false;
	ike_compression_answer(x, child);
	read_padding(x, child);
	return true;
}

static bool install_answered(struct ike_received *x, struct ike_child *child,
	struct ike_child *rekeyed, const struct ike_child_secrets *secrets, struct why *why)
{
	if (rekeyed)
		return ike_handover_begin(x->e, child, rekeyed, false, secrets, why);
	if (!ike_child_install(x->e, child, false, secrets, why))
		return false;
	ike_child_announce(x->e, child, NULL);
	return true;
}

/* All but the keys is agreed on, and the peer has to go on with more key exchanges. The child is
 * taken over. */
static void answer_for_now(struct ike_received *x, struct ike_child *child,
	struct ike_child *rekeyed, uint8_t number, struct secret *shared,
	const struct ike_child_secrets *secrets, const struct ike_key_exchange *kx)
{
	struct ike_followup *f =
		ike_followup_new(&child->suite, secrets->nonce_i, secrets->nonce_r, shared);
	struct why why = { "out of memory" };

	if (f) {
		f->child = child;
		f->rekeyed = rekeyed;
	}
	if (f && allocate(x, child, &why) && ike_followup_expect(x, f)) {
		build_answer(x, child, number, false, secrets->nonce_r, kx);
		return;
	}
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "no CHILD_SA '%s' can be made now: %s",
		child->config->name, why.text);
	ike_build_notify(x->reply, IKE_NOTIFY_TEMPORARY_FAILURE, (struct bytes){ 0 });
	ike_followup_free(f);
	ike_child_destroy(x->e, child, IKE_REASON_NONE);
}

uint16_t ike_child_answer_complete(struct ike_received *x, struct ike_followup *f)
{
	struct ike_child *child = f->child, *old = f->rekeyed;
	const struct ike_child_secrets secrets = ike_followup_secrets(f);
	struct ike_failure failure = { 0 };
	struct why why;

	/* What it is to replace has gone, or was replaced, meanwhile. */
	if (f->orphaned ||
		(old && ((old->state != IKE_CHILD_INSTALLED && old->state != IKE_CHILD_REKEYING) ||
				ike_handover_of(old))))
		return IKE_NOTIFY_STATE_NOT_FOUND;
	if (install_answered(x, child, old, &secrets, &why)) {
		f->child = NULL;
		if (old && old->state == IKE_CHILD_INSTALLED) {
			ike_child_set_state(x->e, old, IKE_CHILD_REKEYED);
			ike_child_drop_rekeying(x->e, old);
		}
		return 0;
	}
	ike_failure_set_kernel(&failure, child->config->name, &why);
	ike_log_child_failure(x->e, x->sa, x->sa->connection, child->config->name, &failure);
	ike_failure_free(&failure);
	return IKE_NOTIFY_NO_PROPOSAL_CHOSEN;
}

/* Everything is agreed but the keys: SPI, key exchange, kernel. */
static bool answer_child(struct ike_received *x, struct ike_child *child, struct ike_child *rekeyed,
	uint8_t number, bool in_auth, struct bytes nonce_i, struct bytes nonce_r)
{
	struct ike_key_exchange *kx = NULL;
	struct ike_failure failure = { 0 };
	AUTO_SECRET shared = { 0 };
	struct why why;

	if (!in_auth && !answer_key_exchange(x, child, &kx, &shared, &failure)) {
		ike_key_exchange_free(kx);
		ike_child_destroy(x->e, child, IKE_REASON_NONE);
		return false;
	}
	const struct ike_child_secrets secrets = {
		.shared = secret_bytes(&shared), .nonce_i = nonce_i, .nonce_r = nonce_r
	};
	if (!in_auth && ike_suite_additional_count(&child->suite) > 0) {
		answer_for_now(x, child, rekeyed, number, &shared, &secrets, kx);
		ike_key_exchange_free(kx);
		return false;
	}
	bool installed =
		allocate(x, child, &why) && install_answered(x, child, rekeyed, &secrets, &why);
	if (installed) {
		build_answer(x, child, number, in_auth, nonce_r, kx);
	} else {
		ike_failure_set_kernel(&failure, child->config->name, &why);
		answer_error(x, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, child->config, &failure);
		ike_child_destroy(x->e, child, IKE_REASON_NONE);
	}
	ike_key_exchange_free(kx);
	return installed;
}

static bool wants_transport(const struct ike_received *x)
{
	return ike_message_notify(x->message, IKE_NOTIFY_USE_TRANSPORT_MODE) != NULL;
}

static void refuse_selectors(struct ike_received *x, const struct ike_child_selectors *theirs)
{
	struct ike_failure failure = { 0 };
	const struct ike_connection *c = x->sa->connection;
	const struct ike_child_config *nearest = ike_child_nearest_config(x->sa, theirs);
	char text[1100];

	if (nearest) {
		ike_child_fail_selectors(&failure, x->sa, nearest, theirs,
			"no common traffic selectors, the nearest are those");
	} else {
		ike_child_selectors_describe(theirs->local, theirs->local_count, theirs->remote,
			theirs->remote_count, text, sizeof(text));
		ike_failure_set(&failure, IKE_REASON_NO_SELECTORS, NULL, text,
			"connection '%s' has no children", c->name);
	}
	answer_error(x, IKE_NOTIFY_TS_UNACCEPTABLE, nearest, &failure);
}

/* A child that is rekeyed keeps its definition. */
static const struct ike_child_config *config_for(struct ike_received *x,
	const struct ike_child *rekeyed, uint8_t wanted_mode, struct ike_child_selectors *ret)
{
	struct ike_child_selectors said, seen;
	const struct ike_child_config *config;

	read_selectors(x, false, IKE_MODE_TUNNEL, &said);
	read_selectors(x, false, wanted_mode, &seen);
	if (rekeyed)
		config = ike_child_narrow(x->sa, rekeyed->config,
				 rekeyed->mode == IKE_MODE_TRANSPORT ? &seen : &said, ret)
				 ? rekeyed->config
				 : NULL;
	else
		config = ike_child_choose_config(x->sa, &said, &seen, ret);
	if (!config)
		refuse_selectors(x, &said);
	return config;
}

/* Whether one more is too many; `further`: it is one of several for one processor each. */
static uint16_t refusal_of(struct ike_received *x, const struct ike_child_config *config,
	const struct ike_child *rekeyed, const struct ike_child_selectors *selectors, bool in_auth,
	bool further)
{
	if (ike_children_are_full(x->sa, rekeyed)) {
		ike_log_noise(x->e, x->sa, IKE_LOG_IKE,
			"refusing CHILD_SA '%s': IKE_SA %s[%u] has too many", config->name,
			x->sa->connection->name, x->sa->unique_id);
		return further ? IKE_NOTIFY_TS_MAX_QUEUE : IKE_NOTIFY_NO_ADDITIONAL_SAS;
	}
	if (in_auth || rekeyed || further)
		return 0;
	if (ike_processors_said(x) && !ike_processors_wanted(x->e, x->sa, config) &&
		ike_twins_is_there(x->sa, config, selectors)) {
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"refusing CHILD_SA '%s' for one CPU of the peer's: it is up for all",
			config->name);
		return IKE_NOTIFY_TS_MAX_QUEUE;
	}
	if (ike_twins_refuse_child(x->e, x->sa, config, selectors))
		return IKE_NOTIFY_NO_ADDITIONAL_SAS;
	return 0;
}

bool ike_child_answer(struct ike_received *x, bool in_auth, struct ike_child *rekeyed,
	struct bytes nonce_i, struct bytes nonce_r)
{
	struct ike_child_selectors common;
	struct ike_failure failure = { 0 };
	struct ike_suite suite;
	uint8_t number;
	uint32_t spi;
	uint8_t wanted_mode = wants_transport(x) ? IKE_MODE_TRANSPORT : IKE_MODE_TUNNEL;
	const struct ike_child_config *config = config_for(x, rekeyed, wanted_mode, &common);

	if (!config)
		return false;
	bool several = ike_processors_said(x) && ike_processors_wanted(x->e, x->sa, config);
	bool further = several && !rekeyed && ike_processors_common(x->sa, config, &common);
	uint16_t refusal = refusal_of(x, config, rekeyed, &common, in_auth, further);
	if (refusal) {
		ike_build_notify(x->reply, refusal, (struct bytes){ 0 });
		return false;
	}
	if (!choose_proposal(x, in_auth, config, &suite, &number, &spi, &failure)) {
		answer_error(x, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, config, &failure);
		return false;
	}
	if (common.local_count == IKE_CHILD_SELECTORS_MAX ||
		common.remote_count == IKE_CHILD_SELECTORS_MAX)
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"CHILD_SA '%s' has %u selectors of a side: what is beyond is left out",
			config->name, IKE_CHILD_SELECTORS_MAX);
	struct ike_child *child = ike_child_new(x->e, x->sa, config, rekeyed);
	if (!child || !ike_child_set_selectors(child, common.local, common.local_count,
			      common.remote, common.remote_count)) {
		if (child)
			ike_child_destroy(x->e, child, IKE_REASON_NONE);
		ike_build_notify(x->reply, IKE_NOTIFY_TEMPORARY_FAILURE, (struct bytes){ 0 });
		return false;
	}
	child->suite = suite;
	child->spi_out = spi;
	if (!rekeyed)
		child->per_processor = several;
	if (further)
		ike_processors_assign(x->e, child);
	ike_processors_log(x, child);
	/* Transport mode needs both; what the initiator does not ask for it does not get. */
	child->mode = config->mode == IKE_MODE_TRANSPORT ? wanted_mode : config->mode;
	return answer_child(x, child, rekeyed, number, in_auth, nonce_i, nonce_r);
}
