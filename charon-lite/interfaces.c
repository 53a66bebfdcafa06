#include "charon-lite/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static bool name_in_list(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (*list) {
		list += strspn(list, ", \t");
		size_t item = strcspn(list, ", \t");
		if (item == length && memcmp(list, name, length) == 0)
			return true;
		list += item;
	}
	return false;
}

bool cl_interface_is_used(const struct cl_interfaces *which, const char *name)
{
	if (which->use)
		return name_in_list(which->use, name);
	return !which->ignore || !name_in_list(which->ignore, name);
}

bool cl_interface_index_is_used(const struct cl_interfaces *which, unsigned index)
{
	char name[IF_NAMESIZE];

	if (!which->use && !which->ignore)
		return true;
	return if_indextoname(index, name) && cl_interface_is_used(which, name);
}

unsigned cl_interface_of_address(const struct address *address)
{
	struct ifaddrs *all;
	unsigned index = 0;

	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *at = all; at && !index; at = at->ifa_next) {
		struct address has;

		if (at->ifa_addr && address_from_sockaddr(at->ifa_addr, &has) &&
			address_same_host(&has, address))
			index = if_nametoindex(at->ifa_name);
	}
	freeifaddrs(all);
	return index;
}
