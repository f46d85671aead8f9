// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strokes for text and combinations of keys: which keys go down and up, in which order. A character
 * is pressed and released in one go, so that it does not repeat in a guest that reads slowly.
 */
#include "ui/strokes.h"

#include "dm/log.h"
#include "ui/input.h"
#include "ui/keymap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SHIFT = 0x2a, COMBINATION_KEYS = 8, NAME_LEN = 32 };
enum { SYM_RETURN = 0xff0d, SYM_TAB = 0xff09 };
enum { MOVE_MAX = 10000, MOVE_STEP = 200, WHEEL_MAX = 100 };

static int add(struct strokes *s, struct stroke k)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 64;
		struct stroke *list = realloc(s->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		s->list = list;
		s->room = room;
	}
	s->list[s->n++] = k;
	return 0;
}

static int add_key(struct strokes *s, uint8_t qnum, bool down, bool more)
{
	return add(s, (struct stroke){ STROKE_KEY, .qnum = qnum, .down = down, .more = more });
}

void strokes_free(struct strokes *s)
{
	free(s->list);
	*s = (struct strokes){ 0 };
}

/* --- text --- */

/* The next character's code; 0 at the end, and for what is not UTF-8. */
static uint32_t next_character(const char **text)
{
	const uint8_t *p = (const uint8_t *)*text;
	unsigned n = p[0] < 0x80 ? 0 : p[0] < 0xc0 ? 4 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
	uint32_t code = n ? p[0] & 0x3fu >> n : p[0];

	if (n > 3)
		return 0;
	for (unsigned i = 1; i <= n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	*text += n + 1;
	return code;
}

static struct keystroke key_of(uint32_t code)
{
	if (code == '\n' || code == '\r')
		return keymap_from_keysym(SYM_RETURN);
	if (code == '\t')
		return keymap_from_keysym(SYM_TAB);
	/* the keymap would take the accents off others, as suits viewers */
	return keymap_from_keysym(code < 0x80 ? code : 0);
}

static bool is_letter(uint32_t code)
{
	return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
}

static int no_key(const char *at, uint32_t code, char **why)
{
	if (!code)
		*why = sentence("The text is not UTF-8.");
	else if (code < ' ' || code == 0x7f)
		*why = sentence("The text has a character with the number %u, which no key types; "
				"leave it out.", (unsigned)code);
	else
		*why = sentence("No key of a US keyboard types '%.*s'; leave it out.",
				code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4, at);
	return -EINVAL;
}

/* Shift stays down from one character to the next that wants it. */
static int set_shift(struct strokes *s, bool *shift, bool wanted)
{
	if (*shift == wanted)
		return 0;
	*shift = wanted;
	return add_key(s, KEY_SHIFT, wanted, false);
}

int strokes_text(struct strokes *s, const char *text, bool caps, char **why)
{
	bool shift = false;
	int err = 0;

	while (*text && !err) {
		const char *at = text;
		uint32_t code = next_character(&text);
		struct keystroke k = key_of(code);

		if (!code || !k.qnum)
			return no_key(at, code, why);
		err = set_shift(s, &shift, k.shift ^ (caps && is_letter(code)));
		if (!err)
			err = add_key(s, k.qnum, true, true);
		if (!err)
			err = add_key(s, k.qnum, false, false);
	}
	return err ? err : set_shift(s, &shift, false);
}

/* --- combinations --- */

static int no_combination(const char *combination, char **why)
{
	*why = sentence("'%s' is not 1 to %d names of keys joined by plus signs, such as "
			"Ctrl+Alt+Delete.", combination, COMBINATION_KEYS);
	return -EINVAL;
}

/* A plus sign where a name should be is the key itself: Ctrl++. */
static int find_keys(const char *combination, uint8_t *key, unsigned *n, char **why)
{
	const char *p = combination;
	char name[NAME_LEN];

	for (*n = 0;; p++) {
		size_t len = *p == '+' ? 1 : strcspn(p, "+");

		if (!len || *n == COMBINATION_KEYS)
			return no_combination(combination, why);
		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		key[*n] = len < NAME_LEN ? keymap_from_name(name) : 0;
		if (!key[(*n)++]) {
			*why = sentence("'%s' is not the name of a key; the manual page caisson(1) "
					"says which there are.", name);
			return -EINVAL;
		}
		p += len;
		if (!*p)
			return 0;
		if (*p != '+')
			return no_combination(combination, why);
	}
}

int strokes_combination(struct strokes *s, const char *combination, char **why)
{
	uint8_t key[COMBINATION_KEYS];
	unsigned n;
	int err = find_keys(combination, key, &n, why);

	/* the last key goes down and up in one go */
	for (unsigned i = 0; i < n && !err; i++)
		err = add_key(s, key[i], true, i + 1 == n);
	for (unsigned i = n; i-- && !err;)
		err = add_key(s, key[i], false, false);
	return err;
}

/* --- the mouse --- */

static bool is_within(int n, int max)
{
	return n >= -max && n <= max;
}

static int piece(int left)
{
	return left > MOVE_STEP ? MOVE_STEP : left < -MOVE_STEP ? -MOVE_STEP : left;
}

int strokes_move(struct strokes *s, int dx, int dy, char **why)
{
	int err = 0;

	if (!is_within(dx, MOVE_MAX) || !is_within(dy, MOVE_MAX)) {
		*why = sentence("The mouse moves by at most %d at a time.", MOVE_MAX);
		return -ERANGE;
	}
	while ((dx || dy) && !err) {
		struct stroke k = { STROKE_MOUSE, .dx = piece(dx), .dy = piece(dy) };

		dx -= k.dx;
		dy -= k.dy;
		err = add(s, k);
	}
	return err;
}

int strokes_click(struct strokes *s, const char *button, char **why)
{
	static const struct {
		const char *name;
		uint8_t button;
	} buttons[] = { { "left", INPUT_LEFT },	  { "middle", INPUT_MIDDLE },
			{ "right", INPUT_RIGHT }, { "side", INPUT_SIDE },
			{ "extra", INPUT_EXTRA } };
	struct stroke k = { STROKE_MOUSE, .down = true };
	int err;

	for (size_t i = 0; i < sizeof(buttons) / sizeof(*buttons); i++)
		if (!strcmp(buttons[i].name, button))
			k.buttons = buttons[i].button;
	if (!k.buttons) {
		*why = sentence("'%s' is not a button of the mouse; there are left, middle, right, "
				"side and extra.", button);
		return -EINVAL;
	}
	err = add(s, k);
	k.down = false;
	return err ? err : add(s, k);
}

int strokes_wheel(struct strokes *s, int steps, char **why)
{
	struct stroke k = { STROKE_MOUSE, .dz = steps < 0 ? -1 : 1 };
	int err = 0;

	if (!is_within(steps, WHEEL_MAX)) {
		*why = sentence("The wheel turns by at most %d at a time.", WHEEL_MAX);
		return -ERANGE;
	}
	for (int i = 0; i < abs(steps) && !err; i++)
		err = add(s, k);
	return err;
}
