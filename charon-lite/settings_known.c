/* Which of the settings have an effect here, and what to say about the others. */
#include "charon-lite/log.h"
#include "charon-lite/settings.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

enum effect {
	HONOURED,
	/* Means something to strongSwan's build alone (its plugins, threads, tables) or asks for
	 * what we do anyway: nothing to say. */
	NEEDLESS,
};

/* Patterns of paths within a charon section; the first that fits counts. Log sections are checked
 * by log.c, which knows their keys. */
static const struct {
	const char *pattern;
	enum effect effect;
} known[] = {
	{ "port", HONOURED },
	{ "port_nat_t", HONOURED },
	{ "retransmit_*", HONOURED },
	{ "half_open_timeout", HONOURED },
	{ "delete_rekeyed_delay", HONOURED },
	{ "make_before_break", HONOURED },
	{ "signature_authentication", HONOURED },
	{ "dos_protection", HONOURED },
	{ "cookie_threshold", HONOURED },
	{ "cookie_threshold_ip", HONOURED },
	{ "block_threshold", HONOURED },
	{ "init_limit_half_open", HONOURED },
	{ "fragment_size", HONOURED },
	{ "i_dont_care_about_security_and_use_aggressive_mode_psk", HONOURED },
	{ "cisco_unity", HONOURED },
	{ "ikesa_limit", HONOURED },
	{ "keep_alive", HONOURED },
	{ "leftover_time", HONOURED },
	{ "interfaces_use", HONOURED },
	{ "interfaces_ignore", HONOURED },
	{ "routing_table", HONOURED },
	{ "routing_table_prio", HONOURED },
	{ "ignore_routing_tables", HONOURED },
	{ "install_routes", HONOURED },
	{ "install_virtual_ip", HONOURED },
	{ "install_virtual_ip_on", HONOURED },
	{ "process_route", HONOURED },
	{ "prefer_temporary_addrs", HONOURED },
	{ "plugins.kernel-netlink.install_routes_xfrmi", HONOURED },
	{ "plugins.kernel-netlink.mss", HONOURED },
	{ "plugins.kernel-netlink.mtu", HONOURED },
	{ "plugins.kernel-netlink.roam_events", HONOURED },
	{ "filelog.*", HONOURED },
	{ "syslog.*", HONOURED },
	{ "journal.*", HONOURED },
	{ "plugins.vici.socket", HONOURED },
	{ "plugins.updown.timeout", HONOURED },
	{ "plugins.revocation.*", HONOURED },
	{ "plugins.curl.redir", HONOURED },
	{ "plugins.curl.tls_backend", NEEDLESS },
	{ "ocsp_nonce_len", HONOURED },
	{ "plugins.eap-radius.server", HONOURED },
	{ "plugins.eap-radius.secret", HONOURED },
	{ "plugins.eap-radius.port", HONOURED },
	{ "plugins.eap-radius.source", HONOURED },
	{ "plugins.eap-radius.servers.*.address", HONOURED },
	{ "plugins.eap-radius.servers.*.secret", HONOURED },
	{ "plugins.eap-radius.servers.*.*port", HONOURED },
	{ "plugins.eap-radius.servers.*.source", HONOURED },
	{ "plugins.eap-radius.servers.*.preference", HONOURED },
	{ "plugins.eap-radius.servers.*.nas_identifier", HONOURED },
	{ "plugins.eap-radius.servers.*.retransmit_*", HONOURED },
	{ "plugins.eap-radius.nas_identifier", HONOURED },
	{ "plugins.eap-radius.retransmit_*", HONOURED },
	{ "plugins.eap-radius.id_prefix", HONOURED },
	{ "plugins.eap-radius.eap_start", HONOURED },
	{ "plugins.eap-radius.class_group", HONOURED },
	{ "plugins.eap-radius.filter_id", HONOURED },
	{ "plugins.eap-radius.accounting*", HONOURED },
	{ "plugins.eap-radius.close_all_on_timeout", HONOURED },
	{ "plugins.eap-radius.station_id_with_port", HONOURED },
	{ "plugins.eap-radius.sockets", NEEDLESS },
	{ "plugins.eap-radius.servers.*.sockets", NEEDLESS },
	{ "plugins.xauth-eap.backend", HONOURED },
	{ "plugins.xauth-pam.pam_service", HONOURED },
	{ "plugins.xauth-pam.trim_email", HONOURED },
	{ "load", NEEDLESS },
	{ "load_modular", NEEDLESS },
	{ "plugins.*.load", NEEDLESS },
	{ "threads", NEEDLESS },
	{ "processor.*", NEEDLESS },
	{ "ikesa_table_s*", NEEDLESS },
	{ "host_resolver.*", NEEDLESS },
	{ "crypto_test.*", NEEDLESS },
	{ "leak_detective.*", NEEDLESS },
	{ "dlopen_use_rtld_now", NEEDLESS },
	{ "prefer_configured_proposals", NEEDLESS },
};

static bool is_known(const char *path)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (fnmatch(known[i].pattern, path, 0) == 0)
			return true;
	}
	return false;
}

/* Sections have bounded depth and names of bounded length come from a file that the operator
 * wrote: a path that does not fit is cut, and then unknown. */
static void warn_section(
	const struct settings_section *section, const char *prefix, struct cl_log *log)
{
	char path[512];

	SETTINGS_KEYS(key, section)
	{
		snprintf(path, sizeof(path), "%s%s", prefix, key->name);
		if (!is_known(path))
			cl_log_text(log, IKE_LOG_CFG, IKE_LOG_INFO,
				"%s:%u: %s has no effect in this version", key->place.file,
				key->place.line, path);
	}
	SETTINGS_SECTIONS(below, section)
	{
		snprintf(path, sizeof(path), "%s%s.", prefix, below->name);
		warn_section(below, path, log);
	}
}

void cl_settings_warn(const struct cl_settings *s, struct cl_log *log)
{
	const char *warning;

	for (size_t i = 0; s->file && (warning = settings_warning(s->file, i)); i++)
		cl_log_text(log, IKE_LOG_CFG, IKE_LOG_INFO, "%s", warning);
	for (size_t i = 0; i < CL_SETTINGS_SECTIONS; i++) {
		if (s->sections[i])
			warn_section(s->sections[i], "", log);
	}
}
