/*
 * What docs/swanctl.conf-keys.md says beside the tables of the code: a sentence for a kind of
 * section, notes for keys, and which keys are refused by code that has no table of them.
 */
#include "testing/unit/docs/pages.h"

const char *const place_notes[VICI_PLACES] = {
	[VICI_PLACE_LOCAL] = "Several sections are several rounds (RFC 4739), by their number. One "
			     "that is not there is `auth = pubkey`.",
	[VICI_PLACE_REMOTE] = "As for `local`.",
	[VICI_PLACE_SHARED] = "`ike`, `eap`, `ntlm` and `ppk` secrets are used; `xauth` and `eap` "
			      "ones are the same.",
	[VICI_PLACE_KEY] = "Every file in `private`, `rsa`, `ecdsa`, `pkcs8` and `pkcs12` is "
			   "loaded; a section gives the passphrase of one that is encrypted.",
	[VICI_PLACE_CLIENT] =
		"Ours: networks behind clients ([how](scenes/ocserv-iroute.md)). They stand for "
		"`%client` and `%clients` in\n"
		"the selectors of children. A change counts for what is negotiated from then on: "
		"the answer to loading says\n"
		"which connected client it is about.",
};

const struct key_note key_notes[] = {
	{ VICI_PLACE_CONNECTION, "version", "`0`: IKEv2 as initiator, either as responder" },
	{ VICI_PLACE_CONNECTION, "local_addrs",
		"addresses, prefixes, ranges, `%any`, host names; of several that this host has "
		"each is tried, the first is gone back to" },
	{ VICI_PLACE_CONNECTION, "remote_addrs",
		"the same; addresses, and those of names, are tried in turn, the one that worked "
		"last first. When a reloaded file no longer has the address that a tunnel of ours "
		"is "
		"at, a new IKE SA is made at the new one, and the old one goes when that is up: "
		"charon stays where it is. A name that was not resolved yet waits for the next "
		"IKE SA" },
	{ VICI_PLACE_CONNECTION, "local_port",
		"one of the daemon's own (`charon.port`, `charon.port_nat_t`), others are refused; "
		"`charon.port_nat_t` begins in UDP port 4500 at both ends" },
	{ VICI_PLACE_CONNECTION, "proposals",
		"with `ke1_` to `ke7_`; ML-KEM (`mlkem768`) needs OpenSSL 3.5: else the log says "
		"so, and such a proposal is left out" },
	{ VICI_PLACE_CONNECTION, "aggressive",
		"of IKEv1; as responder with a pre-shared key only with "
		"`charon.i_dont_care_about_security_and_use_aggressive_mode_psk = yes`" },
	{ VICI_PLACE_CONNECTION, "pull", "IKEv1: `no` waits for addresses, or pushes them" },
	{ VICI_PLACE_CONNECTION, "dscp",
		"six binary digits; of all IKE packets of the connection, but for the octets that "
		"keep a NAT's mapping and refusals to strangers" },
	{ VICI_PLACE_CONNECTION, "mobike",
		"with `yes` IKE_AUTH goes to port 4500, as strongSwan's does" },
	{ VICI_PLACE_CONNECTION, "dpd_delay",
		"packets that come in through a child count as signs of life" },
	{ VICI_PLACE_CONNECTION, "dpd_timeout",
		"of IKEv1; not written, and for IKEv2, the retransmission settings say when a peer "
		"is dead" },
	{ VICI_PLACE_CONNECTION, "fragmentation", "`force` is the same as `yes`" },
	{ VICI_PLACE_CONNECTION, "send_certreq",
		"asks for certificates of the round's `cacerts`, else of all CAs that are loaded" },
	{ VICI_PLACE_CONNECTION, "ocsp",
		"the first time that a response is asked of us, it is fetched for the next time" },
	{ VICI_PLACE_CONNECTION, "ppk_id", "wildcards say which ones a responder takes" },
	{ VICI_PLACE_CONNECTION, "keyingtries",
		"for IKE_SA_INIT that nobody answers; what is wanted is tried again after that, "
		"for ever" },
	{ VICI_PLACE_CONNECTION, "retransmit_tries",
		"ours alone: for this connection instead of `charon.retransmit_tries`" },
	{ VICI_PLACE_CONNECTION, "retransmit_timeout",
		"ours alone: seconds, instead of `charon.retransmit_timeout`" },
	{ VICI_PLACE_CONNECTION, "retransmit_base",
		"ours alone: instead of `charon.retransmit_base`" },
	{ VICI_PLACE_CONNECTION, "reauth_time",
		"with `make_before_break` of strongswan.conf, whose default is yes as in charon "
		"6; 0 alone leaves `rekey_time` at 4h, as the manual says (charon: 0)" },
	{ VICI_PLACE_CONNECTION, "over_time", "0: never" },
	{ VICI_PLACE_CONNECTION, "pools",
		"`radius` is what the RADIUS server says (with `auth = eap-radius` or "
		"`xauth-eap`), `dhcp` what a DHCP server says (IPv4; `charon.plugins.dhcp` of "
		"strongswan.conf), unless a pool has that name; what is named before it comes "
		"first" },
	{ VICI_PLACE_LOCAL, "certs", "the first certificate of a file" },
	{ VICI_PLACE_LOCAL, "auth",
		"`psk`, `pubkey` and constraints, `eap`, `eap-md5`, `eap-mschapv2`, `eap-tls`, "
		"`eap-radius`; IKEv1: `xauth`, `xauth-generic`, `xauth-eap`, `xauth-pam` (local: "
		"`xauth`)" },
	{ VICI_PLACE_REMOTE, "xauth_id",
		"not in the manual here: a pattern of the names that XAuth clients may give; "
		"others get the next connection that fits" },
	{ VICI_PLACE_REMOTE, "cert_policy", "object identifiers in numbers" },
	{ VICI_PLACE_REMOTE, "cacerts",
		"trusted for this connection; must be certificates of CAs" },
	{ VICI_PLACE_REMOTE, "revocation", "`relaxed`, `ifuri`, `strict`" },
	{ VICI_PLACE_REMOTE, "auth", "as `local`, and `any`" },
	{ VICI_PLACE_CERT, "file", "an absolute path, which the daemon reads" },
	{ VICI_PLACE_CERT, "handle", "there is no support for tokens", true },
	{ VICI_PLACE_CERT, "slot", NULL, true },
	{ VICI_PLACE_CERT, "module", NULL, true },
	{ VICI_PLACE_CHILD, "sha256_96",
		"the peer must do the same, as this is not negotiated; the proposal word "
		"`sha256_96` is" },
	{ VICI_PLACE_CHILD, "local_ts",
		"ranges of addresses and ports are widened in the kernel to prefix and mask; "
		"IKEv1: one pair, and no ranges of ports "
		"([which](from-strongswan.md#ikev1s-traffic-selectors)); ours is `%clients`: the "
		"networks that `clients` has for others than this peer, which are announced to it, "
		"too; traps and shunts have none of them" },
	{ VICI_PLACE_CHILD, "remote_ts",
		"the same; ours is `%client`: the networks that `clients` has for this peer" },
	{ VICI_PLACE_CHILD, "rekey_time", "`life_time` is derived from it, if that is not given" },
	{ VICI_PLACE_CHILD, "life_time", "at its end the child is closed" },
	{ VICI_PLACE_CHILD, "updown",
		"with CAP_NET_ADMIN and CAP_NET_RAW, for at most a minute: see charon-lite(8)" },
	{ VICI_PLACE_CHILD, "hostaccess", "tells the script" },
	{ VICI_PLACE_CHILD, "dpd_action", "not written: as `start_action`" },
	{ VICI_PLACE_CHILD, "ipcomp", "DEFLATE, where no NAT is between the peers" },
	{ VICI_PLACE_CONNECTION, "if_id_in",
		"`%unique` and `%unique-dir`: the IKE SA's own, kept over rekeying, drawn anew by "
		"reauthentication" },
	{ VICI_PLACE_CHILD, "mark_in",
		"`%unique` and `%unique-dir`: the CHILD_SA's own, kept over rekeying and "
		"reauthentication" },
	{ VICI_PLACE_CHILD, "set_mark_in", "`%same` also where `mark_in` is `%unique`" },
	{ VICI_PLACE_CHILD, "if_id_in",
		"`%unique` and `%unique-dir`: the CHILD_SA's own, kept over rekeying" },
	{ VICI_PLACE_CHILD, "tunnel_interface",
		"ours alone: this interface (VTI, xfrm) is up while a CHILD_SA of the child is "
		"installed, and down without one; see charon-lite(8)" },
	{ VICI_PLACE_CHILD, "replay_window", "at most 4096 packets" },
	{ VICI_PLACE_CHILD, "tfc_padding",
		"not for a peer that says `ESP_TFC_PADDING_NOT_SUPPORTED`, which we say for "
		"transport mode" },
	{ VICI_PLACE_CHILD, "hw_offload",
		"`yes` is `crypto`; `auto` is `crypto` where the device can do it, never "
		"`packet`" },
	{ VICI_PLACE_CHILD, "per_cpu_sas",
		"RFC 9611; wants Linux 6.13, else all packets of the child take one pair of SAs "
		"and "
		"a line in the log says why; `encap`: a port of its own for each only where "
		"packets "
		"are encapsulated anyway (a NAT, or `encap` of the connection)" },
	{ VICI_PLACE_CHILD, "start_action",
		"a start that fails is repeated for ever, with growing pauses; what is no longer "
		"to be started ends" },
	{ VICI_PLACE_CHILD, "close_action", "not written: as `start_action`" },
	{ VICI_PLACE_SHARED, "secret", "text, `0x` hexadecimal, maybe with colons, `0s` Base64" },
	{ VICI_PLACE_SHARED, "id", "and any name that begins with it: `id-a`, `id2`" },
	{ VICI_PLACE_TOKEN, "handle", NULL, true },
	{ VICI_PLACE_TOKEN, "slot", NULL, true },
	{ VICI_PLACE_TOKEN, "module", NULL, true },
	{ VICI_PLACE_TOKEN, "pin", NULL, true },
	{ VICI_PLACE_POOL, "split_exclude",
		"as `split_include`; attributes may be numbers, too, with an address, a network or "
		"text" },
	{ VICI_PLACE_AUTHORITY, "file", "an absolute path, which the daemon reads" },
	{ VICI_PLACE_AUTHORITY, "handle", "there is no support for tokens", true },
	{ VICI_PLACE_AUTHORITY, "slot", NULL, true },
	{ VICI_PLACE_AUTHORITY, "module", NULL, true },
	{ VICI_PLACE_POOL, "split_dns",
		"ours alone: domains that the pool's DNS servers are for (RFC 8598), to who asks "
		"for "
		"them; with IKEv1 as UNITY_SPLITDNS_NAME" },
	{ VICI_PLACE_POOL, "split_include", "as a client with `charon.cisco_unity` alone" },
	{ VICI_PLACE_CLIENT, "id",
		"what it proves: its EAP or XAuth identity, where it has one, else its IKE "
		"identity; no pattern; once" },
	{ VICI_PLACE_CLIENT, "networks", "at most 64; no two clients have addresses in common" },
	{ VICI_PLACE_POOL, "addrs", "also several of one family, separated by commas" },
	{ 0 },
};
