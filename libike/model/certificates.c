/*
 * The store of certificates, CRLs, private keys' public halves, and authorities.
 *
 * A gateway may have ten thousand certificates: each is found by its DER, by every name that it
 * carries, and by its key's ids, through hash tables. Of CRLs and authorities there are few.
 */
#include "libike/model/certificates.h"

#include "libike/crypto/encoding.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <openssl/x509v3.h>
#include <uthash.h>
#include <utlist.h>

struct entry;
struct bucket;

/* One name or key id of a certificate. */
struct link {
	struct link *prev, *next; /* with the same hash, the first loaded first */
	struct entry *entry;
	struct bucket *bucket;
	struct ike_identity *name; /* held; NULL: a key id */
	struct bytes key_id;       /* within the certificate */
};

struct bucket {
	UT_hash_handle hh;
	struct link *links;
	uint64_t hash;
};

struct entry {
	struct ike_stored_certificate stored; /* first: what callers see of it */
	UT_hash_handle by_der;
	struct link *links;
	size_t link_count;
	/* The best role that it was loaded with since the last ike_certificates_retain(): what is
	 * no CA's any more on disk is no anchor any more here. */
	uint8_t since;
	bool again;
	bool by_authority; /* it is there for an authority alone, and goes with it */
};

struct key {
	struct ike_private_key key;
	UT_hash_handle by_id;
};

struct stored_crl {
	struct ike_crl *crl;
	bool cached;
	bool stands_in; /* for an older one that was loaded since the last retain */
};

struct ike_certificates {
	struct entry **entries; /* in the order of loading */
	size_t count, room;
	struct entry *by_der;
	struct bucket *by_hash;
	struct stored_crl *crls;
	size_t crl_count;
	struct key **keys;
	size_t key_count, key_room;
	struct key *by_key_id;
	struct ike_authority **authorities;
	size_t authority_count;
};

struct ike_certificates *ike_certificates_new(void)
{
	return calloc(1, sizeof(struct ike_certificates));
}

/* Room for one more of the pointers at *list. */
static bool grow(void *list, size_t count, size_t *room)
{
	void ***items = list;

	if (count < *room)
		return true;
	size_t more = *room ? *room * 2 : 16;
	void **grown = reallocarray(*items, more, sizeof(**items));
	if (!grown)
		return false;
	*items = grown;
	*room = more;
	return true;
}

/* ---- The index of names and key ids ---- */

static uint64_t hash_key_id(struct bytes id)
{
	uint64_t hash = 0;

	/* They are digests nearly always: any eight octets spread well. */
	for (size_t i = 0; i < id.length; i++)
		hash = hash * 31 + id.at[i];
	return hash;
}

static struct bucket *bucket_find(const struct ike_certificates *s, uint64_t hash)
{
	struct bucket *bucket;

	HASH_FIND(hh, s->by_hash, &hash, sizeof(hash), bucket);
	return bucket;
}

static bool link_add(struct ike_certificates *s, struct link *link, uint64_t hash)
{
	struct bucket *bucket = bucket_find(s, hash);

	if (!bucket) {
		bucket = calloc(1, sizeof(*bucket));
		if (!bucket)
			return false;
		bucket->hash = hash;
		HASH_ADD(hh, s->by_hash, hash, sizeof(bucket->hash), bucket);
		if (!bucket->hh.tbl) {
			free(bucket);
			return false;
		}
	}
	DL_APPEND(bucket->links, link);
	link->bucket = bucket;
	return true;
}

static void link_remove(struct ike_certificates *s, struct link *link)
{
	struct bucket *bucket = link->bucket;

	ike_identity_free(link->name);
	if (!bucket)
		return;
	DL_DELETE(bucket->links, link);
	if (!bucket->links) {
		HASH_DEL(s->by_hash, bucket);
		free(bucket);
	}
}

static bool index_name(
	struct ike_certificates *s, struct entry *entry, const struct ike_identity *name)
{
	struct link *link = &entry->links[entry->link_count++];

	link->entry = entry;
	link->name = ike_identity_hold((struct ike_identity *)name);
	return link_add(s, link, ike_identity_hash(name));
}

static bool index_key_id(struct ike_certificates *s, struct entry *entry, struct bytes id)
{
	struct link *link = &entry->links[entry->link_count++];

	link->entry = entry;
	link->key_id = id;
	return link_add(s, link, hash_key_id(id));
}

/* The subject, each alternative name, and three ids: by the key's bits, by the whole key, and what
 * the certificate itself says, when that is none of these. */
