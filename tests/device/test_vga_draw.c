/* SPDX-License-Identifier: GPL-2.0-only */
/* What the display adapter shows, and when it looks. */
#include "vga_rig.h"

#include <errno.h>

/* --- looking at the surface --- */

struct picture {
	unsigned width, height;
	uint32_t *pixels;
};

static struct picture shown;

static void look(struct vga_rig *t)
{
	struct surface_look l;

	surface_take(t->surface, NULL, NULL, &l);
	free(shown.pixels);
	shown = (struct picture){ l.width, l.height, malloc((size_t)l.width * l.height * 4) };
	for (unsigned y = 0; y < l.height; y++)
		memcpy(shown.pixels + (size_t)y * l.width, l.pixels + (size_t)y * l.stride,
		       l.width * 4);
	surface_release(t->surface);
}

static void refresh(struct vga_rig *t)
{
	vga_refresh(t->vga);
	look(t);
}

static uint32_t pixel(unsigned x, unsigned y)
{
	assert_true(x < shown.width && y < shown.height);
	return shown.pixels[(size_t)y * shown.width + x];
}

static void check_size(unsigned width, unsigned height)
{
	assert_int_equal(shown.width, width);
	assert_int_equal(shown.height, height);
}

struct watcher {
	struct surface_viewer viewer;
	unsigned told;
};

static void watcher_changed(struct surface_viewer *v)
{
	((struct watcher *)v)->told++;
}

static pixman_box32_t damage_of(struct vga_rig *t, struct watcher *w)
{
	pixman_region32_t region;
	struct surface_look l;
	pixman_box32_t box;

	pixman_region32_init(&region);
	surface_take(t->surface, &w->viewer, &region, &l);
	surface_release(t->surface);
	box = *pixman_region32_extents(&region);
	pixman_region32_fini(&region);
	return box;
}

static unsigned damaged_pixels(struct vga_rig *t, struct watcher *w)
{
	pixman_region32_t region;
	struct surface_look l;
	unsigned sum = 0;
	pixman_box32_t *box;
	int n;

	pixman_region32_init(&region);
	surface_take(t->surface, &w->viewer, &region, &l);
	surface_release(t->surface);
	box = pixman_region32_rectangles(&region, &n);
	for (int i = 0; i < n; i++)
		sum += (box[i].x2 - box[i].x1) * (box[i].y2 - box[i].y1);
	pixman_region32_fini(&region);
	return sum;
}

static void check_damage(struct vga_rig *t, struct watcher *w, int x1, int y1, int x2, int y2)
{
	pixman_box32_t b = damage_of(t, w);

	assert_int_equal(b.x1, x1);
	assert_int_equal(b.y1, y1);
	assert_int_equal(b.x2, x2);
	assert_int_equal(b.y2, y2);
}

/* --- text --- */

enum { WHITE = 7, CURSOR_OFF_BIT = 0x20 };

/* The colour that a BIOS palette entry ends at in text modes: by way of the attribute registers. */
static uint32_t text_rgb(unsigned attr)
{
	return dac_rgb(mode_3.attr[attr]);
}

/* A font in which line i of character c is c ^ 37 * i, loaded as a BIOS does it. */
static uint8_t font_line(unsigned c, unsigned line)
{
	return c ^ 37 * line;
}

static void load_font(struct vga_rig *t, uint32_t at, uint8_t flip)
{
	set_seq(t, 2, 4);
	set_seq(t, 4, 7);
	set_gfx(t, 4, 2);
	set_gfx(t, 5, 0);
	set_gfx(t, 6, 4);
	for (unsigned c = 0; c < 256; c++)
		for (unsigned i = 0; i < 16; i++)
			rig_write(t->r, A0000 + at + c * 32 + i, font_line(c, i) ^ flip, 1);
	set_seq(t, 2, 3);
	set_seq(t, 4, 2);
	set_gfx(t, 4, 0);
	set_gfx(t, 5, 0x10);
	set_gfx(t, 6, 0x0e);
}

