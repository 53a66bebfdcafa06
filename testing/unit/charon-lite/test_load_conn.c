/* load-conn messages: every key is honoured or refused by name. */
#include "charon-lite/control/load_conn.h"
#include "libike/eap/eap.h"
#include "libvici/builder.h"
#include "libvici/keys.h"
#include "testing/unit/charon-lite/suites.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* "name {", "}", "key = value", "key [ a, b ]" line by line, as a message. */
static void write_lines(struct vici_builder *b, const char *text)
{
	char *copy = strdup(text), *rest = copy, name[128], value[512];

	for (char *line; (line = strsep(&rest, "\n"));) {
		if (sscanf(line, " %127[^ =[] = %511[^\n]", name, value) == 2) {
			vici_key_text(b, name, strcmp(value, "\"\"") == 0 ? "" : value);
		} else if (sscanf(line, " %127[^ =[] [ %511[^\n]", name, value) == 2) {
			char *items = value;

			value[strlen(value) - 1] = '\0'; /* the closing bracket */
			vici_list_start(b, name);
			for (char *item; (item = strsep(&items, " "));) {
				if (*item)
					vici_item_text(b, item);
			}
			vici_list_end(b);
		} else if (sscanf(line, " %127[^ {] {", name) == 1 && name[0] != '}') {
			vici_section_start(b, name);
		} else if (strchr(line, '}')) {
			vici_section_end(b);
		}
	}
	free(copy);
}

static struct ike_connection *load(const char *text, struct why *why)
{
	const struct cl_certificate_source source = { 0 };
	struct vici_builder b = { 0 };
	struct vici_message message;
	struct bytes wire;
	struct ike_connection *c;

	vici_section_start(&b, "home");
	write_lines(&b, text);
	vici_section_end(&b);
	ck_assert(vici_builder_finish(&b, &wire));
	ck_assert(vici_message_parse(wire, &message, why));
	c = cl_load_connection(vici_first(vici_root(&message)), &source, why);
	vici_message_free(&message);
	vici_builder_free(&b);
	return c;
}

#define PSK "local {\n auth = psk\n id = moon\n}\nremote {\n auth = psk\n id = sun\n}\n"

static struct ike_connection *loaded(const char *text)
{
	char all[2048];
	struct why why;

	snprintf(all, sizeof(all), "%s" PSK, text);
	struct ike_connection *c = load(all, &why);
	ck_assert_msg(c != NULL, "%s", why.text);
	return c;
}

static void refused(const char *text, const char *reason)
{
	char all[2048];
	struct why why;

	snprintf(all, sizeof(all), "%s" PSK, text);
	ck_assert_ptr_null(load(all, &why));
	ck_assert_msg(strstr(why.text, reason) != NULL, "'%s' is not in '%s'", reason, why.text);
}

