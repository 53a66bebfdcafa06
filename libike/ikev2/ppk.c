/*
 * Post-quantum preshared keys (RFC 8784). Both sides say USE_PPK in IKE_SA_INIT, then
 *
 *   HDR, SK{IDi, AUTH, N(PPK_IDENTITY)(which) [, N(NO_PPK_AUTH)(AUTH)], ...}  -->
 *                              <--  HDR, SK{IDr, AUTH [, N(PPK_IDENTITY)], ...}
 *
 * AUTH is made with the PPK mixed into SK_d, SK_pi, SK_pr, the one in NO_PPK_AUTH without: the
 * initiator adds it unless it demands the PPK. The responder uses the PPK when it has it, and says
 * so; else it goes without, if it may. These notifies stand beside the initiator's first AUTH,
 * which with EAP is not in the first request. What seals IKE messages stays until the IKE SA is
 * rekeyed.
 */
#include "libike/ikev2/auth.h"

#include <stdlib.h>

/* RFC 8784 5.1; ids in swanctl.conf are of the second kind. */
#define PPK_ID_OPAQUE 1
#define PPK_ID_FIXED 2

static struct bytes find(const struct ike_engine *e, const struct ike_identity *id)
{
	return ike_credentials_find(e->credentials, IKE_SHARED_PPK, id, NULL);
}

static bool make(struct ike_negotiation *n)
{
	if (!n->ppk)
		n->ppk = calloc(1, sizeof(*n->ppk));
	return n->ppk != NULL;
}

static bool is_agreed(const struct ike_sa *sa)
{
	return sa->negotiation->ppk && sa->negotiation->ppk->agreed;
}

/* ---- IKE_SA_INIT ---- */

bool ike_ppk_begin(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	const struct ike_connection *c = sa->connection;
	char id[IKE_IDENTITY_TEXT_MAX];

	if (!c->ppk_id && c->ppk_required) {
		ike_failure_set(failure, IKE_REASON_PPK, NULL, NULL,
			"connection '%s' demands a PPK and names none in ppk_id", c->name);
		return false;
	}
	if (!c->ppk_id || (sa->negotiation->ppk && sa->negotiation->ppk->offered))
		return true;
	/* Wildcards say what we accept, not which one is ours. */
	if (!ike_identity_is_wildcard(c->ppk_id) && find(e, c->ppk_id).length > 0) {
		if (make(sa->negotiation)) {
			sa->negotiation->ppk->offered = true;
			return true;
		}
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return false;
	}
	ike_identity_format(c->ppk_id, id);
	if (c->ppk_required) {
		ike_failure_set(failure, IKE_REASON_PPK, NULL, NULL,
			"connection '%s' demands a PPK, and none is loaded for '%s'", c->name, id);
		return false;
	}
	ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_AUDIT,
		"no PPK for '%s' is loaded, going without it, as ppk_required = no", id);
	return true;
}

bool ike_ppk_offered(struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message)
{
	if (!ike_message_notify(message, IKE_NOTIFY_USE_PPK) || find(e, NULL).length == 0)
		return true;
	if (!make(sa->negotiation))
		return false;
	sa->negotiation->ppk->agreed = true;
	return true;
}

void ike_ppk_build_use(const struct ike_sa *sa, struct ike_builder *b)
{
	const struct ike_ppk *p = sa->negotiation->ppk;

	if (p && (p->offered || p->agreed))
		ike_build_notify(b, IKE_NOTIFY_USE_PPK, (struct bytes){ 0 });
}

bool ike_ppk_answered(struct ike_received *x)
{
	struct ike_ppk *p = x->sa->negotiation->ppk;

	if (p && p->offered && ike_message_notify(x->message, IKE_NOTIFY_USE_PPK))
		p->agreed = true;
	if (is_agreed(x->sa) || !x->sa->connection->ppk_required)
		return true;
	ike_failure_set(x->failure, IKE_REASON_PPK, NULL, NULL,
		"connection '%s' demands a PPK, and the peer uses none", x->sa->connection->name);
	return false;
}

/* ---- Keys ---- */

static bool mix(struct ike_engine *e, struct ike_sa *sa, struct bytes ppk)
{
	struct ike_ppk *p = sa->negotiation->ppk;
	AUTO_SECRET mixed = { 0 };

	if (!ike_keys_mix(e, sa, ppk, &mixed))
		return false;
	p->plain_keys = secret_move(&sa->keys);
	sa->keys = secret_move(&mixed);
	sa->ppk = true;
	return true;
}

