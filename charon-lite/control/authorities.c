/* Authorities: load-authority, unload-authority, get-authorities, list-authorities. */
#include "charon-lite/control/blob.h"
#include "charon-lite/control/command.h"

#include <stdio.h>
#include <stdlib.h>

#define URIS_MAX 16

/* ---- load-authority ---- */

static bool read_uris(struct vici_view list, char ***ret, size_t *ret_count, struct why *why)
{
	VICI_EACH(each, list)
	{
		struct bytes value = vici_value(each);
		char **grown = *ret_count < URIS_MAX
				       ? reallocarray(*ret, *ret_count + 1, sizeof(*grown))
				       : NULL;

		if (!grown || (value.length && memchr(value.at, 0, value.length)))
			return why_fail(why, "more than %u URIs, or one that is none", URIS_MAX);
		*ret = grown;
		grown[*ret_count] =
			strndup(value.length ? (const char *)value.at : "", value.length);
		if (!grown[*ret_count])
			return why_fail(why, "out of memory");
		++*ret_count;
	}
	return true;
}

static bool set_ca(
	struct ike_authority *a, OSSL_LIB_CTX *library, struct bytes encoded, struct why *why)
{
	struct bytes rest = encoded, block;

	if (!cl_blob_next(&rest, "CERTIFICATE", &block))
		return why_fail(why, "cacert: it is no certificate, neither PEM nor DER");
	ike_certificate_free(a->ca);
	a->ca = ike_certificate_parse(library, block, why);
	if (!a->ca)
		return why_prefix(why, "cacert: ");
	return ike_certificate_is_ca(a->ca) ||
	       why_fail(why, "cacert: it is not the certificate of a CA");
}

static bool set_value(struct ike_authority *a, OSSL_LIB_CTX *library, struct bytes name,
	struct bytes value, struct why *why)
{
	AUTO_SECRET content = { 0 };
	char text[2048];

	if (vici_is(name, "cacert"))
		return set_ca(a, library, value, why);
	if (vici_is(name, "handle") || vici_is(name, "slot") || vici_is(name, "module"))
		return why_fail(why,
			"%.*s: certificates on tokens are not supported by this version",
			(int)name.length, (const char *)name.at);
	if (value.length >= sizeof(text) || (value.length && memchr(value.at, 0, value.length)))
		return why_fail(why, "invalid value for: %.*s, config discarded", (int)name.length,
			(const char *)name.at);
	bytes_copy(text, value);
	text[value.length] = '\0';
	if (vici_is(name, "file"))
		return cl_blob_read(text, &content, why) &&
		       set_ca(a, library, secret_bytes(&content), why);
	if (vici_is(name, "cert_uri_base")) {
		free(a->cert_uri_base);
		a->cert_uri_base = strdup(text);
		return a->cert_uri_base || why_fail(why, "out of memory");
	}
	return why_fail(why, "unknown option: %.*s, authority discarded", (int)name.length,
		(const char *)name.at);
}

static bool fill(
	struct ike_authority *a, OSSL_LIB_CTX *library, struct vici_view section, struct why *why)
{
	VICI_EACH(each, section)
	{
		struct bytes name = vici_name(each);
		bool good;

		if (vici_kind(each) == VICI_VALUE)
			good = set_value(a, library, name, vici_value(each), why);
		else if (vici_kind(each) == VICI_LIST && vici_is(name, "crl_uris"))
			good = read_uris(each, &a->crl_uris, &a->crl_uri_count, why);
		else if (vici_kind(each) == VICI_LIST && vici_is(name, "ocsp_uris"))
			good = read_uris(each, &a->ocsp_uris, &a->ocsp_uri_count, why);
		else
			good = why_fail(why, "unknown option: %.*s, authority discarded",
				(int)name.length, (const char *)name.at);
		if (!good)
			return false;
	}
	return a->ca || why_fail(why, "CA certificate missing: %s", a->name);
}

