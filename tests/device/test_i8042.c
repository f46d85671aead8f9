/* SPDX-License-Identifier: GPL-2.0-only */
/* The 8042 with its keyboard and mouse, through ports 0x60 and 0x64. */
#include "rig.h"

#include "ui/input.h"

enum { DATA = 0x60, COMMAND = 0x64 };
enum { OBF = 0x01, SYS = 0x04, CMD = 0x08, AUX = 0x20 };
enum { KEY_A = 0x1e, KEY_CTRL = 0x1d, KEY_ALT = 0x38, KEY_SHIFT = 0x2a, KEY_RIGHT = 0xcd,
       KEY_PRINT = 0x54, KEY_PAUSE = 0xc6 };
enum { CTR_RAW = 0x07, CTR_TRANSLATED = 0x47 };

struct box {
	struct rig *r;
	struct i8042 *k;
};

static unsigned leds_now, leds_calls;

static void leds(void *arg, unsigned v)
{
	leds_now = v;
	leds_calls++;
}

static void command(struct box *b, uint8_t cmd)
{
	rig_out8(b->r, COMMAND, cmd);
}

static void command1(struct box *b, uint8_t cmd, uint8_t v)
{
	rig_out8(b->r, COMMAND, cmd);
	rig_out8(b->r, DATA, v);
}

static uint8_t status(struct box *b)
{
	return rig_in8(b->r, COMMAND);
}

/* The next byte, which must be there and be the keyboard's (or the controller's). */
static int get(struct box *b)
{
	if ((status(b) & (OBF | AUX)) != OBF)
		return -1;
	return rig_in8(b->r, DATA);
}

static int get_aux(struct box *b)
{
	if ((status(b) & (OBF | AUX)) != (OBF | AUX))
		return -1;
	return rig_in8(b->r, DATA);
}

static void expect(struct box *b, unsigned n, const int *want)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(get(b), want[i]);
	assert_false(status(b) & OBF);
}

static void expect_aux(struct box *b, unsigned n, const int *want)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(get_aux(b), want[i]);
	assert_false(status(b) & OBF);
}

#define EXPECT(b, ...)                                                                             \
	expect((b), sizeof((int[]){ __VA_ARGS__ }) / sizeof(int), (int[]){ __VA_ARGS__ })
#define EXPECT_AUX(b, ...)                                                                         \
	expect_aux((b), sizeof((int[]){ __VA_ARGS__ }) / sizeof(int), (int[]){ __VA_ARGS__ })

static void keyboard(struct box *b, uint8_t v)
{
	rig_out8(b->r, DATA, v);
}

static void mouse(struct box *b, uint8_t v)
{
	command1(b, 0xd4, v);
}

static void mouse_ack(struct box *b, uint8_t v)
{
	mouse(b, v);
	EXPECT_AUX(b, 0xfa);
}

static void mouse_rate(struct box *b, uint8_t rate)
{
	mouse_ack(b, 0xf3);
	mouse_ack(b, rate);
}

static void tap(struct box *b, unsigned qnum)
{
	i8042_key(b->k, qnum, true);
	i8042_key(b->k, qnum, false);
}

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->r = rig_new();
	b->k = i8042_create(b->r->m);
	assert_non_null(b->k);
	leds_now = 99;
	leds_calls = 0;
	i8042_watch_leds(b->k, leds, NULL);
	rig_reset(b->r);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	rig_free(b->r);
	free(b);
	return 0;
}

/* --- controller ---------------------------------------------------------------------------- */

static void test_self_test(void **state)
{
	struct box *b = *state;

	assert_int_equal(status(b) & (OBF | SYS | AUX | 0xc2), 0);
	command(b, 0xaa);
	assert_int_equal(status(b), OBF | SYS | CMD | 0x10);
	EXPECT(b, 0x55);
	command(b, 0xab);
	EXPECT(b, 0x00);
	command(b, 0xa9);
	EXPECT(b, 0x00);
	/* the system flag follows the command byte */
	command1(b, 0x60, 0x00);
	assert_int_equal(status(b), 0x10);
}

