/*
 * Which settings there are, and what becomes of each: one table, which the warnings are made of and
 * docs/strongswan.conf-keys.md is printed from.
 */
#ifndef CHARON_LITE_SETTINGS_KNOWN_H
#define CHARON_LITE_SETTINGS_KNOWN_H

enum cl_setting_effect {
	CL_SETTING_HONOURED,
	/* Means something to strongSwan's build alone (its plugins, threads, tables), or asks for
	 * what we do anyway: nothing to say. */
	CL_SETTING_NEEDLESS,
	CL_SETTING_ONLY,      /* that value is what we do anyway; any other has no effect */
	CL_SETTING_NO_EFFECT, /* warned about */
};

struct cl_setting {
	/* Within a charon section: a path, with * for any text; the first that fits counts. */
	const char *pattern;
	enum cl_setting_effect effect;
	const char *value; /* of CL_SETTING_ONLY */
	const char *note;  /* for the page; or NULL */
};

/* Ends with one that has no pattern. */
extern const struct cl_setting cl_settings_table[];

#endif
