// SPDX-License-Identifier: GPL-2.0-only
/* The window: its keys, its geometry, its drawing, and its process, on a display that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../ui/sdl/draw.h"
#include "../../ui/sdl/geometry.h"
#include "../../ui/sdl/keys.h"
#include "../../ui/sdl/wire.h"
#include "ui/input.h"
#include "ui/keymap.h"
#include "ui/sdl.h"
#include "ui/surface.h"

#include <SDL_scancode.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- keys --- */

/* The keys of a keyboard, by SDL's name and by that of the command line. */
static const struct {
	unsigned scancode;
	const char *name;
} named[] = {
	{SDL_SCANCODE_RETURN, "Return"},      {SDL_SCANCODE_ESCAPE, "Escape"},
	{SDL_SCANCODE_BACKSPACE, "BackSpace"}, {SDL_SCANCODE_TAB, "Tab"},
	{SDL_SCANCODE_SPACE, "space"},	       {SDL_SCANCODE_MINUS, "minus"},
	{SDL_SCANCODE_EQUALS, "equal"},	       {SDL_SCANCODE_LEFTBRACKET, "bracketleft"},
	{SDL_SCANCODE_RIGHTBRACKET, "bracketright"}, {SDL_SCANCODE_BACKSLASH, "backslash"},
	{SDL_SCANCODE_SEMICOLON, "semicolon"}, {SDL_SCANCODE_APOSTROPHE, "apostrophe"},
	{SDL_SCANCODE_GRAVE, "grave"},	       {SDL_SCANCODE_COMMA, "comma"},
	{SDL_SCANCODE_PERIOD, "period"},       {SDL_SCANCODE_SLASH, "slash"},
	{SDL_SCANCODE_CAPSLOCK, "Caps_Lock"},  {SDL_SCANCODE_PRINTSCREEN, "Print"},
	{SDL_SCANCODE_SCROLLLOCK, "Scroll_Lock"}, {SDL_SCANCODE_PAUSE, "Pause"},
	{SDL_SCANCODE_INSERT, "Insert"},       {SDL_SCANCODE_HOME, "Home"},
	{SDL_SCANCODE_PAGEUP, "Page_Up"},      {SDL_SCANCODE_DELETE, "Delete"},
	{SDL_SCANCODE_END, "End"},	       {SDL_SCANCODE_PAGEDOWN, "Page_Down"},
	{SDL_SCANCODE_RIGHT, "Right"},	       {SDL_SCANCODE_LEFT, "Left"},
	{SDL_SCANCODE_DOWN, "Down"},	       {SDL_SCANCODE_UP, "Up"},
	{SDL_SCANCODE_NUMLOCKCLEAR, "Num_Lock"}, {SDL_SCANCODE_KP_DIVIDE, "KP_Divide"},
	{SDL_SCANCODE_KP_MULTIPLY, "KP_Multiply"}, {SDL_SCANCODE_KP_MINUS, "KP_Subtract"},
	{SDL_SCANCODE_KP_PLUS, "KP_Add"},      {SDL_SCANCODE_KP_ENTER, "KP_Enter"},
	{SDL_SCANCODE_KP_0, "KP_0"},	       {SDL_SCANCODE_KP_PERIOD, "KP_Decimal"},
	{SDL_SCANCODE_NONUSBACKSLASH, "102nd"}, {SDL_SCANCODE_APPLICATION, "Menu"},
	{SDL_SCANCODE_LCTRL, "Control_L"},     {SDL_SCANCODE_LSHIFT, "Shift_L"},
	{SDL_SCANCODE_LALT, "Alt_L"},	       {SDL_SCANCODE_LGUI, "Super_L"},
	{SDL_SCANCODE_RCTRL, "Control_R"},     {SDL_SCANCODE_RSHIFT, "Shift_R"},
	{SDL_SCANCODE_RALT, "AltGr"},	       {SDL_SCANCODE_RGUI, "Super_R"},
	{SDL_SCANCODE_INTERNATIONAL1, "Ro"},   {SDL_SCANCODE_INTERNATIONAL2, "Hiragana_Katakana"},
	{SDL_SCANCODE_INTERNATIONAL3, "yen"},  {SDL_SCANCODE_INTERNATIONAL4, "Henkan"},
	{SDL_SCANCODE_INTERNATIONAL5, "Muhenkan"}, {SDL_SCANCODE_LANG1, "Hangul"},
	{SDL_SCANCODE_LANG2, "Hangul_Hanja"},  {SDL_SCANCODE_LANG3, "Katakana"},
	{SDL_SCANCODE_LANG4, "Hiragana"},      {SDL_SCANCODE_MUTE, "XF86AudioMute"},
	{SDL_SCANCODE_VOLUMEUP, "XF86AudioRaiseVolume"},
	{SDL_SCANCODE_VOLUMEDOWN, "XF86AudioLowerVolume"},
	{SDL_SCANCODE_AUDIOPLAY, "XF86AudioPlay"}, {SDL_SCANCODE_AUDIONEXT, "XF86AudioNext"},
	{SDL_SCANCODE_AC_BACK, "XF86Back"},    {SDL_SCANCODE_CALCULATOR, "XF86Calculator"},
	{SDL_SCANCODE_SLEEP, "XF86Sleep"},     {SDL_SCANCODE_POWER, "XF86PowerOff"},
};

