/* Configurations on trial: --load-all --confirm, --confirm-load, and daemons that are killed. */
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct running daemon_;
static char state[64], file[96];

static void begin(void)
{
	char setting[128];

	strcpy(state, "/tmp/charon-lite-state-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(state));
	snprintf(file, sizeof(file), "%s/unconfirmed", state);
	snprintf(setting, sizeof(setting), "state_directory = %s", state);
	running_start(&daemon_, setting);
}

static void end(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/swanctl.conf", daemon_.directory);
	(void)remove(path);
	ck_assert_int_eq(running_stop(&daemon_), 0);
	(void)remove(file);
	ck_assert_int_eq(rmdir(state), 0);
}

static const char *run(const char *arguments, const char *conf)
{
	return running_swanctl_with(&daemon_, arguments, conf);
}

static void expect_in(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

static void expect_held(void)
{
	ck_assert_int_eq(access(file, F_OK), 0);
}

static void expect_forgotten(void)
{
	ck_assert_int_ne(access(file, F_OK), 0);
}

static void expect_loaded(const char *conf)
{
	const char *text = run("--load-all --dry-run", conf);

	expect_in(text, " unchanged\n0\n");
	ck_assert_ptr_null(strchr(strstr(text, "not applied:"), ','));
}

#define PEER(address) \
	"remote_addrs = " address "\nlocal { auth = psk\n }\nremote { auth = psk\n }\n"

static const char before[] = "connections {\n a { " PEER(
	"192.0.2.1") "children { net { remote_ts = 10.1.0.0/16\n } }\n }\n"
		     " b { " PEER("192.0.2.2") "}\n}\npools {\n p { addrs = 10.3.0.0/24\n dns = "
					       "10.3.0.1\n }\n}\n"
					       "secrets {\n ike-1 { id = x\n id-1 = "
					       "\"@192.0.2.9\"\n id-2 = \"keyid:peer\"\n id-3 = "
					       "\"@#aabb00ff\"\n id-4 = \"email:10.0.0.1\"\n id-5 "
					       "= \"fqdn:*\"\n secret = one\n }\n}\n"
					       "clients {\n k { id = k@example.org\n networks = "
					       "10.5.0.0/24\n }\n}\n";

static const char after[] = "connections {\n a { " PEER(
	"192.0.2.1") "children { net { remote_ts = 10.2.0.0/16\n } }\n }\n"
		     " c { " PEER("192.0.2.3") "}\n}\npools {\n q { addrs = 10.3.0.0/24\n }\n}\n"
					       "secrets {\n ike-1 { id = x\n id-1 = "
					       "\"@192.0.2.9\"\n id-2 = \"keyid:peer\"\n id-3 = "
					       "\"@#aabb00ff\"\n id-4 = \"email:10.0.0.1\"\n id-5 "
					       "= \"fqdn:*\"\n secret = two\n }\n "
					       "ike-2 { id = y\n secret = three\n }\n}\n"
					       "clients {\n l { id = k@example.org\n networks = "
					       "10.5.0.0/24\n }\n}\n";

START_TEST(what_nobody_confirms_is_taken_back)
{
	struct stat status;

	run("--load-all", before);
	expect_in(run("--load-all --confirm 1", after), "applied: ");
	running_expect(&daemon_, "TAKING BACK");
	expect_loaded(before);
	ck_assert_int_eq(stat(file, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
	expect_in(run("--confirm-load", before), "it is too late");
}
END_TEST

START_TEST(what_is_confirmed_stays_and_leaves_no_file)
{
	run("--load-all", before);
	run("--load-all --confirm 600", after);
	ck_assert_int_eq(access(file, F_OK), 0);
	ck_assert_str_eq(run("--confirm-load", after), "confirmed\n0\n");
	ck_assert_int_ne(access(file, F_OK), 0);
	expect_in(run("--confirm-load", after), "nothing waits for a confirmation\n1\n");
	running_kill(&daemon_);
	running_start_in_place(&daemon_);
	ck_assert_str_eq(run("--list-conns", after), "0\n");
}
END_TEST

START_TEST(what_a_killed_daemon_had_half_written_is_removed)
{
	char half[128];
	FILE *f;

	snprintf(half, sizeof(half), "%s.new", file);
	running_kill(&daemon_);
	f = fopen(half, "w");
	ck_assert_ptr_nonnull(f);
	fputs("secrets", f);
	fclose(f);
	running_start_in_place(&daemon_);
	ck_assert_int_ne(access(half, F_OK), 0);
	/* and of what cannot get its name nothing is left */
	ck_assert_int_eq(mkdir(file, 0700), 0);
	run("--load-all --confirm 600", after);
	ck_assert_int_ne(access(half, F_OK), 0);
}
END_TEST

START_TEST(a_daemon_that_was_killed_goes_on_with_the_count)
{
	run("--load-all", before);
	run("--load-all --confirm 3", after);
	running_kill(&daemon_);
	running_start_in_place(&daemon_);
	/* as its unit does */
	expect_in(run("--load-all --noprompt", after), "successfully loaded 2 connections");
	expect_loaded(after);
	running_expect(&daemon_, "TAKING BACK");
	expect_loaded(before);
}
END_TEST

START_TEST(after_a_kill_it_can_be_confirmed_too)
{
	run("--load-all", before);
	run("--load-all --confirm 600", after);
	running_kill(&daemon_);
	running_start_in_place(&daemon_);
	run("--load-all --noprompt", after);
	ck_assert_str_eq(run("--confirm-load", after), "confirmed\n0\n");
	expect_loaded(after);
}
END_TEST

/* Its time is over while no daemon runs. */
START_TEST(a_daemon_that_comes_too_late_takes_it_back_at_its_start)
{
	run("--load-all", before);
	run("--load-all --confirm 1", after);
	running_expect(&daemon_, "TAKING BACK");
	running_kill(&daemon_);
	running_start_in_place(&daemon_);
	expect_loaded(before);
}
END_TEST

START_TEST(what_was_taken_back_does_not_come_back_by_itself)
{
	run("--load-all", before);
	run("--load-all --confirm 1", after);
	running_expect(&daemon_, "TAKING BACK");
	expect_in(run("--load-all --noprompt", after), "has been taken back");
	expect_loaded(before);
	running_kill(&daemon_);
	running_start_in_place(&daemon_);
	expect_in(run("--load-all --noprompt", after), "has been taken back");
	expect_loaded(before);
	/* on trial it may */
	expect_in(run("--load-all --confirm 600", after), "applied: ");
	ck_assert_str_eq(run("--confirm-load", after), "confirmed\n0\n");
	expect_loaded(after);
}
END_TEST

START_TEST(something_else_ends_the_hold)
{
	run("--load-all", before);
	run("--load-all --confirm 1", after);
	running_expect(&daemon_, "TAKING BACK");
	expect_in(run("--load-all", "connections {\n d { " PEER("192.0.2.4") "}\n}\n"), "\n0\n");
	ck_assert_int_ne(access(file, F_OK), 0);
	expect_in(run("--load-all", after), "\n0\n");
}
END_TEST

START_TEST(several_trials_go_back_to_what_was_before_the_first)
{
	run("--load-all", before);
	run("--load-all --confirm 600", after);
	run("--load-all --confirm 1", "connections {\n d { " PEER("192.0.2.4") "}\n}\n");
	running_expect(&daemon_, "TAKING BACK");
	expect_loaded(before);
}
END_TEST

START_TEST(what_cannot_be_taken_back_is_not_applied)
{
	char path[128];

	run("--load-all", before);
	snprintf(path, sizeof(path), "%s.new", file);
	ck_assert_int_eq(mkdir(path, 0700), 0); /* in the way of the file */
	expect_in(run("--load-all --confirm 600", after), "nothing is applied, as it could not be");
	expect_loaded(before);
	ck_assert_int_eq(rmdir(path), 0);
	expect_in(run("--load-all --confirm soon", after), "wanted a number of seconds\n22\n");
}
END_TEST

START_TEST(a_file_that_is_no_good_is_said_to_be_so_and_takes_nothing_back)
{
	running_kill(&daemon_);
	FILE *out = fopen(file, "we");
	ck_assert_ptr_nonnull(out);
	fputs("no trial", out);
	fclose(out);
	ck_assert_int_eq(chmod(file, 0600), 0);
	running_spawn(&daemon_);
	running_expect(&daemon_, "NOTHING IS TAKEN BACK");
	running_expect(&daemon_, "ready");
	expect_in(run("--load-all", before), "\n0\n");
}
END_TEST

/* ---- Who loads meanwhile ---- */

/* Loaded without --confirm while another one is on trial: it is on trial, too. */
START_TEST(what_is_loaded_without_a_confirmation_is_taken_back_and_held_too)
{
	static const char other[] = "connections {\n d { " PEER("192.0.2.4") "}\n}\n";

	run("--load-all", before);
	run("--load-all --confirm 600", after);
	expect_in(run("--load-all", other), "\n0\n");
	run("--load-all --confirm 1", after);
	running_expect(&daemon_, "TAKING BACK");
	expect_loaded(before);
	expect_in(run("--load-all", other), "has been taken back");
	expect_in(run("--load-all", after), "has been taken back");
	running_kill(&daemon_);
	running_start_in_place(&daemon_);
	expect_in(run("--load-all", other), "has been taken back");
	expect_loaded(before);
}
END_TEST

static struct vici_builder connection_named(const char *name)
{
	struct vici_builder b = { 0 };

	vici_section_start(&b, name);
	vici_section_start(&b, "local");
	vici_key_text(&b, "auth", "psk");
	vici_section_end(&b);
	vici_section_start(&b, "remote");
	vici_key_text(&b, "auth", "psk");
	vici_section_end(&b);
	vici_section_end(&b);
	return b;
}

static void stage_connection(struct vici_client *c, const char *name)
{
	struct vici_builder b = connection_named(name);

	expect_success(call_with(c, "load-conn", &b));
}

static void begin_load(struct vici_client *c)
{
	expect_success(call(c, "begin-load"));
}

static void commit_trial(struct vici_client *c, const char *seconds)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, "confirm", seconds);
	expect_success(call_with(c, "commit-load", &b));
}

/* A unit that is slow: what it loads is taken back before it has committed it. */
START_TEST(what_is_taken_back_before_another_commits_it_stays_so)
{
	struct vici_client *c = running_client(&daemon_), *early = running_client(&daemon_),
			   *meanwhile = running_client(&daemon_);

	expect_success(call(early, "begin-load"));
	stage_connection(early, "a");
	begin_load(c);
	stage_connection(c, "a");
	commit_trial(c, "600");
	expect_success(call(meanwhile, "begin-load"));
	stage_connection(meanwhile, "a");
	begin_load(c);
	stage_connection(c, "a");
	commit_trial(c, "1");
	running_expect(&daemon_, "TAKING BACK");
	expect_failure(call(meanwhile, "commit-load"), "has been taken back, as nobody");
	expect_failure(call(early, "commit-load"), "has been taken back, as nobody");
	ck_assert(!vici_present(vici_first(vici_find(call(c, "get-conns"), "conns"))));
	vici_client_free(c);
	vici_client_free(early);
	vici_client_free(meanwhile);
}
END_TEST

/* ---- Who loads piece by piece: strongSwan's swanctl, scripts with VICI ---- */

START_TEST(what_was_taken_back_does_not_come_back_piece_by_piece)
{
	static const char renamed[] = "connections {\n d { " PEER("192.0.2.4") "}\n}\n";

	run("--load-all", before);
	run("--load-all --confirm 1", after);
	running_expect(&daemon_, "TAKING BACK");
	for (int restarted = 0; restarted < 2; restarted++) {
		/* changed, added, removed: a, c, b */
		const char *text = run("--load-conns", after);
		expect_in(text, "loading connection 'a' failed: this is of what was loaded at ");
		expect_in(text, "loading connection 'c' failed");
		expect_in(text, "unloading connection 'b' failed");
		expect_in(run("--load-pools", after), "loading pool 'q' failed");
		expect_in(run("--load-creds", after), "has been taken back");
		text = run("--load-creds --clear", after);
		expect_in(text, "clearing credentials failed: what was loaded at ");
		expect_in(text, "--confirm-load ends this");
		expect_in(text, "\n22\n");
		expect_loaded(before);
		/* what was loaded before may be loaded again */
		expect_in(run("--load-conns", before), "\n0\n");
		expect_in(run("--load-pools", before), "\n0\n");
		expect_in(run("--load-creds", before), "\n0\n");
		expect_loaded(before);
		expect_held();
		running_kill(&daemon_);
		running_start_in_place(&daemon_);
	}
	/* and other things may, too, which end it: a and b go without a word */
	ck_assert_str_eq(run("--load-conns", renamed),
		"loaded connection 'd'\nsuccessfully loaded 1 connections, 2 unloaded\n0\n");
	expect_forgotten();
	expect_in(run("--load-conns", after), "loaded connection 'c'\n");
}
END_TEST

static void expect_success_of(
	struct vici_client *c, const char *command, const char *key, const char *value)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, key, value);
	expect_success(call_with(c, command, &b));
}

