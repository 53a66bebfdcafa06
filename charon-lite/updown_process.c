#include "charon-lite/updown_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#define LINE_LENGTH 400 /* longer ones are cut */
#define LINES_MAX 100
#define READ_AT_ONCE 4096
/* Of a script that has ended: what else its pipe may hold. */
#define READS_AT_END 17

struct cl_updown_process {
	struct cl_updown_process *prev, *next;
	struct cl_updown_processes *all;
	const struct cl_updown_script *script;
	void (*ended)(void *context);
	void *context;
	pid_t pid; /* also of its group */
	int output;
	struct event *readable;
	struct event *limit;
	uint32_t limit_seconds;
	unsigned lines;
	size_t used;
	char line[LINE_LENGTH + 1];
};

struct cl_updown_processes {
	struct event_base *base;
	struct cl_log *log;
	struct event *child_signal;
	struct cl_updown_process *list;
};

PRINTF_LIKE(3, 4)
static void say(struct cl_updown_process *process, int level, const char *format, ...)
{
	struct ike_log line = {
		.group = IKE_LOG_CHD,
		.level = (int8_t)level,
		.ike_id = process->script->ike_id,
		.connection = process->script->connection,
	};
	char text[LINE_LENGTH + 64];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	line.text = text;
	cl_log_write(process->all->log, &line);
}

/* ---- Output ---- */

static void end_line(struct cl_updown_process *process)
{
	process->line[process->used] = '\0';
	process->used = 0;
	process->lines++;
	if (process->lines <= LINES_MAX)
		say(process, IKE_LOG_INFO, "updown: %s", process->line);
	else if (process->lines == LINES_MAX + 1)
		say(process, IKE_LOG_INFO, "updown: more than %u lines: the others are not shown",
			LINES_MAX);
}

static void take_output(struct cl_updown_process *process, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '\n')
			end_line(process);
		else if (process->used < LINE_LENGTH)
			process->line[process->used++] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
}

/* False when nothing more is there. */
static bool read_once(struct cl_updown_process *process)
{
	char data[READ_AT_ONCE];
	ssize_t got = read(process->output, data, sizeof(data));

	if (got > 0) {
		take_output(process, data, (size_t)got);
		return true;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	event_del(process->readable); /* it closed its end, and may run on */
	return false;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	(void)read_once(context);
}

/* ---- The end ---- */

static void process_free(struct cl_updown_process *process)
{
	if (process->readable)
		event_free(process->readable);
	if (process->limit)
		event_free(process->limit);
	if (process->output >= 0)
		close(process->output);
	DL_DELETE(process->all->list, process);
	free(process);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
	struct cl_updown_process *process = context;

	(void)fd, (void)what;
	say(process, IKE_LOG_AUDIT, "updown: script still runs after %u s: killed",
		process->limit_seconds);
	kill(-process->pid, SIGKILL); /* SIGCHLD brings the rest */
}

static void on_exit_of(struct cl_updown_process *process, int status)
{
	void (*ended)(void *context) = process->ended;
	void *context = process->context;

	for (unsigned i = 0; i < READS_AT_END && read_once(process); i++)
		continue;
	if (process->used > 0)
		end_line(process);
	if (WIFSIGNALED(status))
		say(process, IKE_LOG_AUDIT, "updown: script ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		say(process, IKE_LOG_AUDIT, "updown: script failed with exit code %d",
			WEXITSTATUS(status));
	process_free(process);
	ended(context);
}

/* Others have children too: only ours are asked for. */
static void on_child_signal(evutil_socket_t fd, short what, void *context)
{
	struct cl_updown_processes *p = context;
	struct cl_updown_process *process, *next;
	int status;

	(void)fd, (void)what;
	DL_FOREACH_SAFE(p->list, process, next)
	{
		if (waitpid(process->pid, &status, WNOHANG) == process->pid)
			on_exit_of(process, status);
	}
}

void cl_updown_process_kill(struct cl_updown_process *process)
{
	say(process, IKE_LOG_AUDIT, "updown: script still runs: killed");
	kill(-process->pid, SIGKILL);
	while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	process_free(process);
}

/* ---- The start ---- */

/* A group of its own, and signals as a program expects them. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	int error = posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (error == 0)
		error = posix_spawnattr_setpgroup(attributes, 0);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attributes, &all);
	return error ? error : posix_spawnattr_setsigmask(attributes, &none);
}

/* The output first: its descriptor may be a low one. */
static int set_descriptors(posix_spawn_file_actions_t *actions, int output)
{
	int error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);

	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(
			actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	return error ? error : posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

static int spawn(const struct cl_updown_script *script, int output, pid_t *ret)
{
	static char shell[] = "/bin/sh", option[] = "-c";
	char *const arguments[] = { shell, option, script->command, NULL };
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t actions;
	int error = posix_spawnattr_init(&attributes);

	if (error)
		return error;
	error = posix_spawn_file_actions_init(&actions);
	if (error == 0) {
		error = set_attributes(&attributes);
		if (error == 0)
			error = set_descriptors(&actions, output);
		if (error == 0)
			error = posix_spawn(ret, shell, &actions, &attributes, arguments,
				script->environment.items);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&attributes);
	return error;
}

static bool make_events(struct cl_updown_process *process, struct event_base *base)
{
	const struct timeval limit = { process->limit_seconds, 0 };

	process->readable =
		event_new(base, process->output, EV_READ | EV_PERSIST, on_readable, process);
	process->limit = evtimer_new(base, on_limit, process);
	return process->readable && process->limit && event_add(process->readable, NULL) == 0 &&
	       evtimer_add(process->limit, &limit) == 0;
}

struct cl_updown_process *cl_updown_process_start(struct cl_updown_processes *p,
	const struct cl_updown_script *script, uint32_t limit, void (*ended)(void *context),
	void *context, struct why *why)
{
	struct cl_updown_process *process = calloc(1, sizeof(*process));
	int ends[2] = { -1, -1 };

	if (!process || pipe2(ends, O_CLOEXEC) < 0) {
		free(process);
		why_fail(why, "no memory or no descriptors");
		return NULL;
	}
	process->all = p;
	process->script = script;
	process->ended = ended;
	process->context = context;
	process->limit_seconds = limit;
	process->output = ends[0];
	DL_APPEND(p->list, process);
	int error = fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? errno : 0;
	if (error == 0)
		error = make_events(process, p->base) ? spawn(script, ends[1], &process->pid)
						      : ENOMEM;
	close(ends[1]);
	if (error == 0)
		return process;
	process_free(process);
	why_fail(why, "%s", strerror(error));
	return NULL;
}

bool cl_updown_processes_open(struct event_base *base, struct cl_log *log,
	struct cl_updown_processes **ret, struct why *why)
{
	struct cl_updown_processes *p = calloc(1, sizeof(*p));

	if (p)
		p->child_signal = evsignal_new(base, SIGCHLD, on_child_signal, p);
	if (!p || !p->child_signal || evsignal_add(p->child_signal, NULL) < 0) {
		cl_updown_processes_close(p);
		return why_fail(why, "no memory for updown scripts");
	}
	p->base = base;
	p->log = log;
	*ret = p;
	return true;
}

void cl_updown_processes_close(struct cl_updown_processes *p)
{
	if (!p)
		return;
	if (p->child_signal)
		event_free(p->child_signal);
	free(p);
}
