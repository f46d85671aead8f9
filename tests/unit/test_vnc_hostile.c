// SPDX-License-Identifier: GPL-2.0-only
/* The VNC server: hostile viewers, and those that say nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vnc_host.h"

enum { PLACES = 32 }; /* what the server has for viewers */

/* --- who is there --- */

static void test_drawing_for_viewers_only(void **state)
{
	struct host *h = *state;
	struct rfb *c;
	int half;

	half = rfb_dial(h->address); /* connected, but no viewer yet */
	sleep_ms(50);
	assert_watched(h, false);
	c = rfb_connect(h->address, 8);
	assert_watched(h, true);
	rfb_close(c);
	assert_watched(h, false);
	close(half);
}

/* Nobody who says nothing keeps out one who does, however many there are. */
static void test_half_open_connections(void **state)
{
	enum { MANY = 100 };
	struct host *h = *state;
	struct rfb *early = rfb_connect(h->address, 8);
	int s[MANY], i;

	for (i = 0; i < MANY; i++)
		s[i] = rfb_dial(h->address);
	assert_alive(h);
	for (i = 0; i < MANY - PLACES; i++) /* the oldest have made room */
		assert_true(rfb_is_closed(s[i]));
	rfb_request_all(early, false); /* who is in stays in */
	rfb_update(early);
	for (i = 0; i < MANY; i++)
		close(s[i]);
	for (i = 0; i < MANY; i++)
		close(rfb_dial(h->address));
	assert_alive(h);
	rfb_close(early);
}

/* All places are viewers': the next one is turned away, and comes in when one has left. */
static void test_full_house(void **state)
{
	struct host *h = *state;
	struct rfb *c[PLACES];
	int late, i;

	for (i = 0; i < PLACES; i++)
		c[i] = rfb_connect(h->address, 8);
	late = rfb_dial(h->address);
	assert_true(rfb_is_closed(late));
	close(late);
	for (i = 0; i < PLACES; i++) {
		rfb_request_all(c[i], false);
		rfb_update(c[i]);
		rfb_close(c[i]);
	}
	assert_viewers(h, 0);
	assert_alive(h);
}

/* --- hostile viewers --- */

static void test_garbage(void **state)
{
	struct host *h = *state;
	struct rfb *c, *good = rfb_connect(h->address, 8);
	uint8_t junk[512];
	unsigned i, j, seed = 7;

	for (i = 0; i < 64; i++) {
		for (j = 0; j < sizeof(junk); j++)
			junk[j] = (uint8_t)rand_r(&seed);
		c = calloc(1, sizeof(*c));
		if (i % 2) {
			c->sock = rfb_dial(h->address);
		} else {
			free(c);
			c = rfb_connect(h->address, 8);
			junk[0] = (uint8_t)(i / 2 % 8); /* a message, and nonsense in it */
			junk[1] = junk[2] = 0;
		}
		send(c->sock, junk, sizeof(junk), MSG_NOSIGNAL);
		shutdown(c->sock, SHUT_WR);
		assert_true(rfb_is_closed(c->sock));
		rfb_close(c);
	}
	rfb_request_all(good, false);
	rfb_update(good);
	rfb_close(good);
}

static void assert_dropped(struct host *h, const void *message, size_t n)
{
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_send(c, message, n);
	assert_true(rfb_is_closed(c->sock));
	rfb_close(c);
}

/* Whole messages, in good form: file transfer, chat, scaling and the like. */
static void test_what_is_not_served(void **state)
{
	static const struct {
		uint8_t len, bytes[12];
	} messages[] = {
		{6, {1}},				/* FixColourMapEntries */
		{12, {7, 1, 1}},			/* FileTransfer */
		{4, {8, 2}},				/* SetScale */
		{6, {9, 1}},				/* SetSW */
		{4, {10, 1}},				/* SetServerInput */
		{8, {11, 0, 0, 0, 255, 255, 255, 255}}, /* TextChat */
		{4, {15, 2}},				/* PalmVNC's SetScaleFactor */
		{10, {150, 1}},				/* EnableContinuousUpdates */
		{9, {248}},				/* Fence */
		{4, {250, 0, 1, 2}},			/* xvp: shut down */
		{4, {255, 1, 0, 0}},			/* QEMU's audio */
	};
	struct host *h = *state;
	unsigned i;

	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		assert_dropped(h, messages[i].bytes, messages[i].len);
	assert_alive(h);
}

static void test_bad_pixel_formats(void **state)
{
	/* bits, depth, big, true, max r g b, shift r g b */
	static const uint8_t bad[][16] = {
		{32, 24, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		{32, 24, 0, 1, 0, 255, 0, 255, 0, 0, 16, 8, 0},
		{32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 255, 8, 0},
		{32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 25, 8, 0},
		{24, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0},
		{16, 16, 0, 0, 0, 31, 0, 63, 0, 31, 11, 5, 0},
		{16, 16, 0, 1, 255, 255, 0, 63, 0, 31, 11, 5, 0},
		{0, 0, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0},
		{64, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0},
	};
	uint8_t m[20] = {0};
	struct host *h = *state;
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(m + 4, bad[i], 16);
		assert_dropped(h, m, sizeof(m));
	}
	assert_alive(h);
}

