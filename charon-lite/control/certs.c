/* Certificates, raw keys and CRLs: list-certs, flush-certs. */
#include "charon-lite/control/cert_words.h"
#include "charon-lite/control/command.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

/* ---- list-certs ---- */

/* Raw keys, then certificates by role, then CRLs: as charon lists them. */
static const struct {
	uint8_t kind;
	uint8_t role;
} phases[] = { { CL_CERT_PUBKEY, CL_CERT_FLAG_ANY }, { CL_CERT_X509, IKE_CERTIFICATE_END },
	{ CL_CERT_X509, IKE_CERTIFICATE_CA }, { CL_CERT_X509, IKE_CERTIFICATE_AA },
	{ CL_CERT_X509, IKE_CERTIFICATE_OCSP }, { CL_CERT_CRL, CL_CERT_FLAG_ANY },
	{ CL_CERT_OCSP_RESPONSE, CL_CERT_FLAG_ANY } };

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

	if (list->kind != CL_CERT_ANY && list->kind != kind)
		return false;
	if (list->flag == CL_CERT_FLAG_ANY || list->flag == role)
		return true;
	return role == CL_CERT_FLAG_ANY && list->flag == IKE_CERTIFICATE_END;
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

	if (raw != (phases[list->phase].kind == CL_CERT_PUBKEY) ||
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
		vici_key_text(&b, "flag", cl_cert_flags[flag_of(stored)]);
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
	vici_key_text(&b, "type", cl_cert_kinds[what->ocsp ? CL_CERT_OCSP_RESPONSE : CL_CERT_CRL]);
	vici_key_bytes(&b, "data", what->der);
	cl_client_event_take(c, CL_EVENT_LIST_CERT, &b);
}

/* CRLs of the store, then CRLs or responses that were fetched. */
static bool list_one_revocation(struct cl_client *c, struct list_certs *list)
{
	struct ike_engine *e = cl_client_daemon(c)->engine;
	bool ocsp = phases[list->phase].kind == CL_CERT_OCSP_RESPONSE;
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

	if (phases[list->phase].role == CL_CERT_FLAG_ANY &&
		phases[list->phase].kind != CL_CERT_PUBKEY)
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
	if (!cl_cert_word(vici_get(request, "type"), cl_cert_kinds, CL_CERT_ANY, &kind)) {
		cl_client_reply_empty(c);
		return;
	}
	(void)!cl_cert_word(vici_get(request, "flag"), cl_cert_flags, CL_CERT_FLAG_ANY, &flag);
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

/* ---- flush-certs ---- */

void cl_command_flush_certs(struct cl_client *c, struct vici_view request)
{
	static const unsigned flushed[] = { [CL_CERT_X509] = IKE_FLUSH_CERTIFICATES,
		[CL_CERT_CRL] = IKE_FLUSH_CRLS,
		[CL_CERT_OCSP_RESPONSE] = IKE_FLUSH_OCSP,
		[CL_CERT_ANY] = IKE_FLUSH_ALL };
	struct cl_daemon *d = cl_client_daemon(c);
	const struct bytes type = vici_get(request, "type");
	uint8_t kind;

	if (!cl_cert_word(type, cl_cert_kinds, CL_CERT_ANY, &kind)) {
		cl_client_reply_failure(c, "invalid certificate type '%.*s'", (int)type.length,
			(const char *)type.at);
		return;
	}
	ike_engine_flush_certificates(d->engine, flushed[kind]);
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "flushed cached certificates of type %s",
		cl_cert_kinds[kind]);
	cl_client_reply_success(c);
}
