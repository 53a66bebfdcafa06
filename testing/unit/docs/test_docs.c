/*
 * docs/swanctl.conf-keys.md against the tables that it describes: libvici's keys, and what the
 * daemon's load-conn does with them.
 */
#include "charon-lite/control/load_conn.h"
#include "charon-lite/control/load_value.h"
#include "libvici/keys.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 400
#define TEXT_MAX 256

struct row {
	char place[TEXT_MAX];
	char key[TEXT_MAX];
	char today[TEXT_MAX];
	char note[TEXT_MAX];
};

static struct row rows[ROWS_MAX];
static size_t row_count;

/* The next cell of a table's line, without the blanks around it. */
static void take_cell(char **at, char ret[TEXT_MAX])
{
	size_t length = strcspn(*at += strspn(*at, " "), "|\n");
	char *next = *at + length + 1;

	while (length > 0 && (*at)[length - 1] == ' ')
		length--;
	snprintf(ret, TEXT_MAX, "%.*s", (int)length, *at);
	*at = next;
}

static void read_page(void)
{
	char line[1024], place[TEXT_MAX] = "";
	FILE *file = fopen(KEYS_PAGE, "re");

	ck_assert_msg(file, "%s is not there", KEYS_PAGE);
	row_count = 0;
	while (fgets(line, sizeof(line), file)) {
		struct row *row = &rows[row_count];
		char *at = line + 2;

		if (strncmp(line, "## ", 3) == 0)
			snprintf(place, sizeof(place), "%.*s", (int)strcspn(line + 3, "\n"),
				line + 3);
		if (strncmp(line, "| `", 3) != 0)
			continue;
		ck_assert(++row_count < ROWS_MAX);
		memcpy(row->place, place, sizeof(place));
		take_cell(&at, row->key);
		take_cell(&at, row->today);
		take_cell(&at, row->note);
	}
	fclose(file);
}

static bool quotes(const char *text, const char *word)
{
	char quoted[TEXT_MAX];

	snprintf(quoted, sizeof(quoted), "`%s`", word);
	return strstr(text, quoted) != NULL;
}

static const struct row *row_of(enum vici_place place, const char *key)
{
	for (size_t i = 0; i < row_count; i++)
		if (strcmp(rows[i].place, vici_place_name(place)) == 0 && quotes(rows[i].key, key))
			return &rows[i];
	return NULL;
}

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

START_TEST(every_key_has_a_row)
{
	const struct vici_key *key;

	read_page();
	for (unsigned place = 0; place < VICI_PLACES; place++)
		for (size_t i = 0; (key = vici_key_at((enum vici_place)place, i)); i++)
			ck_assert_msg(row_of((enum vici_place)place, key->name), "no row for %s.%s",
				vici_place_name((enum vici_place)place), key->name);
}
END_TEST

START_TEST(every_row_is_a_key)
{
	read_page();
	ck_assert_uint_gt(row_count, 0);
	for (size_t i = 0; i < row_count; i++) {
		bool found = false;

		for (unsigned place = 0; place < VICI_PLACES; place++) {
			const struct vici_key *key;

			for (size_t j = 0; (key = vici_key_at((enum vici_place)place, j)); j++)
				found |= row_of((enum vici_place)place, key->name) == &rows[i];
		}
		ck_assert_msg(found, "%s: %s is no key", rows[i].place, rows[i].key);
	}
}
END_TEST

/* What the daemon refuses the page must not promise, and the other way round. */
static void check_row(const struct row *row, const struct cl_load_key *key)
{
	if (key->set == cl_load_refuse && !key->harmless)
		ck_assert_msg(strcmp(row->today, "refused") == 0, "%s is refused", row->key);
	else if (key->set == cl_load_refuse)
		ck_assert_msg(
			strncmp(row->today, "only ", 5) == 0 && quotes(row->today, key->harmless),
			"of %s only %s passes", row->key, key->harmless);
	else
		ck_assert_msg(strcmp(row->today, "honoured") == 0, "%s is accepted", row->key);
	if (key->set != cl_load_word)
		return;
	for (const struct cl_load_word *word = key->words; word->text; word++)
		ck_assert_msg(word->value >= 0 || quotes(row->note, word->text),
			"%s = %s is refused", row->key, word->text);
}

START_TEST(rows_say_what_the_daemon_does)
{
	read_page();
	for (unsigned place = 0; place < VICI_PLACES; place++) {
		const struct cl_load_key *key = table_of((enum vici_place)place);

		for (; key && key->name; key++) {
			const struct row *row = row_of((enum vici_place)place, key->name);

			ck_assert_ptr_nonnull(row);
			check_row(row, key);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("docs");
	TCase *keys = tcase_create("keys of swanctl.conf");

	tcase_add_test(keys, every_key_has_a_row);
	tcase_add_test(keys, every_row_is_a_key);
	tcase_add_test(keys, rows_say_what_the_daemon_does);
	suite_add_tcase(suite, keys);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
