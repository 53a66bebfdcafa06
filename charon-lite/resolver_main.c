/* The process that asks for one name. */
#include "charon-lite/confinement.h"
#include "charon-lite/privileges.h"
#include "charon-lite/resolver.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

static int family_of(const char *letter)
{
	return *letter == '4' ? AF_INET : *letter == '6' ? AF_INET6 : AF_UNSPEC;
}

int cl_resolver_main(const char *family, const char *name)
{
	/* one entry for each address, not one for each type of socket */
	const struct addrinfo wanted = {
		.ai_family = family_of(family),
		.ai_socktype = SOCK_DGRAM,
	};
	struct addrinfo *list = NULL;
	char text[ADDRESS_TEXT_MAX];
	struct address address;
	unsigned count = 0;
	struct why why;

	cl_confine_lifetime();
	if (!cl_privileges_drop(false, &why)) {
		printf("!%s\n", why.text);
		return EXIT_FAILURE;
	}
	int error = getaddrinfo(name, NULL, &wanted, &list);
	if (error) {
		printf("!%s\n",
			error == EAI_SYSTEM ? "the system's resolver failed" : gai_strerror(error));
		return EXIT_FAILURE;
	}
	for (const struct addrinfo *each = list; each; each = each->ai_next) {
		if (count++ < CL_RESOLVER_ADDRESSES_MAX &&
			address_from_sockaddr(each->ai_addr, &address))
			printf("%s\n", address_format(&address, text));
	}
	freeaddrinfo(list);
	return EXIT_SUCCESS;
}
