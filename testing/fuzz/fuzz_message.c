/* IKE messages. The first octet says how the rest is read: below 128 it is a datagram; from there
 * on the payloads of an opened SK, whose first type is that octet less 128. */
#include "message_walk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a caller may rely on, whatever came in. */
static void check(enum ike_parse parsed, const struct ike_message *m)
{
	if (parsed == IKE_PARSE_OK) {
		message_walk(m);
		return;
	}
	if (m->present || m->order_count || m->notify_count || m->has_sealed)
		abort();
	if (parsed == IKE_PARSE_CRITICAL && ike_payload_name(m->critical_type))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ike_header header = { .version = 0x20, .exchange = IKE_EXCHANGE_AUTH };
	struct ike_message message;
	struct why why;

	if (size == 0)
		return 0;
	struct bytes rest = bytes_of(data + 1, size - 1);
	if (data[0] < 128)
		check(ike_message_parse(rest, &message, &why), &message);
	else
		check(ike_message_parse_inner(&header, data[0] - 128, rest, &message, &why),
			&message);
	return 0;
}
