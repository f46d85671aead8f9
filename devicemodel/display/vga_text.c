/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drawing text modes. For each character on the screen a word is kept that says all that its
 * picture depends on; a cell is drawn when that word is another than the last one.
 * Ignored: cursor skew.
 * Reference: IBM Personal System/2 Hardware Interface Technical Reference, Video Subsystem:
 * "Alphanumeric Modes", "RAM Loadable Character Generator".
 */
#include "ui/surface.h"
#include "vga_priv.h"

/* A cell: character, attribute, and what is to be seen of it now. */
enum {
	CELL_ATTR_SHIFT = 8,
	CELL_CURSOR = 1 << 16,
	CELL_HIDDEN = 1 << 17, /* blinks, and is off at present */
};

struct text_row {
	unsigned index;		/* among the rows on the screen */
	unsigned y, lines;	/* on the surface */
	unsigned first;		/* line of the characters that comes first */
	uint32_t address;
	unsigned pan;		/* pixels */
};

struct text_job {
	struct vga *v;
	const struct vga_view *view;
	uint32_t *pixels;
	unsigned stride;
	unsigned cell_width;	/* pixels */
	uint32_t cursor;	/* address of the cursor; out of range when there is none */
	bool cursor_on, blink_on;
	bool all, drawn;
};

/* --- one cell --- */

/* The dots of a line, the leftmost in bit 8. */
static unsigned glyph_dots(const struct text_job *j, uint32_t cell, unsigned line)
{
	const struct vga_view *view = j->view;
	unsigned code = cell & 0xff, attr = cell >> CELL_ATTR_SHIFT & 0xff, dots;

	if ((cell & CELL_CURSOR) && line >= (j->v->crtc[CRTC_CURSOR_START] & 0x1fu) &&
	    line <= (j->v->crtc[CRTC_CURSOR_END] & 0x1fu))
		return 0x1ff;
	if (cell & CELL_HIDDEN)
		return 0;
	if ((attr & 0x77) == 0x01 && line == view->underline)
		return 0x1ff;
	dots = vga_fetch(j->v, view->font[attr >> 3 & 1] + code * 32 + line) >> 16 & 0xff;
	dots <<= 1;
	if (view->line_graphics && code >= 0xc0 && code <= 0xdf)
		dots |= dots >> 1 & 1;
	return dots;
}

/* A line of dots that may be wider than one pixel each, or stick out at the left or right. */
static void draw_wide_line(const struct text_job *j, uint32_t *row, int x, unsigned dots,
			   const uint32_t colour[2])
{
	unsigned last = 0x100 >> (j->view->cell_dots - 1), width = j->view->width;

	for (unsigned dot = 0x100; dot >= last; dot >>= 1)
		for (unsigned i = 0; i < j->view->x_scale; i++, x++)
			if (x >= 0 && (unsigned)x < width)
				row[x] = colour[!!(dots & dot)];
}

static void draw_cell_line(const struct text_job *j, uint32_t *row, int x, unsigned dots,
			   const uint32_t colour[2])
{
	uint32_t ground = colour[0], differ = colour[0] ^ colour[1];
	unsigned width = j->cell_width;

	if (j->view->x_scale != 1 || x < 0 || x + width > j->view->width) {
		draw_wide_line(j, row, x, dots, colour);
		return;
	}
	for (unsigned i = 0; i < width; i++)
		row[x + i] = ground ^ (differ & -(dots >> (8 - i) & 1));
}

static void draw_cell(const struct text_job *j, const struct text_row *r, int x, uint32_t cell)
{
	unsigned attr = cell >> CELL_ATTR_SHIFT & 0xff;
	unsigned ground = j->view->blink ? attr >> 4 & 7 : attr >> 4;
	uint32_t colour[2] = { j->v->paint.colour[ground], j->v->paint.colour[attr & 0xf] };

	for (unsigned i = 0; i < r->lines; i++) {
		unsigned line = (r->first + (i >> j->view->line_shift)) & 0x1f;

		draw_cell_line(j, j->pixels + (size_t)(r->y + i) * j->stride, x,
			       glyph_dots(j, cell, line), colour);
	}
}

