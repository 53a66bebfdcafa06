/*
 * Mode Config (draft-ietf-ipsec-isakmp-mode-cfg-05): the client asks for addresses (pull: REQUEST
 * and REPLY), or the gateway says them by itself (push: SET and ACK). Which addresses there are and
 * what becomes of them is libike/virtual.h's.
 */
#include "libike/ikev1/unity.h"

/* What has to stay free of a message: attributes that do not fit are left out. */
#define ROOM_LEFT 64

static void put_address(struct ikev1_attributes *m, const struct address *a)
{
	struct bytes value;
	uint8_t room[17];
	uint16_t type = ike_virtual_address_value(a, false, room, &value);

	isakmp_build_attribute(&m->b, type, value);
}

static void put_empty(struct ikev1_attributes *m, uint16_t type)
{
	isakmp_build_attribute(&m->b, type, (struct bytes){ 0 });
}

/* ---- Client ---- */

bool ikev1_mode_config_pull(struct ike_engine *e, struct ike_sa *sa)
{
	struct address wishes[IKE_VIRTUAL_ADDRESSES_MAX];
	size_t count = ike_virtual_wishes(sa, wishes);
	bool four = false, six = false;
	struct ikev1_attributes m;

	ikev1_attributes_open(e, sa, IKE_CONFIGURATION_REQUEST, (uint16_t)sa->unique_id, &m);
	for (size_t i = 0; i < count; i++) {
		put_address(&m, &wishes[i]);
		four = four || wishes[i].family == AF_INET;
		six = six || wishes[i].family == AF_INET6;
	}
	if (four)
		put_empty(&m, IKE_ATTRIBUTE_IP4_DNS);
	if (six)
		put_empty(&m, IKE_ATTRIBUTE_IP6_DNS);
	ikev1_unity_ask(e, sa, &m.b);
	ikev1_transactions_stage(e, sa, IKEV1_TRANSACTING_PULLED, IKE_NEVER);
	return ikev1_attributes_ask(e, sa, &m);
}

static bool take(struct ikev1_received *x)
{
	struct isakmp_attribute a;
	size_t cursor = 0;

	while (isakmp_attribute_next(x->message->attributes.list, &cursor, &a))
		if (!ike_virtual_take(x->e, x->sa, a.type, a.value))
			ike_log(x->e, x->sa, IKE_LOG_CFG, IKE_LOG_INFO,
				"configuration attribute %u of the peer's is malformed", a.type);
	return ike_virtual_taken(x->e, x->sa, x->failure) &&
	       ikev1_unity_taken(x->e, x->sa, x->failure);
}

static bool go_on(struct ikev1_received *x)
{
	ikev1_transactions_of(x->sa)->configured = true;
	return ikev1_transactions_next(x->e, x->sa, x->failure);
}

enum ikev1_outcome ikev1_mode_config_reply(struct ikev1_received *x)
{
	bool taken = take(x);

	ikev1_exchange_done(x->e, x->sa, x->exchange);
	return taken && go_on(x) ? IKEV1_OK : ikev1_transactions_end(x);
}

/* Says of each attribute that it was heard. */
static bool acknowledge(struct ikev1_received *x)
{
	struct isakmp_attribute a;
	struct ikev1_attributes m;
	size_t cursor = 0;

	ikev1_attributes_open(x->e, x->sa, IKE_CONFIGURATION_ACK, x->message->attributes.id, &m);
	while (isakmp_attribute_next(x->message->attributes.list, &cursor, &a))
		put_empty(&m, a.type);
	return ikev1_attributes_answer(x, &m);
}

/* It pushes although we have asked: that is the answer, then. */
static void stop_asking(struct ikev1_received *x)
{
	for (struct ikev1_exchange *own = x->sa->v1->exchanges; own; own = own->next)
		if (own->initiator && own->step == IKEV1_TRANSACTION_ANSWER)
			ikev1_exchange_done(x->e, x->sa, own);
	if (x->sa->request)
		ike_request_answered(x->e, x->sa);
}

enum ikev1_outcome ikev1_mode_config_set(struct ikev1_received *x)
{
	const struct ikev1_xauth *t = ikev1_transactions_of(x->sa);

	if (!t) {
		/* What it has told before, most likely: it has to hear that we know. */
		return acknowledge(x) ? IKEV1_OK : ikev1_transactions_end(x);
	}
	if (t->stage != IKEV1_TRANSACTING_AWAIT_PUSH && t->stage != IKEV1_TRANSACTING_PULL &&
		t->stage != IKEV1_TRANSACTING_PULLED)
		return IKEV1_IGNORE;
	if (t->stage == IKEV1_TRANSACTING_PULLED)
		stop_asking(x);
	return take(x) && acknowledge(x) && go_on(x) ? IKEV1_OK : ikev1_transactions_end(x);
}

/* ---- Gateway ---- */

