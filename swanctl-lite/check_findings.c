/* The list of findings. */
#include "swanctl-lite/check.h"

#include "libbase/utf8.h"

#include <stdarg.h>
#include <stdlib.h>

static void finding_free(struct check_finding *f)
{
	free(f->file);
	free(f->code);
	free(f->text);
	free(f->why);
	free(f->instead);
}

void check_add(struct check *k, const struct check_finding *finding)
{
	struct check_finding *grown = reallocarray(k->findings, k->count + 1, sizeof(*k->findings));

	if (!grown) {
		k->out_of_memory = true;
		return;
	}
	k->findings = grown;
	struct check_finding *f = &grown[k->count];
	*f = (struct check_finding){ .file = strdup(finding->file),
		.line = finding->line,
		.severity = finding->severity,
		.code = strdup(finding->code),
		.text = strdup(finding->text),
		.why = strdup(finding->why),
		.instead = strdup(finding->instead),
		.number = k->count };
	if (f->file && f->code && f->text && f->why && f->instead) {
		utf8_mend(f->text);
		k->count++;
		return;
	}
	finding_free(f);
	k->out_of_memory = true;
}

static void add(
	struct check *k, enum check_code code, const char *file, unsigned line, const char *text)
{
	const struct check_row *row = check_row(code);

	/* The rest is only read. */
	check_add(k, &(const struct check_finding){ .file = (char *)file,
			     .line = line,
			     .severity = row->severity,
			     .code = (char *)row->name,
			     .text = (char *)text,
			     .why = (char *)row->why,
			     .instead = (char *)row->instead });
}

void check_say(struct check *k, enum check_code code, const struct settings_place *place,
	const char *format, ...)
{
	char text[1024];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	add(k, code, place->file, place->line, text);
}

void check_complaint(struct check *k, enum check_code code, const struct settings_place *place,
	const char *path, const char *text)
{
	add(k, code, place ? place->file : path ? path : "", place ? place->line : 0, text);
}

/* ---- Origins ---- */

static void note_origin(struct check *k, const char *name, size_t length, const char *path)
{
	struct check_origin *grown =
		reallocarray(k->origins, k->origin_count + 1, sizeof(*k->origins));

	if (!grown || length >= sizeof(grown->name)) {
		k->out_of_memory = k->out_of_memory || !grown;
		return;
	}
	k->origins = grown;
	struct check_origin *origin = &grown[k->origin_count];
	*origin = (struct check_origin){ .path = strdup(path) };
	memcpy(origin->name, name, length);
	if (origin->path)
		k->origin_count++;
}

void check_note_certificate(struct check *k, const uint8_t sha1[20], const char *path)
{
	char name[41];

	for (size_t i = 0; i < 20; i++)
		snprintf(name + 2 * i, 3, "%02x", sha1[i]);
	note_origin(k, name, 40, path ? path : "");
}

void check_note_key(struct check *k, struct bytes id, const char *path)
{
	note_origin(k, (const char *)id.at, id.length, path);
}

const char *check_origin(const struct check *k, const char *name)
{
	for (size_t i = 0; i < k->origin_count; i++)
		if (strcmp(k->origins[i].name, name) == 0)
			return k->origins[i].path;
	return NULL;
}

/* ---- In order ---- */

static int compare_places(const struct check_finding *a, const struct check_finding *b)
{
	int order = strcmp(a->file, b->file);

	if (order == 0)
		order = (a->line > b->line) - (a->line < b->line);
	return order;
}

static int compare(const void *left, const void *right)
{
	const struct check_finding *a = left, *b = right;
	int order = compare_places(a, b);

	if (order == 0)
		order = (a->severity < b->severity) - (a->severity > b->severity);
	if (order == 0)
		order = strcmp(a->code, b->code);
	return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* An inherited key is at one line for all that inherit it. */
void check_sort(struct check *k)
{
	size_t kept = 0;

	if (k->count == 0)
		return;
	qsort(k->findings, k->count, sizeof(*k->findings), compare);
	for (size_t i = 1; i < k->count; i++) {
		struct check_finding *last = &k->findings[kept], *f = &k->findings[i];

		if (compare_places(last, f) == 0 && strcmp(last->code, f->code) == 0) {
			last->more += strcmp(last->text, f->text) != 0;
			finding_free(f);
		} else {
			k->findings[++kept] = *f;
		}
	}
	k->count = kept + 1;
}

void check_free(struct check *k)
{
	for (size_t i = 0; i < k->count; i++)
		finding_free(&k->findings[i]);
	for (size_t i = 0; i < k->origin_count; i++)
		free(k->origins[i].path);
	free(k->findings);
	free(k->origins);
	settings_free(k->config);
	*k = (struct check){ 0 };
}
