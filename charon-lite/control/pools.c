/* Pools of virtual addresses: load-pool, unload-pool, get-pools. */
#include "charon-lite/control/command.h"
#include "charon-lite/control/load_conn.h"
#include "charon-lite/control/loadable.h"
#include "charon-lite/control/pools_message.h"

#include <stdio.h>
#include <stdlib.h>

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

static void free_pool(void *object)
{
	struct loading *l = object;

	ike_attributes_free(&l->attributes);
	free(l);
}

static void *read_pool(struct cl_daemon *d, struct vici_view section, struct why *why)
{
	struct loading *l = calloc(1, sizeof(*l));

	if (!l) {
		why_fail(why, "out of memory");
		return NULL;
	}
	l->log = d->log;
	if (!cl_load_name(vici_name(section), l->name, why) || !fill(l, section, why)) {
		free_pool(l);
		return NULL;
	}
	return l;
}

static struct cl_change compare_pool(struct cl_daemon *d, const char *name, const void *object)
{
	const struct ike_pool *old = ike_pools_find(ike_engine_pools(d->engine), name);
	const struct loading *new = object;
	char keys[CL_KEYS_MAX] = "";

	if (!new || !old)
		return cl_change_of(new ? CL_ADDED : CL_REMOVED, NULL);
	cl_change_note(keys, "addrs", !ike_pool_addrs_equal(ike_pool_addrs(old), &new->addrs));
	cl_change_note(keys, "attributes",
		!ike_attributes_equal(ike_pool_attributes(old), &new->attributes));
	return cl_change_in_place(keys);
}

static bool load_pool(struct cl_daemon *d, void *object, struct why *why)
{
	static const char *const words[] = { [IKE_POOL_ADDED] = "added",
		[IKE_POOL_UPDATED] = "updated",
		[IKE_POOL_REPLACED] = "replaced" };
	struct loading *l = object;
	char base[ADDRESS_TEXT_MAX];
	enum ike_pool_loaded loaded = ike_pools_load(
		ike_engine_pools(d->engine), l->name, &l->addrs, &l->attributes, why);

	if (loaded != IKE_POOL_FAILED)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "%s vici pool %s: %s, %u entries",
			words[loaded], l->name, address_format(&l->addrs.ranges[0].first, base),
			l->addrs.size);
	free(l);
	return loaded != IKE_POOL_FAILED;
}

static bool may_unload_pool(struct cl_daemon *d, const char *name, struct why *why)
{
	return ike_pools_may_unload(ike_engine_pools(d->engine), name, why);
}

static bool is_loaded_pool(const struct cl_daemon *d, const char *name)
{
	return ike_pools_find(ike_engine_pools(d->engine), name) != NULL;
}

static bool unload_pool(struct cl_daemon *d, const char *name, struct why *why)
{
	if (!ike_pools_unload(ike_engine_pools(d->engine), name, why))
		return false;
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "unloaded vici pool %s", name);
	return true;
}

const struct cl_loadable cl_loadable_pool = {
	.name = "pool",
	.command = "load-pool",
	.read = read_pool,
	.free = free_pool,
	.compare = compare_pool,
	.load = load_pool,
	.may_unload = may_unload_pool,
	.is_loaded = is_loaded_pool,
	.unload = unload_pool,
};

void cl_command_load_pool(struct cl_client *c, struct vici_view request)
{
	cl_load(c, &cl_loadable_pool, request);
}

void cl_command_unload_pool(struct cl_client *c, struct vici_view request)
{
	cl_unload(c, &cl_loadable_pool, request, "missing pool name to unload");
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
