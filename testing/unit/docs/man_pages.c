/* The manual pages swanctl.conf(5) and charon-lite.conf(5). */
#include "testing/unit/docs/pages.h"

#include "charon-lite/settings_known.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* Lines of troff must not begin with a dot or a quote; hyphens are to be typed as they are. */
static void print_character(FILE *file, char c, bool *line_begins)
{
	if (*line_begins && (c == '.' || c == '\''))
		fputs("\\&", file);
	*line_begins = c == '\n';
	if (c == '\\')
		fputs("\\e", file);
	else if (c == '-')
		fputs("\\-", file);
	else
		fputc(c, file);
}

/* A note as the pages of Markdown have it: `code` in bold, links without their addresses. */
static void print_text(FILE *file, const char *text)
{
	bool line_begins = true, bold = false;
	size_t length = strlen(text);

	for (const char *c = text; *c; c++) {
		const char *link = *c == ']' && c[1] == '(' ? strchr(c, ')') : NULL;

		if (*c == '`') {
			fputs(bold ? "\\fR" : "\\fB", file);
			bold = !bold;
		} else if (link) {
			c = link;
		} else if (*c != '[' || !strstr(c, "](")) {
			print_character(file, *c, &line_begins);
		}
	}
	if (length == 0 || text[length - 1] != '\n')
		fputc('\n', file);
}

/* As a sentence of its own. */
static void print_sentence(FILE *file, const char *text)
{
	size_t length = strlen(text);
	char *copy = malloc(length + 2);

	if (!copy)
		abort();
	memcpy(copy, text, length + 1);
	copy[0] = (char)toupper((unsigned char)copy[0]);
	if (length > 0 && text[length - 1] != '.')
		memcpy(copy + length, ".", 2);
	print_text(file, copy);
	free(copy);
}

static void print_default(FILE *file, const char *value)
{
	bool line_begins = false;

	fputs("Default: \\fB", file);
	for (; *value; value++)
		print_character(file, *value, &line_begins);
	fputs("\\fR.\n", file);
}

static void print_title(FILE *file, const char *name, const char *what)
{
	fprintf(file,
		".\\\" Printed by build/testing/unit/docs/keys-page out of the code's tables\n"
		".Dd November 28, 2026\n.Dt %s 5\n.Os\n.Sh NAME\n",
		name);
	fputs(what, file);
}

/* ---- swanctl.conf ---- */

static const char *const forms[] = {
	[VICI_FORM_TEXT] = "text",
	[VICI_FORM_BOOL] = "yes | no",
	[VICI_FORM_NUMBER] = "number",
	[VICI_FORM_TIME] = "time",
	[VICI_FORM_AMOUNT] = "amount",
	[VICI_FORM_ACTION] = "none | trap | start | trap|start",
	[VICI_FORM_MARK] = "mark[/mask] | %unique | %unique-dir | %same",
	[VICI_FORM_IF_ID] = "number | %unique | %unique-dir",
	[VICI_FORM_LIST] = "list",
	[VICI_FORM_PROPOSALS] = "list of proposals",
	[VICI_FORM_SELECTORS] = "list of selectors",
	[VICI_FORM_FILES] = "list of files",
	[VICI_FORM_FILE] = "file",
};

const struct key_text *key_text_of(enum vici_place place, const char *key)
{
	for (const struct key_text *text = key_texts; text->key; text++)
		if (text->place == place && strcmp(text->key, key) == 0)
			return text;
	return NULL;
}

static void print_form(FILE *file, const struct vici_key *key)
{
	bool line_begins = false;

	fputs(" = \\fI", file);
	if (key->form == VICI_FORM_WORD)
		for (const char *const *word = key->words; *word; word++)
			fprintf(file, "%s%s", word == key->words ? "" : " | ", *word);
	else
		for (const char *c = forms[key->form]; *c; c++)
			print_character(file, *c, &line_begins);
	fputs("\\fR\n", file);
}

