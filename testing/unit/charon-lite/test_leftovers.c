/* What a killed predecessor left: who takes its place, and what goes when. */
#include "charon-lite/kernel_leftovers.h"
#include "testing/unit/charon-lite/suites.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define UNTIL IKE_SECONDS(60)
#define OLD_REQID 7
#define NEW_REQID 8

static char lines[32][120]; /* what it asked for, in its order */
static unsigned line_count, removed;
static struct cl_leftovers *leftovers;

PRINTF_LIKE(1, 2)
static void note(const char *format, ...)
{
	va_list values;

	ck_assert_uint_lt(line_count, 32);
	va_start(values, format);
	vsnprintf(lines[line_count++], sizeof(lines[0]), format, values);
	va_end(values);
}

static const char *const directions[] = { "in", "out", "fwd" };

static bool replace(void *context, const struct xfrm_policy *policy, struct why *why)
{
	(void)context;
	(void)why;
	note("replace %s reqid %u", directions[policy->id.direction], policy->templates[0].reqid);
	return true;
}

static void drop(void *context, const struct xfrm_policy_id *id)
{
	(void)context;
	note("drop %s", directions[id->direction]);
}

static void remove_state(void *context, const struct xfrm_state_id *id)
{
	(void)context;
	if (removed++ < 16)
		note("remove %x", id->spi);
}

static void acquire(void *context, const struct ike_acquire *what)
{
	(void)context;
	note("acquire %u%s", what->reqid, what->has_selectors ? " of a packet" : "");
}

static void assert_noted(unsigned count, ...)
{
	va_list expected;

	va_start(expected, count);
	for (unsigned i = 0; i < count && i < line_count; i++)
		ck_assert_str_eq(lines[i], va_arg(expected, const char *));
	va_end(expected);
	ck_assert_uint_eq(line_count, count);
	line_count = 0;
}

static struct xfrm_state state(uint32_t spi)
{
	struct xfrm_state result = {
		.id = { .spi = spi, .protocol = IPPROTO_ESP },
		.reqid = OLD_REQID,
	};

	ck_assert(address_parse("192.0.2.1", &result.id.destination));
	return result;
}

static struct xfrm_policy policy(uint8_t direction, uint32_t reqid)
{
	struct xfrm_policy result = {
		.id = { .direction = direction,
			.selector = { .source_prefix = 16, .destination_prefix = 16 } },
		.action = XFRM_POLICY_ALLOW,
		.template_count = 1,
		.templates = { { .reqid = reqid, .protocol = IPPROTO_ESP } },
	};

	ck_assert(address_parse("10.1.0.0", &result.id.selector.source));
	ck_assert(address_parse("10.2.0.0", &result.id.selector.destination));
	return result;
}

static enum cl_leftover put(uint8_t direction, uint8_t kind, ike_time now)
{
	struct xfrm_policy wanted = policy(direction, NEW_REQID);

	return cl_leftovers_put(leftovers, &wanted, kind, now);
}

static void add_policies(void)
{
	struct xfrm_policy out = policy(XFRM_POLICY_OUT, OLD_REQID);
	struct xfrm_policy in = policy(XFRM_POLICY_IN, OLD_REQID);

	ck_assert(cl_leftovers_add_policy(leftovers, &out));
	ck_assert(cl_leftovers_add_policy(leftovers, &in));
}

static void add_states(void)
{
	struct xfrm_state one = state(0xc1), two = state(0xc2);

	ck_assert(cl_leftovers_add_state(leftovers, &one));
	ck_assert(cl_leftovers_add_state(leftovers, &two));
}

static void setup(void)
{
	const struct cl_leftovers_hands hands = { NULL, replace, drop, remove_state, acquire };

	line_count = removed = 0;
	leftovers = cl_leftovers_new(&hands, UNTIL);
}

static void teardown(void)
{
	cl_leftovers_free(leftovers);
}

static void assert_counts(unsigned taken, unsigned dropped)
{
	struct cl_leftovers_counts counts;

	cl_leftovers_count(leftovers, &counts);
	ck_assert_uint_eq(counts.taken, taken);
	ck_assert_uint_eq(counts.removed, dropped);
	ck_assert_uint_eq(counts.last_reqid, OLD_REQID);
}

