// SPDX-License-Identifier: GPL-2.0-only
/* The VNC server: viewers' clipboards, and the keys that type them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vnc_host.h"

#include <zlib.h>

enum { CTRL = 0xffe3, ALT = 0xffe9, BELL = 2 };
#define PRESSED "+1d +38 " /* Ctrl and Alt, */
#define LET_GO	"-1d -38 " /* and their release before anything is typed */

/* --- what a viewer does --- */

static void send_clipboard(struct rfb *c, const void *text, size_t n)
{
	uint8_t head[8] = {6};

	rfb_put32(head + 4, (uint32_t)n);
	rfb_send(c, head, sizeof(head));
	rfb_send(c, text, n);
}

static void press_keys(struct rfb *c)
{
	rfb_key(c, CTRL, true);
	rfb_key(c, ALT, true);
	rfb_key(c, 'v', true);
	rfb_key(c, 'v', true); /* it repeats */
	rfb_key(c, 'v', false);
	rfb_key(c, ALT, false);
	rfb_key(c, CTRL, false);
}

static void assert_typed(struct host *h, struct rfb *c, const char *what)
{
	char want[128];

	press_keys(c);
	snprintf(want, sizeof(want), PRESSED LET_GO "type(%s) ", what);
	assert_events(h, want);
}

/* The guest got the key, because there is nothing to type. */
static void assert_key(struct host *h, struct rfb *c)
{
	press_keys(c);
	assert_events(h, PRESSED "+2f +2f -2f -38 -1d ");
}

/* --- plain clipboards --- */

static void test_typing(void **state)
{
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	assert_key(h, c);
	send_clipboard(c, "ls -l", 5);
	rfb_key(c, 'a', true);
	rfb_key(c, 'a', false);
	assert_events(h, "+1e -1e "); /* nothing is typed unasked */
	assert_typed(h, c, "5,ls -l");
	assert_typed(h, c, "5,ls -l"); /* as often as asked */
	send_clipboard(c, "a\r\nb\rc\n", 7);
	assert_typed(h, c, "6,a\nb\nc\n");
	send_clipboard(c, "\xe9\xff", 2); /* Latin-1 */
	assert_typed(h, c, "4,\xc3\xa9\xc3\xbf");
	send_clipboard(c, "", 0);
	assert_key(h, c);
	rfb_close(c);
}

static void test_scancodes(void **state)
{
	static const unsigned keys[] = {0x9d, 0xb8, 0x2f}; /* Ctrl and Alt on the right */
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);
	unsigned i;

	send_clipboard(c, "x", 1);
	for (i = 0; i < 3; i++)
		rfb_scancode(c, 0, keys[i], true);
	for (i = 0; i < 3; i++)
		rfb_scancode(c, 0, keys[2 - i], false);
	assert_events(h, "+9d +b8 -9d -b8 type(1,x) ");
	rfb_scancode(c, 0, 0x2f, true); /* a V is a V again */
	rfb_scancode(c, 0, 0x2f, false);
	assert_events(h, "+2f -2f ");
	rfb_close(c);
}

static void test_other_keys(void **state)
{
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);

	send_clipboard(c, "x", 1);
	rfb_key(c, CTRL, true);
	rfb_key(c, 'v', true);
	rfb_key(c, 'v', false);
	rfb_key(c, CTRL, false);
	assert_events(h, "+1d +2f -2f -1d ");
	rfb_close(c);
}

/* Each viewer has its own. */
static void test_two_clipboards(void **state)
{
	struct host *h = *state;
	struct rfb *a = rfb_connect(h->address, 8), *b = rfb_connect(h->address, 8);

	send_clipboard(a, "of a", 4);
	assert_typed(h, a, "4,of a");
	assert_key(h, b);
	rfb_close(a);
	rfb_close(b);
}

static void test_bell(void **state)
{
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);
	uint8_t b;

	send_clipboard(c, "X", 1);
	press_keys(c);
	rfb_receive(c, &b, 1);
	assert_int_equal(b, BELL);
	assert_events(h, PRESSED LET_GO);
	rfb_close(c);
}