static struct vici_view load_shared(struct vici_client *c, const char *id, const char *data)
{
	struct vici_builder b = { 0 };

	if (id)
		vici_key_text(&b, "id", id);
	vici_key_text(&b, "type", "ike");
	vici_key_text(&b, "data", data);
	return call_with(c, "load-shared", &b);
}

/* The file has what is loaded, or is gone: nothing stale comes back at a start. */
START_TEST(the_first_piece_of_something_else_ends_the_hold_for_good)
{
	struct vici_client *c = running_client(&daemon_);

	run("--load-all", before);
	run("--load-all --confirm 1", after);
	running_expect(&daemon_, "TAKING BACK");
	/* what is not there changes nothing */
	expect_success_of(c, "unload-shared", "id", "other");
	expect_held();
	expect_success(load_shared(c, "other", "x"));
	expect_forgotten();
	expect_success_of(c, "unload-shared", "id", "other");
	expect_success_of(c, "unload-conn", "name", "b");
	expect_success(load_shared(c, "ike-1", "rotated"));
	vici_client_free(c);
	running_kill(&daemon_);
	running_start_in_place(&daemon_);
	c = running_client(&daemon_);
	ck_assert_str_eq(run("--list-conns", after), "0\n");
	ck_assert(!vici_present(vici_first(vici_find(call(c, "get-shared"), "keys"))));
	vici_client_free(c);
}
END_TEST

