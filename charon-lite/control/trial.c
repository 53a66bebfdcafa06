#include "charon-lite/control/trial.h"

#include "charon-lite/control/held.h"
#include "charon-lite/control/loaded.h"
#include "charon-lite/control/trial_file.h"
#include "charon-lite/private_keys.h"
#include "libvici/builder.h"
#include "libvici/packet.h"
#include "libvici/value.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define DIGEST_TEXT 65
#define DIGESTS_MAX 8
#define WAY_OUT "swanctl-lite --confirm-load ends this"

enum state {
	NOTHING,
	PENDING, /* the time runs */
	HELD,    /* taken back; not to come back by itself */
};

struct cl_trial {
	enum state state;
	struct event *timer;
	uint64_t until;                         /* milliseconds of CLOCK_BOOTTIME */
	char digests[DIGESTS_MAX][DIGEST_TEXT]; /* of all that is, or was, on trial */
	size_t digest_count;
	char since[32];               /* when it began, for people */
	struct cl_held *held;         /* what that changes, piece by piece */
	struct secret before;         /* PENDING: frames of what was loaded */
	char (*keys)[CL_KEY_ID_TEXT]; /* to be unloaded when it is confirmed */
	size_t key_count;
};

/* ---- Of time and boots ---- */

static uint64_t boot_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* "" when it cannot be told: then every start is one of another boot. */
static void boot_id(char ret[64])
{
	FILE *file = fopen(BOOT_ID, "re");

	if (!file || !fgets(ret, 64, file))
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	if (file)
		fclose(file);
}

