/* strongswan.conf: which section wins, what is refused, what is warned about. */
#include "charon-lite/log.h"
#include "charon-lite/settings.h"
#include "testing/unit/charon-lite/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct cl_settings parse(const char *text)
{
	struct cl_settings s;
	struct why why;

	ck_assert_msg(cl_settings_parse(text, &s, &why), "%s", why.text);
	return s;
}

START_TEST(defaults_are_strongswans)
{
	struct cl_settings s = parse("");

	ck_assert_uint_eq(s.engine.port, 500);
	ck_assert_uint_eq(s.engine.port_nat_t, 4500);
	ck_assert_uint_eq(s.engine.retransmit_tries, 5);
	ck_assert_int_eq(s.engine.retransmit_timeout, 4000);
	ck_assert_double_eq(s.engine.retransmit_base, 1.8);
	ck_assert_uint_eq(s.keep_alive, 20);
	ck_assert_str_eq(s.socket, "unix:///run/charon.vici");
	ck_assert_ptr_null(s.network.interfaces_use);
	ck_assert(s.network.install_routes && s.network.roam_events);
	ck_assert_uint_eq(s.network.routing_table, 220);
	ck_assert_uint_eq(s.network.routing_table_prio, 220);
	cl_settings_free(&s);
}
END_TEST

START_TEST(our_own_section_wins_over_charons)
{
	struct cl_settings s =
		parse("charon-lite { port = 3\n plugins { vici { socket = unix:///l } } }\n"
		      "charon { port = 1\n port_nat_t = 11\n retransmit_timeout = 2.5\n"
		      "  retransmit_tries = 2\n keep_alive = 1m }\n"
		      "charon-systemd { port = 2\n port_nat_t = 12\n"
		      "  plugins { vici { socket = unix:///s } } }\n");

	ck_assert_uint_eq(s.engine.port, 3);
	ck_assert_uint_eq(s.engine.port_nat_t, 12);
	ck_assert_int_eq(s.engine.retransmit_timeout, 2500);
	ck_assert_uint_eq(s.engine.retransmit_tries, 2);
	ck_assert_uint_eq(s.keep_alive, 60);
	ck_assert_str_eq(s.socket, "unix:///l");
	cl_settings_free(&s);
}
END_TEST

START_TEST(routing_is_read)
{
	struct cl_settings s =
		parse("charon { install_routes = no\n routing_table = 0x10\n"
		      "  ignore_routing_tables = 5 1000,7\n }\n"
		      "charon { plugins { kernel-netlink { roam_events = no } } }\n");

	ck_assert(!s.network.install_routes && !s.network.roam_events);
	ck_assert_uint_eq(s.network.routing_table, 16);
	ck_assert_uint_eq(s.network.ignored_table_count, 3);
	ck_assert_uint_eq(s.network.ignored_tables[1], 1000);
	cl_settings_free(&s);
}
END_TEST

START_TEST(times_of_our_own_are_read)
{
	struct cl_settings s = parse("");
	struct why why;

	ck_assert_uint_eq(s.updown_timeout, 60);
	ck_assert_uint_eq(s.leftover_time, 60);
	cl_settings_free(&s);
	s = parse("charon-lite { leftover_time = 0\n plugins { updown { timeout = 2m } } }\n");
	ck_assert_uint_eq(s.updown_timeout, 120);
	ck_assert_uint_eq(s.leftover_time, 0);
	cl_settings_free(&s);
	ck_assert(!cl_settings_parse(
		"charon-lite { plugins { updown { timeout = 0 } } }\n", &s, &why));
	ck_assert_msg(
		strstr(why.text, "a time that a script could end in") != NULL, "%s", why.text);
}
END_TEST

START_TEST(revocation_is_read)
{
	struct cl_settings s = parse("");

	ck_assert(s.engine.crl && s.engine.ocsp);
	ck_assert_uint_eq(s.fetch_timeout, 10);
	ck_assert_int_eq(s.engine.fetch_timeout, IKE_SECONDS(10));
	ck_assert_uint_eq(s.fetch_redirects, UINT32_MAX);
	ck_assert_uint_eq(s.engine.ocsp_nonce_length, 32);
	cl_settings_free(&s);
	s = parse("charon {\n ocsp_nonce_len = 16\n plugins {\n revocation {\n enable_crl = no\n"
		  "enable_ocsp = no\n timeout = 4s\n}\n curl {\n redir = 3\n}\n}\n}\n");
	ck_assert(!s.engine.crl && !s.engine.ocsp);
	ck_assert_uint_eq(s.fetch_timeout, 4);
	ck_assert_uint_eq(s.fetch_redirects, 3);
	ck_assert_uint_eq(s.engine.ocsp_nonce_length, 16);
	cl_settings_free(&s);
	s = parse("charon {\n plugins {\n curl {\n redir = -1\n}\n}\n}\n");
	ck_assert_uint_eq(s.fetch_redirects, UINT32_MAX);
	cl_settings_free(&s);
}
END_TEST

