/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The compressed encodings for the viewer in rfb_client.h, in its one pixel format (32 bits,
 * little-endian, x8r8g8b8). Fails the test on what the protocol does not allow.
 * Missing: Tight's JPEG and gradient, which the tests do not ask for.
 * Reference: RFC 6143, "Hextile Encoding", "ZRLE"; The RFB Protocol (community version), "Zlib
 * Encoding", "Tight Encoding".
 */
#ifndef TESTS_UNIT_RFB_DECODE_H
#define TESTS_UNIT_RFB_DECODE_H

#include "rfb_client.h"

#include <zlib.h>

enum { RFB_ZLIB = 6 };
enum { TIGHT_STREAMS = 4, STREAMS = TIGHT_STREAMS + 1 }; /* one for Zlib or ZRLE */

struct decoder {
	z_stream z[STREAMS];
	uint8_t *in, *out;
};

/* Where decoded bytes come from. */
struct bytes {
	const uint8_t *p, *end;
};

static inline uint8_t get_byte(struct bytes *b)
{
	assert_true(b->p < b->end);
	return *b->p++;
}

static inline uint32_t get_pixel3(struct bytes *b) /* blue, green, red */
{
	uint32_t v = get_byte(b);

	v |= (uint32_t)get_byte(b) << 8;
	return v | (uint32_t)get_byte(b) << 16;
}

static inline uint32_t receive_pixel4(struct rfb *c)
{
	uint8_t b[4];

	rfb_receive(c, b, 4);
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16;
}

static inline uint32_t *at(struct rfb *c, unsigned x, unsigned y)
{
	assert_true(x < c->width && y < c->height);
	return &c->pixels[(size_t)y * c->width + x];
}

static inline void put_box(struct rfb *c, unsigned x, unsigned y, unsigned w, unsigned h,
			   uint32_t colour)
{
	unsigned i, j;

	for (j = 0; j < h; j++)
		for (i = 0; i < w; i++)
			*at(c, x + i, y + j) = colour;
}

/* n bytes of a stream that goes on from rectangle to rectangle: up to want bytes when inflated. */
static inline struct bytes inflate_next(struct rfb *c, z_stream *z, size_t n, size_t want)
{
	struct decoder *d = c->decoder;
	int status;

	d->in = realloc(d->in, n + 1);
	d->out = realloc(d->out, want + 1);
	rfb_receive(c, d->in, n);
	if (!z->state)
		assert_int_equal(inflateInit(z), Z_OK);
	z->next_in = d->in;
	z->avail_in = (unsigned)n;
	z->next_out = d->out;
	z->avail_out = (unsigned)want;
	status = inflate(z, Z_SYNC_FLUSH);
	assert_true(status == Z_OK || status == Z_BUF_ERROR);
	assert_int_equal(z->avail_in, 0);
	return (struct bytes){d->out, d->out + want - z->avail_out};
}

/* --- Hextile --- */

static inline void hextile_tile(struct rfb *c, const struct rfb_rect *t, uint32_t *back,
				uint32_t *fore)
{
	uint8_t kind, n = 0, b[2];
	struct rfb_rect raw = *t;

	rfb_receive(c, &kind, 1);
	if (kind & 1) {
		rfb_read_raw(c, &raw);
		return;
	}
	if (kind & 2)
		*back = receive_pixel4(c);
	if (kind & 4)
		*fore = receive_pixel4(c);
	put_box(c, t->x, t->y, t->w, t->h, *back);
	if (kind & 8)
		rfb_receive(c, &n, 1);
	while (n--) {
		uint32_t colour = kind & 16 ? receive_pixel4(c) : *fore;

		rfb_receive(c, b, 2);
		put_box(c, t->x + (b[0] >> 4), t->y + (b[0] & 15), (b[1] >> 4) + 1u,
			(b[1] & 15) + 1u, colour);
	}
}

static inline unsigned tile(unsigned at_, unsigned end, unsigned size)
{
	return end - at_ < size ? end - at_ : size;
}

static inline void read_hextile(struct rfb *c, const struct rfb_rect *r)
{
	uint32_t back = 0, fore = 0;
	unsigned x, y;

	for (y = r->y; y < r->y + r->h; y += 16)
		for (x = r->x; x < r->x + r->w; x += 16) {
			struct rfb_rect t = {x, y, tile(x, r->x + r->w, 16),
					     tile(y, r->y + r->h, 16), 0};

			hextile_tile(c, &t, &back, &fore);
		}
}

