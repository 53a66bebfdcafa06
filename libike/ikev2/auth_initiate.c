/*
 * IKE_AUTH as initiator, with a pre-shared key (RFC 7296 1.2, 2.15):
 *
 *   HDR, SK{IDi, [N(INITIAL_CONTACT),] [IDr,] AUTH, [SA, TSi, TSr]}  -->
 *                                        <--  HDR, SK{IDr, AUTH, [SA, TSi, TSr] | N(child error)}
 *                                   or   <--  HDR, SK{N(AUTHENTICATION_FAILED)}
 *
 * Without SA and selectors the IKE SA is childless (RFC 6023).
 */
#include "libike/ikev2/ikev2.h"

static struct bytes find_psk(struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_identity *peer =
		sa->remote_id ? sa->remote_id : ike_auth_rounds_id(&sa->connection->remote);

	if (peer && ike_identity_is_wildcard(peer))
		peer = NULL;
	return ike_credentials_find(e->credentials, IKE_SHARED_IKE, sa->local_id, peer);
}

static void fail_psk(const struct ike_sa *sa, struct ike_failure *failure)
{
	char ours[IKE_IDENTITY_TEXT_MAX], theirs[IKE_IDENTITY_TEXT_MAX] = "%any";
	const struct ike_identity *peer =
		sa->remote_id ? sa->remote_id : ike_auth_rounds_id(&sa->connection->remote);

	if (peer)
		ike_identity_format(peer, theirs);
	ike_failure_set(failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
		"no shared key found for '%s' - '%s'", ike_identity_format(sa->local_id, ours),
		theirs);
}

static bool choose_local_id(struct ike_sa *sa)
{
	struct ike_identity *id = ike_auth_rounds_id(&sa->connection->local);

	if (id && !ike_identity_is_wildcard(id))
		sa->local_id = ike_identity_hold(id);
	else
		sa->local_id = ike_identity_of_address(&sa->local);
	return sa->local_id != NULL;
}

/* The first child that waits goes along, unless the IKE SA is to be childless at first. */
static void take_child(struct ike_sa *sa)
{
	uint8_t childless = sa->connection->childless;
	bool separate = childless == IKE_CHILDLESS_FORCE ||
			(childless == IKE_CHILDLESS_PREFER && sa->peer_childless);
	struct ike_task *child_task = separate ? NULL : ike_task_take(sa, IKE_TASK_CREATE_CHILD);

	if (!child_task)
		return;
	sa->active->child = child_task->child;
	/* Who waits for the IKE SA alone is answered when it is up, see ike_auth_answered(). */
	sa->active->ike_ticket = sa->active->ticket;
	sa->active->ticket = child_task->ticket;
	ike_task_free(child_task);
}

static bool build_auth(
	struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b, struct ike_failure *failure)
{
	uint8_t auth[IKE_PRF_OUTPUT_MAX];
	size_t length;
	struct bytes psk = find_psk(e, sa);

	if (psk.length == 0) {
		fail_psk(sa, failure);
		return false;
	}
	if (!ike_keys_psk_auth(e, sa, true, sa->local_id, psk, auth, &length)) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "AUTH failed");
		return false;
	}
	ike_build_auth(b, IKE_AUTH_SHARED_KEY, bytes_of(auth, length));
	return true;
}

bool ike_auth_start(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ike_identity *peer = ike_auth_rounds_id(&sa->connection->remote);
	struct ike_builder b;

	take_child(sa);
	if (!sa->active->child && !sa->peer_childless) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"peer does not support childless IKE_SAs");
		return false;
	}
	if (!choose_local_id(sa)) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return false;
	}
	ike_builder_start(e, &b);
	ike_build_id(&b, IKE_PAYLOAD_ID_INITIATOR, sa->local_id);
	if (ike_initial_contact_holds(e, sa))
		ike_build_notify(&b, IKE_NOTIFY_INITIAL_CONTACT, (struct bytes){ 0 });
	if (peer && !ike_identity_is_wildcard(peer))
		ike_build_id(&b, IKE_PAYLOAD_ID_RESPONDER, peer);
	if (!build_auth(e, sa, &b, failure))
		return false;
	if (sa->active->child) {
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "establishing CHILD_SA %s{%u}",
			sa->active->child->config->name, sa->active->child->unique_id);
		if (!ike_child_offer(e, sa, sa->active, true, &b, failure))
			return false;
	}
	ike_mobike_offer(e, sa, &b);
	return ike_request_send(e, sa, IKE_EXCHANGE_AUTH, &b);
}

/* The responder believes that the SA is up: tell it that it is not. */
static enum ike_outcome reject(struct ike_received *x)
{
	struct ike_builder b;

