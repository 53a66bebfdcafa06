#include "testing/unit/charon-lite/running.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 20000 /* milliseconds: a limit for what has hung, not a time to wait */

static pid_t spawn(const char *conf, int *ret_log)
{
	const char *program = getenv("CHARON_LITE");
	int ends[2];

	ck_assert_ptr_nonnull(program);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		setenv("STRONGSWAN_CONF", conf, 1);
		dup2(ends[1], STDERR_FILENO);
		execl(program, program, "--kernel", "none", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	*ret_log = ends[0];
	return pid;
}

static int wait_for(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_conf(struct running *r, const char *extra)
{
	FILE *file = fopen(r->conf, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file,
		"charon-lite {\n port = 0\n port_nat_t = 0\n"
		" plugins { vici { socket = %s } }\n%s\n}\n",
		r->uri, extra ? extra : "");
	fclose(file);
}

void running_spawn(struct running *r)
{
	int log;

	r->pid = spawn(r->conf, &log);
	r->log = fdopen(log, "r");
}

void running_start_in_place(struct running *r)
{
	unsigned port;

	running_spawn(r);
	running_expect(r, "ready:");
	const char *ports = strstr(r->last_line, "UDP ports ");
	ck_assert_ptr_nonnull(ports);
	ck_assert_int_eq(sscanf(ports, "UDP ports %u and %u", &port, &r->port_nat_t), 2);
}

void running_start(struct running *r, const char *extra)
{
	*r = (struct running){ .directory = "/tmp/charon-lite-XXXXXX" };
	ck_assert_ptr_nonnull(mkdtemp(r->directory));
	snprintf(r->socket, sizeof(r->socket), "%s/vici", r->directory);
	snprintf(r->uri, sizeof(r->uri), "unix://%s", r->socket);
	snprintf(r->conf, sizeof(r->conf), "%s/conf", r->directory);
	write_conf(r, extra);
	running_start_in_place(r);
}

void running_kill(struct running *r)
{
	kill(r->pid, SIGKILL);
	wait_for(r->pid);
	fclose(r->log);
}

int running_start_again(struct running *r)
{
	char text[4096];
	int log;
	pid_t pid = spawn(r->conf, &log);
	FILE *file = fdopen(log, "r");

	while (fgets(text, sizeof(text), file))
		snprintf(r->last_line, sizeof(r->last_line), "%.500s", text);
	fclose(file);
	return wait_for(pid);
}

void running_expect(struct running *r, const char *text)
{
	do {
		ck_assert_msg(fgets(r->last_line, sizeof(r->last_line), r->log) != NULL,
			"the daemon ended before it said '%s'", text);
	} while (!strstr(r->last_line, text));
}

int running_stop(struct running *r)
{
	char text[512];

	kill(r->pid, SIGTERM);
	while (fgets(text, sizeof(text), r->log))
		continue;
	fclose(r->log);
	int status = wait_for(r->pid);
	unlink(r->conf);
	rmdir(r->directory);
	return status;
}

struct vici_client *running_client(struct running *r)
{
	struct why why;
	struct vici_client *c = vici_client_connect(r->uri, &why);

	ck_assert_msg(c != NULL, "%s", why.text);
	vici_client_set_timeout(c, PATIENCE);
	return c;
}

const char *running_swanctl(const struct running *r, const char *arguments)
{
	static char text[32768];
	char command[512], prefix[128];

	snprintf(command, sizeof(command), "SWANCTL_DIR=%s/swanctl %s %s --uri %s 2>&1",
		r->directory, getenv("SWANCTL_LITE"), arguments, r->uri);
	FILE *out = popen(command, "re");
	ck_assert_ptr_nonnull(out);
	text[fread(text, 1, sizeof(text) - 1, out)] = '\0';
	ck_assert_msg(pclose(out) == 0, "%s", text);
	snprintf(prefix, sizeof(prefix), "%s/swanctl/", r->directory);
	for (char *at; (at = strstr(text, prefix));)
		memmove(at, at + strlen(prefix), strlen(at + strlen(prefix)) + 1);
	return text;
}

void running_load(const struct running *r, const char *text)
{
	char path[128];
	const char *said = running_swanctl_with(r, "--load-all --noprompt", text);

	ck_assert_msg(strcmp(said + strlen(said) - 2, "0\n") == 0 &&
			      (strlen(said) < 3 || said[strlen(said) - 3] == '\n'),
		"%s", said);
	snprintf(path, sizeof(path), "%s/swanctl.conf", r->directory);
	unlink(path);
}

static void load_end(const struct running *r, const char *us, const char *them, const char *here,
	const char *there, unsigned port)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"connections { home { remote_addrs = 127.0.0.1\n remote_port = %u\n encap = yes\n"
		" local { auth = psk\n id = %s }\n remote { auth = psk\n id = %s }\n"
		" children { net { local_ts = %s\n remote_ts = %s } } } }\n"
		"secrets { ike-a { secret = very } }\n",
		port, us, them, here, there);
	running_load(r, text);
}

