#include "charon-lite/control/failure_message.h"

#include "libike/advice.h"
#include "libike/causes.h"
#include "libike/wire/isakmp.h"
#include "libike/wire/numbers.h"

#include <inttypes.h>

static void put_text(struct vici_builder *b, const char *key, const char *text)
{
	if (text)
		vici_key_text(b, key, text);
}

static void put_host(struct vici_builder *b, const char *key, const struct address *host)
{
	char text[ADDRESS_TEXT_MAX];

	if (host->family)
		vici_key_text(b, key, address_format(host, text));
}

static void put_times(struct vici_builder *b, const struct ike_failure_record *r)
{
	ike_time now = cl_daemon_now();
	int64_t first = (now - r->first) / 1000, last = (now - r->last) / 1000;
	int64_t wall = time(NULL);

	vici_key_format(b, "count", "%" PRIu32, r->count);
	vici_key_format(b, "first", "%" PRId64, wall - first);
	vici_key_format(b, "last", "%" PRId64, wall - last);
	vici_key_format(b, "first-ago", "%" PRId64, first);
	vici_key_format(b, "last-ago", "%" PRId64, last);
	if (r->worked_at != IKE_NEVER)
		vici_key_format(b, "over-ago", "%" PRId64, (now - r->worked_at) / 1000);
}

void cl_failure_build(
	struct vici_builder *b, const struct ike_failure_record *record, const char *connection)
{
	const struct ike_failure *f = &record->failure;
	struct ike_advice advice;
	char notify[IKE_NUMBER_TEXT_MAX];

	ike_advise(record, connection, &advice);
	vici_key_text(b, "reason", ike_reason_name(f->reason));
	vici_key_text(b, "kind", ike_cause_name(record));
	put_text(b, "text", f->text);
	vici_key_text(b, "cause", advice.cause);
	vici_key_text(b, "cure", advice.cure);
	put_text(b, "child", record->child);
	vici_key_text(b, "phase", ike_phase_name(record->phase, record->version));
	vici_key_text(b, "initiator", record->we_initiated ? "yes" : "no");
	put_host(b, "local-host", &record->local);
	put_text(b, "local-id", record->local_id);
	put_host(b, "remote-host", &record->remote);
	put_text(b, "remote-id", record->remote_id);
	put_text(b, "ours", f->ours);
	put_text(b, "theirs", f->theirs);
	put_text(b, "differs", f->differs);
	if (f->notify)
		vici_key_text(b, "notify",
			record->version == 1 ? isakmp_notify_format(f->notify, notify)
					     : ike_notify_format(f->notify, notify));
	put_times(b, record);
}
