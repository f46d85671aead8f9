/* SPDX-License-Identifier: GPL-2.0-only */
/* The display adapter's registers, its window onto video memory, and its VBE extension. */
#include "vga_rig.h"

#include <errno.h>

/* --- PCI --- */

static void test_pci(void **state)
{
	struct vga_rig *t = *state;

	assert_int_equal(rig_config_read(t->r, VGA_FN, 0, 4), 0x11111234);
	assert_int_equal(rig_config_read(t->r, VGA_FN, 8, 4) >> 8, 0x030000);
	assert_int_equal(rig_config_read(t->r, VGA_FN, 0x2c, 4), 0x11001af4);
	rig_config_write(t->r, VGA_FN, 0x10, 0xffffffff, 4);
	assert_int_equal(rig_config_read(t->r, VGA_FN, 0x10, 4), -(uint32_t)VRAM_LEN | 8);
	rig_config_write(t->r, VGA_FN, 0x18, 0xffffffff, 4);
	assert_int_equal(rig_config_read(t->r, VGA_FN, 0x18, 4), 0xfffff000);
	rig_config_write(t->r, VGA_FN, 0x30, 0xfffffffe, 4);
	assert_int_equal(rig_config_read(t->r, VGA_FN, 0x30, 4), 0xfffff000);
	assert_int_equal(rig_config_read(t->r, VGA_FN, 0x14, 4), 0);
}

static void test_rom(void **state)
{
	struct vga_rig *t = *state;

	t->rom[0] = 0x55;
	t->rom[1] = 0xaa;
	rig_config_write(t->r, VGA_FN, 0x30, 0xd0000001, 4);
	assert_int_equal(rig_read(t->r, 0xd0000000, 2), 0xaa55);
	rig_write(t->r, 0xd0000000, 0, 2);
	assert_int_equal(t->rom[0], 0x55);
}

/* --- VGA registers --- */

static void check_bits(struct vga_rig *t, uint16_t port, uint8_t index, uint8_t bits)
{
	rig_out16(t->r, port, 0xff00 | index);
	assert_int_equal(rig_in16(t->r, port), bits << 8 | index);
	rig_out16(t->r, port, index);
	assert_int_equal(rig_in16(t->r, port), index);
}

static void test_indexed(void **state)
{
	static const uint8_t gfx[] = { 0x0f, 0x0f, 0x0f, 0x1f, 3, 0x7b, 0x0f, 0x0f, 0xff };
	static const uint8_t seq[] = { 3, 0x3d, 0x0f, 0x3f, 0x0e };
	struct vga_rig *t = *state;

	for (unsigned i = 0; i < sizeof(gfx); i++)
		check_bits(t, 0x3ce, i, gfx[i]);
	for (unsigned i = 0; i < sizeof(seq); i++)
		check_bits(t, 0x3c4, i, seq[i]);
	for (unsigned i = 0; i < 25; i++)
		if (i != 0x11)
			check_bits(t, 0x3d4, i, 0xff);
	for (unsigned i = 25; i < 256; i++) { /* nothing there, nothing breaks */
		rig_out16(t->r, 0x3ce, 0xff00 | i);
		rig_out16(t->r, 0x3c4, 0xff00 | i);
		rig_out16(t->r, 0x3d4, 0xff00 | i);
	}
	assert_int_equal(get_indexed(t, 0x3d4, 0x18), 0);
}

static void test_crtc_address(void **state)
{
	struct vga_rig *t = *state;

	rig_out8(t->r, 0x3c2, 0x67);
	assert_int_equal(rig_in8(t->r, 0x3cc), 0x67);
	set_crtc(t, 0x0e, 0x12);
	assert_int_equal(rig_in16(t->r, 0x3b4), 0xffff);
	rig_out8(t->r, 0x3c2, 0x66);
	assert_int_equal(rig_in16(t->r, 0x3d4), 0xffff);
	assert_int_equal(rig_in16(t->r, 0x3b4), 0x120e);
	assert_int_equal(rig_in8(t->r, 0x3da), 0xff);
	assert_int_not_equal(rig_in8(t->r, 0x3ba), 0xff);
	set_crtc(t, 0x0e, 0x99);
	rig_out16(t->r, 0x3b4, 0x340e);
	assert_int_equal(rig_in16(t->r, 0x3b4), 0x340e);
}

