// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PS/2 keyboard with scan code sets 1, 2 and 3, its typematic repeat, and all keys that the
 * three sets name.
 *
 * State: struct ps2_keyboard. Missing: fake shifts around the keys with an E0 prefix. Ignored:
 * keys that set 3 has no code for, while set 3 is chosen; the time that a self-test takes.
 * Reference: IBM PS/2 Hardware Interface Technical Reference, "Keyboards (101- and 102-Key)";
 * Microsoft, "Keyboard Scan Code Specification".
 */
#include "input/ps2.h"

enum {
	CMD_SET_LEDS = 0xed,
	CMD_ECHO = 0xee,
	CMD_SCAN_SET = 0xf0,
	CMD_IDENTIFY = 0xf2,
	CMD_SET_RATE = 0xf3,
	CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5,
	CMD_DEFAULTS = 0xf6,
	CMD_ALL_TYPEMATIC = 0xf7,
	CMD_ALL_MAKE_BREAK = 0xf8,
	CMD_ALL_MAKE = 0xf9,
	CMD_ALL_TYPEMATIC_MAKE_BREAK = 0xfa,
	CMD_KEY_TYPEMATIC = 0xfb,
	CMD_KEY_MAKE_BREAK = 0xfc,
	CMD_KEY_MAKE = 0xfd,
	CMD_RESEND = 0xfe,
};

/* Bytes from here on are commands even where an argument is awaited. */
enum { FIRST_COMMAND = CMD_SET_LEDS };

enum { TYPE_BREAK = 1, TYPE_TYPEMATIC = 2 };

enum { RATE_DEFAULT = 0x2b };	/* 500 ms, then 10.9 a second */

/* Keys, by qnum, that need more than a table. */
enum {
	KEY_LEFT_CTRL = 0x1d,
	KEY_RIGHT_CTRL = 0x9d,
	KEY_LEFT_SHIFT = 0x2a,
	KEY_RIGHT_SHIFT = 0x36,
	KEY_LEFT_ALT = 0x38,
	KEY_RIGHT_ALT = 0xb8,
	KEY_PRINT = 0x54,
	KEY_PRINT_E0 = 0xb7,
	KEY_PAUSE = 0xc6,
	KEY_HANJA = 0x71,
	KEY_HANGEUL = 0x72,
	KEY_EXTENDED = 0x80,
};

/* What Print Screen is sent as depends on the shift keys; its break must match its make. */
enum { PRINT_PLAIN, PRINT_SHIFTED, PRINT_SYSRQ };

/* Codes of set 1, as in qnum, that make up the keys with several. */
enum { S1_CTRL = 0x1d, S1_SHIFT = 0x2a, S1_MULTIPLY = 0x37, S1_NUM = 0x45, S1_SCROLL = 0x46,
       S1_SYSRQ = 0x54 };

/* Set 1 to set 2. The same holds behind an E0 prefix. */
static const uint8_t set2_code[128] = {
	0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36,
	0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d,
	0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43,
	0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14, 0x1c, 0x1b,
	0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c,
	0x52, 0x0e, 0x12, 0x5d, 0x1a, 0x22, 0x21, 0x2a,
	0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c,
	0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0c, 0x03,
	0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c,
	0x75, 0x7d, 0x7b, 0x6b, 0x73, 0x74, 0x79, 0x69,
	0x72, 0x7a, 0x70, 0x71, 0x84, 0x60, 0x61, 0x78,
	0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f,
	0x47, 0x4f, 0x56, 0x5e, 0x08, 0x10, 0x18, 0x20,
	0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x57, 0x6f,
	0x13, 0x19, 0x39, 0x51, 0x53, 0x5c, 0x5f, 0x62,
	0x63, 0x64, 0x65, 0x67, 0x68, 0x6a, 0x6d, 0x6e,
};

