/* Values that can be read in more than one way: networks, addresses, proposals, identities. */
#include "swanctl-lite/check.h"

#include "libbase/address.h"

#include <stdlib.h>

/* ---- Networks ---- */

static bool has_bits_behind(const struct address *a, unsigned prefix)
{
	for (unsigned i = prefix; i < 8 * address_size(a); i++)
		if (a->octets[i / 8] & (0x80 >> i % 8))
			return true;
	return false;
}

static void check_network(struct check *k, const struct settings_key *key, const char *item)
{
	char text[CHECK_ITEM_MAX];
	size_t length = strcspn(item, "/[");
	struct address address;
	char *end;

	if (item[length] != '/')
		return;
	memcpy(text, item, length);
	text[length] = '\0';
	unsigned long prefix = strtoul(item + length + 1, &end, 10);
	if (!address_parse(text, &address) || prefix > 8 * address_size(&address) ||
		!has_bits_behind(&address, (unsigned)prefix))
		return;
	check_say(k, CHECK_HOST_BITS, &key->place,
		"%.*s is the whole network of %lu bits, not one host", (int)(end - item), item,
		prefix);
}

static void check_networks(struct check *k, const struct settings_section *child)
{
	SETTINGS_KEYS(key, child)
	{
		const char *rest = key->value;
		char item[CHECK_ITEM_MAX];

		if (strcmp(key->name, "local_ts") != 0 && strcmp(key->name, "remote_ts") != 0)
			continue;
		while (check_item(&rest, item))
			check_network(k, key, item);
	}
}

/* ---- Proposals ---- */

static bool is_aead(const char *word)
{
	return strstr(word, "gcm") || strstr(word, "ccm") || strncmp(word, "chacha20", 8) == 0 ||
	       strstr(word, "gmac");
}

static bool is_integrity(const char *word)
{
	return strncmp(word, "sha", 3) == 0 || strncmp(word, "md5", 3) == 0 ||
	       strcmp(word, "aesxcbc") == 0 || strcmp(word, "aescmac") == 0;
}

static void check_proposal(struct check *k, const struct settings_key *key, const char *proposal)
{
	bool esp = strcmp(key->name, "esp_proposals") == 0;
	char text[CHECK_ITEM_MAX], *rest = text, *word;
	char aead[CHECK_ITEM_MAX] = "", integrity[CHECK_ITEM_MAX] = "";

	memcpy(text, proposal, strlen(proposal) + 1);
	while ((word = strsep(&rest, "-"))) {
		if (is_aead(word))
			snprintf(aead, sizeof(aead), "%s", word);
		else if (is_integrity(word))
			snprintf(integrity, sizeof(integrity), "%s", word);
		else if (esp && strncmp(word, "prf", 3) == 0)
			check_say(k, CHECK_NO_EFFECT, &key->place,
				"%s of %s has no effect: ESP makes no keys", word, proposal);
	}
	if (*aead && *integrity)
		check_say(k, CHECK_AEAD_WITH_INTEGRITY, &key->place, "%s has %s beside %s",
			proposal, integrity, aead);
}

static void check_proposals(struct check *k, const struct settings_section *section)
{
	SETTINGS_KEYS(key, section)
	{
		const char *rest = key->value;
		char item[CHECK_ITEM_MAX];

		if (strcmp(key->name, "proposals") != 0 && strcmp(key->name, "esp_proposals") != 0)
			continue;
		while (check_item(&rest, item))
			check_proposal(k, key, item);
	}
}

/* ---- Addresses ---- */

static bool is_listed(const char *list, const char *wanted)
{
	struct address a, b;
	char item[CHECK_ITEM_MAX];

	while (check_item(&list, item))
		if (address_parse(item, &a) && address_parse(wanted, &b) && !address_is_any(&a) &&
			address_same_host(&a, &b))
			return true;
	return false;
}

static void check_addresses(struct check *k, const struct settings_section *connection)
{
	const char *local = check_value(connection, "local_addrs");
	const char *rest = check_value(connection, "remote_addrs");
	char item[CHECK_ITEM_MAX];

	while (local && rest && check_item(&rest, item))
		if (is_listed(local, item))
			check_say(k, CHECK_SAME_ADDRESS, check_place(connection, "remote_addrs"),
				"%s is in local_addrs and in remote_addrs", item);
}

/* ---- Identities ---- */

/* For one host: remote_addrs has an address or a name, and no more. */
static bool is_for_one(const struct settings_section *connection)
{
	const char *rest = check_value(connection, "remote_addrs");
	char item[CHECK_ITEM_MAX];

	return rest && check_item(&rest, item) && check_is_host(item) && !check_item(&rest, item);
}

/* What a peer has to prove, beside that some CA knows it. */
static bool is_told_apart(const struct settings_section *remote)
{
	static const char *const keys[] = { "id", "certs", "pubkeys", "ca_id", "groups",
		"cert_policy" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (check_value(remote, keys[i]))
			return true;
	SETTINGS_SECTIONS(each, remote)
	{
		if (strncmp(each->name, "cert", 4) == 0)
			return true;
	}
	return false;
}

static bool names_authorities(const struct settings_section *remote)
{
	return check_value(remote, "cacerts") || check_part(remote, "cacert");
}

static void check_identity(struct check *k, const struct settings_section *connection)
{
	const struct settings_section *remote = check_part(connection, "remote");
	const char *auth = remote ? check_value(remote, "auth") : NULL;

	if (!remote || !is_for_one(connection) || (auth && strcasecmp(auth, "pubkey") != 0) ||
		is_told_apart(remote))
		return;
	check_say(k, CHECK_ANY_IDENTITY, &remote->place,
		"'%s' takes anybody with a certificate of %s for %s", connection->name,
		names_authorities(remote) ? "the CAs that it names" : "any loaded CA",
		check_value(connection, "remote_addrs"));
}

void check_values(struct check *k)
{
	for (const struct settings_section *c = check_sections(k, "connections"); c; c = c->next) {
		const struct settings_section *children = settings_child(c, "children");

		check_proposals(k, c);
		check_addresses(k, c);
		check_identity(k, c);
		if (!children)
			continue;
		SETTINGS_SECTIONS(child, children)
		{
			check_networks(k, child);
			check_proposals(k, child);
		}
	}
}