static void wall_clock(char ret[32])
{
	time_t now = time(NULL);
	struct tm parts;

	if (!gmtime_r(&now, &parts) || strftime(ret, 32, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
		ret[0] = '\0';
}

/* ---- What a configuration is known by ---- */

/* A sum: the order in which objects come does not matter. */
static void digest_of(const struct cl_staging *s, char ret[DIGEST_TEXT])
{
	uint64_t sum[4] = { 0 };

	for (const struct cl_staged *o = s->objects; o; o = o->hh.next) {
		if (o->kind->outside || !(o->loads || o->refused))
			continue;
		for (size_t i = 0; i < 4; i++) {
			uint64_t part;

			memcpy(&part, o->digest + i * sizeof(part), sizeof(part));
			sum[i] += part;
		}
	}
	snprintf(ret, DIGEST_TEXT, "%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, sum[0],
		sum[1], sum[2], sum[3]);
}

static bool has_digest(const struct cl_trial *t, const char *digest)
{
	for (size_t i = 0; i < t->digest_count; i++)
		if (strcmp(t->digests[i], digest) == 0)
			return true;
	return false;
}

/* The last ones count. False: it is there already. */
static bool add_digest(struct cl_trial *t, const char *digest)
{
	if (has_digest(t, digest))
		return false;
	if (t->digest_count == DIGESTS_MAX)
		memmove(t->digests[0], t->digests[1], --t->digest_count * sizeof(*t->digests));
	snprintf(t->digests[t->digest_count++], DIGEST_TEXT, "%s", digest);
	return true;
}

/* ---- The file ---- */

static bool write_file(struct cl_daemon *d, struct bytes before, struct why *why)
{
	const struct cl_trial *t = d->trial;
	struct vici_builder b = vici_builder_packet(VICI_CMD_REQUEST, "trial");
	AUTO_SECRET content = { 0 };
	struct bytes frame;
	char boot[64];

	boot_id(boot);
	vici_key_text(&b, "state", t->state == HELD ? "taken-back" : "unconfirmed");
	vici_key_text(&b, "boot", boot);
	vici_key_format(&b, "until", "%" PRIu64, t->until);
	vici_list_start(&b, "digests");
	for (size_t i = 0; i < t->digest_count; i++)
		vici_item_text(&b, t->digests[i]);
	vici_list_end(&b);
	vici_key_text(&b, "since", t->since);
	vici_key_format(&b, "length", "%zu", before.length);
	bool good =
		vici_builder_finish(&b, &frame) &&
		secret_allocate(&content, frame.length + before.length + cl_held_length(t->held));
	if (good) {
		memcpy(content.at, frame.at, frame.length);
		bytes_copy(content.at + frame.length, before);
		cl_held_write(t->held, content.at + frame.length + before.length);
	}
	vici_builder_free(&b);
	if (!good)
		return why_fail(why, "out of memory");
	return cl_trial_file_write(d->settings.state_directory, secret_bytes(&content), why);
}

/* ---- Going back ---- */

static void log_changes(const struct cl_staging *s)
{
	for (const struct cl_staged *o = s->objects; o; o = o->hh.next) {
		if (!o->refused && o->change.effect == CL_UNCHANGED)
			continue;
		cl_log_text(s->daemon->log, IKE_LOG_CFG, o->refused ? IKE_LOG_AUDIT : IKE_LOG_INFO,
			"%s '%s': %s%s%s", o->kind->name, o->title ? o->title : cl_staged_name(o),
			o->refused ? "refused" : cl_effect_name(o->change.effect),
			o->error || o->change.keys ? ": " : "",
			o->refused ? (o->error ? o->error : "out of memory")
				   : (o->change.keys ? o->change.keys : ""));
	}
}

static void load_before(struct cl_daemon *d, struct bytes before)
{
	struct cl_staging *s = cl_staging_new(d);

	if (!s) {
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT, "out of memory");
		return;
	}
	cl_loaded_stage(s, before);
	(void)cl_staging_plan(s, true);
	log_changes(s);
	cl_held_except_staging(&d->trial->held, s);
	(void)cl_staging_apply(s);
	cl_staging_free(s);
}

static void forget_keys(struct cl_trial *t)
{
	free(t->keys);
	t->keys = NULL;
	t->key_count = 0;
}

/* The file says so before it is so: a daemon that is killed in between goes back once more. */
static void take_back(struct cl_daemon *d)
{
	struct cl_trial *t = d->trial;
	struct secret before = secret_move(&t->before);
	struct why why;

	evtimer_del(t->timer);
	forget_keys(t);
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
		"%s the configuration that was loaded at %s: nobody has confirmed it "
		"(swanctl-lite --confirm-load). What was loaded before is loaded again. Loading "
		"the same once more is refused, unless with --confirm",
		t->state == HELD ? "an earlier charon-lite has taken back" : "TAKING BACK",
		t->since);
	bool known = t->state == HELD;
	t->state = HELD;
	if (!known && !write_file(d, secret_bytes(&before), &why))
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"it will be forgotten with this process: %s", why.text);
	load_before(d, secret_bytes(&before));
	secret_free(&before);
	cl_daemon_rearm(d);
}

static void time_is_over(evutil_socket_t fd, short what, void *context)
{
	struct cl_daemon *d = context;

	(void)fd, (void)what;
	if (d->trial->state == PENDING && !d->stopping)
		take_back(d);
}

static void run_until(struct cl_trial *t)
{
	uint64_t now = boot_now(), wait = t->until > now ? t->until - now : 0;
	const struct timeval tv = { (time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000) };

	evtimer_add(t->timer, &tv);
}

/* ---- A trial ---- */

bool cl_trial_is_pending(const struct cl_daemon *d)
{
	return d->trial && d->trial->state == PENDING;
}

bool cl_trial_is(const struct cl_daemon *d)
{
	return d->trial && d->trial->state != NOTHING;
}

/* What is held may be of more than is on trial then: less harm than of less. */
static void give_up(struct cl_trial *t, const struct cl_trial *was)
{
	struct cl_held *held = t->held;

	*t = *was;
	if (was->state == PENDING)
		t->held = held;
	else
		cl_held_free(&held);
}

