// SPDX-License-Identifier: GPL-2.0-only
/* The VNC server: pictures, keys and pointer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vnc_host.h"

#include <fcntl.h>

/* --- pictures --- */

static void test_pixels(void **state)
{
	struct host *h = *state;
	struct rfb *c;

	fill(h, 0, 0, 320, 200, 0x123456);
	fill(h, 319, 199, 1, 1, 0xff8001);
	c = rfb_connect(h->address, 8);
	assert_int_equal(c->width, 320);
	assert_int_equal(c->height, 200);
	assert_string_equal(c->name, "a guest");
	rfb_request_all(c, false);
	rfb_update(c);
	assert_int_equal(c->pixels[0], 0x123456);
	assert_int_equal(c->pixels[319 + 199 * 320], 0xff8001);
	rfb_close(c);
}

static void test_old_versions(void **state)
{
	static const int minors[] = {3, 7};
	struct host *h = *state;
	struct rfb *c;
	unsigned i;

	for (i = 0; i < 2; i++) {
		c = rfb_connect(h->address, minors[i]);
		rfb_request_all(c, false);
		rfb_update(c);
		rfb_close(c);
	}
}

static void test_only_what_changed(void **state)
{
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_request_all(c, false);
	rfb_update(c);
	rfb_request_all(c, true);
	assert_true(rfb_is_quiet(c, 100));
	fill(h, 100, 50, 8, 4, 0xabcdef);
	rfb_update(c);
	assert_int_equal(c->rect_count, 1);
	assert_int_equal(c->rects[0].x, 100);
	assert_int_equal(c->rects[0].y, 50);
	assert_int_equal(c->rects[0].w, 8);
	assert_int_equal(c->rects[0].h, 4);
	assert_int_equal(c->pixels[100 + 50 * 320], 0xabcdef);
	fill(h, 0, 0, 1, 1, 1); /* nothing is sent that was not asked for */
	assert_true(rfb_is_quiet(c, 100));
	fill(h, 5, 5, 1, 1, 1);
	rfb_request_all(c, true);
	rfb_update(c);
	assert_int_equal(c->rect_count, 2);
	rfb_close(c);
}

/* Red, green and blue at 16 bits and at 8, and as they are. */
static const struct depth {
	uint8_t bits, red_max, green_max, blue_max, red, green, blue; /* shifts */
	uint32_t violet;
} depths[] = {
	{32, 255, 255, 255, 16, 8, 0, 0xff00ff},
	{16, 31, 63, 31, 11, 5, 0, 0xf81f},
	{8, 7, 7, 3, 0, 3, 6, 0xc7},
};

static void set_depth(struct rfb *c, const struct depth *d)
{
	const uint8_t m[20] = {0, 0, 0, 0, d->bits, d->bits, 0, 1, 0, d->red_max, 0, d->green_max,
			       0, d->blue_max, d->red, d->green, d->blue};

	rfb_send(c, m, sizeof(m));
}

/* An update of one raw rectangle; its place, and the first pixel. */
static uint32_t read_rect(struct rfb *c, const struct depth *d, struct rfb_rect *r)
{
	uint8_t head[16], *pixels;
	uint32_t first = 0;
	size_t len;

	rfb_receive(c, head, sizeof(head));
	assert_int_equal(rfb_get32(head), 1); /* FramebufferUpdate, one rectangle */
	*r = (struct rfb_rect){rfb_get16(head + 4), rfb_get16(head + 6), rfb_get16(head + 8),
			       rfb_get16(head + 10), (int32_t)rfb_get32(head + 12)};
	assert_int_equal(r->encoding, RFB_RAW);
	len = (size_t)r->w * r->h * d->bits / 8;
	pixels = malloc(len);
	rfb_receive(c, pixels, len);
	memcpy(&first, pixels, d->bits / 8);
	free(pixels);
	return first;
}

