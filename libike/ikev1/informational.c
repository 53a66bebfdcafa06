/*
 * Informational exchanges: one message with notifies or deletes that nobody answers (RFC 2408 4.8,
 * RFC 2409 5.7).
 *
 * A DELETE may get lost, so it goes out twice, the second time as a repetition that a peer which
 * has the first one passes over. That of a child which is not just replaced is repeated for a
 * minute more, as long as its IKE SA is there. When all are lost, the peer finds out by itself:
 * that the IKE SA is gone when nobody answers its R_U_THERE, that a child is when its lifetime
 * ends.
 *
 * Children are no part of the IKE SA that they were made by: what a peer tells of them may come
 * under any IKE SA that it has with us.
 */
#include "libike/ikev1/ikev1.h"

#include <inttypes.h>

#define COOKIES_LENGTH 16

enum ike_reason ikev1_notify_reason(uint16_t type)
{
	switch (type) {
	case ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN:
	case ISAKMP_NOTIFY_ATTRIBUTES_NOT_SUPPORTED:
	case ISAKMP_NOTIFY_BAD_PROPOSAL_SYNTAX:
		return IKE_REASON_NO_PROPOSAL;
	case ISAKMP_NOTIFY_INVALID_ID_INFORMATION:
		return IKE_REASON_WRONG_IDENTITY;
	case ISAKMP_NOTIFY_AUTHENTICATION_FAILED:
	case ISAKMP_NOTIFY_INVALID_HASH_INFORMATION:
	case ISAKMP_NOTIFY_INVALID_SIGNATURE:
		return IKE_REASON_AUTH_FAILED;
	case ISAKMP_NOTIFY_INVALID_CERTIFICATE:
		return IKE_REASON_UNTRUSTED;
	case ISAKMP_NOTIFY_DOI_NOT_SUPPORTED:
	case ISAKMP_NOTIFY_INVALID_EXCHANGE_TYPE:
		return IKE_REASON_UNSUPPORTED;
	case ISAKMP_NOTIFY_PAYLOAD_MALFORMED:
	case ISAKMP_NOTIFY_UNEQUAL_PAYLOAD_LENGTHS:
		return IKE_REASON_PROTOCOL;
	default:
		return IKE_REASON_REFUSED_BY_PEER;
	}
}

/* ---- What the peer says ---- */

static bool same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a->version == b->version && ike_identity_equal(a->local_id, b->local_id) &&
	       ike_identity_equal(ike_sa_peer_id(a), ike_sa_peer_id(b)) &&
	       address_same_host(&a->remote, &b->remote);
}

/* The next IKE SA with the same peer after that one (NULL: the first), sa itself included. */
static struct ike_sa *next_of_peer(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_sa *after)
{
	struct ike_sa *other =
		after ? after->peer_next : ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa));

	while (other && !same_peer(other, sa))
		other = other->peer_next;
	return other;
}

/* The peer's SPI names our outbound SA. */
static struct ike_child *find_child(
	struct ike_engine *e, const struct ike_sa *sa, uint8_t protocol, uint32_t spi)
{
	for (const struct ike_sa *at = next_of_peer(e, sa, NULL); at;
		at = next_of_peer(e, sa, at)) {
		struct ike_child *child = ike_child_by_spi(at, spi, false);

		if (child && child->suite.protocol == protocol)
			return child;
	}
	return NULL;
}

static bool is_being_rekeyed(const struct ike_child *child)
{
	const struct ike_task *active = child->sa->active;

	return active && active->kind == IKE_TASK_REKEY_CHILD && active->replaces == child;
}

static void delete_child(struct ike_engine *e, struct ike_child *child)
{
	struct ike_child *successor = ike_handover_of(child);

	ike_log(e, child->sa, IKE_LOG_IKE, IKE_LOG_INFO, "received DELETE for CHILD_SA %s{%u}",
		child->config->name, child->unique_id);
	if (successor)
		ike_handover_complete(e, successor);
	if (child->announced && is_being_rekeyed(child)) {
		/* The Quick Mode in flight says what is in its place. */
		ike_child_remove_outbound(e, child);
		ike_child_set_state(e, child, IKE_CHILD_DELETED);
		ike_child_wake(e, child, IKE_NEVER);
		return;
	}
	ikev1_quick_taken_back(e, child);
	ike_child_deleted(e, child, IKE_REASON_DELETED_BY_PEER);
}

