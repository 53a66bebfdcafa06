/*
 * Memory runs out at the Nth allocation of an engine, for every N: nothing crashes, leaks or waits
 * for ever, commands are answered, and an orderly end leaves the kernels empty.
 *
 * The linker hands the allocating functions to the ones here (--wrap); they refuse once, inside a
 * call of an engine and outside its host's functions, which belong to the test.
 */
#include "libike/eap/eap.h"
#include "testing/unit/engine/duo.h"

#include <stdlib.h>

static unsigned long allocations; /* of engines, in this run */
static unsigned long refuse_at;   /* 0: never */
static bool armed;
static int in_host;
static struct duo *running;

static bool refused(void)
{
	if (!armed || in_host || !(running->moon->busy || running->sun->busy))
		return false;
	return ++allocations == refuse_at;
}

#include "testing/unit/engine/refused_allocations.h"

/* ---- The simulator's host, with in_host around it ---- */

static void host_send(void *context, const struct ike_datagram *datagram)
{
	struct sim_node *n = context;

	in_host++;
	n->host.send(n, datagram);
	in_host--;
}

static bool host_sign(void *context, const struct ike_sign *what, uint64_t ticket)
{
	struct sim_node *n = context;
	bool done;

	in_host++;
	done = n->host.sign(n, what, ticket);
	in_host--;
	return done;
}

static bool host_source_address(void *context, const struct address *remote, struct address *ret)
{
	struct sim_node *n = context;

	return n->host.source_address(n, remote, ret);
}

static bool host_spi_allocate(void *context, uint8_t protocol, const struct address *source,
	const struct address *destination, uint32_t reqid, uint32_t *ret_spi, struct why *why)
{
	struct sim_node *n = context;
	bool done;

	in_host++;
	done = n->host.spi_allocate(n, protocol, source, destination, reqid, ret_spi, why);
	in_host--;
	return done;
}

static bool host_sa_install(void *context, const struct ike_kernel_sa *sa, struct why *why)
{
	struct sim_node *n = context;
	bool done;

	in_host++;
	done = n->host.sa_install(n, sa, why);
	in_host--;
	return done;
}

static void host_sa_remove(void *context, const struct ike_kernel_id *id)
{
	struct sim_node *n = context;

	n->host.sa_remove(n, id);
}

static bool host_sa_query(
	void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	struct sim_node *n = context;

	return n->host.sa_query(n, id, ret);
}

static bool host_policies_install(
	void *context, const struct ike_kernel_policies *policies, struct why *why)
{
	struct sim_node *n = context;
	bool done;

	in_host++;
	done = n->host.policies_install(n, policies, why);
	in_host--;
	return done;
}

static void host_policies_remove(void *context, const struct ike_kernel_policies *policies)
{
	struct sim_node *n = context;

	n->host.policies_remove(n, policies);
}

static bool host_address_install(
	void *context, const struct address *address, const struct address *local, struct why *why)
{
	struct sim_node *n = context;
	bool done;

	in_host++;
	done = n->host.address_install(n, address, local, why);
	in_host--;
	return done;
}

static void host_log(void *context, const struct ike_log *log)
{
	struct sim_node *n = context;

	in_host++;
	n->host.log(n, log);
	in_host--;
}

static bool host_log_wanted(void *context, uint8_t group, int level)
{
	struct sim_node *n = context;

	return n->host.log_wanted(n, group, level);
}

static void host_event(void *context, const struct ike_event *event)
{
	struct sim_node *n = context;

	in_host++;
	n->host.event(n, event);
	in_host--;
}

static void host_command_done(void *context, uint64_t ticket, bool done, const char *text)
{
	struct sim_node *n = context;

	in_host++;
	n->host.command_done(n, ticket, done, text);
	in_host--;
}

static void start(struct sim_node *n, const struct sim_definition *side, const char *psk)
{
	struct ike_host host;
	struct why why = { "" };

	sim_node_start(n);
	ike_engine_free(n->engine);
	host = n->host;
	host.send = host_send;
	host.sign = host_sign;
	host.source_address = host_source_address;
	host.spi_allocate = host_spi_allocate;
	host.sa_install = host_sa_install;
	host.sa_remove = host_sa_remove;
	host.sa_query = host_sa_query;
	host.policies_install = host_policies_install;
	host.policies_remove = host_policies_remove;
	host.address_install = host_address_install;
	host.log = host_log;
	host.log_wanted = host_log_wanted;
	host.event = host_event;
	host.command_done = host_command_done;
	n->engine = ike_engine_new(&host, &n->settings, &why);
	ck_assert_ptr_nonnull(n->engine);
	sim_node_psk(n, psk, NULL);
	ck_assert_msg(sim_node_load(n, sim_define(side), &why), "%s", why.text);
}

/* ---- One run ---- */

static void let(struct duo *d)
{
	sim_world_settle(d->world, d->world->now + IKE_SECONDS(400));
}

static void move(struct sim_node *n, const char *text)
{
	struct address a;

	ck_assert(address_parse(text, &a));
	sim_node_move(n, 0, &a);
}