START_TEST(a_late_confirmation_ends_the_hold)
{
	struct vici_client *c = running_client(&daemon_);
	struct vici_builder id = { 0 };

	run("--load-all", before);
	run("--load-all --confirm 1", after);
	running_expect(&daemon_, "TAKING BACK");
	vici_key_text(&id, "id", "ike-1");
	expect_failure(call_with(c, "unload-shared", &id), "--confirm-load ends this");
	expect_failure(call(c, "clear-creds"), "--confirm-load ends this");
	expect_held();
	expect_failure(call(c, "confirm-load"), "it is too late");
	expect_forgotten();
	expect_success_of(c, "unload-shared", "id", "ike-1");
	expect_failure(call(c, "confirm-load"), "nothing waits");
	expect_in(run("--load-all", after), "\n0\n");
	vici_client_free(c);
}
END_TEST

static bool file_has(const char *text)
{
	static char content[65536];
	FILE *in = fopen(file, "re");

	ck_assert_ptr_nonnull(in);
	size_t length = fread(content, 1, sizeof(content), in);
	fclose(in);
	return memmem(content, length, text, strlen(text)) != NULL;
}

START_TEST(a_secret_without_an_id_is_taken_back_too)
{
	struct vici_client *c = running_client(&daemon_);

	expect_success(load_shared(c, NULL, "of before"));
	begin_load(c);
	expect_success(load_shared(c, NULL, "of the trial"));
	commit_trial(c, "600");
	expect_success(load_shared(c, NULL, "meanwhile"));
	begin_load(c);
	commit_trial(c, "1");
	running_expect(&daemon_, "TAKING BACK");
	expect_failure(load_shared(c, NULL, "meanwhile"), "has been taken back");
	expect_failure(load_shared(c, NULL, "of the trial"), "has been taken back");
	/* the next trial writes down what is loaded */
	begin_load(c);
	commit_trial(c, "600");
	ck_assert(file_has("of before"));
	ck_assert(!file_has("of the trial"));
	ck_assert(!file_has("meanwhile"));
	vici_client_free(c);
}
END_TEST