static void test_crtc_protect(void **state)
{
	struct vga_rig *t = *state;

	for (unsigned i = 0; i < 8; i++)
		set_crtc(t, i, 0x11 + i);
	set_crtc(t, 0x11, 0x8e);
	for (unsigned i = 0; i < 8; i++)
		set_crtc(t, i, 0xee);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(get_indexed(t, 0x3d4, i), 0x11 + i);
	assert_int_equal(get_indexed(t, 0x3d4, 7), 0x08); /* 0x18, but for line compare's bit */
	set_crtc(t, 7, 0xff);
	assert_int_equal(get_indexed(t, 0x3d4, 7), 0x18);
	set_crtc(t, 8, 0x55);
	assert_int_equal(get_indexed(t, 0x3d4, 8), 0x55);
	set_crtc(t, 0x11, 0x0e);
	set_crtc(t, 0, 0xee);
	assert_int_equal(get_indexed(t, 0x3d4, 0), 0xee);
}

static void test_attribute(void **state)
{
	struct vga_rig *t = *state;

	rig_in8(t->r, 0x3da);
	rig_out8(t->r, 0x3c0, 3);
	rig_out8(t->r, 0x3c0, 0xff);
	assert_int_equal(rig_in8(t->r, 0x3c1), 0x3f); /* palette entries have six bits */
	assert_int_equal(rig_in8(t->r, 0x3c0), 3);
	rig_out8(t->r, 0x3c0, 0x30); /* an index again, by itself */
	assert_int_equal(rig_in8(t->r, 0x3c0), 0x30);
	rig_in8(t->r, 0x3da);
	rig_out8(t->r, 0x3c0, 0x11); /* and so it is after input status 1 was read */
	assert_int_equal(rig_in8(t->r, 0x3c0), 0x11);
	rig_out8(t->r, 0x3c0, 0x99);
	assert_int_equal(rig_in8(t->r, 0x3c1), 0x99);
	for (unsigned i = 0x15; i < 0x20; i++) {
		set_attr(t, i, 0xff);
		assert_int_equal(rig_in8(t->r, 0x3c1), 0);
	}
}

static void test_dac(void **state)
{
	struct vga_rig *t = *state;

	rig_out8(t->r, 0x3c8, 254);
	assert_int_equal(rig_in8(t->r, 0x3c7), 0);
	for (unsigned i = 0; i < 9; i++) /* entries 254, 255 and, around the end, 0 */
		rig_out8(t->r, 0x3c9, 0xc0 + i);
	assert_int_equal(rig_in8(t->r, 0x3c8), 1);
	rig_out8(t->r, 0x3c7, 254);
	assert_int_equal(rig_in8(t->r, 0x3c7), 3);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(rig_in8(t->r, 0x3c9), i); /* six bits kept */
	rig_out8(t->r, 0x3c8, 254); /* an entry that is not written to its end stays */
	rig_out8(t->r, 0x3c9, 0x33);
	rig_out8(t->r, 0x3c9, 0x33);
	rig_out8(t->r, 0x3c7, 254);
	assert_int_equal(rig_in8(t->r, 0x3c9), 0);
	set_vbe(t, ENABLE, 0x20);
	set_dac(t, 7, 0xff, 0x81, 0x40);
	rig_out8(t->r, 0x3c7, 7);
	assert_int_equal(rig_in8(t->r, 0x3c9), 0xff);
	assert_int_equal(rig_in8(t->r, 0x3c9), 0x81);
	assert_int_equal(rig_in8(t->r, 0x3c9), 0x40);
}

