// SPDX-License-Identifier: GPL-2.0-only
/* The VNC server: what it costs when nothing happens, its pace, and viewers that are slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vnc_host.h"

#include <dirent.h>
#include <fcntl.h>

enum { PATIENCE = 120 }; /* seconds: a watchdog */

/* --- what the threads do --- */

static unsigned long switches_of(const char *task)
{
	char path[300], line[256];
	unsigned long sum = 0, n;
	bool ours = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", task);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "Name:\tvnc", 9))
			ours = true;
		if (ours && (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1 ||
			     sscanf(line, "nonvoluntary_ctxt_switches: %lu", &n) == 1))
			sum += n;
	}
	if (f)
		fclose(f);
	return sum;
}

/* Of all threads of the server. */
static unsigned long switches(void)
{
	unsigned long sum = 0;
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;

	while ((e = readdir(d)) != NULL)
		sum += switches_of(e->d_name);
	closedir(d);
	return sum;
}

static uint64_t wakeups(const struct host *h)
{
	struct vnc_stats s;

	vnc_read_stats(h->vnc, &s);
	return s.wakeups;
}

/* Nothing runs for a second, sooner or later; what has a timer never comes to that. */
static void assert_rest(const struct host *h)
{
	unsigned long seen;
	uint64_t woken;
	int i;

	for (i = 0; i < PATIENCE; i++) {
		seen = switches();
		woken = wakeups(h);
		assert_true(seen > 0);
		sleep_ms(1000);
		if (switches() == seen) {
			assert_true(wakeups(h) == woken);
			return;
		}
	}
	fail_msg("the server does not come to rest");
}

/* --- rest --- */

static void test_idle_means_idle(void **state)
{
	const int32_t encodings[] = {RFB_TIGHT, RFB_EXTENDED_SIZE, RFB_CURSOR, RFB_LEDS};
	struct host *h = *state;
	struct rfb *waits, *silent, *compressed;
	uint64_t before;

	waits = rfb_connect(h->address, 8);
	silent = rfb_connect(h->address, 8);
	compressed = rfb_connect(h->address, 8);
	rfb_encodings(compressed, encodings, 4);
	rfb_request_all(compressed, false);
	rfb_request_all(compressed, true);
	rfb_request_all(waits, false);
	rfb_update(waits);
	rfb_request_all(waits, true);
	assert_rest(h);
	before = wakeups(h);
	fill(h, 0, 0, 320, 100, 1);
	rfb_update(waits);
	assert_true(wakeups(h) > before);
	assert_rest(h);
	rfb_close(waits);
	rfb_close(silent);
	rfb_close(compressed);
	assert_watched(h, false);
	assert_rest(h);
}

/* Damage that no viewer has asked for wakes nobody; whoever asks then, gets it. */
static void test_unwanted_damage_is_free(void **state)
{
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);
	uint64_t before;
	unsigned i;

	rfb_request_all(c, false);
	rfb_update(c);
	assert_rest(h);
	before = wakeups(h);
	for (i = 0; i < 100; i++)
		fill(h, i, i, 1, 1, i + 1);
	assert_rest(h);
	assert_int_equal(wakeups(h), before);
	rfb_request_all(c, true);
	rfb_update(c);
	assert_int_equal(c->pixels[0], 1);
	assert_int_equal(c->pixels[99 * 320 + 99], 100);
	rfb_close(c);
}

/* --- little updates, which the painter sends --- */

static struct rfb *look_on(struct host *h)
{
	const int32_t raw = RFB_RAW;
	struct rfb *c = rfb_connect(h->address, 8);

	rfb_encodings(c, &raw, 1);
	rfb_request_all(c, false);
	rfb_update(c);
	rfb_request_all(c, true);
	return c;
}

/* A cursor that blinks: the thread hears of each request, and of no update. */
static void test_little_updates_wake_nobody(void **state)
{
	struct host *h = *state;
	struct rfb *c = look_on(h);
	uint64_t before;
	unsigned i;

	fill(h, 0, 0, 320, 200, 7); /* the first one is the thread's in any case */
	rfb_update(c);
	for (i = 1; i < 5; i++) {
		rfb_request_all(c, true);
		assert_rest(h);
		before = wakeups(h);
		fill(h, 8, 16, 8, 16, i);
		rfb_update(c);
		assert_int_equal(c->rect_count, 1);
		assert_int_equal(c->rects[0].w * c->rects[0].h, 8 * 16);
		assert_int_equal(c->pixels[16 * 320 + 8], i);
		assert_int_equal(wakeups(h), before);
	}
	rfb_close(c);
}

/* Another size, parts of the picture, another encoding: for the thread, however little it is. */
static void test_little_but_for_the_thread(void **state)
{
	const int32_t sizes[] = {RFB_DESKTOP_SIZE, RFB_RAW};
	struct host *h = *state;
	struct rfb *c = look_on(h);

	fill(h, 0, 0, 320, 200, 7);
	rfb_update(c);
	rfb_request(c, true, 0, 0, 100, 100);
	assert_rest(h);
	fill(h, 0, 150, 4, 4, 1); /* beside it */
	fill(h, 0, 50, 4, 4, 2);
	rfb_update(c);
	assert_int_equal(c->pixels[50 * 320], 2);
	assert_int_equal(c->pixels[150 * 320], 7);
	rfb_encodings(c, sizes, 2);
	rfb_request_all(c, true);
	rfb_update(c);
	assert_int_equal(c->pixels[150 * 320], 1);
	rfb_request_all(c, true);
	assert_rest(h);
	surface_resize(h->s, 16, 16);
	rfb_update(c);
	assert_int_equal(c->width, 16);
	rfb_close(c);
}