bool cl_trial_begin(
	struct cl_daemon *d, const struct cl_staging *s, uint32_t seconds, struct why *why)
{
	struct cl_trial *t = d->trial, was = *t;
	struct secret before = { 0 };
	char digest[DIGEST_TEXT];

	if (t->state != PENDING && !cl_loaded_write(d, &before, why)) {
		secret_free(&before);
		return false;
	}
	if (t->state != PENDING)
		t->held = NULL;
	if (!cl_held_add_staging(&t->held, s)) {
		secret_free(&before);
		give_up(t, &was);
		return why_fail(why, "out of memory");
	}
	t->state = PENDING;
	t->until = boot_now() + (uint64_t)seconds * 1000;
	wall_clock(t->since);
	digest_of(s, digest);
	if (was.state != PENDING)
		t->digest_count = 0;
	(void)add_digest(t, digest);
	if (was.state != PENDING)
		t->before = secret_move(&before);
	if (!write_file(d, secret_bytes(&t->before), why)) {
		if (was.state != PENDING)
			secret_free(&t->before);
		give_up(t, &was);
		return false;
	}
	if (was.state != PENDING)
		cl_held_free(&was.held);
	run_until(t);
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
		"a configuration is on trial: it is taken back unless swanctl-lite --confirm-load "
		"comes within %" PRIu32 " seconds",
		seconds);
	return true;
}

/* The file goes first: whatever it says would be so again at the next start. */
static bool forget(struct cl_daemon *d, struct why *why)
{
	struct cl_trial *t = d->trial;

	if (!cl_trial_file_remove(d->settings.state_directory, why))
		return false;
	evtimer_del(t->timer);
	secret_free(&t->before);
	forget_keys(t);
	cl_held_free(&t->held);
	t->state = NOTHING;
	return true;
}

static bool end_hold(struct cl_daemon *d, const char *reason, struct why *why)
{
	if (!forget(d, why))
		return why_prefix(why, "what was taken back cannot be forgotten: ");
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
		"%s: what was loaded at %s and has been taken back may be loaded again", reason,
		d->trial->since);
	return true;
}

/* Nothing is confirmed by it: who comes too late is told so. */
static bool confirm_too_late(struct cl_daemon *d, struct why *why)
{
	if (end_hold(d, "by --confirm-load", why))
		why_fail(why,
			"it is too late: what was loaded at %s has been taken back; from now on it "
			"may be loaded again",
			d->trial->since);
	return false;
}

bool cl_trial_confirm(struct cl_daemon *d, struct why *why)
{
	struct cl_trial *t = d->trial;

	if (t->state == HELD)
		return confirm_too_late(d, why);
	if (t->state == NOTHING)
		return why_fail(why, "nothing waits for a confirmation");
	size_t count = t->key_count;
	char(*keys)[CL_KEY_ID_TEXT] = t->keys;
	t->keys = NULL;
	t->key_count = 0;
	if (!forget(d, why)) {
		t->keys = keys;
		t->key_count = count;
		return why_prefix(why, "it is NOT confirmed, and will be taken back: ");
	}
	for (size_t i = 0; i < count; i++)
		cl_key_unload_named(d, keys[i]);
	free(keys);
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT, "the configuration is confirmed");
	return true;
}

bool cl_trial_refuses(struct cl_daemon *d, const struct cl_staging *s, struct why *why)
{
	const struct cl_trial *t = d->trial;
	char digest[DIGEST_TEXT];

	if (t->state != HELD)
		return false;
	digest_of(s, digest);
	if (!has_digest(t, digest))
		return false;
	why_fail(why,
		"this is what was loaded at %s and has been taken back, as nobody confirmed it: "
		"nothing but private keys is applied; change it, or load it with "
		"--confirm; " WAY_OUT,
		t->since);
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT, "refused a configuration: %s", why->text);
	return true;
}

static bool has_what_counts(const struct cl_staging *s)
{
	for (const struct cl_staged *o = s->objects; o; o = o->hh.next)
		if (!o->kind->outside && !o->refused)
			return true;
	return false;
}

