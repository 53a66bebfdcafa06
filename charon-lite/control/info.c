/* What the daemon is and how it fares: version, stats, get-algorithms, reload-settings. */
#include "charon-lite/control/command.h"

#include <inttypes.h>
#include <malloc.h>
#include <sys/utsname.h>

void cl_command_version(struct cl_client *c, struct vici_view request)
{
	struct vici_builder b = cl_client_answer();
	struct utsname system;

	(void)request;
	if (uname(&system) < 0)
		system = (struct utsname){ 0 };
	vici_key_text(&b, "daemon", "charon-lite");
	vici_key_text(&b, "version", CL_VERSION);
	vici_key_text(&b, "sysname", system.sysname);
	vici_key_text(&b, "release", system.release);
	vici_key_text(&b, "machine", system.machine);
	cl_client_reply(c, &b);
}

/* ---- stats ---- */

static void put_zeros(struct vici_builder *b, const char *section)
{
	static const char *const priorities[] = { "critical", "high", "medium", "low" };

	vici_section_start(b, section);
	for (size_t i = 0; i < sizeof(priorities) / sizeof(*priorities); i++)
		vici_key_text(b, priorities[i], "0");
	vici_section_end(b);
}

/* In the largest unit of which there are more than two, as charon has it. */
static void put_running(struct vici_builder *b, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t i = 0;

	while (units[i].seconds > 1 && seconds <= 2 * units[i].seconds)
		i++;
	int64_t count = seconds / units[i].seconds;
	vici_key_format(
		b, "running", "%" PRId64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
}

static void put_uptime(struct vici_builder *b, const struct cl_daemon *d)
{
	char since[64] = "";
	struct tm tm;

	localtime_r(&d->started, &tm);
	strftime(since, sizeof(since), "%b %d %H:%M:%S %Y", &tm);
	vici_section_start(b, "uptime");
	put_running(b, (int64_t)(time(NULL) - d->started));
	vici_key_text(b, "since", since);
	vici_section_end(b);
}

/* We have one thread and no queues: the figures say so. */
static void put_workers(struct vici_builder *b)
{
	vici_section_start(b, "workers");
	vici_key_text(b, "total", "1");
	vici_key_text(b, "idle", "1");
	put_zeros(b, "active");
	vici_section_end(b);
	put_zeros(b, "queues");
}

static void put_memory(struct vici_builder *b)
{
	struct mallinfo2 info = mallinfo2();

	vici_section_start(b, "mallinfo");
	vici_key_format(b, "sbrk", "%zu", info.arena);
	vici_key_format(b, "mmap", "%zu", info.hblkhd);
	vici_key_format(b, "used", "%zu", info.uordblks);
	vici_key_format(b, "free", "%zu", info.fordblks);
	vici_section_end(b);
}

void cl_command_stats(struct cl_client *c, struct vici_view request)
{
	const struct cl_daemon *d = cl_client_daemon(c);
	struct vici_builder b = cl_client_answer();
	struct ike_engine_stats stats;
	const struct ike_sa *sa;
	uint32_t tasks = 0;

	(void)request;
	ike_engine_stats(d->engine, &stats);
	for (sa = ike_engine_sa_next(d->engine, NULL); sa; sa = ike_engine_sa_next(d->engine, sa))
		tasks += ike_engine_sa_tasks(sa);
	put_uptime(&b, d);
	put_workers(&b);
	vici_key_format(&b, "scheduled", "%u", tasks);
	vici_section_start(&b, "ikesas");
	vici_key_format(&b, "total", "%u", stats.ike_sas);
	vici_key_format(&b, "half-open", "%u", stats.half_open);
	vici_section_end(&b);
	vici_list_start(&b, "plugins");
	vici_item_text(&b, "charon-lite");
	vici_item_text(&b, "openssl");
	vici_item_text(&b, d->kernel_none ? "kernel-none" : "kernel-netlink");
	vici_item_text(&b, "vici");
	vici_item_text(&b, "counters");
	vici_list_end(&b);
	put_memory(&b);
	cl_client_reply(c, &b);
}

/* ---- get-algorithms ---- */

struct algorithm_section {
	const char *name;
	uint8_t type;
	bool aead;
};

static void put_algorithms(
	struct vici_builder *b, struct ike_engine *e, const struct algorithm_section *section)
{
	const struct ike_algorithm *a, *last = NULL;

	vici_section_start(b, section->name);
	for (a = ike_algorithm_next(NULL); a; a = ike_algorithm_next(a)) {
		bool same_name = last && strcmp(last->name, a->name) == 0;

		if (a->type != section->type || a->aead != section->aead || same_name ||
			!ike_engine_supports(e, a))
			continue;
		vici_key_text(b, a->name, "openssl");
		last = a; /* rows of other key sizes follow under the same name */
	}
	vici_section_end(b);
}

/* What nobody negotiates, under charon's names; there are no extendable outputs nor DRBGs that we
 * would choose among. */
static void put_names(struct vici_builder *b, const char *section, const char *const *names)
{
	vici_section_start(b, section);
	for (size_t i = 0; names[i]; i++)
		vici_key_text(b, names[i], "openssl");
	vici_section_end(b);
}

void cl_command_get_algorithms(struct cl_client *c, struct vici_view request)
{
	static const struct algorithm_section encryption = { "encryption", IKE_TRANSFORM_ENCRYPTION,
		false },
					      integrity = { "integrity", IKE_TRANSFORM_INTEGRITY,
						      false },
					      aead = { "aead", IKE_TRANSFORM_ENCRYPTION, true },
					      prf = { "prf", IKE_TRANSFORM_PRF, false },
					      ke = { "ke", IKE_TRANSFORM_KEY_EXCHANGE, false };
	static const char *const hashers[] = { "HASH_SHA1", "HASH_SHA2_256", "HASH_SHA2_384",
		"HASH_SHA2_512", "HASH_IDENTITY", NULL };
	static const char *const kdfs[] = { "KDF_PRF", "KDF_PRF_PLUS", NULL };
	static const char *const rngs[] = { "RNG_WEAK", "RNG_STRONG", "RNG_TRUE", NULL };
	static const char *const nonces[] = { "NONCE_GEN", NULL }, *const none[] = { NULL };
	struct ike_engine *e = cl_client_daemon(c)->engine;
	struct vici_builder b = cl_client_answer();

	(void)request;
	put_algorithms(&b, e, &encryption);
	put_algorithms(&b, e, &integrity);
	put_algorithms(&b, e, &aead);
	put_names(&b, "hasher", hashers);
	put_algorithms(&b, e, &prf);
	put_names(&b, "xof", none);
	put_names(&b, "kdf", kdfs);
	put_names(&b, "drbg", none);
	put_algorithms(&b, e, &ke);
	put_names(&b, "rng", rngs);
	put_names(&b, "nonce-gen", nonces);
	cl_client_reply(c, &b);
}

/* ---- reload-settings ---- */

void cl_command_reload_settings(struct cl_client *c, struct vici_view request)
{
	struct why why;

	(void)request;
	if (cl_daemon_reload(cl_client_daemon(c), &why))
		cl_client_reply_success(c);
	else
		cl_client_reply_failure(c, "%s", why.text);
}
