/* Talking to the daemon, and what is common to the answers of most commands. */
#include "swanctl-lite/command.h"

#include "libvici/settings.h"
#include "swanctl-lite/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

void swanctl_add_option(
	const struct swanctl *s, struct vici_builder *b, char letter, const char *key)
{
	if (swanctl_given(s, letter))
		vici_key_text(b, key, swanctl_value(s, letter));
}

/* The socket that strongswan.conf names (swanctl.socket), else the default; to be freed. */
static char *default_uri(void)
{
	const char *path = settings_path();
	struct settings *settings = path ? settings_load(path, NULL) : NULL;
	const char *uri = settings ? settings_get(settings_root(settings), "swanctl.socket") : NULL;
	char *copy = strdup(uri ? uri : VICI_SOCKET_DEFAULT);

	settings_free(settings);
	return copy;
}

/* In strongSwan's two lines: what failed, and then which of its URIs that was. */
static void print_no_daemon(
	const struct swanctl *s, const char *uri, int error, const struct why *why)
{
	const char *reason = error == EINVAL ? why->text : strerror(error);

	if (s->debug >= 1 && strstr(uri, "://"))
		fprintf(stderr, "connecting to '%s' failed: %s\n", uri, reason);
	fprintf(stderr, "Error: connecting to '%s' URI failed: %s\n",
		swanctl_given(s, 'u') ? uri : "default", reason);
}

static char *uri_of(const struct swanctl *s)
{
	return swanctl_given(s, 'u') ? strdup(swanctl_value(s, 'u')) : default_uri();
}

bool swanctl_connect_again(struct swanctl *s, struct why *why)
{
	char *uri = uri_of(s);

	if (!uri)
		return why_fail(why, "out of memory");
	if (!s->client)
		s->client = vici_client_connect(uri, why);
	free(uri);
	return s->client != NULL;
}

bool swanctl_connect(struct swanctl *s, int *ret_status)
{
	char *uri = uri_of(s);
	struct why why;

	if (!s->client && uri) {
		s->client = vici_client_connect(uri, &why);
		if (!s->client) {
			*ret_status = errno ? errno : EIO;
			print_no_daemon(s, uri, *ret_status, &why);
		}
	}
	free(uri);
	return s->client != NULL;
}

bool swanctl_call(
	struct swanctl *s, const struct vici_call *call, struct vici_view *ret, int *ret_status)
{
	struct why why = { "" };

	if (!swanctl_connect(s, ret_status))
		return false;
	if (s->debug >= 2)
		fprintf(stderr, "sending %s\n", call->command);
	errno = 0;
	switch (vici_client_call(s->client, call, ret, &why)) {
	case VICI_OK:
		return true;
	case VICI_UNKNOWN_COMMAND:
		fprintf(stderr, "%s request failed: not supported by this daemon\n", call->command);
		*ret_status = ENOENT;
		return false;
	case VICI_UNKNOWN_EVENT:
		fprintf(stderr, "registering for events failed: %s\n", why.text);
		*ret_status = ENOENT;
		return false;
	case VICI_FAILED:
		break;
	}
	*ret_status = errno ? errno : EPROTO;
	fprintf(stderr, "%s request failed: %s\n", call->command, why.text);
	return false;
}

void swanctl_complain(struct swanctl *s, enum check_code code, const struct settings_place *place,
	const char *path, const char *format, ...)
{
	char text[1024];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	if (s->check)
		check_complaint(s->check, code, place, path, text);
	else if (place)
		fprintf(stderr, "%s:%u: %s\n", place->file, place->line, text);
	else
		fprintf(stderr, "%s\n", text);
}

bool swanctl_succeeded(struct vici_view answer)
{
	return vici_is(vici_get(answer, "success"), "yes");
}

int swanctl_simple(struct swanctl *s, const struct vici_call *call, const char *what, bool *ret_ok)
{
	struct vici_view answer;
	char label[64];
	int status;

	*ret_ok = false;
	if (!swanctl_call(s, call, &answer, &status))
		return status;
	*ret_ok = swanctl_succeeded(answer);
	if (s->format != SWANCTL_TEXT) {
		snprintf(label, sizeof(label), "%s reply", what);
		swanctl_dump(stdout, s->format, label, answer);
		return s->format == SWANCTL_JSON && !*ret_ok;
	}
	if (!*ret_ok) {
		fprintf(stderr, "%s failed: %s\n", what, SWANCTL_GAP_OF(answer, "errmsg"));
		return 1;
	}
	return 0;
}

