/* Before anybody includes uthash.h. */
#undef HASH_NONFATAL_OOM
#define HASH_NONFATAL_OOM 1
#include "charon-lite/control/loaded.h"

#include "libvici/builder.h"

#include <stdlib.h>
#include <uthash.h>

struct cl_loaded {
	UT_hash_handle hh;
	const char *command;
	struct bytes message; /* heap */
	size_t key_length;
	char key[]; /* the command, a zero, the name */
};

struct bytes cl_message_of(struct vici_view section)
{
	struct vici_builder b = { 0 };
	struct bytes wire, copy = { 0 };

	if (vici_name(section).length > 0) {
		vici_copy(&b, section);
	} else {
		VICI_EACH(each, section)
		vici_copy(&b, each);
	}
	if (vici_builder_finish(&b, &wire)) {
		uint8_t *at = malloc(wire.length + 1);

		if (at)
			bytes_copy(at, wire);
		copy = bytes_of(at, at ? wire.length : 0);
	}
	vici_builder_free(&b);
	return copy;
}

void cl_message_wipe(struct bytes message)
{
	if (message.at)
		secret_wipe((uint8_t *)message.at, message.length);
	free((uint8_t *)message.at);
}

static void loaded_free(struct cl_loaded *l)
{
	free((uint8_t *)l->message.at);
	free(l);
}

static struct cl_loaded *loaded_new(const char *command, const char *name)
{
	size_t first = strlen(command) + 1, length = first + strlen(name) + 1;
	struct cl_loaded *l = calloc(1, sizeof(*l) + length);

	if (l) {
		l->command = command;
		l->key_length = length;
		memcpy(l->key, command, first);
		memcpy(l->key + first, name, length - first);
	}
	return l;
}

/* What memory runs out for a rollback cannot bring back: nothing else hangs on it. */
void cl_loaded_set(
	struct cl_loaded **all, const char *command, const char *name, struct bytes message)
{
	struct cl_loaded *l = loaded_new(command, name), *old = NULL;

	if (!l) {
		free((uint8_t *)message.at);
		return;
	}
	l->message = message;
	HASH_FIND(hh, *all, l->key, l->key_length, old);
	if (old && bytes_equal(old->message, message)) {
		free((uint8_t *)message.at);
		free(l);
		return;
	}
	if (old) {
		HASH_DEL(*all, old);
		loaded_free(old);
	}
	if (message.at)
		HASH_ADD_KEYPTR(hh, *all, l->key, l->key_length, l);
	if (!message.at || !l->hh.tbl)
		loaded_free(l);
}

void cl_loaded_free(struct cl_loaded **all)
{
	struct cl_loaded *l, *next;

	HASH_ITER(hh, *all, l, next)
	{
		HASH_DEL(*all, l);
		loaded_free(l);
	}
}

void cl_loaded_names(const struct cl_loaded *all,
	void (*visit)(void *context, const char *command, const char *name), void *context)
{
	for (const struct cl_loaded *l = all; l; l = l->hh.next)
		visit(context, l->command, l->key + strlen(l->command) + 1);
}

/* ---- All of it ---- */

struct writing {
	struct secret *to; /* grows by doubling; length is what is used */
	size_t room;
	bool lost;
};

static void append(struct writing *w, struct bytes frame)
{
	size_t wanted = w->to->length + frame.length;

	if (!w->lost && wanted > w->room) {
		struct secret larger = { 0 };
		size_t room = wanted * 2;

		w->lost = !secret_allocate(&larger, room);
		if (!w->lost) {
			if (w->to->length)
				memcpy(larger.at, w->to->at, w->to->length);
			larger.length = w->to->length;
			secret_wipe(w->to->at, w->to->length);
			free(w->to->at);
			*w->to = larger;
			w->room = room;
		}
	}
	if (w->lost)
		return;
	memcpy(w->to->at + w->to->length, frame.at, frame.length);
	w->to->length = wanted;
}