/* The first update is the library's, those after it are not. */
static void test_depths(void **state)
{
	static const int32_t raw = RFB_RAW;
	struct host *h = *state;
	struct rfb_rect r;
	unsigned i, n;

	for (i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		struct rfb *c = rfb_connect(h->address, 8);

		set_depth(c, &depths[i]);
		rfb_encodings(c, &raw, 1);
		rfb_request_all(c, false);
		read_rect(c, &depths[i], &r);
		assert_int_equal(r.w, 320);
		for (n = 0; n < 3; n++) {
			rfb_request_all(c, true);
			fill(h, 100 + n, 50, 3, 2, 0xff00ff);
			assert_int_equal(read_rect(c, &depths[i], &r), depths[i].violet);
			assert_int_equal(r.x, 100 + n);
			assert_int_equal(r.y, 50);
			assert_int_equal(r.w, 3);
			assert_int_equal(r.h, 2);
		}
		rfb_close(c);
	}
}

static void test_two_viewers(void **state)
{
	struct host *h = *state;
	struct rfb *a = rfb_connect(h->address, 8), *b = rfb_connect(h->address, 8);

	rfb_request_all(a, false);
	rfb_update(a);
	fill(h, 1, 1, 1, 1, 7);
	rfb_request_all(b, false);
	rfb_update(b);
	assert_int_equal(b->pixels[321], 7);
	rfb_request_all(a, true);
	rfb_update(a);
	assert_int_equal(a->pixels[321], 7);
	rfb_close(a);
	rfb_close(b);
}

static void test_resize(void **state)
{
	const int32_t encodings[] = {RFB_RAW, RFB_DESKTOP_SIZE};
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_encodings(c, encodings, 2);
	rfb_request_all(c, false);
	rfb_update(c);
	rfb_request_all(c, true);
	surface_resize(h->s, 641, 479);
	rfb_update(c);
	assert_int_equal(c->rects[0].encoding, RFB_DESKTOP_SIZE);
	assert_int_equal(c->width, 641);
	assert_int_equal(c->height, 479);
	fill(h, 640, 478, 1, 1, 0x777777);
	rfb_request_all(c, false);
	while (c->pixels[640 + 478 * 641] != 0x777777) {
		rfb_update(c);
		rfb_request_all(c, true);
	}
	surface_resize(h->s, 40, 30);
	while (c->width != 40)
		rfb_update(c);
	assert_int_equal(c->height, 30);
	rfb_close(c);
}

static void test_extended_resize(void **state)
{
	const int32_t encodings[] = {RFB_RAW, RFB_EXTENDED_SIZE};
	/* SetDesktopSize: 800x600, one screen of this size */
	static const uint8_t wish[24] = {251, 0, 3, 32, 2, 88, 1,  0, 0, 0, 0, 0,
					 0,   0, 0, 0,  3, 32, 2, 88, 0, 0, 0, 0};
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_encodings(c, encodings, 2);
	rfb_request_all(c, false);
	rfb_update(c);
	assert_int_equal(c->rects[0].encoding, RFB_EXTENDED_SIZE);
	rfb_update(c);
	rfb_request_all(c, true);
	surface_resize(h->s, 400, 300);
	rfb_update(c);
	assert_int_equal(c->rects[0].encoding, RFB_EXTENDED_SIZE);
	assert_int_equal(c->rects[0].x, 0); /* the server's doing */
	assert_int_equal(c->width, 400);
	rfb_send(c, wish, sizeof(wish)); /* the guest decides on its mode */
	rfb_request_all(c, true);
	while (c->rects[0].encoding != RFB_EXTENDED_SIZE || c->rects[0].x != 1)
		rfb_update(c);
	assert_int_equal(c->rects[0].y, 1); /* "prohibited" */
	assert_int_equal(c->width, 400);
	rfb_close(c);
}

