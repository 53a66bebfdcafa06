/* IKEv1's failures are kept with the probable cause, soon, and with a cure. Sun initiates. */
#include "libike/engine_priv.h"
#include "libike/ikev1/ikev1.h"
#include "testing/unit/engine/certified.h"

static const struct ike_failure_record *early(
	struct duo *d, const struct sim_node *n, ike_time begun, ike_time seconds)
{
	const struct ike_failure_record *record =
		duo_explains(n, duo_name(d, n), IKE_REASON_AUTH_FAILED, "different pre-shared keys",
			"set the same secret at both ends");

	ck_assert_int_le(record->first - begun, IKE_SECONDS(seconds));
	ck_assert_uint_eq(record->count, 1);
	ck_assert_uint_eq(record->version, 1);
	ck_assert_uint_eq(record->phase, IKE_PHASE_AUTH);
	return record;
}

/* Until half-open IKE SAs are gone, too. */
static void comes_to_nothing(struct duo *d)
{
	ck_assert(!duo_initiate(d, d->sun, "net")->done);
	sim_world_settle(d->world, d->world->now + IKE_SECONDS(60));
	ck_assert_uint_eq(duo_ike_sas(d->moon), 0);
	ck_assert_uint_eq(duo_ike_sas(d->sun), 0);
}

static void fails(struct duo *d)
{
	duo_start(d);
	comes_to_nothing(d);
}

/* ---- Pre-shared keys that differ ---- */

START_TEST(a_wrong_key_in_main_mode)
{
	struct duo d = duo_begin_ikev1(false);
	ike_time begun;

	d.sun_psk = "what only sun believes";
	begun = d.world->now;
	fails(&d);
	duo_contains(early(&d, d.sun, begun, 1)->failure.text, "it says PAYLOAD_MALFORMED");
	duo_contains(early(&d, d.moon, begun, 1)->failure.text, "cannot decrypt the proof of");
	duo_end(&d);
}
END_TEST

/* What the responder says to message 5. */
struct responder {
	bool speaks; /* in a way that nobody could read; else it is silent */
	unsigned seen;
};

static bool answer(void *context, struct sim_world *w, struct sim_flight *flight)
{
	struct responder *r = context;

	(void)w;
	if (++r->seen <= 5)
		return true;
	if (!r->speaks || flight->from != 0)
		return flight->from != 0;
	/* INFORMATIONAL, encrypted, with a message id, and noise */
	flight->data[18] = ISAKMP_EXCHANGE_INFORMATIONAL;
	flight->data[19] = ISAKMP_FLAG_ENCRYPTED;
	flight->data[23] = 1;
	flight->length = IKE_HEADER_LENGTH + 64;
	flight->data[26] = 0;
	flight->data[27] = (uint8_t)flight->length;
	memset(flight->data + IKE_HEADER_LENGTH, 0x55, 64);
	return true;
}

/* Without a word of the responder's the first repetition has to do. */
START_TEST(a_wrong_key_and_a_responder_that_says_nothing_that_can_be_read)
{
	struct duo d = duo_begin_ikev1(false);
	struct responder r = { .speaks = _i };
	ike_time begun;

	d.sun_psk = "what only sun believes";
	d.world->filter = answer;
	d.world->filter_context = &r;
	begun = d.world->now;
	fails(&d);
	duo_contains(early(&d, d.sun, begun, _i ? 1 : 5)->failure.text,
		_i ? "with what cannot be decrypted" : "answers, but not to our proof");
	duo_end(&d);
}
END_TEST

/* Then it may be the port, too. */
START_TEST(behind_a_nat_silence_can_be_the_port)
{
	struct duo d = duo_begin(true);
	struct responder r = { 0 };

	d.moon_side.version = d.sun_side.version = 1;
	d.moon_side.proposals = d.sun_side.proposals = "aes128-sha256-ecp256";
	d.sun_psk = "what only sun believes";
	d.world->filter = answer;
	d.world->filter_context = &r;
	fails(&d);
	early(&d, d.sun, 0, 100000);
	duo_explains(d.sun, "moon", IKE_REASON_AUTH_FAILED, "or UDP port 4500 is blocked",
		"let UDP port 4500 pass");
	duo_end(&d);
}
END_TEST

START_TEST(a_wrong_key_in_aggressive_mode)
{
	struct duo d = duo_begin_ikev1(true);
	ike_time begun;

	d.sun_psk = "what only sun believes";
	begun = d.world->now;
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	duo_explains(d.sun, "moon", IKE_REASON_AUTH_FAILED, "different pre-shared keys",
		"set the same secret at both ends");
	ck_assert_int_le(
		duo_failure(d.sun, "moon", IKE_REASON_AUTH_FAILED)->first - begun, IKE_SECONDS(1));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	early(&d, d.moon, begun, 1);
	duo_end(&d);
}
END_TEST

