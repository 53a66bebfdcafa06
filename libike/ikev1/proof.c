/*
 * Who somebody is (RFC 2409 5.1, 5.4): by a pre-shared key, of which SKEYID comes, HASH is all the
 * proof. Signatures are in signature.c.
 *
 * In Main Mode the key is needed before the peer has said who it is. The definitions that are for
 * its addresses say who is expected there; who may be anybody is looked for by the address.
 */
#include "libike/ikev1/signature.h"

bool ikev1_proof_is_shared(const struct ike_sa *sa)
{
	return ikev1_phase1_class(sa->v1->phase1->auth_method, true) == IKE_AUTH_CLASS_PSK &&
	       ikev1_phase1_class(sa->v1->phase1->auth_method, false) == IKE_AUTH_CLASS_PSK;
}

/* Whom the rounds name, else the address. Held; NULL: memory ran out. */
static struct ike_identity *named(const struct ike_auth_rounds *rounds, const struct address *a)
{
	struct ike_identity *id = ike_auth_rounds_id(rounds);

	return id && !ike_identity_is_wildcard(id) ? ike_identity_hold(id)
						   : ike_identity_of_address(a);
}

static struct bytes find(
	struct ike_engine *e, const struct ike_identity *mine, const struct ike_identity *theirs)
{
	return ike_credentials_find(e->credentials, IKE_SHARED_IKE, mine, theirs);
}

static struct bytes find_by_address(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_identity *mine)
{
	struct ike_identity *local = ike_identity_of_address(&sa->local);
	struct ike_identity *remote = ike_identity_of_address(&sa->remote);
	struct bytes key = { 0 };

	if (local && remote)
		key = find(e, local, remote);
	/* One that is said to be for anybody's use with us. */
	if (key.length == 0)
		key = find(e, mine, NULL);
	ike_identity_free(local);
	ike_identity_free(remote);
	return key;
}

struct bytes ikev1_proof_psk(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c)
{
	bool knows_peer = sa->v1->phase1->aggressive && sa->remote_id;
	struct ike_identity *mine = named(&c->local, &sa->local);
	struct ike_identity *theirs =
		knows_peer ? ike_identity_hold(sa->remote_id) : named(&c->remote, &sa->remote);
	struct bytes key = { 0 };

	if (mine && theirs)
		key = find(e, mine, theirs);
	if (key.length == 0 && mine && !knows_peer)
		key = find_by_address(e, sa, mine);
	ike_identity_free(mine);
	ike_identity_free(theirs);
	return key;
}

static struct bytes nonces(const struct ike_sa *sa, bool of_initiator)
{
	const struct ike_negotiation *n = sa->negotiation;

	return of_initiator == sa->initiator ? bytes_of(n->nonce, n->nonce_length) : n->peer_nonce;
}

static bool comes_of(struct ike_engine *e, const struct ike_sa *sa, struct bytes key)
{
	struct bytes both[] = { nonces(sa, true), nonces(sa, false) };
	uint8_t skeyid[IKE_PRF_OUTPUT_MAX];
	bool same = key.length > 0 && ike_prf(e->crypto, sa->suite.prf, key, both, 2, skeyid) &&
		    secret_equal(secret_bytes(&sa->v1->phase1->skeyid),
			    bytes_of(skeyid, ike_suite_prf(&sa->suite)->output_length));

	secret_wipe(skeyid, sizeof(skeyid));
	return same;
}

bool ikev1_proof_is_anothers(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c)
{
	struct ike_identity *mine = named(&c->local, &sa->local);
	struct bytes key =
		ike_credentials_find_named(e->credentials, IKE_SHARED_IKE, mine, sa->remote_id);

	ike_identity_free(mine);
	return key.length > 0 && !comes_of(e, sa, key);
}

bool ikev1_proof_fits(struct ike_engine *e, const struct ike_sa *sa, const struct ike_connection *c)
{
	if (!ikev1_proof_is_shared(sa))
		return ikev1_signature_is_good_for(e, sa, c);
	return comes_of(e, sa, ikev1_proof_psk(e, sa, c)) && !ikev1_proof_is_anothers(e, sa, c);
}

