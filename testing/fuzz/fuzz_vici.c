/* VICI frames, packets and messages: parse, walk all, copy, and find the copy equal. */
#include "libvici/builder.h"
#include "libvici/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all of it, so that the sanitizer sees what lies outside. */
static void read_all(struct bytes in)
{
	for (size_t i = 0; i < in.length; i++)
		(void)*(const volatile uint8_t *)(in.at + i);
}

static void walk(struct vici_view in, unsigned *nodes)
{
	VICI_EACH(each, in)
	{
		read_all(vici_name(each));
		read_all(vici_value(each));
		++*nodes;
		walk(each, nodes);
	}
}

static void check_copy(const struct vici_message *m)
{
	struct vici_builder b = { 0 };
	struct bytes copy;

	VICI_EACH(each, vici_root(m))
	vici_copy(&b, each);
	if (!vici_builder_finish(&b, &copy) || !bytes_equal(copy, m->wire))
		abort();
	vici_builder_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes received = bytes_of(data, size);
	size_t used;

	while (vici_frame_next(received, &used) == VICI_FRAME_READY) {
		struct bytes body =
			bytes_of(received.at + VICI_FRAME_HEADER, used - VICI_FRAME_HEADER);
		struct vici_packet packet;
		struct vici_message m;
		unsigned nodes = 1;

		if (vici_packet_parse(body, &packet, NULL) &&
			vici_message_parse(packet.message, &m, NULL)) {
			char text[64];

			walk(vici_root(&m), &nodes);
			if (nodes != m.count)
				abort();
			if (vici_get_text(vici_root(&m), "name", text, sizeof(text)))
				vici_find_path(vici_root(&m), text);
			check_copy(&m);
			vici_message_free(&m);
		}
		received = bytes_of(received.at + used, received.length - used);
	}
	return 0;
}
