/*
 * Reqids tie policies to SAs. Children with the same selectors, marks and interface ids share one,
 * because the kernel has one policy for them.
 */
#include "libike/sa/sa_priv.h"

#include <stdlib.h>

struct ike_reqid {
	UT_hash_handle by_key;
	uint32_t reqid;
	uint32_t references;
	size_t key_length;
	uint8_t key[];
};

static void write_selectors(struct writer *w, const struct ike_selector *list, size_t count)
{
	writer_u8(w, (uint8_t)count);
	for (size_t i = 0; i < count; i++) {
		size_t size = list[i].family == AF_INET ? 4 : 16;

		writer_u8(w, list[i].family == AF_INET ? 4 : 6);
		writer_put(w, bytes_of(list[i].from, size));
		writer_put(w, bytes_of(list[i].to, size));
		writer_u8(w, list[i].protocol);
		writer_u16(w, list[i].port_from);
		writer_u16(w, list[i].port_to);
	}
}

static struct bytes write_key(const struct ike_reqid_key *key, uint8_t *room, size_t size)
{
	struct writer w = writer_of(room, size);

	write_selectors(&w, key->local, key->local_count);
	write_selectors(&w, key->remote, key->remote_count);
	writer_u32(&w, key->mark_in.value);
	writer_u32(&w, key->mark_in.mask);
	writer_u32(&w, key->mark_out.value);
	writer_u32(&w, key->mark_out.mask);
	writer_u32(&w, key->if_id_in);
	writer_u32(&w, key->if_id_out);
	return writer_bytes(&w);
}

struct ike_reqid *ike_reqid_hold(struct ike_engine *e, const struct ike_reqid_key *key)
{
	uint8_t room[2 * IKE_CHILD_SELECTORS_MAX * 40 + 32];
	struct bytes wanted = write_key(key, room, sizeof(room));
	struct ike_reqid *found;

	HASH_FIND(by_key, e->reqids, wanted.at, wanted.length, found);
	if (!found) {
		found = calloc(1, sizeof(*found) + wanted.length);
		if (!found)
			return NULL;
		found->key_length = wanted.length;
		bytes_copy(found->key, wanted);
		found->reqid = ++e->next_reqid;
		HASH_ADD_KEYPTR(by_key, e->reqids, found->key, found->key_length, found);
		if (!found->by_key.tbl) {
			free(found);
			return NULL;
		}
	}
	found->references++;
	return found;
}

struct ike_reqid *ike_reqid_share(struct ike_reqid *r)
{
	if (r)
		r->references++;
	return r;
}

uint32_t ike_reqid_number(const struct ike_reqid *r)
{
	return r->reqid;
}

void ike_reqid_release(struct ike_engine *e, struct ike_reqid *r)
{
	if (!r || --r->references > 0)
		return;
	HASH_DELETE(by_key, e->reqids, r);
	free(r);
}

void ike_reqids_free(struct ike_engine *e)
{
	struct ike_reqid *r, *next;

	HASH_ITER(by_key, e->reqids, r, next)
	{
		HASH_DELETE(by_key, e->reqids, r);
		free(r);
	}
}
