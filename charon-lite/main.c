/* Start, settings, loop, stop. */
#include "charon-lite/confinement.h"
#include "charon-lite/control/server.h"
#include "charon-lite/control/trial.h"
#include "charon-lite/daemon.h"
#include "charon-lite/dhcp_host.h"
#include "charon-lite/explain/drops.h"
#include "charon-lite/judge.h"
#include "charon-lite/log_events.h"
#include "charon-lite/metrics.h"
#include "charon-lite/privileges.h"
#include "charon-lite/radius_host.h"
#include "charon-lite/service.h"
#include "charon-lite/turns.h"
#include "charon-lite/wiping.h"
#include "libvici/packet.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long peers may take to acknowledge that their SAs are gone. */
#define SHUTDOWN_SECONDS 3
/* And then the updown scripts that say so on our side, and systemd-resolved. */
#define SCRIPTS_SECONDS 10

enum {
	EXIT_USAGE = 2, /* as EXIT_FAILURE is 1: it did not start */
};

/* Nothing is to be done at the peers any more. */
static void peers_are_done(struct cl_daemon *d)
{
	const struct timeval limit = { SCRIPTS_SECONDS, 0 };

	if (cl_updown_is_idle(d->updown) && cl_resolved_is_idle(d->resolved)) {
		event_base_loopbreak(d->base);
		return;
	}
	if (!d->peers_done)
		evtimer_add(d->give_up, &limit);
	d->peers_done = true;
}

void cl_daemon_rearm(struct cl_daemon *d)
{
	ike_time deadline = ike_engine_deadline(d->engine);

	if (d->judging)
		return;
	cl_turns_note(d->turns, d->base);
	if (d->stopping && (d->peers_done || ike_engine_is_idle(d->engine)))
		peers_are_done(d);
	if (deadline == IKE_NEVER) {
		evtimer_del(d->tick);
		return;
	}
	ike_time wait = deadline - cl_daemon_now();
	if (wait < 0)
		wait = 0;
	const struct timeval tv = { wait / 1000, wait % 1000 * 1000 };
	evtimer_add(d->tick, &tv);
}

static void tick(evutil_socket_t fd, short what, void *context)
{
	struct cl_daemon *d = context;

	(void)fd, (void)what;
	ike_engine_tick(d->engine, cl_daemon_now());
	cl_daemon_rearm(d);
}

/* ---- Settings ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool reload_settings(struct cl_daemon *d, struct why *why)
{
	struct cl_settings settings;

	if (!cl_settings_load(&settings, why))
		return false;
	if ((settings.engine.port && settings.engine.port != d->settings.engine.port) ||
		(settings.engine.port_nat_t &&
			settings.engine.port_nat_t != d->settings.engine.port_nat_t) ||
		strcmp(settings.socket, d->settings.socket) != 0 ||
		!same_text(settings.metrics, d->settings.metrics))
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"ports, the control socket and that of metrics stay as they are until a "
			"restart");
	if (!cl_radius_host_reload(d, &settings, why) || !cl_dhcp_host_reload(d, &settings, why)) {
		cl_settings_free(&settings);
		return false;
	}
	if (!cl_udp_interfaces(
		    d->udp, settings.network.interfaces_use, settings.network.interfaces_ignore) ||
		!cl_network_reload(d->network, &settings.network) ||
		!cl_resolved_settings(d->resolved, settings.resolved, settings.resolvectl)) {
		cl_settings_free(&settings);
		return why_fail(why, "out of memory");
	}
	settings.engine.port = d->settings.engine.port;
	settings.engine.port_nat_t = d->settings.engine.port_nat_t;
	cl_log_configure(d->log, &settings);
	cl_settings_warn(&settings, d->log);
	ike_engine_settings(d->engine, &settings.engine);
	cl_udp_settings(d->udp, settings.max_packet, settings.socket_mark);
	cl_updown_limit(d->updown, settings.updown_timeout);
	cl_fetcher_limits(d->fetcher, settings.fetch_timeout, settings.fetch_redirects);
	cl_settings_free(&d->settings);
	d->settings = settings;
	cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_INFO, "settings reloaded");
	cl_log_daemon_event(d->log, CL_LOG_SETTINGS_RELOADED, NULL, NULL);
	return true;
}

bool cl_daemon_reload(struct cl_daemon *d, struct why *why)
{
	cl_service_reloading(d->service);
	bool done = reload_settings(d, why);
	cl_service_reloaded(d->service);
	return done;
}

/* ---- Signals ---- */

