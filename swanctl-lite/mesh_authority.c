/* --mesh: an authority of the mesh's own, which issues each site's certificate (RFC 5280). */
#include "libbase/address.h"
#include "libvici/value.h"
#include "swanctl-lite/mesh.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_SECONDS 86400
#define LIFETIME_DAYS_MAX 36500

struct mesh_authority {
	EVP_PKEY *key;
	X509 *certificate;
	unsigned days; /* that what it issues is valid */
};

static const char *name_of(const struct mesh *m)
{
	const char *name = settings_get(m->authority, "name");

	return name ? name : "Mesh CA";
}

static bool days_of(const struct mesh *m, unsigned *ret)
{
	const char *text = settings_get(m->authority, "lifetime");
	uint64_t seconds = (uint64_t)3650 * DAY_SECONDS;

	if (text && !value_seconds(bytes_of_text(text), &seconds))
		return false;
	*ret = (unsigned)(seconds / DAY_SECONDS);
	return seconds >= DAY_SECONDS && seconds / DAY_SECONDS <= LIFETIME_DAYS_MAX;
}

bool mesh_check_authority(const struct mesh *m, struct why *why)
{
	unsigned days;

	if (!m->authority)
		return true;
	SETTINGS_KEYS(key, m->authority)
	{
		if (strcmp(key->name, "name") != 0 && strcmp(key->name, "lifetime") != 0)
			return settings_fail(&key->place, why,
				"unknown key '%s' of the authority; there are name and lifetime",
				key->name);
		if (strcmp(key->name, "lifetime") == 0 && !days_of(m, &days))
			return settings_fail(&key->place, why,
				"lifetime = %s: wanted a time such as 3650d, from 1d to %dd",
				key->value, LIFETIME_DAYS_MAX);
		if (strcmp(key->name, "name") == 0 && (strlen(key->value) > 64 || !key->value[0]))
			return settings_fail(
				&key->place, why, "name: wanted a text of 1 to 64 characters");
	}
	return true;
}

/* ---- Certificates ---- */

static bool add_extension(X509 *to, X509 *issuer, int id, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, to, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
	bool is_done = extension && X509_add_ext(to, extension, -1);
	X509_EXTENSION_free(extension);
	return is_done;
}

static bool set_serial(X509 *to)
{
	unsigned char octets[16];

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	octets[0] = (octets[0] & 0x7f) | 0x40; /* positive, and always as long */
	BIGNUM *number = BN_bin2bn(octets, sizeof(octets), NULL);
	bool is_done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(to));
	BN_free(number);
	return is_done;
}

/* Without extensions and signature; NULL when memory is out. */
static X509 *begin(const char *subject, EVP_PKEY *key, X509 *issuer, unsigned days)
{
	X509 *made = X509_new();
	X509_NAME *name = X509_NAME_new();
	/* Clocks of sites differ a little. */
	bool is_done = made && name && X509_set_version(made, X509_VERSION_3) && set_serial(made) &&
		       X509_gmtime_adj(X509_getm_notBefore(made), -3600) &&
		       X509_gmtime_adj(X509_getm_notAfter(made), (long)days * DAY_SECONDS) &&
		       X509_set_pubkey(made, key) &&
		       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			       (const unsigned char *)subject, -1, -1, 0) &&
		       X509_set_subject_name(made, name) &&
		       X509_set_issuer_name(made, issuer ? X509_get_subject_name(issuer) : name);

	X509_NAME_free(name);
	if (is_done)
		return made;
	X509_free(made);
	return NULL;
}

/* The form of a name in a certificate that swanctl.conf makes of this identity. */
static void alternative_name(const char *id, char *ret, size_t size)
{
	struct address address;
	const char *form = strchr(id, '@') ? "email" : address_parse(id, &address) ? "IP" : "DNS";

	snprintf(ret, size, "%s:%s", form, id);
}

