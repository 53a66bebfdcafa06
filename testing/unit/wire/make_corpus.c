/* make-wire-corpus FOLDER: writes the seeds of testing/fuzz/message and testing/fuzz/identity.
 * After a change to the samples, in the root: ninja -C build testing/unit/wire/make-wire-corpus
 *   build/testing/unit/wire/make-wire-corpus testing/fuzz */
#include "sample.h"

#include <stdio.h>
#include <stdlib.h>

static const char *folder;

static void write_seed(const char *name, uint8_t first, struct bytes rest)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "wb");
	if (!file || fputc(first, file) == EOF ||
		fwrite(rest.at, 1, rest.length, file) != rest.length || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

static void write_messages(const char *name, void (*build)(struct ike_builder *))
{
	uint8_t room[SAMPLE_MAX], datagram[SAMPLE_MAX];
	struct ike_builder b;
	char path[256];

	ike_builder_begin(&b, room, sizeof(room));
	build(&b);
	snprintf(path, sizeof(path), "message/%s-outer", name);
	write_seed(path, 0, bytes_of(datagram, sample_datagram(&b, datagram)));
	snprintf(path, sizeof(path), "message/%s-inner", name);
	write_seed(path, 128 + b.first, writer_bytes(&b.writer));
}

static void build_fragment(struct ike_builder *b)
{
	size_t mark = ike_build_open(b, IKE_PAYLOAD_SEALED_FRAGMENT);

	writer_u32(&b->writer, 1 << 16 | 2);
	writer_put(&b->writer, bytes_of_text("sealed, or so it seems"));
	ike_build_close(b, mark);
}

static void build_strange(struct ike_builder *b)
{
	static const uint8_t unknown_selector[] = { 2, 0, 0, 0, 10, 0, 0, 6, 1, 2, 7, 0, 0, 16, 0,
		0, 0xff, 0xff, 10, 0, 0, 0, 10, 0, 0, 1 };

	for (unsigned i = 0; i < 60; i++)
		ike_build_notify(b, (uint16_t)(i * 300), bytes_of_text("x"));
	size_t mark = ike_build_open(b, IKE_PAYLOAD_TS_INITIATOR);
	writer_put(&b->writer, bytes_of(unknown_selector, sizeof(unknown_selector)));
	ike_build_close(b, mark);
	ike_build_close(b, ike_build_open(b, 200));
}

static void write_identities(void)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::/32", "10.0.0.1-10.0.0.9",
		"moon.example.org", "*@example.org", "@#0a:0b0c", "@@a@b", "{9}:#3000",
		"keyid:moon", "C=CH, O=Linux strongSwan, CN=*", "/C=CH/O=x/E=a@b",
		"ipv6range:::1-::2", "asn1dn:CN=x", "10.1.0.0/16[tcp/http]",
		"dynamic[icmp/3-3(255)]", "2001:db8::1-2001:db8::9[udp/1-9]",
		"0.0.0.0/0[/opaque]" };
	char path[64];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		snprintf(path, sizeof(path), "identity/text-%zu", i);
		write_seed(path, '{', bytes_of_text(texts[i]));
		struct ike_identity *id = ike_identity_parse(texts[i], NULL);
		if (!id)
			continue;
		snprintf(path, sizeof(path), "identity/wire-%zu", i);
		write_seed(path, id->type, bytes_of(id->octets, id->length));
		ike_identity_free(id);
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make-wire-corpus FOLDER\n");
		return 2;
	}
	folder = argv[1];
	write_messages("init", sample_build_init);
	write_messages("auth", sample_build_auth);
	write_messages("fragment", build_fragment);
	write_messages("strange", build_strange);
	write_identities();
	return 0;
}