static uint64_t updates(const struct host *h)
{
	struct vnc_stats s;

	vnc_read_stats(h->vnc, &s);
	return s.updates;
}

/*
 * Asks and does not read, until the painter's updates do not fit any more, and the thread has the
 * rest of one: whoever reads then finds them whole and in order.
 */
static void test_little_updates_nobody_reads(void **state)
{
	enum { UPDATES = 12 };
	int ends[2], small = 4096;
	struct timeval limit = {.tv_sec = 120}; /* a watchdog */
	struct host *h = *state;
	const int32_t raw = RFB_RAW;
	struct rfb *c;
	uint64_t start;
	unsigned i, n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_int_equal(vnc_serve(h->vnc, ends[0]), 0);
	setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	c = rfb_begin(ends[1], 8);
	rfb_encodings(c, &raw, 1);
	rfb_request_all(c, false);
	rfb_update(c);
	rfb_request_all(c, true);
	fill(h, 0, 0, 320, 200, 7);
	rfb_update(c);
	start = updates(h);
	for (i = 1; i <= UPDATES; i++) {
		rfb_request_all(c, true);
		sleep_ms(17);
		fill(h, 32, 32, 31, 31, i);
	}
	for (n = 0; n < 2 || updates(h) > start + n; n++) {
		rfb_update(c);
		assert_int_equal(c->rect_count, 1);
		assert_int_equal(c->pixels[32 * 320 + 32], c->pixels[62 * 320 + 62]);
	}
	rfb_close(c);
}

/* --- pace --- */

/* However fast the guest paints and the viewer asks: 60 updates a second. */
static void test_pace(void **state)
{
	const uint64_t frame = 1000000000u / 60;
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);
	uint64_t start = now_ns();
	unsigned updates = 0, i;

	rfb_request_all(c, false);
	rfb_update(c);
	rfb_request_all(c, true);
	for (i = 0; updates < 30; i++) {
		fill(h, i % 300, i % 190, 4, 4, i);
		if (rfb_is_quiet(c, 0))
			continue;
		rfb_update(c);
		rfb_request_all(c, true);
		updates++;
	}
	assert_true(now_ns() - start >= (updates - 1) * frame);
	rfb_close(c);
}

/* --- slow viewers --- */

/* Asks for everything, reads nothing. */
static struct rfb *hang(struct host *h, int32_t encoding)
{
	struct rfb *c = rfb_connect(h->address, 8);
	int i;

	rfb_encodings(c, &encoding, 1);
	for (i = 0; i < 8; i++)
		rfb_request_all(c, false);
	return c;
}

/* Neither the guest nor another viewer waits for it: it is still there when they are done. */
static void test_viewer_that_hangs(void **state)
{
	static const int32_t encodings[] = {RFB_RAW, RFB_TIGHT, RFB_ZRLE};
	const uint64_t limit = 8000000000u; /* the server gives up on it two seconds later */
	struct host *h = *state;
	struct rfb *hung[3], *good;
	uint64_t start;
	int i;

	surface_resize(h->s, 1600, 1200);
	fill_noise(h, 3);
	good = rfb_connect(h->address, 8);
	rfb_request_all(good, false);
	rfb_update(good);
	start = now_ns();
	for (i = 0; i < 3; i++)
		hung[i] = hang(h, encodings[i]);
	for (i = 0; i < 20; i++) {
		fill(h, 10, 10, 20, 20, (uint32_t)i + 1);
		rfb_request(good, true, 0, 0, 40, 40);
		rfb_update(good);
		assert_int_equal(good->pixels[10 * 1600 + 10], i + 1);
	}
	if (now_ns() - start < limit) /* else this machine is too slow to tell */
		assert_int_equal(viewers(h), 4);
	rfb_close(good);
	for (i = 0; i < 3; i++)
		rfb_close(hung[i]);
}

/* A stop does not wait for it, but ends what it hangs in. */
static void test_stop_while_one_hangs(void **state)
{
	struct host *h = *state;
	struct rfb *hung;

	surface_resize(h->s, 1600, 1200);
	fill_noise(h, 4);
	hung = hang(h, RFB_RAW);
	assert_watched(h, true);
	vnc_stop(h->vnc);
	assert_true(rfb_is_closed(hung->sock));
	serve(h, "127.0.0.1:0");
	rfb_close(hung);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_idle_means_idle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unwanted_damage_is_free, setup, teardown),
		cmocka_unit_test_setup_teardown(test_little_updates_wake_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_little_but_for_the_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_little_updates_nobody_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_viewer_that_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_while_one_hangs, setup, teardown),
	};

	return cmocka_run_group_tests_name("vnc_rest", tests, NULL, NULL);
}
