/* Not there yet. */
#include "libike/wire/isakmp.h"

const char *isakmp_payload_name(uint8_t type)
{
	(void)type;
	return NULL;
}

const char *isakmp_exchange_name(uint8_t type)
{
	(void)type;
	return NULL;
}

const char *isakmp_notify_name(uint16_t type)
{
	(void)type;
	return NULL;
}

char *isakmp_notify_format(uint16_t type, char text[IKE_NUMBER_TEXT_MAX])
{
	(void)type;
	(void)text;
	return NULL;
}

struct bytes isakmp_vendor_id(enum isakmp_vendor vendor)
{
	(void)vendor;
	return (struct bytes){ 0 };
}

enum isakmp_vendor isakmp_vendor_find(struct bytes data)
{
	(void)data;
	return 0;
}

bool isakmp_offer_next(
	const struct isakmp_sa_view *view, int phase, size_t *cursor, struct isakmp_offer *ret)
{
	(void)view;
	(void)phase;
	(void)cursor;
	(void)ret;
	return false;
}

size_t isakmp_offers_of(
	const struct ike_proposals *list, int phase, struct isakmp_offer *ret, size_t room)
{
	(void)list;
	(void)phase;
	(void)ret;
	(void)room;
	return 0;
}

bool isakmp_offer_choose(const struct ike_proposals *ours, const struct isakmp_sa_view *theirs,
	int phase, const uint16_t *auth_methods, size_t auth_method_count, struct isakmp_offer *ret)
{
	(void)ours;
	(void)theirs;
	(void)phase;
	(void)auth_methods;
	(void)auth_method_count;
	(void)ret;
	return false;
}

bool isakmp_offer_accepts(const struct ike_proposals *offered, const struct isakmp_sa_view *answer,
	int phase, struct isakmp_offer *ret)
{
	(void)offered;
	(void)answer;
	(void)phase;
	(void)ret;
	return false;
}

size_t isakmp_offers_to_proposals(
	const struct isakmp_sa_view *view, int phase, struct ike_proposal *ret, size_t room)
{
	(void)view;
	(void)phase;
	(void)ret;
	(void)room;
	return 0;
}

bool isakmp_message_parse(struct bytes datagram, struct isakmp_message *ret, struct why *why)
{
	(void)datagram;
	(void)ret;
	(void)why;
	return false;
}

bool isakmp_message_parse_inner(const struct ike_header *header, struct bytes plain,
	struct isakmp_message *ret, struct why *why)
{
	(void)header;
	(void)plain;
	(void)ret;
	(void)why;
	return false;
}

bool isakmp_attribute_next(struct bytes list, size_t *cursor, struct isakmp_attribute *ret)
{
	(void)list;
	(void)cursor;
	(void)ret;
	return false;
}

const struct isakmp_notify *isakmp_message_notify(const struct isakmp_message *m, uint16_t type)
{
	(void)m;
	(void)type;
	return NULL;
}

const struct isakmp_notify *isakmp_message_error(const struct isakmp_message *m)
{
	(void)m;
	return NULL;
}

char *isakmp_message_format(
	const struct isakmp_message *m, bool response, char *text, size_t text_size)
{
	(void)m;
	(void)response;
	(void)text;
	(void)text_size;
	return NULL;
}

void isakmp_build_sa(struct ike_builder *b, const struct isakmp_offer *offers, size_t count,
	struct bytes spi, uint16_t auth_method, uint16_t encapsulation, uint64_t life_seconds,
	uint64_t life_kilobytes)
{
	(void)b;
	(void)offers;
	(void)count;
	(void)spi;
	(void)auth_method;
	(void)encapsulation;
	(void)life_seconds;
	(void)life_kilobytes;
}

void isakmp_build_sa_answer(
	struct ike_builder *b, const struct isakmp_offer *chosen, struct bytes spi)
{
	(void)b;
	(void)chosen;
	(void)spi;
}

void isakmp_build_ke(struct ike_builder *b, struct bytes public_value)
{
	(void)b;
	(void)public_value;
}

void isakmp_build_nonce(struct ike_builder *b, struct bytes nonce)
{
	(void)b;
	(void)nonce;
}

void isakmp_build_id(struct ike_builder *b, const struct ike_identity *id, uint8_t protocol,
	uint16_t port, struct bytes *ret_body)
{
	(void)b;
	(void)id;
	(void)protocol;
	(void)port;
	(void)ret_body;
}