/* qnum to set 3: one code a key, without prefix; 0 where there is none. */
static const uint8_t set3_code[KBD_KEYS] = {
	0x00, 0x08, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36,
	0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d,
	0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43,
	0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x11, 0x1c, 0x1b,
	0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c,
	0x52, 0x0e, 0x12, 0x5c, 0x1a, 0x22, 0x21, 0x2a,
	0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7e,
	0x19, 0x29, 0x14, 0x07, 0x0f, 0x17, 0x1f, 0x27,
	0x2f, 0x37, 0x3f, 0x47, 0x4f, 0x76, 0x5f, 0x6c,
	0x75, 0x7d, 0x84, 0x6b, 0x73, 0x74, 0x7c, 0x69,
	0x72, 0x7a, 0x70, 0x71, 0x57, 0x00, 0x13, 0x56, 0x5e,
	[0x70] = 0x87, [0x73] = 0x51, [0x79] = 0x86, [0x7b] = 0x85, [0x7d] = 0x5d, [0x7e] = 0x7b,
	[0x90] = 0x94, [0x99] = 0x93, [0x9c] = 0x79, [0x9d] = 0x58, /* tracks, Enter, Ctrl */
	[0xa0] = 0x9c, [0xa1] = 0xa3, [0xa4] = 0x98, /* mute, calculator, stop */
	[0xae] = 0x9d, [0xb0] = 0x95, [0xb2] = 0x97, /* volume down and up, home page */
	[0xb5] = 0x77, [0xb7] = 0x57, [0xb8] = 0x39, [0xc6] = 0x62, /* KP /, Print, Alt, Pause */
	[0xc7] = 0x6e, [0xc8] = 0x63, [0xc9] = 0x6f, /* Home, up, Page Up */
	[0xcb] = 0x61, [0xcd] = 0x6a, [0xcf] = 0x65, /* left, right, End */
	[0xd0] = 0x60, [0xd1] = 0x6d, [0xd2] = 0x67, [0xd3] = 0x64, /* down, Page Down, Ins, Del */
	[0xdb] = 0x8b, [0xdc] = 0x8c, [0xdd] = 0x8d, /* left and right Windows, menu */
};

/* Codes of set 3 whose keys do not start as typematic. */
static const uint8_t set3_make_break[] = { 0x11, 0x12, 0x14, 0x19, 0x59 };
static const uint8_t set3_make[] = {
	0x07, 0x08, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x39, 0x3f, 0x47, 0x4f, 0x56, 0x57, 0x58,
	0x5e, 0x5f, 0x62, 0x65, 0x67, 0x69, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73,
	0x74, 0x75, 0x76, 0x77, 0x79, 0x7a, 0x7d, 0x7e, 0x84,
};

enum { LONGEST_BREAK = 6 };	/* Print Screen */

/* The codes of one key, sent together or not at all. */
struct sequence {
	uint8_t byte[8];
	unsigned len;
};

/* --- scan codes ---------------------------------------------------------------------------- */

static bool test_key(const uint8_t *set, unsigned qnum)
{
	return set[qnum / 8] & 1u << qnum % 8;
}

static void flip_key(uint8_t *set, unsigned qnum)
{
	set[qnum / 8] ^= 1u << qnum % 8;
}

static bool is_down(const struct ps2_keyboard *k, unsigned qnum)
{
	return test_key(k->down, qnum);
}

/* code: of set 1; prefix: 0xe0 or 0 */
static void add_code(struct sequence *s, unsigned set, uint8_t prefix, uint8_t code, bool down)
{
	if (prefix)
		s->byte[s->len++] = prefix;
	if (set == 1) {
		s->byte[s->len++] = down ? code : code | 0x80;
		return;
	}
	if (!down)
		s->byte[s->len++] = 0xf0;
	s->byte[s->len++] = set2_code[code & 0x7f];
}

static void add_print(struct ps2_keyboard *k, struct sequence *s, bool down)
{
	if (down && (is_down(k, KEY_LEFT_ALT) || is_down(k, KEY_RIGHT_ALT)))
		k->print_as = PRINT_SYSRQ;
	else if (down && (is_down(k, KEY_LEFT_CTRL) || is_down(k, KEY_RIGHT_CTRL) ||
			  is_down(k, KEY_LEFT_SHIFT) || is_down(k, KEY_RIGHT_SHIFT)))
		k->print_as = PRINT_SHIFTED;
	else if (down)
		k->print_as = PRINT_PLAIN;

	if (k->print_as == PRINT_SYSRQ) {
		add_code(s, k->set, 0, S1_SYSRQ, down);
		return;
	}
	if (down && k->print_as == PRINT_PLAIN)
		add_code(s, k->set, 0xe0, S1_SHIFT, true);
	add_code(s, k->set, 0xe0, S1_MULTIPLY, down);
	if (!down && k->print_as == PRINT_PLAIN)
		add_code(s, k->set, 0xe0, S1_SHIFT, false);
}

