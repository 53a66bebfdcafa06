/* What a definition that takes the place of a loaded one changes, and how that takes effect. */
#include "libike/versions.h"

#include <stdio.h>
#include <stdlib.h>

#define CLOSED (IKE_APPLY_REMOVED + 1) /* what their start_action brought up goes with them */
#define MOVED (IKE_APPLY_REMOVED + 2)  /* IKE SAs that leave for another address */

struct changes {
	bool moves; /* there are such IKE SAs */
	char lists[MOVED + 1][320];
	enum ike_effect_kind kind; /* of the strongest */
};

static enum ike_effect_kind kind_of(enum ike_apply apply)
{
	static const enum ike_effect_kind kinds[] = {
		[IKE_APPLY_NOW] = IKE_EFFECT_IN_PLACE,
		[IKE_APPLY_REKEY] = IKE_EFFECT_NEXT_KEYS,
		[IKE_APPLY_REAUTH] = IKE_EFFECT_NEXT_KEYS,
		[IKE_APPLY_REBUILD] = IKE_EFFECT_REBUILT,
		[IKE_APPLY_ADDED] = IKE_EFFECT_IN_PLACE,
		[IKE_APPLY_REMOVED] = IKE_EFFECT_IN_PLACE,
	};

	return kinds[apply];
}

static void note_change(
	void *context, const struct ike_child_config *child, const char *key, enum ike_apply apply)
{
	struct changes *changes = context;
	bool closed = apply == IKE_APPLY_REMOVED && (child->start_action & IKE_ACTION_START);
	bool moved = changes->moves && !child && key && strcmp(key, "remote_addrs") == 0;
	enum ike_effect_kind kind = moved ? IKE_EFFECT_REBUILT : kind_of(apply);
	char *list = changes->lists[closed ? CLOSED : moved ? MOVED : (unsigned)apply];
	size_t used = strlen(list), room = sizeof(*changes->lists) - used;

	snprintf(list + used, room, "%s%s%s%s", used ? ", " : "", child ? child->name : "",
		child && key ? "." : "", key ? key : "");
	if (kind > changes->kind)
		changes->kind = kind;
}

static void format(const struct changes *changes, char text[IKE_EFFECT_TEXT_MAX])
{
	static const char *const ways[] = {
		[IKE_APPLY_NOW] = "at once",
		[IKE_APPLY_REKEY] = "with the next keys",
		[IKE_APPLY_REAUTH] = "with the next IKE_SA",
		[IKE_APPLY_REBUILD] = "by making the child anew",
		[IKE_APPLY_ADDED] = "new children",
		[IKE_APPLY_REMOVED] = "children that end when they are closed",
		[CLOSED] = "children that are closed",
		[MOVED] = "at once, by a new IKE_SA beside the old one",
	};
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (changes->lists[i][0] && used < IKE_EFFECT_TEXT_MAX)
			used += (size_t)snprintf(text + used, IKE_EFFECT_TEXT_MAX - used,
				"%s%s: %s", used ? "; " : "", ways[i], changes->lists[i]);
}

void ike_effect_of(const struct ike_connection *old, const struct ike_connection *new, bool moves,
	struct ike_effect *ret)
{
	struct changes changes = { .kind = IKE_EFFECT_NONE, .moves = moves };

	ike_connection_compare(old, new, note_change, &changes);
	ret->kind = changes.kind;
	format(&changes, ret->text);
}

void ike_engine_effect(
	const struct ike_engine *e, const struct ike_connection *c, struct ike_effect *ret)
{
	const struct ike_loaded *loaded = ike_loaded_find(e, c->name);

	*ret = (struct ike_effect){ .kind = IKE_EFFECT_ADDED };
	if (loaded)
		ike_effect_of(loaded->connection, c, ike_reload_moves(loaded->connection, c), ret);
}
