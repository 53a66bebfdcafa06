/* --mesh: the files of all sites from one definition; who comes later disturbs nobody. */
#include "testing/unit/swanctl-lite/fake_daemon.h"
#include "testing/unit/swanctl-lite/suites.h"

#include "libvici/settings.h"

#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct fake_answer answers[] = { { 0 } };
static char folder[] = "/tmp/swanctl-lite-mesh-XXXXXX";
static char arguments[256], definition[64];

static void begin(void)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(definition, sizeof(definition), "%s/mesh.conf", folder);
	snprintf(arguments, sizeof(arguments), "--mesh --output %s/out %s", folder, definition);
	fake_daemon_start(answers);
}

static int delete_one(const char *path, const struct stat *is, int what, struct FTW *walk)
{
	(void)is, (void)what, (void)walk;
	return remove(path);
}

static void end(void)
{
	fake_daemon_stop();
	nftw(folder, delete_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void define(const char *text)
{
	FILE *file = fopen(definition, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

/* A file of a site. */
static const char *content(const char *name)
{
	static char text[16384];
	char path[256];

	snprintf(path, sizeof(path), "%s/out/%s", folder, name);
	FILE *file = fopen(path, "r");
	ck_assert_msg(file != NULL, "no %s", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static const char two[] = "sites {\n"
			  " ams { addrs = 198.51.100.1, 203.0.113.1\n networks = 10.1.0.0/24 }\n"
			  " ber { networks = 10.2.0.0/24\n id = ber.example.org }\n"
			  "%s}\n"
			  "connection { dpd_delay = 2s }\nchild { esp_proposals = aes256gcm16 }\n";

START_TEST(each_site_gets_its_files)
{
	const char *out, *err;
	struct stat is;
	char text[1024], path[256];

	snprintf(text, sizeof(text), two, "");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(err, "");
	ck_assert_str_eq(out, "ams: written, with a new key\nber: written, with a new key\n");
	ck_assert_str_eq(content("ams/swanctl.conf"),
		"# Site ams of a mesh, made by swanctl-lite --mesh: change the definition, not "
		"this "
		"file.\n"
		"connections {\n"
		"\tber {\n"
		"\t\tlocal_addrs = 198.51.100.1, 203.0.113.1\n"
		"\t\tremote_addrs = %any\n"
		"\t\tdpd_delay = 2s\n"
		"\t\tlocal {\n\t\t\tid = ams\n\t\t\tauth = pubkey\n\t\t\tpubkeys = "
		"ams.pem\n\t\t}\n"
		"\t\tremote {\n\t\t\tid = ber.example.org\n\t\t\tauth = pubkey\n"
		"\t\t\tpubkeys = ber.pem\n\t\t}\n"
		"\t\tchildren {\n\t\t\tber-net {\n"
		"\t\t\t\tlocal_ts = 10.1.0.0/24\n\t\t\t\tremote_ts = 10.2.0.0/24\n"
		"\t\t\t\tesp_proposals = aes256gcm16\n\t\t\t}\n\t\t}\n\t}\n}\n");
	ck_assert_ptr_nonnull(strstr(content("ber/swanctl.conf"), "start_action = start"));
	snprintf(path, sizeof(path), "%s/out/ber/private/ber.pem", folder);
	ck_assert_int_eq(stat(path, &is), 0);
	ck_assert_uint_eq(is.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "--pubkey %s/out/ber/private/ber.pem", folder);
	ck_assert_int_eq(swanctl_run(path, &out, &err), 0);
	ck_assert_str_eq(content("ams/pubkey/ber.pem"), out);
	ck_assert_str_eq(content("ber/pubkey/ber.pem"), out);
	ck_assert_str_eq(fake_daemon_requests(), "");
}
END_TEST

START_TEST(a_new_site_changes_no_keys)
{
	const char *out, *err;
	char text[1024], before[512];

	snprintf(text, sizeof(text), two, "");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(out, "ams: unchanged\nber: unchanged\n");
	snprintf(before, sizeof(before), "%s", content("ams/private/ams.pem"));

	snprintf(text, sizeof(text), two, " col { addrs = 192.0.2.1\n networks = 10.3.0.0/24 }\n");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(out, "ams: written\nber: written\ncol: written, with a new key\n");
	ck_assert_str_eq(content("ams/private/ams.pem"), before);
	ck_assert_ptr_nonnull(strstr(content("ams/swanctl.conf"), "\tcol {\n"));
}
END_TEST

START_TEST(a_site_may_keep_its_private_key)
{
	const char *out, *err;
	char text[1024], path[256];

	snprintf(text, sizeof(text), two,
		" col { addrs = 192.0.2.1\n networks = 10.3.0.0/24\n"
		" pubkey = out/ams/pubkey/ams.pem }\n");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 1);
	ck_assert_ptr_nonnull(strstr(err, "mesh.conf:8: pubkey of 'col': "));
	ck_assert_ptr_nonnull(strstr(err, "No such file"));
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 1);

	snprintf(text, sizeof(text), two, "");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	snprintf(text, sizeof(text), two,
		" col { addrs = 192.0.2.1\n networks = 10.3.0.0/24\n"
		" pubkey = col.pem }\n");
	define(text);
	snprintf(path, sizeof(path),
		"openssl genpkey -algorithm ed25519 | openssl pkey -pubout "
		"-out %s/col.pem 2>&1",
		folder);
	ck_assert_int_eq(system(path), 0);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(out, "ams: written\nber: written\ncol: written\n");
	snprintf(path, sizeof(path), "%s/out/col/private", folder);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(values_are_read_back_as_they_were)
{
	static const char hostile[] =
		"sites { a { networks = 10.1.0.0/24\n addrs = 192.0.2.1 }\n"
		" b { networks = 10.2.0.0/24 } }\n"
		"child { updown = \"/usr/lib/x.sh #1 \\\"two\\\" } evil {\\n\" }";
	const char *out, *err;
	struct why why;

	define(hostile);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	struct settings *read = settings_parse(bytes_of_text(content("b/swanctl.conf")), "b", &why);
	ck_assert_msg(read != NULL, "%s", why.text);
	ck_assert_str_eq(settings_get(settings_root(read), "connections.a.children.a-net.updown"),
		"/usr/lib/x.sh #1 \"two\" } evil {\n");
	settings_free(read);
}
END_TEST

START_TEST(behind_a_nat_a_site_has_another_address)
{
	const char *out, *err;

	define("sites { a { networks = 10.1.0.0/24\n addrs = 192.0.2.1\n local_addrs = 10.0.0.5 }\n"
	       " b { networks = 10.2.0.0/24\n addrs = 192.0.2.2\n local_addrs = %any } }");
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_ptr_nonnull(strstr(content("a/swanctl.conf"),
		"local_addrs = 10.0.0.5\n\t\tremote_addrs = 192.0.2.2\n"));
	ck_assert_ptr_nonnull(
		strstr(content("b/swanctl.conf"), "\ta {\n\t\tremote_addrs = 192.0.2.1\n"));
	ck_assert_ptr_null(strstr(content("b/swanctl.conf"), "local_addrs"));
}
END_TEST

START_TEST(what_is_left_of_a_site_is_told)
{
	const char *out, *err;
	char text[1024];

	snprintf(text, sizeof(text), two, " col { addrs = 192.0.2.1\n networks = 10.3.0.0/24 }\n");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	snprintf(text, sizeof(text), two, "");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(out, "ams: written\nber: written\n");
	ck_assert_ptr_nonnull(strstr(err, "ams: pubkey/col.pem is of no site any more"));
	ck_assert_ptr_nonnull(strstr(err, "col: is no site any more"));
}
END_TEST

START_TEST(an_operators_own_file_stays)
{
	const char *out, *err;
	char text[1024], path[256];

	snprintf(path, sizeof(path), "mkdir -p %s/out/ber && echo mine > %s/out/ber/swanctl.conf",
		folder, folder);
	ck_assert_int_eq(system(path), 0);
	snprintf(text, sizeof(text), two, "");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 1);
	ck_assert_ptr_nonnull(strstr(err, "out/ber/swanctl.conf was not made by --mesh"));
	ck_assert_str_eq(content("ber/swanctl.conf"), "mine\n");
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(two_sites_with_the_same_key_are_refused)
{
	const char *out, *err;
	char text[1024];

	snprintf(text, sizeof(text), two, "");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	snprintf(text, sizeof(text), two,
		" col { addrs = 192.0.2.1\n networks = 10.3.0.0/24\n pubkey = "
		"out/ams/pubkey/ams.pem }\n");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 1);
	ck_assert_ptr_nonnull(strstr(err, "mesh.conf:6: sites 'ams' and 'col' have the same key"));
}
END_TEST

static X509 *certificate(const char *name)
{
	BIO *text = BIO_new_mem_buf(content(name), -1);
	X509 *read = PEM_read_bio_X509(text, NULL, NULL, NULL);

	ck_assert_msg(read != NULL, "%s is no certificate", name);
	BIO_free(text);
	return read;
}

START_TEST(an_authority_issues_certificates)
{
	static const char with_authority[] =
		"authority { name = \"Example mesh\" }\n"
		"sites { a { networks = 10.1.0.0/24\n addrs = 192.0.2.1\n id = a@example.org }\n"
		" b { networks = 10.2.0.0/24 }\n%s }";
	const char *out, *err;
	char text[1024], before[4096];

	snprintf(text, sizeof(text), with_authority, "");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(out, "a: written, with a new key\nb: written, with a new key\n");
	ck_assert_ptr_nonnull(strstr(content("a/swanctl.conf"),
		"\t\tlocal {\n\t\t\tid = a@example.org\n\t\t\tauth = pubkey\n\t\t\tcerts = "
		"a.pem\n\t\t}\n"
		"\t\tremote {\n\t\t\tid = b\n\t\t\tauth = pubkey\n\t\t\tcacerts = mesh-ca.pem\n"));
	X509 *ca = certificate("b/x509ca/mesh-ca.pem"), *a = certificate("a/x509/a.pem");
	ck_assert_int_eq(X509_verify(a, X509_get0_pubkey(ca)), 1);
	ck_assert_int_eq(X509_check_email(a, "a@example.org", 0, 0), 1);
	ck_assert_int_eq(X509_check_issued(ca, a), X509_V_OK);
	X509_free(ca);
	X509_free(a);
	X509 *b = certificate("b/x509/b.pem");
	ck_assert_int_eq(X509_check_host(b, "b", 0, 0, NULL), 1);
	X509_free(b);

	snprintf(before, sizeof(before), "%s", content("a/x509/a.pem"));
	snprintf(text, sizeof(text), with_authority,
		" c { networks = 10.3.0.0/24\n addrs = 192.0.2.3 }");
	define(text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(out, "a: written\nb: written\nc: written, with a new key\n");
	ck_assert_str_eq(content("a/x509/a.pem"), before);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 0);
	ck_assert_str_eq(out, "a: unchanged\nb: unchanged\nc: unchanged\n");
}
END_TEST

#define TWO                                                          \
	"sites { a { addrs = 192.0.2.1\n networks = 10.1.0.0/24 }\n" \
	" b { networks = 10.2.0.0/24 } }"

static const struct {
	const char *text, *says;
} wrong[] = {
	{ "sites { a { networks = 10.1.0.0/24\n addrs = 192.0.2.1 } }",
		"mesh.conf: a mesh has two sites or more" },
	{ "sites { a { networks = 10.1.0.0/24 }\n b { networks = 10.2.0.0/24 } }",
		"mesh.conf:2: neither of the sites 'a' and 'b' has an address" },
	{ "sites { a { addrs = 192.0.2.1 }\n b { networks = 10.2.0.0/24 } }",
		"mesh.conf:1: site 'a' has no networks" },
	{ "sites {\n a { network = 10.1.0.0/24 } }",
		"mesh.conf:2: unknown key 'network' of a site" },
	{ "sites {\n a/b { networks = 10.1.0.0/24 }\n c { networks = 10.2.0.0/24 } }",
		"mesh.conf:2: a site's name has letters" },
	{ "", "mesh.conf: a mesh has a section sites" },
	{ "sites {\n dpd_delay = 2s }", "mesh.conf:2: 'dpd_delay' is of no site" },
	{ "sites {\n a { addrs = 192.0.2.1\n networks = 10.1.0.0/16 }\n b { networks = "
	  "192.168.0.0/24, 10.1.3.0/24 } }",
		"mesh.conf:4: sites 'a' and 'b' have networks that overlap: 10.1.0.0/16 and "
		"10.1.3.0/24" },
	{ "sites {\n a { addrs = 192.0.2.1.5\n networks = 10.1.0.0/24 }\n b { networks = "
	  "10.2.0.0/24 } }",
		"mesh.conf:2: addrs of 'a': 192.0.2.1.5 is neither an address nor a host's name" },
	{ "sites {\n a { addrs = gw.example.org\n networks = 10.1.0.0/33 }\n b { networks = "
	  "10.2.0.0/24 } }",
		"mesh.conf:3: networks of 'a': 10.1.0.0/33 is no network such as 10.1.0.0/24" },
	{ "sites {\n a { addrs = gw.example.org\n networks = foo }\n b { networks = 10.2.0.0/24 } "
	  "}",
		"mesh.conf:3: networks of 'a': foo is no network" },
	{ "sites {\n a { id = %any\n networks = 10.1.0.0/24 } }",
		"mesh.conf:2: id of 'a': a site proves one identity: '%any' is not one" },
	{ "sites {\n a { networks = 10.1.0.0/24\n addrs = 192.0.2.1, 192.0.2.2 }\n"
	  " b { networks = 10.2.0.0/24\n addrs = 192.0.2.2 } }",
		"mesh.conf:5: sites 'a' and 'b' have the same address 192.0.2.2" },
	{ "sites {\n a { networks = 10.1.0.0/24\n addrs = 192.0.2.1 }\n"
	  " b { networks = 10.2.0.0/24\n addrs = 2001:db8::1 } }",
		"mesh.conf:5: sites 'a' and 'b' cannot reach each other" },
	{ "sites {\n authority { networks = 10.1.0.0/24 } }",
		"mesh.conf:2: no site can have the name 'authority'" },
	{ "authority { }\nsites {\n a { id = \"@moon\"\n networks = 10.1.0.0/24 } }",
		"mesh.conf:3: id of 'a': with an authority it is a host's name" },
	{ "authority { }\nsites {\n a { id = fqdn:moon.example.org\n networks = 10.1.0.0/24 } }",
		"mesh.conf:3: id of 'a': with an authority it is a host's name" },
	{ "sites {\n a { id = A.example\n addrs = 192.0.2.1\n networks = 10.1.0.0/24 }\n"
	  " b { id = a.example\n networks = 10.2.0.0/24 } }",
		"mesh.conf:5: sites 'a' and 'b' have the same id" },
	{ "authority {\n days = 3 }", "mesh.conf:2: unknown key 'days' of the authority" },
	{ "authority {\n lifetime = ever }", "mesh.conf:2: lifetime = ever: wanted a time" },
	{ "sites {\n a { addrs = 192.0.2.1\n networks = 10.1.0.0/24 }\n"
	  " b { id = a\n networks = 10.2.0.0/24 } }",
		"mesh.conf:4: sites 'a' and 'b' have the same id 'a'" },
	{ "connection { local_addrs = 192.0.2.1 }",
		"mesh.conf:1: local_addrs is what the sites say" },
	{ "connection {\n dpd_dely = 2s }",
		"mesh.conf:2: unknown key 'dpd_dely': did you mean 'dpd_delay'?" },
	{ "child {\n rekey_time = soon }", "mesh.conf:2: " },
	{ "connection {\n proposals = aes128-sha257-modp2048 }\n" TWO,
		"mesh.conf:2: proposals = aes128-sha257-modp2048: " },
	{ "child {\n rekey_time = 1h\n esp_proposals = aes128gcm16, aes128-sha257 }\n" TWO,
		"mesh.conf:3: esp_proposals = aes128gcm16, aes128-sha257: " },
	{ "connection {\n version = 1\n childless = force }\n" TWO,
		"mesh.conf:1: 'connection' is refused: " },
	{ "site { }", "mesh.conf:1: unknown section 'site'" },
	{ "x = 1", "mesh.conf:1: 'x' is in no section" },
};

START_TEST(what_is_wrong_is_named_and_nothing_written)
{
	const char *out, *err;
	char path[256];

	define(wrong[_i].text);
	ck_assert_int_eq(swanctl_run(arguments, &out, &err), 1);
	ck_assert_msg(strstr(err, wrong[_i].says) != NULL, "said %s", err);
	ck_assert_str_eq(out, "");
	snprintf(path, sizeof(path), "%s/out", folder);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

TCase *mesh_cases(void)
{
	TCase *cases = tcase_create("mesh");

	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, each_site_gets_its_files);
	tcase_add_test(cases, values_are_read_back_as_they_were);
	tcase_add_test(cases, behind_a_nat_a_site_has_another_address);
	tcase_add_test(cases, what_is_left_of_a_site_is_told);
	tcase_add_test(cases, an_operators_own_file_stays);
	tcase_add_test(cases, two_sites_with_the_same_key_are_refused);
	tcase_add_test(cases, an_authority_issues_certificates);
	tcase_add_test(cases, a_new_site_changes_no_keys);
	tcase_add_test(cases, a_site_may_keep_its_private_key);
	tcase_add_loop_test(cases, what_is_wrong_is_named_and_nothing_written, 0,
		sizeof(wrong) / sizeof(*wrong));
	return cases;
}
