/*
 * NAT detection (RFC 7296 2.23): each side sends hashes of the addresses that it believes in; where
 * the other side sees different ones, somebody in between rewrote them. `encap = yes` sends a hash
 * that cannot match, so that both sides encapsulate in UDP.
 */
#include "libike/ikev2/ikev2.h"

#define HASH_LENGTH 20

static bool hash(struct ike_engine *e, const struct ike_sa *sa, bool responder_spi,
	const struct address *a, uint8_t ret[HASH_LENGTH])
{
	uint8_t room[8 + 8 + 16 + 2];
	struct writer w = writer_of(room, sizeof(room));

	writer_u64(&w, sa->spi_initiator);
	writer_u64(&w, responder_spi ? sa->spi_responder : 0);
	writer_put(&w, address_octets(a));
	writer_u16(&w, a->port);
	struct bytes part = writer_bytes(&w);
	return ike_sha1(e->crypto, &part, 1, ret);
}

void ike_nat_build(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	uint8_t source[HASH_LENGTH], destination[HASH_LENGTH];
	struct address pretended = sa->local;
	bool answer = !sa->initiator;

	if (sa->connection && sa->connection->encap) {
		sa->nat_fake = true;
		memset(pretended.octets, 0, sizeof(pretended.octets));
		pretended.port = 0;
	}
	if (!hash(e, sa, answer, &pretended, source) ||
		!hash(e, sa, answer, &sa->remote, destination))
		return;
	ike_build_notify(b, IKE_NOTIFY_NAT_DETECTION_SOURCE_IP, bytes_of(source, sizeof(source)));
	ike_build_notify(b, IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP,
		bytes_of(destination, sizeof(destination)));
}

void ike_nat_detect(struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message)
{
	uint8_t source[HASH_LENGTH], destination[HASH_LENGTH];
	bool has_source = false, has_destination = false;
	bool source_fits = false, destination_fits = false;
	bool answer = sa->initiator; /* what we read is the answer when we are the initiator */

	if (!hash(e, sa, answer, &sa->remote, source) ||
		!hash(e, sa, answer, &sa->local, destination))
		return;
	for (size_t i = 0; i < message->notify_count; i++) {
		const struct ike_notify *n = &message->notifies[i];

		if (n->type == IKE_NOTIFY_NAT_DETECTION_SOURCE_IP) {
			has_source = true;
			source_fits |= bytes_equal(n->data, bytes_of(source, sizeof(source)));
		} else if (n->type == IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP) {
			has_destination = true;
			destination_fits |=
				bytes_equal(n->data, bytes_of(destination, sizeof(destination)));
		}
	}
	if (!has_source || !has_destination) /* the peer does not do NAT traversal */
		return;
	sa->nat_remote = !source_fits;
	sa->nat_local = !destination_fits;
	if (sa->nat_local)
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "local host is behind NAT");
	if (sa->nat_remote)
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "remote host is behind NAT");
}