static void test_command_byte_and_ram(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, 0x65);
	command(b, 0x20);
	EXPECT(b, 0x65);
	for (unsigned i = 1; i < 32; i++)
		command1(b, 0x60 + i, i * 7);
	for (unsigned i = 1; i < 32; i++) {
		command(b, 0x20 + i);
		EXPECT(b, (uint8_t)(i * 7));
	}
	command(b, 0xad);
	command(b, 0xa7);
	command(b, 0x20);
	EXPECT(b, 0x75);
	command(b, 0xae);
	command(b, 0x20);
	EXPECT(b, 0x65);
	command(b, 0xa8);
	command(b, 0x20);
	EXPECT(b, 0x45);
	/* a command in place of the awaited data byte forgets the first */
	command(b, 0x60);
	command1(b, 0x60, 0x44);
	command(b, 0x20);
	EXPECT(b, 0x44);
}

/* How Linux decides that there is an auxiliary port, and that it is not multiplexed. */
static void test_loop(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, 0x03);
	command1(b, 0xd3, 0x5a);
	assert_int_equal(b->r->rises[IRQ_MOUSE], 1);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 0);
	EXPECT_AUX(b, 0x5a);
	command1(b, 0xd3, 0xa4);
	EXPECT_AUX(b, 0xa4);
	command1(b, 0xd2, 0x5a);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 1);
	EXPECT(b, 0x5a);
	/* back to back, unread: each byte is an edge */
	command1(b, 0xd2, 1);
	command1(b, 0xd2, 2);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 3);
	EXPECT(b, 2);
	command1(b, 0x60, 0x00);
	command1(b, 0xd3, 1);
	assert_false(b->r->gsi[IRQ_MOUSE]);
	command1(b, 0x60, 0x02);
	assert_true(b->r->gsi[IRQ_MOUSE]);
	EXPECT_AUX(b, 1);
	assert_false(b->r->gsi[IRQ_MOUSE]);
}

static void test_ports(void **state)
{
	struct box *b = *state;
	int v;

	command(b, 0xc0);
	assert_true(get(b) & 0x80);
	command1(b, 0xd1, 0xdf);
	command(b, 0xd0);
	v = get(b);
	assert_int_equal(v & 3, 3);
	command1(b, 0xd1, 0xdd);
	command(b, 0xd0);
	assert_int_equal(get(b) & 3, 1);
	command(b, 0xdf);
	command(b, 0xd0);
	assert_int_equal(get(b) & 3, 3);
	command1(b, 0x60, 0x10);
	command(b, 0xe0);
	EXPECT(b, 0x02);
	command1(b, 0x60, 0x20);
	command(b, 0xe0);
	EXPECT(b, 0x01);
	command(b, 0xa4);
	EXPECT(b, 0xf1);
	assert_int_equal(b->r->resets, 0);
}

static void test_reset_pulse(void **state)
{
	struct box *b = *state;

	command(b, 0xff);
	command(b, 0xf1);
	assert_int_equal(b->r->resets, 0);
	command(b, 0xfe);
	assert_int_equal(b->r->resets, 1);
	command(b, 0xf0);
	assert_int_equal(b->r->resets, 2);
	command1(b, 0xd1, 0x02);
	assert_int_equal(b->r->resets, 3);
}

/* An answer of the controller is read first, and takes no byte of a device with it. */
static void test_answer_overtakes(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_TRANSLATED);
	i8042_key(b->k, KEY_A, true);
	command(b, 0x20);
	EXPECT(b, CTR_TRANSLATED, 0x1e);
	assert_int_equal(rig_in8(b->r, DATA), 0x1e); /* the buffer keeps its value */
}

static void test_interface_off_holds(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_RAW);
	command(b, 0xad);
	tap(b, KEY_A);
	assert_false(status(b) & OBF);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 0);
	command(b, 0xae);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 1);
	EXPECT(b, 0x1c, 0xf0, 0x1c);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 3);
	/* speaking to the keyboard turns it on again */
	command(b, 0xad);
	keyboard(b, 0xee);
	EXPECT(b, 0xee);
	command(b, 0x20);
	EXPECT(b, CTR_RAW);
}

/* --- keyboard ------------------------------------------------------------------------------ */

