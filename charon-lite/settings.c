#include "charon-lite/settings.h"

#include "charon-lite/resolved.h"
#include "charon-lite/settings_value.h"
#include "libvici/packet.h"
#include "libvici/value.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define REPLAY_WINDOW_MAX 4096 /* packets; the kernel's own limit */

static const char *const section_names[CL_SETTINGS_SECTIONS] = { "charon-lite", "charon-systemd",
	"charon" };

const struct settings_key *cl_settings_key(const struct cl_settings *s, const char *path)
{
	for (size_t i = 0; i < CL_SETTINGS_SECTIONS; i++) {
		const struct settings_key *key = settings_find_key(s->sections[i], path);

		if (key)
			return key;
	}
	return NULL;
}

/* Absent keys leave *value, the default, as it is. */
static bool read_number(const struct cl_settings *s, const char *path, uint32_t max,
	uint32_t *value, struct why *why)
{
	return cl_value_number(cl_settings_key(s, path), max, value, why);
}

static bool read_port(
	const struct cl_settings *s, const char *path, uint16_t *value, struct why *why)
{
	uint32_t number = *value;

	if (!read_number(s, path, UINT16_MAX, &number, why))
		return false;
	*value = (uint16_t)number;
	return true;
}

static bool read_time(
	const struct cl_settings *s, const char *path, ike_time *value, struct why *why)
{
	return cl_value_time(cl_settings_key(s, path), value, why);
}

static bool read_bool(const struct cl_settings *s, const char *path, bool *value, struct why *why)
{
	return cl_value_bool(cl_settings_key(s, path), value, why);
}

/* dos_protection = no is strongSwan's switch for both thresholds at once. */
static bool read_protection(struct cl_settings *s, struct why *why)
{
	struct ike_settings *e = &s->engine;
	bool protection = true;

	if (!read_bool(s, "dos_protection", &protection, why))
		return false;
	if (!protection) {
		e->cookie_threshold = e->block_threshold = 0;
		return true;
	}
	return read_number(s, "cookie_threshold", UINT32_MAX, &e->cookie_threshold, why) &&
	       read_number(s, "cookie_threshold_ip", UINT32_MAX, &e->cookie_threshold_ip, why) &&
	       read_number(s, "block_threshold", UINT32_MAX, &e->block_threshold, why);
}

static const char *text_of(const struct cl_settings *s, const char *path, const char *otherwise)
{
	const struct settings_key *key = cl_settings_key(s, path);

	return key && *key->value ? key->value : otherwise;
}

/* Numbers with spaces or commas between them. */
static bool read_tables(const struct cl_settings *s, struct cl_network_settings *n, struct why *why)
{
	const struct settings_key *key = cl_settings_key(s, "ignore_routing_tables");
	const char *at = key ? key->value : "";

	for (at += strspn(at, ", \t"); *at; at += strspn(at, ", \t")) {
		size_t length = strcspn(at, ", \t");

		if (n->ignored_table_count == CL_IGNORED_TABLES_MAX ||
			!value_u32(
				bytes_of(at, length), &n->ignored_tables[n->ignored_table_count++]))
			return cl_value_wrong(
				key, "a list of a few numbers of routing tables", why);
		at += length;
	}
	return true;
}

static bool read_network(
	const struct cl_settings *s, struct cl_network_settings *n, struct why *why)
{
	cl_network_settings_default(n);
	n->interfaces_use = text_of(s, "interfaces_use", NULL);
	n->interfaces_ignore = text_of(s, "interfaces_ignore", NULL);
	n->install_virtual_ip_on = text_of(s, "install_virtual_ip_on", NULL);
	return read_number(s, "routing_table", UINT32_MAX, &n->routing_table, why) &&
	       read_number(s, "routing_table_prio", UINT32_MAX - 1, &n->routing_table_prio, why) &&
	       read_tables(s, n, why) && read_bool(s, "install_routes", &n->install_routes, why) &&
	       read_bool(s, "install_virtual_ip", &n->install_virtual_ip, why) &&
	       read_number(s, "plugins.kernel-netlink.mtu", UINT16_MAX, &n->route_mtu, why) &&
	       read_number(s, "plugins.kernel-netlink.mss", UINT16_MAX, &n->route_mss, why) &&
	       read_bool(s, "plugins.kernel-netlink.install_routes_xfrmi", &n->install_routes_xfrmi,
		       why) &&
	       read_bool(s, "process_route", &n->process_route, why) &&
	       read_bool(s, "plugins.kernel-netlink.roam_events", &n->roam_events, why) &&
	       read_bool(s, "prefer_temporary_addrs", &n->prefer_temporary_addrs, why);
}