static void put(struct vga_rig *t, unsigned cell, uint8_t c, uint8_t attr)
{
	rig_write(t->r, B8000 + cell * 2, attr << 8 | c, 2);
}

static void start_text(struct vga_rig *t)
{
	set_mode(t, &mode_3);
	set_crtc(t, 0x0a, CURSOR_OFF_BIT);
	load_font(t, 0, 0);
	for (unsigned i = 0; i < 2000; i++)
		put(t, i, i * 7, WHITE);
}

/* Compares one character of 9 x 16 at (x, y) with the font. */
static void check_cell(unsigned x, unsigned y, uint8_t c, uint8_t flip, uint32_t fg, uint32_t bg)
{
	for (unsigned j = 0; j < 16; j++) {
		unsigned bits = font_line(c, j) ^ flip;

		for (unsigned i = 0; i < 9; i++) {
			bool on = i < 8 ? bits >> (7 - i) & 1 : (c & 0xe0) == 0xc0 && (bits & 1);

			assert_int_equal(pixel(x + i, y + j), on ? fg : bg);
		}
	}
}

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
	assert_in_range(changes, 12, 18);
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
	assert_in_range(changes, 6, 10);
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

/* --- VGA graphics --- */

static void test_mode_13h(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_13h);
	for (unsigned i = 0; i < 64000; i++)
		rig_write(t->r, A0000 + i, (i % 320 + i / 320 * 3) & 0xff, 1);
	refresh(t);
	check_size(640, 400);
	for (unsigned y = 0; y < 400; y++)
		for (unsigned x = 0; x < 640; x++)
			assert_int_equal(pixel(x, y), dac_rgb((x / 2 + y / 2 * 3) & 0xff));
	set_attr(t, 0x33, 4); /* two pixels to the left */
	set_crtc(t, 0x0d, 80);
	refresh(t);
	assert_int_equal(pixel(0, 0), dac_rgb(5));
	assert_int_equal(pixel(639, 0), dac_rgb((1 + 6) & 0xff)); /* the next line's second */
}

static void test_mode_x(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_13h);
	set_seq(t, 4, 6);
	set_crtc(t, 0x14, 0);
	set_crtc(t, 0x17, 0xe3);
	for (unsigned p = 0; p < 4; p++) {
		set_seq(t, 2, 1 << p);
		for (unsigned i = 0; i < 80 * 240; i++)
			rig_write(t->r, A0000 + i, (i * 4 + p) & 0x3f, 1);
	}
	set_crtc(t, 0x0c, 0x40); /* the second page */
	refresh(t);
	assert_int_equal(pixel(0, 0), dac_rgb((0x4000 * 4) & 0x3f));
	set_crtc(t, 0x0c, 0);
	refresh(t);
	for (unsigned x = 0; x < 640; x++)
		assert_int_equal(pixel(x, 201), dac_rgb((100 * 320 + x / 2) & 0x3f));
}

/* A pixel of 16 colours at a time, as a driver does it with write mode 2 and the bit mask. */
static void plot(struct vga_rig *t, unsigned x, unsigned y, uint8_t colour)
{
	set_gfx(t, 8, 0x80 >> x % 8);
	rig_read(t->r, A0000 + y * 80 + x / 8, 1);
	rig_write(t->r, A0000 + y * 80 + x / 8, colour, 1);
}

