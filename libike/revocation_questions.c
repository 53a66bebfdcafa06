/* What is asked of servers, and who waits for it. */
#include "libike/revocation_priv.h"
#include "libike/versions.h"

#include <stdlib.h>

/* The host says that it failed in fetch_timeout; this long after, it has failed itself. */
#define HOST_GRACE IKE_SECONDS(5)
/* An IKE SA's share of time is remembered that much longer than it lasts. */
#define WAITER_KEPT IKE_SECONDS(60)

/* ---- Who waits ---- */

/* half_open_timeout must come later, or nobody hears what the policy says. */
static ike_time longest_wait(const struct ike_engine *e)
{
	ike_time most = e->settings.half_open_timeout * 2 / 3;

	return most > 0 && most < IKE_REVOCATION_WAIT ? most : IKE_REVOCATION_WAIT;
}

struct ike_waiter *ike_waiter_find(const struct ike_engine *e, uint32_t ike_id)
{
	struct ike_waiter *found;

	HASH_FIND(by_id, e->revocation->waiters, &ike_id, sizeof(ike_id), found);
	return found;
}

static void waiter_free(struct ike_revocation *r, struct ike_waiter *w)
{
	HASH_DELETE(by_id, r->waiters, w);
	for (size_t i = 0; i < IKE_OFFERED_MAX; i++)
		ike_crl_free(w->offered[i]);
	free(w);
}

struct ike_waiter *ike_waiter_get(struct ike_engine *e, uint32_t ike_id)
{
	struct ike_revocation *r = e->revocation;
	struct ike_waiter *w = ike_waiter_find(e, ike_id);

	if (w || HASH_CNT(by_id, r->waiters) >= IKE_WAITERS_MAX || !(w = calloc(1, sizeof(*w))))
		return w;
	w->ike_id = ike_id;
	w->until = e->now + longest_wait(e);
	HASH_ADD(by_id, r->waiters, ike_id, sizeof(w->ike_id), w);
	if (!w->by_id.tbl) {
		free(w);
		return NULL;
	}
	ike_revocation_wake_at(e, w->until);
	return w;
}

/* Of those whose time is over and who do not know yet. */
static struct ike_waiter *next_to_tell(const struct ike_engine *e)
{
	for (struct ike_waiter *w = e->revocation->waiters; w; w = w->by_id.next) {
		if (!w->told && w->until <= e->now)
			return w;
	}
	return NULL;
}

ike_time ike_waiters_tidy(struct ike_engine *e)
{
	struct ike_waiter *w, *after;
	ike_time next = IKE_NEVER;

	while ((w = next_to_tell(e))) {
		w->told = true;
		if (w->waits)
			ike_resume(e, w->ike_id);
	}
	HASH_ITER(by_id, e->revocation->waiters, w, after)
	{
		ike_time at = w->told ? w->until + WAITER_KEPT : w->until;

		if (at <= e->now)
			waiter_free(e->revocation, w);
		else if (at < next)
			next = at;
	}
	return next;
}

void ike_waiters_forget(struct ike_engine *e)
{
	while (e->revocation->waiters)
		waiter_free(e->revocation, e->revocation->waiters);
}

/* ---- Questions ---- */

#define KEY_MAX (1 + IKE_KEY_ID_LENGTH + 1 + IKE_SERIAL_MAX + 2048)

static void question_free(struct ike_revocation *r, struct ike_question *q)
{
	if (q->by_key.tbl)
		HASH_DELETE(by_key, r->questions, q);
	if (q->by_ticket.tbl)
		HASH_DELETE(by_ticket, r->by_ticket, q);
	ike_certificate_free(q->certificate);
	ike_certificate_free(q->issuer);
	free(q->error);
	free(q->waiters);
	free(q);
}

/* ret_url: where the URL is in it. */
static size_t make_key(enum ike_question_kind kind, const char *url,
	const struct ike_certificate *certificate, const struct ike_certificate *issuer,
	uint8_t key[KEY_MAX], size_t *ret_url)
{
	struct writer w = writer_of(key, KEY_MAX);

	writer_u8(&w, (uint8_t)kind);
	writer_put(&w,
		bytes_of(ike_public_key_info_id(ike_certificate_key(issuer)), IKE_KEY_ID_LENGTH));
	if (certificate) {
		writer_u8(&w, (uint8_t)ike_certificate_serial(certificate).length);
		writer_put(&w, ike_certificate_serial(certificate));
	}
	*ret_url = w.length;
	writer_put(&w, bytes_of(url, strlen(url) + 1));
	return writer_bytes(&w).length;
}

