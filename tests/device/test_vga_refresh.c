// SPDX-License-Identifier: GPL-2.0-only
/* When the display adapter draws: not when nobody looks, and seldom when nothing changes. */
#include "vga_look.h"

static void test_nobody_looks(void **state)
{
	struct vga_rig *t = *state;

	use_log(t);
	start_text(t);
	set_crtc(t, 0x0a, 13);
	assert_false(rig_timer_armed(t->r));
	set_vbe_mode(t, 640, 480, 32);
	assert_false(rig_timer_armed(t->r));
	vga_set_watched(t->vga, true);
	guest_writes(t, 0, 1);
	assert_true(rig_timer_armed(t->r));
	vga_set_watched(t->vga, false);
	assert_false(rig_timer_armed(t->r));
	rig_write(t->r, A0000, 1, 1);
	assert_false(rig_timer_armed(t->r));
	t->fetches = 0;
	rig_advance(t->r, 10 * NS_PER_SEC);
	assert_int_equal(t->fetches, 0);
	rig_reset(t->r);
	assert_false(rig_timer_armed(t->r));
}

static void test_text_is_still(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	vga_set_watched(t->vga, true);
	rig_advance(t->r, NS_PER_SEC);
	assert_false(rig_timer_armed(t->r)); /* nothing blinks: nothing to wait for */
	put(t, 5, 'x', 0x0f);
	assert_true(rig_timer_armed(t->r));
	rig_advance(t->r, 35 * NS_PER_MS);
	look(t);
	check_cell(45, 0, 'x', 0, text_rgb(15), text_rgb(0));
	assert_false(rig_timer_armed(t->r));
	put(t, 24 * 80 + 79, 'y', 0x0f); /* the last one that shows, alone */
	rig_advance(t->r, 35 * NS_PER_MS);
	look(t);
	check_cell(79 * 9, 24 * 16, 'y', 0, text_rgb(15), text_rgb(0));
	put(t, 5, 'x', 0x8f);
	rig_advance(t->r, 35 * NS_PER_MS);
	assert_true(rig_timer_armed(t->r)); /* it blinks now */
	set_screen(t, false);
	rig_advance(t->r, 35 * NS_PER_MS);
	assert_false(rig_timer_armed(t->r));
}

/* Counts the firings of whatever timer there is. */
static unsigned wakeups(struct vga_rig *t, uint64_t ns)
{
	struct clock *c = &t->r->m->clock;
	uint64_t end = rig_now(t->r) + ns;
	unsigned n = 0;

	while (c->timers && c->timers->when <= end) {
		rig_advance(t->r, c->timers->when - rig_now(t->r));
		n++;
	}
	rig_advance(t->r, end - rig_now(t->r));
	return n;
}

static void test_cursor_wakes_seldom(void **state)
{
	struct vga_rig *t = *state;

	start_text(t);
	set_crtc(t, 0x0a, 13);
	vga_set_watched(t->vga, true);
	wakeups(t, NS_PER_SEC);
	assert_in_range(wakeups(t, 10 * NS_PER_SEC), 18, 20);
	set_crtc(t, 0x0a, CURSOR_OFF_BIT);
	put(t, 0, 'b', 0x87); /* attributes blink at half the rate */
	wakeups(t, NS_PER_SEC);
	assert_in_range(wakeups(t, 10 * NS_PER_SEC), 9, 10);
	put(t, 0, 'b', 7);
	set_crtc(t, 0x0a, 20); /* below the characters: not to be seen */
	set_crtc(t, 0x0b, 25);
	wakeups(t, NS_PER_SEC);
	assert_int_equal(wakeups(t, 10 * NS_PER_SEC), 0);
}

/* Another adapter for the rest of the test: another generation. */
static struct vga_rig *restart(void **state, enum vram_mode mode, uint64_t idle_ns)
{
	vga_rig_free(*state);
	return *state = vga_rig_tracking(mode, idle_ns);
}

