#define HASH_NONFATAL_OOM 1 /* of uthash, which the headers include */
#include "charon-lite/signer.h"

#include "charon-lite/signer_tls_message.h"
#include "libike/crypto/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

/* Questions that wait for an answer. */
#define ASKED_MAX 4096
#define FRAMES_A_TURN 64
/* How long until the next start of one that ends as soon as it has begun. */
#define PAUSE_FIRST 1
#define PAUSE_LAST 60

/* A question: a key to be loaded goes by its handle, a signature by its ticket. */
struct asked {
	UT_hash_handle hh;
	struct {
		uint8_t kind; /* of the request */
		uint64_t number;
	} key;
	uint64_t ticket;
};

/* A frame that waits for the socket. */
struct outgoing {
	struct outgoing *prev, *next;
	struct secret frame;
	size_t sent;
};

struct cl_signer {
	struct cl_signer_config config;
	struct cl_log *log;
	struct cl_process *process; /* NULL: it is down */
	int socket;                 /* -1: none */
	struct event *readable, *writable, *restart;
	struct outgoing *queue;
	struct secret incoming; /* the frame that is being read */
	size_t received;        /* of it, or of the length field before it */
	uint8_t length_field[CL_SIGNER_LENGTH];
	struct asked *asked;
	uint64_t last_handle;
	unsigned pause;     /* seconds before the next start */
	bool proved;        /* this process has answered something */
	bool lost_anything; /* keys were loaded into it */
};

/* ---- Questions ---- */

static struct asked *asked_add(struct cl_signer *s, uint8_t kind, uint64_t number, uint64_t ticket)
{
	struct asked *asked = calloc(1, sizeof(*asked)); /* padding is part of the key */

	if (!asked)
		return NULL;
	asked->key.kind = kind;
	asked->key.number = number;
	asked->ticket = ticket;
	HASH_ADD(hh, s->asked, key, sizeof(asked->key), asked);
	if (asked->hh.tbl)
		return asked;
	free(asked);
	return NULL;
}

static void asked_free(struct cl_signer *s, struct asked *asked)
{
	HASH_DEL(s->asked, asked);
	free(asked);
}

static struct asked *asked_find(struct cl_signer *s, uint8_t kind, uint64_t number)
{
	struct asked wanted, *found;

	memset(&wanted, 0, sizeof(wanted));
	wanted.key.kind = kind;
	wanted.key.number = number;
	HASH_FIND(hh, s->asked, &wanted.key, sizeof(wanted.key), found);
	return found;
}

static void tell_tls(struct cl_signer *s, uint64_t ticket, struct bytes body, const char *error)
{
	struct cl_signer_tls_answer a;

	if (error)
		a.answer = (struct ike_tls_answer){ .failed = true, .error = error };
	else if (!cl_signer_tls_answer_parse(body, &a))
		a.answer = (struct ike_tls_answer){ .failed = true,
			.error = "the signer process's answer cannot be read" };
	s->config.tls(s->config.context, ticket, &a.answer);
}

/* body empty: it failed. The question is over before anybody hears of it. */
static void tell(struct cl_signer *s, struct asked *asked, struct bytes body, const char *error)
{
	uint64_t number = asked->key.number, ticket = asked->ticket;
	uint8_t kind = asked->key.kind;

	asked_free(s, asked);
	if (kind == CL_SIGNER_TLS)
		tell_tls(s, ticket, body, error);
	else if (kind == CL_SIGNER_LOAD)
		s->config.loaded(s->config.context, number, ticket, body, error);
	else
		s->config.signature(s->config.context, ticket, body, error);
}

/* ---- The end of the process ---- */

static void queue_drop(struct cl_signer *s, struct outgoing *o)
{
	DL_DELETE(s->queue, o);
	secret_free(&o->frame);
	free(o);
}

static void disconnect(struct cl_signer *s)
{
	while (s->queue)
		queue_drop(s, s->queue);
	if (s->readable)
		event_free(s->readable);
	if (s->writable)
		event_free(s->writable);
	s->readable = s->writable = NULL;
	if (s->socket >= 0)
		close(s->socket);
	s->socket = -1;
	secret_free(&s->incoming);
	s->received = 0;
}

