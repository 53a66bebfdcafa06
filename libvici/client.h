/*
 * A blocking VICI client.
 *
 *	struct vici_client *c = vici_client_connect(VICI_SOCKET_DEFAULT, &why);
 *	enum vici_result r = vici_client_call(c, &(struct vici_call){ .command = "version" },
 *		&answer, &why);
 *
 * What the daemon sends is never trusted: a malformed or oversized packet, or one out of turn,
 * ends the call with VICI_FAILED, and the connection is not used again. One thread at a time.
 */
#ifndef LIBVICI_CLIENT_H
#define LIBVICI_CLIENT_H

#include "libvici/builder.h"
#include "libvici/packet.h"

struct vici_client;

enum vici_result {
	VICI_OK,
	VICI_UNKNOWN_COMMAND, /* the daemon does not have this command */
	VICI_UNKNOWN_EVENT,   /* the daemon does not have an event that was asked for */
	VICI_FAILED,          /* the connection broke, timed out, or the daemon spoke nonsense */
};

struct vici_call {
	const char *command;
	struct vici_builder *arguments; /* a bare message, or NULL for none */
	const char *const *events;      /* registered before and unregistered after; or NULL */
	size_t event_count;
	/* For each event, in order, before the answer; the message dies on return. */
	void (*on_event)(void *context, struct bytes name, struct vici_view message);
	void *context;
};

/* uri: unix:///path, tcp://host:port, or a plain path. NULL, why and errno on failure.
 * A NULL uri is VICI_SOCKET_DEFAULT. */
struct vici_client *vici_client_connect(const char *uri, struct why *why);

/* The same over a connected socket, which it takes over, also on failure. NULL when memory ran out.
 */
struct vici_client *vici_client_of(int fd);

/* How long one packet may take to arrive or leave; -1, the default, is for ever. */
void vici_client_set_timeout(struct vici_client *c, int milliseconds);

/* Sends a command and waits for its answer. *ret is the answer's root, valid until the next call;
 * absent unless VICI_OK. ret may be NULL. */
MUST_USE enum vici_result vici_client_call(struct vici_client *c, const struct vici_call *call,
	struct vici_view *ret, struct why *why);

/* Registers for events and hands them on until on_event returns false (VICI_OK) or the
 * connection ends (VICI_FAILED). */
MUST_USE enum vici_result vici_client_listen(struct vici_client *c, const char *const *events,
	size_t event_count,
	bool (*on_event)(void *context, struct bytes name, struct vici_view message), void *context,
	struct why *why);

/* Closes; NULL is fine. */
void vici_client_free(struct vici_client *c);

#endif
