/*
 * A configuration on trial: applied, and taken back unless somebody confirms it in time.
 *
 * Before it takes effect, what was loaded before is written to a file as messages of VICI, with the
 * time until which there is to be a confirmation: so a daemon that is killed and started meanwhile
 * goes on with the count, or takes back what it was. After another boot of the system it takes it
 * back at once. What was taken back, the last whole configurations that were loaded meanwhile, is
 * remembered, or held: each of them, loaded once more as a whole, is refused unless it is on trial
 * again; so is each object that they changed, loaded alone (held.h). The first thing that is let
 * through and changes something is somebody's new configuration. It ends the hold, and the file
 * goes: while it is there, it has what is loaded. Certificates and private keys that are loaded do
 * not: they only add, and after a restart they are the first to come from disk.
 *
 * Private keys are not in the file: those that are loaded stay, those that were unloaded go when
 * the trial is confirmed.
 */
#ifndef CHARON_LITE_CONTROL_TRIAL_H
#define CHARON_LITE_CONTROL_TRIAL_H

#include "charon-lite/control/staging.h"

#define CL_TRIAL_SECONDS_MAX (7 * 86400)

/* Goes on with what an earlier process left behind. */
MUST_USE bool cl_trial_open(struct cl_daemon *d, struct why *why);
void cl_trial_close(struct cl_daemon *d);

/* Before a staging is applied: from now on the time runs. What is taken back is what was loaded
 * when the first of several trials without a confirmation between them began. On failure nothing
 * has changed. */
MUST_USE bool cl_trial_begin(
	struct cl_daemon *d, const struct cl_staging *s, uint32_t seconds, struct why *why);
/* False, too, when it has been taken back: it is not held any longer then. When the file cannot be
 * removed, nothing has changed. */
MUST_USE bool cl_trial_confirm(struct cl_daemon *d, struct why *why);

/* Whether that is what was taken back; why says when. */
bool cl_trial_refuses(struct cl_daemon *d, const struct cl_staging *s, struct why *why);
/* Before a staging that has been planned, and is not refused, is applied: if it has anything that
 * counts, nothing is held any longer. False: the file cannot be removed. */
MUST_USE bool cl_trial_gives_way(struct cl_daemon *d, const struct cl_staging *s, struct why *why);
/* Whether a client may load or unload that at once. On trial it may, and what it did is taken back
 * with the rest; afterwards what was taken back is refused, and other things end the hold. */
MUST_USE bool cl_trial_takes_piece(
	struct cl_daemon *d, struct bytes command, struct vici_view request, struct why *why);
/* Whether credentials may go for which nothing is named that comes instead: not as long as what was
 * taken back is held. */
MUST_USE bool cl_trial_lets_go(struct cl_daemon *d, const char *command, struct why *why);
/* That was applied: it is on trial like the rest. */
void cl_trial_applied(struct cl_daemon *d, const struct cl_staging *s);

/* Whether a key that is to be unloaded has to wait for the confirmation. id: in hex. */
bool cl_trial_keeps_key(struct cl_daemon *d, const char *id);
/* The same for all. */
void cl_trial_keep_keys(struct cl_daemon *d);
/* It is loaded again: the confirmation does not unload it. */
void cl_trial_wants_key(struct cl_daemon *d, const uint8_t id[IKE_KEY_ID_LENGTH]);
/* Whether something is on trial, or held. */
bool cl_trial_is(const struct cl_daemon *d);
bool cl_trial_is_pending(const struct cl_daemon *d);

#endif