/* Failures make room for new questions, the oldest first. */
static bool has_room(struct ike_revocation *r)
{
	struct ike_question *q, *next;

	HASH_ITER(by_key, r->questions, q, next)
	{
		if (HASH_CNT(by_key, r->questions) < IKE_QUESTIONS_MAX)
			break;
		if (!q->ticket)
			question_free(r, q);
	}
	return HASH_CNT(by_key, r->questions) < IKE_QUESTIONS_MAX;
}

static struct ike_question *question_new(
	struct ike_revocation *r, const uint8_t *key, size_t length, size_t url_at)
{
	struct ike_question *q = has_room(r) ? calloc(1, sizeof(*q) + length) : NULL;

	if (!q)
		return NULL;
	memcpy(q->key, key, length);
	q->key_length = length;
	q->kind = key[0];
	q->url = (const char *)q->key + url_at;
	HASH_ADD(by_key, r->questions, key[0], length, q);
	if (q->by_key.tbl)
		return q;
	free(q);
	return NULL;
}

static void fail(struct ike_engine *e, struct ike_question *q, const char *error)
{
	if (q->by_ticket.tbl)
		HASH_DELETE(by_ticket, e->revocation->by_ticket, q);
	q->by_ticket.tbl = NULL;
	q->ticket = 0;
	q->until = e->now + IKE_REVOCATION_NEGATIVE;
	q->error = strdup(error);
	ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "%s: %s", q->url, error);
	ike_revocation_wake_at(e, q->until);
}

static bool send_fetch(struct ike_engine *e, struct ike_question *q, struct bytes body)
{
	const struct ike_fetch what = {
		.url = q->url,
		.body = body,
		.content_type = body.length ? "application/ocsp-request" : NULL,
		.size_limit =
			q->kind == IKE_QUESTION_CRL ? IKE_CRL_LENGTH_MAX : IKE_OCSP_LENGTH_MAX,
	};

	return e->host.fetch && e->host.fetch(e->host.context, &what, q->ticket);
}

static bool start(struct ike_engine *e, struct ike_question *q, struct why *why)
{
	struct bytes body = { 0 };

	if (q->kind == IKE_QUESTION_OCSP) {
		q->nonce_length = (uint8_t)e->settings.ocsp_nonce_length;
		if (!ike_crypto_random(e->crypto, q->nonce, q->nonce_length))
			return why_fail(why, "no random numbers");
		if (!ike_ocsp_request(q->certificate, q->issuer,
			    bytes_of(q->nonce, q->nonce_length), &body, why))
			return false;
	}
	bool asked = send_fetch(e, q, body);
	free((void *)body.at);
	return asked || why_fail(why, "it cannot be fetched from there");
}

static void ask_host(struct ike_engine *e, struct ike_question *q)
{
	struct why why;

	q->ticket = ike_ticket_new(e);
	q->until = e->now + e->settings.fetch_timeout + HOST_GRACE;
	HASH_ADD(by_ticket, e->revocation->by_ticket, ticket, sizeof(q->ticket), q);
	if (!q->by_ticket.tbl)
		fail(e, q, "out of memory");
	else if (!start(e, q, &why))
		fail(e, q, why.text);
	else
		ike_revocation_wake_at(e, q->until);
}

static bool add_waiter(struct ike_question *q, uint32_t ike_id)
{
	for (size_t i = 0; i < q->waiter_count; i++)
		if (q->waiters[i] == ike_id)
			return true;
	uint32_t *more = realloc(q->waiters, (q->waiter_count + 1) * sizeof(*more));
	if (!more)
		return false;
	q->waiters = more;
	q->waiters[q->waiter_count++] = ike_id;
	return true;
}