static void test_mode_12h(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	set_gfx(t, 5, 2);
	for (unsigned y = 0; y < 480; y += 53)
		for (unsigned x = 0; x < 640; x++)
			plot(t, x, y, (x + y) & 15);
	refresh(t);
	check_size(640, 480);
	for (unsigned y = 0; y < 480; y += 53)
		for (unsigned x = 0; x < 640; x++)
			assert_int_equal(pixel(x, y), dac_rgb(mode_12h.attr[(x + y) & 15]));
	assert_int_equal(pixel(5, 1), dac_rgb(0));
	set_attr(t, 0x33, 3);
	refresh(t);
	assert_int_equal(pixel(0, 53), dac_rgb(mode_12h.attr[(3 + 53) & 15]));
	set_attr(t, 0x33, 0);
	set_attr(t, 0x30, 0x81); /* colour select takes over bits 4 to 7 */
	set_attr(t, 0x34, 0x0e);
	set_dac(t, 0xe9, 9, 9, 9);
	refresh(t);
	assert_int_equal(pixel(9, 0), six_bits(9) * 0x10101);
}

static void test_cga_modes(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_4);
	for (unsigned y = 0; y < 200; y++)
		for (unsigned i = 0; i < 80; i++) /* odd lines in the second 8 KiB */
			rig_write(t->r, B8000 + (y & 1) * 0x2000 + y / 2 * 80 + i, i * 5 + y, 1);
	refresh(t);
	check_size(640, 400);
	for (unsigned y = 0; y < 400; y++)
		for (unsigned x = 0; x < 640; x++) {
			unsigned b = (x / 8 * 5 + y / 2) & 0xff, c = b >> (6 - x / 2 % 4 * 2) & 3;

			assert_int_equal(pixel(x, y), dac_rgb(mode_4.attr[c]));
		}
	set_mode(t, &mode_6);
	for (unsigned y = 0; y < 200; y++)
		for (unsigned i = 0; i < 80; i++)
			rig_write(t->r, B8000 + (y & 1) * 0x2000 + y / 2 * 80 + i, i * 5 + y, 1);
	refresh(t);
	check_size(640, 400);
	for (unsigned y = 0; y < 400; y++)
		for (unsigned x = 0; x < 640; x++) {
			unsigned b = (x / 8 * 5 + y / 2) & 0xff;

			assert_int_equal(pixel(x, y), dac_rgb(b >> (7 - x % 8) & 1 ? 0x17 : 0));
		}
}

static void set_line_compare(struct vga_rig *t, const struct vga_mode *mode, unsigned line)
{
	set_crtc(t, 0x11, 0);
	set_crtc(t, 0x18, line);
	set_crtc(t, 7, (mode->crtc[7] & ~0x10) | (line >> 8 & 1) << 4);
	set_crtc(t, 9, (mode->crtc[9] & ~0x40) | (line >> 9 & 1) << 6);
}

static void test_graphics_split(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	memset(t->vram, 0xff, 4 * 65536);
	memset(t->vram, 0, 80 * 4); /* one black line at address 0 */
	set_crtc(t, 0x0c, 0x10);
	set_attr(t, 0x33, 5);
	for (unsigned line = 0; line < 600; line += 13) { /* CVE-2017-13673 */
		set_line_compare(t, &mode_12h, line);
		refresh(t);
		for (unsigned y = 0; y < 480; y++)
			assert_int_equal(pixel(8, y),
					 dac_rgb(mode_12h.attr[y == line + 1 ? 0 : 15]));
	}
}

/* Panning may end at the split, even where both parts show the same line. */
static void test_split_panning(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	set_gfx(t, 5, 2);
	plot(t, 5, 0, 15);
	set_line_compare(t, &mode_12h, 99);
	set_crtc(t, 0x13, 0);
	set_attr(t, 0x33, 5);
	refresh(t);
	assert_int_equal(pixel(0, 99), dac_rgb(63));
	assert_int_equal(pixel(0, 100), dac_rgb(63));
	set_attr(t, 0x30, 0x21);
	refresh(t);
	assert_int_equal(pixel(0, 99), dac_rgb(63));
	assert_int_equal(pixel(0, 100), dac_rgb(0));
	assert_int_equal(pixel(5, 100), dac_rgb(63));
}

