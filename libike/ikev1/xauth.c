/*
 * XAuth (draft-beaulieu-ike-xauth-02): after phase 1's proofs a user proves himself by name and
 * password, one round of the definition after the other. The one who asks says REQUEST, gets
 * REPLY, and tells the outcome with SET, which is acknowledged.
 */
#include "libike/ikev1/transaction.h"

#define QUESTIONS_MAX 8 /* of a peer that is never content */

bool ikev1_xauth_concerns(const struct isakmp_message *message)
{
	struct isakmp_attribute a;
	size_t cursor = 0;

	while (isakmp_attribute_next(message->attributes.list, &cursor, &a))
		if (a.type >= IKEV1_XAUTH_TYPE && a.type <= IKEV1_XAUTH_ANSWER)
			return true;
	return false;
}

const struct ike_auth_round *ikev1_xauth_round(const struct ike_auth_rounds *rounds, uint8_t *index)
{
	while (*index < rounds->count && rounds->items[*index].class != IKE_AUTH_CLASS_XAUTH)
		(*index)++;
	return *index < rounds->count ? &rounds->items[*index] : NULL;
}

static uint16_t value_of(const struct isakmp_attribute *a)
{
	struct reader r = reader_of(a->value);

	return reader_u16(&r);
}

/* ---- We ask ---- */

bool ikev1_xauth_ask(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1_attributes m;

	ikev1_attributes_open(e, sa, IKE_CONFIGURATION_REQUEST, (uint16_t)sa->unique_id, &m);
	isakmp_build_attribute_short(&m.b, IKEV1_XAUTH_TYPE, IKEV1_XAUTH_TYPE_GENERIC);
	isakmp_build_attribute(&m.b, IKEV1_XAUTH_USER_NAME, (struct bytes){ 0 });
	isakmp_build_attribute(&m.b, IKEV1_XAUTH_USER_PASSWORD, (struct bytes){ 0 });
	ikev1_transactions_stage(e, sa, IKEV1_TRANSACTING_ASKED, IKE_NEVER);
	return ikev1_attributes_ask(e, sa, &m);
}

/* The round that is under way. */
static const struct ike_auth_round *asked_round(const struct ike_sa *sa, struct ikev1_xauth *t)
{
	return ikev1_xauth_round(&sa->connection->remote, &t->remote_round);
}

static bool tell(struct ike_engine *e, struct ike_sa *sa, bool right)
{
	struct ikev1_attributes m;

	ikev1_attributes_open(e, sa, IKE_CONFIGURATION_SET, (uint16_t)sa->unique_id, &m);
	isakmp_build_attribute_short(
		&m.b, IKEV1_XAUTH_STATUS, right ? IKEV1_XAUTH_OK : IKEV1_XAUTH_FAIL);
	ikev1_transactions_stage(e, sa, IKEV1_TRANSACTING_TELL, IKE_NEVER);
	return ikev1_attributes_ask(e, sa, &m);
}

/* The last of them says who the peer is. */
static bool is_last(const struct ike_sa *sa, const struct ikev1_xauth *t)
{
	uint8_t next = (uint8_t)(t->remote_round + 1);

	return !ikev1_xauth_round(&sa->connection->remote, &next);
}

/* The password is right: lets the user in, if nothing else is against it. */
static bool let_in(struct ike_engine *e, struct ike_sa *sa, struct ikev1_xauth *t)
{
	if (ikev1_xauth_admit(e, sa) != IKEV1_CHECKED_RIGHT)
		return false;
	ike_identity_free(sa->remote_eap_id);
	sa->remote_eap_id = t->user;
	t->user = NULL;
	return !is_last(sa, t) || ikev1_phase1_is_unique(e, sa, &t->failure);
}

/* The check has come to an end: tells the peer. */
static bool conclude(
	struct ike_engine *e, struct ike_sa *sa, struct ikev1_xauth *t, enum ikev1_checked checked)
{
	char text[IKE_IDENTITY_TEXT_MAX] = "(nobody)";

