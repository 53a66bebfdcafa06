/* --list-sas */
#include "swanctl-lite/command.h"

/* ", rekeying in 5s" for a key that is there. */
static void print_time(struct vici_view sa, const char *key, const char *words)
{
	if (swanctl_has(sa, key))
		printf(", %s %ss", words, SWANCTL_TEXT_OF(sa, key));
}

/* "AES_CBC-128": an algorithm, behind `before`, and its key size where it has one. */
static void print_algorithm(
	struct vici_view sa, const char *before, const char *alg, const char *size)
{
	if (!swanctl_has(sa, alg))
		return;
	printf("%s%s", before, SWANCTL_TEXT_OF(sa, alg));
	if (swanctl_has(sa, size))
		printf("-%s", SWANCTL_TEXT_OF(sa, size));
}

/* Additional key exchanges (RFC 9370): "/KE1_ML_KEM_768". */
static void print_additional(struct vici_view sa)
{
	char key[8];

	for (unsigned i = 1; i <= 7; i++) {
		snprintf(key, sizeof(key), "ake%u", i);
		if (swanctl_has(sa, key))
			printf("/KE%u_%s", i, SWANCTL_TEXT_OF(sa, key));
	}
}

static void print_vips(struct vici_view sa, const char *key)
{
	if (!swanctl_has_items(sa, key))
		return;
	fputs(" [", stdout);
	swanctl_print_list(stdout, sa, key);
	putchar(']');
}

static void print_tasks(struct vici_view sa, const char *key, const char *label)
{
	if (!swanctl_has_items(sa, key))
		return;
	printf("  %-8s ", label);
	swanctl_print_list(stdout, sa, key);
	putchar('\n');
}

/* charon-lite's own: "  DNS 10.2.0.53 for example.org corp.example" */
static void print_dns(struct vici_view sa)
{
	if (!swanctl_has_items(sa, "dns-servers"))
		return;
	fputs("  DNS ", stdout);
	swanctl_print_list(stdout, sa, "dns-servers");
	if (swanctl_has_items(sa, "dns-domains")) {
		fputs(" for ", stdout);
		swanctl_print_list(stdout, sa, "dns-domains");
	}
	putchar('\n');
}

static void print_ike_ends(struct vici_view sa)
{
	printf("  local  '%s' @ %s[%s]", SWANCTL_TEXT_OF(sa, "local-id"),
		SWANCTL_TEXT_OF(sa, "local-host"), SWANCTL_TEXT_OF(sa, "local-port"));
	print_vips(sa, "local-vips");
	printf("\n  remote '%s' @ %s[%s]", SWANCTL_TEXT_OF(sa, "remote-id"),
		SWANCTL_TEXT_OF(sa, "remote-host"), SWANCTL_TEXT_OF(sa, "remote-port"));
	if (swanctl_has(sa, "remote-eap-id"))
		printf(" EAP: '%s'", SWANCTL_TEXT_OF(sa, "remote-eap-id"));
	if (swanctl_has(sa, "remote-xauth-id"))
		printf(" XAuth: '%s'", SWANCTL_TEXT_OF(sa, "remote-xauth-id"));
	print_vips(sa, "remote-vips");
	putchar('\n');
}

