#define HASH_NONFATAL_OOM 1 /* before uthash.h, which headers include */
#include "charon-lite/tunnel_interfaces.h"

#include "libike/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include <utlist.h>

/* After the last SA is gone: reauthentication that breaks before it makes takes some round trips.
 */
#define MOMENT IKE_SECONDS(1)

struct item {
	UT_hash_handle hh;
	struct item *prev, *next; /* of those that are to go down; the order is that of down_at */
	ike_time down_at;         /* IKE_NEVER: it is not to go down */
	uint32_t users;           /* CHILD SAs */
	uint32_t index;           /* of the interface that was set up; 0: none was */
	int error;                /* of the last try */
	char name[IF_NAMESIZE];
};

/* A CHILD SA that an interface is up for. */
struct user {
	UT_hash_handle hh;
	uint32_t child_id;
	struct item *item;
};

struct cl_tunnel_interfaces {
	struct cl_tunnel_interfaces_kernel kernel;
	struct cl_log *log;
	ike_time leftovers_until;
	struct item *items;
	struct item *waiting;
	struct user *users;
};

struct cl_tunnel_interfaces *cl_tunnel_interfaces_new(
	const struct cl_tunnel_interfaces_kernel *kernel, ike_time leftovers_until,
	struct cl_log *log)
{
	struct cl_tunnel_interfaces *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->kernel = *kernel;
	t->leftovers_until = leftovers_until;
	t->log = log;
	return t;
}

/* ---- Up and down ---- */

static void say_error(struct cl_tunnel_interfaces *t, const struct item *item, const char *what)
{
	if (item->error == ENODEV)
		cl_log_text(t->log, IKE_LOG_KNL, IKE_LOG_AUDIT,
			"there is no interface %s (tunnel_interface): it is set up when it appears",
			item->name);
	else if (item->error == ENOTSUP)
		cl_log_text(t->log, IKE_LOG_KNL, IKE_LOG_AUDIT,
			"interface %s is not a tunnel's (VTI, xfrm, GRE, IP in IP): it is left "
			"alone, "
			"tunnel_interface has no effect",
			item->name);
	else
		cl_log_text(t->log, IKE_LOG_KNL, IKE_LOG_AUDIT,
			"setting interface %s %s failed: %s", item->name, what,
			strerror(item->error));
}

/* because: what has happened, a clause. */
static void set_up(struct cl_tunnel_interfaces *t, struct item *item, const char *because)
{
	uint32_t index = 0;
	bool is_up = false;

	item->error = t->kernel.find(t->kernel.context, item->name, &index, &is_up);
	if (item->error == 0 && !is_up)
		item->error = t->kernel.set(t->kernel.context, index, true);
	if (item->error != 0) {
		item->index = 0;
		say_error(t, item, "up");
		return;
	}
	item->index = index;
	cl_log_text(t->log, IKE_LOG_KNL, IKE_LOG_INFO, "interface %s is %s: %s", item->name,
		is_up ? "up already" : "set up", because);
}

static void set_down(struct cl_tunnel_interfaces *t, struct item *item, const char *because)
{
	uint32_t index = 0;
	bool is_up = false;

	item->index = 0;
	item->error = t->kernel.find(t->kernel.context, item->name, &index, &is_up);
	if (item->error == 0 && is_up) {
		item->error = t->kernel.set(t->kernel.context, index, false);
		if (item->error == 0)
			cl_log_text(t->log, IKE_LOG_KNL, IKE_LOG_INFO,
				"interface %s is set down: %s", item->name, because);
	}
	if (item->error != 0 && item->error != ENODEV)
		say_error(t, item, "down");
}

static void forget_down(struct cl_tunnel_interfaces *t, struct item *item)
{
	if (item->down_at == IKE_NEVER)
		return;
	DL_DELETE(t->waiting, item);
	item->down_at = IKE_NEVER;
}

static int by_time(const struct item *a, const struct item *b)
{
	return (a->down_at > b->down_at) - (a->down_at < b->down_at);
}

static void plan_down(struct cl_tunnel_interfaces *t, struct item *item, ike_time at)
{
	struct item *last = t->waiting ? t->waiting->prev : NULL;

	forget_down(t, item);
	item->down_at = at;
	if (last && last->down_at > at)
		DL_INSERT_INORDER(t->waiting, item, by_time);
	else
		DL_APPEND(t->waiting, item);
}

ike_time cl_tunnel_interfaces_next(const struct cl_tunnel_interfaces *t)
{
	return t->waiting ? t->waiting->down_at : IKE_NEVER;
}

void cl_tunnel_interfaces_turn(struct cl_tunnel_interfaces *t, ike_time now)
{
	while (t->waiting && t->waiting->down_at <= now) {
		struct item *item = t->waiting;

		forget_down(t, item);
		set_down(t, item, "there is no CHILD_SA for it");
	}
}

/* ---- Interfaces and their SAs ---- */

static struct item *item_find(const struct cl_tunnel_interfaces *t, const char *name)
{
	struct item *item;

	HASH_FIND_STR(t->items, name, item);
	return item;
}

static struct item *item_find_or_add(struct cl_tunnel_interfaces *t, const char *name)
{
	struct item *item = item_find(t, name);

	if (item || strlen(name) >= sizeof(item->name) || !(item = calloc(1, sizeof(*item))))
		return item;
	memcpy(item->name, name, strlen(name));
	item->down_at = IKE_NEVER;
	HASH_ADD_STR(t->items, name, item);
	if (item->hh.tbl)
		return item;
	free(item);
	return NULL;
}

