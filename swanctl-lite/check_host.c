/* The host that the daemon runs on, which is this one with --live: whether its addresses are ours.
 */
#include "swanctl-lite/check.h"

#include "libbase/address.h"

#include <ifaddrs.h>

static bool has_address(const struct ifaddrs *list, const struct address *wanted)
{
	for (const struct ifaddrs *each = list; each; each = each->ifa_next) {
		struct address address;

		if (each->ifa_addr && address_from_sockaddr(each->ifa_addr, &address) &&
			address_same_host(&address, wanted))
			return true;
	}
	return false;
}

static void check_local(
	struct check *k, const struct ifaddrs *list, const struct settings_section *connection)
{
	const char *rest = check_value(connection, "local_addrs");
	char item[CHECK_ITEM_MAX];
	struct address address;

	while (rest && check_item(&rest, item))
		if (address_parse(item, &address) && !address_is_any(&address) &&
			!has_address(list, &address))
			check_say(k, CHECK_ADDRESS_ELSEWHERE,
				check_place(connection, "local_addrs"),
				"no interface of this host has %s now: if it floats between "
				"hosts, another may have it",
				item);
}

void check_host(struct check *k)
{
	const char *uri = swanctl_given(k->s, 'u') ? swanctl_value(k->s, 'u') : "";
	struct ifaddrs *list;

	if (strncmp(uri, "tcp:", 4) == 0 || getifaddrs(&list) < 0)
		return;
	for (const struct settings_section *c = check_sections(k, "connections"); c; c = c->next)
		check_local(k, list, c);
	freeifaddrs(list);
}
