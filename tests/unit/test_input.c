// SPDX-License-Identifier: GPL-2.0-only
/* The input hub: what reaches the guest of what viewers do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ui/input.h"

#include <string.h>

struct guest {
	struct input *in;
	unsigned keys; /* events */
	unsigned qnum; /* of the last */
	bool down[256];
	unsigned moves;
	int dx, dy, dz; /* of the last */
	unsigned buttons;
};

static void on_key(void *arg, unsigned qnum, bool down)
{
	struct guest *g = arg;

	g->keys++;
	g->qnum = qnum;
	g->down[qnum] = down;
}

static void on_relative(void *arg, int dx, int dy, int dz, unsigned buttons)
{
	struct guest *g = arg;

	g->moves++;
	g->dx = dx;
	g->dy = dy;
	g->dz = dz;
	g->buttons = buttons;
}

static int setup(void **state)
{
	struct guest *g = calloc(1, sizeof(*g));
	struct input_sink sink = {.key = on_key, .relative = on_relative, .arg = g};

	g->in = input_create(&sink);
	*state = g;
	return g->in ? 0 : -1;
}

static int teardown(void **state)
{
	struct guest *g = *state;

	input_destroy(g->in);
	free(g);
	return 0;
}

static void test_keys(void **state)
{
	struct guest *g = *state;

	input_key(g->in, 0x1e, true);
	assert_true(g->down[0x1e]);
	assert_true(input_key_is_down(g->in, 0x1e));
	input_key(g->in, 0x1e, true); /* typematic: passed on */
	assert_int_equal(g->keys, 2);
	input_key(g->in, 0x1e, false);
	assert_false(g->down[0x1e]);
	assert_false(input_key_is_down(g->in, 0x1e));
	input_key(g->in, 0x1e, false); /* another viewer has released it already */
	assert_int_equal(g->keys, 3);
}

static void test_keys_that_are_none(void **state)
{
	struct guest *g = *state;

	input_key(g->in, 0, true);
	input_key(g->in, 256, true);
	input_key(g->in, 0xffffffffu, true);
	assert_int_equal(g->keys, 0);
	assert_false(input_key_is_down(g->in, 0xffffffffu));
	input_key(g->in, 255, true);
	assert_int_equal(g->qnum, 255);
}

static void test_relative(void **state)
{
	struct guest *g = *state;

	input_relative(g->in, 3, -4, 1, INPUT_LEFT);
	assert_int_equal(g->dx, 3);
	assert_int_equal(g->dy, -4);
	assert_int_equal(g->dz, 1);
	assert_int_equal(g->buttons, INPUT_LEFT);
	input_relative(g->in, 0, 0, 0, INPUT_LEFT); /* nothing new */
	assert_int_equal(g->moves, 1);
	input_relative(g->in, 0, 0, 0, 0);
	assert_int_equal(g->moves, 2);
	assert_int_equal(g->buttons, 0);
}

static void test_absolute_becomes_movement(void **state)
{
	struct guest *g = *state;

	input_absolute(g->in, 100, 100, 640, 480, 0, 0);
	assert_int_equal(g->moves, 0); /* where from is not known yet */
	input_absolute(g->in, 110, 95, 640, 480, 0, 0);
	assert_int_equal(g->dx, 10);
	assert_int_equal(g->dy, -5);
	input_absolute(g->in, 110, 95, 640, 480, -1, INPUT_RIGHT);
	assert_int_equal(g->moves, 2);
	assert_int_equal(g->dx, 0);
	assert_int_equal(g->dy, 0);
	assert_int_equal(g->dz, -1);
	assert_int_equal(g->buttons, INPUT_RIGHT);
}

static void test_first_position_with_a_button(void **state)
{
	struct guest *g = *state;

	input_absolute(g->in, 0, 0, 640, 480, 0, INPUT_LEFT);
	assert_int_equal(g->moves, 1);
	assert_int_equal(g->dx, 0);
	assert_int_equal(g->buttons, INPUT_LEFT);
}

