#include "libike/check/check_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void ike_check_say(const struct ike_check *k, enum ike_check_code code,
	const struct ike_check_place *place, const char *format, ...)
{
	char text[IKE_CHECK_TEXT_MAX];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	const struct ike_finding finding = {
		.code = code,
		.kind = place->kind,
		.name = place->name,
		.child = place->child,
		.side = place->side,
		.round = place->round,
		.key = place->key,
		.text = text,
	};
	k->report(k->context, &finding);
}

/* ---- Steps ---- */

static void judge_child(struct ike_check *k, const struct ike_child_config *child)
{
	ike_check_child_proposals(k, child);
	ike_check_child_selectors(k, child);
	ike_check_child_start(k, child);
	ike_check_child_numbers(k, child);
	ike_check_child_pools(k, child);
}

static void judge_connection(struct ike_check *k, const struct ike_connection *c)
{
	ike_check_proposals(k, c);
	ike_check_candidates(k, c);
	if (!ike_check_has_no_peer(c))
		ike_check_proofs(k, c);
	ike_check_numbers(k, c);
	ike_check_vips(k, c);
	ike_check_certificates_of(k, c);
	ike_check_note_secrets(k, c);
}

/* Each stage does a step, or has none left. */
static bool next_connection(struct ike_check *k)
{
	if (k->index == k->connection_count)
		return false;
	const struct ike_connection *c = k->connections[k->index];
	if (k->part == 0)
		judge_connection(k, c);
	else
		judge_child(k, c->children[k->part - 1]);
	if (k->part++ == c->child_count) {
		k->index++;
		k->part = 0;
	}
	return true;
}

/* Where one was freed since the last step, its place is counted out again. */
static const struct ike_shared *next_shared(struct ike_check *k)
{
	const struct ike_shared *next = NULL;
	uint32_t freed = ike_credentials_freed(k->credentials);

	if (k->freed == freed && k->secret)
		return ike_credentials_next(k->credentials, k->secret);
	k->freed = freed;
	for (size_t i = 0; i <= k->index; i++) {
		next = ike_credentials_next(k->credentials, next);
		if (!next)
			return NULL;
	}
	return next;
}

static bool next_secret(struct ike_check *k)
{
	k->secret = next_shared(k);
	k->index++;
	if (k->secret)
		ike_check_secret(k, k->secret);
	return k->secret != NULL;
}

static bool next_certificate(struct ike_check *k)
{
	return ike_check_certificate(k, k->index++);
}

static bool next_key(struct ike_check *k)
{
	return ike_check_key(k, k->index++);
}

static bool next_authority(struct ike_check *k)
{
	return ike_check_authority(k, k->index++);
}

static bool next_pool(struct ike_check *k)
{
	return ike_check_pool(k, k->index++);
}

static bool next_range(struct ike_check *k)
{
	return ike_check_range(k, k->index++);
}

bool ike_check_next(struct ike_check *k, ike_check_report *report, void *context)
{
	static bool (*const stages[])(struct ike_check *) = { next_connection, next_secret,
		next_certificate, next_key, next_authority, next_pool, next_range };

	k->report = report;
	k->context = context;
	while (k->stage < sizeof(stages) / sizeof(*stages)) {
		if (stages[k->stage](k))
			return true;
		k->stage++;
		k->index = 0;
	}
	return false;
}

bool ike_check_is_incomplete(const struct ike_check *k)
{
	return k->out_of_memory;
}

uint64_t ike_check_work(const struct ike_check *k)
{
	return k->work;
}

/* ---- From beginning to end ---- */

struct ike_check *ike_check_new(const struct ike_check_model *model)
{
	struct ike_check *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	*k = (struct ike_check){ .connections = calloc(
					 model->connection_count + 1, sizeof(*k->connections)),
		.credentials = model->credentials,
		.certificates = model->certificates,
		.pools = model->pools,
		.clients = model->clients,
		.now = model->now,
		.named_secrets = SIZE_MAX };
	if (!k->connections ||
		!ike_proposals_add(&k->standard_ike, IKE_PROTOCOL_IKE, "default", NULL) ||
		!ike_proposals_add(&k->standard_esp, IKE_PROTOCOL_ESP, "default", NULL)) {
		ike_check_free(k);
		return NULL;
	}
	/* Only its references change. */
	for (; k->connection_count < model->connection_count; k->connection_count++)
		k->connections[k->connection_count] = ike_connection_hold((
			struct ike_connection *)(uintptr_t)model->connections[k->connection_count]);
	return k;
}

void ike_check_free(struct ike_check *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->connection_count; i++)
		ike_connection_free(k->connections[i]);
	free(k->connections);
	ike_proposals_free(&k->standard_ike);
	ike_proposals_free(&k->standard_esp);
	ike_check_entries_free(&k->peers);
	ike_check_entries_free(&k->reqids);
	ike_check_entries_free(&k->pool_names);
	ike_check_entries_free(&k->own_keys);
	ike_check_entries_free(&k->certified);
	ike_check_entries_free(&k->pool_pairs);
	ike_check_pools_free(k);
	ike_check_owners_free(&k->ike_owners);
	ike_check_owners_free(&k->ppk_owners);
	ike_check_areas_free(&k->areas);
	free(k);
}
