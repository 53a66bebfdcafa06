#include "libvici/client.h"

#include "libbase/secret.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct vici_client {
	int fd;
	int timeout; /* milliseconds, or -1 */
	bool broken;
	uint8_t *buffer; /* the last packet received */
	size_t capacity;
	struct vici_message message; /* of the last packet; borrows buffer */
};

static bool client_fail(struct vici_client *c, struct why *why, const char *what)
{
	c->broken = true;
	return why_fail(why, "%s", what);
}

static int connect_unix(const char *path, struct why *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		why_fail(why, "%s: %s", path, strerror(errno));
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	why_fail(why, "%s: %s", path, strerror(error));
	return -1;
}

static int connect_any(const struct addrinfo *list)
{
	int error = ENOENT;

	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			return fd;
		error = errno;
		if (fd >= 0)
			close(fd);
	}
	errno = error;
	return -1;
}

/* host:port, [address]:port, or host for the default port. */
static int connect_tcp(const char *where, struct why *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	char host[256], port[16];
	const char *colon = strrchr(where, ':'), *bracket = strrchr(where, ']');

	if (colon && bracket && colon < bracket)
		colon = NULL;
	size_t length = colon ? (size_t)(colon - where) : strlen(where);
	if (length >= 2 && where[0] == '[' && where[length - 1] == ']') {
		where++;
		length -= 2;
	}
	snprintf(host, sizeof(host), "%.*s", (int)length, where);
	if (colon)
		snprintf(port, sizeof(port), "%s", colon + 1);
	else
		snprintf(port, sizeof(port), "%d", VICI_PORT_DEFAULT);
	int rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0) {
		errno = EINVAL;
		why_fail(why, "%s port %s: %s", host, port, gai_strerror(rc));
		return -1;
	}
	int fd = connect_any(list);
	int error = errno;
	freeaddrinfo(list);
	errno = error;
	if (fd < 0)
		why_fail(why, "%s port %s: %s", host, port, strerror(error));
	return fd;
}

static int connect_uri(const char *uri, struct why *why)
{
	if (strncmp(uri, "unix://", 7) == 0)
		return connect_unix(uri + 7, why);
	if (strncmp(uri, "tcp://", 6) == 0)
		return connect_tcp(uri + 6, why);
	if (uri[0] && !strstr(uri, "://"))
		return connect_unix(uri, why);
	errno = EINVAL;
	why_fail(why, "%s: wanted unix:///path or tcp://host:port", uri);
	return -1;
}

struct vici_client *vici_client_connect(const char *uri, struct why *why)
{
	struct vici_client *c = calloc(1, sizeof(*c));

	if (!c) {
		why_fail(why, "out of memory");
		return NULL;
	}
	c->timeout = -1;
	c->fd = connect_uri(uri ? uri : VICI_SOCKET_DEFAULT, why);
	if (c->fd >= 0)
		return c;
	int error = errno;
	free(c);
	errno = error;
	return NULL;
}

struct vici_client *vici_client_of(int fd)
{
	struct vici_client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	c->timeout = -1;
	c->fd = fd;
	return c;
}

void vici_client_set_timeout(struct vici_client *c, int milliseconds)
{
	c->timeout = milliseconds;
}

void vici_client_free(struct vici_client *c)
{
	if (!c)
		return;
	close(c->fd);
	vici_message_free(&c->message);
	free(c->buffer);
	free(c);
}

static bool client_wait(struct vici_client *c, short events, struct why *why)
{
	struct pollfd wait = { .fd = c->fd, .events = events };
	int rc;

	do
		rc = poll(&wait, 1, c->timeout);
	while (rc < 0 && errno == EINTR);
	if (rc == 0) {
		errno = ETIMEDOUT;
		return client_fail(c, why, "the daemon did not answer in time");
	}
	return rc > 0 || client_fail(c, why, strerror(errno));
}

static bool client_send(struct vici_client *c, struct bytes wire, struct why *why)
{
	while (wire.length > 0) {
		ssize_t n = send(c->fd, wire.at, wire.length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!client_wait(c, POLLOUT, why))
				return false;
			continue;
		}
		if (n < 0)
			return client_fail(c, why, strerror(errno));
		wire = bytes_of(wire.at + n, wire.length - (size_t)n);
	}
	return true;
}

