/* Cisco Unity: split tunnelling by Mode Config, in one Quick Mode for all networks. */
#include "libike/ikev1/unity.h"

#include "libike/bypass.h"
#include "libike/virtual.h"

/* One network of SPLIT_INCLUDE or LOCAL_LAN: address, mask, then protocol and ports that nobody
 * uses, and that some leave out. */
#define NETWORK_LENGTH 8
#define PADDED_LENGTH 14
/* A gateway does not make most of the Internet pass by the tunnel. */
#define BYPASS_PREFIX_MIN 8

static bool is_spoken(const struct ike_engine *e, const struct ike_sa *sa)
{
	return e->settings.cisco_unity && sa->v1 && sa->v1->peer_unity;
}

/* ---- Networks of attributes ---- */

static bool read_network(struct reader *r, struct ike_selector *ret)
{
	struct bytes octets = reader_bytes(r, 4);
	uint32_t mask = reader_u32(r);
	uint8_t length = 0;
	struct address network;

	while (length < 32 && mask & UINT32_C(1) << (31 - length))
		length++;
	return !r->bad && mask == (length ? UINT32_MAX << (32 - length) : 0) &&
	       address_from_octets(octets, 0, &network) &&
	       ike_selector_of_prefix(&network, length, ret);
}

static size_t add_networks(struct bytes value, struct ike_selector *list, size_t count, size_t room)
{
	bool padded = value.length % PADDED_LENGTH == 0;
	struct reader r = reader_of(value);

	if (!padded && value.length % NETWORK_LENGTH != 0)
		return count;
	while (reader_more(&r) && count < room) {
		if (read_network(&r, &list[count]))
			count++;
		if (padded)
			(void)reader_bytes(&r, PADDED_LENGTH - NETWORK_LENGTH);
	}
	return count;
}

/* Of all attributes of that type that the gateway has sent. */
static size_t networks_of(const struct ike_sa *sa, uint16_t type, struct ike_selector *ret)
{
	const struct ike_attributes *list = sa->virtual ? &sa->virtual->attributes : NULL;
	size_t count = 0;

	for (size_t i = 0; list && i < list->count; i++)
		if (list->items[i].type == type)
			count = add_networks(
				list->items[i].value, ret, count, IKE_CHILD_SELECTORS_MAX);
	return count;
}

/* ---- Mode Config ---- */

void ikev1_unity_ask(const struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b)
{
	static const uint16_t wanted[] = { IKE_ATTRIBUTE_BANNER, IKE_ATTRIBUTE_SPLIT_DNS,
		IKE_ATTRIBUTE_SPLIT_INCLUDE, IKE_ATTRIBUTE_SPLIT_EXCLUDE };

	for (size_t i = 0; is_spoken(e, sa) && i < sizeof(wanted) / sizeof(*wanted); i++)
		isakmp_build_attribute(b, wanted[i], (struct bytes){ 0 });
}

static void log_banner(struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_attributes *list = &sa->virtual->attributes;
	char text[256];

	for (size_t i = 0; i < list->count; i++) {
		struct bytes value = list->items[i].value;
		size_t length = value.length < sizeof(text) ? value.length : sizeof(text) - 1;

		if (list->items[i].type != IKE_ATTRIBUTE_BANNER)
			continue;
		for (size_t j = 0; j < length; j++)
			text[j] =
				value.at[j] >= 0x20 && value.at[j] < 0x7f ? (char)value.at[j] : ' ';
		text[length] = '\0';
		ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO, "the gateway's banner: %s", text);
	}
}

static void log_networks(struct ike_engine *e, const struct ike_sa *sa, const char *what,
	const struct ike_selector *list, size_t count)
{
	char text[512];

	if (count > 0)
		ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO, "%s: %s", what,
			ike_selectors_format(list, count, text, sizeof(text)));
}

static size_t keep_narrow(
	struct ike_engine *e, const struct ike_sa *sa, struct ike_selector *list, size_t count)
{
	char text[IKE_SELECTOR_TEXT_MAX];
	struct address network;
	size_t kept = 0;
	uint8_t length;

	for (size_t i = 0; i < count; i++) {
		if (ike_selector_prefix(&list[i], &network, &length) && length >= BYPASS_PREFIX_MIN)
			list[kept++] = list[i];
		else
			ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO,
				"the gateway's UNITY_LOCAL_LAN %s is not let past the tunnel: it "
				"is too large",
				ike_selector_format(&list[i], text));
	}
	return kept;
}

bool ikev1_unity_taken(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	struct ike_selector list[IKE_CHILD_SELECTORS_MAX];
	struct why why;
	size_t count;

	if (!sa->virtual || !is_spoken(e, sa))
		return true;
	log_banner(e, sa);
	count = networks_of(sa, IKE_ATTRIBUTE_SPLIT_INCLUDE, list);
	log_networks(e, sa, "the gateway tunnels (UNITY_SPLIT_INCLUDE)", list, count);
	count = keep_narrow(e, sa, list, networks_of(sa, IKE_ATTRIBUTE_SPLIT_EXCLUDE, list));
	log_networks(e, sa, "past the tunnel go (UNITY_LOCAL_LAN)", list, count);
	ike_bypass_remove(e, sa->virtual->bypass);
	sa->virtual->bypass = NULL;
	if (count == 0)
		return true;
	sa->virtual->bypass = ike_bypass_install(e, list, count, &why);
	if (sa->virtual->bypass)
		return true;
	ike_failure_set(failure, IKE_REASON_KERNEL, NULL, NULL,
		"installing bypass policies for UNITY_LOCAL_LAN failed: %s", why.text);
	return false;
}

