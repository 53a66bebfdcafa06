/* The syntax of settings files. What is right and wrong here was observed on strongSwan 6.0.1. */
#include "libvici/settings.h"
#include "testing/unit/libvici/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct settings *parse(const char *text)
{
	struct why why;
	size_t length = strlen(text);
	char *copy = malloc(length ? length : 1); /* exact size: ASan sees an overread */

	memcpy(copy, text, length);
	struct settings *s = settings_parse(bytes_of(copy, length), "test.conf", &why);
	free(copy);
	ck_assert_msg(s != NULL, "%s", s ? "" : why.text);
	return s;
}

static void expect(const struct settings *s, const char *path, const char *value)
{
	const char *found = settings_get(settings_root(s), path);

	if (value)
		ck_assert_str_eq(found ? found : "(absent)", value);
	else
		ck_assert_msg(!found, "%s = %s", path, found);
}

START_TEST(values_end_where_strongswan_ends_them)
{
	static const struct {
		const char *text, *value;
	} cases[] = {
		{ "k = v", "v" },
		{ "k=v", "v" },
		{ "k\n = v", "v" },
		{ "k = a  b\tc # comment", "a b c" },
		{ "k = a#b", "a" },
		{ "k = yes; x = y", "yes; x = y" },
		{ "k = a = b:c,d{e", "a = b:c,d{e" },
		{ "k = 'a b'", "'a b'" },
		{ "k = a\\b", "a\\b" },
		{ "k = \"a # b\"", "a # b" },
		{ "k = \"x\" y \"z\" w", "x y z w" },
		{ "k = \"\"x", " x" },
		{ "k = \"\"", "" },
		{ "k = \"a\nb\"", "a\nb" },
		{ "k = \"a\\\nb\"", "ab" },
		{ "k = \"\\t\\n\\q\\\"\\\\\"", "\t\nq\"\\" },
		{ "k = 1\nk = 2", "2" },
		{ "k = 1\nk =", NULL },
		{ "k =\r\n", NULL },
		{ "k = v\r\n", "v" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct settings *s = parse(cases[i].text);

		expect(s, "k", cases[i].value);
		settings_free(s);
	}
}
END_TEST

START_TEST(sections_nest_and_extend_each_other)
{
	struct settings *s = parse("a {\n b { x = 1 }\n y = 2\n}\na { b\n{\nz = 3\n} }\n"
				   "f { g=h} i {} include = 3\nincludes = 4");

	expect(s, "a.b.x", "1");
	expect(s, "a.b.z", "3");
	expect(s, "a.y", "2");
	expect(s, "f.g", "h");
	expect(s, "include", "3");
	expect(s, "includes", "4");
	ck_assert_ptr_nonnull(settings_find(settings_root(s), "i"));
	ck_assert_ptr_null(settings_find(settings_root(s), "a.c"));
	ck_assert_uint_eq(settings_find(settings_root(s), "a.b")->place.line, 2);
	ck_assert_uint_eq(settings_find_key(settings_root(s), "a.b.z")->place.line, 7);
	ck_assert_str_eq(settings_find_key(settings_root(s), "a.b.z")->place.file, "test.conf");
	settings_free(s);
}
END_TEST

/* "k1 k2 s1{k} s2{}": the order in which things are listed. */
static void list(const struct settings_section *section, char *ret, size_t size)
{
	SETTINGS_KEYS(key, section)
	snprintf(ret + strlen(ret), size - strlen(ret), "%s=%s ", key->name, key->value);
	SETTINGS_SECTIONS(below, section)
	{
		snprintf(ret + strlen(ret), size - strlen(ret), "%s{ ", below->name);
		list(below, ret, size);
		snprintf(ret + strlen(ret), size - strlen(ret), "} ");
	}
}

static void expect_list(const char *text, const char *path, const char *wanted)
{
	struct settings *s = parse(text);
	char found[500] = "";

	list(settings_find(settings_root(s), path), found, sizeof(found));
	ck_assert_str_eq(found, wanted);
	settings_free(s);
}

START_TEST(inherited_entries_follow_own_ones_and_give_way_to_them)
{
	expect_list("base { local { id = b\n auth = a }\n v = 1\n w = 2 }\n"
		    "c : base { w =\n x = 3\n local { id = own\n } }",
		"c", "x=3 v=1 local{ id=own auth=a } ");
	expect_list("base { l { id = b } }\nb2 { l { id = b2 }\n l2 { a = b }\n v = 1\n}\n"
		    "c : base, b2 { l2 { }\n e = yes }",
		"c", "e=yes v=1 l2{ a=b } l{ id=b } ");
	/* A section's own reference counts before what its parent inherits. */
	expect_list("c : foo { x : bar.y { } }\nfoo { x { k = foo } }\nbar { y : baz { } }\n"
		    "baz { k = baz\n l = baz }",
		"c", "x{ k=baz l=baz } ");
	/* Later sections, circles, a path through something inherited. */
	expect_list("c : d { v = 1 }\nd : c { e = 2 }", "c", "v=1 e=2 ");
	expect_list("c : d { v = 1 }\nd : c { e = 2 }", "d", "e=2 v=1 ");
	expect_list("b { z { k = 1 } }\nc : b { }\nd : c.z { }", "d", "k=1 ");
	expect_list("c : c { k = 1 }", "c", "k=1 ");
	expect_list("p { c : p.a { x : p.c.y { } \n y { k = 1 } } \n a { l = 2 } }", "p.c",
		"l=2 x{ k=1 } y{ k=1 } ");
	expect_list("connections : foo { }\nfoo { d { e = yes } }", "connections", "d{ e=yes } ");
}
END_TEST

/* "{ k0 = a0 ... s0 { v = 0 } ... }", of which some are set again and one is unset. */
static void write_many(FILE *text)
{
	fputs("base {\n", text);
	for (unsigned i = 0; i < 100; i++)
		fprintf(text, "k%u = a%u\n s%u { v = %u }\n", i, i, i, i);
	fputs("}\nbase {\n k3 = b\n k90 = b\n k91 =\n s95 { v = b }\n}\n", text);
}

static void expect_many(const struct settings *s, const char *section)
{
	char path[40], value[8];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "%s.k%u", section, i);
		snprintf(value, sizeof(value), "a%u", i);
		expect(s, path, i == 91 ? NULL : i == 3 || i == 90 ? "b" : value);
		snprintf(path, sizeof(path), "%s.s%u.v", section, i);
		snprintf(value, sizeof(value), "%u", i);
		expect(s, path, i == 95 ? "b" : value);
	}
	expect(s, "base.k100", NULL);
}

