// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drawing a line of a mode without planes. What changed is looked for among the guest's own bytes,
 * beside a copy of those that the surface was made from: so only what changed is converted. With
 * 32 bits a pixel the surface itself is that copy; otherwise there is one while somebody looks.
 * What there is no copy of is converted and compared.
 * Reference: Bochs, "VBE Display API".
 */
#include <emmintrin.h>
#include <stdlib.h>

#include "vga_priv.h"

enum {
	BLOCK = 256, /* bytes that are compared at a time, to begin with */
	WORD = sizeof(uint64_t),
	FEW = 8, /* pixels that are converted to be compared */
};

struct bytes {
	size_t from, end;
};

static unsigned pixel_bytes(const struct vga_view *view)
{
	return (view->bpp + 7) / 8;
}

unsigned vga_linear_len(const struct vga_view *view)
{
	return view->width * pixel_bytes(view);
}

/* --- the copy --- */

void vga_linear_keep(struct vga *v)
{
	struct vga_paint *p = &v->paint;
	const struct vga_view *view = &p->view;
	size_t len = 0;

	if (p->watched && view->kind == VGA_LINEAR && view->bpp != 32)
		len = (size_t)vga_linear_len(view) * view->height;
	if (len == p->drawn_len)
		return;
	free(p->drawn_from);
	p->drawn_from = len ? calloc(1, len) : NULL;
	p->drawn_len = p->drawn_from ? len : 0;
}

void vga_linear_forget(struct vga *v)
{
	free(v->paint.drawn_from);
	v->paint.drawn_from = NULL;
	v->paint.drawn_len = 0;
}

bool vga_linear_page_same(const struct vga *v, uint64_t address)
{
	const struct vga_paint *p = &v->paint;
	uint64_t end = (address | (VRAM_PAGE - 1)) + 1, last = p->view.start + p->drawn_len;

	if (!p->drawn_from || p->view.pitch != vga_linear_len(&p->view))
		return false;
	last = last < v->vram_len ? last : v->vram_len;
	end = end < last ? end : last;
	return address < end && !memcmp(v->vram + address, p->drawn_from + address - p->view.start,
					end - address);
}

static bool same(const uint8_t *a, const uint8_t *b, size_t at)
{
	uint64_t x, y;

	memcpy(&x, a + at, WORD);
	memcpy(&y, b + at, WORD);
	return x == y;
}

/* The same but for the part that the line above has changed: in one go, if that is so. */
static bool beside_same(const uint8_t *a, const uint8_t *b, struct bytes s, struct bytes above)
{
	return !memcmp(a, b, above.from) &&
	       !memcmp(a + above.end, b + above.end, s.end - above.end);
}

/* Narrows down what may differ, to within a word. */
static void trim_bytes(const uint8_t *a, const uint8_t *b, struct bytes *s, struct bytes above)
{
	if (beside_same(a, b, *s, above))
		*s = above;
	while (s->end - s->from >= BLOCK && !memcmp(a + s->from, b + s->from, BLOCK))
		s->from += BLOCK;
	while (s->end - s->from >= WORD && same(a, b, s->from))
		s->from += WORD;
	while (s->end - s->from >= BLOCK && !memcmp(a + s->end - BLOCK, b + s->end - BLOCK, BLOCK))
		s->end -= BLOCK;
	while (s->end - s->from >= WORD && same(a, b, s->end - WORD))
		s->end -= WORD;
	if (s->end - s->from < WORD && !memcmp(a + s->from, b + s->from, s->end - s->from))
		s->from = s->end;
}

/* --- pixels --- */

static __m128i load8(const uint8_t *in)
{
	return _mm_loadu_si128((const __m128i *)in);
}

/* Eight pixels of which each colour has its eight bits at the bottom of a word. */
static void store8(uint32_t *out, __m128i red, __m128i green, __m128i blue)
{
	__m128i low = _mm_or_si128(_mm_slli_epi16(green, 8), blue);

	_mm_storeu_si128((__m128i *)out, _mm_unpacklo_epi16(low, red));
	_mm_storeu_si128((__m128i *)(out + 4), _mm_unpackhi_epi16(low, red));
}

/* From the topmost five bits of a word, the others 0: those, and three of them again below. */
static __m128i widen5(__m128i top)
{
	return _mm_mulhi_epu16(top, _mm_set1_epi16(0x108));
}

static __m128i widen6(__m128i top)
{
	return _mm_mulhi_epu16(top, _mm_set1_epi16(0x104));
}

static void eight_15(const uint8_t *in, uint32_t *out)
{
	__m128i c = load8(in), top = _mm_set1_epi16((short)0xf800);

	store8(out, widen5(_mm_and_si128(_mm_slli_epi16(c, 1), top)),
	       widen5(_mm_and_si128(_mm_slli_epi16(c, 6), top)), widen5(_mm_slli_epi16(c, 11)));
}