/* All of it goes out on the press: this key has no break. With Ctrl it is Break. */
static void add_pause(const struct ps2_keyboard *k, struct sequence *s)
{
	if (is_down(k, KEY_LEFT_CTRL) || is_down(k, KEY_RIGHT_CTRL)) {
		add_code(s, k->set, 0xe0, S1_SCROLL, true);
		add_code(s, k->set, 0xe0, S1_SCROLL, false);
		return;
	}
	add_code(s, k->set, 0xe1, S1_CTRL, true);
	add_code(s, k->set, 0, S1_NUM, true);
	add_code(s, k->set, 0xe1, S1_CTRL, false);
	add_code(s, k->set, 0, S1_NUM, false);
}

static void add_set3(const struct ps2_keyboard *k, struct sequence *s, unsigned qnum, bool down)
{
	uint8_t code = set3_code[qnum];

	if (!code || (!down && !(k->set3_type[code] & TYPE_BREAK)))
		return;
	if (!down)
		s->byte[s->len++] = 0xf0;
	s->byte[s->len++] = code;
}

static struct sequence encode(struct ps2_keyboard *k, unsigned qnum, bool down)
{
	struct sequence s = { .len = 0 };

	if (k->set == 3)
		add_set3(k, &s, qnum, down);
	else if (qnum == KEY_PRINT || qnum == KEY_PRINT_E0)
		add_print(k, &s, down);
	else if (qnum == KEY_PAUSE && down)
		add_pause(k, &s);
	else if ((qnum == KEY_HANJA || qnum == KEY_HANGEUL) && down)
		s.byte[s.len++] = qnum | 0x80; /* the same in both sets, and without a break */
	else if (qnum != KEY_PAUSE && qnum != KEY_HANJA && qnum != KEY_HANGEUL && qnum & 0x7f)
		add_code(&s, k->set, qnum & KEY_EXTENDED ? 0xe0 : 0, qnum & 0x7f, down);
	return s;
}

/* What does not fit is lost, and the overrun code says so where it would have been. */
static bool send_key(struct ps2_keyboard *k, unsigned qnum, bool down)
{
	struct sequence s = encode(k, qnum, down);

	if (k->events.count + s.len <= PS2_QUEUE_ROOM) {
		for (unsigned i = 0; i < s.len; i++)
			ps2_queue_push(&k->events, s.byte[i]);
		k->overrun &= !s.len;
		return true;
	}
	if (!k->overrun)
		ps2_queue_push(&k->events, k->set == 1 ? 0xff : 0x00);
	k->overrun = 1;
	return false;
}

/* Breaks that were lost come later than never: a real key can be pressed again, these cannot. */
static void send_late_breaks(struct ps2_keyboard *k)
{
	if (!k->any_late)
		return;
	k->any_late = 0;
	for (unsigned q = 0; q < KBD_KEYS; q++) {
		if (!test_key(k->late, q))
			continue;
		if (k->events.count + LONGEST_BREAK > PS2_QUEUE_ROOM) {
			k->any_late = 1;
			return;
		}
		flip_key(k->late, q);
		send_key(k, q, false);
	}
}

/* --- typematic ----------------------------------------------------------------------------- */

static uint64_t repeat_delay_ns(const struct ps2_keyboard *k)
{
	return (1 + (k->rate >> 5 & 3)) * 250 * NS_PER_MS;
}

/* (8 + A) * 2^B / 240 seconds */
static uint64_t repeat_period_ns(const struct ps2_keyboard *k)
{
	return ((8ull + (k->rate & 7)) << (k->rate >> 3 & 3)) * NS_PER_SEC / 240;
}

static void stop_repeat(struct ps2_keyboard *k)
{
	k->repeat_key = 0;
	k->repeat_starved = 0;
	timer_cancel(&k->repeat);
}

