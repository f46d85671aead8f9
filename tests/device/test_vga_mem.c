// SPDX-License-Identifier: GPL-2.0-only
/* The display adapter's window onto video memory, and its VBE extension. */
#include "vga_rig.h"

/* --- the window --- */

static void fill(struct vga_rig *t, uint8_t val)
{
	memset(t->vram, val, VRAM_LEN);
}

static void test_window_decode(void **state)
{
	static const struct { uint32_t start, end; } map[4] = {
		{ 0xa0000, 0xc0000 }, { 0xa0000, 0xb0000 }, { 0xb0000, 0xb8000 },
		{ 0xb8000, 0xc0000 },
	};
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	fill(t, 0x5a);
	for (unsigned i = 0; i < 4; i++) {
		set_gfx(t, 6, 1 | i << 2);
		for (uint32_t a = 0xa0000; a < 0xc0000; a += 0x4000) {
			bool here = a >= map[i].start && a < map[i].end;

			assert_int_equal(rig_read(t->r, a, 1), here ? 0x5a : 0xff);
			assert_int_equal(rig_read(t->r, a + 0x3fff, 1), here ? 0x5a : 0xff);
		}
	}
	set_gfx(t, 6, 1); /* planes have 64 KiB: the window's second half shows them again */
	rig_write(t->r, B0000 + 3, 0x66, 1);
	assert_int_equal(planes(t, 3), 0x66666666);
	assert_int_equal(planes(t, 0x10003), 0x5a5a5a5a);
	set_gfx(t, 6, 1 | 3 << 2); /* the first byte of the window is the first of the planes */
	rig_write(t->r, B8000, 0x77, 1);
	assert_int_equal(planes(t, 0), 0x77777777);
	rig_out8(t->r, 0x3c2, mode_12h.misc & ~2); /* memory off */
	assert_int_equal(rig_read(t->r, B8000, 1), 0xff);
	rig_write(t->r, B8000, 0x11, 1);
	assert_int_equal(planes(t, 0), 0x77777777);
}

static void test_write_mode_0(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	set_seq(t, 2, 5); /* planes 0 and 2 */
	rig_write(t->r, A0000 + 10, 0xc3, 1);
	assert_int_equal(planes(t, 10), 0x00c300c3);
	set_seq(t, 2, 15);
	set_gfx(t, 3, 1); /* rotated right by one */
	rig_write(t->r, A0000 + 11, 0x81, 1);
	assert_int_equal(planes(t, 11), 0xc0c0c0c0);
	set_gfx(t, 3, 0);
	set_gfx(t, 0, 0x2); /* set/reset: plane 1 all ones, plane 3 all zeroes, 0 and 2 data */
	set_gfx(t, 1, 0xa);
	rig_write(t->r, A0000 + 12, 0x3c, 1);
	assert_int_equal(planes(t, 12), 0x003cff3c);
	set_gfx(t, 1, 0);
	set_gfx(t, 8, 0x0f); /* upper half from the latches */
	rig_read(t->r, A0000 + 10, 1);
	rig_write(t->r, A0000 + 13, 0x55, 1);
	assert_int_equal(planes(t, 13), 0x05c505c5);
}

static void test_functions(void **state)
{
	static const uint32_t want[4] = { 0x66666666, 0x22442200, 0x77eeff66, 0x55aadd66 };
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	for (unsigned f = 0; f < 4; f++) {
		memcpy(t->vram, (uint8_t[]){ 0x00, 0xbb, 0xcc, 0x33 }, 4);
		set_gfx(t, 3, f << 3);
		rig_read(t->r, A0000, 1);
		rig_write(t->r, A0000, 0x66, 1);
		assert_int_equal(planes(t, 0), want[f]);
	}
}

static void test_write_modes_1_to_3(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	memcpy(t->vram + 40, (uint8_t[]){ 0x12, 0x34, 0x56, 0x78 }, 4);
	set_gfx(t, 5, 1);
	rig_read(t->r, A0000 + 10, 1);
	set_seq(t, 2, 7);
	rig_write(t->r, A0000 + 20, 0xff, 1); /* latches, whatever is written */
	assert_int_equal(planes(t, 20), 0x00563412);
	set_seq(t, 2, 15);
	set_gfx(t, 5, 2);
	set_gfx(t, 8, 0xf0);
	rig_read(t->r, A0000 + 10, 1);
	rig_write(t->r, A0000 + 21, 0x06, 1); /* colour 6 in the upper half */
	assert_int_equal(planes(t, 21), 0x08f6f402);
	set_gfx(t, 5, 3);
	set_gfx(t, 0, 0x9);
	set_gfx(t, 3, 4); /* data, rotated by 4, narrows the bit mask */
	rig_read(t->r, A0000 + 10, 1);
	rig_write(t->r, A0000 + 22, 0x3c, 1);
	assert_int_equal(planes(t, 22), 0xf81634d2);
}

