/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drawing graphics modes, line by line: a line whose pages did not change is left alone, any other
 * is put together aside and compared with the surface, so that only what differs counts as damage.
 * Ignored: blinking in graphics modes.
 * Reference: IBM Personal System/2 Hardware Interface Technical Reference, Video Subsystem:
 * "Graphics Modes"; Bochs, "VBE Display API".
 */
#include "ui/surface.h"
#include "vga_priv.h"

/* A box of damage that grows line by line. */
struct box {
	unsigned x0, x1, y0, y1; /* empty: y0 == y1 */
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

static unsigned linear_len(const struct vga_view *view)
{
	return view->width * ((view->bpp + 7) / 8);
}

static bool line_changed(const struct vga *v, const struct line *l)
{
	const struct vga_view *view = &v->paint.view;
	uint64_t first, n, end = (uint64_t)view->wrap + 1;

	if (view->kind == VGA_LINEAR)
		return track_changed(&v->track, l->address, linear_len(view));
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

	next = track_next(&v->track, off);
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

static uint32_t widen(uint32_t val, unsigned shift, unsigned bits)
{
	uint32_t c = val >> shift & ((1u << bits) - 1);

	return c << (8 - bits) | c >> (2 * bits - 8);
}

static uint32_t colour_15(uint32_t c)
{
	return widen(c, 10, 5) << 16 | widen(c, 5, 5) << 8 | widen(c, 0, 5);
}

static uint32_t colour_16(uint32_t c)
{
	return widen(c, 11, 5) << 16 | widen(c, 5, 6) << 8 | widen(c, 0, 5);
}

static uint32_t load16(const uint8_t *p)
{
	uint16_t val;

	memcpy(&val, p, sizeof(val));
	return val;
}

/* width pixels from in, all of which lie in video memory. */
static void convert(const struct vga_paint *p, const uint8_t *restrict in, uint32_t *restrict out)
{
	unsigned width = p->view.width;
	uint32_t c;

	switch (p->view.bpp) {
	case 8:
		for (unsigned x = 0; x < width; x++)
			out[x] = p->colour[in[x]];
		break;
	case 15:
		for (unsigned x = 0; x < width; x++)
			out[x] = colour_15(load16(in + 2 * (size_t)x));
		break;
	case 16:
		for (unsigned x = 0; x < width; x++)
			out[x] = colour_16(load16(in + 2 * (size_t)x));
		break;
	case 24:
		for (unsigned x = 0; x < width; x++)
			out[x] = in[3 * x] | in[3 * x + 1] << 8 | in[3 * x + 2] << 16;
		break;
	default:
		for (unsigned x = 0; x < width; x++) {
			memcpy(&c, in + 4 * (size_t)x, 4);
			out[x] = c & 0xffffff;
		}
		break;
	}
}

/* A line that does not lie in video memory as a whole is black. */
static const uint32_t *linear_line(struct vga *v, const struct line *l)
{
	struct vga_paint *p = &v->paint;
	unsigned len = linear_len(&p->view);

	if (l->address >= v->vram_len || len > v->vram_len - l->address)
		memset(p->pixel, 0, p->view.width * sizeof(*p->pixel));
	else
		convert(p, v->vram + l->address, p->pixel);
	return p->pixel;
}

static const uint32_t *make_line(struct vga *v, const struct line *l)
{
	struct vga_paint *p = &v->paint;
	unsigned scale = p->view.x_scale;
	const uint32_t *in = p->pixel + l->pan;

	if (p->view.kind == VGA_LINEAR)
		return linear_line(v, l);
	fetch_planes(v, l);
	if (scale == 1)
		return in;
	for (unsigned x = 0; x < p->view.width && x < LINE_PIXELS; x++)
		p->scaled[x] = in[x / scale];
	return p->scaled;
}

/* --- the surface --- */

static void box_flush(const struct vga_paint *p, struct box *b)
{
	if (b->y0 != b->y1)
		surface_damage(p->surface, b->x0, b->y0, b->x1 - b->x0, b->y1 - b->y0);
	b->y0 = b->y1 = 0;
}

static void box_add(const struct vga_paint *p, struct box *b, unsigned y, unsigned x0, unsigned x1)
{
	if (b->y0 != b->y1 && b->y1 != y)
		box_flush(p, b);
	if (b->y0 == b->y1) {
		*b = (struct box){ x0, x1, y, y + 1 };
		return;
	}
	b->x0 = x0 < b->x0 ? x0 : b->x0;
	b->x1 = x1 > b->x1 ? x1 : b->x1;
	b->y1 = y + 1;
}

/* Copies what differs of a line; false if nothing does. */
static bool put_line(uint32_t *to, const uint32_t *from, unsigned width, unsigned *x0, unsigned *x1)
{
	unsigned first = 0, end = width;

	if (!memcmp(to, from, width * sizeof(*to)))
		return false;
	while (to[first] == from[first])
		first++;
	while (to[end - 1] == from[end - 1])
		end--;
	memcpy(to + first, from + first, (end - first) * sizeof(*to));
	*x0 = first;
	*x1 = end;
	return true;
}

bool vga_draw_graphics(struct vga *v, uint32_t *pixels, unsigned stride, bool all)
{
	struct vga_paint *p = &v->paint;
	struct line l, last = { UINT64_MAX, 0 };
	const uint32_t *made = NULL;
	struct box box = { 0 };
	bool drawn = false, skip = !all && p->view.kind == VGA_LINEAR;
	unsigned x0, x1;

	for (unsigned y = skip ? next_changed(v, 0) : 0; y < p->view.height;
	     y = skip ? next_changed(v, y + 1) : y + 1) {
		find_line(&p->view, y, &l);
		if (!all && !line_changed(v, &l))
			continue;
		if (!made || l.address != last.address || l.pan != last.pan)
			made = make_line(v, &l);
		last = l;
		if (!put_line(pixels + (size_t)y * stride, made, p->view.width, &x0, &x1))
			continue;
		box_add(p, &box, y, x0, x1);
		drawn = true;
	}
	box_flush(p, &box);
	return drawn;
}
