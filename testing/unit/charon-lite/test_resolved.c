/*
 * systemd-resolved, with a resolvectl of the test's own, which keeps in files what it was told. The
 * real one is in the lab: testing/lab/scenes/split-dns.
 *
 * The interface is any of this machine's but the loopback; nothing is done to it.
 */
#include "charon-lite/resolved.h"
#include "testing/unit/charon-lite/suites.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct event_base *base;
static struct cl_log *log_of_test;
static struct cl_processes *processes;
static struct cl_resolved *resolved;
static char directory[] = "/tmp/charon-lite-XXXXXX";
static char program[64];
static char said[2048]; /* the log */
static uint32_t interface;

/* ---- What resolved would know ---- */

static const char resolvectl[] =
	"#!/bin/sh\n"
	"cd \"${0%/*}\" || exit 1\n"
	"verb=$1\n"
	"shift 2\n"
	"case $verb$# in\n"
	"dns0 | domain0) echo \"Link 7 (it): $(cat $verb 2>/dev/null)\" ;;\n"
	"dns* | domain*)\n"
	"	echo $verb >>changes\n"
	"	[ ! -e slow ] || sleep 60\n"
	"	[ ! -e refuse ] || { echo 'Failed: refused'; echo more; exit 1; }\n"
	"	echo \"$*\" >$verb ;;\n"
	"revert0) echo $verb >>changes; rm -f dns domain ;;\n"
	"esac\n";

