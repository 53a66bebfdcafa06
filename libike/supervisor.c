/*
 * Keeps every child as its peer definition wants it.
 *
 * start_action, close_action and dpd_action make and end wishes; nothing else starts anything.
 * Whatever ends a child, or fails to make one, says so here and why; all that happens then is that
 * a wish's timer is set. When it has come, what is wanted is held against what is there, under any
 * version of the definition and whoever began it, and what lacks is attempted: so no more than one
 * attempt of a wish is alive, and a wish that is met already starts nothing. A wish never rests
 * unmet: failures only make the pauses longer.
 */
#include "libike/supervisor.h"

#include "libike/names.h"
#include "libike/sa/redirect.h"
#include "libike/versions.h"

/* Pauses after failures in a row: doubled from the first to the last. */
struct pauses {
	ike_time first;
	ike_time last;
};

/* A peer that is silent was waited for already: its retransmissions are a pause themselves. And who
 * wants them to be close together has no use for longer pauses than theirs. */
static const struct pauses of_silence = { IKE_SECONDS(1), IKE_SECONDS(15) };
static const struct pauses of_failures = { IKE_SECONDS(1), IKE_SECONDS(60) };
/* What somebody has to set right before it can work; or the peer's configuration is being loaded.
 */
static const struct pauses of_refusals = { IKE_SECONDS(2), IKE_SECONDS(300) };

/* A child that lived this long was no failure. */
#define STEADY IKE_SECONDS(60)
/* How long a peer that has begun is let go first. */
#define DEFERENCE IKE_SECONDS(4)
/* A trap waits for its peer's name that long; sooner when it is answered. */
#define NAMES_AGAIN IKE_SECONDS(60)
/* When to look whether there are twins, or it was a rekeying. */
#define SHARED IKE_SECONDS(20)

static const struct pauses *pauses_after(enum ike_reason reason)
{
	switch (reason) {
	case IKE_REASON_PEER_SILENT:
		return &of_silence;
	case IKE_REASON_NO_CONNECTION:
	case IKE_REASON_NO_PROPOSAL:
	case IKE_REASON_NO_CHILD_PROPOSAL:
	case IKE_REASON_NO_SELECTORS:
	case IKE_REASON_NO_SHARED_KEY:
	case IKE_REASON_AUTH_FAILED:
	case IKE_REASON_WRONG_IDENTITY:
	case IKE_REASON_UNSUPPORTED:
		return &of_refusals;
	default:
		return &of_failures;
	}
}

/* Within a quarter of it, so that many that failed together don't come back together. */
static ike_time jittered(struct ike_engine *e, ike_time pause)
{
	uint32_t draw;

	if (!ike_crypto_random(e->crypto, &draw, sizeof(draw)))
		return pause;
	return pause - pause / 4 + (ike_time)(draw % (uint32_t)(pause / 2 + 1));
}

static ike_time longest_pause(
	struct ike_engine *e, const struct ike_site *site, const struct pauses *p)
{
	const struct ike_loaded *loaded = ike_loaded_find(e, site->name);
	ike_time longest = p->last;

	if (p == &of_silence && loaded)
		longest = ike_retransmission_longest(e, loaded->connection);
	if (longest < p->first)
		return p->first;
	return longest < p->last ? longest : p->last;
}

static ike_time pause_after(
	struct ike_engine *e, const struct ike_wish *wish, enum ike_reason reason)
{
	const struct pauses *p = pauses_after(reason);
	ike_time pause = p->first, last = longest_pause(e, wish->site, p);

	for (uint32_t i = 1; i < wish->failures && pause < last; i++)
		pause *= 2;
	return jittered(e, pause < last ? pause : last);
}

static void look_again(struct ike_engine *e, struct ike_wish *wish, ike_time pause)
{
	ike_timer_set(e, &wish->timer, e->now + pause);
}

static void wish_failed(struct ike_engine *e, struct ike_wish *wish, enum ike_reason reason)
{
	wish->failures++;
	wish->reason = (uint8_t)reason;
	wish->deferred = false;
	ike_time pause = pause_after(e, wish, reason);
	look_again(e, wish, pause);
	ike_log(e, NULL, IKE_LOG_IKE, IKE_LOG_INFO,
		"CHILD_SA '%s' of '%s' is wanted: trying again in %d.%d s", wish->child,
		wish->site->name, (int)(pause / 1000), (int)(pause % 1000 / 100));
}

/* What a wish no longer asks for; it goes when nothing is left. */
static void wish_less(struct ike_engine *e, struct ike_wish *wish, uint8_t actions)
{
	wish->wanted &= (uint8_t)~actions;
	if (!wish->wanted)
		ike_wish_remove(e, wish);
}