START_TEST(a_child_takes_the_policies_and_the_states_go_some_seconds_later)
{
	add_states();
	add_policies();
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_CHILD, 1000), CL_LEFTOVER_TAKEN);
	ck_assert_int_eq(cl_leftovers_turn(leftovers, 1000), UNTIL); /* one policy is left */
	ck_assert_int_eq(put(XFRM_POLICY_IN, IKE_POLICY_CHILD, 2000), CL_LEFTOVER_TAKEN);
	ck_assert_int_eq(put(XFRM_POLICY_FWD, IKE_POLICY_CHILD, 2000), CL_LEFTOVER_NONE);
	ck_assert_int_eq(cl_leftovers_turn(leftovers, 2000), 7000);
	ck_assert_int_eq(cl_leftovers_turn(leftovers, 6999), 7000);
	assert_noted(0);
	ck_assert_int_eq(cl_leftovers_turn(leftovers, 7000), IKE_NEVER);
	assert_noted(2, "remove c1", "remove c2");
	assert_counts(2, 0);
}
END_TEST

/* The kernel refused: whoever tries again must not meet a policy that is nobody's. */
START_TEST(what_could_not_be_taken_is_taken_by_the_next_attempt)
{
	struct xfrm_policy wanted = policy(XFRM_POLICY_OUT, NEW_REQID);

	add_states();
	add_policies();
	ck_assert_int_eq(put(XFRM_POLICY_IN, IKE_POLICY_CHILD, 1000), CL_LEFTOVER_TAKEN);
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_CHILD, 1000), CL_LEFTOVER_TAKEN);
	ck_assert(cl_leftovers_add_policy(leftovers, &wanted));
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_CHILD, 9000), CL_LEFTOVER_TAKEN);
	ck_assert(cl_leftovers_add_policy(leftovers, &wanted));
	ck_assert_int_eq(cl_leftovers_turn(leftovers, UNTIL), IKE_NEVER);
	assert_noted(3, "remove c1", "remove c2", "drop out");
}
END_TEST

START_TEST(what_nothing_takes_goes_after_the_bound_policies_first)
{
	add_states();
	add_policies();
	ck_assert_int_eq(cl_leftovers_turn(leftovers, 0), UNTIL);
	assert_noted(0);
	ck_assert_int_eq(cl_leftovers_turn(leftovers, UNTIL), IKE_NEVER);
	assert_noted(4, "drop out", "drop in", "remove c1", "remove c2");
	assert_counts(0, 2);
}
END_TEST

START_TEST(a_trap_waits_behind_states_and_brings_its_child_up)
{
	add_states();
	add_policies();
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_TRAP, 1000), CL_LEFTOVER_WAITING);
	ck_assert_int_eq(put(XFRM_POLICY_IN, IKE_POLICY_TRAP, 1000), CL_LEFTOVER_WAITING);
	assert_noted(0); /* never from within */
	ck_assert_int_eq(cl_leftovers_turn(leftovers, 1000), UNTIL);
	assert_noted(1, "acquire 8");
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_CHILD, 2000), CL_LEFTOVER_TAKEN);
	ck_assert_int_eq(put(XFRM_POLICY_IN, IKE_POLICY_CHILD, 2000), CL_LEFTOVER_TAKEN);
	ck_assert_int_eq(cl_leftovers_turn(leftovers, 7000), IKE_NEVER);
	assert_noted(2, "remove c1", "remove c2");
}
END_TEST

START_TEST(a_trap_that_waited_takes_over_at_the_bound)
{
	add_states();
	add_policies();
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_TRAP, 1000), CL_LEFTOVER_WAITING);
	(void)cl_leftovers_turn(leftovers, 1000);
	assert_noted(1, "acquire 8");
	ck_assert_int_eq(cl_leftovers_turn(leftovers, UNTIL), IKE_NEVER);
	assert_noted(4, "replace out reqid 8", "drop in", "remove c1", "remove c2");
}
END_TEST

START_TEST(a_trap_that_is_uninstalled_while_it_waits_leaves_the_kernel_alone)
{
	struct xfrm_policy wanted = policy(XFRM_POLICY_OUT, NEW_REQID);

	add_states();
	add_policies();
	ck_assert(!cl_leftovers_drop(leftovers, &wanted.id));
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_TRAP, 1000), CL_LEFTOVER_WAITING);
	ck_assert(cl_leftovers_drop(leftovers, &wanted.id));
	ck_assert(!cl_leftovers_drop(leftovers, &wanted.id));
	(void)cl_leftovers_turn(leftovers, 1000);
	(void)cl_leftovers_turn(leftovers, UNTIL);
	ck_assert_str_eq(lines[1], "drop out");
}
END_TEST

/* Its policy must neither swallow packets nor let a trap wait for ever. */
START_TEST(a_state_at_its_hard_limit_ends_its_group)
{
	struct xfrm_state one = state(0xc1), foreign = state(0xc9);

	add_states();
	add_policies();
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_TRAP, 1000), CL_LEFTOVER_WAITING);
	cl_leftovers_expired(leftovers, &foreign.id, 1500);
	assert_noted(0);
	cl_leftovers_expired(leftovers, &one.id, 2000);
	assert_noted(3, "replace out reqid 8", "drop in", "remove c2");
}
END_TEST

