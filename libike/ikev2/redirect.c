/* Redirection (RFC 5685), see redirect.h. */
#include "libike/ikev2/redirect.h"
#include "libike/names.h"
#include "libike/sa/redirect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	GATEWAY_IPV4 = 1,
	GATEWAY_IPV6 = 2,
	GATEWAY_FQDN = 3,
};

/* ---- The notifies ---- */

static bool read_name(struct bytes identity, char text[256])
{
	if (identity.length == 0 || memchr(identity.at, 0, identity.length))
		return false;
	bytes_copy(text, identity);
	text[identity.length] = '\0';
	return true;
}

static bool read_address(uint16_t family, struct bytes identity, char text[ADDRESS_TEXT_MAX])
{
	struct address a = { .family = family };

	if (identity.length != address_size(&a))
		return false;
	bytes_copy(a.octets, identity);
	address_format(&a, text);
	return true;
}

/* Text that the element's own syntax is then applied to: what is a network or %any in it is none.
 */
static bool read_gateway(struct reader *r, char text[256], uint8_t *ret_kind)
{
	uint8_t type = reader_u8(r);
	struct bytes identity = reader_bytes(r, reader_u8(r));

	*ret_kind = type == GATEWAY_FQDN ? IKE_ENDPOINT_NAME : IKE_ENDPOINT_HOST;
	if (r->bad)
		return false;
	switch (type) {
	case GATEWAY_IPV4:
		return read_address(AF_INET, identity, text);
	case GATEWAY_IPV6:
		return read_address(AF_INET6, identity, text);
	case GATEWAY_FQDN:
		return read_name(identity, text);
	default:
		return false;
	}
}

bool ike_redirect_parse(
	struct bytes data, struct ike_endpoints *ret, struct bytes *ret_nonce, struct why *why)
{
	struct reader r = reader_of(data);
	uint8_t kind;
	char text[256];

	if (!read_gateway(&r, text, &kind))
		return why_fail(why, "it names no gateway by address or name");
	if (!ike_endpoints_add(ret, text, why))
		return false;
	if (ret->items[ret->count - 1].kind != kind) {
		ike_endpoints_free(ret);
		return why_fail(why, "it names no gateway that could be gone to");
	}
	*ret_nonce = reader_rest(&r);
	return true;
}

size_t ike_redirect_format(const struct ike_endpoint *gateway, uint8_t ret[IKE_REDIRECT_DATA_MAX])
{
	bool name = gateway->kind == IKE_ENDPOINT_NAME;
	struct bytes identity = name ? bytes_of_text(gateway->name)
				     : bytes_of(gateway->from.octets, address_size(&gateway->from));

	ret[0] = name                              ? GATEWAY_FQDN
		 : gateway->from.family == AF_INET ? GATEWAY_IPV4
						   : GATEWAY_IPV6;
	ret[1] = (uint8_t)identity.length;
	bytes_copy(ret + 2, identity);
	return 2 + identity.length;
}

void ike_redirect_build_init(
	const struct ike_engine *e, const struct ike_sa *sa, struct ike_builder *b)
{
	uint8_t data[IKE_REDIRECT_DATA_MAX];

	if (!e->settings.follow_redirects)
		return;
	if (ike_sa_is_redirected(sa)) {
		struct ike_endpoint from = { .kind = IKE_ENDPOINT_HOST,
			.from = sa->redirect->from };

		ike_build_notify(b, IKE_NOTIFY_REDIRECTED_FROM,
			bytes_of(data, ike_redirect_format(&from, data)));
	} else {
		ike_build_notify(b, IKE_NOTIFY_REDIRECT_SUPPORTED, (struct bytes){ 0 });
	}
}

void ike_redirect_read_init(
	struct ike_engine *e, struct ike_sa *sa, const struct ike_message *message)
{
	const struct ike_notify *from = ike_message_notify(message, IKE_NOTIFY_REDIRECTED_FROM);
	struct ike_endpoints gateway = { 0 };
	struct bytes rest;
	struct why why;

	sa->peer_redirects =
		from || ike_message_notify(message, IKE_NOTIFY_REDIRECT_SUPPORTED) != NULL;
	if (!from)
		return;
	if (ike_redirect_parse(from->data, &gateway, &rest, &why))
		ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "client got redirected from %s",
			gateway.items[0].name);
	else
		ike_log_noise(e, sa, IKE_LOG_IKE,
			"received invalid REDIRECTED_FROM notify, ignored: %s", why.text);
	ike_endpoints_free(&gateway);
}

/* ---- As initiator ---- */

static struct ike_redirect *get(struct ike_sa *sa)
{
	if (!sa->redirect)
		sa->redirect = calloc(1, sizeof(*sa->redirect));
	return sa->redirect;
}

