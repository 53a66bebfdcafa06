/* Commands that wait for SAs: one answer each, when the last SA that they wait for has finished. */
#include "libike/engine_priv.h"

#include <stdlib.h>

struct ike_command {
	UT_hash_handle by_ticket;
	uint64_t ticket;
	uint32_t pending;
	bool failed;
	char *text;
};

static struct ike_command *command_find(struct ike_engine *e, uint64_t ticket)
{
	struct ike_command *command;

	HASH_FIND(by_ticket, e->commands, &ticket, sizeof(ticket), command);
	return command;
}

bool ike_command_expect(struct ike_engine *e, uint64_t ticket)
{
	struct ike_command *command = ticket ? command_find(e, ticket) : NULL;

	if (!ticket)
		return true;
	if (!command) {
		command = calloc(1, sizeof(*command));
		if (!command)
			return false;
		command->ticket = ticket;
		HASH_ADD(by_ticket, e->commands, ticket, sizeof(command->ticket), command);
		if (!command->by_ticket.tbl) {
			free(command);
			return false;
		}
	}
	command->pending++;
	return true;
}

static void command_free(struct ike_engine *e, struct ike_command *command)
{
	HASH_DELETE(by_ticket, e->commands, command);
	free(command->text);
	free(command);
}

void ike_command_cancel(struct ike_engine *e, uint64_t ticket)
{
	struct ike_command *command = ticket ? command_find(e, ticket) : NULL;

	if (command && --command->pending == 0)
		command_free(e, command);
}

void ike_command_finish(struct ike_engine *e, uint64_t ticket, bool done, const char *text)
{
	struct ike_command *command = ticket ? command_find(e, ticket) : NULL;

	if (!command)
		return;
	if (!done && !command->failed) {
		command->failed = true;
		command->text = text ? strdup(text) : NULL;
	}
	if (--command->pending > 0)
		return;
	e->host.command_done(
		e->host.context, ticket, !command->failed, command->text ? command->text : "");
	command_free(e, command);
}

void ike_commands_free(struct ike_engine *e)
{
	struct ike_command *command, *next;

	HASH_ITER(by_ticket, e->commands, command, next)
	command_free(e, command);
}
