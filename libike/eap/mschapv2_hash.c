#include "libike/eap/mschapv2_hash.h"

#define PASSWORD_MAX 256 /* characters (RFC 2759 8.1) */
#define SESSION_KEY 16

/* ---- UTF-16 ---- */

/* One character of UTF-8; false when it is none, or beyond what is meant to be encoded. */
static bool next_character(struct reader *r, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t first = reader_u8(r);
	unsigned more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;

	if (first >= 0xf8 || (first >= 0x80 && first < 0xc0))
		return false;
	*ret = more ? first & (0x3fu >> more) : first;
	for (unsigned i = 0; i < more; i++) {
		uint8_t next = reader_u8(r);

		if (r->bad || (next & 0xc0) != 0x80)
			return false;
		*ret = *ret << 6 | (next & 0x3f);
	}
	return *ret >= least[more] && *ret <= 0x10ffff && (*ret < 0xd800 || *ret > 0xdfff);
}

static void write_u16_little(struct writer *w, uint32_t value)
{
	writer_u8(w, value & 0xff);
	writer_u8(w, value >> 8 & 0xff);
}

static bool from_utf8(struct bytes password, struct writer *w)
{
	struct reader r = reader_of(password);
	uint32_t c;

	while (reader_more(&r)) {
		if (!next_character(&r, &c))
			return false;
		if (c >= 0x10000) {
			write_u16_little(w, 0xd800 + (c - 0x10000) / 0x400);
			c = 0xdc00 + (c - 0x10000) % 0x400;
		}
		write_u16_little(w, c);
	}
	return true;
}

static void to_utf16(struct bytes password, struct writer *w)
{
	if (from_utf8(password, w))
		return;
	*w = writer_of(w->at, w->capacity);
	for (size_t i = 0; i < password.length; i++)
		write_u16_little(w, password.at[i]);
}

bool mschapv2_nt_hash(
	struct ike_crypto *crypto, struct bytes password, uint8_t ret[MSCHAPV2_NT_HASH])
{
	uint8_t room[2 * PASSWORD_MAX];
	struct writer w = writer_of(room, sizeof(room));

	to_utf16(password, &w);
	const struct bytes unicode = writer_bytes(&w);
	bool ok = !w.bad && ike_md4(crypto, &unicode, 1, ret);

	secret_wipe(room, sizeof(room));
	return ok;
}

/* ---- RFC 2759 ---- */

static bool challenge_hash(struct ike_crypto *crypto, const struct mschapv2_exchange *x,
	struct bytes user, uint8_t ret[20])
{
	const struct bytes parts[] = {
		bytes_of(x->peer_challenge, MSCHAPV2_CHALLENGE),
		bytes_of(x->authenticator_challenge, MSCHAPV2_CHALLENGE),
		user,
	};

	return ike_sha1(crypto, parts, 3, ret);
}

bool mschapv2_nt_response(struct ike_crypto *crypto, const struct mschapv2_exchange *x,
	struct bytes user, const uint8_t nt_hash[MSCHAPV2_NT_HASH],
	uint8_t ret[MSCHAPV2_NT_RESPONSE])
{
	uint8_t challenge[20], keys[3 * IKE_DES_KEY] = { 0 };

	if (!challenge_hash(crypto, x, user, challenge))
		return false;
	memcpy(keys, nt_hash, MSCHAPV2_NT_HASH);
	bool ok = true;
	for (size_t i = 0; ok && i < 3; i++)
		ok = ike_des(crypto, keys + i * IKE_DES_KEY, challenge, ret + i * IKE_DES_BLOCK);
	secret_wipe(keys, sizeof(keys));
	return ok;
}

bool mschapv2_authenticator(struct ike_crypto *crypto, const struct mschapv2_exchange *x,
	struct bytes user, const uint8_t nt_hash[MSCHAPV2_NT_HASH],
	uint8_t ret[MSCHAPV2_AUTHENTICATOR])
{
	const struct bytes hash = bytes_of(nt_hash, MSCHAPV2_NT_HASH);
	uint8_t hash_hash[IKE_MD4_LENGTH], challenge[20], digest[20];
	const struct bytes first[] = {
		bytes_of(hash_hash, sizeof(hash_hash)),
		bytes_of(x->nt_response, MSCHAPV2_NT_RESPONSE),
		bytes_of_text("Magic server to client signing constant"),
	};
	const struct bytes second[] = {
		bytes_of(digest, sizeof(digest)),
		bytes_of(challenge, 8),
		bytes_of_text("Pad to make it do more than one iteration"),
	};
	bool ok = ike_md4(crypto, &hash, 1, hash_hash) && ike_sha1(crypto, first, 3, digest) &&
		  challenge_hash(crypto, x, user, challenge) && ike_sha1(crypto, second, 3, ret);

	secret_wipe(hash_hash, sizeof(hash_hash));
	return ok;
}

/* ---- RFC 3079 ---- */

/* GetAsymmetricStartKey */
static bool session_key(struct ike_crypto *crypto, const uint8_t master[SESSION_KEY],
	const char *magic, uint8_t ret[SESSION_KEY])
{
	uint8_t pad1[40] = { 0 }, pad2[40], digest[20];
	const struct bytes parts[] = {
		bytes_of(master, SESSION_KEY),
		bytes_of(pad1, sizeof(pad1)),
		bytes_of_text(magic),
		bytes_of(pad2, sizeof(pad2)),
	};

	memset(pad2, 0xf2, sizeof(pad2));
	bool ok = ike_sha1(crypto, parts, 4, digest);
	if (ok)
		memcpy(ret, digest, SESSION_KEY);
	secret_wipe(digest, sizeof(digest));
	return ok;
}

bool mschapv2_msk(struct ike_crypto *crypto, const uint8_t nt_response[MSCHAPV2_NT_RESPONSE],
	const uint8_t nt_hash[MSCHAPV2_NT_HASH], uint8_t ret[MSCHAPV2_MSK])
{
	static const char server_receives[] = "On the client side, this is the send key; "
					      "on the server side, it is the receive key.";
	static const char server_sends[] = "On the client side, this is the receive key; "
					   "on the server side, it is the send key.";
	const struct bytes hash = bytes_of(nt_hash, MSCHAPV2_NT_HASH);
	uint8_t hash_hash[IKE_MD4_LENGTH], master[20];
	const struct bytes parts[] = {
		bytes_of(hash_hash, sizeof(hash_hash)),
		bytes_of(nt_response, MSCHAPV2_NT_RESPONSE),
		bytes_of_text("This is the MPPE Master Key"),
	};

	memset(ret, 0, MSCHAPV2_MSK);
	bool ok = ike_md4(crypto, &hash, 1, hash_hash) && ike_sha1(crypto, parts, 3, master) &&
		  session_key(crypto, master, server_receives, ret) &&
		  session_key(crypto, master, server_sends, ret + SESSION_KEY);
	secret_wipe(hash_hash, sizeof(hash_hash));
	secret_wipe(master, sizeof(master));
	return ok;
}

struct bytes mschapv2_without_domain(struct bytes name)
{
	const uint8_t *at = name.length ? memrchr(name.at, '\\', name.length) : NULL;

	return at ? bytes_of(at + 1, name.length - (size_t)(at + 1 - name.at)) : name;
}