/* More entries than are looked through one by one. */
START_TEST(a_top_section_that_another_inherits_from_is_known)
{
	static const char text[] = "base { k = 1 }\nparts { peer { k = 2 } }\nnobody { k = 3 }\n"
				   "top { c : base { d : parts.peer { } } }";
	struct why why;
	struct settings *s = settings_parse(bytes_of_text(text), "test", &why);

	ck_assert_ptr_nonnull(s);
	ck_assert(settings_find(settings_root(s), "base")->is_base);
	ck_assert(settings_find(settings_root(s), "parts")->is_base);
	ck_assert(!settings_find(settings_root(s), "nobody")->is_base);
	ck_assert(!settings_find(settings_root(s), "top")->is_base);
	settings_free(s);
}
END_TEST

START_TEST(of_many_entries_each_is_found)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(file);
	write_many(file);
	fflush(file);
	struct settings *s = parse(text);
	expect_many(s, "base");
	settings_free(s);

	fputs("other : base {\n k200 = own\n}\nthird : base {\n k70 =\n k71 = own\n}\n", file);
	fclose(file);
	s = parse(text);
	expect_many(s, "base");
	expect_many(s, "other");
	expect(s, "other.k200", "own");
	expect(s, "third.k70", NULL);
	expect(s, "third.k71", "own");
	expect(s, "third.k72", "a72");
	settings_free(s);
	free(text);
}
END_TEST

START_TEST(what_stands_twice_in_a_file_is_remarked_and_no_warning)
{
	static const char text[] = "connections {\n"
				   "  a {\n"
				   "    version = 1\n"
				   "    version = 2\n"
				   "  }\n"
				   "}\n"
				   "connections {\n"
				   "  a {\n"
				   "    mobike =\n"
				   "    mobike = no\n"
				   "  }\n"
				   "}\n";
	struct why why;
	struct settings *s = settings_parse(bytes_of_text(text), "file", &why);
	const struct settings_remark *remark;

	ck_assert_msg(s != NULL, "%s", s ? "" : why.text);
	ck_assert_ptr_null(settings_warning(s, 0));
	ck_assert_ptr_nonnull(remark = settings_remark(s, 0));
	ck_assert_uint_eq(remark->kind, SETTINGS_REMARK_KEY_AGAIN);
	ck_assert_uint_eq(remark->place.line, 4);
	ck_assert_ptr_nonnull(strstr(remark->text, "line 3"));
	ck_assert_ptr_nonnull(remark = settings_remark(s, 1));
	ck_assert_uint_eq(remark->kind, SETTINGS_REMARK_SECTION_AGAIN);
	ck_assert_uint_eq(remark->place.line, 8);
	ck_assert_ptr_null(settings_remark(s, 2));
	settings_free(s);
}
END_TEST

