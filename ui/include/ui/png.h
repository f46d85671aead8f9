/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes pixels as a PNG. */
#ifndef UI_PNG_H
#define UI_PNG_H

#include <stdint.h>

/* Pixels as in ui/surface.h, without gaps, to an open descriptor, which stays open. 0 or -errno. */
int png_write(const uint32_t *pixels, unsigned width, unsigned height, int fd);

#endif