/* Over a tenth of a second a guest that waits for retrace sees it some seven times. */
static void test_retrace(void **state)
{
	struct vga_rig *t = *state;
	unsigned rises = 0, shown = 0, was = 0;

	set_mode(t, &mode_3);
	for (unsigned i = 0; i < 10000; i++) {
		unsigned now = rig_in8(t->r, 0x3da);

		rises += (now & 8) && !(was & 8);
		shown += !(now & 1);
		assert_true(!(now & 8) || (now & 1));
		was = now;
		rig_advance(t->r, 10 * NS_PER_US);
	}
	assert_in_range(rises, 6, 8);
	assert_in_range(shown, 4000, 9000);
	assert_false(rig_timer_armed(t->r));
}

static void test_retrace_nonsense(void **state)
{
	struct vga_rig *t = *state;
	uint32_t seed = 4;

	for (unsigned n = 0; n < 200; n++) {
		unsigned seen = 0;

		rig_out8(t->r, 0x3c2, vga_random(&seed) | 1);
		for (unsigned i = 0; i < 0x19; i++)
			set_crtc(t, i, i == 0x11 ? 0 : vga_random(&seed));
		for (unsigned i = 0; i < 60; i++) {
			seen |= rig_in8(t->r, 0x3da) & 8 ? 1 : 2;
			rig_advance(t->r, 500 * NS_PER_US);
		}
		assert_int_equal(seen, 3); /* neither state lasts for ever */
	}
}

/* --- the window --- */

static void fill(struct vga_rig *t, uint8_t val)
{
	memset(t->vram, val, VRAM_LEN);
}