void cl_tunnel_interfaces_define(struct cl_tunnel_interfaces *t, const char *name, ike_time now)
{
	struct item *item = item_find(t, name);

	if (item || !(item = item_find_or_add(t, name)))
		return;
	plan_down(t, item, t->leftovers_until > now ? t->leftovers_until : now);
	cl_tunnel_interfaces_turn(t, now);
	if (item->error == ENODEV)
		say_error(t, item, "down");
}

static struct user *user_find(const struct cl_tunnel_interfaces *t, uint32_t child_id)
{
	struct user *user;

	HASH_FIND(hh, t->users, &child_id, sizeof(child_id), user);
	return user;
}

static struct user *user_new(struct cl_tunnel_interfaces *t, uint32_t child_id, const char *name)
{
	struct user *user = calloc(1, sizeof(*user));

	if (!user || !(user->item = item_find_or_add(t, name))) {
		free(user);
		return NULL;
	}
	user->child_id = child_id;
	HASH_ADD(hh, t->users, child_id, sizeof(user->child_id), user);
	if (user->hh.tbl)
		return user;
	free(user);
	return NULL;
}

static void user_add(struct cl_tunnel_interfaces *t, const struct ike_child *child)
{
	const char *name = child->config->tunnel_interface;
	struct user *user;
	char because[200];

	if (!name || user_find(t, child->unique_id))
		return;
	if (!(user = user_new(t, child->unique_id, name))) {
		cl_log_text(t->log, IKE_LOG_KNL, IKE_LOG_AUDIT, "no memory to set interface %s up",
			name);
		return;
	}
	forget_down(t, user->item);
	if (user->item->users++ > 0 && user->item->index != 0)
		return;
	snprintf(because, sizeof(because), "CHILD_SA %s{%" PRIu32 "} is installed",
		child->config->name, child->unique_id);
	set_up(t, user->item, because);
}

static void user_remove(struct cl_tunnel_interfaces *t, uint32_t child_id, ike_time now)
{
	struct user *user = user_find(t, child_id);

	if (!user)
		return;
	if (--user->item->users == 0)
		plan_down(t, user->item, now + MOMENT);
	HASH_DEL(t->users, user);
	free(user);
}

void cl_tunnel_interfaces_event(
	struct cl_tunnel_interfaces *t, const struct ike_event *event, ike_time now)
{
	switch (event->kind) {
	case IKE_EVENT_CHILD_UP:
		user_add(t, event->child);
		break;
	case IKE_EVENT_CHILD_DOWN:
		user_remove(t, event->child->unique_id, now);
		break;
	case IKE_EVENT_CHILD_REKEY: /* the new one's definition may name another */
		user_add(t, event->other_child);
		user_remove(t, event->child->unique_id, now);
		break;
	default:
		break;
	}
}

/* ---- Interfaces that come and go ---- */

void cl_tunnel_interfaces_seen(struct cl_tunnel_interfaces *t, const char *name, uint32_t index)
{
	struct item *item = item_find(t, name);

	if (item && item->users > 0 && item->index != index)
		set_up(t, item, "it has appeared, and there is a CHILD_SA for it");
}

static void lost(struct cl_tunnel_interfaces *t, struct item *item)
{
	item->index = 0;
	item->error = ENODEV;
	if (item->users > 0)
		cl_log_text(t->log, IKE_LOG_KNL, IKE_LOG_AUDIT,
			"interface %s is gone, and there is a CHILD_SA for it: it is set up when "
			"it "
			"appears again",
			item->name);
}

void cl_tunnel_interfaces_gone(struct cl_tunnel_interfaces *t, const char *name, uint32_t index)
{
	struct item *item = item_find(t, name);

	if (item && item->index == index)
		lost(t, item);
}

void cl_tunnel_interfaces_look(struct cl_tunnel_interfaces *t)
{
	struct item *item, *next;

	HASH_ITER(hh, t->items, item, next)
	{
		uint32_t index = 0;
		bool is_up;

		if (item->users == 0)
			continue;
		if (t->kernel.find(t->kernel.context, item->name, &index, &is_up) == 0)
			cl_tunnel_interfaces_seen(t, item->name, index);
		else if (item->index != 0)
			lost(t, item);
	}
}

const char *cl_tunnel_interfaces_describe(const struct cl_tunnel_interfaces *t, const char *name,
	char ret[CL_TUNNEL_INTERFACE_TEXT_MAX])
{
	const struct item *item = item_find(t, name);
	uint32_t index = 0;
	bool is_up = false;
	int error = t->kernel.find(t->kernel.context, name, &index, &is_up);

	if (error == ENODEV)
		snprintf(ret, CL_TUNNEL_INTERFACE_TEXT_MAX,
			"%s: there is no such interface; it is set up when it appears and there is "
			"a CHILD_SA for it",
			name);
	else if (error != 0 || (item && item->error != 0))
		snprintf(ret, CL_TUNNEL_INTERFACE_TEXT_MAX, "%s: %s", name,
			strerror(error != 0 ? error : item->error));
	else if (item && item->users > 0 && !is_up)
		snprintf(ret, CL_TUNNEL_INTERFACE_TEXT_MAX,
			"%s: down, which was not the daemon's doing: there is a CHILD_SA for it",
			name);
	else
		snprintf(ret, CL_TUNNEL_INTERFACE_TEXT_MAX, "%s: %s", name, is_up ? "up" : "down");
	return ret;
}

void cl_tunnel_interfaces_free(struct cl_tunnel_interfaces *t)
{
	struct user *user, *next_user;
	struct item *item, *next_item;

	if (!t)
		return;
	HASH_ITER(hh, t->users, user, next_user)
	{
		HASH_DEL(t->users, user);
		free(user);
	}
	HASH_ITER(hh, t->items, item, next_item)
	{
		if (item->index != 0)
			set_down(t, item, "the daemon ends");
		HASH_DEL(t->items, item);
		free(item);
	}
	free(t);
}
