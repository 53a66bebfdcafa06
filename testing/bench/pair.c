#include "testing/bench/pair.h"

#include "libike/crypto/signature.h"
#include "testing/bench/certificates.h"
#include "testing/pki/pki.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define QUEUE_MAX 16384
#define DATAGRAM_MAX 2048

struct side {
	struct bench_pair *pair;
	struct ike_engine *engine;
	struct address address;
	EVP_PKEY *key;  /* NULL: a PSK */
	uint64_t asked; /* ticket of a signature that is to be delivered; 0: none */
	size_t signature_length;
	uint8_t signature[IKE_SIGNATURE_MAX];
	uint64_t nanoseconds;
	int64_t memory;
};

/* A ring of datagrams under way. */
struct slot {
	uint8_t to;
	struct address local, remote; /* as the receiver sees it */
	size_t length;
	uint8_t data[DATAGRAM_MAX];
};

struct bench_pair {
	struct side sides[BENCH_SIDES];
	struct slot *queue;
	uint32_t first, count;
	uint32_t peers;
	uint32_t spi;
	ike_time now;
	bool count_memory;
	bool answered, done;
	char text[200];
	uint8_t version;
	const char *ike_proposal;
	const char *key;
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

uint64_t bench_cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int64_t heap_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return (int64_t)(m.uordblks + m.hblkhd);
}

/* ---- The host ---- */

static int64_t host_wall_clock(void *context)
{
	(void)context;
	return (int64_t)time(NULL);
}

/* The work of the private key is counted as its side's. */
static bool host_sign(void *context, const struct ike_sign *what, uint64_t ticket)
{
	struct side *side = context;

	side->signature_length =
		ike_signature_make(NULL, side->key, what->scheme, what->data, side->signature);
	side->asked = ticket;
	return true;
}

static void host_send(void *context, const struct ike_datagram *datagram)
{
	struct side *side = context;
	struct bench_pair *p = side->pair;
	struct slot *slot = &p->queue[(p->first + p->count) % QUEUE_MAX];

	if (p->count == QUEUE_MAX || datagram->data.length > DATAGRAM_MAX)
		fail("send", "the queue is full");
	p->count++;
	slot->to = side == &p->sides[0] ? 1 : 0;
	slot->local = datagram->remote;
	slot->remote = datagram->local;
	slot->length = datagram->data.length;
	memcpy(slot->data, datagram->data.at, slot->length);
}

static bool host_source_address(void *context, const struct address *remote, struct address *ret)
{
	const struct side *side = context;

	(void)remote;
	*ret = side->address;
	return true;
}

static size_t host_local_addresses(void *context, uint16_t family, struct address *ret, size_t room)
{
	const struct side *side = context;

	if (room == 0 || (family && family != side->address.family))
		return 0;
	ret[0] = side->address;
	return 1;
}

static bool host_spi_allocate(void *context, uint8_t protocol, const struct address *source,
	const struct address *destination, uint32_t reqid, uint32_t *ret_spi, struct why *why)
{
	struct side *side = context;

	(void)protocol;
	(void)source;
	(void)destination;
	(void)reqid;
	(void)why;
	*ret_spi = 0xc0000000u + side->pair->spi++;
	return true;
}

static bool host_sa_install(void *context, const struct ike_kernel_sa *sa, struct why *why)
{
	(void)context;
	(void)sa;
	(void)why;
	return true;
}

static void host_sa_remove(void *context, const struct ike_kernel_id *id)
{
	(void)context;
	(void)id;
}

static bool host_sa_query(
	void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	(void)context;
	(void)id;
	*ret = (struct ike_kernel_usage){ 0, 0, UINT64_MAX };
	return true;
}

static bool host_sa_move(void *context, const struct ike_kernel_id *id,
	const struct address *source, const struct address *destination, bool udp_encapsulation,
	struct why *why)
{
	(void)context;
	(void)id;
	(void)source;
	(void)destination;
	(void)udp_encapsulation;
	(void)why;
	return true;
}

static bool host_policies_install(
	void *context, const struct ike_kernel_policies *policies, struct why *why)
{
	(void)context;
	(void)policies;
	(void)why;
	return true;
}

static void host_policies_remove(void *context, const struct ike_kernel_policies *policies)
{
	(void)context;
	(void)policies;
}

static void host_log(void *context, const struct ike_log *log)
{
	(void)context;
	(void)log;
}

/* As the daemon by default has it for what goes wrong; the lines themselves cost what the host's
 * sink costs, which is not the engine's. */
static bool host_log_wanted(void *context, uint8_t group, int level)
{
	(void)context;
	(void)group;
	return level <= IKE_LOG_AUDIT;
}

static void host_event(void *context, const struct ike_event *event)
{
	(void)context;
	(void)event;
}

static void host_command_done(void *context, uint64_t ticket, bool done, const char *text)
{
	struct side *side = context;
	struct bench_pair *p = side->pair;

	(void)ticket;
	p->answered = true;
	p->done = done;
	snprintf(p->text, sizeof(p->text), "%s", text ? text : "");
}

