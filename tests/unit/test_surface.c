// SPDX-License-Identifier: GPL-2.0-only
/* The surface: damage, viewers, and who is told what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ui/surface.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct watcher {
	struct surface_viewer v; /* first */
	int told;
};

static void on_changed(struct surface_viewer *v)
{
	((struct watcher *)v)->told++;
}

static void watch(struct surface *s, struct watcher *w)
{
	memset(w, 0, sizeof(*w));
	w->v.changed = on_changed;
	surface_attach(s, &w->v);
}

static void paint(struct surface *s, int x, int y, unsigned width, unsigned height)
{
	unsigned w, h, stride;

	surface_begin(s, &w, &h, &stride);
	surface_damage(s, x, y, width, height);
	surface_end(s);
}

/* Takes the damage; its box, or all -1 for none. */
static pixman_box32_t take(struct surface *s, struct watcher *w)
{
	pixman_box32_t box = {-1, -1, -1, -1};
	struct surface_look look;
	pixman_region32_t r;

	pixman_region32_init(&r);
	surface_take(s, &w->v, &r, &look);
	surface_release(s);
	if (pixman_region32_not_empty(&r))
		box = *pixman_region32_extents(&r);
	pixman_region32_fini(&r);
	return box;
}

#define assert_box(b, a1, a2, a3, a4)                                                              \
	do {                                                                                       \
		pixman_box32_t b_ = (b);                                                           \
		assert_int_equal(b_.x1, a1);                                                       \
		assert_int_equal(b_.y1, a2);                                                       \
		assert_int_equal(b_.x2, a3);                                                       \
		assert_int_equal(b_.y2, a4);                                                       \
	} while (0)

static int setup(void **state)
{
	*state = surface_create();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	surface_destroy(*state);
	return 0;
}

static void test_starts_black(void **state)
{
	unsigned w, h, stride, x, y, sum = 0;
	uint32_t *p = surface_begin(*state, &w, &h, &stride);

	assert_int_equal(w, 720);
	assert_int_equal(h, 400);
	assert_true(stride >= w);
	for (y = 0; y < h; y++)
		for (x = 0; x < w; x++)
			sum |= p[(size_t)y * stride + x];
	assert_int_equal(sum, 0);
	surface_end(*state);
}

static void test_first_look_is_everything(void **state)
{
	struct watcher w;

	watch(*state, &w);
	assert_box(take(*state, &w), 0, 0, 720, 400);
	assert_box(take(*state, &w), -1, -1, -1, -1);
	surface_detach(*state, &w.v);
}

static void test_damage_adds_up_and_tells_once(void **state)
{
	struct watcher w;

	watch(*state, &w);
	take(*state, &w);
	w.told = 0;
	paint(*state, 10, 20, 5, 5);
	assert_int_equal(w.told, 1);
	paint(*state, 100, 50, 10, 10);
	assert_int_equal(w.told, 1);
	assert_box(take(*state, &w), 10, 20, 110, 60);
	paint(*state, 1, 1, 1, 1);
	assert_int_equal(w.told, 2);
	assert_box(take(*state, &w), 1, 1, 2, 2);
	surface_detach(*state, &w.v);
}

static void test_damage_is_clipped(void **state)
{
	struct watcher w;

	watch(*state, &w);
	take(*state, &w);
	w.told = 0;
	paint(*state, 720, 0, 10, 10);
	paint(*state, 0, 400, 10, 10);
	paint(*state, -10, -10, 10, 10);
	paint(*state, 5, 5, 0, 10);
	assert_int_equal(w.told, 0);
	assert_box(take(*state, &w), -1, -1, -1, -1);
	paint(*state, -5, -7, 10, 10);
	assert_box(take(*state, &w), 0, 0, 5, 3);
	paint(*state, 700, 390, 0xffffffffu, 0xffffffffu);
	assert_box(take(*state, &w), 700, 390, 720, 400);
	paint(*state, INT32_MIN, INT32_MIN, 0xffffffffu, 0xffffffffu);
	assert_box(take(*state, &w), 0, 0, 720, 400);
	surface_detach(*state, &w.v);
}

static void test_viewers_have_their_own_damage(void **state)
{
	struct watcher a, b;

	watch(*state, &a);
	watch(*state, &b);
	take(*state, &a);
	paint(*state, 3, 4, 5, 6);
	assert_box(take(*state, &a), 3, 4, 8, 10);
	assert_box(take(*state, &b), 0, 0, 720, 400);
	surface_detach(*state, &a.v);
	a.told = 0;
	paint(*state, 1, 2, 3, 4);
	assert_int_equal(a.told, 0);
	assert_box(take(*state, &b), 1, 2, 4, 6);
	surface_detach(*state, &b.v);
}