void running_load_pair(const struct running *moon, const struct running *sun)
{
	load_end(moon, "moon", "sun", "10.1.0.0/16", "10.2.0.0/16", sun->port_nat_t);
	load_end(sun, "sun", "moon", "10.2.0.0/16", "10.1.0.0/16", moon->port_nat_t);
}

int running_connect(struct running *r)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	const struct timeval patience = { PATIENCE / 1000, 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(name.sun_path, r->socket, strlen(r->socket));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

void send_frame(int fd, const void *packet, size_t length)
{
	uint8_t header[4];
	struct writer w = writer_of(header, sizeof(header));

	writer_u32(&w, (uint32_t)length);
	ck_assert_int_eq(send(fd, header, 4, MSG_NOSIGNAL), 4);
	ck_assert_int_eq(send(fd, packet, length, MSG_NOSIGNAL), (ssize_t)length);
}

static bool receive_all(int fd, uint8_t *room, size_t length)
{
	size_t have = 0;

	while (have < length) {
		ssize_t got = recv(fd, room + have, length - have, 0);

		if (got <= 0)
			return false;
		have += (size_t)got;
	}
	return true;
}

size_t receive_frame(int fd, uint8_t *room, size_t size)
{
	uint8_t header[4];
	struct reader r = reader_of(bytes_of(header, sizeof(header)));

	if (!receive_all(fd, header, sizeof(header)))
		return 0;
	size_t length = reader_u32(&r);
	ck_assert_uint_le(length, size);
	return receive_all(fd, room, length) ? length : 0;
}

struct vici_view call_with(
	struct vici_client *c, const char *command, struct vici_builder *arguments)
{
	struct vici_view answer = { 0 };
	struct why why;
	enum vici_result result = vici_client_call(c,
		&(struct vici_call){ .command = command, .arguments = arguments }, &answer, &why);

	ck_assert_msg(result == VICI_OK, "%s: %s", command, why.text);
	if (arguments)
		vici_builder_free(arguments);
	return answer;
}

struct vici_view call(struct vici_client *c, const char *command)
{
	return call_with(c, command, NULL);
}

void expect_success(struct vici_view answer)
{
	struct bytes error = vici_get(answer, "errmsg");

	ck_assert_msg(vici_is(vici_get(answer, "success"), "yes"), "%.*s", (int)error.length,
		(const char *)error.at);
}

void expect_failure(struct vici_view answer, const char *text)
{
	char error[1024] = "";

	ck_assert(vici_is(vici_get(answer, "success"), "no"));
	ck_assert(vici_get_text(answer, "errmsg", error, sizeof(error)));
	ck_assert_msg(strstr(error, text) != NULL, "'%s' is not in '%s'", text, error);
}

const char *running_swanctl_with(const struct running *r, const char *arguments, const char *conf)
{
	static char text[16384];
	char command[512], prefix[96];

	snprintf(command, sizeof(command), "%s/swanctl.conf", r->directory);
	FILE *file = fopen(command, "we");
	ck_assert_ptr_nonnull(file);
	fputs(conf, file);
	fclose(file);
	snprintf(command, sizeof(command), "SWANCTL_DIR=%s %s %s --uri %s 2>&1", r->directory,
		getenv("SWANCTL_LITE"), arguments, r->uri);
	FILE *out = popen(command, "re");
	ck_assert_ptr_nonnull(out);
	size_t length = fread(text, 1, sizeof(text) - 16, out);
	int status = pclose(out);
	snprintf(text + length, 16, "%d\n", WEXITSTATUS(status));
	snprintf(prefix, sizeof(prefix), "%s/", r->directory);
	for (char *at; (at = strstr(text, prefix));)
		memmove(at, at + strlen(prefix), strlen(at + strlen(prefix)) + 1);
	return text;
}
