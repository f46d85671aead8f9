// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picture on a surface as plain pixels in a file. It is copied first: the surface's lock is
 * not held while anything is written.
 */
#include "ui/raw.h"

#include "ui/surface.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t *copy_pixels(struct surface *s, unsigned *width, unsigned *height)
{
	struct surface_look look;
	uint32_t *copy;

	surface_take(s, NULL, NULL, &look);
	copy = malloc((size_t)look.width * look.height * sizeof(*copy));
	for (unsigned y = 0; copy && y < look.height; y++)
		memcpy(copy + (size_t)y * look.width, look.pixels + (size_t)y * look.stride,
		       look.width * sizeof(*copy));
	*width = look.width;
	*height = look.height;
	surface_release(s);
	return copy;
}

static int write_all(int fd, const void *from, size_t n)
{
	const uint8_t *p = from;
	off_t at = 0;

	while (n) {
		ssize_t done = pwrite(fd, p, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int raw_write_surface(struct surface *s, int fd, unsigned *width, unsigned *height)
{
	uint32_t *pixels = copy_pixels(s, width, height);
	int err;

	if (!pixels)
		return -ENOMEM;
	err = write_all(fd, pixels, (size_t)*width * *height * sizeof(*pixels));
	free(pixels);
	return err;
}