void isakmp_build_id_selector(struct ike_builder *b, const struct ike_selector *selector)
{
	(void)b;
	(void)selector;
}

bool isakmp_id_to_selector(const struct isakmp_id *id, struct ike_selector *ret)
{
	(void)id;
	(void)ret;
	return false;
}

struct ike_identity *isakmp_id_to_identity(const struct isakmp_id *id)
{
	(void)id;
	return NULL;
}

void isakmp_build_hash(struct ike_builder *b, struct bytes hash)
{
	(void)b;
	(void)hash;
}

void isakmp_build_signature(struct ike_builder *b, struct bytes signature)
{
	(void)b;
	(void)signature;
}

void isakmp_build_cert(
	struct ike_builder *b, uint8_t payload_type, uint8_t encoding, struct bytes data)
{
	(void)b;
	(void)payload_type;
	(void)encoding;
	(void)data;
}

void isakmp_build_notify(
	struct ike_builder *b, uint8_t protocol, uint16_t type, struct bytes spi, struct bytes data)
{
	(void)b;
	(void)protocol;
	(void)type;
	(void)spi;
	(void)data;
}

void isakmp_build_delete_isakmp(struct ike_builder *b, uint64_t cookie_i, uint64_t cookie_r)
{
	(void)b;
	(void)cookie_i;
	(void)cookie_r;
}

void isakmp_build_delete(
	struct ike_builder *b, uint8_t protocol, const uint32_t *spis, size_t count)
{
	(void)b;
	(void)protocol;
	(void)spis;
	(void)count;
}

void isakmp_build_vendor(struct ike_builder *b, enum isakmp_vendor vendor)
{
	(void)b;
	(void)vendor;
}

void isakmp_build_nat_d(struct ike_builder *b, bool draft, const uint8_t *hash, size_t length)
{
	(void)b;
	(void)draft;
	(void)hash;
	(void)length;
}

void isakmp_build_nat_oa(struct ike_builder *b, bool draft, const struct address *a)
{
	(void)b;
	(void)draft;
	(void)a;
}

size_t isakmp_build_attributes_open(struct ike_builder *b, uint8_t type, uint16_t id)
{
	(void)b;
	(void)type;
	(void)id;
	return 0;
}

void isakmp_build_attribute(struct ike_builder *b, uint16_t type, struct bytes value)
{
	(void)b;
	(void)type;
	(void)value;
}

void isakmp_build_attribute_short(struct ike_builder *b, uint16_t type, uint16_t value)
{
	(void)b;
	(void)type;
	(void)value;
}

struct ike_packets *isakmp_packets_clear(const struct ike_header *header,
	const struct ike_builder *b, size_t datagram_max, uint16_t fragment_id)
{
	(void)header;
	(void)b;
	(void)datagram_max;
	(void)fragment_id;
	return NULL;
}

struct ike_packets *isakmp_packets_encrypted(struct ike_crypto *crypto,
	const struct ike_algorithm *encryption, struct bytes key, uint8_t *iv,
	const struct ike_header *header, const struct ike_builder *b, size_t datagram_max,
	uint16_t fragment_id)
{
	(void)crypto;
	(void)encryption;
	(void)key;
	(void)iv;
	(void)header;
	(void)b;
	(void)datagram_max;
	(void)fragment_id;
	return NULL;
}

void isakmp_reassembly_free(struct isakmp_reassembly *r)
{
	(void)r;
}

enum ike_reassembled isakmp_reassembly_add(
	struct isakmp_reassembly **r, const struct isakmp_message *message, struct bytes *ret)
{
	(void)r;
	(void)message;
	(void)ret;
	return 0;
}

bool isakmp_cbc(struct ike_crypto *crypto, const struct ike_algorithm *encryption, bool encrypt,
	struct bytes key, uint8_t *iv, uint8_t *data, size_t length)
{
	(void)crypto;
	(void)encryption;
	(void)encrypt;
	(void)key;
	(void)iv;
	(void)data;
	(void)length;
	return false;
}

size_t isakmp_hash(struct ike_crypto *crypto, uint16_t prf, const struct bytes *parts, size_t count,
	uint8_t *ret)
{
	(void)crypto;
	(void)prf;
	(void)parts;
	(void)count;
	(void)ret;
	return 0;
}
