/* --counters */
#include "swanctl-lite/command.h"

static int reset(struct swanctl *s, const struct vici_call *call)
{
	struct vici_view answer;
	int status;

	if (!swanctl_call(s, call, &answer, &status))
		return status;
	if (s->format != SWANCTL_TEXT) {
		swanctl_dump(stdout, s->format, "counters reply", answer);
		return 0;
	}
	if (!swanctl_succeeded(answer)) {
		fprintf(stderr, "reset-counters failed: %s\n", SWANCTL_GAP_OF(answer, "errmsg"));
		return 1;
	}
	puts("reset-counters completed successfully");
	return 0;
}

static int get(struct swanctl *s, const struct vici_call *call)
{
	struct vici_view answer;
	int status;

	if (!swanctl_call(s, call, &answer, &status))
		return status;
	if (s->format != SWANCTL_TEXT) {
		swanctl_dump(stdout, s->format, "counters reply", answer);
		return 0;
	}
	if (!swanctl_succeeded(answer)) {
		fprintf(stderr, "get-counters failed: %s\n", SWANCTL_GAP_OF(answer, "errmsg"));
		return 1;
	}
	VICI_EACH(connection, vici_find(answer, "counters"))
	{
		bool global = vici_name(connection).length == 0;

		printf("%s:\n", global ? "global" : SWANCTL_NAME_OF(connection));
		VICI_EACH(counter, connection)
		printf("  %-22s: %s\n", SWANCTL_NAME_OF(counter),
			SWANCTL_TEXT_OF(connection, SWANCTL_NAME_OF(counter)));
	}
	return 0;
}

static int run(struct swanctl *s)
{
	bool resetting = swanctl_given(s, 'R');
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = resetting ? "reset-counters" : "get-counters",
		.arguments = &b };

	if (swanctl_given(s, 'a'))
		vici_key_text(&b, "all", "yes");
	else
		swanctl_add_option(s, &b, 'n', "name");
	int status = resetting ? reset(s, &call) : get(s, &call);
	vici_builder_free(&b);
	return status;
}

const struct swanctl_command swanctl_counters = {
	.name = "counters",
	.letter = 'C',
	.text = "list or reset IKE event counters",
	.usage = { "[--name <name>|--all] [--reset] [--raw|--pretty|--json]" },
	.options = {
		{ "name", 'n', true, "connection name, omit for global counters" },
		{ "all", 'a', false, "get/reset counters for all tracked connections" },
		{ "reset", 'R', false, "reset the counters" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run,
};
