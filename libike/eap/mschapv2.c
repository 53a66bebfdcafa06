/*
 * EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2, RFC 2759).
 *
 *	server                                            client
 *	Challenge: a challenge, its name            -->
 *	                  <--  Response: a challenge, the proof, the user's name
 *	Success: its own proof    or    Failure     -->
 *	                  <--  Success              or    Failure
 *	EAP-Success               or    EAP-Failure -->
 *
 * All but the client's last message have a header: OpCode, MS-CHAPv2-ID, MS-Length. Who listens to
 * both proofs can try passwords offline, and so can a server that is none: the method counts as
 * mutual for nobody.
 */
#include "libike/eap/eap_priv.h"
#include "libike/eap/mschapv2_hash.h"

#include <stdio.h>
#include <stdlib.h>

enum opcode {
	OPCODE_CHALLENGE = 1,
	OPCODE_RESPONSE = 2,
	OPCODE_SUCCESS = 3,
	OPCODE_FAILURE = 4,
};

enum awaited {
	AWAIT_FIRST,   /* server: the response; client: the challenge */
	AWAIT_OUTCOME, /* client: success or failure */
	AWAIT_SUCCESS, /* server: the client is content with our proof */
	AWAIT_FAILURE, /* server: the client has heard that it is refused */
};

/* RFC 2759 6: what a refused client hears. */
#define ERROR_AUTHENTICATION_FAILURE 691

#define RESPONSE_VALUE 49 /* both of them and what follows, with the flags */
#define RESPONSE_RESERVED 8
#define SERVER_NAME "charon-lite"

struct mschapv2_state {
	struct mschapv2_exchange exchange;
	uint8_t nt_hash[MSCHAPV2_NT_HASH];
	uint8_t id;      /* MS-CHAPv2-ID of the challenge */
	uint8_t awaited; /* enum awaited */
	bool unknown;    /* server: there is no such user */
};

static struct bytes user_of(struct bytes name)
{
	return mschapv2_without_domain(name);
}

static size_t begin_message(struct writer *w, uint8_t opcode, uint8_t id)
{
	size_t begin = w->length;

	writer_u8(w, opcode);
	writer_u8(w, id);
	writer_u16(w, 0);
	return begin;
}

static void finish_message(struct writer *w, size_t begin)
{
	if (!w->bad)
		writer_patch_u16(w, begin + 2, (uint16_t)(w->length - begin));
}

/* What follows the header. False when MS-Length is not that of the message. */
static bool read_header(struct bytes data, uint8_t *opcode, uint8_t *id, struct reader *ret)
{
	*ret = reader_of(data);
	*opcode = reader_u8(ret);
	*id = reader_u8(ret);
	return reader_u16(ret) == data.length && !ret->bad;
}

/* Of the user whom the conversation is about. ret_found: false when we know no password. */
static bool find_hash(struct ike_eap *eap, uint8_t ret[MSCHAPV2_NT_HASH], bool *ret_found,
	struct ike_failure *failure)
{
	struct bytes hash = ike_eap_secret(eap, IKE_SHARED_NTLM);
	struct bytes password = ike_eap_secret(eap, IKE_SHARED_EAP);
	struct why why;

	*ret_found = true;
	if (hash.length == MSCHAPV2_NT_HASH) {
		memcpy(ret, hash.at, MSCHAPV2_NT_HASH);
		return true;
	}
	*ret_found = password.length > 0;
	if (!*ret_found)
		return true;
	if (!ike_md4_check(eap->e->crypto, &why)) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"EAP_MSCHAPV2 is not possible: %s", why.text);
		return false;
	}
	if (mschapv2_nt_hash(eap->e->crypto, password, ret))
		return true;
	ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
		"EAP_MSCHAPV2 takes passwords of at most 256 characters");
	return false;
}

static bool make_msk(struct ike_eap *eap, const struct mschapv2_state *s)
{
	return secret_allocate(&eap->msk, MSCHAPV2_MSK) &&
	       mschapv2_msk(eap->e->crypto, s->exchange.nt_response, s->nt_hash, eap->msk.at);
}

/* ---- Server ---- */

