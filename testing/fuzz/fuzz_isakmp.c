/* IKEv1 messages. The first octet says how the rest is read: below 64 it is a datagram, below 128
 * the payloads of a decrypted message, whose first type is the second octet; below 192 fragments;
 * from there on a list of attributes. */
#include "isakmp_walk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ike_proposals ours[2]; /* of phase 1 and 2 */

static void prepare(void)
{
	struct why why;

	if (ours[0].count > 0)
		return;
	if (!ike_proposals_add(&ours[0], IKE_PROTOCOL_IKE,
		    "aes256-aes128-3des-sha256-sha1-ecp256-modp2048", &why) ||
		!ike_proposals_add(&ours[1], IKE_PROTOCOL_ESP, "aes128gcm16-modp2048", &why) ||
		!ike_proposals_add(&ours[1], IKE_PROTOCOL_ESP, "aes256-null-sha256-sha1", &why))
		abort();
}

/* What a caller may rely on, whatever came in. */
static void check(bool parsed, const struct isakmp_message *m)
{
	if (parsed && !m->encrypted) {
		isakmp_walk(m, ours);
		return;
	}
	if (m->present || m->order_count || m->notify_count || m->repeated || m->id_count)
		abort();
}

/* Each: id with what the message turns out to be and time that passes, number, last, length,
 * octets. */
static void reassemble(struct bytes input)
{
	struct isakmp_reassembly *r = NULL;
	struct reader in = reader_of(input);
	struct isakmp_message m = { 0 };
	struct bytes whole;
	size_t held = 0;
	int64_t now = 0;

	while (reader_more(&in)) {
		uint8_t how = reader_u8(&in);

		now += how & 0x40 ? ISAKMP_REASSEMBLY_TIME / 2 : 0;
		(void)isakmp_reassembly_expire(&r, now);
		m.fragment.id = how & 15;
		m.fragment.number = reader_u8(&in);
		m.fragment.last = reader_u8(&in) & 1;
		size_t length = reader_u8(&in);

		m.fragment.data = reader_bytes(&in, length < in.left ? length : in.left);
		if (m.fragment.data.length == 0) /* is refused before */
			continue;
		if (isakmp_reassembly_add(&r, &m, now, &held, how & 0x80 ? 4000 : SIZE_MAX,
			    &whole) != IKE_REASSEMBLY_DONE)
			continue;
		if (whole.length > IKE_REASSEMBLY_MAX)
			abort();
		walk_bytes(whole);
		free((void *)whole.at);
		if (how & 0x20)
			isakmp_reassembly_drop(&r, m.fragment.id);
	}
	if ((isakmp_reassembly_deadline(r) == INT64_MAX) != (r == NULL))
		abort();
	isakmp_reassembly_free(r);
	if (held != 0)
		abort();
}

static void list_attributes(struct bytes list)
{
	struct isakmp_attribute a;
	size_t cursor = 0, before = 0;

	while (isakmp_attribute_next(list, &cursor, &a)) {
		if (cursor <= before || cursor > list.length)
			abort();
		before = cursor;
		walk_bytes(a.value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ike_header header = { .version = 0x10, .exchange = ISAKMP_EXCHANGE_QUICK };
	static struct isakmp_message message;
	struct why why;

	if (size < 2)
		return 0;
	prepare();
	struct bytes rest = bytes_of(data + 1, size - 1);
	if (data[0] < 64) {
		check(isakmp_message_parse(rest, &message, &why), &message);
	} else if (data[0] < 128) {
		header.next_payload = data[1];
		rest = bytes_of(data + 2, size - 2);
		check(isakmp_message_parse_inner(&header, rest, &message, &why), &message);
	} else if (data[0] < 192) {
		reassemble(rest);
	} else {
		list_attributes(rest);
	}
	return 0;
}