START_TEST(senseless_values_are_refused_with_their_place)
{
	static const struct {
		const char *text, *reason;
	} wrong[] = {
		{ "charon {\n port = 70000\n}", "test:2: port = 70000" },
		{ "charon {\n retransmit_base = x\n}", "retransmit_base" },
		{ "charon {\n ignore_routing_tables = 5 main\n}", "ignore_routing_tables" },
		{ "charon {\n install_routes = maybe\n}", "install_routes" },
		{ "charon {\n retransmit_timeout = -1\n}", "retransmit_timeout" },
		{ "charon {\n half_open_timeout = soon\n}", "half_open_timeout" },
		{ "charon {\n dos_protection = perhaps\n}", "dos_protection" },
		{ "charon {\n port_nat_t = 500\n}", "must differ" },
		{ "charon {\n ocsp_nonce_len = 0\n}", "ocsp_nonce_len" },
		{ "charon {\n ocsp_nonce_len = 33\n}", "ocsp_nonce_len" },
		{ "charon {\n plugins {\n revocation {\n timeout = 0\n}\n}\n}", "timeout = 0" },
		{ "charon {\n plugins {\n curl {\n redir = -2\n}\n}\n}", "redir" },
		{ "charon {\n spi_min = 255\n}", "spi_min = 255" },
		{ "charon {\n spi_max = 0x1000\n}", "spi_max" },
		{ "charon {\n replay_window = 4097\n}", "replay_window" },
		{ "charon {\n plugins {\n socket-default {\n use_ipv4 = no\n use_ipv6 = "
		  "no\n}\n}\n}",
			"family" },
		{ "charon {\n port = 500", "test:" },
	};
	struct cl_settings s;
	struct why why;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		ck_assert_msg(!cl_settings_parse(wrong[i].text, &s, &why), "%s", wrong[i].text);
		ck_assert_msg(strstr(why.text, wrong[i].reason) != NULL, "%s", why.text);
	}
}
END_TEST

START_TEST(cookies_are_asked_for_from_a_number_of_one_address)
{
	struct cl_settings s = parse("charon { cookie_threshold_ip = 7 }");

	ck_assert_uint_eq(s.engine.cookie_threshold_ip, 7);
	cl_settings_free(&s);
}
END_TEST

START_TEST(dos_protection_off_switches_both_thresholds_off)
{
	struct cl_settings s = parse("charon { dos_protection = no\n cookie_threshold = 10 }");

	ck_assert_uint_eq(s.engine.cookie_threshold, 0);
	ck_assert_uint_eq(s.engine.block_threshold, 0);
	cl_settings_free(&s);
}
END_TEST

static int all_levels(void *context)
{
	(void)context;
	return IKE_LOG_WIRE;
}

static void collect(void *context, const struct ike_log *line)
{
	char *text = context;
	size_t length = strlen(text);

	snprintf(text + length, 4096 - length, "%s\n", line->text);
}

START_TEST(what_has_no_effect_is_said_once_with_its_place)
{
	struct cl_settings s = parse("charon {\n"
				     "  spi_label = 1\n"
				     "  threads = 4\n"
				     "  follow_redirects = false\n"
				     "  ignore_acquire_ts = no\n"
				     "  port = 500\n"
				     "  plugins {\n"
				     "    aes {\n load = yes\n }\n"
				     "    attr {\n dns = 1.2.3.4\n }\n"
				     "  }\n"
				     "  filelog {\n stdout {\n ike = 2\n }\n }\n"
				     "}\n"
				     "swanctl {\n load = x\n}\n");
	struct cl_log *log = cl_log_new();
	char text[4096] = "";

	cl_log_listen(log, all_levels, collect, text);
	cl_settings_warn(&s, log);
	ck_assert_str_eq(text, "test:2: spi_label has no effect in this version\n"
			       "test:5: ignore_acquire_ts has no effect in this version\n"
			       "test:12: plugins.attr.dns has no effect in this version\n");
	cl_log_free(log);
	cl_settings_free(&s);
}
END_TEST

/* As Debian's strongSwan installs them in strongswan.d, comments taken off: what each plugin loads.
 */
