#include "libike/model/name.h"

#include <stdlib.h>
#include <string.h>

struct ike_name *ike_name_new(const char *text)
{
	struct ike_name *name = calloc(1, sizeof(*name));

	if (!name)
		return NULL;
	name->references = 1;
	name->text = strdup(text);
	if (name->text)
		return name;
	free(name);
	return NULL;
}

struct ike_name *ike_name_hold(struct ike_name *name)
{
	name->references++;
	return name;
}

void ike_name_free(struct ike_name *name)
{
	if (!name || --name->references > 0)
		return;
	free(name->addresses);
	free(name->text);
	free(name);
}

bool ike_name_set(struct ike_name *name, const struct address *list, size_t count)
{
	struct address *copy = count > 0 ? calloc(count, sizeof(*copy)) : NULL;

	if (count > 0 && !copy)
		return false;
	for (size_t i = 0; i < count; i++)
		copy[i] = list[i];
	free(name->addresses);
	name->addresses = copy;
	name->count = count;
	return true;
}

bool ike_name_has(const struct ike_name *name, const struct address *a)
{
	return address_is_among(name->addresses, name->count, a);
}
