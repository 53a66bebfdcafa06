/* Certificates and private keys through VICI: a real daemon and its signer process. */
#include "libike/crypto/signature.h"
#include "testing/unit/charon-lite/running.h"
#include "testing/unit/charon-lite/suites.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct running r;
static struct vici_client *client;

static void setup(void)
{
	running_start(&r, "filelog { stderr { default = 4 } }");
	client = running_client(&r);
}

static void teardown(void)
{
	vici_client_free(client);
	running_stop(&r);
}

/* ---- Keys and certificates, made ---- */

static EVP_PKEY *make_key(const char *kind)
{
	EVP_PKEY *key = strcmp(kind, "RSA") == 0
				? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
			: strcmp(kind, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
						  : EVP_PKEY_Q_keygen(NULL, NULL, kind);

	ck_assert_ptr_nonnull(key);
	return key;
}

struct file {
	uint8_t at[8192];
	size_t length;
};

static void take(BIO *bio, struct file *ret)
{
	char *data;
	long length = BIO_get_mem_data(bio, &data);

	ck_assert_int_lt(length, (long)sizeof(ret->at));
	memcpy(ret->at, data, (size_t)length);
	ret->length = (size_t)length;
	BIO_free(bio);
}

enum form {
	PKCS8_PEM,
	PKCS8_DER,
	TRADITIONAL_PEM,
	TRADITIONAL_DER,
	ENCRYPTED_PKCS8,
	ENCRYPTED_OLD
};

static void write_key(EVP_PKEY *key, enum form form, struct file *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int good = 0;

	switch (form) {
	case PKCS8_PEM:
		good = PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
		break;
	case PKCS8_DER:
		good = i2d_PKCS8PrivateKey_bio(bio, key, NULL, NULL, 0, NULL, NULL);
		break;
	case TRADITIONAL_PEM:
		good = PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
		break;
	case TRADITIONAL_DER:
		good = i2d_PrivateKey_bio(bio, key);
		break;
	case ENCRYPTED_PKCS8:
		good = PEM_write_bio_PrivateKey(
			bio, key, EVP_aes_128_cbc(), NULL, 0, NULL, (void *)"secret");
		break;
	case ENCRYPTED_OLD:
		good = PEM_write_bio_PrivateKey_traditional(
			bio, key, EVP_aes_128_cbc(), NULL, 0, NULL, (void *)"secret");
		break;
	}
	ck_assert_int_eq(good, 1);
	take(bio, ret);
}

static void write_cert(EVP_PKEY *key, const char *cn, bool ca, struct file *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *x = X509_new();
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(
		NULL, NULL, NID_basic_constraints, ca ? "critical,CA:TRUE" : "CA:FALSE");

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
		(const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, key);
	X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
	ck_assert_int_gt(X509_sign(x, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()), 0);
	ck_assert_int_eq(PEM_write_bio_X509(bio, x), 1);
	X509_free(x);
	take(bio, ret);
}

/* ---- Commands ---- */

static struct vici_view load_key_of(const char *type, const struct file *file)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, "type", type);
	vici_key_bytes(&b, "data", bytes_of(file->at, file->length));
	return call_with(client, "load-key", &b);
}

static void load_key(const char *type, const struct file *file, char id[41])
{
	struct vici_view answer = load_key_of(type, file);

	expect_success(answer);
	ck_assert(vici_get_text(answer, "id", id, 41));
	ck_assert_uint_eq(strlen(id), 40);
}

static struct vici_view load_cert(const char *type, const char *flag, const struct file *file)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, "type", type);
	if (flag)
		vici_key_text(&b, "flag", flag);
	vici_key_bytes(&b, "data", bytes_of(file->at, file->length));
	return call_with(client, "load-cert", &b);
}

static size_t count_keys(void)
{
	size_t count = 0;

	VICI_EACH(each, vici_find(call(client, "get-keys"), "keys"))
	count++;
	return count;
}

struct listed {
	unsigned count, with_key;
	char text[1024]; /* "X509 NONE; " of each */
};

