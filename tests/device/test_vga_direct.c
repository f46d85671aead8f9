// SPDX-License-Identifier: GPL-2.0-only
/* Text and fonts that the guest writes without an exit. */
#include "vga_look.h"

enum { MANY = 100000, WINDOW = 0x8000 };

static void set_text_mode(struct vga_rig *t)
{
	rig_out8(t->r, 0x3c2, mode_3.misc);
	for (unsigned i = 0; i < 5; i++)
		set_seq(t, i, mode_3.seq[i]);
	for (unsigned i = 0; i < 9; i++)
		set_gfx(t, i, mode_3.gfx[i]);
}

/* Plane 2 alone, as a BIOS loads fonts. */
static void set_font_mode(struct vga_rig *t)
{
	set_text_mode(t);
	set_seq(t, 2, 4);
	set_seq(t, 4, 6);
	set_gfx(t, 4, 2);
	set_gfx(t, 5, 0);
	set_gfx(t, 6, 4);
}

static bool is_direct_at(struct vga_rig *t, uint32_t addr)
{
	return space_find(machine_mem(t->r->m), addr)->region->kind == REGION_RAM;
}

static bool is_direct(struct vga_rig *t)
{
	return is_direct_at(t, B8000) || is_direct_at(t, A0000);
}

/* As a guest does that clears its screen. */
static void write_until_direct(struct vga_rig *t)
{
	set_text_mode(t);
	for (unsigned i = 0; i < MANY && !is_direct(t); i++)
		rig_write(t->r, B8000 + i % 4000 * 2, 0x0700 | (i & 0xff), 2);
	assert_true(is_direct(t));
}

static void test_comes_for_a_busy_guest(void **state)
{
	struct vga_rig *t = *state;

	set_text_mode(t);
	rig_write(t->r, B8000, 0x0741, 2);
	assert_false(is_direct(t));
	write_until_direct(t);
	assert_int_equal(rig_read(t->r, B8000 + 2, 2), 0x0701);
	rig_write(t->r, B8000 + 2, 0x1e42, 2);
	assert_int_equal(rig_read(t->r, B8000 + 2, 2), 0x1e42);
	assert_int_equal(rig_read(t->r, 0xb7fff, 1), 0xff);
}

static void test_goes_with_the_registers(void **state)
{
	static const struct { uint16_t port; uint8_t index, val; } other[] = {
		{ 0x3c4, 2, 4 }, { 0x3c4, 4, 6 }, { 0x3ce, 1, 1 }, { 0x3ce, 3, 8 }, { 0x3ce, 4, 2 },
		{ 0x3ce, 5, 0 }, { 0x3ce, 5, 0x11 }, { 0x3ce, 6, 0 }, { 0x3ce, 8, 0x7f },
	};
	struct vga_rig *t = *state;

	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
		write_until_direct(t);
		rig_write(t->r, B8000 + 10, 0xa500 | i, 2);
		rig_out16(t->r, other[i].port, other[i].val << 8 | other[i].index);
		assert_false(is_direct(t));
		assert_int_equal(planes(t, 5) & 0xffff, 0xa500 | i);
	}
	write_until_direct(t);
	rig_write(t->r, B8000 + 10, 0x5aa5, 2);
	rig_out8(t->r, 0x3c2, mode_3.misc & ~2); /* memory off */
	assert_int_equal(planes(t, 5) & 0xffff, 0x5aa5);
	assert_int_equal(rig_read(t->r, B8000, 1), 0xff);
}

static void test_goes_with_a_vbe_mode(void **state)
{
	struct vga_rig *t = *state;

	write_until_direct(t);
	rig_write(t->r, B8000, 0x0741, 2);
	rig_write(t->r, LFB + 4, 0x11223344, 4); /* a driver that fills the screen beforehand */
	set_vbe(t, XRES, 640);
	set_vbe(t, YRES, 480);
	set_vbe(t, BPP, 32);
	set_vbe(t, ENABLE, 0xc1); /* without clearing memory */
	assert_false(is_direct(t));
	assert_int_equal(rig_read(t->r, LFB, 2), 0x0741);
	assert_int_equal(rig_read(t->r, LFB + 4, 4), 0x11223344);
}

