#include "charon-lite/control/load_conn.h"

#include "libvici/value.h"

#include <stdio.h>
#include <stdlib.h>

#define ENDPOINTS_MAX 64

/* ---- The connection itself ---- */

static bool add_endpoint(struct ike_endpoints *list, const char *text, struct why *why)
{
	if (list->count == ENDPOINTS_MAX)
		return why_fail(why, "more than %u addresses", ENDPOINTS_MAX);
	return ike_endpoints_add(list, text, why);
}

static bool set_local_addrs(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	(void)key;
	return add_endpoint(&((struct ike_connection *)object)->local_addrs, text, why);
}

static bool set_remote_addrs(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	(void)key;
	return add_endpoint(&((struct ike_connection *)object)->remote_addrs, text, why);
}

static bool set_proposals(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_connection *c = object;

	(void)key;
	return ike_proposals_add(&c->proposals, IKE_PROTOCOL_IKE, text, why);
}

static bool set_vips(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	(void)key;
	return ike_connection_add_vip(object, text, why);
}

static bool set_pools(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	(void)key;
	return ike_connection_add_pool(object, text, why);
}

/* Six binary digits. */
static bool set_dscp(const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_connection *c = object;

	(void)key;
	if (strlen(text) != 6 || strspn(text, "01") != 6)
		return why_fail(why, "'%s' is not a codepoint: expected six binary digits", text);
	c->dscp = (uint8_t)strtoul(text, NULL, 2);
	return true;
}

static bool set_ppk_id(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_connection *c = object;
	struct ike_identity *id = ike_identity_parse(text, why);

	(void)key;
	if (!id)
		return false;
	ike_identity_free(c->ppk_id);
	c->ppk_id = id;
	return true;
}

/* ---- Our own: retransmission of this connection's requests, as charon.retransmit_* ---- */

static bool set_retransmit_tries(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_connection *c = object;

	(void)key;
	if (value_unsigned(bytes_of_text(text), &c->retransmit_tries) && c->retransmit_tries <= 100)
		return true;
	return why_fail(why, "'%s' is not a number up to 100", text);
}

static bool set_retransmit_timeout(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_connection *c = object;

	(void)key;
	if (value_milliseconds(bytes_of_text(text), &c->retransmit_timeout) &&
		c->retransmit_timeout > 0 && c->retransmit_timeout <= IKE_SECONDS(86400))
		return true;
	return why_fail(why, "'%s' is not a time of at most a day: expected seconds, as 4.0", text);
}

static bool set_retransmit_base(
	const struct cl_load_key *key, void *object, const char *text, struct why *why)
{
	struct ike_connection *c = object;

	(void)key;
	if (value_double(bytes_of_text(text), &c->retransmit_base) && c->retransmit_base >= 1 &&
		c->retransmit_base <= 10)
		return true;
	return why_fail(why, "'%s' is not a factor from 1 to 10", text);
}

/* Either: as initiator IKEv2, as responder what the peer begins with. */
static const struct cl_load_word versions[] = {
	{ "0", 0 },
	{ "1", 1 },
	{ "2", 2 },
	{ NULL, 0 },
};

static const struct cl_load_word fragmentations[] = {
	{ "yes", IKE_FRAGMENTATION_YES },
	{ "true", IKE_FRAGMENTATION_YES },
	{ "1", IKE_FRAGMENTATION_YES },
	{ "accept", IKE_FRAGMENTATION_ACCEPT },
	{ "force", IKE_FRAGMENTATION_FORCE },
	{ "no", IKE_FRAGMENTATION_NO },
	{ "false", IKE_FRAGMENTATION_NO },
	{ "0", IKE_FRAGMENTATION_NO },
	{ NULL, 0 },
};

static const struct cl_load_word childless_words[] = {
	{ "allow", IKE_CHILDLESS_ALLOW },
	{ "prefer", IKE_CHILDLESS_PREFER },
	{ "force", IKE_CHILDLESS_FORCE },
	{ "never", IKE_CHILDLESS_NEVER },
	{ NULL, 0 },
};

static const struct cl_load_word ocsp_uses[] = {
	{ "reply", IKE_OCSP_REPLY },
	{ "request", IKE_OCSP_REQUEST },
	{ "both", IKE_OCSP_BOTH },
	{ "never", IKE_OCSP_NEVER },
	{ NULL, 0 },
};

static const struct cl_load_word send_certs[] = {
	{ "ifasked", IKE_SEND_CERT_IFASKED },
	{ "always", IKE_SEND_CERT_ALWAYS },
	{ "yes", IKE_SEND_CERT_ALWAYS },
	{ "never", IKE_SEND_CERT_NEVER },
	{ "no", IKE_SEND_CERT_NEVER },
	{ NULL, 0 },
};

static const struct cl_load_word uniques[] = {
	{ "no", IKE_UNIQUE_NO },
	{ "never", IKE_UNIQUE_NEVER },
	{ "keep", IKE_UNIQUE_KEEP },
	{ "replace", IKE_UNIQUE_REPLACE },
	{ NULL, 0 },
};

static const char mediation[] = "there is no mediation; let one of the two have a public address";

#define AT(field) offsetof(struct ike_connection, field)