START_TEST(plugins_that_are_switched_on_are_no_reason_to_warn)
{
	struct cl_settings s = parse("charon { plugins {\n"
				     " kernel-netlink { load = yes\n timeout = 1000\n }\n"
				     " eap-radius { load = yes\n dae { enable = no\n } }\n"
				     " attr { load = yes\n }\n"
				     "} }\n");
	struct cl_log *log = cl_log_new();
	char text[4096] = "";

	cl_log_listen(log, all_levels, collect, text);
	cl_settings_warn(&s, log);
	ck_assert_str_eq(text, "");
	cl_log_free(log);
	cl_settings_free(&s);
}
END_TEST

START_TEST(behaviour_of_the_engine_is_read)
{
	struct cl_settings s = parse("");

	ck_assert_uint_eq(s.engine.replay_window, 32);
	ck_assert_uint_eq(s.engine.fragment_size_v6, 1280);
	ck_assert(s.engine.reuse_ikesa && !s.engine.initiator_only);
	ck_assert_uint_eq(s.max_packet, 10000);
	ck_assert_uint_eq(s.spi_min, 0xc0000000u);
	ck_assert_uint_eq(s.spi_max, 0xcfffffffu);
	cl_settings_free(&s);
	s = parse("charon {\n fragment_size = 1400\n fragment_size_v6 = 1300\n replay_window = 64\n"
		  " initiator_only = yes\n reuse_ikesa = no\n inactivity_close_ike = yes\n"
		  " close_ike_on_child_failure = yes\n cisco_flexvpn = yes\n send_vendor_id = yes\n"
		  " max_packet = 3000\n spi_min = 0x1000\n spi_max = 0x2000\n reqid_base = 100\n"
		  " plugins {\n socket-default {\n use_ipv6 = no\n fwmark = 0x2a\n }\n }\n}\n");
	ck_assert_uint_eq(s.engine.fragment_size_v4, 1400);
	ck_assert_uint_eq(s.engine.fragment_size_v6, 1300);
	ck_assert_uint_eq(s.engine.replay_window, 64);
	ck_assert(s.engine.initiator_only && !s.engine.reuse_ikesa);
	ck_assert(s.engine.inactivity_close_ike && s.engine.close_ike_on_child_failure);
	ck_assert(s.engine.cisco_flexvpn && s.engine.send_vendor_id);
	ck_assert_uint_eq(s.max_packet, 3000);
	ck_assert_uint_eq(s.spi_max, 0x2000);
	ck_assert_uint_eq(s.reqid_base, 100);
	ck_assert(s.use_ipv4 && !s.use_ipv6);
	ck_assert_uint_eq(s.socket_mark, 42);
	cl_settings_free(&s);
}
END_TEST

/* Debian's strongswan.conf, when the packages that have the folder are gone. */
START_TEST(a_folder_of_settings_that_is_not_there_is_passed_over)
{
	char path[] = "/tmp/settings-test-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	struct cl_settings s;
	struct why why;

	ck_assert_ptr_nonnull(file);
	fputs("charon {\n plugins { include away.d/charon/*.conf\n }\n port = 5\n}\n"
	      "include away.d/*.conf\n",
		file);
	fclose(file);
	ck_assert_int_eq(setenv("STRONGSWAN_CONF", path, 1), 0);
	ck_assert_msg(cl_settings_load(&s, &why), "%s", why.text);
	ck_assert_uint_eq(s.engine.port, 5);
	ck_assert_ptr_nonnull(strstr(settings_warning(s.file, 1), ":6: include "));
	cl_settings_free(&s);
	unsetenv("STRONGSWAN_CONF");
	unlink(path);
}
END_TEST

TCase *settings_cases(void)
{
	TCase *tests = tcase_create("settings");

	tcase_add_test(tests, defaults_are_strongswans);
	tcase_add_test(tests, our_own_section_wins_over_charons);
	tcase_add_test(tests, routing_is_read);
	tcase_add_test(tests, times_of_our_own_are_read);
	tcase_add_test(tests, revocation_is_read);
	tcase_add_test(tests, senseless_values_are_refused_with_their_place);
	tcase_add_test(tests, cookies_are_asked_for_from_a_number_of_one_address);
	tcase_add_test(tests, dos_protection_off_switches_both_thresholds_off);
	tcase_add_test(tests, plugins_that_are_switched_on_are_no_reason_to_warn);
	tcase_add_test(tests, behaviour_of_the_engine_is_read);
	tcase_add_test(tests, a_folder_of_settings_that_is_not_there_is_passed_over);
	tcase_add_test(tests, what_has_no_effect_is_said_once_with_its_place);
	return tests;
}