static void test_resize(void **state)
{
	struct surface_look look;
	struct watcher w;

	watch(*state, &w);
	take(*state, &w);
	w.told = 0;
	assert_int_equal(surface_resize(*state, 0, 10), -EINVAL);
	assert_int_equal(surface_resize(*state, 10, 0), -EINVAL);
	assert_int_equal(surface_resize(*state, SURFACE_MAX_WIDTH + 1, 10), -EINVAL);
	assert_int_equal(surface_resize(*state, 10, SURFACE_MAX_HEIGHT + 1), -EINVAL);
	assert_int_equal(w.told, 0);
	paint(*state, 700, 390, 20, 10);
	assert_int_equal(surface_resize(*state, 64, 48), 0);
	assert_int_equal(w.told, 1);
	assert_box(take(*state, &w), 0, 0, 64, 48);
	surface_take(*state, NULL, NULL, &look);
	assert_int_equal(look.width, 64);
	assert_int_equal(look.height, 48);
	assert_int_equal(look.pixels[47 * look.stride + 63], 0);
	surface_release(*state);
	surface_detach(*state, &w.v);
}

static void test_resize_blackens(void **state)
{
	struct surface_look look;
	unsigned w, h, stride;
	uint32_t *p = surface_begin(*state, &w, &h, &stride);

	p[0] = 0xffffff;
	surface_end(*state);
	assert_int_equal(surface_resize(*state, w, h), 0);
	surface_take(*state, NULL, NULL, &look);
	assert_int_equal(look.pixels[0], 0);
	surface_release(*state);
}

/* A painter who draws thousands of specks must not make every viewer keep them apart. */
static void test_ragged_damage_stays_small(void **state)
{
	struct surface_look look;
	pixman_region32_t r;
	struct watcher w;
	int x, y;

	watch(*state, &w);
	take(*state, &w);
	for (y = 0; y < 400; y += 8)
		for (x = 0; x < 720; x += 8)
			paint(*state, x, y, 1, 1);
	pixman_region32_init(&r);
	surface_take(*state, &w.v, &r, &look);
	surface_release(*state);
	assert_true(pixman_region32_n_rects(&r) <= 64);
	for (y = 0; y < 400; y += 8)
		for (x = 0; x < 720; x += 8)
			assert_true(pixman_region32_contains_point(&r, x, y, NULL));
	pixman_region32_fini(&r);
	surface_detach(*state, &w.v);
}

static void on_watched(void *arg, bool watched)
{
	int *calls = arg;

	calls[watched]++;
}

static void test_painter_hears_of_first_and_last(void **state)
{
	struct watcher a, b;
	int calls[2] = {0, 0};

	surface_set_painter(*state, on_watched, calls);
	watch(*state, &a);
	assert_int_equal(calls[1], 1);
	watch(*state, &b);
	assert_int_equal(calls[1], 1);
	surface_detach(*state, &a.v);
	assert_int_equal(calls[0], 0);
	surface_detach(*state, &b.v);
	assert_int_equal(calls[0], 1);
	surface_detach(*state, &b.v); /* not attached: nothing happens */
	assert_int_equal(calls[0], 1);
	watch(*state, &a);
	assert_int_equal(calls[1], 2);
	surface_detach(*state, &a.v);
}

/* The painter may look at the surface from its callback: no lock of the leaf's is held. */
static void paint_when_watched(void *arg, bool watched)
{
	if (watched)
		paint(arg, 0, 0, 1, 1);
}

static void test_callbacks_may_paint(void **state)
{
	struct watcher w;

	surface_set_painter(*state, paint_when_watched, *state);
	watch(*state, &w);
	assert_box(take(*state, &w), 0, 0, 720, 400);
	surface_detach(*state, &w.v);
}

static void on_changed_slowly(struct surface_viewer *v)
{
	sched_yield();
	usleep(20);
	((struct watcher *)v)->told++;
}

struct race {
	struct surface *s;
	atomic_bool stop;
};

static void *keep_painting(void *arg)
{
	struct race *r = arg;
	unsigned n = 0;

	while (!r->stop) {
		paint(r->s, (int)(n % 700), (int)(n % 390), 9, 9);
		if (n++ % 256 == 0)
			surface_resize(r->s, 700 + n % 40, 390 + n % 30);
	}
	return NULL;
}

/* A viewer that has been detached is not called any more, even if its memory is used again. */
static void test_detach_while_painting(void **state)
{
	struct race r = {.s = *state};
	struct watcher *w;
	pthread_t t;
	int i;

	assert_int_equal(pthread_create(&t, NULL, keep_painting, &r), 0);
	for (i = 0; i < 1000; i++) {
		w = calloc(1, sizeof(*w));
		w->v.changed = on_changed_slowly;
		surface_attach(*state, &w->v);
		take(*state, w);
		surface_detach(*state, &w->v);
		memset(w, 0xa5, sizeof(*w));
		free(w);
	}
	r.stop = true;
	pthread_join(t, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_starts_black, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_look_is_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage_adds_up_and_tells_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_damage_is_clipped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_viewers_have_their_own_damage, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_resize, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resize_blackens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ragged_damage_stays_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_painter_hears_of_first_and_last, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_callbacks_may_paint, setup, teardown),
		cmocka_unit_test_setup_teardown(test_detach_while_painting, setup, teardown),
	};

	return cmocka_run_group_tests_name("surface", tests, NULL, NULL);
}
