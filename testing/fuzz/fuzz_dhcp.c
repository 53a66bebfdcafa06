/* DHCP: packets of anybody on the network, and a lease's life with a server that says anything. The
 * input is packets, each after two octets of its length; their hardware address and transaction are
 * made ours, and some time goes by after each. */
#include "charon-lite/dhcp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define XID_AT (20 + 8 + 4)
#define HARDWARE_AT (20 + 8 + 28)
#define PACKET_MAX 2048

static struct cl_dhcp_message last;
static int held, told;

static void on_send(void *context, struct cl_dhcp_message *m, const struct address *unicast)
{
	uint8_t room[CL_DHCP_MESSAGE_MAX];

	(void)context, (void)unicast;
	if (cl_dhcp_build(m, room).length < 300)
		abort();
	last = *m;
}

static void on_answer(void *context, uint64_t ticket, const struct ike_leased_answer *answer)
{
	(void)context;
	told++;
	if (ticket != 1 || (answer->address.family == 0) != (answer->error != NULL))
		abort();
}

static void on_lost(void *context, uint64_t ticket, const char *error)
{
	(void)context;
	if (ticket != 1 || !error)
		abort();
}

static void on_held(void *context, const struct address *address, bool is_held)
{
	(void)context;
	held += is_held ? 1 : -1;
	if (held < 0 || held > 1 || address->family != AF_INET)
		abort();
}

static void make_ours(uint8_t *packet, size_t length)
{
	if (length < HARDWARE_AT + CL_DHCP_HARDWARE)
		return;
	for (size_t i = 0; i < 4; i++)
		packet[XID_AT + i] = (uint8_t)(last.xid >> (24 - 8 * i));
	memcpy(packet + HARDWARE_AT, last.hardware, CL_DHCP_HARDWARE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cl_dhcp_config config = {
		.send = on_send, .answered = on_answer, .lost = on_lost, .held = on_held
	};
	struct cl_log *log = cl_log_new();
	struct cl_dhcp *d = log ? cl_dhcp_new(&config, log) : NULL;
	struct ike_identity *id = ike_identity_from_wire(IKE_ID_FQDN, bytes_of_text("carol"));
	const struct ike_lease_wish wish = { .peer = id, .wanted = { .family = AF_INET } };
	struct reader r = reader_of(bytes_of(data, size));
	uint8_t packet[PACKET_MAX];
	ike_time now = 1000;
	struct bytes message;

	held = told = 0;
	if (!d || !id)
		abort();
	cl_dhcp_identity_lease(d, size & 1);
	if (!cl_dhcp_ask(d, now, &wish, 1))
		abort();
	while (reader_more(&r)) {
		struct bytes part = reader_bytes(&r, reader_u16(&r) % PACKET_MAX);

		bytes_copy(packet, part);
		make_ours(packet, part.length);
		if (cl_dhcp_unwrap(bytes_of(packet, part.length), &message))
			cl_dhcp_received(d, now, message);
		cl_dhcp_tick(d, now);
		now += IKE_SECONDS(1 + part.length % 64);
		cl_dhcp_tick(d, now);
	}
	if (told > 1)
		abort();
	cl_dhcp_free(d);
	if (held != 0)
		abort();
	ike_identity_free(id);
	cl_log_free(log);
	return 0;
}
