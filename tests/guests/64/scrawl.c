// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text that moves: characters at random places, lines that scroll, a screen that begins elsewhere
 * in memory, now and then a character that looks otherwise, or another mode; with pauses of all
 * lengths. Now and then, and in the end, it is still and tells sums of the lines on the screen, as
 * memory has them; a key that is pressed and let go of makes it go on. Its
 * font makes pictures readable: a line of dots, a line of none, then the character's code and its
 * complement in turn. It checks nothing itself. Run by tests/system/vram_here.py.
 * Reference: IBM VGA, table of BIOS mode 3 in 400 lines; Bochs, "VBE Display API".
 */
#include "apic.h"
#include "guest.h"
#include "io.h"
#include "pause.h"
#include "pci.h"
#include "trap.h"

enum { ATTRIBUTES = 0x3c0, MISC = 0x3c2, SEQ = 0x3c4, DAC_MASK = 0x3c6, DAC_INDEX = 0x3c8,
       DAC_DATA = 0x3c9, GC = 0x3ce, CRTC = 0x3d4, STATUS1 = 0x3da };
enum { CRTC_START_HIGH = 0x0c, CRTC_START_LOW = 0x0d, CRTC_UNLOCK = 0x11, SCREEN_ON = 0x20 };
enum { VBE_INDEX = 0x1ce, VBE_DATA = 0x1d0, XRES = 1, YRES, BPP, ENABLE, VBE_ON = 0x41 };
enum { COLUMNS = 80, ROWS = 25, CELLS = COLUMNS * ROWS, GLYPH = 16, CODES = 256, PLANE_GLYPH = 32 };
enum { KEYBOARD_DATA = 0x60, KEYBOARD_STATUS = 0x64, KEYBOARD_FULL = 0x01, KEY_RELEASED = 0xf0 };
enum { ROUNDS = 400, STAGE = 40, PAGE_ROWS = 200, OTHER_PIXELS = 500 };
#define TEXT  0xb8000u
#define FONT  0xa0000u
#define LFB   0xe0000000u

static const uint8_t seq[] = { 0x03, 0x00, 0x03, 0x00, 0x02 };
static const uint8_t gc[] = { 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff };
static const uint8_t crtc[] = {	/* without a cursor */
	0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x20, 0x0e, 0x00, 0x00, 0x00,
	0x00, 0x9c, 0x0e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
};

static uint32_t seed = 1;
static unsigned start;	/* the cell in memory with which the screen begins */

static unsigned some(unsigned limit)
{
	return random_next(&seed) % limit;
}

static void set(uint16_t port, uint8_t index, uint8_t v)
{
	out16(port, index | v << 8);
}

static void vbe(uint16_t index, uint16_t v)
{
	out16(VBE_INDEX, index);
	out16(VBE_DATA, v);
}

/* --- modes --- */

/* Colour n of 16: blue, green, red, and all of them brighter. */
static void set_colours(void)
{
	out8(DAC_MASK, 0xff);
	out8(DAC_INDEX, 0);
	for (unsigned n = 0; n < 16; n++)
		for (unsigned bit = 3; bit--;)
			out8(DAC_DATA, (n >> bit & 1 ? 0x2a : 0) + (n & 8 ? 0x15 : 0));
}

/* Colours as they are; what is bright is no blinking. */
static void set_attributes(void)
{
	in8(STATUS1);
	for (unsigned i = 0; i <= 0x14; i++) {
		out8(ATTRIBUTES, i);
		out8(ATTRIBUTES, i < 16 ? i : i == 0x12 ? 0x0f : i == 0x13 ? 0x08 : 0);
	}
	out8(ATTRIBUTES, SCREEN_ON);
}

static void show_from(unsigned cell)
{
	start = cell;
	set(CRTC, CRTC_START_HIGH, cell >> 8);
	set(CRTC, CRTC_START_LOW, cell);
}

static uint8_t glyph_line(unsigned code, unsigned line)
{
	if (line < 2)
		return line ? 0 : 0xff;
	return line & 1 ? ~code : code;
}

