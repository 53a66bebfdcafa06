/* The cure for each reason: what both ends have is compared, and the key to change is named. */
#include "libike/advice_priv.h"
#include "libike/wire/numbers.h"

#include <stdio.h>
#include <string.h>

#define SIZE IKE_ADVICE_TEXT_MAX

static void silent_elsewhere(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE,
		"the peer is asked at %s and answers from another address, %s: firewalls and NATs "
		"that keep state, on the way or on this host, take that for a stranger's",
		m->ours, m->theirs);
	snprintf(ret->cure, SIZE,
		"set connections.%s.remote_addrs = %s, or have the peer answer from where it is "
		"asked (its local_addrs, and no rule there that changes the source); a firewall "
		"of this host has to let both in",
		m->connection, m->theirs);
}

static void silent(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, "address")) {
		silent_elsewhere(m, ret);
		return;
	}
	switch (m->r->phase) {
	case IKE_PHASE_INIT:
		snprintf(ret->cause, SIZE,
			"%s does not answer the first message: no IKE daemon runs there or none "
			"that speaks IKEv2, or UDP port 500 is blocked on the way",
			m->remote);
		snprintf(ret->cure, SIZE,
			"check connections.%s.remote_addrs and version, that the peer's daemon "
			"runs, and that UDP ports 500 and 4500 pass between %s and %s both ways",
			m->connection, m->local, m->remote);
		break;
	case IKE_PHASE_AUTH:
		snprintf(ret->cause, SIZE,
			m->r->we_initiated
				? "%s answers IKE_SA_INIT and not IKE_AUTH: UDP port 4500 or large "
				  "packets are blocked on the way, or the peer does not take part "
				  "any "
				  "more"
				: "%s began and did not go on with IKE_AUTH: our answer does not "
				  "reach "
				  "it, or it could do nothing with it",
			m->remote);
		snprintf(ret->cure, SIZE,
			"let UDP ports 500 and 4500 pass between %s and %s both ways; if large "
			"packets "
			"get lost, set charon.fragment_size lower; the peer's log may say more",
			m->local, m->remote);
		break;
	default:
		snprintf(ret->cause, SIZE,
			"%s answers no longer: it is down, has lost its state, or the way to it is "
			"interrupted",
			m->remote);
		snprintf(ret->cure, SIZE,
			"check the peer and the way to it; to have the tunnel come back by itself, "
			"set "
			"connections.%s.children.%s.dpd_action = start",
			m->connection, m->child);
	}
}

static void other_version(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE, "%s speaks IKEv%d, and what is loaded for it here is for IKEv%d",
		m->remote, m->r->version, m->r->version == 1 ? 2 : 1);
	snprintf(ret->cure, SIZE,
		"set the same version = 1 or 2 at both ends, in the connection for %s here (0 "
		"takes either and begins with IKEv2)",
		m->remote);
}

static void no_connection(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, "version")) {
		other_version(m, ret);
		return;
	}
	if (m->r->phase != IKE_PHASE_AUTH) {
		snprintf(ret->cause, SIZE,
			"no loaded connection is for a peer at %s that comes to %s", m->remote,
			m->local);
		snprintf(ret->cure, SIZE,
			"if that is a peer of yours, add %s to remote_addrs (and %s to "
			"local_addrs) of "
			"its connection and load it; a stranger needs nothing",
			m->remote, m->local);
		return;
	}
	snprintf(ret->cause, SIZE, "no loaded connection is for a peer that calls itself \"%s\"",
		m->remote_id);
	snprintf(ret->cure, SIZE,
		"set remote.id = %s in the connection that is meant (or the peer's local.id to "
		"what "
		"that has), and check its local.id and addresses",
		m->remote_id);
}

static void wrong_identity(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, "local.id")) {
		snprintf(ret->cause, SIZE,
			"the peer asks for \"%s\", connections.%s.local.id is \"%s\"", m->theirs,
			m->connection, m->ours);
		snprintf(ret->cure, SIZE,
			"set connections.%s.local.id = %s here, or remote.id = %s at the peer",
			m->connection, m->theirs, m->ours);
		return;
	}
	snprintf(ret->cause, SIZE,
		"the peer calls itself \"%s\", connections.%s.remote.id asks for \"%s\"", m->theirs,
		m->connection, m->ours);
	snprintf(ret->cure, SIZE,
		"set connections.%s.remote.id = %s here, or local.id = %s at the peer",
		m->connection, m->theirs, m->ours);
}

