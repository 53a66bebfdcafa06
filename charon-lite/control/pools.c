/* Pools of virtual addresses: load-pool, unload-pool, get-pools. */
#include "charon-lite/control/command.h"
#include "charon-lite/control/load_conn.h"
#include "charon-lite/control/pools_message.h"

#include <stdio.h>

#define VALUE_MAX 1024

/* ---- load-pool, unload-pool ---- */

/* A pool as its section describes it. */
struct loading {
	struct cl_log *log;
	char name[CL_LOAD_NAME_MAX + 1];
	struct ike_pool_addrs addrs;
	struct ike_attributes attributes;
};

static bool text_of(struct bytes value, char ret[VALUE_MAX], struct why *why)
{
	if (value.length >= VALUE_MAX || (value.length > 0 && memchr(value.at, 0, value.length)))
		return why_fail(why, "the value is too long, or contains a zero");
	bytes_copy(ret, value);
	ret[value.length] = '\0';
	return true;
}

static bool set_value(struct loading *l, const char *key, struct bytes value, struct why *why)
{
	char text[VALUE_MAX];

	why->text[0] = '\0';
	if (!text_of(value, text, why))
		return false;
	if (strcmp(key, "addrs") != 0) {
		if (!ike_attributes_add_text(&l->attributes, key, text, why))
			return false;
		if (*why->text)
			cl_log_text(l->log, IKE_LOG_CFG, IKE_LOG_AUDIT, "pool %s, %s: %s", l->name,
				key, why->text);
		return true;
	}
	return ike_pool_addrs_parse(text, &l->addrs, why);
}

static bool set_key(struct loading *l, struct vici_view each, struct why *why)
{
	char key[VALUE_MAX];
	bool good = text_of(vici_name(each), key, why);

	if (good && vici_kind(each) == VICI_VALUE)
		good = set_value(l, key, vici_value(each), why);
	else if (good && vici_kind(each) == VICI_LIST)
		VICI_EACH(item, each)
	good = good && set_value(l, key, vici_value(item), why);
	else if (good) good = why_fail(why, "there is no such section");
	return good || why_prefix(why, "invalid value for: %s, config discarded: ", key);
}

static bool fill(struct loading *l, struct vici_view section, struct why *why)
{
	VICI_EACH(each, section)
	{
		if (!set_key(l, each, why))
			return false;
	}
	return l->addrs.count > 0 || why_fail(why, "missing addrs for pool '%s'", l->name);
}

static bool load(struct cl_daemon *d, struct vici_view section, struct why *why)
{
	static const char *const words[] = { [IKE_POOL_ADDED] = "added",
		[IKE_POOL_UPDATED] = "updated",
		[IKE_POOL_REPLACED] = "replaced" };
	struct loading l = { .log = d->log };
	char base[ADDRESS_TEXT_MAX];

	if (!cl_load_name(vici_name(section), l.name, why))
		return false;
	if (!fill(&l, section, why)) {
		ike_attributes_free(&l.attributes);
		return false;
	}
	enum ike_pool_loaded loaded =
		ike_pools_load(ike_engine_pools(d->engine), l.name, &l.addrs, &l.attributes, why);
	if (loaded == IKE_POOL_FAILED)
		return false;
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "%s vici pool %s: %s, %u entries",
		words[loaded], l.name, address_format(&l.addrs.ranges[0].first, base),
		l.addrs.size);
	return true;
}

void cl_command_load_pool(struct cl_client *c, struct vici_view request)
{
	struct why why;

	VICI_EACH(each, request)
	{
		if (vici_kind(each) != VICI_SECTION || load(cl_client_daemon(c), each, &why))
			continue;
		cl_client_reply_failure(c, "%s", why.text);
		return;
	}
	cl_client_reply_success(c);
}

void cl_command_unload_pool(struct cl_client *c, struct vici_view request)
{
	const struct cl_daemon *d = cl_client_daemon(c);
	char room[CL_NAME_MAX];
	const char *name = cl_request_text(request, "name", room);
	struct why why;

	if (!name) {
		cl_client_reply_failure(c, "missing pool name to unload");
		return;
	}
	if (!ike_pools_unload(ike_engine_pools(d->engine), name, &why)) {
		cl_client_reply_failure(c, "%s", why.text);
		return;
	}
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "unloaded vici pool %s", name);
	cl_client_reply_success(c);
}

/* ---- get-pools ---- */

void cl_command_get_pools(struct cl_client *c, struct vici_view request)
{
	const struct cl_daemon *d = cl_client_daemon(c);
	char name[CL_NAME_MAX], after[CL_NAME_MAX];
	const char *text = cl_request_text(request, "leases-after", after);
	struct cl_pools_wanted wanted = {
		.name = cl_request_text(request, "name", name),
		.leases = cl_request_bool(request, "leases"),
	};

	if (text && !address_parse(text, &wanted.after)) {
		cl_client_reply_failure(c, "invalid leases-after");
		return;
	}
	struct vici_builder b = cl_client_answer();
	uint32_t left = cl_pools_build(&b, ike_engine_pools(d->engine), &wanted);
	/* Who knows of leases-after asks again. */
	if (left > 0 && !text)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO,
			"get-pools: %u leases do not fit into a message of VICI: swanctl-lite asks "
			"for them with leases-after, others get the first only",
			left);
	cl_client_reply(c, &b);
}