	ike_request_answered(x->e, x->sa);
	ike_builder_start(x->e, &b);
	ike_build_notify(&b, IKE_NOTIFY_AUTHENTICATION_FAILED, (struct bytes){ 0 });
	ike_request_send_once(x->e, x->sa, IKE_EXCHANGE_INFORMATIONAL, &b);
	return IKE_OUTCOME_END;
}

static bool check_identity(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	const struct ike_identity *wanted = ike_auth_rounds_id(&sa->connection->remote);
	char is[IKE_IDENTITY_TEXT_MAX], should[IKE_IDENTITY_TEXT_MAX];

	sa->remote_id = ike_identity_from_wire(
		x->message->id_responder.type, x->message->id_responder.octets);
	if (!sa->remote_id) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL, "IDr is malformed");
		return false;
	}
	if (!wanted || ike_identity_match(sa->remote_id, wanted) != IKE_MATCH_NONE)
		return true;
	ike_failure_set(x->failure, IKE_REASON_WRONG_IDENTITY, ike_identity_format(wanted, should),
		ike_identity_format(sa->remote_id, is), "peer identifies itself as somebody else");
	ike_failure_set_differs(x->failure, "remote.id");
	return false;
}

static bool check_auth(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;
	uint8_t expected[IKE_PRF_OUTPUT_MAX];
	size_t length;
	char ours[IKE_IDENTITY_TEXT_MAX], theirs[IKE_IDENTITY_TEXT_MAX];
	struct bytes psk = find_psk(x->e, sa);

	if (x->message->auth.method != IKE_AUTH_SHARED_KEY) {
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"peer authenticates by method %u, '%s' expects a pre-shared key",
			x->message->auth.method, sa->connection->name);
		ike_failure_set_differs(x->failure, "auth");
		return false;
	}
	if (psk.length == 0) {
		fail_psk(sa, x->failure);
		return false;
	}
	if (ike_keys_psk_auth(x->e, sa, false, sa->remote_id, psk, expected, &length) &&
		secret_equal(x->message->auth.data, bytes_of(expected, length)))
		return true;
	ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
		"pre-shared key of '%s' - '%s' differs from the peer's",
		ike_identity_format(sa->local_id, ours),
		ike_identity_format(sa->remote_id, theirs));
	ike_failure_set_differs(x->failure, "secret");
	return false;
}

static enum ike_outcome refused(struct ike_received *x)
{
	const struct ike_notify *n = ike_message_error(x->message);
	char text[IKE_NUMBER_TEXT_MAX], ours[IKE_IDENTITY_TEXT_MAX];

	if (!n)
		return IKE_OUTCOME_IGNORE;
	if (n->type == IKE_NOTIFY_AUTHENTICATION_FAILED)
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"peer refused us as '%s' (AUTHENTICATION_FAILED): the pre-shared keys "
			"differ, or it has no connection for our identities",
			ike_identity_format(x->sa->local_id, ours));
	else
		ike_failure_set(x->failure, ike_notify_reason(n->type), NULL, NULL,
			"peer refused IKE_AUTH with %s", ike_notify_format(n->type, text));
	x->failure->notify = n->type;
	return IKE_OUTCOME_END;
}

/* The IKE SA is up; now its first child. */
static void finish_child(struct ike_received *x, struct ike_task *task)
{
	struct ike_sa *sa = x->sa;
	struct ike_negotiation *n = sa->negotiation;
	struct ike_failure failure = { 0 };
	bool inform = false;
	char text[1800];

	bool done = ike_child_accept(x, task, true, bytes_of(n->nonce, n->nonce_length),
		n->peer_nonce, &failure, &inform);
	if (!done) {
		task->reason = (uint8_t)failure.reason;
		ike_log_child_failure(
			x->e, sa, sa->connection, task->child->config->name, &failure);
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"failed to establish CHILD_SA, keeping IKE_SA");
		if (inform)
			ike_delete_child_at_peer(sa, task->child);
	}
	ike_task_finish(
		x->e, task, done, done ? NULL : ike_failure_format(&failure, text, sizeof(text)));
	ike_failure_free(&failure);
}

enum ike_outcome ike_auth_answered(struct ike_received *x)
{
	struct ike_sa *sa = x->sa;

	if (!IKE_HAS(x->message, AUTH))
		return refused(x);
	if (!check_identity(x) || !check_auth(x))
		return reject(x);
	ike_mobike_read(x->e, sa, x->message);
	struct ike_task *task = sa->active;
	sa->active = NULL;
	ike_sa_established(x->e, sa);
	ike_target_worked(x->e, sa);
	ike_command_finish(x->e, task->ike_ticket, true, NULL);
	task->ike_ticket = 0;
	if (task->child)
		finish_child(x, task);
	else
		ike_task_finish(x->e, task, true, NULL);
	ike_sa_end_negotiation(sa);
	return IKE_OUTCOME_OK;
}
