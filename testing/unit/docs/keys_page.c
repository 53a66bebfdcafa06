/* keys-page NAME: prints a page of docs/ to standard output. */
#include "testing/unit/docs/pages.h"

#include <stdlib.h>
#include <string.h>

int main(int count, char **arguments)
{
	for (const struct printed_page *page = printed_pages; count == 2 && page->name; page++) {
		if (strcmp(arguments[1], page->name) == 0) {
			page->print(stdout);
			return EXIT_SUCCESS;
		}
	}
	return EXIT_FAILURE;
}
