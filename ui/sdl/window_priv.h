/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The window's process. Its first thread is the only one that calls SDL, but for one call: the
 * second waits for updates and hands each to the first as an event of SDL's. So both sleep without
 * a timeout while nothing happens.
 */
#ifndef SDL_WINDOW_PRIV_H
#define SDL_WINDOW_PRIV_H

#include <semaphore.h>

#include "geometry.h"
#include "keys.h"
#include "library.h"
#include "wire.h"

struct window {
	struct sdl_library sdl;
	SDL_Window *window;
	const char *name;
	int sock;
	const uint32_t *pixels; /* the guest's side writes them, see wire.h */

	struct size picture; /* width 0: none yet */
	double scale;	     /* as the user has it, apart from full screen and the like */
	bool stale;	     /* nothing of what the window shows is right */
	bool shown, paused;
	unsigned leds;

	struct hotkeys hotkeys;
	bool grabbed;
	bool pressed;	  /* the power button, and nothing since */
	bool caps_tried;  /* the guest has not answered the last Caps Lock */
	unsigned buttons; /* that the guest has seen go down */
	int x, y;	  /* the pointer, in the window */

	/* the reader's, until it has pushed an event; then the first thread's, until it posts */
	struct window_update incoming;
	ssize_t length;
	sem_t taken;
};

/* window.c */
void window_say(struct window *w, const struct window_event *e);
void window_set_title(struct window *w);
struct fit window_fit(struct window *w);

/* window_input.c: everything that the user does but to the window's size and place. */
void window_input(struct window *w, const SDL_Event *e);
void window_focus(struct window *w, bool gained);

#endif
