#include "charon-lite/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

static const char separators[] = ", \t";

bool cl_interface_next(const char **at, char ret[CL_INTERFACE_TEXT])
{
	*at += strspn(*at, separators);
	size_t length = strcspn(*at, separators);
	size_t fits = length < CL_INTERFACE_TEXT ? length : CL_INTERFACE_TEXT - 1;

	memcpy(ret, *at, fits);
	ret[fits] = '\0';
	*at += length;
	return length > 0;
}

static bool name_in_list(const char *list, const char *name)
{
	char item[CL_INTERFACE_TEXT];

	while (cl_interface_next(&list, item))
		if (strcmp(item, name) == 0)
			return true;
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
