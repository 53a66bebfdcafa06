/*
 * The loaded peer definitions, and which of them fits a peer: first by addresses, when only those
 * are known, then by identities. As strongSwan chooses: exact before ranges before any, the first
 * loaded among equals.
 */
#include "libike/eap/eap.h"
#include "libike/leased.h"
#include "libike/names.h"
#include "libike/supervisor.h"
#include "libike/versions.h"

#include <stdio.h>
#include <stdlib.h>

#define CANDIDATES_EXPLAINED 8

struct ike_loaded *ike_loaded_find(const struct ike_engine *e, const char *name)
{
	struct ike_loaded *found;

	HASH_FIND(by_name, e->loaded, name, strlen(name), found);
	return found;
}

static void loaded_free(struct ike_loaded *loaded)
{
	ike_connection_free(loaded->connection);
	ike_failures_free(&loaded->failures);
	free(loaded->changes);
	free(loaded);
}

void ike_loaded_free_all(struct ike_engine *e)
{
	struct ike_loaded *loaded, *next;

	HASH_ITER(by_name, e->loaded, loaded, next)
	{
		HASH_DELETE(by_name, e->loaded, loaded);
		ike_candidates_remove(e, loaded);
		loaded_free(loaded);
	}
	for (size_t i = 0; i < IKE_COMMON_PROPOSALS; i++)
		ike_proposals_free(&e->common_proposals[i]);
	free(e->loaded_order);
}

const struct ike_connection *ike_engine_connection(const struct ike_engine *e, size_t index)
{
	return index < e->loaded_count ? e->loaded_order[index]->connection : NULL;
}

const struct ike_connection *ike_engine_connection_named(
	const struct ike_engine *e, const char *name)
{
	const struct ike_loaded *loaded = ike_loaded_find(e, name);

	return loaded ? loaded->connection : NULL;
}

const char *ike_engine_connection_name(const struct ike_engine *e, size_t index)
{
	return index < e->loaded_count ? e->loaded_order[index]->name : NULL;
}

static bool grow(struct ike_engine *e)
{
	size_t room = e->loaded_room ? e->loaded_room * 2 : 16;

	if (e->loaded_count < e->loaded_room)
		return true;
	struct ike_loaded **order =
		reallocarray(e->loaded_order, room, sizeof(struct ike_loaded *));
	if (!order)
		return false;
	e->loaded_order = order;
	e->loaded_room = room;
	return true;
}

static bool add(struct ike_engine *e, struct ike_connection *c, struct why *why)
{
	size_t size = strlen(c->name) + 1;
	struct ike_loaded *loaded = grow(e) ? calloc(1, sizeof(*loaded) + size) : NULL;

	if (loaded) {
		memcpy(loaded->name, c->name, size);
		loaded->connection = c;
		loaded->number = ++e->last_loaded;
		if (!ike_candidates_add(e, loaded, c)) {
			free(loaded);
			loaded = NULL;
		}
	}
	if (!loaded) {
		ike_connection_free(c);
		return why_fail(why, "out of memory");
	}
	HASH_ADD_KEYPTR(by_name, e->loaded, loaded->name, size - 1, loaded);
	if (!loaded->by_name.tbl) {
		ike_candidates_remove(e, loaded);
		free(loaded);
		ike_connection_free(c);
		return why_fail(why, "out of memory");
	}
	e->loaded_order[e->loaded_count++] = loaded;
	return true;
}

static bool replace(
	struct ike_engine *e, struct ike_loaded *loaded, struct ike_connection *c, struct why *why)
{
	struct ike_connection *old = loaded->connection;
	struct ike_loaded before = *loaded;

	if (!ike_endpoints_equal(&old->remote_addrs, &c->remote_addrs)) {
		if (!ike_candidates_add(e, loaded, c)) {
			loaded->places = before.places;
			loaded->place_count = before.place_count;
			ike_connection_free(c);
			return why_fail(why, "out of memory");
		}
		ike_candidates_remove(e, &before);
	}
	loaded->connection = c;
	ike_reload(e, old, c);
	ike_supervise_replaced(e, old);
	return true;
}