static enum ike_eap_step server_begin(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	struct mschapv2_state *s;

	if (!ike_eap_state_new(eap, sizeof(*s), failure))
		return IKE_EAP_STEP_FAILED;
	s = eap->state;
	s->id = (uint8_t)(eap->identifier + 1);
	if (!ike_crypto_random(
		    eap->e->crypto, s->exchange.authenticator_challenge, MSCHAPV2_CHALLENGE))
		return ike_eap_fail_resources(failure, "no randomness");
	size_t begin = begin_message(w, OPCODE_CHALLENGE, s->id);

	writer_u8(w, MSCHAPV2_CHALLENGE);
	writer_put(w, bytes_of(s->exchange.authenticator_challenge, MSCHAPV2_CHALLENGE));
	writer_put(w, bytes_of_text(SERVER_NAME));
	finish_message(w, begin);
	return IKE_EAP_STEP_SEND;
}

/* The user's name in the response must be the one that the conversation is about: its password is
 * what is checked. With or without a domain. */
static bool check_name(struct ike_eap *eap, struct bytes name, struct ike_failure *failure)
{
	char room[IKE_EAP_NAME_MAX + 1], claimed[IKE_IDENTITY_TEXT_MAX];
	struct writer w = writer_of(claimed, sizeof(claimed));
	struct ike_identity *id = ike_eap_identity_of(name);
	bool same = id && ike_identity_equal(id, eap->claimed);

	ike_identity_free(id);
	if (same)
		return true;
	if (ike_eap_identity_put(&w, eap->claimed) &&
		bytes_equal(user_of(name), user_of(writer_bytes(&w))))
		return true;
	ike_failure_set(failure, IKE_REASON_WRONG_IDENTITY,
		ike_identity_format(eap->claimed, claimed),
		ike_eap_printable(name, room, sizeof(room)),
		"EAP_MSCHAPV2: the user's name is not the identity that it is asked for%s",
		eap->round->eap_id ? "" : " (with eap_id = %any it is asked for a name first)");
	ike_failure_set_differs(failure, "eap_id");
	return false;
}

static enum ike_eap_step send_success(
	struct ike_eap *eap, struct bytes user, struct writer *w, struct ike_failure *failure)
{
	struct mschapv2_state *s = eap->state;
	uint8_t proof[MSCHAPV2_AUTHENTICATOR];
	size_t begin = begin_message(w, OPCODE_SUCCESS, s->id);
	char digits[3];

	if (!mschapv2_authenticator(eap->e->crypto, &s->exchange, user, s->nt_hash, proof) ||
		!make_msk(eap, s))
		return ike_eap_fail_resources(failure, "OpenSSL refuses MD4");
	writer_put(w, bytes_of_text("S="));
	for (size_t i = 0; i < sizeof(proof); i++) {
		snprintf(digits, sizeof(digits), "%02X", proof[i]);
		writer_put(w, bytes_of_text(digits));
	}
	writer_put(w, bytes_of_text(" M=Welcome"));
	finish_message(w, begin);
	s->awaited = AWAIT_SUCCESS;
	return IKE_EAP_STEP_SEND;
}

static enum ike_eap_step send_failure(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	struct mschapv2_state *s = eap->state;
	uint8_t challenge[MSCHAPV2_CHALLENGE];
	size_t begin = begin_message(w, OPCODE_FAILURE, s->id);
	char text[96];
	int at = snprintf(text, sizeof(text), "E=%d R=0 C=", ERROR_AUTHENTICATION_FAILURE);

	if (!ike_crypto_random(eap->e->crypto, challenge, sizeof(challenge)))
		return ike_eap_fail_resources(failure, "no randomness");
	for (size_t i = 0; i < sizeof(challenge); i++, at += 2)
		snprintf(text + at, sizeof(text) - (size_t)at, "%02X", challenge[i]);
	snprintf(text + at, sizeof(text) - (size_t)at, " V=3 M=Access denied");
	writer_put(w, bytes_of_text(text));
	finish_message(w, begin);
	s->awaited = AWAIT_FAILURE;
	return IKE_EAP_STEP_SEND;
}

static bool read_response(struct reader *r, struct mschapv2_exchange *x, struct bytes *name)
{
	uint8_t length = reader_u8(r);
	struct bytes peer = reader_bytes(r, MSCHAPV2_CHALLENGE);
	struct bytes reserved = reader_bytes(r, RESPONSE_RESERVED);
	struct bytes response = reader_bytes(r, MSCHAPV2_NT_RESPONSE);

	(void)reserved;
	reader_u8(r); /* flags */
	*name = reader_rest(r);
	if (r->bad || length != RESPONSE_VALUE)
		return false;
	memcpy(x->peer_challenge, peer.at, MSCHAPV2_CHALLENGE);
	memcpy(x->nt_response, response.at, MSCHAPV2_NT_RESPONSE);
	return true;
}

