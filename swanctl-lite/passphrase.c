/* Passphrases of encrypted keys: from swanctl.conf, or typed in. */
#include "swanctl-lite/creds.h"

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#define TRIES 3
#define PASSPHRASE_MAX 1024

/* Sections of passphrases are called as the directory of their file, and then anything. */
static bool is_about(const struct settings_section *section, const struct creds_file *file)
{
	const struct settings_key *key = settings_find_key(section, "file");

	return strncmp(section->name, file->folder, strlen(file->folder)) == 0 && key &&
	       (strcmp(key->value, file->name) == 0 || strcmp(key->value, file->path) == 0);
}

static bool is_passphrase(const struct settings_section *section)
{
	enum vici_place place;

	return vici_place_of_secret(section->name, &place) && place == VICI_PLACE_KEY &&
	       settings_find_key(section, "secret");
}

static bool try_section(struct swanctl *s, const struct settings_section *section,
	bool (*try)(void *context, const char *passphrase), void *context)
{
	AUTO_SECRET secret = { 0 }, text = { 0 };

	if (!creds_decode_secret(s, settings_find_key(section, "secret"), &secret) ||
		!secret_allocate(&text, secret.length + 1))
		return false;
	bytes_copy(text.at, secret_bytes(&secret)); /* and the zero behind it */
	return try(context, (const char *)text.at);
}

static bool from_file(struct creds *c, const struct creds_file *file, bool named,
	bool (*try)(void *context, const char *passphrase), void *context)
{
	const struct settings_section *each = c->secrets ? c->secrets->sections : NULL;

	for (; each; each = each->next) {
		if (!is_passphrase(each) || is_about(each, file) != named)
			continue;
		if (try_section(c->s, each, try, context))
			return true;
		if (named)
			swanctl_complain(c->s, CHECK_WRONG_PASSPHRASE,
				c->s->check ? &settings_find_key(each, "secret")->place : NULL,
				NULL, "configured decryption secret for '%s' invalid", file->name);
	}
	return false;
}

/* A line from the terminal without showing it; false at its end, or without a terminal. */
static bool ask(const struct creds_file *file, char room[PASSPHRASE_MAX])
{
	int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct termios before, quiet;
	ssize_t length;

	if (terminal < 0)
		return false;
	dprintf(terminal, "Password for %s file '%s': ", file->folder, file->name);
	bool known = tcgetattr(terminal, &before) == 0;
	if (known) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(terminal, TCSAFLUSH, &quiet);
	}
	length = read(terminal, room, PASSPHRASE_MAX - 1);
	if (known)
		tcsetattr(terminal, TCSAFLUSH, &before);
	dprintf(terminal, "\n");
	close(terminal);
	if (length <= 0)
		return false;
	room[length] = '\0';
	room[strcspn(room, "\r\n")] = '\0';
	return room[0] != '\0';
}

bool creds_passphrase(struct creds *c, const struct creds_file *file,
	bool (*try)(void *context, const char *passphrase), void *context)
{
	char room[PASSPHRASE_MAX];
	bool good =
		from_file(c, file, true, try, context) || from_file(c, file, false, try, context);

	fflush(stdout);
	for (unsigned i = 0; !good && c->prompt && i < TRIES && ask(file, room); i++) {
		good = try(context, room);
		if (!good)
			fprintf(stderr, "wrong password for '%s'\n", file->path);
	}
	secret_wipe(room, sizeof(room));
	return good;
}
