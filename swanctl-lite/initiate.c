/* --initiate and --terminate: what the daemon does meanwhile is shown as it logs it. */
#include "libvici/value.h"
#include "swanctl-lite/command.h"

static void on_log(void *context, struct bytes name, struct vici_view message)
{
	const struct swanctl *s = context;

	if (!vici_is(name, "control-log"))
		return;
	if (s->format != SWANCTL_TEXT)
		swanctl_dump(stdout, s->format, "log", message);
	else
		printf("[%s] %s\n", SWANCTL_TEXT_OF(message, "group"),
			SWANCTL_TEXT_OF(message, "msg"));
	fflush(stdout);
}

/* --timeout is in seconds, VICI's in milliseconds. */
static bool add_timeout(const struct swanctl *s, struct vici_builder *b)
{
	int64_t seconds;

	if (!swanctl_given(s, 't'))
		return true;
	if (!value_signed(bytes_of_text(swanctl_value(s, 't')), &seconds) ||
		seconds > INT64_MAX / 1000 || seconds < INT64_MIN / 1000) {
		fprintf(stderr, "--timeout %s: wanted a number of seconds\n",
			swanctl_value(s, 't'));
		return false;
	}
	vici_key_format(b, "timeout", "%lld", (long long)seconds * 1000);
	return true;
}

static int control(struct swanctl *s, const char *command)
{
	static const char *const events[] = { "control-log" };
	bool terminate = s->command == &swanctl_terminate;
	struct vici_builder b = { 0 };
	struct vici_call call = { command, &b, events, 1, on_log, s };
	int status = 1;
	bool ok = false;

	swanctl_add_option(s, &b, 'c', "child");
	swanctl_add_option(s, &b, 'i', "ike");
	if (terminate) {
		swanctl_add_option(s, &b, 'C', "child-id");
		swanctl_add_option(s, &b, 'I', "ike-id");
		if (swanctl_given(s, 'f'))
			vici_key_text(&b, "force", "yes");
	} else {
		swanctl_add_option(s, &b, 'S', "my-host");
		swanctl_add_option(s, &b, 'R', "other-host");
	}
	if (add_timeout(s, &b)) {
		vici_key_text(&b, "loglevel", swanctl_given(s, 'l') ? swanctl_value(s, 'l') : "1");
		status = swanctl_simple(s, &call, command, &ok);
	}
	if (ok && s->format == SWANCTL_TEXT)
		printf("%s completed successfully\n", command);
	vici_builder_free(&b);
	return status;
}

static int run_initiate(struct swanctl *s)
{
	return control(s, "initiate");
}

static int run_terminate(struct swanctl *s)
{
	return control(s, "terminate");
}

const struct swanctl_command swanctl_initiate = {
	.name = "initiate",
	.letter = 'i',
	.text = "initiate a connection",
	.usage = { "[--child <name>] [--ike <name>] [--timeout <s>] [--raw|--pretty|--json]" },
	.options = {
		{ "child", 'c', true, "initiate a CHILD_SA configuration" },
		{ "ike", 'i', true, "initiate an IKE_SA, or name of child's parent" },
		{ "source", 'S', true, "override the source address" },
		{ "remote", 'R', true, "override the remote address" },
		{ "timeout", 't', true, "timeout in seconds before detaching" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
		{ "loglevel", 'l', true, "verbosity of redirected log" },
	},
	.run = run_initiate,
};

const struct swanctl_command swanctl_terminate = {
	.name = "terminate",
	.letter = 't',
	.text = "terminate a connection",
	.usage = { "--child <name> | --ike <name> | --child-id <id> | --ike-id <id>",
		"[--timeout <s>] [--raw|--pretty|--json]" },
	.options = {
		{ "child", 'c', true, "terminate by CHILD_SA name" },
		{ "ike", 'i', true, "terminate by IKE_SA name" },
		{ "child-id", 'C', true, "terminate by CHILD_SA unique identifier" },
		{ "ike-id", 'I', true, "terminate by IKE_SA unique identifier" },
		{ "force", 'f', false, "terminate IKE_SA without waiting, unless timeout is set" },
		{ "timeout", 't', true, "timeout in seconds before detaching" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
		{ "loglevel", 'l', true, "verbosity of redirected log" },
	},
	.run = run_terminate,
};