START_TEST(what_cannot_be_forgotten_is_not_confirmed)
{
	run("--load-all", before);
	run("--load-all --confirm 600", after);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(mkdir(file, 0700), 0); /* which is not removed like a file */
	expect_in(run("--confirm-load", after), "it is NOT confirmed, and will be taken back: ");
	ck_assert_int_eq(rmdir(file), 0);
	ck_assert_str_eq(run("--confirm-load", after), "confirmed\n0\n");
	expect_loaded(after);
}
END_TEST

START_TEST(while_it_cannot_be_forgotten_the_hold_stays)
{
	static const char other[] = "connections {\n d { " PEER("192.0.2.4") "}\n}\n";

	run("--load-all", before);
	run("--load-all --confirm 1", after);
	running_expect(&daemon_, "TAKING BACK");
	expect_loaded(before); /* the file has been written */
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(mkdir(file, 0700), 0);
	expect_in(run("--load-all", other), "nothing is applied: ");
	expect_in(run("--load-conns", other), "loading connection 'd' failed: what was taken back");
	expect_in(run("--confirm-load", other), "cannot be forgotten");
	expect_loaded(before);
	ck_assert_int_eq(rmdir(file), 0);
	expect_in(run("--load-all", other), "\n0\n");
}
END_TEST

START_TEST(a_confirmation_that_is_no_number_of_seconds_applies_nothing)
{
	static const char *const values[] = { "", "0", "-1", "60s", "abc", "604801",
		"99999999999999999999" };
	struct vici_client *c = running_client(&daemon_);

	begin_load(c);
	stage_connection(c, "a");
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct vici_builder b = { 0 };

		vici_key_text(&b, "confirm", values[i]);
		expect_failure(call_with(c, "commit-load", &b), "confirm: wanted a number");
		ck_assert(!vici_present(vici_first(vici_find(call(c, "get-conns"), "conns"))));
	}
	expect_forgotten();
	commit_trial(c, "600");
	expect_success(call(c, "confirm-load"));
	vici_client_free(c);
}
END_TEST

