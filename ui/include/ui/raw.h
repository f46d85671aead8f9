/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the picture on a surface as plain pixels, for a process that makes an image of them. */
#ifndef UI_RAW_H
#define UI_RAW_H

struct surface;

/*
 * Pixels as in ui/surface.h, line after line without gaps, from the beginning of an open file,
 * which stays open. 0, with the size of the picture, or -errno.
 */
int raw_write_surface(struct surface *s, int fd, unsigned *width, unsigned *height);

#endif
