// SPDX-License-Identifier: GPL-2.0-only
/* The display adapter's PCI function, its registers, reset and saved state. */
#include "vga_rig.h"

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
	struct vga_options opt = { .surface = t->surface, .vram = t->vram,
				   .vram_len = 128 << 10 };

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
		TEST(test_reset),
		TEST(test_saved_state),
		TEST(test_saved_halfway),
		TEST(test_hostile_state),
		TEST(test_chaos),
		TEST(test_small_memory),
	};

	return cmocka_run_group_tests_name("vga", tests, NULL, NULL);
}
