#include "sample.h"

#include <netinet/in.h>
#include <stdlib.h>

const struct ike_header sample_header = {
	.spi_initiator = UINT64_C(0x0102030405060708),
	.spi_responder = UINT64_C(0x1112131415161718),
	.version = 0x20,
	.exchange = IKE_EXCHANGE_SA_INIT,
	.flags = IKE_FLAG_INITIATOR,
	.message_id = 0,
};

static const struct ike_proposal ike_offer[] = {
	{
		.protocol = IKE_PROTOCOL_IKE,
		.count = 5,
		.transforms = {
			{ IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_CBC, 256 },
			{ IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
			{ IKE_TRANSFORM_INTEGRITY, IKE_INTEG_HMAC_SHA2_256_128, 0 },
			{ IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_X25519, 0 },
			{ IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_MODP_2048, 0 },
		},
	},
	{
		.protocol = IKE_PROTOCOL_IKE,
		.count = 3,
		.transforms = {
			{ IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_GCM_16, 128 },
			{ IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
			{ IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_X25519, 0 },
		},
	},
};

static const struct ike_proposal esp_offer = {
	.protocol = IKE_PROTOCOL_ESP,
	.count = 3,
	.transforms = {
		{ IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_GCM_16, 256 },
		{ IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_X25519, 0 },
		{ IKE_TRANSFORM_ESN, 0, 0 },
	},
};

static const struct ike_selector selectors[] = {
	{ .family = AF_INET,
		.from = { 10, 1, 0, 0 },
		.to = { 10, 1, 255, 255 },
		.port_to = 0xffff },
	{ .family = AF_INET6,
		.from = { 0x20, 1, 0xd, 0xb8 },
		.to = { 0x20, 1, 0xd, 0xb8, 0xff },
		.protocol = IPPROTO_TCP,
		.port_from = 80,
		.port_to = 443 },
	{ .family = AF_INET, .from = { 1 }, .to = { 1 }, .protocol = 50, .port_from = 0xffff },
};

static struct bytes filler(size_t length)
{
	static uint8_t octets[256];

	memset(octets, 0x5a, sizeof(octets));
	return bytes_of(octets, length);
}

void sample_build_init(struct ike_builder *b)
{
	ike_build_sa(b, ike_offer, 2, (struct bytes){ 0 }, false);
	ike_build_ke(b, IKE_GROUP_X25519, filler(32));
	ike_build_nonce(b, filler(32));
	ike_build_notify(b, IKE_NOTIFY_NAT_DETECTION_SOURCE_IP, filler(20));
	ike_build_notify(b, IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP, filler(20));
	ike_build_vendor(b, filler(16));
}

/* ike_build_id() without the rest of identities. */
static void build_id(struct ike_builder *b, uint8_t payload, const char *name)
{
	size_t mark = ike_build_open(b, payload);

	writer_u32(&b->writer, (uint32_t)IKE_ID_FQDN << 24);
	writer_put(&b->writer, bytes_of_text(name));
	ike_build_close(b, mark);
}

void sample_build_auth(struct ike_builder *b)
{
	static const uint8_t attributes[] = { 0, 1, 0, 0, 0, 3, 0, 4, 192, 0, 2, 1 };
	static const uint8_t eap[] = { 1, 7, 0, 5, 1 };
	static const uint32_t spis[] = { 0xc0000001, 0xc0000002 };
	static const uint8_t spi[] = { 0xc1, 2, 3, 4 };

	build_id(b, IKE_PAYLOAD_ID_INITIATOR, "moon");
	build_id(b, IKE_PAYLOAD_ID_RESPONDER, "sun");
	ike_build_cert(b, IKE_PAYLOAD_CERT, 4, filler(100));
	ike_build_cert(b, IKE_PAYLOAD_CERTREQ, 4, filler(40));
	ike_build_auth(b, IKE_AUTH_SHARED_KEY, filler(32));
	ike_build_sa(b, &esp_offer, 1, bytes_of(spi, sizeof(spi)), true);
	ike_build_ts(b, IKE_PAYLOAD_TS_INITIATOR, selectors, 3);
	ike_build_ts(b, IKE_PAYLOAD_TS_RESPONDER, selectors, 2);
	ike_build_notify_spi(b, IKE_NOTIFY_REKEY_SA, IKE_PROTOCOL_ESP, bytes_of(spi, sizeof(spi)),
		(struct bytes){ 0 });
	ike_build_delete(b, IKE_PROTOCOL_IKE, NULL, 0);
	ike_build_delete(b, IKE_PROTOCOL_ESP, spis, 2);
	ike_build_configuration(
		b, IKE_CONFIGURATION_REQUEST, bytes_of(attributes, sizeof(attributes)));
	ike_build_eap(b, bytes_of(eap, sizeof(eap)));
}

size_t sample_datagram(const struct ike_builder *b, uint8_t ret[SAMPLE_MAX])
{
	struct ike_packets *packets = ike_packets_clear(&sample_header, b);

	if (!packets)
		abort();
	struct bytes datagram = ike_packets_get(packets, 0);
	bytes_copy(ret, datagram);
	ike_packets_free(packets);
	return datagram.length;
}