/* ---- Calls, counted ---- */

struct counted {
	uint64_t time;
	int64_t heap;
};

static struct counted begin(const struct bench_pair *p)
{
	return (struct counted){ .heap = p->count_memory ? heap_in_use() : 0,
		.time = bench_cpu_time() };
}

static void end(struct side *side, struct counted c)
{
	side->nanoseconds += bench_cpu_time() - c.time;
	if (side->pair->count_memory)
		side->memory += heap_in_use() - c.heap;
}

static void deliver_signatures(struct bench_pair *p)
{
	for (size_t i = 0; i < BENCH_SIDES; i++) {
		struct side *side = &p->sides[i];
		uint64_t ticket = side->asked;
		struct counted c;

		if (!ticket)
			continue;
		side->asked = 0;
		c = begin(p);
		ike_engine_signed(side->engine, p->now, ticket,
			bytes_of(side->signature, side->signature_length), NULL);
		end(side, c);
	}
}

static void pump(struct bench_pair *p)
{
	for (;;) {
		deliver_signatures(p);
		if (p->count == 0)
			return;
		struct slot *slot = &p->queue[p->first];
		struct side *side = &p->sides[slot->to];
		struct ike_datagram datagram = { slot->local, slot->remote,
			bytes_of(slot->data, slot->length), 0 };
		struct counted c;

		p->first = (p->first + 1) % QUEUE_MAX;
		p->count--;
		c = begin(p);
		ike_engine_datagram(side->engine, p->now, &datagram);
		end(side, c);
	}
}

/* ---- Making ---- */

static struct ike_identity *identity(const char *text)
{
	struct why why;
	struct ike_identity *id = ike_identity_parse(text, &why);

	if (!id)
		fail(text, why.text);
	return id;
}

static void selector(struct ike_selector **list, uint8_t *count, const char *text)
{
	struct why why;

	*list = calloc(1, sizeof(**list));
	*count = 1;
	if (!*list || !ike_selector_parse(text, *list, &why))
		fail(text, "no selector");
}

static struct ike_connection *connection(const struct bench_pair *p, const char *name,
	const char *remote_addrs, const char *local_id, const char *remote_id)
{
	uint8_t class = p->key ? IKE_AUTH_CLASS_PUBKEY : IKE_AUTH_CLASS_PSK;
	struct ike_connection *c = ike_connection_new(name);
	struct ike_child_config *child = ike_connection_add_child(c, "net");
	struct why why;

	if (!ike_endpoints_add(&c->remote_addrs, remote_addrs, &why) ||
		!ike_proposals_add(&c->proposals, IKE_PROTOCOL_IKE, p->ike_proposal, &why) ||
		!ike_proposals_add(&child->proposals, IKE_PROTOCOL_ESP, "aes128gcm16", &why) ||
		!ike_auth_rounds_add(&c->local, class, identity(local_id)) ||
		!ike_auth_rounds_add(&c->remote, class, identity(remote_id)))
		fail(name, why.text);
	c->version = p->version;
	return c;
}

static void load(
	struct side *side, struct ike_connection *c, const char *local_ts, const char *remote_ts)
{
	struct ike_child_config *child = ike_connection_child(c, "net");
	struct why why;

	selector(&child->local_ts, &child->local_ts_count, local_ts);
	selector(&child->remote_ts, &child->remote_ts_count, remote_ts);
	child->rekey_time = child->life_time = child->rand_time = 0;
	c->rekey_time = c->reauth_time = c->over_time = c->rand_time = 0;
	if (!ike_connection_complete(c, &why) ||
		!ike_engine_load_connection(side->engine, side->pair->now, c, &why))
		fail("connection", why.text);
}

static struct ike_certificate *add(struct side *side, X509 *x509, uint8_t role)
{
	struct ike_certificates *store = ike_engine_certificates(side->engine);
	struct bytes der = pki_der(x509);
	struct why why;
	struct ike_certificate *c = ike_certificate_parse(NULL, der, &why), *kept = NULL;

	if (!c || !(kept = ike_certificates_add(store, c, role, false)))
		fail("certificate", why.text);
	ike_certificate_free(c);
	free((void *)der.at);
	return kept;
}

static void certify(struct side *side, const char *kind, const char *name)
{
	struct bench_certificates c = bench_certificates(kind, name);
	struct ike_certificate *mine;

	(void)add(side, c.ca, IKE_CERTIFICATE_CA);
	mine = add(side, c.certificate, IKE_CERTIFICATE_END);
	side->key = c.key;
	if (!ike_certificates_add_key(
		    ike_engine_certificates(side->engine), ike_certificate_key(mine), 1))
		fail("key", "not loaded");
	X509_free(c.ca);
	X509_free(c.certificate);
}

