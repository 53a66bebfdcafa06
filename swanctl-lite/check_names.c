/* Host names: whether they have addresses. Name servers may be slow, so each is asked in a process
 * of its own, all at once, and none is waited for longer than the limit. */
#include "swanctl-lite/check.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libbase/address.h"

#define LIMIT 5000 /* milliseconds, for all of them */
#define NAMES_MAX 64

struct name {
	const struct settings_place *place;
	char text[CHECK_ITEM_MAX];
	pid_t child;
	int fd;
	bool answered;
};

struct names {
	struct name list[NAMES_MAX];
	size_t count;
	const struct settings_place *left_out; /* where the first is that is not asked for */
};

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* With a letter in it, and as names are: what is none is refused in any case. */
static bool is_name(const char *text)
{
	struct address address;
	size_t length = 0;

	for (const char *at = text; *at; at++) {
		length = *at == '.' ? 0 : length + 1;
		if (!strchr(LETTERS "0123456789-_.", *at) || length > 63 ||
			(*at == '.' && (at == text || at[-1] == '.')))
			return false;
	}
	return !address_parse(text, &address) && strpbrk(text, LETTERS);
}

static void add_names(
	struct names *names, const struct settings_section *connection, const char *key)
{
	const char *rest = check_value(connection, key);
	char item[CHECK_ITEM_MAX];

	while (rest && check_item(&rest, item)) {
		bool known = !is_name(item);

		for (size_t i = 0; i < names->count && !known; i++)
			known = strcasecmp(names->list[i].text, item) == 0;
		if (known)
			continue;
		if (names->count == NAMES_MAX) {
			if (!names->left_out)
				names->left_out = check_place(connection, key);
			return;
		}
		struct name *name = &names->list[names->count++];
		*name = (struct name){ .place = check_place(connection, key), .fd = -1 };
		memcpy(name->text, item, strlen(item) + 1);
	}
}

/* In the process of its own: writes what getaddrinfo() said. */
static void ask(const char *name, int fd)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *list;
	int error = getaddrinfo(name, NULL, &hints, &list);
	const char *text = error ? gai_strerror(error) : "";

	if (write(fd, text, strlen(text) + 1) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_SUCCESS);
}

static void begin(struct name *name)
{
	int ends[2];

	if (pipe(ends) < 0)
		return;
	name->child = fork();
	if (name->child == 0) {
		close(ends[0]);
		ask(name->text, ends[1]);
	}
	close(ends[1]);
	if (name->child > 0)
		name->fd = ends[0];
	else
		close(ends[0]);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void take_answer(struct check *k, struct name *name)
{
	char text[256];
	ssize_t length = read(name->fd, text, sizeof(text) - 1);

	name->answered = true;
	close(name->fd);
	name->fd = -1;
	if (length <= 1)
		return;
	text[length] = '\0';
	check_say(k, CHECK_UNRESOLVED, name->place, "%s: %s", name->text, text);
}

static void wait_for_all(struct check *k, struct names *names)
{
	struct pollfd polled[NAMES_MAX];
	int64_t end = now() + LIMIT, left;

	for (;;) {
		bool any = false;

		for (size_t i = 0; i < names->count; i++) {
			polled[i] = (struct pollfd){ .fd = names->list[i].fd, .events = POLLIN };
			any = any || polled[i].fd >= 0;
		}
		left = end - now();
		if (!any || left <= 0)
			return;
		if (poll(polled, names->count, (int)left) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < names->count; i++)
			if (polled[i].fd >= 0 && polled[i].revents)
				take_answer(k, &names->list[i]);
	}
}

static void end(struct check *k, struct name *name)
{
	if (name->fd >= 0) {
		check_say(k, CHECK_UNRESOLVED, name->place, "%s: no answer within %d seconds",
			name->text, LIMIT / 1000);
		kill(name->child, SIGKILL);
		close(name->fd);
	}
	if (name->child > 0)
		(void)waitpid(name->child, NULL, 0);
}

void check_names(struct check *k)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return;
	for (const struct settings_section *c = check_sections(k, "connections"); c; c = c->next) {
		add_names(names, c, "local_addrs");
		add_names(names, c, "remote_addrs");
	}
	fflush(stdout);
	for (size_t i = 0; i < names->count; i++)
		begin(&names->list[i]);
	wait_for_all(k, names);
	for (size_t i = 0; i < names->count; i++)
		end(k, &names->list[i]);
	if (names->left_out)
		check_say(k, CHECK_NAMES_LEFT_OUT, names->left_out,
			"from here on names are not looked up: %d were", NAMES_MAX);
	free(names);
}