static struct ike_wish *wish_more(
	struct ike_engine *e, struct ike_site *site, const char *child, uint8_t actions)
{
	struct ike_wish *wish = ike_wish_add(e, site, child);

	if (wish)
		wish->wanted |= actions;
	else
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"out of memory: CHILD_SA '%s' of '%s' is not watched", child, site->name);
	return wish;
}

/* ---- What the definitions say ---- */

static bool is_shunt(const struct ike_child_config *config)
{
	return config->mode == IKE_MODE_PASS || config->mode == IKE_MODE_DROP;
}

static void wish_as_loaded(
	struct ike_engine *e, struct ike_site *site, const struct ike_child_config *config)
{
	uint8_t actions = config->start_action;
	struct ike_wish *wish;

	if (is_shunt(config) && (actions & IKE_ACTION_START))
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"start_action of '%s': a pass or drop policy can only be installed (trap)",
			config->name);
	if (is_shunt(config))
		actions &= IKE_ACTION_TRAP;
	if (!actions || !(wish = wish_more(e, site, config->name, actions)))
		return;
	wish->failures = 0;
	ike_wish_look(e, wish);
}

void ike_supervise_loaded(struct ike_engine *e, struct ike_connection *c)
{
	struct ike_site *site = ike_site_add(e, c);
	struct ike_wish *wish, *next;

	if (!site) {
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"out of memory: connection '%s' is not watched", c->name);
		return;
	}
	/* Wishes of an older version go by what the new one says. */
	for (wish = site->wishes; wish; wish = next) {
		const struct ike_child_config *config = ike_connection_child(c, wish->child);

		next = wish->next;
		wish_less(e, wish, (uint8_t) ~(config ? config->start_action : IKE_ACTION_NONE));
	}
	for (size_t i = 0; i < c->child_count; i++)
		wish_as_loaded(e, site, c->children[i]);
}

void ike_supervise_loaded_again(struct ike_engine *e, const struct ike_connection *c)
{
	struct ike_site *site = ike_site_find(e, c->name);

	for (struct ike_wish *wish = site ? site->wishes : NULL; wish; wish = wish->next)
		if (wish->failures > 0 && wish->timer.at != IKE_NEVER &&
			pauses_after((enum ike_reason)wish->reason) == &of_refusals)
			look_again(e, wish, 0);
}

void ike_supervise_replaced(struct ike_engine *e, const struct ike_connection *c)
{
	struct ike_trap *trap, *next;

	for (trap = c->traps; trap; trap = next) {
		next = trap->mate_next;
		ike_trap_remove(e, trap);
	}
}

void ike_supervise_unloaded(struct ike_engine *e, const struct ike_connection *c)
{
	struct ike_site *site = ike_site_find(e, c->name);

	while (site && site->wishes)
		ike_wish_remove(e, site->wishes);
	ike_supervise_replaced(e, c);
	ike_site_prune(e, c->name);
}

void ike_supervise_nothing(struct ike_engine *e)
{
	for (struct ike_site *site = e->sites; site; site = site->by_name.next)
		while (site->wishes)
			ike_wish_remove(e, site->wishes);
}

void ike_supervise_hurry(struct ike_engine *e)
{
	ike_targets_hurry(e);
	for (struct ike_site *site = e->sites; site; site = site->by_name.next)
		for (struct ike_wish *wish = site->wishes; wish; wish = wish->next)
			if (wish->timer.at != IKE_NEVER)
				look_again(e, wish, jittered(e, 200));
}

void ike_supervise_named(struct ike_engine *e)
{
	for (struct ike_site *site = e->sites; site; site = site->by_name.next)
		for (struct ike_wish *wish = site->wishes; wish; wish = wish->next)
			if ((wish->wanted & IKE_ACTION_TRAP) && wish->timer.at != IKE_NEVER &&
				!ike_trap_find(e, site->name, wish->child))
				look_again(e, wish, 0);
}

/* ---- Wanted against actual ---- */

static void look_at_trap(struct ike_engine *e, struct ike_wish *wish, struct ike_connection *c,
	const struct ike_child_config *config)
{
	struct address peer;
	struct why why;

	if (ike_connection_has_names(c) &&
		ike_endpoints_addresses(&c->remote_addrs, &peer, 1) == 0) {
		look_again(e, wish, jittered(e, NAMES_AGAIN));
		return;
	}
	if (ike_trap_find(e, c->name, config->name) || ike_trap_install(e, c, config, &why))
		return;
	ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT, "trap policies of '%s': %s", config->name,
		why.text);
	wish_failed(e, wish, IKE_REASON_KERNEL);
}