/* Of which nothing was applied: an empty one, and one with a typo. */
START_TEST(a_whole_that_applies_nothing_does_not_end_the_hold)
{
	struct vici_client *c = running_client(&daemon_);
	struct vici_builder b = { 0 };

	run("--load-all", before);
	run("--load-all --confirm 1", after);
	running_expect(&daemon_, "TAKING BACK");
	begin_load(c);
	expect_success(call(c, "commit-load"));
	expect_held();
	begin_load(c);
	vici_section_start(&b, "d");
	vici_key_text(&b, "dpd_delay", "9xs");
	vici_section_end(&b);
	expect_failure(call_with(c, "load-conn", &b), "dpd_delay");
	(void)call(c, "commit-load");
	expect_held();
	expect_in(run("--load-all", after), "has been taken back");
	vici_client_free(c);
}
END_TEST

START_TEST(what_began_before_a_trial_and_is_committed_in_it_is_held_like_the_rest)
{
	struct vici_client *c = running_client(&daemon_), *early = running_client(&daemon_);

	begin_load(early);
	stage_connection(early, "late");
	begin_load(c);
	stage_connection(c, "a");
	commit_trial(c, "600");
	expect_success(call(early, "commit-load"));
	begin_load(c);
	commit_trial(c, "1");
	running_expect(&daemon_, "TAKING BACK");
	for (int whole = 0; whole < 2; whole++) {
		struct vici_builder b = connection_named("late");

		if (whole)
			begin_load(c);
		struct vici_view answer = call_with(c, "load-conn", &b);
		if (whole)
			answer = call(c, "commit-load");
		expect_failure(answer, "has been taken back");
	}
	vici_client_free(c);
	vici_client_free(early);
}
END_TEST