static void test_read_modes(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	memcpy(t->vram, (uint8_t[]){ 0xf0, 0xcc, 0xaa, 0xff }, 4);
	for (unsigned p = 0; p < 4; p++) {
		set_gfx(t, 4, p);
		assert_int_equal(rig_read(t->r, A0000, 1), t->vram[p]);
	}
	set_gfx(t, 5, 8);
	set_gfx(t, 2, 0xb); /* planes 0, 1 and 3 set, 2 clear */
	set_gfx(t, 7, 0xf);
	assert_int_equal(rig_read(t->r, A0000, 1), 0x40);
	set_gfx(t, 7, 0xb); /* plane 2 does not matter */
	assert_int_equal(rig_read(t->r, A0000, 1), 0xc0);
	set_gfx(t, 7, 0);
	assert_int_equal(rig_read(t->r, A0000, 1), 0xff);
	set_gfx(t, 5, 0);
	set_gfx(t, 4, 2);
	assert_int_equal(get_indexed(t, 0x3d4, 0x22), 0xaa); /* the latch can be read */
}

static void test_odd_even(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_3);
	rig_write(t->r, B8000 + 2, 0x1e41, 2);
	assert_int_equal(planes(t, 1), 0x1e41);
	assert_int_equal(rig_read(t->r, B8000 + 2, 2), 0x1e41);
	assert_int_equal(rig_read(t->r, B8000 + 3, 1), 0x1e);
	rig_write(t->r, B8000 + 0x7ffe, 0x0756, 2);
	assert_int_equal(planes(t, 0x3fff), 0x0756);
	/* a font, loaded as a BIOS does it */
	set_seq(t, 2, 4);
	set_seq(t, 4, 6);
	set_gfx(t, 4, 2);
	set_gfx(t, 5, 0);
	set_gfx(t, 6, 4);
	rig_write(t->r, A0000 + 1, 0x99, 1);
	assert_int_equal(planes(t, 1), 0x991e41);
	assert_int_equal(rig_read(t->r, A0000 + 1, 1), 0x99);
}

static void test_chain4_is_linear(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_13h);
	for (unsigned i = 0; i < 64000; i += 997)
		rig_write(t->r, A0000 + i, i * 7 & 0xff, 1);
	for (unsigned i = 0; i < 64000; i += 997) {
		assert_int_equal(rig_read(t->r, A0000 + i, 1), i * 7 & 0xff);
		assert_int_equal(rig_read(t->r, LFB + i, 1), i * 7 & 0xff);
	}
	set_seq(t, 2, 5); /* the map mask holds here as well */
	rig_write(t->r, A0000 + 0x100, 0xffffffff, 4);
	assert_int_equal(rig_read(t->r, A0000 + 0x100, 4), 0x00ff00ff);
}

/* --- VBE --- */

static void test_vbe_ports(void **state)
{
	struct vga_rig *t = *state;

	assert_int_equal(get_vbe(t, ID), 0xb0c5);
	set_vbe(t, ID, 0xb0c0);
	assert_int_equal(get_vbe(t, ID), 0xb0c0);
	set_vbe(t, ID, 0x1234);
	assert_int_equal(get_vbe(t, ID), 0xb0c0);
	rig_out16(t->r, 0x1ce, XRES);
	assert_int_equal(rig_in16(t->r, 0x1ce), XRES);
	rig_out16(t->r, 0x1d0, 0x0320); /* the other data port */
	assert_int_equal(rig_in16(t->r, 0x1d0), 0x0320);
	assert_int_equal(rig_in16(t->r, 0x1cf), 0x0320);
	rig_out16(t->r, 0x1cf, 0x0500);
	assert_int_equal(rig_in16(t->r, 0x1d0), 0x0500);
	assert_int_equal(rig_in16(t->r, 0x1ce), XRES);
	assert_int_equal(get_vbe(t, MEMORY_64K), VRAM_LEN >> 16);
	set_vbe(t, MEMORY_64K, 1);
	assert_int_equal(get_vbe(t, MEMORY_64K), VRAM_LEN >> 16);
	for (unsigned i = 11; i < 300; i++) {
		set_vbe(t, i, 0xffff);
		assert_int_equal(get_vbe(t, i), 0);
	}
}

