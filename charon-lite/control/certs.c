/* Certificates, raw keys and CRLs: load-cert, list-certs, flush-certs. */
#include "charon-lite/control/blob.h"
#include "charon-lite/control/command.h"

#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <strings.h>

enum kind {
	KIND_X509,
	KIND_CRL,
	KIND_PUBKEY,
	KIND_X509_AC,
	KIND_OCSP_RESPONSE,
	KIND_ANY,
};

static const char *const kinds[] = { "X509", "X509_CRL", "PUBKEY", "X509_AC", "OCSP_RESPONSE",
	"ANY", NULL };
/* By enum ike_certificate_role, and a filter for all. */
static const char *const flags[] = { "NONE", "CA", "OCSP", "AA", "ANY", NULL };

#define FLAG_ANY 4

/* The number of a word in a list, whatever its case; absent: otherwise. */
static bool word_of(struct bytes word, const char *const *list, uint8_t otherwise, uint8_t *ret)
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

/* ---- load-cert ---- */

/* Takes the certificate over. */
static bool keep(struct cl_daemon *d, struct ike_certificate *c, uint8_t role, struct why *why)
{
	bool kept =
		ike_certificates_add(ike_engine_certificates(d->engine), c, role, false) != NULL;
	char text[IKE_IDENTITY_TEXT_MAX];

	if (kept)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "loaded certificate '%s'%s",
			ike_identity_format(ike_certificate_subject(c), text),
			role == IKE_CERTIFICATE_AA
				? ": attribute authorities are listed and used for nothing"
				: "");
	ike_certificate_free(c);
	return kept || why_fail(why, "out of memory");
}

static bool does_not_parse(uint8_t kind, struct why *why)
{
	return why_prefix(why, "parsing %s certificate failed: ", kinds[kind]);
}

static bool load_x509(struct cl_daemon *d, struct bytes encoded, uint8_t role, struct why *why)
{
	const struct cl_certificate_source source = { d->library,
		ike_engine_certificates(d->engine) };
	struct ike_certificate *c = cl_certificate_parse(&source, encoded, why);

	if (!c)
		return does_not_parse(KIND_X509, why);
	if (role == IKE_CERTIFICATE_CA && !ike_certificate_is_ca(c)) {
		ike_certificate_free(c);
		return why_fail(why, "ca certificate lacks CA basic constraint, rejected");
	}
	return keep(d, c, role, why);
}

static bool load_pubkey(struct cl_daemon *d, struct bytes encoded, uint8_t role, struct why *why)
{
	struct ike_public_key *key = ike_public_key_parse(d->library, encoded, why);
	struct ike_certificate *c = key ? ike_certificate_of_key(key, NULL) : NULL;

	bool parsed = key != NULL;
	ike_public_key_free(key);
	if (!parsed)
		return does_not_parse(KIND_PUBKEY, why);
	return c ? keep(d, c, role, why) : why_fail(why, "out of memory");
}

static bool load_crl(struct cl_daemon *d, struct bytes encoded, uint8_t role, struct why *why)
{
	struct ike_crl *crl = ike_crl_parse(d->library, encoded, why);
	char text[IKE_IDENTITY_TEXT_MAX];

	(void)role;
	if (!crl)
		return does_not_parse(KIND_CRL, why);
	bool kept = ike_certificates_add_crl(ike_engine_certificates(d->engine), crl, false);
	if (kept)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "loaded CRL issued by '%s'",
			ike_identity_format(ike_crl_issuer(crl), text));
	ike_crl_free(crl);
	return kept || why_fail(why, "out of memory");
}

/* PEM may have several. */
static bool load_all(
	struct cl_daemon *d, uint8_t kind, uint8_t role, struct bytes encoded, struct why *why)
{
	static const struct {
		const char *pem;
		bool (*load)(
			struct cl_daemon *d, struct bytes encoded, uint8_t role, struct why *why);
	} loaders[] = { { "CERTIFICATE", load_x509 }, { "X509 CRL", load_crl } };
	struct bytes rest = encoded, block;
	unsigned count = 0;

	if (kind == KIND_PUBKEY)
		return load_pubkey(d, encoded, role, why);
	while (cl_blob_next(&rest, loaders[kind].pem, &block)) {
		if (!loaders[kind].load(d, block, role, why))
			return false;
		count++;
	}
	if (count > 0)
		return true;
	why_fail(why, "there is none in it, neither PEM nor DER");
	return does_not_parse(kind, why);
}

void cl_command_load_cert(struct cl_client *c, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);
	struct bytes type = vici_get(request, "type"), data = vici_get(request, "data");
	struct why why;
	uint8_t kind, role;

	if (!type.at)
		cl_client_reply_failure(c, "certificate type missing");
	else if (!word_of(type, kinds, KIND_ANY, &kind) || kind > KIND_X509_AC)
		cl_client_reply_failure(c, "invalid certificate type '%.*s'", (int)type.length,
			(const char *)type.at);
	else if (!word_of(vici_get(request, "flag"), flags, IKE_CERTIFICATE_END, &role) ||
		 role == FLAG_ANY)
		cl_client_reply_failure(c, "invalid certificate flag '%.*s'",
			(int)vici_get(request, "flag").length,
			(const char *)vici_get(request, "flag").at);
	else if (data.length == 0)
		cl_client_reply_failure(c, "certificate data missing");
	else if (kind == KIND_X509_AC)
		cl_client_reply_failure(
			c, "attribute certificates are not supported by this version");
	else if (!load_all(d, kind, role, data, &why))
		cl_client_reply_failure(c, "%s", why.text);
	else
		cl_client_reply_success(c);
}