static bool repeats(const struct ps2_keyboard *k, unsigned qnum)
{
	if (k->set == 3)
		return set3_code[qnum] && k->set3_type[set3_code[qnum]] & TYPE_TYPEMATIC;
	return qnum & 0x7f && qnum != KEY_PAUSE && qnum != KEY_HANJA && qnum != KEY_HANGEUL;
}

/*
 * One repeat may wait in the queue. Until the guest has read it no other is made, and the timer
 * rests: a guest that does not look is not woken.
 */
void ps2_keyboard_repeat(struct ps2_keyboard *k)
{
	if (!k->repeat_key || !k->scanning)
		return;
	if (k->events.count) {
		k->repeat_starved = 1;
		return;
	}
	send_key(k, k->repeat_key, true);
	timer_arm_in(&k->repeat, repeat_period_ns(k));
}

/* --- the host's side ----------------------------------------------------------------------- */

static void key_pressed(struct ps2_keyboard *k, unsigned qnum)
{
	if (test_key(k->late, qnum))
		flip_key(k->late, qnum);
	stop_repeat(k);
	if (!send_key(k, qnum, true)) {
		flip_key(k->down, qnum); /* nobody saw it */
		return;
	}
	if (repeats(k, qnum)) {
		k->repeat_key = qnum;
		timer_arm_in(&k->repeat, repeat_delay_ns(k));
	}
}

static void key_released(struct ps2_keyboard *k, unsigned qnum)
{
	if (k->repeat_key == qnum)
		stop_repeat(k);
	if (!send_key(k, qnum, false)) {
		k->late[qnum / 8] |= 1u << qnum % 8;
		k->any_late = 1;
	}
}

/* Viewers repeat keys themselves; the keyboard does that here, so only changes count. */
void ps2_keyboard_key(struct ps2_keyboard *k, unsigned qnum, bool down)
{
	if (qnum >= KBD_KEYS || is_down(k, qnum) == down)
		return;
	flip_key(k->down, qnum);
	if (!k->scanning)
		return;
	if (down)
		key_pressed(k, qnum);
	else
		key_released(k, qnum);
}

/* --- commands ------------------------------------------------------------------------------ */

static void reply(struct ps2_keyboard *k, uint8_t b)
{
	ps2_queue_push(&k->replies, b);
}

static void set_leds(struct ps2_keyboard *k, uint8_t leds)
{
	if (k->leds == leds)
		return;
	k->leds = leds;
	if (k->leds_changed)
		k->leds_changed(k->leds_arg, leds);
}

static void clear_events(struct ps2_keyboard *k)
{
	ps2_queue_clear(&k->events);
	memset(k->late, 0, sizeof(k->late));
	k->any_late = 0;
	k->overrun = 0;
	stop_repeat(k);
}

static void set_all_types(struct ps2_keyboard *k, uint8_t type)
{
	memset(k->set3_type, type, sizeof(k->set3_type));
}

static void set_defaults(struct ps2_keyboard *k)
{
	clear_events(k);
	k->set = 2;
	k->rate = RATE_DEFAULT;
	k->print_as = PRINT_PLAIN;
	set_all_types(k, TYPE_TYPEMATIC);
	for (unsigned i = 0; i < sizeof(set3_make_break); i++)
		k->set3_type[set3_make_break[i]] = TYPE_BREAK;
	for (unsigned i = 0; i < sizeof(set3_make); i++)
		k->set3_type[set3_make[i]] = 0;
}

/* Commands f7 to fd, and the keys named after the last three of them. */
static uint8_t type_of_command(uint8_t command)
{
	switch (command) {
	case CMD_ALL_TYPEMATIC:
	case CMD_KEY_TYPEMATIC:
		return TYPE_TYPEMATIC;
	case CMD_ALL_MAKE_BREAK:
	case CMD_KEY_MAKE_BREAK:
		return TYPE_BREAK;
	case CMD_ALL_TYPEMATIC_MAKE_BREAK:
		return TYPE_TYPEMATIC | TYPE_BREAK;
	default:
		return 0;
	}
}

static void scan_set_argument(struct ps2_keyboard *k, uint8_t b)
{
	if (b > 3) {
		reply(k, PS2_RESEND);
		return;
	}
	reply(k, PS2_ACK);
	if (!b) {
		reply(k, k->set);
		return;
	}
	clear_events(k);
	k->set = b;
}