/* One more; false when there were too many of late. */
static bool count(const struct ike_engine *e, struct ike_redirect *r)
{
	if (r->count == IKE_REDIRECTS_MAX &&
		r->times[IKE_REDIRECTS_MAX - 1] + IKE_REDIRECT_PERIOD > e->now)
		return false;
	memmove(r->times + 1, r->times, (IKE_REDIRECTS_MAX - 1) * sizeof(*r->times));
	r->times[0] = e->now;
	if (r->count < IKE_REDIRECTS_MAX)
		r->count++;
	return true;
}

PRINTF_LIKE(3, 4)
static bool refuse(struct ike_received *x, const char *differs, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	ike_failure_set(x->failure, IKE_REASON_REDIRECT, NULL, NULL, "%s", text);
	ike_failure_set_differs(x->failure, differs);
	return false;
}

/* The peer wants the SA to go to that gateway, which is taken. */
static bool accept_redirect(struct ike_received *x, struct ike_endpoints *gateway)
{
	struct ike_redirect *r = get(x->sa);
	char from[ADDRESS_TEXT_MAX];

	if (!r || !ike_names_adopt_list(x->e, gateway)) {
		ike_failure_set(
			x->failure, IKE_REASON_RESOURCES, NULL, NULL, "REDIRECT: out of memory");
		return false;
	}
	address_format(&x->datagram->remote, from);
	if (!count(x->e, r)) {
		return refuse(x, "loop",
			"%s redirects us to %s: only %d redirects are allowed within %d seconds",
			from, gateway->items[0].name, IKE_REDIRECTS_MAX,
			(int)(IKE_REDIRECT_PERIOD / 1000));
	}
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "IKE_SA %s[%u]: %s redirects us to %s",
		x->sa->connection->name, x->sa->unique_id, from, gateway->items[0].name);
	ike_endpoints_free(&r->gateway);
	r->gateway = *gateway;
	*gateway = (struct ike_endpoints){ 0 };
	r->from = x->datagram->remote;
	return true;
}

/* It is for us to follow, and can be. */
static bool read_redirect(struct ike_received *x, const struct ike_notify *notify,
	struct ike_endpoints *ret, struct bytes *ret_nonce)
{
	char from[ADDRESS_TEXT_MAX];
	struct why why;

	address_format(&x->datagram->remote, from);
	if (!ike_redirect_parse(notify->data, ret, ret_nonce, &why))
		return refuse(x, "invalid", "REDIRECT of %s is not valid: %s", from, why.text);
	if (x->e->settings.follow_redirects)
		return true;
	ike_endpoints_free(ret);
	return refuse(
		x, "follow_redirects", "%s redirects us although we follow no redirects", from);
}

static bool follow(struct ike_received *x, const struct ike_notify *notify)
{
	struct ike_endpoints gateway = { 0 };
	struct bytes nonce;
	bool done = read_redirect(x, notify, &gateway, &nonce) && accept_redirect(x, &gateway);

	ike_endpoints_free(&gateway);
	return done;
}

/* Whoever sees our request knows the nonce; nobody else can send us anywhere (RFC 5685 3). */
static bool has_our_nonce(const struct ike_received *x, const struct ike_notify *notify)
{
	const struct ike_negotiation *n = x->sa->negotiation;
	struct bytes ours = bytes_of(n->nonce, n->nonce_length);
	struct reader r = reader_of(notify->data);

	(void)reader_u8(&r);
	(void)reader_bytes(&r, reader_u8(&r));
	return !r.bad && bytes_equal(reader_rest(&r), ours);
}

enum ike_outcome ike_redirect_in_init(struct ike_received *x, const struct ike_notify *notify)
{
	struct ike_negotiation *n = x->sa->negotiation;
	char from[ADDRESS_TEXT_MAX];

	if (!has_our_nonce(x, notify)) {
		ike_log_noise(x->e, x->sa, IKE_LOG_IKE,
			"ignoring a REDIRECT from %s that does not have our nonce",
			address_format(&x->datagram->remote, from));
		return IKE_OUTCOME_IGNORE;
	}
	if (!follow(x, notify))
		return IKE_OUTCOME_END;
	x->sa->redirect->fixed = x->sa->redirect->fixed || n->fixed_target;
	n->fixed_target = false;
	n->target = n->target_count = 0;
	n->group = 0;
	return ike_init_restart(x->e, x->sa, x->failure) ? IKE_OUTCOME_IGNORE : IKE_OUTCOME_END;
}

/* The peer has proved who it is, and may believe that the SA is up. */
enum ike_outcome ike_redirect_in_auth(struct ike_received *x, const struct ike_notify *notify)
{
	struct ike_sa *sa = x->sa, *new;