static void on_cert(void *context, struct bytes event, struct vici_view message)
{
	struct listed *l = context;
	char type[32] = "", flag[32] = "";
	size_t length = strlen(l->text);

	(void)event;
	(void)!vici_get_text(message, "type", type, sizeof(type));
	(void)!vici_get_text(message, "flag", flag, sizeof(flag));
	snprintf(l->text + length, sizeof(l->text) - length, "%s %s; ", type, flag);
	l->count++;
	l->with_key += vici_is(vici_get(message, "has_privkey"), "yes");
}

static struct listed list_certs(const char *key, const char *value)
{
	static const char *const events[] = { "list-cert" };
	struct vici_builder b = { 0 };
	struct listed listed = { 0 };
	struct vici_view answer;
	struct why why;

	if (key)
		vici_key_text(&b, key, value);
	const struct vici_call what = { .command = "list-certs",
		.arguments = &b,
		.events = events,
		.event_count = 1,
		.on_event = on_cert,
		.context = &listed };
	ck_assert_int_eq(vici_client_call(client, &what, &answer, &why), VICI_OK);
	vici_builder_free(&b);
	return listed;
}

/* ---- Tests ---- */

START_TEST(keys_of_all_forms_are_one_key)
{
	static const char *const kinds[] = { "RSA", "EC", "ED25519", "ED448" };
	static const char *const types[] = { "rsa", "ecdsa", "any", "any" };

	for (size_t i = 0; i < 4; i++) {
		EVP_PKEY *key = make_key(kinds[i]);
		enum form last = i < 2 ? TRADITIONAL_DER : PKCS8_DER;
		char first[41], id[41];
		struct file file;

		write_key(key, PKCS8_PEM, &file);
		load_key(types[i], &file, first);
		for (enum form form = PKCS8_DER; form <= last; form++) {
			write_key(key, form, &file);
			load_key("any", &file, id);
			ck_assert_str_eq(id, first);
		}
		ck_assert_uint_eq(count_keys(), i + 1);
		EVP_PKEY_free(key);
	}
	expect_success(call(client, "clear-creds"));
	ck_assert_uint_eq(count_keys(), 0);
}
END_TEST

START_TEST(what_is_no_good_key_is_refused_with_a_reason)
{
	EVP_PKEY *key = make_key("EC"), *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512);
	struct file file, cert;

	write_key(key, ENCRYPTED_PKCS8, &file);
	expect_failure(load_key_of("any", &file), "the private key is encrypted");
	write_key(key, ENCRYPTED_OLD, &file);
	expect_failure(load_key_of("ecdsa", &file), "the private key is encrypted");
	write_key(key, PKCS8_PEM, &file);
	expect_failure(load_key_of("rsa", &file), "it is no rsa key");
	expect_failure(load_key_of("dsa", &file), "is no type of private keys");
	write_key(key, PKCS8_DER, &file);
	file.length--;
	expect_failure(load_key_of("any", &file), "it is no private key");
	file.length = 1;
	expect_failure(load_key_of("any", &file), "it is no private key");
	write_cert(key, "moon", false, &cert);
	expect_failure(load_key_of("any", &cert), "there is no private key in it");
	write_key(weak, PKCS8_PEM, &file);
	expect_failure(load_key_of("any", &file), "512");
	expect_failure(call(client, "load-key"), "key type missing");
	expect_failure(call(client, "unload-key"), "key id missing");
	ck_assert_uint_eq(count_keys(), 0);
	EVP_PKEY_free(key);
	EVP_PKEY_free(weak);
}
END_TEST

