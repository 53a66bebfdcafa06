#include "charon-lite/control/command.h"

#include "libvici/value.h"

static const struct {
	const char *name;
	cl_command *command;
} commands[] = {
	{ "version", cl_command_version },
	{ "stats", cl_command_stats },
	{ "reload-settings", cl_command_reload_settings },
	{ "get-algorithms", cl_command_get_algorithms },
	{ "get-counters", cl_command_get_counters },
	{ "reset-counters", cl_command_reset_counters },
	{ "load-conn", cl_command_load_conn },
	{ "unload-conn", cl_command_unload_conn },
	{ "get-conns", cl_command_get_conns },
	{ "list-conns", cl_command_list_conns },
	{ "load-shared", cl_command_load_shared },
	{ "unload-shared", cl_command_unload_shared },
	{ "get-shared", cl_command_get_shared },
	{ "clear-creds", cl_command_clear_creds },
	{ "explain", cl_command_explain },
	{ "check", cl_command_check },
	{ "list-sas", cl_command_list_sas },
	{ "list-tunnels", cl_command_list_tunnels },
	{ "save-keys", cl_command_save_keys },
	{ "list-policies", cl_command_list_policies },
	{ "initiate", cl_command_initiate },
	{ "terminate", cl_command_terminate },
	{ "install", cl_command_install },
	{ "uninstall", cl_command_uninstall },
	{ "get-keys", cl_command_get_keys },
	{ "get-authorities", cl_command_get_authorities },
	{ "get-pools", cl_command_get_pools },
	{ "list-certs", cl_command_list_certs },
	{ "list-authorities", cl_command_list_authorities },
	{ "flush-certs", cl_command_flush_certs },
	{ "load-cert", cl_command_load_cert },
	{ "keep-certs", cl_command_keep_certs },
	{ "load-key", cl_command_load_key },
	{ "unload-key", cl_command_unload_key },
	{ "load-token", cl_command_load_token },
	{ "load-authority", cl_command_load_authority },
	{ "unload-authority", cl_command_unload_authority },
	{ "load-pool", cl_command_load_pool },
	{ "unload-pool", cl_command_unload_pool },
	{ "load-client", cl_command_load_client },
	{ "unload-client", cl_command_unload_client },
	{ "get-clients", cl_command_get_clients },
	{ "list-clients", cl_command_list_clients },
	{ "rekey", cl_command_rekey },
	{ "redirect", cl_command_redirect },
	{ "begin-load", cl_command_begin_load },
	{ "commit-load", cl_command_commit_load },
	{ "confirm-load", cl_command_confirm_load },
};

/* All that `charon-lite --judge` is asked for. */
static const char *const of_judges[] = { "version", "check", "load-conn", "load-shared",
	"load-cert", "load-key", "load-authority", "load-pool", "load-client" };

static bool is_of_judges(struct bytes name)
{
	for (size_t i = 0; i < sizeof(of_judges) / sizeof(*of_judges); i++)
		if (vici_is(name, of_judges[i]))
			return true;
	return false;
}

cl_command *cl_command_find(struct bytes name, bool judging)
{
	if (judging && !is_of_judges(name))
		return NULL;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (vici_is(name, commands[i].name))
			return commands[i].command;
	}
	return NULL;
}

bool cl_command_configures(struct bytes name)
{
	static const char *const beginnings[] = { "load-", "unload-", "clear-creds" };

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++) {
		size_t length = strlen(beginnings[i]);

		if (name.length >= length && memcmp(name.at, beginnings[i], length) == 0)
			return true;
	}
	return false;
}

const char *cl_request_text(struct vici_view request, const char *name, char room[CL_NAME_MAX])
{
	if (!vici_get(request, name).at)
		return NULL;
	if (!vici_get_text(request, name, room, CL_NAME_MAX))
		room[0] = '\0';
	return room;
}

int64_t cl_request_number(struct vici_view request, const char *name, int64_t otherwise)
{
	int64_t number = otherwise;

	if (!value_signed(vici_get(request, name), &number))
		return otherwise;
	return number;
}

bool cl_request_bool(struct vici_view request, const char *name)
{
	bool value = false;

	return value_bool(vici_get(request, name), &value) && value;
}