static void delete_children(struct ikev1_received *x, const struct isakmp_delete *d)
{
	struct reader r = reader_of(d->spis);
	bool strange = false;

	while (reader_more(&r)) {
		uint32_t spi = reader_u32(&r);
		struct ike_child *child = find_child(x->e, x->sa, d->protocol, spi);

		if (child && child->state != IKE_CHILD_DELETED) {
			delete_child(x->e, child);
			continue;
		}
		if (!child && !strange)
			ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
				"peer deletes a CHILD_SA with SPI %08" PRIx32 " that we don't have",
				spi);
		strange |= !child;
		/* It may overtake the second message of our Quick Mode. */
		if (!child && x->sa->active &&
			(x->sa->active->kind == IKE_TASK_CREATE_CHILD ||
				x->sa->active->kind == IKE_TASK_REKEY_CHILD))
			x->sa->active->spi = spi;
	}
}

/* The IKE SA of those cookies with the same peer; or NULL. */
static struct ike_sa *find_ike(struct ike_engine *e, const struct ike_sa *sa, struct bytes cookies)
{
	struct reader r = reader_of(cookies);
	uint64_t initiator = reader_u64(&r), responder = reader_u64(&r);

	for (struct ike_sa *at = next_of_peer(e, sa, NULL); at; at = next_of_peer(e, sa, at))
		if (at->spi_initiator == initiator && at->spi_responder == responder)
			return at;
	return sa->spi_initiator == initiator && sa->spi_responder == responder
		       ? (struct ike_sa *)sa
		       : NULL;
}

/* True: the IKE SA under which it came ends. */
static bool delete_ikes(struct ikev1_received *x, const struct isakmp_delete *d)
{
	struct reader r = reader_of(d->spis);
	bool ours = false;

	while (reader_more(&r)) {
		struct ike_failure failure = { 0 };
		struct ike_sa *sa = find_ike(x->e, x->sa, reader_bytes(&r, COOKIES_LENGTH));
		struct ike_failure *why = sa == x->sa ? x->failure : &failure;

		if (!sa)
			continue;
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "received DELETE for IKE_SA %s[%u]",
			sa->connection->name, sa->unique_id);
		ike_failure_set(why, IKE_REASON_DELETED_BY_PEER, NULL, NULL,
			"peer deleted IKE_SA %s[%u]", sa->connection->name, sa->unique_id);
		(void)ikev1_bequeath(x->e, sa);
		if (sa == x->sa)
			ours = true;
		else
			ike_sa_destroy(x->e, sa, &failure);
		ike_failure_free(&failure);
	}
	return ours;
}

/* Packets of ours arrive for a child that the peer has not, or no longer. */
static void invalid_spi(struct ikev1_received *x, const struct isakmp_notify *n)
{
	struct bytes octets = n->spi.length == 4 ? n->spi : n->data;
	struct reader r = reader_of(octets);
	uint32_t spi = reader_u32(&r);
	struct ike_child *child =
		octets.length == 4 ? find_child(x->e, x->sa, n->protocol, spi) : NULL;

	if (!child || child->state >= IKE_CHILD_DELETING)
		return;
	ike_log(x->e, child->sa, IKE_LOG_CHD, IKE_LOG_AUDIT,
		"peer does not have CHILD_SA %s{%u} any more, closing it", child->config->name,
		child->unique_id);
	ike_child_delete_later(x->e, child, IKE_REASON_REFUSED_BY_PEER);
}

/* It ends a phase 1 that is under way; and one that we thought to be through when the peer did not
 * take our last message. */
static bool ends_ike(const struct ikev1_received *x, const struct isakmp_notify *n)
{
	if (!x->sa->was_established)
		return true;
	return n->type == ISAKMP_NOTIFY_AUTHENTICATION_FAILED;
}

/* It is encrypted: a pre-shared key is the same at both ends. */
static const char *what_is_refused(const struct ike_sa *sa)
{
	const struct ike_auth_rounds *rounds = sa->connection ? &sa->connection->local : NULL;

	if (ikev1_transactions_pending(sa))
		return "password";
	return rounds && rounds->count > 0 && rounds->items[0].class == IKE_AUTH_CLASS_PUBKEY
		       ? "certificate"
		       : "identity";
}

static bool error(struct ikev1_received *x, const struct isakmp_notify *n)
{
	char text[IKE_NUMBER_TEXT_MAX];

	isakmp_notify_format(n->type, text);
	if (x->sa->was_established && n->type == ISAKMP_NOTIFY_INVALID_SPI &&
		n->protocol != ISAKMP_PROTOCOL_ISAKMP) {
		invalid_spi(x, n);
		return false;
	}
	if (!ends_ike(x, n)) {
		if (!ikev1_quick_refused(x, n))
			ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO, "peer reports %s", text);
		return false;
	}
	ike_failure_set(x->failure, ikev1_notify_reason(n->type), NULL, NULL,
		"peer refused IKE_SA %s[%u]: %s",
		x->sa->connection ? x->sa->connection->name : "(unnamed)", x->sa->unique_id, text);
	x->failure->notify = n->type;
	ike_failure_set_differs(x->failure, what_is_refused(x->sa));
	return true;
}

