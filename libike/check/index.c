/* What was judged, by a digest of what it is looked for by. */

/* Before anybody includes uthash.h. */
#undef HASH_NONFATAL_OOM
#define HASH_NONFATAL_OOM 1
#include "libike/check/check_priv.h"

#include <stdlib.h>
#include <uthash.h>

struct ike_check_entry {
	UT_hash_handle hh;
	uint64_t key;
	const void *what;
	struct ike_check_entry *next; /* of the same key, given before */
};

const void *ike_check_entry_first(struct ike_check *k, struct ike_check_entry *table, uint64_t key,
	struct ike_check_entry **ret)
{
	HASH_FIND(hh, table, &key, sizeof(key), *ret);
	k->work++;
	return *ret ? (*ret)->what : NULL;
}

const void *ike_check_entry_next(struct ike_check *k, struct ike_check_entry **entry)
{
	*entry = (*entry)->next;
	k->work++;
	return *entry ? (*entry)->what : NULL;
}

void ike_check_entry_add(
	struct ike_check *k, struct ike_check_entry **table, uint64_t key, const void *what)
{
	struct ike_check_entry *entry = calloc(1, sizeof(*entry)), *first;

	if (!entry) {
		k->out_of_memory = true;
		return;
	}
	entry->key = key;
	entry->what = what;
	HASH_FIND(hh, *table, &key, sizeof(key), first);
	if (first) {
		entry->what = first->what; /* the latest is the one in the table */
		first->what = what;
		entry->next = first->next;
		first->next = entry;
		return;
	}
	HASH_ADD(hh, *table, key, sizeof(key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		k->out_of_memory = true;
	}
}

void ike_check_entries_free(struct ike_check_entry **table)
{
	struct ike_check_entry *entry, *next, *same;

	HASH_ITER(hh, *table, entry, next)
	{
		HASH_DEL(*table, entry);
		for (; entry; entry = same) {
			same = entry->next;
			free(entry);
		}
	}
}
