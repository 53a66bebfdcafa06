/*
 * systemd's journal, by its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): entries with fields,
 * so that `journalctl CHARON_CONNECTION=site` and `journalctl -o json` find them.
 *
 * Nothing waits for the journal: what it does not take at once is lost, and is counted.
 */
#ifndef CHARON_LITE_LOG_JOURNAL_H
#define CHARON_LITE_LOG_JOURNAL_H

#include "charon-lite/log_structured.h"
#include "libbase/why.h"

#define CL_LOG_JOURNAL_SOCKET "/run/systemd/journal/socket"

struct cl_log_journal;

/* Whether standard error goes to the journal, as $JOURNAL_STREAM says (systemd.exec(5)). */
bool cl_log_journal_is_stderr(void);

/* For the journal that listens at path; nobody has to be there yet. NULL when that fails. */
struct cl_log_journal *cl_log_journal_new(const char *path);
void cl_log_journal_free(struct cl_log_journal *journal); /* NULL is fine */

/* message is what journalctl shows; priority is syslog's. */
void cl_log_journal_write(struct cl_log_journal *journal, const struct cl_log_entry *entry,
	int priority, const char *message);

#endif