/* IKEv2's split DNS is one attribute of Unity's: as many names as fit. */
static void put_domains(const struct ike_sa *sa, struct ikev1_attributes *m)
{
	uint8_t room[IKE_ATTRIBUTE_LENGTH_MAX];
	struct writer w = writer_of(room, sizeof(room));
	const struct ike_attribute *a;

	for (size_t i = 0; (a = ike_virtual_attribute(sa, i)); i++) {
		if (a->type != IKE_ATTRIBUTE_DNS_DOMAIN ||
			m->b.writer.length + w.length + 1 + a->value.length + ROOM_LEFT >
				m->b.writer.capacity ||
			w.length + 1 + a->value.length > sizeof(room))
			continue;
		if (w.length > 0)
			writer_u8(&w, ',');
		writer_put(&w, a->value);
	}
	if (w.length > 0 && ike_virtual_gives_server(sa))
		isakmp_build_attribute(&m->b, IKE_ATTRIBUTE_SPLIT_DNS, writer_bytes(&w));
}

/* What belongs to the addresses, and the networks behind other clients, as far as it fits. */
static void put_attributes(
	const struct ike_engine *e, const struct ike_sa *sa, struct ikev1_attributes *m)
{
	struct ike_selector networks[IKE_VIRTUAL_ANNOUNCED_MAX];
	size_t count = ike_virtual_announced(sa, networks);
	const struct ike_attribute *a;
	struct bytes value;
	uint8_t room[17];

	for (size_t i = 0; (a = ike_virtual_attribute(sa, i)); i++)
		if (a->type != IKE_ATTRIBUTE_DNS_DOMAIN &&
			m->b.writer.length + a->value.length + ROOM_LEFT <= m->b.writer.capacity)
			isakmp_build_attribute(&m->b, a->type, a->value);
	put_domains(sa, m);
	for (size_t i = 0; i < count; i++) {
		uint16_t type = ike_virtual_subnet_value(&networks[i], room, &value);

		if (m->b.writer.length + value.length + ROOM_LEFT <= m->b.writer.capacity)
			isakmp_build_attribute(&m->b, type, value);
	}
	if (ike_virtual_their_count(sa->virtual) > 0)
		ikev1_unity_tell(e, sa, &m->b);
}

static void log_no_address(struct ike_engine *e, const struct ike_sa *sa)
{
	char peer[IKE_IDENTITY_TEXT_MAX], pools[256];
	struct ike_failure failure = { 0 };

	ike_virtual_describe_pools(e, sa, pools, sizeof(pools));
	ike_failure_set(&failure, IKE_REASON_NO_ADDRESS, *pools ? pools : NULL, NULL,
		"no virtual IP found for peer '%s'", ike_identity_format(ike_sa_peer_id(sa), peer));
	if (ike_virtual_leased_error(sa->virtual))
		ike_failure_set_differs(&failure, IKE_LEASED_POOL);
	ike_log_child_failure(e, sa, sa->connection, NULL, &failure);
	ike_failure_free(&failure);
}

/* Of those that it has from before, the next of that family that was not said in this answer. */
static bool has_already(
	const struct ike_sa *sa, bool said[IKE_VIRTUAL_ADDRESSES_MAX], struct address *address)
{
	for (size_t i = 0; i < ike_virtual_their_count(sa->virtual); i++) {
		if (said[i] || sa->virtual->theirs[i].address.family != address->family)
			continue;
		said[i] = true;
		*address = sa->virtual->theirs[i].address;
		return true;
	}
	return false;
}

/* Asked again, it gets what it had: children may be up for that. */
static void give(struct ikev1_received *x, struct ikev1_attributes *m)
{
	bool said[IKE_VIRTUAL_ADDRESSES_MAX] = { false };
	struct address wanted, given;
	struct isakmp_attribute a;
	size_t cursor = 0, asked = 0;

	while (asked < IKE_VIRTUAL_ADDRESSES_MAX &&
		isakmp_attribute_next(x->message->attributes.list, &cursor, &a)) {
		if (!ike_virtual_address_of(a.type, a.value, &wanted))
			continue;
		asked++;
		if (has_already(x->sa, said, &wanted)) {
			put_address(m, &wanted);
		} else if (ike_virtual_give(x->e, x->sa, &wanted, &given)) {
			said[x->sa->virtual->their_count - 1] = true;
			put_address(m, &given);
		}
	}
	if (asked > 0 && ike_virtual_their_count(x->sa->virtual) == 0)
		log_no_address(x->e, x->sa);
}

/* A DHCP server is being asked. What it has already it need not be asked for. */
static bool waits(struct ikev1_received *x)
{
	struct isakmp_attribute a;
	struct address wanted;
	size_t cursor = 0;

	if (ike_virtual_their_count(x->sa->virtual) > 0)
		return false;
	while (isakmp_attribute_next(x->message->attributes.list, &cursor, &a))
		if (ike_virtual_address_of(a.type, a.value, &wanted) &&
			ike_virtual_waits(x->e, x->sa, &wanted))
			return true;
	return false;
}