static void no_proposal(const struct ike_matter *m, struct ike_advice *ret)
{
	if (!m->theirs[0]) {
		snprintf(ret->cause, SIZE,
			"the peer accepts none of our IKE proposals, or has no connection for our "
			"address %s and IKEv2",
			m->local);
		snprintf(ret->cure, SIZE,
			"make connections.%s.proposals and the peer's have one in common, and "
			"check "
			"that the peer expects us at %s with IKEv2 (version): its log says which "
			"of them it is",
			m->connection, m->local);
		return;
	}
	snprintf(ret->cause, SIZE, "the ends have no IKE proposal in common: their %s differs",
		m->differs[0] ? m->differs : "proposals");
	snprintf(ret->cure, SIZE,
		"add one that the peer has to connections.%s.proposals, or one of these to the "
		"peer's",
		m->connection);
}

static void no_child_proposal(const struct ike_matter *m, struct ike_advice *ret)
{
	if (m->theirs[0])
		snprintf(ret->cause, SIZE,
			"the ends have no ESP or AH proposal in common: their %s differs",
			m->differs[0] ? m->differs : "proposals");
	else
		snprintf(ret->cause, SIZE, "the peer accepts none of our proposals for the child");
	snprintf(ret->cure, SIZE,
		"make connections.%s.children.%s.esp_proposals (or ah_proposals) and the peer's "
		"have "
		"one in common",
		m->connection, m->child);
}

static void pfs(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE,
		"the ends agree on everything but the key exchange of the child (PFS); the first "
		"key "
		"needs none, so it shows only now");
	snprintf(ret->cure, SIZE,
		"have the esp_proposals of both ends end in the same group (or in none): here it "
		"is "
		"connections.%s.children.%s.esp_proposals",
		m->connection, m->child);
}

/* %client has nothing of what it wants: the section is another's, or not there. */
static void no_client(const struct ike_matter *m, struct ike_advice *ret)
{
	if (m->theirs[0])
		snprintf(ret->cause, SIZE,
			"peer wants %s, here it is %s: of its side nothing is among the networks "
			"that `clients` has for it",
			m->theirs, m->ours);
	else
		snprintf(ret->cause, SIZE, "`clients` has no networks for what would be %s",
			m->ours);
	snprintf(ret->cure, SIZE,
		"list in clients.NAME.networks, where id is who the peer proves to be (\"%s\", or "
		"its EAP or XAuth name), what is behind it, and load that with --load-clients",
		m->remote_id);
}

static void no_selectors(const struct ike_matter *m, struct ike_advice *ret)
{
	const char *key = m->differs[0] ? m->differs : "local_ts or remote_ts";

	if (ike_matter_says(m, IKE_DIFFERS_CLIENT)) {
		no_client(m, ret);
		return;
	}
	if (m->theirs[0])
		snprintf(ret->cause, SIZE, "peer wants %s, here it is %s: nothing common in %s",
			m->theirs, m->ours, key);
	else
		snprintf(ret->cause, SIZE, "the peer has no child that allows %s", m->ours);
	snprintf(ret->cure, SIZE,
		"make connections.%s.children.%s.%s overlap with the peer's: what is local_ts here "
		"has to be remote_ts there, and the other way round",
		m->connection, m->child, key);
}

static void no_shared_key(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE, "no secret is loaded for the ids \"%s\" and \"%s\"", m->local_id,
		m->remote_id);
	snprintf(ret->cure, SIZE,
		"add to secrets a section ike-%s { id-1 = %s, id-2 = %s, secret = ... } and load "
		"it "
		"with --load-creds",
		m->connection, m->local_id, m->remote_id);
}

/* The peer does not tell what is wrong with what we prove ourselves with. */
static void our_proof_refused(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, "certificate")) {
		snprintf(ret->cause, SIZE,
			"the peer refused us: it does not trust the certificate of \"%s\", or it "
			"has "
			"no connection for these ids",
			m->local_id);
		snprintf(ret->cure, SIZE,
			"the log of the peer at %s says why; it has to have the CA of "
			"connections.%s.local.certs, and the id has to be in the certificate",
			m->remote, m->connection);
		return;
	}
	snprintf(ret->cause, SIZE, "the peer refused the user \"%s\" or its password", m->local_id);
	snprintf(ret->cure, SIZE,
		"check connections.%s.local.eap_id and the secret of that user in both ends' "
		"secrets; the log of the peer at %s says more",
		m->connection, m->remote);
}

static void signature_differs(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE, "the peer does not sign with the private key of \"%s\"",
		m->remote_id);
	snprintf(ret->cure, SIZE,
		"load the private key there that belongs to its certificate; of raw keys, "
		"connections.%s.remote.pubkeys has to be the peer's",
		m->connection);
}