static void test_named_keys(void **state)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		assert_int_not_equal(keymap_from_name(named[i].name), 0);
		assert_int_equal(keys_from_scancode(named[i].scancode),
				 keymap_from_name(named[i].name));
	}
}

static void expect_run(unsigned first, const char *const *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(keys_from_scancode(first + i), keymap_from_name(names[i]));
}

static void test_rows_of_keys(void **state)
{
	char text[26 + 10][5];
	const char *names[26];
	unsigned i;

	for (i = 0; i < 26; i++) {
		sprintf(text[i], "%c", 'a' + i);
		names[i] = text[i];
	}
	expect_run(SDL_SCANCODE_A, names, 26);
	for (i = 0; i < 10; i++)
		sprintf(text[i], "%u", (i + 1) % 10);
	expect_run(SDL_SCANCODE_1, names, 10);
	for (i = 0; i < 9; i++)
		sprintf(text[i], "KP_%u", i + 1);
	expect_run(SDL_SCANCODE_KP_1, names, 9);
	for (i = 0; i < 24; i++)
		sprintf(text[i], "F%u", i + 1);
	expect_run(SDL_SCANCODE_F1, names, 12);
	expect_run(SDL_SCANCODE_F13, names + 12, 12);
}

/* Two keys that are one here would be one with a typing error, but for those that are meant. */
static void test_keys_are_different(void **state)
{
	static const uint8_t shared[] = {0x2b, 0x54, 0xb8, 0xa0, 0xb2};
	unsigned uses[256] = {0};

	for (unsigned s = 0; s < SDL_NUM_SCANCODES + 10; s++)
		uses[keys_from_scancode(s)]++;
	for (unsigned q = 1; q < 256; q++)
		assert_true(uses[q] <= 1 || (uses[q] == 2 && memchr(shared, (int)q, 5)));
	assert_int_equal(keys_from_scancode(SDL_SCANCODE_UNKNOWN), 0);
}

enum { CTRL = 0x1d, RIGHT_CTRL = 0x9d, ALT = 0x38, ALTGR = 0xb8, F = 0x21, DEL = 0xd3 };

static void test_hotkeys(void **state)
{
	struct hotkeys h = {0};

	assert_int_equal(hotkeys_key(&h, CTRL, true), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, ALT, true), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, CTRL, false), HOTKEY_RELEASE);
	assert_int_equal(hotkeys_key(&h, ALT, false), HOTKEY_NONE);
	/* in the other order, with the other Ctrl */
	assert_int_equal(hotkeys_key(&h, ALT, true), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, RIGHT_CTRL, true), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, ALT, false), HOTKEY_RELEASE);
	assert_int_equal(hotkeys_key(&h, RIGHT_CTRL, false), HOTKEY_NONE);
}

static void test_hotkeys_of_the_guest(void **state)
{
	struct hotkeys h = {0};

	hotkeys_key(&h, CTRL, true);
	hotkeys_key(&h, ALT, true);
	assert_int_equal(hotkeys_key(&h, DEL, true), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, DEL, false), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, ALT, false), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, CTRL, false), HOTKEY_NONE);
	/* what types is no Alt, and one of the two alone is nothing */
	hotkeys_key(&h, CTRL, true);
	hotkeys_key(&h, ALTGR, true);
	assert_int_equal(hotkeys_key(&h, F, true), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, F, false), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, CTRL, false), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, ALTGR, false), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, F, true), HOTKEY_NONE);
}

