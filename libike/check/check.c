#include "libike/check/check_priv.h"

#include <stdarg.h>
#include <stdio.h>

void ike_check_say(const struct ike_check *k, enum ike_check_code code,
	const struct ike_check_place *place, const char *format, ...)
{
	char text[IKE_CHECK_TEXT_MAX];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	const struct ike_finding finding = {
		.code = code,
		.kind = place->kind,
		.name = place->name,
		.child = place->child,
		.side = place->side,
		.round = place->round,
		.key = place->key,
		.text = text,
	};
	k->report(k->context, &finding);
}

void ike_check_connection(const struct ike_check *k, size_t index)
{
	const struct ike_connection *c = k->connections[index];

	ike_check_proposals(k, c);
	ike_check_selectors(k, index);
	ike_check_candidates(k, index);
	if (!ike_check_has_no_peer(c))
		ike_check_proofs(k, c);
	ike_check_numbers(k, index);
	ike_check_pools_of(k, c);
}

void ike_check_rest(const struct ike_check *k)
{
	ike_check_secrets(k);
	ike_check_certificates(k);
	ike_check_pools(k);
}
