/* Actions that fight each other, and times that do, as they are written: what is left out has a
 * meaning of its own, and is the daemon's. */
#include "swanctl-lite/check.h"

#include "libvici/value.h"

#include <stdlib.h>

/* ---- Actions ---- */

enum { NONE = 0, TRAP = 1, START = 2 };

/* -1: not written. */
static int action_of(const struct settings_section *child, const char *key)
{
	const char *value = check_value(child, key);
	int action = NONE;

	if (!value)
		return -1;
	if (strcasestr(value, "trap") || strcasestr(value, "route") || strcasestr(value, "hold"))
		action |= TRAP;
	if (strcasestr(value, "start"))
		action |= START;
	return action;
}

static uint64_t seconds_of(const struct settings_section *section, const char *key)
{
	const char *value = check_value(section, key);
	uint64_t seconds = 0;

	return value && value_seconds(bytes_of_text(value), &seconds) ? seconds : 0;
}

static void check_close(struct check *k, const struct settings_section *connection,
	const struct settings_section *child, int start, int close)
{
	const struct settings_place *place = check_place(child, "close_action");

	if (!(close & START))
		return;
	if (start <= NONE)
		check_say(k, CHECK_CLOSE_ACTION_RESPONDER, place,
			"'%s' is not started from here, and close_action = %s starts it",
			child->name, check_value(child, "close_action"));
	else if (seconds_of(connection, "reauth_time") > 0)
		check_say(k, CHECK_CLOSE_ACTION_REAUTH, place,
			"'%s' has close_action = %s, and its connection reauth_time = %s",
			child->name, check_value(child, "close_action"),
			check_value(connection, "reauth_time"));
	else if (start == TRAP)
		check_say(k, CHECK_CLOSE_ACTION_TRAP, place,
			"'%s' has start_action = %s and close_action = %s", child->name,
			check_value(child, "start_action"), check_value(child, "close_action"));
}

static void check_child_actions(struct check *k, const struct settings_section *connection,
	const struct settings_section *child)
{
	int start = action_of(child, "start_action"), close = action_of(child, "close_action");
	int dpd = action_of(child, "dpd_action");

	if (close >= NONE)
		check_close(k, connection, child, start, close);
	if (dpd > NONE && seconds_of(connection, "dpd_delay") == 0)
		check_say(k, CHECK_DPD_WITHOUT_DELAY, check_place(child, "dpd_action"),
			"'%s' has dpd_action = %s, and '%s' no dpd_delay", child->name,
			check_value(child, "dpd_action"), connection->name);
	if (start > NONE && (start & START) && dpd == NONE && (close == NONE || close < 0))
		check_say(k, CHECK_STAYS_DOWN, check_place(child, "dpd_action"),
			"'%s' is started from here, and dpd_action = %s leaves it down",
			child->name, check_value(child, "dpd_action"));
	if (seconds_of(child, "inactivity") > 0 &&
		((start > NONE && (start & START) && close != NONE && close != TRAP) ||
			(close > NONE && (close & START))))
		check_say(k, CHECK_INACTIVITY, check_place(child, "inactivity"),
			"'%s' is closed when it is idle, and started again at once", child->name);
}

/* Once for a connection; dpd_action without it is told about by itself. */
static void check_liveness(struct check *k, const struct settings_section *connection,
	const struct settings_section *children)
{
	const char *delay = check_value(connection, "dpd_delay");
	uint64_t seconds = 0;

	/* One that is none is wrong, but not left out. */
	if (delay && (!value_seconds(bytes_of_text(delay), &seconds) || seconds > 0))
		return;
	/* From here nobody in particular is called; whom a trap finds is another each time. */
	if (check_takes_anybody(connection))
		return;
	SETTINGS_SECTIONS(child, children)
	{
		int start = action_of(child, "start_action");

		if (start <= NONE || action_of(child, "dpd_action") > NONE || check_is_shunt(child))
			continue;
		check_say(k, CHECK_NO_DPD, check_place(child, "start_action"),
			"'%s' %s, and '%s' has no dpd_delay", child->name,
			start & START ? "is wanted up" : "comes up with its first packet",
			connection->name);
		return;
	}
}

/* ---- Times ---- */

static void check_random(
	struct check *k, const struct settings_section *section, const char *of, const char *random)
{
	uint64_t whole = seconds_of(section, of), part = seconds_of(section, random);

	if (whole > 0 && part >= whole)
		check_say(k, CHECK_RAND_TIME, check_place(section, random),
			"%s = %s is not shorter than %s = %s", random, check_value(section, random),
			of, check_value(section, of));
}

static void check_connection_times(struct check *k, const struct settings_section *connection)
{
	uint64_t rekey = seconds_of(connection, "rekey_time");
	uint64_t reauth = seconds_of(connection, "reauth_time");
	uint64_t delay = seconds_of(connection, "dpd_delay");
	uint64_t timeout = seconds_of(connection, "dpd_timeout");
	const char *version = check_value(connection, "version");

	check_random(k, connection, rekey ? "rekey_time" : "reauth_time", "rand_time");
	if (rekey > 0 && reauth > 0 && reauth <= rekey)
		check_say(k, CHECK_REAUTH_FIRST, check_place(connection, "reauth_time"),
			"reauth_time = %s is not longer than rekey_time = %s",
			check_value(connection, "reauth_time"),
			check_value(connection, "rekey_time"));
	if (delay > 0 && timeout > 0 && timeout <= delay && !(version && atoi(version) == 2))
		check_say(k, CHECK_DPD_TIMEOUT, check_place(connection, "dpd_timeout"),
			"dpd_timeout = %s is not longer than dpd_delay = %s",
			check_value(connection, "dpd_timeout"),
			check_value(connection, "dpd_delay"));
}

void check_actions(struct check *k)
{
	for (const struct settings_section *c = check_sections(k, "connections"); c; c = c->next) {
		const struct settings_section *children = settings_child(c, "children");

		check_connection_times(k, c);
		if (!children)
			continue;
		check_liveness(k, c, children);
		SETTINGS_SECTIONS(child, children)
		{
			check_child_actions(k, c, child);
			check_random(k, child, "rekey_time", "rand_time");
		}
	}
}
