/*
 * As responder: which definition is for a peer, once it has said who it is, and again when what it
 * proves is not good for that one (its CAs, its algorithms, its users) and may be for another.
 */
#include "libike/ikev1/ikev1.h"

#include <stdlib.h>

/* That were tried for one peer, in that order: held. */
#define TRIED_MAX 8
struct ikev1_definitions {
	struct ike_connection *items[TRIED_MAX];
	size_t count;
};

void ikev1_definitions_free(struct ikev1_definitions *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->count; i++)
		ike_connection_free(d->items[i]);
	free(d);
}

/* ---- By identity ---- */

/* In Aggressive Mode the peer knows already who we are. */
static bool says_the_same(const struct ike_sa *sa, const struct ike_connection *c)
{
	struct ike_identity *id = sa->local_id ? ikev1_phase1_own_identity(c, &sa->local) : NULL;
	bool same = !sa->local_id || (id && ike_identity_equal(id, sa->local_id));

	ike_identity_free(id);
	return same;
}

bool ikev1_definition_is_possible(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c)
{
	const struct ikev1_phase1 *p = sa->v1->phase1;
	uint16_t methods[IKEV1_METHODS_MAX];
	size_t count = ikev1_phase1_methods(e, c, &sa->local, methods), i = 0;

	while (i < count && methods[i] != p->auth_method)
		i++;
	return i < count && c->aggressive == p->aggressive && says_the_same(sa, c) &&
	       (sa->keys.length == 0 || ikev1_proof_fits(e, sa, c));
}

static struct ike_wanted_peer wanted_of(const struct ike_sa *sa, ikev1_definition_fits fits)
{
	const struct ikev1_phase1 *p = sa->v1->phase1;

	return (struct ike_wanted_peer){ .peer = sa->remote_id,
		.class = ikev1_phase1_class(p->auth_method, true),
		.unacceptable = p->unacceptable ? p->unacceptable->items : NULL,
		.unacceptable_count = p->unacceptable ? p->unacceptable->count : 0,
		.fits = fits };
}

static void fail_identity(
	struct ikev1_received *x, const struct ike_connection *nearest, const char *ruled_out)
{
	const struct ike_identity *expected = nearest ? ike_auth_rounds_id(&nearest->remote) : NULL;
	char is[IKE_IDENTITY_TEXT_MAX], should[IKE_IDENTITY_TEXT_MAX];

	ike_identity_format(x->sa->remote_id, is);
	if (!expected) {
		ike_failure_set(x->failure, IKE_REASON_NO_CONNECTION, NULL, NULL,
			"no matching connection for peer '%s': %s", is,
			ruled_out[0] ? ruled_out : "none is loaded");
		return;
	}
	ike_failure_set(x->failure, IKE_REASON_WRONG_IDENTITY,
		ike_identity_format(expected, should), is,
		"no matching connection for peer '%s': %s", is, ruled_out);
	ike_failure_set_differs(x->failure, "remote.id");
}

bool ikev1_definition_choose(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_connection *c, *nearest;
	char ruled_out[1200];
	struct ike_wanted_peer peer = wanted_of(sa, ikev1_definition_is_possible);

	if (sa->v1->phase1->chosen) /* the message had to wait */
		return true;
	c = ike_choose_by_identity(x->e, sa, &peer, ruled_out, sizeof(ruled_out), &nearest);
	if (!c) {
		if (nearest)
			ike_sa_set_connection(sa, nearest);
		fail_identity(x, nearest, ruled_out);
		return false;
	}
	if (c != sa->connection)
		ike_log(x->e, sa, IKE_LOG_CFG, IKE_LOG_INFO, "selected peer config '%s'", c->name);
	ike_sa_set_connection(sa, c);
	sa->v1->phase1->chosen = true;
	return true;
}

/* ---- The next one ---- */

static bool refuse_present(struct ike_sa *sa)
{
	struct ikev1_phase1 *p = sa->v1->phase1;

	if (!p->unacceptable)
		p->unacceptable = calloc(1, sizeof(*p->unacceptable));
	if (!p->unacceptable || p->unacceptable->count == TRIED_MAX)
		return false;
	p->unacceptable->items[p->unacceptable->count++] = ike_connection_hold(sa->connection);
	return true;
}

bool ikev1_definition_switch(struct ike_engine *e, struct ike_sa *sa, ikev1_definition_fits fits,
	const struct ike_failure *why)
{
	struct ike_connection *c, *nearest;
	char ruled_out[1200];

	if (sa->initiator || !refuse_present(sa))
		return false;
	const struct ike_wanted_peer peer = wanted_of(sa, fits);
	c = ike_choose_by_identity(e, sa, &peer, ruled_out, sizeof(ruled_out), &nearest);
	if (!c)
		return false;
	ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO,
		"peer config '%s' is unacceptable (%s), switching to '%s'", sa->connection->name,
		why->text ? why->text : "", c->name);
	ike_sa_set_connection(sa, c);
	return true;
}

/* ---- The proof ---- */

/* Another definition may list another certificate, CA or algorithm, or not insist on CRLs. */
static bool may_be_anothers(const struct ikev1_received *x)
{
	if (ikev1_phase1_class(x->sa->v1->phase1->auth_method, true) != IKE_AUTH_CLASS_PUBKEY)
		return false;
	switch (x->failure->reason) {
	case IKE_REASON_NO_CERTIFICATE:
	case IKE_REASON_UNTRUSTED:
	case IKE_REASON_WRONG_IDENTITY:
	case IKE_REASON_POLICY:
	case IKE_REASON_REVOCATION_UNKNOWN:
	case IKE_REASON_AUTH_FAILED:
		return true;
	default:
		return false;
	}
}

static void move(struct ike_failure *ret, struct ike_failure *from)
{
	ike_failure_free(ret);
	*ret = *from;
	*from = (struct ike_failure){ 0 };
}

enum ikev1_outcome ikev1_definition_verify(struct ikev1_received *x)
{
	struct ike_connection *first = ike_connection_hold(x->sa->connection);
	struct ike_failure why = { 0 };
	enum ikev1_outcome outcome = ikev1_proof_verify(x);

	while (outcome == IKEV1_END && may_be_anothers(x) &&
		ikev1_definition_switch(x->e, x->sa, ikev1_definition_is_possible, x->failure)) {
		if (why.reason == IKE_REASON_NONE)
			move(&why, x->failure);
		ike_failure_free(x->failure);
		*x->failure = (struct ike_failure){ 0 };
		outcome = ikev1_proof_verify(x);
	}
	if (outcome == IKEV1_END && why.reason != IKE_REASON_NONE) {
		move(x->failure, &why);
		ike_sa_set_connection(x->sa, first);
	}
	ike_failure_free(&why);
	ike_connection_free(first);
	return outcome;
}
