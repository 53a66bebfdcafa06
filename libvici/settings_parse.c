/* The syntax of settings files: characters to the tree as written, and includes. */
#include "libbase/secret.h"
#include "libvici/settings_tree.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((off_t)64 * 1024 * 1024)

/* One file being read. */
struct source {
	struct settings *s;
	struct why *why;
	struct reader in;
	const char *file;
	unsigned line;
	unsigned includes; /* files around this one */
	bool files_allowed;
	char *word; /* the token being read; grows, is wiped */
	size_t length, capacity;
};

static bool section_body(struct source *source, struct settings_section *section, unsigned depth);

static struct settings_place place_here(const struct source *source)
{
	return (struct settings_place){ source->file, source->line };
}

PRINTF_LIKE(2, 3) static bool source_fail(struct source *source, const char *format, ...)
{
	struct settings_place place = place_here(source);
	char text[300];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	return settings_fail(&place, source->why, "%s", text);
}

/* The next character, or -1 at the end. */
static int peek(const struct source *source)
{
	return reader_more(&source->in) ? source->in.at[0] : -1;
}

static int take(struct source *source)
{
	int c = peek(source);

	if (c >= 0)
		reader_u8(&source->in);
	if (c == '\n')
		source->line++;
	return c;
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name(int c)
{
	return c > ' ' && c != 127 && !strchr(".,:{}=\"#", c);
}

static void skip_comment(struct source *source)
{
	while (peek(source) >= 0 && peek(source) != '\n')
		take(source);
}

/* Blanks, comments and ends of lines. */
static void skip_space(struct source *source)
{
	for (;;) {
		int c = peek(source);

		if (c == '#')
			skip_comment(source);
		else if (is_blank(c) || c == '\n')
			take(source);
		else
			return;
	}
}

static void skip_blanks(struct source *source)
{
	while (is_blank(peek(source)))
		take(source);
}

static bool word_add(struct source *source, int c)
{
	if (source->length + 1 >= source->capacity) {
		size_t capacity = source->capacity ? source->capacity * 2 : 128;
		char *word = malloc(capacity);

		if (!word)
			return source_fail(source, "out of memory");
		if (source->word) {
			memcpy(word, source->word, source->length);
			secret_wipe(source->word, source->capacity);
			free(source->word);
		}
		source->word = word;
		source->capacity = capacity;
	}
	if (c == 0)
		return source_fail(source, "a zero byte; this is not a text file");
	source->word[source->length++] = (char)c;
	source->word[source->length] = '\0';
	return true;
}

static const char *describe(int c, char ret[16])
{
	if (c < 0)
		return "the end of the file";
	if (c == '\n')
		return "the end of the line";
	snprintf(ret, 16, isprint(c) ? "'%c'" : "byte 0x%02x", c);
	return ret;
}

/* A name into source->word. */
static bool take_name(struct source *source, const char *wanted)
{
	char found[16];

	source->length = 0;
	while (is_name(peek(source)))
		if (!word_add(source, take(source)))
			return false;
	return source->length > 0 || source_fail(source, "found %s where %s should be",
					     describe(peek(source), found), wanted);
}

/* The rest of a "quoted string", behind its opening quote, appended to source->word. */
static bool take_string(struct source *source)
{
	static const char escapes[] = "n\nt\tr\rb\bf\f";
	unsigned began = source->line;

	for (;;) {
		int c = take(source);

		if (c == '"')
			return true;
		if (c == '\\') {
			c = take(source);
			if (c == '\n')
				continue; /* the string goes on in the next line */
			for (const char *e = escapes; *e && c > 0; e += 2)
				if (c == e[0]) {
					c = e[1];
					break;
				}
		}
		if (c < 0) {
			source->line = began;
			return source_fail(
				source, "a string that begins here has no closing quote");
		}
		if (!word_add(source, c))
			return false;
	}
}

/* A value into source->word: words and strings up to the end of the line, one blank between them.
 * *ret_empty when there was nothing at all. */
static bool take_value(struct source *source, bool *ret_empty)
{
	bool any = false;

	source->length = 0;
	for (;;) {
		skip_blanks(source);
		int c = peek(source);
		if (c < 0 || c == '\n' || c == '#' || c == '}')
			break;
		if (any && !word_add(source, ' '))
			return false;
		any = true;
		if (c == '"') {
			take(source);
			if (!take_string(source))
				return false;
			continue;
		}
		for (; c >= 0 && !is_blank(c) && !strchr("\n#}\"", c); c = peek(source))
			if (!word_add(source, take(source)))
				return false;
		if (c == 0)
			return source_fail(source, "a zero byte; this is not a text file");
	}
	*ret_empty = !any;
	return true;
}

static const char *word_text(const struct source *source)
{
	return source->length > 0 ? source->word : "";
}

static bool add_reference(struct source *source, struct settings_node *node)
{
	struct settings_reference **link = &node->references;
	struct settings_reference *reference = calloc(1, sizeof(*reference));

	while (*link)
		link = &(*link)->next;
	if (!reference || !(reference->path = strdup(word_text(source)))) {
		free(reference);
		return source_fail(source, "out of memory");
	}
	reference->place = place_here(source);
	source->s->has_references = true;
	*link = reference;
	return true;
}

/* "base, other.base" behind the colon, up to the opening brace. */
static bool take_references(struct source *source, struct settings_node *node)
{
	for (;;) {
		skip_space(source);
		if (!take_name(source, "the name of a section to inherit from"))
			return false;
		while (peek(source) == '.') {
			if (!word_add(source, take(source)))
				return false;
			if (!is_name(peek(source)))
				return source_fail(source, "a section name should follow '%s'",
					word_text(source));
			while (is_name(peek(source)))
				if (!word_add(source, take(source)))
					return false;
		}
		if (!add_reference(source, node))
			return false;
		skip_space(source);
		if (peek(source) != ',')
			return true;
		take(source);
	}
}

static bool file_read(const char *path, struct secret *ret, struct why *why);
static bool read_text(struct settings *s, struct settings_section *section, struct bytes text,
	const char *name, bool files_allowed, unsigned includes, unsigned depth, struct why *why);

/* What an include pattern stands for: relative to the directory of this file. */
static char *include_pattern(const struct source *source)
{
	const char *slash = strrchr(source->file, '/');
	char *pattern;

	if (source->word[0] == '/' || !slash)
		return strdup(source->word);
	if (asprintf(&pattern, "%.*s/%s", (int)(slash - source->file), source->file, source->word) <
		0)
		return NULL;
	return pattern;
}

/* Nothing that an include names, or fails to, keeps the rest from being read: it is passed over
 * with a warning, as strongSwan does. A file that is read must be right. */
static bool include_file(
	struct source *source, struct settings_section *section, unsigned depth, const char *path)
{
	struct settings_place place = place_here(source);
	struct why why = { "" };
	AUTO_SECRET text = { 0 };

	if (file_read(path, &text, &why))
		return read_text(source->s, section, secret_bytes(&text), path, true,
			source->includes + 1, depth, source->why);
	settings_note(
		source->s, SETTINGS_REMARK_UNREADABLE, &place, "include passed over: %s", why.text);
	return true;
}

static bool include_files(struct source *source, struct settings_section *section, unsigned depth,
	const char *pattern)
{
	struct settings_place place = place_here(source);
	glob_t found = { 0 };
	int rc = glob(pattern, GLOB_ERR, NULL, &found);
	bool ok = true;

	if (rc == GLOB_ABORTED) {
		settings_note(source->s, SETTINGS_REMARK_UNREADABLE, &place,
			"include %s: a directory cannot be read", pattern);
		globfree(&found);
		rc = glob(pattern, 0, NULL, &found);
	} else if (rc == GLOB_NOMATCH && !strpbrk(pattern, "*?[")) {
		settings_note(source->s, SETTINGS_REMARK_UNREADABLE, &place,
			"include %s: there is no such file", pattern);
	} else if (rc == GLOB_NOMATCH) {
		settings_note(source->s, SETTINGS_REMARK_EMPTY, &place,
			"include %s: no file matches", pattern);
	}
	if (rc != 0 && rc != GLOB_NOMATCH)
		ok = source_fail(source, "include %s: out of memory", pattern);
	for (size_t i = 0; rc == 0 && ok && i < found.gl_pathc; i++)
		ok = include_file(source, section, depth, found.gl_pathv[i]);
	globfree(&found);
	return ok;
}

/* "include" was read; its pattern is next. */
static bool take_include(struct source *source, struct settings_section *section, unsigned depth)
{
	source->length = 0;
	if (peek(source) == '"') {
		take(source);
		if (!take_string(source))
			return false;
	} else {
		for (int c = peek(source); c > 0 && !is_blank(c) && !strchr("\n#{}\"", c);
			c = peek(source))
			if (!word_add(source, take(source)))
				return false;
	}
	if (source->length == 0)
		return source_fail(source, "include without a file name");
	if (!source->files_allowed)
		return source_fail(source, "include is not possible here");
	if (source->includes == SETTINGS_INCLUDE_MAX)
		return source_fail(
			source, "more than %d files include each other", SETTINGS_INCLUDE_MAX);
	char *pattern = include_pattern(source);
	if (!pattern)
		return source_fail(source, "out of memory");
	bool ok = include_files(source, section, depth, pattern);
	free(pattern);
	return ok;
}

/* Behind a name and blanks: is this really an include, not a key or section of that name? */
static bool at_include(const struct source *source, bool blank_follows)
{
	int c = peek(source);

	return blank_follows && strcmp(word_text(source), "include") == 0 && c >= 0 &&
	       !strchr("=:{\n", c);
}

static bool take_section(struct source *source, struct settings_section *parent, const char *name,
	struct settings_place place, unsigned depth)
{
	struct why why;
	struct settings_node *node = settings_node_find(parent, bytes_of_text(name));

	/* Top sections are often written in parts. */
	if (node && parent->parent && node->section.place.file == place.file)
		settings_note(source->s, SETTINGS_REMARK_SECTION_AGAIN, &place,
			"section '%s' began in line %u already: this extends it", name,
			node->section.place.line);
	node = settings_tree_section(&source->s->written, parent, bytes_of_text(name), place, &why);
	if (!node)
		return source_fail(source, "%s", why.text);
	if (peek(source) == ':') {
		char found[16];

		take(source);
		if (!take_references(source, node))
			return false;
		if (peek(source) != '{')
			return source_fail(source, "found %s where '{' should begin section '%s'",
				describe(peek(source), found), name);
	}
	take(source);
	if (depth == SETTINGS_DEPTH_MAX)
		return source_fail(source, "sections nested too deeply");
	if (!section_body(source, &node->section, depth + 1))
		return false;
	if (peek(source) != '}') {
		source->line = place.line;
		return source_fail(
			source, "section '%s' that begins here is not closed with '}'", name);
	}
	take(source);
	return true;
}

static bool take_key(struct source *source, struct settings_section *section, const char *name,
	struct settings_place place)
{
	struct why why;
	bool empty = false;

	take(source);
	if (!take_value(source, &empty))
		return false;
	const struct settings_key *before = settings_key_find(section, bytes_of_text(name));
	if (before && before->value && before->place.file == place.file)
		settings_note(source->s, SETTINGS_REMARK_KEY_AGAIN, &place,
			"%s stands in line %u already: that value is replaced", name,
			before->place.line);
	return settings_tree_set(&source->s->written, section, bytes_of_text(name),
		       empty ? NULL : word_text(source), place, &why) ||
	       source_fail(source, "%s", why.text);
}

/* A name was read: the key or section that it begins. */
static bool take_named(
	struct source *source, struct settings_section *section, char *name, unsigned depth)
{
	struct settings_place place = place_here(source);
	char found[16];

	skip_space(source);
	switch (peek(source)) {
	case '=':
		return take_key(source, section, name, place);
	case ':':
	case '{':
		return take_section(source, section, name, place, depth);
	case '.':
		return source_fail(source, "a name cannot contain '.' (behind '%s')", name);
	default:
		describe(peek(source), found);
		source->line = place.line;
		return source_fail(source, "'%s' should be followed by '= value' or '{', not by %s",
			name, peek(source) < 0 ? "the end of the file" : found);
	}
}

/* Keys, sections and includes up to a closing brace (not taken) or the end. */
static bool section_body(struct source *source, struct settings_section *section, unsigned depth)
{
	for (skip_space(source); peek(source) >= 0 && peek(source) != '}'; skip_space(source)) {
		if (!take_name(source, "a key or a section"))
			return false;
		bool blank = is_blank(peek(source));
		skip_blanks(source);
		if (at_include(source, blank)) {
			if (!take_include(source, section, depth))
				return false;
			continue;
		}
		char *name = strdup(word_text(source));
		bool ok = name ? take_named(source, section, name, depth)
			       : source_fail(source, "out of memory");
		free(name);
		if (!ok)
			return false;
	}
	return true;
}

static const char *keep_file_name(struct settings *s, const char *name)
{
	size_t size = strlen(name) + 1;
	struct settings_file *file = malloc(sizeof(*file) + size);

	if (!file)
		return NULL;
	memcpy(file->name, name, size);
	file->next = s->files;
	s->files = file;
	return file->name;
}

static bool read_text(struct settings *s, struct settings_section *section, struct bytes text,
	const char *name, bool files_allowed, unsigned includes, unsigned depth, struct why *why)
{
	struct source source = {
		.s = s,
		.why = why,
		.in = reader_of(text),
		.file = keep_file_name(s, name),
		.line = 1,
		.includes = includes,
		.files_allowed = files_allowed,
	};
	if (!source.file)
		return why_fail(why, "out of memory");
	bool ok = section_body(&source, section, depth);
	if (ok && peek(&source) == '}')
		ok = source_fail(&source, "'}' without a section that it could close");
	if (source.word)
		secret_wipe(source.word, source.capacity);
	free(source.word);
	return ok;
}

/* A whole file in memory that the caller wipes; false and why when it cannot be read. */
static bool file_read(const char *path, struct secret *ret, struct why *why)
{
	/* A named pipe that nobody writes to must not stop us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	struct stat status;
	bool ok = true;

	if (!file) {
		why_fail(why, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (fstat(fileno(file), &status) < 0)
		ok = why_fail(why, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		ok = why_fail(why, "%s: not a regular file", path);
	else if (status.st_size > FILE_MAX)
		ok = why_fail(why, "%s: too large", path);
	else if (!secret_allocate(ret, (size_t)status.st_size))
		ok = why_fail(why, "out of memory");
	else if (ret->length > 0 && fread(ret->at, 1, ret->length, file) != ret->length)
		ok = why_fail(why, "%s: cannot be read whole", path);
	fclose(file);
	return ok;
}

static struct settings *settings_begin(struct why *why)
{
	struct settings *s = calloc(1, sizeof(*s));

	if (!s || !settings_tree_begin(&s->written, SETTINGS_NODES_MAX, why)) {
		free(s);
		why_fail(why, "out of memory");
		return NULL;
	}
	return s;
}

static struct settings *settings_end(struct settings *s, bool ok, struct why *why)
{
	if (!ok || !settings_inherit(s, why)) {
		settings_free(s);
		return NULL;
	}
	settings_tree_free(&s->written);
	return s;
}

struct settings *settings_load(const char *path, struct why *why)
{
	struct settings *s = settings_begin(why);
	AUTO_SECRET text = { 0 };

	if (!s)
		return NULL;
	bool ok =
		file_read(path, &text, why) &&
		read_text(s, &s->written.root->section, secret_bytes(&text), path, true, 0, 0, why);
	return settings_end(s, ok, why);
}

struct settings *settings_parse(struct bytes text, const char *name, struct why *why)
{
	struct settings *s = settings_begin(why);

	if (!s)
		return NULL;
	return settings_end(
		s, read_text(s, &s->written.root->section, text, name, false, 0, 0, why), why);
}