static void eight_16(const uint8_t *in, uint32_t *out)
{
	__m128i c = load8(in), top5 = _mm_set1_epi16((short)0xf800);
	__m128i top6 = _mm_set1_epi16((short)0xfc00);

	store8(out, widen5(_mm_and_si128(c, top5)),
	       widen6(_mm_and_si128(_mm_slli_epi16(c, 5), top6)), widen5(_mm_slli_epi16(c, 11)));
}

static inline void convert_words(const uint8_t *in, uint32_t *out, unsigned n,
				 void (*eight)(const uint8_t *, uint32_t *))
{
	uint8_t last[16] = { 0 };
	uint32_t pixel[8];

	for (; n >= 8; n -= 8, in += 16, out += 8)
		eight(in, out);
	if (!n)
		return;
	memcpy(last, in, n * 2);
	eight(last, pixel);
	memcpy(out, pixel, n * sizeof(*out));
}

static uint32_t load32(const uint8_t *p)
{
	uint32_t val;

	memcpy(&val, p, sizeof(val));
	return val;
}

/* All but the last may be loaded with a byte too many. */
static void convert_24(const uint8_t *restrict in, uint32_t *restrict out, unsigned n)
{
	for (; n > 1; n--, in += 3)
		*out++ = load32(in) & 0xffffff;
	if (n)
		*out = in[0] | in[1] << 8 | in[2] << 16;
}

/* n pixels from in, all of which lie in memory. */
static void convert(const struct vga_paint *p, const uint8_t *restrict in, uint32_t *restrict out,
		    unsigned n)
{
	switch (p->view.bpp) {
	case 8:
		for (unsigned x = 0; x < n; x++)
			out[x] = p->colour[in[x]];
		break;
	case 15:
		convert_words(in, out, n, eight_15);
		break;
	case 16:
		convert_words(in, out, n, eight_16);
		break;
	case 24:
		convert_24(in, out, n);
		break;
	default:
		for (unsigned x = 0; x < n; x++)
			out[x] = load32(in + 4 * (size_t)x) & 0xffffff;
		break;
	}
}

/* --- a line --- */

/* How many of n pixels, at most FEW, are on the surface already: from the first or last on. */
static unsigned count_same(const struct vga_paint *p, const uint8_t *in, const uint32_t *to,
			   unsigned n, bool backwards)
{
	uint32_t pixel[FEW];
	unsigned i = 0;

	convert(p, in, pixel, n);
	if (backwards)
		while (i < n && pixel[n - 1 - i] == to[n - 1 - i])
			i++;
	else
		while (i < n && pixel[i] == to[i])
			i++;
	return i;
}

/* Bytes that differ may still look the same: by the palette, or in bits that are no colour. */
static void trim_pixels(const struct vga_paint *p, const uint8_t *in, const uint32_t *to,
			struct vga_span *s)
{
	unsigned bytes = pixel_bytes(&p->view), n, i;

	for (n = i = 0; n == i && s->x0 < s->x1; s->x0 += i) {
		n = s->x1 - s->x0 < FEW ? s->x1 - s->x0 : FEW;
		i = count_same(p, in + (size_t)s->x0 * bytes, to + s->x0, n, false);
	}
	for (n = i = 0; n == i && s->x0 < s->x1; s->x1 -= i) {
		n = s->x1 - s->x0 < FEW ? s->x1 - s->x0 : FEW;
		i = count_same(p, in + (size_t)(s->x1 - n) * bytes, to + s->x1 - n, n, true);
	}
}

bool vga_linear_line(struct vga *v, uint64_t address, unsigned y, uint32_t *to, bool all,
		     struct vga_span *s)
{
	const struct vga_paint *p = &v->paint;
	unsigned bytes = pixel_bytes(&p->view);
	const uint8_t *in = v->vram + address;
	struct bytes b = { 0, vga_linear_len(&p->view) }, above;
	uint8_t *drawn = p->drawn_from ? p->drawn_from + y * b.end : NULL;

	above = (struct bytes){ (size_t)s->x0 * bytes, (size_t)s->x1 * bytes };
	if (drawn && !all)
		trim_bytes(in, drawn, &b, above);
	else if (p->view.bpp == 32)
		trim_bytes(in, (const uint8_t *)to, &b, above);
	if (b.from == b.end) {
		s->x1 = s->x0;
		return false;
	}
	if (drawn) { /* which the guest cannot write to meanwhile, so it stays what is shown */
		memcpy(drawn + b.from, in + b.from, b.end - b.from);
		in = drawn;
	}
	*s = (struct vga_span){ b.from / bytes, (b.end + bytes - 1) / bytes };
	trim_pixels(p, in, to, s);
	convert(p, in + (size_t)s->x0 * bytes, to + s->x0, s->x1 - s->x0);
	return s->x0 < s->x1;
}
