// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drawing only what changed, held to drawing everything: after random writes the picture is what
 * a whole new drawing of video memory gives, and the damage is what differs, and no more.
 */
#include "vga_look.h"

enum { ROUNDS = 6, STEPS = 5, CELL = 9 * 16 };

struct scene {
	struct vga_rig *t;
	struct watcher w;
	uint32_t seed;
	uint32_t base, len; /* where random writes go: an address, or an offset in video memory */
	bool by_itself;	    /* the guest writes without our knowledge */
	unsigned writes;    /* in the last step */
};

static uint32_t roll(struct scene *s, uint32_t n)
{
	return vga_random(&s->seed) % n;
}

/* --- what changed, and what is said to have changed --- */

static pixman_box32_t changed_box(const struct picture *a, const struct picture *b)
{
	pixman_box32_t box = { INT32_MAX, INT32_MAX, 0, 0 };

	for (int y = 0; y < (int)a->height; y++)
		for (int x = 0; x < (int)a->width; x++) {
			size_t at = (size_t)y * a->width + (size_t)x;

			if (a->pixels[at] == b->pixels[at])
				continue;
			box.x1 = x < box.x1 ? x : box.x1;
			box.x2 = x + 1 > box.x2 ? x + 1 : box.x2;
			box.y1 = y < box.y1 ? y : box.y1;
			box.y2 = y + 1;
		}
	return box;
}

/* Nothing outside of the damage may have changed. */
static void check_outside(const struct picture *was, pixman_region32_t *damage)
{
	for (unsigned y = 0; y < was->height; y++)
		for (unsigned x = 0; x < was->width; x++)
			if (was->pixels[y * was->width + x] != pixel(x, y))
				assert_true(pixman_region32_contains_point(damage, x, y, NULL));
}

/* Every line of the damage has a change: it is no larger than lines make it. */
static void check_tight(const struct picture *was, pixman_region32_t *damage)
{
	int n;
	const pixman_box32_t *b = pixman_region32_rectangles(damage, &n);
	pixman_box32_t all;

	for (int i = 0; i < n; i++)
		for (int y = b[i].y1; y < b[i].y2; y++)
			assert_int_not_equal(memcmp(was->pixels + (size_t)y * was->width,
						    shown.pixels + (size_t)y * was->width,
						    was->width * sizeof(uint32_t)), 0);
	if (!n)
		return;
	all = changed_box(was, &shown);
	assert_memory_equal(&all, pixman_region32_extents(damage), sizeof(all));
}

static unsigned area(pixman_region32_t *damage)
{
	unsigned sum = 0;
	int n;
	const pixman_box32_t *b = pixman_region32_rectangles(damage, &n);

	for (int i = 0; i < n; i++)
		sum += (b[i].x2 - b[i].x1) * (b[i].y2 - b[i].y1);
	return sum;
}

static void take(struct scene *s, pixman_region32_t *damage)
{
	struct surface_look l;

	surface_take(s->t->surface, &s->w.viewer, damage, &l);
	surface_release(s->t->surface);
	look(s->t);
}

static void check_step(struct scene *s, const struct picture *was, bool text)
{
	pixman_region32_t damage;

	pixman_region32_init(&damage);
	take(s, &damage);
	assert_int_equal(shown.width, was->width);
	assert_int_equal(shown.height, was->height);
	check_outside(was, &damage);
	if (text) /* the cursor, where it was and where it is */
		assert_true(area(&damage) <= (s->writes + 2) * CELL);
	else
		check_tight(was, &damage);
	pixman_region32_fini(&damage);
}

/* --- the guest --- */

static void write_some(struct scene *s)
{
	s->writes = roll(s, 8);
	for (unsigned i = 0; i < s->writes; i++) {
		uint32_t at = s->base + roll(s, s->len), val = vga_random(&s->seed);

		if (s->by_itself)
			guest_writes(s->t, at, val);
		else if (s->base == B8000) /* nothing that blinks */
			rig_write(s->t->r, at & ~1u, val & 0x7fff, 2);
		else
			rig_write(s->t->r, at, val, 1);
	}
}

static void keep(struct picture *was)
{
	*was = shown;
	shown.pixels = NULL;
}

/* What is on the surface is what a drawing from nothing puts there. */
static void check_whole(struct scene *s)
{
	struct picture was;

	look(s->t);
	keep(&was);
	vga_set_watched(s->t->vga, false);
	refresh(s->t);
	assert_int_equal(shown.width, was.width);
	assert_int_equal(shown.height, was.height);
	assert_memory_equal(shown.pixels, was.pixels, (size_t)was.width * was.height * 4);
	free(was.pixels);
}

static void play_round(struct scene *s, bool text)
{
	pixman_region32_t damage;
	struct picture was;

	vga_set_watched(s->t->vga, true);
	rig_advance(s->t->r, 100 * NS_PER_MS);
	pixman_region32_init(&damage);
	take(s, &damage);
	pixman_region32_fini(&damage);
	for (unsigned i = 0; i < STEPS; i++) {
		keep(&was);
		write_some(s);
		if (text)
			set_crtc(s->t, 0x0f, roll(s, 256));
		rig_advance(s->t->r, (100 + roll(s, 400)) * NS_PER_MS);
		check_step(s, &was, text);
		free(was.pixels);
	}
	check_whole(s);
}

