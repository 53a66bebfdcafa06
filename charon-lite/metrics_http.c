#include "charon-lite/metrics_http.h"

#include "charon-lite/daemon.h"

#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define REQUEST_MAX ((size_t)8192)
/* Of a client that asks nothing: longer than most intervals of scraping. And of one that reads
 * nothing. */
#define IDLE_SECONDS 70
#define WRITE_SECONDS 20
/* An answer that takes longer gives way to others. */
#define ANSWER_MAX IKE_SECONDS(10)
#define ACCEPT_AGAIN_SECONDS 1
#define PIECE ((size_t)32 * 1024)

struct listening {
	struct listening *next;
	struct evconnlistener *listener;
};

struct client {
	struct client *prev, *next;
	struct cl_http *http;
	struct bufferevent *bev;
	/* The request that is being read. */
	size_t length;
	bool has_line; /* its first line is read */
	unsigned status;
	bool old;    /* HTTP/1.0: no pieces with a length */
	bool closes; /* after the answer */
	bool ended;  /* the client sends nothing any more, but may still read */
	char accept[CL_HTTP_ACCEPT_MAX];
	/* And answered. */
	void *answer;
	ike_time begun;
	struct event *last_moment; /* of the answer */
	struct evbuffer *piece;
};

struct cl_http {
	struct cl_http_document document;
	struct listening *listening;
	struct event *accept_again;
	struct client *clients; /* in the order in which they came, or were answered last */
	unsigned count;
};

static void proceed(struct client *c);

/* ---- Coming and going ---- */

static void client_free(struct client *c)
{
	struct cl_http *http = c->http;

	DL_DELETE(http->clients, c);
	if (c->answer)
		http->document.end(c->answer);
	if (c->piece)
		evbuffer_free(c->piece);
	if (c->last_moment)
		event_free(c->last_moment);
	bufferevent_free(c->bev);
	free(c);
	http->count--;
}

/* To the end of those who may have to give way. */
static void client_lives(struct client *c)
{
	DL_DELETE(c->http->clients, c);
	DL_APPEND(c->http->clients, c);
}

static bool is_answered(const struct client *c)
{
	return c->answer || evbuffer_get_length(bufferevent_get_output(c->bev)) > 0;
}

/* One whose request has come, but was not read yet, is not idle. */
static bool gives_way(const struct client *c)
{
	int unread = 0;

	if (is_answered(c))
		return cl_daemon_now() - c->begun > ANSWER_MAX;
	return ioctl(bufferevent_getfd(c->bev), FIONREAD, &unread) == 0 && unread == 0;
}

/* Idle ones are what anybody on this machine can have many of: they must not keep others out. */
static bool make_room(struct cl_http *http)
{
	struct client *c;

	DL_FOREACH(http->clients, c)
	{
		if (gives_way(c)) {
			client_free(c);
			return true;
		}
	}
	return false;
}

static void on_read(struct bufferevent *bev, void *context)
{
	struct client *c = context;

	(void)bev;
	c->http->document.turn(c->http->document.context);
	if (!c->answer)
		proceed(c);
}

static void on_written(struct bufferevent *bev, void *context)
{
	struct client *c = context;

	(void)bev;
	c->http->document.turn(c->http->document.context);
	proceed(c);
}

/* Who has shut down his half after a request still gets the answer. */
static void on_end(struct bufferevent *bev, short what, void *context)
{
	struct client *c = context;

	(void)bev;
	if ((what & BEV_EVENT_EOF) && is_answered(c))
		c->ended = true;
	else
		client_free(c);
}

static void on_last_moment(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	client_free(context);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int length, void *context)
{
	const struct timeval idle = { IDLE_SECONDS, 0 }, slow = { WRITE_SECONDS, 0 };
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n";
	struct cl_http *http = context;
	struct client *c = NULL;

	(void)address, (void)length;
	if (http->count < CL_HTTP_CLIENTS_MAX || make_room(http))
		c = calloc(1, sizeof(*c));
	else
		(void)!send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (c)
		c->bev = bufferevent_socket_new(
			evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		close(fd);
		free(c);
		return;
	}
	c->http = http;
	DL_APPEND(http->clients, c);
	http->count++;
	bufferevent_setcb(c->bev, on_read, on_written, on_end, c);
	bufferevent_set_timeouts(c->bev, &idle, &slow);
	bufferevent_setwatermark(c->bev, EV_READ, 0, REQUEST_MAX);
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) < 0)
		client_free(c);
}

/* Without descriptors accepting would fail again at once, for ever. */
static void on_accept_failed(struct evconnlistener *listener, void *context)
{
	const struct timeval later = { ACCEPT_AGAIN_SECONDS, 0 };
	struct cl_http *http = context;

	evconnlistener_disable(listener);
	evtimer_add(http->accept_again, &later);
}

