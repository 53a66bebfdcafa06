/* All tunnels at a glance, and what their SAs carried by one look at the kernel. */
#include "charon-lite/usage.h"
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <stdlib.h>

/* ---- usage.h ---- */

#define SAS 1000

static unsigned looks;
static bool fails;

static struct cl_kernel_use use_of(unsigned i)
{
	struct cl_kernel_use use = { .spi = 0xc0000000 + i * 2654435761u % 100000,
		.protocol = IKE_PROTOCOL_ESP,
		.usage = { .bytes = i, .packets = 1, .idle_seconds = UINT64_MAX } };

	ck_assert(address_parse(i % 2 ? "192.0.2.1" : "2001:db8::1", &use.destination));
	return use;
}

static unsigned next; /* of the look that is under way */

static void *begin(void *context)
{
	(void)context;
	looks++;
	next = 0;
	return &next;
}

static enum cl_kernel_progress some(
	void *looking, void (*each)(void *to, const struct cl_kernel_use *use), void *to)
{
	ck_assert_ptr_eq(looking, &next);
	for (unsigned end = next + 100; next < end; next++) {
		const struct cl_kernel_use use = use_of(next);

		each(to, &use);
	}
	return next < SAS ? CL_KERNEL_MORE : fails ? CL_KERNEL_FAILED : CL_KERNEL_COMPLETE;
}

static void end(void *looking)
{
	ck_assert_ptr_eq(looking, &next);
}

static const struct cl_kernel kernel = {
	.usages_begin = begin, .usages_some = some, .usages_end = end
};

static bool finds(const struct cl_usages *usages, unsigned i)
{
	const struct cl_kernel_use use = use_of(i);
	const struct ike_kernel_id id = {
		.destination = use.destination, .spi = use.spi, .protocol = use.protocol
	};
	struct ike_kernel_usage usage;

	return cl_usages_find(usages, &id, &usage) && usage.bytes == i;
}

START_TEST(one_look_finds_every_sa_and_lasts_a_while)
{
	struct event_base *base = event_base_new();
	struct cl_usages *usages = cl_usages_new(base, &kernel);
	struct ike_kernel_usage usage;

	looks = 0;
	ck_assert(cl_usages_refresh(usages, 5000, 1000));
	for (unsigned i = 0; i < SAS; i++) {
		const struct cl_kernel_use use = use_of(i);
		struct ike_kernel_id id = {
			.destination = use.destination, .spi = use.spi, .protocol = use.protocol
		};

		id.destination.port = 4500;
		ck_assert(cl_usages_find(usages, &id, &usage));
		ck_assert_uint_eq(usage.bytes, i);
		id.protocol = IKE_PROTOCOL_AH;
		ck_assert(!cl_usages_find(usages, &id, &usage));
	}
	ck_assert(cl_usages_refresh(usages, 6000, 1000));
	ck_assert_uint_eq(looks, 1);
	ck_assert(cl_usages_refresh(usages, 6001, 1000));
	ck_assert_uint_eq(looks, 2);
	fails = true;
	ck_assert(!cl_usages_refresh(usages, 9000, 1000));
	const struct ike_kernel_id none = { .spi = 1 };
	ck_assert(!cl_usages_find(usages, &none, &usage));
	fails = false;
	ck_assert(cl_usages_refresh(usages, 9000, 1000));
	cl_usages_free(usages);
	event_base_free(base);
}
END_TEST

START_TEST(a_look_in_steps_counts_when_it_is_complete)
{
	struct event_base *base = event_base_new();
	struct cl_usages *usages = cl_usages_new(base, &kernel);
	unsigned steps = 1;

	looks = 0;
	ck_assert(!cl_usages_step(usages));
	ck_assert(cl_usages_begin(usages, 1000));
	ck_assert(cl_usages_step(usages));
	ck_assert(!finds(usages, 0));
	while (cl_usages_step(usages))
		steps++;
	ck_assert_uint_gt(steps, 1);
	ck_assert_uint_eq(looks, 1);
	ck_assert(finds(usages, 0) && finds(usages, SAS - 1) && !finds(usages, SAS));
	/* what there is stays while the next look is under way; who is in a hurry completes it */
	ck_assert(cl_usages_begin(usages, 5000));
	ck_assert(cl_usages_step(usages));
	ck_assert(cl_usages_begin(usages, 5001));
	ck_assert(finds(usages, SAS - 1));
	ck_assert(cl_usages_refresh(usages, 5002, 1000));
	ck_assert_uint_eq(looks, 2);
	ck_assert(!cl_usages_step(usages));
	ck_assert(cl_usages_refresh(usages, 6000, 1000)); /* it began at 5000 */
	ck_assert_uint_eq(looks, 2);
	/* one that is not completed */
	ck_assert(cl_usages_begin(usages, 9000));
	ck_assert(cl_usages_step(usages));
	cl_usages_free(usages);
	event_base_free(base);
}
END_TEST

/* ---- list-tunnels ---- */

static void note_row(void *context, struct bytes name, struct vici_view message)
{
	char *rows = context, child[32], state[32];

	ck_assert(bytes_equal(name, bytes_of_text("list-tunnels")));
	VICI_EACH(row, message)
	{
		if (!vici_get_text(row, "child", child, sizeof(child)))
			snprintf(child, sizeof(child), "-");
		ck_assert(vici_get_text(row, "state", state, sizeof(state)));
		snprintf(rows + strlen(rows), 256 - strlen(rows), "%s %s, ", child, state);
	}
}

static const char *tunnels(struct vici_client *client, const char *connection)
{
	static char rows[256];
	const char *const event = "list-tunnels";
	struct vici_builder b = { 0 };
	struct vici_view answer;
	struct why why;

	rows[0] = '\0';
	if (connection)
		vici_key_text(&b, "ike", connection);
	const struct vici_call what = { "list-tunnels", &b, &event, 1, note_row, rows };
	ck_assert_int_eq(vici_client_call(client, &what, &answer, &why), VICI_OK);
	vici_builder_free(&b);
	return rows;
}

START_TEST(each_tunnel_is_one_row_whether_it_is_up_or_not)
{
	struct running moon, sun;

	running_start(&moon, NULL);
	running_start(&sun, NULL);
	running_load_pair(&moon, &sun);
	struct vici_client *client = running_client(&moon);
	ck_assert_str_eq(tunnels(client, NULL), "net IDLE, ");
	running_swanctl(&moon, "--initiate --child net");
	ck_assert_str_eq(tunnels(client, NULL), "net INSTALLED, ");
	ck_assert_str_eq(tunnels(client, "home"), "net INSTALLED, ");
	ck_assert_str_eq(tunnels(client, "other"), "");
	running_swanctl(&moon, "--terminate --child net");
	ck_assert_str_eq(tunnels(client, NULL), "- ESTABLISHED, net IDLE, ");
	vici_client_free(client);
	ck_assert_int_eq(running_stop(&moon), 0);
	ck_assert_int_eq(running_stop(&sun), 0);
}
END_TEST

TCase *list_tunnels_cases(void)
{
	TCase *tests = tcase_create("list tunnels");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, one_look_finds_every_sa_and_lasts_a_while);
	tcase_add_test(tests, a_look_in_steps_counts_when_it_is_complete);
	tcase_add_test(tests, each_tunnel_is_one_row_whether_it_is_up_or_not);
	return tests;
}