static void put_round(struct vici_builder *b, const char *name)
{
	vici_section_start(b, name);
	vici_key_text(b, "auth", "psk");
	vici_section_end(b);
}

/* The same connection, as one client writes it and as another one does. */
static struct vici_builder written(bool otherwise)
{
	struct vici_builder b = { 0 };

	vici_section_start(&b, "e");
	if (otherwise) {
		put_round(&b, "remote");
		vici_list_start(&b, "remote_addrs");
		vici_item_text(&b, "192.0.2.5");
		vici_list_end(&b);
		vici_key_text(&b, "version", "2");
	} else {
		vici_key_text(&b, "version", "2");
		vici_key_text(&b, "remote_addrs", "192.0.2.5");
		put_round(&b, "remote");
	}
	put_round(&b, "local");
	vici_section_end(&b);
	return b;
}

static struct vici_builder secret(bool otherwise)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, "type", otherwise ? "IKE" : "ike");
	vici_key_text(&b, "data", "one, two");
	vici_key_text(&b, "id", "s");
	vici_list_start(&b, "owners");
	vici_item_text(&b, otherwise ? "fqdn:gateway" : "gateway");
	vici_list_end(&b);
	return b;
}

START_TEST(what_comes_piece_by_piece_meanwhile_is_taken_back_and_held_however_it_is_written)
{
	struct vici_client *c = running_client(&daemon_);
	struct vici_builder connection, shared, name = { 0 };

	run("--load-all", before);
	begin_load(c);
	commit_trial(c, "600");
	connection = written(false);
	expect_success(call_with(c, "load-conn", &connection));
	shared = secret(false);
	expect_success(call_with(c, "load-shared", &shared));
	vici_key_text(&name, "name", "b");
	expect_success(call_with(c, "unload-conn", &name));
	begin_load(c);
	commit_trial(c, "1");
	running_expect(&daemon_, "TAKING BACK");
	expect_loaded(before);
	for (int otherwise = 0; otherwise < 2; otherwise++) {
		connection = written(otherwise);
		expect_failure(call_with(c, "load-conn", &connection), "has been taken back");
		shared = secret(otherwise);
		expect_failure(call_with(c, "load-shared", &shared), "has been taken back");
	}
	vici_key_text(&name, "name", "b");
	expect_failure(call_with(c, "unload-conn", &name), "has been taken back");
	expect_loaded(before);
	vici_client_free(c);
}
END_TEST

/* ---- Private keys ---- */

static size_t key_count(struct vici_client *c)
{
	size_t count = 0;

	VICI_EACH(each, vici_find(call(c, "get-keys"), "keys"))
	count++;
	return count;
}

/* Makes a key and loads it; its id. */
static void load_new_key(struct vici_client *c, char ret_id[64])
{
	struct vici_builder key = { 0 };
	char text[4096], path[128], command[256];

	snprintf(path, sizeof(path), "%s/key.pem", daemon_.directory);
	snprintf(command, sizeof(command), "%s --genkey %s", getenv("SWANCTL_LITE"), path);
	ck_assert_int_eq(system(command), 0);
	FILE *in = fopen(path, "re");
	ck_assert_ptr_nonnull(in);
	size_t length = fread(text, 1, sizeof(text), in);
	fclose(in);
	(void)remove(path);
	vici_key_text(&key, "type", "any");
	vici_key_bytes(&key, "data", bytes_of(text, length));
	struct vici_view answer = call_with(c, "load-key", &key);
	expect_success(answer);
	ck_assert(vici_get_text(answer, "id", ret_id, 64));
}

static void unload_key(struct vici_client *c, const char *id)
{
	struct vici_builder key = { 0 };

	vici_key_text(&key, "id", id);
	expect_success(call_with(c, "unload-key", &key));
}

/* Changes nothing, but is on trial. */
static void commit_nothing(struct vici_client *c, const char *seconds)
{
	begin_load(c);
	commit_trial(c, seconds);
}