static void print_key(FILE *file, enum vici_place place, const struct vici_key *key)
{
	const struct key_text *text = key_text_of(place, key->name);
	char *notes = NULL;
	size_t size;
	FILE *stream = open_memstream(&notes, &size);
	const char *fate = print_key_notes(stream, place, key->name);

	fclose(stream);
	fprintf(file, ".It \\fB%s%s\\fR", key->name, key->prefix ? "\\fR[\\fIsuffix\\fR]" : "");
	print_form(file, key);
	if (text && *text->text)
		print_text(file, text->text);
	if (text && *text->otherwise)
		print_default(file, text->otherwise);
	if (strcmp(fate, "honoured") != 0)
		fprintf(file, "\\fBHere: %s.\\fR\n", fate);
	if (*notes)
		print_sentence(file, notes);
	free(notes);
}

static const char swanctl_begin[] =
	".Nm swanctl.conf\n"
	".Nd connections, secrets, pools and authorities of charon\\-lite\n"
	".Sh SYNOPSIS\n"
	".Pa /etc/swanctl/swanctl.conf\n"
	".Sh DESCRIPTION\n"
	"What\n.Xr swanctl\\-lite 8\nreads and tells\n.Xr charon\\-lite 8 .\n"
	"Its keys are those of strongSwan 6.0.1's file of that name, and a few of our own, which "
	"are marked so.\n"
	"Here is what this daemon does with each of them; one that it does not have, or a value "
	"that it cannot\ntake, keeps the connection from being loaded, and the reason is "
	"said.\n"
	".Pp\n"
	"A file is made of sections and keys:\n"
	".Bd -literal -offset indent\n"
	"connections {\n"
	"    site {                      # any name\n"
	"        remote_addrs = vpn.example.org\n"
	"        local { auth = psk\n            id = gw-a }\n"
	"        remote { auth = psk\n            id = gw-b }\n"
	"        children {\n"
	"            lan {               # any name\n"
	"                local_ts = 10.1.0.0/16\n"
	"                remote_ts = 10.2.0.0/16\n"
	"                start_action = trap\n"
	"            }\n"
	"        }\n"
	"    }\n"
	"}\n"
	"secrets {\n"
	"    ike-site { id = gw-a\n        secret = 0sTHE-BASE64 }\n"
	"}\n"
	"include conf.d/*.conf\n"
	".Ed\n"
	".Pp\n"
	"Names and values go to the end of the line; what has blanks at its ends or a # in it is "
	"put in double\nquotes. A section may take over what others have:\n"
	".Ql site : base { ... } .\n"
	"\\&# begins a comment.\n"
	"Times are seconds, or have s, m, h or d behind them; amounts are bytes, or have k, m or "
	"g.\nIn lists there are commas between values.\n"
	".Ql swanctl\\-lite \\-\\-load\\-all\n"
	"makes a changed file hold.\n";

static const char swanctl_end[] =
	".Sh FILES\n"
	".Bl -tag -width indent -compact\n"
	".It Pa /etc/swanctl/swanctl.conf\n"
	"The file; mode 0600, as secrets are in it.\n"
	".It Pa /etc/swanctl/conf.d/*.conf\n"
	"Read by it, as it comes.\n"
	".It Pa /etc/swanctl/x509 , x509ca , x509ocsp , x509aa , x509ac , x509crl , pubkey\n"
	"Certificates, CRLs and public keys.\n"
	".It Pa /etc/swanctl/private , rsa , ecdsa , pkcs8 , pkcs12\n"
	"Private keys; mode 0700.\n"
	".El\n"
	".Sh SEE ALSO\n"
	".Xr charon\\-lite.conf 5 ,\n.Xr charon\\-lite 8 ,\n.Xr swanctl\\-lite 8\n";

void print_swanctl_man(FILE *file)
{
	const struct vici_key *key;

	print_title(file, "SWANCTL.CONF", swanctl_begin);
	for (unsigned place = 0; place < VICI_PLACES; place++) {
		fputs(".Sh ", file);
		for (const char *c = vici_place_name((enum vici_place)place); *c; c++)
			fputc(toupper((unsigned char)*c), file);
		fputc('\n', file);
		if (place_notes[place])
			print_text(file, place_notes[place]);
		fputs(".Bl -tag -width indent\n", file);
		for (size_t i = 0; (key = vici_key_at((enum vici_place)place, i)); i++)
			print_key(file, (enum vici_place)place, key);
		fputs(".El\n", file);
	}
	fputs(swanctl_end, file);
}

