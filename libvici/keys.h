/*
 * The keys of swanctl.conf(5), strongSwan 6.0.1: which there are in each kind of section, and of
 * what form their values are.
 *
 * swanctl-lite reads from it which values are lists, and what to say about a key that does not
 * exist. The daemon's handlers of load-conn, load-shared and so on are tested against it. Values
 * are judged as leniently as strongSwan judges them; their meaning (does this algorithm exist, is
 * this identity well-formed) is the daemon's business. Pure; all tables are constant.
 */
#ifndef LIBVICI_KEYS_H
#define LIBVICI_KEYS_H

#include "libbase/bytes.h"
#include "libbase/why.h"
#include "libvici/settings.h"

/* Where keys stand. */
enum vici_place {
	VICI_PLACE_CONNECTION, /* connections.<conn> */
	VICI_PLACE_LOCAL,      /* ...local<suffix> */
	VICI_PLACE_REMOTE,     /* ...remote<suffix> */
	VICI_PLACE_CERT,       /* ...local|remote<suffix>.cert<suffix>, .cacert<suffix> */
	VICI_PLACE_CHILD,      /* ...children.<child> */
	VICI_PLACE_SHARED,     /* secrets.ike|eap|xauth|ntlm|ppk<suffix> */
	VICI_PLACE_KEY,        /* secrets.private|rsa|ecdsa|pkcs8|pkcs12<suffix> */
	VICI_PLACE_TOKEN,      /* secrets.token<suffix> */
	VICI_PLACE_POOL,       /* pools.<name> */
	VICI_PLACE_AUTHORITY,  /* authorities.<name> */
	VICI_PLACE_CLIENT,     /* clients.<name>; ours */
	VICI_PLACES,
};

enum vici_form {
	VICI_FORM_TEXT,
	VICI_FORM_BOOL,
	VICI_FORM_NUMBER,
	VICI_FORM_TIME,      /* seconds, or with s, m, h, d */
	VICI_FORM_AMOUNT,    /* bytes, or with k, m, g */
	VICI_FORM_ACTION,    /* none, trap, start, or words joined by '|' */
	VICI_FORM_WORD,      /* one of ->words */
	VICI_FORM_MARK,      /* mark[/mask], %unique, %unique-dir, %same */
	VICI_FORM_IF_ID,     /* number, %unique, %unique-dir */
	VICI_FORM_LIST,      /* texts with commas; these are lists in VICI */
	VICI_FORM_PROPOSALS, /* a list of proposals */
	VICI_FORM_SELECTORS, /* a list of traffic selectors */
	VICI_FORM_FILES,     /* a list of files; their contents are sent */
	VICI_FORM_FILE,      /* one file; its content is sent */
};

struct vici_key {
	const char *name;
	enum vici_form form;
	const char *const *words; /* of VICI_FORM_WORD; ends in NULL */
	bool prefix;              /* anything may follow the name: id, id-alice, id2 */
};

/* The key of that name, or NULL. */
const struct vici_key *vici_key_find(enum vici_place place, const char *name);

/* All keys of a place, for walking; NULL at the end. */
const struct vici_key *vici_key_at(enum vici_place place, size_t index);

/* Whether VICI carries it as a list. */
bool vici_key_is_list(const struct vici_key *key);

/* "connections.<conn>.children.<child>" and so on. */
const char *vici_place_name(enum vici_place place);

/* Whether a value has the form of its key; why says what was wanted. Empty values are fine. */
MUST_USE bool vici_key_check(const struct vici_key *key, const char *value, struct why *why);

/* What may have been meant by a key that does not exist here, as a clause ("did you mean
 * 'local_addrs'?", "it belongs in a children section"), or "" when nothing comes near. */
void vici_key_hint(enum vici_place place, const char *name, struct why *ret);

/* Where a section within `place` stands ("local-2" in a connection is VICI_PLACE_LOCAL); false
 * when there is no such section. `children` itself is not a place. */
MUST_USE bool vici_place_below(enum vici_place place, const char *section, enum vici_place *ret);

/* Where a section of secrets { } stands ("ike-alice" is VICI_PLACE_SHARED). */
MUST_USE bool vici_place_of_secret(const char *section, enum vici_place *ret);

enum vici_finding {
	VICI_FINDING_UNKNOWN, /* a key or section that does not exist */
	VICI_FINDING_WRONG,   /* a value that no daemon will take */
};

/* text says what was meant. */
typedef void vici_keys_report(void *context, enum vici_finding finding,
	const struct settings_place *place, const char *text);

/* Walks a whole swanctl.conf and reports everything that is not right, in order. */
void vici_keys_check(const struct settings_section *root, vici_keys_report *report, void *context);

#endif