START_TEST(a_whole_connection_arrives_in_numbers)
{
	struct ike_connection *c = loaded("version = 2\n"
					  "local_addrs [ 192.0.2.1 ]\n"
					  "remote_addrs [ 192.0.2.2 198.51.100.0/24 ]\n"
					  "remote_port = 4500\n"
					  "proposals [ aes128-sha256-x25519 ]\n"
					  "encap = yes\n"
					  "mobike = no\n"
					  "dpd_delay = 30s\n"
					  "keyingtries = 0\n"
					  "unique = replace\n"
					  "childless = force\n"
					  "ocsp = both\n"
					  "fragmentation = no\n"
					  "dscp = 101110\n"
					  "rekey_time = 2h\n"
					  "children {\n"
					  " net {\n"
					  "  mode = transport\n"
					  "  local_ts [ 10.1.0.0/16 10.3.0.0/16 ]\n"
					  "  remote_ts [ dynamic[gre] ]\n"
					  "  esp_proposals [ aes128gcm16-esn ]\n"
					  "  start_action = trap|start\n"
					  "  dpd_action = restart\n"
					  "  close_action = hold\n"
					  "  mark_in = 0x2a/0xff\n"
					  "  mark_out = %unique\n"
					  "  if_id_in = 7\n"
					  "  set_mark_out = %same/0xf\n"
					  "  tunnel_interface = vti1\n"
					  "  per_cpu_sas = encap\n"
					  "  life_bytes = 1G\n"
					  "  replay_window = 64\n"
					  "  copy_dscp = in\n"
					  " }\n"
					  "}\n");
	const struct ike_child_config *child = c->children[0];

	ck_assert_str_eq(c->name, "home");
	ck_assert_uint_eq(c->version, 2);
	ck_assert_uint_eq(c->remote_addrs.count, 2);
	ck_assert_uint_eq(c->remote_port, 4500);
	ck_assert(c->encap && !c->mobike);
	ck_assert_uint_eq(c->dpd_delay, 30);
	ck_assert_uint_eq(c->keyingtries, 0);
	ck_assert_uint_eq(c->unique, IKE_UNIQUE_REPLACE);
	ck_assert_uint_eq(c->childless, IKE_CHILDLESS_FORCE);
	ck_assert_uint_eq(c->ocsp, IKE_OCSP_BOTH);
	ck_assert_uint_eq(c->fragmentation, IKE_FRAGMENTATION_NO);
	ck_assert_uint_eq(c->dscp, 46);
	ck_assert_uint_eq(c->rekey_time, 7200);
	ck_assert_uint_eq(c->local.items[0].class, IKE_AUTH_CLASS_PSK);
	ck_assert_uint_eq(c->remote.items[0].id->type, IKE_ID_FQDN);
	ck_assert_str_eq(child->name, "net");
	ck_assert_uint_eq(child->mode, IKE_MODE_TRANSPORT);
	ck_assert_uint_eq(child->local_ts_count, 2);
	ck_assert_uint_eq(child->remote_ts[0].protocol, 47);
	ck_assert_uint_eq(child->start_action, IKE_ACTION_TRAP | IKE_ACTION_START);
	ck_assert_uint_eq(child->dpd_action, IKE_ACTION_START);
	ck_assert_uint_eq(child->close_action, IKE_ACTION_TRAP);
	ck_assert_uint_eq(child->mark_in.value, 42);
	ck_assert_uint_eq(child->mark_in.mask, 0xff);
	ck_assert_uint_eq(child->mark_out.value, IKE_MARK_UNIQUE);
	ck_assert_uint_eq(child->if_id_in, 7);
	ck_assert_uint_eq(child->set_mark_out.mask, 0xf);
	ck_assert_str_eq(child->tunnel_interface, "vti1");
	ck_assert_uint_eq(child->per_cpu_sas, IKE_PER_CPU_ENCAP);
	ck_assert_uint_eq(child->life_bytes, 1024 * 1024 * 1024);
	ck_assert_uint_eq(child->replay_window, 64);
	ck_assert(child->copy_dscp_in && !child->copy_dscp_out);
	ike_connection_free(c);
}
END_TEST

START_TEST(virtual_addresses_are_asked_for_and_given)
{
	struct ike_connection *c = loaded("vips [ 0.0.0.0 :: 10.3.0.9 ]\npools [ rw radius ]\n");

	ck_assert_uint_eq(c->vip_count, 3);
	ck_assert(address_is_any(&c->vips[1]) && c->vips[1].family == AF_INET6);
	ck_assert_uint_eq(c->vips[2].octets[3], 9);
	ck_assert_uint_eq(c->pool_count, 2);
	ck_assert_str_eq(c->pools[1], "radius");
	ike_connection_free(c);
	refused("vips [ any ]\n", "invalid value for: vips, config discarded: 'any' is no address");
}
END_TEST

/* As strongSwan 6.0.1 does. */
START_TEST(a_section_of_a_child_and_empty_numbers_are_no_errors)
{
	struct ike_connection *c =
		loaded("rekey_time = \"\"\ndpd_delay = \"\"\nkeyingtries = \"\"\n"
		       "children {\n net {\n foo {\n a = b\n }\n life_bytes = \"\"\n "
		       "priority = \"\"\n }\n}\n");

	ck_assert_uint_eq(c->rekey_time, 0);
	ck_assert_uint_eq(c->dpd_delay, 0);
	ck_assert_uint_eq(c->children[0]->priority, 0);
	ike_connection_free(c);
	refused("rekey_time = -\n", "invalid value for: rekey_time");
}
END_TEST

/* VyOS offers blowfish and others. */
START_TEST(algorithms_that_only_strongswan_has_are_left_out)
{
	struct ike_connection *c = loaded("children {\n net {\n esp_proposals [ blowfish256-sha1 "
					  "aes128gmac aes128-sha256 ]\n }\n}\n");

	ck_assert_uint_eq(c->children[0]->proposals.count, 2);
	ck_assert_str_eq(c->children[0]->proposals.left_out,
		"'blowfish256-sha1': algorithm 'blowfish256' is not supported");
	ike_connection_free(c);
	refused("children {\n net {\n esp_proposals [ des-md5 serpent-sha1 ]\n }\n}\n",
		"no algorithms are left of the proposals: 'des-md5': algorithm 'des' is not "
		"supported; 'serpent-sha1'");
}
END_TEST

