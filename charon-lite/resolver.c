#define HASH_NONFATAL_OOM 1 /* before uthash.h */
#include "charon-lite/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

#define ASKING_MAX 16
#define NAME_MAX_LENGTH 253 /* RFC 1035 2.3.4, as text */
/* Of an answer: more than CL_RESOLVER_ADDRESSES_MAX lines need. */
#define ANSWER_MAX 2048

struct asker {
	struct asker *next;
	uint64_t ticket;
};

struct question {
	UT_hash_handle hh;
	struct question *prev, *next; /* of those that wait for their turn */
	struct cl_resolver *resolver;
	struct asker *askers;       /* the first to ask first */
	struct cl_process *process; /* NULL: it waits */
	size_t used;
	char answer[ANSWER_MAX];
	char key[]; /* family as a character, then the name */
};

struct cl_resolver {
	struct cl_resolver_config config;
	struct cl_log *log;
	struct question *all;
	struct question *waiting;
	unsigned asking;
};

/* ---- Questions ---- */

static void question_free(struct question *q)
{
	struct asker *asker, *next;

	LL_FOREACH_SAFE(q->askers, asker, next)
	{
		free(asker);
	}
	HASH_DEL(q->resolver->all, q);
	free(q);
}

static struct question *question_new(struct cl_resolver *r, const char *key)
{
	size_t length = strlen(key);
	struct question *q = calloc(1, sizeof(*q) + length + 1);

	if (!q)
		return NULL;
	q->resolver = r;
	memcpy(q->key, key, length);
	HASH_ADD(hh, r->all, key[0], length, q);
	if (q->hh.tbl)
		return q;
	free(q);
	return NULL;
}

/* ---- Answers ---- */

struct answer {
	struct address list[CL_RESOLVER_ADDRESSES_MAX];
	size_t count;
	const char *error; /* within the question's text */
};

static bool is_known(const struct answer *a, const struct address *address)
{
	for (size_t i = 0; i < a->count; i++) {
		if (address_same_host(&a->list[i], address))
			return true;
	}
	return false;
}

/* A line is an address, or '!' and what went wrong. */
static void take_line(char *line, struct answer *a)
{
	struct address address;

	if (*line == '!')
		a->error = line + 1;
	else if (a->count < CL_RESOLVER_ADDRESSES_MAX && address_parse(line, &address) &&
		 !is_known(a, &address))
		a->list[a->count++] = address;
}

static void read_answer(struct question *q, bool timed_out, struct answer *a)
{
	char *at = q->answer, *end;

	for (; (end = memchr(at, '\n', q->used - (size_t)(at - q->answer))); at = end + 1) {
		*end = '\0';
		take_line(at, a);
	}
	if (timed_out)
		a->error = "no answer in time";
	else if (a->count == 0 && !a->error)
		a->error = "the question could not be asked";
	if (a->error)
		a->count = 0;
}

static void output(void *context, struct bytes data)
{
	struct question *q = context;
	size_t room = sizeof(q->answer) - q->used;
	struct bytes fits = { data.at, data.length < room ? data.length : room };

	bytes_copy(q->answer + q->used, fits);
	q->used += fits.length;
}

/* Tells whoever asked. They may ask again at once: the question is over by then. */
static void conclude(struct question *q, bool timed_out)
{
	struct cl_resolver *r = q->resolver;
	struct asker *askers = q->askers, *asker, *next;
	struct answer answer = { 0 };
	char error[256] = "";

	read_answer(q, timed_out, &answer);
	if (answer.error)
		snprintf(error, sizeof(error), "%s", answer.error);
	cl_log_text(r->log, IKE_LOG_NET, IKE_LOG_DETAIL, "name '%s': %zu addresses%s%s", q->key + 1,
		answer.count, answer.error ? ", " : "", error);
	q->askers = NULL;
	question_free(q);
	LL_FOREACH_SAFE(askers, asker, next)
	{
		r->config.answered(r->config.context, asker->ticket, answer.list, answer.count,
			answer.count ? NULL : error);
		free(asker);
	}
}

static void advance(struct cl_resolver *r);

static void ended(void *context, int status, bool timed_out)
{
	struct question *q = context;
	struct cl_resolver *r = q->resolver;

	(void)status;
	r->asking--;
	conclude(q, timed_out);
	advance(r);
}

/* ---- Asking ---- */

static bool start(struct cl_resolver *r, struct question *q)
{
	char program[] = "/proc/self/exe", option[] = "--resolve", family[] = "?";
	char *own = r->config.program ? (char *)r->config.program : program;
	char *const arguments[] = { own, option, family, q->key + 1, NULL };
	char *const environment[] = { NULL };
	const struct cl_process_config config = {
		.arguments = arguments,
		.environment = environment,
		.limit = r->config.limit,
		.context = q,
		.output = output,
		.ended = ended,
	};
	struct why why;

	family[0] = q->key[0];
	q->process = cl_process_start(r->config.processes, &config, &why);
	if (q->process)
		r->asking++;
	else
		cl_log_text(r->log, IKE_LOG_NET, IKE_LOG_AUDIT, "name '%s' cannot be asked for: %s",
			q->key + 1, why.text);
	return q->process != NULL;
}

static void advance(struct cl_resolver *r)
{
	while (r->waiting && r->asking < ASKING_MAX) {
		struct question *q = r->waiting;

		DL_DELETE(r->waiting, q);
		if (!start(r, q))
			conclude(q, false);
	}
}

/* Nothing that getaddrinfo() or a program's options could take for something else. */
static bool is_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > NAME_MAX_LENGTH || *name == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return false;
	}
	return true;
}

static char family_letter(uint16_t family)
{
	return family == AF_INET ? '4' : family == AF_INET6 ? '6' : '0';
}

bool cl_resolver_ask(struct cl_resolver *r, const char *name, uint16_t family, uint64_t ticket)
{
	struct asker *asker;
	struct question *q;
	char key[NAME_MAX_LENGTH + 2];

	if (!is_name(name) || !(asker = calloc(1, sizeof(*asker))))
		return false;
	asker->ticket = ticket;
	snprintf(key, sizeof(key), "%c%s", family_letter(family), name);
	HASH_FIND(hh, r->all, key, strlen(key), q);
	if (!q) {
		q = question_new(r, key);
		if (q && (r->waiting || r->asking >= ASKING_MAX))
			DL_APPEND(r->waiting, q);
		else if (q && !start(r, q)) {
			question_free(q);
			q = NULL;
		}
	}
	if (q)
		LL_APPEND(q->askers, asker);
	else
		free(asker);
	return q != NULL;
}

/* ---- Opening and closing ---- */

bool cl_resolver_open(const struct cl_resolver_config *config, struct cl_log *log,
	struct cl_resolver **ret, struct why *why)
{
	struct cl_resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return why_fail(why, "no memory to resolve names");
	r->config = *config;
	r->log = log;
	*ret = r;
	return true;
}

void cl_resolver_close(struct cl_resolver *r)
{
	struct question *q, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->all, q, next)
	{
		if (q->process)
			cl_process_kill(q->process);
		question_free(q);
	}
	free(r);
}
