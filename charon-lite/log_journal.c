#include "charon-lite/log_journal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define PREFIX "CHARON_"

struct cl_log_journal {
	int fd;
	unsigned lost; /* since the last that was taken */
	struct sockaddr_un to;
};

bool cl_log_journal_is_stderr(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	if (!text || sscanf(text, "%llu:%llu", &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

struct cl_log_journal *cl_log_journal_new(const char *path)
{
	struct cl_log_journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return NULL;
	journal->to.sun_family = AF_UNIX;
	journal->fd = strlen(path) < sizeof(journal->to.sun_path)
			      ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
			      : -1;
	if (journal->fd < 0) {
		free(journal);
		return NULL;
	}
	strncpy(journal->to.sun_path, path, sizeof(journal->to.sun_path) - 1);
	return journal;
}

void cl_log_journal_free(struct cl_log_journal *journal)
{
	if (!journal)
		return;
	close(journal->fd);
	free(journal);
}

/* "remote-host" becomes CHARON_REMOTE_HOST. The text is in MESSAGE already. */
static void put_field(void *context, struct bytes name, struct bytes value, struct vici_view list)
{
	FILE *to = context;

	if (bytes_equal(name, bytes_of_text("msg")))
		return;
	fputs(PREFIX, to);
	for (size_t i = 0; i < name.length; i++)
		putc(isalnum(name.at[i]) ? toupper(name.at[i]) : '_', to);
	putc('=', to);
	cl_log_value_write(to, value, list);
	putc('\n', to);
}

/* A name for each time that it connects: the journal may have been started anew. */
static bool send_all(struct cl_log_journal *journal, const char *text, size_t length)
{
	return sendto(journal->fd, text, length, MSG_NOSIGNAL,
		       (const struct sockaddr *)&journal->to,
		       sizeof(journal->to)) == (ssize_t)length;
}

void cl_log_journal_write(struct cl_log_journal *journal, const struct cl_log_entry *entry,
	int priority, const char *message)
{
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	if (!to) {
		journal->lost++;
		return;
	}
	fprintf(to, "PRIORITY=%d\nSYSLOG_IDENTIFIER=charon-lite\nSYSLOG_FACILITY=%d\nMESSAGE=",
		priority, LOG_FAC(LOG_DAEMON));
	cl_log_value_write(to, bytes_of_text(message), (struct vici_view){ 0 });
	putc('\n', to);
	cl_log_entry_walk(entry, put_field, to);
	if (journal->lost > 0)
		fprintf(to, PREFIX "LOST_BEFORE=%u\n", journal->lost);
	if (fclose(to) == 0 && send_all(journal, text, length))
		journal->lost = 0;
	else
		journal->lost++;
	free(text);
}