static void test_vbe_mmio(void **state)
{
	struct vga_rig *t = *state;

	assert_int_equal(rig_read(t->r, MMIO + 0x500, 2), 0xb0c5);
	rig_write(t->r, MMIO + 0x502, 1024, 2);
	rig_write(t->r, MMIO + 0x504, 768, 2);
	assert_int_equal(get_vbe(t, XRES), 1024);
	assert_int_equal(rig_read(t->r, MMIO + 0x502, 4), 768 << 16 | 1024);
	assert_int_equal(rig_read(t->r, MMIO + 0x514, 2), VRAM_LEN >> 16);
	rig_write(t->r, MMIO + 0x400, 0x20, 1);
	assert_int_equal(rig_in8(t->r, 0x3c0), 0x20);
	rig_write(t->r, MMIO + 0x404, 0x0f02, 2);
	assert_int_equal(get_indexed(t, 0x3c4, 2), 0x0f);
	assert_int_not_equal(rig_read(t->r, MMIO + 0x41a, 1), 0xff); /* input status 1 */
	assert_int_equal(rig_read(t->r, MMIO + 0x3ff, 1), 0xff);
	assert_int_equal(rig_read(t->r, MMIO + 0x420, 2), 0xffff);
	assert_int_equal(rig_read(t->r, MMIO + 0x516, 2), 0xffff);
	assert_int_equal(rig_read(t->r, MMIO + 0x600, 4), 0xffffffff); /* no further registers */
	assert_int_equal(rig_read(t->r, MMIO, 8), UINT64_MAX);	       /* no EDID */
}

static void test_vbe_registers(void **state)
{
	struct vga_rig *t = *state;

	set_vbe(t, ENABLE, 2);
	assert_true(get_vbe(t, XRES) >= 1920);
	assert_true(get_vbe(t, YRES) >= 1200);
	assert_int_equal(get_vbe(t, BPP), 32);
	set_vbe_mode(t, 800, 600, 32);
	assert_int_equal(get_vbe(t, ENABLE), 0x41);
	assert_int_equal(get_vbe(t, XRES), 800);
	assert_int_equal(get_vbe(t, VIRT_WIDTH), 800);
	assert_int_equal(get_vbe(t, VIRT_HEIGHT), VRAM_LEN / 3200);
	set_vbe(t, VIRT_WIDTH, 1024);
	assert_int_equal(get_vbe(t, VIRT_WIDTH), 1024);
	assert_int_equal(get_vbe(t, VIRT_HEIGHT), VRAM_LEN / 4096);
	set_vbe(t, VIRT_WIDTH, 640); /* no narrower than the picture */
	assert_int_equal(get_vbe(t, VIRT_WIDTH), 800);
	set_vbe(t, BPP, 17);
	assert_int_equal(get_vbe(t, BPP), 32);
	set_vbe(t, XRES, 0xffff);
	assert_true(get_vbe(t, XRES) <= 16384);
	set_vbe(t, VIRT_WIDTH, 2000);
	set_vbe(t, X_OFFSET, 3);
	set_vbe(t, Y_OFFSET, 5);
	set_vbe_mode(t, 1024, 768, 16); /* a new mode begins anew */
	assert_int_equal(get_vbe(t, VIRT_WIDTH), 1024);
	assert_int_equal(get_vbe(t, X_OFFSET), 0);
	assert_int_equal(get_vbe(t, Y_OFFSET), 0);
}

static void test_vbe_clear(void **state)
{
	struct vga_rig *t = *state;

	fill(t, 0x44);
	set_vbe(t, XRES, 640);
	set_vbe(t, YRES, 480);
	set_vbe(t, BPP, 8);
	set_vbe(t, ENABLE, 0xc1);
	assert_int_equal(t->vram[0], 0x44);
	set_vbe(t, ENABLE, 0);
	set_vbe(t, ENABLE, 0x41);
	assert_int_equal(t->vram[0], 0);
	assert_int_equal(t->vram[640 * 480 - 1], 0);
	assert_int_equal(t->vram[640 * 480], 0x44);
	fill(t, 0x44);
	set_vbe(t, ENABLE, 0x41); /* it was on: nothing happens */
	assert_int_equal(t->vram[0], 0x44);
}

