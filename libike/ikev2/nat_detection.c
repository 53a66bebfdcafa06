/*
 * NAT detection (RFC 7296 2.23): each side sends hashes of the addresses that it believes in; where
 * the other side sees different ones, somebody in between rewrote them. `encap = yes` sends a hash
 * that cannot match, so that both sides encapsulate in UDP.
 */
#include "libike/ikev2/ikev2.h"

static bool hash(struct ike_engine *e, const struct ike_sa *sa, bool responder_spi,
	const struct address *a, uint8_t ret[IKE_NAT_HASH_LENGTH])
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

/* An initiator does not know the responder's SPI in its IKE_SA_INIT request. */
static bool has_responder_spi(const struct ike_sa *sa, bool of_initiator)
{
	return sa->was_established || !of_initiator;
}

void ike_nat_build(struct ike_engine *e, struct ike_sa *sa, const struct address *local,
	const struct address *remote, struct ike_builder *b)
{
	uint8_t source[IKE_NAT_HASH_LENGTH], destination[IKE_NAT_HASH_LENGTH];
	struct address pretended = *local;
	bool both_spis = has_responder_spi(sa, sa->initiator);

	if (sa->connection && sa->connection->encap) {
		sa->nat_fake = true;
		memset(pretended.octets, 0, sizeof(pretended.octets));
		pretended.port = 0;
	}
	if (!hash(e, sa, both_spis, &pretended, source) ||
		!hash(e, sa, both_spis, remote, destination))
		return;
	ike_build_notify(b, IKE_NOTIFY_NAT_DETECTION_SOURCE_IP, bytes_of(source, sizeof(source)));
	ike_build_notify(b, IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP,
		bytes_of(destination, sizeof(destination)));
}

bool ike_nat_detect(struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message)
{
	uint8_t source[IKE_NAT_HASH_LENGTH], destination[IKE_NAT_HASH_LENGTH];
	bool has_source = false, has_destination = false;
	bool source_fits = false, destination_fits = false;
	bool both_spis = has_responder_spi(sa, !sa->initiator);

	if (!hash(e, sa, both_spis, &sa->remote, source) ||
		!hash(e, sa, both_spis, &sa->local, destination))
		return false;
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
		return false;
	sa->nat_remote = !source_fits;
	sa->nat_local = !destination_fits;
	if (sa->nat_local)
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "local host is behind NAT");
	if (sa->nat_remote)
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "remote host is behind NAT");
	return true;
}
