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

static void assert_woken(const struct host *h, uint64_t since)
{
	int i;

	for (i = 0; i < PATIENCE * 100 && wakeups(h) == since; i++)
		sleep_ms(10);
	assert_true(wakeups(h) > since);
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
	fill(h, 0, 0, 1, 1, 1);
	rfb_update(waits);
	assert_true(wakeups(h) > before);
	assert_rest(h);
	rfb_close(waits);
	rfb_close(silent);
	rfb_close(compressed);
	assert_watched(h, false);
	assert_rest(h);
}

/* Damage that no viewer has asked for wakes its thread once, not for each stroke of the brush. */
static void test_unwanted_damage_is_cheap(void **state)
{
	struct host *h = *state;
	struct rfb *c = rfb_connect(h->address, 8);
	uint64_t before;
	unsigned i;

	rfb_request_all(c, false);
	rfb_update(c);
	assert_rest(h);
	before = wakeups(h);
	fill(h, 0, 0, 1, 1, 1);
	assert_woken(h, before);
	for (i = 0; i < 100; i++)
		fill(h, i, i, 1, 1, i);
	assert_rest(h);
	assert_true(wakeups(h) <= before + 2); /* the thread's turns: to hear of it, to sleep */
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
		cmocka_unit_test_setup_teardown(test_unwanted_damage_is_cheap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_viewer_that_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_while_one_hangs, setup, teardown),
	};

	return cmocka_run_group_tests_name("vnc_rest", tests, NULL, NULL);
}