/* What this OpenSSL cannot do is not offered; what is offered besides stays. */
static bool keep_supported(struct ike_engine *e, const struct ike_connection *c,
	struct ike_proposals *list, const char *name, struct why *why)
{
	struct why missing = { "" };
	size_t count = ike_proposals_keep_supported(e->crypto, list, &missing);

	if (list->left_out)
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"connection '%s': not all of %s can be offered: %s", c->name, name,
			list->left_out);
	if (list->count == 0)
		return why_fail(why, "%s of '%s': %s", name, c->name, missing.text);
	if (count)
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"connection '%s': not all of %s can be offered: %s", c->name, name,
			missing.text);
	return true;
}

static bool keep_supported_of_all(struct ike_engine *e, struct ike_connection *c, struct why *why)
{
	if (!keep_supported(e, c, &c->proposals, "proposals", why))
		return false;
	for (size_t i = 0; i < c->child_count; i++) {
		struct ike_proposals *list = &c->children[i]->proposals;

		if (list->count && !keep_supported(e, c, list, "esp_proposals", why))
			return false;
	}
	return true;
}

/* The definitions of one router have a few lists between them. */
static void share_proposals(struct ike_engine *e, struct ike_proposals *list)
{
	struct ike_proposals *common;

	if (list->count == 0)
		return;
	for (size_t i = 0; i < IKE_COMMON_PROPOSALS; i++) {
		common = &e->common_proposals[i];
		if (ike_proposals_equal(common, list)) {
			ike_proposals_share(list, common);
			return;
		}
	}
	common = &e->common_proposals[e->next_common++ % IKE_COMMON_PROPOSALS];
	ike_proposals_share(common, list);
}

static void share_proposals_of_all(struct ike_engine *e, struct ike_connection *c)
{
	share_proposals(e, &c->proposals);
	for (size_t i = 0; i < c->child_count; i++)
		share_proposals(e, &c->children[i]->proposals);
}

/* Datagrams leave from the sockets that there are. */
static bool check_local_port(
	const struct ike_engine *e, const struct ike_connection *c, struct why *why)
{
	if (c->local_port == 0 || c->local_port == e->settings.port ||
		c->local_port == e->settings.port_nat_t)
		return true;
	return why_fail(why,
		"local_port of '%s': there is no socket for port %u, only for charon.port (%u) and "
		"charon.port_nat_t (%u)",
		c->name, c->local_port, e->settings.port, e->settings.port_nat_t);
}

static void say_remarks(struct ike_engine *e, const struct ike_connection *c)
{
	char text[IKE_REMARK_TEXT_MAX];

	for (size_t i = 0; i < c->child_count; i++)
		for (size_t j = 0; ike_child_config_remark(c->children[i], j, text); j++)
			ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT, "connection '%s': %s", c->name,
				text);
}

/* One definition may ask for it in several children: it is said once. */
static void say_what_kernel_lacks(struct ike_engine *e, const struct ike_connection *c)
{
	for (size_t i = 0; e->processors == 0 && i < c->child_count; i++) {
		if (c->children[i]->per_cpu_sas == IKE_PER_CPU_NO || c->version == 1)
			continue;
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"connection '%s': per_cpu_sas of '%s' has no effect: this kernel has no "
			"per-CPU SAs (Linux 6.13 is the first that has); all packets take one pair "
			"of SAs",
			c->name, c->children[i]->name);
		return;
	}
}

static bool asks_radius(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->remote.count; i++) {
		const struct ike_auth_round *round = &c->remote.items[i];

		if ((round->class == IKE_AUTH_CLASS_EAP &&
			    round->eap_method == IKE_EAP_METHOD_RADIUS) ||
			(round->class == IKE_AUTH_CLASS_XAUTH && round->xauth == IKE_XAUTH_EAP))
			return true;
	}
	return false;
}

/* Names that are pools of nobody's definition with strongSwan. */
static void say_what_pools_lack(struct ike_engine *e, const struct ike_connection *c)
{
	for (size_t i = 0; i < c->pool_count; i++) {
		const char *name = c->pools[i];

		if (ike_pools_find(e->pools, name))
			continue;
		if (strcmp(name, IKE_LEASED_POOL) == 0 && !e->host.lease)
			ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT,
				"connection '%s': there is no DHCP: its peers get no addresses "
				"from "
				"'dhcp' unless a pool of that name is loaded",
				c->name);
		if (strcmp(name, "radius") == 0 && !asks_radius(c))
			ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT,
				"connection '%s': its peers get no addresses from 'radius', as no "
				"RADIUS server is asked about them: that takes auth = eap-radius "
				"or "
				"xauth-eap",
				c->name);
	}
}

