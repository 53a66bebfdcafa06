/* --list-conns */
#include "swanctl-lite/command.h"

static bool is_zero(struct vici_view section, const char *key)
{
	return !swanctl_has(section, key) || vici_is(vici_get(section, key), "0");
}

/* "    groups: a b" for a list with something in it. */
static void print_auth_list(struct vici_view auth, const char *key, const char *label)
{
	if (!swanctl_has_items(auth, key))
		return;
	printf("    %s: ", label);
	swanctl_print_list(stdout, auth, key);
	putchar('\n');
}

static void print_auth(struct vici_view auth)
{
	static const char *const keys[] = { "id", "eap_id", "xauth_id", "aaa_id", "ca_id" };
	struct bytes name = vici_name(auth);
	bool local = name.length >= 5 && memcmp(name.at, "local", 5) == 0;
	bool eap = vici_is(vici_get(auth, "class"), "EAP") && swanctl_has(auth, "eap-type");

	printf("  %s %s authentication:\n", local ? "local" : "remote",
		swanctl_has(auth, "class") ? SWANCTL_TEXT_OF(auth, eap ? "eap-type" : "class")
					   : "unspecified");
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (swanctl_has(auth, keys[i]))
			printf("    %s: %s\n", keys[i], SWANCTL_TEXT_OF(auth, keys[i]));
	print_auth_list(auth, "groups", "groups");
	print_auth_list(auth, "cert_policy", "cert policy");
	print_auth_list(auth, "certs", "certs");
	print_auth_list(auth, "cacerts", "cacerts");
}

/* "every 3600s or 1000 bytes": one of the limits that make a child rekey. */
static void print_limit(struct vici_view child, const char *key, const char *unit, bool *any)
{
	if (swanctl_has(child, key) && vici_is(vici_get(child, key), "0"))
		return;
	printf("%s%s%s", *any ? " or " : "rekeying every ", SWANCTL_TEXT_OF(child, key), unit);
	*any = true;
}

static void print_child(struct vici_view child, bool dpd)
{
	const char *mode = SWANCTL_TEXT_OF(child, "mode");
	bool any = false;

	printf("  %s: %s, ", SWANCTL_NAME_OF(child), mode);
	if (strcmp(mode, "PASS") != 0 && strcmp(mode, "DROP") != 0) {
		print_limit(child, "rekey_time", "s", &any);
		print_limit(child, "rekey_bytes", " bytes", &any);
		print_limit(child, "rekey_packets", " packets", &any);
	}
	if (!any)
		fputs("no rekeying", stdout);
	if (dpd)
		printf(", dpd action is %s", SWANCTL_TEXT_OF(child, "dpd_action"));
	putchar('\n');
	fputs("    local:  ", stdout);
	swanctl_print_list(stdout, child, "local-ts");
	fputs("\n    remote: ", stdout);
	swanctl_print_list(stdout, child, "remote-ts");
	putchar('\n');
}

static void print_addresses(struct vici_view connection, const char *key, const char *label)
{
	VICI_EACH(each, vici_find(connection, key))
	{
		fputs(label, stdout);
		fwrite(vici_value(each).at, 1, vici_value(each).length, stdout);
		putchar('\n');
	}
}

static void print_ppk(struct vici_view connection)
{
	bool id = swanctl_has(connection, "ppk_id");
	bool required = vici_is(vici_get(connection, "ppk_required"), "yes");

	if (id)
		printf("  ppk: %s, %srequired\n", SWANCTL_TEXT_OF(connection, "ppk_id"),
			required ? "" : "not ");
	else if (required)
		puts("  ppk: required");
}

static void print_connection(struct vici_view connection)
{
	bool ikev1 = vici_is(vici_get(connection, "version"), "IKEv1");
	/* Whose IKE SAs are renewed by reauthentication alone, whatever asks for it. */
	const char *reauth =
		ikev1 && is_zero(connection, "reauth_time") ? "rekey_time" : "reauth_time";

	printf("%s: %s", SWANCTL_NAME_OF(connection), SWANCTL_GAP_OF(connection, "version"));
	if (is_zero(connection, reauth))
		fputs(", no reauthentication", stdout);
	else
		printf(", reauthentication every %ss", SWANCTL_TEXT_OF(connection, reauth));
	if (!ikev1 && is_zero(connection, "rekey_time"))
		fputs(", no rekeying", stdout);
	else if (!ikev1) /* which has reauthentication only */
		printf(", rekeying every %ss", SWANCTL_TEXT_OF(connection, "rekey_time"));
	if (!is_zero(connection, "dpd_delay"))
		printf(", dpd delay %ss", SWANCTL_TEXT_OF(connection, "dpd_delay"));
	putchar('\n');
	print_ppk(connection);
	print_addresses(connection, "local_addrs", "  local:  ");
	print_addresses(connection, "remote_addrs", "  remote: ");
}

static void print_event(struct vici_view message)
{
	VICI_EACH(connection, message)
	{
		if (vici_kind(connection) != VICI_SECTION)
			continue;
		print_connection(connection);
		VICI_EACH(section, connection)
		{
			struct bytes name = vici_name(section);

			if (vici_kind(section) != VICI_SECTION)
				continue;
			if (vici_is(name, "children")) {
				VICI_EACH(child, section)
				print_child(child, !is_zero(connection, "dpd_delay"));
			} else if ((name.length >= 5 && memcmp(name.at, "local", 5) == 0) ||
				   (name.length >= 6 && memcmp(name.at, "remote", 6) == 0)) {
				print_auth(section);
			}
		}
	}
}

static int run(struct swanctl *s)
{
	return swanctl_stream(s, "list-conns", "list-conn", NULL, print_event);
}

const struct swanctl_command swanctl_list_conns = {
	.name = "list-conns",
	.letter = 'L',
	.text = "list loaded configurations",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY },
	.run = run,
};