/* A viewer that cannot change size keeps the one it was told. */
static void test_resize_without_support(void **state)
{
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	fill(h, 0, 0, 320, 200, 0x111111);
	rfb_request_all(c, false);
	rfb_update(c);
	surface_resize(h->s, 640, 480);
	fill(h, 0, 0, 640, 480, 0x222222);
	rfb_request_all(c, true);
	rfb_update(c);
	assert_int_equal(c->pixels[319 + 199 * 320], 0x222222);
	surface_resize(h->s, 100, 100);
	fill(h, 0, 0, 100, 100, 0x333333);
	rfb_request_all(c, true);
	rfb_update(c);
	assert_int_equal(c->pixels[99 + 99 * 320], 0x333333);
	assert_int_equal(c->pixels[100 + 99 * 320], 0);
	assert_int_equal(c->pixels[319 + 199 * 320], 0);
	rfb_close(c);
}

static void test_encodings(void **state)
{
	static const int32_t all[] = {RFB_HEXTILE, RFB_TIGHT, RFB_ZRLE};
	struct host *h = *state;
	struct rfb *c;
	unsigned i;

	fill_noise(h, 1);
	for (i = 0; i < 3; i++) {
		c = rfb_connect(h->address, 8);
		rfb_encodings(c, &all[i], 1);
		rfb_request_all(c, false);
		rfb_update(c);
		assert_int_equal(c->rects[0].encoding, all[i]);
		rfb_close(c);
	}
}

static void test_wide_pictures_are_cut(void **state)
{
	struct host *h = *state;
	struct rfb *c;

	surface_resize(h->s, 16384, 2);
	fill(h, 8191, 1, 1, 1, 5);
	c = rfb_connect(h->address, 8);
	assert_int_equal(c->width, 8192);
	rfb_request_all(c, false);
	rfb_update(c);
	assert_int_equal(c->pixels[8192 + 8191], 5);
	rfb_close(c);
}

/* --- keys and pointer --- */

static void test_keys(void **state)
{
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_key(c, 'a', true);
	rfb_key(c, 'a', false);
	assert_events(h, "+1e -1e ");
	rfb_key(c, 'A', true);
	rfb_key(c, 'A', false);
	assert_events(h, "+2a +1e -2a -1e ");
	rfb_key(c, 0xffffff, true); /* no such key */
	rfb_key(c, 0xffff, true);
	assert_events(h, "+d3 ");
	assert_alive(h); /* one who comes and goes without a key lets go of nothing */
	assert_viewers(h, 1);
	assert_events(h, "");
	rfb_close(c); /* what it held down goes up */
	assert_events(h, "-d3 ");
}

static void test_scancodes(void **state)
{
	const int32_t encodings[] = {RFB_RAW, RFB_SCANCODES};
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_encodings(c, encodings, 2);
	rfb_update(c);
	assert_true(c->scancodes);
	rfb_scancode(c, 'A', 0x1e, true); /* the key counts, and no shift is made up */
	rfb_scancode(c, 'A', 0x1e, false);
	assert_events(h, "+1e -1e ");
	rfb_scancode(c, 0xffe4, 0x9d, true);
	rfb_scancode(c, 0xffe4, 0x9d, false);
	assert_events(h, "+9d -9d ");
	rfb_scancode(c, 0xff61, 0xb7, true);
	rfb_scancode(c, 0xff61, 0xb7, false);
	assert_events(h, "+54 -54 ");
	rfb_scancode(c, 'z', 0, true); /* no scan code: by symbol */
	rfb_scancode(c, 'z', 0, false);
	rfb_scancode(c, 'y', 0xe11d45, true);
	rfb_scancode(c, 'y', 0xe11d45, false);
	assert_events(h, "+2c -2c +15 -15 ");
	rfb_close(c);
}

static void test_pointer(void **state)
{
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_pointer(c, 0, 100, 100);
	rfb_pointer(c, 0, 103, 98);
	assert_events(h, "m(3,-2,0,0) ");
	rfb_pointer(c, 1, 103, 98);
	rfb_pointer(c, 0, 103, 98);
	assert_events(h, "m(0,0,0,1) m(0,0,0,0) ");
	rfb_pointer(c, 8, 103, 98); /* wheel: one step a press */
	rfb_pointer(c, 8, 104, 98);
	rfb_pointer(c, 16, 104, 98);
	assert_events(h, "m(0,0,-1,0) m(1,0,0,0) m(0,0,1,0) ");
	rfb_pointer(c, 6 | 128, 65535, 65535); /* outside: clipped */
	assert_events(h, "m(247,133,0,14) ");
	rfb_close(c);
	assert_events(h, "m(0,0,0,0) ");
}