static bool index_all(struct ike_certificates *s, struct entry *entry)
{
	const struct ike_certificate *c = entry->stored.certificate;
	const struct ike_public_key *key = ike_certificate_key(c);
	struct bytes ids[] = { { ike_public_key_id(key), IKE_KEY_ID_LENGTH },
		{ ike_public_key_info_id(key), IKE_KEY_ID_LENGTH },
		ike_certificate_subject_key_id(c) };
	const struct ike_identity *name;
	size_t names = 0;

	while (ike_certificate_alt_name(c, names))
		names++;
	entry->links = calloc(1 + names + sizeof(ids) / sizeof(*ids), sizeof(*entry->links));
	if (!entry->links || !index_name(s, entry, ike_certificate_subject(c)))
		return false;
	for (size_t i = 0; (name = ike_certificate_alt_name(c, i)); i++) {
		if (!index_name(s, entry, name))
			return false;
	}
	if (!index_key_id(s, entry, ids[0]) || !index_key_id(s, entry, ids[1]))
		return false;
	if (ids[2].length == 0 || bytes_equal(ids[2], ids[0]) || bytes_equal(ids[2], ids[1]))
		return true;
	return index_key_id(s, entry, ids[2]);
}

/* ---- Certificates ---- */

static void entry_free(struct ike_certificates *s, struct entry *entry)
{
	for (size_t i = 0; i < entry->link_count; i++)
		link_remove(s, &entry->links[i]);
	if (entry->by_der.tbl)
		HASH_DELETE(by_der, s->by_der, entry);
	free(entry->links);
	ike_certificate_free(entry->stored.certificate);
	free(entry);
}

static struct entry *find_equal(const struct ike_certificates *s, const struct ike_certificate *c)
{
	struct bytes der = ike_certificate_der(c);
	struct entry *entry;

	HASH_FIND(by_der, s->by_der, der.at, der.length, entry);
	/* A raw key may belong to several, and then it is kept for each. */
	return entry && ike_certificate_equal(entry->stored.certificate, c) ? entry : NULL;
}

struct ike_certificate *ike_certificates_find(
	const struct ike_certificates *s, struct bytes encoded)
{
	struct encoding encoding;
	struct entry *entry;

	if (!encoding_open(encoded, IKE_CERTIFICATE_LENGTH_MAX, &encoding, NULL))
		return NULL;
	HASH_FIND(by_der, s->by_der, encoding.der.at, encoding.der.length, entry);
	encoding_close(&encoding);
	return entry ? ike_certificate_hold(entry->stored.certificate) : NULL;
}

static struct entry *find_raw_key(const struct ike_certificates *s, const struct ike_certificate *c)
{
	const struct ike_stored_certificate *each = NULL;

	while ((each = ike_certificates_by_name(s, ike_certificate_subject(c), each))) {
		if (ike_certificate_equal(each->certificate, c))
			return (struct entry *)each;
	}
	return NULL;
}

/* Of several directories that it lies in, the one that trusts it most counts; what was cached stays
 * no longer. */
static void load_again(struct entry *entry, uint8_t role, bool cached)
{
	static const uint8_t ranks[] = { [IKE_CERTIFICATE_END] = 0,
		[IKE_CERTIFICATE_AA] = 1,
		[IKE_CERTIFICATE_OCSP] = 2,
		[IKE_CERTIFICATE_CA] = 3 };

	if (cached)
		return;
	entry->by_authority = false;
	if (!entry->again || ranks[role] > ranks[entry->since])
		entry->since = role;
	entry->again = true;
	if (entry->stored.cached || ranks[role] > ranks[entry->stored.role])
		entry->stored.role = role;
	entry->stored.cached = false;
}

struct ike_certificate *ike_certificates_add(
	struct ike_certificates *s, struct ike_certificate *c, uint8_t role, bool cached)
{
	bool raw = ike_certificate_kind(c) == IKE_CERTIFICATE_PUBLIC_KEY;
	struct entry *entry = raw ? find_raw_key(s, c) : find_equal(s, c);

	if (entry) {
		load_again(entry, role, cached);
		return entry->stored.certificate;
	}
	if (!grow(&s->entries, s->count, &s->room) || !(entry = calloc(1, sizeof(*entry))))
		return NULL;
	entry->stored = (struct ike_stored_certificate){ ike_certificate_hold(c), role, cached };
	entry->since = role;
	entry->again = !cached;
	if (!raw) {
		struct bytes der = ike_certificate_der(c);

		HASH_ADD_KEYPTR(by_der, s->by_der, der.at, der.length, entry);
	}
	if ((!raw && !entry->by_der.tbl) || !index_all(s, entry)) {
		entry_free(s, entry);
		return NULL;
	}
	s->entries[s->count++] = entry;
	return c;
}

