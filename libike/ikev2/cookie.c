/*
 * Cookies against floods of IKE_SA_INIT (RFC 7296 2.6): a stranger shows that it can receive at the
 * address that it sends from before anything is kept or computed for it. The secret changes every
 * minute; the last one stays valid for another.
 */
#include "libike/ikev2/ikev2.h"

#define COOKIE_SECRET_LIFETIME IKE_SECONDS(60)

/* Of one address too: else a stranger who writes a peer's address on a few IKE_SA_INITs has that
 * peer blocked. */
bool ike_cookie_wanted(struct ike_engine *e, const struct address *remote)
{
	return ike_half_open_are_many(e, 2, remote);
}

static bool rotate(struct ike_engine *e)
{
	if (e->cookie_ready && e->now - e->cookie_changed_at < COOKIE_SECRET_LIFETIME)
		return true;
	memcpy(e->cookie_secrets[1], e->cookie_secrets[0], IKE_COOKIE_SECRET_LENGTH);
	if (!ike_crypto_random(e->crypto, e->cookie_secrets[0], IKE_COOKIE_SECRET_LENGTH))
		return false;
	if (!e->cookie_ready)
		memcpy(e->cookie_secrets[1], e->cookie_secrets[0], IKE_COOKIE_SECRET_LENGTH);
	e->cookie_ready = true;
	e->cookie_changed_at = e->now;
	return true;
}

static bool compute(struct ike_engine *e, const uint8_t *secret,
	const struct ike_datagram *datagram, const struct ike_message *message,
	uint8_t ret[IKE_COOKIE_LENGTH])
{
	uint8_t spi_and_port[10];
	struct writer w = writer_of(spi_and_port, sizeof(spi_and_port));
	struct bytes parts[] = { message->nonce, address_octets(&datagram->remote),
		bytes_of(spi_and_port, sizeof(spi_and_port)) };

	writer_u64(&w, message->header.spi_initiator);
	writer_u16(&w, datagram->remote.port);
	return ike_prf(e->crypto, IKE_PRF_HMAC_SHA2_256, bytes_of(secret, IKE_COOKIE_SECRET_LENGTH),
		parts, 3, ret);
}

bool ike_cookie_make(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message, uint8_t ret[IKE_COOKIE_LENGTH])
{
	return rotate(e) && compute(e, e->cookie_secrets[0], datagram, message, ret);
}

bool ike_cookie_valid(struct ike_engine *e, const struct ike_datagram *datagram,
	const struct ike_message *message)
{
	const struct ike_notify *cookie = ike_message_notify(message, IKE_NOTIFY_COOKIE);
	uint8_t expected[IKE_COOKIE_LENGTH];

	if (!cookie || !rotate(e))
		return false;
	for (size_t i = 0; i < 2; i++)
		if (compute(e, e->cookie_secrets[i], datagram, message, expected) &&
			secret_equal(cookie->data, bytes_of(expected, sizeof(expected))))
			return true;
	return false;
}
