/* --mesh: what the sites say, by themselves and beside each other. */
#include "libbase/address.h"
#include "swanctl-lite/mesh.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ITEM_MAX 256

struct network {
	struct address address;
	unsigned length; /* of the prefix, in bits */
};

/* The next of a list with commas, without blanks around it; false at its end, or when it does not
 * fit (then *rest is what it was). */
static bool take_item(const char **rest, char ret[ITEM_MAX])
{
	const char *begin = *rest + strspn(*rest, " \t,");
	size_t length = strcspn(begin, ",");
	const char *behind = begin + length;

	if (!*begin || length >= ITEM_MAX)
		return false;
	while (strchr(" \t", begin[length - 1]))
		length--;
	memcpy(ret, begin, length);
	ret[length] = '\0';
	*rest = behind;
	return true;
}

/* Where a key of the site stands. */
static const struct settings_place *place_of(const struct mesh_site *site, const char *name)
{
	const struct settings_key *key = settings_find_key(site->section, name);

	return key ? &key->place : &site->section->place;
}

/* ---- One site ---- */

/* With a letter in it: figures and dots alone are an address that is wrong. */
static bool is_host_name(const char *text)
{
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return strpbrk(text, LETTERS) && text[strspn(text, LETTERS "0123456789.-_")] == '\0';
}

static bool check_addresses(
	const struct mesh_site *site, const char *key, const char *list, struct why *why)
{
	char item[ITEM_MAX];
	size_t count = 0;

	for (const char *rest = list; rest && take_item(&rest, item); count++) {
		struct address address;

		if (!address_parse(item, &address) && !is_host_name(item))
			return settings_fail(place_of(site, key), why,
				"%s of '%s': %s is neither an address nor a host's name", key,
				site->name, item);
	}
	return !list || count > 0 ||
	       settings_fail(place_of(site, key), why, "%s of '%s' has no address in it", key,
		       site->name);
}

static bool network_parse(const char *text, struct network *ret)
{
	char address[ITEM_MAX], *end = NULL;
	const char *slash = strchr(text, '/');

	size_t length_of_address = slash ? (size_t)(slash - text) : strlen(text);

	if (length_of_address >= sizeof(address))
		return false;
	memcpy(address, text, length_of_address);
	address[length_of_address] = '\0';
	if (!address_parse(address, &ret->address))
		return false;
	unsigned bits = (unsigned)(8 * address_size(&ret->address));
	unsigned long length = slash ? strtoul(slash + 1, &end, 10) : bits;

	ret->length = (unsigned)length;
	return !slash || (slash[1] >= '0' && slash[1] <= '9' && !*end && length <= bits);
}

static bool check_networks(const struct mesh_site *site, struct why *why)
{
	char item[ITEM_MAX];
	struct network network;
	size_t count = 0;

	for (const char *rest = site->networks; take_item(&rest, item); count++)
		if (!network_parse(item, &network))
			return settings_fail(place_of(site, "networks"), why,
				"networks of '%s': %s is no network such as 10.1.0.0/24",
				site->name, item);
	return count > 0 || settings_fail(place_of(site, "networks"), why,
				    "networks of '%s' has no network in it", site->name);
}

/* What a certificate can have as an alternative name of the form that the daemons make of the id.
 */
static bool is_certified(const char *id)
{
	struct address address;
	const char *at = strchr(id, '@');

	if (!at)
		return address_parse(id, &address) || is_host_name(id);
	return at != id && is_host_name(at + 1) && !strpbrk(id, ":#,;= ");
}

bool mesh_check_site(const struct mesh *m, const struct mesh_site *site, struct why *why)
{
	if (!check_addresses(site, "addrs", site->addrs, why) ||
		!check_addresses(site, "local_addrs", site->local_addrs, why) ||
		!check_networks(site, why))
		return false;
	if (!site->id[0] || strpbrk(site->id, "%*?"))
		return settings_fail(place_of(site, "id"), why,
			"id of '%s': a site proves one identity: '%s' is not one", site->name,
			site->id);
	if (m->authority && !is_certified(site->id))
		return settings_fail(place_of(site, "id"), why,
			"id of '%s': with an authority it is a host's name, an address or one of "
			"mail, which certificates prove: '%s' is none",
			site->name, site->id);
	return true;
}

/* ---- Two sites ---- */

static bool overlap(const struct network *a, const struct network *b)
{
	return a->length <= b->length ? address_in_prefix(&b->address, &a->address, a->length)
				      : address_in_prefix(&a->address, &b->address, b->length);
}

static bool check_overlap(const struct mesh_site *a, const struct mesh_site *b, struct why *why)
{
	char of_a[ITEM_MAX], of_b[ITEM_MAX];
	struct network x, y;

	for (const char *i = a->networks; take_item(&i, of_a);)
		for (const char *j = b->networks; take_item(&j, of_b);)
			if (network_parse(of_a, &x) && network_parse(of_b, &y) && overlap(&x, &y))
				return settings_fail(place_of(b, "networks"), why,
					"sites '%s' and '%s' have networks that overlap: %s and %s",
					a->name, b->name, of_a, of_b);
	return true;
}

/* The same address at both is a mistake; and they need a family of addresses in common. */
static bool check_ways(const struct mesh_site *a, const struct mesh_site *b, struct why *why)
{
	char of_a[ITEM_MAX], of_b[ITEM_MAX];
	bool is_way = !a->addrs || !b->addrs;

	for (const char *i = a->addrs; i && take_item(&i, of_a);) {
		for (const char *j = b->addrs; j && take_item(&j, of_b);) {
			struct address x, y;
			bool has_x = address_parse(of_a, &x), has_y = address_parse(of_b, &y);

			if (strcmp(of_a, of_b) == 0 ||
				(has_x && has_y && address_same_host(&x, &y)))
				return settings_fail(place_of(b, "addrs"), why,
					"sites '%s' and '%s' have the same address %s", a->name,
					b->name, of_b);
			is_way = is_way || !has_x || !has_y || x.family == y.family;
		}
	}
	return is_way ||
	       settings_fail(place_of(b, "addrs"), why,
		       "sites '%s' and '%s' cannot reach each other: one has IPv4, the other IPv6",
		       a->name, b->name);
}

bool mesh_check_pair(const struct mesh_site *a, const struct mesh_site *b, struct why *why)
{
	if (strcasecmp(a->id, b->id) == 0)
		return settings_fail(place_of(b, "id"), why,
			"sites '%s' and '%s' have the same id '%s'", a->name, b->name, a->id);
	if (!a->addrs && !b->addrs)
		return settings_fail(&b->section->place, why,
			"neither of the sites '%s' and '%s' has an address: one has to be found by "
			"the other",
			a->name, b->name);
	return check_overlap(a, b, why) && check_ways(a, b, why);
}