/* Without rest: sixty looks a second while the picture changes, ten when nothing does. */
static void check_pace(struct vga_rig *t)
{
	unsigned n = 0;

	set_vbe_mode(t, 640, 480, 32);
	vga_set_watched(t->vga, true);
	wakeups(t, NS_PER_SEC);
	assert_in_range(wakeups(t, 10 * NS_PER_SEC), 98, 102);
	guest_writes(t, 4 * 640 * 100, 0x77); /* seen within a tenth of a second */
	rig_advance(t->r, 101 * NS_PER_MS);
	look(t);
	assert_int_equal(pixel(0, 100), 0x77);
	for (unsigned i = 1; i <= 120; i++) {
		guest_writes(t, 0, i);
		if (i <= 20) /* that it is a sequence is known a tenth of a second later */
			wakeups(t, 10 * NS_PER_MS);
		else
			n += wakeups(t, 10 * NS_PER_MS);
	}
	assert_in_range(n, 58, 62);
	wakeups(t, NS_PER_SEC);
	set_vbe(t, Y_OFFSET, 50); /* a register: within a frame */
	rig_advance(t->r, 17 * NS_PER_MS);
	look(t);
	assert_int_equal(pixel(0, 50), 0x77);
	set_screen(t, false); /* nothing to see, nothing to do */
	wakeups(t, NS_PER_SEC);
	assert_false(rig_timer_armed(t->r));
}

static void test_compare(void **state)
{
	struct vga_rig *t = restart(state, VRAM_COMPARE, 0);

	use_log(t);
	check_pace(t);
	assert_int_equal(t->fetches, 0);
	assert_string_equal(vga_tracking(t->vga), "off");
}

static void test_log(void **state)
{
	struct vga_rig *t = restart(state, VRAM_LOG, 0);

	use_log(t);
	check_pace(t);
	assert_false(t->look.rest);
}

static void start_linear(struct vga_rig *t)
{
	use_log(t);
	set_vbe_mode(t, 640, 480, 32);
	vga_set_watched(t->vga, true);
	wakeups(t, NS_PER_SEC);
}

static void test_rest(void **state)
{
	struct vga_rig *t = *state;

	start_linear(t);
	assert_string_equal(vga_tracking(t->vga), "idle");
	assert_int_equal(t->look.off, 0);
	assert_int_equal(t->look.len, 2 << 20);
	assert_false(rig_timer_armed(t->r));
	guest_writes(t, 4 * 640 * 100, 0x77);
	assert_string_equal(vga_tracking(t->vga), "active");
	t->fetches = 0;
	rig_advance(t->r, 3 * NS_PER_MS); /* soon, and no second time */
	look(t);
	assert_int_equal(pixel(0, 100), 0x77);
	assert_int_equal(t->fetches, 2);
	assert_false(rig_timer_armed(t->r));
	set_vbe(t, Y_OFFSET, 820);
	rig_advance(t->r, 17 * NS_PER_MS);
	assert_int_equal(t->look.off, 2 << 20); /* the part that shows now */
	wakeups(t, NS_PER_SEC);
	assert_false(rig_timer_armed(t->r));
}

/* What changes quickly is looked at frame by frame, and rests one frame after the last change. */
static void test_sequence(void **state)
{
	struct vga_rig *t = *state;
	unsigned n = 0;

	start_linear(t);
	t->fetches = 0;
	for (unsigned i = 1; i <= 200; i++) {
		guest_writes(t, 0, i);
		n += wakeups(t, 5 * NS_PER_MS);
	}
	assert_in_range(n, 58, 62);
	assert_in_range(t->fetches, n, n + 1);
	assert_in_range(wakeups(t, NS_PER_SEC), 1, 2);
	assert_false(rig_timer_armed(t->r));
}

