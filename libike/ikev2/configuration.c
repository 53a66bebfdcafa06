/*
 * The configuration payload in IKE_AUTH (RFC 7296 2.19, 3.15): the initiator asks for addresses
 * (`vips`), the responder gives them out of `pools`, with the attributes that belong to these.
 */
#include "libike/ikev2/ikev2.h"
#include "libike/virtual.h"

#define RESERVED_BIT 0x8000

static void put_attribute(struct writer *w, uint16_t type, struct bytes value)
{
	writer_u16(w, type);
	writer_u16(w, (uint16_t)value.length);
	writer_put(w, value);
}

static void put_address(struct writer *w, const struct address *a)
{
	struct bytes value;
	uint8_t room[17];
	uint16_t type = ike_virtual_address_value(a, true, room, &value);

	put_attribute(w, type, value);
}

/* The next attribute; the payload's parser has checked the lengths. */
static bool next_attribute(struct reader *r, uint16_t *ret_type, struct bytes *ret_value)
{
	if (!reader_more(r))
		return false;
	*ret_type = reader_u16(r) & (uint16_t)~RESERVED_BIT;
	*ret_value = reader_bytes(r, reader_u16(r));
	return !r->bad;
}

/* ---- Initiator ---- */

void ike_configuration_ask(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	struct address wishes[IKE_VIRTUAL_ADDRESSES_MAX];
	size_t count = ike_virtual_wishes(sa, wishes);
	bool four = false, six = false;
	uint8_t room[512];
	struct writer w = writer_of(room, sizeof(room));

	(void)e;
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		put_address(&w, &wishes[i]);
		four = four || wishes[i].family == AF_INET;
		six = six || wishes[i].family == AF_INET6;
	}
	if (four)
		put_attribute(&w, IKE_ATTRIBUTE_IP4_DNS, (struct bytes){ 0 });
	if (six)
		put_attribute(&w, IKE_ATTRIBUTE_IP6_DNS, (struct bytes){ 0 });
	put_attribute(&w, IKE_ATTRIBUTE_DNS_DOMAIN, (struct bytes){ 0 });
	ike_build_configuration(b, IKE_CONFIGURATION_REQUEST, writer_bytes(&w));
}

static void fail_notified(struct ike_received *x, const struct ike_notify *n)
{
	char text[IKE_NUMBER_TEXT_MAX];

	ike_failure_set(x->failure, IKE_REASON_NO_ADDRESS, NULL, NULL,
		"the peer has no virtual IP for us (%s), and connection '%s' asks for one",
		ike_notify_format(n->type, text), x->sa->connection->name);
	x->failure->notify = n->type;
}

bool ike_configuration_accept(struct ike_received *x)
{
	struct reader r = reader_of(x->message->configuration.attributes);
	const struct ike_notify *n =
		ike_message_notify(x->message, IKE_NOTIFY_INTERNAL_ADDRESS_FAILURE);
	struct bytes value;
	uint16_t type;

	if (x->sa->connection->vip_count == 0)
		return true;
	if (IKE_HAS(x->message, CONFIGURATION) &&
		x->message->configuration.type == IKE_CONFIGURATION_REPLY)
		while (next_attribute(&r, &type, &value))
			if (!ike_virtual_take(x->e, x->sa, type, value))
				ike_log(x->e, x->sa, IKE_LOG_CFG, IKE_LOG_INFO,
					"configuration attribute %u of the peer's is malformed",
					type);
	if (n && ike_virtual_our_count(x->sa->virtual) == 0) {
		fail_notified(x, n);
		return false;
	}
	return ike_virtual_taken(x->e, x->sa, x->failure);
}

/* ---- Responder ---- */

bool ike_configuration_waits(struct ike_received *x)
{
	struct reader r = reader_of(x->message->configuration.attributes);
	struct address wanted;
	struct bytes value;
	uint16_t type;

	if (!IKE_HAS(x->message, CONFIGURATION) ||
		x->message->configuration.type != IKE_CONFIGURATION_REQUEST)
		return false;
	for (size_t asked = 0;
		asked < IKE_VIRTUAL_ADDRESSES_MAX && next_attribute(&r, &type, &value);) {
		if (!ike_virtual_address_of(type, value, &wanted))
			continue;
		asked++;
		if (ike_virtual_waits(x->e, x->sa, &wanted))
			return true;
	}
	return false;
}

