/* Between the files of libike/check: one subject each. */
#ifndef LIBIKE_CHECK_CHECK_PRIV_H
#define LIBIKE_CHECK_CHECK_PRIV_H

#include "libike/base/digest.h"
#include "libike/check/check.h"

/* ---- What was judged already, to be compared with ---- */

/* index.c: by 64 bits of a digest; those that have the same are in a list, the latest first. */
struct ike_check_entry;

const void *ike_check_entry_first(struct ike_check *k, struct ike_check_entry *table, uint64_t key,
	struct ike_check_entry **ret);
const void *ike_check_entry_next(struct ike_check *k, struct ike_check_entry **entry);
void ike_check_entry_add(
	struct ike_check *k, struct ike_check_entry **table, uint64_t key, const void *what);
void ike_check_entries_free(struct ike_check_entry **table);

/* owners.c: the identities of connections that secrets may be for. */
struct ike_check_owners {
	struct ike_check_entry *table;
	struct ike_identity **all; /* held, none twice, patterns first */
	size_t count, room, patterns;
	bool used;        /* somebody looks for a secret */
	bool anybody;     /* may be whoever he is */
	bool any_address; /* of any address, which may be his identity */
};

void ike_check_owners_add(
	struct ike_check *k, struct ike_check_owners *owners, const struct ike_identity *id);
bool ike_check_owners_have(
	struct ike_check *k, const struct ike_check_owners *owners, const struct ike_identity *id);
void ike_check_owners_free(struct ike_check_owners *owners);

/* areas.c: traffic selectors, found by what they have in common. */
enum ike_check_relation {
	IKE_CHECK_APART,
	IKE_CHECK_A_IN_B,
	IKE_CHECK_B_IN_A,
	IKE_CHECK_CROSSING,
	IKE_CHECK_EQUAL
};

/* A child that was given before, and how selectors of the one that is looked at are to its own:
 * the worst of what was seen. */
struct ike_check_neighbour {
	const struct ike_child_config *child;
	uint32_t number; /* in the order in which they were given */
	enum ike_check_relation relation;
	const struct ike_selector *local, *remote; /* of the one that is looked at */
};

#define IKE_CHECK_NEIGHBOURS_MAX 64

struct ike_check_area; /* of a pair of selectors: a node of a tree */
struct ike_check_areas {
	struct ike_check_area *tree;
	uint32_t count;
	struct ike_check_area *own; /* of the child that is being looked at, not in the tree yet */
	size_t own_count;
	struct ike_check_neighbour found[IKE_CHECK_NEIGHBOURS_MAX];
	size_t found_count;
	bool cut; /* the search was ended before all had been looked at */
};

/* Which of those that have something in common with `a` are to be found. */
typedef bool ike_check_matters(const struct ike_child_config *a, const struct ike_child_config *b,
	enum ike_check_relation relation);

/* Puts into `found` the children that were given before, have packets in common with this one and
 * matter, each once, in the order in which they were given; of more than that some. Those with
 * equal selectors are found in any case. */
void ike_check_areas_find(
	struct ike_check *k, const struct ike_child_config *child, ike_check_matters *matters);
void ike_check_areas_free(struct ike_check_areas *areas);

/* What the daemon makes of a child without `priority`: policies of one kind come before all of the
 * next, whatever their selectors are. */
enum ike_check_kind { IKE_CHECK_PASS, IKE_CHECK_TUNNEL, IKE_CHECK_DROP };

static inline enum ike_check_kind ike_check_kind_of(const struct ike_child_config *child)
{
	return child->mode == IKE_MODE_PASS   ? IKE_CHECK_PASS
	       : child->mode == IKE_MODE_DROP ? IKE_CHECK_DROP
					      : IKE_CHECK_TUNNEL;
}

/* Of addresses that are known now. */
static inline bool ike_check_is_fixed(const struct ike_selector *s)
{
	return s->family && !s->dynamic && s->group == IKE_SELECTOR_ITSELF;
}

static inline bool ike_check_is_everything(const struct ike_selector *s)
{
	struct address network;
	uint8_t length;

	return ike_check_is_fixed(s) && ike_selector_prefix(s, &network, &length) && length == 0;
}

struct ike_check_range;