const struct cl_load_key cl_load_connection_keys[] = {
	{ "version", cl_load_word, AT(version), { .words = versions } },
	{ "local_addrs", set_local_addrs, .list = true },
	{ "remote_addrs", set_remote_addrs, .list = true },
	{ "local_port", cl_load_u16, AT(local_port) },
	{ "remote_port", cl_load_u16, AT(remote_port) },
	{ "proposals", set_proposals, .list = true },
	{ "vips", set_vips, .list = true },
	{ "aggressive", cl_load_bool, AT(aggressive) },
	{ "pull", cl_load_bool, AT(pull) },
	{ "dscp", set_dscp },
	{ "encap", cl_load_bool, AT(encap) },
	{ "mobike", cl_load_bool, AT(mobike) },
	{ "dpd_delay", cl_load_time, AT(dpd_delay) },
	{ "dpd_timeout", cl_load_time, AT(dpd_timeout) },
	{ "fragmentation", cl_load_word, AT(fragmentation), { .words = fragmentations } },
	{ "childless", cl_load_word, AT(childless), { .words = childless_words } },
	{ "send_certreq", cl_load_bool, AT(send_certreq) },
	{ "send_cert", cl_load_word, AT(send_cert), { .words = send_certs } },
	{ "ocsp", cl_load_word, AT(ocsp), { .words = ocsp_uses } },
	{ "ppk_id", set_ppk_id },
	{ "ppk_required", cl_load_bool, AT(ppk_required) },
	{ "keyingtries", cl_load_u32, AT(keyingtries) },
	{ "retransmit_tries", set_retransmit_tries },
	{ "retransmit_timeout", set_retransmit_timeout },
	{ "retransmit_base", set_retransmit_base },
	{ "unique", cl_load_word, AT(unique), { .words = uniques } },
	{ "reauth_time", cl_load_time, AT(reauth_time) },
	{ "rekey_time", cl_load_time, AT(rekey_time) },
	{ "over_time", cl_load_time, AT(over_time) },
	{ "rand_time", cl_load_time, AT(rand_time) },
	{ "pools", set_pools, .list = true },
	{ "if_id_in", cl_load_if_id, AT(if_id_in) },
	{ "if_id_out", cl_load_if_id, AT(if_id_out) },
	{ "mediation", cl_load_refuse, 0, { .harmless = "no" }, .reason = mediation },
	{ "mediated_by", cl_load_refuse, .reason = mediation },
	{ "mediation_peer", cl_load_refuse, .reason = mediation },
	{ NULL },
};

/* ---- Authentication rounds ---- */

/* A section that is not there at all is one with swanctl.conf(5)'s defaults. */
static bool check_rounds(struct ike_auth_rounds *rounds, struct why *why)
{
	if (rounds->count > 0)
		return true;
	if (!ike_auth_rounds_add(rounds, IKE_AUTH_CLASS_PUBKEY, NULL))
		return why_fail(why, "out of memory");
	rounds->items[0].implied = true;
	return true;
}

/* ---- The whole ---- */

static bool begins_with(struct bytes name, const char *text)
{
	return name.length >= strlen(text) && memcmp(name.at, text, strlen(text)) == 0;
}

static bool load_children(struct vici_view section, struct ike_connection *c, struct why *why)
{
	VICI_EACH(each, section)
	{
		if (vici_kind(each) != VICI_SECTION)
			return why_fail(why, "unknown option: %.*s, config discarded: in children",
				(int)vici_name(each).length, (const char *)vici_name(each).at);
		if (!cl_load_child(each, c, why))
			return false;
	}
	return true;
}

static bool load_section(struct vici_view section, const struct cl_certificate_source *source,
	struct ike_connection *c, struct why *why)
{
	struct bytes name = vici_name(section);

	if (vici_is(name, "children"))
		return load_children(section, c, why);
	if (begins_with(name, "local"))
		return cl_load_auth(section, source, true, c, why);
	if (begins_with(name, "remote"))
		return cl_load_auth(section, source, false, c, why);
	return why_fail(why, "invalid section: %.*s", (int)name.length, (const char *)name.at);
}

static bool fill(struct vici_view section, const struct cl_certificate_source *source,
	struct ike_connection *c, struct why *why)
{
	if (!cl_load_section(section, cl_load_connection_keys, "", c, why))
		return false;
	VICI_EACH(each, section)
	{
		if (vici_kind(each) == VICI_SECTION && !load_section(each, source, c, why))
			return false;
	}
	if (!ike_connection_only_shunts(c) &&
		(!check_rounds(&c->local, why) || !check_rounds(&c->remote, why)))
		return false;
	return ike_connection_complete(c, why);
}

bool cl_load_name(struct bytes name, char ret[CL_LOAD_NAME_MAX + 1], struct why *why)
{
	if (name.length == 0 || name.length > CL_LOAD_NAME_MAX || memchr(name.at, 0, name.length))
		return why_fail(why,
			"a name is empty, longer than %u characters, or contains a zero",
			CL_LOAD_NAME_MAX);
	bytes_copy(ret, name);
	ret[name.length] = '\0';
	return true;
}

struct ike_connection *cl_load_connection(
	struct vici_view section, const struct cl_certificate_source *source, struct why *why)
{
	char name[CL_LOAD_NAME_MAX + 1];

	if (!cl_load_name(vici_name(section), name, why))
		return NULL;
	struct ike_connection *c = ike_connection_new(name);
	if (!c) {
		why_fail(why, "out of memory");
		return NULL;
	}
	if (!fill(section, source, c, why)) {
		ike_connection_free(c);
		return NULL;
	}
	return c;
}
