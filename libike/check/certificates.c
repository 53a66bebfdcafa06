/* Certificates and private keys, whoever uses them. */
#include "libike/check/check_priv.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#define SOON (INT64_C(14) * 24 * 3600)
#define RSA_BITS_MIN 2048
#define DIGEST_LENGTH 20
#define DIGEST_TEXT (2 * DIGEST_LENGTH + 1)

static char *hexadecimal(const uint8_t *at, char text[DIGEST_TEXT])
{
	for (size_t i = 0; i < DIGEST_LENGTH; i++)
		snprintf(text + 2 * i, 3, "%02x", at[i]);
	return text;
}

static char *day(int64_t when, char text[32])
{
	time_t seconds = (time_t)when;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, 32, "%Y-%m-%d %H:%M UTC", &tm))
		text[0] = '\0';
	return text;
}

static void judge_dates(struct ike_check *k, const struct ike_certificate *c,
	const struct ike_check_place *place, const char *subject)
{
	int64_t begin = ike_certificate_not_before(c), end = ike_certificate_not_after(c);
	char text[32];

	if (k->now > end)
		ike_check_say(k, IKE_CHECK_EXPIRED, place,
			"the certificate of '%.300s' expired at %s", subject, day(end, text));
	else if (k->now < begin)
		ike_check_say(k, IKE_CHECK_NOT_YET_VALID, place,
			"the certificate of '%.300s' is valid from %s on", subject,
			day(begin, text));
	else if (end - k->now < SOON)
		ike_check_say(k, IKE_CHECK_EXPIRES_SOON, place,
			"the certificate of '%.300s' expires at %s", subject, day(end, text));
}

static void judge_strength(struct ike_check *k, const struct ike_certificate *c,
	const struct ike_check_place *place, const char *subject)
{
	int salt;
	const struct ike_public_key *key = ike_certificate_key(c);
	const struct ike_signature_scheme *scheme = ike_certificate_scheme(c, &salt);

	if (ike_public_key_type(key) == IKE_KEY_RSA && ike_public_key_bits(key) < RSA_BITS_MIN)
		ike_check_say(k, IKE_CHECK_WEAK_CERTIFICATE, place,
			"the certificate of '%.300s' has an RSA key of %u bits", subject,
			ike_public_key_bits(key));
	else if (!ike_certificate_is_self_signed(c) && (!scheme || scheme->weak))
		ike_check_say(k, IKE_CHECK_WEAK_CERTIFICATE, place,
			"the certificate of '%.300s' is signed with %s", subject,
			scheme ? scheme->name : "what nobody accepts");
}

static void judge_x509(
	struct ike_check *k, const struct ike_certificate *c, const struct ike_check_place *place)
{
	char subject[IKE_IDENTITY_TEXT_MAX];

	if (ike_certificate_kind(c) != IKE_CERTIFICATE_X509)
		return;
	ike_identity_format(ike_certificate_subject(c), subject);
	judge_dates(k, c, place, subject);
	judge_strength(k, c, place, subject);
}

static void judge_stored(struct ike_check *k, const struct ike_stored_certificate *stored)
{
	const struct ike_certificate *c = stored->certificate;
	struct bytes der = ike_certificate_der(c);
	uint8_t digest[EVP_MAX_MD_SIZE];
	char name[DIGEST_TEXT];

	if (stored->cached || EVP_Q_digest(ike_public_key_library(ike_certificate_key(c)), "SHA1",
				      NULL, der.at, der.length, digest, NULL) != 1)
		return;
	const struct ike_check_place place = { .kind = "certificate",
		.name = hexadecimal(digest, name) };
	judge_x509(k, c, &place);
}

/* Those that definitions bring along. */
static void judge_rounds(struct ike_check *k, const struct ike_connection *c, bool local)
{
	const struct ike_auth_rounds *rounds = local ? &c->local : &c->remote;

	for (size_t i = 0; i < rounds->count; i++) {
		struct ike_check_place place = { .kind = "connection",
			.name = c->name,
			.side = local ? "local" : "remote",
			.round = i,
			.key = "certs" };

		for (size_t j = 0; j < rounds->items[i].cert_count; j++)
			judge_x509(k, rounds->items[i].certs[j], &place);
		place.key = "cacerts";
		for (size_t j = 0; j < rounds->items[i].cacert_count; j++)
			judge_x509(k, rounds->items[i].cacerts[j], &place);
	}
}