/* One that came over from an older IKE SA. */
static struct ike_child *older_child(const struct ike_sa *sa)
{
	struct ike_child *child = sa->children;

	while (child && (child->installed_at >= sa->established_at || !child->announced))
		child = child->next;
	return child;
}

/* The peer has lost all that it had with us before. */
static void forget_older_children(struct ikev1_received *x)
{
	struct ike_child *child;

	while ((child = older_child(x->sa))) {
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer has forgotten CHILD_SA %s{%u}: it says INITIAL_CONTACT",
			child->config->name, child->unique_id);
		ikev1_delete_child(x->e, child, true, 0, IKE_REASON_PEER_SILENT);
	}
}

void ikev1_contact_wake(struct ike_engine *e, struct ike_sa *sa)
{
	uint8_t cookies[COOKIES_LENGTH];
	struct writer w = writer_of(cookies, sizeof(cookies));

	sa->v1->says_contact = false;
	writer_u64(&w, sa->spi_initiator);
	writer_u64(&w, sa->spi_responder);
	ikev1_inform_notify(e, sa, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_INITIAL_CONTACT,
		bytes_of(cookies, sizeof(cookies)), (struct bytes){ 0 });
	ike_schedule(e, sa);
}

/* True: the IKE SA ends. */
static bool notify(struct ikev1_received *x, const struct isakmp_notify *n)
{
	char text[IKE_NUMBER_TEXT_MAX];

	if (n->type < ISAKMP_NOTIFY_STATUS)
		return error(x, n);
	/* With signatures whoever began has the keys that prove it. */
	if (!ikev1_is_proved(x->sa))
		return false;
	switch (n->type) {
	case ISAKMP_NOTIFY_R_U_THERE:
	case ISAKMP_NOTIFY_R_U_THERE_ACK:
		ikev1_liveness_notified(x, n);
		break;
	case ISAKMP_NOTIFY_RESPONDER_LIFETIME:
		ikev1_responder_lifetime(x, n);
		break;
	case ISAKMP_NOTIFY_CONNECTED:
		(void)ikev1_quick_connected(x);
		break;
	case ISAKMP_NOTIFY_INITIAL_CONTACT:
		forget_older_children(x);
		break;
	default:
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_DETAIL, "peer notifies %s",
			isakmp_notify_format(n->type, text));
	}
	return false;
}

enum ikev1_outcome ikev1_informational(struct ikev1_received *x)
{
	const struct isakmp_message *m = x->message;
	bool end = false;

	for (size_t i = 0; i < m->notify_count && !end; i++)
		end = notify(x, &m->notifies[i]);
	if (!x->sa->was_established) /* nothing can be deleted yet but all of it */
		return end ? IKEV1_END : IKEV1_OK;
	for (size_t i = 0; i < m->delete_count; i++)
		if (m->deletes[i].protocol != ISAKMP_PROTOCOL_ISAKMP &&
			m->deletes[i].spi_length == 4)
			delete_children(x, &m->deletes[i]);
	for (size_t i = 0; i < m->delete_count; i++)
		if (m->deletes[i].protocol == ISAKMP_PROTOCOL_ISAKMP &&
			m->deletes[i].spi_length == COOKIES_LENGTH)
			end |= delete_ikes(x, &m->deletes[i]);
	return end ? IKEV1_END : IKEV1_OK;
}

/* ---- What we say ---- */

/* Between what is sent twice and each further repetition, the last one first. */
static const ike_time pauses[] = { IKE_SECONDS(40), IKE_SECONDS(15), IKE_SECONDS(5) };
#define REPETITIONS (sizeof(pauses) / sizeof(pauses[0]))

void ikev1_delete_again(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange)
{
	ike_transmit(e, sa, &sa->local, &sa->remote, exchange->sent);
	exchange->repetitions--;
	exchange->forget_at = e->now;
	if (exchange->repetitions > 0)
		exchange->forget_at += pauses[exchange->repetitions - 1];
}