static void put_file(const char *file, mode_t mode, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

/* Without the line feed at the end; "" when there is none. */
static const char *content(const char *file)
{
	static char text[2048];
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	FILE *f = fopen(path, "r");
	size_t length = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[length > 0 ? length - 1 : 0] = '\0';
	return text;
}

static void expect(const char *servers, const char *domains)
{
	ck_assert_str_eq(content("dns"), servers);
	ck_assert_str_eq(content("domain"), domains);
}

/* ---- The daemon's side ---- */

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

static void idle(void *context)
{
	(void)context;
	event_base_loopbreak(base);
}

static void settle(void)
{
	while (!cl_resolved_is_idle(resolved))
		event_base_dispatch(base);
}

static void choose_interface(void)
{
	struct if_nameindex *all = if_nameindex();

	for (const struct if_nameindex *each = all; each && each->if_index; each++)
		if (strcmp(each->if_name, "lo") != 0 && interface == 0) {
			interface = each->if_index;
		}
	if_freenameindex(all);
}

static void setup(void)
{
	struct why why;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(program, sizeof(program), "%s/resolvectl", directory);
	put_file("resolvectl", 0755, resolvectl);
	base = event_base_new();
	log_of_test = cl_log_new();
	ck_assert(cl_processes_open(base, &processes, &why));
	const struct cl_resolved_config config = {
		.processes = processes,
		.program = getenv("CHARON_LITE"),
		.resolvectl = program,
		.directory = directory,
		.limit = 1,
		.idle = idle,
	};
	ck_assert(cl_resolved_open(&config, log_of_test, &resolved, &why));
	cl_log_listen(log_of_test, level, note, NULL);
	choose_interface();
	if (interface == 0)
		puts("resolved: this machine has no interface but lo: not tested");
}

static void teardown(void)
{
	char command[64];

	cl_resolved_close(resolved);
	cl_processes_close(processes);
	cl_log_free(log_of_test);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
	memset(directory + strlen(directory) - 6, 'X', 6);
}

/* texts: keys and values of a pool's, NULL at the end. */
static void set_on(const char *address, uint32_t where, const char *const *texts)
{
	struct ike_virtual v = { 0 };
	struct address a;
	struct why why;

	for (; *texts; texts += 2)
		ck_assert(ike_attributes_add_text(&v.attributes, texts[0], texts[1], &why));
	ck_assert(address_parse(address, &a));
	cl_resolved_set(resolved, &a, where, &v);
	ike_attributes_free(&v.attributes);
}

static void set(const char *address, const char *const *texts)
{
	set_on(address, interface, texts);
}

static void drop(const char *address)
{
	struct address a;

	ck_assert(address_parse(address, &a));
	cl_resolved_remove(resolved, &a);
}

static const char *problem(const char *address)
{
	struct address a;

	ck_assert(address_parse(address, &a));
	return cl_resolved_problem(resolved, &a);
}

static const char *const split[] = { "dns", "10.2.0.53", "split_dns", "example.org", "split_dns",
	"corp.example", NULL };
static const char *const other[] = { "dns", "fd02::53", "dns", "10.2.0.53", "split_dns",
	"example.org", "split_dns", "lab.example", NULL };
static const char *const plain[] = { "dns", "10.2.0.53", NULL };
static const char *const none[] = { NULL };

/* ---- Tests ---- */

START_TEST(servers_and_domains_come_and_go_with_the_address)
{
	if (interface == 0)
		return;
	set("10.3.0.1", split);
	settle();
	expect("10.2.0.53", CL_RESOLVED_MARK " ~example.org ~corp.example");
	ck_assert_ptr_null(problem("10.3.0.1"));
	ck_assert_ptr_nonnull(strstr(said, "systemd-resolved has the DNS servers of "));
	ck_assert_str_eq(content("changes"), "domain\ndns"); /* the mark comes first */
	set("10.3.0.1", split);                              /* reauthentication */
	ck_assert(cl_resolved_is_idle(resolved));
	drop("10.3.0.1");
	settle();
	expect("", "");
	ck_assert_str_eq(content("changes"), "domain\ndns\nrevert");
	ck_assert_ptr_nonnull(strstr(said, "systemd-resolved has forgotten the DNS servers of "));
}
END_TEST

START_TEST(servers_go_with_the_address_to_another_interface)
{
	struct address a;

	if (interface == 0)
		return;
	ck_assert(address_parse("10.3.0.1", &a));
	set_on("10.3.0.1", interface + 100000, split); /* which is no more */
	settle();
	expect("", "");
	cl_resolved_move(resolved, &a, interface);
	settle();
	expect("10.2.0.53", CL_RESOLVED_MARK " ~example.org ~corp.example");
}
END_TEST

START_TEST(what_addresses_of_one_interface_have_is_put_together)
{
	if (interface == 0)
		return;
	set("10.3.0.1", split);
	set("fd03::1", other); /* while the first is being told */
	settle();
	expect("10.2.0.53 fd02::53", CL_RESOLVED_MARK " ~example.org ~corp.example ~lab.example");
	drop("10.3.0.1");
	settle();
	expect("fd02::53 10.2.0.53", CL_RESOLVED_MARK " ~example.org ~lab.example");
	set("fd03::1", none); /* another IKE SA has it now, without servers */
	settle();
	expect("", "");
}
END_TEST

START_TEST(without_domains_they_are_for_all_names)
{
	if (interface == 0)
		return;
	set("10.3.0.1", plain);
	settle();
	expect("10.2.0.53", CL_RESOLVED_MARK " ~.");
}
END_TEST

START_TEST(what_others_have_set_stays)
{
	if (interface == 0)
		return;
	put_file("dns", 0644, "192.168.1.1\n");
	put_file("domain", 0644, "lan\n");
	set("10.3.0.1", split);
	settle();
	ck_assert_str_eq(problem("10.3.0.1"), "the interface has DNS servers already "
					      "(192.168.1.1), which would be replaced");
	ck_assert_ptr_nonnull(strstr(said, "charon.install_virtual_ip_on"));
	drop("10.3.0.1");
	settle();
	cl_resolved_clean(resolved, interface);
	settle();
	expect("192.168.1.1", "lan");
	ck_assert_str_eq(content("changes"), "");
}
END_TEST

/* With one to tell of on that interface, it stays. */
START_TEST(what_a_killed_daemon_left_is_taken_back_or_taken_over)
{
	if (interface == 0)
		return;
	put_file("dns", 0644, "10.9.0.53\n");
	put_file("domain", 0644, "~old.example " CL_RESOLVED_MARK "\n");
	if (_i)
		set("10.3.0.1", split);
	cl_resolved_clean(resolved, interface);
	settle();
	if (_i)
		expect("10.2.0.53", CL_RESOLVED_MARK " ~example.org ~corp.example");
	else
		expect("", "");
}
END_TEST

START_TEST(why_it_does_not_work_is_known)
{
	static const struct {
		const char *file, *problem;
	} cases[] = {
		{ "refuse", "Failed: refused" },
		{ "slow", "no answer in time" },
		{ NULL, "resolvectl: No such file or directory" },
		{ "", "it takes none for a loopback interface" },
	};

	if (interface == 0)
		return;
	if (cases[_i].file && *cases[_i].file)
		put_file(cases[_i].file, 0644, "");
	else if (!cases[_i].file)
		ck_assert_int_eq(unlink(program), 0);
	set_on("10.3.0.1", cases[_i].file && !*cases[_i].file ? if_nametoindex("lo") : interface,
		split);
	settle();
	ck_assert_ptr_nonnull(problem("10.3.0.1"));
	ck_assert_msg(strstr(problem("10.3.0.1"), cases[_i].problem), "%s", problem("10.3.0.1"));
	ck_assert_ptr_nonnull(strstr(said, cases[_i].problem));
	ck_assert_ptr_null(problem("10.3.0.2"));
}
END_TEST

START_TEST(without_resolved_nothing_is_tried)
{
	if (interface == 0)
		return;
	if (_i == 0)
		ck_assert(cl_resolved_settings(resolved, false, program));
	set_on("10.3.0.1", _i == 1 ? 0 : interface, split);
	if (_i == 2) {
		settle();
		ck_assert(cl_resolved_settings(resolved, false, program)); /* taken back */
	}
	settle();
	expect("", "");
	ck_assert_int_eq(problem("10.3.0.1") != NULL, _i == 1);
}
END_TEST

START_TEST(at_the_end_all_is_taken_back)
{
	if (interface == 0)
		return;
	set("10.3.0.1", split);
	set("fd03::1", other);
	settle();
	cl_resolved_remove_all(resolved);
	ck_assert(!cl_resolved_is_idle(resolved));
	settle();
	expect("", "");
}
END_TEST

TCase *resolved_cases(void)
{
	TCase *tests = tcase_create("resolved");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, servers_and_domains_come_and_go_with_the_address);
	tcase_add_test(tests, servers_go_with_the_address_to_another_interface);
	tcase_add_test(tests, what_addresses_of_one_interface_have_is_put_together);
	tcase_add_test(tests, without_domains_they_are_for_all_names);
	tcase_add_test(tests, what_others_have_set_stays);
	tcase_add_loop_test(tests, what_a_killed_daemon_left_is_taken_back_or_taken_over, 0, 2);
	tcase_add_loop_test(tests, why_it_does_not_work_is_known, 0, 4);
	tcase_add_loop_test(tests, without_resolved_nothing_is_tried, 0, 3);
	tcase_add_test(tests, at_the_end_all_is_taken_back);
	return tests;
}