/* ---- list-certs ---- */

/* Raw keys, then certificates by role, then CRLs: as charon lists them. */
static const struct {
	uint8_t kind;
	uint8_t role;
} phases[] = { { KIND_PUBKEY, FLAG_ANY }, { KIND_X509, IKE_CERTIFICATE_END },
	{ KIND_X509, IKE_CERTIFICATE_CA }, { KIND_X509, IKE_CERTIFICATE_AA },
	{ KIND_X509, IKE_CERTIFICATE_OCSP }, { KIND_CRL, FLAG_ANY },
	{ KIND_OCSP_RESPONSE, FLAG_ANY } };

struct list_certs {
	uint8_t kind, flag; /* that are wanted */
	size_t phase, index, cached_index;
	const struct ike_identity *subject; /* in this memory; NULL: any */
};

/* In one piece, as it is freed with free(). */
static struct list_certs *list_new(const struct ike_identity *subject)
{
	size_t length = subject ? sizeof(*subject) + subject->length : 0;
	struct list_certs *list = calloc(1, sizeof(*list) + length);

	if (list && subject)
		list->subject = memcpy(list + 1, subject, length);
	return list;
}

static bool phase_is_wanted(const struct list_certs *list)
{
	uint8_t kind = phases[list->phase].kind, role = phases[list->phase].role;

	if (list->kind != KIND_ANY && list->kind != kind)
		return false;
	if (list->flag == FLAG_ANY || list->flag == role)
		return true;
	return role == FLAG_ANY && list->flag == IKE_CERTIFICATE_END;
}

/* Those that say so of themselves are listed as signers of OCSP responses too. */
static uint8_t flag_of(const struct ike_stored_certificate *stored)
{
	X509 *x = ike_certificate_x509(stored->certificate);

	if (stored->role == IKE_CERTIFICATE_END && x &&
		(X509_get_extension_flags(x) & EXFLAG_XKUSAGE) &&
		(X509_get_extended_key_usage(x) & XKU_OCSP_SIGN))
		return IKE_CERTIFICATE_OCSP;
	return stored->role;
}

static bool is_wanted(const struct list_certs *list, const struct ike_stored_certificate *stored)
{
	bool raw = ike_certificate_kind(stored->certificate) == IKE_CERTIFICATE_PUBLIC_KEY;

	if (raw != (phases[list->phase].kind == KIND_PUBKEY) ||
		(!raw && flag_of(stored) != phases[list->phase].role))
		return false;
	return !list->subject || ike_certificate_match(stored->certificate, list->subject);
}

static void send_certificate(struct cl_client *c, const struct ike_stored_certificate *stored)
{
	const struct ike_certificate *certificate = stored->certificate;
	struct ike_certificates *store = ike_engine_certificates(cl_client_daemon(c)->engine);
	bool raw = ike_certificate_kind(certificate) == IKE_CERTIFICATE_PUBLIC_KEY;
	struct vici_builder b = cl_event_packet(CL_EVENT_LIST_CERT);
	char text[IKE_IDENTITY_TEXT_MAX];

	vici_key_text(&b, "type", raw ? "PUBKEY" : "X509");
	if (!raw)
		vici_key_text(&b, "flag", flags[flag_of(stored)]);
	if (ike_certificates_key_of(store, ike_certificate_key(certificate)))
		vici_key_text(&b, "has_privkey", "yes");
	vici_key_bytes(&b, "data", ike_certificate_der(certificate));
	if (raw && ike_certificate_subject(certificate)->type != IKE_ID_KEY_ID)
		vici_key_text(&b, "subject",
			ike_identity_format(ike_certificate_subject(certificate), text));
	cl_client_event_take(c, CL_EVENT_LIST_CERT, &b);
}

static void send_list(
	struct cl_client *c, const struct list_certs *list, const struct ike_cached *what)
{
	struct vici_builder b;

	/* who a response is about stands in its certificate's number alone */
	if (list->subject &&
		(what->ocsp || !ike_identity_match(ike_crl_issuer(what->crl), list->subject)))
		return;
	b = cl_event_packet(CL_EVENT_LIST_CERT);
	vici_key_text(&b, "type", kinds[what->ocsp ? KIND_OCSP_RESPONSE : KIND_CRL]);
	vici_key_bytes(&b, "data", what->der);
	cl_client_event_take(c, CL_EVENT_LIST_CERT, &b);
}