static void start_again_later(struct cl_signer *s)
{
	const struct timeval pause = { s->pause, 0 };

	evtimer_add(s->restart, &pause);
	s->pause = s->pause == 0               ? PAUSE_FIRST
		   : s->pause * 2 < PAUSE_LAST ? s->pause * 2
					       : PAUSE_LAST;
}

/* One that has served well may begin again at once. */
static void lost(struct cl_signer *s)
{
	struct asked *asked, *next;
	bool keys = s->lost_anything;

	disconnect(s);
	if (s->proved)
		s->pause = 0;
	s->proved = s->lost_anything = false;
	HASH_ITER(hh, s->asked, asked, next)
	{
		tell(s, asked, (struct bytes){ 0 }, "the signer process has ended");
	}
	if (keys)
		s->config.lost(s->config.context);
	start_again_later(s);
}

/* What it says makes no sense: it is not to be talked to. */
static void give_up_on(struct cl_signer *s, const char *why)
{
	cl_log_text(s->log, IKE_LOG_LIB, IKE_LOG_AUDIT, "signer process %s: it is ended", why);
	if (s->process)
		cl_process_kill(s->process);
	s->process = NULL;
	lost(s);
}

static void ended(void *context, int status, bool timed_out)
{
	struct cl_signer *s = context;

	(void)timed_out;
	s->process = NULL;
	if (WIFSIGNALED(status))
		cl_log_text(s->log, IKE_LOG_LIB, IKE_LOG_AUDIT,
			"the signer process was ended by signal %d", WTERMSIG(status));
	else
		cl_log_text(s->log, IKE_LOG_LIB, IKE_LOG_AUDIT,
			"the signer process ended with status %d", WEXITSTATUS(status));
	lost(s);
}

/* What it prints are complaints from its start. */
static void output(void *context, struct bytes data)
{
	struct cl_signer *s = context;
	size_t length = data.length;

	while (length > 0 && data.at[length - 1] == '\n')
		length--;
	cl_log_text(s->log, IKE_LOG_LIB, IKE_LOG_INFO, "signer process: %.*s", (int)length,
		(const char *)data.at);
}

/* ---- Receiving ---- */

/* False when it is the answer to nothing that was asked. */
static bool take_frame(struct cl_signer *s, struct bytes bytes)
{
	const uint8_t how = CL_SIGNER_DONE | CL_SIGNER_FAILED;
	struct cl_signer_frame frame;
	struct asked *asked;
	char error[256];

	if (!cl_signer_frame_parse(bytes, &frame))
		return false;
	asked = asked_find(s, frame.kind & (uint8_t)~how, frame.number);
	if (!asked || (frame.kind & how) == 0)
		return false;
	s->proved = true;
	if ((frame.kind & how) == CL_SIGNER_DONE && frame.body.length > 0) {
		tell(s, asked, frame.body, NULL);
		return true;
	}
	snprintf(error, sizeof(error), "%.*s", (int)frame.body.length,
		frame.body.length ? (const char *)frame.body.at : "");
	tell(s, asked, (struct bytes){ 0 }, error);
	return true;
}

/* As much of the next frame as is there. False: nothing is, or the other end is gone. */
static bool receive_some(struct cl_signer *s)
{
	bool body = s->incoming.at != NULL;
	uint8_t *room = body ? s->incoming.at : s->length_field;
	size_t wanted = body ? s->incoming.length : sizeof(s->length_field);
	ssize_t got = read(s->socket, room + s->received, wanted - s->received);

	if (got <= 0)
		return got < 0 && errno == EINTR;
	s->received += (size_t)got;
	return true;
}