const struct ike_stored_certificate *ike_certificates_get(
	const struct ike_certificates *s, size_t index)
{
	return index < s->count ? &s->entries[index]->stored : NULL;
}

static bool link_is(const struct link *link, const struct ike_identity *name, struct bytes key_id)
{
	if (name)
		return link->name && ike_identity_equal(link->name, name);
	return !link->name && bytes_equal(link->key_id, key_id);
}

/* The first of the bucket, or the first behind previous. A certificate that carries the name twice
 * comes once. */
static const struct ike_stored_certificate *find_next(const struct bucket *bucket,
	const struct ike_identity *name, struct bytes key_id,
	const struct ike_stored_certificate *previous)
{
	struct link *link = bucket ? bucket->links : NULL;

	if (previous) {
		const struct entry *entry = (const struct entry *)previous;

		link = NULL;
		for (size_t i = 0; i < entry->link_count; i++) {
			if (entry->links[i].bucket == bucket &&
				link_is(&entry->links[i], name, key_id))
				link = entry->links[i].next;
		}
	}
	while (link && !link_is(link, name, key_id))
		link = link->next;
	return link ? &link->entry->stored : NULL;
}

const struct ike_stored_certificate *ike_certificates_by_name(const struct ike_certificates *s,
	const struct ike_identity *name, const struct ike_stored_certificate *previous)
{
	const struct bucket *bucket = bucket_find(s, ike_identity_hash(name));

	return find_next(bucket, name, (struct bytes){ 0 }, previous);
}

const struct ike_stored_certificate *ike_certificates_by_key_id(const struct ike_certificates *s,
	struct bytes id, const struct ike_stored_certificate *previous)
{
	return find_next(bucket_find(s, hash_key_id(id)), NULL, id, previous);
}

/* ---- CRLs ---- */

/* Of the reasons or certificates that a CRL is about, when it is not about all. */
static bool same_scope(const struct ike_crl *a, const struct ike_crl *b)
{
	const X509_CRL *crls[] = { ike_crl_x509(a), ike_crl_x509(b) };
	struct bytes scopes[2] = { 0 };

	for (size_t i = 0; i < 2; i++) {
		int at = X509_CRL_get_ext_by_NID(crls[i], NID_issuing_distribution_point, -1);
		const ASN1_OCTET_STRING *data;

		if (at < 0)
			continue;
		data = X509_EXTENSION_get_data(X509_CRL_get_ext(crls[i], at));
		scopes[i] = bytes_of(ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data));
	}
	return bytes_equal(scopes[0], scopes[1]);
}

static bool same_crl_kind(const struct ike_crl *a, const struct ike_crl *b)
{
	return bytes_equal(ike_crl_authority_key_id(a), ike_crl_authority_key_id(b)) &&
	       (ike_crl_base_serial(a).length > 0) == (ike_crl_base_serial(b).length > 0) &&
	       ike_identity_equal(ike_crl_issuer(a), ike_crl_issuer(b)) && same_scope(a, b);
}

/* Integers, the most significant octet first. */
static int compare_serials(struct bytes a, struct bytes b)
{
	while (a.length > 0 && a.at[0] == 0)
		a.at++, a.length--;
	while (b.length > 0 && b.at[0] == 0)
		b.at++, b.length--;
	if (a.length != b.length)
		return a.length < b.length ? -1 : 1;
	return a.length ? memcmp(a.at, b.at, a.length) : 0;
}

static bool is_newer(const struct ike_crl *a, const struct ike_crl *b)
{
	int order = compare_serials(ike_crl_serial(a), ike_crl_serial(b));

	return order > 0 || (order == 0 && ike_crl_this_update(a) > ike_crl_this_update(b));
}

bool ike_certificates_add_crl(struct ike_certificates *s, struct ike_crl *crl, bool cached)
{
	for (size_t i = 0; i < s->crl_count; i++) {
		struct stored_crl *each = &s->crls[i];

		if (bytes_equal(ike_crl_der(each->crl), ike_crl_der(crl))) {
			each->cached = each->cached && cached;
			return true;
		}
		if (!same_crl_kind(each->crl, crl))
			continue;
		if (is_newer(crl, each->crl)) {
			ike_crl_free(each->crl);
			*each = (struct stored_crl){ ike_crl_hold(crl), cached, false };
		} else if (!cached) {
			each->stands_in = true;
		}
		return true;
	}
	struct stored_crl *crls = reallocarray(s->crls, s->crl_count + 1, sizeof(*crls));
	if (!crls)
		return false;
	s->crls = crls;
	s->crls[s->crl_count++] = (struct stored_crl){ ike_crl_hold(crl), cached, false };
	return true;
}