static void test_translation(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_TRANSLATED);
	tap(b, KEY_A);
	EXPECT(b, 0x1e, 0x9e);
	tap(b, KEY_RIGHT);
	EXPECT(b, 0xe0, 0x4d, 0xe0, 0xcd);
	tap(b, 0x41); /* F7, whose code in set 2 is above 0x7f */
	EXPECT(b, 0x41, 0xc1);
	tap(b, KEY_PRINT);
	EXPECT(b, 0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa);
	tap(b, KEY_PAUSE);
	EXPECT(b, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
	keyboard(b, 0xf2);
	EXPECT(b, 0xfa, 0xab, 0x41);
	keyboard(b, 0xff);
	EXPECT(b, 0xfa, 0xaa);
}

/* Whatever the key: translated set 2 is what its qnum says, and so is set 1 itself. */
static void test_every_key(void **state)
{
	struct box *b = *state;

	for (int set = 2; set >= 1; set--) {
		command1(b, 0x60, set == 2 ? CTR_TRANSLATED : CTR_RAW);
		keyboard(b, 0xf0);
		EXPECT(b, 0xfa);
		keyboard(b, set);
		EXPECT(b, 0xfa);
		for (int q = 1; q < 256; q++) {
			if (q == KEY_PRINT || q == KEY_PAUSE || q == 0xb7 || q == 0x71 ||
			    q == 0x72 || q == 0x80)
				continue;
			tap(b, q);
			if (q < 0x80)
				EXPECT(b, q, q | 0x80);
			else
				EXPECT(b, 0xe0, q & 0x7f, 0xe0, q);
		}
	}
}

/* Against IBM's and Microsoft's tables, by name. */
static void test_set2(void **state)
{
	static const struct { uint8_t qnum, code; } keys[] = {
		{ 0x01, 0x76 }, { 0x0e, 0x66 }, { 0x0f, 0x0d }, { 0x1c, 0x5a }, { 0x1d, 0x14 },
		{ 0x2a, 0x12 }, { 0x36, 0x59 }, { 0x38, 0x11 }, { 0x39, 0x29 }, { 0x3a, 0x58 },
		{ 0x3b, 0x05 }, { 0x44, 0x09 }, { 0x57, 0x78 }, { 0x58, 0x07 }, { 0x45, 0x77 },
		{ 0x46, 0x7e }, { 0x56, 0x61 }, { 0x53, 0x71 }, { 0x4e, 0x79 }, { 0x2b, 0x5d },
		{ 0x70, 0x13 }, { 0x73, 0x51 }, { 0x79, 0x64 }, { 0x7b, 0x67 }, { 0x7d, 0x6a },
		{ 0x7e, 0x6d }, { 0x9c, 0x5a }, { 0x9d, 0x14 }, { 0xb5, 0x4a }, { 0xb8, 0x11 },
		{ 0xc7, 0x6c }, { 0xd3, 0x71 }, { 0xdb, 0x1f }, { 0xdc, 0x27 }, { 0xdd, 0x2f },
		{ 0xde, 0x37 }, { 0xdf, 0x3f }, { 0xe3, 0x5e }, { 0xa0, 0x23 }, { 0xae, 0x21 },
		{ 0xb0, 0x32 }, { 0x99, 0x4d }, { 0x90, 0x15 }, { 0xa2, 0x34 }, { 0xa4, 0x3b },
		{ 0xb2, 0x3a }, { 0xec, 0x48 }, { 0xa1, 0x2b }, { 0xeb, 0x40 }, { 0xea, 0x38 },
	};
	struct box *b = *state;

	command1(b, 0x60, CTR_RAW);
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		tap(b, keys[i].qnum);
		if (keys[i].qnum < 0x80)
			EXPECT(b, keys[i].code, 0xf0, keys[i].code);
		else
			EXPECT(b, 0xe0, keys[i].code, 0xe0, 0xf0, keys[i].code);
	}
}

