/* A staging whose allocations are refused: what is not staged is known, nothing leaks, and a strict
 * commit does not pass for a whole one. */
#include "charon-lite/control/staging.h"

#include <check.h>
#include <stdlib.h>

static unsigned long allocations;
static unsigned long refuse_at; /* 0: never */

static bool refused(void)
{
	return refuse_at && ++allocations == refuse_at;
}

#include "testing/unit/engine/refused_allocations.h"

/* main.c's: there is no loop. */
void cl_daemon_rearm(struct cl_daemon *d)
{
	(void)d;
}

bool cl_daemon_reload(struct cl_daemon *d, struct why *why)
{
	(void)d;
	return why_fail(why, "there is no daemon");
}

/* ---- A kind of things that can be counted ---- */

static int living, loaded, unloaded;
static bool no_room; /* loading fails */

static void free_thing(void *object)
{
	living--;
	free(object);
}

static void *new_thing(void)
{
	void *object = __real_malloc(1);

	living++;
	return object;
}

static struct cl_change compare_thing(struct cl_daemon *d, const char *name, const void *object)
{
	(void)d, (void)name;
	return cl_change_of(object ? CL_ADDED : CL_REMOVED, "all of it");
}

static bool load_thing(struct cl_daemon *d, void *object, struct why *why)
{
	(void)d;
	free_thing(object);
	loaded += !no_room;
	return !no_room || why_fail(why, "no room");
}

static bool may_unload_thing(struct cl_daemon *d, const char *name, struct why *why)
{
	(void)d;
	return strcmp(name, "there") == 0 || why_fail(why, "%s is not there", name);
}

static bool unload_thing(struct cl_daemon *d, const char *name, struct why *why)
{
	unloaded++;
	return may_unload_thing(d, name, why);
}

static const struct cl_loadable thing = {
	.name = "thing",
	.free = free_thing,
	.compare = compare_thing,
	.load = load_thing,
	.may_unload = may_unload_thing,
	.unload = unload_thing,
};

static struct cl_daemon daemon_;

static void begin(void)
{
	allocations = refuse_at = 0;
	daemon_.log = cl_log_new();
	ck_assert_ptr_nonnull(daemon_.log);
	living = loaded = unloaded = 0;
	no_room = false;
}

static void end(void)
{
	refuse_at = 0;
	cl_log_free(daemon_.log);
	ck_assert_int_eq(living, 0);
}

/* ---- */

START_TEST(the_last_of_a_name_counts_and_all_come_in_their_order)
{
	struct cl_staging *s = cl_staging_new(&daemon_);
	struct why why;

	ck_assert(cl_staging_add(s, &thing, "a", new_thing(), &why));
	ck_assert(cl_staging_add(s, &thing, "b", new_thing(), &why));
	ck_assert(cl_staging_add(s, &thing, "a", new_thing(), &why));
	ck_assert(cl_staging_unload(s, &thing, "there", &why));
	ck_assert(!cl_staging_unload(s, &thing, "elsewhere", &why));
	ck_assert_str_eq(why.text, "elsewhere is not there");
	/* staged, and taken back before it was ever there */
	ck_assert(cl_staging_add(s, &thing, "c", new_thing(), &why));
	ck_assert(cl_staging_unload(s, &thing, "c", &why));
	ck_assert_uint_eq(cl_staging_plan(s, true), 0);
	ck_assert_str_eq(cl_staged_name(s->objects), "b");
	ck_assert_int_eq(s->objects->change.effect, CL_ADDED);
	ck_assert_int_eq(loaded, 0);
	ck_assert_uint_eq(cl_staging_apply(s), 0);
	ck_assert_int_eq(loaded, 2);
	ck_assert_int_eq(unloaded, 1);
	cl_staging_free(s);
}
END_TEST

START_TEST(what_fails_at_last_is_counted_and_says_why)
{
	struct cl_staging *s = cl_staging_new(&daemon_);
	struct why why;

	ck_assert(cl_staging_add(s, &thing, "a", new_thing(), &why));
	cl_staging_refuse(s, &thing, "b", "it is no good");
	ck_assert_uint_eq(cl_staging_plan(s, false), 1);
	no_room = true;
	ck_assert_uint_eq(cl_staging_apply(s), 1);
	ck_assert_str_eq(s->objects->error, "no room");
	ck_assert(s->objects->late);
	cl_staging_free(s);
}
END_TEST

/* Says whether something was refused for want of memory. Without the assertions of check, which
 * want memory too. */
static bool stage_and_plan(size_t *ret_refused)
{
	struct cl_staging *s = cl_staging_new(&daemon_);
	struct why why;
	bool failed = !s;

	if (s) {
		bool a = cl_staging_add_titled(s, &thing, "a", "title", new_thing(), &why);
		bool b = cl_staging_add(s, &thing, "b", new_thing(), &why);
		bool gone = cl_staging_unload(s, &thing, "there", &why);

		failed = !a || !b || !gone;
		cl_staging_refuse(s, &thing, "c", "it is no good");
		*ret_refused = cl_staging_plan(s, true);
	}
	cl_staging_free(s);
	return failed;
}

START_TEST(every_allocation_may_be_refused)
{
	bool failed = false;
	unsigned long last = 0;

	for (unsigned long next = 1; last == 0; next++) {
		size_t refusals = 1;

		allocations = 0;
		refuse_at = next;
		failed = stage_and_plan(&refusals) || failed;
		refuse_at = 0;
		/* "c", also when there is no memory for saying why */
		ck_assert_uint_ge(refusals, 1);
		ck_assert_int_eq(living, 0);
		if (allocations < next)
			last = next;
	}
	ck_assert(failed);
	ck_assert_uint_gt(last, 8);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("staging");
	TCase *c = tcase_create("staging");

	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, the_last_of_a_name_counts_and_all_come_in_their_order);
	tcase_add_test(c, what_fails_at_last_is_counted_and_says_why);
	tcase_add_test(c, every_allocation_may_be_refused);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