/* Too much is not cut, and not a reason to hang up on somebody. */
static void test_huge_clipboards(void **state)
{
	static const size_t sizes[] = {(16 << 10) + 1, 40000, 3 << 20};
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);
	char *much = malloc(3 << 20);
	unsigned i;

	memset(much, 'y', 3 << 20);
	send_clipboard(c, much, 16 << 10);
	press_keys(c);
	assert_events(h, PRESSED LET_GO
		      "type(16384,yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy) ");
	for (i = 0; i < 3; i++) {
		send_clipboard(c, "old", 3);
		send_clipboard(c, much, sizes[i]);
		assert_key(h, c);
	}
	free(much);
	rfb_request_all(c, false);
	rfb_update(c);
	rfb_close(c);
}

/* --- extended clipboards --- */

static struct rfb *connect_extended(struct host *h)
{
	const int32_t encodings[] = {RFB_RAW, RFB_CLIPBOARD};
	struct rfb *c = rfb_connect(h->address, 8);
	uint8_t caps[16];

	rfb_encodings(c, encodings, 2);
	rfb_receive(c, caps, sizeof(caps));
	assert_int_equal(caps[0], 3);
	assert_int_equal(rfb_get32(caps + 4), (uint32_t)-8);
	return c;
}

/* flush: Z_SYNC_FLUSH as of a stream that could go on, Z_FINISH as of one that ends. */
static void send_extended(struct rfb *c, uint32_t flags, uint32_t said, const void *text, size_t n,
			  int flush)
{
	size_t room = n + 4096;
	uint8_t *m = malloc(room), length[4];
	z_stream z = {0};

	assert_int_equal(deflateInit(&z, 9), Z_OK);
	rfb_put32(length, said);
	z.next_in = length;
	z.avail_in = 4;
	z.next_out = m + 12;
	z.avail_out = (unsigned)room - 12;
	deflate(&z, Z_NO_FLUSH);
	z.next_in = (uint8_t *)text;
	z.avail_in = (unsigned)n;
	deflate(&z, flush);
	memset(m, 0, 12);
	m[0] = 6;
	rfb_put32(m + 4, -(uint32_t)(4 + z.total_out));
	rfb_put32(m + 8, flags);
	rfb_send(c, m, 12 + z.total_out);
	deflateEnd(&z);
	free(m);
}

enum { TEXT = 1, HTML = 4 };
#define PROVIDE (1u << 28)

static void test_extended(void **state)
{
	struct host *h = *state;
	struct rfb *c = connect_extended(h);

	send_extended(c, PROVIDE | TEXT, 6, "a\r\n\xc3\xa9", 6, Z_SYNC_FLUSH); /* with its zero */
	assert_typed(h, c, "4,a\n\xc3\xa9");
	send_extended(c, PROVIDE | TEXT, 3, "end", 3, Z_FINISH);
	assert_typed(h, c, "3,end");
	send_extended(c, PROVIDE | HTML, 3, "<b>", 3, Z_FINISH); /* not asked for */
	assert_typed(h, c, "3,end");
	send_extended(c, (1u << 27) | TEXT, 0, "", 0, Z_FINISH); /* there is another text */
	assert_key(h, c);
	rfb_close(c);
}

static void test_extended_nonsense(void **state)
{
	static const uint8_t no_zlib[] = {6,	0, 0, 0, 255, 255, 255, 244, 16, 0,
					  0,	1, 1, 2, 3,   4,   5,	6,   7,	 8};
	static const uint8_t short_one[] = {6, 0, 0, 0, 255, 255, 255, 254, 1, 2};
	struct host *h = *state;
	struct rfb *c = connect_extended(h);
	char *zeros = calloc(1, 64 << 20);

	send_extended(c, PROVIDE | TEXT, 400, "less", 4, Z_FINISH);
	assert_key(h, c);
	send_extended(c, PROVIDE | TEXT, 0xffffffff, "less", 4, Z_FINISH);
	assert_key(h, c);
	send_extended(c, PROVIDE | TEXT, 0, "", 0, Z_FINISH);
	assert_key(h, c);
	send_extended(c, PROVIDE | TEXT, 64 << 20, zeros, 64 << 20, Z_FINISH); /* a bomb */
	assert_key(h, c);
	rfb_send(c, no_zlib, sizeof(no_zlib));
	rfb_send(c, short_one, sizeof(short_one));
	assert_key(h, c);
	free(zeros);
	rfb_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_typing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scancodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_clipboards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bell, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge_clipboards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_extended, setup, teardown),
		cmocka_unit_test_setup_teardown(test_extended_nonsense, setup, teardown),
	};

	return cmocka_run_group_tests_name("vnc_paste", tests, NULL, NULL);
}