enum ike_asked ike_ask(struct ike_engine *e, enum ike_question_kind kind, const char *url,
	struct ike_certificate *certificate, struct ike_certificate *issuer, uint32_t ike_id,
	const char **ret_error)
{
	struct ike_revocation *r = e->revocation;
	uint8_t key[KEY_MAX];
	size_t url_at, length = make_key(kind, url, certificate, issuer, key, &url_at);
	struct ike_question *q = NULL;

	*ret_error = "too many questions, or too long a one";
	if (length == 0)
		return IKE_ASKED_FAILED;
	HASH_FIND(by_key, r->questions, key, length, q);
	if (!q) {
		q = question_new(r, key, length, url_at);
		if (!q)
			return IKE_ASKED_FAILED;
		q->certificate = certificate ? ike_certificate_hold(certificate) : NULL;
		q->issuer = ike_certificate_hold(issuer);
		ask_host(e, q);
	}
	if (q->ticket && (!ike_id || add_waiter(q, ike_id)))
		return IKE_ASKED_WAIT;
	*ret_error = q->error ? q->error : "out of memory";
	return IKE_ASKED_FAILED;
}

/* ---- Answers ---- */

static bool take_crl(
	struct ike_engine *e, const struct ike_question *q, struct bytes body, struct why *why)
{
	struct ike_crl *crl = ike_crl_parse(e->host.library, body, why);
	char text[IKE_IDENTITY_TEXT_MAX];

	if (!crl)
		return why_prefix(why, "what came is no CRL: ");
	bool kept = ike_crl_keep(e, crl, q->issuer, q->url, why);
	if (kept)
		ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "%s: a %sCRL of \"%s\"", q->url,
			ike_crl_is_delta(crl) ? "delta " : "",
			ike_identity_format(ike_crl_issuer(crl), text));
	ike_crl_free(crl);
	return kept;
}

static bool take_ocsp(
	struct ike_engine *e, const struct ike_question *q, struct bytes body, struct why *why)
{
	char text[IKE_IDENTITY_TEXT_MAX];

	if (!ike_ocsp_keep(e, body, q->certificate, q->issuer, bytes_of(q->nonce, q->nonce_length),
		    q->url, why))
		return false;
	ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_INFO, "%s: an OCSP response about \"%s\"", q->url,
		ike_identity_format(ike_certificate_subject(q->certificate), text));
	return true;
}

static bool take(
	struct ike_engine *e, const struct ike_question *q, struct bytes body, struct why *why)
{
	return q->kind == IKE_QUESTION_OCSP ? take_ocsp(e, q, body, why)
					    : take_crl(e, q, body, why);
}

/* Whoever waits asks again, and may ask for more: the question is over by then. */
static void conclude(struct ike_engine *e, struct ike_question *q, const char *error)
{
	uint32_t *waiters = q->waiters;
	size_t count = q->waiter_count;

	q->waiters = NULL;
	q->waiter_count = 0;
	if (error)
		fail(e, q, error);
	else
		question_free(e->revocation, q);
	for (size_t i = 0; i < count; i++)
		ike_resume(e, waiters[i]);
	free(waiters);
}

void ike_engine_fetched(
	struct ike_engine *e, ike_time now, uint64_t ticket, struct bytes body, const char *error)
{
	struct ike_question *q;
	struct why why;

	e->now = now;
	HASH_FIND(by_ticket, e->revocation->by_ticket, &ticket, sizeof(ticket), q);
	if (!q)
		return;
	if (!error && !take(e, q, body, &why))
		error = why.text;
	conclude(e, q, error);
}

static struct ike_question *next_over(const struct ike_engine *e)
{
	for (struct ike_question *q = e->revocation->questions; q; q = q->by_key.next) {
		if (q->until <= e->now)
			return q;
	}
	return NULL;
}

ike_time ike_questions_tidy(struct ike_engine *e)
{
	ike_time next = IKE_NEVER;
	struct ike_question *q;

	while ((q = next_over(e))) {
		if (q->ticket)
			conclude(e, q, "no answer");
		else
			question_free(e->revocation, q);
	}
	for (q = e->revocation->questions; q; q = q->by_key.next)
		next = q->until < next ? q->until : next;
	return next;
}

void ike_questions_forget(struct ike_engine *e, bool asked_too)
{
	struct ike_question *q, *next;

	HASH_ITER(by_key, e->revocation->questions, q, next)
	{
		if (asked_too || !q->ticket)
			question_free(e->revocation, q);
	}
}
