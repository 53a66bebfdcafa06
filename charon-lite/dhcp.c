/*
 * A lease's life:
 *
 *   SELECTING --OFFER--> REQUESTING --ACK--> BOUND <--ACK-- RENEWING
 *       ^------------------NAK---'             `--half its time--^
 *
 * Renewing takes the form of RFC 2131's INIT-REBOOT: the answer to RENEWING's would go to the
 * client's address, through the tunnel. FAILED: nobody answered in time; LOST: it could not be
 * kept; both until those who wait for it have heard, and returned it.
 */
#define HASH_NONFATAL_OOM 1 /* before uthash.h */
#include "charon-lite/dhcp.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

#define REPEAT_AFTER_MAX IKE_SECONDS(64)
#define JITTER IKE_SECONDS(1)
#define DIGEST 32
#define LEASE_MIN 10u /* seconds */

enum state { SELECTING, REQUESTING, BOUND, RENEWING, FAILED, LOST, ENDED };

struct binding;

/* Who has or wants the lease. */
struct user {
	UT_hash_handle by_ticket;
	struct user *prev, *next;
	struct binding *binding;
	uint64_t ticket;
	struct address remote;
	bool told; /* of the present state */
};

struct binding {
	UT_hash_handle by_hardware; /* while it is alive */
	struct binding *prev, *next;
	struct user *users;
	struct ike_identity *identity; /* held */
	uint8_t hardware[CL_DHCP_HARDWARE];
	uint8_t state;
	bool is_hashed;
	uint8_t repetitions;
	uint32_t xid;
	struct bytes client;    /* identifier, heap; empty: none */
	struct address address; /* wanted, offered, had */
	struct address server;  /* identifier */
	ike_time began, at;     /* of the present conversation; when something is to be done next */
	ike_time sent, renew, ends;
	struct ike_attributes attributes;
	char error[128];
};

struct cl_dhcp {
	struct cl_dhcp_config config;
	struct cl_log *log;
	bool identity_lease;
	struct binding *bindings;
	struct binding *by_hardware;
	struct user *users;
	ike_time deadline; /* not later than what is due next */
};

/* ---- Making and ending ---- */

static void log_binding(
	const struct cl_dhcp *d, const struct binding *b, int level, const char *what)
{
	char peer[IKE_IDENTITY_TEXT_MAX], address[ADDRESS_TEXT_MAX], server[ADDRESS_TEXT_MAX];

	if (!cl_log_wanted(d->log, IKE_LOG_CFG, level))
		return;
	ike_identity_format(b->identity, peer);
	cl_log_text(d->log, IKE_LOG_CFG, level, "DHCP for '%s': %s (address %s, server %s)", peer,
		what, address_format(&b->address, address), address_format(&b->server, server));
}

static void due(struct cl_dhcp *d, struct binding *b, ike_time at)
{
	b->at = at;
	if (at < d->deadline)
		d->deadline = at;
}

static void unhash(struct cl_dhcp *d, struct binding *b)
{
	if (b->is_hashed)
		HASH_DELETE(by_hardware, d->by_hardware, b);
	b->is_hashed = false;
}

static void user_free(struct cl_dhcp *d, struct user *u)
{
	HASH_DELETE(by_ticket, d->users, u);
	DL_DELETE(u->binding->users, u);
	free(u);
}

static void binding_free(struct cl_dhcp *d, struct binding *b)
{
	struct user *u, *next;

	DL_FOREACH_SAFE(b->users, u, next)
	{
		user_free(d, u);
	}
	unhash(d, b);
	DL_DELETE(d->bindings, b);
	ike_attributes_free(&b->attributes);
	ike_identity_free(b->identity);
	free((void *)b->client.at);
	free(b);
}

struct cl_dhcp *cl_dhcp_new(const struct cl_dhcp_config *config, struct cl_log *log)
{
	struct cl_dhcp *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->config = *config;
	d->log = log;
	d->deadline = IKE_NEVER;
	return d;
}

void cl_dhcp_identity_lease(struct cl_dhcp *d, bool on)
{
	d->identity_lease = on;
}

bool cl_dhcp_is_idle(const struct cl_dhcp *d)
{
	return !d->bindings;
}

ike_time cl_dhcp_deadline(const struct cl_dhcp *d)
{
	return d->deadline;
}

