// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keysyms to keys, and typing by symbol. The judge is a small US keyboard driver as a guest has
 * one: what it makes of the keys must be what was typed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ui/input.h"
#include "ui/keymap.h"
#include "ui/typing.h"

#include <rfb/keysym.h>
#include <stdio.h>
#include <string.h>

/* Two characters for each scan code from 0 to 0x39, without and with shift. */
static const char us_keys[] = "\0\0\0\0"
			      "1!2@3#4$5%6^7&8*9(0)-_=+"
			      "\b\b\t\t"
			      "qQwWeErRtTyYuUiIoOpP[{]}"
			      "\n\n\0\0"
			      "aAsSdDfFgGhHjJkKlL;:'\"`~"
			      "\0\0"
			      "\\|zZxXcCvVbBnNmM,<.>/?"
			      "\0\0"
			      "**"
			      "\0\0"
			      "  ";

struct guest {
	struct input *in;
	struct typing t;
	bool down[256];
	bool caps;
	char text[256];
	size_t len;
	char events[256]; /* "+2a -2a ": for tests of order */
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void on_key(void *arg, unsigned qnum, bool down)
{
	struct guest *g = arg;
	size_t used = strlen(g->events);
	bool shift;
	char c;

	snprintf(g->events + used, sizeof(g->events) - used, "%c%02x ", down ? '+' : '-', qnum);
	g->down[qnum] = down;
	if (qnum == 0x3a && down) {
		g->caps = !g->caps;
		input_set_leds(g->in, g->caps ? INPUT_LED_CAPS : 0);
	}
	if (!down || qnum > 0x39)
		return;
	shift = g->down[0x2a] || g->down[0x36];
	c = us_keys[2 * qnum];
	if (g->caps && is_letter(c))
		shift = !shift;
	c = us_keys[2 * qnum + shift];
	if (c && !g->down[0xb8] && g->len < sizeof(g->text) - 1)
		g->text[g->len++] = c;
}

static void on_relative(void *arg, int dx, int dy, int dz, unsigned buttons)
{
}

static int setup(void **state)
{
	struct guest *g = calloc(1, sizeof(*g));
	struct input_sink sink = {.key = on_key, .relative = on_relative, .arg = g};

	g->in = input_create(&sink);
	typing_init(&g->t, g->in);
	*state = g;
	return g->in ? 0 : -1;
}

static int teardown(void **state)
{
	struct guest *g = *state;

	input_destroy(g->in);
	free(g);
	return 0;
}

static void stroke(struct guest *g, uint32_t keysym)
{
	typing_key(&g->t, keysym, true);
	typing_key(&g->t, keysym, false);
}

static void assert_nothing_down(const struct guest *g)
{
	unsigned i;

	for (i = 0; i < 256; i++)
		assert_false(g->down[i]);
}

/* --- the map --- */

static void test_every_ascii_character(void **state)
{
	struct keystroke k;
	int c;

	for (c = ' '; c <= '~'; c++) {
		k = keymap_from_keysym((uint32_t)c);
		assert_in_range(k.qnum, 1, 0x39);
		assert_int_equal(us_keys[2 * k.qnum + k.shift], c);
		k = keymap_from_keysym(0x01000000u + (uint32_t)c);
		assert_int_equal(us_keys[2 * k.qnum + k.shift], c);
	}
}

static void test_no_such_symbol(void **state)
{
	static const uint32_t none[] = {0,	    1,	    0x1f, 0x7f, 0x80,	    0x20ac,
					0x010020ac, 0x06c1, 0xd7, 0xf7, 0xffffffff, 0xff00};
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(keymap_from_keysym(none[i]).qnum, 0);
}

static void test_accents_fall_off(void **state)
{
	assert_int_equal(keymap_from_keysym(XK_eacute).qnum, 0x12);
	assert_false(keymap_from_keysym(XK_eacute).shift);
	assert_int_equal(keymap_from_keysym(XK_Eacute).qnum, 0x12);
	assert_true(keymap_from_keysym(XK_Eacute).shift);
	assert_int_equal(keymap_from_keysym(XK_udiaeresis).qnum, 0x16);
	assert_int_equal(keymap_from_keysym(XK_Ccedilla).qnum, 0x2e);
	assert_int_equal(keymap_from_keysym(XK_ntilde).qnum, 0x31);
	assert_int_equal(keymap_from_keysym(XK_ydiaeresis).qnum, 0x15);
	assert_int_equal(keymap_from_keysym(XK_Ooblique).qnum, 0x18);
}

static void test_keys_of_a_pc(void **state)
{
	static const struct {
		uint32_t keysym;
		uint8_t qnum;
	} want[] = {
		{XK_Escape, 0x01},    {XK_BackSpace, 0x0e},   {XK_Tab, 0x0f},
		{XK_Return, 0x1c},    {XK_Shift_L, 0x2a},     {XK_Shift_R, 0x36},
		{XK_Control_L, 0x1d}, {XK_Control_R, 0x9d},   {XK_Alt_L, 0x38},
		{XK_Alt_R, 0xb8},     {0xfe03, 0xb8},	      {XK_Super_L, 0xdb},
		{XK_Super_R, 0xdc},   {XK_Menu, 0xdd},	      {XK_Caps_Lock, 0x3a},
		{XK_Num_Lock, 0x45},  {XK_Scroll_Lock, 0x46}, {XK_Print, 0x54},
		{XK_Sys_Req, 0x54},   {XK_Pause, 0xc6},	      {XK_Break, 0xc6},
		{XK_Insert, 0xd2},    {XK_Delete, 0xd3},      {XK_Home, 0xc7},
		{XK_End, 0xcf},	      {XK_Prior, 0xc9},	      {XK_Next, 0xd1},
		{XK_Up, 0xc8},	      {XK_Down, 0xd0},	      {XK_Left, 0xcb},
		{XK_Right, 0xcd},     {XK_F1, 0x3b},	      {XK_F10, 0x44},
		{XK_F11, 0x57},	      {XK_F12, 0x58},	      {XK_KP_Enter, 0x9c},
		{XK_KP_Divide, 0xb5}, {XK_KP_Multiply, 0x37}, {XK_KP_Subtract, 0x4a},
		{XK_KP_Add, 0x4e},    {XK_KP_Decimal, 0x53},  {XK_KP_Delete, 0x53},
		{0x1008ff12, 0xa0},   {XK_Muhenkan, 0x7b},    {XK_Hiragana_Katakana, 0x70},
	};
	static const uint8_t digits[] = {0x52, 0x4f, 0x50, 0x51, 0x4b,
					 0x4c, 0x4d, 0x47, 0x48, 0x49};
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(keymap_from_keysym(want[i].keysym).qnum, want[i].qnum);
	for (i = 0; i < 10; i++)
		assert_int_equal(keymap_from_keysym(XK_KP_0 + (uint32_t)i).qnum, digits[i]);
	for (i = 0; i < 24; i++)
		assert_int_not_equal(keymap_from_keysym(XK_F1 + (uint32_t)i).qnum, 0);
	for (i = XK_KP_Home; i <= XK_KP_Delete; i++)
		assert_in_range(keymap_from_keysym((uint32_t)i).qnum, 0x47, 0x53);
	assert_true(keymap_from_keysym(0xfe20).shift);
}

static void test_names(void **state)
{
	assert_int_equal(keymap_from_name("a"), 0x1e);
	assert_int_equal(keymap_from_name("A"), 0x1e);
	assert_int_equal(keymap_from_name("/"), 0x35);
	assert_int_equal(keymap_from_name("Return"), 0x1c);
	assert_int_equal(keymap_from_name("enter"), 0x1c);
	assert_int_equal(keymap_from_name("Ctrl"), 0x1d);
	assert_int_equal(keymap_from_name("Alt"), 0x38);
	assert_int_equal(keymap_from_name("DELETE"), 0xd3);
	assert_int_equal(keymap_from_name("F1"), 0x3b);
	assert_int_equal(keymap_from_name("Pause"), 0xc6);
	assert_int_equal(keymap_from_name("minus"), 0x0c);
	assert_int_equal(keymap_from_name(""), 0);
	assert_int_equal(keymap_from_name("F25"), 0);
	assert_int_equal(keymap_from_name("\xe9"), 0);
}

/* --- typing --- */

static void test_symbols_without_modifiers(void **state)
{
	struct guest *g = *state;
	int c;

	for (c = ' '; c <= '~'; c++)
		stroke(g, (uint32_t)c);
	assert_int_equal(g->len, '~' - ' ' + 1);
	for (c = ' '; c <= '~'; c++)
		assert_int_equal(g->text[c - ' '], c);
	assert_nothing_down(g);
}

static void test_symbols_while_shift_is_held(void **state)
{
	struct guest *g = *state;
	int c;

	typing_key(&g->t, XK_Shift_R, true);
	for (c = ' '; c <= '~'; c++)
		stroke(g, (uint32_t)c);
	for (c = ' '; c <= '~'; c++)
		assert_int_equal(g->text[c - ' '], c);
	assert_true(g->down[0x36]); /* as the viewer's still is */
	typing_key(&g->t, XK_Shift_R, false);
	assert_nothing_down(g);
}

static void test_nothing_is_faked_without_need(void **state)
{
	struct guest *g = *state;

	typing_key(&g->t, XK_Shift_L, true);
	stroke(g, 'A');
	stroke(g, XK_Return);
	stroke(g, XK_F1);
	stroke(g, ' ');
	typing_key(&g->t, XK_Shift_L, false);
	stroke(g, 'a');
	assert_string_equal(g->events, "+2a +1e -1e +1c -1c +3b -3b +39 -39 -2a +1e -1e ");
}

static void test_fake_shift_goes_around_the_press(void **state)
{
	struct guest *g = *state;

	stroke(g, 'A');
	assert_string_equal(g->events, "+2a +1e -2a -1e ");
	g->events[0] = 0;
	typing_key(&g->t, XK_Shift_L, true);
	stroke(g, '/');
	assert_string_equal(g->events, "+2a -2a +35 +2a -35 ");
}

static void test_caps_lock_in_both(void **state)
{
	struct guest *g = *state;

	stroke(g, XK_Caps_Lock);
	assert_true(g->caps);
	stroke(g, 'A');
	stroke(g, '1');
	stroke(g, '!');
	typing_key(&g->t, XK_Shift_L, true);
	stroke(g, 'a');
	stroke(g, '!');
	typing_key(&g->t, XK_Shift_L, false);
	assert_string_equal(g->text, "A1!a!");
}

static void test_caps_lock_in_the_viewer_only(void **state)
{
	struct guest *g = *state;

	stroke(g, 'H');
	stroke(g, 'I');
	stroke(g, '1');
	typing_key(&g->t, XK_Shift_L, true);
	stroke(g, 'h');
	typing_key(&g->t, XK_Shift_L, false);
	assert_string_equal(g->text, "HI1h");
	assert_nothing_down(g);
}

static void test_shortcuts_are_keys(void **state)
{
	struct guest *g = *state;

	typing_key(&g->t, XK_Control_L, true);
	stroke(g, 'C');
	typing_key(&g->t, XK_Control_L, false);
	assert_string_equal(g->events, "+1d +2e -2e -1d ");
}

/* Q with AltGr is @ on a German keyboard; with US layout the right Alt would spoil it. */
static void test_altgr_symbols(void **state)
{
	struct guest *g = *state;

	typing_key(&g->t, 0xfe03, true);
	stroke(g, '@');
	stroke(g, '{');
	stroke(g, '\\');
	typing_key(&g->t, 0xfe03, false);
	stroke(g, 'q');
	assert_string_equal(g->text, "@{\\q");
	assert_nothing_down(g);
}

/* The viewer's Num Lock decides, whatever the guest's is. */
static void test_keypad(void **state)
{
	static const uint32_t digits[] = {XK_KP_7, XK_KP_0, XK_KP_Decimal, XK_KP_5};
	struct guest *g = *state;
	unsigned i;

	typing_key(&g->t, XK_Shift_L, true);
	for (i = 0; i < 4; i++)
		stroke(g, digits[i]);
	typing_key(&g->t, XK_Shift_L, false);
	assert_string_equal(g->text, "70.5");
	g->events[0] = 0;
	stroke(g, XK_KP_Home);
	stroke(g, XK_KP_Delete);
	stroke(g, XK_KP_Add);
	assert_string_equal(g->events, "+47 -47 +53 -53 +4e -4e ");
	g->events[0] = 0;
	input_set_leds(g->in, INPUT_LED_NUM);
	stroke(g, XK_KP_7);
	stroke(g, XK_KP_Decimal);
	stroke(g, XK_KP_Home);
	stroke(g, XK_KP_Delete);
	stroke(g, XK_KP_Begin);
	assert_string_equal(g->events, "+47 -47 +53 -53 +c7 -c7 +d3 -d3 +4c -4c ");
}

static void test_keypad_with_alt(void **state)
{
	struct guest *g = *state;

	typing_key(&g->t, XK_Alt_L, true); /* the code of a character */
	stroke(g, XK_KP_2);
	typing_key(&g->t, XK_Alt_L, false);
	assert_string_equal(g->events, "+38 +50 -50 -38 ");
}

static void test_num_lock_in_between(void **state)
{
	struct guest *g = *state;

	typing_key(&g->t, XK_KP_7, true);
	typing_key(&g->t, XK_KP_Home, false);
	assert_nothing_down(g);
	typing_key(&g->t, XK_KP_Home, true);
	input_set_leds(g->in, INPUT_LED_NUM);
	typing_key(&g->t, XK_KP_7, false);
	assert_nothing_down(g);
}

static void test_release_after_shift(void **state)
{
	struct guest *g = *state;

	typing_key(&g->t, XK_Shift_L, true);
	typing_key(&g->t, '!', true);
	typing_key(&g->t, XK_Shift_L, false);
	typing_key(&g->t, '1', false);
	assert_nothing_down(g);
	typing_key(&g->t, XK_Shift_L, true); /* German: / is above 7 */
	typing_key(&g->t, '/', true);
	typing_key(&g->t, XK_Shift_L, false);
	typing_key(&g->t, '7', false);
	assert_nothing_down(g);
}

static void test_more_keys_than_fingers(void **state)
{
	struct guest *g = *state;
	int c;

	for (c = 'a'; c <= 'z'; c++)
		typing_key(&g->t, (uint32_t)c, true);
	for (c = 'a'; c <= 'z'; c++)
		typing_key(&g->t, (uint32_t)c, false);
	assert_nothing_down(g);
}

static void test_random_strokes_stay_in_bounds(void **state)
{
	struct guest *g = *state;
	unsigned i, seed = 1;
	uint32_t keysym;

	for (i = 0; i < 20000; i++) {
		keysym = (uint32_t)rand_r(&seed) % 0x300;
		if (keysym >= 0x100)
			keysym += 0xfe00 - 0x100;
		typing_key(&g->t, keysym, rand_r(&seed) & 1);
		g->events[0] = 0;
	}
	input_release_all(g->in);
	assert_nothing_down(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_ascii_character),
		cmocka_unit_test(test_no_such_symbol),
		cmocka_unit_test(test_accents_fall_off),
		cmocka_unit_test(test_keys_of_a_pc),
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup_teardown(test_symbols_without_modifiers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_symbols_while_shift_is_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_faked_without_need, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_fake_shift_goes_around_the_press, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_caps_lock_in_both, setup, teardown),
		cmocka_unit_test_setup_teardown(test_caps_lock_in_the_viewer_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shortcuts_are_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_altgr_symbols, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keypad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keypad_with_alt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_num_lock_in_between, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release_after_shift, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_keys_than_fingers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_strokes_stay_in_bounds, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("keymap", tests, NULL, NULL);
}
