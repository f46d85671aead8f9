/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest's process and the window's say to each other, one datagram each. Neither trusts
 * the other's numbers. The picture is in memory that both see; the guest's side writes it, and
 * only while no update is on its way, so that the window never draws half of a change.
 */
#ifndef SDL_WIRE_H
#define SDL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ui/surface.h"

enum { WIRE_BOXES = 64, WIRE_WHY = 240 };

/* Lines without gaps. Only what is written takes memory. */
#define WIRE_PICTURE_BYTES ((size_t)SURFACE_MAX_WIDTH * SURFACE_MAX_HEIGHT * sizeof(uint32_t))

/* To the window; the next one comes after WINDOW_DONE. */
struct window_update {
	uint32_t width, height; /* of the picture; 0: there is none yet */
	uint32_t leds;		/* INPUT_LED_* */
	uint32_t paused;
	uint32_t n_boxes; /* what changed */
	pixman_box32_t box[WIRE_BOXES];
};

enum window_says {
	WINDOW_READY,	 /* first of all; or: */
	WINDOW_FAILED,	 /* why; nothing follows */
	WINDOW_SHOWN,	 /* on: somebody can see it */
	WINDOW_DONE,	 /* with the last update */
	WINDOW_KEY,	 /* qnum, on: down */
	WINDOW_RELATIVE, /* x, y, wheel, buttons */
	WINDOW_ABSOLUTE, /* the same, in a picture of width, height */
	WINDOW_RELEASE,	 /* every key and button: the keyboard is somebody else's now */
	WINDOW_CLOSED,
};

struct window_event {
	uint32_t kind; /* enum window_says */
	uint32_t on, qnum, buttons;
	int32_t x, y, wheel;
	uint32_t width, height;
	char why[WIRE_WHY]; /* ends with a 0 */
};

/* window.c: the window's process, which never returns from here. Blocked signals stay blocked. */
void window_run(int sock, const uint32_t *pixels, const char *name) __attribute__((noreturn));

#endif
