// SPDX-License-Identifier: GPL-2.0-only
/*
 * The characters of a text mode's screen, for programs and people who want to read it. Characters
 * are taken for those of the VGA BIOS's font, code page 437, whatever font the guest has loaded.
 * Ignored: colours, blinking, panning.
 */
#include <errno.h>
#include <stdlib.h>

#include "vga_priv.h"

enum { UTF8_MAX = 3 }; /* bytes: nothing in code page 437 is beyond U+FFFF */

/* What the font shows for codes that are control characters elsewhere. */
static const uint16_t cp437_low[32] = {
	' ',	0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9,
	0x2642, 0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7,
	0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};

static const uint16_t cp437_high[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8,
	0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2,
	0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1,
	0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd,
	0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562,
	0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534,
	0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560,
	0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
	0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393,
	0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6,
	0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0,
	0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, ' ',
};

static uint16_t unicode_of(uint8_t code)
{
	if (code < 32)
		return cp437_low[code];
	if (code == 0x7f)
		return 0x2302;
	return code < 0x80 ? code : cp437_high[code - 0x80];
}

static char *put_utf8(char *p, uint16_t code)
{
	if (code < 0x80) {
		*p++ = code;
	} else if (code < 0x800) {
		*p++ = 0xc0 | code >> 6;
		*p++ = 0x80 | (code & 0x3f);
	} else {
		*p++ = 0xe0 | code >> 12;
		*p++ = 0x80 | (code >> 6 & 0x3f);
		*p++ = 0x80 | (code & 0x3f);
	}
	return p;
}

static char *put_row(char *p, const struct vga *v, const struct vga_view *view, uint32_t address)
{
	char *end = p;

	for (unsigned col = 0; col < view->units; col++) {
		uint16_t code = unicode_of(vga_fetch(v, (address + col) & view->wrap) & 0xff);

		p = put_utf8(p, code);
		if (code != ' ')
			end = p;
	}
	*end++ = '\n';
	return end;
}

static void find_cursor(const struct vga *v, const struct vga_view *view, uint32_t address,
			struct vga_screen *s)
{
	unsigned start = v->crtc[CRTC_CURSOR_START];
	uint32_t at = (vga_crtc16(v, CRTC_CURSOR_HIGH) - address) & view->wrap;

	if ((start & CURSOR_OFF) || at >= view->units)
		return;
	s->cursor_column = at;
	s->cursor_row = s->rows;
}

/* Lines of the picture that the row takes which begins at line y. */
static unsigned row_height(const struct vga_view *view, unsigned y)
{
	unsigned lines = view->row_lines - (y ? 0 : view->row_first);

	lines <<= view->line_shift;
	return y < view->split && lines > view->split - y ? view->split - y : lines;
}

static char *put_rows(char *p, const struct vga *v, const struct vga_view *view,
		      struct vga_screen *s)
{
	uint32_t address = vga_crtc16(v, CRTC_START_HIGH) + (v->crtc[CRTC_PRESET_ROW] >> 5 & 3);

	for (unsigned y = 0; y < view->height && s->rows < TEXT_MAX_ROWS;
	     y += row_height(view, y), s->rows++) {
		if (y == view->split)
			address = 0;
		find_cursor(v, view, address, s);
		p = put_row(p, v, view, address);
		address += view->pitch;
	}
	return p;
}

int vga_read_screen(struct vga *v, struct vga_screen *s)
{
	struct vga_view view;
	size_t rows;

	vga_direct_settle(v);
	*s = (struct vga_screen){ .cursor_column = -1, .cursor_row = -1 };
	vga_view_compute(v, &view);
	if (view.kind != VGA_TEXT)
		return view.kind == VGA_BLANK ? -ENODATA : -ENOTSUP;
	/* one more for a row that begins late, and one for a split in the midst of another */
	rows = (view.height >> view.line_shift) / view.row_lines + 4;
	s->text = malloc(rows * (view.units * UTF8_MAX + 1) + 1);
	if (!s->text)
		return -ENOMEM;
	s->columns = view.units;
	*put_rows(s->text, v, &view, s) = 0;
	return 0;
}
