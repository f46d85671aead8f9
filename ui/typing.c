// SPDX-License-Identifier: GPL-2.0-only
/*
 * Strokes for symbols: presses the key of a US keyboard that types a symbol, and sees to it that
 * shift is as the symbol needs it while the key goes down. A key of the keypad means what the
 * viewer's Num Lock made of it: where the guest's light says otherwise, another key that means the
 * same is pressed.
 */
#include "ui/typing.h"

#include "ui/input.h"
#include "ui/keymap.h"

#include <string.h>

enum {
	KEY_CTRL_L = 0x1d,
	KEY_SHIFT_L = 0x2a,
	KEY_SHIFT_R = 0x36,
	KEY_ALT_L = 0x38,
	KEY_CTRL_R = 0x9d,
	KEY_ALT_R = 0xb8,
	KEY_META_L = 0xdb,
	KEY_META_R = 0xdc,
};

enum {
	SYM_LATIN1_END = 0x100,
	SYM_LEVEL3_SHIFT = 0xfe03,
	SYM_LEFT_TAB = 0xfe20,
	SYM_DEAD_FIRST = 0xfe50,
	SYM_DEAD_LAST = 0xfe5f,
	SYM_MODE_SWITCH = 0xff7e,
	SYM_PAD = 0xff80,	 /* plus the character: KP_0 to KP_9 and KP_Decimal */
	SYM_PAD_CURSOR = 0xff95, /* KP_Home; the others follow */
	SYM_UNICODE = 0x01000000,
	SYM_UNICODE_END = 0x01110000,
};

void typing_init(struct typing *t, struct input *in)
{
	memset(t, 0, sizeof(*t));
	t->in = in;
}

/* --- symbols and keys --- */

static bool is_blank(uint32_t keysym)
{
	keysym &= ~(uint32_t)SYM_UNICODE;
	return keysym == ' ' || keysym == 0xa0;
}

/* Does this symbol share its key with another, and shift decides between them? */
static bool is_character(uint32_t keysym)
{
	return (keysym < SYM_LATIN1_END && !is_blank(keysym)) || keysym == SYM_LEFT_TAB ||
	       (keysym >= SYM_DEAD_FIRST && keysym <= SYM_DEAD_LAST) ||
	       (keysym >= SYM_UNICODE && keysym < SYM_UNICODE_END && !is_blank(keysym));
}

/* In the order of their keysyms from KP_Home on: with Num Lock; the same key beside the keypad. */
static const struct {
	char digit;
	uint32_t cursor;
} pad[] = {
	{'7', 0xff50}, {'4', 0xff51}, {'8', 0xff52}, {'6', 0xff53}, {'2', 0xff54}, {'9', 0xff55},
	{'3', 0xff56}, {'1', 0xff57}, {'5', 0xff9d}, {'0', 0xff63}, {'.', 0xffff},
};
enum { PAD_KEYS = sizeof(pad) / sizeof(pad[0]) };

/* The key of the keypad that a symbol is on, or PAD_KEYS. */
static unsigned find_pad(uint32_t keysym)
{
	unsigned i;

	for (i = 0; i < PAD_KEYS; i++)
		if (keysym == SYM_PAD_CURSOR + i || keysym == SYM_PAD + (uint32_t)pad[i].digit)
			break;
	return i;
}

static bool is_letter_key(uint8_t qnum)
{
	return (qnum >= 0x10 && qnum <= 0x19) || (qnum >= 0x1e && qnum <= 0x26) ||
	       (qnum >= 0x2c && qnum <= 0x32);
}

/* --- what is down --- */

static bool is_down(const struct typing *t, unsigned qnum)
{
	return input_key_is_down(t->in, qnum);
}

static bool shortcut_is_held(const struct typing *t)
{
	return is_down(t, KEY_CTRL_L) || is_down(t, KEY_CTRL_R) || is_down(t, KEY_ALT_L) ||
	       (is_down(t, KEY_ALT_R) && !t->altgr) || is_down(t, KEY_META_L) ||
	       is_down(t, KEY_META_R);
}

static void hold(struct typing *t, uint32_t keysym, uint8_t qnum)
{
	unsigned i, spare = TYPING_HELD;

	for (i = 0; i < TYPING_HELD; i++) {
		if (t->held[i].keysym == keysym)
			return;
		if (!t->held[i].keysym && spare == TYPING_HELD)
			spare = i;
	}
	if (spare == TYPING_HELD)
		return;
	t->held[spare].keysym = keysym;
	t->held[spare].qnum = qnum;
}

/* --- releases --- */

static bool release_held(struct typing *t, unsigned i)
{
	if (!t->held[i].keysym)
		return false;
	input_key(t->in, t->held[i].qnum, false);
	t->held[i].keysym = 0;
	return true;
}