static bool client_read(struct vici_client *c, uint8_t *at, size_t length, struct why *why)
{
	while (length > 0) {
		/* Without a limit recv() itself waits: thousands of calls need not ask first. */
		if (c->timeout >= 0 && !client_wait(c, POLLIN, why))
			return false;
		ssize_t n = recv(c->fd, at, length, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return client_fail(c, why, strerror(errno));
		if (n == 0) {
			errno = ECONNRESET;
			return client_fail(c, why, "the daemon closed the connection");
		}
		at += n;
		length -= (size_t)n;
	}
	return true;
}

/* The next packet and its message, into c. */
static bool client_receive(struct vici_client *c, struct vici_packet *ret, struct why *why)
{
	uint8_t header[VICI_FRAME_HEADER];
	size_t size = 0;

	vici_message_free(&c->message);
	if (!client_read(c, header, sizeof(header), why))
		return false;
	errno = EPROTO;
	if (vici_frame_next(bytes_of(header, sizeof(header)), &size) == VICI_FRAME_BAD)
		return client_fail(c, why, "the daemon sent a packet of an impossible length");
	size -= VICI_FRAME_HEADER;
	if (size > c->capacity) {
		uint8_t *buffer = realloc(c->buffer, size);

		if (!buffer)
			return client_fail(c, why, "out of memory");
		c->buffer = buffer;
		c->capacity = size;
	}
	if (!client_read(c, c->buffer, size, why))
		return false;
	if (!vici_packet_parse(bytes_of(c->buffer, size), ret, why) ||
		!vici_message_parse(ret->message, &c->message, why)) {
		errno = EPROTO;
		c->broken = true;
		return false;
	}
	return true;
}

static bool client_unexpected(
	struct vici_client *c, const struct vici_packet *packet, struct why *why)
{
	c->broken = true;
	errno = EPROTO;
	return why_fail(why, "the daemon sent %s out of turn", vici_packet_type_name(packet->type));
}

/* Sends a packet of that type and name, with the message of `arguments` if there is one. */
static bool client_packet(struct vici_client *c, enum vici_packet_type type, const char *name,
	struct vici_builder *arguments, struct why *why)
{
	struct vici_builder b = vici_builder_packet(type, name);
	struct bytes wire;
	bool ok = true;

	if (arguments) {
		ok = vici_builder_finish(arguments, &wire);
		if (ok)
			vici_append(&b, wire);
	}
	if (!ok || !vici_builder_finish(&b, &wire)) {
		errno = EMSGSIZE;
		ok = why_fail(why, "what should be sent with %s is too long for VICI", name);
	} else {
		ok = client_send(c, wire, why);
	}
	vici_builder_free(&b);
	return ok;
}

/* (Un)registers an event; other events that arrive meanwhile are for on_event, if given. */
static enum vici_result client_register(
	struct vici_client *c, enum vici_packet_type type, const char *event, struct why *why)
{
	struct vici_packet packet;

	if (!client_packet(c, type, event, NULL, why))
		return VICI_FAILED;
	for (;;) {
		if (!client_receive(c, &packet, why))
			return VICI_FAILED;
		switch (packet.type) {
		case VICI_EVENT_CONFIRM:
			return VICI_OK;
		case VICI_EVENT_UNKNOWN:
			why_fail(why, "the daemon does not know the event %s", event);
			return VICI_UNKNOWN_EVENT;
		case VICI_EVENT:
			continue; /* between confirmation and command nothing is meant for us */
		default:
			client_unexpected(c, &packet, why);
			return VICI_FAILED;
		}
	}
}

/* Registers all events, or none. */
static enum vici_result client_register_all(
	struct vici_client *c, const char *const *events, size_t count, struct why *why)
{
	for (size_t i = 0; i < count; i++) {
		enum vici_result result = client_register(c, VICI_EVENT_REGISTER, events[i], why);

		if (result == VICI_OK)
			continue;
		while (result == VICI_UNKNOWN_EVENT && i-- > 0)
			if (client_register(c, VICI_EVENT_UNREGISTER, events[i], NULL) != VICI_OK)
				result = VICI_FAILED;
		return result;
	}
	return VICI_OK;
}

static enum vici_result client_answer(
	struct vici_client *c, const struct vici_call *call, struct why *why)
{
	struct vici_packet packet;

	if (!client_packet(c, VICI_CMD_REQUEST, call->command, call->arguments, why))
		return VICI_FAILED;
	for (;;) {
		if (!client_receive(c, &packet, why))
			return VICI_FAILED;
		switch (packet.type) {
		case VICI_CMD_RESPONSE:
			return VICI_OK;
		case VICI_CMD_UNKNOWN:
			why_fail(why, "the daemon does not know the command %s", call->command);
			return VICI_UNKNOWN_COMMAND;
		case VICI_EVENT:
			if (call->on_event)
				call->on_event(call->context, packet.name, vici_root(&c->message));
			continue;
		default:
			client_unexpected(c, &packet, why);
			return VICI_FAILED;
		}
	}
}

enum vici_result vici_client_call(
	struct vici_client *c, const struct vici_call *call, struct vici_view *ret, struct why *why)
{
	if (ret)
		*ret = (struct vici_view){ 0 };
	if (c->broken) {
		errno = ENOTCONN;
		why_fail(why, "the connection to the daemon is broken");
		return VICI_FAILED;
	}
	enum vici_result result = client_register_all(c, call->events, call->event_count, why);
	if (result != VICI_OK)
		return result;
	result = client_answer(c, call, why);
	if (result == VICI_FAILED)
		return result;
	/* The answer must survive the packets that unregister the events. */
	uint8_t *buffer = c->buffer;
	size_t capacity = c->capacity;
	struct vici_message message = c->message;
	if (call->event_count > 0) {
		c->buffer = NULL;
		c->capacity = 0;
		c->message = (struct vici_message){ 0 };
	}
	for (size_t i = 0; i < call->event_count; i++)
		if (client_register(c, VICI_EVENT_UNREGISTER, call->events[i], NULL) == VICI_FAILED)
			break;
	if (call->event_count > 0) {
		vici_message_free(&c->message);
		free(c->buffer);
		c->buffer = buffer;
		c->capacity = capacity;
		c->message = message;
	}
	if (ret && result == VICI_OK)
		*ret = vici_root(&c->message);
	return result;
}

enum vici_result vici_client_listen(struct vici_client *c, const char *const *events,
	size_t event_count,
	bool (*on_event)(void *context, struct bytes name, struct vici_view message), void *context,
	struct why *why)
{
	enum vici_result result = client_register_all(c, events, event_count, why);
	struct vici_packet packet;

	while (result == VICI_OK) {
		if (!client_receive(c, &packet, why))
			return VICI_FAILED;
		if (packet.type != VICI_EVENT) {
			client_unexpected(c, &packet, why);
			return VICI_FAILED;
		}
		if (!on_event(context, packet.name, vici_root(&c->message)))
			break;
	}
	return result;
}