static void auth_failed(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, "auth")) {
		snprintf(ret->cause, SIZE,
			"the peer does not prove itself as connections.%s.remote asks for",
			m->connection);
		snprintf(ret->cure, SIZE,
			"set auth in connections.%s.remote to what it is in the local section of "
			"the peer, with as many rounds",
			m->connection);
		return;
	}
	if (ike_matter_says(m, "signature")) {
		signature_differs(m, ret);
		return;
	}
	if (m->r->failure.notify &&
		(ike_matter_says(m, "certificate") || ike_matter_says(m, "EAP"))) {
		our_proof_refused(m, ret);
		return;
	}
	if (m->r->failure.notify)
		snprintf(ret->cause, SIZE,
			"the peer refused us: its secret for \"%s\" and \"%s\" is another, or it "
			"has "
			"no connection for these ids",
			m->local_id, m->remote_id);
	else
		snprintf(ret->cause, SIZE,
			"the secret for \"%s\" and \"%s\" is another one at the peer", m->local_id,
			m->remote_id);
	snprintf(ret->cure, SIZE,
		"set the same secret at both ends and load it with --load-creds; it is chosen by "
		"the "
		"ids \"%s\" and \"%s\" in the secrets section",
		m->local_id, m->remote_id);
}

static void refused(const struct ike_matter *m, struct ike_advice *ret)
{
	char text[IKE_NUMBER_TEXT_MAX];

	snprintf(ret->cause, SIZE, "the peer refuses with %s",
		m->r->failure.notify ? ike_notify_format(m->r->failure.notify, text) : "an error");
	switch (m->r->failure.notify) {
	case IKE_NOTIFY_TEMPORARY_FAILURE:
		snprintf(ret->cure, SIZE, "nothing: the peer was busy, it will be asked again");
		break;
	case IKE_NOTIFY_NO_ADDITIONAL_SAS:
		snprintf(ret->cure, SIZE,
			"the peer allows no further child in this IKE SA: allow it there, or give "
			"the "
			"child a connection of its own");
		break;
	case IKE_NOTIFY_INTERNAL_ADDRESS_FAILURE:
	case IKE_NOTIFY_FAILED_CP_REQUIRED:
		snprintf(ret->cure, SIZE,
			"the peer wants to assign an address: it is set up for road warriors, not "
			"for "
			"a site");
		break;
	case IKE_NOTIFY_SINGLE_PAIR_REQUIRED:
		snprintf(ret->cure, SIZE,
			"the peer wants one pair of networks for each child: split "
			"connections.%s.children.%s",
			m->connection, m->child);
		break;
	default:
		snprintf(ret->cure, SIZE, "the log of the peer at %s says why", m->remote);
	}
}

static void kernel(const struct ike_matter *m, struct ike_advice *ret)
{
	const char *text = ike_or_else(m->r->failure.text, "no reason given");

	if (m->r->failure.modules) {
		snprintf(ret->cause, SIZE, "the kernel of this host lacks a module for it: %s",
			text);
		snprintf(ret->cure, SIZE,
			"modprobe -a %s, and list them in /etc/modules-load.d to stay; where that "
			"finds none, the kernel that runs is not the one whose modules are "
			"installed (uname -r; reboot after an upgrade), or they come in a package "
			"of their own; for a container load them on its host",
			m->r->failure.modules);
		return;
	}
	snprintf(ret->cause, SIZE, "the kernel of this host does not do it: %s", text);
	snprintf(ret->cure, SIZE,
		"an algorithm that it lacks: load its module (modprobe), or choose another in "
		"connections.%s.children.%s.esp_proposals; something that exists already: ip xfrm "
		"policy and ip xfrm state show whose it is",
		m->connection, m->child);
}

static void no_route(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE, "this host has no route and no address to reach %s from",
		m->remote);
	snprintf(ret->cure, SIZE,
		"look at ip route get %s: add the route, bring the link up, or correct "
		"connections.%s.local_addrs and remote_addrs",
		m->remote, m->connection);
}

static void no_name(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE, "a host name in connections.%s does not resolve: %s",
		m->connection, ike_or_else(m->r->failure.text, "no reason given"));
	snprintf(ret->cure, SIZE,
		"correct the name in connections.%s.remote_addrs, or see why this host's resolver "
		"(/etc/resolv.conf) does not find it",
		m->connection);
}

