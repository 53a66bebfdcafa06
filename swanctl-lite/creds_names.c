/* What the daemon has already: whatever is not loaded again is unloaded. */
#include "swanctl-lite/creds.h"

#include <stdlib.h>

void creds_names_get(struct swanctl *s, const char *command, struct creds_names *ret)
{
	struct vici_call call = { .command = command };
	struct vici_view answer;

	if (vici_client_call(s->client, &call, &answer, NULL) != VICI_OK)
		return; /* a daemon without this has nothing to unload */
	if (s->format == SWANCTL_RAW_DUMP || s->format == SWANCTL_PRETTY_DUMP)
		swanctl_dump_reply(s, command, NULL, answer);
	VICI_EACH(each, vici_find(answer, "keys"))
	{
		struct bytes name = vici_value(each);
		struct creds_name *of_this, *known;

		HASH_FIND(hh, ret->first, name.at, name.length, known);
		if (known)
			continue;
		if (!(of_this = calloc(1, sizeof(*of_this) + name.length + 1)))
			return;
		bytes_copy(of_this->text, name);
		HASH_ADD(hh, ret->first, text, name.length, of_this);
	}
}

void creds_names_strike(struct creds_names *names, struct bytes name)
{
	struct creds_name *found;

	HASH_FIND(hh, names->first, name.at, name.length, found);
	if (found) {
		HASH_DEL(names->first, found);
		free(found);
	}
}

void creds_names_free(struct creds_names *names)
{
	struct creds_name *each, *next;

	HASH_ITER(hh, names->first, each, next)
	{
		HASH_DEL(names->first, each);
		free(each);
	}
}

bool creds_names_unload(struct swanctl *s, const char *command, struct creds_names *names)
{
	struct creds_name *each, *next;
	bool good = true;

	HASH_ITER(hh, names->first, each, next)
	{
		struct vici_builder b = { 0 };
		struct vici_call call = { .command = command, .arguments = &b };
		struct vici_view answer;
		int status;

		vici_key_text(&b, "id", each->text);
		if (swanctl_call(s, &call, &answer, &status)) {
			good = good && swanctl_succeeded(answer);
			if (s->format != SWANCTL_TEXT)
				swanctl_dump_reply(s, command, each->text, answer);
			else if (!swanctl_succeeded(answer))
				fprintf(stderr, "unloading key '%s' failed: %s\n", each->text,
					SWANCTL_GAP_OF(answer, "errmsg"));
		}
		vici_builder_free(&b);
	}
	creds_names_free(names);
	return good;
}
