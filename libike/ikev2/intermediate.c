/*
 * IKE_INTERMEDIATE: additional key exchanges before IKE_AUTH (RFC 9242, RFC 9370 2.2.2), as many as
 * IKE_SA_INIT agreed on, in the order of their transform types:
 *
 *   HDR, SK{KEi(1)}  -->
 *                    <--  HDR, SK{KEr(1)}
 *
 * Each one is sealed with the keys that the one before it made, and makes new ones. All of these
 * messages are covered by AUTH (IntAuth in sa/keys.c), so nobody can have changed them.
 */
#include "libike/ikev2/ikev2.h"

#include <stdlib.h>

bool ike_intermediate_expect(struct ike_sa *sa)
{
	unsigned count = ike_suite_additional_count(&sa->suite);
	struct ike_negotiation *n = sa->negotiation;

	if (count == 0)
		return true;
	n->intermediate = calloc(1, sizeof(*n->intermediate));
	if (!n->intermediate)
		return false;
	n->intermediate->count = (uint8_t)count;
	return !sa->initiator || ike_task_queue_first(sa, IKE_TASK_INTERMEDIATE, NULL, 0);
}

static uint16_t present_method(const struct ike_sa *sa)
{
	return ike_suite_additional(&sa->suite, sa->negotiation->intermediate->done);
}

static const char *present_name(const struct ike_sa *sa)
{
	return ike_algorithm_find(IKE_TRANSFORM_KEY_EXCHANGE, present_method(sa), 0)->name;
}

/* A message of ours goes into IntAuth before it is sealed. */
static bool add_own(struct ike_engine *e, const struct ike_sa *sa, uint32_t message_id,
	const struct ike_builder *b)
{
	struct ike_header header = {
		.spi_initiator = sa->spi_initiator,
		.spi_responder = sa->spi_responder,
		.version = 0x20,
		.exchange = IKE_EXCHANGE_INTERMEDIATE,
		.flags = sa->initiator ? IKE_FLAG_INITIATOR : IKE_FLAG_RESPONSE,
		.message_id = message_id,
	};

	return !b->writer.bad && ike_keys_int_auth_add(e, sa, sa->initiator, &header, b->first,
					 writer_bytes(&b->writer));
}

static bool add_received(const struct ike_received *x)
{
	const struct ike_message *m = x->message;

	return ike_keys_int_auth_add(
		x->e, x->sa, !x->sa->initiator, &m->header, m->chain_first, m->chain);
}

static void fail_value(const struct ike_received *x)
{
	ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"additional key exchange failed: the peer's public value is not valid for %s",
		present_name(x->sa));
}

/* ---- Initiator ---- */

bool ike_intermediate_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_intermediate *i = sa->negotiation->intermediate;
	struct ike_builder b;

	ike_key_exchange_free(i->key_exchange);
	i->key_exchange = ike_key_exchange_new(e->crypto, present_method(sa));
	if (!i->key_exchange) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"additional key exchange method %s is not available in this OpenSSL",
			present_name(sa));
		return false;
	}
	ike_builder_start(e, &b);
	ike_build_ke(&b, present_method(sa), ike_key_exchange_public(i->key_exchange));
	return add_own(e, sa, sa->next_request, &b) &&
	       ike_request_send(e, sa, IKE_EXCHANGE_INTERMEDIATE, &b);
}

static enum ike_outcome refused(struct ike_received *x)
{
	const struct ike_notify *n = ike_message_error(x->message);
	char text[IKE_NUMBER_TEXT_MAX];

	if (!n)
		return IKE_OUTCOME_IGNORE;
	ike_failure_set(x->failure, ike_notify_reason(n->type), NULL, NULL,
		"peer refused IKE_INTERMEDIATE with %s", ike_notify_format(n->type, text));
	x->failure->notify = n->type;
	return IKE_OUTCOME_END;
}

static bool take_answer(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_negotiation *n = sa->negotiation;
	struct ike_intermediate *i = n->intermediate;
	AUTO_SECRET shared = { 0 };

	if (x->message->ke.group != present_method(sa) ||
		!ike_key_exchange_derive(i->key_exchange, x->message->ke.public_value, &shared)) {
		fail_value(x);
		return false;
	}
	if (add_received(x) &&
		ike_keys_update(x->e, sa, bytes_of(n->nonce, n->nonce_length), n->peer_nonce,
			secret_bytes(&shared), &sa->keys) &&
		(i->done + 1 == i->count ||
			ike_task_queue_first(sa, IKE_TASK_INTERMEDIATE, NULL, 0)))
		return true;
	ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
	return false;
}

enum ike_outcome ike_intermediate_answered(struct ike_received *x)
{
	struct ike_intermediate *i = x->sa->negotiation->intermediate;

	if (!IKE_HAS(x->message, KE))
		return refused(x);
	if (!take_answer(x))
		return IKE_OUTCOME_END;
	ike_key_exchange_free(i->key_exchange);
	i->key_exchange = NULL;
	i->done++;
	return IKE_OUTCOME_OK;
}

/* ---- Responder ---- */

static bool answer(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_negotiation *n = sa->negotiation;
	AUTO_SECRET shared = { 0 };
	struct ike_key_exchange *kx = NULL;

	if (x->message->ke.group == present_method(sa))
		kx = ike_key_exchange_answer(
			x->e->crypto, present_method(sa), x->message->ke.public_value, &shared);
	if (!kx) {
		fail_value(x);
		return false;
	}
	ike_build_ke(x->reply, present_method(sa), ike_key_exchange_public(kx));
	ike_key_exchange_free(kx);
	if (add_received(x) && add_own(x->e, sa, x->message->header.message_id, x->reply) &&
		ike_keys_update(x->e, sa, n->peer_nonce, bytes_of(n->nonce, n->nonce_length),
			secret_bytes(&shared), &n->intermediate->next_keys))
		return true;
	ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
	return false;
}

enum ike_outcome ike_intermediate_requested(struct ike_received *x)
{
	/* As in IKE_AUTH: this is where the peer is now. */
	x->sa->local = x->datagram->local;
	x->sa->remote = x->datagram->remote;
	if (answer(x))
		return IKE_OUTCOME_OK;
	ike_builder_begin(x->reply, x->e->reply, sizeof(x->e->reply));
	ike_build_notify(x->reply, IKE_NOTIFY_INVALID_SYNTAX, (struct bytes){ 0 });
	return IKE_OUTCOME_END;
}

void ike_intermediate_answer_sent(struct ike_sa *sa)
{
	struct ike_intermediate *i = sa->negotiation ? sa->negotiation->intermediate : NULL;

	if (!i || i->next_keys.length == 0)
		return;
	secret_free(&i->previous_keys);
	i->previous_keys = secret_move(&sa->keys);
	sa->keys = secret_move(&i->next_keys);
	i->done++;
}
