#include "testing/unit/docs/pages.h"

#include "charon-lite/control/load_conn.h"
#include "charon-lite/settings_known.h"

#include <stdlib.h>
#include <string.h>

/* ---- swanctl.conf ---- */

static const struct cl_load_key *table_of(enum vici_place place)
{
	switch (place) {
	case VICI_PLACE_CONNECTION:
		return cl_load_connection_keys;
	case VICI_PLACE_LOCAL:
		return cl_load_local_keys;
	case VICI_PLACE_REMOTE:
		return cl_load_remote_keys;
	case VICI_PLACE_CHILD:
		return cl_load_child_keys;
	default:
		return NULL;
	}
}

static const struct key_note *note_of(enum vici_place place, const char *key)
{
	for (const struct key_note *note = key_notes; note->key; note++)
		if (note->place == place && strcmp(note->key, key) == 0)
			return note;
	return NULL;
}

/* One part of a note's cell; *parts counts them. */
static void print_part(FILE *file, unsigned *parts, const char *word, const char *text)
{
	fputs((*parts)++ ? "; " : "", file);
	if (word)
		fprintf(file, "`%s` is refused: ", word);
	fputs(text, file);
}

const char *print_key_notes(FILE *file, enum vici_place place, const char *name)
{
	static char only[64];
	const struct cl_load_key *table = table_of(place);
	const struct cl_load_key *key = table ? cl_load_key_find(table, bytes_of_text(name)) : NULL;
	const struct key_note *note = note_of(place, name);
	bool refuses = key && key->set == cl_load_refuse;
	unsigned parts = 0;

	if (refuses)
		print_part(file, &parts, NULL, key->reason);
	if (key && key->set == cl_load_word)
		for (const struct cl_load_word *word = key->words; word->text; word++)
			if (word->value < 0)
				print_part(file, &parts, word->text, word->reason);
	if (note && note->note)
		print_part(file, &parts, NULL, note->note);
	if (refuses && key->harmless) {
		snprintf(only, sizeof(only), "only `%s`", key->harmless);
		return only;
	}
	return refuses || (note && note->refused) ? "refused"
	       : note && note->ignored            ? "no effect"
						  : "honoured";
}

static void print_row(FILE *file, enum vici_place place, const char *name)
{
	char *notes = NULL;
	size_t size;
	FILE *stream = open_memstream(&notes, &size);
	const char *fate = print_key_notes(stream, place, name);

	fclose(stream);
	fprintf(file, "| `%s` | %s | %s%s|\n", name, fate, notes, *notes ? " " : "");
	free(notes);
}

void print_swanctl_page(FILE *file)
{
	const struct vici_key *key;

	fputs("# swanctl.conf, key by key\n"
	      "\n"
	      "What the daemon does with each key of swanctl.conf(5). This page is printed from "
	      "the "
	      "tables in the code\n"
	      "and the notes in `testing/unit/docs/notes.c`; the unit test `docs` says how when it "
	      "differs from them.\n"
	      "\n"
	      "- **honoured**: does what swanctl.conf(5) says, but for what the note says.\n"
	      "- **no effect**: accepted; the log warns of it when the connection is loaded, and "
	      "so does `--explain`.\n"
	      "- **only `x`**: that value (or an empty one) passes; any other refuses the "
	      "connection.\n"
	      "- **refused**: any value refuses the connection.\n"
	      "\n"
	      "A refused connection is named with key, file and line; other connections load. A "
	      "key that swanctl.conf(5)\n"
	      "does not have refuses its connection too, as with strongSwan; swanctl-lite says "
	      "what was probably meant.\n",
		file);
	for (unsigned place = 0; place < VICI_PLACES; place++) {
		fprintf(file, "\n## %s\n\n", vici_place_name((enum vici_place)place));
		if (place_notes[place])
			fprintf(file, "%s\n\n", place_notes[place]);
		fputs("| key | today | note |\n| --- | --- | --- |\n", file);
		for (size_t i = 0; (key = vici_key_at((enum vici_place)place, i)); i++)
			print_row(file, (enum vici_place)place, key->name);
	}
}

/* ---- strongswan.conf ---- */

static void print_settings(
	FILE *file, const char *title, const char *text, enum cl_setting_effect effect)
{
	fprintf(file, "\n## %s\n\n%s\n\n", title, text);
	fputs(effect == CL_SETTING_ONLY ? "| key | value | note |\n| --- | --- | --- |\n"
					: "| key | note |\n| --- | --- |\n",
		file);
	for (const struct cl_setting *s = cl_settings_table; s->pattern; s++) {
		if (s->effect != effect)
			continue;
		fprintf(file, "| `%s` |", s->pattern);
		if (effect == CL_SETTING_ONLY)
			fprintf(file, " `%s` |", s->value);
		fprintf(file, " %s%s|\n", s->note ? s->note : "", s->note ? " " : "");
	}
}

void print_strongswan_page(FILE *file)
{
	fputs("# strongswan.conf, key by key\n"
	      "\n"
	      "What becomes of the settings of strongswan.conf(5) in the sections `charon`, "
	      "`charon-systemd` and\n"
	      "`charon-lite`, of which the last one that has a key wins. All are read again at a "
	      "reload (SIGHUP,\n"
	      "`swanctl-lite --reload-settings`), but for those whose note says otherwise. This "
	      "page is printed from\n"
	      "`charon-lite/settings_known.c`; the unit test `docs` says how when it differs.\n"
	      "\n"
	      "A key that has no effect is a line in the log when the daemon starts and at each "
	      "reload, with file and\n"
	      "line; so is one that is not in these tables. A value that makes no sense keeps the "
	      "daemon from starting;\n"
	      "at a reload the settings stay as they were. `*` stands for any text. Levels and "
	      "files of logs are in\n"
	      "charon-lite(8).\n",
		file);
	print_settings(file, "Honoured", "As strongswan.conf(5) has them.", CL_SETTING_HONOURED);
	print_settings(file, "One value",
		"That value is what is done anyway; any other has no effect, and the log says so.",
		CL_SETTING_ONLY);
	print_settings(file, "Needless",
		"They say something to strongSwan's build (its plugins, threads, tables) or change "
		"nothing that is seen from\noutside. They are accepted in silence.",
		CL_SETTING_NEEDLESS);
	print_settings(file, "Without effect", "The log says so.", CL_SETTING_NO_EFFECT);
}

const struct printed_page printed_pages[] = {
	{ "swanctl.conf.5", "swanctl.conf.5", print_swanctl_man },
	{ "charon-lite.conf.5", "charon-lite.conf.5", print_settings_man },
	{ "swanctl", "swanctl.conf-keys.md", print_swanctl_page },
	{ "strongswan", "strongswan.conf-keys.md", print_strongswan_page },
	{ "logging", "logging.md", print_logging_page },
	{ "errors", "errors.md", print_errors_page },
	{ "monitoring", "monitoring.md", print_monitoring_page },
	{ NULL },
};
