/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window on the desktop that shows a surface and hands on input.
 *
 * The window belongs to a process of its own: the libraries that it takes, and a connection to a
 * desktop, with which one could read and type into every other window, stay out of the guest's
 * process and its sandbox. Between the two are a pair of sockets and the memory of the picture.
 */
#ifndef UI_SDL_H
#define UI_SDL_H

#include <stdbool.h>
#include <stdint.h>

struct surface;
struct input;
struct sdl;

struct sdl_options {
	const char *name;	    /* in the window's title */
	void (*closed)(void *arg); /* the user closed the window, which stays; on its own thread */
	void *arg;
};

/*
 * Makes the process, which begins to open the display. Before there are threads; descriptors that
 * are open stay out of it. 0 or -errno, with one sentence in *why (to be freed).
 */
int sdl_spawn(struct sdl **s, const struct sdl_options *opt, char **why);
/* Waits for the window and serves it, on a thread of its own. As sdl_spawn(). */
int sdl_start(struct sdl *s, struct surface *surface, struct input *in, char **why);
/* For the title. Any thread, does not block. */
void sdl_set_paused(struct sdl *s, bool paused);
void sdl_stop(struct sdl *s); /* also of one that was not started */

struct sdl_stats {
	bool shown;
	uint64_t wakeups, updates, pixels; /* of the guest's side, since the start */
};
void sdl_read_stats(const struct sdl *s, struct sdl_stats *st);

#endif