static void test_fonts(void **state)
{
	struct vga_rig *t = *state;

	memset(t->vram, 0x11, VRAM_LEN);
	set_font_mode(t);
	for (unsigned i = 0; i < 8192; i++)
		rig_write(t->r, A0000 + i, i ^ i >> 8, 1);
	assert_true(is_direct_at(t, A0000));
	assert_false(is_direct_at(t, B8000));
	assert_int_equal(rig_read(t->r, A0000 + 4000, 2), 0xae << 8 | 0xaf);
	set_gfx(t, 5, 0x10); /* on the way back to text */
	assert_false(is_direct(t));
	for (unsigned i = 0; i < 8192; i++)
		assert_int_equal(planes(t, i), 0x11001111 | ((i ^ i >> 8) & 0xff) << 16);
	assert_int_equal(planes(t, 8192), 0x11111111);
	set_font_mode(t);
	set_seq(t, 2, 6); /* two planes at once: never */
	for (unsigned i = 0; i < MANY; i++)
		rig_write(t->r, A0000, i, 1);
	assert_false(is_direct(t));
}

static void test_viewers_see_it(void **state)
{
	struct vga_rig *t = *state;

	write_until_direct(t);
	rig_write(t->r, B8000 + 6, 0x1742, 2);
	assert_int_not_equal(planes(t, 3) & 0xffff, 0x1742);
	vga_refresh(t->vga); /* a screenshot */
	assert_int_equal(planes(t, 3) & 0xffff, 0x1742);
	assert_true(is_direct(t));
	rig_write(t->r, B8000 + 6, 0x1743, 2);
	vga_set_watched(t->vga, true);
	assert_false(is_direct(t));
	assert_int_equal(planes(t, 3) & 0xffff, 0x1743);
	for (unsigned i = 0; i < MANY; i++)
		rig_write(t->r, B8000, i & 0xffff, 2);
	assert_false(is_direct(t));
	vga_set_watched(t->vga, false);
	write_until_direct(t);
}

static void test_its_letters_are_read(void **state)
{
	struct vga_rig *t = *state;
	struct vga_screen s;

	set_mode(t, &mode_3);
	write_until_direct(t);
	for (unsigned i = 0; i < 80; i++)
		rig_write(t->r, B8000 + i * 2, 0x0700 | (i < 5 ? "hello"[i] : ' '), 2);
	assert_int_equal(vga_read_screen(t->vga, &s), 0);
	assert_memory_equal(s.text, "hello\n", 6);
	free(s.text);
	assert_true(is_direct(t));
}

static void test_reset_keeps_the_planes(void **state)
{
	struct vga_rig *t = *state;

	write_until_direct(t);
	rig_write(t->r, B8000 + 8, 0x0755, 2);
	rig_reset(t->r);
	assert_false(is_direct(t));
	assert_int_equal(planes(t, 4) & 0xffff, 0x0755);
	write_until_direct(t);
	vga_refresh(t->vga);
	rig_check_saved_state(t->r);
	assert_false(is_direct(t));
}

/* A guest that goes back and forth all the time is left alone sooner or later. */
static void test_patience(void **state)
{
	struct vga_rig *t = *state;
	unsigned came = 0;

	for (unsigned n = 0; n < 300; n++) {
		set_text_mode(t);
		for (unsigned i = 0; i < 200; i++)
			rig_write(t->r, B8000 + i * 2, n + i, 2);
		came += is_direct(t);
		set_gfx(t, 6, 0);
	}
	assert_in_range(came, 1, 12);
}

/* The same accesses to two adapters, of which one is watched without rest and so never direct. */
static void test_no_guest_can_tell(void **state)
{
	struct vga_rig *t = *state, *w = vga_rig_tracking(VRAM_LOG, 0);
	unsigned seed = 1, seen = 0;
	uint32_t base = 0;

	vga_set_watched(w->vga, true);
	for (unsigned n = 0; n < MANY; n++) {
		unsigned r = rand_r(&seed), off = rand_r(&seed) % (WINDOW - 8), size = 1u << r % 4;
		uint64_t val = (uint64_t)rand_r(&seed) << 32 | rand_r(&seed);

		if (n % 5000 == 0) {
			base = n / 5000 & 1 ? A0000 : B8000;
			(base == A0000 ? set_font_mode : set_text_mode)(t);
			(base == A0000 ? set_font_mode : set_text_mode)(w);
		} else if (n % 5000 == 4990) {
			uint16_t port = r & 16 ? 0x3c4 : 0x3ce;
			uint16_t word = (val & 0xff) << 8 | (r >> 8 & 7);

			rig_out16(t->r, port, word);
			rig_out16(w->r, port, word);
		} else if (r & 32) {
			rig_write(t->r, base + off, val, size);
			rig_write(w->r, base + off, val, size);
		} else if (n % 5000 < 4990) { /* later ones see latches of other reads */
			assert_true(rig_read(t->r, base + off, size) ==
				    rig_read(w->r, base + off, size));
		}
		seen += is_direct(t);
		if (n % 5000 == 4980) {
			vga_refresh(t->vga);
			assert_memory_equal(t->vram, w->vram, VRAM_LEN);
		}
		if (n % 5000 == 4999) { /* registers may have used latches: begin anew */
			set_gfx(t, 6, 0);
			memcpy(t->vram, w->vram, VRAM_LEN);
		}
	}
	assert_true(seen > MANY / 4);
	vga_rig_free(w);
}

