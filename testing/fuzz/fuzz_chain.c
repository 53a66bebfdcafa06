/*
 * Chains of certificates as a peer sends them: read, asked, built and verified.
 *
 * Input: certificates, each with its length (16 bits) before it; the first is loaded as a CA, those
 * behind come from the peer, the end first; then an identity: type and octets.
 */
#include "libike/engine.h"
#include "libike/trust.h"

#include <stdlib.h>

#define RECEIVED_MAX 6
#define NOW INT64_C(1798761600) /* 2027-01-01, when those of the corpus are valid */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t wall_clock(void *context)
{
	(void)context;
	return NOW;
}

static bool log_wanted(void *context, uint8_t group, int level)
{
	(void)context, (void)group, (void)level;
	return false;
}

static void look(const struct ike_certificate *c, const struct ike_identity *id)
{
	char text[IKE_IDENTITY_TEXT_MAX];
	int salt_length;

	ike_identity_format(ike_certificate_subject(c), text);
	ike_identity_format(ike_certificate_issuer(c), text);
	for (size_t i = 0; ike_certificate_alt_name(c, i); i++)
		ike_identity_format(ike_certificate_alt_name(c, i), text);
	for (size_t i = 0; ike_certificate_crl_uri(c, i); i++)
		if (!ike_certificate_crl_uri(c, i)[0])
			abort();
	(void)ike_certificate_scheme(c, &salt_length);
	if (id && ike_certificate_match(c, id) > IKE_MATCH_PERFECT)
		abort();
	/* Its own subject is proved by it. */
	if (ike_certificate_match(c, ike_certificate_subject(c)) != IKE_MATCH_PERFECT)
		abort();
}

static void ask(struct ike_engine *e, const struct ike_trust_query *query)
{
	struct ike_certificate *candidates[IKE_TRUST_CANDIDATES_MAX];
	struct ike_failure failure = { 0 };
	size_t count = ike_trust_candidates(e, query, candidates, &failure);

	if ((count == 0) != (failure.reason != IKE_REASON_NONE))
		abort();
	for (size_t i = 0; i < count; i++) {
		enum ike_trust trust = ike_trust_check(e, query, candidates[i], &failure);

		if ((trust == IKE_TRUST_NO) != (failure.reason != IKE_REASON_NONE))
			abort();
		ike_failure_free(&failure);
		ike_certificate_free(candidates[i]);
	}
	ike_failure_free(&failure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ike_host host = { .wall_clock = wall_clock, .log_wanted = log_wanted };
	struct reader r = reader_of(bytes_of(data, size));
	struct ike_certificate *all[RECEIVED_MAX + 1];
	struct ike_auth_round round = { .class = IKE_AUTH_CLASS_PUBKEY };
	struct ike_settings settings;
	size_t count = 0;
	struct why why = { "" };

	ike_settings_default(&settings);
	struct ike_engine *e = ike_engine_new(&host, &settings, &why);
	if (!e)
		abort();
	while (count <= RECEIVED_MAX && r.left > 2) {
		struct bytes der = reader_bytes(&r, reader_u16(&r));

		if (r.bad)
			break;
		why.text[0] = '\0';
		all[count] = ike_certificate_parse(NULL, der, &why);
		if (all[count])
			count++;
		else if (!why.text[0])
			abort();
	}
	uint8_t type = reader_u8(&r);
	struct ike_identity *id = r.bad ? NULL : ike_identity_from_wire(type, reader_rest(&r));
	for (size_t i = 0; i < count; i++)
		look(all[i], id);
	if (count > 1) {
		const struct ike_trust_query query = {
			.round = &round, .id = id, .received = all + 1, .received_count = count - 1
		};

		if (!ike_certificates_add(
			    ike_engine_certificates(e), all[0], IKE_CERTIFICATE_CA, false))
			abort();
		ask(e, &query);
	}
	ike_identity_free(id);
	while (count > 0)
		ike_certificate_free(all[--count]);
	ike_engine_free(e);
	return 0;
}