static void give_up(evutil_socket_t fd, short what, void *context)
{
	struct cl_daemon *d = context;

	(void)fd, (void)what;
	if (d->peers_done) {
		event_base_loopbreak(d->base);
		return;
	}
	cl_log_text(d->log, IKE_LOG_DMN, IKE_LOG_INFO,
		"not all peers acknowledged that their SAs are gone");
	cl_updown_all_down(d->updown, d->engine);
	cl_resolved_remove_all(d->resolved);
	peers_are_done(d);
}

/* A second signal ends it at once. */
static void stop(evutil_socket_t signal_number, short what, void *context)
{
	const struct timeval limit = { SHUTDOWN_SECONDS, 0 };
	struct cl_daemon *d = context;

	(void)what;
	if (d->stopping) {
		event_base_loopbreak(d->base);
		return;
	}
	d->stopping = true;
	cl_service_stopping(d->service);
	cl_log_text(d->log, IKE_LOG_DMN, IKE_LOG_AUDIT, "SIG%s received, shutting down",
		signal_number == SIGINT ? "INT" : "TERM");
	cl_log_daemon_event(d->log, CL_LOG_STOPPING, NULL, "signal",
		signal_number == SIGINT ? "INT" : "TERM", NULL);
	evtimer_add(d->give_up, &limit);
	ike_engine_shutdown(d->engine, cl_daemon_now());
	cl_daemon_rearm(d);
}

static void reload(evutil_socket_t signal_number, short what, void *context)
{
	struct cl_daemon *d = context;
	struct why why;

	(void)signal_number, (void)what;
	cl_log_reopen(d->log);
	if (!cl_daemon_reload(d, &why))
		cl_log_text(d->log, IKE_LOG_CFG, IKE_LOG_AUDIT, "settings stay as they were: %s",
			why.text);
}

static bool open_timers(struct cl_daemon *d)
{
	static const struct {
		int signal;
		event_callback_fn callback;
	} signals[] = { { SIGTERM, stop }, { SIGINT, stop }, { SIGHUP, reload } };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		d->signals[i] = evsignal_new(d->base, signals[i].signal, signals[i].callback, d);
		if (!d->signals[i] || evsignal_add(d->signals[i], NULL) < 0)
			return false;
	}
	signal(SIGPIPE, SIG_IGN);
	d->tick = evtimer_new(d->base, tick, d);
	d->give_up = evtimer_new(d->base, give_up, d);
	return d->tick && d->give_up;
}

/* ---- From start to end ---- */

static bool open_metrics(struct cl_daemon *d, struct why *why)
{
	if (!d->settings.metrics)
		return true;
	if (!cl_listener_open(
		    d->settings.metrics, CL_METRICS_PORT_DEFAULT, &d->metrics_listeners, why))
		return why_prefix(why, "socket of the metrics: ");
	return cl_metrics_open(d, d->metrics_listeners, &d->metrics, why);
}

