/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A surface is the picture on the guest's monitor: 32-bit pixels (x8r8g8b8), one painter, any
 * number of viewers, each of which is told what changed since it last looked.
 *
 * Locking: a surface has one lock of its own, a leaf: between begin and end, and between take and
 * release, it is held and nothing may block or take another lock. Callbacks are made without it.
 */
#ifndef UI_SURFACE_H
#define UI_SURFACE_H

#include <pixman.h>
#include <stdbool.h>
#include <stdint.h>

struct surface;

enum { SURFACE_MAX_WIDTH = 16384, SURFACE_MAX_HEIGHT = 16384 };

struct surface *surface_create(void); /* 720x400, black; NULL: out of memory */
void surface_destroy(struct surface *s);

/* --- the painter's side --- */

/* Black, and every viewer is told. 0, -EINVAL for a size out of range, -ENOMEM (old size kept). */
int surface_resize(struct surface *s, unsigned width, unsigned height);
/* The pixels of the first line; lines are *stride pixels apart. Held until surface_end(). */
uint32_t *surface_begin(struct surface *s, unsigned *width, unsigned *height, unsigned *stride);
void surface_damage(struct surface *s, int x, int y, unsigned width, unsigned height);
void surface_end(struct surface *s);

/* fn hears when the first viewer comes and when the last has left, on the viewer's thread. */
void surface_set_painter(struct surface *s, void (*fn)(void *arg, bool watched), void *arg);

/* --- a viewer's side --- */

struct surface_viewer {
	/*
	 * Some damage, after none: any thread, must not block. Typically writes an eventfd. It may
	 * take the damage itself.
	 */
	void (*changed)(struct surface_viewer *v);
	/* the surface's own */
	pixman_region32_t damage;
	bool pending;
	struct surface_viewer *next;
};

/* From then on the viewer is told; at first everything counts as damaged. */
void surface_attach(struct surface *s, struct surface_viewer *v);
void surface_detach(struct surface *s, struct surface_viewer *v);

struct surface_look {
	const uint32_t *pixels;
	unsigned width, height, stride; /* stride in pixels */
};
/*
 * Moves the viewer's damage into *damage (initialised by the caller) and shows the pixels, which
 * stay until surface_release(). v may be NULL: then damage is not touched.
 */
void surface_take(struct surface *s, struct surface_viewer *v, pixman_region32_t *damage,
		  struct surface_look *look);
/* The same if the damage is of so many pixels at most; else false, and nothing is held or moved. */
bool surface_take_little(struct surface *s, struct surface_viewer *v, unsigned pixels,
			 pixman_region32_t *damage, struct surface_look *look);
void surface_release(struct surface *s);

#endif