/* Halves that do not belong together. */
START_TEST(a_damaged_key_is_refused)
{
	EVP_PKEY *key = make_key("RSA");
	struct file file;
	BIGNUM *n = NULL;
	uint8_t octets[256];

	write_key(key, TRADITIONAL_DER, &file);
	ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	ck_assert_int_eq(BN_bn2binpad(n, octets, 256), 256);
	uint8_t *at = memmem(file.at, file.length, octets, 256);
	ck_assert_ptr_nonnull(at);
	at[100] ^= 1;
	expect_failure(load_key_of("any", &file), "damaged");
	ck_assert_uint_eq(count_keys(), 0);
	BN_free(n);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(certificates_are_listed_by_kind_with_their_keys)
{
	EVP_PKEY *key = make_key("EC"), *ca_key = make_key("EC");
	struct file file, chain;
	char id[41];

	write_cert(key, "moon", false, &file);
	expect_success(load_cert("x509", NULL, &file));
	expect_success(load_cert("X509", "NONE", &file)); /* kept once */
	expect_failure(load_cert("X509", "CA", &file),
		"ca certificate lacks CA basic constraint, rejected");
	write_cert(ca_key, "ca", true, &chain);
	expect_success(load_cert("X509", "CA", &chain));
	write_key(key, PKCS8_PEM, &file);
	load_key("any", &file, id);
	struct listed all = list_certs(NULL, NULL);
	ck_assert_str_eq(all.text, "X509 NONE; X509 CA; ");
	ck_assert_uint_eq(all.with_key, 1);
	ck_assert_uint_eq(list_certs("flag", "CA").count, 1);
	ck_assert_uint_eq(list_certs("subject", "CN=moon").count, 1);
	ck_assert_uint_eq(list_certs("subject", "CN=sun").count, 0);
	ck_assert_uint_eq(list_certs("type", "X509_CRL").count, 0);
	ck_assert_uint_eq(list_certs("type", "nosuch").count, 0);
	ck_assert_uint_eq(list_certs("flag", "nosuch").count, 2);
	expect_success(call(client, "flush-certs"));
	struct vici_builder b = { 0 };
	vici_key_text(&b, "type", "X509_CRL");
	expect_success(call_with(client, "flush-certs", &b));
	b = (struct vici_builder){ 0 };
	vici_key_text(&b, "type", "nosuch");
	expect_failure(call_with(client, "flush-certs", &b), "invalid certificate type 'nosuch'");
	ck_assert_uint_eq(list_certs(NULL, NULL).count, 2);
	expect_success(call(client, "clear-creds"));
	ck_assert_uint_eq(list_certs(NULL, NULL).count, 0);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}
END_TEST

START_TEST(a_chain_in_one_file_is_all_of_it)
{
	EVP_PKEY *key = make_key("EC"), *other = make_key("ED25519");
	struct file file, second;

	write_cert(key, "moon", false, &file);
	write_cert(other, "sun", false, &second);
	memcpy(file.at + file.length, second.at, second.length);
	file.length += second.length;
	expect_success(load_cert("X509", "NONE", &file));
	ck_assert_uint_eq(list_certs(NULL, NULL).count, 2);
	file.length -= 100; /* the last block has no end */
	expect_failure(load_cert("X509", "NONE", &file), "parsing X509 certificate failed");
	expect_failure(load_cert("X509_AC", "NONE", &file), "attribute certificates");
	expect_failure(load_cert("foo", "NONE", &file), "invalid certificate type");
	expect_failure(load_cert("X509", "foo", &file), "invalid certificate flag");
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}
END_TEST

START_TEST(authorities_come_and_go_by_name)
{
	EVP_PKEY *key = make_key("EC");
	struct vici_builder b = { 0 };
	struct file file;

	write_cert(key, "ca", true, &file);
	vici_section_start(&b, "lab");
	vici_key_bytes(&b, "cacert", bytes_of(file.at, file.length));
	vici_list_start(&b, "crl_uris");
	vici_item_text(&b, "http://example.org/ca.crl");
	vici_list_end(&b);
	vici_section_end(&b);
	expect_success(call_with(client, "load-authority", &b));
	struct vici_view names = vici_find(call(client, "get-authorities"), "authorities");
	ck_assert(vici_is(vici_value(vici_first(names)), "lab"));
	ck_assert_str_eq(list_certs(NULL, NULL).text, "X509 CA; ");
	b = (struct vici_builder){ 0 };
	vici_key_text(&b, "name", "lab");
	expect_success(call_with(client, "unload-authority", &b));
	b = (struct vici_builder){ 0 };
	vici_key_text(&b, "name", "lab");
	expect_failure(call_with(client, "unload-authority", &b), "authority 'lab' not found");
	b = (struct vici_builder){ 0 };
	vici_section_start(&b, "lab");
	vici_section_end(&b);
	expect_failure(call_with(client, "load-authority", &b), "CA certificate missing");
	b = (struct vici_builder){ 0 };
	vici_section_start(&b, "lab");
	vici_key_text(&b, "handle", "aa");
	vici_section_end(&b);
	expect_failure(call_with(client, "load-authority", &b), "on tokens");
	EVP_PKEY_free(key);
}
END_TEST

/* The daemon's only child at the time. */
static pid_t signer_of(pid_t daemon)
{
	char path[64];
	int child = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon, daemon);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%d", &child) != 1)
		child = 0;
	fclose(file);
	return child;
}