/* --- while somebody looks --- */

/* A text screen that has come to rest, direct. */
static void start_watched(struct vga_rig *t)
{
	use_log(t);
	start_text(t);
	vga_set_watched(t->vga, true);
	for (unsigned i = 0; i < MANY && !text_is_direct(t); i++)
		put(t, i % 2000, i % 2000 * 7, WHITE);
	assert_true(text_is_direct(t));
	rig_advance(t->r, NS_PER_SEC);
	assert_false(rig_timer_armed(t->r));
	assert_true(t->idle);
}

static void test_rests_while_watched(void **state)
{
	struct vga_rig *t = *state;

	start_watched(t);
	assert_string_equal(vga_tracking(t->vga), "idle");
	t->fetches = 0;
	put(t, 5, 'x', 0x0f);
	assert_string_equal(vga_tracking(t->vga), "active");
	rig_advance(t->r, 3 * NS_PER_MS); /* soon, and at rest again */
	look(t);
	check_cell(45, 0, 'x', 0, text_rgb(15), text_rgb(0));
	assert_int_equal(t->fetches, 2);
	assert_false(rig_timer_armed(t->r));
	assert_true(t->idle);
	assert_true(text_is_direct(t));
	for (unsigned i = 0; i < 200; i++) { /* frame by frame, and nothing in between */
		put(t, 80, i, 0x0f);
		rig_advance(t->r, 5 * NS_PER_MS);
	}
	assert_in_range(t->fetches, 60, 66);
	rig_advance(t->r, 50 * NS_PER_MS);
	look(t);
	check_cell(0, 16, 199, 0, text_rgb(15), text_rgb(0));
	assert_false(rig_timer_armed(t->r));
}

/* The cursor goes on blinking while memory rests, and its beat does not stop while it changes. */
static void test_cursor_beside_rest(void **state)
{
	struct vga_rig *t = *state;
	uint64_t frames;

	start_watched(t);
	set_crtc(t, 0x0a, 13);
	rig_advance(t->r, NS_PER_SEC);
	frames = vga_frames(t->vga);
	t->fetches = 0;
	rig_advance(t->r, 10 * NS_PER_SEC);
	assert_in_range(vga_frames(t->vga) - frames, 18, 20);
	assert_int_equal(t->fetches, 0);
	assert_true(t->idle);
	assert_string_equal(vga_tracking(t->vga), "idle");
	put(t, 81, 'y', 0x0f);
	rig_advance(t->r, 3 * NS_PER_MS);
	look(t);
	check_cell(9, 16, 'y', 0, text_rgb(15), text_rgb(0));
}

static void test_who_may_look(void **state)
{
	struct vga_rig *t = *state;

	write_until_direct(t);
	vga_set_watched(t->vga, true); /* no log */
	assert_false(is_direct(t));
	use_log(t);
	for (unsigned mode = VRAM_COMPARE; mode <= VRAM_IDLE; mode++) {
		vga_rig_free(t);
		*state = t = vga_rig_tracking(mode, 0);
		use_log(t);
		start_text(t);
		write_until_direct(t);
		vga_set_watched(t->vga, true);
		assert_true(is_direct(t) == (mode == VRAM_IDLE));
		assert_true(!strcmp(vga_tracking(t->vga), "trapped") == (mode != VRAM_IDLE));
	}
	set_gfx(t, 6, 0x0f); /* graphics of the same bytes */
	assert_true(is_direct(t));
	rig_advance(t->r, 20 * NS_PER_MS);
	assert_false(is_direct(t));
	assert_string_equal(vga_tracking(t->vga), "trapped");
	for (unsigned i = 0; i < MANY; i++)
		rig_write(t->r, B8000, i & 0xffff, 2);
	assert_false(is_direct(t));
	set_font_mode(t);
	for (unsigned i = 0; i < MANY; i++)
		rig_write(t->r, A0000, i & 0xff, 1);
	assert_false(is_direct(t));
}

