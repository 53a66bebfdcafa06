/* Authorities: load-authority, unload-authority, get-authorities, list-authorities. */
#include "charon-lite/control/blob.h"
#include "charon-lite/control/command.h"
#include "charon-lite/control/loadable.h"

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

static void free_authority(void *object)
{
	ike_authority_free(object);
}

static void *read_authority(struct cl_daemon *d, struct vici_view section, struct why *why)
{
	struct ike_authority *a = calloc(1, sizeof(*a));
	struct bytes name = vici_name(section);

	if (name.length == 0 || memchr(name.at, 0, name.length)) {
		free(a);
		why_fail(why, "an authority's name is empty, or contains a zero");
		return NULL;
	}
	if (a)
		a->name = strndup((const char *)name.at, name.length);
	if (!a || !a->name) {
		free(a);
		why_fail(why, "out of memory");
		return NULL;
	}
	if (!fill(a, d->library, section, why)) {
		ike_authority_free(a);
		return NULL;
	}
	return a;
}

static bool same_texts(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	for (size_t i = 0; i < a_count && i < b_count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return a_count == b_count;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static const struct ike_authority *find(const struct cl_daemon *d, const char *name)
{
	const struct ike_certificates *store = ike_engine_certificates(d->engine);
	const struct ike_authority *a = NULL;

	for (size_t i = 0; (a = ike_certificates_authority(store, i)); i++)
		if (strcmp(a->name, name) == 0)
			break;
	return a;
}

static struct cl_change compare_authority(struct cl_daemon *d, const char *name, const void *object)
{
	const struct ike_authority *old = find(d, name), *new = object;
	char keys[CL_KEYS_MAX] = "";

	if (!new || !old)
		return cl_change_of(new ? CL_ADDED : CL_REMOVED, NULL);
	cl_change_note(keys, "cacert", !ike_certificate_equal(old->ca, new->ca));
	cl_change_note(keys, "crl_uris",
		!same_texts(old->crl_uris, old->crl_uri_count, new->crl_uris, new->crl_uri_count));
	cl_change_note(keys, "ocsp_uris",
		!same_texts(
			old->ocsp_uris, old->ocsp_uri_count, new->ocsp_uris, new->ocsp_uri_count));
	cl_change_note(keys, "cert_uri_base", !same_text(old->cert_uri_base, new->cert_uri_base));
	return cl_change_in_place(keys);
}

static bool load_authority(struct cl_daemon *d, void *object, struct why *why)
{
	struct ike_authority *a = object;

	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "loaded authority '%s'", a->name);
	return ike_certificates_add_authority(ike_engine_certificates(d->engine), a) ||
	       why_fail(why, "out of memory");
}

static bool may_unload_authority(struct cl_daemon *d, const char *name, struct why *why)
{
	return find(d, name) || why_fail(why, "unload: authority '%s' not found", name);
}

static bool unload_authority(struct cl_daemon *d, const char *name, struct why *why)
{
	return ike_certificates_remove_authority(ike_engine_certificates(d->engine), name) ||
	       may_unload_authority(d, name, why);
}

const struct cl_loadable cl_loadable_authority = {
	.name = "authority",
	.command = "load-authority",
	.read = read_authority,
	.free = free_authority,
	.compare = compare_authority,
	.load = load_authority,
	.may_unload = may_unload_authority,
	.unload = unload_authority,
};

void cl_command_load_authority(struct cl_client *c, struct vici_view request)
{
	cl_load(c, &cl_loadable_authority, request);
}

void cl_command_unload_authority(struct cl_client *c, struct vici_view request)
{
	cl_unload(c, &cl_loadable_authority, request, "unload: missing authority name");
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
