/* load-cert: certificates, raw keys and CRLs; keep-certs. */
#include "charon-lite/control/blob.h"
#include "charon-lite/control/cert_words.h"
#include "charon-lite/control/command.h"
#include "charon-lite/control/staging.h"
#include "charon-lite/control/trial.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

const char *const cl_cert_kinds[] = { "X509", "X509_CRL", "PUBKEY", "X509_AC", "OCSP_RESPONSE",
	"ANY", NULL };
const char *const cl_cert_flags[] = { "NONE", "CA", "OCSP", "AA", "ANY", NULL };

bool cl_cert_word(struct bytes word, const char *const *list, uint8_t otherwise, uint8_t *ret)
{
	*ret = otherwise;
	if (!word.at)
		return true;
	for (uint8_t i = 0; list[i]; i++) {
		if (word.length == strlen(list[i]) &&
			strncasecmp((const char *)word.at, list[i], word.length) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* ---- What a message has ---- */

/* One certificate, raw key or CRL. */
struct cert {
	struct ike_certificate *certificate; /* held; NULL: it is a CRL */
	struct ike_crl *crl;
	uint8_t role;
	struct cert *next; /* PEM may have several */
};

static void free_certs(void *object)
{
	struct cert *each = object, *next;

	for (; each; each = next) {
		next = each->next;
		ike_certificate_free(each->certificate);
		ike_crl_free(each->crl);
		free(each);
	}
}

static bool does_not_parse(uint8_t kind, struct why *why)
{
	return why_prefix(why, "parsing %s certificate failed: ", cl_cert_kinds[kind]);
}

static bool read_x509(struct cl_daemon *d, struct bytes encoded, struct cert *ret, struct why *why)
{
	const struct cl_certificate_source source = { d->library,
		ike_engine_certificates(d->engine) };

	ret->certificate = cl_certificate_parse(&source, encoded, why);
	if (!ret->certificate)
		return does_not_parse(CL_CERT_X509, why);
	return ret->role != IKE_CERTIFICATE_CA || ike_certificate_is_ca(ret->certificate) ||
	       why_fail(why, "ca certificate lacks CA basic constraint, rejected");
}

static bool read_pubkey(
	struct cl_daemon *d, struct bytes encoded, struct cert *ret, struct why *why)
{
	struct ike_public_key *key = ike_public_key_parse(d->library, encoded, why);

	if (!key)
		return does_not_parse(CL_CERT_PUBKEY, why);
	ret->certificate = ike_certificate_of_key(key, NULL);
	ike_public_key_free(key);
	return ret->certificate || why_fail(why, "out of memory");
}

static bool read_crl(struct cl_daemon *d, struct bytes encoded, struct cert *ret, struct why *why)
{
	ret->crl = ike_crl_parse(d->library, encoded, why);
	return ret->crl || does_not_parse(CL_CERT_CRL, why);
}

static bool read_one(
	struct cl_daemon *d, uint8_t kind, struct bytes encoded, struct cert *ret, struct why *why)
{
	static bool (*const readers[])(
		struct cl_daemon * d, struct bytes encoded, struct cert * ret, struct why * why) = {
		[CL_CERT_X509] = read_x509, [CL_CERT_CRL] = read_crl, [CL_CERT_PUBKEY] = read_pubkey
	};

	return readers[kind](d, encoded, ret, why);
}

/* Appends what encoded is to the list at *end. */
static bool append(struct cl_daemon *d, uint8_t kind, uint8_t role, struct bytes encoded,
	struct cert ***end, struct why *why)
{
	struct cert *cert = calloc(1, sizeof(*cert));

	if (!cert)
		return why_fail(why, "out of memory");
	cert->role = role;
	if (!read_one(d, kind, encoded, cert, why)) {
		free_certs(cert);
		return false;
	}
	**end = cert;
	*end = &cert->next;
	return true;
}

/* False with a reason, and in *ret those before the one that is no good. */
static bool read_all(struct cl_daemon *d, uint8_t kind, uint8_t role, struct bytes encoded,
	struct cert **ret, struct why *why)
{
	static const char *const pem[] = {
		[CL_CERT_X509] = "CERTIFICATE", [CL_CERT_CRL] = "X509 CRL"
	};
	struct bytes rest = encoded, block;
	struct cert **end = ret;

	*ret = NULL;
	if (kind == CL_CERT_PUBKEY)
		return append(d, kind, role, encoded, &end, why);
	while (cl_blob_next(&rest, pem[kind], &block)) {
		if (!append(d, kind, role, block, &end, why))
			return false;
	}
	if (*ret)
		return true;
	why_fail(why, "there is none in it, neither PEM nor DER");
	return does_not_parse(kind, why);
}

/* ---- Loading ---- */

static char *title_of(const struct cert *cert, char text[IKE_IDENTITY_TEXT_MAX])
{
	return ike_identity_format(
		cert->crl ? ike_crl_issuer(cert->crl) : ike_certificate_subject(cert->certificate),
		text);
}

static bool load_one(struct cl_daemon *d, const struct cert *cert)
{
	struct ike_certificates *store = ike_engine_certificates(d->engine);
	char text[IKE_IDENTITY_TEXT_MAX];

	if (cert->crl) {
		if (!ike_certificates_add_crl(store, cert->crl, false))
			return false;
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "loaded CRL issued by '%s'",
			title_of(cert, text));
		return true;
	}
	if (!ike_certificates_add(store, cert->certificate, cert->role, false))
		return false;
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "loaded certificate '%s'%s",
		title_of(cert, text),
		cert->role == IKE_CERTIFICATE_AA
			? ": attribute authorities are listed and used for nothing"
			: "");
	return true;
}

static bool load_certs(struct cl_daemon *d, void *object, struct why *why)
{
	bool good = true;

	for (const struct cert *each = object; good && each; each = each->next)
		good = load_one(d, each);
	free_certs(object);
	return good || why_fail(why, "out of memory");
}

static bool is_there(const struct ike_certificates *store, const struct cert *cert)
{
	const struct ike_crl *crl = NULL;

	if (!cert->crl) {
		struct ike_certificate *found =
			ike_certificates_find(store, ike_certificate_der(cert->certificate));

		ike_certificate_free(found);
		return found != NULL;
	}
	for (size_t i = 0; (crl = ike_certificates_crl((struct ike_certificates *)store, i)); i++)
		if (bytes_equal(ike_crl_der(crl), ike_crl_der(cert->crl)))
			break;
	return crl != NULL;
}

static struct cl_change compare_certs(struct cl_daemon *d, const char *name, const void *object)
{
	const struct ike_certificates *store = ike_engine_certificates(d->engine);

	(void)name;
	for (const struct cert *each = object; each; each = each->next)
		if (!is_there(store, each))
			return cl_change_of(CL_ADDED, NULL);
	return cl_change_of(CL_UNCHANGED, NULL);
}

static const struct cl_loadable loadable_certs = {
	.name = "certificate",
	.free = free_certs,
	.compare = compare_certs,
	.load = load_certs,
};

/* By what it is and what it is for. */
static bool stage(
	struct cl_staging *staging, struct cert *certs, struct bytes data, struct why *why)
{
	char name[2 * SHA_DIGEST_LENGTH + 8], title[IKE_IDENTITY_TEXT_MAX];
	uint8_t digest[SHA_DIGEST_LENGTH];

	SHA1(data.at, data.length, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(name + 2 * i, 3, "%02x", digest[i]);
	snprintf(name + 2 * sizeof(digest), 8, "-%u", certs->role);
	return cl_staging_add_titled(
		staging, &loadable_certs, name, title_of(certs, title), certs, why);
}

static bool take(struct cl_client *c, struct cert *certs, struct bytes data, struct why *why)
{
	struct cl_staging *staging = cl_client_staging(c);

	return staging ? stage(staging, certs, data, why)
		       : load_certs(cl_client_daemon(c), certs, why);
}

/* What can be said of it without looking into it. */
static bool check(struct vici_view request, uint8_t *ret_kind, uint8_t *ret_role, struct why *why)
{
	struct bytes type = vici_get(request, "type"), flag = vici_get(request, "flag");

	if (!type.at)
		return why_fail(why, "certificate type missing");
	if (!cl_cert_word(type, cl_cert_kinds, CL_CERT_ANY, ret_kind) ||
		*ret_kind > CL_CERT_X509_AC)
		return why_fail(why, "invalid certificate type '%.*s'", (int)type.length,
			(const char *)type.at);
	if (!cl_cert_word(flag, cl_cert_flags, IKE_CERTIFICATE_END, ret_role) ||
		*ret_role == CL_CERT_FLAG_ANY)
		return why_fail(why, "invalid certificate flag '%.*s'", (int)flag.length,
			(const char *)flag.at);
	if (vici_get(request, "data").length == 0)
		return why_fail(why, "certificate data missing");
	return *ret_kind != CL_CERT_X509_AC ||
	       why_fail(why, "attribute certificates are not supported by this version");
}

bool cl_load_cert_staged(struct cl_staging *s, struct vici_view request, struct why *why)
{
	struct bytes data = vici_get(request, "data");
	struct cert *certs = NULL;
	uint8_t kind, role;

	s->source = request;
	if (check(request, &kind, &role, why) && read_all(s->daemon, kind, role, data, &certs, why))
		return stage(s, certs, data, why);
	free_certs(certs);
	return false;
}

/* Of several in one PEM those before a bad one are loaded all the same. */
void cl_command_load_cert(struct cl_client *c, struct vici_view request)
{
	struct bytes data = vici_get(request, "data");
	struct cert *certs = NULL;
	struct why why, later;
	uint8_t kind, role;
	bool good = check(request, &kind, &role, &why) &&
		    read_all(cl_client_daemon(c), kind, role, data, &certs, &why);

	if (cl_client_staging(c))
		cl_client_staging(c)->source = request;
	if (!good && cl_client_staging(c))
		cl_staging_refuse(cl_client_staging(c), &loadable_certs, "", why.text);
	if (certs && !take(c, certs, data, &later) && good) {
		good = false;
		why = later;
	}
	if (good)
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}

/* ---- keep-certs: ours; what of the files is gone from disk ---- */

struct digests {
	size_t count;
	uint8_t at[][SHA_DIGEST_LENGTH]; /* sorted */
};

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, SHA_DIGEST_LENGTH);
}

