/* Every failure is kept with its cause and its cure, named so that an operator can act on it. */
#include "libike/advice.h"
#include "libike/causes.h"
#include "testing/unit/engine/duo.h"

static size_t count_records(const struct sim_node *n, const char *connection)
{
	size_t count = 0;

	while (ike_engine_failure(n->engine, connection, count))
		count++;
	return count;
}

static void fails(struct duo *d, struct sim_node *n)
{
	ck_assert(!duo_initiate(d, n, "net")->done);
	sim_world_settle(d->world, d->world->now + IKE_SECONDS(60));
}

START_TEST(a_wrong_psk_at_both_ends)
{
	struct duo d = duo_begin(false);
	const struct ike_failure_record *record;

	d.sun_psk = "what only sun believes";
	duo_start(&d);
	fails(&d, d.sun);
	record = duo_explains(d.sun, "moon", IKE_REASON_AUTH_FAILED,
		"its secret for \"sun.example.org\" and \"moon.example.org\" is another",
		"set the same secret at both ends");
	ck_assert(record->we_initiated);
	ck_assert_uint_eq(record->phase, IKE_PHASE_AUTH);
	ck_assert_uint_eq(record->count, 1);
	ck_assert_ptr_null(record->child);
	record = duo_explains(d.moon, "sun", IKE_REASON_AUTH_FAILED, "is another one at the peer",
		"chosen by the ids \"moon.example.org\" and \"sun.example.org\"");
	ck_assert(!record->we_initiated);
	ck_assert_str_eq(record->failure.differs, "secret");
	duo_end(&d);
}
END_TEST

START_TEST(a_missing_psk)
{
	struct duo d = duo_begin(false);

	d.sun_psk = NULL;
	duo_start(&d);
	fails(&d, d.sun);
	duo_explains(d.sun, "moon", IKE_REASON_NO_SHARED_KEY, "no secret is loaded",
		"id-1 = sun.example.org, id-2 = moon.example.org");
	duo_end(&d);
}
END_TEST

START_TEST(a_wrong_id_of_the_initiator)
{
	struct duo d = duo_begin(false);
	const struct ike_failure_record *record;

	d.sun_side.local_id = "mars.example.org";
	duo_start(&d);
	fails(&d, d.sun);
	record = duo_explains(d.moon, "sun", IKE_REASON_WRONG_IDENTITY,
		"the peer calls itself \"mars.example.org\"",
		"connections.sun.remote.id = mars.example.org");
	ck_assert_str_eq(record->failure.ours, "sun.example.org");
	duo_explains(d.sun, "moon", IKE_REASON_AUTH_FAILED, "no connection for these ids", "ids");
	duo_end(&d);
}
END_TEST

START_TEST(a_wrong_id_wanted_by_the_initiator)
{
	struct duo d = duo_begin(false);

	d.sun_side.remote_id = "mars.example.org";
	duo_start(&d);
	fails(&d, d.sun);
	duo_explains(d.moon, "sun", IKE_REASON_WRONG_IDENTITY,
		"the peer asks for \"mars.example.org\"",
		"connections.sun.local.id = mars.example.org");
	duo_end(&d);
}
END_TEST

START_TEST(somebody_else_answers)
{
	struct duo d = duo_begin(false);

	d.sun_side.remote_id = "*.example.net";
	duo_start(&d);
	fails(&d, d.sun);
	duo_explains(d.sun, "moon", IKE_REASON_WRONG_IDENTITY,
		"the peer calls itself \"moon.example.org\"",
		"connections.moon.remote.id = moon.example.org");
	duo_end(&d);
}
END_TEST

START_TEST(no_common_ike_proposal)
{
	struct duo d = duo_begin(false);
	const struct ike_failure_record *record;

	d.sun_side.proposals = "aes256-sha256-ecp384,aes256-sha384-x25519";
	duo_start(&d);
	fails(&d, d.sun);
	record = duo_explains(d.moon, "sun", IKE_REASON_NO_PROPOSAL,
		"their encryption, key exchange", "connections.sun.proposals");
	duo_contains(record->failure.theirs, "AES_CBC_256/HMAC_SHA2_384_192");
	duo_contains(record->failure.ours, "AES_CBC_128");
	duo_explains(d.sun, "moon", IKE_REASON_NO_PROPOSAL, "accepts none of our IKE proposals",
		"connections.moon.proposals");
	duo_end(&d);
}
END_TEST

