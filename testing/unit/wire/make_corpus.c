/* make-wire-corpus FOLDER: writes the seeds of testing/fuzz/message, identity and isakmp.
 * After a change to the samples, in the root: ninja -C build testing/unit/wire/make-wire-corpus
 *   build/testing/unit/wire/make-wire-corpus testing/fuzz */
#include "libike/wire/isakmp.h"
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

/* ---- testing/fuzz/isakmp ---- */

static struct why why;

static void build_phase1(struct ike_builder *b)
{
	struct ike_proposals list = { 0 };
	struct isakmp_offer offers[16];

	if (!ike_proposals_add(&list, IKE_PROTOCOL_IKE, "aes256-aes128-sha256-sha1-modp2048", &why))
		exit(1);
	isakmp_build_sa(b, offers, isakmp_offers_of(&list, 1, offers, 16), (struct bytes){ 0 },
		&(struct isakmp_said){ .auth_method = ISAKMP_AUTH_PSK, .life_seconds = 86400 });
	for (int i = 0; i < ISAKMP_VENDORS; i++)
		isakmp_build_vendor(b, (enum isakmp_vendor)i);
	ike_proposals_free(&list);
}

static void build_key_exchange(struct ike_builder *b)
{
	static const uint8_t octets[64] = "public, or so it seems";

	isakmp_build_ke(b, bytes_of(octets, 64));
	isakmp_build_nonce(b, bytes_of(octets, 32));
	isakmp_build_cert(b, ISAKMP_PAYLOAD_CERTREQ, 4, (struct bytes){ 0 });
	isakmp_build_nat_d(b, false, octets, 20);
	isakmp_build_nat_d(b, true, octets, 20);
}

static void build_proof(struct ike_builder *b)
{
	struct ike_identity *id = ike_identity_parse("moon.example.org", NULL);

	isakmp_build_id(b, id, 17, 500, NULL);
	isakmp_build_cert(b, ISAKMP_PAYLOAD_CERT, 4, bytes_of_text("a certificate"));
	isakmp_build_signature(b, bytes_of_text("a signature"));
	isakmp_build_notify(b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_INITIAL_CONTACT,
		bytes_of_text("cookiesOcookiesR"), (struct bytes){ 0 });
	ike_identity_free(id);
}

static void build_quick(struct ike_builder *b)
{
	struct ike_proposals list = { 0 };
	struct ike_selector selector;
	struct isakmp_offer offers[16];
	struct address a;

	isakmp_build_hash(b, bytes_of_text("a hash of 20 octets."));
	if (!ike_proposals_add(&list, IKE_PROTOCOL_ESP, "aes128gcm16-aes256gcm16", &why) ||
		!ike_proposals_add(&list, IKE_PROTOCOL_ESP, "aes256-sha256-sha1-esn-noesn", &why) ||
		!ike_proposals_add(&list, IKE_PROTOCOL_AH, "sha256", &why) ||
		!ike_selector_parse("10.1.0.0/16[tcp/80]", &selector, &why) ||
		!address_parse("192.0.2.1", &a))
		exit(1);
	isakmp_build_sa(b, offers, isakmp_offers_of(&list, 2, offers, 16), bytes_of_text("spi1"),
		&(struct isakmp_said){ .encapsulation = ISAKMP_ENCAPSULATION_UDP_TRANSPORT,
			.cpi = 0x4321,
			.life_seconds = 3600,
			.life_kilobytes = 1 << 20 });
	isakmp_build_nonce(b, bytes_of_text("a nonce of 16 o."));
	isakmp_build_id_selector(b, &selector);
	isakmp_build_id_selector(b, &selector);
	isakmp_build_nat_oa(b, false, &a);
	ike_proposals_free(&list);
}

static void build_informational(struct ike_builder *b)
{
	static const uint32_t spis[] = { 0x10001, 0x10002 };

	isakmp_build_hash(b, bytes_of_text("a hash of 20 octets."));
	isakmp_build_delete(b, ISAKMP_PROTOCOL_ESP, spis, 2);
	isakmp_build_delete_isakmp(b, 1, 2);
	isakmp_build_notify(b, ISAKMP_PROTOCOL_ISAKMP, ISAKMP_NOTIFY_R_U_THERE,
		bytes_of_text("cookiesOcookiesR"), bytes_of_text("1234"));
}

static void build_transaction(struct ike_builder *b)
{
	isakmp_build_hash(b, bytes_of_text("a hash of 20 octets."));
	size_t mark = isakmp_build_attributes_open(b, IKE_CONFIGURATION_REQUEST, 7);
	isakmp_build_attribute_short(b, 16520, 0);
	isakmp_build_attribute(b, 16521, bytes_of_text("user"));
	isakmp_build_attribute(b, 1, (struct bytes){ 0 });
	ike_build_close(b, mark);
}

static void build_isakmp_fragment(struct ike_builder *b)
{
	size_t mark = ike_build_open(b, ISAKMP_PAYLOAD_FRAGMENT);

	writer_u32(&b->writer, 1 << 16 | 1 << 8 | 1);
	writer_put(&b->writer, bytes_of_text("part of a message"));
	ike_build_close(b, mark);
}

static void write_isakmp(const char *name, void (*build)(struct ike_builder *))
{
	static const struct ike_header header = {
		.spi_initiator = 1, .version = 0x10, .exchange = ISAKMP_EXCHANGE_QUICK
	};
	uint8_t room[SAMPLE_MAX], inner[SAMPLE_MAX];
	struct ike_builder b;
	char path[256];

	ike_builder_begin(&b, room, sizeof(room));
	build(&b);
	struct ike_packets *packets = isakmp_packets_clear(&header, &b, 0, 0);
	if (!packets)
		exit(1);
	snprintf(path, sizeof(path), "isakmp/%s-clear", name);
	write_seed(path, 0, ike_packets_get(packets, 0));
	snprintf(path, sizeof(path), "isakmp/%s-inner", name);
	inner[0] = b.first;
	memcpy(inner + 1, b.writer.at, b.writer.length);
	write_seed(path, 64, bytes_of(inner, b.writer.length + 1));
	ike_packets_free(packets);
}

static void write_all_isakmp(void)
{
	static const uint8_t fragments[] = "\1\1\0\3abc\1\3\1\2xy\1\2\0\4defg";
	static const uint8_t attributes[] = "\x80\1\0\7\0\2\0\4\0\1\2\3\x80\13\0\1";

	write_isakmp("phase1", build_phase1);
	write_isakmp("key-exchange", build_key_exchange);
	write_isakmp("proof", build_proof);
	write_isakmp("quick", build_quick);
	write_isakmp("informational", build_informational);
	write_isakmp("transaction", build_transaction);
	write_isakmp("fragment", build_isakmp_fragment);
	write_seed("isakmp/fragments", 128, bytes_of(fragments, sizeof(fragments) - 1));
	write_seed("isakmp/attributes", 192, bytes_of(attributes, sizeof(attributes) - 1));
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
	write_all_isakmp();
	return 0;
}