/* A datagram that is lost makes one look, and it is over when the tunnel is there. */
START_TEST(a_suspicion_is_over_when_the_proof_is_answered)
{
	struct duo d = duo_begin_ikev1(false);
	struct responder r = { .seen = 4 };

	d.world->filter = answer;
	d.world->filter_context = &r;
	duo_start(&d);
	sim_world_settle(d.world, d.world->now);
	r.seen = 0;
	struct why why;
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	sim_world_run(d.world, d.world->now + IKE_SECONDS(5));
	ck_assert_int_eq(early(&d, d.sun, d.world->now, 0)->worked_at, IKE_NEVER);
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert_int_ne(duo_failure(d.sun, "moon", IKE_REASON_AUTH_FAILED)->worked_at, IKE_NEVER);
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(a_missing_key)
{
	struct duo d = duo_begin_ikev1(_i);

	d.sun_psk = NULL;
	fails(&d);
	duo_explains(d.sun, "moon", IKE_REASON_NO_SHARED_KEY,
		"no secret is loaded for the ids \"sun.example.org\" and \"moon.example.org\"",
		"id-1 = sun.example.org, id-2 = moon.example.org");
	duo_end(&d);
}
END_TEST

/* ---- Other reasons in phase 1 ---- */

START_TEST(aggressive_mode_with_a_key_that_is_not_allowed)
{
	struct duo d = duo_begin_ikev1(true);

	d.moon->settings.aggressive_psk = false;
	fails(&d);
	duo_explains(d.moon, "sun", IKE_REASON_POLICY, "disabled for security reasons",
		"i_dont_care_about_security_and_use_aggressive_mode_psk = yes");
	duo_explains(d.sun, "moon", IKE_REASON_AUTH_FAILED,
		"the peer refuses our Aggressive Mode: it does not allow that with pre-shared keys",
		"connections.moon.aggressive = no");
	duo_end(&d);
}
END_TEST

START_TEST(no_common_proposal)
{
	struct duo d = duo_begin_ikev1(_i);
	const struct ike_failure_record *record;

	d.sun_side.proposals = "aes256-sha384-ecp384";
	fails(&d);
	record = duo_explains(d.moon, "sun", IKE_REASON_NO_PROPOSAL, "no IKE proposal in common",
		"connections.sun.proposals");
	duo_contains(record->failure.theirs, "AES_CBC_256/HMAC_SHA2_384_192");
	duo_contains(record->failure.ours, "AES_CBC_128/HMAC_SHA2_256_128");
	duo_contains(record->failure.differs, "encryption");
	record = duo_explains(d.sun, "moon", IKE_REASON_NO_PROPOSAL,
		"accepts none of our proposals, wants another way to authenticate",
		"connections.moon.proposals");
	duo_contains(record->failure.ours, "AES_CBC_256/HMAC_SHA2_384_192");
	ck_assert_uint_eq(record->failure.notify, ISAKMP_NOTIFY_NO_PROPOSAL_CHOSEN);
	duo_end(&d);
}
END_TEST

/* Signatures against a pre-shared key. */
START_TEST(other_ways_to_authenticate)
{
	struct duo d = duo_begin_ikev1(false);

	struct pki_certificate ca = pki_root("/O=test/CN=CA");

	d.sun_side.pubkey = true;
	duo_start(&d);
	certified_give(d.sun, &ca, SUN, "p256", 2);
	comes_to_nothing(&d);
	pki_free(&ca);
	duo_explains(d.moon, "sun", IKE_REASON_NO_PROPOSAL, "authenticate in different ways",
		"set auth in connections.sun.local and remote");
	duo_explains(d.sun, "moon", IKE_REASON_NO_PROPOSAL, "another way to authenticate", "auth");
	duo_end(&d);
}
END_TEST

START_TEST(an_identity_that_nobody_knows)
{
	struct duo d = duo_begin_ikev1(_i);

	d.sun_side.local_id = "mars.example.org";
	fails(&d);
	duo_explains(d.moon, "sun", IKE_REASON_WRONG_IDENTITY,
		"the peer calls itself \"mars.example.org\"",
		"connections.sun.remote.id = mars.example.org");
	duo_explains(d.sun, "moon", IKE_REASON_AUTH_FAILED,
		_i ? "no connection for \"mars.example.org\"" : "not for the pre-shared key",
		_i ? "remote.id" : "connections.moon.local.id");
	duo_end(&d);
}
END_TEST

START_TEST(somebody_else_answers)
{
	struct duo d = duo_begin_ikev1(_i);

	d.sun_side.remote_id = "*.example.net";
	fails(&d);
	duo_explains(d.sun, "moon", IKE_REASON_WRONG_IDENTITY,
		"the peer calls itself \"moon.example.org\"",
		"connections.moon.remote.id = moon.example.org");
	duo_end(&d);
}
END_TEST

START_TEST(the_other_mode)
{
	struct duo d = duo_begin_ikev1(_i);

	d.sun_side.aggressive = !_i;
	fails(&d);
	duo_explains(d.moon, NULL, IKE_REASON_NO_CONNECTION,
		_i ? "allows IKEv1's Main Mode" : "allows IKEv1's Aggressive Mode",
		"the same aggressive = yes or no at both ends");
	duo_explains(d.sun, "moon", IKE_REASON_NO_PROPOSAL, "answers in the other mode",
		"connections.moon.proposals, auth (psk, pubkey, xauth), aggressive");
	duo_end(&d);
}
END_TEST

START_TEST(the_other_version)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon_side.version = _i ? 1 : 2;
	d.sun_side.version = _i ? 2 : 1;
	fails(&d);
	duo_explains(d.moon, NULL, IKE_REASON_NO_CONNECTION,
		_i ? "192.0.2.2 speaks IKEv2, and what is loaded for it here is for IKEv1"
		   : "192.0.2.2 speaks IKEv1, and what is loaded for it here is for IKEv2",
		"set the same version");
	duo_explains(
		d.sun, "moon", IKE_REASON_NO_PROPOSAL, _i ? "IKEv2" : "not with IKEv1", "version");
	duo_end(&d);
}
END_TEST