START_TEST(unknown_keys_and_sections_are_named)
{
	refused("nonsense = 1\n", "unknown option: nonsense, config discarded");
	refused("children {\n net {\n foo = 1\n }\n}\n",
		"unknown option: foo, config discarded: in children.net");
	refused("foo {\n a = b\n}\n", "invalid section: foo");
	refused("version [ 2 ]\n", "unknown option: version");
	refused("children [ a ]\n", "unknown option: children");
}
END_TEST

START_TEST(wrong_values_are_named_with_the_reason)
{
	refused("proposals [ aes128-foo ]\n", "invalid value for: proposals, config discarded");
	refused("rekey_time = 4x\n", "invalid value for: rekey_time, config discarded");
	refused("mobike = maybe\n", "invalid value for: mobike, config discarded");
	refused("unique = x\n", "never, keep, replace");
	refused("remote_addrs [ 10.9.0.300 ]\n", "10.9.0.300");
	refused("local_port = 99999\n", "65535");
	refused("dscp = 999\n", "six binary digits");
	refused("children {\n net {\n local_ts [ 10.0.0.0/33 ]\n }\n}\n", "children.net");
	refused("children {\n net {\n mark_in = %same\n }\n}\n", "mark_in");
	refused("children {\n net {\n set_mark_in = %unique\n }\n}\n", "or %same");
	refused("children {\n net {\n tunnel_interface = vti1/2\n }\n}\n",
		"'vti1/2' is not the name of an interface");
	refused("children {\n net {\n tunnel_interface = abcdefghijklmnop\n }\n}\n",
		"at most 15 characters");
	refused("children {\n net {\n replay_window = 5000\n }\n}\n", "4096");
	refused("children {\n net {\n mode = foo\n }\n}\n", "tunnel, transport");
}
END_TEST

START_TEST(features_that_are_not_there_are_errors_of_that_connection)
{
	refused("mediation = yes\n", "mediation is not supported: there is no mediation");
	refused("children {\n net {\n label = a\n }\n}\n", "label is not supported: policies have");
	refused("children {\n net {\n mode = beet\n }\n}\n", "'beet' is not supported: no IKE");
	refused("children {\n net {\n hw_offload = maybe\n }\n}\n", "is not one of: no, yes");
}
END_TEST

START_TEST(values_that_ask_for_nothing_are_fine)
{
	struct ike_connection *c = loaded("version = 0\n"
					  "aggressive = no\n"
					  "pull = yes\n"
					  "mediation = no\n"
					  "ocsp = reply\n"
					  "send_cert = ifasked\n"
					  "children {\n"
					  " net {\n"
					  "  ipcomp = no\n"
					  "  hw_offload = auto\n"
					  "  tfc_padding = mtu\n"
					  "  start_action = none\n"
					  " }\n"
					  "}\n");

	ck_assert_uint_eq(c->version, 0);
	ck_assert_uint_eq(c->children[0]->tfc_padding, IKE_TFC_PADDING_MTU);
	ike_connection_free(c);
}
END_TEST

static void round_refused(const char *text, const char *reason)
{
	struct why why;

	ck_assert_ptr_null(load(text, &why));
	ck_assert_msg(strstr(why.text, reason) != NULL, "'%s' is not in '%s'", reason, why.text);
}

START_TEST(what_authentication_lacks_is_said)
{
	round_refused("local {\n auth = foo\n}\n", "invalid value for: auth, config discarded");
	round_refused("local {\n auth = xauth-foo\n}\n", "not supported by this version");
	round_refused("local {\n auth = eap-aka\n}\n", "'aka' is not supported by this version");
	round_refused("local {\n auth = eap-foo\n}\n", "is no EAP method");
	round_refused("local {\n auth = psk\n certs [ abc ]\n}\n", "invalid value for: certs");
	round_refused("local {\n pubkeys [ abc ]\n}\n", "invalid value for: pubkeys");
	round_refused("local {\n cert-1 {\n file = x\n }\n}\n", "local.cert-1");
	round_refused("local {\n cert-1 {\n file = /nonexistent\n }\n}\n", "No such file");
	round_refused("remote {\n cacert-1 {\n handle = 1\n }\n}\n", "on tokens are not supported");
	round_refused("remote {\n cert_policy [ a.b ]\n}\n", "object identifier");
	round_refused("remote {\n aaa_id = a\n}\n", "unknown option: aaa_id");
}
END_TEST

