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
