/* What swanctl-lite makes of swanctl.conf: requests to the daemon, texts, and complaints. */
#include "libvici/keys.h"
#include "testing/unit/swanctl-lite/fake_daemon.h"
#include "testing/unit/swanctl-lite/suites.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct fake_answer answers[] = {
	{ "get-conns", NULL, NULL, "conns = [kept gone]" },
	{ "get-shared", NULL, NULL, "keys = [ike-kept ike-gone]" },
	{ "get-keys", NULL, NULL, NULL },
	{ "get-pools", NULL, NULL, NULL },
	{ "get-authorities", NULL, NULL, NULL },
	{ "load-pool", NULL, NULL, "success = no\nerrmsg = pools are not supported" },
	{ "load-cert", NULL, NULL, "success = no\nerrmsg = certificates are not supported" },
	{ 0 },
};

static const struct fake_answer refusing[] = {
	{ "load-conn", NULL, NULL,
		"success = no\nerrmsg = invalid value for: local_ts, config discarded" },
	{ 0 },
};

static const struct fake_answer charons[] = {
	{ "get-clients", NULL, NULL, NULL },
	{ "load-client", NULL, NULL, NULL },
	{ "get-pools", NULL, NULL, NULL },
	{ 0 },
};

static char folder[64];

static void begin(void)
{
	strcpy(folder, "/tmp/swanctl-lite-conf-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("SWANCTL_DIR", folder, 1);
	fake_daemon_start(answers);
}

static void end(void)
{
	char command[128];

	fake_daemon_stop();
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

static void write_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

/* The complaint with the test's folder cut out. */
static void expect(const char *arguments, int status, const char *out, const char *err)
{
	const char *found_out, *found_err, *at;
	char plain[8192] = "";
	int found = swanctl_run(arguments, &found_out, &found_err);

	for (; (at = strstr(found_err, folder)); found_err = at + strlen(folder))
		strncat(plain, found_err, (size_t)(at - found_err));
	strcat(plain, found_err);
	ck_assert_str_eq(found_out, out);
	ck_assert_str_eq(plain, err);
	ck_assert_int_eq(found, status);
}

START_TEST(connections_are_sent_with_lists_as_lists_and_gone_ones_unloaded)
{
	write_file("swanctl.conf",
		"connections {\n kept : base {\n  local_addrs = 192.0.2.1 , 192.0.2.2\n  "
		"rekey_time = 4h\n"
		"  local { auth = psk\n  }\n  children {\n   c { local_ts = 10.0.0.0/8\n  }\n  }\n "
		"}\n"
		" new { version =\n }\n}\nbase { version = 2\n remote { id = @x\n } }\n");
	expect("--load-conns", 0,
		"loaded connection 'kept'\nloaded connection 'new'\n"
		"successfully loaded 2 connections, 1 unloaded\n",
		"");
	ck_assert_str_eq(fake_daemon_requests(),
		"get-conns {}\n"
		"load-conn {kept {local_addrs=[192.0.2.1 192.0.2.2] rekey_time=4h version=2 "
		"local {auth=psk} children {c {local_ts=[10.0.0.0/8]}} remote {id=@x}}}\n"
		"load-conn {new {}}\n"
		"unload-conn {name=gone}\n");
}
END_TEST

/* A daemon must be able to refuse them: without a mistyped `id` anybody would fit. */
START_TEST(wrong_keys_are_named_with_line_and_remedy_and_sent_all_the_same)
{
	write_file("swanctl.conf", "connections {\n c {\n  local_addr = 192.0.2.1\n  version = 2\n "
				   " mobike = perhaps\n  remote {\n   atuh = b\n  }\n  lokal {\n   "
				   "id = a\n  }\n }\n}\n");
	expect("--load-conns", 0,
		"loaded connection 'c'\nsuccessfully loaded 1 connections, 2 unloaded\n",
		"/swanctl.conf:3: unknown key 'local_addr' in section 'c': did you mean "
		"'local_addrs'?\n"
		"/swanctl.conf:5: mobike = perhaps: wanted yes or no\n"
		"/swanctl.conf:7: unknown key 'atuh' in section 'remote': did you mean 'auth'?\n"
		"/swanctl.conf:9: unknown section 'lokal' in section 'c': wanted local..., "
		"remote... or children\n");
	ck_assert_ptr_nonnull(strstr(fake_daemon_requests(),
		"load-conn {c {local_addr=192.0.2.1 version=2 mobike=perhaps remote {atuh=b} "
		"lokal {id=a}}}\n"));
	expect("--load-conns --debug 0", 0,
		"loaded connection 'c'\nsuccessfully loaded 1 connections, 2 unloaded\n", "");
}
END_TEST

START_TEST(a_value_that_is_too_long_is_named_with_line)
{
	static const char begin_[] = "connections {\n c {\n  remote {\n   id = ";
	char *text = malloc(sizeof(begin_) + 70000 + 64);

	memcpy(text, begin_, sizeof(begin_));
	memset(text + sizeof(begin_) - 1, 'x', 70000);
	strcpy(text + sizeof(begin_) - 1 + 70000, "\n  }\n }\n}\n");
	write_file("swanctl.conf", text);
	free(text);
	expect("--load-conns", 22, "",
		"/swanctl.conf:4: id: too long for VICI\n"
		"loaded 0 of 1 connections, 1 failed to load, 2 unloaded\n");
}
END_TEST

START_TEST(a_file_with_a_syntax_error_changes_nothing)
{
	write_file("swanctl.conf", "connections {\n c {\n");
	expect("--load-all", 22, "",
		"/swanctl.conf:2: section 'c' that begins here is not closed with '}'\n");
	expect("--load-conns --file /nonexistent", 22, "",
		"/nonexistent: No such file or directory\n");
	ck_assert_str_eq(fake_daemon_requests(), "");
}
END_TEST

START_TEST(a_folder_that_is_not_there_keeps_nothing_from_being_loaded)
{
	write_file("swanctl.conf", "include conf.d/*.conf\nconnections {\n new {\n }\n}\n");
	expect("--load-conns", 0,
		"loaded connection 'new'\nsuccessfully loaded 1 connections, 2 unloaded\n",
		"/swanctl.conf:1: include /conf.d/*.conf: a directory cannot be read\n");
}
END_TEST

START_TEST(a_refused_connection_is_located)
{
	fake_daemon_stop();
	fake_daemon_start(refusing);
	write_file("swanctl.conf", "connections {\n c {\n  children {\n   x {\n    local_ts = "
				   "10.0.0.0/99\n   }\n  }\n }\n}\n");
	expect("--load-conns", 22, "",
		"loading connection 'c' failed: invalid value for: local_ts, config discarded\n"
		"  /swanctl.conf:5: local_ts = 10.0.0.0/99\n"
		"loaded 0 of 1 connections, 1 failed to load, 0 unloaded\n");
	expect("--load-conns --json", 22,
		"{\"command\":\"load-conn\",\"name\":\"c\",\"success\":\"no\","
		"\"errmsg\":\"invalid value for: local_ts, config discarded\"}\n",
		"");
}
END_TEST

/* Section `clients` is ours: charon is not asked for each of them. */
START_TEST(a_daemon_without_clients_is_said_to_be_such)
{
	fake_daemon_stop();
	fake_daemon_start(charons);
	write_file("swanctl.conf", "clients {\n a { id = a\n networks = 10.2.0.0/24\n }\n b { id = "
				   "b\n networks = 10.3.0.0/24\n }\n}\n");
	expect("--load-clients", 22, "",
		"the daemon has no clients: section clients is not loaded\n");
	ck_assert_str_eq(fake_daemon_requests(), "get-clients {}\n");
	write_file("swanctl.conf", "");
	expect("--load-all", 0,
		"no authorities found, 0 unloaded\nno pools found, 0 unloaded\n"
		"no connections found, 0 unloaded\n",
		"");
}
END_TEST

START_TEST(secrets_are_decoded_and_gone_ones_unloaded)
{
	write_file("swanctl.conf",
		"secrets {\n ike-kept { id-a = a\n id-b = b\n secret = \"two words\"\n }\n"
		" eap-1 { id = e\n secret = 0x4:14\n }\n xauth-1 { secret = 0sYWJj\n }\n"
		" ppk-1 { secret = 0sYWI=\n }\n ntlm-1 { secret = 0sYWI\n }\n"
		" ike-hex { secret = 0xzz\n }\n ike-b64 { secret = 0sA\n }\n ike-none { id = x\n } "
		"}\n");
	expect("--load-creds --clear --noprompt", 0,
		"loaded ike secret 'ike-kept'\nloaded eap secret 'eap-1'\nloaded xauth secret "
		"'xauth-1'\n"
		"loaded ppk secret 'ppk-1'\nloaded ntlm secret 'ntlm-1'\n",
		"/swanctl.conf:15: secret: wanted hexadecimal digits behind 0x; ignored\n"
		"/swanctl.conf:17: secret: wanted Base64 behind 0s; ignored\n"
		"missing secret in 'ike-none', ignored\n");
	ck_assert_str_eq(fake_daemon_requests(),
		"clear-creds {}\nget-keys {}\nget-shared {}\n"
		"load-shared {id=ike-kept type=ike data=two words owners=[a b]}\n"
		"load-shared {id=eap-1 type=eap data=0x0414 owners=[e]}\n"
		"load-shared {id=xauth-1 type=xauth data=abc owners=[]}\n"
		"load-shared {id=ppk-1 type=ppk data=ab owners=[]}\n"
		"load-shared {id=ntlm-1 type=ntlm data=ab owners=[]}\n"
		"unload-shared {id=ike-gone}\n"
		"keep-certs {sha1=[]}\n");
}
END_TEST

START_TEST(what_the_daemon_refuses_does_not_keep_the_rest_out)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/x509", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	write_file("x509/a.pem", "cert");
	write_file("swanctl.conf", "connections {\n gone { version = 2\n }\n kept { } }\npools {\n "
				   "p { addrs = 10.0.0.0/24\n"
				   "  dns = 192.0.2.53, 192.0.2.54\n }\n}\n");
	snprintf(path, sizeof(path), "loading '%s/x509/a.pem' failed: ", folder);
	expect("--load-all", 22,
		"no authorities found, 0 unloaded\n"
		"loaded connection 'gone'\nloaded connection 'kept'\n"
		"successfully loaded 2 connections, 0 unloaded\n",
		"loading '/x509/a.pem' failed: certificates are not supported\n"
		"loading pool 'p' failed: pools are not supported\n"
		"  /swanctl.conf:6: p\n"
		"loaded 0 of 1 pools, 1 failed to load, 0 unloaded\n");
	ck_assert_ptr_nonnull(strstr(fake_daemon_requests(),
		"load-pool {p {addrs=10.0.0.0/24 dns=[192.0.2.53 192.0.2.54]}}\n"));
}
END_TEST

START_TEST(certificates_of_a_connection_are_sent_by_content)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/x509", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	write_file("x509/a.pem", "content");
	write_file("swanctl.conf", "connections {\n a { local { certs = a.pem\n } }\n b { local { "
				   "certs = none.pem\n } } }\n");
	expect("--load-conns", 22, "loaded connection 'a'\n",
		"loading certs certificate '/x509/none.pem' failed: No such file or directory\n"
		"loaded 1 of 2 connections, 1 failed to load, 2 unloaded\n");
	ck_assert_ptr_nonnull(
		strstr(fake_daemon_requests(), "load-conn {a {local {certs=[content]}}}\n"));
}
END_TEST