START_TEST(an_unknown_reference_is_a_warning)
{
	struct settings *s = parse("a : nothing.here {\n}");

	ck_assert_str_eq(settings_warning(s, 0),
		"test.conf:1: section 'a' inherits from 'nothing.here', which does not exist");
	ck_assert_ptr_null(settings_warning(s, 1));
	settings_free(s);
}
END_TEST

START_TEST(errors_name_file_line_and_what_is_wrong)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "a = b\nc d\n",
			"test.conf:2: 'c' should be followed by '= value' or '{', not by 'd'" },
		{ "a", "test.conf:1: 'a' should be followed by '= value' or '{', not by the end "
		       "of" },
		{ "\n= c", "test.conf:2: found '=' where a key or a section should be" },
		{ "a {\n b = c\n", "test.conf:1: section 'a' that begins here is not closed" },
		{ "a = b\n}\n", "test.conf:2: '}' without a section" },
		{ "a {\n b = {\n }\n}\n", "test.conf:4: '}' without a section" },
		{ "a = \"b\nc\n", "test.conf:1: a string that begins here has no closing quote" },
		{ "a.b = c", "test.conf:1: a name cannot contain '.' (behind 'a')" },
		{ "a : {\n}",
			"test.conf:1: found '{' where the name of a section to inherit from" },
		{ "a : b. {\n}", "test.conf:1: a section name should follow 'b.'" },
		{ "a : b\nc = d", "test.conf:2: found 'c' where '{' should begin section 'a'" },
		{ "\"a\" = b", "test.conf:1: found '\"' where a key or a section should be" },
		{ "a { x : a {\n}\n}",
			"test.conf:1: section 'x' inherits from 'a', which contains it" },
		{ "include x.conf", "test.conf:1: include is not possible here" },
		{ "include \"\"", "test.conf:1: include without a file name" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct why why = { "" };

		ck_assert_ptr_null(settings_parse(bytes_of_text(cases[i].text), "test.conf", &why));
		ck_assert_msg(
			strncmp(why.text, cases[i].why, strlen(cases[i].why)) == 0, "%s", why.text);
	}
}
END_TEST

START_TEST(a_zero_byte_and_deep_nesting_are_refused)
{
	char text[3 * SETTINGS_DEPTH_MAX + 4] = "";
	struct why why;

	ck_assert_ptr_null(settings_parse(bytes_of("a = b\0c", 7), "t", &why));
	ck_assert_ptr_null(settings_parse(bytes_of("a = \"b\0c\"", 9), "t", &why));
	ck_assert_ptr_null(settings_parse(bytes_of("\0", 1), "t", &why));
	for (unsigned i = 0; i <= SETTINGS_DEPTH_MAX; i++)
		strcat(text, "a{\n");
	ck_assert_ptr_null(settings_parse(bytes_of_text(text), "t", &why));
	ck_assert_str_eq(why.text, "t:33: sections nested too deeply");
}
END_TEST

START_TEST(references_that_multiply_end_in_an_error)
{
	char text[4000] = "s0 { k = v }\n";
	struct why why;

	for (unsigned i = 1; i < 25; i++)
		sprintf(text + strlen(text), "s%u { x : s%u { }\n y : s%u { } }\n", i, i - 1,
			i - 1);
	ck_assert_ptr_null(settings_parse(bytes_of_text(text), "t", &why));
}
END_TEST

START_TEST(typed_values_name_the_line_of_a_wrong_one)
{
	struct settings *s = parse("a {\n yes = yes\n n = 12\n t = 2h\n d = 1.5\n bad = x\n}");
	const struct settings_section *a = settings_find(settings_root(s), "a");
	struct why why;
	bool b;
	uint64_t n;
	double d;

	ck_assert(settings_get_bool(a, "yes", false, &b, &why) && b);
	ck_assert(settings_get_bool(a, "none", true, &b, &why) && b);
	ck_assert(settings_get_number(settings_root(s), "a.n", 0, &n, &why) && n == 12);
	ck_assert(settings_get_seconds(a, "t", 0, &n, &why) && n == 7200);
	ck_assert(settings_get_double(a, "d", 0, &d, &why) && d > 1.4 && d < 1.6);
	ck_assert(!settings_get_bool(a, "bad", false, &b, &why));
	ck_assert_str_eq(why.text, "test.conf:6: bad = x: wanted yes or no");
	ck_assert(!settings_get_seconds(a, "bad", 0, &n, &why));
	ck_assert(settings_get_number(NULL, "a", 7, &n, &why) && n == 7);
	settings_free(s);
}
END_TEST

static char folder[64];

