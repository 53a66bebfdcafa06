/*
 * Configuration payloads of IKE_AUTH, as client and as gateway. The first octet says which; what
 * follows is the payload's body.
 *
 * A client has no more addresses than it asked for, and none that would be somebody's whom nobody
 * is. What a gateway answers is a payload again, and all its leases are given back at the end.
 */
#include "libike/ikev2/ikev2.h"
#include "libike/virtual.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ike_header header = { .version = 0x20, .exchange = IKE_EXCHANGE_AUTH };
static struct ike_engine *engine;
static struct ike_connection *connection;
static unsigned installed;

/* ---- The host ---- */

static void no_log(void *context, const struct ike_log *line)
{
	(void)context, (void)line;
}

static bool wanted(void *context, uint8_t group, int level)
{
	(void)context, (void)group, (void)level;
	return true;
}

static void no_event(void *context, const struct ike_event *event)
{
	(void)context, (void)event;
}

static bool address_install(
	void *context, const struct address *address, const struct address *local, struct why *why)
{
	(void)context, (void)local, (void)why;
	if (address_is_any(address) ||
		(address->family == AF_INET &&
			(address->octets[0] == 127 || address->octets[0] >= 224)))
		abort();
	installed++;
	return true;
}

static void address_remove(void *context, const struct address *address)
{
	(void)context, (void)address;
	installed--;
}

static void begin(void)
{
	const struct ike_host host = {
		.log = no_log,
		.log_wanted = wanted,
		.event = no_event,
		.address_install = address_install,
		.address_remove = address_remove,
	};
	struct ike_attributes attributes = { 0 };
	struct ike_pool_addrs addrs;
	struct ike_settings settings;
	struct why why;

	ike_settings_default(&settings);
	engine = ike_engine_new(&host, &settings, &why);
	connection = ike_connection_new("gw");
	if (!engine || !connection || !ike_connection_add_vip(connection, "0.0.0.0", &why) ||
		!ike_connection_add_vip(connection, "::", &why) ||
		!ike_connection_add_pool(connection, "rw", &why) ||
		!ike_pool_addrs_parse("10.3.0.0/29", &addrs, &why) ||
		!ike_attributes_add_text(&attributes, "dns", "10.2.0.53", &why) ||
		!ike_attributes_add_text(&attributes, "split_dns", "example.org", &why) ||
		ike_pools_load(ike_engine_pools(engine), "rw", &addrs, &attributes, &why) ==
			IKE_POOL_FAILED)
		abort();
}

static void check_reply(const struct ike_builder *reply)
{
	struct ike_message message;
	struct why why;

	if (reply->first != IKE_PAYLOAD_NONE &&
		ike_message_parse_inner(&header, reply->first, writer_bytes(&reply->writer),
			&message, &why) != IKE_PARSE_OK)
		abort();
}

/* Names go to scripts and resolvers. */
static void check_domains(const struct ike_virtual *v)
{
	char name[IKE_DOMAIN_TEXT_MAX];

	for (size_t i = 0; ike_virtual_dns_domain(v, i, name); i++)
		if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(name) ||
			*name == '-' || *name == '.' || *name == '\0')
			abort();
}

static void run(const struct ike_message *m, bool as_client)
{
	static uint8_t room[IKE_CHAIN_MAX];
	struct ike_failure failure = { 0 };
	struct ike_builder reply;
	struct why why;
	struct ike_sa sa = { .connection = connection, .initiator = as_client };
	struct ike_received x = { engine, &sa, NULL, m, &reply, &failure };

	sa.local_id = ike_identity_parse("moon.example.org", &why);
	sa.remote_id = ike_identity_parse("sun.example.org", &why);
	if (!sa.local_id || !sa.remote_id || !address_parse("192.0.2.1", &sa.local) ||
		!address_parse("192.0.2.2", &sa.remote))
		abort();
	ike_builder_begin(&reply, room, sizeof(room));
	if (as_client) {
		bool good = ike_configuration_accept(&x);

		if (good != (failure.reason == IKE_REASON_NONE) ||
			ike_virtual_our_count(sa.virtual) > connection->vip_count)
			abort();
		check_domains(sa.virtual);
	} else {
		(void)ike_configuration_answer(&x);
		check_reply(&reply);
	}
	ike_virtual_end(engine, &sa);
	if (installed != 0 || ike_pool_online(ike_pools_find(ike_engine_pools(engine), "rw")) != 0)
		abort();
	ike_failure_free(&failure);
	ike_identity_free(sa.local_id);
	ike_identity_free(sa.remote_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t room[4096];
	struct writer w = writer_of(room, sizeof(room));
	struct ike_message message;
	struct why why;

	if (!engine)
		begin();
	if (size < 1 || size > sizeof(room) - 4)
		return 0;
	writer_u16(&w, IKE_PAYLOAD_NONE << 8);
	writer_u16(&w, (uint16_t)(size + 3));
	writer_put(&w, bytes_of(data + 1, size - 1));
	if (ike_message_parse_inner(&header, IKE_PAYLOAD_CONFIGURATION, writer_bytes(&w), &message,
		    &why) == IKE_PARSE_OK)
		run(&message, data[0] & 1);
	return 0;
}