static void not_unique(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE,
		"\"%s\" has an IKE SA already, and connections.%s.unique = keep lets that one stay",
		m->remote_id, m->connection);
	snprintf(ret->cure, SIZE,
		"set connections.%s.unique = replace, or wait until the old one is found dead "
		"(sooner "
		"with dpd_delay)",
		m->connection);
}

/* The sentence of the record names certificate, check and CA: it is the cause. */
static void cause_is_text(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE, "%s", ike_or_else(m->r->failure.text, "no reason given"));
}

static void no_certificate(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	if (ike_matter_says(m, "local.certs")) {
		snprintf(ret->cure, SIZE,
			"name one in connections.%s.local.certs that has \"%s\" as subject or "
			"subjectAltName, or put it into swanctl/x509 and load it with "
			"--load-creds",
			m->connection, m->local_id);
		return;
	}
	snprintf(ret->cure, SIZE,
		"have the peer send its certificate (send_cert = always there), or name it in "
		"connections.%s.remote.certs; \"%s\" must be its subject or a subjectAltName",
		m->connection, m->remote_id);
}

static void untrusted(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"if that chain is to be trusted, put its CA into swanctl/x509ca and load it with "
		"--load-creds (--list-certs shows what is there), have the peer send its "
		"intermediates, and see that connections.%s.remote.cacerts allows it",
		m->connection);
}

static void not_valid_now(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"see whether this host's clock is right (date, NTP); if it is, whoever issued the "
		"certificate has to issue a new one");
}

static void revoked(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"nothing, if that was meant; else its CA has to issue another certificate, and "
		"--flush-certs forgets what was fetched");
}

static void revocation_unknown(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"see why the CRL or OCSP server is not reached from this host, put a CRL into "
		"swanctl/x509crl, or set connections.%s.remote.revocation = relaxed to do without",
		m->connection);
}

static void no_private_key(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"put the private key of the certificate in connections.%s.local.certs into "
		"swanctl/private and load it with --load-creds",
		m->connection);
}

static void below_policy(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	if (ike_matter_says(m, "groups")) {
		snprintf(ret->cure, SIZE,
			"have the RADIUS server put the user into one of the groups (attribute "
			"Class) that connections.%s.remote.groups names, or add the user's there",
			m->connection);
		return;
	}
	snprintf(ret->cure, SIZE,
		"have keys and certificates made with what is allowed, or allow it in "
		"connections.%s.remote.auth (and local.auth, if it is ours): pubkey-sha256-sha384, "
		"rsa-2048, ...",
		m->connection);
}

static void eap_failed(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"compare user and password in the eap-... secrets of both ends, and the EAP "
		"method that connections.%s.remote.auth (at the client local.auth) names",
		m->connection);
}

static void ppk(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"have the same ppk-... secret at both ends, name it in connections.%s.ppk_id, or "
		"set ppk_required = no to do without",
		m->connection);
}

static void redirected(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	if (ike_matter_says(m, "loop"))
		snprintf(ret->cure, SIZE,
			"the gateways send us back and forth: redirect to one that takes clients");
	else if (ike_matter_says(m, "follow_redirects"))
		snprintf(ret->cure, SIZE,
			"set charon.follow_redirects = yes, or name the gateway in "
			"connections.%s.remote_addrs",
			m->connection);
	else
		snprintf(ret->cure, SIZE,
			"the peer's redirect does not follow RFC 5685: name the gateway that is "
			"meant in connections.%s.remote_addrs",
			m->connection);
}

/* Who lacks what depends on who says so. */
static void no_address(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	if (m->r->failure.notify == IKE_NOTIFY_FAILED_CP_REQUIRED)
		snprintf(ret->cure, SIZE,
			"the peer wants to give an address: set connections.%s.vips = 0.0.0.0 (or "
			"::)",
			m->connection);
	else if (strcmp(m->differs, "dhcp") == 0)
		snprintf(ret->cure, SIZE,
			"see whether the DHCP server can be reached and has free addresses: "
			"charon.plugins.dhcp.server and .interface of strongswan.conf say where it "
			"is asked");
	else
		snprintf(ret->cure, SIZE,
			"at the end with the pools, load one with free addresses and name it in "
			"connections.<name>.pools (--list-pools shows how full it is); the other "
			"end asks with vips = 0.0.0.0 (or ::)");
}

