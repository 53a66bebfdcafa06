#include "charon-lite/radius_settings.h"

#include "charon-lite/settings.h"
#include "charon-lite/settings_value.h"

#include <stdio.h>
#include <stdlib.h>

#define PLUGIN "plugins.eap-radius."

/* What one server's section says, else what the plugin's says. */
struct place {
	const struct cl_settings *settings;
	const struct settings_section *server; /* NULL: there is none */
};

static const struct settings_key *find(const struct place *p, const char *name)
{
	char path[80];
	const struct settings_key *key = settings_find_key(p->server, name);

	snprintf(path, sizeof(path), PLUGIN "%s", name);
	return key ? key : cl_settings_key(p->settings, path);
}

static bool read_bool(const struct place *p, const char *name, bool *ret, struct why *why)
{
	return cl_value_bool(find(p, name), ret, why);
}

static bool read_number(
	const struct place *p, const char *name, uint32_t max, uint32_t *ret, struct why *why)
{
	return cl_value_number(find(p, name), max, ret, why);
}

/* In seconds, rounded up. */
static bool read_seconds(const struct place *p, const char *name, uint32_t *ret, struct why *why)
{
	ike_time time = IKE_SECONDS(*ret);

	if (!cl_value_time(find(p, name), &time, why))
		return false;
	*ret = (uint32_t)((time + 999) / 1000);
	return true;
}

static bool read_retransmission(
	const struct place *p, struct cl_radius_server_settings *s, struct why *why)
{
	const struct settings_key *timeout = find(p, "retransmit_timeout");

	s->base = 1.4;
	s->timeout = 2000;
	s->tries = 4;
	if (!cl_value_factor(find(p, "retransmit_base"), &s->base, why) ||
		!cl_value_time(timeout, &s->timeout, why) ||
		!read_number(p, "retransmit_tries", 20, &s->tries, why))
		return false;
	return (s->timeout > 0 && s->timeout <= IKE_SECONDS(60)) ||
	       cl_value_wrong(timeout, "a time of up to a minute", why);
}