static void test_formats_that_work(void **state)
{
	static const uint8_t good[][20] = {
		{0, 0, 0, 0, 16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0},
		{0, 0, 0, 0, 8, 8, 0, 1, 0, 7, 0, 7, 0, 3, 0, 3, 6},
		{0, 0, 0, 0, 32, 32, 1, 1, 0, 255, 0, 255, 0, 255, 24, 16, 8},
	};
	static const uint32_t red[] = {0xf800, 0x07, 0x000000ff};
	struct host *h = *state;
	struct rfb *c;
	uint8_t b[16 + 4] = {0};
	uint32_t pixel;
	unsigned i;

	fill(h, 0, 0, 320, 200, 0xff0000);
	for (i = 0; i < 3; i++) {
		c = rfb_connect(h->address, 8);
		rfb_send(c, good[i], 20);
		rfb_request(c, false, 0, 0, 1, 1);
		rfb_receive(c, b, 16 + good[i][4] / 8);
		memcpy(&pixel, b + 16, 4);
		assert_int_equal(pixel, red[i]);
		memset(b, 0, sizeof(b));
		rfb_close(c);
	}
}

/* Requests for nothing, which some of the library's encodings would divide by. */
static void test_empty_requests(void **state)
{
	static const int32_t encodings[] = {4, 6, 7, 9, 16};
	static const uint16_t requests[][4] = {{0, 0, 0, 0},   {10, 10, 5, 0},
					       {10, 10, 0, 5}, {320, 0, 1, 9},
					       {0, 200, 9, 1}, {65535, 65535, 65535, 65535}};
	struct host *h = *state;
	struct rfb *c;
	unsigned i, j;

	for (i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		c = rfb_connect(h->address, 8);
		rfb_encodings(c, &encodings[i], 1);
		for (j = 0; j < sizeof(requests) / sizeof(requests[0]); j++) {
			rfb_request(c, false, requests[j][0], requests[j][1], requests[j][2],
				    requests[j][3]);
			sleep_ms(20); /* longer than a frame, so that each is served alone */
		}
		rfb_close(c);
	}
	assert_alive(h);
}

static unsigned put_message(uint8_t *m, unsigned *seed)
{
	static const struct {
		uint8_t type, len;
	} kinds[] = {{0, 20}, {2, 32}, {3, 10}, {4, 8}, {5, 6}, {6, 11}, {251, 24}, {255, 12}};
	static const uint8_t rgb565[] = {16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0};
	unsigned i, k = (unsigned)rand_r(seed) % 8;

	for (i = 0; i < kinds[k].len; i++)
		m[i] = (uint8_t)(rand_r(seed) & (i % 2 ? 0xff : 0x01));
	m[0] = kinds[k].type;
	if (k == 0)
		memcpy(m + 4, rgb565, sizeof(rgb565));
	if (k == 1) { /* one encoding of the old ones, and six of all */
		rfb_put16(m + 2, 7);
		rfb_put32(m + 4, (uint32_t)rand_r(seed) % 18);
	}
	if (k == 5)
		rfb_put32(m + 4, 3);
	if (k == 6)
		m[6] = 1; /* one screen */
	if (k == 7)
		m[1] = 0;
	return kinds[k].len;
}

/* Messages in good form, with nonsense in them, while the guest changes the mode. */
static void test_random_messages(void **state)
{
	struct host *h = *state;
	unsigned i, j, n, seed = 11;
	uint8_t m[30 * 32];
	struct rfb *c;

	for (i = 0; i < 60; i++) {
		c = rfb_connect(h->address, 8);
		for (j = n = 0; j < 30; j++)
			n += put_message(m + n, &seed);
		send(c->sock, m, n, MSG_NOSIGNAL);
		surface_resize(h->s, (unsigned)rand_r(&seed) % 90 + 1,
			       (unsigned)rand_r(&seed) % 90 + 1);
		shutdown(c->sock, SHUT_WR);
		assert_true(rfb_is_closed(c->sock));
		rfb_close(c);
	}
	assert_alive(h);
}

static void test_clipboards(void **state)
{
	static const uint8_t huge[] = {6, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff};
	static const uint8_t negative[] = {6, 0, 0, 0, 0x80, 0, 0, 0};
	static const uint8_t small[] = {6, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c'};
	struct host *h = *state;
	struct rfb *c;

	assert_dropped(h, huge, sizeof(huge));
	assert_dropped(h, negative, sizeof(negative));
	c = rfb_connect(h->address, 8);
	rfb_send(c, small, sizeof(small));
	rfb_request_all(c, false);
	rfb_update(c);
	rfb_close(c);
}

/* A web page must not reach the guest through its reader's browser. */
static void test_no_websockets(void **state)
{
	static const char hello[] = "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n"
				    "Sec-WebSocket-Version: 13\r\n"
				    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
	struct host *h = *state;
	char got[64] = "";
	int s = rfb_dial(h->address);

	assert_int_equal(send(s, hello, sizeof(hello) - 1, MSG_NOSIGNAL), sizeof(hello) - 1);
	recv(s, got, sizeof(got) - 1, 0);
	assert_string_equal(got, "RFB 003.008\n");
	assert_true(rfb_is_closed(s));
	close(s);
}

static void test_wrong_security_type(void **state)
{
	struct host *h = *state;
	struct rfb c = {.sock = rfb_dial(h->address)};
	uint8_t b[14 + 8];

	rfb_send(&c, "RFB 003.008\n\x02", 13);
	rfb_receive(&c, b, sizeof(b));
	assert_int_equal(rfb_get32(b + 14), 1); /* failed, and a reason of some length */
	assert_in_range(rfb_get32(b + 18), 1, 100);
	assert_true(rfb_is_closed(c.sock));
	close(c.sock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_drawing_for_viewers_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_open_connections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_house, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_not_served, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_pixel_formats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_formats_that_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clipboards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_websockets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_security_type, setup, teardown),
	};

	return cmocka_run_group_tests_name("vnc_hostile", tests, NULL, NULL);
}
