#include "charon-lite/pam.h"

#include "libbase/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

/* A module may write more; the line that counts is the last. */
#define ANSWER_MAX 4096
#define ORDERS_MAX (4 * (CL_PAM_TEXT_MAX + 1))

struct check {
	struct check *prev, *next;
	struct cl_pam *pam;
	uint64_t ticket;
	struct cl_process *process;
	size_t used;
	char answer[ANSWER_MAX + 1];
};

struct cl_pam {
	struct cl_pam_config config;
	struct cl_log *log;
	struct check *checks;
	unsigned count;
};

/* ---- Answers ---- */

static void check_free(struct check *c)
{
	DL_DELETE(c->pam->checks, c);
	c->pam->count--;
	free(c);
}

static void output(void *context, struct bytes data)
{
	struct check *c = context;
	size_t room = ANSWER_MAX - c->used;
	struct bytes fits = { data.at, data.length < room ? data.length : room };

	bytes_copy(c->answer + c->used, fits);
	c->used += fits.length;
}

/* NULL: the password is right. Whatever is not said clearly is a refusal. */
static const char *read_answer(struct check *c, bool timed_out)
{
	char *line;

	if (timed_out)
		return "PAM did not answer in time";
	if (c->used == 0 || c->answer[c->used - 1] != '\n')
		return "PAM could not be asked";
	c->answer[c->used - 1] = '\0';
	line = strrchr(c->answer, '\n');
	line = line ? line + 1 : c->answer;
	if (strcmp(line, "+") == 0)
		return NULL;
	return *line == '!' ? line + 1 : "PAM could not be asked";
}

static void ended(void *context, int status, bool timed_out)
{
	struct check *c = context;
	struct cl_pam *pam = c->pam;
	uint64_t ticket = c->ticket;
	const char *error = read_answer(c, timed_out);
	char text[256] = "";

	(void)status;
	if (error)
		snprintf(text, sizeof(text), "%s", error);
	check_free(c);
	pam->config.checked(pam->config.context, ticket, error ? text : NULL);
}

/* ---- Asking ---- */

static void put_text(struct writer *w, struct bytes text)
{
	if (text.length > CL_PAM_TEXT_MAX || (text.length && memchr(text.at, 0, text.length)))
		w->bad = true;
	writer_put(w, text);
	writer_u8(w, 0);
}

/* A descriptor that the orders can be read from, once; -1 when there is none. A pipe takes more
 * than ORDERS_MAX at once. */
static int orders(const char *service, bool trim, const struct ike_password_check *what)
{
	uint8_t room[ORDERS_MAX];
	struct writer w = writer_of(room, sizeof(room));
	size_t user = trim ? strcspn(what->user, "@") : strlen(what->user);
	char peer[ADDRESS_TEXT_MAX];
	int ends[2], ret = -1;

	put_text(&w, bytes_of_text(service));
	put_text(&w, bytes_of(what->user, user));
	put_text(&w, bytes_of_text(address_format(&what->remote, peer)));
	put_text(&w, what->password);
	if (!w.bad && pipe2(ends, O_CLOEXEC) == 0) {
		bool whole = write(ends[1], room, w.length) == (ssize_t)w.length;

		close(ends[1]);
		ret = ends[0];
		if (!whole) {
			close(ret);
			ret = -1;
		}
	}
	secret_wipe(room, sizeof(room));
	return ret;
}

static bool start(struct check *c, int input)
{
	char program[] = "/proc/self/exe", option[] = "--pam";
	char *own = c->pam->config.program ? (char *)c->pam->config.program : program;
	char *const arguments[] = { own, option, NULL };
	char place[256] = "PAM_DIRECTORY=";
	char *const environment[] = { c->pam->config.directory ? place : NULL, NULL };
	const struct cl_process_config config = {
		.arguments = arguments,
		.environment = environment,
		.input = input,
		.limit = c->pam->config.limit,
		.context = c,
		.output = output,
		.ended = ended,
	};
	struct why why;

	if (c->pam->config.directory)
		snprintf(place, sizeof(place), "PAM_DIRECTORY=%s", c->pam->config.directory);
	c->process = cl_process_start(c->pam->config.processes, &config, &why);
	if (!c->process)
		cl_log_text(c->pam->log, IKE_LOG_CFG, IKE_LOG_AUDIT,
			"PAM's process cannot be started: %s", why.text);
	return c->process != NULL;
}

bool cl_pam_ask(struct cl_pam *pam, const char *service, bool trim,
	const struct ike_password_check *what, uint64_t ticket)
{
	struct check *c;
	int input;

	if (pam->count >= CL_PAM_AT_ONCE || !(c = calloc(1, sizeof(*c))))
		return false;
	c->pam = pam;
	c->ticket = ticket;
	DL_APPEND(pam->checks, c);
	pam->count++;
	input = orders(service, trim, what);
	bool started = input >= 0 && start(c, input);
	if (input >= 0)
		close(input);
	if (!started)
		check_free(c);
	return started;
}

/* ---- Opening and closing ---- */

bool cl_pam_open(const struct cl_pam_config *config, struct cl_log *log, struct cl_pam **ret,
	struct why *why)
{
	struct cl_pam *pam = calloc(1, sizeof(*pam));

	if (!pam)
		return why_fail(why, "no memory to ask PAM");
	pam->config = *config;
	pam->log = log;
	*ret = pam;
	return true;
}

void cl_pam_close(struct cl_pam *pam)
{
	if (!pam)
		return;
	while (pam->checks) {
		cl_process_kill(pam->checks->process);
		check_free(pam->checks);
	}
	free(pam);
}