struct ike_crl *ike_certificates_crl(const struct ike_certificates *s, size_t index)
{
	return index < s->crl_count ? s->crls[index].crl : NULL;
}

/* ---- Both ---- */

typedef bool chooser(const void *context, struct bytes der);

/* Those of one kind, cached or not, that are not wanted. wanted NULL: all of them. */
static void remove_certificates(
	struct ike_certificates *s, bool cached, chooser *wanted, const void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct entry *each = s->entries[i];

		if (each->stored.cached == cached &&
			!(wanted && wanted(context, ike_certificate_der(each->stored.certificate))))
			entry_free(s, each);
		else
			s->entries[kept++] = each;
	}
	s->count = kept;
}

static void remove_crls(
	struct ike_certificates *s, bool cached, chooser *wanted, const void *context)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->crl_count; i++) {
		/* Without it nobody would be revoked any more. */
		bool stays = wanted && s->crls[i].stands_in;

		s->crls[i].stands_in = false;
		if (s->crls[i].cached == cached && !stays &&
			!(wanted && wanted(context, ike_crl_der(s->crls[i].crl))))
			ike_crl_free(s->crls[i].crl);
		else
			s->crls[kept++] = s->crls[i];
	}
	s->crl_count = kept;
}

static void remove_some(
	struct ike_certificates *s, bool cached, chooser *wanted, const void *context)
{
	remove_certificates(s, cached, wanted, context);
	remove_crls(s, cached, wanted, context);
}

/* After a removal that took them along. */
/* The CA of an authority is an anchor while there is one that names it. */
static bool authority_ca_add(struct ike_certificates *s, struct ike_certificate *ca)
{
	const struct entry *known = find_equal(s, ca);
	bool alone = !known || known->stored.cached || known->by_authority;

	if (!ike_certificates_add(s, ca, IKE_CERTIFICATE_CA, false))
		return false;
	find_equal(s, ca)->by_authority = alone;
	return true;
}

static void authority_ca_drop(struct ike_certificates *s, const struct ike_certificate *ca)
{
	struct entry *entry = find_equal(s, ca);
	size_t at = 0;

	for (size_t i = 0; i < s->authority_count; i++)
		if (ike_certificate_equal(s->authorities[i]->ca, ca))
			return;
	if (!entry || !entry->by_authority)
		return;
	while (s->entries[at] != entry)
		at++;
	entry_free(s, entry);
	s->count--;
	memmove(s->entries + at, s->entries + at + 1, (s->count - at) * sizeof(*s->entries));
}

static void restore_authorities(struct ike_certificates *s)
{
	for (size_t i = 0; i < s->authority_count; i++) {
		/* Its memory was there a moment ago. */
		if (!authority_ca_add(s, s->authorities[i]->ca))
			return;
	}
}

void ike_certificates_retain(struct ike_certificates *s, chooser *wanted, const void *context)
{
	remove_some(s, false, wanted, context);
	for (size_t i = 0; i < s->count; i++) {
		if (s->entries[i]->again)
			s->entries[i]->stored.role = s->entries[i]->since;
		s->entries[i]->again = false;
	}
	restore_authorities(s);
}

void ike_certificates_clear(struct ike_certificates *s)
{
	remove_some(s, false, NULL, NULL);
	restore_authorities(s);
}

bool ike_certificate_by_authority(const struct ike_stored_certificate *stored)
{
	return ((const struct entry *)stored)->by_authority;
}

void ike_certificates_flush(struct ike_certificates *s)
{
	remove_certificates(s, true, NULL, NULL);
}

void ike_certificates_flush_crls(struct ike_certificates *s)
{
	remove_crls(s, true, NULL, NULL);
}

/* ---- Private keys ---- */

static struct key *key_find(const struct ike_certificates *s, const uint8_t id[IKE_KEY_ID_LENGTH])
{
	struct key *key;

	HASH_FIND(by_id, s->by_key_id, id, IKE_KEY_ID_LENGTH, key);
	return key;
}

