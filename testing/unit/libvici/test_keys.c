/* The table of swanctl.conf's keys, and what is said about mistakes. */
#include "libvici/keys.h"
#include "testing/unit/libvici/suites.h"

#include <stdio.h>
#include <stdlib.h>

START_TEST(keys_are_found_and_lists_known)
{
	struct vici_key const *key = vici_key_find(VICI_PLACE_CONNECTION, "local_addrs");

	ck_assert(key && vici_key_is_list(key));
	ck_assert(!vici_key_is_list(vici_key_find(VICI_PLACE_CHILD, "start_action")));
	ck_assert_ptr_nonnull(vici_key_find(VICI_PLACE_SHARED, "id-alice"));
	ck_assert_ptr_nonnull(vici_key_find(VICI_PLACE_POOL, "28675"));
	ck_assert_ptr_null(vici_key_find(VICI_PLACE_POOL, "x"));
	ck_assert_ptr_null(vici_key_find(VICI_PLACE_CONNECTION, "local_addr"));
	for (unsigned place = 0; place < VICI_PLACES; place++) {
		ck_assert_ptr_nonnull(vici_place_name((enum vici_place)place));
		for (size_t i = 0; (key = vici_key_at((enum vici_place)place, i)); i++) {
			ck_assert((key->form == VICI_FORM_WORD) == (key->words != NULL));
			ck_assert_ptr_eq(vici_key_find((enum vici_place)place, key->name), key);
		}
	}
}
END_TEST

START_TEST(sections_are_recognised_by_their_prefix)
{
	enum vici_place place;

	ck_assert(vici_place_below(VICI_PLACE_CONNECTION, "local-2", &place));
	ck_assert_int_eq(place, VICI_PLACE_LOCAL);
	ck_assert(vici_place_below(VICI_PLACE_REMOTE, "cacert1", &place));
	ck_assert(!vici_place_below(VICI_PLACE_LOCAL, "cacert1", &place));
	ck_assert(!vici_place_below(VICI_PLACE_CONNECTION, "children", &place));
	ck_assert(vici_place_of_secret("eap-bob", &place) && place == VICI_PLACE_SHARED);
	ck_assert(!vici_place_of_secret("tls", &place));
}
END_TEST

START_TEST(values_are_checked_by_form)
{
	static const struct {
		enum vici_place place;
		const char *key, *right, *wrong;
	} cases[] = {
		{ VICI_PLACE_CONNECTION, "version", "2", "3" },
		{ VICI_PLACE_CONNECTION, "encap", "yes", "perhaps" },
		{ VICI_PLACE_CONNECTION, "rekey_time", "4 h", "4 hours" },
		{ VICI_PLACE_CONNECTION, "local_port", "4500", "ike" },
		{ VICI_PLACE_CHILD, "life_bytes", "1g", "1 GB" },
		{ VICI_PLACE_CHILD, "mark_in", "0x10/0xff", "red" },
		{ VICI_PLACE_CHILD, "mark_in", "%unique", "%other" },
		{ VICI_PLACE_CHILD, "set_mark_out", "%same", "%same/x" },
		{ VICI_PLACE_CHILD, "if_id_in", "42", "4/2" },
		{ VICI_PLACE_CHILD, "start_action", "trap|start", "up" },
		{ VICI_PLACE_CHILD, "dpd_action", "restart", "trap|up" },
		{ VICI_PLACE_CHILD, "rekey_packets", "1000", "1k" },
		{ VICI_PLACE_CHILD, "mode", "transport", "tunel" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct vici_key *key = vici_key_find(cases[i].place, cases[i].key);
		struct why why = { "" };

		ck_assert_msg(vici_key_check(key, cases[i].right, &why), "%s", why.text);
		ck_assert(vici_key_check(key, "", &why));
		ck_assert_msg(!vici_key_check(key, cases[i].wrong, &why), "%s", cases[i].key);
		ck_assert_ptr_nonnull(strstr(why.text, "wanted "));
	}
}
END_TEST

static void collect(void *context, enum vici_finding finding, const struct settings_place *place,
	const char *text)
{
	char *all = context;

	sprintf(all + strlen(all), "%c %s:%u: %s\n", finding == VICI_FINDING_WRONG ? 'W' : 'U',
		place->file, place->line, text);
}

START_TEST(a_file_with_mistakes_is_reported_line_by_line)
{
	static const char text[] = "connections {\n"
				   "  c : base {\n"
				   "    local_addr = 192.0.2.1\n"
				   "    esp_proposals = default\n"
				   "    leftsubnet = 10.0.0.0/8\n"
				   "    version = 4\n"
				   "    quux = 1\n"
				   "    lokal { auth = psk\n"
				   "    }\n"
				   "    remote { atuh = psk\n"
				   "    }\n"
				   "    children { x { mode = tunel\n"
				   "       psk = 1\n"
				   "      } } }\n"
				   "}\n"
				   "base { mobike = maybe\n}\n"
				   "secrets {\n  ikea { psk = x\n id-1 = y\n}\n  tls { } }\n";
	static const char wanted[] =
		"U t:3: unknown key 'local_addr' in section 'c': did you mean 'local_addrs'?\n"
		"U t:4: unknown key 'esp_proposals' in section 'c': it belongs in "
		"connections.<conn>.children.<child>\n"
		"U t:5: unknown key 'leftsubnet' in section 'c'\n"
		"W t:6: version = 4: wanted 0, 1 or 2\n"
		"U t:7: unknown key 'quux' in section 'c'\n"
		"W t:16: mobike = maybe: wanted yes or no\n"
		"U t:8: unknown section 'lokal' in section 'c': wanted local..., remote... or "
		"children\n"
		"U t:10: unknown key 'atuh' in section 'remote': did you mean 'auth'?\n"
		"W t:12: mode = tunel: wanted tunnel, transport, transport_proxy, beet, pass or "
		"drop\n"
		"U t:13: unknown key 'psk' in section 'x'\n"
		"U t:19: unknown key 'psk' in section 'ikea': did you mean 'secret'?\n"
		"U t:22: unknown section 'tls' in section 'secrets': wanted ike..., eap..., "
		"xauth..., "
		"ntlm..., ppk..., private..., rsa..., ecdsa..., pkcs8..., pkcs12... or token...\n";
	struct why why;
	char found[4000] = "";
	struct settings *s = settings_parse(bytes_of_text(text), "t", &why);

	ck_assert_msg(s != NULL, "%s", s ? "" : why.text);
	vici_keys_check(settings_root(s), collect, found);
	ck_assert_str_eq(found, wanted);
	settings_free(s);
}
END_TEST

TCase *keys_cases(void)
{
	TCase *c = tcase_create("keys");

	tcase_add_test(c, keys_are_found_and_lists_known);
	tcase_add_test(c, sections_are_recognised_by_their_prefix);
	tcase_add_test(c, values_are_checked_by_form);
	tcase_add_test(c, a_file_with_mistakes_is_reported_line_by_line);
	return c;
}