static void test_blank(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	memset(t->vram, 0xff, 4 * 65536);
	refresh(t);
	assert_int_equal(pixel(0, 0), dac_rgb(63));
	set_screen(t, false);
	refresh(t);
	check_size(640, 480);
	for (unsigned i = 0; i < 640 * 480; i += 111)
		assert_int_equal(shown.pixels[i], 0);
	set_screen(t, true);
	set_seq(t, 1, 0x21);
	refresh(t);
	assert_int_equal(pixel(0, 0), 0);
	set_seq(t, 1, 0x01);
	refresh(t);
	assert_int_equal(pixel(0, 0), dac_rgb(63));
}

/* --- VBE --- */

static void test_vbe_depths(void **state)
{
	static const struct { unsigned bpp, bytes; uint32_t in, out; } c[] = {
		{ 15, 2, 0x7c00 | 0x01f, 0xff00ff }, { 15, 2, 0x2108, 0x424242 },
		{ 16, 2, 0xf800, 0xff0000 }, { 16, 2, 0x07e0, 0x00ff00 }, { 16, 2, 0x0841, 0x080808 },
		{ 24, 3, 0x123456, 0x123456 }, { 32, 4, 0xff123456, 0x123456 },
	};
	struct vga_rig *t = *state;

	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		set_vbe_mode(t, 1024, 768, c[i].bpp);
		refresh(t);
		check_size(1024, 768);
		assert_int_equal(pixel(1000, 700), 0);
		for (unsigned b = 0; b < c[i].bytes; b++)
			rig_write(t->r, LFB + (700 * 1024 + 1000) * c[i].bytes + b,
				  c[i].in >> b * 8 & 0xff, 1);
		refresh(t);
		assert_int_equal(pixel(1000, 700), c[i].out);
		assert_int_equal(pixel(999, 700), 0);
		assert_int_equal(pixel(1001, 700), 0);
	}
}

static void test_vbe_8bpp(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_13h);
	set_vbe_mode(t, 800, 600, 8);
	rig_write(t->r, LFB + 599 * 800 + 799, 0x9c, 1);
	refresh(t);
	check_size(800, 600);
	assert_int_equal(pixel(799, 599), dac_rgb(0x9c));
	set_vbe(t, ENABLE, 0x61); /* colours of eight bits */
	set_dac(t, 0x9c, 0x81, 0x42, 0xff);
	refresh(t);
	assert_int_equal(pixel(799, 599), 0x8142ff);
}

static void test_vbe_4bpp(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	set_vbe_mode(t, 800, 600, 4);
	set_seq(t, 2, 4);
	rig_write(t->r, A0000 + 599 * 100 + 99, 0x01, 1);
	set_seq(t, 2, 15);
	refresh(t);
	check_size(800, 600);
	assert_int_equal(pixel(799, 599), dac_rgb(4));
	assert_int_equal(pixel(798, 599), dac_rgb(0));
	set_vbe(t, VIRT_WIDTH, 1600);
	set_vbe(t, X_OFFSET, 3);
	set_vbe(t, Y_OFFSET, 1);
	rig_write(t->r, A0000 + 200 + 1, 0x80, 1); /* line 1, pixel 8 */
	refresh(t);
	assert_int_equal(pixel(5, 0), dac_rgb(mode_12h.attr[15]));
	assert_int_equal(pixel(4, 0), dac_rgb(0));
}

static void test_vbe_panning(void **state)
{
	struct vga_rig *t = *state;

	set_vbe_mode(t, 640, 480, 32);
	set_vbe(t, VIRT_WIDTH, 800);
	rig_write(t->r, LFB + (600 * 800 + 700) * 4, 0xabcdef, 4);
	set_vbe(t, X_OFFSET, 100);
	set_vbe(t, Y_OFFSET, 500);
	refresh(t);
	check_size(640, 480);
	assert_int_equal(pixel(600, 100), 0xabcdef);
	memset(t->vram, 0x11, VRAM_LEN);
	set_vbe(t, Y_OFFSET, VRAM_LEN / 3200 - 10); /* what lies beyond memory is black */
	refresh(t);
	assert_int_equal(pixel(0, 9), 0x111111);
	assert_int_equal(pixel(0, 11), 0);
	set_vbe(t, Y_OFFSET, 0xffff);
	set_vbe(t, X_OFFSET, 0xffff);
	refresh(t);
	assert_int_equal(pixel(0, 0), 0);
}