/* Nothing for who has not said yet who he is. */
static bool still_asks(const struct ikev1_xauth *t)
{
	return t && t->stage >= IKEV1_TRANSACTING_ASK && t->stage <= IKEV1_TRANSACTING_TELL;
}

enum ikev1_outcome ikev1_mode_config_request(struct ikev1_received *x)
{
	struct ikev1_attributes m;

	if (still_asks(ikev1_transactions_of(x->sa)))
		return IKEV1_IGNORE;
	if (waits(x))
		return IKEV1_WAIT;
	ikev1_attributes_open(x->e, x->sa, IKE_CONFIGURATION_REPLY, x->message->attributes.id, &m);
	if (x->sa->connection->pool_count > 0)
		give(x, &m);
	put_attributes(x->e, x->sa, &m);
	return ikev1_attributes_answer(x, &m) ? IKEV1_OK : ikev1_transactions_end(x);
}

/* One of each family that there are pools of. */
static size_t wanted_families(const struct ike_engine *e, const struct ike_sa *sa, uint16_t ret[2])
{
	static const uint16_t families[] = { AF_INET, AF_INET6 };
	size_t count = 0;

	for (size_t f = 0; f < 2; f++) {
		bool there = sa->radius && (f == 0 ? sa->radius->framed_ip.family
						   : sa->radius->framed_ip6.family) != 0;

		for (size_t i = 0; i < sa->connection->pool_count && !there; i++) {
			const struct ike_pool *pool =
				ike_pools_find(e->pools, sa->connection->pools[i]);

			there = pool ? ike_pool_addrs(pool)->ranges[0].first.family == families[f]
				     : f == 0 && strcmp(sa->connection->pools[i],
							 IKE_LEASED_POOL) == 0;
		}
		if (there)
			ret[count++] = families[f];
	}
	return count;
}

/* What the peer has by an older IKE SA it is to keep; else any of that family. */
static struct address to_push(struct ike_engine *e, const struct ike_sa *sa, uint16_t family)
{
	const struct ike_sa *other = ike_peers_of(e, sa->local_id, ike_sa_peer_id(sa));

	for (; other; other = other->peer_next)
		for (size_t i = 0; i < ike_virtual_their_count(other->virtual); i++)
			if (other->virtual->theirs[i].address.family == family &&
				ike_identity_equal(ike_sa_peer_id(other), ike_sa_peer_id(sa)))
				return other->virtual->theirs[i].address;
	return (struct address){ .family = family };
}

static bool waits_unasked(struct ike_engine *e, struct ike_sa *sa)
{
	const struct address wanted = to_push(e, sa, AF_INET);

	return ike_virtual_waits(e, sa, &wanted);
}

static void give_unasked(struct ike_engine *e, struct ike_sa *sa)
{
	uint16_t families[2];
	size_t count = wanted_families(e, sa, families);
	struct address given;

	for (size_t i = 0; i < count; i++) {
		const struct address wanted = to_push(e, sa, families[i]);

		(void)!ike_virtual_give(e, sa, &wanted, &given);
	}
}

bool ikev1_mode_config_push(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ikev1_attributes m;

	/* It may have pulled meanwhile. */
	if (ike_virtual_their_count(sa->virtual) == 0 && waits_unasked(e, sa))
		return true; /* its stage stays, ikev1_mode_config_resume() comes */
	if (ike_virtual_their_count(sa->virtual) == 0)
		give_unasked(e, sa);
	if (ike_virtual_their_count(sa->virtual) == 0) {
		log_no_address(e, sa);
		ikev1_transactions_of(sa)->configured = true;
		return ikev1_transactions_next(e, sa, failure);
	}
	ikev1_attributes_open(e, sa, IKE_CONFIGURATION_SET, (uint16_t)sa->unique_id, &m);
	for (size_t i = 0; i < sa->virtual->their_count; i++)
		put_address(&m, &sa->virtual->theirs[i].address);
	put_attributes(e, sa, &m);
	ikev1_transactions_stage(e, sa, IKEV1_TRANSACTING_PUSHED, IKE_NEVER);
	return ikev1_attributes_ask(e, sa, &m);
}

void ikev1_mode_config_resume(struct ike_engine *e, struct ike_sa *sa)
{
	const struct ikev1_xauth *t = ikev1_transactions_of(sa);

	if (t && t->stage == IKEV1_TRANSACTING_PUSH)
		ikev1_transactions_stage(e, sa, IKEV1_TRANSACTING_PUSH, e->now);
}

enum ikev1_outcome ikev1_mode_config_acknowledged(struct ikev1_received *x)
{
	ikev1_exchange_done(x->e, x->sa, x->exchange);
	return go_on(x) ? IKEV1_OK : ikev1_transactions_end(x);
}
