/*
 * Which certificate of ours can take part in an authentication method (RFC 2409 5.1, RFC 4754; with
 * XAuth and hybrid: RSA alone): the method comes before the proof, so what is agreed on has to be
 * what there is a private key for.
 *
 * ECDSA's methods are three, by the curve. Peers mix them (each end has its own key), so the curve
 * decides between several certificates, and no more.
 */
#include "libike/ikev1/signature.h"

uint8_t ikev1_signature_key_type(uint16_t method)
{
	switch (method) {
	case ISAKMP_AUTH_ECDSA_256:
	case ISAKMP_AUTH_ECDSA_384:
	case ISAKMP_AUTH_ECDSA_521:
		return IKE_KEY_ECDSA;
	default:
		return IKE_KEY_RSA;
	}
}

/* The method for signatures by that key; 0: IKEv1 has none. */
static uint16_t method_of(const struct ike_public_key *key)
{
	const struct ike_signature_scheme *scheme = ike_signature_raw(key);

	if (!scheme)
		return 0;
	if (scheme->key_type != IKE_KEY_ECDSA)
		return ISAKMP_AUTH_RSA;
	switch (ike_public_key_bits(key)) {
	case 256:
		return ISAKMP_AUTH_ECDSA_256;
	case 384:
		return ISAKMP_AUTH_ECDSA_384;
	default:
		return ISAKMP_AUTH_ECDSA_521;
	}
}

bool ikev1_signature_key_fits(const struct ike_public_key *key, uint16_t method)
{
	return method_of(key) != 0 && ike_public_key_type(key) == ikev1_signature_key_type(method);
}

/* ---- Ours ---- */

static bool has_method(const struct ike_certificate *c, uint16_t method)
{
	(void)method;
	return method_of(ike_certificate_key(c)) != 0;
}

static bool fits(const struct ike_certificate *c, uint16_t method)
{
	return ikev1_signature_key_fits(ike_certificate_key(c), method);
}

static bool fits_exactly(const struct ike_certificate *c, uint16_t method)
{
	return fits(c, method) && (ikev1_signature_key_type(method) != IKE_KEY_ECDSA ||
					  method_of(ike_certificate_key(c)) == method);
}

static size_t find(struct ike_engine *e, struct ike_trust_own_query *query,
	bool (*suits)(const struct ike_certificate *c, uint16_t method),
	struct ike_certificate *ret[IKE_TRUST_CHAIN_MAX])
{
	struct ike_failure failure = { 0 };

	query->fits = suits;
	size_t count = ike_trust_own(e, query, ret, &failure);
	ike_failure_free(&failure);
	return count;
}

static void drop(struct ike_certificate *chain[IKE_TRUST_CHAIN_MAX], size_t count)
{
	while (count > 0)
		ike_certificate_free(chain[--count]);
}

static const char *wanted_key(uint16_t method)
{
	return method == 0 ? "IKEv1 has signatures by RSA keys, and by ECDSA keys on P-256, P-384 "
			     "and P-521"
	       : ikev1_signature_key_type(method) == IKE_KEY_RSA
		       ? "RSA signatures are what is asked for"
		       : "ECDSA signatures are what is asked for";
}

/* There is none of that kind: is there another, or none at all? */
static void fail_own(
	struct ike_engine *e, struct ike_trust_own_query *query, struct ike_failure *failure)
{
	struct ike_certificate *chain[IKE_TRUST_CHAIN_MAX];
	char subject[IKE_IDENTITY_TEXT_MAX];

	query->fits = NULL;
	size_t count = ike_trust_own(e, query, chain, failure);
	if (count == 0)
		return;
	uint8_t type = ike_public_key_type(ike_certificate_key(chain[0]));
	ike_identity_format(ike_certificate_subject(chain[0]), subject);
	if (has_method(chain[0], 0))
		ike_failure_set(failure, IKE_REASON_NO_PRIVATE_KEY, NULL, NULL,
			"our certificate '%s' has an %s key: %s", subject, ike_key_type_name(type),
			wanted_key(query->demand));
	else
		ike_failure_set(failure, IKE_REASON_POLICY, NULL, NULL,
			"IKEv1 has no signatures by %s keys such as that of '%s': use RSA, or "
			"ECDSA on P-256, P-384 or P-521",
			ike_key_type_name(type), subject);
	ike_failure_set_differs(failure, "key type");
	drop(chain, count);
}

size_t ikev1_signature_own(struct ike_engine *e, struct ike_trust_own_query *query,
	struct ike_certificate *ret[IKE_TRUST_CHAIN_MAX], struct ike_failure *failure)
{
	size_t count = find(e, query, fits_exactly, ret);

	if (count == 0)
		count = find(e, query, fits, ret);
	if (count == 0)
		fail_own(e, query, failure);
	return count;
}

/* ---- Methods ---- */

static struct ike_trust_own_query query_of(
	const struct ike_auth_round *round, struct ike_identity *id, uint16_t method)
{
	return (struct ike_trust_own_query){ .round = round, .id = id, .demand = method };
}

bool ikev1_signature_can(struct ike_engine *e, const struct ike_connection *c,
	const struct address *local, uint16_t method, struct ike_failure *failure)
{
	const struct ike_auth_round *round = ikev1_signature_round(&c->local);
	struct ike_identity *id = ikev1_phase1_own_identity(c, local);
	struct ike_trust_own_query query = query_of(round, id, method);
	struct ike_certificate *chain[IKE_TRUST_CHAIN_MAX];
	size_t count = round && id ? find(e, &query, fits, chain) : 0;

	drop(chain, count);
	if (count == 0 && failure && round && id)
		fail_own(e, &query, failure);
	ike_identity_free(id);
	return count > 0;
}

uint16_t ikev1_signature_method_of_own(struct ike_engine *e, const struct ike_connection *c,
	const struct address *local, struct ike_failure *failure)
{
	const struct ike_auth_round *round = ikev1_signature_round(&c->local);
	struct ike_identity *id = ikev1_phase1_own_identity(c, local);
	struct ike_trust_own_query query = query_of(round, id, 0);
	struct ike_certificate *chain[IKE_TRUST_CHAIN_MAX];
	size_t count = round && id ? find(e, &query, has_method, chain) : 0;
	uint16_t method = count > 0 ? method_of(ike_certificate_key(chain[0])) : 0;

	drop(chain, count);
	if (count == 0 && round && id)
		fail_own(e, &query, failure);
	ike_identity_free(id);
	return method;
}