START_TEST(a_key_that_another_client_unloads_meanwhile_comes_back)
{
	struct vici_client *c = running_client(&daemon_);
	struct vici_builder key = { 0 };
	char id[64];

	load_new_key(c, id);
	commit_nothing(c, "600");
	unload_key(c, id);
	commit_nothing(c, "1");
	running_expect(&daemon_, "TAKING BACK");
	ck_assert_uint_eq(key_count(c), 1);
	vici_key_text(&key, "id", id);
	expect_failure(call_with(c, "unload-key", &key), "what would go is needed");
	ck_assert_uint_eq(key_count(c), 1);
	/* another one ends no hold: after a restart they are the first to be loaded */
	load_new_key(c, id);
	expect_held();
	vici_client_free(c);
}
END_TEST

START_TEST(keys_that_are_unloaded_go_when_it_is_confirmed_unless_they_came_again)
{
	struct vici_client *c = running_client(&daemon_);
	char id[64], cleared[64];

	load_new_key(c, id);
	load_new_key(c, cleared);
	commit_nothing(c, "600");
	unload_key(c, id);
	unload_key(c, id);
	expect_success(call(c, "confirm-load"));
	ck_assert_uint_eq(key_count(c), 1);
	load_new_key(c, id);
	commit_nothing(c, "600");
	expect_success(call(c, "clear-creds"));
	ck_assert_uint_eq(key_count(c), 2);
	load_new_key(c, id);
	ck_assert_uint_eq(key_count(c), 3);
	expect_success(call(c, "confirm-load"));
	ck_assert_uint_eq(key_count(c), 1);
	vici_client_free(c);
}
END_TEST

TCase *trial_cases(void)
{
	TCase *c = tcase_create("trial");

	tcase_add_checked_fixture(c, begin, end);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, what_nobody_confirms_is_taken_back);
	tcase_add_test(c, what_is_confirmed_stays_and_leaves_no_file);
	tcase_add_test(c, what_a_killed_daemon_had_half_written_is_removed);
	tcase_add_test(c, a_daemon_that_was_killed_goes_on_with_the_count);
	tcase_add_test(c, after_a_kill_it_can_be_confirmed_too);
	tcase_add_test(c, a_daemon_that_comes_too_late_takes_it_back_at_its_start);
	tcase_add_test(c, what_was_taken_back_does_not_come_back_by_itself);
	tcase_add_test(c, something_else_ends_the_hold);
	tcase_add_test(c, several_trials_go_back_to_what_was_before_the_first);
	tcase_add_test(c, what_cannot_be_taken_back_is_not_applied);
	tcase_add_test(c, a_file_that_is_no_good_is_said_to_be_so_and_takes_nothing_back);
	tcase_add_test(c, what_is_loaded_without_a_confirmation_is_taken_back_and_held_too);
	tcase_add_test(c, what_is_taken_back_before_another_commits_it_stays_so);
	tcase_add_test(c, what_was_taken_back_does_not_come_back_piece_by_piece);
	tcase_add_test(c,
		what_comes_piece_by_piece_meanwhile_is_taken_back_and_held_however_it_is_written);
	tcase_add_test(c, the_first_piece_of_something_else_ends_the_hold_for_good);
	tcase_add_test(c, a_late_confirmation_ends_the_hold);
	tcase_add_test(c, a_secret_without_an_id_is_taken_back_too);
	tcase_add_test(c, what_cannot_be_forgotten_is_not_confirmed);
	tcase_add_test(c, while_it_cannot_be_forgotten_the_hold_stays);
	tcase_add_test(c, a_confirmation_that_is_no_number_of_seconds_applies_nothing);
	tcase_add_test(c, a_whole_that_applies_nothing_does_not_end_the_hold);
	tcase_add_test(c, what_began_before_a_trial_and_is_committed_in_it_is_held_like_the_rest);
	tcase_add_test(c, a_key_that_another_client_unloads_meanwhile_comes_back);
	tcase_add_test(c, keys_that_are_unloaded_go_when_it_is_confirmed_unless_they_came_again);
	return c;
}