static void test_vbe_odd_sizes(void **state)
{
	struct vga_rig *t = *state;

	set_vbe_mode(t, 1366, 7, 24);
	memset(t->vram, 0x22, VRAM_LEN);
	refresh(t);
	check_size(1366, 7);
	assert_int_equal(pixel(1365, 6), 0x222222);
	set_vbe_mode(t, 8000, 8000, 32); /* no larger than memory is */
	refresh(t);
	check_size(8000, VRAM_LEN / 32000);
	set_vbe_mode(t, 0, 600, 32);
	refresh(t);
	set_vbe_mode(t, 800, 0, 32);
	refresh(t);
}

static void test_graphics_damage(void **state)
{
	struct vga_rig *t = *state;
	struct watcher w = { .viewer.changed = watcher_changed };

	surface_attach(t->surface, &w.viewer);
	vga_set_watched(t->vga, true);
	set_vbe_mode(t, 1024, 768, 32);
	rig_advance(t->r, 100 * NS_PER_MS);
	damage_of(t, &w);
	for (unsigned y = 100; y < 120; y++)
		for (unsigned x = 200; x < 232; x++)
			rig_write(t->r, LFB + (y * 1024 + x) * 4, 0xffffff, 4);
	rig_advance(t->r, 100 * NS_PER_MS);
	check_damage(t, &w, 200, 100, 232, 120);
	rig_write(t->r, LFB + (300 * 1024 + 50) * 4, 0xffffff, 4); /* a stair, and a dot below */
	rig_write(t->r, LFB + (301 * 1024 + 70) * 4, 0xffffff, 4);
	rig_write(t->r, LFB + (302 * 1024 + 40) * 4, 0xffffff, 4);
	rig_write(t->r, LFB + (400 * 1024 + 60) * 4, 0xffffff, 4);
	rig_advance(t->r, 100 * NS_PER_MS);
	assert_int_equal(damaged_pixels(t, &w), 31 * 3 + 1);
	surface_detach(t->surface, &w.viewer);
}

/* --- when --- */

static int fetch_log(void *arg, struct region *region, unsigned long *bitmap)
{
	struct vga_rig *t = arg;

	t->fetches++;
	for (unsigned i = 0; i < sizeof(t->log) / sizeof(t->log[0]); i++) {
		bitmap[i] |= t->log[i];
		t->log[i] = 0;
	}
	return 0;
}

static void use_log(struct vga_rig *t)
{
	static const struct machine_ops ops = { .dirty_fetch = fetch_log };

	machine_set_ops(t->r->m, &ops, t);
}

/* A write by the guest, which the hypervisor notes and nobody else hears of. */
static void guest_writes(struct vga_rig *t, uint32_t off, uint8_t val)
{
	t->vram[off] = val;
	t->log[off >> 12 >> 6] |= 1ul << (off >> 12 & 63);
}

static void test_nobody_looks(void **state)
{
	struct vga_rig *t = *state;

	use_log(t);
	start_text(t);
	set_crtc(t, 0x0a, 13);
	assert_false(rig_timer_armed(t->r));
	set_vbe_mode(t, 640, 480, 32);
	assert_false(rig_timer_armed(t->r));
	vga_set_watched(t->vga, true);
	assert_true(rig_timer_armed(t->r));
	vga_set_watched(t->vga, false);
	assert_false(rig_timer_armed(t->r));
	rig_write(t->r, A0000, 1, 1);
	assert_false(rig_timer_armed(t->r));
	t->fetches = 0;
	rig_advance(t->r, 10 * NS_PER_SEC);
	assert_int_equal(t->fetches, 0);
	rig_reset(t->r);
	assert_false(rig_timer_armed(t->r));
}