static void write_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void folder_make(void)
{
	strcpy(folder, "/tmp/libvici-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void folder_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

static struct settings *load(const char *name, struct why *why)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return settings_load(path, why);
}

START_TEST(includes_are_relative_globbed_and_extend_their_section)
{
	struct why why;

	write_file("main.conf", "a = 1\ns {\n include s*.inc # two\n v = main\n}\n"
				"include none.conf\ninclude none*.conf x = y\n");
	write_file("s1.inc", "v = one\nw = one\n");
	write_file("s2.inc", "w = two\ninclude deep.inc\n");
	write_file("deep.inc", "\nd = deep");
	struct settings *s = load("main.conf", &why);
	ck_assert_msg(s != NULL, "%s", s ? "" : why.text);
	expect(s, "s.v", "main");
	expect(s, "s.w", "two");
	expect(s, "s.d", "deep");
	expect(s, "x", "y");
	const struct settings_key *d = settings_find_key(settings_root(s), "s.d");
	ck_assert_ptr_nonnull(strstr(d->place.file, "/deep.inc"));
	ck_assert_uint_eq(d->place.line, 2);
	ck_assert_ptr_nonnull(strstr(settings_warning(s, 0), "none.conf: there is no such file"));
	ck_assert_ptr_null(settings_warning(s, 1));
	settings_free(s);
}
END_TEST

START_TEST(included_files_that_go_wrong_are_named)
{
	struct why why;

	write_file("main.conf", "include bad.conf\n");
	write_file("bad.conf", "a = b\nc\n");
	ck_assert_ptr_null(load("main.conf", &why));
	ck_assert_ptr_nonnull(strstr(why.text, "/bad.conf:2: 'c' should be followed by"));
	write_file("bad.conf", "include main.conf\n");
	ck_assert_ptr_null(load("main.conf", &why));
	ck_assert_ptr_nonnull(strstr(why.text, "more than 10 files include each other"));
	ck_assert_ptr_null(load("absent.conf", &why));
	ck_assert_ptr_nonnull(strstr(why.text, "No such file"));
	ck_assert_ptr_null(settings_load(folder, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "not a regular file"));
}
END_TEST

static void place_in(const char *name, char ret[128])
{
	snprintf(ret, 128, "%s/%s", folder, name);
}

/* A package that was purged, an editor's lock file, a folder that was left. */
START_TEST(an_include_of_what_cannot_be_read_is_passed_over)
{
	static const char *const warnings[] = {
		"main.conf:1: include ",
		"/away/*.conf: a directory cannot be read",
		"main.conf:3: include passed over: ",
		"/d/1.conf: No such file or directory",
		"main.conf:3: include passed over: ",
		"/d/2.conf: not a regular file",
		"main.conf:3: include passed over: ",
		"/d/3.conf: not a regular file",
		"main.conf:4: include passed over: ",
		"/d: not a regular file",
	};
	char path[128];
	struct why why;

	place_in("d", path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	place_in("d/1.conf", path);
	ck_assert_int_eq(symlink("nowhere", path), 0);
	place_in("d/2.conf", path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	place_in("d/3.conf", path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	write_file("d/4.conf", "a = four\n");
	write_file(
		"main.conf", "include away/*.conf\nb = main\ns { include d/*.conf\ninclude d }\n");
	struct settings *s = load("main.conf", &why);
	ck_assert_msg(s != NULL, "%s", s ? "" : why.text);
	expect(s, "b", "main");
	expect(s, "s.a", "four");
	for (size_t i = 0; i < sizeof(warnings) / sizeof(*warnings); i++) {
		const char *warning = settings_warning(s, i / 2);

		ck_assert_ptr_nonnull(warning);
		ck_assert_msg(strstr(warning, warnings[i]) != NULL, "%s", warning);
	}
	ck_assert_ptr_null(settings_warning(s, sizeof(warnings) / sizeof(*warnings) / 2));
	settings_free(s);
}
END_TEST

TCase *settings_cases(void)
{
	TCase *c = tcase_create("settings");

	tcase_add_checked_fixture(c, folder_make, folder_remove);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, values_end_where_strongswan_ends_them);
	tcase_add_test(c, sections_nest_and_extend_each_other);
	tcase_add_test(c, inherited_entries_follow_own_ones_and_give_way_to_them);
	tcase_add_test(c, a_top_section_that_another_inherits_from_is_known);
	tcase_add_test(c, of_many_entries_each_is_found);
	tcase_add_test(c, an_unknown_reference_is_a_warning);
	tcase_add_test(c, what_stands_twice_in_a_file_is_remarked_and_no_warning);
	tcase_add_test(c, errors_name_file_line_and_what_is_wrong);
	tcase_add_test(c, a_zero_byte_and_deep_nesting_are_refused);
	tcase_add_test(c, references_that_multiply_end_in_an_error);
	tcase_add_test(c, typed_values_name_the_line_of_a_wrong_one);
	tcase_add_test(c, includes_are_relative_globbed_and_extend_their_section);
	tcase_add_test(c, included_files_that_go_wrong_are_named);
	tcase_add_test(c, an_include_of_what_cannot_be_read_is_passed_over);
	return c;
}