static bool has_lease(const struct binding *b)
{
	return b->state == BOUND || b->state == RENEWING;
}

/* ---- Sending ---- */

static bool random_octets(const struct cl_dhcp *d, void *ret, size_t size)
{
	return RAND_bytes_ex(d->config.library, ret, size, 0) == 1;
}

/* A name that hosts can have (RFC 952). */
static struct bytes host_name(const struct ike_identity *id)
{
	if (id->type != IKE_ID_FQDN)
		return (struct bytes){ 0 };
	for (size_t i = 0; i < id->length; i++) {
		uint8_t c = id->octets[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '.'))
			return (struct bytes){ 0 };
	}
	return bytes_of(id->octets, id->length);
}

static void say(struct cl_dhcp *d, const struct binding *b, ike_time now, struct cl_dhcp_message *m)
{
	ike_time seconds = (now - b->began) / 1000;

	m->xid = b->xid;
	m->seconds = (uint16_t)(seconds < UINT16_MAX ? seconds : UINT16_MAX);
	memcpy(m->hardware, b->hardware, sizeof(m->hardware));
	m->client = b->client;
	m->name = host_name(b->identity);
	log_binding(d, b, IKE_LOG_DETAIL, cl_dhcp_type_name(m->type));
	d->config.send(d->config.context, m, m->type == CL_DHCP_RELEASE ? &b->server : NULL);
}

/* What belongs to the state; each again after twice the time. */
static void transmit(struct cl_dhcp *d, struct binding *b, ike_time now)
{
	struct cl_dhcp_message m = { .type = CL_DHCP_REQUEST, .requested = b->address };
	ike_time wait = CL_DHCP_REPEAT_AFTER << (b->repetitions < 5 ? b->repetitions : 5);
	uint16_t jitter = 0;

	if (b->state == SELECTING)
		m.type = CL_DHCP_DISCOVER;
	if (b->state == REQUESTING)
		m.server = b->server;
	if (wait > REPEAT_AFTER_MAX)
		wait = REPEAT_AFTER_MAX;
	(void)!random_octets(d, &jitter, sizeof(jitter));
	wait += jitter % (2 * JITTER + 1) - JITTER;
	b->repetitions++;
	b->sent = now;
	due(d, b, now + wait);
	say(d, b, now, &m);
}

/* A state with a conversation of its own. */
static void begin(struct cl_dhcp *d, struct binding *b, ike_time now, enum state state)
{
	b->state = (uint8_t)state;
	b->repetitions = 0;
	transmit(d, b, now);
}

static void release(struct cl_dhcp *d, struct binding *b, ike_time now)
{
	struct cl_dhcp_message m = {
		.type = CL_DHCP_RELEASE, .ours = b->address, .server = b->server
	};

	(void)!random_octets(d, &b->xid, sizeof(b->xid));
	b->began = now;
	say(d, b, now, &m);
}

/* ---- How it ends ---- */

static void hold(struct cl_dhcp *d, const struct binding *b, bool held)
{
	d->config.held(d->config.context, &b->address, held);
}

static void tell_anew(struct cl_dhcp *d, struct binding *b, ike_time now)
{
	struct user *u;

	DL_FOREACH(b->users, u)
	{
		u->told = false;
	}
	due(d, b, now);
}

static void give_up(
	struct cl_dhcp *d, struct binding *b, ike_time now, enum state state, const char *error)
{
	if (has_lease(b))
		hold(d, b, false);
	b->state = (uint8_t)state;
	if (error != b->error) /* what a server said before */
		snprintf(b->error, sizeof(b->error), "%s", error);
	log_binding(d, b, IKE_LOG_AUDIT, b->error);
	unhash(d, b);
	tell_anew(d, b, now);
}

/* Nobody has or wants it any more. */
static void end(struct cl_dhcp *d, struct binding *b, ike_time now)
{
	if (has_lease(b)) {
		hold(d, b, false);
		log_binding(d, b, IKE_LOG_INFO, "giving back the lease");
	}
	if (has_lease(b) || b->state == REQUESTING) /* an ACK may be on its way */
		release(d, b, now);
	unhash(d, b);
	b->state = ENDED;
	due(d, b, now);
}

