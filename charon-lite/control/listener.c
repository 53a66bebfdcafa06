#include "charon-lite/control/listener.h"

#include "libbase/address.h"
#include "libvici/value.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#define BACKLOG 64
#define URI_MAX 256

struct cl_listener {
	struct cl_listener *next;
	int fd;
	bool tcp;
	char *path; /* of a Unix socket, else NULL */
	dev_t device;
	ino_t inode;
};

int cl_listener_fd(const struct cl_listener *l)
{
	return l->fd;
}

const struct cl_listener *cl_listener_next(const struct cl_listener *l)
{
	return l->next;
}

bool cl_listener_is_tcp(const struct cl_listener *l)
{
	return l->tcp;
}

static int new_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- Unix ---- */

/* Nobody else can connect, not even between bind and chmod. */
static bool bind_private(int fd, const struct sockaddr_un *name)
{
	mode_t before = umask(0117);
	bool good = bind(fd, (const struct sockaddr *)name, sizeof(*name)) == 0;
	int error = errno;

	umask(before);
	errno = error;
	return good;
}

/* What is there is a socket, and whoever made it is gone. */
static bool remove_stale(const struct sockaddr_un *name, struct why *why)
{
	struct stat status;

	if (lstat(name->sun_path, &status) < 0)
		return errno == ENOENT || why_fail(why, "%s: %s", name->sun_path, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return why_fail(why, "%s exists and is not a socket", name->sun_path);
	int fd = new_socket(AF_UNIX);
	if (fd < 0)
		return why_fail(why, "socket: %s", strerror(errno));
	int result = connect(fd, (const struct sockaddr *)name, sizeof(*name));
	int error = errno;
	close(fd);
	if (result == 0 || error == EAGAIN)
		return why_fail(why,
			"another daemon listens on %s: charon-lite, or charon, runs already",
			name->sun_path);
	if (error != ECONNREFUSED)
		return why_fail(why, "%s: %s", name->sun_path, strerror(error));
	if (unlink(name->sun_path) < 0)
		return why_fail(
			why, "removing the stale socket %s: %s", name->sun_path, strerror(errno));
	return true;
}

static bool open_unix(struct cl_listener *l, const char *path, struct why *why)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct stat status;

	if (strlen(path) >= sizeof(name.sun_path) || path[0] != '/')
		return why_fail(why, "'%s' is not an absolute path of at most %zu characters", path,
			sizeof(name.sun_path) - 1);
	memcpy(name.sun_path, path, strlen(path));
	l->fd = new_socket(AF_UNIX);
	if (l->fd < 0)
		return why_fail(why, "socket: %s", strerror(errno));
	if (!bind_private(l->fd, &name)) {
		if (errno != EADDRINUSE)
			return why_fail(why, "%s: %s", path, strerror(errno));
		if (!remove_stale(&name, why))
			return false;
		if (!bind_private(l->fd, &name))
			return why_fail(why, "%s: %s", path, strerror(errno));
	}
	l->path = strdup(path);
	if (!l->path || lstat(path, &status) < 0)
		return why_fail(why, "%s: out of memory, or gone", path);
	l->device = status.st_dev;
	l->inode = status.st_ino;
	return true;
}

/* ---- TCP ---- */

/* "127.0.0.1", "127.0.0.1:4502", "[::1]:4502", "localhost:4502" */
static bool parse_endpoint(const char *text, uint16_t default_port, struct address *ret)
{
	char host[ADDRESS_TEXT_MAX];
	bool brackets = text[0] == '[';
	size_t length = brackets ? strcspn(++text, "]") : strcspn(text, ":");
	uint32_t port = default_port;
	const char *rest = text + length;

	if (length >= sizeof(host) || (brackets && *rest++ != ']'))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	if (*rest == ':' && !value_u32(bytes_of_text(rest + 1), &port))
		return false;
	if ((*rest && *rest != ':') || port == 0 || port > UINT16_MAX ||
		!address_parse(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, ret))
		return false;
	ret->port = (uint16_t)port;
	return true;
}

static bool is_loopback(const struct address *a)
{
	struct address four = { 0 }, six = { 0 };

	return address_parse("127.0.0.0", &four) && address_parse("::1", &six) &&
	       (address_in_prefix(a, &four, 8) || address_same_host(a, &six));
}

static bool open_tcp(
	struct cl_listener *l, const char *text, uint16_t default_port, struct why *why)
{
	struct sockaddr_storage name;
	struct address a;
	int yes = 1;

	if (!parse_endpoint(text, default_port, &a))
		return why_fail(why, "'%s' is not an address with a port", text);
	if (!is_loopback(&a))
		return why_fail(why,
			"tcp://%s is refused: nobody who connects is asked who they are, so only "
			"addresses of this machine's loopback (127.0.0.0/8, ::1) are listened on",
			text);
	socklen_t length = address_to_sockaddr(&a, &name);
	l->tcp = true;
	l->fd = new_socket(a.family);
	if (l->fd < 0)
		return why_fail(why, "socket: %s", strerror(errno));
	/* Or connections that linger would keep a restarted daemon out. */
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	/* Inherited by what is accepted: requests and answers are small and wait for each other. */
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (bind(l->fd, (struct sockaddr *)&name, length) < 0)
		return why_fail(why, "%s: %s", text, strerror(errno));
	return true;
}

/* ---- Both ---- */

static bool listener_start(
	struct cl_listener *l, const char *uri, uint16_t default_port, struct why *why)
{
	bool good;

	if (strncmp(uri, "unix://", 7) == 0)
		good = open_unix(l, uri + 7, why);
	else if (strncmp(uri, "tcp://", 6) == 0)
		good = open_tcp(l, uri + 6, default_port, why);
	else
		good = why_fail(why, "'%s' is neither unix://path nor tcp://address:port", uri);
	if (good && listen(l->fd, BACKLOG) < 0)
		good = why_fail(why, "listen: %s", strerror(errno));
	return good;
}

static bool open_one(
	const char *uri, uint16_t default_port, struct cl_listener **list, struct why *why)
{
	struct cl_listener *l = calloc(1, sizeof(*l));

	if (!l)
		return why_fail(why, "out of memory");
	l->fd = -1;
	LL_APPEND(*list, l);
	return listener_start(l, uri, default_port, why);
}

static bool open_all(
	const char *uris, uint16_t default_port, struct cl_listener **list, struct why *why)
{
	for (uris += strspn(uris, ", \t"); *uris; uris += strspn(uris, ", \t")) {
		size_t length = strcspn(uris, ", \t");
		char uri[URI_MAX];

		if (length >= sizeof(uri))
			return why_fail(why, "'%.40s...' is too long", uris);
		memcpy(uri, uris, length);
		uri[length] = '\0';
		if (!open_one(uri, default_port, list, why))
			return false;
		uris += length;
	}
	return *list || why_fail(why, "none is named");
}

bool cl_listener_open(
	const char *uris, uint16_t default_port, struct cl_listener **ret, struct why *why)
{
	struct cl_listener *list = NULL;

	if (!open_all(uris, default_port, &list, why)) {
		cl_listener_close(list);
		return false;
	}
	*ret = list;
	return true;
}

static void close_one(struct cl_listener *l)
{
	struct stat status;

	if (l->path && lstat(l->path, &status) == 0 && status.st_dev == l->device &&
		status.st_ino == l->inode)
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	free(l);
}

void cl_listener_close(struct cl_listener *list)
{
	struct cl_listener *l, *next;

	LL_FOREACH_SAFE(list, l, next)
	close_one(l);
}
