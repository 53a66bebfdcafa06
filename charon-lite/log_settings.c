/* From the filelog, syslog and journal sections of strongswan.conf to the log's sinks. */
#include "charon-lite/log_sink.h"
#include "charon-lite/settings.h"

#include "libvici/value.h"

#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>
#include <syslog.h>
#include <utlist.h>

PRINTF_LIKE(3, 4)
static void warn(struct cl_log_warnings *warnings, const struct settings_place *place,
	const char *format, ...)
{
	char **texts = reallocarray(warnings->texts, warnings->count + 1, sizeof(*texts));
	char *said = NULL, *text = NULL;
	va_list arguments;

	if (!texts)
		return;
	warnings->texts = texts;
	va_start(arguments, format);
	int done = vasprintf(&said, format, arguments);
	va_end(arguments);
	if (done < 0)
		return;
	if (!place)
		text = said;
	else if (asprintf(&text, "%s:%u: %s", place->file, place->line, said) < 0)
		text = NULL;
	if (text != said)
		free(said);
	if (text)
		texts[warnings->count++] = text;
}

/* ---- Keys of one sink ---- */

/* strongSwan's subsystems that nothing here belongs to. */
static bool is_foreign_group(const char *name)
{
	static const char *const names[] = { "asn", "tnc", "imc", "imv", "pts", "tls", "app",
		"esp" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool set_level(struct cl_log_sink *sink, const struct settings_key *key)
{
	bool every = strcmp(key->name, "default") == 0;
	int64_t level;

	if (!value_signed(bytes_of_text(key->value), &level) || level < -1 || level > 4)
		return false;
	for (unsigned group = 0; group < IKE_LOG_GROUPS; group++) {
		bool named = strcasecmp(key->name, ike_log_group_name((uint8_t)group)) == 0;

		if (named)
			sink->set_levels |= (uint16_t)(1u << group);
		if (named || (every && !(sink->set_levels & (1u << group))))
			sink->levels[group] = (int8_t)level;
	}
	return true;
}

static bool is_group(const char *name)
{
	for (uint8_t group = 0; group < IKE_LOG_GROUPS; group++) {
		if (strcasecmp(name, ike_log_group_name(group)) == 0)
			return true;
	}
	return is_foreign_group(name);
}

static bool set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return false;
	free(*text);
	*text = copy;
	return true;
}

static bool set_map_level(struct cl_log_sink *sink, const char *value)
{
	int64_t level;

	if (!value_signed(bytes_of_text(value), &level) || level < -1 || level > LOG_DEBUG)
		return false;
	sink->map_level = (int)level;
	return true;
}

static bool set_format(struct cl_log_sink *sink, const char *value)
{
	static const char *const names[] = {
		[CL_LOG_TEXT] = "text",
		[CL_LOG_LOGFMT] = "logfmt",
		[CL_LOG_JSON] = "json",
	};

	for (uint8_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]) == 0) {
			sink->format = i;
			return true;
		}
	}
	return false;
}

static void set_key(
	struct cl_log_sink *sink, const struct settings_key *key, struct cl_log_warnings *warnings)
{
	const struct {
		const char *name;
		bool *value;
	} switches[] = {
		{ "ike_name", &sink->ike_name },
		{ "log_level", &sink->log_level },
		{ "time_add_ms", &sink->time_add_ms },
		{ "append", &sink->append },
		{ "flush_line", &sink->flush_line },
	};
	bool good;

	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++) {
		if (strcmp(key->name, switches[i].name) != 0)
			continue;
		if (!value_bool(bytes_of_text(key->value), switches[i].value))
			warn(warnings, &key->place, "%s = %s is not yes or no", key->name,
				key->value);
		return;
	}
	if (strcmp(key->name, "format") == 0) {
		if (!set_format(sink, key->value))
			warn(warnings, &key->place, "format = %s is not text, logfmt or json",
				key->value);
		return;
	}
	if (strcmp(key->name, "default") == 0 || is_group(key->name))
		good = set_level(sink, key);
	else if (strcmp(key->name, "time_format") == 0)
		good = set_text(&sink->time_format, key->value);
	else if (strcmp(key->name, "path") == 0)
		good = set_text(&sink->name, key->value);
	else if (strcmp(key->name, "map_level") == 0)
		good = set_map_level(sink, key->value);
	else {
		warn(warnings, &key->place, "%s has no effect on a log in this version", key->name);
		return;
	}
	if (!good)
		warn(warnings, &key->place, "%s = %s is not a level from -1 to 4", key->name,
			key->value);
}

static void set_keys(struct cl_log_sink *sink, const struct settings_section *section,
	struct cl_log_warnings *warnings)
{
	SETTINGS_KEYS(key, section)
	set_key(sink, key, warnings);
}

/* ---- Sections ---- */

static struct cl_log_sink *find(
	struct cl_log_sink *sinks, enum cl_log_sink_kind kind, const char *section)
{
	struct cl_log_sink *sink;