START_TEST(no_common_esp_proposal)
{
	struct duo d = duo_begin(false);
	const struct ike_failure_record *record;

	d.sun_side.children[0].proposals = "aes256gcm16";
	duo_start(&d);
	fails(&d, d.sun);
	record = duo_explains(d.moon, "sun", IKE_REASON_NO_CHILD_PROPOSAL,
		"their encryption differs", "connections.sun.children.net.esp_proposals");
	ck_assert_str_eq(record->child, "net");
	record = duo_explains(d.sun, "moon", IKE_REASON_NO_CHILD_PROPOSAL, "the peer accepts none",
		"connections.moon.children.net.esp_proposals");
	ck_assert_str_eq(record->child, "net");
	ck_assert_uint_eq(record->failure.notify, 14);
	duo_end(&d);
}
END_TEST

/* IKE_AUTH negotiates no group: it shows with the next key. */
START_TEST(pfs_that_differs)
{
	struct duo d = duo_begin(false);

	d.moon_side.children[0].proposals = _i == 0 ? "aes128gcm16" : "aes128gcm16-ecp256";
	d.sun_side.children[0].proposals = _i == 2 ? "aes128gcm16" : "aes128gcm16-x25519";
	duo_start(&d);
	duo_up(&d, d.sun, "net");
	ck_assert_uint_eq(count_records(d.moon, "sun"), 0);
	fails(&d, d.sun);
	duo_explains(d.sun, "moon", IKE_REASON_PFS, "everything but the key exchange",
		"connections.moon.children.net.esp_proposals");
	duo_explains(d.moon, "sun", IKE_REASON_PFS, "everything but the key exchange",
		"connections.sun.children.net.esp_proposals");
	duo_end(&d);
}
END_TEST

START_TEST(selectors_that_differ)
{
	struct duo d = duo_begin(false);

	d.sun_side.children[0].remote_ts = "10.99.0.0/16";
	duo_start(&d);
	fails(&d, d.sun);
	duo_explains(d.moon, "sun", IKE_REASON_NO_SELECTORS,
		"peer wants 10.99.0.0/16 === 10.2.0.0/16", "connections.sun.children.net.local_ts");
	duo_explains(d.sun, "moon", IKE_REASON_NO_SELECTORS, "10.2.0.0/16 === 10.99.0.0/16",
		"connections.moon.children.net.");
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_is_silent)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	sim_node_crash(d.moon);
	fails(&d, d.sun);
	duo_explains(d.sun, "moon", IKE_REASON_PEER_SILENT,
		"192.0.2.1 does not answer the first message", "connections.moon.remote_addrs");
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_falls_silent)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	duo_up(&d, d.sun, "net");
	sim_node_crash(d.moon);
	fails(&d, d.sun);
	duo_explains(d.sun, "moon", IKE_REASON_PEER_SILENT, "192.0.2.1 answers no longer",
		"dpd_action = start");
	duo_end(&d);
}
END_TEST

START_TEST(no_route)
{
	struct duo d = duo_begin(true);
	struct why why = { "" };
	const struct ike_failure_record *record;

	d.sun_side.remote_addrs = "2001:db8::1";
	duo_start(&d);
	ck_assert_ptr_null(sim_node_initiate(d.sun, "moon", "net", &why));
	record = duo_explains(
		d.sun, "moon", IKE_REASON_NO_ROUTE, "2001:db8::1", "ip route get 2001:db8::1");
	ck_assert_uint_eq(record->phase, IKE_PHASE_START);
	duo_end(&d);
}
END_TEST

/* What start_action wants and cannot begin is said once, and the right thing. */
START_TEST(what_cannot_begin_is_named_once)
{
	struct duo d = duo_begin(true);

	d.sun_side.remote_addrs = _i ? "%any" : "2001:db8::1";
	d.sun_side.children[0].start_action = IKE_ACTION_START;
	duo_start(&d);
	ck_assert_uint_eq(count_records(d.sun, "moon"), 1);
	if (_i)
		duo_explains(
			d.sun, "moon", IKE_REASON_UNSUPPORTED, "no remote address", "definition");
	else
		duo_explains(d.sun, "moon", IKE_REASON_NO_ROUTE, "2001:db8::1", "ip route get");
	sim_node_shutdown(d.sun);
	duo_end(&d);
}
END_TEST