static void go_without(struct ike_sa *sa)
{
	struct ike_ppk *p = sa->negotiation->ppk;

	secret_free(&sa->keys);
	sa->keys = secret_move(&p->plain_keys);
	sa->ppk = false;
}

static enum ike_progress fail(struct ike_failure *failure, const struct ike_auth *a,
	const char *text, const struct ike_identity *id)
{
	char name[IKE_IDENTITY_TEXT_MAX] = "";

	if (id)
		ike_identity_format(id, name);
	ike_failure_set(failure, IKE_REASON_PPK, NULL, NULL, "%s '%s' (connection '%s')", text,
		id ? name : "", a->connection->name);
	return IKE_PROGRESS_FAILED;
}

/* ---- Initiator ---- */

enum ike_progress ike_ppk_prove(struct ike_auth *a, struct ike_failure *failure)
{
	struct ike_sa *sa = a->sa;
	struct ike_ppk *p = sa->negotiation->ppk;
	enum ike_progress progress;
	struct bytes ppk;

	if (!sa->initiator || !is_agreed(sa) || p->sent)
		return ike_auth_prove(a, failure);
	/* Once without it, then with it. */
	if (!a->connection->ppk_required) {
		progress = ike_auth_prove(a, failure);
		if (progress != IKE_PROGRESS_DONE)
			return progress;
		p->no_ppk_auth = bytes_duplicate(a->value);
		a->method = 0;
		if (!p->no_ppk_auth.at) {
			ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
			return IKE_PROGRESS_FAILED;
		}
	}
	ppk = find(a->e, a->connection->ppk_id);
	if (ppk.length == 0)
		return fail(failure, a, "there is no PPK any more for", a->connection->ppk_id);
	if (!mix(a->e, sa, ppk)) {
		ike_failure_set(failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		return IKE_PROGRESS_FAILED;
	}
	p->sent = true;
	return ike_auth_prove(a, failure);
}

void ike_ppk_build(struct ike_auth *a, struct ike_builder *b)
{
	struct ike_ppk *p = a->sa->negotiation->ppk;
	const struct ike_identity *id = a->connection->ppk_id;
	uint8_t room[1 + IKE_IDENTITY_TEXT_MAX];
	struct writer w = writer_of(room, sizeof(room));

	if (!p || !a->method || p->built)
		return;
	if (a->sa->initiator && p->sent) {
		writer_u8(&w, PPK_ID_FIXED);
		writer_put(&w, bytes_of(id->octets, id->length));
		b->writer.bad |= w.bad;
		ike_build_notify(b, IKE_NOTIFY_PPK_IDENTITY, writer_bytes(&w));
		if (p->no_ppk_auth.length > 0)
			ike_build_notify(b, IKE_NOTIFY_NO_PPK_AUTH, p->no_ppk_auth);
		p->built = true;
	} else if (!a->sa->initiator && a->sa->ppk) {
		ike_build_notify(b, IKE_NOTIFY_PPK_IDENTITY, (struct bytes){ 0 });
		p->built = true;
	}
}

/* The answer to our first AUTH says whether the peer has used it. */
static enum ike_progress settle_answer(struct ike_received *x, struct ike_auth *a)
{
	struct ike_ppk *p = x->sa->negotiation->ppk;

	if (!p || !p->sent || p->settled)
		return IKE_PROGRESS_DONE;
	p->settled = true;
	if (ike_message_notify(x->message, IKE_NOTIFY_PPK_IDENTITY)) {
		ike_log(x->e, x->sa, IKE_LOG_CFG, IKE_LOG_INFO, "using the PPK");
		return IKE_PROGRESS_DONE;
	}
	if (p->no_ppk_auth.length == 0)
		return fail(x->failure, a, "peer did not use the PPK", a->connection->ppk_id);
	ike_log(x->e, x->sa, IKE_LOG_CFG, IKE_LOG_AUDIT,
		"peer did not use the PPK, going without it, as ppk_required = no");
	go_without(x->sa);
	return IKE_PROGRESS_DONE;
}

/* ---- Responder ---- */

/* As strongSwan reads it: printable octets are what stands in swanctl.conf, others a key id. A
 * pattern names no PPK. */
static struct ike_identity *read_id(const struct ike_notify *n)
{
	struct reader r = reader_of(n->data);
	uint8_t type = reader_u8(&r);
	struct bytes octets = reader_bytes(&r, r.left);
	char text[IKE_IDENTITY_TEXT_MAX];
	bool printable = octets.length < sizeof(text);
	struct ike_identity *id;
	struct why why;