bool ike_engine_check_connection(struct ike_engine *e, struct ike_connection *c, struct why *why)
{
	if (c->checked) /* what it says of proposals it says once */
		return true;
	if (!check_local_port(e, c, why) || !keep_supported_of_all(e, c, why))
		return false;
	/* as soon as that: many may wait for being loaded at once */
	share_proposals_of_all(e, c);
	c->checked = true;
	return true;
}

bool ike_engine_load_connection(
	struct ike_engine *e, ike_time now, struct ike_connection *c, struct why *why)
{
	struct ike_loaded *loaded = ike_loaded_find(e, c->name);
	struct ike_connection *old = loaded ? loaded->connection : NULL;

	e->now = now;
	if (!ike_engine_check_connection(e, c, why)) {
		ike_connection_free(c);
		return false;
	}
	if (loaded) {
		free(loaded->changes);
		loaded->changes = NULL;
	}
	if (old && ike_connection_equal(old, c)) {
		ike_connection_free(c);
		ike_supervise_loaded_again(e, old);
		ike_attempts_begin_anew(e, old);
		return true;
	}
	if (!ike_names_adopt(e, c)) {
		ike_connection_free(c);
		return why_fail(why, "out of memory");
	}
	c->clients = e->clients;
	if (loaded) {
		if (!replace(e, loaded, c, why))
			return false;
	} else {
		if (!add(e, c, why))
			return false;
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "added connection '%s'", c->name);
		ike_reload_found_again(e, c);
	}
	say_remarks(e, c);
	say_what_kernel_lacks(e, c);
	say_what_pools_lack(e, c);
	ike_supervise_loaded(e, c);
	if (old) {
		ike_withdraw(e, old, c);
		ike_attempts_begin_anew(e, c);
		ike_connection_free(old);
	}
	ike_reload_rebuild(e, c);
	return true;
}

bool ike_engine_has_connection(const struct ike_engine *e, const char *name)
{
	return ike_loaded_find(e, name) != NULL;
}

const char *ike_engine_changes(const struct ike_engine *e, const char *name)
{
	const struct ike_loaded *loaded = ike_loaded_find(e, name);

	return loaded ? loaded->changes : NULL;
}

/* Its place in loaded_order, whose numbers rise. */
static size_t order_of(const struct ike_engine *e, const struct ike_loaded *loaded)
{
	size_t low = 0, high = e->loaded_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (e->loaded_order[middle]->number > loaded->number)
			high = middle;
		else
			low = middle;
	}
	return low;
}

bool ike_engine_unload_connection(struct ike_engine *e, ike_time now, const char *name)
{
	struct ike_loaded *loaded = ike_loaded_find(e, name);

	e->now = now;
	if (!loaded)
		return false;
	size_t i = order_of(e, loaded);
	e->loaded_count--;
	memmove(e->loaded_order + i, e->loaded_order + i + 1,
		(e->loaded_count - i) * sizeof(*e->loaded_order));
	ike_candidates_remove(e, loaded);
	HASH_DELETE(by_name, e->loaded, loaded);
	ike_supervise_unloaded(e, loaded->connection);
	ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "removed connection '%s'", name);
	ike_withdraw(e, loaded->connection, NULL);
	loaded_free(loaded);
	return true;
}

static unsigned match_addresses(
	const struct ike_connection *c, const struct address *local, const struct address *remote)
{
	unsigned ours = ike_endpoints_match(&c->local_addrs, local);
	unsigned theirs = ike_endpoints_match(&c->remote_addrs, remote);

	return ours > 0 && theirs > 0 ? ours + theirs : 0;
}

void ike_choose_by_address(struct ike_engine *e, const struct address *local,
	const struct address *remote, const struct ike_proposal *theirs, size_t count,
	struct ike_choice *ret)
{
	struct ike_candidates walk = ike_candidates_from(e, remote);
	unsigned best = 0, nearest = 0;
	const struct ike_proposals *refused = NULL;
	struct ike_connection *c;

