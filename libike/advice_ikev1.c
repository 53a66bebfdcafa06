/*
 * What IKEv1 shows otherwise: phase 1 says little in the clear and nothing that the other end could
 * read when keys differ, the method is agreed on with the proposal, and not everybody narrows
 * the selectors of Quick Mode.
 */
#include "libike/advice_priv.h"
#include "libike/wire/isakmp.h"

#include <stdio.h>

#define SIZE IKE_ADVICE_TEXT_MAX

static bool cause_is_text(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE, "%s", ike_or_else(m->r->failure.text, "no reason given"));
	return true;
}

/* ---- Pre-shared keys ---- */

/* Messages are encrypted with a key that comes of the secret: with another one they are noise. */
static bool secret_differs(const struct ike_matter *m, struct ike_advice *ret)
{
	bool certain = ike_matter_says(m, "secret of phase 1");

	snprintf(ret->cause, SIZE,
		"%s: that is how different pre-shared keys show in IKEv1, as the messages that "
		"prove them are encrypted with what comes of them%s",
		ike_or_else(m->r->failure.text, "the proof of the peer cannot be decrypted"),
		certain ? ""
			: "; or UDP port 4500 is blocked, where they go as there is a NAT in "
			  "between");
	snprintf(ret->cure, SIZE,
		"set the same secret at both ends and load it with --load-creds; Main Mode chooses "
		"it by the addresses %s and %s, then by the ids of the connection that is for "
		"them, so see that no other secret in the secrets section is for these%s",
		m->local, m->remote,
		certain ? "" : "; let UDP port 4500 pass between these both ways");
	return true;
}

static bool is_about_secret(const struct ike_matter *m)
{
	return ike_matter_says(m, "secret of phase 1") ||
	       ike_matter_says(m, "secret of phase 1, port 4500");
}

/* ---- Refused ---- */

/* Method and mode come with the proposal. */
static bool phase_1_refused(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE,
		"the peer refuses phase 1 and does not say why: it accepts none of our proposals, "
		"wants another way to authenticate, answers in the other mode (Main, Aggressive) "
		"or not with IKEv1, or has no connection for our address %s",
		m->local);
	snprintf(ret->cure, SIZE,
		"compare connections.%s.proposals, auth (psk, pubkey, xauth), aggressive and "
		"version with the peer's, and check that the peer expects us at %s: its log says "
		"which of these it is",
		m->connection, m->local);
	return true;
}

static bool aggressive_refused(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE,
		"the peer refuses our Aggressive Mode: it does not allow that with pre-shared "
		"keys, or has no connection for \"%s\"",
		m->local_id);
	snprintf(ret->cure, SIZE,
		"set connections.%s.aggressive = no and the same at the peer (Main Mode), or use "
		"certificates; or have the peer allow it (strongSwan: "
		"i_dont_care_about_security_and_use_aggressive_mode_psk = yes) and check its "
		"remote.id",
		m->connection);
	return true;
}

static bool aggressive_forbidden(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"set aggressive = no at both ends (Main Mode), or use certificates; who accepts "
		"that strangers can try keys sets "
		"i_dont_care_about_security_and_use_aggressive_mode_psk = yes in strongswan.conf");
	return true;
}

static bool no_connection(const struct ike_matter *m, struct ike_advice *ret)
{
	if (!ike_matter_says(m, "aggressive"))
		return false;
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"have the same aggressive = yes or no at both ends, in the connection for %s here; "
		"no (Main Mode) is the safer one",
		m->remote);
	return true;
}

static bool no_proposal(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, "phase 1"))
		return phase_1_refused(m, ret);
	if (!ike_matter_says(m, "auth"))
		return false;
	snprintf(ret->cause, SIZE,
		"the ends want to authenticate in different ways (pre-shared key, signature, "
		"XAuth)");
	snprintf(ret->cure, SIZE,
		"set auth in connections.%s.local and remote to what the peer has in remote and "
		"local, with as many sections",
		m->connection);
	return true;
}

/* It could say so in an encrypted message, so the keys of both ends are the same. */
static bool identity_refused(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE,
		"the peer refused us, and not for the pre-shared key, which is the same: it has no "
		"connection for \"%s\" and \"%s\", or keeps an older IKE SA of ours (unique = "
		"keep)",
		m->local_id, m->remote_id);
	snprintf(ret->cure, SIZE,
		"make connections.%s.local.id what the peer has for remote.id, and remote.id what "
		"it has for local.id; the log of the peer at %s says more",
		m->connection, m->remote);
	return true;
}

static bool certificate_refused(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE,
		"the peer refused us: it does not trust the certificate of \"%s\", or it has no "
		"connection for these ids",
		m->local_id);
	snprintf(ret->cure, SIZE,
		"the log of the peer at %s says why; it has to have the CA of "
		"connections.%s.local.certs, and the id has to be in the certificate",
		m->remote, m->connection);
	return true;
}

