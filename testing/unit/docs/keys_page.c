/* keys-page swanctl|strongswan: prints a page of docs/ to standard output. */
#include "testing/unit/docs/pages.h"

#include <stdlib.h>
#include <string.h>

int main(int count, char **arguments)
{
	if (count == 2 && strcmp(arguments[1], "swanctl") == 0)
		print_swanctl_page(stdout);
	else if (count == 2 && strcmp(arguments[1], "strongswan") == 0)
		print_strongswan_page(stdout);
	else
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
