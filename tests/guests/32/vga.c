// SPDX-License-Identifier: GPL-2.0-only
/*
 * The display adapter by its registers: planes, latches and the four write modes, chain 4, the
 * palette, CRTC protection, retrace, and the Bochs VBE extension with banks and frame buffer.
 * Reference: IBM VGA, "Graphics Controller", "Sequencer"; Bochs, "VBE Display API".
 */
#include "clock.h"
#include "guest.h"
#include "io.h"
#include "pci.h"

enum { SEQ = 0x3c4, GC = 0x3ce, CRTC = 0x3d4, MISC = 0x3c2, STATUS1 = 0x3da };
enum { DAC_MASK = 0x3c6, DAC_READ, DAC_WRITE, DAC_DATA };
enum { VBE_INDEX = 0x1ce, VBE_DATA = 0x1d0 };
enum { VBE_ID, XRES, YRES, BPP, ENABLE, BANK, VIRT_WIDTH, VIRT_HEIGHT, X_OFFSET, Y_OFFSET };
enum { ON = 0x01, LFB_ON = 0x40, NO_CLEAR = 0x80 };
enum { SET_RESET = 0, ENABLE_SET = 1, COMPARE = 2, ROTATE = 3, READ_MAP = 4, MODE = 5,
       DO_CARE = 7, BIT_MASK = 8, RETRACE = 0x08 };
enum { FRAMES = 6, FRAME_US = 16683, RETRACE_LIMIT = 200000 };
#define WINDOW 0xa0000u
#define LFB    0xe0000000u

static void set(uint16_t port, uint8_t index, uint8_t v)
{
	out8(port, index);
	out8(port + 1, v);
}

static uint8_t get(uint16_t port, uint8_t index)
{
	out8(port, index);
	return in8(port + 1);
}

static void vbe(uint16_t index, uint16_t v)
{
	out16(VBE_INDEX, index);
	out16(VBE_DATA, v);
}

static uint16_t vbe_get(uint16_t index)
{
	out16(VBE_INDEX, index);
	return in16(VBE_DATA);
}

static uint8_t plane(unsigned n, unsigned off)
{
	set(GC, READ_MAP, n);
	return *mem8(WINDOW + off);
}

static uint32_t planes(unsigned off)
{
	uint32_t v = 0;

	for (unsigned n = 0; n < 4; n++)
		v |= (uint32_t)plane(n, off) << 8 * n;
	return v;
}

static void planar(void)
{
	set(SEQ, 0, 3);
	set(SEQ, 2, 0xf); /* all planes */
	set(SEQ, 4, 0x06); /* no odd and even, no chain */
	for (unsigned i = 0; i < 8; i++)
		set(GC, i, 0);
	set(GC, 6, 0x05); /* A0000, graphics */
	set(GC, DO_CARE, 0xf);
	set(GC, BIT_MASK, 0xff);
}

static void check_planes(void)
{
	out8(MISC, 0x63); /* memory on, colour ports */
	planar();
	for (unsigned n = 0; n < 4; n++) {
		set(SEQ, 2, 1 << n);
		*mem8(WINDOW) = 0x11 << n;
	}
	check("planes", planes(0), 0x88442211);
	set(SEQ, 2, 0xf);
	*mem8(WINDOW + 1) = 0xa5;
	check("all-planes", planes(1), 0xa5a5a5a5);

	plane(0, 0); /* latches */
	set(GC, MODE, 1);
	*mem8(WINDOW + 2) = 0;
	set(GC, MODE, 0);
	check("mode-1-copies", planes(2), 0x88442211);
	set(GC, MODE, 2);
	set(GC, BIT_MASK, 0x0f);
	plane(0, 0);
	*mem8(WINDOW + 3) = 0x5;
	check("mode-2-colour", planes(3), 0x804f201f);
	set(GC, MODE, 3);
	set(GC, BIT_MASK, 0xff);
	set(GC, SET_RESET, 0x9);
	plane(0, 1);
	*mem8(WINDOW + 4) = 0xf0;
	check("mode-3", planes(4), 0xf50505f5);
	set(GC, MODE, 0);
}

static void check_logic(void)
{
	set(GC, SET_RESET, 0x3);
	set(GC, ENABLE_SET, 0x6);
	*mem8(WINDOW + 5) = 0x3c;
	check("set-reset", planes(5), 0x3c00ff3c);
	set(GC, ENABLE_SET, 0);
	plane(0, 1);
	set(GC, ROTATE, 0x18); /* exclusive or */
	*mem8(WINDOW + 6) = 0xff;
	check("xor", planes(6), 0x5a5a5a5a);
	plane(0, 1);
	set(GC, ROTATE, 0x04); /* by four bits */
	*mem8(WINDOW + 7) = 0x12;
	check("rotate", planes(7), 0x21212121);
	set(GC, ROTATE, 0);
	set(GC, MODE, 0x08); /* read mode 1 */
	set(GC, COMPARE, 0x2);
	check("colour-compare", *mem8(WINDOW), 0x22);
	set(GC, DO_CARE, 0x1); /* only plane 0 counts */
	check("colour-do-not-care", *mem8(WINDOW), 0xee);
	set(GC, DO_CARE, 0xf);
	set(GC, MODE, 0);
}