/* Where rest is dear, it begins after some time, and until then looks become rare. */
static void test_late_rest(void **state)
{
	struct vga_rig *t = restart(state, VRAM_IDLE, 2 * NS_PER_SEC);

	start_linear(t);
	assert_int_equal(t->look.idle_ns, 2 * NS_PER_SEC);
	guest_writes(t, 0, 1);
	t->fetches = 0;
	rig_advance(t->r, 3 * NS_PER_MS);
	assert_int_equal(t->fetches, 1);
	wakeups(t, NS_PER_SEC);
	assert_false(rig_timer_armed(t->r));
}

/* A cursor that blinks too often for that: no look between two changes but one. */
static void test_seldom(void **state)
{
	struct vga_rig *t = restart(state, VRAM_LOG, 0);
	unsigned n = 0;

	start_linear(t);
	for (unsigned i = 1; i <= 50; i++) {
		guest_writes(t, 0, i);
		n += wakeups(t, 204 * NS_PER_MS);
	}
	assert_in_range(n, 100, 104);
	look(t);
	assert_int_equal(pixel(0, 0), 50);
}

/* A picture is asked for before it is told that rest is over: then nothing tells of it any more. */
static void test_picture_after_rest(void **state)
{
	struct vga_rig *t = *state;

	start_linear(t);
	t->idle = false; /* the write has ended it, and nobody has heard of that yet */
	guest_writes(t, 0, 1);
	assert_false(rig_timer_armed(t->r));
	vga_refresh(t->vga);
	assert_true(rig_timer_armed(t->r));
}

/* Nobody looks: the next write may be told, once, and nothing comes of it. */
static void test_rest_without_viewers(void **state)
{
	struct vga_rig *t = *state;

	start_linear(t);
	vga_set_watched(t->vga, false);
	t->fetches = 0;
	guest_writes(t, 0, 1);
	assert_false(rig_timer_armed(t->r));
	rig_advance(t->r, NS_PER_SEC);
	assert_int_equal(t->fetches, 0);
	refresh(t); /* a screenshot does not wait for changes */
	assert_false(t->look.rest);
	assert_int_equal(pixel(0, 0), 1);
}

/* Only pages that the log names are looked at; a viewer who comes sees all the same. */
static void test_log_is_believed(void **state)
{
	struct vga_rig *t = *state;

	use_log(t);
	set_vbe_mode(t, 1024, 768, 32);
	vga_set_watched(t->vga, true);
	wakeups(t, NS_PER_SEC);
	t->vram[4096 * 10] = 0x55; /* unknown to the log */
	guest_writes(t, 4096 * 20, 0x66);
	wakeups(t, NS_PER_SEC);
	look(t);
	assert_int_equal(pixel(0, 10), 0);
	assert_int_equal(pixel(0, 20), 0x66);
	vga_set_watched(t->vga, false);
	vga_set_watched(t->vga, true);
	look(t);
	assert_int_equal(pixel(0, 10), 0x55);
	vga_set_watched(t->vga, false); /* nor does a screenshot rely on it, with nobody watching */
	t->vram[4096 * 10] = 0x77;
	refresh(t);
	assert_int_equal(pixel(0, 10), 0x77);
	vga_set_watched(t->vga, true);
	set_vbe_mode(t, 1024, 768, 32); /* the same mode again clears the screen */
	wakeups(t, NS_PER_SEC);
	look(t);
	assert_int_equal(pixel(0, 10), 0);
	assert_int_equal(pixel(0, 20), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, vga_rig_setup, look_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nobody_looks),
		TEST(test_text_is_still),
		TEST(test_cursor_wakes_seldom),
		TEST(test_compare),
		TEST(test_log),
		TEST(test_rest),
		TEST(test_sequence),
		TEST(test_late_rest),
		TEST(test_seldom),
		TEST(test_picture_after_rest),
		TEST(test_rest_without_viewers),
		TEST(test_log_is_believed),
	};

	return cmocka_run_group_tests_name("vga_refresh", tests, NULL, NULL);
}
