/* --rekey, --redirect and --flush-certs: one request, one answer. */
#include "swanctl-lite/command.h"

static int finish(struct swanctl *s, struct vici_builder *b, const char *command)
{
	struct vici_call call = { .command = command, .arguments = b };
	bool ok;
	int status = swanctl_simple(s, &call, command, &ok);

	if (ok && s->format == SWANCTL_TEXT)
		printf("%s completed successfully\n", command);
	vici_builder_free(b);
	return status;
}

static int run_rekey(struct swanctl *s)
{
	struct vici_builder b = { 0 };

	swanctl_add_option(s, &b, 'c', "child");
	swanctl_add_option(s, &b, 'i', "ike");
	swanctl_add_option(s, &b, 'C', "child-id");
	swanctl_add_option(s, &b, 'I', "ike-id");
	if (swanctl_given(s, 'a'))
		vici_key_text(&b, "reauth", "yes");
	return finish(s, &b, "rekey");
}

static int run_redirect(struct swanctl *s)
{
	struct vici_builder b = { 0 };

	swanctl_add_option(s, &b, 'i', "ike");
	swanctl_add_option(s, &b, 'I', "ike-id");
	swanctl_add_option(s, &b, 'p', "peer-ip");
	swanctl_add_option(s, &b, 'd', "peer-id");
	swanctl_add_option(s, &b, 'g', "gateway");
	return finish(s, &b, "redirect");
}

/* Says nothing of the answer, as strongSwan's swanctl does; scripts see it in a dump. */
static int run_flush_certs(struct swanctl *s)
{
	struct vici_builder b = { 0 };
	struct vici_call call = { .command = "flush-certs", .arguments = &b };
	struct vici_view answer;
	int status = 0;

	swanctl_add_option(s, &b, 't', "type");
	if (swanctl_call(s, &call, &answer, &status) && s->format != SWANCTL_TEXT)
		swanctl_dump(stdout, s->format, "flush-certs reply", answer);
	vici_builder_free(&b);
	return status;
}

const struct swanctl_command swanctl_rekey = {
	.name = "rekey",
	.letter = 'R',
	.text = "rekey an SA",
	.usage = { "--child <name> | --ike <name> | --child-id <id> | --ike-id <id>",
		"[--reauth] [--raw|--pretty|--json]" },
	.options = {
		{ "child", 'c', true, "rekey by CHILD_SA name" },
		{ "ike", 'i', true, "rekey by IKE_SA name" },
		{ "child-id", 'C', true, "rekey by CHILD_SA unique identifier" },
		{ "ike-id", 'I', true, "rekey by IKE_SA unique identifier" },
		{ "reauth", 'a', false, "reauthenticate instead of rekey an IKEv2 SA" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run_rekey,
};

const struct swanctl_command swanctl_redirect = {
	.name = "redirect",
	.letter = 'd',
	.text = "redirect an IKE_SA",
	.usage = { "--ike <name> | --ike-id <id> | --peer-ip <ip|subnet|range>",
		"--peer-id <id|wildcards> | --gateway <ip|fqdn> [--raw|--pretty|--json]" },
	.options = {
		{ "ike", 'i', true, "redirect by IKE_SA name" },
		{ "ike-id", 'I', true, "redirect by IKE_SA unique identifier" },
		{ "peer-ip", 'p', true, "redirect by client IP" },
		{ "peer-id", 'd', true, "redirect by IKE_SA name" },
		{ "gateway", 'g', true, "target gateway (IP or FQDN)" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run_redirect,
};

const struct swanctl_command swanctl_flush_certs = {
	.name = "flush-certs",
	.letter = 'f',
	.text = "flush cached certificates",
	.usage = { "[--type x509|x509_ac|x509_crl|ocsp_response|pubkey]", "[--raw|--pretty|--json]" },
	.options = {
		{ "type", 't', true, "filter by certificate type" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run_flush_certs,
};
