/* Names for shells to complete: those that the daemon has at the moment. */
#include "swanctl-lite/completion.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Nobody waits longer at a prompt. */
#define SECONDS_AT_MOST 2

static void print_names(struct vici_view in)
{
	VICI_EACH(section, in)
	{
		if (vici_kind(section) == VICI_SECTION)
			puts(SWANCTL_NAME_OF(section));
	}
}

static void print_children(struct vici_view message)
{
	VICI_EACH(connection, message)
	{
		print_names(vici_find(connection, "children"));
	}
}

static void print_ike_ids(struct vici_view message)
{
	VICI_EACH(sa, message)
	{
		if (swanctl_has(sa, "uniqueid"))
			puts(SWANCTL_TEXT_OF(sa, "uniqueid"));
	}
}

static void print_child_ids(struct vici_view message)
{
	VICI_EACH(sa, message)
	{
		print_ike_ids(vici_find(sa, "child-sas"));
	}
}

static const struct {
	const char *kind, *command, *event;
	void (*print)(struct vici_view message);
} kinds[] = {
	{ "connections", "list-conns", "list-conn", print_names },
	{ "children", "list-conns", "list-conn", print_children },
	{ "authorities", "list-authorities", "list-authority", print_names },
	{ "ike-ids", "list-sas", "list-sa", print_ike_ids },
	{ "child-ids", "list-sas", "list-sa", print_child_ids },
	{ "pools", "get-pools", NULL, print_names },
};

static void ask(size_t i, struct swanctl *s)
{
	struct vici_call call = { .command = kinds[i].command };
	struct vici_view answer;
	int status;

	if (kinds[i].event)
		(void)swanctl_stream(s, kinds[i].command, kinds[i].event, NULL, kinds[i].print);
	else if (swanctl_call(s, &call, &answer, &status))
		kinds[i].print(answer);
}

bool swanctl_completion_names(const char *kind, const char *uri)
{
	struct swanctl s = { .values['u'] = uri };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].kind, kind) != 0)
			continue;
		/* A complaint would be in the midst of the line that is being typed. */
		if (!freopen("/dev/null", "w", stderr))
			return true;
		alarm(SECONDS_AT_MOST);
		ask(i, &s);
		vici_client_free(s.client);
		return true;
	}
	return false;
}