static void test_hotkey_full_screen(void **state)
{
	struct hotkeys h = {0};

	hotkeys_key(&h, CTRL, true);
	hotkeys_key(&h, ALT, true);
	assert_int_equal(hotkeys_key(&h, F, true), HOTKEY_FULLSCREEN);
	assert_int_equal(hotkeys_key(&h, CTRL, false), HOTKEY_NONE);
	assert_int_equal(hotkeys_key(&h, ALT, false), HOTKEY_NONE);
	/* nor does the guest see a key come up that never went down there */
	assert_int_equal(hotkeys_key(&h, F, false), HOTKEY_SWALLOW);
	assert_int_equal(hotkeys_key(&h, F, true), HOTKEY_NONE);
}

/* --- geometry --- */

static struct size size(int width, int height)
{
	return (struct size){width, height};
}

static void expect_fit(struct size picture, struct size window, int x, int y, int w, int h)
{
	struct fit f = fit_make(picture, window);

	assert_int_equal(f.x, x);
	assert_int_equal(f.y, y);
	assert_int_equal(f.shown.width, w);
	assert_int_equal(f.shown.height, h);
}

static void test_fit(void **state)
{
	expect_fit(size(640, 480), size(640, 480), 0, 0, 640, 480);
	expect_fit(size(640, 480), size(1280, 960), 0, 0, 1280, 960);
	expect_fit(size(640, 480), size(1000, 480), 180, 0, 640, 480);
	expect_fit(size(640, 480), size(640, 1000), 0, 260, 640, 480);
	expect_fit(size(720, 400), size(1280, 1024), 0, 156, 1280, 711);
	expect_fit(size(16384, 1), size(160, 100), 0, 49, 160, 1);
	expect_fit(size(1, 16384), size(160, 100), 79, 0, 1, 100);
}

static void test_point(void **state)
{
	struct fit f = fit_make(size(640, 480), size(1480, 960));
	int x = 100, y = 0;

	fit_point(&f, &x, &y);
	assert_int_equal(x, 0);
	assert_int_equal(y, 0);
	x = 100 + 1279, y = 959;
	fit_point(&f, &x, &y);
	assert_int_equal(x, 639);
	assert_int_equal(y, 479);
	x = 100 + 641, y = 481;
	fit_point(&f, &x, &y);
	assert_int_equal(x, 320);
	assert_int_equal(y, 240);
	x = 3, y = 5000;
	fit_point(&f, &x, &y);
	assert_int_equal(x, 0);
	assert_int_equal(y, 479);
	x = -5, y = -1;
	fit_point(&f, &x, &y);
	assert_int_equal(x, 0);
	assert_int_equal(y, 0);
}

static void expect_window(struct size picture, double scale, struct size room, int w, int h)
{
	struct size s = window_size(picture, scale, room);

	assert_int_equal(s.width, w);
	assert_int_equal(s.height, h);
}

static void test_window_size(void **state)
{
	expect_window(size(640, 480), 1, size(1920, 1080), 640, 480);
	expect_window(size(640, 480), 1.5, size(1920, 1080), 960, 720);
	expect_window(size(640, 480), 0.5, size(1920, 1080), 320, 240);
	expect_window(size(1600, 1200), 1, size(1920, 1080), 1440, 1080);
	expect_window(size(2560, 1440), 2, size(1280, 1024), 1280, 720);
	expect_window(size(16384, 1), 1, size(1280, 1024), 1280, 1);
}

/* --- drawing --- */

struct canvas {
	SDL_PixelFormat format;
	SDL_Surface surface;
};

static void canvas_make(struct canvas *c, struct size s)
{
	*c = (struct canvas){.format = {.format = SDL_PIXELFORMAT_RGB888}};
	c->surface = (SDL_Surface){.w = s.width, .h = s.height, .pitch = s.width * 4};
	c->surface.format = &c->format;
	c->surface.pixels = test_calloc((size_t)s.width * (size_t)s.height, 4);
}

static uint32_t *noise(struct size s, unsigned seed)
{
	uint32_t *p = test_malloc((size_t)s.width * (size_t)s.height * 4);

	srandom(seed);
	for (int i = 0; i < s.width * s.height; i++)
		p[i] = (uint32_t)random() & 0xffffff;
	return p;
}

static void check_same(const struct canvas *a, const struct canvas *b)
{
	const uint32_t *p = a->surface.pixels, *q = b->surface.pixels;

	for (int i = 0; i < a->surface.w * a->surface.h; i++)
		assert_int_equal(p[i] & 0xffffff, q[i] & 0xffffff);
}