/* With an address of its own configured nobody asks for a route before it is used. */
START_TEST(no_route_any_more)
{
	struct duo d = duo_begin(false);

	d.sun_side.local_addrs = "192.0.2.2";
	duo_start(&d);
	d.sun->address[0].family = 0;
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	duo_explains(d.sun, "moon", IKE_REASON_NO_ROUTE, "192.0.2.1", "ip route get 192.0.2.1");
	duo_end(&d);
}
END_TEST

START_TEST(a_kernel_that_refuses)
{
	struct duo d = duo_begin(false);

	duo_start(&d);
	d.moon->kernel.install_fails = 1000;
	fails(&d, d.sun);
	duo_explains(d.moon, "sun", IKE_REASON_KERNEL, "the kernel of this host",
		"connections.sun.children.net.esp_proposals");
	d.moon->kernel.install_fails = 0;
	duo_end(&d);
}
END_TEST

START_TEST(a_kernel_that_lacks_a_module)
{
	struct duo d = duo_begin(false);
	const struct ike_failure_record *record;

	duo_start(&d);
	d.moon->kernel.missing =
		ike_algorithm_find(IKE_TRANSFORM_ENCRYPTION, IKE_ENCR_AES_GCM_16, 128);
	ck_assert_ptr_nonnull(d.moon->kernel.missing);
	fails(&d, d.sun);
	duo_explains(
		d.moon, "sun", IKE_REASON_KERNEL, "lacks a module", "modprobe -a crypto-missing");
	record = ike_engine_failure(d.moon->engine, "sun", 0);
	ck_assert_str_eq(ike_cause_name(record), "kernel-module-missing");
	d.moon->kernel.missing = NULL;
	duo_end(&d);
}
END_TEST

/* What moon answers to IKE_SA_INIT comes from elsewhere, and what it answers later is taken for a
 * stranger's on the way. */
static bool from_elsewhere(void *context, struct sim_world *w, struct sim_flight *flight)
{
	static const uint8_t marker[4] = { 0 }; /* RFC 3948 2.2 */
	const uint8_t *header =
		flight->data + (memcmp(flight->data, marker, sizeof(marker)) == 0 ? 4 : 0);

	(void)w;
	if (flight->from != 0 || !(header[19] & 0x20 /* response */))
		return true;
	flight->source_seen = *(struct address *)context;
	flight->source_seen.port = flight->source.port;
	return header[18] == IKE_EXCHANGE_SA_INIT;
}

START_TEST(a_peer_that_answers_from_elsewhere)
{
	struct duo d = duo_begin(false);
	struct address elsewhere = duo_address("192.0.2.9");
	const struct ike_failure_record *record;

	duo_start(&d);
	d.world->filter = from_elsewhere;
	d.world->filter_context = &elsewhere;
	fails(&d, d.sun);
	duo_explains(d.sun, "moon", IKE_REASON_PEER_SILENT,
		"asked at 192.0.2.1 and answers from another address, 192.0.2.9",
		"connections.moon.remote_addrs = 192.0.2.9");
	record = ike_engine_failure(d.sun->engine, "moon", 0);
	ck_assert_str_eq(ike_cause_name(record), "peer-answers-elsewhere");
	d.world->filter = NULL;
	duo_end(&d);
}
END_TEST

START_TEST(a_peer_that_nobody_knows)
{
	struct duo d = duo_begin(false);

	d.moon_side.remote_addrs = "192.0.2.77";
	duo_start(&d);
	fails(&d, d.sun);
	ck_assert_uint_eq(count_records(d.moon, "sun"), 0);
	duo_explains(d.moon, NULL, IKE_REASON_NO_CONNECTION,
		"no loaded connection is for a peer at 192.0.2.2", "add 192.0.2.2 to remote_addrs");
	ck_assert_ptr_null(ike_engine_failure(d.moon->engine, "no such connection", 0));
	duo_end(&d);
}
END_TEST

