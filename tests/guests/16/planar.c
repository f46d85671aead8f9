// SPDX-License-Identifier: GPL-2.0-only
/*
 * A picture in 16 colours, 640x480, written plane by plane, for tests/system/media_here.py to look
 * at. Boxes of 8x6 pixels in all colours; every seventh pixel, slanted, has the opposite colour, so
 * that a mistake in planes, bit order or line length shows.
 * Reference: IBM VGA BIOS interface, mode 12h.
 */
#include "bios.h"
#include "guest.h"
#include "io.h"

enum { COLUMNS = 80, LINES = 480, PLANES = 4, GRAPHICS = 0xa000 };

/* The bits of eight pixels whose first has this remainder of seven. */
static uint8_t slanted(unsigned remainder)
{
	uint8_t bits = 0;

	for (unsigned n = 0; n < 8; n++)
		bits |= (remainder + n) % 7 ? 0 : 0x80 >> n;
	return bits;
}

static void draw_plane(unsigned plane)
{
	uint8_t opposite[7];

	for (unsigned i = 0; i < 7; i++)
		opposite[i] = slanted(i);
	out8(0x3c4, 2);
	out8(0x3c5, 1 << plane);
	out8(0x3ce, 4);
	out8(0x3cf, plane);
	for (unsigned y = 0; y < LINES; y++) {
		for (unsigned col = 0; col < COLUMNS; col++) {
			uint8_t bits = (col + y / 6) >> plane & 1 ? 0xff : 0;

			far_write(GRAPHICS, y * COLUMNS + col, bits ^ opposite[(8 * col + y) % 7]);
		}
	}
}

void guest_main(void)
{
	struct bios_regs r = { .eax = 0x12 };

	bios(0x10, &r);
	for (unsigned plane = 0; plane < PLANES; plane++)
		draw_plane(plane);
	say("shown\n");
	for (;;)
		__asm__ volatile("hlt");
}