struct ike_check {
	/* The model */
	struct ike_connection **connections; /* held */
	size_t connection_count;
	const struct ike_credentials *credentials;
	const struct ike_certificates *certificates;
	const struct ike_pools *pools;
	const struct ike_clients *clients;
	int64_t now;
	/* The step */
	ike_check_report *report;
	void *context;
	uint8_t stage;
	size_t index, part; /* of a connection: itself, then each of its children */
	const struct ike_shared
		*secret; /* the last that was judged; good while as many were freed */
	uint32_t freed;
	/* Pools as they were when the first of them had its turn. */
	char **pools_seen;
	size_t pool_count;
	struct ike_check_range *ranges; /* where they begin, in that order */
	size_t range_count;
	uint64_t work;
	bool out_of_memory;
	/* What was judged */
	struct ike_proposals standard_ike, standard_esp; /* `default` */
	struct ike_check_entry *peers;                   /* struct ike_connection */
	struct ike_check_entry *reqids;                  /* struct ike_child_config */
	struct ike_check_entry *pool_names;              /* of connections */
	struct ike_check_entry *certified;               /* digests of certificates' keys alone */
	struct ike_check_entry *pool_pairs;              /* the same, of two pools */
	struct ike_check_entry *own_keys;                /* struct ike_public_key, of `certs` */
	struct ike_check_owners ike_owners, ppk_owners;
	struct ike_check_areas areas;
	bool has_passwords, wants_certificates;
	/* Of all secrets of a kind any one, asked for once while as many were freed. */
	const struct ike_shared *any[IKE_SHARED_PPK + 1];
	bool any_known[IKE_SHARED_PPK + 1];
	uint32_t any_freed;
	/* Whether something is loaded that vouches for others, or for itself. */
	bool trust_known, trusts_authority, trusts_itself;
	size_t named_secrets; /* kind ike, with owners; SIZE_MAX: not counted yet */
};

/* Where a finding is; zero what does not matter. */
struct ike_check_place {
	const char *kind, *name;
	const char *child;
	const char *side;
	size_t round;
	const char *key;
};

#define IKE_CHECK_AT_CONNECTION(c, key_) \
	(&(const struct ike_check_place){ .kind = "connection", .name = (c)->name, .key = (key_) })
#define IKE_CHECK_AT_CHILD(child_, key_)                        \
	(&(const struct ike_check_place){ .kind = "connection", \
		.name = (child_)->connection->name,             \
		.child = (child_)->name,                        \
		.key = (key_) })

PRINTF_LIKE(4, 5)
void ike_check_say(const struct ike_check *k, enum ike_check_code code,
	const struct ike_check_place *place, const char *format, ...);

/* Of a connection, but for its children. */
void ike_check_proposals(struct ike_check *k, const struct ike_connection *c);
void ike_check_candidates(struct ike_check *k, const struct ike_connection *c);
void ike_check_proofs(struct ike_check *k, const struct ike_connection *c);
void ike_check_numbers(struct ike_check *k, const struct ike_connection *c);
void ike_check_vips(struct ike_check *k, const struct ike_connection *c);
void ike_check_certificates_of(struct ike_check *k, const struct ike_connection *c);
/* What it is of use for, for what is judged after all connections. */
void ike_check_note_secrets(struct ike_check *k, const struct ike_connection *c);
/* Of a child. */
void ike_check_child_proposals(struct ike_check *k, const struct ike_child_config *child);
void ike_check_child_selectors(struct ike_check *k, const struct ike_child_config *child);
void ike_check_child_start(struct ike_check *k, const struct ike_child_config *child);
void ike_check_child_numbers(struct ike_check *k, const struct ike_child_config *child);
void ike_check_child_pools(struct ike_check *k, const struct ike_child_config *child);
/* Of those of that index: false when there is none. */
bool ike_check_certificate(struct ike_check *k, size_t index);
bool ike_check_key(struct ike_check *k, size_t index);
bool ike_check_authority(struct ike_check *k, size_t index);
bool ike_check_pool(struct ike_check *k, size_t index);
bool ike_check_range(struct ike_check *k, size_t index); /* of pools, which come before */
void ike_check_pools_free(struct ike_check *k);
void ike_check_secret(struct ike_check *k, const struct ike_shared *secret);

static inline bool ike_check_is_shunt(const struct ike_child_config *child)
{
	return child->mode == IKE_MODE_PASS || child->mode == IKE_MODE_DROP;
}

/* Whether nobody has to come, or to be called, for any of it: whatever `local` and `remote` say. */
static inline bool ike_check_has_no_peer(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (!ike_check_is_shunt(c->children[i]))
			return false;
	return c->child_count > 0;
}

/* Whoever calls from an address that nobody knows: no remote_addrs, or one that is no host. */
static inline bool ike_check_takes_anybody(const struct ike_connection *c)
{
	for (size_t i = 0; i < c->remote_addrs.count; i++)
		if (c->remote_addrs.items[i].kind == IKE_ENDPOINT_HOST ||
			c->remote_addrs.items[i].kind == IKE_ENDPOINT_NAME)
			return false;
	return true;
}

#endif