START_TEST(xauth_is_a_round_of_ikev1)
{
	static const struct {
		const char *auth;
		uint8_t xauth, method;
	} kinds[] = {
		{ "xauth", IKE_XAUTH_GENERIC, IKE_EAP_METHOD_ANY },
		{ "xauth-generic", IKE_XAUTH_GENERIC, IKE_EAP_METHOD_ANY },
		{ "xauth-eap", IKE_XAUTH_EAP, IKE_EAP_METHOD_RADIUS },
		{ "xauth-pam", IKE_XAUTH_PAM, IKE_EAP_METHOD_ANY },
	};
	char text[256], id[IKE_IDENTITY_TEXT_MAX];
	struct ike_connection *c;
	struct why why;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		snprintf(text, sizeof(text),
			"version = 1\npull = no\nlocal-1 {\n auth = psk\n}\n"
			"local-2 {\n auth = xauth\n xauth_id = carol\n}\n"
			"remote-1 {\n auth = psk\n}\n"
			"remote-2 {\n auth = %s\n xauth_id = *@example.org\n}\n",
			kinds[i].auth);
		c = load(text, &why);
		ck_assert_msg(c != NULL, "%s", why.text);
		ck_assert_uint_eq(c->local.items[1].class, IKE_AUTH_CLASS_XAUTH);
		ck_assert_str_eq(ike_identity_format(c->local.items[1].xauth_id, id), "carol");
		ck_assert_uint_eq(c->remote.items[1].class, IKE_AUTH_CLASS_XAUTH);
		ck_assert_uint_eq(c->remote.items[1].xauth, kinds[i].xauth);
		ck_assert_str_eq(
			ike_identity_format(c->remote.items[1].xauth_id, id), "*@example.org");
		ck_assert_uint_eq(c->remote.items[1].eap_method, kinds[i].method);
		ck_assert(!c->pull);
		ike_connection_free(c);
	}
	c = load("version = 2\nlocal {\n auth = psk\n}\nremote {\n auth = xauth\n}\n", &why);
	ck_assert_ptr_null(c);
	ck_assert_str_eq(why.text, "auth = xauth needs IKEv1 (version = 1)");
}
END_TEST

START_TEST(what_ikev1_cannot_do_is_refused)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "local {\n auth = psk\n}\nremote-1 {\n auth = psk\n}\n"
		  "remote-2 {\n auth = pubkey\n}\n",
			"a second authentication round that is not xauth" },
		{ "local {\n auth = psk\n}\nremote {\n auth = eap-md5\n}\n", "auth = eap" },
		{ "local {\n auth = psk\n}\nremote {\n auth = psk\n groups = a\n}\n",
			"nothing but RADIUS proves them" },
		{ "ppk_id = a\nppk_required = yes\nlocal {\n auth = psk\n}\n"
		  "remote {\n auth = psk\n}\n",
			"ppk_required needs IKEv2" },
	};
	char text[256];
	struct why why;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ike_connection *c;

		snprintf(text, sizeof(text), "version = 1\n%s", cases[i].text);
		ck_assert_ptr_null(load(text, &why));
		ck_assert_msg(strstr(why.text, cases[i].why), "%s", why.text);
		c = load(cases[i].text, &why);
		ck_assert_msg(c, "%s", why.text);
		ike_connection_free(c);
	}
}
END_TEST

START_TEST(rounds_are_sorted_and_have_defaults)
{
	struct why why;
	struct ike_connection *c =
		load("local-b {\n round = 2\n auth = eap-mschapv2\n eap_id = bob\n"
		     " aaa_id = aaa.example.org\n}\n"
		     "local-a {\n id = moon\n}\n"
		     "remote {\n auth = eap-tls\n groups [ a b ]\n"
		     " cert_policy [ 1.2.3 ]\n revocation = strict\n"
		     " ca_id = CN=ca\n eap_id = %any\n}\n",
			&why);

	ck_assert_msg(c != NULL, "%s", why.text);
	ck_assert_uint_eq(c->local.count, 2);
	ck_assert_uint_eq(c->local.items[0].class, IKE_AUTH_CLASS_PUBKEY);
	ck_assert_uint_eq(c->local.items[1].class, IKE_AUTH_CLASS_EAP);
	ck_assert_uint_eq(c->local.items[1].eap_method, IKE_EAP_METHOD_MSCHAPV2);
	ck_assert_ptr_nonnull(c->local.items[1].aaa_id);
	ck_assert_uint_eq(c->remote.items[0].group_count, 2);
	ck_assert_uint_eq(c->remote.items[0].revocation, IKE_REVOCATION_STRICT);
	ck_assert_str_eq(c->remote.items[0].cert_policies[0], "1.2.3");
	ck_assert(ike_connection_equal(c, c));
	ike_connection_free(c);
	c = load("local {\n auth = psk\n}\n", &why);
	ck_assert_uint_eq(c->remote.items[0].class, IKE_AUTH_CLASS_PUBKEY);
	ike_connection_free(c);
}
END_TEST

