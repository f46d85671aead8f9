// SPDX-License-Identifier: GPL-2.0-only
/* The display adapter in text modes: what is drawn. */
#include "vga_look.h"

static void test_text(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	refresh(t);
	check_size(720, 400);
	for (unsigned i = 0; i < 2000; i++)
		check_cell(i % 80 * 9, i / 80 * 16, i * 7, 0, text_rgb(WHITE), text_rgb(0));
}

static void test_text_colours(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	set_attr(t, 0x30, 0x04); /* bright backgrounds instead of blinking */
	for (unsigned attr = 0; attr < 256; attr++)
		put(t, attr, 'A', attr);
	refresh(t);
	for (unsigned attr = 0; attr < 256; attr++)
		check_cell(attr % 80 * 9, attr / 80 * 16, 'A', 0, text_rgb(attr & 15),
			   text_rgb(attr >> 4));
	set_attr(t, 0x32, 0x03); /* only two planes reach the palette */
	refresh(t);
	check_cell(0x1c * 9, 0, 'A', 0, text_rgb(0), text_rgb(1));
	set_attr(t, 0x32, 0x0f);
	set_dac(t, 0x3f, 1, 2, 3); /* white */
	refresh(t);
	check_cell(0x0f * 9, 0, 'A', 0, six_bits(1) << 16 | six_bits(2) << 8 | six_bits(3),
		   text_rgb(0));
	rig_out8(t->r, 0x3c6, 0); /* PEL mask */
	refresh(t);
	check_cell(0x0f * 9, 0, 'A', 0, dac_rgb(0), dac_rgb(0));
}

static void test_text_ninth_dot(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	put(t, 0, 0xdb, WHITE); /* line 2: 0x91, ends in a dot */
	put(t, 1, 0xdb, WHITE);
	refresh(t);
	assert_int_equal(pixel(8, 2), text_rgb(WHITE));
	set_attr(t, 0x30, 0x08); /* no line graphics */
	refresh(t);
	assert_int_equal(pixel(7, 2), text_rgb(WHITE));
	assert_int_equal(pixel(8, 2), text_rgb(0));
	set_seq(t, 1, 1); /* eight dots */
	set_attr(t, 0x33, 0);
	refresh(t);
	check_size(640, 400);
	assert_int_equal(pixel(8, 2), pixel(0, 2));
	set_seq(t, 1, 9); /* 40 columns' clock: each dot twice */
	set_crtc(t, 0x11, 0);
	set_crtc(t, 1, 39);
	refresh(t);
	check_size(640, 400);
	assert_int_equal(pixel(14, 2), text_rgb(WHITE));
	assert_int_equal(pixel(15, 2), text_rgb(WHITE));
}

static void test_text_fonts(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	load_font(t, 0x6000, 0xff); /* the fifth and last but two in plane 2: number 5 */
	put(t, 0, 'x', 0x07);
	put(t, 1, 'x', 0x0f);
	set_seq(t, 3, 0x24); /* attribute bit 3 selects number 5, else 0 */
	refresh(t);
	check_cell(0, 0, 'x', 0, text_rgb(7), text_rgb(0));
	check_cell(9, 0, 'x', 0xff, text_rgb(15), text_rgb(0));
	set_seq(t, 3, 0x11);
	refresh(t);
	check_cell(0, 0, 'x', 0xff, text_rgb(7), text_rgb(0));
	/* a font that changes shows, though no character does */
	set_seq(t, 3, 0);
	vga_set_watched(t->vga, true);
	load_font(t, 0, 0x55);
	rig_advance(t->r, 50 * NS_PER_MS);
	look(t);
	check_cell(9, 0, 'x', 0x55, text_rgb(15), text_rgb(0));
}

static void test_text_underline(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	put(t, 0, 0, 0x01);
	put(t, 1, 0, 0x07);
	set_crtc(t, 0x14, 13);
	refresh(t);
	for (unsigned x = 0; x < 9; x++)
		assert_int_equal(pixel(x, 13), text_rgb(1));
	assert_int_equal(pixel(8, 12), text_rgb(0));
	assert_int_equal(pixel(17, 13), text_rgb(0));
}

/* Lines of the cell at x, y that are all foreground. */
static uint32_t full_lines(unsigned x, unsigned y, uint32_t fg)
{
	uint32_t lines = 0;

	for (unsigned j = 0; j < 16; j++) {
		unsigned n = 0;

		for (unsigned i = 0; i < 9; i++)
			n += pixel(x + i, y + j) == fg;
		lines |= (n == 9) << j;
	}
	return lines;
}

