#include "charon-lite/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#define READ_AT_ONCE 4096
/* Of a process that has ended: what else its pipe may hold. */
#define READS_AT_END 17

struct cl_process {
	struct cl_process *prev, *next;
	struct cl_processes *all;
	void *context;
	void (*output)(void *context, struct bytes data);
	void (*ended)(void *context, int status, bool timed_out);
	pid_t pid; /* also of its group */
	int pipe;
	bool timed_out;
	struct event *readable;
	struct event *limit;
};

struct cl_processes {
	struct event_base *base;
	struct event *child_signal;
	struct cl_process *list;
};

/* ---- Output ---- */

/* False when nothing more is there. */
static bool read_once(struct cl_process *process)
{
	uint8_t data[READ_AT_ONCE];
	ssize_t got = read(process->pipe, data, sizeof(data));

	if (got > 0) {
		process->output(process->context, bytes_of(data, (size_t)got));
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

static void process_free(struct cl_process *process)
{
	if (process->readable)
		event_free(process->readable);
	if (process->limit)
		event_free(process->limit);
	close(process->pipe);
	DL_DELETE(process->all->list, process);
	free(process);
}

/* Its group, and itself, should it have gone to another one. */
static void kill_all_of(const struct cl_process *process)
{
	kill(-process->pid, SIGKILL);
	kill(process->pid, SIGKILL);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
	struct cl_process *process = context;

	(void)fd, (void)what;
	process->timed_out = true;
	kill_all_of(process); /* SIGCHLD brings the rest */
}

static void on_exit_of(struct cl_process *process, int status)
{
	void (*ended)(void *context, int status, bool timed_out) = process->ended;
	void *context = process->context;
	bool timed_out = process->timed_out;

	for (unsigned i = 0; i < READS_AT_END && read_once(process); i++)
		continue;
	process_free(process);
	ended(context, status, timed_out);
}

/* One at a time, from the start: ended() may start and kill others. */
static bool reap_one(struct cl_processes *p)
{
	struct cl_process *process;
	int status;

	DL_FOREACH(p->list, process)
	{
		if (waitpid(process->pid, &status, WNOHANG) == process->pid) {
			on_exit_of(process, status);
			return true;
		}
	}
	return false;
}

static void on_child_signal(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	while (reap_one(context))
		continue;
}

void cl_process_kill(struct cl_process *process)
{
	kill_all_of(process);
	while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	process_free(process);
}

/* ---- The start ---- */

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
static int set_descriptors(posix_spawn_file_actions_t *actions, int input, int output)
{
	int error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);

	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
	if (error == 0)
		error = input ? posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO)
			      : posix_spawn_file_actions_addopen(
					actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	return error ? error : posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

static int spawn(const struct cl_process_config *config, int output, pid_t *ret)
{
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t actions;
	int error = posix_spawnattr_init(&attributes);

	if (error)
		return error;
	error = posix_spawn_file_actions_init(&actions);
	if (error == 0) {
		error = set_attributes(&attributes);
		if (error == 0)
			error = set_descriptors(&actions, config->input, output);
		if (error == 0)
			error = posix_spawn(ret, config->arguments[0], &actions, &attributes,
				config->arguments, config->environment);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&attributes);
	return error;
}

static bool make_events(struct cl_process *process, uint32_t seconds)
{
	const struct timeval limit = { seconds, 0 };
	struct event_base *base = process->all->base;

	process->readable =
		event_new(base, process->pipe, EV_READ | EV_PERSIST, on_readable, process);
	process->limit = evtimer_new(base, on_limit, process);
	return process->readable && process->limit && event_add(process->readable, NULL) == 0 &&
	       (seconds == 0 || evtimer_add(process->limit, &limit) == 0);
}

struct cl_process *cl_process_start(
	struct cl_processes *p, const struct cl_process_config *config, struct why *why)
{
	struct cl_process *process = calloc(1, sizeof(*process));
	int ends[2];

	if (!process || pipe2(ends, O_CLOEXEC) < 0) {
		free(process);
		why_fail(why, "no memory or no descriptors");
		return NULL;
	}
	process->all = p;
	process->context = config->context;
	process->output = config->output;
	process->ended = config->ended;
	process->pipe = ends[0];
	DL_APPEND(p->list, process);
	int error = fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? errno : 0;
	if (error == 0)
		error = make_events(process, config->limit) ? spawn(config, ends[1], &process->pid)
							    : ENOMEM;
	close(ends[1]);
	if (error == 0)
		return process;
	process_free(process);
	why_fail(why, "%s: %s", config->arguments[0], strerror(error));
	return NULL;
}

bool cl_processes_open(struct event_base *base, struct cl_processes **ret, struct why *why)
{
	struct cl_processes *p = calloc(1, sizeof(*p));

	if (p)
		p->child_signal = evsignal_new(base, SIGCHLD, on_child_signal, p);
	if (!p || !p->child_signal || evsignal_add(p->child_signal, NULL) < 0) {
		cl_processes_close(p);
		return why_fail(why, "no memory to start other programs");
	}
	p->base = base;
	*ret = p;
	return true;
}

void cl_processes_close(struct cl_processes *p)
{
	if (!p)
		return;
	if (p->child_signal)
		event_free(p->child_signal);
	free(p);
}