static void no_finding(void *context, enum vici_finding finding, const struct settings_place *place,
	const char *text)
{
	(void)context;
	(void)place;
	(void)finding;
	ck_abort_msg("%s", text);
}

START_TEST(the_examples_of_conf_d_load_without_complaint)
{
	glob_t files;

	ck_assert_int_eq(glob(CONF_D "/*.conf", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct why why;
		struct settings *s = settings_load(files.gl_pathv[i], &why);
		const char *out, *err;
		char arguments[256];

		ck_assert_msg(s != NULL, "%s", s ? "" : why.text);
		ck_assert_ptr_null(settings_warning(s, 0));
		vici_keys_check(settings_root(s), no_finding, NULL);
		settings_free(s);
		snprintf(arguments, sizeof(arguments), "--load-all --file %s", files.gl_pathv[i]);
		ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
		ck_assert_str_eq(err, "");
	}
	globfree(&files);
}
END_TEST

TCase *load_cases(void)
{
	TCase *c = tcase_create("load");

	tcase_add_checked_fixture(c, begin, end);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, connections_are_sent_with_lists_as_lists_and_gone_ones_unloaded);
	tcase_add_test(c, wrong_keys_are_named_with_line_and_remedy_and_sent_all_the_same);
	tcase_add_test(c, a_value_that_is_too_long_is_named_with_line);
	tcase_add_test(c, a_file_with_a_syntax_error_changes_nothing);
	tcase_add_test(c, a_folder_that_is_not_there_keeps_nothing_from_being_loaded);
	tcase_add_test(c, a_refused_connection_is_located);
	tcase_add_test(c, a_daemon_without_clients_is_said_to_be_such);
	tcase_add_test(c, secrets_are_decoded_and_gone_ones_unloaded);
	tcase_add_test(c, what_the_daemon_refuses_does_not_keep_the_rest_out);
	tcase_add_test(c, certificates_of_a_connection_are_sent_by_content);
	tcase_add_test(c, the_examples_of_conf_d_load_without_complaint);
	return c;
}
