/* What a configuration names outside of itself: updown scripts. */
#include "swanctl-lite/check.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

/* Of a command that is given to a shell: the program, if it is a path from the root and nothing
 * that the shell makes something else of. */
static bool program_of(const char *command, char ret[PATH_MAX])
{
	command += strspn(command, " \t");
	size_t length = strcspn(command, " \t\n;|&<>");

	if (*command != '/' || length >= PATH_MAX || strcspn(command, "'\"\\$`*?[]{}()~") < length)
		return false;
	memcpy(ret, command, length);
	ret[length] = '\0';
	return true;
}

static void check_script(struct check *k, const struct settings_section *child)
{
	const char *command = check_value(child, "updown");
	char program[PATH_MAX];
	struct stat st;

	if (!command || !program_of(command, program))
		return;
	const struct settings_place *place = check_place(child, "updown");
	if (stat(program, &st) < 0) {
		if (errno != EACCES) /* the daemon may look where we may not */
			check_say(k, CHECK_UPDOWN, place, "updown of '%s': %s: %s", child->name,
				program, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		check_say(k, CHECK_UPDOWN, place, "updown of '%s': %s is no file", child->name,
			program);
	} else if (!(st.st_mode & 0111)) {
		check_say(k, CHECK_UPDOWN, place, "updown of '%s': %s is not executable",
			child->name, program);
	}
}

void check_scripts(struct check *k)
{
	for (const struct settings_section *c = check_sections(k, "connections"); c; c = c->next) {
		const struct settings_section *children = settings_child(c, "children");

		if (!children)
			continue;
		SETTINGS_SECTIONS(child, children)
		check_script(k, child);
	}
}