static void test_special_keys(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_RAW);
	tap(b, KEY_PAUSE);
	EXPECT(b, 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
	tap(b, KEY_PRINT);
	EXPECT(b, 0xe0, 0x12, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
	tap(b, 0xb7);
	EXPECT(b, 0xe0, 0x12, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
	i8042_key(b->k, KEY_ALT, true);
	i8042_key(b->k, KEY_PRINT, true);
	i8042_key(b->k, KEY_ALT, false);
	i8042_key(b->k, KEY_PRINT, false);
	EXPECT(b, 0x11, 0x84, 0xf0, 0x11, 0xf0, 0x84);
	i8042_key(b->k, KEY_SHIFT, true);
	tap(b, KEY_PRINT);
	EXPECT(b, 0x12, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c);
	i8042_key(b->k, KEY_SHIFT, false);
	EXPECT(b, 0xf0, 0x12);
	i8042_key(b->k, KEY_CTRL, true);
	tap(b, KEY_PAUSE);
	EXPECT(b, 0x14, 0xe0, 0x7e, 0xe0, 0xf0, 0x7e);
	i8042_key(b->k, KEY_CTRL, false);
	EXPECT(b, 0xf0, 0x14);
	tap(b, 0x72); /* the Korean keys have no break */
	tap(b, 0x71);
	EXPECT(b, 0xf2, 0xf1);
	tap(b, 0);
	tap(b, 0x80);
	tap(b, 1000);
	assert_false(status(b) & OBF);
}

static void test_keyboard_commands(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_RAW);
	keyboard(b, 0xee);
	EXPECT(b, 0xee);
	keyboard(b, 0xf2);
	EXPECT(b, 0xfa, 0xab, 0x83);
	keyboard(b, 0xfe);
	EXPECT(b, 0x83);
	keyboard(b, 0xf1);
	EXPECT(b, 0xfe);
	keyboard(b, 0xfe);
	EXPECT(b, 0x83);
	keyboard(b, 0xf0);
	EXPECT(b, 0xfa);
	keyboard(b, 0x00);
	EXPECT(b, 0xfa, 0x02);
	keyboard(b, 0xf0);
	EXPECT(b, 0xfa);
	keyboard(b, 0x04);
	EXPECT(b, 0xfe);
	keyboard(b, 0xf5);
	EXPECT(b, 0xfa);
	tap(b, KEY_A);
	assert_false(status(b) & OBF);
	keyboard(b, 0xf4);
	EXPECT(b, 0xfa);
	tap(b, KEY_A);
	EXPECT(b, 0x1c, 0xf0, 0x1c);
	/* a reply goes before scan codes that wait */
	tap(b, KEY_A);
	assert_int_equal(get(b), 0x1c);
	keyboard(b, 0xee);
	EXPECT(b, 0xf0, 0xee, 0x1c);
}

static void test_leds(void **state)
{
	struct box *b = *state;

	keyboard(b, 0xed);
	EXPECT(b, 0xfa);
	i8042_key(b->k, KEY_A, true);
	assert_false(status(b) & OBF); /* scanning rests until the argument has come */
	keyboard(b, 0x06);
	EXPECT(b, 0xfa, 0x1c);
	assert_int_equal(leds_now, INPUT_LED_NUM | INPUT_LED_CAPS);
	assert_int_equal(leds_calls, 1);
	keyboard(b, 0xed);
	EXPECT(b, 0xfa);
	keyboard(b, 0xee); /* another command in place of the argument */
	EXPECT(b, 0xee);
	assert_int_equal(leds_calls, 1);
	keyboard(b, 0xff);
	EXPECT(b, 0xfa, 0xaa);
	assert_int_equal(leds_now, 0);
}

static void test_set3(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_RAW);
	keyboard(b, 0xf0);
	EXPECT(b, 0xfa);
	keyboard(b, 3);
	EXPECT(b, 0xfa);
	tap(b, KEY_A); /* typematic: no break */
	EXPECT(b, 0x1c);
	tap(b, KEY_SHIFT); /* make and break */
	EXPECT(b, 0x12, 0xf0, 0x12);
	keyboard(b, 0xf8);
	EXPECT(b, 0xfa);
	tap(b, KEY_A);
	EXPECT(b, 0x1c, 0xf0, 0x1c);
	tap(b, KEY_RIGHT);
	EXPECT(b, 0x6a, 0xf0, 0x6a);
	tap(b, KEY_PAUSE);
	EXPECT(b, 0x62, 0xf0, 0x62);
	/* one key: a list, up to the next command */
	keyboard(b, 0xfd);
	EXPECT(b, 0xfa);
	keyboard(b, 0x1c);
	EXPECT(b, 0xfa);
	keyboard(b, 0xf4);
	EXPECT(b, 0xfa);
	tap(b, KEY_A);
	EXPECT(b, 0x1c);
}

