/*
 * --save-keys: the keys of a connection's SAs into the files in which Wireshark looks for them. For
 * who has to read what was recorded of a tunnel of his own.
 */
#include "libbase/secret.h"
#include "swanctl-lite/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct saving {
	struct swanctl *s;
	const char *directory;
	unsigned added;
	int status; /* of the first file that could not be written */
};

/* Whether it has the line already: with --follow the same SAs come again. */
static bool has_line(FILE *file, const char *line)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t length;
	bool found = false;

	rewind(file);
	while (!found && (length = getline(&text, &size, file)) > 0) {
		if (text[length - 1] == '\n')
			text[length - 1] = '\0';
		found = strcmp(text, line) == 0;
	}
	if (text)
		secret_wipe(text, size);
	free(text);
	return found;
}

/* Whoever owns the directory reads it, nobody else. */
static FILE *open_table(const char *path)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "a+") : NULL;

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

static void save_line(struct saving *saving, const char *name, const char *line)
{
	char *path;

	if (asprintf(&path, "%s/%s", saving->directory, name) < 0) {
		saving->status = ENOMEM;
		return;
	}
	FILE *file = open_table(path);
	if (file && !has_line(file, line)) {
		fprintf(file, "%s\n", line);
		saving->added++;
		if (saving->s->format == SWANCTL_TEXT)
			printf("added a line to %s\n", path);
	}
	if ((!file || fclose(file) != 0) && !saving->status) {
		saving->status = errno ? errno : EIO;
		fprintf(stderr, "writing %s failed: %s\n", path, strerror(saving->status));
	}
	free(path);
}

/* A line of a file that no other could be: names come from the daemon. */
static bool is_table(const char *name)
{
	return strcmp(name, "esp_sa") == 0 || strcmp(name, "ikev1_decryption_table") == 0 ||
	       strcmp(name, "ikev2_decryption_table") == 0;
}

static void on_keys(void *context, struct bytes event, struct vici_view message)
{
	struct saving *saving = context;
	struct bytes value = vici_get(message, "line");
	char file[64];

	(void)event;
	if (swanctl_has(message, "problem"))
		fprintf(stderr, "%s\n", SWANCTL_TEXT_OF(message, "problem"));
	if (!vici_get_text(message, "file", file, sizeof(file)) || !is_table(file))
		return;
	char *line = strndup((const char *)value.at, value.length);
	if (!line || strchr(line, '\n')) {
		free(line);
		return;
	}
	save_line(saving, file, line);
	secret_wipe(line, strlen(line));
	free(line);
}

static int save(struct saving *saving)
{
	static const char *const events[] = { "keys" };
	struct swanctl *s = saving->s;
	struct vici_builder b = { 0 };
	struct vici_call call = { "save-keys", &b, events, 1, on_keys, saving };
	struct vici_view answer;
	int status;

	swanctl_add_option(s, &b, 'i', "ike");
	bool ok = swanctl_call(s, &call, &answer, &status);
	vici_builder_free(&b);
	if (!ok)
		return status;
	if (swanctl_has(answer, "errmsg")) {
		fprintf(stderr, "save-keys failed: %s\n", SWANCTL_GAP_OF(answer, "errmsg"));
		return 1;
	}
	return saving->status;
}

static bool on_change(void *context, struct bytes name, struct vici_view message)
{
	struct saving *saving = context;

	(void)name, (void)message;
	bool ok = save(saving) == 0;
	fflush(stdout);
	return ok;
}

/* New SAs bring new keys: with a connection of its own for what the daemon tells. */
static int follow(struct saving *saving)
{
	static const char *const events[] = { "ike-updown", "child-updown", "ike-rekey",
		"child-rekey" };
	struct swanctl listening = *saving->s;
	struct why why = { "" };
	int status = 0;

	listening.client = NULL;
	if (!swanctl_connect(&listening, &status))
		return status;
	if (vici_client_listen(listening.client, events, 4, on_change, saving, &why) != VICI_OK) {
		status = EPIPE;
		fprintf(stderr, "disconnected: %s\n", why.text);
	}
	vici_client_free(listening.client);
	return status ? status : saving->status;
}

static int run(struct swanctl *s)
{
	struct saving saving = { .s = s,
		.directory = swanctl_given(s, 'D') ? swanctl_value(s, 'D') : "." };

	if (!swanctl_given(s, 'i')) {
		fprintf(stderr, "--save-keys: --ike says whose keys\n");
		return EINVAL;
	}
	int status = save(&saving);
	if (status == 0 && saving.added == 0 && s->format == SWANCTL_TEXT)
		printf("no SA of %s has keys that are not in %s\n", swanctl_value(s, 'i'),
			saving.directory);
	fflush(stdout);
	return status == 0 && swanctl_given(s, 'F') ? follow(&saving) : status;
}

const struct swanctl_command swanctl_save_keys = {
	.name = "save-keys",
	.letter = 'w',
	.text = "write a connection's keys for Wireshark",
	.usage = { "--ike <name> [--directory <path>] [--follow]" },
	.options = {
		{ "ike", 'i', true, "the connection" },
		{ "directory", 'D', true, "where ikev2_decryption_table, esp_sa, ... are, default: ." },
		{ "follow", 'F', false, "go on with the keys of new SAs" },
	},
	.run = run,
};