/* --- Zlib --- */

static inline void read_zlib(struct rfb *c, const struct rfb_rect *r)
{
	struct decoder *d = c->decoder;
	uint8_t n[4];
	struct bytes b;
	unsigned x, y;

	rfb_receive(c, n, 4);
	b = inflate_next(c, &d->z[TIGHT_STREAMS], rfb_get32(n), (size_t)r->w * r->h * 4);
	for (y = 0; y < r->h; y++)
		for (x = 0; x < r->w; x++) {
			*at(c, r->x + x, r->y + y) = get_pixel3(&b);
			get_byte(&b);
		}
	assert_true(b.p == b.end);
}

/* --- ZRLE --- */

static inline unsigned zrle_run(struct bytes *b)
{
	unsigned n = 1;
	uint8_t more;

	do {
		more = get_byte(b);
		n += more;
	} while (more == 255);
	return n;
}

static inline void zrle_packed(struct rfb *c, const struct rfb_rect *t, struct bytes *b,
			       const uint32_t *palette, unsigned n)
{
	unsigned bits = n == 2 ? 1 : n <= 4 ? 2 : 4, x, y, left, byte = 0;

	for (y = 0; y < t->h; y++)
		for (x = left = 0; x < t->w; x++) {
			if (!left) {
				byte = get_byte(b);
				left = 8;
			}
			left -= bits;
			assert_true((byte >> left & ((1u << bits) - 1)) < n);
			*at(c, t->x + x, t->y + y) = palette[byte >> left & ((1u << bits) - 1)];
		}
}

/* Runs of pixels, or of entries of a palette. */
static inline void zrle_runs(struct rfb *c, const struct rfb_rect *t, struct bytes *b,
			     const uint32_t *palette, unsigned n)
{
	unsigned i = 0, end = t->w * t->h, run;

	while (i < end) {
		unsigned index = n ? get_byte(b) : 0x80;
		uint32_t colour = n ? palette[index & 0x7f] : get_pixel3(b);

		assert_true(!n || (index & 0x7f) < n);
		run = index & 0x80 ? zrle_run(b) : 1;
		assert_true(run <= end - i);
		for (; run; run--, i++)
			*at(c, t->x + i % t->w, t->y + i / t->w) = colour;
	}
}

static inline void zrle_tile(struct rfb *c, const struct rfb_rect *t, struct bytes *b)
{
	uint8_t kind = get_byte(b);
	unsigned n = kind & 0x7f, i;
	uint32_t palette[128];

	c->tiles[kind]++;
	for (i = 0; i < n; i++)
		palette[i] = get_pixel3(b);
	if (kind == 1)
		put_box(c, t->x, t->y, t->w, t->h, palette[0]);
	else if (kind >= 2 && kind <= 16)
		zrle_packed(c, t, b, palette, n);
	else if (kind == 128 || kind >= 130)
		zrle_runs(c, t, b, palette, n);
	else if (kind == 0)
		for (i = 0; i < t->w * t->h; i++)
			*at(c, t->x + i % t->w, t->y + i / t->w) = get_pixel3(b);
	else
		fail_msg("ZRLE has no tiles of kind %u", kind);
}

static inline void read_zrle(struct rfb *c, const struct rfb_rect *r)
{
	struct decoder *d = c->decoder;
	uint8_t n[4];
	struct bytes b;
	unsigned x, y;

	rfb_receive(c, n, 4);
	b = inflate_next(c, &d->z[TIGHT_STREAMS], rfb_get32(n), (size_t)r->w * r->h * 5 + 65536);
	for (y = r->y; y < r->y + r->h; y += 64)
		for (x = r->x; x < r->x + r->w; x += 64) {
			struct rfb_rect t = {x, y, tile(x, r->x + r->w, 64),
					     tile(y, r->y + r->h, 64), 0};

			zrle_tile(c, &t, &b);
		}
	assert_true(b.p == b.end);
}

/* --- Tight --- */

static inline uint32_t get_tpixel(struct bytes *b) /* red, green, blue */
{
	uint32_t v = (uint32_t)get_byte(b) << 16;

	v |= (uint32_t)get_byte(b) << 8;
	return v | get_byte(b);
}