/* The child's networks change: it is made anew. The definition itself found memory. */
static struct ike_connection *changed(const struct duo *d)
{
	struct sim_definition side = d->sun_side;

	side.children[0].local_ts = "10.2.3.0/24";
	side.unique = IKE_UNIQUE_REPLACE;
	return sim_define(&side);
}

/* ---- Ways to prove who one is: the initiator's two rounds ---- */

static void two_rounds(void *context, struct ike_connection *c)
{
	const struct duo *d = context;
	bool sun = strcmp(c->name, d->sun_side.name) == 0;
	struct ike_auth_rounds *rounds = sun ? &c->local : &c->remote;

	ck_assert(ike_auth_rounds_add(
		rounds, IKE_AUTH_CLASS_EAP, ike_identity_hold(rounds->items[0].id)));
	rounds->items[1].eap_method = IKE_EAP_METHOD_MSCHAPV2;
}

static void prepare_proofs(struct duo *d)
{
	d->moon_side.pubkey = d->sun_side.pubkey = true;
	d->moon_side.adjust = d->sun_side.adjust = two_rounds;
	d->moon_side.adjust_context = d->sun_side.adjust_context = d;
}

static void load_proofs(struct duo *d)
{
	static const char *const owners[] = { "sun.example.org", NULL };

	sim_node_certify(d->moon, "moon.example.org");
	sim_node_certify(d->sun, "sun.example.org");
	sim_node_eap(d->moon, "of sun alone", owners);
	sim_node_eap(d->sun, "of sun alone", owners);
}

static void prove(struct duo *d)
{
	struct ike_terminate all = { .ike = "moon" };
	struct why why;

	(void)sim_node_initiate(d->sun, "moon", "net", &why);
	let(d);
	(void)sim_node_terminate(d->sun, &all, &why);
	let(d);
}

static void set_up_and_take_down(struct duo *d, struct ike_connection *anew)
{
	struct ike_terminate child = { .child = "net" }, all = { .ike = "moon" };
	struct ike_rekey rekey = { .child = "net" }, ike_rekey = { .ike = "sun" };
	struct why why;

	(void)sim_node_install(d->sun, "moon", "net", &why);
	(void)sim_node_initiate(d->sun, "moon", "net", &why);
	let(d);
	(void)sim_node_initiate(d->moon, "sun", "net", &why);
	let(d);
	(void)sim_node_rekey(d->sun, &rekey, &why);
	let(d);
	(void)sim_node_rekey(d->moon, &ike_rekey, &why);
	let(d);
	ike_rekey = (struct ike_rekey){ .ike = "moon", .reauth = true };
	(void)sim_node_rekey(d->sun, &ike_rekey, &why);
	let(d);
	(void)sim_node_load(d->sun, anew, &why);
	let(d);
	move(d->sun, "10.2.0.9");
	let(d);
	move(d->moon, "192.0.2.77");
	let(d);
	(void)sim_node_terminate(d->sun, &child, &why);
	let(d);
	(void)sim_node_initiate(d->sun, "moon", NULL, &why);
	let(d);
	(void)sim_node_terminate(d->sun, &all, &why);
	let(d);
}

/* True when the run came to its end before that allocation. */
static bool run(unsigned long refuse, bool proofs)
{
	struct duo d = duo_begin(true);

	running = &d;
	d.world->log_level = IKE_LOG_INFO;
	d.sun->settings.fragment_size_v4 = d.moon->settings.fragment_size_v4 = 290;
	d.sun_side.vips = "0.0.0.0";
	d.moon_side.pools = "rw";
	if (proofs)
		prepare_proofs(&d);
	start(d.moon, &d.moon_side, d.moon_psk);
	start(d.sun, &d.sun_side, d.sun_psk);
	sim_node_pool(d.moon, "rw", "10.8.0.0/16", "10.1.0.53");
	if (proofs)
		load_proofs(&d);
	struct ike_connection *anew = proofs ? NULL : changed(&d);
	allocations = 0;
	refuse_at = refuse;
	armed = true;
	if (proofs)
		prove(&d);
	else
		set_up_and_take_down(&d, anew);
	armed = false;
	/* It works again. */
	for (int i = 0; i < 2; i++)
		sim_node_shutdown(i ? d.sun : d.moon);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(400));
	for (int i = 0; i < 2; i++) {
		struct sim_node *n = i ? d.sun : d.moon;

		ck_assert_msg(
			ike_engine_is_idle(n->engine) && !n->kernel.sas && !n->kernel.policies,
			"allocation %lu: %s leaves something", refuse, n->name);
	}
	sim_check_commands(d.world);
	ck_assert_msg(d.world->complaints == 0, "allocation %lu: %s", refuse, d.world->complaint);
	sim_world_end(d.world);
	sim_world_free(d.world);
	free(d.world);
	return allocations < refuse;
}

START_TEST(every_allocation_may_fail)
{
	unsigned long n = 1;

	while (!run(n, _i))
		n++;
	ck_assert_uint_gt(n, 50);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tests = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 100);
	tcase_add_loop_test(tests, every_allocation_may_fail, 0, 2);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