struct stream {
	struct swanctl *s;
	const char *event;
	const char *label; /* of a dump */
	void (*print)(struct vici_view message);
	bool any;
};

static void on_stream(void *context, struct bytes name, struct vici_view message)
{
	struct stream *stream = context;
	char label[64];

	if (!vici_is(name, stream->event))
		return;
	switch (stream->s->format) {
	case SWANCTL_TEXT:
		stream->print(message);
		break;
	case SWANCTL_JSON:
		fputs(stream->any ? ",\n" : "[\n", stdout);
		swanctl_dump_json(stdout, message);
		break;
	default:
		snprintf(label, sizeof(label), "%s event", stream->label);
		swanctl_dump(stdout, stream->s->format, label, message);
	}
	stream->any = true;
}

int swanctl_stream(struct swanctl *s, const char *command, const char *event,
	struct vici_builder *arguments, void (*print)(struct vici_view message))
{
	/* strongSwan's swanctl dumps all list events under the event's name but this one. */
	bool odd = strcmp(event, "list-authority") == 0;
	struct stream stream = { s, event, odd ? command : event, print, false };
	struct vici_call call = { command, arguments, &event, 1, on_stream, &stream };
	struct vici_view answer;
	char label[64];
	int status = 0;

	bool ok = swanctl_call(s, &call, &answer, &status);
	if (s->format == SWANCTL_JSON && (ok || stream.any))
		fputs(stream.any ? "\n]\n" : "[]\n", stdout);
	if (!ok)
		return status;
	if (s->format == SWANCTL_RAW_DUMP || s->format == SWANCTL_PRETTY_DUMP) {
		snprintf(label, sizeof(label), "%s reply", command);
		swanctl_dump(stdout, s->format, label, answer);
	} else if (swanctl_has(answer, "errmsg")) {
		fprintf(stderr, "%s failed: %s\n", command, SWANCTL_GAP_OF(answer, "errmsg"));
		return 1;
	}
	return 0;
}

struct follow {
	struct swanctl *s;
	const char *label;
	void (*print)(struct vici_view message);
};

static bool on_followed(void *context, struct bytes name, struct vici_view message)
{
	const struct follow *f = context;
	char label[64];

	if (f->s->format == SWANCTL_TEXT) {
		f->print(message);
	} else {
		snprintf(label, sizeof(label), "%.*s event", (int)name.length,
			(const char *)name.at);
		swanctl_dump(stdout, f->s->format, f->label ? f->label : label, message);
	}
	fflush(stdout);
	return true;
}

/* Of several the first may be unknown to the daemon. */
static enum vici_result listen(
	struct swanctl *s, const char *const *events, struct follow *f, struct why *why)
{
	enum vici_result result;
	size_t count = 0;

	while (events[count])
		count++;
	result = vici_client_listen(s->client, events, count, on_followed, f, why);
	if (result == VICI_UNKNOWN_EVENT && count > 1)
		result = vici_client_listen(s->client, events + 1, count - 1, on_followed, f, why);
	return result;
}

int swanctl_follow(struct swanctl *s, const char *const *events, const char *label,
	void (*print)(struct vici_view message))
{
	struct follow f = { s, label, print };
	struct why why = { "" };
	int status;

	if (!swanctl_connect(s, &status))
		return status;
	errno = 0;
	enum vici_result result = listen(s, events, &f, &why);
	if (result == VICI_OK)
		return 0;
	status = errno ? errno : EPROTO;
	if (result == VICI_UNKNOWN_EVENT)
		fprintf(stderr, "registering for events failed: %s\n", why.text);
	else
		fprintf(stderr, "disconnected: %s\n", why.text);
	return status;
}

void swanctl_dump_reply(
	const struct swanctl *s, const char *command, const char *name, struct vici_view answer)
{
	char label[64];

	if (s->quiet)
		return;
	if (s->format == SWANCTL_JSON) {
		struct vici_builder b = { 0 };
		struct vici_message message;
		struct bytes wire;

		vici_key_text(&b, "command", command);
		if (name)
			vici_key_text(&b, "name", name);
		VICI_EACH(each, answer)
		vici_copy(&b, each);
		if (vici_builder_finish(&b, &wire) && vici_message_parse(wire, &message, NULL)) {
			swanctl_dump(stdout, s->format, "", vici_root(&message));
			vici_message_free(&message);
		}
		vici_builder_free(&b);
		return;
	}
	snprintf(label, sizeof(label), "%s reply", command);
	swanctl_dump(stdout, s->format, label, answer);
}
