/* Whether a certificate is revoked, from what is known, and what the policy makes of it. */
#include "libike/revocation_priv.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

/* Of one certificate, and of one kind. */
#define URIS_MAX 8

enum state {
	STATE_GOOD,
	STATE_REVOKED,
	STATE_UNKNOWN,
	STATE_WAIT,
};

/* One check under way. */
struct inquiry {
	struct ike_engine *e;
	struct ike_certificate *certificate, *issuer;
	uint32_t ike_id;
	bool may_wait; /* its IKE SA has time left */
	bool has_uri;  /* there should be something to know */
	/* REVOKED */
	int64_t when;
	const char *reason; /* or NULL */
	char source[300];
	/* UNKNOWN: what was tried. */
	char tried[600];
	size_t tried_length;
};

int64_t ike_wall_clock(const struct ike_engine *e)
{
	return e->host.wall_clock(e->host.context);
}

static void note(struct inquiry *q, const char *what, const char *how)
{
	size_t room = sizeof(q->tried) - q->tried_length;
	int used = snprintf(q->tried + q->tried_length, room, "%s%s: %s",
		q->tried_length ? "; " : "", what, how);

	if (used > 0)
		q->tried_length += (size_t)used < room ? (size_t)used : room - 1;
}

static const char *format_time(int64_t seconds, char text[40])
{
	time_t time = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&time, &tm) || !strftime(text, 40, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(text, 40, "an unknown time");
	return text;
}

/* ---- URIs ---- */