	if (t->user)
		ike_identity_format(t->user, text);
	t->right = checked == IKEV1_CHECKED_RIGHT;
	bool right = t->right && let_in(e, sa, t);
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "XAuth authentication of '%s' %s", text,
		right ? "successful" : "failed");
	ikev1_xauth_check_over(t);
	return tell(e, sa, right);
}

/* A text of the peer's: some end theirs with a zero. */
static struct bytes text_of(struct bytes value)
{
	const uint8_t *zero = value.length ? memchr(value.at, 0, value.length) : NULL;

	return bytes_of(value.at, zero ? (size_t)(zero - value.at) : value.length);
}

/* It is in the engine's buffer, and has to go from there. */
static bool take_password(struct ikev1_xauth *t, struct bytes value)
{
	bool taken = secret_copy(&t->password, text_of(value));

	secret_wipe((void *)value.at, value.length);
	return taken;
}

/* No name and password: we have no challenges, and answer none. */
static bool is_known_type(uint16_t type, struct ike_failure *failure)
{
	static const char *const names[] = { [IKEV1_XAUTH_TYPE_CHAP] = "RADIUS-CHAP",
		[IKEV1_XAUTH_TYPE_OTP] = "OTP",
		[IKEV1_XAUTH_TYPE_SKEY] = "S/KEY" };
	bool named = type < sizeof(names) / sizeof(*names) && names[type];

	if (type == IKEV1_XAUTH_TYPE_GENERIC)
		return true;
	ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
		"the peer wants XAuth of type %u (%s), and we know name and password alone: have "
		"it use generic XAuth (type 0)",
		type, named ? names[type] : "unknown");
	return false;
}

static enum ikev1_checked check_reply(struct ikev1_received *x, struct ikev1_xauth *t)
{
	struct isakmp_attribute name, password, status, type;
	bool named = ikev1_attribute_find(x->message, IKEV1_XAUTH_USER_NAME, &name);
	bool proves = ikev1_attribute_find(x->message, IKEV1_XAUTH_USER_PASSWORD, &password) ||
		      ikev1_attribute_find(x->message, IKEV1_XAUTH_PASSCODE, &password);

	if (proves && !take_password(t, password.value)) {
		ike_failure_set(&t->failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return IKEV1_CHECKED_WRONG;
	}
	if (ikev1_attribute_find(x->message, IKEV1_XAUTH_STATUS, &status) &&
		value_of(&status) == IKEV1_XAUTH_FAIL) {
		ike_failure_set(&t->failure, IKE_REASON_REFUSED_BY_PEER, NULL, NULL,
			"the peer's user cancelled XAuth");
		ike_failure_set_differs(&t->failure, "password");
		return IKEV1_CHECKED_WRONG;
	}
	if (ikev1_attribute_find(x->message, IKEV1_XAUTH_TYPE, &type) &&
		!is_known_type(value_of(&type), &t->failure))
		return IKEV1_CHECKED_WRONG;
	if (named)
		t->user = ike_eap_identity_of(text_of(name.value));
	if (!t->user || !proves) {
		ike_failure_set(&t->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"the peer's answer to XAuth has no %s", t->user ? "password" : "user name");
		return IKEV1_CHECKED_WRONG;
	}
	t->claimed = ike_identity_hold(t->user);
	if (ikev1_xauth_admit(x->e, x->sa) != IKEV1_CHECKED_RIGHT)
		return IKEV1_CHECKED_WRONG;
	return ikev1_xauth_check(x->e, x->sa, asked_round(x->sa, t));
}

enum ikev1_outcome ikev1_xauth_reply(struct ikev1_received *x)
{
	struct ikev1_xauth *t = ikev1_transactions_of(x->sa);
	enum ikev1_checked checked;

