// SPDX-License-Identifier: GPL-2.0-only
/*
 * From X11 keysyms to the keys of a PC keyboard with US layout.
 * Missing: scripts other than Latin; their symbols have no key here and are not typed.
 * Reference: X Window System Protocol, appendix "KEYSYM Encoding"; IBM PS/2 Technical Reference,
 * "Keyboard", scan code set 1.
 */
#include "ui/keymap.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { UNICODE_KEYSYM = 0x01000000 }; /* plus a code point; those below 0x100 are Latin-1 */

/* A run of neighbouring keys: what they type, and with shift. */
struct row {
	uint8_t qnum;
	const char *plain, *shifted;
};

static const struct row rows[] = {
	{0x02, "1234567890-=", "!@#$%^&*()_+"},
	{0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
	{0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
	{0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
	{0x39, " ", " "},
};

/* What is left of the letters 0xc0 to 0xff without their accents; '*' where nothing is. */
static const char base_letters[] =
	"AAAAAA*CEEEEIIIIDNOOOOO*OUUUUY*saaaaaa*ceeeeiiiidnooooo*ouuuuy*y";

struct key {
	const char *name; /* X11's, or a friendlier one */
	uint32_t keysym;  /* 0: only a name */
	uint8_t qnum;
	bool shift;
};

static const struct key keys[] = {
	/* names of characters; their keysyms are in the rows */
	{"space", 0, 0x39, false},
	{"minus", 0, 0x0c, false},
	{"equal", 0, 0x0d, false},
	{"bracketleft", 0, 0x1a, false},
	{"bracketright", 0, 0x1b, false},
	{"semicolon", 0, 0x27, false},
	{"apostrophe", 0, 0x28, false},
	{"grave", 0, 0x29, false},
	{"backslash", 0, 0x2b, false},
	{"comma", 0, 0x33, false},
	{"period", 0, 0x34, false},
	{"slash", 0, 0x35, false},
	{"nobreakspace", 0x00a0, 0x39, false},
	{"yen", 0x00a5, 0x7d, false},
	{"dead_grave", 0xfe50, 0x29, false},
	{"dead_acute", 0xfe51, 0x28, false},
	{"dead_circumflex", 0xfe52, 0x07, true},
	{"dead_tilde", 0xfe53, 0x29, true},
	{"dead_diaeresis", 0xfe57, 0x28, true},

	/* typing and editing */
	{"BackSpace", 0xff08, 0x0e, false},
	{"Tab", 0xff09, 0x0f, false},
	{"ISO_Left_Tab", 0xfe20, 0x0f, true},
	{"Linefeed", 0xff0a, 0x1c, false},
	{"Return", 0xff0d, 0x1c, false},
	{"Enter", 0, 0x1c, false},
	{"Escape", 0xff1b, 0x01, false},
	{"Esc", 0, 0x01, false},
	{"Delete", 0xffff, 0xd3, false},
	{"Del", 0, 0xd3, false},
	{"Insert", 0xff63, 0xd2, false},
	{"Ins", 0, 0xd2, false},
	{"Home", 0xff50, 0xc7, false},
	{"Left", 0xff51, 0xcb, false},
	{"Up", 0xff52, 0xc8, false},
	{"Right", 0xff53, 0xcd, false},
	{"Down", 0xff54, 0xd0, false},
	{"Prior", 0xff55, 0xc9, false},
	{"Page_Up", 0, 0xc9, false},
	{"PgUp", 0, 0xc9, false},
	{"Next", 0xff56, 0xd1, false},
	{"Page_Down", 0, 0xd1, false},
	{"PgDn", 0, 0xd1, false},
	{"End", 0xff57, 0xcf, false},
	{"Clear", 0xff0b, 0x4c, false},

	/* system */
	{"Pause", 0xff13, 0xc6, false},
	{"Break", 0xff6b, 0xc6, false},
	{"Scroll_Lock", 0xff14, 0x46, false},
	{"Sys_Req", 0xff15, 0x54, false},
	{"Print", 0xff61, 0x54, false},
	{"PrtSc", 0, 0x54, false},
	{"Menu", 0xff67, 0xdd, false},
	{"Help", 0xff6a, 0xf5, false},
	{"Num_Lock", 0xff7f, 0x45, false},
	{"Caps_Lock", 0xffe5, 0x3a, false},
	{"Shift_Lock", 0xffe6, 0x3a, false},

	/* modifiers; X viewers say Meta for Alt while shift is down, so Meta is Alt */
	{"Shift_L", 0xffe1, 0x2a, false},
	{"Shift", 0, 0x2a, false},
	{"Shift_R", 0xffe2, 0x36, false},
	{"Control_L", 0xffe3, 0x1d, false},
	{"Control", 0, 0x1d, false},
	{"Ctrl", 0, 0x1d, false},
	{"Control_R", 0xffe4, 0x9d, false},
	{"Meta_L", 0xffe7, 0x38, false},
	{"Meta", 0, 0x38, false},
	{"Meta_R", 0xffe8, 0xb8, false},
	{"Alt_L", 0xffe9, 0x38, false},
	{"Alt", 0, 0x38, false},
	{"Alt_R", 0xffea, 0xb8, false},
	{"ISO_Level3_Shift", 0xfe03, 0xb8, false},
	{"Mode_switch", 0xff7e, 0xb8, false},
	{"AltGr", 0, 0xb8, false},
	{"Super_L", 0xffeb, 0xdb, false},
	{"Super", 0, 0xdb, false},
	{"Win", 0, 0xdb, false},
	{"Super_R", 0xffec, 0xdc, false},
	{"Hyper_L", 0xffed, 0xdb, false},
	{"Hyper_R", 0xffee, 0xdc, false},

	/* function keys */
	{"F1", 0xffbe, 0x3b, false},
	{"F2", 0xffbf, 0x3c, false},
	{"F3", 0xffc0, 0x3d, false},
	{"F4", 0xffc1, 0x3e, false},
	{"F5", 0xffc2, 0x3f, false},
	{"F6", 0xffc3, 0x40, false},
	{"F7", 0xffc4, 0x41, false},
	{"F8", 0xffc5, 0x42, false},
	{"F9", 0xffc6, 0x43, false},
	{"F10", 0xffc7, 0x44, false},
	{"F11", 0xffc8, 0x57, false},
	{"F12", 0xffc9, 0x58, false},
	{"F13", 0xffca, 0x5d, false},
	{"F14", 0xffcb, 0x5e, false},
	{"F15", 0xffcc, 0x5f, false},
	{"F16", 0xffcd, 0x55, false},
	{"F17", 0xffce, 0x83, false},
	{"F18", 0xffcf, 0xf7, false},
	{"F19", 0xffd0, 0x84, false},
	{"F20", 0xffd1, 0x5a, false},
	{"F21", 0xffd2, 0x74, false},
	{"F22", 0xffd3, 0xf9, false},
	{"F23", 0xffd4, 0x6d, false},
	{"F24", 0xffd5, 0x6f, false},

	/* keypad, with and without Num Lock */
	{"KP_Space", 0xff80, 0x39, false},
	{"KP_Tab", 0xff89, 0x0f, false},
	{"KP_Enter", 0xff8d, 0x9c, false},
	{"KP_Home", 0xff95, 0x47, false},
	{"KP_Left", 0xff96, 0x4b, false},
	{"KP_Up", 0xff97, 0x48, false},
	{"KP_Right", 0xff98, 0x4d, false},
	{"KP_Down", 0xff99, 0x50, false},
	{"KP_Prior", 0xff9a, 0x49, false},
	{"KP_Next", 0xff9b, 0x51, false},
	{"KP_End", 0xff9c, 0x4f, false},
	{"KP_Begin", 0xff9d, 0x4c, false},
	{"KP_Insert", 0xff9e, 0x52, false},
	{"KP_Delete", 0xff9f, 0x53, false},
	{"KP_Equal", 0xffbd, 0x59, false},
	{"KP_Multiply", 0xffaa, 0x37, false},
	{"KP_Add", 0xffab, 0x4e, false},
	{"KP_Separator", 0xffac, 0x7e, false},
	{"KP_Subtract", 0xffad, 0x4a, false},
	{"KP_Decimal", 0xffae, 0x53, false},
	{"KP_Divide", 0xffaf, 0xb5, false},
	{"KP_0", 0xffb0, 0x52, false},
	{"KP_1", 0xffb1, 0x4f, false},
	{"KP_2", 0xffb2, 0x50, false},
	{"KP_3", 0xffb3, 0x51, false},
	{"KP_4", 0xffb4, 0x4b, false},
	{"KP_5", 0xffb5, 0x4c, false},
	{"KP_6", 0xffb6, 0x4d, false},
	{"KP_7", 0xffb7, 0x47, false},
	{"KP_8", 0xffb8, 0x48, false},
	{"KP_9", 0xffb9, 0x49, false},

	/* Japanese and Korean */
	{"Kanji", 0xff21, 0x29, false},
	{"Muhenkan", 0xff22, 0x7b, false},
	{"Henkan_Mode", 0xff23, 0x79, false},
	{"Henkan", 0, 0x79, false},
	{"Romaji", 0xff24, 0x70, false},
	{"Hiragana", 0xff25, 0x77, false},
	{"Katakana", 0xff26, 0x78, false},
	{"Hiragana_Katakana", 0xff27, 0x70, false},
	{"Zenkaku_Hankaku", 0xff2a, 0x29, false},
	{"Eisu_toggle", 0xff30, 0x3a, false},
	{"Hangul", 0xff31, 0x72, false},
	{"Hangul_Hanja", 0xff34, 0x71, false},
	{"Ro", 0, 0x73, false},
	{"102nd", 0, 0x56, false},

	/* multimedia and browser */
	{"XF86AudioLowerVolume", 0x1008ff11, 0xae, false},
	{"XF86AudioMute", 0x1008ff12, 0xa0, false},
	{"XF86AudioRaiseVolume", 0x1008ff13, 0xb0, false},
	{"XF86AudioPlay", 0x1008ff14, 0xa2, false},
	{"XF86AudioStop", 0x1008ff15, 0xa4, false},
	{"XF86AudioPrev", 0x1008ff16, 0x90, false},
	{"XF86AudioNext", 0x1008ff17, 0x99, false},
	{"XF86HomePage", 0x1008ff18, 0xb2, false},
	{"XF86Mail", 0x1008ff19, 0xec, false},
	{"XF86Search", 0x1008ff1b, 0xe5, false},
	{"XF86Calculator", 0x1008ff1d, 0xa1, false},
	{"XF86Back", 0x1008ff26, 0xea, false},
	{"XF86Forward", 0x1008ff27, 0xe9, false},
	{"XF86Stop", 0x1008ff28, 0xe8, false},
	{"XF86Refresh", 0x1008ff29, 0xe7, false},
	{"XF86PowerOff", 0x1008ff2a, 0xde, false},
	{"XF86WakeUp", 0x1008ff2b, 0xe3, false},
	{"XF86WWW", 0x1008ff2e, 0xb2, false},
	{"XF86Sleep", 0x1008ff2f, 0xdf, false},
	{"XF86Favorites", 0x1008ff30, 0xe6, false},
	{"XF86AudioPause", 0x1008ff31, 0xa2, false},
	{"XF86AudioMedia", 0x1008ff32, 0xed, false},
	{"XF86MyComputer", 0x1008ff33, 0xeb, false},
	{"XF86Explorer", 0x1008ff5d, 0xeb, false},
};

static const size_t row_count = sizeof(rows) / sizeof(rows[0]);
static const size_t key_count = sizeof(keys) / sizeof(keys[0]);

static struct keystroke from_ascii(char c)
{
	struct keystroke none = {0, false};
	const struct row *r;
	const char *at;

	for (r = rows; c && r < rows + row_count; r++) {
		at = strchr(r->plain, c);
		if (at)
			return (struct keystroke){r->qnum + (uint8_t)(at - r->plain), false};
		at = strchr(r->shifted, c);
		if (at)
			return (struct keystroke){r->qnum + (uint8_t)(at - r->shifted), true};
	}
	return none;
}

struct keystroke keymap_from_keysym(uint32_t keysym)
{
	struct keystroke none = {0, false};
	const struct key *k;

	if (keysym >= UNICODE_KEYSYM && keysym <= UNICODE_KEYSYM + 0xff)
		keysym -= UNICODE_KEYSYM;
	if (keysym < 0x80)
		return from_ascii((char)keysym);
	if (keysym >= 0xc0 && keysym <= 0xff && base_letters[keysym - 0xc0] != '*')
		return from_ascii(base_letters[keysym - 0xc0]);
	for (k = keys; k < keys + key_count; k++)
		if (k->keysym == keysym)
			return (struct keystroke){k->qnum, k->shift};
	return none;
}

uint8_t keymap_from_name(const char *name)
{
	const struct key *k;

	if (name[0] && !name[1])
		return from_ascii(name[0]).qnum;
	for (k = keys; k < keys + key_count; k++)
		if (!strcasecmp(k->name, name))
			return k->qnum;
	return 0;
}
