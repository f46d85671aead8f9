/* SPDX-License-Identifier: GPL-2.0-only */
/* What the display adapter's drawing tests share: looking at the picture, and text to look at. */
#ifndef TESTS_DEVICE_VGA_LOOK_H
#define TESTS_DEVICE_VGA_LOOK_H

#include "vga_rig.h"

struct picture {
	unsigned width, height;
	uint32_t *pixels;
};

static struct picture shown;

static inline void look(struct vga_rig *t)
{
	struct surface_look l;

	surface_take(t->surface, NULL, NULL, &l);
	free(shown.pixels);
	shown = (struct picture){ l.width, l.height, malloc((size_t)l.width * l.height * 4) };
	for (unsigned y = 0; y < l.height; y++)
		memcpy(shown.pixels + (size_t)y * l.width, l.pixels + (size_t)y * l.stride,
		       l.width * 4);
	surface_release(t->surface);
}

static inline void refresh(struct vga_rig *t)
{
	vga_refresh(t->vga);
	look(t);
}

static inline uint32_t pixel(unsigned x, unsigned y)
{
	assert_true(x < shown.width && y < shown.height);
	return shown.pixels[(size_t)y * shown.width + x];
}

static inline void check_size(unsigned width, unsigned height)
{
	assert_int_equal(shown.width, width);
	assert_int_equal(shown.height, height);
}

struct watcher {
	struct surface_viewer viewer;
	unsigned told;
};

static inline void watcher_changed(struct surface_viewer *v)
{
	((struct watcher *)v)->told++;
}

static inline pixman_box32_t damage_of(struct vga_rig *t, struct watcher *w)
{
	pixman_region32_t region;
	struct surface_look l;
	pixman_box32_t box;

	pixman_region32_init(&region);
	surface_take(t->surface, &w->viewer, &region, &l);
	surface_release(t->surface);
	box = *pixman_region32_extents(&region);
	pixman_region32_fini(&region);
	return box;
}

static inline unsigned damaged_pixels(struct vga_rig *t, struct watcher *w)
{
	pixman_region32_t region;
	struct surface_look l;
	unsigned sum = 0;
	pixman_box32_t *box;
	int n;

	pixman_region32_init(&region);
	surface_take(t->surface, &w->viewer, &region, &l);
	surface_release(t->surface);
	box = pixman_region32_rectangles(&region, &n);
	for (int i = 0; i < n; i++)
		sum += (box[i].x2 - box[i].x1) * (box[i].y2 - box[i].y1);
	pixman_region32_fini(&region);
	return sum;
}

static inline void check_damage(struct vga_rig *t, struct watcher *w, int x1, int y1, int x2,
				int y2)
{
	pixman_box32_t b = damage_of(t, w);

	assert_int_equal(b.x1, x1);
	assert_int_equal(b.y1, y1);
	assert_int_equal(b.x2, x2);
	assert_int_equal(b.y2, y2);
}

static inline int look_teardown(void **state)
{
	free(shown.pixels);
	shown = (struct picture){ 0 };
	return vga_rig_teardown(state);
}

/* --- memory that the guest writes by itself --- */

enum { TEXT_WINDOW = 0x8000 };

static inline bool is_text_window(const struct vram_look *look)
{
	return look->region && look->region->len == TEXT_WINDOW;
}

/* The hypervisor: a log, and rest at the first look that finds nothing. */
static inline int look_at_log(void *arg, struct vram_look *look)
{
	struct vga_rig *t = arg;
	bool text = is_text_window(look);
	unsigned words = text ? 1 : sizeof(t->log) / sizeof(t->log[0]);
	unsigned long *log = text ? &t->text_log : t->log, any = 0;

	t->fetches++;
	for (unsigned i = 0; i < words; i++) {
		look->bitmap[i] |= log[i];
		any |= log[i];
		log[i] = 0;
	}
	t->look = *look;
	t->idle = look->idle = look->rest && !any;
	return 0;
}

static inline void use_log(struct vga_rig *t)
{
	static const struct machine_ops ops = { .vram_look = look_at_log };

	machine_set_ops(t->r->m, &ops, t);
}

/* A write by the guest, which the hypervisor notes and nobody else hears of. */
static inline void guest_writes(struct vga_rig *t, uint32_t off, uint8_t val)
{
	t->vram[off] = val;
	t->log[off >> 12 >> 6] |= 1ul << (off >> 12 & 63);
	if (is_text_window(&t->look))
		return;
	if (t->idle)
		t->look.woken(t->look.dev);
	t->idle = false;
}

static inline bool text_is_direct(struct vga_rig *t)
{
	return space_find(machine_mem(t->r->m), B8000)->region->kind == REGION_RAM;
}

/* In text modes: without an exit, if the window is memory of the guest. */
static inline void guest_writes_text(struct vga_rig *t, unsigned off, uint64_t val, unsigned size)
{
	bool direct = text_is_direct(t);

	rig_write(t->r, B8000 + off, val, size);
	if (!direct)
		return;
	t->text_log |= 1ul << off / 4096 | 1ul << (off + size - 1) / 4096;
	if (!is_text_window(&t->look))
		return;
	if (t->idle)
		t->look.woken(t->look.dev);
	t->idle = false;
}

/* --- text --- */

enum { WHITE = 7, CURSOR_OFF_BIT = 0x20 };

/* The colour that a BIOS palette entry ends at in text modes: by way of the attribute registers. */
static inline uint32_t text_rgb(unsigned attr)
{
	return dac_rgb(mode_3.attr[attr]);
}

/* A font in which line i of character c is c ^ 37 * i, loaded as a BIOS does it. */
static inline uint8_t font_line(unsigned c, unsigned line)
{
	return c ^ 37 * line;
}

static inline void load_font(struct vga_rig *t, uint32_t at, uint8_t flip)
{
	set_seq(t, 2, 4);
	set_seq(t, 4, 7);
	set_gfx(t, 4, 2);
	set_gfx(t, 5, 0);
	set_gfx(t, 6, 4);
	for (unsigned c = 0; c < 256; c++)
		for (unsigned i = 0; i < 16; i++)
			rig_write(t->r, A0000 + at + c * 32 + i, font_line(c, i) ^ flip, 1);
	set_seq(t, 2, 3);
	set_seq(t, 4, 2);
	set_gfx(t, 4, 0);
	set_gfx(t, 5, 0x10);
	set_gfx(t, 6, 0x0e);
}

static inline void put(struct vga_rig *t, unsigned cell, uint8_t c, uint8_t attr)
{
	guest_writes_text(t, cell * 2, attr << 8 | c, 2);
}

static inline void start_text(struct vga_rig *t)
{
	set_mode(t, &mode_3);
	set_crtc(t, 0x0a, CURSOR_OFF_BIT);
	load_font(t, 0, 0);
	for (unsigned i = 0; i < 2000; i++)
		put(t, i, i * 7, WHITE);
}

/* Compares one character of 9 x 16 at (x, y) with the font. */
static inline void check_cell(unsigned x, unsigned y, uint8_t c, uint8_t flip, uint32_t fg,
			      uint32_t bg)
{
	for (unsigned j = 0; j < 16; j++) {
		unsigned bits = font_line(c, j) ^ flip;

		for (unsigned i = 0; i < 9; i++) {
			bool on = i < 8 ? bits >> (7 - i) & 1 : (c & 0xe0) == 0xc0 && (bits & 1);

			assert_int_equal(pixel(x + i, y + j), on ? fg : bg);
		}
	}
}

#endif