static uint32_t planes(const struct vga_rig *t, unsigned off)
{
	const uint8_t *p = t->vram + off * 4;

	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static void test_window_decode(void **state)
{
	static const struct { uint32_t start, end; } map[4] = {
		{ 0xa0000, 0xc0000 }, { 0xa0000, 0xb0000 }, { 0xb0000, 0xb8000 }, { 0xb8000, 0xc0000 },
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

/* --- reset, saved state, chaos --- */

static void test_reset(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_13h);
	set_vbe_mode(t, 640, 480, 32);
	set_vbe(t, BANK, 3);
	rig_reset(t->r);
	assert_int_equal(get_vbe(t, ENABLE), 0);
	assert_int_equal(get_vbe(t, BANK), 0);
	assert_int_equal(get_vbe(t, ID), 0xb0c5);
	assert_int_equal(rig_in8(t->r, 0x3c0) & 0x20, 0);
	assert_int_equal(rig_in8(t->r, 0x3c6), 0xff);
	assert_int_equal(get_indexed(t, 0x3ce, 5), 0);
	assert_int_equal(rig_config_read(t->r, VGA_FN, PCI_COMMAND, 2), 0);
	assert_false(rig_timer_armed(t->r));
}

static void poke_anything(struct vga_rig *t, uint32_t *seed)
{
	static const uint8_t sizes[] = { 1, 2, 4 };
	unsigned size = sizes[vga_random(seed) % 3], where = vga_random(seed) % 8;
	uint32_t off = vga_random(seed), val = vga_random(seed) * 0x10001u;
	uint64_t addr = where < 3 ? A0000 + off % 0x20000 : MMIO + off % 4096;

	if (where < 2)
		addr = MMIO + 0x400 + off % 0x130;
	if (where >= 4)
		space_write(machine_pio(t->r->m), off & 1 ? 0x3b0 + off % 0x30 : 0x1ce + off % 4,
			    val, size);
	else
		rig_write(t->r, addr, val, size);
	if (where >= 4)
		space_read(machine_pio(t->r->m), off & 1 ? 0x3b0 + off % 0x30 : 0x1ce + off % 4,
			   size);
	else
		rig_read(t->r, addr, size);
}

static void test_saved_state(void **state)
{
	struct vga_rig *t = *state;
	uint32_t seed = 77;

	for (unsigned n = 0; n < 20; n++) {
		set_mode(t, n & 1 ? &mode_3 : &mode_12h);
		for (unsigned i = 0; i < 50; i++)
			poke_anything(t, &seed);
		rig_check_saved_state(t->r);
	}
}

/* State between the two halves of something. */
static void test_saved_halfway(void **state)
{
	struct vga_rig *t = *state;

	set_mode(t, &mode_12h);
	memcpy(t->vram, (uint8_t[]){ 1, 2, 3, 4 }, 4);
	rig_read(t->r, A0000, 1); /* the latch is loaded */
	rig_out8(t->r, 0x3c8, 5);
	rig_out8(t->r, 0x3c9, 0x11); /* a third of a colour */
	rig_in8(t->r, 0x3da);
	rig_out8(t->r, 0x3c0, 0x31); /* an index without its data */
	rig_out16(t->r, 0x1ce, XRES);
	rig_out8(t->r, 0x1d0, 0x90); /* half a word */
	rig_check_saved_state(t->r);
	rig_out8(t->r, 0x1d1, 0x01);
	assert_int_equal(get_vbe(t, XRES), 0x190);
	rig_out8(t->r, 0x3c0, 0x77);
	assert_int_equal(rig_in8(t->r, 0x3c1), 0x77);
	rig_out8(t->r, 0x3c9, 0x12);
	rig_out8(t->r, 0x3c9, 0x13);
	rig_out8(t->r, 0x3c7, 5);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rig_in8(t->r, 0x3c9), 0x11 + i);
	set_gfx(t, 5, 1);
	rig_write(t->r, A0000 + 1, 0, 1);
	assert_int_equal(planes(t, 1), 0x04030201);
}

static struct device *find_vga(struct vga_rig *t)
{
	struct device *d = t->r->m->devices;

	while (d && strcmp(d->class->name, "vga"))
		d = d->next;
	assert_non_null(d);
	return d;
}

/* What comes from a file is as hostile as what comes from the guest. */
static void test_hostile_state(void **state)
{
	struct vga_rig *t = *state;
	struct device *d = find_vga(t);
	uint32_t seed = 5;
	uint8_t buf[16384], bad[16384];
	size_t len;

	set_mode(t, &mode_3);
	set_vbe_mode(t, 640, 480, 32);
	len = device_save(d, buf, sizeof(buf));
	assert_true(len <= sizeof(buf));
	for (unsigned n = 0; n < 400; n++) {
		memcpy(bad, buf, len);
		for (unsigned i = 0; i < 20; i++)
			bad[vga_random(&seed) % len] = vga_random(&seed);
		device_load(d, bad, len);
		for (unsigned i = 0; i < 10; i++)
			poke_anything(t, &seed);
	}
	rig_reset(t->r);
	assert_int_equal(device_load(d, buf, len), 0);
	assert_int_equal(get_vbe(t, XRES), 640);
}

static void test_chaos(void **state)
{
	struct vga_rig *t = *state;
	uint32_t seed = 1;

	for (unsigned n = 0; n < 60000; n++)
		poke_anything(t, &seed);
}

static void test_small_memory(void **state)
{
	struct vga_rig *t = *state;
	struct rig *r = rig_new();
	struct vga_options opt = { t->surface, t->vram, 128 << 10, NULL, 0 };

	rig_add_pci(r);
	assert_null(vga_create(r->m, &opt)); /* less than a VGA has */
	rig_free(r);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, vga_rig_setup, vga_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pci),
		TEST(test_rom),
		TEST(test_indexed),
		TEST(test_crtc_address),
		TEST(test_crtc_protect),
		TEST(test_attribute),
		TEST(test_dac),
		TEST(test_retrace),
		TEST(test_retrace_nonsense),
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
		TEST(test_reset),
		TEST(test_saved_state),
		TEST(test_saved_halfway),
		TEST(test_hostile_state),
		TEST(test_chaos),
		TEST(test_small_memory),
	};

	return cmocka_run_group_tests_name("vga", tests, NULL, NULL);
}