static void print_ike(struct vici_view sa)
{
	bool initiator = vici_is(vici_get(sa, "initiator"), "yes");

	printf("%s: #%s, %s, IKEv%s, %s_i%s %s_r%s\n", SWANCTL_NAME_OF(sa),
		SWANCTL_TEXT_OF(sa, "uniqueid"), SWANCTL_TEXT_OF(sa, "state"),
		SWANCTL_TEXT_OF(sa, "version"), SWANCTL_TEXT_OF(sa, "initiator-spi"),
		initiator ? "*" : "", SWANCTL_TEXT_OF(sa, "responder-spi"), initiator ? "" : "*");
	print_ike_ends(sa);
	if (swanctl_has(sa, "encr-alg")) {
		print_algorithm(sa, "  ", "encr-alg", "encr-keysize");
		if (swanctl_has(sa, "integ-alg"))
			printf("/%s", SWANCTL_TEXT_OF(sa, "integ-alg"));
		if (swanctl_has(sa, "integ-keysize"))
			printf("-%s", SWANCTL_TEXT_OF(sa, "integ-keysize"));
		printf("/%s/%s", SWANCTL_TEXT_OF(sa, "prf-alg"), SWANCTL_TEXT_OF(sa, "dh-group"));
		print_additional(sa);
		puts(vici_is(vici_get(sa, "ppk"), "yes") ? "/PPK" : "");
	}
	if (swanctl_has(sa, "established")) {
		printf("  established %ss ago", SWANCTL_TEXT_OF(sa, "established"));
		print_time(sa, "rekey-time", "rekeying in");
		print_time(sa, "reauth-time", "reauth in");
		putchar('\n');
	}
	if (swanctl_has(sa, "dead-after")) { /* charon-lite's own */
		fputs("  peer", stdout);
		if (swanctl_has(sa, "dpd-delay"))
			printf(" probed after %ss,", SWANCTL_TEXT_OF(sa, "dpd-delay"));
		printf(" declared dead after %ss without answer",
			SWANCTL_TEXT_OF(sa, "dead-after"));
		print_time(sa, "dead-in", "now in");
		putchar('\n');
	}
	print_dns(sa);
	print_tasks(sa, "tasks-queued", "queued:");
	print_tasks(sa, "tasks-active", "active:");
	print_tasks(sa, "tasks-passive", "passive:");
}

/* "    in  c1234567/0010 (0x00000001/0x000000ff|0x00000010),      0 bytes,     0 packets" */
static void print_child_way(struct vici_view child, const char *way)
{
	char spi[16], cpi[16], mark[16], mask[16], if_id[16], bytes[16], packets[16], use[16];

	snprintf(spi, sizeof(spi), "spi-%s", way);
	snprintf(cpi, sizeof(cpi), "cpi-%s", way);
	snprintf(mark, sizeof(mark), "mark-%s", way);
	snprintf(mask, sizeof(mask), "mark-mask-%s", way);
	snprintf(if_id, sizeof(if_id), "if-id-%s", way);
	snprintf(bytes, sizeof(bytes), "bytes-%s", way);
	snprintf(packets, sizeof(packets), "packets-%s", way);
	snprintf(use, sizeof(use), "use-%s", way);
	printf("    %-3s %s", way, SWANCTL_TEXT_OF(child, spi));
	if (swanctl_has(child, cpi))
		printf("/%s", SWANCTL_TEXT_OF(child, cpi));
	if (swanctl_has(child, mark) || swanctl_has(child, if_id)) {
		fputs(" (", stdout);
		if (swanctl_has(child, mark))
			printf("0x%s", SWANCTL_TEXT_OF(child, mark));
		else
			putchar('-');
		if (swanctl_has(child, mark) && swanctl_has(child, mask))
			printf("/0x%s", SWANCTL_TEXT_OF(child, mask));
		if (swanctl_has(child, if_id))
			printf("|0x%s", SWANCTL_TEXT_OF(child, if_id));
		putchar(')');
	}
	printf(", %6s bytes, %5s packets", SWANCTL_TEXT_OF(child, bytes),
		SWANCTL_TEXT_OF(child, packets));
	if (swanctl_has(child, use))
		printf(", %5ss ago", SWANCTL_TEXT_OF(child, use));
	putchar('\n');
}