START_TEST(keys_that_are_lost_with_the_signer_can_be_loaded_again)
{
	EVP_PKEY *key = make_key("EC");
	pid_t signer = signer_of(r.pid);
	struct file file;
	char id[41];

	ck_assert_int_gt(signer, 0);
	write_key(key, PKCS8_PEM, &file);
	load_key("any", &file, id);
	ck_assert_int_eq(kill(signer, SIGKILL), 0);
	running_expect(&r, "the signer process was ended by signal 9");
	running_expect(&r, "1 private keys are lost");
	running_expect(&r, "the signer process runs again");
	ck_assert_uint_eq(count_keys(), 0);
	load_key("any", &file, id);
	ck_assert_uint_eq(count_keys(), 1);
	EVP_PKEY_free(key);
}
END_TEST

/* ---- The same from files, with swanctl-lite ---- */

static void write_file(const char *name, const struct file *content)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/swanctl/%s", r.directory, name);
	FILE *file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(content->at, 1, content->length, file), content->length);
	fclose(file);
}

static void contains(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

START_TEST(directories_are_loaded_and_what_is_gone_is_unloaded)
{
	static const char conf[] = "secrets {\n private-moon {\n  file = moon.pem\n"
				   "  secret = secret\n }\n}\n";
	EVP_PKEY *key = make_key("RSA"), *ca_key = make_key("EC");
	struct file file = { .length = sizeof(conf) - 1 };
	char command[512];

	snprintf(command, sizeof(command),
		"cd %s && mkdir -p swanctl/x509 swanctl/x509ca swanctl/private", r.directory);
	ck_assert_int_eq(system(command), 0);
	memcpy(file.at, conf, file.length);
	write_file("swanctl.conf", &file);
	write_cert(key, "moon", false, &file);
	write_file("x509/moon.pem", &file);
	write_cert(ca_key, "ca", true, &file);
	write_file("x509ca/ca.pem", &file);
	/* VyOS: a section names the file otherwise than it is called */
	write_key(key, ENCRYPTED_PKCS8, &file);
	write_file("private/x509_moon.pem", &file);
	ck_assert_str_eq(running_swanctl(&r, "--load-creds --noprompt"),
		"loaded certificate from 'x509/moon.pem'\n"
		"loaded certificate from 'x509ca/ca.pem'\n"
		"loaded RSA key from 'private/x509_moon.pem'\n");
	ck_assert_uint_eq(count_keys(), 1);
	const char *list = running_swanctl(&r, "--list-certs");
	contains(list, "\nList of X.509 End Entity Certificates\n\n  subject:  \"CN=moon\"\n");
	contains(list, "  pubkey:    RSA 2048 bits, has private key\n");
	contains(list, "\nList of X.509 CA Certificates\n\n  subject:  \"CN=ca\"\n");
	contains(running_swanctl(&r, "--list-certs --pem --flag ca"),
		"-----BEGIN CERTIFICATE-----\n");
	snprintf(command, sizeof(command), "rm %s/swanctl/x509/* %s/swanctl/private/*", r.directory,
		r.directory);
	ck_assert_int_eq(system(command), 0);
	ck_assert_str_eq(running_swanctl(&r, "--load-creds --noprompt"),
		"loaded certificate from 'x509ca/ca.pem'\n");
	ck_assert_uint_eq(count_keys(), 0);
	ck_assert_str_eq(list_certs(NULL, NULL).text, "X509 CA; ");
	snprintf(command, sizeof(command), "rm -r %s/swanctl", r.directory);
	ck_assert_int_eq(system(command), 0);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}
END_TEST

static const char *in_directory(const char *script)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && %s", r.directory, script);
	ck_assert_int_eq(system(command), 0);
	return running_swanctl_with(&r, "--load-creds --noprompt", "");
}

