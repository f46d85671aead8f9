/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the picture on a surface as a PNG. */
#ifndef UI_PNG_H
#define UI_PNG_H

struct surface;

/* To an open descriptor, which stays open. 0 or -errno. The surface is copied first, so that a
 * slow disk delays nobody. */
int png_write_surface(struct surface *s, int fd);

#endif