static void test_banks(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	set_vbe_mode(t, 1024, 768, 32);
	for (unsigned bank = 0; bank < VRAM_LEN >> 16; bank++) {
		set_vbe(t, BANK, bank);
		rig_write(t->r, A0000 + 0xfffe, 0xbeef ^ bank, 2);
		assert_int_equal(rig_read(t->r, LFB + (bank << 16) + 0xfffe, 2), 0xbeef ^ bank);
		assert_int_equal(rig_read(t->r, A0000 + 0xfffe, 2), 0xbeef ^ bank);
		assert_int_equal(rig_read(t->r, B0000, 1), 0xff);
	}
	set_vbe(t, BANK, VRAM_LEN >> 16); /* beyond the end */
	rig_write(t->r, A0000, 0x12345678, 4);
	assert_int_equal(rig_read(t->r, A0000, 4), 0xffffffff);
	set_vbe(t, BANK, 0xffff);
	rig_write(t->r, A0000 + 0xfffc, 0x12345678, 4);
	assert_int_equal(rig_read(t->r, A0000 + 0xfffc, 4), 0xffffffff);
	set_vbe_mode(t, 1024, 768, 32); /* a new mode begins in bank 0 */
	assert_int_equal(get_vbe(t, BANK), 0);
}

/* CVE-2016-3710: a bank that is right in one mode, used in another. ASan watches. */
static void test_bank_across_modes(void **state)
{
	static const uint8_t bpps[] = { 4, 8, 15, 16, 24, 32 };
	static const struct vga_mode *const modes[] = { &mode_3, &mode_4, &mode_12h, &mode_13h };
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h); /* memory on, all planes */
	for (unsigned i = 0; i < sizeof(bpps); i++)
		for (unsigned bank = 1; bank; bank = bank * 2 & 0xffff)
			for (unsigned m = 0; m < 4; m++) {
				set_vbe_mode(t, 640, 480, bpps[i]);
				set_vbe(t, BANK, bank);
				set_gfx(t, 6, 0); /* 128 KiB */
				set_seq(t, 4, modes[m]->seq[4]);
				set_gfx(t, 5, modes[m]->gfx[5]);
				rig_write(t->r, A0000 + 0xffff, 0xa5a5, 2);
				rig_read(t->r, A0000 + 0x1fffe, 2);
				set_vbe(t, BPP, 4);
				rig_write(t->r, A0000 + 0x1fffe, 0xa5a5, 2);
				rig_read(t->r, A0000 + 0x1fffe, 2);
				set_vbe(t, ENABLE, 0);
				rig_write(t->r, A0000 + 0x1fffe, 0xa5a5, 2);
				rig_read(t->r, A0000 + 0x1fffe, 2);
			}
	/* the VGA's modes see no bank */
	set_mode(t, &mode_13h);
	set_vbe(t, BANK, 3);
	rig_write(t->r, A0000, 0x42, 1);
	assert_int_equal(t->vram[0], 0x42);
}

/* 1024x768 in 16 colours needs two banks of each plane. */
static void test_planar_banks(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	set_vbe_mode(t, 1024, 768, 4);
	set_vbe(t, BANK, 1);
	set_seq(t, 2, 2);
	rig_write(t->r, A0000 + 5, 0x81, 1);
	assert_int_equal(planes(t, 0x10005), 0x8100);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, vga_rig_setup, vga_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_window_decode),
		TEST(test_write_mode_0),
		TEST(test_functions),
		TEST(test_write_modes_1_to_3),
		TEST(test_read_modes),
		TEST(test_odd_even),
		TEST(test_chain4_is_linear),
		TEST(test_vbe_ports),
		TEST(test_vbe_mmio),
		TEST(test_vbe_registers),
		TEST(test_vbe_clear),
		TEST(test_banks),
		TEST(test_bank_across_modes),
		TEST(test_planar_banks),
	};

	return cmocka_run_group_tests_name("vga_mem", tests, NULL, NULL);
}
