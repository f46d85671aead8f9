/* SPDX-License-Identifier: GPL-2.0-only */
/* What the display adapter's tests share: an adapter on a rig, its ports, and BIOS mode tables. */
#ifndef TESTS_DEVICE_VGA_RIG_H
#define TESTS_DEVICE_VGA_RIG_H

#include "rig.h"

#include "dm/pci.h"
#include "dm/timer.h"
#include "dm/vram.h"
#include "machine/machine_priv.h"
#include "ui/surface.h"

enum { VGA_FN = PCI_DEVFN(2, 0), VRAM_LEN = 4 << 20, ROM_LEN = 4096 };
enum { LFB = 0xe0000000u, MMIO = 0xf0000000u, A0000 = 0xa0000, B0000 = 0xb0000, B8000 = 0xb8000 };

struct vga_rig {
	struct rig *r;
	struct surface *surface;
	struct vga *vga;
	uint8_t *vram, *rom;
	unsigned long log[VRAM_LEN / 4096 / 64]; /* the hypervisor's log, if a test has one */
	unsigned long text_log;	/* the same of the text window, while it is memory of the guest */
	unsigned fetches;
	struct vram_look look; /* the last one */
	bool idle;
};

static inline struct vga_rig *vga_rig_tracking(enum vram_mode mode, uint64_t idle_ns)
{
	struct vga_rig *t = calloc(1, sizeof(*t));
	struct vga_options opt = { .vram_len = VRAM_LEN, .rom_len = ROM_LEN, .tracking = mode,
				   .idle_ns = idle_ns };

	assert_non_null(t);
	t->r = rig_new();
	rig_add_pci(t->r);
	opt.vram = t->vram = calloc(1, VRAM_LEN);
	opt.rom = t->rom = calloc(1, ROM_LEN);
	opt.surface = t->surface = surface_create();
	t->vga = vga_create(t->r->m, &opt);
	assert_non_null(t->vga);
	rig_reset(t->r);
	rig_config_write(t->r, VGA_FN, PCI_BAR0, LFB, 4);
	rig_config_write(t->r, VGA_FN, PCI_BAR0 + 8, MMIO, 4);
	rig_config_write(t->r, VGA_FN, PCI_COMMAND, 3, 2);
	return t;
}

static inline struct vga_rig *vga_rig_new(void)
{
	return vga_rig_tracking(VRAM_IDLE, 0);
}

static inline void vga_rig_free(struct vga_rig *t)
{
	rig_free(t->r);
	surface_destroy(t->surface);
	free(t->vram);
	free(t->rom);
	free(t);
}

static inline int vga_rig_setup(void **state)
{
	*state = vga_rig_new();
	return 0;
}

static inline int vga_rig_teardown(void **state)
{
	vga_rig_free(*state);
	return 0;
}