void cl_dhcp_free(struct cl_dhcp *d)
{
	struct binding *b, *next;

	if (!d)
		return;
	DL_FOREACH_SAFE(d->bindings, b, next)
	{
		if (b->state != ENDED)
			end(d, b, b->began);
		binding_free(d, b);
	}
	free(d);
}

/* ---- Who gets which ---- */

static bool digest(const struct cl_dhcp *d, struct bytes of, uint8_t ret[EVP_MAX_MD_SIZE])
{
	size_t length;

	return EVP_Q_digest(d->config.library, "SHA256", NULL, of.at, of.length, ret, &length);
}

/* With a number, of those that have one identity at a time. An identity that is too long for the
 * option is its digest. */
static bool derive(struct cl_dhcp *d, struct binding *b, unsigned number)
{
	uint8_t shorter[EVP_MAX_MD_SIZE], hardware[EVP_MAX_MD_SIZE], room[CL_DHCP_OPTION_MAX];
	struct bytes id = bytes_of(b->identity->octets, b->identity->length);
	struct writer w = writer_of(room, sizeof(room));
	char text[16] = "";

	if (number > 0)
		snprintf(text, sizeof(text), "#%u", number + 1);
	if (id.length + strlen(text) > sizeof(room)) {
		if (!digest(d, id, shorter))
			return false;
		id = bytes_of(shorter, DIGEST);
	}
	writer_put(&w, id);
	writer_put(&w, bytes_of_text(text));
	if (!digest(d, writer_bytes(&w), hardware))
		return false;
	memcpy(b->hardware, hardware, sizeof(b->hardware));
	free((void *)b->client.at);
	b->client = bytes_duplicate(writer_bytes(&w));
	return b->client.at != NULL;
}

static bool make_hardware(struct cl_dhcp *d, struct binding *b)
{
	struct binding *other;
	unsigned number = 0;

	do {
		if (d->identity_lease ? !derive(d, b, number++)
				      : !random_octets(d, b->hardware, sizeof(b->hardware)))
			return false;
		/* Of one station, administered by nobody but us. */
		b->hardware[0] = (uint8_t)((b->hardware[0] & 0xfc) | 2);
		HASH_FIND(by_hardware, d->by_hardware, b->hardware, sizeof(b->hardware), other);
	} while (other);
	HASH_ADD(by_hardware, d->by_hardware, hardware, sizeof(b->hardware), b);
	b->is_hashed = b->by_hardware.tbl != NULL;
	return b->is_hashed;
}

static struct binding *binding_new(
	struct cl_dhcp *d, ike_time now, const struct ike_lease_wish *what)
{
	struct binding *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->identity = ike_identity_hold((struct ike_identity *)what->peer);
	b->state = ENDED;
	DL_APPEND(d->bindings, b);
	if (!make_hardware(d, b) || !random_octets(d, &b->xid, sizeof(b->xid))) {
		binding_free(d, b);
		return NULL;
	}
	if (!address_is_any(&what->wanted))
		b->address = what->wanted;
	b->began = now;
	return b;
}

static struct binding *holder_of(const struct cl_dhcp *d, const struct address *a)
{
	struct binding *b;

	DL_FOREACH(d->bindings, b)
	{
		if (has_lease(b) && address_same_host(&b->address, a))
			return b;
	}
	return NULL;
}

/* Its own address, asked for from where it is already. */
static struct binding *shared(const struct cl_dhcp *d, const struct ike_lease_wish *what)
{
	struct binding *b = address_is_any(&what->wanted) ? NULL : holder_of(d, &what->wanted);
	const struct user *u;

	if (!b || !ike_identity_equal(b->identity, what->peer))
		return NULL;
	DL_FOREACH(b->users, u)
	{
		if (address_same_host(&u->remote, &what->remote))
			return b;
	}
	return NULL;
}

static bool add_user(
	struct cl_dhcp *d, struct binding *b, const struct ike_lease_wish *what, uint64_t ticket)
{
	struct user *u = calloc(1, sizeof(*u));

	if (!u)
		return false;
	u->binding = b;
	u->ticket = ticket;
	u->remote = what->remote;
	HASH_ADD(by_ticket, d->users, ticket, sizeof(u->ticket), u);
	if (!u->by_ticket.tbl) {
		free(u);
		return false;
	}
	DL_APPEND(b->users, u);
	return true;
}

