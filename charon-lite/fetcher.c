#include "charon-lite/fetcher.h"

#include "charon-lite/fetcher_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <utlist.h>

/* The process ends by itself in its time; if it does not, it is killed that much later. */
#define GRACE_SECONDS 2
#define VARIABLES_MAX 16
#define FIRST_ROOM 4096

struct request {
	struct request *prev, *next; /* of those that run, or those that wait */
	struct cl_fetcher *fetcher;
	struct cl_process *process; /* NULL: it waits */
	uint64_t ticket;
	char *variables[VARIABLES_MAX + 1]; /* the environment of its process */
	size_t variable_count;
	size_t size_limit;
	uint8_t *answer; /* grows as it comes */
	size_t used, room;
	bool too_long;
};

struct cl_fetcher {
	struct cl_fetcher_config config;
	struct cl_log *log;
	struct request *running;
	struct request *waiting;
	unsigned running_count, waiting_count;
};

static void request_free(struct request *q)
{
	for (size_t i = 0; i < q->variable_count; i++)
		free(q->variables[i]);
	free(q->answer);
	free(q);
}

static const char *url_of(const struct request *q)
{
	return q->variables[0] + strlen(FETCH_URL "=");
}

/* ---- Answers ---- */

static bool make_room(struct request *q, size_t more)
{
	size_t most = q->size_limit + 1, room = q->room ? q->room : FIRST_ROOM;

	while (room < q->used + more && room < most)
		room *= 2;
	if (room > most)
		room = most;
	if (q->used + more > room)
		return false;
	if (room == q->room)
		return true;
	uint8_t *larger = realloc(q->answer, room);
	if (!larger)
		return false;
	q->answer = larger;
	q->room = room;
	return true;
}

static void output(void *context, struct bytes data)
{
	struct request *q = context;

	if (q->too_long || !make_room(q, data.length)) {
		q->too_long = true;
		return;
	}
	bytes_copy(q->answer + q->used, data);
	q->used += data.length;
}

/* What the process said instead of a body, as one printable line. */
static void read_error(const struct request *q, bool timed_out, char *ret, size_t size)
{
	struct bytes said = { q->answer + 1, q->used > 1 ? q->used - 1 : 0 };

	if (timed_out)
		snprintf(ret, size, "no answer within %u seconds", q->fetcher->config.limit);
	else if (q->too_long)
		snprintf(ret, size, "longer than %zu octets", q->size_limit);
	else if (q->used > 1 && q->answer[0] == '!')
		snprintf(ret, size, "%.*s", (int)strcspn((const char *)said.at, "\n"), said.at);
	else
		snprintf(ret, size, "the process that fetches failed");
}

static void conclude(struct request *q, bool timed_out, const char *otherwise)
{
	struct cl_fetcher *f = q->fetcher;
	bool whole = !timed_out && !q->too_long && q->used > 0 && q->answer[0] == '+';
	struct bytes body = bytes_of(q->answer ? q->answer + 1 : NULL, whole ? q->used - 1 : 0);
	char error[256] = "";

	/* a line end closes the error for strcspn(), whatever came */
	if (!whole && q->used > 0)
		q->answer[q->used - 1] = '\n';
	if (otherwise)
		snprintf(error, sizeof(error), "%s", otherwise);
	else if (!whole)
		read_error(q, timed_out, error, sizeof(error));
	cl_log_text(f->log, IKE_LOG_LIB, IKE_LOG_DETAIL, "fetching '%s': %zu octets%s%s", url_of(q),
		body.length, whole ? "" : ", ", error);
	f->config.fetched(f->config.context, q->ticket, body, whole ? NULL : error);
	request_free(q);
}

static void advance(struct cl_fetcher *f);

static void ended(void *context, int status, bool timed_out)
{
	struct request *q = context;
	struct cl_fetcher *f = q->fetcher;

	(void)status;
	DL_DELETE(f->running, q);
	f->running_count--;
	conclude(q, timed_out, NULL);
	advance(f);
}

/* ---- Asking ---- */

PRINTF_LIKE(2, 3) static bool tell(struct request *q, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0 || q->variable_count == VARIABLES_MAX) {
		if (length >= 0)
			free(text);
		return false;
	}
	q->variables[q->variable_count++] = text;
	return true;
}

static bool tell_body(struct request *q, const struct ike_fetch *what)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * CL_FETCHER_BODY_MAX + 1], *at = hex;

	for (size_t i = 0; i < what->body.length; i++) {
		*at++ = digits[what->body.at[i] >> 4];
		*at++ = digits[what->body.at[i] & 15];
	}
	*at = '\0';
	return tell(q, FETCH_BODY "=%s", hex) && tell(q, FETCH_TYPE "=%s", what->content_type);
}

/* As libcurl reads them. */
static bool tell_proxies(struct request *q)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = getenv(names[i]);

		if (value && !tell(q, "%s=%s", names[i], value))
			return false;
	}
	return true;
}