static void test_cursor(void **state)
{
	struct vga_rig *t = *state;
	unsigned on = 0, changes = 0, was = 2;

	start_text(t);
	put(t, 161, 0, 0x02);
	set_crtc(t, 0x0e, 0);
	set_crtc(t, 0x0f, 161);
	set_crtc(t, 0x0a, 13);
	set_crtc(t, 0x0b, 14);
	vga_set_watched(t->vga, true);
	for (unsigned i = 0; i < 160; i++) { /* four seconds */
		unsigned now;

		look(t);
		now = full_lines(9, 32, text_rgb(2)) == 0x6000;
		assert_true(now || !full_lines(9, 32, text_rgb(2)));
		on += now;
		changes += now != was;
		was = now;
		rig_advance(t->r, 25 * NS_PER_MS);
	}
	assert_in_range(on, 60, 100);
	assert_in_range(changes, 7, 9);
	vga_set_watched(t->vga, false);
	set_crtc(t, 0x0a, CURSOR_OFF_BIT | 13);
	for (unsigned i = 0; i < 8; i++) {
		refresh(t);
		assert_int_equal(full_lines(9, 32, text_rgb(2)), 0);
		rig_advance(t->r, 100 * NS_PER_MS);
	}
	set_crtc(t, 0x0a, 15); /* begins below its end: none */
	for (unsigned i = 0; i < 8; i++) {
		refresh(t);
		assert_int_equal(full_lines(9, 32, text_rgb(2)), 0);
		rig_advance(t->r, 100 * NS_PER_MS);
	}
}

static void test_blink(void **state)
{
	struct vga_rig *t = *state;
	unsigned on = 0, changes = 0, was = 2;

	start_text(t);
	put(t, 0, 'A', 0x9a);
	vga_set_watched(t->vga, true);
	for (unsigned i = 0; i < 160; i++) {
		unsigned now;

		look(t);
		now = pixel(1, 0) == text_rgb(10);
		check_cell(0, 0, now ? 'A' : 0, 0, text_rgb(now ? 10 : 1), text_rgb(1));
		on += now;
		changes += now != was;
		was = now;
		rig_advance(t->r, 25 * NS_PER_MS);
	}
	assert_in_range(on, 60, 100);
	assert_in_range(changes, 3, 5);
}

static void test_text_scroll(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	refresh(t);
	set_crtc(t, 0x0c, 0);
	set_crtc(t, 0x0d, 80); /* one row up */
	refresh(t);
	check_cell(0, 0, 80 * 7 & 0xff, 0, text_rgb(WHITE), text_rgb(0));
	set_crtc(t, 8, 5); /* and five lines, smoothly */
	set_crtc(t, 0x13, 0x50 / 2 * 2);
	refresh(t);
	for (unsigned x = 0; x < 8; x++)
		assert_int_equal(pixel(x, 0) == text_rgb(WHITE),
				 font_line(80 * 7 & 0xff, 5) >> (7 - x) & 1);
	set_crtc(t, 8, 0);
	set_crtc(t, 0x13, 0x28);
	set_crtc(t, 0x0d, 0);
	set_attr(t, 0x33, 2); /* three dots to the left: 8 is none, 0 one */
	refresh(t);
	check_cell(6, 0, 7, 0, text_rgb(WHITE), text_rgb(0));
	check_cell(79 * 9 - 3, 16, 159 * 7 & 0xff, 0, text_rgb(WHITE), text_rgb(0));
	put(t, 80, 0xff, WHITE); /* whose first line is full: its left is seen at the right */
	refresh(t);
	for (unsigned x = 717; x < 720; x++)
		assert_int_equal(pixel(x, 0), text_rgb(WHITE));
}

static void test_text_split(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	set_crtc(t, 0x0d, 160);
	set_crtc(t, 0x11, 0);
	set_crtc(t, 7, 0x0f); /* line compare's upper bits clear */
	set_crtc(t, 9, 0x0f);
	set_crtc(t, 0x18, 8 * 16 + 3); /* in the middle of a row */
	refresh(t);
	check_cell(0, 7 * 16, 9 * 80 * 7 & 0xff, 0, text_rgb(WHITE), text_rgb(0));
	check_cell(9, 8 * 16 + 4, 7, 0, text_rgb(WHITE), text_rgb(0));
}

static void test_text_damage(void **state)
{
	struct vga_rig *t = *state;
	struct watcher w = { .viewer.changed = watcher_changed };

	start_text(t);
	surface_attach(t->surface, &w.viewer);
	refresh(t);
	damage_of(t, &w);
	w.told = 0;
	put(t, 82, '*', 0x1e);
	vga_set_watched(t->vga, true);
	damage_of(t, &w);
	put(t, 83, '*', 0x1e);
	rig_advance(t->r, 50 * NS_PER_MS);
	check_damage(t, &w, 27, 16, 36, 32);
	look(t);
	check_cell(27, 16, '*', 0, text_rgb(14), text_rgb(1));
	w.told = 0;
	put(t, 83, '*', 0x1e); /* what is there already */
	rig_advance(t->r, NS_PER_SEC);
	assert_int_equal(w.told, 0);
	surface_detach(t->surface, &w.viewer);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, vga_rig_setup, look_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text),
		TEST(test_text_colours),
		TEST(test_text_ninth_dot),
		TEST(test_text_fonts),
		TEST(test_text_underline),
		TEST(test_cursor),
		TEST(test_blink),
		TEST(test_text_scroll),
		TEST(test_text_split),
		TEST(test_text_damage),
	};

	return cmocka_run_group_tests_name("vga_text", tests, NULL, NULL);
}
