#include "charon-lite/judge.h"

#include "charon-lite/confinement.h"
#include "charon-lite/control/server.h"
#include "charon-lite/daemon.h"
#include "charon-lite/private_keys.h"
#include "charon-lite/privileges.h"
#include "charon-lite/wiping.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- A host that does nothing ---- */

static int64_t wall_clock(void *context)
{
	(void)context;
	return (int64_t)time(NULL);
}

static void send_nothing(void *context, const struct ike_datagram *datagram)
{
	(void)context, (void)datagram;
}

static bool source_address(void *context, const struct address *remote, struct address *ret)
{
	(void)context, (void)remote, (void)ret;
	return false;
}

static size_t local_addresses(void *context, uint16_t family, struct address *ret, size_t room)
{
	(void)context, (void)family, (void)ret, (void)room;
	return 0;
}

static bool resolve(void *context, const char *name, uint16_t family, uint64_t ticket)
{
	(void)context, (void)name, (void)family, (void)ticket;
	return false;
}

static bool spi_allocate(void *context, uint8_t protocol, const struct address *source,
	const struct address *destination, uint32_t reqid, uint32_t *ret_spi, struct why *why)
{
	(void)context, (void)protocol, (void)source, (void)destination, (void)reqid, (void)ret_spi;
	return why_fail(why, "nothing is installed");
}

static bool sa_install(void *context, const struct ike_kernel_sa *sa, struct why *why)
{
	(void)context, (void)sa;
	return why_fail(why, "nothing is installed");
}

static void sa_remove(void *context, const struct ike_kernel_id *id)
{
	(void)context, (void)id;
}

static bool sa_query(void *context, const struct ike_kernel_id *id, struct ike_kernel_usage *ret)
{
	(void)context, (void)id, (void)ret;
	return false;
}

static bool sa_move(void *context, const struct ike_kernel_id *id, const struct address *source,
	const struct address *destination, bool udp_encapsulation, struct why *why)
{
	(void)context, (void)id, (void)source, (void)destination, (void)udp_encapsulation;
	return why_fail(why, "nothing is installed");
}

static bool policies_install(
	void *context, const struct ike_kernel_policies *policies, struct why *why)
{
	(void)context, (void)policies, (void)why;
	return true;
}

static void policies_remove(void *context, const struct ike_kernel_policies *policies)
{
	(void)context, (void)policies;
}

static void log_nothing(void *context, const struct ike_log *line)
{
	(void)context, (void)line;
}

static bool log_wanted(void *context, uint8_t group, int level)
{
	(void)context, (void)group, (void)level;
	return false;
}

static void event(void *context, const struct ike_event *event)
{
	(void)context, (void)event;
}

static void command_done(void *context, uint64_t ticket, bool done, const char *text)
{
	(void)context, (void)ticket, (void)done, (void)text;
}

static bool open_engine(struct cl_daemon *d, struct why *why)
{
	const struct ike_host host = {
		.context = d,
		.library = d->library,
		.wall_clock = wall_clock,
		.send = send_nothing,
		.source_address = source_address,
		.local_addresses = local_addresses,
		.resolve = resolve,
		.spi_allocate = spi_allocate,
		.sa_install = sa_install,
		.sa_remove = sa_remove,
		.sa_query = sa_query,
		.sa_move = sa_move,
		.policies_install = policies_install,
		.policies_remove = policies_remove,
		.log = log_nothing,
		.log_wanted = log_wanted,
		.event = event,
		.command_done = command_done,
	};

	d->engine = ike_engine_new(&host, &d->settings.engine, why);
	return d->engine != NULL;
}

/* ---- From start to end ---- */

/* OpenSSL reads no file and wants no new code once the door is closed. */
static bool open_library(struct cl_daemon *d, struct why *why)
{
	uint8_t random[16];

	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	d->library = OSSL_LIB_CTX_new();
	return (d->library && RAND_bytes_ex(d->library, random, sizeof(random), 0) == 1 &&
		       RAND_priv_bytes_ex(d->library, random, sizeof(random), 0) == 1) ||
	       why_fail(why, "OpenSSL has no memory or no randomness");
}

static bool open_all(struct cl_daemon *d, struct why *why)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return why_fail(why, "standard input: %s", strerror(errno));
	d->base = event_base_new();
	if (!d->base)
		return why_fail(why, "libevent: no event loop");
	return cl_settings_load(&d->settings, why) && open_library(d, why) &&
	       cl_processes_open(d->base, &d->processes, why) && cl_private_keys_open(d, why) &&
	       open_engine(d, why) && cl_server_open(d, NULL, &d->server, why) &&
	       (cl_server_adopt(d->server, fd) || why_fail(why, "out of memory")) &&
	       cl_privileges_drop(false, why) && cl_confine_loop(why);
}

int cl_judge_main(void)
{
	struct cl_daemon d = { .kernel_none = true, .judging = true };
	struct why why;

	cl_confine_lifetime();
	signal(SIGPIPE, SIG_IGN);
	cl_wipe_event_memory();
	cl_wipe_openssl_memory();
	(void)!cl_confine_memory(&why); /* it may be anybody's, who has no right to lock it */
	d.log = cl_log_new();
	if (!d.log)
		return EXIT_FAILURE;
	cl_log_silence(d.log);
	if (!open_all(&d, &why)) {
		fprintf(stderr, "charon-lite --judge did not start: %s\n", why.text);
		_exit(EXIT_FAILURE);
	}
	event_base_dispatch(d.base);
	/* The rest goes with the process, and the signer with its socket: nobody may be killed. */
	_exit(EXIT_SUCCESS);
}
