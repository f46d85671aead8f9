/* SPDX-License-Identifier: GPL-2.0-only */
/* Draws parts of the guest's picture into a window's pixels. */
#ifndef SDL_DRAW_H
#define SDL_DRAW_H

#include <SDL_surface.h>
#include <pixman.h>

#include "geometry.h"

/* False: this display's pixels are of a kind that nothing here can draw. */
bool draw_knows(const SDL_Surface *window);
/*
 * part: of the picture, within it. Scaled by whole numbers, pixels stay sharp; otherwise they are
 * smoothed. The result does not depend on the parts in which a picture is drawn. Gives the part of
 * the window that was touched, which is empty if memory ran out.
 */
SDL_Rect draw_part(SDL_Surface *window, const uint32_t *pixels, const struct fit *f,
		   const pixman_box32_t *part);

#endif