static enum ike_eap_step take_response(
	struct ike_eap *eap, struct reader *r, struct writer *w, struct ike_failure *failure)
{
	struct mschapv2_state *s = eap->state;
	uint8_t expected[MSCHAPV2_NT_RESPONSE];
	struct bytes name;
	bool found;

	if (!read_response(r, &s->exchange, &name))
		return ike_eap_fail_packet(eap, failure, "it is no response");
	if (!check_name(eap, name, failure) || !find_hash(eap, s->nt_hash, &found, failure))
		return IKE_EAP_STEP_FAILED;
	s->unknown = !found;
	/* Who is not known takes as long as who is. */
	if (!mschapv2_nt_response(
		    eap->e->crypto, &s->exchange, user_of(name), s->nt_hash, expected))
		return ike_eap_fail_resources(failure, "OpenSSL refuses DES");
	bool right = secret_equal(bytes_of(expected, sizeof(expected)),
		bytes_of(s->exchange.nt_response, sizeof(expected)));

	secret_wipe(expected, sizeof(expected));
	return right && found ? send_success(eap, user_of(name), w, failure)
			      : send_failure(eap, w, failure);
}

static enum ike_eap_step refused(struct ike_eap *eap, struct ike_failure *failure)
{
	const struct mschapv2_state *s = eap->state;
	char text[IKE_IDENTITY_TEXT_MAX];

	if (s->unknown) {
		ike_eap_fail_secret(eap, failure);
		return IKE_EAP_STEP_FAILED;
	}
	ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL,
		"EAP_MSCHAPV2: the password of '%s' is not the one that we have",
		ike_identity_format(eap->claimed, text));
	ike_failure_set_differs(failure, "secret");
	return IKE_EAP_STEP_FAILED;
}

static enum ike_eap_step server_packet(
	struct ike_eap *eap, struct bytes data, struct writer *w, struct ike_failure *failure)
{
	const struct mschapv2_state *s = eap->state;
	uint8_t opcode, id;
	struct reader r;

	if (s->awaited == AWAIT_FAILURE)
		return refused(eap, failure);
	if (s->awaited == AWAIT_SUCCESS) {
		/* The client's answer is the OpCode alone; some send a header as well. */
		if (data.length == 0 || data.at[0] != OPCODE_SUCCESS)
			return ike_eap_fail_packet(
				eap, failure, "the client does not accept our proof");
		eap->proved = ike_identity_hold(eap->claimed);
		return IKE_EAP_STEP_SUCCESS;
	}
	if (!read_header(data, &opcode, &id, &r) || opcode != OPCODE_RESPONSE || id != s->id)
		return ike_eap_fail_packet(eap, failure, "it is no response to our challenge");
	return take_response(eap, &r, w, failure);
}

/* ---- Client ---- */

static bool client_name(const struct ike_eap *eap, struct writer *w)
{
	return ike_eap_identity_put(w, eap->claimed);
}

static bool read_challenge(struct bytes data, struct mschapv2_state *s)
{
	struct bytes challenge;
	uint8_t opcode;
	struct reader r;

	if (!read_header(data, &opcode, &s->id, &r) || opcode != OPCODE_CHALLENGE ||
		reader_u8(&r) != MSCHAPV2_CHALLENGE)
		return false;
	challenge = reader_bytes(&r, MSCHAPV2_CHALLENGE);
	if (r.bad)
		return false;
	memcpy(s->exchange.authenticator_challenge, challenge.at, MSCHAPV2_CHALLENGE);
	return true;
}

static enum ike_eap_step take_challenge(
	struct ike_eap *eap, struct bytes data, struct writer *w, struct ike_failure *failure)
{
	uint8_t room[IKE_IDENTITY_TEXT_MAX];
	struct writer name = writer_of(room, sizeof(room));
	struct mschapv2_state *s = eap->state;
	struct mschapv2_exchange *x = &s->exchange;
	bool found;

	if (!read_challenge(data, s))
		return ike_eap_fail_packet(eap, failure, "it is no challenge");
	if (!find_hash(eap, s->nt_hash, &found, failure))
		return IKE_EAP_STEP_FAILED;
	if (!found) {
		ike_eap_fail_secret(eap, failure);
		return IKE_EAP_STEP_FAILED;
	}
	if (!client_name(eap, &name) ||
		!ike_crypto_random(eap->e->crypto, x->peer_challenge, MSCHAPV2_CHALLENGE) ||
		!mschapv2_nt_response(eap->e->crypto, x, user_of(writer_bytes(&name)), s->nt_hash,
			x->nt_response))
		return ike_eap_fail_resources(failure, "no response could be made");
	static const uint8_t zeros[RESPONSE_RESERVED];
	size_t begin = begin_message(w, OPCODE_RESPONSE, s->id);

