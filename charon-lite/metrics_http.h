/*
 * As much of HTTP (RFC 9112) as it takes to give one document to few clients on this machine: GET
 * of one path, by HTTP/1.0 and 1.1, connections that are used again, answers in pieces that are
 * made when the last one has been taken. Other requests get a status and the connection's end.
 *
 * libevent's own server cannot be told how many clients it may have, before its version 2.2; and
 * whoever is on the machine may connect.
 */
#ifndef CHARON_LITE_METRICS_HTTP_H
#define CHARON_LITE_METRICS_HTTP_H

#include "charon-lite/control/listener.h"

#include <event2/buffer.h>
#include <event2/event.h>

/* Whoever comes then takes the place of the one that has asked nothing for the longest time, or
 * whose answer takes longer than 10 s; where there is none, he gets the status 503. */
#define CL_HTTP_CLIENTS_MAX 16
#define CL_HTTP_ACCEPT_MAX 1024

enum cl_http_next {
	CL_HTTP_MORE,
	CL_HTTP_WAIT, /* nothing yet: cl_http_resume() asks again */
	CL_HTTP_COMPLETE,
};

struct cl_http_document {
	const char *path;
	unsigned seconds; /* an answer that takes longer ends, and with it the connection */
	void *context;
	/* One answer begins; accept is the field of that name, "" without one. NULL: no memory. */
	void *(*begin)(void *context, const char *accept, const char **ret_type);
	/* Adds a piece, and says what comes then. */
	enum cl_http_next (*more)(void *answer, struct evbuffer *out);
	/* It is over, complete or not. */
	void (*end)(void *answer);
	/* A turn of the loop has begun to be used. */
	void (*turn)(void *context);
};

struct cl_http;

/* The sockets stay the caller's. NULL when memory ran out. */
struct cl_http *cl_http_open(struct event_base *base, const struct cl_listener *list,
	const struct cl_http_document *document);
/* Answers that wait may go on. */
void cl_http_resume(struct cl_http *http);
void cl_http_close(struct cl_http *http); /* NULL is fine */

/* The weight (RFC 9110 12.5.1) that a field Accept gives to a type, in thousandths; 0: it does not
 * name it. Ranges such as text/... with an asterisk are not looked at. */
unsigned cl_http_weight(const char *accept, const char *type);

#endif