static void make_side(struct bench_pair *p, struct side *side, const char *address)
{
	struct ike_host host = {
		.context = side,
		.library = OSSL_LIB_CTX_new(),
		.wall_clock = host_wall_clock,
		.sign = host_sign,
		.send = host_send,
		.source_address = host_source_address,
		.local_addresses = host_local_addresses,
		.spi_allocate = host_spi_allocate,
		.sa_install = host_sa_install,
		.sa_remove = host_sa_remove,
		.sa_query = host_sa_query,
		.sa_move = host_sa_move,
		.policies_install = host_policies_install,
		.policies_remove = host_policies_remove,
		.log = host_log,
		.log_wanted = host_log_wanted,
		.event = host_event,
		.command_done = host_command_done,
	};
	struct ike_settings settings;
	struct secret psk = { NULL, 0 };
	struct why why;

	side->pair = p;
	ike_settings_default(&settings);
	if (!address_parse(address, &side->address))
		fail(address, "no address");
	side->engine = ike_engine_new(&host, &settings, &why);
	if (!side->engine)
		fail("engine", why.text);
	if (!secret_copy(&psk, bytes_of_text("a pre-shared key of some length")) ||
		!ike_credentials_load(
			ike_engine_credentials(side->engine), NULL, IKE_SHARED_IKE, &psk, NULL, 0))
		fail("PSK", "not loaded");
}

struct bench_pair *bench_pair_new(uint8_t version, const char *ike_proposal, const char *key)
{
	struct bench_pair *p = calloc(1, sizeof(*p));

	if (!p || !(p->queue = calloc(QUEUE_MAX, sizeof(*p->queue))))
		fail("memory", "none left");
	p->now = 1000;
	p->version = version;
	p->ike_proposal = ike_proposal;
	p->key = key;
	make_side(p, &p->sides[BENCH_INITIATOR], "192.0.2.1");
	make_side(p, &p->sides[BENCH_RESPONDER], "192.0.2.2");
	if (key) {
		certify(&p->sides[BENCH_INITIATOR], key, "peer-0.example.org");
		certify(&p->sides[BENCH_RESPONDER], key, "gateway.example.org");
	}
	load(&p->sides[BENCH_RESPONDER],
		connection(p, "peers", "%any", "gateway.example.org", "*.example.org"),
		"10.1.0.0/16", "10.0.0.0/8");
	return p;
}

void bench_pair_free(struct bench_pair *p)
{
	for (size_t i = 0; i < BENCH_SIDES; i++)
		ike_engine_free(p->sides[i].engine);
	free(p->queue);
	free(p);
}

uint32_t bench_pair_add_peer(struct bench_pair *p)
{
	uint32_t number = p->peers++;
	char name[32], id[64], net[64];

	snprintf(name, sizeof(name), "peer-%u", number);
	snprintf(id, sizeof(id), "peer-%u.example.org", number);
	snprintf(net, sizeof(net), "10.%u.%u.%u/32", 2 + (number >> 16), number >> 8 & 255,
		number & 255);
	load(&p->sides[BENCH_INITIATOR],
		connection(p, name, "192.0.2.2", id, "gateway.example.org"), net, "10.1.0.0/16");
	return number;
}

/* ---- Measuring ---- */

static void start_counting(struct bench_pair *p)
{
	p->answered = p->done = false;
	for (size_t i = 0; i < BENCH_SIDES; i++)
		p->sides[i].nanoseconds = 0;
}

/* The rest of what a command began. */
static void finish(struct bench_pair *p, const char *name, bool begun, const struct why *why,
	uint64_t ret[BENCH_SIDES])
{
	if (!begun)
		fail(name, why->text);
	pump(p);
	if (!p->done)
		fail(name, p->answered ? p->text : "no answer");
	for (size_t i = 0; i < BENCH_SIDES; i++)
		ret[i] = p->sides[i].nanoseconds;
}

void bench_pair_set_up(struct bench_pair *p, uint32_t peer, uint64_t ret[BENCH_SIDES])
{
	struct side *initiator = &p->sides[BENCH_INITIATOR];
	char name[32];
	struct ike_initiate what = { .ike = name, .child = "net", .ticket = 1 };
	struct counted c;
	struct why why;
	bool begun;

	snprintf(name, sizeof(name), "peer-%u", peer);
	start_counting(p);
	c = begin(p);
	begun = ike_engine_initiate(initiator->engine, p->now, &what, NULL, &why);
	end(initiator, c);
	finish(p, name, begun, &why, ret);
}

void bench_pair_tear_down(struct bench_pair *p, uint32_t peer, uint64_t ret[BENCH_SIDES])
{
	struct side *initiator = &p->sides[BENCH_INITIATOR];
	char name[32];
	struct ike_terminate what = { .ike = name, .ticket = 1 };
	struct counted c;
	struct why why;
	bool begun;

	snprintf(name, sizeof(name), "peer-%u", peer);
	start_counting(p);
	c = begin(p);
	begun = ike_engine_terminate(initiator->engine, p->now, &what, NULL, &why);
	end(initiator, c);
	finish(p, name, begun, &why, ret);
}

void bench_pair_count_memory(struct bench_pair *p, bool count)
{
	p->count_memory = count;
}

int64_t bench_pair_memory(const struct bench_pair *p, enum bench_side side)
{
	return p->sides[side].memory;
}