static X509 *issue(const struct mesh_authority *authority, EVP_PKEY *key,
	const struct mesh_site *site, struct why *why)
{
	char name[512];
	X509 *made = begin(site->name, key, authority->certificate, authority->days);

	alternative_name(site->id, name, sizeof(name));
	if (made && add_extension(made, authority->certificate, NID_subject_alt_name, name) &&
		add_extension(
			made, authority->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(
			made, authority->certificate, NID_key_usage, "critical,digitalSignature") &&
		add_extension(made, authority->certificate, NID_authority_key_identifier,
			"keyid:always") &&
		X509_sign(made, authority->key, NULL))
		return made;
	X509_free(made);
	settings_fail(
		&site->section->place, why, "no certificate can be issued for '%s'", site->name);
	return NULL;
}

static X509 *issue_own(const struct mesh *m, EVP_PKEY *key)
{
	/* It has to outlive what it issues. */
	X509 *made = begin(name_of(m), key, NULL, 2 * LIFETIME_DAYS_MAX);

	if (made &&
		add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		add_extension(made, made, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		add_extension(made, made, NID_subject_key_identifier, "hash") &&
		X509_sign(made, key, NULL))
		return made;
	X509_free(made);
	return NULL;
}

/* ---- Files ---- */

static X509 *read_certificate(const char *path)
{
	FILE *file = fopen(path, "re");
	X509 *read = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

	if (file)
		fclose(file);
	return read;
}

static bool write_certificate(
	const char *path, X509 *certificate, bool *ret_changed, struct why *why)
{
	BIO *text = BIO_new(BIO_s_mem());
	char *data = NULL;
	bool is_done =
		(text && PEM_write_bio_X509(text, certificate)) || why_fail(why, "out of memory");
	long length = is_done ? BIO_get_mem_data(text, &data) : 0;

	is_done = is_done && mesh_replace(path, data, (size_t)length, ret_changed, why);
	BIO_free(text);
	return is_done;
}

static bool has_name(X509 *certificate, const char *name)
{
	char have[128] = "";

	return X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, have,
		       sizeof(have)) >= 0 &&
	       strcmp(have, name) == 0;
}

/* The authority's own certificate: the one that is there, if it is of this key. */
static bool own_certificate(
	const struct mesh *m, struct mesh_authority *authority, const char *folder, struct why *why)
{
	char path[PATH_MAX];
	bool changed;

	if (!mesh_path(path, why, folder, MESH_AUTHORITY, "", "ca.pem"))
		return false;
	authority->certificate = read_certificate(path);
	if (authority->certificate &&
		X509_check_private_key(authority->certificate, authority->key) == 1) {
		if (!has_name(authority->certificate, name_of(m)))
			fprintf(stderr,
				"%s: has another name than the definition; it stays, and can be "
				"removed to be made anew\n",
				path);
		return true;
	}
	X509_free(authority->certificate);
	authority->certificate = issue_own(m, authority->key);
	if (!authority->certificate)
		return why_fail(why, "%s: no certificate can be made", path);
	return write_certificate(path, authority->certificate, &changed, why);
}

struct mesh_authority *mesh_authority_open(
	const struct mesh *m, const char *folder, struct why *why)
{
	struct mesh_authority *authority = calloc(1, sizeof(*authority));
	char path[PATH_MAX];
	bool made;

	if (!authority) {
		why_fail(why, "out of memory");
		return NULL;
	}
	if (days_of(m, &authority->days) && mesh_path(path, why, folder, MESH_AUTHORITY, "", "") &&
		mesh_make_folder(path, 0700, why) &&
		mesh_path(path, why, folder, MESH_AUTHORITY, "", "private.pem") &&
		(authority->key = mesh_private_key(path, &made, why)) &&
		own_certificate(m, authority, folder, why))
		return authority;
	mesh_authority_free(authority);
	return NULL;
}

void mesh_authority_free(struct mesh_authority *authority)
{
	if (!authority)
		return;
	EVP_PKEY_free(authority->key);
	X509_free(authority->certificate);
	free(authority);
}

/* The extension that says who it is; NULL without one. */
static const ASN1_OCTET_STRING *names_in(X509 *certificate)
{
	int at = certificate ? X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) : -1;

	return at < 0 ? NULL : X509_EXTENSION_get_data(X509_get_ext(certificate, at));
}

/* It is of this authority and key, says who the site is, and has a third of its life left. */
static bool still_fits(const struct mesh_authority *authority, X509 *certificate, X509 *wanted)
{
	time_t then = time(NULL) + (time_t)authority->days * DAY_SECONDS / 3;
	const ASN1_OCTET_STRING *names = names_in(certificate);

	return names && X509_verify(certificate, authority->key) == 1 &&
	       EVP_PKEY_eq(X509_get0_pubkey(certificate), X509_get0_pubkey(wanted)) == 1 &&
	       X509_cmp_time(X509_get0_notAfter(certificate), &then) > 0 &&
	       ASN1_OCTET_STRING_cmp(names, names_in(wanted)) == 0;
}

/* x509/SITE.pem */
static bool write_own(const struct mesh_authority *authority, EVP_PKEY *key, const char *path,
	const struct mesh_site *site, bool *ret_issued, struct why *why)
{
	X509 *there = read_certificate(path);
	X509 *made = issue(authority, key, site, why);
	bool is_done = made != NULL;

	*ret_issued = false;
	if (made && !still_fits(authority, there, made))
		is_done = write_certificate(path, made, ret_issued, why);
	X509_free(there);
	X509_free(made);
	return is_done;
}

bool mesh_write_certificates(const struct mesh_authority *authority, EVP_PKEY *key,
	const char *folder, const struct mesh_site *site, struct mesh_changes *changes,
	struct why *why)
{
	char path[PATH_MAX], name[NAME_MAX];
	bool changed = false;

	snprintf(name, sizeof(name), "%s.pem", site->name);
	if (!mesh_path(path, why, folder, site->name, "/x509", "") ||
		!mesh_make_folder(path, 0755, why) ||
		!mesh_path(path, why, folder, site->name, "/x509", name) ||
		!write_own(authority, key, path, site, &changes->certificate, why) ||
		!mesh_path(path, why, folder, site->name, "/x509ca", "") ||
		!mesh_make_folder(path, 0755, why) ||
		!mesh_path(path, why, folder, site->name, "/x509ca", "mesh-ca.pem") ||
		!write_certificate(path, authority->certificate, &changed, why))
		return false;
	changes->files = changes->files || changes->certificate || changed;
	return true;
}
