// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drawing text modes. For each character on the screen a word is kept that says all that its
 * picture depends on; a cell is drawn when that word is another than the last one. Rows whose
 * memory is as it was are passed over whole, unless something blinks in them.
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
	CELL_START_SHIFT = 18, /* first and last line of the cursor, if it is there */
	CELL_END_SHIFT = 23,
};

/* All bits of a pixel for each of four dots. */
typedef uint32_t four_pixels __attribute__((vector_size(16)));

#define DOT(n, bit) ((n) & (bit) ? UINT32_MAX : 0)
#define DOTS(n)	    { DOT(n, 8), DOT(n, 4), DOT(n, 2), DOT(n, 1) }
static const four_pixels dot_masks[16] = {
	DOTS(0), DOTS(1), DOTS(2),  DOTS(3),  DOTS(4),	DOTS(5),  DOTS(6),  DOTS(7),
	DOTS(8), DOTS(9), DOTS(10), DOTS(11), DOTS(12), DOTS(13), DOTS(14), DOTS(15),
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
	uint32_t cursor_cell;	/* what it adds to the cell at present */
	bool blink_on;
	bool same;		/* the memory behind all of it is as it was */
	bool all, drawn;
};

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* --- one cell --- */

static unsigned cell_attr(uint32_t cell)
{
	return cell >> CELL_ATTR_SHIFT & 0xff;
}

/* A character's first line in plane 2; fonts are within the VGA's memory. */
static const uint8_t *glyph_of(const struct text_job *j, uint32_t cell)
{
	uint32_t at = j->view->font[cell_attr(cell) >> 3 & 1] + (cell & 0xff) * 32;

	return j->v->vram + (size_t)at * 4 + 2;
}

/* What the ninth dot shows of the eighth: all of it, or nothing. */
static unsigned ninth_dot(const struct text_job *j, uint32_t cell)
{
	unsigned code = cell & 0xff;

	return j->view->line_graphics && code >= 0xc0 && code <= 0xdf;
}

/* Nothing of it but its character is to be seen. */
static bool is_plain(uint32_t cell)
{
	return !(cell & (CELL_CURSOR | CELL_HIDDEN)) && (cell_attr(cell) & 0x77) != 0x01;
}