/* ---- Private keys ---- */

/* By a certificate that a connection names. */
static uint64_t digest_of_key(const struct ike_public_key *key)
{
	return ike_digest_add(IKE_DIGEST, ike_public_key_id(key), DIGEST_LENGTH);
}

static bool is_named(struct ike_check *k, const struct ike_public_key *key)
{
	struct ike_check_entry *entry;
	const struct ike_public_key *each =
		ike_check_entry_first(k, k->own_keys, digest_of_key(key), &entry);

	while (each && !ike_public_key_equal(each, key))
		each = ike_check_entry_next(k, &entry);
	return each != NULL;
}

static void note_keys(struct ike_check *k, const struct ike_auth_rounds *local)
{
	for (size_t i = 0; i < local->count; i++)
		for (size_t j = 0; j < local->items[i].cert_count; j++) {
			const struct ike_public_key *key =
				ike_certificate_key(local->items[i].certs[j]);

			if (!is_named(k, key))
				ike_check_entry_add(k, &k->own_keys, digest_of_key(key), key);
		}
}

/* By a certificate that is loaded: those had their turn before. */
static bool is_certified(struct ike_check *k, const struct ike_public_key *key)
{
	struct ike_check_entry *entry;

	return ike_check_entry_first(k, k->certified, digest_of_key(key), &entry) ||
	       is_named(k, key);
}

bool ike_check_key(struct ike_check *k, size_t index)
{
	const struct ike_private_key *key = ike_certificates_key(k->certificates, index);
	char name[DIGEST_TEXT];

	if (key && !is_certified(k, key->public))
		ike_check_say(k, IKE_CHECK_KEY_WITHOUT_CERTIFICATE,
			&(const struct ike_check_place){ .kind = "key",
				.name = hexadecimal(ike_public_key_id(key->public), name) },
			"no certificate belongs to the %s key with id %s",
			ike_key_type_name(ike_public_key_type(key->public)), name);
	return key != NULL;
}

/* ---- Authorities ---- */

static bool wants_certificates(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->remote.count; i++) {
		uint8_t class = c->remote.items[i].class;

		if (class == IKE_AUTH_CLASS_PUBKEY || class == IKE_AUTH_CLASS_ANY ||
			class == IKE_AUTH_CLASS_EAP)
			return true;
	}
	for (size_t i = 0; i < c->local.count; i++)
		if (c->local.items[i].class == IKE_AUTH_CLASS_PUBKEY)
			return true;
	return false;
}

bool ike_check_authority(struct ike_check *k, size_t index)
{
	const struct ike_authority *authority = ike_certificates_authority(k->certificates, index);

	if (authority && !k->wants_certificates)
		ike_check_say(k, IKE_CHECK_AUTHORITY_UNUSED,
			&(const struct ike_check_place){
				.kind = "authority", .name = authority->name },
			"no connection asks authority '%s' about anything", authority->name);
	return authority != NULL;
}

/* ---- All of it ---- */

void ike_check_certificates_of(struct ike_check *k, const struct ike_connection *c)
{
	judge_rounds(k, c, true);
	judge_rounds(k, c, false);
	note_keys(k, &c->local);
	k->wants_certificates = k->wants_certificates || wants_certificates(c);
}

static void note_certified(struct ike_check *k, const struct ike_certificate *c)
{
	static const bool yes = true;
	uint64_t digest = digest_of_key(ike_certificate_key(c));
	struct ike_check_entry *entry;

	if (!ike_check_entry_first(k, k->certified, digest, &entry))
		ike_check_entry_add(k, &k->certified, digest, &yes);
}

bool ike_check_certificate(struct ike_check *k, size_t index)
{
	const struct ike_stored_certificate *stored = ike_certificates_get(k->certificates, index);

	if (stored) {
		judge_stored(k, stored);
		note_certified(k, stored->certificate);
	}
	return stored != NULL;
}