/* The peer's IKE_SA_INIT is here: it may be about to bring the child itself. */
static bool peer_has_begun(const struct ike_engine *e, const struct ike_connection *c)
{
	for (const struct ike_sa *sa = c->sas; sa; sa = sa->next)
		if (!sa->initiator &&
			(sa->state == IKE_SA_CONNECTING
					? sa->created_at + DEFERENCE > e->now
					: sa->established_at != IKE_NEVER &&
						  sa->established_at + DEFERENCE > e->now))
			return true;
	return false;
}

enum place {
	PLACE_NONE, /* a new IKE SA is needed */
	PLACE_HERE,
	PLACE_SOON, /* one that is being rekeyed */
};

/* The IKE SA that the child goes to: the newest that is up, else the attempt that is under way. */
static enum place find_place(const struct ike_connection *c, struct ike_sa **ret)
{
	enum place place = PLACE_NONE;

	*ret = NULL;
	for (struct ike_sa *sa = c->sas; sa; sa = sa->next) {
		bool up = sa->state == IKE_SA_ESTABLISHED;

		if (sa->state == IKE_SA_REKEYING && !*ret)
			place = PLACE_SOON;
		if (!up &&
			!(sa->state <= IKE_SA_CONNECTING && sa->initiator && !sa->was_established))
			continue;
		if (up || !*ret)
			*ret = sa;
		place = PLACE_HERE;
	}
	return place;
}

static void start(struct ike_engine *e, struct ike_wish *wish, struct ike_connection *c,
	const struct ike_child_config *config)
{
	struct ike_sa *sa;

	if (!wish->deferred && peer_has_begun(e, c)) {
		wish->deferred = true;
		look_again(e, wish, jittered(e, DEFERENCE));
		return;
	}
	switch (find_place(c, &sa)) {
	case PLACE_SOON:
		look_again(e, wish, jittered(e, IKE_SECONDS(2)));
		return;
	case PLACE_HERE:
		if (!ike_initiate_child_on(e, sa, config, 0))
			wish_failed(e, wish, IKE_REASON_RESOURCES);
		return;
	case PLACE_NONE:
		break;
	}
	enum ike_reason reason = ike_initiate_wanted(e, c, config);
	if (reason != IKE_REASON_NONE)
		wish_failed(e, wish, reason);
}

void ike_wish_look(struct ike_engine *e, struct ike_wish *wish)
{
	struct ike_loaded *loaded = ike_loaded_find(e, wish->site->name);
	struct ike_connection *c = loaded ? loaded->connection : NULL;
	const struct ike_child_config *config = c ? ike_connection_child(c, wish->child) : NULL;

	ike_timer_set(e, &wish->timer, IKE_NEVER);
	if (!config) {
		ike_wish_remove(e, wish);
		return;
	}
	if (wish->wanted & IKE_ACTION_TRAP)
		look_at_trap(e, wish, c, config);
	if (!(wish->wanted & IKE_ACTION_START))
		return;
	if (!ike_site_has_child(wish->site, wish->child, NULL)) {
		start(e, wish, c, config);
		return;
	}
	ike_time at = ike_twins_reduce(e, wish);
	if (at < wish->timer.at)
		ike_timer_set(e, &wish->timer, at);
}

/* ---- What happened ---- */

void ike_supervise_up(struct ike_engine *e, const struct ike_child *child)
{
	struct ike_site *site = ike_site_find(e, child->sa->connection->name);
	struct ike_wish *wish = ike_wish_find(site, child->config->name);

	if (!wish)
		return;
	wish->deferred = false;
	if (ike_site_has_child(site, wish->child, child))
		look_again(e, wish, SHARED);
	else if (!(wish->wanted & IKE_ACTION_TRAP))
		ike_timer_set(e, &wish->timer, IKE_NEVER);
}

void ike_supervise_failed(
	struct ike_engine *e, const struct ike_child *child, enum ike_reason reason)
{
	struct ike_site *site = ike_site_find(e, child->sa->connection->name);
	struct ike_wish *wish = ike_wish_find(site, child->config->name);

	if (!wish || !(wish->wanted & IKE_ACTION_START) ||
		ike_site_has_child(site, wish->child, child))
		return;
	if (reason == IKE_REASON_TERMINATED)
		wish_less(e, wish, IKE_ACTION_START);
	else if (reason == IKE_REASON_REPLACED)
		look_again(e, wish, jittered(e, DEFERENCE));
	else
		wish_failed(e, wish, reason);
}

