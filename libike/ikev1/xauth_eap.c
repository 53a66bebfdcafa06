/*
 * `xauth-eap`: the user has but said a password, the RADIUS server wants EAP. So both ends of an
 * EAP conversation are here: the server's, which is the RADIUS server, and a client that knows the
 * name and the password. The RADIUS server's word counts.
 */
#include "libike/ikev1/transaction.h"

#include <stdlib.h>

#define PACKET_MAX 4096 /* RFC 2865 3: no RADIUS packet is longer */

struct ikev1_xauth_eap {
	struct ike_auth_round client_round;
	/* As the definition has it, but for `groups`: another definition may be for the user's.
	 * Borrowed from connection, which is held. */
	struct ike_auth_round server_round;
	struct ike_connection *connection;
	struct ike_eap *server;
	struct ike_eap *client;
};

void ikev1_xauth_eap_free(struct ikev1_xauth_eap *eap)
{
	if (!eap)
		return;
	ike_eap_free(eap->server);
	ike_eap_free(eap->client);
	ike_connection_free(eap->connection);
	free(eap);
}

static enum ikev1_checked succeed(struct ikev1_xauth *t)
{
	struct ike_identity *user = ike_eap_identity(t->eap->server);

	/* The server may know the user by another name. */
	if (user) {
		ike_identity_free(t->user);
		t->user = ike_identity_hold(user);
	}
	return IKEV1_CHECKED_RIGHT;
}

/* What one side says, the other hears, until the RADIUS server has to be asked. packet holds what
 * the server's side has written. */
static enum ikev1_checked carry(
	struct ikev1_xauth *t, enum ike_eap_result result, struct writer *packet)
{
	uint8_t room[PACKET_MAX];

	while (result == IKE_EAP_SEND) {
		struct writer answer = writer_of(room, sizeof(room));

		if (ike_eap_packet(t->eap->client, writer_bytes(packet), &answer, &t->failure) !=
			IKE_EAP_SEND) {
			secret_wipe(room, sizeof(room));
			return IKEV1_CHECKED_WRONG;
		}
		packet->length = 0;
		packet->bad = false;
		result = ike_eap_packet(t->eap->server, writer_bytes(&answer), packet, &t->failure);
		secret_wipe(room, sizeof(room));
	}
	if (result == IKE_EAP_WAIT)
		return IKEV1_CHECKED_LATER;
	return result == IKE_EAP_DONE ? succeed(t) : IKEV1_CHECKED_WRONG;
}

static enum ikev1_checked checked(struct ikev1_xauth *t, enum ikev1_checked result)
{
	if (result == IKEV1_CHECKED_WRONG)
		ike_failure_set(&t->failure, IKE_REASON_EAP, NULL, NULL, "XAuth: EAP failed");
	return result;
}

enum ikev1_checked ikev1_xauth_eap_begin(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_auth_round *round)
{
	struct ikev1_xauth *t = ikev1_transactions_of(sa);
	uint8_t room[PACKET_MAX];
	struct writer packet = writer_of(room, sizeof(room));

	t->eap = calloc(1, sizeof(*t->eap));
	if (!t->eap)
		return checked(t, IKEV1_CHECKED_WRONG);
	t->eap->client_round.class = IKE_AUTH_CLASS_EAP;
	t->eap->connection = ike_connection_hold(sa->connection);
	t->eap->server_round = *round;
	t->eap->server_round.groups = NULL;
	t->eap->server_round.group_count = 0;
	t->eap->server = ike_eap_server_new(e, sa, &t->eap->server_round);
	t->eap->client = ike_eap_client_new(e, sa, &t->eap->client_round);
	if (!t->eap->server || !t->eap->client ||
		!ike_eap_claim(t->eap->server, t->user, (struct bytes){ 0 }) ||
		!ike_eap_claim(t->eap->client, t->user, secret_bytes(&t->password)))
		return checked(t, IKEV1_CHECKED_WRONG);
	secret_free(&t->password);
	return checked(t, carry(t, ike_eap_begin(t->eap->server, &packet, &t->failure), &packet));
}

enum ikev1_checked ikev1_xauth_eap_resume(struct ike_sa *sa)
{
	struct ikev1_xauth *t = ikev1_transactions_of(sa);
	uint8_t room[PACKET_MAX];
	struct writer packet = writer_of(room, sizeof(room));

	return checked(t, carry(t, ike_eap_resume(t->eap->server, &packet, &t->failure), &packet));
}
