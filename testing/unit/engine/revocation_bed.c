#include "testing/unit/engine/revocation_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The host ---- */

static int64_t host_wall_clock(void *context)
{
	return ((struct bed *)context)->wall;
}

static bool host_fetch(void *context, const struct ike_fetch *what, uint64_t ticket)
{
	struct bed *b = context;
	struct bed_fetch *f = &b->fetches[b->fetch_count];

	ck_assert_uint_gt(what->size_limit, 0);
	ck_assert_int_eq(what->body.length > 0, what->content_type != NULL);
	if (b->refuses)
		return false;
	ck_assert_uint_lt(b->fetch_count, BED_FETCHES_MAX);
	b->fetch_count++;
	f->ticket = ticket;
	snprintf(f->url, sizeof(f->url), "%s", what->url);
	f->body = bytes_duplicate(what->body);
	return true;
}

static void host_log(void *context, const struct ike_log *log)
{
	struct bed *b = context;
	size_t used = strlen(b->log);

	ck_assert_str_ne(log->text, "");
	snprintf(b->log + used, sizeof(b->log) - used, "%s\n", log->text);
}

static bool host_log_wanted(void *context, uint8_t group, int level)
{
	(void)context, (void)group, (void)level;
	return true;
}

struct bed *bed_new(void)
{
	struct bed *b = calloc(1, sizeof(*b));
	struct ike_settings settings;
	struct why why;

	ck_assert_ptr_nonnull(b);
	b->now = IKE_SECONDS(1000);
	b->wall = PKI_NOW;
	b->ike_id = 1;
	const struct ike_host host = { .context = b,
		.wall_clock = host_wall_clock,
		.fetch = host_fetch,
		.log = host_log,
		.log_wanted = host_log_wanted };
	ike_settings_default(&settings);
	b->engine = ike_engine_new(&host, &settings, &why);
	ck_assert_ptr_nonnull(b->engine);
	bed_pass(b, 0);
	return b;
}

void bed_free(struct bed *b)
{
	ike_engine_free(b->engine);
	for (size_t i = 0; i < b->fetch_count; i++)
		free((void *)b->fetches[i].body.at);
	ike_failure_free(&b->failure);
	free(b);
}

void bed_pass(struct bed *b, ike_time milliseconds)
{
	ike_time end = b->now + milliseconds, begin = b->now;
	int64_t wall = b->wall;
	ike_time next;

	while ((next = ike_engine_deadline(b->engine)) <= end) {
		b->now = next > b->now ? next : b->now;
		b->wall = wall + (b->now - begin) / 1000;
		ike_engine_tick(b->engine, b->now);
	}
	b->now = end;
	b->wall = wall + (end - begin) / 1000;
	ike_engine_tick(b->engine, b->now);
}

/* ---- Asking and answering ---- */

enum ike_trust bed_check_once(struct bed *b, const struct pki_certificate *certificate,
	const struct pki_certificate *issuer, uint8_t policy)
{
	ike_failure_free(&b->failure);
	enum ike_trust trust = ike_revocation_check(b->engine, certificate->c, issuer->c, policy,
		(struct bytes){ 0 }, b->ike_id, &b->failure);
	ck_assert_int_eq(b->failure.reason != IKE_REASON_NONE, trust == IKE_TRUST_NO);
	return trust;
}

void bed_answer_one(struct bed *b, struct bed_fetch *f, struct bytes body, const char *error)
{
	f->answered = true;
	ike_engine_fetched(b->engine, b->now, f->ticket, body, error);
}

size_t bed_answer(struct bed *b)
{
	size_t answered = 0;

	for (size_t i = 0; b->serve && i < b->fetch_count; i++) {
		if (b->fetches[i].answered)
			continue;
		struct bytes body = b->serve(b->context, &b->fetches[i]);
		bed_answer_one(b, &b->fetches[i], body, body.at ? NULL : "HTTP status 404");
		free((void *)body.at);
		answered++;
	}
	return answered;
}

enum ike_trust bed_check(struct bed *b, const struct pki_certificate *certificate,
	const struct pki_certificate *issuer, uint8_t policy)
{
	enum ike_trust trust;
	ike_time limit = b->now + IKE_REVOCATION_WAIT;

	b->ike_id++;
	while ((trust = bed_check_once(b, certificate, issuer, policy)) == IKE_TRUST_LATER) {
		if (bed_answer(b) == 0)
			bed_pass(b, 500);
		ck_assert_int_le(b->now, limit);
	}
	return trust;
}

size_t bed_asked(const struct bed *b, const char *url)
{
	size_t count = 0;

	for (size_t i = 0; i < b->fetch_count; i++)
		count += strcmp(b->fetches[i].url, url) == 0;
	return count;
}

/* ---- The store ---- */

void bed_load_crl(struct bed *b, struct bytes der)
{
	struct why why;
	struct ike_crl *crl = ike_crl_parse(NULL, der, &why);

	ck_assert_msg(crl != NULL, "%s", why.text);
	ck_assert(ike_certificates_add_crl(ike_engine_certificates(b->engine), crl, false));
	ike_crl_free(crl);
	free((void *)der.at);
}

static size_t copy_uris(const char *const *uris, char ***ret)
{
	size_t count = 0;

	while (uris && uris[count])
		count++;
	*ret = calloc(count + 1, sizeof(**ret));
	for (size_t i = 0; i < count; i++)
		(*ret)[i] = strdup(uris[i]);
	return count;
}

void bed_authority(struct bed *b, const struct pki_certificate *ca, const char *const *crl_uris,
	const char *const *ocsp_uris)
{
	struct ike_authority *a = calloc(1, sizeof(*a));

	a->name = strdup("authority");
	a->ca = ike_certificate_hold(ca->c);
	a->crl_uri_count = copy_uris(crl_uris, &a->crl_uris);
	a->ocsp_uri_count = copy_uris(ocsp_uris, &a->ocsp_uris);
	ck_assert(ike_certificates_add_authority(ike_engine_certificates(b->engine), a));
}
