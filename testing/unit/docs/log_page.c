/* docs/logging.md: the log for people and for programs, with all its events. */
#include "charon-lite/log_events.h"
#include "testing/unit/docs/pages.h"

static const char head[] =
	"# Logs\n"
	"\n"
	"Lines for people are strongSwan's, `00[IKE] <home|1> text`, in the groups and levels of "
	"its\n"
	"`filelog`, `syslog` and `journal` sections. Programs get the same lines, and events, as "
	"names and\n"
	"values. Names and fields stay what they are; new ones may come.\n"
	"\n"
	"    charon {\n"
	"        filelog {\n"
	"            events {\n"
	"                path = /var/log/charon-lite.json\n"
	"                format = json\n"
	"            }\n"
	"        }\n"
	"    }\n"
	"\n"
	"| `format` | an entry |\n"
	"| --- | --- |\n"
	"| `text` | a line as strongSwan writes it; without events |\n"
	"| `logfmt` | `time=2026-11-28T22:04:31.123Z event=child-up group=CHD level=0 "
	"connection=home ike=7 child=net` |\n"
	"| `json` | an object a line; all values are strings, or lists of strings |\n"
	"\n"
	"- **A line** has `time` (UTC), `group`, `level`, `connection` and `ike` (the unique id of "
	"`--list-sas`) where it belongs to an\n"
	"  IKE SA, and `msg`.\n"
	"- **An event** has `event` instead of `msg`, and the fields below. It is as detailed as "
	"its level says: `chd = -1` leaves those of\n"
	"  children out.\n"
	"- **systemd's journal**: where standard error is the journal, entries have the same as "
	"fields with a prefix, also the lines:\n"
	"  `journalctl CHARON_CONNECTION=home`, `journalctl CHARON_EVENT=failed -o json`. "
	"Priorities are notice, info and debug for levels 0, 1, and\n"
	"  what is more. What the journal does not take at once is lost, and the next entry says "
	"how many (`CHARON_LOST_BEFORE`): the daemon\n"
	"  waits for nobody.\n"
	"- **`swanctl-lite --log --json`** prints both as they come, one object a line, without "
	"`time`; other VICI clients register for `log`\n"
	"  and `log-event`.\n"
	"- Secrets and keys are never logged. Control characters become `?` (in JSON `\\u001b`), "
	"what is not UTF-8 becomes hexadecimal digits.\n"
	"\n"
	"| event | group, level | when | fields beside `connection` and `ike` |\n"
	"| --- | --- | --- | --- |\n";

static const char tail[] = "\n"
			   "Fields of SAs have the names and forms of `--list-sas --json`, those "
			   "of `failed` the names of `--explain --json`. `use-in` and `use-out`\n"
			   "(seconds since the last packet) follow `packets-in` and `packets-out` "
			   "where there was one.\n"
			   "Reasons of `failed` are the names that `--explain` prints.\n";

void print_logging_page(FILE *file)
{
	fputs(head, file);
	for (unsigned i = 0; i < CL_LOG_EVENTS; i++) {
		const struct cl_log_event_kind *kind = cl_log_event_kind((enum cl_log_event)i);

		fprintf(file, "| `%s` | %s, %d | %s | %s |\n", kind->name,
			ike_log_group_name(kind->group), kind->level, kind->text, kind->fields);
	}
	fputs(tail, file);
}
