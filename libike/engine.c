/* The engine: made, fed with datagrams and time, looked at, ended. */
#include "libike/leased.h"
#include "libike/names.h"
#include "libike/revocation_priv.h"
#include "libike/supervisor.h"
#include "libike/versions.h"

#include <stdlib.h>

void ike_settings_default(struct ike_settings *ret)
{
	*ret = (struct ike_settings){
		.port = 500,
		.port_nat_t = 4500,
		.retransmit_tries = 5,
		.retransmit_timeout = IKE_SECONDS(4),
		.retransmit_base = 1.8,
		.half_open_timeout = IKE_SECONDS(30),
		.delete_rekeyed_delay = IKE_SECONDS(5),
		.make_before_break = true,
		.signature_authentication = true,
		.cookie_threshold = 30,
		.cookie_threshold_ip = 3,
		.block_threshold = 5,
		.fragment_size_v4 = 1280,
		.fragment_size_v6 = 1280,
		.replay_window = 32,
		.reuse_ikesa = true,
		.follow_redirects = true,
		.crl = true,
		.ocsp = true,
		.fetch_timeout = IKE_SECONDS(10),
		.ocsp_nonce_length = 32,
	};
}

struct ike_engine *ike_engine_new(
	const struct ike_host *host, const struct ike_settings *settings, struct why *why)
{
	struct ike_engine *e = calloc(1, sizeof(*e));

	if (!e) {
		why_fail(why, "out of memory");
		return NULL;
	}
	e->host = *host;
	e->settings = *settings;
	e->crypto = ike_crypto_new(host->library, why);
	e->credentials = ike_credentials_new();
	e->certificates = ike_certificates_new();
	e->pools = ike_pools_new();
	e->clients = ike_clients_new();
	e->revocation = ike_revocation_new(e);
	if (!e->crypto || !e->credentials || !e->certificates || !e->pools || !e->clients ||
		!e->revocation) {
		if (e->crypto)
			why_fail(why, "out of memory");
		ike_engine_free(e);
		return NULL;
	}
	return e;
}

void ike_engine_free(struct ike_engine *e)
{
	if (!e)
		return;
	HASH_CLEAR(by_ticket, e->leased); /* its table; they go with their SAs */
	while (e->by_id)
		ike_sa_free(e, e->by_id);
	ike_sites_free(e);
	ike_names_free(e);
	ike_traps_free(e);
	ike_reqids_free(e);
	ike_commands_free(e);
	ike_counters_free(e);
	ike_loaded_free_all(e);
	ike_failures_free(&e->failures);
	ike_revocation_free(e);
	ike_credentials_free(e->credentials);
	ike_certificates_free(e->certificates);
	ike_pools_free(e->pools);
	ike_clients_free(e->clients);
	ike_crypto_free(e->crypto);
	free(e->heap);
	secret_wipe(e, sizeof(*e));
	free(e);
}

void ike_engine_reqids_after(struct ike_engine *e, uint32_t last)
{
	if (last > e->next_reqid)
		e->next_reqid = last;
}

void ike_engine_settings(struct ike_engine *e, const struct ike_settings *settings)
{
	e->settings = *settings;
}

struct ike_pools *ike_engine_pools(struct ike_engine *e)
{
	return e->pools;
}

struct ike_credentials *ike_engine_credentials(struct ike_engine *e)
{
	return e->credentials;
}

struct ike_certificates *ike_engine_certificates(struct ike_engine *e)
{
	return e->certificates;
}

/* Nobody asks the host to sign yet. */
void ike_engine_flush_certificates(struct ike_engine *e, unsigned kinds)
{
	if (kinds & IKE_FLUSH_CERTIFICATES)
		ike_certificates_flush(e->certificates);
	if (kinds & IKE_FLUSH_CRLS)
		ike_certificates_flush_crls(e->certificates);
	if (kinds & (IKE_FLUSH_CRLS | IKE_FLUSH_OCSP))
		ike_revocation_flush(e, kinds & IKE_FLUSH_CRLS, kinds & IKE_FLUSH_OCSP);
}

