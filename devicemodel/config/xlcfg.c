// SPDX-License-Identifier: GPL-2.0-only
/*
 * The syntax of xl.cfg: `key = value`, one a line or parted by semicolons; a value is a number, a
 * string in either kind of quotes, or a list of these in brackets, which may span lines; a hash
 * begins a comment. `key += [ ... ]` adds to a list.
 * Missing: lists inside lists.
 * Reference: xl.cfg(5), "Syntax".
 */
#include "xlcfg.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct parser {
	const char *file;
	const char *p, *end;
	unsigned line;
	struct xlcfg *x;
	char **why;
};

static int peek(const struct parser *s)
{
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

static bool at(const struct parser *s, char ch)
{
	return peek(s) == ch;
}

static void advance(struct parser *s)
{
	if (at(s, '\n'))
		s->line++;
	s->p++;
}

/* Blanks and comments; ends of lines too where they do not matter. */
static void skip(struct parser *s, bool lines)
{
	for (;;) {
		if (at(s, '#')) {
			while (s->p < s->end && !at(s, '\n'))
				advance(s);
		} else if (at(s, ' ') || at(s, '\t') || at(s, '\r') || (lines && at(s, '\n'))) {
			advance(s);
		} else {
			return;
		}
	}
}

static int refuse(struct parser *s, unsigned line, const char *what)
{
	return config_refuse(s->why, "%s:%u: %s", s->file, line, what);
}

static bool word_char(int ch)
{
	return ch == '_' || isalnum(ch);
}

/* A key, or a number. */
static int read_word(struct parser *s, char **word)
{
	const char *start = s->p;

	if (at(s, '-'))
		s->p++;
	while (s->p < s->end && word_char(peek(s)))
		s->p++;
	*word = strndup(start, (size_t)(s->p - start));
	return *word ? 0 : -ENOMEM;
}

/* After a backslash. -1 where there is no such escape. */
static int read_escape(struct parser *s)
{
	static const char from[] = "\\\"'ntr", to[] = "\\\"'\n\t\r";
	const char *which = s->p < s->end && *s->p ? strchr(from, *s->p) : NULL;
	char hex[3] = { 0 };

	if (which) {
		s->p++;
		return (unsigned char)to[which - from];
	}
	if (!at(s, 'x') || s->end - s->p < 3 || !isxdigit((unsigned char)s->p[1]) ||
	    !isxdigit((unsigned char)s->p[2]))
		return -1;
	memcpy(hex, s->p + 1, 2);
	s->p += 3;
	return (int)strtol(hex, NULL, 16);
}

static int fill_string(struct parser *s, char quote, char *out)
{
	while (!at(s, quote)) {
		int ch = peek(s);

		if (ch < 0 || ch == '\n')
			return refuse(s, s->line,
				      "a string does not end; close its quotes on the "
				      "same line.");
		s->p++;
		if (ch == '\\') {
			ch = read_escape(s);
			if (ch <= 0)
				return refuse(
					s, s->line,
					"a string has a backslash before a character "
					"where it means nothing; write \\\\ for a backslash.");
		}
		*out++ = (char)ch;
	}
	s->p++;
	*out = 0;
	return 0;
}

static int read_string(struct parser *s, char **text)
{
	char quote = *s->p++;
	const char *eol = memchr(s->p, '\n', (size_t)(s->end - s->p));
	int err;

	/* what it stands for is never longer than what is written */
	*text = malloc((size_t)((eol ? eol : s->end) - s->p) + 1);
	if (!*text)
		return -ENOMEM;
	err = fill_string(s, quote, *text);
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}

/* Takes over text. */
static int add_value(struct xlcfg_setting *set, char *text, unsigned line)
{
	struct xlcfg_value *v = realloc(set->values, (set->n + 1) * sizeof(*v));

	if (!v) {
		free(text);
		return -ENOMEM;
	}
	set->values = v;
	v[set->n++] = (struct xlcfg_value){ text, line };
	return 0;
}

static int read_value(struct parser *s, struct xlcfg_setting *set)
{
	unsigned line = s->line;
	char *text = NULL;
	int err;

	if (at(s, '"') || at(s, '\''))
		err = read_string(s, &text);
	else if (isdigit(peek(s)) || at(s, '-'))
		err = read_word(s, &text);
	else if (at(s, '['))
		err = refuse(s, line,
			     "a list is inside a list; write its values one after "
			     "another.");
	else
		err = refuse(s, line,
			     "a value is missing or not understood; write a number, or text "
			     "in quotes.");
	return err ? err : add_value(set, text, line);
}

static int read_list(struct parser *s, struct xlcfg_setting *set)
{
	unsigned line = s->line;
	int err;

	advance(s);
	for (;;) {
		skip(s, true);
		if (at(s, ']'))
			break;
		if (peek(s) < 0)
			return refuse(s, line, "a list does not end; close it with a bracket.");
		err = read_value(s, set);
		if (err)
			return err;
		skip(s, true);
		if (at(s, ','))
			advance(s);
		else if (!at(s, ']') && peek(s) >= 0)
			return refuse(s, s->line,
				      "two values of a list are not parted; put a comma "
				      "between them.");
	}
	advance(s);
	return 0;
}

static struct xlcfg_setting *find(struct xlcfg *x, const char *key)
{
	for (size_t i = 0; i < x->n; i++) {
		if (!strcmp(x->settings[i].key, key))
			return &x->settings[i];
	}
	return NULL;
}

/* Takes over key. */
static struct xlcfg_setting *add_setting(struct xlcfg *x, char *key, unsigned line)
{
	struct xlcfg_setting *set = realloc(x->settings, (x->n + 1) * sizeof(*set));

	if (!set) {
		free(key);
		return NULL;
	}
	x->settings = set;
	set += x->n++;
	*set = (struct xlcfg_setting){ .key = key, .line = line };
	return set;
}

/* The setting that a key begins or, with `+=`, goes on with. Takes over key. */
static int open_setting(struct parser *s, char *key, unsigned line, struct xlcfg_setting **set)
{
	bool more = at(s, '+');

	if (more)
		advance(s);
	if (!at(s, '=')) {
		free(key);
		return refuse(s, line,
			      "a key is not followed by an equals sign; write KEY = VALUE.");
	}
	advance(s);
	skip(s, false);
	if (more && !at(s, '[')) {
		free(key);
		return refuse(s, line, "+= is not followed by a list; write KEY += [ VALUE ].");
	}
	*set = more ? find(s->x, key) : NULL;
	if (*set)
		free(key);
	else
		*set = add_setting(s->x, key, line);
	return *set ? 0 : -ENOMEM;
}

static int read_setting(struct parser *s)
{
	struct xlcfg_setting *set = NULL;
	unsigned line = s->line;
	char *key;
	int err;

	if (!isalpha(peek(s)) && !at(s, '_'))
		return refuse(s, line, "this is not a setting; write KEY = VALUE.");
	err = read_word(s, &key);
	if (err)
		return err;
	skip(s, false);
	err = open_setting(s, key, line, &set);
	if (err)
		return err;
	if (!at(s, '['))
		return read_value(s, set);
	if (set->n && !set->list)
		return refuse(s, line, "+= adds to something that is not a list.");
	set->list = true;
	return read_list(s, set);
}

int xlcfg_parse(struct xlcfg *x, const char *file, const char *text, size_t len, char **why)
{
	struct parser s = {
		.file = file, .p = text, .end = text + len, .line = 1, .x = x, .why = why
	};
	int err;

	*x = (struct xlcfg){ 0 };
	if (memchr(text, 0, len))
		return config_refuse(why,
				     "%s: this is not text; name a configuration file in the "
				     "syntax of xl.cfg.",
				     file);
	for (;;) {
		skip(&s, true);
		if (at(&s, ';')) {
			advance(&s);
			continue;
		}
		if (peek(&s) < 0)
			return 0;
		err = read_setting(&s);
		if (err)
			return err;
		skip(&s, false);
		if (peek(&s) >= 0 && !at(&s, '\n') && !at(&s, ';'))
			return refuse(&s, s.line,
				      "something follows the value; begin a new line, or "
				      "put text in quotes.");
	}
}

void xlcfg_free(struct xlcfg *x)
{
	for (size_t i = 0; i < x->n; i++) {
		struct xlcfg_setting *set = &x->settings[i];

		for (size_t k = 0; k < set->n; k++)
			free(set->values[k].text);
		free(set->values);
		free(set->key);
	}
	free(x->settings);
	*x = (struct xlcfg){ 0 };
}