START_TEST(keys_on_disk_that_cannot_be_read_are_not_gone)
{
	in_directory("mkdir private && $SWANCTL_LITE --genkey private/key.pem");
	ck_assert_uint_eq(count_keys(), 1);
	const char *said = in_directory("mv private kept && mkdir private && "
					"ln -s nowhere private/key.pem");
	contains(said, "loading 'private/key.pem' failed: No such file or directory\n");
	contains(said, "no private key is unloaded: not all files can be read\n2\n");
	ck_assert_uint_eq(count_keys(), 1);
	said = in_directory("rm -r private && touch private");
	contains(said, "opening directory 'private' failed: Not a directory\n");
	contains(said, "\n20\n");
	ck_assert_uint_eq(count_keys(), 1);
	ck_assert_str_eq(in_directory("rm -r private kept"), "0\n");
	ck_assert_uint_eq(count_keys(), 0);
	char path[128];
	snprintf(path, sizeof(path), "%s/swanctl.conf", r.directory);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* ---- Secrets stay where they are ---- */

#define MARKER "aMarkerThatNobodyElseWrites"

/* Whether a process's memory has it; -1: it may not be looked at. */
static int memory_has(pid_t pid, struct bytes what)
{
	char path[64], line[512];
	int found = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	FILE *memory = fopen(path, "re");
	if (!maps || !memory)
		found = -1;
	while (found == 0 && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char rights[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r' ||
			rights[1] != 'w' || to - from > (64ul << 20))
			continue;
		uint8_t *room = malloc(to - from);
		if (room && fseek(memory, (long)from, SEEK_SET) == 0) {
			size_t got = fread(room, 1, to - from, memory);

			if (got > 0 && memmem(room, got, what.at, what.length))
				found = 1;
		}
		free(room);
	}
	if (maps)
		fclose(maps);
	if (memory)
		fclose(memory);
	return found;
}

static void load_shared(const char *type, const char *id)
{
	struct vici_builder b = { 0 };

	vici_key_text(&b, "id", id);
	vici_key_text(&b, "type", type);
	vici_key_text(&b, "data", MARKER);
	vici_list_start(&b, "owners");
	vici_item_text(&b, "sun");
	vici_list_end(&b);
	expect_success(call_with(client, "load-shared", &b));
}

static void read_file(const char *path, char *room, size_t size, size_t *ret)
{
	FILE *file = fopen(path, "re");

	*ret = file ? fread(room, 1, size, file) : 0;
	if (file)
		fclose(file);
}

/* Every answer that lists what was loaded, as it came over the socket. */
static void no_answer_has(struct bytes secret)
{
	static const char *const commands[] = { "get-keys", "get-shared", "list-certs",
		"list-conns", "stats", "get-conns", "list-authorities", "explain" };
	uint8_t room[65536];

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		uint8_t frame[64];
		size_t length = strlen(commands[i]);
		int fd = running_connect(&r);

		frame[0] = 0; /* a request */
		frame[1] = (uint8_t)length;
		memcpy(frame + 2, commands[i], length);
		send_frame(fd, frame, 2 + length);
		size_t got = receive_frame(fd, room, sizeof(room));
		ck_assert_uint_gt(got, 0);
		ck_assert_ptr_null(memmem(room, got, secret.at, secret.length));
		close(fd);
	}
}