bool cl_trial_gives_way(struct cl_daemon *d, const struct cl_staging *s, struct why *why)
{
	return d->trial->state != HELD || !has_what_counts(s) ||
	       end_hold(d, "another configuration is loaded", why);
}

/* Something may load it again by itself like what came with the confirmation. */
void cl_trial_applied(struct cl_daemon *d, const struct cl_staging *s)
{
	char digest[DIGEST_TEXT];
	struct why why = { "out of memory" };

	digest_of(s, digest);
	if (d->trial->state != PENDING || !add_digest(d->trial, digest))
		return;
	if (!cl_held_add_staging(&d->trial->held, s) ||
		!write_file(d, secret_bytes(&d->trial->before), &why))
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"that this is on trial will be forgotten with this process: %s", why.text);
}

/* ---- Who loads piece by piece ---- */

static void log_refused(const struct cl_daemon *d, struct bytes command, const struct why *why)
{
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT, "refused %.*s: %s", (int)command.length,
		(const char *)command.at, why->text);
}

bool cl_trial_lets_go(struct cl_daemon *d, const char *command, struct why *why)
{
	if (!d->trial || d->trial->state != HELD)
		return true;
	why_fail(why,
		"what was loaded at %s has been taken back, as nobody confirmed it, and what would "
		"go is needed; " WAY_OUT,
		d->trial->since);
	log_refused(d, bytes_of_text(command), why);
	return false;
}

bool cl_trial_takes_piece(
	struct cl_daemon *d, struct bytes command, struct vici_view request, struct why *why)
{
	struct cl_trial *t = d->trial;

	if (!t || t->state == NOTHING)
		return true;
	if (t->state == PENDING)
		return cl_held_add_request(&t->held, command, request) ||
		       why_fail(why, "out of memory");
	if (!cl_held_has_request(t->held, command, request))
		return !cl_loaded_changes(d, command, request) ||
		       end_hold(d, "something else is loaded", why);
	why_fail(why,
		"this is of what was loaded at %s and has been taken back, as nobody confirmed "
		"it; " WAY_OUT,
		t->since);
	log_refused(d, command, why);
	return false;
}

/* ---- Keys that go with the confirmation ---- */

static size_t find_key(const struct cl_trial *t, const char *id)
{
	size_t i = 0;

	while (i < t->key_count && strcasecmp(t->keys[i], id) != 0)
		i++;
	return i;
}

bool cl_trial_keeps_key(struct cl_daemon *d, const char *id)
{
	struct cl_trial *t = d->trial;

	if (!cl_trial_is_pending(d))
		return false;
	if (find_key(t, id) < t->key_count)
		return true;
	char(*grown)[CL_KEY_ID_TEXT] = reallocarray(t->keys, t->key_count + 1, sizeof(*grown));
	if (!grown)
		return true; /* it stays for good: less harm than without it */
	t->keys = grown;
	snprintf(grown[t->key_count++], CL_KEY_ID_TEXT, "%s", id);
	return true;
}

void cl_trial_keep_keys(struct cl_daemon *d)
{
	const struct ike_certificates *store = ike_engine_certificates(d->engine);
	const struct ike_private_key *key;
	char id[CL_KEY_ID_TEXT];

	for (size_t i = 0; (key = ike_certificates_key(store, i)); i++)
		(void)cl_trial_keeps_key(d, cl_key_id_format(ike_public_key_id(key->public), id));
}

void cl_trial_wants_key(struct cl_daemon *d, const uint8_t id[IKE_KEY_ID_LENGTH])
{
	struct cl_trial *t = d->trial;
	char text[CL_KEY_ID_TEXT];

	if (!t) /* who judges has none */
		return;
	size_t i = find_key(t, cl_key_id_format(id, text));
	if (i < t->key_count)
		memmove(t->keys[i], t->keys[--t->key_count], sizeof(*t->keys));
}