/* --- rows --- */

static uint32_t cell_at(struct text_job *j, uint32_t address)
{
	uint32_t cell = vga_fetch(j->v, address & j->view->wrap) & 0xffff;

	if ((address & j->view->wrap) == j->cursor) {
		j->v->paint.cursor_shown = true;
		cell |= j->cursor_on ? CELL_CURSOR : 0;
	}
	if (j->view->blink && (cell & 0x8000)) {
		j->v->paint.blink_shown = true;
		cell |= j->blink_on ? 0 : CELL_HIDDEN;
	}
	return cell;
}

static void damage_run(struct text_job *j, const struct text_row *r, unsigned from, unsigned to)
{
	if (from == to)
		return;
	j->drawn = true;
	if (!j->all)
		surface_damage(j->v->paint.surface,
			       (int)(from * j->cell_width) - (int)r->pan, r->y,
			       (to - from) * j->cell_width, r->lines);
}

static void draw_row(struct text_job *j, const struct text_row *r)
{
	uint32_t *seen = j->v->paint.cell + (size_t)r->index * TEXT_MAX_COLS;
	unsigned cols = j->view->units + (r->pan ? 1 : 0), run = 0;

	for (unsigned col = 0; col < cols && col < TEXT_MAX_COLS; col++) {
		uint32_t cell = cell_at(j, r->address + col);

		if (cell == seen[col] && !j->all) {
			damage_run(j, r, run, col);
			run = col + 1;
			continue;
		}
		seen[col] = cell;
		draw_cell(j, r, (int)(col * j->cell_width) - (int)r->pan, cell);
	}
	damage_run(j, r, run, cols);
}

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void draw_rows(struct text_job *j)
{
	const struct vga_view *view = j->view;
	struct text_row r = { .first = view->row_first, .pan = view->pan * view->x_scale };

	r.address = vga_crtc16(j->v, CRTC_START_HIGH);
	r.address += j->v->crtc[CRTC_PRESET_ROW] >> 5 & 3;
	for (; r.y < view->height && r.index < TEXT_MAX_ROWS; r.y += r.lines, r.index++) {
		if (r.y == view->split) {
			r.address = 0;
			r.first = 0;
			r.pan = view->pan_below * view->x_scale;
		}
		r.lines = (view->row_lines - r.first) << view->line_shift;
		r.lines = min(r.lines, view->height - r.y);
		if (r.y < view->split)
			r.lines = min(r.lines, view->split - r.y);
		draw_row(j, &r);
		r.address += view->pitch;
		r.first = 0;
	}
}

/* Where the cursor stands, or nowhere if its lines are none of a character's. */
static uint32_t cursor_address(const struct vga *v)
{
	unsigned start = v->crtc[CRTC_CURSOR_START], first = start & 0x1f;

	if ((start & CURSOR_OFF) || first > (v->crtc[CRTC_CURSOR_END] & 0x1fu) ||
	    first >= v->paint.view.row_lines)
		return UINT32_MAX;
	return vga_crtc16(v, CRTC_CURSOR_HIGH);
}

bool vga_draw_text(struct vga *v, uint32_t *pixels, unsigned stride, bool all)
{
	uint64_t phase = machine_now(v->dev.machine) / VGA_BLINK_NS;
	struct text_job j = {
		.v = v,
		.view = &v->paint.view,
		.pixels = pixels,
		.stride = stride,
		.cell_width = v->paint.view.cell_dots * v->paint.view.x_scale,
		.cursor = cursor_address(v),
		.cursor_on = !(phase & 1),
		.blink_on = !(phase & 2),
		.all = all,
	};

	draw_rows(&j);
	if (all)
		surface_damage(v->paint.surface, 0, 0, j.view->width, j.view->height);
	return j.drawn;
}
