/* The conversation: made, moved on, ended; what methods share. */
#include "libike/eap/eap_priv.h"

#include "libike/ikev2/auth.h"

#include <stdlib.h>

/* On the wire, the best first. */
static const struct ike_eap_kind *const methods[] = {
	&ike_eap_tls,
	&ike_eap_mschapv2,
	&ike_eap_md5,
};

#define METHODS (sizeof(methods) / sizeof(*methods))

const struct ike_eap_kind *ike_eap_method_at(size_t index)
{
	return index < METHODS ? methods[index] : NULL;
}

const struct ike_eap_kind *ike_eap_method_find(uint8_t type)
{
	for (size_t i = 0; i < METHODS; i++)
		if (methods[i]->type == type)
			return methods[i];
	return type == IKE_EAP_METHOD_RADIUS ? &ike_eap_radius : NULL;
}

/* ---- Made and ended ---- */

static struct ike_eap *eap_new(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round, bool server)
{
	struct ike_eap *eap = calloc(1, sizeof(*eap));

	if (!eap)
		return NULL;
	eap->e = e;
	eap->sa = sa;
	eap->round = round;
	eap->server = server;
	return eap;
}

struct ike_eap *ike_eap_server_new(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round)
{
	return eap_new(e, sa, round, true);
}

struct ike_eap *ike_eap_client_new(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round)
{
	return eap_new(e, sa, round, false);
}

void ike_eap_drop_method(struct ike_eap *eap)
{
	ike_eap_unask(eap);
	if (eap->state && eap->method->forget)
		eap->method->forget(eap);
	if (eap->state)
		secret_wipe(eap->state, eap->state_size);
	free(eap->state);
	eap->state = NULL;
	eap->state_size = 0;
	eap->method = NULL;
}

void ike_eap_free(struct ike_eap *eap)
{
	if (!eap)
		return;
	ike_eap_drop_method(eap);
	ike_identity_free(eap->claimed);
	ike_identity_free(eap->proved);
	secret_free(&eap->msk);
	secret_free(&eap->password);
	free(eap);
}

bool ike_eap_claim(struct ike_eap *eap, struct ike_identity *id, struct bytes password)
{
	ike_identity_free(eap->claimed);
	eap->claimed = ike_identity_hold(id);
	return password.length == 0 || secret_copy(&eap->password, password);
}

/* ---- Waiting for the host ---- */

bool ike_eap_ask(struct ike_eap *eap)
{
	eap->ticket = ike_ticket_new(eap->e);
	HASH_ADD(by_ticket, eap->e->eap_waiting, ticket, sizeof(eap->ticket), eap);
	if (eap->by_ticket.tbl)
		return true;
	eap->ticket = 0;
	return false;
}

void ike_eap_unask(struct ike_eap *eap)
{
	if (eap->ticket)
		HASH_DELETE(by_ticket, eap->e->eap_waiting, eap);
	eap->ticket = 0;
}

struct ike_eap *ike_eap_answered(struct ike_engine *e, uint64_t ticket)
{
	struct ike_eap *eap;

	HASH_FIND(by_ticket, e->eap_waiting, &ticket, sizeof(ticket), eap);
	return eap;
}

/* ---- Moved on ---- */

static enum ike_eap_result over(struct ike_eap *eap, enum ike_eap_result result)
{
	if (result == IKE_EAP_DONE || result == IKE_EAP_FAILED)
		eap->stage = IKE_EAP_STAGE_OVER;
	return result;
}

enum ike_eap_result ike_eap_begin(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure)
{
	return over(eap, ike_eap_server_begin(eap, ret, failure));
}

static bool check_progress(struct ike_eap *eap, struct ike_failure *failure)
{
	if (eap->stage == IKE_EAP_STAGE_OVER) {
		ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
			"peer goes on with EAP that is over");
		return false;
	}
	if (++eap->round_trips <= IKE_EAP_ROUND_TRIPS_MAX)
		return true;
	ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL,
		"peer is not through with EAP after %u round trips", IKE_EAP_ROUND_TRIPS_MAX);
	return false;
}

enum ike_eap_result ike_eap_packet(
	struct ike_eap *eap, struct bytes bytes, struct writer *ret, struct ike_failure *failure)
{
	struct ike_eap_packet packet;

	if (!check_progress(eap, failure))
		return over(eap, IKE_EAP_FAILED);
	if (bytes.length > IKE_EAP_PACKET_MAX || !ike_eap_packet_parse(bytes, &packet)) {
		ike_failure_set(
			failure, IKE_REASON_PROTOCOL, NULL, NULL, "peer's EAP packet is malformed");
		return over(eap, IKE_EAP_FAILED);
	}
	return over(eap, eap->server ? ike_eap_server_packet(eap, &packet, ret, failure)
				     : ike_eap_client_packet(eap, &packet, ret, failure));
}

