// SPDX-License-Identifier: GPL-2.0-only
/* The PS/2 keyboard behind the 8042: scan codes, commands, typematic repeat. */
#include "i8042_box.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("ps2_keyboard", tests, NULL, NULL);
}