	if (r.bad || octets.length == 0 || (type != PPK_ID_FIXED && type != PPK_ID_OPAQUE))
		return NULL;
	for (size_t i = 0; i < octets.length; i++)
		printable &= octets.at[i] >= ' ' && octets.at[i] < 0x7f;
	if (!printable)
		return ike_identity_from_wire(IKE_ID_KEY_ID, octets);
	bytes_copy(text, octets);
	text[octets.length] = '\0';
	id = ike_identity_parse(text, &why);
	if (id && ike_identity_is_wildcard(id)) {
		ike_identity_free(id);
		return NULL;
	}
	return id;
}

static struct bytes find_for(const struct ike_auth *a, const struct ike_identity *id)
{
	const struct ike_identity *wanted = a->connection->ppk_id;

	if (wanted && ike_identity_match(id, wanted) == IKE_MATCH_NONE)
		return (struct bytes){ 0 };
	return find(a->e, id);
}

/* Beside the peer's first AUTH. */
void ike_ppk_unsettle(struct ike_sa *sa)
{
	struct ike_ppk *p = sa->negotiation->ppk;

	if (!p)
		return;
	if (sa->ppk)
		go_without(sa);
	p->settled = p->uses_no_ppk_auth = false;
}

static enum ike_progress settle_request(struct ike_received *x, struct ike_auth *a)
{
	struct ike_ppk *p = x->sa->negotiation->ppk;
	const struct ike_notify *n = ike_message_notify(x->message, IKE_NOTIFY_PPK_IDENTITY);
	bool plain = ike_message_notify(x->message, IKE_NOTIFY_NO_PPK_AUTH) != NULL;
	bool required = a->connection->ppk_required;
	enum ike_progress progress = IKE_PROGRESS_DONE;

	if (!IKE_HAS(x->message, AUTH) || (p && p->settled))
		return IKE_PROGRESS_DONE;
	if (!is_agreed(x->sa) || !n)
		return required ? fail(x->failure, a, "peer uses no PPK, we demand one",
					  a->connection->ppk_id)
				: IKE_PROGRESS_DONE;
	p->settled = true;
	struct ike_identity *id = read_id(n);
	struct bytes ppk = id ? find_for(a, id) : (struct bytes){ 0 };
	if (ppk.length > 0 && !mix(x->e, x->sa, ppk)) {
		ike_failure_set(x->failure, IKE_REASON_RESOURCES, NULL, NULL, "out of memory");
		progress = IKE_PROGRESS_FAILED;
	} else if (ppk.length > 0) {
		ike_log(x->e, x->sa, IKE_LOG_CFG, IKE_LOG_INFO, "using the PPK");
	} else if (required || !plain) {
		progress = fail(x->failure, a,
			required ? "we demand a PPK, and have none that the peer names"
				 : "peer demands a PPK that we don't have",
			id);
	} else {
		p->uses_no_ppk_auth = true;
		ike_log(x->e, x->sa, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"the PPK that the peer names is not ours, going without it, as "
			"ppk_required = no");
	}
	ike_identity_free(id);
	return progress;
}

enum ike_progress ike_ppk_verify(struct ike_received *x)
{
	struct ike_auth *a = x->sa->negotiation->auth;
	struct ike_ppk *p = x->sa->negotiation->ppk;
	enum ike_progress progress = x->sa->initiator ? settle_answer(x, a) : settle_request(x, a);
	const struct ike_message *m = x->message;
	const struct ike_notify *plain = ike_message_notify(m, IKE_NOTIFY_NO_PPK_AUTH);

	if (progress != IKE_PROGRESS_DONE)
		return progress;
	if (!p || !p->uses_no_ppk_auth || !plain)
		return ike_auth_verify(x);
	/* What it has to prove without the PPK is in there. */
	struct ike_message without = *m;
	without.auth.data = plain->data;
	x->message = &without;
	progress = ike_auth_verify(x);
	x->message = m;
	return progress;
}
