/* Lists that are short: --list-algs, --list-pools, --list-authorities, --list-clients. */
#include "swanctl-lite/command.h"

#include <stdlib.h>
#include <string.h>

static int run_algs(struct swanctl *s)
{
	struct vici_call call = { .command = "get-algorithms" };
	struct vici_view answer;
	int status;

	if (!swanctl_call(s, &call, &answer, &status))
		return status;
	if (s->format != SWANCTL_TEXT) {
		swanctl_dump(stdout, s->format, "get-algorithms reply", answer);
		return 0;
	}
	VICI_EACH(kind, answer)
	{
		printf("%s:\n", SWANCTL_NAME_OF(kind));
		VICI_EACH(alg, kind)
		{
			printf("  %s[", SWANCTL_NAME_OF(alg));
			fwrite(vici_value(alg).at, 1, vici_value(alg).length, stdout);
			puts("]");
		}
	}
	return 0;
}

const struct swanctl_command swanctl_list_algs = {
	.name = "list-algs",
	.letter = 'g',
	.text = "show loaded algorithms",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY },
	.run = run_algs,
};

#define POOL_NAMES_MAX 4096

static void print_leases(struct vici_view leases)
{
	VICI_EACH(lease, leases)
	printf("  %-30s %-8s '%s'\n", SWANCTL_GAP_OF(lease, "address"),
		SWANCTL_GAP_OF(lease, "status"), SWANCTL_GAP_OF(lease, "identity"));
}

static void print_pool(struct vici_view pool)
{
	char usage[3 * SWANCTL_TEXT_ROOM];

	snprintf(usage, sizeof(usage), "%s / %s / %s", SWANCTL_GAP_OF(pool, "online"),
		SWANCTL_GAP_OF(pool, "offline"), SWANCTL_GAP_OF(pool, "size"));
	printf("%-20s %-30s %16s\n", SWANCTL_NAME_OF(pool), SWANCTL_GAP_OF(pool, "base"), usage);
	print_leases(vici_find(pool, "leases"));
}

/* name NULL: all pools; after NULL: all leases. */
static bool get_pools(struct swanctl *s, bool leases, const char *name, const char *after,
	struct vici_view *ret, int *ret_status)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "get-pools", .arguments = &b };

	if (leases)
		vici_key_text(&b, "leases", "yes");
	if (name)
		vici_key_text(&b, "name", name);
	if (after)
		vici_key_text(&b, "leases-after", after);
	bool ok = swanctl_call(s, &call, ret, ret_status);
	vici_builder_free(&b);
	return ok;
}

static void last_address(struct vici_view pool, char ret[SWANCTL_TEXT_ROOM])
{
	*ret = '\0';
	VICI_EACH(lease, vici_find(pool, "leases"))
	snprintf(ret, SWANCTL_TEXT_ROOM, "%s", SWANCTL_GAP_OF(lease, "address"));
}

/* As many answers as it takes. */
static bool print_long_pool(struct swanctl *s, const char *name, int *ret_status)
{
	char last[SWANCTL_TEXT_ROOM] = "";
	struct vici_view answer, pool;

	do {
		bool first = *last == '\0';

		if (!get_pools(s, true, name, first ? NULL : last, &answer, ret_status))
			return false;
		pool = vici_find(answer, name);
		if (first && vici_present(pool))
			print_pool(pool);
		else
			print_leases(vici_find(pool, "leases"));
		last_address(pool, last);
	} while (*last && swanctl_has(pool, "leases-left"));
	return true;
}

/* The leases did not fit into one answer of charon-lite's: one pool after the other, then. An
 * answer is there until the next question only. */
static int print_long_pools(struct swanctl *s, struct vici_view answer)
{
	char *names[POOL_NAMES_MAX];
	size_t count = 0;
	int status = 0;

	VICI_EACH(pool, answer)
	{
		if (count < POOL_NAMES_MAX && (names[count] = strdup(SWANCTL_NAME_OF(pool))))
			count++;
	}
	for (size_t i = 0; i < count; i++) {
		if (status == 0)
			(void)!print_long_pool(s, names[i], &status);
		free(names[i]);
	}
	return status;
}

