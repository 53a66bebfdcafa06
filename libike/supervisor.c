/*
 * What the peer definitions want to be so: start_action.
 */
#include "libike/engine_priv.h"

void ike_supervise_loaded(struct ike_engine *e, struct ike_connection *c)
{
	struct why why;

	for (size_t i = 0; i < c->child_count; i++) {
		const struct ike_child_config *config = c->children[i];
		struct ike_initiate what = { 0 };

		if ((config->start_action & IKE_ACTION_TRAP) &&
			!ike_trap_install(e, c, config, &why))
			ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT, "start_action of '%s': %s",
				config->name, why.text);
		if ((config->start_action & IKE_ACTION_START) &&
			!ike_initiate(e, c, config, &what, NULL, &why))
			ike_log(e, NULL, IKE_LOG_CFG, IKE_LOG_AUDIT, "start_action of '%s': %s",
				config->name, why.text);
	}
}

void ike_supervise_unloaded(struct ike_engine *e, const struct ike_connection *c)
{
	struct ike_trap *trap, *next;

	for (trap = e->traps; trap; trap = next) {
		next = trap->next;
		if (trap->connection == c)
			ike_trap_remove(e, trap);
	}
}
