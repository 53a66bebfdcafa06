#include "charon-lite/dhcp_settings.h"

#include "charon-lite/settings.h"
#include "charon-lite/settings_value.h"

#define PLUGIN "plugins.dhcp."

static bool read_server(const struct settings_key *key, struct address *ret, struct why *why)
{
	if (!address_parse(key && *key->value ? key->value : "255.255.255.255", ret) ||
		ret->family != AF_INET || address_is_any(ret))
		return cl_value_wrong(
			key, "an IPv4 address of a DHCP server, or a broadcast address", why);
	return true;
}

static bool read_interface(const struct settings_key *key, char ret[IF_NAMESIZE], struct why *why)
{
	if (!key)
		return true;
	if (strlen(key->value) >= IF_NAMESIZE)
		return cl_value_wrong(key, "the name of an interface", why);
	memcpy(ret, key->value, strlen(key->value) + 1);
	return true;
}

bool cl_dhcp_settings_read(
	const struct cl_settings *s, struct cl_dhcp_settings *ret, struct why *why)
{
	*ret = (struct cl_dhcp_settings){ 0 };
	return read_server(cl_settings_key(s, PLUGIN "server"), &ret->server, why) &&
	       read_interface(cl_settings_key(s, PLUGIN "interface"), ret->interface, why) &&
	       cl_value_bool(cl_settings_key(s, PLUGIN "force_server_address"),
		       &ret->force_server_address, why) &&
	       cl_value_bool(
		       cl_settings_key(s, PLUGIN "use_server_port"), &ret->use_server_port, why) &&
	       cl_value_bool(
		       cl_settings_key(s, PLUGIN "identity_lease"), &ret->identity_lease, why);
}

bool cl_dhcp_settings_equal(const struct cl_dhcp_settings *a, const struct cl_dhcp_settings *b)
{
	return address_same_host(&a->server, &b->server) &&
	       strcmp(a->interface, b->interface) == 0 &&
	       a->force_server_address == b->force_server_address &&
	       a->use_server_port == b->use_server_port && a->identity_lease == b->identity_lease;
}
