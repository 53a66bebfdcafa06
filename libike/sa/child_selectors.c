/*
 * Traffic selectors of children against definitions: what both versions of IKE choose a child by,
 * and what they say when none fits (RFC 7296 2.9, RFC 2407 4.6.2).
 */
#include "libike/sa/sa_priv.h"

#include <stdio.h>

/* How many children a peer may make on one IKE SA: so many, and so many for each definition. */
#define CHILDREN_MAX 1000
#define CHILDREN_OF_EACH 4
/* RFC 9611: one for each of the peer's processors, and of ours. */
#define FOR_PROCESSORS 512
/* More than the selectors of both sides can be. */
#define EXACT_BELOW (2 * IKE_CHILD_SELECTORS_MAX * IKE_CHILD_SELECTORS_MAX + 1)

/*
 * In transport mode through a NAT the peer's selectors name addresses as it sees them; what our
 * kernel sees are the outer ones (RFC 7296 2.23.1).
 */
void ike_child_see_through_nat(const struct ike_sa *sa, uint8_t mode, struct ike_selector *list,
	size_t count, const struct address *seen)
{
	if (mode != IKE_MODE_TRANSPORT || !(sa->nat_local || sa->nat_remote))
		return;
	for (size_t i = 0; i < count; i++) {
		struct ike_selector host = ike_selector_of_host(seen);

		if (list[i].family != host.family ||
			memcmp(list[i].from, list[i].to, sizeof(list[i].from)) != 0)
			continue;
		memcpy(list[i].from, host.from, sizeof(host.from));
		memcpy(list[i].to, host.to, sizeof(host.to));
	}
}

/* What both the peer's selectors and our definition allow. False when one side is left empty: its
 * count is 0. */
bool ike_child_narrow(const struct ike_sa *sa, const struct ike_child_config *config,
	const struct ike_child_selectors *theirs, struct ike_child_selectors *ret)
{
	/* Written ones, and networks of clients. */
	struct ike_selector ours[2 * IKE_CHILD_SELECTORS_MAX];
	size_t room = sizeof(ours) / sizeof(*ours);
	size_t count = ike_child_config_within(
		sa, config, true, theirs->local, theirs->local_count, ours, room);

	ret->local_count = ike_selectors_narrow(ours, count, theirs->local, theirs->local_count,
		ret->local, IKE_CHILD_SELECTORS_MAX);
	count = ike_child_config_within(
		sa, config, false, theirs->remote, theirs->remote_count, ours, room);
	ret->remote_count = ike_selectors_narrow(ours, count, theirs->remote, theirs->remote_count,
		ret->remote, IKE_CHILD_SELECTORS_MAX);
	return ret->local_count > 0 && ret->remote_count > 0;
}

void ike_child_selectors_describe(const struct ike_selector *local, size_t local_count,
	const struct ike_selector *remote, size_t remote_count, char *text, size_t size)
{
	char ours[512], theirs[512];

	snprintf(text, size, "%s === %s",
		ike_selectors_format(local, local_count, ours, sizeof(ours)),
		ike_selectors_format(remote, remote_count, theirs, sizeof(theirs)));
}

void ike_child_fail_selectors(struct ike_failure *failure, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *theirs,
	const char *what)
{
	char ours_text[1100], theirs_text[1100];
	struct ike_child_selectors ours, common;

	ours.local_count =
		ike_child_config_selectors(sa, config, true, ours.local, IKE_CHILD_SELECTORS_MAX);
	ours.remote_count =
		ike_child_config_selectors(sa, config, false, ours.remote, IKE_CHILD_SELECTORS_MAX);
	ike_child_selectors_describe(ours.local, ours.local_count, ours.remote, ours.remote_count,
		ours_text, sizeof(ours_text));
	if (theirs)
		ike_child_selectors_describe(theirs->local, theirs->local_count, theirs->remote,
			theirs->remote_count, theirs_text, sizeof(theirs_text));
	ike_failure_set(failure, IKE_REASON_NO_SELECTORS, ours_text, theirs ? theirs_text : NULL,
		"%s for CHILD_SA '%s'", what, config->name);
	if (!theirs && (ours.local_count == 0 || ours.remote_count == 0))
		ike_failure_set_differs(failure, IKE_DIFFERS_CLIENT);
	if (theirs && !ike_child_narrow(sa, config, theirs, &common))
		ike_failure_set_differs(failure,
			common.local_count > 0 &&
					ike_child_config_has(config, false, IKE_SELECTOR_CLIENT)
				? IKE_DIFFERS_CLIENT
			: common.local_count > 0  ? "remote_ts"
			: common.remote_count > 0 ? "local_ts"
						  : "local_ts, remote_ts");
}

