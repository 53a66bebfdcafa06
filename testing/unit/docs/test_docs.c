/* The pages that are printed from the code's tables are what docs/ has. */
#include "testing/unit/docs/pages.h"

#include "charon-lite/settings_known.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	ck_assert_msg(file, "%s is not there", path);
	ck_assert_int_ge(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	return text;
}

static size_t line_of_difference(const char *a, const char *b)
{
	size_t line = 1;

	for (; *a && *a == *b; a++, b++)
		line += *a == '\n';
	return line;
}

START_TEST(pages_are_what_the_tables_say)
{
	const struct printed_page *page = &printed_pages[_i];
	char path[512], *wanted = NULL;
	size_t size;

	snprintf(path, sizeof(path), DOCS "/%s", page->file);
	char *there = read_file(path);
	FILE *file = open_memstream(&wanted, &size);

	ck_assert_ptr_nonnull(file);
	page->print(file);
	fclose(file);
	ck_assert_msg(strcmp(there, wanted) == 0,
		"%s differs from the code from line %zu on; "
		"build/testing/unit/docs/keys-page %s >%s mends it",
		path, line_of_difference(there, wanted), page->name, path);
	free(there);
	free(wanted);
}
END_TEST

START_TEST(notes_are_about_keys)
{
	for (const struct key_note *note = key_notes; note->key; note++)
		ck_assert_msg(vici_key_find(note->place, note->key), "there is no %s in %s",
			note->key, vici_place_name(note->place));
}
END_TEST

/* In both directions: what is new is described, what is gone goes. */
START_TEST(each_key_is_described)
{
	const struct vici_key *key;

	for (unsigned place = 0; place < VICI_PLACES; place++)
		for (size_t i = 0; (key = vici_key_at((enum vici_place)place, i)); i++)
			ck_assert_msg(key_text_of((enum vici_place)place, key->name),
				"say in testing/unit/docs/key_texts.c what %s.%s is for",
				vici_place_name((enum vici_place)place), key->name);
	for (const struct key_text *text = key_texts; text->key; text++)
		ck_assert_msg(vici_key_find(text->place, text->key),
			"testing/unit/docs/key_texts.c: there is no %s in %s", text->key,
			vici_place_name(text->place));
}
END_TEST

static const struct cl_setting *setting_of(const char *pattern)
{
	const struct cl_setting *s = cl_settings_table;

	while (s->pattern && strcmp(s->pattern, pattern) != 0)
		s++;
	return s->pattern ? s : NULL;
}

START_TEST(each_setting_is_described)
{
	for (const struct cl_setting *s = cl_settings_table; s->pattern; s++)
		ck_assert_msg(s->effect != CL_SETTING_HONOURED || setting_text_of(s->pattern),
			"say in testing/unit/docs/setting_texts.c what %s is for", s->pattern);
	for (const struct setting_text *text = setting_texts; text->pattern; text++)
		ck_assert_msg(setting_of(text->pattern),
			"testing/unit/docs/setting_texts.c: there is no setting %s", text->pattern);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("docs");
	TCase *keys = tcase_create("keys");

	for (int i = 0; printed_pages[i].name; i++)
		tcase_add_loop_test(keys, pages_are_what_the_tables_say, i, i + 1);
	tcase_add_test(keys, notes_are_about_keys);
	tcase_add_test(keys, each_key_is_described);
	tcase_add_test(keys, each_setting_is_described);
	suite_add_tcase(suite, keys);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