	ikev1_exchange_done(x->e, x->sa, x->exchange);
	ikev1_transactions_stage(x->e, x->sa, IKEV1_TRANSACTING_CHECK, IKE_NEVER);
	checked = check_reply(x, t);
	if (checked == IKEV1_CHECKED_LATER || conclude(x->e, x->sa, t, checked))
		return IKEV1_OK;
	return ikev1_transactions_end(x);
}

void ikev1_transactions_resume(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1_xauth *t = ikev1_transactions_of(sa);
	struct ike_failure failure = { 0 };
	enum ikev1_checked checked;

	ikev1_mode_config_resume(e, sa);
	if (!t || t->stage != IKEV1_TRANSACTING_CHECK)
		return;
	checked = ikev1_xauth_check_on(e, sa, asked_round(sa, t));
	if (checked != IKEV1_CHECKED_LATER && !conclude(e, sa, t, checked))
		ikev1_transactions_fail(e, sa, &failure);
	ike_failure_free(&failure);
}

enum ikev1_outcome ikev1_xauth_acknowledged(struct ikev1_received *x)
{
	struct ikev1_xauth *t = ikev1_transactions_of(x->sa);

	ikev1_exchange_done(x->e, x->sa, x->exchange);
	if (t->failure.reason != IKE_REASON_NONE) {
		ike_failure_free(x->failure);
		ike_failure_copy(x->failure, &t->failure);
		return ikev1_transactions_end(x);
	}
	t->remote_round++;
	return ikev1_transactions_next(x->e, x->sa, x->failure) ? IKEV1_OK
								: ikev1_transactions_end(x);
}

/* ---- We are asked ---- */

/* Says that we cannot, and gives up. */
static enum ikev1_outcome refuse(struct ikev1_received *x)
{
	struct ikev1_attributes m;

	ikev1_attributes_open(x->e, x->sa, IKE_CONFIGURATION_REPLY, x->message->attributes.id, &m);
	isakmp_build_attribute_short(&m.b, IKEV1_XAUTH_STATUS, IKEV1_XAUTH_FAIL);
	(void)!ikev1_attributes_answer(x, &m);
	return ikev1_transactions_end(x);
}

static void log_message(struct ikev1_received *x)
{
	struct isakmp_attribute message;
	char text[256];

	if (ikev1_attribute_find(x->message, IKEV1_XAUTH_MESSAGE, &message))
		ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO, "XAuth message: %s",
			ike_eap_printable(text_of(message.value), text, sizeof(text)));
}

static bool may_answer(struct ikev1_received *x, const struct ikev1_xauth *t)
{
	struct isakmp_attribute type;

	if (t->questions >= QUESTIONS_MAX) {
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"the peer asks for XAuth again and again");
		return false;
	}
	return !ikev1_attribute_find(x->message, IKEV1_XAUTH_TYPE, &type) ||
	       is_known_type(value_of(&type), x->failure);
}

/* Who we say to be. */
static const struct ike_identity *own_user(
	const struct ike_sa *sa, const struct ike_auth_round *round)
{
	const struct ike_identity *id = round->xauth_id ? round->xauth_id : round->id;

	return id && !ike_identity_is_wildcard(id) ? id : sa->local_id;
}

static bool put_answers(struct ikev1_received *x, const struct ike_identity *user,
	struct bytes password, struct ikev1_attributes *m)
{
	uint8_t room[IKE_IDENTITY_TEXT_MAX];
	struct writer name = writer_of(room, sizeof(room));
	struct isakmp_attribute a;
	size_t cursor = 0;
	bool any = false;

	if (!ike_eap_identity_put(&name, user))
		return false;
	while (isakmp_attribute_next(x->message->attributes.list, &cursor, &a)) {
		bool is_name = a.type == IKEV1_XAUTH_USER_NAME;
		bool is_password = a.type == IKEV1_XAUTH_USER_PASSWORD ||
				   a.type == IKEV1_XAUTH_PASSCODE || a.type == IKEV1_XAUTH_NEXT_PIN;

		if (is_name || is_password)
			isakmp_build_attribute(
				&m->b, a.type, is_name ? writer_bytes(&name) : password);
		else if (a.type == IKEV1_XAUTH_TYPE)
			isakmp_build_attribute_short(&m->b, a.type, IKEV1_XAUTH_TYPE_GENERIC);
		any = any || is_name || is_password;
	}
	return any;
}