/* strongSwan's plugin of that name writes them all the time; we do when somebody asks. */
static bool read_saving(struct cl_settings *s, struct why *why)
{
	bool load = false;

	if (!read_bool(s, "plugins.save-keys.load", &load, why) ||
		!read_bool(s, "plugins.save-keys.ike", &s->save_ike, why) ||
		!read_bool(s, "plugins.save-keys.esp", &s->save_esp, why))
		return false;
	s->save_ike = s->save_ike && load;
	s->save_esp = s->save_esp && load;
	return true;
}

static bool read_resolving(struct cl_settings *s, struct why *why)
{
	s->resolved = true;
	s->resolvectl = text_of(s, "plugins.resolve.resolvectl", CL_RESOLVED_PROGRAM);
	return read_bool(s, "plugins.resolve.resolved", &s->resolved, why);
}

/* plugins.curl.redir is -1 for as many as we allow. */
static bool read_fetching(struct cl_settings *s, struct why *why)
{
	const struct settings_key *redirects = cl_settings_key(s, "plugins.curl.redir");
	struct ike_settings *e = &s->engine;

	s->fetch_redirects = UINT32_MAX;
	if (!read_bool(s, "plugins.revocation.enable_crl", &e->crl, why) ||
		!read_bool(s, "plugins.revocation.enable_ocsp", &e->ocsp, why) ||
		!read_time(s, "plugins.revocation.timeout", &e->fetch_timeout, why) ||
		!read_number(s, "ocsp_nonce_len", 32, &e->ocsp_nonce_length, why))
		return false;
	if (e->fetch_timeout <= 0 || e->fetch_timeout > IKE_SECONDS(3600))
		return cl_value_wrong(cl_settings_key(s, "plugins.revocation.timeout"),
			"a time that an answer could come in", why);
	if (e->ocsp_nonce_length == 0)
		return cl_value_wrong(cl_settings_key(s, "ocsp_nonce_len"), "from 1 to 32", why);
	s->fetch_timeout = (uint32_t)((e->fetch_timeout + 999) / 1000);
	return !redirects || strcmp(redirects->value, "-1") == 0 ||
	       read_number(s, "plugins.curl.redir", INT32_MAX, &s->fetch_redirects, why);
}

/* What strongSwan's XAuth plugins can be told. */
static bool read_xauth(struct cl_settings *s, struct why *why)
{
	const char *backend = text_of(s, "plugins.xauth-eap.backend", "radius");

	s->pam_service = text_of(s, "plugins.xauth-pam.pam_service", "login");
	s->pam_trim = true;
	if (strcmp(backend, "radius") != 0)
		return cl_value_wrong(
			cl_settings_key(s, "plugins.xauth-eap.backend"), "radius", why);
	return read_bool(s, "plugins.xauth-pam.trim_email", &s->pam_trim, why);
}

static bool read_fragment_sizes(struct cl_settings *s, struct why *why)
{
	struct ike_settings *e = &s->engine;
	uint32_t both = e->fragment_size_v4;

	if (!read_number(s, "fragment_size", UINT16_MAX, &both, why))
		return false;
	e->fragment_size_v4 = e->fragment_size_v6 = both;
	return read_number(s, "fragment_size_v4", UINT16_MAX, &e->fragment_size_v4, why) &&
	       read_number(s, "fragment_size_v6", UINT16_MAX, &e->fragment_size_v6, why);
}

static bool read_behaviour(struct cl_settings *s, struct why *why)
{
	struct ike_settings *e = &s->engine;

	return read_bool(s, "initiator_only", &e->initiator_only, why) &&
	       read_bool(s, "reuse_ikesa", &e->reuse_ikesa, why) &&
	       read_bool(s, "follow_redirects", &e->follow_redirects, why) &&
	       read_bool(s, "inactivity_close_ike", &e->inactivity_close_ike, why) &&
	       read_bool(s, "close_ike_on_child_failure", &e->close_ike_on_child_failure, why) &&
	       read_bool(s, "cisco_flexvpn", &e->cisco_flexvpn, why) &&
	       read_bool(s, "send_vendor_id", &e->send_vendor_id, why) &&
	       read_number(s, "replay_window", REPLAY_WINDOW_MAX, &e->replay_window, why);
}

static bool read_sockets(struct cl_settings *s, struct why *why)
{
	s->max_packet = 10000;
	s->use_ipv4 = s->use_ipv6 = true;
	s->socket_mark = 0;
	if (!read_number(s, "max_packet", UINT32_MAX, &s->max_packet, why) ||
		!read_bool(s, "plugins.socket-default.use_ipv4", &s->use_ipv4, why) ||
		!read_bool(s, "plugins.socket-default.use_ipv6", &s->use_ipv6, why) ||
		!read_number(s, "plugins.socket-default.fwmark", UINT32_MAX, &s->socket_mark, why))
		return false;
	return s->use_ipv4 || s->use_ipv6 ||
	       cl_value_wrong(cl_settings_key(s, "plugins.socket-default.use_ipv6"),
		       "left one family to talk in", why);
}