static void print_child(struct vici_view child)
{
	printf("  %s: #%s, reqid %s", SWANCTL_TEXT_OF(child, "name"),
		SWANCTL_TEXT_OF(child, "uniqueid"), SWANCTL_TEXT_OF(child, "reqid"));
	if (swanctl_has(child, "per-cpu-sas"))
		printf(", cpu %s", swanctl_has(child, "cpu") ? SWANCTL_TEXT_OF(child, "cpu") : "-");
	printf(", %s, %s%s, %s:", SWANCTL_TEXT_OF(child, "state"), SWANCTL_TEXT_OF(child, "mode"),
		swanctl_has(child, "encap") ? "-in-UDP" : "", SWANCTL_TEXT_OF(child, "protocol"));
	print_algorithm(child, "", "encr-alg", "encr-keysize");
	print_algorithm(
		child, swanctl_has(child, "encr-alg") ? "/" : "", "integ-alg", "integ-keysize");
	if (swanctl_has(child, "prf-alg"))
		printf("/%s", SWANCTL_TEXT_OF(child, "prf-alg"));
	if (swanctl_has(child, "dh-group"))
		printf("/%s", SWANCTL_TEXT_OF(child, "dh-group"));
	print_additional(child);
	puts(swanctl_has(child, "esn") ? "/ESN" : "");
	printf("    installed %ss ago", SWANCTL_TEXT_OF(child, "install-time"));
	print_time(child, "rekey-time", "rekeying in");
	print_time(child, "life-time", "expires in");
	putchar('\n');
	print_child_way(child, "in");
	print_child_way(child, "out");
	if (swanctl_has(child, "label"))
		printf("    label  %s\n", SWANCTL_TEXT_OF(child, "label"));
	fputs("    local  ", stdout);
	swanctl_print_list(stdout, child, "local-ts");
	fputs("\n    remote ", stdout);
	swanctl_print_list(stdout, child, "remote-ts");
	putchar('\n');
}

/* Events about an IKE SA alone have no child-sas: strongSwan's swanctl prints those in dumps only.
 */
void swanctl_print_sas(struct vici_view message)
{
	VICI_EACH(sa, message)
	{
		if (vici_kind(sa) != VICI_SECTION || !vici_present(vici_find(sa, "child-sas")))
			continue;
		print_ike(sa);
		VICI_EACH(child, vici_find(sa, "child-sas"))
		print_child(child);
	}
}

static int run(struct swanctl *s)
{
	struct vici_builder b = { 0 };

	swanctl_add_option(s, &b, 'i', "ike");
	swanctl_add_option(s, &b, 'I', "ike-id");
	swanctl_add_option(s, &b, 'c', "child");
	swanctl_add_option(s, &b, 'C', "child-id");
	if (swanctl_given(s, 'n'))
		vici_key_text(&b, "noblock", "yes");
	int status = swanctl_stream(s, "list-sas", "list-sa", &b, swanctl_print_sas);
	vici_builder_free(&b);
	return status;
}

static int run_monitor(struct swanctl *s)
{
	static const char *const events[] = { "ike-updown", "child-updown", NULL };

	return swanctl_follow(s, events, NULL, swanctl_print_sas);
}

const struct swanctl_command swanctl_monitor_sa = {
	.name = "monitor-sa",
	.letter = 'm',
	.text = "monitor for IKE_SA and CHILD_SA changes",
	.usage = { "[--raw|--pretty|--json]" },
	.options = { SWANCTL_RAW, SWANCTL_PRETTY },
	.run = run_monitor,
};

const struct swanctl_command swanctl_list_sas = {
	.name = "list-sas",
	.letter = 'l',
	.text = "list currently active IKE_SAs",
	.usage = { "[--ike <name>|--ike-id <id>] [--child <name>|--child-id <id>]",
		"[--raw|--pretty|--json]" },
	.options = {
		{ "ike", 'i', true, "filter IKE_SAs by name" },
		{ "ike-id", 'I', true, "filter IKE_SAs by unique identifier" },
		{ "child", 'c', true, "filter CHILD_SAs by name" },
		{ "child-id", 'C', true, "filter CHILD_SAs by unique identifier" },
		{ "noblock", 'n', false, "don't wait for IKE_SAs in use" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
	},
	.run = run,
};