/* The signer answers before it forgets what came with the request: its next answer comes after. */
static void load_another_key(void)
{
	EVP_PKEY *other = make_key("EC");
	struct file file;
	char id[41];

	write_key(other, PKCS8_DER, &file);
	load_key("any", &file, id);
	EVP_PKEY_free(other);
}

START_TEST(secrets_appear_nowhere_else)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct bytes marker = bytes_of_text(MARKER), prime;
	EVP_PKEY *key = make_key("RSA");
	uint8_t octets[128];
	static char room[1 << 20];
	char log[128], extra[256], path[64], id[41];
	struct file file;
	BIGNUM *p = NULL;
	size_t got;
	int status;

	(void)setrlimit(RLIMIT_CORE, &all); /* the daemon has to forbid it itself */
	snprintf(log, sizeof(log), "/tmp/charon-lite-secrets-%d.log", getpid());
	snprintf(extra, sizeof(extra), "filelog {\n a {\n path = %s\n default = 4\n }\n}", log);
	running_start(&r, extra);
	client = running_client(&r);
	pid_t signer = signer_of(r.pid);
	ck_assert_int_eq(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR1, &p), 1);
	ck_assert_int_eq(BN_bn2lebinpad(p, octets, 128), 128); /* as OpenSSL has it in memory */
	prime = bytes_of(octets, 64);
	write_key(key, PKCS8_DER, &file);
	struct bytes der = bytes_of(file.at + file.length - 500, 64);
	load_key("any", &file, id);
	load_another_key();
	load_shared("ike", "ike-a");
	load_shared("eap", "eap-a");
	load_shared("ppk", "ppk-a");
	no_answer_has(marker);
	no_answer_has(der);
	snprintf(path, sizeof(path), "/proc/%d/environ", r.pid);
	read_file(path, room, sizeof(room), &got);
	ck_assert_ptr_null(memmem(room, got, marker.at, marker.length));
	/* the private key was never kept here; looking into the signer finds it, so we can look */
	if (memory_has(signer, prime) == 1) {
		ck_assert_int_eq(memory_has(r.pid, marker), 1);
		ck_assert_int_eq(memory_has(r.pid, prime), 0);
		ck_assert_int_eq(memory_has(r.pid, der), 0);
		ck_assert_int_eq(memory_has(signer, der), 0);
		expect_success(call(client, "clear-creds"));
		ck_assert_uint_eq(count_keys(), 0);
		ck_assert_int_eq(memory_has(r.pid, marker), 0);
		load_another_key();
		ck_assert_int_eq(memory_has(signer, prime), 0);
		ck_assert_int_eq(memory_has(signer, der), 0);
	}
	vici_client_free(client);
	ck_assert_int_eq(kill(r.pid, SIGABRT), 0);
	ck_assert_int_eq(waitpid(r.pid, &status, 0), r.pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert(!WCOREDUMP(status));
	read_file(log, room, sizeof(room), &got);
	ck_assert_uint_gt(got, 0);
	ck_assert_ptr_null(memmem(room, got, marker.at, marker.length));
	unlink(log);
	BN_free(p);
	EVP_PKEY_free(key);
}
END_TEST

TCase *creds_cases(void)
{
	TCase *tests = tcase_create("creds");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, keys_of_all_forms_are_one_key);
	tcase_add_test(tests, what_is_no_good_key_is_refused_with_a_reason);
	tcase_add_test(tests, a_damaged_key_is_refused);
	tcase_add_test(tests, certificates_are_listed_by_kind_with_their_keys);
	tcase_add_test(tests, a_chain_in_one_file_is_all_of_it);
	tcase_add_test(tests, authorities_come_and_go_by_name);
	tcase_add_test(tests, keys_that_are_lost_with_the_signer_can_be_loaded_again);
	tcase_add_test(tests, directories_are_loaded_and_what_is_gone_is_unloaded);
	tcase_add_test(tests, keys_on_disk_that_cannot_be_read_are_not_gone);
	return tests;
}

TCase *secrets_cases(void)
{
	TCase *tests = tcase_create("secrets");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, secrets_appear_nowhere_else);
	return tests;
}