static void test_typematic(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_TRANSLATED);
	assert_false(rig_timer_armed(b->r));
	i8042_key(b->k, KEY_A, true);
	EXPECT(b, 0x1e);
	for (int i = 0; i < 5; i++)
		i8042_key(b->k, KEY_A, true); /* the viewer's own repeat */
	assert_false(status(b) & OBF);
	rig_advance(b->r, 499 * NS_PER_MS);
	assert_false(status(b) & OBF);
	rig_advance(b->r, 2 * NS_PER_MS);
	EXPECT(b, 0x1e);
	rig_advance(b->r, 90 * NS_PER_MS); /* 10.9 a second is every 91.7 ms */
	assert_false(status(b) & OBF);
	rig_advance(b->r, 2 * NS_PER_MS);
	EXPECT(b, 0x1e);
	i8042_key(b->k, KEY_A, false);
	EXPECT(b, 0x9e);
	assert_false(rig_timer_armed(b->r));
	/* 1 s and 2 a second */
	keyboard(b, 0xf3);
	EXPECT(b, 0xfa);
	keyboard(b, 0x7f);
	EXPECT(b, 0xfa);
	i8042_key(b->k, KEY_A, true);
	EXPECT(b, 0x1e);
	rig_advance(b->r, 1001 * NS_PER_MS);
	EXPECT(b, 0x1e);
	rig_advance(b->r, 498 * NS_PER_MS);
	assert_false(status(b) & OBF);
	rig_advance(b->r, 2 * NS_PER_MS);
	EXPECT(b, 0x1e);
}

/* A guest that does not read is not woken again and again, and finds few repeats later. */
static void test_typematic_rests(void **state)
{
	struct box *b = *state;
	unsigned n = 0;

	command1(b, 0x60, CTR_TRANSLATED);
	i8042_key(b->k, KEY_A, true);
	rig_advance(b->r, 10 * NS_PER_SEC);
	assert_false(rig_timer_armed(b->r));
	while (get(b) == 0x1e)
		n++;
	assert_in_range(n, 2, 3);
	assert_true(rig_timer_armed(b->r));
	rig_advance(b->r, 92 * NS_PER_MS);
	EXPECT(b, 0x1e);
	/* the last key pressed is the one that repeats */
	i8042_key(b->k, 0x30, true);
	EXPECT(b, 0x30);
	i8042_key(b->k, KEY_A, false);
	EXPECT(b, 0x9e);
	rig_advance(b->r, 501 * NS_PER_MS);
	EXPECT(b, 0x30);
	/* no scanning, no repeat */
	keyboard(b, 0xf5);
	EXPECT(b, 0xfa);
	assert_false(rig_timer_armed(b->r));
}

/* Sixteen bytes, then the overrun code where the lost keys were. */
static void test_overrun(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_RAW);
	for (unsigned i = 0; i < 10; i++)
		tap(b, KEY_A + i);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(get(b), i % 3 == 1 ? 0xf0 : i < 3 ? 0x1c : 0x1b);
	tap(b, 0x01);
	for (unsigned i = 5; i < 15; i++)
		assert_int_not_equal(get(b), 0x00);
	/* of the sixth key only the make fitted: its break follows, no key hangs */
	EXPECT(b, 0x33, 0x00, 0x76, 0xf0, 0x76, 0xf0, 0x33);
	tap(b, KEY_A);
	EXPECT(b, 0x1c, 0xf0, 0x1c);
}

/* A key whose make was lost has no break either, and comes when the viewer repeats it. */
static void test_overrun_lost_make(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_TRANSLATED);
	command(b, 0xad);
	for (unsigned i = 0; i < 8; i++)
		tap(b, KEY_RIGHT);
	i8042_key(b->k, KEY_A, true);
	i8042_key(b->k, KEY_A, false);
	i8042_key(b->k, KEY_SHIFT, true);
	command(b, 0xae);
	while (status(b) & OBF) {
		int v = get(b);

		assert_true(v == 0xe0 || v == 0x4d || v == 0xcd || v == 0xff);
	}
	i8042_key(b->k, KEY_SHIFT, true);
	EXPECT(b, 0x2a);
	i8042_key(b->k, KEY_SHIFT, false);
	EXPECT(b, 0xaa);
}

