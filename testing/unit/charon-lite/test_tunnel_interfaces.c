/* Interfaces in step with CHILD SAs: a made-up kernel, made-up children. */
#include "charon-lite/tunnel_interfaces.h"

#include "libike/engine.h"
#include "testing/unit/charon-lite/suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LINKS 3
#define CHILDREN 4

/* index 0: it does not exist */
static struct {
	const char *name;
	uint32_t index;
	bool up;
	unsigned changes;
} links[LINKS];

static struct ike_child_config configs[CHILDREN];
static struct ike_child children[CHILDREN];
static struct ike_sa sa;
static struct cl_tunnel_interfaces *t;
static struct cl_log *log_of_test;
static char said[1000];
static int refusal; /* errno of the kernel, when something is set */

static int find(void *context, const char *name, uint32_t *ret_index, bool *ret_up)
{
	(void)context;
	for (size_t i = 0; i < LINKS; i++)
		if (links[i].index && strcmp(links[i].name, name) == 0) {
			*ret_index = links[i].index;
			*ret_up = links[i].up;
			return 0;
		}
	return ENODEV;
}

static int set(void *context, uint32_t index, bool up)
{
	(void)context;
	for (size_t i = 0; i < LINKS && !refusal; i++)
		if (links[i].index == index) {
			links[i].up = up;
			links[i].changes++;
		}
	return refusal;
}

static int level(void *context)
{
	(void)context;
	return IKE_LOG_INFO;
}

static void note(void *context, const struct ike_log *line)
{
	size_t used = strlen(said);

	(void)context;
	snprintf(said + used, sizeof(said) - used, "%s\n", line->text);
}

static void child_set(unsigned i, const char *name, char *interface)
{
	configs[i] = (struct ike_child_config){ .name = (char *)(uintptr_t)name,
		.tunnel_interface = interface };
	children[i] = (struct ike_child){ .sa = &sa, .config = &configs[i], .unique_id = 10 + i };
}

static void begin(ike_time leftovers_until)
{
	static const struct cl_tunnel_interfaces_kernel kernel = { NULL, find, set };
	static char vti1[] = "vti1", vti2[] = "vti2";

	memset(links, 0, sizeof(links));
	links[0].name = "vti1";
	links[0].index = 5;
	links[1].name = "vti2";
	refusal = 0;
	said[0] = '\0';
	child_set(0, "net", vti1);
	child_set(1, "net", vti1);
	child_set(2, "other", vti2);
	child_set(3, "plain", NULL);
	log_of_test = cl_log_new();
	cl_log_listen(log_of_test, level, note, NULL);
	t = cl_tunnel_interfaces_new(&kernel, leftovers_until, log_of_test);
	ck_assert_ptr_nonnull(t);
}

static void end(void)
{
	cl_tunnel_interfaces_free(t);
	cl_log_free(log_of_test);
	t = NULL;
}

static void happens(enum ike_event_kind kind, unsigned child, unsigned other, ike_time now)
{
	const struct ike_event event = { .kind = (uint8_t)kind,
		.sa = &sa,
		.child = &children[child],
		.other_child = &children[other] };

	cl_tunnel_interfaces_event(t, &event, now);
}

static void up(unsigned child, ike_time now)
{
	happens(IKE_EVENT_CHILD_UP, child, child, now);
}

static void down(unsigned child, ike_time now)
{
	happens(IKE_EVENT_CHILD_DOWN, child, child, now);
}

/* Whatever is due by then. */
static void pass(ike_time now)
{
	while (cl_tunnel_interfaces_next(t) <= now)
		cl_tunnel_interfaces_turn(t, now);
}

static void was_said(const char *text)
{
	ck_assert_msg(strstr(said, text), "'%s' was not said: %s", text, said);
}

static void is_described(const char *name, const char *text)
{
	char room[CL_TUNNEL_INTERFACE_TEXT_MAX];

	ck_assert_str_eq(cl_tunnel_interfaces_describe(t, name, room), text);
}

START_TEST(up_with_the_first_and_down_after_the_last)
{
	begin(0);
	cl_tunnel_interfaces_define(t, "vti1", 0);
	is_described("vti1", "vti1: down");
	up(0, 100);
	ck_assert(links[0].up);
	was_said("interface vti1 is set up: CHILD_SA net{10} is installed");
	up(1, 200);
	down(0, 300);
	pass(IKE_SECONDS(60));
	ck_assert(links[0].up);
	is_described("vti1", "vti1: up");
	down(1, IKE_SECONDS(61));
	ck_assert(links[0].up); /* something may take its place at once */
	pass(IKE_SECONDS(62));
	ck_assert(!links[0].up);
	ck_assert_uint_eq(links[0].changes, 2);
	was_said("interface vti1 is set down: there is no CHILD_SA for it");
	ck_assert_int_eq(cl_tunnel_interfaces_next(t), IKE_NEVER);
	end();
}
END_TEST

