#include "libike/names.h"

#include "libike/supervisor.h"
#include "libike/versions.h"

#include <stdlib.h>

/* A name that is loaded is asked for again that often, so that its peer is known when it calls. */
#define REFRESH IKE_SECONDS(300)
#define REFRESH_FAILED IKE_SECONDS(30)
/* An answer this old is good for an attempt. */
#define FRESH IKE_SECONDS(2)
/* A host that does not answer has failed. */
#define ANSWER_LIMIT IKE_SECONDS(30)
/* How often strangers may make us ask. */
#define DOUBT_EVERY IKE_SECONDS(15)

struct ike_lookup {
	UT_hash_handle by_name;
	UT_hash_handle by_ticket; /* while it is being asked for */
	struct ike_timer timer;   /* the next question, or the end of waiting */
	struct ike_name *name;    /* held */
	uint64_t ticket;          /* 0: not being asked for */
	ike_time answered_at;     /* IKE_NEVER: never */
	bool awaited;             /* by an attempt */
	char *error;
};

static struct ike_lookup *find(const struct ike_engine *e, const char *name)
{
	struct ike_lookup *found;

	HASH_FIND(by_name, e->lookups, name, strlen(name), found);
	return found;
}

static void lookup_free(struct ike_engine *e, struct ike_lookup *l)
{
	if (l->by_name.tbl)
		HASH_DELETE(by_name, e->lookups, l);
	if (l->ticket)
		HASH_DELETE(by_ticket, e->questions, l);
	ike_timer_remove(e, &l->timer);
	ike_name_free(l->name);
	free(l->error);
	free(l);
}

void ike_names_free(struct ike_engine *e)
{
	struct ike_lookup *l, *next;

	HASH_ITER(by_name, e->lookups, l, next)
	lookup_free(e, l);
}

static struct ike_lookup *lookup_new(struct ike_engine *e, const char *text)
{
	struct ike_lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->answered_at = IKE_NEVER;
	l->name = ike_name_new(text);
	if (!l->name || !ike_timer_add(e, &l->timer, IKE_TIMER_NAME)) {
		ike_name_free(l->name);
		free(l);
		return NULL;
	}
	HASH_ADD_KEYPTR(by_name, e->lookups, l->name->text, strlen(l->name->text), l);
	if (l->by_name.tbl)
		return l;
	lookup_free(e, l);
	return NULL;
}

static void answered(struct ike_engine *e, struct ike_lookup *l, const struct address *list,
	size_t count, const char *error)
{
	bool awaited = l->awaited;

	l->answered_at = e->now;
	l->awaited = false;
	free(l->error);
	l->error = error && count == 0 ? strdup(error) : NULL;
	if (count > 0 && !ike_name_set(l->name, list, count))
		ike_log(e, NULL, IKE_LOG_NET, IKE_LOG_INFO, "out of memory: '%s' keeps its address",
			l->name->text);
	ike_timer_set(e, &l->timer, e->now + (count > 0 ? REFRESH : REFRESH_FAILED));
	if (awaited)
		ike_targets_named(e);
	if (count > 0)
		ike_supervise_named(e);
}

static void ask(struct ike_engine *e, struct ike_lookup *l)
{
	if (l->ticket)
		return;
	l->ticket = ike_ticket_new(e);
	HASH_ADD(by_ticket, e->questions, ticket, sizeof(l->ticket), l);
	if (!l->by_ticket.tbl) {
		l->ticket = 0;
		ike_timer_set(e, &l->timer, e->now + REFRESH_FAILED);
		return;
	}
	/* What cannot be asked has failed, after this call. */
	bool asked =
		e->host.resolve && e->host.resolve(e->host.context, l->name->text, 0, l->ticket);
	ike_timer_set(e, &l->timer, asked ? e->now + ANSWER_LIMIT : e->now);
}