static bool load(struct cl_daemon *d, struct vici_view section, struct why *why)
{
	struct ike_certificates *store = ike_engine_certificates(d->engine);
	struct ike_authority *a = calloc(1, sizeof(*a));
	struct bytes name = vici_name(section);

	if (name.length == 0 || memchr(name.at, 0, name.length)) {
		free(a);
		return why_fail(why, "an authority's name is empty, or contains a zero");
	}
	if (a)
		a->name = strndup((const char *)name.at, name.length);
	if (!a || !a->name) {
		free(a);
		return why_fail(why, "out of memory");
	}
	if (!fill(a, d->library, section, why)) {
		ike_authority_free(a);
		return false;
	}
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "loaded authority '%s'", a->name);
	return ike_certificates_add_authority(store, a) || why_fail(why, "out of memory");
}

void cl_command_load_authority(struct cl_client *c, struct vici_view request)
{
	struct why why;

	VICI_EACH(each, request)
	{
		if (vici_kind(each) == VICI_SECTION && !load(cl_client_daemon(c), each, &why)) {
			cl_client_reply_failure(c, "%s", why.text);
			return;
		}
	}
	cl_client_reply_success(c);
}

void cl_command_unload_authority(struct cl_client *c, struct vici_view request)
{
	struct cl_daemon *d = cl_client_daemon(c);
	char room[CL_NAME_MAX];
	const char *name = cl_request_text(request, "name", room);

	if (!name)
		cl_client_reply_failure(c, "unload: missing authority name");
	else if (!ike_certificates_remove_authority(ike_engine_certificates(d->engine), name))
		cl_client_reply_failure(c, "unload: authority '%s' not found", name);
	else
		cl_client_reply_success(c);
}

/* ---- Lists ---- */

void cl_command_get_authorities(struct cl_client *c, struct vici_view request)
{
	const struct ike_certificates *store = ike_engine_certificates(cl_client_daemon(c)->engine);
	struct vici_builder b = cl_client_answer();
	const struct ike_authority *a;

	(void)request;
	vici_list_start(&b, "authorities");
	for (size_t i = 0; (a = ike_certificates_authority(store, i)); i++)
		vici_item_text(&b, a->name);
	vici_list_end(&b);
	cl_client_reply(c, &b);
}

static void put_uris(struct vici_builder *b, const char *name, char *const *uris, size_t count)
{
	vici_list_start(b, name);
	for (size_t i = 0; i < count; i++)
		vici_item_text(b, uris[i]);
	vici_list_end(b);
}

static void send_authority(struct cl_client *c, const struct ike_authority *a)
{
	struct vici_builder b = cl_event_packet(CL_EVENT_LIST_AUTHORITY);
	char text[IKE_IDENTITY_TEXT_MAX];

	vici_section_start(&b, a->name);
	vici_key_text(&b, "cacert", ike_identity_format(ike_certificate_subject(a->ca), text));
	put_uris(&b, "crl_uris", a->crl_uris, a->crl_uri_count);
	put_uris(&b, "ocsp_uris", a->ocsp_uris, a->ocsp_uri_count);
	if (a->cert_uri_base)
		vici_key_text(&b, "cert_uri_base", a->cert_uri_base);
	vici_section_end(&b);
	cl_client_event_take(c, CL_EVENT_LIST_AUTHORITY, &b);
}

struct list_authorities {
	size_t index;
	bool named;
	char name[CL_NAME_MAX];
};

static bool list_next(struct cl_client *c, void *state)
{
	struct list_authorities *list = state;
	const struct ike_authority *a = ike_certificates_authority(
		ike_engine_certificates(cl_client_daemon(c)->engine), list->index++);

	if (a && (!list->named || strcmp(a->name, list->name) == 0))
		send_authority(c, a);
	return a != NULL;
}

void cl_command_list_authorities(struct cl_client *c, struct vici_view request)
{
	struct list_authorities *list = calloc(1, sizeof(*list));

	if (!list) {
		cl_client_reply_failure(c, "out of memory");
		return;
	}
	list->named = cl_request_text(request, "name", list->name) != NULL;
	cl_client_walk(c, list_next, list);
}
