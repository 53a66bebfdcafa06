/* Findings for people and for programs, and the list of codes. */
#include "swanctl-lite/check.h"

#include "libbase/json.h"

static const char *const severities[] = {
	[CHECK_NOTE] = "note",
	[CHECK_WARNING] = "warning",
	[CHECK_ERROR] = "error",
};

static void count(const struct check *k, size_t ret[3])
{
	memset(ret, 0, 3 * sizeof(*ret));
	for (size_t i = 0; i < k->count; i++)
		ret[k->findings[i].severity]++;
}

/* Files may have control characters in what is quoted here. */
static void print_line(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void print_finding(const struct check_finding *f)
{
	print_line(f->file);
	if (f->line)
		printf(":%u", f->line);
	printf(": %s: ", severities[f->severity]);
	print_line(f->text);
	if (f->more)
		printf(" (and %zu more)", f->more);
	printf(" [%s]\n", f->code);
	printf("    why:     %s\n", f->why);
	printf("    instead: %s\n", f->instead);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

void check_print(const struct check *k, const char *path)
{
	size_t n[3];

	for (size_t i = 0; i < k->count; i++)
		print_finding(&k->findings[i]);
	count(k, n);
	if (k->count == 0)
		printf("%s: nothing found\n", path);
	else
		printf("%s: %zu error%s, %zu warning%s, %zu note%s\n", path, n[CHECK_ERROR],
			plural(n[CHECK_ERROR]), n[CHECK_WARNING], plural(n[CHECK_WARNING]),
			n[CHECK_NOTE], plural(n[CHECK_NOTE]));
}

/* ---- JSON ---- */

static void print_member(const char *name, const char *value, bool last)
{
	printf("\"%s\":", name);
	json_write_string(stdout, bytes_of_text(value));
	if (!last)
		putchar(',');
}

void check_print_json(const struct check *k, const char *path)
{
	size_t n[3];

	count(k, n);
	putchar('{');
	print_member("file", path, false);
	printf("\"errors\":%zu,\"warnings\":%zu,\"notes\":%zu,\"findings\":[", n[CHECK_ERROR],
		n[CHECK_WARNING], n[CHECK_NOTE]);
	for (size_t i = 0; i < k->count; i++) {
		const struct check_finding *f = &k->findings[i];

		printf("%s\n{", i ? "," : "");
		print_member("file", f->file, false);
		printf("\"line\":%u,", f->line);
		print_member("severity", severities[f->severity], false);
		print_member("code", f->code, false);
		print_member("text", f->text, false);
		print_member("why", f->why, false);
		print_member("instead", f->instead, true);
		putchar('}');
	}
	printf("%s]}\n", k->count ? "\n" : "");
}

/* ---- Codes ---- */

static void print_code(FILE *to, const char *name, const char *severity, const char *what,
	const char *why, const char *instead)
{
	fprintf(to, "| `%s` | %s | %s | %s | %s |\n", name, severity, what, why, instead);
}

static void print_head(FILE *to, const char *title)
{
	fprintf(to,
		"\n## %s\n| code | severity | what | why | instead |\n| --- | --- | --- | --- | "
		"--- |\n",
		title);
}

void check_print_codes(FILE *to, struct vici_view codes)
{
	print_head(to, "What the files show");
	for (unsigned i = 0; i < CHECK_CODES; i++) {
		const struct check_row *row = check_row((enum check_code)i);

		print_code(to, row->name, severities[row->severity], row->what, row->why,
			row->instead);
	}
	print_head(to, "What the whole shows");
	VICI_EACH(each, codes)
	print_code(to, SWANCTL_NAME_OF(each), SWANCTL_TEXT_OF(each, "severity"),
		SWANCTL_TEXT_OF(each, "what"), SWANCTL_TEXT_OF(each, "why"),
		SWANCTL_TEXT_OF(each, "instead"));
}