/* --- mouse --------------------------------------------------------------------------------- */

static void test_mouse_reset(void **state)
{
	struct box *b = *state;

	mouse(b, 0xff);
	assert_int_equal(b->r->rises[IRQ_MOUSE], 1);
	EXPECT_AUX(b, 0xfa, 0xaa, 0x00);
	assert_int_equal(b->r->rises[IRQ_MOUSE], 3);
	assert_int_equal(b->r->rises[IRQ_KEYBOARD], 0);
	mouse(b, 0xf2);
	EXPECT_AUX(b, 0xfa, 0x00);
	mouse(b, 0xe9);
	EXPECT_AUX(b, 0xfa, 0x00, 0x02, 100);
	mouse_ack(b, 0xe8);
	mouse_ack(b, 3);
	mouse_rate(b, 40);
	mouse_ack(b, 0xe7);
	mouse_ack(b, 0xf4);
	i8042_mouse(b->k, 0, 0, 0, INPUT_LEFT | INPUT_RIGHT);
	EXPECT_AUX(b, 0x0b, 0, 0);
	mouse(b, 0xe9);
	EXPECT_AUX(b, 0xfa, 0x35, 0x03, 40);
	mouse(b, 0xfe);
	EXPECT_AUX(b, 0xfa, 0x35, 0x03, 40);
	mouse_ack(b, 0xf6);
	mouse(b, 0xe9);
	EXPECT_AUX(b, 0xfa, 0x05, 0x02, 100);
}

static void test_mouse_invalid(void **state)
{
	struct box *b = *state;

	mouse(b, 0xe1);
	EXPECT_AUX(b, 0xfe);
	mouse(b, 0xe1);
	EXPECT_AUX(b, 0xfc);
	mouse_ack(b, 0xf3);
	mouse(b, 55);
	EXPECT_AUX(b, 0xfe);
	mouse_ack(b, 0xe6);
	mouse_ack(b, 0xe8);
	mouse(b, 9);
	EXPECT_AUX(b, 0xfe);
}

static void test_mouse_stream(void **state)
{
	struct box *b = *state;

	i8042_mouse(b->k, 5, 5, 0, 0);
	assert_false(status(b) & OBF); /* reporting is off at first */
	mouse_ack(b, 0xf4);
	assert_false(status(b) & OBF); /* and forgets what was before */
	i8042_mouse(b->k, 3, 4, 0, 0);
	EXPECT_AUX(b, 0x28, 3, 0xfc);
	i8042_mouse(b->k, -1, -2, 0, INPUT_MIDDLE);
	EXPECT_AUX(b, 0x1c, 0xff, 2);
	/* what comes while a packet waits is merged into one */
	i8042_mouse(b->k, 1, 0, 0, 0);
	for (int i = 0; i < 10; i++)
		i8042_mouse(b->k, 2, -3, 0, 0);
	EXPECT_AUX(b, 0x08, 1, 0, 0x08, 20, 30);
	i8042_mouse(b->k, 0, 0, 0, 0);
	assert_false(status(b) & OBF);
	/* a click is not lost in between */
	i8042_mouse(b->k, 1, 0, 0, 0);
	i8042_mouse(b->k, 0, 0, 0, INPUT_LEFT);
	i8042_mouse(b->k, 0, 0, 0, 0);
	EXPECT_AUX(b, 0x08, 1, 0, 0x09, 0, 0, 0x08, 0, 0);
}

static void test_mouse_large(void **state)
{
	struct box *b = *state;

	mouse_ack(b, 0xf4);
	i8042_mouse(b->k, 600, -300, 0, 0);
	EXPECT_AUX(b, 0x08, 255, 255, 0x08, 255, 45, 0x08, 90, 0);
	i8042_mouse(b->k, -256, 0, 0, 0);
	EXPECT_AUX(b, 0x18, 1, 0, 0x18, 0xff, 0);
	/* beyond what the counters hold, the overflow bits tell */
	i8042_mouse(b->k, 1 << 30, 1 << 30, 0, 0);
	assert_int_equal(get_aux(b), 0xe8);
	assert_int_equal(get_aux(b), 255);
	assert_int_equal(get_aux(b), 1);
	assert_int_equal(get_aux(b), 0x28);
	while (status(b) & OBF)
		get_aux(b);
	/* scaling 2:1 */
	mouse_ack(b, 0xf4);
	mouse_ack(b, 0xe7);
	i8042_mouse(b->k, 3, -4, 0, 0);
	EXPECT_AUX(b, 0x08, 3, 6);
	i8042_mouse(b->k, -2, -10, 0, 0);
	EXPECT_AUX(b, 0x18, 0xff, 20);
}

