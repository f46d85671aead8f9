// SPDX-License-Identifier: GPL-2.0-only
/*
 * The display in the text mode in which firmware leaves it: 80 by 25 characters of 9 by 16 dots.
 * A text screen is cheaper for the guest than a picture, and its cursor blinks without the guest.
 * The characters' shapes are those of the display's own BIOS, found there by two of them.
 * Reference: IBM Personal System/2 Hardware Interface Technical Reference, Video Subsystem:
 * "Registers", table of BIOS mode 3 in 400 lines.
 */
#include <string.h>

#include "boot_priv.h"
#include "dm/isa.h"
#include "dm/machine.h"
#include "dm/region.h"

enum { MISC = 0x3c2, ATTRIBUTE = 0x3c0, SEQUENCER = 0x3c4, GRAPHICS = 0x3ce, CRTC = 0x3d4,
       STATUS = 0x3da, DAC_MASK = 0x3c6, DAC_INDEX = 0x3c8, DAC_DATA = 0x3c9 };
enum { MISC_MODE_3 = 0x67, VIDEO_ON = 0x20, CRTC_UNLOCK = 0x11, DAC_COLOURS = 64 };
enum { VBE_DATA = PORT_VBE + 2, VBE_ENABLE = 4 };
enum { GLYPH = 16, GLYPHS = 256, PLANE_GLYPH = 32, LETTER_A = 'A', LETTERS = 2 };
enum { FONT_WINDOW = 0xa0000, TEXT_WINDOW = 0xb8000, TEXT_LEN = 80 * 25 * 2 };

static const uint8_t sequencer[] = { 0x03, 0x00, 0x03, 0x00, 0x02 };
static const uint8_t crtc[] = {
	0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00,
	0x00, 0x9c, 0x0e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
};
static const uint8_t graphics[] = { 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff };
static const uint8_t attributes[] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e,
	0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00,
};

/* "A" and "B", as every VGA BIOS with this font has them in a row. */
static const uint8_t letters[LETTERS * GLYPH] = {
	0x00, 0x00, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6, 0, 0, 0, 0,
	0x00, 0x00, 0xfc, 0x66, 0x66, 0x66, 0x7c, 0x66, 0x66, 0x66, 0x66, 0xfc, 0, 0, 0, 0,
};

static const uint8_t *find_font(const uint8_t *rom, size_t len)
{
	const uint8_t *at = rom ? memmem(rom, len, letters, sizeof(letters)) : NULL;
	size_t before = LETTER_A * GLYPH;

	if (!at || (size_t)(at - rom) < before || rom + len - at < GLYPHS * GLYPH - (long)before)
		return NULL;
	return at - before;
}

static void set_indexed(struct machine *m, unsigned port, unsigned index, uint8_t val)
{
	board_out(m, port, index | val << 8, 2);
}

static void set_registers(struct machine *m)
{
	board_out(m, PORT_VBE, VBE_ENABLE, 2);
	board_out(m, VBE_DATA, 0, 2);
	board_out(m, MISC, MISC_MODE_3, 1);
	for (unsigned i = 0; i < sizeof(sequencer); i++)
		set_indexed(m, SEQUENCER, i, sequencer[i]);
	set_indexed(m, CRTC, CRTC_UNLOCK, 0);
	for (unsigned i = 0; i < sizeof(crtc); i++)
		set_indexed(m, CRTC, i, crtc[i]);
	for (unsigned i = 0; i < sizeof(graphics); i++)
		set_indexed(m, GRAPHICS, i, graphics[i]);
	board_in(m, STATUS, 1); /* the next write to 0x3c0 is an index */
	for (unsigned i = 0; i < sizeof(attributes); i++) {
		board_out(m, ATTRIBUTE, i, 1);
		board_out(m, ATTRIBUTE, attributes[i], 1);
	}
	board_out(m, ATTRIBUTE, VIDEO_ON, 1);
}

/* One bit for two thirds of a colour's strength, one for a third. */
static uint8_t strength(unsigned colour, unsigned strong, unsigned weak)
{
	return (colour & strong ? 0x2a : 0) + (colour & weak ? 0x15 : 0);
}

static void set_colours(struct machine *m)
{
	board_out(m, DAC_MASK, 0xff, 1);
	board_out(m, DAC_INDEX, 0, 1);
	for (unsigned i = 0; i < DAC_COLOURS; i++) {
		board_out(m, DAC_DATA, strength(i, 0x04, 0x20), 1);
		board_out(m, DAC_DATA, strength(i, 0x02, 0x10), 1);
		board_out(m, DAC_DATA, strength(i, 0x01, 0x08), 1);
	}
}

/* Through the window, which shows plane 2 alone meanwhile. */
static void load_font(struct machine *m, const uint8_t *font)
{
	struct space *mem = machine_mem(m);

	set_indexed(m, SEQUENCER, 2, 0x04);
	set_indexed(m, SEQUENCER, 4, 0x06);
	set_indexed(m, GRAPHICS, 5, 0x00);
	set_indexed(m, GRAPHICS, 6, 0x04);
	for (unsigned i = 0; i < GLYPHS * GLYPH; i += sizeof(uint64_t)) {
		uint64_t rows;

		memcpy(&rows, font + i, sizeof(rows));
		space_write(mem, FONT_WINDOW + i / GLYPH * PLANE_GLYPH + i % GLYPH, rows,
			    sizeof(rows));
	}
	set_indexed(m, SEQUENCER, 2, sequencer[2]);
	set_indexed(m, SEQUENCER, 4, sequencer[4]);
	set_indexed(m, GRAPHICS, 5, graphics[5]);
	set_indexed(m, GRAPHICS, 6, graphics[6]);
}

bool board_show_text(struct machine *m, const uint8_t *rom, size_t len)
{
	const uint8_t *font = find_font(rom, len);
	struct space *mem = machine_mem(m);

	if (!font)
		return false;
	set_registers(m);
	set_colours(m);
	load_font(m, font);
	for (unsigned i = 0; i < TEXT_LEN; i += sizeof(uint64_t))
		space_write(mem, TEXT_WINDOW + i, 0x0720072007200720, sizeof(uint64_t));
	return true;
}