bool cl_dhcp_ask(
	struct cl_dhcp *d, ike_time now, const struct ike_lease_wish *what, uint64_t ticket)
{
	struct binding *b = shared(d, what), *made = NULL;

	if (!b)
		b = made = binding_new(d, now, what);
	if (!b || !add_user(d, b, what, ticket)) {
		if (made)
			binding_free(d, made);
		return false;
	}
	if (made)
		begin(d, b, now, SELECTING);
	else
		due(d, b, now);
	return true;
}

void cl_dhcp_return(struct cl_dhcp *d, ike_time now, uint64_t ticket)
{
	struct user *u;

	HASH_FIND(by_ticket, d->users, &ticket, sizeof(ticket), u);
	if (!u)
		return;
	struct binding *b = u->binding;
	user_free(d, u);
	if (!b->users)
		end(d, b, now);
}

/* ---- What a server says ---- */

static void offered(
	struct cl_dhcp *d, struct binding *b, ike_time now, const struct cl_dhcp_answer *a)
{
	if (b->state != SELECTING)
		return;
	b->address = a->yours;
	b->server = a->server;
	/* It answers: it would be asked for nothing in what is left of the time otherwise. */
	if (holder_of(d, &a->yours)) {
		log_binding(d, b, IKE_LOG_AUDIT, "that address is another client's already");
		b->address = b->server = (struct address){ 0 };
		return;
	}
	begin(d, b, now, REQUESTING);
}

static void take_attributes(struct binding *b, const struct cl_dhcp_answer *a)
{
	ike_attributes_free(&b->attributes);
	for (size_t i = 0; i < a->dns_count; i++)
		(void)!ike_attributes_add(
			&b->attributes, IKE_ATTRIBUTE_IP4_DNS, address_octets(&a->dns[i]));
	for (size_t i = 0; i < a->nbns_count; i++)
		(void)!ike_attributes_add(
			&b->attributes, IKE_ATTRIBUTE_IP4_NBNS, address_octets(&a->nbns[i]));
}

/* Counted from when it was asked for, as the server may have begun then. */
static void take_times(struct binding *b, const struct cl_dhcp_answer *a)
{
	/* A server that wants to be asked all the time is asked now and then. */
	uint32_t lease = a->lease < LEASE_MIN ? LEASE_MIN : a->lease;
	uint32_t renew = a->renew >= LEASE_MIN / 2 && a->renew < lease ? a->renew : lease / 2;

	b->ends = b->renew = IKE_NEVER;
	if (a->lease == CL_DHCP_FOREVER)
		return;
	b->ends = b->sent + IKE_SECONDS((ike_time)lease);
	b->renew = b->sent + IKE_SECONDS((ike_time)renew);
}

static void bound(struct cl_dhcp *d, struct binding *b, const struct cl_dhcp_answer *a)
{
	char what[64];

	b->server = a->server;
	take_times(b, a);
	snprintf(what, sizeof(what), "%s for %u s", b->state == RENEWING ? "renewed" : "lease",
		a->lease);
	log_binding(d, b, IKE_LOG_INFO, what);
	b->state = BOUND;
	due(d, b, b->renew);
}

static void acknowledged(
	struct cl_dhcp *d, struct binding *b, ike_time now, const struct cl_dhcp_answer *a)
{
	if (b->state != REQUESTING && b->state != RENEWING)
		return;
	if (!address_same_host(&a->yours, &b->address)) {
		if (b->state == RENEWING)
			give_up(d, b, now, LOST, "the DHCP server gives another address");
		return; /* a server that changes its mind is asked again */
	}
	if (b->state == RENEWING) {
		bound(d, b, a);
		return;
	}
	if (holder_of(d, &b->address)) {
		give_up(d, b, now, FAILED, "the DHCP server gives an address twice");
		return;
	}
	take_attributes(b, a);
	bound(d, b, a);
	hold(d, b, true);
	tell_anew(d, b, now);
}

/* In between the address went to somebody else, or the server does not know us any more. */
static void refused(
	struct cl_dhcp *d, struct binding *b, ike_time now, const struct cl_dhcp_answer *a)
{
	char error[sizeof(b->error)];