static void test_text_is_still(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	vga_set_watched(t->vga, true);
	rig_advance(t->r, NS_PER_SEC);
	assert_false(rig_timer_armed(t->r)); /* nothing blinks: nothing to wait for */
	put(t, 5, 'x', 0x0f);
	assert_true(rig_timer_armed(t->r));
	rig_advance(t->r, 35 * NS_PER_MS);
	look(t);
	check_cell(45, 0, 'x', 0, text_rgb(15), text_rgb(0));
	assert_false(rig_timer_armed(t->r));
	put(t, 5, 'x', 0x8f);
	rig_advance(t->r, 35 * NS_PER_MS);
	assert_true(rig_timer_armed(t->r)); /* it blinks now */
	set_screen(t, false);
	rig_advance(t->r, 35 * NS_PER_MS);
	assert_false(rig_timer_armed(t->r));
}

/* Counts the firings of whatever timer there is. */
static unsigned wakeups(struct vga_rig *t, uint64_t ns)
{
	struct clock *c = &t->r->m->clock;
	uint64_t end = rig_now(t->r) + ns;
	unsigned n = 0;

	while (c->timers && c->timers->when <= end) {
		rig_advance(t->r, c->timers->when - rig_now(t->r));
		n++;
	}
	rig_advance(t->r, end - rig_now(t->r));
	return n;
}

static void test_cursor_wakes_seldom(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	set_crtc(t, 0x0a, 13);
	vga_set_watched(t->vga, true);
	wakeups(t, NS_PER_SEC);
	assert_in_range(wakeups(t, 10 * NS_PER_SEC), 30, 45);
	set_crtc(t, 0x0a, CURSOR_OFF_BIT);
	put(t, 0, 'b', 0x87); /* attributes blink at half the rate */
	wakeups(t, NS_PER_SEC);
	assert_in_range(wakeups(t, 10 * NS_PER_SEC), 15, 22);
	put(t, 0, 'b', 7);
	set_crtc(t, 0x0a, 20); /* below the characters: not to be seen */
	set_crtc(t, 0x0b, 25);
	wakeups(t, NS_PER_SEC);
	assert_int_equal(wakeups(t, 10 * NS_PER_SEC), 0);
}

static void test_linear_pace(void **state)
{
	struct vga_rig *t = *state;
	unsigned n;

	use_log(t);
	set_vbe_mode(t, 640, 480, 32);
	vga_set_watched(t->vga, true);
	n = wakeups(t, NS_PER_SEC);
	assert_in_range(n, 28, 32);
	wakeups(t, 2 * NS_PER_SEC);
	assert_in_range(wakeups(t, 10 * NS_PER_SEC), 95, 105);
	guest_writes(t, 4 * 640 * 100, 0x77); /* seen within a tenth of a second */
	rig_advance(t->r, 101 * NS_PER_MS);
	look(t);
	assert_int_equal(pixel(0, 100), 0x77);
	assert_in_range(wakeups(t, NS_PER_SEC), 28, 32); /* quick again */
	wakeups(t, 3 * NS_PER_SEC);
	set_vbe(t, Y_OFFSET, 50); /* a register: within a frame */
	rig_advance(t->r, 35 * NS_PER_MS);
	look(t);
	assert_int_equal(pixel(0, 50), 0x77);
	set_screen(t, false); /* nothing to see, nothing to do */
	wakeups(t, NS_PER_SEC);
	assert_false(rig_timer_armed(t->r));
}