/* The bytes of the four planes at an offset, plane 0 lowest. */
static inline uint32_t planes(const struct vga_rig *t, unsigned off)
{
	const uint8_t *p = t->vram + off * 4;

	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* --- registers --- */

static inline void set_seq(struct vga_rig *t, uint8_t index, uint8_t val)
{
	rig_out16(t->r, 0x3c4, val << 8 | index);
}

static inline void set_gfx(struct vga_rig *t, uint8_t index, uint8_t val)
{
	rig_out16(t->r, 0x3ce, val << 8 | index);
}

static inline void set_crtc(struct vga_rig *t, uint8_t index, uint8_t val)
{
	rig_out16(t->r, 0x3d4, val << 8 | index);
}

static inline uint8_t get_indexed(struct vga_rig *t, uint16_t port, uint8_t index)
{
	rig_out8(t->r, port, index);
	return rig_in8(t->r, port + 1);
}

static inline void set_attr(struct vga_rig *t, uint8_t index, uint8_t val)
{
	rig_in8(t->r, 0x3da);
	rig_out8(t->r, 0x3c0, index); /* 0x20 in index keeps the screen on */
	rig_out8(t->r, 0x3c0, val);
}

static inline void set_screen(struct vga_rig *t, bool on)
{
	rig_in8(t->r, 0x3da);
	rig_out8(t->r, 0x3c0, on ? 0x20 : 0);
}

static inline void set_dac(struct vga_rig *t, uint8_t index, uint8_t red, uint8_t green,
			   uint8_t blue)
{
	rig_out8(t->r, 0x3c8, index);
	rig_out8(t->r, 0x3c9, red);
	rig_out8(t->r, 0x3c9, green);
	rig_out8(t->r, 0x3c9, blue);
}

enum { ID, XRES, YRES, BPP, ENABLE, BANK, VIRT_WIDTH, VIRT_HEIGHT, X_OFFSET, Y_OFFSET, MEMORY_64K };

static inline void set_vbe(struct vga_rig *t, uint16_t index, uint16_t val)
{
	rig_out16(t->r, 0x1ce, index);
	rig_out16(t->r, 0x1cf, val);
}

static inline uint16_t get_vbe(struct vga_rig *t, uint16_t index)
{
	rig_out16(t->r, 0x1ce, index);
	return rig_in16(t->r, 0x1cf);
}

static inline void set_vbe_mode(struct vga_rig *t, unsigned width, unsigned height, unsigned bpp)
{
	set_vbe(t, ENABLE, 0);
	set_vbe(t, XRES, width);
	set_vbe(t, YRES, height);
	set_vbe(t, BPP, bpp);
	set_vbe(t, ENABLE, 0x41);
	set_screen(t, true);
}

/* --- the modes of the BIOS, by the tables that IBM published --- */

struct vga_mode {
	uint8_t misc, seq[5], crtc[25], gfx[9], attr[21];
};

static const struct vga_mode mode_3 = {
	0x67, { 0x03, 0x00, 0x03, 0x00, 0x02 },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
	  0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
	{ 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff },
	{ 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
	  0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00 },
};

static const struct vga_mode mode_4 = {
	0x63, { 0x03, 0x09, 0x03, 0x00, 0x02 },
	{ 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0x00, 0x00, 0x00,
	  0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x14, 0x00, 0x96, 0xb9, 0xa2, 0xff },
	{ 0x00, 0x00, 0x00, 0x00, 0x00, 0x30, 0x0f, 0x00, 0xff },
	{ 0x00, 0x13, 0x15, 0x17, 0x02, 0x04, 0x06, 0x07, 0x10, 0x11, 0x12,
	  0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0x00, 0x03, 0x00, 0x00 },
};

static const struct vga_mode mode_6 = {
	0x63, { 0x03, 0x01, 0x01, 0x00, 0x06 },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0xc1, 0x00, 0x00, 0x00,
	  0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x00, 0x96, 0xb9, 0xc2, 0xff },
	{ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0d, 0x00, 0xff },
	{ 0x00, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17,
	  0x17, 0x17, 0x17, 0x17, 0x17, 0x01, 0x00, 0x01, 0x00, 0x00 },
};

static const struct vga_mode mode_12h = {
	0xe3, { 0x03, 0x01, 0x0f, 0x00, 0x06 },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0x00, 0x00, 0x00,
	  0x00, 0x00, 0x00, 0xea, 0x8c, 0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff },
	{ 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x0f, 0xff },
	{ 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a,
	  0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x01, 0x00, 0x0f, 0x00, 0x00 },
};

static const struct vga_mode mode_13h = {
	0x63, { 0x03, 0x01, 0x0f, 0x00, 0x0e },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00, 0x00,
	  0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
	{ 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0f, 0xff },
	{ 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
	  0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x41, 0x00, 0x0f, 0x00, 0x00 },
};

/* As a BIOS does it: screen off, registers, palette entry i is (i, 2i, 3i), screen on. */
static inline void set_mode(struct vga_rig *t, const struct vga_mode *mode)
{
	set_vbe(t, ENABLE, 0);
	set_screen(t, false);
	rig_out8(t->r, 0x3c2, mode->misc);
	for (unsigned i = 0; i < 5; i++)
		set_seq(t, i, mode->seq[i]);
	set_crtc(t, 0x11, mode->crtc[0x11] & 0x7f);
	for (unsigned i = 0; i < 25; i++)
		set_crtc(t, i, mode->crtc[i]);
	for (unsigned i = 0; i < 9; i++)
		set_gfx(t, i, mode->gfx[i]);
	for (unsigned i = 0; i < 21; i++)
		set_attr(t, i, mode->attr[i]);
	rig_out8(t->r, 0x3c6, 0xff);
	for (unsigned i = 0; i < 256; i++)
		set_dac(t, i, i & 0x3f, i * 2 & 0x3f, i * 3 & 0x3f);
	set_screen(t, true);
}

static inline uint32_t six_bits(unsigned c)
{
	c &= 0x3f;
	return c << 2 | c >> 4;
}

/* The colour that set_mode() gives to an entry of the DAC. */
static inline uint32_t dac_rgb(unsigned i)
{
	return six_bits(i) << 16 | six_bits(i * 2) << 8 | six_bits(i * 3);
}

/* A small generator with a seed, so that a failure comes back. */
static inline uint32_t vga_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

#endif