START_TEST(nobody_answers)
{
	struct duo d = duo_begin_ikev1(_i);

	duo_start(&d);
	sim_node_crash(d.moon);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	duo_explains(d.sun, "moon", IKE_REASON_PEER_SILENT, "or none that speaks IKEv1",
		"connections.moon.remote_addrs and version");
	ck_assert_str_eq(ike_phase_name(IKE_PHASE_INIT, 1), "phase 1");
	duo_end(&d);
}
END_TEST

/* With signatures nothing tells what is wrong; what is large then is the certificate, and behind a
 * NAT it goes to another port. */
START_TEST(nobody_answers_our_certificate)
{
	struct duo d = duo_begin(_i);
	struct responder r = { 0 };
	struct pki_certificate ca = pki_root("/O=test/CN=CA");

	d.moon_psk = d.sun_psk = NULL;
	d.moon_side.version = d.sun_side.version = 1;
	d.moon_side.pubkey = d.sun_side.pubkey = true;
	d.moon_side.proposals = d.sun_side.proposals = "aes128-sha256-ecp256";
	duo_start(&d);
	certified_give(d.moon, &ca, MOON, "p256", 1);
	certified_give(d.sun, &ca, SUN, "p256", 2);
	d.world->filter = answer;
	d.world->filter_context = &r;
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	duo_explains(d.sun, "moon", IKE_REASON_PEER_SILENT,
		_i ? "UDP port 4500, where it goes as there is a NAT in between, or large packets "
		     "are blocked"
		   : "not our proof: large packets are blocked on the way",
		"set fragmentation = yes at both ends and charon.fragment_size lower");
	pki_free(&ca);
	duo_end(&d);
}
END_TEST

/* ---- Quick Mode ---- */

