// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pixels as a PNG file: 8 bits a channel, RGB, not interlaced.
 * Reference: libpng manual, "Writing".
 */
#include "ui/png.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct picture {
	const uint32_t *pixels;
	uint8_t *line; /* as the library wants it */
	unsigned width, height;
};

struct output {
	int fd;
	int err;
};

static const uint8_t *convert_line(const struct picture *p, unsigned y)
{
	const uint32_t *from = p->pixels + (size_t)y * p->width;
	uint8_t *to = p->line;

	for (unsigned x = 0; x < p->width; x++) {
		*to++ = from[x] >> 16;
		*to++ = from[x] >> 8;
		*to++ = from[x];
	}
	return p->line;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t n)
{
	struct output *out = png_get_io_ptr(png);
	ssize_t done;

	while (n) {
		done = write(out->fd, bytes, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			out->err = done < 0 ? -errno : -EIO;
			png_error(png, "write");
		}
		bytes += done;
		n -= (size_t)done;
	}
}

static void flush_bytes(png_structp png)
{
	(void)png;
}

static void on_error(png_structp png, png_const_charp what)
{
	(void)what;
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp what)
{
	(void)png;
	(void)what;
}

static void write_picture(png_structp png, png_infop info, const struct picture *p)
{
	unsigned y;

	png_set_IHDR(png, info, p->width, p->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
		     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_compression_level(png, 3); /* screens compress well; be quick about it */
	png_write_info(png, info);
	for (y = 0; y < p->height; y++)
		png_write_row(png, convert_line(p, y));
	png_write_end(png, NULL);
}

static int encode(const struct picture *p, struct output *out)
{
	png_structp png =
		png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
	png_infop info = png ? png_create_info_struct(png) : NULL;

	if (!info) {
		png_destroy_write_struct(&png, NULL);
		return -ENOMEM;
	}
	if (setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, &info);
		return out->err ? out->err : -EIO;
	}
	png_set_write_fn(png, out, write_bytes, flush_bytes);
	write_picture(png, info, p);
	png_destroy_write_struct(&png, &info);
	return 0;
}

int png_write(const uint32_t *pixels, unsigned width, unsigned height, int fd)
{
	struct output out = {.fd = fd};
	struct picture p = {pixels, malloc((size_t)width * 3), width, height};
	int err = p.line ? encode(&p, &out) : -ENOMEM;

	free(p.line);
	return err;
}