enum ike_eap_result ike_eap_resume(
	struct ike_eap *eap, struct writer *ret, struct ike_failure *failure)
{
	if (eap->stage != IKE_EAP_STAGE_METHOD || !eap->method ||
		!(eap->server ? eap->method->server : eap->method->client)->resume)
		return IKE_EAP_WAIT;
	return over(eap, eap->server ? ike_eap_server_resume(eap, ret, failure)
				     : ike_eap_client_resume(eap, ret, failure));
}

struct bytes ike_eap_msk(const struct ike_eap *eap)
{
	return secret_bytes(&eap->msk);
}

struct ike_identity *ike_eap_identity(const struct ike_eap *eap)
{
	return eap->proved;
}

bool ike_eap_is_mutual(const struct ike_eap *eap)
{
	return eap->method && eap->method->mutual;
}

/* ---- What methods share ---- */

bool ike_eap_state_new(struct ike_eap *eap, size_t size, struct ike_failure *failure)
{
	eap->state = calloc(1, size);
	if (!eap->state) {
		ike_eap_fail_resources(failure, "out of memory");
		return false;
	}
	eap->state_size = size;
	return true;
}

struct bytes ike_eap_secret(const struct ike_eap *eap, uint8_t kind)
{
	if (eap->password.length > 0)
		return kind == IKE_SHARED_EAP ? secret_bytes(&eap->password) : (struct bytes){ 0 };
	/* The server takes none that belongs to itself alone: it would be everybody's. */
	if (eap->server)
		return ike_credentials_find(eap->e->credentials, kind, NULL, eap->claimed);
	return ike_credentials_find(eap->e->credentials, kind, eap->claimed,
		eap->round->aaa_id ? eap->round->aaa_id : ike_eap_ike_peer(eap));
}

void ike_eap_fail_secret(const struct ike_eap *eap, struct ike_failure *failure)
{
	char text[IKE_IDENTITY_TEXT_MAX] = "%any";

	if (eap->claimed)
		ike_identity_format(eap->claimed, text);
	ike_failure_set(failure, IKE_REASON_NO_SHARED_KEY, NULL, NULL,
		"no EAP secret found for '%s'", text);
}

enum ike_eap_step ike_eap_fail_resources(struct ike_failure *failure, const char *what)
{
	ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "EAP: %s", what);
	return IKE_EAP_STEP_FAILED;
}

enum ike_eap_step ike_eap_fail_packet(
	const struct ike_eap *eap, struct ike_failure *failure, const char *what)
{
	ike_failure_set(failure, IKE_REASON_PROTOCOL, NULL, NULL, "peer's %s packet is wrong: %s",
		eap->method ? eap->method->label : "EAP", what);
	return IKE_EAP_STEP_FAILED;
}

struct ike_identity *ike_eap_identity_of(struct bytes text)
{
	char name[IKE_EAP_NAME_MAX + 1];
	struct ike_identity *id;

	if (text.length == 0 || text.length > IKE_EAP_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < text.length; i++)
		if (text.at[i] < 0x20 || text.at[i] == 0x7f)
			return NULL;
	bytes_copy(name, text);
	name[text.length] = 0;
	id = ike_identity_parse(name, NULL);
	if (id && ike_identity_is_wildcard(id)) {
		ike_identity_free(id);
		return NULL;
	}
	return id;
}

bool ike_eap_identity_put(struct writer *w, const struct ike_identity *id)
{
	char text[IKE_IDENTITY_TEXT_MAX];
	struct bytes octets = bytes_of(id->octets, id->length);

	/* Names go as they are: the text form escapes. */
	if (id->type != IKE_ID_FQDN && id->type != IKE_ID_RFC822_ADDR && id->type != IKE_ID_KEY_ID)
		octets = bytes_of_text(ike_identity_format(id, text));
	writer_put(w, octets);
	return !w->bad && octets.length <= IKE_EAP_NAME_MAX;
}

char *ike_eap_printable(struct bytes from, char *text, size_t room)
{
	size_t length = from.length < room - 1 ? from.length : room - 1;

	for (size_t i = 0; i < length; i++)
		text[i] = from.at[i] >= 0x20 && from.at[i] < 0x7f ? (char)from.at[i] : '?';
	text[length] = 0;
	return text;
}

struct ike_identity *ike_eap_ike_peer(const struct ike_eap *eap)
{
	const struct ike_negotiation *n = eap->sa->negotiation;

	return n && n->auth && n->auth->peer_id ? n->auth->peer_id : eap->sa->remote_id;
}

struct ike_identity *ike_eap_ike_own(const struct ike_eap *eap)
{
	const struct ike_negotiation *n = eap->sa->negotiation;

	return n && n->auth && n->auth->id ? n->auth->id : eap->sa->local_id;
}

bool ike_eap_is_alone(const struct ike_eap *eap)
{
	const struct ike_negotiation *n = eap->sa->negotiation;

	return n && n->auth && n->auth->eap_only;
}
