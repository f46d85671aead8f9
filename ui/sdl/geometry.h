/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the guest's picture is in a window: as large as fits, in its own proportions, centred. */
#ifndef SDL_GEOMETRY_H
#define SDL_GEOMETRY_H

#include <pixman.h>
#include <stdbool.h>

/* All of them positive. Sizes are below 32768, as those of X windows and of pixman's pictures. */
struct size {
	int width, height;
};

struct fit {
	struct size picture;
	int x, y; /* of the picture's corner in the window */
	struct size shown;
};

struct fit fit_make(struct size picture, struct size window);
/* Whole pixels of the picture become whole blocks: nothing has to be smoothed. */
bool fit_is_exact(const struct fit *f);
/* The part of the window, within the picture, that a part of the picture has a say in. */
pixman_box32_t fit_box(const struct fit *f, const pixman_box32_t *part);
/* Which of the picture's pixels is at this place of the window; beside it, the nearest. */
void fit_point(const struct fit *f, int *x, int *y);

/* The window for a picture that is to be shown so much larger, on a screen with so much room. */
struct size window_size(struct size picture, double scale, struct size room);

#endif