/* CRLs of the store, then CRLs or responses that were fetched. */
static bool list_one_revocation(struct cl_client *c, struct list_certs *list)
{
	struct ike_engine *e = cl_client_daemon(c)->engine;
	bool ocsp = phases[list->phase].kind == KIND_OCSP_RESPONSE;
	struct ike_cached what = { 0 };

	if (!ocsp)
		what.crl = ike_certificates_crl(ike_engine_certificates(e), list->index++);
	if (what.crl)
		what.der = ike_crl_der(what.crl);
	else if (!ike_engine_cached(e, list->cached_index++, &what))
		return false;
	if (what.ocsp == ocsp)
		send_list(c, list, &what);
	return true;
}

/* The next of the phase is looked at; false: there is none. */
static bool list_one(struct cl_client *c, struct list_certs *list)
{
	struct ike_certificates *store = ike_engine_certificates(cl_client_daemon(c)->engine);
	const struct ike_stored_certificate *stored;

	if (phases[list->phase].role == FLAG_ANY && phases[list->phase].kind != KIND_PUBKEY)
		return list_one_revocation(c, list);
	stored = ike_certificates_get(store, list->index++);
	if (stored && is_wanted(list, stored))
		send_certificate(c, stored);
	return stored != NULL;
}

static bool list_next(struct cl_client *c, void *state)
{
	struct list_certs *list = state;

	if (list->phase < sizeof(phases) / sizeof(*phases) && phase_is_wanted(list) &&
		list_one(c, list))
		return true;
	list->index = list->cached_index = 0;
	return ++list->phase < sizeof(phases) / sizeof(*phases);
}

/* "": any. False with a reason. */
static bool read_subject(struct vici_view request, struct ike_identity **ret, struct why *why)
{
	char text[IKE_IDENTITY_TEXT_MAX] = "";

	*ret = NULL;
	if (vici_get(request, "subject").length > 0 &&
		!vici_get_text(request, "subject", text, sizeof(text)))
		return why_fail(why, "invalid subject");
	return !*text || (*ret = ike_identity_parse(text, why));
}

void cl_command_list_certs(struct cl_client *c, struct vici_view request)
{
	struct ike_identity *subject;
	struct list_certs *list;
	uint8_t kind, flag;
	struct why why;

	/* As charon has it: of an unknown type there are none, an unknown flag is none. */
	if (!word_of(vici_get(request, "type"), kinds, KIND_ANY, &kind)) {
		cl_client_reply_empty(c);
		return;
	}
	(void)!word_of(vici_get(request, "flag"), flags, FLAG_ANY, &flag);
	if (!read_subject(request, &subject, &why)) {
		cl_client_reply_failure(c, "%s", why.text);
		return;
	}
	list = list_new(subject);
	ike_identity_free(subject);
	if (!list) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	list->kind = kind;
	list->flag = flag;
	cl_client_walk(c, list_next, list);
}

/* ---- keep-certs: ours; what of the files is gone from disk ---- */

struct digests {
	uint8_t (*at)[SHA_DIGEST_LENGTH]; /* sorted */
	size_t count;
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

static bool read_digests(struct vici_view list, struct digests *ret)
{
	size_t room = 1;

	VICI_EACH(each, list)
	room++;
	ret->at = calloc(room, sizeof(*ret->at));
	VICI_EACH(each, list)
	{
		if (!ret->at || vici_value(each).length != SHA_DIGEST_LENGTH)
			return false;
		bytes_copy(ret->at[ret->count++], vici_value(each));
	}
	if (ret->at)
		qsort(ret->at, ret->count, sizeof(*ret->at), compare_digests);
	return ret->at != NULL;
}

/* sha1: of the DER of every certificate, raw key and CRL that is to stay. */
void cl_command_keep_certs(struct cl_client *c, struct vici_view request)
{
	const struct vici_view list = vici_find(request, "sha1");
	struct digests kept = { 0 };

	if (vici_kind(list) != VICI_LIST) {
		cl_client_reply_failure(c, "list of digests missing");
		return;
	}
	if (read_digests(list, &kept)) {
		ike_certificates_retain(
			ike_engine_certificates(cl_client_daemon(c)->engine), is_kept, &kept);
		cl_client_reply_success(c);
	} else {
		cl_client_reply_failure(c, "a digest is not of 20 octets, or memory ran out");
	}
	free(kept.at);
}

/* ---- flush-certs ---- */

void cl_command_flush_certs(struct cl_client *c, struct vici_view request)
{
	static const unsigned flushed[] = { [KIND_X509] = IKE_FLUSH_CERTIFICATES,
		[KIND_CRL] = IKE_FLUSH_CRLS,
		[KIND_OCSP_RESPONSE] = IKE_FLUSH_OCSP,
		[KIND_ANY] = IKE_FLUSH_ALL };
	struct cl_daemon *d = cl_client_daemon(c);
	const struct bytes type = vici_get(request, "type");
	uint8_t kind;

	if (!word_of(type, kinds, KIND_ANY, &kind)) {
		cl_client_reply_failure(c, "invalid certificate type '%.*s'", (int)type.length,
			(const char *)type.at);
		return;
	}
	ike_engine_flush_certificates(d->engine, flushed[kind]);
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "flushed cached certificates of type %s",
		kinds[kind]);
	cl_client_reply_success(c);
}