/* A window that was drawn part by part looks as one that was drawn at once. */
static void draw_in_parts(struct size picture, struct size window)
{
	struct fit f = fit_make(picture, window);
	pixman_box32_t whole = {0, 0, picture.width, picture.height};
	uint32_t *pixels = noise(picture, 1), *after = noise(picture, 2);
	struct canvas parts, once;

	canvas_make(&parts, window);
	canvas_make(&once, window);
	draw_part(&parts.surface, pixels, &f, &whole);
	for (unsigned n = 0; n < 40; n++) {
		int x = (int)(random() % picture.width), y = (int)(random() % picture.height);
		pixman_box32_t b = {x, y, x + 1 + (int)(random() % (picture.width - x)),
				    y + 1 + (int)(random() % (picture.height - y))};
		SDL_Rect r;

		for (y = b.y1; y < b.y2; y++)
			memcpy(pixels + y * picture.width + b.x1, after + y * picture.width + b.x1,
			       (size_t)(b.x2 - b.x1) * 4);
		r = draw_part(&parts.surface, pixels, &f, &b);
		assert_true(r.x >= f.x && r.y >= f.y && r.x + r.w <= f.x + f.shown.width &&
			    r.y + r.h <= f.y + f.shown.height);
	}
	draw_part(&once.surface, pixels, &f, &whole);
	check_same(&parts, &once);
	test_free(parts.surface.pixels);
	test_free(once.surface.pixels);
	test_free(pixels);
	test_free(after);
}

static void test_draw_in_parts(void **state)
{
	draw_in_parts(size(61, 43), size(61, 43));
	draw_in_parts(size(61, 43), size(183, 140));
	draw_in_parts(size(61, 43), size(100, 100));
	draw_in_parts(size(61, 43), size(501, 307));
	draw_in_parts(size(200, 131), size(97, 180));
	draw_in_parts(size(200, 131), size(40, 22));
	draw_in_parts(size(1, 1), size(160, 100));
}

static void test_draw_exact(void **state)
{
	uint32_t pixels[4] = {0x112233, 0x445566, 0x778899, 0xaabbcc};
	struct fit f = fit_make(size(2, 2), size(8, 6));
	pixman_box32_t whole = {0, 0, 2, 2};
	struct canvas c;

	canvas_make(&c, size(8, 6));
	draw_part(&c.surface, pixels, &f, &whole);
	for (int i = 0; i < 8 * 6; i++) {
		int x = i % 8 - 1, y = i / 8;
		uint32_t want = x < 0 || x >= 6 ? 0 : pixels[x / 3 + y / 3 * 2];

		assert_int_equal(((uint32_t *)c.surface.pixels)[i] & 0xffffff, want);
	}
	test_free(c.surface.pixels);
}

/* --- the process --- */

struct box {
	struct surface *surface;
	struct input *input;
	struct sdl *sdl;
};

static void no_key(void *arg, unsigned qnum, bool down)
{
}

static void no_movement(void *arg, int dx, int dy, int dz, unsigned buttons)
{
}

static void on_closed(void *arg)
{
}

static void spawn(struct box *b)
{
	struct input_sink sink = {.key = no_key, .relative = no_movement};
	struct sdl_options opt = {.name = "test", .closed = on_closed};
	char *why = NULL;

	b->surface = surface_create();
	b->input = input_create(&sink);
	assert_int_equal(sdl_spawn(&b->sdl, &opt, &why), 0);
}

static void finish(struct box *b)
{
	sdl_stop(b->sdl);
	while (wait(NULL) > 0)
		; /* the window ends by itself */
	input_destroy(b->input);
	surface_destroy(b->surface);
}

static struct sdl_stats stats(struct box *b)
{
	struct sdl_stats s;

	sdl_read_stats(b->sdl, &s);
	return s;
}