/* ---- charon-lite.conf ---- */

const struct setting_text *setting_text_of(const char *pattern)
{
	for (const struct setting_text *text = setting_texts; text->pattern; text++)
		if (strcmp(text->pattern, pattern) == 0)
			return text;
	return NULL;
}

static const char settings_begin[] =
	".Nm charon\\-lite.conf\n"
	".Nd settings of charon\\-lite\n"
	".Sh SYNOPSIS\n"
	".Pa /etc/strongswan.conf\n"
	".Pp\n"
	".Pa /etc/strongswan.d/charon\\-lite.conf\n"
	".Sh DESCRIPTION\n"
	".Xr charon\\-lite 8\n"
	"reads the file that the environment variable\n.Ev STRONGSWAN_CONF\nnames, or\n"
	".Pa /etc/strongswan.conf ,\n"
	"which strongSwan's packages bring and which includes the files in\n"
	".Pa /etc/strongswan.d ;\n"
	"where it is missing,\n.Pa /etc/strongswan.d/charon\\-lite.conf\nalone.\n"
	"The syntax is that of\n.Xr swanctl.conf 5 .\n"
	"The sections\n.Ic charon , charon\\-systemd\nand\n.Ic charon\\-lite\n"
	"are read as one; where they disagree the later one of these three wins:\n"
	".Bd -literal -offset indent\n"
	"charon-lite {\n"
	"    retransmit_tries = 3\n"
	"    plugins {\n"
	"        eap-radius { server = 192.0.2.10\n            secret = \"...\" }\n"
	"    }\n"
	"}\n"
	".Ed\n"
	".Pp\n"
	".Ql systemctl reload charon\\-lite\n"
	"makes changes hold, but for those that are said to be read at the start.\n"
	"A value that makes no sense keeps the daemon from starting; at a reload the settings "
	"stay as they were.\n"
	"\\&* stands for any text.\n"
	".Sh SETTINGS\n";

static void print_setting(FILE *file, const struct cl_setting *s)
{
	const struct setting_text *text = setting_text_of(s->pattern);

	fputs(".It \\fB", file);
	bool line_begins = false;
	for (const char *c = s->pattern; *c; c++)
		print_character(file, *c, &line_begins);
	fputs("\\fR\n", file);
	if (text)
		print_text(file, text->text);
	if (text && *text->otherwise)
		print_default(file, text->otherwise);
	if (s->note)
		print_sentence(file, s->note);
}

static void print_rest(
	FILE *file, const char *title, const char *text, enum cl_setting_effect effect)
{
	const char *between = "";
	bool line_begins = false;

	fprintf(file, ".Sh %s\n%s\n.Pp\n", title, text);
	for (const struct cl_setting *s = cl_settings_table; s->pattern; s++) {
		if (s->effect != effect)
			continue;
		fputs(between, file);
		for (const char *c = s->pattern; *c; c++)
			print_character(file, *c, &line_begins);
		if (effect == CL_SETTING_ONLY)
			fprintf(file, " = %s", s->value);
		between = ",\n";
	}
	fputs(".\n", file);
}

void print_settings_man(FILE *file)
{
	print_title(file, "CHARON-LITE.CONF", settings_begin);
	fputs(".Bl -tag -width indent\n", file);
	for (const struct cl_setting *s = cl_settings_table; s->pattern; s++)
		if (s->effect == CL_SETTING_HONOURED)
			print_setting(file, s);
	fputs(".El\n", file);
	print_rest(file, "SETTINGS WITH ONE VALUE",
		"This value is what is done anyway; with another one the log says that it has no "
		"effect.",
		CL_SETTING_ONLY);
	print_rest(file, "NEEDLESS SETTINGS",
		"These are about strongSwan's own build, and taken in silence.",
		CL_SETTING_NEEDLESS);
	print_rest(file, "SETTINGS WITHOUT EFFECT",
		"The log names file and line of these, and of what is in no table here.",
		CL_SETTING_NO_EFFECT);
	fputs(".Sh SEE ALSO\n.Xr swanctl.conf 5 ,\n.Xr charon\\-lite 8 ,\n.Xr swanctl\\-lite 8\n",
		file);
}