/* One whole frame, if it is there. False when there is none, or no more are to be expected. */
static bool receive_frame(struct cl_signer *s)
{
	size_t length;

	while (!s->incoming.at || s->received < s->incoming.length) {
		if (!receive_some(s))
			return false;
		if (s->incoming.at || s->received < sizeof(s->length_field))
			continue;
		s->received = 0;
		if (!cl_signer_frame_length(s->length_field, &length) ||
			!secret_allocate(&s->incoming, length)) {
			give_up_on(s, "sent a frame of a length that cannot be");
			return false;
		}
	}
	AUTO_SECRET frame = secret_move(&s->incoming);
	s->received = 0;
	if (take_frame(s, secret_bytes(&frame)))
		return s->socket >= 0;
	give_up_on(s, "sent a frame that answers nothing");
	return false;
}

/* Its end is heard of as a process's. */
static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct cl_signer *s = context;
	uint8_t octet;

	(void)what;
	for (unsigned i = 0; i < FRAMES_A_TURN && receive_frame(s); i++)
		continue;
	if (s->readable && recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		event_del(s->readable);
}

/* ---- Sending ---- */

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct cl_signer *s = context;

	(void)what;
	while (s->queue) {
		struct outgoing *o = s->queue;
		ssize_t n = send(fd, o->frame.at + o->sent, o->frame.length - o->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			event_add(s->writable, NULL);
			return;
		}
		if (n < 0) /* it is gone: the process's end says so */
			return;
		o->sent += (size_t)n;
		if (o->sent == o->frame.length)
			queue_drop(s, o);
	}
}

/* Takes the frame over. */
static bool send_frame(struct cl_signer *s, struct secret *frame)
{
	struct outgoing *o = calloc(1, sizeof(*o));

	if (!o) {
		secret_free(frame);
		return false;
	}
	o->frame = secret_move(frame);
	DL_APPEND(s->queue, o);
	if (s->queue == o)
		on_writable(s->socket, 0, s);
	return true;
}

/* ---- What it is asked ---- */

/* The frame is freed when it cannot be asked. */
static bool ask(
	struct cl_signer *s, uint8_t kind, uint64_t number, uint64_t ticket, struct secret *frame)
{
	struct asked *asked = asked_add(s, kind, number, ticket);

	if (asked && send_frame(s, frame))
		return true;
	secret_free(frame);
	if (asked)
		asked_free(s, asked);
	return false;
}

static bool can_ask(const struct cl_signer *s)
{
	return s->process && HASH_COUNT(s->asked) < ASKED_MAX;
}

bool cl_signer_load(struct cl_signer *s, const char *type, struct bytes encoded, uint64_t ticket,
	uint64_t *ret_handle, struct why *why)
{
	struct secret frame = { 0 };
	struct writer w;

	if (!can_ask(s))
		return why_fail(why, s->process ? "the signer process has too much to do"
						: "the signer process does not run");
	if (strlen(type) > 255 || !cl_signer_frame_new(&frame, CL_SIGNER_LOAD, ++s->last_handle,
					  1 + strlen(type) + encoded.length))
		return why_fail(why, "the key is too long, or memory ran out");
	w = cl_signer_body(&frame);
	cl_signer_put_text(&w, type);
	writer_put(&w, encoded);
	*ret_handle = s->last_handle;
	if (!ask(s, CL_SIGNER_LOAD, s->last_handle, ticket, &frame))
		return why_fail(why, "out of memory");
	s->lost_anything = true;
	return true;
}

void cl_signer_unload(struct cl_signer *s, uint64_t handle)
{
	struct secret frame = { 0 };

	if (s->process && (!cl_signer_frame_new(&frame, CL_SIGNER_UNLOAD, handle, 0) ||
				  !send_frame(s, &frame)))
		give_up_on(s, "cannot be told to forget a key, as memory ran out");
}

bool cl_signer_sign(struct cl_signer *s, const struct ike_sign *what, uint64_t ticket)
{
	const char *scheme = what->scheme->name;
	struct secret frame = { 0 };
	struct writer w;

	if (!can_ask(s) || !cl_signer_frame_new(&frame, CL_SIGNER_SIGN, ticket,
				   8 + 1 + strlen(scheme) + what->data.length))
		return false;
	w = cl_signer_body(&frame);
	writer_u64(&w, what->handle);
	cl_signer_put_text(&w, scheme);
	writer_put(&w, what->data);
	return ask(s, CL_SIGNER_SIGN, ticket, ticket, &frame);
}