static void test_mouse_wheel(void **state)
{
	struct box *b = *state;

	mouse_rate(b, 200);
	mouse_rate(b, 100);
	mouse_rate(b, 80);
	mouse(b, 0xf2);
	EXPECT_AUX(b, 0xfa, 3);
	mouse_ack(b, 0xf4);
	i8042_mouse(b->k, 0, 0, -1, INPUT_SIDE);
	EXPECT_AUX(b, 0x08, 0, 0, 0xff);
	i8042_mouse(b->k, 0, 0, 9, 0);
	EXPECT_AUX(b, 0x08, 0, 0, 7, 0x08, 0, 0, 2);
	mouse_rate(b, 200);
	mouse_rate(b, 200);
	mouse_rate(b, 80);
	mouse(b, 0xf2);
	EXPECT_AUX(b, 0xfa, 4);
	i8042_mouse(b->k, 1, 0, -1, INPUT_SIDE);
	EXPECT_AUX(b, 0x08, 1, 0, 0x1f);
	i8042_mouse(b->k, 0, 0, 1, INPUT_EXTRA | INPUT_LEFT);
	EXPECT_AUX(b, 0x09, 0, 0, 0x21);
	mouse(b, 0xff);
	EXPECT_AUX(b, 0xfa, 0xaa, 0x00);
}

static void test_mouse_modes(void **state)
{
	struct box *b = *state;

	mouse_ack(b, 0xf4);
	mouse_ack(b, 0xf0);
	i8042_mouse(b->k, 7, 0, 0, 0);
	i8042_mouse(b->k, 7, 0, 0, INPUT_LEFT);
	assert_false(status(b) & OBF);
	mouse(b, 0xeb);
	EXPECT_AUX(b, 0xfa, 0x09, 14, 0);
	mouse(b, 0xeb);
	EXPECT_AUX(b, 0xfa, 0x09, 0, 0);
	mouse_ack(b, 0xee);
	mouse(b, 0xe9);
	EXPECT_AUX(b, 0xe9);
	mouse_ack(b, 0xec);
	mouse_ack(b, 0xea);
	i8042_mouse(b->k, 1, 0, 0, INPUT_LEFT);
	EXPECT_AUX(b, 0x09, 1, 0);
}

/* A command in the middle of a packet ends it: the reply is not taken for movement. */
static void test_mouse_command_cuts_packet(void **state)
{
	struct box *b = *state;

	mouse_ack(b, 0xf4);
	i8042_mouse(b->k, 1, 2, 0, 0);
	assert_int_equal(get_aux(b), 0x28);
	mouse(b, 0xf5);
	EXPECT_AUX(b, 1, 0xfa);
	/* keyboard bytes may come between a packet's, marked as what they are */
	mouse_ack(b, 0xf4);
	command1(b, 0x60, CTR_TRANSLATED);
	i8042_mouse(b->k, 1, 2, 0, 0);
	i8042_key(b->k, KEY_A, true);
	assert_int_equal(get_aux(b), 0x28);
	assert_int_equal(get(b), 0x1e);
	EXPECT_AUX(b, 1, 0xfe);
}

/* --- both ---------------------------------------------------------------------------------- */

static void test_machine_reset(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, 0x00);
	mouse_ack(b, 0xf4);
	i8042_key(b->k, KEY_A, true);
	rig_reset(b->r);
	assert_false(status(b) & OBF);
	assert_false(rig_timer_armed(b->r));
	assert_false(b->r->gsi[IRQ_KEYBOARD]);
	command1(b, 0x60, CTR_TRANSLATED);
	i8042_key(b->k, KEY_A, true); /* pressed anew, as far as this machine knows */
	EXPECT(b, 0x1e);
}