/* The dots of a line, the leftmost in bit 8. */
static unsigned glyph_dots(const struct text_job *j, uint32_t cell, unsigned line)
{
	unsigned dots;

	if ((cell & CELL_CURSOR) && line >= (cell >> CELL_START_SHIFT & 0x1f) &&
	    line <= (cell >> CELL_END_SHIFT & 0x1f))
		return 0x1ff;
	if (cell & CELL_HIDDEN)
		return 0;
	if ((cell_attr(cell) & 0x77) == 0x01 && line == j->view->underline)
		return 0x1ff;
	dots = glyph_of(j, cell)[line * 4];
	return dots << 1 | (dots & ninth_dot(j, cell));
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

static void draw_four(uint32_t *to, uint32_t ground, uint32_t differ, unsigned dots)
{
	four_pixels p = ground ^ (differ & dot_masks[dots & 0xf]);

	memcpy(to, &p, sizeof(p));
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
	draw_four(row + x, ground, differ, dots >> 5);
	draw_four(row + x + 4, ground, differ, dots >> 1);
	if (width == 9)
		row[x + 8] = colour[dots & 1];
}

/* Most cells: nothing but a character, all of it on the surface, a pixel a dot. */
static void draw_character(const struct text_job *j, const struct text_row *r, unsigned x,
			   uint32_t cell, const uint32_t colour[2])
{
	uint32_t ground = colour[0], differ = colour[0] ^ colour[1];
	uint32_t *row = j->pixels + (size_t)r->y * j->stride + x;
	unsigned nine = j->cell_width == 9, ninth = ninth_dot(j, cell);
	unsigned shift = j->view->line_shift;
	const uint8_t *glyph = glyph_of(j, cell);

	for (unsigned i = 0; i < r->lines; i++, row += j->stride) {
		unsigned dots = glyph[((r->first + (i >> shift)) & 0x1f) * 4];

		draw_four(row, ground, differ, dots >> 4);
		draw_four(row + 4, ground, differ, dots);
		if (nine)
			row[8] = colour[dots & ninth];
	}
}

static void draw_cell(const struct text_job *j, const struct text_row *r, int x, uint32_t cell)
{
	unsigned attr = cell_attr(cell);
	unsigned ground = j->view->blink ? attr >> 4 & 7 : attr >> 4;
	uint32_t colour[2] = { j->v->paint.colour[ground], j->v->paint.colour[attr & 0xf] };

	if (is_plain(cell) && j->view->x_scale == 1 && x >= 0 &&
	    x + j->cell_width <= j->view->width) {
		draw_character(j, r, x, cell, colour);
		return;
	}
	for (unsigned i = 0; i < r->lines; i++) {
		unsigned line = (r->first + (i >> j->view->line_shift)) & 0x1f;

		draw_cell_line(j, j->pixels + (size_t)(r->y + i) * j->stride, x,
			       glyph_dots(j, cell, line), colour);
	}
}

/* --- rows --- */

/* The most columns that a row may show: one more where it begins within a character. */
static unsigned max_columns(const struct vga_view *view)
{
	return view->units + (view->pan || view->pan_below ? 1 : 0);
}

static uint32_t *row_words(const struct text_job *j, const struct text_row *r)
{
	return j->v->paint.word + (size_t)r->index * max_columns(j->view);
}

/* The usual screen lies in memory in one piece, as it was kept: compared in one go. */
static bool screen_same(const struct text_job *j, uint32_t address)
{
	const struct vga_view *view = j->view;
	uint32_t first = address & view->wrap, n = j->v->paint.rows * view->pitch;

	return !j->all && view->pitch == max_columns(view) && view->split >= view->height &&
	       first + n <= view->wrap && first + n <= j->v->vram_len / 4 &&
	       !memcmp(j->v->paint.word, j->v->vram + (size_t)first * 4, (size_t)n * 4);
}

/* Brings p->word up to date for a row; true if the memory behind it is another. */
static bool fetch_row(struct text_job *j, const struct text_row *r, unsigned cols)
{
	uint32_t *word = row_words(j, r);
	uint32_t first = r->address & j->view->wrap, val;
	const uint8_t *mem = j->v->vram + (size_t)first * 4;
	bool changed = false;

	if (first + cols <= j->view->wrap && first + cols <= j->v->vram_len / 4) {
		if (!memcmp(word, mem, cols * sizeof(*word)))
			return false;
		memcpy(word, mem, cols * sizeof(*word));
		return true;
	}
	for (unsigned col = 0; col < cols; col++) {
		val = vga_fetch(j->v, (r->address + col) & j->view->wrap);
		changed |= word[col] != val;
		word[col] = val;
	}
	return changed;
}

/* The column of the cursor if the row were long enough; UINT32_MAX if there is no cursor. */
static uint32_t cursor_column(const struct text_job *j, const struct text_row *r)
{
	return j->cursor == UINT32_MAX ? UINT32_MAX : (j->cursor - r->address) & j->view->wrap;
}

/* Something blinks here: the row needs looking at whatever memory says. */
static void note_lively(struct text_job *j, const struct text_row *r, unsigned col)
{
	uint16_t *first = &j->v->paint.lively[r->index].first;
	uint16_t *end = &j->v->paint.lively[r->index].end;

	*first = *first < *end && *first < col ? *first : col;
	*end = *end > col ? *end : col + 1;
}

/* The cell for a word of memory; notes what blinks. */
static uint32_t make_cell(struct text_job *j, const struct text_row *r, uint32_t word, unsigned col,
			  bool at_cursor)
{
	uint32_t cell = word & 0xffff;

	if (at_cursor) {
		j->v->paint.cursor_shown = true;
		note_lively(j, r, col);
		cell |= j->cursor_cell;
	}
	if (j->view->blink && (cell & 0x8000)) {
		j->v->paint.blink_shown = true;
		note_lively(j, r, col);
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

/* Looks at the cells from first to end, and draws those that are others. */
static void draw_cells(struct text_job *j, const struct text_row *r, unsigned first, unsigned end,
		       uint32_t cursor)
{
	const uint32_t *word = row_words(j, r);
	uint32_t *seen = j->v->paint.cell + (size_t)r->index * TEXT_MAX_COLS;
	unsigned run = first;

	for (unsigned col = first; col < end; col++) {
		uint32_t cell = make_cell(j, r, word[col], col, col == cursor);

		if (cell == seen[col] && !j->all) {
			damage_run(j, r, run, col);
			run = col + 1;
			continue;
		}
		seen[col] = cell;
		draw_cell(j, r, (int)(col * j->cell_width) - (int)r->pan, cell);
	}
	damage_run(j, r, run, end);
}

static void draw_row(struct text_job *j, const struct text_row *r)
{
	struct vga_paint *p = &j->v->paint;
	unsigned cols = j->view->units + (r->pan ? 1 : 0);
	unsigned first = p->lively[r->index].first, end = p->lively[r->index].end;
	uint32_t cursor = cursor_column(j, r);

	if (j->same && first == end && cursor >= cols)
		return;
	if ((!j->same && fetch_row(j, r, cols)) || j->all) {
		first = 0;
		end = cols;
	} else if (cursor < cols) {
		first = first < end ? min(first, cursor) : cursor;
		end = end > cursor ? end : cursor + 1;
	}
	p->lively[r->index].first = p->lively[r->index].end = 0;
	draw_cells(j, r, first, end, cursor);
}

static void draw_rows(struct text_job *j)
{
	const struct vga_view *view = j->view;
	struct text_row r = { .first = view->row_first, .pan = view->pan * view->x_scale };

	r.address = vga_crtc16(j->v, CRTC_START_HIGH);
	r.address += j->v->crtc[CRTC_PRESET_ROW] >> 5 & 3;
	j->same = screen_same(j, r.address);
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
	j->v->paint.rows = r.index;
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

static uint32_t cursor_cell(const struct vga *v)
{
	uint32_t start = v->crtc[CRTC_CURSOR_START] & 0x1f, end = v->crtc[CRTC_CURSOR_END] & 0x1f;

	return CELL_CURSOR | start << CELL_START_SHIFT | end << CELL_END_SHIFT;
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
		.cursor_cell = phase & 1 ? 0 : cursor_cell(v),
		.blink_on = !(phase & 2),
		.all = all,
	};

	draw_rows(&j);
	if (all)
		surface_damage(v->paint.surface, 0, 0, j.view->width, j.view->height);
	return j.drawn;
}