/* The method is agreed on before anybody shows a certificate. */
static bool other_key_type(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"give both ends certificates whose keys are of one kind, RSA or ECDSA "
		"(connections.%s.local.certs; with XAuth and hybrid authentication IKEv1 knows RSA "
		"alone), or use version = 2",
		m->connection);
	return true;
}

/* ---- XAuth ---- */

/* Neither the secret nor RADIUS is wrong: the definition is not for this user. */
static bool other_user(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	if (ike_matter_says(m, "groups"))
		snprintf(ret->cure, SIZE,
			"add the group that RADIUS says (Class) to connections.%s.remote.groups, "
			"or "
			"load a connection for that group",
			m->connection);
	else
		snprintf(ret->cure, SIZE,
			"let \"%s\" in with connections.%s.remote.xauth_id, or load a connection "
			"for such users",
			m->theirs, m->connection);
	return true;
}

static bool password(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	if (m->r->failure.reason == IKE_REASON_NO_SHARED_KEY)
		snprintf(ret->cure, SIZE,
			"add to secrets a section xauth-%s { id = the user's name, secret = the "
			"password } and load it with --load-creds",
			m->connection);
	else
		snprintf(ret->cure, SIZE,
			"compare user and password at both ends: at the client "
			"connections.<name>.local.xauth_id and the secret of that user in secrets, "
			"at the gateway what it checks with (secrets, RADIUS or PAM)");
	return true;
}

static bool xauth_cancelled(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"the client at %s has no password for its user, or its user gave up: its log says "
		"which",
		m->remote);
	return true;
}

static bool auth_failed(const struct ike_matter *m, struct ike_advice *ret)
{
	if (is_about_secret(m))
		return secret_differs(m, ret);
	if (ike_matter_says(m, "aggressive"))
		return aggressive_refused(m, ret);
	if (ike_matter_says(m, "phase 1"))
		return phase_1_refused(m, ret);
	if (ike_matter_says(m, "identity"))
		return identity_refused(m, ret);
	if (ike_matter_says(m, "password"))
		return password(m, ret);
	return ike_matter_says(m, "certificate") && certificate_refused(m, ret);
}

/* ---- Silence ---- */

static bool first_message_silent(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE,
		"%s does not answer the first message: no IKE daemon runs there or none that "
		"speaks IKEv1, or UDP port 500 is blocked on the way",
		m->remote);
	snprintf(ret->cure, SIZE,
		"check connections.%s.remote_addrs and version, that the peer's daemon runs, and "
		"that UDP ports 500 and 4500 pass between %s and %s both ways",
		m->connection, m->local, m->remote);
	return true;
}

/* What is large is the message with the certificate; from there on port 4500 is in use, with a NAT.
 */
static bool proof_silent(const struct ike_matter *m, struct ike_advice *ret)
{
	const char *floated = m->r->remote.port == 4500
				      ? "UDP port 4500, where it goes as there is a "
					"NAT in between, or large packets are"
				      : "large packets are";

	snprintf(ret->cause, SIZE,
		m->r->we_initiated
			? "%s answers the first messages of phase 1 and not our proof: %s blocked "
			  "on the way, or the peer could do nothing with it"
			: "%s began phase 1 and did not go on: our answer does not reach it, or "
			  "%s blocked on the way, or it could do nothing with our answer",
		m->remote, floated);
	snprintf(ret->cure, SIZE,
		"let UDP ports 500 and 4500 pass between %s and %s both ways; if large packets "
		"get lost, set fragmentation = yes at both ends and charon.fragment_size lower; "
		"the peer's log may say more",
		m->local, m->remote);
	return true;
}

static bool xauth_silent(const struct ike_matter *m, struct ike_advice *ret)
{
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"the peer does not ask for a password where we expect it to, or its check does not "
		"come to an end: compare the sections with auth = xauth in connections.%s with "
		"the peer's; its log says more",
		m->connection);
	return true;
}

static bool silent(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, "xauth"))
		return xauth_silent(m, ret);
	if (m->r->phase == IKE_PHASE_INIT && m->r->we_initiated)
		return first_message_silent(m, ret);
	return (m->r->phase == IKE_PHASE_INIT || m->r->phase == IKE_PHASE_AUTH) &&
	       proof_silent(m, ret);
}

static bool no_address(const struct ike_matter *m, struct ike_advice *ret)
{
	if (!ike_matter_says(m, "pull"))
		return false;
	cause_is_text(m, ret);
	snprintf(ret->cure, SIZE,
		"set pull = yes in connections.%s to ask for an address, or have the gateway push "
		"it (pull = no there, and a pool with free addresses)",
		m->connection);
	return true;
}

