/*
 * A RADIUS server as the method (RFC 3579): packets go to it and come from it unread, except that
 * they are EAP and answer each other. What it says at the end counts, not what they look like.
 */
#include "libike/eap/eap_priv.h"

#include "libike/versions.h"

#include <stdlib.h>

#define CLASS_MAX 4096

struct radius_state {
	uint64_t session;
	bool answered; /* `result` and what goes with it are there */
	uint8_t result;
	struct bytes packet; /* heap: of a challenge */
	struct secret msk;
	char *error; /* heap or NULL */
	struct ike_radius_session *kept;
};

void ike_radius_session_free(struct ike_radius_session *s)
{
	if (!s)
		return;
	free(s->user);
	free((void *)s->class.at);
	ike_attributes_free(&s->attributes);
	free(s);
}

/* ---- Asking ---- */

static bool user_name(const struct ike_eap *eap, char ret[IKE_EAP_NAME_MAX + 1])
{
	struct writer w = writer_of(ret, IKE_EAP_NAME_MAX);

	if (!ike_eap_identity_put(&w, eap->claimed) || memchr(ret, 0, w.length))
		return false;
	ret[w.length] = 0;
	return true;
}

static enum ike_eap_step ask(struct ike_eap *eap, struct bytes packet, struct ike_failure *failure)
{
	const struct ike_host *host = &eap->e->host;
	struct radius_state *s = eap->state;
	char user[IKE_EAP_NAME_MAX + 1];
	struct ike_radius_request request = {
		.session = s->session,
		.ike_id = eap->sa->unique_id,
		.peer = ike_eap_ike_peer(eap),
		.user = user,
		.local = eap->sa->local,
		.remote = eap->sa->remote,
		.eap = packet,
	};

	if (!user_name(eap, user)) {
		ike_failure_set(failure, IKE_REASON_WRONG_IDENTITY, NULL, NULL,
			"peer's EAP identity is too long for RADIUS");
		return IKE_EAP_STEP_FAILED;
	}
	if (!host->radius) {
		ike_failure_set(failure, IKE_REASON_UNSUPPORTED, NULL, NULL,
			"EAP_RADIUS: no RADIUS server is configured");
		return IKE_EAP_STEP_FAILED;
	}
	if (!ike_eap_ask(eap))
		return ike_eap_fail_resources(failure, "out of memory");
	if (host->radius(host->context, &request, eap->ticket))
		return IKE_EAP_STEP_WAIT;
	ike_eap_unask(eap);
	ike_failure_set(
		failure, IKE_REASON_EAP, NULL, NULL, "EAP_RADIUS: no RADIUS server can be asked");
	return IKE_EAP_STEP_FAILED;
}

/* Without an EAP-Identity of the peer's own, the server gets the one that we go by. */
static enum ike_eap_step radius_begin(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	uint8_t room[IKE_EAP_NAME_MAX + 8];
	struct writer packet = writer_of(room, sizeof(room));
	struct radius_state *s;

	(void)w;
	if (!ike_eap_state_new(eap, sizeof(*s), failure))
		return IKE_EAP_STEP_FAILED;
	s = eap->state;
	s->session = ike_ticket_new(eap->e);
	size_t begin = ike_eap_packet_begin(
		&packet, IKE_EAP_RESPONSE, eap->identifier, IKE_EAP_TYPE_IDENTITY);
	if (!ike_eap_identity_put(&packet, eap->claimed)) {
		ike_failure_set(failure, IKE_REASON_WRONG_IDENTITY, NULL, NULL,
			"peer's identity is too long for EAP");
		return IKE_EAP_STEP_FAILED;
	}
	ike_eap_packet_finish(&packet, begin);
	return ask(eap, writer_bytes(&packet), failure);
}

static enum ike_eap_step radius_packet(
	struct ike_eap *eap, struct bytes whole, struct writer *w, struct ike_failure *failure)
{
	(void)w;
	return ask(eap, whole, failure);
}

/* ---- Answers ---- */

static void forget_answer(struct radius_state *s)
{
	s->answered = false;
	free((void *)s->packet.at);
	s->packet = (struct bytes){ 0 };
	secret_free(&s->msk);
	free(s->error);
	s->error = NULL;
}

static struct ike_radius_session *keep_session(
	uint64_t session, const struct ike_radius_answer *answer)
{
	struct ike_radius_session *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return NULL;
	kept->session = session;
	kept->user = answer->user ? strdup(answer->user) : NULL;
	kept->class = answer->class.length <= CLASS_MAX ? bytes_duplicate(answer->class)
							: (struct bytes){ 0 };
	kept->framed_ip = answer->framed_ip;
	kept->framed_ip6 = answer->framed_ip6;
	for (size_t i = 0; answer->attributes && i < answer->attributes->count; i++)
		(void)!ike_attributes_add(&kept->attributes, answer->attributes->items[i].type,
			answer->attributes->items[i].value);
	kept->session_timeout = answer->session_timeout;
	return kept;
}