static void accept_again(evutil_socket_t fd, short what, void *context)
{
	struct cl_http *http = context;
	struct listening *l;

	(void)fd, (void)what;
	LL_FOREACH(http->listening, l)
	evconnlistener_enable(l->listener);
}

/* ---- Requests ---- */

static const char *status_text(unsigned status)
{
	switch (status) {
	case 400:
		return "400 Bad Request";
	case 404:
		return "404 Not Found";
	case 405:
		return "405 Method Not Allowed";
	case 431:
		return "431 Request Header Fields Too Large";
	default:
		return "503 Service Unavailable";
	}
}

/* "GET /metrics?any HTTP/1.1" */
static unsigned read_first_line(struct client *c, const char *line)
{
	size_t method = strcspn(line, " "),
	       path = line[method] ? strlen(c->http->document.path) : 0;
	const char *target = line + method + 1, *version = strrchr(line, ' ');

	if (!path || version < target || strncmp(version, " HTTP/1.", 8) != 0 ||
		(strcmp(version + 8, "0") != 0 && strcmp(version + 8, "1") != 0))
		return 400;
	c->old = version[8] == '0';
	c->closes |= c->old;
	if (method != 3 || memcmp(line, "GET", 3) != 0)
		return 405;
	return strncmp(target, c->http->document.path, path) == 0 && strchr(" ?", target[path])
		       ? 200
		       : 404;
}

/* Whether a list (RFC 9110 5.6.1) has this, whatever its case. */
static bool list_has(const char *list, const char *what)
{
	for (list += strspn(list, ", \t"); *list; list += strspn(list, ", \t")) {
		size_t length = strcspn(list, ", \t");

		if (length == strlen(what) && strncasecmp(list, what, length) == 0)
			return true;
		list += length;
	}
	return false;
}

static void read_field(struct client *c, const char *line)
{
	const char *value = strchr(line, ':');
	size_t name = value ? (size_t)(value - line) : 0;

	if (!value)
		return;
	value += 1 + strspn(value + 1, " \t");
	if (name == 6 && strncasecmp(line, "Accept", name) == 0 &&
		strlen(value) < sizeof(c->accept))
		memcpy(c->accept, value, strlen(value) + 1);
	else if (name == 10 && strncasecmp(line, "Connection", name) == 0)
		c->closes |= list_has(value, "close");
	else if ((name == 14 && strncasecmp(line, "Content-Length", name) == 0 &&
			 strcmp(value, "0") != 0) ||
		 (name == 17 && strncasecmp(line, "Transfer-Encoding", name) == 0))
		c->status = 400;
}

static void begin_request(struct client *c)
{
	c->length = 0;
	c->has_line = false;
	c->status = 200;
	c->accept[0] = '\0';
}

/* Reads lines that are there; true when the request is complete, or not worth to be read on. */
static bool read_request(struct client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t length;
	char *line;

	while ((line = evbuffer_readln(in, &length, EVBUFFER_EOL_CRLF))) {
		bool end = length == 0 && c->has_line;

		c->length += length + 2;
		if (strlen(line) != length)
			c->status = 400;
		else if (length > 0 && !c->has_line)
			c->status = read_first_line(c, line);
		else
			read_field(c, line);
		c->has_line |= length > 0;
		free(line);
		if (c->length > REQUEST_MAX)
			c->status = 431;
		if (end || c->length > REQUEST_MAX)
			return true;
	}
	if (evbuffer_get_length(in) < REQUEST_MAX)
		return false;
	c->status = 431;
	return true;
}

/* ---- Answers ---- */

static void refuse(struct client *c)
{
	c->closes = true;
	evbuffer_add_printf(bufferevent_get_output(c->bev),
		"HTTP/1.1 %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n",
		status_text(c->status), c->status == 405 ? "Allow: GET\r\n" : "");
}

/* WRITE_SECONDS begin anew with each octet that is read. Made with the first answer; without memory
 * for it the answer goes on without an end of its own.
 */
static void begin_last_moment(struct client *c)
{
	const struct timeval end = { c->http->document.seconds, 0 };

	if (!c->last_moment)
		c->last_moment = evtimer_new(bufferevent_get_base(c->bev), on_last_moment, c);
	if (c->last_moment)
		evtimer_add(c->last_moment, &end);
}