/* ---- Quick Mode ---- */

static bool pfs(const struct ike_matter *m, struct ike_advice *ret)
{
	snprintf(ret->cause, SIZE,
		"the ends agree on everything but the key exchange of the child (PFS)");
	snprintf(ret->cure, SIZE,
		"have the esp_proposals of both ends end in the same group (or in none): here it "
		"is connections.%s.children.%s.esp_proposals",
		m->connection, m->child);
	return true;
}

static bool no_child_proposal(const struct ike_matter *m, struct ike_advice *ret)
{
	if (m->theirs[0])
		return false;
	snprintf(ret->cause, SIZE,
		"the peer accepts none of our proposals for the child: encryption, integrity or "
		"the group for PFS differs");
	snprintf(ret->cure, SIZE,
		"make connections.%s.children.%s.esp_proposals (or ah_proposals) and the peer's "
		"have one in common, with the same group at the end or none; the log of the peer "
		"at %s says what differs",
		m->connection, m->child, m->remote);
	return true;
}

static bool no_selectors(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, IKE_DIFFERS_CLIENT))
		return false;
	if (!m->theirs[0]) {
		snprintf(ret->cause, SIZE,
			"the peer has no child for %s; in IKEv1 not every peer narrows selectors",
			m->ours[0] ? m->ours : "our selectors");
	} else {
		snprintf(ret->cause, SIZE, "peer wants %s, here it is %s: %s has nothing in common",
			m->theirs, m->ours, m->differs[0] ? m->differs : "local_ts or remote_ts");
	}
	snprintf(ret->cure, SIZE,
		"make connections.%s.children.%s.%s the same as the peer's: what is local_ts here "
		"has to be remote_ts there, and the other way round",
		m->connection, m->child, m->differs[0] ? m->differs : "local_ts and remote_ts");
	return true;
}

/* ---- All of them ---- */

static bool no_shared_key(const struct ike_matter *m, struct ike_advice *ret)
{
	return ike_matter_says(m, "password") && password(m, ret);
}

static bool refused(const struct ike_matter *m, struct ike_advice *ret)
{
	char text[IKE_NUMBER_TEXT_MAX];

	if (ike_matter_says(m, "password"))
		return xauth_cancelled(m, ret);
	if (!m->r->failure.notify)
		cause_is_text(m, ret);
	else
		snprintf(ret->cause, SIZE, "the peer refuses with %s",
			isakmp_notify_format(m->r->failure.notify, text));
	snprintf(ret->cure, SIZE, "the log of the peer at %s says why", m->remote);
	return true;
}

static bool policy(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, "key type"))
		return other_key_type(m, ret);
	if (ike_matter_says(m, "groups"))
		return other_user(m, ret);
	return ike_matter_says(m, "aggressive") && aggressive_forbidden(m, ret);
}

static bool no_private_key(const struct ike_matter *m, struct ike_advice *ret)
{
	return ike_matter_says(m, "key type") && other_key_type(m, ret);
}

/* What the peer says of us; or its user. */
static bool wrong_identity(const struct ike_matter *m, struct ike_advice *ret)
{
	if (ike_matter_says(m, "xauth_id"))
		return other_user(m, ret);
	return m->r->failure.notify && identity_refused(m, ret);
}

static bool untrusted(const struct ike_matter *m, struct ike_advice *ret)
{
	return m->r->failure.notify && certificate_refused(m, ret);
}

bool ike_advise_ikev1(const struct ike_matter *m, struct ike_advice *ret)
{
	static bool (*const advisers[IKE_REASONS])(
		const struct ike_matter *m, struct ike_advice *ret) = {
		[IKE_REASON_PEER_SILENT] = silent,
		[IKE_REASON_NO_CONNECTION] = no_connection,
		[IKE_REASON_NO_PROPOSAL] = no_proposal,
		[IKE_REASON_NO_CHILD_PROPOSAL] = no_child_proposal,
		[IKE_REASON_NO_SELECTORS] = no_selectors,
		[IKE_REASON_NO_SHARED_KEY] = no_shared_key,
		[IKE_REASON_AUTH_FAILED] = auth_failed,
		[IKE_REASON_REFUSED_BY_PEER] = refused,
		[IKE_REASON_WRONG_IDENTITY] = wrong_identity,
		[IKE_REASON_PFS] = pfs,
		[IKE_REASON_UNTRUSTED] = untrusted,
		[IKE_REASON_NO_PRIVATE_KEY] = no_private_key,
		[IKE_REASON_POLICY] = policy,
		[IKE_REASON_EAP] = password,
		[IKE_REASON_NO_ADDRESS] = no_address,
	};
	enum ike_reason reason = m->r->failure.reason;

	return reason < IKE_REASONS && advisers[reason] && advisers[reason](m, ret);
}
