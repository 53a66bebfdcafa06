/*
 * What the rest of the engine tells the supervisor. It only sets timers and installs traps; nothing
 * is started or ended before ike_wish_look().
 */
#ifndef LIBIKE_SUPERVISOR_H
#define LIBIKE_SUPERVISOR_H

#include "libike/wishes.h"

/* The timer has come, or a definition was loaded: what is wanted against what is there. */
void ike_wish_look(struct ike_engine *e, struct ike_wish *wish);

/* ---- Definitions ---- */

/* start_action becomes wishes; those of an older version that the new one does not have end. */
void ike_supervise_loaded(struct ike_engine *e, struct ike_connection *c);
/* The same once more: what somebody had to set right (a secret, a certificate, the peer) may be. */
void ike_supervise_loaded_again(struct ike_engine *e, const struct ike_connection *c);
/* Another version takes its place (loaded next): its traps go. */
void ike_supervise_replaced(struct ike_engine *e, const struct ike_connection *c);
/* Nothing of it is wanted any more: its traps go. The name is not loaded now. */
void ike_supervise_unloaded(struct ike_engine *e, const struct ike_connection *c);
/* ---- withdraw.c ---- */
/* What start_action of the old version brought up, and the new one (NULL: there is none) would not,
 * ends: children, and IKE SAs that have no others. So do attempts of an unloaded one, whoever asked
 * for them. To be called when the new one's wishes are there. */
void ike_withdraw(
	struct ike_engine *e, const struct ike_connection *old, const struct ike_connection *new);

/* The engine shuts down. */
void ike_supervise_nothing(struct ike_engine *e);

/* ---- Children ---- */

void ike_supervise_up(struct ike_engine *e, const struct ike_child *child);
/* An attempt of ours failed; the child was never up. */
void ike_supervise_failed(
	struct ike_engine *e, const struct ike_child *child, enum ike_reason reason);
/* A child that was up ends; its policies are in the kernel still. */
void ike_supervise_ended(
	struct ike_engine *e, const struct ike_child *child, enum ike_reason reason);

/* ---- Commands ---- */

/* The operator ends them: ike or child may be NULL. Returns how many of them were not up. */
size_t ike_supervise_terminated(struct ike_engine *e, const char *ike, const char *child);
void ike_supervise_uninstalled(struct ike_engine *e, const char *ike, const char *child);

/* A name has an address: traps that waited for it can be installed. */
void ike_supervise_named(struct ike_engine *e);

/* ---- twins.c ---- */

struct ike_child_selectors;

/* Ends one twin of a wanted child when it is time to; when to look again, IKE_NEVER when there are
 * none. */
ike_time ike_twins_reduce(struct ike_engine *e, struct ike_wish *wish);
/* Responder: whether a new IKE SA is but the peer's answer to our ending a twin. */
bool ike_twins_refuse_sa(
	struct ike_engine *e, const struct ike_site *site, const struct ike_sa *sa);
/* Initiator of a child: the peer's request for the same crossed ours, and both were refused. */
bool ike_twins_ask_again(const struct ike_sa *sa, struct ike_task *task, bool refused);
/* Initiator of a child: the peer's own, that it was let have meanwhile; NULL when there is none. */
const struct ike_child *ike_twins_made_by_peer(
	const struct ike_sa *sa, const struct ike_task *task);
/* Responder: whether a new child is just being made by us, and the peer has to take that one. */
bool ike_twins_refuse_crossing(
	struct ike_engine *e, const struct ike_sa *sa, const struct ike_child_config *config);
/* Responder: whether a new child would be a twin of one in the same IKE SA, or of one that is being
 * made by us. */
bool ike_twins_refuse_child(struct ike_engine *e, const struct ike_sa *sa,
	const struct ike_child_config *config, const struct ike_child_selectors *selectors);

/* Responder: whether a child of that definition, with just those selectors, is up. */
bool ike_twins_is_there(const struct ike_sa *sa, const struct ike_child_config *config,
	const struct ike_child_selectors *selectors);
bool ike_child_has_selectors(
	const struct ike_child *child, const struct ike_child_selectors *selectors);

/* Something changed for the better, maybe: what waits for another try tries soon. */
void ike_supervise_hurry(struct ike_engine *e);

#endif
