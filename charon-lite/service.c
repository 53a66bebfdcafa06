#include "charon-lite/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* How often the text of the status is looked at. */
#define STATUS_SECONDS 5

struct cl_service {
	struct cl_daemon *daemon;
	int socket; /* connected to the manager's */
	struct event *watchdog, *status;
	char text[120]; /* the status that was told last */
};

/* Lost rather than waited for: what was not told is told the next time. */
static void tell(const struct cl_service *s, const char *text)
{
	(void)!send(s->socket, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void tell_status(struct cl_service *s)
{
	struct cl_daemon *d = s->daemon;
	struct ike_engine_stats n;
	char text[sizeof("STATUS=") + sizeof(s->text)];

	ike_engine_stats(d->engine, &n);
	snprintf(text, sizeof(s->text), "%u IKE SA%s (%u half-open), %u CHILD SA%s%s", n.ike_sas,
		n.ike_sas == 1 ? "" : "s", n.half_open, n.children, n.children == 1 ? "" : "s",
		d->kernel_none ? "; --kernel none: NO TRAFFIC IS PROTECTED" : "");
	if (strcmp(text, s->text) == 0)
		return;
	memcpy(s->text, text, sizeof(s->text));
	snprintf(text, sizeof(text), "STATUS=%s", s->text);
	tell(s, text);
}

static void look(evutil_socket_t fd, short what, void *context)
{
	struct cl_service *s = context;

	(void)fd, (void)what;
	if (!s->daemon->stopping)
		tell_status(s);
}

static void alive(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	tell(context, "WATCHDOG=1");
}

static bool start_timer(
	struct cl_service *s, struct event **ret, event_callback_fn callback, uint64_t microseconds)
{
	const struct timeval interval = { (time_t)(microseconds / 1000000),
		(suseconds_t)(microseconds % 1000000) };

	*ret = event_new(s->daemon->base, -1, EV_PERSIST, callback, s);
	return *ret && event_add(*ret, &interval) == 0;
}

/* A path, or, with @ in front, a name in the abstract namespace. */
static int connect_manager(const char *name, struct why *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(name);

	if (length >= sizeof(address.sun_path) || (*name != '/' && *name != '@')) {
		(void)why_fail(why, "NOTIFY_SOCKET is '%s'", name);
		return -1;
	}
	memcpy(address.sun_path, name, length);
	if (*name == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == 0)
		return fd;
	(void)why_fail(why, "connecting to the service manager at %s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Within which time the manager wants to hear of us; 0: it does not, or it means another process.
 */
static uint64_t watchdog_microseconds(void)
{
	const char *patience = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!patience || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(patience, NULL, 10);
}

static bool start(struct cl_service *s, const char *manager, struct why *why)
{
	uint64_t patience = watchdog_microseconds();

	s->socket = connect_manager(manager, why);
	if (s->socket < 0)
		return false;
	if (!start_timer(s, &s->status, look, STATUS_SECONDS * UINT64_C(1000000)) ||
		(patience && !start_timer(s, &s->watchdog, alive, patience / 3)))
		return why_fail(why, "libevent: no timer for the service manager");
	tell(s, "READY=1");
	tell_status(s);
	return true;
}

bool cl_service_open(struct cl_daemon *d, struct cl_service **ret, struct why *why)
{
	const char *manager = getenv("NOTIFY_SOCKET");
	struct cl_service *s;

	*ret = NULL;
	if (!manager || !*manager)
		return true;
	s = calloc(1, sizeof(*s));
	if (!s)
		return why_fail(why, "out of memory");
	s->daemon = d;
	if (!start(s, manager, why)) {
		cl_service_close(s);
		return false;
	}
	/* It is none of the business of what the daemon starts. */
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	*ret = s;
	return true;
}

void cl_service_reloading(struct cl_service *s)
{
	struct timespec now;
	char text[64];

	if (!s)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(s, text);
}

void cl_service_reloaded(struct cl_service *s)
{
	if (s)
		tell(s, "READY=1");
}

void cl_service_stopping(struct cl_service *s)
{
	if (s)
		tell(s, "STOPPING=1\nSTATUS=Telling peers that their SAs end");
}

void cl_service_close(struct cl_service *s)
{
	if (!s)
		return;
	if (s->watchdog)
		event_free(s->watchdog);
	if (s->status)
		event_free(s->status);
	if (s->socket >= 0)
		close(s->socket);
	free(s);
}
