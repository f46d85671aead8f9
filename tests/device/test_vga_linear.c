// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modes without planes, held to a plain description of their pixels: each colour, odd widths, any
 * stretch of memory that changes, the end of memory, and the copy that changes are found by.
 */
#include "vga_look.h"

#include "display/vga_priv.h"

static const unsigned depth[] = { 8, 15, 16, 24, 32 };

#define EACH_DEPTH(i) (size_t i = 0; i < sizeof(depth) / sizeof(depth[0]); i++)

/* --- what is to be seen --- */

static uint32_t widened(uint32_t c, unsigned bits)
{
	return c << (8 - bits) | c >> (2 * bits - 8);
}

static uint32_t colour_of(unsigned bpp, const uint8_t *p)
{
	uint32_t word = bpp > 8 ? p[0] | p[1] << 8 : 0;

	switch (bpp) {
	case 8:
		return dac_rgb(*p);
	case 15:
		return widened(word >> 10 & 31, 5) << 16 | widened(word >> 5 & 31, 5) << 8 |
		       widened(word & 31, 5);
	case 16:
		return widened(word >> 11, 5) << 16 | widened(word >> 5 & 63, 6) << 8 |
		       widened(word & 31, 5);
	default:
		return word | p[2] << 16;
	}
}

static void check_picture(struct vga_rig *t, unsigned bpp, size_t start, size_t pitch)
{
	unsigned bytes = (bpp + 7) / 8;

	look(t);
	for (unsigned y = 0; y < shown.height; y++)
		for (unsigned x = 0; x < shown.width; x++)
			assert_int_equal(pixel(x, y),
					 colour_of(bpp, t->vram + start + y * pitch + x * bytes));
}

/* Somebody looks at a picture of random bytes. */
static void show(struct vga_rig *t, unsigned width, unsigned height, unsigned bpp)
{
	uint32_t seed = bpp;

	use_log(t);
	set_mode(t, &mode_13h);
	set_vbe_mode(t, width, height, bpp);
	for (unsigned i = 0; i < width * height * 4; i++)
		t->vram[i] = vga_random(&seed);
	vga_set_watched(t->vga, false);
	vga_set_watched(t->vga, true);
}

static void settle(struct vga_rig *t)
{
	rig_advance(t->r, 200 * NS_PER_MS);
}

/* --- tests --- */

static void test_each_colour(void **state)
{
	struct vga_rig *t = *state;

	for EACH_DEPTH(i) {
		show(t, 256, 256, depth[i]);
		for (unsigned c = 0; c < 0x10000; c++) {
			guest_writes(t, c * 2, c);
			guest_writes(t, c * 2 + 1, c >> 8);
		}
		settle(t);
		check_picture(t, depth[i], 0, 256 * ((depth[i] + 7) / 8));
	}
}

/* A stretch of bytes within a line or over several, of any length and at any place. */
static void change_stretch(struct vga_rig *t, uint32_t *seed, unsigned len)
{
	unsigned from = vga_random(seed) % len, most = vga_random(seed) % 4 ? 40 : 3000;
	unsigned n = 1 + vga_random(seed) % most;

	for (unsigned i = from; i < from + n && i < len; i++)
		guest_writes(t, i, vga_random(seed) % 3 ? vga_random(seed) : t->vram[i]);
}

static void test_stretches(void **state)
{
	static const unsigned width[] = { 1, 3, 8, 15, 17, 63, 130, 1027 };
	struct vga_rig *t = *state;
	uint32_t seed = 7;

	for EACH_DEPTH(i)
		for (unsigned j = 0; j < sizeof(width) / sizeof(width[0]); j++) {
			unsigned pitch;

			show(t, width[j], 5, depth[i]);
			pitch = vbe_stride(t->vga);
			set_vbe(t, Y_OFFSET, j % 4);
			for (unsigned n = 0; n < 12; n++) {
				change_stretch(t, &seed, pitch * (5 + j % 4));
				settle(t);
				check_picture(t, depth[i], j % 4 * pitch, pitch);
			}
		}
}

/* What differs in memory only is no damage: a bit that is no colour, colours that are alike. */
static void test_looks_the_same(void **state)
{
	struct vga_rig *t = *state;
	struct watcher w = { .viewer.changed = watcher_changed };

	surface_attach(t->surface, &w.viewer);
	show(t, 640, 8, 15);
	damage_of(t, &w);
	for (unsigned i = 1; i < 640 * 2; i += 2)
		guest_writes(t, i, t->vram[i] ^ 0x80);
	guest_writes(t, 200, t->vram[200] ^ 1);
	settle(t);
	check_damage(t, &w, 100, 0, 101, 1);
	show(t, 640, 8, 8);
	set_dac(t, 1, 0, 0, 0);
	set_dac(t, 2, 0, 0, 0);
	memset(t->vram, 1, 640);
	vga_set_watched(t->vga, false);
	vga_set_watched(t->vga, true);
	damage_of(t, &w);
	for (unsigned i = 0; i < 640; i++)
		guest_writes(t, i, i == 33 || i == 600 ? 3 : 2);
	settle(t);
	check_damage(t, &w, 33, 0, 601, 1);
	surface_detach(t->surface, &w.viewer);
}

/* The last line ends with memory; ASan watches what lies behind it. */
static void test_end_of_memory(void **state)
{
	struct vga_rig *t = *state;

	for EACH_DEPTH(i) {
		unsigned bytes = (depth[i] + 7) / 8, lines, pitch;

		show(t, 1024, 8, depth[i]);
		pitch = vbe_stride(t->vga);
		lines = VRAM_LEN / pitch;
		set_vbe(t, Y_OFFSET, lines - 5);
		set_vbe(t, X_OFFSET, (VRAM_LEN - lines * pitch) / bytes);
		settle(t);
		for (unsigned n = 0; n < 100; n++)
			guest_writes(t, VRAM_LEN - 1 - n, n);
		settle(t);
		look(t);
		for (unsigned x = 0; x < 1024; x++) {
			unsigned at = (lines - 1) * pitch + (VRAM_LEN - lines * pitch) + x * bytes;

			at -= (VRAM_LEN - lines * pitch) % bytes;
			assert_int_equal(pixel(x, 4), colour_of(depth[i], t->vram + at));
			assert_int_equal(pixel(x, 5), 0);
		}
	}
}

/* Memory is taken while somebody looks at less than 32 bits, and no more than shows. */
static void test_copy(void **state)
{
	struct vga_rig *t = *state;
	const struct vga_paint *p = &t->vga->paint;

	show(t, 100, 10, 16);
	assert_int_equal(p->drawn_len, 2000);
	set_vbe(t, VIRT_WIDTH, 200);
	settle(t);
	assert_int_equal(p->drawn_len, 2000);
	vga_refresh(t->vga);
	assert_int_equal(p->drawn_len, 2000);
	vga_set_watched(t->vga, false);
	assert_null(p->drawn_from);
	vga_refresh(t->vga);
	assert_null(p->drawn_from);
	show(t, 100, 10, 32);
	assert_null(p->drawn_from);
	show(t, 100, 10, 24);
	assert_int_equal(p->drawn_len, 3000);
	set_screen(t, false);
	settle(t);
	assert_null(p->drawn_from);
	set_screen(t, true);
	settle(t);
	assert_int_equal(p->drawn_len, 3000);
	check_picture(t, 24, 0, 300);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, vga_rig_setup, look_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_colour),
		TEST(test_stretches),
		TEST(test_looks_the_same),
		TEST(test_end_of_memory),
		TEST(test_copy),
	};

	return cmocka_run_group_tests_name("vga_linear", tests, NULL, NULL);
}