/* One address after the other; returns how many were asked for. */
static size_t give(struct ike_received *x, struct writer *w)
{
	struct reader r = reader_of(x->message->configuration.attributes);
	struct address wanted, given;
	struct bytes value;
	size_t asked = 0;
	uint16_t type;

	while (asked < IKE_VIRTUAL_ADDRESSES_MAX && next_attribute(&r, &type, &value)) {
		if (!ike_virtual_address_of(type, value, &wanted))
			continue;
		asked++;
		if (ike_virtual_give(x->e, x->sa, &wanted, &given))
			put_address(w, &given);
	}
	return asked;
}

static void log_refusal(struct ike_received *x, uint16_t notify)
{
	const struct ike_sa *sa = x->sa;
	char peer[IKE_IDENTITY_TEXT_MAX], pools[256];
	struct ike_failure failure = { 0 };

	ike_identity_format(ike_sa_peer_id(sa), peer);
	ike_virtual_describe_pools(x->e, sa, pools, sizeof(pools));
	if (notify == IKE_NOTIFY_FAILED_CP_REQUIRED)
		ike_failure_set(&failure, IKE_REASON_NO_ADDRESS, NULL, NULL,
			"expected a virtual IP request of peer '%s', sending FAILED_CP_REQUIRED",
			peer);
	else
		ike_failure_set(&failure, IKE_REASON_NO_ADDRESS, *pools ? pools : NULL, NULL,
			"no virtual IP found for peer '%s', sending INTERNAL_ADDRESS_FAILURE",
			peer);
	if (ike_virtual_leased_error(sa->virtual))
		ike_failure_set_differs(&failure, IKE_LEASED_POOL);
	ike_log_child_failure(x->e, sa, sa->connection, NULL, &failure);
	ike_failure_free(&failure);
}

static bool is_asked_for(const struct ike_received *x, uint16_t type)
{
	struct reader r = reader_of(x->message->configuration.attributes);
	struct bytes value;
	uint16_t other;

	while (next_attribute(&r, &other, &value))
		if (other == type)
			return true;
	return false;
}

/* Split DNS is for who asked for it, and domains without a server say nothing (RFC 8598 3.2). */
static bool may_tell(const struct ike_received *x, uint16_t type)
{
	return (type != IKE_ATTRIBUTE_DNS_DOMAIN && type != IKE_ATTRIBUTE_DNSSEC_TA) ||
	       (is_asked_for(x, type) && ike_virtual_gives_server(x->sa));
}

/* The attributes of the pools, and the networks behind other clients. What does not fit stays. */
static void put_attributes(const struct ike_received *x, struct writer *w)
{
	struct ike_selector networks[IKE_VIRTUAL_ANNOUNCED_MAX];
	size_t count = ike_virtual_announced(x->sa, networks);
	const struct ike_attribute *a;
	struct bytes value;
	uint8_t room[17];

	for (size_t i = 0; (a = ike_virtual_attribute(x->sa, i)); i++)
		if (may_tell(x, a->type) && w->length + 4 + a->value.length <= w->capacity)
			put_attribute(w, a->type, a->value);
	for (size_t i = 0; i < count; i++) {
		uint16_t type = ike_virtual_subnet_value(&networks[i], room, &value);

		if (w->length + 4 + value.length <= w->capacity)
			put_attribute(w, type, value);
	}
}

uint16_t ike_configuration_answer(struct ike_received *x)
{
	uint8_t room[8192];
	struct writer w = writer_of(room, sizeof(room));
	bool asks = IKE_HAS(x->message, CONFIGURATION) &&
		    x->message->configuration.type == IKE_CONFIGURATION_REQUEST;
	size_t asked = asks ? give(x, &w) : 0;

	bool gives = ike_virtual_their_count(x->sa->virtual) > 0;
	if (!gives) {
		uint16_t notify = asked > 0 ? IKE_NOTIFY_INTERNAL_ADDRESS_FAILURE
				  : x->sa->connection->pool_count > 0
					  ? IKE_NOTIFY_FAILED_CP_REQUIRED
					  : 0;

		if (notify)
			log_refusal(x, notify);
		if (notify || !asks)
			return notify;
	}
	/* Who asks for no address may ask for networks (INTERNAL_IP4_SUBNET). */
	put_attributes(x, &w);
	if (gives || w.length > 0)
		ike_build_configuration(x->reply, IKE_CONFIGURATION_REPLY, writer_bytes(&w));
	return 0;
}