/* Plane 2 is in the window meanwhile. */
static void load_glyphs(unsigned first, unsigned count, uint8_t flip)
{
	set(SEQ, 2, 0x04);
	set(SEQ, 4, 0x06);
	set(GC, 4, 0x02);
	set(GC, 5, 0x00);
	set(GC, 6, 0x04);
	for (unsigned code = first; code < first + count; code++)
		for (unsigned line = 0; line < GLYPH; line++)
			*mem8(FONT + code * PLANE_GLYPH + line) = glyph_line(code, line) ^ flip;
	set(SEQ, 2, seq[2]);
	set(SEQ, 4, seq[4]);
	for (unsigned i = 4; i <= 6; i++)
		set(GC, i, gc[i]);
}

static uint16_t some_cell(void)
{
	unsigned ground = some(16), ink = (ground + 1 + some(15)) & 15;

	return ground << 12 | ink << 8 | some(CODES);
}

static void text_mode(void)
{
	vbe(ENABLE, 0);
	out8(MISC, 0x67);
	for (unsigned i = 0; i < sizeof(seq); i++)
		set(SEQ, i, seq[i]);
	set(CRTC, CRTC_UNLOCK, 0);
	for (unsigned i = 0; i < sizeof(crtc); i++)
		set(CRTC, i, crtc[i]);
	for (unsigned i = 0; i < sizeof(gc); i++)
		set(GC, i, gc[i]);
	set_colours();
	set_attributes();
	load_glyphs(0, CODES, 0);
	start = 0;
	for (unsigned i = 0; i < COLUMNS * PAGE_ROWS; i++)
		*mem16(TEXT + i * 2) = some_cell();
}

static void linear_mode(void)
{
	vbe(XRES, 640);
	vbe(YRES, 480);
	vbe(BPP, 32);
	vbe(ENABLE, VBE_ON);
}

/* --- what happens --- */

static void write_some(void)
{
	unsigned count = 1 + some(24), at = some(CELLS);

	while (count--)
		*mem16(TEXT + (start + at++ % CELLS) * 2) = some_cell();
}

static void scroll(void)
{
	unsigned last = start + CELLS - COLUMNS;

	for (unsigned at = start; at < last; at++)
		*mem16(TEXT + at * 2) = *mem16(TEXT + (at + COLUMNS) * 2);
	for (unsigned i = 0; i < COLUMNS; i++)
		*mem16(TEXT + (last + i) * 2) = some_cell();
}

static void other_look(void)
{
	unsigned code = some(CODES);

	load_glyphs(code, 1, 0x5a);
	random_pause(&seed);
	load_glyphs(code, 1, 0);
}

static void other_mode(void)
{
	linear_mode();
	for (unsigned i = 0; i < OTHER_PIXELS; i++)
		*mem32(LFB + some(640 * 480) * 4) = some(0x1000000);
	random_pause(&seed);
	text_mode();
}

/* Fonts and modes seldom: after each, writes are exits for longer. */
static void act(unsigned round)
{
	unsigned what = some(100);

	if (round % 300 == 100)
		other_look();
	else if (round % 300 == 200)
		other_mode();
	else if (what < 65)
		write_some();
	else if (what < 95)
		scroll();
	else
		show_from(COLUMNS * some(PAGE_ROWS - ROWS));
}

static uint32_t sum_of_line(unsigned y)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < COLUMNS; i++)
		sum = sum * 31 + *mem16(TEXT + (start + y * COLUMNS + i) * 2);
	return sum;
}

/* Tells what the screen shows. */
static void be_still(void)
{
	for (unsigned y = 0; y < ROWS; y++)
		say("band %u %u\n", y * GLYPH, sum_of_line(y));
	say("still\n");
}

static uint8_t key_byte(void)
{
	while (!(in8(KEYBOARD_STATUS) & KEYBOARD_FULL))
		random_pause(&seed);
	return in8(KEYBOARD_DATA);
}

/* Pressed and let go of. */
static void wait_for_key(void)
{
	while (key_byte() != KEY_RELEASED)
		;
	key_byte();
}

void guest_main(void)
{
	unsigned fn = pci_find_class(0x0300);

	trap_init();
	pic_init();
	apic_on();
	pci_write32(fn, PCI_BAR0, LFB);
	pci_write16(fn, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	text_mode();
	say("text\n");
	for (unsigned i = 0; i < ROUNDS; i++) {
		act(i);
		random_pause(&seed);
		if ((i + 1) % STAGE == 0)
			be_still();
		if ((i + 1) % STAGE == 0 && i + 1 < ROUNDS)
			wait_for_key();
	}
	interrupts_off();
	for (;;)
		__asm__ volatile("hlt");
}