bool cl_signer_tls(struct cl_signer *s, const struct ike_tls_step *what, uint64_t ticket)
{
	struct secret frame = { 0 };

	return can_ask(s) && cl_signer_tls_request_make(&frame, ticket, what) &&
	       ask(s, CL_SIGNER_TLS, ticket, ticket, &frame);
}

/* Without memory for it, a conversation stays there: their number is bounded. */
void cl_signer_tls_forget(struct cl_signer *s, uint64_t session)
{
	struct secret frame = { 0 };

	if (s->process && cl_signer_frame_new(&frame, CL_SIGNER_TLS_FORGET, session, 0))
		send_frame(s, &frame);
}

/* ---- Start ---- */

/* Both ends, with numbers that are nobody's input or output; ends[1] is the process's. */
static bool make_sockets(int ends[2])
{
	int low[2], made;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, low) < 0)
		return false;
	for (made = 0; made < 2; made++) {
		ends[made] = fcntl(low[made], F_DUPFD_CLOEXEC, 3);
		if (ends[made] < 0)
			break;
	}
	close(low[0]);
	close(low[1]);
	if (made == 2 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		return true;
	while (made > 0)
		close(ends[--made]);
	return false;
}

static bool start(struct cl_signer *s, struct why *why)
{
	char program[] = "/proc/self/exe", option[] = "--signer";
	char *own = s->config.program ? (char *)s->config.program : program;
	char *const arguments[] = { own, option, NULL }, *const environment[] = { NULL };
	struct cl_process_config config = {
		.arguments = arguments,
		.environment = environment,
		.context = s,
		.output = output,
		.ended = ended,
	};
	int ends[2];

	if (!make_sockets(ends))
		return why_fail(why, "no sockets for the signer process: %s", strerror(errno));
	s->socket = ends[0];
	s->readable = event_new(s->config.base, s->socket, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(s->config.base, s->socket, EV_WRITE, on_writable, s);
	config.input = ends[1];
	if (!s->readable || !s->writable || event_add(s->readable, NULL) < 0)
		why_fail(why, "libevent: out of memory");
	else
		s->process = cl_process_start(s->config.processes, &config, why);
	close(ends[1]);
	if (!s->process)
		disconnect(s);
	return s->process != NULL;
}

static void on_restart(evutil_socket_t fd, short what, void *context)
{
	struct cl_signer *s = context;
	struct why why;

	(void)fd, (void)what;
	if (start(s, &why)) {
		cl_log_text(s->log, IKE_LOG_LIB, IKE_LOG_INFO, "the signer process runs again");
		return;
	}
	cl_log_text(s->log, IKE_LOG_LIB, IKE_LOG_AUDIT, "%s", why.text);
	start_again_later(s);
}

bool cl_signer_open(const struct cl_signer_config *config, struct cl_log *log,
	struct cl_signer **ret, struct why *why)
{
	struct cl_signer *s = calloc(1, sizeof(*s));

	if (!s)
		return why_fail(why, "out of memory");
	s->config = *config;
	s->log = log;
	s->socket = -1;
	s->restart = evtimer_new(config->base, on_restart, s);
	if (s->restart && start(s, why)) {
		*ret = s;
		return true;
	}
	if (!s->restart)
		why_fail(why, "libevent: out of memory");
	cl_signer_close(s);
	return false;
}

void cl_signer_close(struct cl_signer *s)
{
	struct asked *asked, *next;

	if (!s)
		return;
	if (s->process)
		cl_process_kill(s->process);
	disconnect(s);
	if (s->restart)
		event_free(s->restart);
	HASH_ITER(hh, s->asked, asked, next)
	{
		asked_free(s, asked);
	}
	free(s);
}