/* A screenshot may be the first to look after a write, before the display has been told. */
static void test_screenshot_ends_no_rest(void **state)
{
	struct vga_rig *t = *state;

	start_watched(t);
	t->idle = false;
	put(t, 7, 'z', 0x0f);
	refresh(t);
	check_cell(63, 0, 'z', 0, text_rgb(15), text_rgb(0));
	put(t, 8, 'z', 0x0f);
	rig_advance(t->r, 20 * NS_PER_MS);
	look(t);
	check_cell(72, 0, 'z', 0, text_rgb(15), text_rgb(0));
	rig_advance(t->r, 200 * NS_PER_MS);
	assert_false(rig_timer_armed(t->r));
}

/* One of many things that a guest does, to an adapter that is looked at and one that is not. */
static void random_step(struct vga_rig *t, unsigned what, uint32_t a, uint32_t b)
{
	switch (what) {
	case 0: /* registers */
		set_crtc(t, 0x0c + a % 4, b);
		break;
	case 1:
		set_crtc(t, 0x0a, b & 1 ? 13 : CURSOR_OFF_BIT);
		break;
	case 2:
		load_font(t, 0, a);
		break;
	case 3:
		set_screen(t, a & 1);
		break;
	case 4:
		set_vbe_mode(t, 320, 200, 8);
		for (unsigned i = 0; i < 10; i++)
			guest_writes(t, (a + i * 997) % 64000, b + i);
		break;
	case 5:
		set_gfx(t, 6, 0x0e | (a & 1)); /* as graphics, and back */
		break;
	case 6:
		set_vbe(t, ENABLE, 0);
		set_screen(t, true);
		set_gfx(t, 6, 0x0e);
		break;
	case 7: /* which also brings patience back */
		rig_reset(t->r);
		start_text(t);
		break;
	default: /* text */
		for (unsigned i = 0; i < a % 200; i++)
			guest_writes_text(t, (b + i * 2) % (WINDOW - 8), a * i, 1u << what % 4);
	}
}

/* What a viewer sees, to whom only changes are drawn, is what is there when all is drawn. */
static void test_viewers_miss_nothing(void **state)
{
	struct vga_rig *t = *state, *w = vga_rig_new();
	unsigned direct = 0, rests = 0;
	struct picture seen;
	uint32_t seed = 7;

	start_watched(t);
	use_log(w);
	start_text(w);
	for (unsigned i = 0; i < 2000; i++)
		put(w, i, i * 7, WHITE);
	rig_advance(w->r, rig_now(t->r) - rig_now(w->r));
	for (unsigned n = 0; n < 500; n++) {
		bool rest = t->idle;

		for (unsigned i = 1 + vga_random(&seed) % 3; i > 0; i--) {
			unsigned what = vga_random(&seed) % 60;
			uint32_t a = vga_random(&seed), b = vga_random(&seed);

			random_step(t, what, a, b);
			random_step(w, what, a, b);
		}
		rig_advance(t->r, (rest ? 17 : 101) * NS_PER_MS);
		rig_advance(w->r, (rest ? 17 : 101) * NS_PER_MS);
		direct += text_is_direct(t);
		rests += rest && text_is_direct(t);
		look(t);
		seen = shown;
		shown.pixels = NULL;
		refresh(w);
		check_size(seen.width, seen.height);
		assert_memory_equal(seen.pixels, shown.pixels, seen.width * seen.height * 4);
		free(seen.pixels);
	}
	assert_true(direct > 100);
	assert_true(rests > 50);
	vga_rig_free(w);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, vga_rig_setup, look_teardown)
	const struct CMUnitTest tests[] = {
		T(test_comes_for_a_busy_guest),
		T(test_goes_with_the_registers),
		T(test_goes_with_a_vbe_mode),
		T(test_fonts),
		T(test_viewers_see_it),
		T(test_its_letters_are_read),
		T(test_reset_keeps_the_planes),
		T(test_patience),
		T(test_no_guest_can_tell),
		T(test_rests_while_watched),
		T(test_cursor_beside_rest),
		T(test_who_may_look),
		T(test_screenshot_ends_no_rest),
		T(test_viewers_miss_nothing),
	};

	return cmocka_run_group_tests_name("vga_direct", tests, NULL, NULL);
}
