/* Identities and traffic selectors: '{' starts a text, anything else is a type and its octets. What
 * was read must print, match itself, and go to the wire and back. */
#include "libike/base/identity.h"
#include "libike/base/selector.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct ike_identity *id)
{
	char text[IKE_IDENTITY_TEXT_MAX];
	struct ike_identity *again;

	if (!id)
		return;
	if (strlen(ike_identity_format(id, text)) >= sizeof(text))
		abort();
	(void)ike_identity_is_wildcard(id);
	if (ike_identity_match(id, id) == IKE_MATCH_NONE || !ike_identity_equal(id, id))
		abort();
	again = ike_identity_from_wire(id->type, bytes_of(id->octets, id->length));
	if (id->type != IKE_ID_ANY && (!again || !ike_identity_equal(id, again)))
		abort();
	ike_identity_free(again);
	/* What it prints is either read, or refused, as some identity. */
	again = ike_identity_parse(text, NULL);
	if (again)
		(void)ike_identity_match(id, again);
	ike_identity_free(again);
	ike_identity_free(id);
}

static void check_selector(const char *text)
{
	struct ike_selector s;
	struct address network;
	uint8_t length;
	char printed[IKE_SELECTOR_TEXT_MAX];

	if (!ike_selector_parse(text, &s, NULL))
		return;
	ike_selector_format(&s, printed);
	(void)ike_selector_prefix(&s, &network, &length);
	if (!ike_selector_contains(&s, &s))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[4096];

	if (size == 0)
		return 0;
	if (data[0] != '{') {
		check(ike_identity_from_wire(data[0], bytes_of(data + 1, size - 1)));
		return 0;
	}
	if (size > sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	check(ike_identity_parse(text, NULL));
	check_selector(text);
	return 0;
}