static bool is_kept(const void *context, struct bytes der)
{
	const struct digests *kept = context;
	uint8_t digest[SHA_DIGEST_LENGTH];

	SHA1(der.at, der.length, digest);
	return bsearch(digest, kept->at, kept->count, sizeof(digest), compare_digests) != NULL;
}

static struct digests *read_digests(struct vici_view list, struct why *why)
{
	struct digests *kept;
	size_t room = 1;

	VICI_EACH(each, list)
	room++;
	kept = calloc(1, sizeof(*kept) + room * sizeof(*kept->at));
	VICI_EACH(each, list)
	{
		if (!kept || vici_value(each).length != SHA_DIGEST_LENGTH) {
			free(kept);
			kept = NULL;
			break;
		}
		bytes_copy(kept->at[kept->count++], vici_value(each));
	}
	if (kept)
		qsort(kept->at, kept->count, sizeof(*kept->at), compare_digests);
	else
		why_fail(why, "a digest is not of 20 octets, or memory ran out");
	return kept;
}

static bool keep_certs(struct cl_daemon *d, void *object, struct why *why)
{
	(void)why;
	ike_certificates_retain(ike_engine_certificates(d->engine), is_kept, object);
	free(object);
	return true;
}

static struct cl_change compare_kept(struct cl_daemon *d, const char *name, const void *object)
{
	struct ike_certificates *store = ike_engine_certificates(d->engine);
	const struct ike_stored_certificate *stored;
	char text[IKE_IDENTITY_TEXT_MAX], gone[2048] = "";
	size_t used = 0;