static void no_key(const struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_identity *mine = named(&sa->connection->local, &sa->local);
	struct ike_identity *theirs = sa->remote_id ? ike_identity_hold(sa->remote_id)
						    : named(&sa->connection->remote, &sa->remote);
	char ours[IKE_IDENTITY_TEXT_MAX] = "", peers[IKE_IDENTITY_TEXT_MAX] = "";

	if (mine)
		ike_identity_format(mine, ours);
	if (theirs)
		ike_identity_format(theirs, peers);
	ike_failure_set(failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
		"no shared key found for '%s' - '%s'", ours, peers);
	ike_identity_free(mine);
	ike_identity_free(theirs);
}

bool ikev1_proof_skeyid(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct bytes key = { 0 };

	if (ikev1_proof_is_shared(sa)) {
		key = ikev1_proof_psk(e, sa, sa->connection);
		if (key.length == 0) {
			no_key(sa, failure);
			return false;
		}
	}
	if (ikev1_keys_skeyid(e, sa, key))
		return true;
	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "no keys could be made");
	return false;
}

/* Hybrid authentication: the client proves itself by XAuth, later. */
static bool signs(const struct ike_sa *sa, bool ours)
{
	return ikev1_phase1_class(sa->v1->phase1->auth_method, ours == sa->initiator) ==
	       IKE_AUTH_CLASS_PUBKEY;
}

enum ikev1_outcome ikev1_proof_build(
	struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b, struct ike_failure *failure)
{
	uint8_t hash[IKE_PRF_OUTPUT_MAX];

	if (signs(sa, true))
		return ikev1_signature_build(e, sa, b, failure);
	if (!ikev1_keys_hash(e, sa, sa->initiator, hash)) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL,
			"our proof could not be made: out of memory");
		return IKEV1_END;
	}
	isakmp_build_hash(b, bytes_of(hash, ikev1_keys_hash_length(sa)));
	return IKEV1_OK;
}

enum ikev1_outcome ikev1_proof_verify(struct ikev1_received *x)
{
	struct ike_sa *sa = x->sa;
	uint8_t expected[IKE_PRF_OUTPUT_MAX];
	char ours[IKE_IDENTITY_TEXT_MAX] = "our address", theirs[IKE_IDENTITY_TEXT_MAX];

	if (signs(sa, false))
		return ikev1_signature_verify(x);
	if (ISAKMP_HAS(x->message, HASH) && ikev1_keys_hash(x->e, sa, !sa->initiator, expected) &&
		secret_equal(x->message->hash, bytes_of(expected, ikev1_keys_hash_length(sa))))
		return IKEV1_OK;
	if (!ikev1_proof_is_shared(sa)) {
		ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
			"the peer's hash over the exchange is wrong");
		return IKEV1_END;
	}
	if (sa->local_id)
		ike_identity_format(sa->local_id, ours);
	ike_failure_set(x->failure, IKE_REASON_AUTH_FAILED, NULL, NULL,
		"pre-shared key of '%s' - '%s' differs from the peer's", ours,
		ike_identity_format(sa->remote_id, theirs));
	ike_failure_set_differs(x->failure, "secret of phase 1");
	return IKEV1_END;
}

enum ikev1_outcome ikev1_proof_read(struct ikev1_received *x)
{
	struct ike_failure damaged = { 0 }, *failure = x->failure;
	char text[1200];

	if (!ikev1_proof_is_shared(x->sa))
		return ikev1_phase1_read_id(x) ? IKEV1_OK : IKEV1_END;
	x->failure = &damaged;
	bool good = ikev1_phase1_read_id(x) && ikev1_proof_verify(x) == IKEV1_OK;
	x->failure = failure;
	if (!good) {
		x->sa->v1->phase1->unproved = true;
		ike_log_noise(x->e, x->sa, IKE_LOG_IKE, "ignoring a damaged proof: %s",
			ike_failure_format(&damaged, text, sizeof(text)));
		ikev1_phase1_suspect(x->e, x->sa);
	}
	ike_failure_free(&damaged);
	return good ? IKEV1_OK : IKEV1_IGNORE;
}

void ikev1_proof_build_certreq(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	if (signs(sa, false))
		ikev1_signature_build_certreq(e, sa, b);
}