START_TEST(traps_without_states_are_taken_at_once)
{
	add_policies();
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_TRAP, 1000), CL_LEFTOVER_TAKEN);
	ck_assert_int_eq(put(XFRM_POLICY_IN, IKE_POLICY_TRAP, 1000), CL_LEFTOVER_TAKEN);
	ck_assert_int_eq(cl_leftovers_turn(leftovers, 6000), IKE_NEVER);
	assert_noted(0);
}
END_TEST

/* The kernel asks once for the packets of a flow: before the connection is loaded, maybe. */
START_TEST(an_acquire_before_the_trap_is_there_is_kept_for_it)
{
	struct xfrm_policy out = policy(XFRM_POLICY_OUT, OLD_REQID);
	struct ike_acquire packet = { .reqid = OLD_REQID, .has_selectors = true };

	add_policies();
	ck_assert(cl_leftovers_acquire(leftovers, &out.id, &packet, 500));
	(void)cl_leftovers_turn(leftovers, 500);
	assert_noted(0);
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_TRAP, 1000), CL_LEFTOVER_TAKEN);
	(void)cl_leftovers_turn(leftovers, 1000);
	assert_noted(1, "acquire 8 of a packet");
}
END_TEST

START_TEST(an_acquire_behind_which_a_trap_waits_is_the_traps)
{
	struct xfrm_policy out = policy(XFRM_POLICY_OUT, OLD_REQID);
	struct ike_acquire packet = { .reqid = OLD_REQID, .has_selectors = true };

	add_states();
	add_policies();
	ck_assert_int_eq(put(XFRM_POLICY_OUT, IKE_POLICY_TRAP, 1000), CL_LEFTOVER_WAITING);
	ck_assert(!cl_leftovers_acquire(leftovers, &out.id, &packet, 2000));
	ck_assert_uint_eq(packet.reqid, NEW_REQID);
	assert_noted(4, "replace out reqid 8", "drop in", "remove c1", "remove c2");
	out.id.mark.m = 1; /* somebody else's policy */
	ck_assert(!cl_leftovers_acquire(leftovers, &out.id, &packet, 2000));
}
END_TEST

START_TEST(a_new_state_with_the_id_of_a_leftover_gets_room)
{
	struct xfrm_state one = state(0xc1), other = state(0xc9);

	add_states();
	cl_leftovers_make_room(leftovers, &other.id);
	assert_noted(0);
	cl_leftovers_make_room(leftovers, &one.id);
	assert_noted(1, "remove c1");
	(void)cl_leftovers_turn(leftovers, UNTIL);
	assert_noted(1, "remove c2");
}
END_TEST

START_TEST(many_go_in_pieces)
{
	ike_time now = UNTIL;
	unsigned turns = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		struct xfrm_state one = state(i);

		one.reqid = i % OLD_REQID + 1;
		ck_assert(cl_leftovers_add_state(leftovers, &one));
	}
	for (; now != IKE_NEVER; turns++) {
		unsigned before = removed;

		now = cl_leftovers_turn(leftovers, now);
		ck_assert_uint_le(removed - before, 256);
	}
	ck_assert_uint_eq(removed, 1000);
	ck_assert_uint_eq(turns, 4);
}
END_TEST

TCase *leftovers_cases(void)
{
	TCase *tests = tcase_create("leftovers");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_child_takes_the_policies_and_the_states_go_some_seconds_later);
	tcase_add_test(tests, what_could_not_be_taken_is_taken_by_the_next_attempt);
	tcase_add_test(tests, what_nothing_takes_goes_after_the_bound_policies_first);
	tcase_add_test(tests, a_trap_waits_behind_states_and_brings_its_child_up);
	tcase_add_test(tests, a_trap_that_waited_takes_over_at_the_bound);
	tcase_add_test(tests, a_trap_that_is_uninstalled_while_it_waits_leaves_the_kernel_alone);
	tcase_add_test(tests, a_state_at_its_hard_limit_ends_its_group);
	tcase_add_test(tests, traps_without_states_are_taken_at_once);
	tcase_add_test(tests, an_acquire_before_the_trap_is_there_is_kept_for_it);
	tcase_add_test(tests, an_acquire_behind_which_a_trap_waits_is_the_traps);
	tcase_add_test(tests, a_new_state_with_the_id_of_a_leftover_gets_room);
	tcase_add_test(tests, many_go_in_pieces);
	return tests;
}