	(void)name;
	for (size_t i = 0; (stored = ike_certificates_get(store, i)); i++) {
		if (stored->cached || ike_certificate_by_authority(stored) ||
			is_kept(object, ike_certificate_der(stored->certificate)))
			continue;
		if (used < sizeof(gone))
			used += (size_t)snprintf(gone + used, sizeof(gone) - used, "%s'%s'",
				used ? ", " : "",
				ike_identity_format(
					ike_certificate_subject(stored->certificate), text));
	}
	return used ? cl_change_of(CL_REMOVED, gone) : cl_change_of(CL_UNCHANGED, NULL);
}

static const struct cl_loadable loadable_kept = {
	.name = "certificates",
	.implied = true,
	.outside = true,
	.free = free,
	.compare = compare_kept,
	.load = keep_certs,
};

/* What goes may be needed after a configuration was taken back. */
static bool keep_at_once(struct cl_daemon *d, struct digests *kept, struct why *why)
{
	struct cl_change change = compare_kept(d, "kept", kept);
	bool good = change.effect == CL_UNCHANGED || cl_trial_lets_go(d, "keep-certs", why);

	free(change.keys);
	if (good)
		return keep_certs(d, kept, why);
	free(kept);
	return false;
}

bool cl_keep_certs_staged(struct cl_staging *s, struct vici_view request, struct why *why)
{
	struct digests *kept = read_digests(vici_find(request, "sha1"), why);

	return kept &&
	       cl_staging_add_titled(s, &loadable_kept, "kept", "gone from disk", kept, why);
}

/* sha1: of the DER of every certificate, raw key and CRL that is to stay. */
void cl_command_keep_certs(struct cl_client *c, struct vici_view request)
{
	const struct vici_view list = vici_find(request, "sha1");
	struct cl_staging *staging = cl_client_staging(c);
	struct digests *kept;
	struct why why;

	if (vici_kind(list) != VICI_LIST) {
		cl_client_reply_failure(c, "list of digests missing");
		return;
	}
	kept = read_digests(list, &why);
	if (kept && (staging ? cl_staging_add_titled(staging, &loadable_kept, "kept",
				       "gone from disk", kept, &why)
			     : keep_at_once(cl_client_daemon(c), kept, &why)))
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}