/* Other parts of memory show, elsewhere. */
static void move_picture(struct scene *s)
{
	if (s->by_itself) {
		set_vbe(s->t, X_OFFSET, roll(s, 16));
		set_vbe(s->t, Y_OFFSET, roll(s, 16));
		return;
	}
	set_crtc(s->t, 0x0d, roll(s, 256));
	set_crtc(s->t, 8, roll(s, 8));
	set_attr(s->t, 0x33, roll(s, 8));
	set_crtc(s->t, 0x11, 0);
	set_crtc(s->t, 0x18, roll(s, 256));
	set_crtc(s->t, 7, 0x1f & ~(roll(s, 2) << 4)); /* line compare's ninth bit */
}

static void play(struct scene *s, bool text)
{
	s->w.viewer.changed = watcher_changed;
	surface_attach(s->t->surface, &s->w.viewer);
	for (unsigned i = 0; i < ROUNDS; i++) {
		play_round(s, text);
		move_picture(s);
	}
	surface_detach(s->t->surface, &s->w.viewer);
}

/* --- scenes --- */

static void test_text(void **state)
{
	struct scene s = { .t = *state, .seed = 1, .base = B8000, .len = 8000 };

	start_text(s.t);
	set_crtc(s.t, 0x0a, 13);
	play(&s, true);
}

static void test_planes(void **state)
{
	struct scene s = { .t = *state, .seed = 2, .base = A0000, .len = 0xa000 };

	set_mode(s.t, &mode_12h);
	play(&s, false);
}

static void test_bytes(void **state)
{
	struct scene s = { .t = *state, .seed = 3, .base = A0000, .len = 64000 };

	set_mode(s.t, &mode_13h);
	play(&s, false);
}

static void test_four_colours(void **state)
{
	struct scene s = { .t = *state, .seed = 4, .base = B8000, .len = 0x4000 };

	set_mode(s.t, &mode_4);
	play(&s, false);
}

static void play_linear(struct vga_rig *t, unsigned bpp)
{
	struct scene s = { .t = t, .seed = bpp, .by_itself = true };

	use_log(t);
	set_mode(t, &mode_13h);
	set_vbe_mode(t, 333, 200, bpp);
	set_vbe(t, VIRT_WIDTH, 352);
	s.len = 352 * 216 * ((bpp + 7) / 8);
	play(&s, false);
}

static void test_linear(void **state)
{
	static const unsigned depth[] = { 8, 15, 16, 24, 32 };

	for (unsigned i = 0; i < sizeof(depth) / sizeof(depth[0]); i++)
		play_linear(*state, depth[i]);
}

/* Where all is compared, as without a log. */
static void test_compared(void **state)
{
	struct scene s = { .t = *state, .seed = 5, .base = LFB, .len = 640 * 4 * 100 };

	set_vbe_mode(s.t, 640, 100, 32);
	play(&s, false);
}

/* A framebuffer console's cursor: eight pixels by two, in the midst of a large picture. */
static void test_small_cursor(void **state)
{
	struct vga_rig *t = *state;
	struct watcher w = { .viewer.changed = watcher_changed };

	use_log(t);
	surface_attach(t->surface, &w.viewer);
	set_vbe_mode(t, 1024, 768, 32);
	vga_set_watched(t->vga, true);
	rig_advance(t->r, NS_PER_SEC);
	damage_of(t, &w);
	for (unsigned y = 414; y < 416; y++)
		for (unsigned i = 0; i < 8 * 4; i++)
			guest_writes(t, (y * 1024 + 80) * 4 + i, 0xaa);
	rig_advance(t->r, 100 * NS_PER_MS);
	check_damage(t, &w, 80, 414, 88, 416);
	surface_detach(t->surface, &w.viewer);
}

/* The hypervisor takes pages as written that are not: nobody is told anything. */
static void expect_nothing(struct vga_rig *t)
{
	struct watcher w = { .viewer.changed = watcher_changed };
	unsigned fetches = t->fetches;
	uint64_t frames;

	vga_set_watched(t->vga, true);
	surface_attach(t->surface, &w.viewer);
	rig_advance(t->r, NS_PER_SEC);
	damage_of(t, &w);
	w.told = 0;
	frames = vga_frames(t->vga);
	for (unsigned i = 0; i < 20; i++) {
		memset(t->log, 0xff, sizeof(t->log));
		guest_writes(t, 0, t->vram[0]); /* ends rest */
		rig_write(t->r, A0000, t->vram[0], 1); /* a look, in modes without rest */
		rig_advance(t->r, 100 * NS_PER_MS);
	}
	assert_true(t->fetches >= fetches + 20);
	assert_int_equal(w.told, 0);
	assert_int_equal(vga_frames(t->vga), frames);
	surface_detach(t->surface, &w.viewer);
	vga_set_watched(t->vga, false);
}

static void test_found_but_same(void **state)
{
	static const unsigned depth[] = { 8, 15, 16, 24, 32 };
	struct vga_rig *t = *state;
	uint32_t seed = 6;

	use_log(t);
	set_mode(t, &mode_12h);
	expect_nothing(t);
	for (unsigned i = 0; i < 2 * sizeof(depth) / sizeof(depth[0]); i++) {
		set_vbe_mode(t, 640, 480, depth[i / 2]);
		if (i & 1)
			set_vbe(t, VIRT_WIDTH, 656);
		for (unsigned at = 0; at < VRAM_LEN; at++)
			t->vram[at] = vga_random(&seed);
		expect_nothing(t);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, vga_rig_setup, look_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text),
		TEST(test_planes),
		TEST(test_bytes),
		TEST(test_four_colours),
		TEST(test_linear),
		TEST(test_compared),
		TEST(test_small_cursor),
		TEST(test_found_but_same),
	};

	return cmocka_run_group_tests_name("vga_damage", tests, NULL, NULL);
}