static bool has_scheme(const char *url, const char *scheme)
{
	return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

/* A certificate's maker must not read our files, the operator may. */
static bool is_fetchable(const char *url, bool configured)
{
	return has_scheme(url, "http://") || has_scheme(url, "https://") ||
	       (configured && has_scheme(url, "file:///"));
}

/* Asks one; GOOD: it was answered, so that the caller looks again. */
static enum state ask(struct inquiry *q, enum ike_question_kind kind, const char *url,
	struct ike_certificate *certificate, bool configured)
{
	const char *error = "no answer in time";
	enum ike_asked asked = IKE_ASKED_FAILED;

	if (!is_fetchable(url, configured))
		error = "neither http nor https";
	else if (q->may_wait)
		asked = ike_ask(q->e, kind, url, certificate, q->issuer, q->ike_id, &error);
	if (asked == IKE_ASKED_WAIT)
		return STATE_WAIT;
	note(q, url, error);
	return STATE_UNKNOWN;
}

typedef enum state (*ask_uri)(struct inquiry *q, const char *url, bool configured);

/* Of the authorities that this issuer is. */
static enum state ask_authorities(struct inquiry *q, bool ocsp, ask_uri ask_one)
{
	const struct ike_authority *a;

	for (size_t i = 0; (a = ike_certificates_authority(q->e->certificates, i)); i++) {
		size_t count = ocsp ? a->ocsp_uri_count : a->crl_uri_count;

		if (!a->ca || !ike_public_key_equal(
				      ike_certificate_key(a->ca), ike_certificate_key(q->issuer)))
			continue;
		for (size_t j = 0; j < count; j++) {
			enum state state =
				ask_one(q, ocsp ? a->ocsp_uris[j] : a->crl_uris[j], true);

			if (state != STATE_UNKNOWN)
				return state;
		}
	}
	return STATE_UNKNOWN;
}

static enum state ask_all(struct inquiry *q, bool ocsp, ask_uri ask_one)
{
	enum state state = ask_authorities(q, ocsp, ask_one);
	const char *url;

	for (size_t i = 0; state == STATE_UNKNOWN && i < URIS_MAX; i++) {
		url = ocsp ? ike_certificate_ocsp_uri(q->certificate, i)
			   : ike_certificate_crl_uri(q->certificate, i);
		if (!url)
			break;
		state = ask_one(q, url, false);
	}
	return state;
}

/* ---- OCSP ---- */

static enum state state_of_answer(struct inquiry *q, const struct ike_cached_ocsp *o)
{
	if (o->answer.status == IKE_OCSP_GOOD)
		return STATE_GOOD;
	q->when = o->answer.revoked_at;
	q->reason = o->answer.reason;
	snprintf(q->source, sizeof(q->source), "the OCSP response %s%s",
		o->url ? "from " : "that the peer sent", o->url ? o->url : "");
	return STATE_REVOKED;
}

static enum state ask_ocsp_uri(struct inquiry *q, const char *url, bool configured)
{
	q->has_uri = true;
	return ask(q, IKE_QUESTION_OCSP, url, q->certificate, configured);
}

static void take_staple(struct inquiry *q, struct bytes stapled)
{
	struct why why;

	if (stapled.length > 0 && !ike_ocsp_keep(q->e, stapled, q->certificate, q->issuer,
					  (struct bytes){ 0 }, NULL, &why))
		ike_log(q->e, NULL, IKE_LOG_CFG, IKE_LOG_DETAIL, "sent by the peer: %s", why.text);
}

static enum state by_ocsp(struct inquiry *q, struct bytes stapled)
{
	const struct ike_cached_ocsp *o;

	if (!q->e->settings.ocsp)
		return STATE_UNKNOWN;
	take_staple(q, stapled);
	o = ike_ocsp_cached(q->e, q->certificate, q->issuer);
	if (o && o->answer.until > ike_wall_clock(q->e))
		return state_of_answer(q, o);
	enum state state = ask_all(q, true, ask_ocsp_uri);
	/* one of the past, when there is no newer one: who was revoked is not good again */
	if (state == STATE_UNKNOWN && o && o->answer.status == IKE_OCSP_REVOKED)
		state = state_of_answer(q, o);
	return state;
}

/* ---- CRLs ---- */

static bool is_fresh(const struct ike_engine *e, const struct ike_crl *crl)
{
	int64_t end = ike_crl_next_update(crl);

	return !end || end > ike_wall_clock(e);
}

/* The newest that goes with it and is fresh, or NULL. */
static struct ike_cached_crl *delta_of(struct inquiry *q, const struct ike_cached_crl *complete)
{
	struct ike_cached_crl *best = NULL, *c = NULL;

	while ((c = ike_crls_next(q->e, q->issuer, c))) {
		if (!c->refusal && ike_crl_is_delta(c->crl) && is_fresh(q->e, c->crl) &&
			ike_crl_delta_fits(c->crl, complete->crl) &&
			(!best || ike_crl_number_compare(
					  ike_crl_serial(c->crl), ike_crl_serial(best->crl)) > 0))
			best = c;
	}
	return best;
}

static void name_crl(const struct ike_cached_crl *c, char *ret, size_t size)
{
	if (c->url)
		snprintf(ret, size, "the CRL from %s", c->url);
	else
		snprintf(ret, size, "the CRL that %s", c->stored ? "was loaded" : "the peer sent");
}

/* What a complete CRL and its delta, if there is one, say. */
static enum ike_crl_entry find(
	struct inquiry *q, struct ike_cached_crl *complete, struct ike_cached_crl *delta)
{
	struct bytes serial = ike_certificate_serial(q->certificate);
	enum ike_crl_entry entry = IKE_CRL_ABSENT;
	const struct ike_cached_crl *by = delta;
	const char *reason = NULL;
	int64_t when = 0;

	if (delta)
		entry = ike_crl_find(delta->crl, serial, &when, &reason);
	if (entry == IKE_CRL_ABSENT) {
		by = complete;
		entry = ike_crl_find(complete->crl, serial, &when, &reason);
	}
	if (entry != IKE_CRL_REVOKED)
		return entry;
	q->when = when;
	q->reason = reason;
	name_crl(by, q->source, sizeof(q->source));
	return entry;
}

static void note_crl(struct inquiry *q, const struct ike_cached_crl *c, const char *how)
{
	char name[300];

	name_crl(c, name, sizeof(name));
	note(q, name, how);
}

struct verdict {
	struct ike_cached_crl *newest;           /* complete, fresh or not; or NULL */
	struct ike_cached_crl *complete, *delta; /* the newest that count now; or NULL */
	bool was_revoked;                        /* by a CRL of the past */
};

static int64_t updated_at(const struct ike_cached_crl *complete, const struct ike_cached_crl *delta)
{
	return ike_crl_this_update(delta ? delta->crl : complete->crl);
}

/* One complete CRL that is about such certificates. */
static void weigh_one(struct inquiry *q, struct verdict *v, struct ike_cached_crl *c)
{
	struct ike_cached_crl *delta = delta_of(q, c);

	if (!v->newest || updated_at(c, NULL) > updated_at(v->newest, NULL))
		v->newest = c;
	if (!delta && !is_fresh(q->e, c->crl)) {
		note_crl(q, c, "it is stale");
		v->was_revoked = v->was_revoked || find(q, c, NULL) == IKE_CRL_REVOKED;
	} else if (!v->complete || updated_at(c, delta) > updated_at(v->complete, v->delta)) {
		v->complete = c;
		v->delta = delta;
	}
}

static void weigh(struct inquiry *q, struct verdict *ret)
{
	struct ike_cached_crl *c = NULL;
	struct why why;

	*ret = (struct verdict){ 0 };
	while ((c = ike_crls_next(q->e, q->issuer, c))) {
		if (c->refusal)
			note_crl(q, c, c->refusal);
		else if (ike_crl_is_delta(c->crl))
			continue;
		else if (ike_crl_is_about(c->crl, q->certificate, &why))
			weigh_one(q, ret, c);
		else
			note_crl(q, c, why.text);
	}
}

static enum state state_of(struct inquiry *q, const struct verdict *v)
{
	if (!v->complete)
		return STATE_UNKNOWN;
	ike_cached_crl_used(q->e, v->complete);
	if (v->delta)
		ike_cached_crl_used(q->e, v->delta);
	return find(q, v->complete, v->delta) == IKE_CRL_REVOKED ? STATE_REVOKED : STATE_GOOD;
}

/* What came from there is here, whether it helped or not. */
static bool is_here(struct inquiry *q, const char *url)
{
	struct ike_cached_crl *c = NULL;

	while ((c = ike_crls_next(q->e, q->issuer, c))) {
		if (c->url && strcmp(c->url, url) == 0 && is_fresh(q->e, c->crl))
			return true;
	}
	return false;
}

static enum state ask_crl_uri(struct inquiry *q, const char *url, bool configured)
{
	q->has_uri = true;
	if (is_here(q, url))
		return STATE_UNKNOWN;
	return ask(q, IKE_QUESTION_CRL, url, NULL, configured);
}

/* Deltas of a complete CRL (RFC 5280 4.2.1.15, 5.2.6). */
static enum state ask_deltas(struct inquiry *q, const struct ike_cached_crl *complete)
{
	enum state state = STATE_UNKNOWN;
	char *url;

	for (size_t i = 0; state == STATE_UNKNOWN && i < URIS_MAX &&
			   (url = ike_crl_freshest_uri(complete->crl, q->certificate, i));
		i++) {
		state = is_here(q, url) ? STATE_UNKNOWN
					: ask(q, IKE_QUESTION_CRL, url, NULL, false);
		free(url);
	}
	return state;
}

static enum state by_crl(struct inquiry *q)
{
	struct verdict verdict;

	if (!q->e->settings.crl)
		return STATE_UNKNOWN;
	ike_crls_gather(q->e, q->issuer);
	weigh(q, &verdict);
	if (verdict.newest && ask_deltas(q, verdict.newest) == STATE_WAIT)
		return STATE_WAIT;
	enum state state = state_of(q, &verdict);
	if (state == STATE_UNKNOWN)
		state = ask_all(q, false, ask_crl_uri);
	if (state != STATE_UNKNOWN || !verdict.was_revoked)
		return state;
	return STATE_REVOKED;
}

bool ike_crl_lists(struct ike_engine *e, const struct ike_certificate *certificate,
	struct ike_certificate *issuer)
{
	struct inquiry q = {
		.e = e, .certificate = (struct ike_certificate *)certificate, .issuer = issuer
	};
	struct verdict verdict;

	ike_crls_gather(e, issuer);
	weigh(&q, &verdict);
	return verdict.was_revoked || state_of(&q, &verdict) == STATE_REVOKED;
}

/* ---- Those that a peer sent ---- */

void ike_revocation_offer_crl(struct ike_engine *e, uint32_t ike_id, struct bytes encoded)
{
	struct ike_waiter *w = ike_waiter_get(e, ike_id);
	struct ike_crl *crl = NULL;
	struct why why;

	for (size_t i = 0; w && i < IKE_OFFERED_MAX; i++) {
		if (w->offered[i])
			continue;
		crl = ike_crl_parse(e->host.library, encoded, &why);
		if (!crl)
			ike_log_noise(
				e, NULL, IKE_LOG_CFG, "a CRL that the peer sent: %s", why.text);
		w->offered[i] = crl;
		return;
	}
}

static void take_offered(struct inquiry *q, struct ike_waiter *w)
{
	struct why why;

	for (size_t i = 0; i < IKE_OFFERED_MAX; i++) {
		if (!w->offered[i] || !ike_identity_equal(ike_crl_issuer(w->offered[i]),
					      ike_certificate_subject(q->issuer)))
			continue;
		if (!ike_crl_keep(q->e, w->offered[i], q->issuer, NULL, &why))
			ike_log_noise(q->e, NULL, IKE_LOG_CFG, "sent by the peer: %s", why.text);
		ike_crl_free(w->offered[i]);
		w->offered[i] = NULL;
	}
}

/* ---- The policy ---- */

static enum ike_trust refuse_revoked(
	struct inquiry *q, const char *subject, struct ike_failure *failure)
{
	bool says_why = q->reason && strcmp(q->reason, "unspecified") != 0;
	char when[40];

	ike_failure_set(failure, IKE_REASON_REVOKED, NULL, NULL,
		"the certificate of \"%s\" was revoked on %s%s%s%s, says %s", subject,
		format_time(q->when, when), says_why ? " (" : "", says_why ? q->reason : "",
		says_why ? ")" : "", q->source);
	return IKE_TRUST_NO;
}

static enum ike_trust decide_unknown(
	struct inquiry *q, uint8_t policy, const char *subject, struct ike_failure *failure)
{
	const char *tried = q->tried_length ? q->tried : "no CRL and no OCSP responder is known";

	if (policy == IKE_REVOCATION_STRICT || (policy == IKE_REVOCATION_IFURI && q->has_uri)) {
		ike_failure_set(failure, IKE_REASON_REVOCATION_UNKNOWN, NULL, NULL,
			"whether the certificate of \"%s\" is revoked could not be found out, "
			"which revocation = %s demands: %s",
			subject, policy == IKE_REVOCATION_STRICT ? "strict" : "ifuri", tried);
		return IKE_TRUST_NO;
	}
	ike_log(q->e, NULL, IKE_LOG_CFG, q->has_uri ? IKE_LOG_INFO : IKE_LOG_DETAIL,
		"whether the certificate of \"%s\" is revoked could not be found out: %s", subject,
		tried);
	return IKE_TRUST_YES;
}

static enum ike_trust decide(
	struct inquiry *q, enum state state, uint8_t policy, struct ike_failure *failure)
{
	char subject[IKE_IDENTITY_TEXT_MAX];

	if (state == STATE_WAIT)
		return IKE_TRUST_LATER;
	ike_identity_format(ike_certificate_subject(q->certificate), subject);
	if (state == STATE_REVOKED)
		return refuse_revoked(q, subject, failure);
	if (state == STATE_UNKNOWN)
		return decide_unknown(q, policy, subject, failure);
	ike_log(q->e, NULL, IKE_LOG_CFG, IKE_LOG_DETAIL, "the certificate of \"%s\" is not revoked",
		subject);
	return IKE_TRUST_YES;
}

enum ike_trust ike_revocation_check(struct ike_engine *e, struct ike_certificate *certificate,
	struct ike_certificate *issuer, uint8_t policy, struct bytes stapled, uint32_t ike_id,
	struct ike_failure *failure)
{
	struct inquiry q = {
		.e = e, .certificate = certificate, .issuer = issuer, .ike_id = ike_id
	};
	struct ike_waiter *w = ike_id ? ike_waiter_find(e, ike_id) : NULL;

	if (!ike_certificate_x509(certificate) || !ike_certificate_x509(issuer))
		return IKE_TRUST_YES;
	q.may_wait = !w || e->now < w->until;
	if (w)
		take_offered(&q, w);
	enum state state = by_ocsp(&q, stapled);
	if (state == STATE_UNKNOWN)
		state = by_crl(&q);
	if (state == STATE_WAIT && ike_id) {
		w = ike_waiter_get(e, ike_id);
		if (w)
			w->waits = true;
		else /* too many do already: as if its time were over */
			state = STATE_UNKNOWN;
	}
	return decide(&q, state, policy, failure);
}

/* ---- Our own certificate ---- */

static struct ike_certificate *issuer_of(
	const struct ike_engine *e, const struct ike_certificate *certificate)
{
	const struct ike_stored_certificate *each = NULL;

	while ((each = ike_certificates_by_name(
			e->certificates, ike_certificate_issuer(certificate), each))) {
		if (ike_certificate_x509(each->certificate) &&
			X509_verify(ike_certificate_x509(certificate),
				ike_public_key_pkey(ike_certificate_key(each->certificate))) == 1)
			return each->certificate;
	}
	ERR_clear_error();
	return NULL;
}

/* In its second half it is asked for anew, so that there is one at any time. */
static struct bytes staple_of(
	struct ike_engine *e, struct ike_certificate *certificate, struct ike_certificate *issuer)
{
	struct inquiry q = {
		.e = e, .certificate = certificate, .issuer = issuer, .may_wait = true
	};
	int64_t now = ike_wall_clock(e);

	const struct ike_cached_ocsp *o = ike_ocsp_cached(e, certificate, issuer);
	if (!o || (o->answer.until - now) * 2 < o->answer.until - o->answer.this_update)
		(void)ask_all(&q, true, ask_ocsp_uri);
	return o && o->answer.status == IKE_OCSP_GOOD && o->answer.until > now
		       ? o->der
		       : (struct bytes){ 0 };
}

struct bytes ike_revocation_staple(
	struct ike_engine *e, struct ike_certificate *certificate, struct ike_certificate *issuer)
{
	if (!e->settings.ocsp || !ike_certificate_x509(certificate))
		return (struct bytes){ 0 };
	if (!issuer)
		issuer = issuer_of(e, certificate);
	return issuer ? staple_of(e, certificate, issuer) : (struct bytes){ 0 };
}

size_t ike_revocation_responders(struct ike_engine *e, uint8_t *ret, size_t room)
{
	struct writer w = writer_of(ret, room);
	const struct ike_stored_certificate *each;

	for (size_t i = 0; (each = ike_certificates_get(e->certificates, i)); i++) {
		if (each->role == IKE_CERTIFICATE_OCSP && !each->cached &&
			w.length + IKE_KEY_ID_LENGTH <= room)
			writer_put(&w,
				bytes_of(ike_public_key_id(ike_certificate_key(each->certificate)),
					IKE_KEY_ID_LENGTH));
	}
	return writer_bytes(&w).length;
}

/* ---- The engine's ---- */

void ike_revocation_wake_at(struct ike_engine *e, ike_time at)
{
	if (at < e->revocation->timer.at)
		ike_timer_set(e, &e->revocation->timer, at);
}

/* Never in the call that set it: what is planned for now comes with the next tick. */
void ike_revocation_wake(struct ike_engine *e)
{
	ike_timer_set(e, &e->revocation->timer, IKE_NEVER);
	ike_revocation_wake_at(e, ike_waiters_tidy(e));
	ike_revocation_wake_at(e, ike_questions_tidy(e));
	ike_revocation_wake_at(e, ike_revocation_tidy(e));
}

struct ike_revocation *ike_revocation_new(struct ike_engine *e)
{
	struct ike_revocation *r = calloc(1, sizeof(*r));

	if (r && ike_timer_add(e, &r->timer, IKE_TIMER_REVOCATION))
		return r;
	free(r);
	return NULL;
}

void ike_revocation_free(struct ike_engine *e)
{
	if (!e->revocation)
		return;
	ike_questions_forget(e, true);
	ike_waiters_forget(e);
	ike_revocation_forget_crls(e);
	ike_revocation_forget_ocsp(e);
	ike_timer_remove(e, &e->revocation->timer);
	free(e->revocation);
	e->revocation = NULL;
}

void ike_revocation_flush(struct ike_engine *e, bool crls, bool ocsp)
{
	ike_questions_forget(e, false);
	if (crls)
		ike_revocation_forget_crls(e);
	if (ocsp)
		ike_revocation_forget_ocsp(e);
}
