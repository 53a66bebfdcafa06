/* Whether the password of XAuth is right: by our own secrets, by the host (PAM), or by a RADIUS
 * server behind EAP. */
#include "libike/ikev1/transaction.h"

void ikev1_xauth_check_over(struct ikev1_xauth *t)
{
	if (t->ticket)
		HASH_DELETE(by_ticket, t->e->passwords, t);
	t->ticket = 0;
	ikev1_xauth_eap_free(t->eap);
	t->eap = NULL;
	ike_identity_free(t->user);
	t->user = NULL;
	ike_identity_free(t->claimed);
	t->claimed = NULL;
	t->right = false;
	secret_free(&t->password);
}

static enum ikev1_checked wrong(struct ikev1_xauth *t, const char *what)
{
	char user[IKE_IDENTITY_TEXT_MAX];

	ike_failure_set(&t->failure, IKE_REASON_AUTH_FAILED, NULL, NULL, "XAuth of '%s': %s",
		ike_identity_format(t->user, user), what);
	ike_failure_set_differs(&t->failure, "password");
	return IKEV1_CHECKED_WRONG;
}

/* ---- Our secrets ---- */

/* One that belongs to us alone would be everybody's. */
static enum ikev1_checked check_secrets(struct ike_engine *e, struct ikev1_xauth *t)
{
	struct bytes known = ike_credentials_find(e->credentials, IKE_SHARED_EAP, NULL, t->user);
	char user[IKE_IDENTITY_TEXT_MAX];

	if (known.length == 0) {
		ike_failure_set(&t->failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
			"no XAuth secret found for '%s'", ike_identity_format(t->user, user));
		ike_failure_set_differs(&t->failure, "password");
		return IKEV1_CHECKED_WRONG;
	}
	return secret_equal(known, secret_bytes(&t->password))
		       ? IKEV1_CHECKED_RIGHT
		       : wrong(t, "the password is not the one that we have");
}

/* ---- The host ---- */

static enum ikev1_checked cannot_ask(struct ikev1_xauth *t, const char *why)
{
	ike_failure_set(&t->failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
		"XAuth: passwords cannot be checked with PAM: %s", why);
	return IKEV1_CHECKED_WRONG;
}

static enum ikev1_checked ask_host(struct ike_engine *e, struct ike_sa *sa, struct ikev1_xauth *t)
{
	char user[IKE_EAP_NAME_MAX + 1];
	struct writer name = writer_of(user, IKE_EAP_NAME_MAX);
	struct ike_password_check what = {
		.user = user, .password = secret_bytes(&t->password), .remote = sa->remote
	};

	if (!ike_eap_identity_put(&name, t->user))
		return cannot_ask(t, "the user's name is too long");
	user[name.length] = 0;
	if (!e->host.check_password)
		return cannot_ask(t, "there is no PAM here");
	t->ticket = ike_ticket_new(e);
	HASH_ADD(by_ticket, e->passwords, ticket, sizeof(t->ticket), t);
	if (!t->by_ticket.tbl) {
		t->ticket = 0;
		return cannot_ask(t, "out of memory");
	}
	if (e->host.check_password(e->host.context, &what, t->ticket))
		return IKEV1_CHECKED_LATER;
	return cannot_ask(t, "the process could not be started");
}

void ike_engine_password_checked(
	struct ike_engine *e, ike_time now, uint64_t ticket, const char *error)
{
	struct ikev1_xauth *t;

	e->now = now;
	HASH_FIND(by_ticket, e->passwords, &ticket, sizeof(ticket), t);
	if (!t)
		return;
	HASH_DELETE(by_ticket, e->passwords, t);
	t->ticket = 0;
	if (error)
		(void)wrong(t, error);
	ike_resume(e, t->ike_id);
}

/* ---- Who may come ---- */

static bool is_let_in(
	const struct ike_sa *sa, const struct ikev1_xauth *t, const struct ike_auth_round *round)
{
	struct bytes class = sa->radius ? sa->radius->class : (struct bytes)
	{
		0
	};

	if (round->xauth_id && ike_identity_match(t->claimed, round->xauth_id) == IKE_MATCH_NONE)
		return false;
	if (!t->right || round->group_count == 0)
		return true;
	for (size_t i = 0; i < round->group_count; i++)
		if (bytes_equal(bytes_of_text(round->groups[i]), class))
			return true;
	return false;
}

/* For the same proofs, the same check of passwords, and this user. Users of rounds before were
 * judged by the present definition. */
static bool is_for_user(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c)
{
	const struct ikev1_xauth *t = ikev1_transactions_of(sa);
	const struct ike_auth_rounds *now = &sa->connection->remote;
	uint8_t index = 0, own_index = 0;
	const struct ike_auth_round *present = ikev1_xauth_round(now, &index);
	const struct ike_auth_round *round = ikev1_xauth_round(&c->remote, &own_index);

	return present && round && index == t->remote_round && own_index == index &&
	       c->remote.count == now->count && round->xauth == present->xauth &&
	       ikev1_definition_is_possible(e, sa, c) && is_let_in(sa, t, round);
}

static void fail_user(struct ike_sa *sa, struct ikev1_xauth *t, const struct ike_auth_round *round)
{
	char is[IKE_IDENTITY_TEXT_MAX], should[IKE_IDENTITY_TEXT_MAX];
	bool grouped = t->right;

	ike_identity_format(t->claimed, is);
	if (grouped) {
		ike_failure_set(&t->failure, IKE_REASON_POLICY, NULL, NULL,
			"XAuth user '%s' is in none of the groups that connection '%s' is for", is,
			sa->connection->name);
		ike_failure_set_differs(&t->failure, "groups");
		return;
	}
	ike_failure_set(&t->failure, IKE_REASON_WRONG_IDENTITY,
		ike_identity_format(round->xauth_id, should), is,
		"XAuth user '%s' is not one that connection '%s' is for", is, sa->connection->name);
	ike_failure_set_differs(&t->failure, "xauth_id");
}

enum ikev1_checked ikev1_xauth_admit(struct ike_engine *e, struct ike_sa *sa)
{
	struct ikev1_xauth *t = ikev1_transactions_of(sa);
	const struct ike_auth_round *round =
		ikev1_xauth_round(&sa->connection->remote, &t->remote_round);

	if (is_let_in(sa, t, round))
		return IKEV1_CHECKED_RIGHT;
	fail_user(sa, t, round);
	if (!ikev1_definition_switch(e, sa, is_for_user, &t->failure))
		return IKEV1_CHECKED_WRONG;
	ike_failure_free(&t->failure);
	t->failure = (struct ike_failure){ 0 };
	return IKEV1_CHECKED_RIGHT;
}

/* ---- All of them ---- */

enum ikev1_checked ikev1_xauth_check(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round)
{
	struct ikev1_xauth *t = ikev1_transactions_of(sa);

	switch (round->xauth) {
	case IKE_XAUTH_EAP:
		return ikev1_xauth_eap_begin(e, sa, round);
	case IKE_XAUTH_PAM:
		return ask_host(e, sa, t);
	default:
		return check_secrets(e, t);
	}
}

enum ikev1_checked ikev1_xauth_check_on(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round)
{
	struct ikev1_xauth *t = ikev1_transactions_of(sa);

	(void)e;
	if (round->xauth == IKE_XAUTH_EAP)
		return ikev1_xauth_eap_resume(sa);
	if (t->ticket)
		return IKEV1_CHECKED_LATER;
	return t->failure.reason == IKE_REASON_NONE ? IKEV1_CHECKED_RIGHT : IKEV1_CHECKED_WRONG;
}