	if ((b->state != REQUESTING && b->state != RENEWING) ||
		!address_same_host(&a->server, &b->server))
		return;
	snprintf(error, sizeof(error), "the DHCP server refuses it%s%s", *a->message ? ": " : "",
		a->message);
	if (b->state == RENEWING) {
		give_up(d, b, now, LOST, error);
		return;
	}
	log_binding(d, b, IKE_LOG_INFO, error);
	snprintf(b->error, sizeof(b->error), "%s", error);
	b->address = b->server = (struct address){ 0 };
	(void)!random_octets(d, &b->xid, sizeof(b->xid));
	/* After a pause, as there may be no end to it otherwise; then DISCOVER. */
	b->state = SELECTING;
	b->repetitions = 0;
	due(d, b, now + CL_DHCP_REPEAT_AFTER / 2);
}

void cl_dhcp_received(struct cl_dhcp *d, ike_time now, struct bytes message)
{
	struct cl_dhcp_answer a;
	struct binding *b;
	struct why why;

	if (!cl_dhcp_parse(message, &a, &why)) {
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_WIRE, "a DHCP message is passed over: %s",
			why.text);
		return;
	}
	HASH_FIND(by_hardware, d->by_hardware, a.hardware, sizeof(a.hardware), b);
	if (!b || a.xid != b->xid)
		return;
	if (a.type == CL_DHCP_OFFER)
		offered(d, b, now, &a);
	else if (a.type == CL_DHCP_ACK)
		acknowledged(d, b, now, &a);
	else
		refused(d, b, now, &a);
}

/* ---- By time ---- */

static struct user *untold(const struct binding *b)
{
	struct user *u;

	DL_FOREACH(b->users, u)
	{
		if (!u->told)
			return u;
	}
	return NULL;
}

/* Who is told may return it, or anybody else's. */
static void tell(struct cl_dhcp *d, struct binding *b)
{
	struct user *u;

	while (b->state >= BOUND && (u = untold(b))) {
		struct ike_leased_answer answer = { .attributes = &b->attributes };

		if (has_lease(b))
			answer.address = b->address;
		else
			answer.error = b->error;
		u->told = true;
		if (b->state == LOST)
			d->config.lost(d->config.context, u->ticket, b->error);
		else
			d->config.answered(d->config.context, u->ticket, &answer);
	}
}

static void renew(struct cl_dhcp *d, struct binding *b, ike_time now)
{
	if (now >= b->ends) {
		give_up(d, b, now, LOST, "the DHCP server does not renew it");
		return;
	}
	if (b->state == BOUND) {
		b->began = now;
		(void)!random_octets(d, &b->xid, sizeof(b->xid));
		begin(d, b, now, RENEWING);
	} else {
		transmit(d, b, now);
	}
	if (b->at > b->ends)
		due(d, b, b->ends);
}

static void ask_on(struct cl_dhcp *d, struct binding *b, ike_time now)
{
	if (now >= b->began + CL_DHCP_PATIENCE) {
		give_up(d, b, now, FAILED,
			*b->error          ? b->error
			: b->server.family ? "the DHCP server offers an address, and then is silent"
					   : "no DHCP server answers, or it has no address left");
		return;
	}
	transmit(d, b, now);
	if (b->at > b->began + CL_DHCP_PATIENCE)
		due(d, b, b->began + CL_DHCP_PATIENCE);
}

static void act(struct cl_dhcp *d, struct binding *b, ike_time now)
{
	b->at = IKE_NEVER;
	switch (b->state) {
	case SELECTING:
	case REQUESTING:
		ask_on(d, b, now);
		break;
	case BOUND:
		if (now < b->renew) {
			due(d, b, b->renew);
			break;
		}
		renew(d, b, now);
		break;
	case RENEWING:
		renew(d, b, now);
		break;
	}
	tell(d, b);
}

/* Nothing is freed while it looks at all of them. */
void cl_dhcp_tick(struct cl_dhcp *d, ike_time now)
{
	struct binding *b, *next;

	if (d->deadline > now)
		return;
	DL_FOREACH(d->bindings, b)
	{
		if (b->at <= now)
			act(d, b, now);
	}
	d->deadline = IKE_NEVER;
	DL_FOREACH_SAFE(d->bindings, b, next)
	{
		if (b->state == ENDED)
			binding_free(d, b);
		else if (b->at < d->deadline)
			d->deadline = b->at;
	}
}