	*ret = (struct ike_choice){ 0 };
	while ((c = ike_candidates_next(&walk))) {
		unsigned match = !ike_version_is_allowed(c, 2) || !ike_connection_authenticates(c)
					 ? 0
					 : match_addresses(c, local, remote);

		if (match > nearest) {
			nearest = match;
			ret->nearest = c;
		}
		/* Most definitions have the same proposals, and strangers make us compare them. */
		if (match <= best || (refused && ike_proposals_equal(&c->proposals, refused)))
			continue;
		if (ike_proposals_select(&c->proposals, theirs, count, false, &ret->suite,
			    &ret->proposal_number) != IKE_SELECTION_OK) {
			refused = &c->proposals;
			continue;
		}
		best = match;
		ret->connection = c;
	}
}

struct ike_connection *ike_loaded_for(struct ike_candidates *walk, uint8_t version,
	const struct address *local, const struct address *remote, unsigned *ret_match)
{
	struct ike_connection *c;

	while ((c = ike_candidates_next(walk))) {
		unsigned match =
			ike_version_is_allowed(c, version) && ike_connection_authenticates(c)
				? match_addresses(c, local, remote)
				: 0;

		if (match == 0)
			continue;
		if (ret_match)
			*ret_match = match;
		break;
	}
	return c;
}

bool ike_loaded_for_other_version(struct ike_engine *e, uint8_t version,
	const struct address *local, const struct address *remote)
{
	struct ike_candidates walk = ike_candidates_from(e, remote);

	return ike_loaded_for(&walk, version == 1 ? 2 : 1, local, remote, NULL) != NULL;
}

static bool suite_fits(const struct ike_connection *c, const struct ike_suite *suite)
{
	struct ike_proposal agreed;
	struct ike_suite chosen;
	uint8_t number;

	ike_suite_to_proposal(suite, 1, &agreed);
	return ike_proposals_select(&c->proposals, &agreed, 1, false, &chosen, &number) ==
	       IKE_SELECTION_OK;
}

#define REMOTE_ID_DIFFERS "remote id differs"
#define LOCAL_ID_DIFFERS "local id differs"

static bool is_unacceptable(const struct ike_connection *c, const struct ike_wanted_peer *peer)
{
	for (size_t i = 0; i < peer->unacceptable_count; i++)
		if (peer->unacceptable[i] == c)
			return true;
	return false;
}

/* One of another class fits worse, and is kept for saying what it expects. */
static bool fits_class(const struct ike_connection *c, uint8_t class)
{
	uint8_t demanded = c->remote.items[0].class;

	return demanded == class || (demanded == IKE_AUTH_CLASS_ANY && class != IKE_AUTH_CLASS_EAP);
}

/* Why a definition is not for this peer; NULL when it is, with how well it fits. */
static const char *rule_out(const struct ike_connection *c, const struct ike_sa *sa,
	const struct ike_wanted_peer *peer, uint64_t *ret_match)
{
	const struct ike_identity *wanted = peer->wanted;
	unsigned addresses = match_addresses(c, &sa->local, &sa->remote);
	const struct ike_identity *ours = ike_auth_rounds_id(&c->local);
	const struct ike_identity *theirs = ike_auth_rounds_id(&c->remote);
	unsigned match_ours = IKE_MATCH_ANY;
	unsigned match_theirs = IKE_MATCH_ANY;

	if (!ike_version_is_allowed(c, sa->version))
		return c->version == 1   ? "is for IKEv1"
		       : c->version == 0 ? ike_connection_beyond_ikev1(c)
					 : "is for IKEv2";
	if (!ike_connection_authenticates(c))
		return "has no authentication";
	if (addresses == 0)
		return "addresses differ";
	if (is_unacceptable(c, peer))
		return "what it proved is not acceptable";
	if (theirs && (match_theirs = ike_identity_match(peer->peer, theirs)) == IKE_MATCH_NONE)
		return REMOTE_ID_DIFFERS;
	if (wanted && ours && (match_ours = ike_identity_match(wanted, ours)) == IKE_MATCH_NONE)
		return LOCAL_ID_DIFFERS;
	if (!suite_fits(c, &sa->suite))
		return "does not allow the agreed IKE proposal";
	*ret_match = (uint64_t)fits_class(c, peer->class) << 48 |
		     (uint64_t)(match_ours + match_theirs) << 32 | addresses;
	return NULL;
}