static int run_pools(struct swanctl *s)
{
	struct vici_view answer;
	bool is_long = false;
	int status;

	if (!get_pools(s, swanctl_given(s, 'l'), swanctl_value(s, 'n'), NULL, &answer, &status))
		return status;
	if (s->format != SWANCTL_TEXT) {
		swanctl_dump(stdout, s->format, "get-pools reply", answer);
		return 0;
	}
	VICI_EACH(pool, answer)
	is_long = is_long || swanctl_has(pool, "leases-left");
	if (is_long)
		return print_long_pools(s, answer);
	VICI_EACH(pool, answer)
	print_pool(pool);
	return 0;
}

const struct swanctl_command swanctl_list_pools = {
	.name = "list-pools",
	.letter = 'A',
	.text = "list loaded pool configurations",
	.usage = { "[--leases] [--raw|--pretty|--json]" },
	.options = {
		SWANCTL_RAW,
		SWANCTL_PRETTY,
		{ "leases", 'l', false, "list leases of each pool" },
		{ "name", 'n', true, "filter pools by name" },
	},
	.run = run_pools,
};

/* "  crl_uris:  u1" and further ones below it. */
static void print_uris(struct vici_view uris)
{
	const char *label = vici_is(vici_name(uris), "crl_uris") ? "crl_uris:" : "ocsp_uris:";

	VICI_EACH(uri, uris)
	{
		printf("  %-10s ", label);
		fwrite(vici_value(uri).at, 1, vici_value(uri).length, stdout);
		putchar('\n');
		label = "";
	}
}

static void print_authority(struct vici_view message)
{
	VICI_EACH(authority, message)
	{
		printf("%s:\n", SWANCTL_NAME_OF(authority));
		VICI_EACH(each, authority)
		{
			if (vici_kind(each) == VICI_LIST)
				print_uris(each);
			else
				printf("  %s: %s\n", SWANCTL_NAME_OF(each),
					SWANCTL_TEXT_OF(authority, SWANCTL_NAME_OF(each)));
		}
	}
}

static int run_authorities(struct swanctl *s)
{
	struct vici_builder b = { 0 };

	swanctl_add_option(s, &b, 'n', "name");
	int status = swanctl_stream(s, "list-authorities", "list-authority", &b, print_authority);
	vici_builder_free(&b);
	return status;
}

const struct swanctl_command swanctl_list_authorities = {
	.name = "list-authorities",
	.letter = 'B',
	.text = "list loaded authority configurations",
	.usage = { "[--raw|--pretty|--json]" },
	.options = {
		{ "name", 'n', true, "filter by authority name" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run_authorities,
};

static void print_client(struct vici_view message)
{
	VICI_EACH(client, message)
	{
		printf("%-20s '%s'", SWANCTL_NAME_OF(client), SWANCTL_GAP_OF(client, "id"));
		VICI_EACH(network, vici_find(client, "networks"))
		{
			putchar(' ');
			fwrite(vici_value(network).at, 1, vici_value(network).length, stdout);
		}
		putchar('\n');
	}
}

static int run_clients(struct swanctl *s)
{
	struct vici_builder b = { 0 };

	swanctl_add_option(s, &b, 'n', "name");
	int status = swanctl_stream(s, "list-clients", "list-client", &b, print_client);
	vici_builder_free(&b);
	return status;
}

const struct swanctl_command swanctl_list_clients = {
	.name = "list-clients",
	.letter = 'N',
	.text = "list loaded clients and the networks behind them",
	.usage = { "[--raw|--pretty|--json]" },
	.options = {
		{ "name", 'n', true, "filter by client name" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run_clients,
};