/* A key of the keypad may have another symbol by now: Num Lock changed in between. */
static bool release_symbol(struct typing *t, uint32_t keysym)
{
	unsigned i, key = find_pad(keysym);

	for (i = 0; i < TYPING_HELD; i++)
		if (t->held[i].keysym == keysym ||
		    (key < PAD_KEYS && find_pad(t->held[i].keysym) == key))
			return release_held(t, i);
	return false;
}

static bool release_key(struct typing *t, uint8_t qnum)
{
	bool found = false;
	unsigned i;

	for (i = 0; i < TYPING_HELD; i++)
		if (t->held[i].keysym && t->held[i].qnum == qnum)
			found |= release_held(t, i);
	return found;
}

/* Nothing tells which key this was, so none that types may stay down and repeat for ever. */
static void release_characters(struct typing *t)
{
	unsigned i;

	for (i = 0; i < TYPING_HELD; i++)
		if (t->held[i].keysym && is_character(t->held[i].keysym))
			release_held(t, i);
}

/*
 * The symbol of a release may be another than that of the press: shift went up in between. On a
 * US keyboard that is still the same key; on others it may not be.
 */
static void release(struct typing *t, uint32_t keysym, uint8_t qnum)
{
	if (release_symbol(t, keysym) || release_key(t, qnum))
		return;
	if (is_down(t, qnum))
		input_key(t->in, qnum, false);
	else if (is_character(keysym))
		release_characters(t);
}

/* --- presses --- */

/* Caps Lock in the guest turns the meaning of shift around, for letters. */
static bool wants_shift(const struct typing *t, struct keystroke k)
{
	bool caps = input_leds(t->in) & INPUT_LED_CAPS;

	return k.shift ^ (caps && is_letter_key(k.qnum));
}

static void press_with_shift(struct typing *t, uint8_t qnum)
{
	bool fake = !is_down(t, KEY_SHIFT_L) && !is_down(t, KEY_SHIFT_R);

	if (fake)
		input_key(t->in, KEY_SHIFT_L, true);
	input_key(t->in, qnum, true);
	if (fake)
		input_key(t->in, KEY_SHIFT_L, false);
}

static void press_without_shift(struct typing *t, uint8_t qnum)
{
	bool left = is_down(t, KEY_SHIFT_L), right = is_down(t, KEY_SHIFT_R);

	if (left)
		input_key(t->in, KEY_SHIFT_L, false);
	if (right)
		input_key(t->in, KEY_SHIFT_R, false);
	input_key(t->in, qnum, true);
	if (left)
		input_key(t->in, KEY_SHIFT_L, true);
	if (right)
		input_key(t->in, KEY_SHIFT_R, true);
}

static void press_symbol(struct typing *t, struct keystroke k)
{
	bool altgr = t->altgr && is_down(t, KEY_ALT_R);

	if (altgr)
		input_key(t->in, KEY_ALT_R, false);
	if (wants_shift(t, k))
		press_with_shift(t, k.qnum);
	else
		press_without_shift(t, k.qnum);
	if (altgr)
		input_key(t->in, KEY_ALT_R, true);
}

/*
 * The symbol whose key means the same while the guest's Num Lock is as it is. With Ctrl or Alt the
 * key counts: digits of the keypad with Alt are codes of characters.
 */
static uint32_t match_num_lock(const struct typing *t, uint32_t keysym)
{
	bool lock = input_leds(t->in) & INPUT_LED_NUM;
	unsigned key = find_pad(keysym);
	bool digit = key < PAD_KEYS && keysym != SYM_PAD_CURSOR + key;

	if (key == PAD_KEYS || digit == lock || shortcut_is_held(t))
		return keysym;
	return digit ? (uint32_t)pad[key].digit : pad[key].cursor;
}

static void press(struct typing *t, uint32_t symbol)
{
	uint32_t keysym = match_num_lock(t, symbol);
	struct keystroke k = keymap_from_keysym(keysym);

	hold(t, symbol, k.qnum);
	/* with Ctrl or Alt the key counts, not what it would type */
	if (is_character(keysym) && !(is_letter_key(k.qnum) && shortcut_is_held(t)))
		press_symbol(t, k);
	else
		input_key(t->in, k.qnum, true);
}

void typing_key(struct typing *t, uint32_t keysym, bool down)
{
	struct keystroke k = keymap_from_keysym(keysym);

	if (!k.qnum)
		return;
	if (keysym == SYM_LEVEL3_SHIFT || keysym == SYM_MODE_SWITCH)
		t->altgr = down;
	if (down)
		press(t, keysym);
	else
		release(t, keysym, k.qnum);
}