bool ike_certificates_add_key(
	struct ike_certificates *s, struct ike_public_key *public, uint64_t handle)
{
	struct key *key = key_find(s, ike_public_key_id(public));

	if (key) {
		key->key.handle = handle;
		return true;
	}
	if (!grow(&s->keys, s->key_count, &s->key_room) || !(key = calloc(1, sizeof(*key))))
		return false;
	key->key = (struct ike_private_key){ ike_public_key_hold(public), handle };
	HASH_ADD_KEYPTR(
		by_id, s->by_key_id, ike_public_key_id(key->key.public), IKE_KEY_ID_LENGTH, key);
	if (!key->by_id.tbl) {
		ike_public_key_free(key->key.public);
		free(key);
		return false;
	}
	s->keys[s->key_count++] = key;
	return true;
}

bool ike_certificates_remove_key(
	struct ike_certificates *s, const uint8_t id[IKE_KEY_ID_LENGTH], uint64_t *ret_handle)
{
	struct key *key = key_find(s, id);
	size_t at = 0;

	if (!key)
		return false;
	while (s->keys[at] != key)
		at++;
	s->key_count--;
	memmove(s->keys + at, s->keys + at + 1, (s->key_count - at) * sizeof(struct key *));
	HASH_DELETE(by_id, s->by_key_id, key);
	*ret_handle = key->key.handle;
	ike_public_key_free(key->key.public);
	free(key);
	return true;
}

const struct ike_private_key *ike_certificates_key(const struct ike_certificates *s, size_t index)
{
	return index < s->key_count ? &s->keys[index]->key : NULL;
}

const struct ike_private_key *ike_certificates_key_of(
	const struct ike_certificates *s, const struct ike_public_key *public)
{
	const struct key *key = key_find(s, ike_public_key_id(public));

	return key && ike_public_key_equal(key->key.public, public) ? &key->key : NULL;
}

/* ---- Authorities ---- */

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

void ike_authority_free(struct ike_authority *a)
{
	if (!a)
		return;
	ike_certificate_free(a->ca);
	free_texts(a->crl_uris, a->crl_uri_count);
	free_texts(a->ocsp_uris, a->ocsp_uri_count);
	free(a->cert_uri_base);
	free(a->name);
	free(a);
}

static size_t authority_find(const struct ike_certificates *s, const char *name)
{
	size_t i = 0;

	while (i < s->authority_count && strcmp(s->authorities[i]->name, name) != 0)
		i++;
	return i;
}

bool ike_certificates_add_authority(struct ike_certificates *s, struct ike_authority *a)
{
	size_t at = authority_find(s, a->name);

	if (!authority_ca_add(s, a->ca)) {
		ike_authority_free(a);
		return false;
	}
	if (at < s->authority_count) {
		struct ike_authority *old = s->authorities[at];

		s->authorities[at] = a;
		authority_ca_drop(s, old->ca);
		ike_authority_free(old);
		return true;
	}
	struct ike_authority **grown = reallocarray(
		s->authorities, s->authority_count + 1, sizeof(struct ike_authority *));
	if (!grown) {
		authority_ca_drop(s, a->ca);
		ike_authority_free(a);
		return false;
	}
	s->authorities = grown;
	s->authorities[s->authority_count++] = a;
	return true;
}

bool ike_certificates_remove_authority(struct ike_certificates *s, const char *name)
{
	size_t at = authority_find(s, name);

	if (at == s->authority_count)
		return false;
	struct ike_authority *old = s->authorities[at];
	s->authority_count--;
	memmove(s->authorities + at, s->authorities + at + 1,
		(s->authority_count - at) * sizeof(struct ike_authority *));
	authority_ca_drop(s, old->ca);
	ike_authority_free(old);
	return true;
}

const struct ike_authority *ike_certificates_authority(
	const struct ike_certificates *s, size_t index)
{
	return index < s->authority_count ? s->authorities[index] : NULL;
}

/* ---- The end ---- */

void ike_certificates_free(struct ike_certificates *s)
{
	uint64_t handle;

	if (!s)
		return;
	while (s->authority_count > 0)
		ike_authority_free(s->authorities[--s->authority_count]);
	remove_some(s, false, NULL, NULL);
	remove_some(s, true, NULL, NULL);
	while (s->key_count > 0)
		(void)ike_certificates_remove_key(
			s, ike_public_key_id(s->keys[s->key_count - 1]->key.public), &handle);
	free(s->entries);
	free(s->crls);
	free(s->keys);
	free(s->authorities);
	free(s);
}
