/* The process that asks PAM about one password. */
#include "charon-lite/confinement.h"
#include "charon-lite/pam.h"
#include "charon-lite/privileges.h"
#include "libbase/secret.h"

#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct orders {
	char room[4 * (CL_PAM_TEXT_MAX + 1) + 1];
	const char *service, *user, *peer, *password;
};

static int refuse(const char *what)
{
	printf("!%s\n", what);
	return EXIT_FAILURE;
}

static bool read_orders(struct orders *o)
{
	const char **fields[] = { &o->service, &o->user, &o->peer, &o->password };
	size_t used = 0, at = 0;
	ssize_t got;

	while (used < sizeof(o->room) - 1 &&
		(got = read(STDIN_FILENO, o->room + used, sizeof(o->room) - 1 - used)) > 0)
		used += (size_t)got;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const char *end = memchr(o->room + at, 0, used - at);

		if (!end)
			return false;
		*fields[i] = o->room + at;
		at = (size_t)(end - o->room) + 1;
	}
	return at == used && *o->service && *o->user;
}

static void free_answers(struct pam_response *answers, int count)
{
	for (int i = 0; i < count; i++)
		free(answers[i].resp);
	free(answers);
}

/* Whatever a module asks for without echo is the password. */
static int converse(
	int count, const struct pam_message **messages, struct pam_response **ret, void *context)
{
	const struct orders *o = context;
	struct pam_response *answers;

	if (count <= 0 || count > PAM_MAX_NUM_MSG ||
		!(answers = calloc((size_t)count, sizeof(*answers))))
		return PAM_CONV_ERR;
	for (int i = 0; i < count; i++) {
		const char *text = messages[i]->msg_style == PAM_PROMPT_ECHO_OFF  ? o->password
				   : messages[i]->msg_style == PAM_PROMPT_ECHO_ON ? o->user
										  : NULL;

		if (text && !(answers[i].resp = strdup(text))) {
			free_answers(answers, i);
			return PAM_BUF_ERR;
		}
	}
	*ret = answers;
	return PAM_SUCCESS;
}

static int ask(struct orders *o)
{
	const struct pam_conv conversation = { converse, o };
	pam_handle_t *pam = NULL;
	char text[256] = "";
	int code = pam_start_confdir(
		o->service, o->user, &conversation, getenv("PAM_DIRECTORY"), &pam);

	if (code == PAM_SUCCESS)
		code = pam_set_item(pam, PAM_RHOST, o->peer);
	if (code == PAM_SUCCESS)
		code = pam_authenticate(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(pam, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
	snprintf(text, sizeof(text), "%s", pam_strerror(pam, code));
	if (pam)
		(void)pam_end(pam, code);
	if (code != PAM_SUCCESS)
		return refuse(text);
	puts("+");
	return EXIT_SUCCESS;
}

int cl_pam_main(void)
{
	static struct orders orders;
	struct why why;
	int status;

	cl_confine_lifetime();
	(void)cl_confine_memory(&why);
	if (!cl_privileges_drop(false, &why))
		return refuse(why.text);
	status = read_orders(&orders) ? ask(&orders) : refuse("no orders");
	secret_wipe(&orders, sizeof(orders));
	return status;
}