/* What the definition wants when a child ended so. */
static uint8_t action_after(const struct ike_child *child, const struct ike_child_config *config,
	const struct ike_wish *wish, enum ike_reason reason)
{
	switch (reason) {
	case IKE_REASON_DELETED_BY_PEER:
		/* Who sends us elsewhere does not mean the tunnel to end, whether we follow or not.
		 */
		return child->sa->sent_away ? IKE_ACTION_START : config->close_action;
	case IKE_REASON_PEER_SILENT:
		return config->dpd_action;
	case IKE_REASON_TERMINATED:
	case IKE_REASON_INACTIVE:
		return IKE_ACTION_NONE;
	case IKE_REASON_EXPIRED: /* a lifetime says when keys end, not when the tunnel does */
		return IKE_ACTION_START;
	default: /* nobody meant it to end */
		return (uint8_t)(config->dpd_action | (wish ? wish->wanted : 0));
	}
}

static void restart(struct ike_engine *e, struct ike_site *site, const struct ike_child *child,
	enum ike_reason reason)
{
	struct ike_wish *wish = wish_more(e, site, child->config->name, IKE_ACTION_START);
	ike_time pause = 0; /* the first time at once */

	if (!wish)
		return;
	if (child->installed_at != IKE_NEVER && e->now - child->installed_at >= STEADY)
		wish->failures = 0;
	/* A child that keeps ending is no better than one that fails. */
	if (wish->failures > 0)
		pause = pause_after(e, wish, reason);
	else if (reason == IKE_REASON_EXPIRED && !child->sa->initiator)
		pause = jittered(e, DEFERENCE); /* it expired at the other end, too */
	look_again(e, wish, pause);
	wish->failures++;
}

void ike_supervise_ended(
	struct ike_engine *e, const struct ike_child *child, enum ike_reason reason)
{
	const char *connection = child->sa->connection->name, *name = child->config->name;
	struct ike_site *site = ike_site_find(e, connection);
	struct ike_loaded *loaded = ike_loaded_find(e, connection);
	const struct ike_child_config *config =
		loaded ? ike_connection_child(loaded->connection, name) : NULL;
	struct ike_wish *wish = ike_wish_find(site, name);

	if (e->shutting_down || !config || !site)
		return;
	if (ike_site_has_child(site, name, child)) {
		/* One in its place is only on its way: should that fail, it is tried again. */
		if (!ike_site_is_up(site, name, child) &&
			(action_after(child, config, wish, reason) & IKE_ACTION_START))
			(void)wish_more(e, site, name, IKE_ACTION_START);
		return;
	}
	if (reason == IKE_REASON_REPLACED) { /* by something that is about to have the child */
		if (wish)
			look_again(e, wish, jittered(e, DEFERENCE));
		return;
	}
	uint8_t action = action_after(child, config, wish, reason);
	if ((action & IKE_ACTION_TRAP) &&
		(wish = wish_more(e, site, name, IKE_ACTION_TRAP))) /* before its policies go */
		look_at_trap(e, wish, loaded->connection, config);
	if (action & IKE_ACTION_START) {
		restart(e, site, child, reason);
	} else if (wish && (wish->wanted & IKE_ACTION_START)) {
		ike_log(e, NULL, IKE_LOG_IKE, IKE_LOG_INFO,
			"CHILD_SA '%s' of '%s' ended (%s) and is not wanted any more", name,
			connection, ike_reason_name(reason));
		wish_less(e, wish, IKE_ACTION_START);
	}
}

size_t ike_supervise_terminated(struct ike_engine *e, const char *ike, const char *child)
{
	struct ike_site *site;
	struct ike_wish *wish, *next;
	size_t count = 0;

	for (site = ike ? ike_site_find(e, ike) : e->sites; site;
		site = ike ? NULL : site->by_name.next) {
		for (wish = site->wishes; wish; wish = next) {
			next = wish->next;
			if (!(wish->wanted & IKE_ACTION_START) ||
				(child && strcmp(wish->child, child) != 0))
				continue;
			count += !ike_site_has_child(site, wish->child, NULL);
			wish_less(e, wish, IKE_ACTION_START);
		}
	}
	return count;
}

void ike_supervise_uninstalled(struct ike_engine *e, const char *ike, const char *child)
{
	struct ike_wish *wish = ike_wish_find(ike_site_find(e, ike), child);

	if (wish)
		wish_less(e, wish, IKE_ACTION_TRAP);
}