	writer_u8(w, RESPONSE_VALUE);
	writer_put(w, bytes_of(x->peer_challenge, MSCHAPV2_CHALLENGE));
	writer_put(w, bytes_of(zeros, sizeof(zeros)));
	writer_put(w, bytes_of(x->nt_response, MSCHAPV2_NT_RESPONSE));
	writer_u8(w, 0);
	writer_put(w, writer_bytes(&name));
	finish_message(w, begin);
	s->awaited = AWAIT_OUTCOME;
	return IKE_EAP_STEP_SEND;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "S=<40 digits>", and maybe " M=..." */
static bool read_proof(struct reader *r, uint8_t ret[MSCHAPV2_AUTHENTICATOR])
{
	if (reader_u8(r) != 'S' || reader_u8(r) != '=')
		return false;
	for (size_t i = 0; i < MSCHAPV2_AUTHENTICATOR; i++) {
		int high = hex_digit(reader_u8(r)), low = hex_digit(reader_u8(r));

		if (r->bad || high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return r->left == 0 || *r->at == ' ';
}

static enum ike_eap_step take_success(
	struct ike_eap *eap, struct reader *r, struct writer *w, struct ike_failure *failure)
{
	struct mschapv2_state *s = eap->state;
	uint8_t room[IKE_IDENTITY_TEXT_MAX];
	struct writer name = writer_of(room, sizeof(room));
	uint8_t proof[MSCHAPV2_AUTHENTICATOR], expected[MSCHAPV2_AUTHENTICATOR];

	if (!read_proof(r, proof))
		return ike_eap_fail_packet(eap, failure, "it says success without a proof");
	if (!client_name(eap, &name) ||
		!mschapv2_authenticator(eap->e->crypto, &s->exchange, user_of(writer_bytes(&name)),
			s->nt_hash, expected) ||
		!make_msk(eap, s))
		return ike_eap_fail_resources(failure, "OpenSSL refuses MD4");
	if (!secret_equal(bytes_of(proof, sizeof(proof)), bytes_of(expected, sizeof(expected)))) {
		secret_free(&eap->msk);
		ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL,
			"EAP_MSCHAPV2: the server does not know the password");
		return IKE_EAP_STEP_FAILED;
	}
	writer_u8(w, OPCODE_SUCCESS);
	eap->succeeded = true;
	return IKE_EAP_STEP_SEND;
}

/* "E=691 R=1 C=... V=3 M=..." We have but one password: it is the end, whatever R says. */
static enum ike_eap_step take_failure(struct ike_eap *eap, struct reader *r, struct writer *w)
{
	char text[sizeof(eap->refusal)];
	const char *message;

	ike_eap_printable(reader_rest(r), text, sizeof(text));
	message = strstr(text, " M=");
	snprintf(eap->refusal, sizeof(eap->refusal), "error %d%s%.60s",
		strncmp(text, "E=", 2) == 0 ? atoi(text + 2) : 0, message ? ", " : "",
		message ? message + 3 : "");
	writer_u8(w, OPCODE_FAILURE);
	return IKE_EAP_STEP_SEND;
}

static enum ike_eap_step client_packet(
	struct ike_eap *eap, struct bytes data, struct writer *w, struct ike_failure *failure)
{
	struct mschapv2_state *s = eap->state;
	uint8_t opcode, id;
	struct reader r;

	if (!s && !ike_eap_state_new(eap, sizeof(*s), failure))
		return IKE_EAP_STEP_FAILED;
	s = eap->state;
	if (s->awaited == AWAIT_FIRST)
		return take_challenge(eap, data, w, failure);
	if (eap->succeeded || *eap->refusal || !read_header(data, &opcode, &id, &r) || id != s->id)
		return ike_eap_fail_packet(eap, failure, "it does not belong to our response");
	if (opcode == OPCODE_SUCCESS)
		return take_success(eap, &r, w, failure);
	if (opcode == OPCODE_FAILURE)
		return take_failure(eap, &r, w);
	return ike_eap_fail_packet(eap, failure, "it asks once more");
}

static const struct ike_eap_role server = { .begin = server_begin, .packet = server_packet };
static const struct ike_eap_role client = { .packet = client_packet };

const struct ike_eap_kind ike_eap_mschapv2 = {
	.type = IKE_EAP_METHOD_MSCHAPV2,
	.label = "EAP_MSCHAPV2",
	.server = &server,
	.client = &client,
};
