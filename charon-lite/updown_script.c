#include "charon-lite/updown_script.h"

#include "charon-lite/apparmor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define LINES_MAX 100
#define EXIT_NOT_EXECUTED 126 /* a shell's, of what is there */

PRINTF_LIKE(3, 4)
static void say(const struct cl_updown_script *script, int level, const char *format, ...)
{
	struct ike_log line = {
		.group = IKE_LOG_CHD,
		.level = (int8_t)level,
		.ike_id = script->ike_id,
		.connection = script->connection,
	};
	char text[CL_UPDOWN_LINE_MAX + 64];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	line.text = text;
	cl_log_write(script->log, &line);
}

static void end_line(struct cl_updown_script *script)
{
	script->line[script->used] = '\0';
	script->used = 0;
	script->lines++;
	if (script->lines <= LINES_MAX)
		say(script, IKE_LOG_INFO, "updown: %s", script->line);
	else if (script->lines == LINES_MAX + 1)
		say(script, IKE_LOG_INFO, "updown: more than %u lines: the others are not shown",
			LINES_MAX);
}

static void output(void *context, struct bytes data)
{
	struct cl_updown_script *script = context;

	for (size_t i = 0; i < data.length; i++) {
		uint8_t c = data.at[i];

		if (c == '\n')
			end_line(script);
		else if (script->used < CL_UPDOWN_LINE_MAX)
			script->line[script->used++] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
}

static void say_exit_code(const struct cl_updown_script *script, int code)
{
	char hint[CL_APPARMOR_HINT_MAX] = "";

	if (code == EXIT_NOT_EXECUTED)
		cl_apparmor_hint(hint);
	say(script, IKE_LOG_AUDIT, "updown: script failed with exit code %d%s", code,
		code == EXIT_NOT_EXECUTED ? ": not executable" : "");
	if (hint[0])
		say(script, IKE_LOG_AUDIT, "updown: %s", hint);
}

static void ended(void *context, int status, bool timed_out)
{
	struct cl_updown_script *script = context;

	if (script->used > 0)
		end_line(script);
	if (timed_out)
		say(script, IKE_LOG_AUDIT, "updown: script still ran after %u s: killed",
			script->limit);
	else if (WIFSIGNALED(status))
		say(script, IKE_LOG_AUDIT, "updown: script ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		say_exit_code(script, WEXITSTATUS(status));
	script->ended(script->context);
}

struct cl_process *cl_updown_script_start(
	struct cl_updown_script *script, struct cl_processes *processes, struct why *why)
{
	static char shell[] = "/bin/sh", option[] = "-c";
	char *const arguments[] = { shell, option, script->command, NULL };
	const struct cl_process_config config = {
		.arguments = arguments,
		.environment = script->environment.items,
		.limit = script->limit,
		.context = script,
		.output = output,
		.ended = ended,
	};

	return cl_process_start(processes, &config, why);
}

void cl_updown_script_kill(const struct cl_updown_script *script, struct cl_process *process)
{
	say(script, IKE_LOG_AUDIT, "updown: script still runs: killed");
	cl_process_kill(process);
}

void cl_updown_script_free(struct cl_updown_script *script)
{
	cl_updown_environment_free(&script->environment);
	free(script->command);
}