START_TEST(constraints_of_signatures_are_kept)
{
	struct why why;
	struct ike_connection *c = load("local {\n auth = ike:rsa/pss-sha256\n}\n"
					"remote {\n auth = rsa-2048-sha256\n}\n",
		&why);

	ck_assert_msg(c != NULL, "%s", why.text);
	ck_assert_ptr_nonnull(c->local.items[0].signatures);
	ck_assert_uint_eq(c->local.items[0].signatures->ike_count, 1);
	ck_assert_uint_eq(c->remote.items[0].signatures->rsa_bits, 2048);
	ike_connection_free(c);
}
END_TEST

/* libvici/keys.h knows all keys of swanctl.conf(5). */
START_TEST(shunts_need_no_authentication)
{
	struct why why;
	struct ike_connection *c = load("children {\n lan {\n mode = pass\n local_ts [ 10.0.0.0/8 "
					"]\n remote_ts [ 10.0.0.0/8 ]\n}\n}\n",
		&why);

	ck_assert_msg(c, "%s", why.text);
	ck_assert(!ike_connection_authenticates(c));
	ike_connection_free(c);
	c = load("children {\n lan {\n mode = tunnel\n}\n}\n", &why);
	ck_assert(ike_connection_authenticates(c)); /* by default */
	ike_connection_free(c);
}
END_TEST

START_TEST(no_key_of_the_manual_is_unknown)
{
	static const struct {
		enum vici_place place;
		const struct cl_load_key *keys;
	} tables[] = {
		{ VICI_PLACE_CONNECTION, cl_load_connection_keys },
		{ VICI_PLACE_LOCAL, cl_load_local_keys },
		{ VICI_PLACE_REMOTE, cl_load_remote_keys },
		{ VICI_PLACE_CHILD, cl_load_child_keys },
		{ VICI_PLACE_CLIENT, cl_load_client_keys },
	};

	for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++) {
		const struct vici_key *key;

		for (size_t i = 0; (key = vici_key_at(tables[t].place, i)); i++) {
			const struct cl_load_key *handler =
				cl_load_key_find(tables[t].keys, bytes_of_text(key->name));

			ck_assert_msg(handler && (handler->set || handler->set_bytes),
				"%s has no handler", key->name);
			ck_assert_msg(handler->list == vici_key_is_list(key), "%s: list or not?",
				key->name);
		}
	}
}
END_TEST

TCase *load_conn_cases(void)
{
	TCase *tests = tcase_create("load-conn");

	tcase_add_test(tests, a_whole_connection_arrives_in_numbers);
	tcase_add_test(tests, virtual_addresses_are_asked_for_and_given);
	tcase_add_test(tests, a_section_of_a_child_and_empty_numbers_are_no_errors);
	tcase_add_test(tests, algorithms_that_only_strongswan_has_are_left_out);
	tcase_add_test(tests, unknown_keys_and_sections_are_named);
	tcase_add_test(tests, wrong_values_are_named_with_the_reason);
	tcase_add_test(tests, features_that_are_not_there_are_errors_of_that_connection);
	tcase_add_test(tests, values_that_ask_for_nothing_are_fine);
	tcase_add_test(tests, what_authentication_lacks_is_said);
	tcase_add_test(tests, xauth_is_a_round_of_ikev1);
	tcase_add_test(tests, what_ikev1_cannot_do_is_refused);
	tcase_add_test(tests, rounds_are_sorted_and_have_defaults);
	tcase_add_test(tests, constraints_of_signatures_are_kept);
	tcase_add_test(tests, shunts_need_no_authentication);
	tcase_add_test(tests, no_key_of_the_manual_is_unknown);
	return tests;
}