static void argument(struct ps2_keyboard *k, uint8_t command, uint8_t b)
{
	if (command == CMD_SCAN_SET) {
		scan_set_argument(k, b);
		return;
	}
	if (command == CMD_SET_RATE && b & 0x80) {
		reply(k, PS2_RESEND);
		return;
	}
	reply(k, PS2_ACK);
	if (command == CMD_SET_LEDS) {
		set_leds(k, b & 7);
	} else if (command == CMD_SET_RATE) {
		k->rate = b;
	} else { /* a list of keys, up to the next command */
		k->set3_type[b] = type_of_command(command);
		k->command = command;
	}
}

static void reset_command(struct ps2_keyboard *k)
{
	set_defaults(k);
	set_leds(k, 0);
	k->scanning = 1;
	reply(k, PS2_ACK);
	reply(k, PS2_BAT_OK);
}

static void command(struct ps2_keyboard *k, uint8_t b)
{
	switch (b) {
	case CMD_ECHO:
		reply(k, CMD_ECHO);
		return;
	case CMD_RESEND:
		reply(k, k->last);
		return;
	case PS2_CMD_RESET:
		reset_command(k);
		return;
	case CMD_SET_LEDS:
	case CMD_SCAN_SET:
	case CMD_SET_RATE:
	case CMD_KEY_TYPEMATIC:
	case CMD_KEY_MAKE_BREAK:
	case CMD_KEY_MAKE:
		k->command = b;
		break;
	case CMD_IDENTIFY:
		reply(k, PS2_ACK);
		reply(k, 0xab);
		reply(k, 0x83);
		return;
	case CMD_ENABLE:
		clear_events(k);
		k->scanning = 1;
		break;
	case CMD_DISABLE:
		set_defaults(k);
		k->scanning = 0;
		break;
	case CMD_DEFAULTS:
		set_defaults(k);
		break;
	case CMD_ALL_TYPEMATIC:
	case CMD_ALL_MAKE_BREAK:
	case CMD_ALL_MAKE:
	case CMD_ALL_TYPEMATIC_MAKE_BREAK:
		set_all_types(k, type_of_command(b));
		break;
	default:
		reply(k, PS2_RESEND);
		return;
	}
	reply(k, PS2_ACK);
}

/* A new byte from the host ends whatever the keyboard was saying about the one before. */
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t b)
{
	uint8_t awaited = k->command;

	ps2_queue_clear(&k->replies);
	k->command = 0;
	if (awaited && b < FIRST_COMMAND)
		argument(k, awaited, b);
	else
		command(k, b);
}

/* Scan codes wait while a command waits for its argument, as on the real keyboard. */
static int next_event(struct ps2_keyboard *k)
{
	int b = ps2_queue_pop(&k->events);

	if (!k->events.count)
		send_late_breaks(k);
	if (!k->events.count && k->repeat_starved) {
		k->repeat_starved = 0;
		timer_arm_in(&k->repeat, repeat_period_ns(k));
	}
	return b;
}

int ps2_keyboard_next(struct ps2_keyboard *k)
{
	int b = ps2_queue_pop(&k->replies);

	if (b < 0 && !k->command)
		b = next_event(k);
	if (b >= 0 && b != PS2_RESEND)
		k->last = b;
	return b;
}

/* --- life ---------------------------------------------------------------------------------- */

void ps2_keyboard_reset(struct ps2_keyboard *k)
{
	ps2_queue_clear(&k->replies);
	set_defaults(k);
	set_leds(k, 0);
	k->last = 0;
	k->command = 0;
	k->scanning = 1;
	memset(k->down, 0, sizeof(k->down));
}

bool ps2_keyboard_valid(const struct ps2_keyboard *k)
{
	return ps2_queue_valid(&k->replies) && ps2_queue_valid(&k->events) && k->set >= 1 &&
	       k->set <= 3;
}

void ps2_keyboard_init(struct ps2_keyboard *k, struct machine *m, void (*repeat)(void *dev),
		       void *dev)
{
	timer_init(&k->repeat, m, repeat, dev);
	timer_name(&k->repeat, "keyboard");
}
