/* What both roles have in common in IKE_AUTH: rounds and identities. */
#include "libike/ikev2/auth.h"

#include <stdlib.h>

struct ike_auth *ike_auth_new(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_auth *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->e = e;
	a->sa = sa;
	if (sa->connection)
		a->connection = ike_connection_hold(sa->connection);
	return a;
}

void ike_auth_free(struct ike_auth *a)
{
	if (!a)
		return;
	ike_signing_forget(a->e, &a->signing);
	ike_auth_drop_certs(a);
	ike_auth_drop_own(a);
	ike_eap_free(a->eap);
	for (size_t i = 0; i < a->unacceptable_count; i++)
		ike_connection_free(a->unacceptable[i]);
	free((void *)a->value.at);
	free((void *)a->eap_out.at);
	ike_connection_free(a->connection);
	ike_identity_free(a->id);
	ike_identity_free(a->peer_id);
	ike_message_forget(&a->first);
	secret_wipe(a, sizeof(*a));
	free(a);
}

const struct ike_auth_round *ike_auth_ours(const struct ike_auth *a)
{
	const struct ike_auth_rounds *rounds = &a->connection->local;

	return a->local_rounds < rounds->count ? &rounds->items[a->local_rounds] : NULL;
}

const struct ike_auth_round *ike_auth_theirs(const struct ike_auth *a)
{
	const struct ike_auth_rounds *rounds = &a->connection->remote;

	return a->remote_rounds < rounds->count ? &rounds->items[a->remote_rounds] : NULL;
}

bool ike_auth_is_over(const struct ike_auth *a)
{
	return !ike_auth_ours(a) && !ike_auth_theirs(a);
}

/* Identities are counted references, and nobody writes to them. */
static struct ike_identity *subject_of(const struct ike_certificate *c)
{
	return (struct ike_identity *)ike_certificate_subject(c);
}

bool ike_auth_choose_id(struct ike_auth *a, struct ike_identity *wanted)
{
	const struct ike_auth_round *round = ike_auth_ours(a);

	ike_identity_free(a->id);
	a->id_is_old = false;
	if (round && round->id && !ike_identity_is_wildcard(round->id))
		a->id = ike_identity_hold(round->id);
	else if (round && round->cert_count > 0)
		a->id = ike_identity_hold(subject_of(round->certs[0]));
	else if (wanted)
		a->id = ike_identity_hold(wanted);
	else
		a->id = ike_identity_of_address(&a->sa->local);
	if (a->id && !a->sa->local_id) /* the SA goes by the first round's */
		a->sa->local_id = ike_identity_hold(a->id);
	return a->id != NULL;
}

bool ike_auth_have_id(struct ike_auth *a, struct ike_failure *failure)
{
	if ((a->id && !a->id_is_old) || ike_auth_choose_id(a, NULL))
		return true;
	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
	return false;
}

bool ike_auth_count(struct ike_received *x)
{
	struct ike_auth *a = x->sa->negotiation->auth;

	a->octets += (uint32_t)x->message->chain.length;
	if (++a->exchanges <= IKE_AUTH_EXCHANGES_MAX && a->octets <= IKE_AUTH_OCTETS_MAX)
		return true;
	ike_failure_set(x->failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"peer is not through with IKE_AUTH after %u round trips and %u octets",
		a->exchanges, a->octets);
	return false;
}

bool ike_auth_proved(struct ike_received *x)
{
	struct ike_auth *a = x->sa->negotiation->auth;
	bool follows = ike_message_notify(x->message, IKE_NOTIFY_ANOTHER_AUTH_FOLLOWS) != NULL;

	if (a->remote_rounds == 0 && a->candidate &&
		ike_certificate_kind(a->candidate) == IKE_CERTIFICATE_X509)
		x->sa->remote_cert = bytes_duplicate(ike_certificate_der(a->candidate));
	a->remote_rounds++;
	if (follows == (ike_auth_theirs(a) != NULL))
		return true;
	ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
		follows ? "peer authenticates more often than %zu times, as connection '%s' has it"
			: "peer does not authenticate %zu times, as connection '%s' has it",
		a->connection->remote.count, a->connection->name);
	ike_failure_set_differs(x->failure, "auth");
	return false;
}

void ike_auth_prove_next(struct ike_auth *a)
{
	if (a->local_rounds == 0 && a->own_count > 0 &&
		ike_certificate_kind(a->own[0]) == IKE_CERTIFICATE_X509)
		a->sa->local_cert = ike_certificate_hold(a->own[0]);
	a->local_rounds++;
	a->method = 0;
	a->id_is_old = true;
	ike_auth_drop_own(a);
}

void ike_auth_build_follows(const struct ike_auth *a, struct ike_builder *b)
{
	if (a->local_rounds + 1u < a->connection->local.count)
		ike_build_notify(b, IKE_NOTIFY_ANOTHER_AUTH_FOLLOWS, (struct bytes){ 0 });
}