static void explain(const struct ike_connection *c, const char *reason, char *text, size_t size)
{
	char id[IKE_IDENTITY_TEXT_MAX] = "%any";
	size_t length = strlen(text);
	const struct ike_identity *theirs = ike_auth_rounds_id(&c->remote);

	if (theirs)
		ike_identity_format(theirs, id);
	snprintf(text + length, size - length, "%s%s (remote id %s): %s", length ? ", " : "",
		c->name, id, reason);
}

/* The one definition that an identity alone keeps from fitting. With several of them nobody can say
 * which was meant, unless only one has the peer's own identity right. */
struct near {
	struct ike_connection *by_remote, *by_local; /* whose remote, local id differs */
	unsigned remote_count, local_count;
};

static void note_near(struct near *near, struct ike_connection *c, const char *reason)
{
	if (strcmp(reason, LOCAL_ID_DIFFERS) == 0 && near->local_count++ == 0)
		near->by_local = c;
	else if (strcmp(reason, REMOTE_ID_DIFFERS) == 0 && near->remote_count++ == 0)
		near->by_remote = c;
}

/* Those for peers elsewhere, as far as there is room behind the candidates. */
static void explain_others(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_wanted_peer *peer, unsigned explained, char *text, size_t text_size)
{
	for (size_t i = 0; i < e->loaded_count && explained < CANDIDATES_EXPLAINED; i++) {
		const struct ike_loaded *loaded = e->loaded_order[i];
		uint64_t match;

		if (ike_candidates_have(loaded, &sa->remote))
			continue;
		const char *reason = rule_out(loaded->connection, sa, peer, &match);
		if (reason) {
			explain(loaded->connection, reason, text, text_size);
			explained++;
		}
	}
}

struct ike_connection *ike_choose_by_identity(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_wanted_peer *peer, char *text, size_t text_size,
	struct ike_connection **ret_nearest)
{
	struct ike_candidates walk = ike_candidates_from(e, &sa->remote);
	struct ike_connection *chosen = NULL, *c;
	unsigned explained = 0;
	uint64_t best = 0;
	struct near near = { 0 };

	text[0] = '\0';
	while ((c = ike_candidates_next(&walk))) {
		uint64_t match = 0;
		const char *reason = rule_out(c, sa, peer, &match);

		if (!reason && peer->fits && !peer->fits(e, sa, c)) {
			reason = "is for another mode, another proof or another key";
			match = 0;
		}
		if (reason && explained < CANDIDATES_EXPLAINED) {
			explain(c, reason, text, text_size);
			explained++;
		}
		if (reason)
			note_near(&near, c, reason);
		if (match > best) {
			best = match;
			chosen = c;
		}
	}
	if (!chosen)
		explain_others(e, sa, peer, explained, text, text_size);
	*ret_nearest = near.local_count == 1                             ? near.by_local
		       : near.local_count == 0 && near.remote_count == 1 ? near.by_remote
									 : NULL;
	return chosen;
}

static const struct ike_child_config *child_of(
	const struct ike_connection *c, const char *child, struct why *why)
{
	const struct ike_child_config *config = ike_connection_child(c, child);

	if (!config)
		why_fail(why, "CHILD_SA config '%s' not found", child);
	return config;
}

struct ike_connection *ike_loaded_child(const struct ike_engine *e, const char *ike,
	const char *child, const struct ike_child_config **ret, struct why *why)
{
	if (ike) {
		struct ike_loaded *loaded = ike_loaded_find(e, ike);

		if (!loaded) {
			why_fail(why, "CHILD_SA config '%s' not found", child);
			return NULL;
		}
		*ret = child_of(loaded->connection, child, why);
		return *ret ? loaded->connection : NULL;
	}
	for (size_t i = 0; i < e->loaded_count; i++)
		if ((*ret = ike_connection_child(e->loaded_order[i]->connection, child)))
			return e->loaded_order[i]->connection;
	why_fail(why, "CHILD_SA config '%s' not found", child);
	return NULL;
}