/* Without repetitions nothing is kept of the exchange: nobody answers. */
static void send_twice(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b, size_t mark,
	uint8_t repetitions)
{
	struct ikev1_exchange *exchange =
		ikev1_exchange_new(e, sa, ISAKMP_EXCHANGE_INFORMATIONAL, true, 0);
	struct bytes none = { 0 };

	if (!exchange)
		return;
	if (ikev1_send_hashed(e, sa, exchange, b, mark, 1, none, none, IKEV1_SEND_KEEP)) {
		ike_transmit(e, sa, &sa->local, &sa->remote, exchange->sent);
		if (repetitions > 0) {
			exchange->step = IKEV1_STEP_DONE;
			exchange->repetitions = repetitions;
			exchange->forget_at = e->now + pauses[repetitions - 1];
			ike_schedule(e, sa);
			return;
		}
	}
	sa->v1->exchanges = exchange->next; /* a new one comes first */
	ikev1_exchange_free(exchange);
}

static void say_child_deleted(struct ike_engine *e, struct ike_sa *sa, uint8_t protocol,
	uint32_t spi, uint8_t repetitions)
{
	struct ike_builder b;

	ike_builder_start(e, &b);
	size_t mark = ikev1_hash_open(sa, &b);
	isakmp_build_delete(&b, protocol, &spi, 1);
	send_twice(e, sa, &b, mark, repetitions);
}

static void say_ike_deleted(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_builder b;

	ike_builder_start(e, &b);
	size_t mark = ikev1_hash_open(sa, &b);
	isakmp_build_delete_isakmp(&b, sa->spi_initiator, sa->spi_responder);
	send_twice(e, sa, &b, mark, 0);
}

/* A peer may keep the children of an IKE SA that is gone, so each is named. */
void ikev1_delete_once(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->keys.length == 0)
		return;
	for (const struct ike_child *c = sa->children; c; c = c->next)
		if (c->installed_in && c->state != IKE_CHILD_DELETED)
			say_child_deleted(e, sa, c->suite.protocol, c->spi_in, 0);
	say_ike_deleted(e, sa);
}

void ikev1_delete_ike(struct ike_engine *e, struct ike_sa *sa, bool force, uint64_t ticket,
	const struct ike_failure *why)
{
	if (sa->was_established) {
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "deleting IKE_SA %s[%u]",
			sa->connection->name, sa->unique_id);
		/* Nobody ever waits for an answer; force is for a peer that has forgotten all. */
		if (why->reason == IKE_REASON_REPLACED && (sa->superseded || !force)) {
			(void)ikev1_bequeath(e, sa);
			if (sa->superseded && ikev1_liveness_asked_since(sa) != IKE_NEVER)
				ikev1_renew_inherited(e, sa);
		} else {
			ikev1_hurry_superseded(e, sa);
		}
	} else {
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"ending IKE_SA %s[%u] before it is established",
			sa->connection ? sa->connection->name : "(unnamed)", sa->unique_id);
	}
	ikev1_delete_once(e, sa);
	ike_command_finish(e, ticket, true, NULL);
	ike_sa_destroy(e, sa, why);
}

bool ikev1_delete_child_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task)
{
	struct ike_child *child = task->child;

	if (child && child->state != IKE_CHILD_DELETED) {
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT,
			"closing CHILD_SA %s{%u} with SPIs %08" PRIx32 "_i %08" PRIx32 "_o",
			child->config->name, child->unique_id, child->spi_in, child->spi_out);
		ike_child_set_state(e, child, IKE_CHILD_DELETING);
	}
	/* One that was replaced the peer closes itself, in time. */
	say_child_deleted(e, sa, task->protocol, task->spi,
		task->reason == IKE_REASON_REPLACED ? 0 : REPETITIONS);
	sa->active = NULL;
	task->child = NULL;
	if (child)
		ike_child_deleted(e, child, (enum ike_reason)task->reason);
	ike_task_finish(e, task, true, NULL);
	return true;
}

void ikev1_delete_child(struct ike_engine *e, struct ike_child *child, bool force, uint64_t ticket,
	enum ike_reason reason)
{
	struct ike_sa *sa = child->sa;
	/* With force it is gone here at once, and the peer is told when its turn comes. */
	struct ike_task *task =
		ike_task_queue(sa, IKE_TASK_DELETE_CHILD, force ? NULL : child, force ? 0 : ticket);

	if (task) {
		task->protocol = child->suite.protocol;
		task->spi = child->spi_in;
		task->reason = (uint8_t)reason;
	}
	if (force || !task) {
		/* What is to be made of it meanwhile is not wanted either. */
		if (is_being_rekeyed(child))
			sa->active->reason = (uint8_t)reason;
		ike_command_finish(e, ticket, true, NULL);
		ike_child_destroy(e, child, reason);
	}
	ike_tasks_run(e, sa);
}
