/* Which of the settings have an effect here, and what to say about the others. */
#include "charon-lite/settings_known.h"
#include "charon-lite/interfaces.h"
#include "charon-lite/log.h"
#include "charon-lite/settings.h"
#include "libvici/value.h"

#include <fnmatch.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

/* Log sections are checked by log_settings.c, which knows their keys. */
const struct cl_setting cl_settings_table[] = {
	{ "port", CL_SETTING_HONOURED },
	{ "port_nat_t", CL_SETTING_HONOURED },
	{ "interfaces_use", CL_SETTING_HONOURED },
	{ "interfaces_ignore", CL_SETTING_HONOURED },
	{ "max_packet", CL_SETTING_HONOURED, NULL, "of a datagram that is read" },
	{ "fragment_size", CL_SETTING_HONOURED },
	{ "fragment_size_v4", CL_SETTING_HONOURED },
	{ "fragment_size_v6", CL_SETTING_HONOURED },
	{ "retransmit_tries", CL_SETTING_HONOURED },
	{ "retransmit_timeout", CL_SETTING_HONOURED },
	{ "retransmit_base", CL_SETTING_HONOURED },
	{ "retransmit_jitter", CL_SETTING_HONOURED },
	{ "retransmit_limit", CL_SETTING_HONOURED },
	{ "half_open_timeout", CL_SETTING_HONOURED },
	{ "keep_alive", CL_SETTING_HONOURED },
	{ "dos_protection", CL_SETTING_HONOURED },
	{ "cookie_threshold", CL_SETTING_HONOURED },
	{ "cookie_threshold_ip", CL_SETTING_HONOURED },
	{ "block_threshold", CL_SETTING_HONOURED },
	{ "init_limit_half_open", CL_SETTING_HONOURED },
	{ "ikesa_limit", CL_SETTING_HONOURED },
	{ "initiator_only", CL_SETTING_HONOURED },
	{ "reuse_ikesa", CL_SETTING_HONOURED },
	{ "follow_redirects", CL_SETTING_HONOURED },
	{ "make_before_break", CL_SETTING_HONOURED },
	{ "delete_rekeyed_delay", CL_SETTING_HONOURED },
	{ "inactivity_close_ike", CL_SETTING_HONOURED },
	{ "close_ike_on_child_failure", CL_SETTING_HONOURED, NULL, "IKEv2" },
	{ "replay_window", CL_SETTING_HONOURED },
	{ "cisco_flexvpn", CL_SETTING_HONOURED, NULL, "IKEv2's vendor id" },
	{ "cisco_unity", CL_SETTING_HONOURED, NULL, "IKEv1" },
	{ "send_vendor_id", CL_SETTING_HONOURED, NULL, "IKEv2; ours is `charon-lite`" },
	{ "signature_authentication", CL_SETTING_HONOURED },
	{ "i_dont_care_about_security_and_use_aggressive_mode_psk", CL_SETTING_HONOURED },
	{ "ocsp_nonce_len", CL_SETTING_HONOURED },
	{ "routing_table", CL_SETTING_HONOURED },
	{ "routing_table_prio", CL_SETTING_HONOURED },
	{ "ignore_routing_tables", CL_SETTING_HONOURED },
	{ "install_routes", CL_SETTING_HONOURED },
	{ "install_virtual_ip", CL_SETTING_HONOURED },
	{ "install_virtual_ip_on", CL_SETTING_HONOURED },
	{ "process_route", CL_SETTING_HONOURED },
	{ "prefer_temporary_addrs", CL_SETTING_HONOURED },
	{ "spi_min", CL_SETTING_HONOURED, NULL, "read at the start" },
	{ "spi_max", CL_SETTING_HONOURED, NULL, "read at the start" },
	{ "reqid_base", CL_SETTING_HONOURED, NULL, "read at the start" },
	{ "state_directory", CL_SETTING_HONOURED, NULL,
		"ours alone: where what was loaded before an unconfirmed configuration is kept" },
	{ "leftover_time", CL_SETTING_HONOURED, NULL,
		"ours alone: how long what a crashed daemon left in the kernel may stay; 60 s" },
	{ "metrics", CL_SETTING_HONOURED, NULL,
		"ours alone: where `GET /metrics` is answered, `unix:///run/charon-lite/metrics` "
		"or "
		"`tcp://127.0.0.1:9110`; read at the start; nowhere (docs/monitoring.md)" },
	{ "filelog.*", CL_SETTING_HONOURED },
	{ "syslog.*", CL_SETTING_HONOURED },
	{ "journal.*", CL_SETTING_HONOURED },
	{ "plugins.save-keys.load", CL_SETTING_HONOURED, NULL,
		"without it `--save-keys` is refused" },
	{ "plugins.save-keys.ike", CL_SETTING_HONOURED, NULL,
		"keys of IKE SAs, with `--save-keys`" },
	{ "plugins.save-keys.esp", CL_SETTING_HONOURED, NULL,
		"keys of child SAs, with `--save-keys`" },
	{ "plugins.save-keys.wireshark_keys", CL_SETTING_NO_EFFECT, NULL,
		"keys are saved when `swanctl-lite --save-keys` asks for them" },
	{ "plugins.*.load", CL_SETTING_NEEDLESS, NULL, "there are no plugins" },
	{ "plugins.vici.socket", CL_SETTING_HONOURED, NULL,
		"read at the start; a list with commas; `tcp://` on the loopback only, for nobody "
		"is asked who they are" },
	{ "plugins.updown.timeout", CL_SETTING_HONOURED, NULL,
		"ours alone: how long a script may run; 60 s" },
	{ "plugins.updown.dns_handler", CL_SETTING_NEEDLESS, NULL,
		"the script is always told of DNS servers" },
	{ "plugins.resolve.resolved", CL_SETTING_HONOURED, NULL,
		"ours alone: systemd-resolved, where it runs, is told of the DNS servers that came "
		"with "
		"a virtual IP; yes" },
	{ "plugins.resolve.resolvectl", CL_SETTING_HONOURED, NULL,
		"ours alone: the program that tells it; /usr/bin/resolvectl" },
	{ "plugins.resolve.file", CL_SETTING_NO_EFFECT, NULL, "no resolv.conf is written" },
	{ "plugins.resolve.resolvconf.*", CL_SETTING_NO_EFFECT, NULL, "resolvconf is not run" },
	{ "plugins.revocation.enable_crl", CL_SETTING_HONOURED },
	{ "plugins.revocation.enable_ocsp", CL_SETTING_HONOURED },
	{ "plugins.revocation.timeout", CL_SETTING_HONOURED },
	{ "plugins.curl.redir", CL_SETTING_HONOURED },
	{ "plugins.curl.tls_backend", CL_SETTING_NEEDLESS },
	{ "plugins.socket-default.use_ipv4", CL_SETTING_HONOURED, NULL, "read at the start" },
	{ "plugins.socket-default.use_ipv6", CL_SETTING_HONOURED, NULL, "read at the start" },
	{ "plugins.socket-default.fwmark", CL_SETTING_HONOURED, NULL, "a mark without mask" },
	{ "plugins.socket-default.set_source", CL_SETTING_ONLY, "yes" },
	{ "plugins.socket-default.set_sourceif", CL_SETTING_ONLY, "no" },
	{ "plugins.kernel-netlink.install_routes_xfrmi", CL_SETTING_HONOURED },
	{ "plugins.kernel-netlink.mss", CL_SETTING_HONOURED },
	{ "plugins.kernel-netlink.mtu", CL_SETTING_HONOURED },
	{ "plugins.kernel-netlink.roam_events", CL_SETTING_HONOURED },
	{ "plugins.kernel-netlink.hw_offload_feature_interface", CL_SETTING_NEEDLESS, NULL,
		"the kernel is asked what it did" },
	{ "plugins.kernel-netlink.policy_update", CL_SETTING_NEEDLESS, NULL,
		"a policy that is taken over is always updated" },
	{ "plugins.kernel-netlink.port_bypass", CL_SETTING_ONLY, "no" },
	{ "plugins.kernel-netlink.process_rules", CL_SETTING_ONLY, "no" },
	{ "plugins.kernel-netlink.buflen", CL_SETTING_NEEDLESS },
	{ "plugins.kernel-netlink.receive_buffer_size", CL_SETTING_NEEDLESS },
	{ "plugins.kernel-netlink.ignore_retransmit_errors", CL_SETTING_NEEDLESS },
	{ "plugins.kernel-netlink.parallel_route", CL_SETTING_NEEDLESS },
	{ "plugins.kernel-netlink.parallel_xfrm", CL_SETTING_NEEDLESS },
	{ "plugins.kernel-netlink.retries", CL_SETTING_NEEDLESS },
	{ "plugins.kernel-netlink.timeout", CL_SETTING_NEEDLESS },
	{ "plugins.kernel-netlink.*", CL_SETTING_NO_EFFECT },
	{ "plugins.eap-radius.server", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.secret", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.port", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.source", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.nas_identifier", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.retransmit_*", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.servers.*.address", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.servers.*.secret", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.servers.*.*port", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.servers.*.source", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.servers.*.preference", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.servers.*.nas_identifier", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.servers.*.retransmit_*", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.servers.*.sockets", CL_SETTING_NEEDLESS },
	{ "plugins.eap-radius.sockets", CL_SETTING_NEEDLESS },
	{ "plugins.eap-radius.id_prefix", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.eap_start", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.class_group", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.filter_id", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.accounting", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.accounting_close_on_timeout", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.accounting_interval", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.accounting_send_class", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.accounting_requires_vip", CL_SETTING_ONLY, "no" },
	{ "plugins.eap-radius.close_all_on_timeout", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.station_id_with_port", CL_SETTING_HONOURED },
	{ "plugins.eap-radius.dae.enable", CL_SETTING_ONLY, "no" },
	{ "plugins.eap-radius.dae.*", CL_SETTING_NO_EFFECT, NULL,
		"there are no dynamic authorization extensions" },
	{ "plugins.eap-radius.forward.*", CL_SETTING_NO_EFFECT },
	{ "plugins.dhcp.server", CL_SETTING_HONOURED, NULL,
		"a broadcast address, or a server that is asked as by a relay; 255.255.255.255" },
	{ "plugins.dhcp.interface", CL_SETTING_HONOURED },
	{ "plugins.dhcp.identity_lease", CL_SETTING_HONOURED },
	{ "plugins.dhcp.force_server_address", CL_SETTING_HONOURED, NULL,
		"for RELEASE, too, which else goes to the server that gave the lease" },
	{ "plugins.dhcp.use_server_port", CL_SETTING_HONOURED, NULL,
		"the port is taken at the start" },
	{ "plugins.xauth-eap.backend", CL_SETTING_HONOURED, NULL, "`radius`; others are refused" },
	{ "plugins.xauth-pam.pam_service", CL_SETTING_HONOURED },
	{ "plugins.xauth-pam.trim_email", CL_SETTING_HONOURED },
	{ "plugins.xauth-pam.session", CL_SETTING_ONLY, "no" },
	{ "plugins.openssl.*", CL_SETTING_NEEDLESS, NULL, "OpenSSL's own configuration counts" },
	{ "plugins.random.*", CL_SETTING_NEEDLESS },
	{ "plugins.drbg.*", CL_SETTING_NEEDLESS },
	{ "plugins.gcrypt.*", CL_SETTING_NEEDLESS },
	{ "accept_private_algs", CL_SETTING_ONLY, "no" },
	{ "accept_unencrypted_mainmode_messages", CL_SETTING_ONLY, "no" },
	{ "cache_crls", CL_SETTING_ONLY, "no" },
	{ "cert_cache", CL_SETTING_NEEDLESS },
	{ "check_current_path", CL_SETTING_ONLY, "no" },
	{ "crypto_test.*", CL_SETTING_NEEDLESS },
	{ "delete_rekeyed", CL_SETTING_ONLY, "no" },
	{ "dh_exponent_ansi_x9_42", CL_SETTING_NEEDLESS },
	{ "dlopen_use_rtld_now", CL_SETTING_NEEDLESS },
	{ "dns1", CL_SETTING_NO_EFFECT, NULL, "use the `pools` section of swanctl.conf" },
	{ "dns2", CL_SETTING_NO_EFFECT, NULL, "use the `pools` section of swanctl.conf" },
	{ "nbns1", CL_SETTING_NO_EFFECT, NULL, "use the `pools` section of swanctl.conf" },
	{ "nbns2", CL_SETTING_NO_EFFECT, NULL, "use the `pools` section of swanctl.conf" },
	{ "plugins.attr.*", CL_SETTING_NO_EFFECT, NULL, "use the `pools` section of swanctl.conf" },
	{ "flush_auth_cfg", CL_SETTING_NEEDLESS, NULL,
		"what an authentication needs is freed after it" },
	{ "force_eap_only_authentication", CL_SETTING_ONLY, "no" },
	{ "group", CL_SETTING_NO_EFFECT, NULL,
		"the daemon keeps CAP_NET_ADMIN alone, see charon-lite(8)" },
	{ "user", CL_SETTING_NO_EFFECT, NULL,
		"the daemon keeps CAP_NET_ADMIN alone, see charon-lite(8)" },
	{ "hash_and_url", CL_SETTING_ONLY, "no" },
	{ "host_resolver.*", CL_SETTING_NEEDLESS },
	{ "ignore_acquire_ts", CL_SETTING_ONLY, "yes", "what is configured is proposed" },
	{ "ikesa_table_s*", CL_SETTING_NEEDLESS },
	{ "init_limit_job_load", CL_SETTING_NEEDLESS, NULL, "there is no queue of jobs" },
	{ "integrity_test", CL_SETTING_ONLY, "no" },
	{ "keep_alive_dpd_margin", CL_SETTING_ONLY, "0s" },
	{ "leak_detective.*", CL_SETTING_NEEDLESS },
	{ "load", CL_SETTING_NEEDLESS },
	{ "load_modular", CL_SETTING_NEEDLESS },
	{ "max_ikev1_exchanges", CL_SETTING_NEEDLESS, NULL, "bounded anyway" },
	{ "multiple_authentication", CL_SETTING_ONLY, "yes" },
	{ "prefer_best_path", CL_SETTING_ONLY, "no" },
	{ "prefer_configured_proposals", CL_SETTING_ONLY, "yes" },
	{ "processor.*", CL_SETTING_NEEDLESS },
	{ "rdn_matching", CL_SETTING_ONLY, "strict" },
	{ "receive_delay*", CL_SETTING_NO_EFFECT, NULL, "for tests of strongSwan's own" },
	{ "send_delay*", CL_SETTING_NO_EFFECT, NULL, "for tests of strongSwan's own" },
	{ "reject_trusted_end_entity", CL_SETTING_ONLY, "no" },
	{ "retry_initiate_interval", CL_SETTING_NEEDLESS, NULL,
		"what is wanted is tried again for ever, with growing pauses" },
	{ "rsa_pss", CL_SETTING_ONLY, "no" },
	{ "rsa_pss_trailerfield", CL_SETTING_ONLY, "no" },
	{ "signature_authentication_constraints", CL_SETTING_ONLY, "yes" },
	{ "spi_label", CL_SETTING_NO_EFFECT },
	{ "spi_mask", CL_SETTING_NO_EFFECT },
	{ "threads", CL_SETTING_NEEDLESS },
	{ "x509.enforce_critical", CL_SETTING_ONLY, "yes" },
	{ "start-scripts.*", CL_SETTING_NO_EFFECT, NULL,
		"what the daemon starts are updown scripts, without root's rights: let the "
		"service's "
		"`ExecStartPost=` run `swanctl-lite --load-all`" },
	{ "stop-scripts.*", CL_SETTING_NO_EFFECT, NULL, "the service's `ExecStop=`" },
	{ "tls.*", CL_SETTING_NO_EFFECT },
	{ "imcv.*", CL_SETTING_NO_EFFECT },
	{ "tnc.*", CL_SETTING_NO_EFFECT },
	{ "plugins.*", CL_SETTING_NO_EFFECT, NULL, "any other plugin: there is none" },
	{ NULL },
};

/* no, false, 0 and so on are the same. */
static bool is_same(const char *a, const char *b)
{
	bool first, second;

	if (value_bool(bytes_of_text(a), &first) && value_bool(bytes_of_text(b), &second))
		return first == second;
	return strcmp(a, b) == 0;
}

static bool has_effect(const char *path, const char *value)
{
	const struct cl_setting *setting = cl_settings_table;

	while (setting->pattern && fnmatch(setting->pattern, path, 0) != 0)
		setting++;
	if (!setting->pattern || setting->effect == CL_SETTING_NO_EFFECT)
		return false;
	return setting->effect != CL_SETTING_ONLY || is_same(setting->value, value);
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
		if (!has_effect(path, key->value))
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

/* They may come later, and count then. */
static void warn_interfaces(const struct cl_settings *s, struct cl_log *log)
{
	const char *use = s->network.interfaces_use, *on = s->network.install_virtual_ip_on;
	char name[CL_INTERFACE_TEXT];

	while (use && cl_interface_next(&use, name))
		if (if_nametoindex(name) == 0)
			cl_log_text(log, IKE_LOG_CFG, IKE_LOG_INFO,
				"charon.interfaces_use: there is no interface '%s' now; unless it "
				"comes, it is as if it was not listed",
				name);
	if (on && *on && if_nametoindex(on) == 0)
		cl_log_text(log, IKE_LOG_CFG, IKE_LOG_INFO,
			"charon.install_virtual_ip_on: there is no interface '%s' now; unless it "
			"comes, virtual IPs cannot be installed",
			on);
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
	warn_interfaces(s, log);
}