/* A copy of the text, or of `otherwise`, which may be NULL. */
static bool copy_text(const struct settings_key *key, const char *otherwise, char **ret)
{
	const char *text = key && *key->value ? key->value : otherwise;

	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

static bool read_ports(const struct place *p, struct cl_radius_server_settings *s, struct why *why)
{
	s->auth_port = 1812;
	if (!read_number(p, "port", UINT16_MAX, &s->auth_port, why) ||
		!read_number(p, "auth_port", UINT16_MAX, &s->auth_port, why))
		return false;
	s->acct_port = s->auth_port + 1;
	return read_number(p, "acct_port", UINT16_MAX, &s->acct_port, why) &&
	       read_number(p, "preference", 1000000, &s->preference, why);
}

/* host: where the address stands. */
static bool read_server(const struct place *p, const char *name, const struct settings_key *host,
	struct cl_radius_server_settings *s, struct why *why)
{
	const struct settings_key *secret = find(p, "secret");

	if (!secret || !*secret->value)
		return settings_fail(&host->place, why, "RADIUS server '%s' has no secret", name);
	if (!(s->name = strdup(name)) || !copy_text(host, NULL, &s->host) ||
		!copy_text(find(p, "nas_identifier"), "strongSwan", &s->nas_identifier) ||
		!copy_text(find(p, "source"), NULL, &s->source) ||
		!secret_copy(&s->secret, bytes_of_text(secret->value)))
		return why_fail(why, "out of memory");
	return read_ports(p, s, why) && read_retransmission(p, s, why);
}

static const struct settings_section *servers_of(const struct cl_settings *s)
{
	for (size_t i = 0; i < CL_SETTINGS_SECTIONS; i++) {
		const struct settings_section *servers =
			settings_find(s->sections[i], PLUGIN "servers");

		if (servers && servers->sections)
			return servers;
	}
	return NULL;
}

static bool read_servers(
	const struct cl_settings *s, struct cl_radius_settings *ret, struct why *why)
{
	const struct settings_section *servers = servers_of(s);
	const struct settings_key *host = cl_settings_key(s, PLUGIN "server");
	struct place place = { s, NULL };

	if (!servers) {
		if (!host || !*host->value)
			return true;
		ret->count = 1;
		return read_server(&place, "primary", host, &ret->servers[0], why);
	}
	SETTINGS_SECTIONS(each, servers)
	{
		place.server = each;
		host = settings_find_key(each, "address");
		if (!host || !*host->value)
			return settings_fail(
				&each->place, why, "RADIUS server '%s' has no address", each->name);
		if (ret->count == CL_RADIUS_SERVERS_MAX)
			return settings_fail(&each->place, why, "more than %u RADIUS servers",
				CL_RADIUS_SERVERS_MAX);
		if (!read_server(&place, each->name, host, &ret->servers[ret->count++], why))
			return false;
	}
	return true;
}

bool cl_radius_settings_read(
	const struct cl_settings *s, struct cl_radius_settings *ret, struct why *why)
{
	const struct place place = { s, NULL };

	*ret = (struct cl_radius_settings){ .station_id_with_port = true,
		.accounting_close_on_timeout = true };
	if (read_servers(s, ret, why) &&
		(copy_text(find(&place, "id_prefix"), "", &ret->id_prefix) ||
			why_fail(why, "out of memory")) &&
		read_bool(&place, "eap_start", &ret->eap_start, why) &&
		read_bool(&place, "class_group", &ret->class_group, why) &&
		read_bool(&place, "filter_id", &ret->filter_id, why) &&
		read_bool(&place, "accounting", &ret->accounting, why) &&
		read_bool(&place, "accounting_send_class", &ret->accounting_send_class, why) &&
		read_bool(&place, "accounting_close_on_timeout", &ret->accounting_close_on_timeout,
			why) &&
		read_bool(&place, "close_all_on_timeout", &ret->close_all_on_timeout, why) &&
		read_bool(&place, "station_id_with_port", &ret->station_id_with_port, why) &&
		read_seconds(&place, "accounting_interval", &ret->accounting_interval, why))
		return true;
	cl_radius_settings_free(ret);
	return false;
}

void cl_radius_settings_free(struct cl_radius_settings *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct cl_radius_server_settings *server = &s->servers[i];

		free(server->name);
		free(server->host);
		free(server->nas_identifier);
		free(server->source);
		secret_free(&server->secret);
	}
	free(s->id_prefix);
	*s = (struct cl_radius_settings){ 0 };
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_server(
	const struct cl_radius_server_settings *a, const struct cl_radius_server_settings *b)
{
	return same_text(a->name, b->name) && same_text(a->host, b->host) &&
	       same_text(a->nas_identifier, b->nas_identifier) && same_text(a->source, b->source) &&
	       secret_equal(secret_bytes(&a->secret), secret_bytes(&b->secret)) &&
	       a->auth_port == b->auth_port && a->acct_port == b->acct_port &&
	       a->preference == b->preference && a->tries == b->tries && a->base == b->base &&
	       a->timeout == b->timeout;
}

bool cl_radius_settings_equal(
	const struct cl_radius_settings *a, const struct cl_radius_settings *b)
{
	if (a->count != b->count || !same_text(a->id_prefix, b->id_prefix) ||
		a->eap_start != b->eap_start || a->class_group != b->class_group ||
		a->filter_id != b->filter_id || a->accounting != b->accounting ||
		a->accounting_send_class != b->accounting_send_class ||
		a->accounting_close_on_timeout != b->accounting_close_on_timeout ||
		a->close_all_on_timeout != b->close_all_on_timeout ||
		a->station_id_with_port != b->station_id_with_port ||
		a->accounting_interval != b->accounting_interval)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!same_server(&a->servers[i], &b->servers[i]))
			return false;
	}
	return true;
}
