// SPDX-License-Identifier: GPL-2.0-only
/*
 * From SDL's scan codes, which are those of USB keyboards, to a PC's.
 * Missing: keys of Sun's keyboards and of pocket calculators.
 * Reference: USB HID Usage Tables, "Keyboard/Keypad Page (0x07)"; Microsoft, "Keyboard Scan Code
 * Specification".
 */
#include "keys.h"

#include <SDL_scancode.h>
#include <stddef.h>

#define KEY(name) [SDL_SCANCODE_##name]

static const uint8_t qnums[SDL_NUM_SCANCODES] = {
	KEY(A) = 0x1e, KEY(B) = 0x30, KEY(C) = 0x2e, KEY(D) = 0x20, KEY(E) = 0x12,
	KEY(F) = 0x21, KEY(G) = 0x22, KEY(H) = 0x23, KEY(I) = 0x17, KEY(J) = 0x24,
	KEY(K) = 0x25, KEY(L) = 0x26, KEY(M) = 0x32, KEY(N) = 0x31, KEY(O) = 0x18,
	KEY(P) = 0x19, KEY(Q) = 0x10, KEY(R) = 0x13, KEY(S) = 0x1f, KEY(T) = 0x14,
	KEY(U) = 0x16, KEY(V) = 0x2f, KEY(W) = 0x11, KEY(X) = 0x2d, KEY(Y) = 0x15,
	KEY(Z) = 0x2c, KEY(1) = 0x02, KEY(2) = 0x03, KEY(3) = 0x04, KEY(4) = 0x05,
	KEY(5) = 0x06, KEY(6) = 0x07, KEY(7) = 0x08, KEY(8) = 0x09, KEY(9) = 0x0a,
	KEY(0) = 0x0b,

	KEY(RETURN) = 0x1c, KEY(ESCAPE) = 0x01, KEY(BACKSPACE) = 0x0e, KEY(TAB) = 0x0f,
	KEY(SPACE) = 0x39, KEY(MINUS) = 0x0c, KEY(EQUALS) = 0x0d, KEY(LEFTBRACKET) = 0x1a,
	KEY(RIGHTBRACKET) = 0x1b, KEY(BACKSLASH) = 0x2b, KEY(NONUSHASH) = 0x2b,
	KEY(SEMICOLON) = 0x27, KEY(APOSTROPHE) = 0x28, KEY(GRAVE) = 0x29, KEY(COMMA) = 0x33,
	KEY(PERIOD) = 0x34, KEY(SLASH) = 0x35, KEY(CAPSLOCK) = 0x3a, KEY(NONUSBACKSLASH) = 0x56,

	KEY(F1) = 0x3b, KEY(F2) = 0x3c, KEY(F3) = 0x3d, KEY(F4) = 0x3e, KEY(F5) = 0x3f,
	KEY(F6) = 0x40, KEY(F7) = 0x41, KEY(F8) = 0x42, KEY(F9) = 0x43, KEY(F10) = 0x44,
	KEY(F11) = 0x57, KEY(F12) = 0x58, KEY(F13) = 0x5d, KEY(F14) = 0x5e, KEY(F15) = 0x5f,
	KEY(F16) = 0x55, KEY(F17) = 0x83, KEY(F18) = 0xf7, KEY(F19) = 0x84, KEY(F20) = 0x5a,
	KEY(F21) = 0x74, KEY(F22) = 0xf9, KEY(F23) = 0x6d, KEY(F24) = 0x6f,

	KEY(PRINTSCREEN) = 0x54, KEY(SYSREQ) = 0x54, KEY(SCROLLLOCK) = 0x46, KEY(PAUSE) = 0xc6,
	KEY(INSERT) = 0xd2, KEY(HOME) = 0xc7, KEY(PAGEUP) = 0xc9, KEY(DELETE) = 0xd3,
	KEY(END) = 0xcf, KEY(PAGEDOWN) = 0xd1, KEY(RIGHT) = 0xcd, KEY(LEFT) = 0xcb,
	KEY(DOWN) = 0xd0, KEY(UP) = 0xc8,

	KEY(NUMLOCKCLEAR) = 0x45, KEY(KP_DIVIDE) = 0xb5, KEY(KP_MULTIPLY) = 0x37,
	KEY(KP_MINUS) = 0x4a, KEY(KP_PLUS) = 0x4e, KEY(KP_ENTER) = 0x9c, KEY(KP_1) = 0x4f,
	KEY(KP_2) = 0x50, KEY(KP_3) = 0x51, KEY(KP_4) = 0x4b, KEY(KP_5) = 0x4c, KEY(KP_6) = 0x4d,
	KEY(KP_7) = 0x47, KEY(KP_8) = 0x48, KEY(KP_9) = 0x49, KEY(KP_0) = 0x52,
	KEY(KP_PERIOD) = 0x53, KEY(KP_EQUALS) = 0x59, KEY(KP_COMMA) = 0x7e,

	KEY(LCTRL) = 0x1d, KEY(LSHIFT) = 0x2a, KEY(LALT) = 0x38, KEY(LGUI) = 0xdb,
	KEY(RCTRL) = 0x9d, KEY(RSHIFT) = 0x36, KEY(RALT) = 0xb8, KEY(RGUI) = 0xdc,
	KEY(APPLICATION) = 0xdd, KEY(MENU) = 0x9e, KEY(HELP) = 0xf5, KEY(MODE) = 0xb8,

	/* Japanese: Ro, Katakana/Hiragana, Yen, Henkan, Muhenkan, keypad comma; then Korean */
	KEY(INTERNATIONAL1) = 0x73, KEY(INTERNATIONAL2) = 0x70, KEY(INTERNATIONAL3) = 0x7d,
	KEY(INTERNATIONAL4) = 0x79, KEY(INTERNATIONAL5) = 0x7b, KEY(INTERNATIONAL6) = 0x5c,
	KEY(LANG1) = 0x72, KEY(LANG2) = 0x71, KEY(LANG3) = 0x78, KEY(LANG4) = 0x77,
	KEY(LANG5) = 0x76,

	KEY(MUTE) = 0xa0, KEY(AUDIOMUTE) = 0xa0, KEY(VOLUMEUP) = 0xb0, KEY(VOLUMEDOWN) = 0xae,
	KEY(AUDIONEXT) = 0x99, KEY(AUDIOPREV) = 0x90, KEY(AUDIOSTOP) = 0xa4, KEY(AUDIOPLAY) = 0xa2,
	KEY(MEDIASELECT) = 0xed, KEY(WWW) = 0xb2, KEY(MAIL) = 0xec, KEY(CALCULATOR) = 0xa1,
	KEY(COMPUTER) = 0xeb, KEY(AC_SEARCH) = 0xe5, KEY(AC_HOME) = 0xb2, KEY(AC_BACK) = 0xea,
	KEY(AC_FORWARD) = 0xe9, KEY(AC_STOP) = 0xe8, KEY(AC_REFRESH) = 0xe7,
	KEY(AC_BOOKMARKS) = 0xe6, KEY(POWER) = 0xde, KEY(SLEEP) = 0xdf,
};

