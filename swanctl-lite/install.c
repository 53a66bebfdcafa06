/* --install and --uninstall */
#include "swanctl-lite/command.h"

static int install(struct swanctl *s, const char *command)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = command, .arguments = &b };
	bool ok;

	swanctl_add_option(s, &b, 'c', "child");
	swanctl_add_option(s, &b, 'i', "ike");
	int status = swanctl_simple(s, &call, command, &ok);
	if (ok && s->format == SWANCTL_TEXT)
		printf("%s completed successfully\n", command);
	vici_builder_free(&b);
	return ok || status ? status : 1;
}

static int run_install(struct swanctl *s)
{
	return install(s, "install");
}

static int run_uninstall(struct swanctl *s)
{
	return install(s, "uninstall");
}

const struct swanctl_command swanctl_install = {
	.name = "install",
	.letter = 'p',
	.text = "install a trap or shunt policy",
	.usage = { "--child <name> [--ike <name>] [--raw|--pretty|--json]" },
	.options = {
		{ "child", 'c', true, "CHILD_SA configuration to install" },
		{ "ike", 'i', true, "name of the connection to which the child belongs" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run_install,
};

const struct swanctl_command swanctl_uninstall = {
	.name = "uninstall",
	.letter = 'u',
	.text = "uninstall a trap or shunt policy",
	.usage = { "--child <name> [--ike <name>] [--raw|--pretty|--json]" },
	.options = {
		{ "child", 'c', true, "CHILD_SA configuration to uninstall" },
		{ "ike", 'i', true, "name of the connection to which the child belongs" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run_uninstall,
};