static struct request *request_new(
	struct cl_fetcher *f, const struct ike_fetch *what, uint64_t ticket)
{
	struct request *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->fetcher = f;
	q->ticket = ticket;
	q->size_limit = what->size_limit;
	if (tell(q, FETCH_URL "=%s", what->url) && tell(q, FETCH_SIZE "=%zu", what->size_limit) &&
		tell(q, FETCH_SECONDS "=%u", f->config.limit) &&
		tell(q, FETCH_REDIRECTS "=%u", f->config.redirects) &&
		(what->body.length == 0 || tell_body(q, what)) && tell_proxies(q))
		return q;
	request_free(q);
	return NULL;
}

static bool start(struct request *q)
{
	struct cl_fetcher *f = q->fetcher;
	char program[] = "/proc/self/exe", option[] = "--fetch";
	char *own = f->config.program ? (char *)f->config.program : program;
	char *const arguments[] = { own, option, NULL };
	const struct cl_process_config config = {
		.arguments = arguments,
		.environment = q->variables,
		.limit = f->config.limit + GRACE_SECONDS,
		.context = q,
		.output = output,
		.ended = ended,
	};
	struct why why;

	q->process = cl_process_start(f->config.processes, &config, &why);
	if (!q->process) {
		cl_log_text(f->log, IKE_LOG_LIB, IKE_LOG_AUDIT, "'%s' cannot be fetched: %s",
			url_of(q), why.text);
		return false;
	}
	DL_APPEND(f->running, q);
	f->running_count++;
	return true;
}

/* Scheme, host and port of a URL, as they are written. */
static size_t server_length(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return (size_t)(host - url) + strcspn(host, "/?#");
}

static bool may_start(const struct cl_fetcher *f, const struct request *q)
{
	size_t length = server_length(url_of(q));
	const struct request *each;
	unsigned same = 0;

	DL_FOREACH(f->running, each)
	{
		same += server_length(url_of(each)) == length &&
			strncasecmp(url_of(each), url_of(q), length) == 0;
	}
	return f->running_count < CL_FETCHER_AT_ONCE && same < CL_FETCHER_PER_SERVER;
}

/* The first that has waited and may. */
static struct request *next_to_start(const struct cl_fetcher *f)
{
	struct request *q;

	DL_FOREACH(f->waiting, q)
	{
		if (may_start(f, q))
			return q;
	}
	return NULL;
}

static void advance(struct cl_fetcher *f)
{
	struct request *q;

	while ((q = next_to_start(f))) {
		DL_DELETE(f->waiting, q);
		f->waiting_count--;
		if (!start(q))
			conclude(q, false, "no process could be started");
	}
}

static bool has_scheme(const char *url, const char *scheme)
{
	return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

static bool may_be_asked(const struct ike_fetch *what)
{
	size_t length = strlen(what->url);

	if (length > CL_FETCHER_URL_MAX || what->body.length > CL_FETCHER_BODY_MAX ||
		(what->body.length > 0 && !what->content_type))
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)what->url[i] <= ' ' || (unsigned char)what->url[i] >= 0x7f)
			return false;
	}
	return has_scheme(what->url, "http://") || has_scheme(what->url, "https://") ||
	       (has_scheme(what->url, "file:///") && what->body.length == 0);
}

bool cl_fetcher_ask(struct cl_fetcher *f, const struct ike_fetch *what, uint64_t ticket)
{
	struct request *q;

	if (!may_be_asked(what) || f->waiting_count == CL_FETCHER_WAITING_MAX ||
		!(q = request_new(f, what, ticket)))
		return false;
	if (!may_start(f, q)) {
		DL_APPEND(f->waiting, q);
		f->waiting_count++;
		return true;
	}
	if (start(q))
		return true;
	request_free(q);
	return false;
}

/* ---- Opening and closing ---- */

void cl_fetcher_limits(struct cl_fetcher *f, uint32_t limit, uint32_t redirects)
{
	f->config.limit = limit;
	f->config.redirects =
		redirects < CL_FETCHER_REDIRECTS_MAX ? redirects : CL_FETCHER_REDIRECTS_MAX;
}

bool cl_fetcher_open(const struct cl_fetcher_config *config, struct cl_log *log,
	struct cl_fetcher **ret, struct why *why)
{
	struct cl_fetcher *f = calloc(1, sizeof(*f));

	if (!f)
		return why_fail(why, "no memory to fetch CRLs");
	f->config = *config;
	f->log = log;
	cl_fetcher_limits(f, config->limit, config->redirects);
	*ret = f;
	return true;
}

void cl_fetcher_close(struct cl_fetcher *f)
{
	struct request *q, *next;

	if (!f)
		return;
	DL_FOREACH_SAFE(f->running, q, next)
	{
		cl_process_kill(q->process);
		request_free(q);
	}
	DL_FOREACH_SAFE(f->waiting, q, next)
	{
		request_free(q);
	}
	free(f);
}
