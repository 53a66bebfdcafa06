/* load-conn messages: whatever is accepted is complete, equal to itself, and safe to print and to
 * judge. */
#include "charon-lite/control/load_conn.h"
#include "libike/check/check.h"

#include <stdlib.h>

/* The same bytes as a client: what is accepted can be loaded into an empty table. */
static void check_client(struct vici_view section)
{
	struct ike_clients *clients = ike_clients_new();
	struct cl_load_client client = { 0 };
	struct why why;

	if (clients && cl_load_client(section, &client, &why)) {
		struct ike_client_change change = { .name = client.name,
			.identity = client.identity,
			.networks = client.networks,
			.count = client.count };
		size_t failed;

		if (!ike_clients_load(clients, &change, 1, &failed, &why) ||
			change.loaded != IKE_CLIENT_ADDED)
			abort();
	}
	ike_identity_free(client.identity);
	ike_clients_free(clients);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_selectors(const struct ike_selector *list, size_t count)
{
	char text[IKE_SELECTOR_TEXT_MAX];

	if (count == 0)
		abort();
	for (size_t i = 0; i < count; i++)
		ike_selector_format(&list[i], text);
}

static void on_finding(void *context, const struct ike_finding *finding)
{
	(void)context;
	if (!ike_check_row(finding->code) || !finding->name || !*finding->text)
		abort();
}

/* As --check does: beside itself, with nothing else loaded. */
static void judge(const struct ike_connection *c)
{
	const struct ike_connection *const twice[] = { c, c };
	struct ike_credentials *credentials = ike_credentials_new();
	struct ike_certificates *certificates = ike_certificates_new();
	struct ike_pools *pools = ike_pools_new();
	struct ike_clients *clients = ike_clients_new();
	const struct ike_check_model model = {
		.connections = twice,
		.connection_count = 2,
		.credentials = credentials,
		.certificates = certificates,
		.pools = pools,
		.clients = clients,
	};
	struct ike_check *k = NULL;

	if (credentials && certificates && pools && clients && (k = ike_check_new(&model)))
		while (ike_check_next(k, on_finding, NULL))
			continue;
	ike_check_free(k);
	ike_credentials_free(credentials);
	ike_certificates_free(certificates);
	ike_pools_free(pools);
	ike_clients_free(clients);
}

static void check(const struct ike_connection *c)
{
	char text[IKE_PROPOSAL_TEXT_MAX];

	if (!ike_connection_equal(c, c) || c->proposals.count == 0 || c->rand_time > INT64_MAX)
		abort();
	ike_proposals_format(c->proposals.items, c->proposals.count, text);
	for (size_t i = 0; i < c->child_count; i++) {
		const struct ike_child_config *child = c->children[i];

		if (child->proposals.count == 0 || child->rand_time > child->rekey_time ||
			child->rand_bytes > child->rekey_bytes)
			abort();
		ike_proposals_format(child->proposals.items, child->proposals.count, text);
		check_selectors(child->local_ts, child->local_ts_count);
		check_selectors(child->remote_ts, child->remote_ts_count);
	}
	judge(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cl_certificate_source source = { 0 };
	struct vici_message message;
	struct why why;

	if (!vici_message_parse(bytes_of(data, size), &message, &why))
		return 0;
	VICI_EACH(each, vici_root(&message))
	{
		if (vici_kind(each) != VICI_SECTION)
			continue;
		struct ike_connection *c = cl_load_connection(each, &source, &why);
		if (c)
			check(c);
		ike_connection_free(c);
		check_client(each);
	}
	vici_message_free(&message);
	return 0;
}
