/* A client and its networks out of a section of a load-client message. */
#include "charon-lite/control/load_conn.h"

static bool set_id(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct cl_load_client *l = object;

	(void)key;
	ike_identity_free(l->identity);
	l->identity = ike_identity_parse(text, why);
	return l->identity &&
	       (!ike_identity_is_wildcard(l->identity) ||
		       why_fail(why, "'%s' is a pattern: wanted what the client proves", text));
}

static bool add_network(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct cl_load_client *l = object;
	struct ike_selector network;

	(void)key;
	if (l->count == IKE_CLIENT_NETWORKS_MAX)
		return why_fail(why, "more than %u networks", IKE_CLIENT_NETWORKS_MAX);
	if (!ike_selector_parse(text, &network, why))
		return false;
	if (!ike_network_is(&network))
		return why_fail(why, "'%s' is no network", text);
	l->networks[l->count++] = network;
	return true;
}

const struct cl_load_key cl_load_client_keys[] = {
	{ "id", set_id },
	{ "networks", add_network, .list = true },
	{ NULL },
};

bool cl_load_client(struct vici_view section, struct cl_load_client *ret, struct why *why)
{
	if (!cl_load_name(vici_name(section), ret->name, why))
		return false;
	VICI_EACH(each, section)
	{
		struct bytes below = vici_name(each);

		if (vici_kind(each) == VICI_SECTION)
			return why_fail(why, "invalid section: %.*s", (int)below.length,
				(const char *)below.at);
	}
	if (!cl_load_section(section, cl_load_client_keys, "", ret, why))
		return false;
	if (!ret->identity)
		return why_fail(why, "missing id");
	return ret->count > 0 || why_fail(why, "missing networks");
}
