// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drawing graphics modes, line by line: a line whose pages did not change is left alone, any other
 * is put together aside and compared with the surface, so that only what differs counts as damage.
 * Lines without planes are in vga_linear.c.
 * Ignored: blinking in graphics modes.
 * Reference: IBM Personal System/2 Hardware Interface Technical Reference, Video Subsystem:
 * "Graphics Modes"; Bochs, "VBE Display API".
 */
#include "ui/surface.h"
#include "vga_priv.h"

enum {
	BLOCK = 64,  /* pixels that are compared at a time */
	LITTLE = 32, /* pixels: a cursor is not larger */
};

struct line {
	uint64_t address; /* in fetches; in bytes when linear */
	unsigned pan;	  /* in pixels before scaling */
};

/* --- where a line is --- */

static unsigned fetches(const struct vga_view *view, const struct line *l)
{
	return view->units + (l->pan ? 1 : 0);
}

/* CGA and Hercules order: the lowest bits of the row's line number replace address bits. */
static uint32_t replace_row_bits(const struct vga_view *view, uint32_t address, unsigned row_line)
{
	unsigned shift = view->row_bits & CRTC_MODE_BYTE ? 13 : 12;

	for (unsigned i = 0; i < 2; i++) {
		if (!(view->row_bits & 1u << i))
			continue;
		address &= ~(1u << (shift + i));
		address |= (row_line >> i & 1) << (shift + i);
	}
	return address;
}

static void find_line(const struct vga_view *view, unsigned y, struct line *l)
{
	bool below = y >= view->split;
	unsigned n = (below ? y - view->split : y) >> view->line_shift;
	uint32_t address = below ? 0 : view->start;

	if (!below)
		n += view->row_first;
	l->pan = below ? view->pan_below : view->pan;
	if (view->kind == VGA_LINEAR) {
		l->address = view->start + (uint64_t)n * view->pitch;
		return;
	}
	address += n / view->row_lines * view->pitch;
	l->address = replace_row_bits(view, address, n % view->row_lines);
}

static bool line_changed(const struct vga *v, const struct line *l)
{
	const struct vga_view *view = &v->paint.view;
	uint64_t first, n, end = (uint64_t)view->wrap + 1;

	if (view->kind == VGA_LINEAR)
		return track_changed(&v->track, l->address, vga_linear_len(view));
	first = l->address & view->wrap;
	n = fetches(view, l);
	if (n <= end - first)
		return track_changed(&v->track, first * 4, n * 4);
	return track_changed(&v->track, first * 4, (end - first) * 4) ||
	       track_changed(&v->track, 0, (n - (end - first)) * 4);
}

/* The first line from y on that may have changed, for modes in which lines follow each other. */
static unsigned next_changed(const struct vga *v, unsigned y)
{
	const struct vga_view *view = &v->paint.view;
	uint64_t off = view->start + (uint64_t)y * view->pitch, next;

	while ((next = track_next(&v->track, off)) != UINT64_MAX && vga_linear_page_same(v, next))
		off = (next | (VRAM_PAGE - 1)) + 1;
	if (next == UINT64_MAX || (next - view->start) / view->pitch >= view->height)
		return view->height;
	return (next - view->start) / view->pitch;
}

/* --- pixels --- */

static uint32_t *planar_pixels(const struct vga_paint *p, uint32_t word, uint32_t *out)
{
	for (int bit = 7; bit >= 0; bit--) {
		unsigned c = word >> bit;

		c = (c & 1) | (c >> 7 & 2) | (c >> 14 & 4) | (c >> 21 & 8);
		*out++ = p->colour[c];
	}
	return out;
}

/* Planes 0 and 1 hold four pixels each, of two bits; planes 2 and 3 two more bits of the same. */
static uint32_t *cga_pixels(const struct vga_paint *p, uint32_t word, uint32_t *out)
{
	for (unsigned plane = 0; plane < 2; plane++) {
		uint32_t low = word >> plane * 8, high = word >> (plane + 2) * 8;

		for (int bit = 6; bit >= 0; bit -= 2)
			*out++ = p->colour[(low >> bit & 3) | (high >> bit & 3) << 2];
	}
	return out;
}

static uint32_t *byte_pixels(const struct vga_paint *p, uint32_t word, uint32_t *out)
{
	for (unsigned plane = 0; plane < 4; plane++)
		*out++ = p->colour[word >> plane * 8 & 0xff];
	return out;
}

/* Puts a line of a mode with planes into paint.pixel; n words are fetched. */
static void fetch_planes(struct vga *v, const struct line *l)
{
	struct vga_paint *p = &v->paint;
	uint32_t *out = p->pixel;
	unsigned n = fetches(&p->view, l);

	for (unsigned i = 0; i < n && out + 8 <= p->pixel + LINE_PIXELS; i++) {
		uint32_t word = vga_fetch(v, (l->address + i) & p->view.wrap);

		if (p->view.kind == VGA_PLANAR)
			out = planar_pixels(p, word, out);
		else if (p->view.kind == VGA_CGA)
			out = cga_pixels(p, word, out);
		else
			out = byte_pixels(p, word, out);
	}
}