bool ike_engine_supports(struct ike_engine *e, const struct ike_algorithm *algorithm)
{
	return ike_crypto_supports(e->crypto, algorithm);
}

void ike_engine_datagram(struct ike_engine *e, ike_time now, const struct ike_datagram *datagram)
{
	e->now = now;
	ike_receive(e, datagram);
}

ike_time ike_engine_deadline(const struct ike_engine *e)
{
	return e->heap_count > 0 ? e->heap[0]->at : IKE_NEVER;
}

void ike_engine_tick(struct ike_engine *e, ike_time now)
{
	e->now = now;
	while (e->heap_count > 0 && e->heap[0]->at <= now) {
		struct ike_timer *timer = e->heap[0];

		if (timer->kind == IKE_TIMER_SA)
			ike_sa_wake(e,
				(struct ike_sa *)((char *)timer - offsetof(struct ike_sa, timer)));
		else if (timer->kind == IKE_TIMER_NAME)
			ike_lookup_wake(e, timer);
		else if (timer->kind == IKE_TIMER_REVOCATION)
			ike_revocation_wake(e);
		else
			ike_wish_look(e, (struct ike_wish *)((char *)timer -
							     offsetof(struct ike_wish, timer)));
	}
}

void ike_engine_shutdown(struct ike_engine *e, ike_time now)
{
	struct ike_failure failure = { 0 };
	struct ike_sa *sa, *next;

	e->now = now;
	e->shutting_down = true;
	ike_supervise_nothing(e);
	while (e->traps)
		ike_trap_remove(e, e->traps);
	ike_failure_set(&failure, IKE_REASON_TERMINATED, NULL, NULL, "shutting down");
	for (sa = e->by_id; sa; sa = next) {
		next = sa->by_id.next;
		if (sa->state != IKE_SA_DELETING)
			ike_version_of(sa)->delete_ike(e, sa, false, 0, &failure);
	}
	ike_failure_free(&failure);
}

bool ike_engine_is_idle(const struct ike_engine *e)
{
	return e->by_id == NULL;
}

void ike_engine_mapping(
	struct ike_engine *e, ike_time now, uint32_t spi, const struct address *remote)
{
	struct ike_child *child;

	e->now = now;
	HASH_FIND(by_spi, e->children_by_spi, &spi, sizeof(spi), child);
	if (!child)
		return;
	struct ike_sa *sa = child->sa;
	ike_path_seen(e, child, remote);
	ike_tasks_run(e, sa);
}

const struct ike_sa *ike_engine_sa_next(const struct ike_engine *e, const struct ike_sa *previous)
{
	return previous ? previous->by_id.next : e->by_id;
}

const struct ike_sa *ike_engine_sa_find(const struct ike_engine *e, uint32_t unique_id)
{
	const struct ike_sa *found;

	HASH_FIND(by_id, e->by_id, &unique_id, sizeof(unique_id), found);
	return found;
}

bool ike_engine_sa_keys(const struct ike_sa *sa, struct ike_sa_keys *ret)
{
	if (sa->keys.length == 0)
		return false;
	ike_version_of(sa)->sa_keys(sa, ret);
	return true;
}

ike_time ike_engine_dead_after(const struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_version *version = ike_version_of(sa);

	return version->dead_after ? version->dead_after(e, sa) : ike_retransmission_total(e, sa);
}

ike_time ike_engine_dead_at(const struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_version *version = ike_version_of(sa);
	ike_time since = version->asked_since ? version->asked_since(sa) : IKE_NEVER;
	ike_time unanswered = since == IKE_NEVER ? IKE_NEVER : since + version->dead_after(e, sa);
	ike_time silent =
		sa->request ? sa->request_sent_at + ike_retransmission_total(e, sa) : IKE_NEVER;

	return silent < unanswered ? silent : unanswered;
}

void ike_engine_stats(const struct ike_engine *e, struct ike_engine_stats *ret)
{
	*ret = (struct ike_engine_stats){
		.ike_sas = e->sa_count,
		.half_open = e->half_open[0] + e->half_open[1],
		.children = e->child_count,
	};
}

uint32_t ike_engine_sa_tasks(const struct ike_sa *sa)
{
	return ike_tasks_count(sa);
}