/* Only pages that the log names are looked at; a viewer who comes sees all the same. */
static void test_log_is_believed(void **state)
{
	struct vga_rig *t = *state;

	use_log(t);
	set_vbe_mode(t, 1024, 768, 32);
	vga_set_watched(t->vga, true);
	wakeups(t, NS_PER_SEC);
	t->vram[4096 * 10] = 0x55; /* unknown to the log */
	guest_writes(t, 4096 * 20, 0x66);
	wakeups(t, NS_PER_SEC);
	look(t);
	assert_int_equal(pixel(0, 10), 0);
	assert_int_equal(pixel(0, 20), 0x66);
	vga_set_watched(t->vga, false);
	vga_set_watched(t->vga, true);
	look(t);
	assert_int_equal(pixel(0, 10), 0x55);
	vga_set_watched(t->vga, false); /* nor does a screenshot rely on it, with nobody watching */
	t->vram[4096 * 10] = 0x77;
	refresh(t);
	assert_int_equal(pixel(0, 10), 0x77);
	vga_set_watched(t->vga, true);
	set_vbe_mode(t, 1024, 768, 32); /* the same mode again clears the screen */
	wakeups(t, NS_PER_SEC);
	look(t);
	assert_int_equal(pixel(0, 10), 0);
	assert_int_equal(pixel(0, 20), 0);
}

/* --- chaos --- */

/* CVE-2016-3712: any registers, then a refresh. ASan watches the end of video memory. */
static void test_chaos(void **state)
{
	struct vga_rig *t = *state;
	uint32_t seed = 9;

	for (unsigned n = 0; n < 40; n++) {
		unsigned vbe = vga_random(&seed) % 4;

		rig_out8(t->r, 0x3c2, vga_random(&seed) | 3);
		set_crtc(t, 0x11, 0);
		for (unsigned i = 0; i < 25; i++)
			set_crtc(t, i, i == 0x11 ? 0 : vga_random(&seed));
		for (unsigned i = 0; i < 9; i++)
			set_gfx(t, i, vga_random(&seed));
		for (unsigned i = 1; i < 5; i++)
			set_seq(t, i, vga_random(&seed) & ~(i == 1 ? 0x20 : 0));
		for (unsigned i = 0x10; i < 0x15; i++)
			set_attr(t, i | 0x20, vga_random(&seed));
		set_vbe(t, ENABLE, 0);
		for (unsigned i = 1; i < 11 && !vbe; i++)
			if (i != ENABLE && i != BPP)
				set_vbe(t, i, vga_random(&seed) % (i < 3 ? 2000 : 65536));
		set_vbe(t, BPP, (uint8_t[]){ 4, 8, 15, 16, 24, 32 }[vga_random(&seed) % 6]);
		set_vbe(t, ENABLE, vbe ? 0 : 0xc1);
		if (!vbe && n & 1) /* in this order the offsets stay */
			for (unsigned i = VIRT_WIDTH; i < 11; i++)
				set_vbe(t, i, vga_random(&seed));
		rig_write(t->r, A0000 + vga_random(&seed) % 0x20000, vga_random(&seed), 4);
		vga_refresh(t->vga);
		rig_write(t->r, B8000, vga_random(&seed), 4);
		vga_set_watched(t->vga, n & 1);
		rig_advance(t->r, 40 * NS_PER_MS);
	}
}

static int teardown(void **state)
{
	free(shown.pixels);
	shown = (struct picture){ 0 };
	return vga_rig_teardown(state);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, vga_rig_setup, teardown)

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
		TEST(test_mode_13h),
		TEST(test_mode_x),
		TEST(test_mode_12h),
		TEST(test_cga_modes),
		TEST(test_graphics_split),
		TEST(test_split_panning),
		TEST(test_blank),
		TEST(test_vbe_depths),
		TEST(test_vbe_8bpp),
		TEST(test_vbe_4bpp),
		TEST(test_vbe_panning),
		TEST(test_vbe_odd_sizes),
		TEST(test_graphics_damage),
		TEST(test_nobody_looks),
		TEST(test_text_is_still),
		TEST(test_cursor_wakes_seldom),
		TEST(test_linear_pace),
		TEST(test_log_is_believed),
		TEST(test_chaos),
	};

	return cmocka_run_group_tests_name("vga_draw", tests, NULL, NULL);
}