static void begin_answer(struct client *c)
{
	const struct cl_http_document *document = &c->http->document;
	const char *type;

	if (c->status == 200 && !c->piece && !(c->piece = evbuffer_new()))
		c->status = 503;
	if (c->status == 200 && !(c->answer = document->begin(document->context, c->accept, &type)))
		c->status = 503;
	client_lives(c);
	c->begun = cl_daemon_now();
	begin_last_moment(c);
	if (c->status != 200) {
		refuse(c);
		return;
	}
	evbuffer_add_printf(bufferevent_get_output(c->bev),
		"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s%s\r\n", type,
		c->old ? "" : "Transfer-Encoding: chunked\r\n",
		c->closes ? "Connection: close\r\n" : "");
}

static void send_octets(struct client *c, bool complete)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	size_t length = evbuffer_get_length(c->piece);

	if (!c->old && length > 0)
		evbuffer_add_printf(out, "%zx\r\n", length);
	evbuffer_add_buffer(out, c->piece);
	if (!c->old)
		evbuffer_add_printf(
			out, "%s%s", length > 0 ? "\r\n" : "", complete ? "0\r\n\r\n" : "");
}

/* A piece is as large as PIECE, the last one smaller. */
static void send_piece(struct client *c)
{
	enum cl_http_next next = CL_HTTP_MORE;

	while (next == CL_HTTP_MORE && evbuffer_get_length(c->piece) < PIECE)
		next = c->http->document.more(c->answer, c->piece);
	send_octets(c, next == CL_HTTP_COMPLETE);
	if (next != CL_HTTP_COMPLETE)
		return;
	c->http->document.end(c->answer);
	c->answer = NULL;
	client_lives(c);
}

/* Whatever is next; on_written() comes when what was sent is taken. */
static void proceed(struct client *c)
{
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
		return;
	if (c->answer) {
		send_piece(c);
		return;
	}
	if (c->closes && !c->has_line) { /* it has been answered */
		client_free(c);
		return;
	}
	if (c->last_moment)
		evtimer_del(c->last_moment);
	if (!c->has_line && c->length == 0)
		begin_request(c);
	if (!read_request(c)) {
		if (c->ended)
			client_free(c);
		return;
	}
	begin_answer(c);
	begin_request(c);
	if (c->answer)
		send_piece(c);
}

/* ---- Opening and closing ---- */

static bool listen_on(struct cl_http *http, struct event_base *base, int fd)
{
	struct listening *l = calloc(1, sizeof(*l));

	if (!l)
		return false;
	l->listener = evconnlistener_new(base, on_accept, http, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!l->listener) {
		free(l);
		return false;
	}
	evconnlistener_set_error_cb(l->listener, on_accept_failed);
	LL_APPEND(http->listening, l);
	return true;
}

struct cl_http *cl_http_open(struct event_base *base, const struct cl_listener *list,
	const struct cl_http_document *document)
{
	struct cl_http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	http->document = *document;
	http->accept_again = evtimer_new(base, accept_again, http);
	if (!http->accept_again) {
		free(http);
		return NULL;
	}
	for (; list; list = cl_listener_next(list)) {
		if (!listen_on(http, base, cl_listener_fd(list))) {
			cl_http_close(http);
			return NULL;
		}
	}
	return http;
}

void cl_http_resume(struct cl_http *http)
{
	struct client *c, *next;

	DL_FOREACH_SAFE(http->clients, c, next)
	if (c->answer)
		proceed(c);
}

void cl_http_close(struct cl_http *http)
{
	struct listening *l, *next;

	if (!http)
		return;
	while (http->clients)
		client_free(http->clients);
	LL_FOREACH_SAFE(http->listening, l, next)
	{
		evconnlistener_free(l->listener);
		free(l);
	}
	event_free(http->accept_again);
	free(http);
}

/* ---- What a client likes ---- */

/* "; q=0.8" of a media range; 1000 without one. */
static unsigned range_weight(const char *range, size_t length)
{
	const char *end = range + length, *at = range;

	while ((at = memchr(at, ';', (size_t)(end - at)))) {
		at++;
		at += strspn(at, " \t");
		if (end - at < 3 || strncasecmp(at, "q=", 2) != 0)
			continue;
		unsigned weight = at[2] == '1' ? 1000 : 0;
		if (weight == 0 && at[3] == '.')
			for (unsigned unit = 100, i = 4; at[i] >= '0' && at[i] <= '9' && unit;
				i++) {
				weight += unit * (unsigned)(at[i] - '0');
				unit /= 10;
			}
		return weight;
	}
	return 1000;
}

unsigned cl_http_weight(const char *accept, const char *type)
{
	unsigned best = 0;

	for (accept += strspn(accept, ", \t"); *accept; accept += strspn(accept, ", \t")) {
		size_t length = strcspn(accept, ","), name = strcspn(accept, ",; \t");

		if (name == strlen(type) && strncasecmp(accept, type, name) == 0) {
			unsigned weight = range_weight(accept, length);

			best = weight > best ? weight : best;
		}
		accept += length;
	}
	return best;
}