/* The same words for all, when the sentence of the record says it better than we could. */
static const struct {
	enum ike_reason reason;
	const char *cause; /* NULL: the record's */
	const char *cure;
} plain[] = {
	{ IKE_REASON_UNSUPPORTED, NULL,
		"what is asked for is not possible here: change it in this definition or at the "
		"peer" },
	{ IKE_REASON_PROTOCOL, NULL,
		"one of the daemons, or a box between, is faulty: compare versions, and report "
		"both "
		"ends' logs" },
	{ IKE_REASON_RESOURCES, NULL, "give the daemon more memory, or raise charon.ikesa_limit" },
	{ IKE_REASON_TERMINATED, "it was ended by command", "--initiate starts it again" },
	{ IKE_REASON_REPLACED, "a newer IKE SA of the same peer took its place",
		"nothing, unless it repeats: then two gateways use the same id" },
	{ IKE_REASON_DELETED_BY_PEER, "the peer ended it",
		"the peer's log says why; close_action = start brings it back at once" },
	{ IKE_REASON_EXPIRED, "its lifetime was over before it had a successor",
		"the failure to rekey it is listed too; life_time has to leave room beyond "
		"rekey_time" },
	{ IKE_REASON_ADDRESS_CHANGED, "the address that it was bound to is gone",
		"nothing, if it comes up under the new address; mobike = yes keeps it up instead" },
	{ IKE_REASON_INACTIVE, "it carried no traffic for as long as inactivity allows",
		"nothing; start_action = trap brings it up with the next packet" },
};

static void advise_plain(const struct ike_matter *m, struct ike_advice *ret)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		if (plain[i].reason != m->r->failure.reason)
			continue;
		snprintf(ret->cause, SIZE, "%s",
			plain[i].cause ? plain[i].cause : ike_or_else(m->r->failure.text, ""));
		snprintf(ret->cure, SIZE, "%s", plain[i].cure);
	}
}

static void advise(const struct ike_matter *m, struct ike_advice *ret)
{
	static void (*const advisers[])(const struct ike_matter *m, struct ike_advice *ret) = {
		[IKE_REASON_PEER_SILENT] = silent,
		[IKE_REASON_NO_CONNECTION] = no_connection,
		[IKE_REASON_NO_PROPOSAL] = no_proposal,
		[IKE_REASON_NO_CHILD_PROPOSAL] = no_child_proposal,
		[IKE_REASON_NO_SELECTORS] = no_selectors,
		[IKE_REASON_NO_SHARED_KEY] = no_shared_key,
		[IKE_REASON_AUTH_FAILED] = auth_failed,
		[IKE_REASON_REFUSED_BY_PEER] = refused,
		[IKE_REASON_WRONG_IDENTITY] = wrong_identity,
		[IKE_REASON_KERNEL] = kernel,
		[IKE_REASON_NO_ROUTE] = no_route,
		[IKE_REASON_NO_NAME] = no_name,
		[IKE_REASON_PFS] = pfs,
		[IKE_REASON_NOT_UNIQUE] = not_unique,
		[IKE_REASON_NO_CERTIFICATE] = no_certificate,
		[IKE_REASON_UNTRUSTED] = untrusted,
		[IKE_REASON_CERT_EXPIRED] = not_valid_now,
		[IKE_REASON_REVOKED] = revoked,
		[IKE_REASON_REVOCATION_UNKNOWN] = revocation_unknown,
		[IKE_REASON_NO_PRIVATE_KEY] = no_private_key,
		[IKE_REASON_POLICY] = below_policy,
		[IKE_REASON_EAP] = eap_failed,
		[IKE_REASON_NO_ADDRESS] = no_address,
		[IKE_REASON_PPK] = ppk,
		[IKE_REASON_REDIRECT] = redirected,
	};
	enum ike_reason reason = m->r->failure.reason;

	if (m->r->version == 1 && ike_advise_ikev1(m, ret))
		return;
	if (reason < sizeof(advisers) / sizeof(*advisers) && advisers[reason])
		advisers[reason](m, ret);
	else
		advise_plain(m, ret);
}

void ike_advise(
	const struct ike_failure_record *record, const char *connection, struct ike_advice *ret)
{
	struct ike_matter m = {
		.r = record,
		.connection = ike_or_else(connection, "NAME"),
		.child = ike_or_else(record->child, "NAME"),
		.ours = ike_or_else(record->failure.ours, ""),
		.theirs = ike_or_else(record->failure.theirs, ""),
		.differs = ike_or_else(record->failure.differs, ""),
		.local_id = ike_or_else(record->local_id, "%any"),
		.remote_id = ike_or_else(record->remote_id, "%any"),
	};

	address_format(&record->local, m.local);
	address_format(&record->remote, m.remote);
	*ret = (struct ike_advice){ 0 };
	advise(&m, ret);
}