static bool daemon_open(struct cl_daemon *d, struct why *why)
{
	if (!cl_settings_load(&d->settings, why))
		return false;
	/* The control socket first: it tells whether another daemon runs, before its log files or
	 * the kernel are touched. */
	if (!cl_listener_open(d->settings.socket, VICI_PORT_DEFAULT, &d->listeners, why))
		return why_prefix(why, "control socket: ");
	cl_log_configure(d->log, &d->settings);
	cl_log_text(d->log, IKE_LOG_DMN, IKE_LOG_AUDIT, "Starting charon-lite %s", CL_VERSION);
	cl_log_daemon_event(d->log, CL_LOG_STARTED, NULL, "version", CL_VERSION, NULL);
	cl_settings_warn(&d->settings, d->log);
	if (!cl_confine_memory(why))
		cl_log_text(d->log, IKE_LOG_DMN, IKE_LOG_INFO, "secrets may get into swap: %s",
			why->text);
	d->base = event_base_new();
	if (!d->base)
		return why_fail(why, "libevent: no event loop");
	if (!cl_host_open(d, why))
		return false;
	if (!open_timers(d) || !cl_keepalive_start(d) || !cl_resync_open(d))
		return why_fail(why, "libevent: out of memory");
	return cl_server_open(d, d->listeners, &d->server, why) && open_metrics(d, why) &&
	       cl_privileges_drop(!d->kernel_none, why) && cl_trial_open(d, why) &&
	       cl_service_open(d, &d->service, why);
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void daemon_close(struct cl_daemon *d)
{
	cl_server_close(d->server);
	d->server = NULL;
	cl_service_close(d->service);
	cl_metrics_close(d->metrics);
	d->metrics = NULL;
	cl_trial_close(d);
	cl_host_close(d);
	free_event(d->tick);
	free_event(d->give_up);
	free_event(d->keepalive);
	free_event(d->resync);
	for (size_t i = 0; i < sizeof(d->signals) / sizeof(*d->signals); i++)
		free_event(d->signals[i]);
	cl_listener_close(d->listeners);
	cl_listener_close(d->metrics_listeners);
	if (d->base)
		event_base_free(d->base);
	cl_settings_free(&d->settings);
	cl_turns_free(d->turns);
	cl_drops_history_free(d->drops);
	cl_log_free(d->log);
}

static int run(struct cl_daemon *d)
{
	struct why why;

	d->log = cl_log_new();
	d->started = time(NULL);
	d->turns = cl_turns_new();
	if (!d->log || !d->turns)
		return EXIT_FAILURE;
	if (!d->kernel_none)
		d->drops = cl_drops_history_new();
	cl_drops_note(d->drops, cl_daemon_now());
	if (!daemon_open(d, &why)) {
		cl_log_text(d->log, IKE_LOG_DMN, IKE_LOG_AUDIT, "charon-lite did not start: %s",
			why.text);
		daemon_close(d);
		return EXIT_FAILURE;
	}
	if (d->kernel_none)
		cl_log_text(d->log, IKE_LOG_DMN, IKE_LOG_AUDIT,
			"--kernel none: NO TRAFFIC IS PROTECTED, nothing is installed in the "
			"kernel");
	cl_log_text(d->log, IKE_LOG_DMN, IKE_LOG_INFO,
		"ready: control socket %s, UDP ports %u and %u", d->settings.socket,
		d->settings.engine.port, d->settings.engine.port_nat_t);
	cl_log_daemon_event(d->log, CL_LOG_READY, NULL, NULL);
	cl_daemon_rearm(d);
	cl_turns_run(d->turns, d->base);
	cl_log_text(d->log, IKE_LOG_DMN, IKE_LOG_INFO, "stopped");
	daemon_close(d);
	return EXIT_SUCCESS;
}

static void usage(FILE *out)
{
	fputs("usage: charon-lite [--kernel xfrm|none]\n"
	      "       charon-lite --version | --help\n"
	      "\n"
	      "An IKE daemon, in the foreground. Settings are read from the file that the\n"
	      "environment's STRONGSWAN_CONF names, else from " SETTINGS_PATH ",\n"
	      "else from " SETTINGS_PATH_ALONE ".\n"
	      "\n"
	      "  --kernel none  negotiate only: no traffic is protected\n",
		out);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "kernel", required_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	struct cl_daemon daemon = { 0 };
	int option;

	/* what the daemon starts itself as, resolver.h, resolved.h, signer.h, fetcher.h, pam.h, and
	 * swanctl-lite it, judge.h: no options for people */
	if (argc == 4 && strcmp(argv[1], "--resolve") == 0)
		return cl_resolver_main(argv[2], argv[3]);
	if (argc >= 4 && strcmp(argv[1], "--resolved") == 0)
		return cl_resolved_main(argc, argv);
	if (argc == 2 && strcmp(argv[1], "--signer") == 0)
		return cl_signer_main();
	if (argc == 2 && strcmp(argv[1], "--fetch") == 0)
		return cl_fetcher_main();
	if (argc == 2 && strcmp(argv[1], "--pam") == 0)
		return cl_pam_main();
	if (argc == 2 && strcmp(argv[1], "--judge") == 0)
		return cl_judge_main();
	cl_wipe_event_memory();
	while ((option = getopt_long(argc, argv, "vh", options, NULL)) != -1) {
		switch (option) {
		case 'k':
			daemon.kernel_none = strcmp(optarg, "none") == 0;
			if (!daemon.kernel_none && strcmp(optarg, "xfrm") != 0) {
				usage(stderr);
				return EXIT_USAGE;
			}
			break;
		case 'v':
			puts("charon-lite " CL_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return run(&daemon);
}