static void take_answer(struct radius_state *s, const struct ike_radius_answer *answer)
{
	forget_answer(s);
	s->answered = true;
	s->result = answer->result;
	s->error = answer->error ? strdup(answer->error) : NULL;
	if (answer->eap.length <= IKE_EAP_PACKET_MAX)
		s->packet = bytes_duplicate(answer->eap);
	if (answer->result != IKE_RADIUS_ACCEPT)
		return;
	ike_radius_session_free(s->kept);
	s->kept = keep_session(s->session, answer);
	if (!s->kept || !secret_copy(&s->msk, answer->msk)) {
		s->result = IKE_RADIUS_UNREACHABLE;
		free(s->error);
		s->error = strdup("out of memory");
	}
}

void ike_engine_radius_answered(
	struct ike_engine *e, ike_time now, uint64_t ticket, const struct ike_radius_answer *answer)
{
	struct ike_eap *eap = ike_eap_answered(e, ticket);

	e->now = now;
	if (!eap || eap->method != &ike_eap_radius)
		return;
	ike_eap_unask(eap);
	take_answer(eap->state, answer);
	ike_resume(e, eap->sa->unique_id);
}

/* ---- Going on ---- */

static enum ike_eap_step challenge(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	const struct radius_state *s = eap->state;
	struct ike_eap_packet packet;

	if (!ike_eap_packet_parse(s->packet, &packet) || packet.code != IKE_EAP_REQUEST) {
		ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL,
			"EAP_RADIUS: the server's challenge has no EAP request in it");
		return IKE_EAP_STEP_FAILED;
	}
	writer_put(w, s->packet);
	return IKE_EAP_STEP_SEND;
}

static bool in_groups(const struct ike_auth_round *round, struct bytes class)
{
	for (size_t i = 0; i < round->group_count; i++)
		if (bytes_equal(bytes_of_text(round->groups[i]), class))
			return true;
	return round->group_count == 0;
}

/* The server's word for the user's name is better than the user's own. */
static enum ike_eap_step accepted(struct ike_eap *eap, struct ike_failure *failure)
{
	struct radius_state *s = eap->state;
	char class[128];

	if (!in_groups(eap->round, s->kept->class)) {
		ike_failure_set(failure, IKE_REASON_POLICY, NULL,
			ike_eap_printable(s->kept->class, class, sizeof(class)),
			"EAP_RADIUS: the user is in none of the groups that are allowed");
		ike_failure_set_differs(failure, "groups");
		return IKE_EAP_STEP_FAILED;
	}
	if (s->kept->user)
		eap->proved = ike_eap_identity_of(bytes_of_text(s->kept->user));
	if (!eap->proved)
		eap->proved = ike_identity_hold(eap->claimed);
	if (!s->kept->user) {
		char user[IKE_EAP_NAME_MAX + 1];

		s->kept->user = user_name(eap, user) ? strdup(user) : NULL;
	}
	eap->msk = secret_move(&s->msk);
	ike_radius_session_free(eap->sa->radius);
	eap->sa->radius = s->kept;
	s->kept = NULL;
	return IKE_EAP_STEP_SUCCESS;
}

static enum ike_eap_step radius_resume(
	struct ike_eap *eap, struct writer *w, struct ike_failure *failure)
{
	struct radius_state *s = eap->state;
	char user[IKE_IDENTITY_TEXT_MAX];
	enum ike_eap_step step = IKE_EAP_STEP_FAILED;

	if (!s->answered)
		return IKE_EAP_STEP_WAIT;
	switch (s->result) {
	case IKE_RADIUS_CHALLENGE:
		step = challenge(eap, w, failure);
		break;
	case IKE_RADIUS_ACCEPT:
		step = accepted(eap, failure);
		break;
	case IKE_RADIUS_REJECT:
		ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL,
			"RADIUS server refuses '%s'%s%s", ike_identity_format(eap->claimed, user),
			s->error ? ": " : "", s->error ? s->error : "");
		break;
	default:
		ike_failure_set(failure, IKE_REASON_EAP, NULL, NULL, "EAP_RADIUS: %s",
			s->error ? s->error : "no RADIUS server answers");
		break;
	}
	forget_answer(s);
	return step;
}

static void radius_forget(struct ike_eap *eap)
{
	struct radius_state *s = eap->state;
	const struct ike_host *host = &eap->e->host;

	forget_answer(s);
	ike_radius_session_free(s->kept);
	if (host->radius_forget)
		host->radius_forget(host->context, s->session);
}

static const struct ike_eap_role server = {
	.begin = radius_begin,
	.packet = radius_packet,
	.resume = radius_resume,
};

const struct ike_eap_kind ike_eap_radius = {
	.type = IKE_EAP_METHOD_RADIUS,
	.label = "EAP_RADIUS",
	.whole_packets = true,
	.server = &server,
	.forget = radius_forget,
};