/* With two connections that only the peer's identity rules out nobody knows which was meant. */
START_TEST(an_id_that_fits_neither_of_two)
{
	struct duo d = duo_begin(false);
	struct sim_definition second;
	struct why why = { "" };

	d.sun_side.local_id = "mars.example.org";
	d.moon_side.remote_addrs = "%any";
	duo_start(&d);
	second = d.moon_side;
	second.name = "venus";
	second.remote_id = "venus.example.org";
	ck_assert(sim_node_load(d.moon, sim_define(&second), &why));
	fails(&d, d.sun);
	ck_assert_uint_eq(count_records(d.moon, "sun"), 0);
	ck_assert_uint_eq(count_records(d.moon, "venus"), 0);
	duo_explains(d.moon, NULL, IKE_REASON_NO_CONNECTION, "calls itself \"mars.example.org\"",
		"remote.id = mars.example.org");
	duo_end(&d);
}
END_TEST

START_TEST(the_same_one_is_counted_and_survives_a_reload_and_is_over_when_it_works)
{
	struct duo d = duo_begin(false);
	struct why why = { "" };
	const struct ike_failure_record *record;
	ike_time first;

	d.sun_side.children[0].remote_ts = "10.99.0.0/16";
	duo_start(&d);
	first = d.world->now;
	fails(&d, d.sun);
	sim_world_run(d.world, d.world->now + IKE_SECONDS(1000));
	fails(&d, d.sun);
	record = duo_failure(d.sun, "moon", IKE_REASON_NO_SELECTORS);
	ck_assert_uint_eq(record->count, 2);
	ck_assert_int_lt(record->first, first + IKE_SECONDS(10));
	ck_assert_int_gt(record->last, record->first + IKE_SECONDS(999));
	ck_assert_int_eq(record->worked_at, IKE_NEVER);
	d.sun_side.children[0].remote_ts = "10.1.0.0/16";
	ck_assert(sim_node_load(d.sun, sim_define(&d.sun_side), &why));
	record = duo_failure(d.sun, "moon", IKE_REASON_NO_SELECTORS);
	ck_assert_uint_eq(record->count, 2);
	ck_assert_int_eq(record->worked_at, IKE_NEVER);
	ck_assert(duo_initiate(&d, d.sun, "net")->done);
	record = duo_failure(d.sun, "moon", IKE_REASON_NO_SELECTORS);
	ck_assert_int_le(record->worked_at, d.world->now);
	record = duo_failure(d.moon, "sun", IKE_REASON_NO_SELECTORS);
	ck_assert_int_le(record->worked_at, d.world->now);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

static struct ike_failure_record made_up(enum ike_reason reason, unsigned host)
{
	struct ike_failure_record record = {
		.failure = { .reason = reason },
		.remote = { .family = AF_INET, .octets = { 198, 51, 100, (uint8_t)host } },
	};

	return record;
}

/* Strangers from everywhere must neither fill the memory nor hide what counts. */
START_TEST(a_flood_of_one_kind_leaves_the_others_in_the_list)
{
	struct ike_failures list = { 0 };
	const struct ike_failure_record own = made_up(IKE_REASON_AUTH_FAILED, 1);
	size_t found = 0;

	ck_assert_ptr_nonnull(ike_failures_note(&list, &own, 1));
	for (unsigned i = 0; i < 1000; i++) {
		const struct ike_failure_record strange = made_up(IKE_REASON_NO_PROPOSAL, i);

		ck_assert_ptr_nonnull(ike_failures_note(&list, &strange, 2 + i));
	}
	ck_assert_uint_eq(list.count, IKE_FAILURES_MAX);
	for (size_t i = 0; i < list.count; i++)
		found += list.items[i].failure.reason == IKE_REASON_AUTH_FAILED;
	ck_assert_uint_eq(found, 1);
	ck_assert_uint_eq(list.items[0].remote.octets[3], 999 & 255);
	ck_assert_uint_eq(list.items[1].remote.octets[3], 998 & 255);
	ike_failures_free(&list);
}
END_TEST

/* No reason without words, whatever the record has. */
START_TEST(every_reason_has_cause_and_cure)
{
	for (int reason = IKE_REASON_NONE + 1; reason < IKE_REASONS; reason++)
		for (uint8_t phase = IKE_PHASE_START; phase <= IKE_PHASE_ESTABLISHED; phase++) {
			struct ike_failure_record record = made_up((enum ike_reason)reason, 1);
			char text[] = "what happened";
			struct ike_advice advice;

			record.phase = phase;
			record.failure.text = text;
			ike_advise(&record, NULL, &advice);
			ck_assert_msg(advice.cause[0], "no cause: %s",
				ike_reason_name((enum ike_reason)reason));
			ck_assert_msg(advice.cure[0], "no cure: %s",
				ike_reason_name((enum ike_reason)reason));
		}
}
END_TEST

/* Each row of the table is reached, and so has its example. */
START_TEST(every_cause_has_a_record_that_is_called_so)
{
	struct ike_failure_record record = made_up(IKE_REASON_AUTH_FAILED, 1);
	char pools[] = "rw: 1 of 1 addresses in use", said[] = "certificate";
	size_t i = 0;

	for (const char *last = ""; ike_cause_example(i, &record); i++) {
		const char *name = ike_cause_name(&record);

		/* the one before it would have taken it */
		ck_assert_str_ne(name, last);
		ck_assert_uint_gt(ike_cause_likelihood(&record), 0);
		last = name;
	}
	ck_assert_uint_gt(i, IKE_REASONS);
	record = made_up(IKE_REASON_AUTH_FAILED, 1);
	ck_assert_str_eq(ike_cause_name(&record), "secret-differs");
	record.failure.differs = said;
	record.failure.notify = IKE_NOTIFY_AUTHENTICATION_FAILED;
	ck_assert_str_eq(ike_cause_name(&record), "certificate-refused");
	record = made_up(IKE_REASON_NO_ADDRESS, 1);
	ck_assert_str_eq(ike_cause_name(&record), "no-virtual-address");
	record.failure.ours = pools;
	ck_assert_str_eq(ike_cause_name(&record), "pool-full");
	record = made_up(IKE_REASON_PEER_SILENT, 1);
	record.phase = IKE_PHASE_AUTH;
	ck_assert_str_eq(ike_cause_name(&record), "proof-unanswered");
	record.remote.port = 4500;
	ck_assert_str_eq(ike_cause_name(&record), "port-4500-blocked");
}
END_TEST

/* Without a virtual address the IKE SA comes up: that mends nothing. */
START_TEST(no_address_is_over_with_a_child)
{
	struct ike_failures list = { 0 };
	const struct ike_failure_record record = made_up(IKE_REASON_NO_ADDRESS, 1);

	ck_assert_ptr_nonnull(ike_failures_note(&list, &record, 1));
	ike_failures_worked(&list, NULL, &record.remote, false, 2);
	ck_assert(list.items[0].worked_at == IKE_NEVER);
	ike_failures_worked(&list, "net", &record.remote, false, 3);
	ck_assert(list.items[0].worked_at == 3);
	ike_failures_free(&list);
}
END_TEST

TCase *explain_tests(void)
{
	TCase *tests = tcase_create("explain");

	tcase_add_test(tests, a_wrong_psk_at_both_ends);
	tcase_add_test(tests, a_missing_psk);
	tcase_add_test(tests, a_wrong_id_of_the_initiator);
	tcase_add_test(tests, a_wrong_id_wanted_by_the_initiator);
	tcase_add_test(tests, somebody_else_answers);
	tcase_add_test(tests, no_common_ike_proposal);
	tcase_add_test(tests, no_common_esp_proposal);
	tcase_add_loop_test(tests, pfs_that_differs, 0, 3);
	tcase_add_test(tests, selectors_that_differ);
	tcase_add_test(tests, a_peer_that_is_silent);
	tcase_add_test(tests, a_peer_that_falls_silent);
	tcase_add_test(tests, no_route);
	tcase_add_loop_test(tests, what_cannot_begin_is_named_once, 0, 2);
	tcase_add_test(tests, no_route_any_more);
	tcase_add_test(tests, a_kernel_that_refuses);
	tcase_add_test(tests, a_peer_that_answers_from_elsewhere);
	tcase_add_test(tests, a_kernel_that_lacks_a_module);
	tcase_add_test(tests, a_peer_that_nobody_knows);
	tcase_add_test(tests, an_id_that_fits_neither_of_two);
	tcase_add_test(
		tests, the_same_one_is_counted_and_survives_a_reload_and_is_over_when_it_works);
	tcase_add_test(tests, a_flood_of_one_kind_leaves_the_others_in_the_list);
	tcase_add_test(tests, every_reason_has_cause_and_cure);
	tcase_add_test(tests, every_cause_has_a_record_that_is_called_so);
	tcase_add_test(tests, no_address_is_over_with_a_child);
	return tests;
}
