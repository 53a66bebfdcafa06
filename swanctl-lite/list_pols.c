/* --list-pols */
#include "swanctl-lite/command.h"

static void print_event(struct vici_view message)
{
	VICI_EACH(policy, message)
	{
		if (vici_kind(policy) != VICI_SECTION)
			continue;
		printf("%s, %s\n  local:  ", SWANCTL_NAME_OF(policy),
			SWANCTL_TEXT_OF(policy, "mode"));
		swanctl_print_list(stdout, policy, "local-ts");
		fputs("\n  remote: ", stdout);
		swanctl_print_list(stdout, policy, "remote-ts");
		putchar('\n');
	}
}

static int run(struct swanctl *s)
{
	bool all = !swanctl_given(s, 't') && !swanctl_given(s, 'd') && !swanctl_given(s, 'p');
	struct vici_builder b = { 0 };

	swanctl_add_option(s, &b, 'c', "child");
	if (all || swanctl_given(s, 't'))
		vici_key_text(&b, "trap", "yes");
	if (all || swanctl_given(s, 'd'))
		vici_key_text(&b, "drop", "yes");
	if (all || swanctl_given(s, 'p'))
		vici_key_text(&b, "pass", "yes");
	int status = swanctl_stream(s, "list-policies", "list-policy", &b, print_event);
	vici_builder_free(&b);
	return status;
}

const struct swanctl_command swanctl_list_pols = {
	.name = "list-pols",
	.letter = 'P',
	.text = "list currently installed policies",
	.usage = { "[--child <name>] [--trap] [--drop] [--pass] [--raw|--pretty|--json]" },
	.options = {
		{ "child", 'c', true, "filter policies by CHILD_SA config name" },
		{ "trap", 't', false, "list trap policies" },
		{ "drop", 'd', false, "list drop policies" },
		{ "pass", 'p', false, "list bypass policies" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run,
};
