/* Which version of IKE a message or an IKE SA is of. */
#include "libike/versions.h"

#include "libike/wire/isakmp.h"

const struct ike_version *ike_version_of(const struct ike_sa *sa)
{
	return sa->version == 1 ? &ike_version_1 : &ike_version_2;
}

const char *ike_task_name_in(const struct ike_sa *sa, const struct ike_task *task)
{
	const struct ike_version *version = ike_version_of(sa);

	return version->task_name ? version->task_name(sa, task) : ike_task_name(task->kind);
}

uint8_t ike_version_to_initiate(const struct ike_connection *c)
{
	return c->version == 1 ? 1 : 2;
}

bool ike_version_is_allowed(const struct ike_connection *c, uint8_t version)
{
	if (version == 1 && ike_connection_beyond_ikev1(c))
		return false;
	return c->version == 0 || c->version == version;
}

void ike_resume(struct ike_engine *e, uint32_t ike_id)
{
	struct ike_sa *sa;

	HASH_FIND(by_id, e->by_id, &ike_id, sizeof(ike_id), sa);
	if (sa)
		ike_version_of(sa)->resume(e, sa);
}

/* The first message of somebody who wants an IKE SA. */
static bool begins(const struct ike_header *header)
{
	if (header->spi_responder != 0)
		return false;
	if (header->version >> 4 == 1)
		return header->exchange == ISAKMP_EXCHANGE_MAIN ||
		       header->exchange == ISAKMP_EXCHANGE_AGGRESSIVE;
	return !(header->flags & IKE_FLAG_RESPONSE);
}

void ike_receive(struct ike_engine *e, const struct ike_datagram *datagram)
{
	struct ike_header header;
	char from[ADDRESS_TEXT_MAX];

	if (datagram->data.length > sizeof(e->datagram) ||
		!ike_header_parse(datagram->data, &header)) {
		ike_count(e, NULL, IKE_COUNTER_INVALID);
		ike_tally(e, NULL, IKE_TALLY_DROPPED_MALFORMED);
		ike_log_noise(e, NULL, IKE_LOG_NET,
			"ignoring %zu bytes from %s that are no IKE message", datagram->data.length,
			address_format_with_port(&datagram->remote, from));
		return;
	}
	if (e->settings.initiator_only && begins(&header)) {
		ike_tally(e, NULL, IKE_TALLY_DROPPED_UNWANTED);
		ike_log_noise(e, NULL, IKE_LOG_NET,
			"ignoring %s, which begins an IKE_SA: initiator_only",
			address_format_with_port(&datagram->remote, from));
		return;
	}
	if (header.version >> 4 == 1)
		ike_version_1.receive(e, datagram, &header);
	else
		ike_version_2.receive(e, datagram, &header);
}