	LL_FOREACH(sinks, sink)
	{
		bool same_kind = (sink->kind == CL_LOG_SINK_SYSLOG) == (kind == CL_LOG_SINK_SYSLOG);

		if (same_kind && sink->section && strcmp(sink->section, section) == 0)
			return sink;
	}
	return NULL;
}

static void read_sinks(struct cl_log_sink **sinks, enum cl_log_sink_kind kind,
	const struct settings_section *list, struct cl_log_warnings *warnings)
{
	SETTINGS_SECTIONS(section, list)
	{
		struct cl_log_sink *sink = find(*sinks, kind, section->name);

		if (!sink) {
			sink = cl_log_sink_new(kind, section->name);
			if (!sink)
				return;
			sink->section = section->name;
			LL_APPEND(*sinks, sink);
		}
		set_keys(sink, section, warnings);
	}
}

/* Under systemd standard error is the journal, which takes more than lines. */
static void use_journal(struct cl_log_sink *sink)
{
	sink->journal =
		cl_log_journal_is_stderr() ? cl_log_journal_new(CL_LOG_JOURNAL_SOCKET) : NULL;
	if (sink->journal)
		sink->kind = CL_LOG_SINK_JOURNAL;
}

/* journal { ike = 2 } */
static struct cl_log_sink *read_standard_error(
	const struct cl_settings *s, struct cl_log_warnings *warnings)
{
	struct cl_log_sink *sink = cl_log_sink_new(CL_LOG_SINK_STREAM, "stderr");

	for (size_t i = CL_SETTINGS_SECTIONS; sink && i-- > 0;) {
		const struct settings_section *journal = settings_find(s->sections[i], "journal");

		if (journal)
			set_keys(sink, journal, warnings);
	}
	if (sink)
		use_journal(sink);
	return sink;
}

static bool is_stream(const struct cl_log_sink *sink)
{
	return strcmp(sink->name, "stderr") == 0 || strcmp(sink->name, "stdout") == 0;
}

/* Now that all keys are read: what is it, and can it be opened? */
static bool finish(struct cl_log_sink *sink, struct cl_log_warnings *warnings)
{
	struct why why;

	if (sink->kind == CL_LOG_SINK_SYSLOG) {
		if (strcmp(sink->name, "auth") == 0)
			sink->facility = LOG_AUTHPRIV;
		else if (strcmp(sink->name, "daemon") != 0) {
			warn(warnings, NULL, "syslog.%s: the facilities are daemon and auth",
				sink->name);
			return false;
		}
		return true;
	}
	if (sink->kind == CL_LOG_SINK_FILE && is_stream(sink)) {
		sink->kind = CL_LOG_SINK_STREAM;
		sink->file = strcmp(sink->name, "stdout") == 0 ? stdout : stderr;
	}
	if (!cl_log_sink_reopen(sink, &why)) {
		warn(warnings, NULL, "%s", why.text);
		return false;
	}
	return true;
}

static bool writes_to_standard_error(const struct cl_log_sink *sinks)
{
	const struct cl_log_sink *sink;

	LL_FOREACH(sinks, sink)
	{
		if (sink->kind == CL_LOG_SINK_STREAM && sink->file == stderr)
			return true;
	}
	return false;
}

static void open_syslog(const struct cl_settings *s)
{
	static char identifier[64]; /* openlog() keeps the pointer */
	const struct settings_key *key = cl_settings_key(s, "syslog.identifier");

	snprintf(identifier, sizeof(identifier), "%s", key ? key->value : "charon-lite");
	openlog(identifier, LOG_PID, LOG_DAEMON);
}

struct cl_log_sink *cl_log_sinks_from_settings(
	const struct cl_settings *settings, struct cl_log_warnings *warnings)
{
	struct cl_log_sink *sinks = NULL, *sink, *next;

	/* The weakest first: later sections set over what earlier ones said. */
	for (size_t i = CL_SETTINGS_SECTIONS; i-- > 0;) {
		const struct settings_section *section = settings->sections[i];
		const struct settings_section *files = settings_find(section, "filelog");
		const struct settings_section *system = settings_find(section, "syslog");

		if (files)
			read_sinks(&sinks, CL_LOG_SINK_FILE, files, warnings);
		if (system)
			read_sinks(&sinks, CL_LOG_SINK_SYSLOG, system, warnings);
	}
	open_syslog(settings);
	LL_FOREACH_SAFE(sinks, sink, next)
	{
		bool good = finish(sink, warnings);

		sink->section = NULL;
		if (!good) {
			LL_DELETE(sinks, sink);
			cl_log_sink_free(sink);
		}
	}
	if (!writes_to_standard_error(sinks)) {
		sink = read_standard_error(settings, warnings);
		if (sink)
			LL_PREPEND(sinks, sink);
	}
	return sinks;
}