/*
 * A line of pixels, from planes. One that does not lie in video memory as a whole, which only one
 * without planes may do, is black.
 */
static const uint32_t *make_line(struct vga *v, const struct line *l)
{
	struct vga_paint *p = &v->paint;
	unsigned scale = p->view.x_scale;
	const uint32_t *in = p->pixel + l->pan;

	if (p->view.kind == VGA_LINEAR)
		return memset(p->pixel, 0, p->view.width * sizeof(*p->pixel));
	fetch_planes(v, l);
	if (scale == 1)
		return in;
	for (unsigned x = 0; x < p->view.width && x < LINE_PIXELS; x++)
		p->scaled[x] = in[x / scale];
	return p->scaled;
}

/* --- the surface --- */

/* A box of damage grows line by line; what becomes of it also goes into the box around all. */
static void box_flush(const struct vga_paint *p, struct vga_box *b, struct vga_box *all)
{
	if (b->y0 == b->y1)
		return;
	surface_damage(p->surface, b->x0, b->y0, b->x1 - b->x0, b->y1 - b->y0);
	if (all->y0 == all->y1)
		*all = *b;
	all->x0 = b->x0 < all->x0 ? b->x0 : all->x0;
	all->x1 = b->x1 > all->x1 ? b->x1 : all->x1;
	all->y1 = b->y1;
	b->y0 = b->y1 = 0;
}

static void note_change(struct vga_paint *p, const struct vga_box *b)
{
	p->blinks = b->x1 - b->x0 <= LITTLE && b->y1 - b->y0 <= LITTLE &&
		    !memcmp(b, &p->changed, sizeof(*b));
	p->changed = *b;
}

static void box_add(const struct vga_paint *p, struct vga_box *b, struct vga_box *all, unsigned y,
		    const struct vga_span *s)
{
	unsigned x0 = s->x0, x1 = s->x1;

	if (b->y0 != b->y1 && b->y1 != y)
		box_flush(p, b, all);
	if (b->y0 == b->y1) {
		*b = (struct vga_box){ x0, x1, y, y + 1 };
		return;
	}
	b->x0 = x0 < b->x0 ? x0 : b->x0;
	b->x1 = x1 > b->x1 ? x1 : b->x1;
	b->y1 = y + 1;
}

/* Narrows down [x0, x1) by blocks of pixels that are the same in both. */
static void trim_blocks(const uint32_t *a, const uint32_t *b, struct vga_span *s)
{
	while (s->x1 - s->x0 >= BLOCK && !memcmp(a + s->x0, b + s->x0, BLOCK * sizeof(*a)))
		s->x0 += BLOCK;
	while (s->x1 - s->x0 >= BLOCK &&
	       !memcmp(a + s->x1 - BLOCK, b + s->x1 - BLOCK, BLOCK * sizeof(*a)))
		s->x1 -= BLOCK;
}

/* Copies what differs of a line, and says what that is; false if nothing does. */
static bool put_line(uint32_t *to, const uint32_t *from, struct vga_span *s)
{
	trim_blocks(to, from, s);
	while (s->x0 < s->x1 && to[s->x0] == from[s->x0])
		s->x0++;
	while (s->x0 < s->x1 && to[s->x1 - 1] == from[s->x1 - 1])
		s->x1--;
	memcpy(to + s->x0, from + s->x0, (s->x1 - s->x0) * sizeof(*to));
	return s->x0 < s->x1;
}

/* Lines that show the same part of memory, and come one after the other, are made once. */
static bool same_line(const struct vga_view *view, const struct line *a, const struct line *b)
{
	return view->kind != VGA_LINEAR && a->address == b->address && a->pan == b->pan;
}

static bool in_memory(const struct vga *v, const struct line *l)
{
	unsigned len = vga_linear_len(&v->paint.view);

	return l->address < v->vram_len && len <= v->vram_len - l->address;
}

bool vga_draw_graphics(struct vga *v, uint32_t *pixels, unsigned stride, bool all)
{
	struct vga_paint *p = &v->paint;
	struct line l, last = { UINT64_MAX, 0 };
	const uint32_t *made = NULL;
	struct vga_box box = { 0 }, around = { 0 };
	bool linear = p->view.kind == VGA_LINEAR, skip = !all && linear, drawn = false, put;
	struct vga_span s = { 0, 0 };

	for (unsigned y = skip ? next_changed(v, 0) : 0; y < p->view.height;
	     y = skip ? next_changed(v, y + 1) : y + 1) {
		uint32_t *to = pixels + (size_t)y * stride;

		find_line(&p->view, y, &l);
		if (!all && !line_changed(v, &l))
			continue;
		if (linear && in_memory(v, &l)) {
			put = vga_linear_line(v, l.address, y, to, all, &s);
		} else {
			if (!made || !same_line(&p->view, &l, &last))
				made = make_line(v, &l);
			last = l;
			s = (struct vga_span){ 0, p->view.width };
			put = put_line(to, made, &s);
		}
		if (!put)
			continue;
		box_add(p, &box, &around, y, &s);
		drawn = true;
	}
	box_flush(p, &box, &around);
	if (drawn)
		note_change(p, &around);
	return drawn;
}