/* b: a packet; it is freed. */
static void append_packet(struct writing *w, struct vici_builder *b)
{
	struct bytes frame;

	if (vici_builder_finish(b, &frame))
		append(w, frame);
	else
		w->lost = true;
	vici_builder_free(b);
}

static void write_certificate(struct writing *w, const struct ike_stored_certificate *stored)
{
	static const char *const flags[] = { "NONE", "CA", "OCSP", "AA" };
	const struct ike_certificate *c = stored->certificate;
	bool raw = ike_certificate_kind(c) == IKE_CERTIFICATE_PUBLIC_KEY;
	struct vici_builder b = vici_builder_packet(VICI_CMD_REQUEST, "load-cert");

	vici_key_text(&b, "type", raw ? "PUBKEY" : "X509");
	vici_key_text(&b, "flag", flags[stored->role]);
	vici_key_bytes(&b, "data", ike_certificate_der(c));
	append_packet(w, &b);
}

static void write_certificates(struct writing *w, struct ike_certificates *store)
{
	const struct ike_stored_certificate *stored;

	for (size_t i = 0; (stored = ike_certificates_get(store, i)); i++)
		if (!stored->cached && !ike_certificate_by_authority(stored))
			write_certificate(w, stored);
}

/* By type and octets: as a text, '@192.0.2.1' would come back as an address. */
static void write_owner(struct vici_builder *b, const struct ike_identity *owner)
{
	char octets[2 * IKE_IDENTITY_TEXT_MAX + 1] = "";

	for (size_t i = 0; i < owner->length && 2 * i + 2 < sizeof(octets); i++)
		snprintf(octets + 2 * i, 3, "%02x", owner->octets[i]);
	vici_item_format(b, "{%u}:#%s", owner->type, octets);
}

static void write_shared(struct writing *w, const struct ike_shared *shared)
{
	static const char *const kinds[] = { [IKE_SHARED_IKE] = "ike",
		[IKE_SHARED_EAP] = "eap",
		[IKE_SHARED_NTLM] = "ntlm",
		[IKE_SHARED_PPK] = "ppk" };
	struct vici_builder b = vici_builder_packet(VICI_CMD_REQUEST, "load-shared");
	const struct ike_identity *owner;

	if (ike_shared_unique_id(shared))
		vici_key_text(&b, "id", ike_shared_unique_id(shared));
	vici_key_text(&b, "type", kinds[ike_shared_kind(shared)]);
	vici_key_bytes(&b, "data", ike_shared_secret(shared));
	vici_list_start(&b, "owners");
	for (size_t i = 0; (owner = ike_shared_owner_of(shared, i)); i++)
		write_owner(&b, owner);
	vici_list_end(&b);
	append_packet(w, &b);
}

static void write_crls(struct writing *w, struct ike_certificates *store)
{
	struct ike_crl *crl;

	for (size_t i = 0; (crl = ike_certificates_crl(store, i)); i++) {
		struct vici_builder b = vici_builder_packet(VICI_CMD_REQUEST, "load-cert");

		vici_key_text(&b, "type", "X509_CRL");
		vici_key_bytes(&b, "data", ike_crl_der(crl));
		append_packet(w, &b);
	}
}

bool cl_loaded_write(struct cl_daemon *d, struct secret *ret, struct why *why)
{
	const struct ike_credentials *secrets = ike_engine_credentials(d->engine);
	const struct ike_shared *shared = NULL;
	struct writing w = { .to = ret, .room = ret->length };

	while ((shared = ike_credentials_next(secrets, shared)))
		write_shared(&w, shared);
	write_certificates(&w, ike_engine_certificates(d->engine));
	write_crls(&w, ike_engine_certificates(d->engine));
	for (const struct cl_loaded *l = d->loaded; l; l = l->hh.next) {
		struct vici_builder b = vici_builder_packet(VICI_CMD_REQUEST, l->command);

		vici_append(&b, l->message);
		append_packet(&w, &b);
	}
	return !w.lost || why_fail(why, "out of memory");
}
