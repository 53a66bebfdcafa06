/* The process that tells systemd-resolved of one change. */
#include "charon-lite/confinement.h"
#include "charon-lite/privileges.h"
#include "charon-lite/resolved.h"

#include <errno.h>
#include <net/if.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 1024

/* resolvectl, on one interface. */
struct resolvectl {
	const char *program;
	const char *interface;
	char output[OUTPUT_MAX]; /* of the last call */
};

/* Up to the end; what does not fit is read and forgotten. */
static void read_all(int from, char output[OUTPUT_MAX])
{
	size_t used = 0;
	char room[256];
	ssize_t got;

	while ((got = read(from, room, sizeof(room))) > 0 || (got < 0 && errno == EINTR)) {
		for (ssize_t i = 0; i < got && used < OUTPUT_MAX - 1; i++)
			output[used++] = room[i];
	}
	while (used > 0 && output[used - 1] == '\n')
		used--;
	output[used] = '\0';
}

static int start(const char *const *arguments, int output, pid_t *ret)
{
	/* no colours, no pager, English */
	static const char *const environment[] = { "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=", "LC_ALL=C",
		NULL };
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (error == 0)
		error = posix_spawn(ret, arguments[0], &actions, NULL, (char *const *)arguments,
			(char *const *)environment);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* arguments: room for three, then what the verb takes. True when it went well. */
static bool call(struct resolvectl *r, const char *verb, const char **arguments)
{
	int ends[2], status = -1;
	pid_t pid;

	arguments[0] = r->program;
	arguments[1] = verb;
	arguments[2] = r->interface;
	if (pipe(ends) < 0) {
		snprintf(r->output, sizeof(r->output), "%s", strerror(errno));
		return false;
	}
	int error = start(arguments, ends[1], &pid);
	close(ends[1]);
	if (error)
		snprintf(r->output, sizeof(r->output), "%s: %s", r->program, strerror(error));
	else
		read_all(ends[0], r->output);
	close(ends[0]);
	while (!error && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return !error && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool call_plainly(struct resolvectl *r, const char *verb)
{
	const char *arguments[] = { NULL, NULL, NULL, NULL };

	return call(r, verb, arguments);
}

/* "Link 3 (vpn0): 10.2.0.53 10.2.0.54": what is behind the colon. */
static const char *values(const struct resolvectl *r)
{
	const char *colon = strstr(r->output, "):");

	return colon ? colon + 2 + strspn(colon + 2, " ") : "";
}

static bool is_ours(struct resolvectl *r)
{
	return call_plainly(r, "domain") && strstr(values(r), CL_RESOLVED_MARK);
}

static bool is_loopback(const char *interface)
{
	struct ifreq request = { 0 };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	bool is = sock >= 0 && ioctl(sock, SIOCGIFFLAGS, &request) == 0 &&
		  (request.ifr_flags & IFF_LOOPBACK);
	if (sock >= 0)
		close(sock);
	return is;
}

/* Nothing that others have set is replaced. */
static bool may_set(struct resolvectl *r)
{
	char others[OUTPUT_MAX];

	if (is_loopback(r->interface)) {
		snprintf(r->output, sizeof(r->output), "it takes none for a loopback interface");
		return false;
	}
	if (!call_plainly(r, "dns"))
		return false;
	snprintf(others, sizeof(others), "%s", values(r));
	if (*others == '\0' || is_ours(r))
		return true;
	snprintf(r->output, sizeof(r->output),
		"the interface has DNS servers already (%.200s), which would be replaced", others);
	return false;
}

/* The mark comes first: whatever is there after a crash is known as ours. */
static bool set(struct resolvectl *r, char **servers, int server_count, char **domains, int count)
{
	const char **arguments = calloc((size_t)(server_count + count) + 5, sizeof(*arguments));
	bool good = false;

	if (!arguments)
		return false;
	arguments[3] = CL_RESOLVED_MARK;
	for (int i = 0; i < count; i++)
		arguments[4 + i] = domains[i];
	if (may_set(r) && call(r, "domain", arguments)) {
		for (int i = 0; i < server_count; i++)
			arguments[3 + i] = servers[i];
		arguments[3 + server_count] = NULL;
		good = call(r, "dns", arguments);
	}
	free(arguments);
	return good;
}

static bool take_back(struct resolvectl *r)
{
	if (!is_ours(r))
		return true;
	if (!call_plainly(r, "revert"))
		return false;
	puts("taken back");
	return true;
}

int cl_resolved_main(int count, char **arguments)
{
	struct resolvectl r = { .program = arguments[2], .interface = arguments[3] };
	int servers = 0;
	struct why why;

	cl_confine_lifetime();
	if (!cl_privileges_drop(false, &why)) {
		puts(why.text);
		return EXIT_FAILURE;
	}
	while (4 + servers < count && *arguments[4 + servers] != '~')
		servers++;
	bool good = servers == 0 ? take_back(&r)
				 : set(&r, arguments + 4, servers, arguments + 4 + servers,
					   count - 4 - servers);
	if (good)
		return EXIT_SUCCESS;
	puts(r.output);
	return EXIT_FAILURE;
}