static bool answer(struct ikev1_received *x, const struct ike_auth_round *round)
{
	const struct ike_identity *user = own_user(x->sa, round);
	struct bytes password =
		ike_credentials_find(x->e->credentials, IKE_SHARED_EAP, user, x->sa->remote_id);
	char text[IKE_IDENTITY_TEXT_MAX];
	struct ikev1_attributes m;

	ike_identity_format(user, text);
	if (password.length == 0) {
		ike_failure_set(x->failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
			"no XAuth secret found for '%s'", text);
		ike_failure_set_differs(x->failure, "password");
		return false;
	}
	ikev1_attributes_open(x->e, x->sa, IKE_CONFIGURATION_REPLY, x->message->attributes.id, &m);
	if (!put_answers(x, user, password, &m)) {
		ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"the peer's XAuth asks for neither name nor password, or ours is too long");
		return false;
	}
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO, "answering XAuth as '%s'", text);
	return ikev1_attributes_answer(x, &m);
}

enum ikev1_outcome ikev1_xauth_question(struct ikev1_received *x)
{
	struct ikev1_xauth *t = ikev1_transactions_of(x->sa);
	const struct ike_auth_round *round;

	/* Phase 1's method has said which side asks; a peer that asks later is not heard. */
	if (!t || (t->stage != IKEV1_TRANSACTING_AWAIT_QUESTION &&
			  t->stage != IKEV1_TRANSACTING_AWAIT_STATUS))
		return IKEV1_IGNORE;
	round = ikev1_xauth_round(&x->sa->connection->local, &t->local_round);
	log_message(x);
	if (!may_answer(x, t) || !answer(x, round))
		return refuse(x);
	t->questions++;
	ikev1_transactions_stage(x->e, x->sa, IKEV1_TRANSACTING_AWAIT_STATUS,
		x->e->now + ikev1_transactions_patience(x->e));
	return IKEV1_OK;
}

static bool acknowledge(struct ikev1_received *x)
{
	struct ikev1_attributes m;

	ikev1_attributes_open(x->e, x->sa, IKE_CONFIGURATION_ACK, x->message->attributes.id, &m);
	isakmp_build_attribute(&m.b, IKEV1_XAUTH_STATUS, (struct bytes){ 0 });
	return ikev1_attributes_answer(x, &m);
}

enum ikev1_outcome ikev1_xauth_status(struct ikev1_received *x)
{
	struct ikev1_xauth *t = ikev1_transactions_of(x->sa);
	char user[IKE_IDENTITY_TEXT_MAX];
	struct isakmp_attribute status;

	if (!t ||
		(t->stage != IKEV1_TRANSACTING_AWAIT_QUESTION &&
			t->stage != IKEV1_TRANSACTING_AWAIT_STATUS) ||
		!ikev1_attribute_find(x->message, IKEV1_XAUTH_STATUS, &status))
		return IKEV1_IGNORE;
	const struct ike_auth_round *round =
		ikev1_xauth_round(&x->sa->connection->local, &t->local_round);
	log_message(x);
	if (!acknowledge(x))
		return ikev1_transactions_end(x);
	if (value_of(&status) != IKEV1_XAUTH_OK) {
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"the peer refuses XAuth user '%s'",
			ike_identity_format(own_user(x->sa, round), user));
		ike_failure_set_differs(x->failure, "password");
		return ikev1_transactions_end(x);
	}
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO, "XAuth authentication of '%s' successful",
		ike_identity_format(own_user(x->sa, round), user));
	t->local_round++;
	return ikev1_transactions_next(x->e, x->sa, x->failure) ? IKEV1_OK
								: ikev1_transactions_end(x);
}