	ike_request_answered(x->e, sa);
	ike_delete_once(x->e, sa);
	if (!follow(x, notify))
		return IKE_OUTCOME_END;
	sa->redirect->fixed = sa->redirect->fixed || sa->negotiation->fixed_target;
	new = ike_attempt_renew(x->e, sa, x->failure);
	if (!new)
		return IKE_OUTCOME_END;
	new->negotiation->fixed_target = false;
	new->negotiation->target = 0;
	ike_reauth_moves(x->e, sa, new);
	ike_tasks_run(x->e, new);
	return IKE_OUTCOME_END;
}

enum ike_outcome ike_redirect_unproved(struct ike_received *x)
{
	char from[ADDRESS_TEXT_MAX];

	(void)refuse(x, "unproved", "%s redirects us in IKE_AUTH without having proved who it is",
		address_format(&x->datagram->remote, from));
	return IKE_OUTCOME_END;
}

void ike_redirect_requested(struct ike_received *x, const struct ike_notify *notify)
{
	struct ike_sa *sa = x->sa;
	struct ike_failure failure = { 0 };
	struct ike_received of_this = *x; /* the SA stays, whatever becomes of it */

	if (!sa->original_initiator) {
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"ignoring a REDIRECT: the peer is the client of IKE_SA %s[%u]",
			sa->connection->name, sa->unique_id);
		return;
	}
	if (sa->state == IKE_SA_DELETING || sa->state == IKE_SA_REKEYED)
		return;
	sa->sent_away = true;
	of_this.failure = &failure;
	if (follow(&of_this, notify))
		ike_reauth_elsewhere(x->e, sa);
	else
		ike_log_failure(x->e, sa, sa->connection, &failure);
	ike_failure_free(&failure);
}

/* ---- As responder ---- */

bool ike_redirect_start(struct ike_engine *e, struct ike_sa *sa, const struct ike_task *task)
{
	struct ike_endpoints gateway = { 0 };
	uint8_t data[IKE_REDIRECT_DATA_MAX];
	struct ike_builder b;
	struct why why;

	if (!ike_endpoints_add(&gateway, task->gateway, &why))
		return false;
	ike_log(e, sa, IKE_LOG_IKE, IKE_LOG_AUDIT, "redirecting peer to %s", task->gateway);
	ike_builder_start(e, &b);
	ike_build_notify(&b, IKE_NOTIFY_REDIRECT,
		bytes_of(data, ike_redirect_format(&gateway.items[0], data)));
	ike_endpoints_free(&gateway);
	return ike_request_send(e, sa, IKE_EXCHANGE_INFORMATIONAL, &b);
}

void ike_redirect_answered(struct ike_received *x)
{
	ike_log(x->e, x->sa, IKE_LOG_IKE, IKE_LOG_INFO,
		"peer has heard that it is redirected to %s", x->sa->active->gateway);
}

static bool can_be_redirected(const struct ike_sa *sa, struct why *why)
{
	if (sa->version == 1)
		return why_fail(why, "unable to redirect IKEv1 SA");
	if (!sa->was_established || sa->state == IKE_SA_DELETING || sa->state == IKE_SA_REKEYED)
		return why_fail(
			why, "unable to redirect IKE_SA in state %s", ike_sa_state_name(sa->state));
	if (sa->original_initiator)
		return why_fail(why, "unable to redirect IKE_SA as initiator");
	return sa->peer_redirects || why_fail(why, "client does not support IKE redirection");
}

bool ike_engine_is_gateway(const char *text, struct why *why)
{
	struct ike_endpoints gateway = { 0 };
	bool good = ike_endpoints_add(&gateway, text, why);

	if (good && gateway.items[0].kind != IKE_ENDPOINT_HOST &&
		gateway.items[0].kind != IKE_ENDPOINT_NAME)
		good = why_fail(why, "'%s' is neither an address nor a name", text);
	ike_endpoints_free(&gateway);
	return good;
}

bool ike_engine_redirect(
	struct ike_engine *e, ike_time now, uint32_t ike_id, const char *gateway, struct why *why)
{
	struct ike_sa *sa;
	struct ike_task *task;

	e->now = now;
	if (!ike_engine_is_gateway(gateway, why))
		return false;
	HASH_FIND(by_id, e->by_id, &ike_id, sizeof(ike_id), sa);
	if (!sa)
		return why_fail(why, "there is no IKE_SA [%u]", ike_id);
	if (!can_be_redirected(sa, why))
		return false;
	task = ike_task_queue(sa, IKE_TASK_REDIRECT, NULL, 0);
	if (!task)
		return why_fail(why, "out of memory");
	task->gateway = strdup(gateway);
	if (!task->gateway) {
		ike_task_free(ike_task_take(sa, IKE_TASK_REDIRECT));
		return why_fail(why, "out of memory");
	}
	ike_tasks_run(e, sa);
	return true;
}