static bool pool_has_its_own(const struct ike_sa *sa)
{
	const struct ike_attribute *a;

	for (size_t i = 0; (a = ike_virtual_attribute(sa, i)); i++)
		if (a->type == IKE_ATTRIBUTE_SPLIT_INCLUDE)
			return true;
	return false;
}

static bool is_all(const struct ike_selector *s)
{
	struct ike_selector all;

	return ike_selector_of_prefix(&(struct address){ .family = AF_INET }, 0, &all) &&
	       ike_selector_equal(s, &all);
}

static size_t own_networks(const struct ike_sa *sa, struct ike_selector *ret)
{
	struct ike_selector all, list[IKE_CHILD_SELECTORS_MAX];
	size_t count = 0;

	if (!ike_selector_of_prefix(&(struct address){ .family = AF_INET }, 0, &all))
		return 0;
	for (size_t i = 0; i < sa->connection->child_count; i++)
		count += ike_child_config_selectors(sa, sa->connection->children[i], true,
			list + count, IKE_CHILD_SELECTORS_MAX - count);
	return ike_selectors_narrow(list, count, &all, 1, ret, IKE_CHILD_SELECTORS_MAX);
}

void ikev1_unity_tell(const struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b)
{
	uint8_t room[PADDED_LENGTH * IKE_CHILD_SELECTORS_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct ike_selector list[IKE_CHILD_SELECTORS_MAX];
	struct address network;
	uint8_t length;

	if (!is_spoken(e, sa) || pool_has_its_own(sa))
		return;
	size_t count = own_networks(sa, list);
	if (count < 2) /* a pair of selectors says that */
		return;
	for (size_t i = 0; i < count; i++) {
		if (is_all(&list[i]))
			return;
		(void)ike_selector_prefix(&list[i], &network, &length);
		writer_put(&w, address_octets(&network));
		writer_u32(&w, length ? UINT32_MAX << (32 - length) : 0);
		memset(writer_take(&w, PADDED_LENGTH - NETWORK_LENGTH), 0,
			PADDED_LENGTH - NETWORK_LENGTH);
	}
	isakmp_build_attribute(b, IKE_ATTRIBUTE_SPLIT_INCLUDE, writer_bytes(&w));
}

/* ---- Quick Mode ---- */

static bool is_client(const struct ike_sa *sa)
{
	struct ike_selector list[IKE_CHILD_SELECTORS_MAX];

	return networks_of(sa, IKE_ATTRIBUTE_SPLIT_INCLUDE, list) > 0;
}

static bool is_gateway(const struct ike_sa *sa)
{
	return ike_virtual_their_count(sa->virtual) > 0;
}

bool ikev1_unity_stands(const struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *pair)
{
	if (!is_spoken(e, sa) || config->mode != IKE_MODE_TUNNEL)
		return false;
	return (is_all(&pair->remote[0]) && is_client(sa)) ||
	       (is_all(&pair->local[0]) && is_gateway(sa));
}

void ikev1_unity_offer(const struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child *old,
	struct ike_child_selectors *ret)
{
	struct ike_selector all;

	if (!is_spoken(e, sa) || config->mode != IKE_MODE_TUNNEL ||
		ret->local[0].family != AF_INET ||
		!ike_selector_of_prefix(&(struct address){ .family = AF_INET }, 0, &all))
		return;
	if (is_client(sa))
		ret->remote[0] = all;
	else if (old && old->says_all && is_gateway(sa))
		ret->local[0] = all;
}

bool ikev1_unity_expand(const struct ike_sa *sa, const struct ike_child_config *config,
	const struct ike_child_selectors *pair, struct ike_child_selectors *agreed)
{
	struct ike_selector ours[IKE_CHILD_SELECTORS_MAX], common[IKE_CHILD_SELECTORS_MAX];
	bool client = is_client(sa);
	size_t count =
		ike_child_config_selectors(sa, config, !client, ours, IKE_CHILD_SELECTORS_MAX);

	if (!client) {
		agreed->local_count = ike_selectors_narrow(
			ours, count, pair->local, 1, agreed->local, IKE_CHILD_SELECTORS_MAX);
		return agreed->local_count > 0;
	}
	count = ike_selectors_narrow(ours, count, pair->remote, 1, common, IKE_CHILD_SELECTORS_MAX);
	size_t told = networks_of(sa, IKE_ATTRIBUTE_SPLIT_INCLUDE, ours);
	agreed->remote_count = ike_selectors_narrow(
		ours, told, common, count, agreed->remote, IKE_CHILD_SELECTORS_MAX);
	return agreed->remote_count > 0;
}

void ikev1_unity_answer(const struct ike_sa *sa, const struct ike_child_selectors *pair,
	struct ikev1_choice *choice)
{
	if (is_client(sa))
		choice->remote = pair->remote[0];
	else
		choice->local = pair->local[0];
}
