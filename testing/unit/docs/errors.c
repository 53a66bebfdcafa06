/* docs/errors.md: every cause that the daemon has a name for. */
#include "testing/unit/docs/pages.h"

#include "charon-lite/explain/cause.h"
#include "libike/advice.h"
#include "libike/causes.h"
#include "swanctl-lite/absence.h"

#include <string.h>

/* A cell of a table: a bar would end it. */
static void print_cell(FILE *file, const char *text)
{
	fputc(' ', file);
	for (; *text; text++)
		fprintf(file, *text == '|' ? "\\%c" : "%c", *text);
	fputs(" |", file);
}

/* Some names have two rows, as IKEv1 shows the same otherwise: they stand together. */
static bool is_first_of_its_name(size_t index, const struct ike_failure_record *record)
{
	struct ike_failure_record before;

	for (size_t i = 0; i < index && ike_cause_example(i, &before); i++)
		if (strcmp(ike_cause_name(&before), ike_cause_name(record)) == 0)
			return false;
	return true;
}

static void print_failure_row(FILE *file, const struct ike_failure_record *record)
{
	struct ike_advice advice;

	ike_advise(record, NULL, &advice);
	fprintf(file, "| `%s`%s | `%s` |", ike_cause_name(record),
		record->version == 1 ? " (IKEv1)" : "", ike_reason_name(record->failure.reason));
	print_cell(file, advice.cause);
	print_cell(file, advice.cure);
	fputc('\n', file);
}

static void print_failures(FILE *file)
{
	struct ike_failure_record record, other;

	for (size_t i = 0; ike_cause_example(i, &record); i++) {
		if (!is_first_of_its_name(i, &record))
			continue;
		print_failure_row(file, &record);
		for (size_t j = i + 1; ike_cause_example(j, &other); j++)
			if (strcmp(ike_cause_name(&record), ike_cause_name(&other)) == 0)
				print_failure_row(file, &other);
	}
}

void print_errors_page(FILE *file)
{
	fputs("# What goes wrong, and what mends it\n"
	      "\n"
	      "The names are those of `swanctl-lite --explain` ([how it reads](swanctl-lite.md)): "
	      "`cause` in its list of causes\n"
	      "and in `--json`. There the same is said with the names, addresses and numbers of "
	      "the tunnel at hand; here stand NAME,\n"
	      "CHILD, OURS, THEIRS and addresses of examples in their places. This page is "
	      "printed from `libike/causes.c`,\n"
	      "`libike/advice.c`, `libike/advice_ikev1.c`, `charon-lite/explain/cause.c` and "
	      "`swanctl-lite/absence.c`; the "
	      "unit test `docs` says how when it differs.\n"
	      "\n"
	      "## What failed\n"
	      "\n"
	      "The reason is what the log has in front, and `reason` in alert events. Where the "
	      "cause is \"what the daemon found\",\n"
	      "the failure's own sentence says it.\n"
	      "\n"
	      "| cause | reason | what it is | what mends it |\n"
	      "| --- | --- | --- | --- |\n",
		file);
	print_failures(file);
	fputs("\n"
	      "## What is seen in the kernel and around it\n"
	      "\n"
	      "| cause | what it is | what mends it |\n"
	      "| --- | --- | --- |\n",
		file);
	for (enum cl_cause cause = 0; cause < CL_CAUSES; cause++) {
		fprintf(file, "| `%s` |", cl_cause_name(cause));
		print_cell(file, cl_cause_meaning(cause));
		print_cell(file, cl_cause_cure(cause));
		fputc('\n', file);
	}
	fputs("\n"
	      "## No daemon answers\n"
	      "\n"
	      "What `swanctl-lite --explain` finds by itself.\n"
	      "\n"
	      "| cause | what it is | what mends it |\n"
	      "| --- | --- | --- |\n",
		file);
	for (enum swanctl_absence a = 0; a < SWANCTL_ABSENCES; a++) {
		fprintf(file, "| `%s` |", swanctl_absence_name(a));
		print_cell(file, swanctl_absence_meaning(a));
		print_cell(file, swanctl_absence_cure(a));
		fputc('\n', file);
	}
}