void ike_lookup_wake(struct ike_engine *e, struct ike_timer *timer)
{
	struct ike_lookup *l =
		(struct ike_lookup *)((char *)timer - offsetof(struct ike_lookup, timer));

	if (l->ticket) {
		HASH_DELETE(by_ticket, e->questions, l);
		l->ticket = 0;
		answered(e, l, NULL, 0, "no answer");
	} else if (l->name->references == 1) { /* no definition has it any more */
		lookup_free(e, l);
	} else {
		ask(e, l);
	}
}

void ike_engine_resolved(struct ike_engine *e, ike_time now, uint64_t ticket,
	const struct address *list, size_t count, const char *error)
{
	struct ike_lookup *l;
	char text[ADDRESS_TEXT_MAX];

	e->now = now;
	HASH_FIND(by_ticket, e->questions, &ticket, sizeof(ticket), l);
	if (!l)
		return;
	HASH_DELETE(by_ticket, e->questions, l);
	l->ticket = 0;
	if (count > 0 && !ike_name_has(l->name, &list[0]))
		ike_log(e, NULL, IKE_LOG_NET, IKE_LOG_INFO, "'%s' is %s%s", l->name->text,
			address_format(&list[0], text), count > 1 ? ", and others" : "");
	answered(e, l, list, count, error);
}

bool ike_names_adopt_list(struct ike_engine *e, struct ike_endpoints *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct ike_endpoint *endpoint = &list->items[i];

		if (endpoint->kind != IKE_ENDPOINT_NAME || endpoint->dns)
			continue;
		struct ike_lookup *l = find(e, endpoint->name);
		if (!l && !(l = lookup_new(e, endpoint->name)))
			return false;
		endpoint->dns = ike_name_hold(l->name);
		if (l->answered_at == IKE_NEVER)
			ask(e, l);
	}
	return true;
}

bool ike_names_adopt(struct ike_engine *e, struct ike_connection *c)
{
	return ike_names_adopt_list(e, &c->local_addrs) &&
	       ike_names_adopt_list(e, &c->remote_addrs);
}

static bool has_names(const struct ike_endpoints *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind == IKE_ENDPOINT_NAME)
			return true;
	return false;
}

bool ike_connection_has_names(const struct ike_connection *c)
{
	return has_names(&c->local_addrs) || has_names(&c->remote_addrs);
}

/* Of names whose answer is older than that; whether any is being asked for. */
static bool ask_list(
	struct ike_engine *e, const struct ike_endpoints *list, ike_time age, bool awaited)
{
	bool asking = false;

	for (size_t i = 0; i < list->count; i++) {
		struct ike_lookup *l = list->items[i].kind == IKE_ENDPOINT_NAME
					       ? find(e, list->items[i].name)
					       : NULL;

		if (!l)
			continue;
		if (l->answered_at == IKE_NEVER || l->answered_at + age < e->now)
			ask(e, l);
		l->awaited = l->awaited || (awaited && l->ticket);
		asking = asking || l->ticket;
	}
	return asking;
}

bool ike_names_ask(
	struct ike_engine *e, const struct ike_endpoints *local, const struct ike_endpoints *remote)
{
	bool asking = ask_list(e, local, FRESH, true);

	return ask_list(e, remote, FRESH, true) || asking;
}

const char *ike_names_error(const struct ike_engine *e, const struct ike_endpoints *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct ike_endpoint *endpoint = &list->items[i];
		const struct ike_lookup *l =
			endpoint->kind == IKE_ENDPOINT_NAME ? find(e, endpoint->name) : NULL;

		if (l && l->error)
			return l->error;
	}
	return NULL;
}

static bool is_up(const struct ike_connection *c)
{
	for (const struct ike_sa *sa = c->sas; sa; sa = sa->next)
		if (sa->was_established)
			return true;
	return false;
}

void ike_names_doubt(struct ike_engine *e)
{
	if (!e->lookups || (e->doubted_at > 0 && e->doubted_at + DOUBT_EVERY > e->now))
		return;
	e->doubted_at = e->now;
	for (size_t i = 0; i < e->loaded_count; i++)
		if (!is_up(e->loaded_order[i]->connection))
			(void)ask_list(e, &e->loaded_order[i]->connection->remote_addrs,
				DOUBT_EVERY, false);
}