START_TEST(what_takes_its_place_keeps_it_up)
{
	begin(0);
	up(0, 0);
	happens(IKE_EVENT_CHILD_REKEY, 0, 1, 100);
	down(0, 200); /* it was replaced: nothing */
	pass(IKE_SECONDS(10));
	down(1, IKE_SECONDS(20)); /* reauthentication that breaks before it makes */
	up(0, IKE_SECONDS(20) + 500);
	pass(IKE_SECONDS(60));
	ck_assert(links[0].up);
	ck_assert_uint_eq(links[0].changes, 1);
	end();
}
END_TEST

START_TEST(another_interface_in_the_definition_comes_with_rekeying)
{
	begin(0);
	links[1].index = 6;
	up(0, 0);
	happens(IKE_EVENT_CHILD_REKEY, 0, 2, 100);
	ck_assert(links[0].up && links[1].up);
	pass(IKE_SECONDS(2));
	ck_assert(!links[0].up && links[1].up);
	happens(IKE_EVENT_CHILD_REKEY, 2, 3, IKE_SECONDS(3)); /* none at all */
	pass(IKE_SECONDS(5));
	ck_assert(!links[1].up);
	up(3, IKE_SECONDS(6));
	down(3, IKE_SECONDS(6));
	ck_assert_int_eq(cl_tunnel_interfaces_next(t), IKE_NEVER);
	end();
}
END_TEST

START_TEST(one_that_is_not_there_is_set_up_when_it_appears)
{
	begin(0);
	cl_tunnel_interfaces_define(t, "vti2", 0);
	was_said("there is no interface vti2 (tunnel_interface): it is set up when it appears");
	cl_tunnel_interfaces_seen(t, "vti2", 8); /* there is no SA for it */
	said[0] = '\0';
	up(2, 0);
	was_said("there is no interface vti2");
	is_described("vti2", "vti2: there is no such interface; it is set up when it appears and "
			     "there is a CHILD_SA for it");
	links[1].index = 9;
	cl_tunnel_interfaces_seen(t, "vti2", 9);
	ck_assert(links[1].up);
	was_said("interface vti2 is set up: it has appeared");
	/* Set down by hand, it is left alone. */
	links[1].up = false;
	cl_tunnel_interfaces_seen(t, "vti2", 9);
	ck_assert(!links[1].up);
	is_described("vti2", "vti2: down, which was not the daemon's doing: there is a CHILD_SA "
			     "for it");
	/* Made anew, also when the events were missed. */
	cl_tunnel_interfaces_gone(t, "vti2", 9);
	was_said("interface vti2 is gone");
	links[1].index = 12;
	cl_tunnel_interfaces_look(t);
	ck_assert(links[1].up);
	links[1].index = 0;
	cl_tunnel_interfaces_look(t);
	down(2, 0);
	pass(IKE_SECONDS(2));
	end();
}
END_TEST

START_TEST(at_the_start_it_is_put_right)
{
	begin(0);
	links[0].up = true;
	cl_tunnel_interfaces_define(t, "vti1", 0);
	ck_assert(!links[0].up);
	end();
}
END_TEST

START_TEST(what_an_earlier_daemon_left_up_waits_for_its_tunnel)
{
	begin(IKE_SECONDS(60));
	links[0].up = links[1].up = true;
	links[1].index = 6;
	cl_tunnel_interfaces_define(t, "vti1", IKE_SECONDS(1));
	cl_tunnel_interfaces_define(t, "vti2", IKE_SECONDS(1));
	pass(IKE_SECONDS(59));
	up(0, IKE_SECONDS(59));
	was_said("interface vti1 is up already: CHILD_SA net{10} is installed");
	pass(IKE_SECONDS(60));
	ck_assert(links[0].up && !links[1].up);
	ck_assert_uint_eq(links[0].changes, 0);
	end();
}
END_TEST

START_TEST(a_refusal_is_said_and_tried_again)
{
	begin(0);
	refusal = EPERM;
	up(0, 0);
	was_said("setting interface vti1 up failed: Operation not permitted");
	is_described("vti1", "vti1: Operation not permitted");
	refusal = 0;
	up(1, 100);
	ck_assert(links[0].up);
	end();
}
END_TEST

START_TEST(with_the_daemon_it_goes_down)
{
	begin(0);
	up(0, 0);
	end();
	ck_assert(!links[0].up);
}
END_TEST

TCase *tunnel_interfaces_cases(void)
{
	TCase *c = tcase_create("tunnel interfaces");

	tcase_add_test(c, up_with_the_first_and_down_after_the_last);
	tcase_add_test(c, what_takes_its_place_keeps_it_up);
	tcase_add_test(c, another_interface_in_the_definition_comes_with_rekeying);
	tcase_add_test(c, one_that_is_not_there_is_set_up_when_it_appears);
	tcase_add_test(c, at_the_start_it_is_put_right);
	tcase_add_test(c, what_an_earlier_daemon_left_up_waits_for_its_tunnel);
	tcase_add_test(c, a_refusal_is_said_and_tried_again);
	tcase_add_test(c, with_the_daemon_it_goes_down);
	return c;
}