static void pause_shortly(void)
{
	struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

static void paint(struct box *b, int x, int y, unsigned width, unsigned height)
{
	unsigned w, h, stride;

	surface_begin(b->surface, &w, &h, &stride);
	surface_damage(b->surface, x, y, width, height);
	surface_end(b->surface);
}

static void wait_for_pixels(struct box *b, uint64_t n)
{
	while (stats(b).pixels < n)
		pause_shortly();
	assert_int_equal(stats(b).pixels, n);
}

static void start(struct box *b)
{
	char *why = NULL;

	setenv("SDL_VIDEODRIVER", "dummy", 1);
	spawn(b);
	assert_int_equal(sdl_start(b->sdl, b->surface, b->input, &why), 0);
	wait_for_pixels(b, 720 * 400);
}

/* A viewer like others: only what changed is copied, and sizes may change. */
static void test_window_views(void **state)
{
	struct box b;

	start(&b);
	assert_true(stats(&b).shown);
	paint(&b, 10, 10, 8, 16);
	wait_for_pixels(&b, 720 * 400 + 8 * 16);
	surface_resize(b.surface, 1024, 768);
	wait_for_pixels(&b, 720 * 400 + 8 * 16 + 1024 * 768);
	paint(&b, 1020, 760, 4, 8);
	wait_for_pixels(&b, 720 * 400 + 8 * 16 + 1024 * 768 + 32);
	sdl_set_paused(b.sdl, true);
	finish(&b);
}

/* The only child. */
static pid_t window_process(void)
{
	FILE *f = fopen("/proc/thread-self/children", "r");
	int pid = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

/* A desktop that ends takes the window along, and not the guest. */
static void test_window_dies(void **state)
{
	struct box b;

	start(&b);
	kill(window_process(), SIGKILL);
	while (stats(&b).shown)
		pause_shortly();
	paint(&b, 0, 0, 8, 16);
	sdl_set_paused(b.sdl, true);
	finish(&b);
}

static void expect_refusal(const char *words)
{
	char *why = NULL;
	struct box b;

	spawn(&b);
	assert_int_equal(sdl_start(b.sdl, b.surface, b.input, &why), -ENODEV);
	assert_non_null(why);
	assert_non_null(strstr(why, words));
	assert_non_null(strstr(why, "--vnc"));
	free(why);
	finish(&b);
}

static void test_no_display(void **state)
{
	unsetenv("SDL_VIDEODRIVER");
	unsetenv("DISPLAY");
	unsetenv("WAYLAND_DISPLAY");
	expect_refusal("neither DISPLAY nor WAYLAND_DISPLAY is set");
	setenv("DISPLAY", ":4711", 1);
	expect_refusal("DISPLAY=:4711");
	unsetenv("DISPLAY");
}

/* Never started: a failure elsewhere. */
static void test_stop_before_start(void **state)
{
	struct box b;

	setenv("SDL_VIDEODRIVER", "dummy", 1);
	spawn(&b);
	finish(&b);
	sdl_stop(NULL);
}

/* --- the window against a guest's process that has been taken over --- */

static void run_window_with(const void *message, size_t len)
{
	static uint32_t pixels[64 * 64];
	struct window_event e;
	int ends[2], status;
	pid_t pid;

	setenv("SDL_VIDEODRIVER", "dummy", 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	pid = fork();
	if (!pid) {
		close(ends[0]);
		window_run(ends[1], pixels, "test");
	}
	close(ends[1]);
	assert_int_equal(recv(ends[0], &e, sizeof(e), 0), sizeof(e));
	assert_int_equal(e.kind, WINDOW_READY);
	assert_int_equal(send(ends[0], message, len, 0), len);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(ends[0]);
}

/* None of these is drawn; the window ends, in order. */
static void test_window_checks(void **state)
{
	struct window_update good = {.width = 64, .height = 64, .n_boxes = 1}, bad = good;

	good.box[0] = bad.box[0] = (pixman_box32_t){0, 0, 64, 64};
	bad.width = 0;
	run_window_with(&bad, sizeof(bad));
	bad.width = SURFACE_MAX_WIDTH + 1;
	run_window_with(&bad, sizeof(bad));
	bad = good;
	bad.n_boxes = WIRE_BOXES + 1;
	run_window_with(&bad, sizeof(bad));
	bad = good;
	bad.box[0].x2 = 65;
	run_window_with(&bad, sizeof(bad));
	bad = good;
	bad.box[0].y1 = -1;
	run_window_with(&bad, sizeof(bad));
	bad = good;
	bad.box[0].x1 = 64;
	run_window_with(&bad, sizeof(bad));
	run_window_with(&good, sizeof(good) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named_keys),
		cmocka_unit_test(test_rows_of_keys),
		cmocka_unit_test(test_keys_are_different),
		cmocka_unit_test(test_hotkeys),
		cmocka_unit_test(test_hotkeys_of_the_guest),
		cmocka_unit_test(test_hotkey_full_screen),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_point),
		cmocka_unit_test(test_window_size),
		cmocka_unit_test(test_draw_in_parts),
		cmocka_unit_test(test_draw_exact),
		cmocka_unit_test(test_window_views),
		cmocka_unit_test(test_window_dies),
		cmocka_unit_test(test_no_display),
		cmocka_unit_test(test_stop_before_start),
		cmocka_unit_test(test_window_checks),
	};

	return cmocka_run_group_tests_name("sdl", tests, NULL, NULL);
}
