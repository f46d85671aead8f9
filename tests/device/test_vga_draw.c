// SPDX-License-Identifier: GPL-2.0-only
/* The display adapter in graphics modes, and in modes that make no sense: what is drawn. */
#include "vga_look.h"

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
		{ 16, 2, 0xf800, 0xff0000 }, { 16, 2, 0x07e0, 0x00ff00 },
		{ 16, 2, 0x0841, 0x080808 },
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

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, vga_rig_setup, look_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		TEST(test_chaos),
	};

	return cmocka_run_group_tests_name("vga_draw", tests, NULL, NULL);
}
