// SPDX-License-Identifier: GPL-2.0-only
/* The VNC server's encodings: what a viewer decodes is what the surface shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vnc_host.h"

#include "rfb_decode.h"

enum { WIDTH = 517, HEIGHT = 203 }; /* no multiple of a tile */

static const int32_t encodings[] = {RFB_RAW, RFB_HEXTILE, RFB_ZLIB, RFB_TIGHT, RFB_ZRLE};

/* --- pictures --- */

static uint32_t solid(unsigned x, unsigned y)
{
	(void)x;
	(void)y;
	return 0x102030;
}

/* Like text: two colours, and few of the one. */
static uint32_t text(unsigned x, unsigned y)
{
	return (x * 7 + y * 13) % 11 < 3 ? 0xaaaaaa : 0;
}

static uint32_t sixteen(unsigned x, unsigned y)
{
	return (x / 3 + y / 2) % 16 * 0x0f1011;
}

/* Many colours in runs. */
static uint32_t bars(unsigned x, unsigned y)
{
	return (x / 40 * 0x10305 + y / 9 * 0x7000b) & 0xffffff;
}

/* So few in runs that a palette and runs go together. */
static uint32_t bricks(unsigned x, unsigned y)
{
	return (x / 19 + y / 5 * 3) % 40 * 0x060504;
}

static uint32_t gradient(unsigned x, unsigned y)
{
	return (x & 0xff) << 16 | (y & 0xff) << 8 | ((x + y) & 0xff);
}

static uint32_t noise(unsigned x, unsigned y)
{
	unsigned seed = x * 65599 + y * 40503;

	return (uint32_t)rand_r(&seed) & 0xffffff;
}

static uint32_t (*const pictures[])(unsigned, unsigned) = {
	solid, text, sixteen, bars, bricks, gradient, noise,
};

static void draw(struct host *h, uint32_t (*picture)(unsigned, unsigned), unsigned x, unsigned y,
		 unsigned w, unsigned hgt)
{
	unsigned width, height, stride, i, j;
	uint32_t *p = surface_begin(h->s, &width, &height, &stride);

	for (j = y; j < y + hgt; j++)
		for (i = x; i < x + w; i++)
			p[(size_t)j * stride + i] = picture(i, j);
	surface_damage(h->s, (int)x, (int)y, w, hgt);
	surface_end(h->s);
}

static void assert_shown(struct host *h, const struct rfb *c)
{
	struct surface_look look;
	unsigned x, y, wrong = 0;

	surface_take(h->s, NULL, NULL, &look);
	for (y = 0; y < c->height; y++)
		for (x = 0; x < c->width; x++)
			wrong += look.pixels[(size_t)y * look.stride + x] !=
				 (c->pixels[(size_t)y * c->width + x] & 0xffffff);
	surface_release(h->s);
	assert_int_equal(wrong, 0);
}

/* --- tests --- */

/* One after the other over one connection, since the compressed streams go on. */
static void follow(struct host *h, struct rfb *c, int32_t encoding)
{
	unsigned i;

	for (i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		draw(h, pictures[i], 0, 0, WIDTH, HEIGHT);
		rfb_request_all(c, i > 0);
		rfb_update(c);
		assert_int_equal(c->rects[0].encoding, encoding);
		assert_shown(h, c);
		draw(h, text, 3 + i, 5, 1, 1); /* so small that some encodings send it as it is */
		draw(h, pictures[i], 401, 17 * i, 90, 31);
		rfb_request_all(c, true);
		rfb_update(c);
		assert_shown(h, c);
	}
}

static void check(struct host *h, int32_t encoding, int32_t level)
{
	const int32_t list[] = {encoding, level};
	struct rfb *c = rfb_connect(h->address, 8);

	decoder_attach(c);
	rfb_encodings(c, list, 2);
	follow(h, c, encoding);
	decoder_detach(c);
	rfb_close(c);
}

static void test_every_encoding(void **state)
{
	struct host *h = *state;
	unsigned i;

	surface_resize(h->s, WIDTH, HEIGHT);
	for (i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		check(h, encodings[i], encodings[i]);
		check(h, encodings[i], RFB_LAST_RECT); /* Tight looks for areas of one colour */
	}
}

static void test_compression_levels(void **state)
{
	enum { LEVEL_0 = -256, LEVELS = 10 };
	struct host *h = *state;
	unsigned i, level;

	surface_resize(h->s, WIDTH, HEIGHT);
	for (i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
		for (level = 0; level < LEVELS; level += 3)
			check(h, encodings[i], LEVEL_0 + (int32_t)level);
}

/* The pictures above are of use only if they make the encoders do all they can. */
static void test_ways_of_zrle(void **state)
{
	static const int32_t zrle = RFB_ZRLE;
	struct host *h = *state;
	unsigned i, packed = 0, palette_runs = 0;
	struct rfb *c;

	surface_resize(h->s, WIDTH, HEIGHT);
	c = rfb_connect(h->address, 8);
	decoder_attach(c);
	rfb_encodings(c, &zrle, 1);
	follow(h, c, zrle);
	for (i = 2; i <= 16; i++)
		packed += c->tiles[i];
	for (i = 130; i < 256; i++)
		palette_runs += c->tiles[i];
	assert_true(c->tiles[0] && c->tiles[1] && packed && c->tiles[128] && palette_runs);
	decoder_detach(c);
	rfb_close(c);
}

/* Streams and sizes: a smaller and a larger picture over the same connection. */
static void test_resizes(void **state)
{
	struct host *h = *state;
	unsigned i, n;

	for (i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		const int32_t list[] = {encodings[i], RFB_DESKTOP_SIZE};
		struct rfb *c = rfb_connect(h->address, 8);

		decoder_attach(c);
		rfb_encodings(c, list, 2);
		for (n = 0; n < 4; n++) {
			surface_resize(h->s, 100 + 150 * (n % 2), 90 + 31 * n);
			draw(h, pictures[3 + n], 0, 0, 100, 90);
			do {
				rfb_request_all(c, false);
				rfb_update(c);
			} while (c->width != 100 + 150 * (n % 2) || c->height != 90 + 31 * n ||
				 c->rects[0].encoding == RFB_DESKTOP_SIZE);
			assert_shown(h, c);
		}
		decoder_detach(c);
		rfb_close(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_encoding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compression_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ways_of_zrle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resizes, setup, teardown),
	};

	return cmocka_run_group_tests_name("vnc_encodings", tests, NULL, NULL);
}