uint8_t keys_from_scancode(unsigned scancode)
{
	return scancode < SDL_NUM_SCANCODES ? qnums[scancode] : 0;
}

/* --- combinations --- */

enum { KEY_CTRL_L = 0x1d, KEY_F = 0x21, KEY_ALT_L = 0x38, KEY_CTRL_R = 0x9d };

static bool *find_modifier(struct hotkeys *h, unsigned qnum)
{
	switch (qnum) {
	case KEY_CTRL_L:
		return &h->ctrl[0];
	case KEY_CTRL_R:
		return &h->ctrl[1];
	case KEY_ALT_L:
		return &h->alt;
	default:
		return NULL;
	}
}

static bool both_down(const struct hotkeys *h)
{
	return h->alt && (h->ctrl[0] || h->ctrl[1]);
}

static enum hotkey modifier_key(struct hotkeys *h, bool *modifier, bool down)
{
	bool released = h->alone && !down;

	*modifier = down;
	h->alone = down && both_down(h);
	return released ? HOTKEY_RELEASE : HOTKEY_NONE;
}

enum hotkey hotkeys_key(struct hotkeys *h, unsigned qnum, bool down)
{
	bool *modifier = find_modifier(h, qnum);

	if (modifier)
		return modifier_key(h, modifier, down);
	if (qnum == KEY_F && h->fullscreen) {
		h->fullscreen = down;
		return HOTKEY_SWALLOW;
	}
	if (!down)
		return HOTKEY_NONE;
	h->alone = false;
	if (qnum != KEY_F || !both_down(h))
		return HOTKEY_NONE;
	h->fullscreen = true;
	return HOTKEY_FULLSCREEN;
}