/* Chain 4: the low bits of the address choose the plane. */
static void check_chain4(void)
{
	set(SEQ, 4, 0x0e);
	*mem32(WINDOW + 0x100) = 0x44332211;
	check("chain-4", *mem32(WINDOW + 0x100), 0x44332211);
	set(SEQ, 2, 0x2);
	*mem32(WINDOW + 0x100) = 0x88776655;
	check("chain-4-map-mask", *mem32(WINDOW + 0x100), 0x44336611);
	set(SEQ, 2, 0xf);
	set(SEQ, 4, 0x06);
	set(GC, 6, 0x0d); /* B8000 */
	check("window-elsewhere", *mem8(WINDOW + 0x100), 0xff);
	set(GC, 6, 0x05);
}

static void check_palette(void)
{
	uint8_t got[6];

	out8(DAC_WRITE, 10);
	for (unsigned i = 0; i < 6; i++)
		out8(DAC_DATA, i * 7 + 1);
	out8(DAC_READ, 10);
	for (unsigned i = 0; i < 6; i++)
		got[i] = in8(DAC_DATA);
	check("palette-first", got[0] | got[1] << 8 | got[2] << 16, 0x0f0801);
	check("palette-next", got[3] | got[4] << 8 | got[5] << 16, 0x241d16);
	out8(DAC_MASK, 0x7f);
	check("palette-mask", in8(DAC_MASK), 0x7f);
	out8(DAC_MASK, 0xff);
}

/* 59.94 Hz. Only 240 lines are shown: a host in which a look takes long still sees the rest. */
static void set_timing(void)
{
	static const uint8_t crtc[] = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3c, 0x00, 0x40,
					0,    0,    0,    0,    0,    0,    0xea, 0x0c, 0xef, 0x28,
					0x00, 0xe7, 0x04, 0xe3, 0xff };

	set(SEQ, 1, 0x01);
	set(CRTC, 0x11, 0x00);
	for (unsigned i = 0; i < sizeof(crtc); i++)
		set(CRTC, i, crtc[i]);
}

static void check_crtc(void)
{
	set_timing();
	set(CRTC, 0x11, 0x8c);
	set(CRTC, 0x00, 0x11);
	check("crtc-protected", get(CRTC, 0x00), 0x5f);
	set(CRTC, 0x0e, 0x12);
	check("cursor-place", get(CRTC, 0x0e), 0x12);
}

static bool in_retrace(void)
{
	return in8(STATUS1) & RETRACE;
}

static bool not_in_retrace(void)
{
	return !in_retrace();
}

static uint32_t frames_us(void)
{
	struct stopwatch s;

	wait_until(not_in_retrace, RETRACE_LIMIT);
	wait_until(in_retrace, RETRACE_LIMIT);
	stopwatch_start(&s);
	for (unsigned i = 0; i < FRAMES; i++) {
		wait_until(not_in_retrace, RETRACE_LIMIT);
		wait_until(in_retrace, RETRACE_LIMIT);
	}
	return stopwatch_us(&s);
}

static void check_vbe(void)
{
	unsigned fn = pci_find_class(0x0300);

	pci_write32(fn, PCI_BAR0, LFB);
	pci_write16(fn, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	check("vbe-id", vbe_get(VBE_ID) & 0xfff0, 0xb0c0);
	*mem32(LFB) = 0xffffffff;
	vbe(XRES, 800);
	vbe(YRES, 600);
	vbe(BPP, 32);
	vbe(ENABLE, ON | LFB_ON);
	check("vbe-xres", vbe_get(XRES), 800);
	check("vbe-clears", *mem32(LFB), 0);
	check("vbe-virtual-width", vbe_get(VIRT_WIDTH), 800);
	check_range("vbe-virtual-height", vbe_get(VIRT_HEIGHT), 600, 16 << 20);
	*mem32(LFB + 3 * 65536 + 0x40) = 0x00c0ffee;
	vbe(BANK, 3);
	check("vbe-bank-reads", *mem32(WINDOW + 0x40), 0x00c0ffee);
	*mem32(WINDOW + 0x44) = 0x00badbed;
	check("vbe-bank-writes", *mem32(LFB + 3 * 65536 + 0x44), 0x00badbed);
	vbe(VIRT_WIDTH, 1024);
	vbe(Y_OFFSET, 100);
	check("vbe-y-offset", vbe_get(Y_OFFSET), 100);
	vbe(ENABLE, 0);
	*mem32(LFB) = 0x12345678;
	vbe(ENABLE, ON | LFB_ON | NO_CLEAR);
	check("vbe-keeps", *mem32(LFB), 0x12345678);
	vbe(ENABLE, 0x02); /* capabilities */
	check_range("vbe-largest", vbe_get(XRES), 1024, 65535);
	vbe(ENABLE, 0);
}

void guest_main(void)
{
	check_planes();
	check_logic();
	check_chain4();
	check_palette();
	check_crtc();
	check_time("retrace", frames_us, FRAMES * FRAME_US, 5);
	check_vbe();
}