static void test_saved_state(void **state)
{
	struct box *b = *state;

	command1(b, 0x60, CTR_TRANSLATED);
	mouse_rate(b, 200);
	mouse_rate(b, 200);
	mouse_rate(b, 80);
	mouse_ack(b, 0xf4);
	keyboard(b, 0xed);
	keyboard(b, 0x02);
	tap(b, KEY_PRINT);
	i8042_key(b->k, KEY_A, true);
	i8042_mouse(b->k, 900, 2, 3, INPUT_SIDE);
	i8042_mouse(b->k, 1, 2, 3, INPUT_LEFT);
	command(b, 0x20);
	command(b, 0xd1);
	rig_check_saved_state(b->r);
	assert_int_equal(leds_now, INPUT_LED_NUM);
	assert_true(b->r->gsi[IRQ_KEYBOARD]);
	rig_out8(b->r, DATA, 0xdf);
	assert_int_equal(get(b), CTR_TRANSLATED);
	assert_int_equal(get(b), 0xfa);
	assert_int_equal(get(b), 0xfa);
}

static struct device *device_of(struct box *b)
{
	return (struct device *)b->k;
}

/* Any record at all is refused or leaves a device that holds together. */
static void test_hostile_state(void **state)
{
	struct box *b = *state;
	uint8_t good[2048], bad[2048];
	size_t len = device_save(device_of(b), good, sizeof(good));
	unsigned seed = 8042;

	assert_in_range(len, 1, sizeof(good));
	for (unsigned round = 0; round < 2000; round++) {
		memcpy(bad, good, len);
		for (unsigned i = 0; i < 1 + round % 8; i++)
			bad[2 + (unsigned)rand_r(&seed) % (len - 2)] = rand_r(&seed);
		device_load(device_of(b), bad, len);
		for (unsigned i = 0; i < 4; i++) {
			tap(b, rand_r(&seed) & 0xff);
			i8042_mouse(b->k, i, i, i, i);
			rig_in8(b->r, DATA);
			rig_out8(b->r, DATA, rand_r(&seed));
		}
		if (round % 64 == 0)
			rig_advance(b->r, NS_PER_SEC);
	}
}

static void test_sweep(void **state)
{
	struct box *b = *state;
	unsigned seed = 1;

	for (unsigned i = 0; i < 60000; i++) {
		uint16_t port = rand_r(&seed) & 1 ? DATA : COMMAND;
		uint32_t v = rand_r(&seed);

		switch (rand_r(&seed) % 9) {
		case 0:
			rig_out16(b->r, port, v);
			break;
		case 1:
			rig_out32(b->r, port, v);
			break;
		case 2:
			rig_in16(b->r, port);
			break;
		case 3:
			rig_in32(b->r, port);
			break;
		case 4:
			i8042_key(b->k, v & 0xff, v & 0x100);
			break;
		case 5:
			i8042_mouse(b->k, (int)v >> 16, (int)(v << 16) >> 16, (int)v >> 28, v >> 3);
			break;
		case 6:
			rig_advance(b->r, v % (20 * NS_PER_MS));
			break;
		case 7:
			rig_in8(b->r, DATA);
			break;
		default:
			rig_out8(b->r, port, v);
		}
	}
	rig_check_saved_state(b->r);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_self_test),
		TEST(test_command_byte_and_ram),
		TEST(test_loop),
		TEST(test_ports),
		TEST(test_reset_pulse),
		TEST(test_answer_overtakes),
		TEST(test_interface_off_holds),
		TEST(test_translation),
		TEST(test_every_key),
		TEST(test_set2),
		TEST(test_special_keys),
		TEST(test_keyboard_commands),
		TEST(test_leds),
		TEST(test_set3),
		TEST(test_typematic),
		TEST(test_typematic_rests),
		TEST(test_overrun),
		TEST(test_overrun_lost_make),
		TEST(test_mouse_reset),
		TEST(test_mouse_invalid),
		TEST(test_mouse_stream),
		TEST(test_mouse_large),
		TEST(test_mouse_wheel),
		TEST(test_mouse_modes),
		TEST(test_mouse_command_cuts_packet),
		TEST(test_machine_reset),
		TEST(test_saved_state),
		TEST(test_hostile_state),
		TEST(test_sweep),
	};

	return cmocka_run_group_tests_name("i8042", tests, NULL, NULL);
}