static void test_edges_push_further(void **state)
{
	struct guest *g = *state;

	input_absolute(g->in, 100, 100, 640, 480, 0, 0);
	input_absolute(g->in, 0, 100, 640, 480, 0, 0);
	assert_true(g->dx < -100);
	assert_int_equal(g->dy, 0);
	input_absolute(g->in, 639, 479, 640, 480, 0, 0);
	assert_true(g->dx > 639);
	assert_true(g->dy > 379);
	input_absolute(g->in, 639, 479, 640, 480, 0, INPUT_LEFT); /* a click does not move */
	assert_int_equal(g->dx, 0);
	assert_int_equal(g->dy, 0);
}

static void test_positions_outside_are_clipped(void **state)
{
	struct guest *g = *state;

	input_absolute(g->in, 600, 400, 640, 480, 0, 0);
	input_absolute(g->in, 0x7fffffff, -0x7fffffff, 640, 480, 0, 0);
	assert_in_range(g->dx, 39, 200);
	assert_in_range(-g->dy, 400, 600);
	input_absolute(g->in, 5, 5, 0, 0, 0, INPUT_LEFT); /* no picture: no event */
	assert_int_equal(g->moves, 1);
	input_absolute(g->in, 1, 1, 0xffffffffu, 0xffffffffu, 0, 0);
	input_absolute(g->in, 0x7fffffff, 0x7fffffff, 0xffffffffu, 0xffffffffu, 0, 0);
	assert_in_range(g->dx, 1, 40000);
}

static void test_new_size_starts_over(void **state)
{
	struct guest *g = *state;

	input_absolute(g->in, 100, 100, 640, 480, 0, 0);
	input_absolute(g->in, 300, 300, 800, 600, 0, 0);
	assert_int_equal(g->moves, 0);
	input_absolute(g->in, 301, 300, 800, 600, 0, 0);
	assert_int_equal(g->dx, 1);
}

static void test_release_all(void **state)
{
	struct guest *g = *state;

	input_key(g->in, 0x1d, true);
	input_key(g->in, 0xd3, true);
	input_relative(g->in, 0, 0, 0, INPUT_LEFT | INPUT_MIDDLE);
	input_release_all(g->in);
	assert_false(g->down[0x1d]);
	assert_false(g->down[0xd3]);
	assert_int_equal(g->keys, 4);
	assert_int_equal(g->buttons, 0);
	input_release_all(g->in); /* nothing is down: nothing is sent */
	assert_int_equal(g->keys, 4);
	assert_int_equal(g->moves, 2);
}

struct lights {
	struct input_watcher w; /* first */
	int changes;
};

static void on_leds(struct input_watcher *w)
{
	((struct lights *)w)->changes++;
}

static void test_leds(void **state)
{
	struct lights a = {.w.changed = on_leds}, b = {.w.changed = on_leds};
	struct guest *g = *state;

	assert_int_equal(input_leds(g->in), 0);
	input_watch_leds(g->in, &a.w);
	input_watch_leds(g->in, &b.w);
	input_set_leds(g->in, INPUT_LED_CAPS);
	assert_int_equal(input_leds(g->in), INPUT_LED_CAPS);
	input_set_leds(g->in, INPUT_LED_CAPS); /* no change */
	assert_int_equal(a.changes, 1);
	assert_int_equal(b.changes, 1);
	input_unwatch_leds(g->in, &a.w);
	input_unwatch_leds(g->in, &a.w);
	input_set_leds(g->in, 0);
	assert_int_equal(a.changes, 1);
	assert_int_equal(b.changes, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relative, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absolute_becomes_movement, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_position_with_a_button, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edges_push_further, setup, teardown),
		cmocka_unit_test_setup_teardown(test_positions_outside_are_clipped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_new_size_starts_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_release_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leds, setup, teardown),
	};

	return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