/* ---- What an earlier process left ---- */

static bool read_digests(struct vici_view header, struct cl_trial *t)
{
	t->digest_count = 0;
	VICI_EACH(each, vici_find(header, "digests"))
	{
		struct bytes value = vici_value(each);
		char digest[DIGEST_TEXT];

		if (value.length != DIGEST_TEXT - 1)
			return false;
		bytes_copy(digest, value);
		digest[DIGEST_TEXT - 1] = '\0';
		(void)add_digest(t, digest);
	}
	return t->digest_count > 0;
}

/* *rest: what was loaded before; the digests are behind it. */
static bool read_header(struct cl_trial *t, struct bytes *rest, bool *ret_other_boot)
{
	char state[32], boot[64], here[64];
	struct vici_packet packet;
	struct vici_message message;
	uint64_t length = 0;
	struct why why;
	bool bad;

	if (!cl_loaded_frame(rest, &packet, &bad) || !vici_is(packet.name, "trial") ||
		!vici_message_parse(packet.message, &message, &why))
		return false;
	struct vici_view header = vici_root(&message);
	bool good = vici_get_text(header, "state", state, sizeof(state)) &&
		    vici_get_text(header, "boot", boot, sizeof(boot)) && read_digests(header, t) &&
		    vici_get_text(header, "since", t->since, sizeof(t->since)) &&
		    value_unsigned(vici_get(header, "until"), &t->until) &&
		    value_unsigned(vici_get(header, "length"), &length) && length <= rest->length &&
		    cl_held_read(&t->held, bytes_of(rest->at + length, rest->length - length));
	if (good)
		rest->length = length;
	vici_message_free(&message);
	boot_id(here);
	*ret_other_boot = good && (!*here || strcmp(boot, here) != 0);
	t->state = good && strcmp(state, "taken-back") == 0 ? HELD : PENDING;
	return good;
}

static void go_on(struct cl_daemon *d, struct secret *content)
{
	struct cl_trial *t = d->trial;
	struct bytes rest = secret_bytes(content);
	bool other_boot;

	if (!read_header(t, &rest, &other_boot) || !secret_copy(&t->before, rest)) {
		t->state = NOTHING;
		cl_held_free(&t->held);
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"%s/%s, with what was loaded before an unconfirmed configuration, is no "
			"good: "
			"NOTHING IS TAKEN BACK",
			d->settings.state_directory, CL_TRIAL_NAME);
	} else if (t->state == PENDING && !other_boot && t->until > boot_now()) {
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"the configuration that an earlier charon-lite loaded at %s is still on "
			"trial: it is taken back in %" PRIu64 " seconds unless swanctl-lite "
			"--confirm-load comes before",
			t->since, (t->until - boot_now() + 999) / 1000);
		run_until(t);
	} else {
		take_back(d);
	}
}

bool cl_trial_open(struct cl_daemon *d, struct why *why)
{
	AUTO_SECRET content = { 0 };
	struct why unread;
	bool there;

	d->trial = calloc(1, sizeof(*d->trial));
	if (!d->trial || !(d->trial->timer = evtimer_new(d->base, time_is_over, d)))
		return why_fail(why, "out of memory");
	if (cl_trial_file_read(d->settings.state_directory, &content, &there, &unread))
		go_on(d, &content);
	else if (there)
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"an earlier charon-lite loaded a configuration that nobody has confirmed, "
			"and "
			"NOTHING IS TAKEN BACK: %s",
			unread.text);
	return true;
}

void cl_trial_close(struct cl_daemon *d)
{
	cl_loaded_free(&d->loaded);
	if (!d->trial)
		return;
	if (d->trial->timer)
		event_free(d->trial->timer);
	secret_free(&d->trial->before);
	forget_keys(d->trial);
	cl_held_free(&d->trial->held);
	free(d->trial);
	d->trial = NULL;
}
