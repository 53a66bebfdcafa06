#include "testing/unit/swanctl-lite/fake_daemon.h"

#include "libvici/settings.h"
#include "swanctl-lite/output.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	const struct fake_answer *answers;
	struct bytes raw;
	char path[64], uri[80];
	int fd;
	pthread_t thread;
	char *requests;
	size_t requests_size;
	FILE *log;
	char out[65536], err[65536];
} fake;

static void add_key(struct vici_builder *b, const struct settings_key *key)
{
	const char *at = key->value;

	if (*at != '[') {
		vici_key_text(b, key->name, at);
		return;
	}
	vici_list_start(b, key->name);
	for (at++; *at && *at != ']'; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ]");

		if (length > 0)
			vici_item_bytes(b, bytes_of(at, length));
		at += length;
	}
	vici_list_end(b);
}

static void add_section(struct vici_builder *b, const struct settings_section *section)
{
	SETTINGS_KEYS(key, section)
	add_key(b, key);
	SETTINGS_SECTIONS(below, section)
	{
		vici_section_start(b, strcmp(below->name, "EMPTY") ? below->name : "");
		add_section(b, below);
		vici_section_end(b);
	}
}

static void send_packet(int fd, struct vici_builder *b)
{
	struct bytes wire;

	if (vici_builder_finish(b, &wire))
		(void)!write(fd, wire.at, wire.length);
	vici_builder_free(b);
}

static struct settings *parse(const char *text)
{
	struct why why;
	struct settings *s = settings_parse(bytes_of_text(text), "test", &why);

	if (!s)
		fprintf(stderr, "%s\n", why.text);
	return s;
}

static void send_events(int fd, const struct fake_answer *answer)
{
	struct settings *s = parse(answer->events);

	SETTINGS_SECTIONS(section, settings_root(s))
	{
		struct vici_builder b = vici_builder_packet(VICI_EVENT, answer->event);

		/* Events such as control-log have no section around their keys. */
		bool bare = strncmp(section->name, "bare", 4) == 0;
		if (!bare)
			vici_section_start(&b, section->name);
		add_section(&b, section);
		if (!bare)
			vici_section_end(&b);
		send_packet(fd, &b);
	}
	settings_free(s);
}

static bool is_asked(const struct vici_packet *packet, const char *part)
{
	struct vici_message message;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (f && vici_message_parse(packet->message, &message, NULL)) {
		swanctl_dump(f, SWANCTL_RAW_DUMP, "", vici_root(&message));
		vici_message_free(&message);
	}
	if (f)
		fclose(f);
	bool is = text && strstr(text, part);
	free(text);
	return is;
}

static void answer_command(int fd, const struct vici_packet *packet)
{
	const struct fake_answer *answer = fake.answers;

	while (answer->command && (!vici_is(packet->name, answer->command) ||
					  (answer->asked && !is_asked(packet, answer->asked))))
		answer++;
	if (answer->command && answer->events)
		send_events(fd, answer);
	bool unknown = answer->command && !answer->answer;
	struct vici_builder b =
		vici_builder_packet(unknown ? VICI_CMD_UNKNOWN : VICI_CMD_RESPONSE, NULL);
	struct settings *s =
		unknown ? NULL : parse(answer->command ? answer->answer : "success = yes");
	if (s)
		add_section(&b, settings_root(s));
	settings_free(s);
	send_packet(fd, &b);
}

static void write_down(const struct vici_packet *packet)
{
	struct vici_message message;
	char label[64];

	snprintf(label, sizeof(label), "%.*s", (int)packet->name.length,
		(const char *)packet->name.at);
	if (vici_message_parse(packet->message, &message, NULL)) {
		swanctl_dump(fake.log, SWANCTL_RAW_DUMP, label, vici_root(&message));
		vici_message_free(&message);
	}
}

/* False when the connection is to end. */
static bool confirm_event(int fd, const struct vici_packet *packet)
{
	struct vici_builder b = vici_builder_packet(VICI_EVENT_CONFIRM, NULL);
	const struct fake_answer *answer = fake.answers;

	send_packet(fd, &b);
	if (packet->type != VICI_EVENT_REGISTER)
		return true;
	while (answer->command &&
		!(strcmp(answer->command, "register") == 0 && vici_is(packet->name, answer->event)))
		answer++;
	if (answer->command)
		send_events(fd, answer);
	return !answer->command;
}

static bool read_whole(int fd, uint8_t *at, size_t length)
{
	return recv(fd, at, length, MSG_WAITALL) == (ssize_t)length;
}

static void serve(int fd)
{
	static uint8_t packet_bytes[VICI_MESSAGE_MAX];
	uint8_t header[VICI_FRAME_HEADER];
	struct vici_packet packet;
	size_t used;

	while (read_whole(fd, header, sizeof(header))) {
		if (vici_frame_next(bytes_of(header, sizeof(header)), &used) == VICI_FRAME_BAD)
			return;
		used -= VICI_FRAME_HEADER;
		if (!read_whole(fd, packet_bytes, used) ||
			!vici_packet_parse(bytes_of(packet_bytes, used), &packet, NULL))
			return;
		if (fake.raw.at) {
			(void)!write(fd, fake.raw.at, fake.raw.length);
			return;
		}
		if (packet.type == VICI_CMD_REQUEST) {
			write_down(&packet);
			answer_command(fd, &packet);
		} else if (!confirm_event(fd, &packet)) {
			return;
		}
	}
}

static void *run(void *unused)
{
	int fd;

	(void)unused;
	while ((fd = accept(fake.fd, NULL, NULL)) >= 0) {
		serve(fd);
		close(fd);
	}
	return NULL;
}

void fake_daemon_start(const struct fake_answer *answers)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(fake.path, sizeof(fake.path), "/tmp/swanctl-lite-test-%d", getpid());
	snprintf(fake.uri, sizeof(fake.uri), "unix://%s", fake.path);
	strcpy(address.sun_path, fake.path);
	unlink(fake.path);
	fake.answers = answers;
	fake.raw = (struct bytes){ 0 };
	fake.log = open_memstream(&fake.requests, &fake.requests_size);
	fake.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fake.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fake.fd, 4), 0);
	ck_assert_int_eq(pthread_create(&fake.thread, NULL, run, NULL), 0);
}

const char *fake_daemon_requests(void)
{
	fflush(fake.log);
	return fake.requests;
}

void fake_daemon_send_raw(struct bytes raw)
{
	fake.raw = raw;
}

void fake_daemon_stop(void)
{
	shutdown(fake.fd, SHUT_RDWR);
	pthread_join(fake.thread, NULL);
	close(fake.fd);
	unlink(fake.path);
	fclose(fake.log);
	free(fake.requests);
}

static void read_file(const char *path, char *ret, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t length = file ? fread(ret, 1, size - 1, file) : 0;

	ret[length] = '\0';
	if (file)
		fclose(file);
	unlink(path);
}

int swanctl_run(const char *arguments, const char **ret_out, const char **ret_err)
{
	char command[1024], out[80], err[80];

	snprintf(out, sizeof(out), "%s.out", fake.path);
	snprintf(err, sizeof(err), "%s.err", fake.path);
	snprintf(command, sizeof(command), "'%s' %s --uri %s >%s 2>%s </dev/null", SWANCTL_LITE,
		arguments, fake.uri, out, err);
	int status = system(command);
	read_file(out, fake.out, sizeof(fake.out));
	read_file(err, fake.err, sizeof(fake.err));
	*ret_out = fake.out;
	*ret_err = fake.err;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