/* A viewer that can tells movements, which is what the guest's mouse does. */
static void test_pointer_that_moves(void **state)
{
	const int32_t encodings[] = {RFB_RAW, RFB_POINTER_MOVES};
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_encodings(c, encodings, 2);
	rfb_update(c);
	assert_true(c->moves);
	rfb_pointer(c, 0, 0x7fff + 5, 0x7fff - 3);
	rfb_pointer(c, 4, 0x7fff, 0x7fff);
	rfb_pointer(c, 12, 0x7fff, 0x7fff);
	assert_events(h, "m(5,-3,0,0) m(0,0,0,4) m(0,0,-1,4) ");
	rfb_encodings(c, encodings, 1); /* not any more */
	rfb_pointer(c, 0, 10, 10);
	rfb_pointer(c, 0, 12, 10);
	assert_events(h, "m(0,0,0,0) m(2,0,0,0) ");
	rfb_close(c);
}

static void test_no_cursor(void **state)
{
	const int32_t encodings[] = {RFB_RAW, RFB_CURSOR};
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_encodings(c, encodings, 2);
	rfb_request_all(c, false);
	rfb_update(c);
	assert_int_equal(c->rects[0].encoding, RFB_CURSOR);
	assert_int_equal(c->rects[1].encoding, RFB_RAW);
	rfb_close(c);
}

static void test_leds(void **state)
{
	const int32_t encodings[] = {RFB_RAW, RFB_LEDS};
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	input_set_leds(h->in, INPUT_LED_NUM);
	rfb_encodings(c, encodings, 2);
	rfb_update(c);
	assert_int_equal(c->leds, 2);
	input_set_leds(h->in, INPUT_LED_CAPS | INPUT_LED_SCROLL); /* on its own, without damage */
	rfb_update(c);
	assert_int_equal(c->leds, 5);
	rfb_close(c);
}

/* --- connections that others bring --- */

static struct rfb *bring(struct host *h)
{
	struct rfb *c;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(vnc_serve(h->vnc, ends[0]), 0);
	c = rfb_begin(ends[1], 8);
	rfb_request_all(c, false);
	rfb_update(c);
	return c;
}

/* One that leaves lets go of all keys, so nobody may press one before it is gone. */
static void await_one_viewer(struct host *h)
{
	struct vnc_stats s;
	int i;

	vnc_read_stats(h->vnc, &s);
	for (i = 0; i < 6000 && s.viewers != 1; i++) {
		sleep_ms(10);
		vnc_read_stats(h->vnc, &s);
	}
	assert_int_equal(s.viewers, 1);
}

static void test_served(void **state)
{
	struct host *h = *state;
	struct rfb *c = bring(h);

	assert_alive(h); /* it listens as well */
	await_one_viewer(h);
	rfb_key(c, 'a', true);
	assert_events(h, "+1e ");
	rfb_close(c);
	assert_events(h, "-1e ");
	assert_watched(h, false);
}

static void test_served_only(void **state)
{
	struct host *h = *state;
	struct rfb *c;

	vnc_stop(h->vnc);
	serve(h, NULL);
	assert_null(h->address);
	c = bring(h);
	vnc_stop(h->vnc);
	assert_true(rfb_is_closed(c->sock));
	rfb_close(c);
	serve(h, "127.0.0.1:0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pixels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_what_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_depths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_viewers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resize, setup, teardown),
		cmocka_unit_test_setup_teardown(test_extended_resize, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resize_without_support, setup, teardown),
		cmocka_unit_test_setup_teardown(test_encodings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wide_pictures_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scancodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pointer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_served, setup, teardown),
		cmocka_unit_test_setup_teardown(test_served_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pointer_that_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_cursor, setup, teardown),
	};

	return cmocka_run_group_tests_name("vnc", tests, NULL, NULL);
}