static inline size_t receive_compact(struct rfb *c)
{
	size_t n = 0;
	unsigned i;
	uint8_t b;

	for (i = 0; i < 3; i++) {
		rfb_receive(c, &b, 1);
		n |= (size_t)(i < 2 ? b & 0x7f : b) << (7 * i);
		if (i < 2 && !(b & 0x80))
			break;
	}
	return n;
}

/* want bytes of pixel data: as they are when they are few. */
static inline struct bytes tight_data(struct rfb *c, unsigned stream, size_t want)
{
	struct decoder *d = c->decoder;

	if (want >= 12)
		return inflate_next(c, &d->z[stream], receive_compact(c), want);
	d->out = realloc(d->out, want + 1);
	rfb_receive(c, d->out, want);
	return (struct bytes){d->out, d->out + want};
}

static inline void tight_palette(struct rfb *c, const struct rfb_rect *r, unsigned stream)
{
	uint8_t head, entries[3 * 256];
	uint32_t palette[256];
	struct bytes b = {entries, entries + sizeof(entries)};
	unsigned n, x, y, i, byte = 0;
	size_t line;

	rfb_receive(c, &head, 1);
	n = head + 1u;
	assert_true(n >= 2);
	rfb_receive(c, entries, 3 * (size_t)n);
	for (i = 0; i < n; i++)
		palette[i] = get_tpixel(&b);
	line = n == 2 ? (r->w + 7) / 8 : r->w;
	b = tight_data(c, stream, line * r->h);
	for (y = 0; y < r->h; y++)
		for (x = 0; x < r->w; x++) {
			if (n > 2 || x % 8 == 0)
				byte = get_byte(&b);
			i = n > 2 ? byte : byte >> (7 - x % 8) & 1;
			assert_true(i < n);
			*at(c, r->x + x, r->y + y) = palette[i];
		}
	assert_true(b.p == b.end);
}

static inline void tight_copy(struct rfb *c, const struct rfb_rect *r, unsigned stream)
{
	struct bytes b = tight_data(c, stream, (size_t)r->w * r->h * 3);
	unsigned x, y;

	for (y = 0; y < r->h; y++)
		for (x = 0; x < r->w; x++)
			*at(c, r->x + x, r->y + y) = get_tpixel(&b);
	assert_true(b.p == b.end);
}

static inline void read_tight(struct rfb *c, const struct rfb_rect *r)
{
	struct decoder *d = c->decoder;
	uint8_t control, filter = 0, pixel[3];
	struct bytes b = {pixel, pixel + 3};
	unsigned i;

	rfb_receive(c, &control, 1);
	c->tiles[control & 0xf0]++;
	for (i = 0; i < TIGHT_STREAMS; i++)
		if (control & 1 << i && d->z[i].state)
			assert_int_equal(inflateReset(&d->z[i]), Z_OK);
	if (control >> 4 == 8) {
		rfb_receive(c, pixel, 3);
		put_box(c, r->x, r->y, r->w, r->h, get_tpixel(&b));
		return;
	}
	assert_in_range(control >> 4, 0, 7);
	if (control & 0x40)
		rfb_receive(c, &filter, 1);
	assert_in_range(filter, 0, 1);
	if (filter)
		tight_palette(c, r, control >> 4 & 3);
	else
		tight_copy(c, r, control >> 4 & 3);
}

/* --- all of them --- */

static inline bool decode(struct rfb *c, const struct rfb_rect *r)
{
	switch (r->encoding) {
	case RFB_HEXTILE:
		read_hextile(c, r);
		return true;
	case RFB_ZLIB:
		read_zlib(c, r);
		return true;
	case RFB_TIGHT:
		read_tight(c, r);
		return true;
	case RFB_ZRLE:
		read_zrle(c, r);
		return true;
	}
	return false;
}

static inline void decoder_attach(struct rfb *c)
{
	c->decoder = calloc(1, sizeof(*c->decoder));
	c->decode = decode;
}

/* Before rfb_close(). */
static inline void decoder_detach(struct rfb *c)
{
	struct decoder *d = c->decoder;
	unsigned i;

	for (i = 0; i < STREAMS; i++)
		if (d->z[i].state)
			inflateEnd(&d->z[i]);
	free(d->in);
	free(d->out);
	free(d);
	c->decoder = NULL;
	c->decode = NULL;
}

#endif