/* SPIs below 256 are reserved (RFC 4303 2.1). */
static bool read_kernel(struct cl_settings *s, struct why *why)
{
	s->spi_min = 0xc0000000u;
	s->spi_max = 0xcfffffffu;
	s->reqid_base = 1;
	if (!read_number(s, "spi_min", UINT32_MAX, &s->spi_min, why) ||
		!read_number(s, "spi_max", UINT32_MAX, &s->spi_max, why) ||
		!read_number(s, "reqid_base", UINT32_MAX / 2, &s->reqid_base, why))
		return false;
	if (s->spi_min < 256 || s->spi_min > s->spi_max)
		return cl_value_wrong(
			cl_settings_key(s, cl_settings_key(s, "spi_min") ? "spi_min" : "spi_max"),
			"a range of SPIs from 0x100 on", why);
	return true;
}

static bool read_all(struct cl_settings *s, struct why *why)
{
	struct ike_settings *e = &s->engine;
	ike_time keep_alive = IKE_SECONDS(20), updown = IKE_SECONDS(60), leftover = IKE_SECONDS(60);

	ike_settings_default(e);
	if (!read_port(s, "port", &e->port, why) ||
		!read_port(s, "port_nat_t", &e->port_nat_t, why) ||
		!read_number(s, "retransmit_tries", 100, &e->retransmit_tries, why) ||
		!read_time(s, "retransmit_timeout", &e->retransmit_timeout, why) ||
		!cl_value_factor(cl_settings_key(s, "retransmit_base"), &e->retransmit_base, why) ||
		!read_number(s, "retransmit_jitter", 20, &e->retransmit_jitter, why) ||
		!read_time(s, "retransmit_limit", &e->retransmit_limit, why) ||
		!read_time(s, "half_open_timeout", &e->half_open_timeout, why) ||
		!read_time(s, "delete_rekeyed_delay", &e->delete_rekeyed_delay, why) ||
		!read_bool(s, "i_dont_care_about_security_and_use_aggressive_mode_psk",
			&e->aggressive_psk, why) ||
		!read_bool(s, "cisco_unity", &e->cisco_unity, why) ||
		!read_bool(s, "make_before_break", &e->make_before_break, why) ||
		!read_bool(s, "signature_authentication", &e->signature_authentication, why) ||
		!read_protection(s, why) ||
		!read_number(
			s, "init_limit_half_open", UINT32_MAX, &e->init_limit_half_open, why) ||
		!read_fragment_sizes(s, why) || !read_behaviour(s, why) || !read_sockets(s, why) ||
		!read_kernel(s, why) ||
		!read_number(s, "ikesa_limit", UINT32_MAX, &e->max_ikev2_sas, why) ||
		!read_time(s, "keep_alive", &keep_alive, why) ||
		!read_time(s, "leftover_time", &leftover, why) ||
		!read_time(s, "plugins.updown.timeout", &updown, why))
		return false;
	if (updown == 0)
		return cl_value_wrong(cl_settings_key(s, "plugins.updown.timeout"),
			"a time that a script could end in", why);
	if (e->port && e->port == e->port_nat_t)
		return settings_fail(&cl_settings_key(s, "port_nat_t")->place, why,
			"port_nat_t must differ from port");
	s->keep_alive = (uint32_t)((keep_alive + 999) / 1000);
	s->leftover_time = (uint32_t)((leftover + 999) / 1000);
	s->state_directory = text_of(s, "state_directory", "/var/lib/charon-lite");
	s->updown_timeout = (uint32_t)((updown + 999) / 1000);
	s->socket = text_of(s, "plugins.vici.socket", VICI_SOCKET_DEFAULT);
	s->metrics = text_of(s, "metrics", NULL);
	return read_resolving(s, why) && read_saving(s, why) && read_fetching(s, why) &&
	       read_xauth(s, why) && read_network(s, &s->network, why);
}

static bool take(struct settings *file, struct cl_settings *ret, struct why *why)
{
	struct cl_settings s = { .file = file };

	for (size_t i = 0; file && i < CL_SETTINGS_SECTIONS; i++)
		s.sections[i] = settings_find(settings_root(file), section_names[i]);
	if (!read_all(&s, why)) {
		settings_free(file);
		return false;
	}
	*ret = s;
	return true;
}

bool cl_settings_load(struct cl_settings *ret, struct why *why)
{
	const char *path = settings_path();
	struct settings *file;

	if (!path)
		return take(NULL, ret, why);
	file = settings_load(path, why);
	return file && take(file, ret, why);
}

bool cl_settings_parse(const char *text, struct cl_settings *ret, struct why *why)
{
	struct settings *file = settings_parse(bytes_of_text(text), "test", why);

	return file && take(file, ret, why);
}

void cl_settings_free(struct cl_settings *s)
{
	settings_free(s->file);
	*s = (struct cl_settings){ 0 };
}