/* Those of the one list that are in the other as they are. */
static size_t count_equal(
	const struct ike_selector *a, size_t a_count, const struct ike_selector *b, size_t b_count)
{
	size_t count = 0;

	for (size_t i = 0; i < a_count; i++)
		for (size_t k = 0; k < b_count; k++)
			count += ike_selector_equal(&a[i], &b[k]);
	return count;
}

/* How many of the peer's selectors are the definition's very own. */
static size_t count_exact(const struct ike_sa *sa, const struct ike_child_config *config,
	const struct ike_child_selectors *theirs)
{
	struct ike_selector ours[IKE_CHILD_SELECTORS_MAX];
	size_t count = ike_child_config_selectors(sa, config, true, ours, IKE_CHILD_SELECTORS_MAX);
	size_t exact = count_equal(ours, count, theirs->local, theirs->local_count);

	count = ike_child_config_selectors(sa, config, false, ours, IKE_CHILD_SELECTORS_MAX);
	return exact + count_equal(ours, count, theirs->remote, theirs->remote_count);
}

/* The child definition whose selectors fit best: containing before narrowed, and of those exact
 * ones before wider ones. In tunnel mode they are as the peer said, in transport mode as they are
 * seen through a NAT. */
const struct ike_child_config *ike_child_choose_config(const struct ike_sa *sa,
	const struct ike_child_selectors *said, const struct ike_child_selectors *seen,
	struct ike_child_selectors *ret)
{
	const struct ike_child_config *chosen = NULL;
	struct ike_child_selectors common;
	size_t best = 0;

	for (size_t i = 0; i < sa->connection->child_count; i++) {
		const struct ike_child_config *config = sa->connection->children[i];
		const struct ike_child_selectors *theirs =
			config->mode == IKE_MODE_TRANSPORT ? seen : said;
		size_t score;

		if (config->mode == IKE_MODE_PASS || config->mode == IKE_MODE_DROP ||
			!ike_child_narrow(sa, config, theirs, &common))
			continue;
		score = count_equal(common.local, common.local_count, theirs->local,
				theirs->local_count) +
			count_equal(common.remote, common.remote_count, theirs->remote,
				theirs->remote_count);
		score = 1 + score * EXACT_BELOW + count_exact(sa, config, theirs);
		if (score > best) {
			best = score;
			chosen = config;
			*ret = common;
		}
	}
	return chosen;
}

/* The child of which at least one side fits; else the first. */
const struct ike_child_config *ike_child_nearest_config(
	const struct ike_sa *sa, const struct ike_child_selectors *theirs)
{
	const struct ike_connection *c = sa->connection;
	struct ike_child_selectors common;

	for (size_t i = 0; i < c->child_count; i++) {
		(void)ike_child_narrow(sa, c->children[i], theirs, &common);
		if (common.local_count > 0 || common.remote_count > 0)
			return c->children[i];
	}
	return c->child_count > 0 ? c->children[0] : NULL;
}

/* A peer may have more children than are defined, as selectors are narrowed, but not as many as it
 * likes. Those that are being rekeyed are there twice. */
bool ike_children_are_full(const struct ike_sa *sa, bool rekeys)
{
	size_t limit = CHILDREN_MAX + CHILDREN_OF_EACH * sa->connection->child_count, count = 0;

	for (size_t i = 0; i < sa->connection->child_count; i++)
		if (sa->connection->children[i]->per_cpu_sas != IKE_PER_CPU_NO)
			limit += FOR_PROCESSORS;
	for (const struct ike_child *child = sa->children; child; child = child->next)
		count++;
	return count >= (rekeys ? 2 * limit : limit);
}
