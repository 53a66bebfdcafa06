/* What we prove ourselves with, and whom we ask the peer to be vouched for by. */
#include "libike/trust.h"

#include "libike/engine_priv.h"

/* ---- Our own certificate ---- */

static bool has_key(struct ike_engine *e, const struct ike_certificate *c)
{
	return ike_certificates_key_of(ike_engine_certificates(e), ike_certificate_key(c)) != NULL;
}

/* The loaded CA that issued it, or NULL. */
static struct ike_certificate *issuer_of(struct ike_engine *e, const struct ike_certificate *c)
{
	const struct ike_identity *name = ike_certificate_issuer(c);
	struct bytes wanted = ike_certificate_authority_key_id(c);
	const struct ike_stored_certificate *found = NULL;

	if (!name || ike_certificate_is_self_signed(c))
		return NULL;
	while ((found = ike_certificates_by_name(ike_engine_certificates(e), name, found))) {
		struct bytes id = ike_certificate_subject_key_id(found->certificate);

		if (found->role == IKE_CERTIFICATE_CA &&
			(wanted.length == 0 || id.length == 0 || bytes_equal(wanted, id)))
			return found->certificate;
	}
	return NULL;
}

static bool is_asked_for(
	const struct ike_certificate *ca, const struct ike_cert *certreqs, size_t count)
{
	struct bytes id =
		bytes_of(ike_public_key_info_id(ike_certificate_key(ca)), IKE_KEY_ID_LENGTH);

	for (size_t i = 0; i < count; i++) {
		struct reader r = reader_of(certreqs[i].data);

		while (certreqs[i].encoding == IKE_CERT_X509_SIGNATURE && reader_more(&r))
			if (bytes_equal(reader_bytes(&r, IKE_KEY_ID_LENGTH), id))
				return true;
	}
	return false;
}

/* Whether the peer asked for a certificate of one of its CAs. */
static bool is_wanted(struct ike_engine *e, const struct ike_certificate *c,
	const struct ike_cert *certreqs, size_t count)
{
	for (size_t i = 0; i < IKE_TRUST_CHAIN_MAX && (c = issuer_of(e, c)); i++)
		if (is_asked_for(c, certreqs, count))
			return true;
	return false;
}

struct choice {
	struct ike_certificate *best; /* borrowed */
	bool wanted;
};

static void consider(struct ike_engine *e, struct choice *choice, struct ike_certificate *c,
	const struct ike_trust_own_query *query)
{
	if (!has_key(e, c) || (query->fits && !query->fits(c, query->demand)))
		return;
	bool wanted = is_wanted(e, c, query->certreqs, query->certreq_count);
	if (choice->best && (choice->wanted || !wanted))
		return;
	*choice = (struct choice){ c, wanted };
}

static void fail_own(const struct ike_auth_round *round, const struct ike_identity *id,
	struct ike_failure *failure)
{
	char text[IKE_IDENTITY_TEXT_MAX] = "%any";

	if (round->cert_count > 0)
		ike_failure_set(failure, IKE_REASON_NO_PRIVATE_KEY, NULL, NULL,
			"no private key is loaded for our certificate '%s'",
			ike_identity_format(ike_certificate_subject(round->certs[0]), text));
	else
		ike_failure_set(failure, IKE_REASON_NO_CERTIFICATE, NULL, NULL,
			"no certificate with a private key is loaded for '%s'",
			id ? ike_identity_format(id, text) : text);
}

/* With the CAs in between; the peer has the last one. */
static size_t add_chain(
	struct ike_engine *e, struct ike_certificate *c, struct ike_certificate **ret)
{
	size_t count = 0;

	ret[count++] = ike_certificate_hold(c);
	while (count < IKE_TRUST_CHAIN_MAX && (c = issuer_of(e, c)) &&
		!ike_certificate_is_self_signed(c))
		ret[count++] = ike_certificate_hold(c);
	return count;
}

size_t ike_trust_own(struct ike_engine *e, const struct ike_trust_own_query *query,
	struct ike_certificate *ret[IKE_TRUST_CHAIN_MAX], struct ike_failure *failure)
{
	const struct ike_auth_round *round = query->round;
	const struct ike_identity *id = query->id;
	const struct ike_stored_certificate *found = NULL;
	struct choice choice = { 0 };

	for (size_t i = 0; i < round->cert_count; i++)
		consider(e, &choice, round->certs[i], query);
	while (round->cert_count == 0 && id &&
		(found = ike_certificates_by_name(ike_engine_certificates(e), id, found)))
		if (found->role == IKE_CERTIFICATE_END)
			consider(e, &choice, found->certificate, query);
	if (!choice.best) {
		fail_own(round, id, failure);
		return 0;
	}
	return add_chain(e, choice.best, ret);
}

/* ---- CERTREQ ---- */

size_t ike_trust_wanted_authorities(
	struct ike_engine *e, const struct ike_auth_round *round, uint8_t *ret, size_t room)
{
	const struct ike_stored_certificate *stored;
	size_t count = 0;

	for (size_t i = 0; round && i < round->cacert_count && count < room; i++)
		memcpy(ret + IKE_KEY_ID_LENGTH * count++,
			ike_public_key_info_id(ike_certificate_key(round->cacerts[i])),
			IKE_KEY_ID_LENGTH);
	if (count > 0)
		return count;
	for (size_t i = 0;
		count < room && (stored = ike_certificates_get(ike_engine_certificates(e), i)); i++)
		if (stored->role == IKE_CERTIFICATE_CA && !stored->cached)
			memcpy(ret + IKE_KEY_ID_LENGTH * count++,
				ike_public_key_info_id(ike_certificate_key(stored->certificate)),
				IKE_KEY_ID_LENGTH);
	return count;
}