START_TEST(no_common_child_proposal)
{
	struct duo d = duo_begin_ikev1(false);
	const struct ike_failure_record *record;

	d.sun_side.children[0].proposals = "aes256-sha256";
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	record = duo_explains(d.moon, "sun", IKE_REASON_NO_CHILD_PROPOSAL, "their encryption",
		"connections.sun.children.net.esp_proposals");
	ck_assert_str_eq(record->child, "net");
	duo_contains(record->failure.theirs, "AES_CBC_256");
	duo_contains(record->failure.ours, "AES_GCM_16_128");
	record = duo_explains(d.sun, "moon", IKE_REASON_NO_CHILD_PROPOSAL,
		"the peer accepts none of our proposals for the child",
		"connections.moon.children.net.esp_proposals");
	duo_contains(record->failure.ours, "AES_CBC_256");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(pfs_that_differs)
{
	struct duo d = duo_begin_ikev1(false);

	d.moon_side.children[0].proposals = _i == 0 ? "aes128-sha1" : "aes128-sha1-ecp256";
	d.sun_side.children[0].proposals = _i == 2 ? "aes128-sha1" : "aes128-sha1-modp2048";
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	duo_explains(d.moon, "sun", IKE_REASON_PFS, "everything but the key exchange of the child",
		"connections.sun.children.net.esp_proposals");
	duo_explains(d.sun, "moon", IKE_REASON_NO_CHILD_PROPOSAL, "the group for PFS differs",
		"with the same group at the end or none");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

START_TEST(selectors_that_differ)
{
	struct duo d = duo_begin_ikev1(false);
	const struct ike_failure_record *record;

	d.sun_side.children[0].remote_ts = "10.99.0.0/16";
	duo_start(&d);
	ck_assert(!duo_initiate(&d, d.sun, "net")->done);
	record = duo_explains(d.moon, "sun", IKE_REASON_NO_SELECTORS,
		"local_ts has nothing in common", "connections.sun.children.net.local_ts");
	duo_contains(record->failure.theirs, "10.99.0.0/16");
	duo_explains(d.sun, "moon", IKE_REASON_NO_SELECTORS, "the peer has no child for",
		"connections.moon.children.net.");
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

/* ---- What is under way ---- */

START_TEST(an_attempt_that_is_ended_says_so)
{
	struct duo d = _i ? duo_begin_ikev1(false) : duo_begin(false);
	struct ike_terminate what = { .ike = "moon" };
	struct why why;

	duo_start(&d);
	sim_node_crash(d.moon);
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	ck_assert_ptr_nonnull(sim_node_terminate(d.sun, &what, &why));
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	ck_assert(sim_node_logged(d.sun, "ending IKE_SA moon[1] before it is established"));
	ck_assert_uint_eq(duo_ike_sas(d.sun), 0);
	duo_end(&d);
}
END_TEST

static void shows(const struct sim_node *n, const char *active, const char *queued)
{
	const struct ike_sa *sa = ike_engine_sa_next(n->engine, NULL);
	const struct ike_task *task = sa->tasks;

	ck_assert_str_eq(ike_task_name_in(sa, sa->active), active);
	while (task && !ike_task_name_in(sa, task))
		task = task->next;
	ck_assert_ptr_nonnull(task);
	ck_assert_str_eq(ike_task_name_in(sa, task), queued);
}

START_TEST(tasks_have_strongswans_names)
{
	struct duo d = duo_begin_ikev1(_i);
	struct responder r = { .seen = 1 };
	struct why why;

	duo_start(&d);
	d.world->filter = answer;
	d.world->filter_context = &r;
	ck_assert_ptr_nonnull(sim_node_initiate(d.sun, "moon", "net", &why));
	shows(d.sun, _i ? "AGGRESSIVE_MODE" : "MAIN_MODE", "QUICK_MODE");
	sim_world_run(d.world, d.world->now + IKE_SECONDS(1));
	if (_i) {
		const struct ike_sa *sa = ike_engine_sa_next(d.sun->engine, NULL);

		ck_assert_str_eq(ike_task_name_in(sa, sa->active), "QUICK_MODE");
	} else {
		shows(d.sun, "MAIN_MODE", "QUICK_MODE");
	}
	d.world->filter = NULL;
	sim_world_settle(d.world, d.world->now + IKE_SECONDS(60));
	duo_down(&d, d.sun);
	duo_end(&d);
}
END_TEST

TCase *ikev1_explain_tests(void)
{
	TCase *tests = tcase_create("explain");

	tcase_add_test(tests, a_wrong_key_in_main_mode);
	tcase_add_loop_test(
		tests, a_wrong_key_and_a_responder_that_says_nothing_that_can_be_read, 0, 2);
	tcase_add_test(tests, behind_a_nat_silence_can_be_the_port);
	tcase_add_test(tests, a_wrong_key_in_aggressive_mode);
	tcase_add_test(tests, a_suspicion_is_over_when_the_proof_is_answered);
	tcase_add_loop_test(tests, a_missing_key, 0, 2);
	tcase_add_test(tests, aggressive_mode_with_a_key_that_is_not_allowed);
	tcase_add_loop_test(tests, no_common_proposal, 0, 2);
	tcase_add_test(tests, other_ways_to_authenticate);
	tcase_add_loop_test(tests, an_identity_that_nobody_knows, 0, 2);
	tcase_add_loop_test(tests, somebody_else_answers, 0, 2);
	tcase_add_loop_test(tests, the_other_mode, 0, 2);
	tcase_add_loop_test(tests, the_other_version, 0, 2);
	tcase_add_loop_test(tests, nobody_answers, 0, 2);
	tcase_add_loop_test(tests, nobody_answers_our_certificate, 0, 2);
	tcase_add_loop_test(tests, tasks_have_strongswans_names, 0, 2);
	tcase_add_loop_test(tests, an_attempt_that_is_ended_says_so, 0, 2);
	tcase_add_test(tests, no_common_child_proposal);
	tcase_add_loop_test(tests, pfs_that_differs, 0, 3);
	tcase_add_test(tests, selectors_that_differ);
	return tests;
}
