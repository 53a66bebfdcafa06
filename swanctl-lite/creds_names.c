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
		char **at = realloc(ret->at, (ret->count + 1) * sizeof(*at));

		if (!at)
			return;
		ret->at = at;
		if (!(at[ret->count] = strndup((const char *)name.at, name.length)))
			return;
		ret->count++;
	}
}

void creds_names_strike(struct creds_names *names, struct bytes name)
{
	for (size_t i = 0; i < names->count; i++)
		if (vici_is(name, names->at[i])) {
			free(names->at[i]);
			names->at[i] = names->at[--names->count];
			return;
		}
}

void creds_names_unload(struct swanctl *s, const char *command, struct creds_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct vici_builder b = { 0 };
		struct vici_call call = { .command = command, .arguments = &b };
		struct vici_view answer;
		int status;

		vici_key_text(&b, "id", names->at[i]);
		if (swanctl_call(s, &call, &answer, &status)) {
			if (s->format != SWANCTL_TEXT)
				swanctl_dump_reply(s, command, names->at[i], answer);
			else if (!swanctl_succeeded(answer))
				fprintf(stderr, "unloading key '%s' failed: %s\n", names->at[i],
					SWANCTL_GAP_OF(answer, "errmsg"));
		}
		vici_builder_free(&b);
		free(names->at[i]);
	}
	free(names->at);
	*names = (struct creds_names){ 0 };
}
